/* SPDX-License-Identifier: ISC */
/* inflate: streams of every kind of block, cut at every place; what zlib refuses, bit by bit.
 *
 * With -f it is a filter instead, by which peers/inflate_check.py compares the decoder with
 * zlib: it reads jobs (length of a stream, bytes to feed at once, as 4 bytes each, low byte
 * first; the stream) and answers each (status, 1 byte; bytes taken, bytes of output, 4 bytes
 * each; the output). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpyc/inflate.h"
#include "tap.h"

#define OUTPUT_MAX (8u << 20)
#define STREAM_MAX (8u << 20)

static const unsigned char z_empty[] = { 0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01 };

static const unsigned char z_fixed[] = { 0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xd7, 0x51, 0xc8,
	0x40, 0xa2, 0x00, 0x44, 0x28, 0x06, 0xd5 };

/* clang-format off */
static const unsigned char z_dynamic[] = {
	0x78, 0x9c, 0xed, 0x4e, 0x4b, 0x0e, 0x82, 0x50, 0x0c, 0xbc, 0xca, 0x1c, 0x80, 0x78,
	0x00, 0x5d, 0xba, 0x71, 0x49, 0x08, 0x17, 0x28, 0x8f, 0x22, 0x2f, 0x21, 0x2d, 0xb6,
	0x45, 0xae, 0x6f, 0x9f, 0x37, 0x70, 0xef, 0x6a, 0x32, 0xd3, 0xce, 0x67, 0xe8, 0xef,
	0x50, 0xc3, 0x63, 0x1c, 0xfb, 0x0e, 0x24, 0x33, 0x08, 0xb1, 0x1a, 0xd3, 0x9c, 0x0c,
	0xbb, 0x69, 0x61, 0xf7, 0xf6, 0x40, 0x02, 0x7e, 0xb3, 0x04, 0x36, 0xd5, 0x1d, 0x3b,
	0x1b, 0x8a, 0x8a, 0x70, 0x89, 0xaa, 0x72, 0x4d, 0x0b, 0x05, 0xaa, 0x27, 0x32, 0x5e,
	0x07, 0x7b, 0x53, 0x6f, 0xdf, 0xb8, 0xa6, 0x90, 0xf8, 0x99, 0x86, 0xbc, 0x67, 0x38,
	0x4d, 0x1b, 0x43, 0x17, 0x2c, 0xf5, 0x79, 0x18, 0x7b, 0x87, 0x50, 0x4c, 0x8c, 0x56,
	0x89, 0xb3, 0xc6, 0x8a, 0x42, 0xc6, 0x17, 0x0c, 0xff, 0x5d, 0x3f, 0xed, 0xfa, 0x00,
	0x04, 0x5d, 0x9d, 0x57,
};

static const unsigned char z_run[] = {
	0x78, 0x9c, 0xed, 0xc2, 0x01, 0x0d, 0x00, 0x00, 0x0c, 0x02, 0xa0, 0xac, 0x6a, 0xff,
	0x0e, 0xef, 0xf1, 0xc1, 0x48, 0x17, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55,
	0x55, 0x55, 0xfd, 0xf2, 0x00, 0xeb, 0x96, 0xb6, 0x01,
};
/* clang-format on */

static const unsigned char z_stored[] = { 0x78, 0x01, 0x01, 0x06, 0x00, 0xf9, 0xff, 0x73, 0x74,
	0x6f, 0x72, 0x65, 0x64, 0x09, 0x3c, 0x02, 0x92 };

static const unsigned char z_flushed[] = { 0x78, 0x9c, 0xca, 0xcf, 0x4b, 0xd5, 0x51, 0x00, 0x00,
	0x00, 0x00, 0xff, 0xff, 0x2a, 0x29, 0xcf, 0xd7, 0x51, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff,
	0x2a, 0x29, 0xcf, 0xd7, 0x51, 0x28, 0xc9, 0x28, 0x4a, 0x4d, 0x05, 0x08, 0x30, 0x00, 0x47,
	0xdd, 0x06, 0xf3 };

#define SENTENCE \
	"RPC or HTTP, and a thread, a process or an event loop per connection: that is " \
	"the question; and the answer is a table of figures, to be read with care. "

struct result {
	enum inflate_status status;
	size_t taken; /* bytes of the stream */
	size_t n;     /* bytes in output */
	bool lawful;  /* it kept to what inflate.h says about its arguments */
};

