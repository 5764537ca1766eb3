/* SPDX-License-Identifier: ISC */
/* A fixed number of event loops, each a thread of its own, and each connection in one of
 * them. Nothing here blocks: a session that wants to wait is put aside, and a long
 * transfer gives way after TURN_BYTES to whatever else is ready. */
#include "server/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"
#include "base/pipe.h"
#include "net/sock.h"

#define EVENTS 256
#define READ_BYTES ((size_t)256 << 10)  /* read at once; one such buffer per loop */
#define TURN_BYTES ((size_t)1 << 20)    /* one connection's share of a round */
#define SPIN_NS 20000u                  /* in a turn: waits up to this are passed awake */

/* The lists a connection may be in; all are in the order of since_ns. */
enum where {
	NOWHERE,
	LIMITED,        /* waits for its peer, at most conf.timeout_ns */
	LINGERING,      /* throws input away, at most CONN_LINGER_NS */
	READY,          /* has its next turn in the next round, whatever the descriptor says */
	TIMED           /* in the heap: waits until wake_ns */
};

#define LISTS 4         /* TIMED is none */

/* A connection's part of this model. */
struct place {
	enum where where;
	unsigned interest;      /* what the loop has been told */
	struct peer peer;
	uint64_t wake_ns;
	size_t heap_at;
};

struct worker {
	struct server *server;
	struct loop *loop;
	pthread_t thread;
	unsigned char *buf;     /* READ_BYTES */
	uint64_t now_ns;        /* when this round began */
	struct conn_list list[LISTS];
	struct conn **heap;     /* by wake_ns, the earliest first */
	size_t n_heap, heap_cap;
};

struct team {
	int stop[2];            /* closing [1] makes [0] readable in every loop */
	unsigned n, next;
	struct worker worker[];
};

static struct place *
place_of(const struct conn *c)
{
	return c->extra;
}

/* ---- the heap of those that sleep ---- */

static void
heap_put(struct worker *w, size_t i, struct conn *c)
{
	w->heap[i] = c;
	place_of(c)->heap_at = i;
}

static void
heap_up(struct worker *w, size_t i, struct conn *c)
{
	size_t up;

	for (; i > 0; i = up) {
		up = (i - 1) / 2;
		if (place_of(w->heap[up])->wake_ns <= place_of(c)->wake_ns)
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
		    && place_of(w->heap[down + 1])->wake_ns < place_of(w->heap[down])->wake_ns)
			down++;
		if (place_of(c)->wake_ns <= place_of(w->heap[down])->wake_ns)
			break;
		heap_put(w, i, w->heap[down]);
	}
	heap_put(w, i, c);
}

static bool
heap_add(struct worker *w, struct conn *c)
{
	size_t cap;
	void *p;

	if (w->n_heap == w->heap_cap) {
		cap = w->heap_cap ? w->heap_cap * 2 : 64;
		if (!(p = realloc(w->heap, cap * sizeof *w->heap)))
			return false;
		w->heap = p;
		w->heap_cap = cap;
	}
	heap_up(w, w->n_heap++, c);
	return true;
}

static void
heap_remove(struct worker *w, struct conn *c)
{
	size_t i = place_of(c)->heap_at;
	struct conn *last = w->heap[--w->n_heap];

	if (last == c)
		return;
	if (i > 0 && place_of(last)->wake_ns < place_of(w->heap[(i - 1) / 2])->wake_ns)
		heap_up(w, i, last);
	else
		heap_down(w, i, last);
}

/* ---- where a connection is ---- */

static void
leave(struct worker *w, struct conn *c)
{
	struct place *p = place_of(c);

	if (p->where == TIMED)
		heap_remove(w, c);
	else if (p->where != NOWHERE)
		conn_list_remove(&w->list[p->where], c);
	p->where = NOWHERE;
}

static void
enter(struct worker *w, struct conn *c, enum where where)
{
	leave(w, c);
	c->since_ns = w->now_ns;
	conn_list_add(&w->list[where], c);
	place_of(c)->where = where;
}

static void
finish(struct worker *w, struct conn *c)
{
	leave(w, c);
	loop_remove(w->loop, c->fd);
	conn_end(c);
}

/* Tell the loop; false if it won't have it. */
static bool
listen_for(struct worker *w, struct conn *c, unsigned interest)
{
	struct place *p = place_of(c);

	if (interest == p->interest)
		return true;
	p->interest = interest;
	return loop_change(w->loop, c->fd, interest, c) == 0;
}

