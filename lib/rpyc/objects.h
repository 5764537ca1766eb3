/* SPDX-License-Identifier: ISC */
/* RPyC, the server's side: the objects that the peer can refer to. */
#ifndef RPYC_OBJECTS_H
#define RPYC_OBJECTS_H

#include "rpyc/session.h"

/* Read an id_pack, which refers to an object of ours. *index is its method or its place in
 * s->object, 0 for the root. RPYC_NONE: there is no such object, and *id_pack is undefined. */
enum rpyc_kind rpyc_resolve(struct rpyc_session *, struct brine *id_pack, size_t *index);

/* Python's name of an object's type, for error texts; of every kind but RPYC_NONE. */
const char *rpyc_kind_name(enum rpyc_kind);

/* Answer with a reference to a list or iterator, and count it: to an existing one, or to a new
 * one like o. MemoryError if the peer has too many. */
void rpyc_answer_object(struct rpyc_session *, size_t index);
void rpyc_answer_new(struct rpyc_session *, const struct rpyc_object *o);

/* The peer has released count references. */
void rpyc_object_release(struct rpyc_session *, size_t index, uint64_t count);

#endif
