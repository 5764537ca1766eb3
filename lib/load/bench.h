/* SPDX-License-Identifier: ISC */
/* What the benchmark programs share: the command line, the life cycle of a run, and how rows
 * and messages come out. */
#ifndef BENCH_H
#define BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "client/conn.h"
#include "load/due.h"
#include "load/schedule.h"
#include "payload.h"
#include "stats/result.h"
#include "stats/tsv.h"

/* A row of less time says little: it had one placement of the processes, one moment's load. */
#define BENCH_SHORT_NS (100 * CLOCK_MS)

/* From this share of its time on, the client was the limit rather than the service. */
#define BENCH_BUSY_SHARE 0.9

#define BENCH_FIELDS_MAX 64

/* When an operation is measured without being named by -o. */
enum bench_when {
	BENCH_ALWAYS,
	BENCH_UNSIZED, /* without -s */
	BENCH_SIZED,   /* with -s */
	BENCH_ASKED    /* never */
};

struct bench_op {
	const char *name;
	enum op op;
	bool sized, chunked; /* has a payload size, a chunk size */
	enum bench_when when;
};

/* A line of -h. */
struct bench_help {
	char letter; /* 0 ends them */
	const char *text;
};

struct bench;
struct driver;

/* A program: its command line, and what it does. */
struct bench_program {
	const char *name;
	const char *about;   /* what it measures, a sentence of at most 80 columns */
	const char *options; /* the letters it takes */
	const char *counted; /* what -n counts: "requests" */
	const struct bench_op *ops;
	size_t nops;
	uint64_t count, warmup; /* defaults */
	const char *sizes;      /* default of -s, NULL: none */
	const char *beside;     /* what -c counts: "concurrent connections" */
	unsigned clients;       /* default of -c */
	bool many;              /* -c counts the clients that are measured, perhaps only one */
	bool named;             /* a method or path in the target replaces the operations */
	bool path;              /* only a path, over HTTP: it is what OP_HELLO asks for */
	bool lasts;             /* a row takes BENCH_SHORT_NS at least, unless options say */
	bool transfers;         /* a block is one operation, however small */
	bool adopts;            /* run() begins with connections that are not measured: the
				 * probe's are these */
	double rate;            /* an open loop, of this rate without -r; 0: -r makes it one */
	const struct bench_help *helps; /* of letters that mean more here than elsewhere, or NULL */
	bool probes; /* run() calls client_probe(): before, the target hears nothing */

	/* Measure and print all rows. Returns 0, or 2: the options ask for the impossible, or 3:
	 * nothing failed, but there is no answer. */
	int (*run)(struct bench *);
};

/* One of the services that are measured. */
struct bench_target {
	struct client client;
	const char *url, *label; /* label: what rows call it */
	char *shown;             /* the URL as a label, if it is that; owned */
	bool warned;             /* about a peer that closes after its replies */

	struct driver *driver; /* of bench_sequence(); owned by it */

	/* Of programs that have called bench_results(). */
	struct result *now;   /* of the block, and of warming up for it */
	struct result *total; /* of the row's blocks before */
	bool in_row;          /* it has a part in the row that is measured */
	bool over;            /* no more can be measured */
};

/* One row to be measured. */
struct bench_row {
	const char *op;
	struct call call;
	bool connects; /* of connections up to their first reply, which know no depth or rate */
};

