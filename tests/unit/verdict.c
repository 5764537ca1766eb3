/* SPDX-License-Identifier: ISC */
/* verdict: what intervals are called, and how often that is right where the truth is known. */
#include "stats/verdict.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "tap.h"

#define PASS_SD 0.003 /* of the ratio, from pass to pass */
#define ROUND_SD 0.01 /* of each figure, from round to round */

static uint64_t state = 1;

static double
uniform(void)
{
	return (double)(rng_next(&state) >> 11) * 0x1p-53;
}

static double
normal(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

/* One round in ten is disturbed, and takes longer by several deviations. */
static double
disturbed(void)
{
	double x = normal();

	return ROUND_SD * (uniform() < 0.1 ? x + 5 * fabs(normal()) : x);
}

static void
add(struct rounds *r, uint64_t pass, uint64_t round, double v)
{
	bool fresh;
	double *p = rounds_add(r, (struct tsv_when){ .pass = pass, .round = round }, &fresh);

	if (!p) {
		puts("Bail out! no memory");
		exit(1);
	}
	*p = v;
}

/* Two targets, measured in turn; what the machine does meets both alike. */
static struct finding
measure(size_t passes, size_t rounds, double truth, const struct verdict_rules *rules)
{
	struct rounds base = { .figures = 1 }, other = { .figures = 1 };
	struct finding f;
	double luck, machine;
	size_t i, k;

	for (i = 1; i <= passes; i++) {
		luck = PASS_SD * normal();
		for (k = 1; k <= rounds; k++) {
			machine = 30 * exp(0.02 * normal());
			add(&base, i, k, machine * exp(disturbed()));
			add(&other, i, k, machine * truth * exp(luck + disturbed()));
		}
	}
	if (!verdict_estimate(&f, &base, &other)) {
		puts("Bail out! no memory");
		exit(1);
	}
	verdict_decide(&f, rules);
	rounds_free(&base);
	rounds_free(&other);
	return f;
}

/* Families of comparisons, each of one way with itself. */
static void
alarms(size_t passes, size_t rounds, unsigned families, double limit)
{
	struct verdict_rules rules = { limit, 18, false };
	unsigned named = 0, pointed = 0, held = 0, all = 0, i;
	struct finding f;
	bool name, point;
	size_t k;

	for (i = 0; i < families; i++) {
		name = point = false;
		for (k = 0; k < rules.comparisons; k++, all++) {
			f = measure(passes, rounds, 1, &rules);
			name = name || f.verdict == BETTER || f.verdict == WORSE;
			point = point || f.direction != 0;
			held += f.low <= 1 && 1 <= f.high;
		}
		named += name;
		pointed += point;
	}
	/* three standard errors each */
	ok(named <= 0.05 * families + 3 * sqrt(0.0475 * families),
	    "%zu passes of %zu: of %u families "
	    "of equals %u name a difference beyond %g %%",
	    passes, rounds, families, named, (limit - 1) * 100);
	ok(pointed <= 0.05 * families + 3 * sqrt(0.0475 * families),
	    "%zu passes of %zu: of %u families "
	    "%u name a direction",
	    passes, rounds, families, pointed);
	ok(held >= 0.95 * all - 3 * sqrt(0.0475 * all),
	    "%zu passes of %zu: of %u intervals %u hold "
	    "the truth",
	    passes, rounds, all, held);
}

/* One of eighteen is slower by 3 %. */
static void
power(void)
{
	struct verdict_rules rules = { 1.02, 18, false };
	unsigned found = 0, wrong = 0, held = 0, i;
	struct finding f;

	for (i = 0; i < 200; i++) {
		f = measure(12, 20, 1.03, &rules);
		found += f.verdict == WORSE;
		wrong += f.verdict == BETTER || f.verdict == SAME;
		held += f.low <= 1.03 && 1.03 <= f.high;
	}
	ok(found >= 190 && wrong == 0,
	    "12 passes: of 200 that are slower by 3 %%, %u are found beyond "
	    "2 %%",
	    found);
	ok(held >= 181, "and of their intervals %u hold the truth", held);
}

static void
few(void)
{
	struct verdict_rules rules = { 1.02, 1, false };
	struct finding f = measure(5, 20, 2, &rules);

	ok(f.verdict == UNDECIDED && f.direction == 0 && f.enough == VERDICT_PASSES && f.low > 1.9
		&& f.high < 2.1,
	    "five passes: an interval, and no verdict, however large the difference");
	f = measure(6, 20, 2, &rules);
	ok(f.verdict == WORSE && f.direction == 1 && f.enough == 0 && f.pairs == 120,
	    "six: a verdict");
	f = measure(1, 40, 2, &rules);
	ok(f.verdict == UNDECIDED && f.passes == 1 && f.pairs == 40 && f.low > 1.9 && f.high < 2.1,
	    "one pass: an interval over its rounds");
	f = measure(1, 1, 2, &rules);
	ok(f.pairs == 1 && fabs(f.ratio - 2) < 0.3 && f.low <= 0, "one pair: no interval");
	f = measure(0, 0, 2, &rules);
	ok(f.pairs == 0 && f.ratio <= 0 && f.verdict == UNDECIDED, "none: nothing");
}

static void
names(void)
{
	static const struct {
		double ratio, low, high, strict_low, strict_high;
		bool smaller_is_worse;
		enum verdict verdict;
		int direction;
	} t[] = {
		/* the limit is 2 % */
		{ 1.03, 1.025, 1.035, 1.021, 1.039, false, WORSE, 1 },
		{ 1.03, 1.025, 1.035, 1.021, 1.039, true, BETTER, 1 },
		{ 1.03, 1.025, 1.035, 1.019, 1.041, false, UNDECIDED, 1 },
		{ 1.03, 1.025, 1.035, 0.99, 1.07, false, UNDECIDED, 0 },
		{ 0.96, 0.95, 0.97, 0.94, 0.98, false, BETTER, -1 },
		{ 0.96, 0.95, 0.97, 0.94, 0.98, true, WORSE, -1 },
		{ 0.96, 0.95, 0.97, 0.94, 0.981, false, UNDECIDED, -1 },
		{ 1.00, 0.981, 1.019, 0.97, 1.03, false, SAME, 0 },
		{ 1.01, 1.005, 1.015, 1.001, 1.019, false, SAME, 1 },
		{ 1.00, 0.979, 1.019, 0.97, 1.03, false, UNDECIDED, 0 },
		{ 1.00, 0.99, 1.01, 0, 0, false, SAME, 0 },
		{ 2.00, 1.9, 2.1, 0, 0, false, UNDECIDED, 0 },
		{ 2.00, 0, 0, 0, 0, false, UNDECIDED, 0 },
	};
	struct verdict_rules rules = { 1.02, 1, false };
	struct finding f = { .pairs = 0 };
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		f.ratio = t[i].ratio;
		f.low = t[i].low;
		f.high = t[i].high;
		f.strict_low = t[i].strict_low;
		f.strict_high = t[i].strict_high;
		rules.smaller_is_worse = t[i].smaller_is_worse;
		verdict_set(&f, &rules);
		ok(f.verdict == t[i].verdict && f.direction == t[i].direction, "%g to %g: %s",
		    f.low, f.high, verdict_name[f.verdict]);
	}
}

/* The number of passes that it says would do, does. */
static void
promise(void)
{
	struct verdict_rules rules = { 1.005, 1, false };
	unsigned decided = 0, asked = 0;
	struct finding f;

	while (asked < 100) {
		f = measure(6, 10, 1, &rules);
		if (f.verdict != UNDECIDED || f.enough == 0)
			continue;
		asked++;
		f = measure(f.enough, 10, 1, &rules);
		decided += f.verdict == SAME;
	}
	ok(decided >= 50, "with as many passes as were said to do, %u of 100 are decided", decided);
}

int
main(void)
{
	names();
	few();
	alarms(12, 20, 40, 1.02);
	alarms(6, 20, 60, 1);
	alarms(15, 1, 200, 1); /* the largest files */
	alarms(15, 3, 80, 1);
	power();
	promise();
	return done();
}
