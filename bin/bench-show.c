/* SPDX-License-Identifier: ISC */
/* bench-show: rows for a person. What is known of columns is known by their names; others are
 * shown as they are. Several rows are a table of what differs between them, as wide as the
 * terminal; one row, or what does not fit, is a block with a line for each figure. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/msg.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/std.h"
#include "base/utf8.h"
#include "stats/bars.h"
#include "stats/column.h"
#include "stats/hist.h"
#include "stats/layout.h"
#include "stats/rows.h"

#define NAME "bench-show"
#define WIDTH_MIN 20
#define WIDTH_MAX 1000

struct show {
	char mode; /* a letter of MODES, or 0: table */
	bool all;
	size_t width;

	struct rows *rows;
	struct buf text, at; /* cells, row by row, each with a NUL behind it; where they begin */
	size_t rows_read;
	size_t *row, n; /* the rows of the table that is shown now, n of them; owned */
	struct column column[TABLE_COLUMNS];
	struct layout_column head[TABLE_COLUMNS];
	int rank[TABLE_COLUMNS]; /* of columns in the table: small ones come first */
	bool differs[TABLE_COLUMNS];

	struct rows_index index; /* of struct drawing */
};

#define MODES "bcDj"

/* A distribution. */
struct drawing {
	struct hist *hist; /* owned */
	uint64_t errors;
	uint64_t low_ns; /* of the row before: another run begins with one that is not higher, */
	uint64_t left;   /* or when all operations of this one were there */
};

/* ---- what is known by name ---- */

/* Leading columns that tell rows apart, as texts do. */
static const char *const keys[] = { "size_bytes", "chunk_bytes", "clients", "depth", "rate_per_s",
	NULL };

/* What must be known if it differs. */
static const char *const always[] = { "errors", "ok", "pass", "round", NULL };

/* Figures, the most important first. Empty: here come those that are not listed. */
static const char *const figures[] = { "holds_per_s", "fails_per_s", "p50_us", "p99_us",
	"ops_per_s", "bytes_per_s", "p999_us", "p90_us", "mean_us", "max_us", "", "p95_us",
	"min_us", "sd_us", "n", "elapsed_s", "busy", "cpu_us", "sent_bytes", "received_bytes",
	NULL };

enum { RANK_KEY, RANK_ALWAYS, RANK_TRANSFER, RANK_FIGURE };

static bool
is(const char *name, const char *other)
{
	return strcmp(name, other) == 0;
}

/* The position in a list, or where it ends. */
static int
position(const char *const *list, const char *name)
{
	int i = 0;

	while (list[i] && !is(list[i], name))
		i++;
	return i;
}

static bool
listed(const char *const *list, const char *name)
{
	return list[position(list, name)] != NULL;
}

/* ---- reading ---- */

static bool
no_memory(struct show *s)
{
	s->rows->no_memory = true;
	msg("%s", strerror(ENOMEM));
	return false;
}

/* Texts that a terminal gets to see are printable. */
static bool
take_row(void *arg, struct rows *r)
{
	static char printable[4 * TABLE_LINE + 1];
	struct show *s = arg;
	const char *text;
	size_t i;

	for (i = 0; i < r->table.columns; i++) {
		text = r->table.cell[i];
		column_see(&s->column[i], text);
		if (s->mode != 'j' && s->mode != 'c')
			text = msg_ascii(printable, sizeof printable, text, strlen(text));
		buf_add(&s->at, &s->text.n, sizeof s->text.n);
		buf_add(&s->text, text, strlen(text) + 1);
	}
	s->rows_read++;
	return !(s->at.failed || s->text.failed) || no_memory(s);
}

/* Any columns will do. */
static bool
take_header(void *arg, struct rows *r)
{
	struct show *s = arg;
	size_t i;

	for (i = 0; i < r->table.columns; i++)
		column_init(&s->column[i], r->table.name[i]);
	return true;
}

static const char *
raw(const struct show *s, size_t row, size_t column)
{
	size_t at;

	memcpy(&at, s->at.p + (row * s->rows->table.columns + column) * sizeof at, sizeof at);
	return (const char *)s->text.p + at;
}

