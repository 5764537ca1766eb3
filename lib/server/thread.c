/* SPDX-License-Identifier: ISC */
/* A thread per connection. */
#include "server/server.h"

static void
work(struct conn *c)
{
	blocking_serve(c);
	server_close(c);
}

const struct server_model model_thread = {
	.name = "thread",
	.blocking = true,
	.work = work,
};
