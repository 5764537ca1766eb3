/* SPDX-License-Identifier: ISC */
/* table: what is taken, and what is refused where; the same however the bytes come. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "stats/table.h"
#include "tap.h"

static struct table t;

#define OUT 4096

/* One more piece of out; what does not fit is cut off. */
static void
add(char out[OUT], const char *text)
{
	size_t k = strlen(out);

	snprintf(out + k, OUT - k, "%s", text);
}

/* Everything a table says of a text, as a text: headers, rows, and what is wrong. */
static const char *
said(const char *text, size_t n, size_t step, char out[OUT])
{
	enum table_got got = TABLE_MORE;
	char line[32];
	size_t at = 0, left, i;
	const char *p;

	*out = '\0';
	table_init(&t);
	for (; at < n && got != TABLE_BAD; at += step) {
		p = text + at;
		left = n - at < step ? n - at : step;
		while ((got = table_feed(&t, &p, &left)) != TABLE_MORE && got != TABLE_BAD) {
			add(out, got == TABLE_HEADER ? "H" : "R");
			for (i = 0; got == TABLE_ROW && i < t.columns; i++) {
				add(out, " ");
				add(out, t.cell[i]);
			}
			add(out, "\n");
		}
	}
	if (got == TABLE_BAD || !table_end(&t)) {
		snprintf(line, sizeof line, "%" PRIu64 ": ", t.line);
		add(out, line);
		add(out, t.column);
		add(out, ": ");
		add(out, t.why);
	}
	return out;
}

/* The same in one piece, byte by byte, and in threes. */
static void
says(const char *text, size_t n, const char *want, const char *what)
{
	char one[OUT], some[OUT];

	said(text, n, n + 1, one);
	is(one, want, what);
	is(said(text, n, 1, some), one, "the same, byte by byte");
	is(said(text, n, 3, some), one, "the same in threes");
}

#define SAYS(text, want, what) says(text, sizeof text - 1, want, what)

static void
test_lines(void)
{
	SAYS("a\tb\n1\t2\n", "H\nR 1 2\n", "a header and a row");
	SAYS("a\n1\n", "H\nR 1\n", "a single column");
	SAYS("a\tb\n1\t2\na\tb\n3\tx y\n", "H\nR 1 2\nH\nR 3 x y\n", "the header again");
	SAYS("a\tb\na\tB\n", "H\nR a B\n", "what has no names is no header");
	SAYS("a\tb\na\tNA\n", "H\nR a NA\n", "nor is NA a name");
	SAYS("a\tb\n1\t\xc3\xa4\n", "H\nR 1 \xc3\xa4\n", "bytes beyond ASCII");

	SAYS("", "1: column 1: missing: the file is empty", "an empty file");
	SAYS("a\tb\n", "H\n1: a: no row follows the header", "only a header");
	SAYS("\n\n", "2: column 1: missing: no header line", "only empty lines");
	SAYS("\na\tb\n\n1\t2\n\n\na\tb\n3\t4\n\n", "H\nR 1 2\nH\nR 3 4\n",
	    "empty lines between others");
	SAYS("a\tb\n\n1\n", "H\n3: b: missing: 1 cells, not 2", "but they are lines");
	SAYS("a\tb\n1\t2\n\r\n", "H\nR 1 2\n3: a: the line ends in CR LF, not LF", "CR LF alone");
	SAYS("a\tb\n1\t2", "H\n2: b: the line has no end: the file was cut off", "a cut off line");
	SAYS("a\tb\n1", "H\n2: a: the line has no end: the file was cut off",
	    "one cut off earlier");
	SAYS("a\tb\n1\t2\r\n", "H\n2: b: the line ends in CR LF, not LF", "CR LF");
	SAYS("a\tb\r\n1\t2\r\n", "1: column 2: the line ends in CR LF, not LF",
	    "CR LF in the header");
	SAYS("a\tb\n1\r\t2\n", "H\n2: a: control character", "CR elsewhere");
	SAYS("a\tb\n1\t2\0\n", "H\n2: b: control character", "NUL");
	SAYS("a\tb\n\t2\n", "H\n2: a: empty cell", "an empty cell");
	SAYS("a\tb\n1\t\n", "H\n2: b: empty cell", "an empty last cell");
	SAYS("a\tb\tc\n1\n", "H\n2: b: missing: 1 cells, not 3", "cells are missing");
	SAYS("a\tb\n1\t2\t3\n", "H\n2: b: not the last: 3 cells, not 2", "too many cells");
	SAYS("1\t2\n", "1: column 1: not a column's name: no header line?", "no header");
	SAYS("a\tb c\n", "1: column 2: not a column's name: no header line?",
	    "a name with a blank");
	SAYS("a\tb\ta\n", "1: a: there are two columns of this name", "a name twice");
	SAYS("a\tb\n1\t2\na\tc\n", "H\nR 1 2\n3: b: mixed schemas: before, there was this column",
	    "another header");
	SAYS("a\tb\tc\n1\t2\t3\nc\ta\tb\n6\t4\t5\na\tb\tc\n7\t8\t9\n",
	    "H\nR 1 2 3\nH\nR 4 5 6\nH\nR 7 8 9\n", "another order");
	SAYS("a\tb\n1\t2\nb\ta\n3\n", "H\nR 1 2\nH\n4: a: missing: 1 cells, not 2",
	    "a cell that is missing there");
	SAYS("a\tb\n1\t2\nb\ta\tb\n", "H\nR 1 2\n3: b: there are two columns of this name",
	    "a name twice later");
	SAYS("a\tb\n1\t2\nb\tc\ta\n",
	    "H\nR 1 2\n3: c: mixed schemas: before, there was no such column",
	    "another order and a column more");
	SAYS("a\tb\n1\t2\na\n", "H\nR 1 2\n3: b: mixed schemas: before, there was this column",
	    "a shorter header");
	SAYS("a\tb\n1\t2\na\tb\tc\n",
	    "H\nR 1 2\n3: c: mixed schemas: before, there was no such column", "a longer header");
}

