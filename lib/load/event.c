/* SPDX-License-Identifier: ISC */
/* The event driver.
 *
 * A flow is a client with its connection, and on it up to depth requests are outstanding.
 * Connecting is part of a request, or, when a lost connection is replaced, a request of its own;
 * then nothing else is outstanding on it. All requests have the same time limit, so a list in
 * the order they started finds those that take too long.
 *
 * In a closed loop a flow starts the next request when one is complete. In an open loop flows
 * that can take a request queue up, and get one when it is due (schedule.h). Requests that start
 * together on one connection are sent together.
 * A flow that has received what takes long to read gives way after WORK_MAX of it to the others. */
#include "load/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/rng.h"
#include "client/target.h"
#include "load/request.h"
#include "load/retry.h"
#include "net/loop.h"
#include "net/sock.h"

#define IN_SIZE ((size_t)256 << 10)
#define EVENTS 256
/* Starting a thousand flows takes a while, and so do a thousand replies: after this many, see
 * what has arrived and what is due, so that neither waits for long. */
#define AT_ONCE 16
/* A sleep ends this much late (with Linux's usual timer slack): the rest of the time to the next
 * request passes without sleeping. */
#define WAKE_NS ((uint64_t)70 * 1000)
#define GRACE_CHECK_NS (20 * CLOCK_MS)

enum step {
	OPEN, /* connected and ready for calls, or not connected */
	DIAL,
	HELLO /* what the flow's only request is at */
};

enum phase { FIRST, CONNECT, WARM_UP, RUN };

struct flow {
	enum step step;
	bool active;    /* the phase is not over for it */
	bool reconnect; /* its only request replaces a lost connection */
	bool watched;   /* by the loop */
	bool unread;    /* the loop is to report what it has reported: there may be more */
	unsigned interest;
	uint64_t left; /* operations of this phase, still to start */

	struct requests list;
	struct request *again; /* of the list: on a new connection, the first that is still to be
				* begun again. It comes before all new ones. */
	bool careful;          /* that waits until the connection has answered one */
	struct request *free;  /* its requests that are not outstanding: by in[FLOW].next */

	bool queued; /* open loop: in the queue of flows that are ready */
	struct flow *next_ready;
	unsigned closed_round;    /* the driver's round in which it was closed last */
	unsigned unsent;          /* requests just started, */
	struct flow *next_unsent; /* and the next flow that has some */
	bool paused;              /* in the list of those that are client_paused(): */
	struct flow *next_paused;
	struct bench_client k; /* last, for its last part is seldom used */
};

struct event_driver {
	struct driver driver;
	const struct bench *bench;
	struct loop *loop;
	struct flow *flow;
	unsigned n;
	struct request *request; /* of all flows */
	unsigned char *in;
	struct out out; /* these two are shared by all connections */
	struct requests all;
	unsigned round;               /* counts the waits for events */
	uint64_t next_grace_check_ns; /* when a flow's grace ends (client_grace()); of many that
				       * end at almost the same time, the first */
	struct schedule schedule;
	struct flow *ready, **ready_end; /* a queue */
	struct flow *paused;             /* each has its next turn in the next round */

	/* The phase. */
	enum phase phase;
	bool open; /* open loop */
	unsigned depth;
	const struct call *call;
	struct result *result;
	uint64_t until_ns; /* no operation starts after this */
	uint64_t least_ns; /* until then some do, however many there were */
	unsigned active;   /* flows for which it is not over */
};

static const struct call hello = { .op = OP_HELLO };

static void
flow_close(struct event_driver *d, struct flow *f)
{
	if (f->watched)
		loop_closing(d->loop, f->k.conn.fd);
	f->watched = false;
	f->closed_round = d->round;
	client_close(&f->k.conn);
}

/* ---- requests ---- */

static void
request_free(struct flow *f, struct request *r)
{
	r->in[FLOW].next = f->free;
	f->free = r;
}

