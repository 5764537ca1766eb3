/* SPDX-License-Identifier: ISC */
/* capacity: how often the rule for a probe is wrong, and whether a search ends around the truth,
 * in queues that have a formula. */
#include "stats/capacity.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/rng.h"
#include "stats/limit.h"
#include "tap.h"

#define MS ((uint64_t)1000 * 1000)
#define S (1000 * MS)

/* One clerk, who takes 1 ms, always or on average; users come at random, or on the beat. */
struct queue {
	const char *name;
	bool random_service, random_arrivals;
	double q;
	uint64_t limit_ns;
	double truth; /* per second */
};

/* M/D/1: by Crommelin's formula, as tests/measure/accuracy.sh has it. M/M/1: the response is
 * exponential with mean 1 / (1000 - rate) s. D/D/1: from 1000 on it grows. */
static const struct queue queues[] = {
	{ "M/D/1, p99 within 5 ms", false, true, 0.99, 5 * MS, 560.78 },
	{ "M/D/1, p90 within 10 ms", false, true, 0.9, 10 * MS, 881.71 },
	{ "M/M/1, p99 within 20 ms", true, true, 0.99, 20 * MS, 1000 - 230.2585 },
	{ "M/M/1, p90 within 5 ms", true, true, 0.9, 5 * MS, 1000 - 460.5170 },
	{ "M/M/1, p50 within 2 ms", true, true, 0.5, 2 * MS, 1000 - 346.5736 },
	{ "D/D/1, p99 within 5 ms", false, false, 0.99, 5 * MS, 1000 },
};

#define QUEUES (sizeof queues / sizeof *queues)

static struct limit probe;

/* Probe a rate for at most most_ns; returns how long it took. */
static uint64_t
run(const struct queue *k, double rate, uint64_t most_ns, bool glance, uint64_t *state,
    struct limit_share *share)
{
	double due = 0, free_at = 0;
	uint64_t at = 0;

	limit_init(&probe, k->q, k->limit_ns, limit_ramp_ns(k->limit_ns, most_ns));
	while (at < most_ns) {
		due += (k->random_arrivals ? rng_exp(state) : 1) * (double)S / rate;
		free_at = fmax(due, free_at)
		    + (k->random_service ? rng_exp(state) : 1) * (double)MS;
		at = (uint64_t)due;
		limit_due(&probe, at);
		limit_done(&probe, at, (uint64_t)(free_at - due));
		if (!limit_ready(&probe, at))
			continue;
		limit_look(&probe, at, share);
		if (share->verdict != LIMIT_UNDECIDED || (glance && share->passes))
			return at;
	}
	limit_look(&probe, at, share);
	return at;
}

/* Of many probes at this rate, how many come to each verdict? */
static void
verdicts(const struct queue *k, double factor, uint64_t most_ns, unsigned count, unsigned n[3])
{
	struct limit_share share;
	uint64_t state;
	unsigned i;

	n[0] = n[1] = n[2] = 0;
	for (i = 0; i < count; i++) {
		state = rng_stream(1, i);
		run(k, k->truth * factor, most_ns, false, &state, &share);
		n[share.verdict]++;
	}
}

static void
probes(void)
{
	unsigned n[3], i;

	for (i = 0; i < QUEUES - 1; i++) {
		verdicts(&queues[i], 1, 20 * S, 200, n);
		ok(n[LIMIT_HOLDS] + n[LIMIT_FAILS] <= 20,
		    "%s: at the edge itself at most 20 of 200 are decided: %u hold, %u fail",
		    queues[i].name, n[LIMIT_HOLDS], n[LIMIT_FAILS]);
		verdicts(&queues[i], 0.9, 20 * S, 100, n);
		ok(n[LIMIT_FAILS] <= 2, "a tenth below: %u of 100 hold, %u fail", n[LIMIT_HOLDS],
		    n[LIMIT_FAILS]);
		verdicts(&queues[i], 1.1, 20 * S, 100, n);
		ok(n[LIMIT_HOLDS] <= 2, "a tenth above: %u of 100 fail, %u hold", n[LIMIT_FAILS],
		    n[LIMIT_HOLDS]);
		verdicts(&queues[i], 0.5, 20 * S, 50, n);
		ok(n[LIMIT_HOLDS] >= 48, "half of it: %u of 50 hold", n[LIMIT_HOLDS]);
		verdicts(&queues[i], 2, 2 * S, 50, n);
		ok(n[LIMIT_FAILS] >= 45, "twice as much: %u of 50 fail within 2 s", n[LIMIT_FAILS]);
	}
}

/* Does a search of this time end around the truth? Sets the width of what it came to. */
static bool
search(const struct queue *k, uint64_t time_ns, uint64_t *state, double *width)
{
	struct limit_share share;
	uint64_t most_ns, took_ns;
	struct capacity c;
	double rate;
	bool glance;

	capacity_init(&c, 100, 10, 1e6, 1.05);
	while (capacity_next(&c, &rate, &glance)
	    && (most_ns = capacity_time_ns(rate, glance, limit_needs(k->q), time_ns)) > 0) {
		took_ns = run(k, rate, most_ns, glance, state, &share);
		time_ns -= took_ns < time_ns ? took_ns : time_ns;
		capacity_take(&c, rate, share.verdict, share.passes);
	}
	*width = c.fails > 0 && c.holds > 0 ? c.fails / c.holds : 0;
	return c.holds <= k->truth && (c.fails >= k->truth || c.fails == 0);
}

static void
searches(void)
{
	unsigned right, both, i, j;
	double width, sum;
	uint64_t state;

	for (i = 0; i < QUEUES; i++) {
		right = both = 0;
		sum = 0;
		for (j = 0; j < 100; j++) {
			state = rng_stream(2, j);
			right += search(&queues[i], 60 * S, &state, &width);
			if (width > 0) {
				both++;
				sum += log(width);
			}
		}
		ok(right >= 95 && both >= 75,
		    "%s: %u of 100 searches of 60 s end around %.0f; %u have both ends, "
		    "%.0f %% apart",
		    queues[i].name, right, queues[i].truth, both, 100 * (exp(sum / both) - 1));
	}
}

/* A rate is never 0, and none is tried twice on the way down. */
static void
slow(void)
{
	/* of type double, as constants need not be */
	const double first = 0.01, second = 0.02;
	struct capacity c;
	double rate, last;
	bool glance, good;

	capacity_init(&c, 0.0001, 0, 1e6, 1.05);
	ok(capacity_next(&c, &rate, &glance) && rate == first && glance, "the lowest rate is 0.01");
	capacity_take(&c, rate, LIMIT_UNDECIDED, false);
	ok(capacity_next(&c, &rate, &glance) && rate == second, "twice that follows");
	for (last = 0.03, good = true; capacity_next(&c, &rate, &glance); last = rate) {
		good = good && rate < last;
		capacity_take(&c, rate, LIMIT_FAILS, false);
	}
	ok(good && last == second, "on the way down none is tried twice");
}

int
main(void)
{
	slow();
	probes();
	searches();
	return done();
}
