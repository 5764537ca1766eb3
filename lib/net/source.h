/* SPDX-License-Identifier: ISC */
/* Addresses to connect from. A connection to one address and port takes a local port of the
 * address it comes from, and of those the system has some ten thousand: on Linux half of them are
 * found at once, the others after a search of all the first half. Loopback has more addresses than
 * 127.0.0.1; where the system lets a socket have one of them without a port of its own (Linux),
 * further connections come from these. */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#define SOURCES 254u /* 127.0.0.1 to 127.0.0.254 */

/* How many connections to an IPv4 address of loopback are to come from each source; 0: all come
 * from the one that the system chooses. */
unsigned source_share(void);

/* Have a socket that is not connected connect from this source (under SOURCES). 0, or -1 with
 * errno. */
int source_bind(int fd, unsigned source);

/* What a message says behind the error of a connection for which there was no local port. loopback:
 * it was to an address of that, and not from several of these sources. Returns text. */
const char *source_advice(bool loopback, char *text, size_t size);

#endif
