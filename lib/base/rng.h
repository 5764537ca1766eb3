/* SPDX-License-Identifier: ISC */
/* Pseudo-random numbers from a seed: the same on every machine, good enough for arrival times
 * and samples, not for secrets.
 *
 * SplitMix64 (Steele, Lea, Flood 2014): its state is one number, and every seed gives a
 * good sequence, 0 too. */
#ifndef RNG_H
#define RNG_H

#include <stddef.h>
#include <stdint.h>

/* The initial state of stream number n of a seed. The streams of one seed are unrelated
 * sequences. */
uint64_t rng_stream(uint64_t seed, uint64_t n);

/* Uniform over all 64 bits. */
uint64_t rng_next(uint64_t *state);

/* Uniform, above 0 and at most 1. */
double rng_unit(uint64_t *state);

/* A random order of the numbers 0 to n - 1: each is as likely (Fisher and Yates). */
void rng_order(uint64_t *state, size_t *order, size_t n);

/* Exponential with mean 1: -log of the next rng_unit(), to a part in 10^15. That needs no
 * mathematical library, without which the servers start sooner. */
double rng_exp(uint64_t *state);

#endif
