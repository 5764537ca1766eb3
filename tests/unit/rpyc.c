/* SPDX-License-Identifier: ISC */
/* RPyC against recorded sessions (tests/wire): every frame is taken apart and put together
 * again, the server's side answers the recorded clients as the recorded servers did, and the
 * client's side asks as the recorded clients did. Each in every split of the input.
 *
 * usage: rpyc [directory of the recordings]
 *
 * Messages are compared as text: references and tuples are written alike however they are
 * boxed, and the numbers of references are left out, since each session has its own. They are
 * paired as they come: what the recording calls object 140012 is what we called object 7. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "payload.h"
#include "protocol.h"
#include "rpyc/frame.h"
#include "service.h"
#include "tap.h"

/* ---- recordings ---- */

enum line_kind { FRAME, END, RESET };

struct line {
	char dir; /* '>': from the client */
	enum line_kind kind;
	unsigned char *p; /* FRAME: its bytes */
	size_t n;
};

struct recording {
	char name[80];
	struct line *line;
	size_t n;
};

static void
die(const char *what, const char *object)
{
	fprintf(stderr, "rpyc: %s: %s: %s\n", what, object, strerror(errno));
	exit(1);
}

static void *
need(void *p)
{
	if (!p)
		die("memory", "buffer");
	return p;
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t cap = 1 << 16, n = 0, got;
	char *text = need(malloc(cap));

	if (!f)
		die("open", path);
	while ((got = fread(text + n, 1, cap - n - 1, f)) > 0) {
		n += got;
		if (cap - n < 2)
			text = need(realloc(text, cap *= 2));
	}
	if (ferror(f))
		die("read", path);
	fclose(f);
	text[n] = '\0';
	return text;
}

static void
recording_read(struct recording *r, const char *dir, const char *name)
{
	char path[1024];
	char *text, *at, *end;
	struct line l;

	memset(r, 0, sizeof *r);
	snprintf(r->name, sizeof r->name, "%.*s", (int)strlen(name) - 4, name);
	snprintf(path, sizeof path, "%s/%s", dir, name);
	text = read_file(path);
	for (at = text; *at; at = end + 1) {
		end = strchr(at, '\n');
		if (!end)
			break;
		*end = '\0';
		if (*at != '>' && *at != '<')
			continue;
		memset(&l, 0, sizeof l);
		l.dir = *at;
		at += 2;
		if (strcmp(at, "EOF") == 0) {
			l.kind = END;
		} else if (strcmp(at, "RST") == 0) {
			l.kind = RESET;
		} else {
			l.kind = FRAME;
			l.p = need(malloc(strlen(at) / 2 + 1));
			for (; digit(at[0]) >= 0 && digit(at[1]) >= 0; at += 2)
				l.p[l.n++] = (unsigned char)(digit(at[0]) << 4 | digit(at[1]));
		}
		r->line = need(realloc(r->line, (r->n + 1) * sizeof *r->line));
		r->line[r->n++] = l;
	}
	free(text);
}

static void
recording_free(struct recording *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		free(r->line[i].p);
	free(r->line);
}

/* ---- messages ---- */

struct message {
	int type;
	int dialect;
	struct buf retained; /* brine of seq, then of body */
};

static bool
hold_all(void *ctx)
{
	(void)ctx;
	return true;
}

static void
reader_init(struct rpyc_reader *r)
{
	memset(r, 0, sizeof *r);
	r->max = r->hold_max = 1 << 24;
	r->hold = hold_all;
}

struct messages {
	struct message *m;
	size_t n, cap;
};

static void
messages_add(struct messages *ms, const struct rpyc_reader *r)
{
	struct message m = { r->type, r->dialect, { 0 } };

	buf_add(&m.retained, r->retained.p, r->retained.n);
	if (ms->n == ms->cap)
		ms->m = need(realloc(ms->m, (ms->cap = ms->cap * 2 + 8) * sizeof *ms->m));
	ms->m[ms->n++] = m;
}

static void
messages_free(struct messages *ms)
{
	size_t i;

	for (i = 0; i < ms->n; i++)
		buf_free(&ms->m[i].retained);
	free(ms->m);
	memset(ms, 0, sizeof *ms);
}

/* Give n bytes to the reader, collect the messages. */
static enum rpyc_status
read_all(struct rpyc_reader *r, const unsigned char *p, size_t n, struct messages *ms)
{
	enum rpyc_status status = RPYC_MORE;
	size_t taken;

	while (n > 0) {
		status = rpyc_read(r, p, n, &taken);
		if (status == RPYC_BAD)
			return status;
		if (status == RPYC_MESSAGE)
			messages_add(ms, r);
		p += taken;
		n -= taken;
	}
	return status;
}

static struct brine
body_of(const struct message *m)
{
	struct brine b = { m->retained.p, m->retained.p + m->retained.n };

	brine_skip(&b, NULL);
	return b;
}

static int64_t
seq_of(const struct message *m)
{
	struct brine b = { m->retained.p, m->retained.p + m->retained.n };
	int64_t seq;

	return brine_int(&b, &seq) ? seq : -1;
}

static int64_t
handler_of(const struct message *m)
{
	struct brine b = body_of(m);
	int64_t handler;

	return m->type == RPYC_REQUEST && brine_tuple(&b, 2) && brine_int(&b, &handler) ? handler
											: -1;
}

