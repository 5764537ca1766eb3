/* SPDX-License-Identifier: ISC */
/* RPyC's messages: framing, the two dialects, boxing. Shared by both sides; the
 * protocol is that of rpyc 4.1 to 6.0 (rpyc.core.channel, protocol, consts).
 *
 *	frame    4 bytes length, 1 byte "compressed", payload, 1 byte trailer
 *	payload  dialect 5: brine of (type, seq, body)
 *	         dialect 6: a byte type, brine of (seq, body)
 *
 * Written out, the dialects differ in the first two bytes only. */
#ifndef RPYC_H
#define RPYC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rpyc/brine.h"

enum rpyc_type { RPYC_REQUEST = 1, RPYC_REPLY = 2, RPYC_EXCEPTION = 3 };

enum rpyc_label {
	RPYC_VALUE = 1,     /* a brine value */
	RPYC_TUPLE = 2,     /* a tuple of boxed values */
	RPYC_LOCAL_REF = 3, /* id_pack of an object the receiver owns */
	RPYC_REMOTE_REF = 4 /* id_pack of an object the sender owns */
};

/* clang-format off */
enum rpyc_handler {
	RPYC_PING = 1, RPYC_CLOSE, RPYC_GETROOT, RPYC_GETATTR, RPYC_DELATTR, RPYC_SETATTR,
	RPYC_CALL, RPYC_CALLATTR, RPYC_REPR, RPYC_STR, RPYC_CMP, RPYC_HASH, RPYC_DIR,
	RPYC_PICKLE, RPYC_DEL, RPYC_INSPECT, RPYC_BUFFITER, RPYC_OLDSLICING, RPYC_CTXEXIT,
	RPYC_INSTANCECHECK, RPYC_HANDLERS
};
/* clang-format on */

/* Strings up to RPYC_RETAIN_STRING bytes are retained; once RPYC_RETAIN_MUCH bytes are, only those
 * up to RPYC_RETAIN_SHORT. */
#define RPYC_RETAIN_STRING 4096
#define RPYC_RETAIN_MUCH ((size_t)64 << 10)
#define RPYC_RETAIN_SHORT 64

/* What a peer can make this side of a connection hold, in bytes: its messages as far as they are
 * retained, objects that it has references to, and what it does not read. Only strings held on
 * request (the data of echo) are not counted. Half a million references fit, far more than any use
 * takes; and a hundred peers that mean harm fit into 2 GB. How the sides keep it: rpyc_room() in
 * session.h, OUT_MAX in client.c. */
#define RPYC_HOLD_MAX ((size_t)16 << 20)

struct inflate;

/* Takes frames apart as they arrive, in bounded memory: a message is retained as brine in
 * which each long byte string (or str) is elided, that is, replaced by its length. */
struct rpyc_reader {
	/* Set before the first use, all optional but max. */
	uint64_t max;            /* bytes that a compressed payload may inflate to */
	uint64_t max_frame;      /* bytes of a frame's payload; 0: any */
	size_t hold_max;         /* bytes of long strings that may be held per message */
	bool (*hold)(void *ctx); /* retain the long string that begins now? retained
				  * holds what came before it. NULL: no */
	void (
	    *sink)(void *ctx, const unsigned char *p, size_t n); /* receives all bytes
								  * of elided strings. NULL: none */
	void *ctx;
	uint64_t *work;    /* what may still be done (see brine.h); NULL: anything */
	size_t retain_max; /* bytes retained of a message at most, strings held on request not
			    * counted; 0: RPYC_HOLD_MAX */

	/* The body of a simple message, by whoever expects it again: it need not be looked at
	 * then. Empty: none. Owned by the reader. */
	struct buf known;

	/* The message, once rpyc_read() has returned RPYC_MESSAGE; valid until the next call. */
	int dialect;         /* 5 or 6, from the first message on; 0 before */
	int type;            /* enum rpyc_type */
	struct buf retained; /* brine of seq, then of body */
	bool overflow;       /* there was more than may be retained: it is cut short */
	const char *error;   /* after RPYC_BAD: what is wrong, static text */
	bool simple;         /* it is one of few short values, retained as it came, */
	bool again;          /* and its body is the known one */
	bool begun;          /* a frame has begun and is not complete */
	bool more;           /* after RPYC_PAUSED: there is more to do without more input */

