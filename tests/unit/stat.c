/* SPDX-License-Identifier: ISC */
/* stat: ranks and limits against published tables, and against counting. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "stats/rounds.h"
#include "stats/rows.h"
#include "stats/runs.h"
#include "stats/stat.h"
#include "tap.h"

/* Ranks of the limits of a median with at least 95 %, from below: Conover's table A3
 * (binomial, p = 0.5) as used in his section 3.2; the same numbers as in Dixon and Massey,
 * table A-25, and (minus 1) as the critical values of the sign test at 5 %. */
static void
test_median(void)
{
	static const struct {
		unsigned n, low;
	} t[] = { { 1, 0 }, { 5, 0 }, { 6, 1 }, { 8, 1 }, { 9, 2 }, { 11, 2 }, { 12, 3 }, { 14, 3 },
		{ 15, 4 }, { 16, 4 }, { 17, 5 }, { 19, 5 }, { 20, 6 }, { 22, 6 }, { 23, 7 },
		{ 25, 8 }, { 30, 10 }, { 35, 12 }, { 40, 14 }, { 50, 18 }, { 60, 22 }, { 75, 29 },
		{ 90, 36 }, { 100, 40 } };
	uint64_t low, high;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		stat_ranks(t[i].n, 0.5, 0.95, &low, &high);
		if (!ok(low == t[i].low && high == (low ? t[i].n + 1 - low : 0),
			"median of %u: from rank %u, symmetrical", t[i].n, t[i].low))
			printf("# %ju to %ju\n", (uintmax_t)low, (uintmax_t)high);
	}
	stat_ranks(0, 0.5, 0.95, &low, &high);
	ok(low == 0 && high == 0, "none of nothing");
	stat_ranks(7, 0.5, 0.99, &low, &high);
	ok(low == 0, "99 %%: 7 are too few");
	stat_ranks(8, 0.5, 0.99, &low, &high);
	ok(low == 1 && high == 8, "99 %%: 8 will do");
}

/* P(B < r) of a binomial (n, q), term by term. */
static double
below(uint64_t n, double q, uint64_t r)
{
	double sum = 0;
	uint64_t k;

	for (k = 0; k < r; k++)
		sum += exp(lgamma((double)n + 1) - lgamma((double)k + 1)
		    - lgamma((double)(n - k) + 1) + (double)k * log(q)
		    + (double)(n - k) * log(1 - q));
	return sum;
}

/* The definition: no rank is right that is one further in. */
static bool
ranks_hold(uint64_t n, double q, double level)
{
	double tail = (1 - level) / 2;
	uint64_t low, high;
	bool good;

	stat_ranks(n, q, level, &low, &high);
	good = below(n, q, low) <= tail + 1e-9 && below(n, q, low + 1) > tail - 1e-9;
	if (high > 0)
		good = good && high <= n && 1 - below(n, q, high) <= tail + 1e-9
		    && 1 - below(n, q, high - 1) > tail - 1e-9;
	else
		good = good && 1 - below(n, q, n) > tail - 1e-9;
	if (!good)
		printf("# n %ju q %g: %ju to %ju\n", (uintmax_t)n, q, (uintmax_t)low,
		    (uintmax_t)high);
	return good;
}

