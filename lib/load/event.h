/* SPDX-License-Identifier: ISC */
/* The event driver: many clients on one loop (loop.h), with several requests outstanding on
 * each connection, and at a rate. */
#ifndef LOAD_EVENT_H
#define LOAD_EVENT_H

#include "load/bench.h"
#include "load/driver.h"

/* n clients, counted from first; of the requests of an open loop, number share of shares is
 * theirs (schedule.h). NULL with errno. Bench and client are borrowed.
 * In an open loop each request is sent when it is due, on any connection with fewer than depth
 * of them outstanding, or as soon as there is one. One that has waited for the time limit, or
 * is due when all clients have given up, is an error. */
struct driver *event_driver_new(const struct bench *, const struct client *, unsigned first,
    unsigned n, unsigned share, unsigned shares);

#endif
