/* SPDX-License-Identifier: ISC */
/* RPyC's messages: reading frames in bounded memory, writing them, boxing. */
#include "rpyc/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpyc/inflate.h"

enum {
	READ_HEAD,
	READ_TYPE,  /* the first two bytes of the payload */
	READ_VALUE, /* tag and length of a value */
	READ_DATA,
	READ_REST, /* behind the last value: ignored, as stock peers do */
	READ_TRAILER
};

#define SEQ_MAX 8192 /* bytes of an encoded sequence number: room for any int */
#define ELIDED_SIZE 17
#define HOLD_WORK 256 /* to ask whether a long string is held */

static const char cut_short[] = "a message that is cut short";

static bool
bad(struct rpyc_reader *r, const char *why)
{
	r->error = why;
	return false;
}

/* Count n against the work that may be done. */
static void
spend(struct rpyc_reader *r, uint64_t n)
{
	if (r->work)
		work_done(r->work, n);
}

static bool
exhausted(const struct rpyc_reader *r)
{
	return r->work && *r->work == 0;
}

/* May n more bytes be retained? */
static bool
room(struct rpyc_reader *r, size_t n)
{
	if (r->retained.n + n > (r->retain_max ? r->retain_max : RPYC_HOLD_MAX) + r->held)
		r->overflow = true;
	return !r->overflow;
}

static void
retain(struct rpyc_reader *r, const void *p, size_t n)
{
	if (room(r, n))
		buf_add(&r->retained, p, n);
}

/* A value is complete, but for those it consists of. */
static bool
value_done(struct rpyc_reader *r)
{
	if (r->within == BRINE_STR && r->text.left > 0)
		return bad(r, "a str is not UTF-8");
	if (!r->retain && room(r, ELIDED_SIZE)) {
		buf_byte(&r->retained, BRINE_TAG_ELIDED);
		brine_put_number(&r->retained, r->length, 8);
		brine_put_number(&r->retained, r->text.chars, 8);
	}
	r->within = BRINE_INVALID;
	r->state = r->values > 0 ? READ_VALUE : READ_REST;
	return true;
}

/* The value in head consists of others, or of n bytes of data (perhaps none). */
static bool
value_begin(struct rpyc_reader *r, enum brine_type type, uint64_t n)
{
	size_t limit = r->retained.n > RPYC_RETAIN_MUCH ? RPYC_RETAIN_SHORT : RPYC_RETAIN_STRING;

	r->token = type;
	r->length = r->data_left = n;
	r->retain = type != BRINE_BYTES || n <= limit;
	if (!r->retain && r->hold && n <= r->hold_max - r->held) {
		spend(r, HOLD_WORK);
		r->retain = r->hold(r->ctx);
		r->held += r->retain ? (size_t)n : 0;
	}
	if (r->retain)
		retain(r, r->head, r->nhead);
	r->nhead = 0;
	if (type == BRINE_STR || type == BRINE_SLICE || type == BRINE_FROZENSET) {
		r->within = type;
		return true;
	}
	r->state = READ_DATA;
	return n > 0 ? true : value_done(r);
}

/* The next byte of a value's tag and length. */
static bool
value_head(struct rpyc_reader *r, unsigned char c)
{
	const struct brine_form *f;
	uint64_t n;

	r->head[r->nhead++] = c;
	f = &brine_forms[r->head[0]];
	if (r->nhead <= f->size)
		return true;
	n = f->size == 0 ? f->n : f->size == 1 ? c : brine_u32(r->head + 1);
	if (r->within == BRINE_STR && f->type != BRINE_BYTES)
		return bad(r, "a str without text");
	if (r->within > BRINE_STR && f->type != BRINE_TUPLE)
		return bad(r, "a slice or frozenset without a tuple");
	if (f->type == BRINE_INVALID || r->head[0] == BRINE_TAG_ELIDED)
		return bad(r, "an undefined brine tag");
	if (f->type == BRINE_INT && f->size > 0 && (n == 0 || n > BRINE_INT_DIGITS_MAX))
		return bad(r, "an int of no digits, or of too many");
	r->values--;
	spend(r, WORK_READ);
	if (f->type >= BRINE_STR) {
		r->values += n;
		n = 0;
	}
	if (r->within == BRINE_INVALID)
		memset(&r->text, 0, sizeof r->text);
	return value_begin(r, f->type, n);
}

