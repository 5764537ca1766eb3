/* SPDX-License-Identifier: ISC */
/* The system's limits by name and number, for messages. */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdint.h>

#define LIMITS_TEXT 200 /* bytes that hold what these write */

/* The most descriptors that the process can have; UINT64_MAX: no limit is known. The soft limit is
 * raised to the hard one. */
uint64_t limits_descriptors(void);

/* What a system call or pthread_create(3) has run into when it failed with this errno:
 * "ulimit -n: 20000", or for threads and processes all that it may have been. Returns text, which
 * is empty if it is not a limit that is known. */
const char *limits_name(int error, char text[LIMITS_TEXT]);

#endif
