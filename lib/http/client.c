/* SPDX-License-Identifier: ISC */
/* The calls of the benchmarks over HTTP/1.1: one connection as a state machine over the bytes.
 *
 * Payloads are sent from where they lie and replies are checked and counted as they pass, so that a
 * client holds little whatever their size. Every reply is checked: its status, its framing and
 * what the operation returns; with conf->check its content too. After a reply that is wrong but
 * framed correctly the connection stays usable; only one far longer than expected is not read to
 * its end. Replies come in the order of the requests; empty lines between them are read over (RFC
 * 9112, section 9.2). */
#include "protocol.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/json.h"
#include "http/message.h"
#include "payload.h"
#include "service.h"

#define HEAD_MAX 65536    /* a response's head */
#define PIECE 131072      /* of a body that is made in pieces: queued at a time */
#define SPARE 1048576     /* bytes beyond what was expected that are still read */
#define SHORT_MAX 256     /* a short reply, which is held */
#define SAME_MAX 1024     /* a head, which is held to recognise it */
#define OUT_RESERVE 65536 /* memory kept for requests that are sent together */

#define WRONG_LENGTH "reply of %" PRIu64 " bytes, expected %" PRIu64

enum state {
	IDLE,
	IN_HEAD,
	IN_BODY,
	REPLIED /* the reply is complete, its request isn't */
};

/* What few requests need comes first, beside the text of c.error: the rest lies in as few cache
 * lines as can be. */
struct http_client {
	struct client_session c;
	unsigned char text[SHORT_MAX]; /* the beginning of a short reply */
	struct json_chunks json;
	struct payload want; /* what the content has to be */

	const struct client_conf *conf;
	struct call call; /* the current one, or the last */
	enum op_reply expected;
	struct buf request;            /* its head, kept for the next call like it */
	uint64_t length;               /* bytes of a whole request, while nothing is making */
	uint64_t at;                   /* payload bytes turned into chunks so far */
	struct buf held;               /* what came so far of a head that did not come whole */
	struct buf head;               /* of the last reply that was a success, */
	struct http_response response; /* and what it says */
	struct http_body body;
	uint64_t got;     /* content of the reply's body so far */
	uint64_t got_max; /* more is not read */
	enum state state;
	bool making;     /* there are more chunks to be made */
	bool bad;        /* the reply is wrong: c.error says why */
	bool keep_alive; /* both sides keep the connection */
	bool dead;       /* it cannot be used any more */
	bool half_line;  /* the CR of an empty line between replies has come */
	bool head_only;  /* HEAD: nothing follows a reply's head, whatever it says */
	unsigned depth, oldest;
	void *token[]; /* of the calls outstanding: a ring of depth, from oldest */
};

/* ---- verdicts ---- */

/* The reply is wrong. The first reason counts. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
wrong(struct http_client *h, const char *fmt, ...)
{
	va_list ap;

	if (h->bad)
		return;
	h->bad = true;
	va_start(ap, fmt);
	vsnprintf(h->c.error, sizeof h->c.error, fmt, ap);
	va_end(ap);
}

/* A reply comes next. */
static void
expect_reply(struct http_client *h)
{
	h->state = IN_HEAD;
	h->got = 0;
	h->bad = false;
	h->keep_alive = true;
	if (h->expected == REPLY_CHUNKS)
		h->json = (struct json_chunks){ .chunk = h->call.chunk };
}

/* The oldest call is over. */
static void
finish(struct http_client *h)
{
	h->c.ok = !h->bad;
	h->c.content = h->expected == REPLY_ANY ? h->got : 0;
	h->c.replied = false;
	h->state = IDLE;
	h->dead |= !h->keep_alive;
	if (h->c.outstanding == 0)
		return;
	h->c.done = h->token[h->oldest];
	if (++h->oldest == h->depth)
		h->oldest = 0;
	if (--h->c.outstanding > 0 && !h->dead)
		expect_reply(h);
}

/* The call is over and the connection with it: see wrong(). */
static void
give_up(struct http_client *h)
{
	h->dead = true;
	finish(h);
}

/* Is the request of the oldest call sent? All outstanding are of one length. */
static bool
all_sent(const struct http_client *h)
{
	return !h->making
	    && (h->c.out.pending == 0
		|| (h->c.outstanding > 1
		    && h->c.out.pending <= (h->c.outstanding - 1) * h->length));
}

