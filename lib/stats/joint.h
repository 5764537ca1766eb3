/* SPDX-License-Identifier: ISC */
/* Clients that ran at the same time, each with rows of its own, as if they were one: what each did
 * in the same round and pass of a configuration becomes one summary row. Counts, clients and rates
 * add up; times come from the merged histogram or, from summary rows, from what these say of it.
 *
 * A client's rows are those of a file, or behind a header line; one that comes again is another
 * client's. A client may have several rows of a configuration, with other numbers of clients or
 * other rates (-c 1,10): the first of one client goes with the first of each other, and so on. */
#ifndef JOINT_H
#define JOINT_H

#include <stdbool.h>
#include <stdio.h>

#include "stats/rows.h"

struct joint;

/* NULL: out of memory. */
struct joint *joint_new(void);
void joint_free(struct joint *);

/* What reads their rows: arg is the joint. A file may lack its end, and a message names what has no
 * rows or a histogram without its end. */
extern const struct rows_reader joint_reader;

/* Print the rows. What did not overlap in time is left out. False: something was, or a file had no
 * rows; messages have said which. */
bool joint_print(struct joint *, FILE *, bool header);

#endif
