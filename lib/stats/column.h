/* SPDX-License-Identifier: ISC */
/* How a column of rows is shown to a person: what is known of it is known by its name. */
#ifndef COLUMN_H
#define COLUMN_H

#include <stdbool.h>

#include "stats/layout.h"
#include "stats/table.h"

enum column_kind {
	COLUMN_TEXT,
	COLUMN_NUMBER, /* shown as it is */
	COLUMN_SIZE,   /* 1024 as 1k */
	COLUMN_SCALED  /* in a unit chosen for it */
};

struct column {
	enum column_kind kind;
	enum layout_units units;
	double base;      /* what a 1 in the rows is in the smallest of these units */
	double low, high; /* of the cells seen: the smallest figure above zero, the largest */
	int places;       /* most that a cell has after the point, which takes one; or -1 */
	struct layout_scale scale;
	char name[TABLE_NAME + 1];
};

/* The column of this name in the rows. */
void column_init(struct column *, const char *name);

/* Begin anew with the cells; what a single cell made a text stays one. */
void column_clear(struct column *);

/* One of the cells. What is neither a number (as JSON has them: no exponent, no sign) nor NA makes
 * a column of texts. */
void column_see(struct column *, const char *cell);

/* The cells have been seen: choose unit and short name, for figures as large as those of like. */
void column_scale(struct column *, const char *name, const struct column *like);

/* The unit, or NULL: there is none, or it is the name. */
const char *column_unit(const struct column *);

/* A cell as it is shown, in text, or the cell itself; NA as "-", and so a size or rate of zero. */
const char *column_text(const struct column *, const char *cell, char text[LAYOUT_TEXT]);

#endif
