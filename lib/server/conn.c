/* SPDX-License-Identifier: ISC */
/* One connection, driven by a thread or process of its own: a session's wishes turned
 * into blocking system calls.
 *
 * A request that comes in one piece and is answered in one costs one recv(2) and one
 * sendmsg(2), and no look at the clock: the kernel keeps the time limit of an idle peer
 * (SO_RCVTIMEO). Only for the rest of a message that didn't come in one piece is a deadline
 * kept here, so that a byte now and then doesn't prolong it; and for a peer that doesn't
 * take what is sent, because the kernel's limit (SO_SNDTIMEO) would begin anew with the
 * rest of each write. */
#include "server/model.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/delay.h"
#include "net/sock.h"

#define SMALL_BYTES 8192                /* read at once, on the stack */
#define BIG_BYTES ((size_t)256 << 10)   /* the same in the middle of a long message */

/* What is read, and when it has to be here. */
struct reader {
	unsigned char *p;       /* where to: small, big, or the connection's keep */
	size_t size;
	size_t at, end;         /* p[at..end-1] is not yet taken by the session */
	unsigned char *big;     /* allocated, or NULL */
	unsigned char *small;
	bool full;              /* the last read could have been longer */
	bool fed;               /* the session was given something */
	bool unanswered;        /* and has sent nothing since */
	struct peer peer;
	uint64_t deadline_ns;   /* of its message */
};

static void
use_small(struct reader *r)
{
	free(r->big);
	r->big = NULL;
	r->p = r->small;
	r->size = SMALL_BYTES;
	r->at = r->end = 0;
}

/* Long messages are read in large pieces; without the memory for it, in small ones. */
static void
use_big(struct reader *r)
{
	if (r->p == r->small && (r->big = malloc(BIG_BYTES))) {
		r->p = r->big;
		r->size = BIG_BYTES;
	}
}

static bool
feed(struct conn *c, struct reader *r)
{
	struct server_session *s = c->session;
	size_t n;

	n = s->protocol->input(s, r->p + r->at, r->end - r->at);
	r->at += n;
	r->fed = r->unanswered = true;
	if (r->at == r->end) {
		r->at = r->end = 0;
		/* a keep is of any size, and not for reading into */
		if (s->idle || r->size != BIG_BYTES)
			use_small(r);
	}
	/* a session that wants input and takes none would keep us here for ever */
	return n > 0 || s->want != WANT_INPUT;
}

/* Before a wait for more: the peer may hold that back until we acknowledge what we have,
 * and nothing that we have sent since did so. */
static void
acknowledge(struct conn *c, struct reader *r)
{
	if (r->unanswered)
		sock_quickack(c->fd);
	r->unanswered = false;
}

static bool
too_late(struct conn *c)
{
	c->errors++;
	return false;
}

/* Wait for more of a message. */
static bool
await_rest(struct conn *c, struct reader *r)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	uint64_t now = clock_ns();

	if (now >= r->deadline_ns)
		return too_late(c);
	if (poll(&p, 1, clock_poll_ms(r->deadline_ns - now)) < 0 && errno != EINTR)
		return false;
	return true;
}

/* Read once. False: the connection is over. */
static bool
receive(struct conn *c, struct reader *r)
{
	struct server_session *s = c->session;
	ssize_t n;
	int flags = 0;

	if (r->peer.ended)
		return false;
	if (!peer_limit_anew(&r->peer, s))
		flags = MSG_DONTWAIT;
	else if (!s->idle)
		r->deadline_ns = clock_ns() + server_conf(c->server)->timeout_ns;
	if (!s->idle && r->full)
		use_big(r);
	for (;;) {
		if (flags == 0)
			acknowledge(c, r);
		n = recv(c->fd, r->p, r->size, flags);
		if (n >= 0)
			break;
		if (errno == EINTR) {
			/* the time limit of the call has started anew, the message's hasn't */
			if (r->peer.message)
				flags = MSG_DONTWAIT;
			continue;
		}
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return false;
		if (flags == 0)
			return r->peer.message ? too_late(c) : false;
		acknowledge(c, r);
		if (!await_rest(c, r))
			return false;
	}
	if (n == 0) {
		r->peer.ended = true;
		s->protocol->end(s);
		return true;
	}
	c->bytes_in += (uint64_t)n;
	r->at = 0;
	r->end = (size_t)n;
	r->full = r->end == r->size;
	return true;
}

/* Wait until the peer takes more. */
static bool
await_room(struct conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };
	uint64_t now = clock_ns(), until = now + server_conf(c->server)->timeout_ns;
	int n;

	do {
		n = poll(&p, 1, clock_poll_ms(until - now));
		if (n < 0 && errno != EINTR)
			return false;
	} while (n <= 0 && (now = clock_ns()) < until);
	return n > 0 ? true : too_late(c);
}

static bool
transmit(struct conn *c, struct reader *r)
{
	struct server_session *s = c->session;
	struct iovec iov[CONN_IOV];
	ssize_t n;
	int k;

	k = s->protocol->output(s, iov, CONN_IOV);
	if (k <= 0)
		return false;
	do
		n = sock_try_writev(c->fd, iov, k);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? await_room(c) : false;
	c->bytes_out += (uint64_t)n;
	r->unanswered = false;
	s->protocol->sent(s, (size_t)n);
	return true;
}

/* Let the session's time pass. No event is asked for: what the peer sends meanwhile waits,
 * and one that has only ended its side gets its answer. But a broken connection, or one
 * that was shut down by the main thread, ends it. */
