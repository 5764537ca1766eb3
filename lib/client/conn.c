/* SPDX-License-Identifier: ISC */
/* Connections to a target, for both drivers. */
#include "client/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/sock.h"

#define IOV_PIECES 16           /* of one write: _XOPEN_IOV_MAX, what every system takes */

/* This much fits into any system's send buffer: writing it to a drained socket can't block, even
 * if the peer is writing as well and reads nothing. */
#define SMALL_WRITE ((size_t)8 << 10)

void
client_conn_init(struct client_conn *c, const struct client *cl, unsigned char *in, size_t size)
{
	memset(c, 0, sizeof *c);
	c->client = cl;
	c->fd = -1;
	c->in = in;
	c->in_size = size;
	c->until_ns = cl->until_ns ? cl->until_ns : UINT64_MAX;
}

bool
client_ready(const struct client_conn *c)
{
	return c->fd >= 0 && !c->broken && c->session->want != WANT_CLOSE && !c->session->done;
}

void
client_close(struct client_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->session)
		c->session->protocol->close(c->session);
	c->fd = -1;
	c->session = NULL;
	c->broken = c->heard = false;
	c->have = c->used = 0;
	c->doomed = 0;
}

/* A system call failed with errno e. */
static enum client_result
lose(struct client_conn *c, const char *what, int e)
{
	/* every local port is taken, or waits out the end of a connection (TIME_WAIT) */
	snprintf(c->error, sizeof c->error, "%s %s: %s%s", what, c->client->address,
	    e == EADDRNOTAVAIL ? "no free local port: " : "", strerror(e));
	c->broken = true;
	return CLIENT_LOST;
}

enum client_result
client_time_out(struct client_conn *c)
{
	bool grace = clock_ns() >= c->until_ns;

	snprintf(c->error, sizeof c->error, "%s%s: %sno %sanswer within %g s",
	    c->connected_ns ? "" : "connect ", c->client->address, grace ? "still " : "",
	    c->heard ? "complete " : "",
	    (double)(c->client->timeout_ns + (grace ? CLIENT_GRACE_NS : 0)) / 1e9);
	c->broken = true;
	return CLIENT_TIMEOUT;
}

bool
client_grace(struct client_conn *c)
{
	uint64_t now = clock_ns();

	if (c->until_ns == UINT64_MAX)
		c->until_ns = now + CLIENT_GRACE_NS;
	return now < c->until_ns;
}

void
client_answered(struct client_conn *c)
{
	c->until_ns = UINT64_MAX;
}

void
client_awaits(struct client_conn *c, uint64_t now_ns)
{
	if (c->until_ns <= now_ns)
		c->until_ns = now_ns + CLIENT_GRACE_NS;
}

/* The call is complete: the protocol's verdict. */
static enum client_result
judge(struct client_conn *c)
{
	const struct client_session *r = c->session;

	if (r->ok)
		return CLIENT_OK;
	snprintf(c->error, sizeof c->error, "%s: %s", c->client->address, r->error);
	if ((r->want != WANT_CLOSE && !c->broken) || r->closing)
		return CLIENT_FAILED;
	c->broken = true;
	return CLIENT_LOST;
}

/* The protocol neither takes input nor has output. */
static enum client_result
stuck(struct client_conn *c)
{
	snprintf(c->error, sizeof c->error, "%s: %s", c->client->address,
	    c->session->error[0] ? c->session->error : "the connection is closed");
	c->broken = true;
	return CLIENT_LOST;
}

/* ---- one step each: connect, receive, send ---- */

/* Set up what does not involve the peer, before the clock starts. */
static enum client_result
prepare(struct client_conn *c)
{
	const struct client *cl = c->client;

	client_close(c);
	c->error[0] = '\0';
	c->connected_ns = 0;
	c->dialled_ns = clock_ns();
	if ((c->fd = sock_open(cl->addr)) < 0)
		return lose(c, "socket", errno);
	c->blocking = false;
	if (!(c->session = cl->protocol->open(&cl->conf)))
		return lose(c, "connect", ENOMEM);
	return CLIENT_OK;
}

static enum client_result
begin_connect(struct client_conn *c)
{
	const struct addrinfo *ai = c->client->addr;

	c->dialled_ns = clock_ns();
	if (connect(c->fd, ai->ai_addr, ai->ai_addrlen) == 0 || errno == EINPROGRESS
	    || errno == EINTR)
		return CLIENT_BUSY;     /* after EINTR the kernel goes on as well */
	return lose(c, "connect", errno);
}

enum client_result
client_dial_begin(struct client_conn *c)
{
	enum client_result res = prepare(c);

	return res == CLIENT_OK ? begin_connect(c) : res;
}

enum client_result
client_dial_end(struct client_conn *c)
{
	socklen_t len = sizeof(int);
	int e = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		e = errno;
	if (e != 0)
		return lose(c, "connect", e);
	c->connected_ns = clock_ns();
	return CLIENT_OK;
}

