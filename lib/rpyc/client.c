/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side: calls methods of a server's root object, stock or ours.
 *
 * By default a call is one CALLATTR request, the cheapest exchange there is; with -N it is
 * what a stock Python client sends: GETATTR, CALL, and a DEL whose reply is not waited for. While a
 * call is in progress the server may send requests of its own, which are answered at once: that is
 * how it fetches the chunks of upload_file_chunked.
 *
 * With several calls outstanding the peer may answer in any order: replies are matched by
 * their sequence numbers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "payload.h"
#include "rpyc/client_session.h"
#include "service.h"

/* A peer that leaves this much unread, payload not counted, keeps sending requests without reading
 * the answers. */
#define OUT_MAX (2 * RPYC_RETAIN_MAX)
#define OUT_RESERVE 65536       /* memory kept for requests that are sent together */

/* A reply may be this much larger than the data expected, so that a wrong one, or an exception
 * with all its text, is reported as such. Anything larger fails at once. */
#define REPLY_SLACK ((uint64_t)1 << 20)

/* The operation of the call. */
static const struct operation *
operation(const struct rpyc_client *c)
{
	return &operations[c->call.op];
}

static void
update_want(struct rpyc_client *c)
{
	if (c->base.want != WANT_CLOSE)
		c->base.want = c->base.out.pending > 0 ? WANT_OUTPUT : WANT_INPUT;
}

/* ---- requests ---- */

static void
getroot_send(struct rpyc_client *c)
{
	rpyc_put_request(rpyc_request_begin(c), RPYC_GETROOT, 0);
	rpyc_request_send(c);
	c->step = STEP_ROOT;
}

/* The name of the method the call is about: of a URL's path the part before the first "/". */
static size_t
method_name(const struct rpyc_client *c, const char **name)
{
	if (c->call.op == OP_NAMED) {
		*name = c->conf->name;
		return strcspn(*name, "/");
	}
	*name = operation(c)->method;
	return strlen(*name);
}

static void
getattr_send(struct rpyc_client *c)
{
	struct buf *b = rpyc_request_begin(c);
	const char *name;
	size_t n = method_name(c, &name);

	rpyc_put_request(b, RPYC_GETATTR, 2);
	rpyc_put_ref_raw(b, RPYC_LOCAL_REF, c->root.p, c->root.n);
	rpyc_put_label(b, RPYC_VALUE);
	brine_put_str_n(b, name, n);
	rpyc_request_send(c);
	c->step = STEP_ATTR;
}

/* Begin the request that calls the method, up to the label of its arguments. */
static struct buf *
call_begin(struct rpyc_client *c, enum rpyc_label arguments)
{
	struct buf *b = rpyc_request_begin(c);
	const char *name;
	size_t at = b->n, n;

	if (c->prefix.n > 0) {
		buf_add(b, c->prefix.p, c->prefix.n);
		return b;
	}
	if (c->conf->native) {
		rpyc_put_request(b, RPYC_CALL, 3);
		rpyc_put_ref_raw(b, RPYC_LOCAL_REF, c->method.p, c->method.n);
	} else {
		rpyc_put_request(b, RPYC_CALLATTR, 3);
		rpyc_put_ref_raw(b, RPYC_LOCAL_REF, c->root.p, c->root.n);
		rpyc_put_label(b, RPYC_VALUE);
		n = method_name(c, &name);
		brine_put_str_n(b, name, n);
	}
	rpyc_put_label(b, arguments);
	if (!c->conf->native)
		buf_add(&c->prefix, b->p + at, b->n - at);
	return b;
}

/* Complete it; n payload bytes are the end of its arguments. A stock client always sends
 * keyword arguments, if only (); others may leave them out. */
static void
call_send(struct rpyc_client *c, uint64_t at, uint64_t n)
{
	static const char nothing[] = { 0x11, 0x51, 0x02 };

	rpyc_send(c, at, n, nothing, c->conf->native ? sizeof nothing : 0);
	c->next_seq++;
}

