/* SPDX-License-Identifier: ISC */
/* bench-file: transfer of large files. For each size each way of the protocols' users:
 * whole, chunked (RPC: a list of which one chunk is fetched per round trip; HTTP: a JSON
 * document of hex strings), and as a stream (RPC: a call per chunk, several under way;
 * HTTP: Transfer-Encoding: chunked). Nothing touches a disk: content is made in memory,
 * or read once (-f), and thrown away by the receiver. */
#include "load/bench.h"

static const struct bench_op ops[] = {
	{ "upload", CALL_UPLOAD_FILE, true, false, BENCH_ALWAYS },
	{ "download", CALL_DOWNLOAD_FILE, true, false, BENCH_ALWAYS },
	{ "upload-chunked", CALL_UPLOAD_CHUNKED, true, true, BENCH_ALWAYS },
	{ "download-chunked", CALL_DOWNLOAD_CHUNKED, true, true, BENCH_ALWAYS },
	{ "upload-stream", CALL_UPLOAD_STREAM, true, true, BENCH_ALWAYS },
	{ "download-stream", CALL_DOWNLOAD_STREAM, true, true, BENCH_ALWAYS }
};

static const struct bench_program program = {
	.name = "bench-file",
	.about = "Measure transfers of large files: whole, chunked and as streams.",
	.options = "ntwskoKNTCZflRDHq",
	.counted = "transfers of each size and kind",
	.ops = ops,
	.nops = sizeof ops / sizeof *ops,
	.count = 3,
	.warmup = 0,
	.sizes = "1536k,128m,500m"
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
