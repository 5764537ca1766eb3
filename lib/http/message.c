/* SPDX-License-Identifier: ISC */
/* HTTP/1.1 messages: heads parsed, bodies unframed.
 *
 * Wherever RFC 9112 leaves a choice between guessing what a malformed message meant and refusing
 * it, it is refused: two parties that read one message differently are how requests get
 * smuggled. The exceptions are bare LFs at the end of a head's lines, which the RFC permits and
 * people type, and what a user agent, behind which nobody else reads, is to take in a response:
 * folded lines, and blanks behind a chunk's size. */
#include "http/message.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/msg.h"
#include "base/num.h"

#define CHUNK_LINE_MAX 4096 /* a chunk's size and extensions */
#define TRAILER_MAX 16384
#define METHOD_MAX 32 /* none that is known is longer */
#define NO_NUMBER "Content-Length \"%s\" is not a number"

/* What a byte may be part of. */
#define TOKEN 1  /* a method's or a field's name (RFC 9110, section 5.6.2) */
#define VALUE 2  /* a field's value: no control character but TAB */
#define TARGET 4 /* a request's target */
#define HOST 8   /* a host's name or IPv4 address */
#define DIGIT 16
#define HEX 32 /* a digit or a letter to f */
#define VALUES VALUE, VALUE, VALUE, VALUE, VALUE, VALUE, VALUE, VALUE
/* clang-format off */
static const unsigned char byte_class[256] = {
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,
	 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
	 2, 15,  6,  3, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15,  6,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63,  6, 14,  6, 14,  6,  6,
	 6, 47, 47, 47, 47, 47, 47, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  6,  6,  7, 15,
	 7, 47, 47, 47, 47, 47, 47, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0,
	VALUES, VALUES, VALUES, VALUES, VALUES, VALUES, VALUES, VALUES,
	VALUES, VALUES, VALUES, VALUES, VALUES, VALUES, VALUES, VALUES,
};
/* clang-format on */

/* Is the span this text, which is lower case, letter case aside? The only control characters in a
 * span are TABs and, of a fold, CRLF or LF, which bit 5 turns into ")", "-" and "*": an LF makes it
 * another text. */
#define span_is(s, text) span_equal(s, text, sizeof(text) - 1)
static inline bool
span_equal(struct http_span s, const char *text, size_t n)
{
	size_t i = 0;

	if (s.n != n)
		return false;
	while (i < n && (s.p[i] | 0x20) == text[i])
		i++;
	return i == n;
}

/* The first byte after p that is not of the class. Every head ends with LF, which is in none. */
static const char *
skip(const char *p, unsigned class)
{
	while (byte_class[(unsigned char)*p] & class)
		p++;
	return p;
}

/* Are they all of the class? What follows the span is not. */
static bool
all(struct http_span s, unsigned class)
{
	return skip(s.p, class) == s.p + s.n;
}

static bool
is_digit(char c)
{
	return byte_class[(unsigned char)c] & DIGIT;
}

/* The length of an IPv6 address in brackets at p, with these; 0: it is none. */
static size_t
ipv6_length(const char *p)
{
	unsigned char address[16];
	char text[INET6_ADDRSTRLEN];
	size_t n = 0;

	while (n < sizeof text
	    && (byte_class[(unsigned char)p[1 + n]] & HEX || p[1 + n] == ':' || p[1 + n] == '.'))
		n++;
	if (n == sizeof text || p[1 + n] != ']')
		return 0;
	memcpy(text, p + 1, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, address) == 1 ? n + 2 : 0;
}

/* Is it host[:port]? Either may be empty in a Host field (RFC 9110, section 7.2), and an IPv6
 * address is in brackets. Sets the lengths of both. */