/* The benchmark of a row, if there is that column. */
static const char *
bench_of(const struct show *s, size_t row)
{
	int bench = table_column(&s->rows->table, "bench");

	return bench < 0 ? "" : raw(s, row, (size_t)bench);
}

/* ---- columns ---- */

/* The column that a limit belongs to, p50_us of p50_low_us; else the column itself. */
static unsigned
limit_of(const struct table *t, unsigned column)
{
	const char *name = t->name[column], *end = strstr(name, "_low_us");
	char figure[TABLE_NAME + 4];
	int k;

	if (!end)
		end = strstr(name, "_high_us");
	snprintf(figure, sizeof figure, "%.*s_us", end ? (int)(end - name) : 0, name);
	return (k = table_column(t, figure)) < 0 ? column : (unsigned)k;
}

static int
rank(const struct show *s, unsigned column)
{
	const struct table *t = &s->rows->table;
	unsigned figure = limit_of(t, column);
	const char *name = t->name[figure], *bench = bench_of(s, s->row[0]);
	int i = position(figures, name);

	if ((column == 0 || s->rank[column - 1] == RANK_KEY)
	    && (s->column[column].kind == COLUMN_TEXT || listed(keys, name)))
		return RANK_KEY;
	if (listed(always, name))
		return RANK_ALWAYS;
	if (is(name, "bytes_per_s") && (is(bench, "bench-bw") || is(bench, "bench-file")))
		return RANK_TRANSFER;
	return RANK_FIGURE + 2 * (figures[i] ? i : position(figures, "")) + (figure != column);
}

/* Zero or NA, which says nothing; nor does the time of day to a person who compares. */
static bool
says_nothing(const struct show *s, unsigned column, double high)
{
	if (!s->all && is(s->rows->table.name[column], "start_s"))
		return true;
	return !s->all && s->column[column].kind != COLUMN_TEXT && high <= 0
	    && !is(s->rows->table.name[column], "ok");
}

static const char *
cell(const void *arg, size_t row, unsigned column, char text[LAYOUT_TEXT])
{
	const struct show *s = arg;

	return column_text(&s->column[column], raw(s, s->row[row], column), text);
}

/* Choose unit and short name; one that is another column's name stays whole. */
static void
scale(const struct show *s, unsigned column, struct column *c, const struct column *like)
{
	const struct table *t = &s->rows->table;

	column_scale(c, t->name[column], like);
	if (table_column(t, c->name) >= 0)
		snprintf(c->name, sizeof c->name, "%s", t->name[column]);
}

static void
know_columns(struct show *s, const struct layout *l)
{
	const struct table *t = &s->rows->table;
	struct column *c = s->column;
	unsigned i;
	size_t k;

	for (i = 0; i < t->columns; i++) {
		column_clear(&c[i]);
		for (k = 0; k < s->n; k++)
			column_see(&c[i], raw(s, s->row[k], i));
	}
	for (i = 0; i < t->columns; i++) {
		scale(s, i, &c[i], &c[limit_of(t, i)]);
		s->head[i] = (struct layout_column){ c[i].name, column_unit(&c[i]),
			c[i].kind == COLUMN_TEXT };
		s->rank[i] = rank(s, i);
		s->differs[i] = layout_differs(l, i, 0);
	}
}

/* ---- blocks and tables ---- */

/* A line of a block has a unit of its own. */
static void
print_line(const struct show *s, size_t row, unsigned column, int width)
{
	struct column c = s->column[column];
	const char *value = raw(s, row, column), *unit;
	char text[LAYOUT_TEXT];

	column_clear(&c);
	column_see(&c, value);
	if (says_nothing(s, column, c.high))
		return;
	scale(s, column, &c, &c);
	value = column_text(&c, value, text);
	unit = is(value, "-") ? NULL : column_unit(&c);
	printf("%-*s%*s%*s%s%s\n", width, c.name, LAYOUT_GAP, "", c.kind == COLUMN_TEXT ? 0 : 10,
	    value, unit ? " " : "", unit ? unit : "");
}

