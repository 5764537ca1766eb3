/* SPDX-License-Identifier: ISC */
/* Brine, RPyC's serializer: values in memory to bytes and back. */
#include "rpyc/brine.h"

#include <string.h>

#define SMALL4 \
	{ BRINE_INT, 0, 0 }, { BRINE_INT, 0, 0 }, { BRINE_INT, 0, 0 }, \
	{ \
		BRINE_INT, 0, 0 \
	}
#define SMALL16 SMALL4, SMALL4, SMALL4, SMALL4

/* clang-format off */
const struct brine_form brine_forms[256] = {
	[BRINE_TAG_NONE] = { BRINE_NONE, 0, 0 },
	[BRINE_TAG_EMPTY_BYTES] = { BRINE_BYTES, 0, 0 },
	[BRINE_TAG_EMPTY_TUPLE] = { BRINE_TUPLE, 0, 0 },
	[BRINE_TAG_TRUE] = { BRINE_BOOL, 0, 0 },
	[BRINE_TAG_FALSE] = { BRINE_BOOL, 0, 0 },
	[BRINE_TAG_NOTIMPLEMENTED] = { BRINE_NOTIMPLEMENTED, 0, 0 },
	[BRINE_TAG_ELLIPSIS] = { BRINE_ELLIPSIS, 0, 0 },
	[BRINE_TAG_STR] = { BRINE_STR, 0, 1 },
	[BRINE_TAG_BYTES_1] = { BRINE_BYTES, 0, 1 },
	[BRINE_TAG_BYTES_1 + 1] = { BRINE_BYTES, 0, 2 },
	[BRINE_TAG_BYTES_1 + 2] = { BRINE_BYTES, 0, 3 },
	[BRINE_TAG_BYTES_4] = { BRINE_BYTES, 0, 4 },
	[BRINE_TAG_BYTES_L1] = { BRINE_BYTES, 1, 0 },
	[BRINE_TAG_BYTES_L4] = { BRINE_BYTES, 4, 0 },
	[BRINE_TAG_TUPLE_1] = { BRINE_TUPLE, 0, 1 },
	[BRINE_TAG_TUPLE_1 + 1] = { BRINE_TUPLE, 0, 2 },
	[BRINE_TAG_TUPLE_1 + 2] = { BRINE_TUPLE, 0, 3 },
	[BRINE_TAG_TUPLE_4] = { BRINE_TUPLE, 0, 4 },
	[BRINE_TAG_TUPLE_L1] = { BRINE_TUPLE, 1, 0 },
	[BRINE_TAG_TUPLE_L4] = { BRINE_TUPLE, 4, 0 },
	[BRINE_TAG_INT_L1] = { BRINE_INT, 1, 0 },
	[BRINE_TAG_INT_L4] = { BRINE_INT, 4, 0 },
	[BRINE_TAG_FLOAT] = { BRINE_FLOAT, 0, 8 },
	[BRINE_TAG_SLICE] = { BRINE_SLICE, 0, 1 },
	[BRINE_TAG_FROZENSET] = { BRINE_FROZENSET, 0, 1 },
	[BRINE_TAG_COMPLEX] = { BRINE_COMPLEX, 0, 16 },
	[BRINE_TAG_ELIDED] = { BRINE_BYTES, 0, 16 },    /* length, and characters */
	[BRINE_TAG_INT_MIN] = SMALL16, SMALL16, SMALL16, SMALL16, SMALL16, SMALL16, SMALL16,
	SMALL16, SMALL16, SMALL16, SMALL16, SMALL16, SMALL16,
};
/* clang-format on */

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

/* Read how a value begins: its form, and its length. The data, if any, are all there. */
static inline const struct brine_form *
begin(struct brine *b, uint64_t *n)
{
	const struct brine_form *f;

	if (left(b) == 0)
		return NULL;
	f = &brine_forms[*b->p++];
	*n = f->n;
	if (f->size > 0) {
		if (left(b) < f->size)
			return NULL;
		*n = f->size == 1 ? *b->p : brine_u32(b->p);
		b->p += f->size;
	}
	if (f->type > BRINE_INVALID && (f->type >= BRINE_STR || left(b) >= *n))
		return f;
	return NULL;
}

/* The decimal text of a long int, as int() of Python takes it but for "_" and
 * blanks, which no stock peer sends. */
