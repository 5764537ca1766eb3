/* SPDX-License-Identifier: ISC */
/* hist, tsv, payload: quantiles against sorted samples, the columns to the letter, and the
 * bytes of payloads. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/label.h"
#include "base/std.h"
#include "payload.h"
#include "stats/hist.h"
#include "stats/tsv.h"
#include "tap.h"

#define SAMPLES 30011

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return *state >> 11;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool
close_to(double got, double want, double relative)
{
	return fabs(got - want) <= relative * fabs(want);
}

static struct hist *
new_hist(void)
{
	struct hist *h = hist_new();

	if (!h) {
		puts("Bail out! no memory");
		exit(1);
	}
	return h;
}

/* One value alone, and with one smaller and one larger: its bucket must not move it by more
 * than 0.05 %. */
static bool
value_kept(uint64_t v)
{
	struct hist *h = new_hist();
	uint64_t mid;
	bool good;

	hist_add(h, v);
	good = h->n == 1 && h->min == v && h->max == v && hist_quantile(h, 0.5) == v;
	hist_add(h, 0);
	hist_add(h, UINT64_MAX);
	mid = hist_quantile(h, 0.5);
	good = good && (v < 2048 ? mid == v : close_to((double)mid, (double)v, 0.0005));
	free(h);
	if (!good)
		printf("# %ju became %ju\n", (uintmax_t)v, (uintmax_t)mid);
	return good;
}

static void
test_buckets(void)
{
	static const uint64_t mantissa[] = { 1024, 1025, 1500, 2046, 2047 };
	const uint64_t last = ((uint64_t)1 << 42) - 1;
	struct hist *h;
	unsigned shift, k;
	uint64_t v;
	bool good = true;

	for (v = 0; v < 5000; v += v < 1990 || v > 2100 ? 97 : 1)
		good = value_kept(v) && good;
	ok(good, "hist: small values");
	good = true;
	for (shift = 1; shift <= 31; shift++) {
		for (k = 0; k < sizeof mantissa / sizeof *mantissa; k++) {
			v = mantissa[k] << shift;
			good = value_kept(v) && value_kept(v - 1) && good;
			good = value_kept(v + ((uint64_t)1 << shift) - 1) && good;
		}
	}
	ok(good, "hist: both ends of buckets of every power of two");
	ok(value_kept(last), "hist: the last value that has a bucket of its own");

	h = new_hist();
	hist_add(h, 5);
	hist_add(h, last + 1);
	hist_add(h, UINT64_MAX - 1);
	hist_add(h, UINT64_MAX);
	ok(close_to((double)hist_quantile(h, 0.5), (double)last, 0.0005),
	    "hist: larger ones count in the last bucket");
	ok(h->max == UINT64_MAX && hist_quantile(h, 1) == UINT64_MAX, "hist: but max is exact");
	free(h);
}

/* With the values 1..n each quantile is its rank. */
/* Values at both ends and beyond: all of them are merged, and nothing is left in one that is
 * cleared. */
static void
test_clear(void)
{
	static const uint64_t value[] = { 0, 2047, 2048, 1000000, UINT64_MAX };
	const unsigned n = sizeof value / sizeof *value;
	struct hist *from = new_hist(), *to = new_hist();
	uint64_t low, high, merged = 0, left = 0;
	unsigned k, i;

	for (k = 0; k < n; k++) {
		hist_add(from, value[k]);
		hist_merge(to, from);
		hist_clear(from);
		for (i = 0; hist_bucket(from, &i, &low, &high); i++)
			left++;
		left += from->n + from->min + from->max;
	}
	for (k = 0; k < n; k++)
		hist_add(from, value[k]);
	hist_merge(to, from);
	for (i = 0; hist_bucket(to, &i, &low, &high); i++)
		merged += to->count[i] == 2;
	ok(merged == n && to->n == 2 * (uint64_t)n, "hist: the ends are merged, too");
	hist_clear(from);
	for (i = 0; hist_bucket(from, &i, &low, &high); i++)
		left++;
	ok(left == 0 && from->n == 0, "hist: nothing is left of what is cleared");
	free(from);
	free(to);
}

