/* SPDX-License-Identifier: ISC */
/* The command line of the servers, and their life: listen, print the URL, serve until a signal
 * comes or the command has ended, clean up, report. */
#include "server/main.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/cpus.h"
#include "base/limits.h"
#include "base/msg.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/pipe.h"
#include "base/std.h"
#include "net/sock.h"
#include "protocol.h"
#include "server/delay.h"
#include "server/models.h"
#include "server/programs.h"
#include "server/server.h"
#include "service.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define MAX_PAYLOAD ((uint64_t)1 << 30)     /* -M: default */
#define LARGEST_PAYLOAD ((uint64_t)1 << 40) /* -M: at most */
#define MAX_CONNS 16384 /* -c: default; each costs a descriptor and a small stack */
#define MOST_CONNS 1000000
#define TIMEOUT_NS (60 * CLOCK_S)
#define LONGEST_TIMEOUT_S 1000000
#define MOST_THREADS 1024
#define MOST_PROCESSORS 256 /* counted for the default of -j */

/* A command has this long to end after a signal that was passed on; then it is killed. If it is a
 * server with a command, that is to happen from the inside out: a second less for each server
 * outside. */
#define GRACE_S 10
#define LEAST_GRACE_S 2

#define BY_KILL 0x80 /* in the pipe's byte: not the kernel's, or a terminal's */

struct options {
	const struct server_model *model;
	const char *addr;
	const char *port; /* by default the protocol's, or any with a command */
	uint64_t max_payload;
	uint64_t max_conns;
	uint64_t timeout_ns;
	uint64_t threads;       /* 0: by the model and the processors */
	const char *usage_path; /* -u, or NULL */
	bool timed;             /* -d was given: */
	struct delay_dist dist;
	bool seeded; /* -S was given: */
	uint64_t seed;
	const char *label;     /* -l; NULL: by protocol and model */
	const char *cpus;      /* -P, or NULL */
	char wrong[DELAY_WHY]; /* what is wrong with the distribution */
	char **command;        /* NULL: none */
};

/* What the command inherits from whoever started this program. */
struct inherited {
	struct sigaction hup, intr, term, chld, alrm, pipe;
	sigset_t mask;
	struct rlimit nofile;
	bool nofile_known;
	struct cpus cpus;
	bool placed; /* this program runs on others now */
	int slack;   /* clock_be_punctual's */
};

struct serve {
	const struct server_protocol *protocol;
	struct options opt;
	struct inherited before;
	char url[SOCK_URL];
	char label[SERVE_LABEL];
	struct sock_addr *addr; /* owned */
	char port[8];           /* the default one */
	int listen_fd[SOCK_LISTEN_MAX];
	int n_listen;
	int usage_fd;              /* -1: none */
	int signal_fd;             /* the pipe's reading end */
	struct server_usage start; /* what it had used when it was ready: no request's cost */
	pid_t pid;                 /* of this program */
	pid_t command;             /* 0: none, or ended */
	int status;                /* exit status, by that of the command */
	unsigned grace_s;
	uint64_t kill_ns; /* the command was told to end, and is killed then; 0: it wasn't */
};

/* Where the signal handler writes, one byte a signal. */
static volatile sig_atomic_t signal_pipe = -1;

/* ---- options ---- */

struct help_of {
	const char *default_model;
	const struct server_protocol *protocol;
};

static void
print_help(const void *arg)
{
	const struct help_of *of = arg;
	char models[128];

	models_list(models, sizeof models);
	printf("usage: %s [-hV] [-m model] [-a addr] [-p port] [-M max] [-c maxconn]\n"
	       "       [-j threads] [-l label] [-P cpus] [-T secs] [-d dist [-S seed]]\n"
	       "       [-u file] [command [arg ...]]\n"
	       "Serve the operations that the benchmarks call.\n\n",
	    msg_name());
	printf("  -m model    %s (default: %s)\n", models, of->default_model);
	printf("  -a addr     address, or path of a Unix socket (default: 127.0.0.1)\n");
	printf("  -p port     port; 0 takes a free one (default: %u, or free with a command)\n",
	    of->protocol->port);
	printf("  -M max      largest payload, in bytes or with k, m, g (default: 1g)\n");
	printf("  -c maxconn  concurrent connections; others wait (default: %d)\n", MAX_CONNS);
	printf("  -j threads  threads of pool and event (default: %u and %u per processor)\n",
	    model_pool.threads, model_event.threads);
	printf("  -l label    what rows call this server (default: protocol-model)\n");
	printf("  -P cpus     run on these processors: 0, 0-3 or 0,2 (default: all)\n");
	printf("  -T secs     time limit for an idle peer and for one message (default: 60)\n");
	printf("  -d dist     service time of each request: 1ms, exp:1ms, 1ms:0.9,20ms:0.1,\n"
	       "              stall:1s/5s (units: ns, us, ms, s)\n");
	printf("  -S seed     seed of the random times of -d (default: 1)\n");
	printf("  -u file     on exit, write the resources used to this file, as TSV\n");
	printf("  -h, -V      help, version\n\n"
	       "Prints its URL once it is listening. With a command: runs the command with the\n"
	       "URL in BENCH_TARGET, stops when it ends, and exits with its status.\n");
}

