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

#include "base/buf.h"
#include "base/clock.h"
#include "base/pipe.h"

struct entry {
	void *user;
	unsigned interest;
	bool used;
	bool changed; /* since the list was copied: an event from before is dropped */
};

struct loop {
	pthread_mutex_t lock; /* over all of this */
	struct entry *entry;  /* by descriptor */
	size_t entries;
	bool waiting; /* a thread is in poll(2) */
	bool woken;   /* a byte is in the pipe */
	int wake[2];

	/* the waiting thread's own */
	struct pollfd *polled; /* [0] is the pipe */
	size_t polled_cap;
	size_t last; /* in polled: the last one looked at */
};

const char loop_backend[] = "poll";
const uint64_t loop_grain_ns = CLOCK_MS;

struct loop *
loop_new(void)
{
	struct loop *l = malloc(sizeof *l);

	if (!l)
		return NULL;
	*l = (struct loop){ .lock = PTHREAD_MUTEX_INITIALIZER };
	if (pipe_open(l->wake) < 0) {
		free(l);
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
	free(l->polled);
	free(l);
}

static bool
make_room(struct loop *l, int fd)
{
	size_t had = l->entries;
	struct entry *e = array_room(l->entry, &l->entries, (size_t)fd + 1, sizeof *e);

	if (!e)
		return false;
	memset(e + had, 0, (l->entries - had) * sizeof *e);
	l->entry = e;
	return true;
}

/* Set the entry of fd, which has to be used or not before. Returns 0, or an error number. Called
 * with the lock held. */
static int
set_entry(struct loop *l, int fd, bool was_used, const struct entry *e)
{
	if (fd < 0)
		return EBADF;
	if (!make_room(l, fd))
		return ENOMEM;
	if (l->entry[fd].used != was_used)
		return was_used ? ENOENT : EEXIST;
	l->entry[fd] = *e;
	/* the waiting thread may go on watching what was removed */
	if (e->used && l->waiting && !l->woken) {
		pipe_wake(l->wake[1], 0);
		l->woken = true;
	}
	return 0;
}

static int
change(struct loop *l, int fd, bool was_used, struct entry e)
{
	int error;

	e.changed = true;
	pthread_mutex_lock(&l->lock);
	error = set_entry(l, fd, was_used, &e);
	pthread_mutex_unlock(&l->lock);
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

int
loop_add(struct loop *l, int fd, unsigned interest, void *user)
{
	return change(l, fd, false, (struct entry){ user, .interest = interest, .used = true });
}

int
loop_change(struct loop *l, int fd, unsigned interest, void *user)
{
	return change(l, fd, true, (struct entry){ user, .interest = interest, .used = true });
}

int
loop_remove(struct loop *l, int fd)
{
	return change(l, fd, true, (struct entry){ .used = false });
}

/* Copy the list for poll(2); returns the length of the copy, or 0 with errno. Called
 * with the lock held. */
static size_t
copy_list(struct loop *l)
{
	struct pollfd *p = array_room(l->polled, &l->polled_cap, l->entries + 1, sizeof *p);
	struct entry *e;
	size_t i, n = 1;

	if (!p)
		return 0;
	l->polled = p;
	p[0].fd = l->wake[0];
	p[0].events = POLLIN;
	for (i = 0; i < l->entries; i++) {
		e = &l->entry[i];
		e->changed = false;
		/* a ONCE whose event has come: not even an error is of interest */
		if (!e->used || e->interest == LOOP_ONCE)
			continue;
		p[n].fd = (int)i;
		p[n++].events = (short)((e->interest & LOOP_READ ? POLLIN : 0)
		    | (e->interest & LOOP_WRITE ? POLLOUT : 0));
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
		e = &l->entry[p->fd];
		if (p->revents == 0 || e->changed)
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

void
loop_closing(struct loop *l, int fd)
{
	loop_remove(l, fd);
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
	if (r < 0 && errno == EINTR)
		r = poll(l->polled, (nfds_t)n, 0);
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
