/* SPDX-License-Identifier: ISC */
/* Calls of the service with arguments that come by reference: these stay with the peer, and
 * what is needed of them is asked for, one request at a time, while the call waits. */
#include "rpyc/remote_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpyc/args.h"
#include "rpyc/reply.h"

#define PULLS_MAX 64            /* calls of one connection that may wait for the peer */

enum pull_state {
	PULL_LENGTH,            /* len() of the argument is the result */
	PULL_ITER,              /* iter() of the argument is waited for */
	PULL_NEXT,              /* next() of the iterator */
	PULL_ITEM,              /* len() of an item of the iterator */
	PULL_TUPLE              /* len() of an item of a tuple of references */
};

struct rpyc_pull {
	struct rpyc_pull *next;
	enum pull_state state;
	uint64_t waiting;       /* sequence number of our request */
	uint64_t total;
	struct buf seq;         /* of the call, encoded */
	struct buf whole;       /* its arguments: their references are released with it */
	struct buf iterator;    /* id_packs */
	struct buf item;
	struct rpyc_items items;        /* PULL_TUPLE: the rest of them, in whole */
};

static void
pull_free(struct rpyc_pull *p)
{
	buf_free(&p->seq);
	buf_free(&p->whole);
	buf_free(&p->iterator);
	buf_free(&p->item);
	free(p);
}

void
rpyc_pulls_free(struct rpyc_session *s)
{
	struct rpyc_pull *p;

	while ((p = s->pulls)) {
		s->pulls = p->next;
		pull_free(p);
	}
	s->npulls = 0;
	s->pull_bytes = 0;
}

/* A new call that waits; NULL: answered with an exception. */
static struct rpyc_pull *
pull_new(struct rpyc_session *s, struct brine whole)
{
	size_t n = (size_t)(s->seq.end - s->seq.p) + (size_t)(whole.end - whole.p);
	struct rpyc_pull *p;

	if (s->npulls == PULLS_MAX || (s->npulls > 0 && s->pull_bytes + n > RPYC_KEEP_MAX)) {
		rpyc_raise(s, "RecursionError", "too many calls that wait for their arguments");
		return NULL;
	}
	if (!(p = calloc(1, sizeof *p))) {
		rpyc_raise(s, "MemoryError", "out of memory");
		return NULL;
	}
	brine_copy(&p->seq, s->seq);
	brine_copy(&p->whole, whole);
	if (p->seq.failed || p->whole.failed) {
		pull_free(p);
		rpyc_raise(s, "MemoryError", "out of memory");
		return NULL;
	}
	p->next = s->pulls;
	s->pulls = p;
	s->npulls++;
	s->pull_bytes += p->seq.n + p->whole.n;
	return p;
}

/* The call is answered: release what it holds, of the peer's and of ours. */
static void
pull_end(struct rpyc_session *s, struct rpyc_pull *p)
{
	struct rpyc_pull **at;

	if (p->item.n > 0)
		rpyc_release(s, brine_span(&p->item));
	if (p->iterator.n > 0)
		rpyc_release(s, brine_span(&p->iterator));
	rpyc_release_all(s, brine_span(&p->whole));
	for (at = &s->pulls; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	s->npulls--;
	s->pull_bytes -= p->seq.n + p->whole.n;
	pull_free(p);
}

static void
pull_done(struct rpyc_session *s, struct rpyc_pull *p)
{
	if (rpyc_within(s, p->total))
		rpyc_answer_int(s, p->total);
	pull_end(s, p);
}

/* Add to what the call counts; false: that is too much, and it has ended. */
static bool
pull_add(struct rpyc_session *s, struct rpyc_pull *p, uint64_t n)
{
	p->total += n;
	if (p->total <= s->service->max_payload)
		return true;
	pull_done(s, p);        /* which says so */
	return false;
}

/* The rest of a tuple: lengths of plain items are known, those of references asked for. */
static void
pull_tuple(struct rpyc_session *s, struct rpyc_pull *p)
{
	struct rpyc_boxed x;
	uint64_t n;

	while (rpyc_item(&p->items, &x)) {
		if (rpyc_theirs(&x)) {
			p->waiting = rpyc_ask(s, x.at, "__len__");
			return;
		}
		if (!rpyc_len(s, &x, &n)) {
			pull_end(s, p);
			return;
		}
		if (!pull_add(s, p, n))
			return;
	}
	pull_done(s, p);
}

/* A call begins with asking for this of the peer's object. */
static bool
pull_begin(struct rpyc_session *s, struct brine whole, enum pull_state state,
    struct brine id_pack, const char *method)
{
	struct rpyc_pull *p = pull_new(s, whole);

	if (!p)
		return false;
	p->state = state;
	p->waiting = rpyc_ask(s, id_pack, method);
	return true;
}

bool
rpyc_pull_len(struct rpyc_session *s, struct brine id_pack, struct brine whole)
{
	return pull_begin(s, whole, PULL_LENGTH, id_pack, "__len__");
}

bool
rpyc_pull_iter(struct rpyc_session *s, struct brine id_pack, struct brine whole)
{
	return pull_begin(s, whole, PULL_ITER, id_pack, "__iter__");
}

bool
rpyc_pull_tuple(struct rpyc_session *s, struct rpyc_items items, struct brine whole)
{
	struct rpyc_pull *p = pull_new(s, whole);

	if (!p)
		return false;
	p->state = PULL_TUPLE;
	p->items.boxed = true;
	p->items.n = items.n;
	p->items.at.p = p->whole.p + (items.at.p - whole.p);
	p->items.at.end = p->whole.p + (items.at.end - whole.p);
	pull_tuple(s, p);
	return true;
}

/* If an exception says that an object lacks a method, *object are the words for it ("'X'"), n
 * bytes of them are returned; else 0. */
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

/* Pass a value; false: it is cut off, or not all of it was kept. */
static bool
skip_kept(struct brine *b)
{
	bool elided = false;

	return brine_skip(b, &elided) && !elided;
}

/* The peer's exception ends the call: hand it back as it came, but for a traceback too long
 * to have been kept. */
static void
pull_raise(struct rpyc_session *s, struct rpyc_pull *p, struct brine body)
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
	pull_end(s, p);
}

