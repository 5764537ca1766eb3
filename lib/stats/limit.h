/* SPDX-License-Identifier: ISC */
/* Does a quantile of the response time stay within a limit, at a rate that is offered? Times go in,
 * a verdict comes out. Nothing here looks at a clock. */
#ifndef LIMIT_H
#define LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum limit_verdict { LIMIT_UNDECIDED, LIMIT_HOLDS, LIMIT_FAILS };

#define LIMIT_BATCHES 128 /* of time; once they are full, two become one */
#define LIMIT_LEVELS 12   /* times that are counted: the limit, and shorter ones */

struct limit_batch {
	uint64_t due, done;            /* operations */
	uint64_t within[LIMIT_LEVELS]; /* those done that took no longer */
	double sum_ns;                 /* of the times of those done */
};

/* A probe. */
struct limit {
	double share;      /* of operations that may take longer: 0.01 for p99 */
	uint64_t limit_ns; /* than this */

	/* Private. */
	uint64_t start_ns, look_ns, batch_ns;
	struct limit_batch batch[LIMIT_BATCHES];
	double t[LIMIT_BATCHES]; /* Student's t by degrees of freedom; 0: not needed yet */
};

/* The share of operations beyond the limit. */
struct limit_share {
	enum limit_verdict verdict;
	bool passes;             /* undecided, but nothing speaks against it */
	uint64_t n;              /* operations that were looked at */
	double share, low, high; /* with its interval; NAN: there is none */
};

/* How long a probe that lasts at most most_ns takes until the queue is what it will be, if it was
 * empty before: that time is no part of it. */
uint64_t limit_ramp_ns(uint64_t limit_ns, uint64_t most_ns);

/* How many operations it takes at least to show that the quantile q is within a limit. */
uint64_t limit_needs(double q);

/* Begin a probe of the quantile q (0 < q < 1); what is due before start_ns is no part of it. */
void limit_init(struct limit *, double q, uint64_t limit_ns, uint64_t start_ns);

/* An operation is due. Each has to be known when it is, whatever becomes of it: what has no end in
 * time, and what fails, is beyond the limit. */
void limit_due(struct limit *, uint64_t due_ns);

/* One that was due at due_ns took ns, and has succeeded. */
void limit_done(struct limit *, uint64_t due_ns, uint64_t ns);

/* Is it worth another look, half as long again after the start as the last one? (Each is another
 * chance to be wrong.) */
bool limit_ready(const struct limit *, uint64_t now_ns);

/* Look at what was due before now, less the limit: of what is younger, only the fastest is done.
 *
 * The quantile q is within the limit if at most a share 1 - q of all operations takes longer. In a
 * queue these come in clusters, and tell less than as many independent ones. How much less is
 * seen from batches of time, 64 to 128 of them: the variance of their counts, with that of
 * neighbours, as far as these are correlated (Geyer, Statist. Sci. 7, 1992). The interval of the
 * share is that of Student's t on level 0.995, and no narrower than that of as many independent
 * operations. Correlations that make less than 32 independent batches of all leave it undecided, as
 * do less than 1500 operations, unless nearly all of them are beyond the limit.
 *
 * HOLDS if the interval lies below 1 - q. Where few operations were beyond the limit, few clusters
 * were seen, and their variance is too small as often as their number. So it has to be small even
 * if it came in clusters like those beyond the longest of several shorter times that a share of
 * 1 - q exceeds. And it does not hold yet if times grow, so that their mean would pass the
 * limit within a minute: that is a queue that just has not filled.
 *
 * FAILS if the interval lies above.
 *
 * What happens more rarely than a probe lasts is not seen: a pause every minute, in one of 10 s.
 * tests/unit/capacity.c has how often the rule is wrong. */
void limit_look(struct limit *, uint64_t now_ns, struct limit_share *);

#endif
