/* SPDX-License-Identifier: ISC */
/* The arguments of a call, as Python takes them: matched to parameters, and converted. */
#include <inttypes.h>
#include <stdio.h>

#include "rpyc/session.h"

#define METHOD RPYC_CLASS ".exposed_%s()" /* one as Python names it in error texts */

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

/* The first of the parts of a keyword argument: its name. It is not passed if it is no str. */
static bool
name_of(struct rpyc_items *parts, struct brine_value *v)
{
	int64_t label = RPYC_VALUE;

	parts->n--;
	return (!parts->boxed || rpyc_get_label(&parts->at, &label)) && label == RPYC_VALUE
	    && brine_get(&parts->at, v) && v->type == BRINE_STR;
}

/* Take a keyword argument, a pair of name and value; the first given parameters have positional
 * ones. False: answered with an exception. */
static bool
keyword(struct rpyc_session *s, const struct operation *op, const struct rpyc_boxed *pair,
    uint64_t given)
{
	struct rpyc_items parts;
	struct brine_value v;
	int i;

	if (!rpyc_items(pair, &parts) || parts.n != 2 || !name_of(&parts, &v))
		return rpyc_raise(s, "TypeError", "keywords must be strings");
	for (i = 0; i < op->nargs && !brine_is(&v, op->arg[i]); i++)
		;
	if (i == op->nargs)
		return rpyc_raise(s, "TypeError",
		    METHOD " got an unexpected keyword argument "
			   "'%.*s'",
		    op->method, v.p ? (int)(v.n < 200 ? v.n : 200) : 0,
		    v.p ? (const char *)v.p : "");
	if ((uint64_t)i < given)
		return rpyc_raise(s, "TypeError", METHOD " got multiple values for argument '%s'",
		    op->method, op->arg[i]);
	return rpyc_item(&parts, &s->value[i])
	    || rpyc_raise(s, "ValueError", "argument is not boxed");
}

bool
rpyc_bind(struct rpyc_session *s, const struct operation *op, struct rpyc_items args,
    struct rpyc_items kwargs)
{
	struct rpyc_boxed *value = s->value, pair;
	uint64_t given = args.n;
	int i, missing;

	if (given > (uint64_t)op->nargs)
		return rpyc_raise(s, "TypeError",
		    METHOD " takes %d positional argument%s but %" PRIu64 " were given", op->method,
		    op->nargs + 1, op->nargs == 0 ? "" : "s", given + 1);
	if (s->values > RPYC_VALUES_AT_ONCE && (given > 1 || kwargs.n > 1))
		return rpyc_raise(s, "MemoryError", "arguments have too many parts");
	value[0].label = value[1].label = 0; /* no argument so far */
	for (i = 0; i < 2 && rpyc_item(&args, &value[i]); i++)
		;
	while (rpyc_item(&kwargs, &pair))
		if (!keyword(s, op, &pair, given))
			return false;
	missing = op->nargs - (value[0].label != 0) - (value[1].label != 0);
	if (missing == 2)
		return rpyc_raise(s, "TypeError",
		    METHOD " missing 2 required positional "
			   "arguments: '%s' and '%s'",
		    op->method, op->arg[0], op->arg[1]);
	if (missing == 1)
		return rpyc_raise(s, "TypeError",
		    METHOD " missing 1 required positional "
			   "argument: '%s'",
		    op->method, op->arg[value[0].label != 0]);
	return true;
}

bool
rpyc_integer(const struct rpyc_boxed *x, struct brine_value *v)
{
	struct brine b = x->at;

	return x->label == RPYC_VALUE && brine_get(&b, v)
	    && (v->type == BRINE_INT || v->type == BRINE_BOOL);
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
	return n <= max
	    || rpyc_raise(s, "MemoryError", "%" PRIu64 " bytes, the limit is %" PRIu64, n, max);
}

bool
rpyc_within(struct rpyc_session *s, uint64_t n)
{
	return limit(s, n, s->service->max_payload);
}

bool
rpyc_fits(struct rpyc_session *s, uint64_t n)
{
	return limit(s, n, RPYC_PAYLOAD_MAX - RPYC_HOLD_MAX);
}

bool
rpyc_len(struct rpyc_session *s, const struct rpyc_boxed *x, uint64_t *n)
{
	struct rpyc_items items;
	struct brine_value v;
	struct brine b = x->at;
	char type[64];
	size_t index;

	if (x->label == RPYC_TUPLE && rpyc_items(x, &items)) {
		*n = items.n;
		return true;
	}
	if (x->label == RPYC_LOCAL_REF && rpyc_resolve(s, &b, &index) == RPYC_LIST) {
		*n = (uint64_t)s->object[index].count;
		return true;
	}
	if (x->label == RPYC_VALUE && brine_get(&b, &v)
	    && (v.type != BRINE_FROZENSET || brine_get(&b, &v))
	    && (v.type == BRINE_BYTES || v.type == BRINE_STR || v.type == BRINE_TUPLE)) {
		*n = v.len;
		return true;
	}
	return rpyc_raise(s, "TypeError", "object of type '%s' has no len()",
	    rpyc_type_name(x, type));
}
