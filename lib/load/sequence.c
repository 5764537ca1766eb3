/* SPDX-License-Identifier: ISC */
/* The rows of a program over one connection. */
#include "load/sequence.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "load/blocking.h"
#include "load/event.h"
#include "net/loop.h"

struct driver *
bench_driver(const struct bench *b, unsigned first, unsigned n, unsigned share, unsigned shares)
{
	if (b->threads == b->clients && b->depth == 1 && b->rate == 0)
		return blocking_driver_new(b, first);
	return event_driver_new(b, first, n, share, shares);
}

/* One row. False: no other can be measured after it. */
static bool
measure(struct bench *b, struct driver *d, const struct bench_row *r, struct result *t)
{
	uint64_t start, cpu;
	int res;

	bench_progress(b, r);
	res = d->connect(d, t);
	if (res == 0 && !d->gave_up(d))
		res = d->warm_up(d, &r->call, t);
	cpu = clock_thread_cpu_ns();
	start = clock_ns();
	if (res == 0)
		res = d->run(d, &r->call, t, start);
	t->cpu_ns = clock_thread_cpu_ns() - cpu;
	if (res < 0)
		result_warn(t, loop_backend, strerror(errno));
	bench_report(b, r, t, 1, 1, start);
	result_clear(t);
	return res == 0 && !d->gave_up(d);
}

int
bench_sequence(struct bench *b)
{
	struct result *t = result_new(b->rows == TSV_RAW, b->rate > 0);
	struct driver *d = t ? bench_driver(b, 0, 1, 0, 1) : NULL;
	bool more = true;
	size_t i;

	if (!d) {
		msg("%s", strerror(errno));
		b->failed = true;
		result_free(t);
		return 0;
	}
	for (i = 0; i < b->nrows && more && !bench_stopped(b); i++)
		more = measure(b, d, &b->row[i], t);
	if (!more && i < b->nrows)
		msg("%zu of %zu rows were not measured", b->nrows - i, b->nrows);
	d->free(d);
	result_free(t);
	return 0;
}
