/* SPDX-License-Identifier: ISC */
/* When the requests of an open loop are due: arithmetic, without any clock.
 *
 * Request k of a run is due at start + k / rate, or with exponential gaps of that mean
 * (arrivals of a Poisson process, as of many independent users). Several threads share
 * one schedule without speaking to each other: thread i of j takes the requests k for which
 * k mod j is i, so that all together are the same whatever j is. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stdint.h>

enum schedule_dist {
	SCHEDULE_FIXED,
	SCHEDULE_EXP
};

struct schedule {
	uint64_t due_ns;        /* of the next request; SCHEDULE_OVER: there is none */

	/* Private. */
	enum schedule_dist dist;
	double rate;            /* per second, of all threads */
	uint64_t seed;
	unsigned first, step;
	uint64_t start_ns, until_ns, count;
	uint64_t k;             /* number of the next request, of all threads' */
	uint64_t state;         /* of the generator */
	double sum_ns;          /* of the gaps so far */
};

#define SCHEDULE_OVER UINT64_MAX

/* rate is per second, over all threads; the one that this schedule is for is number first
 * of step. The seed is used by SCHEDULE_EXP only. */
void schedule_init(struct schedule *, enum schedule_dist, double rate, uint64_t seed,
    unsigned first, unsigned step);

/* Begin a run of count requests, over all threads, of which none is due at until_ns or
 * later. Each run with the same seed is the same. */
void schedule_start(struct schedule *, uint64_t start_ns, uint64_t count, uint64_t until_ns);

/* Go on to the next request: returns when the one that was next is due. */
uint64_t schedule_take(struct schedule *);

#endif