/* ---- references, and messages as text ---- */

/* Numbers of objects: theirs in the recording, ours now. */
struct pair {
	int64_t cls, id, our_cls, our_id;
};

struct pairs {
	struct pair p[4000];
	size_t n;
};

/* The references in a message, in order. */
struct refs {
	struct rpyc_id id[600];
	size_t n;
};

static const struct pair *
pair_find(const struct pairs *pairs, int64_t cls, int64_t id)
{
	size_t i;

	/* the newest counts: a recorded number is used again once its object is gone */
	for (i = pairs->n; i-- > 0;)
		if (pairs->p[i].cls == cls && pairs->p[i].id == id)
			return &pairs->p[i];
	return NULL;
}

static void
pair_add(struct pairs *pairs, const struct rpyc_id *theirs, const struct rpyc_id *ours)
{
	struct pair *p = &pairs->p[pairs->n];

	if (pairs->n == sizeof pairs->p / sizeof *pairs->p)
		return;
	p->cls = theirs->cls;
	p->id = theirs->id;
	p->our_cls = ours->cls;
	p->our_id = ours->id;
	pairs->n++;
}

static void describe_value(struct buf *, struct brine *, int depth);

static void
describe_bytes(struct buf *out, const char *kind, const struct brine_value *v)
{
	uint64_t hash = 1469598103934665603u;
	size_t i;

	buf_text(out, kind);
	if (v->n <= 40) {
		for (i = 0; i < v->n; i++)
			buf_printf(out, v->p[i] > 32 && v->p[i] < 127 ? "%c" : "\\%02x", v->p[i]);
		return;
	}
	for (i = 0; i < v->n; i++)
		hash = (hash ^ v->p[i]) * 1099511628211u;
	buf_printf(out, "%zu bytes %016llx", v->n, (unsigned long long)hash);
}

static void
describe_items(struct buf *out, struct brine *b, uint64_t n, int depth)
{
	uint64_t i;

	buf_text(out, "(");
	for (i = 0; i < n && b->p < b->end; i++) {
		buf_text(out, i ? ", " : "");
		describe_value(out, b, depth);
	}
	buf_text(out, ")");
}

static void
describe_value(struct buf *out, struct brine *b, int depth)
{
	const unsigned char *from = b->p;
	struct brine_value v;

	if (depth > 20 || !brine_get(b, &v)) {
		buf_text(out, "INVALID");
		b->p = b->end;
		return;
	}
	switch (v.type) {
	case BRINE_TUPLE: describe_items(out, b, v.len, depth + 1); break;
	case BRINE_SLICE:
	case BRINE_FROZENSET:
		buf_text(out, v.type == BRINE_SLICE ? "slice" : "frozenset");
		describe_value(out, b, depth + 1);
		break;
	case BRINE_BYTES: describe_bytes(out, "b:", &v); break;
	case BRINE_STR: describe_bytes(out, "s:", &v); break;
	case BRINE_INT:
		if (v.fits)
			buf_printf(out, "%lld", (long long)v.i);
		else
			buf_printf(out, "%.*s", (int)v.n, (const char *)v.p);
		break;
	default:
		buf_text(out, brine_type_name(v.type));
		for (; from < b->p; from++)
			buf_printf(out, " %02x", *from);
		break;
	}
}

static void
describe_boxed(struct buf *out, struct brine *b, struct refs *refs, int depth)
{
	struct brine_value v;
	struct rpyc_id id;
	int64_t label = 0;
	uint64_t i;

	if (depth > 20 || !brine_tuple(b, 2) || !brine_int(b, &label)) {
		buf_text(out, "UNBOXED");
		b->p = b->end;
		return;
	}
	switch (label) {
	case RPYC_VALUE: describe_value(out, b, depth); break;
	case RPYC_TUPLE:
		if (!brine_get(b, &v) || v.type != BRINE_TUPLE) {
			buf_text(out, "INVALID");
			break;
		}
		buf_text(out, "(");
		for (i = 0; i < v.len && b->p < b->end; i++) {
			buf_text(out, i ? ", " : "");
			describe_boxed(out, b, refs, depth + 1);
		}
		buf_text(out, ")");
		break;
	case RPYC_LOCAL_REF:
	case RPYC_REMOTE_REF:
		if (!rpyc_id(*b, &id)) {
			buf_text(out, "INVALID");
			break;
		}
		/* roots have the name of their class or of none */
		buf_text(out, label == RPYC_LOCAL_REF ? "yours " : "mine ");
		if (id.name.n > 9 && memcmp(id.name.p, "builtins.", 9) == 0
		    && !brine_is(&id.name, "builtins.object"))
			buf_printf(out, "%.*s", (int)id.name.n - 9, (const char *)id.name.p + 9);
		else
			buf_text(out, "object");
		if (refs->n < sizeof refs->id / sizeof *refs->id)
			refs->id[refs->n++] = id;
		brine_skip(b, NULL);
		break;
	default:
		buf_printf(out, "label %lld", (long long)label);
		brine_skip(b, NULL);
		break;
	}
}

/* The number of arguments of a request's handler. */
static uint64_t
items_of(const struct message *m)
{
	struct brine b = body_of(m);
	struct rpyc_boxed boxed;
	struct rpyc_items items;
	int64_t handler;

	return brine_tuple(&b, 2) && brine_int(&b, &handler) && rpyc_boxed(&b, &boxed)
		&& rpyc_items(&boxed, &items)
	    ? items.n
	    : 0;
}

