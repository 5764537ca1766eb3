/* SPDX-License-Identifier: ISC */
/* Distributions of service times: how long a server takes for each request because its user
 * says so, whatever work there is.
 *
 *     1ms                     constant
 *     exp:1ms                 exponential with that mean
 *     1ms:0.9,20ms:0.1        a mixture: each part with its probability; exp: may be one
 *     stall:1s/5s             the last second of every 5 s is a standstill: a request that
 *                             comes during it takes until its end, any other no time
 *
 * Arithmetic only: the server has the clock and does the waiting (server/conn.h). */
#ifndef DELAY_H
#define DELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELAY_PARTS 16      /* of a mixture, at most */
#define DELAY_MAX_S 1000000 /* longest time in a distribution */
#define DELAY_WHY 128       /* room for what is wrong with one */

struct delay_dist {
	uint64_t stall_ns, period_ns; /* period_ns 0: it does not stall, but has parts */
	unsigned n;
	struct delay_part {
		uint64_t ns;
		bool exponential;
		double upto; /* probability of this part or one before it */
	} part[DELAY_PARTS];
};

/* Read a distribution. False: why says what is wrong, and where. */
bool delay_parse(struct delay_dist *, const char *text, char why[DELAY_WHY]);

/* The service time of one request, in nanoseconds. state is that of rng.h; age_ns is the time
 * since the server started, on which stalls depend. */
uint64_t delay_draw(const struct delay_dist *, uint64_t *state, uint64_t age_ns);

#endif
