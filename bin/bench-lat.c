/* SPDX-License-Identifier: ISC */
/* bench-lat: latency. One persistent connection, one request at a time, the next as soon as the
 * reply is complete: a closed loop. A stall of the peer stops the client as well, so it shows in
 * one request and not in all those that users would have sent meanwhile. With a rate (-r) they are
 * sent, and with a depth (-d) several are outstanding at a time. */
#include "load/sequence.h"

static const struct bench_op ops[] = {
	{ .name = "ping", .op = OP_PING, .when = BENCH_UNSIZED },
	{ .name = "echo", .op = OP_ECHO, .sized = true, .when = BENCH_SIZED },
	{ .name = "upload", .op = OP_UPLOAD, .sized = true, .when = BENCH_ASKED },
	{ .name = "download", .op = OP_DOWNLOAD, .sized = true, .when = BENCH_ASKED },
};

static const struct bench_program program = {
	.name = "bench-lat",
	.about = "Measure latency: requests one after the other on one connection.",
	.options = "ntwsodrgASKNTCZfXFliRDyHvqBbPW",
	.counted = "requests",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 1000,
	.warmup = 10,
	.named = true,
	.lasts = true,
	.adopts = true,
	.run = bench_sequence,
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
