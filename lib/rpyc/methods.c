/* SPDX-License-Identifier: ISC */
/* The methods of the service over RPyC. */
#include <inttypes.h>

#include "rpyc/session.h"

#define ECHO_BOXED_MAX ((size_t)1 << 20) /* bytes that echo returns beside references */

static const struct operation names[] = {
	{ .method = "get_service_name" },
	{ .method = "get_service_aliases" },
};

static const struct operation *
spec(size_t method)
{
	return method < OP_METHODS ? &operations[method] : &names[method - OP_METHODS];
}

const char *
rpyc_method_name(size_t i)
{
	return spec(i)->method;
}

size_t
rpyc_method_find(const void *name, size_t n)
{
	static const char prefix[] = "exposed_";
	const char *p = name;
	size_t i;

	if (n >= sizeof prefix - 1 && memcmp(p, prefix, sizeof prefix - 1) == 0) {
		p += sizeof prefix - 1;
		n -= sizeof prefix - 1;
	}
	if ((i = op_by_method(p, n)) != OP_COUNT)
		return i;
	for (i = RPYC_SERVICE_NAME; i < RPYC_METHODS; i++)
		if (n == strlen(spec(i)->method) && memcmp(p, spec(i)->method, n) == 0)
			return i;
	return RPYC_METHODS;
}

/* ---- the methods: answer the call of s->method with s->value ---- */

static bool
ping(struct rpyc_session *s)
{
	return rpyc_answer_str(s, "pong");
}

/* Append a boxed value that was received, one that is well-formed. References change sides: what
 * the sender called remote is local to us, and the other way round. */
static void
put_echo(struct rpyc_session *s, struct buf *to, const struct rpyc_boxed *x)
{
	struct brine b = x->at, at, id_pack;
	enum rpyc_kind kind;
	int64_t label = x->label;
	uint64_t ahead = 1, items;
	size_t index;

	for (;;) {
		at = id_pack = b;
		if (label == RPYC_TUPLE && brine_items(&b, &items))
			ahead += items;
		else
			brine_skip(&b, NULL);
		if (label == RPYC_LOCAL_REF) {
			kind = rpyc_resolve(s, &id_pack, &index);
			if (kind >= RPYC_LIST)
				s->object[index].refs++;
			label = RPYC_REMOTE_REF;
		} else if (label == RPYC_REMOTE_REF) {
			label = RPYC_LOCAL_REF;
		}
		rpyc_put_label(to, (enum rpyc_label)label);
		buf_add(to, at.p, (size_t)(b.p - at.p));
		if (--ahead == 0 || !rpyc_get_label(&b, &label))
			return;
	}
}

static bool
echo(struct rpyc_session *s)
{
	const struct rpyc_boxed *x = s->value;
	size_t n = (size_t)(x->at.end - x->at.p);

	if (s->elided)
		return rpyc_raise(s, "MemoryError",
		    "echo holds its data, at most %" PRIu64 " bytes", echo_limit(s->service));
	if (x->label == RPYC_VALUE)
		return rpyc_answer_copy(s, x->at);
	if (s->values > RPYC_VALUES_AT_ONCE || n > ECHO_BOXED_MAX
	    || n + s->in.retained.n > rpyc_room(s))
		return rpyc_raise(s, "MemoryError", "echo of too much beside references");
	put_echo(s, rpyc_answer(s), x);
	return rpyc_message_end(s);
}

static bool
upload(struct rpyc_session *s)
{
	uint64_t n;

	if (s->value->label == RPYC_REMOTE_REF)
		return rpyc_remote_call(s, s->value, false);
	return rpyc_len(s, s->value, &n) && rpyc_within(s, n) && rpyc_answer_int(s, n);
}

/* Go on with the items of a plain tuple. */
static bool
chunks_step(struct rpyc_session *s)
{
	struct rpyc_boxed item = { .label = RPYC_VALUE };
	uint64_t n;

	while (s->chunks.left > 0 || s->chunks.under_way > 0) {
		if (s->chunks.under_way == 0) {
			item.at = s->chunks.at;
			if (!rpyc_len(s, &item, &n))
				return false;
			s->chunks.total += n;
			s->chunks.left--;
			s->chunks.under_way = 1;
		}
		if (!brine_pass(&s->chunks.at, &s->chunks.under_way, NULL, &s->work))
			return rpyc_raise(s, "ValueError", "a tuple that is cut short");
		if (!work_done(&s->work, WORK_PASS))
			return rpyc_pause(s, chunks_step);
	}
	return rpyc_within(s, s->chunks.total) && rpyc_answer_int(s, s->chunks.total);
}

static bool
upload_chunked(struct rpyc_session *s)
{
	const struct rpyc_boxed *x = s->value;
	struct brine at = x->at;
	struct brine_value v;
	char type[64];
	uint64_t n;

	if (x->label == RPYC_REMOTE_REF || x->label == RPYC_TUPLE)
		return rpyc_remote_call(s, x, true);
	if (x->label == RPYC_LOCAL_REF && rpyc_list_take(s, at, &n))
		return rpyc_within(s, n) && rpyc_answer_int(s, n);
	if (x->label != RPYC_VALUE || !brine_get(&at, &v)
	    || (v.type == BRINE_FROZENSET && !brine_get(&at, &v)))
		v.type = BRINE_NONE;
	switch (v.type) {
	case BRINE_STR: /* characters, each a str of length 1 */
		return rpyc_within(s, v.len) && rpyc_answer_int(s, v.len);
	case BRINE_BYTES: /* iteration gives ints */
		return v.len > 0 ? rpyc_raise(s, "TypeError", "object of type 'int' has no len()")
				 : rpyc_answer_int(s, 0);
	case BRINE_TUPLE:
		s->chunks.at = at;
		s->chunks.left = v.len;
		s->chunks.under_way = s->chunks.total = 0;
		return chunks_step(s);
	default:
		return rpyc_raise(s, "TypeError", "'%s' object is not iterable",
		    rpyc_type_name(x, type));
	}
}

