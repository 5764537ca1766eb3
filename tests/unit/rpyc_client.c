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

	/* the last place is one less than the end; it shows its arguments instead */
	put_class(&b, "builtins", "UnicodeDecodeError");
	brine_put_tuple(&b, 5);
	brine_put_str(&b, "utf-8");
	brine_put_bytes(&b, "ab", 2);
	brine_put_int(&b, 0);
	brine_put_int(&b, INT64_MIN);
	brine_put_str(&b, "w");
	put_end(&b);
	is(text_of(&b), "UnicodeDecodeError: ('utf-8', b'ab', 0, -9223372036854775808, 'w')",
	    "a place that is no number");

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

/* The request for that method and its arguments, as it stands behind the root's id_pack. */
static void
check_named(const char *name, const char *want, size_t n, bool native)
{
	struct client_conf conf = { .payload = &payload, .dialect = 5, .name = name };
	const struct call call = { .op = OP_NAMED };
	struct client_session *c;
	struct buf b = { 0 };
	struct iovec iov;
	size_t at;

	conf.native = native;
	if (!(c = rpyc_client_protocol.open(&conf)))
		exit(1);
	c->protocol->begin(c, &call, NULL);
	client_sent(c, c->out.pending);
	at = begin(&b, RPYC_REPLY, 0);
	rpyc_put_ref(&b, RPYC_REMOTE_REF, "r", 1, 2);
	rpyc_end(&b, at, 0);
	if (native) {
		at = begin(&b, RPYC_REPLY, 1);
		rpyc_put_ref(&b, RPYC_REMOTE_REF, "m", 1, 3);
		rpyc_end(&b, at, 0);
	}
	c->protocol->input(c, b.p, b.n);
	ok(out_iov(&c->out, &iov, 1) == 1 && iov.iov_len > n + 1
		&& memcmp((char *)iov.iov_base + iov.iov_len - 1 - n, want, n) == 0,
	    "%s%s", name, native ? ", by reference" : "");
	c->protocol->close(c);
	buf_free(&b);
}

static void
test_named(void)
{
	/* clang-format off */
	static const struct { const char *name, *want; size_t n; } t[] = {
#define CASE(name, want) { (name), (want), sizeof(want) - 1 }
		/* the method, then its arguments: VALUE of a str, VALUE of a tuple */
		CASE("m", "\x11\x51\x08\x0am\x11\x51\x02"),
		CASE("%6d%c3%A4", "\x11\x51\x08\x0cm\xc3\xa4\x11\x51\x02"),
		/* numbers */
		CASE("m/5", "\x11\x51\x10\x55"), CASE("m/-3", "\x10\x4d"), CASE("m/0", "\x10\x50"),
		CASE("m/1000", "\x10\x16\x04" "1000"), CASE("m/-0", "\x10\x50"),
		CASE("m/20000000000000000000", "\x10\x16\x14" "20000000000000000000"),
		CASE("m/0.5", "\x10\x18\x3f\xe0\0\0\0\0\0\0"), CASE("m/.5", "\x10\x18\x3f\xe0\0\0\0\0\0\0"),
		CASE("m/-1.50", "\x10\x18\xbf\xf8\0\0\0\0\0\0"), CASE("m/2.", "\x10\x18\x40\0\0\0\0\0\0\0"),
		CASE("m/0.5000000000000000000000000000000000000000000000000000000000000000000000",
		    "\x10\x18\x3f\xe0\0\0\0\0\0\0"),
		CASE("m/1.5/2", "\x11\x18\x3f\xf8\0\0\0\0\0\0\x52"),
		/* text, if a number would lose something, or if a part of it is encoded */
		CASE("m/007", "\x10\x08\x0c" "007"), CASE("m/-01", "\x10\x08\x0c-01"), CASE("m/00.5", "\x10\x08\x0d" "00.5"),
		CASE("m/%35", "\x10\x08\x0a" "5"), CASE("m/1e5", "\x10\x08\x0c" "1e5"), CASE("m/1.2.3", "\x10\x08\x0e\x05" "1.2.3"),
		CASE("m/-", "\x10\x08\x0a-"), CASE("m/.", "\x10\x08\x0a."), CASE("m/--1", "\x10\x08\x0c--1"),
		CASE("m/", "\x10\x08\x01"), CASE("m//", "\x11\x08\x01\x08\x01"),
		CASE("m/a%20b", "\x10\x08\x0c" "a b"), CASE("m/%2Fetc%2fx", "\x10\x08\x0e\x06/etc/x"),
		CASE("m/%C3%A4%E2%82%AC", "\x10\x08\x0e\x05\xc3\xa4\xe2\x82\xac"), CASE("m/%00", "\x10\x08\x0a\0"),
		CASE("m/%2541", "\x10\x08\x0c%41"), CASE("m/a?b=c", "\x10\x08\x0e\x05" "a?b=c"),
	};
	/* clang-format on */
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		check_named(t[i].name, t[i].want, t[i].n, false);
	check_named("m/%20/5", "\x11\x51\x11\x08\x0a \x55\x11\x51\x02", 10, true);
}

