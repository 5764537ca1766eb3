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
#include "base/url.h"
#include "payload.h"
#include "rpyc/client_session.h"
#include "service.h"

/* A peer that leaves this much unread, payload not counted, keeps sending requests without reading
 * the answers. The queue's memory may be twice as much, and all else is little (RETAIN_MAX). */
#define OUT_MAX (RPYC_HOLD_MAX / 2)

/* Bytes retained of a message: a reply is a short value, a reference, or long data, which are not
 * retained. What it takes to walk over this much, and to release all that it refers to, is little.
 */
#define RETAIN_MAX ((size_t)64 << 10)
#define SETTLE_MAX 1000   /* a peer that never ceases to ask is settled */
#define OUT_RESERVE 65536 /* memory kept for requests that are sent together */

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
update_want(struct client_session *base)
{
	if (base->want != WANT_CLOSE)
		base->want = base->out.pending > 0 ? WANT_OUTPUT : WANT_INPUT;
}

/* ---- requests ---- */

/* A str: n bytes of a URL's path, decoded. */
static void
put_text(struct buf *b, const char *p, size_t n)
{
	const char *at, *end = p + n;
	uint32_t len = 0;

	for (at = p; at < end; len++)
		url_decode(&at);
	buf_byte(b, BRINE_TAG_STR);
	brine_put_bytes_head(b, len);
	for (at = p; at < end;)
		buf_byte(b, url_decode(&at));
}

/* The boxed name of the method the call is about: of a URL's path the part before the first "/". */
static void
put_method(const struct rpyc_client *c, struct buf *b)
{
	const char *name = c->call.op == OP_NAMED ? c->conf->name : operation(c)->method;

	rpyc_put_label(b, RPYC_VALUE);
	put_text(b, name, strcspn(name, "/"));
}

/* Begin the request that calls the method, up to the label of its arguments. */
static struct buf *
call_begin(struct rpyc_client *c, enum rpyc_label arguments)
{
	const struct buf *on = &c->ref[c->conf->native ? STEP_ATTR : STEP_ROOT];
	struct buf *b = rpyc_request_begin(c);
	size_t at = b->n;

	if (c->prefix.n > 0) {
		buf_add(b, c->prefix.p, c->prefix.n);
		return b;
	}
	rpyc_put_request(b, c->conf->native ? RPYC_CALL : RPYC_CALLATTR, 3);
	rpyc_put_ref_raw(b, RPYC_LOCAL_REF, on->p, on->n);
	if (!c->conf->native)
		put_method(c, b);
	rpyc_put_label(b, arguments);
	if (!c->conf->native)
		buf_add(&c->prefix, b->p + at, b->n - at);
	return b;
}

/* One argument of a URL's path: an int or a float if it is one in plain decimals, without zeros in
 * front that a number would lose; else a str. */
static void
put_argument(struct buf *b, const char *p, size_t n)
{
	size_t minus = n > 1 && *p == '-';
	size_t whole = strspn(p + minus, "0123456789"), point = p[minus + whole] == '.';
	size_t fraction = point ? strspn(p + minus + whole + 1, "0123456789") : 0;
	bool zeros = whole > 1 && p[minus] == '0';
	uint64_t v;

	if (minus + whole + point + fraction != n || whole + fraction == 0 || zeros
	    || (!point && whole > BRINE_INT_DIGITS_MAX))
		put_text(b, p, n);
	else if (point)
		brine_put_float(b, strtod(p, NULL)); /* up to the "/" or the end */
	else if (num_digits(p + minus, whole, &v) && v <= INT64_MAX)
		brine_put_int(b, minus ? -(int64_t)v : (int64_t)v);
	else
		brine_put_int_text(b, p, n);
}