/* One argument of a URL's path: an int or float if it reads as one, else a str. */
static void
put_argument(struct buf *b, const char *p, size_t n)
{
	size_t minus = n > 1 && *p == '-';
	char text[64], *end;
	uint64_t v;
	double f;

	if (num_digits(p + minus, n - minus, &v) && v <= INT64_MAX) {
		brine_put_int(b, minus ? -(int64_t)v : (int64_t)v);
		return;
	}
	if (n > minus && n - minus <= BRINE_INT_DIGITS_MAX &&
	    strspn(p + minus, "0123456789") >= n - minus) {
		brine_put_int_text(b, p, n);
		return;
	}
	if (n < sizeof text && strspn(p + minus, "0123456789.") >= n - minus) {
		memcpy(text, p, n);
		text[n] = '\0';
		f = strtod(text, &end);
		if (n > 0 && *end == '\0') {
			brine_put_float(b, f);
			return;
		}
	}
	brine_put_str_n(b, p, n);
}

static void
named_send(struct rpyc_client *c)
{
	const char *p = c->conf->name;
	uint64_t n = c->call.sized ? c->call.size : 0;
	uint32_t count = c->call.sized;
	struct buf *b;
	size_t i;

	for (i = 0; p[i]; i++)
		count += p[i] == '/';
	b = call_begin(c, RPYC_VALUE);
	brine_put_tuple(b, count);
	for (p += strcspn(p, "/"); *p; p += strcspn(p, "/")) {
		p++;
		put_argument(b, p, strcspn(p, "/"));
	}
	if (c->call.sized)
		brine_put_bytes_head(b, (uint32_t)n);
	call_send(c, 0, n);
}

/* A call whose argument is n bytes of the payload, or whose first is the number n. */
static void
simple_send(struct rpyc_client *c, uint64_t at, uint64_t n)
{
	const struct operation *o = operation(c);
	int nargs = o->form == FORM_STREAM ? 1 : o->nargs;
	struct buf *b = call_begin(c, RPYC_VALUE);

	brine_put_tuple(b, (uint32_t)nargs);
	if (o->sends) {
		brine_put_bytes_head(b, (uint32_t)n);
		call_send(c, at, n);
		return;
	}
	if (nargs > 0)
		brine_put_int(b, (int64_t)n);
	if (nargs > 1)
		brine_put_int(b, (int64_t)c->call.chunk);
	call_send(c, 0, 0);
}

/* A call whose argument is a list of the payload's chunks, by reference. */
static void
chunked_send(struct rpyc_client *c)
{
	brine_put_tuple(call_begin(c, RPYC_TUPLE), 1);
	rpyc_put_export(c);
	call_send(c, 0, 0);
}

static void
stream_send(struct rpyc_client *c)
{
	while (c->base.ok && c->sent < rpyc_pieces(c) && c->sent - c->answered < RPYC_WINDOW) {
		c->stream_seq[c->sent % RPYC_WINDOW] = c->next_seq;
		simple_send(c, c->sent * c->call.chunk, rpyc_piece(c, c->sent));
		c->sent++;
	}
}

/* The method is known: call it. */
static void
call_start(struct rpyc_client *c)
{
	const struct operation *o = operation(c);

	rpyc_await(c, c->next_seq);
	c->step = STEP_CALL;
	if (c->call.op == OP_NAMED) {
		named_send(c);
	} else if (o->form == FORM_STREAM) {
		c->step = STEP_STREAM;
		c->sent = c->answered = 0;
		stream_send(c);
	} else if (o->form == FORM_CHUNKED && o->sends) {
		chunked_send(c);
	} else {
		simple_send(c, 0, c->call.size);
	}
}

/* The root is known: go on to the call. */
static void
method_start(struct rpyc_client *c)
{
	if (c->call.op == OP_HELLO)
		rpyc_call_finish(c, NULL);
	else if (c->conf->native)
		getattr_send(c);
	else
		call_start(c);
}