static void
print_blocks(const struct show *s)
{
	size_t columns = s->rows->table.columns, k;
	int width = 0, n;
	unsigned i;

	for (i = 0; i < columns; i++)
		width = (n = (int)strlen(s->column[i].name)) > width ? n : width;
	for (k = 0; k < s->n; k++) {
		if (k > 0)
			putchar('\n');
		for (i = 0; i < columns; i++)
			print_line(s, s->row[k], i, width);
	}
}

/* What is the same in all rows, in lines of the width. */
static void
print_heading(const struct show *s)
{
	const char *value, *name, *unit;
	char text[LAYOUT_TEXT];
	size_t at = 0, n;
	unsigned i;

	for (i = 0; i < s->rows->table.columns; i++) {
		if (s->all || s->differs[i] || says_nothing(s, i, s->column[i].high))
			continue;
		value = cell(s, 0, i, text);
		name = s->head[i].left && s->rank[i] == RANK_KEY ? "" : s->head[i].name;
		unit = s->head[i].unit ? s->head[i].unit : "";
		n = strlen(name) + (*name != 0) + strlen(value) + (*unit != 0) + strlen(unit);
		if (at > 0)
			fputs(at + n + 3 > s->width ? ",\n" : ", ", stdout);
		at = at > 0 && at + n + 3 <= s->width ? at + 2 + n : n;
		printf("%s%s%s%s%s", name, *name ? " " : "", value, *unit ? " " : "", unit);
	}
	fputs(at > 0 ? "\n\n" : "", stdout);
}

/* False: it does not fit, or there is nothing that differs. */
static bool
print_table(const struct show *s, const struct layout *l)
{
	unsigned shown[TABLE_COLUMNS], i;
	bool must[TABLE_COLUMNS];
	size_t n = 0, k;

	for (i = 0; i < s->rows->table.columns; i++) {
		if (!s->all && (!s->differs[i] || says_nothing(s, i, s->column[i].high)))
			continue;
		for (k = n++; k > 0 && s->rank[shown[k - 1]] > s->rank[i]; k--)
			shown[k] = shown[k - 1];
		shown[k] = i;
	}
	for (k = 0; k < n; k++)
		must[k] = s->all || s->rank[shown[k]] <= RANK_ALWAYS || s->head[shown[k]].left;
	if (n == 0 || !layout_fit(l, s->width, must, shown, &n))
		return false;
	print_heading(s);
	layout_print(stdout, l, shown, n, true);
	return true;
}

/* A table for each benchmark, whose rows differ in other things and have other figures. */
static bool
print_tables(struct show *s)
{
	size_t left = s->rows_read, *todo = malloc((left + 1) * sizeof *todo), kept, i;
	struct layout l = { 0, s->head, cell, s };
	const char *first;

	s->row = malloc((left + 1) * sizeof *s->row);
	for (i = 0; todo && i < left; i++)
		todo[i] = i;
	while (todo && s->row && left > 0) {
		if (left < s->rows_read)
			putchar('\n');
		first = bench_of(s, todo[0]);
		for (i = kept = s->n = 0; i < left; i++) {
			if (is(bench_of(s, todo[i]), first))
				s->row[s->n++] = todo[i];
			else
				todo[kept++] = todo[i];
		}
		l.rows = s->n;
		know_columns(s, &l);
		if (s->mode == 'b' || s->n == 1 || !print_table(s, &l))
			print_blocks(s);
		left = kept;
	}
	free(todo);
	return left == 0 || no_memory(s);
}

/* ---- distributions ---- */