static void
test_ranks(void)
{
	static const struct {
		unsigned n;
		double q;
		unsigned rank;
	} t[] = { { 1, 0.5, 1 }, { 2, 0.5, 1 }, { 3, 0.5, 2 }, { 4, 0.5, 2 }, { 1000, 0.5, 500 },
		{ 10, 0.9, 9 }, { 11, 0.9, 10 }, { 20, 0.95, 19 }, { 21, 0.95, 20 },
		{ 100, 0.99, 99 }, { 101, 0.99, 100 }, { 1000, 0.999, 999 }, { 1001, 0.999, 1000 },
		{ 2000, 0.999, 1998 }, { 100, 0.07, 7 }, { 100, 0.29, 29 }, { 100, 0.57, 57 },
		{ 5, 1, 5 }, { 5, 0, 1 }, { 5, 0.0001, 1 }, { 5, 0.2, 1 }, { 5, 0.21, 2 },
		{ 1, 1, 1 }, { 1, 0, 1 } };
	struct hist *h;
	uint64_t got;
	unsigned i, v;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		h = new_hist();
		for (v = t[i].n; v > 0; v--)
			hist_add(h, v);
		got = hist_quantile(h, t[i].q);
		ok(got == t[i].rank, "hist: quantile %g of %u is rank %u", t[i].q, t[i].n,
		    t[i].rank);
		free(h);
	}

	h = new_hist();
	for (v = 0; v < 3; v++)
		hist_add(h, 1000001 + v * 1000000);
	ok(hist_quantile(h, 0.1) == 1000001, "hist: the first rank is min, exactly");
	ok(hist_quantile(h, 0.9) == 3000001, "hist: the last rank is max, exactly");
	free(h);

	/* as many as a long run has: nothing may be lost to rounding */
	h = new_hist();
	h->n = 4000000000;
	h->max = 3000;
	h->count[7] = 3996000000;
	h->count[9] = 4000000;
	ok(hist_quantile(h, 0.999) == 7, "hist: p999 of 4e9, last of a bucket");
	h->count[7]--;
	h->count[9]++;
	ok(hist_quantile(h, 0.999) == 9, "hist: p999 of 4e9, first of a bucket");
	free(h);
}

/* Which samples are the smallest that show a quantile. */
static void
test_shown(void)
{
	static const struct {
		double q;
		uint64_t least;
	} t[] = { { 0, 1 }, { 0.5, 1 }, { 1, 1 }, { 0.9, 10 }, { 0.1, 10 }, { 0.95, 20 },
		{ 0.99, 100 }, { 0.01, 100 }, { 0.999, 1000 }, { 0.9999, 10000 }, { 0.25, 4 },
		{ 0.7, 4 } };
	struct hist *h = new_hist();
	bool less;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		h->n = t[i].least - 1;
		less = hist_shows(h, t[i].q);
		h->n++;
		ok(!less && hist_shows(h, t[i].q), "hist: quantile %g is shown from %u values on",
		    t[i].q, (unsigned)t[i].least);
	}
	free(h);
}