/* CALLATTR of a method without arguments on what download_file_chunked returned. */
static void
item_send(struct rpyc_client *c, const struct buf *id_pack, const char *name)
{
	rpyc_put_callattr(rpyc_request_begin(c), brine_span(id_pack), name);
	rpyc_request_send(c);
}

/* ---- replies ---- */

/* Compare data of a reply with what it must be (-C). */
static void
check_data(struct rpyc_client *c, const unsigned char *p, size_t n)
{
	const unsigned char *fill;
	size_t k;

	if (!c->conf->check || c->base.outstanding == 0 || operation(c)->reply == REPLY_ANY)
		return;
	if (operation(c)->reply == REPLY_PAYLOAD) {
		if (!payload_equal(c->conf->payload, c->seen, p, n))
			c->differs = true;
		c->seen += n;
		return;
	}
	fill = fill_block(operation(c)->fill);
	for (; n > 0; n -= k, p += k) {
		k = n < FILL_SIZE ? n : FILL_SIZE;
		if (memcmp(p, fill, k) != 0)
			c->differs = true;
	}
}

static void
sink(void *ctx, const unsigned char *p, size_t n)
{
	struct rpyc_client *c = ctx;

	if (c->in.type == RPYC_REPLY)
		check_data(c, p, n);
}

/* Is the reply n bytes of data? Says what is wrong, or NULL. */
static const char *
expect_data(struct rpyc_client *c, const struct rpyc_boxed *x, uint64_t n)
{
	struct brine at = x->at;
	struct brine_value v;

	if (x->label != RPYC_VALUE || !brine_get(&at, &v) || v.type != BRINE_BYTES)
		return "a reply that is not bytes";
	if (v.len != n) {
		snprintf(c->base.error, sizeof c->base.error, "a reply of %" PRIu64
		    " bytes, expected %" PRIu64, v.len, n);
		return c->base.error;
	}
	if (v.p)
		check_data(c, v.p, v.n);
	return c->differs ? "a reply of the right length but the wrong content" : NULL;
}

/* Is it the int n? */
static const char *
expect_int(struct rpyc_client *c, const struct rpyc_boxed *x, uint64_t n)
{
	struct brine at = x->at;
	struct brine_value v;

	if (x->label != RPYC_VALUE || !brine_get(&at, &v) || v.type != BRINE_INT)
		return "a reply that is not an int";
	if (!v.fits)
		return "a reply that is an int beyond 64 bits";
	if (v.i < 0 || (uint64_t)v.i != n) {
		snprintf(c->base.error, sizeof c->base.error, "the server received %" PRId64
		    " bytes of %" PRIu64, v.i, n);
		return c->base.error;
	}
	return NULL;
}

static const char *
expect_pong(const struct rpyc_boxed *x)
{
	static const unsigned char pong[] = {
		BRINE_TAG_STR, BRINE_TAG_BYTES_4, 'p', 'o', 'n', 'g'
	};
	struct brine at = x->at;
	struct brine_value v;

	if (x->label == RPYC_VALUE && at.end - at.p == sizeof pong &&
	    memcmp(at.p, pong, sizeof pong) == 0)
		return NULL;
	/* it may be encoded in a longer form */
	return x->label == RPYC_VALUE && brine_get(&at, &v) && brine_is(&v, "pong") ? NULL :
	    "a reply that is not 'pong'";
}

/* Complete the call, unless what came is wrong. */
static void
result(struct rpyc_client *c, const char *error)
{
	rpyc_release_id(c, &c->method);
	rpyc_release_id(c, &c->iterator);
	rpyc_release_id(c, &c->list);
	rpyc_call_finish(c, error);
}

