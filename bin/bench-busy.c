/* SPDX-License-Identifier: ISC */
/* bench-busy: isolation. Pings on one connection, while others have the server compute all the
 * time: what is one client's work to another? The pings begin when each of the other connections
 * has had some results, and so is surely at work, and the others go on until the last ping is
 * over; if one of them fails earlier, the pings prove nothing, and the run has failed. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "base/thread.h"
#include "client/target.h"
#include "load/sequence.h"

#define CONNECTIONS 4
#define COMPUTE "compute/1000000" /* some milliseconds of work */
#define READY 5                   /* results of each connection before the pings begin */
#define IN_SIZE 4096

struct load {
	struct client client; /* the target's, with the call that computes */
	char target[4096];
	pthread_mutex_t mutex;
	pthread_cond_t progress;
	unsigned ready; /* connections at work, or over */
	atomic_bool failed;
	atomic_bool over; /* the pings are */
};

struct worker {
	struct load *load;
	struct client_conn conn;
	unsigned char in[IN_SIZE];
	pthread_t thread;
};

/* One more connection is at work, or never will be. */
static void
count_ready(struct load *l)
{
	pthread_mutex_lock(&l->mutex);
	l->ready++;
	pthread_cond_signal(&l->progress);
	pthread_mutex_unlock(&l->mutex);
}

static enum client_result
compute(struct client_conn *c)
{
	static const struct call call = { .op = OP_NAMED };
	enum client_result res = client_ready(c) ? CLIENT_OK : client_connect(c);

	return res == CLIENT_OK ? client_call(c, &call, clock_ns()) : res;
}

/* A thread's life. */
static void *
work(void *arg)
{
	struct worker *w = arg;
	struct load *l = w->load;
	enum client_result res = CLIENT_OK;
	unsigned n = 0;

	while (!atomic_load(&l->over) && (res = compute(&w->conn)) == CLIENT_OK)
		if (n < READY && ++n == READY)
			count_ready(l);
	/* what others fail of is mostly the same */
	if (res != CLIENT_OK && res != CLIENT_STOPPED && !atomic_exchange(&l->failed, true))
		msg("beside the pings: %s", w->conn.error);
	if (n < READY)
		count_ready(l);
	client_close(&w->conn);
	return NULL;
}

/* Returns how many threads were started. */
static unsigned
start(struct load *l, struct worker *w, unsigned n)
{
	unsigned i;
	int e = 0;

	for (i = 0; e == 0 && i < n; i += e == 0) {
		w[i].load = l;
		client_conn_init(&w[i].conn, &l->client, w[i].in, sizeof w[i].in);
		e = thread_start(&w[i].thread, 0, work, &w[i]);
	}
	if (e != 0) {
		thread_lacks(e, i, n);
		atomic_store(&l->failed, true);
	}
	return i;
}

static void
wait_ready(struct load *l, unsigned n)
{
	pthread_mutex_lock(&l->mutex);
	while (l->ready < n)
		pthread_cond_wait(&l->progress, &l->mutex);
	pthread_mutex_unlock(&l->mutex);
}

/* The call that computes, of the same server. */
static bool
make_client(struct load *l, const struct bench *b)
{
	const char *url = b->target[0].url;
	size_t n = strlen(url);
	const char *why = "too long";

	if (n > 0 && url[n - 1] == '/')
		n--;
	l->client = b->target[0].client;
	if (snprintf(l->target, sizeof l->target, "%.*s/" COMPUTE, (int)n, url)
	    < (int)sizeof l->target)
		why = client_target(&l->client, l->target);
	if (why)
		msg("%s: %s", url, why);
	return !why;
}

static int
measure(struct bench *b)
{
	struct load l = { .mutex = PTHREAD_MUTEX_INITIALIZER,
		.progress = PTHREAD_COND_INITIALIZER };
	struct worker *w;
	unsigned i, n;

	if (bench_lacks_descriptors((uint64_t)b->clients + 1 + DRIVER_FDS, "-c: %u connections",
		b->clients))
		return 2;
	w = calloc(b->clients, sizeof *w);
	if (!w || !make_client(&l, b)) {
		if (!w)
			msg("%s", strerror(errno));
		b->failed = true;
		free(w);
		return 0;
	}
	n = start(&l, w, b->clients);
	wait_ready(&l, n);
	b->clients = b->threads = 1; /* the pings' own */
	bench_sequence(b);
	atomic_store(&l.over, true);
	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	b->failed = b->failed || atomic_load(&l.failed);
	free(w);
	return 0;
}

static const struct bench_op ops[] = { { .name = "ping", .op = OP_PING, .when = BENCH_ALWAYS } };

static const struct bench_program program = {
	.name = "bench-busy",
	.about = "Measure isolation: pings beside connections that have the server compute.",
	.options = "ntwcTlRDHq",
	.counted = "pings",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 500,
	.warmup = 10,
	.beside = "connections that compute",
	.clients = CONNECTIONS,
	.run = measure,
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
