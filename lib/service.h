/* SPDX-License-Identifier: ISC */
/* The operations: what servers and clients of both protocols know of each, and the arithmetic
 * behind some. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Settings of a server's command line. */
struct service {
	uint64_t max_payload; /* bytes of one argument or result (-M) */
	bool timed;           /* each operation takes a service time (-d) before it is done */
};

#define ECHO_MAX ((uint64_t)64 << 20)   /* echo holds its data, up to this */
#define COMPUTE_MAX ((uint64_t)1 << 32) /* largest n of compute */
#define SLEEP_MAX_S 9223372036.0        /* longest sleep: as Python's time.sleep */

enum op {
	OP_PING,
	OP_ECHO,
	OP_UPLOAD,
	OP_DOWNLOAD,
	OP_COMPUTE,
	OP_SLEEP,
	OP_UPLOAD_FILE,
	OP_DOWNLOAD_FILE,
	OP_UPLOAD_FILE_CHUNKED,
	OP_DOWNLOAD_FILE_CHUNKED,
	OP_METHODS, /* those above have a method of their own over RPC */

	OP_UPLOAD_STREAM = OP_METHODS,
	OP_DOWNLOAD_STREAM,
	OP_HELLO, /* a connection's first exchange: GETROOT, or GET of the path */
	OP_NAMED, /* the method or path of the target's URL */
	OP_COUNT
};

/* How a payload travels. */
enum op_form {
	FORM_WHOLE,
	FORM_CHUNKED, /* RPC: a list by reference; HTTP: a JSON document */
	FORM_STREAM   /* RPC: pipelined calls; HTTP: Transfer-Encoding: chunked */
};

/* What a successful reply is. */
enum op_reply {
	REPLY_ANY,
	REPLY_PONG,
	REPLY_SIZE,    /* the number of bytes sent */
	REPLY_PAYLOAD, /* these bytes */
	REPLY_FILL,    /* bytes of one value, as many as asked for */
	REPLY_CHUNKS   /* the same, FORM_CHUNKED */
};

struct operation {
	const char *method; /* over RPC: "upload_file"; NULL: none */
	const char *path;   /* over HTTP, without "/": "upload-file"; NULL: none */
	int nargs;          /* 0 to 2; a stream's calls over RPC have one */
	const char *arg[2]; /* parameter names */
	bool sends;         /* the payload is the argument; HTTP: POST with a body, else GET
			     * with arguments in the path (OP_NAMED: if the call is sized) */
	enum op_form form;
	enum op_reply reply;
	unsigned char fill; /* the bytes of REPLY_FILL: 'x' or 0 */
};

extern const struct operation operations[OP_COUNT];

/* The operation whose method (path) is the n bytes at s, or OP_COUNT. Of several with the same
 * it is the one that is not a stream. */
enum op op_by_method(const void *s, size_t n);
enum op op_by_path(const void *s, size_t n);

/* A block of FILL_SIZE bytes of that value ('x' or 0), for out_cycle. Static. */
#define FILL_SIZE 65536
const unsigned char *fill_block(unsigned char value);

/* Most bytes echo may hold: ECHO_MAX, or the payload limit if that is less. */
uint64_t echo_limit(const struct service *);

/* compute(n): the sum of i*i for 0 <= i < n, exact, by doing the work (it stands
 * for a request that needs the processor), in slices so that no other connection is held up. */
struct compute {
	uint64_t i, n;
	uint64_t hi, lo; /* the sum so far: hi * 2^64 + lo */
};
#define COMPUTE_SLICE 1000000

/* Do up to COMPUTE_SLICE more steps; true when finished. Start with {0, n, 0, 0}. */
bool compute_run(struct compute *);

/* The sum as decimal text, NUL-terminated; returns its length. */
size_t compute_text(const struct compute *, char text[40]);

#endif
