/* SPDX-License-Identifier: ISC */
/* The lists that download_file_chunked returns, as the peer operates on them: one round trip
 * per item, nothing stored but where the iteration stands. */
#include "rpyc/list.h"

#include "rpyc/args.h"
#include "rpyc/objects.h"
#include "rpyc/reply.h"

#define BUFFITER_MAX  65536     /* items of one BUFFITER answer */
#define REPR_MAX      1024      /* the text of a list is not spelled out beyond this many bytes */

static int64_t
chunks(uint64_t size, uint64_t chunk)
{
	return (int64_t)(size / chunk + (size % chunk != 0));
}

void
rpyc_list_answer(struct rpyc_session *s, uint64_t size, uint64_t chunk)
{
	struct rpyc_object o = { .kind = RPYC_LIST, .size = size, .chunk = chunk, .step = 1 };

	o.count = size > 0 ? chunks(size, chunk) : 0;
	rpyc_answer_new(s, &o);
}

/* The length of item j, in bytes. */
static uint64_t
item_size(const struct rpyc_object *o, int64_t j)
{
	uint64_t at = (uint64_t)(o->first + j * o->step) * o->chunk;

	return o->size - at < o->chunk ? o->size - at : o->chunk;
}

/* Answer n zero bytes, which are not copied. */
static void
answer_zeros(struct rpyc_session *s, uint64_t n)
{
	struct buf *b = rpyc_answer(s);

	rpyc_put_label(b, RPYC_VALUE);
	brine_put_bytes_head(b, (uint32_t)n);
	rpyc_message_data(s, fill_block(0), FILL_SIZE, n);
}

bool
rpyc_list_take(struct rpyc_session *s, struct brine id_pack, uint64_t *bytes)
{
	struct rpyc_object *o;
	int64_t from = 0, n;
	size_t index;

	switch (rpyc_resolve(s, &id_pack, &index)) {
	case RPYC_LIST:
		o = &s->object[index];
		break;
	case RPYC_ITERATOR:
		o = &s->object[index];
		from = o->at;
		o->at = o->count;
		break;
	default:
		return false;
	}
	n = o->count - from;
	*bytes = (uint64_t)n * o->chunk;
	/* only the item at an end of the list can be shorter than the others */
	if (n > 0)
		*bytes -= o->chunk - item_size(o, from);
	if (n > 1)
		*bytes -= o->chunk - item_size(o, o->count - 1);
	return true;
}

/* ---- the methods of list and list_iterator ---- */

static void
list_iter(struct rpyc_session *s, size_t index, struct rpyc_items args)
{
	struct rpyc_object o = s->object[index];

	(void)args;
	o.kind = RPYC_ITERATOR;
	o.at = 0;
	rpyc_answer_new(s, &o);
}

static void
list_len(struct rpyc_session *s, size_t index, struct rpyc_items args)
{
	(void)args;
	rpyc_answer_int(s, (uint64_t)s->object[index].count);
}

/* A bound of a slice, as Python's slice.indices() computes it. False: neither int nor None. */
static bool
slice_bound(struct brine *b, int64_t count, int64_t low, int64_t high, int64_t missing, int64_t *v)
{
	struct brine_value x;

	if (!brine_get(b, &x))
		return false;
	if (x.type == BRINE_NONE) {
		*v = missing;
		return true;
	}
	if (x.type != BRINE_INT && x.type != BRINE_BOOL)
		return false;
	if (!x.fits)
		x.i = x.negative ? INT64_MIN : INT64_MAX;
	if (x.i < 0)
		x.i += count;
	*v = x.i < low ? low : x.i > high ? high : x.i;
	return true;
}

