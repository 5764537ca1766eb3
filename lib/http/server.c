/* SPDX-License-Identifier: ISC */
/* The service over HTTP/1.1: one connection as a state machine over the bytes.
 *
 * Bodies are counted or decoded as they pass, results are described rather than built, so that a
 * session holds little whatever the size of a payload; only echo keeps its data. A head that
 * comes whole (all but always) is parsed where it lies. Requests that come together are answered
 * together, until enough output is waiting.
 *
 * A departure: percent signs in a path are not decoded. "/p%69ng" is not found. */
#include "protocol.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/msg.h"
#include "base/num.h"
#include "http/date.h"
#include "http/json.h"
#include "http/message.h"
#include "service.h"

#define HEAD_MAX 32768    /* a request's head */
#define OUT_HIGH 65536    /* no more requests are taken while this much output waits */
#define DRAIN_MAX 1048576 /* of an unwanted body, to keep the connection; more ends it */
#define EMPTY_LINES_MAX 8 /* before a request */
#define COPY_MAX 4096     /* a longer echo is sent from where it is held */
#define SAME_MAX 512      /* a head, which is held to recognise it */

enum state {
	AT_HEAD, /* between requests, or in the head of one */
	IN_BODY,
	AT_WORK, /* computing or sleeping */
	MAKING,  /* sending a reply that is made piece by piece */
	AT_END   /* nothing more is read; what is queued is still sent */
};

/* What a request asks for: one of enum op (OP_COUNT: nothing that is known), or the options. */
enum { ASK_OPTIONS = OP_COUNT + 1 };

/* What a request without a body needs comes first: of many connections it is never in the cache. */
struct http_session {
	struct server_session s;
	const struct service *service;
	struct buf head; /* what came so far of one that did not come whole */
	struct buf ping; /* the head of the last that answer_ping() answered */
	int64_t dated_s; /* what time it is in date */
	char date[HTTP_DATE + 1];
	unsigned char state; /* enum state */
	unsigned char what;  /* enum op, or ASK_OPTIONS */
	unsigned char empty; /* empty lines that came since the last request */
	bool keep_alive;     /* the connection outlives this request */
	bool head_only;      /* HEAD */
	bool http10;
	bool refused;   /* answered with an error; the body is still read over */
	bool lent;      /* out points into hold */
	bool cr;        /* a CR came where a head should begin */
	bool completed; /* a request has been, in this call of input */

	struct http_body body;
	struct json_chunks json; /* upload-file-chunked: its reader */
	struct compute compute;
	struct buf hold;   /* echo: Content-Type, NUL, the data; sleep: its text */
	uint64_t got;      /* content of the body so far; if refused: since then */
	uint64_t arg[2];   /* from the path; while MAKING: what is left, chunk size */
	const char *allow; /* the Allow field of this path */
};

/* Idle connections are many. */
_Static_assert(sizeof(struct http_session) <= 512, "an idle session is small");

#define F4(c) c, c, c, c
#define F64(c) F4(F4(F4(c)))
#define F16K(c) F4(F4(F4(F4(F64(c)))))

#define SERVER "rpcbench/" VERSION
#define JSON "application/json"
#define BYTES "application/octet-stream"

/* Zeros in hex. */
static const unsigned char hex_zeros[] = { F4(F16K('0')) };

/* ---- replies ---- */

/* The Date field of a reply: written anew once a second, if there are replies. */
static const char *
date(struct http_session *h)
{
	if (h->dated_s != h->s.epoch_s) {
		h->dated_s = h->s.epoch_s;
		http_date(h->date, h->dated_s);
	}
	return h->date;
}

/* The head of a reply with n bytes of content. A stream is chunked, or to HTTP/1.0 ends with the
 * connection. */
static void
add_head(struct http_session *h, int status, const char *type, uint64_t n)
{
	struct out *o = &h->s.out;

	h->s.requests++;
	h->s.errors += status >= 400;
	out_printf(o, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: " SERVER "\r\n", status,
	    http_reason(status), date(h));
	if (status == 405 || (status == 200 && h->what == ASK_OPTIONS))
		out_printf(o, "Allow: %s\r\n", h->allow);
	if (type) {
		out_text(o, "Content-Type: ");
		out_text(o, type);
		out_text(o, "\r\n");
	}
	if (status != 200 || h->what != OP_DOWNLOAD_STREAM)
		out_printf(o, "Content-Length: %" PRIu64 "\r\n", n);
	else if (!h->http10)
		out_text(o, "Transfer-Encoding: chunked\r\n");
	if (!h->keep_alive)
		out_text(o, "Connection: close\r\n");
	else if (h->http10)
		out_text(o, "Connection: keep-alive\r\n");
	out_text(o, "\r\n");
}

