/* SPDX-License-Identifier: ISC */
/* The lists that download_file_chunked returns, as the peer operates on them: one round trip
 * per item, nothing stored but where the iteration stands. */
#include "rpyc/session.h"

#define REPR_MAX 1024 /* the text of a list is not spelled out beyond this many bytes */

/* The length of item j, in bytes. */
static uint64_t
item_size(const struct rpyc_object *o, int64_t j)
{
	uint64_t at = (uint64_t)(o->first + j * o->step) * o->chunk;

	return o->size - at < o->chunk ? o->size - at : o->chunk;
}

/* The sum of the lengths of the items not yet iterated over. */
static uint64_t
rest_size(const struct rpyc_object *o)
{
	int64_t n = o->count - o->at;
	uint64_t bytes = (uint64_t)n * o->chunk;

	/* only the item at an end of the list can be shorter than the others */
	if (n > 0)
		bytes -= o->chunk - item_size(o, o->at);
	if (n > 1)
		bytes -= o->chunk - item_size(o, o->count - 1);
	return bytes;
}

bool
rpyc_list_take(struct rpyc_session *s, struct brine id_pack, uint64_t *bytes)
{
	struct rpyc_object *o;
	size_t index;

	if (rpyc_resolve(s, &id_pack, &index) < RPYC_LIST)
		return false;
	o = &s->object[index];
	*bytes = rest_size(o);
	if (o->kind == RPYC_ITERATOR)
		o->at = o->count;
	return true;
}

bool
rpyc_list_equal(const struct rpyc_session *s, size_t index, size_t other)
{
	const struct rpyc_object *a = &s->object[index], *b = &s->object[other];

	/* all items are zero bytes, and as long as each other but for those at the ends */
	if (a->count != b->count || a->count == 0)
		return a->count == b->count;
	return item_size(a, 0) == item_size(b, 0)
	    && item_size(a, a->count - 1) == item_size(b, b->count - 1)
	    && (a->count < 3 || a->chunk == b->chunk);
}

/* ---- the methods of list and list_iterator; x is the argument, if they take one ---- */

static bool
call_iter(struct rpyc_session *s, size_t index, const struct rpyc_boxed *x)
{
	struct rpyc_object o = s->object[index];

	(void)x;
	if (o.kind == RPYC_ITERATOR)
		return rpyc_answer_ref(s, o.kind, index);
	o.kind = RPYC_ITERATOR;
	return rpyc_answer_new(s, &o);
}

static bool
call_len(struct rpyc_session *s, size_t index, const struct rpyc_boxed *x)
{
	const struct rpyc_object *o = &s->object[index];

	(void)x;
	return rpyc_answer_int(s, (uint64_t)(o->count - o->at));
}

static bool
call_next(struct rpyc_session *s, size_t index, const struct rpyc_boxed *x)
{
	struct rpyc_object *o = &s->object[index];

	(void)x;
	if (o->at == o->count)
		return rpyc_raise(s, "StopIteration", "%s", "");
	return rpyc_answer_fill(s, 0, item_size(o, o->at++));
}

/* A bound of a slice, as Python's slice.indices() computes it. */
static int64_t
slice_bound(const struct brine_value *x, int64_t count, int64_t low, int64_t high, int64_t missing)
{
	int64_t i = x->i;

	if (x->type == BRINE_NONE)
		return missing;
	if (!x->fits)
		i = x->negative ? INT64_MIN : INT64_MAX;
	if (i < 0)
		i += count;
	return i < low ? low : i > high ? high : i;
}

