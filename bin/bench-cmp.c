/* SPDX-License-Identifier: ISC */
/* bench-cmp: has anything become slower? Two files of summary rows, in which each
 * configuration was measured in several rounds; the round is the unit, because the
 * operations of one round share its server, its place on the processors and its moment, and
 * so say less than as many independent ones. For each configuration the ratio of medians
 * with an interval that assumes no distribution (stat.h), and a verdict. It cannot distinguish
 * a slower program from a slower machine: the rounds of the two files must have been measured
 * alternately. */
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
#include "stats/layout.h"
#include "stats/rows.h"
#include "stats/stat.h"
#include "stats/tsv.h"

#define ROUNDS_MAX 1000         /* a file's rounds of one configuration: all pairs are sorted */
#define LIMIT_MAX 1000          /* percent */
#define NAME "bench-cmp"

enum verdict { BETTER, WORSE, SAME, UNDECIDED, VERDICTS };

static const char *const verdict_name[] = { "better", "worse", "same", "undecided" };

struct sample {
	double *v;              /* owned; of the rounds that have a figure */
	size_t n, cap;
	size_t rounds;          /* all */
};

/* A configuration. */
struct pair {
	struct sample side[2];
	double median[2];       /* 0: there is none */
	double ratio, low, high;        /* 0: there is none */
	enum verdict verdict;
};

struct cmp {
	/* what the command line says */
	const char *metric;
	double limit;           /* as a factor: 1.05 */
	bool smaller_is_worse, tsv, header;
	const char *path[2];

	int side;               /* being read */
	int column;             /* of the metric in it */
	uint64_t errors[2];
	struct rows_index index;        /* of struct pair */

	struct {
		size_t m, n, k;
	} rank[2];              /* the last ones found: mostly all need the same */

	size_t *both;           /* configurations that both files have: their numbers; owned */
	size_t compared;        /* how many these are */
	size_t few;             /* of these with too few rounds for an interval */
	size_t strict;          /* and for the stricter one of a difference */
	size_t verdicts[VERDICTS];
};

/* ---- reading ---- */

static bool
no_memory(void)
{
	msg("%s", strerror(ENOMEM));
	return false;
}

static bool
add(struct sample *s, double v)
{
	double *p = array_room(s->v, &s->cap, s->n + 1, sizeof *p);

	if (!p)
		return no_memory();
	s->v = p;
	s->v[s->n++] = v;
	return true;
}

static struct pair *
nth_pair(const struct cmp *c, size_t number)
{
	return (struct pair *)c->index.group + number;
}

static bool
take_row(void *arg, struct rows *r)
{
	struct cmp *c = arg;
	struct table *t = &r->table;
	struct sample *s;
	struct pair *p;
	uint64_t errors;
	double v = 0;
	bool na;

	if (r->schema != TSV_SUMMARY)
		return table_bad(t, r->schema == TSV_RAW ? "us" : "count", "%s rows, not "
		    "summary rows: pass them through bench-stat | cut -f 1-24, round by round",
		    r->schema == TSV_RAW ? "raw" : "histogram");
	c->column = table_column(t, c->metric);
	if (!(p = rows_find(&c->index, r, NULL)) || !table_count(t, ROWS_ERRORS, &errors, NULL)
	    || !table_real(t, (size_t)c->column, &v, &na))
		return false;
	s = &p->side[c->side];
	c->errors[c->side] += errors;
	if (s->rounds++ == ROUNDS_MAX)
		return table_bad(t, t->name[0], "more than %d rounds of a configuration", ROUNDS_MAX);
	/* what failed as a whole has no time, and a rate of 0 that no ratio can be of */
	return na || v <= 0 || add(s, v);
}

static bool
read_side(struct cmp *c, int side)
{
	const struct rows_reader reader = { .row = take_row, .arg = c };
	struct rows *r = rows_new();
	bool good;

	c->side = side;
	if (!r)
		return no_memory();
	good = rows_read(r, c->path[side], &reader);
	free(r);
	return good;
}

/* ---- comparing ---- */

static size_t
rank(struct cmp *c, bool strict, size_t m, size_t n)
{
	double level = 1 - (1 - STAT_LEVEL) / (strict ? (double)c->compared : 1);

	if (m != c->rank[strict].m || n != c->rank[strict].n) {
		c->rank[strict].m = m;
		c->rank[strict].n = n;
		c->rank[strict].k = stat_ratio_rank(m, n, level);
	}
	return c->rank[strict].k;
}

