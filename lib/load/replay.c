/* SPDX-License-Identifier: ISC */
/* The file of due times. */
#include "load/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/opt.h"

/* Times so far apart that they can't be the disorder of a log. */
#define BACK_NS (60 * CLOCK_S)

/* Read all of it. *why: errno if reading failed, else 0. A stop signal is such a failure, whether
 * it ends the wait for a silent pipe or comes while there is always more to read. */
static bool
read_all(struct due *d, int fd, const atomic_int *stop, int *why)
{
	static char buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0) {
		if (!due_feed(d, buf, (size_t)n))
			return false;
		if (atomic_load_explicit(stop, memory_order_relaxed) != 0) {
			*why = EINTR;
			return false;
		}
	}
	*why = n < 0 ? errno : 0;
	return n == 0;
}

bool
replay_read(struct bench *b, const char *path, double factor)
{
	bool in = strcmp(path, "-") == 0, good;
	const char *name = in ? "stdin" : path;
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), why = errno;
	struct due *d = &b->due;

	good = fd >= 0 && read_all(d, fd, b->client.stop, &why) && due_end(d, factor, b->time_ns);
	if (fd >= 0 && !in)
		close(fd);
	if (d->no_memory)
		opt_no_memory();
	if (d->why && d->line)
		msg("-r: %s:%" PRIu64 ": %s%s%s", name, d->line, d->why, *d->text ? ": " : "",
		    d->text);
	else if (!good)
		msg("-r: %s: %s", name, d->why ? d->why : strerror(why));
	if (!good)
		return false;
	b->rate = d->rate;
	b->dist = SCHEDULE_LIST;
	if (d->back_ns >= BACK_NS && !b->quiet)
		msg("warning: -r: %s:%" PRIu64 ": %.0f s before an earlier line: all are sorted",
		    name, d->back_line, (double)d->back_ns / 1e9);
	return true;
}
