/* SPDX-License-Identifier: ISC */
/* Clocks, in nanoseconds. Where a clock is missing, the program prints an error and exits with
 * status 1. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* A millisecond and a second in nanoseconds. */
#define CLOCK_MS ((uint64_t)1000 * 1000)
#define CLOCK_S (1000 * CLOCK_MS)

uint64_t clock_ns(void);        /* CLOCK_MONOTONIC */
uint64_t clock_coarse_ns(void); /* the same, but cheaper where the system has such a clock, and
				 * then up to CLOCK_COARSE_NS behind */
#define CLOCK_COARSE_NS (10 * CLOCK_MS)
uint64_t clock_thread_cpu_ns(void);  /* processor time of the calling thread */
uint64_t clock_process_cpu_ns(void); /* of all threads */

/* The time of day, in seconds since 1970, UTC. Somebody may set it: never for the length of
 * anything. Where the kernel shows its clock to programs, this is one read of memory. */
int64_t clock_epoch_s(void);

/* The same in nanoseconds, CLOCK_REALTIME: when something began, for other machines, and the clock
 * of the kernel's timestamps. */
uint64_t clock_epoch_ns(void);

/* Sleep until that is at least ns, also if the clock is set meanwhile. Returns 0, or -1 with errno:
 * EINTR, a signal came. */
int clock_sleep_until(uint64_t epoch_ns);

/* Have the system end sleeps as punctually as it can instead of delaying them to save energy: those
 * of this thread, and of the threads and processes it starts from now on. Returns what a process
 * that is not to inherit this gives to clock_undo_punctual. */
int clock_be_punctual(void);
void clock_undo_punctual(int before);

/* Even so, a sleep ends about 50 us late, sometimes more. To be on time, sleep until this long
 * before the moment and spend the rest awake. */
#define CLOCK_AWAKE_NS ((uint64_t)100 * 1000)

/* Wait, awake, until clock_ns() is at least ns. Yields the processor to other threads meanwhile. */
void clock_spin_until(uint64_t ns);

/* The timeout in milliseconds for poll(2) or epoll_wait(2) that waits ns nanoseconds: rounded up,
 * so that it does not end early, and at most INT_MAX. UINT64_MAX (LOOP_FOREVER): -1. */
int clock_poll_ms(uint64_t ns);

#endif
