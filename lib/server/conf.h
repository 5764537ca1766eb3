/* SPDX-License-Identifier: ISC */
/* A server's configuration, and what it reports. */
#ifndef SERVER_CONF_H
#define SERVER_CONF_H

#include <stdbool.h>
#include <stdint.h>

struct delay_dist;
struct server;
struct server_model;
struct server_protocol;
struct service;
struct sock_addr;

struct server_conf {
	const struct server_protocol *protocol;
	const struct service *service;
	const struct server_model *model;
	const struct delay_dist
	    *dist;            /* of the service times, if the service is timed; else NULL */
	uint64_t seed;        /* of the distribution's random numbers */
	unsigned threads;     /* of the models pool and event */
	unsigned max_conns;   /* at once; more wait in the backlog */
	uint64_t timeout_ns;  /* a peer may be idle, take for one message, and refuse
			       * to receive for this long */
	const int *listen_fd; /* these listen, do not block, and stay the caller's */
	unsigned n_listen;
	const struct sock_addr *addr; /* of one of these: all are of the same kind */

	/* Called by server_run once, when connections can be served from now on. Returns 0,
	 * or -1 after printing a message, for the server to fail. */
	int (*ready)(void *arg);

	/* Called by server_run when control_fd is readable, and must read from it.
	 * Returns true for the server to stop. */
	int control_fd;
	bool (*control)(void *arg, struct server *);
	void *arg;
};

/* The totals of the connections that have ended. A process that was killed takes its share
 * of all but connections with it. */
struct server_usage {
	uint64_t connections;
	uint64_t requests; /* answered, with an error or without */
	uint64_t errors;   /* these, and messages that were no request or took too long */
	uint64_t bytes_in, bytes_out;
	uint64_t user_us, sys_us;        /* processor time of child processes that served */
	uint64_t maxrss_kb;              /* largest of these processes */
	uint64_t voluntary, involuntary; /* their context switches */
	uint64_t faults;                 /* their page faults */
};

#endif