static struct request *
request_start(struct event_driver *d, struct flow *f, uint64_t due_ns, uint64_t start_ns)
{
	struct client_conn *c = &f->k.conn;
	struct request *r = f->free;

	if (!f->list.oldest && c->until_ns != UINT64_MAX) {
		client_awaits(c, clock_ns());
		if (d->next_grace_check_ns > c->until_ns)
			d->next_grace_check_ns = c->until_ns;
	}
	f->free = r->in[FLOW].next;
	r->due_ns = due_ns;
	r->start_ns = start_ns;
	r->lost_bytes = 0;
	r->again = CLIENT_AGAIN_NO;
	r->dialled = r->retried = r->resent = false;
	requests_add(&f->list, r, FLOW);
	requests_add(&d->all, r, ALL);
	return r;
}

static void
request_finish(struct event_driver *d, struct request *r)
{
	requests_remove(&r->flow->list, r, FLOW);
	requests_remove(&d->all, r, ALL);
	request_free(r->flow, r);
}

static void
record(struct event_driver *d, struct flow *f, const struct request *r, enum client_result res,
    struct client_bytes moved)
{
	const struct client_conn *c = &f->k.conn;
	struct result_sample s = { .client = f->k.index, .seq = f->k.seq, .ok = res == CLIENT_OK };
	uint64_t end_ns = s.ok || res == CLIENT_FAILED ? c->received_ns : clock_ns();
	bool counts;

	if (end_ns < r->start_ns) /* nothing had to be received */
		end_ns = r->start_ns;
	s.start_ns = d->open ? r->due_ns : r->start_ns;
	s.wait_ns = r->start_ns - s.start_ns;
	s.ns = end_ns - s.start_ns;
	s.wake_ns = client_wake_ns(c, r->start_ns, end_ns);
	counts = result_add(d->result, &s, s.ok ? NULL : c->error);
	if (counts)
		result_moved(d->result, c->session->content, moved.sent, moved.received);
	f->k.seq++;
	if (counts && r->dialled && d->phase == RUN && !c->client->conf.close_each)
		d->result->reconnected++;
}

/* ---- flows ---- */

/* Have the loop report what the flow waits for. False: it can't. */
static bool
watch(struct event_driver *d, struct flow *f)
{
	struct client_conn *c = &f->k.conn;
	unsigned interest = f->step == DIAL ? LOOP_WRITE
	    : client_sending(c)             ? LOOP_READ | LOOP_WRITE
					    : LOOP_READ | LOOP_NEWS;

	if (f->watched && f->interest == interest && !f->unread)
		return true;
	f->unread = false;
	if ((f->watched ? loop_change : loop_add)(d->loop, c->fd, interest, f) == 0) {
		f->watched = true;
		f->interest = interest;
		return true;
	}
	snprintf(c->error, sizeof c->error, "%s: %s", loop_backend, strerror(errno));
	c->broken = true;
	return false;
}

static enum client_result
dial(struct event_driver *d, struct flow *f, uint64_t due_ns)
{
	enum client_result res;

	flow_close(d, f);
	f->k.conn.moved = (struct client_bytes){ 0, 0 }; /* of another connection */
	f->step = DIAL;
	res = client_dial_begin(&f->k.conn);
	request_start(d, f, due_ns, f->k.conn.dialled_ns)->dialled = true;
	return res;
}

/* Make the requests of a lost connection again on a new one, the oldest once it is connected.
 * Behind an end that was not announced they must not be sent together (RFC 9112, section 9.3.2):
 * one of them may have caused it. */
static enum client_result
begin_again(struct event_driver *d, struct flow *f, bool careful)
{
	flow_close(d, f);
	f->step = DIAL;
	f->again = f->list.oldest->in[FLOW].next;
	f->careful = careful;
	return client_dial_begin(&f->k.conn);
}

/* Begin a request; one of a lost connection is counted as sent again only now. */
static void
begin(struct event_driver *d, struct flow *f, struct request *r)
{
	client_begin(&f->k.conn, d->call, r);
	if (d->phase == RUN) {
		d->result->retried += r->again == CLIENT_AGAIN_ONCE;
		d->result->resent += r->again == CLIENT_AGAIN_BEHIND && !r->resent;
	}
	r->resent |= r->again == CLIENT_AGAIN_BEHIND;
	r->again = CLIENT_AGAIN_NO;
}

/* Can a request be sent now, besides those outstanding? */
static bool
has_room(const struct event_driver *d, const struct flow *f)
{
	return client_ready(&f->k.conn) && f->k.conn.session->outstanding < d->depth;
}

