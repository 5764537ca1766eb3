/* SPDX-License-Identifier: ISC */
/* The life cycle of a benchmark program, and its output. */
#include "load/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/pipe.h"
#include "base/rng.h"
#include "base/std.h"
#include "client/target.h"

#define SPARE_FDS 16 /* standard streams, and what libc has open */

#define BUSY_NS (200 * CLOCK_MS) /* in less, the share that a client was busy means nothing */

/* A smaller part of the operations, one in as many, that includes connecting again says little. */
#define RECONNECTED_SHARE 100

/* So much later than due (a share of the whole time, and a hiccup) is not the rate asked for. */
#define LATE_SHARE 20
#define LATE_NS (20 * CLOCK_MS)

/* A wait for -W looks for signals this often. */
#define WAIT_NS (100 * CLOCK_MS)

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
	sa.sa_handler = stop; /* without SA_RESTART, so that it interrupts a wait */
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
bench_place(const char *cpus)
{
	const char *from = cpus ? "-P" : "BENCH_CLIENT_CPUS", *why;
	struct cpus set;

	if (!cpus && (!(cpus = getenv("BENCH_CLIENT_CPUS")) || !*cpus))
		return true;
	if (!(why = cpus_parse(&set, cpus)) && !(why = cpus_use(&set)))
		return true;
	msg("%s: %s: %s", from, why, cpus);
	return false;
}

bool
bench_stopped(const struct bench *b)
{
	return b->output_errno || b->late
	    || atomic_load_explicit(&stop_signal, memory_order_relaxed) != 0
	    || (b->enough && b->enough(b->enough_arg));
}

void
bench_wait(struct bench *b)
{
	uint64_t now;
	int slack;

	if (b->begin_ns == 0 || b->waited || bench_stopped(b))
		return;
	b->waited = true;
	if ((now = clock_epoch_ns()) > b->begin_ns) {
		msg("-W: too late by %.6f s: connecting and warming up took longer",
		    (double)(now - b->begin_ns) / 1e9);
		b->late = b->failed = true;
		return;
	}
	slack = clock_be_punctual();
	for (; now < b->begin_ns && !bench_stopped(b); now = clock_epoch_ns())
		/* a signal may have come just before: it is noticed in time even so */
		clock_sleep_until(b->begin_ns - now > WAIT_NS ? now + WAIT_NS : b->begin_ns);
	clock_undo_punctual(slack);
}

/* Returns -1, or the status to exit with. */
static int
begin(struct bench *b, const struct bench_program *p, int argc, char **argv)
{
	struct bench_target *t;
	int status;

	memset(b, 0, sizeof *b);
	b->program = p;
	b->client.stop = &stop_signal;
	msg_program(argc > 0 ? argv[0] : p->name);
	if (std_fill() < 0) {
		msg("/dev/null: %s", strerror(errno));
		return 1;
	}
	catch_signals();
	if ((status = bench_options(b, argc, argv)) >= 0)
		return status;
	for (t = b->target; t < b->target + b->ntargets; t++) {
		client_resolve(&t->client); /* without an address, its connections fail */
		if (!p->probes)
			client_probe(&t->client, p->adopts && !b->client.conf.close_each);
	}
	return -1;
}

static void
free_targets(struct bench *b)
{
	size_t i;

	for (i = 0; i < b->ntargets; i++) {
		client_free(&b->target[i].client);
		free(b->target[i].shown);
		result_free(b->target[i].now);
		result_free(b->target[i].total);
	}
	free(b->target);
	free(b->order);
	free(b->target_words);
	free(b->label_words);
}

int
bench_main(int argc, char **argv, const struct bench_program *p)
{
	struct bench b;
	int status = begin(&b, p, argc, argv), sig;

	if (status < 0) {
		b.progress = !b.quiet && isatty(STDERR_FILENO);
		b.same_terminal = b.progress && isatty(STDOUT_FILENO);
		status = p->run(&b);
		msg_status_end();
		if (std_close(stdout) != 0) {
			msg("stdout: %s", strerror(b.output_errno ? b.output_errno : errno));
			b.failed = true;
		}
		if (status != 2 && b.failed)
			status = 1;
	}
	free_targets(&b);
	if (b.payload.data)
		payload_free(&b.payload);
	due_free(&b.due);
	free(b.row);
	free(b.named);
	sig = atomic_load(&stop_signal);
	return sig ? 128 + sig : status;
}

