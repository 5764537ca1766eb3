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
 * thread or process the model gives it, which may block (blocking.h) or not (event.c). */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "server/conf.h"

struct conn;

/* Serve until control returns true, then end every connection, thread and process, and
 * add to *usage. Failures to serve one connection are printed and survived. Returns 0,
 * or -1 after printing a message. */
int server_run(const struct server_conf *, struct server_usage *);

/* For control: a child process was reaped that isn't the caller's own. */
void server_reaped(struct server *, pid_t, int status);

/* Add processor time and memory of the calling process to *usage. */
void server_measure(struct server_usage *);

/* ---- what a model provides ---- */

struct server_model {
	const char *name;
	unsigned threads;       /* it runs conf.threads of them, by default this many per
	                         * processor; 0: no fixed number */
	bool blocking;          /* its connections block, with time limits */
	bool parks;             /* connections await their first byte in the main loop */

	/* Begin and end; either may be NULL. Begin returns 0, or an error number after
	 * cleaning up. At the end all connections have been shut down; end makes sure that
	 * nothing serves them any more. What then still exists is closed by the caller. */
	int (*begin)(struct server *);
	void (*end)(struct server *);

	/* Take over a connection that has something to be done (all: one just accepted;
	 * those that park: one with input). Returns 0, or an error number, and then it
	 * is called again when there may be room. */
	int (*serve)(struct conn *);

	/* A child process has ended; NULL: it has none. Main thread. */
	void (*reaped)(struct server *);
};

extern const struct server_model model_thread, model_fork, model_request, model_pool,
    model_event;

/* ---- what a model may use ---- */

/* A pointer for the model's own use. */
void server_set_data(struct server *, void *);
void *server_data(const struct server *);

const struct server_conf *server_conf(const struct server *);

/* Start conf.threads threads, which run work(first), work(first + size), work(first + 2 * size)
 * and so on. Returns 0, or an error number; those that were started are to be joined in either
 * case, once the model has told them to return. */
int server_start_workers(struct server *, void *(*work)(void *), void *first, size_t size);
void server_join_workers(struct server *);

/* Run work(c) in a new thread. Returns 0, or an error number. The thread needs no joining. */
int server_spawn(struct conn *c, void (*work)(struct conn *));

/* A child process has nothing to do with the server's descriptors. */
void server_leave(struct server *);

/* Give the connection to the model's serve, at once or when there is room. Any thread. */
void server_serve(struct conn *);

/* Wait for input in the main loop, which then calls the model's serve. Any thread; the
 * connection isn't the caller's any more. */
void server_park(struct conn *);

/* Close the connection and free it. Any thread. */
void server_close(struct conn *);

/* All connections: call f for each, with the lock held, so that it must not close any. */
void server_each(struct server *, void (*f)(struct conn *));

/* Add what a child process has counted. */
void server_count(struct server *, const struct server_usage *);

/* The model can't go on: print why, and have server_run stop and fail. Any thread. */
void server_fail(struct server *, const char *what, int error);

#endif
