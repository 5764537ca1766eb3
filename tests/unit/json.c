/* SPDX-License-Identifier: ISC */
/* json.c: the stream of chunks, short documents, hex. Every document is read whole, byte by byte
 * and cut at every position in two, from memory of exactly its size. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "http/json.h"
#include "tap.h"

/* A document and what has to come out: the bytes (in hex), or the reason. */
static const struct {
	const char *doc;
	uint64_t chunk;
	const char *hex; /* NULL: it is wrong */
	uint64_t strings;
	const char *why; /* a part of the text */
} docs[] = {
	{ "{\"chunks\":[]}", 0, "", 0, NULL },
	{ "{\"chunks\":[\"\"]}", 0, "", 1, NULL },
	{ "{\"chunks\":[\"00\"]}", 0, "00", 1, NULL },
	{ "{\"chunks\":[\"0aF9\",\"bC\"]}", 0, "0af9bc", 2, NULL },
	{ "{\"chunks\":[\"000102030405060708090a0b0c0d0e0f10\",\"\",\"11\"]}", 0,
	    "000102030405060708090a0b0c0d0e0f1011", 3, NULL },
	{ " \t\r\n{ \"chunks\" : [ \"00\" , \"01\" ] } \n", 0, "0001", 2, NULL },
	{ "{\"chunks\":[\"\\u0030\\u0041\"]}", 0, "0a", 1, NULL },
	{ "{\"\\u0063hunks\":[\"0\\u003000\"]}", 0, "0000", 1, NULL },
	{ "{\"chunks\":[\"0001\",\"0203\",\"04\"]}", 2, "0001020304", 3, NULL },
	{ "{\"chunks\":[\"0001\",\"0203\"]}", 2, "00010203", 2, NULL },
	{ "{\"chunks\":[\"00\"]}", 2, "00", 1, NULL },

	{ "", 0, NULL, 0, "not a JSON object" },
	{ "  ", 0, NULL, 0, "not a JSON object" },
	{ "[]", 0, NULL, 0, "not a JSON object" },
	{ "\xef\xbb\xbf{\"chunks\":[]}", 0, NULL, 0, "not a JSON object" },
	{ "{", 0, NULL, 0, "cut off" },
	{ "{\"chunks\":[\"00\"]", 0, NULL, 0, "cut off" },
	{ "{\"chunks\":[\"00", 0, NULL, 0, "cut off" },
	{ "{\"chunks\":[\"0", 0, NULL, 0, "cut off" },
	{ "{}", 0, NULL, 0, "no member" },
	{ "{\"chunk\":[]}", 0, NULL, 0, "a member other" },
	{ "{\"chunksy\":[]}", 0, NULL, 0, "a member other" },
	{ "{\"Chunks\":[]}", 0, NULL, 0, "a member other" },
	{ "{\"chunks\"[]}", 0, NULL, 0, "no colon" },
	{ "{\"chunks\":\"00\"}", 0, NULL, 0, "not an array" },
	{ "{\"chunks\":{}}", 0, NULL, 0, "not an array" },
	{ "{\"chunks\":null}", 0, NULL, 0, "not an array" },
	{ "{\"chunks\":[1]}", 0, NULL, 0, "not a string" },
	{ "{\"chunks\":[,]}", 0, NULL, 0, "not a string" },
	{ "{\"chunks\":[\"00\",]}", 0, NULL, 0, "not a string" },
	{ "{\"chunks\":[\"00\",5]}", 0, NULL, 0, "not a string" },
	{ "{\"chunks\":[\"00\"\"00\"]}", 0, NULL, 0, "neither comma" },
	{ "{\"chunks\":[\"00\"],\"a\":1}", 0, NULL, 0, "behind the chunks" },
	{ "{\"chunks\":[\"00\"]}}", 0, NULL, 0, "behind the end" },
	{ "{\"chunks\":[\"00\"]} x", 0, NULL, 0, "behind the end" },
	{ "{\"chunks\":[\"0\"]}", 0, NULL, 0, "odd number" },
	{ "{\"chunks\":[\"000\"]}", 0, NULL, 0, "odd number" },
	{ "{\"chunks\":[\"0g\"]}", 0, NULL, 0, "hex digits" },
	{ "{\"chunks\":[\"0000000000 0\"]}", 0, NULL, 0, "hex digits" },
	{ "{\"chunks\":[\"00\n\"]}", 0, NULL, 0, "hex digits" },
	{ "{\"chunks\":[\"\\n0\"]}", 0, NULL, 0, "escape" },
	{ "{\"chunks\":[\"\\u012300\"]}", 0, NULL, 0, "hex digits" },
	{ "{\"chunks\\u0022:[]}", 0, NULL, 0, "a member other" },
	{ "{\"chunk\\u0022\":[]}", 0, NULL, 0, "a member other" },
	{ "{\"chunks\":[\"00\\u0022]}", 0, NULL, 0, "hex digits" },
	{ "{\\u0022chunks\":[]}", 0, NULL, 0, "no member" },
	{ "{\"chunks\":[\"\\x30\"]}", 0, NULL, 0, "escape" },
	{ "{\"chunks\":[\"\\u00g0\"]}", 0, NULL, 0, "escape" },
	{ "{\"chunks\":[\"0001\",\"02\",\"0304\"]}", 2, NULL, 0, "another size" },
	{ "{\"chunks\":[\"000102\"]}", 2, NULL, 0, "another size" },
};

