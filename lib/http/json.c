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
#define SIXTEEN(h) \
	h "0" h "1" h "2" h "3" h "4" h "5" h "6" h "7" h "8" h "9" h "a" h "b" h "c" h "d" h \
	  "e" h "f"
static const char hex_pair[] = SIXTEEN("0") SIXTEEN("1") SIXTEEN("2") SIXTEEN("3") SIXTEEN("4")
    SIXTEEN("5") SIXTEEN("6") SIXTEEN("7") SIXTEEN("8") SIXTEEN("9") SIXTEEN("a") SIXTEEN("b")
	SIXTEEN("c") SIXTEEN("d") SIXTEEN("e") SIXTEEN("f");

/* Value of a hex digit, and HEX; 0 for other characters. */
#define HEX 0x10
static const unsigned char hex_value[256] = { ['0'] = 0x10,
	0x11,
	0x12,
	0x13,
	0x14,
	0x15,
	0x16,
	0x17,
	0x18,
	0x19,
	['A'] = 0x1a,
	0x1b,
	0x1c,
	0x1d,
	0x1e,
	0x1f,
	['a'] = 0x1a,
	0x1b,
	0x1c,
	0x1d,
	0x1e,
	0x1f };

void
hex_encode(char *dst, const void *src, size_t n)
{
	const unsigned char *p = src;
	size_t i;

	for (i = 0; i < n; i++)
		memcpy(dst + 2 * i, hex_pair + 2 * (size_t)p[i], 2);
}

/* ---- {"chunks":["hex",...]} ---- */

/* The states. Those up to AT_FIRST count the characters of JSON_CHUNKS_OPEN that have come. */
enum {
	AT_OBJECT,
	AT_QUOTE,
	IN_KEY,
	KEY_END = IN_KEY + sizeof "chunks" - 1,
	AT_COLON,
	AT_ARRAY,
	AT_FIRST,  /* before the first string or ] */
	AT_STRING, /* before a string: a comma came */
	IN_STRING,
	AFTER_STRING, /* before , or ] */
	AT_END,       /* before } */
	AFTER_END
};
_Static_assert(AT_FIRST == sizeof JSON_CHUNKS_OPEN - 1, "a state for each character");

#define BAD_ESCAPE "a bad escape sequence"
#define BAD_SIZE "a chunk of another size than asked for"

/* What \ and \u leave in escape; digits that follow are shifted in. */
#define BACKSLASH 0x20000
#define BACKSLASH_U 1

/* Between the quotes of the key or of a chunk? */
static bool
in_text(const struct json_chunks *j)
{
	return j->state == IN_STRING || (j->state >= IN_KEY && j->state <= KEY_END);
}

/* One more character of an escape sequence. True: it is complete, and *c what it stands for. */
static bool
take_escape(struct json_chunks *j, unsigned *c)
{
	if (j->escape == BACKSLASH) {
		/* no other sequence stands for a digit, or for a letter of the key */
		if (*c != 'u')
			j->error = BAD_ESCAPE;
		j->escape = BACKSLASH_U;
		return false;
	}
	if (!hex_value[*c])
		j->error = BAD_ESCAPE;
	j->escape = j->escape << 4 | (hex_value[*c] & 15);
	if (j->escape < 0x10000)
		return false;
	*c = j->escape & 0xffff;
	j->escape = 0;
	return !j->error;
}

/* A character of a chunk that isn't one half of a long run of digits. Returns 1 if it completes
 * a byte, which is put into *byte. */
static int
take_digit(struct json_chunks *j, unsigned c, unsigned char *byte)
{
	unsigned char v = c < 256 ? hex_value[c] : 0;

	if (!v)
		j->error = "a chunk holds something else than hex digits";
	if (!v || !j->high) {
		j->high = v;
		return 0;
	}
	*byte = (unsigned char)(j->high << 4 | (v & 15));
	j->high = 0;
	j->current++;
	j->bytes++;
	return 1;
}

static void
string_end(struct json_chunks *j)
{
	if (j->high)
		j->error = "an odd number of hex digits";
	else if (j->chunk && j->current > j->chunk)
		j->error = BAD_SIZE;
	j->strings++;
	j->state = AFTER_STRING;
}

/* A character outside of chunks. */
static void
take_outside(struct json_chunks *j, unsigned c)
{
	static const char *const wrong[] = {
		[AT_OBJECT] = "not a JSON object",
		[AT_QUOTE] = "no member \"chunks\"",
		[AT_COLON] = "no colon behind \"chunks\"",
		[AT_ARRAY] = "\"chunks\" is not an array",
		[AT_FIRST] = "a chunk is not a string",
		[AT_STRING] = "a chunk is not a string",
		[AFTER_STRING] = "neither comma nor bracket behind a chunk",
		[AT_END] = "something else behind the chunks",
		[AFTER_END] = "something behind the end of the object",
	};

	if (!in_text(j) && (c == ' ' || c == '\t' || c == '\n' || c == '\r'))
		return;
	if (j->state < AT_FIRST && c == (unsigned char)JSON_CHUNKS_OPEN[j->state]) {
		j->state++;
	} else if (c == '"' && (j->state == AT_FIRST || j->state == AT_STRING)) {
		if (j->chunk && j->strings > 0 && j->current != j->chunk)
			j->error = BAD_SIZE;
		j->current = 0;
		j->state = IN_STRING;
	} else if (c == ',' && j->state == AFTER_STRING) {
		j->state = AT_STRING;
	} else if (c == ']' && (j->state == AT_FIRST || j->state == AFTER_STRING)) {
		j->state = AT_END;
	} else if (c == '}' && j->state == AT_END) {
		j->state = AFTER_END;
	} else {
		j->error = in_text(j) ? "a member other than \"chunks\"" : wrong[j->state];
	}
}