/* The request is over: on to the next one. */
static void
next_request(struct http_session *h)
{
	h->state = h->keep_alive ? AT_HEAD : AT_END;
	h->what = OP_PING;
	h->empty = 0;
	h->head_only = false;
	h->http10 = false;
	h->refused = false;
	h->completed = true;
	h->s.progress++;
}

/* Less than 128 characters. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
reply_json(struct http_session *h, const char *fmt, ...)
{
	char body[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(body, sizeof body, fmt, ap);
	va_end(ap);
	add_head(h, 200, JSON, strlen(body));
	if (!h->head_only)
		out_text(&h->s.out, body);
	next_request(h);
}

static void
add_error(struct http_session *h, int status, const char *why)
{
	add_head(h, status, "text/plain", strlen(why) + 1);
	if (!h->head_only) {
		out_text(&h->s.out, why);
		out_text(&h->s.out, "\n");
	}
	if (!h->lent)
		buf_free(&h->hold);
}

/* A request that is understood but not done. What is left of its body is read over if that
 * is little, or little so far; otherwise the connection ends here. */
static void
refuse(struct http_session *h, int status, const char *why)
{
	bool left = h->state == IN_BODY && !h->body.done;

	if (left && h->body.framing == HTTP_SIZED && h->body.left > DRAIN_MAX)
		h->keep_alive = false;
	if (!h->refused) /* else it has had its answer */
		add_error(h, status, why);
	if (left && h->keep_alive) {
		h->refused = true;
		h->got = 0;
	} else {
		next_request(h);
	}
}

/* The message is broken or unreadable: where it ends is unknown, so this is the end. */
static void
fail(struct http_session *h, int status, const char *why)
{
	h->keep_alive = false;
	refuse(h, status, why);
}

/* Queue more of a reply that is made in pieces. Only on a drained queue: a queue that never
 * drains never gives its memory back. */
static void
make_more(struct http_session *h)
{
	struct out *o = &h->s.out;
	bool stream = h->what == OP_DOWNLOAD_STREAM;
	uint64_t n, high = h->arg[1] > COPY_MAX ? 4 * OUT_HIGH : OUT_HIGH;

	while (h->arg[0] > 0 && o->pending < high && !o->failed) {
		n = h->arg[0] < h->arg[1] ? h->arg[0] : h->arg[1];
		h->arg[0] -= n;
		if (stream) {
			out_printf(o, "%" PRIx64 "\r\n", n);
			out_cycle(o, fill_block(0), FILL_SIZE, 0, n);
			out_text(o, "\r\n");
		} else {
			out_text(o, "\"");
			out_cycle(o, hex_zeros, sizeof hex_zeros, 0, 2 * n);
			out_text(o, h->arg[0] > 0 ? "\"," : "\"");
		}
	}
	if (h->arg[0] == 0) {
		out_text(o, stream ? "0\r\n\r\n" : JSON_CHUNKS_CLOSE);
		next_request(h);
	}
}

static void
reply_download(struct http_session *h)
{
	bool json = h->what == OP_DOWNLOAD_FILE_CHUNKED, stream = h->what == OP_DOWNLOAD_STREAM;
	uint64_t n = h->arg[0];

	if (stream && h->http10)
		h->keep_alive = false;
	add_head(h, 200, json ? JSON : BYTES, json ? json_chunks_length(n, h->arg[1]) : n);
	if (json && !h->head_only)
		out_text(&h->s.out, JSON_CHUNKS_OPEN);
	if ((json || (stream && !h->http10)) && !h->head_only) {
		h->state = MAKING;
		make_more(h);
		return;
	}
	if (!h->head_only)
		out_cycle(&h->s.out, fill_block(operations[h->what].fill), FILL_SIZE, 0, n);
	next_request(h);
}

