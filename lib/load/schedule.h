/* SPDX-License-Identifier: ISC */
/* When the requests of an open loop are due: arithmetic, without any clock.
 *
 * Request k of a run is due at start + k / rate, or with exponential gaps of that mean
 * (arrivals of a Poisson process, as of many independent users), or as a list says. Several threads
 * share one schedule without communicating: thread i of j takes the requests k with k mod j = i, so
 * the schedule as a whole is the same whatever j is. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

enum schedule_dist { SCHEDULE_FIXED, SCHEDULE_EXP, SCHEDULE_LIST };

struct schedule {
	uint64_t due_ns; /* of the next request; SCHEDULE_OVER: there is none */

	/* Private. */
	enum schedule_dist dist;
	double rate; /* per second, of all threads */
	uint64_t seed;
	unsigned first, step;
	uint64_t start_ns, until_ns, count;
	uint64_t k;     /* number of the next request, of all threads' */
	uint64_t state; /* of the generator */
	const uint64_t *list_ns;
	size_t list_n;
	double sum_ns; /* of the gaps so far */
};

#define SCHEDULE_OVER UINT64_MAX

/* rate is per second, over all threads; this schedule is for thread number first of step. The
 * seed matters to SCHEDULE_EXP only. */
void schedule_init(struct schedule *, enum schedule_dist, double rate, uint64_t seed,
    unsigned first, unsigned step);

/* The same for n requests at these times, in ascending order, from the start of a run. Borrowed. */
void schedule_init_list(struct schedule *, const uint64_t *list_ns, size_t n, unsigned first,
    unsigned step);

/* Begin a run of count requests, over all threads, of which none is due at until_ns or
 * later. Runs with the same seed are the same. */
void schedule_start(struct schedule *, uint64_t start_ns, uint64_t count, uint64_t until_ns);

/* Take the next request: returns when it is due, as due_ns did before. */
uint64_t schedule_take(struct schedule *);

#endif
