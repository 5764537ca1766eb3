/* SPDX-License-Identifier: ISC */
/* The options that a command line begins with: those of the program, as getopt(3) takes them
 * apart, and those that every program here has (-h, --help, -V). */
#ifndef OPT_H
#define OPT_H

struct opt {
	const char *letters;            /* of the program's own, a ':' behind what has a value */
	void (*help)(const void *arg);  /* prints what -h asks for */
	const void *arg;
	int trouble;                    /* exit status if stdout fails */
};

enum { OPT_NONE = -1, OPT_EXIT = -2 };

/* The next option: its letter, and its value in optarg. OPT_NONE: there is none left, and the
 * operands begin at argv[optind]. OPT_EXIT: the program ends with *status; what was asked for
 * is printed and stdout closed, or a message has told what is wrong. */
int opt_next(const struct opt *, int argc, char **argv, int *status);

/* The processors that are online, as far as the system tells: at least 1, and most at most. A
 * default for numbers of threads. */
unsigned opt_processors(unsigned most);

#endif
