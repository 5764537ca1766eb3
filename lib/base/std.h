/* SPDX-License-Identifier: ISC */
/* The standard streams at a program's start and end. */
#ifndef STD_H
#define STD_H

#include <stdio.h>

/* Open /dev/null, for reading only, in place of each of descriptors 0, 1 and 2 that is closed. Else
 * a socket would get the number, and what is printed; writing still fails. 0, or -1 with errno. */
int std_fill(void);

/* Flush and close the file: 0, or -1 with errno if any write to it failed (EIO if the reason is
 * no longer known). The file is closed in either case. */
int std_close(FILE *);

#endif
