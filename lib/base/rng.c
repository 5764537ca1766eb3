/* SPDX-License-Identifier: ISC */
/* Pseudo-random numbers from a seed. */
#include "base/rng.h"

#define LOG_2 0.69314718055994530942
#define SQRT_HALF 0.70710678118654752440

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t
rng_next(uint64_t *state)
{
	return mix(*state += 0x9e3779b97f4a7c15);
}

uint64_t
rng_stream(uint64_t seed, uint64_t n)
{
	/* mixed twice: neighbouring numbers would else begin at neighbouring places of the
	 * one sequence that there is */
	uint64_t state = rng_next(&seed) + n;

	return rng_next(&state);
}

double
rng_unit(uint64_t *state)
{
	/* 53 bits, as many as a double holds */
	return (double)((rng_next(state) >> 11) + 1) * 0x1p-53;
}

double
rng_exp(uint64_t *state)
{
	/* of artanh t / t - 1: by the powers of t^2, the highest first */
	static const double series[] = { 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5,
		1. / 3 };
	double x = rng_unit(state), halvings = 0, sum = 0, t, t2;
	size_t i;

	while (x < SQRT_HALF) {
		x *= 2;
		halvings++;
	}
	/* -log x = 2 artanh t; t is 0.172 at most, so the next term is below 1e-15 */
	t = (1 - x) / (1 + x);
	t2 = t * t;
	for (i = 0; i < sizeof series / sizeof *series; i++)
		sum = (sum + series[i]) * t2;
	return halvings * LOG_2 + 2 * (t + t * sum);
}

void
rng_order(uint64_t *state, size_t *order, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		k = (size_t)(rng_next(state) % (i + 1));
		order[i] = order[k];
		order[k] = i;
	}
}
