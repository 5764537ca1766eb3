/* SPDX-License-Identifier: ISC */
/* Targets. */
#include "client/target.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/sock.h"

const char *
client_target(struct client *cl, const char *target)
{
	const char *why;

	if ((why = url_parse(&cl->url, target)) || (why = sock_bad_path(cl->url.host)))
		return why;
	cl->protocol = strcmp(cl->url.scheme, "rpc") == 0 ? &rpyc_client_protocol
							  : &http_client_protocol;
	cl->conf.host = cl->url.authority;
	cl->conf.name = cl->url.path;
	if (cl->url.dialect)
		cl->conf.dialect = cl->url.dialect;
	return NULL;
}

static void
choose(struct client *cl, const struct sock_addr *addr)
{
	cl->addr = addr;
	if (sock_name(addr, cl->address, sizeof cl->address) < 0)
		snprintf(cl->address, sizeof cl->address, "%s", cl->url.authority);
}

const char *
client_resolve(struct client *cl)
{
	const char *why = sock_resolve(cl->url.host, cl->url.port, false, &cl->list);

	if (!why)
		choose(cl, cl->list);
	else
		snprintf(cl->address, sizeof cl->address, "%s", cl->url.host);
	cl->unresolved = why;
	return why;
}

/* ---- RPyC's dialects ---- */

/* A connection on which one of them is tried. */
struct attempt {
	struct client_conn conn;
	unsigned char in[4096];
	bool begun;
	enum client_result res; /* CLIENT_BUSY: no outcome yet */
};

static void
say_hello(struct attempt *a)
{
	static const struct call hello = { .op = OP_HELLO };

	a->res = CLIENT_BUSY;
	client_begin(&a->conn, &hello, a);
	client_send(&a->conn);
}

static void
attempt_begin(struct client *cl, struct attempt *a, int dialect)
{
	cl->conf.dialect = dialect; /* sessions look at it as they are opened */
	a->begun = true;
	a->res = client_dial_begin(&a->conn);
	if (a->res == CLIENT_OK)
		say_hello(a);
}

/* The connection can be read or written: go on. */
static void
attempt_step(struct attempt *a, short ready)
{
	struct client_conn *c = &a->conn;
	enum client_result res;
	void *token;

	if (ready == 0)
		return;
	if (c->connected_ns == 0) {
		if ((a->res = client_dial_end(c)) != CLIENT_OK)
			return;
		say_hello(a);
	} else {
		if (ready & POLLOUT)
			client_send(c);
		if (ready & ~POLLOUT)
			client_receive(c);
	}
	while ((res = client_next(c, &token)) != CLIENT_BUSY) {
		if (a->res == CLIENT_BUSY)
			a->res = res;
		if (res == CLIENT_LOST)
			break;
	}
}

