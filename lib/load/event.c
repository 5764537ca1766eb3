/* SPDX-License-Identifier: ISC */
/* Clients driven by one thread.
 *
 * A client has a connection, and on it flights: operations under way, up to depth of them.
 * Making the connection is part of a flight, or (a lost one is made again) one of its own,
 * and then the only one. All flights have the same time limit, so a list in order of their
 * beginning is all that is needed to find those that take too long.
 *
 * In a closed loop a client begins the next operation when one is complete. In an open one
 * clients offer themselves, and requests go to them as they are due (schedule.h). What is
 * begun together on one connection is sent together. */
#include "load/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "net/loop.h"

#define IN_SIZE ((size_t)256 << 10)
#define EVENTS 256
/* Beginning with a thousand clients takes a while, and so do a thousand answers: after so
 * many, see who has an answer, and what is due, so that neither has to wait for long. */
#define AT_ONCE 16
/* A sleep ends that much late (with Linux's usual timer slack): the rest of the time to the
 * next request is passed without sleeping. */
#define WAKE_NS ((uint64_t)70 * 1000)
#define LOOK_NS (20 * CLOCK_MS)

enum step {
	OPEN,                   /* connected and ready for calls, or not connected */
	DIAL, HELLO             /* its one flight is that far */
};

enum phase { FIRST, CONNECT, WARM_UP, RUN };

struct flight {
	struct member *member;
	struct flight *prev, *next;     /* of all: the one that began before, after */
	uint64_t due_ns;        /* open loop */
	uint64_t start_ns;
	bool dialled;           /* it began with connecting */
};

struct member {
	struct bench_client k;
	enum step step;
	bool active;            /* not through with the phase */
	bool redial;            /* its one flight is no operation: a lost connection is replaced */
	bool watched;           /* by the loop */
	unsigned interest;
	uint64_t left;          /* operations of this phase, still to begin */

	struct flight **order;  /* a ring: those in the air, oldest first, then the others */
	unsigned head, n;

	bool offered;           /* open loop: takes requests, or did so a moment ago */
	struct member *next_offer;
	unsigned hung_up;       /* the crowd's round in which it was, last */
	unsigned unsent;        /* flights just begun, */
	struct member *next_unsent;     /* and those that have some */
};

struct crowd {
	struct bench *bench;
	struct loop *loop;
	struct member *member;
	unsigned n;
	struct flight *flight;  /* of all members */
	struct flight **order;
	unsigned char *in;
	struct flight *oldest, *newest;         /* in the air */
	unsigned round;         /* counts the waits for events */
	uint64_t look_ns;       /* when a member's grace ends (client_grace()); of many that do
	                         * so at almost the same time, the first */
	struct schedule schedule;
	struct member *offer, **offer_end;      /* a queue */

	/* The phase. */
	enum phase phase;
	bool open;              /* open loop */
	unsigned depth;
	const struct call *call;
	struct result *result;
	uint64_t until_ns;      /* no operation begins after this */
	unsigned active;        /* members that are not through with it */
};

static const struct call hello = { .op = CALL_HELLO };

struct crowd *
crowd_new(struct bench *b, unsigned first, unsigned n, unsigned share, unsigned shares)
{
	struct crowd *w = calloc(1, sizeof *w);
	size_t i, flights = (size_t)n * b->depth;
	struct member *m;
	int e;

	if (!w)
		return NULL;
	w->bench = b;
	w->n = n;
	w->look_ns = UINT64_MAX;
	w->in = malloc(IN_SIZE);
	w->member = calloc(n, sizeof *w->member);
	w->flight = calloc(flights, sizeof *w->flight);
	w->order = calloc(flights, sizeof *w->order);
	if (!w->in || !w->member || !w->flight || !w->order || !(w->loop = loop_new())) {
		e = errno;
		crowd_free(w);
		errno = e;
		return NULL;
	}
	for (i = 0; i < n; i++) {
		m = &w->member[i];
		bench_client_init(&m->k, b, first + (unsigned)i, w->in, IN_SIZE);
		m->order = &w->order[i * b->depth];
	}
	for (i = 0; i < flights; i++) {
		w->flight[i].member = &w->member[i / b->depth];
		w->order[i] = &w->flight[i];
	}
	if (b->rate > 0)
		schedule_init(&w->schedule, b->dist, b->rate, b->seed, share, shares);
	return w;
}

static void
hang_up(struct crowd *w, struct member *m)
{
	if (m->watched)
		loop_remove(w->loop, m->k.conn.fd);
	m->watched = false;
	m->hung_up = w->round;
	client_close(&m->k.conn);
}

