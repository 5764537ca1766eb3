/* SPDX-License-Identifier: ISC */
/* What an interval of a ratio is called. Pure functions. (Links with -lm.) */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/rounds.h"

enum verdict { BETTER, WORSE, SAME, UNDECIDED, VERDICTS };

/* Their names. Static. */
extern const char *const verdict_name[VERDICTS];

#define VERDICT_PASSES 6 /* with fewer nothing can be said of what passes differ by */

struct verdict_rules {
	double limit;       /* what is smaller is no difference; as a factor: 1.01 */
	size_t comparisons; /* all that can be decided, this one included */
	bool smaller_is_worse;
};

/* A ratio and its limits: those on level STAT_LEVEL, and those for all comparisons together,
 * on a level at which not even one of them is likely to miss the truth (Bonferroni). 0: there
 * is none. */
struct finding {
	double ratio, low, high, strict_low, strict_high;
	size_t pairs, passes;
	struct paired_estimate estimate; /* of what was measured in turn */

	enum verdict verdict;
	int direction; /* 1: the ratio is surely above 1, -1: below it; 0: neither */
	size_t enough; /* about as many passes would decide what is undecided, in two digits; 0:
			* it is not known, or more than VERDICT_MOST */
};

#define VERDICT_MOST 1000

/* Sets verdict and direction. Different is what lies beyond the limit with its strict interval as a
 * whole; the same, what lies within it with its 95 % interval as a whole. */
void verdict_set(struct finding *, const struct verdict_rules *);

/* Find ratio, pairs and passes of two targets that were measured in turn: other / base. False: out
 * of memory. */
bool verdict_estimate(struct finding *, const struct rounds *base, const struct rounds *other);

/* With fewer than VERDICT_PASSES passes all remains undecided. */
static inline bool
verdict_possible(const struct finding *f)
{
	return f->passes >= VERDICT_PASSES;
}

/* Find all else for what was estimated. */
void verdict_decide(struct finding *, const struct verdict_rules *);

#endif