/* Wait for either, but not long. */
static void
attempts_wait(struct attempt *a)
{
	struct pollfd p[2];
	int i;

	for (i = 0; i < 2; i++) {
		p[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
		if (!a[i].begun || a[i].res != CLIENT_BUSY)
			continue;
		p[i].fd = a[i].conn.fd;
		if (a[i].conn.connected_ns == 0 || client_sending(&a[i].conn))
			p[i].events |= POLLOUT;
	}
	if (poll(p, 2, (int)(CLIENT_SLICE_NS / CLOCK_MS / 5)) > 0)
		for (i = 0; i < 2; i++)
			attempt_step(&a[i], p[i].revents);
}

/* The peer has understood nothing so far: it has said that it speaks the other dialect, or has
 * closed without a word, or says nothing at all, as a ThreadPoolServer of RPyC does. */
static bool
other_is_due(const struct client *cl, const struct attempt *a)
{
	uint64_t silence = cl->timeout_ns / 2 < CLIENT_GRACE_NS ? cl->timeout_ns / 2
								: CLIENT_GRACE_NS;

	if (a->conn.connected_ns == 0 || !a->conn.session)
		return false;
	if (a->res == CLIENT_BUSY)
		return !a->conn.heard && clock_ns() - a->conn.connected_ns >= silence;
	return a->conn.session->retry_dialect || !a->conn.heard;
}

/* Try the dialect the target states, or else 6 and then, besides, 5: a slow peer may still answer
 * the first. Sets *found to the attempt that has succeeded. */
static enum client_result
probe_dialect(struct client *cl, struct attempt a[2], struct attempt **found)
{
	int stated = cl->url.dialect, said = 0, i;

	if (a[0].begun)
		say_hello(&a[0]);
	else
		attempt_begin(cl, &a[0], stated ? stated : 6);
	for (;;) {
		for (i = 0; i < 2; i++) {
			if (!a[i].begun || a[i].res != CLIENT_OK)
				continue;
			*found = &a[i];
			cl->conf.dialect = a[i].conn.session->dialect;
			return CLIENT_OK;
		}
		if (a[0].res != CLIENT_BUSY && a[0].conn.session
		    && a[0].conn.session->retry_dialect)
			said = a[0].conn.session->dialect;
		if (!a[1].begun && !stated && other_is_due(cl, &a[0]))
			attempt_begin(cl, &a[1], 5);
		if (a[0].res != CLIENT_BUSY && (!a[1].begun || a[1].res != CLIENT_BUSY))
			break;
		if (cl->stop && atomic_load_explicit(cl->stop, memory_order_relaxed) != 0)
			break;
		if (clock_ns() - a[0].conn.dialled_ns >= cl->timeout_ns) {
			cl->conf.dialect = stated ? stated : said;
			return CLIENT_TIMEOUT;
		}
		attempts_wait(a);
	}
	cl->conf.dialect = stated ? stated : said;
	cl->single = a[1].begun && a[1].res == CLIENT_LOST;
	return CLIENT_LOST;
}

/* ---- the probe ---- */

static void
keep(struct client *cl, struct client_conn *c)
{
	if (!client_ready(c) || !(cl->spare = malloc(sizeof *cl->spare)))
		return;
	*cl->spare = *c;
	cl->spare->in = NULL; /* the probe's own */
	cl->spare->in_size = 0;
	c->fd = -1;
	c->session = NULL;
}

/* Choose the first address that answers, and leave the connection open. */
static enum client_result
choose_address(struct client *cl, struct client_conn *c, bool *silent)
{
	enum client_result res = CLIENT_LOST;
	const struct sock_addr *a;

	for (a = cl->list; a; a = a->next) {
		choose(cl, a);
		/* after a silent one each has only the grace period, not the time limit */
		if (*silent)
			c->until_ns = clock_ns() + CLIENT_GRACE_NS;
		if ((res = client_dial(c)) == CLIENT_OK)
			break;
		*silent = *silent || res == CLIENT_TIMEOUT;
	}
	if (!a)
		choose(cl, cl->list);
	*silent = *silent && !a;
	client_answered(c);
	return res;
}

void
client_probe(struct client *cl, bool keeping)
{
	struct attempt a[2], *found = NULL;
	enum client_result res = CLIENT_OK;
	bool silent = false, asks;
	int i;

	if (cl->unresolved)
		return;
	/* where the dialect is known, a connection that is not kept tells nothing */
	asks = cl->protocol->hello && (!cl->url.dialect || (keeping && cl->list->next));
	for (i = 0; i < 2; i++) {
		client_conn_init(&a[i].conn, cl, a[i].in, sizeof a[i].in);
		a[i].begun = false;
		a[i].res = CLIENT_BUSY;
	}
	if (cl->list->next) {
		cl->conf.dialect = cl->url.dialect ? cl->url.dialect : 6;
		res = choose_address(cl, &a[0].conn, &silent);
		a[0].begun = res == CLIENT_OK && client_set_blocking(&a[0].conn, false) == 0;
	}
	if (asks && res == CLIENT_OK)
		res = probe_dialect(cl, a, &found);
	else if (a[0].begun)
		found = &a[0];
	/* whoever has a connection of his own next may be refused */
	cl->single = cl->single || (found && cl->protocol->hello && !keeping);
	if (res == CLIENT_TIMEOUT || (res != CLIENT_OK && silent))
		cl->until_ns = clock_ns() + CLIENT_GRACE_NS;
	if (found && keeping)
		keep(cl, &found->conn);
	for (i = 0; i < 2; i++)
		client_close(&a[i].conn);
}

bool
client_adopt(struct client_conn *c, bool blocking)
{
	struct client_conn *spare = c->client->spare;

	if (!spare || !client_ready(spare) || client_set_blocking(spare, blocking) < 0)
		return false;
	client_close(c);
	c->fd = spare->fd;
	c->session = spare->session;
	c->dialled_ns = spare->dialled_ns;
	c->connected_ns = spare->connected_ns;
	c->kept = spare->kept;
	c->spoke = spare->spoke;
	spare->fd = -1;
	spare->session = NULL;
	return true;
}

void
client_free(struct client *cl)
{
	free(cl->list);
	cl->list = NULL;
	if (cl->spare)
		client_close(cl->spare);
	free(cl->spare);
	cl->spare = NULL;
}
