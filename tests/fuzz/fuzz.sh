#!/bin/sh
# SPDX-License-Identifier: ISC
# Fuzz the parsers and the state machines: every target that tests/fuzz/*.c holds, or those that
# are named (json), each for FUZZ_S seconds (60), with libFuzzer,
# AddressSanitizer and UndefinedBehaviorSanitizer. It begins with what tests/fuzz/corpus has, and prints
# a table at the end. An input that breaks something is kept in FUZZ_DIR (tests/fuzz/found), and
# then the exit status is 1.
#
# usage: fuzz.sh [-m] [target ...]
#
#	-m  put inputs that reach more than the corpus did into it, the smallest there are
#
# FUZZ_CC is the compiler, a clang with libFuzzer.

set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.."

seconds=${FUZZ_S:-60}
cc=${FUZZ_CC:-clang}
found=${FUZZ_DIR:-tests/fuzz/found}
merge=

die() {
	printf 'fuzz.sh: %s\n' "$1" >&2
	exit "${2:-1}"
}

while getopts m option; do
	case $option in
	m) merge=yes ;;
	*) die 'usage: fuzz.sh [-m] [target ...]' 2 ;;
	esac
done
shift $((OPTIND - 1))
case $seconds in
'' | *[!0-9]* | 0) die "FUZZ_S: not a number of seconds: $seconds" 2 ;;
esac
if [ $# -eq 0 ]; then
	set -- tests/fuzz/*.c
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

command -v "$cc" >/dev/null ||
    die "needs clang with libFuzzer: $cc: not found (set FUZZ_CC to another)" 77
printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const char *p, size_t n);\n%s\n' \
    'int LLVMFuzzerTestOneInput(const char *p, size_t n) { return p && n ? 0 : 0; }' >"$work/try.c"
"$cc" -fsanitize=fuzzer,address,undefined -o "$work/try" "$work/try.c" 2>"$work/why" ||
    die "needs clang with libFuzzer: $cc: $(head -n 1 "$work/why")" 77

# The library with the fuzzer's eyes in it, once for all targets.
flags="-g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize=address,undefined"
mkdir "$work/tree" "$work/bin"
cp -R Makefile lib tests "$work/tree"
make -s -C "$work/tree" clean
printf '# building with %s\n' "$cc"
make -s -C "$work/tree" CC="$cc" CFLAGS="$flags -fsanitize=fuzzer-no-link" \
    lib/librpcbench.a || die 'the library does not build'
for source in "$@"; do
	name=${source##*/}
	name=${name%.c}
	[ -f "tests/fuzz/$name.c" ] || die "no such target: $source" 2
	# shellcheck disable=SC2086 # words
	"$cc" -std=c11 -pthread -D_POSIX_C_SOURCE=200809L -DFUZZER -I"$work/tree/lib" \
	    $flags -fsanitize=fuzzer -o "$work/bin/$name" "tests/fuzz/$name.c" \
	    "$work/tree/lib/librpcbench.a" -lm || die "$name does not build"
	printf '%s\n' "$name" >>"$work/names"
done

# stat FILE WORD: a number that libFuzzer tells at the end.
stat() {
	sed -n "s/^stat::$2: *//p" "$1" | tail -n 1
}

row() {
	printf '%-14s %10s %8s %7s %7s %7s  %s\n' "$@"
}

failed=0
while read -r name; do
	mkdir -p "$found/$name" "$work/new/$name"
	printf '# %s: %s s\n' "$name" "$seconds"
	set -- -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=64 \
	    -print_final_stats=1 -artifact_prefix="$found/$name/"
	case $name in
	http_*) set -- "$@" -dict=tests/fuzz/corpus/http.dict ;;
	esac
	log=$work/$name.log
	verdict=ok
	"$work/bin/$name" "$@" "$work/new/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1 || verdict=FAILED
	if [ "$verdict" = FAILED ]; then
		failed=1
		grep -E '^broken:|: runtime error:|ERROR:|SUMMARY:' "$log" | sed 's/^/# /'
		kept=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
		verdict="FAILED: ${kept:-no input: $(tail -n 1 "$log")}"
		# a run elsewhere leaves nothing but what it printed
		if [ -n "$kept" ]; then
			printf '# its first 512 bytes, as printf(1) takes them:\n# '
			od -An -v -to1 -N 512 "$kept" | tr -d '\n' | sed 's/ /\\/g'
			echo
		fi
	fi
	if [ -n "$merge" ] && [ "$verdict" = ok ]; then
		mkdir -p "$work/more/$name" "tests/fuzz/corpus/$name"
		"$work/bin/$name" -merge=1 "tests/fuzz/corpus/$name" "$work/new/$name" >/dev/null 2>&1
		for file in "tests/fuzz/corpus/$name"/*; do
			case ${file##*/} in
			????????????????????????????????????????)       # libFuzzer's name, a hash
				short=${file##*/}
				mv "$file" "tests/fuzz/corpus/$name/found-${short%????????????????????????????????}"
				;;
			esac
		done
	fi
	row "$name" "$(stat "$log" number_of_executed_units)" \
	    "$(stat "$log" average_exec_per_sec)" \
	    "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)" \
	    "$(stat "$log" new_units_added)" "$(stat "$log" peak_rss_mb)" "$verdict" >>"$work/table"
	rmdir "$found/$name" 2>/dev/null || true
done <"$work/names"
rmdir "$found" 2>/dev/null || true

row target inputs per_s edges new rss_mb verdict
cat "$work/table"
[ "$failed" -eq 0 ] || printf 'fuzz.sh: kept in %s: see tests/fuzz/corpus/README.md\n' "$found" >&2
exit "$failed"
