/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side: what its files share and nothing else uses. Each calls only those
 * below it:
 *
 *	client.c        calls and their replies
 *	exports.c       what the server requests: the chunks of upload_file_chunked
 *	exception.c     the text of an exception
 *	request.c       messages on their way out, and the end of a call */
#ifndef RPYC_CLIENT_SESSION_H
#define RPYC_CLIENT_SESSION_H

#include "protocol.h"
#include "rpyc/frame.h"

#define RPYC_WINDOW 16 /* requests outstanding in the stream operations */

/* What the call waits for. The first replies are references, which are kept. */
enum rpyc_step {
	STEP_ROOT,
	STEP_ATTR,
	STEP_ITER,
	STEP_CALL,
	STEP_NEXT,
	STEP_STREAM,
	STEP_SETTLE /* OP_HELLO: see settle() */
};
#define RPYC_REFS (STEP_CALL + 1)

struct rpyc_client {
	struct client_session base;
	const struct client_conf *conf;
	struct rpyc_reader in;
	size_t begin; /* where in base.out.buf the message being written begins */
	uint64_t next_seq;
	enum rpyc_step step;
	struct buf ref[RPYC_REFS]; /* id_packs by step, encoded: of the root, once known, with
				    * -N of the method called, and of the iterator and the
				    * list of download_file_chunked */
	struct buf prefix;         /* what the bodies of requests for this operation begin with,
				    * up to the arguments; none with -N */
	struct call call;
	void *token;             /* of the call just begun, or whose reply is here; NULL
				  * once it is over */
	uint64_t deletions;      /* DEL requests whose answers are still to come */
	uint64_t got;            /* bytes of chunks received */
	uint64_t sent, answered; /* stream: requests */
	uint64_t seen;           /* bytes of the reply's data checked so far */
	bool differs;            /* and one of them was wrong */
	int64_t nexports;        /* number of the list exported to the server */
	uint64_t exported;       /* bytes of it that the server has fetched */
	bool asked;       /* by the server, since it was connected to or the last PING was sent */
	unsigned pings;   /* of STEP_SETTLE */
	char refused[64]; /* the attribute it asked for last, if this client lacks it */

	/* The requests that wait for a reply, found by its sequence number: at that modulo the
	 * size, a power of two and at least depth and RPYC_WINDOW, or at the next free place. */
	size_t mask; /* size - 1 */
	struct rpyc_pending {
		bool used;
		uint64_t seq;
		void *token; /* of its call */
	} pending[];
};

/* ---- request.c ---- */

/* Begin a message: append its body to what is returned (of an answer the sequence number first),
 * then send it. Until then nothing else may be sent. */
struct buf *rpyc_message_begin(struct rpyc_client *, enum rpyc_type);
struct buf *rpyc_request_begin(struct rpyc_client *);

/* Send the message, with n bytes of the payload from position at on as the last thing in
 * it but for tail, which is encoded already. */
void rpyc_send(struct rpyc_client *, uint64_t at, uint64_t n, const char *tail);

/* The same for a request: the call of c->token waits for the reply. */
void rpyc_request_send(struct rpyc_client *, uint64_t at, uint64_t n, const char *tail);

/* Release the object whose id_pack is kept there (none if empty), or every reference in a boxed
 * value; the answers are not waited for. */
void rpyc_release_id(struct rpyc_client *, struct buf *id_pack);
void rpyc_drop(struct rpyc_client *, struct brine boxed);

/* Into how many chunks the call's bytes are cut (an empty transfer is one, too), and the
 * size of chunk i. */
uint64_t rpyc_pieces(const struct rpyc_client *);
uint64_t rpyc_piece(const struct rpyc_client *, uint64_t i);

/* The call has failed; the first reason counts. It may be c->base.error itself. */
void rpyc_call_fail(struct rpyc_client *, const char *error);

/* The call is over. error: why it failed, or NULL. */
void rpyc_call_finish(struct rpyc_client *, const char *error);

/* The connection cannot be used any more. */
void rpyc_lost(struct rpyc_client *, const char *error);

/* ---- exports.c ---- */

/* Append a boxed reference to a list of the call's chunks that the server can fetch. Its
 * numbers are fresh for each call, since a repeated id_pack would be the same object. */
void rpyc_put_export(struct rpyc_client *, struct buf *);

/* Answer a request of the server's: seq, encoded, and the body. */
void rpyc_requested(struct rpyc_client *, struct brine seq, struct brine body);

/* ---- exception.c ---- */

/* The text of an exception's body, its class and what Python's str() of it shows, printable, cut
 * short where it does not fit: "ValueError: sleep length must be non-negative". */
void rpyc_exception_text(struct brine body, char *text, size_t size);

#endif
