/* SPDX-License-Identifier: ISC */
/* Tab-separated values, read strictly: see table.h. */
#include "stats/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

void
table_init(struct table *t)
{
	t->columns = 0;
	t->bad = false;
	table_next(t);
}

void
table_next(struct table *t)
{
	t->line = t->rows = 0;
	t->n = 0;
}

bool
table_bad(struct table *t, const char *column, const char *why, ...)
{
	va_list ap;

	t->bad = true;
	snprintf(t->column, sizeof t->column, "%s", column);
	va_start(ap, why);
	vsnprintf(t->why, sizeof t->why, why, ap);
	va_end(ap);
	return false;
}

/* The same of a place that has no name. */
static bool
bad_cell(struct table *t, size_t i, const char *why)
{
	char place[32];

	snprintf(place, sizeof place, "column %zu", i + 1);
	return table_bad(t, i < t->columns ? t->name[i] : place, "%s", why);
}

int
table_column(const struct table *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->columns; i++)
		if (strcmp(t->name[i], name) == 0)
			return (int)i;
	return -1;
}

/* ---- lines ---- */

/* The last cell of the line so far is wrong. */
static bool
bad_end(struct table *t, const char *why)
{
	size_t i, tabs = 0;

	for (i = 0; i < t->n; i++)
		tabs += t->text[i] == '\t';
	return bad_cell(t, tabs, why);
}

static bool
is_name(const char *s)
{
	size_t n;

	if (*s < 'a' || *s > 'z')
		return false;
	for (n = 1; s[n]; n++)
		if ((s[n] < 'a' || s[n] > 'z') && (s[n] < '0' || s[n] > '9') && s[n] != '_')
			return false;
	return n < TABLE_NAME;
}

/* Cut the line into cells. Returns their number; 0: refused. */
static size_t
split(struct table *t)
{
	size_t i, cells = 0, begin = 0;
	unsigned char c;

	if (t->n == 0)
		return bad_cell(t, 0, "empty line");
	if (t->text[t->n - 1] == '\r')
		return bad_end(t, "the line ends in CR LF, not LF");
	for (i = 0; i <= t->n; i++) {
		c = (unsigned char)t->text[i];
		if (i < t->n && c != '\t') {
			if (c < ' ' || c == 0x7f)
				return bad_cell(t, cells, "control character");
			continue;
		}
		if (i == begin)
			return bad_cell(t, cells, "empty cell");
		if (cells == TABLE_COLUMNS)
			return bad_cell(t, cells, "too many columns");
		t->text[i] = '\0';
		t->cell[cells] = t->text + begin;
		t->end[cells++] = i;
		begin = i + 1;
	}
	return cells;
}

/* Names cannot be numbers nor NA, so that a row is never taken for a header. */
static bool
is_header(const struct table *t, size_t cells)
{
	size_t i;

	if (strcmp(t->cell[0], t->name[0]) != 0)
		return false;
	for (i = 0; i < cells; i++)
		if (!is_name(t->cell[i]))
			return false;
	return true;
}

static bool
first_header(struct table *t, size_t cells)
{
	size_t i;

	for (i = 0; i < cells; i++) {
		if (!is_name(t->cell[i]))
			return bad_cell(t, i, "not a column's name: no header line?");
		if (table_column(t, t->cell[i]) >= 0)
			return table_bad(t, t->cell[i], "there are two columns of this name");
		memcpy(t->name[i], t->cell[i], strlen(t->cell[i]) + 1);
		t->columns = i + 1;
	}
	return true;
}

static bool
same_header(struct table *t, size_t cells)
{
	size_t i;

	for (i = 0; i < cells && i < t->columns; i++)
		if (strcmp(t->cell[i], t->name[i]) != 0)
			return table_bad(t, t->cell[i], "mixed schemas: before, this column was %s",
			    t->name[i]);
	if (i < cells)
		return table_bad(t, t->cell[i], "mixed schemas: before, there was no such column");
	if (i < t->columns)
		return table_bad(t, t->name[i], "mixed schemas: before, there was this column");
	return true;
}

