/* SPDX-License-Identifier: ISC */
/* The JSON of the service, and hex.
 *
 * The reader of chunks is a state machine of one state a character, because a document of
 * gigabytes must pass through a server that holds nothing of it; only the inside of
 * a string, where all but a handful of the characters are, has loops of its own. */
#include "http/json.h"

#include <string.h>

#include "base/num.h"

/* Both digits of each byte. */
static const char hex_pair[] =
	"000102030405060708090a0b0c0d0e0f"
	"101112131415161718191a1b1c1d1e1f"
	"202122232425262728292a2b2c2d2e2f"
	"303132333435363738393a3b3c3d3e3f"
	"404142434445464748494a4b4c4d4e4f"
	"505152535455565758595a5b5c5d5e5f"
	"606162636465666768696a6b6c6d6e6f"
	"707172737475767778797a7b7c7d7e7f"
	"808182838485868788898a8b8c8d8e8f"
	"909192939495969798999a9b9c9d9e9f"
	"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
	"b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
	"c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	"d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
	"e0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

/* Value of a hex digit; NO_HEX for other characters. */
#define NO_HEX 0x80
static const unsigned char hex_value[256] = {
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	  0,   1,   2,   3,   4,   5,   6,   7,   8,   9, 128, 128, 128, 128, 128, 128,
	128,  10,  11,  12,  13,  14,  15, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128,  10,  11,  12,  13,  14,  15, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
	128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
};

void
hex_encode(char *dst, const void *src, size_t n)
{
	const unsigned char *p = src;
	size_t i;

	for (i = 0; i < n; i++)
		memcpy(dst + 2 * i, hex_pair + 2 * (size_t)p[i], 2);
}

/* ---- {"chunks":["hex",...]} ---- */

enum {
	AT_OBJECT,      /* before { */
	AT_KEY,         /* before the key's quote */
	IN_KEY,
	AT_COLON,
	AT_ARRAY,       /* before [ */
	AT_FIRST,       /* before the first string or ] */
	IN_STRING,
	AFTER_STRING,   /* before , or ] */
	AT_STRING,      /* before a string: a comma came */
	AT_END,         /* before } */
	AFTER_END
};

/* Where in an escape sequence; digits counts the hex digits of a \uXXXX. */
#define NO_ESCAPE 0xff
#define ESCAPE    5             /* behind the backslash */

static const char chunks_key[] = "chunks";

void
json_chunks_init(struct json_chunks *j)
{
	memset(j, 0, sizeof *j);
	j->high = NO_HEX;
	j->digits = NO_ESCAPE;
}

/* A character of a string's value that isn't one half of a long run of digits. Returns
 * 1 if it completes a byte, which is put into *byte. */
static int
take_digit(struct json_chunks *j, unsigned c, unsigned char *byte)
{
	unsigned char v;

	v = c < 256 ? hex_value[c] : NO_HEX;
	if (v == NO_HEX) {
		j->error = "a chunk holds something else than hex digits";
		return 0;
	}
	if (j->high == NO_HEX) {
		j->high = v;
		return 0;
	}
	*byte = (unsigned char)(j->high << 4 | v);
	j->high = NO_HEX;
	j->this++;
	j->bytes++;
	return 1;
}

static void
take_key(struct json_chunks *j, unsigned c)
{
	if (j->matched < sizeof chunks_key - 1 && c == (unsigned char)chunks_key[j->matched])
		j->matched++;
	else
		j->error = "a member other than \"chunks\"";
}

/* One more character of an escape sequence. Returns true when it is complete, its
 * character in code. */
static bool
take_escape(struct json_chunks *j, unsigned char c)
{
	if (j->digits == ESCAPE) {
		if (c == 'u') {
			j->digits = 4;
			j->code = 0;
			return false;
		}
		if (!strchr("\"\\/bfnrt", c) || c == '\0')
			j->error = "a bad escape sequence";
		j->digits = NO_ESCAPE;
		j->code = 0xffff;       /* none of these is part of hex or of the key */
		return !j->error;
	}
	if (hex_value[c] == NO_HEX) {
		j->error = "a bad escape sequence";
		return false;
	}
	j->code = (unsigned short)(j->code << 4 | hex_value[c]);
	if (--j->digits > 0)
		return false;
	j->digits = NO_ESCAPE;
	return true;
}

