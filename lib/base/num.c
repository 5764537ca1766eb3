/* SPDX-License-Identifier: ISC */
/* Text to number. */
#include "base/num.h"

#include <string.h>

#define SECOND_NS 1000000000

/* isdigit() would ask the locale. */
#define DIGITS "0123456789"

bool
num_digits(const void *s, size_t n, uint64_t *v)
{
	const unsigned char *p = s;
	uint64_t sum = 0;
	unsigned d;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		d = p[i] - '0';
		if (sum > (UINT64_MAX - d) / 10)
			return false;
		sum = sum * 10 + d;
	}
	if (n > 0)
		*v = sum;
	return n > 0;
}

/* n digits, times 2^shift. */
static const char *
whole(const char *s, size_t n, unsigned shift, uint64_t min, uint64_t max, uint64_t *v)
{
	uint64_t x;

	if (!num_digits(s, n, &x) || x > max >> shift)
		return "too large";
	x <<= shift;
	if (x < min)
		return min == 1 ? "must be at least 1" : "too small";
	*v = x;
	return NULL;
}

const char *
num_count(const char *s, uint64_t min, uint64_t max, uint64_t *v)
{
	size_t n = strspn(s, DIGITS);

	return n == 0 || s[n] ? "not a whole number" : whole(s, n, 0, min, max, v);
}

const char *
num_size(const char *s, uint64_t min, uint64_t max, uint64_t *v)
{
	size_t n = strspn(s, DIGITS);
	unsigned shift = 0;

	switch (s[n]) {
	case 'k':
	case 'K': shift = 10; break;
	case 'm':
	case 'M': shift = 20; break;
	case 'g':
	case 'G': shift = 30; break;
	}
	if (n == 0 || s[n + (shift > 0)])
		return "not a size (digits, and k, m or g)";
	return whole(s, n, shift, min, max, v);
}

/* Digits with an optional fraction; *ns in units of 10^-9. no: what to say if it is none. */
static const char *
decimal(const char *s, bool zero, uint64_t max_s, const char *no, uint64_t *ns)
{
	size_t n = strspn(s, DIGITS), part = 0, i;
	uint64_t sec = 0, frac = 0, unit = SECOND_NS / 10;

	if (s[n] == '.')
		part = strspn(s + n + 1, DIGITS);
	if (s[n] == '.' ? part == 0 || s[n + 1 + part] : n == 0 || s[n])
		return no;
	if (n > 0 && !num_digits(s, n, &sec))
		return "too large";
	for (i = 0; i < part && unit > 0; i++, unit /= 10)
		frac += (uint64_t)(s[n + 1 + i] - '0') * unit;
	if (sec > max_s || (sec == max_s && frac > 0) || sec >= UINT64_MAX / SECOND_NS)
		return "too large";
	if (sec == 0 && frac == 0 && !zero)
		return "must be greater than 0";
	*ns = sec * SECOND_NS + frac;
	return NULL;
}

const char *
num_secs(const char *s, bool zero, uint64_t max_s, uint64_t *ns)
{
	return decimal(s, zero, max_s, "not a number of seconds", ns);
}

const char *
num_time(const char *s, bool zero, uint64_t max_s, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t per_s;
	} units[] = { { "", 1 }, { "s", 1 }, { "ms", 1000 }, { "us", 1000000 },
		{ "ns", SECOND_NS } };
	const char *no = "not a time (a number, and ns, us, ms or s)", *why;
	size_t n = strspn(s, DIGITS "."), i;
	char number[64];
	uint64_t x;

	for (i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(s + n, units[i].name) == 0)
			break;
	if (i == sizeof units / sizeof units[0])
		return no;
	if (n >= sizeof number)
		return "too long";
	memcpy(number, s, n);
	number[n] = '\0';
	/* whole ns need no digits behind the point, and there may be more of them */
	if (units[i].per_s != SECOND_NS || !num_digits(number, n, &x)) {
		/* zero first: what is too fine for the unit is only seen behind the division */
		if ((why = decimal(number, true, UINT64_MAX / SECOND_NS, no, &x)))
			return why;
		x /= units[i].per_s;
	}
	if (x > max_s * SECOND_NS)
		return "too large";
	if (x == 0 && !zero)
		return "must be greater than 0";
	*ns = x;
	return NULL;
}

const char *
num_rate(const char *s, uint64_t max, double *v)
{
	const char *why;
	uint64_t x;

	if (!(why = decimal(s, false, max, "not a number above 0", &x)))
		*v = (double)x / SECOND_NS;
	return why;
}

const char *
num_percent(const char *s, bool zero, uint64_t max, double *v)
{
	size_t n = strlen(s);
	char number[64] = "";
	const char *why;
	uint64_t x;

	n -= n > 0 && s[n - 1] == '%';
	if (n >= sizeof number)
		return "too long";
	memcpy(number, s, n);
	number[n] = '\0';
	if (!(why = decimal(number, zero, max, "not a percentage", &x)))
		*v = (double)x / SECOND_NS / 100;
	return why;
}
