/* SPDX-License-Identifier: ISC */
/* Pipes by which threads and signal handlers wake a loop. */
#ifndef PIPE_H
#define PIPE_H

/* A pipe: both ends close-on-exec and not blocking. Returns 0, or -1 with errno. */
int pipe_open(int fd[2]);

/* Write one byte to wake whoever waits for the reading end. It cannot fail: a full pipe wakes
 * the reader anyway. Async-signal-safe; keeps errno. */
void pipe_wake(int fd, unsigned char byte);

/* Read and discard everything. */
void pipe_drain(int fd);

#endif
