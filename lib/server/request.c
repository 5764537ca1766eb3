/* SPDX-License-Identifier: ISC */
/* A thread per request. Idle connections are parked in the main thread's loop; a thread
 * takes one over with the first byte of a request, stays with it until that is answered,
 * and ends. What a pipelining peer has sent along with a request is handed to the next
 * thread. */
#include "server/model.h"

static void
work(struct conn *c)
{
	if (conn_serve(c, true) == CONN_ENDED)
		conn_end(c);
	else if (c->keep)
		server_serve(c);
	else
		server_park(c);
}

static int
serve(struct conn *c)
{
	return server_spawn(c, work);
}

const struct server_model model_request = {
	.name = "request",
	.blocking = true,
	.parks = true,
	.serve = serve,
};
