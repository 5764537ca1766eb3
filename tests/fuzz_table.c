/* Fuzz target for the parser of tables (libFuzzer): the input is a file.
 *
 *	clang -g -O1 -D_POSIX_C_SOURCE=200809L -Ilib -fsanitize=fuzzer,address,undefined \
 *	    -o fuzz tests/fuzz_table.c lib/{num,table}.c
 *
 * Its first byte chooses the size of the pieces in which the rest comes: whatever that is, the
 * parser must say the same as of the whole at once, and a row must have all its cells. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool cond, const char *what)
{
	if (!cond) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* What is known of a file once it is read. */
struct outcome {
	bool good;
	uint64_t line, rows, sum;
	size_t columns;
	char column[TABLE_NAME], why[160];
};

static void
read_cells(struct table *t, struct outcome *o)
{
	static struct table copy;
	uint64_t v = 0;
	double x = 0;
	size_t i, k;
	bool na;

	for (i = 0; i < t->columns; i++) {
		k = strlen(t->cell[i]);
		must(k > 0 && !strpbrk(t->cell[i], "\t\n\r"), "a cell");
		must(t->cell[i] + k == t->text + t->end[i], "the end of a cell");
		o->sum = o->sum * 31 + k;
		/* a cell that is refused ends a table, so each is tried on a copy */
		copy.columns = t->columns;
		memcpy(copy.name[i], t->name[i], TABLE_NAME);
		copy.cell[i] = t->cell[i];
		copy.bad = false;
		if (table_count(&copy, i, &v, &na) && !na)
			must(table_real(&copy, i, &x, NULL) && x >= 0, "a count is a number");
		copy.bad = false;
		if (table_fixed(&copy, i, 3, &v, &na) && !na)
			must(table_real(&copy, i, &x, NULL), "a fixed point number is a number");
	}
}

static void
read_file(const char *p, size_t n, size_t step, struct outcome *o)
{
	static struct table t;
	enum table_got got = TABLE_MORE;
	size_t left;

	memset(o, 0, sizeof *o);
	table_init(&t);
	while (n > 0 && got != TABLE_BAD) {
		left = n < step ? n : step;
		n -= left;
		while ((got = table_feed(&t, &p, &left)) == TABLE_HEADER || got == TABLE_ROW)
			if (got == TABLE_ROW)
				read_cells(&t, o);
	}
	o->good = got != TABLE_BAD && table_end(&t);
	o->line = t.line;
	o->rows = t.rows;
	o->columns = t.columns;
	if (!o->good) {
		must(t.bad && t.column[0] && t.why[0] && t.line > 0, "what is refused has a place and a reason");
		snprintf(o->column, sizeof o->column, "%s", t.column);
		snprintf(o->why, sizeof o->why, "%s", t.why);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct outcome whole, pieces;

	if (n < 1)
		return 0;
	read_file((const char *)p + 1, n - 1, n, &whole);
	read_file((const char *)p + 1, n - 1, (size_t)1 + *p, &pieces);
	must(memcmp(&whole, &pieces, sizeof whole) == 0, "pieces and the whole");
	return 0;
}
