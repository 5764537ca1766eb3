/* SPDX-License-Identifier: ISC */
/* bench-stat: several runs taken together. A filter: raw rows (-R), histogram rows (-D) or
 * summary rows in, a summary row for each configuration out, with 95 % confidence limits of the
 * median and p99. If all rows are of the same round, all operations are one sample, as if a single
 * run had measured them. With several, or from summary rows, the unit is the pass or, in a single
 * one, the round: their operations share a server and a moment, and limits that took them for
 * independent would be far too narrow.
 * Memory is bounded whatever the number of rows: two histograms per configuration, and a few
 * numbers per round. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/std.h"
#include "stats/buckets.h"
#include "stats/hist.h"
#include "stats/joint.h"
#include "stats/rounds.h"
#include "stats/rows.h"
#include "stats/stat.h"
#include "stats/tsv.h"

#define NAME "bench-stat"
#define QUANTILES_MAX 16
#define FIGURES_MAX (2 + QUANTILES_MAX)

/* Where a figure comes from; of a summary row, from the column of its name. */
enum source { OPS, BYTES, MEAN, SD, QUANTILE, UNKNOWN };

struct figure {
	char name[24]; /* of its column; what has limits ends in "_us" */
	enum source source;
	double q;
	int digits;
	bool limits;
};

/* clang-format off */
/* NA is NAN inside. */
static const struct figure common[] = {
	{ "ops_per_s", OPS, 0, 2, false }, { "bytes_per_s", BYTES, 0, 2, false },
	{ "min_us", QUANTILE, 0, 3, false }, { "mean_us", MEAN, 0, 3, false },
	{ "sd_us", SD, 0, 3, false }, { "p50_us", QUANTILE, 0.5, 3, true },
	{ "p90_us", QUANTILE, 0.9, 3, false }, { "p95_us", QUANTILE, 0.95, 3, false },
	{ "p99_us", QUANTILE, 0.99, 3, true }, { "p999_us", QUANTILE, 0.999, 3, false },
	{ "max_us", QUANTILE, 1, 3, false }, { "cpu_us", UNKNOWN, 0, 3, false },
	{ "busy", UNKNOWN, 0, 3, false }
};
/* clang-format on */

/* Means per operation, which summary rows may have: merged, each counts as often as it has
 * operations. */
static const char *const means[] = { "sent_bytes", "received_bytes" };

#define MEANS (sizeof means / sizeof *means)

struct mean {
	double sum;
	uint64_t n;
};

/* What was counted, of a round or in all. */
struct count {
	uint64_t n, errors;
	uint64_t elapsed_ns;
};

/* A configuration. */
struct group {
	uint64_t size;
	bool path;               /* requests to one over HTTP: the size of replies is not known */
	struct count total, now; /* of all rounds, and of the one being read */
	struct hist *all, *hist; /* the same; owned */
	struct tsv_when when;    /* which one that is */
	uint64_t file;

	struct rounds rounds; /* that are over */
	struct mean mean[MEANS];

	struct buckets run; /* histogram rows: the one being read */

	/* raw rows: the run being read */
	uint64_t end_ns;      /* of the operation that ended last */
	unsigned char *begun; /* a bit per client: its first operation was there; owned */
	size_t nbegun;
	uint64_t clients;
};

/* All that there is to merge, and how. */
struct merge {
	struct figure figure[FIGURES_MAX];
	size_t nfigures;
	bool chosen; /* -q: limits follow each quantile */
	bool joint;  /* -p */
	bool header;

	struct rows *rows;
	struct rows_index index; /* of struct group */
	uint64_t file;           /* number of the file being read */
	struct tsv_when first;   /* of the first row */
	bool several;            /* some row is of another round */
	size_t open;             /* histogram rows: the number of the group whose run is
				  * not complete, from 1; 0: none is open */
};

static bool
no_memory(const struct merge *m)
{
	m->rows->no_memory = true;
	msg("%s", strerror(ENOMEM));
	return false;
}

/* ---- figures of one sample ---- */

