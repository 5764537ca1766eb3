/* SPDX-License-Identifier: ISC */
/* Receive timestamps by SO_TIMESTAMPING (Linux, Documentation/networking/timestamping.rst). See
 * stamp.h. */
#if defined(__linux__) && !defined(POSIX_ONLY)
#define _GNU_SOURCE /* SO_TIMESTAMPING */
#endif
#include "net/stamp.h"

#ifdef STAMP_LINUX

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* linux/net_tstamp.h, which not every libc's compiler finds */
#define RX_SOFTWARE (1 << 3) /* SOF_TIMESTAMPING_RX_SOFTWARE: make stamps, */
#define SOFTWARE (1 << 4)    /* SOF_TIMESTAMPING_SOFTWARE: and pass them on */

#define START_NS CLOCK_S /* for the kernel to begin */

/* scm_timestamping of linux/errqueue.h */
struct scm_stamps {
	struct timespec ts[3]; /* the first is by software */
};

int
stamp_enable(int fd)
{
	int flags = RX_SOFTWARE | SOFTWARE;

	return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags);
}

ssize_t
stamps_recv(struct stamps *k, int fd, void *to, size_t size, int flags)
{
	union {
		struct cmsghdr header; /* for its alignment */
		unsigned char bytes[CMSG_SPACE(sizeof(struct scm_stamps))];
	} control;
	struct iovec iov = { .iov_base = to, .iov_len = size };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	ssize_t n = recvmsg(fd, &m, flags);
	struct cmsghdr *c;
	struct scm_stamps s;

	if (n <= 0) /* at the end of the stream the last stamp stays */
		return n;
	k->real_ns = 0;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPING
		    || c->cmsg_len < CMSG_LEN(sizeof s))
			continue;
		memcpy(&s, CMSG_DATA(c), sizeof s);
		k->real_ns = (uint64_t)s.ts[0].tv_sec * CLOCK_S + (uint64_t)s.ts[0].tv_nsec;
	}
	stamps_read(k);
	return n;
}

/* A socket that is connected to itself, or -1 with errno. */
static int
open_mirror(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct timeval second = { .tv_sec = 1 };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), e;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0
	    || getsockname(fd, (struct sockaddr *)&a, &len) < 0
	    || connect(fd, (struct sockaddr *)&a, len) < 0
	    || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second) < 0
	    || stamp_enable(fd) < 0) {
		e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

const char *
stamp_start(void)
{
	/* stays open: when no socket wants stamps any more, the kernel stops making them */
	int fd = open_mirror();
	uint64_t until_ns = clock_ns() + START_NS;
	struct stamps stamps = { 0 };
	const struct timespec pause = { .tv_nsec = 50 * 1000 };
	char byte = 0;

	if (fd < 0)
		return strerror(errno);
	while (send(fd, &byte, 1, 0) == 1 && stamps_recv(&stamps, fd, &byte, 1, 0) == 1) {
		if (stamps.real_ns != 0)
			return NULL;
		if (clock_ns() >= until_ns)
			break;
		nanosleep(&pause, NULL);
	}
	close(fd);
	return "the kernel does not stamp what it receives over loopback";
}

#endif
