/* SPDX-License-Identifier: ISC */
/* How much is measured at once, and how often. */
#include "load/block.h"

#include "base/clock.h"

/* What suits a message up to this size: found by comparing equal servers. The first operations
 * behind another target's block take up to 90 % longer, from the sixth on less than 1 %. */
static const struct {
	uint64_t size, time_ns, skipped, rounds;
} usual[] = {
	{ 16 << 10, CLOCK_MS / 2, 5, 40 },
	{ 256 << 10, CLOCK_MS, 5, 30 },
	{ 4 << 20, CLOCK_MS, 1, 60 },
};

#define USUAL (sizeof usual / sizeof *usual)

/* Larger ones, and files, one at a time: as many as make this many bytes. In chunks they take
 * three to five times as long, and differ by the pass more than by the round. */
#define BYTES ((uint64_t)128 << 20)
#define MOST_TRANSFERS 80
#define MOST_IN_CHUNKS 15

#define MANY_CLIENTS_NS (CLOCK_MS / 2) /* bench-conc makes it longer where that is too short */
#define MANY_CLIENTS_ROUNDS 50

#define RATE_NS (100 * CLOCK_MS) /* an open loop takes time to be one */
#define RATE_ROUNDS 20

struct block
block_of(const struct bench *b, const struct bench_row *r)
{
	struct block k = { .count = UINT64_MAX, .rounds = 1 };
	uint64_t size = r->call.size, most = r->call.chunk ? MOST_IN_CHUNKS : MOST_TRANSFERS;
	size_t i = 0;

	if (b->in_rounds && b->rate > 0) {
		k.time_ns = RATE_NS;
		k.rounds = RATE_ROUNDS;
	} else if (b->in_rounds && b->clients > 1) {
		k.time_ns = MANY_CLIENTS_NS;
		k.rounds = MANY_CLIENTS_ROUNDS;
	} else if (b->in_rounds) {
		while (i < USUAL && size > usual[i].size)
			i++;
		if (i < USUAL && !b->program->transfers) {
			k.time_ns = usual[i].time_ns;
			k.skipped = usual[i].skipped;
			k.rounds = usual[i].rounds;
		} else {
			k.count = 1;
			k.rounds = size > BYTES ? 1 : BYTES / (size ? size : 1);
			if (k.rounds > most)
				k.rounds = most;
		}
	}
	if (b->count || b->time_ns || b->dist == SCHEDULE_LIST) {
		k.count = b->count ? b->count : UINT64_MAX;
		k.time_ns = b->time_ns;
	}
	if (b->rounds)
		k.rounds = b->rounds;
	return k;
}

uint64_t
block_end(const struct block *k, uint64_t start_ns)
{
	return k->time_ns ? start_ns + k->time_ns : UINT64_MAX;
}