/* The limits of the ratio, for this one or (strict) with a level for all configurations
 * together: false, there are none. The ratio of medians is within them: it need not be the
 * middle of all ratios, of which the limits are. */
static bool
limits(struct cmp *c, const struct pair *p, const double *ratios, bool strict, double *low,
    double *high)
{
	size_t m = p->side[0].n, n = p->side[1].n, k = rank(c, strict, m, n);

	if (k == 0)
		return false;
	*low = fmin(ratios[k - 1], p->ratio);
	*high = fmax(ratios[m * n - k], p->ratio);
	return true;
}

/* -1: the new one is surely below the limit, 1: above it, 0: neither. */
static int
beyond(const struct cmp *c, double low, double high)
{
	return low > c->limit ? 1 : high < 1 / c->limit ? -1 : 0;
}

static bool
compare(struct cmp *c, struct pair *p)
{
	size_t m = p->side[0].n, n = p->side[1].n;
	double *ratios, low, high;
	int sign, i;

	p->verdict = UNDECIDED;
	for (i = 0; i < 2; i++) {
		stat_sort(p->side[i].v, p->side[i].n);
		if (p->side[i].n > 0)
			p->median[i] = stat_median(p->side[i].v, p->side[i].n);
	}
	if (m == 0 || n == 0) {
		c->few++;
		c->verdicts[UNDECIDED]++;
		return true;
	}
	if (!(ratios = malloc(m * n * sizeof *ratios)))
		return no_memory();
	p->ratio = p->median[1] / p->median[0];
	stat_ratios(p->side[0].v, m, p->side[1].v, n, ratios);
	if (!limits(c, p, ratios, false, &p->low, &p->high))
		c->few++;
	else if (p->low >= 1 / c->limit && p->high <= c->limit)
		p->verdict = SAME;
	/* of many ratios some lie outside of their limits by chance: what is called a difference
	 * must hold on a level at which not even one of all is likely to (Bonferroni) */
	if (!limits(c, p, ratios, true, &low, &high))
		c->strict++;
	else if ((sign = beyond(c, low, high)) != 0)
		p->verdict = (sign > 0) == c->smaller_is_worse ? BETTER : WORSE;
	free(ratios);
	c->verdicts[p->verdict]++;
	return true;
}

static bool
in_both(const struct pair *p)
{
	return p->side[0].rounds > 0 && p->side[1].rounds > 0;
}

static const char *
cell(const struct cmp *c, size_t number, unsigned column)
{
	return rows_cell(&c->index, number, (enum rows_column)column);
}

/* What only one of the files has is reported, and counted. */
static bool
compare_all(struct cmp *c)
{
	size_t only[2] = { 0, 0 }, i;
	int side;

	if (!(c->both = calloc(c->index.n + 1, sizeof *c->both)))
		return no_memory();
	for (i = 0; i < c->index.n; i++) {
		if (in_both(nth_pair(c, i))) {
			c->both[c->compared++] = i;
			continue;
		}
		side = nth_pair(c, i)->side[1].rounds > 0;
		only[side]++;
		msg("only in %s: %s %s %s size %s chunk %s clients %s depth %s rate %s",
		    c->path[side], cell(c, i, ROWS_LABEL), cell(c, i, ROWS_BENCH),
		    cell(c, i, ROWS_OP), cell(c, i, ROWS_SIZE), cell(c, i, ROWS_CHUNK),
		    cell(c, i, ROWS_CLIENTS), cell(c, i, ROWS_DEPTH), cell(c, i, ROWS_RATE));
	}
	if (only[0] + only[1] > 0)
		msg("%zu only in %s, %zu only in %s, %zu in both", only[0], c->path[0], only[1],
		    c->path[1], c->compared);
	for (side = 0; side < 2; side++)
		if (c->errors[side] > 0)
			msg("warning: %s: %" PRIu64 " operations failed; they have no time",
			    c->path[side], c->errors[side]);
	for (i = 0; i < c->compared; i++)
		if (!compare(c, nth_pair(c, c->both[i])))
			return false;
	return true;
}

/* ---- what comes out ---- */

/* A number or, if it is not known, NA. */
static const char *
number(char text[LAYOUT_TEXT], int digits, double v)
{
	if (v <= 0)
		return "NA";
	snprintf(text, LAYOUT_TEXT, "%.*f", digits, v);
	return text;
}

static void
put(int digits, double v)
{
	char text[LAYOUT_TEXT];

	printf("\t%s", number(text, digits, v));
}

