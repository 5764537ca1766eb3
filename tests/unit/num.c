/* SPDX-License-Identifier: ISC */
/* num, url, msg: what is accepted, with which value, and what is refused. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/num.h"
#include "base/url.h"
#include "tap.h"

#define UNTOUCHED 4711

static void
test_count(void)
{
	static const struct {
		const char *s;
		uint64_t min, max;
		const char *why;
		uint64_t v;
	} t[] = {
		{ "0", 0, 10, NULL, 0 },
		{ "10", 0, 10, NULL, 10 },
		{ "007", 0, 10, NULL, 7 },
		{ "18446744073709551615", 0, UINT64_MAX, NULL, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, "too large", 0 },
		{ "99999999999999999999999", 0, UINT64_MAX, "too large", 0 },
		{ "11", 0, 10, "too large", 0 },
		{ "0", 1, 10, "must be at least 1", 0 },
		{ "1", 2, 10, "too small", 0 },
		{ "", 0, 10, "not a whole number", 0 },
		{ " 5", 0, 10, "not a whole number", 0 },
		{ "5 ", 0, 10, "not a whole number", 0 },
		{ "5\n", 0, 10, "not a whole number", 0 },
		{ "+5", 0, 10, "not a whole number", 0 },
		{ "-5", 0, 10, "not a whole number", 0 },
		{ "1e3", 0, 9999, "not a whole number", 0 },
		{ "0x10", 0, 99, "not a whole number", 0 },
		{ "1.0", 0, 99, "not a whole number", 0 },
		{ "1,000", 0, 9999, "not a whole number", 0 },
		{ "5k", 0, 9999, "not a whole number", 0 },
		{ "abc", 0, 99, "not a whole number", 0 },
		{ "\xd9\xa3", 0, 99, "not a whole number", 0 },
	};
	uint64_t v;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = UNTOUCHED;
		is(num_count(t[i].s, t[i].min, t[i].max, &v), t[i].why, "num_count: verdict");
		ok(v == (t[i].why ? UNTOUCHED : t[i].v), "num_count: value of case %zu", i);
	}
}

static void
test_size(void)
{
	static const char bad[] = "not a size (digits, and k, m or g)";
	static const struct {
		const char *s;
		uint64_t min, max;
		const char *why;
		uint64_t v;
	} t[] = {
		{ "0", 0, 10, NULL, 0 },
		{ "1", 0, 10, NULL, 1 },
		{ "1k", 0, 1024, NULL, 1024 },
		{ "1K", 0, 1024, NULL, 1024 },
		{ "1k", 0, 1023, "too large", 0 },
		{ "1536k", 0, UINT64_MAX, NULL, 1572864 },
		{ "500m", 0, UINT64_MAX, NULL, 524288000 },
		{ "2M", 0, UINT64_MAX, NULL, 2097152 },
		{ "1g", 0, UINT64_MAX, NULL, 1073741824 },
		{ "3G", 0, UINT64_MAX, NULL, 3221225472 },
		{ "17179869183g", 0, UINT64_MAX, NULL, UINT64_MAX - 1073741823 },
		{ "17179869184g", 0, UINT64_MAX, "too large", 0 },
		{ "18446744073709551615", 0, UINT64_MAX, NULL, UINT64_MAX },
		{ "18446744073709551616k", 0, UINT64_MAX, "too large", 0 },
		{ "0k", 1, UINT64_MAX, "must be at least 1", 0 },
		{ "1k", 2048, UINT64_MAX, "too small", 0 },
		{ "", 0, 10, bad, 0 },
		{ "k", 0, 9999, bad, 0 },
		{ " 1k", 0, 9999, bad, 0 },
		{ "1 k", 0, 9999, bad, 0 },
		{ "1k ", 0, 9999, bad, 0 },
		{ "1kk", 0, UINT64_MAX, bad, 0 },
		{ "1kb", 0, 9999, bad, 0 },
		{ "1t", 0, 9999, bad, 0 },
		{ "1.5k", 0, 9999, bad, 0 },
		{ "-1k", 0, 9999, bad, 0 },
		{ "+1k", 0, 9999, bad, 0 },
		{ "1e3", 0, 9999, bad, 0 },
		{ "0x10", 0, 9999, bad, 0 },
	};
	uint64_t v;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = UNTOUCHED;
		is(num_size(t[i].s, t[i].min, t[i].max, &v), t[i].why, "num_size: verdict");
		ok(v == (t[i].why ? UNTOUCHED : t[i].v), "num_size: value of case %zu", i);
	}
}

static void
test_secs(void)
{
	static const char bad[] = "not a number of seconds";
	static const struct {
		const char *s;
		bool zero;
		uint64_t max_s;
		const char *why;
		uint64_t ns;
	} t[] = {
		{ "1", false, 10, NULL, 1000000000 },
		{ "0.25", false, 10, NULL, 250000000 },
		{ ".25", false, 10, NULL, 250000000 },
		{ "10", false, 10, NULL, 10000000000 },
		{ "10.0", false, 10, NULL, 10000000000 },
		{ "10.000000001", false, 10, "too large", 0 },
		{ "11", false, 10, "too large", 0 },
		{ "0.000000001", false, 10, NULL, 1 },
		{ "1.0000000019", false, 10, NULL, 1000000001 },
		{ "0.1234567891234567891234567", false, 10, NULL, 123456789 },
		{ "0", true, 10, NULL, 0 },
		{ "0.0", true, 10, NULL, 0 },
		{ "0", false, 10, "must be greater than 0", 0 },
		{ "0.0", false, 10, "must be greater than 0", 0 },
		{ "0.0000000001", false, 10, "must be greater than 0", 0 },
		{ "9223372036", false, 9223372036, NULL, 9223372036000000000 },
		{ "18446744073", false, UINT64_MAX, "too large", 0 },
		{ "18446744072.999999999", false, UINT64_MAX, NULL, 18446744072999999999u },
		{ "18446744073709551616", false, UINT64_MAX, "too large", 0 },
		{ "", true, 10, bad, 0 },
		{ ".", true, 10, bad, 0 },
		{ "5.", true, 10, bad, 0 },
		{ "1.2.3", true, 10, bad, 0 },
		{ " 5", true, 10, bad, 0 },
		{ "5 ", true, 10, bad, 0 },
		{ "+5", true, 10, bad, 0 },
		{ "-5", true, 10, bad, 0 },
		{ "1e3", true, 9999, bad, 0 },
		{ "0x10", true, 9999, bad, 0 },
		{ "0.5s", true, 9999, bad, 0 },
		{ "1,5", true, 9999, bad, 0 },
		{ "inf", true, 9999, bad, 0 },
		{ "nan", true, 9999, bad, 0 },
	};
	uint64_t v;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = UNTOUCHED;
		is(num_secs(t[i].s, t[i].zero, t[i].max_s, &v), t[i].why, "num_secs: verdict");
		ok(v == (t[i].why ? UNTOUCHED : t[i].ns), "num_secs: value of case %zu", i);
	}
}

static void
test_rate(void)
{
	static const struct {
		const char *s, *why;
		double v;
	} t[] = {
		{ "1000", NULL, 1000 },
		{ "0.25", NULL, 0.25 },
		{ ".5", NULL, 0.5 },
		{ "5000.00", NULL, 5000 },
		{ "0.000000001", NULL, 1e-9 },
		{ "0", "must be greater than 0", 0 },
		{ "0.0", "must be greater than 0", 0 },
		{ "5001", "too large", 0 },
		{ "5000.1", "too large", 0 },
		{ "99999999999999999999999", "too large", 0 },
		{ "-1", "not a number above 0", 0 },
		{ "", "not a number above 0", 0 },
		{ "1e3", "not a number above 0", 0 },
		{ "1k", "not a number above 0", 0 },
		{ "1.", "not a number above 0", 0 },
		{ " 1", "not a number above 0", 0 },
	};
	double v;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = UNTOUCHED;
		is(num_rate(t[i].s, 5000, &v), t[i].why, "num_rate: verdict");
		ok(v == (t[i].why ? UNTOUCHED : t[i].v), "num_rate: value of case %zu", i);
	}
}

static void
test_percent(void)
{
	static const struct {
		const char *s;
		bool zero;
		const char *why;
		double v;
	} t[] = {
		{ "5", false, NULL, 0.05 },
		{ "5%", false, NULL, 0.05 },
		{ ".5%", false, NULL, 0.005 },
		{ "100", false, NULL, 1 },
		{ "0%", true, NULL, 0 },
		{ "0%", false, "must be greater than 0", 0 },
		{ "100.1%", false, "too large", 0 },
		{ "%", true, "not a percentage", 0 },
		{ "", true, "not a percentage", 0 },
		{ "5%%", false, "not a percentage", 0 },
		{ "5 %", false, "not a percentage", 0 },
		{ "-1%", true, "not a percentage", 0 },
		{ "1e1", false, "not a percentage", 0 },
		{ "0000000000000000000000000000000000000000000000000000000000000001%", false,
		    "too long", 0 },
	};
	double v;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		v = UNTOUCHED;
		is(num_percent(t[i].s, t[i].zero, 100, &v), t[i].why, "num_percent: verdict");
		ok(v == (t[i].why ? UNTOUCHED : t[i].v), "num_percent: value of case %zu", i);
	}
}

static void
test_digits(void)
{
	uint64_t v = UNTOUCHED;

	ok(!num_digits("123", 0, &v) && v == UNTOUCHED, "num_digits: nothing is no number");
	ok(num_digits("123x", 3, &v) && v == 123, "num_digits: only n bytes are read");
	ok(!num_digits("123x", 4, &v) && v == 123, "num_digits: a letter");
	ok(!num_digits("1\0002", 3, &v), "num_digits: a NUL");
	ok(num_digits("18446744073709551615", 20, &v) && v == UINT64_MAX, "num_digits: 2^64 - 1");
	ok(!num_digits("18446744073709551616", 20, &v), "num_digits: 2^64");
	ok(!num_digits("28446744073709551615", 20, &v), "num_digits: beyond 2^64");
	ok(num_digits("000000000000000000000000009", 27, &v) && v == 9, "num_digits: zeros");
}

static void
test_url(void)
{
	static const char port[] = "port is not a number from 1 to 65535";
	static const char form[] = "not rpc://host[:port][/method] or http://host[:port][/path]";
	static const char byte[] = "blank, control character or byte beyond ASCII";
	static const char percent[] = "\"%\" without two hexadecimal digits behind it";
	static const char utf[] = "percent-encoded bytes that are not UTF-8";
	static const char no_path[] = "no path of a socket, as in +unix://%2Frun%2Fserver";
	static const char nul[] = "NUL in the path of the socket";
	static const struct {
		const char *text, *why;
		const char *scheme, *host, *port, *authority, *path;
	} t[] = {
		{ "rpc://h", NULL, "rpc", "h", "18812", "h", NULL },
		{ "rpc://h:1", NULL, "rpc", "h", "1", "h:1", NULL },
		{ "rpc://h:65535/ping", NULL, "rpc", "h", "65535", "h:65535", "ping" },
		{ "rpc://h/get_x", NULL, "rpc", "h", "18812", "h", "get_x" },
		{ "rpc://[::1]", NULL, "rpc", "::1", "18812", "[::1]", NULL },
		{ "rpc://[::1]:99/m", NULL, "rpc", "::1", "99", "[::1]:99", "m" },
		{ "rpc://[fe80::1%eth0]:99", NULL, "rpc", "fe80::1%eth0", "99", "[fe80::1]:99",
		    NULL },
		{ "http://[fe80::1%25eth0]:99/", NULL, "http", "fe80::1%eth0", "99", "[fe80::1]:99",
		    "/" },
		{ "http://[fe80::1%25lo]/x%25y", NULL, "http", "fe80::1%lo", "80", "[fe80::1]",
		    "/x%25y" },
		{ "http://[fe80::1%2]/", NULL, "http", "fe80::1%2", "80", "[fe80::1]", "/" },
		{ "http://[fe80::1%25]/", NULL, "http", "fe80::1%", "80", "[fe80::1]", "/" },
		{ "http://h%25lo/", NULL, "http", "h%25lo", "80", "h%25lo", "/" },
		{ "http://h?a=b", NULL, "http", "h", "80", "h", "?a=b" },
		{ "http://h:8080?", NULL, "http", "h", "8080", "h:8080", "?" },
		{ "http://[::1]?/", NULL, "http", "::1", "80", "[::1]", "?/" },
		{ "http://h:", NULL, "http", "h", "80", "h", NULL },
		{ "http://h:/x", NULL, "http", "h", "80", "h", "/x" },
		{ "http://[::1%25lo]:/", NULL, "http", "::1%lo", "80", "[::1]", "/" },
		{ "rpc://h:/m", NULL, "rpc", "h", "18812", "h", "m" },
		{ "RPC://h", NULL, "rpc", "h", "18812", "h", NULL },
		{ "http://h", NULL, "http", "h", "80", "h", NULL },
		{ "Http://Ex.org", NULL, "http", "Ex.org", "80", "Ex.org", NULL },
		{ "http://h/", NULL, "http", "h", "80", "h", "/" },
		{ "http://127.0.0.1:5000/a/b?c=d:@&e", NULL, "http", "127.0.0.1", "5000",
		    "127.0.0.1:5000", "/a/b?c=d:@&e" },
		{ "http://h//", NULL, "http", "h", "80", "h", "//" },
		{ "http://h:0080/", NULL, "http", "h", "80", "h:0080", "/" },
		{ "http://[::1]:8/x[1]", NULL, "http", "::1", "8", "[::1]:8", "/x[1]" },

		{ "", form, 0, 0, 0, 0, 0 },
		{ "h", form, 0, 0, 0, 0, 0 },
		{ "h:80", form, 0, 0, 0, 0, 0 },
		{ "rpc", form, 0, 0, 0, 0, 0 },
		{ "rpc:", form, 0, 0, 0, 0, 0 },
		{ "rpc:/", form, 0, 0, 0, 0, 0 },
		{ "rpc:h:1", form, 0, 0, 0, 0, 0 },
		{ "rpcs://h", form, 0, 0, 0, 0, 0 },
		{ "https://h/", "TLS is not supported: http:// only", 0, 0, 0, 0, 0 },
		{ "ftp://h/", form, 0, 0, 0, 0, 0 },
		{ "://h/", form, 0, 0, 0, 0, 0 },
		{ "rpc://", "no host", 0, 0, 0, 0, 0 },
		{ "rpc://:80", "no host", 0, 0, 0, 0, 0 },
		{ "rpc:///m", "no host", 0, 0, 0, 0, 0 },
		{ "http://[]:80/", "no host", 0, 0, 0, 0, 0 },
		{ "rpc5://h:2/m", NULL, "rpc", "h", "2", "h:2", "m" },
		{ "RPC6://h", NULL, "rpc", "h", "18812", "h", NULL },
		{ "rpc4://h", form, 0, 0, 0, 0, 0 },
		{ "rpc://h/", NULL, "rpc", "h", "18812", "h", NULL },
		{ "rpc://[::1]:5/", NULL, "rpc", "::1", "5", "[::1]:5", NULL },
		{ "rpc://h/m%20x/%2f/%C3%a4/%00", NULL, "rpc", "h", "18812", "h",
		    "m%20x/%2f/%C3%a4/%00" },
		{ "rpc://h/m/%", percent, 0, 0, 0, 0, 0 },
		{ "rpc://h/m/%4", percent, 0, 0, 0, 0, 0 },
		{ "rpc://h/m/%4/1", percent, 0, 0, 0, 0, 0 },
		{ "rpc://h/m/%g0", percent, 0, 0, 0, 0, 0 },
		{ "rpc://h/m/%ff", utf, 0, 0, 0, 0, 0 },
		{ "rpc://h/m/%c3", utf, 0, 0, 0, 0, 0 },
		{ "rpc://h/m/%c3/%a4", utf, 0, 0, 0, 0, 0 },
		{ "rpc://h/m/%ed%a0%80", utf, 0, 0, 0, 0, 0 },
		{ "http://h/%zz%ff", NULL, "http", "h", "80", "h", "/%zz%ff" },
		{ "rpc://h//5", "no method behind \"/\"", 0, 0, 0, 0, 0 },
		{ "http://h//5", NULL, "http", "h", "80", "h", "//5" },
		{ "rpc://h?a=b", "\"?\" before the path", 0, 0, 0, 0, 0 },
		{ "http+unix://%2Frun%2fx.sock/a?b", NULL, "http", "/run/x.sock", "", "localhost",
		    "/a?b" },
		{ "HTTP+Unix://%2Fx?b", NULL, "http", "/x", "", "localhost", "?b" },
		{ "http+unix://.%2Fx", NULL, "http", "./x", "", "localhost", NULL },
		{ "http+unix://%2Fa%20b%FF@[:80%0A/", NULL, "http", "/a b\xff@[:80\n", "",
		    "localhost", "/" },
		{ "rpc+unix://%2Fx", NULL, "rpc", "/x", "", "localhost", NULL },
		{ "rpc5+unix://%2Fx/m/%2F", NULL, "rpc", "/x", "", "localhost", "m/%2F" },
		{ "rpc6+unix://%2Fx/", NULL, "rpc", "/x", "", "localhost", NULL },
		{ "rpc+unix://%2Fx?a=b", "\"?\" before the path", 0, 0, 0, 0, 0 },
		{ "rpc+unix://%2Fx//5", "no method behind \"/\"", 0, 0, 0, 0, 0 },
		{ "rpc+unix://%2Fx/%ff", utf, 0, 0, 0, 0, 0 },
		{ "http+unix://", no_path, 0, 0, 0, 0, 0 },
		{ "http+unix:///run/x", no_path, 0, 0, 0, 0, 0 },
		{ "http+unix://x", no_path, 0, 0, 0, 0, 0 },
		{ "http+unix://%2Fx%", percent, 0, 0, 0, 0, 0 },
		{ "http+unix://%2Fx%2/", percent, 0, 0, 0, 0, 0 },
		{ "http+unix://%2Fx%4g", percent, 0, 0, 0, 0, 0 },
		{ "http+unix://%2Fx%00", nul, 0, 0, 0, 0, 0 },
		{ "http+unix://%00x%2F", nul, 0, 0, 0, 0, 0 },
		{ "http+unix://%2Fa b", byte, 0, 0, 0, 0, 0 },
		{ "rpc4+unix://%2Fx", form, 0, 0, 0, 0, 0 },
		{ "https+unix://%2Fx", form, 0, 0, 0, 0, 0 },
		{ "unix://%2Fx", form, 0, 0, 0, 0, 0 },
		{ "rpc+tcp://h", form, 0, 0, 0, 0, 0 },
		{ "rpc+unix:%2Fx", form, 0, 0, 0, 0, 0 },
		{ "http://:/", "no host", 0, 0, 0, 0, 0 },
		{ "http://h:0/", port, 0, 0, 0, 0, 0 },
		{ "http://h:65536/", port, 0, 0, 0, 0, 0 },
		{ "http://h:99999999999999999999/", port, 0, 0, 0, 0, 0 },
		{ "http://h:80x/", port, 0, 0, 0, 0, 0 },
		{ "http://h:+80/", port, 0, 0, 0, 0, 0 },
		{ "http://h:-1/", port, 0, 0, 0, 0, 0 },
		{ "http://::1/", "an IPv6 address is written in brackets", 0, 0, 0, 0, 0 },
		{ "http://::1:80/", "an IPv6 address is written in brackets", 0, 0, 0, 0, 0 },
		{ "http://h:1:2/", "an IPv6 address is written in brackets", 0, 0, 0, 0, 0 },
		{ "http://[::1/", "\"[\" without \"]\"", 0, 0, 0, 0, 0 },
		{ "http://[::1]80/", "text between \"]\" and port", 0, 0, 0, 0, 0 },
		{ "http://[[::1]]/", "text between \"]\" and port", 0, 0, 0, 0, 0 },
		{ "http://[[::1]/", "misplaced bracket", 0, 0, 0, 0, 0 },
		{ "http://h]/", "misplaced bracket", 0, 0, 0, 0, 0 },
		{ "http://u@h/", "user names are not supported", 0, 0, 0, 0, 0 },
		{ "http://u:p@h/", "user names are not supported", 0, 0, 0, 0, 0 },
		{ "http://h/a#b", "fragments (#) are not supported", 0, 0, 0, 0, 0 },
		{ "http://h#b", "fragments (#) are not supported", 0, 0, 0, 0, 0 },
		{ " http://h/", byte, 0, 0, 0, 0, 0 },
		{ "http://h/a b", byte, 0, 0, 0, 0, 0 },
		{ "http://h/ HTTP/1.0\r\nX: y", byte, 0, 0, 0, 0, 0 },
		{ "http://h/\x7f", byte, 0, 0, 0, 0, 0 },
		{ "http://h/\xc3\xa4", byte, 0, 0, 0, 0, 0 },
		{ "http://h\t/", byte, 0, 0, 0, 0, 0 },
	};
	char text[512];
	struct url u;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		memset(&u, 'Z', sizeof u);
		if (!is(url_parse(&u, t[i].text), t[i].why, "url: verdict") || t[i].why) {
			printf("# %s\n", t[i].text);
			continue;
		}
		is(u.scheme, t[i].scheme, "url: scheme");
		ok(u.dialect
			== (t[i].text[3] == '5'       ? 5
				: t[i].text[3] == '6' ? 6
						      : 0),
		    "url: dialect");
		is(u.host, t[i].host, "url: host");
		is(u.port, t[i].port, "url: port");
		is(u.authority, t[i].authority, "url: authority");
		is(u.path, t[i].path, "url: path");
		ok(!u.path || u.path == t[i].text + strlen(t[i].text) - strlen(u.path),
		    "url: path lies in the text");
	}

	strcpy(text, "http://");
	memset(text + 7, 'a', 255);
	strcpy(text + 7 + 255, ":65535/x");
	ok(!url_parse(&u, text) && strlen(u.host) == 255 && strcmp(u.path, "/x") == 0,
	    "url: a host of 255 bytes");
	strcpy(text + 7 + 255, "a/x");
	is(url_parse(&u, text), "host too long", "url: a host of 256 bytes");
	strcpy(text, "http://[::1%25");
	memset(text + 14, 'a', 251);
	strcpy(text + 14 + 251, "]:65535/x");
	ok(!url_parse(&u, text) && strlen(u.host) == 255 && strcmp(u.authority, "[::1]:65535") == 0,
	    "url: a host of 255 bytes once its zone is decoded");
	strcpy(text + 14 + 251, "a]:65535/x");
	is(url_parse(&u, text), "host too long", "url: a host of 256 bytes with its zone");
	strcpy(text, "http://");
	memset(text + 7, 'a', 400);
	strcpy(text + 7 + 400, "/x");
	is(url_parse(&u, text), "host too long", "url: a host of 400 bytes");
	strcpy(text, "http+unix://%2F");
	memset(text + 15, 'a', 254);
	strcpy(text + 15 + 254, "/x");
	ok(!url_parse(&u, text) && strlen(u.host) == 255 && strcmp(u.path, "/x") == 0,
	    "url: a path of 255 bytes");
	strcpy(text + 15 + 254, "a/x");
	is(url_parse(&u, text), "path of the socket too long", "url: a path of 256 bytes");
}

static void
test_url_encode(void)
{
	char text[32], one[2] = "";
	const char *at;
	int c;

	url_encode(text, sizeof text, "/run/a_b-c.d~e f%\n\xff");
	is(text, "%2Frun%2Fa_b-c.d~e%20f%25%0A%FF", "url: encoded");
	url_encode(text, 8, "////");
	is(text, "%2F%2F", "url: cut off between characters");
	url_encode(text, 4, "ab");
	is(text, "a", "url: cut off early rather than late");
	for (c = 1; c < 256; c++) {
		one[0] = (char)c;
		url_encode(text, sizeof text, one);
		at = text;
		if (url_decode(&at) != c || *at)
			break;
	}
	ok(c == 256, "url: every byte is decoded to what it was");
}

static void
test_printable(void)
{
	static const struct {
		const char *src;
		size_t n, size;
		const char *want;
	} t[] = {
		{ "hello", 5, 6, "hello" }, { "hello", 5, 5, "h..." }, { "hello", 5, 4, "..." },
		{ "hello", 5, 3, ".." }, { "hello", 5, 1, "" }, { "", 0, 1, "" }, { "", 0, 10, "" },
		{ "a\nb", 3, 10, "a\\x0ab" }, { "a\nb", 3, 7, "a\\x0ab" }, { "a\nb", 3, 6, "a..." },
		{ "\033[2J", 4, 20, "\\x1b[2J" },
		{ "\0\x7f\x80\xff", 4, 20, "\\x00\\x7f\\x80\\xff" },
		{ "\0\0\0", 3, 12, "\\x00\\x00..." }, { "\0\0\0", 3, 11, "\\x00..." },
		{ "\\n ~", 4, 10, "\\n ~" },
		/* UTF-8: what can be seen is shown */
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, 20,
		    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, 10,
		    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, 9, "\xc3\xa4\xe2\x82\xac..." },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, 8, "\xc3\xa4..." },
		{ "\xc3", 1, 20, "\\xc3" },                            /* cut off */
		{ "\xc0\xaf", 2, 20, "\\xc0\\xaf" },                   /* too long a form */
		{ "\xed\xa0\x80", 3, 20, "\\xed\\xa0\\x80" },          /* a surrogate */
		{ "\xc2\x9b", 2, 20, "\\xc2\\x9b" },                   /* CSI */
		{ "\xe2\x80\xae", 3, 20, "\\xe2\\x80\\xae" },          /* right to left */
		{ "\xe2\x81\xa6", 3, 20, "\\xe2\\x81\\xa6" },          /* isolated */
		{ "\xef\xbb\xbf", 3, 20, "\\xef\\xbb\\xbf" },          /* no width */
		{ "\xf3\xa0\x81\x81", 4, 20, "\\xf3\\xa0\\x81\\x81" }, /* a tag */
		{ "\xf4\x90\x80\x80", 4, 20, "\\xf4\\x90\\x80\\x80" }, /* beyond the last */
	};
	char dst[64];
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		memset(dst, 'Z', sizeof dst);
		ok(msg_printable(dst, t[i].size, t[i].src, t[i].n) == dst,
		    "msg_printable: returns dst");
		is(dst, t[i].want, "msg_printable: text");
		ok(dst[t[i].size] == 'Z', "msg_printable: stays within dst");
	}
	is(msg_ascii(dst, sizeof dst, "a\xc3\xa4", 3), "a\\xc3\\xa4", "msg_ascii: ASCII only");
	dst[0] = 'Z';
	msg_printable(dst, 0, "x", 1);
	ok(dst[0] == 'Z', "msg_printable: writes nothing into nothing");
}

