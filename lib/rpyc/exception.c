/* SPDX-License-Identifier: ISC */
/* RPyC, the client's side: an exception as text, with what Python's str() of it shows. A stock peer
 * sends the class, the arguments, and the attributes by name. */
#include <float.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "rpyc/client_session.h"

#define TEXT_MAX 1024
#define DEPTH_MAX 16 /* of containers within containers: nesting is the peer's choice */

/* Text under way; what does not fit is cut off. */
struct text {
	char s[TEXT_MAX];
	size_t n;
};

struct exception {
	struct brine_value class;
	bool builtin;
	struct brine args; /* a tuple */
	uint64_t nargs;
	struct brine attributes; /* a tuple of pairs, or nothing */
};

static void
add(struct text *t, const void *p, size_t n)
{
	if (n > sizeof t->s - t->n)
		n = sizeof t->s - t->n;
	memcpy(t->s + t->n, p, n);
	t->n += n;
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
put(struct text *t, const char *fmt, ...)
{
	char s[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	add(t, s, strlen(s));
}

/* ---- values, as repr() and str() show them ---- */

/* The fewest digits that are this float; exponents from 16 on and below -4. */
static void
put_float(struct text *t, double f)
{
	int digits = 0, exponent, fraction;
	char s[40];

	if (!(f >= -DBL_MAX && f <= DBL_MAX)) {
		put(t, "%s", f > 0 ? "inf" : f < 0 ? "-inf" : "nan");
		return;
	}
	do
		snprintf(s, sizeof s, "%.*e", digits, f);
	while (strtod(s, NULL) != f && digits++ < 16);
	exponent = (int)strtol(strchr(s, 'e') + 1, NULL, 10);
	fraction = digits - exponent > 0 ? digits - exponent : 1;
	if (exponent >= -4 && exponent < 16)
		put(t, "%.*f", fraction, f);
	else
		put(t, "%s", s);
}

/* A str or bytes in quotes. */
static void
put_quoted(struct text *t, const struct brine_value *v)
{
	bool bytes = v->type == BRINE_BYTES;
	size_t i, k;
	unsigned c;
	char quote;

	if (!v->p) { /* too long to be retained */
		put(t, "(%s)", brine_type_name(v->type));
		return;
	}
	quote = memchr(v->p, '\'', v->n) && !memchr(v->p, '"', v->n) ? '"' : '\'';
	put(t, bytes ? "b%c" : "%c", quote);
	for (i = 0; i < v->n && t->n < sizeof t->s; i += k) {
		c = v->p[i];
		k = bytes ? 1 : utf8_char(v->p + i, v->n - i);
		if (k == 0)
			break;
		if (c == 0xc2 && k == 2 && v->p[i + 1] <= 0xa0)
			c = v->p[i + 1]; /* a control character, or a blank that is none */
		if (c == '\\' || c == (unsigned char)quote)
			put(t, "\\%c", c);
		else if (c == '\n' || c == '\r' || c == '\t')
			put(t, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
		else if (c < ' ' || c == 0x7f || (c > 0x7f && c <= 0xa0) || (bytes && c > 0x7f))
			put(t, "\\x%02x", c);
		else
			add(t, v->p + i, k);
	}
	put(t, "%c", quote);
}

/* A container that is being shown. */
struct level {
	uint64_t left; /* items still to come */
	const char *before, *end;
};

/* Show the next value; of a container only its opening, and set *l. False: it is not valid. */
static bool
put_value(struct text *t, struct brine *at, struct level *l)
{
	struct brine_value v;

	l->end = NULL;
	if (!brine_get(at, &v))
		return false;
	switch (v.type) {
	case BRINE_NONE: put(t, "None"); break;
	case BRINE_BOOL: put(t, "%s", v.i ? "True" : "False"); break;
	case BRINE_NOTIMPLEMENTED: put(t, "NotImplemented"); break;
	case BRINE_ELLIPSIS: put(t, "Ellipsis"); break;
	case BRINE_FLOAT: put_float(t, v.f); break;
	case BRINE_STR:
	case BRINE_BYTES: put_quoted(t, &v); break;
	case BRINE_INT:
		if (v.fits)
			put(t, "%" PRId64, v.i);
		else
			add(t, v.p, v.n);
		break;
	case BRINE_TUPLE:
		put(t, "(");
		*l = (struct level){ v.len, "", v.len == 1 ? ",)" : ")" };
		break;
	case BRINE_SLICE: /* of a tuple of three */
	case BRINE_FROZENSET:
		put(t, v.type == BRINE_SLICE ? "slice(" : "frozenset(");
		*l = (struct level){ 0, "", ")" };
		if (v.type == BRINE_FROZENSET && at->p < at->end
		    && *at->p != BRINE_TAG_EMPTY_TUPLE) {
			put(t, "{");
			l->end = "})";
		}
		return brine_items(at, &l->left);
	default: put(t, "(%s)", brine_type_name(v.type)); break;
	}
	return true;
}

/* The next value as repr() shows it. */
static void
put_repr(struct text *t, struct brine *at)
{
	struct level stack[DEPTH_MAX], *l = stack, next;
	struct brine from;

	*l = (struct level){ 1, "", "" };
	for (;;) {
		if (l->left == 0) {
			put(t, "%s", l->end);
			if (l-- == stack)
				return;
			continue;
		}
		l->left--;
		put(t, "%s", l->before);
		l->before = ", ";
		from = *at;
		if (!put_value(t, at, &next)) {
			at->p = at->end;
			return;
		}
		if (!next.end)
			continue;
		if (l < stack + DEPTH_MAX - 1 && t->n < sizeof t->s) {
			*++l = next;
			continue;
		}
		*at = from;
		if (!brine_skip(at, NULL)) {
			at->p = at->end;
			return;
		}
		put(t, "...%s", next.end);
	}
}

/* A value as str() shows it. */
static void
put_str(struct text *t, struct brine at)
{
	struct brine value = at;
	struct brine_value v;

	if (brine_get(&at, &v) && v.type == BRINE_STR && v.p)
		add(t, v.p, v.n);
	else
		put_repr(t, &value);
}

/* ---- classes whose str() is their own ---- */

/* An attribute that is not None. */
static bool
attribute(const struct exception *e, const char *name, struct brine *value)
{
	struct brine at = e->attributes, key;
	struct brine_value v;
	uint64_t n;

	if (!brine_items(&at, &n))
		return false;
	for (; n > 0; n--) {
		if (!brine_tuple(&at, 2) || !brine_take(&at, &key) || !brine_take(&at, value))
			return false;
		if (brine_get(&key, &v) && brine_is(&v, name))
			return *value->p != BRINE_TAG_NONE;
	}
	return false;
}

/* OSError and what is derived from it. */
static bool
os_error(struct text *t, const struct exception *e)
{
	struct brine number, why, file;

	if (!attribute(e, "errno", &number) || !attribute(e, "strerror", &why))
		return false;
	put(t, "[Errno ");
	put_str(t, number);
	put(t, "] ");
	put_str(t, why);
	if (!attribute(e, "filename", &file))
		return true;
	put(t, ": ");
	put_repr(t, &file);
	if (!attribute(e, "filename2", &file))
		return true;
	put(t, " -> ");
	put_repr(t, &file);
	return true;
}

static bool
syntax_error(struct text *t, const struct exception *e)
{
	struct brine why, file, line;
	struct brine_value v = { .n = 0 };
	size_t base;
	bool lines;

	if (!attribute(e, "msg", &why))
		return false;
	put_str(t, why);
	lines = attribute(e, "lineno", &line);
	if (attribute(e, "filename", &file) && brine_get(&file, &v) && v.type == BRINE_STR && v.p) {
		for (base = v.n; base > 0 && v.p[base - 1] != '/'; base--)
			;
		put(t, " (");
		add(t, v.p + base, v.n - base);
		put(t, lines ? ", line " : "");
	} else if (lines) {
		put(t, " (line ");
	} else {
		return true;
	}
	if (lines)
		put_str(t, line);
	put(t, ")");
	return true;
}

/* The character at that index of a str that is long enough. */
static uint32_t
character(const struct brine_value *v, uint64_t index)
{
	const unsigned char *p = v->p, *end = v->p + v->n;
	size_t k = 1;
	uint32_t c;

	for (; p < end && index > 0; index--)
		p += utf8_char(p, (size_t)(end - p));
	if (p == end)
		return 0;
	c = *p;
	if (c >= 0xc0) {
		k = utf8_char(p, (size_t)(end - p));
		c &= 0x7fu >> k;
	}
	while (--k > 0)
		c = c << 6 | (*++p & 0x3f);
	return c;
}

/* The arguments are encoding, object, start, end and reason; without the first if nothing is said
 * of a codec. */
static bool
unicode_error(struct text *t, const struct exception *e, const char *verb)
{
	bool bytes = strcmp(verb, "decode") == 0, codec = strcmp(verb, "translate") != 0;
	struct brine at = e->args, reason = { NULL, NULL };
	struct brine_value v[5], *object = &v[1], *start = &v[2], *end = &v[3];
	uint64_t i, n;
	uint32_t c;

	memset(v, 0, sizeof v);
	if (!brine_items(&at, &n) || n != (codec ? 5 : 4))
		return false;
	for (i = 5 - n; i < 5; i++) {
		reason = at;
		if (!brine_get(&at, &v[i]) || v[i].type >= BRINE_TUPLE)
			return false;
	}
	if (object->type != (bytes ? BRINE_BYTES : BRINE_STR) || !start->fits || !end->fits
	    || start->i < 0 || end->i == INT64_MIN)
		return false;
	if (codec) {
		put(t, "'");
		add(t, v[0].p, v[0].p ? v[0].n : 0);
		put(t, "' codec ");
	}
	if (!object->p || (uint64_t)start->i >= object->len || end->i - 1 != start->i) {
		put(t, "can't %s %s in position %" PRId64 "-%" PRId64 ": ", verb,
		    bytes ? "bytes" : "characters", start->i, end->i - 1);
	} else if (bytes) {
		put(t, "can't %s byte 0x%02x in position %" PRId64 ": ", verb, object->p[start->i],
		    start->i);
	} else {
		c = character(object, (uint64_t)start->i);
		put(t, "can't %s character '\\%c%0*" PRIx32 "' in position %" PRId64 ": ", verb,
		    c > 0xffff     ? 'U'
			: c > 0xff ? 'u'
				   : 'x',
		    c > 0xffff     ? 8
			: c > 0xff ? 4
				   : 2,
		    c, start->i);
	}
	put_str(t, reason);
	return true;
}

/* A class that shows more, or less, than its arguments. False: it does not this time. */
static bool
own_text(struct text *t, const struct exception *e)
{
	static const char *const unicode[][2] = { { "UnicodeDecodeError", "decode" },
		{ "UnicodeEncodeError", "encode" }, { "UnicodeTranslateError", "translate" } };
	struct brine at = e->args;
	uint64_t n;
	size_t i;

	if (!e->builtin)
		return false;
	if (brine_is(&e->class, "KeyError") && e->nargs == 1 && brine_items(&at, &n)) {
		put_repr(t, &at);
		return true;
	}
	for (i = 0; i < sizeof unicode / sizeof *unicode; i++)
		if (brine_is(&e->class, unicode[i][0]))
			return unicode_error(t, e, unicode[i][1]);
	if (brine_is(&e->class, "SyntaxError") || brine_is(&e->class, "IndentationError")
	    || brine_is(&e->class, "TabError"))
		return syntax_error(t, e);
	return os_error(t, e);
}

/* ---- the whole ---- */

static bool
parse(struct exception *e, struct brine body)
{
	struct brine module, class, at;
	struct brine_value v;

	memset(e, 0, sizeof *e);
	if (!brine_tuple(&body, 4) || !brine_tuple(&body, 2) || !brine_take(&body, &module)
	    || !brine_take(&body, &class) || !brine_take(&body, &e->args))
		return false;
	e->builtin = brine_get(&module, &v) && brine_is(&v, "builtins");
	if (brine_take(&body, &at)) /* a message that was cut short may lack them */
		e->attributes = at;
	at = e->args;
	return brine_items(&at, &e->nargs) && brine_get(&class, &e->class)
	    && e->class.type == BRINE_STR && e->class.p && e->class.n > 0;
}

void
rpyc_exception_text(struct brine body, char *text, size_t size)
{
	struct exception e;
	struct text t = { .n = 0 };
	struct brine at;
	uint64_t n;
	bool own;

	if (rpyc_stop_iteration(body)) {
		snprintf(text, size, "StopIteration");
		return;
	}
	if (!parse(&e, body)) {
		snprintf(text, size, "an exception that is malformed");
		return;
	}
	add(&t, e.class.p, e.class.n);
	put(&t, ": ");
	n = t.n;
	at = e.args;
	own = own_text(&t, &e);
	if (!own && e.nargs == 1 && brine_tuple(&at, 1))
		put_str(&t, at);
	else if (!own && e.nargs > 1)
		put_repr(&t, &at);
	if (t.n == n)
		t.n -= 2;
	msg_printable(text, size, t.s, t.n);
}