void
crowd_free(struct crowd *w)
{
	unsigned i;

	if (!w)
		return;
	for (i = 0; w->loop && i < w->n; i++)
		hang_up(w, &w->member[i]);
	loop_free(w->loop);
	free(w->order);
	free(w->flight);
	free(w->member);
	free(w->in);
	free(w);
}

bool
crowd_gone(const struct crowd *w)
{
	unsigned i;

	for (i = 0; i < w->n && w->member[i].k.gone; i++)
		;
	return i == w->n;
}

/* ---- flights ---- */

/* Where the ring has the flight number i of those in the air. */
static struct flight **
place(const struct crowd *w, const struct member *m, unsigned i)
{
	i += m->head;
	return &m->order[i < w->bench->depth ? i : i - w->bench->depth];
}

static struct flight *
take_off(struct crowd *w, struct member *m, uint64_t due_ns, uint64_t start_ns)
{
	struct client_conn *c = &m->k.conn;
	struct flight *f;

	if (m->n == 0 && c->until_ns != UINT64_MAX) {
		client_awaits(c, clock_ns());
		if (w->look_ns > c->until_ns)
			w->look_ns = c->until_ns;
	}
	f = *place(w, m, m->n++);
	f->due_ns = due_ns;
	f->start_ns = start_ns;
	f->dialled = false;
	f->next = NULL;
	f->prev = w->newest;
	if (w->newest)
		w->newest->next = f;
	else
		w->oldest = f;
	w->newest = f;
	return f;
}

static void
land(struct crowd *w, struct member *m, unsigned which)
{
	struct flight *f = *place(w, m, which);

	for (; which > 0; which--)
		*place(w, m, which) = *place(w, m, which - 1);
	*place(w, m, 0) = f;
	if (++m->head == w->bench->depth)
		m->head = 0;
	m->n--;
	if (f->prev)
		f->prev->next = f->next;
	else
		w->oldest = f->next;
	if (f->next)
		f->next->prev = f->prev;
	else
		w->newest = f->prev;
}

static void
record(struct crowd *w, struct member *m, const struct flight *f, enum client_result res)
{
	const struct client_conn *c = &m->k.conn;
	struct result_sample s = { .client = m->k.index, .seq = m->k.seq, .ok = res == CLIENT_OK };
	uint64_t end_ns = s.ok || res == CLIENT_FAILED ? c->received_ns : clock_ns();

	if (end_ns < f->start_ns)       /* nothing had to be received */
		end_ns = f->start_ns;
	s.start_ns = w->open ? f->due_ns : f->start_ns;
	s.wait_ns = f->start_ns - s.start_ns;
	s.ns = end_ns - s.start_ns;
	result_add(w->result, &s, s.ok ? NULL : c->error);
	m->k.seq++;
	if (s.ok && f->dialled && w->phase == RUN && !c->client->conf.close_each)
		w->result->redialled++;
}

/* ---- members ---- */

/* Have the loop report what the member waits for. False: it can't. */
static bool
watch(struct crowd *w, struct member *m)
{
	struct client_conn *c = &m->k.conn;
	unsigned interest = m->step == DIAL ? LOOP_WRITE
	    : client_sending(c) ? LOOP_READ | LOOP_WRITE : LOOP_READ;

	if (m->watched && m->interest == interest)
		return true;
	if ((m->watched ? loop_change : loop_add)(w->loop, c->fd, interest, m) == 0) {
		m->watched = true;
		m->interest = interest;
		return true;
	}
	snprintf(c->error, sizeof c->error, "%s: %s", loop_backend, strerror(errno));
	c->broken = true;
	return false;
}

static enum client_result
dial(struct crowd *w, struct member *m, uint64_t due_ns)
{
	enum client_result res;

	hang_up(w, m);
	m->step = DIAL;
	res = client_dial_begin(&m->k.conn);
	take_off(w, m, due_ns, m->k.conn.dialled_ns)->dialled = true;
	return res;
}

/* Can the member take a request? */
static bool
has_room(const struct crowd *w, const struct member *m)
{
	return m->active && m->step == OPEN && !m->k.gone && m->n < w->depth
	    && (m->n == 0 || client_ready(&m->k.conn));
}

static void
offer(struct crowd *w, struct member *m)
{
	if (m->offered || !has_room(w, m))
		return;
	m->offered = true;
	m->next_offer = NULL;
	*w->offer_end = m;
	w->offer_end = &m->next_offer;
}

