#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-turns: a comparison repeated, everything new each time.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine bench-turns; }

@test "usage errors are refused" {
	refuses bench-turns 'a command is needed'
	refuses bench-turns 'a benchmark is needed behind the servers' rpc-serve -m fork
	refuses bench-turns '-p: must be at least 1: 0' -p 0 true
	refuses bench-turns '-e: not a percentage.*: x' -e x true
	refuses bench-turns '-e: .*: 0' -e 0 true
	refuses bench-turns '-t: .*: -1' -t -1 true
	refuses bench-turns '-P: not split, same, free or.*: 1' -P 1 true
	refuses bench-turns '-P: not a list of processors.*: 0:x' -P 0:x true
	local long
	long=$(printf '%080d' 0)
	refuses bench-turns 'label 0*: too long' rpc-serve -l "$long" rpc-serve -l "$long" true
	refuses bench-turns 'label a b: .*blank' rpc-serve -l 'a b' true
}

@test "every pass has all rows, new servers in another order, and each its own label" {
	run -0 --separate-stderr bench-turns -p 8 rpc-serve rpc-serve -m fork rpc-serve -d 1us bench-lat -B 2 -b 3
	printf '%s\n' "$output" >out.tsv
	rows out.tsv
	grep -q '^bench-turns: 8 passes in' <<<"$stderr" || fail "$stderr"
	[ "$(cut -f 1,25,26 out.tsv | tail -n +2 | sort | uniq -c | awk '$1 != 1' | wc -l)" = 0 ] || fail "$output"
	[ "$(wc -l <out.tsv)" = $((1 + 8 * 3 * 2)) ] || fail "$output"
	[ "$(cut -f 1 out.tsv | sort -u | tr '\n' ' ')" = 'label rpc-fork rpc-thread rpc-thread.2 ' ] || fail "$output"
	run -0 --separate-stderr bench-turns -q -p 8 rpc-serve rpc-serve -m fork rpc-serve -d 1us sh -c 'echo $BENCH_LABEL'
	[ "$(sort -u <<<"$output" | wc -l)" -gt 1 ] || fail "always the same order: $output"
	[ -z "$stderr" ] || fail "$stderr"
	# the slow one keeps its number, whatever the order
	run -0 --separate-stderr bench-turns -q -p 6 rpc-serve rpc-serve -d 2ms bench-lat -H -B 2 -b 2
	awk -F '\t' '$1 == "rpc-thread.2" { bad = bad || $14 < 2000; next } $14 < 2000 { quick++ }
		END { exit bad || !quick }' <<<"$output" || fail "$output"
}

@test "pass, seed and processors are told by the environment" {
	run -0 --separate-stderr bench-turns -q -p 3 -P 0:0 -S 7 rpc-serve sh -c \
	    'echo $BENCH_PASS $BENCH_SERVER_CPUS $BENCH_CLIENT_CPUS $BENCH_SEED'
	[ "$(cut -d ' ' -f 1-3 <<<"$output" | tr '\n' ' ')" = '1 0 0 2 0 0 3 0 0 ' ] || fail "$output"
	[ "$(cut -d ' ' -f 4 <<<"$output" | sort -u | wc -l)" = 3 ] || fail "$output"
	local first=$output
	run -0 --separate-stderr bench-turns -q -p 3 -P 0:0 -S 7 rpc-serve sh -c \
	    'echo $BENCH_PASS $BENCH_SERVER_CPUS $BENCH_CLIENT_CPUS $BENCH_SEED'
	[ "$output" = "$first" ] || fail "another seed: $output"
	run -0 --separate-stderr bench-turns -q -p 1 -P free rpc-serve sh -c 'echo "${BENCH_SERVER_CPUS-none}"'
	[ "$output" = none ] || fail "$output"
	run -0 --separate-stderr bench-turns -q -p 1 -P 0:0 -P free rpc-serve -m fork -- http-serve -- sh -c \
	    'echo "${BENCH_SERVER_CPUS-none} $BENCH_LABEL"'
	[ "$output" = 'none rpc-fork http-request' ] || fail "$output"
}

