/* SPDX-License-Identifier: ISC */
/* Calls of the service whose arguments come by reference: the objects stay with the peer, and
 * what the call needs of them is requested, one item at a time, while the call waits. */
#include <stdio.h>
#include <stdlib.h>

#include "rpyc/session.h"

#define REMOTE_CALLS_MAX 64 /* calls of one connection that may wait for the peer */
#define EXCEPTION_MAX 65536 /* bytes of a peer's exception that are sent back to it */

/* Bytes that a call which waits may hold beside its message: two id_packs, each of a name and two
 * ints. */
#define CALL_BYTES (2 * ((size_t)RPYC_RETAIN_STRING + 2 * BRINE_INT_DIGITS_MAX))

/* What a call waits for: */
enum remote_state {
	REMOTE_ITER,  /* iter() of the argument */
	REMOTE_NEXT,  /* next() of the iterator */
	REMOTE_LENGTH /* len() of an item of the iterator, of an item of a tuple, or of
		       * the argument itself */
};

struct rpyc_remote_call {
	struct rpyc_remote_call *next;
	enum remote_state state;
	uint64_t waiting; /* sequence number of our request for it */
	uint64_t total;
	struct buf held;           /* the call's message */
	struct brine seq, whole;   /* in it; references are released with the call */
	struct rpyc_items items;   /* rest of a boxed tuple, in whole */
	struct buf iterator, item; /* id_packs; empty: none */
};

static void
remote_free(struct rpyc_remote_call *c)
{
	buf_free(&c->held);
	buf_free(&c->iterator);
	buf_free(&c->item);
	free(c);
}

void
rpyc_remote_free(struct rpyc_session *s)
{
	struct rpyc_remote_call *c;

	while ((c = s->remote_calls)) {
		s->remote_calls = c->next;
		remote_free(c);
	}
	s->nremote = 0;
	s->remote_bytes = 0;
}

/* A new call that waits; NULL: answered with an exception. */
static struct rpyc_remote_call *
remote_new(struct rpyc_session *s)
{
	struct rpyc_remote_call *c;

	if (s->nremote == REMOTE_CALLS_MAX
	    || (s->nremote > 0 && s->remote_bytes + s->in.retained.n > RPYC_HOLD_MAX / 2)) {
		rpyc_raise(s, "RecursionError", "too many calls wait for their arguments");
		return NULL;
	}
	if (!(c = calloc(1, sizeof *c))) {
		rpyc_raise(s, "MemoryError", "out of memory");
		return NULL;
	}
	/* the message's memory changes hands: it may be much */
	c->held = s->in.retained;
	s->in.retained = (struct buf){ .p = NULL };
	c->seq = s->seq;
	c->whole = s->whole;
	c->next = s->remote_calls;
	s->remote_calls = c;
	s->nremote++;
	s->remote_bytes += c->held.n + CALL_BYTES;
	return c;
}