/* The arguments in a URL's path, and n bytes of the payload if there shall be any. */
static void
put_named(struct buf *b, const char *path, bool sized, uint64_t n)
{
	uint32_t count = sized;
	size_t i;

	for (i = 0; path[i]; i++)
		count += path[i] == '/';
	brine_put_tuple(b, count);
	for (path += strcspn(path, "/"); *path; path += strcspn(path, "/")) {
		path++;
		put_argument(b, path, strcspn(path, "/"));
	}
	if (sized)
		brine_put_bytes_head(b, (uint32_t)n);
}

/* Call the method, with n bytes of the payload from position at on or with the number n, if it
 * takes either. */
static void
call_send(struct rpyc_client *c, uint64_t at, uint64_t n)
{
	const struct operation *o = operation(c);
	bool list = o->form == FORM_CHUNKED && o->sends, data = o->sends && !list;
	int nargs = o->form == FORM_STREAM ? 1 : o->nargs;
	struct buf *b = call_begin(c, list ? RPYC_TUPLE : RPYC_VALUE);

	if (c->call.op == OP_NAMED) {
		data = c->call.sized;
		put_named(b, c->conf->name, data, n);
	} else {
		brine_put_tuple(b, (uint32_t)nargs);
		if (list)
			rpyc_put_export(c, b);
		else if (data)
			brine_put_bytes_head(b, (uint32_t)n);
		else if (nargs > 0)
			brine_put_int(b, (int64_t)n);
		if (nargs > 1)
			brine_put_int(b, (int64_t)c->call.chunk);
	}
	/* a stock client always sends keyword arguments, if only (); others may leave them out */
	rpyc_request_send(c, at, data ? n : 0, c->conf->native ? "\x11\x51\x02" : "");
}

static void
stream_send(struct rpyc_client *c)
{
	while (c->base.ok && c->sent < rpyc_pieces(c) && c->sent - c->answered < RPYC_WINDOW) {
		call_send(c, c->sent * c->call.chunk, rpyc_piece(c, c->sent));
		c->sent++;
	}
}

/* The method is known: call it. */
static void
call_start(struct rpyc_client *c)
{
	if (operation(c)->form == FORM_STREAM) {
		c->step = STEP_STREAM;
		c->sent = c->answered = 0;
		stream_send(c);
	} else {
		c->step = STEP_CALL;
		call_send(c, 0, c->call.size);
	}
}

/* The hello is over once the peer is done with what it does as it is connected to. Its requests,
 * and its end if that fails, come before the reply to a PING; a peer that asked for nothing is
 * done. */
static void
settle(struct rpyc_client *c)
{
	struct buf *b;

	if (!c->asked || c->pings++ == SETTLE_MAX) {
		rpyc_call_finish(c, NULL);
		return;
	}
	c->asked = false;
	b = rpyc_request_begin(c);
	rpyc_put_request(b, RPYC_PING, 1);
	rpyc_put_tag(b, BRINE_TAG_NONE);
	rpyc_request_send(c, 0, 0, "");
	c->step = STEP_SETTLE;
}

/* The root is known: go on to the call. */
static void
method_start(struct rpyc_client *c)
{
	struct buf *b;

	if (c->call.op == OP_HELLO) {
		settle(c);
	} else if (c->conf->native) {
		b = rpyc_request_begin(c);
		rpyc_put_request(b, RPYC_GETATTR, 2);
		rpyc_put_ref_raw(b, RPYC_LOCAL_REF, c->ref[STEP_ROOT].p, c->ref[STEP_ROOT].n);
		put_method(c, b);
		rpyc_request_send(c, 0, 0, "");
		c->step = STEP_ATTR;
	} else {
		call_start(c);
	}
}

/* Call a method without arguments of what download_file_chunked returned. */
static void
item_send(struct rpyc_client *c, enum rpyc_step of, const char *name, enum rpyc_step step)
{
	rpyc_put_callattr(rpyc_request_begin(c), brine_span(&c->ref[of]), name);
	rpyc_request_send(c, 0, 0, "");
	c->step = step;
}

/* ---- replies ---- */

