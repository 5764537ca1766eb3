/* SPDX-License-Identifier: ISC */
/* Readiness by poll(2): for any POSIX system. See loop.h.
 *
 * Each wait costs time in proportion to the number of descriptors, in this file and in
 * the kernel. The wait works on a copy of the list, so that other threads can change the
 * list meanwhile; a change wakes the waiting thread through a pipe, so that it waits again. */
#include "net/loop.h"

#ifdef LOOP_POLL

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pipe.h"

struct entry {
	void *user;
	unsigned interest;
	unsigned version;       /* counts changes: an event from before one is dropped */
	size_t at;              /* where in fds */
	bool used;
};

struct loop {
	pthread_mutex_t lock;           /* over all of this */
	struct entry *entry;            /* by descriptor */
	size_t entries;
	int *fds;                       /* those in use, in no order */
	size_t n, cap;
	bool waiting;                   /* a thread is in poll(2) */
	bool woken;                     /* a byte is in the pipe */
	int wake[2];

	/* the waiting thread's own */
	struct pollfd *polled;          /* [0] is the pipe */
	unsigned *version;              /* beside polled */
	size_t polled_cap;
	size_t last;                    /* in polled: the last one looked at */
};

const char loop_backend[] = "poll";
const uint64_t loop_grain_ns = CLOCK_MS;

struct loop *
loop_new(void)
{
	struct loop *l = calloc(1, sizeof *l);
	int e;

	if (!l)
		return NULL;
	if (pipe_open(l->wake) < 0) {
		free(l);
		return NULL;
	}
	if ((e = pthread_mutex_init(&l->lock, NULL)) != 0) {
		close(l->wake[0]);
		close(l->wake[1]);
		free(l);
		errno = e;
		return NULL;
	}
	return l;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	close(l->wake[0]);
	close(l->wake[1]);
	free(l->entry);
	free(l->fds);
	free(l->polled);
	free(l->version);
	free(l);
}

/* How many elements an array of cap should have to hold n. */
static size_t
roomy(size_t cap, size_t n)
{
	size_t c = cap ? cap : 64;

	while (c < n)
		c *= 2;
	return c;
}

/* Make room for descriptor fd, and for one more in the list. */
static int
make_room(struct loop *l, int fd)
{
	size_t cap;
	void *p;

	cap = roomy(l->entries, (size_t)fd + 1);
	if (cap > l->entries) {
		if (!(p = realloc(l->entry, cap * sizeof *l->entry)))
			return -1;
		l->entry = p;
		memset(l->entry + l->entries, 0, (cap - l->entries) * sizeof *l->entry);
		l->entries = cap;
	}
	cap = roomy(l->cap, l->n + 1);
	if (cap > l->cap) {
		if (!(p = realloc(l->fds, cap * sizeof *l->fds)))
			return -1;
		l->fds = p;
		l->cap = cap;
	}
	return 0;
}

/* Tell the waiting thread of a change; called with the lock held. */
static void
wake(struct loop *l)
{
	if (!l->waiting || l->woken)
		return;
	pipe_wake(l->wake[1], 0);
	l->woken = true;
}

