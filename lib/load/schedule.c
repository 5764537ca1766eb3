/* SPDX-License-Identifier: ISC */
/* When the requests of an open loop are due. */
#include "load/schedule.h"

#include "base/rng.h"

/* When is request k, the next of this thread, due? */
static void
compute_next_due(struct schedule *s)
{
	double at;

	if (s->dist == SCHEDULE_FIXED)
		at = (double)s->k * 1e9 / s->rate;
	else if (s->dist == SCHEDULE_LIST)
		at = s->k < s->list_n ? (double)s->list_ns[s->k] : 0x1p62;
	else
		at = s->sum_ns;
	/* a time beyond all limits must not be cast */
	if (s->k >= s->count || at >= 0x1p62)
		s->due_ns = SCHEDULE_OVER;
	else
		s->due_ns = s->start_ns + (uint64_t)at;
	if (s->due_ns >= s->until_ns)
		s->due_ns = SCHEDULE_OVER;
}

/* Go on by n requests. The other threads' gaps are computed as well, which costs every thread a
 * logarithm per request of all threads, some 20 ns. */
static void
skip(struct schedule *s, unsigned n)
{
	s->k += n;
	for (; s->dist == SCHEDULE_EXP && n > 0; n--)
		s->sum_ns += rng_exp(&s->state) * 1e9 / s->rate;
}

void
schedule_init(struct schedule *s, enum schedule_dist dist, double rate, uint64_t seed,
    unsigned first, unsigned step)
{
	s->dist = dist;
	s->rate = rate;
	s->seed = seed;
	s->first = first;
	s->step = step;
	s->due_ns = SCHEDULE_OVER;
}

void
schedule_init_list(struct schedule *s, const uint64_t *list_ns, size_t n, unsigned first,
    unsigned step)
{
	schedule_init(s, SCHEDULE_LIST, 0, 0, first, step);
	s->list_ns = list_ns;
	s->list_n = n;
}

void
schedule_start(struct schedule *s, uint64_t start_ns, uint64_t count, uint64_t until_ns)
{
	s->start_ns = start_ns;
	s->count = count;
	s->until_ns = until_ns;
	s->k = 0;
	s->state = s->seed;
	s->sum_ns = 0;
	skip(s, s->first);
	compute_next_due(s);
}

uint64_t
schedule_take(struct schedule *s)
{
	uint64_t due_ns = s->due_ns;

	skip(s, s->step);
	compute_next_due(s);
	return due_ns;
}
