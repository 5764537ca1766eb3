/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: what its files share and nothing else uses. Each calls only those
 * below it:
 *
 *	server.c        the session: frames in and out, the handlers, attributes
 *	methods.c       the methods of the service
 *	remote_args.c   calls that wait for the peer, which has their arguments
 *	list.c          the lists that download_file_chunked returns
 *	args.c          arguments of a call: matched to parameters, and converted
 *	objects.c       the objects that the peer can refer to
 *	reply.c         answers, exceptions and requests of our own
 *
 * Functions that answer the request s->seq return false: it is done with. Those that may leave the
 * answer to a later time then return true. */
#ifndef RPYC_SESSION_H
#define RPYC_SESSION_H

#include "base/out.h"
#include "protocol.h"
#include "rpyc/frame.h"
#include "service.h"

#define RPYC_CLASS "BenchmarkService" /* of the root, as Python names it */
#define RPYC_OUT_MAX 65536            /* with this much to send, nothing is begun that sends more */

/* Of RPYC_HOLD_MAX a session keeps this much free, for answers, the decoder, what was read and is
 * not yet taken, and for short messages, which it takes whatever else it holds. */
#define RPYC_SPARE ((size_t)1 << 20)

/* Only what every client needs is done piece by piece. The rest has to be done in one go, so it is
 * refused in messages of more values than this: echo of references, items of a tuple with
 * references. The same goes for items of one answer to BUFFITER. */
#define RPYC_VALUES_AT_ONCE 65536

/* What the peer may have references to; the last two are objects in s->object. */
enum rpyc_kind { RPYC_NONE, RPYC_ROOT, RPYC_METHOD, RPYC_LIST, RPYC_ITERATOR };

/* Methods: the operations in the order of enum op, then these. */
enum { RPYC_SERVICE_NAME = OP_METHODS, RPYC_SERVICE_ALIASES, RPYC_METHODS };

/* A list of byte strings, computed rather than stored, or an iterator over one: item j is chunk
 * number first + j * step of size zero bytes cut into chunks. */
struct rpyc_object {
	enum rpyc_kind kind; /* RPYC_NONE: free */
	uint64_t refs;       /* how often it was sent and not yet released */
	uint64_t size, chunk;
	int64_t first, step, count;
	int64_t at; /* iterator: next item; list: 0 */
};

struct rpyc_remote_call;
struct rpyc_request;
struct rpyc_release;

struct rpyc_session {
	struct server_session base;
	const struct service *service;
	struct rpyc_reader in;
	size_t progress_bytes; /* taken since the last of PROGRESS_BYTES */
	bool begun;            /* that the message has begun was counted as progress */
	size_t begin;          /* of the message being written, in base.out.buf */

	/* The request being answered: places in in.retained. */
	struct brine seq;
	struct brine whole; /* its boxed argument tuple */
	bool elided;        /* a long string in it was not retained */
	uint64_t values;    /* in it */
	size_t again;       /* the method called by the body in.known, without arguments */
	size_t method;      /* of a call: the method and its arguments */
	struct rpyc_boxed value[2];
	union {
		struct compute compute;
		struct {
			struct brine at;
			uint64_t left;      /* items still to come */
			uint64_t under_way; /* values of the current one, still to be passed */
			uint64_t total;
		} chunks; /* upload_file_chunked with a plain tuple */
		struct {
			struct rpyc_object list;
			uint64_t left; /* items still to be sent, from list.at on */
		} items;               /* of one answer to BUFFITER */
	};
	bool (*resume)(
	    struct rpyc_session *);   /* goes on with it after base.wait_ns or the service
				       * time; NULL: nothing waits, the next request may come */
	uint64_t work;                /* what may still be done before others have their turn */
	struct rpyc_request *request; /* owned: whose arguments are being read, if not at once */
	struct rpyc_release *release; /* references that are to be released */
	bool borrowed;                /* base.out points into in.retained, too */

