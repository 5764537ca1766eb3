/* SPDX-License-Identifier: ISC */
/* Every concurrency model, with a protocol made for the purpose: a server in a child process,
 * its clients here. What is checked is what the models promise whatever the protocol:
 * every byte arrives, time limits hold, counters are exact, and a stop leaves nothing. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "protocol.h"
#include "server/main.h"
#include "service.h"
#include "tap.h"

#define NS_PER_MS 1000000u
#define WATCHDOG_S 240

/* ---- the protocol: lines, answered one after the other ----
 *
 *     ping      -> pong
 *     get N     -> N bytes
 *     put N     -> (N bytes follow) N
 *     nap MS    -> done, after that time
 *     spin N    -> done, after N turns of work
 *     quit      -> bye, and the end
 *     any other -> error, and the end
 *
 * A CR before a line means nothing; nor does a VT, which takes a turn of work.
 */
struct toy {
	struct server_session s;
	char line[32];
	size_t n;
	uint64_t left, size; /* of a put's bytes */
	uint64_t turns;      /* of work */
	bool vain;           /* that for a VT */
	bool closing;
};

static const struct server_protocol toy_protocol;

static struct server_session *
toy_open(const struct service *service)
{
	struct toy *t = calloc(1, sizeof *t);

	(void)service;
	if (!t)
		return NULL;
	t->s.protocol = &toy_protocol;
	t->s.want = WANT_INPUT;
	t->s.idle = true;
	return &t->s;
}

static void
toy_close(struct server_session *s)
{
	struct toy *t = (struct toy *)s;

	out_free(&t->s.out);
	free(t);
}

static void
toy_answer(struct toy *t, const char *text)
{
	out_text(&t->s.out, text);
	t->s.requests++;
	t->s.want = WANT_OUTPUT;
}

static void
toy_line(struct toy *t)
{
	unsigned long long v = 0;

	if (strcmp(t->line, "ping") == 0) {
		toy_answer(t, "pong\n");
	} else if (strcmp(t->line, "quit") == 0) {
		toy_answer(t, "bye\n");
		t->closing = true;
	} else if (sscanf(t->line, "get %llu", &v) == 1) {
		toy_answer(t, "");
		out_cycle(&t->s.out, fill_block('x'), FILL_SIZE, 0, v);
	} else if (sscanf(t->line, "put %llu", &v) == 1 && v > 0) {
		t->left = t->size = v;
	} else if (sscanf(t->line, "nap %llu", &v) == 1) {
		t->s.want = WANT_WAIT;
		t->s.wait_ns = v * NS_PER_MS;
	} else if (sscanf(t->line, "spin %llu", &v) == 1) {
		t->s.want = WANT_WAIT;
		t->s.wait_ns = 0;
		t->turns = v;
	} else {
		toy_answer(t, "error\n");
		t->s.errors++;
		t->closing = true;
	}
}

static size_t
toy_input(struct server_session *s, const unsigned char *p, size_t n)
{
	struct toy *t = (struct toy *)s;
	uint64_t before = s->requests;
	char text[32];
	size_t i = 0, k;

	while (i < n && s->want == WANT_INPUT && !(s->one_request && s->requests > before)) {
		if (t->left > 0) {
			k = n - i < t->left ? n - i : (size_t)t->left;
			i += k;
			if ((t->left -= k) == 0) {
				snprintf(text, sizeof text, "%llu\n", (unsigned long long)t->size);
				toy_answer(t, text);
				s->idle = true;
				s->progress++;
			}
			continue;
		}
		if (t->n == 0 && p[i] == '\r') {
			i++;
			continue;
		}
		if (t->n == 0 && p[i] == '\v') {
			i++;
			t->vain = true;
			s->want = WANT_WAIT;
			s->wait_ns = 0;
			continue;
		}
		if (t->n == 0) {
			s->progress++;
			s->idle = false;
		}
		if (p[i] != '\n' && t->n < sizeof t->line - 1) {
			t->line[t->n++] = (char)p[i++];
			continue;
		}
		i++;
		t->line[t->n] = '\0';
		t->n = 0;
		s->progress++;
		toy_line(t);
		s->idle = s->want == WANT_OUTPUT;
	}
	return i;
}

static void
toy_end(struct server_session *s)
{
	s->want = WANT_CLOSE;
}

static void
toy_resume(struct server_session *s)
{
	struct toy *t = (struct toy *)s;

	if (t->vain) {
		t->vain = false;
		s->want = WANT_INPUT;
		return;
	}
	if (t->turns > 0 && --t->turns > 0)
		return;
	toy_answer(t, "done\n");
	s->idle = true;
}

