/* SPDX-License-Identifier: ISC */
/* HTTP/1.1 messages: heads parsed, bodies unframed.
 *
 * Wherever RFC 9112 leaves a choice between guessing what a malformed message meant and refusing
 * it, it is refused: two parties that read one message differently are how requests get
 * smuggled. The exception are bare LFs at the end of a head's lines, which the RFC
 * permits and people type. */
#include "http/message.h"

#include <stdio.h>
#include <string.h>

#include "base/msg.h"
#include "base/num.h"

#define CHUNK_LINE_MAX 4096     /* a chunk's size and extensions */
#define TRAILER_MAX    16384
#define METHOD_MAX     32       /* none that is known is longer */

/* What a byte may be part of. */
#define TOKEN  1        /* a method's or a field's name (RFC 9110, section 5.6.2) */
#define VALUE  2        /* a field's value: no control character but TAB */
#define TARGET 4        /* a request's target */
#define HOST   8        /* a host's name or IPv4 address */
static const unsigned char byte_class[256] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 2, 15,  6,  3, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15,  6,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6, 14,  6, 14,  6,  6,
	 6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  6,  6,  7, 15,
	 7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
	 2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
};

static inline uint64_t
word(const char *p, size_t size)
{
	uint64_t w = 0;

	memcpy(&w, p, size);
	return w;
}

/* Are size bytes the same but for the case of the letters of text, which is lower case? */
static inline bool
same(const char *p, const char *text, size_t size)
{
	uint64_t t = word(text, size), bit5 = UINT64_MAX / 255 * 0x20;

	return ((word(p, size) ^ t) & ~(t >> 1 & bit5)) == 0;
}

/* Is the span this lower case text of at least 4 bytes, letter case aside? Word by word: the
 * last may overlap the one before. */
#define span_is(s, text) span_equal(s, text, sizeof (text) - 1)
static inline bool
span_equal(struct http_span s, const char *text, size_t n)
{
	size_t i;

	if (s.n != n)
		return false;
	if (n < 8)
		return same(s.p, text, 4) && same(s.p + n - 4, text + n - 4, 4);
	for (i = 0; n - i > 8; i += 8)
		if (!same(s.p + i, text + i, 8))
			return false;
	return same(s.p + n - 8, text + n - 8, 8);
}

static bool
all(struct http_span s, unsigned class)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end && byte_class[(unsigned char)*p] & class)
		p++;
	return p == end;
}

/* The first byte after p that is not of the class. Every head ends with LF, which is in none. */
static const char *
skip(const char *p, unsigned class)
{
	while (byte_class[(unsigned char)*p] & class)
		p++;
	return p;
}

/* Is it host[:port]? Either may be empty (RFC 9110, section 7.2), and an IPv6 address
 * is in brackets. */
static bool
is_host(struct http_span s)
{
	const char *end = s.p + s.n, *p = skip(s.p, HOST);

	if (p == s.p && p < end && *p == '[') {
		do
			p = skip(p + 1, HOST);
		while (*p == ':' || *p == '[');
		if (*p++ != ']')
			return false;
	}
	if (p < end && *p++ != ':')
		return false;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == end;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct http_span
trim(struct http_span s)
{
	const char *end = s.p + s.n;

	while (s.p < end && is_blank(*s.p))
		s.p++;
	while (s.p < end && is_blank(end[-1]))
		end--;
	s.n = (size_t)(end - s.p);
	return s;
}

/* Cut the next member off a list with commas; empty ones are skipped as RFC 9110,
 * section 5.6.1, wants it. */
static bool
list_next(struct http_span *list, struct http_span *item)
{
	const char *comma;

	while (list->n > 0) {
		comma = memchr(list->p, ',', list->n);
		item->p = list->p;
		item->n = comma ? (size_t)(comma - list->p) : list->n;
		list->p += item->n + (comma != NULL);
		list->n -= item->n + (comma != NULL);
		*item = trim(*item);
		if (item->n > 0)
			return true;
	}
	return false;
}

/* ---- gathering ---- */

/* The length of the head at p[n] including its empty line, or 0; *scanned (at the start: 0)
 * saves looking at the same bytes twice. */
static size_t
head_end(const unsigned char *p, size_t n, size_t *scanned)
{
	const unsigned char *lf;
	size_t i = *scanned;

	while (i < n && (lf = memchr(p + i, '\n', n - i))) {
		i = (size_t)(lf - p);
		if (i + 1 < n && p[i + 1] == '\n')
			return i + 2;
		if (i + 2 < n && p[i + 1] == '\r' && p[i + 2] == '\n')
			return i + 3;
		if (i + 1 == n || (i + 2 == n && p[i + 1] == '\r')) {
			*scanned = i;   /* the next bytes will show */
			return 0;
		}
		i++;
	}
	*scanned = n;
	return 0;
}

enum http_gathered
http_gather(struct http_gather *g, const unsigned char *p, size_t n, size_t max,
	size_t *taken, const unsigned char **head, size_t *len)
{
	size_t held = g->buf.n, add = n;

	if (held == 0) {
		g->scanned = 0;
		*len = head_end(p, n < max ? n : max, &g->scanned);
		if (*len > 0) {
			*head = p;
			*taken = *len;
			return HTTP_COMPLETE;
		}
	}
	if (add > max - held)
		add = max - held;
	buf_add(&g->buf, p, add);
	*taken = add;
	if (g->buf.failed)
		return HTTP_NO_MEMORY;
	if (held > 0 && (*len = head_end(g->buf.p, g->buf.n, &g->scanned)) > 0) {
		*head = g->buf.p;
		*taken = *len - held;
		return HTTP_COMPLETE;
	}
	return g->buf.n == max ? HTTP_TOO_LONG : HTTP_MORE;
}

void
http_gather_free(struct http_gather *g)
{
	buf_free(&g->buf);
	g->scanned = 0;
}

int
http_no_request(const unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && i <= METHOD_MAX; i++)
		if (!(byte_class[p[i]] & TOKEN))
			return p[i] != ' ' || i == 0 ? 400 : 0;
	return i > METHOD_MAX ? 501 : 0;
}

