#!/bin/sh
# SPDX-License-Identifier: ISC
# Builds and checks beyond the tests: other compilers and libraries, sanitizers, linters. One
# line of TAP each (and those of the tests that a step runs); a step whose tool is absent is
# skipped.
#
# usage: check.sh [-q] [step or group ...]
#
# The groups are builds, analysers and suites. What the last ones run has limits of time: they
# had better have the machine for themselves.
#
# The sanitizers run the whole suite, which takes a while; with -q the parts that feed the
# programs most and wait least. clang-tidy follows fewer paths with -q.
#
# Each build has a copy of the tree to itself. Behind each step is how long it took.
# shellcheck disable=SC2317 # the steps are called by name

set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."
root=$PWD
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Show a command and run it.
try() {
	printf '# %s\n' "$*"
	"$@"
}

# Set processor_s to the processor time of all that has run so far. (A subshell would have its own.)
processor_time() {
	times >"$work/times"
	processor_s=$(sed -n 2p "$work/times" | awk '{
		for (i = 1; i <= 2; i++) { split($i, t, "[ms]"); s += 60 * t[1] + t[2] } printf "%d\n", s }')
}

# A copy of the sources, without anything built, in $work/$1.
copy() {
	rm -rf "${work:?}/$1"
	mkdir "$work/$1"
	cp -R Makefile bin lib tests results "$work/$1"
	make -s -C "$work/$1" clean
}

need() {
	for tool in "$@"; do
		command -v "$tool" >/dev/null || { missing=$tool; return 77; }
	done
}

# suites NAME SUITE...: run these bats files of a build.
suites() {
	cd "$work/$1/tests" || return
	shift
	for suite in "$@"; do
		shift
		# the pattern for all
		# shellcheck disable=SC2086
		set -- "$@" */$suite.bats
	done
	for suite in "$@"; do
		shift
		set -- "$@" "tests/$suite"
	done
	TEST_LONG=$long try ./run.sh "$@"
}

# build NAME TOOL MAKE ARGUMENT...: a whole build, programs of the tests included.
build() {
	name=$1 tool=$2 make=$3
	shift 3
	need "$tool" "$make" || return
	copy "$name" && try "$make" -C "$work/$name" "$@" all test-programs
}

# Only this one's warnings depend on what the optimizer sees; the others compile without, in half
# the time. Of several files at a time none may need what is not yet there.
step_gcc() {
	build gcc gcc make -j4 CC=gcc CFLAGS="-O2 $warnings"
}

step_clang() {
	build clang clang make CC=clang CFLAGS="-O0 $warnings"
}

# (The unit tests compute for a minute where nothing is optimized.)
step_musl() {
	build musl musl-gcc make CC=musl-gcc CFLAGS="-O1 $warnings" &&
	    try "$work/musl/tests/run.sh" "$work/musl/tests/unit/unit.bats"
}

step_bmake() {
	build bmake bmake bmake CFLAGS="-O0 -g $warnings"
}

# cross NAME TRIPLET [EMULATOR]: the unit tests as built for another machine.
cross() {
	need "$2-gcc" make "${3:-make}" && copy "$1" && try make -s -C "$work/$1" CC="$2-gcc" AR="$2-ar" \
	    LDFLAGS=-static CPPFLAGS=-D_FILE_OFFSET_BITS=64 CFLAGS="-O2 $warnings" unit-programs || return
	EMULATOR=${3-} try "$work/$1/tests/run.sh" "$work/$1/tests/unit/unit.bats"
}

# By itself: in qemu-i386 7.2, programs with threads end with SIGSEGV.
step_bits32() {
	case $(uname -m) in
	x86_64 | i?86) cross bits32 i686-linux-gnu ;;
	*) missing='an x86 processor' && return 77 ;;
	esac
}

step_big_endian() {
	cross big-endian s390x-linux-gnu qemu-s390x
}

step_posix_only() {
	build posix gcc make CC=gcc CPPFLAGS=-DPOSIX_ONLY CFLAGS="-O2 $warnings" &&
	    try "$work/posix/tests/run.sh" "$work/posix/tests/unit/unit.bats" \
	    "$work/posix/tests/system/models.bats" "$work/posix/tests/system/hostile.bats" \
	    "$work/posix/tests/system/stamps.bats"
}

# What make test leaves out.
step_slow() {
	build slow gcc make CC=gcc CFLAGS='-O2' && try "$work/slow/tests/run.sh" -l
}

