/* SPDX-License-Identifier: ISC */
/* Keep processors from going idle. One that has gone idle takes 20 to 200 us to wake on a virtual
 * machine, now more and now less: most of a round trip between two processors, and most of what it
 * varies by. A process that runs when nothing else wants to (SCHED_IDLE of Linux) keeps them awake.
 */
#ifndef AWAKE_H
#define AWAKE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cpus.h"

struct awake {
	int fd; /* the process ends when this is closed, however that comes about */
	pid_t pid;
};

/* Start a process that keeps these processors awake; what the caller starts afterwards does not
 * inherit the descriptor. Call it before there are threads. False: there is none to end. Either the
 * system has no such class, or the processor time is limited (control groups), which it would use
 * up, or there can be no process. */
bool awake_start(struct awake *, const struct cpus *);

/* End it, and wait for that. */
void awake_end(struct awake *);

#endif
