/* SPDX-License-Identifier: ISC */
/* Tab-separated values, read strictly: bytes in, rows of cells out. Nothing here does any
 * I/O, or knows what the columns mean.
 *
 * The first line names the columns, and so may later ones, as in files that were concatenated:
 * these must have the same columns, perhaps in another order. Empty lines are read over. Every
 * other line has a cell, and none of them empty, for each column of the last header. Whatever is
 * not so is refused with its line and column: a figure in the wrong column is worse than no figure.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_LINE 65536 /* bytes of a line, without its end */
#define TABLE_COLUMNS 64
#define TABLE_NAME 48                /* bytes of a column's name */
#define TABLE_COUNT 1000000000000000 /* the largest number that is counted: a double holds it */

enum table_got {
	TABLE_MORE,   /* all bytes are used up */
	TABLE_HEADER, /* a header line; the first one named the columns */
	TABLE_ROW,    /* a row: table.cell */
	TABLE_BAD     /* table.column, table.why; stays so */
};

struct table {
	size_t columns; /* those of the first header, or as table_choose() says; 0: none yet */
	char name[TABLE_COLUMNS][TABLE_NAME];
	uint64_t line;                   /* of this file, from 1 */
	uint64_t rows;                   /* of this file */
	const char *cell[TABLE_COLUMNS]; /* of the last row, by column; into text */

	bool bad;
	char column[TABLE_NAME]; /* what is wrong where */
	char why[160];

	/* Private. */
	const char *const *known;    /* of table_choose(); NULL: all */
	size_t fixed;                /* columns that every header has */
	bool header;                 /* this file has one */
	size_t width;                /* cells of a line, as the last header says, */
	size_t place[TABLE_COLUMNS]; /* and which of them is a column's; or width: NA */
	size_t n;                    /* bytes of the line so far */
	char text[TABLE_LINE + 1];
};

/* For the first file of several that must have the same columns. */
void table_init(struct table *);

/* The next file begins. */
void table_next(struct table *);

/* Take bytes from *p, *n of them, up to the end of a line; *p and *n are moved on. The cells
 * of a row are valid until the next call. */
enum table_got table_feed(struct table *, const char **p, size_t *n);

/* The file has ended: false, as with TABLE_BAD, if its last line has no end or it has no
 * row. */
bool table_end(struct table *);

/* The number of a column, or -1. */
int table_column(const struct table *, const char *name);

/* For the first header: of its columns take those that names has (up to a NULL; borrowed), in that
 * order, and leave out the others. The first `needed` of names must be there; of the next, up to
 * `same` of all, other headers must have the same; the rest are columns of NA where a header has
 * not got them. No row may be names alone. False: some are not there, and table_bad() has named
 * one. */
bool table_choose(struct table *, const char *const *names, size_t needed, size_t same);

/* Say what is wrong with a column (of the header, or of the last row); returns false. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bool
table_bad(struct table *, const char *column, const char *why, ...);

/* The cell as a number: plain decimals, without sign, exponent or blanks, of at most 20 digits
 * before the point and behind it, so that sums and ratios are finite. NA sets *na and leaves *v
 * alone; without a na it is refused. False: refused, as with table_bad(). A count is at most
 * TABLE_COUNT. */
bool table_count(struct table *, size_t column, uint64_t *v, bool *na);
bool table_real(struct table *, size_t column, double *v, bool *na);

/* Units with up to 3 digits after the point, in thousandths (microseconds: *v in
 * nanoseconds), or with digits = 6 in millionths, and so on up to 9. */
bool table_fixed(struct table *, size_t column, unsigned digits, uint64_t *v, bool *na);

#endif