/* Print what has failed, and errno. Returns -1. */
static int
failed(const char *what)
{
	msg("%s: %s", what, strerror(errno));
	return -1;
}

static int
bad_option(int letter, const char *text, const char *why)
{
	msg("-%c %s: %s", letter, text, why);
	return EXIT_USAGE;
}

static int
bad_model(const char *name)
{
	char models[128];

	models_list(models, sizeof models);
	msg("-m %s: unknown model (known: %s)", name, models);
	return EXIT_USAGE;
}

/* One option with a value. Returns NULL, or what is wrong with it. */
static const char *
set_option(struct options *o, int letter, const char *text)
{
	struct cpus set;
	uint64_t v;

	switch (letter) {
	case 'a': o->addr = text; return *text ? sock_bad_path(text) : "no address";
	case 'p': o->port = text; return num_count(text, 0, 65535, &v);
	case 'M': return num_size(text, 1, LARGEST_PAYLOAD, &o->max_payload);
	case 'c': return num_count(text, 1, MOST_CONNS, &o->max_conns);
	case 'j': return num_count(text, 1, MOST_THREADS, &o->threads);
	case 'l': o->label = text; return serve_bad_label(text);
	case 'P': o->cpus = text; return cpus_parse(&set, text);
	case 'T': return num_secs(text, false, LONGEST_TIMEOUT_S, &o->timeout_ns);
	case 'd': o->timed = true; return delay_parse(&o->dist, text, o->wrong) ? NULL : o->wrong;
	case 'S': o->seeded = true; return num_count(text, 0, UINT64_MAX, &o->seed);
	default: o->usage_path = text; return *text ? NULL : "no file name";
	}
}

/* Returns -1, or the exit status if there is nothing to serve. */
static int
parse(struct serve *s, int argc, char **argv, const char *default_model)
{
	struct options *o = &s->opt;
	const struct help_of of = { default_model, s->protocol };
	const struct opt opt = { .letters = SERVE_OPTIONS,
		.help = print_help,
		.arg = &of,
		.trouble = EXIT_FAILED };
	const char *why;
	int letter, status = 0;

	o->model = models_find(default_model);
	o->addr = "127.0.0.1";
	o->max_payload = MAX_PAYLOAD;
	o->max_conns = MAX_CONNS;
	o->timeout_ns = TIMEOUT_NS;
	o->seed = 1;
	while ((letter = opt_next(&opt, argc, argv, &status)) != OPT_NONE) {
		switch (letter) {
		case OPT_EXIT: return status;
		case 'm':
			if (!(o->model = models_find(optarg)))
				return bad_model(optarg);
			break;
		default:
			if ((why = set_option(o, letter, optarg)))
				return bad_option(letter, optarg, why);
		}
	}
	if (o->threads != 0 && !o->model->threads) {
		msg("-j: the model %s has no fixed number of threads", o->model->name);
		return EXIT_USAGE;
	}
	if (o->port && sock_is_path(o->addr)) {
		msg("-p %s: a Unix socket has no port (-a %s)", o->port, o->addr);
		return EXIT_USAGE;
	}
	if (o->seeded && !o->timed) {
		msg("-S: only with -d");
		return EXIT_USAGE;
	}
	if (optind < argc)
		o->command = argv + optind;
	if (!o->port) {
		snprintf(s->port, sizeof s->port, "%u",
		    o->command ? 0u : (unsigned)s->protocol->port);
		o->port = s->port;
	}
	return -1;
}

