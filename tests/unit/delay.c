/* SPDX-License-Identifier: ISC */
/* delay: what is a distribution and what is not, moments and shares of what is drawn, streams that
 * repeat. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "server/delay.h"
#include "tap.h"

#define MANY 400000
#define MS 1000000.0

static void
refused(const char *text, const char *why_not)
{
	struct delay_dist l;
	char why[DELAY_WHY] = "";
	bool taken = delay_parse(&l, text, why);

	if (!ok(!taken && strcmp(why, why_not) == 0, "\"%s\" is refused: %s", text, why_not))
		printf("# %s: %s\n", taken ? "taken" : "refused", why);
}

static bool
dist(struct delay_dist *l, const char *text)
{
	char why[DELAY_WHY];
	bool taken = delay_parse(l, text, why);

	if (!taken)
		ok(false, "%s: %s", text, why);
	return taken;
}

static void
parsing(void)
{
	static const char *const one_ms[] = { "1ms", "1000us", "1000000ns", "0.001s", "0.001",
		".001", "1.0ms", "1ms:1", "1ms:0.5,1ms:0.5" };
	struct delay_dist l;
	uint64_t state = 1;
	size_t i;

	for (i = 0; i < sizeof one_ms / sizeof one_ms[0]; i++)
		ok(dist(&l, one_ms[i]) && delay_draw(&l, &state, 0) == 1000000, "%s", one_ms[i]);
	ok(dist(&l, "1.5us") && delay_draw(&l, &state, 0) == 1500, "a fraction of a microsecond");
	ok(dist(&l, "0") && delay_draw(&l, &state, 0) == 0, "no time at all");
	ok(dist(&l, "1000000s") && delay_draw(&l, &state, 0) == 1000000000000000, "the longest");
	ok(dist(&l, "20000000000ns") && delay_draw(&l, &state, 0) == 20000000000,
	    "20 s in nanoseconds");
	ok(dist(&l, "1ms:.3333333,2ms:.3333333,exp:3ms:.3333333"), "rounded probabilities");
	ok(dist(&l,
	       "1:.0625,1:.0625,1:.0625,1:.0625,1:.0625,1:.0625,1:.0625,1:.0625,1:.0625,"
	       "1:.0625,1:.0625,1:.0625,1:.0625,1:.0625,1:.0625,1:.0625"),
	    "sixteen parts");

#define NO_TIME "not a time (a number, and ns, us, ms or s)"
	refused("", "\"\": " NO_TIME);
	refused("ms", "\"ms\": " NO_TIME);
	refused("1m", "\"1m\": " NO_TIME);
	refused("-1ms", "\"-1ms\": " NO_TIME);
	refused("1e3us", "\"1e3us\": " NO_TIME);
	refused("1.2.3ms", "\"1.2.3ms\": " NO_TIME);
	refused("1 ms", "\"1 ms\": " NO_TIME);
	refused("1MS", "\"1MS\": " NO_TIME);
	refused("1000000.1s", "\"1000000.1s\": too large");
	refused("99999999999999999999ns", "\"99999999999999999999ns\": too large");
	refused("exp:", "\"\": " NO_TIME);
	refused("exp:0ms", "\"0ms\": must be greater than 0");
	refused("exp:0.1ns", "\"0.1ns\": must be greater than 0");
	refused("gauss:1ms", "\"gauss\": " NO_TIME);
	refused("1ms,2ms", "\"1ms\": a part of a mixture needs a probability");
	refused("1ms:0.5,2ms", "\"2ms\": a part of a mixture needs a probability");
	refused("1ms:0.5,", "\"\": " NO_TIME);
	refused("1ms:", "\"\": not a number above 0");
	refused("1ms:0.5:0.5", "\"0.5:0.5\": not a number above 0");
	refused("1ms:x,2ms:1", "\"x\": not a number above 0");
	refused("1ms:0,2ms:1", "\"0\": must be greater than 0");
	refused("1ms:1.5", "\"1.5\": a probability above 1");
	refused("1ms:0.5", "\"1ms:0.5\": the probabilities do not add up to 1");
	refused("1ms:0.9,20ms:0.2", "\"1ms:0.9,20ms:0.2\": the probabilities do not add up to 1");
	refused("stall:", "\"\": not a stall (duration/period)");
	refused("stall:1s", "\"1s\": not a stall (duration/period)");
	refused("stall:1s/", "\"\": " NO_TIME);
	refused("stall:/5s", "\"\": " NO_TIME);
	refused("stall:1s/0s", "\"0s\": must be greater than 0");
	refused("stall:0/5s", "\"0\": must be greater than 0");
	refused("stall:5s/5s", "\"5s/5s\": a stall has to be shorter than its period");
	refused("1:.06,1:.06,1:.06,1:.06,1:.06,1:.06,1:.06,1:.06,1:.06,1:.06,1:.06,1:.06,1:.06,"
		"1:.06,1:.06,1:.06,1:.04",
	    "\"1:.04\": too many parts (at most 16)");
	refused("111111111111111111111111111111111111111111111111111111ms",
	    "\"11111111111111111111111111111111111111111111...\": too long");
}

/* The mean of many draws, and their variance; shares of those up to a bound. */
struct sample {
	double mean, variance, share;
};

