/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side: what the server requests while a call is in progress, answered at
 * once. The chunks of upload_file_chunked are exported to it as a list; it fetches the items
 * one by one. */
#include "rpyc/client_session.h"

#define CLASS_LIST 1            /* class numbers of what is exported */
#define CLASS_ITERATOR 2

void
rpyc_put_export(struct rpyc_client *c)
{
	c->export++;
	c->exported = 0;
	rpyc_put_ref(&c->message, RPYC_REMOTE_REF, "builtins.list", CLASS_LIST,
	    c->export * 2 - 1);
}

static void
answer_begin(struct rpyc_client *c, enum rpyc_type type, struct brine seq)
{
	buf_clear(&c->message, 512);
	rpyc_begin(&c->message, c->base.dialect, type);
	buf_add(&c->message, seq.p, (size_t)(seq.end - seq.p));
}

static void
answer_tag(struct rpyc_client *c, struct brine seq, enum brine_tag tag)
{
	answer_begin(c, RPYC_REPLY, seq);
	rpyc_put_tag(&c->message, tag);
	rpyc_send(c, 0, 0, NULL, 0);
}

static void
refuse(struct rpyc_client *c, struct brine seq)
{
	answer_begin(c, RPYC_EXCEPTION, seq);
	rpyc_put_exception(&c->message, "AttributeError");
	brine_put_str(&c->message, "not exported by this client");
	rpyc_put_exception_end(&c->message);
	rpyc_send(c, 0, 0, NULL, 0);
}

/* The server operates on the exported list: answer __iter__, __next__, __len__. */
static bool
exported_call(struct rpyc_client *c, struct brine seq, struct rpyc_items items)
{
	struct rpyc_boxed object, name;
	struct brine_value v;
	struct rpyc_id id;
	bool list, iterator;
	uint64_t n;

	if (c->base.outstanding == 0 || c->call.op != OP_UPLOAD_FILE_CHUNKED ||
	    !rpyc_item(&items, &object) || object.label != RPYC_LOCAL_REF ||
	    !rpyc_id(object.at, &id) ||
	    !rpyc_item(&items, &name) || name.label != RPYC_VALUE || !brine_get(&name.at, &v))
		return false;
	list = id.cls == CLASS_LIST && id.id == c->export * 2 - 1;
	iterator = id.cls == CLASS_ITERATOR && id.id == c->export * 2;
	if (brine_is(&v, "__iter__") && (list || iterator)) {
		answer_begin(c, RPYC_REPLY, seq);
		rpyc_put_ref(&c->message, RPYC_REMOTE_REF, "builtins.list_iterator",
		    CLASS_ITERATOR, c->export * 2);
		rpyc_send(c, 0, 0, NULL, 0);
		if (list)
			c->exported = 0;
		return true;
	}
	if (brine_is(&v, "__len__") && list) {
		answer_begin(c, RPYC_REPLY, seq);
		rpyc_put_label(&c->message, RPYC_VALUE);
		brine_put_int(&c->message, c->call.size > 0 ? (int64_t)rpyc_pieces(c) : 0);
		rpyc_send(c, 0, 0, NULL, 0);
		return true;
	}
	if (!brine_is(&v, "__next__") || !iterator)
		return false;
	if (c->exported == c->call.size) {
		answer_begin(c, RPYC_EXCEPTION, seq);
		brine_put_int(&c->message, 1);  /* StopIteration */
		rpyc_send(c, 0, 0, NULL, 0);
		return true;
	}
	n = rpyc_piece(c, c->exported / c->call.chunk);
	answer_begin(c, RPYC_REPLY, seq);
	rpyc_put_label(&c->message, RPYC_VALUE);
	brine_put_bytes_head(&c->message, (uint32_t)n);
	rpyc_send(c, c->exported, n, NULL, 0);
	c->exported += n;
	return true;
}

/* PING: send the value back, as far as it was retained. */
static bool
pong(struct rpyc_client *c, struct brine seq, struct rpyc_items items)
{
	struct rpyc_boxed x;
	struct brine at;
	bool elided = false;

	if (!rpyc_item(&items, &x) || x.label != RPYC_VALUE)
		return false;
	at = x.at;
	if (!brine_skip(&at, &elided) || elided)
		return false;
	answer_begin(c, RPYC_REPLY, seq);
	rpyc_put_label(&c->message, RPYC_VALUE);
	buf_add(&c->message, x.at.p, (size_t)(x.at.end - x.at.p));
	rpyc_send(c, 0, 0, NULL, 0);
	return true;
}

void
rpyc_requested(struct rpyc_client *c, struct brine seq, struct brine body)
{
	struct rpyc_items items;
	struct rpyc_boxed boxed;
	struct brine whole;
	int64_t handler;

	if (!brine_tuple(&body, 2) || !brine_int(&body, &handler)) {
		refuse(c, seq);
		return;
	}
	whole = body;
	if (c->in.overflow || !rpyc_boxed(&body, &boxed) || !rpyc_items(&boxed, &items)) {
		refuse(c, seq);
		rpyc_drop(c, whole);
		return;
	}
	switch (handler) {
	case RPYC_CLOSE:
		rpyc_lost(c, "the peer has closed the connection");
		return;
	case RPYC_DEL:
		/* at once: a stock server's next message may wait for it */
		answer_tag(c, seq, BRINE_TAG_NONE);
		break;
	case RPYC_INSPECT:
		answer_tag(c, seq, BRINE_TAG_EMPTY_TUPLE);
		break;
	case RPYC_PING:
		if (!pong(c, seq, items))
			refuse(c, seq);
		break;
	case RPYC_CALLATTR:
		if (!exported_call(c, seq, items))
			refuse(c, seq);
		break;
	default:
		refuse(c, seq);
		break;
	}
	rpyc_drop(c, whole);
}
