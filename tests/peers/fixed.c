/* SPDX-License-Identifier: ISC */
/* The least that an HTTP server does: an epoll loop that answers whatever it receives with the same
 * bytes, unread. What http-serve is compared with (tests/measure/peers.sh), under clients that
 * send a request at a time.
 *
 * usage: fixed file
 *
 * The reply is what the file holds, 4096 bytes at most. Prints the URL at which it listens, on
 * loopback, and ends when a signal ends it. Linux only; elsewhere, and after any failure, it ends
 * with a message and status 1. */
#include <stdio.h>

#ifndef __linux__

int
main(void)
{
	fputs("fixed: this system has no epoll\n", stderr);
	return 1;
}

#else

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define BYTES 4096

static void
die(const char *what)
{
	fprintf(stderr, "fixed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static size_t
read_reply(const char *path, char reply[BYTES])
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(reply, 1, BYTES, f) : 0;

	if (n == 0 || ferror(f))
		die(path);
	fclose(f);
	return n;
}

static void
watch(int loop, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data = { .fd = fd } };

	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) != 0)
		die("epoll_ctl");
}

static int
start(int loop)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof sa;
	struct rlimit files;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files); /* else accept(2) says so */
	}
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(fd, 4096) != 0
	    || getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		die("listen");
	watch(loop, fd);
	printf("http://127.0.0.1:%u\n", ntohs(sa.sin_port));
	if (fflush(stdout) != 0)
		die("stdout");
	return fd;
}

static void
take(int loop, int listening)
{
	int one = 1, fd = accept(listening, NULL, NULL);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
		die("accept");
	watch(loop, fd);
}

int
main(int argc, char **argv)
{
	struct epoll_event e[EVENTS];
	static char reply[BYTES], in[BYTES];
	int i, n, fd, listening, loop = epoll_create1(0);
	size_t size;

	if (argc != 2 || loop < 0)
		return 1;
	size = read_reply(argv[1], reply);
	listening = start(loop);
	for (;;) {
		n = epoll_wait(loop, e, EVENTS, -1);
		for (i = 0; i < n; i++) {
			fd = e[i].data.fd;
			if (fd == listening)
				take(loop, fd);
			else if (recv(fd, in, sizeof in, 0) <= 0
			    || send(fd, reply, size, MSG_NOSIGNAL) != (ssize_t)size)
				close(fd);
		}
	}
}

#endif