static void
print_tsv(const struct cmp *c)
{
	const char *const *name = tsv_columns(TSV_SUMMARY);
	int digits = c->smaller_is_worse ? 2 : 3;
	const struct pair *p;
	unsigned k;
	size_t i;

	for (k = 0; c->header && k < ROWS_KEY_CELLS; k++)
		printf("%s\t", name[k]);
	if (c->header)
		puts("metric\told\tnew\tratio\tlow\thigh\trounds_old\trounds_new\tverdict");
	for (i = 0; i < c->compared; i++) {
		p = nth_pair(c, c->both[i]);
		for (k = 0; k < ROWS_KEY_CELLS; k++)
			printf("%s\t", cell(c, c->both[i], k));
		fputs(c->metric, stdout);
		put(digits, p->median[0]);
		put(digits, p->median[1]);
		put(4, p->ratio);
		put(4, p->low);
		put(4, p->high);
		printf("\t%zu\t%zu\t%s\n", p->side[0].n, p->side[1].n, verdict_name[p->verdict]);
	}
}

/* The columns of the readable table: the first are those of the rows. */
enum { OLD = ROWS_KEY_CELLS, NEW, RATIO, INTERVAL, VERDICT, COLUMNS };

static const struct layout_column columns[COLUMNS] = {
	{ "label", NULL, true }, { "", NULL, true }, { "operation", NULL, true },
	{ "size", NULL, false }, { "chunk", NULL, false }, { "clients", NULL, false },
	{ "depth", NULL, false }, { "rate", NULL, false }, { "old", NULL, false },
	{ "new", NULL, false }, { "ratio", NULL, false }, { "95 % interval", NULL, false },
	{ "verdict", NULL, true }
};

static const char *
table_cell(const void *arg, size_t row, unsigned column, char text[LAYOUT_TEXT])
{
	const struct cmp *c = arg;
	const struct pair *p = nth_pair(c, c->both[row]);
	double scale = c->smaller_is_worse ? 1000 : 1;
	const char *s;

	switch (column) {
	case OLD:
	case NEW:
		return number(text, 1, p->median[column - OLD] / scale);
	case RATIO:
		return number(text, 3, p->ratio);
	case INTERVAL:
		if (p->low <= 0)
			return "NA";
		snprintf(text, LAYOUT_TEXT, "%.3f - %.3f", p->low, p->high);
		return text;
	case VERDICT:
		return verdict_name[p->verdict];
	}
	s = cell(c, c->both[row], column);
	if (column == ROWS_BENCH && strncmp(s, "bench-", 6) == 0 && s[6])
		return s + 6;
	return column == ROWS_SIZE || column == ROWS_CHUNK ? layout_size(text, s) : s;
}

/* From chunk to rate, columns are only there if something differs in them alone. */
static void
print_table(const struct cmp *c)
{
	const struct layout l = { c->compared, columns, table_cell, c };
	unsigned shown[COLUMNS], n = 0, k;

	for (k = 0; k < COLUMNS; k++)
		if (k <= ROWS_SIZE || k >= OLD || layout_differs(&l, k, ROWS_SIZE + 1))
			shown[n++] = k;
	layout_print(stdout, &l, shown, n, c->header);
	if (c->header)
		printf("\n%s%s: medians over rounds. Limit %g %%: %zu worse, %zu better, %zu same, "
		    "%zu undecided.\n", c->metric, c->smaller_is_worse ? " / 1000" : "",
		    (c->limit - 1) * 100, c->verdicts[WORSE], c->verdicts[BETTER],
		    c->verdicts[SAME], c->verdicts[UNDECIDED]);
}

/* How many rounds of each would do. */
static size_t
enough(double level)
{
	size_t n = 1;

	while (n < ROUNDS_MAX && stat_ratio_rank(n, n, level) == 0)
		n++;
	return n;
}

/* What to doubt, and the exit status. */
static int
conclude(const struct cmp *c)
{
	double strict = 1 - (1 - STAT_LEVEL) / (double)c->compared;

	if (c->few > 0)
		msg("warning: %zu of %zu have too few rounds for an interval, which takes %zu in "
		    "each file", c->few, c->compared, enough(STAT_LEVEL));
	else if (c->strict > 0)
		msg("warning: %zu of %zu have too few rounds to be called better or worse: with this "
		    "many comparisons it takes %zu in each file", c->strict, c->compared, enough(strict));
	if (c->verdicts[WORSE] > 0)
		return 1;
	if (c->verdicts[UNDECIDED] < c->compared)
		return 0;
	msg("nothing could be decided: measure more rounds%s",
	    c->few < c->compared ? ", or set a wider limit (-l)" : "");
	return 2;
}

