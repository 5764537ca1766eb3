/* SPDX-License-Identifier: ISC */
/* http.c, http_server.c, http_client.c, without any socket: every message is fed whole, byte by
 * byte, and cut at every position in two, always from memory of exactly its size. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "http/date.h"
#include "http/message.h"
#include "payload.h"
#include "protocol.h"
#include "service.h"
#include "tap.h"

#define S16(s) s s s s s s s s s s s s s s s s
#define COUNT(a) (sizeof(a) / sizeof *(a))

static void *
copy_of(const void *p, size_t n)
{
	void *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

/* What a parser of requests says: 0, or the status. */
static int
parse(struct http_request *q, const void *head, size_t n, struct http_refusal *r)
{
	struct http_span s = { head, n };
	bool good = http_parse_request(q, s, r);

	return good && r->status ? -1 : r->status;
}

/* ---- heads ---- */

static const struct {
	const char *line;
	int status; /* 0: good */
	enum http_method method;
	const char *path;
	int minor;
} lines[] = {
	{ "GET / HTTP/1.1", 0, HTTP_GET, "/", 1 },
	{ "GET /ping HTTP/1.0", 0, HTTP_GET, "/ping", 0 },
	{ "HEAD /a/b?c=d/e HTTP/1.1", 0, HTTP_HEAD, "/a/b", 1 },
	{ "GET /? HTTP/1.9", 0, HTTP_GET, "/", 1 },
	{ "POST http://host:1/echo?x HTTP/1.1", 0, HTTP_POST, "/echo", 1 },
	{ "POST HTTP://host HTTP/1.1", 0, HTTP_POST, "/", 1 },
	{ "GET http://host?q HTTP/1.1", 0, HTTP_GET, "/", 1 },
	{ "OPTIONS http://host HTTP/1.1", 0, HTTP_OPTIONS, "*", 1 },
	{ "OPTIONS * HTTP/1.1", 0, HTTP_OPTIONS, "*", 1 },
	{ "DELETE /x HTTP/1.1", 0, HTTP_DELETE, "/x", 1 },
	{ "CONNECT host:80 HTTP/1.1", 0, HTTP_CONNECT, "host:80", 1 },
	{ "get / HTTP/1.1", 0, HTTP_UNKNOWN, "/", 1 },
	{ "BREW /pot HTTP/1.1", 0, HTTP_UNKNOWN, "/pot", 1 },
	{ "GET / HTTP/2.0", 505, 0, NULL, 0 },
	{ "GET / HTTP/0.9", 505, 0, NULL, 0 },
	{ "GET / HTTP/1.10", 400, 0, NULL, 0 },
	{ "GET / HTTP/1", 400, 0, NULL, 0 },
	{ "GET / http/1.1", 400, 0, NULL, 0 },
	{ "GET /", 400, 0, NULL, 0 },
	{ "GET", 400, 0, NULL, 0 },
	{ "GET  / HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET /  HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET / HTTP/1.1 ", 400, 0, NULL, 0 },
	{ " GET / HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET\t/\tHTTP/1.1", 400, 0, NULL, 0 },
	{ "GET /a b HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET /a#b HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET /\x80 HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET /\x01 HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET /\r HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET * HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http:///ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET ftp://host/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "G(T / HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://[::1]:80/ping HTTP/1.1", 0, HTTP_GET, "/ping", 1 },
	{ "GET http://[::ffff:127.0.0.1] HTTP/1.1", 0, HTTP_GET, "/", 1 },
	{ "GET http://h:/ping HTTP/1.1", 0, HTTP_GET, "/ping", 1 },
	{ "CONNECT [::1]:80 HTTP/1.1", 0, HTTP_CONNECT, "[::1]:80", 1 },
	{ "GET http://:80/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://:80 HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://?q HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http:// HTTP/1.1", 400, 0, NULL, 0 },
	{ "OPTIONS http:// HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://@/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://u@h/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://u:p@h:80/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://h:x/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://h:1:2/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://[::1/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://[::1]x/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://[]/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://[h]/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "GET http://::1/ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "CONNECT host HTTP/1.1", 400, 0, NULL, 0 },
	{ "CONNECT host: HTTP/1.1", 400, 0, NULL, 0 },
	{ "CONNECT :80 HTTP/1.1", 400, 0, NULL, 0 },
	{ "CONNECT u@host:80 HTTP/1.1", 400, 0, NULL, 0 },
	{ "CONNECT /ping HTTP/1.1", 400, 0, NULL, 0 },
	{ "CONNECT http://host HTTP/1.1", 400, 0, NULL, 0 },
	{ "CONNECT http://host:80/ HTTP/1.1", 400, 0, NULL, 0 },
};

static void
test_lines(void)
{
	struct http_request q;
	struct http_refusal r;
	char head[200];
	unsigned char *copy;
	size_t i, n;
	int status;

	for (i = 0; i < COUNT(lines); i++) {
		n = (size_t)snprintf(head, sizeof head, "%s\r\nHost: h\r\n\r\n", lines[i].line);
		copy = copy_of(head, n);
		status = parse(&q, copy, n, &r);
		ok(status == lines[i].status
			&& (status ? *r.why != '\0' && !strchr(r.why, '\n')
				   : q.method == lines[i].method && q.minor == lines[i].minor
				    && q.path.n == strlen(lines[i].path)
				    && memcmp(q.path.p, lines[i].path, q.path.n) == 0),
		    "request line %zu: %d", i, lines[i].status);
		free(copy);
	}
}

static const struct {
	const char *fields;
	int status; /* as a request of HTTP/1.1; 0: good */
	bool sized, chunked, keep;
	uint64_t length;
} fields[] = {
	{ "Host: h\r\n", 0, false, false, true, 0 },
	{ "HOST:h:80\r\n", 0, false, false, true, 0 },
	{ "Host:\r\n", 0, false, false, true, 0 },
	{ "Host: [::1]:80\n", 0, false, false, true, 0 },
	{ "Host: [::ffff:1.2.3.4]:\r\n", 0, false, false, true, 0 },
	{ "Host: [[::1]\r\n", 400, false, false, false, 0 },
	{ "Host: []\r\n", 400, false, false, false, 0 },
	{ "Host: [::1]1\r\n", 400, false, false, false, 0 },
	{ "Host: [::1\r\n", 400, false, false, false, 0 },
	{ "Host: [1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7]\r\n", 400, false, false, false,
	    0 },
	{ "Host: h\r\nX: \x80 \t y\r\nEmpty:\r\n", 0, false, false, true, 0 },
	{ "Host: h\r\nContent-Length:5\r\n", 0, true, false, true, 5 },
	{ "Host: h\r\ncontent-length: \t 5 \t\r\n", 0, true, false, true, 5 },
	{ "Host: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n", 0, true, false, true, 5 },
	{ "Host: h\r\nContent-Length: 5, 5\r\n", 0, true, false, true, 5 },
	{ "Host: h\r\nContent-Length: 18446744073709551615\r\n", 0, true, false, true, UINT64_MAX },
	{ "Host: h\r\nTransfer-Encoding: Chunked\r\n", 0, false, true, true, 0 },
	{ "Host: h\r\nTransfer-Encoding: , chunked ,\r\n", 0, false, true, true, 0 },
	{ "Host: h\r\nConnection: close\r\n", 0, false, false, false, 0 },
	{ "Host: h\r\nConnection: x, CLOSE\r\n", 0, false, false, false, 0 },
	{ "Host: h\r\nConnection: keep-alive\r\nConnection: close\r\n", 0, false, false, false, 0 },
	{ "Host: h\r\nConnection: closed\r\n", 0, false, false, true, 0 },
	{ "", 400, false, false, false, 0 },
	{ "Host: h\r\nHost: h\r\n", 400, false, false, false, 0 },
	{ "Host: a b\r\n", 400, false, false, false, 0 },
	{ "Host: u@h\r\n", 400, false, false, false, 0 },
	{ "Host: h/\r\n", 400, false, false, false, 0 },
	{ "Host : h\r\n", 400, false, false, false, 0 },
	{ "Host\r\n", 400, false, false, false, 0 },
	{ ": h\r\nHost: h\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\n X: folded\r\n", 400, false, false, false, 0 },
	{ " Host: h\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nX: a\r b\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nX: \x01\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nX: \x7f\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nX Y: z\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length:\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: ,\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: -5\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: +5\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: 0x5\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: 5 5\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: 5, 6\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: 18446744073709551616\r\n", 413, false, false, false, 0 },
	{ "Host: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, false, false,
	    false, 0 },
	{ "Host: h\r\nTransfer-Encoding: gzip\r\n", 501, false, false, false, 0 },
	{ "Host: h\r\nTransfer-Encoding: gzip, chunked\r\n", 501, false, false, false, 0 },
	{ "Host: h\r\nTransfer-Encoding: xchunked\r\n", 501, false, false, false, 0 },
	{ "Host: h\r\nTransfer-Encoding: chunked, chunked\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nTransfer-Encoding: chunked, gzip\r\n", 400, false, false, false, 0 },
	{ "Host: h\r\nTransfer-Encoding:\r\n", 400, false, false, false, 0 },
};

static void
test_fields(void)
{
	struct http_request q;
	struct http_refusal r;
	char head[300];
	unsigned char *copy;
	size_t i, n;
	int status;

	for (i = 0; i < COUNT(fields); i++) {
		n = (size_t)snprintf(head, sizeof head, "GET / HTTP/1.1\r\n%s\r\n",
		    fields[i].fields);
		copy = copy_of(head, n);
		status = parse(&q, copy, n, &r);
		ok(status == fields[i].status
			&& (status
			    || (q.fields.sized == fields[i].sized
				&& q.fields.chunked == fields[i].chunked
				&& q.fields.length == fields[i].length
				&& q.fields.keep_alive == fields[i].keep)),
		    "fields %zu: %d", i, fields[i].status);
		if (status && status != fields[i].status)
			printf("# %d %s\n", status, r.why);
		free(copy);
	}
	/* a NUL, which is in no C string */
	copy = copy_of("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 36);
	ok(parse(&q, copy, 36, &r) == 400, "NUL in a field");
	free(copy);
}

/* The end of a head is found wherever the cuts are, and not a byte behind it is taken. */
static void
test_gather(void)
{
	static const struct {
		const char *bytes;
		size_t len; /* of the head; 0: not complete */
	} t[] = { { "a\r\nb\r\n\r\nrest", 8 }, { "a\n\nrest", 3 }, { "a\n\r\n", 4 },
		{ "a\r\n\nx", 4 }, { "a\r\nb\r\n\r", 0 }, { "a\r\n\rb\n", 0 }, { "abc", 0 },
		{ "a\r\n\r\r\n\r\n", 8 } };
	struct http_span head;
	struct buf held;
	unsigned char *copy;
	size_t i, n, step, at, k, taken, max;
	bool right, found;

	for (i = 0; i < COUNT(t); i++) {
		n = strlen(t[i].bytes);
		right = true;
		for (step = 1; step <= n; step++) {
			memset(&held, 0, sizeof held);
			found = false;
			for (at = 0; at < n && !found; at += taken, free(copy)) {
				k = n - at < step ? n - at : step;
				copy = copy_of(t[i].bytes + at, k);
				found = http_gather(&held, copy, k, 100, &taken, &head);
				right = right && (found || taken == k)
				    && (!found
					|| (head.n == t[i].len
					    && memcmp(head.p, t[i].bytes, head.n) == 0));
			}
			right = right && at == (t[i].len ? t[i].len : n) && found == (t[i].len > 0);
			buf_free(&held);
		}
		ok(right, "head %zu gathered", i);
	}
	for (max = 7, right = true; max <= 8; max++) {
		for (step = 1; step <= 12; step++) {
			memset(&held, 0, sizeof held);
			found = false;
			for (at = 0; at < 12 && !found && held.n < max; at += taken) {
				k = 12 - at < step ? 12 - at : step;
				found = http_gather(&held, (const unsigned char *)t[0].bytes + at,
				    k, max, &taken, &head);
			}
			right = right && found == (max == 8) && (found || at == max);
			buf_free(&held);
		}
	}
	ok(right, "a head at and over the limit");
}

/* ---- bodies ---- */

static const struct {
	const char *bytes;
	const char *content; /* NULL: wrong, or incomplete */
	const char *why;     /* a part of it; "": incomplete */
	size_t rest;         /* bytes behind the body */
} bodies[] = {
	{ "0\r\n\r\n", "", NULL, 0 },
	{ "5\r\nhello\r\n0\r\n\r\nGET", "hello", NULL, 3 },
	{ "00005\r\nhello\r\n000\r\n\r\n", "hello", NULL, 0 },
	{ "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", "01234567890123456789a", NULL, 0 },
	{ "2\r\n\r\n\r\n0\r\n\r\n", "\r\n", NULL, 0 },
	{ "1;a\r\nx\r\n1 \t; b=\"c;\\\" d\"\r\ny\r\n0;z\r\n\r\n", "xy", NULL, 0 },
	{ "1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n?", "x", NULL, 1 },
	{ "1\r\nx\r\n0\r\nA: b\n\n", "x", NULL, 0 },
	{ "", NULL, "", 0 },
	{ "5\r\nhell", NULL, "", 0 },
	{ "5\r\nhello\r\n0\r\n", NULL, "", 0 },
	{ "\r\n", NULL, "not a hex", 0 },
	{ "x\r\n", NULL, "not a hex", 0 },
	{ "-1\r\n", NULL, "not a hex", 0 },
	{ "0x5\r\nhello\r\n", NULL, "not a hex", 0 },
	{ " 5\r\nhello\r\n", NULL, "not a hex", 0 },
	{ "5 \r\nhello\r\n", NULL, "a blank behind", 0 },
	{ "5 5\r\nhello\r\n", NULL, "a blank behind", 0 },
	{ ";\r\n", NULL, "not a hex", 0 },
	{ "5\nhello\r\n", NULL, "not a hex", 0 },
	{ "5\rhello\r\n", NULL, "CRLF", 0 },
	{ "5;a\nb\r\nhello\r\n", NULL, "control", 0 },
	{ "5;a\rb\r\nhello\r\n", NULL, "CRLF", 0 },
	{ "11111111111111111\r\n", NULL, "too large", 0 },
	{ "4\r\nhello\r\n", NULL, "longer", 0 },
	{ "5\r\nhello0\r\n", NULL, "longer", 0 },
	{ "5\r\nhello\n0\r\n", NULL, "longer", 0 },
	{ "5\r\nhello\r0\r\n", NULL, "longer", 0 },
	{ "0\r\n folded\r\n\r\n", NULL, "trailer", 0 },
	{ "0\r\nA b: c\r\n\r\n", NULL, "trailer", 0 },
	{ "0\r\nA\r\n\r\n", NULL, "trailer", 0 },
	{ "0\r\nA: \x01\r\n\r\n", NULL, "trailer", 0 },
	{ "0\r\nA: b\rc\r\n\r\n", NULL, "trailer", 0 },
	{ "0\r\n\rx", NULL, "trailer", 0 },
};

static bool
body_right(size_t t, size_t cut, size_t step)
{
	const char *bytes = bodies[t].bytes;
	const unsigned char *run;
	struct buf content = { 0 };
	struct http_body b;
	unsigned char *copy;
	size_t n = strlen(bytes), at, i, k, run_n;
	bool right;

	http_body_init(&b, HTTP_CHUNKED, 0);
	for (at = 0; at < n && !b.done && !b.error; at += i) {
		k = at < cut ? cut - at : n - at;
		k = k < step ? k : step;
		copy = copy_of(bytes + at, k);
		for (i = 0; i < k && !b.done && !b.error;) {
			i += http_body_take(&b, copy + i, k - i, &run, &run_n);
			buf_add(&content, run, run_n);
		}
		free(copy);
	}
	if (bodies[t].content)
		right = b.done && !b.error && n - at == bodies[t].rest
		    && content.n == strlen(bodies[t].content)
		    && (content.n == 0 || memcmp(content.p, bodies[t].content, content.n) == 0);
	else if (*bodies[t].why)
		right = b.error && strstr(b.error, bodies[t].why);
	else
		right = !b.error && !b.done;
	buf_free(&content);
	return right;
}

static void
test_bodies(void)
{
	const unsigned char *run;
	struct http_body b;
	size_t t, cut, n, run_n, i;
	bool right;

	for (t = 0; t < COUNT(bodies); t++) {
		n = strlen(bodies[t].bytes);
		right = body_right(t, 0, n + 1) && body_right(t, 0, 1);
		for (cut = 1; cut < n; cut++)
			right = right && body_right(t, cut, n);
		ok(right, "chunked body %zu: %s", t, bodies[t].content ? "read" : bodies[t].why);
	}
	http_body_init(&b, HTTP_SIZED, 3);
	ok(http_body_take(&b, (const unsigned char *)"abcd", 4, &run, &run_n) == 3 && run_n == 3
		&& b.done,
	    "a body of known length");
	http_body_init(&b, HTTP_SIZED, 0);
	ok(b.done, "a body of no bytes");
	http_body_init(&b, HTTP_TO_END, 0);
	ok(http_body_take(&b, (const unsigned char *)"abcd", 4, &run, &run_n) == 4 && run_n == 4
		&& !b.done,
	    "a body up to the end");
	/* endless lines */
	http_body_init(&b, HTTP_CHUNKED, 0);
	for (i = 0; i < 1000000 && !b.error; i++)
		http_body_take(&b, (const unsigned char *)"0", 1, &run, &run_n);
	ok(b.error && i < 10000, "an endless chunk size");
	http_body_init(&b, HTTP_CHUNKED, 0);
	http_body_take(&b, (const unsigned char *)"0\r\n", 3, &run, &run_n);
	for (i = 0; i < 1000000 && !b.error; i++)
		http_body_take(&b, (const unsigned char *)"a:\r\n", 4, &run, &run_n);
	ok(b.error && i < 10000, "an endless trailer");
}

/* ---- the server ---- */

static const struct service service = { .max_payload = (uint64_t)64 << 20 };

/* What time it is, and what replies say of it. */
#define EPOCH_S 784111777
#define DATED "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: rpcbench/" VERSION "\r\n"

/* A connection with a server in memory. */
struct conn {
	struct server_session *s;
	struct buf out;
	bool closed;
	bool broken; /* a promise of protocol.h was not kept */
	uint64_t waited_ns;
	size_t send_max; /* bytes sent at a time */
	bool one_request;
};

/* Let the session send and wait until it wants input or is closed. */
static void
settle(struct conn *c)
{
	struct iovec iov[3];
	size_t k, n;
	int i, count;

	for (;;) {
		switch (c->s->want) {
		case WANT_INPUT: return;
		case WANT_CLOSE: c->closed = true; return;
		case WANT_WAIT:
			c->waited_ns += c->s->wait_ns;
			c->s->protocol->resume(c->s);
			continue;
		case WANT_OUTPUT:
			count = out_iov(&c->s->out, iov, 3);
			if (count <= 0) {
				c->broken = true;
				c->closed = true;
				return;
			}
			for (i = 0, n = 0; i < count && n < c->send_max; i++, n += k) {
				k = iov[i].iov_len;
				if (k > c->send_max - n)
					k = c->send_max - n;
				buf_add(&c->out, iov[i].iov_base, k);
			}
			server_sent(c->s, n);
		}
	}
}

static void
feed(struct conn *c, const void *p, size_t n)
{
	unsigned char *copy;
	uint64_t before;
	size_t i = 0, k;

	while (i < n && !c->closed) {
		copy = copy_of((const unsigned char *)p + i, n - i);
		before = c->s->requests;
		k = c->s->protocol->input(c->s, copy, n - i);
		memset(copy, 'Z', n - i); /* nothing may point there */
		free(copy);
		/* an answer may be older than the end of its request: a refused body */
		if (k < n - i && c->s->want == WANT_INPUT && !(c->one_request && c->s->idle))
			c->broken = true;
		if (c->one_request && c->s->requests > before + 1)
			c->broken = true;
		i += k;
		settle(c);
	}
}

static struct conn
connect_to(const struct service *sv, bool single, size_t send_max)
{
	struct conn c;

	memset(&c, 0, sizeof c);
	if (!(c.s = http_server_protocol.open(sv)))
		abort();
	c.s->one_request = c.one_request = single;
	c.s->epoch_s = EPOCH_S;
	c.send_max = send_max;
	if (c.s->want != WANT_INPUT || !c.s->idle)
		c.broken = true;
	return c;
}

static void
hang_up(struct conn *c)
{
	if (!c->closed) {
		c->s->protocol->end(c->s);
		settle(c);
		if (!c->closed)
			c->broken = true;
	}
	c->s->protocol->close(c->s);
	c->s = NULL;
}

/* All the server answers to the n bytes at p. */
static struct buf
answers(const struct service *sv, const char *p, size_t n, size_t cut, size_t step, bool single,
    size_t send_max, bool *right)
{
	struct conn c = connect_to(sv, single, send_max);
	size_t i, k;

	for (i = 0; i < n; i += k) {
		k = i < cut ? cut - i : n - i;
		k = k < step ? k : step;
		feed(&c, p + i, k);
	}
	hang_up(&c);
	*right = *right && !c.broken;
	return c.out;
}

/* What was answered, in short: "200 body|" for each reply, "!" behind the status where the
 * connection ends. heads: replies have no bodies. */
static void
shorten(struct buf *text, const struct buf *out, bool heads)
{
	const unsigned char *p = out->p, *run;
	struct http_response a;
	struct http_body b;
	struct http_span head;
	struct http_refusal r;
	struct buf held = { 0 };
	size_t n = out->n, taken, run_n;

	while (n > 0) {
		if (!http_gather(&held, p, n, 65536, &taken, &head)
		    || !http_parse_response(&a, head, &r)) {
			buf_text(text, "garbage");
			break;
		}
		buf_printf(text, "%d%s ", a.status, a.fields.close ? "!" : "");
		p += taken;
		n -= taken;
		http_body_init(&b,
		    a.fields.chunked     ? HTTP_CHUNKED
			: a.fields.sized ? HTTP_SIZED
					 : HTTP_TO_END,
		    a.fields.length);
		while (!heads && n > 0 && a.status != 100 && !b.done && !b.error) {
			taken = http_body_take(&b, p, n, &run, &run_n);
			buf_add(text, run, run_n);
			p += taken;
			n -= taken;
		}
		if (!heads && a.status != 100 && !b.done && b.framing != HTTP_TO_END)
			buf_text(text, "(cut off)");
		buf_text(text, "|");
	}
	buf_free(&held);
	buf_byte(text, '\0');
}

#define HOST "Host: h\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define PONG "200 {\"response\":\"pong\"}|"
#define POST(path, fields, body) "POST " path " HTTP/1.1\r\n" HOST fields "\r\n" body
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct {
	const char *in;
	const char *want;
	unsigned requests, errors;
} talks[] = {
	{ GET("/ping"), PONG, 1, 0 },
	{ GET("/ping?a=/b"), PONG, 1, 0 },
	{ GET("http://other/ping"), PONG, 1, 0 },
	{ "\r\n\n\r\n" GET("/ping") "\r\n" GET("/ping"), PONG PONG, 2, 0 },
	{ "GET /ping HTTP/1.1\nHost: h\n\n" GET("/ping"), PONG PONG, 2, 0 },
	{ GET("/ping") GET("/ping") GET("/nothing") GET("/ping"),
	    PONG PONG "404 no such path: /nothing\n|" PONG, 4, 1 },
	{ "GET /ping HTTP/1.0\r\n\r\n" GET("/ping"), "200! {\"response\":\"pong\"}|", 1, 0 },
	{ "GET /ping HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" GET("/ping"), PONG PONG, 2, 0 },
	{ "GET /ping HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n" GET("/ping"),
	    "200! {\"response\":\"pong\"}|", 1, 0 },
	{ "GET /ping HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" GET("/ping"), PONG PONG, 2,
	    0 },
	{ "GET /ping HTTP/1.1\r\n" HOST CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n" GET("/ping"), PONG PONG,
	    2, 0 },
	{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n" GET("/ping"), "200 |" PONG, 2, 0 },
	{ "OPTIONS /echo HTTP/1.1\r\n" HOST "\r\n", "200 |", 1, 0 },

	{ POST("/echo", "Content-Length: 5\r\n", "hello") GET("/ping"), "200 hello|" PONG, 2, 0 },
	{ POST("/echo", "Content-Type: text/x\r\nContent-Length: 5\r\n", "hello"), "200 hello|", 1,
	    0 },
	{ POST("/echo", CHUNKED, "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: v\r\n\r\n") GET("/ping"),
	    "200 hello|" PONG, 2, 0 },
	{ POST("/echo", "Content-Type: a\r\n", "") GET("/ping"), "200 |" PONG, 2, 0 },
	{ POST("/echo", "", "") POST("/echo", CHUNKED, "0\r\n\r\n"), "200 |200 |", 2, 0 },
	{ POST("/upload", "Content-Length: 5\r\n", "hello"), "200 {\"size\":5}|", 1, 0 },
	{ POST("/upload", "", ""), "200 {\"size\":0}|", 1, 0 },
	{ POST("/upload-file", CHUNKED, "5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n"),
	    "200 {\"size\":10}|", 1, 0 },
	{ GET("/download/5") GET("/ping"), "200 xxxxx|" PONG, 2, 0 },
	{ GET("/download/0") GET("/ping"), "200 |" PONG, 2, 0 },
	{ GET("/compute/0") GET("/compute/4"), "200 {\"result\":0}|200 {\"result\":14}|", 2, 0 },
	{ GET("/compute/3000001") GET("/ping"), "200 {\"result\":9000004500000500000}|" PONG, 2,
	    0 },
	{ GET("/sleep/0.25") GET("/ping"), "200 {\"duration\":0.25}|" PONG, 2, 0 },
	{ GET("/sleep/0"), "200 {\"duration\":0}|", 1, 0 },
	{ GET("/sleep/.5") GET("/sleep/007.50"), "200 {\"duration\":0.5}|200 {\"duration\":7.50}|",
	    2, 0 },
	{ POST("/upload-file-chunked", "Content-Length: 24\r\n", "{\"chunks\":[\"0011\",\"22\"]}"),
	    "200 {\"size\":3}|", 1, 0 },
	{ POST("/upload-file-chunked", CHUNKED, "b\r\n{\"chunks\":[\r\n2\r\n]}\r\n0\r\n\r\n"),
	    "200 {\"size\":0}|", 1, 0 },
	{ GET("/download-file-chunked/5/2") GET("/ping"),
	    "200 {\"chunks\":[\"0000\",\"0000\",\"00\"]}|" PONG, 2, 0 },
	{ GET("/download-file-chunked/0/2"), "200 {\"chunks\":[]}|", 1, 0 },
	{ GET("/download-stream/0/1") GET("/ping"), "200 |" PONG, 2, 0 },

	/* refused, and the connection goes on */
	{ GET("/") GET("/ping"), "404 no such path: /\n|" PONG, 2, 1 },
	{ GET("/ping/") GET("/pings") GET("/download") GET("/download/1/2"),
	    "404 no such path: /ping/\n|404 no such path: /pings\n|404 no such path: /download\n|"
	    "404 no such path: /download/1/2\n|",
	    4, 4 },
	{ "POST /nothing HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc" GET("/ping"),
	    "404 no such path: /nothing\n|" PONG, 2, 1 },
	{ POST("/nothing", CHUNKED, "3\r\nabc\r\n0\r\n\r\n") GET("/ping"),
	    "404 no such path: /nothing\n|" PONG, 2, 1 },
	{ POST("/nothing", CHUNKED, "3\r\nabc\r\n0\r\n \r\n") GET("/ping"),
	    "404 no such path: /nothing\n|", 1, 1 },
	{ POST("/ping", "", "") GET("/ping"),
	    "405 POST is not allowed here (GET, HEAD, OPTIONS)\n|" PONG, 2, 1 },
	{ "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx" GET("/ping"),
	    "405 PUT is not allowed here (POST, OPTIONS)\n|" PONG, 2, 1 },
	{ "CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n" GET("/ping"),
	    "405 CONNECT is not allowed here (GET, HEAD, POST, OPTIONS)\n|" PONG, 2, 1 },
	{ "BREW /pot HTTP/1.1\r\n" HOST "\r\n" GET("/ping"), "501 unknown method BREW\n|" PONG, 2,
	    1 },
	{ GET("/download/") GET("/download/x") GET("/download/-1"),
	    "400 size: \"\" is not a whole number\n|400 size: \"x\" is not a whole number\n|"
	    "400 size: \"-1\" is not a whole number\n|",
	    3, 3 },
	{ GET("/download/67108865") GET("/download/99999999999999999999"),
	    "400 size: 67108865 is too large (at most 67108864)\n|"
	    "400 size: 99999999999999999999 is too large (at most 67108864)\n|",
	    2, 2 },
	{ GET("/download-file-chunked/1/0") GET("/download-stream/1/0") GET("/ping"),
	    "400 chunk_size: 0 is too small (at least 1)\n|"
	    "400 chunk_size: 0 is too small (at least 1)\n|" PONG,
	    3, 2 },
	{ GET("/compute/4294967297"), "400 n: 4294967297 is too large (at most 4294967296)\n|", 1,
	    1 },
	{ GET("/sleep/-1") GET("/sleep/1e3") GET("/sleep/9223372037") GET("/ping"),
	    "400 duration: \"-1\": not a number of seconds\n|"
	    "400 duration: \"1e3\": not a number of seconds\n|"
	    "400 duration: \"9223372037\": too large\n|" PONG,
	    4, 3 },
	{ "GET /ping HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n" GET("/ping"),
	    "417 only 100-continue may be expected\n|" PONG, 2, 1 },
	{ POST("/upload-file-chunked", "Content-Length: 3\r\n", "abc") GET("/ping"),
	    "400 not a JSON object\n|" PONG, 2, 1 },
	{ POST("/upload-file-chunked", "Content-Length: 20\r\n", "{\"chunks\":[\"0\"]}    ")
		GET("/ping"),
	    "400 an odd number of hex digits\n|" PONG, 2, 1 },
	{ POST("/upload-file-chunked", "Content-Length: 1\r\n", "{") GET("/ping"),
	    "400 the JSON document is cut off\n|" PONG, 2, 1 },
	{ POST("/upload-file-chunked", "", "") GET("/ping"), "400 not a JSON object\n|" PONG, 2,
	    1 },
	{ POST("/upload", "Content-Length: 67108865\r\n", "abc"),
	    "413! the body is too large (at most 67108864 bytes)\n|", 1, 1 },

	/* broken: the last thing on the connection */
	{ "GET /ping HTTP/1.1\r\n\r\n" GET("/ping"), "400! no Host field\n|", 1, 1 },
	{ GET("/ping") "GET /ping HTTP/3.0\r\n\r\n" GET("/ping"),
	    PONG "505! HTTP version \"HTTP/3.0\" is not supported\n|", 2, 1 },
	{ "\x16\x03\x01\x02", "400! not an HTTP request: \"\\x16\"\n|", 1, 1 },
	{ "\r\rGET", "400! a bare CR\n|", 1, 1 },
	{ "\rGET / HTTP/1.1\r\n\r\n", "400! a bare CR\n|", 1, 1 },
	{ "\n\n\n\n\n\n\n\n" GET("/ping") "\n\n\n\n\n\n\n\n" GET("/ping"), PONG PONG, 2, 0 },
	{ "\n\n\n\n\n\n\n\n\n" GET("/ping"), "400! too many empty lines before a request\n|", 1,
	    1 },
	{ POST("/echo", "Content-Length: 1\r\n" CHUNKED, "x"),
	    "400! both Content-Length and Transfer-Encoding\n|", 1, 1 },
	{ POST("/echo", CHUNKED, "5\r\nhelloo") GET("/ping"),
	    "400! a chunk is longer than its size\n|", 1, 1 },
	{ POST("/echo", CHUNKED, "x"), "400! a chunk's size is not a hex number\n|", 1, 1 },
	{ "POST /echo HTTP/1.0\r\n" CHUNKED "\r\n0\r\n\r\n",
	    "400! Transfer-Encoding in HTTP/1.0\n|", 1, 1 },
	{ "GET /ping HTTP/1.1\r\nHost", "400! the request is cut off\n|", 1, 1 },
	{ POST("/echo", "Content-Length: 5\r\n", "hell"), "400! the request's body is cut off\n|",
	    1, 1 },
	{ GET("/ping") "\r\n", PONG, 1, 0 },
	{ "", "", 0, 0 },
};

static bool
talk_right(size_t t, size_t cut, size_t step, bool single, size_t send_max)
{
	struct conn c;
	struct buf text = { 0 };
	const char *p = talks[t].in;
	size_t n = strlen(p), i, k;
	bool right;

	c = connect_to(&service, single, send_max);
	for (i = 0; i < n; i += k) {
		k = i < cut ? cut - i : n - i;
		k = k < step ? k : step;
		feed(&c, p + i, k);
	}
	/* hang_up closes the session: count before, but after what end() says */
	if (!c.closed) {
		c.s->protocol->end(c.s);
		settle(&c);
	}
	right = c.closed && !c.broken && c.s->requests == talks[t].requests
	    && c.s->errors == talks[t].errors;
	hang_up(&c);
	shorten(&text, &c.out, false);
	right = right && strcmp((char *)text.p, talks[t].want) == 0;
	if (!right)
		printf("# cut %zu step %zu%s: %s\n", cut, step, single ? " single" : "",
		    (char *)text.p);
	buf_free(&text);
	buf_free(&c.out);
	return right;
}

static void
test_talks(void)
{
	size_t t, cut, n;
	bool right;

	for (t = 0; t < COUNT(talks); t++) {
		n = strlen(talks[t].in);
		right = talk_right(t, 0, n + 1, false, SIZE_MAX) && talk_right(t, 0, 1, false, 1)
		    && talk_right(t, 0, n + 1, true, 7) && talk_right(t, 0, 1, true, SIZE_MAX);
		for (cut = 1; cut < n && right; cut++)
			right = talk_right(t, cut, n, false, 100)
			    && talk_right(t, cut, n, true, 100);
		ok(right, "talk %zu: %.60s", t, strlen(talks[t].in) ? "answered" : "nothing");
	}
}

/* The bytes of some replies, to the letter. */
static void
test_letters(void)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ GET("/ping"),
		    "HTTP/1.1 200 OK\r\n" DATED "Content-Type: application/json\r\n"
		    "Content-Length: 19\r\n\r\n{\"response\":\"pong\"}" },
		{ "HEAD /ping HTTP/1.1\r\n" HOST "\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED
		    "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n" },
		{ "HEAD /download/7 HTTP/1.1\r\n" HOST "\r\n"
		  "HEAD /x HTTP/1.1\r\n" HOST "\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED "Content-Type: application/octet-stream\r\n"
		    "Content-Length: 7\r\n\r\n"
		    "HTTP/1.1 404 Not Found\r\n" DATED "Content-Type: text/plain\r\n"
		    "Content-Length: 17\r\n\r\n" },
		{ "HEAD /download-stream/7/3 HTTP/1.1\r\n" HOST "\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED "Content-Type: application/octet-stream\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n" },
		{ "HEAD /download-file-chunked/2/1 HTTP/1.1\r\n" HOST "\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED "Content-Type: application/json\r\n"
		    "Content-Length: 22\r\n\r\n" },
		{ "HEAD /compute/4 HTTP/1.1\r\n" HOST "\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED
		    "Content-Type: application/json\r\nContent-Length: 13\r\n\r\n" },
		{ "GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED
		    "Content-Type: application/json\r\nContent-Length: 19\r\n"
		    "Connection: keep-alive\r\n\r\n{\"response\":\"pong\"}" },
		{ "GET /download-stream/3/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED "Content-Type: application/octet-stream\r\n"
		    "Connection: close\r\n\r\n???" },
		{ GET("/download-stream/3/2"),
		    "HTTP/1.1 200 OK\r\n" DATED "Content-Type: application/octet-stream\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n2\r\n??\r\n1\r\n?\r\n0\r\n\r\n" },
		{ POST("/echo", "Content-Type: text/x; y=z\r\nContent-Length: 2\r\n", "hi"),
		    "HTTP/1.1 200 OK\r\n" DATED
		    "Content-Type: text/x; y=z\r\nContent-Length: 2\r\n\r\nhi" },
		{ "OPTIONS /ping HTTP/1.1\r\n" HOST "\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED
		    "Allow: GET, HEAD, OPTIONS\r\nContent-Length: 0\r\n\r\n" },
		{ POST("/ping", "", ""),
		    "HTTP/1.1 405 Method Not Allowed\r\n" DATED
		    "Allow: GET, HEAD, OPTIONS\r\nContent-Type: text/plain\r\n"
		    "Content-Length: 46\r\n\r\n"
		    "POST is not allowed here (GET, HEAD, OPTIONS)\n" },
		/* 100-continue: only who waits for it gets it */
		{ POST("/upload", "Expect: 100-Continue\r\nContent-Length: 2\r\n", ""),
		    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\n" DATED
		    "Content-Type: text/plain\r\n"
		    "Content-Length: 30\r\nConnection: close\r\n\r\nthe request's body is cut off\n" },
		{ POST("/upload", "Expect: 100-continue\r\nContent-Length: 2\r\n", "hi"),
		    "HTTP/1.1 200 OK\r\n" DATED "Content-Type: application/json\r\n"
		    "Content-Length: 10\r\n\r\n"
		    "{\"size\":2}" },
		{ POST("/nothing", "Expect: 100-continue\r\nContent-Length: 2\r\n", ""),
		    "HTTP/1.1 404 Not Found\r\n" DATED
		    "Content-Type: text/plain\r\nContent-Length: 23\r\n"
		    "Connection: close\r\n\r\nno such path: /nothing\n" },
		{ "POST /upload HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
		    "HTTP/1.1 400 Bad Request\r\n" DATED "Content-Type: text/plain\r\n"
		    "Content-Length: 30\r\nConnection: close\r\n\r\nthe request's body is cut off\n" },
		{ "POST /upload HTTP/1.1\r\n" HOST
		  "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
		    "HTTP/1.1 200 OK\r\n" DATED "Content-Type: application/json\r\n"
		    "Content-Length: 10\r\n\r\n"
		    "{\"size\":0}" },
	};
	struct buf out;
	size_t i, k, n;
	bool right;

	for (i = 0; i < COUNT(t); i++) {
		right = true;
		out = answers(&service, t[i].in, strlen(t[i].in), 0, SIZE_MAX, false, 5, &right);
		for (k = 0; k < out.n; k++) /* zeros would end the text */
			if (out.p[k] == 0)
				out.p[k] = '?';
		n = strlen(t[i].out);
		if (!ok(right && out.n == n && memcmp(out.p, t[i].out, n) == 0, "letters %zu", i))
			printf("# %.*s\n", (int)out.n, (const char *)out.p);
		buf_free(&out);
	}
}

/* Allow is said where it belongs: with 405, and in the answer to OPTIONS; not with an error, be it
 * to that request or to a later one. */
static void
test_allow(void)
{
	static const struct {
		const char *in;
		unsigned allows; /* of the first request */
	} first[] = { { "OPTIONS /ping HTTP/1.1\r\n" HOST "\r\n", 1 },
		{ "OPTIONS * HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 1 },
		{ "POST /ping HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 1 },
		{ "OPTIONS /nosuch HTTP/1.1\r\n" HOST CHUNKED "\r\n0\r\n\r\n", 0 },
		{ "OPTIONS /ping HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n", 0 },
		{ "OPTIONS /ping HTTP/1.1\r\n" HOST CHUNKED "\r\n0\r\n\r\n", 1 },
		{ "OPTIONS /ping HTTP/1.1\r\n" HOST CHUNKED "\r\nx\r\n", 0 },
		{ "OPTIONS /ping HTTP/1.1\r\n" HOST "Content-Length: 9999999\r\n\r\n", 0 } };
	static const char *const second[] = { "", "GET /ping HTTP/1.1\r\n\r\n", GET("/nosuch"),
		GET("/download/x"), "BREW / HTTP/1.1\r\n" HOST "\r\n", "garbage", "GET /",
		"GET / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: x\r\n\r\n" };
	struct buf in = { 0 }, out;
	unsigned allows;
	size_t i, k;
	bool right;
	char *p;

	for (i = 0; i < COUNT(first); i++) {
		for (k = 0, right = true; k < COUNT(second); k++) {
			buf_printf(&in, "%s%s", first[i].in, second[k]);
			out = answers(&service, (char *)in.p, in.n, 0, SIZE_MAX, k % 2, SIZE_MAX,
			    &right);
			buf_byte(&out, '\0');
			for (allows = 0, p = (char *)out.p; (p = strstr(p, "\nAllow: ")); p++)
				allows++;
			if (allows != first[i].allows) {
				printf("# %zu: %u in %s\n", k, allows, (char *)out.p);
				right = false;
			}
			buf_free(&out);
			buf_clear(&in, SIZE_MAX);
		}
		ok(right, "Allow, and no other, behind request %zu", i);
	}
	buf_free(&in);
}

/* The date against the C library's: every day of 400 years, at another time each, and the ends of
 * what can be written. */
static void
test_dates(void)
{
	static const struct {
		int64_t s;
		const char *text;
	} t[] = { { 0, "Thu, 01 Jan 1970 00:00:00 GMT" }, { -1, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ 253402300800, "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" } };
	const int64_t end = sizeof(time_t) > 4 ? 400 * INT64_C(31556952) : INT32_MAX;
	char text[HTTP_DATE + 1], want[64];
	struct tm tm;
	unsigned wrong = 0;
	time_t now;
	int64_t s;
	size_t i;

	for (s = 0; s < end; s += 86400 + 61) {
		now = (time_t)s;
		http_date(text, s);
		strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
		if (strcmp(text, want) != 0 && wrong++ == 0)
			printf("# %s is not %s\n", text, want);
	}
	ok(wrong == 0, "dates of 400 years");
	for (i = 0; i < COUNT(t); i++) {
		http_date(text, t[i].s);
		is(text, t[i].text, "the nearest date there is");
	}
}

/* On one connection, each reply has the time that it was told last: what ping has at hand, and
 * what is made behind a wait. */
static void
test_time_goes_on(void)
{
	static const struct {
		int64_t s;
		const char *in, *date;
	} t[] = { { EPOCH_S, GET("/ping"), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" },
		{ EPOCH_S + 1, GET("/ping"), "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n" },
		{ EPOCH_S, GET("/compute/3"), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" },
		{ EPOCH_S + 60, GET("/nosuch"), "Date: Sun, 06 Nov 1994 08:50:37 GMT\r\n" },
		{ EPOCH_S + 120, "oh\r\n\r\n", "Date: Sun, 06 Nov 1994 08:51:37 GMT\r\n" } };
	struct conn c = connect_to(&service, false, SIZE_MAX);
	size_t i;

	for (i = 0; i < COUNT(t); i++) {
		c.s->epoch_s = t[i].s;
		feed(&c, t[i].in, strlen(t[i].in));
		buf_byte(&c.out, '\0');
		ok(c.out.p && strstr((char *)c.out.p, t[i].date), "reply %zu is dated", i);
		buf_clear(&c.out, SIZE_MAX);
	}
	hang_up(&c);
	ok(!c.broken, "and no promise is broken");
	buf_free(&c.out);
}

/* Fed in parts, with 100 Continue in between. */
static void
test_continue(void)
{
	static const char head[] = POST("/echo", "Expect: 100-continue\r\nContent-Length: 2\r\n",
	    "");
	static const char go[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct conn c = connect_to(&service, false, SIZE_MAX);
	struct buf text = { 0 };

	feed(&c, head, sizeof head - 1);
	ok(c.out.n == sizeof go - 1 && memcmp(c.out.p, go, c.out.n) == 0 && !c.s->idle,
	    "100 Continue comes before the body");
	feed(&c, "h", 1);
	feed(&c, "i" GET("/ping"), 1 + sizeof GET("/ping") - 1);
	ok(c.s->idle && c.s->want == WANT_INPUT && c.s->requests == 2, "idle behind the requests");
	hang_up(&c);
	shorten(&text, &c.out, false);
	ok(!c.broken && strcmp((char *)text.p, "100 |200 hi|" PONG) == 0,
	    "and the replies after it");
	buf_free(&text);
	buf_free(&c.out);
}

static void
test_signs(void)
{
	static const char req[] = GET("/ping");
	struct conn c = connect_to(&service, false, SIZE_MAX);
	unsigned progress = c.s->progress;
	size_t i;

	feed(&c, "\r\n", 2);
	feed(&c, "\r\n\n\n\r\n\n\n\r\n", 10);
	ok(c.s->idle && c.s->progress == progress, "empty lines begin nothing");
	feed(&c, req, 1);
	ok(!c.s->idle && c.s->progress != progress, "a first byte begins a request");
	progress = c.s->progress;
	for (i = 1; i < sizeof req - 2; i++)
		feed(&c, req + i, 1);
	ok(!c.s->idle && c.s->progress == progress, "a slow head is no sign of life");
	feed(&c, req + i, 1);
	ok(c.s->idle && c.s->progress != progress && c.s->requests == 1, "its end is");
	hang_up(&c);
	buf_free(&c.out);

	c = connect_to(&service, true, SIZE_MAX);
	ok(c.s->protocol->input(c.s, (const unsigned char *)GET("/ping") GET("/ping"),
	       2 * (sizeof req - 1))
		    == sizeof req - 1
		&& c.s->requests == 1 && c.s->idle && c.s->want == WANT_OUTPUT,
	    "one_request: one request at a time");
	settle(&c);
	hang_up(&c);
	buf_free(&c.out);

	c = connect_to(&service, false, SIZE_MAX);
	feed(&c, GET("/sleep/1.5"), sizeof GET("/sleep/1.5") - 1);
	ok(c.waited_ns == 1500000000, "sleep asks for its time");
	hang_up(&c);
	buf_free(&c.out);

	/* the last request is answered although its sender has ended its side */
	c = connect_to(&service, false, SIZE_MAX);
	c.s->protocol->input(c.s, (const unsigned char *)GET("/compute/5"),
	    sizeof GET("/compute/5") - 1);
	ok(c.s->want == WANT_WAIT && c.s->wait_ns == 0 && !c.s->idle, "compute waits for its turn");
	hang_up(&c);
	ok(!c.broken && c.out.n > 0, "and is answered behind the end of input");
	buf_free(&c.out);
}

static bool
answers_are(const struct service *sv, const struct buf *in, size_t step, const char *want)
{
	struct buf out, text = { 0 };
	bool right = true;

	out = answers(sv, (const char *)in->p, in->n, 0, step, false, SIZE_MAX, &right);
	shorten(&text, &out, false);
	right = right && strncmp((char *)text.p, want, strlen(want)) == 0;
	if (!right)
		printf("# step %zu: %.200s\n", step, (char *)text.p);
	buf_free(&text);
	buf_free(&out);
	return right;
}

static void
fill(struct buf *b, char c, size_t n)
{
	while (n-- > 0)
		buf_byte(b, (unsigned char)c);
}

/* Thousands of requests in one piece: not all are answered before output is sent. */
static void
test_pipeline(void)
{
	enum { N = 5000 };
	static const char req[] = GET("/ping");
	struct buf in = { 0 }, want = { 0 };
	struct conn c = connect_to(&service, false, 1000);
	size_t taken, i;

	for (i = 0; i < N; i++)
		buf_text(&in, req);
	taken = c.s->protocol->input(c.s, in.p, in.n);
	ok(taken < in.n && taken > in.n / 20 && c.s->want == WANT_OUTPUT,
	    "a long pipeline is taken in parts");
	settle(&c);
	feed(&c, in.p + taken, in.n - taken);
	ok(c.s->requests == N && c.s->errors == 0 && c.out.n % N == 0 && !c.broken,
	    "%d pipelined requests answered", N);
	hang_up(&c);
	buf_free(&c.out);

	/* echoes long enough to be sent from where they are held */
	in.n = 0;
	for (i = 0; i < 3; i++) {
		buf_printf(&in, POST("/echo", "Content-Length: %zu\r\n", ""), 10000 + i);
		fill(&in, (char)('a' + i), 10000 + i);
		buf_printf(&want, "200 ");
		fill(&want, (char)('a' + i), 10000 + i);
		buf_text(&want, "|");
	}
	buf_byte(&want, '\0');
	ok(answers_are(&service, &in, SIZE_MAX, (char *)want.p)
		&& answers_are(&service, &in, 777, (char *)want.p),
	    "pipelined echoes");
	buf_free(&want);
	buf_free(&in);
}

/* Over and at every limit. */
static void
test_limits(void)
{
	static const struct service small = { .max_payload = 1000 };
	static const char *const json[] = { "\"00\"", "\"\"" };
	struct buf in = { 0 };
	size_t i, n;

	for (i = 0; i < 2; i++) {
		in.n = 0;
		buf_text(&in, "GET /ping?");
		fill(&in, 'a', HTTP_LINE_MAX - 19 + i);
		buf_text(&in, " HTTP/1.1\r\n" HOST "\r\n");
		ok(answers_are(&service, &in, SIZE_MAX, i ? "414! " : PONG)
			&& answers_are(&service, &in, 1, i ? "414! " : PONG),
		    "request line of %zu bytes", HTTP_LINE_MAX + i);
	}
	in.n = 0;
	buf_text(&in, "GET /");
	fill(&in, 'a', 100000);
	ok(answers_are(&service, &in, SIZE_MAX, "414! ")
		&& answers_are(&service, &in, 1000, "414! "),
	    "an endless request line");

	for (i = 0; i < 2; i++) {
		in.n = 0;
		buf_text(&in, "GET /ping HTTP/1.1\r\n" HOST "X: ");
		fill(&in, 'a', 32768 - in.n - 4 + i);
		buf_text(&in, "\r\n\r\n");
		ok(answers_are(&service, &in, SIZE_MAX, i ? "431! " : PONG)
			&& answers_are(&service, &in, 1, i ? "431! " : PONG),
		    "head of %zu bytes", in.n);
		in.n = 0;
		buf_text(&in, "GET /ping HTTP/1.1\r\n" HOST);
		for (n = 0; n < HTTP_FIELDS_MAX - 1 + i; n++)
			buf_text(&in, "X: y\r\n");
		buf_text(&in, "\r\n");
		ok(answers_are(&service, &in, SIZE_MAX, i ? "431! " : PONG), "%zu fields", n + 1);
	}
	in.n = 0;
	fill(&in, 'A', 50);
	ok(answers_are(&service, &in, 1, "501! "), "an endless method");

	for (i = 0; i < 2; i++) {
		in.n = 0;
		buf_printf(&in, POST("/upload", "Content-Length: %zu\r\n", ""), 1000 + i);
		fill(&in, 'a', 1000 + i);
		buf_text(&in, GET("/ping"));
		ok(answers_are(&small, &in, SIZE_MAX,
		       i ? "413 the body is too large (at most 1000 bytes)\n|" PONG
			 : "200 {\"size\":1000}|" PONG)
			&& answers_are(&small, &in, 1, i ? "413 " : "200 "),
		    "upload of %zu bytes, limit 1000", 1000 + i);
		in.n = 0;
		buf_printf(&in, POST("/echo", CHUNKED, "%zx\r\n"), 1000 + i);
		fill(&in, 'a', 1000 + i);
		buf_text(&in, "\r\n0\r\n\r\n" GET("/ping"));
		ok(answers_are(&small, &in, SIZE_MAX,
		       i ? "413 the body is too large (at most 1000 bytes)\n|" PONG : "200 a")
			&& answers_are(&small, &in, 1, i ? "413 " : "200 "),
		    "chunked echo of %zu bytes, limit 1000", 1000 + i);
		in.n = 0;
		buf_text(&in, POST("/upload-file-chunked", CHUNKED, ""));
		buf_printf(&in, "%zx\r\n{\"chunks\":[", 12 + (1000 + i) * 5);
		for (n = 0; n < 1000 + i; n++)
			buf_printf(&in, "%s\"00\"", n ? "," : "");
		buf_text(&in, "]}\r\n0\r\n\r\n" GET("/ping"));
		ok(answers_are(&small, &in, SIZE_MAX,
		       i ? "413 the body is too large (at most 1000 bytes)\n|" PONG
			 : "200 {\"size\":1000}|" PONG),
		    "JSON of %zu bytes, limit 1000", 1000 + i);
	}
	/* only blanks, or only empty strings, for ever */
	for (i = 0; i < 2; i++) {
		in.n = 0;
		buf_text(&in, POST("/upload-file-chunked", CHUNKED, "ffffffff\r\n{\"chunks\":["));
		buf_text(&in, json[i]);
		for (n = 0; n < 50000; n++)
			buf_text(&in, i ? ",\"\"" : "  ");
		ok(answers_are(&small, &in, SIZE_MAX, "413 "), "JSON that says nothing, %zu", i);
	}
	/* a refused body is read over up to a point */
	in.n = 0;
	buf_text(&in, POST("/nothing", "Content-Length: 1048576\r\n", ""));
	fill(&in, 'a', 1048576);
	buf_text(&in, GET("/ping"));
	ok(answers_are(&small, &in, 65536, "404 no such path: /nothing\n|" PONG),
	    "1 MB is read over");
	in.n = 0;
	buf_text(&in, POST("/nothing", "Content-Length: 1048577\r\n", ""));
	fill(&in, 'a', 1048577);
	buf_text(&in, GET("/ping"));
	ok(answers_are(&small, &in, 65536, "404! no such path: /nothing\n|"), "more is not");
	in.n = 0;
	buf_text(&in, POST("/nothing", CHUNKED, "200000\r\n"));
	fill(&in, 'a', 2097152);
	buf_text(&in, "\r\n0\r\n\r\n" GET("/ping"));
	ok(answers_are(&small, &in, 65536, "404 no such path: /nothing\n|")
		&& !answers_are(&small, &in, 65536, "404 no such path: /nothing\n|" PONG),
	    "nor in chunks");
	buf_free(&in);
}

static bool
same_answers(const struct buf *a, const struct buf *b)
{
	struct buf s = { 0 }, t = { 0 };
	bool same;

	shorten(&s, a, false);
	shorten(&t, b, false);
	same = strcmp((char *)s.p, (char *)t.p) == 0;
	if (!same)
		printf("# %.200s\n# %.200s\n", (char *)s.p, (char *)t.p);
	buf_free(&s);
	buf_free(&t);
	return same;
}

/* Changed at random places, requests get the same answers whole and in pieces. */
static void
test_changes(void)
{
	static const char alphabet[] = "\r\n\0 \t:;,/?0159afGHx\"{}[]\\\x7f\x80\xff";
	struct buf whole, cut;
	uint32_t seed = 1;
	size_t t, n, i, k, bad = 0, rounds;
	char *p;
	bool right = true;

	for (rounds = 0; rounds < 6000; rounds++) {
		t = rounds % COUNT(talks);
		n = strlen(talks[t].in);
		if (n == 0)
			continue;
		p = copy_of(talks[t].in, n);
		for (i = 0; i < 1 + rounds % 3; i++) {
			seed = seed * 1664525 + 1013904223;
			k = seed >> 8;
			p[k % n] = alphabet[(seed >> 24) % (sizeof alphabet - 1)];
		}
		/* a sum that takes seconds is no change worth testing */
		for (i = 0; i + 9 < n && memcmp(p + i, "compute/", 8) != 0; i++)
			;
		if (i + 9 >= n) {
			whole = answers(&service, p, n, 0, SIZE_MAX, false, SIZE_MAX, &right);
			cut = answers(&service, p, n, seed % n, 1 + seed % 13, seed & 64, 3,
			    &right);
			bad += !same_answers(&whole, &cut);
			buf_free(&whole);
			buf_free(&cut);
		}
		free(p);
	}
	ok(bad == 0 && right, "changed requests: the same answers whole and in pieces");
}

/* ---- the client ---- */

static struct payload payload;

static const struct call ping = { OP_PING, false, 0, 0 };
static const struct call echo10 = { OP_ECHO, false, 10, 0 };
static const struct call upload10 = { OP_UPLOAD, false, 10, 0 };
static const struct call download10 = { OP_DOWNLOAD, false, 10, 0 };
static const struct call file4 = { OP_DOWNLOAD_FILE, false, 4, 0 };
static const struct call chunks3 = { OP_DOWNLOAD_FILE_CHUNKED, false, 3, 2 };
static const struct call stream3 = { OP_DOWNLOAD_STREAM, false, 3, 2 };
static const struct call named = { OP_NAMED, false, 0, 0 };
static const struct call hello = { OP_HELLO, false, 0, 0 };

#define OK "HTTP/1.1 200 OK\r\n"
#define SIZED(n) OK "Content-Length: " #n "\r\n\r\n"
#define CHUNKS OK CHUNKED "\r\n"

static const struct {
	const struct call *call;
	const char *reply;
	size_t n;          /* of reply, or 0: its strlen */
	bool ended;        /* the peer ends its side behind it */
	const char *error; /* its beginning, or NULL: the call succeeds */
	bool closed;       /* the connection is of no use after that */
	bool closing;      /* closing */
	bool whole;        /* the verdict depends on what comes together */
} replies[] = {
	{ &ping, SIZED(19) "{\"response\":\"pong\"}", 0, false, NULL, false, false, false },
	{ &ping, SIZED(20) "{\"response\":\"pong\"}\n", 0, false, NULL, false, false, false },
	{ &ping, "HTTP/1.1 200\r\nContent-Length: 21\r\n\r\n{ \"response\": \"pong\"}", 0, false,
	    NULL, false, false, false },
	{ &ping, CHUNKS "5\r\n{\"res\r\ne;x\r\nponse\":\"pong\"}\r\n0\r\nA: b\r\n\r\n", 0, false,
	    NULL, false, false, false },
	{ &ping, OK "\r\n{\"response\":\"pong\"}", 0, true, NULL, true, true, false },
	{ &ping, "HTTP/1.0 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}", 0, false,
	    NULL, true, true, false },
	{ &ping,
	    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 19\r\n\r\n"
	    "{\"response\":\"pong\"}",
	    0, false, NULL, false, false, false },
	{ &ping, OK "Connection: close\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}", 0,
	    false, NULL, true, true, false },
	{ &ping,
	    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" SIZED(
		19) "{\"response\":\"pong\"}",
	    0, false, NULL, false, false, false },
	{ &ping, OK "X: a\r\n folded\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}", 0,
	    false, NULL, false, false, false },
	{ &ping, "HTTP/1.1 200 OK\nContent-Length: 19\n\n{\"response\":\"pong\"}", 0, false, NULL,
	    false, false, false },
	/* folds, of the fields that are read, too */
	{ &ping,
	    OK "Content-Type:\r\n\ttext/plain;\r\n  charset=x\r\nContent-Length:\r\n \r\n 19 \r\n"
	       "\t\r\n\r\n{\"response\":\"pong\"}",
	    0, false, NULL, false, false, false },
	{ &ping, OK "Content-Length: 19\n ,19\nX:\n y\n\n{\"response\":\"pong\"}", 0, false, NULL,
	    false, false, false },
	{ &ping, OK "Connection: x,\r\n close\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}",
	    0, false, NULL, true, true, false },
	{ &ping, OK "Connection: clo\r\n se\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}",
	    0, false, NULL, false, false, false },
	{ &ping,
	    OK "X: a\r\n Connection: close\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}", 0,
	    false, NULL, false, false, false },
	{ &ping,
	    OK "Transfer-Encoding:\r\n chunked\r\n\r\n13\r\n{\"response\":\"pong\"}\r\n0\r\n\r\n",
	    0, false, NULL, false, false, false },
	/* more fields than a server takes */
	{ &ping, OK S16(S16("A: b\r\n")) "Content-Length: 19\r\n\r\n{\"response\":\"pong\"}", 0,
	    false, NULL, false, false, false },
	/* empty lines before and behind a reply */
	{ &ping, "\r\n\r\n" SIZED(19) "{\"response\":\"pong\"}\r\n\r\n", 0, false, NULL, false,
	    false, false },
	{ &ping, SIZED(19) "{\"response\":\"pong\"}\r\r", 0, false, "unexpected bytes: \\x0d", true,
	    false, true },
	{ &ping, SIZED(19) "{\"response\":\"pong\"}\n", 0, false, "unexpected bytes: \\x0a", true,
	    false, true },
	{ &ping, "\r" SIZED(19) "{\"response\":\"pong\"}", 0, false, "unexpected bytes: H", true,
	    false, false },
	/* blanks behind a chunk's size */
	{ &ping, CHUNKS "13 \t\r\n{\"response\":\"pong\"}\r\n0 \r\n\r\n", 0, false, NULL, false,
	    false, false },
	{ &ping, CHUNKS "1 3\r\n", 0, false, "bad chunked reply: a blank behind a chunk's size",
	    true, false, false },
	{ &ping, SIZED(4) "pong", 0, false,
	    "reply is not {\"response\":\"pong\"} (not a JSON object): pong", false, false, false },
	{ &ping, SIZED(0), 0, false, "reply is not {\"response\":\"pong\"}", false, false, false },
	{ &ping, SIZED(20) "{\"response\":\"pang\"}\x01", 0, false,
	    "reply is not {\"response\":\"pong\"}", false, false, false },
	{ &ping, SIZED(256) S16("                "), 0, false,
	    "reply is not {\"response\":\"pong\"}", false, false, false },
	{ &ping, SIZED(257) S16("                ") " ", 0, false,
	    "reply of 257 bytes, expected a short JSON object", false, false, false },
	{ &ping, SIZED(9999999999), 0, false, "reply of 9999999999 bytes, far more", true, false,
	    false },
	{ &ping, SIZED(19) "{\"response\":\"pong\"}HTTP", 0, false, "unexpected bytes: HTTP", true,
	    false, true },
	{ &ping, "HTTP/1.1 204 No Content\r\n\r\n", 0, false,
	    "reply is not {\"response\":\"pong\"}", false, false, false },
	{ &ping, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n", 0, false,
	    "HTTP 404 Not Found", false, false, false },
	{ &ping, "HTTP/1.1 500 \x1b[2J\r\nContent-Length: 0\r\n\r\n", 0, false,
	    "not an HTTP response: ", true, false, false },
	{ &ping, "HTTP/1.1 500\r\nConnection: close\r\n\r\noops", 0, true, "HTTP 500", true, true,
	    false },
	{ &ping, "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 0, false,
	    "HTTP 302 Found", false, false, false },
	{ &ping, "HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n", 0, false,
	    "HTTP 304 Not Modified", false, false, false },
	{ &ping, "HTTP/1.1 101 Switching Protocols\r\n\r\n", 0, false, "HTTP 101 Switching", true,
	    false, false },
	{ &ping, "", 0, true, "connection closed before the reply", true, false, false },
	{ &ping, "HTTP/1.1 2", 0, true, "connection closed in the middle", true, false, false },
	{ &ping, SIZED(19) "{\"response\":\"pong\"", 0, true, "connection closed in the middle",
	    true, false, false },
	{ &ping, CHUNKS "13\r\n{\"response\":\"pong\"}\r\n", 0, true,
	    "connection closed in the middle", true, false, false },
	{ &ping, "HTTP/1.1 100 Continue\r\n\r\n", 0, true, "connection closed before the reply",
	    true, false, false },
	{ &ping, "\x16\x03\x01", 0, false, "not an HTTP response: \\x16", true, false, false },
	{ &ping, "SSH-2.0-x\r\n", 0, false, "not an HTTP response: S", true, false, false },
	{ &ping, "HTTP/2 200\r\n\r\n", 0, false, "not an HTTP response: HTTP/2", true, false,
	    false },
	{ &ping, "HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n", 0, false, "HTTP 600 Odd", false,
	    false, false },
	{ &ping, "HTTP/1.1 999 \r\nContent-Length: 2\r\n\r\nno", 0, false, "HTTP 999", false, false,
	    false },
	{ &ping, "HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n", 0, false, "HTTP 99 x", false, false,
	    false },
	{ &ping, "HTTP/1.1 2x0 OK\r\n\r\n", 0, false, "not an HTTP response: HTTP/1.1 2x0", true,
	    false, false },
	{ &ping, "HTTP/1.1 99 x\r\n\r\n", 0, false, "not an HTTP response: HTTP/1.1 99", true,
	    false, false },
	{ &ping, "HTTP/1.1 2000 x\r\n\r\n", 0, false, "not an HTTP response: HTTP/1.1 2000", true,
	    false, false },
	{ &ping, OK "Content-Length: -5\r\n\r\n", 0, false, "Content-Length \"-5\" is not a number",
	    true, false, false },
	{ &ping, OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, false,
	    "more than one Content-Length", true, false, false },
	{ &ping,
	    OK "Content-Length: 5\r\n "
	       "5\r\n\r\n",
	    0, false, "Content-Length \"5\\x0d\\x0a 5\" is not a number", true, false, false },
	{ &ping, OK " folded: at once\r\n\r\n", 0, false, "folded header line", true, false,
	    false },
	{ &ping, OK "X: a\r\n \x01\r\n\r\n", 0, false, "control character in header line", true,
	    false, false },
	{ &ping, OK "Content-Length : 5\r\n\r\n", 0, false, "bad header line", true, false, false },
	{ &ping, OK CHUNKED "Content-Length:\r\n 5\r\n\r\n", 0, false, "both Content-Length", true,
	    false, false },
	{ &ping, OK "Transfer-Encoding:\r\n chunked,\r\n gzip\r\n\r\n", 0, false,
	    "Transfer-Encoding \"chunked,\\x0d\\x0a gzip\": chunked is not the last", true, false,
	    false },
	{ &ping, OK "Content-Length: 5\r\n" CHUNKED "\r\n", 0, false, "both Content-Length", true,
	    false, false },
	{ &ping, OK "Transfer-Encoding: gzip\r\n\r\n", 0, false,
	    "Transfer-Encoding \"gzip\" is not supported", true, false, false },
	{ &ping, OK "bad line\r\n\r\n", 0, false, "bad header line", true, false, false },
	{ &ping, OK "X: \0\r\n\r\n", sizeof OK "X: \0\r\n\r\n" - 1, false,
	    "control character in header line", true, false, false },
	{ &ping, CHUNKS "x\r\n", 0, false, "bad chunked reply: a chunk's size", true, false,
	    false },

	{ &hello, SIZED(4) "home", 0, false, "reply is not {\"response\":\"pong\"}", false, false,
	    false },
	{ &named, SIZED(4) "home", 0, false, NULL, false, false, false },
	{ &named, "HTTP/1.1 204 No Content\r\n\r\n", 0, false, NULL, false, false, false },
	{ &named, OK "\r\nhome", 0, true, NULL, true, true, false },

	{ &upload10, SIZED(11) "{\"size\":10}", 0, false, NULL, false, false, false },
	{ &upload10, SIZED(14) "{\"size\": 10 }\n", 0, false, NULL, false, false, false },
	{ &upload10, SIZED(10) "{\"size\":9}", 0, false, "the server counted 9 bytes, expected 10",
	    false, false, false },
	{ &upload10, SIZED(2) "{}", 0, false, "reply is not {\"size\":N} (", false, false, false },

	{ &download10, SIZED(10) "xxxxxxxxxx", 0, false, NULL, false, false, false },
	{ &download10, CHUNKS "a\r\nxxxxxxxxxx\r\n0\r\n\r\n", 0, false, NULL, false, false, false },
	{ &download10, OK "\r\nxxxxxxxxxx", 0, true, NULL, true, true, false },
	{ &download10, SIZED(9) "xxxxxxxxx", 0, false, "reply of 9 bytes, expected 10", false,
	    false, false },
	{ &download10, SIZED(11) "xxxxxxxxxxx", 0, false, "reply of 11 bytes, expected 10", false,
	    false, false },
	{ &download10, OK "\r\nxxxx", 0, true, "reply of 4 bytes, expected 10", true, true, false },
	{ &download10, SIZED(10) "xxxxxyxxxx", 0, false,
	    "content differs: byte 5 is 0x79, expected 0x78", false, false, false },
	{ &download10, SIZED(2000000), 0, false, "reply of 2000000 bytes, expected 10", true, false,
	    false },
	{ &file4, SIZED(4) "\0\0\0\0", sizeof SIZED(4) "\0\0\0\0" - 1, false, NULL, false, false,
	    false },
	{ &file4, SIZED(4) "\0\0\0x", sizeof SIZED(4) "\0\0\0x" - 1, false,
	    "content differs: byte 3 is 0x78, expected 0x00", false, false, false },
	{ &stream3, CHUNKS "2\r\n\0\0\r\n1\r\n\0\r\n0\r\n\r\n",
	    sizeof CHUNKS "2\r\n\0\0\r\n1\r\n\0\r\n0\r\n\r\n" - 1, false, NULL, false, false,
	    false },
	{ &stream3, SIZED(3) "\0\0\0", sizeof SIZED(3) "\0\0\0" - 1, false, NULL, false, false,
	    false },

	{ &chunks3, SIZED(24) "{\"chunks\":[\"0000\",\"00\"]}", 0, false, NULL, false, false,
	    false },
	{ &chunks3, SIZED(27) "{\"chunks\": [\"0000\", \"00\"]}\n", 0, false, NULL, false, false,
	    false },
	{ &chunks3, SIZED(24) "{\"chunks\":[\"00\",\"0000\"]}", 0, false,
	    "bad JSON at character 17: a chunk of another size", false, false, false },
	{ &chunks3, SIZED(19) "{\"chunks\":[\"0000\"]}", 0, false,
	    "chunks of 2 bytes in all, expected 3", false, false, false },
	{ &chunks3, SIZED(24) "{\"chunks\":[\"0000\",\"01\"]}", 0, false,
	    "content differs: byte 2 is 0x01, expected 0x00", false, false, false },
	{ &chunks3, SIZED(4) "null", 0, false, "bad JSON at character 1: not a JSON object", false,
	    false, false },
	{ &chunks3, SIZED(2) "{ ", 0, false,
	    "bad JSON at character 2: the JSON document is cut off", false, false, false },
	{ &echo10, SIZED(9) "123456789", 0, false, "content differs: byte 0 is 0x31, expected ",
	    false, false, false },
};

/* Send all of a request; returns it. */
static struct buf
request_of(struct client_session *c)
{
	struct buf b = { 0 };
	struct iovec iov[2];
	size_t k;

	while (c->want == WANT_OUTPUT && out_iov(&c->out, iov, 2) > 0) {
		k = iov[0].iov_len < 1000 ? iov[0].iov_len : 1000;
		buf_add(&b, iov[0].iov_base, k);
		client_sent(c, k);
	}
	return b;
}

static bool
reply_right(size_t t, size_t cut, size_t step)
{
	static const struct client_conf conf = { .host = "h:1",
		.payload = &payload,
		.check = true,
		.depth = 1 };
	struct client_session *c = http_client_protocol.open(&conf);
	const char *p = replies[t].reply;
	size_t n = replies[t].n ? replies[t].n : strlen(p), i, k, taken;
	unsigned char *copy;
	struct buf b;
	bool right = true;

	if (!c)
		abort();
	c->protocol->begin(c, replies[t].call, NULL);
	b = request_of(c);
	right = c->outstanding > 0 && c->want == WANT_INPUT;
	buf_free(&b);
	for (i = 0; i < n && c->want != WANT_CLOSE; i += k) {
		k = i < cut ? cut - i : n - i;
		k = k < step ? k : step;
		copy = copy_of(p + i, k);
		taken = c->protocol->input(c, copy, k);
		right = right && (taken == k || c->want == WANT_CLOSE);
		free(copy);
	}
	if (replies[t].ended && c->want != WANT_CLOSE)
		c->protocol->end(c);
	right = right && c->outstanding == 0 && c->ok == !replies[t].error
	    && (c->want == WANT_CLOSE) == replies[t].closed && c->closing == replies[t].closing;
	if (replies[t].error)
		right = right && strncmp(c->error, replies[t].error, strlen(replies[t].error)) == 0;
	/* what is not closed is usable */
	if (right && c->want != WANT_CLOSE) {
		c->protocol->begin(c, &ping, NULL);
		b = request_of(c);
		buf_free(&b);
		c->protocol->input(c, (const unsigned char *)SIZED(19) "{\"response\":\"pong\"}",
		    sizeof SIZED(19) - 1 + 19);
		right = c->ok && c->outstanding == 0 && c->want == WANT_INPUT;
	}
	if (!right)
		printf("# cut %zu step %zu: ok %d busy %d want %d closing %d: %s\n", cut, step,
		    c->ok, c->outstanding > 0, (int)c->want, c->closing, c->error);
	c->protocol->close(c);
	return right;
}

static void
test_replies(void)
{
	size_t t, cut, n;
	bool right;

	for (t = 0; t < COUNT(replies); t++) {
		n = replies[t].n ? replies[t].n : strlen(replies[t].reply);
		right = reply_right(t, 0, n + 1);
		if (!replies[t].whole) {
			right = right && reply_right(t, 0, 1);
			for (cut = 1; cut < n && right; cut++)
				right = reply_right(t, cut, n);
		}
		ok(right, "reply %zu: %s", t, replies[t].error ? replies[t].error : "good");
	}
}

static void
test_client_rest(void)
{
	static const struct client_conf conf = { .host = "h:1",
		.name = "/p?q",
		.payload = &payload,
		.depth = 1 };
	static const struct client_conf query = { .host = "h:1", .name = "?q=1" };
	static const char *const own[] = { "HOST: y:8", "User-agent:me", "Content-Type: text/plain",
		"X-A: \tb", NULL };
	static const char *const heads[] = { SIZED(2000000), OK "\r\n", CHUNKS };
	static const char *const bad[] = { "", ":", ": x", "X", "X y: z", "X : y", " X: y",
		"X: y\r\nZ: a", "X: y\nZ: a", "X: y\r", "X: \x01", "X: \x7f", "X\r\n: y",
		"Content-Length: 3", "content-length:3", "Transfer-Encoding: chunked",
		"TRANSFER-ENCODING:", "Connection: close", "Keep-Alive: 3", "Proxy-Connection: x",
		"TE: trailers", "Trailer: X", "Upgrade: h2c", "Expect: 100-continue",
		"Host:", "Host: a b", "Host: u@h", "Host: h/", "Host: :80", "X\x80: y" };
	static const char *const good[] = { "X: y", "X:", "X:y", "X: \t y ", "X: \xc3\xa4: \"z\"",
		"Host: h", "host: [::1]:80 ", "Authorization: Basic dTpw", "Content-Type: a/b",
		"Content-Lengths: 3" };
	static const struct client_conf mine = { .host = "h:1",
		.name = "/x",
		.payload = &payload,
		.method = "PUT",
		.fields = own };
	static const struct client_conf patch = { .host = "h:1", .name = "/x", .method = "PATCH" };
	static const struct client_conf head = { .host = "h:1", .name = "/x", .method = "HEAD" };
	static const struct client_conf each = { .host = "h:1",
		.payload = &payload,
		.close_each = true,
		.depth = 1 };
	static const struct call up = { OP_NAMED, true, 3, 0 };
	static const struct call big = { OP_UPLOAD_STREAM, false, 10000000, 65536 };
	static const struct {
		const struct call *call;
		const char *reply;
		uint64_t content;
	} sizes[] = {
		{ &named, SIZED(5) "hello", 5 },
		{ &named, CHUNKS "5\r\nhello\r\n2;x=y\r\n!!\r\n0\r\nA: b\r\n\r\n", 7 },
		{ &hello, SIZED(4) "root", 4 },
		{ &ping, SIZED(19) "{\"response\":\"pong\"}", 0 },
		{ &named, SIZED(1) "x", 1 },
	};
	struct client_session *c = http_client_protocol.open(&conf);
	struct buf b, in = { 0 };
	struct iovec iov[4];
	size_t i;

	c->protocol->begin(c, &named, NULL);
	b = request_of(c);
	buf_byte(&b, '\0');
	is((char *)b.p,
	    "GET /p?q HTTP/1.1\r\nHost: h:1\r\nUser-Agent: rpcbench/" VERSION
	    "\r\nAccept: */*\r\n\r\n",
	    "the request to a named path");
	buf_free(&b);
	c->protocol->input(c, (const unsigned char *)SIZED(0), sizeof SIZED(0) - 1);
	ok(c->ok && c->content == 0, "and its reply");
	for (i = 0; i < COUNT(sizes); i++) {
		c->protocol->begin(c, sizes[i].call, NULL);
		b = request_of(c);
		buf_free(&b);
		c->protocol->input(c, (const unsigned char *)sizes[i].reply,
		    strlen(sizes[i].reply));
		ok(c->ok && c->content == sizes[i].content, "bytes of a reply: %zu", i);
	}
	c->protocol->begin(c, &up, NULL);
	b = request_of(c);
	ok(b.n > 7 && memcmp(b.p + b.n - 7, "\r\n\r\n", 4) == 0
		&& memcmp(b.p, "POST /p?q ", 10) == 0
		&& memcmp(b.p + b.n - 3, payload.data, 3) == 0,
	    "a payload for a named path");
	buf_free(&b);
	c->protocol->input(c, (const unsigned char *)SIZED(0), sizeof SIZED(0) - 1);
	ok(c->ok && c->outstanding == 0 && c->want == WANT_INPUT, "and its reply");
	ok(c->protocol->input(c, (const unsigned char *)"HTTP/1.1 408 x\r\n\r\n", 18) <= 18
		&& c->want == WANT_CLOSE && strstr(c->error, "unexpected bytes"),
	    "a reply to no request");
	c->protocol->close(c);

	c = http_client_protocol.open(&mine);
	c->protocol->begin(c, &up, NULL);
	b = request_of(c);
	buf_byte(&b, '\0');
	b.p[b.n - 4] = '\0';
	is((char *)b.p,
	    "PUT /x HTTP/1.1\r\nAccept: */*\r\nHOST: y:8\r\nUser-agent:me\r\n"
	    "Content-Type: text/plain\r\nX-A: \tb\r\nContent-Length: 3\r\n\r\n",
	    "a method and fields of the user's");
	ok(c->idempotent, "PUT may be sent twice");
	buf_free(&b);
	c->protocol->close(c);
	c = http_client_protocol.open(&patch);
	c->protocol->begin(c, &named, NULL);
	b = request_of(c);
	buf_byte(&b, '\0');
	ok(strncmp((char *)b.p, "PATCH /x ", 9) == 0
		&& strstr((char *)b.p, "\r\nContent-Length: 0\r\n") && !c->idempotent,
	    "PATCH without a payload has a length, and may not");
	buf_free(&b);
	c->protocol->close(c);
	/* the reply to HEAD has the fields of one to GET and no content */
	c = http_client_protocol.open(&head);
	for (i = 0; i < COUNT(heads); i++) {
		c->protocol->begin(c, &named, NULL);
		b = request_of(c);
		buf_free(&b);
		c->protocol->input(c, (const unsigned char *)heads[i], strlen(heads[i]));
		ok(c->ok && c->outstanding == 0 && c->want == WANT_INPUT, "a reply to HEAD: %zu",
		    i);
	}
	c->protocol->close(c);
	for (i = 0; i < COUNT(bad); i++)
		ok(http_bad_field(bad[i]) != NULL, "a field to be refused: %zu", i);
	for (i = 0; i < COUNT(good); i++)
		ok(http_bad_field(good[i]) == NULL, "a field to be taken: %zu", i);
	ok(http_bad_method("") && http_bad_method("G T") && http_bad_method("GET\r\nX:")
		&& http_bad_method("CONNECT") && http_bad_method("G\x80")
		&& http_bad_method("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG") && !http_bad_method("M-X")
		&& !http_bad_method("get"),
	    "methods");

	c = http_client_protocol.open(&query);
	c->protocol->begin(c, &named, NULL);
	b = request_of(c);
	ok(b.n > 19 && memcmp(b.p, "GET /?q=1 HTTP/1.1\r\n", 20) == 0,
	    "a query right behind the host has a path before it");
	buf_free(&b);
	c->protocol->close(c);

	c = http_client_protocol.open(&conf);
	c->protocol->end(c);
	ok(c->want == WANT_CLOSE && c->outstanding == 0, "an idle connection ended by the peer");
	c->protocol->close(c);

	/* an error while the request is still being sent */
	c = http_client_protocol.open(&conf);
	c->protocol->begin(c, &big, NULL);
	ok(out_iov(&c->out, iov, 4) > 0, "a long request has begun");
	client_sent(c, 100);
	c->protocol->input(c,
	    (const unsigned char *)"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", 45);
	ok(c->outstanding == 0 && !c->ok && c->want == WANT_CLOSE, "an early error ends it");
	is(c->error, "HTTP 413 Too Large", "and is what is reported");
	c->protocol->close(c);

	/* a good reply before the request is complete: it is over when both are */
	c = http_client_protocol.open(&conf);
	c->protocol->begin(c, &big, NULL);
	c->protocol->input(c, (const unsigned char *)SIZED(17) "{\"size\":10000000}",
	    sizeof SIZED(17) + 16);
	ok(c->outstanding > 0 && c->want == WANT_OUTPUT, "an early reply does not end a request");
	b = request_of(c);
	ok(c->outstanding == 0 && c->ok && c->want == WANT_INPUT, "its end does");
	buf_free(&b);
	c->protocol->close(c);

	/* what ends instead is the connection: the reply is what counts */
	c = http_client_protocol.open(&conf);
	c->protocol->begin(c, &big, NULL);
	c->protocol->input(c, (const unsigned char *)SIZED(17) "{\"size\":10000000}",
	    sizeof SIZED(17) + 16);
	ok(c->replied, "an early reply");
	c->protocol->end(c);
	ok(c->outstanding == 0 && c->ok && c->want == WANT_CLOSE && !c->replied,
	    "counts if the peer ends the connection");
	c->protocol->close(c);
	c = http_client_protocol.open(&conf);
	c->protocol->begin(c, &big, NULL);
	c->protocol->input(c, (const unsigned char *)OK "\r\n{\"size\":10000000}",
	    sizeof OK + 1 + 17);
	c->protocol->end(c);
	ok(c->outstanding == 0 && c->ok && c->want == WANT_CLOSE,
	    "so does one that goes on to that end");
	c->protocol->close(c);
	c = http_client_protocol.open(&conf);
	c->protocol->begin(c, &big, NULL);
	c->protocol->input(c, (const unsigned char *)SIZED(17) "{\"si", sizeof SIZED(17) + 3);
	c->protocol->end(c);
	ok(c->outstanding == 0 && !c->ok, "but not a part of one");
	is(c->error, "connection closed in the middle of a reply", "which is called so");
	c->protocol->close(c);

	c = http_client_protocol.open(&each);
	c->protocol->begin(c, &ping, NULL);
	b = request_of(c);
	buf_byte(&b, '\0');
	ok(strstr((char *)b.p, "\r\nConnection: close\r\n") != NULL, "-K says so");
	buf_free(&b);
	c->protocol->input(c, (const unsigned char *)SIZED(19) "{\"response\":\"pong\"}",
	    sizeof SIZED(19) - 1 + 19);
	ok(c->ok && c->want == WANT_CLOSE && c->closing, "and closes whatever the peer says");
	c->protocol->close(c);

	c = http_client_protocol.open(&conf);
	c->protocol->begin(c, &ping, NULL);
	b = request_of(c);
	buf_free(&b);
	buf_text(&in, OK "X: ");
	fill(&in, 'a', 70000);
	c->protocol->input(c, in.p, in.n);
	ok(!c->ok && c->want == WANT_CLOSE, "an endless head");
	is(c->error, "response head over 64 KB", "and is called so");
	c->protocol->close(c);

	c = http_client_protocol.open(&conf);
	c->protocol->begin(c, &download10, NULL);
	b = request_of(c);
	buf_free(&b);
	in.n = 0;
	buf_text(&in, OK "\r\n");
	fill(&in, 'x', 1100000);
	c->protocol->input(c, in.p, in.n);
	ok(c->outstanding == 0 && !c->ok && c->want == WANT_CLOSE && strstr(c->error, "far more"),
	    "an endless body");
	c->protocol->close(c);
	buf_free(&in);
}

/* ---- both ends ---- */

/* One call over a server's and a client's protocol, at most step bytes at a time each way. */
static bool
call_over(struct client_session *c, struct server_session *s, const struct call *call, size_t step)
{
	struct iovec iov[4];
	unsigned char *copy;
	size_t k, taken, i;
	bool moved = true;

	c->protocol->begin(c, call, NULL);
	while (c->outstanding > 0 && moved) {
		moved = false;
		if (c->want == WANT_OUTPUT && s->want == WANT_INPUT
		    && out_iov(&c->out, iov, 4) > 0) {
			k = iov[0].iov_len < step ? iov[0].iov_len : step;
			copy = copy_of(iov[0].iov_base, k);
			client_sent(c, k);
			for (i = 0; i < k; i += taken) {
				taken = s->protocol->input(s, copy + i, k - i);
				if (taken == 0)
					break;
			}
			free(copy);
			if (i < k)
				return false;
			moved = true;
		} else if (s->want == WANT_WAIT) {
			s->protocol->resume(s);
			moved = true;
		} else if (s->want == WANT_OUTPUT && out_iov(&s->out, iov, 4) > 0) {
			k = iov[0].iov_len < step ? iov[0].iov_len : step;
			copy = copy_of(iov[0].iov_base, k);
			server_sent(s, k);
			taken = c->protocol->input(c, copy, k);
			free(copy);
			moved = taken == k || c->want == WANT_CLOSE;
		}
	}
	if (c->outstanding > 0 || !c->ok)
		printf("# op %d size %" PRIu64 " chunk %" PRIu64 ": %s\n", (int)call->op,
		    call->size, call->chunk, c->outstanding > 0 ? "stuck" : c->error);
	return c->outstanding == 0 && c->ok;
}

static void
test_both(void)
{
	static const enum op ops[] = { OP_HELLO, OP_PING, OP_ECHO, OP_UPLOAD, OP_DOWNLOAD,
		OP_UPLOAD_FILE, OP_DOWNLOAD_FILE, OP_UPLOAD_FILE_CHUNKED, OP_DOWNLOAD_FILE_CHUNKED,
		OP_UPLOAD_STREAM, OP_DOWNLOAD_STREAM };
	static const struct {
		uint64_t size, chunk;
		size_t step;
	} shapes[] = { { 0, 1, 1 }, { 1, 1, 1 }, { 1, 7, 1 }, { 1000, 3, 1 }, { 1000, 1000, 13 },
		{ 5000, 1025, 100 }, { 65536, 65536, 65536 }, { 65537, 65536, 4096 },
		{ 300000, 1, 65536 }, { 300000, 77, 10000 }, { 262144, 4096, 65536 },
		{ 3145728, 65536, 65536 }, { 3145729, 100003, 65536 }, { 3000000, 9999999, 300000 },
		{ 3000001, 2000000, 1048576 }, { 3145728, 1048576, 9999999 } };
	static const struct client_conf conf = { .host = "h:1",
		.payload = &payload,
		.check = true,
		.depth = 1 };
	static const struct client_conf each = { .host = "h:1",
		.payload = &payload,
		.close_each = true,
		.check = true,
		.depth = 1 };
	struct server_session *s = http_server_protocol.open(&service);
	struct client_session *c = http_client_protocol.open(&conf);
	struct call call;
	size_t i, op, n = 0;
	bool right;

	for (op = 0; op < COUNT(ops); op++) {
		for (i = 0; i < COUNT(shapes); i++) {
			call = (struct call){ ops[op], false, shapes[i].size, shapes[i].chunk };
			right = call_over(c, s, &call, shapes[i].step);
			n++;
			ok(right && s->idle && s->want == WANT_INPUT && c->want == WANT_INPUT
				&& s->requests == n,
			    "/%s: %" PRIu64 " bytes in chunks of %" PRIu64 ", %zu at a time",
			    operations[ops[op]].path, shapes[i].size, shapes[i].chunk,
			    shapes[i].step);
		}
	}
	ok(s->errors == 0, "no errors");

	/* refused by the server, and the connection goes on */
	call = (struct call){ OP_DOWNLOAD, false, service.max_payload + 1, 0 };
	ok(!call_over(c, s, &call, 65536) && s->errors == 1 && c->want == WANT_INPUT,
	    "too large a size");
	is(c->error, "HTTP 400 Bad Request", "is reported");
	call = (struct call){ OP_PING, false, 0, 0 };
	ok(call_over(c, s, &call, 65536), "a ping after it");
	call = (struct call){ OP_UPLOAD, false, service.max_payload + 1, 0 };
	ok(!call_over(c, s, &call, 65536) && c->want == WANT_CLOSE, "too large an upload");
	is(c->error, "HTTP 413 Content Too Large", "is reported");
	c->protocol->close(c);
	s->protocol->close(s);

	s = http_server_protocol.open(&service);
	c = http_client_protocol.open(&each);
	call = (struct call){ OP_DOWNLOAD_STREAM, false, 100000, 3000 };
	ok(call_over(c, s, &call, 65536) && c->want == WANT_CLOSE && c->closing
		&& s->want == WANT_CLOSE,
	    "one request a connection");
	c->protocol->close(c);
	s->protocol->close(s);
}

int
main(void)
{
	if (payload_random(&payload) == -1)
		abort();
	test_lines();
	test_fields();
	test_gather();
	test_bodies();
	test_talks();
	test_letters();
	test_allow();
	test_dates();
	test_time_goes_on();
	test_continue();
	test_signs();
	test_pipeline();
	test_limits();
	test_changes();
	test_replies();
	test_client_rest();
	test_both();
	payload_free(&payload);
	return done();
}
