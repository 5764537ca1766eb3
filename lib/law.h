/* Laws of service times: how long a server takes over each request, by what its user says
 * rather than by the work that there is.
 *
 *     1ms                     always as long
 *     exp:1ms                 exponential with that mean
 *     1ms:0.9,20ms:0.1        a mixture: each part with its probability; exp: is a part, too
 *     stall:1s/5s             in every 5 s the last second is a standstill: what comes
 *                             during it takes until its end, all else no time
 *
 * Arithmetic only: the clock, and the waiting, are the server's (server_model.h). */
#ifndef LAW_H
#define LAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAW_PARTS 16            /* of a mixture, at most */
#define LAW_MAX_S 1000000       /* longest time in a law */
#define LAW_WHY 128             /* room for what is wrong with one */

struct law {
	uint64_t stall_ns, period_ns;   /* period_ns 0: it does not stall, but has parts */
	unsigned n;
	struct law_part {
		uint64_t ns;
		bool exponential;
		double upto;            /* probability of this part or one before it */
	} part[LAW_PARTS];
};

/* Read a law. False: why says what is wrong, and where. */
bool law_parse(struct law *, const char *text, char why[LAW_WHY]);

/* The service time of one request, in nanoseconds. state is that of rng.h; age_ns, the time
 * since the server started, is what a stall goes by. */
uint64_t law_draw(const struct law *, uint64_t *state, uint64_t age_ns);

#endif
