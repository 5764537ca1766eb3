/* SPDX-License-Identifier: ISC */
/* Clients driven by one thread from one loop (loop.h), with several requests in flight on
 * each connection, and at a rate: the other driver beside the blocking one of bench.h, which
 * does one request after the other. Same rules, same figures. */
#ifndef CROWD_H
#define CROWD_H

#include <stdbool.h>

#include "load/bench.h"

struct crowd;

/* n clients, counted from first on; of the requests of an open loop, number share of shares
 * is theirs (schedule.h). NULL with errno. The bench is borrowed. */
struct crowd *crowd_new(struct bench *, unsigned first, unsigned n, unsigned share,
    unsigned shares);
void crowd_free(struct crowd *);

/* Have all clients given up? */
bool crowd_gone(const struct crowd *);

/* Each of these returns when every client is through with it, or has given up. What
 * happened is added to the result; -1 with errno: the loop failed.
 * As bench_first(), bench_warm_up() and bench_run(), for all clients at once; crowd_connect()
 * only connects, unless -K has each operation do so. In an open loop crowd_run() sends each request when it is due, on any connection
 * with less than depth of them in flight, or as soon as there is one. One that has waited
 * for the time limit, or is due when all clients have given up, is an error. */
int crowd_first(struct crowd *, const struct call *, struct result *);
int crowd_connect(struct crowd *, struct result *);
int crowd_warm_up(struct crowd *, const struct call *, struct result *);
int crowd_run(struct crowd *, const struct call *, struct result *, uint64_t start_ns);

#endif
