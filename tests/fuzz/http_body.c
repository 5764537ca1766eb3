/* SPDX-License-Identifier: ISC */
/* Fuzz target for bodies. Two bytes choose the framing and seed the sizes of the pieces in which
 * it comes: in one piece the content must be the same. Then the bytes are content, cut into
 * chunks as they come, and must be found in them again. */
#include "fuzz_http.h"

struct taken {
	struct http_body b;
	size_t n;
	struct fuzz_sum content;
};

static void
take(struct taken *t, enum http_framing framing, uint64_t length, const uint8_t *p, size_t n,
    uint32_t seed)
{
	const unsigned char *run;
	unsigned char *piece;
	size_t k, run_n, taken, at;

	memset(t, 0, sizeof *t);
	http_body_init(&t->b, framing, length);
	while (t->n < n && !t->b.done && !t->b.error) {
		k = fuzz_piece(&seed, n - t->n);
		piece = fuzz_copy(p + t->n, k);
		for (at = 0; at < k && !t->b.done && !t->b.error; at += taken) {
			taken = http_body_take(&t->b, piece + at, k - at, &run, &run_n);
			must(taken > 0 && taken <= k - at, "bytes taken");
			must(run_n == 0 || (run >= piece + at && run + run_n <= piece + at + taken),
			    "the run is elsewhere");
			fuzz_sum_add(&t->content, run, run_n);
		}
		t->n += at;
		free(piece);
	}
	must(!(t->b.done && t->b.error), "done and in error");
	must(!t->b.error || fuzz_line(t->b.error), "an error without a text");
	if (t->b.done || t->b.error)
		must(http_body_take(&t->b, p, n, &run, &run_n) == 0 && run_n == 0,
		    "something is taken behind the end");
}

static void
chunked_again(const uint8_t *p, size_t n, uint32_t seed)
{
	struct fuzz_sum content = { 0, 0 };
	uint32_t sizes = seed, pieces = seed * 77 + 1;
	unsigned char *text = malloc(7 * n + 20);
	struct taken t;
	size_t k, i, at = 0;

	must(text != NULL, "memory");
	for (i = 0; i < n; i += k) {
		k = fuzz_piece(&sizes, n - i);
		at += (size_t)sprintf((char *)text + at, sizes & 1 ? "%zx\r\n" : "%zX\r\n", k);
		memcpy(text + at, p + i, k);
		at += k;
		memcpy(text + at, "\r\n", 2);
		at += 2;
	}
	memcpy(text + at, "0\r\n\r\n", 5);
	at += 5;
	take(&t, HTTP_CHUNKED, 0, text, at, pieces);
	fuzz_sum_add(&content, p, n);
	must(t.b.done && t.n == at && fuzz_sum_equal(&t.content, &content),
	    "chunks read back as something else");
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint64_t lengths[] = { 0, 1, 5, 1000, UINT64_MAX };
	enum http_framing framing;
	struct taken whole, pieces;
	uint64_t length;

	if (n < 2)
		return 0;
	framing = (enum http_framing)(p[0] % 3);
	length = lengths[p[0] / 3 % 5];
	take(&whole, framing, length, p + 2, n - 2, 0);
	take(&pieces, framing, length, p + 2, n - 2, 1 + p[1]);
	must(whole.n == pieces.n && whole.b.done == pieces.b.done && whole.b.error == pieces.b.error
		&& whole.b.left == pieces.b.left,
	    "the verdict depends on the pieces");
	must(fuzz_sum_equal(&whole.content, &pieces.content), "the content depends on the pieces");
	if (framing == HTTP_SIZED)
		must(whole.n == (n - 2 < length ? n - 2 : length), "the length");
	chunked_again(p + 2, n - 2, 1 + p[1]);
	return 0;
}
