/* SPDX-License-Identifier: ISC */
/* A server that misbehaves in the way its argument names, for the tests of the clients.
 *
 * usage: bad_peer NAME     (without one it lists the names)
 *
 * Listens on a free port of 127.0.0.1, prints "127.0.0.1:PORT" and closes stdout. Each connection
 * has a thread that knows just enough of a protocol to find the requests: the first frame over
 * RPC gets a proper root object in the peer's dialect, every later one (over HTTP every
 * request head) the words of the table. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TEXT(s) (s), sizeof(s) - 1, 0
#define WORDS(s) .words = (s), .n = sizeof(s) - 1
#define TRICKLE_NS 10000000 /* between two bytes */

enum protocol { NONE, RPC, HTTP };

#define LATE_NS 900000000L
#define WELL 14 /* connections */

enum then {
	KEEP, /* wait for the next request */
	CLOSE,
	RESET, /* close with a reset */
	HANG,  /* send nothing any more, until the peer closes */
	FLOOD, /* send the words again and again */
	EXIT,  /* as CLOSE, and with it the listening socket */
	VANISH /* end, all connections and the listening socket with it */
};

struct behaviour {
	const char *name;
	enum protocol protocol;
	/* RPC: type and sequence number (bytes 0 and 2 of the payload, at 5 and 7 here) are put in;
	 * type is that of the message. */
	const char *words;
	size_t n;
	size_t again; /* FLOOD: what is repeated begins here */
	enum then then;
	unsigned type;  /* RPC: 1 request, 2 reply, 3 exception */
	unsigned after; /* so many proper pongs come first (VANISH: over all connections) */
	unsigned flags;
};

enum {
	SLOWLY = 1,    /* one byte a segment */
	RAW = 2,       /* RPC: no type, no number put in */
	AT_ONCE = 4,   /* before any request */
	OTHER_SEQ = 8, /* RPC: the number is left as it is */
	ZIPPED = 16,   /* RPC: type and number are 7 bytes further, in a stored block */
	TRICKLE = 32,  /* FLOOD: one byte a segment, with a pause before each */
	LINGER = 64,   /* CLOSE: read on until the peer has closed, too: a reset, for requests that
			* came behind, could reach it before the reply does (RFC 9112, section 9.6) */
	LATE = 128,    /* nearly a second after the request */
	ONCE = 256,    /* the words once: behind them pongs again */
	MISSED = 512,  /* the first two connections of all are closed at once */
	RECORD = 1024, /* HTTP: a line of stderr for each request: see record() */
	FIVE = 2048,   /* RPC: a message in dialect 6 is met with silence, */
	SIX = 4096,    /* RPC: one in dialect 5 */
	ASKS = 8192,   /* RPC: as a service that reads conn.root: see ask() */
	FALTERS = 1 << 14, /* the first connection of all ends with its first request */
	FULL = 1 << 15,    /* HTTP: the first WELL connections of all get pongs */
	DEAF = 1 << 16,    /* it takes no more than WELL: the listening socket is closed, */
	SINGLE = 1 << 17,  /* no more than one */
	ALONE = 1 << 18,   /* on one connection only: all requests on others get proper pongs */
	DAWDLE = 1 << 19,  /* nearly a second after the words before it reads on */
	UNHEARD = 1 << 20  /* the port is taken, and nobody listens there */
};

/* clang-format off */
/* A compressed reply up to its value: flags 1, the stream's header, a stored block of len
 * (and its complement) bytes. */
#define ZIP_HEAD(len) "\x01" "\x78\x01" "\x00" len "\x12\x52\x51" "\x11\x51"

#define FIELDS_10 "A: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n"
#define FIELDS_100 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 FIELDS_10 \
	FIELDS_10 FIELDS_10

static const char pong_rpc[] = "\0\0\0\x0b\0" "\x12\x52\x51" "\x11\x51\x08\x0d" "pong\n";
static const char pong_http[] =
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n"
	"{\"response\":\"pong\"}";

