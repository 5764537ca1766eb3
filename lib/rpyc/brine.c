/* SPDX-License-Identifier: ISC */
/* Brine, RPyC's serializer: values in memory to bytes and back. */
#include "rpyc/brine.h"

#include <string.h>

#include "base/num.h"

static uint64_t
big_endian(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static size_t
left(const struct brine *b)
{
	return (size_t)(b->end - b->p);
}

struct brine
brine_span(const struct buf *b)
{
	struct brine at = { b->p, b->p };

	if (b->n > 0)
		at.end += b->n;
	return at;
}

void
brine_copy(struct buf *to, struct brine from)
{
	buf_clear(to, to->cap);
	buf_add(to, from.p, left(&from));
}

/* Read a length of size bytes; false if it is cut off. */
static bool
get_length(struct brine *b, size_t size, uint64_t *n)
{
	if (left(b) < size)
		return false;
	*n = big_endian(b->p, size);
	b->p += size;
	return true;
}

static bool
get_data(struct brine *b, uint64_t n, struct brine_value *v)
{
	if (left(b) < n)
		return false;
	v->p = b->p;
	v->n = (size_t)n;
	v->len = n;
	b->p += n;
	return true;
}

/* The decimal text of a long int, as int() of Python takes it but for "_" and
 * blanks, which no stock peer sends. */
static bool
int_of_text(struct brine_value *v)
{
	const unsigned char *p = v->p, *end = p + v->n;
	uint64_t u = 0, limit;

	v->type = BRINE_INT;
	v->negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (p == end)
		return false;
	limit = (uint64_t)INT64_MAX + v->negative;
	for (v->fits = true; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		if (u >= INT64_MAX / 10 && u > (limit - (uint64_t)(*p - '0')) / 10)
			v->fits = false;
		else
			u = u * 10 + (uint64_t)(*p - '0');
	}
	if (!v->fits)
		u = 0;
	/* -(u - 1) - 1 reaches INT64_MIN without overflow */
	v->i = v->negative && u > 0 ? -(int64_t)(u - 1) - 1 : (int64_t)u;
	return true;
}

static uint64_t
characters(const unsigned char *p, size_t n)
{
	uint64_t count = 0;

	for (; n > 0; n--, p++)
		count += (*p & 0xc0) != 0x80;
	return count;
}

/* What rpyc_read() leaves of a long byte string: its length, and its characters. */
static bool
get_elided(struct brine *b, struct brine_value *v, uint64_t *chars)
{
	return get_length(b, 8, &v->len) && get_length(b, 8, chars);
}

static bool
get_bytes(struct brine *b, struct brine_value *v, uint64_t *chars)
{
	unsigned tag;
	uint64_t n;

	v->type = BRINE_BYTES;
	if (left(b) == 0)
		return false;
	tag = *b->p++;
	*chars = 0;
	if (tag == BRINE_TAG_EMPTY_BYTES)
		return get_data(b, 0, v);
	if (tag >= BRINE_TAG_BYTES_1 && tag <= BRINE_TAG_BYTES_4)
		return get_data(b, tag - BRINE_TAG_BYTES_1 + 1, v);
	if (tag == BRINE_TAG_BYTES_L1)
		return get_length(b, 1, &n) && get_data(b, n, v);
	if (tag == BRINE_TAG_BYTES_L4)
		return get_length(b, 4, &n) && get_data(b, n, v);
	if (tag == BRINE_TAG_ELIDED)
		return get_elided(b, v, chars);
	return false;
}

static bool
get_str(struct brine *b, struct brine_value *v)
{
	uint64_t chars;

	if (!get_bytes(b, v, &chars))
		return false;
	v->type = BRINE_STR;
	v->len = v->p ? characters(v->p, v->n) : chars;
	return true;
}

static bool
get_tuple(struct brine *b, struct brine_value *v, size_t size)
{
	v->type = BRINE_TUPLE;
	return get_length(b, size, &v->len);
}

static bool
get_float(struct brine *b, double *f)
{
	uint64_t bits;

	if (!get_length(b, 8, &bits))
		return false;
	memcpy(f, &bits, sizeof *f);
	return true;
}

bool
brine_get(struct brine *b, struct brine_value *v)
{
	unsigned tag;
	uint64_t n;
	double imaginary;

	if (left(b) == 0)
		return false;
	v->len = 0;
	v->p = NULL;
	v->n = 0;
	v->fits = v->negative = false;
	v->i = 0;
	v->f = 0;
	tag = *b->p;
	if (brine_small(tag)) {
		b->p++;
		v->type = BRINE_INT;
		v->fits = true;
		v->i = (int64_t)tag - BRINE_TAG_INT_0;
		v->negative = v->i < 0;
		return true;
	}
	if (tag >= BRINE_TAG_TUPLE_1 && tag <= BRINE_TAG_TUPLE_4) {
		b->p++;
		v->type = BRINE_TUPLE;
		v->len = tag - BRINE_TAG_TUPLE_1 + 1;
		return true;
	}
	switch (tag) {
	case BRINE_TAG_NONE:
	case BRINE_TAG_NOTIMPLEMENTED:
	case BRINE_TAG_ELLIPSIS:
		b->p++;
		v->type = tag == BRINE_TAG_NONE ? BRINE_NONE :
		    tag == BRINE_TAG_ELLIPSIS ? BRINE_ELLIPSIS : BRINE_NOTIMPLEMENTED;
		return true;
	case BRINE_TAG_TRUE:
	case BRINE_TAG_FALSE:
		b->p++;
		v->type = BRINE_BOOL;
		v->fits = true;
		v->i = tag == BRINE_TAG_TRUE;
		return true;
	case BRINE_TAG_EMPTY_TUPLE:
		b->p++;
		v->type = BRINE_TUPLE;
		return true;
	case BRINE_TAG_STR:
		b->p++;
		return get_str(b, v);
	case BRINE_TAG_TUPLE_L1:
		b->p++;
		return get_tuple(b, v, 1);
	case BRINE_TAG_TUPLE_L4:
		b->p++;
		return get_tuple(b, v, 4);
	case BRINE_TAG_INT_L1:
	case BRINE_TAG_INT_L4:
		b->p++;
		return get_length(b, tag == BRINE_TAG_INT_L1 ? 1 : 4, &n) &&
		    get_data(b, n, v) && int_of_text(v);
	case BRINE_TAG_FLOAT:
		b->p++;
		v->type = BRINE_FLOAT;
		return get_float(b, &v->f);
	case BRINE_TAG_COMPLEX:
		b->p++;
		v->type = BRINE_COMPLEX;
		return get_float(b, &v->f) && get_float(b, &imaginary);
	case BRINE_TAG_SLICE:
	case BRINE_TAG_FROZENSET:
		b->p++;
		v->type = tag == BRINE_TAG_SLICE ? BRINE_SLICE : BRINE_FROZENSET;
		return left(b) > 0;
	default:
		return get_bytes(b, v, &n);
	}
}

/* Messages are read mostly by passing over parts of them: not by way of brine_get(). */
bool
brine_skip_any(struct brine *b, bool *elided)
{
	const unsigned char *p = b->p, *end = b->end;
	uint64_t ahead, n;
	unsigned c;

	/* a count in place of recursion: nesting is the peer's choice */
	for (ahead = 1; ahead > 0; ahead--) {
		if (p == end)
			return false;
		c = *p++;
		n = 0;
		if (brine_small(c))
			continue;
		switch (c) {
		case BRINE_TAG_BYTES_1:
		case BRINE_TAG_BYTES_1 + 1:
		case BRINE_TAG_BYTES_1 + 2:
		case BRINE_TAG_BYTES_4:
			n = c - BRINE_TAG_BYTES_1 + 1;
			break;
		case BRINE_TAG_TUPLE_1:
		case BRINE_TAG_TUPLE_1 + 1:
		case BRINE_TAG_TUPLE_1 + 2:
		case BRINE_TAG_TUPLE_4:
			ahead += c - BRINE_TAG_TUPLE_1 + 1;
			break;
		case BRINE_TAG_STR:
		case BRINE_TAG_SLICE:
		case BRINE_TAG_FROZENSET:
			ahead++;
			break;
		case BRINE_TAG_BYTES_L1:
		case BRINE_TAG_INT_L1:
			if (p == end)
				return false;
			n = *p++;
			break;
		case BRINE_TAG_BYTES_L4:
		case BRINE_TAG_INT_L4:
		case BRINE_TAG_TUPLE_L4:
			if (end - p < 4)
				return false;
			n = big_endian(p, 4);
			p += 4;
			if (c == BRINE_TAG_TUPLE_L4) {
				ahead += n;
				n = 0;
			}
			break;
		case BRINE_TAG_TUPLE_L1:
			if (p == end)
				return false;
			ahead += *p++;
			break;
		case BRINE_TAG_FLOAT:
			n = 8;
			break;
		case BRINE_TAG_COMPLEX:
			n = 16;
			break;
		case BRINE_TAG_ELIDED:
			if (elided)
				*elided = true;
			n = 16;
			break;
		case BRINE_TAG_NONE:
		case BRINE_TAG_EMPTY_BYTES:
		case BRINE_TAG_EMPTY_TUPLE:
		case BRINE_TAG_TRUE:
		case BRINE_TAG_FALSE:
		case BRINE_TAG_NOTIMPLEMENTED:
		case BRINE_TAG_ELLIPSIS:
			break;
		default:
			return false;
		}
		if ((uint64_t)(end - p) < n)
			return false;
		p += n;
	}
	b->p = p;
	return true;
}

bool
brine_int_any(struct brine *b, int64_t *i)
{
	struct brine_value v;
	uint64_t u;

	/* the usual case, a sequence number: a few digits, which surely fit */
	if (left(b) > 2 && *b->p == BRINE_TAG_INT_L1 && b->p[1] <= 18 && left(b) - 2 >= b->p[1] &&
	    num_digits((const char *)b->p + 2, b->p[1], &u)) {
		b->p += 2 + b->p[1];
		*i = (int64_t)u;
		return true;
	}
	if (!brine_get(b, &v) || v.type != BRINE_INT || !v.fits)
		return false;
	*i = v.i;
	return true;
}

bool
brine_items_any(struct brine *b, uint64_t *n)
{
	struct brine_value v;

	if (!brine_get(b, &v) || v.type != BRINE_TUPLE)
		return false;
	*n = v.len;
	return true;
}

bool
brine_is(const struct brine_value *v, const char *s)
{
	return v->type == BRINE_STR && v->p && v->n == strlen(s) && memcmp(v->p, s, v->n) == 0;
}

const char *
brine_type_name(enum brine_type type)
{
	static const char *const name[] = {
		[BRINE_NONE] = "NoneType",
		[BRINE_BOOL] = "bool",
		[BRINE_NOTIMPLEMENTED] = "NotImplementedType",
		[BRINE_ELLIPSIS] = "ellipsis",
		[BRINE_INT] = "int",
		[BRINE_FLOAT] = "float",
		[BRINE_COMPLEX] = "complex",
		[BRINE_BYTES] = "bytes",
		[BRINE_STR] = "str",
		[BRINE_TUPLE] = "tuple",
		[BRINE_SLICE] = "slice",
		[BRINE_FROZENSET] = "frozenset",
	};

	return name[type];
}

static void
put_u32(struct buf *b, uint32_t n)
{
	unsigned char t[4];

	t[0] = (unsigned char)(n >> 24);
	t[1] = (unsigned char)(n >> 16);
	t[2] = (unsigned char)(n >> 8);
	t[3] = (unsigned char)n;
	buf_add(b, t, sizeof t);
}

void
brine_put_int_text(struct buf *b, const char *digits, size_t n)
{
	if (n < 256) {
		buf_byte(b, BRINE_TAG_INT_L1);
		buf_byte(b, (unsigned char)n);
	} else {
		buf_byte(b, BRINE_TAG_INT_L4);
		put_u32(b, (uint32_t)n);
	}
	buf_add(b, digits, n);
}

void
brine_put_int_any(struct buf *b, int64_t i)
{
	char text[24], *p = text + sizeof text;
	uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (i < 0)
		*--p = '-';
	brine_put_int_text(b, p, (size_t)(text + sizeof text - p));
}

void
brine_put_float(struct buf *b, double f)
{
	unsigned char t[8];
	uint64_t bits;
	int i;

	memcpy(&bits, &f, sizeof bits);
	for (i = 0; i < 8; i++)
		t[i] = (unsigned char)(bits >> (56 - 8 * i));
	buf_byte(b, BRINE_TAG_FLOAT);
	buf_add(b, t, sizeof t);
}

void
brine_put_bytes_head(struct buf *b, uint32_t n)
{
	if (n == 0) {
		buf_byte(b, BRINE_TAG_EMPTY_BYTES);
	} else if (n <= 4) {
		buf_byte(b, (unsigned char)(BRINE_TAG_BYTES_1 + n - 1));
	} else if (n < 256) {
		buf_byte(b, BRINE_TAG_BYTES_L1);
		buf_byte(b, (unsigned char)n);
	} else {
		buf_byte(b, BRINE_TAG_BYTES_L4);
		put_u32(b, n);
	}
}

void
brine_put_bytes(struct buf *b, const void *p, size_t n)
{
	brine_put_bytes_head(b, (uint32_t)n);
	buf_add(b, p, n);
}

void
brine_put_str_n(struct buf *b, const void *p, size_t n)
{
	buf_byte(b, BRINE_TAG_STR);
	brine_put_bytes(b, p, n);
}

void
brine_put_str(struct buf *b, const char *s)
{
	brine_put_str_n(b, s, strlen(s));
}

size_t
brine_utf8(const unsigned char *p, size_t n)
{
	unsigned low = 0x80, high = 0xbf;
	size_t i, k;

	if (n == 0)
		return 0;
	if (*p < 0x80)
		return 1;
	k = *p >= 0xc2 && *p <= 0xdf ? 2 : (*p & 0xf0) == 0xe0 ? 3 :
	    *p >= 0xf0 && *p <= 0xf4 ? 4 : 0;
	if (k == 0 || k > n)
		return 0;
	if (*p == 0xe0 || *p == 0xf0)
		low = *p == 0xe0 ? 0xa0 : 0x90;
	if (*p == 0xed || *p == 0xf4)
		high = *p == 0xed ? 0x9f : 0x8f;
	for (i = 1; i < k; i++, low = 0x80, high = 0xbf)
		if (p[i] < low || p[i] > high)
			return 0;
	return k;
}

void
brine_put_tuple_any(struct buf *b, uint32_t n)
{
	if (n == 0) {
		buf_byte(b, BRINE_TAG_EMPTY_TUPLE);
	} else if (n < 256) {
		buf_byte(b, BRINE_TAG_TUPLE_L1);
		buf_byte(b, (unsigned char)n);
	} else {
		buf_byte(b, BRINE_TAG_TUPLE_L4);
		put_u32(b, n);
	}
}
