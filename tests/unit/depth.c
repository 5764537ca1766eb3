/* SPDX-License-Identifier: ISC */
/* Several calls outstanding on one connection, of both wires: against the servers in memory,
 * with bytes handed over in pieces of several lengths, and against replies made here, in
 * and out of order. No socket, no clock. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "payload.h"
#include "protocol.h"
#include "rpyc/brine.h"
#include "rpyc/frame.h"
#include "service.h"
#include "tap.h"

static const struct service service = { .max_payload = (uint64_t)64 << 20 };

/* What came of the calls. */
struct outcome {
	unsigned begun, good, bad, odd;
	unsigned which[64]; /* in the order of their ends: the numbers of the calls */
};

/* The token of call i is the address of byte i. */
static char tokens[64];

/* Hand n bytes to the client, as a driver does: piece by piece, from reply to reply. */
static void
give(struct client_session *c, const unsigned char *p, size_t n, size_t step, struct outcome *o)
{
	size_t taken, k;
	unsigned before;

	while (n > 0 && c->want != WANT_CLOSE) {
		k = n < step ? n : step;
		before = c->outstanding;
		taken = c->protocol->input(c, p, k);
		if (c->outstanding + 1 == before) {
			if (o->good + o->bad < 64)
				o->which[o->good + o->bad] = c->done
				    ? (unsigned)((char *)c->done - tokens)
				    : UINT_MAX;
			c->done = NULL;
			if (c->ok)
				o->good++;
			else
				o->bad++;
		} else if (c->outstanding != before || (taken < k && c->want != WANT_CLOSE)) {
			o->odd++;
			return;
		}
		p += taken;
		n -= taken;
	}
}

/* All that one side has to send. */
static void
drain(int (*output)(void *, struct iovec *, int), void (*sent)(void *, size_t), void *who,
    struct buf *to)
{
	struct iovec iov[8];
	size_t n;
	int i, k;

	while ((k = output(who, iov, 8)) > 0) {
		for (i = 0, n = 0; i < k; i++) {
			buf_add(to, iov[i].iov_base, iov[i].iov_len);
			n += iov[i].iov_len;
		}
		sent(who, n);
	}
}

static int
client_output(void *c, struct iovec *iov, int max)
{
	return out_iov(&((struct client_session *)c)->out, iov, max);
}

static void
client_has_sent(void *c, size_t n)
{
	client_sent(c, n);
}

static int
server_output(void *s, struct iovec *iov, int max)
{
	const struct server_session *session = s;

	return session->want == WANT_OUTPUT ? out_iov(&session->out, iov, max) : 0;
}

static void
server_has_sent(void *s, size_t n)
{
	server_sent(s, n);
}

/* The server's answers to all bytes at p. */
static void
answer(struct server_session *s, const unsigned char *p, size_t n, struct buf *to)
{
	size_t at = 0;

	for (;;) {
		drain(server_output, server_has_sent, s, to);
		if (s->want == WANT_WAIT)
			s->protocol->resume(s);
		else if (s->want == WANT_INPUT && at < n)
			at += s->protocol->input(s, p + at, n - at);
		else if (s->want != WANT_OUTPUT)
			return;
	}
}

/* count calls, up to depth at a time. */
static void
calls(struct client_session *c, struct server_session *s, const struct call *call, unsigned depth,
    unsigned count, size_t step, struct outcome *o)
{
	struct buf there = { 0 }, back = { 0 };

	memset(o, 0, sizeof *o);
	while (o->good + o->bad < count && !o->odd && c->want != WANT_CLOSE) {
		while (c->outstanding < depth && o->begun < count) {
			c->protocol->begin(c, call, &tokens[o->begun++]);
		}
		there.n = back.n = 0;
		drain(client_output, client_has_sent, c, &there);
		answer(s, there.p, there.n, &back);
		if (back.n == 0)
			break;
		give(c, back.p, back.n, step, o);
	}
	buf_free(&there);
	buf_free(&back);
}