static double
figure_of(const struct figure *f, const struct group *g, const struct hist *h,
    const struct count *c)
{
	double n = (double)c->n, elapsed = (double)c->elapsed_ns / 1e9;

	switch (f->source) {
	case OPS: return elapsed > 0 ? n / elapsed : NAN;
	case BYTES: return elapsed > 0 && !g->path ? (double)g->size * n / elapsed : NAN;
	case MEAN: return h->n > 0 ? h->mean / 1e3 : NAN;
	case SD: return h->n > 1 ? hist_sd(h) / 1e3 : NAN;
	case QUANTILE: return hist_shows(h, f->q) ? (double)hist_quantile(h, f->q) / 1e3 : NAN;
	case UNKNOWN: break;
	}
	return NAN;
}

/* The value at a rank; 0: NA. */
static double
at_rank(const struct hist *h, uint64_t rank)
{
	/* the middle of the rank's step is not moved to another by rounding */
	return rank > 0 ? (double)hist_quantile(h, ((double)rank - 0.5) / (double)h->n) / 1e3 : NAN;
}

/* ---- rounds ---- */

/* Room for the figures of one more. */
static double *
new_round(const struct merge *m, struct group *g)
{
	double *p = rounds_append(&g->rounds, g->when);

	if (!p)
		no_memory(m);
	return p;
}

static void
end_run(struct group *g)
{
	g->now.elapsed_ns += g->end_ns;
	g->end_ns = 0;
	memset(g->begun, 0, g->nbegun);
}

static void
add_count(struct count *to, const struct count *from)
{
	to->n += from->n;
	to->errors += from->errors;
	to->elapsed_ns += from->elapsed_ns;
}

/* The round of a group is over. */
static bool
end_round(const struct merge *m, struct group *g)
{
	double *p;
	size_t i;

	if (g->nbegun > 0)
		end_run(g);
	if (!(p = new_round(m, g)))
		return false;
	for (i = 0; i < m->nfigures; i++)
		p[i] = figure_of(&m->figure[i], g, g->hist, &g->now);
	add_count(&g->total, &g->now);
	hist_merge(g->all, g->hist);
	return true;
}

static struct group *
nth_group(const struct merge *m, size_t number)
{
	return (struct group *)m->index.group + number;
}

/* The row's group. */
static struct group *
find(struct merge *m, struct rows *r)
{
	bool fresh;
	struct group *g = rows_find(&m->index, r, &fresh);
	char op;

	if (!g || !fresh)
		return g;
	op = *r->table.cell[ROWS_OP];
	g->path = op == '/' || op == '?';
	g->when = r->when;
	g->file = m->file;
	g->rounds.figures = m->nfigures;
	if (r->schema != TSV_SUMMARY && (!(g->all = hist_new()) || !(g->hist = hist_new()))) {
		no_memory(m);
		return NULL;
	}
	return table_count(&r->table, ROWS_SIZE, &g->size, NULL) ? g : NULL;
}

/* Is the row of another round than the group's last one? The rounds of two files are never
 * the same. */
static bool
other_round(const struct merge *m, const struct group *g, const struct rows *r)
{
	return g->when.round != r->when.round || g->when.pass != r->when.pass || g->file != m->file;
}

/* The row's round is the one being read from now on. */
static void
begin_round(const struct merge *m, struct group *g, const struct rows *r)
{
	g->rounds.run += g->file != m->file;
	g->file = m->file;
	g->when = r->when;
}

static bool
enter_round(const struct merge *m, struct group *g, const struct rows *r)
{
	if (!other_round(m, g, r))
		return true;
	if (!end_round(m, g))
		return false;
	begin_round(m, g, r);
	memset(&g->now, 0, sizeof g->now);
	memset(g->hist, 0, sizeof *g->hist);
	return true;
}

/* ---- rows ---- */

static bool
read_count(struct table *t, struct count *c)
{
	return table_count(t, ROWS_N, &c->n, NULL) && table_count(t, ROWS_ERRORS, &c->errors, NULL)
	    && table_fixed(t, ROWS_ELAPSED, 9, &c->elapsed_ns, NULL);
}

static bool
read_means(struct table *t, struct group *g, uint64_t n)
{
	double v;
	size_t i;
	int column;
	bool na;

	for (i = 0; i < MEANS; i++) {
		if ((column = table_column(t, means[i])) < 0)
			continue;
		if (!table_real(t, (size_t)column, &v, &na))
			return false;
		if (na)
			continue;
		g->mean[i].sum += v * (double)n;
		g->mean[i].n += n;
	}
	return true;
}

