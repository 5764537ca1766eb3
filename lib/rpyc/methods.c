/* SPDX-License-Identifier: ISC */
/* The methods of the service over RPyC. */
#include "rpyc/methods.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "rpyc/args.h"
#include "rpyc/list.h"
#include "rpyc/objects.h"
#include "rpyc/remote_args.h"
#include "rpyc/reply.h"

#define COPY_MAX  4096          /* echo copies up to this rather than hold up what follows */

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
	return i < RPYC_METHODS ? spec(i)->method : NULL;
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

/* ---- the methods ---- */

/* Append a boxed value that was received. References change sides: what the sender called
 * remote is local to us, and the other way round. False: it is malformed. */
static bool
put_echo(struct rpyc_session *s, const struct rpyc_boxed *x)
{
	struct buf *to = &s->message;
	struct brine b = x->at, at, id_pack;
	struct brine_value v;
	enum rpyc_kind kind;
	int64_t label = x->label;
	uint64_t ahead = 1;
	size_t index;

	for (;;) {
		at = b;
		if (label == RPYC_TUPLE) {
			if (!brine_get(&b, &v) || v.type != BRINE_TUPLE)
				return false;
			ahead += v.len;
		} else if (!brine_skip(&b, NULL)) {
			return false;
		}
		at.end = b.p;
		if (label == RPYC_LOCAL_REF) {
			id_pack = at;
			kind = rpyc_resolve(s, &id_pack, &index);
			if (kind == RPYC_LIST || kind == RPYC_ITERATOR)
				s->object[index].refs++;
			label = RPYC_REMOTE_REF;
		} else if (label == RPYC_REMOTE_REF) {
			label = RPYC_LOCAL_REF;
		}
		rpyc_put_label(to, (enum rpyc_label)label);
		buf_add(to, at.p, (size_t)(at.end - at.p));
		if (--ahead == 0)
			return true;
		if (!brine_tuple(&b, 2) || !brine_int(&b, &label))
			return false;
	}
}

static void
echo(struct rpyc_session *s, const struct rpyc_boxed *x)
{
	struct brine at = x->at;
	size_t n = (size_t)(at.end - at.p);
	bool elided = false;
	struct buf *b;

	brine_skip(&at, &elided);
	if (elided) {
		rpyc_raise(s, "MemoryError", "echo holds its data, at most %" PRIu64
		    " bytes", echo_limit(s->service));
		return;
	}
	b = rpyc_answer(s);
	if (x->label != RPYC_VALUE) {
		if (put_echo(s, x))
			rpyc_message_end(s);
		else
			rpyc_raise(s, "ValueError", "argument is not boxed");
		return;
	}
	rpyc_put_label(b, RPYC_VALUE);
	if (n <= COPY_MAX) {
		buf_add(b, x->at.p, n);
		rpyc_message_end(s);
		return;
	}
	/* sent from where it was received: it stays there until then */
	rpyc_message_data(s, x->at.p, n, n);
	s->borrowed = true;
}

static bool
upload(struct rpyc_session *s, const struct rpyc_boxed *x, struct brine whole)
{
	uint64_t n;

	if (x->label == RPYC_REMOTE_REF)
		return rpyc_remote_len(s, x->at, whole);
	if (rpyc_len(s, x, &n) && rpyc_within(s, n))
		rpyc_answer_int(s, n);
	return false;
}

/* The sum of len() over the items of an argument that is neither a reference to an object of
 * the peer's nor a boxed tuple. False: answered with an exception. */
static bool
chunk_total(struct rpyc_session *s, const struct rpyc_boxed *x, uint64_t *total)
{
	struct rpyc_items items = { .boxed = false };
	struct rpyc_boxed item;
	struct brine_value v;
	char type[64];
	uint64_t n;

	*total = 0;
	if (x->label == RPYC_LOCAL_REF && rpyc_list_take(s, x->at, total))
		return true;
	items.at = x->at;
	if (x->label != RPYC_VALUE || !brine_get(&items.at, &v))
		v.type = BRINE_NONE;
	if (v.type == BRINE_FROZENSET && !brine_get(&items.at, &v))
		v.type = BRINE_NONE;
	switch (v.type) {
	case BRINE_STR:
		*total = v.len;         /* characters, each a str of length 1 */
		return true;
	case BRINE_BYTES:
		if (v.len > 0)          /* iteration gives ints */
			rpyc_raise(s, "TypeError", "object of type 'int' has no len()");
		return v.len == 0;
	case BRINE_TUPLE:
		for (items.n = v.len; rpyc_item(&items, &item); *total += n)
			if (!rpyc_len(s, &item, &n))
				return false;
		return true;
	default:
		return rpyc_raise(s, "TypeError", "'%s' object is not iterable",
		    rpyc_type_name(x, type));
	}
}

static bool
upload_chunked(struct rpyc_session *s, const struct rpyc_boxed *x, struct brine whole)
{
	struct rpyc_items items;
	uint64_t total;

	if (x->label == RPYC_REMOTE_REF)
		return rpyc_remote_iter(s, x->at, whole);
	if (x->label == RPYC_TUPLE && rpyc_items(x, &items))
		return rpyc_remote_tuple(s, items, whole);
	if (chunk_total(s, x, &total) && rpyc_within(s, total))
		rpyc_answer_int(s, total);
	return false;
}