static void
test_statistics(void)
{
	static const double q[] = { 0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1 };
	static uint64_t v[SAMPLES];
	struct hist *all = new_hist(), *part[4], *sum = new_hist(), *h;
	uint64_t state = 1, want;
	double mean = 0, m2 = 0;
	size_t i, rank;
	bool good = true;

	for (i = 0; i < 4; i++)
		part[i] = new_hist();
	for (i = 0; i < SAMPLES; i++) {
		/* from ns to minutes */
		v[i] = next_random(&state) >> (12 + next_random(&state) % 40);
		hist_add(all, v[i]);
		/* uneven parts, one of them empty */
		hist_add(part[i % 7 == 0 ? 0 : i % 1000 == 1 ? 3 : 1], v[i]);
		mean += (double)v[i] / SAMPLES;
	}
	for (i = 0; i < SAMPLES; i++)
		m2 += ((double)v[i] - mean) * ((double)v[i] - mean);
	qsort(v, SAMPLES, sizeof *v, compare);

	ok(all->n == SAMPLES && all->min == v[0] && all->max == v[SAMPLES - 1], "hist: n min max");
	ok(close_to(all->mean, mean, 1e-9), "hist: mean");
	ok(close_to(hist_sd(all), sqrt(m2 / (SAMPLES - 1)), 1e-9), "hist: standard deviation");
	for (i = 0; i < sizeof q / sizeof *q; i++) {
		rank = (size_t)ceil(q[i] * SAMPLES);
		want = v[rank - 1];
		ok(close_to((double)hist_quantile(all, q[i]), (double)want, 0.0005),
		    "hist: quantile %g within 0.05 %% of that of the sorted values", q[i]);
	}

	for (i = 0; i < 4; i++)
		hist_merge(sum, part[i]);
	ok(part[2]->n == 0 && part[3]->n > 0, "hist: the parts are as meant");
	ok(sum->n == all->n && sum->min == all->min && sum->max == all->max, "merge: n min max");
	ok(close_to(sum->mean, mean, 1e-9), "merge: mean");
	ok(close_to(sum->m2, m2, 1e-9), "merge: squares");
	for (i = 0; i < HIST_BUCKETS; i++)
		good = good && sum->count[i] == all->count[i];
	ok(good, "merge: every bucket");
	for (i = 0; i < 4; i++)
		free(part[i]);
	free(sum);
	free(all);

	h = new_hist();
	sum = new_hist();
	hist_merge(sum, h);
	ok(sum->n == 0 && sum->min == 0 && sum->max == 0, "merge: nothing into nothing");
	hist_add(h, 7);
	ok(hist_sd(h) == 0, "hist: no deviation of one value");
	hist_merge(sum, h);
	ok(sum->n == 1 && sum->min == 7 && sum->max == 7 && sum->mean == 7 && sum->m2 == 0,
	    "merge: into an empty one");
	hist_add(h, 9);
	ok(close_to(hist_sd(h), sqrt(2), 1e-12), "hist: deviation of two values");
	free(h);
	free(sum);

	/* variance small beside the mean: where sums of squares would cancel out */
	h = new_hist();
	for (i = 0; i < 1000; i++)
		hist_add(h, 1000000000000 + i % 2);
	ok(close_to(hist_sd(h), sqrt(0.25 * 1000 / 999), 1e-6), "hist: deviation is stable");
	free(h);
}

/* What has been written to f so far; f is empty again. */
static const char *
written(FILE *f)
{
	static char text[4096];
	size_t n;

	fflush(f);
	rewind(f);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	rewind(f);
	if (ftruncate(fileno(f), 0) != 0)
		return NULL;
	return text;
}

static unsigned
cells(const char *line)
{
	unsigned n = 1;

	for (; *line; line++)
		n += *line == '\t';
	return n;
}

