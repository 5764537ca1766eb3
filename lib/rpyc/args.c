/* SPDX-License-Identifier: ISC */
/* The arguments of a call, as Python takes them: matched to parameters, and converted. */
#include "rpyc/args.h"

#include <inttypes.h>
#include <stdio.h>

#include "rpyc/objects.h"
#include "rpyc/reply.h"

#define METHOD RPYC_CLASS ".exposed_%s()"       /* one as Python names it in error texts */

const char *
rpyc_type_name(const struct rpyc_boxed *x, char text[64])
{
	struct brine at = x->at;
	struct brine_value v;
	struct rpyc_id id;
	const char *name;
	size_t n;

	if (x->label == RPYC_TUPLE)
		return "tuple";
	if (x->label == RPYC_VALUE)
		return brine_get(&at, &v) ? brine_type_name(v.type) : "?";
	if (!rpyc_id(at, &id))
		return "?";
	name = (const char *)id.name.p;
	for (n = id.name.n; n > 0 && name[n - 1] != '.'; n--)
		;
	snprintf(text, 64, "%.*s", (int)(id.name.n - n < 63 ? id.name.n - n : 63), name + n);
	return text;
}

static int
parameter(const struct operation *op, const struct brine_value *name)
{
	int i;

	for (i = 0; i < op->nargs; i++)
		if (brine_is(name, op->arg[i]))
			return i;
	return -1;
}

/* Take the positional arguments, and note which parameters have one. False: there are more
 * arguments than parameters, answered with TypeError. */
static bool
positional(struct rpyc_session *s, const struct operation *op, struct rpyc_items args,
    struct rpyc_boxed value[2], bool have[2])
{
	int i;

	if (args.n > (uint64_t)op->nargs)
		return rpyc_raise(s, "TypeError", METHOD " takes %d positional argument%s but %"
		    PRIu64 " were given", op->method, op->nargs + 1,
		    op->nargs == 0 ? "" : "s", args.n + 1);
	for (i = 0; i < 2 && rpyc_item(&args, &value[i]); i++)
		have[i] = true;
	return true;
}

/* Take a keyword argument, a pair of name and value; the first given parameters have positional
 * ones. False: answered with an exception. */
static bool
keyword(struct rpyc_session *s, const struct operation *op, const struct rpyc_boxed *pair,
    uint64_t given, struct rpyc_boxed value[2], bool have[2])
{
	struct rpyc_items parts;
	struct rpyc_boxed name;
	struct brine_value v;
	int i;

	if (!rpyc_items(pair, &parts) || parts.n != 2 || !rpyc_item(&parts, &name) ||
	    name.label != RPYC_VALUE || !brine_get(&name.at, &v) || v.type != BRINE_STR)
		return rpyc_raise(s, "TypeError", "keywords must be strings");
	if ((i = parameter(op, &v)) < 0)
		return rpyc_raise(s, "TypeError", METHOD " got an unexpected keyword argument "
		    "'%.*s'", op->method, v.p ? (int)(v.n < 200 ? v.n : 200) : 0,
		    v.p ? (const char *)v.p : "");
	if ((uint64_t)i < given)
		return rpyc_raise(s, "TypeError", METHOD " got multiple values for argument '%s'",
		    op->method, op->arg[i]);
	if (!rpyc_item(&parts, &value[i]))
		return rpyc_raise(s, "ValueError", "argument is not boxed");
	have[i] = true;
	return true;
}

/* Does every parameter have an argument? False: answered with TypeError. */
static bool
complete(struct rpyc_session *s, const struct operation *op, const bool have[2])
{
	int missing = op->nargs - have[0] - have[1];

	if (missing == 2)
		rpyc_raise(s, "TypeError", METHOD " missing 2 required positional arguments: "
		    "'%s' and '%s'", op->method, op->arg[0], op->arg[1]);
	else if (missing == 1)
		rpyc_raise(s, "TypeError", METHOD " missing 1 required positional argument: '%s'",
		    op->method, op->arg[have[0]]);
	return missing == 0;
}

bool
rpyc_bind(struct rpyc_session *s, const struct operation *op, struct rpyc_items args,
    struct rpyc_items kwargs, struct rpyc_boxed value[2])
{
	bool have[2] = { false, false };
	struct rpyc_boxed pair;

	if (!positional(s, op, args, value, have))
		return false;
	while (rpyc_item(&kwargs, &pair))
		if (!keyword(s, op, &pair, args.n, value, have))
			return false;
	return complete(s, op, have);
}

bool
rpyc_integer(const struct rpyc_boxed *x, struct brine_value *v)
{
	struct brine b = x->at;

	return x->label == RPYC_VALUE && brine_get(&b, v) &&
	    (v->type == BRINE_INT || v->type == BRINE_BOOL);
}

bool
rpyc_byte_count(struct rpyc_session *s, const struct rpyc_boxed *x, uint64_t *n)
{
	struct brine_value v;
	char type[64];

	if (!rpyc_integer(x, &v))
		return rpyc_raise(s, "TypeError", "can't multiply sequence by non-int of type '%s'",
		    rpyc_type_name(x, type));
	if (!v.fits)
		return rpyc_raise(s, "OverflowError",
		    "cannot fit 'int' into an index-sized integer");
	*n = v.i > 0 ? (uint64_t)v.i : 0;
	return true;
}

static bool
limit(struct rpyc_session *s, uint64_t n, uint64_t max)
{
	return n <= max || rpyc_raise(s, "MemoryError", "%" PRIu64 " bytes, the limit is %" PRIu64,
	    n, max);
}

bool
rpyc_within(struct rpyc_session *s, uint64_t n)
{
	return limit(s, n, s->service->max_payload);
}

bool
rpyc_fits(struct rpyc_session *s, uint64_t n)
{
	return limit(s, n, RPYC_PAYLOAD_MAX - RPYC_RETAIN_MAX);
}

/* len() of a value that is not a reference to an object of the peer's. False: it has none. */
static bool
length(struct rpyc_session *s, const struct rpyc_boxed *x, uint64_t *n)
{
	struct rpyc_items items;
	struct brine_value v;
	struct brine b = x->at;
	size_t index;

	switch (x->label) {
	case RPYC_TUPLE:
		if (!rpyc_items(x, &items))
			return false;
		*n = items.n;
		return true;
	case RPYC_LOCAL_REF:
		if (rpyc_resolve(s, &b, &index) != RPYC_LIST)
			return false;
		*n = (uint64_t)s->object[index].count;
		return true;
	case RPYC_VALUE:
		break;
	default:
		return false;
	}
	if (!brine_get(&b, &v) || (v.type == BRINE_FROZENSET && !brine_get(&b, &v)))
		return false;
	*n = v.len;
	return v.type == BRINE_BYTES || v.type == BRINE_STR || v.type == BRINE_TUPLE;
}

bool
rpyc_len(struct rpyc_session *s, const struct rpyc_boxed *x, uint64_t *n)
{
	char type[64];

	return length(s, x, n) || rpyc_raise(s, "TypeError", "object of type '%s' has no len()",
	    rpyc_type_name(x, type));
}
