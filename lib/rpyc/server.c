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

#include "rpyc/session.h"

#define RESERVE 512      /* bytes of memory that an idle session keeps for input */
#define ARGS_MAX 6       /* arguments of a handler */
#define HANDLER_MAX 4096 /* values of what should be a handler's number */

/* ---- handlers: answer a request; true: the answer comes later ---- */

/* What a handler works on. */
struct rpyc_request {
	struct rpyc_boxed arg[ARGS_MAX + 1]; /* room for one too many */
	unsigned n;                          /* number of arguments */
	enum rpyc_kind kind; /* of the first one, if it is a reference to an object */
	size_t index;        /* of ours: see rpyc_resolve() */
	bool refs;           /* it may hold references to objects of the peer's */
	int64_t handler;
	struct rpyc_walk walk;   /* over the boxed argument tuple */
	struct rpyc_boxed tuple; /* that; label 0: not yet come to */
	uint64_t total;          /* its items, if they are boxed */
};

/* The name argument of an attribute request: a str, or bytes. False: answered. */
static bool
attribute(struct rpyc_session *s, const struct rpyc_boxed *x, struct brine_value *name)
{
	struct brine at = x->at;

	if (x->label != RPYC_VALUE || !brine_get(&at, name)
	    || (name->type != BRINE_STR && name->type != BRINE_BYTES)) {
		rpyc_raise(s, "TypeError", "name must be a string");
		return false;
	}
	if (!name->p) {
		rpyc_raise(s, "AttributeError", "attribute name too long");
		return false;
	}
	name->type = BRINE_STR;
	if (name->n > 200) /* longer than any that exists: cut off for error texts */
		name->n = 200;
	return true;
}

static bool
no_attribute(struct rpyc_session *s, enum rpyc_kind kind, const struct brine_value *name)
{
	int n = (int)name->n;
	const char *p = (const char *)name->p;

	if (n > 0 && p[0] == '_')
		return rpyc_raise(s, "AttributeError", "cannot access '%.*s'", n, p);
	return rpyc_raise(s, "AttributeError", "'%s' object has no attribute '%.*s'",
	    rpyc_kind_name(kind), n, p);
}

static bool
handle_ping(struct rpyc_session *s, struct rpyc_request *r)
{
	if (r->arg[0].label != RPYC_VALUE || s->elided)
		return rpyc_raise(s, "ValueError", "PING takes a plain value of moderate length");
	return rpyc_answer_copy(s, r->arg[0].at);
}

static bool
handle_close(struct rpyc_session *s, struct rpyc_request *r)
{
	(void)r;
	s->closing = true; /* a stock peer does not answer either */
	return false;
}

static bool
handle_getroot(struct rpyc_session *s, struct rpyc_request *r)
{
	(void)r;
	return rpyc_answer_ref(s, RPYC_ROOT, 0);
}

static bool
handle_getattr(struct rpyc_session *s, struct rpyc_request *r)
{
	struct brine_value name;
	size_t i;

	if (!attribute(s, &r->arg[1], &name))
		return false;
	if (r->kind != RPYC_ROOT || (i = rpyc_method_find(name.p, name.n)) == RPYC_METHODS)
		return no_attribute(s, r->kind, &name);
	return rpyc_answer_ref(s, RPYC_METHOD, i);
}

/* The positional and keyword arguments that begin at argument i; false: answered. */
static bool
call_arguments(struct rpyc_session *s, const struct rpyc_request *r, unsigned i,
    struct rpyc_items *args, struct rpyc_items *kwargs)
{
	*kwargs = (struct rpyc_items){ .n = 0 };
	if (rpyc_items(&r->arg[i], args) && (r->n <= i + 1 || rpyc_items(&r->arg[i + 1], kwargs)))
		return true;
	rpyc_raise(s, "TypeError", "arguments must be tuples");
	return false;
}

