/* SPDX-License-Identifier: ISC */
/* bench-turns: passes. Runs a command line of nested servers and a benchmark again and again,
 * each time with new processes, memory and connections, the servers started in another order,
 * and hands on all rows. What two targets differ by within one pass is partly the luck of that
 * pass, however many rounds it has; only several passes show what is theirs (paired.h). It sets
 * by the environment what has to be the same for all that it starts: pass, seed, processors. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/awake.h"
#include "base/buf.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/cpus.h"
#include "base/distance.h"
#include "base/msg.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/rng.h"
#include "base/std.h"
#include "net/sock.h"
#include "server/programs.h"
#include "stats/rounds.h"
#include "stats/rows.h"
#include "stats/runs.h"
#include "stats/stat.h"

#define NAME "bench-turns"
#define MOST_PASSES 100000
#define MOST_SECONDS 2592000
#define LEAST_PASSES 6 /* with -e: fewer do not show how much passes differ */
#define MOST_SERVERS 64
#define READ_SIZE 65536
#define CONGESTION "reno" /* any process may choose it, and it neither paces nor models */

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* A server of ours in the command line, with its options. */
struct server {
	char **word;
	size_t words;
	char label[SERVE_LABEL];
};

struct turns {
	/* the command line */
	uint64_t passes, limit_ns, seed;
	double precision;                          /* as a share; 0: none asked for */
	const char *placement;                     /* split, same, free, SERVER:CLIENT */
	bool quiet, idle;                          /* idle: the system stays as it is */
	char server_cpus[4096], client_cpus[4096]; /* lists; "": not set */
	struct server server[MOST_SERVERS];
	size_t servers;
	char **bench; /* the rest of the command: a benchmark, NULL at its end */

	/* the run */
	uint64_t start_ns, pass, last_ns; /* last_ns: what the last pass took */
	uint64_t nearest_ns, farthest_ns; /* distance_ns() of all passes; 0: not known */
	char *header;                     /* the first line; owned */
	struct rows *rows;                /* with -e */
	uint64_t check;                   /* the pass after which the ratios are looked at next */
	struct rows_index index;          /* of struct rounds, one figure */
	struct runs runs;
	bool failed;
};

static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP };

#define N_STOP_SIGNALS (sizeof stop_signals / sizeof *stop_signals)

static volatile sig_atomic_t stop_signal, child;

static void
on_signal(int sig)
{
	int e = errno;

	stop_signal = sig;
	if (child > 0)
		kill((pid_t)child, sig);
	errno = e;
}

/* ---- the command line ---- */

static void
help(const void *arg)
{
	(void)arg;
	puts("usage: " NAME " [-hiqV] [-p passes] [-e percent] [-t secs] [-P place]\n"
	     "       [-S seed] [server [options]] ... benchmark [options] [target ...]\n"
	     "Run nested servers and a benchmark several times, everything new each time.\n\n"
	     "Options, with their defaults in parentheses:\n"
	     "  -p passes   how many times, at most (12)\n"
	     "  -e percent  stop when each target's ratio to the first is known this well\n"
	     "  -t secs     begin no pass that would not end within this time\n"
	     "  -P place    processors: split, half for the servers and half for the client;\n"
	     "              same, one for all; free; or SERVERS:CLIENT such as 0:1 (split)\n"
	     "  -S seed     of the order of servers, targets and requests (1)\n"
	     "  -i          leave the system as it is: processors go idle, and TCP has its\n"
	     "              congestion control\n"
	     "  -q          no summary on stderr\n"
	     "  -h, -V      help, version\n"
	     "The rows of all passes come out with their pass; bench-cmp compares them:\n"
	     "  " NAME " rpc-serve -m thread rpc-serve -m fork bench-lat | bench-cmp");
}

static void
list_text(char *text, size_t size, const struct cpus *set)
{
	size_t n = 0;
	unsigned cpu;
	int k;

	text[0] = '\0';
	for (cpu = 0; cpu < CPUS_MAX && n < size; cpu++) {
		if (!cpus_has(set, cpu))
			continue;
		k = snprintf(text + n, size - n, "%s%u", n ? "," : "", cpu);
		n += k > 0 ? (size_t)k : 0;
	}
}