static inline bool
digits(const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == end;
}

/* Are they all ASCII? Most strings are short, so that is seen eight at a time. */
static inline bool
ascii(const unsigned char *p, size_t n)
{
	uint64_t eight, all = 0;
	size_t i;

	if (n < sizeof eight) {
		for (i = 0; i < n; i++)
			all |= p[i];
		return all < 0x80;
	}
	for (i = 0; i < n; i += sizeof eight) {
		/* the last eight overlap those before */
		memcpy(&eight, p + (i + sizeof eight <= n ? i : n - sizeof eight), sizeof eight);
		all |= eight;
	}
	return (all & 0x8080808080808080) == 0;
}

static bool
data(struct rpyc_reader *r, const unsigned char *p, size_t n)
{
	bool sign;

	if (r->within == BRINE_STR && !utf8(&r->text, p, n))
		return bad(r, "a str is not UTF-8");
	sign = r->data_left == r->length && r->length > 1 && (*p == '-' || *p == '+');
	if (r->token == BRINE_INT && !digits(p + sign, n - sign))
		return bad(r, "an int that is not a number");
	if (r->retain)
		retain(r, p, n);
	else if (r->sink)
		r->sink(r->ctx, p, n);
	r->data_left -= n;
	return r->data_left > 0 ? true : value_done(r);
}

/* The first two bytes of a payload. */
static bool
message_begin(struct rpyc_reader *r, unsigned first, unsigned second)
{
	int dialect = first == BRINE_TAG_TUPLE_1 + 2 ? 5 : first >= 1 && first <= 3 ? 6 : 0;

	if (dialect == 0)
		return bad(r,
		    first == 0 ? "RPyC with bind_threads, which is not supported" : "not RPyC");
	if (r->dialect != 0 && r->dialect != dialect)
		return bad(r, "a message in RPyC's other dialect");
	r->dialect = dialect;
	r->type = dialect == 5 ? (int)second - BRINE_TAG_INT_0 : (int)first;
	if (r->type < RPYC_REQUEST || r->type > RPYC_EXCEPTION)
		return bad(r, "an unknown type of message");
	if (dialect == 6 && second != BRINE_TAG_TUPLE_1 + 1)
		return bad(r, "a message that is not a pair");
	r->nhead = 0;
	r->values = 2; /* seq and body */
	r->state = READ_VALUE;
	return true;
}

/* Do these n bytes consist of that many values (n at most), and these of nothing but the tokens
 * that small messages are made of? The payload of a frame that is two such values is retained as it
 * is; all others, valid or not, are left to payload(). */
static bool
simple(const unsigned char *p, size_t n, size_t values)
{
	size_t spare = n - values; /* bytes beside one for each value to come */
	size_t k;
	unsigned c;
	bool str;

	for (; values > 0; values--) {
		c = *p++;
		if (brine_small(c) || c == BRINE_TAG_EMPTY_TUPLE || c == BRINE_TAG_NONE)
			continue;
		if ((k = c - BRINE_TAG_TUPLE_1) < 4) {
			if (++k > spare)
				return false;
			values += k;
			spare -= k;
			continue;
		}
		str = c == BRINE_TAG_STR;
		if ((!str && c != BRINE_TAG_INT_L1) || spare == 0)
			return false;
		k = *p++;
		spare--;
		if (str && (k -= BRINE_TAG_BYTES_1) < 4) {
			k++;
		} else if (str) {
			if (k > 4 || spare == 0)
				return false;
			k = *p++;
			spare--;
		}
		if (k > spare || (k == 0 && !str))
			return false;
		if (!(str ? ascii(p, k) : digits(p, k)))
			return false;
		p += k;
		spare -= k;
	}
	return spare == 0;
}

/* Take a whole frame, if there is one at p and it is a simple one. Returns its length, or 0:
 * nothing was taken. */
