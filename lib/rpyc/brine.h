/* SPDX-License-Identifier: ISC */
/* Brine, RPyC's serializer (rpyc.core.brine): values in memory to bytes and back.
 *
 * The reader works on what rpyc_read() retains of a message (frame.h): valid brine, in
 * which long byte strings may have been replaced by their length. */
#ifndef BRINE_H
#define BRINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/utf8.h"

enum brine_tag {
	BRINE_TAG_NONE = 0x00,
	BRINE_TAG_EMPTY_BYTES = 0x01,
	BRINE_TAG_EMPTY_TUPLE = 0x02,
	BRINE_TAG_TRUE = 0x03,
	BRINE_TAG_FALSE = 0x04,
	BRINE_TAG_NOTIMPLEMENTED = 0x05,
	BRINE_TAG_ELLIPSIS = 0x06,
	BRINE_TAG_STR = 0x08,
	BRINE_TAG_BYTES_1 = 0x0a, /* to 0x0d: length 1 to 4 */
	BRINE_TAG_BYTES_4 = 0x0d,
	BRINE_TAG_BYTES_L1 = 0x0e,
	BRINE_TAG_BYTES_L4 = 0x0f,
	BRINE_TAG_TUPLE_1 = 0x10, /* to 0x13: 1 to 4 items */
	BRINE_TAG_TUPLE_4 = 0x13,
	BRINE_TAG_TUPLE_L1 = 0x14,
	BRINE_TAG_TUPLE_L4 = 0x15,
	BRINE_TAG_INT_L1 = 0x16,
	BRINE_TAG_INT_L4 = 0x17,
	BRINE_TAG_FLOAT = 0x18,
	BRINE_TAG_SLICE = 0x19,
	BRINE_TAG_FROZENSET = 0x1a,
	BRINE_TAG_COMPLEX = 0x1b,
	BRINE_TAG_ELIDED = 0x1c, /* ours, never on the wire: see rpyc_read() */
	BRINE_TAG_INT_0 = 0x50,  /* 0x20 to 0xef: -48 to 159 */
	BRINE_TAG_INT_MIN = 0x20,
	BRINE_TAG_INT_MAX = 0xef
};

enum brine_type {
	BRINE_INVALID, /* of a tag: there is none like it */
	BRINE_NONE,
	BRINE_BOOL,
	BRINE_NOTIMPLEMENTED,
	BRINE_ELLIPSIS,
	BRINE_INT,
	BRINE_FLOAT,
	BRINE_COMPLEX,
	BRINE_BYTES,

	/* those below consist of values that follow: */
	BRINE_STR,      /* one byte string */
	BRINE_TUPLE,    /* its items */
	BRINE_SLICE,    /* one tuple */
	BRINE_FROZENSET /* one tuple */
};

/* How a value begins: a tag, and behind some tags a length. */
struct brine_form {
	uint8_t type; /* enum brine_type */
	uint8_t size; /* bytes of the length: 0, 1 or 4 */
	uint16_t n;   /* with size 0: the length, in bytes of data that follow, or (from
		       * BRINE_STR on) in values */
};

struct brine_value {
	enum brine_type type;
	uint64_t len;           /* bytes: length; str: characters; tuple: items */
	const unsigned char *p; /* bytes, str (UTF-8), text of a long int; NULL: elided */
	size_t n;               /* bytes at p */
	bool fits;              /* int: i holds it */
	bool negative;          /* int */
	int64_t i;              /* int; bool as 0 or 1 */
	double f;               /* float */
};

/* A place in encoded values. */
struct brine {
	const unsigned char *p, *end;
};

/* The values a buffer holds; and put those of a place into a buffer, in place of what it
 * held. */
struct brine brine_span(const struct buf *);
void brine_copy(struct buf *to, struct brine from);

/* Read one value; of a container only its opening. False: not valid, or at the end. */
bool brine_get(struct brine *, struct brine_value *);

/* Read a number of 4 or 8 bytes, the highest first. */
static inline uint32_t
brine_u32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t
brine_u64(const unsigned char *p)
{
	return (uint64_t)brine_u32(p) << 32 | brine_u32(p + 4);
}

/* What is done at once is counted (protocol.h): a byte that is inflated, or verified as text, is 1;
 * a value that is read WORK_READ, one that is passed WORK_PASS; a reference that is released
 * WORK_RELEASE. */
#define WORK_READ 4
#define WORK_PASS 1
#define WORK_RELEASE 16

/* Count n against what may still be done; false: that is used up. */
static inline bool
work_done(uint64_t *work, uint64_t n)
{
	*work = n < *work ? *work - n : 0;
	return *work > 0;
}

/* Messages are made of small ints and small tuples for the most part: these are read and
 * written inline, all else by the functions whose names end in _any. */
bool brine_skip_any(struct brine *, bool *elided);
bool brine_pass_any(struct brine *, uint64_t *ahead, bool *elided, uint64_t *work);
bool brine_int_any(struct brine *, int64_t *);
bool brine_items_any(struct brine *, uint64_t *n);
void brine_put_int_any(struct buf *, int64_t);
void brine_put_tuple_any(struct buf *, uint32_t n);

/* Is that the tag of a small int? It is all of the value. */
static inline bool
brine_small(unsigned tag)
{
	return tag - BRINE_TAG_INT_MIN <= BRINE_TAG_INT_MAX - BRINE_TAG_INT_MIN;
}

