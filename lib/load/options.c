/* SPDX-License-Identifier: ISC */
/* The command line of the benchmark programs: options, target, and the rows to be measured. */
#include "load/bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpus.h"
#include "base/label.h"
#include "base/msg.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/rng.h"
#include "http/message.h"
#include "load/replay.h"
#include "load/targets.h"
#include "net/sock.h"

#define COUNT_MAX 1000000000000u
#define CLIENTS_MAX 1000000u
#define DEPTH_MAX 4096u
#define RATE_MAX 1000000000u
#define RATE_MIN 0.01 /* rate_per_s has two decimals, and 0 stands for a closed loop */
#define FACTOR_MAX 1000000u
#define SIZE_LIMIT ((uint64_t)1 << 40)
#define CHUNK_LIMIT ((uint64_t)1 << 30)
#define SECS_MAX (30u * 24 * 3600)
#define BEGIN_MAX 10000000000u /* seconds since 1970 */

/* The command line, as text. */
struct args {
	const char *clients, *ops, *sizes, *label, *file, *cpus;
	const char *due; /* the file of -r @file */
	double factor;   /* -g; 0: there is none */
	char **operand;
	size_t operands, fields;
	uint64_t chunk;
	bool count, time, block, zeros, header, dist, seed, raw, hist, whole_file;
};

static const struct {
	char letter;
	const char *arg, *text;
} helps[] = {
	{ 'L', "limit", "what is to hold, quantile:time, such as p99:5ms (needed)" },
	{ 'n', "count", NULL },
	{ 't', "secs", "run for this many seconds instead of -n" },
	{ 'w', "count", NULL },
	{ 's', "list", NULL },
	{ 'k', "size", "bytes per chunk in the chunked and stream operations (64k)" },
	{ 'o', "list", NULL },
	{ 'c', "clients", NULL },
	{ 'j', "threads", "their threads (one per client, at most one per processor)" },
	{ 'd', "depth", "requests outstanding per connection (1)" },
	{ 'r', "rate", "open loop: requests per second, or @file: due times (closed loop)" },
	{ 'g', "factor", "with -r @file, this many times as fast (1)" },
	{ 'A', "dist", "fixed, exp: gaps of an open loop, equal or exponential (fixed)" },
	{ 'e', "percent", "how near the two rates are to come to each other (5)" },
	{ 'S', "seed", "seed of random gaps, and of the order of targets (1)" },
	{ 'B', "rounds", "targets in turn, a short block each, this often (by operation)" },
	{ 'b', "block", "length of a block: a time such as 1ms, or a count (by operation)" },
	{ 'W', "time", "begin at +5s, from now, or @1700000000.5, of the epoch (at once)" },
	{ 'P', "cpus", "processors to run on, such as 0, 0-3 or 0,2 (all)" },
	{ 'K', "", "HTTP: a new connection for every request (keep-alive)" },
	{ 'N', "", "RPC: call as a stock Python client does (one request per call)" },
	{ 'T', "secs", "time limit of an operation in seconds (30)" },
	{ 'C', "", "check the content of replies as well as their length" },
	{ 'Z', "", "send zeros instead of pseudo-random bytes" },
	{ 'f', "file", "send the content of a file, repeated to sizes; \"-\": standard input" },
	{ 'X', "method", "HTTP: method of requests to the target's path (GET, or POST)" },
	{ 'F', "field", "HTTP: a field of the requests, 'Name: value'; as often as needed" },
	{ 'i', "secs", "a row for each interval of this length as well, at once" },
	{ 'l', "label", "content of the label column ($BENCH_LABEL, else the target)" },
	{ 'p', "pid", "process of the server (the parent of this one)" },
	{ 'x', "command", "shell command to run while all connections are open" },
	{ 'R', "", "raw: one row per operation instead of a summary" },
	{ 'D', "", "distribution: the histogram instead of a summary (see bench-stat)" },
	{ 'y', "", "Linux: rows OP-arrival and OP-wake, by the kernel's timestamps" },
	{ 'H', "", "no header line" },
	{ 'v', "", "print the settings to stderr" },
	{ 'q', "", "no warnings, and no progress, which a terminal shows, on stderr" },
};

