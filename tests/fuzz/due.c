/* SPDX-License-Identifier: ISC */
/* Fuzz target for due times. The first byte chooses the sizes of pieces, the second the factor and
 * the end; the rest is a text. In pieces of any size it gives what it gives as a whole, and that is
 * what a slower reader makes of it. */
#include "fuzz.h"

#include "load/due.h"

#define SECOND 1000000000u

static bool
take(struct due *d, const uint8_t *p, size_t n, uint32_t seed, double factor, uint64_t until_ns)
{
	unsigned char *piece;
	bool good = true;
	size_t k;

	memset(d, 0, sizeof *d);
	for (; n > 0 && good; p += k, n -= k) {
		k = fuzz_piece(&seed, n);
		piece = fuzz_copy(p, k);
		good = due_feed(d, (char *)piece, k);
		free(piece);
	}
	good = good && due_end(d, factor, until_ns);
	must(!d->no_memory, "memory");
	must(good == !d->why, "the verdict");
	must(good || fuzz_line(d->why), "an error without a text");
	return good;
}

/* A line of digits, perhaps with a point: its time in ns, or false. */
static bool
slowly(const uint8_t *p, size_t n, uint64_t *ns)
{
	uint64_t secs = 0, frac = 0, unit = SECOND / 10;
	size_t i, point = n;

	for (i = 0; i < n; i++) {
		if (p[i] == '.' && point == n)
			point = i;
		else if (p[i] < '0' || p[i] > '9')
			return false;
		else if (i < point)
			secs = secs > DUE_SECS_MAX ? secs : secs * 10 + (uint64_t)(p[i] - '0');
		else
			frac += unit * (uint64_t)(p[i] - '0'), unit /= 10;
	}
	*ns = secs * SECOND + frac;
	return n > 0 && n <= DUE_TEXT && point + 1 != n
	    && (secs < DUE_SECS_MAX || (secs == DUE_SECS_MAX && frac == 0));
}

/* The first line that is no time; 0: all are. *first and *last of the times, n of them. */
static uint64_t
read_slowly(const uint8_t *p, size_t n, uint64_t *first, uint64_t *last, size_t *times)
{
	uint64_t line = 0, ns;
	const uint8_t *end;
	size_t k;

	*first = UINT64_MAX;
	*last = *times = 0;
	for (; n > 0; p += k, n -= k) {
		end = memchr(p, '\n', n);
		k = end ? (size_t)(end - p) : n;
		line++;
		if (!slowly(p, k, &ns))
			return line;
		*first = ns < *first ? ns : *first;
		*last = ns > *last ? ns : *last;
		++*times;
		k += end != NULL;
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const double factors[] = { 1, 0.001, 10, 1000000 };
	uint64_t first, last, bad, until_ns, span;
	struct due whole, parts;
	double factor;
	size_t times, i;
	bool good;

	if (n < 2)
		return 0;
	factor = factors[p[1] & 3];
	until_ns = p[1] & 4 ? (uint64_t)(p[1] >> 3) * SECOND + 1 : 0;
	good = take(&whole, p + 2, n - 2, 0, factor, until_ns);
	must(take(&parts, p + 2, n - 2, p[0] ? p[0] : 1, factor, until_ns) == good
		&& parts.n == whole.n && parts.line == whole.line,
	    "pieces and the whole");
	bad = read_slowly(p + 2, n - 2, &first, &last, &times);
	must(!bad || (!good && whole.line == bad), "the line that is bad");
	must(bad || whole.line == 0, "no line is bad");
	must(bad
		|| good
		    == (times > 0
			&& (until_ns > 0
			    || (double)(last - first) / factor <= (double)DUE_SPAN_MAX_S * SECOND)),
	    "all lines are good");
	for (i = 0; good && i < whole.n; i++) {
		must(parts.ns[i] == whole.ns[i], "times of pieces");
		must(i == 0 ? whole.ns[0] == 0 : whole.ns[i] >= whole.ns[i - 1], "the order");
	}
	if (good) {
		span = whole.ns[whole.n - 1];
		must(whole.n == times || (until_ns > 0 && whole.n > 0), "the number");
		must(whole.n < times || span == (uint64_t)((double)(last - first) / factor),
		    "the last one");
		must(until_ns == 0 || span < until_ns, "beyond the end");
		must(whole.rate > 0, "the rate");
	}
	due_free(&whole);
	due_free(&parts);
	return 0;
}
