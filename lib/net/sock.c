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
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/url.h"
#include "net/source.h"

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

static bool
is_unix(const struct sock_addr *a)
{
	return a->any.sa_family == AF_UNIX;
}

static bool
is_ipv4_loopback(const struct sock_addr *a)
{
	return a->any.sa_family == AF_INET && ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
}

/* What every connection has, unless the call that made it has seen to that. */
static int
set_up(int fd, const struct sock_addr *a, bool blocking)
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
	return is_unix(a) ? 0 : set_option(fd, IPPROTO_TCP, TCP_NODELAY);
}

static int
close_keeping_errno(int fd)
{
	int e = errno;

	close(fd);
	errno = e;
	return -1;
}

/* A setting of the whole process; "": none. */
static char congestion[16];

static int
set_congestion(int fd)
{
#if defined(TCP_CONGESTION) && !defined(POSIX_ONLY)
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion,
	    (socklen_t)strlen(congestion));
#else
	(void)fd;
	errno = ENOSYS;
	return -1;
#endif
}

const char *
sock_congestion(const char *name)
{
	int fd;

	if (strlen(name) >= sizeof congestion)
		return "too long";
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) < 0)
		return strerror(errno);
	strcpy(congestion, name);
	if (set_congestion(fd) == 0) {
		close(fd);
		return NULL;
	}
	congestion[0] = '\0';
	close_keeping_errno(fd);
	return errno == ENOENT ? "this system has no such congestion control" : strerror(errno);
}

