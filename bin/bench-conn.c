/* SPDX-License-Identifier: ISC */
/* bench-conn: connection set-up. Connections one after the other, all open until the end, since
 * each may cost the peer a thread or a process. Two times for each: "connect", the kernel's
 * handshake, which is over before the peer's program has seen anything, and "first-reply", from
 * the start of connect to the first complete reply (RPC: GETROOT; HTTP: GET of the path or /ping),
 * which is what a connection really costs. Memory and socket are set up before the clock starts. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"
#include "load/bench.h"

#define IN_SIZE 16384
#define ENOUGH 3                /* failures in a row that end the run: see wanted() */

static const struct bench_op ops[] = {
	{ .name = "connect", .op = OP_HELLO },
	{ .name = "first-reply", .op = OP_HELLO }
};

static const struct call hello = { .op = OP_HELLO };

struct run {
	struct bench *bench;
	unsigned char *in;
	struct client_conn *conn;       /* all that were made */
	size_t n, cap;
	uint64_t max;                   /* sockets that can be open */
	uint64_t start_ns;
	struct result *connect, *reply;
	bool replies;                   /* the first reply is measured, too */
	unsigned failed, refused;       /* in a row */
	uint64_t until_ns;              /* of the next connection: client_grace() */
	bool gave_up;                   /* the peer had its time */
};

/* The next connection. NULL: out of memory. */
static struct client_conn *
next_conn(struct run *r)
{
	struct client_conn *p = array_room(r->conn, &r->cap, r->n + 1, sizeof *p);

	if (!p)
		return NULL;
	r->conn = p;
	p = &r->conn[r->n++];
	client_conn_init(p, &r->bench->client, r->in, IN_SIZE);
	p->until_ns = r->until_ns;
	return p;
}

/* Make one connection and wait for its first reply. It counts in both rows, in "connect" as soon
 * as the kernel has done its part. */
static enum client_result
measure(struct run *r, struct client_conn *c, uint64_t seq)
{
	struct result_sample s = { .seq = seq };
	enum client_result res = client_dial(c);
	uint64_t end_ns = clock_ns();

	s.start_ns = c->dialled_ns;
	if (res == CLIENT_STOPPED)
		return res;
	s.ok = res == CLIENT_OK;
	s.ns = (s.ok ? c->connected_ns : end_ns) - s.start_ns;
	/* a failure is reported once: with the first reply, if that is measured */
	result_add(r->connect, &s, s.ok ? NULL : r->replies ? "" : c->error);
	if (!r->replies)
		return res;

	if (res == CLIENT_OK)
		res = client_call(c, &hello, s.start_ns);
	if (res == CLIENT_STOPPED)
		return res;
	s.ok = res == CLIENT_OK;
	s.ns = clock_ns() - s.start_ns;
	result_add(r->reply, &s, s.ok ? NULL : c->error);
	return res;
}

/* What an attempt shows about a silent peer. */
static void
judge(struct run *r, struct client_conn *c, enum client_result res)
{
	if (res == CLIENT_TIMEOUT)
		r->gave_up = !client_grace(c);
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

	client_conn_init(&c, &r->bench->client, r->in, IN_SIZE);
	r->until_ns = c.until_ns;
	if (r->until_ns != UINT64_MAX)
		return;         /* the probe had no answer: the rest of its time is for the recorded ones */
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
wanted(const struct run *r, uint64_t seq)
{
	const struct bench *b = r->bench;
	bool never = (r->replies ? r->reply : r->connect)->hist->n == 0;

	if (bench_stopped(b))
		return false;
	if ((r->failed >= ENOUGH && never) || r->refused >= ENOUGH || r->gave_up) {
		msg("gave up after %u failure%s in a row", r->failed, r->failed > 1 ? "s" : "");
		return false;
	}
	if (b->time_ns && r->n == r->max) {
		msg("warning: -t: stopped at %zu connections: no more descriptors (ulimit -n)",
		    r->n);
		return false;
	}
	return b->count ? seq < b->count : clock_ns() - r->start_ns < b->time_ns;
}

static void
run(struct run *r)
{
	struct client_conn *c;
	enum client_result res;
	uint64_t seq, cpu;

	warm_up(r);
	r->start_ns = clock_ns();
	cpu = clock_thread_cpu_ns();
	for (seq = 0; wanted(r, seq); seq++) {
		if (!(c = next_conn(r))) {
			msg("%s", strerror(ENOMEM));
			r->bench->failed = true;
			break;
		}
		res = measure(r, c, seq);
		r->failed = res == CLIENT_OK ? 0 : r->failed + 1;
		r->refused = res == CLIENT_LOST && c->connected_ns == 0 ? r->refused + 1 : 0;
		judge(r, c, res);
		if (res != CLIENT_OK) {
			client_close(c);
			r->n--;
		}
	}
	cpu = clock_thread_cpu_ns() - cpu;
	r->connect->cpu_ns = r->reply->cpu_ns = cpu;
}

/* -x: while the connections are open, their cost to the server can be observed from outside. */
static void
run_command(struct run *r)
{
	struct bench *b = r->bench;
	char count[24];
	int status;

	/* what is buffered must come before the command's output */
	if (fflush(stdout) != 0 || bench_stopped(b))
		return;
	snprintf(count, sizeof count, "%zu", r->n);
	/* NOLINTNEXTLINE(cert-env33-c): the user's own command, for the shell */
	if (setenv("BENCH_CONNECTIONS", count, 1) < 0 || (status = system(b->command)) < 0) {
		msg("-x: %s", strerror(errno));
		b->failed = true;
	} else if (status != 0) {
		msg(WIFSIGNALED(status) ? "-x: the command was killed by signal %d"
		    : "-x: the command's exit status is %d",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		b->failed = true;
	}
}

static bool
is_reply(const struct bench_row *r)
{
	return strcmp(r->op, ops[1].name) == 0;
}

static int
check_and_measure(struct bench *b)
{
	struct run r = { .bench = b };
	size_t i;

	if ((r.max = bench_descriptors()) < b->count) {
		msg("-n: more than the limit of %" PRIu64 " descriptors (ulimit -n)", r.max);
		return 2;
	}
	for (i = 0; i < b->nrows; i++)
		r.replies = r.replies || is_reply(&b->row[i]);
	r.in = malloc(IN_SIZE);
	r.connect = result_new(b->rows == TSV_RAW, false);
	r.reply = result_new(b->rows == TSV_RAW, false);
	if (r.in && r.connect && r.reply) {
		bench_progress(b, &b->row[0]);
		run(&r);
		for (i = 0; i < b->nrows; i++)
			bench_report(b, &b->row[i], is_reply(&b->row[i]) ? r.reply : r.connect,
			    1, 1, r.start_ns);
		if (b->command)
			run_command(&r);
	} else {
		msg("%s", strerror(ENOMEM));
		b->failed = true;
	}
	for (i = 0; i < r.n; i++)
		client_close(&r.conn[i]);
	free(r.conn);
	free(r.in);
	result_free(r.connect);
	result_free(r.reply);
	return 0;
}

static const struct bench_program program = {
	.name = "bench-conn",
	.about = "Measure connection set-up: connections one after the other, all kept open.",
	.options = "ntwoTlxRDHq",
	.counted = "connections",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 100,
	.warmup = 10,
	.path = true,
	.run = check_and_measure
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
