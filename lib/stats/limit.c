/* SPDX-License-Identifier: ISC */
/* Does a quantile stay within a limit: see limit.h. */
#include "stats/limit.h"

#include <math.h>
#include <string.h>

#include "stats/paired.h"

#define MS ((uint64_t)1000 * 1000)

#define RAMP 20 /* limits */
#define RAMP_NS (100 * MS)

/* A batch at first, or this part of the limit if that is longer. */
#define BATCH_NS MS
#define BATCH_PART 8
#define LEAST_BATCHES (LIMIT_BATCHES / 2)
#define PARTS 32 /* independent batches: fewer are not enough */

/* Operations: fewer tell nothing; so many are enough for a glance, and for a verdict. If no more
 * than this share of those that have to be within the limit are, it needs no more. */
#define FEW 20
#define GLANCE 30
#define MANY 1500
#define PLAINLY 0.1

#define LEVEL 0.995 /* of the interval at each */
#define LEVEL_STEP 0.70710678118654752440
#define TREND_POINTS 8
#define AHEAD_NS 60e9

uint64_t
limit_ramp_ns(uint64_t limit_ns, uint64_t most_ns)
{
	uint64_t ns = limit_ns * RAMP > RAMP_NS ? limit_ns * RAMP : RAMP_NS;

	return ns < most_ns / 4 ? ns : most_ns / 4;
}

uint64_t
limit_needs(double q)
{
	double t = paired_student(LEVEL, LIMIT_BATCHES - 1);

	return (uint64_t)fmax(MANY, ceil(t * t * q / (1 - q)));
}

void
limit_init(struct limit *l, double q, uint64_t limit_ns, uint64_t start_ns)
{
	memset(l, 0, sizeof *l);
	l->share = 1 - q;
	l->limit_ns = limit_ns;
	l->start_ns = start_ns;
	l->batch_ns = limit_ns / BATCH_PART > BATCH_NS ? limit_ns / BATCH_PART : BATCH_NS;
	l->look_ns = LEAST_BATCHES * l->batch_ns;
}

static void
add_batch(struct limit_batch *to, const struct limit_batch *from)
{
	unsigned i;

	to->due += from->due;
	to->done += from->done;
	to->sum_ns += from->sum_ns;
	for (i = 0; i < LIMIT_LEVELS; i++)
		to->within[i] += from->within[i];
}

/* Two become one. */
static void
halve(struct limit *l)
{
	struct limit_batch *b = l->batch;
	unsigned i;

	for (i = 0; i < LIMIT_BATCHES / 2; i++) {
		b[i] = b[2 * i];
		add_batch(&b[i], &b[2 * i + 1]);
	}
	memset(b + i, 0, i * sizeof *b);
	l->batch_ns *= 2;
}

/* The batch of a time, or NULL. */
static struct limit_batch *
batch_of(struct limit *l, uint64_t due_ns)
{
	if (due_ns < l->start_ns)
		return NULL;
	while (due_ns - l->start_ns >= LIMIT_BATCHES * l->batch_ns)
		halve(l);
	return &l->batch[(due_ns - l->start_ns) / l->batch_ns];
}

void
limit_due(struct limit *l, uint64_t due_ns)
{
	struct limit_batch *b = batch_of(l, due_ns);

	if (b)
		b->due++;
}

void
limit_done(struct limit *l, uint64_t due_ns, uint64_t ns)
{
	struct limit_batch *b = batch_of(l, due_ns);
	double level = (double)l->limit_ns;
	unsigned i;

	if (!b)
		return;
	b->done++;
	b->sum_ns += (double)ns;
	for (i = 0; i < LIMIT_LEVELS; i++) {
		b->within[i] += (double)ns <= level;
		level *= LEVEL_STEP;
	}
}

/* The operations of a batch beyond a level. */
static double
beyond(const struct limit_batch *b, unsigned level)
{
	return (double)b->due - (double)b->within[level];
}

static double
student(struct limit *l, unsigned df)
{
	if (l->t[df] == 0)
		l->t[df] = paired_student(LEVEL, df);
	return l->t[df];
}

/* The standard deviation of a number of operations, and from how many independent parts it is. */
struct spread {
	double deviation, parts;
};

/* Of the number of operations beyond a level, in the first n batches. Their correlations count up
 * to the first pair of lags that have none (Geyer 1992). */