/* The text of a message without its seq, and what it refers to. The text is valid until
 * out is changed. */
static const char *
describe(const struct message *m, struct buf *out, struct refs *refs)
{
	struct brine b = body_of(m);
	struct brine_value v;
	int64_t handler = 0;

	refs->n = 0;
	buf_clear(out, 1 << 16);
	if (m->type == RPYC_REQUEST) {
		if (brine_tuple(&b, 2) && brine_int(&b, &handler)) {
			buf_printf(out, "request %lld ", (long long)handler);
			describe_boxed(out, &b, refs, 0);
		} else {
			buf_text(out, "request INVALID");
		}
		/* to give no keywords is to leave them out: the text has no fourth item then */
		if (handler == RPYC_CALLATTR && items_of(m) == 4 && out->n > 5
		    && memcmp(out->p + out->n - 5, ", ())", 5) == 0) {
			out->n -= 5;
			buf_text(out, ")");
		}
	} else if (m->type == RPYC_REPLY) {
		buf_text(out, "reply ");
		describe_boxed(out, &b, refs, 0);
	} else {
		/* class and arguments; the rest is for people */
		buf_text(out, "exception ");
		if (!brine_get(&b, &v))
			buf_text(out, "INVALID");
		else if (v.type == BRINE_TUPLE && v.len == 4)
			describe_items(out, &b, 2, 0);
		else if (v.type == BRINE_INT && v.i == 1)
			buf_text(out, "stop");
		else
			buf_text(out, "INVALID");
	}
	buf_byte(out, '\0');
	return out->failed ? "no memory" : (const char *)out->p;
}

/* Copy encoded values, written anew; numbers of paired objects become ours. */
static bool
rewrite(struct buf *out, struct brine b, const struct pairs *pairs)
{
	const unsigned char *from;
	const struct pair *p;
	struct brine_value v;
	struct rpyc_id id;

	while (b.p < b.end) {
		if (pairs && rpyc_id(b, &id) && (p = pair_find(pairs, id.cls, id.id))) {
			brine_put_tuple(out, 3);
			/* the root's name is not the recorded one */
			if (p->our_cls == 1 && p->our_id == 1
			    && !brine_is(&id.name, "builtins.list")
			    && !brine_is(&id.name, "builtins.list_iterator"))
				brine_put_str(out, "builtins.object");
			else
				brine_put_str_n(out, id.name.p, id.name.n);
			brine_put_int(out, p->our_cls);
			brine_put_int(out, p->our_id);
			if (!brine_skip(&b, NULL))
				return false;
			continue;
		}
		from = b.p;
		if (!brine_get(&b, &v))
			return false;
		switch (v.type) {
		case BRINE_INT:
			if (v.fits)
				brine_put_int(out, v.i);
			else
				brine_put_int_text(out, (const char *)v.p, v.n);
			break;
		case BRINE_FLOAT: brine_put_float(out, v.f); break;
		case BRINE_BYTES: brine_put_bytes(out, v.p, v.n); break;
		case BRINE_STR: brine_put_str_n(out, v.p, v.n); break;
		case BRINE_TUPLE: brine_put_tuple(out, (uint32_t)v.len); break;
		default: buf_add(out, from, (size_t)(b.p - from)); break;
		}
	}
	return true;
}

/* Append the frame of a message with this seq (-1: its own). */
static void
put_frame(struct buf *out, const struct message *m, int64_t seq, const struct pairs *pairs)
{
	struct brine seq_only = { m->retained.p, body_of(m).p };
	size_t begin = rpyc_begin(out, m->dialect, m->type);

	if (seq >= 0)
		brine_put_int(out, seq);
	else
		rewrite(out, seq_only, NULL);
	rewrite(out, body_of(m), pairs);
	rpyc_end(out, begin, 0);
}

/* ---- the reader: every frame, in every split ---- */

/* Frames of these, from the client, a reader must refuse; the others are valid. */
static bool
is_bad(const char *name)
{
	return strncmp(name, "bad-tag", 7) == 0 || strncmp(name, "bad-message-type", 16) == 0
	    || strncmp(name, "bad-zlib", 8) == 0;
}

static bool
same_messages(const struct messages *a, const struct messages *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n; i++)
		if (a->m[i].type != b->m[i].type || a->m[i].dialect != b->m[i].dialect
		    || a->m[i].retained.n != b->m[i].retained.n
		    || memcmp(a->m[i].retained.p, b->m[i].retained.p, a->m[i].retained.n) != 0)
			return false;
	return a->n == b->n;
}