static void
reply_echo(struct http_session *h)
{
	const char *type = (const char *)h->hold.p;
	size_t at = strlen(type) + 1, n = h->hold.n - at;

	add_head(h, 200, type, n);
	if (n <= COPY_MAX) {
		out_add(&h->s.out, h->hold.p + at, n);
		buf_free(&h->hold);
	} else {
		out_cycle(&h->s.out, h->hold.p, h->hold.n, at, n);
		h->lent = true;
	}
	next_request(h);
}

/* Do what a request asks for. */
static void
operate(struct http_session *h)
{
	bool json = h->what == OP_UPLOAD_FILE_CHUNKED;
	const char *wrong;

	switch (h->what < OP_COUNT ? operations[h->what].reply : REPLY_ANY) {
	case REPLY_PONG: reply_json(h, "{\"response\":\"pong\"}"); break;
	case REPLY_PAYLOAD: reply_echo(h); break;
	case REPLY_SIZE:
		if (json && (wrong = json_chunks_end(&h->json)))
			refuse(h, 400, wrong);
		else
			reply_json(h, "{\"size\":%" PRIu64 "}", json ? h->json.bytes : h->got);
		break;
	case REPLY_FILL:
	case REPLY_CHUNKS: reply_download(h); break;
	case REPLY_ANY:
		if (h->what == ASK_OPTIONS) {
			add_head(h, 200, NULL, 0);
			next_request(h);
			break;
		}
		h->compute = (struct compute){ 0, h->arg[0], 0, 0 };
		h->s.wait_ns = h->what == OP_SLEEP ? h->arg[0] : 0;
		h->state = AT_WORK;
		break;
	}
}

/* The request is complete. */
static void
perform(struct http_session *h)
{
	if (h->service->timed && h->what != ASK_OPTIONS) {
		h->s.service_time = true;
		h->state = AT_WORK;
	} else {
		operate(h);
	}
}

/* ---- requests ---- */

/* One argument from the path. False: it is wrong, and r says why. */
static bool
take_count(struct http_session *h, int i, struct http_span s, uint64_t min, uint64_t max,
    struct http_refusal *r)
{
	const char *name = operations[h->what].arg[i];
	struct http_shown text = http_show(s.p, s.n);
	size_t k;

	for (k = 0; k < s.n && s.p[k] >= '0' && s.p[k] <= '9'; k++)
		;
	if (s.n == 0 || k < s.n)
		return http_refuse(r, 400, "%s: \"%s\" is not a whole number", name, text.text);
	if (!num_digits(s.p, s.n, &h->arg[i]) || h->arg[i] > max)
		return http_refuse(r, 400, "%s: %s is too large (at most %" PRIu64 ")", name,
		    text.text, max);
	if (h->arg[i] < min)
		return http_refuse(r, 400, "%s: %s is too small (at least %" PRIu64 ")", name,
		    text.text, min);
	return true;
}

