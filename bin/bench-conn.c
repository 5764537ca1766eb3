/* SPDX-License-Identifier: ISC */
/* bench-conn: connection set-up. Connections one after the other, all open until the end, since
 * each may cost the peer a thread or a process. Two times for each: "connect", the kernel's
 * handshake, which is over before the peer's program has seen anything, and "first-reply", from
 * the start of connect to the first complete reply (RPC: GETROOT; HTTP: GET of the path or /ping),
 * which is what a connection really costs. Memory and socket are set up before the clock starts. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"
#include "load/bench.h"
#include "load/block.h"

#define IN_SIZE 16384
/* In rounds. Never one by one: the end of a target's connection would be part of the next
 * target's beginning. */
#define BLOCK 15
#define BLOCK_SKIPPED 5
#define ROUNDS 8

#define ENOUGH 3 /* failures in a row that end the run: see wanted() */

static const struct bench_op ops[] = {
	{ .name = "connect", .op = OP_HELLO },
	{ .name = "first-reply", .op = OP_HELLO },
};

static const struct call hello = { .op = OP_HELLO };

/* One target. */
struct run {
	struct bench *bench;
	struct bench_target *target;
	unsigned char *in;
	struct client_conn *conn; /* all that were made */
	size_t n, cap;
	uint64_t max;             /* so many sockets can be open */
	uint64_t start_ns;        /* of the block */
	struct result *now[2];    /* of the block: connect and first-reply, as in ops */
	struct result *total[2];  /* of those before */
	bool replies;             /* the first reply is measured, too */
	unsigned failed, refused; /* in a row */
	uint64_t until_ns;        /* of the next connection: client_grace() */
	bool gave_up;             /* the grace is over */
	bool over;                /* no more can be measured */
};

enum { CONNECT, FIRST_REPLY };

static int
row_of(const struct bench_row *r)
{
	return strcmp(r->op, ops[FIRST_REPLY].name) == 0 ? FIRST_REPLY : CONNECT;
}

/* The next connection. NULL: out of memory. */
static struct client_conn *
next_conn(struct run *r)
{
	struct client_conn *p = array_room(r->conn, &r->cap, r->n + 1, sizeof *p);

	if (!p)
		return NULL;
	r->conn = p;
	p = &r->conn[r->n++];
	client_conn_init(p, &r->target->client, r->in, IN_SIZE);
	p->index = (unsigned)r->n - 1;
	p->until_ns = r->until_ns;
	return p;
}

/* Make one connection and wait for its first reply. It counts in both rows, in "connect" as soon
 * as the kernel has done its part. */
static enum client_result
measure(struct run *r, struct client_conn *c, uint64_t seq, bool record)
{
	struct result_sample s = { .seq = seq };
	enum client_result res = client_dial(c);
	struct client_bytes moved;
	uint64_t end_ns = clock_ns();

	s.start_ns = c->dialled_ns;
	if (res == CLIENT_STOPPED)
		return res;
	s.ok = res == CLIENT_OK;
	s.ns = (s.ok ? c->connected_ns : end_ns) - s.start_ns;
	/* a failure is reported once: with the first reply, if that is measured */
	if (record)
		result_add(r->now[CONNECT], &s, s.ok ? NULL : r->replies ? "" : c->error);
	if (!r->replies)
		return res;

	if (res == CLIENT_OK)
		res = client_call(c, &hello, s.start_ns);
	if (res == CLIENT_STOPPED)
		return res;
	s.ok = res == CLIENT_OK;
	s.ns = clock_ns() - s.start_ns;
	s.wake_ns = client_wake_ns(c, s.start_ns, s.start_ns + s.ns);
	if (record)
		result_add(r->now[FIRST_REPLY], &s, s.ok ? NULL : c->error);
	moved = client_bytes(c);
	if (record && s.ok)
		result_moved(r->now[FIRST_REPLY], c->session->content, moved.sent, moved.received);
	return res;
}

/* What an attempt shows about a silent peer. */
static void
judge(struct run *r, struct client_conn *c, enum client_result res)
{
	if (res == CLIENT_TIMEOUT)
		r->gave_up = !client_grace(c);
	else if (res == CLIENT_LOST)
		r->gave_up = !client_broken_off(c, c->dialled_ns);
	else if (res == CLIENT_OK || res == CLIENT_FAILED)
		client_answered(c);
	r->until_ns = c->until_ns;
}

