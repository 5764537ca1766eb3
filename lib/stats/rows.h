/* SPDX-License-Identifier: ISC */
/* The rows of benchmarks, read back: files in one of the schemas of tsv.h, of which the columns
 * "round" and "pass" may be missing, and in any file those behind them; and the configurations that
 * they are of. Rows of intervals (-i), which their summary holds as well, are left out. Columns are
 * found by name, in any order and among others. */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/table.h"
#include "stats/tsv.h"

/* clang-format off */
/* The leading columns of all schemas, and those of summaries and histograms. */
enum rows_column {
	ROWS_LABEL, ROWS_BENCH, ROWS_OP, ROWS_SIZE, ROWS_CHUNK,
	ROWS_CLIENTS, ROWS_DEPTH, ROWS_RATE, ROWS_N, ROWS_ERRORS, ROWS_ELAPSED,
	ROWS_LOW, ROWS_HIGH, ROWS_COUNT,                        /* histograms */
	ROWS_CLIENT = ROWS_CLIENTS, ROWS_SEQ, ROWS_START, ROWS_US, ROWS_OK      /* raw */
};
/* clang-format on */

struct rows {
	const char *path; /* "-": standard input */
	bool no_memory;   /* that is what went wrong: set by rows_find(), and by the owner */
	bool headed;      /* the row is the first behind a header line */
	enum tsv_rows schema;
	struct tsv_when when; /* of the row, below 2^32; without a column of passes, each round is
			       * one. 1 where it is not known */
	struct table table; /* unless reader.header chooses: columns as enum rows_column has them */

	/* Private. */
	int round, pass, at; /* columns, or -1 */
	char key[TABLE_LINE + 1];
};

/* NULL: out of memory. To be released with free(). */
struct rows *rows_new(void);

/* Read a file, or standard input if path is "-". All files read with one struct must have
 * the same columns. row gets each row; ended is told that the file is at its end. Either
 * returns false to stop: after table_bad(), or having said why by itself. False: it went
 * wrong, and a message has said so: "file:line: column: why". */
struct rows_reader {
	bool (*row)(void *arg, struct rows *);
	bool (*ended)(void *arg, struct rows *);  /* may be NULL */
	bool (*header)(void *arg, struct rows *); /* the columns are known, and any will do. NULL:
						   * those of a schema must be there */
	bool lenient; /* a last line without its end is left out, with a warning unless
		       * quiet, and there need be no row */
	bool quiet;
	void *arg;
};

bool rows_read(struct rows *, const char *path, const struct rows_reader *);

/* The same with n bytes at p of a file that is read elsewhere: whole lines, or any part. False:
 * it went wrong; if table.bad, table says what, else a message has. */
bool rows_take(struct rows *, const char *p, size_t n, const struct rows_reader *);

/* A raw row's own columns. False: one of them is bad, as table_bad() has said. */
struct rows_sample {
	uint64_t client, seq; /* client is below 1000000 */
	uint64_t start_ns, end_ns, ns;
	bool ok;
};

bool rows_sample(struct rows *, struct rows_sample *);

/* The figure that one row of a summary is compared by: throughput where several clients share
 * it (and it is not the one that was offered), else the median time. */
const char *rows_metric(const struct rows *);

/* Of an answer of bench-cap: is one of its two rates not known? Then the other is a bound of the
 * capacity and no figure: the search was over before. */
bool rows_is_bound(const struct rows *);

/* Is a column one of which less is worse, and that is not a time? */
bool rows_is_rate(const char *column);

/* The configurations: each text of the leading columns that tell them apart (label to
 * rate_per_s; in raw rows to chunk_bytes) has a number, in the order of appearance, and a group
 * in which the owner keeps what it knows of it. */
struct rows_index {
	size_t size; /* bytes of a group: set by the owner, all else is zero */
	void *group; /* n of them; owned, but not what they point to */
	char **key;  /* cells, each with a NUL behind it; owned */
	size_t *bytes;
	size_t n, cap;
	size_t *slot, slots; /* hash table: number + 1, or 0 */
};

#define ROWS_KEY_CELLS 8 /* of a key; 5 of raw rows */

/* The group of the row's configuration, until the next call; *fresh (fresh may be NULL): it
 * has not been there before, is all zero, and the key's cells have been checked. NULL: as
 * rows_read's row returns false. */
void *rows_find(struct rows_index *, struct rows *, bool *fresh);

/* The same by another key, whose first cells are the row's: bytes of it, each cell with its NUL. */
void *rows_find_key(struct rows_index *, struct rows *, const char *key, size_t bytes, bool *fresh);

/* The number of the configuration that differs from this one in nothing but the label; n: there is
 * none. */
size_t rows_other(const struct rows_index *, size_t number, const char *label);

/* A cell of a configuration's key. */
const char *rows_cell(const struct rows_index *, size_t number, enum rows_column);

void rows_index_free(struct rows_index *);

#endif
