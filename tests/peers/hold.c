/* SPDX-License-Identifier: ISC */
/* Connections that do nothing: what they cost a server, and whether those that stop reading
 * hold up others.
 *
 * usage: hold [-d bytes] url count
 *
 * Makes the connections, one after the other, and sees a reply on each. With -d each then
 * asks for a download of so many bytes, of which it reads none. Prints "ready", and ends
 * when stdin does. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/target.h"
#include "base/msg.h"
#include "base/num.h"

#define IN_SIZE 4096
#define TIMEOUT_NS ((uint64_t)30 * 1000000000)

_Noreturn static void
die(const char *what, const char *why)
{
	fprintf(stderr, "hold: %s: %s\n", what, why);
	exit(1);
}

static void
raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max;
	/* where that is refused, a lack shows when it is one */
	setrlimit(RLIMIT_NOFILE, &r);
}

static void
open_one(struct client_conn *c, const struct call *download)
{
	static const struct call ping = { .op = OP_PING };
	enum client_result r = client_connect(c);
	void *token;

	if (r == CLIENT_OK)
		r = client_call(c, &ping, c->dialled_ns);
	if (r != CLIENT_OK)
		die("connection", c->error);
	if (download->size > 0) {
		client_begin(c, download, c);
		client_send(c);
		if (client_next(c, &token) != CLIENT_BUSY)
			die("connection", c->error);
	}
}

int
main(int argc, char **argv)
{
	static unsigned char in[IN_SIZE];
	struct client cl = { .timeout_ns = TIMEOUT_NS };
	struct call download = { .op = OP_DOWNLOAD };
	struct client_conn *conn;
	const char *why = NULL;
	uint64_t count = 0, i;
	int opt;

	while ((opt = getopt(argc, argv, "d:")) != -1) {
		if (opt != 'd')
			return 2;
		if ((why = num_size(optarg, 1, UINT64_MAX / 2, &download.size)))
			die(optarg, why);
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: hold [-d bytes] url count\n");
		return 2;
	}
	if ((why = num_count(argv[optind + 1], 1, 1000000, &count)))
		die(argv[optind + 1], why);
	if ((why = client_target(&cl, argv[optind])) || (why = client_resolve(&cl)))
		die(argv[optind], why);
	raise_descriptors();
	client_probe(&cl, false);
	if (!(conn = calloc(count, sizeof *conn)))
		die("memory", "too little");
	for (i = 0; i < count; i++) {
		client_conn_init(&conn[i], &cl, in, sizeof in);
		conn[i].index = (unsigned)i;
		open_one(&conn[i], &download);
	}
	if (puts("ready") == EOF || fflush(stdout) != 0)
		die("stdout", "can't be written");
	while (getchar() != EOF)
		;
	for (i = 0; i < count; i++)
		client_close(&conn[i]);
	free(conn);
	client_free(&cl);
	return 0;
}