/* All addresses of this machine, those over loopback among them. */
static bool
is_any(const struct sock_addr *a)
{
	return a->any.sa_family == AF_INET
	    ? a->in.sin_addr.s_addr == htonl(INADDR_ANY)
	    : a->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

/* For a socket that is to connect, or to listen: its connections inherit it. */
static int
set_up_path(int fd, const struct sock_addr *a)
{
	return *congestion && !is_unix(a) && (sock_is_local(a) || is_any(a)) ? set_congestion(fd)
									     : 0;
}

/* ---- addresses ---- */

const char *
sock_bad_path(const char *host)
{
	const struct sock_addr *a = NULL;

	return sock_is_path(host) && strlen(host) >= sizeof a->un.sun_path
	    ? "longer than the path of a socket can be"
	    : NULL;
}

static const char *
resolve_path(const char *path, struct sock_addr **list)
{
	const char *why = sock_bad_path(path);
	struct sock_addr *a;

	if (why)
		return why;
	if (!(a = calloc(1, sizeof *a)))
		return strerror(errno);
	a->un.sun_family = AF_UNIX;
	strcpy(a->un.sun_path, path);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
	*list = a;
	return NULL;
}

/* A name may have an address twice. */
static bool
is_repeated(const struct sock_addr *list, const struct sock_addr *a)
{
	while (list != a && (list->len != a->len || memcmp(&list->any, &a->any, a->len) != 0))
		list = list->next;
	return list != a;
}

/* The same as one block of memory. NULL: there is none. */
static struct sock_addr *
copy_list(const struct addrinfo *from, bool passive)
{
	const struct addrinfo *ai;
	struct sock_addr *list, *a, **end;
	size_t n = 0;

	for (ai = from; ai; ai = ai->ai_next)
		n++;
	if (!(a = list = calloc(n, sizeof *list)))
		return NULL;
	end = &list;
	for (ai = from; ai; ai = ai->ai_next) {
		a->len = ai->ai_addrlen;
		memcpy(&a->any, ai->ai_addr, ai->ai_addrlen);
		a->share = !passive && is_ipv4_loopback(a) ? source_share() : 0;
		*end = a;
		if (!is_repeated(list, a))
			end = &a++->next;
		*end = NULL;
	}
	return list;
}

const char *
sock_resolve(const char *host, const char *port, bool passive, struct sock_addr **list)
{
	struct addrinfo hints, *found;
	int e;

	*list = NULL;
	if (sock_is_path(host))
		return resolve_path(host, list);
	memset(&hints, 0, sizeof hints);
	hints.ai_family = AF_UNSPEC;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_protocol = IPPROTO_TCP;
	hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
	e = getaddrinfo(host, port, &hints, &found);
	if (e != 0)
		return e == EAI_SYSTEM ? strerror(errno) : gai_strerror(e);
	*list = copy_list(found, passive);
	freeaddrinfo(found);
	return *list ? NULL : strerror(ENOMEM);
}

int
sock_name(const struct sock_addr *a, char *text, size_t size)
{
	char host[256], port[8];

	if (is_unix(a)) {
		msg_printable(text, size, a->un.sun_path, strlen(a->un.sun_path));
		return 0;
	}
	if (getnameinfo(&a->any, a->len, host, sizeof host, port, sizeof port,
		NI_NUMERICHOST | NI_NUMERICSERV)
	    != 0) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	snprintf(text, size, a->any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}

/* The address of a bound or connected socket. */
static int
own_addr(int fd, struct sock_addr *a)
{
	memset(a, 0, sizeof *a);
	a->len = sizeof a->un;
	return getsockname(fd, &a->any, &a->len);
}

int
sock_url(int fd, const char *scheme, char *text, size_t size)
{
	struct sock_addr a;
	int n;

	if (own_addr(fd, &a) < 0)
		return -1;
	n = snprintf(text, size, is_unix(&a) ? "%s+unix://" : "%s://", scheme);
	if (!is_unix(&a))
		return sock_name(&a, text + n, size - (size_t)n);
	url_encode(text + n, size - (size_t)n, a.un.sun_path);
	return 0;
}

bool
sock_is_local(const struct sock_addr *a)
{
	switch (a->any.sa_family) {
	case AF_INET: return is_ipv4_loopback(a);
	case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	default: return is_unix(a);
	}
}

bool
sock_has_source(const struct sock_addr *a)
{
	int fd = socket(a->any.sa_family, SOCK_DGRAM, 0);
	bool has = fd < 0 || connect(fd, &a->any, a->len) == 0 || errno != EADDRNOTAVAIL;

	if (fd >= 0)
		close(fd);
	return has;
}

int
sock_own_address(int family, char *text, size_t size)
{
	/* addresses for documentation, which nobody has: RFC 5737, RFC 3849 */
	const char *far = family == AF_INET6 ? "2001:db8::1" : "192.0.2.1";
	struct sock_addr own;
	struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *ai = NULL;
	char *colon;
	int fd = -1, r = -1;

	if (getaddrinfo(far, "9", &hints, &ai) == 0
	    && (fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol)) >= 0
	    && connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 && own_addr(fd, &own) == 0
	    && !sock_is_local(&own) && (r = sock_name(&own, text, size)) == 0
	    && (colon = strrchr(text, ':')))
		*colon = '\0';
	if (fd >= 0)
		close(fd);
	if (ai)
		freeaddrinfo(ai);
	return r;
}

/* ---- listening ---- */

/* Remove a socket of this user on which nobody listens. Returns 0, or -1 with errno as of
 * sock_listen(). */
static int
remove_stale(const struct sock_addr *a)
{
	const char *path = a->un.sun_path;
	struct stat st;
	bool refused;
	int fd;

	if (lstat(path, &st) < 0)
		return -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if ((fd = sock_open(a)) < 0)
		return -1;
	refused = sock_connect(fd, a, 0) < 0 && errno == ECONNREFUSED;
	close(fd);
	if (refused && st.st_uid == geteuid())
		return unlink(path);
	errno = refused ? EPERM : EADDRINUSE;
	return -1;
}

static int
bind_path(int fd, struct sock_addr *a)
{
	struct stat st;

	if (bind(fd, &a->any, a->len) < 0
	    && (errno != EADDRINUSE || remove_stale(a) < 0 || bind(fd, &a->any, a->len) < 0))
		return -1;
	if (lstat(a->un.sun_path, &st) < 0)
		return -1;
	a->made = true;
	a->dev = st.st_dev;
	a->ino = st.st_ino;
	return 0;
}

void
sock_remove(struct sock_addr *list)
{
	struct stat st;
	int e = errno;

	if (list && list->made && lstat(list->un.sun_path, &st) == 0 && st.st_dev == list->dev
	    && st.st_ino == list->ino)
		unlink(list->un.sun_path);
	if (list)
		list->made = false;
	errno = e;
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
    "one place for the port");

/* In the order of the network's bytes; 0: it has none. */
static in_port_t
port_of(int fd)
{
	struct sock_addr a;

	return own_addr(fd, &a) < 0 ? 0 : a.in.sin_port;
}

static int
bind_port(int fd, const struct sock_addr *at, in_port_t port)
{
	struct sock_addr a = *at;

	if (port != 0)
		a.in.sin_port = port;
	return bind(fd, &a.any, a.len);
}

static int
listen_at(struct sock_addr *a, in_port_t port)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM, 0);

	/* the system cuts the backlog to its own maximum; SOMAXCONN is what the libc
	 * believes that to be */
	if (fd >= 0
	    && (set_cloexec(fd) < 0 || set_option(fd, SOL_SOCKET, SO_REUSEADDR) < 0
		|| set_up_path(fd, a) < 0
		|| (is_unix(a) ? bind_path(fd, a) : bind_port(fd, a, port)) < 0
		|| listen(fd, INT_MAX) < 0 || sock_blocking(fd, false) < 0)) {
		sock_remove(a);
		return close_keeping_errno(fd);
	}
	return fd;
}