static void
toy_drained(struct server_session *s)
{
	s->want = ((struct toy *)s)->closing ? WANT_CLOSE : WANT_INPUT;
}

static const struct server_protocol toy_protocol = {
	.scheme = "toy",
	.port = 1,
	.open = toy_open,
	.close = toy_close,
	.input = toy_input,
	.end = toy_end,
	.resume = toy_resume,
	.drained = toy_drained,
};

/* ---- a server in a child process ---- */

struct daemon {
	pid_t pid;
	unsigned short port;
	char usage[64]; /* file name */
};

struct row {
	char label[32];
	unsigned long long connections, requests, errors, bytes_in, bytes_out, maxrss_kb;
	double user_s, sys_s;
};

_Noreturn static void
bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

/* extra: up to three more options, then NULL. descriptors: the limit, or 0. */
static struct daemon
start(const char *model, const char *const *extra, unsigned descriptors)
{
	char *argv[24], line[128];
	struct daemon d;
	struct rlimit r;
	size_t at;
	ssize_t n;
	int fd[2], file, argc = 0;

	memset(&d, 0, sizeof d);
	snprintf(d.usage, sizeof d.usage, "%s/server.XXXXXX",
	    getenv("TMPDIR") && strlen(getenv("TMPDIR")) < 40 ? getenv("TMPDIR") : "/tmp");
	if (pipe(fd) < 0 || (file = mkstemp(d.usage)) < 0)
		bail("start");
	close(file);
	argv[argc++] = (char *)(uintptr_t) "server";
	argv[argc++] = (char *)(uintptr_t) "-p0";
	argv[argc++] = (char *)(uintptr_t) "-m";
	argv[argc++] = (char *)(uintptr_t)model;
	argv[argc++] = (char *)(uintptr_t) "-u";
	argv[argc++] = d.usage;
	for (; extra && *extra; extra++)
		argv[argc++] = (char *)(uintptr_t)*extra;
	argv[argc] = NULL;
	fflush(stdout);
	if ((d.pid = fork()) < 0)
		bail("fork");
	if (d.pid == 0) {
		dup2(fd[1], 1);
		close(fd[0]);
		close(fd[1]);
		if (descriptors > 0) {
			r.rlim_cur = r.rlim_max = descriptors;
			setrlimit(RLIMIT_NOFILE, &r);
		}
		exit(serve_main(argc, argv, &toy_protocol, "thread"));
	}
	close(fd[1]);
	for (at = 0; at < sizeof line - 1; at += (size_t)n)
		if ((n = read(fd[0], line + at, sizeof line - 1 - at)) <= 0)
			break;
	close(fd[0]);
	line[at] = '\0';
	if (sscanf(line, "toy://127.0.0.1:%hu\n", &d.port) != 1)
		bail("no readiness line");
	return d;
}

/* Stop it; returns whether that went well and in time, with *row filled in. */
static bool
stop_by(struct daemon *d, int sig, struct row *row)
{
	uint64_t t0 = clock_ns();
	char line[512];
	int status = -1;
	bool good;
	FILE *f;

	memset(row, 0, sizeof *row);
	kill(d->pid, sig);
	if (waitpid(d->pid, &status, 0) != d->pid)
		bail("waitpid");
	good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!good)
		printf("# status %x\n", (unsigned)status);
	if (clock_ns() - t0 > 5000ull * NS_PER_MS) {
		printf("# the stop took longer than 5 s\n");
		good = false;
	}
	f = fopen(d->usage, "r");
	if (!f || !fgets(line, sizeof line, f) || !fgets(line, sizeof line, f)
	    || sscanf(line, "%31s %llu %llu %llu %llu %llu %lf %lf %llu", row->label,
		   &row->connections, &row->requests, &row->errors, &row->bytes_in, &row->bytes_out,
		   &row->user_s, &row->sys_s, &row->maxrss_kb)
		!= 9)
		good = false;
	if (f)
		fclose(f);
	unlink(d->usage);
	return good;
}

static bool
stop(struct daemon *d, struct row *row)
{
	return stop_by(d, SIGTERM, row);
}

/* ---- clients ---- */

