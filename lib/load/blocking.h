/* SPDX-License-Identifier: ISC */
/* The blocking driver: one client, one request at a time, two system calls for each. */
#ifndef LOAD_BLOCKING_H
#define LOAD_BLOCKING_H

#include "load/bench.h"
#include "load/driver.h"

/* A closed loop of depth 1 for the client of this index. NULL with errno. Bench and
 * client are borrowed. */
struct driver *blocking_driver_new(const struct bench *, const struct client *, unsigned index);

#endif
