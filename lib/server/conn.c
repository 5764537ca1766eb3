/* SPDX-License-Identifier: ISC */
/* One connection of a server. */
#include "server/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/sock.h"
#include "server/delay.h"

#define IOV 64              /* parts of a long reply sent at once: 4 MB of blocks */
#define DISCARD_BYTES 16384 /* thrown away at once */

/* ---- lists ---- */

void
conn_list_add(struct conn_list *l, struct conn *c)
{
	c->link[l->which].prev = l->last;
	c->link[l->which].next = NULL;
	if (l->last)
		l->last->link[l->which].next = c;
	else
		l->first = c;
	l->last = c;
}

void
conn_list_remove(struct conn_list *l, struct conn *c)
{
	struct conn *prev = c->link[l->which].prev, *next = c->link[l->which].next;

	if (prev)
		prev->link[l->which].next = next;
	else
		l->first = next;
	if (next)
		next->link[l->which].prev = prev;
	else
		l->last = prev;
}

struct conn *
conn_list_take(struct conn_list *l)
{
	struct conn *c = l->first;

	if (c)
		conn_list_remove(l, c);
	return c;
}

/* ---- bytes ---- */

/* The session, told what time it is: it has no clock, and may put that into a reply. */
static struct server_session *
session_now(struct conn *c)
{
	c->session->epoch_s = clock_epoch_s();
	return c->session;
}

bool
conn_open(struct conn *c)
{
	if (!c->session && !(c->session = c->conf->protocol->open(c->conf->service))) {
		c->errors++;
		return false;
	}
	return true;
}

/* A call on the socket has failed. */
static enum conn_step
failed(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? CONN_BLOCKED : CONN_OVER;
}

enum conn_step
conn_receive(struct conn *c, unsigned char *buf, size_t size, int flags)
{
	ssize_t n = recv(c->fd, buf, size, flags);

	if (n < 0)
		return failed();
	if (n == 0 && c->late) {
		errno = EAGAIN; /* it is we who have ended that side */
		return CONN_BLOCKED;
	}
	if (n == 0) {
		c->ended = true;
		c->session->protocol->end(session_now(c));
		return CONN_GO_ON;
	}
	c->bytes_in += (uint64_t)n;
	c->in = buf;
	c->in_at = 0;
	c->in_end = (size_t)n;
	return CONN_GO_ON;
}

enum conn_step
conn_feed(struct conn *c)
{
	struct server_session *s = session_now(c);
	size_t n = s->protocol->input(s, c->in + c->in_at, c->in_end - c->in_at);

	c->in_at += n;
	c->unanswered = true;
	if (c->retained && c->in_at == c->in_end) {
		free(c->retained);
		c->retained = NULL;
	}
	/* a session that wants input and takes none would keep us here for ever */
	return n > 0 || s->want != WANT_INPUT ? CONN_GO_ON : CONN_OVER;
}

void
conn_resume(struct conn *c)
{
	c->session->protocol->resume(session_now(c));
}

bool
conn_retain(struct conn *c)
{
	size_t n = c->in_end - c->in_at;

	if (n == 0 || c->retained)
		return true;
	if (!(c->retained = malloc(n)))
		return false;
	memcpy(c->retained, c->in + c->in_at, n);
	c->in = c->retained;
	c->in_at = 0;
	c->in_end = n;
	return true;
}

enum conn_step
conn_transmit(struct conn *c)
{
	struct server_session *s = c->session;
	struct iovec iov[IOV];
	ssize_t n;
	int k = out_iov(&s->out, iov, IOV);

	if (k == 0)
		return CONN_OVER;
	do
		n = sock_writev(c->fd, iov, k);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed();
	c->bytes_out += (uint64_t)n;
	c->unanswered = false;
	server_sent(s, (size_t)n);
	return CONN_GO_ON;
}

void
conn_acknowledge(struct conn *c)
{
	if (c->unanswered)
		sock_quickack(c->fd, c->conf->addr);
	c->unanswered = false;
}

/* ---- time ---- */

bool
conn_restart_limit(struct conn *c)
{
	const struct server_session *s = c->session;
	bool restart = !c->timing || c->progress != s->progress;

	if (s->idle)
		c->idle_errors = s->errors;
	c->timing = true;
	c->progress = s->progress;
	return restart;
}

void
conn_late(struct conn *c)
{
	if (c->session && (c->session->want == WANT_OUTPUT || !c->session->idle))
		c->errors++;
}

/* As recv(2), of what remains to be read. */
static ssize_t
peek(const struct conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
}

bool
conn_has_come(const struct conn *c)
{
	return peek(c) >= 0;
}

bool
conn_left_nothing(const struct conn *c)
{
	const struct server_session *s = c->session;
	ssize_t n = peek(c);

	return n < 0 || (n == 0 && (!s || (s->want == WANT_INPUT && s->idle)));
}

bool
conn_in_time(const struct conn *c)
{
	return c->session && c->session->want == WANT_INPUT && conn_has_come(c);
}

uint64_t
conn_wait_until(struct conn *c)
{
	uint64_t now = clock_ns();

	if (!c->session->service_time)
		return now + c->session->wait_ns;
	return now + delay_draw(c->conf->dist, &c->rng, now - c->started_ns);
}

/* ---- the end ---- */

bool
conn_linger(struct conn *c)
{
	char byte;

	if (c->ended)
		return false;
	if (!conn_has_input(c) && c->session->errors == c->idle_errors
	    && recv(c->fd, &byte, 1, MSG_DONTWAIT) <= 0)
		return false;
	c->in_at = c->in_end = 0;
	return shutdown(c->fd, SHUT_WR) == 0;
}

bool
conn_discard(struct conn *c)
{
	char buf[DISCARD_BYTES];
	ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);

	return n > 0 || (n < 0 && failed() == CONN_BLOCKED);
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
conn_free(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	if (c->session)
		c->session->protocol->close(c->session);
	free(c->retained);
	free(c);
}