/* ---- set-up ---- */

static void
raise_nofile(struct inherited *in)
{
	if (getrlimit(RLIMIT_NOFILE, &in->nofile) < 0)
		return;
	in->nofile_known = true;
	limits_descriptors();
}

/* More connections were asked for than there can be: it is a limit all the same. */
static void
check_limits(const struct server_conf *conf)
{
	uint64_t max = limits_descriptors();
	struct limits_want want = server_wants(conf);
	char text[LIMITS_TEXT];

	if (conf->max_conns == MAX_CONNS)
		return;
	/* those of fork are its children's */
	if (want.descriptors > max && !want.processes)
		msg("-c %u: fewer descriptors than that, %" PRIu64 " (ulimit -n; %" PRIu64
		    " would do)",
		    conf->max_conns, max, want.descriptors);
	/* the others have no thread for one that is idle */
	if (!conf->model->threads && !conf->model->parks && limits_lacking(&want, text)[0])
		msg("-c %u: fewer %s than that; %s", conf->max_conns,
		    want.processes ? "processes" : "threads", text);
}

static int
fill_standard(void)
{
	return std_fill() < 0 ? failed("/dev/null") : 0;
}

static int
resolve(struct serve *s)
{
	const struct options *o = &s->opt;
	const char *why = sock_resolve(o->addr, o->port, true, &s->addr);

	if (!why)
		return 0;
	msg("-a %s: %s", o->addr, why);
	return -1;
}

static int
start_listening(struct serve *s)
{
	const struct options *o = &s->opt;

	s->n_listen = sock_listen(s->addr, s->listen_fd);
	if (s->n_listen < 0) {
		if (sock_is_path(o->addr))
			msg("bind %s: %s", o->addr, strerror(errno));
		else
			msg(strchr(o->addr, ':') ? "bind [%s]:%s: %s" : "bind %s:%s: %s", o->addr,
			    o->port, strerror(errno));
		return -1;
	}
	if (sock_url(s->listen_fd[0], s->protocol->scheme, s->url, sizeof s->url) < 0)
		return failed(o->addr);
	return 0;
}

/* Find out before a long run rather than after it that the file can't be written. What is in
 * it stays until there is something to replace it. */
static int
open_usage(struct serve *s)
{
	if (!s->opt.usage_path)
		return 0;
	s->usage_fd = open(s->opt.usage_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	return s->usage_fd < 0 ? failed(s->opt.usage_path) : 0;
}

/* One more cell: what a request takes of that. */
static void
per_request(FILE *f, const struct server_usage *u, uint64_t in_all, uint64_t at_start)
{
	/* a child process that was killed has left no count */
	uint64_t used = in_all > at_start ? in_all - at_start : 0;

	if (u->requests > 0)
		fprintf(f, "\t%.3f", (double)used / (double)u->requests);
	else
		fputs("\tNA", f);
}

static int
write_usage(const struct serve *s, const struct server_usage *u)
{
	const struct server_usage *start = &s->start;
	FILE *f;

	/* fails for a pipe or a terminal, which hold nothing to cut off */
	if (ftruncate(s->usage_fd, 0) < 0 && errno != EINVAL)
		return failed(s->opt.usage_path);
	if (!(f = fdopen(s->usage_fd, "w")))
		return failed(s->opt.usage_path);
	fprintf(f,
	    "label\tconnections\trequests\terrors\tbytes_in\tbytes_out\tuser_s\tsys_s\t"
	    "maxrss_kb\tcpu_us\tvoluntary\tinvoluntary\tfaults\n");
	fprintf(f, "%s\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu.%06llu\t%llu.%06llu\t%llu", s->label,
	    (unsigned long long)u->connections, (unsigned long long)u->requests,
	    (unsigned long long)u->errors, (unsigned long long)u->bytes_in,
	    (unsigned long long)u->bytes_out, (unsigned long long)u->user_us / 1000000,
	    (unsigned long long)u->user_us % 1000000, (unsigned long long)u->sys_us / 1000000,
	    (unsigned long long)u->sys_us % 1000000, (unsigned long long)u->maxrss_kb);
	per_request(f, u, u->user_us + u->sys_us, start->user_us + start->sys_us);
	per_request(f, u, u->voluntary, start->voluntary);
	per_request(f, u, u->involuntary, start->involuntary);
	per_request(f, u, u->faults, start->faults);
	putc('\n', f);
	return std_close(f) < 0 ? failed(s->opt.usage_path) : 0;
}

/* Print the line, if any, which is the readiness signal together with end of file: nobody should
 * have to wait for this process to end because it holds stdout open. The descriptor's number
 * stays in use. */
static int
close_stdout(const char *line)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return failed("/dev/null");
	if (line && (printf("%s\n", line) < 0 || fflush(stdout) != 0))
		r = failed("stdout");
	else if (dup2(fd, 1) < 0)
		r = failed("/dev/null");
	close(fd);
	return r;
}

