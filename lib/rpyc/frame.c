/* SPDX-License-Identifier: ISC */
/* RPyC's messages: reading frames in bounded memory, writing them, boxing. */
#include "rpyc/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpyc/inflate.h"
#include "base/msg.h"

enum {
	READ_HEAD,
	READ_DIALECT,           /* first byte of the payload */
	READ_TYPE,              /* second byte */
	READ_TAG,
	READ_LENGTH,
	READ_DATA,
	READ_REST,              /* behind the last value: ignored, as stock peers do */
	READ_TRAILER
};

/* What a length or data belongs to. */
enum { TOKEN_BYTES, TOKEN_TUPLE, TOKEN_INT, TOKEN_FIXED };

#define SEQ_MAX 8192            /* bytes of an encoded sequence number: room for any int */
#define HEAD_MAX 5              /* bytes in front of a byte string's data or a tuple's items */

static bool
bad(struct rpyc_reader *r, const char *why)
{
	r->error = why;
	return false;
}

/* May n more bytes be retained? */
static bool
room(struct rpyc_reader *r, size_t n)
{
	if (r->retained.n + n > RPYC_RETAIN_MAX + r->held)
		r->overflow = true;
	return !r->overflow;
}

static bool
retain(struct rpyc_reader *r, const void *p, size_t n)
{
	if (!room(r, n))
		return true;
	buf_add(&r->retained, p, n);
	return r->retained.failed ? bad(r, "out of memory") : true;
}

static bool
retain_byte(struct rpyc_reader *r, unsigned c)
{
	unsigned char b = (unsigned char)c;

	/* the usual case: there is room, and so little that no limit is near */
	if (r->retained.n < r->retained.cap && r->retained.n < RPYC_RETAIN_MUCH) {
		r->retained.p[r->retained.n++] = b;
		return true;
	}
	return retain(r, &b, 1);
}

/* A value is complete. */
static void
value_done(struct rpyc_reader *r)
{
	r->str = false;
	r->state = --r->values > 0 ? READ_TAG : READ_REST;
}

/* Count characters and check that the text of a str is UTF-8 (RFC 3629), as a stock
 * reader does: it may come in pieces, and most of it is not retained. */
static bool
utf8(struct rpyc_reader *r, const unsigned char *p, size_t n)
{
	unsigned c;

	for (; n > 0; n--) {
		c = *p++;
		if (r->utf8_left > 0) {
			if (c < r->utf8_low || c > r->utf8_high)
				return bad(r, "a str is not UTF-8");
			r->utf8_low = 0x80;
			r->utf8_high = 0xbf;
			r->utf8_left--;
			continue;
		}
		r->chars++;
		if (c < 0x80)
			continue;
		r->utf8_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		r->utf8_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
		if (c >= 0xc2 && c <= 0xdf)
			r->utf8_left = 1;
		else if (c >= 0xe0 && c <= 0xef)
			r->utf8_left = 2;
		else if (c >= 0xf0 && c <= 0xf4)
			r->utf8_left = 3;
		else
			return bad(r, "a str is not UTF-8");
	}
	return true;
}

/* The data of a byte string, int or float is complete. */
static bool
data_done(struct rpyc_reader *r)
{
	unsigned char b[17];
	int i;

	if (r->str && r->utf8_left > 0)
		return bad(r, "a str is not UTF-8");
	if (!r->retain) {
		b[0] = BRINE_TAG_ELIDED;
		for (i = 0; i < 8; i++) {
			b[1 + i] = (unsigned char)(r->length >> (56 - 8 * i));
			b[9 + i] = (unsigned char)(r->chars >> (56 - 8 * i));
		}
		if (!retain(r, b, sizeof b))
			return false;
	}
	value_done(r);
	return true;
}

/* n bytes of data begin. */
static bool
data_begin(struct rpyc_reader *r, int token, uint64_t n)
{
	size_t limit = r->retained.n > RPYC_RETAIN_MUCH ? RPYC_RETAIN_SHORT : RPYC_RETAIN_STRING;

	r->token = token;
	r->length = r->data_left = n;
	r->chars = 0;
	r->utf8_left = 0;
	r->retain = true;
	if (token == TOKEN_BYTES) {
		if (n > limit) {
			r->retain = r->hold && n <= r->hold_max - r->held && r->hold(r->ctx);
			if (r->retain)
				r->held += (size_t)n;
		}
		if (r->retain && room(r, HEAD_MAX))
			brine_put_bytes_head(&r->retained, (uint32_t)n);
	}
	r->state = READ_DATA;
	return n > 0 ? true : data_done(r);
}