/* A summary row is a round. */
static bool
take_summary(struct merge *m, struct rows *r)
{
	struct table *t = &r->table;
	struct count count;
	struct group *g;
	int column;
	double *p;
	size_t i;
	bool na;

	if (!(g = find(m, r)) || !read_count(t, &count) || !read_means(t, g, count.n))
		return false;
	begin_round(m, g, r);
	if (!(p = new_round(m, g)))
		return false;
	add_count(&g->total, &count);
	for (i = 0; i < m->nfigures; i++) {
		if ((column = table_column(t, m->figure[i].name)) < 0)
			return table_bad(t, m->figure[i].name,
			    "not a quantile that summary rows have");
		if (!table_real(t, (size_t)column, &p[i], &na))
			return false;
		if (na)
			p[i] = NAN;
	}
	return true;
}

/* A run whose rows have begun must be there as a whole before anything else. */
static bool
whole_run(const struct merge *m, struct table *t)
{
	return !m->open || buckets_whole(&nth_group(m, m->open - 1)->run, t);
}

static bool
take_hist(struct merge *m, struct rows *r)
{
	struct buckets *run;
	struct group *g;
	size_t number;
	bool begun;

	if (!(g = find(m, r)))
		return false;
	number = (size_t)(g - nth_group(m, 0)) + 1;
	if ((number != m->open || other_round(m, g, r)) && !whole_run(m, &r->table))
		return false;
	run = &g->run;
	if (!enter_round(m, g, r) || !buckets_take(run, r, g->hist, &begun))
		return false;
	if (begun)
		add_count(&g->now,
		    &(struct count){ .n = run->n,
			.errors = run->errors,
			.elapsed_ns = run->elapsed_ns });
	m->open = run->left > 0 ? number : 0;
	return true;
}

static bool
grow_begun(const struct merge *m, struct group *g, uint64_t client)
{
	size_t n = (size_t)client / 8 + 1;
	unsigned char *p;

	if (n <= g->nbegun)
		return true;
	n *= 2;
	if (!(p = realloc(g->begun, n)))
		return no_memory(m);
	memset(p + g->nbegun, 0, n - g->nbegun);
	g->begun = p;
	g->nbegun = n;
	return true;
}

/* A run ends where the first operation of a client comes a second time. */
static bool
take_raw(struct merge *m, struct rows *r)
{
	struct rows_sample s;
	struct group *g;
	unsigned bit;

	if (!(g = find(m, r)) || !enter_round(m, g, r) || !rows_sample(r, &s)
	    || !grow_begun(m, g, s.client))
		return false;
	bit = 1u << s.client % 8;
	if (s.seq == 0 && (g->begun[s.client / 8] & bit))
		end_run(g);
	if (s.seq == 0)
		g->begun[s.client / 8] |= (unsigned char)bit;
	if (s.end_ns > g->end_ns)
		g->end_ns = s.end_ns;
	if (s.client >= g->clients)
		g->clients = s.client + 1;
	if (s.ok) {
		hist_add(g->hist, s.ns);
		g->now.n++;
	} else {
		g->now.errors++;
	}
	return true;
}

static bool
take_row(void *arg, struct rows *r)
{
	struct merge *m = arg;

	if (m->first.pass == 0)
		m->first = r->when;
	if (r->when.round != m->first.round || r->when.pass != m->first.pass)
		m->several = true;
	return (r->schema == TSV_SUMMARY ? take_summary
		: r->schema == TSV_HIST  ? take_hist
					 : take_raw)(m, r);
}

static bool
end_file(void *arg, struct rows *r)
{
	struct merge *m = arg;

	return r->schema != TSV_HIST || whole_run(m, &r->table);
}

/* ---- what comes out ---- */

static void
put_header(const struct merge *m)
{
	const char *const *name = tsv_columns(TSV_SUMMARY);
	const struct figure *f;
	size_t i;
	int pass, stem;

	fputs(*name, stdout);
	for (i = 1; i <= ROWS_ELAPSED; i++)
		printf("\t%s", name[i]);
	for (pass = 0; pass < (m->chosen ? 1 : 2); pass++) {
		for (i = 0; i < m->nfigures; i++) {
			f = &m->figure[i];
			stem = (int)strlen(f->name) - 3;
			if (pass == 0)
				printf("\t%s", f->name);
			if (f->limits && (m->chosen || pass == 1))
				printf("\t%.*s_low_us\t%.*s_high_us", stem, f->name, stem, f->name);
		}
	}
	fputs("\trounds\tpasses", stdout);
	for (i = 0; i < MEANS && !m->chosen; i++)
		printf("\t%s", means[i]);
	putchar('\n');
}