static void
test_tsv(void)
{
	static const char summary[] =
	    "label\tbench\top\tsize_bytes\tchunk_bytes\tclients\tdepth\trate_per_s\tn\terrors\t"
	    "elapsed_s\tops_per_s\tbytes_per_s\tmin_us\tmean_us\tsd_us\tp50_us\tp90_us\tp95_us\t"
	    "p99_us\tp999_us\tmax_us\tcpu_us\tbusy\tround\tpass\t"
	    "sent_bytes\treceived_bytes\tstart_s\n";
	static const char raw[] =
	    "label\tbench\top\tsize_bytes\tchunk_bytes\tclient\tseq\tstart_us\tus\tok\tround\tpass\tstart_s\n";
	static const struct {
		unsigned n;
		const char *cells; /* min to max */
	} t[] = {
		{ 0, "NA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA" },
		{ 1, "0.002\t0.002\tNA\t0.002\tNA\tNA\tNA\tNA\t0.002" },
		{ 2, "0.002\t0.003\t0.001\t0.002\tNA\tNA\tNA\tNA\t0.004" },
		{ 9, "0.002\t0.010\t0.005\t0.010\tNA\tNA\tNA\tNA\t0.018" },
		{ 10, "0.002\t0.011\t0.006\t0.010\t0.018\tNA\tNA\tNA\t0.020" },
		{ 19, "0.002\t0.020\t0.011\t0.020\t0.036\tNA\tNA\tNA\t0.038" },
		{ 20, "0.002\t0.021\t0.012\t0.020\t0.036\t0.038\tNA\tNA\t0.040" },
		{ 99, "0.002\t0.100\t0.057\t0.100\t0.180\t0.190\tNA\tNA\t0.198" },
		{ 100, "0.002\t0.101\t0.058\t0.100\t0.180\t0.190\t0.198\tNA\t0.200" },
		{ 999, "0.002\t1.000\t0.577\t1.000\t1.800\t1.900\t1.980\tNA\t1.998" },
		{ 1000, "0.002\t1.001\t0.578\t1.000\t1.800\t1.900\t1.980\t1.998\t2.000" },
	};
	struct tsv_row r = { .label = "rpc-thread",
		.bench = "bw",
		.op = "upload",
		.size = 1024,
		.chunk = 0,
		.clients = 3,
		.depth = 1,
		.threads = 2,
		.when = { 7, 12, 1700000000000999999 } };
	struct tsv_raw s = { .label = "l m",
		.bench = "lat",
		.op = "ping",
		.size = 1,
		.chunk = 2,
		.client = 3,
		.seq = 4,
		.start_ns = 1234567890123456789,
		.ns = 1,
		.ok = true,
		.when = { 4294967295, 1, 0 } };
	static const char *const good[] = { "rpc-thread", "a b", "a#b", "http://[::1]:80/?a=%27",
		"\xc3\xa4", "-", "NA" };
	static const struct {
		const char *text, *label;
	} bad[] = {
		{ "#a", "%23a" },
		{ " a", "%20a" },
		{ "a b ", "a b%20" },
		{ " ", "%20" },
		{ "it's", "it%27s" },
		{ "\"a\"", "%22a%22" },
		{ "a\\b", "a%5Cb" },
		{ "a\tb", "a%09b" },
		{ "a\n", "a%0A" },
		{ "\r", "%0D" },
		{ "\033[2J", "%1B[2J" },
		{ "a\x7f", "a%7F" },
	};
	char want[1024], *label;
	const char *got;
	struct hist *h;
	FILE *f = tmpfile();
	unsigned i, v;

	if (!f) {
		ok(false, "tsv: a file to write to: %s", strerror(errno));
		return;
	}
	tsv_header(f, TSV_SUMMARY, false);
	is(written(f), summary, "tsv: header of summaries");
	tsv_header(f, TSV_RAW, false);
	is(written(f), raw, "tsv: header of raw rows");

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		h = new_hist();
		for (v = 1; v <= t[i].n; v++)
			hist_add(h, 2 * v);
		r.hist = h;
		r.elapsed_ns = 0;
		tsv_summary(f, &r);
		snprintf(want, sizeof want,
		    "rpc-thread\tbw\tupload\t1024\t0\t3\t1\t0.00\t%u\t0\t"
		    "0.000000\tNA\tNA\t%s\t%s\tNA\t7\t12\t%s\t1700000000.000999\n",
		    t[i].n, t[i].cells, t[i].n ? "0.000" : "NA",
		    t[i].n ? "0.000\t0.000" : "NA\tNA");
		got = written(f);
		is(got, want, "tsv: NA where the sample is too small");
		ok(got && cells(got) == cells(summary), "tsv: as many cells as the header");
		free(h);
	}

	/* 3 successes of 1 k, 1 error, 2 s, 2 threads with 1 s of processor time together */
	h = new_hist();
	hist_add(h, 1000000);
	hist_add(h, 2000000);
	hist_add(h, 3000500);
	r.hist = h;
	r.chunk = 65536;
	r.depth = 8;
	r.rate = 1234.5;
	r.errors = 1;
	r.elapsed_ns = 2000000000;
	r.cpu_ns = 1000000000;
	r.sent = 3100;
	r.received = 200;
	tsv_summary(f, &r);
	is(written(f),
	    "rpc-thread\tbw\tupload\t1024\t65536\t3\t8\t1234.50\t3\t1\t2.000000\t1.50\t"
	    "1536.00\t1000.000\t2000.167\t1000.250\t2000.384\tNA\tNA\tNA\tNA\t3000.500\t"
	    "250000.000\t0.250\t7\t12\t1033.333\t66.667\t1700000000.000999\n",
	    "tsv: rates, processor time, bytes of those that succeeded");
	r.content = 928;
	tsv_summary(f, &r);
	ok((got = written(f)) && strstr(got, "\t1.50\t2000.00\t1000.000\t"),
	    "tsv: bytes in both directions");
	r.content = r.sent = r.received = 0;

	/* only errors; no threads */
	free(h);
	r.hist = h = new_hist();
	r.threads = 0;
	r.errors = 4;
	r.elapsed_ns = 1;
	r.cpu_ns = 4;
	tsv_summary(f, &r);
	is(written(f),
	    "rpc-thread\tbw\tupload\t1024\t65536\t3\t8\t1234.50\t0\t4\t0.000000\t0.00\t"
	    "0.00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\t0.001\tNA\t7\t12\tNA\tNA\t1700000000.000999\n",
	    "tsv: errors only");

	/* no exponent, however large */
	r.size = (uint64_t)1 << 40;
	r.errors = 0;
	r.threads = 1;
	for (i = 0; i < 1000; i++)
		hist_add(h, (uint64_t)1 << 41);
	r.elapsed_ns = 1000000;
	tsv_summary(f, &r);
	got = written(f);
	ok(got && !strpbrk(got + strlen("rpc-thread\tbw\tupload"), "eEinf+-"),
	    "tsv: plain decimals only");
	ok(got && strstr(got, "\t1099511627776000000.00\t"), "tsv: 1000 times 2^40 bytes in 1 ms");
	ok(got && strstr(got, "\t2199023255.552\t0.000\t"), "tsv: 2^41 ns, no deviation");
	free(h);

	tsv_sample(f, &s);
	is(written(f),
	    "l m\tlat\tping\t1\t2\t3\t4\t1234567890123456.789\t0.001\t1\t4294967295\t1\t0.000000\n",
	    "tsv: raw row");
	s.ok = false;
	s.start_ns = 0;
	s.ns = 60000000999;
	tsv_sample(f, &s);
	is(written(f),
	    "l m\tlat\tping\t1\t2\t3\t4\t0.000\t60000000.999\t0\t4294967295\t1\t0.000000\n",
	    "tsv: raw row of a failed operation");
	ok(std_close(f) == 0, "std_close: all was written");

	for (i = 0; i < sizeof good / sizeof *good; i++) {
		ok(!label_bad(good[i]), "label: a good one: %u", i);
		label = label_of(good[i]);
		is(label, good[i], "label: it stays as it is");
		free(label);
	}
	ok(label_bad("") != NULL, "label: empty");
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		ok(label_bad(bad[i].text) != NULL, "label: a bad one: %u", i);
		label = label_of(bad[i].text);
		is(label, bad[i].label, "label: percent-encoded");
		free(label);
	}
}

