/* SPDX-License-Identifier: ISC */
/* RPyC against hostile peers: both sides of the protocol, given what no stock peer
 * sends, must answer it or end the connection, in bounded memory and time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "payload.h"
#include "rpyc/client_session.h"
#include "rpyc/inflate.h"
#include "rpyc/session.h"
#include "service.h"
#include "tap.h"

/* clang-format off */
#define ROOT "\x12\x08\x0e\x0f" "builtins.object\x51\x51"      /* id_packs, encoded */
#define MINE "\x12\x08\x0e\x0d" "builtins.list\x57\x57"
/* clang-format on */

static const struct service service = { .max_payload = (uint64_t)1 << 20 };

/* ---- what the peer sends ---- */

static void
add(struct buf *b, const char *p, size_t n)
{
	buf_add(b, p, n);
	if (b->failed)
		exit(1);
}
#define ADD(b, text) add(b, text, sizeof text - 1)

static size_t
begin(struct buf *b, enum rpyc_type type, int64_t seq)
{
	size_t at = rpyc_begin(b, 5, type);

	brine_put_int(b, seq);
	return at;
}

/* A request CALLATTR (root, name, ...: the boxed arguments are to be added. */
static size_t
call(struct buf *b, int64_t seq, const char *name)
{
	size_t at = begin(b, RPYC_REQUEST, seq);

	rpyc_put_request(b, RPYC_CALLATTR, 3);
	rpyc_put_ref_raw(b, RPYC_LOCAL_REF, ROOT, sizeof ROOT - 1);
	rpyc_put_str(b, name);
	return at;
}

/* A request that all is well with. */
static void
ping(struct buf *b, int64_t seq)
{
	size_t at = call(b, seq, "ping");

	rpyc_put_tag(b, BRINE_TAG_EMPTY_TUPLE);
	rpyc_end(b, at, 0);
}

/* ---- the server's side ---- */

/* A session, and what it has said since the last look. */
struct server {
	struct server_session *s;
	struct rpyc_reader peer;
	unsigned replies, exceptions, releases, closes, others;
	int64_t asked;  /* seq of the last request that was no release */
	bool valid;     /* all of it was RPyC */
	size_t most;    /* bytes waiting to be sent at once */
	unsigned waits; /* how often others had their turn */
};

static void
server_open(struct server *t)
{
	memset(t, 0, sizeof *t);
	t->s = rpyc_server_protocol.open(&service);
	t->peer.max = UINT64_MAX;
	t->valid = true;
	if (!t->s)
		exit(1);
}

static void
server_close(struct server *t)
{
	rpyc_reader_free(&t->peer);
	rpyc_server_protocol.close(t->s);
}

static void
server_said(struct server *t)
{
	struct brine b = brine_span(&t->peer.retained), seq;
	int64_t handler = 0;

	if (!rpyc_seq(&b, &seq)) {
		t->valid = false;
	} else if (t->peer.type == RPYC_REPLY) {
		t->replies++;
	} else if (t->peer.type == RPYC_EXCEPTION) {
		t->exceptions++;
	} else if (!brine_tuple(&b, 2) || !brine_int(&b, &handler)) {
		t->valid = false;
	} else if (handler == RPYC_DEL) {
		t->releases++;
	} else if (handler == RPYC_CLOSE) {
		t->closes++;
	} else {
		t->others++;
		brine_int(&seq, &t->asked);
	}
}

static void
server_read(struct server *t)
{
	struct iovec iov[4];
	size_t n, taken;
	int k, i;

	while (t->s->want == WANT_OUTPUT || t->s->want == WANT_WAIT) {
		if (t->s->want == WANT_WAIT) {
			t->waits++;
			t->s->protocol->resume(t->s);
			continue;
		}
		if (t->s->out.buf.cap > t->most)
			t->most = t->s->out.buf.cap;
		k = out_iov(&t->s->out, iov, 4);
		for (i = 0; i < k; i++) {
			for (n = 0; n < iov[i].iov_len && t->valid; n += taken) {
				switch (rpyc_read(&t->peer, (unsigned char *)iov[i].iov_base + n,
				    iov[i].iov_len - n, &taken)) {
				case RPYC_MESSAGE: server_said(t); break;
				case RPYC_BAD: t->valid = false; break;
				default: break;
				}
			}
			server_sent(t->s, iov[i].iov_len);
		}
	}
}

/* Send the bytes, in pieces; false: the session took no more. */
static bool
server_feed(struct server *t, const void *p, size_t n, size_t piece)
{
	const unsigned char *at = p;
	size_t k, taken;

	t->replies = t->exceptions = t->releases = t->closes = t->others = 0;
	for (; n > 0; at += taken, n -= taken) {
		server_read(t);
		if (t->s->want != WANT_INPUT)
			return false;
		k = n < piece ? n : piece;
		taken = t->s->protocol->input(t->s, at, k);
	}
	server_read(t);
	return true;
}

static bool
server_lives(struct server *t)
{
	struct buf b = { 0 };
	bool alive;

	ping(&b, 99);
	alive = server_feed(t, b.p, b.n, b.n) && t->replies == 1 && t->valid && t->s->idle;
	buf_free(&b);
	return alive;
}

/* One frame to a new session: must it be refused, or answered so? */
enum outcome { REFUSED, RAISED, ANSWERED };

static void
one(const struct buf *b, size_t piece, enum outcome want, const char *what)
{
	struct rpyc_session *s;
	struct server t;
	bool good;

	server_open(&t);
	s = (struct rpyc_session *)t.s;
	server_feed(&t, b->p, b->n, piece);
	good = t.valid && (want == REFUSED || s->in.retained.cap + s->base.out.buf.cap <= 4096);
	if (want == REFUSED)
		good = good && t.s->want == WANT_CLOSE && t.closes == 1 && t.s->errors == 1;
	else
		good = good && t.exceptions == (want == RAISED) && t.replies == (want == ANSWERED)
		    && server_lives(&t);
	ok(good, "%s: %s", what,
	    want == REFUSED      ? "refused"
		: want == RAISED ? "an exception"
				 : "answered");
	server_close(&t);
}

