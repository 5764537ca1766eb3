/* SPDX-License-Identifier: ISC */
/* How an HTTP server answers, row by row of a table (conformance.tsv). Prints TAP.
 *
 * usage: conform [-b] url table
 *
 *	-b  send a byte at a time (what is long, in small pieces)
 *
 * Each row has a connection of its own. Its request is sent, and behind it a GET /ping that ends
 * the connection: so the reply always ends, and whether that GET is answered tells
 * whether the server has kept the connection and its place in the bytes. No time is involved, but
 * for the one after which a server that says nothing is given up.
 *
 * The columns, with a tab between them:
 *
 *	rfc section     where it says so
 *	level           MUST, SHOULD, MAY, or ours: what the server does by its own choice
 *	what            in words
 *	request         with \r \n \t \\ \xHH, \{N C} for N times the character C, and \w: wait here
 *	                for the head of an answer
 *	status          of all answers in order, that to the GET included: an extended regular
 *	                expression that has to match "400", "200 200", "100 200 200" as a whole
 *	reply           an extended regular expression that matches in the reply, whose lines are
 *	                taken to end with LF; with ! in front one that does not; - for none
 *	note            why so, where there is a choice */
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/tap.h"
#include "base/url.h"
#include "net/sock.h"

#define TEXT_MAX ((size_t)1 << 18)
#define TIMEOUT_MS 20000
#define COLUMNS 8

static const char probe[] = "GET /ping HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";

struct text {
	char p[TEXT_MAX];
	size_t n;
};

static struct text request, reply; /* far too large for a stack */
static size_t waits[8], nwaits;    /* places in the request where it waits */

_Noreturn static void
die(const char *what, const char *why)
{
	fprintf(stderr, "conform: %s: %s\n", what, why);
	exit(1);
}

static void
add(struct text *t, const char *p, size_t n)
{
	if (n > TEXT_MAX - t->n)
		die("too long", p);
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

/* The bytes that the column stands for. */
static void
decode(const char *s)
{
	char hex[3] = { 0, 0, 0 }, c, *end;
	unsigned long i, n;

	request.n = nwaits = 0;
	for (; *s; s++) {
		c = *s;
		if (c == '\\') {
			switch (*++s) {
			case 'r': c = '\r'; break;
			case 'n': c = '\n'; break;
			case 't': c = '\t'; break;
			case '\\': break;
			case 'w':
				if (nwaits == sizeof waits / sizeof *waits)
					die("too many waits", s);
				waits[nwaits++] = request.n;
				continue;
			case 'x':
				if (!s[1] || !s[2])
					die("bad escape", s);
				memcpy(hex, s + 1, 2);
				c = (char)strtoul(hex, &end, 16);
				if (end != hex + 2)
					die("bad escape", s);
				s += 2;
				break;
			case '{':
				n = strtoul(s + 1, &end, 10);
				if (*end != ' ' || !end[1] || end[2] != '}')
					die("bad escape", s);
				for (i = 0; i < n; i++)
					add(&request, end + 1, 1);
				s = end + 2;
				continue;
			default: die("bad escape", s);
			}
		}
		add(&request, &c, 1);
	}
}

static int
dial(const struct url *u)
{
	struct sock_addr *a;
	const char *why = sock_resolve(u->host, u->port, false, &a);
	int fd;

	if (why)
		die(u->host, why);
	if ((fd = sock_open(a)) < 0 || sock_blocking(fd, true) != 0 || sock_connect(fd, a, 0) < 0)
		die("connect", strerror(errno));
	free(a);
	return fd;
}

/* Receive once, waiting if need be. False: the end, or nothing came for long. */
static bool
receive(int fd, bool wait)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, wait ? TIMEOUT_MS : 0) <= 0)
		return false;
	if (reply.n == TEXT_MAX - 1)
		die("the reply", "too long");
	n = recv(fd, reply.p + reply.n, TEXT_MAX - 1 - reply.n, 0);
	if (n > 0)
		reply.n += (size_t)n;
	return n > 0;
}

/* Send p[n]; an answer that comes meanwhile is taken, since a server may end early. False: the
 * server takes no more. */
