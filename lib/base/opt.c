/* SPDX-License-Identifier: ISC */
/* The options that a command line begins with. */
#include "base/opt.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/std.h"

#define LETTERS 64
#define EXIT_USAGE 2

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
	char letters[LETTERS];
	int letter;

	snprintf(letters, sizeof letters, ":hV%s", o->letters);
	opterr = 0;
	switch (letter = getopt(argc, argv, letters)) {
	case -1:
		return OPT_NONE;
	case 'h':
	case 'V':
		return print(o, letter == 'V', status);
	case ':':
		msg("-%c: needs a value", optopt);
		*status = EXIT_USAGE;
		return OPT_EXIT;
	case '?':
		return unknown(o, argc, argv, status);
	default:
		return letter;
	}
}

unsigned
opt_processors(unsigned most)
{
	long n = -1;

#ifdef _SC_NPROCESSORS_ONLN     /* every system has it, POSIX.1-2008 hasn't */
	n = sysconf(_SC_NPROCESSORS_ONLN);
#endif
	return n < 1 ? 1 : (unsigned long)n > most ? most : (unsigned)n;
}
