/* SPDX-License-Identifier: ISC */
/* due: times from text, in one piece and byte by byte; what is wrong is named with its line. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "load/due.h"
#include "tap.h"

static bool
take(struct due *d, const char *text, size_t piece, double factor, uint64_t until_ns)
{
	size_t n = strlen(text), k;

	memset(d, 0, sizeof *d);
	for (; n > 0; text += k, n -= k) {
		k = n < piece ? n : piece;
		if (!due_feed(d, text, k))
			return false;
	}
	return due_end(d, factor, until_ns);
}

/* want: the times in ns with a blank behind each. */
static void
good(const char *text, double factor, uint64_t until_ns, const char *want)
{
	static const size_t pieces[] = { 1, 3, 1000 };
	char got[400];
	struct due d;
	size_t i, k;
	int n = 0;

	for (i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		got[0] = '\0';
		if (!ok(take(&d, text, pieces[i], factor, until_ns), "times, %d bytes at once",
			(int)pieces[i]))
			printf("# %s: %d\n", d.why, (int)d.line);
		for (k = 0, n = 0; k < d.n; k++)
			n += snprintf(got + n, sizeof got - (size_t)n, "%llu ",
			    (unsigned long long)d.ns[k]);
		is(got, want, "they are");
		due_free(&d);
	}
}

static void
bad(const char *text, uint64_t line, const char *why, const char *begin)
{
	struct due d;
	size_t piece;

	for (piece = 1; piece < 200; piece += 99) {
		ok(!take(&d, text, piece, 1, 0) && d.line == line, "line %d is named", (int)line);
		is(d.why, why, "and what it is");
		is(d.text, begin, "and how it begins");
		due_free(&d);
	}
}

static void
rates(void)
{
	struct due d;

	ok(take(&d, "1\n1.5\n2\n3\n", 9, 1, 0) && d.rate == 1.5, "the mean rate: gaps by time");
	due_free(&d);
	ok(take(&d, "1\n1.5\n2\n3\n", 9, 1, CLOCK_S) && d.rate == 2, "that of what is not cut off");
	due_free(&d);
	ok(take(&d, "7\n7\n", 9, 1, 0) && isinf(d.rate), "at one moment: none");
	due_free(&d);
	ok(take(&d, "7", 9, 1, 0) && isinf(d.rate) && d.n == 1, "a single one: none");
	due_free(&d);
	ok(take(&d, "9\n1\n8\n20\n19.5\n", 9, 1, 0) && d.back_ns == 8 * CLOCK_S && d.back_line == 2,
	    "the largest step back, and its line");
	due_free(&d);
}

/* A log of many lines, in the order in which requests ended. */
static void
many(void)
{
	struct due d = { 0 };
	size_t i, n = 100000, wrong = 0;
	char line[40];

	for (i = 0; i < n; i++) {
		snprintf(line, sizeof line, "17642016%02u.%03u\n", (unsigned)(i / 1000),
		    (unsigned)(i % 1000 ^ 3));
		if (!due_feed(&d, line, strlen(line)))
			break;
	}
	ok(due_end(&d, 1, 0) && d.n == n && d.line == 0, "%u lines", (unsigned)n);
	for (i = 0; i < d.n; i++)
		wrong += d.ns[i] != i * CLOCK_MS;
	ok(wrong == 0, "all in order, none lost");
	due_free(&d);
}

int
main(void)
{
	good("5\n5\n5.5\n6.000000001\n", 1, 0, "0 0 500000000 1000000001 ");
	good("5\n6\n", 1, 0, "0 1000000000 ");
	good("1764201600.25\n1764201600\n1764205200", 1, 0, "0 250000000 3600000000000 ");
	good("0\n10\n20\n", 10, 0, "0 1000000000 2000000000 ");
	good("0\n1\n", 0.5, 0, "0 2000000000 ");
	good("0\n10\n20\n", 10, 2 * CLOCK_S, "0 1000000000 ");
	good("0\n9999999999\n", 1, CLOCK_S, "0 ");
	bad("", 0, "no times", "");
	bad("1\n\n", 2, "empty line", "");
	bad("1\n2\n1.76e+09\n", 3, "not a number of seconds", "1.76e+09");
	bad("-1\n", 1, "not a number of seconds", "-1");
	bad("1 \n", 1, "not a number of seconds", "1 ");
	bad("1\n2\nx", 3, "not a number of seconds", "x");
	bad("1764201600000\n", 1, "too large", "1764201600000");
	bad("12345678901234567890123456789012345678901\n", 1, "too long for a number of seconds",
	    "1234567890123456789012345678901234567890");
	bad("0\n2592000.5\n", 0, "more than 30 days", "");
	rates();
	many();
	return done();
}
