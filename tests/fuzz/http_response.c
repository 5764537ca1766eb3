/* SPDX-License-Identifier: ISC */
/* Fuzz target for heads of responses. The first byte seeds the sizes of the pieces in which it
 * comes: in one piece it must be the same head. */
#include "fuzz_http.h"

static void
check(const unsigned char *head, size_t len)
{
	struct http_span span = { (const char *)head, len };
	struct http_response a;
	struct http_refusal r;

	memset(&r, 0x7f, sizeof r);
	if (!http_parse_response(&a, span, &r)) {
		must(memchr(r.why, '\0', sizeof r.why) && fuzz_line(r.why), "the reason");
		return;
	}
	must(http_begins_response(head, len), "a response that can be none");
	must(a.status >= 0 && a.status <= 999, "the status");
	must(a.minor == 0 || a.minor == 1, "the version");
	must(!(a.minor == 0 && a.fields.chunked), "chunks in HTTP/1.0");
	must(fuzz_within(a.reason, head, len), "the reason phrase is elsewhere");
	fuzz_fields(&a.fields, head, len);
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