	/* Private. */
	int state;
	unsigned char head[5]; /* what has come of the head of the frame, the message or a value */
	size_t nhead;
	uint64_t left;           /* bytes of the payload still to come on the wire */
	struct inflate *inflate; /* while the payload is one that is deflated */
	uint64_t inflated;
	const unsigned char *got; /* of that: what is not yet taken, in the decoder */
	size_t got_left;
	uint64_t values;        /* brine values still to begin */
	enum brine_type within; /* the str, slice or frozenset whose only part comes next or is
				 * under way; or BRINE_INVALID */
	enum brine_type token;  /* of the value under way */
	uint64_t length;        /* its bytes of data, and those still to come */
	uint64_t data_left;
	bool retain;      /* it is retained, not elided */
	struct utf8 text; /* data of a str */
	size_t held;
};

enum rpyc_status {
	RPYC_MORE,    /* all bytes taken, no message complete */
	RPYC_MESSAGE, /* one is complete: see type and retained */
	RPYC_PAUSED,  /* the work that may be done is done; to be called again, with the bytes that
		       * were not taken, even if there are none */
	RPYC_BAD      /* not RPyC, or malformed: the stream is of no more use */
};

/* Take up to n bytes at p, stopping behind the first complete message; *taken says how
 * many. Start with a zeroed struct. */
enum rpyc_status rpyc_read(struct rpyc_reader *, const unsigned char *p, size_t n, size_t *taken);

/* Free what a reader holds. */
void rpyc_reader_free(struct rpyc_reader *);

/* ---- writing ---- */

/* Begin a frame at the end of b: room for the head, then the two first bytes of the payload.
 * Append seq and body next. Returns what rpyc_end() needs. */
size_t rpyc_begin(struct buf *b, int dialect, enum rpyc_type);

/* Complete the frame. more is the number of payload bytes that follow from elsewhere; with more
 * > 0 the trailer (RPYC_TRAILER) is not appended: it belongs behind them. */
void rpyc_end(struct buf *b, size_t begin, uint64_t more);
#define RPYC_TRAILER "\n"

/* The largest payload a frame can hold. */
#define RPYC_PAYLOAD_MAX UINT32_MAX

/* Append the opening of a boxed value: the value itself, or for RPYC_TUPLE the tuple of boxed
 * values, comes next. */
void rpyc_put_label(struct buf *, enum rpyc_label);

/* Append a boxed VALUE: a str, and what a tag says by itself (None, (), True ...). */
void rpyc_put_str(struct buf *, const char *);
void rpyc_put_tag(struct buf *, enum brine_tag);

/* Append (handler, TUPLE of n boxed values): the body of a request up to these. */
void rpyc_put_request(struct buf *, enum rpyc_handler, uint32_t n);

/* Append a boxed reference to an object of ours, or of the peer. */
void rpyc_put_ref(struct buf *, enum rpyc_label, const char *name, int64_t cls, int64_t id);
void rpyc_put_ref_raw(struct buf *, enum rpyc_label, const void *id_pack, size_t n);

/* Append the body of a request: to call a method of an object of the peer's without arguments,
 * CALLATTR (ref, name, (), ()), and to release one reference to it, DEL (ref, 1). */
void rpyc_put_callattr(struct buf *, struct brine id_pack, const char *name);
void rpyc_put_del(struct buf *, struct brine id_pack);

/* Append the body of an exception, the shortest that a stock peer understands:
 * (("builtins", class), (arg,), (), ""). The argument, one value, is appended between the two. */
void rpyc_put_exception(struct buf *, const char *class);
void rpyc_put_exception_end(struct buf *);

/* ---- reading what is retained ---- */

/* Pass the sequence number a message begins with; *seq is where it lies. False: it is cut off,
 * or too long to be sent back. */
bool rpyc_seq(struct brine *, struct brine *seq);

