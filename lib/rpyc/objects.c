/* SPDX-License-Identifier: ISC */
/* The objects that a peer can refer to. */
#include "rpyc/objects.h"

#include <stdlib.h>
#include <string.h>

#include "rpyc/reply.h"

#define FIRST_ID 101            /* of lists and iterators */
#define OBJECTS_MAX   65536     /* objects a peer may have references to at once */

/* Returns the index of a new object like o; -1: too many, or out of memory. */
static int
object_new(struct rpyc_session *s, const struct rpyc_object *o)
{
	struct rpyc_object *grown;
	size_t i, n;

	for (i = s->vacant; i < s->objects && s->object[i].kind != RPYC_NONE; i++)
		;
	s->vacant = i;
	if (i == s->objects) {
		n = i ? i * 2 : 4;
		if (n > OBJECTS_MAX || !(grown = realloc(s->object, n * sizeof *grown)))
			return -1;
		memset(grown + i, 0, (n - i) * sizeof *grown);
		s->object = grown;
		s->objects = n;
	}
	s->object[i] = *o;
	s->object[i].refs = 0;
	return (int)i;
}

enum rpyc_kind
rpyc_resolve(struct rpyc_session *s, struct brine *id_pack, size_t *index)
{
	/* the root's, as handle_getroot sends it and peers send it back */
	static const unsigned char root[] = "\x12\x08\x0e\x0f" "builtins.object\x51\x51";
	struct brine at = *id_pack;
	struct rpyc_id id;

	*index = 0;
	if ((size_t)(at.end - at.p) >= sizeof root - 1 &&
	    memcmp(at.p, root, sizeof root - 1) == 0) {
		id_pack->p += sizeof root - 1;
		return RPYC_ROOT;
	}
	if (!rpyc_id(at, &id) || !brine_skip(id_pack, NULL))
		return RPYC_NONE;
	if (id.cls == 1 && id.id == 1 && brine_is(&id.name, "builtins.object"))
		return RPYC_ROOT;
	if (id.cls == 2 && id.id >= 1 && id.id <= RPYC_METHODS &&
	    brine_is(&id.name, "builtins.method")) {
		*index = (size_t)id.id - 1;
		return RPYC_METHOD;
	}
	if (id.cls != 1 || id.id < FIRST_ID || (uint64_t)(id.id - FIRST_ID) >= s->objects)
		return RPYC_NONE;
	*index = (size_t)(id.id - FIRST_ID);
	if (!brine_is(&id.name, s->object[*index].kind == RPYC_LIST ? "builtins.list" :
	    "builtins.list_iterator"))
		return RPYC_NONE;
	return s->object[*index].kind;
}

const char *
rpyc_kind_name(enum rpyc_kind kind)
{
	static const char *const name[] = {
		[RPYC_ROOT] = RPYC_CLASS,
		[RPYC_METHOD] = "method",
		[RPYC_LIST] = "list",
		[RPYC_ITERATOR] = "list_iterator",
	};

	return name[kind];
}

void
rpyc_answer_object(struct rpyc_session *s, size_t index)
{
	struct rpyc_object *o = &s->object[index];

	o->refs++;
	rpyc_put_ref(rpyc_answer(s), RPYC_REMOTE_REF, o->kind == RPYC_LIST ? "builtins.list" :
	    "builtins.list_iterator", 1, FIRST_ID + (int64_t)index);
	rpyc_message_end(s);
}

void
rpyc_answer_new(struct rpyc_session *s, const struct rpyc_object *o)
{
	int index = object_new(s, o);

	if (index < 0)
		rpyc_raise(s, "MemoryError", "too many objects in use by this connection");
	else
		rpyc_answer_object(s, (size_t)index);
}

void
rpyc_object_release(struct rpyc_session *s, size_t index, uint64_t count)
{
	struct rpyc_object *o = &s->object[index];

	/* as in a stock peer, releasing more references than were sent is no error */
	if (count < o->refs) {
		o->refs -= count;
		return;
	}
	o->kind = RPYC_NONE;
	if (index < s->vacant)
		s->vacant = index;
}
