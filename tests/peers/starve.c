/* SPDX-License-Identifier: ISC */
/* Have threads, processes or the network run out, for the tests: preloaded (LD_PRELOAD), it lets
 * pthread_create(3) and fork(2) fail with EAGAIN, and connect(2) with ENETUNREACH, as long as
 * the file that $STARVE names exists. (Limits of the system do not bind the superuser, who may
 * be running the tests.) And have a program take its time to exit: it makes the file
 * $LINGER.there, and goes on once there is one named $LINGER. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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
	return starving() ? EAGAIN : real(thread, attr, f, arg);
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
