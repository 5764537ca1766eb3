/* SPDX-License-Identifier: ISC */
/* Clients that ran at the same time. */
#include "stats/joint.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/msg.h"
#include "stats/buckets.h"
#include "stats/hist.h"

#define COLUMNS_MAX 40
#define SECOND 1e9
#define TOGETHER 0.9 /* a smaller share of the time in which all ran is worth a warning */

/* What a column of all is, from those of each. */
enum rule {
	MEAN, /* weighted by n */
	SUM,
	LEAST,
	MOST,
	SD,
	CPU, /* a mean over all operations, also those that failed */
	ROUND,
	PASS,
	START
};

static const struct {
	const char *name;
	enum rule rule;
	double quantile; /* of the merged histogram; below 0: it is none */
} rules[] = {
	{ "ops_per_s", SUM, -1 },
	{ "bytes_per_s", SUM, -1 },
	{ "min_us", LEAST, 0 },
	{ "mean_us", MEAN, -1 },
	{ "sd_us", SD, -1 },
	{ "p50_us", MEAN, 0.5 },
	{ "p90_us", MEAN, 0.9 },
	{ "p95_us", MEAN, 0.95 },
	{ "p99_us", MEAN, 0.99 },
	{ "p999_us", MEAN, 0.999 },
	{ "max_us", MOST, 1 },
	{ "cpu_us", CPU, -1 },
	{ "busy", MOST, -1 },
	{ "round", ROUND, -1 },
	{ "pass", PASS, -1 },
	{ "start_s", START, -1 },
};

#define RULES (sizeof rules / sizeof *rules)

/* One client's row. */
struct entry {
	const char *path; /* where it is */
	uint64_t line;
	size_t run, nth; /* of which client, and which of its rows of this configuration */
	uint64_t start_ns, end_ns, n, errors, clients;
	double rate;                /* NAN: NA */
	double figure[COLUMNS_MAX]; /* of a summary row, from ops_per_s on; NAN: NA */
};

/* A round of a configuration. */
struct group {
	struct entry *entry; /* owned */
	size_t n, cap;
	struct hist **hist; /* of each nth; owned */
	size_t hists, hist_cap;
	struct tsv_when when;
};

struct joint {
	const char *const *column; /* from ops_per_s on */
	size_t columns;
	struct rows_index index; /* of struct group */
	enum tsv_rows schema;
	size_t run;      /* of the rows being read */
	bool begins;     /* the next row is of another */
	size_t runs;     /* that have rows */
	size_t last_run; /* the last of these */
	bool some;       /* this file has a row that is not of an interval */
	struct buckets buckets;
	struct hist *hist; /* of the run of histogram rows being read; owned */
	size_t open;       /* the number of its group */
	bool failed;
};

struct joint *
joint_new(void)
{
	struct joint *j = calloc(1, sizeof *j);

	if (!j || !(j->hist = hist_new())) {
		free(j);
		return NULL;
	}
	j->index.size = sizeof(struct group);
	j->column = tsv_columns(TSV_SUMMARY) + ROWS_ELAPSED + 1;
	/* intervals (-i) are left out when rows are read */
	while (j->column[j->columns] && strcmp(j->column[j->columns], "at_s") != 0)
		j->columns++;
	return j;
}

void
joint_free(struct joint *j)
{
	struct group *g;
	size_t i, k;

	for (i = 0; j && i < j->index.n; i++) {
		g = (struct group *)j->index.group + i;
		for (k = 0; k < g->hists; k++)
			free(g->hist[k]);
		free(g->hist);
		free(g->entry);
	}
	if (j) {
		rows_index_free(&j->index);
		free(j->hist);
	}
	free(j);
}

static bool
no_memory(struct rows *r)
{
	r->no_memory = true;
	msg("%s", strerror(ENOMEM));
	return false;
}

static size_t
rule_of(const char *name)
{
	size_t i;

	for (i = 0; i < RULES && strcmp(rules[i].name, name) != 0; i++)
		;
	return i;
}

/* ---- rows ---- */

/* The row's configuration, round and pass: without the number of clients and the rate, in which
 * clients that belong together may differ. */
