/* SPDX-License-Identifier: ISC */
/* The options that a command line begins with. */
#include "base/opt.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/std.h"

#define EXIT_USAGE 2
#define EXIT_NO_MEMORY 1

/* Print the help or the version, and close stdout. */
static int
print(const struct opt *o, bool version, int *status)
{
	if (version)
		printf("%s %s\n", msg_name(), VERSION);
	else
		o->help(o->arg);
	*status = 0;
	if (std_close(stdout) != 0) {
		msg("stdout: %s", strerror(errno));
		*status = o->trouble;
	}
	return OPT_EXIT;
}

/* getopt calls the second dash of "--word" an option, and stays at the word. */
static int
unknown(const struct opt *o, int argc, char **argv, int *status)
{
	const char *word = optind < argc ? argv[optind] : "";

	if (optopt == '-' && strcmp(word, "--help") == 0)
		return print(o, false, status);
	if (optopt == '-' && strcmp(word, "--version") == 0)
		return print(o, true, status);
	if (optopt == '-')
		msg("%s: unknown option; see -h", word);
	else
		msg("-%c: unknown option; see -h", optopt);
	*status = EXIT_USAGE;
	return OPT_EXIT;
}

int
opt_next(const struct opt *o, int argc, char **argv, int *status)
{
	char letters[OPT_LETTERS];
	int letter;

	snprintf(letters, sizeof letters, ":hV%s", o->letters);
	opterr = 0;
	switch (letter = getopt(argc, argv, letters)) {
	case -1: return OPT_NONE;
	case 'h':
	case 'V': return print(o, letter == 'V', status);
	case ':':
		msg("-%c: needs a value", optopt);
		*status = EXIT_USAGE;
		return OPT_EXIT;
	case '?': return unknown(o, argc, argv, status);
	default: return letter;
	}
}

size_t
opt_skip(const char *letters, char *const *word, const char *value[UCHAR_MAX + 1])
{
	const char *letter, *p;
	size_t n;

	memset(value, 0, (UCHAR_MAX + 1) * sizeof *value);
	for (n = 0; word[n] && word[n][0] == '-' && word[n][1]; n++) {
		if (strcmp(word[n], "--") == 0)
			return n + 1;
		for (p = word[n] + 1; *p; p++) {
			letter = *p == ':' ? NULL : strchr(letters, *p);
			if (!letter || letter[1] != ':')
				continue;
			/* the rest of the word is its value, or the next word */
			if (!p[1] && !word[n + 1])
				break;
			value[(unsigned char)*p] = p[1] ? p + 1 : word[++n];
			break;
		}
	}
	return n;
}

void
opt_no_memory(void)
{
	msg("out of memory");
	exit(EXIT_NO_MEMORY);
}
