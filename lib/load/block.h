/* SPDX-License-Identifier: ISC */
/* How much is measured at once, and how often. Targets that are compared are measured in turn, in
 * blocks so short that what disturbs the machine meets all of them or spoils few blocks. */
#ifndef BLOCK_H
#define BLOCK_H

#include <stdint.h>

#include "load/bench.h"

struct block {
	uint64_t count;   /* operations per client; UINT64_MAX: no limit */
	uint64_t time_ns; /* 0: no limit */
	uint64_t skipped; /* operations per client at its start that are not recorded */
	uint64_t rounds;
};

/* As the command line says, or else by the size of what is transferred. Without rounds: one
 * block, which is the whole measurement. */
struct block block_of(const struct bench *, const struct bench_row *);

/* When a block that begins at start_ns is over. */
uint64_t block_end(const struct block *, uint64_t start_ns);

#endif