static void
check_reader(const struct recording *r, char dir)
{
	int dialect = strstr(r->name, ".5.") ? 5 : 6;
	bool bad = dir == '>' && is_bad(r->name);
	bool types = true, dialects = true, encoded = true, splits = true;
	struct messages whole = { 0 }, split = { 0 };
	struct rpyc_reader reader;
	struct buf stream = { 0 }, again = { 0 };
	enum rpyc_status status = RPYC_MORE;
	size_t i, cut, step, frames = 0, before, n = 0;

	if (strncmp(r->name, "wrong-dialect", 13) == 0 && dir == '>')
		dialect = 11 - dialect;

	reader_init(&reader);
	for (i = 0; i < r->n; i++) {
		const struct line *l = &r->line[i];

		if (l->dir != dir || l->kind != FRAME)
			continue;
		buf_add(&stream, l->p, l->n);
		before = whole.n;
		status = read_all(&reader, l->p, l->n, &whole);
		if (status == RPYC_BAD)
			break;
		if (memcmp(l->p, "\0\0\0\0\0", 5) == 0) /* an empty frame says nothing */
			continue;
		frames++;
		if (whole.n != before + 1)
			continue;
		n = whole.n - 1;
		dialects &= whole.m[n].dialect == dialect;
		types &= whole.m[n].type >= RPYC_REQUEST && whole.m[n].type <= RPYC_EXCEPTION;
		if (l->p[4] != 0)
			continue;
		buf_clear(&again, 1 << 20);
		put_frame(&again, &whole.m[n], -1, NULL);
		encoded &= again.n == l->n && memcmp(again.p, l->p, l->n - 1) == 0;
	}
	if (bad) {
		ok(status == RPYC_BAD && reader.error, "%s %c refused", r->name, dir);
	} else {
		ok(whole.n == frames && types && dialects && !reader.begun, "%s %c %zu frames read",
		    r->name, dir, frames);
		ok(encoded, "%s %c written again as they were", r->name, dir);
	}
	rpyc_reader_free(&reader);

	/* Cut 0 is byte by byte. In long streams not every place is tried. */
	step = stream.n > 4000 ? stream.n / 300 : 1;
	for (cut = 0; cut < stream.n; cut += step) {
		reader_init(&reader);
		status = RPYC_MORE;
		if (cut == 0) {
			for (i = 0; i < stream.n && status != RPYC_BAD; i++)
				status = read_all(&reader, stream.p + i, 1, &split);
		} else {
			status = read_all(&reader, stream.p, cut, &split);
			if (status != RPYC_BAD)
				status = read_all(&reader, stream.p + cut, stream.n - cut, &split);
		}
		splits &= same_messages(&whole, &split) && (status == RPYC_BAD) == bad;
		messages_free(&split);
		rpyc_reader_free(&reader);
	}
	ok(splits, "%s %c in every split", r->name, dir);
	messages_free(&whole);
	buf_free(&stream);
	buf_free(&again);
}

/* ---- the server's side ---- */

enum split { WHOLE, BYTES, CUT };

struct replay {
	const struct recording *r;
	enum split split;
	size_t cut; /* CUT: the client's stream is cut here */
	size_t fed; /* bytes of it so far */
	bool one_request;

	struct server_session *s;
	struct rpyc_reader reader; /* of what the server sends */
	struct messages said;
	size_t *taken; /* indexes of said that were compared */
	size_t ntaken;
	struct pairs pairs;
	int64_t seq[256]; /* of the server's requests: ours for theirs; -1: not met */
	bool bad;
	char why[400];
};

static void
wrong(struct replay *rp, const char *what, const char *got, const char *want)
{
	if (!rp->bad)
		snprintf(rp->why, sizeof rp->why, "%s: got %.150s, want %.150s", what, got, want);
	rp->bad = true;
}

/* Let the session go as far as it can without more input. */
static void
server_run(struct replay *rp)
{
	const struct server_protocol *w = &rpyc_server_protocol;
	struct iovec iov[8];
	size_t n;
	int i, niov;

	for (;;) {
		if (rp->s->want == WANT_WAIT) {
			w->resume(rp->s);
			continue;
		}
		if (rp->s->want != WANT_OUTPUT)
			return;
		niov = out_iov(&rp->s->out, iov, 8);
		if (niov <= 0) {
			wrong(rp, "output", "nothing", "bytes");
			return;
		}
		if (rp->split == BYTES) {
			if (read_all(&rp->reader, iov[0].iov_base, 1, &rp->said) == RPYC_BAD)
				wrong(rp, "stream of the server", rp->reader.error, "messages");
			server_sent(rp->s, 1);
			continue;
		}
		for (n = 0, i = 0; i < niov; i++) {
			if (read_all(&rp->reader, iov[i].iov_base, iov[i].iov_len, &rp->said)
			    == RPYC_BAD)
				wrong(rp, "stream of the server", rp->reader.error, "messages");
			n += iov[i].iov_len;
		}
		server_sent(rp->s, n);
	}
}

static void
server_feed(struct replay *rp, const unsigned char *p, size_t n)
{
	size_t piece, taken;

	while (n > 0 && !rp->bad) {
		piece = n;
		if (rp->split == BYTES)
			piece = 1;
		else if (rp->split == CUT && rp->fed < rp->cut && rp->fed + n > rp->cut)
			piece = rp->cut - rp->fed;
		server_run(rp);
		if (rp->s->want != WANT_INPUT)
			return;
		taken = rpyc_server_protocol.input(rp->s, p, piece);
		if (taken == 0 && rp->s->want == WANT_INPUT)
			wrong(rp, "input", "taken 0", "some");
		p += taken;
		n -= taken;
		rp->fed += taken;
	}
	server_run(rp);
}

/* Replies whose values are the implementation's own. */
static bool
own_value(int64_t handler)
{
	return handler == RPYC_REPR || handler == RPYC_STR || handler == RPYC_HASH
	    || handler == RPYC_DIR || handler == RPYC_INSPECT;
}

