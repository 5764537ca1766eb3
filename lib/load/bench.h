/* SPDX-License-Identifier: ISC */
/* What the benchmark programs share: the command line, the life cycle of a run, the
 * operations of one connection, and how rows and messages come out. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/conn.h"
#include "payload.h"
#include "load/schedule.h"
#include "stats/result.h"
#include "stats/tsv.h"

/* When an operation is done without being asked for by -o. */
enum bench_when {
	BENCH_ALWAYS,
	BENCH_UNSIZED,          /* if there is no -s */
	BENCH_SIZED,            /* if there is a -s */
	BENCH_ASKED             /* not at all */
};

struct bench_op {
	const char *name;
	enum call_op op;
	bool sized, chunked;    /* has a payload size, a chunk size */
	enum bench_when when;
};

/* A program, as far as the command line goes. */
struct bench_program {
	const char *name;
	const char *about;      /* what it measures, a sentence of at most 80 columns */
	const char *options;    /* the letters it takes */
	const char *counted;    /* what -n counts: "requests" */
	const struct bench_op *ops;
	size_t nops;
	uint64_t count, warmup; /* defaults */
	const char *sizes;      /* default of -s, NULL: none */
	bool named;             /* a method or path in the target replaces the operations */
	bool path;              /* or only a path, over HTTP: it is what CALL_HELLO asks for */
};

/* One row to be measured. */
struct bench_row {
	const char *op;
	struct call call;
};

struct bench {
	const struct bench_program *program;
	uint64_t count;         /* operations of a row, per client; 0: time_ns decides */
	uint64_t time_ns;
	uint64_t warmup;
	unsigned clients, threads;
	unsigned depth;         /* requests in flight per connection */
	double rate;            /* per second over all clients; 0: closed loop */
	enum schedule_dist dist;  /* of their arrivals, with a rate */
	uint64_t seed;          /* with SCHEDULE_EXP */
	enum tsv_rows rows;     /* what comes out */
	bool quiet, verbose;
	bool header;            /* still to be printed */
	const char *label;
	const char *command;    /* -x: for the shell, while connections are open; NULL: none */
	struct bench_row *row;
	size_t nrows;
	struct client client;
	struct payload payload;
	int mute;               /* what writing to stdout failed of (errno), or 0 */
	bool warned;            /* of a peer that closes after its replies */
	bool failed;            /* exit status 1 */
};

/* Parse the command line, resolve and probe the target, and install the signal
 * handlers. Returns -1, or the status to exit with. */
int bench_begin(struct bench *, const struct bench_program *, int argc, char **argv);

/* The part of bench_begin() that deals with the command line (bench_args.c): fills in what
 * it says, rows and payload included. Returns -1, or the status to exit with. */
int bench_args(struct bench *, int argc, char **argv);

/* Close stdout; returns the exit status. */
int bench_end(struct bench *);

/* No more is to be measured: a signal came, or stdout takes no more. */
bool bench_stopped(const struct bench *);

/* Are requests of a row sent one by one, each when the reply to the last is complete? Else
 * event.h drives even a single connection. */
bool bench_one_by_one(const struct bench *);

/* How many sockets the process may open, once its limit is raised as far as it goes. */
uint64_t bench_descriptors(void);

/* On a terminal, say what is being measured now. */
void bench_progress(const struct bench *, const struct bench_row *);

/* Print one row, or the three of an open loop (or, raw, its samples), before the first a
 * header, and say on stderr what failed and what to doubt. A row cut off before its first
 * operation ended is left out. */
void bench_report(struct bench *, const struct bench_row *, const struct result *,
    unsigned clients, unsigned threads, uint64_t start_ns);

/* ---- one client: a connection, made again when it is lost ---- */

struct bench_client {
	struct client_conn conn;
	unsigned index;         /* from 0 */
	uint64_t seq;           /* operations of the row so far */
	unsigned redials;       /* in a row without success */
	bool gone;              /* given up */
};

/* Not connected yet; in, of in_size bytes, is what its connection reads into, and may be shared
 * by the clients of one thread. Borrowed, as is the bench. */
void bench_client_init(struct bench_client *, const struct bench *, unsigned index,
    unsigned char *in, size_t in_size);

/* An attempt of an operation ended: what is to be done about the connection? The rule,
 * for both drivers: a lost connection is made again, outside of any operation, with up
 * to BENCH_REDIALS attempts; after a time limit a second more is waited for an answer, on a
 * new connection (client_grace()), so that a peer that stands still costs no more. */
#define BENCH_REDIALS 3

enum bench_next {
	BENCH_GO_ON,            /* the next operation; if there is no connection it dials,
	                         * and that is part of what it measures */
	BENCH_REDIAL,
	BENCH_GIVE_UP           /* the client is gone */
};

enum bench_next bench_after(struct bench_client *, enum client_result);

/* The same after a warm-up operation, which is the last one if its connection is lost. */
enum bench_next bench_after_warm_up(struct bench_client *, enum client_result, struct result *);

/* The first call of a client ended: nothing is lost yet that could be made again. */
enum bench_next bench_after_first(struct bench_client *, enum client_result);

/* A redial ended. */
enum bench_next bench_after_redial(struct bench_client *, enum client_result, struct result *);

/* A client has given up before the timed run: count its first operation as failed. (In an
 * open loop operations belong to no client: what is due and can't be sent has failed.) */
void bench_absent(struct bench_client *, struct result *);

/* The blocking driver.
 * bench_first() connects and makes a first call, and records the time from the start of
 * connect to the end of the reply. bench_warm_up() does what is not recorded,
 * bench_run() the timed part, which ends by count, time, signal, or with k->gone. */
void bench_first(struct bench_client *, const struct call *, struct result *);
void bench_warm_up(struct bench *, struct bench_client *k, const struct call *, struct result *);
void bench_run(struct bench *, struct bench_client *k, const struct call *, struct result *,
    uint64_t start_ns);

/* All rows of a program with one connection. */
void bench_sequence(struct bench *);

#endif
