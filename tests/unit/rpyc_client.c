/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side, message by message: what it makes of exceptions and of references, and
 * how it answers a peer that asks. What stock peers send is tested against them (interop.bats). */
#include <stdlib.h>
#include <string.h>

#include "payload.h"
#include "rpyc/client_session.h"
#include "tap.h"

/* ---- exceptions ---- */

/* Begin the body of an exception: ((module, class), ... */
static void
put_class(struct buf *b, const char *module, const char *class)
{
	buf_clear(b, 0);
	brine_put_tuple(b, 4);
	brine_put_tuple(b, 2);
	brine_put_str(b, module);
	brine_put_str(b, class);
}

static void
put_end(struct buf *b)
{
	brine_put_tuple(b, 0);
	brine_put_str(b, "");
}

static void
put_attribute(struct buf *b, const char *name, const char *value)
{
	brine_put_tuple(b, 2);
	brine_put_str(b, name);
	brine_put_str(b, value);
}

static const char *
text_of(const struct buf *b)
{
	static char text[200];

	memset(text, 'Z', sizeof text);
	rpyc_exception_text(brine_span(b), text, sizeof text);
	return text;
}

/* Every body that is cut short, and every one with a byte that is another, has a text of one line.
 */
static void
test_damaged(const struct buf *whole)
{
	struct buf b = { 0 };
	bool good = true;
	size_t n, i;
	int c;

	for (n = 0; n < whole->n; n++) {
		buf_clear(&b, 0); /* memory of its own length, so that reading beyond is noticed */
		buf_add(&b, whole->p, n);
		good &= strlen(text_of(&b)) < 200;
	}
	buf_clear(&b, 0);
	buf_add(&b, whole->p, whole->n);
	for (i = 0; i < whole->n; i++) {
		for (c = 0; c < 256; c++) {
			/* what is retained is valid: no other form of a value, and UTF-8 */
			if (brine_forms[c].type != brine_forms[whole->p[i]].type
			    || brine_forms[c].size != brine_forms[whole->p[i]].size
			    || brine_forms[c].n != brine_forms[whole->p[i]].n
			    || (c | whole->p[i]) >= 0x80)
				continue;
			b.p[i] = (unsigned char)c;
			good &= strlen(text_of(&b)) < 200;
		}
		b.p[i] = whole->p[i];
	}
	ok(good, "exceptions that are cut short or changed");
	buf_free(&b);
}

