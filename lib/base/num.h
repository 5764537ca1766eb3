/* SPDX-License-Identifier: ISC */
/* Text to number, the whole text or nothing: no blanks, signs, exponents, other bases. */
#ifndef NUM_H
#define NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns NULL and sets *v, or leaves *v alone and returns what is wrong: a static text
 * to print after the name of the option and its value, such as "not a whole number", "too
 * large", "must be at least 1". (The limits themselves are in the manual pages: a text that
 * names them would need memory that somebody owns.) */

/* Plain decimal digits, min to max. */
const char *num_count(const char *s, uint64_t min, uint64_t max, uint64_t *v);

/* Bytes: digits with an optional k, m or g (1024, 1024^2, 1024^3), either case. */
const char *num_size(const char *s, uint64_t min, uint64_t max, uint64_t *v);

/* Seconds with an optional fraction ("0.25", ".25"), greater than 0 unless zero is true,
 * at most max_s; *ns in nanoseconds, finer fractions are cut off. */
const char *num_secs(const char *s, bool zero, uint64_t max_s, uint64_t *ns);

/* The same followed by a unit: ns, us, ms or s; without one, seconds. */
const char *num_time(const char *s, bool zero, uint64_t max_s, uint64_t *ns);

/* Digits with an optional fraction, greater than 0 and at most max; fractions finer
 * than 10^-9 are cut off. */
const char *num_rate(const char *s, uint64_t max, double *v);

/* A percentage, with a "%" behind it or not, greater than 0 unless zero is true, at most max
 * percent; *v is that share of 1. Fractions finer than 10^-9 percent are cut off. */
const char *num_percent(const char *s, bool zero, uint64_t max, double *v);

/* The n digits at s as a number; false if n is 0, a byte is not a digit, or the
 * number does not fit. */
bool num_digits(const void *s, size_t n, uint64_t *v);

#endif
