/* SPDX-License-Identifier: ISC */
/* Connections to a target: the I/O that client protocols (protocol.h) leave to others.
 *
 * There are two sets of functions. The blocking one makes one system call each way for a small
 * call, for programs with one connection or a thread per connection. The non-blocking one does
 * what can be done at once, with several calls outstanding on a connection, for a thread with an
 * event loop (loop.h). A connection is used with one of the two from client_dial to client_close,
 * but for one that client_adopt() (target.h) takes over. Neither knows a protocol. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/url.h"
#include "net/stamp.h"
#include "protocol.h"

/* After a time limit the peer has this much longer to answer anything. */
#define CLIENT_GRACE_NS ((uint64_t)1000 * 1000 * 1000)

/* A blocking wait checks the stop flag and the time limit this often, so that a signal that comes
 * just before the system call does not go unnoticed. */
#define CLIENT_SLICE_NS ((uint64_t)100 * 1000 * 1000)

struct sock_addr;

struct client {
	/* Set before client_resolve(), by client_target() and the owner. */
	struct url url;
	const struct client_protocol *protocol;
	struct client_conf conf;
	uint64_t timeout_ns;    /* of one operation */
	const atomic_int *stop; /* not 0: give up; NULL: never */
	bool stamps;            /* have the kernel stamp what it receives: after stamp_start() */

	struct sock_addr *list;       /* owned */
	const struct sock_addr *addr; /* the one in use */
	const char *unresolved;       /* NULL, or why there is no address */
	char address[272];            /* for messages: "127.0.0.1:5000", "[::1]:5000", a path */
	uint64_t until_ns;            /* initial until_ns of connections: the probe was in vain */
	bool single; /* the probe took a connection: a peer of a single one has no other */
	struct client_conn *spare; /* the probe's connection: client_adopt(). Owned */
};

enum client_result {
	CLIENT_OK,
	CLIENT_BUSY,   /* non-blocking only: waiting for the peer */
	CLIENT_FAILED, /* the reply is an error or not as expected; the
			* connection is still good, or its end was announced */
	CLIENT_LOST,   /* refused, reset, ended too early, not this protocol */
	CLIENT_TIMEOUT,
	CLIENT_STOPPED /* by the stop flag: there is no result */
};

/* Bytes on a socket. */
struct client_bytes {
	uint64_t sent, received;
};

struct client_conn {
	const struct client *client;
	unsigned index; /* which of the owner's connections to the target it is, from 0; set by the
			 * owner: many of them don't all come from one address (sock_connect()) */
	int fd;         /* -1: not connected */
	bool broken;    /* of no more use, to be closed */
	bool spoke;     /* the peer has sent something on it */
	bool heard;     /* a part of the next answer has come */
	bool kept;      /* a call was answered on it */
	bool ended;     /* the peer has closed or reset it */
	bool no_room;   /* in the peer's queue: connecting is to be begun again */
	struct client_session *session;
	unsigned char *in; /* what is read; connections of one thread may share it.
			    * Borrowed */
	size_t in_size;
	uint64_t dialled_ns;   /* just before connect(2) */
	uint64_t connected_ns; /* the connection is established */
	uint64_t until_ns;     /* no operation goes on after this: see client_grace().
				* UINT64_MAX: only the time limit applies */
	uint64_t received_ns;  /* when something was received last, or it was connected, or the
				* last of a request was sent that had its reply before;
				* blocking: set by the owner */

	struct stamps stamps; /* if the client wants them */

	struct client_bytes moved; /* and not yet taken by client_bytes() */
	size_t have, used;         /* bytes in the buffer, and how many the protocol has taken */

	/* Non-blocking calls. */
	struct out *out;     /* empty: its memory is used for what is to be sent, so that the
			      * connections of a thread share it. NULL: each has its own.
			      * Borrowed; set by the owner */
	unsigned char *rest; /* owned: where they are while others have the buffer; or NULL */
	int doomed;          /* a write failed with this errno; what can still be read is */

	/* behind all that a call reads and writes, so that this lies in as few cache lines as can
	 * be; of many connections these are what a request costs */
	char error[512]; /* of the last failure: one printable line, address in front */
};

/* Not connected. Borrowed: the client, and the buffer in, of size bytes, for what is read, which
 * connections of one thread may share. */
void client_conn_init(struct client_conn *, const struct client *, unsigned char *in, size_t size);

/* Can the connection take a call now? */
static inline bool
client_ready(const struct client_conn *c)
{
	return c->fd >= 0 && !c->broken && c->session->want != WANT_CLOSE && !c->session->done;
}

/* Of an operation that began at start_ns and ended, with what was received last, at end_ns: how
 * long before its end had the kernel the last byte of the reply? STAMP_NONE: that is not known, or
 * it ended with something else: the end of the stream, the last of a request that is sent. 0
 * without stamps. Segments that come together, and all replies in them, have the stamp of the last
 * one. */
