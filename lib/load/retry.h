/* SPDX-License-Identifier: ISC */
/* A client of a run, and what follows from how its operations end. The rule, for both drivers:
 * a lost connection is replaced, outside of any operation, with up to RETRY_MAX attempts; after
 * a time limit a second more is waited for an answer, on a new connection (client_grace()), so
 * that a peer that stands still costs no more, and one that breaks off again and again, however
 * slowly, no more than a time limit and that second (client_broken_off()). */
#ifndef RETRY_H
#define RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "client/conn.h"
#include "stats/result.h"

#define RETRY_MAX 3

struct bench_client {
	unsigned index;    /* from 0 */
	unsigned failures; /* attempts to connect that failed in a row */
	uint64_t seq;      /* operations of the row so far */
	bool gave_up;
	struct client_conn conn; /* last, for its last part is seldom used */
};

enum retry {
	RETRY_GO_ON, /* the next operation; if there is no connection it makes one,
		      * and that is part of what it measures */
	RETRY_RECONNECT,
	RETRY_GIVE_UP /* sets gave_up */
};

/* Not connected yet; in, of in_size bytes, is what its connection reads into, and may be shared
 * by the clients of one thread. Borrowed, as is the target. */
void bench_client_init(struct bench_client *, const struct client *, unsigned index,
    unsigned char *in, size_t in_size);

/* A measured operation ended, that began at start_ns. */
enum retry retry_after(struct bench_client *, enum client_result, uint64_t start_ns);

/* A warm-up operation ended: it is the last one if its connection is lost. Failures are reported.
 */
enum retry retry_after_warm_up(struct bench_client *, enum client_result, uint64_t start_ns,
    struct result *);

/* The first connection of a program's only client ended: without it nothing can be measured. */
enum retry retry_after_connect(struct bench_client *, enum client_result);

/* The first call of one of many clients ended, that began at start_ns: an attempt to connect. That
 * nothing came from the peer is counted. */
enum retry retry_after_first(struct bench_client *, enum client_result, uint64_t start_ns,
    struct result *);

/* An attempt to reconnect ended. */
enum retry retry_after_reconnect(struct bench_client *, enum client_result, struct result *);

/* A client had given up before a timed part that begins at start_ns: count its operations, or the
 * first where time decides, as failed. (In an open loop operations belong to no client: what is due
 * and can't be sent has failed.) */
void retry_absent(struct bench_client *, struct result *, uint64_t count, uint64_t start_ns);

/* It may have given up in the timed part, with count operations still to do: they have failed. */
void retry_missed(const struct bench_client *, struct result *, uint64_t count);

#endif
