/* SPDX-License-Identifier: ISC */
/* Placement by sched_setaffinity(2), and the processor time that control groups allow
 * (cgroups(7): cpu.max of version 2, cpu.cfs_quota_us of version 1). See cpus.h. */
#if defined(__linux__) && !defined(POSIX_ONLY)
#define _GNU_SOURCE /* cpu_set_t */
#endif
#include "base/cpus.h"

#ifdef CPUS_LINUX

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

int
cpus_get_affinity(struct cpus *set)
{
	cpu_set_t mask;
	unsigned cpu;

	if (sched_getaffinity(0, sizeof mask, &mask) < 0)
		return -1;
	memset(set, 0, sizeof *set);
	for (cpu = 0; cpu < CPUS_MAX && cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &mask))
			cpus_add(set, cpu);
	return 0;
}

int
cpus_set_affinity(const struct cpus *set)
{
	cpu_set_t mask;
	unsigned cpu;

	CPU_ZERO(&mask);
	for (cpu = 0; cpu < CPUS_MAX && cpu < CPU_SETSIZE; cpu++)
		if (cpus_has(set, cpu))
			CPU_SET(cpu, &mask);
	return sched_setaffinity(0, sizeof mask, &mask);
}

int
cpus_set_idle(void)
{
	const struct sched_param none = { 0 };

	/* sched_setscheduler(2) fails with musl */
	errno = pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
	return errno == 0 ? 0 : -1;
}

/* Read one or two numbers from a group's file; "max" and "-1" are none. Returns how many there
 * are. */
static int
read_numbers(const char *dir, const char *name, uint64_t *v, int most)
{
	char path[PATH_MAX + 32], line[80] = "", *p = line;
	FILE *f;
	size_t k;
	int n;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (!(f = fopen(path, "re")))
		return 0;
	if (!fgets(line, sizeof line, f))
		line[0] = '\0';
	fclose(f);
	for (n = 0; n < most; n++) {
		k = strspn(p, "0123456789");
		if (!num_digits(p, k, &v[n]))
			break;
		p += k + (p[k] == ' ');
	}
	return n;
}

/* The limit of one group, in processors rounded up. */
static uint64_t
group_quota(const char *dir, bool v2)
{
	uint64_t v[2] = { 0, 0 };

	if (v2 ? read_numbers(dir, "cpu.max", v, 2) != 2
	       : read_numbers(dir, "cpu.cfs_quota_us", &v[0], 1) != 1
		    || read_numbers(dir, "cpu.cfs_period_us", &v[1], 1) != 1)
		return UINT64_MAX;
	if (v[0] == 0 || v[1] == 0)
		return UINT64_MAX;
	return v[0] / v[1] + (v[0] % v[1] != 0);
}

/* The least limit of the group and of those that hold it, up to the mount point. */
static uint64_t
tree_quota(const char *mount, const char *group, bool v2)
{
	char dir[PATH_MAX];
	size_t root = strlen(mount);
	uint64_t least = UINT64_MAX, q;
	char *slash;

	if ((size_t)snprintf(dir, sizeof dir, "%s%s", mount, group) >= sizeof dir)
		return UINT64_MAX;
	do {
		if ((q = group_quota(dir, v2)) < least)
			least = q;
		if ((slash = strrchr(dir, '/')))
			*slash = '\0';
	} while (slash && strlen(dir) >= root);
	return least;
}

/* Is cpu one of the controllers in a list such as "cpu,cpuacct"? */
static bool
controls_cpu(const char *list)
{
	size_t n;

	for (; *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (n == 3 && strncmp(list, "cpu", n) == 0)
			return true;
	}
	return false;
}

/* Lines of /proc/self/cgroup are "number:controllers:path"; version 2 has "0::path". */
uint64_t
cpus_quota(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX], mount[PATH_MAX], *controllers, *group;
	uint64_t least = UINT64_MAX, q;

	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!(controllers = strchr(line, ':')) || !(group = strchr(controllers + 1, ':')))
			continue;
		*group++ = '\0';
		controllers++;
		if (*controllers == '\0') {
			q = tree_quota("/sys/fs/cgroup", group, true);
		} else if (controls_cpu(controllers)) {
			snprintf(mount, sizeof mount, "/sys/fs/cgroup/%.64s", controllers);
			q = tree_quota(mount, group, false);
		} else {
			continue;
		}
		if (q < least)
			least = q;
	}
	if (f)
		fclose(f);
	return least;
}

#endif
