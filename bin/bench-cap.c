/* SPDX-License-Identifier: ISC */
/* bench-cap: capacity. The highest rate of requests at which a quantile of the response time stays
 * within a limit: two rates, one that surely holds and one that surely does not.
 *
 * An open loop, driven by one thread with an event loop; the response time counts from when a
 * request is due. Each rate that is tried is a probe, and a row. What decides is in stats/limit.h,
 * which rate comes next in stats/capacity.h; here is how long a probe may last, and when the
 * client rather than the service was the limit.
 *
 * A probe ends as soon as it is decided, or when the first request fails: a rate at which requests
 * fail does not hold. What is outstanding then is waited for, for a moment, and is no part of the
 * row; a service that does not answer in time gets new connections. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/rng.h"
#include "client/target.h"
#include "load/event.h"
#include "stats/capacity.h"

#define TIME_NS (60 * CLOCK_S)
#define BOUND 1000000 /* requests per second */
#define PRECISION 0.05

#define PROBES 4  /* there is time for so many of the lowest rate that is tried */
#define LIMITS 10 /* that a probe has to last at least */

/* The first rate, as a share of what one client has that waits for each reply. */
#define FIRST_SHARE 0.1
#define TRIALS 3 /* requests that find this out; those that time out don't count for so long: */
#define TRIALS_WAIT_NS (5 * CLOCK_S)

/* Only a client that had no processor, or was stopped, notices so late that a request is due. */
#define ABSENT_NS (10 * CLOCK_MS)

#define DRAIN_NS (500 * CLOCK_MS) /* or twice the limit */

static const struct bench_op ops[] = {
	{ .name = "ping", .op = OP_PING, .when = BENCH_UNSIZED },
	{ .name = "echo", .op = OP_ECHO, .sized = true, .when = BENCH_SIZED },
	{ .name = "upload", .op = OP_UPLOAD, .sized = true, .when = BENCH_ASKED },
	{ .name = "download", .op = OP_DOWNLOAD, .sized = true, .when = BENCH_ASKED },
};

/* One rate that is tried. */
struct probe {
	struct bench *bench;
	struct result *result;
	struct limit limit;
	struct limit_share share;
	struct schedule due; /* the same as the driver's: what is due by now */
	bool glance;
	bool stopped;         /* it is over, for whatever reason */
	uint64_t deadline_ns; /* of all */

	uint64_t ndue, ndone, room; /* requests; connections have room for so many */
	uint64_t full_ns;           /* when it was last used up */
	uint64_t late;              /* beyond the limit only as the client sent it late */
	uint64_t missed;            /* beyond it before the client was there to send them */
	uint64_t missed_ns;         /* when the last of these was due */
	uint64_t turn_ns, idle, busy_ns, absent_ns;
	uint64_t cpu_ns; /* used when the part that is recorded began; 0: it hasn't */
};

/* A target. */
struct lane {
	struct bench_target *target;
	struct driver *driver;
	struct capacity search;
	struct result *now, *best, *total; /* of the probe, of the rate that holds, of all probes */
	uint64_t best_start_ns;
	struct tsv_capacity best_cells;
	bool over;                /* its search is */
	bool gone;                /* it can't be measured any further */
	bool client;              /* the client was the limit, */
	double client_rate, busy; /* at this rate, for this share of its time */
	bool connections;         /* at the rate that fails requests waited for connections only */
};

/* ---- a probe ---- */

static void
saw(void *arg, const struct result_sample *s)
{
	struct probe *p = arg;
	uint64_t limit_ns = p->limit.limit_ns;

	p->ndone++;
	if (s->ok)
		limit_done(&p->limit, s->start_ns, s->ns);
	if (s->ns > limit_ns && s->ns - s->wait_ns <= limit_ns && s->start_ns > p->full_ns
	    && s->start_ns > p->missed_ns)
		p->late++;
}