static struct sample
sample(const char *text, double bound_ns)
{
	struct sample s = { 0, 0, 0 };
	uint64_t state = rng_stream(1, 0);
	struct delay_dist l;
	double x, sum = 0, squares = 0, below = 0;
	int i;

	if (!dist(&l, text))
		return s;
	for (i = 0; i < MANY; i++) {
		x = (double)delay_draw(&l, &state, 0);
		sum += x;
		squares += x * x;
		below += x <= bound_ns;
	}
	s.mean = sum / MANY;
	s.variance = squares / MANY - s.mean * s.mean;
	s.share = below / MANY;
	return s;
}

static bool
near(double got, double want, double part)
{
	return fabs(got - want) <= want * part;
}

/* The bounds are five standard deviations or more of what is estimated. */
static void
moments(void)
{
	struct sample s;

	s = sample("exp:1ms", MS);
	ok(near(s.mean, MS, 0.01), "exp: the mean is the one asked for (%g ns)", s.mean);
	ok(near(s.variance, MS * MS, 0.03), "exp: the deviation is as large (%g)", s.variance);
	ok(near(s.share, 1 - exp(-1), 0.01), "exp: 1 - 1/e are below the mean (%g)", s.share);
	s = sample("exp:1ms", 4.605170 * MS);
	ok(near(1 - s.share, 0.01, 0.1), "exp: 1%% are above ln(100) times the mean (%g)", s.share);
	s = sample("1ms:0.9,20ms:0.1", MS);
	ok(near(s.share, 0.9, 0.005), "mixture: the first part's share (%g)", s.share);
	ok(near(s.mean, 2.9 * MS, 0.02), "mixture: the mean (%g ns)", s.mean);
	ok(near(s.variance, 32.49 * MS * MS, 0.02), "mixture: the variance (%g)", s.variance);
	s = sample("exp:1ms:0.5,3ms:0.25,0:0.25", 0);
	ok(near(s.mean, 1.25 * MS, 0.01), "a mixture with exp: the mean (%g ns)", s.mean);
	ok(near(s.share, 0.25, 0.02), "a mixture with exp: the last part's share (%g)", s.share);
}

static void
stalls(void)
{
	uint64_t state = 7, s = 1000000000, sum = 0, i;
	struct delay_dist l;

	if (!dist(&l, "stall:1s/5s"))
		return;
	ok(delay_draw(&l, &state, 0) == 0 && delay_draw(&l, &state, 4 * s - 1) == 0,
	    "no stall in the first four of five seconds");
	ok(delay_draw(&l, &state, 4 * s) == s && delay_draw(&l, &state, 5 * s - 1) == 1,
	    "in the fifth what comes takes until its end");
	ok(delay_draw(&l, &state, 5 * s) == 0
		&& delay_draw(&l, &state, 1004 * s + s / 4) == s * 3 / 4,
	    "and so in each period");
	for (i = 0; i < 5000; i++)
		sum += delay_draw(&l, &state, i * s / 1000);
	ok(near((double)sum, 0.1 * 5000 * (double)s, 0.01), "a tenth of a second on average");
	ok(state == 7, "a stall draws nothing");
}

static void
streams(void)
{
	uint64_t a = rng_stream(1, 0), b = rng_stream(1, 0), other = rng_stream(1, 1),
		 seed = rng_stream(2, 0), first = rng_stream(0, 0), next = rng_stream(0, 1);
	uint64_t same = 0, by_number = 0, by_seed = 0, shifted = 0, late[8], x, k, j;
	double u, low = 2, high = -1, worst;
	struct delay_dist l;
	int i;

	if (!dist(&l, "exp:1ms"))
		return;
	for (i = 0; i < 1000; i++) {
		x = delay_draw(&l, &a, 0);
		same += x == delay_draw(&l, &b, 0);
		by_number += x == delay_draw(&l, &other, 0);
		by_seed += x == delay_draw(&l, &seed, 0);
	}
	ok(same == 1000, "the same seed and number: the same times");
	ok(by_number < 10, "another number: other times");
	ok(by_seed < 10, "another seed: other times");
	for (j = 0; j < 8; j++)
		late[j] = rng_next(&next);
	for (k = 0; k < 1000; k++) {
		x = rng_next(&first);
		for (j = 0; j < 8; j++)
			shifted += x == late[j];
	}
	ok(shifted == 0, "one stream is not another a few steps on");
	for (i = 0; i < MANY; i++) {
		u = rng_unit(&a);
		low = u < low ? u : low;
		high = u > high ? u : high;
	}
	ok(low > 0 && low < 1e-4 && high <= 1 && high > 1 - 1e-4, "(0, 1] is used (%g to %g)", low,
	    high);
	worst = 0;
	for (i = 0; i < MANY; i++) {
		x = a;
		u = -log(rng_unit(&x));
		worst = fmax(worst, fabs(rng_exp(&a) - u) / (u > 0 ? u : 1));
	}
	ok(worst < 1e-14, "the logarithm is right to a part in 10^14 (%g)", worst);
	/* the generator's published first value of seed 0 */
	x = 0;
	ok(rng_next(&x) == 0xe220a8397b1dcdaf, "SplitMix64");
}

int
main(void)
{
	parsing();
	moments();
	stalls();
	streams();
	return done();
}