static bool
handle_call(struct rpyc_session *s, struct rpyc_request *r)
{
	struct rpyc_items args, kwargs;

	if (!call_arguments(s, r, 1, &args, &kwargs))
		return false;
	if (r->kind != RPYC_METHOD)
		return rpyc_raise(s, "TypeError", "'%s' object is not callable",
		    rpyc_kind_name(r->kind));
	return rpyc_call(s, r->index, args, kwargs);
}

/* A call without arguments is likely to come again. */
static void
expect_again(struct rpyc_session *s, size_t method)
{
	struct brine body = brine_span(&s->in.retained);

	if (!s->in.simple)
		return;
	body.p = s->seq.end;
	brine_copy(&s->in.known, body);
	s->again = method;
}

static bool
handle_callattr(struct rpyc_session *s, struct rpyc_request *r)
{
	struct rpyc_items args, kwargs;
	struct brine_value name;
	size_t i;

	if (!attribute(s, &r->arg[1], &name) || !call_arguments(s, r, 2, &args, &kwargs))
		return false;
	if (r->kind >= RPYC_LIST && kwargs.n > 0)
		return rpyc_raise(s, "TypeError", "%.*s() takes no keyword arguments", (int)name.n,
		    (const char *)name.p);
	if (r->kind >= RPYC_LIST)
		return rpyc_list_call(s, r->index, &name, args);
	if (r->kind == RPYC_ROOT && (i = rpyc_method_find(name.p, name.n)) != RPYC_METHODS) {
		if (args.n + kwargs.n == 0)
			expect_again(s, i);
		return rpyc_call(s, i, args, kwargs);
	}
	return no_attribute(s, r->kind, &name);
}

static bool
handle_repr(struct rpyc_session *s, struct rpyc_request *r)
{
	char text[100];

	if (r->kind >= RPYC_LIST)
		return rpyc_list_repr(s, r->index);
	if (r->kind == RPYC_ROOT)
		return rpyc_answer_str(s, "<" RPYC_CLASS " object at 0x1>");
	snprintf(text, sizeof text, "<bound method " RPYC_CLASS ".%s>", rpyc_method_name(r->index));
	return rpyc_answer_str(s, text);
}

/* An object is equal to itself, and a list to one of the same items; every other comparison is left
 * to the peer. */
static bool
handle_cmp(struct rpyc_session *s, struct rpyc_request *r)
{
	struct brine other = r->arg[1].at, at = r->arg[2].at;
	struct brine_value op;
	enum rpyc_kind kind = RPYC_NONE;
	size_t index = 0;
	bool eq;

	if (r->arg[2].label != RPYC_VALUE || !brine_get(&at, &op))
		return rpyc_raise(s, "TypeError", "the comparison must be a string");
	if (r->arg[1].label == RPYC_LOCAL_REF)
		kind = rpyc_resolve(s, &other, &index);
	eq = brine_is(&op, "__eq__");
	if ((!eq && !brine_is(&op, "__ne__")) || kind != r->kind
	    || (kind != RPYC_LIST && index != r->index))
		return rpyc_answer_tag(s, BRINE_TAG_NOTIMPLEMENTED);
	if (kind == RPYC_LIST && !rpyc_list_equal(s, index, r->index))
		eq = !eq;
	return rpyc_answer_tag(s, eq ? BRINE_TAG_TRUE : BRINE_TAG_FALSE);
}

static bool
handle_hash(struct rpyc_session *s, struct rpyc_request *r)
{
	if (r->kind == RPYC_LIST)
		return rpyc_raise(s, "TypeError", "unhashable type: 'list'");
	return rpyc_answer_int(s, r->kind * 100000u + r->index);
}

/* The names of the methods of an object (only the root has any), or (name, doc) pairs. */
static bool
answer_names(struct rpyc_session *s, enum rpyc_kind kind, bool docs)
{
	struct buf *b = rpyc_answer_value(s);
	size_t i, n = kind == RPYC_ROOT ? RPYC_METHODS : 0;

	brine_put_tuple(b, (uint32_t)n);
	for (i = 0; i < n; i++) {
		if (docs)
			brine_put_tuple(b, 2);
		brine_put_str(b, rpyc_method_name(i));
		if (docs)
			buf_byte(b, BRINE_TAG_NONE);
	}
	return rpyc_message_end(s);
}