static void
help_ops(const struct bench_program *p)
{
	static const char *const note[] = { "", " (without -s)", " (with -s)", " (on request)" };
	bool some = false;
	size_t i;

	for (i = 0; i < p->nops; i++)
		some = some || p->ops[i].when == BENCH_ASKED;
	printf("operations, names separated by commas (all%s):\n",
	    some ? " but those on request" : "");
	for (i = 0; i < p->nops; i++)
		printf("%14s%s%s\n", "", p->ops[i].name, note[p->ops[i].when]);
}

/* Can it have several targets? */
static bool
takes_targets(const struct bench_program *p)
{
	return strpbrk(p->options, "BL") != NULL;
}

/* A letter's line of -h. */
static const char *
help_text(const struct bench_program *p, size_t i)
{
	const struct bench_help *h = p->helps;

	for (; h && h->letter; h++)
		if (h->letter == helps[i].letter)
			return h->text;
	return helps[i].text;
}

static void
help(const void *arg)
{
	const struct bench_program *p = arg;
	const char *method = p->named ? "[/method]" : "";
	const char *path = p->named || p->path ? "[/path]" : "";
	size_t i;

	printf("usage: %s [options] %s\n%s\n\n"
	       "target: rpc://host[:port]%s or http://host[:port]%s ($BENCH_TARGET)\n"
	       "        a Unix socket: rpc+unix://%%2Fpath%s, http+unix://%%2Fpath%s\n"
	       "options, with their defaults in parentheses:\n",
	    p->name, takes_targets(p) ? "[[name=]target ...]" : "[target]", p->about, method, path,
	    method, path);
	for (i = 0; i < sizeof helps / sizeof *helps; i++) {
		if (!strchr(p->options, helps[i].letter))
			continue;
		printf("  -%c %-8s ", helps[i].letter, helps[i].arg);
		switch (helps[i].letter) {
		case 'n':
			printf("%s (%" PRIu64 "%s)\n", p->counted, p->count,
			    p->lasts ? ", and 0.1 s at least" : "");
			break;
		case 'c': printf("%s (%u)\n", p->beside, p->clients); break;
		case 'w':
			printf("operations to warm up, not recorded (%" PRIu64 ")\n", p->warmup);
			break;
		case 's':
			printf("payload sizes, in bytes or as 1k, 1m, 1g (%s)\n",
			    p->sizes ? p->sizes : "none");
			break;
		case 'o': help_ops(p); break;
		default: printf("%s\n", help_text(p, i));
		}
	}
	printf("  -h, -V      help, version\n");
}

static bool
wrong(char letter, const char *why, const char *text)
{
	msg("-%c: %s: %s", letter, why, text);
	return false;
}