/* The processors that may be used, shared out. */
static const char *
share_cpus(struct turns *t, bool same)
{
	struct cpus all, server, client;
	unsigned cpu, n = 0, i = 0;

	if (cpus_get_affinity(&all) < 0)
		return "this system has no call to choose processors (only free)";
	memset(&server, 0, sizeof server);
	memset(&client, 0, sizeof client);
	for (cpu = 0; cpu < CPUS_MAX; cpu++)
		n += cpus_has(&all, cpu);
	for (cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!cpus_has(&all, cpu))
			continue;
		if (n == 1 || (same && i == 0)) {
			cpus_add(&server, cpu);
			cpus_add(&client, cpu);
		} else if (!same) {
			cpus_add(i < n / 2 ? &server : &client, cpu);
		}
		i++;
	}
	list_text(t->server_cpus, sizeof t->server_cpus, &server);
	list_text(t->client_cpus, sizeof t->client_cpus, &client);
	return NULL;
}

static const char *
set_placement(struct turns *t)
{
	const char *text = t->placement ? t->placement : "split", *colon = strchr(text, ':'), *why;
	struct cpus set;
	size_t n;

	t->server_cpus[0] = t->client_cpus[0] = '\0';
	if (strcmp(text, "free") == 0)
		return NULL;
	if (strcmp(text, "split") == 0 || strcmp(text, "same") == 0) {
		why = share_cpus(t, text[1] == 'a');
		return t->placement ? why : NULL; /* by default as far as can be */
	}
	if (!colon)
		return "not split, same, free or SERVERS:CLIENT";
	n = (size_t)(colon - text);
	if (n >= sizeof t->server_cpus || strlen(colon + 1) >= sizeof t->client_cpus)
		return "too long";
	memcpy(t->server_cpus, text, n);
	t->server_cpus[n] = '\0';
	strcpy(t->client_cpus, colon + 1);
	if ((why = cpus_parse(&set, t->server_cpus)) || (why = cpus_parse(&set, t->client_cpus)))
		return why;
	return NULL;
}

/* Two servers of one name are told apart by a number, as servers do it that nest; given here,
 * it stays with its server whatever the order is. Returns -1, or the status to exit with. */
static int
name_servers(struct turns *t)
{
	char *list = opt_memory(calloc(t->servers + 1, SERVE_LABEL + 1)), *label;
	const char *why = NULL;
	size_t i, n = 0;

	for (i = 0; i < t->servers && !why; i++) {
		label = t->server[i].label;
		if ((why = serve_bad_label(label))) {
			msg("label %s: %s", label, why);
		} else {
			serve_unique_label(label, list);
			n += (size_t)sprintf(list + n, "%s ", label);
		}
	}
	free(list);
	return why ? EXIT_USAGE : -1;
}

/* Take the command apart: servers of ours with their options, and what they serve. */
static int
parse_command(struct turns *t, char **word)
{
	struct server *s = t->server;

	for (; *word && serve_words(word, &s->words, s->label); word += s++->words) {
		s->word = word;
		if (++t->servers == MOST_SERVERS) {
			msg("more than %d servers", MOST_SERVERS - 1);
			return EXIT_USAGE;
		}
	}
	if (!*word) {
		msg(t->servers ? "a benchmark is needed behind the servers"
			       : "a command is needed");
		return EXIT_USAGE;
	}
	t->bench = word;
	return name_servers(t);
}

/* Returns -1, or the status to exit with. */
static int
parse(struct turns *t, int argc, char **argv)
{
	static const struct opt opt = { .letters = "p:e:t:P:S:iq",
		.help = help,
		.trouble = EXIT_FAILED };
	const char *why = NULL;
	int letter, status = 0;

	while ((letter = opt_next(&opt, argc, argv, &status)) != OPT_NONE) {
		switch (letter) {
		case 'p': why = num_count(optarg, 1, MOST_PASSES, &t->passes); break;
		case 'e': why = num_percent(optarg, false, 100, &t->precision); break;
		case 't': why = num_secs(optarg, false, MOST_SECONDS, &t->limit_ns); break;
		case 'P':
			t->placement = optarg;
			why = set_placement(t);
			break;
		case 'S': why = num_count(optarg, 0, UINT64_MAX, &t->seed); break;
		case 'i': t->idle = true; break;
		case 'q': t->quiet = true; break;
		default: return status;
		}
		if (why) {
			msg("-%c: %s: %s", letter, why, optarg);
			return EXIT_USAGE;
		}
	}
	if (!t->placement)
		set_placement(t);
	/* what follows is taken apart by getopt(3) again */
	return parse_command(t, argv + optind);
}