# AddressSanitizer (with its search for leaks) and UndefinedBehaviorSanitizer.
step_asan() {
	build asan gcc make -j2 CC=gcc \
	    CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" || return
	if [ "$quick" = 1 ]; then
		set -- stress-rpc stress-http unit fuzz hostile models http-serve rpc-serve bench-conn bench-lat \
		    bench-bw bench-file bench-conc bench-stat bench-cmp bench-show
	else
		set -- '*'
		long=1
	fi
	SANITIZED=1 BATS_TEST_TIMEOUT=600 suites asan "$@"
}

step_tsan() {
	build tsan gcc make -j2 CC=gcc CFLAGS="-O1 -g -fsanitize=thread" || return
	if [ "$quick" = 1 ]; then
		set -- stress-rpc stress-http models bench-conc
	else
		set -- '*'
		long=1
	fi
	SANITIZED=thread TSAN_OPTIONS=halt_on_error=1 BATS_TEST_TIMEOUT=600 suites tsan "$@"
}

step_fuzz() {
	need clang || return
	FUZZ_S=${FUZZ_S:-3} try sh tests/fuzz/fuzz.sh
}

step_layers() {
	try sh tests/layers.sh
}

step_makefile() {
	# "make clean" knows what is built, and nothing built belongs into the tree
	copy makefile || return
	built=$(find "$work/makefile" -path '*/fuzz/corpus' -prune -o -type f -print |
	    while read -r f; do ! head -c 4 "$f" | grep -q ELF || echo "${f#"$work/makefile/"}"; done)
	[ -z "$built" ] || { printf '%s\n' "$built" | sed 's/^/# a built program: /'; return 1; }
	for f in lib/*.c lib/*/*.c bin/*.c tests/unit/*.c tests/fuzz/*.c; do
		# one word each, so a word that is missing would go unnoticed for long
		grep -qw -- "$f" Makefile || { printf '# not in Makefile: %s\n' "$f"; return 1; }
		head -n 1 "$f" | grep -q 'SPDX-License-Identifier: ISC' || {
			printf '# no licence in its first line: %s\n' "$f"
			return 1
		}
	done
}

step_headers() {
	need gcc || return
	for f in lib/*.h lib/*/*.h tests/unit/tap.h; do
		# shellcheck disable=SC2086 # words
		printf '#include "%s"\n#include "%s"\n' "$f" "$f" |
		    gcc -std=c11 -D_POSIX_C_SOURCE=200809L $warnings -Wno-unused -I. -Ilib -fsyntax-only -x c - || {
			printf '# does not stand alone: %s\n' "$f"
			return 1
		}
	done
}

step_install() {
	copy install && make -s -C "$work/install" CFLAGS=-O0 DESTDIR="$work/there" PREFIX=/p install || return
	for p in rpc-serve http-serve bench-conn bench-lat bench-bw bench-file bench-conc bench-stat bench-cmp \
	    bench-busy bench-idle bench-show bench-suite bench-report bench-plot bench-env bench-pass; do
		[ -x "$work/there/p/bin/$p" ] && [ -f "$work/there/p/share/man/man1/$p.1" ] &&
		    [ -f "$work/there/p/share/bash-completion/completions/$p" ] || return 1
	done
	"$work/there/p/bin/rpc-serve" "$work/there/p/bin/bench-lat" -n 5 >/dev/null || return
	make -s -C "$work/install" DESTDIR="$work/there" PREFIX=/p uninstall || return
	[ -z "$(find "$work/there" ! -type d)" ]
}

step_shellcheck() {
	need shellcheck || return
	try shellcheck -x bin/bench-suite bin/bench-pass bin/bench-env bin/bench-report bin/bench-plot bin/rpcbench.bash tests/*.sh tests/*/*.sh tests/*.bash tests/*/*.bash .ci/run || return
	# each @test is a subshell with variables of its own, some of them set by run; the words of
	# other languages are in single quotes
	try shellcheck -e SC1010,SC2015,SC2016,SC2030,SC2031,SC2129,SC2153,SC2154 tests/*/*.bats
}

step_man_pages() {
	need mandoc || return
	try mandoc -T lint -W warning bin/*.[17]
}

step_cppcheck() {
	need cppcheck && copy cppcheck || return
	cd "$work/cppcheck"
	# 65,536 items written with macros, which it takes minutes to look at, one after the other
	sed 's/^\(static const unsigned char fill_x\)\[\].*/\1[FILL_SIZE] = { 0 };/' lib/service.c >cut.c
	grep -q 'fill_x\[FILL_SIZE\]' cut.c && mv cut.c lib/service.c || return
	try cppcheck -q --std=c11 --enable=warning,portability,performance --inline-suppr \
	    --max-configs=2 --error-exitcode=1 -D_POSIX_C_SOURCE=200809L -DVERSION='""' -I lib lib bin
}

