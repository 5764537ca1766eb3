/* SPDX-License-Identifier: ISC */
/* Figures that were measured in rounds: see rounds.h. */
#include "stats/rounds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The place of a round: that of the first whose number is not below. */
static size_t
place(const struct rounds *r, uint64_t round)
{
	size_t low = 0, high = r->n, mid;

	/* mostly they come in order */
	if (r->n == 0 || r->round[r->n - 1] < round)
		return r->n;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (r->round[mid] < round)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
grow(struct rounds *r)
{
	size_t cap = r->cap ? 2 * r->cap : 8;
	uint64_t *round;
	double *figure;

	if (r->n < r->cap)
		return true;
	if ((round = realloc(r->round, cap * sizeof *round)))
		r->round = round;
	if ((figure = realloc(r->figure, (cap * r->figures + 1) * sizeof *figure)))
		r->figure = figure;
	if (!round || !figure)
		return false;
	r->cap = cap;
	return true;
}

double *
rounds_add(struct rounds *r, uint64_t round, bool *fresh)
{
	size_t at = place(r, round), i;
	double *p;

	*fresh = at == r->n || r->round[at] != round;
	if (!*fresh)
		return r->figure + at * r->figures;
	if (!grow(r))
		return NULL;
	p = r->figure + at * r->figures;
	memmove(p + r->figures, p, (r->n - at) * r->figures * sizeof *p);
	memmove(r->round + at + 1, r->round + at, (r->n - at) * sizeof *r->round);
	r->round[at] = round;
	r->n++;
	for (i = 0; i < r->figures; i++)
		p[i] = NAN;
	return p;
}

void
rounds_free(struct rounds *r)
{
	free(r->round);
	free(r->figure);
	memset(r, 0, sizeof *r);
}

bool
rounds_median(const struct rounds *r, size_t figure, struct stat_median *out)
{
	double *v = malloc((r->n + 1) * sizeof *v), x;
	size_t i, n = 0;

	if (!v)
		return false;
	for (i = 0; i < r->n; i++) {
		x = r->figure[i * r->figures + figure];
		if (!isnan(x))
			v[n++] = x;
	}
	stat_median_limits(v, n, out);
	free(v);
	return true;
}

bool
rounds_ratio(const struct rounds *a, const struct rounds *b, size_t figure,
    struct stat_median *out)
{
	double *v = malloc((a->n + 1) * sizeof *v), x, y;
	size_t i, j = 0, n = 0;

	if (!v)
		return false;
	for (i = 0; i < a->n; i++) {
		while (j < b->n && b->round[j] < a->round[i])
			j++;
		if (j == b->n || b->round[j] != a->round[i])
			continue;
		x = a->figure[i * a->figures + figure];
		y = b->figure[j * b->figures + figure];
		if (!isnan(x) && y > 0)
			v[n++] = x / y;
	}
	stat_median_limits(v, n, out);
	free(v);
	return true;
}
