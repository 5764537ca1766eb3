/* SPDX-License-Identifier: ISC */
/* bench-cmp: which is slower? Of one file, each label against the first, paired by the rounds in
 * which they were measured in turn (paired.h). Of two files, each configuration before and after,
 * with an interval that assumes no distribution (stat.h); that can't distinguish a slower program
 * from a slower machine unless the two files were measured alternately. The unit is the pass, in
 * which everything was new: what was measured within one shares its server, its place on the
 * processors and its moment, and so says less than as many independent ones. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/std.h"
#include "stats/layout.h"
#include "stats/rows.h"
#include "stats/runs.h"
#include "stats/stat.h"
#include "stats/tsv.h"
#include "stats/verdict.h"

#define UNITS_MAX 1000  /* of a configuration in two files: all pairs are sorted */
#define LIMIT_MAX 1000  /* percent */
#define LABELS_TEXT 120 /* of labels in a message */
#define NAME "bench-cmp"

enum { EXIT_WORSE = 1, EXIT_TROUBLE, EXIT_UNDECIDED };

/* A configuration. Of one file there is one side. */
struct config {
	const char *metric;
	struct rounds side[2];
	uint64_t errors;

	size_t base;      /* of one file: what it is compared with */
	size_t units[2];  /* passes that have a figure or, of a single one, rounds */
	double median[2]; /* over these; of one file: of the base, and its own. 0: none */
	struct finding found;
};

struct cmp {
	/* what the command line says */
	const char *metric; /* NULL: of one file, the usual one of each row */
	bool answers;       /* it is one of bench-cap's: what a probe knows so far is no figure */
	double limit;       /* as a factor: 1.05 */
	const char *base;   /* label; NULL: that of the first row */
	bool tsv, header;
	const char *path[2]; /* NULL: there is only one file */

	int side; /* being read */
	struct runs runs;
	uint64_t errors[2];
	struct rows_index index; /* of struct config */

	struct {
		size_t m, n, k;
	} rank[2]; /* the last ones found: mostly all need the same */

	size_t *list;    /* their numbers; owned */
	size_t compared; /* what both files have; of one file, all that have a base */
	size_t few;      /* of these with too few passes for an interval */
	size_t strict;   /* and for the stricter one of a difference */
	size_t single;   /* of these with a single pass */
	size_t enough;   /* passes that would decide all but what takes far too many */
	size_t verdicts[VERDICTS];
};

/* ---- reading ---- */

static bool
no_memory(void)
{
	msg("%s", strerror(ENOMEM));
	return false;
}

static struct config *
nth(const struct cmp *c, size_t number)
{
	return (struct config *)c->index.group + number;
}

static const char *
cell(const struct cmp *c, size_t number, unsigned column)
{
	return rows_cell(&c->index, number, (enum rows_column)column);
}

static bool
take_row(void *arg, struct rows *r)
{
	struct cmp *c = arg;
	struct table *t = &r->table;
	struct config *g;
	uint64_t errors;
	double v = 0, *p;
	bool na;

	if (r->schema != TSV_SUMMARY)
		return table_bad(t, r->schema == TSV_RAW ? "us" : "count",
		    "%s rows, not "
		    "summary rows: pass them through bench-stat, round by round",
		    r->schema == TSV_RAW ? "raw" : "histogram");
	if (c->answers && strcmp(t->cell[ROWS_OP], "capacity") != 0)
		return true;
	if (!(g = rows_find(&c->index, r, NULL)))
		return false;
	g->metric = c->metric ? c->metric : rows_metric(r);
	g->side[c->side].figures = 1;
	if (!table_count(t, ROWS_ERRORS, &errors, NULL)
	    || !table_real(t, (size_t)table_column(t, g->metric), &v, &na))
		return false;
	if (!(p = runs_add(&c->runs, (size_t)(g - nth(c, 0)), r->when, r->headed)))
		return no_memory();
	g->errors += errors;
	c->errors[c->side] += errors;
	/* what failed as a whole has no time, and a rate of 0 that no ratio can be of */
	if (!na && v > 0 && !(c->answers && rows_is_bound(r)))
		*p = v;
	return true;
}

