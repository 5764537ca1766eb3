/* SPDX-License-Identifier: ISC */
/* The service both servers offer: its table of operations, and the arithmetic behind them. */
#include "service.h"

#include <string.h>

const struct op_spec op_specs[OP_COUNT] = {
	[OP_PING] = { "ping", "ping", 0, { NULL, NULL }, false },
	[OP_ECHO] = { "echo", "echo", 1, { "data", NULL }, true },
	[OP_UPLOAD] = { "upload", "upload", 1, { "data", NULL }, true },
	[OP_DOWNLOAD] = { "download", "download", 1, { "size", NULL }, false },
	[OP_COMPUTE] = { "compute", "compute", 1, { "n", NULL }, false },
	[OP_SLEEP] = { "sleep", "sleep", 1, { "duration", NULL }, false },
	[OP_UPLOAD_FILE] = { "upload_file", "upload-file", 1, { "data", NULL }, true },
	[OP_DOWNLOAD_FILE] = { "download_file", "download-file", 1, { "size", NULL }, false },
	[OP_UPLOAD_FILE_CHUNKED] = { "upload_file_chunked", "upload-file-chunked", 1,
	    { "chunks", NULL }, true },
	[OP_DOWNLOAD_FILE_CHUNKED] = { "download_file_chunked", "download-file-chunked", 2,
	    { "size", "chunk_size" }, false },
};

enum op
op_by_method(const void *s, size_t n)
{
	int op;

	for (op = 0; op < OP_COUNT; op++)
		if (strlen(op_specs[op].method) == n && memcmp(op_specs[op].method, s, n) == 0)
			break;
	return (enum op)op;
}

enum op
op_by_path(const void *s, size_t n)
{
	int op;

	for (op = 0; op < OP_COUNT; op++)
		if (strlen(op_specs[op].path) == n && memcmp(op_specs[op].path, s, n) == 0)
			break;
	return (enum op)op;
}

unsigned char
op_fill(enum op op)
{
	return op == OP_DOWNLOAD ? 'x' : 0;
}

/* Constant arrays, so that threads share them without a lock and forked children without a
 * copy. A string literal may have no more than 4095 characters in portable C. */
#define X4 'x', 'x', 'x', 'x'
#define X16 X4, X4, X4, X4
#define X64 X16, X16, X16, X16
#define X256 X64, X64, X64, X64
#define X1K X256, X256, X256, X256
#define X4K X1K, X1K, X1K, X1K
#define X16K X4K, X4K, X4K, X4K

static const unsigned char fill_x[] = { X16K, X16K, X16K, X16K };
static const unsigned char fill_zero[FILL_SIZE];

_Static_assert(sizeof fill_x == FILL_SIZE, "fill_block's two blocks are of one size");

const unsigned char *
fill_block(unsigned char value)
{
	return value == 'x' ? fill_x : fill_zero;
}

uint64_t
echo_limit(const struct service *sv)
{
	return sv->max_payload < ECHO_MAX ? sv->max_payload : ECHO_MAX;
}

bool
compute_run(struct compute *c)
{
	uint64_t end = c->n - c->i < COMPUTE_SLICE ? c->n : c->i + COMPUTE_SLICE;
	uint64_t i, square, hi = c->hi, lo = c->lo;

	for (i = c->i; i < end; i++) {
		square = i * i;         /* i < COMPUTE_MAX: it fits */
		lo += square;
		hi += lo < square;
	}
	c->hi = hi;
	c->lo = lo;
	c->i = end;
	return end == c->n;
}

size_t
compute_text(const struct compute *c, char text[40])
{
	/* 128 bits in base 2^32, divided by ten again and again */
	uint32_t limb[4] = {
		(uint32_t)(c->hi >> 32), (uint32_t)c->hi, (uint32_t)(c->lo >> 32), (uint32_t)c->lo,
	};
	char digit[40];
	uint64_t rest;
	size_t i, n = 0;

	do {
		for (rest = 0, i = 0; i < 4; i++) {
			rest = rest << 32 | limb[i];
			limb[i] = (uint32_t)(rest / 10);
			rest %= 10;
		}
		digit[n++] = (char)('0' + rest);
	} while (limb[0] | limb[1] | limb[2] | limb[3]);
	for (i = 0; i < n; i++)
		text[i] = digit[n - 1 - i];
	text[n] = '\0';
	return n;
}