/* ---- signals ---- */

static void
on_signal(int sig, siginfo_t *info, void *context)
{
	unsigned char byte = (unsigned char)sig;

	(void)context;
	/* SIGTERM is what no terminal sends */
	if (sig == SIGTERM || info->si_code <= 0)
		byte |= BY_KILL;
	pipe_wake(signal_pipe, byte);
}

/* For the rest of the process's life: one that is ending already is not to be killed by another
 * signal. */
static int
catch_signals(struct serve *s)
{
	struct inherited *in = &s->before;
	struct sigaction sa;
	int fd[2];

	if (pipe_open(fd) < 0)
		return failed("pipe");
	s->signal_fd = fd[0];
	signal_pipe = fd[1];

	sigprocmask(SIG_SETMASK, NULL, &in->mask);
	memset(&sa, 0, sizeof sa);
	sigfillset(&sa.sa_mask);
	sa.sa_flags = SA_SIGINFO | SA_RESTART;
	sa.sa_sigaction = on_signal;
	sigaction(SIGCHLD, &sa, &in->chld);
	sigaction(SIGALRM, &sa, &in->alrm);
	sigaction(SIGTERM, &sa, &in->term);
	/* a shell without job control starts background programs with this ignored, yet
	 * kill -INT has to stop a server */
	sigaction(SIGINT, &sa, &in->intr);
	/* nohup */
	sigaction(SIGHUP, NULL, &in->hup);
	if (in->hup.sa_flags & SA_SIGINFO || in->hup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &sa, NULL);
	/* when nobody reads stdout, that is a start that fails, and cleans up */
	sa.sa_flags = 0;
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, &in->pipe);
	return 0;
}

/* A child process has ended. */
static void
reap(struct serve *s, struct server *sv)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != s->command) {
			server_reaped(sv, pid, status);
			continue;
		}
		s->command = 0;
		s->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

/* SIGALRM has come, perhaps from somebody else: kill the command if its time is over. */
static void
expire_grace(const struct serve *s)
{
	uint64_t now = clock_ns();

	if (now < s->kill_ns) {
		alarm((unsigned)((s->kill_ns - now + CLOCK_S - 1) / CLOCK_S));
	} else if (s->command > 0) {
		msg("the command has not ended %u s after a signal: killed", s->grace_s);
		kill(s->command, SIGKILL);
	}
}

/* A signal has come. Returns whether it asks the server to stop: SIGALRM does as well, unless a
 * command has its time to end. */
static bool
take_signal(struct serve *s, unsigned char byte)
{
	int sig = byte & ~BY_KILL;

	if (sig == SIGALRM && s->kill_ns != 0) {
		expire_grace(s);
		return false;
	}
	if (sig == SIGCHLD)
		return false;
	if (s->command > 0 && (byte & BY_KILL || sig == SIGALRM)) {
		kill(s->command, sig == SIGALRM ? SIGTERM : sig);
		if (s->kill_ns == 0) {
			s->kill_ns = clock_ns() + s->grace_s * CLOCK_S;
			alarm(s->grace_s);
		}
	}
	return true;
}

/* conf.h: control. Only the end of the command, if there is one, stops the server; a signal
 * is passed on to it, unless the terminal has sent it to both. */
static bool
control(void *arg, struct server *sv)
{
	struct serve *s = arg;
	bool had_command = s->command != 0, signalled = false;
	unsigned char byte[64];
	ssize_t i, n;

	while ((n = read(s->signal_fd, byte, sizeof byte)) > 0 || (n < 0 && errno == EINTR))
		for (i = 0; i < n; i++)
			signalled = take_signal(s, byte[i]) || signalled;
	reap(s, sv);
	return had_command ? s->command == 0 : signalled;
}