static size_t
count_words(const char *list)
{
	size_t n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

/* One number or, where targets are taken in turn, a list of them. */
static const char *
check_clients(struct bench *b, const char *text)
{
	size_t n = count_words(text);

	for (b->clients_left = text; n > 0; n--)
		if (!bench_next_clients(b))
			return "not a number of clients from 1 to 1000000, or a list of them";
	return strchr(text, ',') && !strchr(b->program->options, 'B') ? "one number is needed"
								      : NULL;
}

static const char *
add_field(struct bench *b, struct args *a, const char *text)
{
	size_t i;

	if (a->fields == BENCH_FIELDS_MAX)
		return "more than 64 fields";
	for (i = 0; i < a->fields && http_field_is(text, "host"); i++)
		if (http_field_is(b->fields[i], "host"))
			return "a second host";
	b->fields[a->fields++] = text;
	b->client.conf.fields = b->fields;
	return http_bad_field(text);
}

/* A time has a unit; what has none is a count. */
static const char *
set_block(struct bench *b, const char *text)
{
	size_t n = strlen(text);

	b->count = b->time_ns = 0;
	if (n > 0 && text[n - 1] == 's')
		return num_time(text, false, SECS_MAX, &b->time_ns);
	return num_count(text, 1, COUNT_MAX, &b->count);
}

/* +time from now, or @seconds since 1970. *v is later than now. */
static const char *
set_begin(const char *text, uint64_t *v)
{
	static char past[64];
	uint64_t now = clock_epoch_ns(), at = 0;
	const char *why = "not +time or @seconds";

	if (*text == '+' && !(why = num_time(text + 1, false, SECS_MAX, &at)))
		at += now;
	else if (*text == '@')
		why = num_secs(text + 1, true, BEGIN_MAX, &at);
	if (!why && at <= now) {
		snprintf(past, sizeof past, "%.6f s in the past", (double)(now - at) / 1e9);
		why = past;
	}
	*v = at;
	return why;
}

/* A quantile and its limit: p99:5ms, p99.9:5ms; p999 is that, too, as in names of columns. */
static const char *
set_limit(struct bench *b, const char *text)
{
	const char *colon = strchr(text, ':');
	char part[16], *point;
	double percent;
	size_t n;

	if (*text != 'p' || !colon)
		return "not a quantile and a time, such as p99:5ms";
	n = (size_t)(colon - text) - 1;
	if (n >= sizeof part)
		return "a quantile of too many digits";
	memcpy(part, text + 1, n);
	part[n] = '\0';
	if (n > 2 && n < sizeof part - 1 && strspn(part, "9") == n) {
		point = part + 2;
		memmove(point + 1, point, n - 1);
		*point = '.';
	}
	if (num_rate(part, 100, &percent) || percent < 1 || percent > 99.9999)
		return "not a quantile from p1 to p99.9999";
	b->quantile = percent / 100;
	return num_time(colon + 1, false, SECS_MAX, &b->limit_ns);
}

/* A rate, or when requests are due. */
static const char *
set_rate(struct bench *b, struct args *a, const char *text)
{
	const char *why;

	a->due = *text == '@' && strchr(b->program->options, 'g') ? text + 1 : NULL;
	if (a->due)
		return *a->due ? NULL : "a file is needed";
	why = num_rate(text, RATE_MAX, &b->rate);
	return !why && b->rate < RATE_MIN ? "less than 0.01" : why;
}

/* Options with a value. */
static bool
set_value(struct bench *b, struct args *a, char letter, const char *text)
{
	const char *why = NULL;
	uint64_t v = 0;

	switch (letter) {
	case 'n':
		why = num_count(text, 1, COUNT_MAX, &b->count);
		a->count = true;
		break;
	case 't':
		why = num_secs(text, false, SECS_MAX, &b->time_ns);
		a->time = true;
		break;
	case 'w': why = num_count(text, 0, COUNT_MAX, &b->warmup); break;
	case 'k': why = num_size(text, 1, CHUNK_LIMIT, &a->chunk); break;
	case 'c':
		a->clients = text;
		why = check_clients(b, text);
		break;
	case 'j':
		why = num_count(text, 1, CLIENTS_MAX, &v);
		b->threads_asked = (unsigned)v;
		break;
	case 'd':
		why = num_count(text, 1, DEPTH_MAX, &v);
		b->depth = (unsigned)v;
		break;
	case 'r': why = set_rate(b, a, text); break;
	case 'g': why = num_rate(text, FACTOR_MAX, &a->factor); break;
	case 'A':
		a->dist = true;
		if (strcmp(text, "exp") == 0)
			b->dist = SCHEDULE_EXP;
		else if (strcmp(text, "fixed") == 0)
			b->dist = SCHEDULE_FIXED;
		else
			why = "neither fixed nor exp";
		break;
	case 'B':
		why = num_count(text, 1, COUNT_MAX, &b->rounds);
		b->in_rounds = true;
		break;
	case 'b':
		why = set_block(b, text);
		a->block = b->in_rounds = true;
		break;
	case 'W': why = set_begin(text, &b->begin_ns); break;
	case 'L': why = set_limit(b, text); break;
	case 'e': why = num_percent(text, false, 100, &b->precision); break;
	case 'i': why = num_secs(text, false, SECS_MAX, &b->interval_ns); break;
	case 'P': a->cpus = text; break;
	case 'S':
		a->seed = true;
		why = num_count(text, 0, UINT64_MAX, &b->seed);
		break;
	case 'T': why = num_secs(text, false, SECS_MAX, &b->client.timeout_ns); break;
	case 'l':
		why = label_bad(text);
		a->label = text;
		break;
	case 's': a->sizes = text; break;
	case 'o': a->ops = text; break;
	case 'f': a->file = text; break;
	case 'X':
		why = http_bad_method(text);
		b->client.conf.method = text;
		break;
	case 'F': why = add_field(b, a, text); break;
	case 'p':
		why = num_count(text, 1, INT32_MAX, &v);
		b->server = (long)v;
		break;
	case 'x':
		b->command = text;
		why = *text ? NULL : "a command is needed";
		break;
	}
	return why ? wrong(letter, why, text) : true;
}

static void
set_flag(struct bench *b, struct args *a, char letter)
{
	switch (letter) {
	case 'K': b->client.conf.close_each = true; break;
	case 'N': b->client.conf.native = true; break;
	case 'C': b->client.conf.check = true; break;
	case 'Z': a->zeros = true; break;
	case 'R':
		b->rows = TSV_RAW;
		a->raw = true;
		break;
	case 'D':
		b->rows = TSV_HIST;
		a->hist = true;
		break;
	case 'y': b->client.stamps = true; break;
	case 'H': a->header = false; break;
	case 'q': b->quiet = true; break;
	case 'v': b->verbose = true; break;
	}
}

/* getopt's view of the options a program takes. */
static void
option_string(char text[OPT_LETTERS], const char *letters)
{
	_Static_assert(2 * sizeof helps / sizeof *helps < OPT_LETTERS,
	    "each letter, and its colon");
	size_t i, n = 0;

	for (i = 0; i < sizeof helps / sizeof *helps; i++) {
		if (!strchr(letters, helps[i].letter))
			continue;
		text[n++] = helps[i].letter;
		if (helps[i].arg[0])
			text[n++] = ':';
	}
	text[n] = '\0';
}

/* Returns -1, or the status to exit with. */
static int
parse_options(struct bench *b, struct args *a, int argc, char **argv)
{
	char text[OPT_LETTERS];
	const struct opt opt = { .letters = text, .help = help, .arg = b->program, .trouble = 1 };
	int letter, status = 0;

	option_string(text, b->program->options);
	while ((letter = opt_next(&opt, argc, argv, &status)) != OPT_NONE) {
		if (letter == OPT_EXIT)
			return status;
		if (!optarg)
			set_flag(b, a, (char)letter);
		else if (!set_value(b, a, (char)letter, optarg))
			return 2;
	}
	a->operand = argv + optind;
	a->operands = (size_t)(argc - optind);
	return -1;
}

/* What the options of a run and one target have against each other, or NULL. */
static const char *
check_target(const struct bench *b, const struct bench_target *t, const struct args *a)
{
	const struct bench_program *p = b->program;
	bool http = t->client.protocol == &http_client_protocol, path = t->client.url.path;

	if (b->client.conf.close_each && !http)
		return "-K is for http:// targets";
	if (b->client.conf.fields && !http)
		return "-F is for http:// targets";
	if (b->client.conf.method && (!http || !path))
		return "-X is for http:// targets with a path";
	if (b->client.conf.native && http)
		return "-N is for rpc:// targets";
	if (b->client.stamps && sock_is_path(t->client.url.host))
		return "-y: what comes over a Unix socket has no timestamp";
	if (path && p->named && a->ops)
		return "-o: the target already names an operation";
	if (path && !p->named && strcmp(t->client.url.path, "/") != 0 && !(http && p->path))
		return http ? "a path has no meaning here" : "a method has no meaning here";
	if (p->named && path != (b->target[0].client.url.path != NULL))
		return "either all targets name an operation or none does";
	return NULL;
}

/* What options have against due times from a file, or their lack, or NULL. */
static const char *
check_due(const struct args *a)
{
	if (!a->due)
		return a->factor > 0 ? "-g needs due times (-r @file)" : NULL;
	if (a->count)
		return "-n: with -r @file there are as many requests as lines";
	if (a->block)
		return "-b: with -r @file a block is the whole file (-t cuts it)";
	if (a->dist)
		return "-A: -r @file has gaps of its own";
	if (a->file && strcmp(a->file, "-") == 0 && strcmp(a->due, "-") == 0)
		return "-f - and -r @-: only one of them can have standard input";
	return NULL;
}

static unsigned
least_clients(const struct bench *b)
{
	struct bench rest = *b;
	unsigned least = b->clients;

	while (bench_next_clients(&rest))
		least = rest.clients < least ? rest.clients : least;
	return least;
}

/* Refuse options that contradict each other, or a target. */
static bool
check_options(struct bench *b, struct args *a)
{
	struct bench_target *t;
	const char *why = NULL;

	if (a->count && b->time_ns)
		why = "-n and -t exclude each other";
	else if (a->zeros && a->file)
		why = "-Z and -f exclude each other";
	else if (a->raw && a->hist)
		why = "-D and -R exclude each other";
	else if (b->depth > 1 && b->client.conf.close_each)
		why = "-d: several requests outstanding need a persistent connection, not -K";
	else if (b->depth > 1 && b->client.conf.native)
		why =
		    "-d: with -N a call is three requests, each of which waits for the one before";
	else if (a->raw && b->interval_ns)
		why = "-i and -R exclude each other";
	else if ((why = check_due(a)))
		;
	else if (a->dist && b->rate == 0)
		why = "-A needs an open loop (-r)";
	else if (b->threads_asked > least_clients(b))
		why = "-j: more threads than clients";
	if (why) {
		msg("%s", why);
		return false;
	}
	if (!bench_targets(b, a->operand, a->operands, a->label))
		return false;
	if (b->ntargets > 1 && !takes_targets(b->program)) {
		msg("more than one target: %s", b->target[1].url);
		return false;
	}
	b->in_rounds = b->in_rounds || b->ntargets > 1;
	/* what is asked for of a row is not multiplied by rounds that nobody asked for */
	if ((a->count || a->time || a->due) && !b->rounds)
		b->rounds = 1;
	if (a->seed && b->dist != SCHEDULE_EXP && !b->in_rounds) {
		msg("-S needs random arrivals (-A exp), or rounds");
		return false;
	}
	for (t = b->target; t < b->target + b->ntargets; t++) {
		if ((why = check_target(b, t, a))) {
			msg("%s: %s", t->url, why);
			return false;
		}
	}
	return true;
}

/* What all connections share. */
static void
set_up_targets(struct bench *b)
{
	struct bench_target *t;
	struct client *c;

	for (t = b->target; t < b->target + b->ntargets; t++) {
		c = &t->client;
		c->timeout_ns = b->client.timeout_ns;
		c->stop = b->client.stop;
		c->stamps = b->client.stamps;
		c->conf.payload = b->client.conf.payload;
		c->conf.native = b->client.conf.native;
		c->conf.close_each = b->client.conf.close_each;
		c->conf.check = b->client.conf.check;
		c->conf.depth = b->depth;
		c->conf.method = b->client.conf.method;
		c->conf.fields = b->client.conf.fields;
	}
}

/* ---- rows ---- */

/* The next word of a list, and its length; *list is moved past it. */
static size_t
next_word(const char **list, const char **word)
{
	size_t n = strcspn(*list, ",");

	*word = *list;
	*list += n + ((*list)[n] == ',');
	return n;
}

bool
bench_next_clients(struct bench *b)
{
	const char *word;
	char text[16];
	uint64_t v;
	size_t len;

	if (!b->clients_left || !*b->clients_left)
		return false;
	len = next_word(&b->clients_left, &word);
	if (len >= sizeof text)
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	if (num_count(text, 1, CLIENTS_MAX, &v))
		return false;
	b->clients = (unsigned)v;
	b->threads = b->threads_asked ? b->threads_asked : cpus_available(b->clients);
	return true;
}

/* The sizes in the list. NULL: the reason is printed. */
static uint64_t *
parse_sizes(const char *list, size_t n)
{
	const char *rest = list, *word, *why;
	uint64_t *size = opt_memory(calloc(n, sizeof *size));
	char text[32];
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = next_word(&rest, &word);
		why = "too long";
		if (len < sizeof text) {
			memcpy(text, word, len);
			text[len] = '\0';
			why = num_size(text, 0, SIZE_LIMIT, &size[i]);
		}
		if (why) {
			wrong('s', why, list);
			free(size);
			return NULL;
		}
	}
	return size;
}

