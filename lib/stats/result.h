/* SPDX-License-Identifier: ISC */
/* What one thread measured for one row: latencies, samples, errors and their causes.
 * Written by one thread, merged when it is done. */
#ifndef RESULT_H
#define RESULT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/hist.h"

/* One operation. */
struct result_sample {
	uint64_t start_ns; /* as clock_ns(); in an open loop when it was due */
	uint64_t ns;
	uint64_t wait_ns; /* the part of ns from due to sent (open loop) */
	uint64_t wake_ns; /* the part of ns from the reply's arrival in the kernel on (stamps);
			   * RESULT_UNSTAMPED: not known */
	uint64_t seq;     /* within its client, from 0 */
	unsigned client;  /* from 0 */
	bool ok;
};

#define RESULT_UNSTAMPED UINT64_MAX

/* Samples are stored in pieces, so that a long run never has to copy them. */
struct result_piece {
	struct result_piece *next;
	size_t n;
	struct result_sample sample[8192];
};

#define RESULT_CAUSES 8
#define RESULT_TEXT 512

struct result_cause {
	uint64_t n;
	char text[RESULT_TEXT];
};

struct result {
	struct hist *hist;           /* operations that succeeded; owned */
	struct hist *wait, *service; /* open loop: from due to sent, from sent to the end of
				      * the reply; else NULL. Owned */
	struct hist *arrival, *wake; /* stamps: from sent to the arrival of the reply in the
				      * kernel, and from there to its end; else NULL. Owned */
	bool parts;                  /* there are such histograms */
	uint64_t unstamped;          /* stamps: operations that succeeded and are not in these */
	uint64_t content; /* payload bytes of replies to these, beyond what the call says: the
			   * sum of client_session.content */
	uint64_t sent_bytes, received_bytes; /* for these, on their sockets */
	uint64_t errors;                     /* operations that failed */
	uint64_t unheard;                    /* of first replies, those of which no byte came */
	uint64_t warnings;                   /* failures that are not operations: result_warn() */
	uint64_t reconnected; /* operations that include connecting again: the peer had closed */
	uint64_t retried;     /* operations whose request was sent once more, as a kept connection
			       * had ended: the peer had not announced that */
	uint64_t resent;      /* those whose request was sent again, as the peer had announced the
			       * end with the reply to one before */
	uint64_t cpu_ns;      /* processor time of the timed run, all threads */
	uint64_t end_ns;      /* when the last operation ended; 0: there was none */
	uint64_t due_ns, sent_ns; /* open loop: when the last was due, and when it was sent */
	/* From the start of a timed part to these three; the owner sets them, merging adds. */
	uint64_t elapsed_ns, until_due_ns, until_sent_ns;
	unsigned gave_up; /* clients that gave up */
	uint64_t idle;    /* turns of an event loop in which there was nothing to do */

	/* Set by the owner, after clearing it: what succeeded and was due before from_ns is not
	 * recorded; saw is told of each operation. */
	uint64_t from_ns;
	void (*saw)(void *arg, const struct result_sample *);
	void *arg;

	struct result_live *live; /* what others see meanwhile; borrowed, or NULL */

	bool raw;                          /* store samples */
	struct result_piece *first, *last; /* owned */
	uint64_t dropped;                  /* samples lost for lack of memory */

	struct result_cause cause[RESULT_CAUSES]; /* distinct ones, in order of appearance */
	unsigned ncauses;
	uint64_t other; /* errors with causes beyond these */
};

/* raw: store samples. open: with the two histograms of an open loop; stamps: with the other two.
 * NULL: out of memory. */
struct result *result_new(bool raw, bool open, bool stamps);
void result_free(struct result *);

/* Empty it for the next row. */
void result_clear(struct result *);

/* An operation of a client ended. why: the cause of its failure ("": reported elsewhere);
 * NULL if it succeeded. Returns whether it succeeded and is recorded. */
bool result_add(struct result *, const struct result_sample *, const char *why);

/* What another thread may see while a timed part goes on: counts, and the operations that ended in
 * each interval. The owner of the result adds to it, the other one takes intervals away. */
struct result_live {
	_Atomic uint64_t n, errors; /* so far */

	uint64_t start_ns;  /* of the part: set by the owner before anything is added */
	uint64_t period_ns; /* 0: no intervals */
	uint64_t last;      /* number of the interval that is never over */
	uint64_t number;    /* of the one that is to be taken next */
	pthread_mutex_t mutex;
	struct result *set[2]; /* of that, and of all behind it. Owned */
	unsigned latest;       /* to which of them an operation was added last */
};

/* intervals: keep these too; open, stamps: as for result_new(). False: out of memory. */
bool result_live_init(struct result_live *, bool intervals, bool open, bool stamps);
void result_live_free(struct result_live *);

/* Empty it for a part of time_ns (0: no limit) in intervals of period_ns (0: none). */
void result_live_begin(struct result_live *, uint64_t period_ns, uint64_t time_ns);

/* Take the next interval. The one with number next is next then, and has all that is behind the one
 * that is taken: where a taker is late, of several. empty is left in place of what is taken. */
struct result *result_live_take(struct result_live *, struct result *empty, uint64_t next);

/* Is there something behind the next interval? Only when nothing is added any more. */
bool result_live_ahead(const struct result_live *);

void result_live_moved(struct result_live *, uint64_t content, uint64_t sent, uint64_t received);

static inline void
result_sum_moved(struct result *t, uint64_t content, uint64_t sent, uint64_t received)
{
	t->content += content;
	t->sent_bytes += sent;
	t->received_bytes += received;
}

/* It succeeded: payload bytes of its reply beyond what the call says, and bytes on the socket. */
static inline void
result_moved(struct result *t, uint64_t content, uint64_t sent, uint64_t received)
{
	result_sum_moved(t, content, sent, received);
	if (t->live)
		result_live_moved(t->live, content, sent, received);
}

/* n operations of a client were due and could not be tried. They have no samples. */
void result_missed(struct result *, uint64_t n, const char *why);

/* Something failed that is not an operation of the row, such as warming up or reconnecting.
 * It is reported, and makes the exit status 1. */
void result_warn(struct result *, const char *what, const char *why);

/* Add from to to; from is left as after result_clear(). */
void result_merge(struct result *to, struct result *from);

#endif