/* ---- a turn ---- */

/* What a turn works on. */
struct turn {
	unsigned char *p;       /* p[at..end-1] is read, and not taken by the session */
	size_t at, end;
	bool readable, writable;
	bool unanswered;        /* input was taken, and nothing sent since */
	size_t bytes;           /* moved so far */
	uint64_t spun_ns;       /* waited awake so far */
};

enum outcome {
	GO_ON,
	BLOCKED,        /* until the descriptor is ready for what the session wants */
	OVER            /* the connection has to end */
};

static enum outcome
receive(struct worker *w, struct conn *c, struct turn *u)
{
	struct place *p = place_of(c);
	struct server_session *s = c->session;
	ssize_t n;

	if (p->peer.ended)
		return OVER;
	if (!u->readable)
		return BLOCKED;
	n = recv(c->fd, w->buf, READ_BYTES, 0);
	if (n < 0 && errno == EINTR)
		return GO_ON;
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? BLOCKED : OVER;
	if (n == 0) {
		p->peer.ended = true;
		s->protocol->end(s);
		return GO_ON;
	}
	/* a read that could have been longer has taken all there was; if more has come since,
	 * the loop will tell */
	u->readable = (size_t)n == READ_BYTES;
	c->bytes_in += (uint64_t)n;
	u->bytes += (size_t)n;
	u->p = w->buf;
	u->at = 0;
	u->end = (size_t)n;
	return GO_ON;
}

static enum outcome
feed(struct conn *c, struct turn *u)
{
	struct server_session *s = c->session;
	size_t n;

	n = s->protocol->input(s, u->p + u->at, u->end - u->at);
	u->at += n;
	u->unanswered = true;
	if (u->at == u->end && u->p == c->keep) {
		free(c->keep);
		c->keep = NULL;
	}
	return n > 0 || s->want != WANT_INPUT ? GO_ON : OVER;
}

static enum outcome
transmit(struct conn *c, struct turn *u)
{
	struct server_session *s = c->session;
	struct iovec iov[CONN_IOV];
	ssize_t n;
	int k;

	if (!u->writable)
		return BLOCKED;
	k = s->protocol->output(s, iov, CONN_IOV);
	if (k <= 0)
		return OVER;
	n = sock_writev(c->fd, iov, k);
	if (n < 0 && errno == EINTR)
		return GO_ON;
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? BLOCKED : OVER;
	c->bytes_out += (uint64_t)n;
	u->bytes += (size_t)n;
	u->unanswered = false;
	s->protocol->sent(s, (size_t)n);
	return GO_ON;
}

/* The session has ended the connection. */
static enum outcome
close_gently(struct worker *w, struct conn *c, struct turn *u)
{
	if (!conn_linger(c, &place_of(c)->peer, u->at < u->end, w->buf, READ_BYTES))
		return OVER;
	u->at = u->end;
	enter(w, c, LINGERING);
	return listen_for(w, c, LOOP_READ) ? BLOCKED : OVER;
}

/* The session waits for its peer: set the time limit, which starts anew with each message
 * and with each piece that the peer takes of what we send, and the interest. */
static enum outcome
await_peer(struct worker *w, struct conn *c, struct turn *u)
{
	struct place *p = place_of(c);
	struct server_session *s = c->session;
	bool anew;

	if (s->want == WANT_OUTPUT) {
		anew = u->bytes > 0;
		p->peer.message = false;
	} else {
		anew = peer_limit_anew(&p->peer, s);
	}
	if (anew || p->where != LIMITED)
		enter(w, c, LIMITED);
	/* the peer may hold back what follows until we acknowledge what we have */
	if (u->unanswered && s->want == WANT_INPUT)
		sock_quickack(c->fd);
	return listen_for(w, c, s->want == WANT_INPUT ? LOOP_READ : LOOP_WRITE) ? BLOCKED : OVER;
}

/* Put the session aside until its time has come. The interest stays: events that come
 * meanwhile are dealt with when they come, which is rare. A wait that is shorter than what
 * this would cost is passed right here. */