/* Is that body of an exception the end of an iteration? */
bool rpyc_stop_iteration(struct brine body);

/* Read how a boxed value begins, its label: the value, then at *b, comes next. False: it is not
 * boxed. */
static inline bool
rpyc_get_label(struct brine *b, int64_t *label)
{
	if (b->end - b->p >= 2 && b->p[0] == BRINE_TAG_TUPLE_1 + 1 && brine_small(b->p[1])) {
		*label = (int64_t)b->p[1] - BRINE_TAG_INT_0;
		b->p += 2;
		return true;
	}
	return brine_tuple(b, 2) && brine_int_any(b, label);
}

/* A boxed value; at stands at the value. */
struct rpyc_boxed {
	int64_t label;
	struct brine at;
};

/* The items of a boxed tuple, whichever way it was boxed. */
struct rpyc_items {
	struct brine at;
	uint64_t n; /* items left */
	bool boxed; /* each is boxed; else they are plain values */
};

/* Read a boxed value, with all that it contains. False: it is none. */
bool rpyc_boxed(struct brine *, struct rpyc_boxed *);

/* Open a boxed tuple. False: it is none. */
bool rpyc_items(const struct rpyc_boxed *, struct rpyc_items *);

/* The next item (plain values become RPYC_VALUE). False: there is none, or it is invalid. */
bool rpyc_item(struct rpyc_items *, struct rpyc_boxed *);

/* An id_pack's parts. False: it is none. */
struct rpyc_id {
	struct brine_value name;
	int64_t cls, id;
};
bool rpyc_id(struct brine, struct rpyc_id *);

/* Is it a reference to an object of the peer's, one that can be sent back to it? */
bool rpyc_theirs(const struct rpyc_boxed *);

/* A walk over a boxed value and all that are in it, in the order they come. Start with at, and
 * ahead 1. */
struct rpyc_walk {
	struct brine at;
	uint64_t ahead; /* boxed values that are still to come, as far as known, beside items */
	bool elided;    /* a long string was passed that is not retained */
	const unsigned char *begin; /* where the boxed value begins that came last, */
	struct rpyc_boxed x;        /* its label, and its value, whose end is not known yet */
	uint64_t items;             /* of a TUPLE: how many come next */
	uint64_t under_way;         /* plain values of x that are still to be passed */
};

enum rpyc_walked {
	WALK_BOXED, /* see x */
	WALK_OVER,
	WALK_PAUSED, /* *work is used up */
	WALK_BAD     /* what comes next is not boxed */
};

/* Inline: each request is read with it. */
static inline enum rpyc_walked
rpyc_walk(struct rpyc_walk *w, uint64_t *work)
{
	bool good;

	if (w->under_way > 0) {
		good = brine_pass(&w->at, &w->under_way, &w->elided, work);
		if (!good || w->under_way > 0)
			return good ? WALK_PAUSED : WALK_BAD;
	}
	if (w->ahead + w->items == 0)
		return WALK_OVER;
	if (*work == 0)
		return WALK_PAUSED;
	*work -= WORK_PASS;
	w->begin = w->at.p;
	if (!rpyc_get_label(&w->at, &w->x.label))
		return WALK_BAD;
	w->ahead += w->items - 1;
	w->items = 0;
	w->x.at = w->at;
	if (w->x.label == RPYC_TUPLE)
		return brine_items(&w->at, &w->items) ? WALK_BOXED : WALK_BAD;
	w->under_way = 1;
	return WALK_BOXED;
}

/* x is an id_pack that was read: it ends there, and need not be passed again. */
static inline void
rpyc_walked_id(struct rpyc_walk *w, const unsigned char *end, uint64_t *work)
{
	uint64_t values = 5; /* the tuple, the str and its text, two ints */

	w->at.p = end;
	w->under_way = 0;
	work_done(work, values * WORK_PASS);
}

/* Find the next such reference in a boxed value, at any depth: x is it, whole, with WALK_BOXED. */
enum rpyc_walked rpyc_next_ref(struct rpyc_walk *, uint64_t *work);

#endif