	bool closing;
	uint64_t next_seq; /* of our own requests */
	struct rpyc_object *object;
	size_t objects;
	size_t vacant;                         /* none of the objects before this one is free */
	struct rpyc_remote_call *remote_calls; /* calls that wait for the peer */
	unsigned nremote;
	size_t remote_bytes; /* that they hold */
};

/* What a message may still take, beside the calls that wait and the objects. */
static inline size_t
rpyc_room(const struct rpyc_session *s)
{
	size_t room = RPYC_HOLD_MAX - RPYC_SPARE;
	size_t held = s->remote_bytes + s->objects * sizeof *s->object;

	return held < room - RPYC_RETAIN_MUCH ? room - held : RPYC_RETAIN_MUCH;
}

/* ---- methods.c ---- */

/* The name of method number i. */
const char *rpyc_method_name(size_t i);

/* The method of that name ("ping" or "exposed_ping"), or RPYC_METHODS. */
size_t rpyc_method_find(const void *name, size_t n);

/* Call a method and answer. True: the call goes on (it waits for the peer, or for its service
 * time), and the references in s->whole are released when it ends. */
bool rpyc_call(struct rpyc_session *, size_t method, struct rpyc_items args,
    struct rpyc_items kwargs);

/* ---- remote_args.c ---- */

/* Answer with len() of x, which refers to an object of the peer's, or with the sum of len() over
 * its items, if it does or is a boxed tuple; once the peer has sent what is needed. True: answered
 * later or already, and the references in s->whole are released here; false: answered with an
 * exception. */
bool rpyc_remote_call(struct rpyc_session *, const struct rpyc_boxed *x, bool items);

/* Does a call wait for the answer to our request of that number? */
bool rpyc_remote_waits(const struct rpyc_session *, uint64_t seq);

/* An answer to request seq has arrived, one of ours if the peer obeys the protocol: the boxed
 * result, or the body of an exception. */
void rpyc_remote_answer(struct rpyc_session *, uint64_t seq, bool exception, struct brine body);

/* Forget all calls that wait for the peer. */
void rpyc_remote_free(struct rpyc_session *);

/* ---- list.c ---- */

/* Iterate to the end of a list or iterator of ours; *bytes is the sum of the lengths of its
 * items. False: the id_pack refers to neither. */
bool rpyc_list_take(struct rpyc_session *, struct brine id_pack, uint64_t *bytes);

/* Have two lists of ours the same items? */
bool rpyc_list_equal(const struct rpyc_session *, size_t index, size_t other);

/* CALLATTR on a list or iterator, BUFFITER, and REPR or STR: answer. */
bool rpyc_list_call(struct rpyc_session *, size_t index, const struct brine_value *name,
    struct rpyc_items args);
bool rpyc_list_buffiter(struct rpyc_session *, size_t index, int64_t count);
bool rpyc_list_repr(struct rpyc_session *, size_t index);

/* ---- args.c ---- */

/* Python's name of a boxed value's type, for error texts. */
const char *rpyc_type_name(const struct rpyc_boxed *, char text[64]);

/* Match arguments to the parameters of an operation: s->value[i] is that of parameter i. False:
 * answered with TypeError, as Python words it. */
bool rpyc_bind(struct rpyc_session *, const struct operation *, struct rpyc_items args,
    struct rpyc_items kwargs);

/* The argument as a Python int (bool is one). False: it is not an int. */
bool rpyc_integer(const struct rpyc_boxed *, struct brine_value *);

/* The argument as a number of bytes; negative counts as 0. False: answered with an exception. */
bool rpyc_byte_count(struct rpyc_session *, const struct rpyc_boxed *, uint64_t *n);

/* len() of a value that is not a reference to an object of the peer's. False: answered with
 * TypeError. */
bool rpyc_len(struct rpyc_session *, const struct rpyc_boxed *, uint64_t *n);

/* Are n bytes within the limit of the server, and can one message hold them? False: answered with
 * MemoryError. */
bool rpyc_within(struct rpyc_session *, uint64_t n);
bool rpyc_fits(struct rpyc_session *, uint64_t n);

