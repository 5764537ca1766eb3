/* SPDX-License-Identifier: ISC */
/* bench-conc: concurrency. Many clients, each with a connection of its own and one request
 * (-d: several) under way, driven by a few threads with a loop each, or (-j = -c, without -d
 * and -r) by a thread per client that blocks. Rows: "first-reply", connecting with all the
 * others (from the start of connect to the first complete reply), and the requests. All
 * threads begin each part at the same moment, when the last client has connected and warmed
 * up; the time runs from there to the last reply. Closed loop: a slow peer is asked less
 * often; with a rate (-r) it is asked all the same. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "load/bench.h"
#include "base/clock.h"
#include "load/event.h"
#include "base/msg.h"

#define IN_SIZE ((size_t)64 << 10)      /* of a client with a thread of its own */
#define STACK_SIZE ((size_t)256 << 10)
#define FDS_PER_THREAD 3                /* of a loop */

static const struct bench_op ops[] = {
	{ "first-reply", CALL_HELLO, false, false, BENCH_ALWAYS },
	{ "ping", CALL_PING, false, false, BENCH_UNSIZED },
	{ "echo", CALL_ECHO, true, false, BENCH_SIZED },
	{ "upload", CALL_UPLOAD, true, false, BENCH_ASKED },
	{ "download", CALL_DOWNLOAD, true, false, BENCH_ASKED }
};

static const struct bench_program program = {
	.name = "bench-conc",
	.about = "Measure concurrency: many clients at once, each with a connection of its own.",
	.options = "ntwsocjdrASKNTCZflRDHvq",
	.counted = "requests per client",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 100,
	.warmup = 10,
	.named = true
};

/* Where threads wait for each other. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t open;
	unsigned expected, here, round;
	uint64_t at_ns;         /* when it last opened */
};

struct shared {
	struct bench *bench;
	struct gate gate;
	struct call first;      /* of each connection */
	bool cancelled;         /* written before the first gate opens */
	bool over;              /* written by main while the others wait */
};

struct worker {
	struct shared *shared;
	unsigned first, n;      /* its clients */
	struct crowd *crowd;    /* NULL: one client that blocks */
	struct bench_client client;
	unsigned char *in;
	struct result *result;
	int failed;             /* errno of a loop */
	pthread_t thread;
};

/* Wait until all have come; returns the moment, the same for all. */
static uint64_t
gate_pass(struct gate *g)
{
	uint64_t at_ns;
	unsigned round;

	pthread_mutex_lock(&g->mutex);
	round = g->round;
	if (++g->here == g->expected) {
		g->here = 0;
		g->round++;
		g->at_ns = clock_ns();
		pthread_cond_broadcast(&g->open);
	}
	while (g->round == round)
		pthread_cond_wait(&g->open, &g->mutex);
	at_ns = g->at_ns;
	pthread_mutex_unlock(&g->mutex);
	return at_ns;
}

static void
connect_all(struct worker *w)
{
	uint64_t cpu = clock_thread_cpu_ns();

	if (!w->crowd)
		bench_first(&w->client, &w->shared->first, w->result);
	else if (crowd_first(w->crowd, &w->shared->first, w->result) < 0)
		w->failed = errno;
	w->result->cpu_ns = clock_thread_cpu_ns() - cpu;
}

static void
warm_up(struct worker *w, const struct call *call)
{
	if (!w->crowd && w->client.gone)
		bench_absent(&w->client, w->result);
	else if (!w->crowd)
		bench_warm_up(w->shared->bench, &w->client, call, w->result);
	else if (!w->failed && crowd_warm_up(w->crowd, call, w->result) < 0)
		w->failed = errno;
}

static void
run(struct worker *w, const struct call *call, uint64_t start_ns)
{
	uint64_t cpu = clock_thread_cpu_ns();

	if (!w->crowd)
		bench_run(w->shared->bench, &w->client, call, w->result, start_ns);
	else if (!w->failed && crowd_run(w->crowd, call, w->result, start_ns) < 0)
		w->failed = errno;
	w->result->cpu_ns = clock_thread_cpu_ns() - cpu;
}

/* A thread's life. Between the second gate of each part and the next, main has the
 * results. */
static void *
work(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->shared;
	const struct bench *b = s->bench;
	uint64_t start_ns;
	size_t i;

	gate_pass(&s->gate);
	if (s->cancelled)
		return NULL;
	connect_all(w);
	gate_pass(&s->gate);
	gate_pass(&s->gate);
	for (i = 0; i < b->nrows && !s->over; i++) {
		if (b->row[i].call.op == CALL_HELLO)
			continue;
		warm_up(w, &b->row[i].call);
		start_ns = gate_pass(&s->gate);
		run(w, &b->row[i].call, start_ns);
		gate_pass(&s->gate);
		gate_pass(&s->gate);
	}
	return NULL;
}

