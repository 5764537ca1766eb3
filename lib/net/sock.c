/* SPDX-License-Identifier: ISC */
/* Sockets: listen, accept, connect, and the options that timing depends on.
 *
 * Every descriptor made here is close-on-exec, and never raises SIGPIPE. */
#if defined(__linux__) && !defined(POSIX_ONLY)
#define IN_ONE_CALL /* accept4(2) and socket(2) take flags */
#define _GNU_SOURCE
#endif
#include "net/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#define US_PER_S 1000000u

static int
set_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 ? -1 : fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

static int
set_option(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof on);
}

/* What every connection has, unless the call that made it has seen to that. */
static int
set_up(int fd, bool blocking)
{
#ifdef IN_ONE_CALL
	(void)blocking;
#else
	/* some systems let a connection inherit O_NONBLOCK, others don't */
	if (set_cloexec(fd) < 0 || sock_blocking(fd, blocking) < 0)
		return -1;
#endif
#ifdef SO_NOSIGPIPE /* where send(2) has no MSG_NOSIGNAL */
	if (set_option(fd, SOL_SOCKET, SO_NOSIGPIPE) < 0)
		return -1;
#endif
	return set_option(fd, IPPROTO_TCP, TCP_NODELAY);
}

static int
close_keeping_errno(int fd)
{
	int e = errno;

	close(fd);
	errno = e;
	return -1;
}

const char *
sock_resolve(const char *host, const char *port, bool passive, struct addrinfo **list)
{
	struct addrinfo hints;
	int e;

	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_protocol = IPPROTO_TCP;
	hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
	e = getaddrinfo(host, port, &hints, list);
	if (e == 0)
		return NULL;
	*list = NULL;
	return e == EAI_SYSTEM ? strerror(errno) : gai_strerror(e);
}

/* An address of TCP, of either family: both have the port at the same place. */
union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
    "one place for the port");

/* In the order of the network's bytes; 0: it has none. */
static in_port_t
port_of(int fd)
{
	union address a = { .in6 = { 0 } };
	socklen_t len = sizeof a;

	return getsockname(fd, &a.any, &len) < 0 ? 0 : a.in.sin_port;
}

static int
listen_at(const struct addrinfo *ai, in_port_t port)
{
	union address a = { .in6 = { 0 } };
	int fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);

	memcpy(&a, ai->ai_addr, ai->ai_addrlen < sizeof a ? ai->ai_addrlen : sizeof a);
	if (port != 0)
		a.in.sin_port = port;

	/* the system cuts the backlog to its own maximum; SOMAXCONN is what the libc
	 * believes that to be */
	if (fd >= 0
	    && (set_cloexec(fd) < 0 || set_option(fd, SOL_SOCKET, SO_REUSEADDR) < 0
		|| bind(fd, &a.any, ai->ai_addrlen) < 0 || listen(fd, INT_MAX) < 0
		|| sock_blocking(fd, false) < 0))
		return close_keeping_errno(fd);
	return fd;
}

/* A name may have an address twice. */
static bool
is_repeated(const struct addrinfo *list, const struct addrinfo *ai)
{
	while (list != ai
	    && (list->ai_addrlen != ai->ai_addrlen
		|| memcmp(list->ai_addr, ai->ai_addr, ai->ai_addrlen) != 0))
		list = list->ai_next;
	return list != ai;
}

static int
listen_at_all(const struct addrinfo *list, int fd[SOCK_LISTEN_MAX])
{
	const struct addrinfo *ai;
	int n = 0, e = EADDRNOTAVAIL;

	for (ai = list; ai && n < SOCK_LISTEN_MAX; ai = ai->ai_next) {
		if (is_repeated(list, ai))
			continue;
		if ((fd[n] = listen_at(ai, n > 0 ? port_of(fd[0]) : 0)) >= 0) {
			n++;
			continue;
		}
		e = errno;
		if (e == EADDRNOTAVAIL || e == EAFNOSUPPORT)
			continue; /* this machine, or its kernel, has no such address */
		while (n > 0)
			close(fd[--n]);
		break;
	}
	errno = e;
	return n > 0 ? n : -1;
}

