/* SPDX-License-Identifier: ISC */
/* The options at the start of a command line: the program's own, parsed by getopt(3), and those
 * that every program here has (-h, --help, -V, --version). */
#ifndef OPT_H
#define OPT_H

struct opt {
	const char *letters;            /* the program's own, as for getopt(3): "n:q" */
	void (*help)(const void *arg);  /* prints what -h asks for */
	const void *arg;
	int trouble;                    /* exit status if stdout fails */
};

enum { OPT_NONE = -1, OPT_EXIT = -2 };

/* The next option: its letter, and its value in optarg. OPT_NONE: there is none left, and the
 * operands begin at argv[optind]. OPT_EXIT: the program ends with *status; either what was
 * asked for is printed and stdout closed, or a message says what is wrong. */
int opt_next(const struct opt *, int argc, char **argv, int *status);

/* The number of processors online as the system reports it, at least 1 and at most most. A
 * default for numbers of threads. */
unsigned opt_processors(unsigned most);

#endif
