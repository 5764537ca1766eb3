/* SPDX-License-Identifier: ISC */
/* The time as HTTP writes it (RFC 9110, section 5.6.7: IMF-fixdate). */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include <stdint.h>

#define HTTP_DATE 29 /* its bytes */

/* Write "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. epoch_s: seconds since 1970, UTC; a time the
 * form can't hold (before 1970, from the year 10000) becomes the nearest one it can. */
void http_date(char text[HTTP_DATE + 1], int64_t epoch_s);

#endif