static size_t
whole(struct rpyc_reader *r, const unsigned char *p, size_t n)
{
	size_t len, known = r->known.n;
	bool ok;

	if (n < 8 || p[0] || p[1] || p[2] >= RPYC_RETAIN_STRING >> 8 || p[4])
		return 0;
	len = (size_t)p[2] << 8 | p[3];
	if (len < 4 || n < len + 6)
		return 0;
	r->again = known > 0 && known + 2 < len
	    && memcmp(p + 5 + len - known, r->known.p, known) == 0
	    && simple(p + 7, len - 2 - known, 1);
	if (!r->again && !simple(p + 7, len - 2, 2))
		return 0;
	r->simple = true;
	spend(r, len);
	ok = message_begin(r, p[5], p[6]);
	r->state = READ_HEAD;
	if (ok)
		buf_add(&r->retained, p + 7, len - 2);
	return ok && !r->retained.failed ? len + 6 : 0;
}

/* How much of n bytes of a value's data is taken at once? */
static size_t
data_piece(struct rpyc_reader *r, size_t n)
{
	if (n > r->data_left)
		n = (size_t)r->data_left;
	if (r->within != BRINE_STR)
		return n;
	if (r->work && n > *r->work)
		n = (size_t)*r->work;
	spend(r, n);
	return n;
}

/* Take up to n bytes of the payload, inflated; *taken says how many. */
static bool
payload(struct rpyc_reader *r, const unsigned char *p, size_t n, size_t *taken)
{
	const unsigned char *start = p;
	size_t k;
	bool ok = true;

	for (; ok && n > 0 && r->state != READ_REST && !exhausted(r); p += k, n -= k) {
		k = 1;
		if (r->state == READ_VALUE) {
			ok = value_head(r, *p);
		} else if (r->state == READ_DATA) {
			k = data_piece(r, n);
			ok = data(r, p, k);
		} else if (r->nhead == 0) {
			r->head[r->nhead++] = *p;
		} else {
			ok = message_begin(r, r->head[0], *p);
		}
	}
	*taken = (size_t)(p - start) + (r->state == READ_REST ? n : 0);
	return ok && r->retained.failed ? bad(r, "out of memory") : ok;
}

/* The same for bytes that are deflated, those first that were inflated before. */
static bool
inflate_payload(struct rpyc_reader *r, const unsigned char *p, size_t n, size_t *taken)
{
	size_t given = n, k;

	for (;;) {
		if (r->got_left > 0 && !payload(r, r->got, r->got_left, &k))
			return false;
		if (r->got_left > 0) {
			r->got += k;
			r->got_left -= k;
		}
		*taken = given - n;
		r->more = r->got_left > 0 || exhausted(r);
		if (r->more)
			return true;
		switch (inflate_run(r->inflate, &p, &n, &r->got, &r->got_left)) {
		case INFLATE_OUTPUT:
			spend(r, r->got_left);
			r->inflated += r->got_left;
			if (r->inflated > r->max)
				return bad(r, "a compressed message inflates beyond the limit");
			break;
		case INFLATE_INPUT: *taken = given; return true;
		case INFLATE_DONE:
			/* stock readers ignore what follows the zlib stream */
			*taken = given;
			free(r->inflate);
			r->inflate = NULL;
			return r->state == READ_REST ? true : bad(r, cut_short);
		default: return bad(r, "a compressed message that is not a valid zlib stream");
		}
	}
}

static bool
head_done(struct rpyc_reader *r)
{
	bool deflated = r->head[4] != 0;

	r->left = brine_u32(r->head);
	r->nhead = 0;
	r->state = r->left > 0 ? READ_TYPE : READ_TRAILER; /* an empty frame is ignored */
	if (r->left == 0 && deflated)
		return bad(r, "an empty compressed frame");
	if (r->max_frame > 0 && r->left > r->max_frame)
		return bad(r,
		    memcmp(r->head, "HTTP/", sizeof r->head) == 0
			? "the reply is HTTP, not RPC"
			: "a message larger than any expected");
	if (deflated) {
		if (!(r->inflate = malloc(sizeof *r->inflate)))
			return bad(r, "out of memory");
		inflate_init(r->inflate);
		r->inflated = 0;
		r->got_left = 0;
	}
	return true;
}

/* Take up to n more bytes of the payload, as they are on the wire; *taken says how many. */
static bool
wire_payload(struct rpyc_reader *r, const unsigned char *p, size_t n, size_t *taken)
{
	bool ok;

	*taken = 0;
	ok = r->inflate ? inflate_payload(r, p, n, taken) : payload(r, p, n, taken);
	if (!ok)
		*taken = n; /* the rest is of no use */
	r->left -= *taken;
	if (!ok || r->left > 0 || r->more)
		return ok;
	if (r->state != READ_REST || r->inflate)
		return bad(r, cut_short);
	r->state = READ_TRAILER;
	return true;
}