static bool
transmit(int fd, const char *p, size_t n, size_t step)
{
	size_t k;
	ssize_t m;

	for (; n > 0; p += m, n -= (size_t)m) {
		k = step < n ? step : n;
		receive(fd, false);
		if ((m = send(fd, p, k, 0)) < 0)
			return false;
	}
	return true;
}

/* How many heads of answers have come: lines without CR, and an empty one behind each. */
static size_t
heads(void)
{
	size_t i, n = 0;

	for (i = 0; i + 4 <= reply.n; i++)
		n += memcmp(reply.p + i, "\r\n\r\n", 4) == 0;
	return n;
}

static void
converse(const struct url *u, bool bytes)
{
	size_t step = !bytes ? TEXT_MAX : request.n < 3000 ? 1 : 499, at = 0, i, had;
	int fd = dial(u);
	bool open = true;

	reply.n = 0;
	for (i = 0; i <= nwaits && open; i++) {
		had = heads();
		if (i == nwaits)
			add(&request, probe, sizeof probe - 1);
		open = transmit(fd, request.p + at, (i < nwaits ? waits[i] : request.n) - at, step);
		at = i < nwaits ? waits[i] : at;
		while (open && i < nwaits && heads() == had)
			open = receive(fd, true);
	}
	while (receive(fd, true))
		;
	close(fd);
}

static bool
matches(const char *pattern, const char *text, bool whole)
{
	char anchored[1000];
	regex_t re;
	int code;
	bool yes;

	snprintf(anchored, sizeof anchored, whole ? "^(%s)$" : "%s", pattern);
	if ((code = regcomp(&re, anchored, REG_EXTENDED | REG_NOSUB | REG_NEWLINE)) != 0)
		die("bad pattern", pattern);
	yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

/* Check a row; columns are as above. */
static void
check(const struct url *u, char *column[COLUMNS], bool bytes)
{
	char status[200] = "", *p;
	size_t i, n = 0;
	bool good, none = column[6][0] == '!';

	decode(column[4]);
	converse(u, bytes);
	/* one line each, as text */
	for (i = 0; i < reply.n; i++)
		if (reply.p[i] != '\r')
			reply.p[n++] = reply.p[i] ? reply.p[i] : '0';
	reply.p[n] = '\0';
	for (p = reply.p; (p = strstr(p, "HTTP/1.1 ")) && strlen(status) < sizeof status - 5; p++)
		if (strspn(p + 9, "0123456789") == 3)
			sprintf(status + strlen(status), "%s%.3s", *status ? " " : "", p + 9);
	good = matches(column[5], status, true)
	    && (strcmp(column[6], "-") == 0 || matches(column[6] + none, reply.p, false) != none);
	if (!ok(good, "RFC %s, %s: %s: %s", column[0], column[1], column[3], column[5]))
		printf("# got: %s\n# %.400s\n", status, reply.p);
}

int
main(int argc, char *argv[])
{
	char line[4096], *column[COLUMNS], *p;
	const char *why;
	struct url u;
	bool bytes = argc > 1 && strcmp(argv[1], "-b") == 0;
	FILE *f;
	int i, n = 0;

	if (argc - bytes != 3) {
		fprintf(stderr, "usage: conform [-b] url table\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if ((why = url_parse(&u, argv[1 + bytes])))
		die(argv[1 + bytes], why);
	if (!(f = fopen(argv[2 + bytes], "r")))
		die(argv[2 + bytes], strerror(errno));
	while (fgets(line, sizeof line, f)) {
		if (!strchr(line, '\n'))
			die("line too long", line);
		line[strcspn(line, "\n")] = '\0';
		if (n++ == 0) /* the header */
			continue;
		for (p = line, i = 0; i < COLUMNS && p; i++) {
			column[i] = p;
			if ((p = strchr(p, '\t')))
				*p++ = '\0';
		}
		if (i < COLUMNS || p)
			die("not eight columns", column[0]);
		check(&u, column, bytes);
	}
	if (ferror(f))
		die(argv[2 + bytes], "can't be read");
	fclose(f);
	return done();
}
