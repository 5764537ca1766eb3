/* SPDX-License-Identifier: ISC */
/* paired: the estimate against all averages, Student's t against a table, and how often the
 * interval holds the truth where that is known. */
#include "stats/paired.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "stats/stat.h"
#include "tap.h"

#define MOST 40
#define ROUNDS 20
#define FAMILIES 1000

static uint64_t state = 1;

/* Uniform between -1/2 and 1/2. */
static double
uniform(void)
{
	return (double)(rng_next(&state) >> 11) * 0x1p-53 - 0.5;
}

/* Nearly normal, with a deviation of 1. */
static double
normal(void)
{
	double sum = 0;
	int i;

	for (i = 0; i < 12; i++)
		sum += uniform();
	return sum;
}

static void
center(void)
{
	static double all[MOST * (MOST + 1) / 2];
	double v[MOST];
	size_t n, i, j, m;
	unsigned wrong = 0, turn;

	for (turn = 0; turn < 2000; turn++) {
		n = 1 + turn % MOST;
		for (i = 0; i < n; i++) /* every third time with ties */
			v[i] = turn % 3 ? uniform() : floor(uniform() * 5);
		stat_sort(v, n);
		for (i = m = 0; i < n; i++)
			for (j = i; j < n; j++)
				all[m++] = (v[i] + v[j]) / 2;
		stat_sort(all, m);
		wrong += fabs(stat_median(all, m) - paired_center(v, n)) > 1e-12;
	}
	ok(wrong == 0, "the median of all averages, with and without ties (%u wrong)", wrong);
}

static void
student(void)
{
	static const struct {
		double level;
		size_t df;
		double t;
	} table[] = { /* printed tables, four digits behind the point */
		{ .95, 1, 12.7062 }, { .95, 2, 4.3027 }, { .95, 5, 2.5706 }, { .95, 11, 2.2010 },
		{ .95, 30, 2.0423 }, { .99, 1, 63.6567 }, { .99, 10, 3.1693 }, { .999, 6, 5.9588 },
		{ .5, 4, 0.7407 }, { .95, 1000, 1.9623 }
	};
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++)
		ok(fabs(paired_student(table[i].level, table[i].df) - table[i].t) < 1e-4,
		    "t of %zu degrees at %g", table[i].df, table[i].level);
}

/* A true ratio of 1.03: passes differ by half a percent, rounds by one, and one round in twenty
 * is disturbed by a tenth. */
static void
coverage(size_t passes)
{
	static struct pass_figure p[24 * ROUNDS];
	struct paired_estimate e;
	unsigned held = 0, family;
	double low, high, shift;
	size_t n, i, k;

	for (family = 0; family < FAMILIES; family++) {
		for (i = n = 0; i < passes; i++) {
			shift = 0.005 * normal();
			for (k = 0; k < ROUNDS; k++, n++) {
				p[n].pass = i;
				p[n].v = log(1.03) + shift + 0.01 * normal();
				if (rng_next(&state) % 20 == 0)
					p[n].v += uniform() > 0 ? 0.1 : -0.1;
			}
		}
		if (paired_estimate(p, n, &e) && paired_limits(&e, 0.95, &low, &high))
			held += low <= 1.03 && 1.03 <= high;
	}
	/* four standard errors of a share of .95 */
	ok(fabs((double)held / FAMILIES - 0.95) < 0.028,
	    "%zu passes: the interval holds the truth in %u of %d", passes, held, FAMILIES);
}

static void
few(void)
{
	struct pass_figure p[4] = { { 7, 0.1 }, { 7, 0.3 }, { 7, 0.2 }, { 9, 0.2 } };
	struct paired_estimate e;
	double low, high;

	ok(paired_estimate(p, 3, &e) && e.passes == 1 && e.units == 3 && e.pairs == 3
		&& fabs(e.log_ratio - 0.2) < 1e-12,
	    "one pass: its pairs are the units");
	ok(paired_limits(&e, 0.95, &low, &high) && low < exp(0.2) && high > exp(0.2),
	    "and an interval over them");
	ok(paired_estimate(p, 1, &e) && e.passes == 1 && fabs(e.log_ratio - 0.1) < 1e-12,
	    "one pair");
	ok(!paired_limits(&e, 0.95, &low, &high), "and no interval");
	ok(paired_estimate(p, 4, &e) && e.passes == 2 && e.units == 2
		&& paired_limits(&e, 0.95, &low, &high) && low <= exp(e.log_ratio)
		&& exp(e.log_ratio) <= high,
	    "two passes of unequal size");
	p[3].v = 0.4;
	/* the passes' own estimates are 0.2 and 0.4: their mean has an error of 0.1 */
	ok(paired_estimate(p, 4, &e) && fabs(e.error - 0.1) < 1e-12,
	    "few pairs a pass: the error is that of the passes' own estimates");
}

/* 100 units at most, of neighbours, so that many rounds take no longer than they have to: the
 * error of n independent pairs is about that of their mean, a little more. */
static void
many(void)
{
	static struct pass_figure p[20000];
	struct paired_estimate e;
	size_t n = sizeof p / sizeof *p, i;
	double error = 0.01 / sqrt((double)n);

	for (i = 0; i < n; i++)
		p[i] = (struct pass_figure){ 3, 0.01 * normal() };
	ok(paired_estimate(p, n, &e) && e.passes == 1 && e.pairs == n && e.units == 100,
	    "many rounds of a pass are 100 units");
	ok(e.error > 0.7 * error && e.error < 1.4 * error, "their error, %g of %g", e.error, error);
	for (i = 0; i < n; i++) {
		p[i].pass = i / 80;
		p[i].v += 0.01 * (double)(i / 2000); /* tens of units share a difference */
	}
	ok(paired_estimate(p, n, &e) && e.passes == 250 && e.units == 100, "and so are 250 passes");
	/* the ten shifts have a deviation of 0.029, which the groups see as 100 */
	ok(e.error > 0.002 && e.error < 0.004, "their error, %g", e.error);
}

int
main(void)
{
	center();
	student();
	coverage(6);
	coverage(12);
	coverage(24);
	few();
	many();
	return done();
}
