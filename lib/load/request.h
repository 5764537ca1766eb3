/* SPDX-License-Identifier: ISC */
/* The requests outstanding of an event driver, each in two lists: its flow's, and that of all
 * flows, both in the order the requests started. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "client/conn.h"

enum request_list { FLOW, ALL };

struct flow;

struct request {
	struct flow *flow;
	struct {
		struct request *prev, *next;
	} in[2];
	uint64_t due_ns; /* open loop */
	uint64_t start_ns;
	uint64_t lost_bytes;     /* that it sent on connections that were lost */
	enum client_again again; /* it is to be begun again, for this reason */
	bool dialled;            /* it began with connecting */
	bool retried;            /* once it was CLIENT_AGAIN_ONCE */
	bool resent;             /* it was begun again for the other */
};

struct requests {
	struct request *oldest, *newest;
};

/* The request is the newest of the list now. */
static inline void
requests_add(struct requests *l, struct request *r, enum request_list which)
{
	r->in[which].prev = l->newest;
	r->in[which].next = NULL;
	if (l->newest)
		l->newest->in[which].next = r;
	else
		l->oldest = r;
	l->newest = r;
}

/* Take it out of the list. */
static inline void
requests_remove(struct requests *l, struct request *r, enum request_list which)
{
	struct request *prev = r->in[which].prev, *next = r->in[which].next;

	if (prev)
		prev->in[which].next = next;
	else
		l->oldest = next;
	if (next)
		next->in[which].prev = prev;
	else
		l->newest = prev;
}

#endif