static unsigned char *output;

/* Feed p[0..n-1]: up to cut, up to cut2, then by step bytes at once. */
static struct result
feed(const unsigned char *p, size_t n, size_t cut, size_t cut2, size_t step)
{
	static struct inflate s;
	struct result r = { INFLATE_INPUT, 0, 0, true };
	const unsigned char *in, *out;
	unsigned char *piece;
	size_t at = 0, k, left, out_n;

	memset(&s, 0x5a, sizeof s);
	inflate_init(&s);
	do {
		k = at < cut ? cut - at : at < cut2 ? cut2 - at : step;
		if (k > n - at)
			k = n - at;
		/* memory of its own, so that a sanitizer sees what is read beyond it */
		if (!(piece = malloc(k ? k : 1))) {
			r.lawful = false;
			return r;
		}
		memcpy(piece, p + at, k);
		in = piece;
		left = k;
		while ((r.status = inflate_run(&s, &in, &left, &out, &out_n)) == INFLATE_OUTPUT) {
			r.lawful = r.lawful && out_n > 0 && out_n <= OUTPUT_MAX - r.n;
			if (!r.lawful)
				break;
			memcpy(output + r.n, out, out_n);
			r.n += out_n;
		}
		r.lawful = r.lawful && in >= piece && in + left == piece + k
		    && (r.status != INFLATE_INPUT || left == 0);
		r.taken += k - left;
		free(piece);
		at += k;
	} while (r.lawful && r.status == INFLATE_INPUT && at < n);

	/* the end is for good */
	if (r.status != INFLATE_INPUT && r.lawful) {
		in = p;
		left = n;
		r.lawful = inflate_run(&s, &in, &left, &out, &out_n) == r.status && left == n;
	}
	return r;
}

/* Does the stream give that output, however it is cut? */
static bool
inflates_to(const unsigned char *z, size_t n, const void *want, size_t want_n, bool cut)
{
	struct result r;
	size_t i;

	for (i = 0; i <= n; i++) {
		if (!cut && i != 0 && i != n)
			continue;
		/* cut at i, at i and behind the next byte, by single bytes from i on */
		r = i % 3 == 0   ? feed(z, n, i, i, n)
		    : i % 3 == 1 ? feed(z, n, i, i + 1, n)
				 : feed(z, n, i, i, 1);
		if (i == 0)
			r = feed(z, n, 0, 0, 1);
		if (!r.lawful || r.status != INFLATE_DONE || r.taken != n || r.n != want_n
		    || memcmp(output, want, want_n) != 0) {
			printf("# cut at %zu: status %d, %zu bytes taken, %zu bytes out\n", i,
			    (int)r.status, r.taken, r.n);
			return false;
		}
	}
	return true;
}

static void
test_embedded(void)
{
	static char want[300000];
	static const struct {
		const char *name;
		const unsigned char *z;
		size_t n;
		const char *text;
	} t[] = {
		{ "empty", z_empty, sizeof z_empty, "" },
		{ "fixed block", z_fixed, sizeof z_fixed, "hello, hello, hello" },
		{ "dynamic block", z_dynamic, sizeof z_dynamic, SENTENCE SENTENCE SENTENCE },
		{ "stored block", z_stored, sizeof z_stored, "stored" },
		{ "many blocks", z_flushed, sizeof z_flushed, "one, two, two, three" },
	};
	unsigned char bytes[512];
	struct result r;
	size_t i, k, bad, more;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		ok(inflates_to(t[i].z, t[i].n, t[i].text, strlen(t[i].text), true),
		    "%s, cut everywhere", t[i].name);

		for (k = more = 0; k < t[i].n; k++) {
			r = feed(t[i].z, k, k / 2, k / 2, 3);
			more += r.lawful && r.status == INFLATE_INPUT && r.taken == k;
		}
		ok(more == t[i].n, "%s: asks for more when cut off", t[i].name);

		/* the last 4 bytes are the checksum */
		for (k = bad = 0; k < 32; k++) {
			memcpy(bytes, t[i].z, t[i].n);
			bytes[t[i].n - 4 + k / 8] ^= (unsigned char)(1 << k % 8);
			r = feed(bytes, t[i].n, k, k, 9);
			bad += r.lawful && r.status == INFLATE_BAD;
		}
		ok(bad == 32, "%s: a bit wrong in the checksum", t[i].name);

		memcpy(bytes, t[i].z, t[i].n);
		memset(bytes + t[i].n, 0x5a, 20);
		for (k = bad = 0; k <= t[i].n + 20; k++) {
			r = feed(bytes, t[i].n + 20, k, k, 20);
			bad += !r.lawful || r.status != INFLATE_DONE || r.taken != t[i].n
			    || r.n != strlen(t[i].text);
		}
		ok(bad == 0, "%s: what follows is left alone", t[i].name);
	}

	for (i = 0; i < sizeof want; i++)
		want[i] = "abc"[i % 3];
	ok(inflates_to(z_run, sizeof z_run, want, sizeof want, true),
	    "a run far longer than the window, cut everywhere");
}