/* ---- the command ---- */

/* A URL that can be connected to, as the address of all interfaces can't: from this machine, or
 * from others if there is a way there. */
static void
reachable_url(const struct serve *s, bool others, char *text, size_t size)
{
	static const struct {
		const char *any, *here;
		int family;
	} hosts[] = { { "0.0.0.0:", "127.0.0.1", AF_INET }, { "[::]:", "[::1]", AF_INET6 } };
	const char *host = s->url + strlen(s->protocol->scheme) + strlen("://");
	char own[256];
	size_t i, n;

	snprintf(text, size, "%s", s->url);
	for (i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		n = strlen(hosts[i].any);
		if (strncmp(host, hosts[i].any, n) != 0)
			continue;
		if (!others || sock_own_address(hosts[i].family, own, sizeof own) < 0)
			snprintf(own, sizeof own, "%s", hosts[i].here);
		snprintf(text, size, "%s://%s:%s", s->protocol->scheme, own, host + n);
	}
}

/* child.h: prepare. The command inherits what this program has inherited. */
static void
prepare_command(const void *arg)
{
	const struct serve *s = arg;
	const struct inherited *in = &s->before;

	sigaction(SIGCHLD, &in->chld, NULL);
	sigaction(SIGALRM, &in->alrm, NULL);
	sigaction(SIGTERM, &in->term, NULL);
	sigaction(SIGINT, &in->intr, NULL);
	sigaction(SIGHUP, &in->hup, NULL);
	sigaction(SIGPIPE, &in->pipe, NULL);
	if (in->nofile_known)
		setrlimit(RLIMIT_NOFILE, &in->nofile);
	if (in->placed)
		cpus_set_affinity(&in->cpus);
	clock_undo_punctual(in->slack);
	if (!child_follows(s->pid))
		_exit(EXIT_FAILED);
}

/* The environment of the command: this server, behind those that an outer server has put
 * there. (What a person exported is replaced: BENCH_SERVERS is not a copy of it.) */
static int
export_target(struct serve *s)
{
	const char *target = getenv("BENCH_TARGET"), *label = getenv("BENCH_LABEL");
	const char *servers = getenv("BENCH_SERVERS");
	bool nested = target && label && servers && strcmp(servers, target) == 0;
	char url[sizeof s->url], *targets, *labels;
	size_t n, m;
	bool good;

	s->grace_s = GRACE_S;
	for (; nested && servers && s->grace_s > LEAST_GRACE_S; s->grace_s--)
		if ((servers = strchr(servers, ' ')))
			servers++;
	reachable_url(s, false, url, sizeof url);
	if (nested)
		serve_unique_label(s->label, label);
	n = strlen(url) + (nested ? strlen(target) : 0) + 2;
	m = strlen(s->label) + (nested ? strlen(label) : 0) + 2;
	targets = malloc(n);
	labels = malloc(m);
	good = targets && labels;
	if (good) {
		snprintf(targets, n, "%s%s%s", nested ? target : "", nested ? " " : "", url);
		snprintf(labels, m, "%s%s%s", nested ? label : "", nested ? " " : "", s->label);
		good = setenv("BENCH_TARGET", targets, 1) == 0
		    && setenv("BENCH_SERVERS", targets, 1) == 0
		    && setenv("BENCH_LABEL", labels, 1) == 0;
	}
	free(targets);
	free(labels);
	return good ? 0 : failed("environment");
}

/* -P, or what bench-turns says. */
static int
take_place(struct serve *s)
{
	const char *from = s->opt.cpus ? "-P" : "BENCH_SERVER_CPUS", *why;
	const char *text = s->opt.cpus ? s->opt.cpus : getenv("BENCH_SERVER_CPUS");
	const char *congestion = getenv("BENCH_CONGESTION");
	struct cpus set;

	if (congestion && *congestion && (why = sock_congestion(congestion))) {
		msg("BENCH_CONGESTION %s: %s", congestion, why);
		return -1;
	}
	if (!text || !*text)
		return 0;
	s->before.placed = cpus_get_affinity(&s->before.cpus) == 0;
	if ((why = cpus_parse(&set, text)) || (why = cpus_use(&set))) {
		msg("%s %s: %s", from, text, why);
		return -1;
	}
	return 0;
}

