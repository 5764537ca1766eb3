/* When the requests of an open loop are due. */
#include "schedule.h"

#include <math.h>

/* SplitMix64 (Steele, Lea, Flood 2014): every seed gives a good sequence, 0 too. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* A random number, exponential with mean 1. */
static double
exponential(uint64_t *state)
{
	/* 53 bits, above 0 and up to 1: there is no logarithm of 0 */
	return -log((double)((next_random(state) >> 11) + 1) * 0x1p-53);
}

/* Request k is the next one, if it is one of ours: when is it due? Others' gaps are drawn
 * as well: that costs every thread a logarithm per request of all threads, some 20 ns. */
static void
settle(struct schedule *s)
{
	double at;

	if (s->law == SCHEDULE_FIXED)
		at = (double)s->k * 1e9 / s->rate;
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

static void
skip(struct schedule *s, unsigned n)
{
	s->k += n;
	for (; s->law == SCHEDULE_EXP && n > 0; n--)
		s->sum_ns += exponential(&s->state) * 1e9 / s->rate;
}

void
schedule_init(struct schedule *s, enum schedule_law law, double rate, uint64_t seed,
    unsigned first, unsigned step)
{
	s->law = law;
	s->rate = rate;
	s->seed = seed;
	s->first = first;
	s->step = step;
	s->due_ns = SCHEDULE_OVER;
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
	settle(s);
}

uint64_t
schedule_take(struct schedule *s)
{
	uint64_t due_ns = s->due_ns;

	skip(s, s->step);
	settle(s);
	return due_ns;
}
