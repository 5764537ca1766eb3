/* SPDX-License-Identifier: ISC */
/* The search for the highest rate that holds: verdicts go in, the next rate to try comes out. Pure
 * functions.
 *
 * It starts low and doubles, with a glance at each rate, until one fails; then it takes the middle
 * (of logarithms) between what holds and what fails. Near the edge a probe may remain undecided:
 * then the middles on both sides of such rates are tried, the wider side first. */
#ifndef CAPACITY_H
#define CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/limit.h"

struct capacity {
	double precision; /* it is over when fails / holds is at most this */
	double bound;     /* no rate above is tried, */
	double least;     /* and none below on the way down */

	/* Rates per second; 0: there is none. */
	double holds, fails; /* the answer: the highest and the lowest that did */
	double passed;       /* the highest that a glance found nothing against */
	double low, high;    /* the lowest and the highest between these that remained undecided */
};

/* start: the first rate. All rates are above 0. */
void capacity_init(struct capacity *, double start, double least, double bound, double precision);

/* The next rate. *glance: it need not be decided, if it looks as if it held. False: it is over. */
bool capacity_next(const struct capacity *, double *rate, bool *glance);

/* How long may a probe of this rate last, of the time that is left for all, if needs operations are
 * the least that decide it? 0: it is not worth beginning. */
uint64_t capacity_time_ns(double rate, bool glance, uint64_t needs, uint64_t left_ns);

/* What came of it. passed: of a glance. */
void capacity_take(struct capacity *, double rate, enum limit_verdict, bool passed);

#endif
