/* SPDX-License-Identifier: ISC */
/* bench-lat: latency. One persistent connection, one request at a time, the next as soon
 * as the reply is complete: a closed loop, which a stall of the peer slows down as well,
 * so that it shows once and not in all the requests that would have come meanwhile. With a
 * rate (-r) they do come, and with a depth (-d) several are in flight at a time. */
#include "load/bench.h"

static const struct bench_op ops[] = {
	{ "ping", CALL_PING, false, false, BENCH_UNSIZED },
	{ "echo", CALL_ECHO, true, false, BENCH_SIZED },
	{ "upload", CALL_UPLOAD, true, false, BENCH_ASKED },
	{ "download", CALL_DOWNLOAD, true, false, BENCH_ASKED }
};

static const struct bench_program program = {
	.name = "bench-lat",
	.about = "Measure latency: requests one after the other on one connection.",
	.options = "ntwsodrASKNTCZflRDHvq",
	.counted = "requests",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 1000,
	.warmup = 10,
	.named = true
};

int
main(int argc, char **argv)
{
	struct bench b;
	int status = bench_begin(&b, &program, argc, argv);

	if (status >= 0)
		return status;
	bench_sequence(&b);
	return bench_end(&b);
}
