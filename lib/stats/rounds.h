/* SPDX-License-Identifier: ISC */
/* Figures that were measured in rounds. The round is the unit: the operations of one round share
 * its server, its place on the processors and its moment, and so say less than as many
 * independent ones. What changes from round to round and meets two configurations alike does
 * not count in the ratios of their figures within each round. */
#ifndef ROUNDS_H
#define ROUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/stat.h"

struct rounds {
	size_t figures;         /* of a round: set by the owner, all else is zero */
	uint64_t *round;        /* their numbers, ascending; owned */
	double *figure;         /* of each round in turn; NAN: it has none. Owned */
	size_t n, cap;
};

/* The figures of a round, all NAN if it is a new one; *fresh says so. They may move with the next
 * call. NULL: out of memory. */
double *rounds_add(struct rounds *, uint64_t round, bool *fresh);
void rounds_free(struct rounds *);

/* The median over all rounds that have this figure. False: out of memory. */
bool rounds_median(const struct rounds *, size_t figure, struct stat_median *);

/* The median of the ratios a / b within the rounds in which both have this figure, that of b
 * above 0. False: out of memory. */
bool rounds_ratio(const struct rounds *a, const struct rounds *b, size_t figure,
    struct stat_median *);

#endif
