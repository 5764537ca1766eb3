/* SPDX-License-Identifier: ISC */
/* A distribution as a picture of plain ASCII. */
#ifndef BARS_H
#define BARS_H

#include <stddef.h>
#include <stdio.h>

#include "stats/hist.h"

/* A histogram of at least one operation, in lines of up to width columns (but at least 60):
 * range, percentage of the operations, bar, and which quantiles lie there. The ranges grow by the
 * same factor, from the minimum to p99.9; what is beyond has one line. Only std_close() tells
 * whether writing succeeded. */
void bars_print(FILE *, const struct hist *, size_t width);

#endif