static void
test_close(void)
{
	FILE *f = fopen("/dev/full", "w");

	if (!f) {
		ok(true, "std_close: a full disk # SKIP no /dev/full");
		return;
	}
	tsv_header(f, TSV_SUMMARY, false);
	ok(std_close(f) == -1 && errno == ENOSPC, "std_close: a full disk");
	if ((f = fopen("/dev/full", "w"))) {
		setvbuf(f, NULL, _IONBF, 0);
		tsv_header(f, TSV_SUMMARY, false);
		errno = 0;
		ok(std_close(f) == -1 && errno != 0, "std_close: a write that failed before");
	}
}

/* A file with these bytes: its path, or NULL. */
static const char *
make_file(char *path, const void *p, size_t n)
{
	const char *dir = getenv("TMPDIR");
	FILE *f;
	int fd;
	bool good;

	sprintf(path, "%.200s/hist.XXXXXX", dir && *dir ? dir : "/tmp");
	if ((fd = mkstemp(path)) < 0 || !(f = fdopen(fd, "w")))
		return NULL;
	good = fwrite(p, 1, n, f) == n;
	return fclose(f) == 0 && good ? path : NULL;
}

/* payload_file() with these bytes behind standard input, through a pipe. */
static const char *
from_pipe(struct payload *p, const void *bytes, size_t n)
{
	int kept = dup(STDIN_FILENO), fd[2];
	const char *why = "no pipe";

	if (kept < 0 || pipe(fd) != 0 || dup2(fd[0], STDIN_FILENO) < 0)
		return why;
	close(fd[0]);
	if (n > 0 && write(fd[1], bytes, n) != (ssize_t)n)
		why = "pipe took not all";
	else
		why = NULL;
	close(fd[1]);
	if (!why)
		why = payload_file(p, "-");
	if (dup2(kept, STDIN_FILENO) < 0)
		why = "no way back";
	close(kept);
	return why;
}