static void
list_slice(struct rpyc_session *s, size_t index, struct brine b)
{
	struct rpyc_object o = s->object[index];
	struct brine_value v;
	struct brine bounds;
	int64_t start, stop, step = 1, n = o.count;
	bool ok;

	ok = brine_tuple(&b, 3);
	bounds = b;
	ok = ok && brine_skip(&b, NULL) && brine_skip(&b, NULL) && brine_get(&b, &v) &&
	    (v.type == BRINE_NONE || v.type == BRINE_INT || v.type == BRINE_BOOL);
	if (ok && v.type != BRINE_NONE) {
		/* every step beyond the length has the same effect */
		step = !v.fits || v.i > n + 1 || v.i < -n - 1 ? (v.negative ? -n - 1 : n + 1) : v.i;
		if (step == 0) {
			rpyc_raise(s, "ValueError", "slice step cannot be zero");
			return;
		}
	}
	if (step > 0)
		ok = ok && slice_bound(&bounds, n, 0, n, 0, &start) &&
		    slice_bound(&bounds, n, 0, n, n, &stop);
	else
		ok = ok && slice_bound(&bounds, n, -1, n - 1, n - 1, &start) &&
		    slice_bound(&bounds, n, -1, n - 1, -1, &stop);
	if (!ok) {
		rpyc_raise(s, "TypeError", "slice indices must be integers or None or have an "
		    "__index__ method");
		return;
	}
	n = step > 0 ? stop - start : start - stop;
	o.count = n > 0 ? (n - 1) / (step > 0 ? step : -step) + 1 : 0;
	o.first += start * o.step;
	o.step = o.count > 1 ? o.step * step : 1;       /* cannot overflow: it stays in the list */
	rpyc_answer_new(s, &o);
}

static void
list_getitem(struct rpyc_session *s, size_t index, struct rpyc_items args)
{
	const struct rpyc_object *o = &s->object[index];
	struct brine_value v;
	struct rpyc_boxed x;
	struct brine at;
	char type[64];

	if (!rpyc_item(&args, &x))
		return;
	at = x.at;
	if (x.label == RPYC_VALUE && brine_get(&at, &v)) {
		if (v.type == BRINE_SLICE) {
			list_slice(s, index, at);
			return;
		}
		if (v.type == BRINE_INT || v.type == BRINE_BOOL) {
			if (v.fits && v.i < 0)
				v.i += o->count;
			if (!v.fits)
				rpyc_raise(s, "IndexError",
				    "cannot fit 'int' into an index-sized integer");
			else if (v.i < 0 || v.i >= o->count)
				rpyc_raise(s, "IndexError", "list index out of range");
			else
				answer_zeros(s, item_size(o, v.i));
			return;
		}
	}
	rpyc_raise(s, "TypeError", "list indices must be integers or slices, not %s",
	    rpyc_type_name(&x, type));
}

static void
list_contains(struct rpyc_session *s, size_t index, struct rpyc_items args)
{
	const struct rpyc_object *o = &s->object[index];
	struct brine_value v;
	struct rpyc_boxed x;
	bool found = false;
	size_t i;

	if (!rpyc_item(&args, &x))
		return;
	if (x.label == RPYC_VALUE && brine_get(&x.at, &v) && v.type == BRINE_BYTES) {
		if (!v.p) {
			rpyc_raise(s, "MemoryError", "too many bytes to compare");
			return;
		}
		/* all chunks have the same length, but for one at an end of the list */
		found = o->count > 0 && (v.n == item_size(o, 0) ||
		    v.n == item_size(o, o->count - 1));
		for (i = 0; i < v.n && found; i++)
			found = v.p[i] == 0;
	}
	rpyc_answer_tag(s, found ? BRINE_TAG_TRUE : BRINE_TAG_FALSE);
}

static void
iterator_iter(struct rpyc_session *s, size_t index, struct rpyc_items args)
{
	(void)args;
	rpyc_answer_object(s, index);
}

static void
iterator_next(struct rpyc_session *s, size_t index, struct rpyc_items args)
{
	struct rpyc_object *o = &s->object[index];

	(void)args;
	if (o->at < o->count)
		answer_zeros(s, item_size(o, o->at++));
	else
		rpyc_raise(s, "StopIteration", "%s", "");
}

static void
iterator_length_hint(struct rpyc_session *s, size_t index, struct rpyc_items args)
{
	const struct rpyc_object *o = &s->object[index];

	(void)args;
	rpyc_answer_int(s, (uint64_t)(o->count - o->at));
}

static const struct {
	enum rpyc_kind kind;
	const char *name;
	unsigned nargs;
	void (*call)(struct rpyc_session *, size_t, struct rpyc_items);
} method[] = {
	{ .kind = RPYC_ITERATOR, .name = "__next__", .call = iterator_next },
	{ .kind = RPYC_ITERATOR, .name = "__iter__", .call = iterator_iter },
	{ .kind = RPYC_ITERATOR, .name = "__length_hint__", .call = iterator_length_hint },
	{ .kind = RPYC_LIST, .name = "__iter__", .call = list_iter },
	{ .kind = RPYC_LIST, .name = "__len__", .call = list_len },
	{ .kind = RPYC_LIST, .name = "__getitem__", .nargs = 1, .call = list_getitem },
	{ .kind = RPYC_LIST, .name = "__contains__", .nargs = 1, .call = list_contains },
};

