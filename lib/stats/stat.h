/* SPDX-License-Identifier: ISC */
/* Order statistics and confidence limits that assume no distribution. Pure functions.
 * (Links with -lm.) */
#ifndef STAT_H
#define STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAT_LEVEL 0.95 /* of all intervals, unless they say otherwise */

void stat_sort(double *v, size_t n);

/* The median of n > 0 sorted values: of an even number the mean of the two in the middle. */
double stat_median(const double *sorted, size_t n);

/* Limits of a quantile q (0 < q < 1) from a sample of n: the ranks, from 1, of the two sorted
 * values between which the quantile of what was sampled lies with at least this level, and
 * outside of each with at most half of the rest. 0: the sample is too small to have this
 * limit. Exact for every n (it takes time in proportion to the square root of n).
 * The number of values below the quantile is binomial: Conover, Practical Nonparametric
 * Statistics, 3rd ed. 1999, section 3.2; David and Nagaraja, Order Statistics, 3rd ed.
 * 2003, section 7.1; Hahn and Meeker, Statistical Intervals, 1991, section 5.2. */
void stat_ranks(uint64_t n, double q, double level, uint64_t *low, uint64_t *high);

/* What a sample comes to: its median, with limits on level STAT_LEVEL. NAN: there is none. */
struct stat_median {
	size_t n;
	double median, low, high;
};

/* Of n values, which are sorted for it. */
void stat_median_limits(double *v, size_t n, struct stat_median *);

/* Two samples of positive values, of sizes m and n, that differ by a factor. Of all m * n
 * ratios of a value of the one and a value of the other, sorted, the k-th from either end
 * are the limits of the factor with at least this level: k, or 0 if the samples are too
 * small. Exact for m * n up to STAT_EXACT, by the normal approximation with continuity
 * correction beyond it.
 * The interval of Moses that belongs to the test of Mann and Whitney 1947 and the estimate
 * of Hodges and Lehmann 1963, here of logarithms: Conover, section 5.4; Hollander and Wolfe,
 * Nonparametric Statistical Methods, 2nd ed. 1999, section 4.3. */
#define STAT_EXACT 10000
size_t stat_ratio_rank(size_t m, size_t n, double level);

/* All ratios b / a, sorted: out has room for m * n. */
void stat_ratios(const double *a, size_t m, const double *b, size_t n, double *out);

#endif