static bool
pause_session(struct conn *c, struct reader *r)
{
	struct server_session *s = c->session;
	struct pollfd p = { .fd = c->fd };
	struct timespec rest = { 0 };
	uint64_t now, until;
	int n = 0;

	if (s->wait_ns == 0 && !s->service_time) {
		do
			n = poll(&p, 1, 0);
		while (n < 0 && errno == EINTR);
	} else {
		until = conn_wait_until(c);
		while (n == 0 && (now = clock_ns()) < until) {
			if (until - now > CLOCK_AWAKE_NS + CLOCK_MS) {
				n = poll(&p, 1, clock_poll_ms(until - now - CLOCK_AWAKE_NS
				    - (CLOCK_MS - 1)));
				if (n < 0 && errno == EINTR)
					n = 0;
			} else if (until - now > CLOCK_AWAKE_NS) {
				/* poll(2) knows no less than a millisecond */
				rest.tv_nsec = (long)(until - now - CLOCK_AWAKE_NS);
				nanosleep(&rest, NULL);
			} else {
				clock_spin_until(until);
			}
		}
	}
	if (n != 0)
		return false;
	r->peer.message = false;        /* this time was ours */
	s->protocol->resume(s);
	return true;
}

bool
peer_limit_anew(struct peer *p, const struct server_session *s)
{
	bool anew = s->idle || !p->message || p->progress != s->progress;

	if (s->idle)
		p->errors = s->errors;
	p->message = !s->idle;
	p->progress = s->progress;
	return anew;
}

bool
conn_linger(struct conn *c, const struct peer *p, bool unread, void *buf, size_t size)
{
	if (p->ended)
		return false;
	if (!unread && c->session->errors == p->errors
	    && recv(c->fd, buf, size, MSG_DONTWAIT) <= 0)
		return false;
	return shutdown(c->fd, SHUT_WR) == 0;
}

bool
conn_discard(struct conn *c, void *buf, size_t size)
{
	ssize_t n = recv(c->fd, buf, size, MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

static void
linger(struct conn *c, struct reader *r)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	uint64_t now, until;

	if (!conn_linger(c, &r->peer, r->at < r->end, r->p, r->size))
		return;
	until = clock_ns() + CONN_LINGER_NS;
	while ((now = clock_ns()) < until) {
		if (poll(&p, 1, clock_poll_ms(until - now)) < 0 && errno != EINTR)
			return;
		if (!conn_discard(c, r->p, r->size))
			return;
	}
}

bool
conn_keep(struct conn *c, const unsigned char *p, size_t n)
{
	if (!(c->keep = malloc(n)))
		return false;
	memcpy(c->keep, p, n);
	c->keep_at = 0;
	c->keep_end = n;
	return true;
}

static enum conn_state
run(struct conn *c, struct reader *r, bool one_request)
{
	struct server_session *s = c->session;
	bool alive = true;

	while (alive) {
		switch (s->want) {
		case WANT_INPUT:
			if (one_request && s->idle && r->fed && !r->peer.ended) {
				if (r->at == r->end)
					acknowledge(c, r);
				else if (!conn_keep(c, r->p + r->at, r->end - r->at))
					return CONN_ENDED;
				return CONN_IDLE;
			}
			alive = r->at < r->end ? feed(c, r) : receive(c, r);
			break;
		case WANT_OUTPUT:
			alive = transmit(c, r);
			break;
		case WANT_WAIT:
			alive = pause_session(c, r);
			break;
		case WANT_CLOSE:
			linger(c, r);
			alive = false;
			break;
		}
	}
	return CONN_ENDED;
}

enum conn_state
conn_serve(struct conn *c, bool one_request)
{
	const struct server_conf *conf = server_conf(c->server);
	unsigned char small[SMALL_BYTES];
	struct reader r;
	enum conn_state state;

	if (!c->session && !(c->session = conf->protocol->open(conf->service))) {
		c->errors++;
		return CONN_ENDED;
	}
	c->session->one_request = one_request;
	memset(&r, 0, sizeof r);
	r.small = small;
	use_small(&r);
	r.peer.errors = c->session->errors;
	if (c->keep) {
		/* use_small releases it when it is used up */
		r.p = r.big = c->keep;
		r.size = c->keep_end;
		r.at = c->keep_at;
		r.end = c->keep_end;
		c->keep = NULL;
	}
	state = run(c, &r, one_request);
	free(r.big);
	return state;
}

uint64_t
conn_wait_until(struct conn *c)
{
	const struct server_conf *conf = server_conf(c->server);
	uint64_t now = clock_ns();

	if (!c->session->service_time)
		return now + c->session->wait_ns;
	return now + delay_draw(conf->dist, &c->rng, now - server_started_ns(c->server));
}

void
conn_count(const struct conn *c, struct server_usage *u)
{
	if (c->session) {
		u->requests += c->session->requests;
		u->errors += c->session->errors;
	}
	u->errors += c->errors;
	u->bytes_in += c->bytes_in;
	u->bytes_out += c->bytes_out;
}

void
conn_list_add(struct conn_list *l, struct conn *c)
{
	c->list_prev = l->last;
	c->list_next = NULL;
	if (l->last)
		l->last->list_next = c;
	else
		l->first = c;
	l->last = c;
}

void
conn_list_remove(struct conn_list *l, struct conn *c)
{
	if (c->list_prev)
		c->list_prev->list_next = c->list_next;
	else
		l->first = c->list_next;
	if (c->list_next)
		c->list_next->list_prev = c->list_prev;
	else
		l->last = c->list_prev;
	c->list_prev = c->list_next = NULL;
}

struct conn *
conn_list_take(struct conn_list *l)
{
	struct conn *c = l->first;

	if (c)
		conn_list_remove(l, c);
	return c;
}
