/* SPDX-License-Identifier: ISC */
/* UTF-8. */
#include "base/utf8.h"

bool
utf8(struct utf8 *u, const unsigned char *p, size_t n)
{
	unsigned c;

	for (; n > 0; n--) {
		c = *p++;
		if (u->left > 0) {
			if (c < u->low || c > u->high)
				return false;
			u->low = 0x80;
			u->high = 0xbf;
			u->left--;
			continue;
		}
		u->chars++;
		if (c < 0x80)
			continue;
		if (c < 0xc2 || c > 0xf4)
			return false;
		u->left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	}
	return true;
}

size_t
utf8_char(const unsigned char *p, size_t n)
{
	struct utf8 u = { 0 };
	size_t k = 0;

	do {
		if (k == n || !utf8(&u, p + k++, 1))
			return 0;
	} while (u.left > 0);
	return k;
}
