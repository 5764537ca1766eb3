/* SPDX-License-Identifier: ISC */
/* A fixed number of threads over a queue of ready connections. As with a thread per
 * request, idle connections are parked in the main thread's loop; one with input goes to
 * the end of the queue, and the next free thread answers one request of it. A request that
 * comes slowly, or whose answer is taken slowly, occupies its thread until it is done. */
#include "server/model.h"

#include <errno.h>
#include <stdlib.h>

struct pool {
	pthread_mutex_t lock;           /* over the queue and stop */
	pthread_cond_t ready;
	struct conn_list queue;
	bool stop;
	unsigned n;
	pthread_t thread[];
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
	struct pool *p = arg;
	struct conn *c;

	while ((c = take(p))) {
		if (conn_serve(c, true) == CONN_ENDED)
			conn_end(c);
		else if (c->keep)
			server_serve(c);
		else
			server_park(c);
	}
	return NULL;
}

static int
serve(struct conn *c)
{
	struct pool *p = server_data(c->server);

	pthread_mutex_lock(&p->lock);
	conn_list_add(&p->queue, c);
	pthread_cond_signal(&p->ready);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

static void
end(struct server *sv)
{
	struct pool *p = server_data(sv);
	unsigned i;

	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->ready);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->n; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->ready);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int
begin(struct server *sv)
{
	unsigned n = server_conf(sv)->threads;
	pthread_attr_t attr;
	struct pool *p;
	int e;

	if (!(p = calloc(1, sizeof *p + n * sizeof p->thread[0])))
		return ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->ready, NULL);
	server_set_data(sv, p);
	if ((e = pthread_attr_init(&attr)) == 0) {
		e = pthread_attr_setstacksize(&attr, server_stack_size());
		for (; e == 0 && p->n < n; p->n += e == 0)
			e = pthread_create(&p->thread[p->n], &attr, work, p);
		pthread_attr_destroy(&attr);
	}
	if (e != 0)
		end(sv);
	return e;
}

const struct server_model model_pool = {
	.name = "pool",
	.threads = 4,           /* some of the requests may be waiting */
	.blocking = true,
	.parks = true,
	.begin = begin,
	.end = end,
	.serve = serve,
};