/* Take as many pairs of digits from p[n] as there are in a row, decoded to dst[room] or
 * only checked; returns the number of pairs. */
static size_t
take_pairs(const unsigned char *p, size_t n, unsigned char *dst, size_t room)
{
	const unsigned char *h = hex_value;
	size_t k = 0;

	n /= 2;
	if (dst) {
		if (n > room)
			n = room;
		for (; k < n && h[p[0]] & h[p[1]] & HEX; k++, p += 2)
			dst[k] = (unsigned char)(h[p[0]] << 4 | (h[p[1]] & 15));
		return k;
	}
	for (; n - k >= 4; k += 4, p += 8)
		if (!(h[p[0]] & h[p[1]] & h[p[2]] & h[p[3]] & h[p[4]] & h[p[5]] & h[p[6]] & h[p[7]]
			& HEX))
			break;
	for (; k < n && h[p[0]] & h[p[1]] & HEX; k++)
		p += 2;
	return k;
}

size_t
json_chunks_take(struct json_chunks *j, const void *src, size_t n, void *to, size_t room,
    size_t *got)
{
	const unsigned char *p = src;
	unsigned char *dst = to, byte = 0;
	size_t i = 0, k, full = 0;
	unsigned c;
	bool escaped;

	while (i < n && !j->error && !(dst && full == room)) {
		if (j->state == IN_STRING && !j->high && !j->escape) {
			k = take_pairs(p + i, n - i, dst ? dst + full : NULL, room - full);
			i += 2 * k;
			j->at += 2 * k;
			j->current += k;
			j->bytes += k;
			full += dst ? k : 0;
			if (i == n || (dst && full == room))
				break;
		}
		c = p[i++];
		j->at++;
		escaped = j->escape;
		if (escaped && !take_escape(j, &c))
			continue;
		if (!escaped && c == '\\' && in_text(j))
			j->escape = BACKSLASH;
		else if (!escaped && c == '"' && j->state == IN_STRING)
			string_end(j);
		else if (j->state != IN_STRING)
			take_outside(j, escaped && j->state == KEY_END ? 0 : c);
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
	return sizeof JSON_CHUNKS_OPEN - 1 + sizeof JSON_CHUNKS_CLOSE - 1 + 2 * n + 2 * strings
	    + (strings ? strings - 1 : 0);
}

/* ---- short documents ---- */

struct text {
	const char *p, *end;
};

static bool
is_one_of(char c, const char *chars)
{
	return c && strchr(chars, c);
}

/* Cut the next token off: a string with its quotes, one of {}[],: or a word (a number, true).
 * Escapes in strings are stepped over, not decoded. Returns its first character, or 0: there is
 * none, or a string that is none. */
static char
next_token(struct text *t, struct text *token)
{
	const char *p = t->p, *end = t->end;

	while (p < end && is_one_of(*p, " \t\r\n"))
		p++;
	token->p = p;
	if (p < end && *p == '"') {
		for (p++; p < end && *p != '"' && (unsigned char)*p >= 0x20; p++)
			if (*p == '\\' && ++p == end)
				return 0;
		if (p == end || *p++ != '"')
			return 0;
	} else if (p < end && is_one_of(*p, "{}[],:")) {
		p++;
	} else {
		while (p < end && (unsigned char)*p > ' ' && !is_one_of(*p, "\"{}[],:"))
			p++;
	}
	t->p = token->end = p;
	if (p == token->p)
		return '\0';
	return *token->p;
}

/* Cut a value off. What lies inside of an object or array is only searched for its end. */
static bool
next_value(struct text *t, struct text *value)
{
	struct text token;
	unsigned depth = 0;
	char c;

	do {
		c = next_token(t, &token);
		if (depth == 0)
			value->p = token.p;
		depth += c == '{' || c == '[';
		if (!c || (depth == 0 && is_one_of(c, "}],:")))
			return false;
		depth -= c == '}' || c == ']';
	} while (depth > 0);
	value->end = token.end;
	return true;
}

/* Is it this text, in quotes? */
static bool
is_string(const struct text *t, const char *text)
{
	size_t n = strlen(text);

	return (size_t)(t->end - t->p) == n + 2 && *t->p == '"' && memcmp(t->p + 1, text, n) == 0;
}

/* The value of member key of the object that is the whole of the text. */
static const char *
member(const void *doc, size_t n, const char *key, struct text *value)
{
	struct text t = { doc, (const char *)doc + n }, name, v, token;
	bool found = false;
	char c;

	if (next_token(&t, &token) != '{')
		return "not a JSON object";
	do {
		c = next_token(&t, &name);
		if (c == '}' && *token.p == '{')
			break;
		if (c != '"' || next_token(&t, &token) != ':' || !next_value(&t, &v))
			return "not valid JSON";
		if (is_string(&name, key)) {
			*value = v;
			found = true;
		}
		c = next_token(&t, &token);
	} while (c == ',');
	if (c != '}' || next_token(&t, &token) || token.p != t.end)
		return "not valid JSON";
	return found ? NULL : "the member asked for is missing";
}

const char *
json_count(const void *p, size_t n, const char *key, uint64_t *v)
{
	struct text value;
	const char *why = member(p, n, key, &value);

	if (!why && !num_digits(value.p, (size_t)(value.end - value.p), v))
		why = "the value is not a count";
	return why;
}

const char *
json_text(const void *p, size_t n, const char *key, const char *want)
{
	struct text value;
	const char *why = member(p, n, key, &value);

	if (!why && !is_string(&value, want))
		why = "another value";
	return why;
}
