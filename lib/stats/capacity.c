/* SPDX-License-Identifier: ISC */
/* The search for a capacity: see capacity.h. */
#include "stats/capacity.h"

#include <math.h>

#define PART 4   /* a probe has this part of the time, */
#define ENOUGH 3 /* or as many times what it needs at least */
#define LEAST_NS 0.2e9
#define WHOLE 100 /* rates from here on are whole numbers, others have two digits */

static double
rounded(double rate)
{
	return rate < WHOLE ? fmax(1, floor(rate * 100 + 0.5)) / 100 : floor(rate + 0.5);
}

void
capacity_init(struct capacity *c, double start, double least, double bound, double precision)
{
	*c = (struct capacity){ .precision = precision, .bound = bound, .least = least };
	/* as if half of it had passed */
	c->passed = fmin(bound, start) / 2;
}

/* Up, until something fails. */
static bool
next_above(const struct capacity *c, double *rate, bool *glance)
{
	double top = fmax(fmax(c->passed, c->holds), c->high);

	*glance = top < c->bound;
	*rate = *glance ? fmin(c->bound, rounded(2 * top)) : c->bound;
	return true;
}

/* Down, until something holds; a rate that has passed first. */
static bool
next_below(const struct capacity *c, double *rate)
{
	double lowest = c->low > 0 ? c->low : c->fails;

	*rate = rounded(c->passed > 0 && c->passed < lowest ? c->passed : lowest / 2);
	return *rate >= c->least && *rate < lowest;
}

/* Between two rates, if they are further from each other than this; else it is over. */
static bool
middle(double low, double high, double near, double *rate)
{
	*rate = rounded(sqrt(low * high));
	return high / low > near && *rate > low && *rate < high;
}

bool
capacity_next(const struct capacity *c, double *rate, bool *glance)
{
	bool topped = c->holds >= c->bound || c->high >= c->bound;
	double below, above, near = sqrt(c->precision);

	*glance = false;
	if (c->fails == 0 && !topped)
		return next_above(c, rate, glance);
	if (c->holds == 0)
		return next_below(c, rate);
	if (c->holds >= c->bound)
		return false;
	if (c->low == 0)
		return middle(c->holds, c->fails, c->precision, rate);
	if (c->fails > 0 && c->fails / c->holds <= c->precision)
		return false;
	below = c->low / c->holds;
	above = c->fails > 0 ? c->fails / c->high : 1;
	return below >= above ? middle(c->holds, c->low, near, rate)
			      : middle(c->high, c->fails, near, rate);
}

uint64_t
capacity_time_ns(double rate, bool glance, uint64_t needs, uint64_t left_ns)
{
	double least = (double)needs / rate * 1e9, left = (double)left_ns;

	if (left < LEAST_NS || (!glance && left < least))
		return 0;
	return (uint64_t)fmax(left / PART, glance ? 0 : fmin(left, ENOUGH * least));
}

void
capacity_take(struct capacity *c, double rate, enum limit_verdict v, bool passed)
{
	switch (v) {
	case LIMIT_HOLDS: c->holds = rate; break;
	case LIMIT_FAILS: c->fails = rate; break;
	case LIMIT_UNDECIDED:
		if (passed) {
			c->passed = rate;
			return;
		}
		c->low = c->low > 0 && c->low < rate ? c->low : rate;
		c->high = c->high > rate ? c->high : rate;
	}
	/* between what holds and what fails */
	if (c->low > 0 && c->low <= c->holds)
		c->low = c->high > c->holds ? c->holds : 0;
	if (c->low > 0 && c->fails > 0 && c->high >= c->fails)
		c->high = c->fails;
	if (c->low == 0 || (c->fails > 0 && c->low >= c->fails))
		c->low = c->high = 0;
	if (c->passed <= c->holds || (c->fails > 0 && c->passed >= c->fails))
		c->passed = 0;
	if (c->low > 0 && c->passed >= c->low)
		c->passed = 0;
}