static void
fill(struct buf *b, int c, size_t n)
{
	unsigned char *p = buf_room(b, n);

	if (!p)
		exit(1);
	memset(p, c, n);
	b->n += n;
}

/* n bytes of one value, as argument of upload. */
static void
many(int c, size_t n, const char *front, size_t nfront, const char *what)
{
	struct rpyc_session *s;
	struct buf b = { 0 };
	struct server t;
	size_t at, i, most = 0, step = (size_t)1 << 20;

	at = call(&b, 1, "upload");
	rpyc_put_label(&b, RPYC_VALUE);
	add(&b, front, nfront);
	fill(&b, c, n);
	ADD(&b, "\x02");
	rpyc_end(&b, at, 0);
	server_open(&t);
	s = (struct rpyc_session *)t.s;
	for (i = 0; i < b.n; i += step) {
		server_feed(&t, b.p + i, b.n - i < step ? b.n - i : step, step);
		if (s->in.retained.cap > most)
			most = s->in.retained.cap;
	}
	ok(t.valid && t.exceptions == 1 && most <= RPYC_HOLD_MAX && server_lives(&t),
	    "%s: refused, in bounded memory (%zu)", what, most);
	server_close(&t);
	buf_free(&b);
}

static void
test_sizes(void)
{
	struct rpyc_session *s;
	struct buf b = { 0 };
	struct server t;
	size_t at, i;

	many(BRINE_TAG_EMPTY_BYTES, 40000000, "\x15\x02\x62\x5a\x01", 5,
	    "40 million empty strings");
	many(BRINE_TAG_NONE, 40000000, "\x15\x02\x62\x5a\x01", 5, "40 million Nones");
	many(BRINE_TAG_TUPLE_1, 40000000, "\x10", 1, "a tuple nested 40 million deep");

	at = call(&b, 1, "upload");
	rpyc_put_label(&b, RPYC_TUPLE);
	for (i = 0; i < 1000000; i++)
		ADD(&b, "\x10\x11\x52");
	ADD(&b, "\x02");
	rpyc_end(&b, at, 0);
	one(&b, 100000, ANSWERED, "boxes nested a million deep");

	server_open(&t);
	s = (struct rpyc_session *)t.s;
	buf_clear(&b, 0);
	ADD(&b, "\xff\xff\xff\xff\0");
	ADD(&b, "\x12\x51\x50\x11\x51\x11\x51\x10\x0f\xff\xff\xff\x00");
	fill(&b, 'x', 1 << 20);
	ok(server_feed(&t, b.p, b.n, b.n) && t.s->want == WANT_INPUT && !t.s->idle
		&& s->in.retained.cap <= 4096,
	    "4 GB announced: waits, and holds nothing");
	server_close(&t);

	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 0);
	ADD(&b, "\x15\xff\xff\xff\xff\x15\xff\xff\xff\xff\x02");
	rpyc_end(&b, at, 0);
	one(&b, b.n, REFUSED, "2^64 items in 11 bytes");

	for (i = 4300; i <= 4301; i++) {
		buf_clear(&b, 0);
		at = call(&b, 1, "compute");
		rpyc_put_label(&b, RPYC_VALUE);
		brine_put_tuple(&b, 1);
		ADD(&b, "\x17\0\0");
		buf_byte(&b, (unsigned char)(i >> 8));
		buf_byte(&b, (unsigned char)i);
		fill(&b, '9', i);
		rpyc_end(&b, at, 0);
		one(&b, 1000, i == 4300 ? RAISED : REFUSED,
		    i == 4300 ? "an int of 4300 digits" : "an int of 4301 digits");
	}

	buf_clear(&b, 0);
	fill(&b, 0, 6000000);
	for (i = 5; i < b.n; i += 6)
		b.p[i] = '\n';
	server_open(&t);
	ok(server_feed(&t, b.p, b.n, 65536) && t.s->idle && t.replies == 0 && server_lives(&t),
	    "a million empty frames");
	server_close(&t);
	buf_free(&b);
}

/* A compressed frame of the front, stored, and n * 258 + 1 zero bytes: fixed codes, copies
 * from one byte back. */
static void
bomb(struct buf *b, const struct buf *front, size_t n)
{
	uint32_t bits = 3 | 0x0cu << 3; /* last block, fixed codes; literal 0 */
	unsigned nbits = 11;
	size_t i;

	ADD(b, "\0\0\0\0\x01\x78\x01\0");
	buf_byte(b, (unsigned char)front->n);
	ADD(b, "\0");
	buf_byte(b, (unsigned char)~front->n);
	ADD(b, "\xff");
	add(b, (char *)front->p, front->n);
	for (i = 0; i < n; i++) {
		bits |= 0xa3u << nbits; /* length 258; distance 1 is five zero bits */
		for (nbits += 13; nbits >= 8; nbits -= 8, bits >>= 8)
			buf_byte(b, (unsigned char)bits);
	}
	n = b->n - 5;
	b->p[1] = (unsigned char)(n >> 16);
	b->p[2] = (unsigned char)(n >> 8);
	b->p[3] = (unsigned char)n;
	ADD(b, "\n");
}

static void
test_bomb(void)
{
	struct buf front = { 0 }, b = { 0 };

	call(&front, 1, "upload");
	rpyc_put_label(&front, RPYC_VALUE);
	ADD(&front, "\x10\x0f\xff\xff\xff\x00");
	memmove(front.p, front.p + 5, front.n -= 5); /* the head of the frame is the bomb's */
	bomb(&b, &front, 100000);
	one(&b, 4096, REFUSED, "a zlib bomb");
	buf_free(&front);
	buf_free(&b);
}

