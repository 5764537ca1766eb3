/* SPDX-License-Identifier: ISC */
/* What a target on the command line stands for: URL, address, protocol and dialect. */
#ifndef TARGET_H
#define TARGET_H

#include "client/conn.h"

/* Parse a target, which must outlive the client, into a zeroed client. Returns NULL, or
 * what is wrong (static text). */
const char *client_target(struct client *, const char *target);

/* Look up the target's addresses and choose the first. Returns NULL, or why there is none: then
 * no connection can be made, which each one reports with this reason. */
const char *client_resolve(struct client *);

/* Before anything is measured: find out which of the addresses answers and which RPyC dialect the
 * peer speaks, unless the target states it. What can't be found out stays as it was: the first
 * measured connection will fail and report why. A connection that was needed for it is closed, or
 * kept for client_adopt(). */
void client_probe(struct client *, bool keep);

/* Take over the connection that was kept, connected and ready for calls as by client_connect(), for
 * blocking or non-blocking use. False: there is none. Not for several threads at once. */
bool client_adopt(struct client_conn *, bool blocking);

/* Free the list of addresses, and what was kept. */
void client_free(struct client *);

#endif