int
loop_add(struct loop *l, int fd, unsigned interest, void *user)
{
	struct entry *e;
	int r = -1;

	pthread_mutex_lock(&l->lock);
	if (fd < 0) {
		errno = EBADF;
	} else if (make_room(l, fd) == 0) {
		e = &l->entry[fd];
		if (e->used) {
			errno = EEXIST;
		} else {
			e->used = true;
			e->user = user;
			e->interest = interest;
			e->version++;
			e->at = l->n;
			l->fds[l->n++] = fd;
			wake(l);
			r = 0;
		}
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

/* The entry of fd, or NULL with errno. */
static struct entry *
find(struct loop *l, int fd)
{
	if (fd >= 0 && (size_t)fd < l->entries && l->entry[fd].used)
		return &l->entry[fd];
	errno = ENOENT;
	return NULL;
}

int
loop_change(struct loop *l, int fd, unsigned interest, void *user)
{
	struct entry *e;

	pthread_mutex_lock(&l->lock);
	if ((e = find(l, fd))) {
		e->user = user;
		e->interest = interest;
		e->version++;
		wake(l);
	}
	pthread_mutex_unlock(&l->lock);
	return e ? 0 : -1;
}

int
loop_remove(struct loop *l, int fd)
{
	struct entry *e;

	pthread_mutex_lock(&l->lock);
	if ((e = find(l, fd))) {
		e->used = false;
		e->version++;
		l->fds[e->at] = l->fds[--l->n];
		l->entry[l->fds[e->at]].at = e->at;
	}
	pthread_mutex_unlock(&l->lock);
	return e ? 0 : -1;
}

/* Copy the list for poll(2); returns the length of the copy, or 0 with errno. Called
 * with the lock held. */
static size_t
copy_list(struct loop *l)
{
	size_t i, n, cap = roomy(l->polled_cap, l->n + 1);
	struct entry *e;
	void *p;

	if (cap > l->polled_cap) {
		if (!(p = realloc(l->polled, cap * sizeof *l->polled)))
			return 0;
		l->polled = p;
		if (!(p = realloc(l->version, cap * sizeof *l->version)))
			return 0;
		l->version = p;
		l->polled_cap = cap;
	}
	l->polled[0].fd = l->wake[0];
	l->polled[0].events = POLLIN;
	for (n = 1, i = 0; i < l->n; i++) {
		e = &l->entry[l->fds[i]];
		/* a ONCE whose event has come: not even an error is of interest */
		if (e->interest == LOOP_ONCE)
			continue;
		l->polled[n].fd = l->fds[i];
		l->polled[n].events = (short)((e->interest & LOOP_READ ? POLLIN : 0)
		    | (e->interest & LOOP_WRITE ? POLLOUT : 0));
		l->version[n++] = e->version;
	}
	return n;
}

/* Turn what poll(2) found into events. Called with the lock held. */
static int
collect(struct loop *l, size_t n, struct loop_event *ev, int max)
{
	struct pollfd *p;
	struct entry *e;
	size_t i, left;
	int k = 0;

	/* begin after the last one of the previous call, so that max starves nobody */
	for (i = l->last, left = n - 1; left > 0 && k < max; left--) {
		i = i + 1 < n ? i + 1 : 1;
		p = &l->polled[i];
		if (p->revents == 0 || !(e = find(l, p->fd)) || e->version != l->version[i])
			continue;
		ev[k].user = e->user;
		ev[k].ready = 0;
		if (p->revents & POLLIN)
			ev[k].ready |= LOOP_READ;
		if (p->revents & POLLOUT)
			ev[k].ready |= LOOP_WRITE;
		if (p->revents & (POLLERR | POLLHUP | POLLNVAL))
			ev[k].ready |= LOOP_GONE | LOOP_READ | LOOP_WRITE;
		if (e->interest & LOOP_ONCE)
			e->interest = LOOP_ONCE;
		k++;
	}
	l->last = i;
	return k;
}

int
loop_wait(struct loop *l, struct loop_event *ev, int max, uint64_t timeout_ns)
{
	size_t n;
	int e, r;

	pthread_mutex_lock(&l->lock);
	n = copy_list(l);
	l->waiting = n > 0;
	pthread_mutex_unlock(&l->lock);
	if (n == 0)
		return -1;

	r = poll(l->polled, (nfds_t)n, clock_poll_ms(timeout_ns));
	e = errno;

	pthread_mutex_lock(&l->lock);
	l->waiting = false;
	if (l->woken) {
		pipe_drain(l->wake[0]);
		l->woken = false;
	}
	if (r > 0)
		r = collect(l, n, ev, max);
	pthread_mutex_unlock(&l->lock);
	if (r < 0 && e == EINTR)
		return 0;
	errno = e;
	return r;
}

#endif