static struct group *
find(struct joint *j, struct rows *r)
{
	static char key[TABLE_LINE + 64];
	bool raw = r->schema == TSV_RAW, fresh;
	const char *const *cell = (const char *const *)r->table.cell;
	const char *rate = raw ? "" : cell[ROWS_RATE];
	struct group *g;
	size_t n = 0, i;

	for (i = 0; i <= ROWS_CHUNK; i++)
		n += (size_t)sprintf(key + n, "%s", cell[i]) + 1;
	n += (size_t)sprintf(key + n, "%s", raw ? "NA" : cell[ROWS_DEPTH]) + 1;
	n += (size_t)sprintf(key + n, "%s", strspn(rate, "0.") < strlen(rate) ? "open" : "") + 1;
	n += (size_t)sprintf(key + n, "%" PRIu64 " %" PRIu64, r->when.round, r->when.pass) + 1;
	if ((g = rows_find_key(&j->index, r, key, n, &fresh)) && fresh)
		g->when = r->when;
	return g;
}

/* Has this client such a row already? */
static bool
comes_again(const struct joint *j, const struct group *g, const struct entry *m)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there are n */
		if (g->entry[i].run == j->run && g->entry[i].clients == m->clients
		    && (g->entry[i].rate == m->rate || (isnan(g->entry[i].rate) && isnan(m->rate))))
			return true;
	return false;
}

/* The row's client has one more of this configuration. */
static struct entry *
add_entry(struct joint *j, struct rows *r, struct group *g, const struct entry *from)
{
	struct hist **hist;
	struct entry *m;
	size_t i;

	if (j->begins || (j->schema != TSV_RAW && comes_again(j, g, from)))
		j->run++;
	j->begins = false;
	if (j->runs == 0 || j->run != j->last_run)
		j->runs++;
	j->last_run = j->run;
	if (!(m = array_room(g->entry, &g->cap, g->n + 1, sizeof *m))) {
		no_memory(r);
		return NULL;
	}
	g->entry = m;
	m = &g->entry[g->n];
	*m = *from;
	m->path = r->path;
	m->line = r->table.line;
	m->run = j->run;
	for (i = m->nth = 0; i < g->n; i++)
		m->nth += g->entry[i].run == j->run;
	if (m->nth >= g->hists && j->schema != TSV_SUMMARY) {
		if (!(hist = array_room(g->hist, &g->hist_cap, m->nth + 1,
			  sizeof(struct hist *)))) {
			no_memory(r);
			return NULL;
		}
		g->hist = hist;
		if (!(g->hist[g->hists++] = hist_new())) {
			g->hists--;
			no_memory(r);
			return NULL;
		}
	}
	g->n++;
	return m;
}

/* False: it would be too large. */
static bool
add_times(uint64_t a, uint64_t b, uint64_t *v)
{
	*v = a + b;
	return *v >= a;
}

static bool
read_start(struct rows *r, uint64_t *ns)
{
	int column = table_column(&r->table, "start_s");
	bool na = column < 0;

	if (!na && !table_fixed(&r->table, (size_t)column, 9, ns, &na))
		return false;
	return !na
	    || table_bad(&r->table, "start_s", "missing: these rows do not tell when they ran");
}

/* What summary and histogram rows have in common. */
static bool
read_entry(struct rows *r, struct entry *m)
{
	struct table *t = &r->table;
	uint64_t elapsed;
	bool na;

	memset(m, 0, sizeof *m);
	if (!read_start(r, &m->start_ns) || !table_count(t, ROWS_CLIENTS, &m->clients, NULL)
	    || !table_real(t, ROWS_RATE, &m->rate, &na) || !table_count(t, ROWS_N, &m->n, NULL)
	    || !table_count(t, ROWS_ERRORS, &m->errors, NULL)
	    || !table_fixed(t, ROWS_ELAPSED, 9, &elapsed, NULL))
		return false;
	if (na)
		m->rate = NAN; /* of a replay */
	return add_times(m->start_ns, elapsed, &m->end_ns)
	    || table_bad(t, "elapsed_s", "too large: %.60s", t->cell[ROWS_ELAPSED]);
}

