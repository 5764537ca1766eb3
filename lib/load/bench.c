/* SPDX-License-Identifier: ISC */
/* What the benchmark programs share: see bench.h. */
#include "load/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/target.h"
#include "load/event.h"
#include "net/loop.h"
#include "base/msg.h"
#include "base/pipe.h"
#include "base/std.h"

#define IN_SIZE     ((size_t)256 << 10) /* one connection: a read of bulk data is large */

#define SPARE_FDS 16            /* standard streams, what the libc and a server's child have open */

/* A share of the time from which on the client rather than the peer was measured, if the
 * row is long enough for the figure to mean something. */
#define BUSY_SHARE  0.9
#define BUSY_NS     ((uint64_t)200 * 1000 * 1000)

/* ---- signals ---- */

static atomic_int stop_signal;

static void
stop(int sig)
{
	atomic_store_explicit(&stop_signal, sig, memory_order_relaxed);
}

static void
catch_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa, old;
	size_t i;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = stop;   /* and no SA_RESTART: a wait is to be interrupted */
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		/* nohup(1) */
		if (sigs[i] == SIGHUP && sigaction(SIGHUP, NULL, &old) == 0
		    && old.sa_handler == SIG_IGN)
			continue;
		sigaction(sigs[i], &sa, NULL);
	}
}

bool
bench_stopped(const struct bench *b)
{
	return b->mute || atomic_load_explicit(&stop_signal, memory_order_relaxed) != 0;
}

static void
tear_down(struct bench *b)
{
	client_free(&b->client);
	if (b->payload.data)
		payload_free(&b->payload);
	free(b->row);
}

int
bench_begin(struct bench *b, const struct bench_program *p, int argc, char **argv)
{
	const char *why;
	int status, sig;

	memset(b, 0, sizeof *b);
	b->program = p;
	b->client.stop = &stop_signal;
	msg_program(argc > 0 ? argv[0] : p->name);
	if (std_fill() < 0) {
		msg("/dev/null: %s", strerror(errno));
		return 1;
	}
	catch_signals();
	if ((status = bench_args(b, argc, argv)) < 0) {
		if (!(why = client_resolve(&b->client))) {
			client_probe(&b->client);
			return -1;
		}
		msg("%s: %s", b->client.url.host, why);
		status = 1;
	}
	tear_down(b);
	sig = atomic_load(&stop_signal);
	return sig ? 128 + sig : status;
}

int
bench_end(struct bench *b)
{
	int sig = atomic_load(&stop_signal);

	tear_down(b);
	if (std_close(stdout) != 0) {
		msg("stdout: %s", strerror(b->mute ? b->mute : errno));
		b->failed = true;
	}
	return sig ? 128 + sig : b->failed;
}

bool
bench_one_by_one(const struct bench *b)
{
	return b->depth == 1 && b->rate == 0;
}

uint64_t
bench_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return UINT64_MAX;      /* then the sockets themselves will tell */
	if (r.rlim_cur != r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		/* some systems allow less than they say; then what there was remains */
		if (setrlimit(RLIMIT_NOFILE, &r) != 0 && getrlimit(RLIMIT_NOFILE, &r) != 0)
			return UINT64_MAX;
	}
	if (r.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return r.rlim_cur > SPARE_FDS ? r.rlim_cur - SPARE_FDS : 0;
}

/* ---- what comes out ---- */

void
bench_progress(const struct bench *b, const struct bench_row *r)
{
	if (b->quiet || !isatty(STDERR_FILENO))
		return;
	if (r->call.sized)
		msg("%s, %" PRIu64 " bytes", r->op, r->call.size);
	else
		msg("%s", r->op);
}

/* What of an operation in an open loop a row shows. */
enum part { RESPONSE, WAIT, SERVICE };

static const char *const part_name[] = { NULL, "-wait", "-service" };

