/* SPDX-License-Identifier: ISC */
/* Fuzz target for the client's side of HTTP: the input is what a server sends.
 *
 * Three bytes in front of it choose the call, the configuration, and the sizes of the pieces in
 * which it comes and the requests go. These must be valid HTTP whatever came, and the
 * verdict on a reply must not depend on the pieces. */
#include "fuzz_http.h"

#include "payload.h"
#include "protocol.h"

#define HELD_MAX ((size_t)768 << 10)

/* The requests, as a server reads them. */
struct reader {
	struct buf held;
	struct http_body body;
	bool in_body;
	uint64_t requests; /* complete ones */
};

struct result {
	uint64_t calls, good; /* complete, and successful */
	enum want want;
};

static void
read_requests(struct reader *r, const unsigned char *p, size_t n)
{
	const unsigned char *run;
	size_t taken, run_n;
	struct http_span head;
	struct http_request q;
	struct http_refusal why;

	for (; n > 0; p += taken, n -= taken) {
		if (r->in_body) {
			taken = http_body_take(&r->body, p, n, &run, &run_n);
			must(!r->body.error, r->body.error ? r->body.error : "");
		} else if (http_gather(&r->held, p, n, FUZZ_HEAD_MAX, &taken, &head)) {
			must(http_parse_request(&q, head, &why), why.why);
			buf_free(&r->held);
			http_body_init(&r->body, q.fields.chunked ? HTTP_CHUNKED : HTTP_SIZED,
			    q.fields.length);
			r->in_body = true;
		}
		if (r->in_body && r->body.done) {
			r->in_body = false;
			r->requests++;
		}
	}
}

static void
check(const struct client_session *c, const struct client_conf *conf)
{
	must(c->want != WANT_WAIT && c->want <= WANT_CLOSE, "want");
	must(c->outstanding <= (conf->depth > 1 ? conf->depth : 1), "too many calls");
	must(memchr(c->error, '\0', sizeof c->error) != NULL, "an error without an end");
	must(!c->error[0] || fuzz_line(c->error), "an error unprintable");
}

static void
drain(struct client_session *c, struct reader *r, uint32_t *seed)
{
	struct iovec iov[3];
	size_t n;
	int k;

	k = out_iov(&c->out, iov, 3);
	must(k > 0 && k <= 3 && iov[0].iov_len > 0, "nothing to send");
	n = fuzz_piece(seed, iov[0].iov_len);
	read_requests(r, iov[0].iov_base, n);
	client_sent(c, n);
}

static void
note(struct result *result, const struct client_session *c, unsigned before)
{
	if (c->outstanding == before)
		return;
	must(c->outstanding + 1 == before || c->want == WANT_CLOSE, "more than one call at once");
	result->calls += before - c->outstanding;
	result->good += c->ok;
	must(c->ok || c->error[0], "an error without a text");
}

/* eager: a reply may come before its request is sent; else the requests are always sent
 * first, and the result depends on nothing but the bytes. */
static void
run(struct result *result, const struct client_conf *conf, const struct call *call,
    const uint8_t *p, size_t n, uint32_t seed, bool eager)
{
	size_t held = fuzz_held(), most = HELD_MAX + 3 * n, k, taken;
	struct reader r;
	unsigned char *piece;
	unsigned before, depth = conf->depth > 1 ? conf->depth : 1;
	struct client_session *c = http_client_protocol.open(conf);

	must(c != NULL, "memory");
	memset(&r, 0, sizeof r);
	memset(result, 0, sizeof *result);
	while (n > 0 && c->want != WANT_CLOSE) {
		while (c->want != WANT_CLOSE && c->outstanding < depth
		    && (eager || c->outstanding == 0 || result->calls == 0)) {
			c->protocol->begin(c, call, NULL);
			check(c, conf);
		}
		while (c->want == WANT_OUTPUT && (!eager || seed >> 30 != 3)) {
			before = c->outstanding;
			drain(c, &r, &seed);
			check(c, conf);
			note(result, c, before);
		}
		if (c->want == WANT_CLOSE || c->outstanding == 0)
			continue;
		k = fuzz_piece(&seed, n);
		piece = fuzz_copy(p, k);
		before = c->outstanding;
		taken = c->protocol->input(c, piece, k);
		free(piece);
		check(c, conf);
		must(taken == k || (c->want == WANT_CLOSE && taken < k)
			|| c->outstanding + 1 == before,
		    "bytes left");
		note(result, c, before);
		p += taken;
		n -= taken;
		must(fuzz_held() <= held + most, "too much is held");
	}
	while (c->want == WANT_OUTPUT) {
		before = c->outstanding;
		drain(c, &r, &seed);
		check(c, conf);
		note(result, c, before);
	}
	must(c->want == WANT_CLOSE || (r.held.n == 0 && !r.in_body), "half a request");
	result->want = c->want;
	before = c->outstanding;
	c->protocol->end(c);
	check(c, conf);
	must(c->want == WANT_CLOSE, "the end");
	note(result, c, before);
	buf_free(&r.held);
	c->protocol->close(c);
	must(fuzz_held() <= held, "something is left");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const unsigned char zeros[700];
	static const uint64_t size[] = { 0, 1, 300, 5000 }, chunk[] = { 0, 1, 100, 70000 };
	struct payload payload = { .data = zeros, .period = sizeof zeros };
	struct client_conf conf = { .host = "h:80", .payload = &payload };
	struct call call = { .op = OP_HELLO };
	struct result whole, pieces;

	if (n < 3)
		return 0;
	call.op = fuzz_op(p[0]);
	call.sized = p[0] & 0x80;
	call.size = size[p[1] & 3];
	call.chunk = chunk[p[1] >> 2 & 3];
	conf.name = p[1] & 0x10 || call.op == OP_NAMED ? "/a?b" : NULL;
	conf.check = p[1] & 0x20;
	conf.close_each = p[1] & 0x40;
	/* as protocol.h has it: one request and one reply */
	if (p[0] & 0x40 && !conf.close_each
	    && (call.op == OP_PING || call.op == OP_ECHO || call.op == OP_UPLOAD
		|| call.op == OP_DOWNLOAD || call.op == OP_NAMED))
		conf.depth = 3;
	run(&pieces, &conf, &call, p + 3, n - 3, 1 + p[2], true);
	run(&whole, &conf, &call, p + 3, n - 3, 0, false);
	run(&pieces, &conf, &call, p + 3, n - 3, 1 + p[2], false);
	/* what comes behind the last reply is an error, or already an answer to the next call:
	 * that does depend on the pieces, as it must */
	if (whole.calls == pieces.calls && whole.want == pieces.want && whole.calls <= 1
	    && whole.want != WANT_CLOSE)
		must(whole.good == pieces.good, "the verdict depends on the pieces");
	return 0;
}
