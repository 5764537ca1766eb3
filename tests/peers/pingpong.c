/* SPDX-License-Identifier: ISC */
/* The least that a round trip costs: one process answers, one asks, with nothing but
 * blocking send and recv between them. What a benchmark is compared with (peers.sh).
 *
 * usage: pingpong [-P cpus] [-n count] [-s bytes asked] [-r bytes answered]
 *        pingpong -c [-P cpus] [-n count]
 *
 * -P: the processors of the process that answers.
 *
 * Prints the median in microseconds: of a round trip over one connection, or (-c) of
 * connect(2) in a loop that connects and closes. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cpus.h"

#define SIZE_MAX_BYTES (1 << 20)

static pid_t child;

static void
die(const char *what)
{
	fprintf(stderr, "pingpong: %s: %s\n", what, strerror(errno));
	if (child > 0)
		kill(child, SIGTERM);
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		die("clock");
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The whole of n bytes; 0: the peer has closed. */
static int
receive(int fd, char *buf, size_t n)
{
	ssize_t got;

	while (n > 0) {
		got = recv(fd, buf, n, 0);
		if (got <= 0)
			return 0;
		n -= (size_t)got;
	}
	return 1;
}

static void
transmit(int fd, const char *buf, size_t n)
{
	ssize_t sent;

	while (n > 0) {
		sent = send(fd, buf, n, MSG_NOSIGNAL);
		if (sent < 0)
			die("send");
		n -= (size_t)sent;
	}
}

static void
no_delay(int fd)
{
	int one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
		die("TCP_NODELAY");
}

/* Accept for ever; answer each request on a connection until it ends. */
static void
answer(int listen_fd, char *buf, size_t asked, size_t answered)
{
	int fd;

	for (;;) {
		fd = accept(listen_fd, NULL, NULL);
		if (fd < 0)
			die("accept");
		no_delay(fd);
		while (receive(fd, buf, asked))
			transmit(fd, buf, answered);
		close(fd);
	}
}

static int
dial(const struct sockaddr_in *sa, uint64_t *ns)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t start;

	if (fd < 0)
		die("socket");
	no_delay(fd);
	start = now_ns();
	if (connect(fd, (const struct sockaddr *)sa, sizeof *sa) != 0)
		die("connect");
	*ns = now_ns() - start;
	return fd;
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned long
number(const char *text)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || v == 0 || v > 100000000) {
		fprintf(stderr, "pingpong: %s: not a number of use\n", text);
		exit(2);
	}
	return v;
}

int
main(int argc, char **argv)
{
	static char buf[SIZE_MAX_BYTES];
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof sa;
	unsigned long count = 10000, asked = 64, answered = 64, i;
	int opt, fd, conn, connects = 0;
	const char *wrong = NULL;
	struct cpus cpus;
	bool placed = false;
	uint64_t *ns, start;

	while ((opt = getopt(argc, argv, "P:n:s:r:c")) != -1) {
		switch (opt) {
		case 'P':
			wrong = cpus_parse(&cpus, optarg);
			placed = true;
			break;
		case 'n': count = number(optarg); break;
		case 's': asked = number(optarg); break;
		case 'r': answered = number(optarg); break;
		case 'c': connects = 1; break;
		default: return 2;
		}
	}
	if (optind < argc || asked > sizeof buf || answered > sizeof buf)
		return 2;
	if (wrong) {
		fprintf(stderr, "pingpong: -P: %s\n", wrong);
		return 2;
	}
	ns = malloc(count * sizeof *ns);
	if (!ns)
		die("memory");
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(fd, 1024) != 0
	    || getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		die("listen");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0 && placed && (wrong = cpus_use(&cpus))) {
		fprintf(stderr, "pingpong: -P: %s\n", wrong);
		_exit(1);
	}
	if (child == 0)
		answer(fd, buf, asked, answered);
	close(fd);
	if (connects) {
		for (i = 0; i < count; i++)
			close(dial(&sa, &ns[i]));
	} else {
		conn = dial(&sa, &ns[0]);
		for (i = 0; i < count; i++) {
			start = now_ns();
			transmit(conn, buf, asked);
			if (!receive(conn, buf, answered))
				die("recv");
			ns[i] = now_ns() - start;
		}
		close(conn);
	}
	kill(child, SIGTERM);
	if (waitpid(child, NULL, 0) != child)
		die("wait");
	qsort(ns, count, sizeof *ns, by_size);
	printf("%.3f\n", (double)ns[(count - 1) / 2] / 1000);
	free(ns);
	return fclose(stdout) != 0;
}
