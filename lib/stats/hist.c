/* SPDX-License-Identifier: ISC */
/* Latency histogram. */
#include "stats/hist.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define LINEAR 2048 /* below it each value has its bucket */
#define SUB_BITS 10 /* above it 2^10 buckets for each power of two */

/* Number of the bucket of v; bucket_low() is its inverse. */
static unsigned
bucket(uint64_t v)
{
	unsigned shift = 1;

	if (v < LINEAR)
		return (unsigned)v;
	/* shift v until it has SUB_BITS + 1 bits; bit by bit, as most values are not long */
	while (v >> shift >= LINEAR)
		shift++;
	v = LINEAR + (uint64_t)(shift - 1) * (1 << SUB_BITS) + (v >> shift) - (1 << SUB_BITS);
	return v < HIST_BUCKETS ? (unsigned)v : HIST_BUCKETS - 1;
}

/* The smallest value of a bucket; *width: how many it has. */
static uint64_t
bucket_low(unsigned i, uint64_t *width)
{
	unsigned shift;
	uint64_t first;

	*width = 1;
	if (i < LINEAR)
		return i;
	shift = (i - LINEAR) / (1 << SUB_BITS) + 1;
	first = (i - LINEAR) % (1 << SUB_BITS) + (1 << SUB_BITS);
	*width <<= shift;
	return first << shift;
}

static uint64_t
bucket_middle(unsigned i)
{
	uint64_t width, low = bucket_low(i, &width);

	return low + width / 2;
}

struct hist *
hist_new(void)
{
	return calloc(1, sizeof(struct hist));
}

void
hist_add(struct hist *h, uint64_t ns)
{
	double x = (double)ns, d = x - h->mean;

	if (h->n == 0 || ns < h->min)
		h->min = ns;
	if (ns > h->max)
		h->max = ns;
	h->n++;
	h->mean += d / (double)h->n;
	h->m2 += d * (x - h->mean);
	h->count[bucket(ns)]++;
}

void
hist_clear(struct hist *h)
{
	unsigned i, last = bucket(h->max);

	for (i = bucket(h->min); i <= last; i++)
		if (h->count[i])
			h->count[i] = 0;
	h->n = h->min = h->max = 0;
	h->mean = h->m2 = 0;
}

/* Take in the figures of n > 0 more values, but not their buckets. */
static void
join(struct hist *h, uint64_t n, uint64_t min, uint64_t max, double mean, double m2)
{
	double a = (double)h->n, b = (double)n, d = mean - h->mean;

	if (h->n == 0 || min < h->min)
		h->min = min;
	if (max > h->max)
		h->max = max;
	h->n += n;
	h->mean += d * (b / (a + b));
	h->m2 += m2 + d * d * (a * b / (a + b));
}

void
hist_merge(struct hist *to, const struct hist *from)
{
	unsigned i, last = bucket(from->max);

	if (from->n == 0)
		return;
	join(to, from->n, from->min, from->max, from->mean, from->m2);
	/* to add 0 would touch the page */
	for (i = bucket(from->min); i <= last; i++)
		if (from->count[i])
			to->count[i] += from->count[i];
}

bool
hist_bucket(const struct hist *h, unsigned *i, uint64_t *low_ns, uint64_t *high_ns)
{
	uint64_t width;

	while (*i < HIST_BUCKETS && !h->count[*i])
		++*i;
	if (*i == HIST_BUCKETS)
		return false;
	*low_ns = bucket_low(*i, &width);
	*high_ns = *low_ns + width;
	return true;
}

bool
hist_add_bucket(struct hist *h, uint64_t low_ns, uint64_t high_ns, uint64_t count)
{
	unsigned i = bucket(low_ns);
	uint64_t width, low = bucket_low(i, &width), middle = low + width / 2;

	if (low != low_ns || low + width != high_ns)
		return false;
	if (count == 0)
		return true;
	join(h, count, middle, middle, (double)middle, 0);
	h->count[i] += count;
	return true;
}

uint64_t
hist_quantile(const struct hist *h, double q)
{
	uint64_t rank, below = 0, v;
	double exact;
	unsigned i;

	/* q is rarely a number that a double holds: a product that exceeds a whole number by
	 * no more than rounding makes is that number (0.07 * 100) */
	exact = q * (double)h->n * (1 - 4 * DBL_EPSILON);
	rank = (uint64_t)exact;
	if ((double)rank < exact)
		rank++;
	if (rank >= h->n)
		return h->max;
	if (rank <= 1)
		return h->min;
	for (i = bucket(h->min); i < HIST_BUCKETS - 1; i++)
		if ((below += h->count[i]) >= rank)
			break;
	v = bucket_middle(i);
	return v < h->min ? h->min : v > h->max ? h->max : v;
}

bool
hist_shows(const struct hist *h, double q)
{
	double rest = q > 0.5 ? 1 - q : q;

	if (q == 0 || q == 0.5 || q == 1)
		return h->n > 0;
	/* 10 times 1 - 0.9 is a little below 1 */
	return (double)h->n * rest >= 1 - 1e-9;
}

double
hist_sd(const struct hist *h)
{
	return h->n < 2 ? 0 : sqrt(h->m2 / (double)(h->n - 1));
}
