/* SPDX-License-Identifier: ISC */
/* Clocks. */
#if defined(__linux__) && !defined(POSIX_ONLY)
#define TIMER_SLACK /* prctl(2) sets it; by default it is 50 us */
#include <sys/prctl.h>
#endif
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/msg.h"

/* What is left of a wait when giving way to others takes too long. */
#define ALONE_NS 5000

static uint64_t
read_clock(clockid_t id, const char *name)
{
	struct timespec ts;

	/* a measurement without a clock is none: no made-up figure instead */
	if (clock_gettime(id, &ts) != 0) {
		msg("clock_gettime: %s: %s", name, strerror(errno));
		exit(1);
	}
	return (uint64_t)ts.tv_sec * CLOCK_S + (uint64_t)ts.tv_nsec;
}

uint64_t
clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC, "CLOCK_MONOTONIC");
}

uint64_t
clock_coarse_ns(void)
{
#if defined(CLOCK_MONOTONIC_COARSE) && !defined(POSIX_ONLY)
	return read_clock(CLOCK_MONOTONIC_COARSE, "CLOCK_MONOTONIC_COARSE");
#else
	return clock_ns();
#endif
}

uint64_t
clock_thread_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID, "CLOCK_THREAD_CPUTIME_ID");
}

uint64_t
clock_process_cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID");
}

int64_t
clock_epoch_s(void)
{
	return (int64_t)time(NULL);
}

uint64_t
clock_epoch_ns(void)
{
	return read_clock(CLOCK_REALTIME, "CLOCK_REALTIME");
}

int
clock_sleep_until(uint64_t epoch_ns)
{
	struct timespec ts = { .tv_sec = (time_t)(epoch_ns / CLOCK_S),
		.tv_nsec = (long)(epoch_ns % CLOCK_S) };

	errno = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL);
	return errno ? -1 : 0;
}

int
clock_be_punctual(void)
{
	int before = 0;

#ifdef TIMER_SLACK
	before = prctl(PR_GET_TIMERSLACK);
	/* refused, sleeps end a little later: whoever minds is awake by then */
	prctl(PR_SET_TIMERSLACK, 1);
#endif
	return before;
}

void
clock_undo_punctual(int before)
{
#ifdef TIMER_SLACK
	if (before > 0)
		prctl(PR_SET_TIMERSLACK, (unsigned long)before);
#else
	(void)before;
#endif
}

void
clock_spin_until(uint64_t ns)
{
	uint64_t now;

	while ((now = clock_ns()) < ns)
		if (ns - now > ALONE_NS)
			sched_yield();
}

int
clock_poll_ms(uint64_t ns)
{
	uint64_t ms = ns / CLOCK_MS + (ns % CLOCK_MS != 0);

	if (ns == UINT64_MAX)
		return -1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