/* ---- streams made here, bit by bit ---- */

struct writer {
	unsigned char *p;
	size_t nbits;
};

static void
put(struct writer *w, unsigned v, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++, w->nbits++) {
		if (w->nbits % 8 == 0)
			w->p[w->nbits / 8] = 0;
		w->p[w->nbits / 8] |= (unsigned char)((v >> i & 1) << w->nbits % 8);
	}
}

static void
align(struct writer *w)
{
	put(w, 0, (unsigned)((8 - w->nbits % 8) % 8));
}

/* The code of a symbol (RFC 1951, section 3.2.2), its highest bit first. */
static void
put_symbol(struct writer *w, const unsigned char *length, unsigned symbol)
{
	unsigned code = 0, len, i;

	for (len = 1; len <= length[symbol]; len++) {
		code <<= 1;
		for (i = 0; i < (len == length[symbol] ? symbol : 320); i++)
			code += length[i] == len;
	}
	for (i = length[symbol]; i-- > 0;)
		put(w, code >> i & 1, 1);
}

static void
put_sum(struct writer *w, const unsigned char *p, size_t n)
{
	unsigned long a = 1, b = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		a = (a + p[i]) % 65521;
		b = (b + a) % 65521;
	}
	align(w);
	put(w, b >> 8 & 255, 8);
	put(w, b & 255, 8);
	put(w, a >> 8 & 255, 8);
	put(w, a & 255, 8);
}

static unsigned char fixed_lit[320], fixed_dist[320];

static void
put_fixed(struct writer *w, unsigned symbol)
{
	put_symbol(w, fixed_lit, symbol);
}

static const unsigned distance_base[] = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193,
	257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };

/* A copy in a fixed block, of 3 to 10 or 258 bytes. */
static void
put_copy(struct writer *w, unsigned len, unsigned dist)
{
	unsigned i = 29;

	put_fixed(w, len == 258 ? 285 : len + 254);
	while (distance_base[i] > dist)
		i--;
	put_symbol(w, fixed_dist, i);
	put(w, dist - distance_base[i], i < 2 ? 0 : i / 2 - 1);
}

static void
put_head(struct writer *w)
{
	w->nbits = 0;
	put(w, 0x78, 8);
	put(w, 0x9c, 8);
}

static enum inflate_status
verdict(const struct writer *w)
{
	size_t n = (w->nbits + 7) / 8;
	struct result r = feed(w->p, n, 0, 0, n), s = feed(w->p, n, 0, 0, 1);

	/* the same however it is cut (but how much came out before what is bad may differ) */
	return r.lawful && s.lawful && r.status == s.status
		&& (r.n == s.n || r.status == INFLATE_BAD)
	    ? r.status
	    : INFLATE_OUTPUT;
}

static void
test_header(struct writer *w)
{
	static struct inflate s;
	unsigned cmf, flg, wrong = 0, good;
	const unsigned char *in, *out;
	unsigned char head[2];
	size_t left, n;

	for (cmf = 0; cmf < 256; cmf++) {
		for (flg = 0; flg < 256; flg++) {
			good = (cmf & 15) == 8 && cmf >> 4 <= 7 && !(flg & 32)
			    && (cmf * 256 + flg) % 31 == 0;
			head[0] = (unsigned char)cmf;
			head[1] = (unsigned char)flg;
			in = head;
			left = 2;
			inflate_init(&s);
			wrong += inflate_run(&s, &in, &left, &out, &n)
			    != (good ? INFLATE_INPUT : INFLATE_BAD);
		}
	}
	ok(wrong == 0, "header: all 65536 of them");
	ok(feed(w->p, 0, 0, 0, 1).status == INFLATE_INPUT, "header: nothing yet");
	put_head(w);
	put(w, 7, 3);
	ok(verdict(w) == INFLATE_BAD, "block of type 3");
}

