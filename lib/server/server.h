/* SPDX-License-Identifier: ISC */
/* A server: any protocol (protocol.h) under any concurrency model (models.h).
 *
 *     thread    a thread per connection
 *     fork      a process per connection
 *     request   a thread per request; idle connections are parked in one loop
 *     pool      a fixed number of threads over a queue of ready connections
 *     event     one event loop per thread, a fixed number of them
 *
 * What all models share - accepting, the limit of connections, parking, stopping, the
 * counters - is here. A connection's bytes and time limits (conn.h) are handled by whatever
 * thread or process the model gives it, which may block (blocking.c) or not (event.c). */
#ifndef SERVER_H
#define SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/limits.h"
#include "server/conf.h"
#include "server/conn.h"

struct server {
	const struct server_conf *conf;
	void *data; /* the model's */

	/* what follows is of no concern to models */
	uint64_t started_ns;
	struct loop *loop;
	pthread_attr_t small_stack;
	pthread_t *worker; /* n_workers of them run */
	unsigned n_workers;

	/* the main thread's own */
	bool accepting;    /* the listening sockets are of interest */
	uint64_t retry_ns; /* accepting pauses until then; 0: it doesn't */
	uint64_t look_ns;  /* at waits that are watched: no sooner than then */
	bool warned_accept, warned_serve, warned_full; /* why it pauses is printed once */

	int wake[2];        /* for the main thread to look again */
	atomic_bool failed; /* the model can't go on */

	pthread_mutex_t lock;   /* over all that follows */
	struct conn_list conns; /* all */
	unsigned n_conns;
	struct conn_list limited;   /* await their peer, parked or in a thread that is about to see
				     * whether there is input; the first has waited longest */
	struct conn_list lingering; /* throw input away before they are closed */
	struct conn_list refused;   /* the model had no room for these */
	bool waits_for_room;        /* the main thread wants to know of a connection's end */
	bool stopping;
	unsigned n_threads; /* of connections, not yet past their work */
	pthread_cond_t no_thread;
	struct server_usage usage;
};

/* Serve until control returns true, then end every connection, thread and process, and
 * add to *usage. Failures to serve one connection are printed and survived. Returns 0,
 * or -1 after printing a message. */
int server_run(const struct server_conf *, struct server_usage *);

/* The descriptors, threads and processes that max_conns connections take. */
struct limits_want server_wants(const struct server_conf *);

/* For control: a child process was reaped that isn't the caller's own. */
void server_reaped(struct server *, pid_t, int status);

/* Add processor time, memory, context switches and page faults of the calling process to *usage. */
void server_measure(struct server_usage *);

/* ---- what a model provides ---- */

struct server_model {
	const char *name;
	unsigned threads; /* it runs conf.threads of them, by default this many per
			   * processor; 0: no fixed number */
	bool blocking;    /* its connections' descriptors block, with time limits */
	bool watched;     /* it is the main thread that sees to these limits (conn.until_ns) */
	bool parks;       /* connections await their first byte in the main loop */
	bool hands_back;  /* and all else that they await of their peer */

	/* Begin and end; either may be NULL. Begin returns 0, or an error number after
	 * cleaning up. At the end all connections have been shut down; end makes sure that
	 * nothing serves them any more. What then still exists is closed by the caller. */
	int (*begin)(struct server *);
	void (*end)(struct server *);

	/* Take over a connection that has something to be done (all: one just accepted;
	 * those that park: one with input). Returns 0, or an error number, and then it
	 * is called again when there may be room. NULL: a new thread does this work. */
	int (*serve)(struct conn *);
	void (*work)(struct conn *);

	/* This child process has ended: returns its connection, or NULL: it is no such process.
	 * NULL: it has none. Main thread. */
	struct conn *(*reaped)(struct server *, pid_t);
};

extern const struct server_model model_fork, model_pool, model_event;

/* ---- what a model may use ---- */

/* Start conf.threads threads, which run work(first), work(first + size), work(first + 2 * size)
 * and so on. Returns 0, or an error number; those that were started are to be joined in either
 * case, once the model has told them to return. */
int server_start_workers(struct server *, void *(*work)(void *), void *first, size_t size);
void server_join_workers(struct server *);

/* A child process has nothing to do with the server's descriptors. */
void server_leave(struct server *);

/* Give the connection to the model's serve, at once or when there is room. Any thread. */
void server_serve(struct conn *);

/* Wait in the main loop for input (LOOP_READ), or until the peer takes output (LOOP_WRITE); then
 * the model's serve is called. restart: the time limit starts now; else it goes on from where it
 * began before. Any thread; the connection isn't the caller's any more. */
void server_park(struct conn *, unsigned interest, bool restart);

/* After conn_linger: throw away in the main loop what comes, then close. Any thread. */
void server_linger(struct conn *);

/* Close the connection and free it. Any thread. */
void server_close(struct conn *);

/* All connections: call f for each, with the lock held, so that it must not close any. */
void server_each(struct server *, void (*f)(struct conn *, int arg), int arg);

/* Add what a child process has counted. */
void server_count(struct server *, const struct server_usage *);

/* The model can't go on: print why, and have server_run stop and fail. Any thread. */
void server_fail(struct server *, const char *what, int error);

/* ---- driving a connection from a thread or process, which may wait for it ---- */

/* Serve the connection until it is over; the caller closes it. */
void blocking_serve(struct conn *);

/* Serve one request of it, or with hands_back what there is of it, then give the connection back
 * to the server: to be parked, to be served again at once, or closed. */
void blocking_serve_request(struct conn *);

#endif
