/* SPDX-License-Identifier: ISC */
/* A thread per request. Idle connections are parked in the main thread's loop; a thread
 * takes one over with the first byte of a request, stays with it until that is answered,
 * and ends. What a pipelining peer has sent along with a request is handed to the next
 * thread. */
#include "server/server.h"

const struct server_model model_request = {
	.name = "request",
	.blocking = true,
	.parks = true,
	.work = blocking_serve_request,
};
