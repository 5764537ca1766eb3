/* SPDX-License-Identifier: ISC */
/* A timed part that is seen while it goes on. */
#include "load/live.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/thread.h"

#define PROGRESS_NS CLOCK_S

struct live {
	struct bench *bench;
	unsigned threads;
	struct result_live *part;   /* of each thread */
	struct result **result;     /* each borrowed */
	struct result *sum, *taken; /* of an interval: of all threads, and of one */

	/* The timed part. */
	const struct bench_target *target;
	const struct bench_row *row;
	unsigned clients;
	uint64_t total;     /* operations; 0: not known */
	uint64_t time_ns;   /* 0: no limit */
	uint64_t blocks;    /* that follow, of all rounds */
	uint64_t period_ns; /* of intervals; 0: there are none */
	uint64_t first;     /* number of the interval that the next row begins with */
	bool progress;
	bool running; /* the thread is */
	pthread_t thread;
	uint64_t cpu_ns;        /* processor time at the start of the interval */
	uint64_t done, done_ns; /* progress: operations when it was shown last, and when */

	pthread_mutex_t mutex;
	pthread_cond_t change;
	uint64_t start_ns; /* 0: it has not started */
	bool over;
};

/* Of the interval that the next row ends with: all threads have the same. */
static uint64_t
number(const struct live *l)
{
	return l->part[0].number;
}

static uint64_t
interval_start_ns(const struct live *l, uint64_t k)
{
	return l->start_ns + k * l->period_ns;
}

/* ---- intervals ---- */

/* Collect the next interval of all threads, as far as it has come. The next row ends with the one
 * that is not over yet. */
static void
collect(struct live *l)
{
	uint64_t now = clock_ns(), next = number(l) + 1;
	unsigned i;

	if (now > interval_start_ns(l, next))
		next = (now - l->start_ns) / l->period_ns;
	if (next > l->part[0].last)
		next = l->part[0].last;
	result_clear(l->sum);
	for (i = 0; i < l->threads; i++) {
		l->taken = result_live_take(&l->part[i], l->taken, next);
		result_merge(l->sum, l->taken);
	}
}

static void
print(struct live *l, uint64_t at_ns, uint64_t end_ns)
{
	uint64_t cpu = clock_process_cpu_ns();

	l->sum->cpu_ns = cpu - l->cpu_ns;
	l->cpu_ns = cpu;
	bench_print_interval(l->bench, l->target, l->row, l->sum, l->clients, l->threads,
	    l->start_ns, at_ns - l->start_ns, end_ns > at_ns ? end_ns - at_ns : 0);
}

static void
print_interval(struct live *l)
{
	uint64_t first = l->first, last = number(l);

	collect(l);
	l->first = last + 1;
	print(l, interval_start_ns(l, first), interval_start_ns(l, last + 1));
}

/* Has an operation ended behind the next row? */
static bool
more_than_one_left(const struct live *l)
{
	unsigned i;

	for (i = 0; i < l->threads; i++)
		if (result_live_ahead(&l->part[i]))
			return true;
	return false;
}

static void
print_last(struct live *l)
{
	uint64_t end_ns = 0, at_ns;
	unsigned i;

	while (more_than_one_left(l))
		print_interval(l);
	for (i = 0; i < l->threads; i++)
		if (l->result[i]->end_ns > end_ns)
			end_ns = l->result[i]->end_ns;
	at_ns = interval_start_ns(l, l->first);
	collect(l);
	/* behind a stall that a signal ended there is nothing */
	if (l->sum->hist->n + l->sum->errors > 0 || end_ns > at_ns)
		print(l, at_ns, end_ns);
}

/* ---- progress ---- */

static void
show_progress(struct live *l, uint64_t now)
{
	uint64_t n = 0, errors = 0, left_ns = UINT64_MAX;
	uint64_t since_ns = now - l->start_ns;
	unsigned i;

	for (i = 0; i < l->threads; i++) {
		n += atomic_load_explicit(&l->part[i].n, memory_order_relaxed);
		errors += atomic_load_explicit(&l->part[i].errors, memory_order_relaxed);
	}
	if (l->time_ns)
		left_ns = (l->time_ns > since_ns ? l->time_ns - since_ns : 0)
		    + l->blocks * l->time_ns;
	else if (l->total > n + errors && n + errors > 0)
		left_ns = (uint64_t)((double)since_ns * (double)(l->total - n - errors)
		    / (double)(n + errors));
	bench_status(l->bench, l->bench->ntargets > 1 ? l->target->label : NULL, l->row,
	    now > l->done_ns ? (double)(n - l->done) * 1e9 / (double)(now - l->done_ns) : 0, errors,
	    left_ns);
	l->done = n;
	l->done_ns = now;
}

/* ---- the thread ---- */

/* When the next interval is over. */
static uint64_t
next_row_ns(const struct live *l)
{
	uint64_t k = number(l);

	return l->period_ns == 0 || k >= l->part[0].last ? UINT64_MAX : interval_start_ns(l, k + 1);
}

/* Wait until then, or until the part is over. The mutex is held. */
static void
wait_until(struct live *l, uint64_t ns)
{
	struct timespec at;

	while (!l->over && clock_ns() < ns) {
		if (ns == UINT64_MAX) {
			pthread_cond_wait(&l->change, &l->mutex);
			continue;
		}
		at.tv_sec = (time_t)(ns / CLOCK_S);
		at.tv_nsec = (long)(ns % CLOCK_S);
		pthread_cond_timedwait(&l->change, &l->mutex, &at);
	}
}

