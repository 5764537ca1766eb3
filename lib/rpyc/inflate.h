/* SPDX-License-Identifier: ISC */
/* Decoder of zlib streams (RFC 1950 around RFC 1951), by the piece.
 *
 * RPyC's stock peers compress every frame of more than 3000 bytes, so one that talks to
 * them has to inflate, but never to deflate. This decoder does no I/O and allocates
 * nothing; it accepts what zlib accepts, and refuses preset dictionaries. */
#ifndef INFLATE_H
#define INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INFLATE_HISTORY 32768 /* how far back a stream may refer */
#define INFLATE_WINDOW (INFLATE_HISTORY + 8192)
#define INFLATE_FAST_BITS 10 /* codes up to this long are found in one step */
#define INFLATE_LITERALS 288
#define INFLATE_DISTANCES 32

enum inflate_status {
	INFLATE_INPUT,  /* all input is taken, more is needed */
	INFLATE_OUTPUT, /* a piece of output is at hand */
	INFLATE_DONE,   /* the end, with the right checksum */
	INFLATE_BAD     /* this is no zlib stream */
};

struct inflate_code {
	/* by the next bits: symbol << 4 | length, or 0 if the code is longer */
	uint16_t fast[1 << INFLATE_FAST_BITS];
	uint16_t count[16];                /* of codes by length */
	uint16_t symbol[INFLATE_LITERALS]; /* in order of their codes */
};

/* About 46 KB. The fields are the decoder's own. */
struct inflate {
	int state;
	bool last;    /* no block follows this one */
	bool fixed;   /* the codes are those of fixed blocks */
	bool wrapped; /* the window has been filled before */
	const unsigned char *in;
	size_t in_left;
	uint64_t bits;      /* the next bits of the stream, lowest first */
	unsigned nbits;     /* how many of these are taken from the input */
	size_t at, given;   /* in window: end of output, end of what was handed out */
	unsigned len, dist; /* of a copy under way; len: of a stored block too */
	unsigned nlit, ndist, ncode, have; /* of a dynamic block's lengths */
	uint32_t a, b;                     /* Adler-32 of what was handed out */
	unsigned char length[INFLATE_LITERALS + INFLATE_DISTANCES];
	struct inflate_code lit, distance;
	unsigned char window[INFLATE_WINDOW];
};

void inflate_init(struct inflate *);

/* Decode on. Takes input from *in, *in_left and moves both on; bytes behind the end of the
 * stream are left alone. With INFLATE_OUTPUT, *out and *out_n are bytes that stay valid
 * until the next call: to be called again, even with no input left, until it says something
 * else. Bytes handed out are not verified before INFLATE_DONE. DONE and BAD are for good. */
enum inflate_status inflate_run(struct inflate *, const unsigned char **in, size_t *in_left,
    const unsigned char **out, size_t *out_n);

#endif
