/* SPDX-License-Identifier: ISC */
/* Labels: what rows call a target. */
#include "base/label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Why a label of n characters can't have this one there, or NULL. */
static const char *
bad_character(const char *s, size_t n, size_t at)
{
	switch (s[at]) {
	case '#': return at == 0 ? "\"#\" in front, as of a comment" : NULL;
	case ' ': return at == 0 || at + 1 == n ? "blank at its beginning or end" : NULL;
	case '\'':
	case '"': return "quote";
	case '\\': return "backslash";
	default:
		return (unsigned char)s[at] < ' ' || s[at] == 0x7f
		    ? "tab, newline or other control character"
		    : NULL;
	}
}

const char *
label_bad(const char *s)
{
	size_t n = strlen(s), i;
	const char *why = n == 0 ? "empty" : NULL;

	for (i = 0; i < n && !why; i++)
		why = bad_character(s, n, i);
	return why;
}

char *
label_of(const char *text)
{
	size_t n = strlen(text), i;
	char *label = malloc(3 * n + 1), *p = label;

	for (i = 0; label && i < n; i++) {
		if (bad_character(text, n, i))
			p += sprintf(p, "%%%02X", (unsigned)(unsigned char)text[i]);
		else
			*p++ = text[i];
	}
	if (label)
		*p = '\0';
	return label;
}
