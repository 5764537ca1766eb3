/* SPDX-License-Identifier: ISC */
/* bench-rounds: what the rounds of a bench-suite run say. Reads the run's folder; prints the
 * median over the rounds of each figure of each configuration, or (-r) of the ratios of two
 * figures within each round, with limits. bench-report lays out what comes out here.
 * Everything that was read is kept: a few numbers per row. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/msg.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/std.h"
#include "stats/rounds.h"
#include "stats/rows.h"
#include "stats/stat.h"

#define NAME "bench-rounds"
#define DIGITS_MAX 17
#define LINE_CELLS 3 /* of a key, behind the label: bench, op, size */

static const char *const summary_metrics[] = { "ops_per_s", "bytes_per_s", "mean_us", "p50_us",
	"p90_us", "p95_us", "p99_us", "p999_us" };
static const char *const memory_metrics[] = { "kb_per_connection" };

#define METRICS(list) (sizeof(list) / sizeof *(list))

/* The columns of memory.tsv. */
static const char *const memory_columns[] = { "label", "connections", "base_kb", "held_kb",
	"kb_per_connection" };
enum { MEMORY_CONNECTIONS = 1, MEMORY_BASE, MEMORY_HELD, MEMORY_EACH, MEMORY_COLUMNS };

/* A configuration's measurements of one operation. */
struct series {
	const char *label, *bench, *op, *size; /* into the index, or static */
	size_t label_at, bench_at, line_at;    /* their places in what comes out */
	const char *const *metric;
	struct rounds rounds;
	uint64_t n, errors;
};

/* Names in order; a name's place is found by looking at all, as there are few. */
struct names {
	const char **name;
	size_t n, cap;
};

enum source { SUITE, ISOLATION, MEMORY, SOURCES };

static const char *const file_name[] = { "suite.tsv", "isolation.tsv", "memory.tsv" };

struct run {
	/* what the command line says */
	const char *dir;
	bool ratios, quiet;
	int digits; /* after the point; -1: the usual ones */

	struct rows *rows[SOURCES];       /* suite and isolation have the same one */
	struct rows_index index[SOURCES]; /* of struct series */
	enum source source;               /* being read */
	struct rounds all;                /* all rounds that there are; no figures */
	char *configurations;             /* words of env.tsv, NULs between them; owned */
	struct names labels, benches;
	struct series **series; /* all of them, in the order in which they come out */
	size_t n;
};

static bool
no_memory(void)
{
	msg("%s", strerror(ENOMEM));
	return false;
}

/* ---- reading ---- */

/* What comes out must be words. */
static bool
check_word(struct table *t, size_t column)
{
	const char *p = t->cell[column];

	for (; *p; p++)
		if (*p <= ' ' || *p > '~')
			return table_bad(t, t->name[column], "not a name: %.60s", t->cell[column]);
	return true;
}

/* The row's round, of its number or, without, of how many there were before. Returns where its
 * figures go. */
static double *
new_round(struct run *r, struct series *s)
{
	struct rows *rows = r->rows[r->source];
	struct tsv_when when = rows->when;
	bool fresh;
	double *p;

	if (!rows->rounds && !rows->passes)
		when.pass = s->rounds.n + 1;
	if (!rounds_add(&r->all, when, &fresh) || !(p = rounds_add(&s->rounds, when, &fresh))) {
		no_memory();
		return NULL;
	}
	if (fresh)
		return p;
	table_bad(&rows->table, "label",
	    "this row is there twice (same label, operation, size and round)");
	return NULL;
}

static bool
take_summary(void *arg, struct rows *rows)
{
	struct run *r = arg;
	struct table *t = &rows->table;
	struct series *s;
	uint64_t n, errors;
	bool fresh, na;
	double *p, x;
	size_t i;

	if (rows->schema != TSV_SUMMARY)
		return table_bad(t, "n", "not summary rows");
	if (!(s = rows_find(&r->index[r->source], rows, &fresh)))
		return false;
	for (i = ROWS_LABEL; fresh && i <= ROWS_OP; i++)
		if (!check_word(t, i))
			return false;
	s->metric = summary_metrics;
	s->rounds.figures = METRICS(summary_metrics);
	if (!table_count(t, ROWS_N, &n, NULL) || !table_count(t, ROWS_ERRORS, &errors, NULL)
	    || !(p = new_round(r, s)))
		return false;
	s->n += n;
	s->errors += errors;
	for (i = 0; i < s->rounds.figures; i++) {
		if (!table_real(t, (size_t)table_column(t, s->metric[i]), &x, &na))
			return false;
		if (n > 0 && !na)
			p[i] = x;
	}
	return true;
}