/* Can the flow take a request, if need be by connecting? */
static bool
takes_request(const struct event_driver *d, const struct flow *f)
{
	return f->active && f->step == OPEN && !f->k.gave_up
	    && (!f->list.oldest || (!f->again && has_room(d, f)));
}

static void
enqueue_ready(struct event_driver *d, struct flow *f)
{
	if (f->queued || !takes_request(d, f))
		return;
	f->queued = true;
	f->next_ready = NULL;
	*d->ready_end = f;
	d->ready_end = &f->next_ready;
}

/* The one that has waited longest for a request. NULL: there is none. */
static struct flow *
next_ready(struct event_driver *d)
{
	struct flow *f;

	while ((f = d->ready)) {
		if (!(d->ready = f->next_ready))
			d->ready_end = &d->ready;
		f->queued = false;
		if (takes_request(d, f)) /* the connection may be lost by now */
			return f;
	}
	return NULL;
}

/* Send what was started. */
static void
flush(struct flow *f)
{
	uint64_t now = clock_ns();
	struct request *r = f->list.newest;

	for (; f->unsent > 0; f->unsent--) {
		r->start_ns = now;
		r = r->in[FLOW].prev;
	}
	client_send(&f->k.conn);
}

/* Has it operations to start, if nothing ends the phase? */
static bool
has_more(const struct event_driver *d, const struct flow *f)
{
	return f->left > 0 || d->result->end_ns < d->least_ns;
}

/* Start what can be started now. False: nothing; else *res is the outcome. */
static bool
refill(struct event_driver *d, struct flow *f, enum client_result *res)
{
	struct client_conn *c = &f->k.conn;
	bool more;

	if (!f->active || f->step != OPEN)
		return false;
	if (f->again && (!f->careful || c->kept) && has_room(d, f)) {
		do {
			begin(d, f, f->again);
			f->again = f->again->in[FLOW].next;
		} while (f->again && has_room(d, f));
		client_send(c);
		return true;
	}
	if (f->again)
		return false;
	if (d->open && !f->k.gave_up) {
		enqueue_ready(d, f);
		return false;
	}
	more = has_more(d, f) && !f->k.gave_up && !bench_stopped(d->bench)
	    && d->result->end_ns < d->until_ns && !(d->phase == CONNECT && client_ready(c));
	if (!more) {
		if (d->phase == RUN && !d->open && d->bench->program->many
		    && d->until_ns == UINT64_MAX)
			retry_missed(&f->k, d->result, f->left);
		f->left = 0;
	}
	if (more && !f->list.oldest && !client_ready(c)) {
		f->left -= f->left > 0;
		*res = dial(d, f, 0);
		return true;
	}
	for (; more && has_room(d, f); more = has_more(d, f)) {
		f->left -= f->left > 0;
		f->unsent++;
		client_begin(c, d->call, request_start(d, f, 0, 0));
	}
	if (f->unsent > 0) {
		flush(f);
		return true;
	}
	if (!f->list.oldest) {
		f->active = false;
		d->active--;
		if (f->k.gave_up || !client_ready(c))
			flow_close(d, f);
	}
	return false;
}

/* May the request be made again, as the connection is lost? It is, then. */
static bool
repeats(struct request *r, enum client_again again)
{
	if (again == CLIENT_AGAIN_NO || (again == CLIENT_AGAIN_ONCE && r->retried))
		return false;
	r->again = again;
	r->retried |= again == CLIENT_AGAIN_ONCE;
	return true;
}

/* The connection is lost: each of the requests that were begun on it has an equal share of what was
 * sent, as they are alike. */
static void
share_lost(struct flow *f)
{
	struct client_bytes *moved = &f->k.conn.moved;
	struct request *r;
	uint64_t n = 0;

	for (r = f->list.oldest; r != f->again; r = r->in[FLOW].next)
		n++;
	for (r = f->list.oldest; r != f->again; r = r->in[FLOW].next, n--) {
		r->lost_bytes += moved->sent / n;
		moved->sent -= moved->sent / n;
	}
	*moved = (struct client_bytes){ 0, 0 };
}

/* A request ended, or the connection is lost and with it all that are outstanding on it, but for
 * those that may be made again. */