static const struct bench_op *
find_op(const struct bench_program *p, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < p->nops; i++)
		if (strlen(p->ops[i].name) == len && memcmp(p->ops[i].name, name, len) == 0)
			return &p->ops[i];
	return NULL;
}

static void
unknown_op(const struct bench_program *p, const char *name, size_t len)
{
	char known[128] = "";
	size_t i, n = 0;

	for (i = 0; i < p->nops && n < sizeof known; i++)
		n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", i > 0 ? ", " : "",
		    p->ops[i].name);
	msg("-o %.*s: unknown operation (known: %s)", (int)len, name, known);
}

/* The operations to be measured, in order; *n. NULL: the reason is printed. */
static const struct bench_op **
choose_ops(const struct bench_program *p, const char *list, bool sized, size_t *n)
{
	size_t i, len, max = list ? count_words(list) : p->nops;
	const struct bench_op **op = opt_memory(calloc(max, sizeof *op));
	const char *rest = list, *word;

	*n = 0;
	for (i = 0; i < max && !list; i++)
		if (p->ops[i].when == BENCH_ALWAYS
		    || p->ops[i].when == (sized ? BENCH_SIZED : BENCH_UNSIZED))
			op[(*n)++] = &p->ops[i];
	for (i = 0; i < max && list; i++) {
		len = next_word(&rest, &word);
		if (!(op[*n] = find_op(p, word, len))) {
			unknown_op(p, word, len);
		} else if (op[*n]->sized && !sized) {
			msg("-o %s: needs a size (-s)", op[*n]->name);
			op[*n] = NULL;
		}
		if (!op[(*n)++]) {
			free(op);
			return NULL;
		}
	}
	return op;
}