/* The one that has waited longest for a request. NULL: there is none. */
static struct member *
next_offer(struct crowd *w)
{
	struct member *m;

	while ((m = w->offer)) {
		if (!(w->offer = m->next_offer))
			w->offer_end = &w->offer;
		m->offered = false;
		if (has_room(w, m))     /* the connection may be lost by now */
			return m;
	}
	return NULL;
}

/* Send what has been begun. */
static void
send_off(struct crowd *w, struct member *m)
{
	uint64_t now = clock_ns();

	for (; m->unsent > 0; m->unsent--)
		(*place(w, m, m->n - m->unsent))->start_ns = now;
	client_send(&m->k.conn);
}

/* Begin what can be begun now. False: nothing; else *res is what has come of it. */
static bool
refill(struct crowd *w, struct member *m, enum client_result *res)
{
	struct client_conn *c = &m->k.conn;

	if (!m->active || m->step != OPEN || m->n == w->depth)
		return false;
	if (w->open && !m->k.gone) {
		offer(w, m);
		return false;
	}
	if (m->k.gone || bench_stopped(w->bench) || w->result->end_ns >= w->until_ns
	    || (w->phase == CONNECT && client_ready(c)))
		m->left = 0;
	if (m->left > 0 && m->n == 0 && !client_ready(c)) {
		m->left--;
		*res = dial(w, m, 0);
		return true;
	}
	while (m->left > 0 && m->n < w->depth && client_ready(c)) {
		m->left--;
		m->unsent++;
		take_off(w, m, 0, 0);
		client_begin(c, w->call);
	}
	if (m->unsent > 0) {
		send_off(w, m);
		return true;
	}
	if (m->n == 0) {
		m->active = false;
		w->active--;
		if (m->k.gone || !client_ready(c))
			hang_up(w, m);
	}
	return false;
}

/* A flight, and if the connection is lost all of its flights, ended. */
static enum client_result
end(struct crowd *w, struct member *m, unsigned which, enum client_result res)
{
	bool lost = res == CLIENT_LOST || res == CLIENT_TIMEOUT;
	enum bench_next next;

	if (w->phase == CONNECT && res != CLIENT_OK && !lost) {
		lost = true;
		res = CLIENT_LOST;
	}
	do {
		if (w->phase == CONNECT && lost && w->bench->rate > 0)
			result_note(w->result, "before the run", m->k.conn.error);
		else if (!m->redial && w->phase != WARM_UP && (w->phase != CONNECT || lost))
			record(w, m, *place(w, m, which), res);
		land(w, m, which);
		which = 0;
	} while (lost && m->n > 0);
	m->step = OPEN;
	if (m->redial) {
		next = bench_after_redial(&m->k, res, w->result);
	} else if (w->phase == FIRST || w->phase == CONNECT) {
		next = bench_after_first(&m->k, res);
	} else if (w->phase == WARM_UP) {
		next = bench_after_warm_up(&m->k, res, w->result);
		if (lost)
			m->left = 0;
	} else {
		next = bench_after(&m->k, res);
	}
	if (lost)
		hang_up(w, m);
	m->redial = next == BENCH_REDIAL;
	return m->redial ? dial(w, m, 0) : CLIENT_BUSY;
}

/* A step ended with res: take the next one. */
static enum client_result
react(struct crowd *w, struct member *m, unsigned which, enum client_result res)
{
	struct client_conn *c = &m->k.conn;
	const struct call *next;

	if (m->n == 0) {        /* the peer closed between two operations: none is lost */
		hang_up(w, m);
		return CLIENT_BUSY;
	}
	if (res == CLIENT_OK && m->step == DIAL && c->client->protocol->hello && w->phase != FIRST) {
		m->step = HELLO;
		next = &hello;
	} else if (res == CLIENT_OK && m->step != OPEN && !m->redial && w->phase != CONNECT) {
		m->step = OPEN;
		next = w->call;
	} else {
		return end(w, m, which, res);
	}
	client_begin(c, next);
	client_send(c);
	return CLIENT_BUSY;
}

/* Do all that can be done now; res is the outcome of a step that has just ended, or
 * CLIENT_BUSY. False: no step has ended. */
static bool
advance(struct crowd *w, struct member *m, enum client_result res)
{
	struct client_conn *c = &m->k.conn;
	bool moved = false;
	unsigned which = 0;

	for (;;) {
		if (res == CLIENT_BUSY)
			res = client_next(c, &which);
		if (res == CLIENT_BUSY && !refill(w, m, &res)) {
			if (c->fd < 0 || watch(w, m))
				return moved;
			res = CLIENT_LOST;
		}
		if (res != CLIENT_BUSY) {
			res = react(w, m, which, res);
			which = 0;
			moved = true;
		}
	}
}

