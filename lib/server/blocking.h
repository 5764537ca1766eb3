/* SPDX-License-Identifier: ISC */
/* Driving a connection whose descriptor blocks, from a thread or process of its own. */
#ifndef SERVER_BLOCKING_H
#define SERVER_BLOCKING_H

struct conn;

/* Serve the connection until it is over; the caller closes it. */
void blocking_serve(struct conn *);

/* Serve one request of it, then give the connection back to the server: to be parked, to be
 * served again at once, or closed. */
void blocking_serve_request(struct conn *);

#endif
