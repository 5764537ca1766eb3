/* SPDX-License-Identifier: ISC */
/* The rows all benchmarks print. */
#include "stats/tsv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define OPERATION "label", "bench", "op", "size_bytes", "chunk_bytes"
#define WHEN "round", "pass"
#define RUN OPERATION, "clients", "depth", "rate_per_s", "n", "errors", "elapsed_s"

#define SUMMARY \
	RUN, "ops_per_s", "bytes_per_s", "min_us", "mean_us", "sd_us", "p50_us", "p90_us", \
	    "p95_us", "p99_us", "p999_us", "max_us", "cpu_us", "busy", WHEN, "sent_bytes", \
	    "received_bytes", "start_s"

static const char *const summary[] = { SUMMARY, TSV_AT, NULL };

static const char *const capacity[] = { SUMMARY, "quantile", "limit_us", "beyond", "beyond_low",
	"beyond_high", "holds", "holds_per_s", "fails_per_s", TSV_AT, NULL };

static const char *const raw[] = { OPERATION, "client", "seq", "start_us", "us", "ok", WHEN,
	"start_s", NULL };

static const char *const hist[] = { RUN, "low_us", "high_us", "count", WHEN, "start_s", TSV_AT,
	NULL };

const char *const *
tsv_columns(enum tsv_rows rows)
{
	static const char *const *const columns[] = { summary, raw, hist, capacity };

	return columns[rows];
}

void
tsv_header(FILE *f, enum tsv_rows rows, bool at)
{
	const char *const *name = tsv_columns(rows);

	fputs(*name, f);
	while (*++name)
		if (at || strcmp(*name, TSV_AT) != 0)
			fprintf(f, "\t%s", *name);
	putc('\n', f);
}

/* One more cell of a row: the number, or NA if it is not known. */
static void
cell(FILE *f, bool known, int digits, double v)
{
	if (known)
		fprintf(f, "\t%.*f", digits, v);
	else
		fputs("\tNA", f);
}

/* A time, exact to the nanosecond however long it is. */
static void
cell_us(FILE *f, uint64_t ns)
{
	fprintf(f, "\t%" PRIu64 ".%03u", ns / 1000, (unsigned)(ns % 1000));
}

static void
cell_quantile(FILE *f, const struct hist *h, double q)
{
	if (hist_shows(h, q))
		cell_us(f, hist_quantile(h, q));
	else
		fputs("\tNA", f);
}

static void
cells_when(FILE *f, const struct tsv_when *when)
{
	fprintf(f, "\t%" PRIu64 "\t%" PRIu64, when->round, when->pass);
}

static void
cell_start(FILE *f, const struct tsv_when *when)
{
	fprintf(f, "\t%" PRIu64 ".%06u", when->start_ns / 1000000000,
	    (unsigned)(when->start_ns % 1000000000 / 1000));
}

static void
cell_at(FILE *f, const struct tsv_row *r)
{
	if (r->at != TSV_NO_AT)
		cell(f, r->at == TSV_INTERVAL, 6, (double)r->at_ns / 1e9);
}

/* The last cells of a histogram row. */
static void
end_hist(FILE *f, const struct tsv_row *r)
{
	cells_when(f, &r->when);
	cell_start(f, &r->when);
	cell_at(f, r);
	putc('\n', f);
}

/* What summaries and histograms have in common. */
static void
cells_of_run(FILE *f, const struct tsv_row *r)
{
	fprintf(f, "%s\t%s\t%s%s\t%" PRIu64 "\t%" PRIu64 "\t%u\t%u", r->label, r->bench, r->op,
	    r->part ? r->part : "", r->size, r->chunk, r->clients, r->depth);
	cell(f, r->rate == 0 || (r->rate >= 0.005 && isfinite(r->rate)), 2, r->rate);
	fprintf(f, "\t%" PRIu64 "\t%" PRIu64 "\t%.6f", r->hist->n, r->errors,
	    (double)r->elapsed_ns / 1e9);
}

static void
cells_of_capacity(FILE *f, const struct tsv_capacity *c)
{
	static const char *const holds[] = { "undecided", "yes", "no" };

	fprintf(f, "\t%.6f", c->quantile);
	cell_us(f, c->limit_ns);
	cell(f, !isnan(c->share), 6, c->share);
	cell(f, !isnan(c->low), 6, c->low);
	cell(f, !isnan(c->high), 6, c->high);
	fprintf(f, "\t%s", holds[c->holds]);
	cell(f, c->holds_per_s > 0, 2, c->holds_per_s);
	cell(f, c->fails_per_s > 0, 2, c->fails_per_s);
}

void
tsv_summary(FILE *f, const struct tsv_row *r)
{
	const struct hist *h = r->hist;
	double n = (double)h->n, all = n + (double)r->errors;
	double elapsed = (double)r->elapsed_ns / 1e9;
	bool timed = r->elapsed_ns > 0;

	cells_of_run(f, r);
	cell(f, timed, 2, n / elapsed);
	cell(f, timed, 2, ((double)r->size * n + (double)r->content) / elapsed);
	cell_quantile(f, h, 0);
	cell(f, h->n >= 1, 3, h->mean / 1e3);
	cell(f, h->n >= 2, 3, hist_sd(h) / 1e3);
	cell_quantile(f, h, 0.5);
	cell_quantile(f, h, 0.9);
	cell_quantile(f, h, 0.95);
	cell_quantile(f, h, 0.99);
	cell_quantile(f, h, 0.999);
	cell_quantile(f, h, 1);
	cell(f, all > 0, 3, (double)r->cpu_ns / 1e3 / all);
	cell(f, timed && r->threads > 0, 3, (double)r->cpu_ns / 1e9 / (r->threads * elapsed));
	cells_when(f, &r->when);
	cell(f, h->n >= 1, 3, (double)r->sent / n);
	cell(f, h->n >= 1, 3, (double)r->received / n);
	cell_start(f, &r->when);
	if (r->capacity)
		cells_of_capacity(f, r->capacity);
	cell_at(f, r);
	putc('\n', f);
}

void
tsv_hist(FILE *f, const struct tsv_row *r)
{
	uint64_t low, high;
	unsigned i;

	for (i = 0; hist_bucket(r->hist, &i, &low, &high); i++) {
		cells_of_run(f, r);
		cell_us(f, low);
		cell_us(f, high);
		fprintf(f, "\t%" PRIu64, r->hist->count[i]);
		end_hist(f, r);
	}
	if (r->hist->n == 0) {
		cells_of_run(f, r);
		fputs("\tNA\tNA\t0", f);
		end_hist(f, r);
	}
}

void
tsv_sample(FILE *f, const struct tsv_raw *r)
{
	fprintf(f, "%s\t%s\t%s%s\t%" PRIu64 "\t%" PRIu64 "\t%u\t%" PRIu64, r->label, r->bench,
	    r->op, r->part ? r->part : "", r->size, r->chunk, r->client, r->seq);
	cell_us(f, r->start_ns);
	cell_us(f, r->ns);
	fprintf(f, "\t%d", r->ok);
	cells_when(f, &r->when);
	cell_start(f, &r->when);
	putc('\n', f);
}