void
bench_order(struct bench *b)
{
	size_t i;

	rng_order(&b->order_state, b->order, b->ntargets);
	for (i = 0; i < b->ntargets && b->when.pass == 1 && b->when.round == 1; i++)
		b->order[i] = i;
}

bool
bench_results(struct bench *b)
{
	struct bench_target *t;

	for (t = b->target; t < b->target + b->ntargets; t++) {
		result_free(t->now);
		result_free(t->total);
		t->now = result_new(b->rows == TSV_RAW, b->rate > 0, b->client.stamps);
		t->total = result_new(false, b->rate > 0, b->client.stamps);
		t->in_row = t->over = false;
		if (!t->now || !t->total) {
			errno = ENOMEM;
			return false;
		}
	}
	return true;
}

bool
bench_some_left(const struct bench *b)
{
	size_t i = 0;

	while (i < b->ntargets && b->target[i].over)
		i++;
	return i < b->ntargets;
}

void
bench_schedule(const struct bench *b, struct schedule *s, uint64_t seed, unsigned first,
    unsigned step)
{
	if (b->dist == SCHEDULE_LIST)
		schedule_init_list(s, b->due.ns, b->due.n, first, step);
	else
		schedule_init(s, b->dist, b->rate, seed, first, step);
}

uint64_t
bench_descriptors(void)
{
	uint64_t max = limits_descriptors();

	if (max == UINT64_MAX)
		return max;
	return max > SPARE_FDS ? max - SPARE_FDS : 0;
}

bool
bench_lacks_descriptors(uint64_t need, const char *fmt, ...)
{
	uint64_t max = bench_descriptors();
	char what[120];
	va_list ap;

	if (need <= max)
		return false;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	msg("%s need more than the limit of %" PRIu64 " descriptors (ulimit -n %" PRIu64
	    " would do)",
	    what, max + SPARE_FDS, need > UINT64_MAX - SPARE_FDS ? need : need + SPARE_FDS);
	return true;
}

/* ---- what comes out ---- */

/* What else there is to do than this row, as far as times say. */
static uint64_t
later_ns(const struct bench *b, const struct bench_row *r)
{
	uint64_t rows = 0;

	for (r++; r > b->row && r < b->row + b->nrows; r++)
		rows += !r->connects;
	return rows * b->time_ns * b->ntargets * (b->rounds ? b->rounds : 1);
}

static const char *
time_left(char text[32], uint64_t ns)
{
	uint64_t s = (ns + CLOCK_S - 1) / CLOCK_S;

	if (ns == UINT64_MAX)
		snprintf(text, 32, "%s", "");
	else if (s < 120)
		snprintf(text, 32, ", %u s left", (unsigned)s);
	else if (s < 7200)
		snprintf(text, 32, ", %u min left", (unsigned)((s + 59) / 60));
	else
		snprintf(text, 32, ", %" PRIu64 " h left", (s + 3599) / 3600);
	return text;
}

void
bench_status(const struct bench *b, const char *label, const struct bench_row *r, double rate,
    uint64_t errors, uint64_t left_ns)
{
	char left[32], size[32] = "";

	if (left_ns != UINT64_MAX)
		left_ns += later_ns(b, r);
	if (r->call.sized)
		snprintf(size, sizeof size, " %" PRIu64, r->call.size);
	msg_status("%.16s%s%.16s%s: %.0f/s, %" PRIu64 " errors%s", label ? label : "",
	    label ? " " : "", r->op, size, rate, errors, time_left(left, left_ns));
}

