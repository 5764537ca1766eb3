/* SPDX-License-Identifier: ISC */
/* Calls of the service whose arguments come by reference: the objects stay with the peer, and
 * what the call needs of them is requested, one item at a time, while the call waits. */
#include "rpyc/remote_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpyc/args.h"
#include "rpyc/reply.h"

#define REMOTE_CALLS_MAX 64     /* calls of one connection that may wait for the peer */

enum remote_state {
	REMOTE_LENGTH,          /* waits for len() of the argument, the result */
	REMOTE_ITER,            /* for iter() of the argument */
	REMOTE_NEXT,            /* for next() of the iterator */
	REMOTE_ITEM,            /* for len() of an item of the iterator */
	REMOTE_TUPLE            /* for len() of an item of a tuple of references */
};

struct rpyc_remote_call {
	struct rpyc_remote_call *next;
	enum remote_state state;
	uint64_t waiting;       /* sequence number of our request that it waits for */
	uint64_t total;
	struct buf seq;         /* of the call, encoded */
	struct buf whole;       /* its arguments: their references are released with it */
	struct buf iterator;    /* id_packs */
	struct buf item;
	struct rpyc_items items;        /* REMOTE_TUPLE: the rest of them, in whole */
};

static void
remote_free(struct rpyc_remote_call *c)
{
	buf_free(&c->seq);
	buf_free(&c->whole);
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
remote_new(struct rpyc_session *s, struct brine whole)
{
	size_t n = (size_t)(s->seq.end - s->seq.p) + (size_t)(whole.end - whole.p);
	struct rpyc_remote_call *c;

	if (s->nremote == REMOTE_CALLS_MAX ||
	    (s->nremote > 0 && s->remote_bytes + n > RPYC_RETAIN_MAX)) {
		rpyc_raise(s, "RecursionError", "too many calls wait for their arguments");
		return NULL;
	}
	if ((c = calloc(1, sizeof *c))) {
		brine_copy(&c->seq, s->seq);
		brine_copy(&c->whole, whole);
	}
	if (!c || c->seq.failed || c->whole.failed) {
		if (c)
			remote_free(c);
		rpyc_raise(s, "MemoryError", "out of memory");
		return NULL;
	}
	c->next = s->remote_calls;
	s->remote_calls = c;
	s->nremote++;
	s->remote_bytes += c->seq.n + c->whole.n;
	return c;
}

/* The call is answered: release what it holds, of the peer's and of ours. Returns false: nothing
 * is kept any more. */
static bool
remote_end(struct rpyc_session *s, struct rpyc_remote_call *c)
{
	struct rpyc_remote_call **at;

	if (c->item.n > 0)
		rpyc_release(s, brine_span(&c->item));
	if (c->iterator.n > 0)
		rpyc_release(s, brine_span(&c->iterator));
	rpyc_release_all(s, brine_span(&c->whole));
	for (at = &s->remote_calls; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	s->nremote--;
	s->remote_bytes -= c->seq.n + c->whole.n;
	remote_free(c);
	return false;
}

/* Answer the call with its total; as remote_end() does. */
static bool
remote_done(struct rpyc_session *s, struct rpyc_remote_call *c)
{
	if (rpyc_within(s, c->total))
		rpyc_answer_int(s, c->total);
	return remote_end(s, c);
}

/* Add to the total of the call; false: it exceeds the limit, and the call has ended. */
static bool
remote_add(struct rpyc_session *s, struct rpyc_remote_call *c, uint64_t n)
{
	c->total += n;
	return c->total <= s->service->max_payload || remote_done(s, c);        /* MemoryError */
}

/* Go on with a tuple: lengths of plain items are known, those of references are requested. */
static void
remote_tuple(struct rpyc_session *s, struct rpyc_remote_call *c)
{
	struct rpyc_boxed x;
	uint64_t n;

	while (rpyc_item(&c->items, &x)) {
		if (rpyc_theirs(&x)) {
			c->waiting = rpyc_ask(s, x.at, "__len__");
			return;
		}
		if (!rpyc_len(s, &x, &n)) {
			remote_end(s, c);
			return;
		}
		if (!remote_add(s, c, n))
			return;
	}
	remote_done(s, c);
}

/* Begin a call by calling this method of the peer's object. */
static bool
remote_begin(struct rpyc_session *s, struct brine whole, enum remote_state state,
    struct brine id_pack, const char *method)
{
	struct rpyc_remote_call *c = remote_new(s, whole);

	if (!c)
		return false;
	c->state = state;
	c->waiting = rpyc_ask(s, id_pack, method);
	return true;
}

bool
rpyc_remote_len(struct rpyc_session *s, struct brine id_pack, struct brine whole)
{
	return remote_begin(s, whole, REMOTE_LENGTH, id_pack, "__len__");
}

bool
rpyc_remote_iter(struct rpyc_session *s, struct brine id_pack, struct brine whole)
{
	return remote_begin(s, whole, REMOTE_ITER, id_pack, "__iter__");
}

bool
rpyc_remote_tuple(struct rpyc_session *s, struct rpyc_items items, struct brine whole)
{
	struct rpyc_remote_call *c = remote_new(s, whole);

	if (!c)
		return false;
	c->state = REMOTE_TUPLE;
	c->items.boxed = true;
	c->items.n = items.n;
	c->items.at.p = c->whole.p + (items.at.p - whole.p);
	c->items.at.end = c->whole.p + (items.at.end - whole.p);
	remote_tuple(s, c);
	return true;
}

/* If an exception says that an object lacks a method, *object is the object's type as quoted
 * there ("'X'"), and its length is returned; else 0. */
static size_t
lacking(const struct brine_value *name, struct brine args, const char *method, const char **object)
{
	char says[64];
	struct brine_value v;
	size_t i, n;

	if (!brine_is(name, "AttributeError") || !brine_get(&args, &v) || v.type != BRINE_TUPLE ||
	    v.len != 1 || !brine_get(&args, &v) || v.type != BRINE_STR || !v.p)
		return 0;
	n = (size_t)snprintf(says, sizeof says, " object has no attribute '%s'", method);
	*object = (const char *)v.p;
	for (i = 0; i + n <= v.n && i < 100; i++)
		if (memcmp(v.p + i, says, n) == 0)
			return i;
	return 0;
}

/* Skip a value. False: it is cut off, or not all of it was kept. */
static bool
skip_kept(struct brine *b)
{
	bool elided = false;

	return brine_skip(b, &elided) && !elided;
}

/* The peer's exception ends the call: send it back as it came, without its traceback if that was
 * too long to be kept. */
static void
remote_raise(struct rpyc_session *s, struct rpyc_remote_call *c, struct brine body)
{
	static const char ours[] = "the client's argument raised an exception";
	struct brine at = body, args, text;
	struct brine_value v, module, name;
	const char *object;
	bool named, kept;
	char class[64];
	size_t n;

	named = brine_get(&at, &v) && v.type == BRINE_TUPLE && v.len == 4 &&
	    brine_tuple(&at, 2) && brine_get(&at, &module) && module.type == BRINE_STR &&
	    module.p && brine_get(&at, &name) && name.type == BRINE_STR && name.p &&
	    name.n < sizeof class;
	args = at;
	kept = named && skip_kept(&at);
	kept = kept && skip_kept(&at);          /* attributes */
	body.end = text.p = text.end = at.p;
	if (kept && skip_kept(&at))
		text.end = at.p;
	if (!named) {
		rpyc_raise(s, "RuntimeError", ours);
	} else if (!kept) {
		memcpy(class, name.p, name.n);
		class[name.n] = '\0';
		rpyc_raise(s, brine_is(&module, "builtins") ? class : "RuntimeError", ours);
	} else if ((n = lacking(&name, args, "__iter__", &object)) > 0) {
		rpyc_raise(s, "TypeError", "%.*s object is not iterable", (int)n, object);
	} else if ((n = lacking(&name, args, "__len__", &object)) > 0) {
		rpyc_raise(s, "TypeError", "object of type %.*s has no len()", (int)n, object);
	} else {
		rpyc_raise_as(s, body, text);
	}
	remote_end(s, c);
}

/* The peer's answer does not fit the question: the call ends. Returns false. */
static bool
remote_bad(struct rpyc_session *s, struct rpyc_remote_call *c, const char *class, const char *why)
{
	rpyc_raise(s, class, "%s", why);
	return remote_end(s, c);
}

static void
remote_next(struct rpyc_session *s, struct rpyc_remote_call *c)
{
	c->state = REMOTE_NEXT;
	c->waiting = rpyc_ask(s, brine_span(&c->iterator), "__next__");
}

/* iter() of the argument has returned. True: the reference is kept. */
static bool
got_iterator(struct rpyc_session *s, struct rpyc_remote_call *c, const struct rpyc_boxed *x)
{
	char type[64];

	if (!rpyc_theirs(x)) {
		rpyc_raise(s, "TypeError", "iter() returned non-iterator of type '%s'",
		    rpyc_type_name(x, type));
		return remote_end(s, c);
	}
	brine_copy(&c->iterator, x->at);
	if (c->iterator.failed)
		return remote_bad(s, c, "MemoryError", "out of memory");
	remote_next(s, c);
	return true;
}

/* next() of the iterator has returned. True: the reference is kept. */
static bool
got_item(struct rpyc_session *s, struct rpyc_remote_call *c, const struct rpyc_boxed *x)
{
	uint64_t n;

	if (rpyc_theirs(x)) {
		brine_copy(&c->item, x->at);
		if (c->item.failed)
			return remote_bad(s, c, "MemoryError", "out of memory");
		c->state = REMOTE_ITEM;
		c->waiting = rpyc_ask(s, x->at, "__len__");
		return true;
	}
	if (!rpyc_len(s, x, &n))
		remote_end(s, c);
	else if (remote_add(s, c, n))
		remote_next(s, c);
	return false;
}

/* len() of the argument, or of an item, has returned. */
static void
got_length(struct rpyc_session *s, struct rpyc_remote_call *c, struct rpyc_boxed x)
{
	struct brine_value v;

	if (x.label != RPYC_VALUE || !brine_get(&x.at, &v) || v.type != BRINE_INT) {
		remote_bad(s, c, "TypeError", "len() of an argument is not an int");
	} else if (v.fits ? v.i < 0 : v.negative) {
		remote_bad(s, c, "ValueError", "__len__() should return >= 0");
	} else if (!v.fits) {
		remote_bad(s, c, "OverflowError", "cannot fit 'int' into an index-sized integer");
	} else if (!remote_add(s, c, (uint64_t)v.i)) {
		return;
	} else if (c->state == REMOTE_LENGTH) {
		remote_done(s, c);
	} else if (c->state == REMOTE_TUPLE) {
		remote_tuple(s, c);
	} else {
		rpyc_release(s, brine_span(&c->item));
		buf_clear(&c->item, c->item.cap);
		remote_next(s, c);
	}
}

/* The body of a reply. True: the references in it are kept. */
static bool
got_answer(struct rpyc_session *s, struct rpyc_remote_call *c, struct brine body)
{
	struct rpyc_boxed x;

	if (!rpyc_boxed(&body, &x))
		return remote_bad(s, c, "ValueError", "answer is not boxed");
	switch (c->state) {
	case REMOTE_ITER:
		return got_iterator(s, c, &x);
	case REMOTE_NEXT:
		return got_item(s, c, &x);
	default:
		got_length(s, c, x);
		return false;
	}
}

void
rpyc_remote_answer(struct rpyc_session *s, uint64_t seq, bool exception, struct brine body)
{
	struct rpyc_remote_call *c;

	for (c = s->remote_calls; c && c->waiting != seq; c = c->next)
		;
	if (c)
		s->seq = brine_span(&c->seq);   /* the call's, if this is what ends it */
	if (!exception) {
		/* without c it answers a DEL, or nothing that we sent */
		if (!c || !got_answer(s, c, body))
			rpyc_release_all(s, body);
	} else if (c && c->state == REMOTE_NEXT && rpyc_stop_iteration(body)) {
		remote_done(s, c);
	} else if (c) {
		remote_raise(s, c, body);
	}
}