void
rpyc_list_call(struct rpyc_session *s, size_t index, const struct brine_value *name,
    struct rpyc_items args)
{
	enum rpyc_kind kind = s->object[index].kind;
	size_t i;

	for (i = 0; i < sizeof method / sizeof *method; i++) {
		if (method[i].kind != kind || !brine_is(name, method[i].name))
			continue;
		if (args.n != method[i].nargs)
			rpyc_raise(s, "TypeError", "expected %u argument%s, got %llu",
			    method[i].nargs, method[i].nargs == 1 ? "" : "s",
			    (unsigned long long)args.n);
		else
			method[i].call(s, index, args);
		return;
	}
	rpyc_raise(s, "AttributeError", "'%s' object has no attribute '%.*s'",
	    rpyc_kind_name(kind), name->p ? (int)name->n : 0,
	    name->p ? (const char *)name->p : "");
}

void
rpyc_list_buffiter(struct rpyc_session *s, size_t index, int64_t count)
{
	struct rpyc_object *o = &s->object[index];
	struct buf *b;
	int64_t i, from = 0, n = o->count;
	uint64_t bytes = 0;

	if (o->kind == RPYC_ITERATOR)
		from = o->at;
	n -= from;
	if (n > count)
		n = count > 0 ? count : 0;
	if (n > BUFFITER_MAX && o->kind == RPYC_ITERATOR)
		n = BUFFITER_MAX;
	for (i = 0; i < n && n <= BUFFITER_MAX; i++)
		bytes += 5 + item_size(o, from + i);
	if (n > BUFFITER_MAX || bytes > RPYC_PAYLOAD_MAX - RPYC_RETAIN_MAX) {
		rpyc_raise(s, "MemoryError", "too many items for one answer");
		return;
	}
	b = rpyc_answer(s);
	rpyc_put_label(b, RPYC_VALUE);
	brine_put_tuple(b, (uint32_t)n);
	if (n == 0) {
		rpyc_message_end(s);
		return;
	}
	/* the head of an item takes 1, 2 or 5 bytes, depending on its length */
	for (bytes = 0, i = 0; i < n; i++) {
		uint64_t k = item_size(o, from + i);

		bytes += k + (k <= 4 ? 1 : k < 256 ? 2 : 5);
	}
	rpyc_end(b, 0, bytes);
	out_add(&s->base.out, b->p, b->n);
	for (i = 0; i < n; i++) {
		buf_clear(b, b->cap);
		brine_put_bytes_head(b, (uint32_t)item_size(o, from + i));
		out_add(&s->base.out, b->p, b->n);
		out_cycle(&s->base.out, fill_block(0), FILL_SIZE, 0, item_size(o, from + i));
	}
	out_text(&s->base.out, RPYC_TRAILER);
	if (b->failed)
		s->base.out.failed = true;
	if (o->kind == RPYC_ITERATOR)
		o->at += n;
}

void
rpyc_list_repr(struct rpyc_session *s, size_t index)
{
	const struct rpyc_object *o = &s->object[index];
	struct buf *b, text = { 0 };
	uint64_t bytes = 0, k;
	int64_t i;

	if (o->kind == RPYC_ITERATOR) {
		buf_printf(&text, "<list_iterator object at %#zx>", index + 1);
	} else {
		for (i = 0; i < o->count && bytes <= REPR_MAX; i++)
			bytes += item_size(o, i) + 1;
		if (bytes > REPR_MAX)
			buf_printf(&text, "<list of %lld byte strings>", (long long)o->count);
		else
			buf_text(&text, "[");
		for (i = 0; i < o->count && bytes <= REPR_MAX; i++) {
			buf_text(&text, i > 0 ? ", b'" : "b'");
			for (k = item_size(o, i); k > 0; k--)
				buf_text(&text, "\\x00");
			buf_text(&text, "'");
		}
		if (bytes <= REPR_MAX)
			buf_text(&text, "]");
	}
	b = rpyc_answer(s);
	rpyc_put_label(b, RPYC_VALUE);
	brine_put_str_n(b, text.p, text.n);
	if (text.failed)
		b->failed = true;
	buf_free(&text);
	rpyc_message_end(s);
}
