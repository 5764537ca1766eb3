/* SPDX-License-Identifier: ISC */
/* Tables for a person: columns as wide as what is in them. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LAYOUT_TEXT 512
#define LAYOUT_COLUMNS 64       /* that layout_print() takes */
#define LAYOUT_GAP 2            /* blanks between two columns */

struct layout_column {
	const char *name, *unit;        /* unit: a second line of the header; NULL: none */
	bool left;                      /* aligned to the left, as text is; else to the right */
};

/* The owner keeps all of it. */
struct layout {
	size_t rows;
	const struct layout_column *column;
	/* printable ASCII: in text, or something that lasts until the next call */
	const char *(*cell)(const void *arg, size_t row, unsigned column, char text[LAYOUT_TEXT]);
	const void *arg;
};

/* The widest text of the column, name and unit included. */
int layout_width(const struct layout *, unsigned column);

/* Are there rows that differ in this column, among those whose first alike columns are the
 * same? */
bool layout_differs(const struct layout *, unsigned column, unsigned alike);

/* All rows, a line each, of the n columns shown. Only std_close() tells whether writing
 * succeeded. */
void layout_print(FILE *, const struct layout *, const unsigned *shown, size_t n, bool header);

/* 1024 as 1k, 0 as "-". */
const char *layout_size(char text[LAYOUT_TEXT], const char *bytes);

#endif
