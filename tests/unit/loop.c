/* SPDX-License-Identifier: ISC */
/* The readiness loop, whichever backend was built in (POSIX_ONLY: poll). */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"
#include "tap.h"

#define PAIRS 200
#define LIMIT (5000 * CLOCK_MS) /* for what comes at once */

static void
make_pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0) {
		printf("Bail out! socketpair: %s\n", strerror(errno));
		exit(1);
	}
}

static void
put_byte(int fd)
{
	ok(write(fd, "x", 1) == 1, "a byte is written");
}

static void
take_byte(int fd)
{
	char c;

	ok(read(fd, &c, 1) == 1, "and read");
}

static void
check_basics(struct loop *l)
{
	struct loop_event ev[4];
	int a[2], user;
	uint64_t t0;

	make_pair(a);
	ok(loop_wait(l, ev, 4, 0) == 0, "an empty loop has no event");
	ok(loop_add(l, a[0], LOOP_READ, &user) == 0, "add");
	ok(loop_wait(l, ev, 4, 0) == 0, "nothing to read yet");
	t0 = clock_ns();
	ok(loop_wait(l, ev, 4, 30 * CLOCK_MS + 1) == 0, "nor after 30 ms");
	ok(clock_ns() - t0 >= 30 * CLOCK_MS, "which are not shorter than that");

	put_byte(a[1]);
	ok(loop_wait(l, ev, 4, LIMIT) == 1 && ev[0].user == &user && ev[0].ready == LOOP_READ,
	    "then there is");
	ok(loop_wait(l, ev, 4, LOOP_FOREVER) == 1, "and still is");
	ok(loop_change(l, a[0], LOOP_READ | LOOP_WRITE, a) == 0 && loop_wait(l, ev, 4, LIMIT) >= 1
		&& ev[0].user == a,
	    "a change of interest and user");
	ok(loop_change(l, a[0], 0, &user) == 0 && loop_wait(l, ev, 4, 0) == 0, "no interest");
	ok(loop_change(l, a[0], LOOP_WRITE, &user) == 0 && loop_wait(l, ev, 4, LIMIT) == 1
		&& ev[0].ready == LOOP_WRITE,
	    "writing");

	ok(loop_change(l, a[0], LOOP_READ | LOOP_ONCE, &user) == 0
		&& loop_wait(l, ev, 4, LIMIT) == 1,
	    "once");
	ok(loop_wait(l, ev, 4, 0) == 0, "means once");
	ok(loop_change(l, a[0], LOOP_READ | LOOP_ONCE, &user) == 0
		&& loop_wait(l, ev, 4, LIMIT) == 1,
	    "until asked again");
	take_byte(a[0]);

	ok(loop_change(l, a[0], LOOP_READ, &user) == 0, "awaiting the end");
	close(a[1]);
	ok(loop_wait(l, ev, 4, LIMIT) == 1 && ev[0].ready & LOOP_READ, "which can be read");
	ok(loop_remove(l, a[0]) == 0 && loop_wait(l, ev, 4, 0) == 0, "removed");
	ok(loop_add(l, a[0], LOOP_READ, a) == 0 && loop_wait(l, ev, 4, LIMIT) == 1
		&& ev[0].user == a,
	    "added again");
	ok(loop_remove(l, a[0]) == 0, "and removed");
	close(a[0]);
	ok(loop_add(l, -1, LOOP_READ, NULL) < 0 && errno == EBADF, "no such descriptor");
}

