/* SPDX-License-Identifier: ISC */
/* bench-conc: concurrency. Many clients, each with a connection of its own and one request
 * (-d: several) outstanding, driven by a few threads with an event loop each, or (-j = -c, without
 * -d and -r) by a thread per client that blocks. Rows: "first-reply", connecting at the same time
 * as all the others (from the start of connect to the first complete reply), and the requests.
 * (The first one to a path over HTTP is one of these, as the path may take no other.)
 * All threads begin each part at the same moment, when the last client has connected and warmed
 * up; the time runs from there to the last reply. With several targets the connections to all of
 * them stay open, and they are measured in turn. In a closed loop a slow peer gets fewer
 * requests; with a rate (-r) it gets them all the same. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/thread.h"
#include "load/block.h"
#include "load/live.h"
#include "load/sequence.h"

#define STACK_SIZE ((size_t)256 << 10)
#define BLOCK_OPERATIONS 5 /* of each client: fewer are no picture of all */
#define FIRST_REPLIES 200  /* of a target, in all rounds together */

static const struct bench_op ops[] = {
	{ .name = "first-reply", .op = OP_HELLO },
	{ .name = "ping", .op = OP_PING, .when = BENCH_UNSIZED },
	{ .name = "echo", .op = OP_ECHO, .sized = true, .when = BENCH_SIZED },
	{ .name = "upload", .op = OP_UPLOAD, .sized = true, .when = BENCH_ASKED },
	{ .name = "download", .op = OP_DOWNLOAD, .sized = true, .when = BENCH_ASKED },
};

static const struct bench_row setup = { .op = "first-reply",
	.call = { .op = OP_HELLO },
	.connects = true };

/* Where threads wait for each other. */
struct barrier {
	pthread_mutex_t mutex;
	pthread_cond_t open;
	unsigned expected, here, round;
	uint64_t at_ns; /* when it last opened */
};

/* What all threads do next, each with its own clients. */
struct step {
	enum { FIRST, WARM_UP, RUN, OVER } what;
	size_t target;
	const struct call *call;
	uint64_t count, time_ns;
};

struct shared {
	struct bench *bench;
	struct barrier barrier;
	struct live *live; /* of the requests */
	struct step step;  /* written by main while the others wait */
};

struct worker {
	struct shared *shared;
	struct driver **driver;  /* of each target */
	struct driver **earlier; /* of the rounds before the last: connections that stay open */
	size_t nearlier;
	struct result *result;
	int failed; /* errno of an event loop */
	pthread_t thread;
};

/* How many clients a thread has. */
static unsigned
share_of(const struct bench *b, unsigned thread)
{
	return b->clients / b->threads + (thread < b->clients % b->threads);
}

/* Wait until all have come; returns the time then, the same for all. */
static uint64_t
barrier_wait(struct barrier *b)
{
	uint64_t at_ns;
	unsigned round;

	pthread_mutex_lock(&b->mutex);
	round = b->round;
	if (++b->here == b->expected) {
		b->here = 0;
		b->round++;
		b->at_ns = clock_ns();
		pthread_cond_broadcast(&b->open);
	}
	while (b->round == round)
		pthread_cond_wait(&b->open, &b->mutex);
	at_ns = b->at_ns;
	pthread_mutex_unlock(&b->mutex);
	return at_ns;
}

static int
perform(struct worker *w, const struct step *step, uint64_t start_ns)
{
	struct driver *d = w->driver[step->target];

	switch (step->what) {
	case FIRST: return d->first(d, step->call, w->result);
	case WARM_UP: return d->warm_up(d, step->call, w->result, step->count);
	default:
		live_start(w->shared->live, start_ns);
		return d->run(d, step->call, w->result, step->count, start_ns,
		    step->time_ns ? start_ns + step->time_ns : UINT64_MAX);
	}
}

/* A thread's life: each step lies between two barriers, and main has the rest. */
static void *
work(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->shared;
	uint64_t start_ns, cpu;

	for (;;) {
		start_ns = barrier_wait(&s->barrier);
		if (s->step.what == OVER)
			return NULL;
		cpu = clock_thread_cpu_ns();
		if (!w->failed && perform(w, &s->step, start_ns) < 0)
			w->failed = errno;
		if (s->step.what != WARM_UP)
			w->result->cpu_ns = clock_thread_cpu_ns() - cpu;
		barrier_wait(&s->barrier);
	}
}

/* Have all threads do it; returns when they began. */
static uint64_t
step(struct shared *s, const struct step *what)
{
	uint64_t start_ns;

	s->step = *what;
	start_ns = barrier_wait(&s->barrier);
	barrier_wait(&s->barrier);
	return start_ns;
}