static int
listen_at_all(struct sock_addr *list, int fd[SOCK_LISTEN_MAX])
{
	struct sock_addr *a;
	int n = 0, e = EADDRNOTAVAIL;

	for (a = list; a && n < SOCK_LISTEN_MAX; a = a->next) {
		if ((fd[n] = listen_at(a, n > 0 ? port_of(fd[0]) : 0)) >= 0) {
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
sock_listen(struct sock_addr *list, int fd[SOCK_LISTEN_MAX])
{
	bool any_port = !is_unix(list) && list->in.sin_port == 0;
	int n, tries;

	for (tries = 0; tries < 16; tries++)
		/* any port will do: the one that the first address got may be in use at another */
		if ((n = listen_at_all(list, fd)) > 0 || errno != EADDRINUSE || !any_port)
			break;
	return n;
}

/* ---- connections ---- */

int
sock_accept(int listen_fd, const struct sock_addr *a, bool blocking)
{
	int fd;

#ifdef IN_ONE_CALL
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK));
#else
	fd = accept(listen_fd, NULL, NULL);
#endif
	if (fd >= 0 && set_up(fd, a, blocking) < 0) {
		/* the peer is gone already: some systems say EINVAL for that */
		close(fd);
		errno = ECONNABORTED;
		return -1;
	}
	return fd;
}

int
sock_open(const struct sock_addr *a)
{
	int fd, type = SOCK_STREAM;

#ifdef IN_ONE_CALL
	type |= SOCK_CLOEXEC | SOCK_NONBLOCK;
#endif
	fd = socket(a->any.sa_family, type, 0);
	return fd >= 0 && (set_up(fd, a, false) < 0 || set_up_path(fd, a) < 0)
	    ? close_keeping_errno(fd)
	    : fd;
}

int
sock_connect(int fd, const struct sock_addr *a, unsigned nth)
{
	unsigned source = a->share > 0 ? nth / a->share % SOURCES : 0;
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;

	if (source > 0 && source_bind(fd, source) < 0)
		return -1;
	while (connect(fd, &a->any, a->len) < 0) {
		/* over loopback it has ended by now; after EINTR the kernel goes on as well */
		if (errno == EINPROGRESS || errno == EINTR)
			return getpeername(fd, (struct sockaddr *)&peer, &len) == 0;
		/* others may have taken the ports of this source */
		if (errno != EADDRNOTAVAIL || a->share == 0 || ++source == SOURCES
		    || source_bind(fd, source) < 0)
			return -1;
	}
	return 1;
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
sock_quickack(int fd, const struct sock_addr *a)
{
#if defined(TCP_QUICKACK) && !defined(POSIX_ONLY)
	/* a hint: where it fails, the acknowledgement comes later by itself */
	if (!is_unix(a))
		set_option(fd, IPPROTO_TCP, TCP_QUICKACK);
#else
	(void)fd;
	(void)a;
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