static void
print_samples(const struct bench *b, const struct bench_row *r, const struct result *t,
    bool open, uint64_t start_ns)
{
	struct tsv_raw raw = { .label = b->label, .bench = b->program->name, .op = r->op,
	    .size = r->call.size, .chunk = r->call.chunk };
	const struct result_piece *p;
	const struct result_sample *s;
	uint64_t at;
	size_t i;
	int part;

	for (p = t->first; p; p = p->next) {
		for (i = 0; i < p->n; i++) {
			s = &p->sample[i];
			at = s->start_ns > start_ns ? s->start_ns - start_ns : 0;
			raw.client = s->client;
			raw.seq = s->seq;
			raw.ok = s->ok;
			for (part = RESPONSE; part <= (open ? SERVICE : RESPONSE); part++) {
				raw.part = part_name[part];
				raw.start_ns = part == SERVICE ? at + s->wait_ns : at;
				raw.ns = part == WAIT ? s->wait_ns : part == SERVICE ?
				    s->ns - s->wait_ns : s->ns;
				tsv_sample(stdout, &raw);
			}
		}
	}
}

static void
print_summary(const struct result *t, bool open, enum tsv_rows rows, struct tsv_row *row)
{
	const struct hist *const hist[] = { t->hist, t->wait, t->service };
	int part;

	for (part = RESPONSE; part <= (open ? SERVICE : RESPONSE); part++) {
		row->part = part_name[part];
		row->hist = hist[part];
		(rows == TSV_HIST ? tsv_hist : tsv_summary)(stdout, row);
	}
}

/* Errors, each cause once, and what the reader of the row should know. */
static void
remark(struct bench *b, const struct bench_row *r, const struct result *t, unsigned clients,
    unsigned threads, uint64_t elapsed_ns)
{
	uint64_t done = t->hist->n + t->errors;
	double busy;
	unsigned i;

	for (i = 0; i < t->ncauses; i++) {
		if (t->cause[i].n > 1)
			msg("%s (and %" PRIu64 " more)", t->cause[i].text,
			    t->cause[i].n - 1);
		else
			msg("%s", t->cause[i].text);
	}
	if (t->other > 0)
		msg("%s: %" PRIu64 " operations failed of other causes", r->op, t->other);
	if (t->gone > 0 && clients > 1)
		msg("%s: %u of %u clients gave up", r->op, t->gone, clients);
	else if (t->gone > 0 && b->count > done)
		msg("%s: gave up after %" PRIu64 " of %" PRIu64 " operations", r->op, done,
		    b->count);
	if (t->dropped > 0)
		msg("%s: out of memory, %" PRIu64 " rows are missing", r->op, t->dropped);
	if (t->redialled > 0 && !b->warned) {
		msg("warning: the peer closes connections after its replies: connecting anew is "
		    "part of the figures (%s: of %" PRIu64 " operations)", r->op, t->redialled);
		b->warned = true;
	}
	busy = elapsed_ns ? (double)t->cpu_ns / ((double)elapsed_ns * threads) : 0;
	/* in an open loop the client also looks at the clock all the time when it is soon time
	 * to send, and how late that was is a row of its own */
	if (busy > BUSY_SHARE && elapsed_ns > BUSY_NS && b->rate == 0)
		msg("warning: %s: busy %.2f: the client was the limit", r->op, busy);
	if (t->errors > 0 || t->notes > 0 || t->gone > 0 || t->dropped > 0)
		b->failed = true;
}

void
bench_report(struct bench *b, const struct bench_row *r, const struct result *t,
    unsigned clients, unsigned threads, uint64_t start_ns)
{
	uint64_t elapsed = t->end_ns > start_ns ? t->end_ns - start_ns : 0;
	bool hello = r->call.op == CALL_HELLO, open = b->rate > 0 && !hello;
	struct tsv_row row = { .label = b->label, .bench = b->program->name, .op = r->op,
	    .size = r->call.size, .chunk = r->call.chunk, .clients = clients,
	    .depth = hello ? 1 : b->depth, .rate = open ? b->rate : 0,
	    .errors = t->errors, .elapsed_ns = elapsed, .cpu_ns = t->cpu_ns,
	    .threads = threads };

	if (b->header)
		tsv_header(stdout, b->rows);
	b->header = false;
	if (b->rows == TSV_RAW)
		print_samples(b, r, t, open, start_ns);
	else if (t->hist->n + t->errors > 0 || !bench_stopped(b))
		print_summary(t, open, b->rows, &row);
	/* a row is out as soon as it is complete, whatever happens to the next */
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		b->mute = errno ? errno : EIO;
	remark(b, r, t, clients, threads, elapsed);
}

