/* SPDX-License-Identifier: ISC */
/* A distribution as a picture: see bars.h. */
#include "stats/bars.h"

#include <math.h>

#include "stats/layout.h"

#define LINES 20

static const struct {
	const char *name;
	double q;
} marks[] = { { " p50", 0.5 }, { " p90", 0.9 }, { " p99", 0.99 }, { " p99.9", 0.999 } };

#define MARKS ((int)(sizeof marks / sizeof *marks))
#define MARKS_WIDTH 18 /* of all together */

/* The line a time belongs to. */
static int
line_of(double low, double top, double ns)
{
	int i = ns > low ? (int)(LINES * log(ns / low) / log(top / low)) : 0;

	return ns > top ? LINES : i >= LINES ? LINES - 1 : i;
}

static void
put_bar(FILE *f, uint64_t count, uint64_t most, int room)
{
	int n = (int)(room * ((double)count / (double)most) + 0.5);

	if (count > 0)
		fputs(n > 0 ? " " : " .", f);
	for (; n > 0; n--)
		putc('#', f);
}

void
bars_print(FILE *f, const struct hist *h, size_t width)
{
	double low = fmax((double)h->min, 1), top, edge[LINES + 2];
	uint64_t count[LINES + 1] = { 0 }, most = 1, from, to;
	struct layout_scale scale;
	int i, k, w, n;
	unsigned b;

	top = fmax((double)(hist_shows(h, 0.999) ? hist_quantile(h, 0.999) : h->max), low);
	scale = layout_scale(LAYOUT_TIME, low / 1e3, top / 1e3);
	for (b = 0; hist_bucket(h, &b, &from, &to); b++) {
		from += (to - from) / 2;
		count[line_of(low, top, (double)from)] += h->count[b];
	}
	for (i = 0; i <= LINES; i++) {
		edge[i] = low * pow(top / low, (double)i / LINES) / 1e3 / scale.factor;
		most = count[i] > most ? count[i] : most;
	}
	edge[LINES + 1] = (double)h->max / 1e3 / scale.factor;
	w = snprintf(NULL, 0, "%.*f", scale.digits, edge[LINES + 1]);
	for (i = 0; i <= LINES; i++) {
		/* all the same: there is one line */
		if (count[i] == 0 && (i == LINES || top <= low))
			continue;
		n = fprintf(f, "%*.*f - %*.*f %s %5.1f %%", w, scale.digits, edge[i], w,
		    scale.digits, edge[i + 1], scale.unit, 100 * (double)count[i] / (double)h->n);
		put_bar(f, count[i], most, (width > 60 ? (int)width : 60) - n - 1 - MARKS_WIDTH);
		for (k = 0; k < MARKS; k++)
			if (hist_shows(h, marks[k].q)
			    && line_of(low, top, (double)hist_quantile(h, marks[k].q)) == i)
				fputs(marks[k].name, f);
		putc('\n', f);
	}
}
