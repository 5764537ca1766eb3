/* SPDX-License-Identifier: ISC */
/* bench-bw: bandwidth. For each size uploads, then downloads, on one connection, each as one
 * message that is written and read as fast as the peer goes. Only payload bytes count: headers and
 * encoding take time but are not counted. */
#include "load/sequence.h"

static const struct bench_op ops[] = {
	{ .name = "upload", .op = OP_UPLOAD, .sized = true },
	{ .name = "download", .op = OP_DOWNLOAD, .sized = true },
};

static const struct bench_program program = {
	.name = "bench-bw",
	.about = "Measure bandwidth: uploads, then downloads, of each size on one connection.",
	.options = "ntwsoKNTCZflRDyHqBbPSW",
	.counted = "transfers of each size and direction",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 10,
	.warmup = 1,
	.sizes = "1k,10k,100k,1m",
	.lasts = true,
	.adopts = true,
	.run = bench_sequence,
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
