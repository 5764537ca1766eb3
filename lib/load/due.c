/* SPDX-License-Identifier: ISC */
/* Due times from text. */
#include "load/due.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/num.h"

static bool
bad(struct due *d, const char *why)
{
	d->why = why;
	d->text[d->len] = '\0';
	return false;
}

static bool
add(struct due *d, uint64_t ns)
{
	uint64_t *p = d->ns;

	if (d->n == d->cap && !(p = array_room(d->ns, &d->cap, d->n + 1, sizeof *p))) {
		d->no_memory = true;
		return false;
	}
	d->ns = p;
	d->ns[d->n++] = ns;
	if (ns > d->latest_ns)
		d->latest_ns = ns;
	if (d->latest_ns - ns > d->back_ns) {
		d->back_ns = d->latest_ns - ns;
		d->back_line = d->line;
	}
	return true;
}

/* A line is complete. */
static bool
end_line(struct due *d)
{
	const char *why;
	uint64_t ns;

	d->text[d->len] = '\0';
	if (d->len == 0)
		return bad(d, "empty line");
	if (strlen(d->text) < d->len)
		return bad(d, "not a number of seconds");
	if ((why = num_secs(d->text, true, DUE_SECS_MAX, &ns)))
		return bad(d, why);
	d->len = 0;
	d->begun = false;
	return add(d, ns);
}

bool
due_feed(struct due *d, const char *p, size_t n)
{
	const char *end;
	size_t k;

	for (; n > 0; p += k, n -= k) {
		d->line += !d->begun;
		d->begun = true;
		end = memchr(p, '\n', n);
		k = end ? (size_t)(end - p) : n;
		if (k > DUE_TEXT - d->len) {
			memcpy(d->text + d->len, p, DUE_TEXT - d->len);
			d->len = DUE_TEXT;
			return bad(d, "too long for a number of seconds");
		}
		memcpy(d->text + d->len, p, k);
		d->len += k;
		if (end && !end_line(d))
			return false;
		k += end != NULL;
	}
	return true;
}

static int
by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

bool
due_end(struct due *d, double factor, uint64_t until_ns)
{
	uint64_t first, limit_ns = DUE_SPAN_MAX_S * CLOCK_S;
	double at;
	size_t i;

	if (d->begun && !end_line(d))
		return false;
	d->line = 0;
	d->len = 0;
	if (d->n == 0)
		return bad(d, "no times");
	if (d->back_ns > 0)
		qsort(d->ns, d->n, sizeof *d->ns, by_time);
	first = d->ns[0];
	for (i = 0; i < d->n; i++) {
		at = (double)(d->ns[i] - first) / factor;
		if (until_ns > 0 && at >= (double)until_ns)
			break;
		if (at > (double)limit_ns)
			return bad(d, "more than 30 days");
		/* doubles are exact to 104 days; a sum of gaps would not be */
		d->ns[i] = (uint64_t)at;
	}
	d->n = i;
	at = (double)d->ns[d->n - 1];
	d->rate = at > 0 ? (double)(d->n - 1) * 1e9 / at : INFINITY;
	return true;
}

void
due_free(struct due *d)
{
	free(d->ns);
	memset(d, 0, sizeof *d);
}