int
sock_listen(const struct addrinfo *list, int fd[SOCK_LISTEN_MAX])
{
	struct sockaddr_in first;
	int n, tries;

	memcpy(&first, list->ai_addr, sizeof first);
	for (tries = 0; tries < 16; tries++)
		/* any port will do: the one that the first address got may be in use at another */
		if ((n = listen_at_all(list, fd)) > 0 || errno != EADDRINUSE || first.sin_port != 0)
			break;
	return n;
}

int
sock_name(const struct sockaddr *addr, socklen_t len, char *text, size_t size)
{
	char host[256], port[8];

	if (getnameinfo(addr, len, host, sizeof host, port, sizeof port,
		NI_NUMERICHOST | NI_NUMERICSERV)
	    != 0) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	snprintf(text, size, addr->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

int
sock_url(int fd, const char *scheme, char *text, size_t size)
{
	struct sockaddr_storage addr = { 0 };
	struct sockaddr *a = (struct sockaddr *)&addr;
	socklen_t len = sizeof addr;
	int n = snprintf(text, size, "%s://", scheme);

	if (getsockname(fd, a, &len) < 0)
		return -1;
	return sock_name(a, len, text + n, size - (size_t)n);
}

bool
sock_is_loopback(const struct sockaddr *a)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (a->sa_family == AF_INET) {
		memcpy(&in, a, sizeof in);
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	if (a->sa_family != AF_INET6)
		return false;
	memcpy(&in6, a, sizeof in6);
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

int
sock_own_address(int family, char *text, size_t size)
{
	/* addresses for documentation, which nobody has: RFC 5737, RFC 3849 */
	const char *far = family == AF_INET6 ? "2001:db8::1" : "192.0.2.1";
	struct sockaddr_storage own = { 0 };
	struct sockaddr *a = (struct sockaddr *)&own;
	socklen_t len = sizeof own;
	struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *ai = NULL;
	char *colon;
	int fd = -1, r = -1;

	if (getaddrinfo(far, "9", &hints, &ai) == 0
	    && (fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol)) >= 0
	    && connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 && getsockname(fd, a, &len) == 0
	    && !sock_is_loopback(a) && (r = sock_name(a, len, text, size)) == 0
	    && (colon = strrchr(text, ':')))
		*colon = '\0';
	if (fd >= 0)
		close(fd);
	if (ai)
		freeaddrinfo(ai);
	return r;
}

int
sock_accept(int listen_fd, bool blocking)
{
	int fd;

#ifdef IN_ONE_CALL
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK));
#else
	fd = accept(listen_fd, NULL, NULL);
#endif
	if (fd >= 0 && set_up(fd, blocking) < 0) {
		/* the peer is gone already: some systems say EINVAL for that */
		close(fd);
		errno = ECONNABORTED;
		return -1;
	}
	return fd;
}

int
sock_open(const struct addrinfo *ai)
{
	int fd, type = ai->ai_socktype;

#ifdef IN_ONE_CALL
	type |= SOCK_CLOEXEC | SOCK_NONBLOCK;
#endif
	fd = socket(ai->ai_family, type, ai->ai_protocol);
	return fd >= 0 && set_up(fd, false) < 0 ? close_keeping_errno(fd) : fd;
}

int
sock_blocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

int
sock_timeout(int fd, uint64_t timeout_ns)
{
	uint64_t us = timeout_ns / 1000 + (timeout_ns % 1000 != 0);
	struct timeval tv;

	tv.tv_sec = (time_t)(us / US_PER_S);
	tv.tv_usec = (suseconds_t)(us % US_PER_S);
	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
}

void
sock_quickack(int fd)
{
#if defined(TCP_QUICKACK) && !defined(POSIX_ONLY)
	/* a hint: where it fails, the acknowledgement comes later by itself */
	set_option(fd, IPPROTO_TCP, TCP_QUICKACK);
#else
	(void)fd;
#endif
}

ssize_t
sock_writev(int fd, const struct iovec *iov, int n)
{
	int flags = MSG_DONTWAIT;
	struct msghdr m;

#ifdef MSG_NOSIGNAL /* else SO_NOSIGPIPE is set */
	flags |= MSG_NOSIGNAL;
#endif

	/* the common case of one piece: the kernel has no vector to copy and check */
	if (n == 1)
		return send(fd, iov->iov_base, iov->iov_len, flags);
	memset(&m, 0, sizeof m);
	m.msg_iov = (struct iovec *)(uintptr_t)iov;
	m.msg_iovlen = (size_t)n;
	return sendmsg(fd, &m, flags);
}