/* By tag; BRINE_TAG_ELIDED is one of BRINE_BYTES. */
extern const struct brine_form brine_forms[256];

/* The length of the next value in bytes, if it is one of those that most are, and all there: a
 * small int, an empty tuple, an int of some digits, a str of up to 255 bytes. Else 0. */
static inline size_t
brine_short(const struct brine *b)
{
	const unsigned char *p = b->p;
	size_t have = (size_t)(b->end - p), n = 0;

	if (have > 0 && (brine_small(*p) || *p == BRINE_TAG_EMPTY_TUPLE))
		return 1;
	if (have > 1 && *p == BRINE_TAG_STR && p[1] - (unsigned)BRINE_TAG_BYTES_1 < 4)
		n = 2 + (p[1] - (unsigned)BRINE_TAG_BYTES_1) + 1;
	else if (have > 2 && *p == BRINE_TAG_STR && p[1] == BRINE_TAG_BYTES_L1)
		n = 3 + (size_t)p[2];
	else if (have > 1 && *p == BRINE_TAG_INT_L1)
		n = 2 + (size_t)p[1];
	return n <= have ? n : 0;
}

/* Pass one value with all that it contains. *elided, if given, is set to true when
 * a byte string in it was elided (and is left alone otherwise). */
static inline bool
brine_skip(struct brine *b, bool *elided)
{
	size_t n = brine_short(b);

	if (n == 0)
		return brine_skip_any(b, elided);
	b->p += n; /* not where there is nothing: it may be NULL */
	return true;
}

/* Pass *ahead values with all that they contain, as far as *work goes: over when *ahead is 0, else
 * call it again. *elided as brine_skip. False: they are not valid. */
static inline bool
brine_pass(struct brine *b, uint64_t *ahead, bool *elided, uint64_t *work)
{
	size_t n;

	if (*ahead != 1 || *work < 2 || (n = brine_short(b)) == 0)
		return brine_pass_any(b, ahead, elided, work);
	*ahead = 0;
	*work -= *b->p == BRINE_TAG_STR ? 2 : 1; /* a str's text is a value, too */
	b->p += n;
	return true;
}

/* Pass one value. False: it is not valid, or something in it was elided. */
static inline bool
brine_skip_retained(struct brine *b)
{
	bool elided = false;

	return brine_skip(b, &elided) && !elided;
}

/* Pass one value; *value is where it lies. */
static inline bool
brine_take(struct brine *b, struct brine *value)
{
	value->p = b->p;
	if (!brine_skip(b, NULL))
		return false;
	value->end = b->p;
	return true;
}

/* Read an int that fits. */
static inline bool
brine_int(struct brine *b, int64_t *i)
{
	if (b->p < b->end && brine_small(*b->p)) {
		*i = (int64_t)*b->p++ - BRINE_TAG_INT_0;
		return true;
	}
	return brine_int_any(b, i);
}

/* Read the opening of a tuple, and the number of its items. */
static inline bool
brine_items(struct brine *b, uint64_t *n)
{
	if (b->p < b->end && (unsigned)*b->p - BRINE_TAG_TUPLE_1 < 4) {
		*n = *b->p++ - BRINE_TAG_TUPLE_1 + 1;
		return true;
	}
	if (b->p < b->end && *b->p == BRINE_TAG_EMPTY_TUPLE) {
		b->p++;
		*n = 0;
		return true;
	}
	return brine_items_any(b, n);
}

/* The same for a tuple of exactly n items. */
static inline bool
brine_tuple(struct brine *b, uint64_t n)
{
	uint64_t items;

	return brine_items(b, &items) && items == n;
}

/* Is the value that str? */
bool brine_is(const struct brine_value *, const char *);

/* Python's name of the value's type: "int", "NoneType" ... */
const char *brine_type_name(enum brine_type);

/* Append one value, in the shortest form, as stock peers do. */
static inline void
brine_put_int(struct buf *b, int64_t i)
{
	if (i >= BRINE_TAG_INT_MIN - BRINE_TAG_INT_0 && i <= BRINE_TAG_INT_MAX - BRINE_TAG_INT_0)
		buf_byte(b, (unsigned char)(i + BRINE_TAG_INT_0));
	else
		brine_put_int_any(b, i);
}

/* An int as its decimal digits, perhaps with a sign in front. */
#define BRINE_INT_DIGITS_MAX 4300 /* CPython's int() refuses more: fatal to a stock peer */
void brine_put_int_text(struct buf *, const char *digits, size_t n);
void brine_put_float(struct buf *, double);
void brine_put_bytes(struct buf *, const void *, size_t n);
void brine_put_str(struct buf *, const char *);
void brine_put_str_n(struct buf *, const void *, size_t n);

/* Append the n lowest bytes of a number, the highest first. */
void brine_put_number(struct buf *, uint64_t, size_t n);

/* Append what comes before the n bytes of a byte string or the n items of a tuple. */
void brine_put_bytes_head(struct buf *, uint32_t n);

static inline void
brine_put_tuple(struct buf *b, uint32_t n)
{
	if (n - 1 < 4)
		buf_byte(b, (unsigned char)(BRINE_TAG_TUPLE_1 + n - 1));
	else
		brine_put_tuple_any(b, n);
}

#endif
