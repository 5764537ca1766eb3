/* SPDX-License-Identifier: ISC */
/* Which rows are of the same run: see runs.h. */
#include "stats/runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct runs_row {
	size_t number;
	struct tsv_when when;
};

static struct rounds *
rounds_of(const struct runs *s, size_t number)
{
	void *group = (unsigned char *)s->index->group + number * s->index->size + s->offset;

	return group;
}

static bool
before(struct tsv_when x, struct tsv_when y)
{
	return x.pass != y.pass ? x.pass < y.pass : x.round < y.round;
}

static bool
remember(struct runs *s, const struct runs_row *row)
{
	struct runs_row *p = array_room(s->recent, &s->cap, s->n + 1, sizeof *p);

	if (!p)
		return false;
	s->recent = p;
	p[s->n++] = *row;
	return true;
}

/* Was the row there since a run may have begun? */
static bool
is_recent(const struct runs *s, const struct runs_row *row)
{
	const struct runs_row *p = s->recent;
	size_t n;

	for (n = s->n; n > 0; n--, p++)
		if (p->number == row->number && p->when.round == row->when.round
		    && p->when.pass == row->when.pass)
			return true;
	return false;
}

/* Another run begins, at the latest with this row. */
static bool
begin_run(struct runs *s, const struct runs_row *row)
{
	const struct runs_row *p = s->recent;
	size_t n;

	s->run++;
	if (!is_recent(s, row))
		for (n = s->n; n > 0; n--, p++)
			if (!rounds_move(rounds_of(s, p->number),
				rounds_in_run(p->when, s->run - 1), rounds_in_run(p->when, s->run)))
				return false;
	s->open = false;
	s->n = 0;
	return true;
}

double *
runs_add(struct runs *s, size_t number, struct tsv_when when, bool headed)
{
	struct runs_row row = { number, when };
	bool fresh;
	double *p;

	/* nothing is before the first row of all */
	if (s->last.pass > 0 && (headed || before(when, s->last))) {
		s->open = true;
		s->n = 0;
	}
	s->last = when;
	p = rounds_add(rounds_of(s, number), rounds_in_run(when, s->run), &fresh);
	if (p && !fresh)
		p = !begin_run(s, &row)
		    ? NULL
		    : rounds_add(rounds_of(s, number), rounds_in_run(when, s->run), &fresh);
	else if (p && s->open && !remember(s, &row))
		p = NULL;
	return p;
}

void
runs_free(struct runs *s)
{
	free(s->recent);
	memset(s, 0, sizeof *s);
}
