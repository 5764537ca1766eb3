/* SPDX-License-Identifier: ISC */
/* Fuzz target for targets: what is accepted has all its parts, and put together again
 * they are what was read. */
#include "fuzz.h"

#include "base/num.h"
#include "base/url.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = malloc(n + 1), again[1200];
	struct url u, v;
	char host[3 * sizeof u.host];
	const char *why, *path;
	uint64_t port = 0;
	size_t i, zone;
	bool rpc, local;

	must(text != NULL, "memory");
	if (n > 0)
		memcpy(text, p, n);
	text[n] = '\0';
	if ((why = url_parse(&u, text))) {
		must(fuzz_line(why), "an error without a text");
		free(text);
		return 0;
	}
	rpc = strcmp(u.scheme, "rpc") == 0;
	must(rpc || strcmp(u.scheme, "http") == 0, "the scheme");
	must(u.host[0] && strlen(u.host) < sizeof u.host, "the host");
	local = strchr(u.host, '/') != NULL;
	must(local ? !*u.port
		   : num_digits(u.port, strlen(u.port), &port) && port >= 1 && port <= 65535,
	    "the port");
	for (i = 0; text[i]; i++)
		must(text[i] > ' ' && text[i] <= '~' && text[i] != '#', "a character");
	must(local || !strpbrk(u.host, "[]@?"), "a character of the host");
	zone = *u.authority == '[' ? strcspn(u.host, "%") : strlen(u.host);
	must(local ? strcmp(u.authority, "localhost") == 0
		   : strncmp(u.authority + (*u.authority == '['), u.host, zone) == 0,
	    "the authority");
	must(!u.path || (u.path > text && u.path <= text + n), "the path is elsewhere");
	for (path = rpc && u.path ? u.path : ""; *path; url_decode(&path))
		must(*path != '%' || (strspn(path + 1, "0123456789abcdefABCDEF") >= 2), "a \"%\"");
	must(!u.path || (rpc ? u.path[0] && u.path[-1] == '/' : strchr("/?", *u.path) != NULL),
	    "the path");

	/* without a port or with the same one, it is the same place */
	path = !u.path ? "" : rpc ? u.path - 1 : u.path;
	if (strlen(path) < 300) {
		url_encode(host, sizeof host, u.host);
		if (local)
			snprintf(again, sizeof again, "%s+unix://%s%s", u.scheme, host, path);
		else
			snprintf(again, sizeof again,
			    *u.authority == '[' ? "%s://[%.*s%s%s]:%s%s" : "%s://%.*s%s%s:%s%s",
			    u.scheme, (int)zone, u.host, u.host[zone] ? "%25" : "",
			    u.host + zone + !!u.host[zone], u.port, path);
		if ((why = url_parse(&v, again)))
			fprintf(stderr, "%s: %s\n", again, why);
		must(!why && strcmp(u.host, v.host) == 0 && strcmp(u.port, v.port) == 0
			&& strcmp(u.scheme, v.scheme) == 0 && !u.path == !v.path
			&& (!u.path || strcmp(u.path, v.path) == 0),
		    "put together again");
	}
	free(text);
	return 0;
}