/* What was reported once need not be again; what comes later, and an end, has to be. */
static void
check_news(struct loop *l)
{
	struct loop_event ev[4];
	int a[2], n;

	make_pair(a);
	ok(loop_add(l, a[0], LOOP_READ | LOOP_NEWS, a) == 0 && loop_wait(l, ev, 4, 0) == 0,
	    "news, of which there are none");
	put_byte(a[1]);
	ok(loop_wait(l, ev, 4, LIMIT) == 1 && ev[0].user == a && ev[0].ready == LOOP_READ, "some");
	n = loop_wait(l, ev, 4, 0);
	ok(n == (strcmp(loop_backend, "poll") == 0), "which are none any more (%d)", n);
	put_byte(a[1]);
	ok(loop_wait(l, ev, 4, LIMIT) == 1 && ev[0].ready == LOOP_READ, "more");
	ok(loop_change(l, a[0], LOOP_READ | LOOP_NEWS, a) == 0 && loop_wait(l, ev, 4, LIMIT) == 1,
	    "which are news to one that asks again");
	ok(loop_change(l, a[0], 0, a) == 0 && loop_wait(l, ev, 4, 0) == 0, "no interest");
	ok(loop_change(l, a[0], LOOP_READ | LOOP_NEWS, a) == 0 && loop_wait(l, ev, 4, LIMIT) == 1,
	    "and again some");
	take_byte(a[0]);
	put_byte(a[1]);
	ok(loop_wait(l, ev, 4, LIMIT) == 1, "between two reads");
	shutdown(a[1], SHUT_WR);
	ok(loop_wait(l, ev, 4, LIMIT) == 1 && ev[0].ready & LOOP_READ
		&& (ev[0].ready & LOOP_LAST || strcmp(loop_backend, "poll") == 0),
	    "the end");
	take_byte(a[0]);
	take_byte(a[0]);
	loop_closing(l, a[0]);
	close(a[0]);
	close(a[1]);

	/* an end that is here already is told of with what came before it */
	make_pair(a);
	put_byte(a[1]);
	close(a[1]);
	ok(loop_add(l, a[0], LOOP_READ | LOOP_NEWS, a) == 0 && loop_wait(l, ev, 4, LIMIT) == 1
		&& ev[0].ready & LOOP_READ
		&& (ev[0].ready & (LOOP_LAST | LOOP_GONE) || strcmp(loop_backend, "poll") == 0),
	    "a byte, and the end");
	loop_closing(l, a[0]);
	close(a[0]);
}

/* A wait ends neither with one before it nor too early, whatever came of longer and shorter ones.
 */
static void
check_long(struct loop *l)
{
	static const uint64_t ms[] = { 300, 60, 2, 120, 30, 70 };
	struct loop_event ev[4];
	uint64_t t0, took;
	unsigned i;
	int a[2];

	make_pair(a);
	ok(loop_add(l, a[0], LOOP_READ, a) == 0, "a descriptor");
	put_byte(a[1]);
	ok(loop_wait(l, ev, 4, 80 * CLOCK_MS) == 1, "a wait that is over at once");
	take_byte(a[0]);
	for (i = 0; i < sizeof ms / sizeof *ms; i++) {
		t0 = clock_ns();
		ok(loop_wait(l, ev, 4, ms[i] * CLOCK_MS + 1) == 0, "nothing comes");
		took = clock_ns() - t0;
		ok(took > ms[i] * CLOCK_MS, "in %u ms (%u us)", (unsigned)ms[i],
		    (unsigned)(took / 1000));
	}
	loop_closing(l, a[0]);
	close(a[0]);
	close(a[1]);
}

/* Few events are asked for at once while many are ready: all get their turn. */
static void
check_many(struct loop *l)
{
	static int pair[PAIRS][2];
	struct loop_event ev[7];
	int seen[PAIRS] = { 0 }, i, k, n, rounds, total = 0;
	char c;

	for (i = 0; i < PAIRS; i++) {
		make_pair(pair[i]);
		if (loop_add(l, pair[i][0], LOOP_READ, pair[i]) < 0
		    || write(pair[i][1], "x", 1) != 1)
			break;
	}
	ok(i == PAIRS, "%d descriptors", PAIRS);
	for (rounds = 0; rounds < 4 * PAIRS && total < PAIRS; rounds++) {
		n = loop_wait(l, ev, 7, LIMIT);
		for (k = 0; k < n; k++) {
			i = (int)((int(*)[2])ev[k].user - pair);
			total += seen[i]++ == 0;
		}
	}
	ok(total == PAIRS, "all %d are told of, %d rounds of 7, none being read", total, rounds);

	for (i = 0; i < PAIRS; i += 2)
		if (loop_remove(l, pair[i][0]) < 0 || read(pair[i + 1][0], &c, 1) != 1)
			break;
	ok(i == PAIRS, "half are removed, the others read");
	ok(loop_wait(l, ev, 7, 0) == 0, "and no event is left");
	for (i = 0; i < PAIRS; i++) {
		if (i % 2)
			loop_remove(l, pair[i][0]);
		close(pair[i][0]);
		close(pair[i][1]);
	}
}

