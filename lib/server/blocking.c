/* SPDX-License-Identifier: ISC */
/* A session's wishes turned into blocking system calls.
 *
 * A request that comes in one piece and is answered in one costs one recv(2) and one
 * sendmsg(2), and no look at a clock but a coarse one: the main thread keeps the time limit of a
 * peer that sends nothing, or in a process of its own the kernel (SO_RCVTIMEO, which is a timer to
 * set up and to take down for each wait). Once something has come that is no step towards a
 * request, or a part of one, the deadline that was set before is kept here, so that a byte
 * now and then doesn't prolong it; and so is that of a peer that doesn't take what is sent,
 * because the kernel's limit (SO_SNDTIMEO) would begin again with the rest of each write. */
#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "net/loop.h"

#define SMALL_BYTES 8192              /* read at once, on the stack */
#define BIG_BYTES ((size_t)256 << 10) /* the same in the middle of a long message */
#define BULK_MS 1 /* a connection is not handed back for a gap that short in a long transfer */

enum driven {
	OVER,
	ANSWERED, /* with one_request: a request was, or nothing of one has come; none is begun */
	STUCK,    /* to be handed back until the peer does something */
	LINGERS   /* the session has ended the connection; its peer may not have noticed */
};

struct driver {
	struct conn *conn;
	bool fed;             /* the session was given something */
	bool full;            /* the last read could have been longer */
	bool bulk;            /* it brought no less than SMALL_BYTES */
	bool hands_back;      /* it may be STUCK: */
	bool stuck, restart;  /* it is; the time limit has started again */
	unsigned char *big;   /* BIG_BYTES, or NULL */
	uint64_t deadline_ns; /* of the peer's next step; 0: none is set */
	unsigned char small[SMALL_BYTES];
};

/* Wait for the event until then. Returns 1, 0 when it is too late, or -1. */
static int
poll_until(const struct conn *c, short event, uint64_t until)
{
	struct pollfd p = { .fd = c->fd, .events = event };
	uint64_t now;
	int n = 0;

	while (n == 0 && (now = clock_ns()) < until) {
		n = poll(&p, 1, clock_poll_ms(until - now));
		if (n < 0 && errno == EINTR)
			n = 0;
	}
	return n;
}

/* Wait for more of a message, or until the peer takes more of ours. */
static bool
await(struct conn *c, short event, uint64_t until)
{
	int n = poll_until(c, event, until);

	if (n == 0)
		conn_late(c);
	return n > 0;
}

/* As with conn_receive and conn_transmit. Nothing came (nothing was taken), and the thread may not
 * wait for it: only in the middle of a long transfer, and then not for long. Returns whether to try
 * again. */
static bool
bear(struct driver *d, short event, bool bulk)
{
	struct pollfd p = { .fd = d->conn->fd, .events = event };

	if (errno == EINTR || (bulk && poll(&p, 1, BULK_MS) > 0))
		return true;
	d->stuck = true;
	return false;
}

/* Long messages are read in large pieces; without the memory for it, in small ones. */
static enum conn_step
read_once(struct driver *d, int flags)
{
	struct conn *c = d->conn;
	unsigned char *p = d->big ? d->big : d->small;
	size_t size = d->big ? BIG_BYTES : SMALL_BYTES;
	enum conn_step r = conn_receive(c, p, size, flags);

	d->full = r == CONN_GO_ON && c->in_end == size;
	if (r == CONN_GO_ON)
		d->bulk = c->in_end >= SMALL_BYTES;
	return r;
}

/* A read waits until then for the peer; 0: none does any more. */
static void
waits_until(struct conn *c, uint64_t ns)
{
	atomic_store_explicit(&c->until_ns, ns, memory_order_relaxed);
}

static bool
receive_or_hand_back(struct driver *d)
{
	enum conn_step r;

	d->restart = conn_restart_limit(d->conn) || d->restart;
	do
		r = read_once(d, MSG_DONTWAIT);
	while (r == CONN_BLOCKED && bear(d, POLLIN, d->big && d->bulk));
	return r == CONN_GO_ON;
}

static bool
receive(struct driver *d)
{
	struct conn *c = d->conn;
	bool idle = c->session->idle, restart;
	enum conn_step r;
	int flags = 0;

	if (c->ended)
		return false;
	if (d->full && !idle && !d->big)
		d->big = malloc(BIG_BYTES);
	if (d->hands_back)
		return receive_or_hand_back(d);
	restart = conn_restart_limit(c);
	if (restart || d->deadline_ns == 0)
		d->deadline_ns = (idle ? clock_coarse_ns() : clock_ns()) + c->conf->timeout_ns;
	if (!restart)
		flags = MSG_DONTWAIT;
	for (;;) {
		if (flags == 0) {
			conn_acknowledge(c);
			waits_until(c, d->deadline_ns);
		}
		r = read_once(d, flags);
		waits_until(c, 0);
		if (r != CONN_BLOCKED)
			return r == CONN_GO_ON;
		if (errno == EINTR) {
			/* the time limit of the call would start again */
			flags = MSG_DONTWAIT;
			continue;
		}
		if (flags == 0 || c->late) { /* poll(2) would not wait any more */
			conn_late(c);
			return false;
		}
		conn_acknowledge(c);
		if (!await(c, POLLIN, d->deadline_ns))
			return false;
	}
}