static bool
take_hist(void *arg, struct rows *r)
{
	struct table *t = &r->table;
	uint64_t low = 0, high = 0, count, n, errors;
	struct show *s = arg;
	struct drawing *d;
	bool fresh, na, na_too;

	if (r->schema != TSV_HIST)
		return table_bad(t, r->schema == TSV_RAW ? "us" : "p50_us",
		    "%s rows, not "
		    "histogram rows, which benchmarks print with -D",
		    r->schema == TSV_RAW ? "raw" : "summary");
	if (!(d = rows_find(&s->index, r, &fresh)))
		return false;
	if (fresh && !(d->hist = hist_new()))
		return no_memory(s);
	if (!table_count(t, ROWS_N, &n, NULL) || !table_count(t, ROWS_ERRORS, &errors, NULL)
	    || !table_fixed(t, ROWS_LOW, 3, &low, &na)
	    || !table_fixed(t, ROWS_HIGH, 3, &high, &na_too)
	    || !table_count(t, ROWS_COUNT, &count, NULL))
		return false;
	if (d->left == 0 || low <= d->low_ns) {
		d->errors += errors;
		d->left = n;
	}
	d->low_ns = low;
	d->left -= count < d->left ? count : d->left;
	if (na && na_too && count == 0)
		return true;
	if (na || na_too)
		return table_bad(t, "low_us", "NA, but there are operations");
	if (count == 0 || count > UINT64_MAX - d->hist->n)
		return table_bad(t, "count", count ? "too many operations" : "no operation");
	return hist_add_bucket(d->hist, low, high, count)
	    || table_bad(t, "low_us", "these are not the bounds of a bucket");
}

static void
print_drawing(const struct show *s, size_t number)
{
	static const char *const name[] = { "size", "chunk", "clients", "depth", "rate" };
	static char label[4 * TABLE_LINE + 1];
	const struct drawing *d = (struct drawing *)s->index.group + number;
	char text[LAYOUT_TEXT];
	const char *value;
	unsigned i;

	for (i = 0; i < ROWS_KEY_CELLS; i++) {
		value = rows_cell(&s->index, number, (enum rows_column)i);
		if (i == ROWS_SIZE || i == ROWS_CHUNK)
			value = layout_size(text, value);
		if (i >= ROWS_SIZE && strtod(value, NULL) > 0)
			printf(", %s %s", name[i - ROWS_SIZE], value);
		else if (i < ROWS_SIZE)
			printf("%s%s", i > 0 ? " " : "",
			    msg_ascii(label, sizeof label, value, strlen(value)));
	}
	printf(", n %" PRIu64, d->hist->n);
	if (d->errors > 0)
		printf(", errors %" PRIu64, d->errors);
	putchar('\n');
	if (d->hist->n > 0)
		bars_print(stdout, d->hist, s->width);
}

/* ---- for programs ---- */

/* A text in quotes, as JSON has it, in ASCII; what is not UTF-8 is U+FFFD. */
static void
print_json_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n, left = strlen(text), i;
	unsigned long c;

	for (putchar('"'); left > 0; p += n, left -= n) {
		n = utf8_char(p, left);
		c = n == 0 ? 0xfffd : n == 1 ? *p : *p & (0x7fu >> n);
		for (i = 1; i < n; i++)
			c = c << 6 | (p[i] & 0x3f);
		n = n > 0 ? n : 1;
		if (c >= 0x10000)
			printf("\\u%04lx\\u%04lx", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
		else if (c < ' ' || c >= 0x7f)
			printf("\\u%04lx", c);
		else
			printf("%s%c", c == '"' || c == '\\' ? "\\" : "", (int)c);
	}
	putchar('"');
}

static void
print_json(const struct show *s)
{
	const struct table *t = &s->rows->table;
	const char *value;
	size_t row;
	unsigned i;

	for (row = 0; row < s->rows_read; row++) {
		fputs(row > 0 ? ",\n{" : "[\n{", stdout);
		for (i = 0; i < t->columns; i++) {
			value = raw(s, row, i);
			printf("%s\"%s\": ", i > 0 ? ", " : "", t->name[i]);
			if (s->column[i].kind != COLUMN_TEXT)
				fputs(is(value, "NA") ? "null" : value, stdout);
			else
				print_json_text(value);
		}
		putchar('}');
	}
	puts("\n]");
}

/* RFC 4180, but with the line ends of this system. */
static void
print_csv_text(const char *text)
{
	bool quoted = strpbrk(text, "\",") != NULL;

	for (fputs(quoted ? "\"" : "", stdout); *text; text++)
		printf("%s%c", *text == '"' ? "\"" : "", *text);
	fputs(quoted ? "\"" : "", stdout);
}

