/* SPDX-License-Identifier: ISC */
/* The time as HTTP writes it.
 *
 * Not by gmtime_r(3), which is arithmetic as well, but with the C library's lock and time zone
 * around it: the first call of a process may read a file, and here each child is one. */
#include "http/date.h"

#include <stdbool.h>
#include <stdio.h>

#define DAY_S 86400
#define LAST_S INT64_C(253402300799) /* the end of the year 9999 */

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

void
http_date(char text[HTTP_DATE + 1], int64_t epoch_s)
{
	static const char day_name[] = "ThuFriSatSunMonTueWed"; /* the first of 1970 first */
	static const char month_name[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t s = epoch_s < 0 ? 0 : epoch_s > LAST_S ? LAST_S : epoch_s;
	int days = (int)(s / DAY_S), time = (int)(s % DAY_S), weekday = days % 7;
	int year = 1970, month = 0, n;

	/* at most 100 years for any server that will run */
	for (; days >= (n = is_leap(year) ? 366 : 365); year++)
		days -= n;
	for (; days >= (n = month_days[month] + (month == 1 && is_leap(year))); month++)
		days -= n;
	snprintf(text, HTTP_DATE + 1, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
	    day_name + 3 * weekday, (days + 1u) % 100, month_name + 3 * month, year % 10000u,
	    time / 3600 % 24u, time / 60 % 60u, time % 60u);
}
