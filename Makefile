# SPDX-License-Identifier: ISC
# .POSIX makes CC follow the line below rather than the environment: say "make CC=clang".
.POSIX:
.SUFFIXES:
.SUFFIXES: .c .o

VERSION = 0.2.0

PREFIX = /usr/local
MANPREFIX = $(PREFIX)/share/man
COMPPREFIX = $(PREFIX)/share/bash-completion/completions

CC = cc
AR = ar
CFLAGS = -O2 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS =
LDFLAGS =
LDLIBS =

# Options or files of tests/run.sh: make test TESTS=-a
TESTS =

# What the sources need, whatever the macros above are set to.
NEED_CFLAGS = -std=c11 -pthread
NEED_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -DVERSION='"$(VERSION)"' -Ilib
NEED_LDLIBS = -lm

# A new module or program is a word here.
LIB_SRC = \
	lib/payload.c lib/service.c \
	lib/base/awake.c lib/base/buf.c lib/base/child.c lib/base/clock.c lib/base/cpus.c \
	lib/base/cpus_bsd.c lib/base/cpus_linux.c lib/base/distance.c lib/base/label.c \
	lib/base/limits.c lib/base/msg.c lib/base/num.c lib/base/opt.c lib/base/out.c \
	lib/base/pipe.c lib/base/rng.c lib/base/std.c lib/base/thread.c lib/base/url.c \
	lib/base/utf8.c \
	lib/net/loop_epoll.c lib/net/loop_kqueue.c lib/net/loop_poll.c lib/net/sock.c \
	lib/net/source.c lib/net/stamp.c lib/net/stamp_linux.c \
	lib/stats/bars.c lib/stats/buckets.c lib/stats/column.c lib/stats/hist.c lib/stats/joint.c \
	lib/stats/layout.c \
	lib/stats/capacity.c lib/stats/limit.c \
	lib/stats/paired.c lib/stats/result.c lib/stats/rounds.c lib/stats/rows.c \
	lib/stats/runs.c lib/stats/stat.c lib/stats/table.c lib/stats/tsv.c lib/stats/verdict.c \
	lib/rpyc/args.c lib/rpyc/brine.c lib/rpyc/client.c lib/rpyc/exception.c \
	lib/rpyc/exports.c lib/rpyc/frame.c lib/rpyc/inflate.c lib/rpyc/list.c lib/rpyc/methods.c \
	lib/rpyc/objects.c lib/rpyc/remote_args.c lib/rpyc/reply.c lib/rpyc/request.c \
	lib/rpyc/server.c \
	lib/http/client.c lib/http/date.c lib/http/json.c lib/http/message.c lib/http/server.c \
	lib/server/blocking.c lib/server/conn.c lib/server/delay.c lib/server/event.c \
	lib/server/fork.c lib/server/main.c lib/server/models.c lib/server/pool.c \
	lib/server/programs.c lib/server/server.c \
	lib/client/conn.c lib/client/target.c \
	lib/load/bench.c lib/load/block.c lib/load/blocking.c lib/load/due.c lib/load/event.c lib/load/live.c \
	lib/load/options.c lib/load/replay.c lib/load/retry.c lib/load/schedule.c lib/load/sequence.c \
	lib/load/targets.c
BIN_SRC = \
	bin/bench-cap.c \
	bin/bench-busy.c bin/bench-bw.c bin/bench-cmp.c bin/bench-conc.c bin/bench-conn.c \
	bin/bench-file.c bin/bench-idle.c bin/bench-lat.c bin/bench-show.c \
	bin/bench-stat.c bin/bench-turns.c bin/http-serve.c bin/rpc-serve.c
SCRIPTS = bin/bench-env bin/bench-pass bin/bench-plot bin/bench-report bin/bench-suite
UNIT_SRC = \
	tests/unit/capacity.c \
	tests/unit/client.c tests/unit/cpus.c tests/unit/delay.c tests/unit/depth.c \
	tests/unit/due.c tests/unit/hist.c tests/unit/http.c tests/unit/inflate.c tests/unit/json.c \
	tests/unit/loop.c tests/unit/num.c tests/unit/pair.c tests/unit/paired.c \
	tests/unit/rpyc.c tests/unit/rpyc_client.c tests/unit/rpyc_hostile.c \
	tests/unit/schedule.c tests/unit/server.c \
	tests/unit/service.c tests/unit/stamp.c tests/unit/stat.c tests/unit/table.c tests/unit/verdict.c
FUZZ_SRC = \
	tests/fuzz/due.c \
	tests/fuzz/http_body.c tests/fuzz/http_client.c tests/fuzz/http_request.c \
	tests/fuzz/http_response.c tests/fuzz/http_server.c tests/fuzz/inflate.c \
	tests/fuzz/json.c tests/fuzz/num.c tests/fuzz/rpyc_client.c \
	tests/fuzz/rpyc_frame.c tests/fuzz/rpyc_server.c tests/fuzz/table.c tests/fuzz/url.c
TEST_SRC = \
	$(UNIT_SRC) $(FUZZ_SRC) tests/peers/bad_client.c tests/peers/bad_peer.c \
	tests/peers/bare.c tests/peers/conform.c tests/peers/dial.c tests/peers/fixed.c \
	tests/peers/hold.c tests/peers/pingpong.c
HDR = lib/*.h lib/*/*.h