/* Are the two messages the same? What stock servers say about wrong arguments to a handler
 * names their own functions: there the exception's class counts. */
static bool
same_text(const struct replay *rp, const char *got, const char *want)
{
	const char *class_end = strstr(want, "), ");

	if (strncmp(rp->r->name, "bad-requests", 12) == 0 && strncmp(want, "exception", 9) == 0
	    && class_end)
		return strncmp(got, want, (size_t)(class_end - want)) == 0;
	return strcmp(got, want) == 0;
}

/* What the recorded server says here: has ours said it too? */
static void
server_expect(struct replay *rp, const struct message *m, const struct messages *asked)
{
	struct buf a = { 0 }, b = { 0 };
	struct refs ours, theirs;
	struct message *o = NULL;
	const char *got, *want;
	int64_t handler = -1;
	const struct pair *p;
	size_t i, k;

	/* the oldest of the same direction of asking that was not compared yet; DELs may come in
	 * another order */
	want = describe(m, &b, &theirs);
	for (i = 0; i < rp->said.n && !o; i++) {
		for (k = 0; k < rp->ntaken && rp->taken[k] != i; k++)
			;
		if (k < rp->ntaken
		    || (rp->said.m[i].type == RPYC_REQUEST) != (m->type == RPYC_REQUEST))
			continue;
		if (m->type == RPYC_REQUEST
		    && (handler_of(&rp->said.m[i]) == RPYC_DEL) != (handler_of(m) == RPYC_DEL))
			continue;
		if (handler_of(m) == RPYC_DEL
		    && strcmp(describe(&rp->said.m[i], &a, &ours), want) != 0)
			continue;
		o = &rp->said.m[i];
		rp->taken[rp->ntaken++] = i;
	}
	if (!o) {
		/* a release that comes later, or by ending the session, is as good */
		if (handler_of(m) != RPYC_DEL)
			wrong(rp, "answer", "nothing", want);
		goto out;
	}
	got = describe(o, &a, &ours);
	if (m->type != RPYC_REQUEST) {
		for (i = 0; i < asked->n; i++)
			if (asked->m[i].type == RPYC_REQUEST && seq_of(&asked->m[i]) == seq_of(m))
				handler = handler_of(&asked->m[i]);
		if (seq_of(o) != seq_of(m))
			wrong(rp, "seq of an answer", got, want);
	} else if (seq_of(m) >= 0 && seq_of(m) < 256) {
		rp->seq[seq_of(m)] = seq_of(o);
	}
	if (own_value(handler) ? o->type != m->type : !same_text(rp, got, want))
		wrong(rp, "message", got, want);
	for (i = 0; i < ours.n && i < theirs.n && !rp->bad; i++) {
		p = pair_find(&rp->pairs, theirs.id[i].cls, theirs.id[i].id);
		if (m->type != RPYC_REQUEST && strstr(want, "mine"))
			pair_add(&rp->pairs, &theirs.id[i], &ours.id[i]);
		else if (p ? p->our_cls != ours.id[i].cls || p->our_id != ours.id[i].id
			   : theirs.id[i].cls != ours.id[i].cls || theirs.id[i].id != ours.id[i].id)
			wrong(rp, "reference", got, want);
	}
out:
	buf_free(&a);
	buf_free(&b);
}

/* The whole recording; true if the server said what was recorded. */
static bool
replay_server(struct replay *rp)
{
	static const struct service service = { .max_payload = (uint64_t)1 << 30 };
	struct messages asked = { 0 }, one = { 0 };
	struct rpyc_reader client, server;
	struct buf frame = { 0 };
	bool valid = !is_bad(rp->r->name);
	size_t i;

	rp->fed = rp->ntaken = rp->pairs.n = 0;
	rp->bad = false;
	for (i = 0; i < 256; i++)
		rp->seq[i] = -1;
	reader_init(&rp->reader);
	reader_init(&client);
	reader_init(&server);
	rp->taken = need(calloc(rp->r->n + 1, sizeof *rp->taken));
	rp->s = need(rpyc_server_protocol.open(&service));
	rp->s->one_request = rp->one_request;
	server_run(rp);
	for (i = 0; i < rp->r->n && !rp->bad; i++) {
		const struct line *l = &rp->r->line[i];

		if (l->kind == RESET)
			break;
		if (l->kind == END) {
			if (l->dir == '>' && rp->s->want == WANT_INPUT)
				rpyc_server_protocol.end(rp->s);
			server_run(rp);
			continue;
		}
		messages_free(&one);
		if (l->dir == '<') {
			if (read_all(&server, l->p, l->n, &one) == RPYC_MESSAGE
			    && handler_of(one.m) != RPYC_CLOSE)
				server_expect(rp, &one.m[0], &asked);
			continue;
		}
		if (!valid || read_all(&client, l->p, l->n, &one) != RPYC_MESSAGE) {
			server_feed(rp, l->p, l->n);
			continue;
		}
		read_all(&client, l->p, 0, &one);
		buf_clear(&frame, 1 << 20);
		if (one.m[0].type == RPYC_REQUEST) {
			put_frame(&frame, &one.m[0], -1, &rp->pairs);
		} else {
			int64_t seq = seq_of(&one.m[0]);

			if (seq < 0 || seq >= 256 || rp->seq[seq] < 0)
				continue; /* it answers what ours did not ask */
			put_frame(&frame, &one.m[0], rp->seq[seq], &rp->pairs);
		}
		if (one.m[0].type == RPYC_REQUEST) {
			asked.m = need(realloc(asked.m, (asked.n + 1) * sizeof *asked.m));
			asked.m[asked.n++] = one.m[0];
			one.n = 0;
		}
		/* compressed frames go in as they were recorded where nothing had to be changed */
		if (l->p[4] != 0 && rp->pairs.n == 0)
			server_feed(rp, l->p, l->n);
		else
			server_feed(rp, frame.p, frame.n);
	}
	if (!rp->bad && rp->s->want == WANT_INPUT) {
		rpyc_server_protocol.end(rp->s);
		server_run(rp);
	}
	if (!rp->bad && rp->s->want != WANT_CLOSE)
		wrong(rp, "end", "the session goes on", "WANT_CLOSE");
	rpyc_server_protocol.close(rp->s);
	messages_free(&rp->said);
	messages_free(&asked);
	messages_free(&one);
	rpyc_reader_free(&rp->reader);
	rpyc_reader_free(&client);
	rpyc_reader_free(&server);
	buf_free(&frame);
	free(rp->taken);
	return !rp->bad;
}

