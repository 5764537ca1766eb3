/* SPDX-License-Identifier: ISC */
/* Keep processors from going idle: see awake.h. */
#include "base/awake.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pipe.h"

/* What a loop is to do that waits for nothing: leave the core to its other thread. */
static void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__asm__ volatile("pause");
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void *
spin(void *arg)
{
	/* not at the cost of what is measured */
	if (cpus_set_affinity(arg) < 0 || cpus_set_idle() < 0)
		return NULL;
	for (;;)
		relax();
}

/* A thread for each processor, until the other end of the pipe is closed. */
_Noreturn static void
keep_awake(const struct cpus *set, int fd)
{
	static struct cpus one[CPUS_MAX];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	pthread_t thread;
	unsigned cpu;

	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!cpus_has(set, cpu))
			continue;
		cpus_add(&one[cpu], cpu);
		/* without it the processor goes idle as it always did */
		if (pthread_create(&thread, NULL, spin, &one[cpu]) == 0)
			pthread_detach(thread);
	}
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	_exit(0);
}

bool
awake_start(struct awake *a, const struct cpus *set)
{
	int fd[2];

	if (!CPUS_IDLE_CLASS || cpus_quota() != UINT64_MAX || pipe_open(fd) < 0)
		return false;
	if ((a->pid = fork()) == 0) {
		close(fd[1]);
		keep_awake(set, fd[0]);
	}
	close(fd[0]);
	a->fd = fd[1];
	if (a->pid < 0)
		close(fd[1]);
	return a->pid > 0;
}

void
awake_end(struct awake *a)
{
	close(a->fd);
	while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