/* The reply to the call itself; true: it is a reference, and kept. */
static bool
call_answered(struct rpyc_client *c, const struct rpyc_boxed *x)
{
	switch (operation(c)->reply) {
	case REPLY_ANY:
		result(c, NULL);
		break;
	case REPLY_PONG:
		result(c, expect_pong(x));
		break;
	case REPLY_PAYLOAD:
	case REPLY_FILL:
		result(c, expect_data(c, x, c->call.size));
		break;
	case REPLY_SIZE:
		result(c, operation(c)->form == FORM_CHUNKED && c->exported != c->call.size
		    ? "the server did not fetch all chunks" : expect_int(c, x, c->call.size));
		break;
	case REPLY_CHUNKS:
		if (!rpyc_theirs(x)) {
			result(c, "a reply that is not a list by reference");
			break;
		}
		rpyc_release_id(c, &c->method);
		brine_copy(&c->list, x->at);
		c->got = 0;
		c->step = STEP_ITER;
		item_send(c, &c->list, "__iter__");
		return true;
	}
	return false;
}

static void
chunk_answered(struct rpyc_client *c, const struct rpyc_boxed *x)
{
	uint64_t n = rpyc_piece(c, c->got / c->call.chunk);
	const char *error = c->got == c->call.size ? "more chunks than expected" :
	    expect_data(c, x, n);

	if (error) {
		result(c, error);
		return;
	}
	c->got += n;
	item_send(c, &c->iterator, "__next__");
}

static void
stream_answered(struct rpyc_client *c, const struct rpyc_boxed *x)
{
	uint64_t n = rpyc_piece(c, c->answered);
	const char *error = NULL;

	if (x && c->base.ok)
		error = operation(c)->sends ? expect_int(c, x, n) : expect_data(c, x, n);
	if (error)
		rpyc_call_fail(c, error);
	c->answered++;
	stream_send(c);
	if (c->answered == c->sent)
		result(c, NULL);
	else
		rpyc_await(c, c->stream_seq[c->answered % RPYC_WINDOW]);
}

/* Is this 'pong', as a server encodes it? Then nothing has to be parsed. */
static bool
is_plain_pong(struct brine body)
{
	static const unsigned char pong[] = { BRINE_TAG_TUPLE_1 + 1, BRINE_TAG_INT_0 + RPYC_VALUE,
	    BRINE_TAG_STR, BRINE_TAG_BYTES_4, 'p', 'o', 'n', 'g' };

	return body.end - body.p == sizeof pong && memcmp(body.p, pong, sizeof pong) == 0;
}

static void
replied(struct rpyc_client *c, struct brine body)
{
	struct brine whole = body;
	struct rpyc_boxed x;
	bool kept = false;

	if (c->step == STEP_CALL && operation(c)->reply == REPLY_PONG && is_plain_pong(body)) {
		result(c, NULL);
		return;
	}
	if (!rpyc_boxed(&body, &x)) {
		rpyc_lost(c, "a reply that is not boxed");
		return;
	}
	switch (c->step) {
	case STEP_ROOT:
		if (!rpyc_theirs(&x)) {
			rpyc_lost(c, "a root that is not a reference");
			return;
		}
		brine_copy(&c->root, x.at);
		kept = true;
		method_start(c);
		break;
	case STEP_ATTR:
		if (!rpyc_theirs(&x)) {
			result(c, "a method that is not a reference");
			break;
		}
		brine_copy(&c->method, x.at);
		kept = true;
		call_start(c);
		break;
	case STEP_CALL:
		kept = call_answered(c, &x);
		break;
	case STEP_ITER:
		if (!rpyc_theirs(&x)) {
			result(c, "an iterator that is not a reference");
			break;
		}
		brine_copy(&c->iterator, x.at);
		kept = true;
		c->step = STEP_NEXT;
		item_send(c, &c->iterator, "__next__");
		break;
	case STEP_NEXT:
		chunk_answered(c, &x);
		break;
	case STEP_STREAM:
		stream_answered(c, &x);
		break;
	}
	if (!kept && x.label != RPYC_VALUE)     /* a plain value refers to nothing */
		rpyc_drop(c, whole);
}

