/* SPDX-License-Identifier: ISC */
/* schedule: due times against sums made here, shares against the whole, the distribution of
 * random gaps. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "load/schedule.h"
#include "tap.h"

#define START ((uint64_t)5 * 1000 * 1000 * 1000)
#define MANY 200000

static void
fixed(double rate, uint64_t count)
{
	struct schedule s;
	uint64_t k, due, bad = 0;
	double want;

	schedule_init(&s, SCHEDULE_FIXED, rate, 0, 0, 1);
	schedule_start(&s, START, count, UINT64_MAX);
	for (k = 0; k < count; k++) {
		want = (double)START + (double)k / rate * 1e9;
		due = s.due_ns;
		bad += schedule_take(&s) != due || fabs((double)due - want) > 2;
	}
	ok(bad == 0, "at %g/s request k is due at k / rate", rate);
	ok(s.due_ns == SCHEDULE_OVER && schedule_take(&s) == SCHEDULE_OVER
		&& s.due_ns == SCHEDULE_OVER,
	    "and after %u of them none", (unsigned)count);
}

/* Nothing is due at the end of the time or later. */
static void
timed(void)
{
	struct schedule s;
	uint64_t n = 0, last = 0;

	schedule_init(&s, SCHEDULE_FIXED, 1000, 0, 0, 1);
	schedule_start(&s, START, UINT64_MAX, START + 10 * 1000 * 1000);
	for (; s.due_ns != SCHEDULE_OVER; n++)
		last = schedule_take(&s);
	ok(n == 10 && last == START + 9 * 1000 * 1000, "10 ms at 1000/s are 10 requests");
	schedule_start(&s, START, UINT64_MAX, START);
	ok(s.due_ns == SCHEDULE_OVER, "no time, no request");
	schedule_init(&s, SCHEDULE_FIXED, 1e-9, 0, 0, 1);
	schedule_start(&s, START, UINT64_MAX, UINT64_MAX);
	ok(schedule_take(&s) == START
		&& schedule_take(&s) == START + (uint64_t)1000000000 * 1000000000,
	    "one in 31 years");
	for (n = 0; s.due_ns != SCHEDULE_OVER && n < 100; n++)
		schedule_take(&s);
	ok(n < 100, "what is due beyond all clocks never is");
}

/* All shares together are the whole, in order within each. */
static void
shares(enum schedule_dist dist, unsigned step)
{
	struct schedule whole, part[7];
	uint64_t list[1000], k, bad = 0, count = 1000;
	unsigned i;

	for (k = 0; k < count; k++)
		list[k] = k / 3 * 1000; /* three at a time */
	schedule_init(&whole, dist, 3000, 42, 0, 1);
	if (dist == SCHEDULE_LIST)
		schedule_init_list(&whole, list, count, 0, 1);
	schedule_start(&whole, START, count, UINT64_MAX);
	for (i = 0; i < step; i++) {
		schedule_init(&part[i], dist, 3000, 42, i, step);
		if (dist == SCHEDULE_LIST)
			schedule_init_list(&part[i], list, count, i, step);
		schedule_start(&part[i], START, count, UINT64_MAX);
	}
	for (k = 0; k < count; k++)
		bad += schedule_take(&whole) != schedule_take(&part[k % step]);
	for (i = 0; i < step; i++)
		bad += part[i].due_ns != SCHEDULE_OVER;
	ok(bad == 0, "%s gaps, %u shares: the whole is made up of them",
	    dist == SCHEDULE_EXP        ? "random"
		: dist == SCHEDULE_LIST ? "listed"
					: "even",
	    step);
}

/* Gaps are exponential: mean and deviation are the same, the median is ln 2 of them; and one
 * gap says nothing of the next. */
static void
exponential(uint64_t seed)
{
	static double gap[MANY];
	const double mean = 1e6;
	double sum = 0, squares = 0, along = 0;
	struct schedule s;
	uint64_t at, next;
	unsigned i, below = 0, long_ones = 0;

	schedule_init(&s, SCHEDULE_EXP, 1000, seed, 0, 1);
	schedule_start(&s, START, UINT64_MAX, UINT64_MAX);
	at = schedule_take(&s);
	ok(at == START, "seed %u: the first is due at once", (unsigned)seed);
	for (i = 0; i < MANY; i++, at = next) {
		next = schedule_take(&s);
		gap[i] = (double)(next - at) / mean;
		sum += gap[i];
		squares += (gap[i] - 1) * (gap[i] - 1);
		below += gap[i] < 0.693147;
		long_ones += gap[i] > 5;
		if (i > 0)
			along += (gap[i] - 1) * (gap[i - 1] - 1);
	}
	/* about 4.5 standard errors each */
	ok(fabs(sum / MANY - 1) < 0.01, "mean %.4f", sum / MANY);
	ok(fabs(sqrt(squares / MANY) - 1) < 0.015, "deviation %.4f", sqrt(squares / MANY));
	ok(fabs((double)below / MANY - 0.5) < 0.005, "median: %u below", below);
	ok(fabs((double)long_ones / MANY - exp(-5)) < 0.00085, "tail: %u above 5", long_ones);
	ok(fabs(along / MANY) < 0.01, "correlation %.4f", along / MANY);
}

static void
seeds(void)
{
	struct schedule a, b;
	unsigned i, same = 0, again = 0;
	uint64_t first[100];

	schedule_init(&a, SCHEDULE_EXP, 1000, 1, 0, 1);
	schedule_init(&b, SCHEDULE_EXP, 1000, 2, 0, 1);
	schedule_start(&a, 0, 100, UINT64_MAX);
	schedule_start(&b, 0, 100, UINT64_MAX);
	for (i = 0; i < 100; i++) {
		first[i] = schedule_take(&a);
		same += first[i] == schedule_take(&b);
	}
	ok(same == 1, "another seed, other times"); /* but for the start */
	schedule_start(&a, 1000, 100, UINT64_MAX);
	for (i = 0; i < 100; i++)
		again += schedule_take(&a) == first[i] + 1000;
	ok(again == 100, "the same seed, the same times");
}

/* A list is kept as it is, in each run again, up to its end or that of the time. */
static void
listed(void)
{
	static const uint64_t list[] = { 0, 0, 5, (uint64_t)3600 * 1000 * 1000 * 1000 };
	struct schedule s;
	unsigned i, run, bad = 0;

	schedule_init_list(&s, list, 4, 0, 1);
	for (run = 1; run <= 2; run++) {
		schedule_start(&s, START * run, UINT64_MAX, UINT64_MAX);
		for (i = 0; i < 4; i++)
			bad += schedule_take(&s) != START * run + list[i];
		bad += s.due_ns != SCHEDULE_OVER || schedule_take(&s) != SCHEDULE_OVER;
	}
	ok(bad == 0, "what a list says, and then none");
	schedule_start(&s, START, UINT64_MAX, START + 5);
	for (i = 0; s.due_ns != SCHEDULE_OVER && i < 9; i++)
		schedule_take(&s);
	ok(i == 2, "up to the end of the time");
}

int
main(void)
{
	unsigned step;

	fixed(1000, 10000);
	fixed(3, 1000);
	fixed(0.25, 100);
	fixed(123456.789, 100000);
	timed();
	for (step = 1; step <= 7; step += 2) {
		shares(SCHEDULE_FIXED, step);
		shares(SCHEDULE_EXP, step);
		shares(SCHEDULE_LIST, step);
	}
	exponential(0);
	exponential(1);
	exponential(UINT64_MAX);
	seeds();
	listed();
	return done();
}
