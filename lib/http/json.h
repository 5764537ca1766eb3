/* SPDX-License-Identifier: ISC */
/* The JSON of the service, and hex: read and written as streams. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Write n bytes of src as 2n lower case hex digits. */
void hex_encode(char *dst, const void *src, size_t n);

/* A reader of {"chunks":["hex",...]}, a document of any length that arrives in pieces of any
 * size. It checks every byte and holds none. Exactly this shape is accepted (blanks wherever JSON
 * has them, \uXXXX where a digit or letter may be): other members, and values that aren't strings
 * of hex, are errors. All zero to begin with, but for chunk. */
struct json_chunks {
	uint64_t chunk;    /* if not 0: what each string but the last has to decode to, and
			    * the last at most */
	uint64_t bytes;    /* decoded so far */
	uint64_t strings;  /* complete so far */
	uint64_t current;  /* bytes of the current string, or the last one */
	uint64_t at;       /* characters of the document read so far */
	const char *error; /* NULL, or what is wrong; nothing is taken from there on */
	unsigned char state;
	unsigned char high; /* first digit of a byte whose second is to come, or 0 */
	unsigned escape;    /* in an escape sequence: what came of it; else 0 */
};

/* Take n characters at p. Decoded bytes go to dst[room] and their number to *got;
 * dst NULL: they are only counted. Returns how many characters were taken: fewer than n when
 * dst is full (call again with the rest) or on an error. */
size_t json_chunks_take(struct json_chunks *, const void *p, size_t n, void *dst, size_t room,
    size_t *got);

/* The document has ended: NULL, or what is wrong with it. */
const char *json_chunks_end(const struct json_chunks *);

/* The length of the document without blanks that holds n bytes in strings of chunk bytes
 * (not 0), the last one shorter. n at most UINT64_MAX / 8. */
uint64_t json_chunks_length(uint64_t n, uint64_t chunk);
#define JSON_CHUNKS_OPEN "{\"chunks\":["
#define JSON_CHUNKS_CLOSE "]}"

/* Short documents held in memory: an object whose member key is a number of plain
 * digits (set *v), or the text want. Other members are skipped, whatever they are.
 * NULL, or what is wrong as a static text. */
const char *json_count(const void *p, size_t n, const char *key, uint64_t *v);
const char *json_text(const void *p, size_t n, const char *key, const char *want);

#endif
