/* SPDX-License-Identifier: ISC */
/* bench-conc: concurrency. Many clients, each with a connection of its own and one request
 * (-d: several) outstanding, driven by a few threads with an event loop each, or (-j = -c, without
 * -d and -r) by a thread per client that blocks. Rows: "first-reply", connecting at the same time
 * as all the others (from the start of connect to the first complete reply), and the requests.
 * All threads begin each part at the same moment, when the last client has connected and warmed
 * up; the time runs from there to the last reply. In a closed loop a slow peer gets fewer
 * requests; with a rate (-r) it gets them all the same. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "load/sequence.h"

#define STACK_SIZE ((size_t)256 << 10)
#define FDS_PER_THREAD 3                /* of an event loop */

static const struct bench_op ops[] = {
	{ .name = "first-reply", .op = OP_HELLO },
	{ .name = "ping", .op = OP_PING, .when = BENCH_UNSIZED },
	{ .name = "echo", .op = OP_ECHO, .sized = true, .when = BENCH_SIZED },
	{ .name = "upload", .op = OP_UPLOAD, .sized = true, .when = BENCH_ASKED },
	{ .name = "download", .op = OP_DOWNLOAD, .sized = true, .when = BENCH_ASKED }
};

/* Where threads wait for each other. */
struct barrier {
	pthread_mutex_t mutex;
	pthread_cond_t open;
	unsigned expected, here, round;
	uint64_t at_ns;         /* when it last opened */
};

struct shared {
	struct bench *bench;
	struct barrier barrier;
	struct call first;      /* of each connection */
	bool cancelled;         /* written before the barrier first opens */
	bool over;              /* written by main while the others wait */
};

struct worker {
	struct shared *shared;
	struct driver *driver;
	struct result *result;
	int failed;             /* errno of an event loop */
	pthread_t thread;
};

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

static void
connect_all(struct worker *w)
{
	uint64_t cpu = clock_thread_cpu_ns();

	if (w->driver->first(w->driver, &w->shared->first, w->result) < 0)
		w->failed = errno;
	w->result->cpu_ns = clock_thread_cpu_ns() - cpu;
}

static void
warm_up(struct worker *w, const struct call *call)
{
	if (!w->failed && w->driver->warm_up(w->driver, call, w->result) < 0)
		w->failed = errno;
}

static void
run(struct worker *w, const struct call *call, uint64_t start_ns)
{
	uint64_t cpu = clock_thread_cpu_ns();

	if (!w->failed && w->driver->run(w->driver, call, w->result, start_ns) < 0)
		w->failed = errno;
	w->result->cpu_ns = clock_thread_cpu_ns() - cpu;
}

/* A thread's life. Between the second barrier of each part and the next, main has the
 * results. */
static void *
work(void *arg)
{
	struct worker *w = arg;
	struct shared *s = w->shared;
	const struct bench *b = s->bench;
	uint64_t start_ns;
	size_t i;

	barrier_wait(&s->barrier);
	if (s->cancelled)
		return NULL;
	connect_all(w);
	barrier_wait(&s->barrier);
	barrier_wait(&s->barrier);
	for (i = 0; i < b->nrows && !s->over; i++) {
		if (b->row[i].call.op == OP_HELLO)
			continue;
		warm_up(w, &b->row[i].call);
		start_ns = barrier_wait(&s->barrier);
		run(w, &b->row[i].call, start_ns);
		barrier_wait(&s->barrier);
		barrier_wait(&s->barrier);
	}
	return NULL;
}

/* Print the row that all threads have finished. */
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
	/* without any client left, one row of errors is enough */
	if ((sum->gave_up == b->clients && r->call.op != OP_HELLO) || bench_stopped(b))
		s->over = true;
	result_clear(sum);
}

/* main's part while the threads are at work: see work(). */
static void
coordinate(struct shared *s, struct worker *w, struct result *sum)
{
	struct bench *b = s->bench;
	struct bench_row setup = { .op = ops[0].name, .call = { .op = OP_HELLO } };
	uint64_t start_ns;
	size_t i;

	bench_progress(b, &setup);
	start_ns = barrier_wait(&s->barrier);
	barrier_wait(&s->barrier);
	report(s, w, &setup, sum, start_ns);
	barrier_wait(&s->barrier);
	for (i = 0; i < b->nrows && !s->over; i++) {
		if (b->row[i].call.op == OP_HELLO)
			continue;
		bench_progress(b, &b->row[i]);
		start_ns = barrier_wait(&s->barrier);
		barrier_wait(&s->barrier);
		report(s, w, &b->row[i], sum, start_ns);
		barrier_wait(&s->barrier);
	}
}

static void
free_workers(struct worker *w, unsigned n)
{
	unsigned i;

	for (i = 0; w && i < n; i++) {
		if (w[i].driver)
			w[i].driver->free(w[i].driver);
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

	for (i = 0; w && i < b->threads; i++) {
		n = b->clients / b->threads + (i < b->clients % b->threads);
		w[i].shared = s;
		w[i].result = result_new(b->rows == TSV_RAW, b->rate > 0);
		w[i].driver = bench_driver(b, first, n, i, b->threads);
		if (!w[i].result || !w[i].driver) {
			free_workers(w, i + 1);
			return NULL;
		}
		first += n;
	}
	return w;
}

/* Start the threads, leaving signals to main; returns how many were started. */
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
	pthread_mutex_lock(&s->barrier.mutex);
	s->barrier.expected = i + 1;
	pthread_mutex_unlock(&s->barrier.mutex);
	return i;
}

static void
measure(struct bench *b)
{
	struct shared s = { .bench = b, .barrier = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	    .open = PTHREAD_COND_INITIALIZER, .expected = UINT_MAX },
	    .first = { .op = OP_HELLO } };
	struct result *sum = result_new(b->rows == TSV_RAW, b->rate > 0);
	struct worker *w = sum ? make_workers(&s) : NULL;
	unsigned i, n;

	if (!w) {
		msg("%s", strerror(errno));
		b->failed = true;
		result_free(sum);
		return;
	}
	/* a path that takes a payload can't be called without one */
	if (b->row[b->nrows - 1].call.op == OP_NAMED && !b->client.protocol->hello)
		s.first = b->row[b->nrows - 1].call;
	n = start(&s, w);
	if (s.cancelled)
		barrier_wait(&s.barrier);
	else
		coordinate(&s, w, sum);
	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	free_workers(w, b->threads);
	result_free(sum);
}

static int
check_and_measure(struct bench *b)
{
	uint64_t max = bench_descriptors();

	if (b->clients + (uint64_t)b->threads * FDS_PER_THREAD > max) {
		msg("-c: %u connections need more than the limit of %" PRIu64 " descriptors "
		    "(ulimit -n)", b->clients, max);
		return 2;
	}
	measure(b);
	return 0;
}

static const struct bench_program program = {
	.name = "bench-conc",
	.about = "Measure concurrency: many clients at once, each with a connection of its own.",
	.options = "ntwsocjdrASKNTCZflRDHvq",
	.counted = "requests per client",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 100,
	.warmup = 10,
	.beside = "concurrent connections",
	.clients = 10,
	.named = true,
	.run = check_and_measure
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