static bool
take_summary(struct joint *j, struct rows *r)
{
	struct table *t = &r->table;
	struct entry m;
	struct group *g;
	bool na;
	int column;
	size_t i;

	if (!(g = find(j, r)) || !read_entry(r, &m))
		return false;
	for (i = 0; i < j->columns; i++) {
		na = (column = table_column(t, j->column[i])) < 0;
		if (!na && !table_real(t, (size_t)column, &m.figure[i], &na))
			return false;
		if (na)
			m.figure[i] = NAN;
	}
	return add_entry(j, r, g, &m) != NULL;
}

/* A client's rows have ended in the middle of a histogram. */
static void
leave_out(struct joint *j, const char *path)
{
	const struct group *g = (const struct group *)j->index.group + j->open;

	msg("%s:%" PRIu64 ": this histogram lacks its end; left out", path,
	    g->entry[g->n - 1].line);
	j->failed = true;
	((struct group *)j->index.group)[j->open].n--;
	hist_clear(j->hist);
	memset(&j->buckets, 0, sizeof j->buckets);
}

static bool
take_hist(struct joint *j, struct rows *r)
{
	struct group *g = find(j, r);
	struct entry m;
	bool begun;
	size_t at;

	if (!g || !read_entry(r, &m))
		return false;
	at = (size_t)(g - (struct group *)j->index.group);
	if (j->buckets.left > 0 && r->headed)
		leave_out(j, r->path);
	if (j->buckets.left > 0 && at != j->open)
		return buckets_whole(&j->buckets, &r->table);
	if (!buckets_take(&j->buckets, r, j->hist, &begun))
		return false;
	j->open = at;
	if (begun && !add_entry(j, r, g, &m))
		return false;
	if (j->buckets.left == 0) {
		hist_merge(g->hist[g->entry[g->n - 1].nth], j->hist);
		hist_clear(j->hist);
	}
	return true;
}

static bool
take_raw(struct joint *j, struct rows *r)
{
	struct rows_sample s;
	struct entry m, *last;
	struct group *g;

	memset(&m, 0, sizeof m);
	if (!(g = find(j, r)) || !read_start(r, &m.start_ns) || !rows_sample(r, &s))
		return false;
	last = g->n > 0 ? &g->entry[g->n - 1] : NULL;
	if (j->begins || !last || last->run != j->run || last->start_ns != m.start_ns)
		last = add_entry(j, r, g, &m);
	if (!last)
		return false;
	if (!add_times(last->start_ns, s.end_ns, &m.end_ns))
		return table_bad(&r->table, "us", "too large: %.60s", r->table.cell[ROWS_US]);
	if (m.end_ns > last->end_ns)
		last->end_ns = m.end_ns;
	if (s.client >= last->clients)
		last->clients = s.client + 1;
	last->n += s.ok;
	last->errors += !s.ok;
	if (s.ok)
		hist_add(g->hist[last->nth], s.ns);
	return true;
}

static bool
take_row(void *arg, struct rows *r)
{
	struct joint *j = arg;

	j->schema = r->schema;
	j->some = true;
	j->begins = j->begins || r->headed;
	return (r->schema == TSV_SUMMARY ? take_summary
		: r->schema == TSV_HIST  ? take_hist
					 : take_raw)(j, r);
}

/* A file is over. One whose machine did not answer is named; the others' rows count. */
static bool
end_file(void *arg, struct rows *r)
{
	struct joint *j = arg;

	if (!j->some) {
		msg("%s: no rows", r->path);
		j->failed = true;
	} else if (j->buckets.left > 0) {
		leave_out(j, r->path);
	}
	j->begins = true;
	j->some = false;
	return true;
}

const struct rows_reader joint_reader = { .row = take_row, .ended = end_file, .lenient = true };

/* ---- what comes out ---- */

/* Those of the same nth, together. */
struct all {
	size_t entries;
	const struct entry *late, *early; /* the one that began last, and that ended first */
	uint64_t start_ns, end_ns, n, errors, clients;
	double rate;
};

