/* SPDX-License-Identifier: ISC */
/* Placement: what does not depend on the system. */
#include "base/cpus.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/opt.h"

bool
cpus_has(const struct cpus *set, unsigned cpu)
{
	return cpu < CPUS_MAX && set->bits[cpu / 64] >> cpu % 64 & 1;
}

void
cpus_add(struct cpus *set, unsigned cpu)
{
	if (cpu < CPUS_MAX)
		set->bits[cpu / 64] |= (uint64_t)1 << cpu % 64;
}

/* A processor's number from *text on; false: there is none. */
static bool
parse_number(const char **text, uint64_t *cpu)
{
	size_t n = strspn(*text, "0123456789");

	if (!num_digits(*text, n, cpu) || *cpu >= CPUS_MAX)
		return false;
	*text += n;
	return true;
}

const char *
cpus_parse(struct cpus *set, const char *text)
{
	static const char bad[] = "not a list of processors such as 0, 0-3 or 0,2";
	uint64_t first, last;

	memset(set, 0, sizeof *set);
	for (;; text++) {
		if (!parse_number(&text, &first))
			return bad;
		last = first;
		if (*text == '-') {
			text++;
			if (!parse_number(&text, &last) || last < first)
				return bad;
		}
		for (; first <= last; first++)
			cpus_add(set, (unsigned)first);
		if (*text == '\0')
			return NULL;
		if (*text != ',')
			return bad;
	}
}

const char *
cpus_use(const struct cpus *set)
{
	struct cpus before, now;

	if (cpus_get_affinity(&before) < 0 || cpus_set_affinity(set) < 0) {
		if (errno == ENOMEM)
			opt_no_memory();
		return errno == ENOSYS ? "this system has no call to choose processors"
		    : errno == EPERM   ? "not allowed to choose processors"
				       : "no such processor, or none that may be used";
	}
	/* the system takes a set of which some are there */
	if (cpus_get_affinity(&now) == 0 && memcmp(&now, set, sizeof now) != 0) {
		cpus_set_affinity(&before);
		return "one of these processors is not there, or may not be used";
	}
	return NULL;
}

/* Processors online, as far as the system tells; POSIX.1-2008 has no name for them. */
static uint64_t
online(void)
{
	long n = -1;

#ifdef _SC_NPROCESSORS_ONLN
	n = sysconf(_SC_NPROCESSORS_ONLN);
#endif
	return n < 1 ? 1 : (uint64_t)n;
}

unsigned
cpus_available(unsigned most)
{
	uint64_t n = 0, quota = cpus_quota();
	struct cpus set;
	unsigned cpu;

	if (cpus_get_affinity(&set) == 0)
		for (cpu = 0; cpu < CPUS_MAX; cpu++)
			n += cpus_has(&set, cpu);
	if (n == 0)
		n = online();
	if (n > quota)
		n = quota > 0 ? quota : 1;
	return n > most ? most : (unsigned)n;
}

#if !defined(CPUS_LINUX) && !defined(CPUS_BSD)
int
cpus_get_affinity(struct cpus *set)
{
	(void)set;
	errno = ENOSYS;
	return -1;
}

int
cpus_set_affinity(const struct cpus *set)
{
	(void)set;
	errno = ENOSYS;
	return -1;
}
#endif

#ifndef CPUS_LINUX
int
cpus_set_idle(void)
{
	errno = ENOSYS;
	return -1;
}

uint64_t
cpus_quota(void)
{
	return UINT64_MAX;
}
#endif
