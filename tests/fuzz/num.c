/* SPDX-License-Identifier: ISC */
/* Fuzz target for the readers of numbers: whatever is accepted is what a slower reader written
 * down from the manual says, and lies within the limits. The first two bytes choose these. */
#include "fuzz.h"

#include "base/msg.h"
#include "base/num.h"
#include "base/utf8.h"

/* The value of decimal digits up to the first other character, exactly or not at all. */
static bool
digits(const char **s, uint64_t *v)
{
	bool fits = true;

	for (*v = 0; **s >= '0' && **s <= '9'; (*s)++) {
		if (*v > UINT64_MAX / 10 || *v * 10 > UINT64_MAX - (uint64_t)(**s - '0'))
			fits = false;
		*v = *v * 10 + (uint64_t)(**s - '0');
	}
	return fits;
}

static void
check_count(const char *s, uint64_t min, uint64_t max)
{
	uint64_t v = 42, want;
	const char *why = num_count(s, min, max, &v), *p = s;
	bool good = digits(&p, &want) && p > s && !*p && want >= min && want <= max;

	must(good == !why, "count: the verdict");
	must(v == (good ? want : 42), "count: the value");
	must(!why || fuzz_line(why), "count: the text");
	must(num_digits(s, strlen(s), &v) == (digits((p = s, &p), &want) && p > s && !*p),
	    "digits: the verdict");
}

static void
check_size(const char *s, uint64_t min, uint64_t max)
{
	uint64_t v = 42, want;
	const char *why = num_size(s, min, max, &v), *p = s, *unit;
	bool good = digits(&p, &want) && p > s;

	if (good && *p && (unit = strchr("kKmMgG", *p)) && !p[1]) {
		good = want <= UINT64_MAX >> 10 * (1 + (unit - "kKmMgG") / 2);
		want <<= 10 * (1 + (unit - "kKmMgG") / 2);
	} else if (*p) {
		good = false;
	}
	good = good && want >= min && want <= max;
	must(good == !why, "size: the verdict");
	must(v == (good ? want : 42), "size: the value");
	must(!why || fuzz_line(why), "size: the text");
}

static void
check_secs(const char *s, bool zero, uint64_t max_s)
{
	uint64_t ns = 42, sec, frac = 0, unit = 1000000000;
	const char *why = num_secs(s, zero, max_s, &ns), *p = s;
	bool good = digits(&p, &sec), any = p > s;
	double rate = 42, share = 42;

	if (*p == '.') {
		any = p[1] >= '0' && p[1] <= '9';
		for (p++; *p >= '0' && *p <= '9'; p++)
			frac += (uint64_t)(*p - '0') * (unit /= 10);
	}
	good = good && any && !*p && (sec < max_s || (sec == max_s && frac == 0))
	    && sec < UINT64_MAX / 1000000000;
	must((good && (zero || sec + frac > 0)) == !why, "secs: the verdict");
	must(ns == (!why ? sec * 1000000000 + frac : 42), "secs: the value");
	must(!why || fuzz_line(why), "secs: the text");

	why = num_rate(s, max_s, &rate);
	must((good && sec + frac > 0) == !why, "rate: the verdict");
	must(why ? rate == 42 : rate > 0 && rate <= (double)max_s, "rate: the value");

	if (strchr(s, '%'))
		return;
	why = num_percent(s, zero, max_s, &share);
	must((good && (zero || sec + frac > 0) && strlen(s) < 64) == !why, "percent: the verdict");
	must(why ? share == 42 : share >= 0 && share <= (double)max_s / 100, "percent: the value");
}

static void
check_printable(const uint8_t *p, size_t n, size_t size)
{
	struct utf8 text = { 0 };
	char dst[64];
	const char *s;

	memset(dst, 0x7f, sizeof dst);
	must(msg_printable(dst, size, p, n) == dst, "printable: the result");
	must(memchr(dst, '\0', size) != NULL, "printable: no end");
	must(!dst[0] || fuzz_line(dst), "printable: it isn't");
	must(utf8(&text, (unsigned char *)dst, strlen(dst)) && text.left == 0, "printable: UTF-8");
	for (s = dst; (s = strchr(s, '\xc2')); s++)
		must((unsigned char)s[1] > 0x9f, "printable: a control character");
	must(size == sizeof dst || dst[size] == 0x7f, "printable: beyond its room");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const uint64_t limits[] = { 0, 1, 10, 65535, (uint64_t)1 << 32,
		UINT64_MAX / 1000000000, UINT64_MAX - 1, UINT64_MAX };
	uint64_t min, max;
	char *s;

	if (n < 2)
		return 0;
	min = limits[p[0] & 7];
	max = limits[p[0] >> 3 & 7];
	s = (char *)fuzz_copy(p + 1, n - 1);
	memmove(s, s + 1, n - 2);
	s[n - 2] = '\0';
	if (min <= max) {
		check_count(s, min, max);
		check_size(s, min, max);
	}
	check_secs(s, p[0] & 0x40, max);
	check_printable(p + 2, n - 2, 1 + p[1] % 64);
	free(s);
	return 0;
}
