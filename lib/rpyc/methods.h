/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: the methods of the service. */
#ifndef RPYC_METHODS_H
#define RPYC_METHODS_H

#include "rpyc/session.h"

/* The name of method number i, or NULL beyond the last. */
const char *rpyc_method_name(size_t i);

/* The method of that name ("ping" or "exposed_ping"), or RPYC_METHODS. */
size_t rpyc_method_find(const void *name, size_t n);

/* Call a method and answer. whole is the boxed argument tuple of the request, which holds
 * args and kwargs. True: the call goes on (it waits for the peer, or for its service
 * time), and its references are released when it ends. */
bool rpyc_call(struct rpyc_session *, size_t method, struct rpyc_items args,
    struct rpyc_items kwargs, struct brine whole);

/* The service time of the call that waited for it has passed: do the call. */
void rpyc_call_due(struct rpyc_session *);

#endif
