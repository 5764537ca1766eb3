/* SPDX-License-Identifier: ISC */
/* What is known of rpc-serve and http-serve from outside. */
#include "server/programs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/label.h"
#include "base/opt.h"

static const struct {
	const char *name;
	const char *scheme; /* of its protocol */
	const char *model;
} programs[] = {
	{ .name = "rpc-serve", .scheme = "rpc", .model = SERVE_RPC_MODEL },
	{ .name = "http-serve", .scheme = "http", .model = SERVE_HTTP_MODEL },
};

#define N_PROGRAMS (sizeof programs / sizeof *programs)

void
serve_default_label(char label[SERVE_LABEL], const char *scheme, const char *model)
{
	snprintf(label, SERVE_LABEL, "%s-%s", scheme, model);
}

const char *
serve_bad_label(const char *label)
{
	if (strchr(label, ' '))
		return "no blank can be part of it";
	if (strlen(label) >= SERVE_LABEL - 8) /* for a number behind it */
		return "too long";
	return label_bad(label);
}

static bool
is_listed(const char *list, const char *label)
{
	size_t n = strlen(label), k;

	for (; *list; list += k + (list[k] == ' ')) {
		k = strcspn(list, " ");
		if (k == n && memcmp(list, label, n) == 0)
			return true;
	}
	return false;
}

void
serve_unique_label(char label[SERVE_LABEL], const char *list)
{
	size_t n = strlen(label);
	unsigned number;

	for (number = 2; is_listed(list, label); number++)
		snprintf(label + n, SERVE_LABEL - n, ".%u", number);
}

bool
serve_words(char *const *argv, size_t *words, char label[SERVE_LABEL])
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	const char *value[UCHAR_MAX + 1];
	size_t i;

	for (i = 0; i < N_PROGRAMS && strcmp(programs[i].name, name) != 0; i++)
		;
	if (i == N_PROGRAMS)
		return false;
	*words = 1 + opt_skip(SERVE_OPTIONS, argv + 1, value);
	if (value['l'])
		snprintf(label, SERVE_LABEL, "%s", value['l']);
	else
		serve_default_label(label, programs[i].scheme,
		    value['m'] ? value['m'] : programs[i].model);
	return true;
}
