/* SPDX-License-Identifier: ISC */
/* Figures that were measured in rounds and passes. A round's operations share its moment, and the
 * rounds of a pass its processes, memory and connections; so they say less than as many independent
 * ones. The pass is the unit from which limits are taken; of a single pass, the round. What meets
 * two configurations alike does not count in the ratios of their figures within each round. */
#ifndef ROUNDS_H
#define ROUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/paired.h"
#include "stats/stat.h"
#include "stats/tsv.h"

struct rounds {
	size_t figures;        /* of a round: set by the owner, all else is zero */
	uint64_t run;          /* see rounds_append() */
	struct tsv_when *when; /* ascending: by pass, then by round; owned */
	double *figure;        /* of each round in turn; NAN: it has none. Owned */
	size_t n, cap;
	size_t passes;
};

/* The figures of a round, all NAN if it is a new one; *fresh says so. They may move with the next
 * call. NULL: out of memory. */
double *rounds_add(struct rounds *, struct tsv_when, bool *fresh);

/* The same moment in another run than the first, number 0: everything was new for that, so its
 * passes (which are below 2^32) are others. */
struct tsv_when rounds_in_run(struct tsv_when, uint64_t run);

/* As rounds_add() for a new round, of rows that may come from several runs put together: one that
 * is there already shows that another run has begun. That is for a configuration by itself; where
 * several are compared see runs.h. */
double *rounds_append(struct rounds *, struct tsv_when);

/* A round that is there, from, is in truth to, which is later and not there. False: out of
 * memory. */
bool rounds_move(struct rounds *, struct tsv_when from, struct tsv_when to);
void rounds_free(struct rounds *);

/* One value for each unit that has this figure: the median over the rounds of a pass or, if
 * there is only one pass, the rounds as they are. *v has *n of them and is to be released with
 * free(), whatever is returned. False: out of memory. */
bool rounds_units(const struct rounds *, size_t figure, double **v, size_t *n);

/* The median over all units. False: out of memory. */
bool rounds_median(const struct rounds *, size_t figure, struct stat_median *);

/* What paired.h estimates from the ratios a / b within the rounds in which both have this figure,
 * above 0. If there is none, all is 0. False: out of memory. */
bool rounds_estimate(const struct rounds *a, const struct rounds *b, size_t figure,
    struct paired_estimate *);

#endif
