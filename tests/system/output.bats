#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Output is neither lost nor made up: what can't be written is an error, what was measured before a
# signal is there in whole lines, and nothing is left behind.

bats_require_minimum_version 1.5.0
load ../helper

SEED=${OUTPUT_SEED:-20240817}
MOMENTS=${OUTPUT_MOMENTS:-$(long && echo 24 || echo 12)}        # signals per program

@test "full devices, closed descriptors, files that may not grow" {
	local p server how
	for server in $SERVERS; do
		start "$server" -p 0
		for p in $BENCHES; do
			for how in '>/dev/full' '>&-' '</dev/null >&0'; do
				# shellcheck disable=SC2046
				run --separate-stderr timeout 60 bash -c "exec \"\$0\" \"\$@\" $how" "$p" $(quick "$p") "$URL"
				[ "$status" -eq 1 ] || fail "$p $how: status $status: $output $stderr"
				grep -qE "^$p: stdout: (No space left on device|Bad file descriptor)$" <<<"$stderr" ||
				    fail "$p $how: $stderr"
			done
			# a file that is full after one block, as on a full disk
			# shellcheck disable=SC2046
			run --separate-stderr timeout 60 bash -c \
			    'trap "" XFSZ; ulimit -f 1; p=$1; shift; exec "$p" -R "$@" >rows' - "$p" $(quick "$p") -n 300 "$URL"
			[ "$status" -eq 1 ] || fail "$p: a full file: status $status: $output $stderr"
			grep -q "^$p: stdout: File too large$" <<<"$stderr" || fail "$p: a full file: $stderr"
			[ "$(wc -c <rows)" -gt 0 ] || fail "$p: what fitted is gone"
		done
		stop
	done
}

@test "help and version, too" {
	local p o trouble
	for p in $SERVERS $BENCHES bench-stat bench-cmp bench-show; do
		trouble=1
		[ "$p" != bench-cmp ] || trouble=2
		for o in -h --help -V; do
			run --separate-stderr bash -c "exec $p $o >/dev/full"
			[ "$status" -eq "$trouble" ] && [ "$stderr" = "$p: stdout: No space left on device" ] ||
			    fail "$p $o: status $status: $stderr"
			run --separate-stderr "$p" "$o"
			[ "$status" -eq 0 ] && [ -n "$output" ] && [ -z "$stderr" ] || fail "$p $o: $status $stderr"
		done
		run --separate-stderr "$p" --helpless
		[ "$status" -eq 2 ] && [[ $stderr == "$p: --helpless: unknown option"* ]] || fail "$p: $status $stderr"
	done
}

@test "a reader that goes early: head -n 1" {
	local p
	start rpc-serve -p 0
	for p in $BENCHES; do
		# shellcheck disable=SC2046
		run --separate-stderr timeout 60 bash -c \
		    '"$@" | head -n 1 >first; exit "${PIPESTATUS[0]}"' - "$p" -R $(quick "$p") -n 5000 -s 1 "$URL"
		[ "$p" != bench-conn ] || continue      # it has no -s: below
		[ "$status" -eq 1 ] || [ "$status" -eq 141 ] || fail "$p: status $status: $stderr"
		[ "$(cat first)" = "$(tr ' ' '\t' <<<"$RAW_HEADER")" ] || fail "$p: $(cat first)"
		[ "$status" -eq 141 ] || grep -q "^$p: stdout: Broken pipe$" <<<"$stderr" || fail "$p: $stderr"
	done
}

# Whole lines: every line has the header's cells, the last one ends.
whole_lines() {
	[ -s "$1" ] || return 0
	[ -z "$(tail -c 1 "$1" | tr -d '\n')" ] || fail "cut off: $(tail -n 1 "$1")"
	body "$1"
}

signal_number() {
	case $1 in
	HUP) echo 1 ;;
	INT) echo 2 ;;
	TERM) echo 15 ;;
	esac
}

