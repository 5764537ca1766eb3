/* SPDX-License-Identifier: ISC */
/* Decoder of zlib streams.
 *
 * A state machine that can be suspended anywhere, since every step takes its bits only when
 * all of them are there: 48 at most (a length and a distance, with their extra bits), which
 * fit in the 64 that are held. So whatever is held on return for lack of input is part of an
 * unfinished step; otherwise whole bytes are given back, and what follows the stream is
 * never swallowed. */
#include "rpyc/inflate.h"

#include <string.h>

enum state {
	HEAD,
	BLOCK,
	STORED_HEAD,
	STORED,
	DYNAMIC,
	CODE_LENGTHS,
	LENGTHS,
	CODES,
	COPY,
	CHECK,
	DONE,
	BAD
};

#define MAX_BITS 15
#define END_OF_BLOCK 256
#define MAX_LITERALS 286 /* that a stream may use: two of the fixed codes have no meaning */
#define MAX_DISTANCES 30
#define NO_SYMBOL 0xfff
#define ADLER_BASE 65521
#define ADLER_RUN 5552 /* bytes after which 32 bits could overflow */

static const uint16_t length_base[] = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35,
	43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const uint8_t length_extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
	4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[] = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193,
	257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };
static const uint8_t distance_extra[] = { 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8,
	8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 };

void
inflate_init(struct inflate *s)
{
	/* not the tables and the window: they are written before they are read */
	memset(s, 0, offsetof(struct inflate, length));
	s->state = HEAD;
	s->a = 1;
}

/* Hold at least 56 bits, or all there are. Bits beyond nbits may be held too: they are those
 * of the bytes that come next, so that or-ing these in again changes nothing. */