static void
test_text(void)
{
	struct buf b = { 0 };
	size_t at, i;

	at = call(&b, 1, "upload");
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x10\x08\x0f\x00\x00\x1f\x40");
	for (i = 0; i < 2000; i++)
		ADD(&b, "\xf0\x9f\x98\x80");
	rpyc_end(&b, at, 0);
	one(&b, 1, ANSWERED, "characters in pieces");
	one(&b, 3, ANSWERED, "characters in pieces of three");
	b.p[b.n - 2] = 'x';
	one(&b, 1, REFUSED, "a character that lacks its end");

	/* the name is shown in the exception's text, and cut off there in a character */
	for (i = 0; i < 4; i++) {
		buf_clear(&b, 0);
		at = begin(&b, RPYC_REQUEST, 1);
		rpyc_put_request(&b, RPYC_GETATTR, 2);
		rpyc_put_ref_raw(&b, RPYC_LOCAL_REF, ROOT, sizeof ROOT - 1);
		rpyc_put_label(&b, RPYC_VALUE);
		ADD(&b, "\x08\x0f\x00\x00\x01");
		buf_byte(&b, (unsigned char)(0x90 + i));
		fill(&b, 'a', i);
		for (at = 0; at < 100; at++)
			ADD(&b, "\xf0\x9f\x98\x80");
		rpyc_end(&b, 0, 0);
		one(&b, 7, RAISED, "a long name of no attribute");
	}
	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 1);
	rpyc_put_request(&b, RPYC_GETATTR, 2);
	rpyc_put_ref_raw(&b, RPYC_LOCAL_REF, ROOT, sizeof ROOT - 1);
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x0d\xff\xc0\x80\xed");
	rpyc_end(&b, at, 0);
	one(&b, b.n, RAISED, "a name of bytes that are no text");

	buf_clear(&b, 0);
	at = call(&b, 1, "upload");
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x10\x19\x50");
	rpyc_end(&b, at, 0);
	one(&b, b.n, REFUSED, "a slice of an int");
	buf_free(&b);
}

static void
test_seq(void)
{
	struct buf b = { 0 };
	size_t at, i;

	at = rpyc_begin(&b, 5, RPYC_REQUEST);
	ADD(&b, "\x0f\x00\x00\x20\x00");
	fill(&b, 's', 8192);
	rpyc_put_request(&b, RPYC_GETROOT, 0);
	rpyc_end(&b, at, 0);
	one(&b, b.n, REFUSED, "a sequence number of 8192 bytes");

	/* whoever looks at all that is kept for each of these strings is at it for hours */
	buf_clear(&b, 0);
	at = rpyc_begin(&b, 5, RPYC_REQUEST);
	ADD(&b, "\x15\x00\x04\x00\x00");
	for (i = 0; i < 0x40000; i++) {
		ADD(&b, "\x0e\x41");
		fill(&b, 's', 65);
	}
	rpyc_put_request(&b, RPYC_GETROOT, 0);
	rpyc_end(&b, at, 0);
	one(&b, b.n, REFUSED, "a sequence number of a quarter million strings");
	buf_free(&b);
}

/* ---- references ---- */

static void
put_mine(struct buf *b, unsigned n)
{
	for (; n > 0; n--)
		rpyc_put_ref_raw(b, RPYC_REMOTE_REF, MINE, sizeof MINE - 1);
}

/* upload_file_chunked(a list of mine). */
static void
upload_mine(struct server *t, struct buf *b, int64_t seq)
{
	size_t at;

	buf_clear(b, 0);
	at = call(b, seq, "upload_file_chunked");
	rpyc_put_label(b, RPYC_TUPLE);
	brine_put_tuple(b, 1);
	put_mine(b, 1);
	rpyc_end(b, at, 0);
	server_feed(t, b->p, b->n, b->n);
}

static size_t reply(struct buf *b, int64_t seq);

/* A message that takes long gives others their turn, as often as it takes; n: at least. */
static void
turns(struct buf *b, unsigned n, enum outcome want, const char *what)
{
	struct server t;

	server_open(&t);
	server_feed(&t, b->p, b->n, 256 << 10);
	ok(t.valid && t.replies == (want == ANSWERED) && t.exceptions == (want == RAISED)
		&& t.waits >= n && t.most <= (size_t)512 << 10,
	    "%s: others have their turn (%u), and %zu bytes wait to be sent", what, t.waits,
	    t.most);
	server_close(&t);
}

static void
test_turns(void)
{
	static const char ref[] = "\x11\x54\x12\x08\x01\x51\x51";
	struct buf b = { 0 };
	struct server t;
	size_t at, i, n = 2000000;

	at = call(&b, 1, "upload_file_chunked");
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x10\x15\x00\xe0\x00\x00");
	fill(&b, BRINE_TAG_EMPTY_BYTES, 14 << 20);
	rpyc_end(&b, at, 0);
	/* they are read, passed as an argument, and their lengths added up */
	turns(&b, 14 * (8 * WORK_READ + 8 * WORK_PASS + 8 * WORK_PASS), ANSWERED,
	    "14 million empty chunks");

	buf_clear(&b, 0);
	at = call(&b, 1, "upload");
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x10\x08\x0f\x00\x10\x00\x00");
	fill(&b, 'x', 1 << 20);
	rpyc_end(&b, at, 0);
	turns(&b, 8, ANSWERED, "a long text");

	buf_clear(&b, 0);
	at = call(&b, 1, "ping");
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, (uint32_t)n);
	for (i = 0; i < n; i++)
		add(&b, ref, sizeof ref - 1);
	rpyc_end(&b, at, 0);
	turns(&b, (unsigned)(n * WORK_RELEASE / WORK_MAX), RAISED, "2 million references");
	server_open(&t);
	server_feed(&t, b.p, b.n, b.n);
	ok(t.releases == n && server_lives(&t), "each of which is released");
	server_close(&t);
	buf_free(&b);
}

static size_t
reply(struct buf *b, int64_t seq)
{
	buf_clear(b, 0);
	return begin(b, RPYC_REPLY, seq);
}