/* Of the turn of the event loop that is over: was it free? */
static void
end_turn(struct probe *p, uint64_t now)
{
	if (now > p->due.due_ns && now - p->due.due_ns > ABSENT_NS)
		p->absent_ns += now - p->turn_ns;
	else if (p->result->idle == p->idle)
		p->busy_ns += now - p->turn_ns;
	p->idle = p->result->idle;
	p->turn_ns = now;
}

/* Asked in each turn: is the probe over? */
static bool
enough(void *arg)
{
	struct probe *p = arg;
	uint64_t now = clock_ns(), limit_ns = p->limit.limit_ns, due_ns;
	uint64_t noticed_ns = limit_ns > ABSENT_NS ? limit_ns : ABSENT_NS;

	end_turn(p, now);
	if (!p->cpu_ns && now >= p->result->from_ns)
		p->cpu_ns = clock_thread_cpu_ns();
	for (; p->due.due_ns <= now; p->ndue++) {
		due_ns = schedule_take(&p->due);
		limit_due(&p->limit, due_ns);
		if (now - due_ns > noticed_ns && due_ns >= p->result->from_ns) {
			p->missed++;
			p->missed_ns = due_ns;
		}
	}
	if (p->ndue - p->ndone >= p->room)
		p->full_ns = now;
	if (now >= p->deadline_ns || p->result->errors > 0)
		p->stopped = true;
	if (!p->stopped && limit_ready(&p->limit, now)) {
		limit_look(&p->limit, now, &p->share);
		p->stopped = p->share.verdict != LIMIT_UNDECIDED || (p->glance && p->share.passes);
	}
	return p->stopped;
}

/* A bare limit of time, for what is no probe. */
static bool
overdue(void *arg)
{
	return clock_ns() >= *(uint64_t *)arg;
}

/* NOLINTBEGIN(clang-analyzer-core.NullDereference): each lane has results and a target */

/* Run the driver without anything that is due: replies that are outstanding come in, or -1. */
static int
drain(struct bench *b, struct lane *l, const struct call *call, uint64_t deadline_ns)
{
	uint64_t now = clock_ns();
	uint64_t until_ns = now + (DRAIN_NS > 2 * b->limit_ns ? DRAIN_NS : 2 * b->limit_ns);
	int res;

	if (until_ns > deadline_ns)
		until_ns = deadline_ns;
	result_clear(l->now);
	b->enough = overdue;
	b->enough_arg = &until_ns;
	res = l->driver->run(l->driver, call, l->now, UINT64_MAX, now, now);
	b->enough = NULL;
	b->enough_arg = NULL;
	result_clear(l->now);
	return res < 0 || clock_ns() >= until_ns ? -1 : 0;
}

/* New connections. False: the target is out, and why has been said or will be. */
static bool
connect_target(struct bench *b, struct lane *l, uint64_t deadline_ns)
{
	if (l->driver)
		l->driver->free(l->driver);
	l->driver = event_driver_new(b, &l->target->client, 0, b->clients, 0, 1);
	if (!l->driver) {
		msg("%s", strerror(errno));
		b->failed = l->gone = true;
		return false;
	}
	b->enough = overdue;
	b->enough_arg = &deadline_ns;
	if (l->driver->connect(l->driver, l->now) < 0) {
		msg("%s", strerror(errno));
		b->failed = l->gone = true;
	}
	b->enough = NULL;
	l->gone = l->gone || l->driver->gave_up(l->driver);
	result_merge(l->total, l->now);
	result_clear(l->now);
	return !l->gone && clock_ns() < deadline_ns && !bench_stopped(b);
}

/* How long does a request take that is alone? 0: none has succeeded. */
static uint64_t
try_alone(struct bench *b, struct lane *l, const struct call *call, uint64_t deadline_ns)
{
	enum schedule_dist dist = b->dist;
	uint64_t least, start, began = clock_ns();
	unsigned i = 0;

	b->dist = SCHEDULE_FIXED;
	b->rate = 1;
	b->enough = overdue;
	b->enough_arg = &deadline_ns;
	while (i < TRIALS && !bench_stopped(b) && !l->driver->gave_up(l->driver)) {
		start = clock_ns();
		if (l->driver->run(l->driver, call, l->now, UINT64_MAX, start, start + 1) < 0)
			break;
		if (clock_ns() - start < b->client.timeout_ns)
			i++;
		else if (clock_ns() - began >= TRIALS_WAIT_NS)
			break;
	}
	least = l->now->hist->min;
	b->enough = NULL;
	b->dist = dist;
	result_merge(l->total, l->now);
	result_clear(l->now);
	return least;
}