static bool
handle_dir(struct rpyc_session *s, struct rpyc_request *r)
{
	return answer_names(s, r->kind, false);
}

/* The methods that a proxy of the object should have. */
static bool
handle_inspect(struct rpyc_session *s, struct rpyc_request *r)
{
	struct brine at = r->arg[0].at;
	enum rpyc_kind kind;
	size_t index;

	if ((kind = rpyc_resolve(s, &at, &index)) == RPYC_NONE)
		return rpyc_raise_key(s, r->arg[0].at);
	return answer_names(s, kind, true);
}

static bool
handle_pickle(struct rpyc_session *s, struct rpyc_request *r)
{
	(void)r;
	return rpyc_raise(s, "ValueError", "pickling is disabled");
}

static bool
handle_del(struct rpyc_session *s, struct rpyc_request *r)
{
	struct brine_value count = { .i = 1, .fits = true };
	struct brine at = r->arg[r->n - 1].at;

	if (r->n == 2
	    && (!brine_get(&at, &count) || count.type != BRINE_INT || !count.fits || count.i < 0))
		return rpyc_raise(s, "TypeError", "the count must be an int");
	/* those to the root and its methods are always the same: releasing them means nothing */
	if (r->kind >= RPYC_LIST)
		rpyc_object_release(s, r->index, (uint64_t)count.i);
	return rpyc_answer_tag(s, BRINE_TAG_NONE);
}

static bool
handle_buffiter(struct rpyc_session *s, struct rpyc_request *r)
{
	struct brine_value count;
	struct brine at = r->arg[1].at;

	if (r->arg[1].label != RPYC_VALUE || !brine_get(&at, &count) || count.type != BRINE_INT)
		return rpyc_raise(s, "TypeError", "the count must be an int");
	if (r->kind < RPYC_LIST)
		return rpyc_raise(s, "TypeError", "'%s' object is not iterable",
		    rpyc_kind_name(r->kind));
	if (!count.fits || count.i < 0)
		return rpyc_raise(s, "ValueError",
		    "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.");
	return rpyc_list_buffiter(s, r->index, count.i);
}

/* object: the first argument must be a reference to an object of ours. handle is NULL where
 * access is denied to all of them. */
static const struct {
	unsigned min, max;
	bool object;
	bool (*handle)(struct rpyc_session *, struct rpyc_request *);
} handlers[RPYC_HANDLERS] = {
	[RPYC_PING] = { .min = 1, .max = 1, .handle = handle_ping },
	[RPYC_CLOSE] = { .handle = handle_close },
	[RPYC_GETROOT] = { .handle = handle_getroot },
	[RPYC_GETATTR] = { .min = 2, .max = 2, .object = true, .handle = handle_getattr },
	[RPYC_DELATTR] = { .min = 2, .max = 2, .object = true },
	[RPYC_SETATTR] = { .min = 3, .max = 3, .object = true },
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
	[RPYC_OLDSLICING] = { .min = 6, .max = 6, .object = true },
	[RPYC_CTXEXIT] = { .min = 2, .max = 2, .object = true },
	[RPYC_INSTANCECHECK] = { .min = 2, .max = 2, .object = true },
};

/* The argument that came last, if any has, ends there. */
static void
end_argument(struct rpyc_request *r, const unsigned char *end)
{
	if (r->n > 0 && r->n <= ARGS_MAX)
		r->arg[r->n - 1].at.end = end;
}

