/* SPDX-License-Identifier: ISC */
/* Latency histogram: log-linear, bounded memory, mergeable. (Links with -lm.) */
#ifndef HIST_H
#define HIST_H

#include <stdbool.h>
#include <stdint.h>

/* Values in nanoseconds from 0 to 2^42 - 1 (73 minutes); larger ones count in the last
 * bucket (max stays exact). Below 2^11 each value has its own bucket; above, each power of
 * two is split into 1024, and a quantile is reported as the middle of its bucket: the relative
 * error is below 0.05 %. n, min and max are exact; mean and standard deviation are computed
 * from the values, not from buckets. */
#define HIST_BUCKETS 33792 /* 2048 + 31 * 1024 */

struct hist {
	uint64_t n;
	uint64_t min, max; /* 0 while n is */
	double mean, m2;   /* Welford 1962: mean, and sum of squared differences from it */
	uint64_t count[HIST_BUCKETS];
};

/* An empty histogram, to be released with free(); NULL: out of memory. Memory pages without a
 * value are never touched. */
struct hist *hist_new(void);
void hist_add(struct hist *, uint64_t ns);

/* Empty it. This, hist_merge() and hist_quantile() look only at buckets from min to max: what
 * happens between two short blocks should leave the caches as they are. */
void hist_clear(struct hist *);

/* Find the first non-empty bucket from number *i on: sets *i to its number, and its bounds (low
 * inclusive, high exclusive). False: there is none. */
bool hist_bucket(const struct hist *, unsigned *i, uint64_t *low_ns, uint64_t *high_ns);

/* Add count values of which only the bucket is known: each as the middle of the bucket, also for
 * mean, min and max. False: these are not the bounds of a bucket. */
bool hist_add_bucket(struct hist *, uint64_t low_ns, uint64_t high_ns, uint64_t count);

/* Add the content of from (Chan, Golub, LeVeque 1979 for mean and m2). */
void hist_merge(struct hist *to, const struct hist *from);

/* The nearest-rank quantile: the value at rank ceil(q * n), 0 <= q <= 1. Exact for the
 * first rank (min) and the last (max). n must not be 0. */
uint64_t hist_quantile(const struct hist *, double q);

/* Is the sample large enough to show this quantile? One value has to lie beyond it: 0.9 and 0.1
 * need 10 values, 0.99 needs 100. Minimum, median and maximum need one. */
bool hist_shows(const struct hist *, double q);

/* Sample standard deviation (n - 1); 0 with fewer than 2 values. */
double hist_sd(const struct hist *);

#endif
