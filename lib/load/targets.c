/* SPDX-License-Identifier: ISC */
/* The targets of a run: operands, or what servers that nest have put into the environment. */
#include "load/targets.h"

#include <stdlib.h>
#include <string.h>

#include "base/label.h"
#include "base/msg.h"
#include "base/opt.h"
#include "client/target.h"

/* What an environment variable lists: words, separated by blanks. */
struct list {
	char **word; /* into *copy; owned */
	size_t n;
};

/* *copy is to be released with free(), as are the words. */
static void
read_list(struct list *l, const char *text, char **copy)
{
	char *p;

	memset(l, 0, sizeof *l);
	if (!text)
		return;
	*copy = opt_memory(strdup(text));
	l->word = opt_memory(malloc((strlen(text) / 2 + 1) * sizeof *l->word));
	for (p = strtok(*copy, " "); p; p = strtok(NULL, " "))
		l->word[l->n++] = p;
}

static bool
add_target(struct bench *b, const char *url, const char *label)
{
	struct bench_target *t = &b->target[b->ntargets++];
	const char *why;

	t->url = url;
	t->label = label;
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

	if (text[0] == '-' && text[1] && !scheme) {
		msg("%s: options come before targets", text);
		return false;
	}
	if (!equals || (scheme && scheme < equals))
		return add_target(b, text, label);
	*equals = '\0';
	return add_target(b, equals + 1, text);
}

/* What the servers around this program call the target, which may have a path behind it: a script
 * may pass on, one by one, what it finds in BENCH_TARGET. NULL: it is none of theirs. */
static const char *
server_label(const struct list *targets, const struct list *labels, const char *url)
{
	size_t i, n;

	for (i = 0; i < targets->n; i++) {
		n = strlen(targets->word[i]);
		if (strncmp(url, targets->word[i], n) == 0
		    && (!url[n] || url[n] == '/' || url[n] == '?'))
			return labels->word[i];
	}
	return NULL;
}

static bool
from_environment(struct bench *b, const struct list *targets, const struct list *labels)
{
	size_t i;

	if (targets->n == 0) {
		msg("no target: give a URL, or set BENCH_TARGET");
		return false;
	}
	if (targets->n > 1 && labels->n > 0 && labels->n != targets->n) {
		msg("BENCH_LABEL has %zu names for the %zu targets of BENCH_TARGET", labels->n,
		    targets->n);
		return false;
	}
	for (i = 0; i < targets->n; i++)
		if (!add_target(b, targets->word[i],
			targets->n > 1 && labels->n > 0 ? labels->word[i] : NULL))
			return false;
	return true;
}

/* A target without a label is called by its URL. */
static void
default_labels(struct bench *b)
{
	struct bench_target *t;

	for (t = b->target; t < b->target + b->ntargets; t++)
		if (!t->label)
			t->label = t->shown = opt_memory(label_of(t->url));
}

/* Rows of several targets are told apart by their labels, which stand in lists. */
static bool
check_labels(const struct bench *b)
{
	const char *why = NULL, *label;
	size_t i, k;

	for (i = 0; i < b->ntargets && !why; i++) {
		label = b->target[i].label;
		why = label_bad(label);
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

static bool
add_all(struct bench *b, char **operand, size_t n, const struct list *targets,
    const struct list *labels, bool nested)
{
	size_t i;

	b->target = opt_memory(calloc(n ? n : targets->n + 1, sizeof *b->target));
	if (n == 0)
		return from_environment(b, targets, labels);
	for (i = 0; i < n; i++)
		if (!add_operand(b, operand[i],
			nested ? server_label(targets, labels, operand[i]) : NULL))
			return false;
	return true;
}

bool
bench_targets(struct bench *b, char **operand, size_t n, const char *label)
{
	const char *target_text = getenv("BENCH_TARGET"), *label_text = getenv("BENCH_LABEL");
	const char *servers = getenv("BENCH_SERVERS");
	struct list targets, labels;
	bool nested, good;

	read_list(&targets, target_text, &b->target_words);
	read_list(&labels, label_text, &b->label_words);
	nested = servers && target_text && strcmp(servers, target_text) == 0
	    && targets.n == labels.n;
	good = add_all(b, operand, n, &targets, &labels, nested);
	free(targets.word);
	free(labels.word);
	if (!good)
		return false;
	if (label && b->ntargets > 1) {
		msg("-l: names one target; of several each has its own: name=URL");
		return false;
	}
	if (label)
		b->target[0].label = label;
	else if (b->ntargets == 1 && !b->target[0].label && label_text && *label_text
	    && (n == 0 || !nested))
		b->target[0].label = label_text;
	default_labels(b);
	return check_labels(b);
}
