/* SPDX-License-Identifier: ISC */
/* Figures that were measured in rounds: see rounds.h. */
#include "stats/rounds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUN_SHIFT 32 /* the run is in the upper half of a pass's number */

static int
compare_when(struct tsv_when x, struct tsv_when y)
{
	if (x.pass != y.pass)
		return x.pass < y.pass ? -1 : 1;
	return (x.round > y.round) - (x.round < y.round);
}

/* The place of a round: that of the first that is not before it. */
static size_t
place(const struct rounds *r, struct tsv_when when)
{
	size_t low = 0, high = r->n, mid;

	/* mostly they come in order */
	if (r->n == 0 || compare_when(r->when[r->n - 1], when) < 0)
		return r->n;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (compare_when(r->when[mid], when) < 0)
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
	struct tsv_when *when;
	double *figure;

	if (r->n < r->cap)
		return true;
	if ((when = realloc(r->when, cap * sizeof *when)))
		r->when = when;
	if ((figure = realloc(r->figure, (cap * r->figures + 1) * sizeof *figure)))
		r->figure = figure;
	if (!when || !figure)
		return false;
	r->cap = cap;
	return true;
}

double *
rounds_add(struct rounds *r, struct tsv_when when, bool *fresh)
{
	size_t at = place(r, when), i;
	double *p;

	*fresh = at == r->n || compare_when(r->when[at], when) != 0;
	if (!*fresh)
		return r->figure + at * r->figures;
	if (!grow(r))
		return NULL;
	r->passes += (at == 0 || r->when[at - 1].pass != when.pass)
	    && (at == r->n || r->when[at].pass != when.pass);
	p = r->figure + at * r->figures;
	memmove(p + r->figures, p, (r->n - at) * r->figures * sizeof *p);
	memmove(r->when + at + 1, r->when + at, (r->n - at) * sizeof *r->when);
	r->when[at] = when;
	r->n++;
	for (i = 0; i < r->figures; i++)
		p[i] = NAN;
	return p;
}

struct tsv_when
rounds_in_run(struct tsv_when when, uint64_t run)
{
	when.pass |= run << RUN_SHIFT;
	return when;
}

double *
rounds_append(struct rounds *r, struct tsv_when when)
{
	bool fresh;
	double *p;

	for (;; r->run++) {
		p = rounds_add(r, rounds_in_run(when, r->run), &fresh);
		if (!p || fresh)
			return p;
	}
}

bool
rounds_move(struct rounds *r, struct tsv_when from, struct tsv_when to)
{
	bool fresh;
	double *p = rounds_add(r, to, &fresh);
	size_t at = place(r, from), left;
	double *old = r->figure + at * r->figures;

	if (!p)
		return false;
	memcpy(p, old, r->figures * sizeof *p);
	left = --r->n - at;
	memmove(old, old + r->figures, left * r->figures * sizeof *old);
	memmove(r->when + at, r->when + at + 1, left * sizeof *r->when);
	r->passes -= (at == 0 || r->when[at - 1].pass != from.pass)
	    && (at == r->n || r->when[at].pass != from.pass);
	return true;
}

void
rounds_free(struct rounds *r)
{
	free(r->when);
	free(r->figure);
	memset(r, 0, sizeof *r);
}

/* Values sorted by pass, to one for each pass; or, if there is a single one, as they are. */
static size_t
reduce(const struct pass_figure *p, size_t n, bool single, double *v)
{
	size_t units = 0, i, k;
	double *first;

	for (i = 0; i < n; i += k) {
		first = v + units;
		for (k = 0; i + k < n && p[i + k].pass == p[i].pass; k++)
			first[k] = p[i + k].v;
		if (single)
			return k;
		stat_sort(first, k);
		*first = stat_median(first, k);
		units++;
	}
	return units;
}

static bool
median_over(const struct pass_figure *p, size_t n, bool single, struct stat_median *out)
{
	double *v = malloc((n + 1) * sizeof *v);

	if (!v)
		return false;
	stat_median_limits(v, reduce(p, n, single, v), out);
	free(v);
	return true;
}

/* Those that there are; p has room for all. */
static size_t
figures_of(const struct rounds *r, size_t figure, struct pass_figure *p)
{
	size_t i, n = 0;

	for (i = 0; i < r->n; i++) {
		p[n] = (struct pass_figure){ r->when[i].pass, r->figure[i * r->figures + figure] };
		n += !isnan(p[n].v);
	}
	return n;
}

/* The ratios; p has room for a->n. */
static size_t
ratios_of(const struct rounds *a, const struct rounds *b, size_t figure, struct pass_figure *p)
{
	size_t i, j = 0, n = 0;
	double x, y;

	for (i = 0; i < a->n; i++) {
		while (j < b->n && compare_when(b->when[j], a->when[i]) < 0)
			j++;
		if (j == b->n || compare_when(b->when[j], a->when[i]) != 0)
			continue;
		x = a->figure[i * a->figures + figure];
		y = b->figure[j * b->figures + figure];
		if (!isnan(x) && y > 0)
			p[n++] = (struct pass_figure){ a->when[i].pass, x / y };
	}
	return n;
}

static struct pass_figure *
room(size_t n)
{
	return malloc((n + 1) * sizeof(struct pass_figure));
}

bool
rounds_units(const struct rounds *r, size_t figure, double **v, size_t *n)
{
	struct pass_figure *p = room(r->n);

	*n = 0;
	if ((*v = malloc((r->n + 1) * sizeof **v)) && p)
		*n = reduce(p, figures_of(r, figure, p), r->passes == 1, *v);
	free(p);
	return *v && p;
}

bool
rounds_median(const struct rounds *r, size_t figure, struct stat_median *out)
{
	struct pass_figure *p = room(r->n);
	bool good = p && median_over(p, figures_of(r, figure, p), r->passes == 1, out);

	free(p);
	return good;
}

bool
rounds_estimate(const struct rounds *a, const struct rounds *b, size_t figure,
    struct paired_estimate *e)
{
	struct pass_figure *p = room(a->n);
	size_t all = p ? ratios_of(a, b, figure, p) : 0, n = 0, i;
	bool good = p;

	memset(e, 0, sizeof *e);
	for (i = 0; i < all; i++)
		if (p[i].v > 0)
			p[n++] = (struct pass_figure){ p[i].pass, log(p[i].v) };
	if (n > 0)
		good = paired_estimate(p, n, e);
	free(p);
	return good;
}
