/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: answers, exceptions and requests of our own. */
#ifndef RPYC_REPLY_H
#define RPYC_REPLY_H

#include "rpyc/session.h"

/* Begin the answer to the request s->seq; the boxed result comes next, appended to the
 * returned buffer, which is s->message. Then rpyc_message_end(). */
struct buf *rpyc_answer(struct rpyc_session *);

/* Complete s->message and queue it; rpyc_message_data() appends n bytes, the repetition of
 * src[0..period-1], which is borrowed until they are sent. */
void rpyc_message_end(struct rpyc_session *);
void rpyc_message_data(struct rpyc_session *, const void *src, size_t period, uint64_t n);

/* A whole answer, a boxed VALUE: an int, a str, or a value that is only a tag (None, True ...). */
void rpyc_answer_int(struct rpyc_session *, uint64_t);
void rpyc_answer_str(struct rpyc_session *, const char *);
void rpyc_answer_tag(struct rpyc_session *, enum brine_tag);

/* Answer with an exception of a class of Python's builtins; what is not UTF-8 in its text is
 * replaced, and what is beyond 511 bytes cut off. Returns false, for functions that do so when
 * they have answered. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
bool rpyc_raise(struct rpyc_session *, const char *class, const char *fmt, ...);

/* The same with KeyError, whose argument is an encoded value. */
bool rpyc_raise_key(struct rpyc_session *, struct brine key);

/* Answer with an exception of the peer's: the head of a tuple of four and the first three items,
 * and the last one, its traceback, which may be empty. */
void rpyc_raise_as(struct rpyc_session *, struct brine parts, struct brine traceback);

/* Begin a request of our own, number s->next_seq++, in s->message: its handler and arguments
 * come next. Then rpyc_message_end(). */
struct buf *rpyc_request(struct rpyc_session *);

/* Send a request of our own: CALLATTR (ref, name, (), ()), or DEL (ref, 1). Returns its
 * sequence number. */
uint64_t rpyc_ask(struct rpyc_session *, struct brine id_pack, const char *name);
void rpyc_release(struct rpyc_session *, struct brine id_pack);

/* Release every reference in a boxed value. */
void rpyc_release_all(struct rpyc_session *, struct brine boxed);

#endif
