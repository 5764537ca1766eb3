/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side: what the server requests while a call is in progress, answered at
 * once. The chunks of upload_file_chunked are exported to it as a list; it fetches the items
 * one by one. Services also read the client's root as they are connected to, or in their methods:
 * it is as good as none, as that of a stock client is. */
#include <stdio.h>
#include <string.h>

#include "base/msg.h"
#include "rpyc/client_session.h"

/* class numbers of what is exported */
enum { CLASS_LIST = 1, CLASS_ITERATOR, CLASS_ROOT, CLASS_METHOD };

#define ROOT_TEXT "<the root of a benchmark>"

/* What the root has, and what a call of it returns, encoded: what any stock service has, and any
 * object; and what ClassicService fetches from each client, and calls with the names of modules. */
static const struct {
	const char *name, *result;
} attributes[] = {
	{ "get_service_name", "\x08\x0dVOID" },
	{ "get_service_aliases", "\x10\x08\x0dVOID" },
	{ "__format__", "\x08\x0e\x19" ROOT_TEXT },
	{ "getmodule", NULL },
	{ "eval", NULL },
	{ "execute", NULL },
	{ "namespace", NULL },
	{ "getconn", NULL },
};
#define ATTRIBUTES (sizeof attributes / sizeof *attributes)

void
rpyc_put_export(struct rpyc_client *c, struct buf *b)
{
	c->nexports++;
	c->exported = 0;
	rpyc_put_ref(b, RPYC_REMOTE_REF, "builtins.list", CLASS_LIST, c->nexports * 2 - 1);
}

static struct buf *
answer(struct rpyc_client *c, enum rpyc_type type, struct brine seq)
{
	struct buf *b = rpyc_message_begin(c, type);

	buf_add(b, seq.p, (size_t)(seq.end - seq.p));
	return b;
}

/* Write the answer to what the server does with the exported list, __iter__, __next__, __len__,
 * but for the *n bytes of the payload that end it. */
static bool
exported_call(struct rpyc_client *c, struct brine seq, struct rpyc_items items, uint64_t *n)
{
	struct rpyc_boxed object, name;
	struct brine_value v;
	struct rpyc_id id;
	bool list, iterator;
	struct buf *b;

	if (c->base.outstanding == 0 || c->call.op != OP_UPLOAD_FILE_CHUNKED
	    || !rpyc_item(&items, &object) || object.label != RPYC_LOCAL_REF
	    || !rpyc_id(object.at, &id) || !rpyc_item(&items, &name) || name.label != RPYC_VALUE
	    || !brine_get(&name.at, &v))
		return false;
	list = id.cls == CLASS_LIST && id.id == c->nexports * 2 - 1;
	iterator = id.cls == CLASS_ITERATOR && id.id == c->nexports * 2;
	if (brine_is(&v, "__iter__") && (list || iterator)) {
		rpyc_put_ref(answer(c, RPYC_REPLY, seq), RPYC_REMOTE_REF, "builtins.list_iterator",
		    CLASS_ITERATOR, c->nexports * 2);
		if (list)
			c->exported = 0;
	} else if (brine_is(&v, "__len__") && list) {
		b = answer(c, RPYC_REPLY, seq);
		rpyc_put_label(b, RPYC_VALUE);
		brine_put_int(b, c->call.size > 0 ? (int64_t)rpyc_pieces(c) : 0);
	} else if (!brine_is(&v, "__next__") || !iterator) {
		return false;
	} else if (c->exported == c->call.size) {
		brine_put_int(answer(c, RPYC_EXCEPTION, seq), 1); /* StopIteration */
	} else {
		*n = rpyc_piece(c, c->exported / c->call.chunk);
		b = answer(c, RPYC_REPLY, seq);
		rpyc_put_label(b, RPYC_VALUE);
		brine_put_bytes_head(b, (uint32_t)*n);
		c->exported += *n;
	}
	return true;
}

/* PING: send the value back, as far as it was retained. */
static bool
pong(struct rpyc_client *c, struct brine seq, struct rpyc_items items)
{
	struct rpyc_boxed x;
	struct brine at;
	struct buf *b;

	if (!rpyc_item(&items, &x) || x.label != RPYC_VALUE)
		return false;
	at = x.at;
	if (!brine_skip_retained(&at))
		return false;
	b = answer(c, RPYC_REPLY, seq);
	rpyc_put_label(b, RPYC_VALUE);
	buf_add(b, x.at.p, (size_t)(x.at.end - x.at.p));
	return true;
}

/* ---- the root ---- */

/* An argument that refers to the root or one of its attributes: *i is the place of that in the
 * table, or ATTRIBUTES. */
static bool
own(struct rpyc_items *items, size_t *i)
{
	struct rpyc_boxed x;
	struct rpyc_id id;

	if (!rpyc_item(items, &x) || x.label != RPYC_LOCAL_REF || !rpyc_id(x.at, &id))
		return false;
	if (id.cls == CLASS_METHOD && id.id >= 0 && (uint64_t)id.id < ATTRIBUTES)
		*i = (size_t)id.id;
	else if (id.cls == CLASS_ROOT && id.id == 1)
		*i = ATTRIBUTES;
	else
		return false;
	return true;
}

/* The attribute that an argument names, perhaps with "exposed_" in front; if there is none, that is
 * remembered. */