static void
begin_probe(struct bench *b, struct lane *l, struct probe *p, double rate, uint64_t start_ns,
    uint64_t most_ns, uint64_t deadline_ns)
{
	uint64_t from_ns = start_ns + limit_ramp_ns(b->limit_ns, most_ns);

	b->rate = rate;
	p->bench = b;
	p->result = l->now;
	p->deadline_ns = deadline_ns < start_ns + most_ns ? deadline_ns : start_ns + most_ns;
	p->room = (uint64_t)b->clients * b->depth;
	p->turn_ns = start_ns;
	limit_init(&p->limit, b->quantile, b->limit_ns, from_ns);
	schedule_init(&p->due, b->dist, rate, rng_stream(b->seed, b->when.round), 0, 1);
	schedule_start(&p->due, start_ns, UINT64_MAX, UINT64_MAX);
	l->now->from_ns = from_ns;
	l->now->saw = saw;
	l->now->arg = p;
}

/* Was the client busy in a probe that does not hold, or does not look so? Of the time that it was
 * there, which may be none. */
static bool
client_limits(struct lane *l, const struct probe *p, uint64_t took_ns)
{
	l->busy = (double)p->busy_ns / (double)(took_ns - p->absent_ns + 1);
	return l->busy > BENCH_BUSY_SHARE && p->share.verdict != LIMIT_HOLDS
	    && p->share.share > p->limit.share;
}

/* Does a rate fail only as the client was late, or not there? */
static bool
client_late(const struct probe *p)
{
	double late = (double)p->late / (double)(p->ndone ? p->ndone : 1);
	double missed = (double)p->missed / (double)(p->share.n ? p->share.n : 1);

	return p->share.verdict == LIMIT_FAILS && p->share.low - late - missed <= p->limit.share;
}

static struct tsv_capacity
cells(const struct bench *b, const struct lane *l, const struct limit_share *s)
{
	return (struct tsv_capacity){ .quantile = b->quantile,
		.limit_ns = b->limit_ns,
		.share = s->share,
		.low = s->low,
		.high = s->high,
		.holds = s->verdict,
		.holds_per_s = l->search.holds,
		.fails_per_s = l->search.fails };
}

static void
print(struct bench *b, struct lane *l, const struct bench_row *r, struct result *t,
    uint64_t start_ns, const struct tsv_capacity *c)
{
	b->capacity = c;
	bench_print(b, l->target, r, t, b->clients, 1, start_ns);
	b->capacity = NULL;
	t->until_sent_ns = t->until_due_ns; /* that a rate was not reached is what is looked for */
}

/* What a complete probe has found. */
static void
take(struct bench *b, struct lane *l, const struct bench_row *r, struct probe *p, uint64_t start_ns,
    uint64_t took_ns)
{
	struct result *t = l->now;
	struct tsv_capacity c;

	if (t->errors > 0)
		p->share.verdict = LIMIT_FAILS;
	else
		l->client = client_limits(l, p, took_ns);
	if (l->client || (t->errors == 0 && client_late(p)))
		p->share.verdict = LIMIT_UNDECIDED;
	if (!l->client)
		capacity_take(&l->search, b->rate, p->share.verdict, p->glance && p->share.passes);
	c = cells(b, l, &p->share);
	l->client_rate = b->rate;
	if (p->share.verdict == LIMIT_FAILS && hist_shows(t->service, b->quantile))
		l->connections = hist_quantile(t->service, b->quantile) <= b->limit_ns;
	print(b, l, r, t, start_ns, &c);
	if (p->share.verdict == LIMIT_HOLDS) {
		/* the answer's row is this one once more */
		l->now = l->best;
		l->best = t;
		l->best_start_ns = start_ns;
		l->best_cells = c;
		t = l->now;
	} else {
		result_merge(l->total, t);
	}
	result_clear(t);
}

