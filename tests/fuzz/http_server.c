/* SPDX-License-Identifier: ISC */
/* Fuzz target for the server's side of HTTP: the input is all that a client sends.
 *
 * Two bytes in front of it choose the session's mode and seed the sizes of the pieces in which it
 * comes and the answers go. The answers must be valid HTTP, one for each request that
 * is counted; whether the bytes come in pieces or at once must make no difference; and what a
 * session holds is bounded by what was sent to it. */
#include "fuzz_http.h"

#include "protocol.h"
#include "service.h"

#define WAITS_MAX 4 /* slices of compute, and sleeps, before the session is left */
#define SENT_MAX ((uint64_t)4 << 20)
#define PAYLOAD_MAX 100000
#define HELD_MAX ((size_t)512 << 10)

/* The answers, as a client reads them that does not know what it asked for. */
struct reader {
	struct buf held;
	struct http_body body;
	bool in_body, to_end;
	uint64_t replies, errors; /* final ones, and those from 400 on */
	struct fuzz_sum sum;      /* of all statuses, and of the content of those below 400 */
	int status;
};

struct result {
	struct reader in;
	uint64_t requests, errors;
	bool whole; /* it came to its end, not to our patience's */
};

static void
read_head(struct reader *r, struct http_span head)
{
	struct http_response a;
	struct http_refusal why;

	must(http_parse_response(&a, head, &why), why.why);
	must(a.minor == 1, "the version of an answer");
	if (a.status < 200) {
		must(a.status == 100 && head.n == sizeof "HTTP/1.1 100 Continue\r\n\r\n" - 1,
		    "an interim answer");
		return;
	}
	must(strcmp(http_reason(a.status), "Unknown") != 0, "a status nobody knows");
	must(a.fields.sized || a.fields.chunked || a.fields.close, "an answer without an end");
	must(!r->to_end, "an answer behind the last");
	r->replies++;
	r->errors += a.status >= 400;
	r->status = a.status;
	fuzz_sum_add(&r->sum, &a.status, sizeof a.status);
	r->to_end = a.fields.close;
	http_body_init(&r->body,
	    a.fields.chunked     ? HTTP_CHUNKED
		: a.fields.sized ? HTTP_SIZED
				 : HTTP_TO_END,
	    a.fields.length);
	r->in_body = !r->body.done;
}

static void
read_answers(struct reader *r, const unsigned char *p, size_t n)
{
	const unsigned char *run;
	struct http_span head;
	size_t taken, run_n;

	for (; n > 0; p += taken, n -= taken) {
		if (r->in_body) {
			taken = http_body_take(&r->body, p, n, &run, &run_n);
			must(!r->body.error, r->body.error ? r->body.error : "");
			if (r->status < 400) /* the text of an error may depend on the pieces */
				fuzz_sum_add(&r->sum, run, run_n);
			r->in_body = !r->body.done;
			continue;
		}
		if (http_gather(&r->held, p, n, FUZZ_HEAD_MAX, &taken, &head)) {
			read_head(r, head);
			buf_free(&r->held);
		}
		must(r->held.n < FUZZ_HEAD_MAX, "the head of an answer is too long");
	}
}

static void
check(const struct server_session *s)
{
	must(s->errors <= s->requests, "more errors than requests");
	must(s->want <= WANT_CLOSE, "want");
}

/* Let the peer read some of what is said. */
static void
drain(struct server_session *s, struct reader *r, uint32_t *seed)
{
	struct iovec iov[3];
	size_t n;
	int k;

	k = out_iov(&s->out, iov, 3);
	must(k > 0 && k <= 3 && iov[0].iov_len > 0, "nothing to send");
	n = fuzz_piece(seed, iov[0].iov_len);
	if (r)
		read_answers(r, iov[0].iov_base, n);
	server_sent(s, n);
}

/* strict: no answer is to HEAD, so that all of them have the body they tell of. */
static void
run(struct result *result, const uint8_t *p, size_t n, bool single, uint32_t seed, bool strict)
{
	struct service service = { .max_payload = PAYLOAD_MAX };
	struct reader *r = &result->in;
	size_t held = fuzz_held(), most = HELD_MAX + 3 * n, k, taken;
	unsigned char *piece;
	uint64_t before, steps = 0;
	struct server_session *s;
	int waits = 0;
	bool ended = false;

	memset(result, 0, sizeof *result);
	s = http_server_protocol.open(&service);
	must(s != NULL, "memory");
	s->one_request = single;
	for (; r->sum.n < SENT_MAX && waits < WAITS_MAX && s->want != WANT_CLOSE; check(s)) {
		must(++steps < 8 * SENT_MAX, "no end");
		if (s->want == WANT_OUTPUT) {
			drain(s, strict ? r : NULL, &seed);
		} else if (s->want == WANT_WAIT) {
			waits++;
			s->protocol->resume(s);
		} else if (n == 0) {
			must(!ended, "input wanted behind the end");
			ended = true;
			s->protocol->end(s);
		} else {
			k = fuzz_piece(&seed, n);
			piece = fuzz_copy(p, k);
			before = s->requests;
			taken = s->protocol->input(s, piece, k);
			must(taken <= k, "bytes taken");
			must(taken == k || s->want != WANT_INPUT || (single && s->idle),
			    "bytes left");
			must(!single || s->requests - before <= 1, "more than one request at once");
			free(piece);
			p += taken;
			n -= taken;
		}
		must(fuzz_held() <= held + most, "too much is held");
	}
	result->whole = s->want == WANT_CLOSE;
	result->requests = s->requests;
	result->errors = s->errors;
	if (strict && result->whole) {
		must(r->held.n == 0 && (!r->in_body || r->body.framing == HTTP_TO_END),
		    "half an answer");
		must(r->replies == s->requests && r->errors == s->errors,
		    "answers and their count");
	}
	buf_free(&r->held);
	s->protocol->close(s);
	must(fuzz_held() <= held, "something is left");
}

static bool
holds(const uint8_t *p, size_t n, const char *word)
{
	size_t i, len = strlen(word);

	for (i = 0; i + len <= n; i++)
		if (memcmp(p + i, word, len) == 0)
			return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct result whole, pieces;
	bool strict;

	if (n < 2)
		return 0;
	strict = !holds(p + 2, n - 2, "HEAD");
	run(&whole, p + 2, n - 2, false, 0, strict);
	run(&pieces, p + 2, n - 2, p[0] & 1, 1 + ((uint32_t)p[1] << 8 | p[0]), strict);
	/* who expects 100 is answered according to what is here already */
	if (!whole.whole || !pieces.whole || holds(p + 2, n - 2, "00-"))
		return 0;
	must(whole.requests == pieces.requests && whole.errors == pieces.errors,
	    "the counts depend on the pieces");
	must(fuzz_sum_equal(&whole.in.sum, &pieces.in.sum), "the answers depend on the pieces");
	return 0;
}
