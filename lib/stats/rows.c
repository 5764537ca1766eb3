/* SPDX-License-Identifier: ISC */
/* The rows of benchmarks, read back: see rows.h. */
#include "stats/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/msg.h"

#define READ_SIZE 65536
#define CLIENT_LIMIT 1000000u

struct rows *
rows_new(void)
{
	struct rows *r = calloc(1, sizeof *r);

	if (r) {
		table_init(&r->table);
		r->round = r->pass = r->at = -1;
	}
	return r;
}

/* What only summaries have decides first: "client" and "count" may be columns of others. */
static enum tsv_rows
schema_of(const struct table *t)
{
	if (table_column(t, "p50_us") >= 0)
		return TSV_SUMMARY;
	if (table_column(t, "seq") >= 0 || table_column(t, "client") >= 0)
		return TSV_RAW;
	if (table_column(t, "low_us") >= 0 || table_column(t, "count") >= 0)
		return TSV_HIST;
	return TSV_SUMMARY;
}

/* Which schema is it, and is it all there? */
static bool
know_schema(struct rows *r)
{
	struct table *t = &r->table;
	const char *const *names;
	size_t needed = 0;

	r->schema = schema_of(t);
	/* what only bench-cap has is NA in other summaries */
	names = tsv_columns(r->schema == TSV_SUMMARY ? TSV_CAPACITY : r->schema);
	while (strcmp(names[needed], "round") != 0)
		needed++;
	if (!table_choose(t, names, needed, needed + 2)) /* round and pass */
		return false;
	r->round = table_column(t, "round");
	r->pass = table_column(t, "pass");
	r->at = table_column(t, TSV_AT);
	return true;
}

static bool
read_number(struct rows *r, int number, uint64_t *v)
{
	size_t column = (size_t)number;

	if (!table_count(&r->table, column, v, NULL))
		return false;
	if (*v > UINT32_MAX)
		return table_bad(&r->table, r->table.name[column], "more than 4294967295");
	return *v > 0 || table_bad(&r->table, r->table.name[column], "counts from 1");
}

/* Before there were passes everything was new for each round. */
static bool
read_when(struct rows *r)
{
	uint64_t *first = r->pass >= 0 ? &r->when.round : &r->when.pass;

	r->when.round = r->when.pass = 1;
	return (r->round < 0 || read_number(r, r->round, first))
	    && (r->pass < 0 || read_number(r, r->pass, &r->when.pass));
}

bool
rows_take(struct rows *r, const char *p, size_t n, const struct rows_reader *reader)
{
	bool known = r->table.columns > 0;

	for (;;) {
		switch (table_feed(&r->table, &p, &n)) {
		case TABLE_MORE: return true;
		case TABLE_BAD: return false;
		case TABLE_HEADER:
			if (!known
			    && !(reader->header ? reader->header(reader->arg, r) : know_schema(r)))
				return false;
			known = r->headed = true;
			break;
		case TABLE_ROW:
			if (r->at >= 0 && strcmp(r->table.cell[r->at], "NA") != 0)
				break;
			if (!read_when(r) || !reader->row(reader->arg, r))
				return false;
			r->headed = false;
			break;
		}
	}
}

static bool
end(struct rows *r, const struct rows_reader *reader)
{
	struct table *t = &r->table;

	if (reader->lenient && !reader->quiet && t->n > 0)
		msg("warning: %s: the last line is cut off; left out", r->path);
	if (!(reader->lenient ? !t->bad : table_end(t)))
		return false;
	return !reader->ended || reader->ended(reader->arg, r);
}

/* Read to the end. *why: errno if reading failed, else 0. */
static bool
read_all(struct rows *r, int fd, const struct rows_reader *reader, int *why)
{
	static char buf[READ_SIZE];
	ssize_t n;

	*why = 0;
	for (;;) {
		if ((n = read(fd, buf, sizeof buf)) < 0) {
			if (errno == EINTR)
				continue;
			*why = errno;
			return false;
		}
		if (n == 0)
			return end(r, reader);
		if (!rows_take(r, buf, (size_t)n, reader))
			return false;
	}
}

bool
rows_read(struct rows *r, const char *path, const struct rows_reader *reader)
{
	bool in = strcmp(path, "-") == 0, good;
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY), why;

	r->path = in ? "stdin" : path;
	if (fd < 0) {
		msg("%s: %s", path, strerror(errno));
		return false;
	}
	table_next(&r->table);
	good = read_all(r, fd, reader, &why);
	if (why)
		msg("%s: %s", r->path, strerror(why));
	else if (!good && r->table.bad)
		msg("%s:%" PRIu64 ": %s: %s", r->path, r->table.line, r->table.column,
		    r->table.why);
	if (!in)
		close(fd);
	return good;
}

bool
rows_sample(struct rows *r, struct rows_sample *s)
{
	struct table *t = &r->table;
	uint64_t ok;

	if (!table_count(t, ROWS_CLIENT, &s->client, NULL)
	    || !table_count(t, ROWS_SEQ, &s->seq, NULL)
	    || !table_fixed(t, ROWS_START, 3, &s->start_ns, NULL)
	    || !table_fixed(t, ROWS_US, 3, &s->ns, NULL) || !table_count(t, ROWS_OK, &ok, NULL))
		return false;
	if (s->client >= CLIENT_LIMIT)
		return table_bad(t, "client", "more than 999999");
	if (ok > 1)
		return table_bad(t, "ok", "neither 0 nor 1");
	if (s->ns > UINT64_MAX - s->start_ns)
		return table_bad(t, "us", "too large: %.60s", t->cell[ROWS_US]);
	s->end_ns = s->start_ns + s->ns;
	s->ok = ok;
	return true;
}

