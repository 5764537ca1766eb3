/* SPDX-License-Identifier: ISC */
/* Have threads, processes or the network run out, for the tests: preloaded (LD_PRELOAD), it lets
 * pthread_create(3) and fork(2) fail with EAGAIN, and connect(2) with ENETUNREACH, as long as
 * the file that $STARVE names exists. (Limits of the system do not bind the superuser, who may
 * be running the tests.) If there is $NO_THREAD, pthread_create(3) alone fails. Have memory run
 * out: once the program has begun, $FAMINE of its allocations succeed, and no more. Have somebody
 * set the wall clock: if there is $SET_CLOCK, it is an hour later with each look. And have a
 * program take its time to exit: it makes the file $LINGER.there, and goes on once there is one
 * named $LINGER. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int
starving(void)
{
	const char *path = getenv("STARVE");

	return path && access(path, F_OK) == 0;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*f)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return starving() || getenv("NO_THREAD") ? EAGAIN : real(thread, attr, f, arg);
}

pid_t
fork(void)
{
	static pid_t (*real)(void);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fork");
	if (!starving())
		return real();
	errno = EAGAIN;
	return -1;
}

int
connect(int fd, const struct sockaddr *to, socklen_t n)
{
	static int (*real)(int, const struct sockaddr *, socklen_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "connect");
	if (!starving())
		return real(fd, to, n);
	errno = ENETUNREACH;
	return -1;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	static atomic_long looks;
	int result;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	result = real(id, ts);
	if (id == CLOCK_REALTIME && getenv("SET_CLOCK"))
		ts->tv_sec += 3600 * ++looks;
	return result;
}

static atomic_long allowed = LONG_MAX; /* allocations */
static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);

/* Find them with the first of all allocations, while there is one thread. That may take others. */
static void
find(void)
{
	static int looking;

	if (looking || real_realloc)
		return;
	looking = 1;
	*(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&real_calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&real_realloc = dlsym(RTLD_NEXT, "realloc");
	looking = 0;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *text = getenv("FAMINE");

	find();
	if (text)
		atomic_store(&allowed, strtol(text, NULL, 10));
}

static int
may_allocate(void)
{
	find();
	if (real_realloc && atomic_fetch_sub(&allowed, 1) > 0)
		return 1;
	errno = ENOMEM;
	return 0;
}

void *
malloc(size_t n)
{
	return may_allocate() ? real_malloc(n) : NULL;
}

void *
calloc(size_t n, size_t size)
{
	return may_allocate() ? real_calloc(n, size) : NULL;
}

void *
realloc(void *p, size_t n)
{
	return may_allocate() ? real_realloc(p, n) : NULL;
}

__attribute__((destructor)) static void
linger(void)
{
	const char *path = getenv("LINGER");
	char there[4096];

	if (!path)
		return;
	snprintf(there, sizeof there, "%s.there", path);
	close(open(there, O_WRONLY | O_CREAT, 0666));
	while (access(path, F_OK) != 0)
		poll(NULL, 0, 10);
}
