# .POSIX makes CC follow the line below rather than the environment: say "make CC=clang".
.POSIX:
.SUFFIXES:
.SUFFIXES: .c .o

VERSION = 0.1.0

PREFIX = /usr/local
MANPREFIX = $(PREFIX)/share/man

CC = cc
AR = ar
CFLAGS = -O2 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS =
LDFLAGS =
LDLIBS =

# What the sources need, whatever the macros above are set to.
NEED_CFLAGS = -std=c11 -pthread
NEED_CPPFLAGS = -D_POSIX_C_SOURCE=200809L -DVERSION='"$(VERSION)"' -Ilib
NEED_LDLIBS = -lm

# A new module or program is a word here.
LIB_SRC = \
	lib/bench.c lib/bench_args.c lib/brine.c lib/buf.c lib/client.c lib/clock.c \
	lib/crowd.c lib/hist.c lib/http.c lib/http_client.c lib/http_server.c \
	lib/inflate.c lib/json.c lib/law.c lib/loop_epoll.c lib/loop_kqueue.c \
	lib/loop_poll.c lib/msg.c lib/num.c lib/opt.c lib/out.c lib/payload.c lib/pipe.c lib/rng.c \
	lib/rows.c lib/rpyc.c lib/rpyc_calls.c lib/rpyc_client.c lib/rpyc_list.c \
	lib/rpyc_offer.c lib/rpyc_pull.c lib/rpyc_server.c lib/schedule.c lib/serve.c lib/server.c \
	lib/server_conn.c lib/server_event.c lib/server_fork.c lib/server_pool.c \
	lib/server_request.c lib/server_thread.c lib/service.c lib/sock.c lib/stat.c \
	lib/table.c lib/tally.c lib/tsv.c lib/url.c
BIN_SRC = \
	bin/bench-bw.c bin/bench-cmp.c bin/bench-conc.c bin/bench-conn.c bin/bench-file.c \
	bin/bench-lat.c bin/bench-stat.c bin/http-serve.c bin/rpc-serve.c
SCRIPTS = bin/bench-plot bin/bench-report bin/bench-suite
UNIT_SRC = \
	tests/unit_client.c tests/unit_depth.c tests/unit_hist.c tests/unit_http.c \
	tests/unit_inflate.c tests/unit_json.c tests/unit_law.c tests/unit_loop.c tests/unit_num.c \
	tests/unit_pair.c tests/unit_rpyc.c tests/unit_rpyc_hostile.c \
	tests/unit_schedule.c tests/unit_server.c tests/unit_service.c tests/unit_stat.c \
	tests/unit_table.c
FUZZ_SRC = \
	tests/fuzz_http_body.c tests/fuzz_http_client.c tests/fuzz_http_request.c \
	tests/fuzz_http_response.c tests/fuzz_http_server.c tests/fuzz_inflate.c \
	tests/fuzz_json.c tests/fuzz_num.c tests/fuzz_rpyc_client.c \
	tests/fuzz_rpyc_frame.c tests/fuzz_rpyc_server.c tests/fuzz_table.c \
	tests/fuzz_url.c
TEST_SRC = \
	$(UNIT_SRC) $(FUZZ_SRC) tests/bad_client.c tests/bad_peer.c tests/conform.c \
	tests/hold.c tests/pingpong.c
HDR = \
	lib/bench.h lib/brine.h lib/buf.h lib/client.h lib/clock.h lib/crowd.h lib/hist.h \
	lib/http.h lib/inflate.h lib/json.h lib/law.h lib/loop.h lib/msg.h lib/num.h \
	lib/opt.h lib/out.h lib/payload.h lib/pipe.h lib/rng.h lib/rows.h lib/rpyc.h \
	lib/rpyc_client.h lib/rpyc_server.h lib/schedule.h lib/serve.h lib/server.h \
	lib/server_model.h lib/service.h lib/sock.h lib/stat.h lib/table.h lib/tally.h \
	lib/tsv.h lib/url.h lib/wire.h

LIB = lib/librpcbench.a
LIB_OBJ = $(LIB_SRC:.c=.o)
BIN = $(BIN_SRC:.c=)
TEST_BIN = $(TEST_SRC:.c=)

all: $(BIN)

# Everything depends on every header: simpler than lists that go wrong, and a full
# build takes seconds.
$(LIB_OBJ): $(HDR) Makefile
$(BIN): $(LIB) $(HDR) Makefile
$(TEST_BIN): $(LIB) $(HDR) tests/tap.h tests/fuzz.h tests/fuzz_http.h Makefile

.c.o:
	$(CC) $(NEED_CPPFLAGS) $(CPPFLAGS) $(NEED_CFLAGS) $(CFLAGS) -c -o $@ $<

.c:
	$(CC) $(NEED_CPPFLAGS) $(CPPFLAGS) $(NEED_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $< \
		$(LIB) $(LDLIBS) $(NEED_LDLIBS)

$(LIB): $(LIB_OBJ)
	rm -f $@
	$(AR) rc $@ $(LIB_OBJ)

# The whole suite, servers included, with its defaults: rows under results/, a table here.
suite: all
	bin/bench-suite

test-programs: $(TEST_BIN)

test: all test-programs
	sh tests/run.sh

# Other compilers, sanitizers, linters: what is absent is skipped.
check:
	sh tests/check.sh

# Inputs made up without end, for FUZZ_S seconds each target; needs clang.
fuzz:
	sh tests/fuzz.sh

# Which lines of lib/ the tests run; needs gcc and gcov.
coverage:
	sh tests/coverage.sh

# Our speed against others, side by side: rows under results/.
peers: all test-programs
	sh tests/peers.sh

# What more connections cost, for each model on both wires: rows and pictures there, too.
growth: all test-programs
	sh tests/growth.sh

# What the programs report against what is known: a few minutes on a quiet machine.
truth: all test-programs
	sh tests/truth.sh

# Our servers beside stock Python ones, under the same clients.
python: all test-programs
	sh tests/python.sh

install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(MANPREFIX)/man1
	for p in $(BIN) $(SCRIPTS); do \
		n=$${p#bin/}; \
		cp $$p $(DESTDIR)$(PREFIX)/bin/$$n && chmod 755 $(DESTDIR)$(PREFIX)/bin/$$n && \
		cp $$p.1 $(DESTDIR)$(MANPREFIX)/man1/$$n.1 && \
		chmod 644 $(DESTDIR)$(MANPREFIX)/man1/$$n.1 || exit 1; \
	done

uninstall:
	for p in $(BIN) $(SCRIPTS); do \
		n=$${p#bin/}; \
		rm -f $(DESTDIR)$(PREFIX)/bin/$$n $(DESTDIR)$(MANPREFIX)/man1/$$n.1 || exit 1; \
	done

clean:
	rm -f $(BIN) $(LIB) $(LIB_OBJ) $(TEST_BIN)
	rm -rf tests/peers/__pycache__
