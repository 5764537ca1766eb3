/* SPDX-License-Identifier: ISC */
/* Distributions of service times. */
#include "server/delay.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/rng.h"

#define PIECE 48                /* of a distribution's text, with its NUL */
#define ROUNDING 1e-6           /* probabilities that were rounded have a sum of nearly 1 */

/* n bytes of the text are wrong. Returns false. */
static bool
wrong(char why[DELAY_WHY], const char *piece, size_t n, const char *what)
{
	if (n < PIECE)
		snprintf(why, DELAY_WHY, "\"%.*s\": %s", (int)n, piece, what);
	else
		snprintf(why, DELAY_WHY, "\"%.*s...\": %s", PIECE - 4, piece, what);
	return false;
}

/* The n bytes at s as a text of their own, for num.h; none is as long as PIECE. */
static bool
copy(char piece[PIECE], const char *s, size_t n, char why[DELAY_WHY])
{
	if (n >= PIECE)
		return wrong(why, s, n, "too long");
	memcpy(piece, s, n);
	piece[n] = '\0';
	return true;
}

static bool
take_time(uint64_t *ns, bool zero, const char *s, size_t n, char why[DELAY_WHY])
{
	char piece[PIECE];
	const char *what;

	if (!copy(piece, s, n, why))
		return false;
	if ((what = num_time(piece, zero, DELAY_MAX_S, ns)))
		return wrong(why, s, n, what);
	return true;
}

static bool
take_chance(double *p, const char *s, size_t n, char why[DELAY_WHY])
{
	char piece[PIECE];
	const char *what;

	if (!copy(piece, s, n, why))
		return false;
	if ((what = num_rate(piece, 1, p)))
		return wrong(why, s, n, strcmp(what, "too large") == 0 ? "a probability above 1" : what);
	return true;
}

/* "1s/5s", behind "stall:". */
static bool
take_stall(struct delay_dist *d, const char *s, char why[DELAY_WHY])
{
	const char *slash = strchr(s, '/');

	if (!slash)
		return wrong(why, s, strlen(s), "not a stall (duration/period)");
	if (!take_time(&d->stall_ns, false, s, (size_t)(slash - s), why)
	    || !take_time(&d->period_ns, false, slash + 1, strlen(slash + 1), why))
		return false;
	if (d->stall_ns >= d->period_ns)
		return wrong(why, s, strlen(s), "a stall has to be shorter than its period");
	return true;
}

/* "1ms", "exp:1ms", "1ms:0.9": n bytes. *chance is left alone if there is none. */
static bool
take_part(struct delay_part *p, double *chance, const char *s, size_t n, char why[DELAY_WHY])
{
	static const char prefix[] = "exp:";
	size_t k = sizeof prefix - 1;
	const char *colon;

	p->exponential = n >= k && memcmp(s, prefix, k) == 0;
	if (p->exponential) {
		s += k;
		n -= k;
	}
	if (!(colon = memchr(s, ':', n)))
		return take_time(&p->ns, !p->exponential, s, n, why);
	return take_time(&p->ns, !p->exponential, s, (size_t)(colon - s), why)
	    && take_chance(chance, colon + 1, n - (size_t)(colon + 1 - s), why);
}

static bool
take_parts(struct delay_dist *d, const char *s, char why[DELAY_WHY])
{
	const char *text = s;
	double sum = 0, chance;
	size_t n;

	for (;; s += n + 1) {
		n = strcspn(s, ",");
		if (d->n == DELAY_PARTS)
			return wrong(why, s, n, "too many parts (at most 16)");
		chance = 0;
		if (!take_part(&d->part[d->n], &chance, s, n, why))
			return false;
		if (chance == 0 && (d->n > 0 || s[n]))
			return wrong(why, s, n, "a part of a mixture needs a probability");
		sum += chance;
		d->part[d->n++].upto = sum;
		if (!s[n])
			break;
	}
	if (chance > 0 && fabs(sum - 1) > ROUNDING)
		return wrong(why, text, strlen(text), "the probabilities do not add up to 1");
	return true;
}

bool
delay_parse(struct delay_dist *d, const char *text, char why[DELAY_WHY])
{
	static const char stall[] = "stall:";
	size_t k = sizeof stall - 1;

	_Static_assert(DELAY_PARTS == 16, "a message says so");
	memset(d, 0, sizeof *d);
	if (strncmp(text, stall, k) == 0)
		return take_stall(d, text + k, why);
	return take_parts(d, text, why);
}

uint64_t
delay_draw(const struct delay_dist *d, uint64_t *state, uint64_t age_ns)
{
	const struct delay_part *p = d->part, *last = p + d->n - 1;
	uint64_t at;
	double u;

	if (d->period_ns) {
		at = age_ns % d->period_ns;
		return at < d->period_ns - d->stall_ns ? 0 : d->period_ns - at;
	}
	if (p < last) {
		/* the last part has what rounding has left */
		for (u = rng_unit(state); p < last && u > p->upto; p++)
			;
	}
	return p->exponential ? (uint64_t)(rng_exp(state) * (double)p->ns) : p->ns;
}