static void
test_payload(void)
{
	static const unsigned char first[8] = { 0xaf, 0xcd, 0x1d, 0x7b, 0x39, 0xa8, 0x20, 0xe2 };
	struct payload p, q;
	unsigned char *copy = malloc(3 * PAYLOAD_PERIOD + 1);
	const size_t P = PAYLOAD_PERIOD;
	char path[256];
	const char *f;
	size_t seen[256] = { 0 }, i;
	bool good = true;

	if (!copy || payload_random(&p) != 0 || payload_random(&q) != 0) {
		ok(false, "payload: memory");
		return;
	}
	ok(p.period == P && !p.mapped && memcmp(p.data, first, sizeof first) == 0,
	    "payload_random: the known generator");
	ok(memcmp(p.data, q.data, P) == 0, "payload_random: the same each time");
	payload_free(&q);
	ok(!q.data && q.period == 0, "payload_free: nothing left");
	for (i = 0; i < P; i++)
		seen[p.data[i]]++;
	for (i = 0; i < 256; i++)
		good = good && seen[i] > P / 256 * 9 / 10 && seen[i] < P / 256 * 11 / 10;
	ok(good, "payload_random: every byte about as often");

	for (i = 0; i < 3; i++)
		memcpy(copy + i * P, p.data, P);
	copy[3 * P] = p.data[0];
	ok(payload_equal(&p, 0, copy, 3 * P + 1), "payload_equal: three periods and a byte");
	ok(payload_equal(&p, 5, copy + 5, 2 * P), "payload_equal: from within");
	ok(payload_equal(&p, P - 1, copy + P - 1, 2), "payload_equal: across the seam");
	ok(payload_equal(&p, 7 * (uint64_t)P << 20, copy, 100), "payload_equal: far behind");
	ok(payload_equal(&p, 3, copy, 0), "payload_equal: nothing");
	ok(!payload_equal(&p, 1, copy, 10), "payload_equal: wrong position");
	copy[2 * P + 17] ^= 1;
	ok(!payload_equal(&p, 0, copy, 3 * P), "payload_equal: one bit");
	ok(payload_equal(&p, 0, copy, 2 * P + 17), "payload_equal: up to that bit");
	payload_free(&p);

	ok(payload_zeros(&p) == 0 && p.period == P, "payload_zeros");
	memset(copy, 0, 2 * P);
	ok(payload_equal(&p, 12345, copy, 2 * P), "payload_zeros: zeros");
	payload_free(&p);

	for (i = 0; i < 3 * P; i++)
		copy[i] = (unsigned char)(i * 2654435761u >> 20);
	if ((f = make_file(path, copy, 100003))) {
		is(payload_file(&p, f), NULL, "payload_file: a regular file");
		ok(p.mapped && p.period == 100003 && memcmp(p.data, copy, 100003) == 0,
		    "payload_file: its bytes");
		payload_free(&p);
		unlink(f);
	}
	if (ok(f, "a file") && (f = make_file(path, copy, 7))) {
		is(payload_file(&p, f), NULL, "payload_file: 7 bytes");
		ok(p.period >= 65536 && p.period % 7 == 0, "payload_file: repeated");
		for (good = true, i = 0; i < 30000; i++)
			good = good && payload_equal(&p, i, copy + i % 7, 1);
		ok(good && payload_equal(&p, p.period - 7, copy, 7),
		    "payload_file: seven for ever");
		payload_free(&p);
		unlink(f);
	}
	if (ok(f, "a short file") && (f = make_file(path, copy, 0))) {
		is(payload_file(&p, f), "empty file", "payload_file: an empty one");
		unlink(f);
		is(payload_file(&p, f), strerror(ENOENT), "payload_file: none");
	}
	ok(f, "an empty file");
	is(payload_file(&p, "/"), strerror(EISDIR), "payload_file: a directory");
	is(payload_file(&p, "/dev/null"), "empty file", "payload_file: an empty device");

	is(from_pipe(&p, "", 0), "empty file", "payload_file: standard input, empty");
	is(from_pipe(&p, "xyz", 3), NULL, "payload_file: standard input");
	ok(!p.mapped && payload_equal(&p, 1, "yzxyzx", 6), "payload_file: its bytes");
	payload_free(&p);
	free(copy);
}

/* A histogram taken apart into its buckets and put together again answers the same, but for
 * what only the values themselves tell. */
