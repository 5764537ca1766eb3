/* SPDX-License-Identifier: ISC */
/* UTF-8 (RFC 3629). */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text that is checked by the piece; begin with a zeroed struct. */
struct utf8 {
	uint64_t chars; /* begun so far */
	unsigned left;  /* continuation bytes due, and the range of the first */
	unsigned char low, high;
};

bool utf8(struct utf8 *, const unsigned char *p, size_t n);

/* The bytes of the character that the n bytes at p begin with, or 0: it is none. */
size_t utf8_char(const unsigned char *p, size_t n);

#endif