static inline void
refill(struct inflate *s)
{
	const unsigned char *p = s->in;
	unsigned n;

	if (s->in_left >= 8) {
		s->bits |= ((uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16
			       | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40
			       | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56)
		    << s->nbits;
		n = (63 - s->nbits) / 8;
		s->in += n;
		s->in_left -= n;
		s->nbits += 8 * n;
		return;
	}
	for (; s->nbits < 56 && s->in_left > 0; s->nbits += 8, s->in_left--)
		s->bits |= (uint64_t)*s->in++ << s->nbits;
}

static inline unsigned
peek(const struct inflate *s, unsigned at, unsigned n)
{
	return (unsigned)(s->bits >> at) & ((1u << n) - 1);
}

static inline void
drop(struct inflate *s, unsigned n)
{
	s->bits >>= n;
	s->nbits -= n;
}

/* Return the whole bytes held to the input. */
static void
give_back(struct inflate *s)
{
	unsigned n = s->nbits / 8;

	s->in -= n;
	s->in_left += n;
	s->nbits %= 8;
	s->bits &= (1u << s->nbits) - 1;
}

/* Make a code of the lengths of its symbols. False if they are too many for their lengths, or
 * too few: that only codes of literals and distances may be, and only with one symbol of one
 * bit, or with none. */
static bool
build(struct inflate_code *c, const unsigned char *length, unsigned n, bool may_be_short)
{
	unsigned next[MAX_BITS + 1], first[MAX_BITS + 1], i, k, len, code, bit, max = 0;
	int left = 1;
	uint16_t entry;

	memset(c->count, 0, sizeof c->count);
	for (i = 0; i < n; i++)
		c->count[length[i]]++;
	c->count[0] = 0;
	for (len = 1, code = i = 0; len <= MAX_BITS; len++) {
		left = 2 * left - c->count[len];
		if (left < 0)
			return false;
		if (c->count[len] > 0)
			max = len;
		next[len] = code;
		first[len] = i;
		code = (code + c->count[len]) << 1;
		i += c->count[len];
	}
	if (left > 0 && !(may_be_short && max <= 1))
		return false;

	entry = left > 0 ? (uint16_t)(NO_SYMBOL << 4 | 1) : 0;
	for (i = 0; i < 1 << INFLATE_FAST_BITS; i++)
		c->fast[i] = entry;
	for (i = 0; i < n; i++) {
		if ((len = length[i]) == 0)
			continue;
		c->symbol[first[len]++] = (uint16_t)i;
		code = next[len]++;
		if (len > INFLATE_FAST_BITS)
			continue;
		for (k = 0, bit = 0; bit < len; bit++) /* its first bit comes lowest */
			k |= (code >> bit & 1) << (len - 1 - bit);
		for (; k < 1 << INFLATE_FAST_BITS; k += 1u << len)
			c->fast[k] = (uint16_t)(i << 4 | len);
	}
	return true;
}

/* A symbol whose code is longer than the table is wide. */
static unsigned
decode_long(const struct inflate_code *c, uint64_t bits, unsigned *len)
{
	unsigned code = 0, first = 0, index = 0;

	for (*len = 1; *len <= MAX_BITS; ++*len, bits >>= 1) {
		code = code << 1 | (unsigned)(bits & 1);
		first <<= 1;
		if (code - first < c->count[*len])
			return c->symbol[index + code - first];
		index += c->count[*len];
		first += c->count[*len];
	}
	*len = MAX_BITS; /* can't be: the code would be incomplete */
	return NO_SYMBOL;
}

/* The symbol that bits begin with, and how many of them it takes: if fewer are really there,
 * it means nothing. */
static inline unsigned
decode(const struct inflate_code *c, uint64_t bits, unsigned *len)
{
	unsigned entry = c->fast[bits & ((1u << INFLATE_FAST_BITS) - 1)];

	if (!entry)
		return decode_long(c, bits, len);
	*len = entry & 15;
	return entry >> 4;
}

/* Go on with the copy of len bytes from dist back. */
static inline enum inflate_status
copy(struct inflate *s)
{
	unsigned char *to = s->window + s->at, *from;
	size_t n = s->len, i;

	if (s->at >= s->dist && n + 8 <= INFLATE_WINDOW - s->at) {
		/* The common case, in words: what it writes too much is overwritten later, and
		 * is no history any more. */
		from = to - s->dist;
		if (s->dist >= 8)
			for (i = 0; i < n; i += 8)
				memcpy(to + i, from + i, 8);
		else if (s->dist == 1)
			memset(to, *from, n);
		else
			for (i = 0; i < n; i++)
				to[i] = from[i];
		s->at += n;
		s->state = CODES;
		return INFLATE_DONE;
	}
	for (; s->len > 0 && s->at < INFLATE_WINDOW; s->len--, s->at++)
		s->window[s->at] = s->window[s->at >= s->dist ? s->at - s->dist
							      : s->at + INFLATE_WINDOW - s->dist];
	s->state = s->at < INFLATE_WINDOW ? CODES : COPY;
	return s->state == CODES ? INFLATE_DONE : INFLATE_OUTPUT;
}

/* Literals and copies, until the block, the input or the window ends. */
static enum inflate_status
run_codes(struct inflate *s)
{
	unsigned symbol, n, used;

	for (;;) {
		if (s->nbits < 48)
			refill(s);
		symbol = decode(&s->lit, s->bits, &used);
		if (used > s->nbits)
			return INFLATE_INPUT;
		if (symbol < END_OF_BLOCK) {
			drop(s, used);
			s->window[s->at++] = (unsigned char)symbol;
			if (s->at == INFLATE_WINDOW)
				return INFLATE_OUTPUT;
			continue;
		}
		if (symbol == END_OF_BLOCK) {
			drop(s, used);
			s->state = s->last ? CHECK : BLOCK;
			return INFLATE_DONE;
		}
		if (symbol >= MAX_LITERALS)
			return INFLATE_BAD;
		symbol -= END_OF_BLOCK + 1;
		s->len = length_base[symbol] + peek(s, used, length_extra[symbol]);
		used += length_extra[symbol];

		symbol = decode(&s->distance, s->bits >> used, &n);
		used += n;
		if (used > s->nbits)
			return INFLATE_INPUT;
		if (symbol >= MAX_DISTANCES)
			return INFLATE_BAD;
		n = distance_extra[symbol];
		if (used + n > s->nbits)
			return INFLATE_INPUT;
		s->dist = distance_base[symbol] + peek(s, used, n);
		if (s->dist > s->at && !s->wrapped)
			return INFLATE_BAD;
		drop(s, used + n);
		if (copy(s) != INFLATE_DONE)
			return INFLATE_OUTPUT;
	}
}

static void
fixed_codes(struct inflate *s)
{
	if (!s->fixed) {
		memset(s->length, 8, 144);
		memset(s->length + 144, 9, 112);
		memset(s->length + 256, 7, 24);
		memset(s->length + 280, 8, 8);
		build(&s->lit, s->length, INFLATE_LITERALS, false);
		memset(s->length, 5, INFLATE_DISTANCES);
		build(&s->distance, s->length, INFLATE_DISTANCES, false);
		s->fixed = true;
	}
}

/* The lengths of a dynamic block's codes, themselves encoded; then its codes. */
static enum inflate_status
run_lengths(struct inflate *s)
{
	unsigned total = s->nlit + s->ndist, symbol, used, extra, repeat, base;
	unsigned char length;

	while (s->have < total) {
		if (s->nbits < 16)
			refill(s);
		symbol = decode(&s->distance, s->bits, &used);
		if (used > s->nbits)
			return INFLATE_INPUT;
		extra = symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
		base = symbol < 16 ? 1 : symbol == 18 ? 11 : 3;
		if (used + extra > s->nbits)
			return INFLATE_INPUT;
		repeat = base + peek(s, used, extra);
		if ((symbol == 16 && s->have == 0) || repeat > total - s->have)
			return INFLATE_BAD;
		length = symbol < 16 ? (unsigned char)symbol
		    : symbol == 16   ? s->length[s->have - 1]
				     : 0;
		memset(s->length + s->have, length, repeat);
		s->have += repeat;
		drop(s, used + extra);
	}
	if (s->length[END_OF_BLOCK] == 0 || !build(&s->lit, s->length, s->nlit, true)
	    || !build(&s->distance, s->length + s->nlit, s->ndist, true))
		return INFLATE_BAD;
	s->state = CODES;
	return INFLATE_DONE;
}

static enum inflate_status
run_stored(struct inflate *s)
{
	size_t n = s->len;

	give_back(s);
	if (n > s->in_left)
		n = s->in_left;
	if (n > INFLATE_WINDOW - s->at)
		n = INFLATE_WINDOW - s->at;
	if (n > 0)
		memcpy(s->window + s->at, s->in, n);
	s->at += n;
	s->in += n;
	s->in_left -= n;
	s->len -= (unsigned)n;
	if (s->at == INFLATE_WINDOW)
		return INFLATE_OUTPUT;
	if (s->len > 0)
		return INFLATE_INPUT;
	s->state = s->last ? CHECK : BLOCK;
	return INFLATE_DONE;
}

/* One of the steps that take a fixed number of bits, x. DONE: on to the next. */
static enum inflate_status
step(struct inflate *s, uint32_t x)
{
	static const unsigned char order[] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13,
		2, 14, 1, 15 };

	switch (s->state) {
	case HEAD: /* method and window size; check bits, preset dictionary, level */
		if (((x & 0xff) << 8 | x >> 8) % 31 != 0 || (x & 0x8f) != 8 || x & 0x2000)
			return INFLATE_BAD;
		s->state = BLOCK;
		break;
	case BLOCK:
		s->last = x & 1;
		if (x >> 1 == 3)
			return INFLATE_BAD;
		s->state = x >> 1 == 0 ? STORED_HEAD : x >> 1 == 1 ? CODES : DYNAMIC;
		if (s->state == CODES)
			fixed_codes(s);
		break;
	case STORED_HEAD:
		s->len = x & 0xffff;
		if (s->len != (x >> 16 ^ 0xffff))
			return INFLATE_BAD;
		s->state = STORED;
		break;
	case DYNAMIC:
		s->nlit = (x & 31) + 257;
		s->ndist = (x >> 5 & 31) + 1;
		s->ncode = (x >> 10) + 4;
		if (s->nlit > MAX_LITERALS || s->ndist > MAX_DISTANCES)
			return INFLATE_BAD;
		s->have = 0;
		s->fixed = false;
		memset(s->length, 0, sizeof order);
		s->state = CODE_LENGTHS;
		break;
	case CODE_LENGTHS:
		s->length[order[s->have++]] = (unsigned char)x;
		if (s->have < s->ncode)
			break;
		/* the code of the lengths is gone before that of the distances is made */
		if (!build(&s->distance, s->length, sizeof order, false))
			return INFLATE_BAD;
		s->have = 0;
		s->state = LENGTHS;
		break;
	case CHECK:
		if (((x & 0xff) << 8 | (x >> 8 & 0xff)) != s->b
		    || ((x >> 8 & 0xff00) | x >> 24) != s->a)
			return INFLATE_BAD;
		s->state = DONE;
		break;
	}
	return INFLATE_DONE;
}