static bool
take_host(struct http_span s, size_t *host, size_t *port)
{
	const char *end = s.p + s.n, *p = skip(s.p, HOST);

	if (p == s.p && p < end && *p == '[')
		p += ipv6_length(p);
	*host = (size_t)(p - s.p);
	if (p < end && *p++ != ':')
		return false;
	*port = (size_t)(end - p);
	return skip(p, DIGIT) == end;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Is it a blank of a field's value, of which a fold is one, too (RFC 9112, section 5.2)? */
static bool
is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

static inline struct http_span
trim(struct http_span s)
{
	const char *end = s.p + s.n;

	while (s.p < end && is_space(*s.p))
		s.p++;
	while (s.p < end && is_space(end[-1]))
		end--;
	s.n = (size_t)(end - s.p);
	return s;
}

/* Cut the next element off a list with commas; empty ones are skipped as RFC 9110,
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

/* The length of the head at p[n] including its empty line, or 0. It does not end within the
 * first from bytes. */
static size_t
head_end(const unsigned char *p, size_t n, size_t from)
{
	const unsigned char *lf;
	size_t i;

	/* the line before the empty one may have ended there */
	for (i = from > 2 ? from - 2 : 0; i < n && (lf = memchr(p + i, '\n', n - i)); i++) {
		i = (size_t)(lf - p);
		if (n - i > 1 && lf[1] == '\n')
			return i + 2;
		if (n - i > 2 && lf[1] == '\r' && lf[2] == '\n')
			return i + 3;
	}
	return 0;
}

bool
http_gather(struct buf *held, const unsigned char *p, size_t n, size_t max, size_t *taken,
    struct http_span *head)
{
	size_t before = held->n;

	if (n > max - before)
		n = max - before;
	*taken = n;
	if (before > 0) {
		buf_add(held, p, n);
		if (held->failed)
			return false;
		p = held->p;
	}
	head->p = (const char *)p;
	head->n = head_end(p, before + n, before);
	if (head->n > 0)
		*taken = head->n - before;
	else if (before == 0)
		buf_add(held, p, n);
	return head->n > 0;
}

/* ---- parsing ---- */

bool
http_refuse(struct http_refusal *r, int status, const char *fmt, ...)
{
	va_list ap;

	r->status = status;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof r->why, fmt, ap);
	va_end(ap);
	return false;
}

struct http_shown
http_show(const void *p, size_t n)
{
	struct http_shown s = { "" };

	msg_printable(s.text, sizeof s.text, p, n);
	return s;
}

const char *
http_bad_method(const char *text)
{
	const char *end = skip(text, TOKEN);

	if (end == text || *end)
		return "not a method";
	if (end - text > METHOD_MAX)
		return "too long";
	return strcmp(text, "CONNECT") == 0 ? "not possible here" : NULL;
}

bool
http_field_is(const char *field, const char *name)
{
	struct http_span s = { field, (size_t)(skip(field, TOKEN) - field) };

	return span_equal(s, name, strlen(name));
}

