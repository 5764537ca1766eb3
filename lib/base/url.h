/* SPDX-License-Identifier: ISC */
/* Targets: rpc://host[:port][/method] (or rpc5, rpc6), http://host[:port][/path], IPv6 as [::1].
 * With "+unix" behind the scheme, host and port are the percent-encoded path of a Unix socket:
 * http+unix://%2Frun%2Fserver/path. */
#ifndef URL_H
#define URL_H

#include <stddef.h>

struct url {
	char scheme[8];      /* "rpc" or "http" */
	int dialect;         /* of RPyC: 5 or 6, of rpc5:// and rpc6://; else 0 */
	char host[256];      /* without brackets; a zone begins with "%": "fe80::1%eth0". What
			      * has a "/" is the path of a Unix socket */
	char port[6];        /* decimal; if the text has none, 18812 (rpc) or 80 (http); of a Unix
			      * socket "" */
	char authority[272]; /* host[:port] for HTTP's Host field: as in the text, without a zone
			      * and an empty port; of a Unix socket "localhost" */
	const char *path;    /* http: from the "/" on, or from the "?", before which a "/" is to be
			      * sent (RFC 9112, section 3.2.1); rpc: after it; NULL: none was given.
			      * Points into the text parsed. */
};

/* Parse text, which must outlive u. Returns NULL, or what is wrong as a static
 * text. An unknown scheme, an empty host or method, a port outside 1..65535, and
 * any blank, control character, byte beyond ASCII, "user@" or "#fragment" are refused; in the
 * path of an rpc target also a "%" that encodes nothing, and what is not UTF-8 once decoded; in
 * that of a socket a "%" that encodes nothing, NUL, and a path without a "/". */
const char *url_parse(struct url *u, const char *text);

/* The character at *p, which is moved past it: decoded, if it is percent-encoded ("%2f", "%C3"). */
unsigned char url_decode(const char **p);

/* Write text percent-encoded, all but letters, digits and "-._~", into dst[size]; cut off where it
 * does not fit. */
void url_encode(char *dst, size_t size, const char *text);

#endif
