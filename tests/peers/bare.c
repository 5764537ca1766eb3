/* SPDX-License-Identifier: ISC */
/* What the benchmarks and servers are compared with: a server that does nothing but wait, and a
 * client that does nothing but send, receive and take the time (tests/measure/accuracy.sh).
 *
 * usage: bare -s [-e | -a [-R]] [-d distribution] [-S seed] [-P cpus] [-u file]
 *        bare [-n count] [-w count] [-d depth] [-r rate] [-S seed] [-P cpus] port
 *
 * The server (-s) prints the URL at which it answers each HTTP request without a body with the
 * same reply, whatever is asked, and ends when it gets SIGTERM. It serves one connection at a
 * time, and of that one request after the other, each after a time of the distribution (as
 * -d of the servers), drawn from the sequence that theirs would draw it from (-S). It waits as they
 * do: asleep, but for the last part, in which it gives way to others, or not (-e), as the model
 * event doesn't. -u writes, by its clock, a row per request: the time that was drawn, the time
 * that passed between the request and its reply, and the number of the connection.
 *
 * With -a it is awake all the time, and so is its processor, which should be its own (-P): it
 * polls its sockets until a request has come or a reply is due. Other work or the machine itself
 * may keep it from that: a fourth column is by how much a request may have been read late, as
 * nobody looked for it until then, and was answered late, in microseconds. It serves up to 64
 * connections at once; each request's time begins when it is read, and replies that are due
 * together on a connection are sent together. -R: what it speaks is RPyC, and any method's result
 * is "pong". Without clients it is no more than a load.
 *
 * The client sends requests on one connection and prints a time in microseconds per request and
 * line. -w are made before, one by one, and not printed. Without -r, -d of them are outstanding:
 * the next is sent when a reply is there. With -r they become due at random times as those of
 * bench-lat -A exp do with the same seed, are sent then whatever is outstanding, and times begin
 * when they were due. A reply has to be as long as the first one was.
 *
 * Any failure ends the program with a message and status 1. */
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
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/cpus.h"
#include "base/num.h"
#include "base/rng.h"
#include "net/sock.h"
#include "rpyc/frame.h"
#include "server/delay.h"

#define BYTES 65536
#define PEERS 64       /* -a: connections at once, */
#define OUTSTANDING 64 /* and requests of each */
#define ROUNDS 16      /* at its connections, for one at whether there is a new one */

static const char request[] = "GET /ping HTTP/1.1\r\nHost: 127.0.0.1:65535\r\n\r\n";
static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			    "Content-Length: 19\r\n\r\n{\"response\":\"pong\"}";
#define REPLY_BYTES (sizeof reply - 1)

static volatile sig_atomic_t stopped;
static int listen_fd;

_Noreturn static void
die(const char *what, const char *why)
{
	fprintf(stderr, "bare: %s: %s\n", what, why);
	exit(1);
}

/* accept() fails then, whether it has begun or not. */
static void
stop(int sig)
{
	(void)sig;
	stopped = 1;
	close(listen_fd);
}

static void
no_delay(int fd)
{
	int one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
		die("TCP_NODELAY", strerror(errno));
}

static void
transmit(int fd, const char *buf, size_t n)
{
	ssize_t sent;

	while (n > 0) {
		sent = send(fd, buf, n, MSG_NOSIGNAL);
		if (sent < 0)
			die("send", strerror(errno));
		buf += sent;
		n -= (size_t)sent;
	}
}

/* What has come, at most n bytes; 0: the peer has closed, or a signal ends the server. */
static size_t
receive(int fd, char *buf, size_t n)
{
	ssize_t got = recv(fd, buf, n, 0);

	if (got < 0 && !stopped)
		die("recv", strerror(errno));
	return got < 0 ? 0 : (size_t)got;
}

/* ---- the server ---- */

struct server {
	struct delay_dist dist;
	bool timed;     /* there is one */
	bool gives_way; /* while it is awake */
	bool awake;     /* all the time */
	bool rpyc;      /* what it speaks then */
	uint64_t seed, started_ns, connections;
	FILE *record; /* or NULL */
};

static uint64_t
draw(const struct server *sv, uint64_t *rng, uint64_t now)
{
	return sv->timed ? delay_draw(&sv->dist, rng, now - sv->started_ns) : 0;
}

static void
record(const struct server *sv, uint64_t drawn, uint64_t waited, uint64_t connection, uint64_t late)
{
	if (sv->record)
		fprintf(sv->record, "%.3f\t%.3f\t%llu\t%.3f\n", (double)drawn / 1000,
		    (double)waited / 1000, (unsigned long long)connection, (double)late / 1000);
}

