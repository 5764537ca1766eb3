/* SPDX-License-Identifier: ISC */
/* What the fuzz targets share: an assertion, pieces of chosen sizes, a running sum of output,
 * memory that is held. Included by the one source file of each target.
 *
 * A target is built in two ways. tests/fuzz/fuzz.sh defines FUZZER and links libFuzzer, whose
 * main() makes up inputs without end. Without it there is a main() here that replays files: what
 * the fuzzer found once is checked in every run of the tests, by any compiler. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

#ifdef FUZZER
#include <sanitizer/allocator_interface.h>
#else
#include <dirent.h>
#include <sys/stat.h>
#endif

/* One input; always 0. It is not called from two threads. */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What a target promises, whatever the input. */
static inline void
must(bool cond, const char *what)
{
	if (!cond) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* The operation that a byte of a client's input chooses. The corpus relies on the order. */
static inline enum op
fuzz_op(uint8_t byte)
{
	static const enum op ops[] = { OP_HELLO, OP_PING, OP_ECHO, OP_UPLOAD, OP_DOWNLOAD,
		OP_UPLOAD_FILE, OP_DOWNLOAD_FILE, OP_UPLOAD_FILE_CHUNKED, OP_DOWNLOAD_FILE_CHUNKED,
		OP_UPLOAD_STREAM, OP_DOWNLOAD_STREAM, OP_NAMED };

	return ops[byte % (sizeof ops / sizeof *ops)];
}

/* The size of the next piece of n bytes (not 0): one byte, a few, or all. Seed 0 means
 * everything in one piece, always. */
static inline size_t
fuzz_piece(uint32_t *seed, size_t n)
{
	size_t k;

	if (*seed == 0)
		return n;
	*seed = *seed * 1664525 + 1013904223;
	if (*seed == 0)
		*seed = 1;
	k = *seed >> 30 == 0 ? 1 : *seed >> 30 == 1 ? 1 + (*seed >> 16) % 64 : n;
	return k < n ? k : n;
}

/* A copy of n bytes that ends where its memory ends: a sanitizer sees a read beyond it. */
static inline unsigned char *
fuzz_copy(const void *p, size_t n)
{
	unsigned char *q = malloc(n > 0 ? n : 1);

	must(q != NULL, "memory");
	if (n > 0)
		memcpy(q, p, n);
	return q;
}

/* Output that is too long to be kept, as a number (FNV-1a). Start with all zero. */
struct fuzz_sum {
	uint64_t n, hash;
};

static inline void
fuzz_sum_add(struct fuzz_sum *s, const void *src, size_t n)
{
	const unsigned char *p = src;
	size_t i;

	for (i = 0; i < n; i++)
		s->hash = (s->hash ^ p[i] ^ 0xcbf29ce484222325) * 0x100000001b3;
	s->n += n;
}

static inline bool
fuzz_sum_equal(const struct fuzz_sum *a, const struct fuzz_sum *b)
{
	return a->n == b->n && a->hash == b->hash;
}

/* One line without control characters that is not empty. (What is not ASCII may have been cut off
 * in the middle of a character.) */
static inline bool
fuzz_line(const char *s)
{
	size_t i;

	for (i = 0; s[i]; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return i > 0;
}

/* Bytes of memory in use now; 0 where nobody counts. */
static inline size_t
fuzz_held(void)
{
#ifdef FUZZER
	return __sanitizer_get_current_allocated_bytes();
#else
	return 0;
#endif
}

#ifndef FUZZER

static inline bool
fuzz_file(const char *path, unsigned run)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p = NULL, *q;
	size_t n = 0, k;

	/* who looks for the input that broke a promise finds it in the last line */
	printf("# %s\n", path);
	fflush(stdout);
	if (!f) {
		perror(path);
		return false;
	}
	do {
		if (!(q = realloc(p, n + 65536)))
			abort();
		p = q;
		n += k = fread(p + n, 1, 65536, f);
	} while (k > 0);
	if (ferror(f)) {
		perror(path);
		abort();
	}
	fclose(f);
	q = fuzz_copy(p, n);
	LLVMFuzzerTestOneInput(q, n);
	free(q);
	free(p);
	printf("ok %u - %s\n", run, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	return true;
}

/* Replay files, and the files in folders. Prints TAP; fails if there is none. */
int
main(int argc, char *argv[])
{
	unsigned run = 0;
	bool good = true;
	char path[4096];
	struct dirent *e;
	struct stat st;
	DIR *dir;
	int i;

	for (i = 1; i < argc; i++) {
		if (stat(argv[i], &st) != 0) {
			perror(argv[i]);
			return 1;
		}
		if (!S_ISDIR(st.st_mode)) {
			good = fuzz_file(argv[i], ++run) && good;
			continue;
		}
		if (!(dir = opendir(argv[i]))) {
			perror(argv[i]);
			return 1;
		}
		while ((e = readdir(dir))) {
			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
			good = fuzz_file(path, ++run) && good;
		}
		closedir(dir);
	}
	printf("1..%u\n", run);
	if (run == 0)
		fprintf(stderr, "usage: %s file|folder ...\n", argv[0]);
	return !good || run == 0 || fflush(stdout) != 0 || ferror(stdout);
}

#endif
#endif