/* The argument of sleep: its time, and its text as JSON has it. */
static bool
take_sleep(struct http_session *h, struct http_span s, struct http_refusal *r)
{
	struct http_shown text = http_show(s.p, s.n);
	const char *wrong = "too long", *p = text.text;

	if (s.n < sizeof text.text)
		wrong = num_secs(p, true, (uint64_t)SLEEP_MAX_S, &h->arg[0]);
	if (wrong)
		return http_refuse(r, 400, "duration: \"%s\": %s", p, wrong);
	/* JSON has numbers like 0.5, but not 00.5, .5 */
	while (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
		p++;
	buf_printf(&h->hold, "%s%s", *p == '.' ? "0" : "", p);
	return true;
}

static bool
take_args(struct http_session *h, const struct http_span *arg, struct http_refusal *r)
{
	int n = operations[h->what].nargs;
	uint64_t max = h->service->max_payload;

	if (operations[h->what].sends || n == 0)
		return true;
	if (h->what == OP_SLEEP)
		return take_sleep(h, arg[0], r);
	if (h->what == OP_COMPUTE)
		max = COMPUTE_MAX;
	else if (n > 1 && max > UINT64_MAX / 8) /* the document's length must be a number, too */
		max = UINT64_MAX / 8;
	return take_count(h, 0, arg[0], 0, max, r)
	    && (n == 1 || take_count(h, 1, arg[1], 1, UINT64_MAX, r));
}

/* Find out what is asked for. False: r has the answer. */
static bool
route(struct http_session *h, const struct http_request *q, struct http_refusal *r)
{
	struct http_shown method = http_show(q->name.p, q->name.n);
	struct http_span part[4]; /* one more than any path has */
	bool post = false, allowed = false;
	const char *p = q->path.p, *end = q->path.p + q->path.n;
	int n = 0;

	if (q->method == HTTP_UNKNOWN)
		return http_refuse(r, 501, "unknown method %s", method.text);
	h->allow = "GET, HEAD, POST, OPTIONS";
	h->what = ASK_OPTIONS;
	if (p < end && *p == '/') {
		for (; p < end && n < 4; p++) {
			if (*p == '/')
				part[n++] = (struct http_span){ p + 1, 0 };
			else
				part[n - 1].n++;
		}
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the first byte is a "/" */
		h->what = (unsigned char)op_by_path(part[0].p, part[0].n);
		post = h->what < OP_COUNT && operations[h->what].sends;
		if (h->what == OP_COUNT || n != 1 + (post ? 0 : operations[h->what].nargs))
			return http_refuse(r, 404, "no such path: %s",
			    http_show(q->path.p, q->path.n).text);
		h->allow = post ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
		allowed = post ? q->method == HTTP_POST
			       : q->method == HTTP_GET || q->method == HTTP_HEAD;
	}
	if (q->method == HTTP_OPTIONS)
		h->what = ASK_OPTIONS;
	else if (!allowed) /* CONNECT host:port, too */
		return http_refuse(r, 405, "%s is not allowed here (%s)", method.text, h->allow);
	return h->what == ASK_OPTIONS || take_args(h, part + 1, r);
}

/* The most content the body of this request may have. */
static uint64_t
body_limit(const struct http_session *h)
{
	uint64_t max = h->service->max_payload;

	if (h->what == OP_ECHO)
		return echo_limit(h->service);
	/* strings of one byte take five characters a byte; blanks may add some, but not
	 * without end */
	if (h->what == OP_UPLOAD_FILE_CHUNKED)
		return max < UINT64_MAX / 16 ? max * 8 + HEAD_MAX : UINT64_MAX;
	/* nobody wants another than an upload's */
	return h->what < OP_COUNT && operations[h->what].sends ? max : DRAIN_MAX;
}

static void
refuse_size(struct http_session *h)
{
	char why[80];

	snprintf(why, sizeof why, "the body is too large (at most %" PRIu64 " bytes)",
	    h->what == OP_UPLOAD_FILE_CHUNKED ? h->service->max_payload : body_limit(h));
	refuse(h, 413, why);
}

/* Get ready for the body of a request that is to be done. */
static void
begin_body(struct http_session *h, const struct http_request *q)
{
	h->got = 0;
	if (h->what == OP_UPLOAD_FILE_CHUNKED)
		h->json = (struct json_chunks){ 0 };
	if (h->what != OP_ECHO)
		return;
	if (q->fields.type.n > 0)
		buf_add(&h->hold, q->fields.type.p, q->fields.type.n);
	else
		buf_text(&h->hold, BYTES);
	buf_byte(&h->hold, '\0');
	/* not all at once: a length is claimed more easily than sent */
	buf_room(&h->hold,
	    q->fields.length < PROGRESS_BYTES ? (size_t)q->fields.length : PROGRESS_BYTES);
}

/* Is it the request that everything is compared with, with nothing about it out of the ordinary? */
static bool
is_ping(const struct http_session *h, const struct http_request *q, bool body)
{
	return q->method == HTTP_GET && q->path.n == 5 && memcmp(q->path.p, "/ping", 5) == 0
	    && h->keep_alive && !h->http10 && !body && !q->fields.expect_other
	    && !h->service->timed;
}

/* Answer it by one copy. */
static void
answer_ping(struct http_session *h)
{
	static const char begin[] = "HTTP/1.1 200 OK\r\nDate: ";
	static const char end[] = "\r\nServer: " SERVER "\r\nContent-Type: application/json\r\n"
				  "Content-Length: 19\r\n\r\n{\"response\":\"pong\"}";
	char reply[sizeof begin - 1 + HTTP_DATE + sizeof end - 1], *p = reply;

	memcpy(p, begin, sizeof begin - 1);
	p += sizeof begin - 1;
	memcpy(p, date(h), HTTP_DATE);
	p += HTTP_DATE;
	memcpy(p, end, sizeof end - 1);
	out_add(&h->s.out, reply, sizeof reply);
	h->s.requests++;
	next_request(h);
}

/* A head is complete; more: so are bytes of what follows it. */
static void
begin_request(struct http_session *h, struct http_span head, bool more)
{
	struct http_request q;
	struct http_refusal r;
	bool body, waits;

	if (!http_parse_request(&q, head, &r)) {
		fail(h, r.status, r.why);
		return;
	}
	h->keep_alive = q.fields.keep_alive;
	h->http10 = q.minor == 0;
	h->head_only = q.method == HTTP_HEAD;
	body = q.fields.chunked || q.fields.length > 0;
	if (is_ping(h, &q, body)) {
		if (head.n <= SAME_MAX) {
			buf_clear(&h->ping, SAME_MAX);
			buf_add(&h->ping, head.p, head.n);
		}
		answer_ping(h);
		return;
	}
	if (body) {
		http_body_init(&h->body, q.fields.chunked ? HTTP_CHUNKED : HTTP_SIZED,
		    q.fields.length);
		h->state = IN_BODY;
	}
	waits = q.fields.expect_continue && body && !more;
	if (q.fields.expect_other)
		http_refuse(&r, 417, "only 100-continue may be expected");
	else
		route(h, &q, &r);
	if (r.status || q.fields.length > body_limit(h)) {
		/* it may still send the body, or may not: where the next request begins is
		 * unknown */
		if (waits)
			h->keep_alive = false;
		if (r.status)
			refuse(h, r.status, r.why);
		else
			refuse_size(h);
		return;
	}
	begin_body(h, &q);
	if (h->hold.failed)
		fail(h, 500, "out of memory");
	else if (!body)
		perform(h);
	else if (waits && !h->http10)
		out_text(&h->s.out, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* Take bytes of a head; returns how many. */
static size_t
take_head(struct http_session *h, const unsigned char *p, size_t n)
{
	struct http_span head;
	struct http_refusal r;
	size_t i = 0, taken;

	if (h->head.n == 0) {
		/* empty lines before a request are read over (RFC 9112, section 2.2) */
		for (; i < n && h->empty <= EMPTY_LINES_MAX
		     && (p[i] == '\n' || (p[i] == '\r' && !h->cr));
		     i++) {
			h->cr = p[i] == '\r';
			h->empty += !h->cr;
		}
		if (h->empty > EMPTY_LINES_MAX) {
			fail(h, 400, "too many empty lines before a request");
			return n;
		}
		if (i == n)
			return n;
		h->s.progress++;
		if (h->cr) {
			h->cr = false;
			fail(h, 400, "a bare CR");
			return n;
		}
		/* clients mostly send the same head again */
		if (h->ping.n > 0 && n - i >= h->ping.n
		    && memcmp(p + i, h->ping.p, h->ping.n) == 0) {
			h->keep_alive = true;
			answer_ping(h);
			return i + h->ping.n;
		}
	}
	if (http_gather(&h->head, p + i, n - i, HEAD_MAX, &taken, &head))
		begin_request(h, head, i + taken < n);
	else if (h->head.failed)
		fail(h, 500, "out of memory");
	else if (!http_begins_request(h->head.p, h->head.n, &r))
		fail(h, r.status, r.why);
	else if (h->head.n == HEAD_MAX)
		fail(h, 431, "the request's head is too large");
	else
		return i + taken;
	if (h->head.p)
		buf_free(&h->head);
	return i + taken;
}

/* Use a run of the body's content. */
static void
take_content(struct http_session *h, const unsigned char *p, size_t n)
{
	if (h->got / PROGRESS_BYTES != (h->got + n) / PROGRESS_BYTES)
		h->s.progress++;
	h->got += n;
	if (h->refused) {
		if (h->got > DRAIN_MAX) {
			h->keep_alive = false;
			next_request(h);
		}
		return;
	}
	if (h->got > body_limit(h)) {
		refuse_size(h);
		return;
	}
	switch (h->what) {
	case OP_ECHO:
		buf_add(&h->hold, p, n);
		if (h->hold.failed)
			fail(h, 500, "out of memory");
		break;
	case OP_UPLOAD_FILE_CHUNKED:
		json_chunks_take(&h->json, p, n, NULL, 0, NULL);
		if (h->json.error)
			refuse(h, 400, h->json.error);
		else if (h->json.bytes > h->service->max_payload)
			refuse_size(h);
		break;
	}
}

/* Take bytes of a body; returns how many. */
static size_t
take_body(struct http_session *h, const unsigned char *p, size_t n)
{
	const unsigned char *run;
	size_t run_n, taken = http_body_take(&h->body, p, n, &run, &run_n);

	if (run_n > 0)
		take_content(h, run, run_n);
	if (h->state != IN_BODY)
		return taken;
	if (h->body.error) {
		fail(h, 400, h->body.error);
	} else if (h->body.done) {
		if (h->refused)
			next_request(h);
		else
			perform(h);
	}
	return taken;
}

/* ---- the protocol ---- */

/* What is wanted now. */
static void
update_want(struct http_session *h)
{
	if (h->s.out.failed) { /* in the middle of something: there is nothing to say any more */
		out_free(&h->s.out);
		h->state = AT_END;
		h->s.errors++;
	}
	h->s.idle = h->state == AT_HEAD && h->head.n == 0;
	if (h->s.out.pending > 0)
		h->s.want = WANT_OUTPUT;
	else if (h->state == AT_WORK)
		h->s.want = WANT_WAIT;
	else if (h->state == AT_END)
		h->s.want = WANT_CLOSE;
	else
		h->s.want = WANT_INPUT;
}

static struct server_session *
http_open(const struct service *service)
{
	struct http_session *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->s.protocol = &http_server_protocol;
	h->service = service;
	h->dated_s = INT64_MIN;
	update_want(h);
	return &h->s;
}

static void
http_close(struct server_session *s)
{
	struct http_session *h = (struct http_session *)s;

	out_free(&h->s.out);
	buf_free(&h->head);
	buf_free(&h->ping);
	buf_free(&h->hold);
	free(h);
}

static size_t
http_input(struct server_session *s, const unsigned char *p, size_t n)
{
	struct http_session *h = (struct http_session *)s;
	size_t i = 0;

	h->completed = false;
	while (
	    i < n && h->s.out.pending < OUT_HIGH && !h->lent && !(s->one_request && h->completed)) {
		if (h->state == AT_HEAD)
			i += take_head(h, p + i, n - i);
		else if (h->state == IN_BODY)
			i += take_body(h, p + i, n - i);
		else
			break;
	}
	if (h->state == AT_END)
		i = n; /* useless */
	update_want(h);
	return i;
}

static void
http_end(struct server_session *s)
{
	struct http_session *h = (struct http_session *)s;

	h->keep_alive = false; /* nothing can follow what is under way */
	if (h->state == IN_BODY) {
		fail(h, 400, "the request's body is cut off");
	} else if (h->state == AT_HEAD && h->head.n > 0) {
		fail(h, 400, "the request is cut off");
		buf_free(&h->head);
	} else if (h->state == AT_HEAD) {
		h->state = AT_END;
	}
	update_want(h);
}

static void
http_resume(struct server_session *s)
{
	struct http_session *h = (struct http_session *)s;
	char sum[40];

	if (h->s.service_time) {
		h->s.service_time = false;
		operate(h);
	} else if (h->state == AT_WORK && h->what == OP_SLEEP) {
		reply_json(h, "{\"duration\":%.*s}", (int)h->hold.n, (const char *)h->hold.p);
		buf_free(&h->hold);
	} else if (h->state == AT_WORK && compute_run(&h->compute)) {
		compute_text(&h->compute, sum);
		reply_json(h, "{\"result\":%s}", sum);
	}
	update_want(h);
}

static void
http_drained(struct server_session *s)
{
	struct http_session *h = (struct http_session *)s;

	if (h->lent) {
		buf_free(&h->hold);
		h->lent = false;
	}
	if (h->state == MAKING)
		make_more(h);
	update_want(h);
}

const struct server_protocol http_server_protocol = {
	.scheme = "http",
	.port = 5000,
	.open = http_open,
	.close = http_close,
	.input = http_input,
	.end = http_end,
	.resume = http_resume,
	.drained = http_drained,
};
