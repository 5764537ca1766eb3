/* SPDX-License-Identifier: ISC */
/* Rows of several runs, one behind the other: of which run is a row? In a run each configuration
 * has a round once, so one that comes again is of another run, and so is all that follows. That may
 * have begun earlier, with configurations that the run before lacks: behind a header line, or where
 * rounds began again, if nothing since was there already. Everything was new for a run, so its
 * passes are others than those before. */
#ifndef RUNS_H
#define RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/rounds.h"
#include "stats/rows.h"

struct runs {
	struct rows_index *index; /* each of its groups holds a struct rounds, */
	size_t offset;            /* this many bytes from its beginning. Set by the owner: all
				   * else is zero */
	uint64_t run;             /* how many are over */
	struct tsv_when last;     /* of the row before */
	bool open;                /* a run may have begun */
	struct runs_row *recent;  /* the rows since; owned */
	size_t n, cap;
};

/* The figures of a new round, all NAN, for a row of group number. headed: it is the first behind a
 * header line. They may move with the next call. NULL: out of memory. */
double *runs_add(struct runs *, size_t number, struct tsv_when, bool headed);
void runs_free(struct runs *);

#endif
