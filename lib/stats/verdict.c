/* SPDX-License-Identifier: ISC */
/* What an interval of a ratio is called: see verdict.h. */
#include "stats/verdict.h"

#include <math.h>
#include <string.h>

#include "stats/stat.h"

const char *const verdict_name[VERDICTS] = { "better", "worse", "same", "undecided" };

/* The side of a bound on which an interval lies as a whole: 1 above, -1 below its inverse. */
static int
beyond(double bound, double low, double high)
{
	return low > bound ? 1 : high < 1 / bound ? -1 : 0;
}

void
verdict_set(struct finding *f, const struct verdict_rules *r)
{
	bool strict = f->strict_low > 0;
	int sign = strict ? beyond(r->limit, f->strict_low, f->strict_high) : 0;

	f->direction = strict ? beyond(1, f->strict_low, f->strict_high) : 0;
	f->verdict = UNDECIDED;
	if (sign != 0)
		f->verdict = (sign > 0) == r->smaller_is_worse ? BETTER : WORSE;
	else if (f->low > 0 && f->low >= 1 / r->limit && f->high <= r->limit)
		f->verdict = SAME;
}

/* How many passes it takes to bring the half-width of an interval down to this, as it falls with
 * the square root of their number. */
static double
passes_for(double half, double wanted, size_t passes)
{
	double n = wanted > 0 ? ceil((double)passes * (half / wanted) * (half / wanted)) : HUGE_VAL;

	return n > 100 ? ceil(n / 10) * 10 : n;
}

/* If the ratio is what it seems, more passes will show that it is within the limit, or beyond. */
static size_t
enough(const struct finding *f, const struct verdict_rules *r)
{
	double distance = log(r->limit) - fabs(log(f->ratio)), n;

	n = distance > 0
	    ? passes_for(log(f->high / f->low) / 2, distance, f->passes)
	    : passes_for(log(f->strict_high / f->strict_low) / 2, -distance, f->passes);
	return n <= VERDICT_MOST ? (size_t)fmax(n, fmax(VERDICT_PASSES, (double)f->passes + 1)) : 0;
}

bool
verdict_estimate(struct finding *f, const struct rounds *base, const struct rounds *other)
{
	memset(f, 0, sizeof *f);
	f->verdict = UNDECIDED;
	if (!rounds_estimate(other, base, 0, &f->estimate))
		return false;
	f->pairs = f->estimate.pairs;
	f->passes = f->estimate.passes;
	if (f->pairs > 0)
		f->ratio = exp(f->estimate.log_ratio);
	return true;
}

void
verdict_decide(struct finding *f, const struct verdict_rules *r)
{
	double level = 1 - (1 - STAT_LEVEL) / (double)r->comparisons;

	if (f->pairs == 0 || !paired_limits(&f->estimate, STAT_LEVEL, &f->low, &f->high)
	    || !paired_limits(&f->estimate, level, &f->strict_low, &f->strict_high))
		return;
	if (verdict_possible(f))
		verdict_set(f, r);
	if (f->passes > 1 && f->verdict == UNDECIDED)
		f->enough = enough(f, r);
}
