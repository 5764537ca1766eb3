/* SPDX-License-Identifier: ISC */
/* Histogram rows, read back. */
#include "stats/buckets.h"

#include <inttypes.h>

bool
buckets_whole(const struct buckets *b, struct table *t)
{
	return b->left == 0
	    || table_bad(t, "count",
		"the run before is not complete: %" PRIu64 " of n %" PRIu64 " operations",
		b->n - b->left, b->n);
}

/* The first row of a run, or another one of the same. */
static bool
check_run(struct buckets *b, struct table *t, bool *begun)
{
	struct buckets now = { .high_ns = 0 };

	if (!table_count(t, ROWS_N, &now.n, NULL) || !table_count(t, ROWS_ERRORS, &now.errors, NULL)
	    || !table_fixed(t, ROWS_ELAPSED, 9, &now.elapsed_ns, NULL))
		return false;
	*begun = b->left == 0;
	if (*begun) {
		now.left = now.n;
		*b = now;
		return true;
	}
	if (now.n != b->n)
		return table_bad(t, "n", "not that of the run's other rows");
	if (now.errors != b->errors)
		return table_bad(t, "errors", "not that of the run's other rows");
	if (now.elapsed_ns != b->elapsed_ns)
		return table_bad(t, "elapsed_s", "not that of the run's other rows");
	return true;
}

bool
buckets_take(struct buckets *b, struct rows *r, struct hist *h, bool *begun)
{
	struct table *t = &r->table;
	uint64_t low = 0, high = 0, count;
	bool low_na, high_na;

	if (!check_run(b, t, begun) || !table_fixed(t, ROWS_LOW, 3, &low, &low_na)
	    || !table_fixed(t, ROWS_HIGH, 3, &high, &high_na)
	    || !table_count(t, ROWS_COUNT, &count, NULL))
		return false;
	if (low_na || high_na) {
		if (!low_na || !high_na)
			return table_bad(t, low_na ? "low_us" : "high_us", "only one bound is NA");
		if (b->n > 0 || count > 0)
			return table_bad(t, "low_us", "NA, but there are operations");
		return true;
	}
	if (low < b->high_ns)
		return table_bad(t, "low_us", "not above the row before");
	if (count == 0 || count > b->left)
		return table_bad(t, "count", "%s of the run's operations",
		    count ? "more than are left" : "none");
	if (!hist_add_bucket(h, low, high, count))
		return table_bad(t, "low_us", "these are not the bounds of a bucket");
	b->left -= count;
	b->high_ns = high;
	return true;
}
