/* SPDX-License-Identifier: ISC */
/* The standard streams. */
#include "base/std.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
std_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= 2);
	if (fd < 0)
		return -1;
	close(fd);
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
