/* SPDX-License-Identifier: ISC */
/* What the fuzz targets of HTTP share: a head that comes in pieces, and a body's framing. */
#ifndef FUZZ_HTTP_H
#define FUZZ_HTTP_H

#include "fuzz.h"

#include "http/message.h"

#define FUZZ_HEAD_MAX 4096

/* Does the span lie within the bytes at p[n]? An empty one may lie anywhere. */
static inline bool
fuzz_within(struct http_span s, const unsigned char *p, size_t n)
{
	return s.n == 0 || ((const unsigned char *)s.p >= p &&
	    (const unsigned char *)s.p + s.n <= p + n);
}

/* Gather a head from p[n] in pieces; what it says, how many bytes were taken, and a copy of
 * the head, to be freed. */
static inline enum http_gathered
fuzz_gather(const uint8_t *p, size_t n, uint32_t seed, size_t *taken, unsigned char **head,
	size_t *len)
{
	struct http_gather g;
	enum http_gathered found = HTTP_MORE;
	const unsigned char *at = NULL;
	unsigned char *piece;
	size_t k, t;

	memset(&g, 0, sizeof g);
	*taken = 0;
	*head = NULL;
	while (found == HTTP_MORE && *taken < n) {
		k = fuzz_piece(&seed, n - *taken);
		piece = fuzz_copy(p + *taken, k);
		found = http_gather(&g, piece, k, FUZZ_HEAD_MAX, &t, &at, len);
		must(t <= k && (found != HTTP_MORE || t == k), "gather: bytes taken");
		must(g.buf.n <= FUZZ_HEAD_MAX, "gather: too much is held");
		*taken += t;
		if (found == HTTP_COMPLETE) {
			must(*len > 0 && at[*len - 1] == '\n' && *len == *taken, "gather: the head");
			*head = fuzz_copy(at, *len);
		}
		free(piece);
	}
	http_gather_free(&g);
	return found;
}

/* Fields that contradict each other are no fields. */
static inline void
fuzz_fields(const struct http_fields *f, const unsigned char *head, size_t len)
{
	must(!(f->sized && f->chunked), "both lengths");
	must(f->sized || f->length == 0, "a length from nowhere");
	must(fuzz_within(f->type, head, len), "the type is elsewhere");
}

#endif
