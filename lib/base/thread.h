/* SPDX-License-Identifier: ISC */
/* Threads beside those that signals are for. */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>
#include <stddef.h>

/* As pthread_create(3), with a stack of this many bytes (0: the usual), and with all signals
 * blocked in it: others handle them. Returns 0, or an error number. */
int thread_start(pthread_t *, size_t stack, void *(*work)(void *), void *arg);

/* With that error, the thread behind the first i of n was not started: a message says so, and names
 * the limits that it may be. */
void thread_lacks(int error, unsigned i, unsigned n);

#endif