LIB = lib/librpcbench.a
LIB_OBJ = $(LIB_SRC:.c=.o)
BIN = $(BIN_SRC:.c=)
TEST_BIN = $(TEST_SRC:.c=)
UNIT_BIN = $(UNIT_SRC:.c=)

all: $(BIN)

# Everything depends on every header: simpler than lists that go wrong, and a full
# build takes seconds.
$(LIB_OBJ): $(HDR) Makefile
$(BIN): $(LIB) $(HDR) Makefile
$(TEST_BIN): $(LIB) $(HDR) tests/unit/tap.h tests/fuzz/fuzz.h tests/fuzz/fuzz_http.h Makefile

.c.o:
	$(CC) $(NEED_CPPFLAGS) $(CPPFLAGS) $(NEED_CFLAGS) $(CFLAGS) -c -o $@ $<

.c:
	$(CC) $(NEED_CPPFLAGS) $(CPPFLAGS) $(NEED_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< \
		$(LIB) $(LDLIBS) $(NEED_LDLIBS)

# The servers need no mathematical library, and start sooner without it.
bin/http-serve bin/rpc-serve:
	$(CC) $(NEED_CPPFLAGS) $(CPPFLAGS) $(NEED_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $@.c \
		$(LIB) $(LDLIBS)

# q appends: three folders have a server.c, and r would let the last replace the others.
$(LIB): $(LIB_OBJ)
	rm -f $@
	$(AR) qc $@ $(LIB_OBJ)

# The whole suite, servers included, with its defaults: rows under results/, a table here.
suite: all
	bin/bench-suite

test-programs: $(TEST_BIN)

unit-programs: $(UNIT_BIN)

test: all test-programs
	bash tests/run.sh $(TESTS)

# Other compilers, sanitizers, linters: what is absent is skipped.
check:
	sh tests/check.sh

# Inputs made up without end, for FUZZ_S seconds each target; needs clang.
fuzz:
	sh tests/fuzz/fuzz.sh

# Which lines of lib/ the tests run; needs gcc and gcov.
coverage:
	sh tests/coverage.sh

# Our speed against others, side by side: rows under results/.
peers: all test-programs
	sh tests/measure/peers.sh

# What more connections cost, for each model on both wires: rows and pictures there, too.
growth: all test-programs
	sh tests/measure/scaling.sh

# What the programs report against what is known: three minutes.
truth: all test-programs
	sh tests/measure/accuracy.sh

# Would the next run of bench-suite say the same? 45 minutes; with -L a load beside it.
verdicts: all test-programs
	sh tests/measure/verdicts.sh

# Does any server grow with what it lives through? All of them, for an hour.
soak: all test-programs
	sh tests/measure/soak.sh

# Our servers beside stock Python ones, under the same clients.
python: all test-programs
	sh tests/measure/python.sh

install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(MANPREFIX)/man1 \
		$(DESTDIR)$(MANPREFIX)/man7 $(DESTDIR)$(COMPPREFIX)
	cp bin/rpcbench.7 $(DESTDIR)$(MANPREFIX)/man7
	cp bin/rpcbench.bash $(DESTDIR)$(COMPPREFIX)
	chmod 644 $(DESTDIR)$(MANPREFIX)/man7/rpcbench.7 $(DESTDIR)$(COMPPREFIX)/rpcbench.bash
	for p in $(BIN) $(SCRIPTS); do \
		n=$${p#bin/}; \
		cp $$p $(DESTDIR)$(PREFIX)/bin/$$n && chmod 755 $(DESTDIR)$(PREFIX)/bin/$$n && \
		cp $$p.1 $(DESTDIR)$(MANPREFIX)/man1/$$n.1 && \
		chmod 644 $(DESTDIR)$(MANPREFIX)/man1/$$n.1 && \
		ln -sf rpcbench.bash $(DESTDIR)$(COMPPREFIX)/$$n || exit 1; \
	done

uninstall:
	rm -f $(DESTDIR)$(MANPREFIX)/man7/rpcbench.7 $(DESTDIR)$(COMPPREFIX)/rpcbench.bash
	for p in $(BIN) $(SCRIPTS); do \
		n=$${p#bin/}; \
		rm -f $(DESTDIR)$(PREFIX)/bin/$$n $(DESTDIR)$(MANPREFIX)/man1/$$n.1 \
			$(DESTDIR)$(COMPPREFIX)/$$n || exit 1; \
	done

# What is committed, as a tarball.
dist:
	git archive --prefix=rpcbench-$(VERSION)/ -o rpcbench-$(VERSION).tar.gz HEAD

# For editors and clang tools: how each source is compiled.
compile_commands.json: Makefile
	args=$$(for a in $(CC) $(NEED_CPPFLAGS) $(CPPFLAGS) $(NEED_CFLAGS) $(CFLAGS); do \
		printf '%s\n' "$$a"; done | sed 's/[\\"]/\\&/g; s/.*/"&",/' | tr '\n' ' '); \
	for f in $(LIB_SRC) $(BIN_SRC) $(TEST_SRC); do \
		printf '{"directory": "%s", "file": "%s", "arguments": [%s"-c", "%s"]},\n' \
			"$$(pwd)" $$f "$$args" $$f; \
	done | sed '1s/^/[/; $$s/,$$/]/' >$@

clean:
	rm -f $(BIN) $(LIB) $(LIB_OBJ) $(TEST_BIN)
	rm -f compile_commands.json rpcbench-$(VERSION).tar.gz
	rm -rf tests/peers/__pycache__