void
bench_progress(struct bench *b, const struct bench_row *r, uint64_t done, uint64_t rounds)
{
	uint64_t now;
	char left[32];

	if (!b->progress)
		return;
	now = clock_ns();
	if (done == 0)
		b->row_ns = now;
	else if (now - b->shown_ns < CLOCK_S)
		return;
	b->shown_ns = now;
	if (done == 0 || rounds == 1)
		msg_status("%.32s", r->op);
	else
		msg_status("%.32s: %" PRIu64 " of %" PRIu64 " rounds%s", r->op, done, rounds,
		    time_left(left,
			(uint64_t)((double)(now - b->row_ns) / (double)done
			    * (double)(rounds - done))
			    + later_ns(b, r)));
}

static uint64_t
since(uint64_t start_ns, uint64_t at_ns)
{
	return at_ns > start_ns ? at_ns - start_ns : 0;
}

/* The part of an operation that a row shows: two of an open loop, and two by stamps. */
enum part { RESPONSE, WAIT, SERVICE, ARRIVAL, WAKE, PARTS };

static const char *const part_name[] = { NULL, "-wait", "-service", "-arrival", "-wake" };

/* A sample's part: when it began, and how long it was. False: it has none such. */
static bool
part_of(const struct result_sample *s, enum part part, uint64_t *start_ns, uint64_t *ns)
{
	/* what failed ends where it is known to have failed */
	uint64_t wake_ns = s->ok ? s->wake_ns : 0, sent_ns = s->start_ns + s->wait_ns;
	uint64_t service_ns = s->ns - s->wait_ns;

	*start_ns = part == RESPONSE || part == WAIT ? s->start_ns : sent_ns;
	*ns = part == RESPONSE ? s->ns : part == WAIT ? s->wait_ns : service_ns;
	if (part != ARRIVAL && part != WAKE)
		return true;
	if (wake_ns == RESULT_UNSTAMPED)
		return false;
	*ns = part == WAKE ? wake_ns : service_ns - wake_ns;
	if (part == WAKE)
		*start_ns += service_ns - wake_ns;
	return true;
}

/* The parts that rows show: in an open loop, and with stamps, more than the first. */
static bool
shows(const struct result *t, bool open, int part)
{
	return part == RESPONSE || (part == ARRIVAL || part == WAKE ? t->arrival != NULL : open);
}

static void
print_samples(const struct bench *b, const char *label, const struct bench_row *r,
    const struct result *t, bool open, uint64_t start_ns)
{
	struct tsv_raw raw = { .label = label,
		.bench = b->program->name,
		.op = r->op,
		.size = r->call.size,
		.chunk = r->call.chunk,
		.when = b->when };
	const struct result_piece *p;
	const struct result_sample *s;
	uint64_t at;
	size_t i;
	int part;

	for (p = t->first; p; p = p->next) {
		for (i = 0; i < p->n; i++) {
			s = &p->sample[i];
			raw.client = s->client;
			raw.seq = s->seq;
			raw.ok = s->ok;
			for (part = RESPONSE; part < PARTS; part++) {
				if (!shows(t, open, part) || !part_of(s, part, &at, &raw.ns))
					continue;
				raw.part = part_name[part];
				raw.start_ns = since(start_ns, at);
				tsv_sample(stdout, &raw);
			}
		}
	}
}

/* What the operations in a row have moved, if all moved as much: replies without a timestamp are
 * not in it. */
static uint64_t
share_of(uint64_t bytes, const struct hist *row, const struct hist *all)
{
	return row->n == all->n ? bytes
				: (uint64_t)((double)bytes * (double)row->n / (double)all->n + 0.5);
}

static void
print_summary(const struct result *t, bool open, enum tsv_rows rows, struct tsv_row *row)
{
	const struct hist *const hist[] = { t->hist, t->wait, t->service, t->arrival, t->wake };
	int part;

	for (part = RESPONSE; part < PARTS; part++) {
		if (!shows(t, open, part))
			continue;
		row->part = part_name[part];
		row->hist = hist[part];
		row->content = share_of(t->content, row->hist, t->hist);
		row->sent = share_of(t->sent_bytes, row->hist, t->hist);
		row->received = share_of(t->received_bytes, row->hist, t->hist);
		(rows == TSV_HIST ? tsv_hist : tsv_summary)(stdout, row);
	}
}

