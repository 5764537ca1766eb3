/* SPDX-License-Identifier: ISC */
/* The seam between a run and what drives its connections: one thread's clients, by blocking
 * calls (blocking.h) or from an event loop (event.h). Same rules (retry.h), same figures. */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"
#include "stats/result.h"

#define DRIVER_FDS 3 /* descriptors of an event loop, beside its connections */

/* The first field of each driver's own state. The first four return when every client is done
 * or has given up; what happened is added to the result. Returns 0, or -1 with errno: the
 * loop failed. */
struct driver {
	/* Connect and make a first call, and record the time from the start of connect to the
	 * end of the reply. */
	int (*first)(struct driver *, const struct call *, struct result *);

	/* Make the connections that don't exist, unless -K has each operation make its own.
	 * Records only failures. */
	int (*connect)(struct driver *, struct result *);

	/* The operations that are not recorded. */
	int (*warm_up)(struct driver *, const struct call *, struct result *, uint64_t count);

	/* The timed part, which ends by count, time or signal. start_ns: as clock_ns(). */
	int (*run)(struct driver *, const struct call *, struct result *, uint64_t count,
	    uint64_t start_ns, uint64_t until_ns);

	/* Have all clients given up? */
	bool (*gave_up)(const struct driver *);

	/* Close the connections. */
	void (*free)(struct driver *);
};

#endif
