#!/bin/sh
# SPDX-License-Identifier: ISC
# Which lines of lib/ the tests run: all of them, or the bats files that are named. Prints a table,
# and then the lines that were not run, as ranges. Fails if less than COVERAGE_MIN percent (90)
# of all lines were.
#
# usage: coverage.sh [file.bats ...]
#
# The counts are written when a process exits: those of children that are killed, and of the fork
# model's (which leave by _exit), are lost. About 95 % of the lines are run. The others are, in this
# order: what happens when memory, descriptors or threads run out where no test makes them; system
# calls that fail as they never do; the children just named; replies of RPyC peers that stock ones
# do not send (the fuzz targets reach those). loop_poll.c and loop_kqueue.c are not built where
# there is epoll.

set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."
cc=${COVERAGE_CC:-gcc}
gcov=${COVERAGE_GCOV:-gcov}
min=${COVERAGE_MIN:-90}

for tool in "$cc" "$gcov"; do
	command -v "$tool" >/dev/null || {
		printf 'coverage.sh: needs gcc and gcov: %s: not found\n' "$tool" >&2
		exit 77
	}
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A copy, so that nothing that was built before is used, and no counts are left behind.
mkdir "$work/tree"
cp -R Makefile README.md bin lib tests results "$work/tree"
make -s -C "$work/tree" clean
flags='-O1 -g --coverage -fprofile-update=atomic -fno-inline'
make -s -C "$work/tree" CC="$cc" CFLAGS="$flags" all test-programs ||
    { printf 'coverage.sh: the tree does not build\n' >&2; exit 1; }

# SANITIZED: limits on speed and memory make no sense here
status=0
(
	cd "$work/tree"
	SANITIZED=1 BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300} tests/run.sh "$@"
) >"$work/log" 2>&1 || status=$?
grep '^not ok' "$work/log" || true
[ "$status" -eq 0 ] || printf '# the tests ended with status %s\n' "$status"

cd "$work/tree"
# -p: three folders have a server.c
for dir in lib lib/*/; do
	dir=${dir%/}
	"$gcov" -p -o "$dir" "$dir"/*.c >"$work/gcov.log" 2>"$work/gcov.err" || cat "$work/gcov.err"
done
awk -v min="$min" '
function range() {
	if (first != "")
		list = list (list == "" ? "" : " ") (first == last ? first : first "-" last)
	first = ""
}
function file_done() {
	if (name == "")
		return
	range()
	if (run + missed > 0)
		printf "%-24s %6d %6d %6.1f\n", name, run + missed, run, 100 * run / (run + missed)
	if (list != "")
		rest = rest sprintf("%s: %s\n", name, list)
	all += run + missed
	good += run
}
BEGIN { printf "%-24s %6s %6s %6s\n", "file", "lines", "run", "%" }
FNR == 1 {
	file_done()
	name = FILENAME
	gsub(/^\.\/|\.gcov$/, "", name)
	gsub("#", "/", name)
	run = missed = 0
	list = first = ""
}
{
	split($0, part, ":")
	count = part[1]
	line = part[2] + 0
	gsub(/ /, "", count)
	if (count == "-")
		next
	if (count ~ /^[#=]/) {
		missed++
		if (first == "")
			first = line
		last = line
	} else {
		run++
		range()
	}
}
END {
	file_done()
	printf "%-24s %6d %6d %6.1f\n\nnot run:\n%s", "all", all, good, 100 * good / all, rest
	exit 100 * good / all < min
}' ./lib#*.c.gcov || { printf 'coverage.sh: less than %s %% of the lines\n' "$min" >&2; exit 1; }
exit "$status"
