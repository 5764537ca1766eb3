/* SPDX-License-Identifier: ISC */
/* The options at the start of a command line: the program's own, parsed by getopt(3), and those
 * that every program here has (-h, --help, -V, --version). */
#ifndef OPT_H
#define OPT_H

#include <limits.h>
#include <stddef.h>

/* Bytes of a text of options: each letter and digit with its colon, and ":hV". */
#define OPT_LETTERS 128

struct opt {
	const char *letters;           /* the program's own, as for getopt(3): "n:q" */
	void (*help)(const void *arg); /* prints what -h asks for */
	const void *arg;
	int trouble; /* exit status if stdout fails */
};

enum { OPT_NONE = -1, OPT_EXIT = -2 };

/* The next option: its letter, and its value in optarg. OPT_NONE: there is none left, and the
 * operands begin at argv[optind]. OPT_EXIT: the program ends with *status; either what was
 * asked for is printed and stdout closed, or a message says what is wrong. */
int opt_next(const struct opt *, int argc, char **argv, int *status);

/* How many of these words, up to a NULL, are the options of another program (letters as
 * above), its "--" included? value[letter] is the last value of each, or NULL. */
size_t opt_skip(const char *letters, char *const *word, const char *value[UCHAR_MAX + 1]);

/* There is no memory for what options say, which is no usage error: say so, and end the program
 * with 1. Nothing has been measured or served yet that could be lost. */
_Noreturn void opt_no_memory(void);

/* What an allocation for them has returned, unless that is NULL: opt_no_memory(). */
static inline void *
opt_memory(void *p)
{
	if (!p)
		opt_no_memory();
	return p;
}

#endif
