/* SPDX-License-Identifier: ISC */
/* A fixed number of threads over a queue of ready connections. As with a thread per
 * request, idle connections are parked in the main thread's loop; one with input goes to
 * the end of the queue, and the next free thread answers one request of it. A thread does not wait
 * for a peer, but for the short gaps of a long transfer: a connection whose request is not
 * complete, or whose answer is not taken, goes back to the loop until there is more to do. So
 * however many peers are slow, the threads are there for the others. */
#include <errno.h>
#include <stdlib.h>

#include "server/server.h"

struct pool {
	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t ready;
	struct conn_list queue;
	bool stop;
};

static struct conn *
take(struct pool *p)
{
	struct conn *c = NULL;

	pthread_mutex_lock(&p->lock);
	while (!p->stop && !(c = conn_list_take(&p->queue)))
		pthread_cond_wait(&p->ready, &p->lock);
	pthread_mutex_unlock(&p->lock);
	return c;
}

static void *
work(void *arg)
{
	struct conn *c;

	while ((c = take(arg)))
		blocking_serve_request(c);
	return NULL;
}

static int
serve(struct conn *c)
{
	struct pool *p = c->server->data;

	pthread_mutex_lock(&p->lock);
	conn_list_add(&p->queue, c);
	pthread_cond_signal(&p->ready);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

static void
end(struct server *sv)
{
	struct pool *p = sv->data;

	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->ready);
	pthread_mutex_unlock(&p->lock);
	server_join_workers(sv);
	pthread_cond_destroy(&p->ready);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int
begin(struct server *sv)
{
	struct pool *p = malloc(sizeof *p);
	int e;

	if (!p)
		return ENOMEM;
	*p = (struct pool){ .lock = PTHREAD_MUTEX_INITIALIZER, .ready = PTHREAD_COND_INITIALIZER };
	sv->data = p;
	if ((e = server_start_workers(sv, work, p, 0)) != 0)
		end(sv);
	return e;
}

const struct server_model model_pool = {
	.name = "pool",
	.threads = 4, /* some of the requests may be waiting */
	.parks = true,
	.hands_back = true,
	.begin = begin,
	.end = end,
	.serve = serve,
};