/* Judge a short JSON object. */
static void
judge_short(struct http_client *h)
{
	static const char pong[] = "{\"response\":\"pong\"}";
	bool ping = h->expected == REPLY_PONG;
	size_t n = h->got < SHORT_MAX ? (size_t)h->got : SHORT_MAX;
	const char *why;
	uint64_t size = h->call.size;

	if (ping && n == sizeof pong - 1 && memcmp(h->text, pong, n) == 0)
		return;
	why = ping ? json_text(h->text, n, "response", "pong")
		   : json_count(h->text, n, "size", &size);
	if (h->got > SHORT_MAX)
		wrong(h, "reply of %" PRIu64 " bytes, expected a short JSON object", h->got);
	else if (why)
		wrong(h, "reply is not %s (%s): %s", ping ? pong : "{\"size\":N}", why,
		    http_show(h->text, n).text);
	else if (size != h->call.size)
		wrong(h, "the server counted %" PRIu64 " bytes, expected %" PRIu64, size,
		    h->call.size);
}

/* Judge the content of a reply of which nothing was wrong so far. */
static void
judge(struct http_client *h)
{
	const char *why;

	switch (h->expected) {
	case REPLY_ANY: break;
	case REPLY_PONG:
	case REPLY_SIZE: judge_short(h); break;
	case REPLY_PAYLOAD:
	case REPLY_FILL:
		if (h->got != h->call.size)
			wrong(h, WRONG_LENGTH, h->got, h->call.size);
		break;
	case REPLY_CHUNKS:
		if ((why = json_chunks_end(&h->json)))
			wrong(h, "bad JSON at character %" PRIu64 ": %s", h->json.at, why);
		else if (h->json.bytes != h->call.size)
			wrong(h, "chunks of %" PRIu64 " bytes in all, expected %" PRIu64,
			    h->json.bytes, h->call.size);
		break;
	}
}

/* The reply is complete. */
static void
complete(struct http_client *h)
{
	if (!h->bad)
		judge(h);
	h->c.closing = !h->keep_alive;
	if (all_sent(h)) {
		finish(h);
	} else if (h->bad) {
		give_up(h); /* the rest of the request would only be in the way */
	} else {
		h->state = REPLIED;
		h->c.replied = true;
	}
}

/* ---- requests ---- */

static bool
has_body(const struct call *call)
{
	return operations[call->op].sends && (call->op != OP_NAMED || call->sized);
}

/* The request's method. */
static const char *
method_of(const struct http_client *h)
{
	if (h->call.op == OP_NAMED && h->conf->method)
		return h->conf->method;
	return has_body(&h->call) ? "POST" : "GET";
}

static bool
is_one_of(const char *s, const char *const *list)
{
	while (*list && strcmp(s, *list) != 0)
		list++;
	return *list != NULL;
}

/* A field, unless the user has another of that name, which is in lower case. */
static void
put_field(struct http_client *h, const char *name, const char *field)
{
	const char *const *f = h->conf->fields;

	while (f && *f && !http_field_is(*f, name))
		f++;
	if (!f || !*f)
		buf_printf(&h->request, "%s\r\n", field);
}

/* Build the head of the request for h->call, to the operation's path, or to the target's. */
static void
build_request(struct http_client *h)
{
	static const char *const with_content[] = { "POST", "PUT", "PATCH", NULL };
	static const char *const idempotent[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS",
		"TRACE", NULL };
	const char *const *f;
	const char *method = method_of(h);
	char host[300];
	const struct call *call = &h->call;
	const struct operation *o = &operations[call->op];
	bool body = has_body(call);
	struct buf *b = &h->request;

	h->head_only = strcmp(method, "HEAD") == 0;
	h->c.idempotent = is_one_of(method, idempotent);
	buf_clear(b, 4096);
	buf_printf(b, "%s ", method);
	if (!o->method && h->conf->name)
		buf_printf(b, "%s%s", *h->conf->name == '?' ? "/" : "", h->conf->name);
	else
		buf_printf(b, "/%s", o->path ? o->path : "");
	if (!body && o->nargs > 0)
		buf_printf(b, "/%" PRIu64, call->size);
	if (!body && o->nargs > 1)
		buf_printf(b, "/%" PRIu64, call->chunk);
	buf_text(b, " HTTP/1.1\r\n");
	snprintf(host, sizeof host, "Host: %s", h->conf->host);
	put_field(h, "host", host);
	put_field(h, "user-agent", "User-Agent: rpcbench/" VERSION);
	put_field(h, "accept", "Accept: */*");
	if (body)
		put_field(h, "content-type",
		    o->form == FORM_CHUNKED ? "Content-Type: application/json"
					    : "Content-Type: application/octet-stream");
	for (f = h->conf->fields; f && *f; f++)
		buf_printf(b, "%s\r\n", *f);
	if (body && o->form == FORM_STREAM)
		buf_text(b, "Transfer-Encoding: chunked\r\n");
	else if (body)
		buf_printf(b, "Content-Length: %" PRIu64 "\r\n",
		    o->form == FORM_CHUNKED ? json_chunks_length(call->size, call->chunk)
					    : call->size);
	else if (is_one_of(method, with_content))
		buf_text(b, "Content-Length: 0\r\n"); /* RFC 9110, section 8.6 */
	if (h->conf->close_each)
		buf_text(b, "Connection: close\r\n");
	buf_text(b, "\r\n");
}