static void
test_references(void)
{
	struct buf b = { 0 };
	struct server t;
	size_t at, i;

	for (i = 0; i < 4; i++) {
		buf_clear(&b, 0);
		at = begin(&b, RPYC_REQUEST, 1);
		/* an unknown handler; too many arguments; a label that is none, or an unknown
		 * reference, in front */
		rpyc_put_request(&b, i == 0 ? 77 : RPYC_REPR, i > 1 ? 4 : 3);
		if (i == 2)
			ADD(&b, "\x11\x51\x50");
		if (i == 3)
			rpyc_put_ref_raw(&b, RPYC_LOCAL_REF, MINE, sizeof MINE - 1);
		put_mine(&b, 3);
		rpyc_end(&b, at, 0);
		server_open(&t);
		server_feed(&t, b.p, b.n, b.n);
		ok(t.exceptions == 1 && t.releases == 3 && server_lives(&t),
		    "references of a refused request are released (%zu)", i);
		server_close(&t);
	}

	server_open(&t);
	upload_mine(&t, &b, 1);
	at = reply(&b, t.asked);
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, 2);
	put_mine(&b, 2);
	rpyc_end(&b, at, 0);
	server_feed(&t, b.p, b.n, b.n);
	ok(t.exceptions == 1 && t.releases == 3 && server_lives(&t),
	    "iter() gives a tuple of references: released");

	upload_mine(&t, &b, 2);
	at = reply(&b, t.asked);
	rpyc_put_label(&b, RPYC_REMOTE_REF);
	brine_put_tuple(&b, 3);
	ADD(&b, "\x08\x0f\x00\x00\x20\x00");
	fill(&b, 'n', 8192);
	ADD(&b, "\x51\x51");
	rpyc_end(&b, at, 0);
	server_feed(&t, b.p, b.n, b.n);
	ok(t.exceptions == 1 && t.releases == 1 && server_lives(&t),
	    "an iterator whose name is not kept");

	at = reply(&b, 1000);
	put_mine(&b, 1);
	rpyc_end(&b, at, 0);
	server_feed(&t, b.p, b.n, b.n);
	ok(t.exceptions == 0 && t.releases == 1 && server_lives(&t), "an answer to no request");
	server_close(&t);

	/* three lengths that make up less than nothing */
	server_open(&t);
	buf_clear(&b, 0);
	at = call(&b, 1, "upload_file_chunked");
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, 1);
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, 3);
	put_mine(&b, 3);
	rpyc_end(&b, at, 0);
	server_feed(&t, b.p, b.n, b.n);
	for (i = 0; i < 3 && t.others == 1; i++) {
		at = reply(&b, t.asked);
		rpyc_put_label(&b, RPYC_VALUE);
		brine_put_int(&b, INT64_MAX);
		rpyc_end(&b, at, 0);
		server_feed(&t, b.p, b.n, b.n);
	}
	ok(i == 1 && t.exceptions == 1 && t.releases == 3 && server_lives(&t),
	    "lengths beyond all measure");
	server_close(&t);
	buf_free(&b);
}

static void
test_waiting(void)
{
	struct rpyc_session *s;
	struct buf b = { 0 };
	struct server t;
	unsigned waiting = 0, raised = 0;
	size_t at, i;

	server_open(&t);
	for (i = 0; i < 100; i++) {
		upload_mine(&t, &b, (int64_t)i);
		waiting += t.others;
		raised += t.exceptions;
	}
	ok(waiting == 64 && raised == 36 && !t.s->idle, "100 calls that wait: 64 do");
	server_close(&t);

	server_open(&t);
	s = (struct rpyc_session *)t.s;
	buf_clear(&b, 0);
	at = call(&b, 1, "upload_file_chunked");
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, 1);
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, 20001);
	for (i = 0; i < 20000; i++)
		ADD(&b,
		    "\x11\x51\x0e\x24"
		    "abcdefghijklmnopqrstuvwxyz0123456789");
	put_mine(&b, 1);
	rpyc_end(&b, at, 0);
	for (i = 0; i < 40; i++)
		server_feed(&t, b.p, b.n, b.n);
	ok(s->nremote > 5 && s->nremote < 40 && s->remote_bytes <= RPYC_HOLD_MAX
		&& t.exceptions == 1 && t.releases == 1,
	    "calls that wait with much (%u)", s->nremote);
	server_close(&t);
	buf_free(&b);
}

/* What the peer makes the session hold, in all. */
static size_t
held(const struct server *t)
{
	const struct rpyc_session *s = (const struct rpyc_session *)t->s;

	return s->in.retained.n + s->remote_bytes + s->objects * sizeof *s->object
	    + out_held(&s->base.out);
}

/* All that can be held at once: lists, calls that wait, and a message beside them. */
static void
test_hold(void)
{
	struct rpyc_session *s;
	struct buf b = { 0 };
	struct server t;
	size_t at, i, most = 0, step = (size_t)64 << 10;

	server_open(&t);
	s = (struct rpyc_session *)t.s;
	at = call(&b, 1, "download_file_chunked");
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x11\x51\x51");
	rpyc_end(&b, at, 0);
	for (i = 0; i < 65536; i++)
		server_feed(&t, b.p, b.n, b.n);
	buf_clear(&b, 0);
	at = call(&b, 2, "upload_file_chunked");
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, 1);
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, 20001);
	for (i = 0; i < 20000; i++)
		ADD(&b,
		    "\x11\x51\x0e\x24"
		    "abcdefghijklmnopqrstuvwxyz0123456789");
	put_mine(&b, 1);
	rpyc_end(&b, at, 0);
	for (i = 0; i < 100; i++)
		server_feed(&t, b.p, b.n, b.n);
	ok(s->objects == 65536 && s->nremote > 5 && t.exceptions == 1 && held(&t) > 11 << 20,
	    "lists and calls that wait are held (%zu)", held(&t));
	buf_clear(&b, 0);
	at = call(&b, 3, "upload");
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x10\x15\x00\xe0\x00\x00");
	fill(&b, BRINE_TAG_NONE, 14 << 20);
	rpyc_end(&b, at, 0);
	for (i = 0; i < b.n; i += step) {
		server_feed(&t, b.p + i, b.n - i < step ? b.n - i : step, step);
		if (held(&t) > most)
			most = held(&t);
	}
	ok(t.valid && t.exceptions == 1 && most > 14 << 20 && most <= RPYC_HOLD_MAX,
	    "and of a message what fits beside them (%zu)", most);
	buf_clear(&b, 0);
	ping(&b, 4);
	server_feed(&t, b.p, b.n, b.n);
	ok(t.replies == 1 && t.valid, "a short one always does");
	server_close(&t);
	buf_free(&b);
}

/* How often do these bytes, sent one at a time, start the peer's time limit again? */
static unsigned
steps(struct server *t, const struct buf *b)
{
	unsigned before = t->s->progress;

	server_feed(t, b->p, b->n, 1);
	return t->s->progress - before;
}