static bool
check_memory(void *arg, struct rows *rows)
{
	const struct run *r = arg;
	const struct rows *suite = r->rows[SUITE];
	struct table *t = &rows->table;
	size_t i;

	for (i = 0; i < MEMORY_COLUMNS; i++)
		if (i >= t->columns || strcmp(t->name[i], memory_columns[i]) != 0)
			return table_bad(t, memory_columns[i],
			    "missing, or not where it should be");
	if (!rows_know_when(rows, i))
		return false;
	return (rows->rounds == suite->rounds && rows->passes == suite->passes)
	    || table_bad(t, "round", "not as in suite.tsv");
}

/* A number that may be below zero. */
static bool
signed_real(struct table *t, size_t column, double *v, bool *na)
{
	bool minus = *t->cell[column] == '-';

	t->cell[column] += minus;
	if (!table_real(t, column, v, na))
		return false;
	if (minus)
		*v = -*v;
	return true;
}

static bool
take_memory(void *arg, struct rows *rows)
{
	struct run *r = arg;
	struct table *t = &rows->table;
	uint64_t connections;
	double kb[MEMORY_COLUMNS], *p;
	struct series *s;
	bool na = false;
	size_t i;

	if (!(s = rows_find(&r->index[MEMORY], rows, NULL)) || !check_word(t, 0)
	    || !table_count(t, MEMORY_CONNECTIONS, &connections, NULL))
		return false;
	for (i = MEMORY_BASE; i <= MEMORY_EACH; i++)
		if (!signed_real(t, i, &kb[i], &na))
			return false;
	s->metric = memory_metrics;
	s->rounds.figures = METRICS(memory_metrics);
	s->n = 1;
	if (!(p = new_round(r, s)))
		return false;
	if (!na)
		*p = kb[MEMORY_EACH];
	return true;
}

/* The path of one of the folder's files; to be released. */
static char *
path_of(const struct run *r, const char *name)
{
	size_t n = strlen(r->dir) + strlen(name) + 2;
	char *path = malloc(n);

	if (path)
		snprintf(path, n, "%s%s%s", r->dir, r->dir[strlen(r->dir) - 1] == '/' ? "" : "/",
		    name);
	return path;
}

/* Only suite.tsv must be there. */
static bool
read_file(struct run *r, enum source source)
{
	const struct rows_reader reader = { .row = source == MEMORY ? take_memory : take_summary,
		.header = source == MEMORY ? check_memory : NULL,
		.lenient = true,
		.quiet = r->quiet,
		.arg = r };
	char *path = path_of(r, file_name[source]);
	bool good;

	if (!path)
		return no_memory();
	r->source = source;
	good = (source != SUITE && access(path, F_OK) < 0 && errno == ENOENT)
	    || rows_read(r->rows[source], path, &reader);
	free(path);
	return good;
}

/* The run's configurations as env.tsv has them, without URLs: the order of what comes out. */
static bool
read_configurations(struct run *r)
{
	static const char key[] = "configurations\t";
	char *path = path_of(r, "env.tsv"), *line = NULL;
	size_t size = 0;
	bool good = true;
	FILE *f;

	if (!path)
		return no_memory();
	if (!(f = fopen(path, "r"))) {
		if (!(good = errno == ENOENT))
			msg("%s: %s", path, strerror(errno));
	} else {
		while (!r->configurations && getline(&line, &size, f) >= 0)
			if (strncmp(line, key, sizeof key - 1) == 0
			    && !(r->configurations = strdup(line + sizeof key - 1)))
				good = no_memory();
		if (ferror(f)) {
			msg("%s: %s", path, strerror(errno));
			good = false;
		}
		fclose(f);
	}
	free(line);
	free(path);
	return good;
}

/* ---- order ---- */

static bool
place(struct names *l, const char *name, size_t *at)
{
	const char **p;

	for (*at = 0; *at < l->n; ++*at)
		if (strcmp(l->name[*at], name) == 0)
			return true;
	if (!(p = array_room(l->name, &l->cap, l->n + 1, sizeof *p)))
		return no_memory();
	l->name = p;
	l->name[l->n++] = name;
	return true;
}

