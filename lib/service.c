/* SPDX-License-Identifier: ISC */
/* The table of operations, and the arithmetic behind some. */
#include "service.h"

#include <string.h>

/* clang-format off */
const struct operation operations[OP_COUNT] = {
	[OP_PING] = { .method = "ping", .path = "ping", .reply = REPLY_PONG },
	[OP_ECHO] = { .method = "echo", .path = "echo", .nargs = 1, .arg = { "data" },
	    .sends = true, .reply = REPLY_PAYLOAD },
	[OP_UPLOAD] = { .method = "upload", .path = "upload", .nargs = 1, .arg = { "data" },
	    .sends = true, .reply = REPLY_SIZE },
	[OP_DOWNLOAD] = { .method = "download", .path = "download", .nargs = 1,
	    .arg = { "size" }, .reply = REPLY_FILL, .fill = 'x' },
	[OP_COMPUTE] = { .method = "compute", .path = "compute", .nargs = 1, .arg = { "n" } },
	[OP_SLEEP] = { .method = "sleep", .path = "sleep", .nargs = 1, .arg = { "duration" } },
	[OP_UPLOAD_FILE] = { .method = "upload_file", .path = "upload-file", .nargs = 1,
	    .arg = { "data" }, .sends = true, .reply = REPLY_SIZE },
	[OP_DOWNLOAD_FILE] = { .method = "download_file", .path = "download-file", .nargs = 1,
	    .arg = { "size" }, .reply = REPLY_FILL },
	[OP_UPLOAD_FILE_CHUNKED] = { .method = "upload_file_chunked",
	    .path = "upload-file-chunked", .nargs = 1, .arg = { "chunks" }, .sends = true,
	    .form = FORM_CHUNKED, .reply = REPLY_SIZE },
	[OP_DOWNLOAD_FILE_CHUNKED] = { .method = "download_file_chunked",
	    .path = "download-file-chunked", .nargs = 2, .arg = { "size", "chunk_size" },
	    .form = FORM_CHUNKED, .reply = REPLY_CHUNKS },
	[OP_UPLOAD_STREAM] = { .method = "upload_file", .path = "upload-file", .nargs = 1,
	    .arg = { "data" }, .sends = true, .form = FORM_STREAM, .reply = REPLY_SIZE },
	[OP_DOWNLOAD_STREAM] = { .method = "download_file", .path = "download-stream", .nargs = 2,
	    .arg = { "size", "chunk_size" }, .form = FORM_STREAM, .reply = REPLY_FILL },
	[OP_HELLO] = { .path = "ping", .reply = REPLY_PONG },
	[OP_NAMED] = { .sends = true },
};
/* clang-format on */

static bool
is_name(const char *name, const void *s, size_t n)
{
	return name && strlen(name) == n && memcmp(name, s, n) == 0;
}

enum op
op_by_method(const void *s, size_t n)
{
	int op = 0;

	while (op < OP_COUNT && !is_name(operations[op].method, s, n))
		op++;
	return (enum op)op;
}

enum op
op_by_path(const void *s, size_t n)
{
	int op = 0;

	while (op < OP_COUNT && !is_name(operations[op].path, s, n))
		op++;
	return (enum op)op;
}

/* Arrays that nobody writes, so that threads share them without a lock and forked children without
 * a copy. The zeros are not const: then they take no room in the program's file. A string literal
 * may have no more than 4095 characters in portable C. */
#define X4 'x', 'x', 'x', 'x'
#define X16 X4, X4, X4, X4
#define X64 X16, X16, X16, X16
#define X256 X64, X64, X64, X64
#define X1K X256, X256, X256, X256
#define X4K X1K, X1K, X1K, X1K
#define X16K X4K, X4K, X4K, X4K

static const unsigned char fill_x[] = { X16K, X16K, X16K, X16K };
static unsigned char fill_zero[FILL_SIZE];

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
		square = i * i; /* i < COMPUTE_MAX: it fits */
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
	uint32_t limb[4] = { (uint32_t)(c->hi >> 32), (uint32_t)c->hi, (uint32_t)(c->lo >> 32),
		(uint32_t)c->lo };
	char digit[40], *p = digit + sizeof digit;
	uint64_t rest;
	size_t i, n;

	do {
		for (rest = 0, i = 0; i < 4; i++) {
			rest = rest << 32 | limb[i];
			limb[i] = (uint32_t)(rest / 10);
			rest %= 10;
		}
		*--p = (char)('0' + rest);
	} while (limb[0] | limb[1] | limb[2] | limb[3]);
	n = (size_t)(digit + sizeof digit - p);
	memcpy(text, p, n);
	text[n] = '\0';
	return n;
}
