/* SPDX-License-Identifier: ISC */
/* The ratio of two targets that were measured in turn. */
#include "stats/paired.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846
#define FEW 5 /* pairs a unit, on the average */
#define UNITS \
	100      /* more make an interval hardly narrower, and each costs a pass over all pairs \
		  */
#define STEPS 48 /* of a bisection: its range, down to what rounding leaves of it */

/* How many averages are at most x? */
static uint64_t
count_up_to(const double *v, size_t n, double x)
{
	uint64_t count = 0;
	size_t i, j = n;

	/* the larger v[i], the fewer v[j] with j >= i are small enough */
	for (i = 0; i < n; i++) {
		while (j > 0 && v[i] / 2 + v[j - 1] / 2 > x)
			j--;
		if (j <= i)
			break;
		count += j - i;
	}
	return count;
}

/* The average of that rank, from 1. */
static double
average_of_rank(const double *v, size_t n, uint64_t rank)
{
	double low = v[0], high = v[n - 1], middle;
	int i;

	for (i = 0; i < STEPS && low < high; i++) {
		middle = low / 2 + high / 2;
		if (middle <= low || middle >= high)
			break;
		if (count_up_to(v, n, middle) >= rank)
			high = middle;
		else
			low = middle;
	}
	return count_up_to(v, n, low) >= rank ? low : high;
}

double
paired_center(const double *sorted, size_t n)
{
	uint64_t all = (uint64_t)n * (n + 1) / 2;
	double upper = average_of_rank(sorted, n, all / 2 + 1);

	return all % 2 ? upper : (average_of_rank(sorted, n, all / 2) + upper) / 2;
}

static int
compare_value(const void *a, const void *b)
{
	const struct pass_figure *x = a, *y = b;

	return (x->v > y->v) - (x->v < y->v);
}

static size_t
count_passes(const struct pass_figure *p, size_t n)
{
	size_t passes = 1, i;

	for (i = 1; i < n; i++)
		passes += p[i].pass != p[i - 1].pass;
	return passes;
}

/* Copy the pairs, each with the number of its unit, sorted by value. Returns how many units. */
static size_t
number_units(const struct pass_figure *p, size_t n, size_t passes, struct pass_figure *sorted)
{
	size_t all = passes > 1 ? passes : n, units = all < UNITS ? all : UNITS, k = 0, i;

	for (i = 0; i < n; i++) {
		k += i > 0 && (passes == 1 || p[i].pass != p[i - 1].pass);
		sorted[i] = (struct pass_figure){ k * units / all, p[i].v };
	}
	qsort(sorted, n, sizeof *sorted, compare_value);
	return units;
}

/* The estimate from one unit alone, or from all others. */
static double
center_of(const struct pass_figure *sorted, size_t n, uint64_t unit, bool alone, double *room)
{
	size_t i, m = 0;

	for (i = 0; i < n; i++)
		if ((sorted[i].pass == unit) == alone)
			room[m++] = sorted[i].v;
	return paired_center(room, m);
}

/* The jackknife needs an estimate that moves smoothly; one of few pairs jumps, and its error comes
 * out too small. The spread of the units' own estimates is safe then, if larger than need be. */
static double
error_of(const struct pass_figure *sorted, size_t n, size_t units, bool alone, double *room)
{
	double x, mean = 0, m2 = 0, factor = alone ? 1 / (double)(units - 1) : (double)(units - 1);
	size_t i;

	for (i = 0; i < units; i++) {
		x = center_of(sorted, n, i, alone, room) - mean;
		mean += x / (double)(i + 1);
		m2 += x * x * (double)i / (double)(i + 1);
	}
	return sqrt(m2 * factor / (double)units);
}

bool
paired_estimate(const struct pass_figure *p, size_t n, struct paired_estimate *e)
{
	struct pass_figure *sorted = malloc(n * sizeof *sorted);
	double *room = calloc(n, sizeof *room);
	bool good = sorted && room;

	memset(e, 0, sizeof *e);
	if (good) {
		e->pairs = n;
		e->passes = count_passes(p, n);
		e->units = number_units(p, n, e->passes, sorted);
		e->log_ratio = center_of(sorted, n, UINT64_MAX, false, room);
		if (e->units > 1)
			e->error = error_of(sorted, n, e->units,
			    e->passes > 1 && n < FEW * e->units, room);
	}
	free(sorted);
	free(room);
	return good;
}

/* The probability that Student's variable lies between -t and t. */
static double
student_within(double t, size_t df)
{
	double angle = atan(t / sqrt((double)df)), c = cos(angle), term = 1, sum = 0;
	size_t k;

	/* the odd ones: cos + 2/3 cos^3 + ...; the even ones: 1 + 1/2 cos^2 + ... */
	if (df % 2)
		term = c;
	for (k = df % 2 ? 3 : 2; k <= df; k += 2) {
		sum += term;
		term *= c * c * (double)(k - 1) / (double)k;
	}
	return df % 2 ? (angle + sin(angle) * sum) * 2 / PI : sin(angle) * sum;
}

double
paired_student(double level, size_t df)
{
	double low = 0, high = 1, middle;
	int i;

	while (student_within(high, df) < level && high < 1e300)
		high *= 2;
	for (i = 0; i < STEPS; i++) {
		middle = (low + high) / 2;
		if (student_within(middle, df) < level)
			low = middle;
		else
			high = middle;
	}
	return high;
}

bool
paired_limits(const struct paired_estimate *e, double level, double *low, double *high)
{
	double half;

	if (e->units < 2)
		return false;
	half = paired_student(level, e->units - 1) * e->error;
	*low = exp(e->log_ratio - half);
	*high = exp(e->log_ratio + half);
	return true;
}
