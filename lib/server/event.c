/* SPDX-License-Identifier: ISC */
/* A fixed number of event loops, each a thread of its own, and each connection in one of
 * them. Nothing here blocks: a session that wants to wait is put aside, and a long
 * transfer gives way after TURN_BYTES to whatever else is ready. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/pipe.h"
#include "net/loop.h"
#include "server/server.h"

#define EVENTS 256
#define READ_BYTES ((size_t)256 << 10) /* read at once; one such buffer per loop */
#define TURN_BYTES ((size_t)1 << 20)   /* one connection's share of a round */
#define INPUT (LOOP_READ | LOOP_NEWS)  /* interest in it */
#define SPIN_NS 20000u                 /* in a turn: waits up to this are passed awake */

/* The lists a connection may be in; all are in the order of since_ns. */
enum list {
	NO_LIST,
	LIMITED,   /* its peer has conf.timeout_ns, from since_ns or up to limit_slack() later on */
	LINGERING, /* throws input away, at most CONN_LINGER_NS */
	TIMED      /* in the heap: waits until wake_ns */
};

#define LISTS 3 /* TIMED is none */

struct worker {
	struct server *server;
	struct loop *loop;
	unsigned char *buf; /* READ_BYTES */
	struct out out;     /* empty: its memory is lent to the session whose turn it is, so that
			     * what each request writes to is in the cache */
	uint64_t now_ns;    /* when this round began */
	pthread_mutex_t lock;
	struct conn_list fresh; /* under the lock: accepted, and not yet in a list */
	atomic_bool has_fresh;
	struct conn_list list[LISTS];
	struct conn_list ready; /* have their next turn in the next round, whatever the descriptor
				 * says; some of LIMITED may be among them */
	struct conn **heap;     /* by wake_ns, the earliest first */
	size_t n_heap, heap_cap;
};

struct workers {
	int stop[2]; /* closing [1] makes [0] readable in every loop */
	unsigned next;
	struct worker worker[];
};

/* ---- the heap of those that sleep ---- */

static void
heap_put(struct worker *w, size_t i, struct conn *c)
{
	w->heap[i] = c;
	c->event.heap_at = i;
}

static void
heap_up(struct worker *w, size_t i, struct conn *c)
{
	size_t up;

	for (; i > 0; i = up) {
		up = (i - 1) / 2;
		if (w->heap[up]->event.wake_ns <= c->event.wake_ns)
			break;
		heap_put(w, i, w->heap[up]);
	}
	heap_put(w, i, c);
}

static void
heap_down(struct worker *w, size_t i, struct conn *c)
{
	size_t down;

	for (; (down = 2 * i + 1) < w->n_heap; i = down) {
		if (down + 1 < w->n_heap
		    && w->heap[down + 1]->event.wake_ns < w->heap[down]->event.wake_ns)
			down++;
		if (c->event.wake_ns <= w->heap[down]->event.wake_ns)
			break;
		heap_put(w, i, w->heap[down]);
	}
	heap_put(w, i, c);
}

static bool
heap_add(struct worker *w, struct conn *c)
{
	void *p = array_room(w->heap, &w->heap_cap, w->n_heap + 1, sizeof *w->heap);

	if (!p)
		return false;
	w->heap = p;
	heap_up(w, w->n_heap++, c);
	return true;
}

static void
heap_remove(struct worker *w, struct conn *c)
{
	size_t i = c->event.heap_at;
	struct conn *last = w->heap[--w->n_heap];

	if (last == c)
		return;
	heap_up(w, i, last);
	heap_down(w, last->event.heap_at, last);
}

/* ---- where a connection is ---- */

static void
leave(struct worker *w, struct conn *c)
{
	if (c->event.list == TIMED)
		heap_remove(w, c);
	else if (c->event.list != NO_LIST)
		conn_list_remove(&w->list[c->event.list], c);
	c->event.list = NO_LIST;
}

static void
enter(struct worker *w, struct conn *c, enum list list)
{
	leave(w, c);
	c->since_ns = w->now_ns;
	conn_list_add(&w->list[list], c);
	c->event.list = list;
}

static void
finish(struct worker *w, struct conn *c)
{
	leave(w, c);
	if (c->event.ready)
		conn_list_remove(&w->ready, c);
	loop_closing(w->loop, c->fd);
	server_close(c);
}

