/* Clocks, in nanoseconds. A system without them is told so, and the program exits with 1. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

uint64_t clock_ns(void);            /* CLOCK_MONOTONIC */
uint64_t clock_thread_cpu_ns(void); /* processor time of the calling thread */

#endif