/* Behind a probe, for share_ns at most: what is outstanding comes in, or there are new connections.
 * A target that has failed requests, or does not come to an end with them, may be dead: it is asked
 * once more, by a request alone. False: that is not answered, and nothing that failed before says
 * anything of a rate. */
static bool
recover(struct bench *b, struct lane *l, const struct call *call, bool failed, uint64_t share_ns,
    uint64_t deadline_ns)
{
	uint64_t now = clock_ns();
	uint64_t until_ns = share_ns < deadline_ns - now ? now + share_ns : deadline_ns;

	if (now >= deadline_ns || bench_stopped(b))
		return true;
	if (l->driver->gave_up(l->driver) || drain(b, l, call, until_ns) < 0) {
		failed = true;
		connect_target(b, l, until_ns);
	}
	if (!failed || (!l->gone && try_alone(b, l, call, until_ns) > 0) || bench_stopped(b))
		return true;
	l->gone = l->gone || clock_ns() < deadline_ns;
	return false;
}

/* Try one rate. False: the target is over. */
static bool
probe_rate(struct bench *b, struct lane *l, const struct bench_row *r, uint64_t share_ns,
    uint64_t deadline_ns)
{
	static struct probe p;
	double fails = l->search.fails;
	uint64_t start, most_ns, took;
	bool failed;
	double rate;
	int res;

	memset(&p, 0, sizeof p);
	if (!capacity_next(&l->search, &rate, &p.glance)
	    || !(most_ns = capacity_time_ns(rate, p.glance, limit_needs(b->quantile), share_ns)))
		return false;
	result_clear(l->now);
	start = clock_ns();
	if (b->progress)
		bench_status(b, b->ntargets > 1 ? l->target->label : NULL, r, rate,
		    l->total->errors, deadline_ns > start ? deadline_ns - start : 0);
	begin_probe(b, l, &p, rate, start, most_ns, deadline_ns);
	b->enough = enough;
	b->enough_arg = &p;
	res = l->driver->run(l->driver, &r->call, l->now, UINT64_MAX, start, p.deadline_ns);
	b->enough = NULL;
	l->now->cpu_ns = p.cpu_ns ? clock_thread_cpu_ns() - p.cpu_ns : 0;
	took = clock_ns() - start;
	if (res < 0) {
		msg("%s: %s", l->target->label, strerror(errno));
		b->failed = l->gone = true;
		return false;
	}
	if (bench_stopped(b))
		return false;
	/* a glance that has passed is looked at: once more is another chance to be wrong */
	if (p.share.verdict == LIMIT_UNDECIDED && !(p.glance && p.share.passes))
		limit_look(&p.limit, start + took, &p.share);
	failed = l->now->errors > 0;
	take(b, l, r, &p, l->now->from_ns, took);
	if (!l->client && !recover(b, l, &r->call, failed, share_ns, deadline_ns))
		l->search.fails = fails;
	return !l->gone && !l->client;
}

/* ---- the whole ---- */

/* Find out address and dialect, in this time, however long an operation may take. */
static void
ask_target(struct client *cl, uint64_t left_ns)
{
	uint64_t timeout_ns = cl->timeout_ns;

	if (cl->timeout_ns > left_ns)
		cl->timeout_ns = left_ns;
	client_probe(cl, false);
	cl->timeout_ns = timeout_ns;
}