@test "the distance of the processors is told by the environment, where servers and client have two" {
	local option
	if taskset -pc $$ 2>/dev/null | grep -q '[,-][0-9]*$'; then
		# (a machine that is busy may not tell in every pass)
		run -0 --separate-stderr bench-turns -q -p 9 rpc-serve sh -c 'echo "$BENCH_PASS ${BENCH_DISTANCE_NS-none}"'
		grep -q '^[1-9] [1-9][0-9]*$' <<<"$output" || fail "$output"
	fi
	for option in '-P same' '-P free'; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr bench-turns -q -p 1 $option rpc-serve sh -c 'echo "${BENCH_DISTANCE_NS-none}"'
		[ "$output" = none ] || fail "$option: $output"
	done
}

@test "the command's status ends it, failed operations do not" {
	run --separate-stderr bench-turns -p 3 rpc-serve sh -c 'echo x; exit 7'
	[ "$status" = 7 ] && [ "$output" = x ] || fail "$status: $output"
	run --separate-stderr bench-turns -p 3 rpc-serve not-there
	[ "$status" = 127 ] || fail "$status"
	run --separate-stderr bench-turns -p 3 rpc-serve -m nothing bench-lat
	[ "$status" = 2 ] || fail "$status"
	run --separate-stderr bench-turns -p 3 rpc-serve sh -c 'echo wrong >&2; exit 1'
	[ "$status" = 1 ] && [ "$stderr" = wrong ] || fail "nothing was printed, so nothing will be: $stderr"
	run --separate-stderr bench-turns -q -p 3 rpc-serve sh -c 'echo x$BENCH_PASS; exit 1'
	[ "$status" = 1 ] && [ "${lines[*]}" = 'x1 x2 x3' ] || fail "$status: $output"
}

@test "-e stops when ratios are known, -t when time is over" {
	run -0 --separate-stderr bench-turns -p 50 -e 100% rpc-serve -l a rpc-serve -l b bench-lat
	grep -Eq 'bench-turns: ([6-9]|[1-4].) passes in .* s: ratios are known to' <<<"$stderr" || fail "$stderr"
	run -0 --separate-stderr bench-turns -p 1000 -t 0.001 rpc-serve bench-lat -B 1 -b 1
	[ "${#lines[@]}" = 2 ] || fail "$output"
	run -0 --separate-stderr bench-turns -p 7 -e 1 rpc-serve bench-lat -B 1 -b 1
	grep -q '7 passes in .* no ratio is known yet' <<<"$stderr" || fail "$stderr"
	run --separate-stderr bench-turns -p 2 -e 1 rpc-serve bench-lat -R
	[ "$status" = 1 ] && grep -q -- '-e needs summary rows' <<<"$stderr" || fail "$status: $stderr"
}

@test "a signal ends it with its children, and keeps the rows" {
	bench-turns -p 100000 rpc-serve bench-lat -B 1 -b 1 >out.tsv 2>err 3>&- &
	local pid=$! status=0
	STARTED+=("$pid")
	some() { [ "$(wc -l <out.tsv)" -gt 3 ]; }
	eventually some
	kill -TERM "$pid"
	reap "$pid" || status=$?
	forget "$pid"
	[ "$status" = 143 ] || fail "$status: $(cat err)"
	rows out.tsv
}

@test "what the command says after a signal is not lost" {
	run --separate-stderr bench-turns -p 3 sh -c 'trap "echo end; exit 5" TERM; printf half
	    sleep 0.1   # so that half of a line has mostly been read
	    kill -TERM $PPID; while :; do sleep 0.01; done'
	[ "$status" = 143 ] && [ "$output" = halfend ] || fail "$status: $output"
}

@test "output that can't be written is an error" {
	[ -c /dev/full ] || skip 'no /dev/full'
	run --separate-stderr bash -c 'bench-turns -p 2 rpc-serve bench-lat -B 1 -b 1 >/dev/full'
	[ "$status" = 1 ] && grep -q 'stdout: No space left' <<<"$stderr" || fail "$status: $stderr"
}