/* ---- objects.c ---- */

/* Read an id_pack, which refers to an object of ours. *index is its method or its place in
 * s->object, 0 for the root. RPYC_NONE: there is no such object, and *id_pack is undefined. */
enum rpyc_kind rpyc_resolve(struct rpyc_session *, struct brine *id_pack, size_t *index);

/* Python's name of an object's type, for error texts; of every kind but RPYC_NONE. */
const char *rpyc_kind_name(enum rpyc_kind);

/* Answer with a reference, counted if it is to a list or iterator; or with one to a new object
 * like o: MemoryError if the peer has too many. */
bool rpyc_answer_ref(struct rpyc_session *, enum rpyc_kind, size_t index);
bool rpyc_answer_new(struct rpyc_session *, const struct rpyc_object *o);

/* The peer has released count references to a list or iterator. */
void rpyc_object_release(struct rpyc_session *, size_t index, uint64_t count);

/* ---- reply.c ---- */

/* Begin the answer to the request s->seq: append the boxed result, or after the second the value,
 * to the returned buffer. Then rpyc_message_end(). */
struct buf *rpyc_answer(struct rpyc_session *);
struct buf *rpyc_answer_value(struct rpyc_session *);

/* Complete the message begun and queue it. n bytes of its payload follow: as they are appended to
 * base.out by the caller, and RPYC_TRAILER if there are any; the repetition of src[0..period-1],
 * which is borrowed until they are sent; or none. The last two return false. */
void rpyc_message_head(struct rpyc_session *, uint64_t n);
bool rpyc_message_data(struct rpyc_session *, const void *src, size_t period, uint64_t n);
bool rpyc_message_end(struct rpyc_session *);

/* A whole answer, a boxed VALUE: an int, a str, n bytes of that fill_block(), a value as it was
 * received (a long one is sent from where it lies in in.retained: nothing else is received until it
 * is gone), or one that is only a tag (None, True ...). All return false. */
bool rpyc_answer_int(struct rpyc_session *, uint64_t);
bool rpyc_answer_str(struct rpyc_session *, const char *);
bool rpyc_answer_fill(struct rpyc_session *, unsigned char value, uint64_t n);
bool rpyc_answer_copy(struct rpyc_session *, struct brine value);
bool rpyc_answer_tag(struct rpyc_session *, enum brine_tag);

/* Answer with an exception of a class of Python's builtins; what is not UTF-8 in its text is
 * replaced, and what is beyond 511 bytes cut off. Returns false. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bool
rpyc_raise(struct rpyc_session *, const char *class, const char *fmt, ...);

/* The same with KeyError, whose argument is an encoded value. */
bool rpyc_raise_key(struct rpyc_session *, struct brine key);

/* Answer with an exception of the peer's: the head of a tuple of four and the first three items,
 * and the last one, its traceback, which may be empty. Returns false. */
bool rpyc_raise_as(struct rpyc_session *, struct brine parts, struct brine traceback);

/* Begin a request of our own, number s->next_seq++: append its handler and arguments to the
 * returned buffer. Then rpyc_message_end(). */
struct buf *rpyc_request(struct rpyc_session *);

/* Send a request of our own: CALLATTR (ref, name, (), ()), or DEL (ref, 1). Returns its
 * sequence number. */
uint64_t rpyc_ask(struct rpyc_session *, struct brine id_pack, const char *name);
void rpyc_release(struct rpyc_session *, struct brine id_pack);

/* Release every reference in a boxed value, which lies in in.retained or in a buffer that is taken
 * over: some at once, the others as what is sent drains; until then nothing is received. */
void rpyc_release_all(struct rpyc_session *, struct brine boxed);
void rpyc_release_held(struct rpyc_session *, struct brine boxed, struct buf *held);
void rpyc_release_free(struct rpyc_session *);

/* Go on with resume when others had their turn. Returns true. */
bool rpyc_pause(struct rpyc_session *, bool (*resume)(struct rpyc_session *));

#endif