static void
add_up(const struct group *g, size_t nth, struct all *a)
{
	const struct entry *m;

	memset(a, 0, sizeof *a);
	for (m = g->entry; m < g->entry + g->n; m++) {
		if (m->nth != nth)
			continue;
		if (a->entries == 0 || m->start_ns < a->start_ns)
			a->start_ns = m->start_ns;
		if (m->end_ns > a->end_ns)
			a->end_ns = m->end_ns;
		a->entries++;
		a->n += m->n;
		a->errors += m->errors;
		a->clients += m->clients;
		a->rate += m->rate;
		if (m->end_ns == m->start_ns)
			continue; /* nothing ran */
		if (!a->late || m->start_ns > a->late->start_ns)
			a->late = m;
		if (!a->early || m->end_ns < a->early->end_ns)
			a->early = m;
	}
}

/* What messages call a configuration. */
static const char *
name_of(const struct joint *j, size_t number, char text[512])
{
	const char *size = rows_cell(&j->index, number, ROWS_SIZE);
	bool sized = strcmp(size, "0") != 0;

	snprintf(text, 512, "%s: %s%s%s%s", rows_cell(&j->index, number, ROWS_LABEL),
	    rows_cell(&j->index, number, ROWS_OP), sized ? ", " : "", sized ? size : "",
	    sized ? " bytes" : "");
	return text;
}

/* Did they all run at some moment? */
static bool
overlap(const struct joint *j, size_t number, const struct all *a)
{
	char text[512];
	double both;

	if (!a->late)
		return true;
	both = ((double)a->early->end_ns - (double)a->late->start_ns) / SECOND;
	if (both <= 0) {
		msg("%s: not at the same time, left out: %s:%" PRIu64
		    " began %.6f s after %s:%" PRIu64 " had ended",
		    name_of(j, number, text), a->late->path, a->late->line, -both, a->early->path,
		    a->early->line);
		return false;
	}
	if (both < TOGETHER * (double)(a->end_ns - a->start_ns) / SECOND)
		msg("warning: %s: all ran together for only %.6f of %.6f s",
		    name_of(j, number, text), both, (double)(a->end_ns - a->start_ns) / SECOND);
	if (a->entries < j->runs)
		msg("warning: %s: rows of %zu of %zu clients", name_of(j, number, text), a->entries,
		    j->runs);
	return true;
}

/* Standard deviation of all, from those of each and their means (Chan, Golub, LeVeque 1979). */
static double
sd_of(const struct group *g, size_t nth, size_t mean, size_t sd)
{
	double n = 0, middle = 0, m2 = 0, d, k;
	const struct entry *m;

	for (m = g->entry; m < g->entry + g->n; m++) {
		if (m->nth != nth || m->n == 0)
			continue;
		k = (double)m->n;
		d = m->figure[mean] - middle;
		m2 += d * d * n * k / (n + k);
		if (m->n > 1)
			m2 += m->figure[sd] * m->figure[sd] * (k - 1);
		middle += d * k / (n + k);
		n += k;
	}
	return n > 1 ? sqrt(m2 / (n - 1)) : NAN;
}

/* A figure of summary rows. NAN where one of those who count has none. */
static double
of_summaries(const struct group *g, size_t nth, size_t i, enum rule rule)
{
	double sum = 0, weight = 0, w, v;
	const struct entry *m;
	bool some = false;

	for (m = g->entry; m < g->entry + g->n; m++) {
		v = m->figure[i];
		w = rule == CPU ? (double)(m->n + m->errors) : (double)m->n;
		/* who did nothing has no times */
		if (m->nth != nth || (isnan(v) && (w == 0 || rule == MOST || m->n == 0)))
			continue;
		if (rule == SUM)
			sum += v;
		else if (rule == LEAST)
			sum = !some || v < sum ? v : sum;
		else if (rule == MOST)
			sum = !some || v > sum ? v : sum;
		else
			sum += v * w;
		weight += w;
		some = true;
	}
	if (rule == SUM || rule == LEAST || rule == MOST)
		return some ? sum : NAN;
	return weight > 0 ? sum / weight : NAN;
}

/* The sum of each one's rate: of operations, or with their size. */
static double
rate_of(const struct group *g, size_t nth, double size)
{
	const struct entry *m;
	double sum = 0;

	for (m = g->entry; m < g->entry + g->n; m++)
		if (m->nth == nth && m->end_ns > m->start_ns)
			sum += size * (double)m->n / ((double)(m->end_ns - m->start_ns) / SECOND);
	return sum;
}