/* Let the time of one request pass. */
static void
serve(const struct server *sv, uint64_t *rng, uint64_t connection)
{
	uint64_t start = clock_ns();
	uint64_t drawn = draw(sv, rng, start), rest, waited;
	struct timespec ts;

	if (drawn > CLOCK_AWAKE_NS) {
		rest = drawn - CLOCK_AWAKE_NS;
		ts.tv_sec = (time_t)(rest / CLOCK_S);
		ts.tv_nsec = (long)(rest % CLOCK_S);
		nanosleep(&ts, NULL);
	}
	if (drawn > 0 && sv->gives_way)
		clock_spin_until(start + drawn);
	while (clock_ns() < start + drawn)
		;
	waited = clock_ns() - start;
	record(sv, drawn, waited, connection, waited - drawn);
}

/* Does a request end with this byte? With an empty line; matched is how much of that has come. */
static bool
ends_request(size_t *matched, char byte)
{
	static const char end[] = "\r\n\r\n";

	if (byte == end[*matched])
		++*matched;
	else
		*matched = byte == end[0];
	if (end[*matched] != '\0')
		return false;
	*matched = 0;
	return true;
}

/* One connection until it ends. */
static void
converse(struct server *sv, int fd)
{
	uint64_t number = sv->connections++, rng = rng_stream(sv->seed, number);
	static char buf[BYTES];
	size_t n, i, matched = 0;

	while (!stopped && (n = receive(fd, buf, sizeof buf)) > 0) {
		for (i = 0; i < n; i++) {
			if (!ends_request(&matched, buf[i]))
				continue;
			serve(sv, &rng, number);
			transmit(fd, reply, REPLY_BYTES);
		}
	}
}

/* ---- the server that is awake (-a) ---- */

struct peer {
	int fd;
	uint64_t number, rng, looked_ns; /* when its input was looked at last */
	size_t matched;                  /* HTTP */
	struct rpyc_reader reader;       /* RPyC */
	unsigned first, n;               /* requests outstanding: a ring */
	struct asked {
		uint64_t read_ns, drawn_ns, late_ns;
		struct buf reply;
	} asked[OUTSTANDING];
};