# at_a_moment PROGRAM SIGNAL MS: status 128+N, or 0 if it was quicker.
at_a_moment() {
	local pid status=0 dir="$1-$2-$3"
	mkdir "$dir"
	case $1 in
	bench-file) set -- "$@" -n 6 -s 300k ;;
	bench-bw) set -- "$@" -n 40 -s 1k,100k ;;
	bench-conn) set -- "$@" -n 800 ;;
	bench-lat) set -- "$@" -n 4000 -s 1,100 ;;
	bench-conc) set -- "$@" -n 500 -c 4 ;;
	esac
	# a script's background commands ignore SIGINT; the program does not care
	TMPDIR=$PWD/tmp "$1" "${@:4}" "$URL" >"$dir/out" 2>"$dir/err" 3>&- &
	pid=$!
	sleep "$(printf '0.%03d' "$3")"
	kill "-$2" "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || status=$?
	if [ "$status" -ne 0 ] && [ "$status" -ne $((128 + $(signal_number "$2"))) ]; then
		fail "$dir: status $status: $(cat "$dir/err")"
	fi
	whole_lines "$dir/out"
	# before the handlers stand it is the system that ends it, with nothing measured
	[ "$status" -ne 0 ] || rows "$dir/out"
	[ ! -s "$dir/out" ] || [ "$(total "$dir/out" errors)" = 0 ] || fail "$dir: $(cat "$dir/out" "$dir/err")"
}

@test "SIGINT, SIGTERM and SIGHUP at many moments" {
	local i p signals=(INT TERM HUP) signal
	echo "seed $SEED"
	RANDOM=$SEED
	mkdir tmp
	start http-serve -p 0 -m event
	for p in $BENCHES; do
		for ((i = 0; i < MOMENTS; i++)); do
			signal=${signals[i % 3]}
			at_a_moment "$p" "$signal" "$((RANDOM % (i < MOMENTS / 2 ? 20 : 250)))$i"
		done
	done
	[ -z "$(ls tmp)" ] || fail "left: $(ls tmp)"
	[ -z "$(pgrep -P "$PID")" ] || fail 'processes are left'
	stop
}

# suite DIRECTORY CONFIG: run bench-suite so that its processes can be counted afterwards (they
# inherit the variable), and with a bench-file that takes long enough to be killed.
suite() {
	local p
	MARK=suite-$BASHPID-$RANDOM
	mkdir -p tmp slow
	for p in $BENCHES $SERVERS bench-busy bench-idle bench-turns bench-cmp bench-stat bench-report bench-env bench-pass; do
		ln -sf "$BIN/$p" slow/
	done
	rm -f slow/bench-file slow/bench-suite slow/begun
	cp "$BIN/bench-suite" slow/
	cat >slow/bench-file <<-EOF
		#!/bin/sh
		# the first time only: what comes after it is not to take as long
		[ ! -e "$PWD/slow/begun" ] || exec "$BIN/bench-file" "\$@"
		: >"$PWD/slow/begun"
		exec "$BIN/bench-file" -H -s 1m -o upload -B 100000
	EOF
	chmod +x slow/bench-file
	env MARK="$MARK" TMPDIR="$PWD/tmp" slow/bench-suite -q -p 1 -o "$1" "$2" >suite.out 2>suite.err 3>&- &
	SUITE=$!
	STARTED+=("$SUITE")
}

# Processes that have the mark in their environment.
marked() {
	# one that ends meanwhile, or is another's, can't be read
	grep -lzx "MARK=$MARK" /proc/[0-9]*/environ 2>/dev/null | cut -d / -f 3 || true
}

none_marked() {
	[ -z "$(marked)" ]
}

none_left() {
	eventually none_marked || fail "$1: left: $(ps -o pid,ppid,stat,args -p "$(marked | paste -sd,)")"
}

# a_child NAME: of the suite, by the program's name; it may take a moment to appear.
a_child() {
	eventually marked_by_name "$1"
}

marked_by_name() {
	local p
	for p in $(marked); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" != "$1" ] || { echo "$p"; return; }
	done
	return 1
}

# No wait is there to be interrupted.
@test "a signal while calls fail without leaving the program" {
	local o status
	start rpc-serve -p 0
	for o in '' '-d 2' '-r 1000000'; do
		# shellcheck disable=SC2086
		bench-lat -q $o -o download -s 5g -n 1000000000 "$URL" >rows 2>err 3>&- &
		STARTED+=($!)
		has_run "${STARTED[-1]}"
		kill -INT "${STARTED[-1]}"
		status=0
		reap "${STARTED[-1]}" || status=$?
		forget "${STARTED[-1]}"
		[ "$status" -eq 130 ] || fail "'$o': status $status: $(cat rows err)"
		rows rows
		[ "$(total rows errors)" -gt 0 ] || fail "'$o': $(cat rows err)"
	done
	stop
}