enum rpyc_status
rpyc_read(struct rpyc_reader *r, const unsigned char *p, size_t n, size_t *taken)
{
	const unsigned char *start = p;
	bool ok = true;
	size_t k;

	if (r->state == READ_HEAD && r->nhead == 0) {
		buf_clear(&r->retained, 512);
		r->overflow = r->simple = r->again = false;
		r->held = 0;
		if ((*taken = whole(r, p, n)) > 0)
			return RPYC_MESSAGE;
	}
	for (; (n > 0 || r->more) && ok && !exhausted(r); p += k, n -= k) {
		k = 1;
		r->begun = r->state != READ_TRAILER;
		if (r->state == READ_HEAD) {
			r->head[r->nhead++] = *p;
			if (r->nhead == sizeof r->head)
				ok = head_done(r);
		} else if (r->begun) {
			k = n < r->left ? n : (size_t)r->left;
			ok = wire_payload(r, p, k, &k);
		} else {
			r->state = READ_HEAD;
			if (r->retained.n > 0) {
				*taken = (size_t)(p - start) + 1;
				return RPYC_MESSAGE;
			}
		}
	}
	*taken = (size_t)(p - start);
	return !ok ? RPYC_BAD : n > 0 || r->more ? RPYC_PAUSED : RPYC_MORE;
}

void
rpyc_reader_free(struct rpyc_reader *r)
{
	free(r->inflate);
	r->inflate = NULL;
	buf_free(&r->retained);
	buf_free(&r->known);
}

/* ---- writing ---- */

size_t
rpyc_begin(struct buf *b, int dialect, enum rpyc_type type)
{
	unsigned char head[7] = { 0 };
	size_t begin = b->n;

	if (dialect == 5) {
		head[5] = BRINE_TAG_TUPLE_1 + 2;
		head[6] = (unsigned char)(BRINE_TAG_INT_0 + type);
	} else {
		head[5] = (unsigned char)type;
		head[6] = BRINE_TAG_TUPLE_1 + 1;
	}
	buf_add(b, head, sizeof head);
	return begin;
}

void
rpyc_end(struct buf *b, size_t begin, uint64_t more)
{
	uint64_t n;

	if (b->failed)
		return;
	n = b->n - begin - 5 + more;
	b->p[begin] = (unsigned char)(n >> 24);
	b->p[begin + 1] = (unsigned char)(n >> 16);
	b->p[begin + 2] = (unsigned char)(n >> 8);
	b->p[begin + 3] = (unsigned char)n;
	if (more == 0)
		buf_byte(b, RPYC_TRAILER[0]);
}

void
rpyc_put_label(struct buf *b, enum rpyc_label label)
{
	unsigned char pair[2] = { BRINE_TAG_TUPLE_1 + 1, (unsigned char)(BRINE_TAG_INT_0 + label) };

	buf_add(b, pair, sizeof pair);
}

void
rpyc_put_str(struct buf *b, const char *s)
{
	rpyc_put_label(b, RPYC_VALUE);
	brine_put_str(b, s);
}

void
rpyc_put_tag(struct buf *b, enum brine_tag tag)
{
	rpyc_put_label(b, RPYC_VALUE);
	buf_byte(b, (unsigned char)tag);
}

void
rpyc_put_request(struct buf *b, enum rpyc_handler handler, uint32_t n)
{
	brine_put_tuple(b, 2);
	brine_put_int(b, handler);
	if (n == 0) {
		rpyc_put_tag(b, BRINE_TAG_EMPTY_TUPLE);
	} else {
		rpyc_put_label(b, RPYC_TUPLE);
		brine_put_tuple(b, n);
	}
}

void
rpyc_put_ref(struct buf *b, enum rpyc_label label, const char *name, int64_t cls, int64_t id)
{
	rpyc_put_label(b, label);
	brine_put_tuple(b, 3);
	brine_put_str(b, name);
	brine_put_int(b, cls);
	brine_put_int(b, id);
}

