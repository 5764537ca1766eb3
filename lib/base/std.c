/* SPDX-License-Identifier: ISC */
/* The standard streams. */
#include "base/std.h"

#include <errno.h>
#include <fcntl.h>

int
std_fill(void)
{
	int fd;

	/* opening takes the lowest number that is free */
	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return -1;
	return 0;
}

int
std_close(FILE *f)
{
	/* what an earlier write failed of is not known any more, only that it did */
	int why = ferror(f) ? EIO : 0;

	errno = 0;
	if (fflush(f) != 0)
		why = errno ? errno : EIO;
	errno = 0;
	if (fclose(f) != 0 && (!why || why == EIO))
		why = errno ? errno : EIO;
	errno = why;
	return why ? -1 : 0;
}