/* Nothing has come, though nothing is wrong. */
static bool
nothing_yet(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* A request is here, read at now. Returns where its reply goes. */
static struct buf *
add_request(const struct server *sv, struct peer *p, uint64_t now)
{
	struct asked *a = &p->asked[(p->first + p->n) % OUTSTANDING];

	if (p->n++ == OUTSTANDING)
		die("recv", "too many requests outstanding");
	a->read_ns = now;
	a->drawn_ns = draw(sv, &p->rng, now);
	a->late_ns = now - p->looked_ns;
	buf_clear(&a->reply, sizeof reply);
	return &a->reply;
}

static void
hear_http(const struct server *sv, struct peer *p, const char *in, size_t n, uint64_t now)
{
	for (; n > 0; in++, n--)
		if (ends_request(&p->matched, *in))
			buf_add(add_request(sv, p, now), reply, REPLY_BYTES);
}

/* What is asked first is the root object. */
static void
hear_rpyc(const struct server *sv, struct peer *p, const char *in, size_t n, uint64_t now)
{
	struct rpyc_reader *r = &p->reader;
	enum rpyc_status status;
	struct brine at, seq;
	int64_t handler;
	struct buf *b;
	size_t taken, begin;

	while ((status = rpyc_read(r, (const unsigned char *)in, n, &taken)) == RPYC_MESSAGE) {
		in += taken;
		n -= taken;
		at = brine_span(&r->retained);
		if (!rpyc_seq(&at, &seq) || !brine_tuple(&at, 2) || !brine_int(&at, &handler))
			die("recv", "no request");
		b = add_request(sv, p, now);
		begin = rpyc_begin(b, r->dialect, RPYC_REPLY);
		buf_add(b, seq.p, (size_t)(seq.end - seq.p));
		if (handler == RPYC_GETROOT)
			rpyc_put_ref(b, RPYC_REMOTE_REF, "bare", 1, 1);
		else
			rpyc_put_str(b, "pong");
		rpyc_end(b, begin, 0);
	}
	if (status != RPYC_MORE)
		die("recv", "not RPyC");
}

/* Take the requests that have come. False: the peer has closed. */
static bool
hear(const struct server *sv, struct peer *p)
{
	static char in[BYTES];
	uint64_t before = clock_ns();
	ssize_t n = recv(p->fd, in, sizeof in, MSG_DONTWAIT);

	if (n < 0 && !nothing_yet())
		die("recv", strerror(errno));
	if (n > 0)
		(sv->rpyc ? hear_rpyc : hear_http)(sv, p, in, (size_t)n, clock_ns());
	p->looked_ns = before;
	return n != 0;
}

/* Send the replies that are due. None comes before that to an earlier request. */
static void
answer(const struct server *sv, struct peer *p)
{
	static char out[BYTES];
	uint64_t now = p->n > 0 ? clock_ns() : 0;
	const struct asked *a;
	unsigned due;
	size_t n = 0;

	for (due = 0; due < p->n; due++) {
		a = &p->asked[(p->first + due) % OUTSTANDING];
		if (now < a->read_ns + a->drawn_ns)
			break;
		if (a->reply.failed || a->reply.n > sizeof out - n)
			die("reply", "no memory");
		memcpy(out + n, a->reply.p, a->reply.n);
		n += a->reply.n;
	}
	if (due > 0)
		transmit(p->fd, out, n);
	for (; due > 0; due--) {
		a = &p->asked[p->first];
		record(sv, a->drawn_ns, now - a->read_ns, p->number,
		    a->late_ns + (now - a->read_ns - a->drawn_ns));
		p->first = (p->first + 1) % OUTSTANDING;
		p->n--;
	}
}

static void
forget(struct peer *p)
{
	unsigned i;

	for (i = 0; i < OUTSTANDING; i++)
		buf_free(&p->asked[i].reply);
	rpyc_reader_free(&p->reader);
	close(p->fd);
}

static void
greet(struct server *sv, struct peer *p, int fd)
{
	uint64_t number = sv->connections++;

	no_delay(fd);
	*p = (struct peer){ .fd = fd, .number = number, .rng = rng_stream(sv->seed, number) };
	p->looked_ns = clock_ns();
	p->reader.max = BYTES;
}

static void
stay_awake(struct server *sv)
{
	static struct peer peer[PEERS];
	unsigned i, round, n = 0;
	int fd;

	if (sock_blocking(listen_fd, false) < 0)
		die("O_NONBLOCK", strerror(errno));
	for (round = 0; !stopped; round++) {
		if (round % ROUNDS == 0 && n < PEERS) {
			if ((fd = accept(listen_fd, NULL, NULL)) >= 0)
				greet(sv, &peer[n++], fd);
			else if (!stopped && !nothing_yet())
				die("accept", strerror(errno));
		}
		for (i = 0; i < n; i++) {
			answer(sv, &peer[i]);
			if (hear(sv, &peer[i]))
				continue;
			forget(&peer[i]);
			peer[i--] = peer[--n];
		}
	}
	while (n > 0)
		forget(&peer[--n]);
}

static void
run_server(struct server *sv)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	struct sigaction act = { .sa_handler = stop };
	socklen_t len = sizeof sa;
	int conn;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&sa, sizeof sa) != 0
	    || listen(listen_fd, 16) != 0
	    || getsockname(listen_fd, (struct sockaddr *)&sa, &len) != 0)
		die("listen", strerror(errno));
	sigaction(SIGTERM, &act, NULL);
	if (sv->record)
		fputs("drawn_us\twaited_us\tconnection\tlate_us\n", sv->record);
	printf("%s://127.0.0.1:%u\n", sv->rpyc ? "rpc" : "http", ntohs(sa.sin_port));
	if (fclose(stdout) != 0)
		die("stdout", strerror(errno));
	sv->started_ns = clock_ns();
	if (sv->awake)
		stay_awake(sv);
	while (!stopped && (conn = accept(listen_fd, NULL, NULL)) >= 0) {
		no_delay(conn);
		converse(sv, conn);
		close(conn);
	}
	if (!stopped)
		die("accept", strerror(errno));
	if (sv->record && fclose(sv->record) != 0)
		die("-u", strerror(errno));
}

/* ---- the client ---- */

struct client {
	uint64_t count, warm_up, depth, seed;
	double rate; /* 0: a closed loop */
	int fd;
	size_t reply_bytes, got; /* of a reply; of the next one */
	uint64_t sent, done;
	uint64_t *since_ns, *ns; /* when a request's time began, and how long it took */
};

static char in[BYTES];

static void
dial(struct client *k, uint64_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	k->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (k->fd < 0 || connect(k->fd, (struct sockaddr *)&sa, sizeof sa) != 0)
		die("connect", strerror(errno));
	no_delay(k->fd);
}

/* Send the next request. */
static void
ask(struct client *k)
{
	transmit(k->fd, request, sizeof request - 1);
	k->sent++;
}

/* Take what has come, and the time of each reply that is complete with it. */
static void
take(struct client *k)
{
	size_t n = receive(k->fd, in, sizeof in);
	uint64_t now = clock_ns();

	if (n == 0)
		die("recv", "closed");
	if (k->reply_bytes == 0)
		k->reply_bytes = n; /* the server writes it at once */
	for (k->got += n; k->got >= k->reply_bytes; k->got -= k->reply_bytes) {
		if (k->done == k->sent)
			die("recv", "more than was asked for");
		k->ns[k->done] = now - k->since_ns[k->done];
		k->done++;
	}
}