void
rpyc_put_ref_raw(struct buf *b, enum rpyc_label label, const void *id_pack, size_t n)
{
	rpyc_put_label(b, label);
	buf_add(b, id_pack, n);
}

void
rpyc_put_callattr(struct buf *b, struct brine id_pack, const char *name)
{
	rpyc_put_request(b, RPYC_CALLATTR, 4);
	rpyc_put_ref_raw(b, RPYC_LOCAL_REF, id_pack.p, (size_t)(id_pack.end - id_pack.p));
	rpyc_put_str(b, name);
	rpyc_put_tag(b, BRINE_TAG_EMPTY_TUPLE);
	rpyc_put_tag(b, BRINE_TAG_EMPTY_TUPLE);
}

void
rpyc_put_del(struct buf *b, struct brine id_pack)
{
	rpyc_put_request(b, RPYC_DEL, 2);
	rpyc_put_ref_raw(b, RPYC_LOCAL_REF, id_pack.p, (size_t)(id_pack.end - id_pack.p));
	rpyc_put_label(b, RPYC_VALUE);
	brine_put_int(b, 1);
}

void
rpyc_put_exception(struct buf *b, const char *class)
{
	brine_put_tuple(b, 4);
	brine_put_tuple(b, 2);
	brine_put_str(b, "builtins");
	brine_put_str(b, class);
	brine_put_tuple(b, 1);
}

void
rpyc_put_exception_end(struct buf *b)
{
	brine_put_tuple(b, 0);
	brine_put_str(b, "");
}

/* ---- reading what is retained ---- */

bool
rpyc_boxed(struct brine *b, struct rpyc_boxed *x)
{
	return rpyc_get_label(b, &x->label) && brine_take(b, &x->at);
}

bool
rpyc_items(const struct rpyc_boxed *x, struct rpyc_items *items)
{
	items->at = x->at;
	items->boxed = x->label == RPYC_TUPLE;
	return (items->boxed || x->label == RPYC_VALUE) && brine_items(&items->at, &items->n);
}

bool
rpyc_item(struct rpyc_items *items, struct rpyc_boxed *x)
{
	if (items->n == 0)
		return false;
	items->n--;
	x->label = RPYC_VALUE;
	if (items->boxed && !rpyc_get_label(&items->at, &x->label))
		return false;
	if (items->n > 0)
		return brine_take(&items->at, &x->at);
	/* the last one is what is left: it may be long, and need not be passed */
	x->at = items->at;
	items->at.p = items->at.end;
	return x->at.p < x->at.end;
}

bool
rpyc_seq(struct brine *b, struct brine *seq)
{
	struct brine at = *b;

	if (at.end - at.p > SEQ_MAX)
		at.end = at.p + SEQ_MAX;
	if (!brine_skip_retained(&at))
		return false;
	seq->p = b->p;
	seq->end = b->p = at.p;
	return true;
}

bool
rpyc_stop_iteration(struct brine body)
{
	struct brine_value v;

	if (!brine_get(&body, &v))
		return false;
	if (v.type == BRINE_INT)
		return v.fits && v.i == 1;
	return v.type == BRINE_TUPLE && v.len == 4 && brine_tuple(&body, 2) && brine_get(&body, &v)
	    && brine_is(&v, "builtins") && brine_get(&body, &v) && brine_is(&v, "StopIteration");
}

bool
rpyc_id(struct brine b, struct rpyc_id *id)
{
	return brine_tuple(&b, 3) && brine_get(&b, &id->name) && id->name.type == BRINE_STR
	    && id->name.p && brine_int(&b, &id->cls) && brine_int(&b, &id->id);
}

bool
rpyc_theirs(const struct rpyc_boxed *x)
{
	struct rpyc_id id;

	return x->label == RPYC_REMOTE_REF && rpyc_id(x->at, &id);
}

enum rpyc_walked
rpyc_next_ref(struct rpyc_walk *w, uint64_t *work)
{
	enum rpyc_walked step;
	struct brine at;

	while ((step = rpyc_walk(w, work)) == WALK_BOXED && !rpyc_theirs(&w->x))
		;
	if (step == WALK_BOXED) {
		at = w->x.at;
		if (!brine_take(&at, &w->x.at))
			return WALK_BAD;
		rpyc_walked_id(w, at.p, work);
	}
	return step;
}