const char *
http_bad_field(const char *text)
{
	static const char *const own[] = { "connection", "content-length", "expect", "keep-alive",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade" };
	const char *colon = skip(text, TOKEN);
	struct http_span value;
	size_t i, port;

	if (colon == text || *colon != ':')
		return "not \"Name: value\"";
	value.p = colon + 1;
	value.n = strlen(value.p);
	if (!all(value, VALUE))
		return "a control character";
	for (i = 0; i < sizeof own / sizeof *own; i++)
		if (http_field_is(text, own[i]))
			return "the program has to set this field itself";
	value = trim(value);
	if (http_field_is(text, "host") && (!take_host(value, &i, &port) || i == 0))
		return "not a host";
	return NULL;
}

/* The length of the method at p[n], which need not be complete. 0: there is none, and r says so. */
static size_t
method_length(const char *p, size_t n, struct http_refusal *r)
{
	size_t i = 0;

	while (i < n && i <= METHOD_MAX && byte_class[(unsigned char)p[i]] & TOKEN)
		i++;
	if (i > METHOD_MAX)
		http_refuse(r, 501, "unknown method %s", http_show(p, i).text);
	else if (i < n && (i == 0 || p[i] != ' '))
		http_refuse(r, 400, "not an HTTP request: \"%s\"", http_show(p, i + 1).text);
	else
		return i;
	return 0;
}

bool
http_begins_request(const void *p, size_t n, struct http_refusal *r)
{
	if (!method_length(p, n, r))
		return false;
	if (n > HTTP_LINE_MAX + 2 && !memchr(p, '\n', HTTP_LINE_MAX + 2))
		return http_refuse(r, 414, "the request line is too long");
	return true;
}

bool
http_begins_response(const void *p, size_t n)
{
	return memcmp(p, "HTTP/1.", n < 7 ? n : 7) == 0;
}

#define SHOW(s) http_show((s).p, (s).n).text

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
take_length(struct http_fields *f, struct http_span value, struct http_refusal *r)
{
	struct http_span list = value, item;
	uint64_t v;
	bool any = false;

	/* RFC 9110, section 8.6: a list of equal values may count as one */
	for (; list_next(&list, &item); any = true) {
		if (!all(item, DIGIT))
			return http_refuse(r, 400, NO_NUMBER, SHOW(value));
		if (!num_digits(item.p, item.n, &v))
			return http_refuse(r, 413, "Content-Length %s is too large", SHOW(item));
		if (f->sized && f->length != v)
			return http_refuse(r, 400, "more than one Content-Length, here \"%s\"",
			    SHOW(value));
		f->sized = true;
		f->length = v;
	}
	return any || http_refuse(r, 400, NO_NUMBER, SHOW(value));
}

static bool
take_codings(struct http_fields *f, struct http_span value, struct http_refusal *r)
{
	struct http_span list = value, item;

	while (list_next(&list, &item)) {
		if (f->chunked)
			return http_refuse(r, 400,
			    "Transfer-Encoding \"%s\": chunked is not the last", SHOW(value));
		if (!span_is(item, "chunked"))
			return http_refuse(r, 501, "Transfer-Encoding \"%s\" is not supported",
			    SHOW(item));
		f->chunked = true;
	}
	return f->chunked
	    || http_refuse(r, 400, "Transfer-Encoding \"%s\" names no coding", SHOW(value));
}

static void
take_connection(struct http_fields *f, struct http_span list)
{
	struct http_span item;

	while (list_next(&list, &item)) {
		f->close |= span_is(item, "close");
		f->keep_alive |= span_is(item, "keep-alive");
	}
}

/* Note what a field says, if it is one of those that are read. r tells whether it is wrong. */
static void
take_field(struct http_fields *f, struct http_span name, struct http_span value,
    struct http_refusal *r)
{
	size_t host, port;

	if (span_is(name, "host")) {
		f->hosts++;
		if (!take_host(value, &host, &port))
			http_refuse(r, 400, "bad Host \"%s\"", SHOW(value));
	} else if (span_is(name, "connection")) {
		take_connection(f, value);
	} else if (span_is(name, "content-type")) {
		f->type = value;
	} else if (span_is(name, "content-length")) {
		take_length(f, value, r);
	} else if (span_is(name, "transfer-encoding")) {
		take_codings(f, value, r);
	} else if (span_is(name, "expect")) {
		f->expect_continue |= span_is(value, "100-continue");
		f->expect_other |= !span_is(value, "100-continue");
	}
}

/* The length of the end of a line at p: of CRLF, of LF, or 0. */
static size_t
line_end(const char *p)
{
	return *p == '\n' ? 1 : *p == '\r' && p[1] == '\n' ? 2 : 0;
}

/* The lines behind the first one, the empty one included. In a response a folded line belongs to
 * the field before it, and there may be as many as there are. */
static bool
parse_fields(struct http_fields *f, struct http_span rest, int minor, bool response,
    struct http_refusal *r)
{
	struct http_span name, value;
	const char *p = rest.p, *wrong;
	unsigned n;

	for (n = 0; line_end(p) == 0; n++) {
		rest.n -= (size_t)(p - rest.p);
		rest.p = p;
		if (n == HTTP_FIELDS_MAX && !response)
			return http_refuse(r, 431, "too many header fields");
		wrong = "folded header line";
		if (is_blank(*p))
			goto bad;
		name.p = p;
		p = skip(p, TOKEN);
		name.n = (size_t)(p - name.p);
		wrong = "bad header line";
		if (name.n == 0 || *p != ':')
			goto bad;
		value.p = p + 1;
		p = skip(value.p, VALUE);
		while (response && line_end(p) > 0 && is_blank(p[line_end(p)]))
			p = skip(p + line_end(p), VALUE);
		value.n = (size_t)(p - value.p);
		wrong = "control character in header line";
		if (line_end(p) == 0)
			goto bad;
		p += line_end(p);
		take_field(f, name, trim(value), r);
		if (r->status)
			return false;
	}
	if (f->chunked && f->sized)
		return http_refuse(r, 400, "both Content-Length and Transfer-Encoding");
	if (f->chunked && minor == 0)
		return http_refuse(r, 400, "Transfer-Encoding in HTTP/1.0");
	f->keep_alive = !f->close && (minor > 0 || f->keep_alive);
	return true;
bad:
	name = next_line(&rest);
	return http_refuse(r, 400, "%s \"%s\"", wrong, SHOW(name));
}

static enum http_method
method_of(struct http_span s)
{
	static const char *const name[HTTP_UNKNOWN] = { "GET", "HEAD", "POST", "OPTIONS", "CONNECT",
		"PUT", "DELETE", "PATCH", "TRACE" };
	int i = 0;

	while (i < HTTP_UNKNOWN && (strlen(name[i]) != s.n || memcmp(name[i], s.p, s.n) != 0))
		i++;
	return (enum http_method)i;
}

/* The path of a target (RFC 9112, section 3.2). A host that it names has to be one, without a user
 * (RFC 9110, section 4.2). CONNECT's is a host and a port, and nothing else (section 9.3.6). */
static bool
parse_target(struct http_request *q, struct http_span t)
{
	struct http_span scheme = { t.p, sizeof "http://" - 1 }, authority = t;
	const char *p = t.p, *end = t.p + t.n;
	bool options = q->method == HTTP_OPTIONS;
	size_t host, port;

	q->path = t;
	if (q->method == HTTP_CONNECT)
		return take_host(t, &host, &port) && host > 0 && port > 0;
	if (t.n > scheme.n && span_is(scheme, "http://")) {
		for (p += scheme.n; p < end && *p != '/' && *p != '?'; p++)
			;
		authority.p += scheme.n;
		authority.n = (size_t)(p - authority.p);
		if (!take_host(authority, &host, &port) || host == 0)
			return false;
		q->path = (struct http_span){ p, (size_t)(end - p) };
		if (p == end || *p == '?')
			q->path = (struct http_span){ options && p == end ? "*" : "/", 1 };
	} else if (t.n == 0 || (*t.p != '/' && !(options && t.n == 1 && *t.p == '*'))) {
		return false;
	}
	if ((p = memchr(q->path.p, '?', q->path.n)))
		q->path.n = (size_t)(p - q->path.p);
	return true;
}

static bool
parse_request_line(struct http_request *q, struct http_span line, struct http_refusal *r)
{
	const char *end = line.p + line.n, *v;
	struct http_span target;

	/* the byte behind the line is no part of a method */
	q->name.p = line.p;
	if (!(q->name.n = method_length(line.p, line.n + 1, r)))
		return false;
	if (line.n > HTTP_LINE_MAX)
		return http_refuse(r, 414, "the request line is too long");
	q->method = method_of(q->name);
	target.p = line.p + q->name.n + 1;
	v = skip(target.p, TARGET);
	target.n = (size_t)(v - target.p);
	if (v == end)
		return http_refuse(r, 400, "no HTTP version in \"%s\"", SHOW(line));
	if (*v != ' ' || !parse_target(q, target)) {
		target.n = (size_t)(end - target.p);
		return http_refuse(r, 400, "bad request target \"%s\"", SHOW(target));
	}
	v++;
	if (end - v != 8 || memcmp(v, "HTTP/", 5) != 0 || !is_digit(v[5]) || v[6] != '.'
	    || !is_digit(v[7]))
		return http_refuse(r, 400, "bad HTTP version \"%s\"",
		    http_show(v, (size_t)(end - v)).text);
	if (v[5] != '1')
		return http_refuse(r, 505, "HTTP version \"%.8s\" is not supported", v);
	q->minor = v[7] != '0';
	return true;
}

bool
http_parse_request(struct http_request *q, struct http_span head, struct http_refusal *r)
{
	struct http_span line = next_line(&head);

	memset(q, 0, sizeof *q);
	r->status = 0;
	if (!parse_request_line(q, line, r) || !parse_fields(&q->fields, head, q->minor, false, r))
		return false;
	if (q->fields.hosts > 1)
		return http_refuse(r, 400, "more than one Host field");
	if (q->minor > 0 && q->fields.hosts == 0)
		return http_refuse(r, 400, "no Host field");
	return true;
}

bool
http_parse_response(struct http_response *a, struct http_span head, struct http_refusal *r)
{
	struct http_span line = next_line(&head);
	const char *p = line.p;

	memset(a, 0, sizeof *a);
	r->status = 0;
	/* "HTTP/1.1 200 OK"; servers that send no reason drop the blank before it, too */
	if (line.n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || !is_digit(p[7]) || p[8] != ' '
	    || !is_digit(p[9]) || !is_digit(p[10]) || !is_digit(p[11])
	    || (line.n > 12 && p[12] != ' ') || !all(line, VALUE))
		return http_refuse(r, 400, "not an HTTP response: %s", SHOW(line));
	a->minor = p[7] != '0';
	a->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	a->reason = trim((struct http_span){ p + 12, line.n - 12 });
	if (!parse_fields(&a->fields, head, a->minor, true, r))
		return false;
	if (a->status == 204 || a->status == 304) {
		a->fields.sized = true;
		a->fields.chunked = false;
		a->fields.length = 0;
	}
	return true;
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
	SIZE_FIRST, /* before the first digit of a chunk's size */
	SIZE,
	BLANKS, /* behind it: blanks before a semicolon */
	EXTENSION,
	SIZE_LF, /* behind the line's CR */
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* at the start of a line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	END
};

#define NO_SIZE "a chunk's size is not a hex number"
#define BLANK_BEHIND "a blank behind a chunk's size"
#define NO_CRLF "a chunk is longer than its size"
#define NO_FIELD "a bad line in the trailer"

/* What may come in each state and which follows it; wrong: what is said of all else. The lines
 * of a trailer are lines of fields: a bare LF may end them. */
static const struct {
	struct {
		unsigned char c, next;
	} on[4];
	unsigned char class, next; /* of bytes that are none of these */
	const char *wrong;
} chunk_states[] = {
	[SIZE_FIRST] = { .class = HEX, .next = SIZE, .wrong = NO_SIZE },
	[SIZE] = { { { '\r', SIZE_LF }, { ';', EXTENSION }, { ' ', BLANKS }, { '\t', BLANKS } },
	    HEX, SIZE, NO_SIZE },
	[BLANKS] = { { { ';', EXTENSION }, { ' ', BLANKS }, { '\t', BLANKS }, { '\r', SIZE_LF } },
	    .wrong = BLANK_BEHIND },
	[EXTENSION] = { { { '\r', SIZE_LF } }, VALUE, EXTENSION,
	    "a control character in a chunk's extension" },
	[SIZE_LF] = { { { '\n', DATA } }, .wrong = "a chunk's line does not end with CRLF" },
	[DATA_CR] = { { { '\r', DATA_LF } }, .wrong = NO_CRLF },
	[DATA_LF] = { { { '\n', SIZE_FIRST } }, .wrong = NO_CRLF },
	[TRAILER] = { { { '\r', LAST_LF }, { '\n', END } }, TOKEN, TRAILER_NAME, NO_FIELD },
	[TRAILER_NAME] = { { { ':', TRAILER_VALUE } }, TOKEN, TRAILER_NAME, NO_FIELD },
	[TRAILER_VALUE] = { { { '\r', TRAILER_LF }, { '\n', TRAILER } }, VALUE, TRAILER_VALUE,
	    "a control character in the trailer" },
	[TRAILER_LF] = { { { '\n', TRAILER } }, .wrong = NO_FIELD },
	[LAST_LF] = { { { '\n', END } }, .wrong = NO_FIELD },
};

void
http_body_init(struct http_body *b, enum http_framing framing, uint64_t length)
{
	memset(b, 0, sizeof *b);
	b->framing = framing;
	b->left = framing == HTTP_SIZED ? length : 0;
	b->done = framing == HTTP_SIZED && length == 0;
}

/* A byte of a chunked body that is no content. */
static void
take_framing(struct http_body *b, unsigned char c)
{
	bool trailer = b->state >= TRAILER;
	unsigned char next = chunk_states[b->state].next;
	size_t k = 0;

	while (k < 4 && chunk_states[b->state].on[k].c != c)
		k++;
	if (k < 4 && c != '\0')
		next = chunk_states[b->state].on[k].next;
	else if (!(byte_class[c] & chunk_states[b->state].class))
		b->error = chunk_states[b->state].wrong;
	if (b->state == BLANKS && c == '\r' && !b->padded)
		b->error = BLANK_BEHIND;
	if (++b->line > (trailer ? TRAILER_MAX : CHUNK_LINE_MAX))
		b->error = trailer ? "the trailer is too long" : "a chunk's line is too long";
	if (next == SIZE && !b->error) {
		if (b->left >> 60)
			b->error = "a chunk's size is too large";
		b->left = b->left << 4 | (c <= '9' ? c & 15u : (c & 15u) + 9);
	}
	if (next == DATA || next == SIZE_FIRST)
		b->line = 0;
	b->state = next == DATA && b->left == 0 ? TRAILER : next;
	b->done = next == END && !b->error;
}

size_t
http_body_take(struct http_body *b, const unsigned char *p, size_t n, const unsigned char **run,
    size_t *run_n)
{
	size_t i = 0;

	while (b->framing == HTTP_CHUNKED && i < n && b->state != DATA && !b->done && !b->error)
		take_framing(b, p[i++]);
	*run = p + i;
	*run_n = 0;
	if (i == n || b->done || b->error)
		return i;
	*run_n = n - i;
	if (b->framing == HTTP_TO_END)
		return n;
	if (*run_n > b->left)
		*run_n = (size_t)b->left;
	b->left -= *run_n;
	if (b->framing == HTTP_SIZED)
		b->done = b->left == 0;
	else if (b->left == 0)
		b->state = DATA_CR;
	return i + *run_n;
}
