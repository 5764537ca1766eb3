/* SPDX-License-Identifier: ISC */
/* What one thread measured for one row. */
#include "stats/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct result *
result_new(bool raw, bool open, bool stamps)
{
	struct result *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->raw = raw;
	t->hist = hist_new();
	if (open) {
		t->wait = hist_new();
		t->service = hist_new();
	}
	if (stamps) {
		t->arrival = hist_new();
		t->wake = hist_new();
	}
	t->parts = open || stamps;
	if (!t->hist || (open && (!t->wait || !t->service))
	    || (stamps && (!t->arrival || !t->wake))) {
		result_free(t);
		return NULL;
	}
	return t;
}

static void
free_samples(struct result *t)
{
	struct result_piece *p;

	while ((p = t->first)) {
		t->first = p->next;
		free(p);
	}
	t->last = NULL;
}

void
result_free(struct result *t)
{
	if (!t)
		return;
	free_samples(t);
	free(t->hist);
	free(t->wait);
	free(t->service);
	free(t->arrival);
	free(t->wake);
	free(t);
}

void
result_clear(struct result *t)
{
	struct result empty = { .hist = t->hist,
		.wait = t->wait,
		.service = t->service,
		.arrival = t->arrival,
		.wake = t->wake,
		.parts = t->parts,
		.live = t->live,
		.raw = t->raw };

	free_samples(t);
	hist_clear(t->hist);
	if (t->wait) {
		hist_clear(t->wait);
		hist_clear(t->service);
	}
	if (t->arrival) {
		hist_clear(t->arrival);
		hist_clear(t->wake);
	}
	*t = empty;
}

static void
retain(struct result *t, const struct result_sample *s)
{
	struct result_piece *p = t->last;

	if (!p || p->n == sizeof p->sample / sizeof *p->sample) {
		if (!(p = malloc(sizeof *p))) {
			t->dropped++;
			return;
		}
		p->next = NULL;
		p->n = 0;
		if (t->last)
			t->last->next = p;
		else
			t->first = p;
		t->last = p;
	}
	p->sample[p->n++] = *s;
}

/* Count n errors of one cause. */
static void
count_cause(struct result *t, const char *why, uint64_t n)
{
	unsigned i;

	for (i = 0; i < t->ncauses && strcmp(t->cause[i].text, why) != 0; i++)
		;
	if (i == RESULT_CAUSES) {
		t->other += n;
		return;
	}
	if (i == t->ncauses) {
		snprintf(t->cause[i].text, sizeof t->cause[i].text, "%s", why);
		t->cause[i].n = 0;
		t->ncauses++;
	}
	t->cause[i].n += n;
}

void
result_warn(struct result *t, const char *what, const char *why)
{
	char text[RESULT_TEXT];

	snprintf(text, sizeof text, "%s: %s", what, why);
	t->warnings++;
	count_cause(t, text, 1);
}

static void
latest(uint64_t *at_ns, uint64_t other_ns)
{
	if (*at_ns < other_ns)
		*at_ns = other_ns;
}

/* What an operation that succeeded has besides its time. */
static void
add_parts(struct result *t, const struct result_sample *s)
{
	if (t->wait) {
		hist_add(t->wait, s->wait_ns);
		hist_add(t->service, s->ns - s->wait_ns);
	}
	if (!t->arrival)
		return;
	if (s->wake_ns == RESULT_UNSTAMPED) {
		t->unstamped++;
	} else {
		hist_add(t->arrival, s->ns - s->wait_ns - s->wake_ns);
		hist_add(t->wake, s->wake_ns);
	}
}

static bool
add(struct result *t, const struct result_sample *s, const char *why)
{
	if (t->saw)
		t->saw(t->arg, s);
	if (!why && s->start_ns < t->from_ns)
		return false;
	if (why) {
		t->errors++;
		if (*why)
			count_cause(t, why, 1);
	} else {
		hist_add(t->hist, s->ns);
		if (t->parts)
			add_parts(t, s);
	}
	latest(&t->end_ns, s->start_ns + s->ns);
	if (t->wait) {
		latest(&t->due_ns, s->start_ns);
		latest(&t->sent_ns, s->start_ns + s->wait_ns);
	}
	if (t->raw)
		retain(t, s);
	return !why;
}

/* ---- what others see ---- */

bool
result_live_init(struct result_live *v, bool intervals, bool open, bool stamps)
{
	memset(v, 0, sizeof *v);
	pthread_mutex_init(&v->mutex, NULL);
	if (intervals) {
		v->set[0] = result_new(false, open, stamps);
		v->set[1] = result_new(false, open, stamps);
	}
	return !intervals || (v->set[0] && v->set[1]);
}