static void *
watch(void *arg)
{
	struct live *l = arg;
	uint64_t row_ns, progress_ns, now;

	pthread_mutex_lock(&l->mutex);
	while (!l->over && l->start_ns == 0)
		pthread_cond_wait(&l->change, &l->mutex);
	l->done_ns = l->start_ns;
	progress_ns = l->progress ? l->start_ns + PROGRESS_NS : UINT64_MAX;
	for (;;) {
		row_ns = next_row_ns(l);
		wait_until(l, row_ns < progress_ns ? row_ns : progress_ns);
		if (l->over)
			break;
		pthread_mutex_unlock(&l->mutex);
		now = clock_ns();
		if (now >= row_ns)
			print_interval(l);
		if (now >= progress_ns) {
			show_progress(l, now);
			progress_ns = now + PROGRESS_NS;
		}
		pthread_mutex_lock(&l->mutex);
	}
	pthread_mutex_unlock(&l->mutex);
	return NULL;
}

/* ---- */

void
live_attach(struct live *l, unsigned i, struct result *t)
{
	l->result[i] = t;
}

void
live_begin(struct live *l, const struct bench_target *target, const struct bench_row *r,
    unsigned clients, uint64_t count, uint64_t time_ns, uint64_t rounds)
{
	const struct bench *b = l->bench;
	unsigned i;
	int e;

	l->period_ns = b->interval_ns;
	l->progress = b->progress && (rounds == 1 || time_ns >= PROGRESS_NS);
	if (l->period_ns == 0 && !l->progress)
		return;
	l->target = target;
	l->row = r;
	l->clients = clients;
	l->time_ns = time_ns;
	l->total = b->dist == SCHEDULE_LIST ? b->due.n : count == UINT64_MAX ? 0 : count * clients;
	if (b->dist == SCHEDULE_LIST && !time_ns)
		l->time_ns = b->due.ns[b->due.n - 1] + 1;
	l->blocks = (rounds - b->when.round) * b->ntargets;
	l->start_ns = l->done = l->first = 0;
	l->over = false;
	for (i = 0; i < l->threads; i++) {
		result_live_begin(&l->part[i], l->period_ns, time_ns);
		l->result[i]->live = &l->part[i];
	}
	if ((e = thread_start(&l->thread, 0, watch, l)) != 0) {
		msg("%s: %s", l->period_ns ? "-i" : "progress", strerror(e));
		l->bench->failed = l->bench->failed || l->period_ns;
	}
	l->running = e == 0;
}

void
live_start(struct live *l, uint64_t start_ns)
{
	unsigned i;

	if (!l->running)
		return;
	pthread_mutex_lock(&l->mutex);
	if (l->start_ns == 0) {
		for (i = 0; i < l->threads; i++)
			l->part[i].start_ns = start_ns;
		l->cpu_ns = clock_process_cpu_ns();
		l->start_ns = start_ns;
		pthread_cond_signal(&l->change);
	}
	pthread_mutex_unlock(&l->mutex);
}

void
live_end(struct live *l)
{
	unsigned i;

	if (l->running) {
		pthread_mutex_lock(&l->mutex);
		l->over = true;
		pthread_cond_signal(&l->change);
		pthread_mutex_unlock(&l->mutex);
		pthread_join(l->thread, NULL);
		l->running = false;
		if (l->period_ns && l->start_ns)
			print_last(l);
	}
	for (i = 0; i < l->threads; i++)
		if (l->result[i])
			l->result[i]->live = NULL;
}

void
live_free(struct live *l)
{
	unsigned i;

	if (!l)
		return;
	for (i = 0; l->part && i < l->threads; i++)
		result_live_free(&l->part[i]);
	pthread_cond_destroy(&l->change);
	pthread_mutex_destroy(&l->mutex);
	result_free(l->sum);
	result_free(l->taken);
	free(l->part);
	free(l->result);
	free(l);
}

/* A condition whose times are those of clock_ns(). */
static int
init_change(pthread_cond_t *change)
{
	pthread_condattr_t attr;
	int e = pthread_condattr_init(&attr);

	if (e != 0)
		return e;
	if ((e = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC)) == 0)
		e = pthread_cond_init(change, &attr);
	pthread_condattr_destroy(&attr);
	return e;
}

struct live *
live_new(struct bench *b, unsigned threads)
{
	struct live *l = calloc(1, sizeof *l);
	bool open = b->rate > 0, stamps = b->client.stamps, good;
	unsigned i;
	int e;

	if (!l)
		return NULL;
	if ((e = init_change(&l->change)) != 0) {
		free(l);
		errno = e;
		return NULL;
	}
	pthread_mutex_init(&l->mutex, NULL);
	l->bench = b;
	l->threads = threads;
	l->part = calloc(threads, sizeof *l->part);
	l->result = calloc(threads, sizeof *l->result);
	good = l->part && l->result;
	for (i = 0; good && i < threads; i++)
		good = result_live_init(&l->part[i], b->interval_ns > 0, open, stamps);
	if (good && b->interval_ns > 0) {
		l->sum = result_new(false, open, stamps);
		l->taken = result_new(false, open, stamps);
		good = l->sum && l->taken;
	}
	if (good)
		return l;
	live_free(l);
	errno = ENOMEM;
	return NULL;
}
