/* SPDX-License-Identifier: ISC */
/* When did the kernel receive what a program has read? Its receive timestamps, on the time scale of
 * clock_ns(). The system's calls are in stamp_linux.c; elsewhere, and with POSIX_ONLY, there are
 * none.
 *
 * Stamps are of CLOCK_REALTIME, which somebody may set at any moment, and clock_ns() is not. Linux
 * slews both alike (adjtimex(2)), so the offset between them is constant but for such steps. Each
 * reading of both clocks has limits for it; readings whose limits have nothing in common have a
 * step between them. A stamp counts only if there was none from the start of the operation until
 * the reply was read: see stamps_wake_ns(). */
#ifndef STAMP_H
#define STAMP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__linux__) && !defined(POSIX_ONLY)
#define STAMP_LINUX
#endif

/* Of one socket. All 0: nothing is known yet. */
struct stamps {
	uint64_t real_ns; /* stamp of the last byte that was received; 0: it has none */

	/* The offset of CLOCK_REALTIME from clock_ns(), in nanoseconds. */
	int64_t low, high; /* limits: what all readings since the last step have in common */
	uint64_t since_ns; /* the first of these was complete */
};

/* Have the kernel stamp, as long as this process lives, what it receives. Returns NULL, or why it
 * does not (static text). Kernels begin a moment after they are asked; this waits for it. */
const char *stamp_start(void);

/* Want stamps from this TCP socket, of all that comes from now on. 0, or -1 with errno. */
int stamp_enable(int fd);

/* Read both clocks. */
void stamps_read(struct stamps *);

/* One reading: CLOCK_REALTIME was real_ns at some moment from before_ns to after_ns. */
void stamps_add(struct stamps *, uint64_t before_ns, uint64_t real_ns, uint64_t after_ns);

/* recv(2), and if anything has come its stamp, and both clocks. Segments that the kernel has joined
 * have the stamp of the last of them, so one call should take all there is: of what is left behind,
 * the stamp may be of a later byte. */
ssize_t stamps_recv(struct stamps *, int fd, void *, size_t, int flags);

/* How long before end_ns had the kernel what was received last, in an operation that began at
 * start_ns? From 0 to end_ns - start_ns; STAMP_NONE: it is not known, as there is no stamp, or the
 * wall clock was set meanwhile, or the stamp lies outside of the operation: it is of something
 * else. */
#define STAMP_NONE UINT64_MAX
uint64_t stamps_wake_ns(const struct stamps *, uint64_t start_ns, uint64_t end_ns);

#endif