void
result_live_free(struct result_live *v)
{
	pthread_mutex_destroy(&v->mutex);
	result_free(v->set[0]);
	result_free(v->set[1]);
}

void
result_live_begin(struct result_live *v, uint64_t period_ns, uint64_t time_ns)
{
	atomic_store_explicit(&v->n, 0, memory_order_relaxed);
	atomic_store_explicit(&v->errors, 0, memory_order_relaxed);
	v->start_ns = v->number = v->latest = 0;
	v->period_ns = period_ns;
	v->last = period_ns && time_ns ? (time_ns - 1) / period_ns : UINT64_MAX;
	if (v->set[0]) {
		result_clear(v->set[0]);
		result_clear(v->set[1]);
	}
}

struct result *
result_live_take(struct result_live *v, struct result *empty, uint64_t next)
{
	struct result *taken;

	pthread_mutex_lock(&v->mutex);
	taken = v->set[0];
	v->set[0] = v->set[1];
	v->set[1] = empty;
	v->number = next;
	v->latest = 0;
	pthread_mutex_unlock(&v->mutex);
	return taken;
}

bool
result_live_ahead(const struct result_live *v)
{
	return v->set[1]->hist->n + v->set[1]->errors > 0;
}

void
result_live_moved(struct result_live *v, uint64_t content, uint64_t sent, uint64_t received)
{
	if (!v->period_ns)
		return;
	pthread_mutex_lock(&v->mutex);
	result_sum_moved(v->set[v->latest], content, sent, received);
	pthread_mutex_unlock(&v->mutex);
}

/* n of those that were counted in n or errors. Only the owner writes them. */
static void
count_live(struct result_live *v, bool failed, uint64_t n)
{
	_Atomic uint64_t *count = failed ? &v->errors : &v->n;

	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

/* An operation that is added late is in the interval that is taken next; one that ended in a later
 * interval, which this thread can know before the other one does, is behind it. */
static void
add_live(struct result_live *v, const struct result_sample *s, const char *why)
{
	uint64_t end_ns = s->start_ns + s->ns, number;

	count_live(v, why != NULL, 1);
	if (!v->period_ns)
		return;
	number = end_ns > v->start_ns ? (end_ns - v->start_ns) / v->period_ns : 0;
	if (number > v->last)
		number = v->last;
	pthread_mutex_lock(&v->mutex);
	v->latest = number > v->number;
	add(v->set[v->latest], s, why);
	pthread_mutex_unlock(&v->mutex);
}

bool
result_add(struct result *t, const struct result_sample *s, const char *why)
{
	bool counts = add(t, s, why);

	if (t->live)
		add_live(t->live, s, why);
	return counts;
}

static void
missed(struct result *t, uint64_t n, const char *why)
{
	t->errors += n;
	count_cause(t, why, n);
}

void
result_missed(struct result *t, uint64_t n, const char *why)
{
	if (n == 0)
		return;
	missed(t, n, why);
	if (!t->live)
		return;
	count_live(t->live, true, n);
	if (t->live->period_ns) {
		pthread_mutex_lock(&t->live->mutex);
		missed(t->live->set[0], n, why);
		pthread_mutex_unlock(&t->live->mutex);
	}
}

void
result_merge(struct result *to, struct result *from)
{
	unsigned i;

	hist_merge(to->hist, from->hist);
	if (to->wait && from->wait) {
		hist_merge(to->wait, from->wait);
		hist_merge(to->service, from->service);
	}
	if (to->arrival && from->arrival) {
		hist_merge(to->arrival, from->arrival);
		hist_merge(to->wake, from->wake);
	}
	to->unstamped += from->unstamped;
	to->content += from->content;
	to->sent_bytes += from->sent_bytes;
	to->received_bytes += from->received_bytes;
	to->errors += from->errors;
	to->unheard += from->unheard;
	to->warnings += from->warnings;
	to->reconnected += from->reconnected;
	to->cpu_ns += from->cpu_ns;
	to->retried += from->retried;
	to->resent += from->resent;
	to->gave_up += from->gave_up;
	to->dropped += from->dropped;
	to->other += from->other;
	to->elapsed_ns += from->elapsed_ns;
	to->until_due_ns += from->until_due_ns;
	to->until_sent_ns += from->until_sent_ns;
	latest(&to->end_ns, from->end_ns);
	latest(&to->due_ns, from->due_ns);
	latest(&to->sent_ns, from->sent_ns);
	for (i = 0; i < from->ncauses; i++)
		count_cause(to, from->cause[i].text, from->cause[i].n);
	if (from->first && to->raw) {
		if (to->last)
			to->last->next = from->first;
		else
			to->first = from->first;
		to->last = from->last;
		from->first = from->last = NULL;
	}
	result_clear(from);
}
