/* SPDX-License-Identifier: ISC */
/* The seam between protocols and I/O.
 *
 * A protocol speaks one protocol on one connection as a state machine: bytes in,
 * bytes out, and what it wants next. It never touches a descriptor, a clock or
 * a thread. The drivers of server connections (server/) and of client connections
 * (client/conn.h) do the reading, writing and waiting, and know no protocol. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/out.h"
#include "service.h"

enum want {
	WANT_INPUT,  /* call input() with bytes from the peer, or end() */
	WANT_OUTPUT, /* send what is in out, then call server_sent() or client_sent() */
	WANT_WAIT,   /* let wait_ns pass (0: at once), then call resume() */
	WANT_CLOSE   /* close the connection; nothing is left to send */
};

/* What a session does at once is counted, so that whoever has many connections can go on with
 * others: about 0.5 ms, in units of a byte inflated. */
#define WORK_MAX ((uint64_t)128 << 10)

/* ---- server side ---- */

/* A peer is not slow as long as it delivers this many bytes of a long message per time limit. */
#define PROGRESS_BYTES ((size_t)1 << 20)

/* One connection of a server. The first field of each protocol's own state. */
struct server_session {
	const struct server_protocol *protocol;
	enum want want;    /* valid after open() and after every call */
	uint64_t wait_ns;  /* with WANT_WAIT */
	bool service_time; /* with WANT_WAIT: not wait_ns, but a service time has to pass,
			    * which is drawn for this request (server/delay.h) */
	bool idle;         /* between requests: no byte of a next one is here */
	bool one_request;  /* set by the model: input() stops behind each request */
	int64_t epoch_s;   /* set by the model before each input(), end() and resume(): the
			    * time of day, in seconds since 1970 */
	unsigned progress; /* changes with each step of the peer towards a request: one begins
			    * or is complete, what a call waits for begins to come or has come,
			    * PROGRESS_BYTES more of a long one have. The time limit of the peer
			    * starts again; not with what serves no request (an empty line or
			    * frame, an answer that nothing waits for) */
	struct out out;    /* with WANT_OUTPUT: what to send */
	uint64_t requests; /* answered so far, with success or without */
	uint64_t errors;   /* of these (and of what was no request): with an error */
};

struct server_protocol {
	const char *scheme;  /* of the server's URL: "rpc", "http" */
	unsigned short port; /* default */

	/* NULL: out of memory. The service is borrowed for the session's life. */
	struct server_session *(*open)(const struct service *);
	void (*close)(struct server_session *);

	/* Take bytes from the peer. Returns how many were taken; the caller keeps
	 * the others and gives them again once want is WANT_INPUT. All are taken
	 * as long as want stays WANT_INPUT and, with one_request set, no request was
	 * completed. */
	size_t (*input)(struct server_session *, const unsigned char *, size_t);

	/* The peer has ended its side. What was asked is still answered. */
	void (*end)(struct server_session *);

	/* The wait is over; does a bounded slice of work. */
	void (*resume)(struct server_session *);

	/* All of out has been sent. */
	void (*drained)(struct server_session *);
};

/* The first n bytes of out have been sent. */
static inline void
server_sent(struct server_session *s, size_t n)
{
	out_sent(&s->out, n);
	if (s->out.pending == 0)
		s->protocol->drained(s);
}

extern const struct server_protocol rpyc_server_protocol, http_server_protocol;

/* ---- client side ---- */

struct payload;

struct call {
	enum op op;
	bool sized;     /* OP_NAMED: send a payload of size bytes as well */
	uint64_t size;  /* payload bytes */
	uint64_t chunk; /* bytes per chunk, for the chunked and stream operations */
};