/* A request for an attribute of the client's root. */
static void
put_getattr(struct buf *b, int64_t seq, const char *name)
{
	size_t at = begin(b, RPYC_REQUEST, seq);

	rpyc_put_request(b, RPYC_GETATTR, 2);
	rpyc_put_ref(b, RPYC_LOCAL_REF, "builtins.object", 3, 1);
	rpyc_put_str(b, name);
	rpyc_end(b, at, 0);
}

static void
put_none(struct buf *b, int64_t seq)
{
	size_t at = begin(b, RPYC_REPLY, seq);

	rpyc_put_tag(b, BRINE_TAG_NONE);
	rpyc_end(b, at, 0);
}

/* A session that has been asked for its root before its own request for one was answered. */
static struct client_session *
asked(const struct client_conf *conf, struct buf *b)
{
	const struct call hello = { .op = OP_HELLO };
	struct client_session *c = rpyc_client_protocol.open(conf);
	size_t at;

	if (!c)
		exit(1);
	c->protocol->begin(c, &hello, NULL);
	buf_clear(b, 0);
	at = begin(b, RPYC_REQUEST, 0);
	rpyc_put_request(b, RPYC_GETROOT, 0);
	rpyc_end(b, at, 0);
	at = begin(b, RPYC_REPLY, 0);
	rpyc_put_ref(b, RPYC_REMOTE_REF, "r", 1, 2);
	rpyc_end(b, at, 0);
	c->protocol->input(c, b->p, b->n);
	buf_clear(b, 0);
	return c;
}

static void
test_settling(void)
{
	struct client_conf conf = { .payload = &payload, .dialect = 5 };
	struct client_session *c;
	struct buf b = { 0 };
	int64_t i;

	c = asked(&conf, &b);
	ok(c->outstanding == 1, "a peer that asks at once may not be done yet");
	put_getattr(&b, 1, "getmodule");
	put_none(&b, 1);
	c->protocol->input(c, b.p, b.n);
	ok(c->outstanding == 1, "nor is one that goes on");
	buf_clear(&b, 0);
	put_none(&b, 2);
	c->protocol->input(c, b.p, b.n);
	ok(c->outstanding == 0 && c->ok, "one that asks no more is");
	c->protocol->close(c);

	c = asked(&conf, &b);
	put_getattr(&b, 1, "welcome");
	c->protocol->input(c, b.p, b.n);
	c->protocol->end(c);
	ok(c->outstanding == 0 && !c->ok && strstr(c->error, "conn.root.welcome"),
	    "one that ends then is not good: %s", c->error);
	c->protocol->close(c);

	c = asked(&conf, &b);
	for (i = 1; i < 100000 && c->outstanding > 0; i++) {
		buf_clear(&b, 0);
		put_getattr(&b, i, "eval");
		put_none(&b, i);
		c->protocol->input(c, b.p, b.n);
		client_sent(c, c->out.pending);
	}
	ok(c->outstanding == 0 && c->ok, "one that never ceases to ask is settled, after %d",
	    (int)i);
	c->protocol->close(c);
	buf_free(&b);
}

/* Do the bytes to be sent contain the text? They are then sent. */
static bool
says(struct client_session *c, const char *text)
{
	size_t i, n = strlen(text);
	struct iovec iov;
	bool found = false;

	if (out_iov(&c->out, &iov, 1) != 1)
		return false;
	for (i = 0; !found && i + n <= iov.iov_len; i++)
		found = memcmp((char *)iov.iov_base + i, text, n) == 0;
	client_sent(c, c->out.pending);
	return found;
}

/* What a request is refused for is its own fault, not that of the one before. */
static void
test_refused(void)
{
	struct client_conf conf = { .payload = &payload, .dialect = 5 };
	struct buf b = { 0 };
	struct client_session *c = asked(&conf, &b);
	size_t at;

	client_sent(c, c->out.pending);
	put_getattr(&b, 1, "secret");
	c->protocol->input(c, b.p, b.n);
	ok(says(c, "cannot access 'secret'"), "an attribute that there isn't is refused");
	buf_clear(&b, 0);
	at = begin(&b, RPYC_REQUEST, 2);
	rpyc_put_request(&b, RPYC_SETATTR, 3);
	rpyc_put_ref(&b, RPYC_LOCAL_REF, "builtins.object", 3, 1);
	rpyc_put_str(&b, "abc");
	rpyc_put_str(&b, "value");
	rpyc_end(&b, at, 0);
	c->protocol->input(c, b.p, b.n);
	ok(says(c, "not exported by this client"), "another request is refused for itself");
	c->protocol->close(c);

	c = asked(&conf, &b);
	client_sent(c, c->out.pending);
	put_getattr(&b, 1, "exposed_eval");
	c->protocol->input(c, b.p, b.n);
	ok(!says(c, "cannot access"), "an attribute that there is");
	c->protocol->close(c);
	buf_free(&b);
}

int
main(void)
{
	test_exceptions();
	test_old_root();
	test_named();
	test_settling();
	test_refused();
	return done();
}