/* A figure of histograms, or of raw rows. */
static double
of_hist(const struct joint *j, size_t number, size_t nth, size_t rule)
{
	const struct group *g = (const struct group *)j->index.group + number;
	const char *op = rows_cell(&j->index, number, ROWS_OP), *name = rules[rule].name;
	const struct hist *h = g->hist[nth];
	double q = rules[rule].quantile;

	if (strcmp(name, "ops_per_s") == 0)
		return rate_of(g, nth, 1);
	/* of a path over HTTP the size of replies is not known */
	if (strcmp(name, "bytes_per_s") == 0)
		return *op == '/' || *op == '?'
		    ? NAN
		    : rate_of(g, nth, strtod(rows_cell(&j->index, number, ROWS_SIZE), NULL));
	if (strcmp(name, "mean_us") == 0)
		return h->n > 0 ? h->mean / 1e3 : NAN;
	if (rules[rule].rule == SD)
		return h->n > 1 ? hist_sd(h) / 1e3 : NAN;
	return q >= 0 && hist_shows(h, q) ? (double)hist_quantile(h, q) / 1e3 : NAN;
}

static double
figure_of(const struct joint *j, size_t number, size_t nth, size_t i)
{
	const struct group *g = (const struct group *)j->index.group + number;
	size_t rule = rule_of(j->column[i]), mean = 0;

	if (j->schema != TSV_SUMMARY)
		return rule < RULES ? of_hist(j, number, nth, rule) : NAN;
	if (rule < RULES && rules[rule].rule == SD) {
		while (strcmp(j->column[mean], "mean_us") != 0)
			mean++;
		return sd_of(g, nth, mean, i);
	}
	return of_summaries(g, nth, i, rule < RULES ? rules[rule].rule : MEAN);
}

static void
put_row(const struct joint *j, size_t number, size_t nth, const struct all *a, FILE *f)
{
	const struct group *g = (const struct group *)j->index.group + number;
	double elapsed = (double)(a->end_ns - a->start_ns) / SECOND, v;
	enum rule rule;
	size_t i;
	int k;

	for (k = 0; k <= ROWS_CHUNK; k++)
		fprintf(f, "%s\t", rows_cell(&j->index, number, (enum rows_column)k));
	fprintf(f, "%" PRIu64 "\t%s\t", a->clients,
	    rows_cell(&j->index, number, (enum rows_column)(ROWS_CHUNK + 1)));
	if (j->schema == TSV_RAW || isnan(a->rate))
		fputs("NA", f);
	else
		fprintf(f, "%.2f", a->rate);
	fprintf(f, "\t%" PRIu64 "\t%" PRIu64 "\t%.6f", a->n, a->errors, elapsed);
	for (i = 0; i < j->columns; i++) {
		rule = rule_of(j->column[i]) < RULES ? rules[rule_of(j->column[i])].rule : MEAN;
		v = rule == ROUND || rule == PASS || rule == START ? 0
								   : figure_of(j, number, nth, i);
		if (rule == ROUND || rule == PASS)
			fprintf(f, "\t%" PRIu64, rule == ROUND ? g->when.round : g->when.pass);
		else if (rule == START)
			fprintf(f, "\t%.6f", (double)a->start_ns / SECOND);
		else if (isnan(v))
			fputs("\tNA", f);
		else
			fprintf(f, "\t%.*f", rule == SUM ? 2 : 3, v);
	}
	putc('\n', f);
}

bool
joint_print(struct joint *j, FILE *f, bool header)
{
	const struct group *g;
	struct all a;
	size_t i, nth;

	if (header)
		tsv_header(f, TSV_SUMMARY, false);
	for (i = 0; i < j->index.n; i++) {
		g = (const struct group *)j->index.group + i;
		for (nth = 0;; nth++) {
			add_up(g, nth, &a);
			if (a.entries == 0)
				break;
			if (overlap(j, i, &a))
				put_row(j, i, nth, &a, f);
			else
				j->failed = true;
		}
	}
	return !j->failed;
}
