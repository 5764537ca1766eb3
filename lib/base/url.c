/* SPDX-License-Identifier: ISC */
/* Targets. */
#include "base/url.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/utf8.h"

#define ON_SOCKET "+unix" /* behind a scheme: a path is in the host's place */

static const char lone_percent[] = "\"%\" without two hexadecimal digits behind it";

static const struct scheme {
	const char *name, *scheme, *port;
	bool method; /* the "/" only sets off what follows it */
	int dialect;
} schemes[] = {
	{ "rpc", "rpc", "18812", true, 0 },
	{ "rpc5", "rpc", "18812", true, 5 },
	{ "rpc6", "rpc", "18812", true, 6 },
	{ "http", "http", "80", false, 0 },
	{ NULL, NULL, NULL, false, 0 },
};

/* Copy n bytes as a string; false: too long. */
static bool
copy(char *dst, size_t size, const char *src, size_t n)
{
	if (n >= size)
		return false;
	memcpy(dst, src, n);
	dst[n] = '\0';
	return true;
}

/* The zone of an IPv6 address, which is behind a "%" that should be, and need not be, encoded
 * itself (RFC 6874): written with a plain one, so that both forms are as long. */
static void
plain_zone(char *authority)
{
	char *zone = strchr(authority, '%');

	if (zone && zone[1] == '2' && zone[2] == '5')
		memmove(zone + 1, zone + 3, strlen(zone + 3) + 1);
}

/* A zone chooses an interface here, and is nothing that others could know. */
static void
drop_zone(char *authority)
{
	char *zone = strchr(authority, '%'), *end = strchr(authority, ']');

	if (zone && end)
		memmove(zone, end, strlen(end) + 1);
}

/* authority is host[:port]: filled in but for a default port, and brought into its final form. */
static const char *
parse_authority(struct url *u)
{
	const char *host = u->authority, *end, *rest;
	uint64_t port;

	if (strchr(host, '@'))
		return "user names are not supported";
	if (*host == '[') {
		plain_zone(u->authority);
		host++;
		if (!(end = strchr(host, ']')))
			return "\"[\" without \"]\"";
		rest = end + 1;
		if (*rest && *rest != ':')
			return "text between \"]\" and port";
	} else {
		rest = end = host + strcspn(host, ":");
		if (*rest && strchr(rest + 1, ':'))
			return "an IPv6 address is written in brackets";
	}
	if (end == host)
		return "no host";
	if (strcspn(host, "[]") < (size_t)(end - host))
		return "misplaced bracket";
	if (!copy(u->host, sizeof u->host, host, (size_t)(end - host)))
		return "host too long";
	if (*rest && !rest[1]) { /* an empty port is as none (RFC 9110, section 4.2.3) */
		u->authority[rest - u->authority] = '\0';
	} else if (*rest) {
		rest++;
		if (strlen(rest) >= sizeof u->port || !num_digits(rest, strlen(rest), &port)
		    || port < 1 || port > 65535)
			return "port is not a number from 1 to 65535";
		snprintf(u->port, sizeof u->port, "%u", (unsigned)port);
	}
	drop_zone(u->authority);
	return NULL;
}

/* Of a printable character; 16: it is no digit. */
static unsigned
hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | ' ') : NULL;

	return at ? (unsigned)(at - digits) : 16;
}

unsigned char
url_decode(const char **p)
{
	const char *at = *p;
	bool encoded = *at == '%' && hex(at[1]) < 16 && hex(at[2]) < 16;

	*p += encoded ? 3 : 1;
	return encoded ? (unsigned char)(hex(at[1]) << 4 | hex(at[2])) : (unsigned char)*at;
}

void
url_encode(char *dst, size_t size, const char *text)
{
	/* what is never encoded (RFC 3986, section 2.3) */
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	size_t n = 0;

	for (; *text && n + 4 <= size; text++)
		n += (size_t)snprintf(dst + n, 4, strchr(plain, *text) ? "%c" : "%%%02X",
		    (unsigned char)*text);
	dst[n] = '\0';
}

/* The n bytes at p are the path of a Unix socket, percent-encoded: filled in as the host. */
static const char *
parse_socket(struct url *u, const char *p, size_t n)
{
	const char *end = p + n, *at;
	size_t k;

	for (k = 0; p < end; k++) {
		if (k == sizeof u->host - 1)
			return "path of the socket too long";
		at = p;
		u->host[k] = (char)url_decode(&p);
		if (*at == '%' && p == at + 1)
			return lone_percent;
		if (!u->host[k])
			return "NUL in the path of the socket";
	}
	u->host[k] = '\0';
	if (!strchr(u->host, '/'))
		return "no path of a socket, as in " ON_SOCKET "://%2Frun%2Fserver";
	strcpy(u->authority, "localhost");
	u->port[0] = '\0';
	return NULL;
}

/* Method and arguments are text: each part of the path, once it is decoded. */
static const char *
check_text(const char *path)
{
	struct utf8 text = { 0 };
	const char *p = path, *at;
	unsigned char c;

	while (*(at = p)) {
		c = url_decode(&p);
		if (*at == '%' && p == at + 1)
			return lone_percent;
		if (!utf8(&text, &c, 1))
			return "percent-encoded bytes that are not UTF-8";
	}
	return text.left > 0 ? "percent-encoded bytes that are not UTF-8" : NULL;
}

const char *
url_parse(struct url *u, const char *text)
{
	const struct scheme *s;
	const char *p, *why;
	bool socket = false;
	size_t n, k = sizeof ON_SOCKET - 1;

	for (p = text; *p; p++) {
		if ((unsigned char)*p <= ' ' || (unsigned char)*p > '~')
			return "blank, control character or byte beyond ASCII";
		if (*p == '#')
			return "fragments (#) are not supported";
	}
	for (s = schemes; s->name; s++) {
		n = strlen(s->name);
		if (strncasecmp(text, s->name, n) != 0)
			continue;
		if ((socket = strncasecmp(text + n, ON_SOCKET, k) == 0))
			n += k;
		if (strncmp(text + n, "://", 3) == 0)
			break;
	}
	if (!s->name && strncasecmp(text, "https://", 8) == 0)
		return "TLS is not supported: http:// only";
	if (!s->name)
		return "not rpc://host[:port][/method] or http://host[:port][/path]";
	strcpy(u->scheme, s->scheme);
	u->dialect = s->dialect;
	strcpy(u->port, s->port);

	p = text + n + 3;
	n = strcspn(p, "/?");
	if (!socket && !copy(u->authority, sizeof u->authority, p, n))
		return "host too long";
	if ((why = socket ? parse_socket(u, p, n) : parse_authority(u)))
		return why;
	p += n;
	if (*p == '?' && s->method)
		return "\"?\" before the path";
	u->path = NULL;
	if (*p && !s->method) {
		u->path = p;
	} else if (*p && p[1]) {
		u->path = p + 1;
		return *u->path == '/' ? "no method behind \"/\"" : check_text(u->path);
	}
	return NULL;
}