/* A boxed value of the argument tuple, at any depth: false: answered with an exception. */
static bool
read_boxed(struct rpyc_session *s, struct rpyc_request *r)
{
	struct rpyc_walk *w = &r->walk;
	struct rpyc_boxed *x = &w->x;
	struct rpyc_boxed *arg = NULL;
	struct brine at = x->at;
	enum rpyc_kind kind;
	struct rpyc_id id;
	size_t index;

	if (r->tuple.label == 0) {
		r->tuple = *x;
		r->total = w->items;
	} else if (w->ahead + 1 + r->n == r->total) {
		end_argument(r, w->begin);
		arg = &r->arg[r->n < ARGS_MAX ? r->n : ARGS_MAX];
		*arg = *x;
		r->n++;
	}
	switch (x->label) {
	case RPYC_LOCAL_REF:
		if ((kind = rpyc_resolve(s, &at, &index)) == RPYC_NONE)
			return rpyc_raise_key(s, x->at);
		rpyc_walked_id(w, at.p, &s->work);
		if (arg == r->arg) {
			r->kind = kind;
			r->index = index;
		}
		return true;
	case RPYC_REMOTE_REF:
		r->refs = true;
		return rpyc_id(x->at, &id)
		    || rpyc_raise(s, "ValueError", "REMOTE_REF without an id_pack");
	case RPYC_TUPLE:
	case RPYC_VALUE: return true;
	default: return rpyc_raise(s, "ValueError", "invalid label %" PRId64, x->label);
	}
}

/* Read the boxed argument tuple of a request: all of it must be well-formed, and each reference
 * to an object of ours to one there is. WALK_BAD: answered, as a stock peer does before it looks at
 * the handler. WALK_OVER: s->whole ends where the tuple ends, and r->arg are its items. */
static enum rpyc_walked
read_arguments(struct rpyc_session *s, struct rpyc_request *r)
{
	struct rpyc_walk *w = &r->walk;
	uint64_t before = s->work;
	struct rpyc_items plain;
	enum rpyc_walked step;

	while ((step = rpyc_walk(w, &s->work)) == WALK_BOXED)
		if (!read_boxed(s, r))
			return WALK_BAD;
	if (step == WALK_BAD && w->x.label == RPYC_TUPLE)
		rpyc_raise(s, "TypeError", "TUPLE without a tuple");
	else if (step == WALK_BAD)
		rpyc_raise(s, "ValueError", "arguments are not boxed");
	s->values += before - s->work; /* each that is passed is one */
	if (step != WALK_OVER)
		return step;
	s->whole.end = w->at.p;
	s->elided = w->elided;
	end_argument(r, w->at.p);
	if (r->n > 0)
		return WALK_OVER;
	r->tuple.at.end = w->at.p;
	/* it has no items, or was boxed as a whole */
	if (!rpyc_items(&r->tuple, &plain)) {
		rpyc_raise(s, "TypeError", "arguments must be a tuple");
		return WALK_BAD;
	}
	if (s->values > RPYC_VALUES_AT_ONCE && plain.n > 1) {
		rpyc_raise(s, "MemoryError", "arguments have too many parts");
		return WALK_BAD;
	}
	while (r->n <= ARGS_MAX && rpyc_item(&plain, &r->arg[r->n]))
		r->n++;
	return WALK_OVER;
}

static bool
dispatch(struct rpyc_session *s, struct rpyc_request *r)
{
	int64_t handler = r->handler;

	if (r->n < handlers[handler].min || r->n > handlers[handler].max)
		return rpyc_raise(s, "TypeError", "handler %d takes %u to %u arguments",
		    (int)handler, handlers[handler].min, handlers[handler].max);
	if (handlers[handler].object && r->kind == RPYC_NONE)
		return rpyc_raise(s, "AttributeError", "not an object of this service");
	if (!handlers[handler].handle)
		return rpyc_raise(s, "AttributeError", "access denied");
	return handlers[handler].handle(s, r);
}

/* Go on with a request whose arguments are read. True: that is not over. */
static bool
proceed(struct rpyc_session *s, struct rpyc_request *r)
{
	enum rpyc_walked step = read_arguments(s, r);

	if (step == WALK_PAUSED)
		return true;
	/* whatever the outcome, each reference in the request is released once */
	if (!(step == WALK_OVER && dispatch(s, r)) && (r->refs || step != WALK_OVER))
		rpyc_release_all(s, s->whole);
	if (r->handler == RPYC_DEL || r->handler == RPYC_CLOSE)
		s->base.requests--; /* nobody counts these as requests */
	return false;
}

