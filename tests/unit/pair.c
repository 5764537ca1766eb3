/* SPDX-License-Identifier: ISC */
/* Both sides of each protocol, back to back in memory: every operation, many sizes, and bytes
 * handed over in pieces of several lengths. No socket, no clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "payload.h"
#include "protocol.h"
#include "service.h"
#include "tap.h"

static const struct service service = { .max_payload = (uint64_t)64 << 20 };
static const struct service timed = { .max_payload = (uint64_t)64 << 20, .timed = true };

static unsigned drawn; /* service times that had to pass */

struct pair {
	const char *name;
	const struct client_protocol *client;
	const struct server_protocol *server;
	struct client_conf conf;
};

/* Hand at most step bytes of what one side has to send to the other; returns how many. */
static size_t
pass(struct client_session *c, struct server_session *s, bool to_server, size_t step)
{
	struct iovec iov[4];
	unsigned char *p;
	size_t n, taken, done = 0;
	int k;

	if (to_server)
		k = s->want == WANT_INPUT ? out_iov(&c->out, iov, 4) : 0;
	else
		k = s->want == WANT_OUTPUT ? out_iov(&s->out, iov, 4) : 0;
	if (k == 0)
		return 0;
	n = iov[0].iov_len < step ? iov[0].iov_len : step;
	/* a copy of exactly these bytes, so that a sanitizer sees any read beyond them */
	if (!(p = malloc(n)))
		return 0;
	memcpy(p, iov[0].iov_base, n);
	if (to_server) {
		while (done < n) {
			taken = s->protocol->input(s, p + done, n - done);
			done += taken;
			if (taken == 0 || s->want != WANT_INPUT)
				break;
		}
		client_sent(c, done);
	} else {
		c->protocol->input(c, p, n);
		server_sent(s, n);
		done = n;
	}
	free(p);
	return done;
}

/* Carry bytes to and fro until nothing moves any more. */
static bool
run(struct client_session *c, struct server_session *s, const struct call *call, size_t step)
{
	size_t moved = 1;

	c->protocol->begin(c, call, NULL);
	while (moved > 0) {
		moved = pass(c, s, true, step);
		moved += pass(c, s, false, step);
		if (s->want == WANT_WAIT) {
			drawn += s->service_time;
			s->protocol->resume(s);
			moved++;
		}
	}
	return c->outstanding == 0;
}

static const struct {
	enum op op;
	const char *name;
} ops[] = {
	{ OP_HELLO, "hello" },
	{ OP_PING, "ping" },
	{ OP_ECHO, "echo" },
	{ OP_UPLOAD, "upload" },
	{ OP_DOWNLOAD, "download" },
	{ OP_COMPUTE, "compute" },
	{ OP_UPLOAD_FILE, "upload_file" },
	{ OP_DOWNLOAD_FILE, "download_file" },
	{ OP_UPLOAD_FILE_CHUNKED, "upload-chunked" },
	{ OP_DOWNLOAD_FILE_CHUNKED, "download-chunked" },
	{ OP_UPLOAD_STREAM, "upload-stream" },
	{ OP_DOWNLOAD_STREAM, "download-stream" },
};

/* Has every request had its service time, and nothing else? */
static bool
times_are_right(const struct service *sv, const struct call *call, unsigned n)
{
	if (!sv->timed)
		return n == 0;
	if (call->op == OP_HELLO) /* HTTP's is a ping */
		return n <= 1;
	if (call->op == OP_UPLOAD_STREAM || call->op == OP_DOWNLOAD_STREAM)
		return true; /* RPC: a call for each chunk */
	return n == 1;
}

/* Requests that come together each have their own service time, one after the other, and
 * their answers come in between. */
static void
together(const struct server_protocol *protocol, const char *requests)
{
	struct server_session *s = protocol->open(&timed);
	size_t n = strlen(requests), taken = 0;
	unsigned turn, bad = 0;
	struct iovec iov[4];

	for (turn = 0; turn < 3; turn++) {
		taken += protocol->input(s, (const unsigned char *)requests + taken, n - taken);
		bad += s->want != WANT_WAIT || !s->service_time || s->requests != turn;
		protocol->resume(s);
		bad += s->want != WANT_OUTPUT || s->service_time || s->requests != turn + 1;
		while (s->want == WANT_OUTPUT && out_iov(&s->out, iov, 4) > 0)
			server_sent(s, iov[0].iov_len);
	}
	ok(bad == 0 && taken == n && s->idle, "%s: three requests at once, a time for each",
	    protocol->scheme);
	protocol->close(s);
}

