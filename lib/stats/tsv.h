/* SPDX-License-Identifier: ISC */
/* The rows that all benchmarks print. */
#ifndef TSV_H
#define TSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "stats/hist.h"
#include "stats/limit.h"

/* Of what round and pass a row is, each from 1: in a round each target is measured once; with
 * a pass all is new, servers, clients and connections. */
struct tsv_when {
	uint64_t round, pass;
	uint64_t start_ns; /* of the timed part, since 1970; rows that are read: not set */
};

/* What a search for a capacity adds to a row: columns of their own, behind the others. */
struct tsv_capacity {
	double quantile; /* 0 to 1: of this */
	uint64_t limit_ns;
	double share, low, high;  /* of operations beyond the limit, with its interval; NAN: NA */
	enum limit_verdict holds; /* yes, no or undecided */
	double holds_per_s, fails_per_s; /* the answer so far; 0: NA */
};

/* Is there the column "at_s", and is the row of an interval or, which is NA there, of all? */
enum tsv_at { TSV_NO_AT, TSV_ALL, TSV_INTERVAL };

/* One summary row. */
struct tsv_row {
	const char *label, *bench, *op;
	const char *part;     /* of the operation, appended to its name; or NULL */
	uint64_t size, chunk; /* bytes; 0: none */
	unsigned clients, depth;
	double rate; /* offered per second, perhaps INFINITY; 0: closed loop */
	uint64_t errors;
	uint64_t elapsed_ns;
	uint64_t cpu_ns;  /* processor time of the client's threads meanwhile */
	unsigned threads; /* the number of these threads */
	uint64_t content; /* payload bytes of all successful operations, besides size of each */
	uint64_t sent, received; /* bytes that these moved on their sockets */
	struct tsv_when when;
	enum tsv_at at;
	uint64_t at_ns;          /* of TSV_INTERVAL: its start, since that of the timed run */
	const struct hist *hist; /* of the successful operations; column n is its n */
	const struct tsv_capacity *capacity; /* of TSV_CAPACITY, else NULL */
};

/* One raw row. */
struct tsv_raw {
	const char *label, *bench, *op, *part;
	uint64_t size, chunk;
	unsigned client;
	uint64_t seq;
	uint64_t start_ns; /* since the start of the timed run */
	uint64_t ns;
	bool ok;
	struct tsv_when when;
};

/* The last column of summaries and histograms, which only -i has; rows_read() leaves intervals out.
 */
#define TSV_AT "at_s"

/* TSV_CAPACITY: a summary with more columns. */
enum tsv_rows { TSV_SUMMARY, TSV_RAW, TSV_HIST, TSV_CAPACITY };

/* Names and order of the columns; NULL ends them. Static. */
const char *const *tsv_columns(enum tsv_rows);

/* Numbers are printed as plain decimals: times in microseconds with 3 digits after the point,
 * elapsed and start seconds with 6, rates (also of bytes) with 2, busy and mean bytes with 3; ok is
 * 1 or 0. Only std_close() tells whether writing succeeded. */
void tsv_header(FILE *, enum tsv_rows, bool at);

/* bytes_per_s is (size * n + content) / elapsed; ops_per_s n / elapsed; cpu_us per operation,
 * failed ones included; busy = cpu / (threads * elapsed); sent_bytes and received_bytes are means
 * per operation that succeeded. NA where the sample is too small: min,
 * mean, max, p50, bytes below 1 operation, p90 below 10, p95 below 20, p99 below 100, p999 below
 * 1000, sd below 2; a rate_per_s that is infinite or would
 * read 0.00; rates and busy without elapsed time, cpu_us without an operation. */
void tsv_summary(FILE *, const struct tsv_row *);
void tsv_sample(FILE *, const struct tsv_raw *);

/* The histogram itself, which unlike a summary can be merged with others: one row for each
 * non-empty bucket, in ascending order. low_us is the first time in the bucket, high_us the
 * first beyond it; n, errors and elapsed_s are the same in all rows. If no operation succeeded
 * there is one row, with NA for the bounds and a count of 0. */
void tsv_hist(FILE *, const struct tsv_row *);

#endif