struct pair {
	const char *name;
	const struct client_protocol *client;
	const struct server_protocol *server;
	struct client_conf conf;
};

static void
check_operations(const struct pair *p, unsigned depth, size_t step)
{
	static const struct call call[] = {
		{ .op = OP_PING },
		{ .op = OP_ECHO, .sized = true, .size = 3000 },
		{ .op = OP_ECHO, .sized = true, .size = 0 },
		{ .op = OP_UPLOAD, .sized = true, .size = 20000 },
		{ .op = OP_DOWNLOAD, .sized = true, .size = 20000 },
		{ .op = OP_NAMED },
	};
	struct server_session *s = p->server->open(&service);
	struct call greeting = { .op = OP_HELLO };
	struct client_conf conf = p->conf;
	struct outcome o;
	struct client_session *c;
	unsigned i, good = 0, odd = 0, out_of_turn = 0;
	uint64_t answered;

	conf.depth = depth;
	c = p->client->open(&conf);
	calls(c, s, &greeting, 1, 1, step, &o);
	ok(o.good == 1, "%s, depth %u, steps of %zu: hello", p->name, depth, step);
	answered = s->requests;
	for (i = 0; i < sizeof call / sizeof *call; i++) {
		unsigned k;

		calls(c, s, &call[i], depth, 50, step, &o);
		good += o.good;
		odd += o.odd;
		for (k = 0; k < 50; k++)
			out_of_turn += o.which[k] != k;
		if (o.good != 50)
			printf("# call %u: %u good, %u bad: %s\n", i, o.good, o.bad, c->error);
	}
	ok(good == 300 && odd == 0, "%u calls of 300 are good", good);
	ok(out_of_turn == 0, "in order");
	ok(s->requests - answered == 300, "%u requests are answered",
	    (unsigned)(s->requests - answered));
	ok(c->outstanding == 0 && c->want == WANT_INPUT, "nothing is left outstanding");
	c->protocol->close(c);
	s->protocol->close(s);
}

/* Calls that fail leave those beside them alone. */
static void
failing(const struct pair *p)
{
	struct server_session *s = p->server->open(&service);
	struct call call = { .op = OP_NAMED }, greeting = { .op = OP_HELLO };
	struct client_conf conf = p->conf;
	struct outcome o;
	struct client_session *c;

	conf.depth = 8;
	conf.name = p->server == &http_server_protocol ? "/nosuch" : "nosuch";
	c = p->client->open(&conf);
	if (p->server == &rpyc_server_protocol)
		calls(c, s, &greeting, 1, 1, 1000, &o);
	calls(c, s, &call, 8, 20, 1000, &o);
	ok(o.bad == 20 && o.odd == 0, "%s: 20 calls of nothing: %s", p->name, c->error);
	call.op = OP_PING;
	calls(c, s, &call, 8, 20, 1000, &o);
	ok(o.good == 20 && o.bad == 0, "%s: and 20 pings are good", p->name);
	c->protocol->close(c);
	s->protocol->close(s);
}

/* ---- HTTP: replies made here ---- */

#define PONG "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}"
#define LAST \
	"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}"
#define FAULT "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"

static struct client_session *
http_with(unsigned n, const char *reply, size_t step, struct outcome *o)
{
	static const struct client_conf conf = { .host = "h", .depth = 4 };
	struct call ping = { .op = OP_PING };
	struct client_session *c = http_client_protocol.open(&conf);
	struct buf there = { 0 };

	memset(o, 0, sizeof *o);
	while (o->begun < n)
		c->protocol->begin(c, &ping, &tokens[o->begun++]);
	drain(client_output, client_has_sent, c, &there);
	buf_free(&there);
	give(c, (const unsigned char *)reply, strlen(reply), step, o);
	return c;
}