@test "bench-suite: nothing runs on after kill -9 of its server, of a benchmark, of itself" {
	local victim config child
	[ -d /proc/self/task ] || skip 'there is no /proc to count processes in'
	for victim in rpc-serve http-serve bench-file itself; do
		config=rpc-fork
		[ "$victim" != http-serve ] || config=http-request
		suite "dir-$victim" "$config"
		child=$(a_child bench-file) || fail "no benchmark: $(cat suite.err)"
		case $victim in
		itself) child=$SUITE ;;
		*-serve) child=$(a_child "$victim") || fail "no $victim: $(cat suite.err)" ;;
		esac
		kill -KILL "$child"
		status=0
		reap "$SUITE" || status=$?
		forget "$SUITE"
		[ "$status" -ne 0 ] || fail "$victim: status 0: $(cat suite.err)"
		none_left "$victim"
		[ ! -s "dir-$victim/rows.tsv" ] || rows "dir-$victim/rows.tsv" "$HEADER"
		[ "$victim" = itself ] || grep -q 'failed' suite.err || fail "$victim: $(cat suite.err)"
		[ -z "$(ls tmp)" ] || fail "$victim: left: $(ls tmp)"
		rm -rf tmp
	done
}

@test "bench-suite: signals at many moments" {
	local i signals=(INT TERM HUP) default=()
	[ -d /proc/self/task ] || skip 'there is no /proc to count processes in'
	! env --default-signal=INT true 2>/dev/null || default=(env --default-signal=INT)
	RANDOM=$SEED
	for ((i = 0; i < 9; i++)); do
		mkdir -p tmp
		MARK=moment-$BASHPID-$i
		"${default[@]}" env MARK="$MARK" TMPDIR="$PWD/tmp" bench-suite -q -o "at-$i" rpc-thread \
		    >suite.out 2>suite.err 3>&- &
		SUITE=$!
		sleep "0.$(printf '%03d' $((RANDOM % 900)))"
		kill "-${signals[i % 3]}" "$SUITE" 2>/dev/null || true
		status=0
		wait "$SUITE" 2>/dev/null || status=$?
		[ "$status" -eq 0 ] || [ "$status" -eq $((128 + $(signal_number "${signals[i % 3]}"))) ] ||
		    [ "${#default[@]}" -eq 0 ] || fail "${signals[i % 3]}: status $status: $(cat suite.err)"
		none_left "${signals[i % 3]}"
		[ -z "$(ls tmp)" ] || fail "left: $(ls tmp)"
		[ ! -s "at-$i/rows.tsv" ] || rows "at-$i/rows.tsv" "$HEADER"
	done
}

# A disk that is full: a small file system, else a limit of what a file may hold.
@test "bench-suite: no room in its folder is an error, and what fitted stays" {
	mkdir -p small tmp
	if mount -t tmpfs -o size=64k none small 2>/dev/null; then
		dd if=/dev/zero of=small/filler bs=1k count=40 2>/dev/null
		status=0
		TMPDIR=$PWD/tmp bench-suite -q -o small/run rpc-thread rpc-event rpc-pool \
		    http-event http-thread http-pool >suite.out 2>suite.err || status=$?
		cp -r small/run copy || true
		umount small
	else
		status=0
		(trap '' XFSZ; ulimit -f 2; TMPDIR=$PWD/tmp bench-suite -q -o copy rpc-thread http-event) \
		    >suite.out 2>suite.err || status=$?
	fi
	[ "$status" -eq 1 ] || fail "status $status: $(cat suite.out suite.err)"
	grep -qE 'No space left|File too large|failed' suite.err || fail "$(cat suite.err)"
	[ -s copy/rows.tsv ] || [ -s copy/part.tsv ] || fail "nothing of it is there: $(ls -l copy)"
	# where there is room it goes on
	TMPDIR=$PWD/tmp bench-suite -c copy >suite.out 2>suite.err || fail "$(cat suite.err)"
	rows copy/rows.tsv "$HEADER"
	[ -z "$(ls tmp)" ] || fail "left: $(ls tmp)"
}