static void
download(struct rpyc_session *s, enum op op, const struct rpyc_boxed *x)
{
	struct buf *b;
	uint64_t n;

	if (!rpyc_byte_count(s, x, &n) || !rpyc_within(s, n) || !rpyc_fits(s, n))
		return;
	b = rpyc_answer(s);
	rpyc_put_label(b, RPYC_VALUE);
	brine_put_bytes_head(b, (uint32_t)n);
	rpyc_message_data(s, fill_block(operations[op].fill), FILL_SIZE, n);
}

static void
download_chunked(struct rpyc_session *s, const struct rpyc_boxed value[2])
{
	uint64_t size, chunk;
	struct brine_value v;

	/* as range(0, size, chunk): it does not matter how far below 0 or beyond size they are */
	if (rpyc_integer(&value[0], &v) && !v.fits && v.negative)
		size = 0;
	else if (!rpyc_byte_count(s, &value[0], &size))
		return;
	if (rpyc_integer(&value[1], &v) && !v.fits && !v.negative)
		chunk = INT64_MAX;
	else if (!rpyc_byte_count(s, &value[1], &chunk))
		return;
	if (!rpyc_within(s, size) || !rpyc_fits(s, chunk < size ? chunk : size))
		return;
	if (size > 0 && chunk == 0)
		rpyc_raise(s, "ValueError", "chunk_size must be at least 1");
	else
		rpyc_list_answer(s, size, chunk);
}

static void
not_integer(struct rpyc_session *s, const struct rpyc_boxed *x)
{
	char type[64];

	rpyc_raise(s, "TypeError", "'%s' object cannot be interpreted as an integer",
	    rpyc_type_name(x, type));
}

static void
compute(struct rpyc_session *s, const struct rpyc_boxed *x)
{
	struct brine_value v;

	if (!rpyc_integer(x, &v)) {
		not_integer(s, x);
	} else if (!v.negative && (!v.fits || (uint64_t)v.i > COMPUTE_MAX)) {
		rpyc_raise(s, "OverflowError", "compute takes at most %" PRIu64, COMPUTE_MAX);
	} else {
		memset(&s->compute, 0, sizeof s->compute);
		s->compute.n = v.fits && v.i > 0 ? (uint64_t)v.i : 0;
		s->busy = RPYC_COMPUTE;
	}
}

static void
sleep_for(struct rpyc_session *s, const struct rpyc_boxed *x)
{
	struct brine at = x->at;
	struct brine_value v;
	double seconds = 0;

	if (rpyc_integer(x, &v)) {
		seconds = v.fits ? (double)v.i : SLEEP_MAX_S * 2;
	} else if (x->label == RPYC_VALUE && brine_get(&at, &v) && v.type == BRINE_FLOAT) {
		seconds = v.f;
	} else {
		not_integer(s, x);
		return;
	}
	if (isnan(seconds)) {
		rpyc_raise(s, "ValueError", "Invalid value NaN (not a number)");
	} else if (seconds < 0) {
		rpyc_raise(s, "ValueError", "sleep length must be non-negative");
	} else if (seconds > SLEEP_MAX_S) {
		rpyc_raise(s, "OverflowError", "timestamp too large to convert to C _PyTime_t");
	} else {
		s->busy = RPYC_SLEEP;
		s->sleep_ns = (uint64_t)(seconds * 1e9);
		s->slept = x->at;
	}
}

static bool
call(struct rpyc_session *s, size_t method, const struct rpyc_boxed value[2],
    struct brine whole)
{
	struct buf *b;
	bool waits = false;

	switch (method) {
	case OP_PING:
		rpyc_answer_str(s, "pong");
		break;
	case OP_ECHO:
		echo(s, &value[0]);
		break;
	case OP_UPLOAD:
	case OP_UPLOAD_FILE:
		waits = upload(s, &value[0], whole);
		break;
	case OP_DOWNLOAD:
	case OP_DOWNLOAD_FILE:
		download(s, (enum op)method, &value[0]);
		break;
	case OP_COMPUTE:
		compute(s, &value[0]);
		break;
	case OP_SLEEP:
		sleep_for(s, &value[0]);
		break;
	case OP_UPLOAD_FILE_CHUNKED:
		waits = upload_chunked(s, &value[0], whole);
		break;
	case OP_DOWNLOAD_FILE_CHUNKED:
		download_chunked(s, value);
		break;
	case RPYC_SERVICE_NAME:
		rpyc_answer_str(s, "BENCHMARK");
		break;
	default:
		b = rpyc_answer(s);
		rpyc_put_label(b, RPYC_VALUE);
		brine_put_tuple(b, 1);
		brine_put_str(b, "BENCHMARK");
		rpyc_message_end(s);
		break;
	}
	return waits;
}

bool
rpyc_call(struct rpyc_session *s, size_t method, struct rpyc_items args,
    struct rpyc_items kwargs, struct brine whole)
{
	struct rpyc_boxed value[2];

	memset(value, 0, sizeof value);
	if (!rpyc_bind(s, spec(method), args, kwargs, value))
		return false;
	if (!s->service->timed || method >= OP_METHODS)
		return call(s, method, value, whole);
	s->busy = RPYC_DUE;
	s->due.method = method;
	memcpy(s->due.value, value, sizeof value);
	s->due.whole = whole;
	return true;            /* the references are needed until then */
}

void
rpyc_call_due(struct rpyc_session *s)
{
	s->busy = RPYC_READY;   /* unless the call sets it again */
	if (!call(s, s->due.method, s->due.value, s->due.whole))
		rpyc_release_all(s, s->due.whole);
}
