/* SPDX-License-Identifier: ISC */
/* Receive timestamps: their arithmetic, and systems without them. See stamp.h. */
#include "net/stamp.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"

/* A first reading may have been interrupted, and its limits be far apart. */
#define FIRST_READINGS 10

void
stamps_add(struct stamps *k, uint64_t before_ns, uint64_t real_ns, uint64_t after_ns)
{
	int64_t low = (int64_t)(real_ns - after_ns), high = (int64_t)(real_ns - before_ns);

	if (k->since_ns == 0 || low > k->high || high < k->low) {
		k->low = low;
		k->high = high;
		k->since_ns = after_ns;
		return;
	}
	if (k->low < low)
		k->low = low;
	if (k->high > high)
		k->high = high;
}

void
stamps_read(struct stamps *k)
{
	unsigned n = k->since_ns == 0 ? FIRST_READINGS : 1;
	uint64_t before_ns, real_ns;

	while (n-- > 0) {
		before_ns = clock_ns();
		real_ns = clock_epoch_ns();
		stamps_add(k, before_ns, real_ns, clock_ns());
	}
}

uint64_t
stamps_wake_ns(const struct stamps *k, uint64_t start_ns, uint64_t end_ns)
{
	/* the arrival, by the limits of the offset, and halfway between them */
	int64_t first = (int64_t)(k->real_ns - (uint64_t)k->high);
	int64_t last = (int64_t)(k->real_ns - (uint64_t)k->low);
	int64_t arrival = first + (last - first) / 2;

	if (k->real_ns == 0 || k->since_ns > start_ns || last < (int64_t)start_ns
	    || first > (int64_t)end_ns)
		return STAMP_NONE;
	if (arrival < (int64_t)start_ns)
		return end_ns - start_ns;
	return arrival < (int64_t)end_ns ? end_ns - (uint64_t)arrival : 0;
}

#ifndef STAMP_LINUX

const char *
stamp_start(void)
{
	return "this system has no receive timestamps for TCP, or none that is known here";
}

int
stamp_enable(int fd)
{
	(void)fd;
	errno = ENOTSUP;
	return -1;
}

ssize_t
stamps_recv(struct stamps *k, int fd, void *to, size_t size, int flags)
{
	(void)k;
	return recv(fd, to, size, flags);
}

#endif