/* May what all have in common be steadied? Not beside a server of somebody else: its session or
 * control group would get less than its share of the processor, and its TCP is its own. */
static bool
may_steady(const struct turns *t)
{
	char **word;

	if (t->idle || t->servers == 0)
		return false;
	for (word = t->bench; *word; word++)
		if (strstr(*word, "://"))
			return false;
	return true;
}

/* The processors that are kept awake: those that all is placed on. */
static bool
may_keep_awake(const struct turns *t, struct cpus *set)
{
	struct cpus client;

	if (!may_steady(t) || !*t->server_cpus || cpus_parse(set, t->server_cpus)
	    || cpus_parse(&client, t->client_cpus))
		return false;
	for (size_t i = 0; i < sizeof set->bits / sizeof *set->bits; i++)
		set->bits[i] |= client.bits[i];
	return true;
}

/* ---- one pass ---- */

static bool
set_env(const char *name, const char *value)
{
	if ((*value ? setenv(name, value, 1) : unsetenv(name)) == 0)
		return true;
	msg("environment: %s", strerror(errno));
	return false;
}

/* The first processor of a list that is set. */
static unsigned
first_cpu(const char *list)
{
	return (unsigned)strtoul(list, NULL, 10);
}

/* How far apart servers and client are in this pass, as a text; "": not known. */
static const char *
distance(struct turns *t, char text[24])
{
	unsigned server = first_cpu(t->server_cpus), client = first_cpu(t->client_cpus);
	uint64_t ns = 0;

	if (t->servers > 0 && *t->server_cpus && *t->client_cpus && server != client)
		ns = distance_ns(server, client);
	text[0] = '\0';
	if (ns == 0)
		return text;
	if (t->nearest_ns == 0 || ns < t->nearest_ns)
		t->nearest_ns = ns;
	if (ns > t->farthest_ns)
		t->farthest_ns = ns;
	snprintf(text, 24, "%" PRIu64, ns);
	return text;
}

static bool
set_environment(struct turns *t, uint64_t seed)
{
	char pass[24], text[24], ns[24];

	snprintf(pass, sizeof pass, "%" PRIu64, t->pass);
	snprintf(text, sizeof text, "%" PRIu64, seed);
	return set_env("BENCH_PASS", pass) && set_env("BENCH_SEED", text)
	    && set_env("BENCH_SERVER_CPUS", t->server_cpus)
	    && set_env("BENCH_CLIENT_CPUS", t->client_cpus)
	    && set_env("BENCH_DISTANCE_NS", distance(t, ns));
}

/* The command of this pass: the servers in an order of its own, each with its label. */
static char **
make_command(struct turns *t, uint64_t *state)
{
	static char option[] = "-l";
	size_t order[MOST_SERVERS], words = 0, n = 0, i, k;
	char **argv;

	for (i = 0; i < t->servers; i++)
		words += t->server[i].words + 2;
	/* the first pass begins with the first server, which others are compared with */
	rng_order(state, order, t->servers);
	for (i = 0; i < t->servers && t->pass == 1; i++)
		order[i] = i;
	for (i = 0; t->bench[i]; i++)
		words++;
	if (!(argv = malloc((words + 1) * sizeof *argv)))
		return NULL;
	for (i = 0; i < t->servers; i++) {
		struct server *s = &t->server[order[i]];

		k = s->words - (s->words > 1 && strcmp(s->word[s->words - 1], "--") == 0);
		memcpy(argv + n, s->word, k * sizeof *argv);
		n += k;
		argv[n++] = option;
		argv[n++] = s->label;
		if (k < s->words)
			argv[n++] = s->word[k];
	}
	for (i = 0; t->bench[i]; i++)
		argv[n++] = t->bench[i];
	argv[n] = NULL;
	return argv;
}

static bool
take_row(void *arg, struct rows *r)
{
	struct turns *t = arg;
	struct rounds *s;
	double v = 0, *p;
	bool na;

	if (r->schema != TSV_SUMMARY)
		return table_bad(&r->table, r->table.name[0], "-e needs summary rows");
	if (!(s = rows_find(&t->index, r, NULL))
	    || !table_real(&r->table, (size_t)table_column(&r->table, rows_metric(r)), &v, &na))
		return false;
	s->figures = 1;
	if (!(p = runs_add(&t->runs, (size_t)(s - (struct rounds *)t->index.group), r->when,
		  r->headed))) {
		msg("%s", strerror(errno));
		return false;
	}
	if (!na)
		*p = v;
	return true;
}