/* Connections that are not recorded. If one fails, the recorded ones will report it. */
static void
warm_up(struct run *r)
{
	enum client_result res = CLIENT_OK;
	struct client_conn c;
	uint64_t i;

	client_conn_init(&c, &r->target->client, r->in, IN_SIZE);
	r->until_ns = c.until_ns;
	if (r->until_ns != UINT64_MAX)
		return; /* the probe had no answer: the rest of its time is for the recorded ones */
	for (i = 0; i < r->bench->warmup && res == CLIENT_OK && !bench_stopped(r->bench); i++) {
		res = client_dial(&c);
		if (res == CLIENT_OK && r->replies)
			res = client_call(&c, &hello, c.dialled_ns);
		judge(r, &c, res);
	}
	client_close(&c);
}

/* Is another to be tried? A peer that has never answered, or answers no more, is given up after a
 * few. */
static bool
wanted(struct run *r, const struct block *k, uint64_t seq)
{
	const struct bench *b = r->bench;
	int row = r->replies ? FIRST_REPLY : CONNECT;
	bool never = r->now[row]->hist->n + r->total[row]->hist->n == 0, several = b->ntargets > 1;
	const char *name = several ? r->target->label : "", *colon = several ? ": " : "";

	if (bench_stopped(b) || r->over)
		return false;
	if ((r->failed >= ENOUGH && never) || r->refused >= ENOUGH || r->gave_up) {
		r->over = true;
		return false;
	}
	if (k->time_ns && r->n == r->max) {
		msg("warning: %s%s-t: stopped at %zu connections: no more descriptors (ulimit -n)",
		    name, colon, r->n);
		r->over = true;
		return false;
	}
	return seq < k->count && (!k->time_ns || clock_ns() - r->start_ns < k->time_ns);
}

/* Make one more connection. Failures of those that aren't recorded are none in a row. */
static enum client_result
connect_one(struct run *r, uint64_t seq, bool record)
{
	struct client_conn *c = next_conn(r);
	enum client_result res;

	if (!c) {
		msg("%s", strerror(ENOMEM));
		r->bench->failed = r->over = true;
		return CLIENT_STOPPED;
	}
	res = measure(r, c, seq, record);
	if (record) {
		r->failed = res == CLIENT_OK ? 0 : r->failed + 1;
		r->refused = res == CLIENT_LOST && c->connected_ns == 0 ? r->refused + 1 : 0;
	}
	judge(r, c, res);
	if (res != CLIENT_OK) {
		client_close(c);
		r->n--;
		/* all of it took time, as the client's processor knows */
		r->now[CONNECT]->end_ns = r->now[FIRST_REPLY]->end_ns = clock_ns();
	}
	return res;
}

/* A block of one target. What the block before has left behind, of another target perhaps, is met
 * by connections that are not recorded. */
static void
run_block(struct run *r, const struct block *k)
{
	struct bench *b = r->bench;
	bool several = b->ntargets > 1;
	uint64_t seq, cpu;
	size_t i;
	int row;

	/* once time limits have passed, what is left of the grace is for the recorded ones */
	for (seq = 0; seq < k->skipped && r->failed == 0 && r->until_ns == UINT64_MAX
	     && r->n < r->max && !bench_stopped(b);
	     seq++)
		if (connect_one(r, seq, false) != CLIENT_OK)
			break;
	r->start_ns = clock_ns();
	cpu = clock_thread_cpu_ns();
	for (seq = 0; wanted(r, k, seq); seq++)
		connect_one(r, seq, true);
	cpu = clock_thread_cpu_ns() - cpu;
	if (r->over && r->failed > 0)
		msg("%s%sgave up after %u failure%s in a row", several ? r->target->label : "",
		    several ? ": " : "", r->failed, r->failed > 1 ? "s" : "");
	r->now[CONNECT]->cpu_ns = r->now[FIRST_REPLY]->cpu_ns = cpu;
	for (i = 0; i < b->nrows; i++) {
		row = row_of(&b->row[i]);
		bench_print(b, r->target, &b->row[i], r->now[row], 1, 1, r->start_ns);
	}
	for (row = CONNECT; row <= FIRST_REPLY; row++)
		result_merge(r->total[row], r->now[row]);
}

/* Blocks of all targets in turn. */
static void
run_all(struct bench *b, struct run *run)
{
	struct block k = block_of(b, &b->row[0]);
	size_t i, n;

	if (b->in_rounds && !b->count && !b->time_ns) {
		k.count = BLOCK;
		k.time_ns = 0;
	}
	k.skipped = b->in_rounds ? BLOCK_SKIPPED : 0;
	if (b->in_rounds && !b->rounds)
		k.rounds = ROUNDS;
	bench_progress(b, &b->row[0], 0, k.rounds);
	for (i = 0; i < b->ntargets; i++)
		warm_up(&run[i]);
	bench_wait(b);
	for (b->when.round = 1; b->when.round <= k.rounds && !bench_stopped(b); b->when.round++) {
		bench_progress(b, &b->row[0], b->when.round - 1, k.rounds);
		bench_order(b);
		for (n = 0; n < b->ntargets; n++)
			if (!run[b->order[n]].over && !bench_stopped(b))
				run_block(&run[b->order[n]], &k);
	}
	for (n = 0; n < b->ntargets; n++)
		for (i = 0; i < b->nrows; i++)
			bench_remark(b, run[n].target, &b->row[i], run[n].total[row_of(&b->row[i])],
			    1, 1);
}