/* Compare data of a reply with what it must be (-C). */
static void
check_data(struct rpyc_client *c, const unsigned char *p, size_t n)
{
	struct payload fill = { .data = fill_block(operation(c)->fill), .period = FILL_SIZE };
	enum op_reply reply = operation(c)->reply;

	if (!c->conf->check || c->base.outstanding == 0 || reply == REPLY_ANY)
		return;
	if (!payload_equal(reply == REPLY_PAYLOAD ? c->conf->payload : &fill, c->seen, p, n))
		c->differs = true;
	c->seen += n;
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
expect_data(struct rpyc_client *c, const struct brine_value *v, uint64_t n)
{
	if (v->type != BRINE_BYTES)
		return "a reply that is not bytes";
	if (v->len != n) {
		snprintf(c->base.error, sizeof c->base.error,
		    "a reply of %" PRIu64 " bytes, expected %" PRIu64, v->len, n);
		return c->base.error;
	}
	if (v->p)
		check_data(c, v->p, v->n);
	return c->differs ? "a reply of the right length but the wrong content" : NULL;
}

/* Is it the int n? */
static const char *
expect_int(struct rpyc_client *c, const struct brine_value *v, uint64_t n)
{
	if (v->type != BRINE_INT)
		return "a reply that is not an int";
	if (!v->fits)
		return "a reply that is an int beyond 64 bits";
	if (v->i < 0 || (uint64_t)v->i != n) {
		snprintf(c->base.error, sizeof c->base.error,
		    "the server received %" PRId64 " bytes of %" PRIu64, v->i, n);
		return c->base.error;
	}
	return NULL;
}

/* Is it what the operation returns, for n bytes of payload? */
static const char *
expect(struct rpyc_client *c, const struct rpyc_boxed *x, uint64_t n)
{
	struct brine at = x->at;
	struct brine_value v;

	if (x->label != RPYC_VALUE || !brine_get(&at, &v))
		v.type = BRINE_INVALID;
	switch (operation(c)->reply) {
	case REPLY_ANY: return NULL;
	case REPLY_PONG: return brine_is(&v, "pong") ? NULL : "a reply that is not 'pong'";
	case REPLY_SIZE: return expect_int(c, &v, n);
	default: return expect_data(c, &v, n);
	}
}

/* Complete the call, unless what came is wrong. */
static void
result(struct rpyc_client *c, const char *error)
{
	rpyc_release_id(c, &c->ref[STEP_ATTR]);
	rpyc_release_id(c, &c->ref[STEP_ITER]);
	rpyc_release_id(c, &c->ref[STEP_CALL]);
	rpyc_call_finish(c, error);
}

/* Is it a reference as before RPyC 4.1: (number, class, module)? */
static bool
is_old_reference(const struct rpyc_boxed *x)
{
	struct brine at = x->at;
	struct brine_value v;

	return x->label == RPYC_REMOTE_REF && brine_tuple(&at, 3) && brine_get(&at, &v)
	    && v.type == BRINE_INT;
}

/* A reply that has to be a reference: keep it and go on, or fail. */
static bool
keep(struct rpyc_client *c, const struct rpyc_boxed *x)
{
	static const char *const error[RPYC_REFS] = {
		[STEP_ROOT] = "a root that is not a reference",
		[STEP_ATTR] = "a method that is not a reference",
		[STEP_ITER] = "an iterator that is not a reference",
		[STEP_CALL] = "a reply that is not a list by reference",
	};
	struct buf *ref = &c->ref[c->step];

	if (!rpyc_theirs(x)) {
		if (c->step == STEP_ROOT)
			rpyc_lost(c,
			    is_old_reference(x) ? "the peer's RPyC is 4.0 or older; the "
						  "oldest that can be measured is 4.1"
						: error[STEP_ROOT]);
		else
			result(c, error[c->step]);
		return false;
	}
	brine_copy(ref, x->at);
	c->base.out.failed |= ref->failed;
	if (c->step == STEP_ROOT) {
		method_start(c);
	} else if (c->step == STEP_ATTR) {
		call_start(c);
	} else if (c->step == STEP_ITER) {
		item_send(c, STEP_ITER, "__next__", STEP_NEXT);
	} else {
		rpyc_release_id(c, &c->ref[STEP_ATTR]);
		c->got = 0;
		item_send(c, STEP_CALL, "__iter__", STEP_ITER);
	}
	return true;
}

static void
chunk_answered(struct rpyc_client *c, const struct rpyc_boxed *x)
{
	uint64_t n = rpyc_piece(c, c->got / c->call.chunk);
	const char *error = c->got == c->call.size ? "more chunks than expected" : expect(c, x, n);

	if (error) {
		result(c, error);
		return;
	}
	c->got += n;
	item_send(c, STEP_ITER, "__next__", STEP_NEXT);
}

/* x: NULL if the reply was an exception. */
static void
stream_answered(struct rpyc_client *c, const struct rpyc_boxed *x)
{
	const char *error = x && c->base.ok ? expect(c, x, rpyc_piece(c, c->answered)) : NULL;

	if (error)
		rpyc_call_fail(c, error);
	c->answered++;
	stream_send(c);
	if (c->answered == c->sent)
		result(c, NULL);
}

/* Is this 'pong', as a server encodes it? Then nothing has to be parsed, and it is c->in.known. */
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
	enum op_reply reply = operation(c)->reply;
	struct brine whole = body;
	struct rpyc_boxed x;
	bool kept = false;

	if (c->step == STEP_CALL && reply == REPLY_PONG && (c->in.again || is_plain_pong(body))) {
		if (!c->in.again)
			brine_copy(&c->in.known, body);
		result(c, NULL);
		return;
	}
	if (!rpyc_get_label(&body, &x.label)) {
		rpyc_lost(c, "a reply that is not boxed");
		return;
	}
	if (c->in.overflow && x.label != RPYC_VALUE) {
		rpyc_lost(c, "a reply of too many parts");
		return;
	}
	x.at = body; /* all of the rest; cut short if it is a value of many parts */
	if (c->step < STEP_CALL || (c->step == STEP_CALL && reply == REPLY_CHUNKS))
		kept = keep(c, &x);
	else if (c->step == STEP_NEXT)
		chunk_answered(c, &x);
	else if (c->step == STEP_STREAM)
		stream_answered(c, &x);
	else if (c->step == STEP_SETTLE)
		settle(c);
	else if (operation(c)->form == FORM_CHUNKED && c->exported != c->call.size)
		result(c, "the server did not fetch all chunks");
	else
		result(c, expect(c, &x, c->call.size));
	if (!kept && x.label != RPYC_VALUE) /* a plain value refers to nothing */
		rpyc_drop(c, whole);
}

