/* SPDX-License-Identifier: ISC */
/* The objects that a peer can refer to. */
#include <stdlib.h>

#include "rpyc/session.h"

#define OBJECTS_MAX 65536 /* objects a peer may have references to at once */

/* Their id_packs. The names are ones that every stock peer knows, so that it need not INSPECT them;
 * the numbers are arbitrary: they mean nothing to the peer. */
static const struct {
	const char *name;
	int64_t cls;
	int64_t first; /* id of the first; the others' follow */
} ref[] = {
	[RPYC_ROOT] = { .name = "builtins.object", .cls = 1, .first = 1 },
	[RPYC_METHOD] = { .name = "builtins.method", .cls = 2, .first = 1 },
	[RPYC_LIST] = { .name = "builtins.list", .cls = 1, .first = 101 },
	[RPYC_ITERATOR] = { .name = "builtins.list_iterator", .cls = 1, .first = 101 },
};

static bool
exists(const struct rpyc_session *s, enum rpyc_kind kind, uint64_t index)
{
	if (kind < RPYC_LIST)
		return index < (kind == RPYC_ROOT ? 1 : RPYC_METHODS);
	return index < s->objects && s->object[index].kind == kind;
}

enum rpyc_kind
rpyc_resolve(struct rpyc_session *s, struct brine *id_pack, size_t *index)
{
	/* the root's, as we send it and peers send it back */
	static const unsigned char root[] = "\x12\x08\x0e\x0f"
					    "builtins.object\x51\x51";
	struct brine at = *id_pack;
	enum rpyc_kind kind;
	struct rpyc_id id;

	*index = 0;
	if ((size_t)(at.end - at.p) >= sizeof root - 1
	    && memcmp(at.p, root, sizeof root - 1) == 0) {
		id_pack->p += sizeof root - 1;
		return RPYC_ROOT;
	}
	if (!rpyc_id(at, &id) || !brine_skip(id_pack, NULL))
		return RPYC_NONE;
	for (kind = RPYC_ROOT; kind <= RPYC_ITERATOR; kind++) {
		if (id.cls == ref[kind].cls && id.id >= ref[kind].first
		    && exists(s, kind, (uint64_t)(id.id - ref[kind].first))
		    && brine_is(&id.name, ref[kind].name)) {
			*index = (size_t)(id.id - ref[kind].first);
			return kind;
		}
	}
	return RPYC_NONE;
}

const char *
rpyc_kind_name(enum rpyc_kind kind)
{
	return kind == RPYC_ROOT ? RPYC_CLASS : ref[kind].name + strlen("builtins.");
}

bool
rpyc_answer_ref(struct rpyc_session *s, enum rpyc_kind kind, size_t index)
{
	if (kind >= RPYC_LIST)
		s->object[index].refs++;
	rpyc_put_ref(rpyc_answer(s), RPYC_REMOTE_REF, ref[kind].name, ref[kind].cls,
	    ref[kind].first + (int64_t)index);
	return rpyc_message_end(s);
}

bool
rpyc_answer_new(struct rpyc_session *s, const struct rpyc_object *o)
{
	struct rpyc_object *grown;
	size_t i, n;

	for (i = s->vacant; i < s->objects && s->object[i].kind != RPYC_NONE; i++)
		;
	s->vacant = i;
	if (i == s->objects) {
		n = i ? i * 2 : 4;
		if (n > OBJECTS_MAX || s->in.retained.n + (n - i) * sizeof *grown > rpyc_room(s)
		    || !(grown = realloc(s->object, n * sizeof *grown)))
			return rpyc_raise(s, "MemoryError",
			    "too many objects in use by this connection");
		memset(grown + i, 0, (n - i) * sizeof *grown);
		s->object = grown;
		s->objects = n;
	}
	s->object[i] = *o;
	s->object[i].refs = 0;
	return rpyc_answer_ref(s, o->kind, i);
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
