/* SPDX-License-Identifier: ISC */
/* Order statistics and confidence limits: see stat.h. */
#include "stats/stat.h"

#include <math.h>
#include <stdlib.h>

#define NEGLIGIBLE 1e-25 /* of the largest term: what follows adds nothing to a sum */
#define ROUNDING 1e-12   /* so much may be missing for a bound to hold, of 1 */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void
stat_sort(double *v, size_t n)
{
	if (n > 1)
		qsort(v, n, sizeof *v, compare);
}

double
stat_median(const double *v, size_t n)
{
	return n % 2 ? v[n / 2] : v[n / 2 - 1] / 2 + v[n / 2] / 2;
}

/* ---- binomial ---- */

/* P(B = k - 1) / P(B = k) and P(B = k + 1) / P(B = k) of a binomial (n, q). */
static double
step_down(uint64_t n, double q, uint64_t k)
{
	return (double)k / (double)(n - k + 1) * ((1 - q) / q);
}

static double
step_up(uint64_t n, double q, uint64_t k)
{
	return (double)(n - k) / (double)(k + 1) * (q / (1 - q));
}

/* From the most likely number outwards, in units of its probability: no term overflows,
 * and none is a difference of large numbers. */
void
stat_ranks(uint64_t n, double q, double level, uint64_t *low, uint64_t *high)
{
	uint64_t mode = (uint64_t)(((double)n + 1) * q), k;
	double below = 0, above = 0, w, bound;

	*low = *high = 0;
	if (n == 0)
		return;
	if (mode > n)
		mode = n;
	for (k = mode, w = 1; k > 0 && w > NEGLIGIBLE; k--)
		below += w *= step_down(n, q, k);
	for (k = mode, w = 1; k < n && w > NEGLIGIBLE; k++)
		above += w *= step_up(n, q, k);
	bound = (1 - level) / 2 * (below + 1 + above) * (1 + ROUNDING);

	/* low: the largest rank r with P(B < r) <= (1 - level) / 2 */
	for (k = mode, w = 1; k > 0 && below > bound; k--)
		below -= w *= step_down(n, q, k);
	*low = below <= bound && k > 0 ? k : 0;

	/* high: the smallest rank s with P(B >= s) <= (1 - level) / 2; above: P(B > k) */
	for (k = mode, w = 1; k < n && above > bound; k++)
		above -= w *= step_up(n, q, k);
	*high = k < n ? k + 1 : 0;
}

void
stat_median_limits(double *v, size_t n, struct stat_median *m)
{
	uint64_t low, high;

	stat_sort(v, n);
	stat_ranks(n, 0.5, STAT_LEVEL, &low, &high);
	m->n = n;
	m->median = n > 0 ? stat_median(v, n) : NAN;
	m->low = low > 0 ? v[low - 1] : NAN;
	m->high = high > 0 ? v[high - 1] : NAN;
}

/* ---- Mann and Whitney ---- */

/* The largest k with P(U < k) <= tail, by the distribution itself: with i values of one
 * sample and j of the other, the largest of all is one of the i with probability
 * i / (i + j), and then exceeds j of the others (Mann and Whitney 1947). Returns -1: no
 * memory. */
static long
exact_rank(size_t m, size_t n, double tail)
{
	size_t most = m * n / 2, i, j, u;
	double *p, *row, sum = 0, a, b;
	long k = 0;

	if (!(p = calloc((n + 1) * (most + 1), sizeof *p)))
		return -1;
	for (j = 0; j <= n; j++)
		p[j * (most + 1)] = 1; /* nothing can exceed anything: U = 0 */
	for (i = 1; i <= m; i++) {
		for (j = 1; j <= n; j++) {
			row = p + j * (most + 1);
			a = (double)i / (double)(i + j);
			b = (double)j / (double)(i + j);
			for (u = most + 1; u-- > 0;)
				row[u] = (u >= j ? a * row[u - j] : 0) + b * (row - most - 1)[u];
		}
	}
	row = p + n * (most + 1);
	while ((size_t)k <= most && (sum += row[k]) <= tail * (1 + ROUNDING))
		k++;
	free(p);
	return k;
}

/* The same by the normal distribution. */
static size_t
normal_rank(size_t m, size_t n, double tail)
{
	double a = (double)m, b = (double)n, mean = a * b / 2, k;
	double sd = sqrt(a * b * (a + b + 1) / 12);

	/* from where it is surely small enough; P(U < k) is P(U <= k - 1), and half a step
	 * for continuity */
	for (k = floor(mean - 40 * sd);
	     k < 0 || 0.5 * erfc((mean - k - 0.5) / (sd * sqrt(2))) <= tail;)
		k = k < 0 ? 0 : k + 1;
	return (size_t)k;
}

size_t
stat_ratio_rank(size_t m, size_t n, double level)
{
	double tail = (1 - level) / 2;
	long k = -1;

	if (m == 0 || n == 0)
		return 0;
	if (m <= STAT_EXACT / n)
		/* the other way round it is the same, and takes more memory */
		k = m > n ? exact_rank(m, n, tail) : exact_rank(n, m, tail);
	return k >= 0 ? (size_t)k : normal_rank(m, n, tail);
}

void
stat_ratios(const double *a, size_t m, const double *b, size_t n, double *out)
{
	size_t i, j;

	for (i = 0; i < m; i++)
		for (j = 0; j < n; j++)
			out[i * n + j] = b[j] / a[i];
	stat_sort(out, m * n);
}
