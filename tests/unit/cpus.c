/* SPDX-License-Identifier: ISC */
/* cpus: lists of processors, affinity there and back, and what is counted. */
#include "base/cpus.h"

#include <stddef.h>
#include <string.h>

#include "tap.h"

static bool
parses(const char *text, const char *cpus)
{
	struct cpus set;
	unsigned i;

	if (cpus_parse(&set, text))
		return false;
	for (i = 0; cpus[i]; i++)
		if (cpus_has(&set, i) != (cpus[i] == '1'))
			return false;
	for (; i < CPUS_MAX; i++)
		if (cpus_has(&set, i))
			return false;
	return true;
}

static void
lists(void)
{
	static const char *const bad[] = { "", ",", "0,", ",0", "0,,1", "-", "0-", "-1", "3-2",
		"0-1-2", "a", "0 ", " 0", "0;1", "1024", "0-1024", "99999999999999999999", "0x1",
		"+1", "1.5" };
	struct cpus set;
	size_t i;

	ok(parses("0", "1"), "0");
	ok(parses("0-3", "1111"), "0-3");
	ok(parses("0,2", "101"), "0,2");
	ok(parses("3-3,0,1-2,1", "1111"), "out of order and twice");
	ok(cpus_parse(&set, "1023") == NULL && cpus_has(&set, 1023), "1023");
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(cpus_parse(&set, bad[i]) != NULL, "refused: '%s'", bad[i]);
}

static void
placement(void)
{
	struct cpus before, one, now;
	const char *why;
	unsigned cpu = 0, all = cpus_available(UINT32_MAX);

	ok(all >= 1 && cpus_available(1) == 1,
	    "at least one processor, and no more than asked for");
	if (cpus_get_affinity(&before) < 0) {
		memset(&one, 0, sizeof one);
		cpus_add(&one, 0);
		why = cpus_use(&one);
		ok(why && strstr(why, "no call"), "without the system's call placement is refused");
		return;
	}
	while (!cpus_has(&before, cpu))
		cpu++;
	memset(&one, 0, sizeof one);
	cpus_add(&one, cpu);
	ok(cpus_use(&one) == NULL && cpus_get_affinity(&now) == 0
		&& memcmp(&now, &one, sizeof now) == 0,
	    "on one processor");
	ok(cpus_available(UINT32_MAX) == 1, "which is what may be used");
	ok(cpus_use(&before) == NULL && cpus_available(UINT32_MAX) == all, "and back");
	memset(&one, 0, sizeof one);
	cpus_add(&one, CPUS_MAX - 1);
	if (!cpus_has(&before, CPUS_MAX - 1))
		ok(cpus_use(&one) != NULL, "a processor that is not there");
	cpus_add(&one, cpu);
	if (!cpus_has(&before, CPUS_MAX - 1))
		ok(cpus_use(&one) != NULL && cpus_get_affinity(&now) == 0
			&& memcmp(&now, &before, sizeof now) == 0,
		    "one that is there and one that is not: nothing has changed");
}

int
main(void)
{
	lists();
	placement();
	return done();
}