static bool
int_of_text(struct brine_value *v)
{
	const unsigned char *p = v->p, *end = p + v->n;
	uint64_t u = 0, limit;

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

bool
brine_get(struct brine *b, struct brine_value *v)
{
	bool str = left(b) > 0 && *b->p == BRINE_TAG_STR;
	const struct brine_form *f;
	const unsigned char *data;
	uint64_t n, bits;

	if (str)
		b->p++; /* not where there is nothing: it may be NULL */
	if (!(f = begin(b, &n)) || (str && f->type != BRINE_BYTES))
		return false;
	data = b->p;
	memset(v, 0, sizeof *v);
	v->type = str ? BRINE_STR : (enum brine_type)f->type;
	v->len = n;
	if (f->type < BRINE_STR)
		b->p += n;
	switch (f->type) {
	case BRINE_BOOL:
		v->fits = true;
		v->i = data[-1] == BRINE_TAG_TRUE;
		break;
	case BRINE_INT:
		if (f->size > 0) {
			v->p = data;
			v->n = (size_t)n;
			return int_of_text(v);
		}
		v->fits = true;
		v->i = (int64_t)data[-1] - BRINE_TAG_INT_0;
		v->negative = v->i < 0;
		break;
	case BRINE_FLOAT:
	case BRINE_COMPLEX:
		bits = brine_u64(data);
		memcpy(&v->f, &bits, sizeof v->f);
		break;
	case BRINE_BYTES:
		if (f == &brine_forms[BRINE_TAG_ELIDED]) {
			v->len = brine_u64(data + (str ? 8 : 0));
			break;
		}
		v->p = data;
		v->n = (size_t)n;
		if (str)
			v->len = characters(data, v->n);
		break;
	}
	return true;
}

bool
brine_pass_any(struct brine *b, uint64_t *ahead, bool *elided, uint64_t *work)
{
	const struct brine_form *f;
	struct brine at = *b;
	uint64_t values = *ahead, can = *work, n;

	/* a count in place of recursion: nesting is the peer's choice */
	for (; values > 0 && can > 0 && (f = begin(&at, &n)); values--, can--) {
		if (f->type >= BRINE_STR)
			values += n;
		else
			at.p += n;
		if (f == &brine_forms[BRINE_TAG_ELIDED] && elided)
			*elided = true;
	}
	*b = at;
	*ahead = values;
	*work = can;
	return values == 0 || can == 0;
}

bool
brine_skip_any(struct brine *b, bool *elided)
{
	struct brine at = *b;
	uint64_t ahead = 1, work = UINT64_MAX;

	if (!brine_pass_any(&at, &ahead, elided, &work))
		return false;
	*b = at;
	return true;
}

bool
brine_int_any(struct brine *b, int64_t *i)
{
	const unsigned char *p = b->p, *end = b->end;
	struct brine_value v = { .p = NULL };
	const struct brine_form *f;
	uint64_t n = 0;

	/* a sequence number has few digits */
	if (end - p > 2 && p[0] == BRINE_TAG_INT_L1 && p[1] - 1u < 18 && end - p >= p[1] + 2) {
		end = p + p[1] + 2;
		for (p += 2; p < end && *p >= '0' && *p <= '9'; p++)
			n = n * 10 + (*p - '0');
		if (p == end) {
			b->p = p;
			*i = (int64_t)n;
			return true;
		}
	}
	if (!(f = begin(b, &n)) || f->type != BRINE_INT)
		return false;
	v.p = b->p;
	v.n = (size_t)n;
	b->p += n;
	if (!int_of_text(&v) || !v.fits)
		return false;
	*i = v.i;
	return true;
}

bool
brine_items_any(struct brine *b, uint64_t *n)
{
	const struct brine_form *f = begin(b, n);

	return f && f->type == BRINE_TUPLE;
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

void
brine_put_number(struct buf *b, uint64_t v, size_t n)
{
	while (n-- > 0)
		buf_byte(b, (unsigned char)(v >> 8 * n));
}

/* A tag and a length: tag is that with a length of one byte, the next one that with four. */
static void
put_length(struct buf *b, unsigned tag, uint64_t n)
{
	buf_byte(b, (unsigned char)(tag + (n > 255)));
	brine_put_number(b, n, n > 255 ? 4 : 1);
}

void
brine_put_int_text(struct buf *b, const char *digits, size_t n)
{
	put_length(b, BRINE_TAG_INT_L1, n);
	buf_add(b, digits, n);
}

void
brine_put_int_any(struct buf *b, int64_t i)
{
	unsigned char text[24], *end = text + sizeof text, *p = end;
	uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;

	do
		*--p = (unsigned char)('0' + u % 10);
	while ((u /= 10) > 0);
	if (i < 0)
		*--p = '-';
	p -= 2;
	p[0] = BRINE_TAG_INT_L1;
	p[1] = (unsigned char)(end - p - 2);
	buf_add(b, p, (size_t)(end - p));
}

void
brine_put_float(struct buf *b, double f)
{
	uint64_t bits;

	memcpy(&bits, &f, sizeof bits);
	buf_byte(b, BRINE_TAG_FLOAT);
	brine_put_number(b, bits, 8);
}

void
brine_put_bytes_head(struct buf *b, uint32_t n)
{
	if (n == 0)
		buf_byte(b, BRINE_TAG_EMPTY_BYTES);
	else if (n <= 4)
		buf_byte(b, (unsigned char)(BRINE_TAG_BYTES_1 + n - 1));
	else
		put_length(b, BRINE_TAG_BYTES_L1, n);
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

void
brine_put_tuple_any(struct buf *b, uint32_t n)
{
	if (n == 0)
		buf_byte(b, BRINE_TAG_EMPTY_TUPLE);
	else
		put_length(b, BRINE_TAG_TUPLE_L1, n);
}
