/* SPDX-License-Identifier: ISC */
/* Fuzz target for heads of requests. The first byte seeds the sizes of the pieces in which it
 * comes: in one piece it must be the same head. What is accepted is written down anew from its
 * parts, and must be accepted again with the same meaning. */
#include "fuzz_http.h"

static bool
same_span(struct http_span a, struct http_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The same request again, in its plainest form. */
static void
again(const struct http_request *q)
{
	const struct http_fields *f = &q->fields;
	char *text = malloc(2 * FUZZ_HEAD_MAX + 500);
	struct http_request r;
	struct http_refusal refusal;
	struct http_span head;
	int n;

	must(text != NULL, "memory");
	n = snprintf(text, 2 * FUZZ_HEAD_MAX + 500, "%.*s %.*s HTTP/1.%d\r\n%s%s%s%s%s%s",
	    (int)q->name.n, q->name.p, (int)q->path.n, q->path.p, q->minor,
	    f->hosts ? "Host: h\r\n" : "", f->chunked ? "Transfer-Encoding: chunked\r\n" : "",
	    f->close ? "Connection: close\r\n" : "",
	    f->keep_alive ? "Connection: keep-alive\r\n" : "",
	    f->expect_continue ? "Expect: 100-continue\r\n" : "",
	    f->expect_other ? "Expect: x\r\n" : "");
	if (f->sized)
		n += sprintf(text + n, "Content-Length: %llu\r\n", (unsigned long long)f->length);
	if (f->type.n > 0)
		n += sprintf(text + n, "Content-Type: %.*s\r\n", (int)f->type.n, f->type.p);
	n += sprintf(text + n, "\r\n");
	head = (struct http_span){ text, (size_t)n };
	must(http_parse_request(&r, head, &refusal) && refusal.status == 0,
	    "a request isn't one when written down again");
	must(r.method == q->method && same_span(r.name, q->name) && same_span(r.path, q->path)
		&& r.minor == q->minor && r.fields.length == f->length && r.fields.sized == f->sized
		&& r.fields.chunked == f->chunked && r.fields.close == f->close
		&& r.fields.keep_alive == f->keep_alive && same_span(r.fields.type, f->type)
		&& r.fields.expect_continue == f->expect_continue
		&& r.fields.expect_other == f->expect_other && r.fields.hosts == f->hosts,
	    "a request means something else when written down again");
	free(text);
}

static void
check(const unsigned char *head, size_t len)
{
	struct http_span span = { (const char *)head, len };
	struct http_request q;
	struct http_refusal r;
	int status;
	bool literal;

	memset(&r, 0x7f, sizeof r);
	if (!http_parse_request(&q, span, &r)) {
		status = r.status;
		must(status == 400 || status == 413 || status == 414 || status == 431
			|| status == 501 || status == 505,
		    "the status");
		must(memchr(r.why, '\0', sizeof r.why) && fuzz_line(r.why), "the reason");
		return;
	}
	must(r.status == 0, "refused, and not");
	must(http_begins_request(head, len, &r), "a request that can be none");
	must(fuzz_within(q.name, head, len) && q.name.n > 0, "the method is elsewhere");
	literal = q.path.n == 1 && (*q.path.p == '*' || *q.path.p == '/');
	must(q.path.n > 0 && (literal || fuzz_within(q.path, head, len)), "the path is elsewhere");
	must(q.minor == 0 || q.minor == 1, "the version");
	must(q.fields.hosts <= 1 && (q.fields.hosts == 1 || q.minor == 0), "the host");
	fuzz_fields(&q.fields, head, len);
	again(&q);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	unsigned char *head, *head2;
	size_t taken, taken2, len = 0, len2 = 0;
	bool found;

	if (n < 1)
		return 0;
	found = fuzz_gather(p + 1, n - 1, 0, &taken, &head, &len);
	must(fuzz_gather(p + 1, n - 1, 1 + p[0], &taken2, &head2, &len2) == found,
	    "whether it is a head depends on the pieces");
	must(taken == taken2 && len == len2, "its length depends on the pieces");
	if (found) {
		must(memcmp(head, head2, len) == 0, "what it holds depends on the pieces");
		check(head, len);
	}
	free(head);
	free(head2);
	return 0;
}
