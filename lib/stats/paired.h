/* SPDX-License-Identifier: ISC */
/* The ratio of two targets that were measured in turn: pairs of figures, one of each target
 * from the same round, in several passes. Within a pass both keep their processes, memory and
 * connections, and with them a difference that is not the programs' own; so the pass is the
 * unit from which the interval is taken, and rounds only make a pass more exact.
 * Pure functions. (Links with -lm.) */
#ifndef PAIRED_H
#define PAIRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A figure, and the pass that it is of. */
struct pass_figure {
	uint64_t pass;
	double v;
};

struct paired_estimate {
	double log_ratio; /* Hodges and Lehmann's, over the pairs of all passes */
	double error;     /* its standard error, by leaving out one unit at a time; with few
			   * pairs a unit, by the spread of the units' own estimates */
	size_t pairs, passes;
	size_t units; /* passes or, of a single one, pairs: then the error lacks what
		       * passes differ by, and is too small. Of more than 100 of them,
		       * 100 groups of neighbours */
};

/* From n > 0 logarithms of ratios, sorted by pass. False: out of memory.
 * Hodges and Lehmann 1963; the jackknife of Quenouille and Tukey over groups: Miller, The
 * jackknife, a review, Biometrika 61 (1974). */
bool paired_estimate(const struct pass_figure *, size_t n, struct paired_estimate *);

/* The limits of the ratio at this level, by Student's t with units - 1 degrees of freedom.
 * False: with fewer than two units there are none. */
bool paired_limits(const struct paired_estimate *, double level, double *low, double *high);

/* The median of the averages (v[i] + v[j]) / 2 for i <= j of n > 0 sorted values; of an even
 * number of averages the mean of the two in the middle. Takes time in proportion to n. */
double paired_center(const double *sorted, size_t n);

/* The t for which a variable of Student's distribution with df > 0 degrees of freedom lies
 * between -t and t with probability level (0 < level < 1). Abramowitz and Stegun, 26.7.3 and
 * 26.7.4. */
double paired_student(double level, size_t df);

#endif
