#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What a server has started dies with it, however it dies: SIGKILL leaves it no time to see
# to that itself. Linux tells children (prctl(2), PR_SET_PDEATHSIG); elsewhere a process per
# connection stays until its connection ends, as the manual pages say.

bats_require_minimum_version 1.5.0
load ../helper

setup_file() {
	[ "$(uname)" = Linux ] || skip 'only Linux tells children of their parent'"'"'s death'
	command -v pgrep >/dev/null || skip 'pgrep is not installed'
}

# children N: the server's own, once there are N; sets CHILDREN.
children() {
	eventually has_children "$1" || fail "no $1 children: $CHILDREN"
}

has_children() {
	CHILDREN=$(pgrep -P "$PID" || true)
	[ "$(wc -w <<<"$CHILDREN")" -ge "$1" ]
}

# client COMMAND...: in the background.
client() {
	"$@" >/dev/null 2>&1 3>&- &
	STARTED+=("$!")
}

# idle: two connections that say nothing. hold(1) keeps them until its stdin ends.
idle() {
	mkfifo open
	exec {OPEN}<>open
	rm open
	hold "$URL" 2 <&"$OPEN" >/dev/null 2>&1 3>&- &
	STARTED+=("$!")
}

# killed: SIGKILL to the server; nothing it has started is there after that.
killed() {
	local p
	kill -KILL "$PID"
	reap "$PID" || true
	forget "$PID"
	for p in $CHILDREN; do
		gone "$p"
	done
	[ -z "${OPEN:-}" ] || exec {OPEN}>&-
	OPEN=
}

@test "children in the middle of anything end with a server that is killed" {
	local server
	for server in $SERVERS; do
		start "$server" -p 0 -m fork -T 300
		# idle, asleep, computing, receiving and sending
		idle
		client bench-lat -w 0 -n 1 -T 300 "$URL/sleep/300"
		client bench-lat -w 0 -n 1000000 -T 300 "$URL/compute/4294967296"
		client bench-file -T 300 -n 1000000 -s 500m -o upload "$URL"
		client bench-file -T 300 -n 1000000 -s 500m -o download "$URL"
		children 6
		killed
	done
}

@test "threads end with a server that is killed" {
	local server model
	for server in $SERVERS; do
		for model in thread request pool event; do
			start "$server" -p 0 -m "$model" -T 300
			idle
			client bench-lat -w 0 -n 1 -T 300 "$URL/sleep/300"
			client bench-lat -w 0 -n 1000000 -T 300 "$URL/compute/4294967296"
			run -0 bench-lat -n 10 "$URL"
			CHILDREN=$(pgrep -P "$PID" || true)
			[ -z "$CHILDREN" ] || fail "$model: has children: $CHILDREN"
			killed
			# nobody listens there any more
			run --separate-stderr bench-lat -n 1 "$URL"
			want 1 'Connection refused'
		done
	done
}

@test "a command ends with a server that is killed" {
	local server model
	for server in $SERVERS; do
		for model in $MODELS; do
			rm -f pids
			"$server" -m "$model" sh -c 'echo $$ >pids.new; mv pids.new pids; exec bench-lat -t 600' \
			    >/dev/null 2>&1 3>&- &
			PID=$!
			STARTED+=("$PID")
			wait_for pids
			children 1
			killed
			gone "$(cat pids)"
		done
	done
}

# As if seven servers were outside, each of which leaves the next one's command a second less.
seven='a:1 a:2 a:3 a:4 a:5 a:6 a:7'

stubborn='trap "" TERM HUP INT; echo $$ >pids.new; mv pids.new pids; exec sleep 600'

@test "a command that ignores signals is killed after a while, of nested servers as well" {
	local signal status outer
	for outer in '' 'rpc-serve -m event'; do
		for signal in TERM HUP; do
			rm -f pids
			# shellcheck disable=SC2086 # words
			env BENCH_TARGET="$seven" BENCH_LABEL="$seven" BENCH_SERVERS="$seven" $outer http-serve -m pool sh -c "$stubborn" >out.txt 2>err.txt 3>&- &
			PID=$!
			STARTED+=("$PID")
			wait_for pids
			kill "-$signal" "$PID"
			status=0
			reap "$PID" || status=$?
			forget "$PID"
			[ "$status" -eq 137 ] || fail "$outer $signal: status $status: $(cat err.txt)"
			grep -q 'the command has not ended' err.txt || fail "$outer $signal: $(cat err.txt)"
			gone "$(cat pids)"
		done
	done
}

@test "a command that was told to end has its time, whoever sends SIGALRM" {
	local status=0
	local slow='trap "sleep 1; exit 5" TERM; echo >there; while :; do sleep 0.1; done'
	http-serve sh -c "$slow" >out.txt 2>err.txt 3>&- &
	PID=$!
	STARTED+=("$PID")
	wait_for there
	kill -TERM "$PID"
	kill -ALRM "$PID"
	reap "$PID" || status=$?
	forget "$PID"
	[ "$status" -eq 5 ] || fail "status $status: $(cat err.txt)"
	[ ! -s err.txt ] || fail "$(cat err.txt)"
}

@test "a server that is ending is not killed by another signal" {
	need_starve
	local server model signal status
	for server in $SERVERS; do
		for model in $MODELS; do
			rm -f end end.there
			start env LD_PRELOAD="$PWD/starve.so" LINGER="$PWD/end" "$server" -p 0 -m "$model"
			kill -TERM "$PID"
			eventually [ -e end.there ] || fail "$model: does not end"
			for signal in HUP TERM INT; do
				kill "-$signal" "$PID"
			done
			: >end
			status=0
			reap "$PID" || status=$?
			forget "$PID"
			[ "$status" -eq 0 ] || fail "$server $model: status $status"
		done
	done
}
