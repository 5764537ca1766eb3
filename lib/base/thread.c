/* SPDX-License-Identifier: ISC */
/* Threads beside those that signals are for. */
#include "base/thread.h"

#include <signal.h>

#include "base/limits.h"
#include "base/msg.h"

int
thread_start(pthread_t *thread, size_t stack, void *(*work)(void *), void *arg)
{
	sigset_t all, old;
	pthread_attr_t attr;
	int e = pthread_attr_init(&attr);

	if (e != 0)
		return e;
	if (stack > 0)
		e = pthread_attr_setstacksize(&attr, stack);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (e == 0)
		e = pthread_create(thread, &attr, work, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return e;
}

void
thread_lacks(int error, unsigned i, unsigned n)
{
	struct limits_want want = { .tasks = n, .tasks_now = i };
	char text[LIMITS_TEXT];

	msg("thread %u of %u: %s", i + 1, n, limits_error(error, &want, text));
}