@test "targets that are URLs get a new client in each pass" {
	start rpc-serve -p 0 -u usage.tsv
	bench-turns -q -p 3 bench-lat -B 1 -b 1 a="$URL" b="$URL" >out.tsv
	[ "$(wc -l <out.tsv)" = 7 ] || fail "$(cat out.tsv)"
	stop
	# a connection for each target: the one that found out the dialect
	[ "$(usage_cell connections)" = 6 ] || fail "$(cat usage.tsv)"
}

# kept PID: a child of this process runs only when nothing else wants to.
kept() {
	[[ $(ps -L -o cls= --ppid "$1" 2>/dev/null) == *IDL* ]]
}

@test "processors are kept awake, at nobody's cost and not beyond the end; not with -i" {
	local pid option
	[ -d /proc/self/task ] && rpc-serve -P 0 true 2>/dev/null || skip 'no class for it here'
	! limited || skip 'processor time is limited here'
	for option in '' -i '-P free'; do
		# shellcheck disable=SC2086
		bench-turns -q -p 100000 $option rpc-serve bench-lat -B 1 -b 1 >out.tsv 2>err 3>&- &
		pid=$!
		STARTED+=("$pid")
		wait_for out.tsv
		if [ -n "$option" ]; then
			! kept "$pid" || fail "$option: kept awake"
		else
			eventually kept "$pid" || fail "not kept awake: $(ps -L -o pid,ppid,cls,args --ppid "$pid")"
		fi
		pgrep -P "$pid" -x bench-turns >children || true
		# even this leaves nothing that would spin for ever
		kill -KILL "$pid"
		reap "$pid" || true
		forget "$pid"
		eventually all_gone || fail "left: $(ps -o pid,args -p "$(tr '\n' ' ' <children)")"
	done
}

@test "TCP over loopback has a congestion control that does not pace; not with -i, nor beside a URL" {
	local sockets='ss -Htin state established "( sport = :${BENCH_TARGET##*:} or dport = :${BENCH_TARGET##*:} )"'
	local serve
	BENCH_CONGESTION=reno rpc-serve true 2>/dev/null || skip 'none can be chosen here'
	for option in -i ''; do
		# shellcheck disable=SC2086
		run -0 bench-turns -q -p 1 $option rpc-serve sh -c 'echo "${BENCH_CONGESTION-none}"'
		[ "$output" = "$([ -n "$option" ] && echo none || echo reno)" ] || fail "$option: $output"
	done
	run -0 bench-turns -q -p 1 rpc-serve sh -c 'echo "${BENCH_CONGESTION-none}"' sh rpc://localhost:1
	[ "$output" = none ] || fail "$output"
	for serve in rpc-serve http-serve 'rpc-serve -a ::1' 'rpc-serve -a 0.0.0.0'; do
		# shellcheck disable=SC2086
		run -0 bench-turns -q -p 1 $serve true || continue
		ss -Htin state established >/dev/null 2>&1 || continue
		# both ends of each connection
		# shellcheck disable=SC2086
		run -0 bench-turns -q -p 1 $serve bench-conn -n 3 -w 0 -x "$sockets"
		[ "$(grep -c '	 *reno ' <<<"$output")" = "$(grep -c '^[0-9]' <<<"$output")" ] &&
		    grep -q reno <<<"$output" || fail "$serve: $output"
	done
	run -2 --separate-stderr env BENCH_CONGESTION=nonsense rpc-serve true
	[[ "$stderr" == "rpc-serve: BENCH_CONGESTION nonsense: "* ]] || fail "$stderr"
	run -2 --separate-stderr env BENCH_CONGESTION=nonsense bench-lat rpc://127.0.0.1:1
	[[ "$stderr" == "bench-lat: BENCH_CONGESTION: "*": nonsense" ]] || fail "$stderr"
}

# Is processor time limited by a control group?
limited() {
	grep -qsv '^max' /sys/fs/cgroup/cpu.max /sys/fs/cgroup/*/cpu.max ||
	    grep -qsv '^-1' /sys/fs/cgroup/cpu*/cpu.cfs_quota_us
}

all_gone() {
	local pid
	while read -r pid; do
		case $(ps -o stat= -p "$pid") in '' | Z*) ;; *) return 1 ;; esac
	done <children
}