static bool
length_begin(struct rpyc_reader *r, int token, size_t size)
{
	r->token = token;
	r->nlength = size;
	r->length = 0;
	r->state = READ_LENGTH;
	return true;
}

static bool
length_done(struct rpyc_reader *r)
{
	unsigned char head[5];

	switch (r->token) {
	case TOKEN_TUPLE:
		r->values += r->length;
		if (room(r, HEAD_MAX))
			brine_put_tuple(&r->retained, (uint32_t)r->length);
		value_done(r);
		return true;
	case TOKEN_INT:
		if (r->length == 0 || r->length > BRINE_INT_DIGITS_MAX)
			return bad(r, "an int of no digits, or of too many");
		head[0] = BRINE_TAG_INT_L4;
		head[1] = head[2] = 0;
		head[3] = (unsigned char)(r->length >> 8);
		head[4] = (unsigned char)r->length;
		if (r->length < 256) {
			head[0] = BRINE_TAG_INT_L1;
			head[1] = head[4];
		}
		return retain(r, head, r->length < 256 ? 2 : 5) &&
		    data_begin(r, TOKEN_INT, r->length);
	default:
		return data_begin(r, TOKEN_BYTES, r->length);
	}
}

static bool
tag(struct rpyc_reader *r, unsigned c)
{
	bool bytes = c == BRINE_TAG_EMPTY_BYTES ||
	    (c >= BRINE_TAG_BYTES_1 && c <= BRINE_TAG_BYTES_L4);
	bool tuple = c == BRINE_TAG_EMPTY_TUPLE ||
	    (c >= BRINE_TAG_TUPLE_1 && c <= BRINE_TAG_TUPLE_L4);

	if (r->str && !bytes)
		return bad(r, "a str without text");
	if (r->wrapped && !tuple)
		return bad(r, "a slice or frozenset without a tuple");
	r->wrapped = false;
	if (brine_small(c)) {
		if (!retain_byte(r, c))
			return false;
		value_done(r);
		return true;
	}
	if (c >= BRINE_TAG_BYTES_1 && c <= BRINE_TAG_BYTES_4)
		return data_begin(r, TOKEN_BYTES, c - BRINE_TAG_BYTES_1 + 1);
	if (c >= BRINE_TAG_TUPLE_1 && c <= BRINE_TAG_TUPLE_4) {
		r->length = c - BRINE_TAG_TUPLE_1 + 1;
		r->token = TOKEN_TUPLE;
		return length_done(r);
	}
	switch (c) {
	case BRINE_TAG_NONE:
	case BRINE_TAG_EMPTY_TUPLE:
	case BRINE_TAG_TRUE:
	case BRINE_TAG_FALSE:
	case BRINE_TAG_NOTIMPLEMENTED:
	case BRINE_TAG_ELLIPSIS:
		if (!retain_byte(r, c))
			return false;
		value_done(r);
		return true;
	case BRINE_TAG_EMPTY_BYTES:
		return data_begin(r, TOKEN_BYTES, 0);
	case BRINE_TAG_STR:
		r->str = true;
		return retain_byte(r, c);
	case BRINE_TAG_BYTES_L1:
		return length_begin(r, TOKEN_BYTES, 1);
	case BRINE_TAG_BYTES_L4:
		return length_begin(r, TOKEN_BYTES, 4);
	case BRINE_TAG_TUPLE_L1:
		return length_begin(r, TOKEN_TUPLE, 1);
	case BRINE_TAG_TUPLE_L4:
		return length_begin(r, TOKEN_TUPLE, 4);
	case BRINE_TAG_INT_L1:
		return length_begin(r, TOKEN_INT, 1);
	case BRINE_TAG_INT_L4:
		return length_begin(r, TOKEN_INT, 4);
	case BRINE_TAG_FLOAT:
		return retain_byte(r, c) && data_begin(r, TOKEN_FIXED, 8);
	case BRINE_TAG_COMPLEX:
		return retain_byte(r, c) && data_begin(r, TOKEN_FIXED, 16);
	case BRINE_TAG_SLICE:
	case BRINE_TAG_FROZENSET:
		/* one tuple follows, which makes up this value */
		r->wrapped = true;
		return retain_byte(r, c);
	default:
		return bad(r, "an undefined brine tag");
	}
}

