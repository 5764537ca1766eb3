/* SPDX-License-Identifier: ISC */
/* Tab-separated values, read strictly: see table.h. */
#include "stats/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define DIGITS 20 /* before the point, and behind it */

void
table_init(struct table *t)
{
	t->columns = t->width = 0;
	t->known = NULL;
	t->bad = false;
	table_next(t);
}

void
table_next(struct table *t)
{
	t->line = t->rows = 0;
	t->header = false;
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

/* How a message calls cell i of a line. */
static const char *
place_name(const struct table *t, size_t i, char text[32])
{
	size_t k;

	for (k = 0; k < t->columns; k++)
		if (t->place[k] == i)
			return t->name[k];
	snprintf(text, 32, "column %zu", i + 1);
	return text;
}

static bool
bad_cell(struct table *t, size_t i, const char *why)
{
	char text[32];

	table_bad(t, place_name(t, i, text), "%s", why);
	return false;
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

/* Cut the line into cells. False: refused. */
static bool
split(struct table *t, const char *at[TABLE_COLUMNS], size_t *n)
{
	size_t i, cells = 0, begin = 0;
	unsigned char c;

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
		at[cells++] = t->text + begin;
		begin = i + 1;
	}
	*n = cells;
	return true;
}

/* Which of the cells is this; cells: none. */
static size_t
find(const char *const *at, size_t cells, const char *text)
{
	size_t i = 0;

	while (i < cells && strcmp(at[i], text) != 0)
		i++;
	return i;
}

/* Names can't be numbers nor NA, one of which all rows of a schema hold. Where a row may be texts
 * alone, a header begins like the one before, or has all columns. */
static bool
is_header(const struct table *t, const char *const *at, size_t cells)
{
	size_t i;

	for (i = 0; i < cells; i++)
		if (!is_name(at[i]))
			return false;
	if (t->known || (t->place[0] < cells && strcmp(at[t->place[0]], t->name[0]) == 0))
		return true;
	for (i = 0; i < t->columns && find(at, cells, t->name[i]) < cells; i++)
		;
	return i == t->columns;
}

static bool
first_header(struct table *t, const char *const *at, size_t cells)
{
	size_t i;

	for (i = 0; i < cells; i++) {
		if (!is_name(at[i]))
			return bad_cell(t, i, "not a column's name: no header line?");
		if (table_column(t, at[i]) >= 0)
			return table_bad(t, at[i], "there are two columns of this name");
		memcpy(t->name[i], at[i], strlen(at[i]) + 1);
		t->place[i] = i;
		t->columns = t->fixed = i + 1;
	}
	return true;
}

/* May a later header have a column that the first has not? */
static bool
is_ignored(const struct table *t, const char *name)
{
	const char *const *known = t->known;

	while (known && *known && strcmp(*known, name) != 0)
		known++;
	return known && !*known;
}

static bool
later_header(struct table *t, const char *const *at, size_t cells)
{
	size_t i;

	for (i = 0; i < t->columns; i++)
		t->place[i] = find(at, cells, t->name[i]);
	for (i = 0; i < t->fixed; i++)
		if (t->place[i] == cells)
			return table_bad(t, t->name[i],
			    "mixed schemas: before, there was this column");
	for (i = 0; i < cells; i++) {
		if (find(at, cells, at[i]) < i)
			return table_bad(t, at[i], "there are two columns of this name");
		if (table_column(t, at[i]) < 0 && !is_ignored(t, at[i]))
			return table_bad(t, at[i],
			    "mixed schemas: before, there was no such column");
	}
	return true;
}

bool
table_choose(struct table *t, const char *const *names, size_t needed, size_t same)
{
	char name[TABLE_COLUMNS][TABLE_NAME];
	size_t place[TABLE_COLUMNS] = { 0 }, n = 0, fixed = 0, i;
	int k;

	for (i = 0; names[i]; i++) {
		k = table_column(t, names[i]);
		if (k < 0 && i < needed)
			return table_bad(t, names[i], "missing column");
		if (k < 0 && i < same)
			continue;
		snprintf(name[n], TABLE_NAME, "%s", names[i]);
		place[n++] = k < 0 ? t->width : t->place[k];
		fixed += i < same;
	}
	t->known = names;
	t->fixed = fixed;
	t->columns = n;
	memcpy(t->name, name, n * sizeof *name);
	memcpy(t->place, place, n * sizeof *place);
	return true;
}

/* A line is complete, and not empty. */
static enum table_got
take(struct table *t)
{
	const char *at[TABLE_COLUMNS];
	size_t cells = 0, i;
	char text[32];
	bool first = t->columns == 0, good = split(t, at, &cells);

	t->n = 0;
	if (!good || cells == 0)
		return TABLE_BAD;
	if (first || is_header(t, at, cells)) {
		t->header = true;
		t->width = cells;
		return (first ? first_header : later_header)(t, at, cells) ? TABLE_HEADER
									   : TABLE_BAD;
	}
	if (!t->header)
		table_bad(t, t->name[0], "missing: no header line");
	else if (cells < t->width)
		table_bad(t, place_name(t, cells, text), "missing: %zu cells, not %zu", cells,
		    t->width);
	else if (cells > t->width)
		table_bad(t, place_name(t, t->width - 1, text), "not the last: %zu cells, not %zu",
		    cells, t->width);
	if (t->bad)
		return TABLE_BAD;
	for (i = 0; i < t->columns; i++)
		t->cell[i] = t->place[i] < cells ? at[t->place[i]] : "NA";
	t->rows++;
	return TABLE_ROW;
}

enum table_got
table_feed(struct table *t, const char **p, size_t *n)
{
	const char *end;
	size_t k;

	if (t->bad)
		return TABLE_BAD;
	while (*n > 0) {
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
		if (end && t->n > 0)
			return take(t);
	}
	return TABLE_MORE;
}

bool
table_end(struct table *t)
{
	bool empty = t->line == 0;

	if (t->bad)
		return false;
	if (t->n > 0)
		return bad_end(t, "the line has no end: the file was cut off");
	if (empty)
		t->line = 1;
	if (!t->header)
		return bad_cell(t, 0,
		    empty ? "missing: the file is empty" : "missing: no header line");
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
	if (*whole == 0 || s[*whole + (*part ? *part + 1 : 0)])
		return table_bad(t, t->name[column], "not a number: %.60s", s);
	if (*part > DIGITS)
		return table_bad(t, t->name[column], "more than %d digits after the point: %.60s",
		    DIGITS, s);
	return *whole <= DIGITS || table_bad(t, t->name[column], "too large: %.60s", s);
}

bool
table_count(struct table *t, size_t column, uint64_t *v, bool *na)
{
	const char *s = t->cell[column];
	uint64_t count;
	size_t whole = 0, part = 0;

	if (!decimals(t, column, &whole, &part, na))
		return !t->bad;
	if (part > 0)
		return table_bad(t, t->name[column], "not a whole number: %.60s", s);
	if (!num_digits(s, whole, &count) || count > TABLE_COUNT)
		return table_bad(t, t->name[column], "too large: %.60s", s);
	*v = count;
	return true;
}

bool
table_real(struct table *t, size_t column, double *v, bool *na)
{
	const char *s = t->cell[column];
	size_t whole = 0, part = 0;

	if (!decimals(t, column, &whole, &part, na))
		return !t->bad;
	*v = strtod(s, NULL);
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
