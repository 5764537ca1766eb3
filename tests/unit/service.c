/* SPDX-License-Identifier: ISC */
/* The service: names, limits, and sums against Python's. */
#include <stdlib.h>

#include "service.h"
#include "tap.h"

static void
check_names(void)
{
	static const char *const methods[OP_METHODS] = { "ping", "echo", "upload", "download",
		"compute", "sleep", "upload_file", "download_file", "upload_file_chunked",
		"download_file_chunked" };
	char path[64];
	size_t k, n;
	int op;

	for (op = 0; op < OP_METHODS; op++) {
		n = strlen(methods[op]);
		for (k = 0; k <= n; k++)
			path[k] = methods[op][k] == '_' ? '-' : methods[op][k];
		ok(op_by_method(methods[op], n) == (enum op)op, "method %s", methods[op]);
		ok(op_by_path(path, n) == (enum op)op, "path %s", path);
		ok(op_by_method(methods[op], n - 1) == OP_COUNT, "not without its last letter");
		ok(operations[op].nargs
			== (operations[op].arg[0] != NULL) + (operations[op].arg[1] != NULL),
		    "as many arguments as names of them");
		ok(operations[op].sends == (strncmp(path, "upload", 6) == 0 || op == OP_ECHO),
		    "a body if it takes data");
	}
	ok(op_by_path("download-stream", 15) == OP_DOWNLOAD_STREAM, "a path without a method");
	ok(op_by_method("", 0) == OP_COUNT && op_by_path("", 0) == OP_COUNT, "no name is none");
	ok(op_by_method("pingx", 5) == OP_COUNT, "nor is a longer one");
	ok(op_by_method("upload-file", 11) == OP_COUNT && op_by_path("upload_file", 11) == OP_COUNT,
	    "nor one of the other kind");
}

static void
check_sums(void)
{
	/* sum(i * i for i in range(n)) */
	static const struct {
		uint64_t n;
		const char *sum;
	} sums[] = { { 0, "0" }, { 1, "0" }, { 2, "1" }, { 4, "14" }, { 1000, "332833500" },
		{ 100000, "333328333350000" }, { 1000000, "333332833333500000" },
		{ 1000001, "333333833333500000" }, { 4000000, "21333325333334000000" } };
	struct compute c;
	char text[40];
	unsigned slices;
	size_t i, n;

	for (i = 0; i < sizeof sums / sizeof sums[0]; i++) {
		c = (struct compute){ 0, sums[i].n, 0, 0 };
		for (slices = 1; !compute_run(&c); slices++)
			;
		n = compute_text(&c, text);
		is(text, sums[i].sum, "compute");
		ok(n == strlen(text), "its length");
		ok(slices
			== (sums[i].n <= COMPUTE_SLICE
				? 1
				: (sums[i].n + COMPUTE_SLICE - 1) / COMPUTE_SLICE),
		    "in %u slices", slices);
	}
	c = (struct compute){ 0, 0, UINT64_MAX, UINT64_MAX };
	ok(compute_text(&c, text) == 39, "128 bits");
	is(text, "340282366920938463463374607431768211455", "in decimal");
	/* the last step of the largest sum: squares of 32 bits do not overflow */
	c = (struct compute){ COMPUTE_MAX - 1, COMPUTE_MAX, 0, 0 };
	ok(compute_run(&c) && compute_text(&c, text) == 20, "the largest step");
	is(text, "18446744065119617025", "is exact");
}

int
main(void)
{
	struct service sv = { .max_payload = 1000 };
	size_t i;

	check_names();
	check_sums();
	ok(echo_limit(&sv) == 1000, "echo may hold what a payload may be");
	sv.max_payload = ECHO_MAX + 1;
	ok(echo_limit(&sv) == ECHO_MAX, "up to its own limit");
	for (i = 0; i < FILL_SIZE && fill_block('x')[i] == 'x' && fill_block(0)[i] == 0; i++)
		;
	ok(i == FILL_SIZE, "blocks to download");
	ok(operations[OP_DOWNLOAD].fill == 'x' && operations[OP_DOWNLOAD_FILE].fill == 0
		&& operations[OP_DOWNLOAD_FILE_CHUNKED].fill == 0
		&& operations[OP_DOWNLOAD_STREAM].fill == 0,
	    "of the right bytes");
	return done();
}
