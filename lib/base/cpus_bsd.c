/* SPDX-License-Identifier: ISC */
/* Placement by cpuset_setaffinity(2) of FreeBSD and pthread_setaffinity_np(3) of NetBSD.
 * See cpus.h. */

/* The systems hide these from a program that asks for POSIX alone. */
#undef _POSIX_C_SOURCE
#define _NETBSD_SOURCE

#include "base/cpus.h"

#ifdef CPUS_BSD

#include <errno.h>
#include <string.h>
#include <sys/param.h>
#ifdef __FreeBSD__
#include <sys/cpuset.h>
#else
#include <pthread.h>
#include <sched.h>
#endif

#ifdef __FreeBSD__

int
cpus_get_affinity(struct cpus *set)
{
	cpuset_t mask;
	int cpu;

	if (cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof mask, &mask) < 0)
		return -1;
	memset(set, 0, sizeof *set);
	for (cpu = 0; cpu < CPUS_MAX && cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &mask))
			cpus_add(set, (unsigned)cpu);
	return 0;
}

int
cpus_set_affinity(const struct cpus *set)
{
	cpuset_t mask;
	int cpu;

	CPU_ZERO(&mask);
	for (cpu = 0; cpu < CPUS_MAX && cpu < CPU_SETSIZE; cpu++)
		if (cpus_has(set, (unsigned)cpu))
			CPU_SET(cpu, &mask);
	return cpuset_setaffinity(CPU_LEVEL_WHICH, CPU_WHICH_TID, -1, sizeof mask, &mask);
}

#else

/* An error number as errno has it. */
static int
result(int e)
{
	errno = e;
	return e == 0 ? 0 : -1;
}

int
cpus_get_affinity(struct cpus *set)
{
	cpuset_t *mask = cpuset_create();
	cpuid_t cpu;
	int e;

	if (!mask)
		return result(ENOMEM);
	e = pthread_getaffinity_np(pthread_self(), cpuset_size(mask), mask);
	memset(set, 0, sizeof *set);
	for (cpu = 0; e == 0 && cpu < CPUS_MAX; cpu++)
		if (cpuset_isset(cpu, mask) > 0)
			cpus_add(set, (unsigned)cpu);
	cpuset_destroy(mask);
	return result(e);
}

int
cpus_set_affinity(const struct cpus *set)
{
	cpuset_t *mask = cpuset_create();
	cpuid_t cpu;
	int e;

	if (!mask)
		return result(ENOMEM);
	for (cpu = 0; cpu < CPUS_MAX; cpu++)
		if (cpus_has(set, (unsigned)cpu))
			cpuset_set(cpu, mask);
	e = pthread_setaffinity_np(pthread_self(), cpuset_size(mask), mask);
	cpuset_destroy(mask);
	return result(e);
}

#endif
#endif
