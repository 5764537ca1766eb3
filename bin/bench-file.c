/* SPDX-License-Identifier: ISC */
/* bench-file: transfer of large files. For each size in each of the ways that users have:
 * whole, chunked (RPC: a list of which one chunk is fetched per round trip; HTTP: a JSON
 * document of hex strings), and as a stream (RPC: a call per chunk, several outstanding;
 * HTTP: Transfer-Encoding: chunked). Nothing touches a disk: content is made in memory,
 * or read once (-f), and thrown away by the receiver. */
#include "load/sequence.h"

static const struct bench_op ops[] = {
	{ .name = "upload", .op = OP_UPLOAD_FILE, .sized = true },
	{ .name = "download", .op = OP_DOWNLOAD_FILE, .sized = true },
	{ .name = "upload-chunked", .op = OP_UPLOAD_FILE_CHUNKED, .sized = true, .chunked = true },
	{ .name = "download-chunked",
	    .op = OP_DOWNLOAD_FILE_CHUNKED,
	    .sized = true,
	    .chunked = true },
	{ .name = "upload-stream", .op = OP_UPLOAD_STREAM, .sized = true, .chunked = true },
	{ .name = "download-stream", .op = OP_DOWNLOAD_STREAM, .sized = true, .chunked = true },
};

static const struct bench_program program = {
	.name = "bench-file",
	.about = "Measure transfers of large files: whole, chunked and as streams.",
	.options = "ntwskoKNTCZflRDyHqBbPSW",
	.counted = "transfers of each size and kind",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 3,
	.warmup = 2,
	.sizes = "1536k,128m,500m",
	.transfers = true,
	.lasts = true,
	.adopts = true,
	.run = bench_sequence,
};

int
main(int argc, char **argv)
{
	return bench_main(argc, argv, &program);
}