/* A descriptor that is closed, and the next one that has its number, are two. */
static void
check_closing(struct loop *l)
{
	struct loop_event ev[4];
	int a[2], b[2], old;

	make_pair(a);
	put_byte(a[1]);
	ok(loop_add(l, a[0], LOOP_READ, a) == 0 && loop_wait(l, ev, 4, LIMIT) == 1, "ready");
	old = a[0];
	loop_closing(l, old);
	close(old);
	make_pair(b);
	if (b[0] != old && (dup2(b[0], old) < 0 || close(b[0]) < 0))
		old = -1;
	b[0] = old;
	put_byte(b[1]);
	ok(old >= 0 && loop_wait(l, ev, 4, 0) == 0, "closed, and its number is another's");
	ok(loop_add(l, old, LOOP_READ, b) == 0 && loop_wait(l, ev, 4, LIMIT) == 1
		&& ev[0].user == b,
	    "which is added as a new one");
	loop_closing(l, old);
	close(old);
	ok(loop_wait(l, ev, 4, 0) == 0, "both are gone");
	close(a[1]);
	close(b[1]);
}

struct other {
	struct loop *loop;
	int fd, change;
};

static void *
arm(void *arg)
{
	struct other *o = arg;

	if (o->change)
		loop_change(o->loop, o->fd, LOOP_READ | LOOP_ONCE, o);
	else
		loop_add(o->loop, o->fd, LOOP_READ | LOOP_ONCE, o);
	return NULL;
}

/* Another thread adds, then changes, while this one waits. */
static void
check_threads(struct loop *l)
{
	struct loop_event ev[4];
	struct other o = { .loop = l };
	pthread_t thread;
	int a[2], n;

	make_pair(a);
	put_byte(a[1]);
	o.fd = a[0];
	for (o.change = 0; o.change < 2; o.change++) {
		if (pthread_create(&thread, NULL, arm, &o) != 0)
			break;
		/* a backend may come back early, with nothing, at such a change */
		do
			n = loop_wait(l, ev, 4, LIMIT);
		while (n == 0);
		pthread_join(thread, NULL);
		ok(n == 1 && ev[0].user == &o, "a descriptor %s by another thread during the wait",
		    o.change ? "changed" : "added");
	}
	ok(o.change == 2, "both");
	ok(loop_remove(l, a[0]) == 0, "removed");
	close(a[0]);
	close(a[1]);
}

static void
check_poll_ms(void)
{
	static const struct {
		uint64_t ns;
		int ms;
	} t[] = { { 0, 0 }, { 1, 1 }, { CLOCK_MS, 1 }, { CLOCK_MS + 1, 2 }, { 2 * CLOCK_S, 2000 },
		{ INT_MAX * CLOCK_MS, INT_MAX }, { INT_MAX * CLOCK_MS + 1, INT_MAX },
		{ UINT64_MAX - 1, INT_MAX }, { LOOP_FOREVER, -1 } };
	unsigned i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		ok(clock_poll_ms(t[i].ns) == t[i].ms, "%llu ns are %d ms for poll",
		    (unsigned long long)t[i].ns, t[i].ms);
}

int
main(void)
{
	struct loop *l;

	alarm(60); /* a hang is a failure */
	check_poll_ms();
	l = loop_new();
	ok(l != NULL, "a loop (%s)", loop_backend);
	if (l) {
		check_basics(l);
		check_news(l);
		check_long(l);
		check_many(l);
		check_closing(l);
		check_threads(l);
	}
	loop_free(l);
	return done();
}