/* Receive once. CLIENT_OK: the protocol got something, or the end; CLIENT_BUSY: there was nothing
 * yet. *all: the buffer was filled, there may be more. */
static enum client_result
receive(struct client_conn *c, bool *all)
{
	struct client_session *r = c->session;
	size_t taken;
	ssize_t n;

	*all = false;
	if ((n = recv(c->fd, c->in, c->in_size, 0)) < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
			return CLIENT_BUSY;
		return lose(c, "read", errno);
	}
	*all = (size_t)n == c->in_size;
	if (n == 0) {
		r->protocol->end(r);
		c->broken = true;
		return CLIENT_OK;
	}
	c->heard = true;
	taken = r->protocol->input(r, c->in, (size_t)n);
	if (taken < (size_t)n && r->want != WANT_CLOSE)
		return stuck(c);
	return CLIENT_OK;
}

static enum client_result
set_blocking(struct client_conn *c, bool on)
{
	if (sock_blocking(c->fd, on) < 0)
		return lose(c, "socket", errno);
	c->blocking = on;
	return CLIENT_OK;
}

/* Send until nothing is left (CLIENT_OK), or no more can be sent now (CLIENT_BUSY), or at all:
 * c->doomed. A blocking socket is made non-blocking for a write that might block. */
static enum client_result
send_out(struct client_conn *c)
{
	struct iovec iov[IOV_PIECES];
	struct client_session *r = c->session;
	size_t len;
	ssize_t n;
	int i, k;

	while (r->want == WANT_OUTPUT) {
		k = out_iov(&r->out, iov, IOV_PIECES);
		for (i = 0, len = 0; i < k; i++)
			len += iov[i].iov_len;
		if (k == 0)
			return stuck(c);
		if (c->blocking && (len > SMALL_WRITE || k == IOV_PIECES)
		    && set_blocking(c, false) != CLIENT_OK)
			return CLIENT_LOST;
		if ((n = sock_writev(c->fd, iov, k)) >= 0) {
			client_sent(r, (size_t)n);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
			return CLIENT_BUSY;
		c->doomed = errno;
		return CLIENT_LOST;
	}
	return CLIENT_OK;
}

/* ---- blocking driver ---- */

static uint64_t
slice_ns(const struct client *cl)
{
	return cl->timeout_ns < CLIENT_SLICE_NS ? cl->timeout_ns : CLIENT_SLICE_NS;
}

/* Nothing, or too little, has happened for a while: may the operation go on? */
static enum client_result
check(struct client_conn *c, uint64_t start_ns)
{
	uint64_t now;

	if (c->client->stop && atomic_load_explicit(c->client->stop, memory_order_relaxed) != 0) {
		c->broken = true;
		return CLIENT_STOPPED;
	}
	now = clock_ns();
	if (now - start_ns >= c->client->timeout_ns || now >= c->until_ns)
		return client_time_out(c);
	return CLIENT_OK;
}

/* Wait for fd, but not beyond the time for the next check. */
static enum client_result
await(struct client_conn *c, short events)
{
	struct pollfd p;

	p.fd = c->fd;
	p.events = events;
	if (poll(&p, 1, clock_poll_ms(slice_ns(c->client))) < 0 && errno != EINTR)
		return lose(c, "poll", errno);
	return CLIENT_OK;
}

enum client_result
client_dial(struct client_conn *c)
{
	enum client_result res;
	struct pollfd p;
	int n;

	if ((res = prepare(c)) != CLIENT_OK)
		return res;
	if (sock_timeout(c->fd, slice_ns(c->client)) < 0)
		return lose(c, "socket", errno);
	if ((res = begin_connect(c)) != CLIENT_BUSY)
		return res;
	p.fd = c->fd;
	p.events = POLLOUT;
	/* within one machine the handshake is over by now */
	while ((n = poll(&p, 1, 0)) <= 0) {
		if (n < 0 && errno != EINTR)
			return lose(c, "poll", errno);
		if ((res = check(c, c->dialled_ns)) != CLIENT_OK
		    || (res = await(c, POLLOUT)) != CLIENT_OK)
			return res;
	}
	return client_dial_end(c);
}

enum client_result
client_connect(struct client_conn *c)
{
	struct call hello = { .op = OP_HELLO };
	enum client_result res = client_dial(c);

	if (res == CLIENT_OK && c->client->protocol->hello)
		res = client_call(c, &hello, c->dialled_ns);
	return res;
}

/* A write failed. The peer may have sent the reason before it closed, and it can still be read: an
 * HTTP server refuses a large body that way. */
static enum client_result
write_failed(struct client_conn *c)
{
	enum client_result res = CLIENT_OK;
	bool all;

	while (c->session->outstanding > 0 && c->session->want != WANT_CLOSE && !c->broken
	    && (res = receive(c, &all)) == CLIENT_OK)
		;
	if (res == CLIENT_OK && c->session->outstanding == 0 && !c->session->ok) {
		c->broken = true;
		return judge(c);
	}
	return lose(c, "write", c->doomed);
}

/* Send everything, reading what the peer sends meanwhile: two sides that only write would wait for
 * each other forever. */
static enum client_result
send_all(struct client_conn *c, uint64_t start_ns)
{
	enum client_result res;
	bool all;

	while ((res = send_out(c)) == CLIENT_BUSY) {
		if ((res = check(c, start_ns)) != CLIENT_OK)
			return res;
		if (c->blocking && (res = set_blocking(c, false)) != CLIENT_OK)
			return res;
		if ((res = await(c, POLLIN | POLLOUT)) != CLIENT_OK)
			return res;
		res = receive(c, &all);
		if (res != CLIENT_OK && res != CLIENT_BUSY)
			return res;
		if (c->broken || c->session->want == WANT_CLOSE)
			return CLIENT_OK;
	}
	return c->doomed ? write_failed(c) : res;
}

/* Receive something: wait for it. */
static enum client_result
receive_some(struct client_conn *c, uint64_t start_ns)
{
	const struct client_session *r = c->session;
	enum client_result res;
	bool all;

	if (!c->blocking && (res = set_blocking(c, true)) != CLIENT_OK)
		return res;
	if ((res = receive(c, &all)) == CLIENT_OK) {
		if (r->outstanding == 0 || r->want != WANT_INPUT || c->broken)
			return res;
		/* a peer that uses Nagle's algorithm may hold the rest back until this
		 * much is acknowledged, unless it filled the buffer */
		if (!all)
			sock_quickack(c->fd);
	} else if (res != CLIENT_BUSY) {
		return res;
	}
	return check(c, start_ns);
}

enum client_result
client_call(struct client_conn *c, const struct call *call, uint64_t start_ns)
{
	struct client_session *r = c->session;
	enum client_result res;

	r->protocol->begin(r, call, NULL);
	c->heard = false;
	/* what the protocol still has to send once the call is complete belongs to it: the peer
	 * waits for it, and so would the next call */
	while ((r->outstanding > 0 || r->want == WANT_OUTPUT) && !c->broken) {
		if (r->want == WANT_OUTPUT)
			res = send_all(c, start_ns);
		else if (r->want == WANT_INPUT)
			res = receive_some(c, start_ns);
		else
			res = stuck(c);
		if (res != CLIENT_OK)
			return res;
	}
	return r->outstanding > 0 ? stuck(c) : judge(c);
}

/* ---- non-blocking driver ---- */

void
client_begin(struct client_conn *c, const struct call *call, void *token)
{
	c->session->protocol->begin(c->session, call, token);
}

void
client_send(struct client_conn *c)
{
	struct client_session *r = c->session;

	if (!c->broken && !c->doomed && r->want == WANT_OUTPUT)
		send_out(c);
}

/* Read once. False: there is nothing (more). */
static bool
refill(struct client_conn *c)
{
	struct client_session *r = c->session;
	ssize_t n;

	c->have = c->used = 0;
	n = recv(c->fd, c->in, c->in_size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return false;
	c->received_ns = clock_ns();
	if (n > 0) {
		c->heard = true;
		c->have = (size_t)n;
	} else if (n < 0) {
		lose(c, c->doomed ? "write" : "read", c->doomed ? c->doomed : errno);
	} else {
		r->protocol->end(r);
		c->broken = true;
	}
	return true;
}

void
client_receive(struct client_conn *c)
{
	if (!c->broken && c->session->want != WANT_CLOSE)
		refill(c);
}

/* The connection can't be used any more: calls still outstanding have failed. */
static enum client_result
lost(struct client_conn *c)
{
	const struct client_session *r = c->session;

	/* what ended it may be a reply to another call */
	if (!c->error[0])
		snprintf(c->error, sizeof c->error, "%s: %s", c->client->address,
		    r->ok || r->closing || !r->error[0] ? "connection closed before the reply"
		    : r->error);
	c->broken = true;
	return CLIENT_LOST;
}

enum client_result
client_next(struct client_conn *c, void **token)
{
	struct client_session *r = c->session;
	size_t left, taken;

	*token = NULL;
	if (!c->broken)
		c->error[0] = '\0';
	while (c->fd >= 0) {
		if (r->done) {
			*token = r->done;
			r->done = NULL;
			c->heard = c->used < c->have;
			return judge(c);
		}
		left = c->have - c->used;
		if (c->broken || r->want == WANT_CLOSE) {
			return lost(c);
		} else if (left > 0) {
			taken = r->protocol->input(r, c->in + c->used, left);
			c->used += taken;
			if (taken < left && !r->done && r->want != WANT_CLOSE)
				stuck(c);
		} else if (!c->doomed) {
			return CLIENT_BUSY;
		} else if (!refill(c)) {
			lose(c, "write", c->doomed);
		}
	}
	return CLIENT_BUSY;
}

bool
client_sending(const struct client_conn *c)
{
	return c->session && c->session->want == WANT_OUTPUT && !c->broken && !c->doomed;
}

void
client_hurry(struct client_conn *c)
{
	sock_quickack(c->fd);
}
