/* SPDX-License-Identifier: ISC */
/* What a target on the command line stands for: URL, address, protocol and dialect. */
#ifndef TARGET_H
#define TARGET_H

#include "client/conn.h"

/* Parse a target, which must outlive the client, into a zeroed client. Returns NULL, or
 * what is wrong (static text). */
const char *client_target(struct client *, const char *target);

/* Look up the target's addresses and choose the first. Returns NULL, or why not. */
const char *client_resolve(struct client *);

/* Before anything is measured: find out which of the addresses answers and, on a connection
 * of its own, which RPyC dialect the peer speaks. What can't be found out stays as it was:
 * the first measured connection will fail and report why. */
void client_probe(struct client *);

/* Free the list of addresses. */
void client_free(struct client *);

#endif
