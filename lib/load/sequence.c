/* SPDX-License-Identifier: ISC */
/* The rows of a program over one connection to each target. */
#include "load/sequence.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "load/block.h"
#include "load/blocking.h"
#include "load/event.h"
#include "load/live.h"
#include "net/loop.h"

/* So much of a larger transfer is enough to warm up: the first one takes twice as long, by pages
 * that are touched and a TCP window that grows, the third no longer. */
#define WARM_UP_SIZE ((uint64_t)4 << 20)

struct driver *
bench_driver(const struct bench *b, const struct client *cl, unsigned first, unsigned n,
    unsigned share, unsigned shares)
{
	if (b->threads == b->clients && b->depth == 1 && b->rate == 0)
		return blocking_driver_new(b, cl, first);
	return event_driver_new(b, cl, first, n, share, shares);
}

/* The event loop may fail: then nothing more comes of this target. */
static void
check(struct bench_target *t, int res)
{
	if (res == 0)
		return;
	result_warn(t->now, loop_backend, strerror(errno));
	t->over = true;
}

static void
prepare(const struct bench *b, struct bench_target *t, const struct bench_row *r)
{
	struct driver *d = t->driver;
	struct call call = r->call;

	/* what a service of one's own is sent is whole, or not understood */
	if (call.op != OP_NAMED && call.size > WARM_UP_SIZE)
		call.size = WARM_UP_SIZE;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each target has a driver */
	check(t, d->connect(d, t->now));
	if (!t->over && !d->gave_up(d))
		check(t, d->warm_up(d, &call, t->now, b->warmup));
}

static void
measure_block(struct bench *b, struct bench_target *t, const struct bench_row *r,
    const struct block *k, struct live *live)
{
	struct driver *d = t->driver;
	uint64_t start, cpu;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each target has a driver */
	if (k->skipped && !t->over && !d->gave_up(d))
		check(t, d->warm_up(d, &r->call, t->now, k->skipped));
	live_attach(live, 0, t->now);
	live_begin(live, t, r, 1, k->count, k->time_ns, k->rounds);
	cpu = clock_thread_cpu_ns();
	start = clock_ns();
	live_start(live, start);
	if (!t->over)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each target has a driver */
		check(t, d->run(d, &r->call, t->now, k->count, start, block_end(k, start)));
	t->now->cpu_ns = clock_thread_cpu_ns() - cpu;
	live_end(live);
	bench_print(b, t, r, t->now, 1, 1, start);
	result_merge(t->total, t->now);
	t->over = t->over || d->gave_up(d);
}

/* One row of all targets. */
static void
measure(struct bench *b, const struct bench_row *r, struct live *live)
{
	struct block k = block_of(b, r);
	struct bench_target *t, *end = b->target + b->ntargets;
	size_t i;

	bench_progress(b, r, 0, k.rounds);
	for (t = b->target; t < end; t++) {
		t->in_row = !t->over;
		if (t->in_row)
			prepare(b, t, r);
	}
	bench_wait(b);
	for (b->when.round = 1; b->when.round <= k.rounds && !bench_stopped(b); b->when.round++) {
		bench_progress(b, r, b->when.round - 1, k.rounds);
		bench_order(b);
		for (i = 0; i < b->ntargets && !bench_stopped(b); i++) {
			t = &b->target[b->order[i]];
			/* one that went away while it was prepared has a row that says so */
			if (!t->over || (b->when.round == 1 && t->in_row))
				measure_block(b, t, r, &k, live);
		}
	}
	for (t = b->target; t < end; t++) {
		if (!t->in_row)
			continue;
		if (t->over && k.rounds > 1)
			msg("%s: %s: not measured to the end of all rounds", t->label, r->op);
		bench_remark(b, t, r, t->total, 1, 1);
		result_clear(t->total);
	}
}

/* False with errno. */
static bool
make_drivers(struct bench *b)
{
	struct bench_target *t = b->target;

	while (t < b->target + b->ntargets && (t->driver = bench_driver(b, &t->client, 0, 1, 0, 1)))
		t++;
	return t == b->target + b->ntargets;
}

int
bench_sequence(struct bench *b)
{
	struct live *live = NULL;
	struct bench_target *t;
	size_t i;

	if (b->ntargets > 1
	    && bench_lacks_descriptors(b->ntargets * (1 + DRIVER_FDS), "%zu targets", b->ntargets))
		return 2;
	if (bench_results(b) && make_drivers(b) && (live = live_new(b, 1))) {
		for (i = 0; i < b->nrows && bench_some_left(b) && !bench_stopped(b); i++)
			measure(b, &b->row[i], live);
		/* rows that no target has got, as all went away */
		if (i < b->nrows && !bench_some_left(b))
			msg("%zu of %zu rows were not measured", b->nrows - i, b->nrows);
	} else {
		msg("%s", strerror(errno));
		b->failed = true;
	}
	for (t = b->target; t < b->target + b->ntargets; t++)
		if (t->driver)
			t->driver->free(t->driver);
	live_free(live);
	return 0;
}