static bool
read_side(struct cmp *c, int side)
{
	const struct rows_reader reader = { .row = take_row, .arg = c };
	struct rows *r = rows_new();
	bool good;

	c->side = side;
	c->runs = (struct runs){ .index = &c->index,
		.offset = offsetof(struct config, side) + (size_t)side * sizeof(struct rounds) };
	if (!r)
		return no_memory();
	good = rows_read(r, c->path[side], &reader);
	runs_free(&c->runs);
	free(r);
	return good;
}

/* ---- what is to be compared ---- */

/* The labels of a side, with commas, as far as there is room. */
static void
labels(const struct cmp *c, int side, char text[LABELS_TEXT])
{
	const char *label;
	size_t i, j, n = 0, k;

	text[0] = '\0';
	for (i = 0; i < c->index.n; i++) {
		label = cell(c, i, ROWS_LABEL);
		if (nth(c, i)->side[side].n == 0)
			continue;
		for (j = 0; j < i; j++)
			if (nth(c, j)->side[side].n > 0
			    && strcmp(cell(c, j, ROWS_LABEL), label) == 0)
				break;
		if (j < i)
			continue;
		k = (size_t)snprintf(text + n, LABELS_TEXT - n, "%s%s", n ? ", " : "", label);
		if (n + k >= LABELS_TEXT) {
			strcpy(text + (n < LABELS_TEXT - 6 ? n : LABELS_TEXT - 6), ", ...");
			return;
		}
		n += k;
	}
}

static void
report_only(const struct cmp *c, const char *in, const char *name, size_t i)
{
	msg("only %s %s: %s %s %s size %s chunk %s clients %s depth %s rate %s", in, name,
	    cell(c, i, ROWS_LABEL), cell(c, i, ROWS_BENCH), cell(c, i, ROWS_OP),
	    cell(c, i, ROWS_SIZE), cell(c, i, ROWS_CHUNK), cell(c, i, ROWS_CLIENTS),
	    cell(c, i, ROWS_DEPTH), cell(c, i, ROWS_RATE));
}

/* What only one of the files has is reported, and counted. */
static bool
match_files(struct cmp *c)
{
	char old[LABELS_TEXT], new[LABELS_TEXT];
	size_t only[2] = { 0, 0 }, i;
	int side;

	for (i = 0; i < c->index.n; i++) {
		if (nth(c, i)->side[0].n > 0 && nth(c, i)->side[1].n > 0) {
			c->list[c->compared++] = i;
			continue;
		}
		side = nth(c, i)->side[1].n > 0;
		only[side]++;
		report_only(c, "in", c->path[side], i);
	}
	if (only[0] + only[1] > 0)
		msg("%zu only in %s, %zu only in %s, %zu in both", only[0], c->path[0], only[1],
		    c->path[1], c->compared);
	if (c->compared > 0)
		return true;
	labels(c, 0, old);
	labels(c, 1, new);
	msg("the files have no configuration in common; labels are %s in %s, %s in %s: -l of "
	    "servers and benchmarks sets them",
	    old, c->path[0], new, c->path[1]);
	return false;
}

/* Those of the base. */
static size_t
of_base(const struct cmp *c)
{
	size_t n = 0, i;

	for (i = 0; i < c->index.n; i++)
		n += strcmp(cell(c, i, ROWS_LABEL), c->base) == 0;
	return n;
}

/* Each label's configurations, and those of the base they are compared with. */
static bool
match_labels(struct cmp *c)
{
	char all[LABELS_TEXT];
	size_t bases, i, at;

	labels(c, 0, all);
	if (!c->base)
		c->base = cell(c, 0, ROWS_LABEL);
	if ((bases = of_base(c)) == 0) {
		msg("-b: no such label: %s; there are %s", c->base, all);
		return false;
	}
	for (i = 0; i < c->index.n; i++) {
		if (strcmp(cell(c, i, ROWS_LABEL), c->base) == 0)
			continue;
		if ((at = rows_other(&c->index, i, c->base)) == c->index.n) {
			report_only(c, "of", cell(c, i, ROWS_LABEL), i);
			continue;
		}
		nth(c, i)->base = at;
		c->list[c->compared++] = i;
	}
	if (bases == c->index.n)
		msg("there is only one label, %s: what is to be compared needs one each, which -l "
		    "of servers and benchmarks sets",
		    c->base);
	else if (c->compared == 0)
		msg("no label has a configuration that %s has; labels are %s: -l of servers and "
		    "benchmarks sets them",
		    c->base, all);
	return c->compared > 0;
}