static void
add_row(struct bench *b, const struct bench_op *op, uint64_t size, uint64_t chunk)
{
	struct bench_row *r = &b->row[b->nrows++];

	r->op = op->name;
	r->connects = op->op == OP_HELLO;
	r->call.op = op->op;
	r->call.sized = op->sized;
	r->call.size = op->sized ? size : 0;
	r->call.chunk = op->chunked ? chunk : 0;
}

/* Rows: all operations with the first size, then all with the next. */
static bool
make_rows(struct bench *b, const struct args *a)
{
	const struct bench_program *p = b->program;
	const char *list = a->sizes ? a->sizes : p->sizes;
	size_t nsizes = list ? count_words(list) : 0, nops, i, j;
	const char *path = b->target[0].client.url.path;
	struct bench_op named = { .op = OP_NAMED, .sized = nsizes > 0 || a->whole_file };
	const struct bench_op **op;
	uint64_t *size = NULL;

	if (path)
		named.name = b->named = opt_memory(label_of(path));
	if (list && !(size = parse_sizes(list, nsizes)))
		return false;
	if (!(op = choose_ops(p, a->ops, nsizes > 0, &nops))) {
		free(size);
		return false;
	}
	b->row = opt_memory(calloc((nsizes + 1) * (nops + 1), sizeof *b->row));
	for (i = 0; i == 0 || i < nsizes; i++) {
		for (j = 0; j < nops; j++) {
			/* an operation without a size comes once */
			if (!op[j]->sized && i > 0)
				continue;
			/* connecting comes before the time of -W, unless it is asked for */
			if (b->begin_ns && p->many && op[j]->op == OP_HELLO && !a->ops)
				continue;
			/* the target's method or path takes the place of the operation */
			if (p->named && path && op[j]->op != OP_HELLO)
				add_row(b, &named, size ? size[i] : 0, 0);
			else
				add_row(b, op[j], size ? size[i] : 0, a->chunk);
		}
	}
	free(op);
	free(size);
	return true;
}

