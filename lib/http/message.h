/* SPDX-License-Identifier: ISC */
/* HTTP/1.1 messages (RFC 9112): heads parsed, bodies unframed. No I/O, no connection.
 *
 * A head is gathered until it is complete (in place if it came in one piece), then
 * parsed at once; what comes out points into it. A body is taken from the bytes as
 * they come, run by run, without copying. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define HTTP_LINE_MAX 8192  /* request line (RFC 9112, section 3, asks for 8000) */
#define HTTP_FIELDS_MAX 100 /* fields in the head of a request */

/* ---- heads ---- */

/* A part of a head; not NUL-terminated. */
struct http_span {
	const char *p;
	size_t n;
};

/* Take bytes of a head, at most up to the empty line that ends it, and set *taken. True: it is
 * complete, and *head is all of it: in p if it came whole, else in held, where it stays until
 * that is freed. False: what came so far is in held (all zero to begin with), at most max bytes;
 * if these are max, or held has failed, no more will do. */
bool http_gather(struct buf *held, const unsigned char *p, size_t n, size_t max, size_t *taken,
    struct http_span *head);

/* A message that is refused. */
struct http_refusal {
	int status;    /* of the answer; 0: it is not */
	char why[200]; /* one printable line */
};

/* Refuse it: returns false. What comes from the peer has to be printable. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bool
http_refuse(struct http_refusal *, int status, const char *fmt, ...);

/* Bytes of a peer, printable, to be an argument of the above: http_show(p, n).text */
struct http_shown {
	char text[100];
};
struct http_shown http_show(const void *p, size_t n);

/* What the fields say, as far as it matters here. */
struct http_fields {
	struct http_span type; /* Content-Type; n 0: none */
	uint64_t length;       /* Content-Length */
	bool sized;            /* there is one */
	bool chunked;          /* Transfer-Encoding: chunked */
	bool close;            /* Connection: close */
	bool keep_alive;       /* the sender keeps the connection */
	bool expect_continue;  /* Expect: 100-continue */
	bool expect_other;     /* Expect: anything else */
	unsigned hosts;        /* number of Host fields */
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_OPTIONS,
	HTTP_CONNECT, /* from here on: registered, but not served here */
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_PATCH,
	HTTP_TRACE,
	HTTP_UNKNOWN
};

struct http_request {
	enum http_method method;
	struct http_span name; /* of the method */
	struct http_span path; /* without query; "*" for OPTIONS of the server. Of an absolute
				* target the path only. Percent signs are not decoded. */
	int minor;             /* HTTP/1.minor, 0 or 1 (later ones count as 1) */
	struct http_fields fields;
};

struct http_response {
	int status; /* three digits. What is beyond 100 to 599 stands for an error of the server
		     * (RFC 9110, section 15) */
	struct http_span reason;
	int minor;
	struct http_fields fields;
};

/* Parse the head of a request. False: it is refused with 400, 413, 414, 431, 501 or 505, and the
 * end of such a message can't be found. As RFC 9112, section 2.2, permits, a line may end with a
 * bare LF; a CR anywhere else, a NUL, other control characters, folded lines and blanks before a
 * colon are refused. */
bool http_parse_request(struct http_request *, struct http_span head, struct http_refusal *);

/* Parse the head of a response. A folded line belongs to the field before it, as section 5.2 wants
 * from a user agent. One without content by its status is sized, length 0. */
bool http_parse_response(struct http_response *, struct http_span head, struct http_refusal *);

/* What is wrong with a method, or with a field "Name: value", that the user of a client wants in
 * its requests (static text), or NULL. What frames a message or belongs to the connection is the
 * client's affair, and no field can hold a second one. */
const char *http_bad_method(const char *);
const char *http_bad_field(const char *);

/* Is this the name of the field "Name: value"? It is in lower case. */
bool http_field_is(const char *field, const char *name);

/* Can p[n] be the beginning of a request (response), whose head is not complete? Detects another
 * protocol by its first bytes, where waiting for more could mean waiting for ever. */
bool http_begins_request(const void *p, size_t n, struct http_refusal *);
bool http_begins_response(const void *p, size_t n);

/* "Not Found"; "Unknown" for a status the servers here don't send. */
const char *http_reason(int status);

/* ---- bodies ---- */

enum http_framing {
	HTTP_SIZED, /* left bytes */
	HTTP_CHUNKED,
	HTTP_TO_END /* up to the end of the connection */
};

struct http_body {
	enum http_framing framing;
	uint64_t left;       /* bytes still to come: of the body, or of the current chunk */
	size_t line;         /* length so far of a chunk's line, or of the trailer */
	unsigned char state; /* of the chunked decoder */
	bool padded; /* set by the owner: a chunk's size may have blanks behind it. Not in the
		      * grammar, but some servers send them */
	bool done;
	const char *error; /* the framing is broken: what is wrong (static text) */
};

void http_body_init(struct http_body *, enum http_framing, uint64_t length);

/* Take bytes of a body from p[n]; returns how many, and with *run and *run_n the content
 * (at most one run of it, in p; possibly none). Call again while bytes are left
 * and it is neither done nor in error. Chunk extensions and trailer fields are read over.
 * Chunk lines have to end with CRLF. */
size_t http_body_take(struct http_body *, const unsigned char *p, size_t n,
    const unsigned char **run, size_t *run_n);

#endif