static int
start_command(struct serve *s)
{
	sigset_t all;
	pid_t pid;
	int e;

	if (export_target(s) < 0)
		return -1;
	/* a signal before the child has its own handlers again would be taken for ours */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	s->pid = getpid();
	pid = child_start(s->opt.command, prepare_command, s, &s->before.mask);
	e = errno;
	sigprocmask(SIG_SETMASK, &s->before.mask, NULL);
	errno = e;
	if (pid < 0)
		return failed("fork");
	s->command = pid;
	return close_stdout(NULL);
}

/* conf.h: ready. */
static int
ready(void *arg)
{
	struct serve *s = arg;
	char url[sizeof s->url];

	if (s->usage_fd >= 0)
		server_measure(&s->start);
	if (s->opt.command)
		return start_command(s);
	reachable_url(s, true, url, sizeof url);
	return close_stdout(url);
}

/* The server can't go on. */
static void
end_command(struct serve *s)
{
	struct pollfd p = { .fd = s->signal_fd, .events = POLLIN };
	uint64_t until = clock_ns() + s->grace_s * CLOCK_S, now;
	pid_t pid = 0;

	if (s->command <= 0)
		return;
	kill(s->command, SIGTERM);
	while ((now = clock_ns()) < until && (pid = waitpid(s->command, NULL, WNOHANG)) == 0) {
		poll(&p, 1, clock_poll_ms(until - now)); /* SIGCHLD ends this */
		pipe_drain(s->signal_fd);
	}
	if (pid == 0) {
		kill(s->command, SIGKILL);
		while (waitpid(s->command, NULL, 0) < 0 && errno == EINTR)
			;
	}
	s->command = 0;
}

/* ---- life ---- */

static int
serve(struct serve *s)
{
	const struct options *o = &s->opt;
	struct service service = { .max_payload = o->max_payload, .timed = o->timed };
	struct server_usage usage;
	struct server_conf conf;
	int status = 0;

	if (o->label)
		snprintf(s->label, sizeof s->label, "%s", o->label);
	else
		serve_default_label(s->label, s->protocol->scheme, o->model->name);
	if (take_place(s) < 0)
		return EXIT_USAGE;
	raise_nofile(&s->before);
	/* before signals are caught what may take long, and after that what has to be removed */
	if (fill_standard() < 0 || resolve(s) < 0 || open_usage(s) < 0 || catch_signals(s) < 0
	    || start_listening(s) < 0)
		return EXIT_FAILED;

	memset(&conf, 0, sizeof conf);
	conf.protocol = s->protocol;
	conf.service = &service;
	conf.model = o->model;
	if (o->timed)
		conf.dist = &o->dist;
	conf.seed = o->seed;
	conf.threads = (unsigned)o->threads;
	if (conf.threads == 0 && o->model->threads > 0)
		conf.threads = o->model->threads * cpus_available(MOST_PROCESSORS);
	conf.max_conns = (unsigned)o->max_conns;
	check_limits(&conf);
	conf.timeout_ns = o->timeout_ns;
	conf.listen_fd = s->listen_fd;
	conf.n_listen = (unsigned)s->n_listen;
	conf.addr = s->addr;
	conf.ready = ready;
	conf.control_fd = s->signal_fd;
	conf.control = control;
	conf.arg = s;
	memset(&usage, 0, sizeof usage);
	s->before.slack = clock_be_punctual();
	if (server_run(&conf, &usage) < 0) {
		end_command(s);
		status = EXIT_FAILED;
	}
	if (s->usage_fd >= 0) {
		server_measure(&usage);
		if (write_usage(s, &usage) < 0)
			status = EXIT_FAILED;
		s->usage_fd = -1;
	}
	return s->status != 0 ? s->status : status;
}

int
serve_main(int argc, char **argv, const struct server_protocol *protocol, const char *default_model)
{
	struct serve s;
	int status;

	memset(&s, 0, sizeof s);
	s.protocol = protocol;
	s.usage_fd = s.signal_fd = -1;
	msg_program(argv[0]);
	if ((status = parse(&s, argc, argv, default_model)) >= 0)
		return status;
	status = serve(&s);
	sock_remove(s.addr);
	while (s.n_listen > 0)
		close(s.listen_fd[--s.n_listen]);
	free(s.addr);
	if (s.usage_fd >= 0)
		close(s.usage_fd);
	return status;
}
