/* SPDX-License-Identifier: ISC */
/* Distributions of service times. */
#include "server/delay.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/rng.h"

#define PIECE 48 /* of a distribution's text, with its NUL */
#define TEXT (DELAY_PARTS * 2 * PIECE)
#define ROUNDING 1e-6 /* probabilities that were rounded have a sum of nearly 1 */

/* A piece of the text is wrong. Returns false. */
static bool
wrong(char why[DELAY_WHY], const char *piece, const char *what)
{
	if (strlen(piece) < PIECE)
		snprintf(why, DELAY_WHY, "\"%s\": %s", piece, what);
	else
		snprintf(why, DELAY_WHY, "\"%.*s...\": %s", PIECE - 4, piece, what);
	return false;
}

/* what: the verdict of num.h on a piece. */
static bool
taken(const char *piece, const char *what, char why[DELAY_WHY])
{
	if (strlen(piece) >= PIECE)
		what = "too long";
	return !what || wrong(why, piece, what);
}

static bool
take_time(uint64_t *ns, bool zero, const char *s, char why[DELAY_WHY])
{
	return taken(s, num_time(s, zero, DELAY_MAX_S, ns), why);
}

static bool
take_chance(double *p, const char *s, char why[DELAY_WHY])
{
	const char *what = num_rate(s, 1, p);

	return taken(s, what && strcmp(what, "too large") == 0 ? "a probability above 1" : what,
	    why);
}

/* End s at the first such character. Returns what is behind it, or NULL. */
static char *
cut(char *s, char at)
{
	char *p = strchr(s, at);

	if (p)
		*p++ = '\0';
	return p;
}

/* "1s/5s", behind "stall:". s is a copy of text. */
static bool
take_stall(struct delay_dist *d, char *s, const char *text, char why[DELAY_WHY])
{
	const char *period = cut(s, '/');

	if (!period)
		return wrong(why, text, "not a stall (duration/period)");
	if (!take_time(&d->stall_ns, false, s, why)
	    || !take_time(&d->period_ns, false, period, why))
		return false;
	if (d->stall_ns >= d->period_ns)
		return wrong(why, text, "a stall has to be shorter than its period");
	return true;
}

/* "1ms", "exp:1ms", "1ms:0.9". *chance is left alone if there is none. */
static bool
take_part(struct delay_part *p, double *chance, char *s, char why[DELAY_WHY])
{
	static const char prefix[] = "exp:";
	const char *behind;

	p->exponential = strncmp(s, prefix, sizeof prefix - 1) == 0;
	if (p->exponential)
		s += sizeof prefix - 1;
	behind = cut(s, ':');
	return take_time(&p->ns, !p->exponential, s, why)
	    && (!behind || take_chance(chance, behind, why));
}

static bool
take_parts(struct delay_dist *d, char *s, const char *text, char why[DELAY_WHY])
{
	double sum = 0, chance = 0;
	char *next;

	for (; s; s = next) {
		next = cut(s, ',');
		if (d->n == DELAY_PARTS)
			return wrong(why, s, "too many parts (at most 16)");
		chance = 0;
		if (!take_part(&d->part[d->n], &chance, s, why))
			return false;
		if (chance == 0 && (d->n > 0 || next))
			return wrong(why, s, "a part of a mixture needs a probability");
		sum += chance;
		d->part[d->n++].upto = sum;
	}
	if (chance > 0 && (sum < 1 - ROUNDING || sum > 1 + ROUNDING))
		return wrong(why, text, "the probabilities do not add up to 1");
	return true;
}

bool
delay_parse(struct delay_dist *d, const char *text, char why[DELAY_WHY])
{
	static const char stall[] = "stall:";
	size_t k = sizeof stall - 1;
	char copy[TEXT];

	_Static_assert(DELAY_PARTS == 16, "a message says so");
	memset(d, 0, sizeof *d);
	if (strlen(text) >= sizeof copy)
		return wrong(why, text, "too long");
	strcpy(copy, text);
	if (strncmp(text, stall, k) == 0)
		return take_stall(d, copy + k, text + k, why);
	return take_parts(d, copy, text, why);
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