/* ---- the command line ---- */

static void
help(const void *arg)
{
	(void)arg;
	puts("usage: " NAME " [-hHTV] [-l limit%] [-m column] old.tsv new.tsv\n"
	    "Find what has become slower or faster: ratios of medians, with intervals.\n\n"
	    "The files hold summary rows of several rounds, as bench-suite -r writes them;\n"
	    "\"-\": standard input. Options, with their defaults in parentheses:\n"
	    "  -l limit%   treat changes smaller than this as none (5%)\n"
	    "  -m column   the figure to compare: a time (*_us) or a rate (p50_us)\n"
	    "  -T          print TSV instead of a readable table\n"
	    "  -H          no header line, and no summary below the table\n"
	    "  -h, -V      help, version\n"
	    "Exit status: 0 nothing got worse by more than the limit, 1 something did,\n"
	    "2 error or too little data.");
}

static bool
set_limit(struct cmp *c, const char *text)
{
	char copy[32];
	const char *why;
	uint64_t v = 0;
	size_t n = strlen(text);

	if (n > 0 && text[n - 1] == '%')
		n--;
	if (n >= sizeof copy)
		why = "too large";
	else {
		memcpy(copy, text, n);
		copy[n] = '\0';
		why = num_secs(copy, true, LIMIT_MAX, &v) ? "not a percentage of 0 to 1000" : NULL;
	}
	if (why)
		msg("-l: %s: %s", why, text);
	c->limit = 1 + (double)v / 1e9 / 100;
	return !why;
}

/* Times and rates; other columns are not better or worse. */
static bool
set_metric(struct cmp *c, const char *text)
{
	const char *const *name = tsv_columns(TSV_SUMMARY) + ROWS_ELAPSED + 1;
	size_t n = strlen(text);

	c->metric = text;
	c->smaller_is_worse = n > 6 && strcmp(text + n - 6, "_per_s") == 0;
	for (; *name; name++)
		if (strcmp(*name, text) == 0 && strcmp(text, "busy") != 0)
			return true;
	msg("-m: not a time or rate of summary rows: %s", text);
	return false;
}

/* Returns -1, or the status to exit with. */
static int
parse(struct cmp *c, int argc, char **argv)
{
	static const struct opt opt = { .letters = "Hl:m:T", .help = help, .trouble = 2 };
	int letter, status = 0;

	while ((letter = opt_next(&opt, argc, argv, &status)) != OPT_NONE) {
		switch (letter) {
		case 'H':
			c->header = false;
			break;
		case 'T':
			c->tsv = true;
			break;
		case 'l':
			if (!set_limit(c, optarg))
				return 2;
			break;
		case 'm':
			if (!set_metric(c, optarg))
				return 2;
			break;
		default:
			return status;
		}
	}
	if (argc - optind != 2) {
		msg("two files are needed, not %d: old.tsv new.tsv", argc - optind);
		return 2;
	}
	c->path[0] = argv[optind];
	c->path[1] = argv[optind + 1];
	if (strcmp(c->path[0], "-") == 0 && strcmp(c->path[1], "-") == 0) {
		msg("only one of the files can be standard input");
		return 2;
	}
	return -1;
}

static int
run(struct cmp *c)
{
	int status;

	if (!read_side(c, 0) || !read_side(c, 1) || !compare_all(c))
		return 2;
	if (c->compared == 0) {
		msg("the files have no configuration in common");
		return 2;
	}
	if (c->tsv)
		print_tsv(c);
	else
		print_table(c);
	status = conclude(c);
	if (std_close(stdout) != 0) {
		msg("stdout: %s", strerror(errno));
		return 2;
	}
	return status;
}

int
main(int argc, char **argv)
{
	struct cmp c = {
		.metric = "p50_us", .limit = 1.05, .header = true, .index.size = sizeof(struct pair)
	};
	int status;
	size_t i;

	msg_program(argc > 0 ? argv[0] : NAME);
	if ((status = parse(&c, argc, argv)) >= 0)
		return status;
	status = run(&c);
	for (i = 0; i < c.index.n; i++) {
		free(nth_pair(&c, i)->side[0].v);
		free(nth_pair(&c, i)->side[1].v);
	}
	free(c.both);
	rows_index_free(&c.index);
	return status;
}