/* Queue n bytes of the payload in hex, or the first of them; returns how many. */
static uint64_t
put_hex(struct http_client *h, uint64_t n)
{
	const struct payload *pl = h->conf->payload;
	uint64_t from = h->at % pl->period;
	char hex[8192];

	if (n > sizeof hex / 2)
		n = sizeof hex / 2;
	if (n > pl->period - from)
		n = pl->period - from;
	hex_encode(hex, pl->data + from, (size_t)n);
	out_add(&h->c.out, hex, 2 * (size_t)n);
	return n;
}

/* Queue more of a body that is made in pieces: the next strings of {"chunks":[...]}, of which the
 * beginning is sent already, or chunks as Transfer-Encoding has them. */
static void
make_more(struct http_client *h)
{
	const struct payload *pl = h->conf->payload;
	bool json = operations[h->call.op].form == FORM_CHUNKED;
	uint64_t size = h->call.size, chunk = h->call.chunk, n;
	struct out *o = &h->c.out;

	while (h->at < size && o->pending < PIECE && !o->failed) {
		n = chunk - h->at % chunk;
		if (n > size - h->at)
			n = size - h->at;
		if (json) {
			if (h->at % chunk == 0)
				out_text(o, h->at > 0 ? ",\"" : "\"");
			h->at += put_hex(h, n);
			if (h->at % chunk == 0 || h->at == size)
				out_text(o, "\"");
		} else {
			out_printf(o, "%" PRIx64 "\r\n", n);
			out_cycle(o, pl->data, pl->period, h->at, n);
			out_text(o, "\r\n");
			h->at += n;
		}
	}
	if (h->at == size) {
		h->making = false;
		out_text(o, json ? JSON_CHUNKS_CLOSE : "0\r\n\r\n");
	}
}

static bool
same_call(const struct call *a, const struct call *b)
{
	return a->op == b->op && a->sized == b->sized && a->size == b->size && a->chunk == b->chunk;
}

/* ---- replies ---- */

/* Parse the head of a reply into h->response. */
static bool
parse_head(struct http_client *h, struct http_span head)
{
	const struct http_response *a = &h->response;
	struct http_refusal r;

	buf_clear(&h->head, SAME_MAX);
	if (!http_parse_response(&h->response, head, &r)) {
		wrong(h, "%s", r.why);
		return false;
	}
	/* nobody looks at the reason of a success, which points into the head */
	if (head.n <= SAME_MAX && a->status >= 200 && a->status <= 299)
		buf_add(&h->head, head.p, head.n);
	return true;
}

/* The head of a reply is complete, and h->response what it says: see what follows it. */
static void
begin_reply(struct http_client *h)
{
	const struct http_response *a = &h->response;
	const struct http_fields *f = &a->fields;
	struct http_shown reason;
	bool good, payload = h->expected == REPLY_PAYLOAD || h->expected == REPLY_FILL;
	bool none = h->head_only;

	if (a->status >= 100 && a->status < 200 && a->status != 101)
		return; /* an interim response: the final one follows */
	good = a->status >= 200 && a->status <= 299;
	if (!good) {
		reason = http_show(a->reason.p, a->reason.n);
		wrong(h, "HTTP %d%s%s", a->status, *reason.text ? " " : "", reason.text);
	}
	h->got_max = SPARE;
	if (good && h->expected == REPLY_ANY)
		h->got_max = UINT64_MAX;
	else if (good && h->expected == REPLY_CHUNKS)
		h->got_max += 2 * json_chunks_length(h->call.size, h->call.chunk);
	else if (good && payload)
		h->got_max += h->call.size;
	h->keep_alive = f->keep_alive && (f->sized || f->chunked || none) && !h->conf->close_each;
	http_body_init(&h->body,
	    none             ? HTTP_SIZED
		: f->chunked ? HTTP_CHUNKED
		: f->sized   ? HTTP_SIZED
			     : HTTP_TO_END,
	    none ? 0 : f->length);
	h->body.padded = true;
	h->state = IN_BODY;
	if (f->length > h->got_max && !none) {
		if (payload)
			wrong(h, WRONG_LENGTH, f->length, h->call.size);
		wrong(h, "reply of %" PRIu64 " bytes, far more than expected", f->length);
		give_up(h);
	} else if (a->status == 101) {
		give_up(h);
	} else if (h->body.done) {
		complete(h);
	}
}