static void
test_exceptions(void)
{
	/* clang-format off */
	static const char elided_str[] = "\x08\x1c\0\0\0\0\0\0\x13\x88\0\0\0\0\0\0\x13\x88";
	/* clang-format on */
	struct buf b = { 0 };
	const char *text;
	int i;

	put_class(&b, "builtins", "ValueError");
	brine_put_tuple(&b, 1);
	buf_add(&b, elided_str, sizeof elided_str - 1);
	put_end(&b);
	is(text_of(&b), "ValueError: (str)", "an argument that is too long to be kept");

	put_class(&b, "builtins", "KeyError");
	brine_put_tuple(&b, 1);
	brine_put_str(&b, "a\"b'c\x1b[2J\xc2\x9b\xc3\xa4");
	put_end(&b);
	text = text_of(&b);
	ok(strncmp(text, "KeyError: 'a\"b\\'c\\x1b[2J\\x9b", 28) == 0, "quotes and controls: %s",
	    text);

	/* without attributes an OSError shows its arguments */
	put_class(&b, "builtins", "OSError");
	brine_put_tuple(&b, 2);
	brine_put_int(&b, 2);
	brine_put_str(&b, "gone");
	put_end(&b);
	is(text_of(&b), "OSError: (2, 'gone')", "an error of the system without attributes");

	/* a class that is not built in shows its arguments, whatever its attributes */
	for (i = 0; i < 2; i++) {
		put_class(&b, i ? "service" : "builtins", "Broken");
		brine_put_tuple(&b, 1);
		brine_put_str(&b, "args");
		brine_put_tuple(&b, 3);
		put_attribute(&b, "errno", "E");
		put_attribute(&b, "strerror", "S");
		put_attribute(&b, "filename", "F");
		brine_put_str(&b, "");
		is(text_of(&b), i ? "Broken: args" : "Broken: [Errno E] S: 'F'", "attributes");
		test_damaged(&b);
	}

	put_class(&b, "builtins", "UnicodeDecodeError");
	brine_put_tuple(&b, 5);
	brine_put_str(&b, "utf-8");
	brine_put_bytes(&b, "ab", 2);
	brine_put_int(&b, 7);
	brine_put_int(&b, 8);
	brine_put_str(&b, "beyond the end");
	put_end(&b);
	is(text_of(&b),
	    "UnicodeDecodeError: 'utf-8' codec can't decode bytes in position 7-7: beyond the end",
	    "a place that is none");
	test_damaged(&b);

	put_class(&b, "builtins", "UnicodeEncodeError");
	brine_put_tuple(&b, 5);
	brine_put_str(&b, "ascii");
	brine_put_str(&b, "a\xf0\x9f\x98\x80");
	brine_put_int(&b, 1);
	brine_put_int(&b, 2);
	brine_put_str(&b, "w");
	put_end(&b);
	is(text_of(&b),
	    "UnicodeEncodeError: 'ascii' codec can't encode character '\\U0001f600' in position 1: w",
	    "a character of four bytes");
	test_damaged(&b);

	put_class(&b, "builtins", "SyntaxError");
	brine_put_tuple(&b, 1);
	brine_put_str(&b, "m");
	brine_put_tuple(&b, 3);
	put_attribute(&b, "msg", "m");
	put_attribute(&b, "filename", "/a/b");
	brine_put_tuple(&b, 2);
	brine_put_str(&b, "lineno");
	brine_put_int(&b, 3);
	brine_put_str(&b, "");
	is(text_of(&b), "SyntaxError: m (b, line 3)", "a place in a file");
	test_damaged(&b);

	/* nested deeper than a stack is deep */
	put_class(&b, "builtins", "ValueError");
	brine_put_tuple(&b, 2);
	for (i = 0; i < 1000000; i++)
		brine_put_tuple(&b, 1);
	brine_put_int(&b, 0);
	brine_put_int(&b, 1);
	put_end(&b);
	text = text_of(&b);
	ok(strncmp(text, "ValueError: ((((((((((", 22) == 0 && strstr(text, "...,),"),
	    "a million tuples: %s", text);
	buf_free(&b);
}

/* ---- sessions ---- */

static const unsigned char zeros[1000];
static const struct payload payload = { .data = zeros, .period = sizeof zeros };

static size_t
begin(struct buf *b, enum rpyc_type type, int64_t seq)
{
	size_t at = rpyc_begin(b, 5, type);

	brine_put_int(b, seq);
	return at;
}

static void
test_old_root(void)
{
	struct client_conf conf = { .payload = &payload, .dialect = 5 };
	const struct call hello = { .op = OP_HELLO };
	struct client_session *c = rpyc_client_protocol.open(&conf);
	struct buf b = { 0 };
	size_t at;

	if (!c)
		exit(1);
	c->protocol->begin(c, &hello, NULL);
	at = begin(&b, RPYC_REPLY, 0);
	rpyc_put_label(&b, RPYC_REMOTE_REF);
	brine_put_tuple(&b, 3);
	brine_put_int_text(&b, "140737353981264", 15);
	brine_put_str(&b, "EchoService");
	brine_put_str(&b, "__main__");
	rpyc_end(&b, at, 0);
	c->protocol->input(c, b.p, b.n);
	ok(c->outstanding == 0 && !c->ok && c->want == WANT_CLOSE && strstr(c->error, "4.0"),
	    "the root of RPyC 4.0: %s", c->error);
	c->protocol->close(c);
	buf_free(&b);
}

int
main(void)
{
	test_exceptions();
	test_old_root();
	return done();
}
