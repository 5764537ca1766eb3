/* SPDX-License-Identifier: ISC */
/* Tables for a person: columns as wide as what is in them. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LAYOUT_TEXT 512
#define LAYOUT_COLUMNS 64 /* that layout_print() takes */
#define LAYOUT_GAP 2      /* blanks between two columns */

struct layout_column {
	const char *name, *unit; /* unit: a second line of the header; NULL: none */
	bool left;               /* aligned to the left, as text is; else to the right */
};

/* The owner keeps all of it. */
struct layout {
	size_t rows;
	const struct layout_column *column;
	/* printable ASCII: in text, or something that lasts until the next call */
	const char *(*cell)(const void *arg, size_t row, unsigned column, char text[LAYOUT_TEXT]);
	const void *arg;
};

/* Are there rows that differ in this column, among those whose first alike columns are the
 * same? */
bool layout_differs(const struct layout *, unsigned column, unsigned alike);

/* All rows, a line each, of the n columns shown. Only std_close() tells whether writing
 * succeeded. */
void layout_print(FILE *, const struct layout *, const unsigned *shown, size_t n, bool header);

/* Of the n columns in shown, keep those that fit into the width: what must be there, and of the
 * others as many of the first as there is room for. False: what must be there does not fit, or
 * there are others and none does. */
bool layout_fit(const struct layout *, size_t width, const bool *must, unsigned *shown, size_t *n);

/* What can be scaled: microseconds; bytes (1024); bytes per second (1000); and requests per
 * second, which have only one unit. */
enum layout_units { LAYOUT_TIME, LAYOUT_MEMORY, LAYOUT_TRANSFER, LAYOUT_REQUESTS };

struct layout_scale {
	const char *unit;
	double factor; /* what one of it is */
	int digits;    /* to show after the point */
};

/* A unit for all figures from low (the smallest above zero) to high, in which none is long. */
struct layout_scale layout_scale(enum layout_units, double low, double high);

/* 1024 as 1k, 0 as "-"; what is no whole number, or too large for one, as it is. */
const char *layout_size(char text[LAYOUT_TEXT], const char *bytes);

/* Two shares as "1.2 to 3.4 %", with the digits that they need; sign: with "+" or "-". Of a second
 * one above a million percent only this is said. */
void layout_range(char text[LAYOUT_TEXT], double low, double high, bool sign);

#endif
