/* SPDX-License-Identifier: ISC */
/* A queue of bytes to send. */
#include "base/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An empty queue keeps this much memory for the next message: little, as there may be many
 * idle connections. */
#define RESERVE_BYTES 512
#define RESERVE_PARTS 4

#define COPY_MAX 1024 /* a longer piece is worth an entry of its own */

/* A queue that grows as fast as it is sent never becomes empty: bytes already sent make room
 * once they are half of what is held. */
static void
pack_buf(struct out *o)
{
	if (o->at < o->buf.n - o->at)
		return;
	o->buf.n -= o->at;
	memmove(o->buf.p, o->buf.p + o->at, o->buf.n);
	o->at = 0;
}

/* The same for parts. */
static struct out_part *
new_part(struct out *o)
{
	struct out_part *p = o->part;

	if (o->n < o->cap)
		return &p[o->n++];
	if (o->n > 0 && o->first >= o->n - o->first) {
		o->n -= o->first;
		memmove(p, p + o->first, o->n * sizeof *p);
		o->first = 0;
	} else if ((p = array_room(p, &o->cap, o->n + 1, sizeof *p))) {
		o->part = p;
	} else {
		o->failed = true;
		return NULL;
	}
	return &p[o->n++];
}

struct buf *
out_buf(struct out *o)
{
	if (o->buf.n > o->buf.cap / 2)
		pack_buf(o);
	return &o->buf;
}

void
out_queue(struct out *o, size_t n)
{
	struct out_part *p;

	if (o->buf.failed)
		o->failed = true;
	if (n == 0 || o->failed)
		return;
	/* bytes of buf that follow each other are one part, unless a source lies between */
	if (o->n > o->first && !o->part[o->n - 1].src) {
		o->part[o->n - 1].left += n;
	} else {
		if (!(p = new_part(o)))
			return;
		*p = (struct out_part){ .left = n };
	}
	o->pending += n;
}

void
out_add(struct out *o, const void *p, size_t n)
{
	if (o->buf.cap - o->buf.n < n && o->buf.n > 0)
		pack_buf(o);
	buf_add(&o->buf, p, n);
	out_queue(o, n);
}

void
out_text(struct out *o, const char *s)
{
	out_add(o, s, strlen(s));
}

void
out_printf(struct out *o, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof text)
		o->failed = true;
	else
		out_add(o, text, (size_t)n);
}

void
out_cycle(struct out *o, const void *src, size_t period, uint64_t at, uint64_t n)
{
	struct out_part *p;
	size_t k;

	for (at %= period; n > 0 && n <= COPY_MAX; n -= k, at = 0) {
		k = period - at < n ? period - (size_t)at : (size_t)n;
		out_add(o, (const unsigned char *)src + at, k);
	}
	if (n == 0 || !(p = new_part(o)))
		return;
	*p = (struct out_part){ src, period, at, n };
	o->pending += n;
}

int
out_iov(const struct out *o, struct iovec *iov, int max)
{
	const struct out_part *p;
	uint64_t at, left;
	size_t i, n, copied = o->at;
	int k = 0;

	for (i = o->first; i < o->n && k < max; i++) {
		p = &o->part[i];
		at = p->at;
		left = p->left;
		if (!p->src) {
			iov[k].iov_base = o->buf.p + copied;
			iov[k++].iov_len = (size_t)left;
			copied += (size_t)left;
			continue;
		}
		for (; left > 0 && k < max; k++) {
			n = p->period - (size_t)at;
			if (n > left)
				n = (size_t)left;
			iov[k].iov_base = (void *)(uintptr_t)(p->src + at);
			iov[k].iov_len = n;
			left -= n;
			at = 0;
		}
	}
	return k;
}

/* All is sent. */
static void
start_over(struct out *o)
{
	buf_clear(&o->buf, o->reserve > RESERVE_BYTES ? o->reserve : RESERVE_BYTES);
	o->at = o->first = o->n = 0;
	if (o->cap > RESERVE_PARTS && o->cap * sizeof *o->part > o->reserve) {
		free(o->part);
		o->part = NULL;
		o->cap = 0;
	}
}

void
out_sent(struct out *o, size_t n)
{
	struct out_part *p;
	uint64_t k;

	o->pending -= n;
	if (o->pending == 0) {
		start_over(o);
		return;
	}
	for (; n > 0; n -= (size_t)k) {
		p = &o->part[o->first];
		k = n < p->left ? n : p->left;
		p->left -= k;
		if (p->src)
			p->at = (p->at + k) % p->period;
		else
			o->at += (size_t)k;
		if (p->left == 0)
			o->first++;
	}
}

void
out_free(struct out *o)
{
	buf_free(&o->buf);
	free(o->part);
	memset(o, 0, sizeof *o);
}