/* Does any row send a payload? */
static bool
sends(const struct bench *b)
{
	size_t i;

	for (i = 0; i < b->nrows; i++)
		if (operations[b->row[i].call.op].sends && b->row[i].call.sized)
			return true;
	return false;
}

static bool
make_payload(struct bench *b, const struct args *a)
{
	const char *why;
	size_t i;

	if (!sends(b)) {
		if (a->file)
			msg("-f: no operation here sends a payload: %s", a->file);
		return !a->file;
	}
	if (a->file) {
		errno = 0;
		why = payload_file(&b->payload, a->file);
		if (why && errno == ENOMEM)
			opt_no_memory();
		if (why)
			return wrong('f', why, a->file);
	} else if ((a->zeros ? payload_zeros : payload_random)(&b->payload) != 0) {
		opt_no_memory();
	}
	for (i = 0; i < b->nrows && a->whole_file; i++)
		if (b->row[i].call.op == OP_NAMED)
			b->row[i].call.size = b->payload.length;
	b->client.conf.payload = &b->payload;
	return true;
}

/* -v: what distinguishes this run from another, defaults included. */
static void
print_settings(const struct bench *b, const struct args *a)
{
	char much[64], open[96] = "";

	if (a->due)
		snprintf(much, sizeof much, "-r @%.40s (%zu requests)", a->due, b->due.n);
	else if (b->in_rounds && !b->count && !b->time_ns)
		snprintf(much, sizeof much, "in rounds");
	else if (b->time_ns)
		snprintf(much, sizeof much, "-t %g", (double)b->time_ns / 1e9);
	else
		snprintf(much, sizeof much, "-n %" PRIu64, b->count);
	if (a->due)
		snprintf(open, sizeof open, " -g %.10g", a->factor > 0 ? a->factor : 1);
	else if (b->rate > 0 && b->dist == SCHEDULE_EXP)
		snprintf(open, sizeof open, " -r %.10g -A exp -S %" PRIu64, b->rate, b->seed);
	else if (b->rate > 0)
		snprintf(open, sizeof open, " -r %.10g -A fixed", b->rate);
	msg("%s -w %" PRIu64 " -c %u -j %u -d %u%s -T %g", much, b->warmup, b->clients, b->threads,
	    b->depth, open, (double)b->client.timeout_ns / 1e9);
}