static void
put(int digits, double v)
{
	if (isnan(v))
		fputs("\tNA", stdout);
	else
		printf("\t%.*f", digits, v);
}

/* Of one sample: the figure, and between which of the operations it lies. */
static void
over_all(const struct figure *f, const struct group *g, struct stat_median *out)
{
	uint64_t low = 0, high = 0;

	out->median = figure_of(f, g, g->all, &g->total);
	if (f->limits && !isnan(out->median))
		stat_ranks(g->all->n, f->q, STAT_LEVEL, &low, &high);
	out->low = at_rank(g->all, low);
	out->high = at_rank(g->all, high);
}

static void
put_key(const struct merge *m, size_t number)
{
	int i, cells = m->rows->schema == TSV_RAW ? ROWS_CHUNK + 1 : ROWS_RATE + 1;

	for (i = 0; i < cells; i++)
		printf("%s%s", i > 0 ? "\t" : "",
		    rows_cell(&m->index, number, (enum rows_column)i));
	if (m->rows->schema == TSV_RAW)
		printf("\t%" PRIu64 "\tNA\tNA", nth_group(m, number)->clients);
}

static void
put_limits(const struct figure *f, const struct stat_median *v)
{
	if (f->limits) {
		put(f->digits, v->low);
		put(f->digits, v->high);
	}
}

static bool
put_group(struct merge *m, size_t number)
{
	struct group *g = nth_group(m, number);
	bool rounds = m->several || m->rows->schema == TSV_SUMMARY;
	const struct count *c = &g->total;
	struct stat_median v[FIGURES_MAX];
	size_t i;

	if (g->hist && !end_round(m, g))
		return false;
	for (i = 0; i < m->nfigures; i++) {
		if (!rounds)
			over_all(&m->figure[i], g, &v[i]);
		else if (!rounds_median(&g->rounds, i, &v[i]))
			return no_memory(m);
	}
	put_key(m, number);
	printf("\t%" PRIu64 "\t%" PRIu64 "\t%.6f", c->n, c->errors, (double)c->elapsed_ns / 1e9);
	for (i = 0; i < m->nfigures; i++) {
		put(m->figure[i].digits, v[i].median);
		if (m->chosen)
			put_limits(&m->figure[i], &v[i]);
	}
	for (i = 0; i < m->nfigures && !m->chosen; i++)
		put_limits(&m->figure[i], &v[i]);
	printf("\t%zu\t%zu", rounds ? g->rounds.n : 0, rounds ? g->rounds.passes : 0);
	for (i = 0; i < MEANS && !m->chosen; i++)
		put(3, g->mean[i].n > 0 ? g->mean[i].sum / (double)g->mean[i].n : NAN);
	putchar('\n');
	return true;
}

/* ---- the command line ---- */

static void
help(const void *arg)
{
	(void)arg;
	puts("usage: " NAME " [-hHV] [-p | -q list] [file ...]\n"
	     "Merge the rows of several runs into summary rows with 95 % confidence limits.\n\n"
	     "The files (\"-\" or none: standard input) hold raw rows (-R of the benchmarks),\n"
	     "histogram rows (-D) or summary rows; concatenated files are fine. Options:\n"
	     "  -q list     quantiles to print, each with its limits, as .5,.999 (instead of\n"
	     "              the columns from min_us on)\n"
	     "  -p          clients that ran at the same time: their rates add up\n"
	     "  -H          no header line\n"
	     "  -h, -V      help, version");
}