/* A line is complete. */
static enum table_got
take(struct table *t)
{
	size_t cells = split(t);

	t->n = 0;
	if (cells == 0)
		return TABLE_BAD;
	if (t->columns == 0)
		return first_header(t, cells) ? TABLE_HEADER : TABLE_BAD;
	if (is_header(t, cells))
		return same_header(t, cells) ? TABLE_HEADER : TABLE_BAD;
	if (t->line == 1)
		table_bad(t, t->name[0], "missing: no header line");
	else if (cells < t->columns)
		table_bad(t, t->name[cells], "missing: %zu cells, not %zu", cells, t->columns);
	else if (cells > t->columns)
		table_bad(t, t->name[t->columns - 1], "not the last: %zu cells, not %zu", cells,
		    t->columns);
	t->rows++;
	return t->bad ? TABLE_BAD : TABLE_ROW;
}

enum table_got
table_feed(struct table *t, const char **p, size_t *n)
{
	const char *end;
	size_t k;

	if (t->bad)
		return TABLE_BAD;
	if (*n == 0)
		return TABLE_MORE;
	if (t->n == 0)
		t->line++;
	end = memchr(*p, '\n', *n);
	k = end ? (size_t)(end - *p) : *n;
	if (k > TABLE_LINE - t->n) {
		bad_cell(t, 0, "the line is too long");
		return TABLE_BAD;
	}
	memcpy(t->text + t->n, *p, k);
	t->n += k;
	*p += k + (end != NULL);
	*n -= k + (end != NULL);
	return end ? take(t) : TABLE_MORE;
}

bool
table_end(struct table *t)
{
	if (t->bad)
		return false;
	if (t->n > 0)
		return bad_end(t, "the line has no end: the file was cut off");
	if (t->line == 0) {
		t->line = 1;
		return bad_cell(t, 0, "missing: the file is empty");
	}
	return t->rows > 0 || bad_cell(t, 0, "no row follows the header");
}

/* ---- numbers ---- */

/* Is the cell plain decimals? *whole and *part: digits before and after the point. False: it is
 * not, or NA, which is bad without na. */
static bool
decimals(struct table *t, size_t column, size_t *whole, size_t *part, bool *na)
{
	const char *s = t->cell[column];
	bool is_na = strcmp(s, "NA") == 0;

	if (na)
		*na = is_na;
	if (is_na)
		return na ? false : table_bad(t, t->name[column], "NA where a number is needed");
	*whole = strspn(s, "0123456789");
	*part = s[*whole] == '.' ? strspn(s + *whole + 1, "0123456789") : 0;
	if (*whole > 0 && !s[*whole + (*part ? *part + 1 : 0)])
		return true;
	return table_bad(t, t->name[column], "not a number: %.60s", s);
}

bool
table_count(struct table *t, size_t column, uint64_t *v, bool *na)
{
	const char *s = t->cell[column];
	size_t whole = 0, part = 0;

	if (!decimals(t, column, &whole, &part, na))
		return !t->bad;
	if (part > 0)
		return table_bad(t, t->name[column], "not a whole number: %.60s", s);
	return num_digits(s, whole, v) || table_bad(t, t->name[column], "too large: %.60s", s);
}

bool
table_real(struct table *t, size_t column, double *v, bool *na)
{
	const char *s = t->cell[column];
	size_t whole = 0, part = 0;
	double x;

	if (!decimals(t, column, &whole, &part, na))
		return !t->bad;
	x = strtod(s, NULL);
	if (!isfinite(x))
		return table_bad(t, t->name[column], "too large: %.60s", s);
	*v = x;
	return true;
}

bool
table_fixed(struct table *t, size_t column, unsigned digits, uint64_t *v, bool *na)
{
	const char *s = t->cell[column];
	uint64_t unit = 1, x, frac = 0;
	size_t whole = 0, part = 0;
	unsigned i;

	if (!decimals(t, column, &whole, &part, na))
		return !t->bad;
	if (part > digits)
		return table_bad(t, t->name[column], "more than %u digits after the point: %.60s",
		    digits, s);
	if (part > 0 && !num_digits(s + whole + 1, part, &frac))
		return table_bad(t, t->name[column], "not a number: %.60s", s);
	for (i = 0; i < digits; i++)
		unit *= 10;
	for (i = (unsigned)part; i < digits; i++)
		frac *= 10;
	if (!num_digits(s, whole, &x) || x > (UINT64_MAX - frac) / unit)
		return table_bad(t, t->name[column], "too large: %.60s", s);
	*v = x * unit + frac;
	return true;
}
