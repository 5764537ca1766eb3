/* SPDX-License-Identifier: ISC */
/* Placement: the processors that a process may use. The systems' calls are in cpus_linux.c
 * and cpus_bsd.c; elsewhere, and with POSIX_ONLY, there is none. */
#ifndef CPUS_H
#define CPUS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__linux__) && !defined(POSIX_ONLY)
#define CPUS_LINUX
#elif (defined(__FreeBSD__) || defined(__NetBSD__)) && !defined(POSIX_ONLY)
#define CPUS_BSD
#endif

#ifdef CPUS_LINUX
#define CPUS_IDLE_CLASS true /* there is cpus_set_idle() */
#else
#define CPUS_IDLE_CLASS false
#endif

#define CPUS_MAX 1024

/* A set of processors, by the system's numbers. */
struct cpus {
	uint64_t bits[CPUS_MAX / 64];
};

bool cpus_has(const struct cpus *, unsigned cpu);
void cpus_add(struct cpus *, unsigned cpu);

/* Read a list such as "0", "0-3" or "0,2-3" (text) into the set. Returns NULL, or what is
 * wrong as a static text that is to follow the list. */
const char *cpus_parse(struct cpus *, const char *text);

/* Run the calling thread, and the threads and processes that it starts from now on, on these
 * processors only. Returns NULL, or why not (static text): one of them is not there or not
 * allowed, or the system has no such call. */
const char *cpus_use(const struct cpus *);

/* How many processors may the calling thread use? Those that are online, in its affinity, and
 * within the quota of its control groups (Linux), rounded up: at least 1, and most at most. */
unsigned cpus_available(unsigned most);

/* Let the calling thread run only when no other one of its group wants its processor: a control
 * group, or a session where the system has autogroups (sched(7)). 0, or -1 with errno. */
int cpus_set_idle(void);

/* ---- for the systems' files ---- */

/* The affinity of the calling thread. 0, or -1 with errno. */
int cpus_get_affinity(struct cpus *);
int cpus_set_affinity(const struct cpus *);

/* Processors' worth of time that the process may use in all; UINT64_MAX: no limit known. */
uint64_t cpus_quota(void);

#endif
