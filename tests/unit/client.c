/* SPDX-License-Identifier: ISC */
/* Which of a target's addresses is chosen (client_probe()), and in how much time: on
 * sockets of this process whose queues are full, so that nobody answers on them. And two
 * connections that share a buffer, one of which has received what takes long to read. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/target.h"
#include "net/sock.h"
#include "rpyc/frame.h"
#include "tap.h"

#define FILL 8 /* more than any system queues for a backlog of 0 */
#define LIMIT_NS CLIENT_GRACE_NS

/* Listen on a free port, for so many that wait to be accepted. Returns the socket, or -1. */
static int
listening(struct sock_addr *a, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(a, 0, sizeof *a);
	a->in.sin_family = AF_INET;
	a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->len = sizeof a->in;
	if (fd < 0 || bind(fd, &a->any, a->len) != 0 || listen(fd, backlog) != 0
	    || getsockname(fd, &a->any, &a->len) != 0)
		return -1;
	return fd;
}

/* Fill the queue. Returns whether the next one to connect would wait. */
static bool
fill(const struct sock_addr *a)
{
	struct pollfd c = { .events = POLLOUT };
	int i;

	for (i = 0; i < FILL; i++) {
		if ((c.fd = socket(AF_INET, SOCK_STREAM, 0)) < 0
		    || fcntl(c.fd, F_SETFL, O_NONBLOCK) < 0)
			return false;
		if (connect(c.fd, &a->any, a->len) != 0 && errno != EINPROGRESS)
			return false;
	}
	return poll(&c, 1, 100) == 0;
}

/* Probe these addresses in this order; sets *ns. */
static struct client
probe(struct sock_addr *const addr[], size_t n, uint64_t *ns)
{
	struct client cl;
	size_t i;

	memset(&cl, 0, sizeof cl);
	ok(client_target(&cl, "http://x") == NULL, "a target");
	cl.timeout_ns = LIMIT_NS;
	for (i = 0; i < n; i++)
		addr[i]->next = i + 1 < n ? addr[i + 1] : NULL;
	cl.list = addr[0];
	*ns = clock_ns();
	client_probe(&cl, false);
	*ns = clock_ns() - *ns;
	return cl;
}

/* ---- connections that share a buffer ---- */

#define SHARED 65536
#define MANY 40000 /* values, each of WORK_READ: more than WORK_MAX */

static char tokens[2];

/* Send the frame at the end of b as a peer. */
static bool
peer_sends(int fd, struct buf *b, size_t begin)
{
	rpyc_end(b, begin, 0);
	return !b->failed && write(fd, b->p, b->n) == (ssize_t)b->n;
}

/* A connection on which a call of a named method waits for its reply; *peer is the other end. */
static bool
calling(struct client_conn *c, const struct client *cl, unsigned char *in, int *peer, char *token)
{
	static const struct call named = { .op = OP_NAMED };
	int fd[2], size = 4 * MANY;
	struct buf b = { 0 };
	size_t begin;
	void *done;
	bool good;

	client_conn_init(c, cl, in, SHARED);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0 || fcntl(fd[0], F_SETFL, O_NONBLOCK) < 0)
		return false;
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(fd[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	c->fd = fd[0];
	*peer = fd[1];
	if (!(c->session = cl->protocol->open(&cl->conf)))
		return false;
	client_begin(c, &named, token);
	client_send(c);
	begin = rpyc_begin(&b, 6, RPYC_REPLY);
	brine_put_int(&b, 0);
	rpyc_put_ref(&b, RPYC_REMOTE_REF, "x.Service", 1, 2);
	good = peer_sends(fd[1], &b, begin);
	buf_free(&b);
	client_receive(c);
	good = good && client_next(c, &done) == CLIENT_BUSY && client_sending(c);
	client_send(c);
	return good;
}

static void
test_shared(void)
{
	static unsigned char in[SHARED];
	struct client_conn c[2];
	struct buf b = { 0 };
	struct client cl;
	enum client_result res = CLIENT_BUSY;
	int peer[2], i, turns = 0;
	size_t begin;
	void *token;
	bool good;

	memset(&cl, 0, sizeof cl);
	good = client_target(&cl, "rpc6://x/all") == NULL;
	for (i = 0; i < 2; i++)
		good = calling(&c[i], &cl, in, &peer[i], &tokens[i]) && good;
	if (!ok(good, "two connections with one buffer, and a call on each"))
		return;

	begin = rpyc_begin(&b, 6, RPYC_REPLY);
	brine_put_int(&b, 1);
	rpyc_put_label(&b, RPYC_VALUE);
	brine_put_tuple(&b, MANY);
	for (i = 0; i < MANY; i++)
		buf_byte(&b, BRINE_TAG_NONE);
	good = peer_sends(peer[0], &b, begin);
	c[0].session->work = WORK_MAX;
	for (i = 0; i < MANY && res == CLIENT_BUSY && !client_paused(&c[0]); i++) {
		client_receive(&c[0]);
		res = client_next(&c[0], &token);
	}
	ok(good && res == CLIENT_BUSY && client_paused(&c[0]) && !client_paused(&c[1]),
	    "a reply that takes long pauses");

	memset(in, 0xff, sizeof in);
	buf_clear(&b, 0);
	begin = rpyc_begin(&b, 6, RPYC_REPLY);
	brine_put_int(&b, 1);
	rpyc_put_str(&b, "pong");
	good = peer_sends(peer[1], &b, begin);
	c[1].session->work = WORK_MAX;
	client_receive(&c[1]);
	ok(good && client_next(&c[1], &token) == CLIENT_OK && token == &tokens[1]
		&& client_paused(&c[0]),
	    "while another connection completes its call");

	/* what has come since waits */
	client_receive(&c[0]);
	for (; client_paused(&c[0]); turns++) {
		c[0].session->work = WORK_MAX;
		res = client_next(&c[0], &token);
	}
	ok(res == CLIENT_OK && token == &tokens[0] && turns > 0, "and then goes on (%d): %s", turns,
	    c[0].error);
	for (i = 0; i < 2; i++) {
		client_close(&c[i]);
		close(peer[i]);
	}
	buf_free(&b);
}

int
main(void)
{
	struct sock_addr silent[3], good, none;
	struct client cl;
	uint64_t ns;
	int i, fd = -1;

	test_shared();
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

	cl = probe((struct sock_addr *[]){ &none, &good }, 2, &ns);
	ok(cl.addr == &good && cl.until_ns == 0, "one that refuses is passed over");

	cl = probe((struct sock_addr *[]){ &silent[0], &silent[1], &silent[2], &good }, 4, &ns);
	ok(cl.addr == &good && cl.until_ns == 0, "so are three that are silent");
	ok(ns >= 3 * LIMIT_NS, "each of them had its time");

	cl = probe((struct sock_addr *[]){ &silent[0], &none, &silent[1] }, 3, &ns);
	ok(cl.addr == &silent[0], "where nobody answers, the first is taken");
	ok(cl.until_ns > clock_ns() && cl.until_ns <= clock_ns() + CLIENT_GRACE_NS,
	    "and no whole time limit is spent on it any more");

	cl = probe((struct sock_addr *[]){ &none }, 1, &ns);
	ok(cl.until_ns == 0, "without a choice there is nothing to find out");
	return done();
}