/* What all threads have measured is the target's. */
static void
collect(struct shared *s, struct worker *w, struct bench_target *t)
{
	unsigned i;

	for (i = 0; i < s->bench->threads; i++)
		result_merge(t->now, w[i].result);
}

/* Is the row one that comes out? With -W, connecting may be what comes before the first. */
static bool
is_shown(const struct bench *b, const struct bench_row *r)
{
	size_t i;

	for (i = 0; i < b->nrows && !b->row[i].connects; i++)
		;
	return !r->connects || b->begin_ns == 0 || i < b->nrows;
}

/* Print what all threads have measured since the last time. */
static void
report(struct shared *s, struct worker *w, struct bench_target *t, const struct bench_row *r,
    uint64_t start_ns)
{
	struct bench *b = s->bench;
	unsigned i, gave_up;

	collect(s, w, t);
	for (i = 0; i < b->threads; i++) {
		if (w[i].failed) {
			msg("%s", strerror(w[i].failed));
			b->failed = t->over = true;
		}
	}
	if (is_shown(b, r))
		bench_print(b, t, r, t->now, b->clients, b->threads, start_ns);
	gave_up = t->now->gave_up;
	/* of requests without any client one row is enough: all errors */
	t->over = t->over || (gave_up == b->clients && !r->connects);
	result_merge(t->total, t->now);
	t->total->gave_up = gave_up; /* in each block it is all that have by then */
}

static void
remark(struct shared *s, struct bench_target *t, const struct bench_row *r)
{
	bench_remark(s->bench, t, r, t->total, s->bench->clients, s->bench->threads);
	result_clear(t->total);
}

static uint64_t
descriptors(const struct bench *b)
{
	return (b->clients + (uint64_t)b->threads * DRIVER_FDS) * b->ntargets;
}

/* Rounds of first replies: as many as of requests, but connections stay open, so that the end of
 * those of one target is no part of the next one's beginning. */
static uint64_t
first_rounds(const struct bench *b)
{
	uint64_t n = block_of(b, &setup).rounds, most = FIRST_REPLIES / b->clients;
	uint64_t fit = bench_descriptors() / descriptors(b);

	n = n < most ? n : most;
	n = n < fit ? n : fit;
	return n > 1 ? n : 1;
}

/* Other clients for the target, not connected yet. False, having said why, if there are none. */
static bool
renew(struct shared *s, struct worker *w, size_t target)
{
	struct bench *b = s->bench;
	struct driver *d;
	unsigned i, n, first = 0;

	for (i = 0; i < b->threads; i++) {
		n = share_of(b, i);
		if (!(d = bench_driver(b, &b->target[target].client, first, n, i, b->threads))) {
			msg("%s", strerror(errno));
			b->failed = true;
			return false;
		}
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each worker has drivers */
		w[i].earlier[w[i].nearlier++] = w[i].driver[target];
		w[i].driver[target] = d;
		first += n;
	}
	return true;
}

/* Has something failed in the block? */
static bool
incomplete(const struct bench_target *t)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each target has results */
	return t->now->errors + t->now->gave_up > 0;
}

/* Does the peer take no more connections than those of earlier rounds? All that failed has heard
 * nothing from it. */
static bool
turned_away(const struct bench_target *t)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each target has results */
	return !t->in_row && t->now->errors == t->now->unheard;
}

/* These are the ones that go on. */
static void
go_back(struct shared *s, struct worker *w, struct bench_target *t, size_t target)
{
	struct bench *b = s->bench;
	unsigned i;

	msg("%s: first-reply: only %" PRIu64 " round%s, no more connections: %s", t->label,
	    b->when.round - 1, b->when.round > 2 ? "s" : "",
	    t->now->ncauses > 0 ? t->now->cause[0].text : "a client gave up");
	result_clear(t->now);
	for (i = 0; i < b->threads; i++) {
		w[i].driver[target]->free(w[i].driver[target]);
		w[i].driver[target] = w[i].earlier[--w[i].nearlier];
	}
}

/* What a target's new connections begin with: OP_HELLO, or the first request to its path. */
static struct bench_row
first_row(const struct bench *b, const struct bench_target *t)
{
	struct bench_row r = setup;
	size_t i = 0;

	while (i < b->nrows && b->row[i].call.op != OP_NAMED)
		i++;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there are targets */
	if (i < b->nrows && !t->client.protocol->hello)
		r.call = b->row[i].call;
	return r;
}

