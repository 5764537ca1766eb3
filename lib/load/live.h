/* SPDX-License-Identifier: ISC */
/* A timed part that is seen while it goes on: a row for each interval (-i), and on a terminal one
 * line of progress. A thread of its own prints them, so that a peer that stands still holds up
 * nothing. Each operation is in the interval in which it ended; the last one ends with the part. If
 * rows come late, as their reader takes his time, one is of several intervals. */
#ifndef LIVE_H
#define LIVE_H

#include <stdint.h>

#include "load/bench.h"

struct live;

/* For timed parts of this many threads, or NULL with errno. */
struct live *live_new(struct bench *, unsigned threads);
void live_free(struct live *);

/* What thread number i measures goes into this result from now on. Borrowed. */
void live_attach(struct live *, unsigned i, struct result *);

/* A timed part of count operations per client (UINT64_MAX: no limit) or time_ns (0: no limit)
 * follows, one of all rounds of its row. Nothing is seen of one that is too short for that. */
void live_begin(struct live *, const struct bench_target *, const struct bench_row *,
    unsigned clients, uint64_t count, uint64_t time_ns, uint64_t rounds);

/* It starts now: called by each of its threads. */
void live_start(struct live *, uint64_t start_ns);

/* It is over: print what is left, and forget the results. */
void live_end(struct live *);

#endif
