/* SPDX-License-Identifier: ISC */
/* stamp: when replies arrived, by made-up clocks of which one is set now and then; and the parts of
 * an operation's time that come of it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/rng.h"
#include "net/stamp.h"
#include "stats/result.h"
#include "tap.h"

#define S ((uint64_t)1000 * 1000 * 1000)
#define EPOCH (1800000000 * S) /* CLOCK_REALTIME at 0 of the other */
#define OPERATIONS 100000

/* Read the clocks at a moment, with 40 ns from one to the next. */
static void
look(struct stamps *k, uint64_t at, uint64_t offset)
{
	stamps_add(k, at, at + 40 + offset, at + 80);
}

/* A reply that is stamped real_ns. */
static uint64_t
wake_of(struct stamps *k, uint64_t real_ns, uint64_t start_ns, uint64_t end_ns)
{
	k->real_ns = real_ns;
	return stamps_wake_ns(k, start_ns, end_ns);
}

static void
without_steps(void)
{
	struct stamps k = { 0 };
	uint64_t start = 10 * S, end = start + 50000, wake;

	ok(wake_of(&k, EPOCH + start + 100, start, end) == STAMP_NONE,
	    "clocks that were never read tell nothing");
	look(&k, 9 * S, EPOCH);
	look(&k, end - 500, EPOCH);
	ok(k.since_ns == 9 * S + 80 && k.high - k.low == 80, "limits as wide as a reading");
	wake = wake_of(&k, EPOCH + start + 30000, start, end);
	ok(wake >= 20000 - 40 && wake <= 20000 + 40, "30 us of 50 on the way, 20 waking up: %u ns",
	    (unsigned)wake);
	stamps_add(&k, end, end + 10 + EPOCH, end + 20);
	ok(k.high - k.low <= 60 && k.since_ns == 9 * S + 80, "limits come nearer");
	ok(wake_of(&k, 0, start, end) == STAMP_NONE, "no stamp");
	ok(wake_of(&k, EPOCH + start - 1000, start, end) == STAMP_NONE,
	    "a stamp from before the start is of something else");
	ok(wake_of(&k, EPOCH + end + 1000, start, end) == STAMP_NONE,
	    "a stamp from after the end can't be");
	ok(wake_of(&k, EPOCH + start - 5, start, end) == end - start,
	    "one that may be as old as the start is that");
	ok(wake_of(&k, EPOCH + end + 5, start, end) == 0, "and so is one at the end");
	ok(wake_of(&k, EPOCH + end, end, end) != STAMP_NONE, "no time at all has a part");
}

/* The wall clock is wrong by years, and behind the other one. */
static void
far_off(void)
{
	struct stamps k = { 0 };
	uint64_t start = 400 * S, end = start + 50000, offset = (uint64_t)0 - 300 * S, wake;

	look(&k, start - 100, offset);
	wake = wake_of(&k, start + 10000 + offset, start, end);
	ok(wake >= 40000 - 40 && wake <= 40000 + 40, "an offset below 0: %u ns", (unsigned)wake);
}

static void
a_step(int64_t step)
{
	struct stamps k = { 0 };
	uint64_t start = 10 * S, end = start + 50000, offset = EPOCH + (uint64_t)step, wake;

	look(&k, 9 * S, EPOCH);
	look(&k, end - 500, offset);
	ok(wake_of(&k, EPOCH + start + 30000, start, end) == STAMP_NONE
		&& wake_of(&k, offset + start + 30000, start, end) == STAMP_NONE,
	    "a step of %g us within an operation: when its reply came is not known",
	    (double)step / 1e3);
	start = end + 1000;
	end = start + 50000;
	look(&k, end - 500, offset);
	wake = wake_of(&k, offset + start + 30000, start, end);
	ok(wake >= 20000 - 40 && wake <= 20000 + 40, "the next one has its stamp: %u ns",
	    (unsigned)wake);
}

/* Operations one after the other, while the wall clock is set now and then: what is told of their
 * replies is right, and told of all but those with a step in them. */
static void
many(void)
{
	struct stamps k = { 0 };
	uint64_t state = 1, now = S, offset = EPOCH, start, real, arrival, wake, wrong = 0,
		 none = 0;
	uint64_t steps = 0, missing = 0, truth;
	bool step;
	int i;

	look(&k, now, offset);
	for (i = 0; i < OPERATIONS; i++) {
		start = now += 100 + rng_next(&state) % 1000;
		step = rng_next(&state) % 100 == 0;
		if (step && i % 2 == 0)
			offset += rng_next(&state) % 100000 + 200;
		arrival = now += rng_next(&state) % 100000;
		real = arrival + offset;
		if (step && i % 2 != 0)
			offset -= rng_next(&state) % 100000 + 200;
		now += rng_next(&state) % 20000;
		look(&k, now, offset);
		now += 80 + rng_next(&state) % 1000;
		wake = wake_of(&k, real, start, now);
		truth = now - arrival;
		none += wake == STAMP_NONE;
		missing += wake == STAMP_NONE && !step;
		wrong += wake != STAMP_NONE && (wake > truth + 40 || truth > wake + 40);
		steps += step;
	}
	ok(steps > 100 && none == steps && missing == 0, "%u steps, %u replies without a time",
	    (unsigned)steps, (unsigned)none);
	ok(wrong == 0, "all other %d times are right to 40 ns", OPERATIONS - (int)none);
}

static void
parts(void)
{
	struct result *t = result_new(false, true, true), *sum = result_new(false, true, true);
	struct result_sample s = { .ns = 1000, .wait_ns = 300, .wake_ns = 200, .ok = true };

	result_add(t, &s, NULL);
	s.wake_ns = RESULT_UNSTAMPED;
	result_add(t, &s, NULL);
	s.ok = false;
	result_add(t, &s, "lost");
	result_merge(sum, t);
	ok(sum->hist->n == 2 && sum->errors == 1 && sum->arrival->n == 1 && sum->wake->n == 1
		&& sum->unstamped == 1,
	    "what has no stamp is counted, and what failed is no such");
	ok(hist_quantile(sum->arrival, 1) == 500 && hist_quantile(sum->wake, 1) == 200
		&& hist_quantile(sum->service, 1) == 700,
	    "arrival and wake are the service");
	ok(t->unstamped == 0 && t->arrival->n == 0 && t->parts, "merged, it is empty");
	result_free(t);
	result_free(sum);
}

int
main(void)
{
	without_steps();
	far_off();
	a_step(-5000);
	a_step(5000);
	a_step(-(int64_t)(3600 * S));
	a_step((int64_t)(3600 * S));
	many();
	parts();
	return done();
}
