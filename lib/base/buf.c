/* SPDX-License-Identifier: ISC */
/* Arrays that grow, and a buffer of bytes that does. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 128 /* of an array, or what one element takes */

void *
array_room(void *array, size_t *cap, size_t n, size_t size)
{
	size_t more = *cap ? *cap : (FIRST_BYTES + size - 1) / size;
	void *p;

	if (array && n <= *cap)
		return array;
	if (n > SIZE_MAX / 2 / size)
		return NULL;
	while (more < n)
		more *= 2;
	if ((p = realloc(array, more * size)))
		*cap = more;
	return p;
}

unsigned char *
buf_room(struct buf *b, size_t n)
{
	unsigned char *p = NULL;

	if (n <= SIZE_MAX - b->n)
		p = array_room(b->p, &b->cap, b->n + n, 1);
	if (!p) {
		b->failed = true;
		return NULL;
	}
	b->p = p;
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
