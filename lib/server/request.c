/* SPDX-License-Identifier: ISC */
/* A thread per request. Idle connections are parked in the main thread's loop; a thread
 * takes one over with the first byte of a request, stays with it until that is answered,
 * and ends. What a pipelining peer has sent along with a request is handed to the next
 * thread. */
#include "server/blocking.h"
#include "server/server.h"

static int
serve(struct conn *c)
{
	return server_spawn(c, blocking_serve_request);
}

const struct server_model model_request = {
	.name = "request",
	.blocking = true,
	.parks = true,
	.serve = serve,
};
