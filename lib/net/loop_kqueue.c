/* SPDX-License-Identifier: ISC */
/* Readiness by kqueue(2). See loop.h. */

/* The systems that have it hide it from a program that asks for POSIX alone. Before any
 * header, since the first one included settles that. */
#undef _POSIX_C_SOURCE
#define _DARWIN_C_SOURCE
#define _NETBSD_SOURCE

#include "net/loop.h"

#ifdef LOOP_KQUEUE

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"

#define BATCH 256 /* events asked for at once */

struct loop {
	int fd;
};

const char loop_backend[] = "kqueue";
const uint64_t loop_grain_ns = 0;

struct loop *
loop_new(void)
{
	struct loop *l = malloc(sizeof *l);

	if (l && ((l->fd = kqueue()) < 0 || fcntl(l->fd, F_SETFD, FD_CLOEXEC) < 0)) {
		if (l->fd >= 0)
			close(l->fd);
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

/* Put one of the two filters of fd into the wanted state. Deleting one that isn't there
 * is no failure: a filter that was ONCE has deleted itself. */
static int
set_filter(struct loop *l, int fd, short filter, unsigned interest, unsigned mine, void *user)
{
	unsigned short flags = EV_DELETE;
	struct kevent e;

	if (interest & mine)
		flags = interest & LOOP_ONCE ? EV_ADD | EV_ONESHOT
		    : interest & LOOP_NEWS   ? EV_ADD | EV_CLEAR
					     : EV_ADD;
	/* EV_ADD does not take EV_CLEAR back from a filter that is there */
	if (flags == EV_ADD) {
		EV_SET(&e, fd, filter, EV_DELETE, 0, 0, user);
		kevent(l->fd, &e, 1, NULL, 0, NULL); /* fails if there is none */
	}
	EV_SET(&e, fd, filter, flags, 0, 0, user);
	if (kevent(l->fd, &e, 1, NULL, 0, NULL) == 0)
		return 0;
	return flags == EV_DELETE && errno == ENOENT ? 0 : -1;
}

int
loop_change(struct loop *l, int fd, unsigned interest, void *user)
{
	if (set_filter(l, fd, EVFILT_READ, interest, LOOP_READ, user) < 0)
		return -1;
	return set_filter(l, fd, EVFILT_WRITE, interest, LOOP_WRITE, user);
}

int
loop_add(struct loop *l, int fd, unsigned interest, void *user)
{
	return loop_change(l, fd, interest, user);
}

int
loop_remove(struct loop *l, int fd)
{
	return loop_change(l, fd, 0, NULL);
}

/* A descriptor's two filters are two events here, and have to be one for the caller, who may
 * end it with the first. Joins e to the event of its user among the first "among" ones, or
 * adds one; returns their number. */
static int
join(struct loop_event *ev, int events, int among, const struct kevent *e)
{
	void *user = (void *)e->udata;
	int i;

	for (i = 0; i < among && ev[i].user != user; i++)
		;
	if (i == among) {
		i = events++;
		ev[i].user = user;
		ev[i].ready = 0;
	}
	/* EVFILT_READ says EV_EOF when the peer has merely ended its side, which is
	 * something to read; EVFILT_WRITE says it when there is no one to write to */
	ev[i].ready |= e->filter == EVFILT_READ ? LOOP_READ : LOOP_WRITE;
	if (e->flags & EV_EOF && (e->filter == EVFILT_WRITE || e->fflags != 0))
		ev[i].ready |= LOOP_GONE;
	if (e->flags & EV_EOF)
		ev[i].ready |= LOOP_LAST;
	return events;
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
	struct kevent got[BATCH];
	struct timespec t, *timeout = NULL;
	const struct timespec none = { 0 };
	int i, n, events = 0, reads;

	if (timeout_ns != LOOP_FOREVER) {
		t.tv_sec = (time_t)(timeout_ns / CLOCK_S);
		t.tv_nsec = (long)(timeout_ns % CLOCK_S);
		timeout = &t;
	}
	max = max < BATCH ? max : BATCH;
	n = kevent(l->fd, NULL, 0, got, max, timeout);
	if (n < 0 && errno == EINTR)
		n = kevent(l->fd, NULL, 0, got, max, &none);
	if (n < 0)
		return errno == EINTR ? 0 : -1;
	for (i = 0; i < n; i++)
		if (got[i].filter == EVFILT_READ)
			events = join(ev, events, 0, &got[i]);
	reads = events;
	for (i = 0; i < n; i++)
		if (got[i].filter == EVFILT_WRITE)
			events = join(ev, events, reads, &got[i]);
	return events;
}

#endif
