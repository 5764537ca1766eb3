/* SPDX-License-Identifier: ISC */
/* What all models share: accepting, the limit of connections, parking, stopping, and the
 * counters. The main thread runs the loop below; see server.h. */
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/pipe.h"
#include "base/rng.h"
#include "net/loop.h"
#include "net/sock.h"

#define EVENTS 256       /* handled between two looks at anything else */
#define ACCEPTS 64       /* the same */
#define LOOKS 64         /* at waits that are watched, in a time limit, at most */
#define SPARE_FDS 24     /* the server's own, at most, beside two for each event loop */
#define RETRY_NS CLOCK_S /* after running out of descriptors, threads or processes */

/* Enough for a connection (8 KB of buffer, some KB of frames) with room for a sanitizer's
 * padding. Only the pages that are used cost memory. */
#define STACK_BYTES ((size_t)128 << 10)

static size_t
stack_size(void)
{
	long min = sysconf(_SC_THREAD_STACK_MIN);

	/* the minimum depends on the processor: its registers are saved there at a signal */
	return min > 0 && (size_t)min > STACK_BYTES / 2 ? STACK_BYTES + (size_t)min : STACK_BYTES;
}

/* ---- descriptors and threads ---- */

struct limits_want
server_wants(const struct server_conf *conf)
{
	return (struct limits_want){ .descriptors = (uint64_t)conf->max_conns
		    + 2 * (uint64_t)conf->threads + SPARE_FDS,
		.tasks = conf->model->threads > 0 ? conf->threads : conf->max_conns,
		.processes = conf->model == &model_fork };
}

static void
close_own(struct server *sv)
{
	close(sv->wake[0]);
	close(sv->wake[1]);
	loop_free(sv->loop);
	sv->loop = NULL;
}

void
server_leave(struct server *sv)
{
	unsigned i;

	for (i = 0; i < sv->conf->n_listen; i++)
		close(sv->conf->listen_fd[i]);
	close_own(sv);
}

/* ---- threads ---- */

int
server_start_workers(struct server *sv, void *(*work)(void *), void *first, size_t size)
{
	unsigned n = sv->conf->threads;
	int e = 0;

	if (!(sv->worker = malloc(n * sizeof *sv->worker)))
		return ENOMEM;
	for (; e == 0 && sv->n_workers < n; sv->n_workers += e == 0)
		e = pthread_create(&sv->worker[sv->n_workers], &sv->small_stack, work,
		    (char *)first + sv->n_workers * size);
	return e;
}

void
server_join_workers(struct server *sv)
{
	while (sv->n_workers > 0)
		pthread_join(sv->worker[--sv->n_workers], NULL);
	free(sv->worker);
	sv->worker = NULL;
}

static void
thread_ended(struct server *sv)
{
	pthread_mutex_lock(&sv->lock);
	if (--sv->n_threads == 0)
		pthread_cond_signal(&sv->no_thread);
	pthread_mutex_unlock(&sv->lock);
}

/* The thread vanishes by itself. It needs nothing of the server once that knows of its end. */
static void *
run_spawned(void *arg)
{
	struct conn *c = arg;
	struct server *sv = c->server;

	pthread_detach(pthread_self());
	sv->conf->model->work(c);
	thread_ended(sv);
	return NULL;
}

/* Returns 0, or an error number. */
static int
spawn(struct conn *c)
{
	struct server *sv = c->server;
	pthread_t thread;
	int e;

	pthread_mutex_lock(&sv->lock);
	sv->n_threads++;
	pthread_mutex_unlock(&sv->lock);
	if ((e = pthread_create(&thread, &sv->small_stack, run_spawned, c)) != 0)
		thread_ended(sv);
	return e;
}

/* ---- connections ---- */

static struct conn *
new_conn(struct server *sv, int fd)
{
	struct conn *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->server = sv;
	c->conf = sv->conf;
	c->started_ns = sv->started_ns;
	c->fd = fd;
	pthread_mutex_lock(&sv->lock);
	conn_list_add(&sv->conns, c);
	sv->n_conns++;
	c->rng = rng_stream(sv->conf->seed, sv->usage.connections++);
	pthread_mutex_unlock(&sv->lock);
	return c;
}