static enum client_result
end(struct event_driver *d, struct flow *f, struct request *r, enum client_result res)
{
	bool lost = res == CLIENT_LOST || res == CLIENT_TIMEOUT;
	enum client_again again = res == CLIENT_LOST && f->step == OPEN ? client_again(&f->k.conn)
									: CLIENT_AGAIN_NO;
	struct client_bytes moved = lost ? (struct client_bytes){ 0, 0 } : client_bytes(&f->k.conn);
	struct request *newer;
	uint64_t start_ns;
	enum retry next;

	if (d->phase == CONNECT && res != CLIENT_OK && !lost) {
		lost = true;
		res = CLIENT_LOST;
	}
	if (lost) {
		r = f->list.oldest;
		share_lost(f);
	}
	moved.sent += r->lost_bytes;
	start_ns = r->start_ns;
	do {
		newer = r->in[FLOW].next;
		if (lost && repeats(r, again))
			continue;
		if (d->phase == CONNECT && lost && d->bench->rate > 0)
			result_warn(d->result, "before the run", f->k.conn.error);
		else if (!f->reconnect && d->phase != WARM_UP && (d->phase != CONNECT || lost))
			record(d, f, r, res, moved);
		request_finish(d, r);
	} while (lost && (r = newer));
	if (lost && f->list.oldest)
		return begin_again(d, f, again == CLIENT_AGAIN_ONCE);
	if (lost)
		f->again = NULL;
	f->step = OPEN;
	if (f->reconnect) {
		next = retry_after_reconnect(&f->k, res, d->result);
	} else if (d->phase == FIRST) {
		next = retry_after_first(&f->k, res, start_ns, d->result);
	} else if (d->phase == CONNECT) {
		next = retry_after_connect(&f->k, res);
	} else if (d->phase == WARM_UP) {
		next = retry_after_warm_up(&f->k, res, start_ns, d->result);
		if (lost)
			f->left = 0;
	} else {
		next = retry_after(&f->k, res, start_ns);
	}
	if (lost)
		flow_close(d, f);
	f->reconnect = next == RETRY_RECONNECT;
	return f->reconnect ? dial(d, f, 0) : CLIENT_BUSY;
}

/* A step of request r ended with res: take the next one. r is NULL for a step of the flow's only
 * request, or if the connection is lost. */
static enum client_result
react(struct event_driver *d, struct flow *f, struct request *r, enum client_result res)
{
	struct client_conn *c = &f->k.conn;

	if (!r && !(r = f->list.oldest)) { /* the peer closed between two operations */
		flow_close(d, f);
		return CLIENT_BUSY;
	}
	if (res == CLIENT_OK && f->step == DIAL && c->client->protocol->hello
	    && (d->phase != FIRST || f->reconnect)) {
		f->step = HELLO;
		client_begin(c, &hello, r);
	} else if (res == CLIENT_OK && f->step != OPEN && !f->reconnect && d->phase != CONNECT) {
		f->step = OPEN;
		begin(d, f, r);
	} else {
		return end(d, f, r, res);
	}
	client_send(c);
	return CLIENT_BUSY;
}

/* Do all that can be done now; res is the outcome of a step that has just ended, or
 * CLIENT_BUSY. False: no step has ended. */
static bool
advance(struct event_driver *d, struct flow *f, enum client_result res)
{
	struct client_conn *c = &f->k.conn;
	bool moved = false;
	void *token = NULL;

	for (;;) {
		if (res == CLIENT_BUSY)
			res = client_next(c, &token);
		if (res == CLIENT_BUSY && !refill(d, f, &res)) {
			if (client_paused(c) && !f->paused) {
				f->paused = true;
				f->next_paused = d->paused;
				d->paused = f;
			}
			if (c->fd < 0 || watch(d, f))
				return moved;
			res = CLIENT_LOST;
		}
		if (res != CLIENT_BUSY) {
			res = react(d, f, token, res);
			token = NULL;
			moved = true;
		}
	}
}