static void
http_replies(size_t step)
{
	struct outcome o;
	struct client_session *c;

	c = http_with(4, PONG FAULT PONG, step, &o);
	ok(o.good == 2 && o.bad == 1 && c->outstanding == 1 && c->want == WANT_INPUT,
	    "an error between two replies is one error (steps of %zu)", step);
	ok(strstr(c->error, "500"), "which is told: %s", c->error);
	c->protocol->end(c);
	ok(c->outstanding == 0 && !c->ok && c->want == WANT_CLOSE, "the end fails the last");
	c->protocol->close(c);

	c = http_with(4, PONG LAST PONG, step, &o);
	ok(o.good == 2 && o.bad == 0 && c->want == WANT_CLOSE && c->outstanding == 2 && c->closing,
	    "a reply that is the last leaves two that have failed");
	c->protocol->close(c);

	c = http_with(2, PONG PONG PONG, 100000, &o);
	ok(o.good == 1 && o.bad == 1 && c->want == WANT_CLOSE, "a reply too many: %s", c->error);
	c->protocol->close(c);

	c = http_with(3, PONG "HTTQ", step, &o);
	ok(o.good == 1 && o.bad == 1 && c->outstanding == 1 && c->want == WANT_CLOSE,
	    "what is no reply fails the connection: %s", c->error);
	c->protocol->close(c);
}

/* A reply before its request is sent counts when it is, whatever is queued behind it. */
static void
http_early(void)
{
	static const struct client_conf conf = { .host = "h", .depth = 4 };
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"size\":5}";
	static unsigned char data[8] = "abcdefg";
	struct payload payload = { .data = data, .period = sizeof data };
	struct call upload = { .op = OP_UPLOAD, .sized = true, .size = 5 };
	struct client_conf mine = conf;
	struct iovec iov[8];
	struct outcome o;
	struct client_session *c;
	size_t total = 0, one;
	int i, k;

	mine.payload = &payload;
	c = http_client_protocol.open(&mine);
	memset(&o, 0, sizeof o);
	c->protocol->begin(c, &upload, &tokens[0]);
	c->protocol->begin(c, &upload, &tokens[1]);
	k = out_iov(&c->out, iov, 8);
	for (i = 0; i < k; i++)
		total += iov[i].iov_len;
	one = total / 2;
	client_sent(c, one - 1);
	give(c, (const unsigned char *)reply, sizeof reply - 1, 1000, &o);
	ok(c->outstanding == 2 && o.good == 0, "an early reply does not end a request");
	client_sent(c, 1);
	ok(c->outstanding == 1 && c->ok && c->done == &tokens[0], "its end does");
	client_sent(c, one);
	give(c, (const unsigned char *)reply, sizeof reply - 1, 1000, &o);
	ok(c->outstanding == 0 && o.good == 1 && o.which[0] == 1 && c->want == WANT_INPUT,
	    "the next one follows");
	c->protocol->close(c);
}

/* ---- RPyC: replies made here ---- */

static void
put_reply(struct buf *b, unsigned seq, const char *text)
{
	size_t begin = rpyc_begin(b, 6, text ? RPYC_REPLY : RPYC_EXCEPTION);

	brine_put_int(b, seq);
	if (text) {
		rpyc_put_str(b, text);
	} else {
		brine_put_tuple(b, 4);
		brine_put_tuple(b, 2);
		brine_put_str(b, "builtins");
		brine_put_str(b, "ValueError");
		brine_put_tuple(b, 1);
		brine_put_str(b, "no");
		brine_put_tuple(b, 0);
		brine_put_str(b, "");
	}
	rpyc_end(b, begin, 0);
}

/* n pings are outstanding, as requests 1 to n. */
static struct client_session *
rpyc_with(unsigned n)
{
	static const struct client_conf conf = { .dialect = 6, .depth = 8 };
	struct call call = { .op = OP_HELLO };
	struct client_session *c = rpyc_client_protocol.open(&conf);
	struct buf there = { 0 }, b = { 0 };
	struct outcome o = { 0 };
	size_t begin;
	unsigned i;

	c->protocol->begin(c, &call, NULL);
	drain(client_output, client_has_sent, c, &there);
	begin = rpyc_begin(&b, 6, RPYC_REPLY);
	brine_put_int(&b, 0);
	rpyc_put_ref(&b, RPYC_REMOTE_REF, "x.Service", 1, 2);
	rpyc_end(&b, begin, 0);
	give(c, b.p, b.n, 1000, &o);
	call.op = OP_PING;
	for (i = 1; i <= n; i++)
		c->protocol->begin(c, &call, &tokens[i]);
	drain(client_output, client_has_sent, c, &there);
	buf_free(&there);
	buf_free(&b);
	return c;
}