/* ---- two files ---- */

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
limits(struct cmp *c, const struct config *g, const double *ratios, bool strict, double *low,
    double *high)
{
	size_t m = g->units[0], n = g->units[1], k = rank(c, strict, m, n);

	if (k == 0)
		return false;
	*low = fmin(ratios[k - 1], g->found.ratio);
	*high = fmax(ratios[m * n - k], g->found.ratio);
	return true;
}

static bool
compare_units(struct cmp *c, struct config *g, const double *a, const double *b)
{
	struct finding *f = &g->found;
	size_t m = g->units[0], n = g->units[1];
	double *ratios;

	if (m == 0 || n == 0) {
		c->few++;
		return true;
	}
	if (!(ratios = malloc(m * n * sizeof *ratios)))
		return no_memory();
	f->ratio = g->median[1] / g->median[0];
	stat_ratios(a, m, b, n, ratios);
	if (!limits(c, g, ratios, false, &f->low, &f->high))
		c->few++;
	/* of many ratios some lie outside of their limits by chance: what is called a difference
	 * must hold on a level at which not even one of all is likely to (Bonferroni) */
	if (!limits(c, g, ratios, true, &f->strict_low, &f->strict_high))
		c->strict++;
	free(ratios);
	return true;
}

static bool
in_one_pass(const struct rounds *r)
{
	return r->passes == 1 && r->n > 1;
}

static bool
compare_sides(struct cmp *c, size_t i)
{
	struct config *g = nth(c, i);
	struct verdict_rules rules = { c->limit, c->compared, rows_is_rate(g->metric) };
	double *v[2] = { NULL, NULL };
	bool good = true;
	int k;

	g->found.verdict = UNDECIDED;
	for (k = 0; k < 2 && good; k++) {
		if (!(good = rounds_units(&g->side[k], 0, &v[k], &g->units[k])))
			no_memory();
		else if (g->units[k] > UNITS_MAX) {
			msg("%s: %s: more than %d passes or rounds", c->path[k],
			    cell(c, i, ROWS_LABEL), UNITS_MAX);
			good = false;
		}
		if (good && g->units[k] > 0) {
			stat_sort(v[k], g->units[k]);
			g->median[k] = stat_median(v[k], g->units[k]);
		}
	}
	if (good)
		good = compare_units(c, g, v[0], v[1]);
	if (in_one_pass(&g->side[0]) || in_one_pass(&g->side[1]))
		c->single++;
	else
		verdict_set(&g->found, &rules);
	free(v[0]);
	free(v[1]);
	return good;
}

/* ---- one file ---- */

static bool
compare_labels(struct cmp *c, size_t i)
{
	struct config *g = nth(c, i), *base = nth(c, g->base);
	struct stat_median m[2];
	int k;

	if (!rounds_median(&base->side[0], 0, &m[0]) || !rounds_median(&g->side[0], 0, &m[1])
	    || !verdict_estimate(&g->found, &base->side[0], &g->side[0]))
		return no_memory();
	for (k = 0; k < 2; k++)
		g->median[k] = m[k].n > 0 ? m[k].median : 0;
	c->single += g->found.passes == 1;
	c->few += !verdict_possible(&g->found);
	return true;
}

/* What can't be decided takes nothing from the level of the others. */
static void
decide(struct cmp *c, struct config *g)
{
	struct verdict_rules rules = { c->limit,
		c->compared - (verdict_possible(&g->found) ? c->few : 0), rows_is_rate(g->metric) };

	if (!c->path[1])
		verdict_decide(&g->found, &rules);
	if (verdict_possible(&g->found) && g->found.enough > c->enough)
		c->enough = g->found.enough;
	c->verdicts[g->found.verdict]++;
}

static bool
compare_all(struct cmp *c)
{
	size_t i;

	for (i = 0; i < c->compared; i++)
		if (!(c->path[1] ? compare_sides : compare_labels)(c, c->list[i]))
			return false;
	for (i = 0; i < c->compared; i++)
		decide(c, nth(c, c->list[i]));
	return true;
}