/* The loop has something for the flow. */
static void
handle(struct event_driver *d, struct flow *f, unsigned ready)
{
	struct client_conn *c = &f->k.conn;
	bool moved;

	if (f->step == DIAL) {
		advance(d, f, client_dial_end(c));
		return;
	}
	f->unread = client_paused(c) || ready & (LOOP_LAST | LOOP_GONE);
	if (client_paused(c))
		return; /* what has come since is for later */
	if (ready & LOOP_WRITE)
		client_send(c);
	if (!(ready & (LOOP_READ | LOOP_GONE))) {
		advance(d, f, CLIENT_BUSY);
		return;
	}
	c->session->work = WORK_MAX;
	client_receive(c);
	f->unread = f->unread || c->have == IN_SIZE;
	moved = advance(d, f, CLIENT_BUSY);
	/* after a reply that is not followed by a request the peer gets no acknowledgement;
	 * one that filled the buffer has more behind it */
	if (f->list.oldest && f->step != DIAL && (!moved || !has_more(d, f) || d->open)
	    && !client_sending(c) && c->have < IN_SIZE)
		sock_quickack(c->fd, c->client->addr);
}

/* ---- open loop ---- */

/* A request was due and will not be sent. */
static void
miss_due(struct event_driver *d, uint64_t now, const char *why)
{
	struct bench_client *k = &d->flow[0].k;
	/* it may not be due yet: see miss_remaining() */
	uint64_t due_ns = d->schedule.due_ns < now ? d->schedule.due_ns : now;
	struct result_sample s = { .client = k->index,
		.seq = k->seq++,
		.start_ns = due_ns,
		.ns = now - due_ns,
		.wait_ns = now - due_ns };

	schedule_take(&d->schedule);
	result_add(d->result, &s, why);
}

/* Send what is due, as far as there are flows that can take it. */
static void
dispatch(struct event_driver *d)
{
	uint64_t now = clock_ns(), due_ns, limit = d->bench->client.timeout_ns;
	struct flow *f, *unsent = NULL, **end_unsent = &unsent;
	char text[RESULT_TEXT];

	while ((due_ns = d->schedule.due_ns) <= now) {
		if (now - due_ns >= limit) {
			snprintf(text, sizeof text,
			    "a request was due, and no connection free to send it within %g s",
			    (double)limit / 1e9);
			miss_due(d, now, text);
			continue;
		}
		if (!(f = next_ready(d)))
			break;
		schedule_take(&d->schedule);
		client_look(&f->k.conn, now);
		if (!client_ready(&f->k.conn)) {
			advance(d, f, dial(d, f, due_ns));
			continue;
		}
		client_begin(&f->k.conn, d->call, request_start(d, f, due_ns, now));
		if (f->unsent++ == 0) {
			f->next_unsent = NULL;
			*end_unsent = f;
			end_unsent = &f->next_unsent;
		}
		enqueue_ready(d, f);
	}
	for (f = unsent; f; f = f->next_unsent) {
		flush(f);
		advance(d, f, CLIENT_BUSY);
	}
}

/* All clients have given up: what is due by now will not be sent. If they had from the start,
 * the row shows that even if nothing is due yet. Of a list all has failed. */
static void
miss_remaining(struct event_driver *d)
{
	const struct result *t = d->result;
	uint64_t now = clock_ns();

	while (d->schedule.due_ns <= now
	    || (d->schedule.due_ns != SCHEDULE_OVER
		&& (t->hist->n + t->errors == 0 || d->bench->dist == SCHEDULE_LIST)))
		miss_due(d, now, "a request was due when no connection was left");
}

static bool
phase_done(const struct event_driver *d)
{
	if (d->open && d->schedule.due_ns == SCHEDULE_OVER && !d->all.oldest)
		return true;
	return d->active == 0;
}

/* How long to wait for events, at most. */
static uint64_t
wait_limit_ns(const struct event_driver *d)
{
	uint64_t limit = d->bench->client.timeout_ns, now, gap;
	uint64_t slice = limit < CLIENT_SLICE_NS ? limit : CLIENT_SLICE_NS;
	struct timespec ts = { 0, 0 };

	if (d->paused)
		return 0;
	if (!d->open || !d->ready || d->schedule.due_ns == SCHEDULE_OVER)
		return slice;
	now = clock_ns();
	gap = d->schedule.due_ns > now ? d->schedule.due_ns - now : 0;
	if (gap > slice)
		return slice;
	if (gap >= LOOP_FINE_NS)
		return gap - 2 * CLOCK_MS;
	if (gap <= WAKE_NS)
		return 0;
	gap -= WAKE_NS;
	if (gap > loop_grain_ns)
		return gap - loop_grain_ns;
	if (!d->all.oldest) { /* no reply is awaited: a signal ends this as well */
		ts.tv_nsec = (long)gap;
		nanosleep(&ts, NULL);
	}
	return 0;
}

