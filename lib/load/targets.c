/* SPDX-License-Identifier: ISC */
/* The targets of a run: operands, or what servers that nest have put into the environment. */
#include "load/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "client/target.h"

/* Copy a text and end each of its words, separated by blanks, with a NUL. Returns their number.
 * *copy is to be released with free(). */
static size_t
split(const char *text, char **copy)
{
	size_t n = 0;
	char *p;

	if (!(*copy = strdup(text)))
		return 0;
	for (p = *copy; *p; p++) {
		if (*p == ' ')
			continue;
		n++;
		p += strcspn(p, " ");
		if (!*p)
			break;
		*p = '\0';
	}
	return n;
}

/* The first word from p on, in what split() made. */
static char *
word_from(char *p)
{
	return p + strspn(p, " ");
}

static bool
add_target(struct bench *b, const char *url, const char *label)
{
	struct bench_target *t = &b->target[b->ntargets++];
	const char *why;

	t->url = url;
	t->label = label ? label : url;
	if ((why = client_target(&t->client, url))) {
		msg("%s: %s", url, why);
		return false;
	}
	return true;
}

/* name=URL, or a URL, which may hold a "=" of its own. */
static bool
add_operand(struct bench *b, char *text, const char *label)
{
	char *equals = strchr(text, '='), *scheme = strstr(text, "://");

	if (!equals || (scheme && scheme < equals))
		return add_target(b, text, label);
	*equals = '\0';
	return add_target(b, equals + 1, text);
}

static bool
from_environment(struct bench *b)
{
	const char *targets = getenv("BENCH_TARGET"), *labels = getenv("BENCH_LABEL");
	size_t n = targets ? split(targets, &b->target_words) : 0, m, i;
	char *url = b->target_words, *label;

	if (n == 0) {
		msg("no target: give a URL, or set BENCH_TARGET");
		return false;
	}
	m = labels && n > 1 ? split(labels, &b->label_words) : 0;
	if (m > 0 && m != n) {
		msg("BENCH_LABEL has %zu names for the %zu targets of BENCH_TARGET", m, n);
		return false;
	}
	if (!(b->target = calloc(n, sizeof *b->target))) {
		msg("%s", strerror(errno));
		return false;
	}
	label = m > 0 ? word_from(b->label_words) : NULL;
	for (i = 0, url = word_from(url); i < n; i++) {
		if (!add_target(b, url, label))
			return false;
		if (i + 1 == n)
			break;
		url = word_from(url + strlen(url) + 1);
		label = label ? word_from(label + strlen(label) + 1) : NULL;
	}
	return true;
}

/* Rows of several targets are told apart by their labels, which stand in lists. */
static bool
check_labels(const struct bench *b)
{
	const char *why = NULL, *label;
	size_t i, k;

	for (i = 0; i < b->ntargets && !why; i++) {
		label = b->target[i].label;
		why = tsv_bad_label(label);
		if (!why && b->ntargets > 1 && strchr(label, ' '))
			why = "a name among several can't hold a blank";
		for (k = 0; k < i && !why; k++)
			if (strcmp(b->target[k].label, label) == 0)
				why =
				    "two targets of this name: give them different ones (name=URL; "
				    "servers: -l)";
		if (why)
			msg("%s: %s", *label ? label : "label", why);
	}
	return !why;
}

bool
bench_targets(struct bench *b, char **operand, size_t n, const char *label)
{
	const char *env = getenv("BENCH_LABEL");
	size_t i;

	if (n == 0 && !from_environment(b))
		return false;
	if (n > 0 && !(b->target = calloc(n, sizeof *b->target))) {
		msg("%s", strerror(errno));
		return false;
	}
	for (i = 0; i < n; i++)
		if (!add_operand(b, operand[i], NULL))
			return false;
	if (label && b->ntargets > 1) {
		msg("-l: names one target; of several each has its own: name=URL");
		return false;
	}
	if (label)
		b->target[0].label = label;
	else if (b->ntargets == 1 && b->target[0].label == b->target[0].url && env && *env)
		b->target[0].label = env;
	return check_labels(b);
}