static void
report_errors(const struct cmp *c)
{
	size_t i, j;
	uint64_t n;
	int side;

	for (side = 0; c->path[1] && side < 2; side++)
		if (c->errors[side] > 0)
			msg("warning: %s: %" PRIu64 " operations failed; they have no time",
			    c->path[side], c->errors[side]);
	for (i = 0; !c->path[1] && i < c->index.n; i++) {
		for (j = n = 0; j < c->index.n; j++) {
			if (strcmp(cell(c, i, ROWS_LABEL), cell(c, j, ROWS_LABEL)) != 0)
				continue;
			if (j < i)
				break;
			n += nth(c, j)->errors;
		}
		if (j == c->index.n && n > 0)
			msg("warning: %s: %" PRIu64 " operations failed; they have no time",
			    cell(c, i, ROWS_LABEL), n);
	}
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

/* What the larger or smaller ratio is called. */
static const char *
direction(const struct config *g, bool larger)
{
	if (strcmp(g->metric, "cpu_us") == 0)
		return larger ? "more" : "less";
	return larger == rows_is_rate(g->metric) ? "faster" : "slower";
}

static void
put_counts(const struct cmp *c, const struct config *g)
{
	const struct finding *f = &g->found;

	if (c->path[1]) {
		printf("\t%zu\t%zu", g->units[0], g->units[1]);
		return;
	}
	printf("\t%zu\t%zu", f->pairs, f->passes);
	put(0, (double)f->enough);
	printf("\t%s", f->direction ? direction(g, f->direction > 0) : "NA");
}

static void
print_tsv(const struct cmp *c)
{
	const char *const *name = tsv_columns(TSV_SUMMARY);
	const struct config *g;
	unsigned k;
	size_t i;
	int digits;

	for (k = 0; c->header && k < ROWS_KEY_CELLS; k++)
		printf("%s\t", name[k]);
	if (c->header)
		puts(c->path[1]
			? "metric\told\tnew\tratio\tlow\thigh\trounds_old\trounds_new\tverdict"
			: "metric\tbase\tbase_median\tmedian\tratio\tlow\thigh\tpairs\tpasses\t"
			  "enough_passes\tdirection\tverdict");
	for (i = 0; i < c->compared; i++) {
		g = nth(c, c->list[i]);
		digits = rows_is_rate(g->metric) ? 2 : 3;
		for (k = 0; k < ROWS_KEY_CELLS; k++)
			printf("%s\t", cell(c, c->list[i], k));
		fputs(g->metric, stdout);
		if (!c->path[1])
			printf("\t%s", c->base);
		put(digits, g->median[0]);
		put(digits, g->median[1]);
		put(4, g->found.ratio);
		put(4, g->found.low);
		put(4, g->found.high);
		put_counts(c, g);
		printf("\t%s\n", verdict_name[g->found.verdict]);
	}
}

static const char *
short_bench(const char *s)
{
	return strncmp(s, "bench-", 6) == 0 && s[6] ? s + 6 : s;
}

/* The columns of the readable table of two files: the first are those of the rows. */
enum { OLD = ROWS_KEY_CELLS, NEW, RATIO, INTERVAL, VERDICT, COLUMNS };

/* clang-format off */
static const struct layout_column columns[COLUMNS] = {
	{ "label", NULL, true }, { "", NULL, true }, { "operation", NULL, true },
	{ "size", NULL, false }, { "chunk", NULL, false }, { "clients", NULL, false },
	{ "depth", NULL, false }, { "rate", NULL, false }, { "old", NULL, false },
	{ "new", NULL, false }, { "ratio", NULL, false }, { "95 % interval", NULL, false },
	{ "verdict", NULL, true }
};
/* clang-format on */

static const char *
table_cell(const void *arg, size_t row, unsigned column, char text[LAYOUT_TEXT])
{
	const struct cmp *c = arg;
	const struct config *g = nth(c, c->list[row]);
	const struct finding *f = &g->found;
	const char *s;

	switch (column) {
	case OLD:
	case NEW:
		return number(text, 1,
		    g->median[column - OLD] / (rows_is_rate(g->metric) ? 1000 : 1));
	case RATIO: return number(text, 3, f->ratio);
	case INTERVAL:
		if (f->low <= 0)
			return "NA";
		snprintf(text, LAYOUT_TEXT, "%.3f - %.3f", f->low, f->high);
		return text;
	case VERDICT: return verdict_name[f->verdict];
	}
	s = cell(c, c->list[row], column);
	if (column == ROWS_BENCH)
		return short_bench(s);
	return column == ROWS_SIZE || column == ROWS_CHUNK ? layout_size(text, s) : s;
}

static void
put_verdicts(const struct cmp *c)
{
	printf("Limit %g %%: %zu worse, %zu better, %zu same, %zu undecided.\n",
	    (c->limit - 1) * 100, c->verdicts[WORSE], c->verdicts[BETTER], c->verdicts[SAME],
	    c->verdicts[UNDECIDED]);
}

/* From chunk to rate, columns are only there if something differs in them alone. */
static void
print_files(const struct cmp *c)
{
	const struct layout l = { c->compared, columns, table_cell, c };
	unsigned shown[COLUMNS], n = 0, k;

	for (k = 0; k < COLUMNS; k++)
		if (k <= ROWS_SIZE || k >= OLD || layout_differs(&l, k, ROWS_SIZE + 1))
			shown[n++] = k;
	layout_print(stdout, &l, shown, n, c->header);
	if (c->header) {
		printf("\n%s%s: medians over passes. ", c->metric,
		    rows_is_rate(c->metric) ? " / 1000" : "");
		put_verdicts(c);
	}
}

/* In a unit of its own. */
static const char *
figure_text(char text[LAYOUT_TEXT], const char *metric, double v)
{
	enum layout_units units = !rows_is_rate(metric) ? LAYOUT_TIME
	    : *metric == 'b'                            ? LAYOUT_TRANSFER
							: LAYOUT_REQUESTS;
	struct layout_scale scale = layout_scale(units, v, v);

	if (v <= 0)
		return "NA";
	snprintf(text, LAYOUT_TEXT, "%.*f %s", scale.digits + (units != LAYOUT_REQUESTS),
	    v / scale.factor, scale.unit);
	return text;
}

/* What was found and, if nothing was, what would show it. */
static void
put_finding(const struct cmp *c, const struct config *g)
{
	const struct finding *f = &g->found;
	bool larger = f->ratio > 1, told = f->direction != 0 && f->verdict != SAME;
	double limit = (c->limit - 1) * 100;
	char range[LAYOUT_TEXT];

	if (f->low <= 0) {
		printf("no interval from %zu pair%s", f->pairs, f->pairs == 1 ? "" : "s");
		return;
	}
	if (told && f->low >= 3)
		snprintf(range, sizeof range, "a factor of %.1f to %.1f", f->low, f->high);
	else if (told)
		layout_range(range, larger ? f->low - 1 : 1 - f->high,
		    larger ? f->high - 1 : 1 - f->low, false);
	else
		layout_range(range, f->low - 1, f->high - 1, true);
	if (f->passes < VERDICT_PASSES)
		printf("%s: %zu pass%s, no verdict", range, f->passes, f->passes == 1 ? "" : "es");
	else if (f->verdict == SAME)
		printf("same within %g %%: %s", limit, range);
	else if (told && f->verdict == UNDECIDED)
		printf("%s by %s, not surely by %g %%", direction(g, larger), range, limit);
	else if (told)
		printf("%s by %s", direction(g, larger), range);
	else if (f->enough > 0)
		printf("undecided: %s; try %zu passes", range, f->enough);
	else
		printf("undecided: %s", range);
}

/* The configuration without its label. */
static void
put_heading(const struct cmp *c, size_t i)
{
	char text[LAYOUT_TEXT];

	printf("%s %s", short_bench(cell(c, i, ROWS_BENCH)), cell(c, i, ROWS_OP));
	if (strcmp(cell(c, i, ROWS_SIZE), "0") != 0)
		printf(" %s", layout_size(text, cell(c, i, ROWS_SIZE)));
	if (strcmp(cell(c, i, ROWS_CHUNK), "0") != 0)
		printf(", chunk %s", layout_size(text, cell(c, i, ROWS_CHUNK)));
	if (strcmp(cell(c, i, ROWS_CLIENTS), "1") != 0)
		printf(", clients %s", cell(c, i, ROWS_CLIENTS));
	if (strcmp(cell(c, i, ROWS_DEPTH), "1") != 0)
		printf(", depth %s", cell(c, i, ROWS_DEPTH));
	if (strcmp(cell(c, i, ROWS_RATE), "0.00") != 0)
		printf(", rate %s", cell(c, i, ROWS_RATE));
	printf(": %s\n", nth(c, i)->metric);
}

/* A block for each configuration: the base, and the others below it. */
static void
print_labels(const struct cmp *c)
{
	const struct config *g;
	char text[LAYOUT_TEXT];
	int width = 0, n;
	size_t i, k, base;

	for (i = 0; i < c->index.n; i++)
		if ((n = (int)strlen(cell(c, i, ROWS_LABEL))) > width)
			width = n;
	for (base = 0; base < c->index.n; base++) {
		for (k = n = 0; k < c->compared; k++) {
			g = nth(c, c->list[k]);
			if (g->base != base)
				continue;
			if (n++ == 0) {
				put_heading(c, base);
				printf("  %-*s %12s\n", width, c->base,
				    figure_text(text, g->metric, g->median[0]));
			}
			printf("  %-*s %12s", width, cell(c, c->list[k], ROWS_LABEL),
			    figure_text(text, g->metric, g->median[1]));
			printf("  %6s  ", number(text, 3, g->found.ratio));
			put_finding(c, g);
			putchar('\n');
		}
	}
	if (c->header) {
		printf("\nRatios to %s, with 95 %% intervals over passes.\n", c->base);
		put_verdicts(c);
	}
}

/* How many passes of each would do. */
static size_t
enough(double level)
{
	size_t n = 1;

	while (n < UNITS_MAX && stat_ratio_rank(n, n, level) == 0)
		n++;
	return n;
}

static void
doubt_files(const struct cmp *c)
{
	double strict = 1 - (1 - STAT_LEVEL) / (double)c->compared;

	if (c->few > 0)
		msg("warning: %zu of %zu have too few passes for an interval, which takes %zu in "
		    "each file",
		    c->few, c->compared, enough(STAT_LEVEL));
	else if (c->strict > 0)
		msg("warning: %zu of %zu have too few passes to be called better or worse: with "
		    "this many comparisons it takes %zu in each file",
		    c->strict, c->compared, enough(strict));
	if (c->verdicts[UNDECIDED] == c->compared)
		msg("nothing could be decided: measure more passes%s",
		    c->few < c->compared ? ", or set a wider limit (-l)" : "");
}

static void
doubt_labels(const struct cmp *c)
{
	size_t open = c->verdicts[UNDECIDED] - c->few;

	if (c->few > c->single)
		msg("warning: %zu of %zu have too few passes for a verdict, which takes %d",
		    c->few - c->single, c->compared, VERDICT_PASSES);
	if (open > 0 && c->enough > 0)
		msg("%zu of %zu undecided: about %zu passes would tell, or another limit (-l)",
		    open, c->compared, c->enough);
	else if (open > 0)
		msg("%zu of %zu undecided: too near the limit; set another -l", open, c->compared);
}

/* What to doubt, and the exit status. */
static int
conclude(const struct cmp *c)
{
	size_t undecided = c->verdicts[UNDECIDED];

	if (c->single > 0)
		msg("warning: %zu of %zu were measured in a single pass: an interval over its "
		    "rounds is too narrow for a verdict; bench-turns makes several passes",
		    c->single, c->compared);
	(c->path[1] ? doubt_files : doubt_labels)(c);
	if (c->verdicts[WORSE] > 0)
		return EXIT_WORSE;
	/* of two files mostly some are */
	return undecided == c->compared || (!c->path[1] && undecided > 0) ? EXIT_UNDECIDED : 0;
}

/* ---- the command line ---- */

static void
help(const void *arg)
{
	(void)arg;
	puts("usage: " NAME " [-hHTV] [-b label] [-l limit%] [-m column] [file]\n"
	     "       " NAME " [-hHTV] [-l limit%] [-m column] old.tsv new.tsv\n"
	     "Find what is slower or faster: ratios, with 95 % intervals and verdicts.\n\n"
	     "The files hold summary rows; \"-\" or none: standard input. Of one file each label\n"
	     "is compared with the first, paired by the rounds in which both were measured\n"
	     "(bench-turns makes such files). Of two, each configuration with itself. Options,\n"
	     "with their defaults in parentheses:\n"
	     "  -b label    compare with this label (that of the first row)\n"
	     "  -l limit%   treat differences smaller than this as none (1%; of two files 5%)\n"
	     "  -m column   p50_us, p99_us, ops_per_s: the figure, or another time or rate\n"
	     "              (p50_us; of one file, ops_per_s where several clients share a row)\n"
	     "  -T          print TSV instead of a readable table\n"
	     "  -H          no header line, and no summary below the table\n"
	     "  -h, -V      help, version\n"
	     "Exit status: 0 nothing is worse by more than the limit, 1 something is,\n"
	     "2 error, 3 undecided: something of one file, or all of two.");
}

static bool
set_limit(struct cmp *c, const char *text)
{
	double share = 0;
	const char *why = num_percent(text, true, LIMIT_MAX, &share);

	if (why)
		msg("-l: %s: %s", why, text);
	c->limit = 1 + share;
	return !why;
}

/* Times and rates; other columns are not better or worse. */
static bool
set_metric(struct cmp *c, const char *text)
{
	const char *const *name = tsv_columns(TSV_SUMMARY) + ROWS_ELAPSED + 1;

	c->metric = text;
	if ((c->answers = strcmp(text, "holds_per_s") == 0 || strcmp(text, "fails_per_s") == 0))
		return true;
	for (; strcmp(*name, "busy") != 0; name++)
		if (strcmp(*name, text) == 0)
			return true;
	msg("-m: not a time or rate of summary rows: %s", text);
	return false;
}

/* One file, or two. */
static bool
set_paths(struct cmp *c, int n, char **path)
{
	static const char in[] = "-";

	if (n > 2) {
		msg("one file is needed, or two (old.tsv new.tsv), not %d", n);
		return false;
	}
	c->path[0] = n > 0 ? path[0] : in;
	c->path[1] = n > 1 ? path[1] : NULL;
	if (n == 2 && strcmp(path[0], in) == 0 && strcmp(path[1], in) == 0) {
		msg("only one of the files can be standard input");
		return false;
	}
	if (n == 2 && c->base) {
		msg("-b: of two files, each configuration is compared with itself");
		return false;
	}
	if (c->limit < 1)
		c->limit = n == 2 ? 1.05 : 1.01;
	if (n == 2 && !c->metric)
		c->metric = "p50_us";
	return true;
}

/* Returns -1, or the status to exit with. */
static int
parse(struct cmp *c, int argc, char **argv)
{
	static const struct opt opt = { .letters = "Hb:l:m:T",
		.help = help,
		.trouble = EXIT_TROUBLE };
	int letter, status = 0;

	while ((letter = opt_next(&opt, argc, argv, &status)) != OPT_NONE) {
		switch (letter) {
		case 'H': c->header = false; break;
		case 'T': c->tsv = true; break;
		case 'b': c->base = optarg; break;
		case 'l':
			if (!set_limit(c, optarg))
				return EXIT_TROUBLE;
			break;
		case 'm':
			if (!set_metric(c, optarg))
				return EXIT_TROUBLE;
			break;
		default: return status;
		}
	}
	return set_paths(c, argc - optind, argv + optind) ? -1 : EXIT_TROUBLE;
}

static int
run(struct cmp *c)
{
	int status;

	if (!read_side(c, 0) || (c->path[1] && !read_side(c, 1)))
		return EXIT_TROUBLE;
	if (c->index.n == 0) {
		if (c->answers)
			msg("-m: no answer of bench-cap (operation capacity) has %s", c->metric);
		else
			msg("no row but those of intervals (-i)");
		return EXIT_TROUBLE;
	}
	if (!(c->list = calloc(c->index.n + 1, sizeof *c->list))) {
		no_memory();
		return EXIT_TROUBLE;
	}
	if (!(c->path[1] ? match_files : match_labels)(c))
		return EXIT_TROUBLE;
	report_errors(c);
	if (!compare_all(c))
		return EXIT_TROUBLE;
	(c->tsv ? print_tsv : c->path[1] ? print_files : print_labels)(c);
	status = conclude(c);
	if (std_close(stdout) != 0) {
		msg("stdout: %s", strerror(errno));
		return EXIT_TROUBLE;
	}
	return status;
}

int
main(int argc, char **argv)
{
	struct cmp c = { .header = true, .index.size = sizeof(struct config) };
	int status;
	size_t i;

	msg_program(argc > 0 ? argv[0] : NAME);
	if ((status = parse(&c, argc, argv)) >= 0)
		return status;
	status = run(&c);
	for (i = 0; i < c.index.n; i++) {
		rounds_free(&nth(&c, i)->side[0]);
		rounds_free(&nth(&c, i)->side[1]);
	}
	rows_index_free(&c.index);
	free(c.list);
	return status;
}
