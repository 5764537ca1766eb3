/* Clocks. */
#include "clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "msg.h"

static uint64_t
read_clock(clockid_t id, const char *name)
{
	struct timespec ts;

	/* a measurement without a clock is none: no made-up figure instead */
	if (clock_gettime(id, &ts) != 0) {
		msg("clock_gettime: %s: %s", name, strerror(errno));
		exit(1);
	}
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC, "CLOCK_MONOTONIC");
}

uint64_t
clock_thread_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID");
}
