/* SPDX-License-Identifier: ISC */
/* Tables for a person: see layout.h. */
#include "stats/layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"

#define MANY 10000 /* a larger share says nothing more */

/* The widest text of the column, name and unit included. */
static int
width_of(const struct layout *l, unsigned column)
{
	const struct layout_column *c = &l->column[column];
	size_t width = strlen(c->name), n = c->unit ? strlen(c->unit) : 0, row;
	char text[LAYOUT_TEXT];

	for (row = 0; row <= l->rows; row++) {
		width = n > width ? n : width;
		n = row < l->rows ? strlen(l->cell(l->arg, row, column, text)) : 0;
	}
	return (int)width;
}

static bool
same(const struct layout *l, size_t i, size_t j, unsigned column)
{
	char a[LAYOUT_TEXT], b[LAYOUT_TEXT];

	return strcmp(l->cell(l->arg, i, column, a), l->cell(l->arg, j, column, b)) == 0;
}

bool
layout_differs(const struct layout *l, unsigned column, unsigned alike)
{
	size_t i, j;
	unsigned k;

	for (i = 1; i < l->rows; i++) {
		/* where nothing needs to be alike, all are the first or one differs from it */
		for (j = 0; j < (alike > 0 ? i : 1); j++) {
			if (same(l, i, j, column))
				continue;
			for (k = 0; k < alike && same(l, i, j, k);)
				k++;
			if (k == alike)
				return true;
		}
	}
	return false;
}

/* One more cell of a line, *blanks behind what was printed before; no line ends in blanks. */
static void
put(FILE *f, const struct layout_column *c, const char *text, int width, int *blanks)
{
	int n = (int)strlen(text), end = n;

	while (end > 0 && text[end - 1] == ' ')
		end--;
	if (end > 0)
		fprintf(f, "%*s%.*s", *blanks + (c->left ? 0 : width - n), "", end, text);
	*blanks = LAYOUT_GAP + (end == 0 ? *blanks + width : n - end + (c->left ? width - n : 0));
}

void
layout_print(FILE *f, const struct layout *l, const unsigned *shown, size_t n, bool header)
{
	const struct layout_column *c;
	const char *s;
	char text[LAYOUT_TEXT];
	int width[LAYOUT_COLUMNS], blanks;
	size_t row, i, head = header ? 1 : 0;

	for (i = 0; i < n; i++) {
		width[i] = width_of(l, shown[i]);
		if (header && l->column[shown[i]].unit)
			head = 2;
	}
	for (row = 0; row < l->rows + head; row++) {
		blanks = 0;
		for (i = 0; i < n; i++) {
			c = &l->column[shown[i]];
			s = row == 0 ? c->name : c->unit ? c->unit : "";
			if (row >= head)
				s = l->cell(l->arg, row - head, shown[i], text);
			put(f, c, s, width[i], &blanks);
		}
		putc('\n', f);
	}
}

bool
layout_fit(const struct layout *l, size_t width, const bool *must, unsigned *shown, size_t *n)
{
	size_t w[LAYOUT_COLUMNS], total = 0, left = width + LAYOUT_GAP, kept = 0, i;
	bool full = false, any = false, others = false;

	for (i = 0; i < *n; i++) {
		w[i] = (size_t)width_of(l, shown[i]) + LAYOUT_GAP;
		total += must[i] ? w[i] : 0;
	}
	for (i = 0; i < *n; i++) {
		others |= !must[i];
		if (!must[i] && (full |= total + w[i] > left))
			continue;
		any |= !must[i];
		total += must[i] ? 0 : w[i];
		shown[kept++] = shown[i];
	}
	*n = kept;
	return total <= left && any == others;
}

struct layout_scale
layout_scale(enum layout_units units, double low, double high)
{
	static const struct {
		const char *name;
		double factor;
	} all[][5] = {
		[LAYOUT_TIME] = { { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 } },
		[LAYOUT_MEMORY] = { { "B", 1 }, { "KB", 1024 }, { "MB", 1048576 },
		    { "GB", 1073741824 } },
		[LAYOUT_TRANSFER] = { { "B/s", 1 }, { "KB/s", 1e3 }, { "MB/s", 1e6 },
		    { "GB/s", 1e9 } },
		[LAYOUT_REQUESTS] = { { "req/s", 1 } },
	};
	double v = fmax(low, high / 5000);
	int i = 0;

	while (all[units][i + 1].name && v >= all[units][i + 1].factor)
		i++;
	v = low / all[units][i].factor;
	return (struct layout_scale){ .unit = all[units][i].name,
		.factor = all[units][i].factor,
		.digits = v >= 100 && units == LAYOUT_REQUESTS ? 0
		    : v >= 10                                  ? 1
		    : v >= 1                                   ? 2
							       : 3 };
}

const char *
layout_size(char text[LAYOUT_TEXT], const char *bytes)
{
	static const char units[] = "kmg";
	uint64_t v;
	int i;

	if (!num_digits(bytes, strlen(bytes), &v))
		return bytes;
	if (v == 0)
		return "-";
	for (i = 0; i < 3 && v % 1024 == 0; i++)
		v /= 1024;
	snprintf(text, LAYOUT_TEXT, "%" PRIu64 "%.*s", v, i > 0, &units[i > 0 ? i - 1 : 0]);
	return text;
}

void
layout_range(char text[LAYOUT_TEXT], double low, double high, bool sign)
{
	double most = fmax(fabs(low), fabs(high)) * 100;
	int digits = most < 1 ? 2 : most < 10 ? 1 : 0;

	for (; digits < 3 && (high - low) * 100 < pow(10, -digits); digits++)
		;
	if (high > MANY)
		snprintf(text, LAYOUT_TEXT,
		    sign ? "%+.*f to more than %+d %%" : "%.*f to more than %d %%", digits,
		    low * 100, MANY * 100);
	else
		snprintf(text, LAYOUT_TEXT, sign ? "%+.*f to %+.*f %%" : "%.*f to %.*f %%", digits,
		    low * 100, digits, high * 100);
}