/* False: the loop refuses. */
static bool
listen_for(struct worker *w, struct conn *c, unsigned interest)
{
	if (interest == c->event.interest)
		return true;
	c->event.interest = interest;
	return loop_change(w->loop, c->fd, interest, c) == 0;
}

static uint64_t
limit_slack(const struct worker *w)
{
	return w->server->conf->timeout_ns >> 10;
}

/* ---- a turn ---- */

/* What a connection may do in a turn, and has done. */
struct turn {
	bool readable;
	uint64_t before;  /* bytes the connection had moved when it began */
	uint64_t spun_ns; /* waited awake so far */
};

static uint64_t
bytes_moved(const struct conn *c)
{
	return c->bytes_in + c->bytes_out;
}

static enum conn_step
receive(struct worker *w, struct conn *c, struct turn *u)
{
	enum conn_step r;

	if (c->ended)
		return CONN_OVER;
	if (!u->readable)
		return CONN_BLOCKED;
	r = conn_receive(c, w->buf, READ_BYTES, 0);
	/* a read that didn't fill the buffer has taken all there was; the loop reports what
	 * comes later */
	u->readable = c->in_end == READ_BYTES || c->event.ends;
	return r;
}

/* The session has ended the connection. */
static enum conn_step
close_gently(struct worker *w, struct conn *c)
{
	if (!conn_linger(c))
		return CONN_OVER;
	enter(w, c, LINGERING);
	return listen_for(w, c, LOOP_READ) ? CONN_BLOCKED : CONN_OVER;
}

/* The session waits for its peer: set the time limit, which starts again with each message
 * and with each piece that the peer takes of what we send, and the interest. */
static enum conn_step
await_peer(struct worker *w, struct conn *c, struct turn *u)
{
	bool input = c->session->want == WANT_INPUT, restart;

	if (input) {
		restart = conn_restart_limit(c);
		conn_acknowledge(c);
	} else {
		restart = c->timing || bytes_moved(c) > u->before || c->event.list != LIMITED;
		c->timing = false;
	}
	if (restart) {
		/* not each time: it is others' memory, too */
		if (c->event.list != LIMITED || w->now_ns - c->since_ns > limit_slack(w))
			enter(w, c, LIMITED);
	} else if (c->event.list != LIMITED) {
		/* it was over when we were at something that was no step of the peer's */
		conn_late(c);
		return CONN_OVER;
	}
	return listen_for(w, c, input ? INPUT : LOOP_WRITE) ? CONN_BLOCKED : CONN_OVER;
}

/* Have the next turn in the next round. A time limit of the peer's next step goes on: what we do
 * now need not be for a request. Any other starts again, for it is we who stop. */
static enum conn_step
give_way(struct worker *w, struct conn *c)
{
	if (!c->timing)
		leave(w, c);
	c->event.ready = true;
	conn_list_add(&w->ready, c);
	return CONN_BLOCKED;
}

/* Put the session aside until its time has come. The interest stays: events that come
 * meanwhile are dealt with when they come, which is rare. A wait that is shorter than what
 * this would cost is passed right here. */
static enum conn_step
put_aside(struct worker *w, struct conn *c, struct turn *u)
{
	uint64_t now;

	if (c->session->wait_ns == 0 && !c->session->service_time)
		return give_way(w, c);
	c->timing = false; /* this time is ours */
	leave(w, c);
	c->event.wake_ns = conn_wait_until(c);
	/* not now_ns: what came before in this round may have taken its time */
	now = clock_ns();
	if (c->event.wake_ns <= now + SPIN_NS - u->spun_ns) {
		u->spun_ns += c->event.wake_ns > now ? c->event.wake_ns - now : 0;
		clock_spin_until(c->event.wake_ns);
		conn_resume(c);
		return CONN_GO_ON;
	}
	if (!heap_add(w, c))
		return CONN_OVER;
	c->event.list = TIMED;
	return CONN_BLOCKED;
}

