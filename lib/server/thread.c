/* SPDX-License-Identifier: ISC */
/* A thread per connection. */
#include "server/blocking.h"
#include "server/server.h"

static void
work(struct conn *c)
{
	blocking_serve(c);
	server_close(c);
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