bool
http_no_response(const unsigned char *p, size_t n)
{
	return memcmp(p, "HTTP/1.", n < 7 ? n : 7) != 0;
}

/* ---- parsing ---- */

/* A message that is refused: its status, and the place for the reason. */
struct refusal {
	int status;             /* 0: none */
	char *why;
	size_t size;
};

/* Refuse the message because of the part at s: the format's one %s is its text. */
static bool
refuse(struct refusal *r, int status, const char *fmt, struct http_span s)
{
	char part[80];

	r->status = status;
	/* fmt is one of the literals below */
	snprintf(r->why, r->size, fmt, msg_printable(part, sizeof part, s.p, s.n));
	return false;
}

static bool
refuse_text(struct refusal *r, int status, const char *text)
{
	r->status = status;
	snprintf(r->why, r->size, "%s", text);
	return false;
}

/* Cut the next line off the head; its CRLF or LF is not part of it. */
static struct http_span
next_line(struct http_span *head)
{
	const char *lf = memchr(head->p, '\n', head->n);
	struct http_span line = { head->p, (size_t)(lf - head->p) };

	head->p += line.n + 1;
	head->n -= line.n + 1;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool
take_length(struct http_fields *f, struct http_span value, struct refusal *r)
{
	static const char no_number[] = "Content-Length \"%s\" is not a number";
	struct http_span list = value, item;
	uint64_t v;
	bool any = false;
	size_t i;

	/* RFC 9110, section 8.6: a list of equal values may count as one */
	for (; list_next(&list, &item); any = true) {
		for (i = 0; i < item.n; i++)
			if (item.p[i] < '0' || item.p[i] > '9')
				return refuse(r, 400, no_number, value);
		if (!num_digits(item.p, item.n, &v))
			return refuse(r, 413, "Content-Length %s is too large", item);
		if (f->sized && f->length != v)
			return refuse(r, 400, "more than one Content-Length, here \"%s\"", value);
		f->sized = true;
		f->length = v;
	}
	return any || refuse(r, 400, no_number, value);
}

static bool
take_codings(struct http_fields *f, struct http_span value, struct refusal *r)
{
	struct http_span list = value, item;

	while (list_next(&list, &item)) {
		if (f->chunked)
			return refuse(r, 400, "Transfer-Encoding \"%s\": chunked is not the last",
			    value);
		if (!span_is(item, "chunked"))
			return refuse(r, 501, "Transfer-Encoding \"%s\" is not supported", item);
		f->chunked = true;
	}
	return f->chunked || refuse(r, 400, "Transfer-Encoding \"%s\" names no coding", value);
}

static void
take_connection(struct http_fields *f, struct http_span list)
{
	struct http_span item;

	while (list_next(&list, &item)) {
		if (span_is(item, "close"))
			f->close = true;
		else if (span_is(item, "keep-alive"))
			f->keep_alive = true;
	}
}

/* Note a field if it is one of those that are read; *read is set to whether it is. */
static bool
take_field(struct http_fields *f, struct http_span name, struct http_span value, bool *read,
	struct refusal *r)
{
	*read = true;
	switch (name.n) {       /* spares most comparisons */
	case 4:
		if (span_is(name, "host")) {
			f->hosts++;
			return is_host(value) || refuse(r, 400, "bad Host \"%s\"", value);
		}
		break;
	case 6:
		if (span_is(name, "expect")) {
			if (span_is(value, "100-continue"))
				f->expect_continue = true;
			else
				f->expect_other = true;
			return true;
		}
		break;
	case 10:
		if (span_is(name, "connection")) {
			take_connection(f, value);
			return true;
		}
		break;
	case 12:
		if (span_is(name, "content-type")) {
			f->type = value;
			return true;
		}
		break;
	case 14:
		if (span_is(name, "content-length"))
			return take_length(f, value, r);
		break;
	case 17:
		if (span_is(name, "transfer-encoding"))
			return take_codings(f, value, r);
		break;
	}
	*read = false;
	return true;
}

/* The length of the end of a line at p: of CRLF, of LF, or 0. */
static size_t
line_end(const char *p)
{
	return *p == '\n' ? 1 : *p == '\r' && p[1] == '\n' ? 2 : 0;
}

/* The lines behind the first one, the empty one included. */
static bool
parse_fields(struct http_fields *f, struct http_span head, bool folds, struct refusal *r)
{
	struct http_span rest = head, name, value;
	const char *p = head.p;
	bool read = true;
	unsigned n;

	for (n = 0; line_end(p) == 0; n++) {
		rest.n -= (size_t)(p - rest.p);
		rest.p = p;
		if (n == HTTP_FIELDS_MAX)
			return refuse_text(r, 431, "too many header fields");
		if (is_blank(*p)) {
			p = skip(p, VALUE);
			if (!folds || read || line_end(p) == 0)
				return refuse(r, 400, "folded header line \"%s\"", next_line(&rest));
			p += line_end(p);
			continue;
		}
		name.p = p;
		p = skip(p, TOKEN);
		name.n = (size_t)(p - name.p);
		if (name.n == 0 || *p != ':')
			return refuse(r, 400, "bad header line \"%s\"", next_line(&rest));
		value.p = p + 1;
		p = skip(value.p, VALUE);
		value.n = (size_t)(p - value.p);
		if (line_end(p) == 0)
			return refuse(r, 400, "control character in header line \"%s\"",
			    next_line(&rest));
		p += line_end(p);
		if (!take_field(f, name, trim(value), &read, r))
			return false;
	}
	if (f->chunked && f->sized)
		return refuse_text(r, 400, "both Content-Length and Transfer-Encoding");
	return true;
}

static enum http_method
method_of(struct http_span s)
{
	static const struct {
		const char *name;
		enum http_method method;
	} methods[] = {
		{ "GET", HTTP_GET }, { "HEAD", HTTP_HEAD }, { "POST", HTTP_POST },
		{ "OPTIONS", HTTP_OPTIONS }, { "PUT", HTTP_OTHER }, { "DELETE", HTTP_OTHER },
		{ "PATCH", HTTP_OTHER }, { "TRACE", HTTP_OTHER }, { "CONNECT", HTTP_OTHER }
	};
	size_t i;

	for (i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strlen(methods[i].name) == s.n && memcmp(methods[i].name, s.p, s.n) == 0)
			return methods[i].method;
	return HTTP_UNKNOWN;
}

/* The path of a target (RFC 9112, section 3.2). */
static bool
parse_target(struct http_request *q, struct http_span t, struct refusal *r)
{
	static const char scheme[] = "http://";
	struct http_span rest;
	const char *p;

	if (t.n == 0 || !all(t, TARGET))
		return refuse(r, 400, "bad request target \"%s\"", t);
	rest = t;
	if (t.p[0] != '/') {
		rest.n = t.n < sizeof scheme - 1 ? t.n : sizeof scheme - 1;
		if (span_is(rest, scheme)) {
			rest.p = t.p + rest.n;
			rest.n = t.n - rest.n;
			while (rest.n > 0 && *rest.p != '/' && *rest.p != '?') {
				rest.p++;
				rest.n--;
			}
			if (rest.p == t.p + sizeof scheme - 1)
				return refuse(r, 400, "bad request target \"%s\"", t);
			if (rest.n == 0 || *rest.p == '?') {
				rest.p = q->method == HTTP_OPTIONS && rest.n == 0 ? "*" : "/";
				rest.n = 1;
			}
		} else if (q->method == HTTP_OPTIONS && t.n == 1 && t.p[0] == '*') {
			rest = t;
		} else if (q->name.n == 7 && memcmp(q->name.p, "CONNECT", 7) == 0) {
			rest = t;
		} else {
			return refuse(r, 400, "bad request target \"%s\"", t);
		}
	}
	if ((p = memchr(rest.p, '?', rest.n)))
		rest.n = (size_t)(p - rest.p);
	q->path = rest;
	return true;
}

static bool
parse_request_line(struct http_request *q, struct http_span line, struct refusal *r)
{
	struct http_span target, version;
	const char *sp;

	if (line.n > HTTP_LINE_MAX)
		return refuse_text(r, 414, "the request line is too long");
	q->name.p = line.p;
	q->name.n = (size_t)(skip(line.p, TOKEN) - line.p);
	if (q->name.n > METHOD_MAX)
		return refuse(r, 501, "unknown method %s", q->name);
	if (q->name.n == 0 || q->name.n == line.n || line.p[q->name.n] != ' ')
		return refuse(r, 400, "not an HTTP request: \"%s\"", line);
	q->method = method_of(q->name);
	target.p = q->name.p + q->name.n + 1;
	target.n = line.n - q->name.n - 1;
	if (!(sp = memchr(target.p, ' ', target.n)))
		return refuse(r, 400, "no HTTP version in \"%s\"", line);
	version.p = sp + 1;
	version.n = target.n - (size_t)(sp - target.p) - 1;
	target.n = (size_t)(sp - target.p);
	if (version.n != 8 || memcmp(version.p, "HTTP/", 5) != 0 || version.p[6] != '.'
	    || version.p[5] < '0' || version.p[5] > '9'
	    || version.p[7] < '0' || version.p[7] > '9')
		return refuse(r, 400, "bad HTTP version \"%s\"", version);
	if (version.p[5] != '1')
		return refuse(r, 505, "HTTP version \"%s\" is not supported", version);
	q->minor = version.p[7] != '0';
	return parse_target(q, target, r);
}

int
http_parse_request(struct http_request *q, const unsigned char *head, size_t len,
	char *why, size_t size)
{
	struct http_span rest = { (const char *)head, len }, line;
	struct refusal r = { 0, why, size };

	memset(q, 0, sizeof *q);
	line = next_line(&rest);
	if (!parse_request_line(q, line, &r) || !parse_fields(&q->fields, rest, false, &r))
		return r.status;
	if (q->fields.hosts > 1)
		refuse_text(&r, 400, "more than one Host field");
	else if (q->minor > 0 && q->fields.hosts == 0)
		refuse_text(&r, 400, "no Host field");
	else if (q->minor == 0 && q->fields.chunked)
		refuse_text(&r, 400, "Transfer-Encoding in HTTP/1.0");
	return r.status;
}

bool
http_parse_response(struct http_response *a, const unsigned char *head, size_t len,
	char *why, size_t size)
{
	struct http_span rest = { (const char *)head, len }, line;
	struct refusal r = { 0, why, size };
	const char *p;

	memset(a, 0, sizeof *a);
	line = next_line(&rest);
	p = line.p;
	/* "HTTP/1.1 200 OK"; servers that send no reason drop the blank before it, too */
	if (line.n < 12 || http_no_response(head, line.n) || p[7] < '0' || p[7] > '9' || p[8] != ' '
	    || p[9] < '1' || p[9] > '5' || p[10] < '0' || p[10] > '9' || p[11] < '0' || p[11] > '9'
	    || (line.n > 12 && p[12] != ' ') || !all(line, VALUE))
		return refuse(&r, 400, "not an HTTP response: %s", line);
	a->minor = p[7] != '0';
	a->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	a->reason.p = p + 12;
	a->reason.n = line.n - 12;
	a->reason = trim(a->reason);
	if (!parse_fields(&a->fields, rest, true, &r))
		return false;
	if (a->minor == 0 && a->fields.chunked)
		return refuse_text(&r, 400, "Transfer-Encoding in HTTP/1.0");
	return true;
}

bool
http_keep_alive(int minor, const struct http_fields *f)
{
	return !f->close && (minor > 0 || f->keep_alive);
}

const char *
http_reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 417: return "Expectation Failed";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 505: return "HTTP Version Not Supported";
	}
	return "Unknown";
}

