/* SPDX-License-Identifier: ISC */
/* The models there are, and those that are no more than threads which block. */
#include "server/models.h"

#include <stdio.h>
#include <string.h>

#include "server/server.h"

static void
serve_and_close(struct conn *c)
{
	blocking_serve(c);
	server_close(c);
}

static const struct server_model model_thread = {
	.name = "thread",
	.blocking = true,
	.watched = true,
	.work = serve_and_close,
};

/* Idle connections are parked in the main thread's loop; a thread takes one over with the first
 * byte of a request, stays with it until that is answered, and ends. What a pipelining peer has
 * sent along with a request is handed to the next thread. */
static const struct server_model model_request = {
	.name = "request",
	.blocking = true,
	.parks = true,
	.work = blocking_serve_request,
};

static const struct server_model *const models[] = { &model_thread, &model_fork, &model_request,
	&model_pool, &model_event };

#define N_MODELS (sizeof models / sizeof models[0])

const struct server_model *
models_find(const char *name)
{
	size_t i;

	for (i = 0; i < N_MODELS; i++)
		if (strcmp(models[i]->name, name) == 0)
			return models[i];
	return NULL;
}

void
models_list(char *text, size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < N_MODELS && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "", models[i]->name);
}