/* ---- one client ---- */

void
bench_client_init(struct bench_client *k, const struct bench *b, unsigned index,
    unsigned char *in, size_t in_size)
{
	memset(k, 0, sizeof *k);
	k->index = index;
	client_conn_init(&k->conn, &b->client, in, in_size);
}

static enum bench_next
give_up(struct bench_client *k)
{
	k->gone = true;
	return BENCH_GIVE_UP;
}

enum bench_next
bench_after(struct bench_client *k, enum client_result res)
{
	bool close_each = k->conn.client->conf.close_each;

	if (res == CLIENT_TIMEOUT) {
		if (!client_grace(&k->conn))
			return give_up(k);
	} else if (res != CLIENT_LOST) {
		if (res != CLIENT_STOPPED) {
			client_answered(&k->conn);
			k->redials = 0;
		}
		return BENCH_GO_ON;
	}
	if (!close_each)
		return BENCH_REDIAL;
	/* each operation dials for itself: so many that can't are enough */
	if (k->conn.connected_ns == 0 && ++k->redials > BENCH_REDIALS)
		return give_up(k);
	return BENCH_GO_ON;
}

enum bench_next
bench_after_redial(struct bench_client *k, enum client_result res, struct result *t)
{
	if (res == CLIENT_OK || res == CLIENT_STOPPED) {
		k->redials = 0;
		return BENCH_GO_ON;
	}
	result_note(t, "connecting again", k->conn.error);
	if (res == CLIENT_TIMEOUT && !client_grace(&k->conn))
		return give_up(k);
	if (++k->redials == BENCH_REDIALS)
		return give_up(k);
	return BENCH_REDIAL;
}

enum bench_next
bench_after_first(struct bench_client *k, enum client_result res)
{
	return res == CLIENT_LOST || res == CLIENT_TIMEOUT ? give_up(k) : BENCH_GO_ON;
}

void
bench_absent(struct bench_client *k, struct result *t)
{
	struct result_sample s = { .client = k->index, .start_ns = clock_ns() };

	result_add(t, &s, "a client has no connection");
}

enum bench_next
bench_after_warm_up(struct bench_client *k, enum client_result res, struct result *t)
{
	enum bench_next next = bench_after(k, res);

	if (res == CLIENT_LOST || res == CLIENT_TIMEOUT)
		result_note(t, "warm-up", k->conn.error);
	return next;
}

/* One operation, and what follows from how it ended. */
static enum client_result
operate(struct bench_client *k, const struct call *call, struct result *t, bool record)
{
	struct client_conn *c = &k->conn;
	struct result_sample s = { .client = k->index, .seq = k->seq };
	enum client_result res = CLIENT_OK;
	enum bench_next next;
	bool dials = !client_ready(c);

	if (c->until_ns != UINT64_MAX)
		client_awaits(c, clock_ns());
	if (dials) {
		res = client_connect(c);
		s.start_ns = c->dialled_ns;
	} else {
		s.start_ns = clock_ns();
	}
	if (res == CLIENT_OK)
		res = client_call(c, call, s.start_ns);
	s.ns = clock_ns() - s.start_ns;
	s.ok = res == CLIENT_OK;
	if (res == CLIENT_STOPPED)
		return res;
	if (record) {
		result_add(t, &s, s.ok ? NULL : c->error);
		k->seq++;
		if (s.ok && dials && !c->client->conf.close_each)
			t->redialled++;
	}
	next = record ? bench_after(k, res) : bench_after_warm_up(k, res, t);
	while (next == BENCH_REDIAL)
		next = bench_after_redial(k, client_connect(c), t);
	return res;
}

void
bench_first(struct bench_client *k, const struct call *call, struct result *t)
{
	struct client_conn *c = &k->conn;
	struct result_sample s = { .client = k->index };
	enum client_result res = client_dial(c);

	if (res == CLIENT_OK)
		res = client_call(c, call, c->dialled_ns);
	s.start_ns = c->dialled_ns;
	s.ns = clock_ns() - s.start_ns;
	s.ok = res == CLIENT_OK;
	if (res != CLIENT_STOPPED)
		result_add(t, &s, s.ok ? NULL : c->error);
	bench_after_first(k, res);
	t->gone += k->gone;
}

