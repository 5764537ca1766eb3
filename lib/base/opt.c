/* SPDX-License-Identifier: ISC */
/* The options that a command line begins with. */
#include "base/opt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/std.h"

#define LETTERS 64
#define EXIT_USAGE 2

/* Done with stdout. */
static int
printed(const struct opt *o, int *status)
{
	*status = 0;
	if (std_close(stdout) != 0) {
		msg("stdout: %s", strerror(errno));
		*status = o->trouble;
	}
	return OPT_EXIT;
}

/* getopt calls the second dash of "--words" an option, and stays at the word. */
static int
unknown(const struct opt *o, int argc, char **argv, int *status)
{
	const char *word = optind < argc ? argv[optind] : "";

	if (optopt == '-' && strcmp(word, "--help") == 0) {
		o->help(o->arg);
		return printed(o, status);
	}
	if (optopt == '-')
		msg("%s: unknown option (-h tells those there are)", word);
	else
		msg("-%c: unknown option (-h tells those there are)", optopt);
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
		o->help(o->arg);
		return printed(o, status);
	case 'V':
		printf("%s %s\n", msg_name(), VERSION);
		return printed(o, status);
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
