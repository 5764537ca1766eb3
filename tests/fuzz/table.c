/* SPDX-License-Identifier: ISC */
/* Fuzz target for the reader of TSV. The first byte seeds the sizes of the pieces in which a file
 * comes: in one piece it must be the same rows, or the same complaint. Every cell is then read
 * as a number in each way there is, and the file is read a second time behind itself. */
#include "fuzz.h"

#include "base/num.h"
#include "stats/table.h"

struct parsed {
	uint64_t headers, rows, line;
	struct fuzz_sum cells;
	bool good;
	char column[TABLE_NAME], why[160];
};

/* A number is refused, or it is what a simple reader makes of it. */
static void
numbers(const struct table *row, size_t column)
{
	static struct table t; /* a refusal stays: each on a copy */
	const char *s = row->cell[column];
	uint64_t v = 42, want;
	double x = 42;
	bool na = false, good, counts = num_digits(s, strlen(s), &want);

	counts = counts && want <= TABLE_COUNT && strlen(s) <= 20;
	t = *row;
	good = table_count(&t, column, &v, &na);
	must(good == !t.bad, "count: the verdict");
	must(!na || strcmp(s, "NA") == 0, "count: NA");
	if (good && !na)
		must(counts && want == v && table_real(&t, column, &x, NULL) && x >= 0,
		    "count: the value");
	else
		must(v == 42 && (na || !counts), "count: refused");
	t = *row;
	x = 42;
	good = table_real(&t, column, &x, &na);
	must(good == !t.bad && (!na || x == 42), "real: the verdict");
	must(!good || na || x >= 0, "real: below 0");
	t = *row;
	v = 42;
	good = table_fixed(&t, column, 3, &v, &na);
	must(good == !t.bad && ((good && !na) || v == 42), "fixed: the verdict");
	if (good && !na && counts)
		must(v == want * 1000, "fixed: the value");
	t = *row;
	must(table_fixed(&t, column, 9, &v, NULL) == !t.bad, "fixed: the verdict");
}

static void
row_is_good(const struct table *t, struct parsed *d)
{
	size_t i, n;

	must(t->columns > 0 && t->columns <= TABLE_COLUMNS, "the number of columns");
	for (i = 0; i < t->columns; i++) {
		n = strlen(t->cell[i]);
		must(t->cell[i] >= t->text && t->cell[i] + n < t->text + sizeof t->text,
		    "a cell is elsewhere");
		must(n > 0 && !strpbrk(t->cell[i], "\t\n\r"), "what a cell holds");
		must(table_column(t, t->name[i]) == (int)i, "a column's place");
		fuzz_sum_add(&d->cells, t->cell[i], n + 1);
	}
}

static void
read_file(struct table *t, struct parsed *d, const uint8_t *file, size_t n, uint32_t seed,
    bool look)
{
	enum table_got got = TABLE_MORE;
	unsigned char *piece;
	const char *p;
	size_t k, left, at;

	memset(d, 0, sizeof *d);
	for (at = 0; at < n && got != TABLE_BAD; at += k) {
		k = fuzz_piece(&seed, n - at);
		piece = fuzz_copy(file + at, k);
		p = (const char *)piece;
		for (left = k; left > 0 && got != TABLE_BAD;) {
			got = table_feed(t, &p, &left);
			must(p + left == (const char *)piece + k, "the place in the input");
			d->headers += got == TABLE_HEADER;
			if (got != TABLE_ROW)
				continue;
			d->rows++;
			row_is_good(t, d);
			if (look && d->rows <= 3)
				numbers(t, (size_t)d->rows % t->columns);
		}
		must(got == TABLE_BAD || left == 0, "bytes left");
		free(piece);
	}
	d->good = table_end(t);
	d->line = t->line;
	must(d->good == !t->bad, "the verdict");
	if (!d->good) {
		must(t->column[0] && t->why[0] && t->line > 0, "a complaint without a text");
		p = (const char *)file;
		left = n;
		must(table_feed(t, &p, &left) == TABLE_BAD && left == n, "not for good");
	}
	must(!d->good || (d->headers > 0 && d->rows == t->rows), "the number of rows");
	memcpy(d->column, t->column, sizeof d->column);
	memcpy(d->why, t->why, sizeof d->why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct table t, u;
	struct parsed whole, pieces, again;

	if (n < 1)
		return 0;
	memset(&t, 0, sizeof t);
	memset(&u, 0, sizeof u);
	table_init(&t);
	read_file(&t, &whole, p + 1, n - 1, 0, true);
	table_init(&u);
	read_file(&u, &pieces, p + 1, n - 1, 1 + p[0], false);
	must(whole.good == pieces.good && whole.headers == pieces.headers
		&& whole.rows == pieces.rows && whole.line == pieces.line
		&& fuzz_sum_equal(&whole.cells, &pieces.cells),
	    "the rows depend on the pieces");
	must(whole.good
		|| (strcmp(whole.column, pieces.column) == 0 && strcmp(whole.why, pieces.why) == 0),
	    "the complaint depends on the pieces");
	if (whole.good) {
		table_next(&t);
		read_file(&t, &again, p + 1, n - 1, 1 + p[0], false);
		must(again.good && again.rows == whole.rows
			&& fuzz_sum_equal(&again.cells, &whole.cells),
		    "the second time is another");
	}
	return 0;
}