struct result {
	struct buf hex;
	struct json_chunks j;
};

/* Read a piece from memory of its own, so that a step beyond it is seen; room bytes are
 * decoded at a time, 0: only counted. */
static void
read_piece(struct result *r, const char *p, size_t n, size_t room)
{
	unsigned char decoded[16];
	char hex[2 * sizeof decoded];
	char *copy = malloc(n ? n : 1);
	size_t i = 0, k, got = 0;

	if (!copy)
		abort();
	memcpy(copy, p, n);
	while (i < n && !r->j.error) {
		k = json_chunks_take(&r->j, copy + i, n - i, room ? decoded : NULL, room, &got);
		hex_encode(hex, decoded, room ? got : 0);
		buf_add(&r->hex, hex, room ? 2 * got : 0);
		if (k == 0 && got == 0)
			break;
		i += k;
	}
	free(copy);
}

static bool
read_right(size_t d, size_t cut, size_t step, size_t room)
{
	const char *doc = docs[d].doc, *why;
	size_t n = strlen(doc), i, k;
	struct result r;
	bool right;

	memset(&r, 0, sizeof r);
	r.j.chunk = docs[d].chunk;
	for (i = 0; i < n; i += k) {
		k = i < cut ? cut - i : n - i;
		if (k > step)
			k = step;
		read_piece(&r, doc + i, k, room);
	}
	why = json_chunks_end(&r.j);
	if (!docs[d].hex) {
		right = why && strstr(why, docs[d].why);
	} else {
		right = !why && r.j.strings == docs[d].strings && r.j.at == n
		    && r.j.bytes == strlen(docs[d].hex) / 2;
		if (room)
			right = right && r.hex.n == strlen(docs[d].hex)
			    && (r.hex.n == 0 || memcmp(r.hex.p, docs[d].hex, r.hex.n) == 0);
	}
	if (!right)
		printf("# cut %zu step %zu room %zu: %s\n", cut, step, room,
		    why ? why : "accepted");
	buf_free(&r.hex);
	return right;
}

static void
test_docs(void)
{
	size_t d, cut, n;
	bool right;

	for (d = 0; d < sizeof docs / sizeof *docs; d++) {
		n = strlen(docs[d].doc);
		right = read_right(d, 0, n + 1, 16) && read_right(d, 0, n + 1, 0)
		    && read_right(d, 0, n + 1, 1) && read_right(d, 0, 1, 16)
		    && read_right(d, 0, 1, 0) && read_right(d, 0, 1, 1);
		for (cut = 1; cut < n; cut++)
			right = right && read_right(d, cut, n, 3) && read_right(d, cut, n, 0);
		if (!ok(right, "chunks, document %zu: %s", d, docs[d].hex ? "read" : docs[d].why))
			printf("# %s\n", docs[d].doc);
	}
}

/* Any byte in place of any byte of a good document: no reader disagrees with another. */
static void
test_changes(void)
{
	static const char good[] = "{\"chunks\":[\"00112233445566778899\", \"aa\\u0030b\"]}";
	char doc[sizeof good];
	struct json_chunks a, b;
	size_t i, k, bad = 0;
	unsigned c;

	for (i = 0; i < sizeof good - 1; i++) {
		for (c = 0; c < 256; c++) {
			memcpy(doc, good, sizeof good);
			doc[i] = (char)c;
			memset(&a, 0, sizeof a);
			memset(&b, 0, sizeof b);
			json_chunks_take(&a, doc, sizeof good - 1, NULL, 0, NULL);
			for (k = 0; k < sizeof good - 1; k++)
				if (json_chunks_take(&b, doc + k, 1, NULL, 0, NULL) == 0)
					break;
			bad += json_chunks_end(&a) != json_chunks_end(&b) || a.at != b.at
			    || a.bytes != b.bytes;
		}
	}
	ok(bad == 0, "all changes of one byte: the same verdict whole and byte by byte");
}