static void
test_quantiles(void)
{
	static const double q[] = { 0.001, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999 };
	uint64_t low, high, n;
	size_t i;
	bool good;

	for (i = 0; i < sizeof q / sizeof *q; i++) {
		good = true;
		for (n = 1; n < 60; n++)
			good = ranks_hold(n, q[i], 0.95) && good;
		for (n = 60; n < 20000; n = n * 5 / 3)
			good = ranks_hold(n, q[i], n % 2 ? 0.95 : 0.99) && good;
		ok(good, "ranks of quantile %g as defined", q[i]);
	}

	/* 0.99^n <= 0.025 */
	stat_ranks(367, 0.99, 0.95, &low, &high);
	ok(low > 0 && high == 0, "p99: no upper limit of 367");
	stat_ranks(368, 0.99, 0.95, &low, &high);
	ok(high == 368, "p99: of 368 the largest");

	/* Hahn and Meeker, section 5.2: large samples, n q -/+ 1.96 sqrt(n q (1 - q)) */
	stat_ranks(1000000, 0.5, 0.95, &low, &high);
	ok(low >= 499019 && low <= 499021 && high + low == 1000001, "the median of a million");
	stat_ranks((uint64_t)1000000 * 1000000, 0.99, 0.95, &low, &high);
	ok(fabs((double)low - (990e9 - 1.959964 * 99498.74)) < 3
		&& fabs((double)high - (990e9 + 1.959964 * 99498.74)) < 3,
	    "p99 of 10^12");
}

/* Critical values of the test of Mann and Whitney, 5 % two-sided, as tabulated in many
 * books (Siegel; Zar, table B.11): the rank is one more. */
static void
test_mann_whitney(void)
{
	static const struct {
		unsigned m, n, rank;
	} t[] = { { 1, 1, 0 }, { 2, 2, 0 }, { 3, 3, 0 }, { 3, 4, 0 }, { 3, 5, 1 }, { 4, 4, 1 },
		{ 4, 5, 2 }, { 5, 5, 3 }, { 5, 6, 4 }, { 6, 6, 6 }, { 7, 7, 9 }, { 7, 9, 13 },
		{ 8, 8, 14 }, { 9, 9, 18 }, { 10, 10, 24 }, { 10, 12, 30 }, { 12, 12, 38 },
		{ 15, 15, 65 }, { 8, 20, 42 }, { 20, 20, 128 }, { 2, 8, 1 }, { 2, 7, 0 } };
	size_t i, k, exact;
	bool good = true;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		k = stat_ratio_rank(t[i].m, t[i].n, 0.95);
		if (!ok(k == t[i].rank && k == stat_ratio_rank(t[i].n, t[i].m, 0.95),
			"Mann-Whitney %u, %u: rank %u", t[i].m, t[i].n, t[i].rank))
			printf("# %zu\n", k);
	}
	/* 1 % two-sided */
	ok(stat_ratio_rank(10, 10, 0.99) == 17 && stat_ratio_rank(20, 20, 0.99) == 106
		&& stat_ratio_rank(5, 5, 0.99) == 1 && stat_ratio_rank(4, 5, 0.99) == 0,
	    "Mann-Whitney, 1 %%");
	ok(stat_ratio_rank(0, 5, 0.95) == 0 && stat_ratio_rank(5, 0, 0.95) == 0, "none of nothing");

	/* where the exact distribution ends the approximation is close to it */
	exact = stat_ratio_rank(100, 100, 0.95);
	k = stat_ratio_rank(100, 101, 0.95);
	ok(exact == 4198, "100, 100: %zu", exact);
	ok(k > exact && k < exact + 60, "100, 101, by the normal distribution: %zu", k);
	exact = stat_ratio_rank(100, 100, 0.9995);
	k = stat_ratio_rank(100, 101, 0.9995);
	ok(k > exact && k < exact + 60, "the same further out: %zu, %zu", exact, k);

	/* The distribution itself, by counting the arrangements of 4 and 4: 1 1 2 3 5 of 70 have
	 * U = 0 1 2 3 4 */
	for (i = 1; i <= 5; i++) {
		static const unsigned sum[] = { 0, 1, 2, 4, 7, 12 };
		double tail = sum[i] / 70.0;

		good = good && stat_ratio_rank(4, 4, 1 - 2 * tail) == i
		    && stat_ratio_rank(4, 4, 1 - 2 * (tail - 1e-6)) == i - 1;
	}
	ok(good, "4, 4: as counted");
}