/* A step towards a request is one that begins or is complete, and nothing else. */
static void
test_progress(void)
{
	struct buf b = { 0 };
	struct server t;
	size_t at;

	server_open(&t);
	ping(&b, 1);
	ok(steps(&t, &b) == 2, "a request begins and is complete: two steps");
	buf_clear(&b, 0);
	ADD(&b, "\0\0\0\0\0\n");
	ok(steps(&t, &b) == 0 && t.s->idle, "an empty frame is none");
	at = reply(&b, 1000);
	rpyc_put_tag(&b, BRINE_TAG_NONE);
	rpyc_end(&b, at, 0);
	ok(steps(&t, &b) == 0 && t.s->idle, "nor is an answer that nothing waits for");
	at = reply(&b, 1000);
	rpyc_put_label(&b, RPYC_VALUE);
	brine_put_bytes_head(&b, 3 << 20);
	fill(&b, 'x', 3 << 20);
	rpyc_end(&b, at, 0);
	ok(steps(&t, &b) == 0 && t.s->idle, "however long");

	upload_mine(&t, &b, 2);
	ok(!t.s->idle && t.others == 1, "a call waits");
	buf_clear(&b, 0);
	ping(&b, 3);
	ok(steps(&t, &b) == 0 && t.replies == 1, "another request is no step towards its end");
	at = reply(&b, t.asked);
	put_mine(&b, 1);
	rpyc_end(&b, at, 0);
	ok(steps(&t, &b) == 2 && t.others == 1, "what it waits for is");
	at = reply(&b, t.asked);
	rpyc_put_label(&b, RPYC_VALUE);
	brine_put_bytes_head(&b, 1 << 20);
	fill(&b, 'x', 1 << 20);
	rpyc_end(&b, at, 0);
	ok(steps(&t, &b) == 3 && t.others == 1, "so is each part of a long one");
	buf_clear(&b, 0);
	at = begin(&b, RPYC_EXCEPTION, t.asked);
	brine_put_int(&b, 1);
	rpyc_end(&b, at, 0);
	ok(steps(&t, &b) == 2 && t.replies == 1, "and its end");
	server_close(&t);
	buf_free(&b);
}

/* download_file_chunked(size, chunk): the id of the list is 101 + number. */
static void
make_list(struct server *t, struct buf *b, int64_t size, int64_t chunk)
{
	size_t at;

	buf_clear(b, 0);
	at = call(b, 1, "download_file_chunked");
	rpyc_put_label(b, RPYC_VALUE);
	brine_put_tuple(b, 2);
	brine_put_int(b, size);
	brine_put_int(b, chunk);
	rpyc_end(b, at, 0);
	server_feed(t, b->p, b->n, b->n);
}

/* Is the list equal to another one? 1, 0, or -1: no answer that says so. */
static int
equal(struct server_session *s, int64_t number, int64_t other)
{
	static const unsigned char yes[] = { BRINE_TAG_TRUE, '\n' },
				   no[] = { BRINE_TAG_FALSE, '\n' };
	struct buf b = { 0 };
	struct iovec iov;
	size_t at = begin(&b, RPYC_REQUEST, 1);
	int is = -1;

	rpyc_put_request(&b, RPYC_CMP, 3);
	rpyc_put_ref(&b, RPYC_LOCAL_REF, "builtins.list", 1, 101 + number);
	rpyc_put_ref(&b, RPYC_LOCAL_REF, "builtins.list", 1, 101 + other);
	rpyc_put_str(&b, "__eq__");
	rpyc_end(&b, at, 0);
	s->protocol->input(s, b.p, b.n);
	if (out_iov(&s->out, &iov, 1) == 1) {
		at = iov.iov_len - 2;
		is = memcmp((char *)iov.iov_base + at, yes, 2) == 0 ? 1
		    : memcmp((char *)iov.iov_base + at, no, 2) == 0 ? 0
								    : -1;
		server_sent(s, iov.iov_len);
	}
	buf_free(&b);
	return is;
}

static void
test_lists(void)
{
	/* the second pair of each is compared with the first */
	static const struct {
		int64_t size[2], chunk[2];
		int equal;
	} list[] = {
		{ { 100, 100 }, { 10, 10 }, 1 },
		{ { 0, 0 }, { 10, 20 }, 1 },
		{ { 10, 10 }, { 10, 20 }, 1 },
		{ { 100, 99 }, { 10, 10 }, 0 },
		{ { 100, 100 }, { 10, 11 }, 0 },
		{ { 100, 110 }, { 10, 11 }, 0 },
	};
	struct buf b = { 0 };
	struct server t;
	size_t at, i;

	server_open(&t);
	for (i = 0; i < sizeof list / sizeof *list; i++) {
		make_list(&t, &b, list[i].size[0], list[i].chunk[0]);
		make_list(&t, &b, list[i].size[1], list[i].chunk[1]);
		ok(equal(t.s, (int64_t)i * 2, (int64_t)i * 2 + 1) == list[i].equal,
		    "two lists: %s (%zu)", list[i].equal ? "equal" : "not equal", i);
	}
	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 1);
	rpyc_put_request(&b, RPYC_BUFFITER, 2);
	rpyc_put_ref(&b, RPYC_LOCAL_REF, "builtins.list", 1, 101);
	rpyc_put_label(&b, RPYC_VALUE);
	brine_put_int(&b, -1);
	rpyc_end(&b, at, 0);
	server_feed(&t, b.p, b.n, b.n);
	ok(t.exceptions == 1 && server_lives(&t), "buffiter with -1 is refused");

	/* items that are too short to be only pointed to */
	make_list(&t, &b, 1 << 20, 1000);
	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 1);
	rpyc_put_request(&b, RPYC_BUFFITER, 2);
	rpyc_put_ref(&b, RPYC_LOCAL_REF, "builtins.list", 1, 101 + (int64_t)i * 2);
	rpyc_put_label(&b, RPYC_VALUE);
	brine_put_int(&b, 65536);
	rpyc_end(&b, at, 0);
	t.most = 0;
	server_feed(&t, b.p, b.n, b.n);
	ok(t.replies == 1 && t.valid && t.most <= (size_t)2 * RPYC_OUT_MAX && server_lives(&t),
	    "buffiter's answer is made as it is read (%zu)", t.most);
	server_close(&t);
	buf_free(&b);
}

