/* SPDX-License-Identifier: ISC */
/* A queue of bytes to send, in order: short pieces are copied in, long ones only pointed
 * to. Nothing here does any I/O. */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buf.h"

struct out_part {
	const unsigned char *src; /* NULL: the bytes are the next ones in out.buf */
	size_t period;            /* length of src, which repeats without end */
	uint64_t at;              /* position in the repetition of src */
	uint64_t left;            /* bytes still to send */
};

struct out {
	struct buf buf;
	size_t at;             /* of the first byte in buf that is not sent */
	struct out_part *part; /* first .. n-1 are pending; an empty queue starts over */
	size_t first, n, cap;
	uint64_t pending; /* bytes still to send, all parts */
	bool failed;      /* out of memory: the stream can't go on */
	size_t reserve;   /* bytes of memory to keep when all is sent (a little always
			   * stays), for a sender of equally long messages */
};

/* Append n bytes, copied. Lack of memory sets o->failed. */
void out_add(struct out *o, const void *p, size_t n);
void out_text(struct out *o, const char *s);

/* At most 1023 bytes: a longer text is not appended, and sets o->failed. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void
out_printf(struct out *o, const char *fmt, ...);

/* Bytes of memory that it takes: what it only points to is not counted. */
static inline size_t
out_held(const struct out *o)
{
	return o->buf.n + o->n * sizeof *o->part;
}

/* To write in place: append to that buffer, which is o->buf, and queue what was appended, its last
 * n bytes, before anything else is. */
struct buf *out_buf(struct out *o);
void out_queue(struct out *o, size_t n);

/* Append n bytes read from the endless repetition of src[0..period-1], from
 * position at on (period > 0). src is borrowed until the bytes are sent; up to 1024 are copied. */
void out_cycle(struct out *o, const void *src, size_t period, uint64_t at, uint64_t n);

/* Describe up to max pieces of what comes next; returns their number. */
int out_iov(const struct out *o, struct iovec *iov, int max);

/* The first n of those bytes have been sent. */
void out_sent(struct out *o, size_t n);

/* If both are empty, each gets the memory of the other: of many that are empty for the most part
 * all can do with one's. */
static inline void
out_swap(struct out *a, struct out *b)
{
	struct out was = *a;

	if (a->pending + b->pending + a->buf.n + b->buf.n > 0 || a->buf.failed)
		return;
	a->buf.p = b->buf.p;
	a->buf.cap = b->buf.cap;
	a->part = b->part;
	a->cap = b->cap;
	b->buf.p = was.buf.p;
	b->buf.cap = was.buf.cap;
	b->part = was.part;
	b->cap = was.cap;
}

void out_free(struct out *o);

#endif