static void
raised(struct rpyc_client *c, struct brine body)
{
	char text[sizeof c->base.error];

	if (c->step == STEP_SETTLE) {
		settle(c); /* an answer, too */
		return;
	}
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
	size_t places = RPYC_WINDOW;

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
	c->in.retain_max = RETAIN_MAX;
	c->in.work = &c->base.work;
	c->base.work = UINT64_MAX;
	c->base.want = WANT_INPUT;
	return &c->base;
}

static void
rpyc_close(struct client_session *base)
{
	struct rpyc_client *c = (struct rpyc_client *)base;
	int i;

	rpyc_reader_free(&c->in);
	out_free(&c->base.out);
	buf_free(&c->prefix);
	for (i = 0; i < RPYC_REFS; i++)
		buf_free(&c->ref[i]);
	free(c);
}

/* Begin a call while no other is outstanding. */
static void
first_call(struct rpyc_client *c, const struct call *call)
{
	uint64_t largest = call->size;

	if (c->call.op != call->op)
		buf_clear(&c->prefix, 512);
	c->call = *call;
	if (c->call.chunk == 0)
		c->call.chunk = c->call.size > 0 ? c->call.size : 1;
	c->base.ok = true;
	c->base.error[0] = '\0';
	if (operation(c)->form != FORM_WHOLE && largest > c->call.chunk)
		largest = c->call.chunk;
	if (largest > RPYC_PAYLOAD_MAX - RPYC_HOLD_MAX) {
		rpyc_call_finish(c, "a payload beyond what an RPyC frame can hold");
		return;
	}
	/* a named method may return anything; data that cannot be compressed becomes a little
	 * longer by it */
	c->in.max = call->op == OP_NAMED ? RPYC_PAYLOAD_MAX : largest + REPLY_SLACK;
	c->in.max_frame = c->in.max + c->in.max / 256;
	if (c->ref[STEP_ROOT].n > 0) {
		method_start(c);
		return;
	}
	rpyc_put_request(rpyc_request_begin(c), RPYC_GETROOT, 0);
	rpyc_request_send(c, 0, 0, "");
	c->step = STEP_ROOT;
}

