/* Have threads or processes run out, for the tests of the servers: preloaded (LD_PRELOAD), it
 * lets pthread_create(3) and fork(2) fail with EAGAIN as long as the file that $STARVE names
 * exists. (Limits of the system do not bind the superuser, who may be running the tests.) */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
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