static void
check_operations(const struct pair *p, size_t step, const struct service *sv)
{
	static const uint64_t size[] = { 0, 1, 4, 5, 255, 256, 4096, 4097, 70000, 300001 };
	struct server_session *s = p->server->open(sv);
	struct client_session *c = p->client->open(&p->conf);
	struct call call;
	unsigned op, before;
	size_t i;

	for (op = 0; op < sizeof ops / sizeof *ops; op++) {
		unsigned failed = 0;
		char why[240] = "";

		for (i = 0; i < sizeof size / sizeof *size; i++) {
			/* tiny steps only for what ends in reasonable time */
			if (step < 100 && size[i] > 5000)
				continue;
			memset(&call, 0, sizeof call);
			call.op = ops[op].op;
			call.size = size[i];
			call.chunk = size[i] > 5000 ? 9999 : 3;
			before = drawn;
			if (!run(c, s, &call, step) || !c->ok
			    || !times_are_right(sv, &call, drawn - before)) {
				if (failed++ == 0)
					snprintf(why, sizeof why, ": %u bytes: %s",
					    (unsigned)size[i],
					    c->outstanding > 0 ? "not answered" : c->error);
			}
		}
		ok(failed == 0, "%s%s, %s in steps of %zu%s", p->name, sv->timed ? ", timed" : "",
		    ops[op].name, step, why);
	}
	ok(s->errors == 0, "%s: the server counts no error", p->name);
	ok(s->idle, "%s: the server is idle in the end", p->name);
	c->protocol->close(c);
	s->protocol->close(s);
}

/* A failed call leaves the connection usable. */
static void
failures(const struct pair *p, const char *bad)
{
	struct server_session *s = p->server->open(&service);
	struct client_conf conf = p->conf;
	struct client_session *c;
	struct call call = { .op = OP_NAMED };

	conf.name = bad;
	c = p->client->open(&conf);
	ok(run(c, s, &call, 65536) && !c->ok && c->error[0], "%s: %s fails: %s", p->name, bad,
	    c->error);
	call.op = OP_PING;
	ok(run(c, s, &call, 65536) && c->ok, "%s: ping after it", p->name);
	call.op = OP_DOWNLOAD;
	call.size = service.max_payload + 1;
	ok(run(c, s, &call, 65536) && !c->ok, "%s: a download beyond the limit: %s", p->name,
	    c->error);
	call.op = OP_PING;
	ok(run(c, s, &call, 65536) && c->ok, "%s: ping after that", p->name);
	ok(s->errors == 2, "%s: the server counts 2 errors", p->name);
	c->protocol->close(c);
	s->protocol->close(s);
}

int
main(void)
{
	static const size_t step[] = { 1, 7, 1000, 65536 };
	struct payload payload;
	struct pair pair[] = {
		{ "RPyC 6", &rpyc_client_protocol, &rpyc_server_protocol, { .dialect = 6 } },
		{ "RPyC 5", &rpyc_client_protocol, &rpyc_server_protocol, { .dialect = 5 } },
		{ "RPyC -N", &rpyc_client_protocol, &rpyc_server_protocol, { .native = true } },
		{ "HTTP", &http_client_protocol, &http_server_protocol, { .host = "localhost" } },
	};
	size_t i, j;

	if (payload_random(&payload) != 0)
		return 1;
	for (i = 0; i < sizeof pair / sizeof *pair; i++) {
		pair[i].conf.payload = &payload;
		pair[i].conf.check = true;
		for (j = 0; j < sizeof step / sizeof *step; j++)
			check_operations(&pair[i], step[j], &service);
		check_operations(&pair[i], 1000, &timed);
		failures(&pair[i], i < 3 ? "nosuch/1" : "/nosuch");
	}
	together(&http_server_protocol,
	    "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
	    "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
	    "GET /download/9 HTTP/1.1\r\nHost: a\r\n\r\n");
	payload_free(&payload);
	return done();
}