static enum conn_step
step(struct worker *w, struct conn *c, struct turn *u)
{
	enum conn_step r = CONN_GO_ON;

	switch (c->session->want) {
	case WANT_INPUT: r = conn_has_input(c) ? conn_feed(c) : receive(w, c, u); break;
	case WANT_OUTPUT: r = conn_transmit(c); break;
	case WANT_WAIT: return put_aside(w, c, u);
	case WANT_CLOSE: return close_gently(w, c);
	}
	if (r == CONN_BLOCKED)
		return await_peer(w, c, u);
	if (r == CONN_GO_ON && bytes_moved(c) - u->before >= TURN_BYTES
	    && (c->session->want == WANT_INPUT || c->session->want == WANT_OUTPUT))
		return give_way(w, c);
	return r;
}

/* Go on with a connection as far as it goes. If its session waits, that is over. */
static void
take_turn(struct worker *w, struct conn *c, bool readable)
{
	struct turn u = { .readable = readable, .before = bytes_moved(c) };
	struct out *out = &c->session->out;
	enum conn_step r;

	out_swap(out, &w->out);
	if (c->session->want == WANT_WAIT)
		conn_resume(c);
	while ((r = step(w, c, &u)) == CONN_GO_ON)
		;
	out_swap(out, &w->out);
	if (r == CONN_OVER || !conn_retain(c))
		finish(w, c);
}

/* ---- a round ---- */

static void
on_event(struct worker *w, struct conn *c, unsigned ready)
{
	if (ready & (LOOP_LAST | LOOP_GONE))
		c->event.ends = true;
	if (!conn_open(c)) {
		finish(w, c);
	} else if (c->event.list == LINGERING) {
		if (!conn_discard(c))
			finish(w, c);
	} else if (c->event.list != TIMED && !c->event.ready) {
		take_turn(w, c, ready & LOOP_READ);
	} else if (ready & LOOP_GONE || !listen_for(w, c, 0)) {
		/* a peer that has only ended its side still gets its answer */
		finish(w, c);
	}
}

/* One turn for each that is ready now; what becomes ready meanwhile has its in the next round. */
static void
run_ready(struct worker *w)
{
	struct conn_list now = w->ready;
	struct conn *c;

	w->ready.first = w->ready.last = NULL;
	while ((c = conn_list_take(&now))) {
		c->event.ready = false;
		take_turn(w, c, true);
	}
}

static void
run_timers(struct worker *w)
{
	struct conn *c;

	while (w->n_heap > 0 && w->heap[0]->event.wake_ns <= w->now_ns) {
		c = w->heap[0];
		leave(w, c);
		take_turn(w, c, true);
	}
}

static void
expire(struct worker *w, enum list list, uint64_t limit_ns)
{
	struct conn *c;

	while ((c = w->list[list].first) && c->since_ns + limit_ns <= w->now_ns) {
		if (c->event.ready) {
			leave(w, c); /* await_peer will see what came of it */
			continue;
		}
		if (list == LIMITED && conn_in_time(c)) {
			leave(w, c);
			take_turn(w, c, true);
			continue;
		}
		if (list == LIMITED)
			conn_late(c);
		finish(w, c);
	}
}

static uint64_t
sooner(uint64_t left, uint64_t when_ns, uint64_t now_ns)
{
	when_ns = when_ns > now_ns ? when_ns - now_ns : 0;
	return when_ns < left ? when_ns : left;
}

/* How long to sleep so as to be awake in time: from then on the loop polls, without
 * sleeping, for others' events. */
static uint64_t
asleep(uint64_t wake_ns)
{
	uint64_t now = clock_ns(), ns;

	ns = wake_ns > now + CLOCK_AWAKE_NS ? wake_ns - now - CLOCK_AWAKE_NS : 0;
	/* the loop is less exact with long times */
	if (ns >= LOOP_FINE_NS)
		return ns - LOOP_FINE_NS / 2;
	return ns > loop_grain_ns ? ns - loop_grain_ns : 0;
}

/* Not longer than a time limit: a connection that comes meanwhile and is silent wakes nobody, and
 * its time limit is over later than this sleep. */
static uint64_t
time_left(const struct worker *w)
{
	uint64_t left = w->server->conf->timeout_ns + limit_slack(w), now = w->now_ns;

	if (w->ready.first)
		return 0;
	if (w->list[LIMITED].first)
		left = sooner(left, w->list[LIMITED].first->since_ns + left, now);
	if (w->list[LINGERING].first)
		left = sooner(left, w->list[LINGERING].first->since_ns + CONN_LINGER_NS, now);
	if (w->n_heap > 0)
		left = sooner(left, asleep(w->heap[0]->event.wake_ns), 0);
	return left;
}

