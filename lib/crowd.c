/* Many clients driven by one thread.
 *
 * A client does one activity at a time: an operation, with the dial before it if that is
 * part of it, or a dial that replaces a lost connection. All activities have the same
 * time limit, so a list in order of their beginning is all that is needed to find those
 * that take too long. */
#include "crowd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "loop.h"

#define IN_SIZE ((size_t)256 << 10)
#define EVENTS 256
/* Beginning with a thousand clients takes a while: after so many, see who has an answer,
 * so that it isn't stamped long after it came. */
#define AT_ONCE 16

enum step { IDLE, DIAL, HELLO, OPERATION };
enum phase { FIRST, WARM_UP, RUN };

struct member {
	struct bench_client k;
	enum step step;
	bool dialled;           /* the activity began with connecting */
	bool redial;            /* and is nothing else: a lost connection is replaced */
	bool watched;           /* by the loop */
	unsigned interest;
	uint64_t left;          /* operations of this phase */
	uint64_t start_ns;      /* of the activity */
	struct member *prev, *next;     /* under way: the one that began before, after */
};

struct crowd {
	struct bench *bench;
	struct loop *loop;
	struct member *member;
	unsigned n;
	unsigned char *in;
	struct member *oldest, *newest; /* under way */

	/* The phase. */
	enum phase phase;
	const struct call *call;
	struct tally *tally;
	uint64_t until_ns;      /* no operation begins after this */
	unsigned active;        /* members that are not through with it */
};

static const struct call hello = { .op = CALL_HELLO };

struct crowd *
crowd_new(struct bench *b, unsigned first, unsigned n)
{
	struct crowd *w = calloc(1, sizeof *w);
	unsigned i;

	if (!w)
		return NULL;
	w->bench = b;
	w->n = n;
	w->in = malloc(IN_SIZE);
	w->member = calloc(n, sizeof *w->member);
	if (!w->in || !w->member || !(w->loop = loop_new())) {
		i = (unsigned)errno;
		free(w->in);
		free(w->member);
		free(w);
		errno = (int)i;
		return NULL;
	}
	for (i = 0; i < n; i++)
		bench_client_init(&w->member[i].k, b, first + i, w->in, IN_SIZE);
	return w;
}

static void
hang_up(struct crowd *w, struct member *m)
{
	if (m->watched)
		loop_remove(w->loop, m->k.conn.fd);
	m->watched = false;
	client_hang_up(&m->k.conn);
}

void
crowd_free(struct crowd *w)
{
	unsigned i;

	if (!w)
		return;
	for (i = 0; i < w->n; i++)
		hang_up(w, &w->member[i]);
	loop_free(w->loop);
	free(w->member);
	free(w->in);
	free(w);
}

/* ---- activities ---- */

static void
join(struct crowd *w, struct member *m, uint64_t start_ns)
{
	m->start_ns = start_ns;
	m->next = NULL;
	m->prev = w->newest;
	if (w->newest)
		w->newest->next = m;
	else
		w->oldest = m;
	w->newest = m;
}

static void
leave(struct crowd *w, struct member *m)
{
	if (m->prev)
		m->prev->next = m->next;
	else
		w->oldest = m->next;
	if (m->next)
		m->next->prev = m->prev;
	else
		w->newest = m->prev;
}

/* Have the loop report what the member waits for. */
static enum client_result
watch(struct crowd *w, struct member *m)
{
	struct client_conn *c = &m->k.conn;
	unsigned interest = m->step == DIAL ? LOOP_WRITE
	    : client_sending(c) ? LOOP_READ | LOOP_WRITE : LOOP_READ;

	if (m->watched && m->interest == interest)
		return CLIENT_BUSY;
	if ((m->watched ? loop_change : loop_add)(w->loop, c->fd, interest, m) == 0) {
		m->watched = true;
		m->interest = interest;
		return CLIENT_BUSY;
	}
	snprintf(c->error, sizeof c->error, "%s: %s", loop_backend, strerror(errno));
	c->broken = true;
	return CLIENT_LOST;
}

static enum client_result
dial(struct crowd *w, struct member *m)
{
	enum client_result res;

	hang_up(w, m);
	m->step = DIAL;
	m->dialled = true;
	res = client_dial_begin(&m->k.conn);
	join(w, m, m->k.conn.dialled_ns);
	return res;
}

/* Begin the next operation, or be through with the phase. */
static enum client_result
begin(struct crowd *w, struct member *m)
{
	m->redial = false;
	if (m->left == 0 || m->k.gone || w->tally->end_ns >= w->until_ns) {
		m->step = IDLE;
		w->active--;
		if (m->k.gone || !client_ready(&m->k.conn))
			hang_up(w, m);
		return CLIENT_BUSY;
	}
	m->left--;
	if (!client_ready(&m->k.conn))
		return dial(w, m);
	m->step = OPERATION;
	m->dialled = false;
	join(w, m, clock_ns());
	return client_begin(&m->k.conn, w->call);
}

static void
record(struct crowd *w, struct member *m, enum client_result res)
{
	struct tally *t = w->tally;
	const struct client_conn *c = &m->k.conn;
	struct tally_sample s = { .start_ns = m->start_ns, .client = m->k.index,
	    .seq = m->k.seq, .ok = res == CLIENT_OK };