/* Hand on a line; the header only once. False: stdout can't be written, or the row not read. */
static bool
take_line(struct turns *t, const char *line, size_t n)
{
	const struct rows_reader reader = { .row = take_row, .arg = t };

	if (!t->header) {
		if (!(t->header = malloc(n + 1))) {
			msg("%s", strerror(errno));
			return false;
		}
		memcpy(t->header, line, n);
		t->header[n] = '\0';
	} else if (strlen(t->header) == n && memcmp(t->header, line, n) == 0) {
		return true;
	}
	if (fwrite(line, 1, n, stdout) != n) {
		msg("stdout: %s", strerror(errno));
		return false;
	}
	if (t->rows && !rows_take(t->rows, line, n, &reader)) {
		if (t->rows->table.bad)
			msg("%s: %s", t->rows->table.column, t->rows->table.why);
		return false;
	}
	return true;
}

/* The lines that are complete. What is left of the last one is moved to the beginning. */
static bool
take_lines(struct turns *t, struct buf *in)
{
	const char *p = (const char *)in->p, *all = p + in->n, *end;

	for (; (end = memchr(p, '\n', (size_t)(all - p))); p = end + 1)
		if (!take_line(t, p, (size_t)(end + 1 - p)))
			return false;
	in->n = (size_t)(all - p);
	memmove(in->p, p, in->n);
	return true;
}

/* All that the command prints. A line that is cut off is left out. */
static bool
take_output(struct turns *t, int fd)
{
	struct buf in = { .p = NULL };
	bool good = true;
	unsigned char *p;
	ssize_t n = 1;

	while (good && n != 0) {
		if (!(p = buf_room(&in, READ_SIZE))) {
			msg("%s", strerror(ENOMEM));
			good = false;
		} else if ((n = read(fd, p, READ_SIZE)) > 0) {
			in.n += (size_t)n;
			good = take_lines(t, &in);
		} else if (n < 0 && errno != EINTR) {
			msg("pipe: %s", strerror(errno));
			good = false;
		}
	}
	buf_free(&in);
	close(fd);
	if (good && fflush(stdout) != 0) {
		msg("stdout: %s", strerror(errno));
		good = false;
	}
	return good;
}

/* child.h: prepare. Its output goes into the pipe. */
static void
prepare(const void *arg)
{
	const int *fd = arg;
	struct sigaction sa;
	size_t i;

	/* a signal that comes before the command is there ends it as well */
	for (i = 0; i < N_STOP_SIGNALS; i++)
		if (sigaction(stop_signals[i], NULL, &sa) == 0 && sa.sa_handler == on_signal)
			signal(stop_signals[i], SIG_DFL);
	dup2(fd[1], STDOUT_FILENO);
	close(fd[0]);
	close(fd[1]);
}

/* Run the command and take its rows. Returns its status as a shell has it, or -1. */
static int
run_command(struct turns *t, char **argv)
{
	sigset_t all, mask;
	int fd[2], status;
	siginfo_t info;
	bool good;
	pid_t pid;

	if (pipe(fd) < 0) {
		msg("pipe: %s", strerror(errno));
		return -1;
	}
	/* a signal is to find the child's number set, or no child */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	pid = stop_signal ? -1 : child_start(argv, prepare, fd, &mask);
	child = pid > 0 ? pid : 0;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	close(fd[1]);
	if (pid < 0) {
		if (!stop_signal)
			msg("fork: %s", strerror(errno));
		close(fd[0]);
		return -1;
	}
	good = take_output(t, fd[0]);
	if (!good)
		kill(pid, SIGTERM);
	/* its number stays its own as long as a signal may be sent to it */
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	child = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!good)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- when to stop ---- */

/* The widest half of a 95 % interval, as a share; HUGE_VAL: not known yet. */
static double
widest(struct turns *t)
{
	struct rounds *s = t->index.group;
	const char *first = t->index.n ? rows_cell(&t->index, 0, ROWS_LABEL) : "";
	struct paired_estimate e;
	double low, high, most = 0;
	size_t i, base, pairs = 0;

	for (i = 0; i < t->index.n; i++) {
		base = rows_other(&t->index, i, first);
		if (base == i || base == t->index.n)
			continue;
		if (!rounds_estimate(&s[i], &s[base], 0, &e) || e.passes < LEAST_PASSES
		    || !paired_limits(&e, STAT_LEVEL, &low, &high))
			return HUGE_VAL;
		pairs++;
		most = fmax(most, sqrt(high / low) - 1);
	}
	return pairs > 0 ? most : HUGE_VAL;
}