static bool
feed(struct driver *d)
{
	struct conn *c = d->conn;

	d->fed = true;
	if (conn_feed(c) == CONN_OVER)
		return false;
	if (d->big && c->session->idle && !conn_has_input(c)) {
		free(d->big);
		d->big = NULL;
	}
	return true;
}

static bool
transmit(struct driver *d)
{
	struct conn *c = d->conn;
	enum conn_step r = conn_transmit(c);

	if (r == CONN_BLOCKED) {
		/* the limit of its next step is over, and that of what it takes begins */
		d->restart = d->restart || c->timing;
		c->timing = false;
		return d->hands_back ? bear(d, POLLOUT, true)
				     : await(c, POLLOUT, clock_ns() + c->conf->timeout_ns);
	}
	/* the peer takes what it is sent, piece by piece; the last one is no step of its own */
	if (c->session->want == WANT_OUTPUT)
		d->restart = true;
	return r == CONN_GO_ON;
}

/* Sleep for a part of ns, and pass what is too short for that awake. */
static int
sleep_some(struct pollfd *p, uint64_t ns, uint64_t until)
{
	struct timespec rest = { 0 };
	int n = 0;

	if (ns > CLOCK_AWAKE_NS + CLOCK_MS) {
		n = poll(p, 1, clock_poll_ms(ns - CLOCK_AWAKE_NS - (CLOCK_MS - 1)));
	} else if (ns > CLOCK_AWAKE_NS) {
		/* poll(2) knows no less than a millisecond */
		rest.tv_nsec = (long)(ns - CLOCK_AWAKE_NS);
		nanosleep(&rest, NULL);
	} else {
		clock_spin_until(until);
	}
	return n < 0 && errno == EINTR ? 0 : n;
}

/* Let the session's time pass. No event is asked for: what the peer sends meanwhile waits,
 * and one that has only ended its side gets its answer. But a broken connection, or one
 * that was shut down by the main thread, ends it. */
static bool
pause_session(struct conn *c)
{
	const struct server_session *s = c->session;
	struct pollfd p = { .fd = c->fd };
	uint64_t now, until;
	int n = 0;

	if (s->wait_ns == 0 && !s->service_time) {
		/* what we do now need not be for a request: the time limit goes on */
		do
			n = poll(&p, 1, 0);
		while (n < 0 && errno == EINTR);
	} else {
		until = conn_wait_until(c);
		while (n == 0 && (now = clock_ns()) < until)
			n = sleep_some(&p, until - now, until);
		c->timing = false; /* this time was ours */
	}
	if (n != 0)
		return false;
	conn_resume(c);
	return true;
}

static void
linger(struct conn *c)
{
	uint64_t until = clock_ns() + CONN_LINGER_NS;

	if (conn_linger(c))
		while (poll_until(c, POLLIN, until) > 0 && conn_discard(c))
			;
}

static enum driven
drive(struct driver *d)
{
	struct conn *c = d->conn;
	const struct server_session *s = c->session;
	bool alive = true;

	while (alive) {
		switch (s->want) {
		case WANT_INPUT:
			if (s->one_request && s->idle && d->fed && !c->ended)
				return ANSWERED;
			alive = conn_has_input(c) ? feed(d) : receive(d);
			break;
		case WANT_OUTPUT: alive = transmit(d); break;
		case WANT_WAIT:
			alive = pause_session(c);
			d->restart = d->restart || !c->timing;
			break;
		case WANT_CLOSE:
			if (d->hands_back)
				return conn_linger(c) ? LINGERS : OVER;
			linger(c);
			return OVER;
		}
	}
	return d->stuck ? STUCK : OVER;
}

/* restart: the time limit of the peer starts again when it is waited for. */
static enum driven
serve(struct conn *c, bool one_request, bool *restart)
{
	struct driver d;
	enum driven r;

	if (!conn_open(c))
		return OVER;
	c->session->one_request = one_request;
	if (c->session->idle)
		c->idle_errors = c->session->errors;
	/* one by one: its buffer need not be cleared */
	d.conn = c;
	d.hands_back = one_request && c->conf->model->hands_back;
	d.fed = d.full = d.bulk = d.stuck = d.restart = false;
	d.big = NULL;
	d.deadline_ns = 0;
	r = drive(&d);
	if (r != OVER && !conn_retain(c))
		r = OVER;
	free(d.big);
	*restart = d.restart || (r == ANSWERED && conn_restart_limit(c));
	return r;
}

void
blocking_serve(struct conn *c)
{
	bool restart;

	serve(c, false, &restart);
}

void
blocking_serve_request(struct conn *c)
{
	bool restart;
	enum driven r = serve(c, true, &restart);

	if (r == OVER) {
		server_close(c);
	} else if (r == LINGERS) {
		server_linger(c);
	} else if (r == ANSWERED && conn_has_input(c)) {
		c->timing = c->timing && !restart;
		server_serve(c);
	} else if (c->session->want == WANT_OUTPUT) {
		server_park(c, LOOP_WRITE, restart);
	} else {
		conn_acknowledge(c);
		server_park(c, LOOP_READ, restart);
	}
}