/* What rows have in common whatever was measured. */
static struct tsv_row
row_of(const struct bench *b, const struct bench_target *target, const struct bench_row *r,
    const struct result *t, unsigned clients, unsigned threads)
{
	return (struct tsv_row){ .label = target->label,
		.bench = b->program->name,
		.op = r->op,
		.size = r->call.size,
		.chunk = r->call.chunk,
		.clients = clients,
		.depth = r->connects ? 1 : b->depth,
		.rate = r->connects ? 0 : b->rate,
		.errors = t->errors,
		.cpu_ns = t->cpu_ns,
		.threads = threads,
		.capacity = b->capacity,
		.at = b->interval_ns ? TSV_ALL : TSV_NO_AT };
}

/* Rows of a timed part that began at start_ns come out. */
static void
begin_output(struct bench *b, struct tsv_row *row, uint64_t start_ns)
{
	if (b->same_terminal)
		msg_status_end();
	/* the clocks may drift apart: all rows of a part have the same time */
	if (b->part_ns != start_ns)
		b->when.start_ns = clock_epoch_ns() - since(start_ns, clock_ns());
	b->part_ns = start_ns;
	row->when = b->when;
	if (b->begin_ns > 0 && !b->told && !b->quiet && !b->late)
		msg("began %.6f s after -W", (double)since(b->begin_ns, b->when.start_ns) / 1e9);
	b->told = true;
	if (b->header)
		tsv_header(stdout, b->rows, b->interval_ns > 0);
	b->header = false;
}

/* A row is written as soon as it is complete, whatever happens to the next. */
static void
end_output(struct bench *b)
{
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		b->output_errno = errno ? errno : EIO;
}

void
bench_print_interval(struct bench *b, const struct bench_target *target, const struct bench_row *r,
    const struct result *t, unsigned clients, unsigned threads, uint64_t start_ns, uint64_t at_ns,
    uint64_t elapsed_ns)
{
	struct tsv_row row = row_of(b, target, r, t, clients, threads);

	row.elapsed_ns = elapsed_ns;
	row.at = TSV_INTERVAL;
	row.at_ns = at_ns;
	begin_output(b, &row, start_ns);
	print_summary(t, b->rate > 0, b->rows, &row);
	end_output(b);
}

void
bench_print(struct bench *b, const struct bench_target *target, const struct bench_row *r,
    struct result *t, unsigned clients, unsigned threads, uint64_t start_ns)
{
	bool open = b->rate > 0 && !r->connects;
	struct tsv_row row = row_of(b, target, r, t, clients, threads);

	t->elapsed_ns = row.elapsed_ns = since(start_ns, t->end_ns);
	t->until_due_ns = since(start_ns, t->due_ns);
	t->until_sent_ns = since(start_ns, t->sent_ns);
	begin_output(b, &row, start_ns);
	if (b->rows == TSV_RAW)
		print_samples(b, target->label, r, t, open, start_ns);
	else if (t->hist->n + t->errors > 0 || b->capacity || !bench_stopped(b))
		print_summary(t, open && !b->capacity, b->rows, &row);
	end_output(b);
}

/* What messages call a row. */
static const char *
row_name(char text[512], const char *label, const struct bench_row *r)
{
	int n = snprintf(text, 512, "%s%s%s", label ? label : "", label ? ": " : "", r->op);

	if (r->call.sized && n > 0 && n < 512)
		snprintf(text + n, 512 - (size_t)n, ", %" PRIu64 " bytes", r->call.size);
	return text;
}

/* Connecting all clients once: its sample is as large as they are many. */
static bool
connects_once(const struct bench *b, const struct bench_row *r)
{
	return b->program->many && r->connects;
}

/* Was the rate of an open loop not reached? */
static bool
late(const struct result *t)
{
	return t->errors == 0
	    && t->until_sent_ns > t->until_due_ns + t->until_due_ns / LATE_SHARE + LATE_NS;
}

