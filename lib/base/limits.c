/* SPDX-License-Identifier: ISC */
/* The system's limits by name and number. Those that only Linux has are read from its /proc. */
#include "base/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OTHER_TASKS 1000 /* what others may start meanwhile; the kernel reserves 300 */
#define OTHER_OWN 100    /* of this user or in this group */
#define OTHER_MAPS 200   /* of program, libraries, and the heap */

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

/* What is written so far. */
struct list {
	char *text;
	bool lacking; /* only what is too low */
};

static void
add(struct list *l, const char *name, uint64_t value, uint64_t need, const char *remark)
{
	size_t n = strlen(l->text);
	char would_do[40] = "";

	if (value >= need && l->lacking)
		return;
	if (value < need)
		snprintf(would_do, sizeof would_do, "%" PRIu64 " would do", need);
	snprintf(l->text + n, LIMITS_TEXT - n, "%s%s: %" PRIu64 "%s%s%s%s%s", n > 0 ? ", " : "",
	    name, value, *remark || *would_do ? " (" : "", remark, *remark && *would_do ? "; " : "",
	    would_do, *remark || *would_do ? ")" : "");
}

static void
add_resource(struct list *l, const char *name, int resource, uint64_t need)
{
	struct rlimit r;

	if (getrlimit(resource, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
		add(l, name, r.rlim_cur, need, "");
}

/* A number of Linux's, read by this format. False: there is none. */
static bool
read_number(const char *path, const char *format, uint64_t *number)
{
	unsigned long long v = 0;
	FILE *f = fopen(path, "re");
	bool good;

	if (!f)
		return false;
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own number */
	good = fscanf(f, format, &v) == 1;
	fclose(f);
	*number = v;
	return good;
}

/* That of Linux with this name in sysctl(8). */
static void
add_setting(struct list *l, const char *name, uint64_t need, const char *remark)
{
	char path[64] = "/proc/sys/", *p;
	uint64_t v;

	snprintf(path + strlen(path), sizeof path - strlen(path), "%s", name);
	for (p = path + strlen("/proc/sys/"); (p = strchr(p, '.'));)
		*p = '/';
	if (read_number(path, "%llu", &v))
		add(l, name, v, need, remark);
}

/* The group that a container or a session of systemd is, and those above it, may have limits of
 * their own: the least of them. */
static void
add_cgroup(struct list *l, uint64_t more)
{
	char line[256], path[320], *name, *end;
	uint64_t v, least = UINT64_MAX, there = 0;
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof line, f)) {
		if (strncmp(line, "0::/", 4) != 0) /* that of version 2 */
			continue;
		name = line + 3;
		name[strcspn(name, "\n")] = '\0';
		while ((end = strrchr(name, '/'))) {
			snprintf(path, sizeof path, "/sys/fs/cgroup%s/pids.max", name);
			if (read_number(path, "%llu", &v) && v < least) {
				least = v;
				there = 0;
				snprintf(path, sizeof path, "/sys/fs/cgroup%s/pids.current", name);
				read_number(path, "%llu", &there);
			}
			*end = '\0';
		}
	}
	if (f)
		fclose(f);
	if (least != UINT64_MAX)
		add(l, "pids.max of the cgroup", least, more > 0 ? more + there + OTHER_OWN : 0,
		    "");
}

static void
add_tasks(struct list *l, const struct limits_want *w)
{
	uint64_t more = w->tasks > w->tasks_now ? w->tasks - w->tasks_now : 0;
	uint64_t need = 0, there = 0;

#ifdef RLIMIT_NPROC
	/* root is not bound by it */
	if (!l->lacking || geteuid() != 0)
		add_resource(l, "ulimit -u", RLIMIT_NPROC, more > 0 ? more + OTHER_OWN : 0);
#endif
	/* all of the system share these */
	read_number("/proc/loadavg", "%*s %*s %*s %*u/%llu", &there);
	if (more > 0)
		need = more + there + OTHER_TASKS;
	add_setting(l, "kernel.pid_max", need, "");
	add_setting(l, "kernel.threads-max", need, "");
	add_cgroup(l, more);
	/* a stack and the page that guards it */
	if (!w->processes)
		add_setting(l, "vm.max_map_count", more > 0 ? 2 * w->tasks + OTHER_MAPS : 0,
		    "2 per thread");
}

const char *
limits_name(int error, const struct limits_want *w, char text[LIMITS_TEXT])
{
	struct list l = { .text = text };

	text[0] = '\0';
	if (error == EMFILE)
		add_resource(&l, "ulimit -n", RLIMIT_NOFILE, w->descriptors);
	else if (error == ENFILE)
		add_setting(&l, "fs.file-max", 0, "");
	else if (error == EAGAIN)
		add_tasks(&l, w);
	return text;
}

const char *
limits_error(int error, const struct limits_want *w, char text[LIMITS_TEXT])
{
	char limits[LIMITS_TEXT];

	limits_name(error, w, limits);
	snprintf(text, LIMITS_TEXT, "%s%s%.300s%s", strerror(error), *limits ? " (" : "", limits,
	    *limits ? ")" : "");
	return text;
}

const char *
limits_lacking(const struct limits_want *w, char text[LIMITS_TEXT])
{
	struct list l = { .text = text, .lacking = true };

	text[0] = '\0';
	add_tasks(&l, w);
	return text;
}
