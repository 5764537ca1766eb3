/* SPDX-License-Identifier: ISC */
/* The system's limits by name and number, for messages. */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITS_TEXT 400 /* bytes that hold what these write */

/* The most descriptors that the process can have; UINT64_MAX: no limit is known. The soft limit is
 * raised to the hard one. */
uint64_t limits_descriptors(void);

/* What a program would like to have. */
struct limits_want {
	uint64_t descriptors; /* in all */
	uint64_t tasks;       /* threads of its own, in all; processes: child processes instead */
	uint64_t tasks_now;   /* of these it has them already */
	bool processes;
};

/* What a system call or pthread_create(3) has run into when it failed with this errno: for threads
 * and processes all that it may have been. One that is too low for what is wanted says what would
 * do: "ulimit -n: 20000 (100025 would do)". Returns text, which is empty if it is not a limit that
 * is known. */
const char *limits_name(int error, const struct limits_want *, char text[LIMITS_TEXT]);

/* "Too many open files (ulimit -n: 20000)": the error, and those limits if any is known. Returns
 * text. */
const char *limits_error(int error, const struct limits_want *, char text[LIMITS_TEXT]);

/* The limits that are too low for the threads or processes wanted, in the same form; none: an empty
 * text. Memory is not looked at. */
const char *limits_lacking(const struct limits_want *, char text[LIMITS_TEXT]);

#endif
