/* SPDX-License-Identifier: ISC */
/* A session of RPyC's server side. Only these files know it, and each uses only those below it:
 *
 *	server.c        the session: frames in and out, the handlers, attributes
 *	methods.c       the methods of the service
 *	remote_args.c   calls that wait for the peer, which has their arguments
 *	list.c          the lists that download_file_chunked returns
 *	args.c          arguments of a call: matched to parameters, and converted
 *	objects.c       the objects that the peer can refer to
 *	reply.c         answers, exceptions and requests of our own */
#ifndef RPYC_SESSION_H
#define RPYC_SESSION_H

#include "base/out.h"
#include "protocol.h"
#include "rpyc/frame.h"
#include "service.h"

#define RPYC_RETAINED 512       /* bytes of memory that a buffer retains between messages */
#define RPYC_CLASS "BenchmarkService"   /* of the root, as Python names it */

/* Objects the peer may have references to. The numbers in their id_packs are arbitrary: they mean
 * nothing to the peer. The names are ones that every stock peer knows, so that it need not INSPECT
 * them. */
enum rpyc_kind { RPYC_NONE, RPYC_ROOT, RPYC_METHOD, RPYC_LIST, RPYC_ITERATOR };

/* Methods: the operations in the order of enum op, then these. */
enum { RPYC_SERVICE_NAME = OP_METHODS, RPYC_SERVICE_ALIASES, RPYC_METHODS };

/* A list of byte strings, computed rather than stored, or an iterator over one: item j is chunk
 * number first + j * step of size zero bytes cut into chunks. */
struct rpyc_object {
	enum rpyc_kind kind;    /* RPYC_NONE: free */
	uint64_t refs;          /* how often it was sent and not yet released */
	uint64_t size, chunk;
	int64_t first, step, count;
	int64_t at;             /* iterator: next item */
};

struct rpyc_remote_call;

struct rpyc_session {
	struct server_session base;
	const struct service *service;
	struct rpyc_reader in;
	size_t progress_bytes;          /* taken since the last of PROGRESS_BYTES */
	struct buf message;             /* the one being written */
	struct brine seq;               /* of the request being answered */
	enum { RPYC_READY, RPYC_DUE, RPYC_SLEEP, RPYC_COMPUTE } busy;   /* DUE: service time */
	struct {
		size_t method;
		struct rpyc_boxed value[2];
		struct brine whole;
	} due;                          /* RPYC_DUE: the call that waits; points into in.retained */
	uint64_t sleep_ns;
	struct brine slept;             /* RPYC_SLEEP: the value to answer, in in.retained */
	struct compute compute;
	bool borrowed;                  /* base.out points into in.retained */
	bool closing;
	uint64_t next_seq;              /* of our own requests */
	struct rpyc_object *object;
	size_t objects;
	size_t vacant;                  /* none of the objects before this one is free */
	struct rpyc_remote_call *remote_calls;  /* calls that wait for the peer */
	unsigned nremote;
	size_t remote_bytes;            /* held of their requests */
};

#endif