static bool
list_slice(struct rpyc_session *s, size_t index, struct brine b)
{
	struct rpyc_object o = s->object[index];
	struct brine_value x[3];
	int64_t low, high, start, stop, step = 1, n = o.count;
	bool ok = brine_tuple(&b, 3);
	int i;

	for (i = 0; i < 3; i++) {
		x[i].type = BRINE_NONE;
		ok = brine_get(&b, &x[i])
		    && (x[i].type == BRINE_NONE || x[i].type == BRINE_INT
			|| x[i].type == BRINE_BOOL)
		    && ok;
	}
	/* every step beyond the length has the same effect */
	if (x[2].type != BRINE_NONE)
		step = x[2].fits && x[2].i <= n && x[2].i >= -n ? x[2].i
		    : x[2].negative                             ? -n - 1
								: n + 1;
	if (step == 0)
		return rpyc_raise(s, "ValueError", "slice step cannot be zero");
	if (!ok)
		return rpyc_raise(s, "TypeError",
		    "slice indices must be integers or None or have "
		    "an __index__ method");
	low = step > 0 ? 0 : -1;
	high = n + low;
	start = slice_bound(&x[0], n, low, high, step > 0 ? low : high);
	stop = slice_bound(&x[1], n, low, high, step > 0 ? high : low);
	n = step > 0 ? stop - start : start - stop;
	o.count = n > 0 ? (n - 1) / (step > 0 ? step : -step) + 1 : 0;
	o.first += start * o.step;
	o.step = o.count > 1 ? o.step * step : 1; /* cannot overflow: it stays in the list */
	return rpyc_answer_new(s, &o);
}

static bool
call_getitem(struct rpyc_session *s, size_t index, const struct rpyc_boxed *x)
{
	const struct rpyc_object *o = &s->object[index];
	struct brine at = x->at;
	struct brine_value v;
	char type[64];

	if (x->label == RPYC_VALUE && brine_get(&at, &v) && v.type == BRINE_SLICE)
		return list_slice(s, index, at);
	if (!rpyc_integer(x, &v))
		return rpyc_raise(s, "TypeError", "list indices must be integers or slices, not %s",
		    rpyc_type_name(x, type));
	if (!v.fits)
		return rpyc_raise(s, "IndexError", "cannot fit 'int' into an index-sized integer");
	if (v.i < 0)
		v.i += o->count;
	if (v.i < 0 || v.i >= o->count)
		return rpyc_raise(s, "IndexError", "list index out of range");
	return rpyc_answer_fill(s, 0, item_size(o, v.i));
}

static bool
call_contains(struct rpyc_session *s, size_t index, const struct rpyc_boxed *x)
{
	const struct rpyc_object *o = &s->object[index];
	struct brine at = x->at;
	struct brine_value v;
	bool found = false;
	size_t i;

	if (x->label == RPYC_VALUE && brine_get(&at, &v) && v.type == BRINE_BYTES) {
		if (!v.p)
			return rpyc_raise(s, "MemoryError", "too many bytes to compare");
		/* all chunks have the same length, but for one at an end of the list */
		found = o->count > 0
		    && (v.n == item_size(o, 0) || v.n == item_size(o, o->count - 1));
		for (i = 0; i < v.n && found; i++)
			found = v.p[i] == 0;
	}
	return rpyc_answer_tag(s, found ? BRINE_TAG_TRUE : BRINE_TAG_FALSE);
}

static const struct {
	enum rpyc_kind kind;
	const char *name;
	unsigned nargs;
	bool (*call)(struct rpyc_session *, size_t, const struct rpyc_boxed *);
} method[] = {
	{ .kind = RPYC_ITERATOR, .name = "__next__", .call = call_next },
	{ .kind = RPYC_ITERATOR, .name = "__iter__", .call = call_iter },
	{ .kind = RPYC_ITERATOR, .name = "__length_hint__", .call = call_len },
	{ .kind = RPYC_LIST, .name = "__iter__", .call = call_iter },
	{ .kind = RPYC_LIST, .name = "__len__", .call = call_len },
	{ .kind = RPYC_LIST, .name = "__getitem__", .nargs = 1, .call = call_getitem },
	{ .kind = RPYC_LIST, .name = "__contains__", .nargs = 1, .call = call_contains },
};

bool
rpyc_list_call(struct rpyc_session *s, size_t index, const struct brine_value *name,
    struct rpyc_items args)
{
	enum rpyc_kind kind = s->object[index].kind;
	struct rpyc_boxed x;
	size_t i;

