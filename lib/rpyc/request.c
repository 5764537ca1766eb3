/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side: messages on their way out, and the end of a call. */
#include <stdio.h>

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
rpyc_request_begin(struct rpyc_client *c)
{
	buf_clear(&c->message, 512);
	rpyc_begin(&c->message, c->base.dialect, RPYC_REQUEST);
	brine_put_int(&c->message, (int64_t)c->next_seq);
	return &c->message;
}

void
rpyc_send(struct rpyc_client *c, uint64_t at, uint64_t n, const char *tail, size_t ntail)
{
	const struct payload *payload = c->conf->payload;

	if (n == 0)
		buf_add(&c->message, tail, ntail);
	rpyc_end(&c->message, 0, n > 0 ? n + ntail : 0);
	out_add(&c->base.out, c->message.p, c->message.n);
	if (n > 0) {
		out_cycle(&c->base.out, payload->data, payload->period, at, n);
		out_add(&c->base.out, tail, ntail);
		out_text(&c->base.out, RPYC_TRAILER);
	}
	if (c->message.failed)
		c->base.out.failed = true;
}

void
rpyc_await(struct rpyc_client *c, uint64_t seq)
{
	size_t i = seq & c->mask;

	while (c->pending[i].used)
		i = (i + 1) & c->mask;
	c->pending[i] = (struct rpyc_pending){ true, seq, c->token };
}

void
rpyc_request_send(struct rpyc_client *c)
{
	rpyc_send(c, 0, 0, NULL, 0);
	rpyc_await(c, c->next_seq++);
}

/* DEL: the answer is not waited for. */
static void
release(struct rpyc_client *c, struct brine id_pack)
{
	rpyc_put_del(rpyc_request_begin(c), id_pack);
	rpyc_send(c, 0, 0, NULL, 0);
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
	struct brine id_pack;
	uint64_t ahead = 1;

	while (rpyc_next_ref(&boxed, &ahead, &id_pack))
		release(c, id_pack);
}
