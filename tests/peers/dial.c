/* SPDX-License-Identifier: ISC */
/* The least that many connections cost: a loop that connects, sends a request and receives the
 * reply, one after the other. What connecting many clients is compared with
 * (tests/measure/scaling.sh).
 *
 * usage: dial url count
 *
 * The URL is that of an HTTP server on 127.0.0.1. Connections stay open until the end, and come
 * from further addresses of loopback where ours do (net/source.h). Prints the seconds that it
 * took. Any failure ends the program with a message and status 1. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/limits.h"
#include "base/num.h"
#include "net/source.h"

static const char request[] = "GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

static void
die(const char *what)
{
	fprintf(stderr, "dial: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now_s(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		die("clock");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
dial(const struct sockaddr_in *to, unsigned source)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	char reply[4096];

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
		die("socket");
	if (source > 0 && source_bind(fd, source) < 0)
		die("bind");
	if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0)
		die("connect");
	if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
		die("send");
	if (recv(fd, reply, sizeof reply, 0) <= 0)
		die("recv");
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	const char *colon = argc == 3 ? strrchr(argv[1], ':') : NULL;
	unsigned share = source_share();
	uint64_t port, count, i;
	double start;

	if (!colon || num_count(colon + 1, 1, 65535, &port)
	    || num_count(argv[2], 1, 1000000, &count)) {
		fprintf(stderr, "usage: dial url count\n");
		return 2;
	}
	limits_descriptors();
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)port);
	start = now_s();
	for (i = 0; i < count; i++)
		dial(&to, share > 0 ? (unsigned)i / share : 0);
	printf("%.6f\n", now_s() - start);
	return fclose(stdout) != 0;
}
