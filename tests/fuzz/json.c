/* SPDX-License-Identifier: ISC */
/* Fuzz target for JSON and hex. Two bytes choose the sizes of pieces, of the room for the output,
 * and of a chunk; the rest is a document. Then it is read as bytes that are written as a document
 * and read back. */
#include "fuzz.h"

#include "http/json.h"

struct parsed {
	struct json_chunks j;
	const char *end;
	struct fuzz_sum out;
};

static void
parse(struct parsed *d, const uint8_t *doc, size_t n, uint64_t chunk, size_t room, uint32_t seed)
{
	unsigned char dst[64], *piece;
	size_t k, taken, got = 0, at = 0;

	memset(d, 0, sizeof *d);
	d->j.chunk = chunk;
	while (at < n && !d->j.error) {
		k = fuzz_piece(&seed, n - at);
		piece = fuzz_copy(doc + at, k);
		if (room > 0) {
			taken = json_chunks_take(&d->j, piece, k, dst, room, &got);
			must(got <= room, "more than there is room for");
			must(taken == k || got == room || d->j.error, "characters are left");
			fuzz_sum_add(&d->out, dst, got);
		} else {
			taken = json_chunks_take(&d->j, piece, k, NULL, 0, NULL);
			must(taken == k || d->j.error, "characters are left");
		}
		must(taken > 0 || got > 0, "no progress");
		must(taken <= k, "more than there is");
		free(piece);
		at += taken;
	}
	must(d->j.at == at, "the number of characters");
	must(d->j.bytes <= at / 2 && d->j.current <= d->j.bytes, "the number of bytes");
	d->end = json_chunks_end(&d->j);
	must(!d->j.error || d->end, "an error is forgotten");
	must(!d->end || fuzz_line(d->end), "an error without a text");
	if (d->j.error)
		must(json_chunks_take(&d->j, doc, n, NULL, 0, NULL) == 0,
		    "something is taken behind an error");
	must(room == 0 || d->j.error || d->out.n == d->j.bytes, "bytes counted and bytes given");
}

/* What is written from these bytes reads back as them. */
static void
round_trip(const uint8_t *p, size_t n, uint64_t chunk, uint32_t seed)
{
	struct fuzz_sum bytes = { 0, 0 };
	struct parsed d;
	size_t i, k, at = 0;
	uint64_t length = json_chunks_length(n, chunk);
	char *doc = malloc((size_t)length);

	must(doc != NULL, "memory");
	memcpy(doc, JSON_CHUNKS_OPEN, sizeof JSON_CHUNKS_OPEN - 1);
	at = sizeof JSON_CHUNKS_OPEN - 1;
	for (i = 0; i < n; i += k) {
		k = n - i < chunk ? n - i : (size_t)chunk;
		if (i > 0)
			doc[at++] = ',';
		doc[at++] = '"';
		hex_encode(doc + at, p + i, k);
		at += 2 * k;
		doc[at++] = '"';
	}
	memcpy(doc + at, JSON_CHUNKS_CLOSE, sizeof JSON_CHUNKS_CLOSE - 1);
	at += sizeof JSON_CHUNKS_CLOSE - 1;
	must(at == length, "the length of the document");
	parse(&d, (uint8_t *)doc, at, chunk, 64, seed);
	fuzz_sum_add(&bytes, p, n);
	must(!d.end && fuzz_sum_equal(&bytes, &d.out), "a document reads back as something else");
	free(doc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint64_t chunks[] = { 0, 1, 3, 4 };
	struct parsed whole, pieces, counted;
	const char *why;
	uint64_t v = 0, chunk;

	if (n < 2)
		return 0;
	chunk = chunks[p[0] & 3];
	parse(&whole, p + 2, n - 2, chunk, 64, 0);
	parse(&pieces, p + 2, n - 2, chunk, 1 + (p[0] >> 2), 1 + p[1]);
	parse(&counted, p + 2, n - 2, chunk, 0, 1 + p[1]);
	must(whole.end == pieces.end && whole.end == counted.end,
	    "the verdict depends on the pieces");
	must(whole.j.at == pieces.j.at && whole.j.at == counted.j.at
		&& whole.j.bytes == pieces.j.bytes && whole.j.bytes == counted.j.bytes
		&& whole.j.strings == pieces.j.strings && whole.j.strings == counted.j.strings,
	    "the counts depend on the pieces");
	must(fuzz_sum_equal(&whole.out, &pieces.out), "the bytes depend on the pieces");

	why = json_count(p + 2, n - 2, "size", &v);
	must(!why || fuzz_line(why), "an error without a text");
	why = json_text(p + 2, n - 2, "response", "pong");
	must(!why || fuzz_line(why), "an error without a text");

	round_trip(p + 2, n - 2, chunk > 0 ? chunk : n, 1 + p[1]);
	return 0;
}