static void
rpyc_replies(size_t step)
{
	static const unsigned order[] = { 4, 2, 1, 3, 5, 7, 6 };
	struct outcome o = { 0 };
	struct buf b = { 0 };
	struct client_session *c = rpyc_with(7);
	unsigned i, right = 0;

	for (i = 0; i < 7; i++)
		put_reply(&b, order[i], order[i] == 5 ? "other" : order[i] == 3 ? NULL : "pong");
	give(c, b.p, b.n, step, &o);
	for (i = 0; i < 7; i++)
		right += o.which[i] == order[i];
	ok(o.good == 5 && o.bad == 2 && right == 7,
	    "replies in any order find their calls (steps of %zu)", step);
	ok(c->outstanding == 0 && c->want == WANT_INPUT, "and none is left");
	c->protocol->close(c);

	c = rpyc_with(4);
	b.n = 0;
	put_reply(&b, 2, "pong");
	put_reply(&b, 2, "pong");
	memset(&o, 0, sizeof o);
	give(c, b.p, b.n, step, &o);
	ok(o.good == 1 && o.bad == 1 && c->outstanding == 2 && c->want == WANT_CLOSE,
	    "a second reply is an error: %s", c->error);
	c->protocol->close(c);

	c = rpyc_with(4);
	b.n = 0;
	put_reply(&b, 5, "pong");
	memset(&o, 0, sizeof o);
	give(c, b.p, b.n, step, &o);
	ok(o.bad == 1 && c->outstanding == 3 && c->want == WANT_CLOSE,
	    "a reply to what was never sent is an error: %s", c->error);
	c->protocol->close(c);

	/* alone too, and even with the good one in the same piece */
	c = rpyc_with(1);
	b.n = 0;
	put_reply(&b, 1, "pong");
	put_reply(&b, 1, "pong");
	memset(&o, 0, sizeof o);
	give(c, b.p, b.n, 100000, &o);
	ok(o.bad == 1 && c->outstanding == 0 && c->want == WANT_CLOSE, "of one call, too");
	c->protocol->close(c);
	buf_free(&b);

	c = rpyc_with(3);
	c->protocol->end(c);
	ok(c->want == WANT_CLOSE && !c->ok && c->outstanding == 2, "the end fails all");
	c->protocol->close(c);
}

int
main(void)
{
	static const unsigned depth[] = { 1, 2, 3, 16, 64 };
	static const size_t step[] = { 1, 7, 1000, 65536 };
	struct payload payload;
	struct pair pair[] = {
		{ "RPyC 6", &rpyc_client_protocol, &rpyc_server_protocol,
		    { .dialect = 6, .name = "compute/10" } },
		{ "RPyC 5", &rpyc_client_protocol, &rpyc_server_protocol,
		    { .dialect = 5, .name = "compute/10" } },
		{ "HTTP", &http_client_protocol, &http_server_protocol,
		    { .host = "localhost", .name = "/compute/10" } },
	};
	size_t i, j, k;

	if (payload_random(&payload) != 0)
		return 1;
	for (i = 0; i < sizeof pair / sizeof *pair; i++) {
		pair[i].conf.payload = &payload;
		pair[i].conf.check = true;
		for (j = 0; j < sizeof depth / sizeof *depth; j++)
			for (k = 0; k < sizeof step / sizeof *step; k++)
				check_operations(&pair[i], depth[j], step[k]);
		failing(&pair[i]);
	}
	for (k = 0; k < sizeof step / sizeof *step; k++) {
		http_replies(step[k]);
		rpyc_replies(step[k]);
	}
	http_early();
	payload_free(&payload);
	return done();
}