/* Has a Ctrl-C ended the command? It was for us as well, but system(3) ignores it meanwhile. */
static bool
is_interrupt(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) == SIGINT
				   : WEXITSTATUS(status) == 128 + SIGINT;
}

/* -x: while the connections are open, their cost to the server can be observed from outside. */
static void
run_command(struct bench *b, size_t connections)
{
	char count[24];
	int status;

	/* what is buffered must come before the command's output */
	if (fflush(stdout) != 0 || bench_stopped(b))
		return;
	snprintf(count, sizeof count, "%zu", connections);
	/* NOLINTNEXTLINE(cert-env33-c): the user's own command, for the shell */
	if (setenv("BENCH_CONNECTIONS", count, 1) < 0 || (status = system(b->command)) < 0) {
		msg("-x: %s", strerror(errno));
		b->failed = true;
	} else if (is_interrupt(status)) {
		raise(SIGINT);
	} else if (status != 0) {
		msg(WIFSIGNALED(status) ? "-x: the command was killed by signal %d"
					: "-x: the command's exit status is %d",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		b->failed = true;
	}
}

static void
free_runs(struct run *run, size_t n)
{
	struct run *r;
	size_t i;

	for (r = run; run && r < run + n; r++) {
		for (i = 0; i < r->n; i++)
			client_close(&r->conn[i]);
		free(r->conn);
		free(r->in);
		for (i = CONNECT; i <= FIRST_REPLY; i++) {
			result_free(r->now[i]);
			result_free(r->total[i]);
		}
	}
	free(run);
}

/* NULL: out of memory. */
static struct run *
make_runs(struct bench *b, uint64_t max)
{
	struct run *run = calloc(b->ntargets, sizeof *run), *r;
	bool good = run != NULL, stamps;
	size_t i;

	for (r = run; good && r < run + b->ntargets; r++) {
		r->bench = b;
		r->target = &b->target[r - run];
		r->max = max / b->ntargets;
		for (i = 0; i < b->nrows; i++)
			r->replies = r->replies || row_of(&b->row[i]) == FIRST_REPLY;
		good = (r->in = malloc(IN_SIZE)) != NULL;
		for (i = CONNECT; i <= FIRST_REPLY; i++) {
			stamps = b->client.stamps && i == FIRST_REPLY;
			r->now[i] = result_new(b->rows == TSV_RAW, false, stamps);
			r->total[i] = result_new(false, false, stamps);
			good = good && r->now[i] && r->total[i];
		}
	}
	if (good)
		return run;
	free_runs(run, b->ntargets);
	return NULL;
}

static int
check_and_measure(struct bench *b)
{
	uint64_t max = bench_descriptors(),
		 rounds = b->rounds ? b->rounds
	    : b->in_rounds          ? ROUNDS
				    : 1;
	/* a block of a certain time has as many as there can be */
	uint64_t most = b->time_ns ? 0
	    : b->in_rounds         ? (b->count ? b->count : BLOCK) + BLOCK_SKIPPED
				   : b->count;
	struct run *run;
	size_t i, n = 0;

	/* all stay open; a count of 10^12 times 10^12 rounds is too many as well */
	if (bench_lacks_descriptors(
		most > UINT64_MAX / rounds / b->ntargets ? UINT64_MAX : most * rounds * b->ntargets,
		"-n: %" PRIu64 " connections to %zu targets in %" PRIu64 " rounds", most,
		b->ntargets, rounds))
		return 2;
	run = make_runs(b, max);
	if (run) {
		run_all(b, run);
		for (i = 0; i < b->ntargets; i++)
			n += run[i].n;
		if (b->command)
			run_command(b, n);
	} else {
		msg("%s", strerror(ENOMEM));
		b->failed = true;
	}
	free_runs(run, b->ntargets);
	return 0;
}

static const struct bench_program program = {
	.name = "bench-conn",
	.about = "Measure connection set-up: connections one after the other, all kept open.",
	.options = "ntwoTFlxRDyHqBbPSW",
	.counted = "connections",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 100,
	.warmup = 10,
	.path = true,
	.run = check_and_measure,
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
