/* SPDX-License-Identifier: ISC */
/* A server: any protocol (protocol.h) under any concurrency model.
 *
 *     thread    a thread per connection
 *     fork      a process per connection
 *     request   a thread per request; idle connections are parked in one loop
 *     pool      a fixed number of threads over a queue of ready connections
 *     event     one event loop per thread, a fixed number of them
 *
 * A connection's bytes, its time limits and its end are handled in server_conn.c, by
 * whatever thread or process the model gives it; server_event.c does the same without
 * ever blocking. What all models share - accepting, the limit of connections, parking,
 * stopping, the counters - is in server.c. */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct delay_dist;
struct server;
struct server_model;
struct server_protocol;
struct service;

struct server_conf {
	const struct server_protocol *protocol;
	const struct service *service;
	const struct server_model *model;
	const struct delay_dist *dist;  /* of the service times, if the service is timed; else NULL */
	uint64_t seed;          /* of the distribution's random numbers */
	unsigned threads;       /* of the models pool and event */
	unsigned max_conns;     /* at once; more wait in the backlog */
	uint64_t timeout_ns;    /* a peer may be idle, take for one message, and refuse
	                         * to receive for this long */
	int listen_fd;          /* listens, does not block; stays the caller's */

	/* Called by server_run when control_fd is readable, and must read from it.
	 * Returns true for the server to stop. */
	int control_fd;
	bool (*control)(void *arg, struct server *);
	void *arg;
};

/* What the connections that have ended amounted to. A process that was killed has taken
 * its share of all but connections along. */
struct server_usage {
	uint64_t connections;
	uint64_t requests;      /* answered, with an error or without */
	uint64_t errors;        /* these, and messages that were no request or took too long */
	uint64_t bytes_in, bytes_out;
	uint64_t user_us, sys_us;       /* processor time of child processes that served */
	uint64_t maxrss_kb;         /* largest of these processes */
};

/* NULL: there is none of this name. */
const struct server_model *server_model(const char *name);
const char *server_model_name(const struct server_model *);

/* How many threads per processor are a good conf.threads for the model; 0: it has no fixed
 * number of them. */
unsigned server_model_threads(const struct server_model *);

/* The names of all models, "thread, fork, ...", into text. */
void server_model_list(char *text, size_t size);

/* Serve until control returns true, then end every connection, thread and process, and
 * add to *usage. Failures to serve one connection are printed and survived. Returns 0,
 * or -1 after printing a message. */
int server_run(const struct server_conf *, struct server_usage *);

/* For control: a child process was reaped that isn't the caller's own. */
void server_reaped(struct server *, pid_t, int status);

/* Add processor time and memory of the calling process to *usage. */
void server_measure(struct server_usage *);

#endif