/* What bench-turns has said, where no option says otherwise. */
static bool
read_environment(struct bench *b, const struct args *a)
{
	const char *pass = getenv("BENCH_PASS"), *seed = getenv("BENCH_SEED"), *why = NULL;
	const char *congestion = getenv("BENCH_CONGESTION");

	b->when.round = b->when.pass = 1;
	if (pass && (why = num_count(pass, 1, UINT64_MAX, &b->when.pass)))
		msg("BENCH_PASS: %s: %s", why, pass);
	else if (seed && !a->seed && (why = num_count(seed, 0, UINT64_MAX, &b->seed)))
		msg("BENCH_SEED: %s: %s", why, seed);
	else if (congestion && *congestion && (why = sock_congestion(congestion)))
		msg("BENCH_CONGESTION: %s: %s", why, congestion);
	b->in_pass = pass != NULL;
	b->in_rounds = b->in_rounds || (pass && takes_targets(b->program));
	return !why && bench_place(a->cpus);
}

int
bench_options(struct bench *b, int argc, char **argv)
{
	struct args a = { .chunk = 64 << 10, .header = true };
	const struct bench_program *p = b->program;
	const char *why;
	int status;

	b->warmup = p->warmup;
	b->clients = p->clients ? p->clients : 1;
	b->depth = 1;
	b->seed = 1;
	b->client.timeout_ns = 30 * CLOCK_S;
	b->rate = p->rate;
	b->in_rounds = p->rate > 0;
	if ((status = parse_options(b, &a, argc, argv)) >= 0)
		return status;
	if (a.block && (a.count || a.time)) {
		msg("-b: -n and -t say already how long a block is");
		return 2;
	}
	if (!read_environment(b, &a))
		return 2;
	b->clients_left = a.clients;
	if (!bench_next_clients(b))
		b->threads = b->threads_asked ? b->threads_asked : cpus_available(b->clients);
	if (!check_options(b, &a))
		return 2;
	a.whole_file = a.file && !a.sizes && !p->sizes;
	if ((a.due && !replay_read(b, a.due, a.factor > 0 ? a.factor : 1)) || !make_rows(b, &a)
	    || !make_payload(b, &a))
		return 2;
	if (b->client.stamps && (why = stamp_start())) {
		msg("-y: %s", why);
		return 2;
	}
	b->by_default = !b->count && !b->time_ns && !b->rounds;
	if (b->by_default && !b->in_rounds) {
		b->count = p->count;
		b->least_ns = p->lasts ? BENCH_SHORT_NS : 0;
	}
	set_up_targets(b);
	b->order = opt_memory(calloc(b->ntargets, sizeof *b->order));
	b->order_state = rng_stream(b->seed, 0);
	b->header = a.header;
	if (b->verbose)
		print_settings(b, &a);
	return -1;
}