static void
test_small(void)
{
	static const double a[] = { 1, 2, 4 }, b[] = { 3, 6 };
	static const double want[] = { 0.75, 1.5, 1.5, 3, 3, 6 };
	double out[6], v[] = { 5, 1, 4, 2 };
	size_t i;
	bool good = true;

	stat_ratios(a, 3, b, 2, out);
	for (i = 0; i < 6; i++)
		good = good && fabs(out[i] - want[i]) < 1e-12;
	ok(good, "all ratios, sorted");
	stat_sort(v, 4);
	ok(v[0] == 1 && v[3] == 5 && stat_median(v, 4) == 3 && stat_median(v, 3) == 2
		&& stat_median(v, 1) == 1,
	    "sorting, medians");
	stat_sort(v, 0);
	stat_sort(NULL, 0);
}

static struct tsv_when
when(uint64_t pass, uint64_t round)
{
	return (struct tsv_when){ .pass = pass, .round = round };
}

/* Passes of a round each that come in any order, some without a figure, or only in one of the
 * two. */
static void
test_rounds(void)
{
	static const unsigned order[] = { 5, 2, 9, 1, 7, 3, 8, 6 };
	struct rounds a = { .figures = 2 }, b = { .figures = 2 };
	struct paired_estimate e;
	struct stat_median m;
	double *p = NULL;
	bool fresh, new = true;
	size_t i;

	ok(rounds_median(&a, 0, &m) && m.n == 0 && isnan(m.median) && isnan(m.low),
	    "no rounds: no median");
	for (i = 0; i < 8; i++) {
		if ((p = rounds_add(&a, when(order[i], 1), &fresh)) && fresh)
			p[1] = order[i];
		else
			new = false;
	}
	ok(new &&a.n == 8 && a.passes == 8, "eight rounds, each a pass");
	ok((p = rounds_add(&a, when(7, 1), &fresh)) && !fresh && p[1] == 7 && isnan(p[0])
		&& a.n == 8,
	    "one of them again");
	for (i = 1; i < 8; i++)
		if (a.when[i - 1].pass >= a.when[i].pass
		    || a.figure[2 * i + 1] < a.figure[2 * i - 1])
			break;
	ok(i == 8, "in ascending order, with their figures");
	ok(rounds_median(&a, 1, &m) && m.n == 8 && m.median == 5.5 && m.low == 1 && m.high == 9,
	    "the median of eight, from the least to the largest");
	for (i = 4; i <= 12; i++)
		if ((p = rounds_add(&b, when(i, 1), &fresh)))
			p[1] = i == 8 ? 0 : i == 9 ? NAN : 2;
	ok(rounds_estimate(&a, &b, 1, &e) && e.pairs == 3 && e.passes == 3
		&& fabs(exp(e.log_ratio) - sqrt(sqrt(35) / 2 * 3)) < 1e-12,
	    "ratios of rounds 5 to 7: not of 8, by 0, nor of 9, of which there is no figure");
	rounds_free(&a);
	rounds_free(&b);
}

/* The pass is the unit; of a single one, the round. */
static void
test_passes(void)
{
	static const double figure[3][3] = { { 5, 1, 3 }, { 10, NAN, 12 }, { 7, 7, 100 } };
	struct rounds a = { .figures = 1 };
	double *p, *v;
	struct stat_median m;
	bool fresh, good = true;
	size_t n, i, k;

	for (k = 0; k < 3; k++) {
		for (i = 0; i < 3; i++) {
			if ((p = rounds_add(&a, when(i + 1, k + 1), &fresh)))
				*p = figure[i][k];
		}
		if (k == 0)
			good = a.passes == 3 && rounds_median(&a, 0, &m) && m.n == 3
			    && m.median == 7;
	}
	ok(good && a.n == 9 && a.passes == 3, "nine rounds in three passes");
	ok(rounds_units(&a, 0, &v, &n) && n == 3 && v[0] == 3 && v[1] == 11 && v[2] == 7,
	    "a figure for each pass: the median of its rounds");
	free(v);
	ok(rounds_median(&a, 0, &m) && m.n == 3 && m.median == 7, "the median over passes");
	rounds_free(&a);
	a.figures = 1;
	for (i = 1; i <= 6; i++)
		if ((p = rounds_add(&a, when(4, i), &fresh)))
			*p = (double)i;
	ok(rounds_median(&a, 0, &m) && m.n == 6 && m.low == 1 && m.high == 6, "rounds of one pass");
	rounds_free(&a);
}

