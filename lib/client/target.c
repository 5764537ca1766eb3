/* SPDX-License-Identifier: ISC */
/* Targets. */
#include "client/target.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "net/sock.h"

const char *
client_target(struct client *cl, const char *target)
{
	const char *why;

	if ((why = url_parse(&cl->url, target)))
		return why;
	cl->protocol = strcmp(cl->url.scheme, "rpc") == 0 ? &rpyc_client_protocol
							  : &http_client_protocol;
	cl->conf.host = cl->url.authority;
	cl->conf.name = cl->url.path;
	return NULL;
}

static void
choose(struct client *cl, const struct addrinfo *ai)
{
	cl->addr = ai;
	if (sock_name(ai->ai_addr, ai->ai_addrlen, cl->address, sizeof cl->address) < 0)
		snprintf(cl->address, sizeof cl->address, "%s", cl->url.authority);
}

const char *
client_resolve(struct client *cl)
{
	const char *why = sock_resolve(cl->url.host, cl->url.port, false, &cl->list);

	if (!why)
		choose(cl, cl->list);
	return why;
}

/* Make the first call on a connection, and again in the other dialect if the peer asks for it. */
static enum client_result
probe_dialect(struct client *cl, struct client_conn *c)
{
	struct call hello = { .op = OP_HELLO };
	enum client_result res = CLIENT_LOST;
	int turn;

	for (turn = 0; turn < 2 && res != CLIENT_OK; turn++) {
		if ((res = client_dial(c)) != CLIENT_OK)
			break;
		res = client_call(c, &hello, c->dialled_ns);
		if (res != CLIENT_OK && !c->session->retry_dialect)
			break;
		cl->conf.dialect = c->session->dialect;
	}
	return res;
}

void
client_probe(struct client *cl)
{
	unsigned char in[4096];
	enum client_result res = CLIENT_OK;
	struct client_conn c;
	const struct addrinfo *ai;
	bool silent = false;

	client_conn_init(&c, cl, in, sizeof in);
	if (cl->list->ai_next) {
		for (ai = cl->list; ai; ai = ai->ai_next) {
			choose(cl, ai);
			/* after a silent one each has only the grace period, not the time limit */
			if (silent)
				c.until_ns = clock_ns() + CLIENT_GRACE_NS;
			if ((res = client_dial(&c)) == CLIENT_OK)
				break;
			silent = silent || res == CLIENT_TIMEOUT;
		}
		if (!ai)
			choose(cl, cl->list);
		silent = silent && !ai;
		client_close(&c);
		client_answered(&c);
	}
	if (cl->protocol->hello && res == CLIENT_OK)
		res = probe_dialect(cl, &c);
	if (res == CLIENT_TIMEOUT || (res != CLIENT_OK && silent))
		cl->until_ns = clock_ns() + CLIENT_GRACE_NS;
	client_close(&c);
}

void
client_free(struct client *cl)
{
	if (cl->list)
		freeaddrinfo(cl->list);
	cl->list = NULL;
}
