/* SPDX-License-Identifier: ISC */
/* One connection of a server: its bytes, its counters and the rules of its time limits, the
 * same for a driver that blocks (blocking.c) and for an event loop (event.c). */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "protocol.h"
#include "server/conf.h"

#define CONN_LINGER_NS (2 * CLOCK_S) /* the longest that unread input is thrown away */

/* It belongs to one thread at a time: to the one that serves it, else to the main thread. What each
 * request reads and writes comes first: of many connections it is never in the cache. */
struct conn {
	struct server_session *session; /* owned; NULL until the first byte is awaited */
	const struct server_conf *conf;
	int fd;            /* owned; -1: it is a child process's */
	unsigned progress; /* see timing */

	/* in[in_at..in_end-1] was read, and is not yet taken by the session. The memory is
	 * the driver's, or between its turns the connection's own (conn_retain). */
	const unsigned char *in;
	size_t in_at, in_end;
	unsigned char *retained; /* owned, or NULL */

	uint64_t bytes_in, bytes_out;
	uint64_t since_ns;    /* when its time limit began, in the order of which it is listed */
	uint64_t idle_errors; /* the session's errors when it was idle last */

	/* Of a model whose waits the main thread ends: when that of a thread for this peer is over,
	 * 0 while there is none; and it is, and is ended. */
	_Atomic uint64_t until_ns;
	uint64_t over_ns; /* the main thread's: it was over when it looked last */
	atomic_bool late;

	/* what is known of the peer */
	bool ended;      /* it has ended its side */
	bool unanswered; /* the session has taken input, and nothing was sent since */
	bool timing;     /* the time limit is that of the step from this progress */

	/* server.c: the main loop has it; it is in the list of limits; it throws input away */
	bool known_to_loop, parked, limited, lingering;

	struct {                   /* what event.c knows of it */
		bool ready;        /* it is in the list of those that have a turn */
		bool ends;         /* the loop has said so: there is an end to be read */
		unsigned list;     /* that it is in, besides */
		unsigned interest; /* as the loop knows it */
		uint64_t wake_ns;
		size_t heap_at;
	} event;

	struct {
		struct conn *prev, *next;
	} link[3]; /* in each kind of list */

	struct server *server;
	uint64_t started_ns; /* when the server was, by clock_ns() */
	pid_t pid;           /* of the child process that has it */
	uint64_t rng;        /* state: its service times are a stream of their own */
	uint64_t errors;     /* beyond the session's: time limits exceeded */
};

struct conn_list {
	struct conn *first, *last;
	/* of a connection's links it uses */
	enum { CONN_LIST, CONN_ALL, CONN_LIMIT } which;
};

void conn_list_add(struct conn_list *, struct conn *);
void conn_list_remove(struct conn_list *, struct conn *);
struct conn *conn_list_take(struct conn_list *); /* the first, or NULL */

enum conn_step {
	CONN_GO_ON,
	CONN_BLOCKED, /* until the descriptor is ready, or after a signal; see errno */
	CONN_OVER     /* the connection has to be closed */
};

/* Open the session if there is none. False: no memory, which is counted as an error. */
bool conn_open(struct conn *);

/* Has the session something to take? */
static inline bool
conn_has_input(const struct conn *c)
{
	return c->in_at < c->in_end;
}

/* Read once into the driver's buffer, when there is no input; flags are recv(2)'s. At the end
 * of the peer's side the session is told. */
enum conn_step conn_receive(struct conn *, unsigned char *buf, size_t size, int flags);

/* Give the input to the session. */
enum conn_step conn_feed(struct conn *);

/* What the session waited for is over. */
void conn_resume(struct conn *);

/* The driver's buffer is about to be used for others: copy the input that is left, if any, to
 * memory of the connection's own. False: there is none. */
bool conn_retain(struct conn *);

/* Send some of what the session wants to send. Doesn't block. */
enum conn_step conn_transmit(struct conn *);

/* Before a wait for more input: the peer may hold that back until we acknowledge what we have,
 * unless something that was sent since did so. */
void conn_acknowledge(struct conn *);

/* The session awaits input: does the time limit start again? It does with each progress of the
 * session; not with each byte, and not with those that are no step towards a request. When time
 * was spent otherwise, timing is to be set to false. */
bool conn_restart_limit(struct conn *);

/* Its time limit is over: an error, unless it was between requests. */
void conn_late(struct conn *);

/* Has something come that nobody has read, or the peer's end? */
bool conn_has_come(const struct conn *);

/* The loop says that the peer has ended or reset it: is there nothing to be read before that, and
 * no request that it cuts off? */
bool conn_left_nothing(const struct conn *);

/* Its time limit is over, but what it waits for has come: the program had not had its turn. */
bool conn_in_time(const struct conn *);

/* The session wants to wait, from now on: until when, by clock_ns()? To be asked once, for a
 * service time is drawn from the server's distribution. */
uint64_t conn_wait_until(struct conn *);

/* The session has ended the connection. Closing a socket with unread input makes the kernel
 * send a reset, at which the peer's kernel throws away what its program hasn't read: the reply
 * that says what was wrong. True: so our side has been ended, and the caller has to call
 * conn_discard when there is input, until that returns false, for CONN_LINGER_NS at most.
 * False: nothing to wait for. */
bool conn_linger(struct conn *);

/* Throw away what has come; false: no more will. Doesn't block. */
bool conn_discard(struct conn *);

/* Add to *usage what the connection has done so far. */
void conn_count(const struct conn *, struct server_usage *usage);

/* Close the descriptor and free the connection. */
void conn_free(struct conn *);

#endif