static void
test_objects(void)
{
	static const char list[] = "\x12\x08\x0e\x0d"
				   "builtins.list\x51\x16\x03"
				   "201";
	struct rpyc_session *s;
	struct buf b = { 0 }, del = { 0 };
	unsigned given = 0, refused = 0;
	struct server t;
	size_t at, i;

	server_open(&t);
	s = (struct rpyc_session *)t.s;
	at = call(&b, 1, "download_file_chunked");
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x11\x51\x51");
	rpyc_end(&b, at, 0);
	at = begin(&del, RPYC_REQUEST, 2);
	rpyc_put_request(&del, RPYC_DEL, 1);
	rpyc_put_ref_raw(&del, RPYC_LOCAL_REF, list, sizeof list - 1);
	rpyc_end(&del, at, 0);
	for (i = 0; i < 65536 + 10; i++) {
		server_feed(&t, b.p, b.n, b.n);
		given += t.replies;
		refused += t.exceptions;
	}
	ok(given == 65536 && refused == 10 && s->objects == 65536, "65536 lists, and no more");
	server_feed(&t, del.p, del.n, del.n);
	ok(t.replies == 1 && s->vacant == 100, "one is released");
	server_feed(&t, b.p, b.n, b.n);
	ok(t.replies == 1 && server_lives(&t), "and there is room for one");
	server_close(&t);
	buf_free(&b);
	buf_free(&del);
}

/* ---- the client's side ---- */

static const unsigned char zeros[1000];
static const struct payload payload = { .data = zeros, .period = sizeof zeros };

/* Open, say hello, begin the call. */
static struct client_session *
client_open(struct client_conf *conf, const struct call *call)
{
	struct client_session *c;
	struct buf b = { 0 };
	size_t at;

	conf->payload = &payload;
	conf->dialect = 5;
	if (!(c = rpyc_client_protocol.open(conf)))
		exit(1);
	c->protocol->begin(c, call, NULL);
	at = reply(&b, 0);
	rpyc_put_ref_raw(&b, RPYC_REMOTE_REF, ROOT, sizeof ROOT - 1);
	rpyc_end(&b, at, 0);
	c->protocol->input(c, b.p, b.n);
	buf_free(&b);
	return c;
}

/* Let it send all; how many of these messages were releases, or -1: not RPyC. */
static int
client_releases(struct client_session *c)
{
	struct rpyc_reader peer = { .max = UINT64_MAX };
	struct iovec iov;
	struct brine b, seq;
	size_t n, taken;
	int64_t handler;
	int releases = 0;

	while (c->want == WANT_OUTPUT && out_iov(&c->out, &iov, 1) == 1) {
		for (n = 0; n < iov.iov_len && releases >= 0; n += taken) {
			switch (rpyc_read(&peer, (unsigned char *)iov.iov_base + n, iov.iov_len - n,
			    &taken)) {
			case RPYC_MESSAGE:
				b = brine_span(&peer.retained);
				if (peer.type == RPYC_REQUEST && rpyc_seq(&b, &seq)
				    && brine_tuple(&b, 2) && brine_int(&b, &handler))
					releases += handler == RPYC_DEL;
				break;
			case RPYC_BAD: releases = -1; break;
			default: break;
			}
		}
		client_sent(c, iov.iov_len);
	}
	rpyc_reader_free(&peer);
	return releases;
}

static void
client_feed(struct client_session *c, const struct buf *b)
{
	c->protocol->input(c, b->p, b->n);
}

