/* SPDX-License-Identifier: ISC */
/* Which of a target's addresses is chosen (client_probe()), and in how much time: on
 * sockets of this process whose queues are full, so that nobody answers on them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/target.h"
#include "tap.h"

#define FILL 8 /* more than any system queues for a backlog of 0 */
#define LIMIT_NS CLIENT_GRACE_NS

struct place {
	struct sockaddr_in sa;
	struct addrinfo ai;
};

/* Listen on a free port, for so many that wait to be accepted. Returns the socket, or -1. */
static int
listening(struct place *p, int backlog)
{
	socklen_t len = sizeof p->sa;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(p, 0, sizeof *p);
	p->sa.sin_family = AF_INET;
	p->sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->ai = (struct addrinfo){ .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_addrlen = sizeof p->sa,
		.ai_addr = (struct sockaddr *)&p->sa };
	if (fd < 0 || bind(fd, p->ai.ai_addr, len) != 0 || listen(fd, backlog) != 0
	    || getsockname(fd, p->ai.ai_addr, &len) != 0)
		return -1;
	return fd;
}

/* Fill the queue. Returns whether the next one to connect would wait. */
static bool
fill(const struct place *p)
{
	struct pollfd c = { .events = POLLOUT };
	int i;

	for (i = 0; i < FILL; i++) {
		if ((c.fd = socket(AF_INET, SOCK_STREAM, 0)) < 0
		    || fcntl(c.fd, F_SETFL, O_NONBLOCK) < 0)
			return false;
		if (connect(c.fd, p->ai.ai_addr, p->ai.ai_addrlen) != 0 && errno != EINPROGRESS)
			return false;
	}
	return poll(&c, 1, 100) == 0;
}

/* Probe these places in this order; sets *ns. */
static struct client
probe(struct place *const places[], size_t n, uint64_t *ns)
{
	struct client cl;
	size_t i;

	memset(&cl, 0, sizeof cl);
	ok(client_target(&cl, "http://x") == NULL, "a target");
	cl.timeout_ns = LIMIT_NS;
	for (i = 0; i < n; i++)
		places[i]->ai.ai_next = i + 1 < n ? &places[i + 1]->ai : NULL;
	cl.list = &places[0]->ai;
	*ns = clock_ns();
	client_probe(&cl, false);
	*ns = clock_ns() - *ns;
	return cl;
}

int
main(void)
{
	struct place silent[3], good, none;
	struct client cl;
	uint64_t ns;
	int i, fd = -1;

	if (!ok(listening(&good, FILL) >= 0 && (fd = listening(&none, 0)) >= 0,
		"sockets to listen on"))
		return done();
	close(fd);
	for (i = 0; i < 3; i++) {
		if (listening(&silent[i], 0) < 0 || !fill(&silent[i])) {
			ok(true, "# SKIP no queue is full here");
			return done();
		}
	}

	cl = probe((struct place *[]){ &none, &good }, 2, &ns);
	ok(cl.addr == &good.ai && cl.until_ns == 0, "one that refuses is passed over");

	cl = probe((struct place *[]){ &silent[0], &silent[1], &silent[2], &good }, 4, &ns);
	ok(cl.addr == &good.ai && cl.until_ns == 0, "so are three that are silent");
	ok(ns >= 3 * LIMIT_NS, "each of them had its time");

	cl = probe((struct place *[]){ &silent[0], &none, &silent[1] }, 3, &ns);
	ok(cl.addr == &silent[0].ai, "where nobody answers, the first is taken");
	ok(cl.until_ns > clock_ns() && cl.until_ns <= clock_ns() + CLIENT_GRACE_NS,
	    "and no whole time limit is spent on it any more");

	cl = probe((struct place *[]){ &none }, 1, &ns);
	ok(cl.until_ns == 0, "without a choice there is nothing to find out");
	return done();
}
