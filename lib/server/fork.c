/* SPDX-License-Identifier: ISC */
/* A process per connection. What it has counted comes back through a pipe, as one write
 * that the system doesn't split; the pipe's end of file, once the parent has closed its own
 * writing end, also means that all children have ended. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/pipe.h"
#include "net/sock.h"
#include "server/server.h"

#define GRACE_MS 2000 /* from SIGTERM to SIGKILL: only a stopped child needs it */

_Static_assert(sizeof(struct server_usage) <= _POSIX_PIPE_BUF, "a report is written at once");

/* One server of a process forks, as one handles its signals. */
static int report[2];
static pid_t parent;

/* Connections by the numbers of their processes, so that the end of one of thousands is no search
 * through them all. */
#define BUCKETS 1024
static struct conn_list by_pid[BUCKETS];

static struct conn_list *
bucket(pid_t pid)
{
	return &by_pid[(unsigned)pid % BUCKETS];
}

/* The connection of a child, for its signal handler. */
static volatile sig_atomic_t child_fd = -1;

static void
end_child(int sig)
{
	int e = errno;

	(void)sig;
	/* a flag would leave a race with the next recv(2); this ends that one too */
	shutdown(child_fd, SHUT_RDWR);
	errno = e;
}

/* Signals of the terminal are for the parent, which passes them on as SIGTERM if it
 * stops at all: with a command it stops after that. */
static void
set_signals(const sigset_t *mask)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	sa.sa_handler = end_child;
	sigaction(SIGTERM, &sa, NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

_Noreturn static void
live_child(struct conn *c, const sigset_t *mask)
{
	struct server_usage u;
	ssize_t n;

	child_fd = c->fd;
	set_signals(mask);
	if (!child_follows(parent))
		_exit(1);
	close(report[0]);
	server_leave(c->server);

	blocking_serve(c);

	memset(&u, 0, sizeof u);
	conn_count(c, &u);
	server_measure(&u);
	/* a full pipe is emptied soon */
	if (sock_blocking(report[1], true) < 0)
		_exit(1);
	do
		n = write(report[1], &u, sizeof u);
	while (n < 0 && errno == EINTR);
	_exit(n == (ssize_t)sizeof u ? 0 : 1);
}

static int
serve(struct conn *c)
{
	sigset_t all, mask;
	pid_t pid;
	int e;

	/* until the child has its own handlers, a signal to it would count as the parent's */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	e = errno;
	if (pid == 0)
		live_child(c, &mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (pid < 0)
		return e;
	c->pid = pid;
	conn_list_add(bucket(pid), c);
	close(c->fd);
	c->fd = -1;
	return 0;
}

/* Take in what reports are there; false at the end of file. */
static bool
read_reports(struct server *sv)
{
	struct server_usage u[32];
	ssize_t n;
	size_t i;

	while ((n = read(report[0], u, sizeof u)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return true;
		for (i = 0; i < (size_t)n / sizeof u[0]; i++)
			server_count(sv, &u[i]);
	}
	return false;
}

/* A child has ended, and has sent its report before. */
static struct conn *
reaped(struct server *sv, pid_t pid)
{
	struct conn *c = bucket(pid)->first;

	read_reports(sv);
	while (c && c->pid != pid)
		c = c->link[CONN_LIST].next;
	if (c)
		conn_list_remove(bucket(pid), c);
	return c;
}

static void
signal_child(struct conn *c, int sig)
{
	if (c->pid > 0)
		kill(c->pid, sig);
}

static void
reap(struct conn *c, int options)
{
	if (c->pid > 0)
		while (waitpid(c->pid, NULL, options) < 0 && errno == EINTR)
			;
}

static void
end(struct server *sv)
{
	struct pollfd p = { .fd = report[0], .events = POLLIN };
	uint64_t t0_ns = clock_ns();
	bool killed = false;

	server_each(sv, signal_child, SIGTERM);
	close(report[1]);
	while (read_reports(sv)) {
		poll(&p, 1, killed ? -1 : GRACE_MS);
		if (!killed && clock_ns() - t0_ns >= GRACE_MS * CLOCK_MS) {
			server_each(sv, signal_child, SIGKILL);
			killed = true;
		}
	}
	server_each(sv, reap, 0);
	close(report[0]);
}

static int
begin(struct server *sv)
{
	(void)sv;
	parent = getpid();
	return pipe_open(report) < 0 ? errno : 0;
}

const struct server_model model_fork = {
	.name = "fork",
	.blocking = true,
	.begin = begin,
	.end = end,
	.serve = serve,
	.reaped = reaped,
};