/* The call is answered: release what it holds, of the peer's and of ours. */
static void
remote_end(struct rpyc_session *s, struct rpyc_remote_call *c)
{
	struct rpyc_remote_call **at;

	if (c->item.n > 0)
		rpyc_release(s, brine_span(&c->item));
	if (c->iterator.n > 0)
		rpyc_release(s, brine_span(&c->iterator));
	for (at = &s->remote_calls; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	s->nremote--;
	s->remote_bytes -= c->held.n + CALL_BYTES;
	rpyc_release_held(s, c->whole, &c->held);
	remote_free(c);
}

/* ---- the steps of a call. True: it waits; false: it has been answered ---- */

/* Request that of the object. */
static bool
ask(struct rpyc_session *s, struct rpyc_remote_call *c, enum remote_state what,
    struct brine id_pack)
{
	static const char *const method[] = { [REMOTE_ITER] = "__iter__",
		[REMOTE_NEXT] = "__next__",
		[REMOTE_LENGTH] = "__len__" };

	c->state = what;
	c->waiting = rpyc_ask(s, id_pack, method[what]);
	return true;
}

/* Add to the total of the call. False: it exceeds the limit, answered with MemoryError. */
static bool
add(struct rpyc_session *s, struct rpyc_remote_call *c, uint64_t n)
{
	return rpyc_within(s, c->total += n);
}

/* Go on with a tuple: lengths of plain items are known, those of references are requested. */
static bool
next_item(struct rpyc_session *s, struct rpyc_remote_call *c)
{
	struct rpyc_boxed x;
	uint64_t n;

	while (rpyc_item(&c->items, &x)) {
		if (rpyc_theirs(&x))
			return ask(s, c, REMOTE_LENGTH, x.at);
		if (!rpyc_len(s, &x, &n) || !add(s, c, n))
			return false;
	}
	return rpyc_answer_int(s, c->total);
}

bool
rpyc_remote_call(struct rpyc_session *s, const struct rpyc_boxed *x, bool items)
{
	struct rpyc_remote_call *c;

	if (x->label == RPYC_TUPLE && s->values > RPYC_VALUES_AT_ONCE)
		return rpyc_raise(s, "MemoryError", "a tuple of too many parts beside references");
	if (!(c = remote_new(s)))
		return false;
	if (x->label != RPYC_TUPLE)
		return ask(s, c, items ? REMOTE_ITER : REMOTE_LENGTH, x->at);
	rpyc_items(x, &c->items);
	if (!next_item(s, c))
		remote_end(s, c);
	return true;
}

/* len() of the argument, or of an item, has returned x. */
static bool
got_length(struct rpyc_session *s, struct rpyc_remote_call *c, struct rpyc_boxed x)
{
	struct brine_value v;

	if (x.label != RPYC_VALUE || !brine_get(&x.at, &v) || v.type != BRINE_INT)
		return rpyc_raise(s, "TypeError", "len() of an argument is not an int");
	if (v.fits ? v.i < 0 : v.negative)
		return rpyc_raise(s, "ValueError", "__len__() should return >= 0");
	if (!v.fits)
		return rpyc_raise(s, "OverflowError",
		    "cannot fit 'int' into an index-sized integer");
	if (!add(s, c, (uint64_t)v.i))
		return false;
	if (c->iterator.n == 0)
		return next_item(s, c);
	rpyc_release(s, brine_span(&c->item));
	buf_clear(&c->item, c->item.cap);
	return ask(s, c, REMOTE_NEXT, brine_span(&c->iterator));
}

/* The peer has sent what the call waits for: x, whose reference is in c->iterator or c->item if it
 * is one. */
static bool
got_answer(struct rpyc_session *s, struct rpyc_remote_call *c, const struct rpyc_boxed *x)
{
	char type[64];
	uint64_t n;

	if (c->state == REMOTE_LENGTH)
		return got_length(s, c, *x);
	if (c->iterator.n == 0)
		return rpyc_raise(s, "TypeError", "iter() returned non-iterator of type '%s'",
		    rpyc_type_name(x, type));
	if (c->item.n > 0)
		return ask(s, c, REMOTE_LENGTH, brine_span(&c->item));
	return (c->state == REMOTE_ITER || (rpyc_len(s, x, &n) && add(s, c, n)))
	    && ask(s, c, REMOTE_NEXT, brine_span(&c->iterator));
}

/* A reply with that body. */
static bool
got_reply(struct rpyc_session *s, struct rpyc_remote_call *c, struct brine body)
{
	struct buf *to = c->state == REMOTE_ITER ? &c->iterator : &c->item;
	struct brine at = body;
	struct rpyc_boxed x;
	bool theirs, waits;

	if (s->in.overflow)
		return rpyc_raise(s, "MemoryError", "an answer of too many parts");
	if (!rpyc_get_label(&at, &x.label))
		return rpyc_raise(s, "ValueError", "answer is not boxed");
	x.at = at; /* all of the rest: it may be long, and need not be passed */
	theirs = c->state != REMOTE_LENGTH && rpyc_theirs(&x);
	if (theirs)
		brine_copy(to, x.at);
	waits = to->failed ? rpyc_raise(s, "MemoryError", "out of memory") : got_answer(s, c, &x);
	if (!theirs || to->failed)
		rpyc_release_all(s, body);
	return waits;
}

static bool
get_str(struct brine *b, struct brine_value *v)
{
	return brine_get(b, v) && v->type == BRINE_STR && v->p;
}

/* If an exception says that an object lacks a method, *object is the object's type as quoted
 * there ("'X'"), and its length is returned; else 0. */
static size_t
lacking(const struct brine_value *name, struct brine args, const char *method, const char **object)
{
	char says[64];
	struct brine_value v;
	size_t i, n;

	if (!brine_is(name, "AttributeError") || !brine_tuple(&args, 1) || !get_str(&args, &v))
		return 0;
	n = (size_t)snprintf(says, sizeof says, " object has no attribute '%s'", method);
	*object = (const char *)v.p;
	for (i = 0; i + n <= v.n && i < 100; i++)
		if (memcmp(v.p + i, says, n) == 0)
			return i;
	return 0;
}

/* The peer's exception: send it back as it came, without its traceback if that was too long to be
 * retained. */
static bool
got_exception(struct rpyc_session *s, struct brine body)
{
	static const char ours[] = "the client's argument raised an exception";
	struct brine at = body, args, text;
	struct brine_value module, name;
	const char *object;
	char class[64];
	bool retained;
	size_t n;

	if (at.end - at.p > EXCEPTION_MAX)
		at.end = at.p + EXCEPTION_MAX;
	if (!brine_tuple(&at, 4) || !brine_tuple(&at, 2) || !get_str(&at, &module)
	    || !get_str(&at, &name) || name.n >= sizeof class)
		return rpyc_raise(s, "RuntimeError", ours);
	args = at;
	retained = brine_skip_retained(&at);
	if (!retained || !brine_skip_retained(&at)) { /* arguments, attributes */
		memcpy(class, name.p, name.n);
		class[name.n] = '\0';
		return rpyc_raise(s, brine_is(&module, "builtins") ? class : "RuntimeError", ours);
	}
	if ((n = lacking(&name, args, "__iter__", &object)) > 0)
		return rpyc_raise(s, "TypeError", "%.*s object is not iterable", (int)n, object);
	if ((n = lacking(&name, args, "__len__", &object)) > 0)
		return rpyc_raise(s, "TypeError", "object of type %.*s has no len()", (int)n,
		    object);
	body.end = text.p = text.end = at.p;
	if (brine_skip_retained(&at))
		text.end = at.p;
	return rpyc_raise_as(s, body, text);
}

static struct rpyc_remote_call *
find(const struct rpyc_session *s, uint64_t seq)
{
	struct rpyc_remote_call *c;

	for (c = s->remote_calls; c && c->waiting != seq; c = c->next)
		;
	return c;
}

bool
rpyc_remote_waits(const struct rpyc_session *s, uint64_t seq)
{
	return find(s, seq) != NULL;
}

void
rpyc_remote_answer(struct rpyc_session *s, uint64_t seq, bool exception, struct brine body)
{
	struct rpyc_remote_call *c = find(s, seq);
	bool waits;

	if (!c) {
		if (!exception) /* it answers a DEL, or nothing that we sent */
			rpyc_release_all(s, body);
		return;
	}
	s->seq = c->seq;
	if (!exception)
		waits = got_reply(s, c, body);
	else if (c->state == REMOTE_NEXT && rpyc_stop_iteration(body))
		waits = rpyc_answer_int(s, c->total);
	else
		waits = got_exception(s, body);
	if (!waits)
		remote_end(s, c);
}