static bool
more_passes(struct turns *t, double *known)
{
	uint64_t now = clock_ns();
	bool last = stop_signal || t->pass == t->passes
	    || (t->limit_ns && now + t->last_ns - t->start_ns > t->limit_ns);

	/* of many passes it takes long; then some more of them are cheaper */
	if (t->rows && t->pass >= LEAST_PASSES && (last || t->pass >= t->check)) {
		*known = widest(t);
		t->check = t->pass + t->pass / 8 + 1;
	}
	return !last && (!t->rows || *known > t->precision);
}

static int
run_passes(struct turns *t)
{
	uint64_t state = t->seed, began;
	double known = HUGE_VAL;
	char **argv;
	int status;

	t->start_ns = clock_ns();
	do {
		t->pass++;
		began = clock_ns();
		if (!set_environment(t, rng_next(&state)))
			return EXIT_FAILED;
		if (!(argv = make_command(t, &state))) {
			msg("%s", strerror(errno));
			return EXIT_FAILED;
		}
		status = run_command(t, argv);
		free(argv);
		if (stop_signal)
			return 128 + stop_signal;
		if (status < 0)
			return EXIT_FAILED;
		/* usage, not found, killed, no server: the next pass would end the same way */
		if (status > EXIT_FAILED || (status != 0 && !t->header))
			return status;
		t->failed = t->failed || status != 0;
		t->last_ns = clock_ns() - began;
	} while (more_passes(t, &known));
	if (!t->quiet && known < HUGE_VAL)
		msg("%" PRIu64 " passes in %.1f s: ratios are known to %.2f %%", t->pass,
		    (double)(clock_ns() - t->start_ns) / 1e9, known * 100);
	else if (!t->quiet)
		msg("%" PRIu64 " pass%s in %.1f s%s", t->pass, t->pass == 1 ? "" : "es",
		    (double)(clock_ns() - t->start_ns) / 1e9,
		    t->rows ? ": no ratio is known yet (-e): it takes two targets and six passes"
			    : "");
	if (!t->quiet && t->farthest_ns > 2 * t->nearest_ns)
		msg("the processors were moved: a cache line took %" PRIu64 " ns between them and"
		    " back in one pass, %" PRIu64 " in another",
		    t->nearest_ns, t->farthest_ns);
	return t->failed ? EXIT_FAILED : 0;
}

static void
catch_signals(void)
{
	struct sigaction sa, old;
	size_t i;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal; /* and no SA_RESTART: a wait is to be interrupted */
	sigfillset(&sa.sa_mask);
	for (i = 0; i < N_STOP_SIGNALS; i++)
		if (sigaction(stop_signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(stop_signals[i], &sa, NULL);
}

int
main(int argc, char **argv)
{
	static struct turns t = { .passes = 12, .seed = 1 };
	struct awake keeper;
	struct cpus placed;
	bool awake, steady;
	int status;

	msg_program(argc > 0 ? argv[0] : NAME);
	if ((status = parse(&t, argc, argv)) >= 0)
		return status;
	if (std_fill() < 0) {
		msg("/dev/null: %s", strerror(errno));
		return EXIT_FAILED;
	}
	t.index.size = sizeof(struct rounds);
	t.runs.index = &t.index;
	if (t.precision > 0)
		t.rows = opt_memory(rows_new());
	awake = may_keep_awake(&t, &placed) && awake_start(&keeper, &placed);
	catch_signals();
	steady = may_steady(&t) && !sock_congestion(CONGESTION);
	status = set_env("BENCH_AWAKE", awake ? "yes" : "")
		&& set_env("BENCH_CONGESTION", steady ? CONGESTION : "")
	    ? run_passes(&t)
	    : EXIT_FAILED;
	if (awake)
		awake_end(&keeper);
	if (std_close(stdout) != 0 && status == 0) {
		msg("stdout: %s", strerror(errno));
		status = EXIT_FAILED;
	}
	for (size_t i = 0; i < t.index.n; i++)
		rounds_free(&((struct rounds *)t.index.group)[i]);
	rows_index_free(&t.index);
	runs_free(&t.runs);
	free(t.rows);
	free(t.header);
	return status;
}
