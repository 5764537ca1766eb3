/* SPDX-License-Identifier: ISC */
/* Histogram rows, read back: those of a run are one behind the other, and all there. */
#ifndef BUCKETS_H
#define BUCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/hist.h"
#include "stats/rows.h"

/* A run. All zero: none has begun. */
struct buckets {
	uint64_t n, errors, elapsed_ns; /* what its rows say */
	uint64_t left;                  /* operations that its rows have yet to show */
	uint64_t high_ns;
};

/* Take a row of the run or, if that is complete, of the next one: *begun says so. False: it does
 * not go with those before, as table_bad() has said. */
bool buckets_take(struct buckets *, struct rows *, struct hist *, bool *begun);

/* Is the run complete? False: not, as table_bad() has said. */
bool buckets_whole(const struct buckets *, struct table *);

#endif