/* Prepare all targets; those that don't answer in their part of the time are out. */
static void
prepare(struct bench *b, struct lane *lane, const struct bench_row *r, uint64_t deadline_ns)
{
	uint64_t need = limit_needs(b->quantile), alone, now, until_ns;
	double bound = b->rate, least, first;
	struct lane *l;

	least = (double)need / ((double)b->time_ns / 1e9 / PROBES / (double)b->ntargets);
	for (l = lane; l < lane + b->ntargets && !bench_stopped(b); l++) {
		b->rate = bound;
		now = clock_ns();
		until_ns = now < deadline_ns
		    ? now + (deadline_ns - now) / (uint64_t)(lane + b->ntargets - l)
		    : now;
		ask_target(&l->target->client, until_ns - now);
		alone = connect_target(b, l, until_ns) ? try_alone(b, l, &r->call, until_ns) : 0;
		if (alone == 0)
			l->gone = !bench_stopped(b);
		first = FIRST_SHARE * 1e9 / (double)(alone ? alone : 1);
		l->best_start_ns = clock_ns();
		capacity_init(&l->search, first, least, bound, 1 + b->precision);
	}
	b->rate = bound;
}

/* Probe all targets in turn, until each is over. */
static void
search(struct bench *b, struct lane *lane, const struct bench_row *r, uint64_t deadline_ns)
{
	uint64_t now;
	size_t i, left = 0;
	struct lane *l;

	for (i = 0; i < b->ntargets; i++)
		left += !(lane[i].over = lane[i].gone);
	for (b->when.round = 1; left > 0 && !bench_stopped(b); b->when.round++) {
		bench_order(b);
		for (i = 0; i < b->ntargets && !bench_stopped(b); i++) {
			l = &lane[b->order[i]];
			if (l->over)
				continue;
			now = clock_ns();
			l->over = now >= deadline_ns
			    || !probe_rate(b, l, r, (deadline_ns - now) / left, deadline_ns);
			left -= l->over;
		}
	}
}

/* What keeps a target from an answer, or what there is to know of it. */
static void
explain(const struct bench *b, const struct lane *l)
{
	const struct capacity *c = &l->search;
	const char *label = l->target->label;
	double width = c->holds > 0 ? c->fails / c->holds - 1 : 0;

	if (l->client)
		msg("%s: no answer: the client was the limit at %.2f per second (busy %.2f); "
		    "known to hold: %.2f",
		    label, l->client_rate, l->busy, c->holds);
	else if (c->fails == 0 && c->holds >= c->bound)
		msg("%s: the highest rate to try holds: %.2f per second (-r)", label, c->bound);
	else if (c->holds == 0 && c->fails > 0)
		msg("%s: nothing is known to hold: lower rates than %.2f per second need more time "
		    "(-t): a probe takes %" PRIu64 " operations or more",
		    label, c->least, limit_needs(b->quantile));
	else if (c->holds == 0 || c->fails == 0)
		msg("%s: not decided in the time there was (-t): a probe takes %" PRIu64
		    " operations or more",
		    label, limit_needs(b->quantile));
	else if (width > b->precision * 1.001)
		msg("%s: the two rates are %.1f %% apart: more time (-t) brings them nearer", label,
		    100 * width);
	if (!l->client && c->fails > 0 && l->connections && !b->quiet)
		msg("warning: %s: at the rates that fail, requests waited for a connection: with "
		    "more of them (-c) it may be more",
		    label);
}

/* The answers. Returns whether all have one. */
static bool
answer(struct bench *b, struct lane *lane, const struct bench_row *r)
{
	static const struct limit_share none = { LIMIT_UNDECIDED, false, 0, NAN, NAN, NAN };
	struct bench_row row = *r;
	struct tsv_capacity c;
	struct lane *l;
	bool all = true;

	row.op = "capacity";
	b->rate = 0; /* it is of no single one */
	b->when.round = 1;
	for (l = lane; l < lane + b->ntargets; l++) {
		if (l->client || l->search.holds + l->search.fails > 0) {
			c = l->search.holds > 0 ? l->best_cells : cells(b, l, &none);
			c.holds_per_s = l->search.holds;
			c.fails_per_s = l->search.fails;
			if (!l->client)
				print(b, l, &row, l->best, l->best_start_ns, &c);
			if (l->client || (!l->gone && !bench_stopped(b)))
				explain(b, l);
		} else if (!l->gone && !bench_stopped(b)) {
			explain(b, l);
		}
		result_merge(l->total, l->best);
		bench_remark(b, l->target, r, l->total, b->clients, 1);
		if (l->gone) {
			msg("%s: it does not answer%s", l->target->label,
			    l->search.holds > 0 ? " any more" : "");
			b->failed = true;
		}
		all = all && !l->client && l->search.holds > 0
		    && (l->search.fails > 0 || l->search.holds >= l->search.bound);
	}
	return all;
}