static enum inflate_status
run_step(struct inflate *s)
{
	static const unsigned char bits[] = { [HEAD] = 16,
		[BLOCK] = 3,
		[STORED_HEAD] = 32,
		[DYNAMIC] = 14,
		[CODE_LENGTHS] = 3,
		[CHECK] = 32 };
	unsigned n = bits[s->state];
	uint64_t x;

	if (s->state == CHECK && s->at > s->given)
		return INFLATE_OUTPUT; /* which adds to the sum */
	if (n == 32)                   /* these begin with a byte */
		drop(s, s->nbits % 8);
	if (s->nbits < n)
		refill(s);
	if (s->nbits < n)
		return INFLATE_INPUT;
	x = s->bits & (((uint64_t)1 << n) - 1);
	drop(s, n);
	return step(s, (uint32_t)x);
}

static void
add_to_sum(struct inflate *s, const unsigned char *p, size_t n)
{
	uint32_t a = s->a, b = s->b;
	size_t i, k;

	for (; n > 0; n -= k, p += k) {
		k = n < ADLER_RUN ? n : ADLER_RUN;
		for (i = 0; i < k; i++)
			b += a += p[i];
		a %= ADLER_BASE;
		b %= ADLER_BASE;
	}
	s->a = a;
	s->b = b;
}