/* The loop has something for the member. */
static void
handle(struct crowd *w, struct member *m, unsigned ready)
{
	struct client_conn *c = &m->k.conn;
	bool moved;

	if (m->step == DIAL) {
		advance(w, m, client_dial_end(c));
		return;
	}
	if (ready & LOOP_WRITE)
		client_send(c);
	if (!(ready & (LOOP_READ | LOOP_GONE))) {
		advance(w, m, CLIENT_BUSY);
		return;
	}
	client_receive(c);
	moved = advance(w, m, CLIENT_BUSY);
	/* a reply that is not followed by a request leaves the peer without a sign; one
	 * that filled the buffer has more behind it */
	if (m->n > 0 && m->step != DIAL && (!moved || m->left == 0 || w->open)
	    && !client_sending(c) && c->have < IN_SIZE)
		client_hurry(c);
}

/* ---- open loop ---- */

/* A request was due and is not going to be sent. */
static void
forgo(struct crowd *w, uint64_t now, const char *why)
{
	struct bench_client *k = &w->member[0].k;
	/* it may not be due yet: see abandon() */
	uint64_t due_ns = w->schedule.due_ns < now ? w->schedule.due_ns : now;
	struct result_sample s = { .client = k->index, .seq = k->seq++, .start_ns = due_ns,
	    .ns = now - due_ns, .wait_ns = now - due_ns };

	schedule_take(&w->schedule);
	result_add(w->result, &s, why);
}

/* Send what is due, as far as there are connections that take it. */
static void
dispatch(struct crowd *w)
{
	uint64_t now = clock_ns(), due_ns, limit = w->bench->client.timeout_ns;
	struct member *m, *unsent = NULL, **end_unsent = &unsent;
	char text[RESULT_TEXT];

	while ((due_ns = w->schedule.due_ns) <= now) {
		if (now - due_ns >= limit) {
			snprintf(text, sizeof text, "a request was due, and no connection free "
			    "to send it within %g s", (double)limit / 1e9);
			forgo(w, now, text);
			continue;
		}
		if (!(m = next_offer(w)))
			break;
		schedule_take(&w->schedule);
		if (!client_ready(&m->k.conn)) {
			advance(w, m, dial(w, m, due_ns));
			continue;
		}
		take_off(w, m, due_ns, now);
		client_begin(&m->k.conn, w->call);
		if (m->unsent++ == 0) {
			m->next_unsent = NULL;
			*end_unsent = m;
			end_unsent = &m->next_unsent;
		}
		offer(w, m);
	}
	for (m = unsent; m; m = m->next_unsent) {
		send_off(w, m);
		advance(w, m, CLIENT_BUSY);
	}
}

/* All clients are gone: what is due by now is not going to be sent. If they were so from
 * the beginning, that is to be seen in the row even if nothing is due yet. */
static void
abandon(struct crowd *w)
{
	const struct result *t = w->result;
	uint64_t now = clock_ns();

	while (w->schedule.due_ns <= now || (w->schedule.due_ns != SCHEDULE_OVER
	    && t->hist->n + t->errors == 0))
		forgo(w, now, "a request was due when no connection was left");
}

static bool
through(const struct crowd *w)
{
	if (w->open && w->schedule.due_ns == SCHEDULE_OVER && !w->oldest)
		return true;
	return w->active == 0;
}

/* How long to wait for events, at most. */
static uint64_t
patience(const struct crowd *w)
{
	uint64_t limit = w->bench->client.timeout_ns, now, gap;
	uint64_t slice = limit < CLIENT_SLICE_NS ? limit : CLIENT_SLICE_NS;
	struct timespec ts = { 0, 0 };

	if (!w->open || !w->offer || w->schedule.due_ns == SCHEDULE_OVER)
		return slice;
	now = clock_ns();
	gap = w->schedule.due_ns > now ? w->schedule.due_ns - now : 0;
	if (gap > slice)
		return slice;
	if (gap >= LOOP_FINE_NS)
		return gap - 2 * CLOCK_MS;
	if (gap <= WAKE_NS)
		return 0;
	gap -= WAKE_NS;
	if (gap > loop_grain_ns)
		return gap - loop_grain_ns;
	if (!w->oldest) {       /* no reply is awaited: a signal ends this as well */
		ts.tv_nsec = (long)gap;
		nanosleep(&ts, NULL);
	}
	return 0;
}

