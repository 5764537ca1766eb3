/* Many clients driven by one thread from one loop (loop.h): bench-conc's other driver,
 * beside the blocking one of bench.h. Same rules, same figures. */
#ifndef CROWD_H
#define CROWD_H

#include "bench.h"

struct crowd;

/* n clients, counted from first on. NULL with errno. The bench is borrowed. */
struct crowd *crowd_new(struct bench *, unsigned first, unsigned n);
void crowd_free(struct crowd *);

/* Each of these returns when every client is through with it, or has given up. What
 * happened is added to the tally; -1 with errno: the loop failed.
 * As bench_first(), bench_warm_up() and bench_run(), for all clients at once. */
int crowd_first(struct crowd *, const struct call *, struct tally *);
int crowd_warm_up(struct crowd *, const struct call *, struct tally *);
int crowd_run(struct crowd *, const struct call *, struct tally *, uint64_t start_ns);

#endif