/* The time limit of those just accepted began then. */
static void
take_fresh(struct worker *w)
{
	struct conn *c;

	if (!atomic_load_explicit(&w->has_fresh, memory_order_relaxed))
		return;
	pthread_mutex_lock(&w->lock);
	while ((c = conn_list_take(&w->fresh))) {
		conn_list_add(&w->list[LIMITED], c);
		c->event.list = LIMITED;
	}
	atomic_store_explicit(&w->has_fresh, false, memory_order_relaxed);
	pthread_mutex_unlock(&w->lock);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct loop_event ev[EVENTS];
	bool stop = false;
	int i, n;

	w->now_ns = clock_ns();
	while (!stop) {
		n = loop_wait(w->loop, ev, EVENTS, time_left(w));
		if (n < 0) {
			server_fail(w->server, loop_backend, errno);
			return NULL;
		}
		w->now_ns = clock_ns();
		take_fresh(w); /* those that the events are about, at least */
		for (i = 0; i < n; i++) {
			if (ev[i].user)
				on_event(w, ev[i].user, ev[i].ready);
			else
				stop = true;
		}
		run_ready(w);
		run_timers(w);
		expire(w, LIMITED, w->server->conf->timeout_ns + limit_slack(w));
		expire(w, LINGERING, CONN_LINGER_NS);
	}
	return NULL;
}

/* ---- the model ---- */

/* Main thread: give the connection to the next loop, which has nothing to do for it until something
 * comes. It is in the loop's list before there can be an event. The lock is held until the loop
 * knows, for a worker that takes the connection may end it. */
static int
serve(struct conn *c)
{
	const struct server *sv = c->server;
	struct workers *ws = sv->data;
	struct worker *w = &ws->worker[ws->next];
	int e = 0;

	c->since_ns = clock_ns();
	c->timing = true;
	c->event.interest = INPUT;
	pthread_mutex_lock(&w->lock);
	conn_list_add(&w->fresh, c);
	atomic_store_explicit(&w->has_fresh, true, memory_order_relaxed);
	if (loop_add(w->loop, c->fd, c->event.interest, c) < 0) {
		e = errno;
		conn_list_remove(&w->fresh, c);
	}
	pthread_mutex_unlock(&w->lock);
	/* the connection may be over by now */
	if (e == 0)
		ws->next = (ws->next + 1) % sv->conf->threads;
	return e;
}

static void
end(struct server *sv)
{
	struct workers *ws = sv->data;
	struct worker *w;

	close(ws->stop[1]);
	server_join_workers(sv);
	for (w = ws->worker; w < ws->worker + sv->conf->threads; w++) {
		loop_free(w->loop);
		free(w->buf);
		out_free(&w->out);
		free(w->heap);
		pthread_mutex_destroy(&w->lock);
	}
	close(ws->stop[0]);
	free(ws);
}

static int
prepare(struct worker *w, struct server *sv, int stop_fd)
{
	w->server = sv;
	w->list[LIMITED].which = w->fresh.which = CONN_LIMIT;
	if (!(w->buf = malloc(READ_BYTES)))
		return ENOMEM;
	if (!(w->loop = loop_new()) || loop_add(w->loop, stop_fd, LOOP_READ, NULL) < 0)
		return errno;
	return 0;
}

static int
begin(struct server *sv)
{
	unsigned i, n = sv->conf->threads;
	struct workers *ws = calloc(1, sizeof *ws + n * sizeof ws->worker[0]);
	int e = 0;

	if (!ws)
		return ENOMEM;
	if (pipe_open(ws->stop) < 0) {
		e = errno;
		free(ws);
		return e;
	}
	sv->data = ws;
	for (i = 0; i < n; i++)
		pthread_mutex_init(&ws->worker[i].lock, NULL); /* it can't fail */
	for (i = 0; i < n && e == 0; i++)
		e = prepare(&ws->worker[i], sv, ws->stop[0]);
	if (e == 0)
		e = server_start_workers(sv, work, ws->worker, sizeof ws->worker[0]);
	if (e != 0)
		end(sv);
	return e;
}

const struct server_model model_event = {
	.name = "event",
	.threads = 1,
	.begin = begin,
	.end = end,
	.serve = serve,
};