static void
raised(struct rpyc_client *c, struct brine body)
{
	char text[sizeof c->base.error];

	if (c->step == STEP_NEXT && rpyc_stop_iteration(body)) {
		if (c->got == c->call.size) {
			result(c, NULL);
			return;
		}
		snprintf(text, sizeof text, "%" PRIu64 " bytes of chunks, expected %" PRIu64,
		    c->got, c->call.size);
	} else {
		rpyc_exception_text(body, text, sizeof text);
	}
	if (c->step == STEP_STREAM) {
		rpyc_call_fail(c, text);
		stream_answered(c, NULL);
	} else {
		result(c, text);
	}
}

/* ---- the protocol ---- */

static struct client_session *
rpyc_open(const struct client_conf *conf)
{
	struct rpyc_client *c;
	size_t places = 1;

	while (places < conf->depth)
		places *= 2;
	if (!(c = calloc(1, sizeof *c + places * sizeof *c->pending)))
		return NULL;
	c->mask = places - 1;
	c->base.out.reserve = conf->depth > 1 ? OUT_RESERVE : 0;
	c->base.protocol = &rpyc_client_protocol;
	c->base.dialect = conf->dialect ? conf->dialect : 6;
	c->conf = conf;
	c->in.sink = sink;
	c->in.ctx = c;
	c->base.want = WANT_INPUT;
	return &c->base;
}

static void
rpyc_close(struct client_session *base)
{
	struct rpyc_client *c = (struct rpyc_client *)base;

	rpyc_reader_free(&c->in);
	out_free(&c->base.out);
	buf_free(&c->message);
	buf_free(&c->root);
	buf_free(&c->prefix);
	buf_free(&c->method);
	buf_free(&c->list);
	buf_free(&c->iterator);
	free(c);
}

static void
rpyc_begin_call(struct client_session *base, const struct call *call, void *token)
{
	struct rpyc_client *c = (struct rpyc_client *)base;
	uint64_t largest = call->size;

	c->token = token;
	if (base->outstanding++ > 0) {  /* the same as the others, so that its request can be made */
		call_start(c);
		if (c->base.out.failed)
			rpyc_lost(c, "out of memory");
		update_want(c);
		return;
	}
	if (c->call.op != call->op)
		buf_clear(&c->prefix, 512);
	c->call = *call;
	if (c->call.chunk == 0)
		c->call.chunk = c->call.size > 0 ? c->call.size : 1;
	c->seen = 0;
	c->differs = false;
	base->ok = true;
	base->error[0] = '\0';
	if (operation(c)->form != FORM_WHOLE && largest > c->call.chunk)
		largest = c->call.chunk;
	if (largest > RPYC_PAYLOAD_MAX - RPYC_RETAIN_MAX) {
		rpyc_call_finish(c, "a payload beyond what an RPyC frame can hold");
		return;
	}
	/* a named method may return anything; data that cannot be compressed becomes a little
	 * longer by it */
	c->in.max = call->op == OP_NAMED ? RPYC_PAYLOAD_MAX : largest + REPLY_SLACK;
	c->in.max_frame = c->in.max + c->in.max / 256;
	if (c->root.n == 0)
		getroot_send(c);
	else
		method_start(c);
	if (c->base.out.failed || c->root.failed)
		rpyc_lost(c, "out of memory");
	update_want(c);
}

/* Is it a request of the stream, but not the oldest one? */
static bool
out_of_turn(const struct rpyc_client *c, uint64_t seq)
{
	uint64_t i;

	if (c->step == STEP_STREAM)
		for (i = c->answered + 1; i < c->sent; i++)
			if (c->stream_seq[i % RPYC_WINDOW] == seq)
				return true;
	return false;
}

