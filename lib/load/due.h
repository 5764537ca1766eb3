/* SPDX-License-Identifier: ISC */
/* Due times from text, as of the requests in an access log: one a line, in seconds, for a schedule.
 * No I/O: the text comes in pieces of any size. */
#ifndef DUE_H
#define DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUE_TEXT 40                      /* characters of a line; a time has at most 30 */
#define DUE_SECS_MAX 10000000000u        /* of a time: seconds since 1970 up to the year 2286 */
#define DUE_SPAN_MAX_S (30u * 24 * 3600) /* from the first to the last */

/* All zero at first. Eight bytes for each time, up to twice that while they grow. */
struct due {
	uint64_t *ns; /* n of them; after due_end() in ascending order, from 0 on. Owned */
	size_t n;
	double rate; /* set by due_end(): their mean rate per second, the inverse of the mean gap;
		      * INFINITY if all are at one moment */

	/* How far behind a time before it one was, at most, and its line; 0: never. */
	uint64_t back_ns, back_line;

	/* What is wrong: a static text, the line (0: it is of none), and how that begins. */
	const char *why;
	uint64_t line;
	char text[DUE_TEXT + 1];
	bool no_memory; /* that is it */

	/* Private. */
	size_t cap, len; /* of text */
	bool begun;      /* the line has */
	uint64_t latest_ns;
};

/* Take n bytes at p. False: the line is no time, or out of memory. */
bool due_feed(struct due *, const char *p, size_t n);

/* The text is at its end; its last line need not be. Sort the times (in a log requests stand in the
 * order they ended), count them from the first one, make the gaps shorter by this factor (above 0),
 * and leave out what is due at until_ns or later (0: nothing). False: there are none, or what is
 * left spans more than DUE_SPAN_MAX_S. */
bool due_end(struct due *, double factor, uint64_t until_ns);

void due_free(struct due *);

#endif