/* Rows of several runs, one behind the other. */
static void
test_runs(void)
{
	struct rounds a = { .figures = 1 };
	uint64_t run, round;
	double *p;
	size_t i;
	bool good = true;

	for (run = 0; run < 3; run++) {
		/* the second one was cut off */
		for (round = 1; round <= (run == 1 ? 2 : 4); round++) {
			good = good && (p = rounds_append(&a, when(1, round)));
			if (good)
				*p = (double)(10 * run + round);
		}
	}
	ok(good && a.n == 10 && a.passes == 3, "a round that comes again is of another run");
	for (i = 1; good && i < 10; i++)
		good = a.figure[i - 1] < a.figure[i];
	ok(good, "and of a pass behind");
	rounds_free(&a);
}

/* Rows "a1/0": label, round, and the run that it is of. Behind "|" there is a header line. */
static bool
runs_are(const char *text)
{
	struct rounds label[2] = { { .figures = 1 }, { .figures = 1 } };
	struct rows_index index = { .size = sizeof *label, .group = label };
	struct runs runs = { .index = &index };
	bool good = true, headed = true, fresh = false;
	size_t rows = 0, i;
	struct rounds *r;
	const char *p;
	double *v;

	for (p = text; *p; p++) {
		headed = headed || *p == '|';
		if (*p != 'a' && *p != 'b')
			continue;
		v = runs_add(&runs, *p == 'b', when(1, (uint64_t)(p[1] - '0')), headed);
		if (v)
			*v = (double)(p - text);
		headed = false;
		rows++;
	}
	for (p = text; *p; p++) {
		if (*p != 'a' && *p != 'b')
			continue;
		v = rounds_add(&label[*p == 'b'],
		    rounds_in_run(when(1, (uint64_t)(p[1] - '0')), (uint64_t)(p[3] - '0')), &fresh);
		good = good && v && !fresh && *v == (double)(p - text);
	}
	good = good && label[0].n + label[1].n == rows;
	for (i = 0; i < 2; i++) {
		/* a pass in each run from the first to the last */
		r = &label[i];
		good = good
		    && r->passes == (r->when[r->n - 1].pass >> 32) - (r->when[0].pass >> 32) + 1;
		rounds_free(r);
	}
	runs_free(&runs);
	return good;
}

static void
test_labels(void)
{
	ok(runs_are("a1/0 b1/0 a2/0 b2/0 b1/1 a1/1 a2/1 b2/1"), "two runs");
	ok(runs_are("a1/0 a2/0 b1/0 b2/0"), "label by label: one");
	ok(runs_are("a1/0 b1/0 a1/1 b1/1 | a1/2 b1/2"),
	    "runs of a round, some behind a header line");
	ok(runs_are("a1/0 a2/0 a1/1 b1/1 a2/1 b2/1"), "the first lacks a label");
	ok(runs_are("b1/0 b2/0 a1/1 b1/1 a2/1 b2/1"), "the one with which the next begins");
	ok(runs_are("b1/0 | a1/1 b1/1 | a1/2 b1/2"), "the same where a header line alone tells");
	ok(runs_are("a1/0 b1/0 | a1/1 | b1/1 | a1/2 b1/2"), "outputs of one label each are a run");
	ok(runs_are("a1/0 a2/0 b1/0 b1/1 b2/1"), "a row twice in a row");
}

int
main(void)
{
	test_median();
	test_quantiles();
	test_mann_whitney();
	test_small();
	test_rounds();
	test_passes();
	test_runs();
	test_labels();
	return done();
}
