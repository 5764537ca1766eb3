/* SPDX-License-Identifier: ISC */
/* The system's limits by name and number. Those that only Linux has are read from its /proc. */
#include "base/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

uint64_t
limits_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return UINT64_MAX; /* then opening a socket fails in time */
	if (r.rlim_cur != r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		/* some systems grant less than they claim; then the old limit remains */
		if (setrlimit(RLIMIT_NOFILE, &r) != 0 && getrlimit(RLIMIT_NOFILE, &r) != 0)
			return UINT64_MAX;
	}
	return r.rlim_cur == RLIM_INFINITY ? UINT64_MAX : r.rlim_cur;
}

static void
add(char *text, const char *name, uint64_t value, const char *remark)
{
	size_t n = strlen(text);

	snprintf(text + n, LIMITS_TEXT - n, "%s%s: %" PRIu64 "%s", n > 0 ? ", " : "", name, value,
	    remark);
}

static void
add_resource(char *text, const char *name, int resource)
{
	struct rlimit r;

	if (getrlimit(resource, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
		add(text, name, r.rlim_cur, "");
}

/* That of Linux with this name in sysctl(8). */
static void
add_setting(char *text, const char *name, const char *path, const char *remark)
{
	unsigned long long v;
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own number */
	if (fscanf(f, "%llu", &v) == 1)
		add(text, name, v, remark);
	fclose(f);
}

const char *
limits_name(int error, char text[LIMITS_TEXT])
{
	text[0] = '\0';
	if (error == EMFILE) {
		add_resource(text, "ulimit -n", RLIMIT_NOFILE);
	} else if (error == ENFILE) {
		add_setting(text, "fs.file-max", "/proc/sys/fs/file-max", "");
	} else if (error == EAGAIN || error == ENOMEM) {
#ifdef RLIMIT_NPROC
		add_resource(text, "ulimit -u", RLIMIT_NPROC);
#endif
		add_setting(text, "kernel.pid_max", "/proc/sys/kernel/pid_max", "");
		add_setting(text, "kernel.threads-max", "/proc/sys/kernel/threads-max", "");
		/* a stack and the page that guards it */
		add_setting(text, "vm.max_map_count", "/proc/sys/vm/max_map_count",
		    " (2 per thread)");
	}
	return text;
}
