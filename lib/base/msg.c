/* SPDX-License-Identifier: ISC */
/* Messages on stderr. */
#include "base/msg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define TEXT_MAX 2048 /* of one message; more is cut off */

#define STATUS_MAX 79

static const char *program = "?";

static atomic_int status_width; /* of the line that is shown */

void
msg_program(const char *argv0)
{
	const char *slash;

	if (!argv0 || !*argv0)
		return;
	slash = strrchr(argv0, '/');
	program = slash && slash[1] ? slash + 1 : argv0;
}

const char *
msg_name(void)
{
	return program;
}

void
msg_status_end(void)
{
	int n = atomic_exchange(&status_width, 0), saved = errno;

	if (n > 0)
		fprintf(stderr, "\r%*s\r", n, "");
	errno = saved;
}

void
msg_status(const char *fmt, ...)
{
	char text[256], line[STATUS_MAX + 1];
	int at = snprintf(text, sizeof text, "%.40s: ", program), n, before, saved = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + at, sizeof text - (size_t)at, fmt, ap);
	va_end(ap);
	msg_ascii(line, sizeof line, text, strlen(text));
	n = (int)strlen(line);
	before = atomic_exchange(&status_width, n);
	fprintf(stderr, "\r%s%*s", line, before > n ? before - n : 0, "");
	if (before > n)
		fprintf(stderr, "\r%s", line);
	errno = saved;
}

void
msg(const char *fmt, ...)
{
	char text[256 + TEXT_MAX], line[4 * sizeof text];
	int at = snprintf(text, 256, "%.200s: ", program), n, saved = errno;
	va_list ap;

	va_start(ap, fmt);
	n = vsnprintf(text + at, TEXT_MAX, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = snprintf(text + at, TEXT_MAX, "a message can't be shown: %s", fmt);
	if (n >= TEXT_MAX) {
		n = TEXT_MAX - 1;
		memcpy(text + at + n - 3, "...", 3);
	}
	msg_printable(line, sizeof line - 1, text, (size_t)at + (size_t)n);
	n = (int)strlen(line);
	line[n++] = '\n';

	msg_status_end();
	/* one write, so that lines of several threads and processes don't mix; if stderr
	 * fails there is nobody left to tell */
	fwrite(line, 1, (size_t)n, stderr);
	errno = saved;
}

/* Characters that can't be seen, that turn the order of those around them, or that mean nothing but
 * to those who agreed on it. */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{ 0x80, 0x9f }, /* controls */
	{ 0xad, 0xad }, { 0x61c, 0x61c }, { 0x180e, 0x180e }, { 0x200b, 0x200f },
	{ 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xe000, 0xf8ff }, /* private use */
	{ 0xfdd0, 0xfdef }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff },
	{ 0xe0000, 0x10ffff }, /* tags, and private use */
};

/* How many of the bytes at p are shown as they are: a character, or 0. */
static size_t
shown(const unsigned char *p, size_t n, bool ascii)
{
	size_t k, i;
	uint32_t c;

	if (*p < 0x80)
		return *p >= 0x20 && *p <= 0x7e;
	if (ascii || !(k = utf8_char(p, n)))
		return 0;
	c = *p & (0x7fu >> k);
	for (i = 1; i < k; i++)
		c = c << 6 | (p[i] & 0x3f);
	for (i = 0; i < sizeof unseen / sizeof *unseen; i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return 0;
	return k;
}

static char *
show(char *dst, size_t size, const unsigned char *p, size_t n, bool ascii)
{
	size_t i, k, width, at = 0, keep = 0;
	bool as_is;

	if (size == 0)
		return dst;
	for (i = 0; i < n; i += k) {
		if (at + 3 < size)
			keep = at; /* "..." would still fit here */
		k = shown(p + i, n - i, ascii);
		as_is = k > 0;
		width = as_is ? k : 4;
		if (at + width >= size)
			break;
		if (as_is) {
			memcpy(dst + at, p + i, k);
		} else {
			snprintf(dst + at, size - at, "\\x%02x", p[i]);
			k = 1;
		}
		at += width;
	}
	if (i < n) {
		at = keep;
		for (i = 0; i < 3 && at + 1 < size; i++)
			dst[at++] = '.';
	}
	dst[at] = '\0';
	return dst;
}

char *
msg_printable(char *dst, size_t size, const void *src, size_t n)
{
	return show(dst, size, src, n, false);
}

char *
msg_ascii(char *dst, size_t size, const void *src, size_t n)
{
	return show(dst, size, src, n, true);
}