/* An answer that does not fit the question. */
static void
pull_bad(struct rpyc_session *s, struct rpyc_pull *p, const char *class, const char *why)
{
	rpyc_raise(s, class, "%s", why);
	pull_end(s, p);
}

static void
pull_next(struct rpyc_session *s, struct rpyc_pull *p)
{
	p->state = PULL_NEXT;
	p->waiting = rpyc_ask(s, brine_span(&p->iterator), "__next__");
}

/* What iter() of the argument gave; true: it is kept. */
static bool
pulled_iterator(struct rpyc_session *s, struct rpyc_pull *p, const struct rpyc_boxed *x)
{
	char type[64];

	if (!rpyc_theirs(x)) {
		rpyc_raise(s, "TypeError", "iter() returned non-iterator of type '%s'",
		    rpyc_type_name(x, type));
		pull_end(s, p);
		return false;
	}
	brine_copy(&p->iterator, x->at);
	if (p->iterator.failed) {
		pull_bad(s, p, "MemoryError", "out of memory");
		return false;
	}
	pull_next(s, p);
	return true;
}

/* What next() of the iterator gave; true: it is kept. */
static bool
pulled_item(struct rpyc_session *s, struct rpyc_pull *p, const struct rpyc_boxed *x)
{
	uint64_t n;

	if (rpyc_theirs(x)) {
		brine_copy(&p->item, x->at);
		if (p->item.failed) {
			pull_bad(s, p, "MemoryError", "out of memory");
			return false;
		}
		p->state = PULL_ITEM;
		p->waiting = rpyc_ask(s, x->at, "__len__");
		return true;
	}
	if (!rpyc_len(s, x, &n))
		pull_end(s, p);
	else if (pull_add(s, p, n))
		pull_next(s, p);
	return false;
}

/* What len() gave: of the argument, or of an item. */
static void
pulled_length(struct rpyc_session *s, struct rpyc_pull *p, struct rpyc_boxed x)
{
	struct brine_value v;

	if (x.label != RPYC_VALUE || !brine_get(&x.at, &v) || v.type != BRINE_INT) {
		pull_bad(s, p, "TypeError", "len() of an argument is not an int");
	} else if (v.fits ? v.i < 0 : v.negative) {
		pull_bad(s, p, "ValueError", "__len__() should return >= 0");
	} else if (!v.fits) {
		pull_bad(s, p, "OverflowError", "cannot fit 'int' into an index-sized integer");
	} else if (!pull_add(s, p, (uint64_t)v.i)) {
		return;
	} else if (p->state == PULL_LENGTH) {
		pull_done(s, p);
	} else if (p->state == PULL_TUPLE) {
		pull_tuple(s, p);
	} else {
		rpyc_release(s, brine_span(&p->item));
		buf_clear(&p->item, p->item.cap);
		pull_next(s, p);
	}
}

/* The body of a reply; true: what it refers to is kept. */
static bool
pulled(struct rpyc_session *s, struct rpyc_pull *p, struct brine body)
{
	struct rpyc_boxed x;

	if (!rpyc_boxed(&body, &x)) {
		pull_bad(s, p, "ValueError", "an answer that is not boxed");
		return false;
	}
	switch (p->state) {
	case PULL_ITER:
		return pulled_iterator(s, p, &x);
	case PULL_NEXT:
		return pulled_item(s, p, &x);
	default:
		pulled_length(s, p, x);
		return false;
	}
}

void
rpyc_pulled(struct rpyc_session *s, uint64_t seq, bool exception, struct brine body)
{
	struct rpyc_pull *p;

	for (p = s->pulls; p && p->waiting != seq; p = p->next)
		;
	if (p)
		s->seq = brine_span(&p->seq);   /* the call's, if this is what ends it */
	if (!exception) {
		/* without p it is of a DEL, or of nothing we asked */
		if (!p || !pulled(s, p, body))
			rpyc_release_all(s, body);
	} else if (p && p->state == PULL_NEXT && rpyc_stop_iteration(body)) {
		pull_done(s, p);
	} else if (p) {
		pull_raise(s, p, body);
	}
}