static enum outcome
put_aside(struct worker *w, struct conn *c, struct turn *u)
{
	struct place *p = place_of(c);
	uint64_t now;

	p->peer.message = false;
	if (c->session->wait_ns == 0 && !c->session->service_time) {
		enter(w, c, READY);
		return BLOCKED;
	}
	leave(w, c);
	p->wake_ns = conn_wait_until(c);
	/* not now_ns: what came before in this round may have taken its time */
	now = clock_ns();
	if (p->wake_ns <= now + SPIN_NS - u->spun_ns) {
		u->spun_ns += p->wake_ns > now ? p->wake_ns - now : 0;
		clock_spin_until(p->wake_ns);
		c->session->protocol->resume(c->session);
		return GO_ON;
	}
	if (!heap_add(w, c))
		return OVER;
	p->where = TIMED;
	return BLOCKED;
}

static enum outcome
step(struct worker *w, struct conn *c, struct turn *u)
{
	enum outcome r = GO_ON;

	switch (c->session->want) {
	case WANT_INPUT:
		r = u->at < u->end ? feed(c, u) : receive(w, c, u);
		break;
	case WANT_OUTPUT:
		r = transmit(c, u);
		break;
	case WANT_WAIT:
		return put_aside(w, c, u);
	case WANT_CLOSE:
		return close_gently(w, c, u);
	}
	if (r == BLOCKED)
		return await_peer(w, c, u);
	if (r == GO_ON && u->bytes >= TURN_BYTES
	    && (c->session->want == WANT_INPUT || c->session->want == WANT_OUTPUT)) {
		/* its time limit begins anew: it is we who stop */
		place_of(c)->peer.message = false;
		enter(w, c, READY);
		return BLOCKED;
	}
	return r;
}

/* Go on with a connection as far as it goes. */
static void
take_turn(struct worker *w, struct conn *c, bool readable, bool writable)
{
	struct turn u;
	enum outcome r;

	memset(&u, 0, sizeof u);
	u.readable = readable;
	u.writable = writable;
	u.p = c->keep;
	if (c->keep) {
		u.at = c->keep_at;
		u.end = c->keep_end;
	}
	while ((r = step(w, c, &u)) == GO_ON)
		;
	if (r == BLOCKED && u.at < u.end) {
		if (u.p == c->keep)
			c->keep_at = u.at;
		else if (!conn_keep(c, u.p + u.at, u.end - u.at))
			r = OVER;
	}
	if (r == OVER)
		finish(w, c);
}

/* ---- a round ---- */

static void
on_event(struct worker *w, struct conn *c, unsigned ready)
{
	const struct server_conf *conf = server_conf(w->server);
	struct place *p = place_of(c);

	if (!c->session) {
		if (!(c->session = conf->protocol->open(conf->service))) {
			c->errors++;
			finish(w, c);
			return;
		}
	}
	if (p->where == LINGERING) {
		if (!conn_discard(c, w->buf, READ_BYTES))
			finish(w, c);
	} else if (p->where != TIMED && p->where != READY) {
		take_turn(w, c, ready & LOOP_READ, true);
	} else if (ready & LOOP_GONE || !listen_for(w, c, 0)) {
		/* a peer that has only ended its side still gets its answer */
		finish(w, c);
	}
}

/* Those that are ready now get one turn; what they make ready has its in the next round. */
static void
run_ready(struct worker *w)
{
	struct conn_list now = w->list[READY];
	struct conn *c;

	w->list[READY].first = w->list[READY].last = NULL;
	while ((c = conn_list_take(&now))) {
		place_of(c)->where = NOWHERE;
		if (c->session->want == WANT_WAIT)
			c->session->protocol->resume(c->session);
		take_turn(w, c, true, true);
	}
}

static void
run_timers(struct worker *w)
{
	struct conn *c;

	while (w->n_heap > 0 && place_of(w->heap[0])->wake_ns <= w->now_ns) {
		c = w->heap[0];
		leave(w, c);
		c->session->protocol->resume(c->session);
		take_turn(w, c, true, true);
	}
}

static void
expire(struct worker *w, enum where where, uint64_t limit_ns)
{
	struct conn *c;

	while ((c = w->list[where].first) && c->since_ns + limit_ns <= w->now_ns) {
		if (where == LIMITED && (c->session->want == WANT_OUTPUT || !c->session->idle))
			c->errors++;
		finish(w, c);
	}
}

static uint64_t
sooner(uint64_t left, uint64_t when_ns, uint64_t now_ns)
{
	when_ns = when_ns > now_ns ? when_ns - now_ns : 0;
	return when_ns < left ? when_ns : left;
}