static void
test_limits(void)
{
	char *text = malloc(TABLE_LINE + 4096), out[OUT];
	size_t i, n;

	if (!text) {
		ok(false, "no memory");
		return;
	}
	n = (size_t)sprintf(text, "a\n");
	memset(text + n, 'x', TABLE_LINE + 1);
	text[n + TABLE_LINE] = '\n';
	ok(strncmp(said(text, n + TABLE_LINE + 1, 1000000, out), "H\nR xxx", 7) == 0
		&& !strstr(out, ": "),
	    "the longest line");
	text[n + TABLE_LINE] = 'x';
	text[n + TABLE_LINE + 1] = '\n';
	is(said(text, n + TABLE_LINE + 2, 1000000, out), "H\n2: a: the line is too long",
	    "one byte more");
	is(said(text, n + TABLE_LINE + 1, 7, out), "H\n2: a: the line is too long",
	    "the same without an end");

	for (i = n = 0; i < TABLE_COLUMNS; i++)
		n += (size_t)sprintf(text + n, "%sc%zu", i ? "\t" : "", i);
	n += (size_t)sprintf(text + n, "\n");
	is(said(text, n, 1000000, out), "H\n1: c0: no row follows the header", "the most columns");
	n--;
	n += (size_t)sprintf(text + n, "\tx\n");
	is(said(text, n, 1000000, out), "1: column 65: too many columns", "one column more");

	memset(text, 'a', TABLE_NAME);
	memcpy(text + TABLE_NAME - 1, "\n1\n", 4);
	is(said(text, TABLE_NAME + 2, 1000000, out), "H\nR 1\n", "the longest name");
	memset(text, 'a', TABLE_NAME + 1);
	memcpy(text + TABLE_NAME, "\n1\n", 4);
	is(said(text, TABLE_NAME + 3, 1000000, out),
	    "1: column 1: not a column's name: no header line?", "one byte more");
	free(text);
}