/* Find the call that waits for this reply, and take it out: c->token. False: there is none. */
static bool
find_call(struct rpyc_client *c, uint64_t seq)
{
	size_t i = seq & c->mask, n = c->mask + 1;
	struct rpyc_pending *p = &c->pending[i];

	for (; !p->used || p->seq != seq; p = &c->pending[i]) {
		if (--n == 0)
			return false;
		i = (i + 1) & c->mask;
	}
	p->used = false;
	c->token = p->token;
	return true;
}

/* A reply that no call waits for. */
static void
unasked(struct rpyc_client *c, uint64_t seq, struct brine body)
{
	if (c->base.outstanding > 0 && out_of_turn(c, seq)) {
		rpyc_lost(c, "a reply out of order");
	} else if (c->deletions == 0) {
		/* even if the first was good and its call is complete */
		rpyc_call_fail(c, "a second reply to a request");
		rpyc_lost(c, c->base.error);
	} else {
		c->deletions--;
		if (c->in.type == RPYC_REPLY)
			rpyc_drop(c, body);     /* to a DEL: mostly nothing */
	}
}

/* A message is complete. */
static void
message(struct rpyc_client *c)
{
	struct brine b = brine_span(&c->in.retained), seq;
	int64_t n;

	if (c->in.dialect != c->base.dialect) {
		c->base.retry_dialect = c->step == STEP_ROOT && c->base.outstanding > 0;
		c->base.dialect = c->in.dialect;
		rpyc_lost(c, "the peer speaks RPyC's other dialect");
		return;
	}
	if (c->in.type == RPYC_REQUEST) {
		if (rpyc_seq(&b, &seq))
			rpyc_requested(c, seq, b);
		else
			rpyc_lost(c, "a request with a sequence number of too many bytes");
		return;
	}
	if (!brine_int(&b, &n) || n < 0 || (uint64_t)n >= c->next_seq) {
		rpyc_lost(c, "a reply to a request that was never sent");
		return;
	}
	if (!find_call(c, (uint64_t)n)) {
		unasked(c, (uint64_t)n, b);
		return;
	}
	if (c->step == STEP_CALL)
		c->base.ok = true;      /* another one may have failed before */
	if (c->in.type == RPYC_EXCEPTION)
		raised(c, b);
	else if (c->in.overflow)
		rpyc_lost(c, "a reply of too many parts");
	else
		replied(c, b);
	c->seen = 0;
	c->differs = false;
}

static size_t
rpyc_input(struct client_session *base, const unsigned char *p, size_t n)
{
	struct rpyc_client *c = (struct rpyc_client *)base;
	unsigned outstanding = base->outstanding;
	size_t taken = 0, k;

	while (taken < n && base->want != WANT_CLOSE
	    && (base->outstanding == outstanding || base->outstanding == 0)) {
		switch (rpyc_read(&c->in, p + taken, n - taken, &k)) {
		case RPYC_MESSAGE:
			message(c);
			if (c->base.out.buf.n > OUT_MAX)
				rpyc_lost(c, "the peer does not read the answers to its requests");
			break;
		case RPYC_BAD:
			rpyc_lost(c, c->in.error);
			break;
		default:
			break;
		}
		taken += k;
	}
	if (c->base.out.failed || c->root.failed || c->method.failed || c->list.failed ||
	    c->iterator.failed)
		rpyc_lost(c, "out of memory");
	if (!c->in.begun)
		buf_clear(&c->in.retained, 512);    /* an idle connection keeps no more */
	update_want(c);
	return taken;
}

static void
rpyc_end_input(struct client_session *base)
{
	struct rpyc_client *c = (struct rpyc_client *)base;

	rpyc_lost(c, c->in.begun ? "the peer closed the connection in the middle of a message" :
	    "the peer closed the connection");
}

static void
rpyc_sent(struct client_session *base)
{
	update_want((struct rpyc_client *)base);
}

const struct client_protocol rpyc_client_protocol = {
	.hello = true,
	.open = rpyc_open,
	.close = rpyc_close,
	.begin = rpyc_begin_call,
	.input = rpyc_input,
	.end = rpyc_end_input,
	.sent = rpyc_sent,
};