static bool
read_on(struct rpyc_session *s)
{
	if (proceed(s, s->request))
		return rpyc_pause(s, read_on);
	free(s->request);
	s->request = NULL;
	return true;
}

/* False: this is no request. */
static bool
answer_request(struct rpyc_session *s, struct brine b)
{
	struct rpyc_request r;
	struct brine key, at;
	struct rpyc_items none = { .n = 0 };
	uint64_t one = 1, work = HANDLER_MAX;

	s->elided = false;
	s->values = 0;
	if (s->in.again) {
		s->whole = (struct brine){ b.end, b.end };
		rpyc_call(s, s->again, none, none);
		return true;
	}
	if (!brine_tuple(&b, 2))
		return rpyc_raise(s, "ValueError", "request is not a pair") || true;
	key = at = b;
	r.n = 0;
	r.kind = RPYC_NONE;
	r.index = 0;
	r.refs = false;
	r.handler = 0;
	if (!brine_pass(&b, &one, NULL, &work))
		b.p = b.end; /* cut off: nothing follows */
	else if (one > 0)
		return false;
	key.end = b.p;
	s->whole = b;
	if (s->in.overflow) {
		rpyc_raise(s, "MemoryError", "arguments have too many parts");
		rpyc_release_all(s, s->whole);
		return true;
	}
	if (!brine_int(&at, &r.handler) || r.handler <= 0 || r.handler >= RPYC_HANDLERS) {
		rpyc_raise_key(s, key);
		rpyc_release_all(s, s->whole);
		return true;
	}
	r.walk = (struct rpyc_walk){ .at = b, .ahead = 1 };
	r.tuple.label = 0;
	if (!proceed(s, &r))
		return true;
	if (!(s->request = malloc(sizeof r))) {
		s->base.out.failed = true;
		return true;
	}
	*s->request = r;
	rpyc_pause(s, read_on);
	return true;
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
	if (s->in.type != RPYC_REQUEST || !rpyc_seq(&b, &seq) || !brine_tuple(&b, 2)
	    || !brine_int(&b, &handler))
		return false;
	if (handler == RPYC_PING)
		return true;
	if ((handler != RPYC_CALL && handler != RPYC_CALLATTR) || !rpyc_get_label(&b, &label)
	    || label != RPYC_TUPLE || !brine_get(&b, &v) || !rpyc_get_label(&b, &label)
	    || label != RPYC_LOCAL_REF)
		return false;
	kind = rpyc_resolve(s, &b, &index);
	if (handler == RPYC_CALL)
		return kind == RPYC_METHOD && index == OP_ECHO;
	if (kind == RPYC_NONE || !rpyc_get_label(&b, &label) || !brine_get(&b, &v) || !v.p)
		return false;
	return kind == RPYC_LIST ? brine_is(&v, "__contains__")
				 : rpyc_method_find(v.p, v.n) == OP_ECHO;
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
		if (!answer_request(s, b))
			give_up(s);
	} else if (brine_int(&seq, &n) && n >= 0) {
		rpyc_remote_answer(s, (uint64_t)n, s->in.type == RPYC_EXCEPTION, b);
	}
}

/* Is the message that is here, or as far as it is, a step towards a request? While calls wait for
 * the peer only what they wait for is: a call is not kept by others beside it. */
static bool
is_step(const struct rpyc_session *s)
{
	struct brine b = brine_span(&s->in.retained), seq;
	int64_t n;

	if (s->in.type == RPYC_REQUEST)
		return b.p < b.end && !s->remote_calls;
	return s->remote_calls && rpyc_seq(&b, &seq) && brine_int(&seq, &n) && n >= 0
	    && rpyc_remote_waits(s, (uint64_t)n);
}