static void
check_server(const struct recording *r)
{
	static struct replay rp;
	size_t length, step;
	int single;
	bool good = true;

	memset(&rp, 0, sizeof rp);
	rp.r = r;
	for (single = 0; single < 2; single++) {
		rp.one_request = single;
		rp.split = WHOLE;
		if (!ok(replay_server(&rp), "%s answered%s", r->name,
			single ? ", request by request" : ""))
			printf("# %s\n", rp.why);
		length = rp.fed;
		rp.split = BYTES;
		if (!ok(replay_server(&rp), "%s answered, byte by byte%s", r->name,
			single ? ", request by request" : ""))
			printf("# %s\n", rp.why);
	}
	rp.one_request = false;
	rp.split = CUT;
	step = length > 3000 ? length / 300 : 1;
	for (rp.cut = 1; rp.cut < length && good; rp.cut += step)
		good = replay_server(&rp);
	if (!ok(good, "%s answered in every split", r->name))
		printf("# cut at %zu: %s\n", rp.cut - step, rp.why);
}

/* ---- the client's side ---- */

/* Calls that lead to the exchange of a recording. Upload data is zeros. */
struct calls {
	const char *recording;
	bool native;       /* as with -N: recorded with a stock client */
	const char *name;  /* of OP_NAMED */
	const char *error; /* of the last call; NULL: all succeed */
	struct call call[6];
	size_t n;
};

#define CALLS(...) { __VA_ARGS__ }, sizeof(struct call[]){ __VA_ARGS__ } / sizeof(struct call)

/* clang-format off */
static const struct calls calls[] = {
	{ "native-callattr", false, NULL, NULL,
	    CALLS({ .op = OP_PING }, { .op = OP_UPLOAD, .size = 10 },
	        { .op = OP_UPLOAD, .size = 5000 }, { .op = OP_DOWNLOAD, .size = 10 },
	        { .op = OP_DOWNLOAD, .size = 5000 }) },
	{ "native-callattr", false, "compute/1000", NULL, CALLS({ .op = OP_NAMED }) },
	{ "native-callattr", false, "sleep/0.01", NULL, CALLS({ .op = OP_NAMED }) },
	{ "native-list-upload", false, NULL, NULL,
	    CALLS({ .op = OP_UPLOAD_FILE_CHUNKED, .size = 309, .chunk = 103 }) },
	{ "native-errors", false, "nosuch", "AttributeError: 'BenchmarkService' object has no attribute 'nosuch'",
	    CALLS({ .op = OP_NAMED }) },
	{ "native-errors", false, "compute/x",
	    "TypeError: 'str' object cannot be interpreted as an integer", CALLS({ .op = OP_NAMED }) },
	{ "native-errors", false, "echo", "TypeError: BenchmarkService.exposed_echo() missing 1 required "
	    "positional argument: 'data'", CALLS({ .op = OP_NAMED }) },
	{ "root-ping", true, NULL, NULL,
	    CALLS({ .op = OP_PING }, { .op = OP_PING }, { .op = OP_PING }) },
	{ "download", true, NULL, NULL,
	    CALLS({ .op = OP_DOWNLOAD, .size = 0 }, { .op = OP_DOWNLOAD, .size = 10 },
	        { .op = OP_DOWNLOAD, .size = 5000 }, { .op = OP_DOWNLOAD, .size = 70000 }) },
	{ "download-chunked-iter", true, NULL, NULL,
	    CALLS({ .op = OP_DOWNLOAD_FILE_CHUNKED, .size = 10, .chunk = 4 }) },
	{ "download-chunked-empty", true, NULL, NULL,
	    CALLS({ .op = OP_DOWNLOAD_FILE_CHUNKED, .size = 0, .chunk = 4 }) },
	{ "download-chunked-5000", true, NULL, NULL,
	    CALLS({ .op = OP_DOWNLOAD_FILE_CHUNKED, .size = 10000, .chunk = 5000 }) },
	{ "upload-chunked-list-empty", true, NULL, NULL,
	    CALLS({ .op = OP_UPLOAD_FILE_CHUNKED, .size = 0, .chunk = 4 }) },
	{ "upload-file", true, NULL, NULL,
	    CALLS({ .op = OP_DOWNLOAD_FILE, .size = 20 }) },
	{ "compute", true, "compute/1000", NULL, CALLS({ .op = OP_NAMED }) },
	{ "sleep", true, "sleep/0.01", NULL, CALLS({ .op = OP_NAMED }) },
	{ "err-missing-method", true, "nosuch",
	    "AttributeError: 'BenchmarkService' object has no attribute 'nosuch'", CALLS({ .op = OP_NAMED }) },
	{ "err-arg-type", true, "compute/x",
	    "TypeError: 'str' object cannot be interpreted as an integer", CALLS({ .op = OP_NAMED }) },
};
/* clang-format on */