/* ---- phases ---- */

/* Fail the flows whose grace is over. Looking at all of them is affordable now and then. */
static void
expire_grace(struct event_driver *d, uint64_t now)
{
	uint64_t next = UINT64_MAX, until_ns;
	struct flow *f;

	d->next_grace_check_ns = UINT64_MAX;
	for (f = d->flow; f < d->flow + d->n; f++) {
		if (f->k.conn.until_ns <= now && f->list.oldest)
			advance(d, f, client_time_out(&f->k.conn));
		until_ns = f->k.conn.until_ns;
		if (f->list.oldest && until_ns < next)
			next = until_ns;
	}
	if (d->next_grace_check_ns > next)
		d->next_grace_check_ns = next;
	if (d->next_grace_check_ns < now + GRACE_CHECK_NS)
		d->next_grace_check_ns = now + GRACE_CHECK_NS;
}

/* One turn for each that is paused. */
static void
run_paused(struct event_driver *d)
{
	struct flow *f, *next = d->paused;

	d->paused = NULL;
	while ((f = next)) {
		next = f->next_paused;
		f->paused = false;
		if (client_paused(&f->k.conn)) { /* it may be closed by now */
			f->k.conn.session->work = WORK_MAX;
			advance(d, f, CLIENT_BUSY);
		}
		if (d->open)
			dispatch(d);
	}
}

/* Wait for events, at most wait_ns, and handle them and the time limits that passed. */
static int
poll_once(struct event_driver *d, uint64_t wait_ns)
{
	uint64_t limit = d->bench->client.timeout_ns, now;
	struct loop_event event[EVENTS];
	struct request *r;
	struct flow *f;
	int i, n;

	if ((n = loop_wait(d->loop, event, EVENTS, wait_ns)) < 0)
		return -1;
	d->round++;
	d->result->idle += n == 0 || wait_ns > 0;
	for (i = 0; i < n; i++) {
		f = event[i].user;
		/* a dispatch in between may have closed the connection this is about */
		if (f->closed_round != d->round)
			handle(d, f, event[i].ready);
		if (d->open && i % AT_ONCE == AT_ONCE - 1)
			dispatch(d);
	}
	run_paused(d);
	now = clock_ns();
	while ((r = d->all.oldest) && now > r->start_ns && now - r->start_ns >= limit) {
		f = r->flow;
		advance(d, f, client_time_out(&f->k.conn));
	}
	if (now >= d->next_grace_check_ns)
		expire_grace(d, now);
	return 0;
}

/* Have every flow do count operations, or in an open loop all together what is due. */
static int
phase(struct event_driver *d, enum phase p, const struct call *call, uint64_t count,
    struct result *t, uint64_t until_ns)
{
	struct flow *f;
	unsigned i;

	d->phase = p;
	d->open = p == RUN && d->bench->rate > 0;
	d->depth = p == WARM_UP || p == RUN ? d->bench->depth : 1;
	d->call = call;
	d->result = t;
	d->until_ns = until_ns;
	d->active = 0;
	d->ready = NULL;
	d->ready_end = &d->ready;
	/* all are set up before one starts: the loop may have something for any of them */
	for (f = d->flow; f < d->flow + d->n; f++) {
		f->k.seq = 0;
		f->left = count;
		f->active = !f->k.gave_up;
		f->queued = false;
		d->active += f->active;
	}
	for (i = 0; i < d->n && !bench_stopped(d->bench); i++) {
		if (d->flow[i].active) {
			client_look(&d->flow[i].k.conn, clock_ns());
			advance(d, &d->flow[i], CLIENT_BUSY);
		}
		if (i % AT_ONCE == AT_ONCE - 1 && poll_once(d, 0) < 0)
			return -1;
	}
	while (!phase_done(d) && !bench_stopped(d->bench)) {
		if (d->open)
			dispatch(d);
		if (poll_once(d, wait_limit_ns(d)) < 0)
			return -1;
	}
	if (d->open && d->active == 0)
		miss_remaining(d);
	for (i = 0; i < d->n && (p == FIRST || p == RUN); i++)
		t->gave_up += d->flow[i].k.gave_up;
	return 0;
}

