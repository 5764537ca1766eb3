/* SPDX-License-Identifier: ISC */
/* The blocking driver. */
#include "load/blocking.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client/target.h"
#include "load/retry.h"

/* What is read goes into a buffer of this size: a read of bulk data is large. Many clients have
 * a smaller one each. */
#define IN_SIZE ((size_t)256 << 10)
#define IN_SIZE_MANY ((size_t)64 << 10)

struct blocking_driver {
	struct driver driver;
	const struct bench *bench;
	struct bench_client client;
	unsigned char *in;
};

/* Replace a lost connection, if that comes next. Nothing of it counts. */
static void
reconnect(struct bench_client *k, enum retry next, struct result *t)
{
	while (next == RETRY_RECONNECT) {
		next = retry_after_reconnect(k, client_connect(&k->conn), t);
		client_bytes(&k->conn);
	}
}

/* One operation, and what follows from how it ended. */
static enum client_result
operate(struct bench_client *k, const struct call *call, struct result *t, bool record)
{
	struct client_conn *c = &k->conn;
	struct result_sample s = { .client = k->index, .seq = k->seq };
	enum client_result res = CLIENT_OK;
	struct client_bytes moved;
	enum retry next;
	bool connects;

	s.start_ns = clock_ns();
	if (client_look(c, s.start_ns))
		s.start_ns = clock_ns();
	connects = !client_ready(c);
	if (c->until_ns != UINT64_MAX)
		client_awaits(c, clock_ns());
	if (connects) {
		client_close(c);
		c->moved = (struct client_bytes){ 0, 0 }; /* of another connection */
		res = client_connect(c);
		s.start_ns = c->dialled_ns;
	}
	if (res == CLIENT_OK)
		res = client_call(c, call, s.start_ns);
	if (res == CLIENT_LOST && client_again(c) == CLIENT_AGAIN_ONCE) {
		if ((res = client_connect(c)) == CLIENT_OK) {
			t->retried += record;
			res = client_call(c, call, s.start_ns);
		}
	}
	c->received_ns = clock_ns();
	s.ns = c->received_ns - s.start_ns;
	s.wake_ns = client_wake_ns(c, s.start_ns, c->received_ns);
	s.ok = res == CLIENT_OK;
	if (res == CLIENT_STOPPED)
		return res;
	moved = client_bytes(c);
	if (record) {
		result_add(t, &s, s.ok ? NULL : c->error);
		if (s.ok)
			result_moved(t, c->session->content, moved.sent, moved.received);
		k->seq++;
		if (s.ok && connects && !c->client->conf.close_each)
			t->reconnected++;
	}
	next = record ? retry_after(k, res, s.start_ns)
		      : retry_after_warm_up(k, res, s.start_ns, t);
	reconnect(k, next, t);
	return res;
}

static int
blocking_first(struct driver *d, const struct call *call, struct result *t)
{
	struct bench_client *k = &((struct blocking_driver *)d)->client;
	struct client_conn *c = &k->conn;
	struct result_sample s = { .client = k->index };
	enum client_result res = client_dial(c);
	struct client_bytes moved;

	if (res == CLIENT_OK)
		res = client_call(c, call, c->dialled_ns);
	s.start_ns = c->dialled_ns;
	s.ns = clock_ns() - s.start_ns;
	s.wake_ns = client_wake_ns(c, s.start_ns, s.start_ns + s.ns);
	s.ok = res == CLIENT_OK;
	if (res != CLIENT_STOPPED)
		result_add(t, &s, s.ok ? NULL : c->error);
	moved = client_bytes(c);
	if (s.ok)
		result_moved(t, c->session->content, moved.sent, moved.received);
	reconnect(k, retry_after_first(k, res, s.start_ns, t), t);
	t->gave_up += k->gave_up;
	return 0;
}

static int
blocking_connect(struct driver *d, struct result *t)
{
	struct bench_client *k = &((struct blocking_driver *)d)->client;
	struct client_conn *c = &k->conn;
	struct result_sample s = { .client = k->index };
	enum client_result res;

	if (client_ready(c) || c->client->conf.close_each || client_adopt(c, true))
		return 0;
	res = client_connect(c);
	client_bytes(c);
	if (res == CLIENT_OK || res == CLIENT_STOPPED)
		return 0;
	s.start_ns = c->dialled_ns;
	s.ns = clock_ns() - s.start_ns;
	result_add(t, &s, c->error);
	k->gave_up = true;
	return 0;
}

static int
blocking_warm_up(struct driver *d, const struct call *call, struct result *t, uint64_t count)
{
	const struct bench *b = ((struct blocking_driver *)d)->bench;
	struct bench_client *k = &((struct blocking_driver *)d)->client;
	enum client_result res = CLIENT_OK;
	uint64_t i;

	for (i = 0; i < count && !k->gave_up && !bench_stopped(b); i++) {
		res = operate(k, call, t, false);
		if (res == CLIENT_LOST || res == CLIENT_TIMEOUT)
			break;
	}
	return 0;
}

static int
blocking_run(struct driver *d, const struct call *call, struct result *t, uint64_t count,
    uint64_t start_ns, uint64_t until_ns)
{
	const struct bench *b = ((struct blocking_driver *)d)->bench;
	struct bench_client *k = &((struct blocking_driver *)d)->client;
	uint64_t least_ns = b->least_ns ? start_ns + b->least_ns : 0;

	if (k->gave_up) {
		/* that the connection could not be made may be an error of the row already */
		if (t->errors == 0)
			retry_absent(k, t, b->program->many ? count : 1, start_ns);
		t->gave_up++;
		return 0;
	}
	k->seq = 0;
	while ((count > 0 || t->end_ns < least_ns) && t->end_ns < until_ns && !k->gave_up
	    && !bench_stopped(b)) {
		count -= count > 0;
		operate(k, call, t, true);
	}
	if (b->program->many && until_ns == UINT64_MAX)
		retry_missed(k, t, count);
	t->gave_up += k->gave_up;
	return 0;
}

static bool
blocking_gave_up(const struct driver *d)
{
	return ((const struct blocking_driver *)d)->client.gave_up;
}

static void
blocking_free(struct driver *d)
{
	struct blocking_driver *w = (struct blocking_driver *)d;

	client_close(&w->client.conn);
	free(w->in);
	free(w);
}

struct driver *
blocking_driver_new(const struct bench *b, const struct client *cl, unsigned index)
{
	struct blocking_driver *w = calloc(1, sizeof *w);
	size_t in_size = b->clients > 1 ? IN_SIZE_MANY : IN_SIZE;

	if (!w || !(w->in = malloc(in_size))) {
		free(w);
		return NULL;
	}
	w->driver = (struct driver){ .first = blocking_first,
		.connect = blocking_connect,
		.warm_up = blocking_warm_up,
		.run = blocking_run,
		.gave_up = blocking_gave_up,
		.free = blocking_free };
	w->bench = b;
	bench_client_init(&w->client, cl, index, w->in, in_size);
	return &w->driver;
}
