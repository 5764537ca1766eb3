/* SPDX-License-Identifier: ISC */
/* A thread per connection. */
#include "server/model.h"

static void
work(struct conn *c)
{
	conn_serve(c, false);
	conn_end(c);
}

static int
serve(struct conn *c)
{
	return server_spawn(c, work);
}

const struct server_model model_thread = {
	.name = "thread",
	.blocking = true,
	.serve = serve,
};
