/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side: messages on their way out, and the end of a call. */
#include <stdio.h>
#include <string.h>

#include "payload.h"
#include "rpyc/client_session.h"

void
rpyc_call_fail(struct rpyc_client *c, const char *error)
{
	if (c->base.ok && error != c->base.error)
		snprintf(c->base.error, sizeof c->base.error, "%s", error);
	c->base.ok = false;
}

void
rpyc_call_finish(struct rpyc_client *c, const char *error)
{
	if (error)
		rpyc_call_fail(c, error);
	else
		c->refused[0] = '\0'; /* it made no difference */
	c->base.outstanding--;
	c->base.done = c->token;
	c->token = NULL;
}

void
rpyc_lost(struct rpyc_client *c, const char *error)
{
	c->base.want = WANT_CLOSE;
	if (c->base.outstanding > 0)
		rpyc_call_finish(c, error);
}

uint64_t
rpyc_piece(const struct rpyc_client *c, uint64_t i)
{
	uint64_t left = c->call.size - i * c->call.chunk;

	return left < c->call.chunk ? left : c->call.chunk;
}

uint64_t
rpyc_pieces(const struct rpyc_client *c)
{
	uint64_t n = c->call.size / c->call.chunk + (c->call.size % c->call.chunk != 0);

	return n > 0 ? n : 1;
}

struct buf *
rpyc_message_begin(struct rpyc_client *c, enum rpyc_type type)
{
	struct buf *b = out_buf(&c->base.out);

	c->begin = rpyc_begin(b, c->base.dialect, type);
	return b;
}

struct buf *
rpyc_request_begin(struct rpyc_client *c)
{
	struct buf *b = rpyc_message_begin(c, RPYC_REQUEST);

	brine_put_int(b, (int64_t)c->next_seq);
	return b;
}

void
rpyc_send(struct rpyc_client *c, uint64_t at, uint64_t n, const char *tail)
{
	const struct payload *payload = c->conf->payload;
	struct out *o = &c->base.out;

	if (n == 0)
		buf_add(&o->buf, tail, strlen(tail));
	rpyc_end(&o->buf, c->begin, n > 0 ? n + strlen(tail) : 0);
	out_queue(o, o->buf.n - c->begin);
	if (n > 0) {
		out_cycle(o, payload->data, payload->period, at, n);
		out_text(o, tail);
		out_text(o, RPYC_TRAILER);
	}
}

void
rpyc_request_send(struct rpyc_client *c, uint64_t at, uint64_t n, const char *tail)
{
	size_t i = c->next_seq & c->mask;

	rpyc_send(c, at, n, tail);
	while (c->pending[i].used)
		i = (i + 1) & c->mask;
	c->pending[i] = (struct rpyc_pending){ true, c->next_seq++, c->token };
}

/* DEL: the answer is not waited for. */
static void
release(struct rpyc_client *c, struct brine id_pack)
{
	rpyc_put_del(rpyc_request_begin(c), id_pack);
	rpyc_send(c, 0, 0, "");
	c->next_seq++;
	c->deletions++;
}

void
rpyc_release_id(struct rpyc_client *c, struct buf *id_pack)
{
	if (id_pack->n == 0)
		return;
	release(c, brine_span(id_pack));
	buf_clear(id_pack, id_pack->cap);
}

void
rpyc_drop(struct rpyc_client *c, struct brine boxed)
{
	struct rpyc_walk w = { .at = boxed, .ahead = 1 };
	uint64_t work = UINT64_MAX;

	while (rpyc_next_ref(&w, &work) == WALK_BOXED)
		release(c, w.x.at);
}