/* What may be misleading. */
static void
warn(struct bench *b, struct bench_target *target, const struct bench_row *r,
    const struct result *t, unsigned threads)
{
	char text[512];
	const char *name = row_name(text, target->label, r);
	uint64_t done = t->hist->n + t->errors;
	double busy = t->elapsed_ns ? (double)t->cpu_ns / ((double)t->elapsed_ns * threads) : 0;

	if (t->reconnected > 0 && t->reconnected * RECONNECTED_SHARE >= done && !target->warned) {
		msg("warning: %s: the peer closes connections, idle ones or after its replies: "
		    "reconnecting is part of %" PRIu64 " of %" PRIu64 " operations",
		    name, t->reconnected, done);
		target->warned = true;
	}
	if (t->resent > 0)
		msg("warning: %s: the peer closes connections after its replies: %" PRIu64
		    " of %" PRIu64 " requests were behind such a one and were sent again",
		    name, t->resent, done);
	if (t->unstamped > 0)
		msg("warning: %s: %" PRIu64 " of %" PRIu64 " replies have no timestamp: they are "
		    "not in the rows -arrival and -wake",
		    name, t->unstamped, t->hist->n);
	if (t->retried > 0)
		msg("warning: %s: the peer closes kept connections without announcing it: %" PRIu64
		    " of %" PRIu64 " requests were sent once more%s",
		    name, t->retried, done, b->depth > 1 ? "" : " (-K avoids that)");
	/* in an open loop the client also polls the clock when a request is due soon, and how late
	 * it was is a row of its own */
	if (busy > BENCH_BUSY_SHARE && t->elapsed_ns > BUSY_NS && !t->wait)
		msg("warning: %s: busy %.2f: the client was the limit", name, busy);
	if (late(t) && b->dist == SCHEDULE_LIST)
		msg("warning: %s: the due times were not kept: the last was sent %.3g s late", name,
		    (double)(t->until_sent_ns - t->until_due_ns) / 1e9);
	else if (late(t))
		msg("warning: %s: the rate was not reached: %.0f per second instead of %.0f", name,
		    (double)(t->hist->n + t->errors) * 1e9 / (double)t->until_sent_ns, b->rate);
	/* over passes the interval says what they are worth */
	if (!b->by_default && !b->in_pass && t->elapsed_ns < BENCH_SHORT_NS && t->hist->n > 0
	    && t->errors == 0 && !connects_once(b, r) && !bench_stopped(b))
		msg("warning: %s: only %.3g ms were measured, too short to rely on (-n, -t, bench-turns)",
		    name, (double)t->elapsed_ns / 1e6);
}

/* What befell warming up or connecting again is told unless operations failed of it, too. */
static bool
is_repeated(const struct result *t, const char *text)
{
	const char *why = strstr(text, ": ");
	unsigned i;

	for (i = 0; why && i < t->ncauses; i++)
		if (strcmp(t->cause[i].text, why + 2) == 0)
			return true;
	return false;
}

void
bench_remark(struct bench *b, struct bench_target *target, const struct bench_row *r,
    const struct result *t, unsigned clients, unsigned threads)
{
	char text[512];
	const char *name = row_name(text, b->ntargets > 1 ? target->label : NULL, r);
	uint64_t done = t->hist->n + t->errors;
	unsigned i;

	for (i = 0; i < t->ncauses; i++) {
		if (is_repeated(t, t->cause[i].text))
			continue;
		if (t->cause[i].n > 1)
			msg("%s (and %" PRIu64 " more)", t->cause[i].text, t->cause[i].n - 1);
		else
			msg("%s", t->cause[i].text);
	}
	if (t->other > 0)
		msg("%s: %" PRIu64 " operations failed for other reasons", name, t->other);
	if (t->gave_up > 0 && b->program->many)
		msg("%s: %u of %u clients gave up", name, t->gave_up, clients);
	else if (t->gave_up > 0 && !b->in_rounds && b->count > done)
		msg("%s: gave up after %" PRIu64 " of %" PRIu64 " operations", name, done,
		    b->count);
	if (t->dropped > 0)
		msg("%s: out of memory, %" PRIu64 " rows are missing", name, t->dropped);
	/* the passes of bench-turns would all say the same */
	if (!b->quiet && b->when.pass == 1)
		warn(b, target, r, t, threads);
	if (t->errors > 0 || t->warnings > 0 || t->gave_up > 0 || t->dropped > 0)
		b->failed = true;
}
