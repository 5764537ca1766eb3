/* SPDX-License-Identifier: ISC */
/* All rows of a program, one after the other, and in each all targets in turn. */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include "load/bench.h"
#include "load/driver.h"

/* The driver that the options ask for, for n clients of one thread: blocking where there is a
 * thread per client with one request at a time, else the event loop. As event_driver_new(). */
struct driver *bench_driver(const struct bench *, const struct client *, unsigned first, unsigned n,
    unsigned share, unsigned shares);

/* Measure all rows with one connection to each target: the run() of most programs. */
int bench_sequence(struct bench *);

#endif