# What is not asked, and why, is in .clang-tidy. Nearly all of the time goes into following the paths
# through each function; with -q as far as takes two fifths of it, a quarter of clang's limit.
step_clang_tidy() {
	need clang-tidy || return
	set -- -std=c11 -D_POSIX_C_SOURCE=200809L -DVERSION='""' -Ilib
	[ "$quick" = 0 ] || set -- "$@" -Xclang -analyzer-config -Xclang max-nodes=56250
	# one file at a time: of several, version 14 takes the va_lists of all but the first for
	# uninitialised. Its count of what it leaves out, on stderr, is no finding.
	status=0
	for f in lib/*.c lib/*/*.c bin/*.c; do
		clang-tidy --quiet "$f" -- "$@" 2>"$work/tidy.err" || { status=1; cat "$work/tidy.err"; }
	done
	return "$status"
}

# What conforms differs between versions; this is Debian 12's.
step_clang_format() {
	need clang-format || return
	case $(clang-format --version) in
	*' version 14.'*) ;;
	*)
		missing='clang-format 14'
		return 77
		;;
	esac
	try clang-format --dry-run -Werror lib/*.h lib/*/*.[ch] lib/*.c bin/*.c tests/*/*.[ch]
}

# All but leaks: of what realloc(3) gave and a struct elsewhere holds, gcc 12 thinks that it is
# lost. These are for LeakSanitizer and valgrind to find.
step_gcc_analyzer() {
	need gcc && copy analyzer && try make -C "$work/analyzer" CC=gcc \
	    CFLAGS="-O1 -fanalyzer -Wno-analyzer-malloc-leak $warnings" all
}

# Every program, and every model, under valgrind: the suite in its short form. The shell's own
# leaks are not ours, so that each program is put behind a word of its own. What is only possibly
# lost is the C library's memory of a thread that is about to end.
step_valgrind() {
	need valgrind gcc && copy valgrind && cd "$work/valgrind" &&
	    make -s CC=gcc CFLAGS='-O1 -g' all && mkdir real logs || return
	for p in bench-conn bench-lat bench-bw bench-file bench-conc rpc-serve http-serve; do
		mv "bin/$p" real/ && cat >"bin/$p" <<-END || return
			#!/bin/sh
			exec valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
			    --error-exitcode=99 --log-file='$PWD/logs/$p.%p' '$PWD/real/$p' "\$@"
		END
		chmod +x "bin/$p"
	done
	status=0
	try bin/bench-suite -q -o out rpc-thread rpc-fork http-request rpc-pool http-event >out.log 2>&1 ||
	    status=$?
	find logs -type f -size +0 -exec cat {} +
	[ "$status" -eq 0 ] || cat out.log
	[ "$status" -eq 0 ] && [ -z "$(find logs -type f -size +0)" ] && [ -n "$(find logs -name 'rpc-serve.*')" ]
}

builds='gcc clang musl bits32 big_endian bmake makefile headers install'
analysers='layers shellcheck man_pages cppcheck clang_tidy clang_format gcc_analyzer'
suites='slow posix_only asan tsan fuzz valgrind'
steps="$builds $analysers $suites"

failed=0 quick=0 long=
if [ "${1-}" = -q ]; then
	quick=1
	shift
fi
todo=
[ $# -gt 0 ] || set -- builds analysers suites
for step in "$@"; do
	case $step in
	builds) todo="$todo $builds" ;;
	analysers) todo="$todo $analysers" ;;
	suites) todo="$todo $suites" ;;
	*)
		case " $steps " in
		*" $step "*) todo="$todo $step" ;;
		*)
			printf 'check.sh: %s: no such step (%s)\n' "$step" "$steps" >&2
			exit 2
			;;
		esac
		;;
	esac
done
for step in $todo; do
	printf '# ---- %s\n' "$step"
	missing=
	status=0
	processor_time
	began=$(date +%s) before=$processor_s
	# in the condition's place, -e would not act inside; the steps return what counts
	"step_$step" 2>&1 || status=$?
	cd "$root"
	processor_time
	printf '# %d s, %d of processors\n' "$(($(date +%s) - began))" "$((processor_s - before))"
	if [ -n "$missing" ] && [ "$status" -eq 77 ]; then
		printf 'ok - %s # skip %s is not installed\n' "$step" "$missing"
	elif [ "$status" -eq 0 ]; then
		printf 'ok - %s\n' "$step"
	else
		printf 'not ok - %s (status %s)\n' "$step" "$status"
		failed=1
	fi
done
exit "$failed"
