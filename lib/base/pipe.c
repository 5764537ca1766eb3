/* SPDX-License-Identifier: ISC */
/* Pipes by which threads and signal handlers wake a loop. */
#include "base/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
pipe_open(int fd[2])
{
	int e, i;

	if (pipe(fd) < 0)
		return -1;
	for (i = 0; i < 2; i++) {
		if (fcntl(fd[i], F_SETFD, FD_CLOEXEC) == 0
		    && fcntl(fd[i], F_SETFL, O_NONBLOCK) == 0)
			continue;
		e = errno;
		close(fd[0]);
		close(fd[1]);
		errno = e;
		return -1;
	}
	return 0;
}

void
pipe_wake(int fd, unsigned char byte)
{
	int e = errno;
	ssize_t n;

	do
		n = write(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	errno = e;
}

void
pipe_drain(int fd)
{
	char bytes[64];
	ssize_t n;

	do
		n = read(fd, bytes, sizeof bytes);
	while (n > 0 || (n < 0 && errno == EINTR));
}