	s.ns = clock_ns() - s.start_ns;
	tally_add(t, &s, s.ok ? NULL : c->error);
	m->k.seq++;
	if (s.ok && m->dialled && w->phase == RUN && !c->client->conf.close_each)
		t->redialled++;
}

/* An activity ended: begin the next. */
static enum client_result
end(struct crowd *w, struct member *m, enum client_result res)
{
	enum bench_next next;

	if (!m->redial && w->phase != WARM_UP)
		record(w, m, res);
	leave(w, m);
	if (m->redial) {
		next = bench_after_redial(&m->k, res, w->tally);
	} else if (w->phase == FIRST) {
		next = bench_after_first(&m->k, res);
	} else if (w->phase == WARM_UP) {
		next = bench_after_warm_up(&m->k, res, w->tally);
		if (res == CLIENT_LOST || res == CLIENT_TIMEOUT)
			m->left = 0;
	} else {
		next = bench_after(&m->k, res);
	}
	if (next != BENCH_REDIAL)
		return begin(w, m);
	m->redial = true;
	return dial(w, m);
}

/* A step ended with res: take the next ones, until one has to wait. */
static void
advance(struct crowd *w, struct member *m, enum client_result res)
{
	struct client_conn *c = &m->k.conn;

	for (;;) {
		if (res == CLIENT_BUSY) {
			if (c->fd < 0 || watch(w, m) == CLIENT_BUSY)
				return;
			res = CLIENT_LOST;
			if (m->step == IDLE) {
				hang_up(w, m);
				return;
			}
		}
		if (res == CLIENT_OK && m->step == DIAL && c->client->hello && w->phase != FIRST) {
			m->step = HELLO;
			res = client_begin(c, &hello);
		} else if (res == CLIENT_OK && m->step != OPERATION && !m->redial) {
			m->step = OPERATION;
			res = client_begin(c, w->call);
		} else {
			res = end(w, m, res);
		}
	}
}

/* The loop has something for the member. */
static void
handle(struct crowd *w, struct member *m, unsigned ready)
{
	struct client_conn *c = &m->k.conn;
	enum client_result res;

	if (m->step == DIAL) {
		advance(w, m, client_dial_end(c));
		return;
	}
	res = client_go_on(c, ready & (LOOP_READ | LOOP_GONE));
	if (m->step != IDLE || res == CLIENT_BUSY)
		advance(w, m, res);
	else
		hang_up(w, m);  /* the peer closed between two operations: none is lost */
}

/* Wait for events, at most wait_ns, and handle them and the time limits that passed. */
static int
pump(struct crowd *w, uint64_t wait_ns)
{
	struct loop_event event[EVENTS];
	uint64_t limit = w->bench->client.timeout_ns, now;
	int i, n;

	if ((n = loop_wait(w->loop, event, EVENTS, wait_ns)) < 0)
		return errno == EINTR ? 0 : -1;
	for (i = 0; i < n; i++)
		handle(w, event[i].user, event[i].ready);
	now = clock_ns();
	while (w->oldest && now > w->oldest->start_ns && now - w->oldest->start_ns >= limit)
		advance(w, w->oldest, client_time_out(&w->oldest->k.conn));
	return 0;
}

/* Let every member do count operations. */
static int
phase(struct crowd *w, enum phase p, const struct call *call, uint64_t count, struct tally *t,
    uint64_t until_ns)
{
	uint64_t limit = w->bench->client.timeout_ns;
	unsigned i;

	w->phase = p;
	w->call = call;
	w->tally = t;
	w->until_ns = until_ns;
	w->active = 0;
	for (i = 0; i < w->n && !bench_stopped(w->bench); i++) {
		struct member *m = &w->member[i];

		m->k.seq = 0;
		m->left = count;
		if (m->k.gone)
			continue;
		w->active++;
		advance(w, m, begin(w, m));
		if (i % AT_ONCE == AT_ONCE - 1 && pump(w, 0) < 0)
			return -1;
	}
	while (w->active > 0 && !bench_stopped(w->bench))
		if (pump(w, limit < CLIENT_SLICE_NS ? limit : CLIENT_SLICE_NS) < 0)
			return -1;
	for (i = 0; i < w->n; i++) {
		if (w->member[i].k.gone && p == WARM_UP)
			bench_absent(t);
		else if (w->member[i].k.gone)
			t->gone++;
	}
	return 0;
}

int
crowd_first(struct crowd *w, const struct call *call, struct tally *t)
{
	return phase(w, FIRST, call, 1, t, UINT64_MAX);
}

int
crowd_warm_up(struct crowd *w, const struct call *call, struct tally *t)
{
	return phase(w, WARM_UP, call, w->bench->warmup, t, UINT64_MAX);
}

int
crowd_run(struct crowd *w, const struct call *call, struct tally *t, uint64_t start_ns)
{
	const struct bench *b = w->bench;

	return phase(w, RUN, call, b->count ? b->count : UINT64_MAX, t,
	    b->time_ns ? start_ns + b->time_ns : UINT64_MAX);
}
