/* SPDX-License-Identifier: ISC */
/* The targets of a run. */
#ifndef TARGETS_H
#define TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "load/bench.h"

/* Take them from n operands "[name=]URL" (changed, and borrowed) or, if n is 0, from the lists
 * BENCH_TARGET and BENCH_LABEL. label: of a single target (-l), or NULL. False: usage, and a
 * message has said what is wrong. */
bool bench_targets(struct bench *, char **operand, size_t n, const char *label);

#endif