/* ---- bodies ---- */

/* States of the chunked decoder. */
enum {
	SIZE_FIRST,             /* before the first digit of a chunk's size */
	SIZE,
	BLANKS,                 /* behind it: blanks before a semicolon */
	EXTENSION,
	SIZE_LF,                /* behind the line's CR */
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER,                /* at the start of a line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF
};

void
http_body_init(struct http_body *b, enum http_framing framing, uint64_t length)
{
	memset(b, 0, sizeof *b);
	b->framing = framing;
	b->left = framing == HTTP_SIZED ? length : 0;
	b->done = framing == HTTP_SIZED && length == 0;
	b->state = SIZE_FIRST;
}

static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A character of a chunk's first line. */
static void
take_size(struct http_body *b, unsigned char c)
{
	int v = hex_digit(c);

	if (b->state == SIZE_LF) {
		if (c != '\n')
			b->error = "a chunk's line does not end with CRLF";
		b->state = b->left > 0 ? DATA : TRAILER;
		b->line = 0;
		return;
	}
	if (++b->line > CHUNK_LINE_MAX)
		b->error = "a chunk's line is too long";
	else if (b->state <= SIZE && v >= 0) {
		if (b->left >> 60)
			b->error = "a chunk's size is too large";
		b->left = b->left << 4 | (unsigned)v;
		b->state = SIZE;
	} else if (b->state == SIZE_FIRST)
		b->error = "a chunk's size is not a hex number";
	else if (c == '\r' && b->state != BLANKS)
		b->state = SIZE_LF;
	else if (b->state == EXTENSION && byte_class[c] & VALUE)
		;
	else if (c == ';')
		b->state = EXTENSION;
	else if (c == ' ' || c == '\t')
		b->state = BLANKS;
	else
		b->error = b->state == EXTENSION ? "a control character in a chunk's extension"
		    : "a chunk's size is not a hex number";
}

/* A character behind the last chunk. Its lines are lines of fields: a bare LF may end them. */
static void
take_trailer(struct http_body *b, unsigned char c)
{
	if (++b->line > TRAILER_MAX) {
		b->error = "the trailer is too long";
		return;
	}
	switch (b->state) {
	case TRAILER:
		if (c == '\r')
			b->state = LAST_LF;
		else if (c == '\n')
			b->done = true;
		else if (byte_class[c] & TOKEN)
			b->state = TRAILER_NAME;
		else
			b->error = "a bad line in the trailer";
		break;
	case TRAILER_NAME:
		if (c == ':')
			b->state = TRAILER_VALUE;
		else if (!(byte_class[c] & TOKEN))
			b->error = "a bad line in the trailer";
		break;
	case TRAILER_VALUE:
		if (c == '\r')
			b->state = TRAILER_LF;
		else if (c == '\n')
			b->state = TRAILER;
		else if (!(byte_class[c] & VALUE))
			b->error = "a control character in the trailer";
		break;
	default:
		if (c != '\n')
			b->error = "a bad line in the trailer";
		b->done = !b->error && b->state == LAST_LF;
		b->state = TRAILER;
	}
}

static size_t
take_chunked(struct http_body *b, const unsigned char *p, size_t n,
	const unsigned char **run, size_t *run_n)
{
	size_t i = 0;

	while (i < n && !b->done && !b->error) {
		if (b->state < DATA) {
			take_size(b, p[i++]);
		} else if (b->state == DATA) {
			*run = p + i;
			*run_n = n - i < b->left ? n - i : (size_t)b->left;
			b->left -= *run_n;
			if (b->left == 0)
				b->state = DATA_CR;
			return i + *run_n;
		} else if (b->state >= TRAILER) {
			take_trailer(b, p[i++]);
		} else if (b->state == DATA_CR) {
			if (p[i++] != '\r')
				b->error = "a chunk is longer than its size";
			b->state = DATA_LF;
		} else {
			if (p[i++] != '\n')
				b->error = "a chunk is longer than its size";
			b->state = SIZE_FIRST;
		}
	}
	return i;
}

size_t
http_body_take(struct http_body *b, const unsigned char *p, size_t n,
	const unsigned char **run, size_t *run_n)
{
	*run = p;
	*run_n = 0;
	if (b->done || b->error)
		return 0;
	if (b->framing == HTTP_CHUNKED)
		return take_chunked(b, p, n, run, run_n);
	*run_n = n;
	if (b->framing == HTTP_SIZED) {
		if (*run_n > b->left)
			*run_n = (size_t)b->left;
		b->left -= *run_n;
		b->done = b->left == 0;
	}
	return *run_n;
}
