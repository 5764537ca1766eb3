/* SPDX-License-Identifier: ISC */
/* Tables for a person: see layout.h. */
#include "stats/layout.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"

int
layout_width(const struct layout *l, unsigned column)
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
	int n = (int)strlen(text);

	if (n > 0)
		fprintf(f, "%*s%s", *blanks + (c->left ? 0 : width - n), "", text);
	*blanks = LAYOUT_GAP + (n == 0 ? *blanks + width : c->left ? width - n : 0);
}

void
layout_print(FILE *f, const struct layout *l, const unsigned *shown, size_t n, bool header)
{
	const struct layout_column *c;
	char text[LAYOUT_TEXT];
	int width[LAYOUT_COLUMNS], blanks;
	size_t row, i, head = header ? 1 : 0;

	for (i = 0; i < n; i++) {
		width[i] = layout_width(l, shown[i]);
		if (header && l->column[shown[i]].unit)
			head = 2;
	}
	for (row = 0; row < l->rows + head; row++) {
		blanks = 0;
		for (i = 0; i < n; i++) {
			c = &l->column[shown[i]];
			put(f, c, row >= head ? l->cell(l->arg, row - head, shown[i], text) :
			    row == 0 ? c->name : c->unit ? c->unit : "", width[i], &blanks);
		}
		putc('\n', f);
	}
}

const char *
layout_size(char text[LAYOUT_TEXT], const char *bytes)
{
	static const char units[] = "kmg";
	uint64_t v = 0;
	int i;

	num_digits(bytes, strlen(bytes), &v);
	if (v == 0)
		return "-";
	for (i = 0; i < 3 && v % 1024 == 0; i++)
		v /= 1024;
	snprintf(text, LAYOUT_TEXT, "%" PRIu64 "%.*s", v, i > 0, &units[i > 0 ? i - 1 : 0]);
	return text;
}