/* With the lock held. */
static void
set_limited(struct conn *c, bool on)
{
	if (c->limited)
		conn_list_remove(&c->server->limited, c);
	c->limited = on;
	if (on) {
		c->since_ns = clock_ns();
		conn_list_add(&c->server->limited, c);
	}
}

void
server_close(struct conn *c)
{
	struct server *sv = c->server;
	bool wake;

	if (c->known_to_loop)
		loop_closing(sv->loop, c->fd);
	pthread_mutex_lock(&sv->lock);
	conn_count(c, &sv->usage);
	set_limited(c, false);
	conn_list_remove(&sv->conns, c);
	sv->n_conns--;
	wake = sv->waits_for_room;
	sv->waits_for_room = false;
	pthread_mutex_unlock(&sv->lock);

	/* not before it is out of the list: the descriptor's number may be somebody else's
	 * right afterwards */
	conn_free(c);
	if (wake)
		pipe_wake(sv->wake[1], 0);
}

void
server_each(struct server *sv, void (*f)(struct conn *, int arg), int arg)
{
	struct conn *c;

	pthread_mutex_lock(&sv->lock);
	for (c = sv->conns.first; c; c = c->link[CONN_ALL].next)
		f(c, arg);
	pthread_mutex_unlock(&sv->lock);
}

static void
add_usage(struct server_usage *to, const struct server_usage *u)
{
	to->connections += u->connections;
	to->requests += u->requests;
	to->errors += u->errors;
	to->bytes_in += u->bytes_in;
	to->bytes_out += u->bytes_out;
	to->user_us += u->user_us;
	to->sys_us += u->sys_us;
	to->voluntary += u->voluntary;
	to->involuntary += u->involuntary;
	to->faults += u->faults;
	if (to->maxrss_kb < u->maxrss_kb)
		to->maxrss_kb = u->maxrss_kb;
}

void
server_count(struct server *sv, const struct server_usage *u)
{
	pthread_mutex_lock(&sv->lock);
	add_usage(&sv->usage, u);
	pthread_mutex_unlock(&sv->lock);
}

void
server_reaped(struct server *sv, pid_t pid, int status)
{
	struct conn *c = sv->conf->model->reaped ? sv->conf->model->reaped(sv, pid) : NULL;

	if (!c)
		return;
	if (WIFSIGNALED(status)) {
		msg("process %ld: killed by signal %d", (long)pid, WTERMSIG(status));
		c->errors++;
	}
	server_close(c);
}

void
server_fail(struct server *sv, const char *what, int error)
{
	msg("%s: %s", what, strerror(error));
	sv->failed = true;
	pipe_wake(sv->wake[1], 0);
}