static bool
data(struct rpyc_reader *r, const unsigned char *p, size_t n)
{
	size_t i;

	if (r->str && !utf8(r, p, n))
		return false;
	if (r->token == TOKEN_INT) {
		for (i = 0; i < n; i++)
			if ((p[i] < '0' || p[i] > '9') &&
			    !(r->data_left == r->length && i == 0 && r->length > 1 &&
			    (p[i] == '-' || p[i] == '+')))
				return bad(r, "an int that is not a number");
	}
	if (!r->retain && r->sink)
		r->sink(r->ctx, p, n);
	if (r->retain && !retain(r, p, n))
		return false;
	r->data_left -= n;
	return r->data_left > 0 ? true : data_done(r);
}

static bool
first_byte(struct rpyc_reader *r, unsigned c)
{
	int dialect = c == 0x12 ? 5 : c >= 1 && c <= 3 ? 6 : 0;

	if (dialect == 0)
		return bad(r, c == 0 ? "RPyC with bind_threads, which is not supported" :
		    "not RPyC");
	if (r->dialect != 0 && r->dialect != dialect)
		return bad(r, "a message in RPyC's other dialect");
	r->dialect = dialect;
	r->type = (int)c;       /* dialect 6; in dialect 5 the second byte is the type */
	r->state = READ_TYPE;
	return true;
}

static bool
second_byte(struct rpyc_reader *r, unsigned c)
{
	if (r->dialect == 5) {
		if (c < BRINE_TAG_INT_0 + RPYC_REQUEST || c > BRINE_TAG_INT_0 + RPYC_EXCEPTION)
			return bad(r, "an unknown type of message");
		r->type = (int)c - BRINE_TAG_INT_0;
	} else if (c != BRINE_TAG_TUPLE_1 + 1) {
		return bad(r, "a message that is not a pair");
	}
	r->values = 2;          /* seq and body */
	r->state = READ_TAG;
	return true;
}

/* Does the payload of a frame consist of two values, and these of nothing but the tokens
 * that small messages are made of? Such a frame is retained as it is; all others, valid or not,
 * are left to payload(). */
static bool
simple(const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n, *text;
	unsigned values = 2, c, k;

	for (; values > 0 && p < end; values--) {
		c = *p++;
		if (brine_small(c) || c == BRINE_TAG_EMPTY_TUPLE || c == BRINE_TAG_NONE) {
			continue;
		} else if (c - BRINE_TAG_TUPLE_1 < 4) {
			values += c - BRINE_TAG_TUPLE_1 + 1;
		} else if (c == BRINE_TAG_STR && p < end) {
			c = *p++;
			if (c < BRINE_TAG_BYTES_1 || c > BRINE_TAG_BYTES_L1)
				return false;
			k = c - BRINE_TAG_BYTES_1 + 1;
			if (c == BRINE_TAG_BYTES_L1 && p < end)
				k = *p++;
			if ((size_t)(end - p) < k)
				return false;
			for (text = p, p += k; text < p; text++)
				if (*text >= 0x80)
					return false;
		} else if (c == BRINE_TAG_INT_L1 && p < end) {
			k = *p++;
			if ((size_t)(end - p) < k || k == 0)
				return false;
			for (text = p, p += k; text < p; text++)
				if (*text < '0' || *text > '9')
					return false;
		} else {
			return false;
		}
	}
	return values == 0 && p == end;
}

/* Take a whole frame, if there is one at p and it is a simple one. Returns its length, or 0:
 * nothing was taken. */
