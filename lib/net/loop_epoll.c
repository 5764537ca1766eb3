/* SPDX-License-Identifier: ISC */
/* Readiness by epoll(7). See loop.h. */
#if defined(__linux__) && !defined(POSIX_ONLY)
#define _GNU_SOURCE /* ppoll, EPOLLRDHUP */
#endif
#include "net/loop.h"

#ifdef LOOP_EPOLL

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define BATCH 256 /* events asked for at once */

/* A timeout of this or more is not given to epoll_wait(2), which would set up a timer and take it
 * down for each wait: one that is among the descriptors ends the wait in time, or too early, and
 * is set again only then. */
#define LONG_NS (50 * CLOCK_MS)

struct loop {
	int fd;
	int timer;        /* -1: it can't be had */
	uint64_t ends_ns; /* when it will end a wait, by clock_ns(); UINT64_MAX: never */
};

const char loop_backend[] = "epoll";
const uint64_t loop_grain_ns = 0;

/* The timer is one of the descriptors that a loop has from the beginning: whoever has begun need
 * not fear to run out of them. */
static int
make_timer(struct loop *l)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.ptr = l };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd >= 0 && epoll_ctl(l->fd, EPOLL_CTL_ADD, fd, &e) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct loop *
loop_new(void)
{
	struct loop *l = malloc(sizeof *l);

	if (!l)
		return NULL;
	*l = (struct loop){ .fd = epoll_create1(EPOLL_CLOEXEC), .ends_ns = UINT64_MAX };
	if (l->fd < 0) {
		free(l);
		return NULL;
	}
	l->timer = make_timer(l);
	return l;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->fd);
	if (l->timer >= 0)
		close(l->timer);
	free(l);
}

static int
control(struct loop *l, int what, int fd, unsigned interest, void *user)
{
	struct epoll_event e;

	memset(&e, 0, sizeof e);
	if (interest & LOOP_READ)
		e.events |= EPOLLIN | EPOLLRDHUP;
	if (interest & LOOP_WRITE)
		e.events |= EPOLLOUT;
	if (interest & LOOP_ONCE)
		e.events |= EPOLLONESHOT;
	if (interest & LOOP_NEWS)
		e.events |= EPOLLET | EPOLLPRI; /* a read ends at urgent data */
	e.data.ptr = user;
	return epoll_ctl(l->fd, what, fd, &e);
}

int
loop_add(struct loop *l, int fd, unsigned interest, void *user)
{
	return control(l, EPOLL_CTL_ADD, fd, interest, user);
}

int
loop_change(struct loop *l, int fd, unsigned interest, void *user)
{
	return control(l, EPOLL_CTL_MOD, fd, interest, user);
}

int
loop_remove(struct loop *l, int fd)
{
	return control(l, EPOLL_CTL_DEL, fd, 0, NULL);
}

void
loop_closing(struct loop *l, int fd)
{
	(void)l;
	(void)fd;
}

/* Have the timer end waits at that time or before. False: it can't. */
static bool
end_waits(struct loop *l, uint64_t until_ns)
{
	struct itimerspec t = { .it_value = { .tv_sec = (time_t)(until_ns / CLOCK_S),
				    .tv_nsec = (long)(until_ns % CLOCK_S) } };

	if (l->timer < 0)
		return false;
	if (l->ends_ns <= until_ns)
		return true;
	if (timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &t, NULL) < 0)
		return false;
	l->ends_ns = until_ns;
	return true;
}

/* Turn what was found into events. */
static int
collect(struct loop *l, const struct epoll_event *got, int n, struct loop_event *ev)
{
	int i, k = 0;

	for (i = 0; i < n; i++) {
		if (got[i].data.ptr == l) {
			l->ends_ns = UINT64_MAX;
			continue;
		}
		ev[k].user = got[i].data.ptr;
		ev[k].ready = 0;
		/* the event does not say what the interest was: after an error report both,
		 * as the caller looks only at what it is interested in */
		if (got[i].events & (EPOLLERR | EPOLLHUP))
			ev[k].ready |= LOOP_GONE | LOOP_READ | LOOP_WRITE;
		if (got[i].events & EPOLLIN)
			ev[k].ready |= LOOP_READ;
		if (got[i].events & EPOLLOUT)
			ev[k].ready |= LOOP_WRITE;
		if (got[i].events & (EPOLLRDHUP | EPOLLPRI))
			ev[k].ready |= LOOP_LAST;
		k++;
	}
	return k;
}

/* Wait once. *early: it was the timer, set for another wait perhaps, that ended it. */
static int
wait_once(struct loop *l, struct loop_event *ev, int max, uint64_t timeout_ns, uint64_t until_ns,
    bool *early)
{
	struct epoll_event got[BATCH];
	bool interrupted = false;
	int n, k;

	*early = false;
	/* epoll_wait(2) counts in milliseconds (epoll_pwait2(2) is too new), but poll(2) can
	 * wait for an epoll descriptor */
	if (timeout_ns < LOOP_FINE_NS && timeout_ns % CLOCK_MS != 0) {
		struct pollfd p = { .fd = l->fd, .events = POLLIN };
		struct timespec ts = { .tv_nsec = (long)timeout_ns };

		if (ppoll(&p, 1, &ts, NULL) < 0 && !(interrupted = errno == EINTR))
			return -1;
		timeout_ns = 0;
	} else if (timeout_ns >= LONG_NS && end_waits(l, until_ns)) {
		timeout_ns = LOOP_FOREVER;
	}
	max = max < BATCH ? max : BATCH;
	n = epoll_wait(l->fd, got, max, clock_poll_ms(timeout_ns));
	if (n < 0 && errno == EINTR) {
		interrupted = true;
		n = epoll_wait(l->fd, got, max, 0);
	}
	if (n < 0)
		return -1;
	k = collect(l, got, n, ev);
	*early = k == 0 && n > 0 && !interrupted;
	return k;
}

int
loop_wait(struct loop *l, struct loop_event *ev, int max, uint64_t timeout_ns)
{
	uint64_t now = 0, until_ns = timeout_ns;
	bool early;
	int n;

	if (timeout_ns > 0 && timeout_ns != LOOP_FOREVER) {
		now = clock_ns();
		until_ns = now + timeout_ns;
	}
	do
		n = wait_once(l, ev, max, until_ns - now, until_ns, &early);
	while (early && (now = clock_ns()) < until_ns);
	return n;
}

#endif
