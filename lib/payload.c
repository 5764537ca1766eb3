/* SPDX-License-Identifier: ISC */
/* The bytes that uploads and echoes consist of. */
#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rng.h"

/* Shorter content is repeated up to this: a writev of many tiny pieces would be measured
 * instead of the peer. */
#define PERIOD_MIN ((size_t)64 << 10)

int
payload_random(struct payload *p)
{
	unsigned char *data;
	uint64_t state = 0, x;
	size_t i;
	int k;

	if (!(data = malloc(PAYLOAD_PERIOD)))
		return -1;
	/* byte by byte so that all machines agree */
	for (i = 0; i < PAYLOAD_PERIOD; i += 8) {
		x = rng_next(&state);
		for (k = 0; k < 8; k++)
			data[i + (size_t)k] = (unsigned char)(x >> 8 * k);
	}
	*p = (struct payload){ .data = data, .period = PAYLOAD_PERIOD };
	return 0;
}

int
payload_zeros(struct payload *p)
{
	unsigned char *data;

	if (!(data = calloc(1, PAYLOAD_PERIOD)))
		return -1;
	p->data = data;
	p->period = PAYLOAD_PERIOD;
	p->mapped = false;
	return 0;
}

static const char *
no_memory(void)
{
	const char *why = strerror(ENOMEM);

	errno = ENOMEM;
	return why;
}

/* Take over data[0..n-1], allocated: repeat it if it is short. */
static const char *
adopt(struct payload *p, unsigned char *data, size_t n)
{
	size_t times = (PERIOD_MIN + n - 1) / n, i;
	unsigned char *more;

	if (!(more = realloc(data, n * times))) {
		free(data);
		return no_memory();
	}
	for (i = 1; i < times; i++)
		memcpy(more + i * n, more, n);
	*p = (struct payload){ .data = more, .period = n * times, .length = n };
	return NULL;
}

/* EINTR is an error like others: a stop signal must end the wait for a silent pipe. */
static const char *
read_all(struct payload *p, int fd)
{
	struct buf b = { NULL, 0, 0, false };
	const char *why = NULL;
	unsigned char *to;
	ssize_t got = 1;
	int e;

	while (!why && got > 0) {
		if (!(to = buf_room(&b, PERIOD_MIN)))
			why = no_memory();
		else if ((got = read(fd, to, PERIOD_MIN)) < 0)
			why = strerror(errno);
		else if ((b.n += (size_t)got) > PAYLOAD_FILE_MAX)
			why = "not a regular file, and larger than 1 GiB";
	}
	if (!why && b.n == 0)
		why = "empty file";
	if (!why)
		return adopt(p, b.p, b.n);
	e = errno;
	buf_free(&b);
	errno = e;
	return why;
}

const char *
payload_file(struct payload *p, const char *path)
{
	bool std = strcmp(path, "-") == 0;
	struct stat st;
	const char *why;
	void *data;
	int fd;

	if ((fd = std ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return strerror(errno);
	if (fstat(fd, &st) != 0) {
		why = strerror(errno);
	} else if (std || !S_ISREG(st.st_mode) || (uintmax_t)st.st_size < PERIOD_MIN) {
		why = read_all(p, fd);
	} else if ((uintmax_t)st.st_size > SIZE_MAX) {
		why = strerror(EFBIG);
	} else {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		why = data == MAP_FAILED ? strerror(errno) : NULL;
		if (!why)
			*p = (struct payload){ .data = data,
				.period = (size_t)st.st_size,
				.mapped = true,
				.length = (size_t)st.st_size };
	}
	if (!std)
		close(fd);
	return why;
}

bool
payload_equal(const struct payload *pl, uint64_t at, const void *p, size_t n)
{
	const unsigned char *s = p;
	size_t from = (size_t)(at % pl->period), k;

	for (; n > 0; n -= k, s += k, from = 0) {
		k = pl->period - from;
		if (k > n)
			k = n;
		if (memcmp(pl->data + from, s, k) != 0)
			return false;
	}
	return true;
}

void
payload_free(struct payload *p)
{
	if (p->mapped)
		munmap((void *)(uintptr_t)p->data, p->period);
	else
		free((void *)(uintptr_t)p->data);
	memset(p, 0, sizeof *p);
}