static size_t
whole(struct rpyc_reader *r, const unsigned char *p, size_t n)
{
	size_t len;
	bool ok;

	if (n < 8 || p[0] || p[1] || p[2] >= RPYC_RETAIN_STRING >> 8 || p[4])
		return 0;
	len = (size_t)p[2] << 8 | p[3];
	if (len < 2 || n < len + 6 || !simple(p + 7, len - 2))
		return 0;
	ok = first_byte(r, p[5]) && second_byte(r, p[6]);
	r->state = READ_HEAD;
	if (ok)
		buf_add(&r->retained, p + 7, len - 2);
	return ok && !r->retained.failed ? len + 6 : 0;
}

/* Take n bytes of the payload, inflated. */
static bool
payload(struct rpyc_reader *r, const unsigned char *p, size_t n)
{
	size_t k;

	while (n > 0) {
		k = 1;
		switch (r->state) {
		case READ_DIALECT:
			if (!first_byte(r, *p))
				return false;
			break;
		case READ_TYPE:
			if (!second_byte(r, *p))
				return false;
			break;
		case READ_TAG:
			if (!tag(r, *p))
				return false;
			break;
		case READ_LENGTH:
			r->length = r->length << 8 | *p;
			if (--r->nlength == 0 && !length_done(r))
				return false;
			break;
		case READ_DATA:
			k = n < r->data_left ? n : (size_t)r->data_left;
			if (!data(r, p, k))
				return false;
			break;
		default:
			return true;
		}
		p += k;
		n -= k;
	}
	if (r->retained.failed)
		return bad(r, "out of memory");
	return true;
}

static bool
inflate_payload(struct rpyc_reader *r, const unsigned char *p, size_t n)
{
	const unsigned char *got;
	size_t ngot;

	for (;;) {
		switch (inflate_run(r->inflate, &p, &n, &got, &ngot)) {
		case INFLATE_OUTPUT:
			r->inflated += ngot;
			if (r->inflated > r->max)
				return bad(r, "a compressed message inflates beyond the limit");
			if (!payload(r, got, ngot))
				return false;
			break;
		case INFLATE_INPUT:
			return true;
		case INFLATE_DONE:
			/* stock readers ignore what follows the zlib stream */
			r->deflated = false;
			return true;
		default:
			return bad(r, "a compressed message that is not a valid zlib stream");
		}
	}
}

static bool
head_done(struct rpyc_reader *r)
{
	const unsigned char *h = r->head;

	r->left = (uint64_t)h[0] << 24 | (uint64_t)h[1] << 16 | (uint64_t)h[2] << 8 | h[3];
	r->deflated = h[4] != 0;
	r->values = 0;
	r->state = READ_DIALECT;
	if (r->left == 0) {
		if (r->deflated)
			return bad(r, "an empty compressed frame");
		r->state = READ_TRAILER;        /* an empty frame is ignored */
	}
	if (r->max_frame > 0 && r->left > r->max_frame)
		return bad(r, "a message larger than any expected");
	if (r->deflated) {
		if (!r->inflate && !(r->inflate = malloc(sizeof *r->inflate)))
			return bad(r, "out of memory");
		inflate_init(r->inflate);
		r->inflated = 0;
	}
	return true;
}

/* The payload is complete: was the message? */
static bool
payload_done(struct rpyc_reader *r)
{
	if (r->state != READ_REST || r->deflated)
		return bad(r, "a message that is cut short");
	r->state = READ_TRAILER;
	return true;
}

enum rpyc_status
rpyc_read(struct rpyc_reader *r, const unsigned char *p, size_t n, size_t *taken)
{
	const unsigned char *start = p;
	bool empty, inflating, ok = true;
	size_t k;

	if (r->state == READ_HEAD && r->nhead == 0) {
		buf_clear(&r->retained, 512);
		r->overflow = false;
		r->held = 0;
		if ((*taken = whole(r, p, n)) > 0)
			return RPYC_MESSAGE;
	}
	while (n > 0 && ok) {
		k = 1;
		r->begun = true;
		if (r->state == READ_HEAD) {
			r->head[r->nhead++] = *p;
			if (r->nhead == sizeof r->head) {
				r->nhead = 0;
				ok = head_done(r);
			}
		} else if (r->state == READ_TRAILER) {
			r->begun = false;
			r->state = READ_HEAD;
			empty = r->values == 0 && r->retained.n == 0;
			free(r->inflate);
			r->inflate = NULL;
			if (!empty) {
				*taken = (size_t)(p - start) + 1;
				return RPYC_MESSAGE;
			}
		} else {
			k = n < r->left ? n : (size_t)r->left;
			inflating = r->deflated;
			ok = inflating ? inflate_payload(r, p, k) :
			    r->inflate ? true : payload(r, p, k);
			r->left -= k;
			if (ok && r->left == 0)
				ok = payload_done(r);
		}
		p += k;
		n -= k;
	}
	*taken = (size_t)(p - start);
	return ok ? RPYC_MORE : RPYC_BAD;
}

