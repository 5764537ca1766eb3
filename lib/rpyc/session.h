/* SPDX-License-Identifier: ISC */
/* The inside of RPyC's server side: what its four files share, and nobody else uses.
 *
 *	rpyc_server.c   the session: frames in and out, the handlers, attributes
 *	rpyc_calls.c    the methods of the service
 *	rpyc_pull.c     calls that wait for the peer, which has their arguments
 *	rpyc_list.c     the objects: lists that download_file_chunked returns */
#ifndef RPYC_SERVER_H
#define RPYC_SERVER_H

#include "base/out.h"
#include "rpyc/frame.h"
#include "service.h"
#include "protocol.h"

#define RPYC_CLASS "BenchmarkService"   /* of the root, as Python names it */

/* Objects the peer may have references to. Numbers in id_packs are made up: the peer
 * attaches no meaning to them. Names are ones every stock peer knows, so that it need
 * not INSPECT them. */
enum rpyc_kind { RPYC_NONE, RPYC_ROOT, RPYC_METHOD, RPYC_LIST, RPYC_ITERATOR };

/* Methods: the operations in the order of enum op, then these. */
enum { RPYC_SERVICE_NAME = OP_COUNT, RPYC_SERVICE_ALIASES, RPYC_METHODS };

/* A list of byte strings that is computed, not stored: item j is chunk number
 * first + j * step of size zero bytes cut into chunks. Or an iterator over one. */
struct rpyc_object {
	enum rpyc_kind kind;    /* RPYC_NONE: free */
	uint64_t refs;          /* how often it was sent and not yet released */
	uint64_t size, chunk;
	int64_t first, step, count;
	int64_t at;             /* iterator: next item */
};

struct rpyc_pull;

struct rpyc_session {
	struct server_session base;
	const struct service *service;
	struct rpyc_reader in;
	struct out out;
	size_t progress_bytes;             /* taken since the last of PROGRESS_BYTES */
	struct buf message;             /* the one being written */
	struct brine seq;               /* of the request being answered */
	enum { RPYC_READY, RPYC_DUE, RPYC_SLEEP, RPYC_COMPUTE } busy;
	struct {
		size_t method;
		struct rpyc_boxed value[2];
		struct brine whole;
	} due;                          /* a call whose service time has to pass; in in.kept */
	uint64_t sleep_ns;
	struct brine slept;             /* sleep: the value to answer, within in.kept */
	struct compute compute;
	bool borrowed;                  /* out points into in.kept */
	bool closing;
	uint64_t next_seq;              /* of our own requests */
	struct rpyc_object *object;
	size_t objects;
	size_t vacant;                  /* none of the objects before this one is free */
	struct rpyc_pull *pulls;        /* calls that wait for the peer */
	unsigned npulls;
	size_t pull_bytes;              /* what they hold of their requests */
};

/* ---- rpyc_server.c ---- */

/* Begin the answer to the request s->seq; the boxed result comes next, appended to the
 * returned buffer, which is s->message. Then rpyc_message_end(). */
struct buf *rpyc_answer(struct rpyc_session *);

/* Complete s->message and send it; as rpyc_message_data does, with n bytes of the repetition
 * of src behind it. These are borrowed until they are sent. */
void rpyc_message_end(struct rpyc_session *);
void rpyc_message_data(struct rpyc_session *, const void *src, size_t period, uint64_t n);

/* The same in one step, for a boxed VALUE: an int, a str, and what a tag says by itself. */
void rpyc_answer_int(struct rpyc_session *, uint64_t);
void rpyc_answer_str(struct rpyc_session *, const char *);
void rpyc_answer_tag(struct rpyc_session *, enum brine_tag);

/* Answer with an exception of a class of Python's builtins; what is not UTF-8 in its text is
 * replaced, and what is beyond 511 bytes cut off. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void rpyc_raise(struct rpyc_session *, const char *class, const char *fmt, ...);

/* The same with an exception of the peer's: the head of a tuple of four and the first three
 * items, and the last one, its traceback, which may be empty. */
