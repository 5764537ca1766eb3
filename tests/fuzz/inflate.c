/* SPDX-License-Identifier: ISC */
/* Fuzz target for the decoder of zlib streams. The first byte seeds the sizes of the pieces in
 * which the stream comes; in one piece it must decode to the same.
 * (Whether that is right is for tests/peers/inflate_check.py to say, which asks zlib.) */
#include "fuzz.h"

#include "rpyc/inflate.h"

#define OUT_MAX ((uint64_t)1 << 22) /* a stream that goes on and on is left */

struct decoded {
	enum inflate_status status;
	size_t taken;
	struct fuzz_sum out;
};

static void
decode(struct decoded *d, const uint8_t *stream, size_t n, uint32_t seed)
{
	struct inflate *z = malloc(sizeof *z);
	const unsigned char *p, *out;
	unsigned char *piece;
	size_t k, left, out_n, at = 0;

	must(z != NULL, "memory");
	memset(d, 0, sizeof *d);
	inflate_init(z);
	do {
		k = at < n ? fuzz_piece(&seed, n - at) : 0;
		p = piece = fuzz_copy(stream + at, k);
		left = k;
		do {
			d->status = inflate_run(z, &p, &left, &out, &out_n);
			must(left <= k && p == piece + (k - left), "the place in the input");
			if (d->status != INFLATE_OUTPUT)
				break;
			must(out_n > 0 && out_n <= INFLATE_WINDOW, "the size of the output");
			fuzz_sum_add(&d->out, out, out_n);
		} while (d->out.n < OUT_MAX);
		must(left == 0 || d->status != INFLATE_INPUT, "input is left");
		at += k - left;
		free(piece);
	} while (d->status == INFLATE_INPUT && at < n);
	d->taken = at;
	if (d->status == INFLATE_DONE || d->status == INFLATE_BAD) {
		p = stream;
		left = n;
		must(inflate_run(z, &p, &left, &out, &out_n) == d->status && left == n,
		    "the end is not for good");
	}
	free(z);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct decoded whole, pieces;

	if (n < 1)
		return 0;
	decode(&whole, p + 1, n - 1, 0);
	decode(&pieces, p + 1, n - 1, 1 + p[0]);
	if (whole.out.n >= OUT_MAX || pieces.out.n >= OUT_MAX)
		return 0;
	must(whole.status == pieces.status, "the verdict depends on the pieces");
	/* where exactly a broken stream is found broken is not promised */
	must(whole.status == INFLATE_BAD
		|| (whole.taken == pieces.taken && fuzz_sum_equal(&whole.out, &pieces.out)),
	    "the output depends on the pieces");
	return 0;
}