void
rpyc_reader_free(struct rpyc_reader *r)
{
	free(r->inflate);
	r->inflate = NULL;
	buf_free(&r->retained);
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
		buf_text(b, RPYC_TRAILER);
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
rpyc_put_nothing(struct buf *b)
{
	rpyc_put_tag(b, BRINE_TAG_EMPTY_TUPLE);
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
		rpyc_put_nothing(b);
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
	rpyc_put_nothing(b);
	rpyc_put_nothing(b);
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
	if (!brine_tuple(b, 2) || !brine_int(b, &x->label))
		return false;
	x->at = *b;
	if (!brine_skip(b, NULL))
		return false;
	x->at.end = b->p;
	return true;
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
	if (items->boxed)
		return rpyc_boxed(&items->at, x);
	x->label = RPYC_VALUE;
	x->at = items->at;
	if (!brine_skip(&items->at, NULL))
		return false;
	x->at.end = items->at.p;
	return true;
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
	return v.type == BRINE_TUPLE && v.len == 4 && brine_tuple(&body, 2) &&
	    brine_get(&body, &v) && brine_is(&v, "builtins") &&
	    brine_get(&body, &v) && brine_is(&v, "StopIteration");
}

void
rpyc_exception_text(struct brine body, char *text, size_t size)
{
	struct brine_value v, class, arg;
	char name[64], why[96];

	if (rpyc_stop_iteration(body)) {
		snprintf(text, size, "StopIteration");
		return;
	}
	if (!brine_get(&body, &v) || v.type != BRINE_TUPLE || v.len != 4 ||
	    !brine_tuple(&body, 2) || !brine_get(&body, &class) || !brine_get(&body, &class) ||
	    class.type != BRINE_STR || !class.p || class.n == 0 || !brine_get(&body, &v) ||
	    v.type != BRINE_TUPLE) {
		snprintf(text, size, "an exception that is malformed");
		return;
	}
	msg_printable(name, sizeof name, class.p, class.n);
	if (v.len == 0 || !brine_get(&body, &arg))
		snprintf(text, size, "%s", name);
	else if (arg.type == BRINE_STR && arg.p)
		snprintf(text, size, "%s: %s", name, msg_printable(why, sizeof why, arg.p, arg.n));
	else if (arg.type == BRINE_INT && arg.fits)
		snprintf(text, size, "%s: %" PRId64, name, arg.i);
	else
		snprintf(text, size, "%s: (%s)", name, brine_type_name(arg.type));
}

bool
rpyc_id(struct brine b, struct rpyc_id *id)
{
	return brine_tuple(&b, 3) && brine_get(&b, &id->name) && id->name.type == BRINE_STR &&
	    id->name.p && brine_int(&b, &id->cls) && brine_int(&b, &id->id);
}

bool
rpyc_theirs(const struct rpyc_boxed *x)
{
	struct rpyc_id id;

	return x->label == RPYC_REMOTE_REF && rpyc_id(x->at, &id);
}

bool
rpyc_next_ref(struct brine *at, uint64_t *ahead, struct brine *id_pack)
{
	struct rpyc_boxed x;
	uint64_t items;

	for (; *ahead > 0; --*ahead) {
		if (!brine_tuple(at, 2) || !brine_int(at, &x.label))
			return false;
		if (x.label == RPYC_TUPLE) {
			if (!brine_items(at, &items))
				return false;
			*ahead += items;
			continue;
		}
		x.at = *at;
		if (!brine_skip(at, NULL))
			return false;
		x.at.end = at->p;
		if (rpyc_theirs(&x)) {
			*id_pack = x.at;
			--*ahead;
			return true;
		}
	}
	return false;
}