/* What all connections of a run share. Read only while they run. */
struct client_conf {
	const char *host; /* for the Host field: host[:port] */
	const char *name; /* method or path of the target, as in url.h; NULL: none given */
	const struct payload *payload;
	int dialect;     /* RPyC: 5 or 6; 0: not known yet, 6 is tried */
	bool native;     /* -N: GETATTR, CALL, DEL as a stock Python client does */
	bool close_each; /* -K: Connection: close */
	bool check;      /* -C: content of replies too */
	unsigned depth;  /* -d: calls outstanding at most; 0 is as 1 */

	/* HTTP: */
	const char *method;        /* of OP_NAMED; NULL: GET, with a payload POST */
	const char *const *fields; /* "Name: value" of every request, in place of the client's own
				    * of that name, up to a NULL: http_bad_field() has seen them.
				    * NULL: none */
};

/* One connection of a client. The first field of each protocol's own state. */
struct client_session {
	const struct client_protocol *protocol;
	enum want want;       /* WANT_OUTPUT, WANT_INPUT or WANT_CLOSE (not usable any more) */
	struct out out;       /* with WANT_OUTPUT: what to send */
	unsigned outstanding; /* calls that are begun and not yet complete */
	void *done;           /* the token of the call that was completed last; whoever takes
			       * it sets NULL */
	uint64_t work;        /* that input() may still do before it stops: after open(), any. A
			       * driver of many connections sets WORK_MAX for each turn */
	bool more;            /* it has stopped with something to do that needs no more bytes */
	bool ok;              /* that call succeeded */
	uint64_t content;     /* HTTP: payload bytes of its reply, without framing, if the call
			       * does not say how many there should be; else 0 */
	bool closing;         /* HTTP: the connection ends with the last reply, as one side
			       * had announced: it is not lost */
	bool idempotent;      /* HTTP: what is outstanding may be sent twice (RFC 9110, 9.2.2) */
	bool replied;         /* HTTP: the reply to the oldest call is here, and its request not
			       * sent to its end: if the connection ends now, end() completes it */
	bool retry_dialect;   /* RPyC: the peer speaks the other dialect, named in dialect */
	int dialect;          /* RPyC: the one in use */
	char error[200];      /* if not: why, one printable line */
};

struct client_protocol {
	bool hello; /* connections must begin with OP_HELLO */
	bool keeps; /* connections are kept by choice, and conf->close_each is the other */

	struct client_session *(*open)(const struct client_conf *);
	void (*close)(struct client_session *);

	/* Begin a call; not when want is WANT_CLOSE. The token comes back in done when it is
	 * complete. While others are outstanding, only if these are fewer than depth and the
	 * same as this one, which has to be one request and one reply: no OP_HELLO, no chunks,
	 * no stream, no call with native, and over RPC none before an OP_HELLO. */
	void (*begin)(struct client_session *, const struct call *, void *token);

	/* Take bytes from the peer; returns how many were taken. A call is complete when
	 * outstanding has become one less: see done, ok and error. While others are outstanding
	 * input() stops right behind such a reply; else all bytes are taken (fewer only
	 * when want became WANT_CLOSE, and then the rest is useless; or when work became 0, and
	 * then it is called again with the rest, with more set even if that is none). Bytes that
	 * come while no call is in progress are taken too (requests of the peer, and replies that
	 * are not waited for), and may make want WANT_OUTPUT. Once want is WANT_CLOSE,
	 * calls that are still outstanding have failed, and done may be NULL.
	 * begin(), sent() and end() may complete a call as well, one at most. */
	size_t (*input)(struct client_session *, const unsigned char *, size_t);

	/* The peer has ended its side: completes or fails a call; want becomes WANT_CLOSE. */
	void (*end)(struct client_session *);

	/* Some of out has been sent. */
	void (*sent)(struct client_session *);
};

/* The first n bytes of out have been sent. */
static inline void
client_sent(struct client_session *s, size_t n)
{
	out_sent(&s->out, n);
	s->protocol->sent(s);
}

extern const struct client_protocol rpyc_client_protocol, http_client_protocol;

#endif