static void
test_stored(struct writer *w)
{
	static unsigned char want[200000];
	size_t i, n, at;

	for (i = 0; i < sizeof want; i++)
		want[i] = (unsigned char)(i * i >> 7);
	put_head(w);
	put(w, 0, 3);
	align(w);
	put(w, 0, 16);
	put(w, 0xffff, 16);
	for (at = 0; at < sizeof want; at += n) {
		n = sizeof want - at < 65535 ? sizeof want - at : at == 0 ? 40960 : 65535;
		put(w, at + n == sizeof want, 3);
		align(w);
		put(w, (unsigned)n, 16);
		put(w, ~(unsigned)n & 0xffff, 16);
		for (i = 0; i < n; i++)
			put(w, want[at + i], 8);
	}
	put_sum(w, want, sizeof want);
	ok(inflates_to(w->p, w->nbits / 8, want, sizeof want, false),
	    "stored: larger than the "
	    "window, exactly the window, and nothing");

	/* a block that fills the window, then one of another kind */
	put_head(w);
	put(w, 0, 3);
	align(w);
	put(w, INFLATE_WINDOW, 16);
	put(w, ~(unsigned)INFLATE_WINDOW & 0xffff, 16);
	for (i = 0; i < INFLATE_WINDOW; i++)
		put(w, want[i], 8);
	put(w, 3, 3);
	put_fixed(w, want[n = i]);
	put_copy(w, 10, 32768);
	memcpy(want + n + 1, want + n + 1 - 32768, 10);
	put_fixed(w, 256);
	n += 11;
	put_sum(w, want, n);
	ok(inflates_to(w->p, w->nbits / 8, want, n, false),
	    "stored: the window's size, then a copy from it");

	for (i = 0; i < 16; i++) {
		put_head(w);
		put(w, 1, 3);
		align(w);
		put(w, 5, 16);
		put(w, 0xffff ^ 5 ^ 1u << i, 16);
		if (!ok(verdict(w) == INFLATE_BAD, "stored: bit %zu of the length's complement", i))
			break;
	}
}

/* A byte, then copies of the last byte, up to n bytes of output. */
static void
put_zeros(struct writer *w, unsigned n)
{
	put_head(w);
	put(w, 3, 3);
	put_fixed(w, 0);
	for (n--; n > 516; n -= 258)
		put_copy(w, 258, 1);
	for (; n > 0; n--)
		put_fixed(w, 0);
}

static void
test_distances(struct writer *w)
{
	static const unsigned far_back[] = { 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 4096, 8191,
		8192, 8193, 24577, 32767, 32768 };
	static unsigned char want[300000];
	unsigned i, j, k, n, dist, len;
	bool good = true;

	/* up to the first byte, and not beyond it */
	for (i = 0; i < sizeof far_back / sizeof *far_back; i++) {
		n = far_back[i];
		put_zeros(w, n);
		put_copy(w, 3, n);
		good = good && verdict(w) == INFLATE_INPUT;
		if (n < 32768) {
			put_zeros(w, n);
			put_copy(w, 3, n + 1);
			good = good && verdict(w) == INFLATE_BAD;
		}
	}
	ok(good, "copy: from the first byte of all, not from before it");
	put_head(w);
	put(w, 3, 3);
	put_copy(w, 3, 1);
	ok(verdict(w) == INFLATE_BAD, "copy: before any byte");

	/* every distance at every place of the window, and what overlaps */
	put_head(w);
	put(w, 3, 3);
	for (n = k = 0; n + 258 < sizeof want; k++) {
		for (i = 0; i < 3; i++, n++) {
			want[n] = (unsigned char)(k * 7 + i);
			put_fixed(w, want[n]);
		}
		dist = far_back[k * 5 % (sizeof far_back / sizeof *far_back)];
		if (dist > n)
			continue;
		len = k % 4 == 0 ? 258 : 3 + k % 8;
		put_copy(w, len, dist);
		for (j = 0; j < len; j++, n++)
			want[n] = want[n - dist];
	}
	put_fixed(w, 256);
	put_sum(w, want, n);
	ok(inflates_to(w->p, w->nbits / 8, want, n, false), "copy: all distances, wherever");

	/* up to the very end of the window and across it, by words and with an odd rest */
	memset(want, 0, sizeof want);
	good = true;
	for (i = 0; i <= 20; i++) {
		for (len = 3; len <= 10; len++) {
			n = INFLATE_WINDOW - i;
			put_zeros(w, n);
			put_copy(w, len, 9);
			put_fixed(w, 256);
			n += len;
			put_sum(w, want, n);
			good = good && inflates_to(w->p, w->nbits / 8, want, n, false);
		}
	}
	ok(good, "copy: where the window ends");

	/* symbols that the fixed codes have but no stream may use */
	for (i = 286; i < 288; i++) {
		put_zeros(w, 10);
		put_fixed(w, i);
		ok(verdict(w) == INFLATE_BAD, "fixed: length symbol %u", i);
	}
	for (i = 30; i < 32; i++) {
		put_zeros(w, 10);
		put_fixed(w, 257);
		put_symbol(w, fixed_dist, i);
		ok(verdict(w) == INFLATE_BAD, "fixed: distance symbol %u", i);
	}
}

