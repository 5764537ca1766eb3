/* SPDX-License-Identifier: ISC */
/* The inside of RPyC's client side: what its two files share, and nobody else uses.
 *
 *	rpyc_client.c   calls and their replies
 *	rpyc_offer.c    what the server asks of us: the chunks of upload_file_chunked */
#ifndef RPYC_CLIENT_H
#define RPYC_CLIENT_H

#include "base/out.h"
#include "rpyc/frame.h"
#include "protocol.h"

#define RPYC_WINDOW 16          /* requests in flight of the stream operations */

struct rpyc_client {
	struct client_session base;
	const struct client_conf *conf;
	struct rpyc_reader in;
	struct out out;
	struct buf message;             /* the one being written */
	uint64_t next_seq;
	struct buf root;                /* id_packs, encoded: of the root, once known, */
	struct buf method;              /* with -N of the method called, */
	struct buf list, iterator;      /* and of what download_file_chunked returned */
	struct call call;
	enum { STEP_ROOT, STEP_ATTR, STEP_CALL, STEP_ITER, STEP_NEXT, STEP_STREAM } step;
	uint64_t waiting;               /* sequence number of the reply that is due, with several
	                                 * calls in flight to the oldest; later: the others', */
	uint64_t *later;                /* a ring of depth - 1, in order */
	unsigned first_later;
	uint64_t deletions;             /* DEL requests whose answers are still to come */
	uint64_t got;                   /* bytes of chunks received */
	uint64_t sent, answered;        /* stream: requests; waiting is that of the next reply */
	uint64_t flight[RPYC_WINDOW];   /* their sequence numbers: of request i at i mod size */
	uint64_t seen;                  /* bytes of the reply's data checked so far */
	bool differs;                   /* and one of them was wrong */
	int64_t offer;                  /* number of the list offered to the server */
	uint64_t offered;               /* bytes of it that the server has pulled */
};

/* Send c->message, with n bytes of the payload from position at on as the last thing in
 * it but for tail, which is encoded already. */
void rpyc_send(struct rpyc_client *, uint64_t at, uint64_t n, const char *tail, size_t ntail);

/* Into how many chunks the call's bytes are cut (an empty transfer is one, too), and the
 * size of chunk i. */
uint64_t rpyc_pieces(const struct rpyc_client *);
uint64_t rpyc_piece(const struct rpyc_client *, uint64_t i);

/* The connection is of no more use. */
void rpyc_lost(struct rpyc_client *, const char *error);

/* Append a boxed reference to a list of the call's chunks that the server can pull. Its
 * numbers are fresh for each call, since a repeated id_pack would be the same object. */
void rpyc_put_offer(struct rpyc_client *);

/* Release every reference in a boxed value; the answers are not waited for. */
void rpyc_drop(struct rpyc_client *, struct brine boxed);

/* Answer a request of the server's: seq, encoded, and the body. */
void rpyc_requested(struct rpyc_client *, struct brine seq, struct brine body);

#endif