/* The next file of the same schema. */
static void
test_files(void)
{
	static const char one[] = "a\tb\n1\t2\n", rest[] = "3\t4\n", other[] = "a\tc\n";
	const char *p = one;
	size_t n = sizeof one - 1;

	table_init(&t);
	ok(table_feed(&t, &p, &n) == TABLE_HEADER && table_feed(&t, &p, &n) == TABLE_ROW
		&& table_feed(&t, &p, &n) == TABLE_MORE && table_end(&t),
	    "a file");
	ok(table_column(&t, "b") == 1 && table_column(&t, "c") == -1, "columns by name");
	table_next(&t);
	p = one;
	n = sizeof one - 1;
	ok(table_feed(&t, &p, &n) == TABLE_HEADER && t.line == 1
		&& table_feed(&t, &p, &n) == TABLE_ROW && t.line == 2,
	    "another one");
	table_next(&t);
	p = rest;
	n = sizeof rest - 1;
	ok(table_feed(&t, &p, &n) == TABLE_BAD && t.line == 1 && strcmp(t.column, "a") == 0,
	    "one without a header: %s", t.why);
	ok(table_feed(&t, &p, &n) == TABLE_BAD && !table_end(&t), "and it stays so");
	table_init(&t);
	p = one;
	n = sizeof one - 1;
	while (table_feed(&t, &p, &n) != TABLE_MORE)
		;
	table_next(&t);
	p = other;
	n = sizeof other - 1;
	ok(table_feed(&t, &p, &n) == TABLE_BAD && strcmp(t.column, "b") == 0 && t.line == 1,
	    "one with other columns: %s", t.why);
}

/* Some of the columns, in an order of their own: what is said of a text, with "a", "b" and perhaps
 * "c" chosen of it. */
static const char *
chosen_of(size_t same, const char *text, char out[OUT])
{
	static const char *const names[] = { "a", "b", "c", NULL };
	size_t n = strlen(text), headers = 0, i;
	enum table_got got;

	*out = '\0';
	table_init(&t);
	while ((got = table_feed(&t, &text, &n)) == TABLE_HEADER || got == TABLE_ROW) {
		if (got == TABLE_HEADER && headers++ == 0 && !table_choose(&t, names, 2, same))
			break;
		for (i = 0; got == TABLE_ROW && i < t.columns; i++) {
			add(out, t.name[i]);
			add(out, t.cell[i]);
		}
		add(out, got == TABLE_HEADER ? "H " : " ");
	}
	if (t.bad) {
		add(out, t.column);
		add(out, ": ");
		add(out, t.why);
	}
	return out;
}

static const char *
chosen(const char *text, char out[OUT])
{
	return chosen_of(3, text, out);
}

static void
test_choice(void)
{
	char out[OUT];

	is(chosen("a\tb\n1\t2\n", out), "H a1b2 ", "chosen columns");
	is(chosen("x\tb\ty\ta\n9\t2\t8\t1\n", out), "H a1b2 ", "others are left out");
	is(chosen("c\tb\ta\n3\t2\t1\n", out), "H a1b2c3 ", "another order");
	is(chosen("x\ta\tb\n9\t1\t2\nx\ta\tb\n8\t3\t4\n", out), "H a1b2 H a3b4 ",
	    "the same header again");
	is(chosen("a\tb\n1\t2\nb\tx\ta\ty\n4\t9\t3\t8\n", out), "H a1b2 H a3b4 ",
	    "a header of another order, with others");
	is(chosen("a\tx\n1\t2\n", out), "b: missing column", "one that must be there");
	is(chosen("a\tb\n1\t2\nc\tb\ta\n", out),
	    "H a1b2 c: mixed schemas: before, there was no such column", "one only later");
	is(chosen("a\tb\tc\n1\t2\t3\na\tb\n", out),
	    "H a1b2c3 c: mixed schemas: before, there was this column", "one only before");
	is(chosen_of(2, "a\tb\n1\t2\nc\tb\ta\n3\t4\t5\na\tb\n6\t7\n", out),
	    "H a1b2cNA H a5b4c3 H a6b7cNA ", "one that comes and goes");
	is(chosen_of(2, "a\tc\tb\n1\t2\t3\nb\ta\tx\n4\t5\t6\n", out), "H a1b3c2 H a5b4cNA ",
	    "one that goes");
	is(chosen_of(2, "a\tc\tb\n1\t2\t3\nb\tc\n", out),
	    "H a1b3c2 a: mixed schemas: before, there was this column", "another that goes");
	is(chosen("x\tb\ta\n9\t2\n", out), "H a: missing: 2 cells, not 3", "a cell is missing");
	is(chosen("b\ta\tx\n9\t2\n", out), "H column 3: missing: 2 cells, not 3",
	    "one that is left out is missing");
	is(chosen("x\tb\ta\n\t2\t1\n", out), "H column 1: empty cell", "and one is empty");
}