struct asking {
	const struct recording *r;
	const struct calls *calls;
	enum split split;
	size_t cut, fed;

	struct client_session *c;
	struct messages recorded;  /* in order; of a line that is no message: empty */
	struct rpyc_reader reader; /* of what the client sends */
	struct messages said;
	size_t handled;    /* of said */
	bool *matched;     /* lines of the client that ours has said, too */
	int64_t seq[1000]; /* ours for the recorded requests; -1: not said */
	size_t at;         /* next line */
	struct pairs pairs;
	bool bad;
	char why[400];
};

static void
ask_wrong(struct asking *a, const char *what, const char *got, const char *want)
{
	if (!a->bad)
		snprintf(a->why, sizeof a->why, "%s: got %.150s, want %.150s", what, got, want);
	a->bad = true;
}

/* Take what the client has to send. */
static void
client_run(struct asking *a)
{
	struct iovec iov[8];
	size_t n;
	int i, niov;

	while (a->c->want == WANT_OUTPUT && !a->bad) {
		niov = out_iov(&a->c->out, iov, 8);
		if (niov <= 0) {
			ask_wrong(a, "output", "nothing", "bytes");
			return;
		}
		if (a->split == BYTES) {
			niov = 1;
			iov[0].iov_len = 1;
		}
		for (n = 0, i = 0; i < niov; i++) {
			if (read_all(&a->reader, iov[i].iov_base, iov[i].iov_len, &a->said)
			    == RPYC_BAD)
				ask_wrong(a, "stream of the client", a->reader.error, "messages");
			n += iov[i].iov_len;
		}
		client_sent(a->c, n);
	}
}

static void
client_feed(struct asking *a, const unsigned char *p, size_t n)
{
	size_t piece;

	while (n > 0 && !a->bad) {
		piece = n;
		if (a->split == BYTES)
			piece = 1;
		else if (a->split == CUT && a->fed < a->cut && a->fed + n > a->cut)
			piece = a->cut - a->fed;
		if (a->c->want == WANT_CLOSE)
			return;
		piece = a->c->protocol->input(a->c, p, piece);
		p += piece;
		n -= piece;
		a->fed += piece;
	}
}

/* Find what the client has just said in the recording. */
static void
client_said(struct asking *a, const struct message *m)
{
	struct buf x = { 0 }, y = { 0 };
	struct refs ours, theirs;
	const char *got = describe(m, &x, &ours), *want = "something that was recorded";
	const struct message *o;
	size_t i, k;
	bool found = false;

	for (i = 0; i < a->r->n && !found; i++) {
		o = &a->recorded.m[i];
		if (a->matched[i] || a->r->line[i].dir != '>' || o->type != m->type)
			continue;
		want = describe(o, &y, &theirs);
		if (m->type == RPYC_REQUEST)
			found = strcmp(got, want) == 0;
		else /* chunks have other sizes here */
			found = seq_of(m) == seq_of(o)
			    && (strcmp(got, want) == 0
				|| (strncmp(got, "reply b:", 8) == 0 || strstr(got, "bytes")));
		if (!found)
			continue;
		a->matched[i] = true;
		for (k = 0; k < ours.n && k < theirs.n; k++)
			pair_add(&a->pairs, &theirs.id[k], &ours.id[k]);
		if (m->type == RPYC_REQUEST && seq_of(o) >= 0 && seq_of(o) < 1000)
			a->seq[seq_of(o)] = seq_of(m);
	}
	/* it may release more than was recorded: collections of garbage have their own time */
	if (!found && handler_of(m) == RPYC_DEL)
		found = strncmp(got, "request 15 (yours ", 18) == 0 && strstr(got, ", 1)");
	if (!found)
		ask_wrong(a, "the client said", got, want);
	buf_free(&x);
	buf_free(&y);
}

/* Go on in the recording by one line. False: at its end. */
static bool
recorded_next(struct asking *a)
{
	const struct line *l = &a->r->line[a->at];
	const struct message *m;
	struct buf frame = { 0 };
	int64_t seq;

	if (a->at == a->r->n)
		return false;
	m = &a->recorded.m[a->at++];
	if (l->dir == '>' || l->kind != FRAME)
		return true;
	seq = seq_of(m);
	if (m->type != RPYC_REQUEST) {
		if (seq < 0 || seq >= 1000 || a->seq[seq] < 0)
			return true; /* the answer to what ours did not ask */
		seq = a->seq[seq];
		if (l->p[4] != 0 && seq == seq_of(m)) {
			client_feed(a, l->p, l->n);
			return true;
		}
	}
	put_frame(&frame, m, seq, m->type == RPYC_REQUEST ? &a->pairs : NULL);
	client_feed(a, frame.p, frame.n);
	buf_free(&frame);
	return true;
}