static const struct behaviour behaviours[] = {
	{ "refused", NONE, TEXT(""), HANG, 0, 0, UNHEARD },
	{ "silent", NONE, TEXT(""), HANG, 0, 0, 0 },
	{ "close", NONE, TEXT(""), CLOSE, 0, 0, AT_ONCE },
	{ "close-later", NONE, TEXT(""), CLOSE, 0, 0, 0 },
	{ "reset", NONE, TEXT(""), RESET, 0, 0, 0 },
	{ "garbage", NONE, TEXT("\x8f\x01\xfe\x1b[31m\0\r\n\r\nzzzzzzzzzzzzzzzzzzzzzzzzz"), HANG, 0, 0, 0 },
	{ "garbage-first", NONE, TEXT("220 mail.example ESMTP\r\n"), HANG, 0, 0, AT_ONCE },
	{ "flood", NONE, TEXT("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
	  FLOOD, 0, 0, 0 },

	{ "rpc-pong", RPC, TEXT(pong_rpc), KEEP, 2, 0, 0 },
	{ "rpc-slow", RPC, TEXT(pong_rpc), KEEP, 2, 0, SLOWLY },
	{ .name = "rpc-five", .protocol = RPC, WORDS(pong_rpc), .type = 2, .flags = FIVE },
	{ .name = "rpc-six", .protocol = RPC, WORDS(pong_rpc), .type = 2, .flags = SIX },
	{ .name = "rpc-single", .protocol = RPC, WORDS(pong_rpc), .type = 2, .flags = SINGLE },
	{ .name = "rpc-reads-root", .protocol = RPC, WORDS(pong_rpc), .type = 2, .flags = ASKS },
	{ .name = "rpc-falters", .protocol = RPC, WORDS(pong_rpc), .type = 2, .flags = FALTERS },
	{ .name = "rpc-close-slowly", .protocol = RPC, WORDS(""), .then = CLOSE, .flags = RAW | LATE },
	{ "rpc-close-after-3", RPC, TEXT(""), CLOSE, 2, 3, RAW },
	{ "rpc-reset-after-3", RPC, TEXT(""), RESET, 2, 3, RAW },
	{ "rpc-silent-after-3", RPC, TEXT(""), HANG, 2, 3, RAW },
	{ "rpc-wrong-pong", RPC, TEXT("\0\0\0\x0b\0" "\x12\x52\x51" "\x11\x51\x08\x0d" "ping\n"),
	  KEEP, 2, 0, 0 },
	{ "rpc-wrong-type", RPC, TEXT("\0\0\0\x06\0" "\x12\x52\x51" "\x11\x51\x52\n"), KEEP, 2, 0, 0 },
	{ "rpc-wrong-length", RPC, TEXT("\0\0\0\x09\0" "\x12\x52\x51" "\x11\x51\x0c" "xxx\n"),
	  KEEP, 2, 0, 0 },
	{ "rpc-exception", RPC,
	  TEXT("\0\0\0\x25\0" "\x12\x53\x51" "\x13" "\x11\x08\x0e\x08" "builtins" "\x08\x0e\x08" "KeyError"
	       "\x10\x08\x0d" "lost" "\x02\x08\x01\n"), KEEP, 3, 0, 0 },
	{ "rpc-evil-exception", RPC,
	  TEXT("\0\0\0\x25\0" "\x12\x53\x51" "\x13" "\x11\x08\x0e\x08" "builtins" "\x08\x0e\x08" "Key\x1b[31m"
	       "\x10\x08\x0d" "\nA\tB" "\x02\x08\x01\n"), KEEP, 3, 0, 0 },
	{ "rpc-truncated", RPC, TEXT("\0\0\0\x20\0" "\x12\x52\x51" "\x11\x51\x08\x0d" "pon"), CLOSE, 2, 0, 0 },
	{ "rpc-half", RPC, TEXT("\0\0\0\x20\0" "\x12\x52\x51" "\x11\x51\x08\x0d" "pon"), HANG, 2, 0, 0 },
	{ "rpc-huge", RPC, TEXT("\xff\xff\xff\xff\0" "\x12\x52\x51" "\x11\x51\x0f\xff\xff\xff\xf0" "xxxx"),
	  FLOOD, 2, 0, 0 },
	{ "rpc-bad-tag", RPC, TEXT("\0\0\0\x04\0" "\x12\x52\x51" "\xf0\n"), HANG, 2, 0, 0 },
	{ "rpc-bad-zlib", RPC, TEXT("\0\0\0\x06\x01" "\x78\x01\xff\xff\xff\xff\n"), HANG, 2, 0, RAW },
	{ "rpc-deep", RPC, TEXT("\0\0\0\x20\0" "\x12\x52\x51"
	  "\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10"
	  "\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x02\n"), HANG, 2, 0, 0 },
	{ "rpc-other-seq", RPC, TEXT("\0\0\0\x09\0" "\x12\x52\xef" "\x11\x51\x08\x0b" "no\n"),
	  HANG, 2, 0, OTHER_SEQ },
	{ .name = "rpc-cut-length", .protocol = RPC, WORDS("\0\0\0"), .then = CLOSE, .flags = RAW },
	{ .name = "rpc-cut-head", .protocol = RPC, WORDS("\0\0\0\x0b\0" "\x12\x52\x51"), .then = CLOSE,
	  .type = 2 },
	{ .name = "rpc-reset-body", .protocol = RPC,
	  WORDS("\0\0\0\x20\0" "\x12\x52\x51" "\x11\x51\x08\x0d" "pon"),
	  .then = RESET, .type = 2 },
	{ .name = "rpc-garbage", .protocol = RPC,
	  WORDS("\x8f\x01\xfe\x1b[31m\0\r\n\r\nzzzzzzzzzzzzzzzzzz"),
	  .then = HANG, .flags = RAW },
	{ .name = "rpc-claim-4g", .protocol = RPC, WORDS("\xff\xff\xff\xff\0" "\x12\x52\x51" "\x11\x51"),
	  .then = HANG, .type = 2 },
	{ .name = "rpc-claim-zip", .protocol = RPC, .words = "\xff\xff\xff\xff\x01\x78\x01", .n = 7,
	  .then = HANG, .flags = RAW },
	{ .name = "rpc-claim-2g", .protocol = RPC,
	  WORDS("\x80\0\0\0\0" "\x12\x52\x51" "\x11\x51\x0f\x7f\xff\xff\xf0"),
	  .then = HANG, .type = 2 },
	{ .name = "rpc-claim-1m", .protocol = RPC,
	  WORDS("\0\x0f\xff\xff\0" "\x12\x52\x51" "\x11\x51\x0f\0\x0f\xff\xf0"),
	  .then = HANG, .type = 2 },
	{ .name = "rpc-overflow", .protocol = RPC,
	  WORDS("\0\0\0\x0e\0" "\x12\x52\x51" "\x11\x51\x0f\xff\xff\xff\xff" "pong\n"),
	  .then = HANG, .type = 2 },
	{ .name = "rpc-trickle", .protocol = RPC,
	  WORDS("\0\x0f\xff\xff\0" "\x12\x52\x51" "\x11\x51\x0f\0\x0f\xff\xf0" "xxxx"),
	  .then = FLOOD, .type = 2, .flags = TRICKLE, .again = 15 },
	{ .name = "rpc-zip-truncated", .protocol = RPC,
	  WORDS("\0\0\0\x0e" ZIP_HEAD("\x0b\0\xf4\xff") "\x08\x0d" "\n"),
	  .then = HANG, .type = 2, .flags = ZIPPED },
	{ .name = "rpc-zip-cut", .protocol = RPC,
	  WORDS("\0\0\0\x40" ZIP_HEAD("\x0b\0\xf4\xff")), .then = CLOSE, .type = 2, .flags = ZIPPED },
	{ .name = "rpc-zip-corrupt", .protocol = RPC,
	  WORDS("\0\0\0\x17" ZIP_HEAD("\x0b\0\xf4\xff") "\x08\x0d" "pong" "\x01\x06\0\xff\xff" "\n"),
	  .then = HANG, .type = 2,
	  .flags = ZIPPED },
	{ .name = "rpc-zip-sum", .protocol = RPC,        /* a wrong check sum */
	  WORDS("\0\0\0\x1b" ZIP_HEAD("\x0b\0\xf4\xff") "\x08\x0d" "pong" "\x01\0\0\xff\xff" "\1\2\3\4" "\n"),
	  .then = HANG,
	  .type = 2, .flags = ZIPPED },
	/* a byte string of 4 GB, zeros without end: 13 bytes make 2064 */
	{ .name = "rpc-zip-bomb", .protocol = RPC,
	  WORDS("\0\x0f\xff\xff" ZIP_HEAD("\x0a\0\xf5\xff") "\x0f\xff\xff\xff\xf0" "\x62\x18\x05"
	  "\xa3\x60\x14\x8c\x82\x51\x30\x0a\x46\xc1\x28\x18\x05"), .then = FLOOD, .type = 2, .flags = ZIPPED,
	  .again = 25 },
	{ .name = "rpc-zip-bomb-alone", .protocol = RPC,
	  WORDS("\0\x0f\xff\xff" ZIP_HEAD("\x0a\0\xf5\xff") "\x0f\xff\xff\xff\xf0" "\x62\x18\x05"
	  "\xa3\x60\x14\x8c\x82\x51\x30\x0a\x46\xc1\x28\x18\x05"), .then = FLOOD, .type = 2,
	  .flags = ZIPPED | ALONE, .again = 25 },
	{ "rpc-close-request", RPC, TEXT("\0\0\0\x08\0" "\x12\x51\x51" "\x11\x52\x11\x51\x02\n"),
	  CLOSE, 1, 0, 0 },

	{ "http-pong", HTTP, TEXT(pong_http), KEEP, 0, 0, 0 },
	{ "http-slow", HTTP, TEXT(pong_http), KEEP, 0, 0, SLOWLY },
	{ "http-record", HTTP, TEXT(pong_http), KEEP, 0, 0, RECORD },
	{ "http-chunked", HTTP,
	  TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n"
	       "00012\r\n\"response\":\"pong\"}\r\n0\r\nTrailer: x\r\n\r\n"), KEEP, 0, 0, 0 },
	{ "http-continue", HTTP,
	  TEXT("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n"
	       "{\"response\":\"pong\"}"), KEEP, 0, 0, 0 },
	{ "http-no-length", HTTP, TEXT("HTTP/1.1 200 OK\r\n\r\n{\"response\":\"pong\"}"), CLOSE, 0, 0, LINGER },
	{ "http-1.0", HTTP,
	  TEXT("HTTP/1.0 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}"), CLOSE, 0, 0, LINGER },
	{ "http-close-each", HTTP,
	  TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 19\r\n\r\n"
	       "{\"response\":\"pong\"}"), CLOSE, 0, 0, LINGER },
	{ .name = "http-folded", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Type:\r\n application/json\r\nConnection: keep-alive,\r\n\tx"
	  "\r\nContent-Length:\r\n 19\r\n\r\n{\"response\":\"pong\"}") },
	{ .name = "http-empty-lines", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}\r\n\r\n") },
	{ .name = "http-empty-lines-slow", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}\r\n\r\n"),
	  .flags = SLOWLY },
	{ .name = "http-padded-chunks", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n13  \r\n"
	  "{\"response\":\"pong\"}\r\n0    \r\n\r\n") },
	{ .name = "http-many-fields", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\n" FIELDS_100 FIELDS_100 "Content-Length: 19\r\n\r\n"
	  "{\"response\":\"pong\"}") },
	/* kept, as it seems */
	{ .name = "http-close-unannounced", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}"), .then = CLOSE },
	{ .name = "http-close-announced-after-3", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 19\r\n\r\n"
	  "{\"response\":\"pong\"}"), .then = CLOSE, .after = 3,
	  .flags = LINGER },
	{ .name = "http-close-announced-after-199", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 19\r\n\r\n"
	  "{\"response\":\"pong\"}"), .then = CLOSE, .after = 199,
	  .flags = LINGER },
	/* to a long body, before it is here */
	{ .name = "http-early", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), .then = CLOSE },
	{ .name = "http-early-unannounced", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), .then = CLOSE },
	{ .name = "http-early-kept", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), .flags = DAWDLE },
	{ .name = "http-early-404", .protocol = HTTP,
	  WORDS("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), .then = CLOSE },
	{ .name = "http-early-cut", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok"), .then = CLOSE },
	{ .name = "http-500-once", .protocol = HTTP,
	  WORDS("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nsorry"), .flags = ONCE },
	/* the second reply of each connection */
	{ .name = "http-500-second", .protocol = HTTP,
	  WORDS("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nsorry"), .after = 1,
	  .flags = ONCE },
	{ .name = "http-falters", .protocol = HTTP, WORDS(pong_http), .flags = FALTERS },
	{ .name = "http-two-missed", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}"),
	  .flags = MISSED },
	{ .name = "http-503-after-14", .protocol = HTTP,
	  WORDS("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"), .flags = FULL },
	{ .name = "http-half-after-14", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Le"), .then = CLOSE, .flags = FULL },
	{ .name = "http-close-after-14", .protocol = HTTP, WORDS(""), .then = CLOSE, .flags = FULL },
	{ .name = "http-refuse-after-14", .protocol = HTTP, WORDS(pong_http), .flags = DEAF },
	{ .name = "http-close-slowly", .protocol = HTTP, WORDS(""), .then = CLOSE, .flags = LATE },
	{ "http-close-after-1", HTTP, TEXT(""), CLOSE, 0, 1, 0 },
	{ "http-close-after-3", HTTP, TEXT(""), CLOSE, 0, 3, 0 },
	{ "http-reset-after-3", HTTP, TEXT(""), RESET, 0, 3, 0 },
	{ .name = "http-cut-after-3", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Ty"), .then = CLOSE, .after = 3 },
	{ "http-silent-after-3", HTTP, TEXT(""), HANG, 0, 3, 0 },
	{ .name = "http-exit-after-3", .protocol = HTTP, WORDS(""), .then = EXIT, .after = 3 },
	{ .name = "http-vanish-after-300", .protocol = HTTP, WORDS(""), .then = VANISH, .after = 300 },
	{ "http-500", HTTP,
	  TEXT("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nsorry"), KEEP, 0, 0, 0 },
	{ .name = "http-600", .protocol = HTTP,
	  WORDS("HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n") },
	{ .name = "http-999", .protocol = HTTP,
	  WORDS("HTTP/1.1 999 Request denied\r\nContent-Length: 0\r\n\r\n") },
	{ "http-404", HTTP, TEXT("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), KEEP, 0, 0, 0 },
	{ "http-redirect", HTTP,
	  TEXT("HTTP/1.1 302 Found\r\nLocation: /pong\r\nContent-Length: 0\r\n\r\n"), KEEP, 0, 0, 0 },
	{ "http-wrong-pong", HTTP,
	  TEXT("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"ping\"}"), KEEP, 0, 0, 0 },
	{ "http-wrong-length", HTTP, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxxx"), KEEP, 0, 0, 0 },
	{ "http-wrong-size", HTTP,
	  TEXT("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"size\":7}"), KEEP, 0, 0, 0 },
	{ "http-truncated", HTTP, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"resp"),
	  CLOSE, 0, 0, 0 },
	{ "http-half", HTTP, TEXT("HTTP/1.1 200 OK\r\nContent-Le"), HANG, 0, 0, 0 },
	{ "http-huge-length", HTTP,
	  TEXT("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nxxxx"), HANG, 0, 0, 0 },
	{ "http-two-lengths", HTTP,
	  TEXT("HTTP/1.1 200 OK\r\nContent-Length: 19\r\nContent-Length: 4\r\n\r\n{\"response\":\"pong\"}"),
	  HANG, 0, 0, 0 },
	{ "http-bad-chunk", HTTP,
	  TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), HANG, 0, 0, 0 },
	{ "http-endless-head", HTTP, TEXT("HTTP/1.1 200 OK\r\nX: 123456789012345678901234567890\r\n"
	  "Y: 123456789012345678901234567890123456789012345678901234567890"), FLOOD, 0, 0, 0 },
	{ .name = "http-cut-head", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Ty"), .then = CLOSE },
	{ .name = "http-cut-length", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 1"), .then = CLOSE },
	{ .name = "http-cut-chunk", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1"), .then = CLOSE },
	{ .name = "http-reset-body", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"resp"),
	  .then = RESET },
	{ .name = "http-claim-4g", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\n{\"resp"), .then = HANG },
	{ .name = "http-negative", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: -19\r\n\r\n{\"response\":\"pong\"}"), .then = HANG },
	{ .name = "http-unended", .protocol = HTTP,      /* no length, and no end */
	  WORDS("HTTP/1.1 200 OK\r\n\r\n{\"respon"), .then = HANG },
	{ .name = "http-endless-body", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\n\r\n{\"a\":\"aaaaaaaaaaaaaaaa"),
	  .then = FLOOD, .again = 27 },
	{ .name = "http-endless-chunks", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n     \r\n"),
	  .then = FLOOD, .again = 47 },
	{ .name = "http-endless-size", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n00000000000000000000"),
	  .then = FLOOD,
	  .again = 47 },
	{ .name = "http-endless-trailer", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: yyyyyyyyyyyyyyyyyy\r\n"),
	  .then = FLOOD,
	  .again = 50 },
	{ .name = "http-endless-continue", .protocol = HTTP,
	  WORDS("HTTP/1.1 100 Continue\r\n\r\n"), .then = FLOOD },
	{ .name = "http-trickle", .protocol = HTTP, WORDS("HTTP/1.1 200 OK\r\nX: xx"), .then = FLOOD,
	  .flags = TRICKLE, .again = 20 },
	{ .name = "http-trickle-body", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n{\"a\":\"aa"),
	  .then = FLOOD, .flags = TRICKLE,
	  .again = 53 },
	{ .name = "http-garbage", .protocol = HTTP,
	  WORDS("\x8f\x01\xfe\x1b[31m\0\r\n\r\nzzzzzzzzzzzzzzzzzzzz"),
	  .then = HANG },
	{ .name = "http-gzip", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 19\r\n\r\n"
	  "\x1f\x8b\x08\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\0"), .then = KEEP },
	{ .name = "http-evil-reason", .protocol = HTTP,
	  WORDS("HTTP/1.1 500 \x1b[31mred\x9b\x7f\r\nContent-Length: 9\r\n\r\n\x1b]0;a\x07\r\n"),
	  .then = KEEP },
	{ .name = "http-evil-json", .protocol = HTTP,
	  WORDS("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"\x1b[31m\":\"\x9b\x07\r\n\xff\"}"),
	  .then = KEEP },
	{ "http-bad-status", HTTP, TEXT("HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"), HANG, 0, 0, 0 },
	{ "http-0.9", HTTP, TEXT("pong\n"), CLOSE, 0, 0, 0 },
};
/* clang-format on */
#define BEHAVIOURS (sizeof behaviours / sizeof *behaviours)

struct connection {
	int fd;
	const struct behaviour *b;
	unsigned char in[1 << 18];
	size_t n;
	unsigned char dialect; /* RPC: 5 or 6 */
	bool flooding;
	unsigned char seq; /* RPC: of the last request, as it was encoded */
	unsigned type;     /* RPC: of the last message, as in struct behaviour */
	bool ping;         /* RPC: that was a PING */
	/* RPC: the numbers of requests that came while the peer was asked */
	unsigned char waiting[64];
	size_t nwaiting;
};

/* Drop the first n bytes of what has arrived. */
static void
consume(struct connection *c, size_t n)
{
	c->n -= n;
	memmove(c->in, c->in + n, c->n);
}

/* Wait for more bytes; 0 at the end. */
static int
receive(struct connection *c)
{
	ssize_t n;

	if (c->n == sizeof c->in)
		c->n = 0;
	do
		n = recv(c->fd, c->in + c->n, sizeof c->in - c->n, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	c->n += (size_t)n;
	return 1;
}

/* Say on stderr what is asked for, "POST /x 1024", when the body is here as well: the request has a
 * head of this length. 0: the peer has gone. */
static int
record(struct connection *c, size_t head)
{
	static const char name[] = "\r\nContent-Length: ";
	char method[16] = "", target[64] = "", *field;
	unsigned long long length = 0, left;
	size_t k;

	c->in[head - 1] = '\0';
	sscanf((char *)c->in, "%15s %63s", method, target);
	if ((field = strstr((char *)c->in, name)))
		length = strtoull(field + sizeof name - 1, NULL, 10);
	consume(c, head);
	for (left = length; left > 0; left -= k) {
		if (c->n == 0 && !receive(c))
			return 0;
		k = c->n < left ? c->n : (size_t)left;
		consume(c, k);
	}
	fprintf(stderr, "%s %s %llu\n", method, target, length);
	return 1;
}

/* Wait for a whole request, or over RPC any message; 0 at the end. */
static int
message(struct connection *c)
{
	size_t i, want;

	for (;;) {
		if (c->b->protocol == NONE && c->n > 0) {
			c->n = 0;
			return 1;
		}
		if (c->b->protocol == HTTP) {
			for (i = 0; i + 4 <= c->n; i++) {
				if (memcmp(c->in + i, "\r\n\r\n", 4) == 0) {
					if (c->b->flags & RECORD)
						return record(c, i + 4);
					consume(c, i + 4);
					return 1;
				}
			}
		}
		if (c->b->protocol == RPC && c->n >= 8) {
			want = (size_t)c->in[0] << 24 | (size_t)c->in[1] << 16
			    | (size_t)c->in[2] << 8 | c->in[3];
			want += 6;
			if (c->n >= want) {
				c->dialect = c->in[5] == 0x12 ? 5 : 6;
				c->type = c->dialect == 5 ? c->in[6] - 0x50u : c->in[5];
				c->seq = c->in[7];
				c->ping = c->in[9] == 0x51;
				consume(c, want);
				return 1;
			}
		}
		if (!receive(c))
			return 0;
	}
}

/* Wait for the next request, which may be here already; 0 at the end. */
static int
request(struct connection *c)
{
	if (c->nwaiting == 0)
		return message(c);
	c->seq = c->waiting[0];
	memmove(c->waiting, c->waiting + 1, --c->nwaiting);
	return 1;
}

/* 0: the peer has gone. */
static int
say(struct connection *c, const void *words, size_t n)
{
	const struct timespec pause = { .tv_nsec = TRICKLE_NS };
	const unsigned char *p = words;
	size_t piece;
	ssize_t sent;

	while (n > 0) {
		piece = c->b->flags & SLOWLY || (c->b->flags & TRICKLE && c->flooding) ? 1 : n;
		if (c->b->flags & TRICKLE && c->flooding)
			nanosleep(&pause, NULL);
		sent = send(c->fd, p, piece, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return 0;
		p += sent;
		n -= (size_t)sent;
	}
	return 1;
}

/* Say words with the header of a message of this type in the peer's dialect. */
static int
say_message(struct connection *c, unsigned type, const char *words, size_t n)
{
	unsigned char frame[256];
	bool own = words == c->b->words;
	size_t at = c->b->flags & ZIPPED && own ? 12 : 5;

	if (n < at + 3 || n > sizeof frame)
		return say(c, words, n);
	memcpy(frame, words, n);
	frame[at] = c->dialect == 5 ? 0x12 : (unsigned char)type;
	frame[at + 1] = c->dialect == 5 ? (unsigned char)(0x50 + type) : 0x11;
	if (!(c->b->flags & OTHER_SEQ && own))
		frame[at + 2] = c->seq;
	return say(c, frame, n);
}

static int
answer(struct connection *c, const char *words, size_t n, unsigned type)
{
	if (c->b->protocol == RPC && !(c->b->flags & RAW && words == c->b->words))
		return say_message(c, type, words, n);
	return say(c, words, n);
}

/* Ask for the peer's root and wait for the answer; requests that come before it have to wait. What
 * the peer asks with a PING is no matter of the service. 0: it has gone, or has no root. */
static int
ask(struct connection *c)
{
	static const char getroot[] = "\0\0\0\x08\0"
				      "\x12\x51\x50"
				      "\x11\x53\x11\x51\x02\n";
	unsigned char seq = c->seq;

	if (c->ping)
		return 1;
	if (!say_message(c, 1, getroot, sizeof getroot - 1))
		return 0;
	while (message(c) && c->type == 1 && c->nwaiting < sizeof c->waiting)
		c->waiting[c->nwaiting++] = c->seq;
	c->seq = seq;
	return c->type == 2;
}

/* The peer has its time. */
static void
hang(struct connection *c)
{
	while (receive(c))
		;
}

static int
pong(struct connection *c)
{
	if (c->b->protocol == RPC)
		return say_message(c, 2, pong_rpc, sizeof pong_rpc - 1);
	return say(c, pong_http, sizeof pong_http - 1);
}

/* Until the peer has gone. */
static void
flood(struct connection *c, const char *words, size_t n)
{
	char many[16384];
	size_t len = 0;

	c->flooding = true;
	while (len + n <= sizeof many) {
		memcpy(many + len, words, n);
		len += n;
	}
	while (say(c, many, len))
		;
}

static void
converse(struct connection *c)
{
	static const char root[] = "\0\0\0\x1a\0"
				   "\x12\x52\x50"
				   "\x11\x54\x12\x08\x0e\x0f"
				   "builtins.object"
				   "\x51\x51\n";
	struct linger reset = { 1, 0 };
	static atomic_uint of_all;
	const struct timespec late = { .tv_nsec = LATE_NS };
	unsigned answered = 0, after = c->b->after;

	if (c->b->flags & MISSED && atomic_fetch_add(&of_all, 1) < 2)
		return;
	if (!(c->b->flags & AT_ONCE)) {
		if (!request(c))
			return;
		if (c->b->flags & FALTERS && atomic_fetch_add(&of_all, 1) == 0)
			return;
		if (c->b->flags & (c->dialect == 6 ? FIVE : SIX)) {
			hang(c);
			return;
		}
		if (c->b->flags & ASKS && !ask(c))
			return;
		if (c->b->protocol == RPC) {
			if (!say_message(c, 2, root, sizeof root - 1) || !request(c))
				return;
		}
	}
	if (c->b->flags & ALONE && atomic_fetch_add(&of_all, 1) > 0)
		after = UINT_MAX;
	for (;;) {
		answered++;
		if (answered <= after || (c->b->flags & ONCE && answered > c->b->after + 1)) {
			if (!pong(c))
				return;
			if (c->b->then == VANISH && atomic_fetch_add(&of_all, 1) + 1 == c->b->after)
				_exit(0);
			if (!request(c))
				return;
			continue;
		}
		if (c->b->flags & LATE)
			nanosleep(&late, NULL);
		if (c->b->flags & ASKS && !ask(c))
			return;
		if (!answer(c, c->b->words, c->b->n, c->b->type))
			return;
		if (c->b->flags & DAWDLE)
			nanosleep(&late, NULL);
		switch (c->b->then) {
		case KEEP:
		case VANISH:
			if (!request(c))
				return;
			break;
		case CLOSE:
			if (c->b->flags & LINGER && shutdown(c->fd, SHUT_WR) == 0)
				hang(c);
			return;
		case EXIT: _exit(0);
		case RESET: setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); return;
		case HANG: hang(c); return;
		case FLOOD: flood(c, c->b->words + c->b->again, c->b->n - c->b->again); return;
		}
	}
}

static const struct behaviour *
named(const char *name)
{
	size_t i;

	for (i = 0; i < BEHAVIOURS; i++)
		if (strcmp(behaviours[i].name, name) == 0)
			return &behaviours[i];
	return NULL;
}

static void *
serve(void *arg)
{
	static atomic_uint of_all;
	struct connection *c = arg;

	if (c->b->flags & FULL && atomic_fetch_add(&of_all, 1) < WELL)
		c->b = named("http-pong");
	converse(c);
	close(c->fd);
	free(c);
	return NULL;
}

static void
fail(const char *what, int error)
{
	fprintf(stderr, "bad_peer: %s: %s\n", what, strerror(error));
	exit(1);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof sa;
	struct connection *c;
	const struct behaviour *b = NULL;
	pthread_attr_t attr;
	pthread_t thread;
	size_t i, taken = 0;
	int fd, one = 1, error;

	if (argc == 2)
		b = named(argv[1]);
	if (argc == 1)
		for (i = 0; i < BEHAVIOURS; i++)
			puts(behaviours[i].name);
	if (!b)
		return argc == 1 ? 0 : 2;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0
	    || (!(b->flags & UNHEARD) && listen(fd, 128) != 0)
	    || getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		fail("listen", errno);
	printf("127.0.0.1:%d\n", ntohs(sa.sin_port));
	if (fclose(stdout) != 0)
		fail("stdout", errno);
	error = pthread_attr_init(&attr);
	if (error == 0)
		error = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (error != 0)
		fail("thread", error);
	while (b->flags & UNHEARD)
		pause();
	for (;;) {
		c = calloc(1, sizeof *c);
		if (!c)
			fail("connection", errno);
		do
			c->fd = accept(fd, NULL, NULL);
		while (c->fd < 0 && errno == EINTR);
		if (c->fd < 0)
			fail("accept", errno);
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c->b = b;
		if (b->flags & SINGLE) {
			close(fd);
			serve(c);
			return 0;
		}
		error = pthread_create(&thread, &attr, serve, c);
		if (error != 0)
			fail("thread", error);
		if (b->flags & DEAF && ++taken == WELL) {
			close(fd);
			for (;;)
				pause();
		}
	}
}