/* A table of one cell. */
static void
give(const char *text)
{
	static char line[256];
	const char *p = line;
	size_t n = (size_t)snprintf(line, sizeof line, "x\n%s\n", text);

	table_init(&t);
	while (table_feed(&t, &p, &n) == TABLE_HEADER)
		;
}

static void
test_numbers(void)
{
	static const char *const wrong[] = { "", "-1", "+1", "1e3", "0x1", "1,0", "1.", ".5",
		"1.2.3", "inf", "nan", "na", "N/A", "1 ", " 1", "1k", "-", ".", "\xc2\xb2" };
	uint64_t v;
	double x;
	bool na, good = true;
	size_t i;

	for (i = 1; i < sizeof wrong / sizeof *wrong; i++) {
		give(wrong[i]);
		good = !table_count(&t, 0, &v, NULL) && t.bad && strcmp(t.column, "x") == 0 && good;
		give(wrong[i]);
		good = !table_real(&t, 0, &x, &na) && strstr(t.why, "not a number") && good;
		give(wrong[i]);
		good = !table_fixed(&t, 0, 3, &v, &na) && good;
	}
	ok(good, "no number but plain decimals");

	give("1000000000000000");
	ok(table_count(&t, 0, &v, NULL) && v == TABLE_COUNT, "the largest count");
	give("1000000000000001");
	ok(!table_count(&t, 0, &v, NULL), "one more: %s", t.why);
	give("18446744073709551616");
	ok(!table_count(&t, 0, &v, NULL), "no 64 bits hold it: %s", t.why);
	give("18446744073709551615");
	ok(table_real(&t, 0, &x, NULL) && x == 0x1p64, "as a real one, rounded");
	ok(!table_fixed(&t, 0, 3, &v, NULL), "too large in thousandths: %s", t.why);
	give("99999999999999999999.00000000000000000001");
	ok(table_real(&t, 0, &x, NULL) && x == 1e20, "the longest real number");
	give("100000000000000000000");
	ok(!table_real(&t, 0, &x, NULL), "longer before the point: %s", t.why);
	give("0.000000000000000000001");
	ok(!table_real(&t, 0, &x, NULL), "longer behind it: %s", t.why);
	give("18446744073709551.615");
	ok(table_fixed(&t, 0, 3, &v, NULL) && v == UINT64_MAX, "the largest in thousandths");
	give("18446744073709551.616");
	ok(!table_fixed(&t, 0, 3, &v, NULL), "one more: %s", t.why);
	give("1.5");
	ok(!table_count(&t, 0, &v, NULL), "no whole number: %s", t.why);
	give("007.25");
	ok(table_real(&t, 0, &x, NULL) && x == 7.25, "a real number");
	ok(table_fixed(&t, 0, 3, &v, NULL) && v == 7250, "in thousandths");
	ok(table_fixed(&t, 0, 9, &v, NULL) && v == 7250000000, "in 10^-9");
	give("1.2345");
	ok(!table_fixed(&t, 0, 3, &v, NULL), "too fine: %s", t.why);

	give("NA");
	na = false;
	ok(table_count(&t, 0, &v, &na) && na && !t.bad, "NA, where it may be");
	na = false;
	ok(table_real(&t, 0, &x, &na) && na, "NA of a real number");
	ok(table_fixed(&t, 0, 3, &v, &na) && na, "NA in thousandths");
	ok(!table_real(&t, 0, &x, NULL) && t.bad, "where it may not: %s", t.why);
	give("1");
	ok(table_real(&t, 0, &x, &na) && !na, "a number is not NA");
	ok(!table_bad(&t, "y", "because of %d", 7) && t.bad && strcmp(t.column, "y") == 0
		&& strcmp(t.why, "because of 7") == 0,
	    "table_bad");
}

int
main(void)
{
	test_lines();
	test_limits();
	test_files();
	test_choice();
	test_numbers();
	return done();
}
