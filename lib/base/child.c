/* SPDX-License-Identifier: ISC */
/* Child processes: see child.h. */
#if defined(__linux__) && !defined(POSIX_ONLY)
#define CHILD_LINUX
#define _DEFAULT_SOURCE /* vfork(2), which POSIX has no more */
#include <sys/prctl.h>
#endif
#include "base/child.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"

_Noreturn static void
become(char *const *argv, void (*prepare)(const void *), const void *arg, const sigset_t *mask)
{
	int e;

	prepare(arg);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	e = errno;
	msg("%s: %s", argv[0], strerror(e));
	_exit(e == ENOENT || e == ENOTDIR ? CHILD_NOT_FOUND : CHILD_NOT_EXECUTABLE);
}

pid_t
child_start(char *const *argv, void (*prepare)(const void *), const void *arg, const sigset_t *mask)
{
#ifdef CHILD_LINUX
	/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): it waits for exec only */
	pid_t pid = vfork();
#else
	pid_t pid = fork();
#endif

	if (pid == 0)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): on Linux it may do that */
		become(argv, prepare, arg, mask);
	return pid;
}

bool
child_follows(pid_t parent)
{
#ifdef CHILD_LINUX
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return getppid() == parent; /* else it was too late for that */
#else
	(void)parent;
	return true;
#endif
}