static inline uint64_t
client_wake_ns(const struct client_conn *c, uint64_t start_ns, uint64_t end_ns)
{
	return c->client->stamps ? stamps_wake_ns(&c->stamps, start_ns, end_ns) : 0;
}

/* Look, on a connection without calls that has been idle for a while, whether the peer has ended
 * it: then it is not ready. Returns whether that took a system call. */
bool client_look(struct client_conn *, uint64_t now_ns);

/* May the calls outstanding on a connection that is lost be made again on another? */
enum client_again {
	CLIENT_AGAIN_NO,
	CLIENT_AGAIN_ONCE,  /* a kept connection ended before a part of a reply came, and the calls
			     * are idempotent (RFC 9112, section 9.3.1) */
	CLIENT_AGAIN_BEHIND /* they were sent behind one with whose reply the peer announced the
			     * end: it has not looked at them (section 9.6) */
};
enum client_again client_again(const struct client_conn *);

/* A call has ended, or connecting has: the bytes that are its own. Of what was sent others
 * outstanding have an equal share, as they are alike; received is counted up to the end of the
 * reply. What a lost connection has moved is part of the call that is made again, unless it is
 * taken before. Not once it is closed. */
static inline struct client_bytes
client_bytes(struct client_conn *c)
{
	unsigned others = c->broken ? 0 : c->session->outstanding;
	struct client_bytes of = { c->moved.sent, c->moved.received - (c->have - c->used) };

	if (others > 0)
		of.sent /= others + 1;
	c->moved.sent -= of.sent;
	c->moved.received -= of.received;
	return of;
}

/* Close it, if it is open. */
void client_close(struct client_conn *);

/* ---- blocking: the result is never CLIENT_BUSY ---- */

/* Have a connected socket block, for a slice of time each, or not. 0, or -1 with errno. */
int client_set_blocking(struct client_conn *, bool on);

/* Connect, closing first if need be. client_dial() only does the kernel's handshake,
 * client_connect() goes on to OP_HELLO where the protocol asks for it. */
enum client_result client_dial(struct client_conn *);
enum client_result client_connect(struct client_conn *);

/* Make one call; start_ns is when the time limit begins. Returns once the reply is
 * complete. Both sides may write at the same time, whatever the sizes. */
enum client_result client_call(struct client_conn *, const struct call *, uint64_t start_ns);

/* ---- non-blocking, with several calls outstanding: the owner sees to the time limit ---- */

/* Begin to connect: CLIENT_OK, it is connected; CLIENT_BUSY, and fd is valid; or CLIENT_LOST. When
 * fd can be written, client_dial_end() returns the outcome; CLIENT_BUSY: none yet, wait again. */
enum client_result client_dial_begin(struct client_conn *);
enum client_result client_dial_end(struct client_conn *);

/* Begin a call (see begin() of protocol.h for when that may be done) and send nothing yet. The
 * token, not NULL, comes back from client_next(). */
void client_begin(struct client_conn *, const struct call *, void *token);

/* Send what can be sent: all that was begun since the last time, in one system call if
 * it is short. */
void client_send(struct client_conn *);

/* fd can be read: receive once, unless client_paused(). */
void client_receive(struct client_conn *);

/* Has client_next() returned CLIENT_BUSY because session->work is used up? There is more to be done
 * with what was received: others are to have their turn, then work is to be set again, and
 * client_next() called. The buffer is theirs meanwhile. */
static inline bool
client_paused(const struct client_conn *c)
{
	return c->fd >= 0 && !c->broken && c->session->work == 0
	    && (c->used < c->have || c->session->more);
}

/* What came of the calls so far? To be called until it returns CLIENT_BUSY, after each of the
 * three above and client_dial_end().
 *	CLIENT_BUSY     nothing more for now
 *	CLIENT_OK, CLIENT_FAILED        the call of *token is complete; it ended at received_ns
 *	CLIENT_LOST     the connection is to be closed; calls still outstanding have failed, all
 *	                for the reason in error. If there are none, the peer has closed it. */
enum client_result client_next(struct client_conn *, void **token);

/* Is there something still to be sent? */
bool client_sending(const struct client_conn *);

/* The time limit, or until_ns, has passed: sets error. */
enum client_result client_time_out(struct client_conn *);

/* ---- a peer that does not answer: the owner of the connections reports how calls ended ---- */

/* A time limit has passed: this connection, or the one that replaces it, has CLIENT_GRACE_NS
 * from the first time on. False: that is over, too. */
bool client_grace(struct client_conn *);

/* A call that began at start_ns was broken off: until one is answered, calls on this connection and
 * those that replace it have one time limit from then on, and CLIENT_GRACE_NS, all together. False:
 * that is over. */
bool client_broken_off(struct client_conn *, uint64_t start_ns);

/* A call was answered: the next ones have their whole time limit. */
void client_answered(struct client_conn *);

/* A call begins at now_ns: only time spent waiting counts against the grace. */
void client_awaits(struct client_conn *, uint64_t now_ns);

#endif