/* One quantile: a decimal fraction between 0 and 1, whose digits make its name. */
static const char *
add_quantile(struct merge *m, const char *text, size_t n)
{
	struct figure *f = &m->figure[m->nfigures];
	const char *digit;
	size_t i;

	if (n > 1 && *text == '0') {
		text++;
		n--;
	}
	if (n < 2 || *text != '.' || strspn(text + 1, "0123456789") < n - 1)
		return "not a decimal fraction between 0 and 1";
	digit = text + 1;
	n--;
	while (n > 0 && digit[n - 1] == '0')
		n--;
	if (n == 0)
		return "not between 0 and 1";
	if (n > 9)
		return "more than 9 digits";
	if (m->nfigures == FIGURES_MAX)
		return "too many quantiles";
	memset(f, 0, sizeof *f);
	f->source = QUANTILE;
	f->digits = 3;
	f->limits = true;
	snprintf(f->name, sizeof f->name, "p%.*s%s_us", (int)n, digit, n == 1 ? "0" : "");
	for (i = n; i-- > 0;)
		f->q = (f->q + (digit[i] - '0')) / 10;
	for (i = 0; i < m->nfigures; i++)
		if (strcmp(m->figure[i].name, f->name) == 0)
			return "given twice";
	m->nfigures++;
	return NULL;
}

static bool
set_quantiles(struct merge *m, const char *list)
{
	const char *why, *p = list;
	size_t n;

	m->chosen = true;
	m->nfigures = 2;
	for (;; p += n + 1) {
		n = strcspn(p, ",");
		if ((why = add_quantile(m, p, n))) {
			msg("-q: %s: %.*s", why, (int)(n > 40 ? 40 : n), p);
			return false;
		}
		if (!p[n])
			return true;
	}
}

/* Returns -1, or the status to exit with. */
static int
parse(struct merge *m, int argc, char **argv)
{
	static const struct opt opt = { .letters = "Hpq:", .help = help, .trouble = 1 };
	int letter, status = 0;

	while ((letter = opt_next(&opt, argc, argv, &status)) != OPT_NONE) {
		switch (letter) {
		case 'H': m->header = false; break;
		case 'p': m->joint = true; break;
		case 'q':
			if (!set_quantiles(m, optarg))
				return 2;
			break;
		default: return status;
		}
	}
	if (m->joint && m->chosen) {
		msg("-p and -q exclude each other");
		return 2;
	}
	return -1;
}

static int
end_output(void)
{
	if (std_close(stdout) == 0)
		return 0;
	msg("stdout: %s", strerror(errno));
	return 1;
}

/* -p. A file that can't be opened is a client that has no rows. */
static int
run_joint(struct merge *m, char *const *path)
{
	struct joint *j = opt_memory(joint_new());
	struct rows_reader reader = joint_reader;
	bool good = true;
	int status = 0;

	reader.arg = j;
	do {
		if (rows_read(m->rows, *path ? *path : "-", &reader))
			continue;
		good = false;
		if (m->rows->table.bad || m->rows->no_memory)
			status = m->rows->no_memory ? 1 : 2;
	} while (status == 0 && *path && *++path);
	if (status == 0) {
		good = joint_print(j, stdout, m->header) && good;
		status = end_output() != 0 || !good;
	}
	joint_free(j);
	return status;
}

static int
run(struct merge *m, char *const *path)
{
	const struct rows_reader reader = { .row = take_row, .ended = end_file, .arg = m };
	size_t i;

	do {
		m->file++;
		if (!rows_read(m->rows, *path ? *path : "-", &reader))
			return m->rows->no_memory ? 1 : 2;
	} while (*path && *++path);
	if (m->header)
		put_header(m);
	for (i = 0; i < m->index.n; i++)
		if (!put_group(m, i))
			return 1;
	return end_output();
}

int
main(int argc, char **argv)
{
	struct merge m = { .header = true,
		.nfigures = sizeof common / sizeof *common,
		.index.size = sizeof(struct group) };
	struct group *g;
	int status;
	size_t i;

	msg_program(argc > 0 ? argv[0] : NAME);
	memcpy(m.figure, common, sizeof common);
	if ((status = parse(&m, argc, argv)) >= 0)
		return status;
	m.rows = opt_memory(rows_new());
	status = (m.joint ? run_joint : run)(&m, argv + optind);
	for (i = 0; i < m.index.n; i++) {
		g = nth_group(&m, i);
		free(g->all);
		free(g->hist);
		rounds_free(&g->rounds);
		free(g->begun);
	}
	rows_index_free(&m.index);
	free(m.rows);
	return status;
}