/* In which the lengths of the code lengths' code are told. */
static const unsigned char order[] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1,
	15 };

/* Begin a dynamic block: the lengths of its codes one by one. */
static void
put_codes(struct writer *w, bool last, const unsigned char *length, unsigned nlit, unsigned ndist)
{
	static unsigned char code[320];
	unsigned i;

	/* complete: 13 codes of 4 bits and 6 of 5 */
	for (i = 0; i < 19; i++)
		code[i] = i < 13 ? 4 : 5;
	put(w, last ? 5 : 4, 3);
	put(w, nlit - 257, 5);
	put(w, ndist - 1, 5);
	put(w, 15, 4);
	for (i = 0; i < 19; i++)
		put(w, code[order[i]], 3);
	for (i = 0; i < nlit + ndist; i++)
		put_symbol(w, code, length[i]);
}

static void
test_dynamic(struct writer *w)
{
	static const struct {
		const char *what;
		/* lengths of the literals 0 to 3, 256, 257, and of the distances 0 to 3 */
		unsigned char lit[4], end, copy, dist[4];
		enum inflate_status want;
	} t[] = {
		{ "only an end", { 0 }, 1, 0, { 0 }, INFLATE_INPUT },
		{ "complete, no distances", { 1 }, 1, 0, { 0 }, INFLATE_INPUT },
		{ "complete, one distance", { 1, 2 }, 3, 3, { 1 }, INFLATE_INPUT },
		{ "complete, two distances", { 1, 2 }, 3, 3, { 1, 1 }, INFLATE_INPUT },
		{ "complete, three distances", { 1, 2 }, 3, 3, { 2, 2, 1 }, INFLATE_INPUT },
		{ "no end", { 1, 1 }, 0, 0, { 0 }, INFLATE_BAD },
		{ "nothing", { 0 }, 0, 0, { 0 }, INFLATE_BAD },
		{ "literals over-subscribed", { 1, 1 }, 1, 0, { 0 }, INFLATE_BAD },
		{ "literals over-subscribed, long", { 1, 2, 15, 15 }, 2, 0, { 0 }, INFLATE_BAD },
		{ "literals incomplete", { 2, 2 }, 2, 0, { 0 }, INFLATE_BAD },
		{ "one literal of two bits", { 0 }, 2, 0, { 0 }, INFLATE_BAD },
		{ "distances over-subscribed", { 1 }, 1, 0, { 1, 1, 1 }, INFLATE_BAD },
		{ "distances incomplete", { 1 }, 1, 0, { 2, 2, 2 }, INFLATE_BAD },
		{ "one distance of two bits", { 1 }, 1, 0, { 2 }, INFLATE_BAD },
	};
	static unsigned char length[320], lit[320], dist[320], want[4096];
	unsigned i, k, n;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		memset(length, 0, sizeof length);
		memcpy(length, t[i].lit, 4);
		length[256] = t[i].end;
		length[257] = t[i].copy;
		memcpy(length + 258, t[i].dist, 4);
		put_head(w);
		put_codes(w, true, length, 258, 4);
		ok(verdict(w) == t[i].want, "dynamic: %s", t[i].what);
	}

	/* a code that is not there, met in the stream */
	memset(length, 0, sizeof length);
	length[256] = 1;
	put_head(w);
	put_codes(w, true, length, 258, 4);
	put(w, 1, 1);
	ok(verdict(w) == INFLATE_BAD, "dynamic: the bit that is no literal");
	length[0] = length[1] = length[256] = length[257] = 2;
	for (i = 0; i < 2; i++) {
		length[258] = (unsigned char)i; /* no distances, or one */
		memcpy(lit, length, 258);
		put_head(w);
		put_codes(w, true, length, 258, 4);
		put_symbol(w, lit, 0);
		put_symbol(w, lit, 257);
		put(w, 1, 1);
		ok(verdict(w) == INFLATE_BAD, "dynamic: the bit that is no distance, of %u", i);
	}

	/* fixed codes before and after */
	memset(lit, 0, sizeof lit);
	lit['b'] = lit[256] = 1;
	put_head(w);
	put(w, 2, 3);
	put_fixed(w, 'a');
	put_fixed(w, 256);
	put_codes(w, false, lit, 258, 4);
	put_symbol(w, lit, 'b');
	put_symbol(w, lit, 256);
	put(w, 3, 3);
	put_fixed(w, 'c');
	put_fixed(w, 256);
	put_sum(w, (const unsigned char *)"abc", 3);
	ok(inflates_to(w->p, w->nbits / 8, "abc", 3, true), "dynamic: between fixed ones");

	/* codes of 1 to 15 bits, for literals and distances, all of them used */
	memset(length, 0, sizeof length);
	for (i = 0; i < 14; i++)
		length[i * 5] = (unsigned char)(14 - i);
	length[256] = length[257] = 15;
	for (i = 0; i < 16; i++)
		dist[i] = (unsigned char)(i == 0 ? 15 : 16 - i);
	memcpy(length + 258, dist, 16);
	memcpy(lit, length, 258);
	put_head(w);
	put_codes(w, true, length, 258, 16);
	for (n = 0; n < 280; n++) {
		want[n] = (unsigned char)(n % 14 * 5);
		put_symbol(w, lit, want[n]);
	}
	for (i = 0; i < 16; i++) {
		put_symbol(w, lit, 257);
		put_symbol(w, dist, i);
		put(w, 0, i < 2 ? 0 : i / 2 - 1);
		for (k = 0; k < 3; k++, n++)
			want[n] = want[n - distance_base[i]];
	}
	put_symbol(w, lit, 256);
	put_sum(w, want, n);
	ok(inflates_to(w->p, w->nbits / 8, want, n, true), "dynamic: codes of up to 15 bits");
}

