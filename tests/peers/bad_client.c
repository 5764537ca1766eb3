/* SPDX-License-Identifier: ISC */
/* A client that misbehaves in the way its argument names, for the tests of the servers.
 *
 * usage: bad_client NAME PORT [count]     (without an argument it lists the names)
 *
 * Connects to 127.0.0.1 and does it, by default once. What the server says goes to stdout.
 * Exit status 0: the server has ended the connection, or (where the client goes first) there
 * was nothing to wait for; 1: it has not, PATIENCE_S after the last it said. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORDS(s) .words = (s), .n = sizeof(s) - 1
#define TAIL(s) .tail = (s), .ntail = sizeof(s) - 1
#define PATIENCE_S 20
#define HOLD_S 3
#define DRIP_NS 50000000 /* between two bytes */

enum then {
	WAIT,   /* for the end */
	DRIP,   /* send the last byte again and again, slowly */
	HOLD,   /* read nothing for HOLD_S, then close */
	VANISH, /* close with a reset */
	ANSWER  /* send the tail in reply to what the server asks */
};

struct behaviour {
	const char *name;
	const char *words;
	size_t n;
	size_t repeat;       /* send from here again .. */
	unsigned long times; /* .. so many times in all */
	const char *tail;    /* then this, if any */
	size_t ntail;
	enum then then;
};

/* clang-format off */
#define GETROOT "\0\0\0\x08\0" "\x12\x51\x50\x11\x53\x11\x51\x02\n"
#define ROOT_ID "\x12\x08\x0e\x0f" "builtins.object" "\x51\x51"
#define CALL(len, name, args) "\0\0\0" len "\0" "\x12\x51\x51" "\x11\x58\x11\x52\x12" \
	"\x11\x53" ROOT_ID "\x11\x51\x08" name args "\n"
#define PING CALL("\x2a", "\x0d" "ping", "\x11\x51\x02")
#define DOWNLOAD CALL("\x3a", "\x0e\x08" "download", "\x11\x51\x10\x16\x09" "100000000")
/* upload_file_chunked(chunks), of which all that is known is the name */
#define CHUNKED CALL("\x4f", "\x0e\x13" "upload_file_chunked", \
	"\x11\x52\x10" "\x11\x54" "\x12\x08\x0e\x0d" "builtins.list" "\x57\x57")
#define HOST "Host: x\r\n"
#define POST "POST /upload HTTP/1.1\r\n" HOST