	for (i = 0; i < sizeof method / sizeof *method; i++) {
		if (method[i].kind != kind || !brine_is(name, method[i].name))
			continue;
		if (args.n != method[i].nargs)
			return rpyc_raise(s, "TypeError", "expected %u argument%s, got %llu",
			    method[i].nargs, method[i].nargs == 1 ? "" : "s",
			    (unsigned long long)args.n);
		if (args.n > 0 && !rpyc_item(&args, &x))
			return rpyc_raise(s, "ValueError", "argument is not boxed");
		return method[i].call(s, index, &x);
	}
	return rpyc_raise(s, "AttributeError", "'%s' object has no attribute '%.*s'",
	    rpyc_kind_name(kind), (int)name->n, (const char *)name->p);
}

/* Go on with an answer to BUFFITER: queue some of its items, and the others as these drain. */
static bool
next_items(struct rpyc_session *s)
{
	struct rpyc_object *o = &s->items.list;
	struct out *out = &s->base.out;
	size_t begin;
	uint64_t k;

	for (; s->items.left > 0; s->items.left--) {
		if (out_held(out) >= RPYC_OUT_MAX)
			return rpyc_pause(s, next_items);
		k = item_size(o, o->at++);
		begin = out_buf(out)->n;
		brine_put_bytes_head(&out->buf, (uint32_t)k);
		out_queue(out, out->buf.n - begin);
		out_cycle(out, fill_block(0), FILL_SIZE, 0, k);
	}
	out_text(out, RPYC_TRAILER);
	return false;
}

bool
rpyc_list_buffiter(struct rpyc_session *s, size_t index, int64_t count)
{
	struct rpyc_object *o = &s->object[index];
	int64_t i, n = o->count - o->at;
	uint64_t k, bytes = 0;

	if (n > count)
		n = count;
	if (n > RPYC_VALUES_AT_ONCE && o->kind == RPYC_ITERATOR)
		n = RPYC_VALUES_AT_ONCE;
	/* the head of an item takes 1, 2 or 5 bytes, depending on its length */
	for (i = 0; i < n && n <= RPYC_VALUES_AT_ONCE; i++) {
		k = item_size(o, o->at + i);
		bytes += k + (k <= 4 ? 1 : k < 256 ? 2 : 5);
	}
	if (n > RPYC_VALUES_AT_ONCE || bytes > RPYC_PAYLOAD_MAX - RPYC_HOLD_MAX)
		return rpyc_raise(s, "MemoryError", "too many items for one answer");
	brine_put_tuple(rpyc_answer_value(s), (uint32_t)n);
	rpyc_message_head(s, bytes);
	s->items.list = *o;
	s->items.left = (uint64_t)n;
	if (o->kind == RPYC_ITERATOR)
		o->at += n;
	return n > 0 && next_items(s);
}

bool
rpyc_list_repr(struct rpyc_session *s, size_t index)
{
	const struct rpyc_object *o = &s->object[index];
	struct buf text = { 0 };
	uint64_t k;
	int64_t i;

	if (o->kind == RPYC_ITERATOR) {
		buf_printf(&text, "<list_iterator object at %#zx>", index + 1);
	} else if (rest_size(o) + (uint64_t)o->count > REPR_MAX) {
		buf_printf(&text, "<list of %lld byte strings>", (long long)o->count);
	} else {
		buf_text(&text, "[");
		for (i = 0; i < o->count; i++) {
			buf_text(&text, i > 0 ? ", b'" : "b'");
			for (k = item_size(o, i); k > 0; k--)
				buf_text(&text, "\\x00");
			buf_text(&text, "'");
		}
		buf_text(&text, "]");
	}
	brine_put_str_n(rpyc_answer_value(s), text.p, text.n);
	if (text.failed)
		s->base.out.failed = true;
	buf_free(&text);
	return rpyc_message_end(s);
}