/* Connect all clients of each target at the same time; in rounds, each time other ones. */
static void
connect_all(struct shared *s, struct worker *w)
{
	struct bench *b = s->bench;
	struct step first = { .what = FIRST };
	bool shown = is_shown(b, &setup);
	uint64_t rounds = shown ? first_rounds(b) : 1, start_ns;
	struct bench_row row;
	struct bench_target *t;
	size_t i;

	bench_progress(b, &setup, 0, rounds);
	for (t = b->target; t < b->target + b->ntargets; t++)
		t->in_row = true;
	if (shown)
		bench_wait(b);
	for (b->when.round = 1; b->when.round <= rounds && !bench_stopped(b); b->when.round++) {
		bench_order(b);
		for (i = 0; i < b->ntargets && !bench_stopped(b); i++) {
			t = &b->target[b->order[i]];
			if (t->over || !t->in_row
			    || (b->when.round > 1 && !renew(s, w, b->order[i])))
				continue;
			row = first_row(b, t);
			first.target = b->order[i];
			first.call = &row.call;
			start_ns = step(s, &first);
			collect(s, w, t);
			t->in_row = !incomplete(t);
			if (b->when.round > 1 && turned_away(t) && !bench_stopped(b))
				go_back(s, w, t, b->order[i]);
			else
				report(s, w, t, &row, start_ns);
		}
	}
	b->when.round = 1;
	for (t = b->target; t < b->target + b->ntargets; t++) {
		row = first_row(b, t);
		remark(s, t, &row);
	}
}

/* Have all clients of a target warm up with count requests; returns how long each took. */
static uint64_t
warm_up_target(struct shared *s, struct worker *w, struct bench_target *t, struct step *warm,
    uint64_t count)
{
	uint64_t ns;

	warm->count = count;
	ns = step(s, warm);
	ns = clock_ns() - ns;
	collect(s, w, t);
	return ns / (count ? count : 1);
}

/* Warm up all targets. The block has to hold some operations of each client: it gets the time
 * that as many take now, if that is more and all of them came to an end. They are tried once more
 * behind the warm-up, and the shorter time counts: the first may be those of a cold start, or of
 * another process that had the processor. */
static void
warm_up(struct shared *s, struct worker *w, const struct call *call, struct block *k)
{
	struct bench *b = s->bench;
	struct step warm = { .what = WARM_UP, .call = call };
	bool fixed = !b->in_rounds || b->count || b->time_ns || !b->warmup;
	struct bench_target *t;
	uint64_t ns, again;

	for (warm.target = 0; warm.target < b->ntargets; warm.target++) {
		t = &b->target[warm.target];
		if (t->over)
			continue;
		ns = warm_up_target(s, w, t, &warm, b->warmup);
		if (fixed || t->now->errors + t->now->warnings > 0)
			continue;
		again = warm_up_target(s, w, t, &warm, BLOCK_OPERATIONS);
		ns = (ns < again ? ns : again) * BLOCK_OPERATIONS;
		if (t->now->errors + t->now->warnings == 0 && ns > k->time_ns)
			k->time_ns = ns;
	}
}

/* One block of a target. */
static void
measure_block(struct shared *s, struct worker *w, struct bench_target *t, const struct bench_row *r,
    const struct step *run, uint64_t rounds)
{
	struct bench *b = s->bench;
	uint64_t start_ns;
	unsigned i;

	for (i = 0; i < b->threads; i++)
		live_attach(s->live, i, w[i].result);
	live_begin(s->live, t, r, b->clients, run->count, run->time_ns, rounds);
	start_ns = step(s, run);
	live_end(s->live);
	report(s, w, t, r, start_ns);
}

/* One row of all targets. */
static void
measure_row(struct shared *s, struct worker *w, const struct bench_row *r)
{
	struct bench *b = s->bench;
	struct block k = block_of(b, r);
	struct step run = { .what = RUN, .call = &r->call, .count = k.count };
	struct bench_target *t;
	size_t i;

	bench_progress(b, r, 0, k.rounds);
	warm_up(s, w, &r->call, &k);
	bench_wait(b);
	run.time_ns = k.time_ns;
	for (b->when.round = 1; b->when.round <= k.rounds && !bench_stopped(b); b->when.round++) {
		bench_progress(b, r, b->when.round - 1, k.rounds);
		bench_order(b);
		for (i = 0; i < b->ntargets && !bench_stopped(b); i++) {
			run.target = b->order[i];
			t = &b->target[run.target];
			if (!t->over)
				measure_block(s, w, t, r, &run, k.rounds);
		}
	}
	for (t = b->target; t < b->target + b->ntargets; t++)
		remark(s, t, r);
	b->when.round = 1;
}

