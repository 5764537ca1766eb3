/* SPDX-License-Identifier: ISC */
/* Readiness by epoll(7). See loop.h. */
#if defined(__linux__) && !defined(POSIX_ONLY)
#define _GNU_SOURCE /* ppoll, EPOLLRDHUP */
#endif
#include "net/loop.h"

#ifdef LOOP_EPOLL

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define BATCH 256 /* events asked for at once */

struct loop {
	int fd;
};

const char loop_backend[] = "epoll";
const uint64_t loop_grain_ns = 0;

struct loop *
loop_new(void)
{
	struct loop *l = malloc(sizeof *l);

	if (l && (l->fd = epoll_create1(EPOLL_CLOEXEC)) < 0) {
		free(l);
		l = NULL;
	}
	return l;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->fd);
	free(l);
}

static int
control(struct loop *l, int what, int fd, unsigned interest, void *user)
{
	struct epoll_event e;

	memset(&e, 0, sizeof e);
	if (interest & LOOP_READ)
		e.events |= EPOLLIN;
	if (interest & LOOP_WRITE)
		e.events |= EPOLLOUT;
	if (interest & LOOP_ONCE)
		e.events |= EPOLLONESHOT;
	if (interest & LOOP_NEWS)
		e.events |= EPOLLET | EPOLLRDHUP;
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

int
loop_wait(struct loop *l, struct loop_event *ev, int max, uint64_t timeout_ns)
{
	struct epoll_event got[BATCH];
	int i, n;

	/* epoll_wait(2) counts in milliseconds (epoll_pwait2(2) is too new), but poll(2) can
	 * wait for an epoll descriptor */
	if (timeout_ns < LOOP_FINE_NS && timeout_ns % CLOCK_MS != 0) {
		struct pollfd p = { .fd = l->fd, .events = POLLIN };
		struct timespec ts = { .tv_nsec = (long)timeout_ns };

		if (ppoll(&p, 1, &ts, NULL) < 0)
			return errno == EINTR ? 0 : -1;
		timeout_ns = 0;
	}
	n = epoll_wait(l->fd, got, max < BATCH ? max : BATCH, clock_poll_ms(timeout_ns));
	if (n < 0)
		return errno == EINTR ? 0 : -1;
	for (i = 0; i < n; i++) {
		ev[i].user = got[i].data.ptr;
		ev[i].ready = 0;
		/* the event does not say what the interest was: after an error report both,
		 * as the caller looks only at what it is interested in */
		if (got[i].events & (EPOLLERR | EPOLLHUP))
			ev[i].ready |= LOOP_GONE | LOOP_READ | LOOP_WRITE;
		if (got[i].events & EPOLLIN)
			ev[i].ready |= LOOP_READ;
		if (got[i].events & EPOLLOUT)
			ev[i].ready |= LOOP_WRITE;
		if (got[i].events & EPOLLRDHUP)
			ev[i].ready |= LOOP_LAST;
	}
	return n;
}

#endif
