/* SPDX-License-Identifier: ISC */
/* What one thread measured of one row: latencies, samples, errors and their causes.
 * Written by one thread, merged when it is done. */
#ifndef RESULT_H
#define RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/hist.h"

/* One operation. */
struct result_sample {
	uint64_t start_ns;      /* as clock_ns(); in an open loop when it was due */
	uint64_t ns;
	uint64_t wait_ns;       /* of these: due, but not yet sent (open loop) */
	uint64_t seq;           /* within its client, from 0 */
	unsigned client;        /* from 0 */
	bool ok;
};

/* Samples are kept in pieces, so that no long run has to copy what it has. */
struct result_piece {
	struct result_piece *next;
	size_t n;
	struct result_sample sample[8192];
};

#define RESULT_CAUSES 8
#define RESULT_TEXT 480

struct result_cause {
	uint64_t n;
	char text[RESULT_TEXT];
};

struct result {
	struct hist *hist;      /* of the operations that succeeded; owned */
	struct hist *wait, *service;    /* open loop: from due to sent, from sent to the end of
	                         * the reply; else NULL. Owned */
	uint64_t errors;        /* that failed */
	uint64_t notes;         /* what went wrong without being an operation */
	uint64_t redialled;     /* that include connecting anew, as the peer had closed */
	uint64_t cpu_ns;        /* processor time of the timed run, of all threads */
	uint64_t end_ns;        /* the last operation's end; 0: there was none */
	unsigned gone;          /* clients that had to give up */

	bool raw;               /* keep samples */
	struct result_piece *first, *last;       /* owned */
	uint64_t dropped;       /* samples there was no memory for */

	struct result_cause cause[RESULT_CAUSES]; /* distinct ones, in order of appearance */
	unsigned ncauses;
	uint64_t other;         /* errors of causes beyond these */
};

/* raw: keep samples. open: for an open loop, too. NULL: out of memory. */
struct result *result_new(bool raw, bool open);
void result_free(struct result *);

/* Forget everything, for the next row. */
void result_clear(struct result *);

/* An operation of a client ended; why: what it failed of ("": said elsewhere), NULL if
 * it succeeded. */
void result_add(struct result *, const struct result_sample *, const char *why);

/* Something went wrong that is no operation of the row: warming up, say, or connecting again.
 * It is told, and is part of the exit status. */
void result_note(struct result *, const char *what, const char *why);

/* Add what from has to to; from is as after result_clear(). */
void result_merge(struct result *to, struct result *from);

#endif
