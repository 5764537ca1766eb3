/* SPDX-License-Identifier: ISC */
/* The file of due times (-r @file): its I/O and its messages. */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>

#include "load/bench.h"

/* Read it to the end ("-": standard input), make the gaps shorter by this factor (above 0), leave
 * out what b->time_ns cuts off, and set due times, rate and distribution. False: a message has said
 * what is wrong, or a stop signal came meanwhile. */
bool replay_read(struct bench *b, const char *path, double factor);

#endif