static bool
place_configurations(struct run *r)
{
	char *word, *rest = NULL;
	size_t at;

	if (!r->configurations)
		return true;
	for (word = strtok_r(r->configurations, " \t\n", &rest); word;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		word[strcspn(word, "=")] = '\0';
		if (!place(&r->labels, word, &at))
			return false;
	}
	return true;
}

static const char *
short_bench(const char *bench)
{
	return strncmp(bench, "bench-", 6) == 0 ? bench + 6 : bench;
}

/* What a series is of: its names, and where they come. Equal lines have the place of the first. */
static bool
describe(struct run *r, enum source source, size_t number)
{
	const struct rows_index *x = &r->index[source];
	struct series *s = (struct series *)x->group + number, *other;
	size_t i;

	s->label = rows_cell(x, number, ROWS_LABEL);
	s->bench = source == SUITE ? short_bench(rows_cell(x, number, ROWS_BENCH))
	    : source == ISOLATION  ? "isolation"
				   : "memory";
	s->op = source == MEMORY ? "idle" : rows_cell(x, number, ROWS_OP);
	s->size = source == MEMORY ? "0" : rows_cell(x, number, ROWS_SIZE);
	if (!place(&r->labels, s->label, &s->label_at)
	    || !place(&r->benches, s->bench, &s->bench_at))
		return false;
	for (i = 0; i < r->n; i++) {
		other = r->series[i];
		if (other->bench_at == s->bench_at && strcmp(other->op, s->op) == 0
		    && strcmp(other->size, s->size) == 0)
			break;
	}
	s->line_at = i < r->n ? r->series[i]->line_at : r->n;
	r->series[r->n++] = s;
	return true;
}

static int
by_place(const void *a, const void *b)
{
	const struct series *x = *(struct series *const *)a, *y = *(struct series *const *)b;

	if (x->label_at != y->label_at)
		return x->label_at < y->label_at ? -1 : 1;
	if (x->bench_at != y->bench_at)
		return x->bench_at < y->bench_at ? -1 : 1;
	return x->line_at < y->line_at ? -1 : x->line_at > y->line_at;
}

static bool
put_in_order(struct run *r)
{
	size_t n = 0, i;
	int source;

	for (source = 0; source < SOURCES; source++)
		n += r->index[source].n;
	if (!(r->series = malloc((n + 1) * sizeof(struct series *))))
		return no_memory();
	for (source = 0; source < SOURCES; source++)
		for (i = 0; i < r->index[source].n; i++)
			if (!describe(r, (enum source)source, i))
				return false;
	qsort(r->series, r->n, sizeof(struct series *), by_place);
	return true;
}

/* ---- what comes out ---- */

static void
put(int digits, double v)
{
	if (isnan(v))
		fputs("\tNA", stdout);
	else
		printf("\t%.*f", digits, v);
}

static void
put_median(const struct run *r, int digits, const struct stat_median *m)
{
	if (r->digits >= 0)
		digits = r->digits;
	printf("\t%zu", m->n);
	put(digits, m->median);
	put(digits, m->low);
	put(digits, m->high);
}

static bool
print_figures(const struct run *r)
{
	size_t units = r->all.passes == 1 ? r->all.n : r->all.passes;
	const struct series *s;
	struct stat_median m;
	size_t i, k;

	puts("label\tbench\top\tsize_bytes\tmetric\trounds\tmedian\tlow\thigh\t"
	     "run_rounds\tn\terrors");
	for (i = 0; i < r->n; i++) {
		s = r->series[i];
		for (k = 0; k < s->rounds.figures; k++) {
			if (!rounds_median(&s->rounds, k, &m))
				return no_memory();
			printf("%s\t%s\t%s\t%s\t%s", s->label, s->bench, s->op, s->size,
			    s->metric[k]);
			put_median(r, 3, &m);
			printf("\t%zu\t%" PRIu64 "\t%" PRIu64 "\n", units, s->n, s->errors);
		}
	}
	return true;
}

/* What is worth a ratio: two configurations in the same thing, or two operations of the same
 * size of one. */
static bool
comparable(const struct series *a, const struct series *b)
{
	if (a->label_at != b->label_at)
		return a->line_at == b->line_at;
	return a->bench_at == b->bench_at && a->line_at != b->line_at
	    && strcmp(a->size, b->size) == 0;
}