/* What one call of msg() leaves on stderr. */
static const char *
caught(FILE *f, char *line, size_t size)
{
	size_t n;

	rewind(f);
	n = fread(line, 1, size - 1, f);
	line[n] = '\0';
	rewind(f);
	if (ftruncate(fileno(f), 0) != 0)
		return NULL;
	return line;
}

static void
test_msg(void)
{
	char line[20000], big[5000];
	FILE *f = tmpfile();
	int kept = dup(STDERR_FILENO);
	const char *s;

	if (!f || kept < 0 || dup2(fileno(f), STDERR_FILENO) < 0) {
		ok(false, "stderr can be caught: %s", strerror(errno));
		return;
	}
	msg_program("/usr/bin/bench-x");
	is(msg_name(), "bench-x", "msg_name: last part of argv[0]");
	errno = ERANGE;
	msg("connect %s:%d: %s", "h", 1, "refused");
	ok(errno == ERANGE, "msg: keeps errno");
	is(caught(f, line, sizeof line), "bench-x: connect h:1: refused\n", "msg: one line");

	msg("peer says \033[2J\r\n%s", "\xff");
	is(caught(f, line, sizeof line), "bench-x: peer says \\x1b[2J\\x0d\\x0a\\xff\n",
	    "msg: controls are shown as text");

	memset(big, '\n', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	msg("%s", big);
	s = caught(f, line, sizeof line);
	ok(s && strlen(s) > 8000 && strchr(s, '\n') == s + strlen(s) - 1
		&& strcmp(s + strlen(s) - 8, "\\x0a...\n") == 0,
	    "msg: long text is cut, with a sign");

	msg_program("plain");
	is(msg_name(), "plain", "msg_name: no slash");
	msg_program(NULL);
	is(msg_name(), "plain", "msg_name: no argv[0] changes nothing");
	msg_program("a\n/b\n");
	msg("x");
	is(caught(f, line, sizeof line), "b\\x0a: x\n", "msg: a strange program name");

	ok(dup2(kept, STDERR_FILENO) >= 0, "stderr is back");
	close(kept);
	fclose(f);
}

int
main(void)
{
	test_count();
	test_size();
	test_secs();
	test_rate();
	test_percent();
	test_digits();
	test_url();
	test_url_encode();
	test_printable();
	test_msg();
	return done();
}
