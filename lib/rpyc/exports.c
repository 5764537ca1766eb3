/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side: what the server requests while a call is in progress, answered at
 * once. The chunks of upload_file_chunked are exported to it as a list; it fetches the items
 * one by one. */
#include "rpyc/client_session.h"

#define CLASS_LIST 1 /* class numbers of what is exported */
#define CLASS_ITERATOR 2

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
	case RPYC_PING: return pong(c, seq, items);
	case RPYC_CALLATTR: return exported_call(c, seq, items, n);
	default: return false;
	}
}

void
rpyc_requested(struct rpyc_client *c, struct brine seq, struct brine body)
{
	struct brine whole = { NULL, NULL };
	struct rpyc_items items;
	struct rpyc_boxed boxed;
	int64_t handler;
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
	if (!ok || !answered(c, seq, handler, items, &n)) {
		b = answer(c, RPYC_EXCEPTION, seq);
		rpyc_put_exception(b, "AttributeError");
		brine_put_str(b, "not exported by this client");
		rpyc_put_exception_end(b);
	}
	rpyc_send(c, c->exported - n, n, "");
	rpyc_drop(c, whole);
}