/* Print the row that all threads are through with. */
static void
report(struct shared *s, struct worker *w, const struct bench_row *r, struct result *sum,
    uint64_t start_ns)
{
	struct bench *b = s->bench;
	unsigned i;

	for (i = 0; i < b->threads; i++) {
		result_merge(sum, w[i].result);
		if (w[i].failed) {
			msg("%s", strerror(w[i].failed));
			b->failed = s->over = true;
		}
	}
	bench_report(b, r, sum, b->clients, b->threads, start_ns);
	/* of requests without any client one row is enough: all errors */
	if ((sum->gone == b->clients && r->call.op != CALL_HELLO) || bench_stopped(b))
		s->over = true;
	result_clear(sum);
}

/* main's part while the threads are at work: see work(). */
static void
conduct(struct shared *s, struct worker *w, struct result *sum)
{
	struct bench *b = s->bench;
	struct bench_row setup = { .op = ops[0].name, .call = { .op = CALL_HELLO } };
	uint64_t start_ns;
	size_t i;

	bench_progress(b, &setup);
	start_ns = gate_pass(&s->gate);
	gate_pass(&s->gate);
	report(s, w, &setup, sum, start_ns);
	gate_pass(&s->gate);
	for (i = 0; i < b->nrows && !s->over; i++) {
		if (b->row[i].call.op == CALL_HELLO)
			continue;
		bench_progress(b, &b->row[i]);
		start_ns = gate_pass(&s->gate);
		gate_pass(&s->gate);
		report(s, w, &b->row[i], sum, start_ns);
		gate_pass(&s->gate);
	}
}

static void
free_workers(struct worker *w, unsigned n)
{
	unsigned i;

	for (i = 0; w && i < n; i++) {
		if (w[i].crowd)
			crowd_free(w[i].crowd);
		else if (w[i].in)
			client_close(&w[i].client.conn);
		free(w[i].in);
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
	unsigned i, next = 0;

	for (i = 0; w && i < b->threads; i++) {
		w[i].shared = s;
		w[i].first = next;
		w[i].n = b->clients / b->threads + (i < b->clients % b->threads);
		next += w[i].n;
		w[i].result = result_new(b->rows == TSV_RAW, b->rate > 0);
		if (b->threads == b->clients && bench_one_by_one(b)) {
			if ((w[i].in = malloc(IN_SIZE)))
				bench_client_init(&w[i].client, b, i, w[i].in, IN_SIZE);
		} else {
			w[i].crowd = crowd_new(b, w[i].first, w[i].n, i, b->threads);
		}
		if (!w[i].result || (!w[i].in && !w[i].crowd)) {
			free_workers(w, i + 1);
			return NULL;
		}
	}
	return w;
}

/* Start the threads, with signals left to main; returns how many could be started. */
static unsigned
start(struct shared *s, struct worker *w)
{
	sigset_t all, old;
	pthread_attr_t attr;
	unsigned i;
	int e;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if ((e = pthread_attr_init(&attr)) == 0)
		e = pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (i = 0; e == 0 && i < s->bench->threads; i += e == 0)
		e = pthread_create(&w[i].thread, &attr, work, &w[i]);
	if (e != 0) {
		msg("thread %u of %u: %s", i + 1, s->bench->threads, strerror(e));
		s->bench->failed = s->cancelled = true;
	}
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_mutex_lock(&s->gate.mutex);
	s->gate.expected = i + 1;
	pthread_mutex_unlock(&s->gate.mutex);
	return i;
}

static void
measure(struct bench *b)
{
	struct shared s = { .bench = b, .gate = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	    .open = PTHREAD_COND_INITIALIZER, .expected = UINT_MAX },
	    .first = { .op = CALL_HELLO } };
	struct result *sum = result_new(b->rows == TSV_RAW, b->rate > 0);
	struct worker *w = sum ? make_workers(&s) : NULL;
	unsigned i, n;

	if (!w) {
		msg("%s", strerror(errno));
		b->failed = true;
		result_free(sum);
		return;
	}
	/* a path that takes a payload can't be asked without one */
	if (b->row[b->nrows - 1].call.op == CALL_NAMED && !b->client.protocol->hello)
		s.first = b->row[b->nrows - 1].call;
	n = start(&s, w);
	if (s.cancelled)
		gate_pass(&s.gate);
	else
		conduct(&s, w, sum);
	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	free_workers(w, b->threads);
	result_free(sum);
}

int
main(int argc, char **argv)
{
	struct bench b;
	int status = bench_begin(&b, &program, argc, argv);
	uint64_t max;

	if (status >= 0)
		return status;
	max = bench_descriptors();
	if (b.clients + (uint64_t)b.threads * FDS_PER_THREAD > max) {
		msg("-c: %u connections need more than the %" PRIu64 " descriptors there can be "
		    "(ulimit -n)", b.clients, max);
		bench_end(&b);
		return 2;
	}
	measure(&b);
	return bench_end(&b);
}