/* n more bytes were taken, and with them a message was completed or begun, or a part of it came:
 * has the peer made a step? */
static void
count_progress(struct rpyc_session *s, enum rpyc_status status, size_t n)
{
	bool begins = s->in.begun && !s->begun, much;

	s->progress_bytes += n;
	much = s->progress_bytes >= PROGRESS_BYTES;
	if (much)
		s->progress_bytes = 0;
	if ((begins || much || status == RPYC_MESSAGE) && is_step(s)) {
		s->base.progress++;
		s->begun = true;
	}
	if (!s->in.begun)
		s->begun = false;
}

/* What follows from what was read. */
static void
after(struct rpyc_session *s, enum rpyc_status status)
{
	if (status == RPYC_MESSAGE)
		message(s);
	else if (status == RPYC_BAD)
		give_up(s);
}

/* Others had their turn. What is inflated already, if anything, goes first. */
static bool
receive_on(struct rpyc_session *s)
{
	size_t none;

	if (s->in.more)
		after(s, rpyc_read(&s->in, (const unsigned char *)"", 0, &none));
	return true;
}

/* Set base.want and what goes with it (wait_ns and service_time are up to s->resume). */
static void
update_want(struct rpyc_session *s)
{
	struct server_session *base = &s->base;

	if (base->out.pending == 0)
		s->borrowed = false;
	if (s->work == 0 && !s->resume)
		rpyc_pause(s, receive_on);
	base->want = base->out.failed ? WANT_CLOSE
	    : base->out.pending > 0   ? WANT_OUTPUT
	    : s->resume               ? WANT_WAIT
	    : s->closing              ? WANT_CLOSE
				      : WANT_INPUT;
	base->idle = base->want == WANT_INPUT && !s->in.begun && !s->remote_calls;
	if (base->idle)
		buf_clear(&s->in.retained, RESERVE);
}

static struct server_session *
rpyc_open(const struct service *service)
{
	struct rpyc_session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->base.protocol = &rpyc_server_protocol;
	s->service = service;
	s->in.max = service->max_payload + RPYC_HOLD_MAX;
	s->in.hold_max = (size_t)echo_limit(service);
	s->in.hold = hold;
	s->in.ctx = s;
	s->in.work = &s->work;
	s->work = WORK_MAX;
	update_want(s);
	return &s->base;
}

static void
rpyc_close(struct server_session *base)
{
	struct rpyc_session *s = (struct rpyc_session *)base;

	rpyc_remote_free(s);
	rpyc_release_free(s);
	free(s->request);
	rpyc_reader_free(&s->in);
	out_free(&s->base.out);
	free(s->object);
	free(s);
}

static size_t
rpyc_input(struct server_session *base, const unsigned char *p, size_t n)
{
	struct rpyc_session *s = (struct rpyc_session *)base;
	enum rpyc_status status;
	size_t taken = 0, k;

	while (taken < n && s->work > 0 && !s->closing && !s->resume && !s->borrowed
	    && s->base.out.pending < RPYC_OUT_MAX) {
		s->in.retain_max = rpyc_room(s);
		status = rpyc_read(&s->in, p + taken, n - taken, &k);
		taken += k;
		count_progress(s, status, k);
		after(s, status);
		if (base->one_request && !s->in.begun)
			break;
	}
	update_want(s);
	return taken;
}

static void
rpyc_end_input(struct server_session *base)
{
	struct rpyc_session *s = (struct rpyc_session *)base;

	base->errors += s->in.begun || s->remote_calls; /* cut off */
	rpyc_remote_free(s);
	s->closing = true;
	update_want(s);
}

static void
rpyc_resume(struct server_session *base)
{
	struct rpyc_session *s = (struct rpyc_session *)base;
	bool (*resume)(struct rpyc_session *) = s->resume;

	s->resume = NULL; /* unless the call sets it again */
	s->work = WORK_MAX;
	if (!resume(s))
		rpyc_release_all(s, s->whole);
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
