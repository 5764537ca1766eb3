/* SPDX-License-Identifier: ISC */
/* What the models see of a server, and what they must provide. */
#ifndef SERVER_MODEL_H
#define SERVER_MODEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "server/server.h"
#include "protocol.h"

/* One connection. It belongs to one thread at a time: to the one that serves it, else to
 * the main thread. */
struct conn {
	struct server *server;
	struct server_session *session;        /* NULL until the first byte is awaited */
	int fd;                         /* -1: it is a child process's */
	pid_t pid;                      /* that child */

	/* read from the peer, but not yet taken by the session */
	unsigned char *keep;            /* owned, or NULL */
	size_t keep_at, keep_end;

	uint64_t rng;                   /* state: its service times are a stream of their own */
	uint64_t bytes_in, bytes_out;
	uint64_t errors;                /* beyond the session's: time limits exceeded */

	struct conn *prev, *next;       /* all connections: server.c, under its lock */
	struct conn *list_prev, *list_next;     /* the list it is in, if any */
	uint64_t since_ns;              /* it is in that list */
	bool known_to_loop;
	void *extra;                    /* the model's own, allocated; freed with the connection */
};

struct conn_list {
	struct conn *first, *last;
};

void conn_list_add(struct conn_list *, struct conn *);
void conn_list_remove(struct conn_list *, struct conn *);
struct conn *conn_list_take(struct conn_list *);        /* the first, or NULL */

/* ---- a model ---- */

struct server_model {
	const char *name;
	unsigned threads;       /* it runs conf.threads of them, by default this many per
	                         * processor; 0: no fixed number */
	bool blocking;          /* its connections block, with time limits */
	bool parks;             /* connections await their first byte in the main loop */

	/* Begin and end; either may be NULL. Begin returns 0, or an error number after
	 * cleaning up. At the end all connections have been shut down; end makes sure that
	 * nothing serves them any more. What then still exists is ended by the caller. */
	int (*begin)(struct server *);
	void (*end)(struct server *);

	/* Take over a connection that has something to be done (all: one just accepted;
	 * those that park: one with input). Returns 0, or an error number, and then it
	 * is called again when there may be room. */
	int (*serve)(struct conn *);

	/* A descriptor that the model has put into the main loop (server_watch) is
	 * readable. */
	void (*readable)(struct server *);
};

extern const struct server_model model_thread, model_fork, model_request, model_pool,
    model_event;

const struct server_conf *server_conf(const struct server *);

/* By clock_ns(). */
uint64_t server_started_ns(const struct server *);

/* A pointer for the model's own use. */
void server_set_data(struct server *, void *);
void *server_data(const struct server *);

/* Have the model's readable called when fd is. 0, or -1 with errno. */
int server_watch(struct server *, int fd);

/* A child process has nothing to do with the server's descriptors. */
void server_leave(struct server *);

/* Run work(c) in a new thread with a small stack. Returns 0, or an error number. The
 * thread needs no joining. */
int server_spawn(struct conn *c, void (*work)(struct conn *));

/* Give the connection to the model's serve, at once or when there is room. Any thread. */
void server_serve(struct conn *);

/* Wait for input in the main loop, which then calls the model's serve. Any thread; the
 * connection isn't the caller's any more. */
void server_park(struct conn *);

/* All connections: call f for each, with the lock held, so that it must not end any. */
void server_each(struct server *, void (*f)(struct conn *));

/* Add what a child process has counted. */
void server_count(struct server *, const struct server_usage *);

/* The model can't go on: print why, and have server_run stop and fail. Any thread. */
void server_fail(struct server *, const char *what, int error);

/* The stack threads get. */
size_t server_stack_size(void);

/* ---- one connection: server_conn.c ---- */

enum conn_state {
	CONN_ENDED,     /* to be ended with conn_end */
	CONN_IDLE       /* awaits its next request, a part of which may be in keep */
};

/* Drive the session of a connection whose descriptor blocks, until it is over, or, with
 * one_request, until a request has been answered and the next one isn't begun. */
enum conn_state conn_serve(struct conn *, bool one_request);

/* The session wants to wait, from now on: until when, by clock_ns()? To be asked once, for a
 * service time is drawn from the server's distribution. */
uint64_t conn_wait_until(struct conn *);

/* What the connection has done so far, added to *usage. */
void conn_count(const struct conn *, struct server_usage *usage);

/* Close the connection and free it. Any thread. */
void conn_end(struct conn *);

/* ---- how a connection is driven: the same for blocking ones and in an event loop ---- */

#define CONN_IOV 64                     /* parts of a long reply sent at once: 4 MB of blocks */
#define CONN_LINGER_NS (2 * CLOCK_S)    /* the longest that unread input is thrown away */

/* What its driver knows of the peer. At first all is 0, but errors what the session says. */
struct peer {
	bool ended;             /* its side */
	bool message;           /* its time limit is that of the message of this progress */
	unsigned progress;
	uint64_t errors;        /* the session's when it was idle last */
};

/* The session awaits input: does the time limit start anew? It does for an idle one, and with
 * each progress of a message; not with each byte. When time was spent otherwise, message is to be
 * set to false. */
bool peer_limit_anew(struct peer *, const struct server_session *);

/* The session has ended the connection. Closing a socket with unread input makes the kernel
 * send a reset, at which the peer's kernel throws away what its program hasn't read: the reply
 * that says what was wrong. True: so our side has been ended, and the caller has to call
 * conn_discard when there is input, until that returns false, for CONN_LINGER_NS at most.
 * False: nothing to wait for. unread: input is left that the session hasn't taken; buf: what
 * else comes is thrown away there. */
bool conn_linger(struct conn *, const struct peer *, bool unread, void *buf, size_t size);

/* Throw away what has come; false: no more will. Doesn't block. */
bool conn_discard(struct conn *, void *buf, size_t size);

/* Copy the unread bytes to c->keep, which must be NULL; returns false if there is no memory. */
bool conn_keep(struct conn *, const unsigned char *, size_t);

#endif