static uint64_t
microseconds(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* The largest resident size of this program in kilobytes. Linux's ru_maxrss counts the
 * program that this process ran before exec(2), too: a shell's, say. */
static uint64_t
peak_kb(const struct rusage *ru)
{
	uint64_t kb = (uint64_t)ru->ru_maxrss;
#if defined(__linux__) && !defined(POSIX_ONLY)
	unsigned long long v;
	char line[128];
	FILE *f;

	if ((f = fopen("/proc/self/status", "re"))) {
		while (fgets(line, sizeof line, f))
			/* NOLINTNEXTLINE(cert-err34-c): the kernel's own number */
			if (sscanf(line, "VmHWM: %llu", &v) == 1)
				kb = v;
		fclose(f);
	}
#elif defined(__APPLE__)
	kb /= 1024; /* bytes there */
#endif
	return kb;
}

void
server_measure(struct server_usage *u)
{
	struct rusage ru;
	uint64_t kb;

	if (getrusage(RUSAGE_SELF, &ru) < 0)
		return;
	u->user_us += microseconds(ru.ru_utime);
	u->sys_us += microseconds(ru.ru_stime);
	u->voluntary += (uint64_t)ru.ru_nvcsw;
	u->involuntary += (uint64_t)ru.ru_nivcsw;
	u->faults += (uint64_t)ru.ru_minflt + (uint64_t)ru.ru_majflt;
	kb = peak_kb(&ru);
	if (u->maxrss_kb < kb)
		u->maxrss_kb = kb;
}

/* Returns 0, or an error number: there is no room for it now. */
static int
try_serve(struct conn *c)
{
	struct server *sv = c->server;
	const struct server_model *m = sv->conf->model;
	int e = m->serve ? m->serve(c) : spawn(c);

	if (e == 0)
		return 0;
	pthread_mutex_lock(&sv->lock);
	conn_list_add(&sv->refused, c);
	pthread_mutex_unlock(&sv->lock);
	return e;
}

void
server_serve(struct conn *c)
{
	struct server *sv = c->server;

	if (try_serve(c) != 0)
		pipe_wake(sv->wake[1], 0);
}

void
server_park(struct conn *c, unsigned interest, bool restart)
{
	struct server *sv = c->server;
	bool parked;
	int e = 0;

	/* The lock is held until the loop knows, for the main thread may see the event, take
	 * the connection out of the list and even end it before loop_add returns here. */
	pthread_mutex_lock(&sv->lock);
	if (restart)
		set_limited(c, true);
	if ((parked = !sv->stopping && c->limited)) {
		parked = (c->known_to_loop ? loop_change : loop_add)(sv->loop, c->fd,
			     interest | LOOP_ONCE, c)
		    == 0;
		c->known_to_loop = c->known_to_loop || parked;
		c->parked = parked;
		if (!parked)
			e = errno;
	} else if (!sv->stopping) {
		conn_late(c);
	}
	pthread_mutex_unlock(&sv->lock);
	if (e != 0)
		msg("%s: %s", loop_backend, strerror(e));
	if (!parked)
		server_close(c);
}

void
server_linger(struct conn *c)
{
	struct server *sv = c->server;
	bool good;

	pthread_mutex_lock(&sv->lock);
	set_limited(c, false);
	if ((good = !sv->stopping)) {
		c->lingering = true;
		c->since_ns = clock_ns();
		conn_list_add(&sv->lingering, c);
		good = (c->known_to_loop ? loop_change : loop_add)(sv->loop, c->fd, LOOP_READ, c)
		    == 0;
		c->known_to_loop = c->known_to_loop || good;
		if (!good)
			conn_list_remove(&sv->lingering, c);
	}
	pthread_mutex_unlock(&sv->lock);
	if (good)
		pipe_wake(sv->wake[1], 0); /* it may be the first whose time ends */
	else
		server_close(c);
}

static void
end_lingering(struct conn *c)
{
	struct server *sv = c->server;

	pthread_mutex_lock(&sv->lock);
	conn_list_remove(&sv->lingering, c);
	pthread_mutex_unlock(&sv->lock);
	server_close(c);
}

/* End those that have lingered long enough; returns how long the next look may wait. */
static uint64_t
expire_lingering(struct server *sv)
{
	uint64_t now = clock_ns(), end;
	struct conn *c;

	for (;;) {
		pthread_mutex_lock(&sv->lock);
		c = sv->lingering.first;
		end = c ? c->since_ns + CONN_LINGER_NS : 0;
		pthread_mutex_unlock(&sv->lock);
		if (!c)
			return LOOP_FOREVER;
		if (now < end)
			return end - now;
		end_lingering(c);
	}
}

/* What a parked connection awaited has come, or more that is to be thrown away. One whose peer has
 * ended it, and has left nothing, takes no thread: of many that end at once each would have to
 * begin and to end, in the way of those that serve. */
static void
unpark(struct conn *c, bool ends)
{
	struct server *sv = c->server;
	bool lingering;

	/* it was a thread that handed it over */
	pthread_mutex_lock(&sv->lock);
	lingering = c->lingering;
	c->parked = false;
	pthread_mutex_unlock(&sv->lock);
	if (lingering) {
		if (!conn_discard(c))
			end_lingering(c);
	} else if (ends && conn_left_nothing(c)) {
		server_close(c);
	} else {
		server_serve(c);
	}
}

/* End parked connections whose time is over; returns how long the next look may wait. One
 * that a thread parks meanwhile is in the list already or has its whole time before it, so nobody
 * need wake the main thread for it. One that a thread has leaves the list only: if there is no
 * step in what has come, the thread can't park it again. */
static uint64_t
expire(struct server *sv)
{
	uint64_t limit = sv->conf->timeout_ns, now, left;
	struct conn *c;
	bool parked;

	do {
		now = clock_ns();
		parked = false;
		pthread_mutex_lock(&sv->lock);
		left = sv->n_conns > 0 ? limit : LOOP_FOREVER;
		if ((c = sv->limited.first) && now < c->since_ns + limit) {
			left = c->since_ns + limit - now;
			c = NULL;
		} else if (c) {
			set_limited(c, false);
			parked = c->parked && !conn_in_time(c);
		}
		pthread_mutex_unlock(&sv->lock);
		if (parked) {
			conn_late(c);
			server_close(c);
		}
	} while (c);
	return left;
}

/* End the waits of threads for peers whose time is over; returns how long the next look may wait. A
 * thread that begins to wait meanwhile has its whole time before it. As all connections are looked
 * at, that is not done for each; and what a thread says may be as old as a coarse clock. */
static uint64_t
end_waits(struct server *sv)
{
	uint64_t now = clock_ns(), limit = sv->conf->timeout_ns, next = now + limit, until;
	struct conn *c;
	bool any;

	if (!sv->conf->model->watched)
		return LOOP_FOREVER;
	if (now < sv->look_ns)
		return sv->look_ns - now;
	pthread_mutex_lock(&sv->lock);
	any = sv->conns.first != NULL;
	for (c = sv->conns.first; c; c = c->link[CONN_ALL].next) {
		until = atomic_load_explicit(&c->until_ns, memory_order_relaxed);
		if (until == 0)
			continue;
		until += CLOCK_COARSE_NS;
		if (until > now || c->over_ns != until) {
			/* it is over only if it was at the last look: a thread that has not had
			 * its turn may have taken what came in time */
			c->over_ns = until <= now ? until : 0;
			if (until < next)
				next = until > now ? until : now;
		} else if (!conn_has_come(c)) {
			c->late = true;
			shutdown(c->fd, SHUT_RD); /* fails if the peer is gone: it is over, too */
		}
	}
	pthread_mutex_unlock(&sv->lock);
	sv->look_ns = next - now < limit / LOOKS ? now + limit / LOOKS : next;
	return any ? sv->look_ns - now : LOOP_FOREVER;
}

/* ---- accepting ---- */

/* Out of descriptors, threads or processes: wait for a connection to end, or RETRY_NS. */
static void
pause_accept(struct server *sv, const char *what, int e, bool *warned)
{
	struct limits_want want = server_wants(sv->conf);
	char limits[LIMITS_TEXT];
	unsigned n;

	pthread_mutex_lock(&sv->lock);
	n = sv->n_conns;
	pthread_mutex_unlock(&sv->lock);
	if (!*warned) {
		want.tasks_now = n;
		limits_name(e, &want, limits);
		msg("%s: %s (at %u connections, waiting for some to end%s%s)", what, strerror(e), n,
		    limits[0] ? "; " : "", limits);
	}
	*warned = true;
	sv->retry_ns = clock_ns() + RETRY_NS;
}

static void
take_connection(struct server *sv, int fd)
{
	const struct server_conf *conf = sv->conf;
	struct conn *c;

	if (conf->model->blocking && !conf->model->watched
	    && sock_timeout(fd, conf->timeout_ns) < 0) {
		/* the peer is gone already: that is what some systems say then */
		close(fd);
		return;
	}
	if (!(c = new_conn(sv, fd))) {
		close(fd);
		pause_accept(sv, "connection", ENOMEM, &sv->warned_accept);
	} else if (conf->model->parks) {
		c->timing = true;
		server_park(c, LOOP_READ, true);
	} else {
		server_serve(c);
	}
}

/* May the main thread accept now? If not, the next connection that ends wakes it. */
static bool
has_room(struct server *sv)
{
	unsigned max = sv->conf->max_conns;
	bool full, room;

	pthread_mutex_lock(&sv->lock);
	full = sv->n_conns >= max;
	room = !full && !sv->refused.first && sv->retry_ns == 0;
	sv->waits_for_room = !room;
	pthread_mutex_unlock(&sv->lock);
	if (full && !sv->warned_full)
		msg("-c %u: as many connections as that, others wait", max);
	sv->warned_full |= full;
	return room;
}

static void
accept_some(struct server *sv, int listen_fd)
{
	int fd, i;

	for (i = 0; i < ACCEPTS && has_room(sv); i++) {
		fd = sock_accept(listen_fd, sv->conf->addr, sv->conf->model->blocking);
		if (fd >= 0) {
			take_connection(sv, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		/* a peer that has given up is nothing; anything else may last */
		if (errno != ECONNABORTED && errno != EPROTO && errno != EINTR)
			pause_accept(sv, "accept", errno, &sv->warned_accept);
	}
}

/* Try again for those the model had no room for. */
static void
retry(struct server *sv)
{
	struct conn *c;
	int e;

	for (;;) {
		pthread_mutex_lock(&sv->lock);
		c = conn_list_take(&sv->refused);
		pthread_mutex_unlock(&sv->lock);
		if (!c)
			return;
		if ((e = try_serve(c)) != 0) {
			pause_accept(sv, sv->conf->model->name, e, &sv->warned_serve);
			return;
		}
	}
}

/* What a listening socket is in the loop, where all else is a pointer to another type. */
static void *
listener(const struct server *sv, unsigned i)
{
	return (void *)(uintptr_t)&sv->conf->listen_fd[i];
}

static void
set_accepting(struct server *sv, bool on)
{
	unsigned i, interest = on ? LOOP_READ : 0;
	bool good = true;

	for (i = 0; i < sv->conf->n_listen; i++)
		good = loop_change(sv->loop, sv->conf->listen_fd[i], interest, listener(sv, i)) == 0
		    && good;
	if (good)
		sv->accepting = on;
}

/* If it is an event of a listening socket, accept. */
static bool
take_listener(struct server *sv, const void *user)
{
	unsigned i;

	for (i = 0; i < sv->conf->n_listen; i++) {
		if (user == &sv->conf->listen_fd[i]) {
			accept_some(sv, sv->conf->listen_fd[i]);
			return true;
		}
	}
	return false;
}

/* Do what no event asks for; returns how long the loop may wait for the next one. */
static uint64_t
housekeeping(struct server *sv)
{
	uint64_t now, left, lingering, waits;
	bool room;

	if (sv->retry_ns != 0 && clock_ns() >= sv->retry_ns)
		sv->retry_ns = 0;
	if (sv->retry_ns == 0)
		retry(sv);
	room = has_room(sv);
	if (room != sv->accepting)
		set_accepting(sv, room);
	left = expire(sv);
	lingering = expire_lingering(sv);
	left = lingering < left ? lingering : left;
	waits = end_waits(sv);
	left = waits < left ? waits : left;
	if (sv->retry_ns != 0) {
		now = clock_ns();
		now = now < sv->retry_ns ? sv->retry_ns - now : 0;
		left = now < left ? now : left;
	}
	return left;
}

/* ---- life ---- */

static int
serve_until_told(struct server *sv)
{
	struct loop_event ev[EVENTS];
	bool stop = false;
	int i, n;

	while (!stop) {
		if (sv->failed)
			return -1;
		n = loop_wait(sv->loop, ev, EVENTS, housekeeping(sv));
		if (n < 0) {
			msg("%s: %s", loop_backend, strerror(errno));
			return -1;
		}
		for (i = 0; i < n; i++) {
			if (take_listener(sv, ev[i].user))
				continue;
			if (ev[i].user == &sv->conf) {
				stop = sv->conf->control(sv->conf->arg, sv) || stop;
			} else if (ev[i].user == &sv->wake) {
				pipe_drain(sv->wake[0]);
				sv->retry_ns = 0;
			} else {
				unpark(ev[i].user, ev[i].ready & (LOOP_GONE | LOOP_LAST));
			}
		}
	}
	return 0;
}

static void
shut_down(struct conn *c, int how)
{
	/* ends whatever wait for this connection a thread is in; fails if the peer was
	 * quicker, and then that has ended the wait */
	if (c->fd >= 0)
		shutdown(c->fd, how);
}

static void
end_all(struct server *sv)
{
	struct conn *c;

	pthread_mutex_lock(&sv->lock);
	sv->stopping = true;
	sv->waits_for_room = false;
	pthread_mutex_unlock(&sv->lock);
	server_each(sv, shut_down, SHUT_RDWR);
	if (sv->conf->model->end)
		sv->conf->model->end(sv);
	pthread_mutex_lock(&sv->lock);
	while (sv->n_threads > 0)
		pthread_cond_wait(&sv->no_thread, &sv->lock);
	pthread_mutex_unlock(&sv->lock);
	/* parked ones, refused ones, and what the model has left; nobody else is there now */
	while ((c = sv->conns.first))
		server_close(c); /* NOLINT(clang-analyzer-unix.Malloc): takes it off the list */
}

/* Returns 0, or an error number. */
static int
prepare(struct server *sv)
{
	int e = pthread_attr_setstacksize(&sv->small_stack, stack_size());
	unsigned i;

	if (e != 0)
		return e;
	if (pipe_open(sv->wake) < 0 || !(sv->loop = loop_new()))
		return errno;
	for (i = 0; i < sv->conf->n_listen; i++)
		if (loop_add(sv->loop, sv->conf->listen_fd[i], 0, listener(sv, i)) < 0)
			return errno;
	if (loop_add(sv->loop, sv->conf->control_fd, LOOP_READ, &sv->conf) < 0
	    || loop_add(sv->loop, sv->wake[0], LOOP_READ, &sv->wake) < 0)
		return errno;
	return 0;
}

/* All that serving takes is begun, and is taken: is there a descriptor left for a connection?
 * Returns 0, or an error number. */
static int
try_descriptor(const struct server *sv)
{
	int fd = dup(sv->wake[0]);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

int
server_run(const struct server_conf *conf, struct server_usage *usage)
{
	struct server sv = { .conf = conf,
		.started_ns = clock_ns(),
		.wake = { -1, -1 },
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.no_thread = PTHREAD_COND_INITIALIZER,
		.conns.which = CONN_ALL,
		.limited.which = CONN_LIMIT };
	struct limits_want want = server_wants(conf);
	const char *what = "server";
	char text[LIMITS_TEXT];
	bool begun = false;
	int e, r = -1;

	pthread_attr_init(&sv.small_stack); /* allocates nothing, and can't fail */
	if ((e = prepare(&sv)) == 0 && conf->model->begin) {
		what = conf->model->name;
		e = conf->model->begin(&sv);
	}
	if ((begun = e == 0)) {
		what = "no descriptor for a connection";
		e = try_descriptor(&sv);
	}
	if (e != 0)
		msg("%s: %s", what, limits_error(e, &want, text));
	else if (conf->ready(conf->arg) == 0)
		r = serve_until_told(&sv);
	if (begun) {
		end_all(&sv);
		add_usage(usage, &sv.usage);
	}
	close_own(&sv);
	pthread_attr_destroy(&sv.small_stack);
	pthread_cond_destroy(&sv.no_thread);
	pthread_mutex_destroy(&sv.lock);
	return r;
}