/* How the lengths are told: with a code of the code lengths made for each case, "c" below. */
static void
test_lengths(struct writer *w)
{
	static const struct {
		const char *what;
		unsigned nlit, ndist;
		unsigned char c[19]; /* length of each symbol's code */
		struct {
			unsigned char symbol, extra;
		} told[8]; /* up to an extra of 255 */
		enum inflate_status want;
	} t[] = {
		/* one literal and the end have 1 bit, and so have both distances */
		{ "zeros in two runs", 257, 2, { [1] = 1, [18] = 1 },
		    { { 1, 0 }, { 18, 127 }, { 18, 106 }, { 1, 0 }, { 1, 0 }, { 1, 0 },
			{ 0, 255 } },
		    INFLATE_DONE },
		{ "zeros by 17", 258, 2, { [1] = 2, [17] = 2, [18] = 1 },
		    { { 1, 0 }, { 18, 127 }, { 18, 106 }, { 1, 0 }, { 17, 0 }, { 0, 255 } },
		    INFLATE_DONE },
		{ "zeros beyond the end", 258, 2, { [1] = 2, [17] = 2, [18] = 1 },
		    { { 1, 0 }, { 18, 127 }, { 18, 106 }, { 1, 0 }, { 17, 1 }, { 0, 255 } },
		    INFLATE_BAD },
		{ "a repeat across literals and distances", 257, 2, { [1] = 2, [16] = 2, [18] = 1 },
		    { { 18, 127 }, { 18, 106 }, { 1, 0 }, { 16, 0 }, { 0, 255 } }, INFLATE_DONE },
		{ "the same for three distances", 257, 3, { [1] = 2, [16] = 2, [18] = 1 },
		    { { 18, 127 }, { 18, 107 }, { 1, 0 }, { 16, 0 }, { 0, 255 } }, INFLATE_BAD },
		{ "a repeat beyond the end", 257, 2, { [1] = 2, [16] = 2, [18] = 1 },
		    { { 18, 127 }, { 18, 106 }, { 1, 0 }, { 16, 1 }, { 0, 255 } }, INFLATE_BAD },
		{ "a repeat of nothing", 257, 2, { [1] = 2, [16] = 2, [18] = 1 },
		    { { 16, 0 }, { 0, 255 } }, INFLATE_BAD },
		{ "287 literals", 287, 1, { [1] = 1, [18] = 1 }, { { 0, 255 } }, INFLATE_BAD },
		{ "288 literals", 288, 1, { [1] = 1, [18] = 1 }, { { 0, 255 } }, INFLATE_BAD },
		{ "286 literals, 30 distances", 286, 30, { [1] = 1, [18] = 1 }, { { 0, 255 } },
		    INFLATE_INPUT },
		{ "31 distances", 257, 31, { [1] = 1, [18] = 1 }, { { 0, 255 } }, INFLATE_BAD },
		{ "32 distances", 257, 32, { [1] = 1, [18] = 1 }, { { 0, 255 } }, INFLATE_BAD },
		{ "code over-subscribed", 257, 1, { [0] = 1, [1] = 1, [18] = 1 }, { { 0, 255 } },
		    INFLATE_BAD },
		{ "code incomplete", 257, 1, { [0] = 2, [1] = 2, [18] = 2 }, { { 0, 255 } },
		    INFLATE_BAD },
		{ "code of one bit alone", 257, 1, { [1] = 1 }, { { 0, 255 } }, INFLATE_BAD },
		{ "no code", 257, 1, { 0 }, { { 0, 255 } }, INFLATE_BAD },
	};
	unsigned char c[320] = { 0 };
	size_t i, k;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		memcpy(c, t[i].c, sizeof t[i].c);
		put_head(w);
		put(w, 5, 3);
		put(w, t[i].nlit - 257, 5);
		put(w, t[i].ndist - 1, 5);
		put(w, 15, 4);
		for (k = 0; k < 19; k++)
			put(w, c[order[k]], 3);
		for (k = 0; t[i].told[k].extra != 255; k++) {
			put_symbol(w, c, t[i].told[k].symbol);
			put(w, t[i].told[k].extra,
			    t[i].told[k].symbol == 16       ? 2
				: t[i].told[k].symbol == 17 ? 3
				: t[i].told[k].symbol == 18 ? 7
							    : 0);
		}
		if (t[i].want == INFLATE_DONE) {
			put(w, 1, 1); /* the end */
			put_sum(w, NULL, 0);
		}
		ok(verdict(w) == t[i].want, "lengths: %s", t[i].what);
	}
}

