/* SPDX-License-Identifier: ISC */
/* The standard streams: their beginning and their end. */
#ifndef STD_H
#define STD_H

#include <stdio.h>

/* A descriptor 0, 1 or 2 that was closed must not become that of a socket, which would get
 * what is printed: put /dev/null there, in a way that writing to it still fails. 0, or -1
 * with errno. */
int std_fill(void);

/* Flush and close the file: 0, or -1 with errno if any write to it has failed. The file is
 * closed in either case. */
int std_close(FILE *);

#endif
