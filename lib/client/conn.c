/* SPDX-License-Identifier: ISC */
/* Connections to a target, for both drivers. */
#include "client/conn.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/sock.h"
#include "net/source.h"

#define LOOK_NS ((uint64_t)100 * 1000) /* idle for so long: client_look() */
#define IOV_PIECES 16                  /* of one write: _XOPEN_IOV_MAX, what every system takes */

void
client_conn_init(struct client_conn *c, const struct client *cl, unsigned char *in, size_t size)
{
	memset(c, 0, sizeof *c);
	c->client = cl;
	c->fd = -1;
	c->in = in;
	c->in_size = size;
	c->until_ns = cl->until_ns ? cl->until_ns : UINT64_MAX;
	if (cl->stamps)
		stamps_read(&c->stamps);
}

void
client_close(struct client_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->session)
		c->session->protocol->close(c->session);
	free(c->rest);
	c->rest = NULL;
	c->fd = -1;
	c->session = NULL;
	c->broken = c->spoke = c->heard = c->kept = c->ended = false;
	c->moved.received -= c->have - c->used;
	c->have = c->used = 0;
	c->doomed = 0;
}

/* A system call failed with errno e. */
static enum client_result
lose(struct client_conn *c, const char *what, int e)
{
	bool single = e == ECONNREFUSED && c->client->single, stated = c->client->url.dialect;
	bool elsewhere = e == ECONNREFUSED && !sock_is_local(c->client->addr);
	/* every local port is taken, or waits out the end of a connection (TIME_WAIT) */
	bool no_port = e == EADDRNOTAVAIL && sock_has_source(c->client->addr);
	char advice[200] = "";

	if (no_port)
		source_advice(sock_is_local(c->client->addr) && c->client->addr->share == 0, advice,
		    sizeof advice);
	snprintf(c->error, sizeof c->error, "%s %s: %s%s%s", what, c->client->address,
	    no_port ? "no free local port: " : "", strerror(e),
	    single && stated
		? " (one connection went before, to find out which address answers: if "
		  "the server takes a single one, say the address instead of a name)"
		: single    ? " (one connection went before, to find out its RPyC dialect: if the "
			      "server takes a single one, say rpc5:// or rpc6://)"
		: elsewhere ? " (servers listen on loopback unless -a tells them otherwise)"
			    : advice);
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

bool
client_broken_off(struct client_conn *c, uint64_t start_ns)
{
	if (c->until_ns == UINT64_MAX)
		c->until_ns = start_ns + c->client->timeout_ns + CLIENT_GRACE_NS;
	return clock_ns() < c->until_ns;
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

/* The connection is of no more use. */
static enum client_result
useless(struct client_conn *c, const char *why)
{
	snprintf(c->error, sizeof c->error, "%s: %s", c->client->address, why);
	c->broken = true;
	return CLIENT_LOST;
}

/* The call is complete: the protocol's verdict. */
static enum client_result
judge(struct client_conn *c)
{
	const struct client_session *r = c->session;

	if (!r->ok && (r->want == WANT_CLOSE || c->broken) && !r->closing)
		return useless(c, r->error);
	c->kept = true;
	if (r->ok)
		return CLIENT_OK;
	snprintf(c->error, sizeof c->error, "%s: %s", c->client->address, r->error);
	return CLIENT_FAILED;
}

/* The protocol neither takes input nor has output. */
static enum client_result
stuck(struct client_conn *c)
{
	return useless(c, c->session->error[0] ? c->session->error : "the connection is closed");
}

/* ---- one step each: connect, receive, send ---- */

static uint64_t
slice_ns(const struct client *cl)
{
	return cl->timeout_ns < CLIENT_SLICE_NS ? cl->timeout_ns : CLIENT_SLICE_NS;
}

static enum client_result
connected(struct client_conn *c)
{
	c->received_ns = c->connected_ns = clock_ns();
	return CLIENT_OK;
}

/* A full queue lets a connection over TCP wait, and refuses one to a Unix socket for now. */
static enum client_result
ask(struct client_conn *c)
{
	int r = sock_connect(c->fd, c->client->addr, c->index);

	c->no_room = r < 0;
	if (r > 0)
		return connected(c);
	return r < 0 && errno != EAGAIN ? lose(c, "connect", errno) : CLIENT_BUSY;
}

enum client_result
client_dial_begin(struct client_conn *c)
{
	const struct client *cl = c->client;

	client_close(c);
	c->error[0] = '\0';
	c->connected_ns = 0;
	c->dialled_ns = clock_ns();
	if (cl->unresolved)
		return useless(c, cl->unresolved);
	if ((c->fd = sock_open(cl->addr)) < 0)
		return lose(c, "socket", errno);
	if (cl->stamps && stamp_enable(c->fd) < 0)
		return lose(c, "timestamps", errno);
	if (!(c->session = cl->protocol->open(&cl->conf)))
		return lose(c, "connect", ENOMEM);
	/* again: what came before does not involve the peer */
	c->dialled_ns = clock_ns();
	return ask(c);
}

enum client_result
client_dial_end(struct client_conn *c)
{
	enum client_result res;
	socklen_t len = sizeof(int);
	int e = 0;

	if (c->no_room) {
		sched_yield(); /* the peer may need this processor to make room */
		if ((res = ask(c)) != CLIENT_BUSY || c->no_room)
			return res;
	}
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		e = errno;
	return e != 0 ? lose(c, "connect", e) : connected(c);
}

static bool
would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* If a call is complete, that is not by what was received last: no timestamp tells when. */
static void
ends_now(struct client_conn *c)
{
	c->received_ns = clock_ns();
	c->stamps.real_ns = 0;
}

/* The peer has ended its side. */
static enum client_result
end(struct client_conn *c)
{
	c->session->protocol->end(c->session);
	c->broken = c->ended = true;
	ends_now(c);
	return CLIENT_OK;
}

/* Reading failed with errno e, or nothing can be written any more. That is the connection's end if
 * there is already a reply. */
static enum client_result
cut(struct client_conn *c, int e)
{
	if (c->doomed)
		e = c->doomed;
	c->ended = e == EPIPE || e == ECONNRESET;
	if (c->session->replied)
		return end(c);
	return lose(c, c->doomed ? "write" : "read", e);
}

/* Read once. CLIENT_OK: have is what came, 0 at the end, which the protocol knows then;
 * CLIENT_BUSY: there is nothing (more) now. */
static enum client_result
refill(struct client_conn *c, int flags)
{
	ssize_t n = c->client->stamps ? stamps_recv(&c->stamps, c->fd, c->in, c->in_size, flags)
				      : recv(c->fd, c->in, c->in_size, flags);

	c->used = 0;
	c->have = n > 0 ? (size_t)n : 0;
	if (n > 0) {
		c->moved.received += (size_t)n;
		c->spoke = c->heard = true;
		return CLIENT_OK;
	}
	if (n < 0)
		return would_block() ? CLIENT_BUSY : cut(c, errno);
	return end(c);
}

/* Give the protocol what was read, up to the end of a reply, or as much as it may do at once. */
static enum client_result
feed(struct client_conn *c)
{
	struct client_session *r = c->session;
	const unsigned char *in = c->rest ? c->rest : c->in;
	size_t left = c->have - c->used, taken = r->protocol->input(r, in + c->used, left);

	c->used += taken;
	if (c->rest && taken == left) {
		free(c->rest);
		c->rest = NULL;
	}
	return taken == left || r->done || r->want == WANT_CLOSE || r->work == 0 ? CLIENT_OK
										 : stuck(c);
}

/* Others are about to use the buffer: copy what is left in it. False: out of memory. */
static bool
set_aside(struct client_conn *c)
{
	size_t left = c->have - c->used;

	if (left == 0 || c->rest)
		return true;
	if (!(c->rest = malloc(left)))
		return false;
	memcpy(c->rest, c->in + c->used, left);
	c->used = 0;
	c->have = left;
	return true;
}

/* Send until nothing is left (CLIENT_OK), or no more can be sent now (CLIENT_BUSY), or at all:
 * c->doomed. */
static enum client_result
send_out(struct client_conn *c)
{
	struct iovec iov[IOV_PIECES];
	struct client_session *r = c->session;
	unsigned outstanding = r->outstanding;
	ssize_t n;
	int k;

	while (r->want == WANT_OUTPUT) {
		if ((k = out_iov(&r->out, iov, IOV_PIECES)) == 0)
			return stuck(c);
		if ((n = sock_writev(c->fd, iov, k)) >= 0) {
			c->moved.sent += (size_t)n;
			client_sent(r, (size_t)n);
			if (r->outstanding < outstanding) { /* the reply was here before */
				outstanding = r->outstanding;
				ends_now(c);
			}
			continue;
		}
		if (would_block())
			return CLIENT_BUSY;
		c->doomed = errno;
		return CLIENT_LOST;
	}
	return CLIENT_OK;
}

enum client_again
client_again(const struct client_conn *c)
{
	const struct client_session *r = c->session;

	if (!r || !c->kept)
		return CLIENT_AGAIN_NO;
	if (r->closing)
		return CLIENT_AGAIN_BEHIND;
	return c->ended && !c->heard && r->idempotent ? CLIENT_AGAIN_ONCE : CLIENT_AGAIN_NO;
}

/* A call failed as the connection was lost: can the user do something about it? */
static void
advise(struct client_conn *c)
{
	size_t n = strlen(c->error);

	if (c->client->protocol->keeps && c->kept && c->ended && !c->heard && !c->session->closing
	    && !c->session->idempotent)
		snprintf(c->error + n, sizeof c->error - n,
		    ", and the connection had been kept: try -K");
}

/* ---- blocking driver ---- */

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

/* Wait for fd, but not beyond the time for the next check: CLIENT_BUSY. */
static enum client_result
await(struct client_conn *c, short events)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int n = poll(&p, 1, clock_poll_ms(slice_ns(c->client)));

	if (n < 0 && errno != EINTR)
		return lose(c, "poll", errno);
	return n > 0 ? CLIENT_OK : CLIENT_BUSY;
}

int
client_set_blocking(struct client_conn *c, bool on)
{
	if (on && sock_timeout(c->fd, slice_ns(c->client)) < 0)
		return -1;
	return sock_blocking(c->fd, on);
}

enum client_result
client_dial(struct client_conn *c)
{
	enum client_result res = client_dial_begin(c), due;

	while (res == CLIENT_BUSY) {
		if ((res = await(c, POLLOUT)) == CLIENT_OK)
			res = client_dial_end(c);
		if (res == CLIENT_BUSY && (due = check(c, c->dialled_ns)) != CLIENT_OK)
			return due;
	}
	if (res == CLIENT_OK && client_set_blocking(c, true) < 0)
		return lose(c, "socket", errno);
	return res;
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

static enum client_result
receive(struct client_conn *c, int flags)
{
	enum client_result res = refill(c, flags);

	return res == CLIENT_OK && c->have > 0 ? feed(c) : res;
}

bool
client_look(struct client_conn *c, uint64_t now_ns)
{
	if (now_ns < c->received_ns + LOOK_NS || !client_ready(c) || c->session->outstanding > 0
	    || client_paused(c))
		return false;
	receive(c, MSG_DONTWAIT);
	return true;
}

/* A write failed. The peer may have replied before it closed, and that can still be read: an HTTP
 * server that does not want all of a large body does so. */
static enum client_result
write_failed(struct client_conn *c)
{
	const struct client_session *r = c->session;
	bool called = r->outstanding > 0;

	while (r->outstanding > 0 && r->want != WANT_CLOSE && !c->broken
	    && receive(c, MSG_DONTWAIT) == CLIENT_OK)
		;
	if (r->outstanding > 0 || (r->ok && !called))
		return cut(c, c->doomed);
	c->broken = true;
	return CLIENT_OK;
}

/* Send everything, reading what the peer sends meanwhile: two sides that only write would wait for
 * each other forever. */
static enum client_result
send_all(struct client_conn *c, uint64_t start_ns)
{
	enum client_result res;

	while ((res = send_out(c)) == CLIENT_BUSY) {
		if ((res = check(c, start_ns)) != CLIENT_OK
		    || (res = await(c, POLLIN | POLLOUT)) == CLIENT_LOST
		    || (res = receive(c, MSG_DONTWAIT)) == CLIENT_LOST)
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
	enum client_result res = receive(c, 0);

	if (res == CLIENT_LOST)
		return res;
	if (res == CLIENT_OK) {
		if (r->outstanding == 0 || r->want != WANT_INPUT || c->broken)
			return res;
		/* a peer that uses Nagle's algorithm may hold the rest back until this
		 * much is acknowledged, unless it filled the buffer */
		if (c->have < c->in_size)
			sock_quickack(c->fd, c->client->addr);
	}
	return check(c, start_ns);
}

enum client_result
client_call(struct client_conn *c, const struct call *call, uint64_t start_ns)
{
	struct client_session *r = c->session;
	enum client_result res = CLIENT_OK;

	r->protocol->begin(r, call, NULL);
	c->heard = false;
	/* what the protocol still has to send once the call is complete belongs to it: the peer
	 * waits for it, and so would the next call */
	while (res == CLIENT_OK && (r->outstanding > 0 || r->want == WANT_OUTPUT) && !c->broken) {
		if (r->want == WANT_OUTPUT)
			res = send_all(c, start_ns);
		else if (r->want == WANT_INPUT)
			res = receive_some(c, start_ns);
		else
			res = stuck(c);
	}
	if (res == CLIENT_OK)
		res = r->outstanding > 0 ? stuck(c) : judge(c);
	if (res == CLIENT_LOST)
		advise(c);
	return res;
}

/* ---- non-blocking driver ---- */

void
client_begin(struct client_conn *c, const struct call *call, void *token)
{
	if (c->out)
		out_swap(&c->session->out, c->out);
	c->session->protocol->begin(c->session, call, token);
}

void
client_send(struct client_conn *c)
{
	if (client_sending(c))
		send_out(c);
	if (c->out)
		out_swap(&c->session->out, c->out);
}

/* Read once. False: there is nothing (more). */
static bool
receive_now(struct client_conn *c)
{
	if (refill(c, 0) == CLIENT_BUSY)
		return false;
	c->received_ns = clock_ns();
	return true;
}

void
client_receive(struct client_conn *c)
{
	if (!c->broken && c->session->want != WANT_CLOSE && !client_paused(c))
		receive_now(c);
}

/* The connection can't be used any more: calls still outstanding have failed. */
static enum client_result
lost(struct client_conn *c)
{
	const struct client_session *r = c->session;

	/* what ended it may be a reply to another call */
	if (!c->error[0])
		useless(c,
		    r->ok || r->closing || !r->error[0] ? "connection closed before the reply"
							: r->error);
	advise(c);
	c->broken = true;
	return CLIENT_LOST;
}

enum client_result
client_next(struct client_conn *c, void **token)
{
	struct client_session *r = c->session;
	enum client_result res;

	*token = NULL;
	if (!c->broken)
		c->error[0] = '\0';
	while (c->fd >= 0) {
		if (r->done) {
			*token = r->done;
			r->done = NULL;
			res = judge(c);
			if (res == CLIENT_LOST)
				advise(c);
			else
				c->heard = c->used < c->have;
			return res;
		}
		if (c->broken || r->want == WANT_CLOSE)
			return lost(c);
		if (client_paused(c)) {
			if (set_aside(c))
				return CLIENT_BUSY;
			useless(c, strerror(ENOMEM));
		} else if (c->used < c->have || r->more) {
			feed(c);
		} else if (!c->doomed) {
			return CLIENT_BUSY;
		} else if (!receive_now(c)) {
			cut(c, c->doomed);
		}
	}
	return CLIENT_BUSY;
}

bool
client_sending(const struct client_conn *c)
{
	return c->session && c->session->want == WANT_OUTPUT && !c->broken && !c->doomed;
}