void rpyc_raise_as(struct rpyc_session *, struct brine parts, struct brine traceback);

/* Send a request of our own: CALLATTR (ref, name, (), ()), or DEL (ref, 1). Returns its
 * sequence number. */
uint64_t rpyc_ask(struct rpyc_session *, struct brine id_pack, const char *name);
void rpyc_release(struct rpyc_session *, struct brine id_pack);

/* Release every reference in a boxed value. */
void rpyc_release_all(struct rpyc_session *, struct brine boxed);

/* ---- rpyc_calls.c ---- */

/* Python's name of a boxed value's type, for error texts. */
const char *rpyc_type_name(const struct rpyc_boxed *, char text[64]);

/* The name of method number i, or NULL beyond the last. */
const char *rpyc_method_name(size_t i);

/* The method of that name ("ping" or "exposed_ping"), or RPYC_METHODS. */
size_t rpyc_method(const void *name, size_t n);

/* Call a method and answer. whole is the boxed argument tuple of the request, which holds
 * args and kwargs. True: the call goes on until the peer has answered requests of ours,
 * and its references are released then. */
bool rpyc_call(struct rpyc_session *, size_t method, struct rpyc_items args,
    struct rpyc_items kwargs, struct brine whole);

/* The service time of the call that was due has passed: do it. */
void rpyc_call_due(struct rpyc_session *);

/* len() of a value that is not a reference to the peer's. False: answered with TypeError. */
bool rpyc_len(struct rpyc_session *, const struct rpyc_boxed *, uint64_t *n);

/* Are n bytes within the limit of the server? False: answered with MemoryError. */
bool rpyc_within(struct rpyc_session *, uint64_t n);

/* ---- rpyc_pull.c ---- */

/* Answer, when the peer has told it, with len() of its object; with what the lengths of the
 * items of its iterable amount to, or of those of a boxed tuple, of which some are its own. whole
 * is as in rpyc_call(), and copied; items lies within. True: the call goes on until then, or is
 * answered already, and its references are released here; false: answered with an exception. */
bool rpyc_pull_len(struct rpyc_session *, struct brine id_pack, struct brine whole);
bool rpyc_pull_iter(struct rpyc_session *, struct brine id_pack, struct brine whole);
bool rpyc_pull_tuple(struct rpyc_session *, struct rpyc_items items, struct brine whole);

/* An answer to request seq, of ours if the peer keeps to the rules, has come: the boxed
 * result, or an exception's body. */
void rpyc_pulled(struct rpyc_session *, uint64_t seq, bool exception, struct brine body);

/* Forget all calls that wait for the peer. */
void rpyc_pulls_free(struct rpyc_session *);

/* ---- rpyc_list.c ---- */

/* Which object is meant; *index is its method or its place in s->object. */
enum rpyc_kind rpyc_resolve(struct rpyc_session *, struct brine id_pack, size_t *index);

/* Python's name of an object's type, for error texts; of every kind but RPYC_NONE. */
const char *rpyc_kind_name(enum rpyc_kind);

/* Answer with a reference to a new list of size bytes in chunks, chunk > 0 unless size is 0;
 * with MemoryError if the peer keeps too many objects. */
void rpyc_list_answer(struct rpyc_session *, uint64_t size, uint64_t chunk);

/* Iterate to the end of a list or iterator of ours: *bytes is what its items amount to.
 * False: it is none. */
bool rpyc_list_take(struct rpyc_session *, struct brine id_pack, uint64_t *bytes);

/* The peer has released count references. */
void rpyc_object_release(struct rpyc_session *, size_t index, uint64_t count);

/* CALLATTR on a list or iterator, BUFFITER, and REPR or STR: answer. */
void rpyc_list_call(struct rpyc_session *, size_t index, const struct brine_value *name,
    struct rpyc_items args);
void rpyc_list_buffiter(struct rpyc_session *, size_t index, int64_t count);
void rpyc_list_repr(struct rpyc_session *, size_t index);

#endif
