/* SPDX-License-Identifier: ISC */
/* Latency histogram: log-linear, bounded memory, mergeable. (Links with -lm.) */
#ifndef HIST_H
#define HIST_H

#include <stdbool.h>
#include <stdint.h>

/* Values in nanoseconds from 0 to 2^42 - 1 (73 minutes); larger ones count in the last
 * bucket (max stays exact). Below 2^11 each value has its bucket, above it each power of
 * two is split into 1024, and a quantile answers the middle of its bucket: the relative
 * error is below 0.05 %. n, min and max are exact, mean and standard deviation are those
 * of the values themselves, not of buckets. */
#define HIST_BUCKETS 33792      /* 2048 + 31 * 1024 */

struct hist {
	uint64_t n;
	uint64_t min, max;      /* 0 while n is */
	double mean, m2;        /* Welford 1962: mean, and sum of squared differences from it */
	uint64_t count[HIST_BUCKETS];
};

/* NULL: out of memory. To be released with free(). Pages of buckets never hit are
 * never touched. */
struct hist *hist_new(void);
void hist_add(struct hist *, uint64_t ns);

/* The buckets that hold something, in ascending order: the first from number i on, with its
 * bounds (low inclusive, high exclusive); *i is its number. False: there is none. */
bool hist_bucket(const struct hist *, unsigned *i, uint64_t *low_ns, uint64_t *high_ns);

/* Add count values of a bucket, of which only that is known: each as the middle of the bucket,
 * which is then what mean, min and max are made of. False: these are not the bounds of one. */
bool hist_add_bucket(struct hist *, uint64_t low_ns, uint64_t high_ns, uint64_t count);

/* Add the content of from (Chan, Golub, LeVeque 1979 for mean and m2). */
void hist_merge(struct hist *to, const struct hist *from);

/* The nearest-rank quantile: the value at rank ceil(q * n), 0 <= q <= 1. Exact for the
 * first rank (min) and the last (max). n must not be 0. */
uint64_t hist_quantile(const struct hist *, double q);

/* Is the sample large enough to show that quantile? It takes a value beyond it: 10 in all for
 * 0.9 or 0.1, 100 for 0.99. Minimum, median and maximum take one value. */
bool hist_shows(const struct hist *, double q);

/* Sample standard deviation (n - 1); 0 under 2 values. */
double hist_sd(const struct hist *);

#endif
