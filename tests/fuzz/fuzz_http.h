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
	return s.n == 0
	    || ((const unsigned char *)s.p >= p && (const unsigned char *)s.p + s.n <= p + n);
}

/* Gather a head from p[n] in pieces; is it complete, how many bytes were taken, and a copy of the
 * head, to be freed. */
static inline bool
fuzz_gather(const uint8_t *p, size_t n, uint32_t seed, size_t *taken, unsigned char **copy,
    size_t *len)
{
	struct buf held;
	struct http_span head;
	unsigned char *piece;
	bool found = false;
	size_t k, t;

	memset(&held, 0, sizeof held);
	*taken = 0;
	*copy = NULL;
	while (!found && held.n < FUZZ_HEAD_MAX && *taken < n) {
		k = fuzz_piece(&seed, n - *taken);
		piece = fuzz_copy(p + *taken, k);
		found = http_gather(&held, piece, k, FUZZ_HEAD_MAX, &t, &head);
		must(t <= k && (found || t == k || held.n == FUZZ_HEAD_MAX), "gather: bytes taken");
		must(held.n <= FUZZ_HEAD_MAX, "gather: too much is held");
		*taken += t;
		if (found) {
			must(head.n > 0 && head.p[head.n - 1] == '\n' && head.n == *taken,
			    "gather: the head");
			*copy = fuzz_copy((const uint8_t *)head.p, head.n);
			*len = head.n;
		}
		free(piece);
	}
	buf_free(&held);
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
