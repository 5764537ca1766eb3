/* SPDX-License-Identifier: ISC */
/* Readiness: which of many descriptors can be read or written.
 *
 * Three backends behind the same functions, chosen when the program is built: epoll on
 * Linux, kqueue on the BSDs and macOS, poll(2) elsewhere and with -DPOSIX_ONLY. All are
 * level-triggered: what was ready and left alone is reported again, but for LOOP_NEWS. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

#if defined(POSIX_ONLY)
#define LOOP_POLL
#elif defined(__linux__)
#define LOOP_EPOLL
#elif defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) \
    || defined(__DragonFly__) || defined(__APPLE__)
#define LOOP_KQUEUE
#else
#define LOOP_POLL
#endif

#define LOOP_READ 1u
#define LOOP_WRITE 2u
#define LOOP_ONCE 4u /* interest, with one of the above: it ends with the next event */
#define LOOP_GONE 4u /* event: the connection has failed, or both sides are shut */
#define LOOP_LAST 8u /* event: the peer has ended its side, or (LOOP_NEWS) sent urgent data */

/* Interest, with LOOP_READ alone: what was reported need not be again, until more comes or the
 * interest is changed, if only to the same. So it has to be read until a read brings less than it
 * could, and after an event with LOOP_LAST to the end. Saves the system a second look at each
 * descriptor that had something. */
#define LOOP_NEWS 8u

struct loop_event {
	void *user;
	unsigned ready; /* LOOP_READ, LOOP_WRITE, LOOP_LAST (with LOOP_READ; poll(2) can't tell),
			 * LOOP_GONE; the last is reported whatever the interest (with kqueue: if
			 * there is any), together with what the interest is in, so that the next
			 * read or write meets the error */
};

struct loop;

extern const char loop_backend[]; /* "epoll", "kqueue", "poll" */

/* NULL with errno. */
struct loop *loop_new(void);
void loop_free(struct loop *);

/* These three may be called from any thread, even while another one waits: a descriptor
 * that is ready then is reported by the wait in progress. A descriptor may belong to one
 * loop at a time, and must be removed (or loop_closing) before it is closed. An event that a wait
 * has already returned is not taken back by a change or removal that comes after. interest may be
 * 0. They return 0, or -1 with errno. */
int loop_add(struct loop *, int fd, unsigned interest, void *user);
int loop_change(struct loop *, int fd, unsigned interest, void *user);
int loop_remove(struct loop *, int fd);

/* The descriptor is about to be closed, and no other process has it: it is removed in time, by the
 * system itself where that sees to it. */
void loop_closing(struct loop *, int fd);

#define LOOP_FOREVER UINT64_MAX

/* A timeout under LOOP_FINE_NS is as exact as the system's timers allow, except that a backend
 * whose loop_grain_ns is not 0 counts in steps of that and may wait one step too long. Longer
 * timeouts may be 1 ms too long. */
#define LOOP_FINE_NS ((uint64_t)10 * 1000 * 1000)
extern const uint64_t loop_grain_ns;

/* Wait until something is ready or timeout_ns have passed, never less. One thread at a time.
 * Returns the number of events, at most one for each descriptor; 0 after the timeout, a
 * signal or a change by another thread, if nothing was ready then either (a process that was
 * stopped finds what came meanwhile); or -1 with errno. */
int loop_wait(struct loop *, struct loop_event *, int max, uint64_t timeout_ns);

#endif