/* How long to sleep so as to be awake at that time: until it comes, the loop asks again and
 * again whether there is something to do for others. */
static uint64_t
asleep(uint64_t wake_ns)
{
	uint64_t now = clock_ns(), ns;

	ns = wake_ns > now + CLOCK_AWAKE_NS ? wake_ns - now - CLOCK_AWAKE_NS : 0;
	/* the loop keeps long times less exactly */
	if (ns >= LOOP_FINE_NS)
		return ns - LOOP_FINE_NS / 2;
	return ns > loop_grain_ns ? ns - loop_grain_ns : 0;
}

static uint64_t
time_left(const struct worker *w, uint64_t limit_ns)
{
	uint64_t left = LOOP_FOREVER, now = w->now_ns;

	if (w->list[READY].first)
		return 0;
	if (w->list[LIMITED].first)
		left = sooner(left, w->list[LIMITED].first->since_ns + limit_ns, now);
	if (w->list[LINGERING].first)
		left = sooner(left, w->list[LINGERING].first->since_ns + CONN_LINGER_NS, now);
	if (w->n_heap > 0)
		left = sooner(left, asleep(place_of(w->heap[0])->wake_ns), 0);
	return left;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	uint64_t limit_ns = server_conf(w->server)->timeout_ns;
	struct loop_event ev[EVENTS];
	bool stop = false;
	int i, n;

	w->now_ns = clock_ns();
	while (!stop) {
		n = loop_wait(w->loop, ev, EVENTS, time_left(w, limit_ns));
		if (n < 0) {
			server_fail(w->server, loop_backend, errno);
			return NULL;
		}
		w->now_ns = clock_ns();
		for (i = 0; i < n; i++) {
			if (ev[i].user)
				on_event(w, ev[i].user, ev[i].ready);
			else
				stop = true;
		}
		run_ready(w);
		run_timers(w);
		expire(w, LIMITED, limit_ns);
		expire(w, LINGERING, CONN_LINGER_NS);
	}
	return NULL;
}

/* ---- the model ---- */

/* Main thread: give the connection to the next loop. A new socket can be written to, so the
 * loop sees it at once and sets its time limit. */
static int
serve(struct conn *c)
{
	struct team *team = server_data(c->server);
	struct worker *w = &team->worker[team->next];
	struct place *p = c->extra;

	if (!p && !(c->extra = p = calloc(1, sizeof *p)))
		return ENOMEM;
	p->interest = LOOP_READ | LOOP_WRITE;
	if (loop_add(w->loop, c->fd, p->interest, c) < 0)
		return errno;
	team->next = (team->next + 1) % team->n;
	return 0;
}

static void
end(struct server *sv)
{
	struct team *team = server_data(sv);
	struct worker *w;

	close(team->stop[1]);
	for (w = team->worker; w < team->worker + team->n; w++) {
		pthread_join(w->thread, NULL);
		loop_free(w->loop);
		free(w->buf);
		free(w->heap);
	}
	close(team->stop[0]);
	free(team);
}

static int
start_worker(struct worker *w, struct server *sv, int stop_fd, const pthread_attr_t *attr)
{
	unsigned char *buf = malloc(READ_BYTES);
	int e = ENOMEM;

	if (!buf)
		return e;
	w->server = sv;
	w->buf = buf;
	if (!(w->loop = loop_new()) || loop_add(w->loop, stop_fd, LOOP_READ, NULL) < 0)
		e = errno;
	else
		e = pthread_create(&w->thread, attr, work, w);
	if (e != 0) {
		loop_free(w->loop);
		free(buf);
	}
	return e;
}

static int
begin(struct server *sv)
{
	unsigned n = server_conf(sv)->threads;
	pthread_attr_t attr;
	struct team *team;
	int e;

	if (!(team = calloc(1, sizeof *team + n * sizeof team->worker[0])))
		return ENOMEM;
	if (pipe_open(team->stop) < 0) {
		e = errno;
		free(team);
		return e;
	}
	server_set_data(sv, team);
	if ((e = pthread_attr_init(&attr)) == 0) {
		e = pthread_attr_setstacksize(&attr, server_stack_size());
		for (; e == 0 && team->n < n; team->n += e == 0)
			e = start_worker(&team->worker[team->n], sv, team->stop[0], &attr);
		pthread_attr_destroy(&attr);
	}
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
