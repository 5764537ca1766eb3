/* SPDX-License-Identifier: ISC */
/* How far apart two processors are: see distance.h. */
#include "base/distance.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/thread.h"

#define TRIPS 100 /* a figure is the mean of so many */
#define FIGURES 41
#define LIMIT_NS (50 * CLOCK_MS)
#define SPINS 1024 /* between two looks at the clock */
#define OVER UINT_MAX

/* An odd number is there for the thread to answer, with the next one. */
struct pair {
	atomic_uint turn;
	struct cpus other;
};

static void *
answer(void *arg)
{
	struct pair *p = arg;
	unsigned turn;

	if (cpus_set_affinity(&p->other) < 0)
		return NULL;
	while ((turn = atomic_load_explicit(&p->turn, memory_order_acquire)) != OVER)
		if (turn % 2)
			atomic_compare_exchange_strong(&p->turn, &turn, turn + 1);
	return NULL;
}

static bool
trip(struct pair *p, uint64_t until_ns)
{
	unsigned turn = atomic_load_explicit(&p->turn, memory_order_relaxed), spins = 0;

	atomic_store_explicit(&p->turn, turn + 1, memory_order_release);
	while (atomic_load_explicit(&p->turn, memory_order_acquire) != turn + 2)
		if (++spins % SPINS == 0 && clock_ns() > until_ns)
			return false;
	return true;
}

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t
measure(struct pair *p)
{
	uint64_t until_ns = clock_ns() + LIMIT_NS, ns[FIGURES], start_ns;
	bool good = trip(p, until_ns); /* the thread is there */
	unsigned n = 0, i;

	while (good && n < FIGURES) {
		start_ns = clock_ns();
		for (i = 0; i < TRIPS && good; i++)
			good = trip(p, until_ns);
		if (good)
			ns[n++] = (clock_ns() - start_ns) / TRIPS;
	}
	if (n == 0)
		return 0;
	qsort(ns, n, sizeof *ns, compare);
	return ns[n / 2];
}

uint64_t
distance_ns(unsigned cpu, unsigned other)
{
	struct pair p = { .turn = 0 };
	struct cpus one = { .bits = { 0 } }, before;
	pthread_t thread;
	uint64_t ns = 0;

	cpus_add(&one, cpu);
	cpus_add(&p.other, other);
	if (cpus_get_affinity(&before) < 0 || cpus_set_affinity(&one) < 0)
		return 0;
	if (thread_start(&thread, 0, answer, &p) == 0) {
		ns = measure(&p);
		atomic_store(&p.turn, OVER);
		pthread_join(thread, NULL);
	}
	cpus_set_affinity(&before);
	return ns;
}