/* ---- the filter ---- */

static bool
get_number(size_t *v)
{
	unsigned char b[4];

	if (fread(b, 1, 4, stdin) != 4)
		return false;
	*v = (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
	return true;
}

static void
put_number(size_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		putchar((int)(v >> 8 * i & 255));
}

static int
filter(unsigned char *stream)
{
	struct result r;
	size_t n, step;

	while (get_number(&n)) {
		if (!get_number(&step) || step == 0 || n > STREAM_MAX
		    || fread(stream, 1, n, stdin) != n) {
			fputs("inflate: bad job\n", stderr);
			return 2;
		}
		r = feed(stream, n, 0, 0, step);
		if (!r.lawful) {
			fputs("inflate: unlawful, or more output than it is for\n", stderr);
			return 1;
		}
		putchar((int)r.status);
		put_number(r.taken);
		put_number(r.n);
		fwrite(output, 1, r.n, stdout);
		if (fflush(stdout) != 0)
			return 1;
	}
	return ferror(stdin) || !feof(stdin);
}

int
main(int argc, char **argv)
{
	struct writer w = { malloc(STREAM_MAX), 0 };
	int status;

	output = malloc(OUTPUT_MAX);
	if (!w.p || !output) {
		puts("Bail out! no memory");
		return 1;
	}
	if (argc > 1 && strcmp(argv[1], "-f") == 0) {
		status = filter(w.p);
	} else {
		memset(fixed_lit, 8, 144);
		memset(fixed_lit + 144, 9, 112);
		memset(fixed_lit + 256, 7, 24);
		memset(fixed_lit + 280, 8, 8);
		memset(fixed_dist, 5, 32);
		test_embedded();
		test_header(&w);
		test_stored(&w);
		test_distances(&w);
		test_dynamic(&w);
		test_lengths(&w);
		status = done();
	}
	free(w.p);
	free(output);
	return status;
}
