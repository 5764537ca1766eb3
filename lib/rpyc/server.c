/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: a session answers the requests of a stock client, or of ours,
 * in the dialect it finds.
 *
 * Timing follows from two rules: each answer is ready as soon as its request is complete
 * (that of DEL too: a stock client's next request waits in its kernel until then), and
 * answers to requests that came together leave together. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpyc/list.h"
#include "rpyc/methods.h"
#include "rpyc/objects.h"
#include "rpyc/remote_args.h"
#include "rpyc/reply.h"

#define OUT_MAX  65536          /* with this much to send, no more requests are taken */
#define ARGS_MAX 6              /* arguments of a handler */

/* ---- handlers ---- */

/* What a handler works on. */
struct request {
	struct rpyc_boxed arg[ARGS_MAX + 1];    /* room for one too many */
	unsigned n;                     /* number of arguments */
	struct brine whole;             /* the boxed argument tuple */
	enum rpyc_kind kind;            /* of the first one, if it is a reference to an object */
	size_t index;                   /* of ours: see rpyc_resolve() */
	bool waits;                     /* the answer comes later, and references stay held */
};

/* The name argument of an attribute request: a str, or bytes. False: answered. */
static bool
attribute(struct rpyc_session *s, const struct rpyc_boxed *x, struct brine_value *name)
{
	struct brine at = x->at;

	if (x->label != RPYC_VALUE || !brine_get(&at, name) ||
	    (name->type != BRINE_STR && name->type != BRINE_BYTES))
		return rpyc_raise(s, "TypeError", "name must be a string");
	if (!name->p)
		return rpyc_raise(s, "AttributeError", "attribute name too long");
	name->type = BRINE_STR;
	return true;
}

static void
no_attribute(struct rpyc_session *s, enum rpyc_kind kind, const struct brine_value *name)
{
	int n = (int)(name->n < 200 ? name->n : 200);
	const char *p = (const char *)name->p;

	if (n > 0 && p[0] == '_')
		rpyc_raise(s, "AttributeError", "cannot access '%.*s'", n, p);
	else
		rpyc_raise(s, "AttributeError", "'%s' object has no attribute '%.*s'",
		    rpyc_kind_name(kind), n, p);
}

static void
handle_ping(struct rpyc_session *s, struct request *r)
{
	struct brine at = r->arg[0].at;
	bool elided = false;
	struct buf *b;

	brine_skip(&at, &elided);
	if (r->arg[0].label != RPYC_VALUE || elided) {
		rpyc_raise(s, "ValueError", "PING takes a plain value of moderate length");
		return;
	}
	b = rpyc_answer(s);
	rpyc_put_label(b, RPYC_VALUE);
	buf_add(b, r->arg[0].at.p, (size_t)(at.p - r->arg[0].at.p));
	rpyc_message_end(s);
}

static void
handle_close(struct rpyc_session *s, struct request *r)
{
	(void)r;
	s->closing = true;      /* a stock peer does not answer either */
}

static void
handle_getroot(struct rpyc_session *s, struct request *r)
{
	(void)r;
	rpyc_put_ref(rpyc_answer(s), RPYC_REMOTE_REF, "builtins.object", 1, 1);
	rpyc_message_end(s);
}

static void
handle_getattr(struct rpyc_session *s, struct request *r)
{
	struct brine_value name;
	size_t i;

	if (!attribute(s, &r->arg[1], &name))
		return;
	if (r->kind != RPYC_ROOT || (i = rpyc_method_find(name.p, name.n)) == RPYC_METHODS) {
		no_attribute(s, r->kind, &name);
		return;
	}
	/* always the same reference: releasing it means nothing */
	rpyc_put_ref(rpyc_answer(s), RPYC_REMOTE_REF, "builtins.method", 2, (int64_t)i + 1);
	rpyc_message_end(s);
}

static void
handle_refused(struct rpyc_session *s, struct request *r)
{
	(void)r;
	rpyc_raise(s, "AttributeError", "access denied");
}

/* The positional and keyword arguments that begin at argument i; false: answered. */
static bool
call_arguments(struct rpyc_session *s, const struct request *r, unsigned i,
    struct rpyc_items *args, struct rpyc_items *kwargs)
{
	memset(kwargs, 0, sizeof *kwargs);
	return (rpyc_items(&r->arg[i], args) &&
	    (r->n <= i + 1 || rpyc_items(&r->arg[i + 1], kwargs))) ||
	    rpyc_raise(s, "TypeError", "arguments must be tuples");
}

static void
handle_call(struct rpyc_session *s, struct request *r)
{
	struct rpyc_items args, kwargs;

	if (!call_arguments(s, r, 1, &args, &kwargs))
		return;
	if (r->kind == RPYC_METHOD)
		r->waits = rpyc_call(s, r->index, args, kwargs, r->whole);
	else
		rpyc_raise(s, "TypeError", "'%s' object is not callable", rpyc_kind_name(r->kind));
}

static void
handle_callattr(struct rpyc_session *s, struct request *r)
{
	struct rpyc_items args, kwargs;
	struct brine_value name;
	size_t i;

	if (!attribute(s, &r->arg[1], &name) || !call_arguments(s, r, 2, &args, &kwargs))
		return;
	if (r->kind == RPYC_LIST || r->kind == RPYC_ITERATOR) {
		if (kwargs.n > 0)
			rpyc_raise(s, "TypeError", "%.*s() takes no keyword arguments",
			    (int)(name.n < 200 ? name.n : 200), (const char *)name.p);
		else
			rpyc_list_call(s, r->index, &name, args);
	} else if (r->kind == RPYC_ROOT && (i = rpyc_method_find(name.p, name.n)) != RPYC_METHODS) {
		r->waits = rpyc_call(s, i, args, kwargs, r->whole);
	} else {
		no_attribute(s, r->kind, &name);
	}
}

static void
handle_repr(struct rpyc_session *s, struct request *r)
{
	char text[100];

	switch (r->kind) {
	case RPYC_LIST:
	case RPYC_ITERATOR:
		rpyc_list_repr(s, r->index);
		break;
	case RPYC_METHOD:
		snprintf(text, sizeof text, "<bound method " RPYC_CLASS ".%s>",
		    rpyc_method_name(r->index));
		rpyc_answer_str(s, text);
		break;
	default:
		rpyc_answer_str(s, "<" RPYC_CLASS " object at 0x1>");
		break;
	}
}

/* An object is equal to itself; every other comparison is left to the peer. */
static void
handle_cmp(struct rpyc_session *s, struct request *r)
{
	struct brine at = r->arg[2].at;
	struct brine_value op;
	enum rpyc_kind kind = RPYC_NONE;
	size_t index = 0;
	bool eq, ne;

	if (r->arg[2].label != RPYC_VALUE || !brine_get(&at, &op)) {
		rpyc_raise(s, "TypeError", "the comparison must be a string");
		return;
	}
	eq = brine_is(&op, "__eq__");
	ne = brine_is(&op, "__ne__");
	at = r->arg[1].at;
	if (r->arg[1].label == RPYC_LOCAL_REF)
		kind = rpyc_resolve(s, &at, &index);
	if ((eq || ne) && kind == r->kind && index == r->index)
		rpyc_answer_tag(s, eq ? BRINE_TAG_TRUE : BRINE_TAG_FALSE);
	else
		rpyc_answer_tag(s, BRINE_TAG_NOTIMPLEMENTED);
}

static void
handle_hash(struct rpyc_session *s, struct request *r)
{
	if (r->kind == RPYC_LIST)
		rpyc_raise(s, "TypeError", "unhashable type: 'list'");
	else
		rpyc_answer_int(s, r->kind * 100000u + r->index);
}

static void
handle_dir(struct rpyc_session *s, struct request *r)
{
	struct buf *b = rpyc_answer(s);
	size_t i;

	rpyc_put_label(b, RPYC_VALUE);
	if (r->kind == RPYC_ROOT) {
		brine_put_tuple(b, RPYC_METHODS);
		for (i = 0; i < RPYC_METHODS; i++)
			brine_put_str(b, rpyc_method_name(i));
	} else {
		brine_put_tuple(b, 0);
	}
	rpyc_message_end(s);
}

static void
handle_pickle(struct rpyc_session *s, struct request *r)
{
	(void)r;
	rpyc_raise(s, "ValueError", "pickling is disabled");
}

static void
handle_del(struct rpyc_session *s, struct request *r)
{
	struct brine_value count = { .i = 1, .fits = true };
	struct brine at = r->arg[r->n - 1].at;

	if (r->n == 2 && (!brine_get(&at, &count) || count.type != BRINE_INT || !count.fits ||
	    count.i < 0)) {
		rpyc_raise(s, "TypeError", "the count must be an int");
		return;
	}
	if (r->kind == RPYC_LIST || r->kind == RPYC_ITERATOR)
		rpyc_object_release(s, r->index, (uint64_t)count.i);
	rpyc_answer_tag(s, BRINE_TAG_NONE);
}

/* The methods that a proxy of the object should have: (name, doc) pairs. */
static void
handle_inspect(struct rpyc_session *s, struct request *r)
{
	struct brine at = r->arg[0].at;
	size_t index, i;
	struct buf *b;

	switch (rpyc_resolve(s, &at, &index)) {
	case RPYC_NONE:
		rpyc_raise_key(s, r->arg[0].at);
		break;
	case RPYC_ROOT:
		b = rpyc_answer(s);
		rpyc_put_label(b, RPYC_VALUE);
		brine_put_tuple(b, RPYC_METHODS);
		for (i = 0; i < RPYC_METHODS; i++) {
			brine_put_tuple(b, 2);
			brine_put_str(b, rpyc_method_name(i));
			buf_byte(b, BRINE_TAG_NONE);
		}
		rpyc_message_end(s);
		break;
	default:
		rpyc_answer_tag(s, BRINE_TAG_EMPTY_TUPLE);
		break;
	}
}

static void
handle_buffiter(struct rpyc_session *s, struct request *r)
{
	struct brine_value count;
	struct brine at = r->arg[1].at;

	if (r->arg[1].label != RPYC_VALUE || !brine_get(&at, &count) || count.type != BRINE_INT)
		rpyc_raise(s, "TypeError", "the count must be an int");
	else if (r->kind != RPYC_LIST && r->kind != RPYC_ITERATOR)
		rpyc_raise(s, "TypeError", "'%s' object is not iterable", rpyc_kind_name(r->kind));
	else
		rpyc_list_buffiter(s, r->index,
		    count.fits ? count.i : count.negative ? 0 : INT64_MAX);
}

/* object: the first argument must be a reference to an object of ours. */
static const struct {
	unsigned min, max;
	bool object;
	void (*handle)(struct rpyc_session *, struct request *);
} handlers[RPYC_HANDLERS] = {
	[RPYC_PING] = { .min = 1, .max = 1, .handle = handle_ping },
	[RPYC_CLOSE] = { .handle = handle_close },
	[RPYC_GETROOT] = { .handle = handle_getroot },
	[RPYC_GETATTR] = { .min = 2, .max = 2, .object = true, .handle = handle_getattr },
	[RPYC_DELATTR] = { .min = 2, .max = 2, .object = true, .handle = handle_refused },
	[RPYC_SETATTR] = { .min = 3, .max = 3, .object = true, .handle = handle_refused },
	[RPYC_CALL] = { .min = 2, .max = 3, .object = true, .handle = handle_call },
	[RPYC_CALLATTR] = { .min = 3, .max = 4, .object = true, .handle = handle_callattr },
	[RPYC_REPR] = { .min = 1, .max = 1, .object = true, .handle = handle_repr },
	[RPYC_STR] = { .min = 1, .max = 1, .object = true, .handle = handle_repr },
	[RPYC_CMP] = { .min = 3, .max = 3, .object = true, .handle = handle_cmp },
	[RPYC_HASH] = { .min = 1, .max = 1, .object = true, .handle = handle_hash },
	[RPYC_DIR] = { .min = 1, .max = 1, .object = true, .handle = handle_dir },
	[RPYC_PICKLE] = { .min = 2, .max = 2, .object = true, .handle = handle_pickle },
	[RPYC_DEL] = { .min = 1, .max = 2, .object = true, .handle = handle_del },
	[RPYC_INSPECT] = { .min = 1, .max = 1, .handle = handle_inspect },
	[RPYC_BUFFITER] = { .min = 2, .max = 2, .object = true, .handle = handle_buffiter },
	[RPYC_OLDSLICING] = { .min = 6, .max = 6, .object = true, .handle = handle_refused },
	[RPYC_CTXEXIT] = { .min = 2, .max = 2, .object = true, .handle = handle_refused },
	[RPYC_INSTANCECHECK] = { .min = 2, .max = 2, .object = true, .handle = handle_refused },
};

/* Read the boxed argument tuple of a request: all of it must be well-formed, and each reference
 * to an object of ours to one there is. False: answered, as a stock peer does before it looks at
 * the handler. Otherwise r->whole ends where the tuple ends, r->arg are its items if these are
 * boxed, and *refs tells whether any refers to an object of the peer's. */
static bool
read_arguments(struct rpyc_session *s, struct request *r, bool *refs)
{
	static const char not_boxed[] = "arguments are not boxed";
	struct brine b = r->whole;
	struct rpyc_boxed inner, *x;
	struct rpyc_id id;
	uint64_t ahead, items, total = 0;
	enum rpyc_kind kind;
	size_t index;
	bool found = false;

	for (ahead = 1; ahead > 0; ahead--) {
		x = &inner;
		if (ahead + r->n == total) {
			x = &r->arg[r->n < ARGS_MAX ? r->n : ARGS_MAX];
			r->n++;
		}
		if (!brine_tuple(&b, 2) || !brine_int(&b, &x->label))
			return rpyc_raise(s, "ValueError", not_boxed);
		x->at = b;
		switch (x->label) {
		case RPYC_TUPLE:
			if (!brine_items(&b, &items))
				return rpyc_raise(s, "TypeError", "TUPLE without a tuple");
			if (r->n == 0)
				total = items;
			ahead += items;
			continue;
		case RPYC_LOCAL_REF:
			if ((kind = rpyc_resolve(s, &b, &index)) == RPYC_NONE)
				return rpyc_raise_key(s, x->at);
			if (x == &r->arg[0]) {
				r->kind = kind;
				r->index = index;
			}
			continue;
		case RPYC_REMOTE_REF:
			if (!rpyc_id(b, &id))
				return rpyc_raise(s, "ValueError",
				    "REMOTE_REF without an id_pack");
			found = true;
			break;
		case RPYC_VALUE:
			break;
		default:
			return rpyc_raise(s, "ValueError", "invalid label %" PRId64, x->label);
		}
		if (!brine_skip(&b, NULL))
			return rpyc_raise(s, "ValueError", not_boxed);
	}
	r->whole.end = b.p;
	*refs = found;
	return true;
}

/* The same where r->arg is empty so far: the tuple has no items, or was boxed as a whole. */
static bool
read_plain_arguments(struct rpyc_session *s, struct request *r)
{
	struct brine at = r->whole;
	struct rpyc_items items;
	struct rpyc_boxed boxed;

	if (!rpyc_boxed(&at, &boxed) || !rpyc_items(&boxed, &items))
		return rpyc_raise(s, "TypeError", "arguments must be a tuple");
	while (r->n <= ARGS_MAX && rpyc_item(&items, &r->arg[r->n]))
		r->n++;
	return true;
}

static void
dispatch(struct rpyc_session *s, struct request *r, int64_t handler)
{
	if (r->n == 0 && !read_plain_arguments(s, r))
		return;
	if (r->n < handlers[handler].min || r->n > handlers[handler].max)
		rpyc_raise(s, "TypeError", "handler %d takes %u to %u arguments",
		    (int)handler, handlers[handler].min, handlers[handler].max);
	else if (handlers[handler].object && r->kind == RPYC_NONE)
		rpyc_raise(s, "AttributeError", "not an object of this service");
	else
		handlers[handler].handle(s, r);
}

/* Whatever the outcome, each reference in the request is released once. */
static void
answer_request(struct rpyc_session *s, struct brine b)
{
	struct request r;
	struct brine key, at;
	int64_t handler = 0;
	bool refs = true;

	if (!brine_tuple(&b, 2)) {
		rpyc_raise(s, "ValueError", "request is not a pair");
		return;
	}
	key = at = b;
	if (!brine_skip(&b, NULL))
		b.p = b.end;            /* cut off: nothing follows */
	r.n = 0;
	r.kind = RPYC_NONE;
	r.index = 0;
	r.waits = false;
	r.whole = b;
	if (s->in.overflow)
		rpyc_raise(s, "MemoryError", "arguments have too many parts");
	else if (!brine_int(&at, &handler) || handler <= 0 || handler >= RPYC_HANDLERS)
		rpyc_raise_key(s, key);
	else if (read_arguments(s, &r, &refs))
		dispatch(s, &r, handler);
	if (refs && !r.waits)
		rpyc_release_all(s, r.whole);
	if (handler == RPYC_DEL || handler == RPYC_CLOSE)
		s->base.requests--;     /* nobody counts these as requests */
}

/* ---- the session ---- */

/* Must the long string that begins now be held? Yes if it will be sent back (PING, echo) or
 * compared (the operator "in"). in.retained has the request up to it. */
static bool
hold(void *ctx)
{
	struct rpyc_session *s = ctx;
	struct brine b = brine_span(&s->in.retained), seq;
	struct brine_value v;
	enum rpyc_kind kind;
	int64_t handler, label;
	size_t index;

	/* called for each string of a message: must not take time that grows with the message */
	if (s->in.type != RPYC_REQUEST || !rpyc_seq(&b, &seq) || !brine_tuple(&b, 2) ||
	    !brine_int(&b, &handler))
		return false;
	if (handler == RPYC_PING)
		return true;
	if ((handler != RPYC_CALL && handler != RPYC_CALLATTR) ||
	    !brine_tuple(&b, 2) || !brine_int(&b, &label) || label != RPYC_TUPLE ||
	    !brine_get(&b, &v) || !brine_tuple(&b, 2) || !brine_int(&b, &label) ||
	    label != RPYC_LOCAL_REF)
		return false;
	kind = rpyc_resolve(s, &b, &index);
	if (handler == RPYC_CALL)
		return kind == RPYC_METHOD && index == OP_ECHO;
	if (kind == RPYC_NONE || !brine_tuple(&b, 2) ||
	    !brine_int(&b, &label) || !brine_get(&b, &v) || !v.p)
		return false;
	return kind == RPYC_LIST ? brine_is(&v, "__contains__") :
	    rpyc_method_find(v.p, v.n) == OP_ECHO;
}

/* Set base.want and what goes with it. */
static void
update_want(struct rpyc_session *s)
{
	struct server_session *base = &s->base;

	if (s->base.out.pending == 0)
		s->borrowed = false;
	if (s->base.out.failed) {
		base->want = WANT_CLOSE;
	} else if (s->base.out.pending > 0) {
		base->want = WANT_OUTPUT;
	} else if (s->busy == RPYC_DUE) {
		base->want = WANT_WAIT;
	} else if (s->busy == RPYC_SLEEP) {
		base->want = WANT_WAIT;
		base->wait_ns = s->sleep_ns;
	} else if (s->busy == RPYC_COMPUTE) {
		base->want = WANT_WAIT;
		base->wait_ns = 0;
	} else {
		base->want = s->closing ? WANT_CLOSE : WANT_INPUT;
	}
	base->service_time = s->busy == RPYC_DUE;
	base->idle = base->want == WANT_INPUT && !s->in.begun && !s->remote_calls;
	if (base->idle)
		buf_clear(&s->in.retained, RPYC_RETAINED);
}

static struct server_session *
rpyc_open(const struct service *service)
{
	struct rpyc_session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->base.protocol = &rpyc_server_protocol;
	s->service = service;
	s->in.max = service->max_payload + RPYC_RETAIN_MAX;
	s->in.hold_max = (size_t)echo_limit(service);
	s->in.hold = hold;
	s->in.ctx = s;
	update_want(s);
	return &s->base;
}

static void
rpyc_close(struct server_session *base)
{
	struct rpyc_session *s = (struct rpyc_session *)base;

	rpyc_remote_free(s);
	rpyc_reader_free(&s->in);
	out_free(&s->base.out);
	buf_free(&s->message);
	free(s->object);
	free(s);
}

/* The input is useless: send CLOSE in the peer's dialect, if that is known, and close. */
static void
give_up(struct rpyc_session *s)
{
	s->base.errors++;
	s->closing = true;
	rpyc_remote_free(s);
	if (s->in.dialect != 0) {
		rpyc_put_request(rpyc_request(s), RPYC_CLOSE, 0);
		rpyc_message_end(s);
	}
}

/* A message is complete. */
static void
message(struct rpyc_session *s)
{
	struct brine b = brine_span(&s->in.retained), seq;
	int64_t n;

	if (!rpyc_seq(&b, &seq)) {
		give_up(s);
	} else if (s->in.type == RPYC_REQUEST) {
		s->base.requests++;
		s->seq = seq;
		answer_request(s, b);
	} else if (brine_int(&seq, &n) && n >= 0) {
		rpyc_remote_answer(s, (uint64_t)n, s->in.type == RPYC_EXCEPTION, b);
	}
}

static size_t
rpyc_input(struct server_session *base, const unsigned char *p, size_t n)
{
	struct rpyc_session *s = (struct rpyc_session *)base;
	bool begun = s->in.begun;
	size_t taken = 0, k;

	while (taken < n && !s->closing && s->busy == RPYC_READY && !s->borrowed &&
	    s->base.out.pending < OUT_MAX) {
		switch (rpyc_read(&s->in, p + taken, n - taken, &k)) {
		case RPYC_MESSAGE:
			base->progress++;
			message(s);
			break;
		case RPYC_BAD:
			give_up(s);
			break;
		default:
			break;
		}
		taken += k;
		if ((s->progress_bytes += k) >= PROGRESS_BYTES) {
			s->progress_bytes = 0;
			base->progress++;
		}
		if (base->one_request && !s->in.begun)
			break;
	}
	if (s->in.begun && !begun)
		base->progress++;
	update_want(s);
	return taken;
}

static void
rpyc_end_input(struct server_session *base)
{
	struct rpyc_session *s = (struct rpyc_session *)base;

	base->errors += s->in.begun || s->remote_calls;         /* cut off */
	rpyc_remote_free(s);
	s->closing = true;
	update_want(s);
}

static void
rpyc_resume(struct server_session *base)
{
	struct rpyc_session *s = (struct rpyc_session *)base;
	struct buf *b;
	char text[40];
	size_t n;

	if (s->busy == RPYC_DUE) {
		rpyc_call_due(s);
	} else if (s->busy == RPYC_SLEEP) {
		b = rpyc_answer(s);
		rpyc_put_label(b, RPYC_VALUE);
		buf_add(b, s->slept.p, (size_t)(s->slept.end - s->slept.p));
		rpyc_message_end(s);
		s->busy = RPYC_READY;
	} else if (s->busy == RPYC_COMPUTE && compute_run(&s->compute)) {
		n = compute_text(&s->compute, text);
		b = rpyc_answer(s);
		rpyc_put_label(b, RPYC_VALUE);
		if (s->compute.hi == 0 && s->compute.lo < 160)
			brine_put_int(b, (int64_t)s->compute.lo);
		else
			brine_put_int_text(b, text, n);
		rpyc_message_end(s);
		s->busy = RPYC_READY;
	}
	update_want(s);
}

static void
rpyc_drained(struct server_session *base)
{
	update_want((struct rpyc_session *)base);
}

const struct server_protocol rpyc_server_protocol = {
	.scheme = "rpc",
	.port = 18812,
	.open = rpyc_open,
	.close = rpyc_close,
	.input = rpyc_input,
	.end = rpyc_end_input,
	.resume = rpyc_resume,
	.drained = rpyc_drained,
};