static size_t
take_head(struct http_client *h, const unsigned char *p, size_t n)
{
	struct http_span head;
	size_t taken;

	/* most are the same as the one before, and end where that did */
	if (h->held.n == 0 && h->head.n > 0 && n >= h->head.n
	    && memcmp(p, h->head.p, h->head.n) == 0) {
		begin_reply(h);
		return h->head.n;
	}
	if (http_gather(&h->held, p, n, HEAD_MAX, &taken, &head)) {
		if (parse_head(h, head))
			begin_reply(h);
		else
			give_up(h);
		if (h->held.p)
			buf_free(&h->held);
		return taken;
	}
	if (h->held.failed)
		wrong(h, "out of memory");
	else if (!http_begins_response(h->held.p, h->held.n))
		wrong(h, "not an HTTP response: %s", http_show(h->held.p, h->held.n).text);
	else if (h->held.n == HEAD_MAX)
		wrong(h, "response head over %d KB", HEAD_MAX / 1024);
	else
		return taken;
	give_up(h);
	return taken;
}

/* Are the n bytes at p what has to be at this position of the content? */
static void
check_content(struct http_client *h, uint64_t at, const unsigned char *p, size_t n)
{
	const struct payload *want = &h->want;
	size_t i = 0;

	if (!h->conf->check || payload_equal(want, at, p, n))
		return;
	while (i + 1 < n && payload_equal(want, at + i, p + i, 1))
		i++;
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): n bytes are there, and i < n */
	wrong(h, "content differs: byte %" PRIu64 " is 0x%02x, expected 0x%02x", at + i, p[i],
	    want->data[(at + i) % want->period]);
}

static void
take_chunks(struct http_client *h, const unsigned char *p, size_t n)
{
	unsigned char decoded[4096];
	size_t i, k, got;

	for (i = 0; i < n && !h->json.error; i += k) {
		k = json_chunks_take(&h->json, p + i, n - i, h->conf->check ? decoded : NULL,
		    sizeof decoded, &got);
		check_content(h, h->json.bytes - got, decoded, got);
	}
}

/* Use a run of the reply's content. */
static void
take_content(struct http_client *h, const unsigned char *p, size_t n)
{
	size_t k = h->got < SHORT_MAX ? SHORT_MAX - (size_t)h->got : 0;

	if (!h->bad) {
		switch (h->expected) {
		case REPLY_ANY: break;
		case REPLY_PONG:
		case REPLY_SIZE: memcpy(h->text + SHORT_MAX - k, p, n < k ? n : k); break;
		case REPLY_PAYLOAD:
		case REPLY_FILL:
			if (h->got + n <= h->call.size)
				check_content(h, h->got, p, n);
			break;
		case REPLY_CHUNKS: take_chunks(h, p, n); break;
		}
	}
	h->got += n;
	if (h->got > h->got_max) {
		wrong(h, "reply of more than %" PRIu64 " bytes, far more than expected",
		    h->got_max);
		give_up(h);
	}
}

static size_t
take_body(struct http_client *h, const unsigned char *p, size_t n)
{
	const unsigned char *run;
	size_t run_n, taken = http_body_take(&h->body, p, n, &run, &run_n);

	if (run_n > 0)
		take_content(h, run, run_n);
	if (h->state != IN_BODY)
		return taken;
	if (h->body.error) {
		wrong(h, "bad chunked reply: %s", h->body.error);
		give_up(h);
	} else if (h->body.done) {
		complete(h);
	}
	return taken;
}

/* Between two replies: read over empty lines. Returns their length. */
static size_t
skip_lines(struct http_client *h, const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] == (h->half_line ? '\n' : '\r')) {
		h->half_line = !h->half_line;
		i++;
	}
	return i;
}

/* ---- the protocol ---- */

static void
update_want(struct http_client *h)
{
	if (h->c.out.failed && !h->dead) {
		wrong(h, "out of memory");
		give_up(h);
	}
	h->c.want = h->dead ? WANT_CLOSE : h->c.out.pending > 0 ? WANT_OUTPUT : WANT_INPUT;
}

