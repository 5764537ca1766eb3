/* SPDX-License-Identifier: ISC */
/* The rows of a program over one connection to each target. */
#include "load/sequence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/rng.h"
#include "load/block.h"
#include "load/blocking.h"
#include "load/event.h"
#include "load/live.h"
#include "net/loop.h"

/* So much of a larger transfer is enough to warm up: the first one takes twice as long, by pages
 * that are touched and a TCP window that grows, the third no longer. */
#define WARM_UP_SIZE ((uint64_t)4 << 20)

/* A target, and what is known of the row that is measured. */
struct lane {
	struct bench_target *target;
	struct driver *driver;
	struct result *now;   /* of the block */
	struct result *total; /* of those before */
	bool in_row;          /* the row has it */
	bool over;            /* no more can be measured */
};

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
check(struct lane *l, int res)
{
	if (res == 0)
		return;
	result_warn(l->now, loop_backend, strerror(errno));
	l->over = true;
}

static void
prepare(const struct bench *b, struct lane *l, const struct bench_row *r)
{
	struct driver *d = l->driver;
	struct call call = r->call;

	/* what a service of one's own is sent is whole, or not understood */
	if (call.op != OP_NAMED && call.size > WARM_UP_SIZE)
		call.size = WARM_UP_SIZE;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each lane has a driver */
	check(l, d->connect(d, l->now));
	if (!l->over && !d->gave_up(d))
		check(l, d->warm_up(d, &call, l->now, b->warmup));
}

static void
measure_block(struct bench *b, struct lane *l, const struct bench_row *r, const struct block *k,
    struct live *live)
{
	struct driver *d = l->driver;
	uint64_t start, cpu;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each lane has a driver */
	if (k->skipped && !l->over && !d->gave_up(d))
		check(l, d->warm_up(d, &r->call, l->now, k->skipped));
	live_attach(live, 0, l->now);
	live_begin(live, l->target, r, 1, k->count, k->time_ns, k->rounds);
	cpu = clock_thread_cpu_ns();
	start = clock_ns();
	live_start(live, start);
	if (!l->over)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each lane has a driver */
		check(l, d->run(d, &r->call, l->now, k->count, start, block_end(k, start)));
	l->now->cpu_ns = clock_thread_cpu_ns() - cpu;
	live_end(live);
	bench_print(b, l->target, r, l->now, 1, 1, start);
	result_merge(l->total, l->now);
	l->over = l->over || d->gave_up(d);
}

/* One row of all targets. */
static void
measure(struct bench *b, struct lane *lane, size_t *order, uint64_t *state,
    const struct bench_row *r, struct live *live)
{
	struct block k = block_of(b, r);
	struct lane *l, *end = lane + b->ntargets;
	size_t i;

	bench_progress(b, r, 0, k.rounds);
	for (l = lane; l < end; l++) {
		l->in_row = !l->over;
		if (l->in_row)
			prepare(b, l, r);
	}
	bench_wait(b);
	for (b->when.round = 1; b->when.round <= k.rounds && !bench_stopped(b); b->when.round++) {
		bench_progress(b, r, b->when.round - 1, k.rounds);
		bench_order(b, state, order);
		for (i = 0; i < b->ntargets && !bench_stopped(b); i++) {
			l = &lane[order[i]];
			/* one that went away while it was prepared has a row that says so */
			if (!l->over || (b->when.round == 1 && l->in_row))
				measure_block(b, l, r, &k, live);
		}
	}
	for (l = lane; l < end; l++) {
		if (!l->in_row)
			continue;
		if (l->over && k.rounds > 1)
			msg("%s: %s: not measured to the end of all rounds", l->target->label,
			    r->op);
		bench_remark(b, l->target, r, l->total, 1, 1);
		result_clear(l->total);
	}
}

static void
free_lanes(struct lane *lane, size_t n)
{
	size_t i;

	for (i = 0; lane && i < n; i++) {
		if (lane[i].driver)
			lane[i].driver->free(lane[i].driver);
		result_free(lane[i].now);
		result_free(lane[i].total);
	}
	free(lane);
}

/* NULL with errno. */
static struct lane *
make_lanes(const struct bench *b)
{
	struct lane *lane = calloc(b->ntargets, sizeof *lane);
	size_t i;
	int e;

	for (i = 0; lane && i < b->ntargets; i++) {
		lane[i].target = &b->target[i];
		lane[i].now = result_new(b->rows == TSV_RAW, b->rate > 0, b->client.stamps);
		lane[i].total = result_new(false, b->rate > 0, b->client.stamps);
		lane[i].driver = bench_driver(b, &b->target[i].client, 0, 1, 0, 1);
		if (!lane[i].now || !lane[i].total || !lane[i].driver) {
			e = errno;
			free_lanes(lane, b->ntargets);
			errno = e;
			return NULL;
		}
	}
	return lane;
}

/* Rows that a target has not got, as it went away. */
static bool
some_left(const struct bench *b, const struct lane *lane)
{
	size_t i;

	for (i = 0; i < b->ntargets && lane[i].over; i++)
		;
	return i < b->ntargets;
}

int
bench_sequence(struct bench *b)
{
	uint64_t state = rng_stream(b->seed, 0);
	struct lane *lane;
	struct live *live;
	size_t *order, i;

	if (b->ntargets > 1
	    && bench_lacks_descriptors(b->ntargets * (1 + DRIVER_FDS), "%zu targets", b->ntargets))
		return 2;
	lane = make_lanes(b);
	order = calloc(b->ntargets, sizeof *order);
	live = live_new(b, 1);
	if (!lane || !order || !live) {
		msg("%s", strerror(errno));
		b->failed = true;
	}
	for (i = 0;
	     lane && order && live && i < b->nrows && some_left(b, lane) && !bench_stopped(b); i++)
		measure(b, lane, order, &state, &b->row[i], live);
	if (lane && order && live && !some_left(b, lane) && i < b->nrows)
		msg("%zu of %zu rows were not measured", b->nrows - i, b->nrows);
	free_lanes(lane, b->ntargets);
	live_free(live);
	free(order);
	return 0;
}
