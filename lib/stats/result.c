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

bool
result_add(struct result *t, const struct result_sample *s, const char *why)
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

void
result_missed(struct result *t, uint64_t n, const char *why)
{
	if (n == 0)
		return;
	t->errors += n;
	count_cause(t, why, n);
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