static void
string_begin(struct json_chunks *j)
{
	if (j->chunk && j->strings > 0 && j->this != j->chunk)
		j->error = "a chunk of another size than asked for";
	j->this = 0;
	j->state = IN_STRING;
}

static void
string_end(struct json_chunks *j)
{
	if (j->high != NO_HEX)
		j->error = "an odd number of hex digits";
	else if (j->chunk && j->this > j->chunk)
		j->error = "a chunk of another size than asked for";
	j->strings++;
	j->state = AFTER_STRING;
}

/* A character between strings. */
static void
take_outside(struct json_chunks *j, unsigned char c)
{
	static const char *const wanted[] = {
		[AT_OBJECT] = "not a JSON object",
		[AT_KEY] = "no member \"chunks\"",
		[AT_COLON] = "no colon behind \"chunks\"",
		[AT_ARRAY] = "\"chunks\" is not an array",
		[AT_FIRST] = "a chunk is not a string",
		[AFTER_STRING] = "neither comma nor bracket behind a chunk",
		[AT_STRING] = "a chunk is not a string",
		[AT_END] = "something else behind the chunks",
		[AFTER_END] = "something behind the end of the object"
	};
	static const char next[][2] = {
		[AT_OBJECT] = { '{', AT_KEY }, [AT_KEY] = { '"', IN_KEY },
		[AT_COLON] = { ':', AT_ARRAY }, [AT_ARRAY] = { '[', AT_FIRST },
		[AT_FIRST] = { ']', AT_END }, [AFTER_STRING] = { ']', AT_END },
		[AT_END] = { '}', AFTER_END }, [AFTER_END] = { 0, 0 }
	};

	if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		return;
	if (c == '"' && (j->state == AT_FIRST || j->state == AT_STRING))
		string_begin(j);
	else if (c == ',' && j->state == AFTER_STRING)
		j->state = AT_STRING;
	else if (j->state != AFTER_END && c != '\0' && c == (unsigned char)next[j->state][0])
		j->state = (unsigned char)next[j->state][1];
	else
		j->error = wanted[j->state];
}

/* Take as many pairs of digits from p[n] as there are in a row, decoded to dst[room] or
 * only checked; returns the number of pairs. */
static size_t
take_pairs(const unsigned char *p, size_t n, unsigned char *dst, size_t room)
{
	const unsigned char *h = hex_value;
	size_t k = 0;
	unsigned char a, b;

	n /= 2;
	if (dst) {
		if (n > room)
			n = room;
		for (; k < n; k++) {
			a = h[p[2 * k]];
			b = h[p[2 * k + 1]];
			if ((a | b) & NO_HEX)
				break;
			dst[k] = (unsigned char)(a << 4 | b);
		}
		return k;
	}
	for (; n - k >= 4; k += 4, p += 8)
		if ((h[p[0]] | h[p[1]] | h[p[2]] | h[p[3]]
		    | h[p[4]] | h[p[5]] | h[p[6]] | h[p[7]]) & NO_HEX)
			break;
	for (; k < n && !((h[p[0]] | h[p[1]]) & NO_HEX); k++)
		p += 2;
	return k;
}

size_t
json_chunks_take(struct json_chunks *j, const void *src, size_t n,
	void *to, size_t room, size_t *got)
{
	const unsigned char *p = src;
	unsigned char *dst = to, byte = 0;
	size_t i = 0, k, full = 0;
	unsigned c;

	while (i < n && !j->error && !(dst && full == room)) {
		if (j->state == IN_STRING && j->high == NO_HEX && j->digits == NO_ESCAPE) {
			k = take_pairs(p + i, n - i, dst ? dst + full : NULL, room - full);
			i += 2 * k;
			j->at += 2 * k;
			j->this += k;
			j->bytes += k;
			full += dst ? k : 0;
			if (i == n || (dst && full == room))
				break;
		}
		c = p[i++];
		j->at++;
		if (j->state != IN_STRING && j->state != IN_KEY) {
			take_outside(j, (unsigned char)c);
			continue;
		}
		if (j->digits != NO_ESCAPE) {
			if (!take_escape(j, (unsigned char)c))
				continue;
			c = j->code;
		} else if (c == '\\') {
			j->digits = ESCAPE;
			continue;
		} else if (c == '"') {
			if (j->state == IN_STRING)
				string_end(j);
			else if (j->matched < sizeof chunks_key - 1)
				j->error = "a member other than \"chunks\"";
			else
				j->state = AT_COLON;
			continue;
		}
		if (j->state == IN_KEY)
			take_key(j, c);
		else if (take_digit(j, c, &byte) && dst)
			dst[full++] = byte;
	}
	if (got)
		*got = full;
	return i;
}