static struct spread
spread_of(const struct limit *l, unsigned n, unsigned level, double share)
{
	double d[LIMIT_BATCHES], zero = 0, sum, pair, all = 0;
	unsigned lag, i;

	for (i = 0; i < n; i++) {
		d[i] = beyond(&l->batch[i], level) - share * (double)l->batch[i].due;
		zero += d[i] * d[i];
	}
	for (lag = 0; lag < n / 2; lag += 2) {
		pair = 0;
		for (i = 0; i + lag < n; i++)
			pair += d[i] * d[i + lag];
		for (i = 0; i + lag + 1 < n; i++)
			pair += d[i] * d[i + lag + 1];
		if (pair <= 0)
			break;
		all += pair;
	}
	sum = fmax(2 * all - zero, zero);
	return (struct spread){ sqrt(sum * n / (n - 1)), zero > 0 ? n * zero / sum : n };
}

/* The standard deviation of the number of count independent operations that have this share. */
static double
independent(double count, double share)
{
	return sqrt(count * share * (1 - share));
}

/* By what factor is the deviation larger than that, where as many operations as are allowed are
 * beyond? */
static double
clustering(const struct limit *l, unsigned n, const struct limit_batch *all)
{
	double count = (double)all->due, p;
	unsigned level = 0;

	while (level < LIMIT_LEVELS - 1 && beyond(all, level) < l->share * count)
		level++;
	p = beyond(all, level) / count;
	/* of what nearly all exceed, clusters say nothing */
	if (p == 0 || p >= (1 + l->share) / 2)
		return 1;
	return fmax(1, spread_of(l, n, level, p).deviation / independent(count, p));
}

/* Do times grow? By the slope of the least squares through the means of eight parts. */
static bool
grows(struct limit *l, unsigned n)
{
	double x, y, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0, sum = 0, count = 0, slope, rest;
	unsigned m = n / TREND_POINTS, k = 0, i;

	for (i = 0; i < m * TREND_POINTS; i++) {
		sum += l->batch[i].sum_ns;
		count += (double)l->batch[i].done;
		if (i % m < m - 1)
			continue;
		if (count > 0) {
			x = (double)(i - i % m) * (double)l->batch_ns;
			y = sum / count;
			sx += x;
			sy += y;
			sxx += x * x;
			sxy += x * y;
			syy += y * y;
			k++;
		}
		sum = count = 0;
	}
	if (k < 4)
		return false;
	sxx -= sx * sx / k;
	sxy -= sx * sy / k;
	syy -= sy * sy / k;
	slope = sxy / sxx;
	rest = fmax(0, syy - slope * sxy);
	return slope > student(l, k - 2) * sqrt(rest / (k - 2) / sxx)
	    && sy / k + slope * AHEAD_NS > (double)l->limit_ns;
}

bool
limit_ready(const struct limit *l, uint64_t now_ns)
{
	return now_ns >= l->start_ns + l->limit_ns + l->look_ns;
}

void
limit_look(struct limit *l, uint64_t now_ns, struct limit_share *s)
{
	uint64_t from_ns = l->start_ns + l->limit_ns;
	uint64_t over = now_ns > from_ns ? (now_ns - from_ns) / l->batch_ns : 0;
	unsigned n = over < LIMIT_BATCHES ? (unsigned)over : LIMIT_BATCHES, i;
	struct limit_batch all = { 0 };
	double count, k, allowed, high, t;
	struct spread own;

	while (limit_ready(l, now_ns))
		l->look_ns += l->look_ns / 2;
	for (i = 0; i < n; i++)
		add_batch(&all, &l->batch[i]);
	count = (double)all.due;
	k = beyond(&all, 0);
	*s = (struct limit_share){ .n = all.due,
		.share = all.due ? k / count : NAN,
		.low = NAN,
		.high = NAN };
	if (n < LEAST_BATCHES || all.due < FEW)
		return;
	own = spread_of(l, n, 0, s->share);
	allowed = independent(count, l->share);
	high = fmax(own.deviation, allowed * clustering(l, n, &all));
	if (own.parts < PARTS)
		return;
	t = student(l, (unsigned)own.parts - 1);
	s->low = fmax(0, k - t * fmax(own.deviation, independent(count, s->share))) / count;
	s->high = fmin(count, k + t * high) / count;
	s->passes = all.due >= GLANCE && s->share <= l->share;
	if (all.due < MANY && s->share < 1 - (1 - l->share) * PLAINLY)
		return;
	if (k - t * fmax(own.deviation, allowed) > l->share * count)
		s->verdict = LIMIT_FAILS;
	else if (s->high < l->share && !grows(l, n))
		s->verdict = LIMIT_HOLDS;
}
