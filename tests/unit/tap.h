/* SPDX-License-Identifier: ISC */
/* What unit tests print: TAP, one line a check, read by bats (unit.bats) and prove.
 * Included by the one source file of each test program. */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct tap {
	unsigned run, failed;
};

static struct tap tap;

/* One check; the text says what holds if cond is true. Returns cond. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline bool
ok(bool cond, const char *fmt, ...)
{
	va_list ap;

	tap.run++;
	tap.failed += !cond;
	printf("%sok %u - ", cond ? "" : "not ", tap.run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return cond;
}

/* The strings are equal; if not, both are shown. NULL is a value of its own. */
static inline bool
is(const char *got, const char *want, const char *what)
{
	bool same = got && want ? strcmp(got, want) == 0 : got == want;

	ok(same, "%s", what);
	if (!same)
		printf("# got:  %s\n# want: %s\n", got ? got : "(NULL)", want ? want : "(NULL)");
	return same;
}

/* Print the plan; returns the exit status: 1 if a check failed, or none was made, or the
 * output could not be written. */
static inline int
done(void)
{
	printf("1..%u\n", tap.run);
	if (tap.failed)
		printf("# %u of %u failed\n", tap.failed, tap.run);
	return fflush(stdout) != 0 || ferror(stdout) || tap.failed || tap.run == 0;
}

#endif
