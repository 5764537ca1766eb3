/* SPDX-License-Identifier: ISC */
/* Messages on stderr. */
#include "base/msg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 2048 /* of one message; more is cut off */

static const char *program = "?";

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

	/* one write, so that lines of several threads and processes don't mix; if stderr
	 * fails there is nobody left to tell */
	fwrite(line, 1, (size_t)n, stderr);
	errno = saved;
}

char *
msg_printable(char *dst, size_t size, const void *src, size_t n)
{
	const unsigned char *p = src;
	size_t i, width, at = 0, keep = 0;

	if (size == 0)
		return dst;
	for (i = 0; i < n; i++) {
		if (at + 3 < size)
			keep = at; /* "..." would still fit here */
		width = p[i] < 0x20 || p[i] > 0x7e ? 4 : 1;
		if (at + width >= size)
			break;
		snprintf(dst + at, size - at, width == 1 ? "%c" : "\\x%02x", p[i]);
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
