/* SPDX-License-Identifier: ISC */
/* The bytes that uploads and echoes consist of. */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A payload of any size is the endless repetition of data[0..period-1], cut off. */
struct payload {
	const unsigned char *data;
	size_t period;
	bool mapped;   /* data is a mapped file, not allocated memory */
	size_t length; /* of the file */
};

#define PAYLOAD_PERIOD ((size_t)1 << 20)
#define PAYLOAD_FILE_MAX ((size_t)1 << 30) /* of a file that can't be mapped */

/* PAYLOAD_PERIOD pseudo-random bytes (the same each time; the period is far beyond the
 * window of any deflate, so that repetition doesn't make them compressible), or zeros.
 * 0, or -1: no memory. */
int payload_random(struct payload *);
int payload_zeros(struct payload *);

/* The content of a file: a regular one is mapped (and must not shrink while it is in use),
 * others - a pipe, "-" for standard input - are read into memory up to PAYLOAD_FILE_MAX.
 * Short content is held several times over, so that the period is never tiny. Returns NULL,
 * or what is wrong (static text or strerror); an empty file is wrong. errno is ENOMEM then if
 * memory ran out. */
const char *payload_file(struct payload *, const char *path);

/* Do the n bytes at p equal the payload from position at on? */
bool payload_equal(const struct payload *, uint64_t at, const void *p, size_t n);

void payload_free(struct payload *);

#endif