static int
event_first(struct driver *d, const struct call *call, struct result *t)
{
	return phase((struct event_driver *)d, FIRST, call, 1, t, UINT64_MAX);
}

static int
event_connect(struct driver *driver, struct result *t)
{
	struct event_driver *d = (struct event_driver *)driver;

	if (d->bench->client.conf.close_each)
		return 0;
	if (!client_ready(&d->flow[0].k.conn))
		client_adopt(&d->flow[0].k.conn, false);
	return phase(d, CONNECT, &hello, 1, t, UINT64_MAX);
}

static int
event_warm_up(struct driver *d, const struct call *call, struct result *t, uint64_t count)
{
	return phase((struct event_driver *)d, WARM_UP, call, count, t, UINT64_MAX);
}

/* How many requests are due in an open loop. */
static uint64_t
due_in_all(const struct bench *b, uint64_t count)
{
	uint64_t least = b->least_ns ? (uint64_t)(b->rate * (double)b->least_ns / 1e9) : 0;

	if (count == UINT64_MAX)
		return count;
	return count * b->clients > least ? count * b->clients : least;
}

static int
event_run(struct driver *driver, const struct call *call, struct result *t, uint64_t count,
    uint64_t start_ns, uint64_t until_ns)
{
	struct event_driver *d = (struct event_driver *)driver;
	const struct bench *b = d->bench;
	unsigned i;
	int res;

	/* all targets get the same arrivals in a round, and each round others */
	if (b->rate > 0 && b->in_rounds)
		bench_schedule(b, &d->schedule, rng_stream(b->seed, b->when.round),
		    d->schedule.first, d->schedule.step);
	if (b->rate > 0)
		schedule_start(&d->schedule, start_ns, due_in_all(b, count), until_ns);
	for (i = 0; i < d->n && b->rate == 0; i++)
		/* that the only connection could not be made may be an error of the row already */
		if (d->flow[i].k.gave_up && (b->program->many || t->errors == 0))
			retry_absent(&d->flow[i].k, t, b->program->many ? count : 1, start_ns);
	d->least_ns = b->least_ns ? start_ns + b->least_ns : 0;
	res = phase(d, RUN, call, count, t, until_ns);
	d->least_ns = 0;
	return res;
}

static bool
event_gave_up(const struct driver *driver)
{
	const struct event_driver *d = (const struct event_driver *)driver;
	unsigned i;

	for (i = 0; i < d->n && d->flow[i].k.gave_up; i++)
		;
	return i == d->n;
}

static void
event_free(struct driver *driver)
{
	struct event_driver *d = (struct event_driver *)driver;
	unsigned i;

	for (i = 0; d->loop && i < d->n; i++)
		flow_close(d, &d->flow[i]);
	loop_free(d->loop);
	free(d->request);
	free(d->flow);
	free(d->in);
	out_free(&d->out);
	free(d);
}

struct driver *
event_driver_new(const struct bench *b, const struct client *cl, unsigned first, unsigned n,
    unsigned share, unsigned shares)
{
	struct event_driver *d = malloc(sizeof *d);
	size_t i, requests = (size_t)n * b->depth;
	struct flow *f;
	int e;

	if (!d)
		return NULL;
	*d = (struct event_driver){ .driver = { .first = event_first,
					.connect = event_connect,
					.warm_up = event_warm_up,
					.run = event_run,
					.gave_up = event_gave_up,
					.free = event_free },
		.bench = b,
		.n = n,
		.next_grace_check_ns = UINT64_MAX };
	d->in = malloc(IN_SIZE);
	d->flow = calloc(n, sizeof *d->flow);
	d->request = calloc(requests, sizeof *d->request);
	if (!d->in || !d->flow || !d->request || !(d->loop = loop_new())) {
		e = errno;
		event_free(&d->driver);
		errno = e;
		return NULL;
	}
	for (i = 0; i < n; i++) {
		f = &d->flow[i];
		bench_client_init(&f->k, cl, first + (unsigned)i, d->in, IN_SIZE);
		f->k.conn.out = &d->out;
	}
	for (i = 0; i < requests; i++) {
		f = d->request[i].flow = &d->flow[i / b->depth];
		request_free(f, &d->request[i]);
	}
	if (b->rate > 0)
		bench_schedule(b, &d->schedule, b->seed, share, shares);
	return &d->driver;
}