const char *
json_chunks_end(const struct json_chunks *j)
{
	if (j->error)
		return j->error;
	if (j->state == AT_OBJECT)
		return "not a JSON object";
	return j->state == AFTER_END ? NULL : "the JSON document is cut off";
}

uint64_t
json_chunks_length(uint64_t n, uint64_t chunk)
{
	uint64_t strings = n / chunk + (n % chunk != 0);

	/* two digits a byte, two quotes a string, commas between */
	return sizeof JSON_CHUNKS_OPEN - 1 + sizeof JSON_CHUNKS_CLOSE - 1
	    + 2 * n + 2 * strings + (strings ? strings - 1 : 0);
}

/* ---- short documents ---- */

struct text {
	const char *p, *end;
};

static void
skip_blanks(struct text *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' || *t->p == '\n' || *t->p == '\r'))
		t->p++;
}

static bool
skip_char(struct text *t, char c)
{
	skip_blanks(t);
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

/* Skip a string, its quotes included; escapes are stepped over, not decoded. */
static bool
skip_string(struct text *t)
{
	if (!skip_char(t, '"'))
		return false;
	for (; t->p < t->end; t->p++) {
		if (*t->p == '"') {
			t->p++;
			return true;
		}
		if ((unsigned char)*t->p < 0x20)
			return false;
		if (*t->p == '\\' && ++t->p == t->end)
			return false;
	}
	return false;
}

/* Skip a value. What lies inside of an object or array is only searched for its end. */
static bool
skip_value(struct text *t)
{
	const char *p;
	unsigned depth = 0;

	do {
		skip_blanks(t);
		if (t->p == t->end)
			return false;
		if (*t->p == '"') {
			if (!skip_string(t))
				return false;
		} else if (*t->p == '{' || *t->p == '[') {
			depth++;
			t->p++;
		} else if (depth > 0 && strchr("}],:", *t->p) && *t->p) {
			depth -= *t->p == '}' || *t->p == ']';
			t->p++;
		} else {
			for (p = t->p; t->p < t->end && !strchr("\"{}[],: \t\r\n", *t->p); t->p++)
				;
			if (t->p == p)
				return false;
		}
	} while (depth > 0);
	return true;
}

/* The value of member key of the object that is the whole of the text. */
static const char *
member(const void *doc, size_t n, const char *key, struct text *value)
{
	struct text t = { doc, (const char *)doc + n };
	struct text name, v;
	bool found = false;

	if (!skip_char(&t, '{'))
		return "not a JSON object";
	if (!skip_char(&t, '}')) {
		do {
			skip_blanks(&t);
			name.p = t.p;
			if (!skip_string(&t))
				return "not valid JSON";
			name.end = t.p;
			if (!skip_char(&t, ':'))
				return "not valid JSON";
			skip_blanks(&t);
			v.p = t.p;
			if (!skip_value(&t))
				return "not valid JSON";
			v.end = t.p;
			if ((size_t)(name.end - name.p) == strlen(key) + 2
			    && memcmp(name.p + 1, key, strlen(key)) == 0) {
				*value = v;
				found = true;
			}
		} while (skip_char(&t, ','));
		if (!skip_char(&t, '}'))
			return "not valid JSON";
	}
	skip_blanks(&t);
	if (t.p != t.end)
		return "not valid JSON";
	return found ? NULL : "the member asked for is missing";
}

const char *
json_count(const void *p, size_t n, const char *key, uint64_t *v)
{
	struct text value;
	const char *wrong;

	if ((wrong = member(p, n, key, &value)))
		return wrong;
	if (!num_digits(value.p, (size_t)(value.end - value.p), v))
		return "the value is not a count";
	return NULL;
}

const char *
json_text(const void *p, size_t n, const char *key, const char *want)
{
	struct text value;
	const char *wrong;

	if ((wrong = member(p, n, key, &value)))
		return wrong;
	if ((size_t)(value.end - value.p) != strlen(want) + 2 || value.p[0] != '"'
	    || memcmp(value.p + 1, want, strlen(want)) != 0)
		return "another value";
	return NULL;
}
