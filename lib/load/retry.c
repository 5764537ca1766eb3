/* SPDX-License-Identifier: ISC */
/* What follows from how an operation ended. */
#include "load/retry.h"

#include <string.h>

#include "base/clock.h"

void
bench_client_init(struct bench_client *k, const struct client *client, unsigned index,
    unsigned char *in, size_t in_size)
{
	memset(k, 0, sizeof *k);
	k->index = index;
	client_conn_init(&k->conn, client, in, in_size);
	k->conn.index = index;
}

static const char absent[] = "a client has no connection";

static enum retry
give_up(struct bench_client *k)
{
	k->gave_up = true;
	return RETRY_GIVE_UP;
}

enum retry
retry_after(struct bench_client *k, enum client_result res, uint64_t start_ns)
{
	bool close_each = k->conn.client->conf.close_each;

	if (res == CLIENT_TIMEOUT) {
		if (!client_grace(&k->conn))
			return give_up(k);
	} else if (res == CLIENT_LOST) {
		if (!client_broken_off(&k->conn, start_ns))
			return give_up(k);
	} else {
		if (res != CLIENT_STOPPED) {
			client_answered(&k->conn);
			k->failures = 0;
		}
		return RETRY_GO_ON;
	}
	if (!close_each)
		return RETRY_RECONNECT;
	/* each operation connects for itself: after RETRY_MAX that fail, give up */
	if (k->conn.connected_ns == 0 && ++k->failures > RETRY_MAX)
		return give_up(k);
	return RETRY_GO_ON;
}

enum retry
retry_after_reconnect(struct bench_client *k, enum client_result res, struct result *t)
{
	uint64_t now;

	if (res == CLIENT_OK || res == CLIENT_STOPPED) {
		k->failures = 0;
		return RETRY_GO_ON;
	}
	result_warn(t, "connecting again", k->conn.error);
	now = clock_ns();
	if (t->end_ns < now) /* it took part of the time, and of the processor's */
		t->end_ns = now;
	if (res == CLIENT_TIMEOUT && !client_grace(&k->conn))
		return give_up(k);
	if (++k->failures == RETRY_MAX)
		return give_up(k);
	return RETRY_RECONNECT;
}

enum retry
retry_after_connect(struct bench_client *k, enum client_result res)
{
	return res == CLIENT_LOST || res == CLIENT_TIMEOUT ? give_up(k) : RETRY_GO_ON;
}

enum retry
retry_after_first(struct bench_client *k, enum client_result res, uint64_t start_ns,
    struct result *t)
{
	enum retry next = retry_after(k, res, start_ns);

	if (res == CLIENT_LOST || res == CLIENT_TIMEOUT)
		t->unheard += !k->conn.spoke;
	if (next == RETRY_RECONNECT)
		k->failures = 1;
	return next;
}

void
retry_absent(struct bench_client *k, struct result *t, uint64_t count, uint64_t start_ns)
{
	struct result_sample s = { .client = k->index, .start_ns = start_ns };

	result_add(t, &s, absent);
	if (count < UINT64_MAX)
		result_missed(t, count - 1, absent);
}

void
retry_missed(const struct bench_client *k, struct result *t, uint64_t count)
{
	if (k->gave_up)
		result_missed(t, count, absent);
}

enum retry
retry_after_warm_up(struct bench_client *k, enum client_result res, uint64_t start_ns,
    struct result *t)
{
	enum retry next = retry_after(k, res, start_ns);

	if (res != CLIENT_OK && res != CLIENT_STOPPED)
		result_warn(t, "warm-up", k->conn.error);
	return next;
}