static int
dial(const struct daemon *d)
{
	struct timeval limit = { 20, 0 };
	struct sockaddr_in a;
	int fd;

	memset(&a, 0, sizeof a);
	a.sin_family = AF_INET;
	a.sin_port = htons(d->port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) < 0
	    || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		bail("connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	return fd;
}

static bool
put(int fd, const void *p, size_t n)
{
	const char *s = p;
	ssize_t k;

	for (; n > 0; n -= (size_t)k, s += k)
		if ((k = send(fd, s, n, MSG_NOSIGNAL)) <= 0)
			return false;
	return true;
}

static bool
say(int fd, const char *text)
{
	return put(fd, text, strlen(text));
}

/* The next bytes are this text. */
static bool
hear(int fd, const char *text)
{
	char got[64];
	size_t at = 0, n = strlen(text);
	ssize_t k;

	while (at < n && (k = recv(fd, got + at, n - at, 0)) > 0)
		at += (size_t)k;
	return at == n && memcmp(got, text, n) == 0;
}

static bool
ask(int fd, const char *request, const char *reply)
{
	return say(fd, request) && hear(fd, reply);
}

/* Nothing more comes but the end. */
static bool
closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* n bytes 'x' come. */
static bool
swallow(int fd, uint64_t n)
{
	static char buf[1 << 16];
	ssize_t k;

	for (; n > 0; n -= (uint64_t)k) {
		k = recv(fd, buf, n < sizeof buf ? (size_t)n : sizeof buf, 0);
		if (k <= 0 || buf[0] != 'x' || buf[k - 1] != 'x')
			return false;
	}
	return true;
}

static bool
readable_within(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void
close_all(int *fd, int n)
{
	while (n-- > 0)
		close(fd[n]);
}

/* ---- the checks ---- */

#define CONNS 40
#define ROUNDS 25

static void
check_exchange(const char *model)
{
	static char many[5 * 1000 + 1], block[100000];
	const char *half = "ping\nnap 1\nget 3\n";
	struct daemon d = start(model, NULL, 0);
	uint64_t in = 0, out = 0;
	struct row row;
	int fd[CONNS], i, k;
	bool good = true;

	for (i = 0; i < CONNS; i++)
		fd[i] = dial(&d);
	for (k = 0; k < ROUNDS; k++)
		for (i = 0; i < CONNS; i++)
			good = say(fd[i], "ping\n") && good;
	for (k = 0; k < ROUNDS; k++)
		for (i = 0; i < CONNS; i++)
			good = hear(fd[i], "pong\n") && good;
	ok(good, "%s: %d connections, %d pings each", model, CONNS, ROUNDS);
	in += CONNS * ROUNDS * 5;
	out += CONNS * ROUNDS * 5;

	for (i = 0, good = true; half[i]; i++)
		good = put(fd[0], half + i, 1) && good;
	ok(hear(fd[0], "pong\ndone\nxxx") && good, "%s: requests byte by byte", model);
	in += strlen(half);
	out += 13;

	for (i = 0; i < 1000; i++)
		memcpy(many + 5 * i, "ping\n", 5);
	good = put(fd[1], many, 5000);
	for (i = 0; i < 1000; i++)
		good = hear(fd[1], "pong\n") && good;
	ok(good, "%s: 1000 requests in one write", model);
	in += 5000;
	out += 5000;

	/* a byte of the next request along with each one */
	good = say(fd[2], "p");
	for (i = 0; i < 100; i++)
		good = ask(fd[2], "ing\np", "pong\n") && good;
	ok(ask(fd[2], "ing\n", "pong\n") && good, "%s: requests that overlap", model);
	in += 505;
	out += 505;

	good = say(fd[3], "put 20000000\n");
	for (i = 0; i < 200; i++)
		good = put(fd[3], block, sizeof block) && good;
	ok(hear(fd[3], "20000000\n") && good, "%s: 20 MB in", model);
	in += 20000013;
	out += 9;

	/* more than sockets hold, and nobody reads: others must go on */
	good = say(fd[4], "get 50000000\n");
	for (i = 5; i < CONNS; i++)
		good = ask(fd[i], "ping\n", "pong\n") && good;
	ok(good, "%s: a peer that doesn't receive holds up nobody", model);
	ok(swallow(fd[4], 50000000), "%s: 50 MB out", model);
	in += 13 + (CONNS - 5) * 5;
	out += 50000000 + (CONNS - 5) * 5;

	good = ask(fd[5], "spin 100\n", "done\n");
	good = say(fd[6], "nap 100\n") && shutdown(fd[6], SHUT_WR) == 0 && good;
	ok(hear(fd[6], "done\n") && closed(fd[6]) && good,
	    "%s: who has ended its side gets its answer", model);
	in += 9 + 8;
	out += 10;

	ok(ask(fd[7], "quit\n", "bye\n") && closed(fd[7]), "%s: the protocol ends a connection",
	    model);
	in += 5;
	out += 4;

	close_all(fd, CONNS);
	ok(stop(&d, &row), "%s: stops with status 0", model);
	printf("# %s: %llu KB, %.3f s user, %.3f s system\n", row.label, row.maxrss_kb, row.user_s,
	    row.sys_s);
	ok(row.connections == CONNS, "%s: connections %llu", model, row.connections);
	ok(row.requests == CONNS * ROUNDS + 3 + 1000 + 101 + 1 + 1 + (CONNS - 5) + 2 + 1,
	    "%s: requests %llu", model, row.requests);
	ok(row.errors == 0, "%s: errors %llu", model, row.errors);
	ok(row.bytes_in == in && row.bytes_out == out, "%s: bytes %llu of %llu, %llu of %llu",
	    model, row.bytes_in, (unsigned long long)in, row.bytes_out, (unsigned long long)out);
	ok(strncmp(row.label, "toy-", 4) == 0 && strcmp(row.label + 4, model) == 0
		&& row.maxrss_kb > 0 && row.user_s + row.sys_s > 0,
	    "%s: label, memory, time", model);
}

#define DRIBBLE 200 /* bytes that would take 10 s */
#define NAPS 8

static void
check_naps(const char *model)
{
	static const char *const threads[] = { "-j8", NULL };
	bool fixed = strcmp(model, "pool") == 0;
	struct daemon d = start(model, fixed ? threads : NULL, 0);
	uint64_t t0;
	struct row row;
	int fd[NAPS], i;
	bool good = true;

	for (i = 0; i < NAPS; i++)
		fd[i] = dial(&d);
	t0 = clock_ns();
	for (i = 0; i < NAPS; i++)
		good = say(fd[i], i % 2 ? "nap 1000\n" : "nap 900\n") && good;
	for (i = 0; i < NAPS; i++)
		good = hear(fd[i], "done\n") && good;
	t0 = (clock_ns() - t0) / NS_PER_MS;
	ok(good && t0 >= 1000 && t0 < 1000 * NAPS / 2, "%s: %d waits at once take %llu ms", model,
	    NAPS, (unsigned long long)t0);
	close_all(fd, NAPS);
	ok(stop(&d, &row), "%s: stops", model);
}

static void
check_limits(const char *model)
{
	static const char *const quick[] = { "-T0.4", NULL };
	static char block[1 << 20];
	struct daemon d = start(model, quick, 0);
	uint64_t t0, ms;
	struct row row;
	int fd[5], i, tries;
	bool good;

	/* idle before the first request; idle after one; a byte now and then; a wait that is
	 * the server's own; a peer that does not receive: all that is said at first is there
	 * before the server looks */
	kill(d.pid, SIGSTOP);
	for (i = 0; i < 5; i++)
		fd[i] = dial(&d);
	good = say(fd[1], "ping\n");
	good = say(fd[3], "nap 900\n") && good;
	good = say(fd[4], "get 100000000\n") && good;
	t0 = clock_ns();
	kill(d.pid, SIGCONT);
	good = hear(fd[1], "pong\n") && good;
	for (i = 0; i < DRIBBLE && !readable_within(fd[2], 50); i++)
		if (send(fd[2], "x", 1, MSG_NOSIGNAL) < 0)
			break;
	ms = (clock_ns() - t0) / NS_PER_MS;
	ok(ms >= 350 && i < DRIBBLE, "%s: a byte now and then is no message (%llu ms)", model,
	    (unsigned long long)ms);
	ok(good && closed(fd[0]) && closed(fd[1]), "%s: idle peers are disconnected", model);
	ms = (clock_ns() - t0) / NS_PER_MS;
	ok(ms >= 400, "%s: not too soon (%llu ms)", model, (unsigned long long)ms);
	ok(hear(fd[3], "done\n"), "%s: but not one that waits for us", model);
	/* the kernel's buffers hold a part of it, after which there is an end */
	for (i = 0; i < 25; i++)
		poll(NULL, 0, 50);
	while (recv(fd[4], block, sizeof block, 0) > 0)
		i++;
	ok(closed(fd[4]), "%s: a peer that doesn't receive is disconnected", model);
	close_all(fd, 5);

	/* bytes that are no step towards a request, from the beginning and behind one, and with
	 * work for the server */
	kill(d.pid, SIGSTOP);
	for (i = 0; i < 3; i++)
		fd[i] = dial(&d);
	good = say(fd[1], "ping\n");
	t0 = clock_ns();
	kill(d.pid, SIGCONT);
	good = hear(fd[1], "pong\n") && good;
	for (i = 0; i < DRIBBLE
	     && !(readable_within(fd[0], 15) && readable_within(fd[1], 15)
		 && readable_within(fd[2], 15));
	     i++) {
		send(fd[0], "\r", 1, MSG_NOSIGNAL); /* fails if it is disconnected */
		send(fd[1], "\r", 1, MSG_NOSIGNAL);
		send(fd[2], "\v", 1, MSG_NOSIGNAL);
		poll(NULL, 0, 35);
	}
	ms = (clock_ns() - t0) / NS_PER_MS;
	ok(good && i < DRIBBLE && ms >= 350, "%s: nothing now and then is nothing (%llu ms)", model,
	    (unsigned long long)ms);
	close_all(fd, 3);

	/* however late it comes: who was idle half as long by then is ended behind it */
	for (tries = 0, good = false; tries < 20 && !good;
	     tries++) { /* again if we were too late */
		fd[0] = dial(&d);
		poll(NULL, 0, 200);
		good = ask(fd[1] = dial(&d), "ping\n", "pong\n");
		poll(NULL, 0, 150);
		good = say(fd[0], "\r") && closed(fd[1]) && readable_within(fd[0], 0) && good;
		close_all(fd, 2);
	}
	ok(good, "%s: nothing late is nothing, either (%d)", model, tries);

	/* what begins a limit is not forgotten for input behind a request */
	for (i = 0, good = false; i < 20 && !good; i++) { /* again if we were too late */
		fd[0] = dial(&d);
		poll(NULL, 0, 300);
		t0 = clock_ns();
		good = ask(fd[0], "ping\n\r", "pong\n") && closed(fd[0]);
		ms = (clock_ns() - t0) / NS_PER_MS;
		close_all(fd, 1);
	}
	ok(good && ms >= 350, "%s: nor does it end a connection (%llu ms)", model,
	    (unsigned long long)ms);

	/* a reply to what was wrong reaches a peer that is still sending */
	fd[0] = dial(&d);
	good = say(fd[0], "wrong\n") && put(fd[0], block, sizeof block);
	shutdown(fd[0], SHUT_WR);
	ok(hear(fd[0], "error\n") && good, "%s: the error reply arrives", model);
	ok(closed(fd[0]), "%s: and the end", model);
	close_all(fd, 1);
	ok(stop(&d, &row), "%s: stops", model);
	ok(row.errors == 3 && row.requests == 6 + (unsigned)tries, "%s: errors %llu, requests %llu",
	    model, row.errors, row.requests);
}

#define SLOW 4   /* of each kind, twice as many as there are threads */
#define WRONG 60 /* that stay behind an error: one minute of two threads, if these waited */

/* Peers that are slow to send, in the first line or behind it, or to receive hold up nobody. */
static void
check_slow(const char *model)
{
	static const char *const two[] = { "-j2", "-T40", NULL };
	bool fixed = strcmp(model, "pool") == 0 || strcmp(model, "event") == 0;
	static char block[999997];
	struct daemon d = start(model, fixed ? two : two + 1, 0);
	struct row row;
	int fd[3 * SLOW], wrong[WRONG], i, other;
	bool good = true;

	for (i = 0; i < 3 * SLOW; i++) {
		fd[i] = dial(&d);
		good = say(fd[i],
			   i < SLOW           ? "pin"
			       : i < 2 * SLOW ? "put 1000000\nabc"
					      : "get 50000000\n")
		    && good;
	}
	for (i = 0; i < 2 * SLOW; i++) {
		other = dial(&d);
		good = ask(other, "ping\n", "pong\n") && good;
		close(other);
	}
	ok(good, "%s: peers that are slow hold up nobody", model);
	for (i = 0, good = true; i < WRONG; i++)
		good = say(wrong[i] = dial(&d), "wrong\n") && good;
	for (i = 0; i < WRONG; i++)
		good = hear(wrong[i], "error\n") && good;
	ok(good, "%s: nor do those that do not go away", model);
	close_all(wrong, WRONG);
	for (i = 0, good = true; i < 3 * SLOW; i++) {
		if (i < SLOW)
			good = ask(fd[i], "g\nping\n", "pong\npong\n") && good;
		else if (i < 2 * SLOW)
			good = put(fd[i], block, sizeof block) && hear(fd[i], "1000000\n") && good;
		else
			good = swallow(fd[i], 50000000) && ask(fd[i], "ping\n", "pong\n") && good;
	}
	ok(good, "%s: and are served", model);
	close_all(fd, 3 * SLOW);
	ok(stop(&d, &row), "%s: stops", model);
	ok(row.requests == 7 * SLOW + WRONG && row.errors == WRONG,
	    "%s: requests %llu, errors %llu", model, row.requests, row.errors);
}

static void
check_room(const char *model)
{
	static const char *const two[] = { "-c2", NULL };
	struct daemon d = start(model, two, 0);
	struct row row;
	int fd[3], i;
	bool good = true;

	for (i = 0; i < 3; i++)
		fd[i] = dial(&d);
	for (i = 0; i < 2; i++)
		good = ask(fd[i], "ping\n", "pong\n") && good;
	good = say(fd[2], "ping\n") && good;
	ok(good && !readable_within(fd[2], 200), "%s: the third of two connections waits", model);
	close(fd[0]);
	ok(hear(fd[2], "pong\n"), "%s: until one ends", model);
	ok(ask(fd[1], "ping\n", "pong\n"), "%s: which is not the other", model);
	close_all(fd + 1, 2);
	ok(stop(&d, &row), "%s: stops", model);
	ok(row.connections == 3, "%s: connections %llu", model, row.connections);
}

#define FEW 30

static void
check_descriptors(const char *model)
{
	static const char *const one[] = { "-j1", NULL };
	bool fixed = strcmp(model, "pool") == 0 || strcmp(model, "event") == 0;
	struct daemon d = start(model, fixed ? one : NULL, FEW);
	int fd[2 * FEW], i;
	struct row row;
	bool good = true;

	/* more than there are descriptors for: each is served in its turn */
	for (i = 0; i < 2 * FEW; i++)
		good = say(fd[i] = dial(&d), "ping\n") && good;
	for (i = 0; i < 2 * FEW; i++) {
		good = hear(fd[i], "pong\n") && good;
		close(fd[i]);
	}
	ok(good, "%s: %d connections with %d descriptors", model, 2 * FEW, FEW);
	ok(stop(&d, &row), "%s: stops", model);
	ok(row.requests == 2 * FEW, "%s: requests %llu", model, row.requests);
}

static void
check_stop(const char *model)
{
	static const char *const eight[] = { "-j8", NULL };
	bool fixed = strcmp(model, "pool") == 0;
	struct daemon d = start(model, fixed ? eight : NULL, 0);
	struct row row;
	int fd[6], i;
	bool good;

	for (i = 0; i < 6; i++)
		fd[i] = dial(&d);
	good = ask(fd[1], "ping\n", "pong\n");
	good = say(fd[2], "pi") && good;
	good = say(fd[3], "nap 1000000\n") && good;
	good = say(fd[4], "spin 1000000000\n") && good;
	good = say(fd[5], "get 100000000000\n") && good;
	good = swallow(fd[5], 1000) && good;
	ok(stop(&d, &row) && good, "%s: stops while busy", model);
	ok(row.connections == 6, "%s: connections %llu", model, row.connections);
	for (i = 0, good = true; i < 5; i++)
		good = closed(fd[i]) && good;
	ok(good, "%s: and has closed them all", model);
	close_all(fd, 6);
}

/* An alarm that whoever started it has set ends it. */
static void
check_alarm(const char *model)
{
	struct daemon d = start(model, NULL, 0);
	int fd = dial(&d);
	struct row row;
	bool good = ask(fd, "ping\n", "pong\n");

	ok(stop_by(&d, SIGALRM, &row) && good && closed(fd), "%s: SIGALRM stops it", model);
	ok(row.requests == 1, "%s: requests %llu", model, row.requests);
	close(fd);
}

int
main(void)
{
	static const char *const models[] = { "thread", "fork", "request", "pool", "event" };
	size_t i;

	alarm(WATCHDOG_S); /* a hang is a failure */
	for (i = 0; i < sizeof models / sizeof models[0]; i++) {
		check_exchange(models[i]);
		check_naps(models[i]);
		check_limits(models[i]);
		check_slow(models[i]);
		check_room(models[i]);
		check_descriptors(models[i]);
		check_stop(models[i]);
		check_alarm(models[i]);
	}
	return done();
}
