/* SPDX-License-Identifier: ISC */
/* Clocks, in nanoseconds. A system without them is told so, and the program exits with 1. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* A millisecond and a second in nanoseconds. */
#define CLOCK_MS ((uint64_t)1000 * 1000)
#define CLOCK_S (1000 * CLOCK_MS)

uint64_t clock_ns(void);            /* CLOCK_MONOTONIC */
uint64_t clock_thread_cpu_ns(void); /* processor time of the calling thread */

/* Have the system end the sleeps of this thread, and of threads and processes it starts from
 * now on, as punctually as it can, where it would else let them wait to save energy. */
void clock_be_punctual(void);

/* A sleep ends late by some 50 us even so, at times by more. Who has to be on time sleeps
 * until that long before it, and passes the rest awake: */
#define CLOCK_AWAKE_NS ((uint64_t)100 * 1000)

/* Wait, awake, until clock_ns() is at least that. Others' turns come in between. */
void clock_spin_until(uint64_t ns);

/* The timeout of poll(2), or of epoll_wait(2), that waits so many nanoseconds: rounded up, so
 * that it isn't over too soon, and at most INT_MAX milliseconds. UINT64_MAX (LOOP_FOREVER): -1. */
int clock_poll_ms(uint64_t ns);

#endif