static bool
replay_client(struct asking *a)
{
	struct payload payload;
	struct client_conf conf = { .host = "127.0.0.1", .payload = &payload, .check = true };
	struct call hello = { .op = OP_HELLO };
	struct rpyc_reader readers[2];
	struct messages one = { 0 };
	bool last;
	size_t i, k;

	if (payload_zeros(&payload) != 0)
		die("memory", "payload");
	conf.dialect = strstr(a->r->name, ".5.") ? 5 : 6;
	conf.native = a->calls->native;
	conf.name = a->calls->name;
	a->bad = false;
	a->fed = a->handled = a->at = a->pairs.n = 0;
	for (i = 0; i < 1000; i++)
		a->seq[i] = -1;
	a->matched = need(calloc(a->r->n + 1, sizeof *a->matched));
	reader_init(&a->reader);
	reader_init(&readers[0]);
	reader_init(&readers[1]);
	a->recorded.m = need(calloc(a->r->n + 1, sizeof *a->recorded.m));
	a->recorded.n = a->r->n;
	for (i = 0; i < a->r->n; i++) {
		if (a->r->line[i].kind == FRAME
		    && read_all(&readers[a->r->line[i].dir == '<'], a->r->line[i].p,
			   a->r->line[i].n, &one)
			== RPYC_MESSAGE) {
			a->recorded.m[i] = one.m[0];
			one.n = 0;
		}
	}
	a->c = need(rpyc_client_protocol.open(&conf));
	for (k = 0; k <= a->calls->n && !a->bad; k++) {
		last = k == a->calls->n;
		rpyc_client_protocol.begin(a->c, k == 0 ? &hello : &a->calls->call[k - 1], NULL);
		for (;;) {
			client_run(a);
			for (; a->handled < a->said.n; a->handled++)
				client_said(a, &a->said.m[a->handled]);
			if (a->c->outstanding == 0 || a->bad)
				break;
			if (a->c->want != WANT_INPUT) {
				ask_wrong(a, "want", "not input", "input");
				break;
			}
			if (!recorded_next(a)) {
				ask_wrong(a, "call", "no end", "an end");
				break;
			}
		}
		if (a->bad)
			break;
		if (last && a->calls->error) {
			if (a->c->ok || !strstr(a->c->error, a->calls->error))
				ask_wrong(a, "call", a->c->ok ? "success" : a->c->error,
				    a->calls->error);
		} else if (!a->c->ok) {
			ask_wrong(a, "call", a->c->error, "success");
		}
	}
	rpyc_client_protocol.end(a->c);
	if (!a->bad && a->c->want != WANT_CLOSE)
		ask_wrong(a, "end", "the connection goes on", "WANT_CLOSE");
	rpyc_client_protocol.close(a->c);
	payload_free(&payload);
	messages_free(&a->said);
	messages_free(&a->recorded);
	messages_free(&one);
	rpyc_reader_free(&a->reader);
	rpyc_reader_free(&readers[0]);
	rpyc_reader_free(&readers[1]);
	free(a->matched);
	return !a->bad;
}

static void
check_client(const struct recording *r)
{
	static struct asking a;
	const char *dot = strchr(r->name, '.');
	size_t i, length, step;
	bool good;

	for (i = 0; i < sizeof calls / sizeof *calls; i++) {
		const char *what = calls[i].name ? calls[i].name : "calls";

		if (strncmp(calls[i].recording, r->name, (size_t)(dot - r->name)) != 0
		    || strlen(calls[i].recording) != (size_t)(dot - r->name))
			continue;
		memset(&a, 0, sizeof a);
		a.r = r;
		a.calls = &calls[i];
		if (!ok(replay_client(&a), "%s asked: %s", r->name, what))
			printf("# %s\n", a.why);
		length = a.fed;
		a.split = BYTES;
		if (!ok(replay_client(&a), "%s asked, byte by byte: %s", r->name, what))
			printf("# %s\n", a.why);
		a.split = CUT;
		step = length > 4000 ? length / 300 : 1;
		good = true;
		for (a.cut = 1; a.cut < length && good; a.cut += step)
			good = replay_client(&a);
		if (!ok(good, "%s asked, in every split: %s", r->name, what))
			printf("# cut at %zu: %s\n", a.cut - step, a.why);
	}
}

/* ---- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "tests/wire";
	const char *only = argc > 2 ? argv[2] : "";
	struct recording r;
	struct dirent *e;
	char **name = NULL;
	size_t i, n = 0;
	DIR *d = opendir(dir);

	if (!d)
		die("open", dir);
	while ((e = readdir(d))) {
		if (!strstr(e->d_name, ".txt") || strncmp(e->d_name, only, strlen(only)) != 0)
			continue;
		name = need(realloc(name, (n + 1) * sizeof *name));
		name[n++] = need(strdup(e->d_name));
	}
	closedir(d);
	if (n > 0)
		qsort(name, n, sizeof *name, by_name);
	for (i = 0; i < n; i++) {
		recording_read(&r, dir, name[i]);
		check_reader(&r, '>');
		check_reader(&r, '<');
		check_server(&r);
		check_client(&r);
		recording_free(&r);
		free(name[i]);
	}
	free(name);
	return done();
}