static const struct behaviour behaviours[] = {
	{ .name = "connects", WORDS(""), .then = VANISH },
	{ .name = "silent", WORDS(""), .then = WAIT },

	{ .name = "rpc-garbage",
	  WORDS("\x8f\x01\xfe\x1b[31m\0\r\n\r\nzzzzzzzzzzzzzzzzzzzzz"), .then = WAIT },
	{ .name = "rpc-http", WORDS("GET / HTTP/1.1\r\n" HOST "\r\n"), .then = WAIT },
	{ .name = "rpc-idle", WORDS(GETROOT PING), .then = WAIT },
	{ .name = "rpc-half", WORDS(GETROOT "\0\0\0\x29\0" "\x12\x51"), .then = WAIT },
	{ .name = "rpc-drip",
	  WORDS(GETROOT "\0\x0f\0\0\0" "\x12\x51\x51\x11\x58\x0f\x0e\xff\xff\xffx"), .then = DRIP },
	{ .name = "rpc-no-reading", WORDS(GETROOT DOWNLOAD), .then = HOLD },
	{ .name = "rpc-no-reading-pings",
	  WORDS(GETROOT PING), .repeat = 14, .times = 10000, .then = HOLD },
	{ .name = "rpc-pipeline", WORDS(GETROOT PING), .repeat = 14, .times = 10000, .then = WAIT },
	{ .name = "rpc-vanish",
	  WORDS(GETROOT "\x1f\x40\0\0\0" "\x12\x51\x51\x11\x58\x0f\x1f\x3f\xff\xf0"
	  "xxxxxxxxxxxxxxxx"), .repeat = 29, .times = 250000, .then = VANISH },
	{ .name = "rpc-deep",
	  WORDS(GETROOT "\0\x0f\x42\x40\0" "\x10"), .repeat = 19, .times = 1000000, TAIL("\n"),
	  .then = WAIT },
	{ .name = "rpc-claim-4g", WORDS("\xff\xff\xff\xff\0" "\x12\x51"), .then = WAIT },
	{ .name = "rpc-netref-silent", WORDS(GETROOT CHUNKED), .then = WAIT },
	{ .name = "rpc-netref-nonsense",
	  WORDS(GETROOT CHUNKED), TAIL("\x8f\x01\xfe\x1bzzzz"), .then = ANSWER },
	/* asked for an iterator: an int, an object of the server's own, the end of an iteration,
	 * a tuple of what is none, half an answer */
	{ .name = "rpc-netref-int",
	  WORDS(GETROOT CHUNKED), TAIL("\0\0\0\x06\0" "\x12\x52\x50" "\x11\x51\x55" "\n"),
	  .then = ANSWER },
	{ .name = "rpc-netref-own",
	  WORDS(GETROOT CHUNKED), TAIL("\0\0\0\x1a\0" "\x12\x52\x50" "\x11\x53" ROOT_ID "\n"),
	  .then = ANSWER },
	{ .name = "rpc-netref-stop",
	  WORDS(GETROOT CHUNKED), TAIL("\0\0\0\x04\0" "\x12\x53\x50" "\x51" "\n"), .then = ANSWER },
	{ .name = "rpc-netref-label",
	  WORDS(GETROOT CHUNKED),
	  TAIL("\0\0\0\x09\0" "\x12\x52\x50" "\x11\x52\x11\x55\x56\x57" "\n"), .then = ANSWER },
	{ .name = "rpc-netref-half",
	  WORDS(GETROOT CHUNKED), TAIL("\0\0\0\x06\0" "\x12\x52\x50"), .then = ANSWER },

	{ .name = "http-garbage",
	  WORDS("\x8f\x01\xfe\x1b[31m\0\r\n\r\nzzzzzzzzzzzzzzzzzzzzz"), .then = WAIT },
	{ .name = "http-idle", WORDS("GET /ping HTTP/1.1\r\n" HOST "\r\n"), .then = WAIT },
	{ .name = "http-half", WORDS("GET /ping HTTP/1.1\r\nHo"), .then = WAIT },
	{ .name = "http-half-body", WORDS(POST "Content-Length: 1000\r\n\r\nxxx"), .then = WAIT },
	{ .name = "http-drip", WORDS("GET /ping HTTP/1.1\r\n" HOST "X: x"), .then = DRIP },
	{ .name = "http-drip-body", WORDS(POST "Content-Length: 100000\r\n\r\nx"), .then = DRIP },
	{ .name = "http-no-reading",
	  WORDS("GET /download/100000000 HTTP/1.1\r\n" HOST "\r\n"), .then = HOLD },
	{ .name = "http-no-reading-pings",
	  WORDS("GET /ping HTTP/1.1\r\n" HOST "\r\n"), .times = 10000, .then = HOLD },
	{ .name = "http-pipeline",
	  WORDS("GET /ping HTTP/1.1\r\n" HOST "\r\n"), .times = 10000, .then = WAIT },
	{ .name = "http-vanish",
	  WORDS(POST "Content-Length: 524288000\r\n\r\nxxxxxxxxxxxxxxxx"), .repeat = 61,
	  .times = 250000, .then = VANISH },
	{ .name = "http-chunk-size",
	  WORDS(POST "Transfer-Encoding: chunked\r\n\r\nzz\r\n"), .then = WAIT },
	{ .name = "http-chunk-negative",
	  WORDS(POST "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n"), .then = WAIT },
	{ .name = "http-chunk-huge",
	  WORDS(POST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
	  .then = WAIT },
	{ .name = "http-chunk-end",
	  WORDS(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n"), .then = WAIT },
	{ .name = "http-both-lengths",
	  WORDS(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	  .then = WAIT },
	{ .name = "http-two-lengths",
	  WORDS(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), .then = WAIT },
	{ .name = "http-bare-lf",
	  WORDS("GET /ping HTTP/1.1\nHost: x\nConnection: close\n\n"), .then = WAIT },
	{ .name = "http-spaced-name",
	  WORDS("GET /ping HTTP/1.1\r\nHost : x\r\n\r\n"), .then = WAIT },
	{ .name = "http-space-in-name",
	  WORDS("GET /ping HTTP/1.1\r\n" HOST "A b: c\r\n\r\n"), .then = WAIT },
	{ .name = "http-long-head",
	  WORDS("GET /ping HTTP/1.1\r\n" HOST "X: x"), .repeat = 32, .times = 1000000,
	  TAIL("\r\n\r\n"), .then = WAIT },
	{ .name = "http-many-heads",
	  WORDS("GET /ping HTTP/1.1\r\n" HOST "X: xxxx\r\n"), .repeat = 29, .times = 120000,
	  TAIL("\r\n"), .then = WAIT },
	{ .name = "http-huge-number",
	  WORDS("GET /download/99999999999999999999999999 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"),
	  .then = WAIT },
	{ .name = "http-negative-number",
	  WORDS("GET /download/-1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), .then = WAIT },
	{ .name = "http-odd-number",
	  WORDS("GET /compute/1e9 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), .then = WAIT },
	{ .name = "http-long-sleep",
	  WORDS("GET /sleep/1e308 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), .then = WAIT },
};
/* clang-format on */
#define ROOT_REPLY 32 /* bytes of the reply to GETROOT */
#define BEHAVIOURS (sizeof behaviours / sizeof *behaviours)

static ssize_t received; /* from the connection */

static void
fail(const char *what)
{
	fprintf(stderr, "bad_client: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Read what is there; 0 at the end, however the server made it. */
static int
receive(int fd)
{
	char in[65536];
	ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	if (n > 0 && fwrite(in, 1, (size_t)n, stdout) != (size_t)n)
		fail("stdout");
	received += n;
	return n > 0;
}

/* Send all, reading meanwhile unless that is the fault. 0: the server has ended it. */
static int
say(int fd, const struct behaviour *b, const char *p, size_t n)
{
	struct pollfd pfd = { .fd = fd, .events = b->then == HOLD ? POLLOUT : POLLIN | POLLOUT };
	ssize_t sent;
	int ready;

	while (n > 0) {
		/* who does not read is not waited for: it can't send either */
		ready = poll(&pfd, 1, b->then == HOLD ? 500 : PATIENCE_S * 1000);
		if (ready == 0 && b->then == HOLD)
			return 1;
		if (ready == 0) {
			errno = ETIMEDOUT;
			fail(b->name);
		}
		if (pfd.revents & POLLIN && !receive(fd))
			return 0;
		if (!(pfd.revents & POLLOUT))
			continue;
		sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return 0;
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
	}
	return 1;
}

/* The repeated part, many at a time. */
static int
say_again(int fd, const struct behaviour *b)
{
	static char many[65536];
	size_t n = b->n - b->repeat, len, per = sizeof many / n;
	unsigned long left = b->times - 1;

	for (len = 0; len < per; len++)
		memcpy(many + len * n, b->words + b->repeat, n);
	for (; left > 0; left -= len) {
		len = left < per ? left : per;
		if (!say(fd, b, many, len * n))
			return 0;
	}
	return 1;
}

/* Until the server asks about the reference it was given, which it does behind its reply to
 * GETROOT. False: it has ended the connection. */
static int
await_question(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (received <= ROOT_REPLY)
		if (poll(&p, 1, PATIENCE_S * 1000) <= 0 || !receive(fd))
			return 0;
	return 1;
}

/* Until the server ends the connection. */
static void
await_end(int fd, const struct behaviour *b)
{
	const struct timespec pause = { .tv_nsec = DRIP_NS };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	time_t began = time(NULL);

	for (;;) {
		if (time(NULL) - began > PATIENCE_S) {
			errno = ETIMEDOUT;
			fail(b->name);
		}
		if (b->then == DRIP) {
			nanosleep(&pause, NULL);
			if (send(fd, b->words + b->n - 1, 1, MSG_NOSIGNAL) < 0)
				return;
		}
		if (poll(&p, 1, b->then == DRIP ? 0 : 1000) > 0) {
			if (!receive(fd))
				return;
			/* a slow machine takes its time over ten thousand replies */
			began = time(NULL);
		}
	}
}

static void
misbehave(const struct behaviour *b, const struct sockaddr_in *sa)
{
	const struct linger reset = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	received = 0;
	if (fd < 0 || connect(fd, (const struct sockaddr *)sa, sizeof *sa) != 0)
		fail("connect");
	if (say(fd, b, b->words, b->n) && (b->times <= 1 || say_again(fd, b))
	    && (!b->tail || b->then == ANSWER || say(fd, b, b->tail, b->ntail))) {
		if (b->then == ANSWER && await_question(fd))
			say(fd, b, b->tail, b->ntail);
		if (b->then == HOLD)
			sleep(HOLD_S);
		else if (b->then != VANISH)
			await_end(fd, b);
	}
	if (b->then == VANISH && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0)
		fail("linger");
	close(fd);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	const struct behaviour *b = NULL;
	unsigned long i, count = 1;

	for (i = 0; i < BEHAVIOURS; i++) {
		if (argc == 1)
			puts(behaviours[i].name);
		else if (strcmp(behaviours[i].name, argv[1]) == 0)
			b = &behaviours[i];
	}
	if (!b || argc < 3)
		return argc == 1 ? 0 : 2;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sa.sin_port = htons((unsigned short)strtoul(argv[2], NULL, 10));
	if (argc > 3)
		count = strtoul(argv[3], NULL, 10);
	for (i = 0; i < count; i++)
		misbehave(b, &sa);
	return fclose(stdout) == 0 ? 0 : 1;
}