static bool
print_pair(const struct run *r, const struct series *a, const struct series *b)
{
	struct stat_median m;
	size_t k;

	for (k = 0; k < a->rounds.figures; k++) {
		if (!rounds_ratio(&a->rounds, &b->rounds, k, &m))
			return no_memory();
		if (m.n == 0)
			continue;
		printf("%s\t%s\t%s\t%s\t%s\t%s\t%s", a->label, b->label, a->bench, a->op, b->op,
		    a->size, a->metric[k]);
		put_median(r, 4, &m);
		putchar('\n');
	}
	return true;
}

static bool
print_ratios(const struct run *r)
{
	size_t i, j;

	puts("label\tbase\tbench\top\tbase_op\tsize_bytes\tmetric\trounds\tratio\tlow\thigh");
	for (i = 0; i < r->n; i++)
		for (j = 0; j < r->n; j++)
			if (comparable(r->series[i], r->series[j])
			    && !print_pair(r, r->series[i], r->series[j]))
				return false;
	return true;
}

/* ---- the command line ---- */

static void
help(const void *arg)
{
	(void)arg;
	puts("usage: " NAME " [-hqrV] [-d digits] dir\n"
	     "Print the median over the rounds of each figure of a bench-suite run.\n\n"
	     "dir is the folder that bench-suite made. Options, with their defaults in\n"
	     "parentheses:\n"
	     "  -r         print the ratios of figures within the rounds instead: of each two\n"
	     "             configurations, and of each two operations of one\n"
	     "  -d digits  digits after the point, 0 to 17 (3; 4 of ratios)\n"
	     "  -q         no warning of a last line that is cut off\n"
	     "  -h, -V     help, version");
}

/* Sets r->dir, or leaves it NULL and returns the status to exit with. */
static int
parse(struct run *r, int argc, char **argv)
{
	static const struct opt opt = { .letters = "d:qr", .help = help, .trouble = 1 };
	int letter, status = 0;
	uint64_t digits;

	while ((letter = opt_next(&opt, argc, argv, &status)) != OPT_NONE) {
		switch (letter) {
		case 'd':
			if (!num_digits(optarg, strlen(optarg), &digits) || digits > DIGITS_MAX) {
				msg("-d: not a number from 0 to %d: %s", DIGITS_MAX, optarg);
				return 2;
			}
			r->digits = (int)digits;
			break;
		case 'q': r->quiet = true; break;
		case 'r': r->ratios = true; break;
		default: return status;
		}
	}
	if (argc - optind != 1 || !*argv[optind]) {
		msg("one folder is needed; see -h");
		return 2;
	}
	r->dir = argv[optind];
	return 0;
}

static int
run(struct run *r)
{
	int source;

	if (!(r->rows[SUITE] = r->rows[ISOLATION] = rows_new())
	    || !(r->rows[MEMORY] = rows_new())) {
		no_memory();
		return 1;
	}
	for (source = 0; source < SOURCES; source++)
		if (!read_file(r, (enum source)source))
			return 2;
	if (r->index[SUITE].n == 0) {
		msg("%s/%s: no rows", r->dir, file_name[SUITE]);
		return 2;
	}
	if (!read_configurations(r))
		return 2;
	if (!place_configurations(r) || !put_in_order(r)
	    || !(r->ratios ? print_ratios(r) : print_figures(r)))
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
	struct run r = { .digits = -1 };
	int status, source;
	size_t i;

	msg_program(argc > 0 ? argv[0] : NAME);
	status = parse(&r, argc, argv);
	if (!r.dir)
		return status;
	for (source = 0; source < SOURCES; source++) {
		r.index[source].size = sizeof(struct series);
		r.index[source].cells = source == MEMORY ? 1 : 1 + LINE_CELLS;
	}
	status = run(&r);
	for (source = 0; source < SOURCES; source++) {
		for (i = 0; i < r.index[source].n; i++)
			rounds_free(&((struct series *)r.index[source].group + i)->rounds);
		rows_index_free(&r.index[source]);
	}
	rounds_free(&r.all);
	free(r.configurations);
	free(r.labels.name);
	free(r.benches.name);
	free(r.series);
	free(r.rows[SUITE]);
	free(r.rows[MEMORY]);
	return status;
}