/* ---- phases ---- */

/* Give up those whose grace is over. Looking at all of them is bearable now and then. */
static void
end_grace(struct crowd *w, uint64_t now)
{
	uint64_t next = UINT64_MAX, until_ns;
	struct member *m;

	w->look_ns = UINT64_MAX;
	for (m = w->member; m < w->member + w->n; m++) {
		if (m->k.conn.until_ns <= now && m->n > 0)
			advance(w, m, client_time_out(&m->k.conn));
		until_ns = m->k.conn.until_ns;
		if (m->n > 0 && until_ns < next)
			next = until_ns;
	}
	if (w->look_ns > next)
		w->look_ns = next;
	if (w->look_ns < now + LOOK_NS)
		w->look_ns = now + LOOK_NS;
}

/* Wait for events, at most wait_ns, and handle them and the time limits that passed. */
static int
pump(struct crowd *w, uint64_t wait_ns)
{
	uint64_t limit = w->bench->client.timeout_ns, now;
	struct loop_event event[EVENTS];
	struct member *m;
	int i, n;

	if ((n = loop_wait(w->loop, event, EVENTS, wait_ns)) < 0)
		return errno == EINTR ? 0 : -1;
	w->round++;
	for (i = 0; i < n; i++) {
		m = event[i].user;
		/* a dispatch meanwhile may have ended the connection this is about */
		if (m->hung_up != w->round)
			handle(w, m, event[i].ready);
		if (w->open && i % AT_ONCE == AT_ONCE - 1)
			dispatch(w);
	}
	now = clock_ns();
	while (w->oldest && now > w->oldest->start_ns && now - w->oldest->start_ns >= limit) {
		m = w->oldest->member;
		advance(w, m, client_time_out(&m->k.conn));
	}
	if (now >= w->look_ns)
		end_grace(w, now);
	return 0;
}

/* Let every member do count operations, or in an open loop all together what is due. */
static int
phase(struct crowd *w, enum phase p, const struct call *call, uint64_t count, struct result *t,
    uint64_t until_ns)
{
	struct member *m;
	unsigned i;

	w->phase = p;
	w->open = p == RUN && w->bench->rate > 0;
	w->depth = p == WARM_UP || p == RUN ? w->bench->depth : 1;
	w->call = call;
	w->result = t;
	w->until_ns = until_ns;
	w->active = 0;
	w->offer = NULL;
	w->offer_end = &w->offer;
	/* all are made ready before one begins: the loop may have something for any of them */
	for (m = w->member; m < w->member + w->n; m++) {
		m->k.seq = 0;
		m->left = count;
		m->active = !m->k.gone;
		m->offered = false;
		w->active += m->active;
	}
	for (i = 0; i < w->n && !bench_stopped(w->bench); i++) {
		if (w->member[i].active)
			advance(w, &w->member[i], CLIENT_BUSY);
		if (i % AT_ONCE == AT_ONCE - 1 && pump(w, 0) < 0)
			return -1;
	}
	while (!through(w) && !bench_stopped(w->bench)) {
		if (w->open)
			dispatch(w);
		if (pump(w, patience(w)) < 0)
			return -1;
	}
	if (w->open && w->active == 0)
		abandon(w);
	for (i = 0; i < w->n; i++) {
		if (!w->member[i].k.gone)
			continue;
		if (p == FIRST || p == RUN)
			t->gone++;
		else if (p == WARM_UP && w->bench->rate == 0)
			bench_absent(&w->member[i].k, t);
	}
	return 0;
}

int
crowd_first(struct crowd *w, const struct call *call, struct result *t)
{
	return phase(w, FIRST, call, 1, t, UINT64_MAX);
}

int
crowd_connect(struct crowd *w, struct result *t)
{
	if (w->bench->client.conf.close_each)
		return 0;
	return phase(w, CONNECT, &hello, 1, t, UINT64_MAX);
}

int
crowd_warm_up(struct crowd *w, const struct call *call, struct result *t)
{
	return phase(w, WARM_UP, call, w->bench->warmup, t, UINT64_MAX);
}

int
crowd_run(struct crowd *w, const struct call *call, struct result *t, uint64_t start_ns)
{
	const struct bench *b = w->bench;
	uint64_t until = b->time_ns ? start_ns + b->time_ns : UINT64_MAX;

	if (b->rate > 0)
		schedule_start(&w->schedule, start_ns, b->count ? b->count * b->clients :
		    UINT64_MAX, until);
	return phase(w, RUN, call, b->count ? b->count : UINT64_MAX, t, until);
}
