/* SPDX-License-Identifier: ISC */
/* Child processes. */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* What a shell's status is if a command can't be run, or isn't found. */
enum { CHILD_NOT_EXECUTABLE = 126, CHILD_NOT_FOUND = 127 };

/* Start a command: argv, its program looked up in PATH. Before, the new process calls prepare(arg)
 * with all signals blocked, as the caller has to have them, and then sets the mask that the command
 * is to have. On Linux it shares its memory with the caller, who waits until the command has begun
 * or the process has ended: nothing has to be copied. So prepare() must not change memory that the
 * caller looks at; descriptors and signal handlers are its own. If the command can't be run, there
 * is a message, and the status above. Returns the process's number, or -1 with errno. */
pid_t child_start(char *const *argv, void (*prepare)(const void *arg), const void *arg,
    const sigset_t *mask);

/* For a child to call: it gets SIGTERM when parent ends, however that comes about. False: that has
 * ended already. On systems other than Linux it does nothing. */
bool child_follows(pid_t parent);

#endif