static struct client_session *
http_open(const struct client_conf *conf)
{
	unsigned depth = conf->depth > 1 ? conf->depth : 1;
	struct http_client *h = calloc(1, sizeof *h + depth * sizeof *h->token);

	if (!h)
		return NULL;
	h->depth = depth;
	h->c.protocol = &http_client_protocol;
	h->c.want = WANT_INPUT;
	h->c.work = UINT64_MAX;
	h->conf = conf;
	h->c.out.reserve = conf->depth > 1 ? OUT_RESERVE : 0;
	return &h->c;
}

static void
http_close(struct client_session *c)
{
	struct http_client *h = (struct http_client *)c;

	out_free(&h->c.out);
	buf_free(&h->held);
	buf_free(&h->head);
	buf_free(&h->request);
	free(h);
}

static void
http_begin(struct client_session *c, const struct call *call, void *token)
{
	struct http_client *h = (struct http_client *)c;
	const struct payload *pl = h->conf->payload;
	struct call now = *call;
	enum op_form form;
	uint64_t before;
	unsigned at;

	if (now.chunk == 0)
		now.chunk = now.size > 0 ? now.size : 1;
	if (h->request.n == 0 || !same_call(&now, &h->call)) {
		h->call = now;
		if (operations[now.op].reply == REPLY_PAYLOAD)
			h->want = *pl;
		else
			h->want = (struct payload){ .data = fill_block(operations[now.op].fill),
				.period = FILL_SIZE };
		build_request(h);
	}
	at = h->oldest + c->outstanding;
	h->token[at < h->depth ? at : at - h->depth] = token;
	if (c->outstanding++ == 0) {
		c->ok = false;
		c->closing = false;
		c->error[0] = '\0';
		h->expected = now.op == OP_HELLO && h->conf->name ? REPLY_ANY
								  : operations[now.op].reply;
		h->at = 0;
		h->making = false;
		expect_reply(h);
	}
	before = h->c.out.pending;
	if (h->request.failed)
		h->c.out.failed = true;
	else
		out_add(&h->c.out, h->request.p, h->request.n);

	if (has_body(&h->call)) {
		form = operations[now.op].form;
		h->making = form != FORM_WHOLE;
		if (form == FORM_CHUNKED) {
			h->c.out.reserve = 2 * PIECE;
			out_text(&h->c.out, JSON_CHUNKS_OPEN);
		}
		if (h->making)
			make_more(h);
		else
			out_cycle(&h->c.out, pl->data, pl->period, 0, now.size);
	}
	h->length = h->c.out.pending - before;
	update_want(h);
}

static size_t
http_input(struct client_session *c, const unsigned char *p, size_t n)
{
	struct http_client *h = (struct http_client *)c;
	unsigned outstanding = c->outstanding;
	size_t i = 0;

	/* after the last reply everything is taken: nothing may follow it */
	while (i < n && !h->dead && (c->outstanding == outstanding || c->outstanding == 0)) {
		if (h->state != IN_BODY && h->held.n == 0)
			i += skip_lines(h, p + i, n - i);
		if (i == n)
			break;
		if (h->state == IN_HEAD && !h->half_line) {
			i += take_head(h, p + i, n - i);
		} else if (h->state == IN_BODY) {
			i += take_body(h, p + i, n - i);
		} else {
			/* after the end of a reply, or without a request: a peer that counts bytes
			 * differently cannot be understood any further */
			wrong(h, "unexpected bytes: %s", http_show(p + i, n - i).text);
			give_up(h);
		}
	}
	update_want(h);
	return i;
}

static void
http_end(struct client_session *c)
{
	struct http_client *h = (struct http_client *)c;

	if (h->state == IN_BODY && h->body.framing == HTTP_TO_END)
		complete(h);
	if (h->state == REPLIED) { /* the peer did not want the rest: its reply counts */
		give_up(h);
	} else if (c->outstanding > 0 && !h->dead) {
		wrong(h,
		    h->state == IN_HEAD && h->held.n == 0
			? "connection closed before the reply"
			: "connection closed in the middle of a reply");
		give_up(h);
	}
	h->dead = true;
	update_want(h);
}

static void
http_sent(struct client_session *c)
{
	struct http_client *h = (struct http_client *)c;

	if (h->c.out.pending == 0 && h->making)
		make_more(h);
	if (h->state == REPLIED && all_sent(h))
		finish(h);
	update_want(h);
}

const struct client_protocol http_client_protocol = {
	.keeps = true,
	.open = http_open,
	.close = http_close,
	.begin = http_begin,
	.input = http_input,
	.end = http_end,
	.sent = http_sent,
};