static bool
attribute(struct rpyc_client *c, struct rpyc_items *items, size_t *i)
{
	static const char prefix[] = "exposed_";
	struct brine_value v = { .p = NULL };
	struct rpyc_boxed x;

	if (!rpyc_item(items, &x) || x.label != RPYC_VALUE || !brine_get(&x.at, &v)
	    || v.type != BRINE_STR || !v.p)
		return false;
	msg_printable(c->refused, sizeof c->refused, v.p, v.n);
	if (v.n >= sizeof prefix && memcmp(v.p, prefix, sizeof prefix - 1) == 0) {
		v.p += sizeof prefix - 1;
		v.n -= sizeof prefix - 1;
	}
	for (*i = 0; *i < ATTRIBUTES && !brine_is(&v, attributes[*i].name); ++*i)
		;
	if (*i < ATTRIBUTES)
		c->refused[0] = '\0';
	return *i < ATTRIBUTES;
}

static void
put_result(struct buf *b, size_t i)
{
	if (!attributes[i].result) {
		rpyc_put_tag(b, BRINE_TAG_NONE);
		return;
	}
	rpyc_put_label(b, RPYC_VALUE);
	buf_text(b, attributes[i].result);
}

/* Is it the same object? What Python can't tell from that it is to tell by itself. */
static enum brine_tag
compared(struct rpyc_items items, size_t i)
{
	struct rpyc_boxed op;
	struct brine_value v;
	size_t other;

	if (!own(&items, &other) || other != i || !rpyc_item(&items, &op) || !brine_get(&op.at, &v))
		return BRINE_TAG_NOTIMPLEMENTED;
	return brine_is(&v, "__eq__") ? BRINE_TAG_TRUE
	    : brine_is(&v, "__ne__")  ? BRINE_TAG_FALSE
				      : BRINE_TAG_NOTIMPLEMENTED;
}

/* The same for what a service does with the root. */
static bool
root_request(struct rpyc_client *c, struct brine seq, int64_t handler, struct rpyc_items items)
{
	struct buf *b;
	size_t i = 0, k;
	bool root;

	if (!own(&items, &i))
		return false;
	root = i == ATTRIBUTES;
	if ((handler == RPYC_GETATTR || handler == RPYC_CALLATTR)
	    && (!root || !attribute(c, &items, &i)))
		return false;
	if (handler == RPYC_CALL && root)
		return false;
	b = answer(c, RPYC_REPLY, seq);
	switch (handler) {
	case RPYC_GETATTR:
		rpyc_put_ref(b, RPYC_REMOTE_REF, "builtins.method", CLASS_METHOD, (int64_t)i);
		break;
	case RPYC_CALL:
	case RPYC_CALLATTR: put_result(b, i); break;
	case RPYC_REPR:
	case RPYC_STR: rpyc_put_str(b, root ? ROOT_TEXT : attributes[i].name); break;
	case RPYC_HASH:
		rpyc_put_label(b, RPYC_VALUE);
		brine_put_int(b, (int64_t)i);
		break;
	case RPYC_CMP: rpyc_put_tag(b, compared(items, i)); break;
	default: /* RPYC_DIR */
		rpyc_put_label(b, RPYC_VALUE);
		brine_put_tuple(b, root ? ATTRIBUTES : 0);
		for (k = 0; k < ATTRIBUTES && root; k++)
			brine_put_str(b, attributes[k].name);
	}
	return true;
}

/* The same for any request with these arguments. */
static bool
answered(struct rpyc_client *c, struct brine seq, int64_t handler, struct rpyc_items items,
    uint64_t *n)
{
	switch (handler) {
	case RPYC_DEL:
		/* at once: a stock server's next message may wait for it */
		rpyc_put_tag(answer(c, RPYC_REPLY, seq), BRINE_TAG_NONE);
		return true;
	case RPYC_INSPECT:
		rpyc_put_tag(answer(c, RPYC_REPLY, seq), BRINE_TAG_EMPTY_TUPLE);
		return true;
	case RPYC_GETROOT:
		/* of a class that the peer knows, so that it need not ask for its methods */
		rpyc_put_ref(answer(c, RPYC_REPLY, seq), RPYC_REMOTE_REF, "builtins.object",
		    CLASS_ROOT, 1);
		return true;
	case RPYC_PING: return pong(c, seq, items);
	case RPYC_CALLATTR:
		return exported_call(c, seq, items, n) || root_request(c, seq, handler, items);
	case RPYC_GETATTR:
	case RPYC_CALL:
	case RPYC_REPR:
	case RPYC_STR:
	case RPYC_HASH:
	case RPYC_CMP:
	case RPYC_DIR: return root_request(c, seq, handler, items);
	default: return false;
	}
}

void
rpyc_requested(struct rpyc_client *c, struct brine seq, struct brine body)
{
	struct brine whole = { NULL, NULL };
	struct rpyc_items items;
	struct rpyc_boxed boxed;
	int64_t handler = 0;
	char why[sizeof c->refused + 20];
	uint64_t n = 0;
	struct buf *b;
	bool ok;

	if ((ok = brine_tuple(&body, 2) && brine_int(&body, &handler)))
		whole = body;
	ok = ok && !c->in.overflow && rpyc_boxed(&body, &boxed) && rpyc_items(&boxed, &items);
	if (ok && handler == RPYC_CLOSE) {
		rpyc_lost(c, "the peer has closed the connection");
		return;
	}
	/* a release is not waited for, and says nothing of what the peer is at */
	c->asked = c->asked || handler != RPYC_DEL;
	if (handler != RPYC_DEL)
		c->refused[0] = '\0';
	if (!ok || !answered(c, seq, handler, items, &n)) {
		b = answer(c, RPYC_EXCEPTION, seq);
		rpyc_put_exception(b, "AttributeError");
		snprintf(why, sizeof why,
		    c->refused[0] ? "cannot access '%s'" : "not exported by this client",
		    c->refused);
		brine_put_str(b, why);
		rpyc_put_exception_end(b);
	}
	rpyc_send(c, c->exported - n, n, "");
	rpyc_drop(c, whole);
}