static void
rpyc_begin_call(struct client_session *base, const struct call *call, void *token)
{
	struct rpyc_client *c = (struct rpyc_client *)base;

	c->token = token;
	if (base->outstanding++ == 0)
		first_call(c, call);
	else
		call_start(c); /* the same as the others */
	if (base->out.failed)
		rpyc_lost(c, "out of memory");
	update_want(base);
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

/* Does a request before that one still wait for its reply? */
static bool
waits_before(const struct rpyc_client *c, uint64_t seq)
{
	size_t i;

	for (i = 0; i <= c->mask; i++)
		if (c->pending[i].used && c->pending[i].seq < seq)
			return true;
	return false;
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
		if (c->deletions == 0) {
			/* even if the first was good and its call is complete */
			rpyc_call_fail(c, "a second reply to a request");
			rpyc_lost(c, c->base.error);
		} else {
			c->deletions--;
			if (c->in.type == RPYC_REPLY)
				rpyc_drop(c, b); /* mostly nothing */
		}
		return;
	}
	if (c->step == STEP_STREAM && waits_before(c, (uint64_t)n)) {
		rpyc_lost(c, "a reply out of order");
		return;
	}
	if (c->step == STEP_CALL)
		c->base.ok = true; /* another one may have failed before */
	if (c->in.type == RPYC_EXCEPTION)
		raised(c, b);
	else
		replied(c, b);
}

static size_t
rpyc_input(struct client_session *base, const unsigned char *p, size_t n)
{
	struct rpyc_client *c = (struct rpyc_client *)base;
	unsigned outstanding = base->outstanding;
	size_t taken = 0, k;

	while ((taken < n || c->in.more) && base->work > 0 && base->want != WANT_CLOSE
	    && (base->outstanding == outstanding || base->outstanding == 0)) {
		switch (rpyc_read(&c->in, p + taken, n - taken, &k)) {
		case RPYC_MESSAGE:
			message(c);
			c->seen = 0;
			c->differs = false;
			if (out_held(&c->base.out) > OUT_MAX)
				rpyc_lost(c, "the peer does not read the answers to its requests");
			break;
		case RPYC_BAD: rpyc_lost(c, c->in.error); break;
		default: break;
		}
		taken += k;
	}
	if (c->base.out.failed)
		rpyc_lost(c, "out of memory");
	if (!c->in.begun)
		buf_clear(&c->in.retained, 512); /* an idle connection keeps no more */
	base->more = c->in.more;
	update_want(base);
	return taken;
}

static void
rpyc_end_input(struct client_session *base)
{
	struct rpyc_client *c = (struct rpyc_client *)base;
	char why[sizeof base->error];

	snprintf(why, sizeof why, "the peer closed the connection%s%s",
	    c->in.begun         ? " in the middle of a message"
		: c->refused[0] ? ", having been refused conn.root."
				: "",
	    c->in.begun ? "" : c->refused);
	rpyc_lost(c, why);
}

const struct client_protocol rpyc_client_protocol = {
	.hello = true,
	.open = rpyc_open,
	.close = rpyc_close,
	.begin = rpyc_begin_call,
	.input = rpyc_input,
	.end = rpyc_end_input,
	.sent = update_want,
};