static void
test_client(void)
{
	static const struct call pings = { .op = OP_PING };
	static const struct call offers = { .op = OP_UPLOAD_FILE_CHUNKED,
		.size = 100,
		.chunk = 10 };
	static const struct call long_offers = { .op = OP_UPLOAD_FILE_CHUNKED,
		.size = 4000,
		.chunk = 2000 };
	static const struct call uploads = { .op = OP_UPLOAD, .size = 100 };
	static const struct call streams = { .op = OP_UPLOAD_STREAM, .size = 1000, .chunk = 10 };
	static const struct call named = { .op = OP_NAMED };
	struct client_conf conf = { .name = "all" };
	struct client_session *c;
	struct buf b = { 0 };
	size_t at, i;

	/* what a server can make a client hold, and send */
	for (i = 0; i < 2; i++) {
		c = client_open(&conf, i == 0 ? &pings : &named);
		client_releases(c);
		at = reply(&b, 1);
		rpyc_put_label(&b, i == 0 ? RPYC_TUPLE : RPYC_VALUE);
		ADD(&b, "\x15\x00\x10\x00\x00");
		if (i == 0)
			for (size_t k = 0; k < 0x100000; k++)
				ADD(&b, "\x11\x54\x12\x08\x01\x51\x51");
		else
			fill(&b, BRINE_TAG_NONE, 0x100000);
		rpyc_end(&b, at, 0);
		client_feed(c, &b);
		ok(c->outstanding == 0 && c->ok == (i == 1)
			&& ((struct rpyc_client *)c)->in.retained.cap <= 65536
			&& c->out.buf.cap <= 1 << 20,
		    "a million %s to a client: %s", i == 0 ? "references" : "values",
		    i == 0 ? c->error : "taken");
		c->protocol->close(c);
	}

	c = client_open(&conf, &pings);
	client_releases(c);
	at = reply(&b, 1);
	rpyc_put_label(&b, RPYC_TUPLE);
	brine_put_tuple(&b, 2);
	put_mine(&b, 2);
	rpyc_end(&b, at, 0);
	client_feed(c, &b);
	ok(c->outstanding == 0 && !c->ok && client_releases(c) == 2,
	    "what a wrong reply refers to is released");
	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 5);
	rpyc_put_request(&b, RPYC_CALL, 2);
	put_mine(&b, 2);
	rpyc_end(&b, at, 0);
	client_feed(c, &b);
	ok(c->want == WANT_OUTPUT && client_releases(c) == 2,
	    "what a refused request refers to, too");
	c->protocol->close(c);

	c = client_open(&conf, &offers);
	client_releases(c);
	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 0);
	rpyc_put_request(&b, RPYC_CALLATTR, 4);
	rpyc_put_ref(&b, RPYC_LOCAL_REF, "builtins.list", 1, INT64_MAX);
	rpyc_put_str(&b, "__iter__");
	rpyc_put_tag(&b, BRINE_TAG_EMPTY_TUPLE);
	rpyc_put_tag(&b, BRINE_TAG_EMPTY_TUPLE);
	rpyc_end(&b, at, 0);
	client_feed(c, &b);
	ok(c->outstanding > 0 && client_releases(c) == 0,
	    "an object of the largest number is not offered");
	c->protocol->close(c);

	for (i = 0; i < 2; i++) {
		c = client_open(&conf, &uploads);
		client_releases(c);
		at = reply(&b, 1);
		rpyc_put_label(&b, RPYC_VALUE);
		brine_put_int_text(&b, &"-100000000000000000000"[i], 22 - i);
		rpyc_end(&b, at, 0);
		client_feed(c, &b);
		ok(c->outstanding == 0 && !c->ok
			&& strcmp(c->error, "a reply that is an int beyond 64 bits") == 0,
		    "a count of bytes beyond 64 bits: %s", c->error);
		c->protocol->close(c);
	}

	/* the first of 16 fails; what the others say does not matter */
	c = client_open(&conf, &streams);
	client_releases(c);
	buf_clear(&b, 0);
	at = begin(&b, RPYC_EXCEPTION, 1);
	ADD(&b,
	    "\x13\x11\x08\x0a"
	    "b\x08\x0a"
	    "E\x10\x08\x0a"
	    "x\x02\x08\x01");
	rpyc_end(&b, at, 0);
	for (i = 2; i <= 16; i++) {
		at = begin(&b, RPYC_REPLY, (int64_t)i);
		rpyc_put_label(&b, RPYC_VALUE);
		brine_put_int(&b, 3);
		rpyc_end(&b, at, 0);
	}
	client_feed(c, &b);
	ok(c->outstanding == 0 && !c->ok && strcmp(c->error, "E: x") == 0,
	    "the first error of a stream counts");
	c->protocol->close(c);

	c = client_open(&conf, &streams);
	client_releases(c);
	at = reply(&b, 2);
	rpyc_put_label(&b, RPYC_VALUE);
	brine_put_int(&b, 10);
	rpyc_end(&b, at, 0);
	client_feed(c, &b);
	ok(c->outstanding == 0 && !c->ok && c->want == WANT_CLOSE, "a reply out of order");
	c->protocol->close(c);

	/* a request that makes it release something, amid a stream */
	c = client_open(&conf, &streams);
	client_releases(c);
	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 5);
	rpyc_put_request(&b, RPYC_CALL, 1);
	put_mine(&b, 1);
	rpyc_end(&b, at, 0);
	client_feed(c, &b);
	for (i = 0; i < 101 && c->outstanding > 0; i++) {
		if (client_releases(c) < 0)
			break;
		at = reply(&b, (int64_t)i + (i < 16 ? 1 : 2));
		rpyc_put_label(&b, RPYC_VALUE);
		brine_put_int(&b, 10);
		rpyc_end(&b, at, 0);
		client_feed(c, &b);
	}
	ok(i == 100 && c->outstanding == 0 && c->ok, "a stream with a release in it goes on");
	c->protocol->close(c);

	c = client_open(&conf, &pings);
	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 5);
	rpyc_put_request(&b, RPYC_PING, 1);
	rpyc_put_str(&b, "a text of no importance, sent again and again");
	rpyc_end(&b, at, 0);
	for (i = 0; i < 10000000 && c->want != WANT_CLOSE; i++)
		client_feed(c, &b);
	ok(c->want == WANT_CLOSE && !c->ok && c->out.buf.cap <= RPYC_HOLD_MAX,
	    "a peer that asks and does not read: %s", c->error);
	c->protocol->close(c);

	/* the same of chunks, which are only pointed to */
	c = client_open(&conf, &long_offers);
	buf_clear(&b, 0);
	for (i = 0; i < 2; i++) {
		at = begin(&b, RPYC_REQUEST, 5);
		rpyc_put_request(&b, RPYC_CALLATTR, 4);
		rpyc_put_ref(&b, RPYC_LOCAL_REF,
		    i == 0 ? "builtins.list" : "builtins.list_iterator", (int64_t)i + 1,
		    (int64_t)i + 1);
		rpyc_put_str(&b, i == 0 ? "__iter__" : "__next__");
		rpyc_put_tag(&b, BRINE_TAG_EMPTY_TUPLE);
		rpyc_put_tag(&b, BRINE_TAG_EMPTY_TUPLE);
		rpyc_end(&b, at, 0);
	}
	for (i = 0; i < 10000000 && c->want != WANT_CLOSE; i++)
		client_feed(c, &b);
	ok(c->want == WANT_CLOSE && !c->ok && c->out.n > 10000
		&& c->out.buf.cap + c->out.cap * sizeof *c->out.part <= RPYC_HOLD_MAX,
	    "or fetches chunks: %s (%zu, %zu)", c->error, c->out.buf.cap, c->out.cap);
	c->protocol->close(c);
	buf_free(&b);
}

/* Give the client bytes as a driver of many does; returns the turns that takes. */
static unsigned
client_turns(struct client_session *c, const struct buf *b, uint64_t *most)
{
	const struct rpyc_reader *in = &((struct rpyc_client *)c)->in;
	uint64_t before;
	unsigned turns = 0;
	size_t at = 0;

	*most = 0;
	do {
		turns++;
		before = in->inflated;
		c->work = WORK_MAX;
		at += c->protocol->input(c, b->p + at, b->n - at);
		if (in->inflated - before > *most)
			*most = in->inflated - before;
	} while (c->work == 0 && (at < b->n || c->more) && c->want != WANT_CLOSE);
	return turns;
}

