#!/bin/bash
# SPDX-License-Identifier: ISC
# Run bats files side by side: those that are named, or all but the slow ones. Prints TAP, file by
# file, then again what failed, and how many passed, failed and were skipped.
#
# usage: run.sh [-a | -l] [file.bats ...]
#
#	-a  all files, in their long form where they have one
#	-l  the slow ones, and those with a long form, in that
#
# TEST_JOBS files run at a time (2 for each processor: most tests wait most of the time).
# BATS_TEST_TIMEOUT is the time limit of one test in seconds (300).

set -uo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 1

# Slow by nature: ten thousand connections, and clients that break every rule, all at once.
slow=(tests/system/stress-rpc.bats tests/system/stress-http.bats tests/system/scale.bats)
# Their long form tries more moments to interrupt something at.
has_long=(tests/cli/bench-suite.bats tests/system/output.bats)
# These take longest, so they start first: none is to be left to run alone at the end.
first=(tests/cli/bench-suite.bats tests/system/faults.bats tests/system/output.bats
	tests/system/interop.bats tests/system/service-times.bats)

sh tests/get-bats.sh || exit 1
at_once=${TEST_JOBS:-$((2 * $(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)))}
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}

# All files but the slow ones: the long ones first.
usual_files() {
	local file
	printf '%s\n' "${first[@]}"
	for file in tests/*/*.bats; do
		case " ${slow[*]} ${first[*]} " in
		*" $file "*) ;;
		*) printf '%s\n' "$file" ;;
		esac
	done
}

mapfile -t files < <(usual_files)
minutes=2
case ${1-} in
-a)
	shift
	files=("${slow[@]}" "${files[@]}") minutes=5
	export TEST_LONG=1
	;;
-l)
	shift
	files=("${slow[@]}" "${has_long[@]}") minutes=4
	export TEST_LONG=1
	;;
esac
about=", about $minutes minutes on 2 processors"
if [ $# -gt 0 ]; then
	files=("$@") about=
fi

work=$(mktemp -d)
number=0 skipped=0 started=0 shown=0
failed=()

# What still runs is ended with all it has started, and what has not been shown is.
finish() {
	trap '' HUP INT TERM
	local group
	for group in $(jobs -pr); do
		kill -TERM -- "-$group" 2>/dev/null
	done
	wait
	for ((; shown < started; shown++)); do
		printf '# %s, as far as it came:\n' "${files[shown]}"
		cat "$work/$shown.tap"
	done
	rm -rf "$work"
}

# run_file N: its TAP to a file of its own.
run_file() {
	bats --tap "${files[$1]}" >"$work/$1.tap" 2>&1 </dev/null
	echo $? >"$work/$1.status"
}

# show N: the TAP of a file that has ended, renumbered.
show() {
	local file=${files[$1]} status line name plan=0 seen=0 bad=${#failed[@]}
	status=$(cat "$work/$1.status")
	printf '# %s\n' "$file"
	while IFS= read -r line; do
		case $line in
		1..*)
			plan=${line#1..}
			continue
			;;
		'ok '* | 'not ok '*)
			seen=$((seen + 1)) number=$((number + 1))
			name=${line#*ok * }
			[[ $line == ok* ]] || failed+=("$file: $name")
			[[ $line != ok*' # skip'* ]] || skipped=$((skipped + 1))
			line="${line%%ok *}ok $number $name"
			;;
		esac
		printf '%s\n' "$line"
	done <"$work/$1.tap"
	if [ "$seen" -ne "$plan" ] || [ "$seen" -eq 0 ] ||
	    { [ "$status" -ne 0 ] && [ "${#failed[@]}" -eq "$bad" ]; }; then
		number=$((number + 1))
		name="$seen of $plan tests, exit status $status"
		failed+=("$file: $name")
		printf 'not ok %d %s\n' "$number" "$name"
	fi
}

trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
printf '# bats files: %d, %d at a time%s\n' "${#files[@]}" "$at_once" "$about"
# a process group for each file
set -m
while [ "$shown" -lt "${#files[@]}" ]; do
	if [ "$started" -lt "${#files[@]}" ] && [ "$(jobs -pr | wc -l)" -lt "$at_once" ]; then
		run_file "$started" &
		started=$((started + 1))
		continue
	fi
	wait -n
	while [ -e "$work/$shown.status" ]; do
		show "$shown"
		shown=$((shown + 1))
	done
done
printf '1..%d\n' "$number"
if [ "${#failed[@]}" -gt 0 ]; then
	printf '\nFailed:\n'
	printf '    %s\n' "${failed[@]}"
fi
printf '%d passed, %d failed, %d skipped\n' $((number - ${#failed[@]} - skipped)) "${#failed[@]}" "$skipped"
[ "${#failed[@]}" -eq 0 ]
