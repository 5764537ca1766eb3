/* SPDX-License-Identifier: ISC */
/* When did the kernel receive what a program has read? Its receive timestamps, on the time scale of
 * clock_ns(). The system's calls are in stamp_linux.c; elsewhere, and with POSIX_ONLY, there are
 * none.
 *
 * Stamps are of CLOCK_REALTIME, which somebody may set at any moment, and clock_ns() is not. Linux
 * slews both alike (adjtimex(2)), so the offset between them is constant but for such steps. Each
 * reading of both clocks has limits for it; readings whose limits have nothing in common have a
 * step between them. A stamp counts only if there was none from the start of the operation until
 * the reply was read: see stamp_wake_ns(). */
#ifndef STAMP_H
#define STAMP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__linux__) && !defined(POSIX_ONLY)
#define STAMP_LINUX
#endif

/* The offset of CLOCK_REALTIME from clock_ns(), in nanoseconds. All 0: not known yet. */
struct stamp_clock {
	int64_t low, high; /* limits: what all readings since the last step have in common */
	uint64_t since_ns; /* the first of these was complete */
};

/* Have the kernel stamp, as long as this process lives, what it receives. Returns NULL, or why it
 * does not (static text). Kernels begin a moment after they are asked; this waits for it. */
const char *stamp_start(void);

/* Want stamps from this TCP socket, of all that comes from now on. 0, or -1 with errno. */
int stamp_enable(int fd);

/* recv(2); *real_ns is the stamp of the last byte that came with it, or 0: it has none. Segments
 * that the kernel has joined have the stamp of the last of them, so one call must take all there
 * is: of what is left behind, the stamp may be of a later byte. */
ssize_t stamp_recv(int fd, void *, size_t, int flags, uint64_t *real_ns);

/* Read both clocks. */
void stamp_clock_read(struct stamp_clock *);

/* One reading: CLOCK_REALTIME was real_ns at some moment from before_ns to after_ns. */
void stamp_clock_add(struct stamp_clock *, uint64_t before_ns, uint64_t real_ns, uint64_t after_ns);

/* How long before end_ns the kernel had a reply stamped real_ns, for an operation that began at
 * start_ns; the clocks were read after it was received. From 0 to end_ns - start_ns; STAMP_NONE:
 * it is not known, as there is no stamp (0), or the clock was set meanwhile, or it says a time
 * outside of the operation: the stamp is not of its reply. */
#define STAMP_NONE UINT64_MAX
uint64_t stamp_wake_ns(const struct stamp_clock *, uint64_t real_ns, uint64_t start_ns,
    uint64_t end_ns);

#endif