static bool
download(struct rpyc_session *s)
{
	uint64_t n;

	return rpyc_byte_count(s, s->value, &n) && rpyc_within(s, n) && rpyc_fits(s, n)
	    && rpyc_answer_fill(s, operations[s->method].fill, n);
}

static bool
download_chunked(struct rpyc_session *s)
{
	struct rpyc_object o = { .kind = RPYC_LIST, .step = 1 };
	struct brine_value v;

	/* as range(0, size, chunk): it does not matter how far below 0 or beyond size they are */
	if ((!rpyc_integer(&s->value[0], &v) || v.fits || !v.negative)
	    && !rpyc_byte_count(s, &s->value[0], &o.size))
		return false;
	if (rpyc_integer(&s->value[1], &v) && !v.fits && !v.negative)
		o.chunk = INT64_MAX;
	else if (!rpyc_byte_count(s, &s->value[1], &o.chunk))
		return false;
	if (!rpyc_within(s, o.size) || !rpyc_fits(s, o.chunk < o.size ? o.chunk : o.size))
		return false;
	if (o.size > 0 && o.chunk == 0)
		return rpyc_raise(s, "ValueError", "chunk_size must be at least 1");
	if (o.size > 0)
		o.count = (int64_t)(o.size / o.chunk + (o.size % o.chunk != 0));
	return rpyc_answer_new(s, &o);
}

static bool
not_integer(struct rpyc_session *s)
{
	char type[64];

	return rpyc_raise(s, "TypeError", "'%s' object cannot be interpreted as an integer",
	    rpyc_type_name(s->value, type));
}

static bool
compute_step(struct rpyc_session *s)
{
	char text[40];
	size_t n;

	if (!compute_run(&s->compute))
		return rpyc_pause(s, compute_step);
	if (s->compute.hi == 0 && s->compute.lo <= INT64_MAX)
		return rpyc_answer_int(s, s->compute.lo);
	n = compute_text(&s->compute, text);
	brine_put_int_text(rpyc_answer_value(s), text, n);
	return rpyc_message_end(s);
}

static bool
compute(struct rpyc_session *s)
{
	struct brine_value v;

	if (!rpyc_integer(s->value, &v))
		return not_integer(s);
	if (!v.negative && (!v.fits || (uint64_t)v.i > COMPUTE_MAX))
		return rpyc_raise(s, "OverflowError", "compute takes at most %" PRIu64,
		    COMPUTE_MAX);
	s->compute = (struct compute){ .n = v.fits && v.i > 0 ? (uint64_t)v.i : 0 };
	return rpyc_pause(s, compute_step);
}

static bool
slept(struct rpyc_session *s)
{
	return rpyc_answer_copy(s, s->value->at);
}

static bool
sleep_for(struct rpyc_session *s)
{
	struct brine at = s->value->at;
	struct brine_value v;
	double seconds;

	if (rpyc_integer(s->value, &v))
		seconds = v.fits ? (double)v.i : SLEEP_MAX_S * 2;
	else if (s->value->label == RPYC_VALUE && brine_get(&at, &v) && v.type == BRINE_FLOAT)
		seconds = v.f;
	else
		return not_integer(s);
	if (seconds < 0)
		return rpyc_raise(s, "ValueError", "sleep length must be non-negative");
	if (seconds > SLEEP_MAX_S)
		return rpyc_raise(s, "OverflowError",
		    "timestamp too large to convert to C "
		    "_PyTime_t");
	if (!(seconds >= 0))
		return rpyc_raise(s, "ValueError", "Invalid value NaN (not a number)");
	s->base.wait_ns = (uint64_t)(seconds * 1e9);
	s->resume = slept;
	return true;
}

static bool
service_name(struct rpyc_session *s)
{
	return rpyc_answer_str(s, "BENCHMARK");
}

static bool
service_aliases(struct rpyc_session *s)
{
	struct buf *b = rpyc_answer_value(s);

	brine_put_tuple(b, 1);
	brine_put_str(b, "BENCHMARK");
	return rpyc_message_end(s);
}

static bool (*const method[RPYC_METHODS])(struct rpyc_session *) = {
	[OP_PING] = ping,
	[OP_ECHO] = echo,
	[OP_UPLOAD] = upload,
	[OP_DOWNLOAD] = download,
	[OP_COMPUTE] = compute,
	[OP_SLEEP] = sleep_for,
	[OP_UPLOAD_FILE] = upload,
	[OP_DOWNLOAD_FILE] = download,
	[OP_UPLOAD_FILE_CHUNKED] = upload_chunked,
	[OP_DOWNLOAD_FILE_CHUNKED] = download_chunked,
	[RPYC_SERVICE_NAME] = service_name,
	[RPYC_SERVICE_ALIASES] = service_aliases,
};

/* The service time has passed. */
static bool
call_due(struct rpyc_session *s)
{
	s->base.service_time = false;
	return method[s->method](s);
}

bool
rpyc_call(struct rpyc_session *s, size_t i, struct rpyc_items args, struct rpyc_items kwargs)
{
	if (!rpyc_bind(s, spec(i), args, kwargs))
		return false;
	s->method = i;
	if (!s->service->timed || i >= OP_METHODS)
		return method[i](s);
	s->base.service_time = true;
	s->resume = call_due;
	return true;
}
