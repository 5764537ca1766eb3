/* SPDX-License-Identifier: ISC */
/* bench-idle: what memory an idle connection takes of its server. The server's memory, then many
 * connections one after the other, on each of which there is one reply, then its memory again.
 * Counted is what is the server's own, its children included; what several of these processes
 * share is divided by their number, and files such as the program's text are not counted (Linux:
 * Pss_Anon). What the kernel keeps for sockets and processes is not in it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "client/target.h"
#include "load/bench.h"

#define IN_SIZE 16384

static const struct call hello = { .op = OP_HELLO };

/* ---- memory ---- */

/* Add that of one process to *kb. False: it has ended, or the system does not report it. */
static bool
add_process(long pid, uint64_t *kb)
{
	static const char key[] = "Pss_Anon:";
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", pid);
	if (!(f = fopen(path, "r")))
		return false;
	while (!found && fgets(line, sizeof line, f))
		found = strncmp(line, key, sizeof key - 1) == 0;
	fclose(f);
	if (found)
		*kb += strtoull(line + sizeof key - 1, NULL, 10);
	return found;
}

/* That of the server and its children, which this process may be one of. False: not known. */
static bool
memory(long server, uint64_t *kb)
{
	char path[64], *list = NULL, *p, *end;
	size_t size = 0;
	long pid;
	FILE *f;

	*kb = 0;
	if (!add_process(server, kb))
		return false;
	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", server, server);
	if (!(f = fopen(path, "r")))
		return false;
	/* one line, or none */
	if (getline(&list, &size, f) > 0) {
		for (p = list; (pid = strtol(p, &end, 10)) > 0; p = end)
			if (pid != (long)getpid())
				add_process(pid, kb); /* one that has ended meanwhile has none */
	}
	free(list);
	fclose(f);
	return true;
}

/* ---- connections ---- */

/* Open them all; returns whether each had its reply, and no signal came. */
static bool
connect_all(const struct bench *b, struct client_conn *c)
{
	enum client_result res = CLIENT_OK;
	uint64_t i;

	for (i = 0; i < b->count && res == CLIENT_OK && !bench_stopped(b); i++) {
		if ((res = client_dial(&c[i])) == CLIENT_OK)
			res = client_call(&c[i], &hello, c[i].dialled_ns);
		if (res != CLIENT_OK && res != CLIENT_STOPPED)
			msg("connection %" PRIu64 " of %" PRIu64 ": %s", i + 1, b->count,
			    c[i].error);
	}
	return res == CLIENT_OK && !bench_stopped(b);
}

/* Are all of them still open? A peer may have closed those that came first while others were made:
 * then it holds fewer of them than are counted. */
static bool
all_open(const struct bench *b, struct client_conn *c)
{
	uint64_t now = clock_ns(), i;

	for (i = 0; i < b->count; i++) {
		client_look(&c[i], now);
		if (client_ready(&c[i]))
			continue;
		msg("connection %" PRIu64 " of %" PRIu64 ": %s: closed by the peer while others "
		    "were made",
		    i + 1, b->count, c[i].client->address);
		return false;
	}
	return true;
}

static void
print(const struct bench *b, bool known, uint64_t base, uint64_t held)
{
	if (b->header)
		puts("label\tconnections\tbase_kb\theld_kb\tkb_per_connection");
	printf("%s\t%" PRIu64, b->target[0].label, b->count);
	if (known)
		printf("\t%" PRIu64 "\t%" PRIu64 "\t%.3f\n", base, held,
		    ((double)held - (double)base) / (double)b->count);
	else
		puts("\tNA\tNA\tNA");
}

static int
measure(struct bench *b)
{
	long server = b->server ? b->server : (long)getppid();
	uint64_t base, held, i;
	struct client_conn *c;
	unsigned char *in;
	bool known;

	if (bench_lacks_descriptors(b->count, "-n: %" PRIu64 " connections", b->count))
		return 2;
	known = memory(server, &base);
	client_probe(&b->target[0].client, false);
	c = calloc((size_t)b->count, sizeof *c);
	in = malloc(IN_SIZE);
	for (i = 0; c && i < b->count; i++) {
		client_conn_init(&c[i], &b->target[0].client, in, IN_SIZE);
		c[i].index = (unsigned)i;
	}
	if (!c || !in) {
		msg("%s", strerror(errno));
		b->failed = true;
	} else if (connect_all(b, c)) {
		known = memory(server, &held) && known;
		if (all_open(b, c))
			print(b, known, base, held);
		else
			b->failed = true;
	} else {
		b->failed = true;
	}
	for (i = 0; c && i < b->count; i++)
		client_close(&c[i]);
	free(c);
	free(in);
	return 0;
}

static const struct bench_op ops[] = {
	{ .name = "first-reply", .op = OP_HELLO, .when = BENCH_ALWAYS }
};

static const struct bench_program program = {
	.name = "bench-idle",
	.about = "Measure the memory that a server takes per idle connection.",
	.options = "npTlHq",
	.counted = "connections",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 200,
	.path = true,
	.probes = true,
	.run = measure,
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
