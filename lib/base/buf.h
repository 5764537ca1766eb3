/* SPDX-License-Identifier: ISC */
/* Arrays that grow, and a buffer of bytes that does. */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Make room for n elements of size bytes in an allocated array that has room for *cap: twice as
 * many until that is enough. Returns the array, which may have moved, and sets *cap; NULL: out of
 * memory, and all is as it was. */
void *array_room(void *array, size_t *cap, size_t n, size_t size);

struct buf {
	unsigned char *p; /* owned; NULL while cap is 0 */
	size_t n;         /* bytes in use */
	size_t cap;       /* bytes allocated */
	bool failed;      /* an append ran out of memory; sticky until buf_free */
};

/* All appends: on lack of memory nothing is appended and b->failed is set, so
 * that a writer may append many times and check once. */

/* Make room for n more bytes; returns where they go, or NULL. b->n is unchanged. The pointer is
 * valid until the next append. */
unsigned char *buf_room(struct buf *b, size_t n);

/* Append text, without its NUL. */
void buf_text(struct buf *b, const char *s);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void
buf_printf(struct buf *b, const char *fmt, ...);

/* Inline: messages are made of small pieces, and usually there is room. */
void buf_grow(struct buf *b, const void *p, size_t n); /* append, room or not */

static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n > 0 && n <= b->cap - b->n) {
		memcpy(b->p + b->n, p, n);
		b->n += n;
	} else {
		buf_grow(b, p, n);
	}
}

static inline void
buf_byte(struct buf *b, unsigned char c)
{
	if (b->n < b->cap)
		b->p[b->n++] = c;
	else
		buf_grow(b, &c, 1);
}

/* Empty the buffer. Its memory is freed if it is larger than reserve bytes. */
void buf_clear(struct buf *b, size_t reserve);
void buf_free(struct buf *b);

#endif