/* What a server sends costs a client of many connections a bounded piece of work at a time, too. */
static void
test_client_turns(void)
{
	static const struct call named = { .op = OP_NAMED };
	struct client_conf conf = { .name = "all" };
	struct buf front = { 0 }, b = { 0 };
	struct client_session *c;
	unsigned turns;
	uint64_t most;
	size_t at;

	c = client_open(&conf, &named);
	client_releases(c);
	at = reply(&b, 1);
	rpyc_put_label(&b, RPYC_VALUE);
	ADD(&b, "\x15\x00\x10\x00\x00");
	fill(&b, BRINE_TAG_NONE, 0x100000);
	rpyc_end(&b, at, 0);
	turns = client_turns(c, &b, &most);
	ok(c->outstanding == 0 && c->ok && turns >= 0x100000 * WORK_READ / WORK_MAX,
	    "a million values to a client: others have their turn (%u)", turns);
	c->protocol->close(c);

	c = client_open(&conf, &named);
	client_releases(c);
	reply(&front, 1);
	rpyc_put_label(&front, RPYC_VALUE);
	ADD(&front, "\x0f\x0f\xff\xff\xff");
	memmove(front.p, front.p + 5, front.n -= 5);
	buf_clear(&b, 0);
	bomb(&b, &front, 100000);
	turns = client_turns(c, &b, &most);
	ok(c->want == WANT_CLOSE && !c->ok && turns >= 20000000 / WORK_MAX
		&& most <= WORK_MAX + INFLATE_WINDOW,
	    "a zlib bomb to a client, too (%u, %" PRIu64 "): %s", turns, most, c->error);
	c->protocol->close(c);
	buf_free(&front);
	buf_free(&b);
}

/* What a server says to this input, that comes in pieces. *known: it knew the last message. */
static struct buf
answer(const struct buf *in, size_t piece, bool *known)
{
	struct server_session *s = rpyc_server_protocol.open(&service);
	struct buf said = { 0 };
	struct iovec iov;
	size_t at = 0, n;

	if (!s)
		exit(1);
	while (s->want == WANT_OUTPUT || s->want == WANT_WAIT
	    || (s->want == WANT_INPUT && at < in->n)) {
		if (s->want == WANT_OUTPUT && out_iov(&s->out, &iov, 1) == 1) {
			add(&said, iov.iov_base, iov.iov_len);
			server_sent(s, iov.iov_len);
		} else if (s->want == WANT_WAIT) {
			s->protocol->resume(s);
		} else {
			n = in->n - at < piece ? in->n - at : piece;
			at += s->protocol->input(s, in->p + at, n);
		}
	}
	*known = ((struct rpyc_session *)s)->in.again;
	rpyc_server_protocol.close(s);
	return said;
}

/* Is it answered alike in one piece, where a message may be known, and byte by byte, where each is
 * read? */
static bool
same_answer(const struct buf *in, bool *known)
{
	struct buf whole = answer(in, in->n, known), cut;
	bool read, same;

	cut = answer(in, 1, &read);
	same = !read && whole.n == cut.n && memcmp(whole.p, cut.p, cut.n) == 0;
	buf_free(&whole);
	buf_free(&cut);
	return same;
}

static void
ping_in(struct buf *b, int dialect, int64_t seq)
{
	size_t at = rpyc_begin(b, dialect, RPYC_REQUEST);

	brine_put_int(b, seq);
	rpyc_put_request(b, RPYC_CALLATTR, 3);
	rpyc_put_ref_raw(b, RPYC_LOCAL_REF, ROOT, sizeof ROOT - 1);
	rpyc_put_str(b, "ping");
	rpyc_put_tag(b, BRINE_TAG_EMPTY_TUPLE);
	rpyc_end(b, at, 0);
}

/* A call that was just made is known by its bytes: no other is taken for it. */
static void
test_known(void)
{
	static const int64_t seqs[] = { -1, 0, 79, 80, 159, 160, 255, 256, 65535, 65536, 2147483647,
		2147483648, 999999999999999999, 1000000000000000000, INT64_MAX };
	struct buf b = { 0 };
	bool same, all, known;
	size_t i, first;
	unsigned c;
	int d;

	for (d = 5; d <= 6; d++) {
		same = all = true;
		for (i = 0; i < sizeof seqs / sizeof *seqs; i++) {
			b.n = 0;
			ping_in(&b, d, 1);
			ping_in(&b, d, seqs[i]);
			same &= same_answer(&b, &known);
			all &= known;
		}
		ok(same && all, "dialect %d: a call is known, whatever its number", d);

		b.n = 0;
		ping_in(&b, d, 1);
		first = b.n;
		ping_in(&b, d, 2);
		for (same = true, i = first; i < b.n; i++) {
			for (c = 1; c < 256; c++) {
				b.p[i] ^= (unsigned char)c;
				same &= same_answer(&b, &known);
				b.p[i] ^= (unsigned char)c;
			}
		}
		ok(same, "dialect %d: one that differs in a byte is not taken for it", d);
	}
	buf_free(&b);
}

/* A queue that is never empty stays small, and what comes out is what was put in. */
static void
test_queue(void)
{
	static const unsigned char block[2000];
	struct out o = { 0 };
	unsigned char in = 0, want = 0;
	struct iovec iov;
	bool same = true, first = true;
	size_t i, k;

	for (i = 0; i < 1000000; i++) {
		out_add(&o, &in, 1);
		in++;
		if (i % 3 == 0) {
			out_cycle(&o, block, sizeof block, 0, sizeof block);
			out_add(&o, &in, 1);
			in++;
		}
		while (o.pending > 20000 && out_iov(&o, &iov, 1) == 1) {
			for (k = 0; k < iov.iov_len && iov.iov_base != block; k++)
				same &= ((unsigned char *)iov.iov_base)[k] == want++;
			same &= iov.iov_base != block || iov.iov_len == sizeof block;
			out_sent(&o, iov.iov_len);
		}
		first &= o.pending > 0;
	}
	ok(same && first && !o.failed && o.buf.cap <= 1024 && o.cap <= 256,
	    "a queue that never drains stays small (%zu, %zu)", o.buf.cap, o.cap);
	out_free(&o);
}

int
main(void)
{
	test_sizes();
	test_bomb();
	test_text();
	test_seq();
	test_references();
	test_waiting();
	test_hold();
	test_progress();
	test_objects();
	test_lists();
	test_turns();
	test_client();
	test_client_turns();
	test_known();
	test_queue();
	return done();
}