/* main's part while the threads are at work. */
static void
coordinate(struct shared *s, struct worker *w)
{
	struct bench *b = s->bench;
	size_t i;

	connect_all(s, w);
	for (i = 0; i < b->nrows && !bench_stopped(b); i++)
		if (bench_some_left(b) && !b->row[i].connects)
			measure_row(s, w, &b->row[i]);
	s->step.what = OVER;
	barrier_wait(&s->barrier);
}

static void
free_workers(struct worker *w, unsigned n, size_t targets)
{
	unsigned i;
	size_t k;

	for (i = 0; w && i < n; i++) {
		for (k = 0; w[i].driver && k < targets; k++)
			if (w[i].driver[k])
				w[i].driver[k]->free(w[i].driver[k]);
		for (k = 0; k < w[i].nearlier; k++)
			w[i].earlier[k]->free(w[i].earlier[k]);
		free(w[i].driver);
		free(w[i].earlier);
		result_free(w[i].result);
	}
	free(w);
}

/* Share the clients out among the threads. NULL with errno. */
static struct worker *
make_workers(struct shared *s)
{
	struct bench *b = s->bench;
	struct worker *w = calloc(b->threads, sizeof *w);
	unsigned i, n, first = 0;
	bool good = w != NULL;
	size_t k;
	int e;

	for (i = 0; i < b->threads && good; i++) {
		n = share_of(b, i);
		w[i].shared = s;
		w[i].result = result_new(b->rows == TSV_RAW, b->rate > 0, b->client.stamps);
		w[i].driver = calloc(b->ntargets, sizeof(struct driver *));
		w[i].earlier = calloc(b->ntargets * first_rounds(b), sizeof(struct driver *));
		good = w[i].result && w[i].driver && w[i].earlier;
		for (k = 0; k < b->ntargets && good; k++)
			good = (w[i].driver[k] = bench_driver(b, &b->target[k].client, first, n, i,
				    b->threads))
			    != NULL;
		first += n;
	}
	if (good)
		return w;
	e = errno;
	free_workers(w, i, b->ntargets);
	errno = e;
	return NULL;
}

/* Returns how many threads were started. */
static unsigned
start(struct shared *s, struct worker *w)
{
	unsigned i, n = s->bench->threads;
	int e = 0;

	for (i = 0; e == 0 && i < n; i += e == 0)
		e = thread_start(&w[i].thread, STACK_SIZE, work, &w[i]);
	if (e != 0) {
		thread_lacks(e, i, n);
		s->bench->failed = true;
	}
	pthread_mutex_lock(&s->barrier.mutex);
	s->barrier.expected = i + 1;
	pthread_mutex_unlock(&s->barrier.mutex);
	return i;
}

static void
measure(struct bench *b)
{
	struct shared s = { .bench = b,
		.barrier = { .mutex = PTHREAD_MUTEX_INITIALIZER,
		    .open = PTHREAD_COND_INITIALIZER,
		    .expected = UINT_MAX } };
	struct worker *w = NULL;
	unsigned i, n;

	if (bench_results(b) && (s.live = live_new(b, b->threads)))
		w = make_workers(&s);
	if (w) {
		n = start(&s, w);
		if (n == b->threads) {
			coordinate(&s, w);
		} else {
			s.step.what = OVER;
			barrier_wait(&s.barrier);
		}
		for (i = 0; i < n; i++)
			pthread_join(w[i].thread, NULL);
		free_workers(w, b->threads, b->ntargets);
	} else {
		msg("%s", strerror(errno));
		b->failed = true;
	}
	live_free(s.live);
}

/* For each number of clients everything again. */
static int
check_and_measure(struct bench *b)
{
	struct bench each = *b;

	do {
		if (bench_lacks_descriptors(descriptors(&each), "-c: %" PRIu64 " connections",
			(uint64_t)each.clients * b->ntargets))
			return 2;
	} while (bench_next_clients(&each));
	do
		measure(b);
	while (!bench_stopped(b) && bench_next_clients(b));
	return 0;
}

static const struct bench_program program = {
	.name = "bench-conc",
	.about = "Measure concurrency: many clients at once, each with a connection of its own.",
	.options = "ntwsocjdrgASKNTCZfXFliRDyHvqBbPW",
	.counted = "requests per client",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 100,
	.warmup = 10,
	.beside = "concurrent connections",
	.clients = 10,
	.many = true,
	.named = true,
	.lasts = true,
	.run = check_and_measure,
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