/* NOLINTEND(clang-analyzer-core.NullDereference) */

static void
free_lanes(struct lane *lane, size_t n)
{
	size_t i;

	for (i = 0; lane && i < n; i++) {
		if (lane[i].driver)
			lane[i].driver->free(lane[i].driver);
		result_free(lane[i].now);
		result_free(lane[i].best);
		result_free(lane[i].total);
	}
	free(lane);
}

/* NULL with errno. */
static struct lane *
make_lanes(struct bench *b)
{
	struct lane *lane = calloc(b->ntargets, sizeof *lane), *l;
	size_t i;

	for (i = 0; lane && i < b->ntargets; i++) {
		l = &lane[i];
		l->target = &b->target[i];
		l->now = result_new(false, true, false);
		l->best = result_new(false, true, false);
		l->total = result_new(false, true, false);
		if (!l->now || !l->best || !l->total) {
			free_lanes(lane, b->ntargets);
			errno = ENOMEM;
			return NULL;
		}
	}
	return lane;
}

/* Refuse what can have no answer. */
static bool
check(struct bench *b)
{
	uint64_t need = limit_needs(b->quantile);
	double probe_s = (double)b->time_ns / 1e9 / PROBES / (double)b->ntargets;
	double limit_s = (double)b->limit_ns / 1e9;

	if (b->limit_ns == 0)
		msg("-L is needed: quantile:time, such as p99:5ms");
	else if (b->nrows > 1)
		msg("one operation and one size can be searched for, not %zu", b->nrows);
	else if (probe_s < LIMITS * limit_s)
		msg("-t: a limit of %g s takes %g s or more", limit_s,
		    ceil(LIMITS * limit_s * PROBES * (double)b->ntargets));
	else if (b->rate * probe_s < (double)need)
		msg("-L: the quantile needs %" PRIu64 " operations in a probe: at %.10g per second "
		    "(-r) that is -t %.0f",
		    need, b->rate, ceil((double)need / b->rate * PROBES * (double)b->ntargets));
	else
		return !bench_lacks_descriptors(((uint64_t)b->clients + DRIVER_FDS) * b->ntargets,
		    "-c: %" PRIu64 " connections", (uint64_t)b->clients * b->ntargets);
	return false;
}

static int
measure(struct bench *b)
{
	uint64_t deadline_ns;
	struct lane *lane;
	bool answered = false;

	b->rows = TSV_CAPACITY;
	b->threads = 1;
	b->time_ns = b->time_ns ? b->time_ns : TIME_NS;
	b->precision = b->precision > 0 ? b->precision : PRECISION;
	if (!check(b))
		return 2;
	deadline_ns = clock_ns() + b->time_ns;
	lane = make_lanes(b);
	if (lane) {
		prepare(b, lane, &b->row[0], deadline_ns);
		search(b, lane, &b->row[0], deadline_ns);
		answered = answer(b, lane, &b->row[0]);
	} else {
		msg("%s", strerror(errno));
		b->failed = true;
	}
	free_lanes(lane, b->ntargets);
	return answered ? 0 : 3;
}

static const struct bench_help helps[] = {
	{ 't', "at most this many seconds in all (60)" },
	{ 'r', "the highest rate to try, requests per second (1000000)" },
	{ 0 },
};

static const struct bench_program program = {
	.name = "bench-cap",
	.about = "Find the highest rate at which a quantile of response times holds a limit.",
	.options = "LtsocdreASKNTCZfXFlHvqP",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.rate = BOUND,
	.helps = helps,
	.beside = "concurrent connections",
	.clients = 50,
	.many = true,
	.named = true,
	.probes = true,
	.run = measure,
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