/* Run until there is something to report. */
static enum inflate_status
run(struct inflate *s)
{
	enum inflate_status status = INFLATE_DONE;

	while (status == INFLATE_DONE && s->state != DONE) {
		if (s->state == STORED)
			status = run_stored(s);
		else if (s->state == LENGTHS)
			status = run_lengths(s);
		else if (s->state == CODES)
			status = run_codes(s);
		else if (s->state == COPY)
			status = copy(s);
		else
			status = s->state == BAD ? INFLATE_BAD : run_step(s);
	}
	return status;
}

enum inflate_status
inflate_run(struct inflate *s, const unsigned char **in, size_t *in_left, const unsigned char **out,
    size_t *out_n)
{
	enum inflate_status status;

	s->in = *in;
	s->in_left = *in_left;
	if (s->at == INFLATE_WINDOW) {
		s->at = s->given = 0;
		s->wrapped = true;
	}

	status = run(s);
	if (status == INFLATE_BAD)
		s->state = BAD;
	else if (status != INFLATE_INPUT)
		give_back(s);
	else if (s->at > s->given)
		status = INFLATE_OUTPUT;
	if (status == INFLATE_OUTPUT) {
		*out = s->window + s->given;
		*out_n = s->at - s->given;
		add_to_sum(s, *out, *out_n);
		s->given = s->at;
	}
	*in = s->in;
	*in_left = s->in_left;
	return status;
}