const char *
rows_metric(const struct rows *r)
{
	const char *const *cell = (const char *const *)r->table.cell;
	bool open_loop = strspn(cell[ROWS_RATE], "0.") < strlen(cell[ROWS_RATE]);

	return open_loop || strcmp(cell[ROWS_CLIENTS], "1") == 0 ? "p50_us" : "ops_per_s";
}

bool
rows_is_bound(const struct rows *r)
{
	static const char *const rates[] = { "holds_per_s", "fails_per_s" };
	int i, column;

	for (i = 0; i < 2; i++) {
		column = table_column(&r->table, rates[i]);
		if (column >= 0 && strcmp(r->table.cell[column], "NA") == 0)
			return true;
	}
	return false;
}

bool
rows_is_rate(const char *column)
{
	size_t n = strlen(column);

	return n > 6 && strcmp(column + n - 6, "_per_s") == 0;
}

/* ---- configurations ---- */

/* FNV-1a (Fowler, Noll, Vo). */
static uint64_t
hash(const char *p, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (; n > 0; n--, p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	return h;
}

/* Where the key is, or would go. */
static size_t *
slot_of(struct rows_index *x, const char *key, size_t bytes)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): the caller has checked slots */
	size_t i = (size_t)(hash(key, bytes) % x->slots), k;

	for (; (k = x->slot[i]) > 0; i = (i + 1) % x->slots)
		if (x->bytes[k - 1] == bytes && memcmp(x->key[k - 1], key, bytes) == 0)
			break;
	return &x->slot[i];
}

/* Room for one more; the hash table is at most half full. */
static bool
grow(struct rows_index *x)
{
	size_t cap = x->cap ? 2 * x->cap : 64, i, *p;
	char **key;
	void *group;

	if (x->n < x->cap)
		return true;
	if ((group = realloc(x->group, cap * x->size)))
		x->group = group;
	if ((key = realloc(x->key, cap * sizeof *key)))
		x->key = key;
	if ((p = realloc(x->bytes, cap * sizeof *p)))
		x->bytes = p;
	if (!group || !key || !p || !(p = calloc(2 * cap, sizeof *p)))
		return false;
	free(x->slot);
	x->slot = p;
	x->slots = 2 * cap;
	x->cap = cap;
	for (i = 0; i < x->n; i++)
		*slot_of(x, x->key[i], x->bytes[i]) = i + 1;
	return true;
}

static bool
check_key(struct rows *r)
{
	struct table *t = &r->table;
	uint64_t v;
	double x;
	bool na;

	if (!table_count(t, ROWS_SIZE, &v, NULL) || !table_count(t, ROWS_CHUNK, &v, NULL))
		return false;
	/* of raw rows, bench-stat can't tell depth and rate */
	return r->schema == TSV_RAW
	    || (table_count(t, ROWS_CLIENTS, &v, &na) && table_count(t, ROWS_DEPTH, &v, &na)
		&& table_real(t, ROWS_RATE, &x, &na));
}

/* The row's first cells, each with its end. Returns the bytes of all. */
static size_t
make_key(struct rows *r, size_t cells)
{
	size_t bytes = 0, i, n;

	for (i = 0; i < cells; i++, bytes += n) {
		n = strlen(r->table.cell[i]) + 1;
		memcpy(r->key + bytes, r->table.cell[i], n);
	}
	return bytes;
}

void *
rows_find(struct rows_index *x, struct rows *r, bool *fresh)
{
	size_t cells = r->schema == TSV_RAW ? ROWS_CHUNK + 1 : ROWS_KEY_CELLS;

	return rows_find_key(x, r, r->key, make_key(r, cells), fresh);
}

void *
rows_find_key(struct rows_index *x, struct rows *r, const char *key, size_t bytes, bool *fresh)
{
	unsigned char *group;
	size_t *slot;

	if (fresh)
		*fresh = false;
	if (x->slots > 0 && *(slot = slot_of(x, key, bytes)) > 0)
		return (unsigned char *)x->group + (*slot - 1) * x->size;
	if (!check_key(r))
		return NULL;
	if (!grow(x) || !(x->key[x->n] = malloc(bytes))) {
		r->no_memory = true;
		msg("%s", strerror(ENOMEM));
		return NULL;
	}
	memcpy(x->key[x->n], key, bytes);
	x->bytes[x->n] = bytes;
	*slot_of(x, key, bytes) = x->n + 1;
	group = (unsigned char *)x->group + x->n++ * x->size;
	if (fresh)
		*fresh = true;
	return memset(group, 0, x->size);
}

const char *
rows_cell(const struct rows_index *x, size_t number, enum rows_column column)
{
	const char *s = x->key[number];

	for (; column > 0; column--)
		s += strlen(s) + 1;
	return s;
}

void
rows_index_free(struct rows_index *x)
{
	size_t i;

	for (i = 0; i < x->n; i++)
		free(x->key[i]);
	free(x->group);
	free(x->key);
	free(x->bytes);
	free(x->slot);
	memset(x, 0, sizeof *x);
}

size_t
rows_other(const struct rows_index *x, size_t number, const char *label)
{
	size_t own = strlen(x->key[number]), n = strlen(label), i;

	for (i = 0; i < x->n; i++)
		if (strcmp(x->key[i], label) == 0 && x->bytes[i] - n == x->bytes[number] - own
		    && memcmp(x->key[i] + n, x->key[number] + own, x->bytes[i] - n) == 0)
			break;
	return i;
}