void
bench_warm_up(struct bench *b, struct bench_client *k, const struct call *call, struct result *t)
{
	enum client_result res;
	uint64_t i;

	if (k->gone)
		return;
	for (i = 0; i < b->warmup && !k->gone && !bench_stopped(b); i++) {
		res = operate(k, call, t, false);
		if (res == CLIENT_LOST || res == CLIENT_TIMEOUT)
			break;
	}
	if (k->gone)
		bench_absent(k, t);
}

void
bench_run(struct bench *b, struct bench_client *k, const struct call *call, struct result *t,
    uint64_t start_ns)
{
	uint64_t left = b->count ? b->count : UINT64_MAX;
	uint64_t until = b->time_ns ? start_ns + b->time_ns : UINT64_MAX;

	k->seq = 0;
	while (left-- > 0 && t->end_ns < until && !k->gone && !bench_stopped(b))
		operate(k, call, t, true);
	t->gone += k->gone;
}

/* Make the connection unless there is one, or -K has each operation make its own. */
static void
connect_once(struct bench *b, struct bench_client *k, struct result *t)
{
	struct result_sample s = { .client = k->index };
	enum client_result res;

	if (client_ready(&k->conn) || b->client.conf.close_each)
		return;
	res = client_connect(&k->conn);
	if (res == CLIENT_OK || res == CLIENT_STOPPED)
		return;
	s.start_ns = k->conn.dialled_ns;
	s.ns = clock_ns() - s.start_ns;
	result_add(t, &s, k->conn.error);
	give_up(k);
}

/* What comes before the timed run of a row, by either driver. Returns 0, or -1 (errno): the
 * loop failed. */
static int
prepare(struct bench *b, struct crowd *w, struct bench_client *k, const struct call *call,
    struct result *t)
{
	int res;

	if (!w) {
		connect_once(b, k, t);
		bench_warm_up(b, k, call, t);
		return 0;
	}
	if ((res = crowd_connect(w, t)) != 0 || crowd_gone(w))
		return res;
	return crowd_warm_up(w, call, t);
}

/* One row over one connection. */
static void
measure(struct bench *b, struct crowd *w, struct bench_client *k, const struct bench_row *r,
    struct result *t)
{
	uint64_t start, cpu;
	int res;

	bench_progress(b, r);
	res = prepare(b, w, k, &r->call, t);
	cpu = clock_thread_cpu_ns();
	start = clock_ns();
	if (res == 0 && w)
		res = crowd_run(w, &r->call, t, start);
	else if (res == 0)
		bench_run(b, k, &r->call, t, start);
	t->cpu_ns = clock_thread_cpu_ns() - cpu;
	if (res < 0) {
		result_note(t, loop_backend, strerror(errno));
		k->gone = true;
	}
	bench_report(b, r, t, 1, 1, start);
	result_clear(t);
}

void
bench_sequence(struct bench *b)
{
	bool one_by_one = bench_one_by_one(b);
	unsigned char *in = malloc(IN_SIZE);
	struct result *t = result_new(b->rows == TSV_RAW, b->rate > 0);
	struct crowd *w = NULL;
	struct bench_client k;
	size_t i;

	if (!in || !t || (!one_by_one && !(w = crowd_new(b, 0, 1, 0, 1)))) {
		msg("%s", strerror(errno ? errno : ENOMEM));
		b->failed = true;
		goto out;
	}
	bench_client_init(&k, b, 0, in, IN_SIZE);
	for (i = 0; i < b->nrows && !k.gone && !bench_stopped(b); i++) {
		measure(b, w, &k, &b->row[i], t);
		if (w && crowd_gone(w))
			k.gone = true;
	}
	if (k.gone && i < b->nrows)
		msg("%zu of %zu rows were not measured", b->nrows - i, b->nrows);
	client_close(&k.conn);
out:
	crowd_free(w);
	result_free(t);
	free(in);
}