static void
closed_loop(struct client *k, uint64_t count, uint64_t depth)
{
	k->sent = k->done = 0;
	while (k->done < count) {
		while (k->sent < count && k->sent < k->done + depth) {
			k->since_ns[k->sent] = clock_ns();
			ask(k);
		}
		take(k);
	}
}

/* Asleep until there is something to read, or it is nearly time for the next request. */
static bool
readable(const struct client *k, uint64_t due_ns)
{
	uint64_t now = clock_ns(), rest = 0;
	struct timespec ts = { 0 };
	fd_set set;

	if (due_ns > now + CLOCK_AWAKE_NS)
		rest = due_ns - now - CLOCK_AWAKE_NS;
	ts.tv_sec = (time_t)(rest / CLOCK_S);
	ts.tv_nsec = (long)(rest % CLOCK_S);
	FD_ZERO(&set);
	FD_SET(k->fd, &set);
	return pselect(k->fd + 1, &set, NULL, NULL, due_ns == UINT64_MAX ? NULL : &ts, NULL) > 0;
}

static void
open_loop(struct client *k)
{
	uint64_t state = k->seed, start = clock_ns(), i;
	double at = 0;

	for (i = 0; i < k->count; i++) {
		k->since_ns[i] = start + (uint64_t)at;
		at += rng_exp(&state) * 1e9 / k->rate;
	}
	k->sent = k->done = 0;
	while (k->done < k->count) {
		while (k->sent < k->count && k->since_ns[k->sent] <= clock_ns())
			ask(k);
		if (readable(k, k->sent < k->count ? k->since_ns[k->sent] : UINT64_MAX))
			take(k);
	}
}

static void
run_client(struct client *k, uint64_t port)
{
	uint64_t i, room = k->count > k->warm_up ? k->count : k->warm_up;

	k->ns = malloc(room * sizeof *k->ns);
	k->since_ns = malloc(room * sizeof *k->since_ns);
	if (!k->ns || !k->since_ns)
		die("memory", strerror(errno));
	dial(k, port);
	closed_loop(k, k->warm_up, 1);
	if (k->rate > 0)
		open_loop(k);
	else
		closed_loop(k, k->count, k->depth);
	close(k->fd);
	for (i = 0; i < k->count; i++)
		printf("%.3f\n", (double)k->ns[i] / 1000);
	free(k->ns);
	free(k->since_ns);
	if (fclose(stdout) != 0)
		die("stdout", strerror(errno));
}

/* ---- options ---- */

static void
check(const char *what, const char *text, const char *wrong)
{
	if (!wrong)
		return;
	fprintf(stderr, "bare: %s %s: %s\n", what, text, wrong);
	exit(2);
}

static const char *
place(const char *text)
{
	struct cpus cpus;
	const char *wrong = cpus_parse(&cpus, text);

	return wrong ? wrong : cpus_use(&cpus);
}

int
main(int argc, char **argv)
{
	struct client k = { .count = 1000, .warm_up = 10, .depth = 1, .seed = 1 };
	struct server sv = { .seed = 1, .gives_way = true };
	uint64_t seed = 1, port = 0;
	char why[DELAY_WHY];
	const char *d = NULL;
	bool server = false;
	int opt;

	while ((opt = getopt(argc, argv, "saeRd:S:P:u:n:w:r:")) != -1) {
		switch (opt) {
		case 's': server = true; break;
		case 'a': sv.awake = true; break;
		case 'R': sv.rpyc = true; break;
		case 'e': sv.gives_way = false; break;
		case 'd': d = optarg; break;
		case 'S': check("-S", optarg, num_count(optarg, 0, UINT64_MAX, &seed)); break;
		case 'P': check("-P", optarg, place(optarg)); break;
		case 'u':
			sv.record = fopen(optarg, "w");
			check("-u", optarg, sv.record ? NULL : strerror(errno));
			break;
		case 'n': check("-n", optarg, num_count(optarg, 1, 1000000, &k.count)); break;
		case 'w': check("-w", optarg, num_count(optarg, 1, 1000000, &k.warm_up)); break;
		case 'r': check("-r", optarg, num_rate(optarg, 1000000, &k.rate)); break;
		default: return 2;
		}
	}
	if (argc - optind != (server ? 0 : 1) || (sv.rpyc && !sv.awake))
		return 2;
	sv.timed = d != NULL;
	if (d && server)
		check("-d", d, delay_parse(&sv.dist, d, why) ? NULL : why);
	else if (d)
		check("-d", d, num_count(d, 1, 4096, &k.depth));
	if (!server)
		check("port", argv[optind], num_count(argv[optind], 1, 65535, &port));
	clock_be_punctual();
	sv.seed = k.seed = seed;
	if (server)
		run_server(&sv);
	else
		run_client(&k, port);
	return 0;
}