static void
print_csv(const struct show *s)
{
	size_t columns = s->rows->table.columns, row;
	unsigned i;

	for (row = 0; row <= s->rows_read; row++) {
		for (i = 0; i < columns; i++) {
			if (i > 0)
				putchar(',');
			print_csv_text(row == 0 ? s->rows->table.name[i] : raw(s, row - 1, i));
		}
		putchar('\n');
	}
}

/* ---- the command line ---- */

static void
help(const void *arg)
{
	(void)arg;
	puts("usage: " NAME " [-abcDhjV] [-w columns] [file]\n"
	     "Show rows to a person: one row as a block, several as a table of what differs.\n\n"
	     "The file (\"-\" or none: standard input) is what any program here prints. Options:\n"
	     "  -a          all columns, also those that are the same in all rows\n"
	     "  -b          a block for each row\n"
	     "  -D          draw the distributions of histogram rows (-D of the benchmarks)\n"
	     "  -j          JSON: an array of objects\n"
	     "  -c          comma-separated values\n"
	     "  -w columns  the width of the terminal (COLUMNS, else 80)\n"
	     "  -h, -V      help, version");
}

/* Returns -1, or the status to exit with. */
static int
parse(struct show *s, int argc, char **argv)
{
	static const struct opt opt = { .letters = "aw:" MODES, .help = help, .trouble = 1 };
	int letter, status = 0;
	const char *why;
	uint64_t v;

	while ((letter = opt_next(&opt, argc, argv, &status)) != OPT_NONE) {
		if (letter == OPT_EXIT)
			return status;
		if (letter == 'a') {
			s->all = true;
		} else if (letter != 'w') {
			if (s->mode && s->mode != letter) {
				msg("only one of -b, -c, -D and -j can be given");
				return 2;
			}
			s->mode = (char)letter;
		} else if ((why = num_count(optarg, WIDTH_MIN, WIDTH_MAX, &v))) {
			msg("-w: %s: %s", why, optarg);
			return 2;
		} else {
			s->width = (size_t)v;
		}
	}
	if (argc - optind > 1) {
		msg("one file, not %d", argc - optind);
		return 2;
	}
	return -1;
}

static bool
print(struct show *s)
{
	size_t i;

	if (s->mode == 'j') {
		print_json(s);
	} else if (s->mode == 'c') {
		print_csv(s);
	} else if (s->mode == 'D') {
		for (i = 0; i < s->index.n; i++) {
			fputs(i > 0 ? "\n" : "", stdout);
			print_drawing(s, i);
		}
	} else {
		return print_tables(s);
	}
	return true;
}

static int
run(struct show *s, const char *path)
{
	const struct rows_reader reader = { .row = s->mode == 'D' ? take_hist : take_row,
		.header = s->mode == 'D' ? NULL : take_header,
		.arg = s };
	struct rows *rows = s->rows;

	if (!rows_read(rows, path, &reader))
		return rows->no_memory ? 1 : 2;
	if (!print(s))
		return 1;
	if (std_close(stdout) != 0) {
		msg("stdout: %s", strerror(errno));
		return 1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	static struct show s = { .width = 80, .index.size = sizeof(struct drawing) };
	const char *columns = getenv("COLUMNS");
	uint64_t v;
	int status;
	size_t i;

	msg_program(argc > 0 ? argv[0] : NAME);
	/* what the environment says is meant for others, too: what it cannot be is no mistake */
	if (columns && !num_count(columns, WIDTH_MIN, WIDTH_MAX, &v))
		s.width = (size_t)v;
	if ((status = parse(&s, argc, argv)) >= 0)
		return status;
	s.rows = opt_memory(rows_new());
	status = run(&s, optind < argc ? argv[optind] : "-");
	for (i = 0; i < s.index.n; i++)
		free(((struct drawing *)s.index.group)[i].hist);
	rows_index_free(&s.index);
	free(s.row);
	buf_free(&s.text);
	buf_free(&s.at);
	free(s.rows);
	return status;
}