struct bench {
	const struct bench_program *program;
	uint64_t count; /* operations of a row, or of a block, per client; 0: time_ns
			 * decides; both 0: see block.h */
	uint64_t time_ns;
	uint64_t least_ns; /* a row takes that long whatever the count */
	bool by_default;   /* nobody asked for a count, a time or rounds */
	bool in_pass;      /* one of several passes, of which others speak */
	bool in_rounds;    /* targets are measured in turn, a block each in every round */
	uint64_t rounds;   /* -B; 0: see block.h */
	uint64_t warmup;
	unsigned clients, threads;
	unsigned threads_asked;   /* -j; 0: by clients and processors */
	const char *clients_left; /* of the list of -c */
	unsigned depth;           /* requests outstanding per connection, at most */
	double rate;              /* per second over all clients; 0: closed loop; of a list of
				   * times the mean, perhaps INFINITY */
	enum schedule_dist dist;  /* of their arrivals, with a rate */
	uint64_t seed;            /* of SCHEDULE_EXP, and of the order of targets in a round */
	double quantile;          /* -L: this one of the response time, 0 to 1, */
	uint64_t limit_ns;        /* is to be within that; 0: there is no limit */
	double precision;         /* -e, as a share; 0: by default */
	const struct tsv_capacity *capacity; /* of the row that comes now, for TSV_CAPACITY */
	bool (*enough)(void *); /* asked in each turn: is what runs to be cut off? Or NULL */
	void *enough_arg;
	struct due due;       /* of SCHEDULE_LIST */
	enum tsv_rows rows;   /* form of the output */
	uint64_t interval_ns; /* -i; 0: there are none */
	bool quiet, verbose;
	bool progress;             /* shown on stderr, a terminal */
	bool same_terminal;        /* so is stdout */
	uint64_t row_ns, shown_ns; /* bench_progress(): since when, and when last */
	bool header;               /* still to be printed */
	struct tsv_when when;      /* of the rows that come now */
	uint64_t part_ns;          /* start of the timed part that its start_ns is of */
	uint64_t begin_ns;   /* -W: the first timed part begins then, since 1970; 0: at once */
	bool waited, late;   /* that has come; it had passed before: nothing is measured */
	bool told;           /* how late the first timed part was */
	long server;         /* -p: its process; 0: the parent */
	const char *command; /* -x: for the shell, while connections are open; NULL: none */
	struct bench_row *row;
	size_t nrows;
	char *named; /* what rows call the targets' method or path; owned */
	const char *fields[BENCH_FIELDS_MAX + 1]; /* -F; up to a NULL */
	struct client client;                     /* settings that all targets have in common */
	struct bench_target *target;
	size_t ntargets;
	size_t *order;                    /* of targets in this round: bench_order() */
	uint64_t order_state;             /* of the random numbers it is made of */
	char *target_words, *label_words; /* from the environment; owned */
	struct payload payload;
	atomic_int output_errno; /* why writing to stdout failed, or 0 */
	bool failed;             /* exit status 1 */
};

/* A program's main(): parse the command line, resolve and probe the target, catch signals,
 * run, and close stdout. Returns the exit status. */
int bench_main(int argc, char **argv, const struct bench_program *);

/* The part of it that reads the command line (options.c): fills in the bench, rows and
 * payload included. Returns -1, or the status to exit with. */
int bench_options(struct bench *, int argc, char **argv);

/* Go on to the next number in the list of -c. False: there is none. */
bool bench_next_clients(struct bench *);

/* Before the first timed part, when all is connected and warm: wait for the time of -W, if there is
 * one. What comes too late is not measured (bench_stopped()), and a message says how late it was.
 */
void bench_wait(struct bench *);

/* Nothing more is to be measured: a signal came, or stdout can't be written, or it is too late. */
bool bench_stopped(const struct bench *);

/* How many sockets the process may open, once its limit is raised as far as it goes. */
uint64_t bench_descriptors(void);

/* Are these more? Then a message says what (as printf, plural) needs them, and what limit would
 * do. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
bool
bench_lacks_descriptors(uint64_t need, const char *fmt, ...);

/* Processors' affinity of -P, or what bench-turns says. False: said why not. */
bool bench_place(const char *cpus);

/* Draw the order of targets in the round that begins; in the very first it is theirs, so that rows
 * begin with the first target, which others are compared with. */
void bench_order(struct bench *);

/* New results for all targets, none of which is over. False: out of memory, in errno as well. */
bool bench_results(struct bench *);

/* Is there a target that is not over? */
bool bench_some_left(const struct bench *);

/* The schedule of the open loop, for thread number first of step; the seed is of SCHEDULE_EXP. */
void bench_schedule(const struct bench *, struct schedule *, uint64_t seed, unsigned first,
    unsigned step);

/* On a terminal, show what is being measured now: a row of which this many rounds are over. */
void bench_progress(struct bench *, const struct bench_row *, uint64_t done, uint64_t rounds);

/* The same line with figures: operations per second now, failed ones so far, and the time that is
 * left, at most (UINT64_MAX: not known). label: of the target, or NULL. */
void bench_status(const struct bench *, const char *label, const struct bench_row *, double rate,
    uint64_t errors, uint64_t left_ns);

/* Print one row, or the three of an open loop (or, raw, its samples), before the first a header.
 * A row cut off before its first operation ended is left out. Sets the times since start_ns. */
void bench_print(struct bench *, const struct bench_target *, const struct bench_row *,
    struct result *, unsigned clients, unsigned threads, uint64_t start_ns);

/* The same rows for an interval of a part, that began this long after its start (-i). */
void bench_print_interval(struct bench *, const struct bench_target *, const struct bench_row *,
    const struct result *, unsigned clients, unsigned threads, uint64_t start_ns, uint64_t at_ns,
    uint64_t elapsed_ns);

/* Print on stderr what failed and what may be misleading, in all that was measured of a row. */
void bench_remark(struct bench *, struct bench_target *, const struct bench_row *,
    const struct result *, unsigned clients, unsigned threads);

#endif
