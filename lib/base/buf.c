/* SPDX-License-Identifier: ISC */
/* A growable byte buffer. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned char *
buf_room(struct buf *b, size_t n)
{
	unsigned char *p;
	size_t cap;

	if (b->cap - b->n >= n && b->p)
		return b->p + b->n;
	if (n > SIZE_MAX / 2 - b->n) {
		b->failed = true;
		return NULL;
	}
	for (cap = b->cap ? b->cap : 256; cap < b->n + n; cap *= 2)
		;
	if (!(p = realloc(b->p, cap))) {
		b->failed = true;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return p + b->n;
}

void
buf_grow(struct buf *b, const void *p, size_t n)
{
	unsigned char *to;

	if (n > 0 && (to = buf_room(b, n))) {
		memcpy(to, p, n);
		b->n += n;
	}
}

void
buf_text(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	unsigned char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !(to = buf_room(b, (size_t)n + 1))) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void
buf_clear(struct buf *b, size_t reserve)
{
	if (b->cap > reserve)
		buf_free(b);
	else
		b->n = 0;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	memset(b, 0, sizeof *b);
}