static void
test_bucket_rows(void)
{
	static const double q[] = { 0.001, 0.1, 0.5, 0.9, 0.99, 0.999 };
	static const uint64_t edge[] = { 0, 1, 2047, 2048, 2049, 4095, 4096,
		((uint64_t)1 << 42) - 1 };
	struct hist *h = new_hist(), *again = new_hist();
	uint64_t state = 7, low, high, before = 0, n = 0, v;
	unsigned i, k;
	bool good = true;

	for (k = 0; k < SAMPLES; k++)
		hist_add(h, next_random(&state) >> (12 + next_random(&state) % 40));
	for (k = 0; k < sizeof edge / sizeof *edge; k++)
		hist_add(h, edge[k]);
	for (i = 0; hist_bucket(h, &i, &low, &high); i++) {
		good = good && low >= before && high > low && i < HIST_BUCKETS && h->count[i] > 0
		    && hist_add_bucket(again, low, high, h->count[i]);
		before = high;
		n += h->count[i];
	}
	ok(good && n == h->n && again->n == n, "hist: all buckets, in order, and nothing lost");
	ok(memcmp(h->count, again->count, sizeof h->count) == 0, "hist: put together again");
	good = true;
	for (k = 0; k < sizeof q / sizeof *q; k++)
		good = good && hist_quantile(h, q[k]) == hist_quantile(again, q[k]);
	ok(good, "hist: the same quantiles");
	ok(close_to(again->mean, h->mean, 0.0005) && close_to(hist_sd(again), hist_sd(h), 0.0005)
		&& close_to((double)again->max, (double)h->max, 0.0005),
	    "hist: mean, sd, max within 0.05 %%");

	good = true;
	for (k = 0; k < sizeof edge / sizeof *edge; k++) {
		free(h);
		h = new_hist();
		hist_add(h, edge[k]);
		i = 0;
		good = good && hist_bucket(h, &i, &low, &high) && low <= edge[k] && edge[k] < high
		    && hist_add_bucket(h, low, high, 0) && h->n == 1;
		for (v = low; v < high && v < low + 3; v++)
			good = good && !hist_add_bucket(h, v + 1, high, 1)
			    && !hist_add_bucket(h, low, high + v - low + 1, 1);
		i++;
		good = good && !hist_bucket(h, &i, &low, &high);
	}
	ok(good, "hist: bounds hold their values, others are refused");
	ok(!hist_add_bucket(h, UINT64_MAX, 0, 1)
		&& !hist_add_bucket(h, UINT64_MAX - 1, UINT64_MAX, 1) && h->n == 1,
	    "hist: bounds beyond the last bucket are refused");
	free(h);
	free(again);
}

static void
test_tsv_hist(void)
{
	struct tsv_row r = { .label = "l",
		.bench = "b",
		.op = "ping",
		.part = "-wait",
		.size = 1,
		.chunk = 2,
		.clients = 3,
		.depth = 4,
		.rate = 5,
		.errors = 6,
		.elapsed_ns = 7000,
		.when = { 2, 3, 1000001000 } };
	struct hist *h = new_hist();
	FILE *f = tmpfile();

	if (!f) {
		ok(false, "tsv: a file to write to: %s", strerror(errno));
		free(h);
		return;
	}
	r.hist = h;
	tsv_header(f, TSV_HIST, false);
	is(written(f),
	    "label\tbench\top\tsize_bytes\tchunk_bytes\tclients\tdepth\trate_per_s\tn\t"
	    "errors\telapsed_s\tlow_us\thigh_us\tcount\tround\tpass\tstart_s\n",
	    "tsv: header of histogram rows");
	tsv_hist(f, &r);
	is(written(f),
	    "l\tb\tping-wait\t1\t2\t3\t4\t5.00\t0\t6\t0.000007\tNA\tNA\t0\t2\t3\t1.000001\n",
	    "tsv: no operation");
	hist_add(h, 1000);
	hist_add(h, 1000);
	hist_add(h, 3000);
	hist_add(h, UINT64_MAX);
	tsv_hist(f, &r);
	is(written(f),
	    "l\tb\tping-wait\t1\t2\t3\t4\t5.00\t4\t6\t0.000007\t1.000\t1.001\t2\t2\t3\t1.000001\n"
	    "l\tb\tping-wait\t1\t2\t3\t4\t5.00\t4\t6\t0.000007\t3.000\t3.002\t1\t2\t3\t1.000001\n"
	    "l\tb\tping-wait\t1\t2\t3\t4\t5.00\t4\t6\t0.000007\t4395899027.456\t4398046511.104\t1"
	    "\t2\t3\t1.000001\n",
	    "tsv: a row per bucket");
	free(h);
	fclose(f);
}

int
main(void)
{
	test_buckets();
	test_clear();
	test_ranks();
	test_shown();
	test_statistics();
	test_bucket_rows();
	test_tsv();
	test_tsv_hist();
	test_close();
	test_payload();
	return done();
}