static void
test_length(void)
{
	static const struct {
		uint64_t n, chunk, length;
	} t[] = { { 0, 1, 13 }, { 1, 1, 17 }, { 2, 1, 22 }, { 2, 2, 19 }, { 3, 2, 24 },
		{ 1, 100, 17 }, { 524288000, 65536, 13 + 2 * 524288000ull + 3 * 8000 - 1 } };
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		ok(json_chunks_length(t[i].n, t[i].chunk) == t[i].length,
		    "length of %" PRIu64 " bytes in strings of %" PRIu64, t[i].n, t[i].chunk);
}

static void
test_short(void)
{
	static const struct {
		const char *doc;
		uint64_t v;
		const char *why; /* NULL: right */
	} t[] = {
		{ "{\"size\":0}", 0, NULL },
		{ "{\"size\": 18446744073709551615}\n", UINT64_MAX, NULL },
		{ "\n{\n  \"size\" : 10\n}\n", 10, NULL },
		{ "{\"a\":{\"size\":1},\"b\":[1,{\"x\":[]},\"]\"],\"size\":7,\"c\":null}", 7,
		    NULL },
		{ "{\"s\\\"ize\":1,\"size\":2}", 2, NULL },
		{ "{\"size\":18446744073709551616}", 0, "not a count" },
		{ "{\"size\":-1}", 0, "not a count" },
		{ "{\"size\":1.5}", 0, "not a count" },
		{ "{\"size\":\"5\"}", 0, "not a count" },
		{ "{\"size\":}", 0, "not valid" },
		{ "{\"size\":5", 0, "not valid" },
		{ "{\"size\":5}}", 0, "not valid" },
		{ "{\"size\":5,}", 0, "not valid" },
		{ "{\"size\" 5}", 0, "not valid" },
		{ "{\"size", 0, "not valid" },
		{ "{\"size\":[1,[2]", 0, "not valid" },
		{ "{\"size\":\"\\", 0, "not valid" },
		{ "{size:5}", 0, "not valid" },
		{ "{,\"size\":5}", 0, "not valid" },
		{ "{\"a\":1}{\"size\":5}", 0, "not valid" },
		{ "{\"a\":\x01,\"size\":5}", 0, "not valid" },
		{ "{}", 0, "missing" },
		{ "{\"sizes\":5}", 0, "missing" },
		{ "5", 0, "not a JSON object" },
		{ "", 0, "not a JSON object" },
		{ "<html>", 0, "not a JSON object" },
	};
	const char *why;
	char *copy;
	uint64_t v;
	size_t i, n, k, bad = 0;
	bool right;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		n = strlen(t[i].doc);
		v = 0;
		if (!(copy = malloc(n + 1)))
			abort();
		memcpy(copy + 1, t[i].doc, n); /* the memory ends where the document does */
		why = json_count(copy + 1, n, "size", &v);
		right = t[i].why ? why && strstr(why, t[i].why) : !why && v == t[i].v;
		ok(right, "short document %zu: %s", i,
		    t[i].doc[0] ? t[i].why ? t[i].why : "read" : "empty");
		free(copy);
		/* cut short it is wrong, unless only blanks are missing */
		for (k = 0; k < n; k++) {
			if (!(copy = malloc(k + 1)))
				abort();
			memcpy(copy + 1, t[i].doc, k);
			why = json_count(copy + 1, k, "size", &v);
			bad += !why && t[i].doc[k] != '\n' && t[i].doc[k] != '}';
			free(copy);
		}
	}
	ok(bad == 0, "short documents cut off are refused");
	ok(!json_text("{\"response\":\"pong\"}\n", 20, "response", "pong"), "pong");
	ok(json_text("{\"response\":\"pongs\"}", 20, "response", "pong") != NULL, "pongs");
	ok(json_text("{\"response\":\"pon\"}", 18, "response", "pong") != NULL, "pon");
	ok(json_text("{\"response\":123456}", 19, "response", "pong") != NULL, "a number");
}

static void
test_hex(void)
{
	unsigned char all[256];
	char hex[512], want[513];
	unsigned i;

	for (i = 0; i < 256; i++) {
		all[i] = (unsigned char)i;
		snprintf(want + 2 * i, 3, "%02x", i);
	}
	hex_encode(hex, all, sizeof all);
	ok(memcmp(hex, want, sizeof hex) == 0, "all bytes in hex");
}

int
main(void)
{
	test_docs();
	test_changes();
	test_length();
	test_short();
	test_hex();
	return done();
}
