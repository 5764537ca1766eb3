#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Many connections: what idle ones cost, and that none holds up others.

bats_require_minimum_version 1.5.0
load ../helper

# hold_open ARGUMENT...: run tests/peers/hold until release; it has its connections now.
hold_open() {
	[ -p hold.in ] || mkfifo hold.in
	: >hold.out
	# open for both, so that its stdin does not end
	hold "$@" <>hold.in >hold.out 2>hold.err 3>&- &
	HOLDER=$!
	STARTED+=("$HOLDER")
	eventually grep -q ready hold.out || fail "hold $*: $(cat hold.err)"
}

release() {
	kill -TERM "$HOLDER" || fail "hold: ended: $(cat hold.err)"
	reap "$HOLDER" || true
	forget "$HOLDER"
}

# The KB of memory that are a process's own.
own_kb() {
	awk '$1 == "Pss_Anon:" { print $2 }' "/proc/$1/smaps_rollup"
}

# idle_costs MODEL LIMIT: bytes of server memory per connection, on either protocol.
idle_costs() {
	local server before after each count=1000
	[ -z "${SANITIZED:-}" ] || skip 'a sanitizer needs memory of its own'
	grep -q '^Pss_Anon:' /proc/self/smaps_rollup 2>/dev/null ||
	    skip 'there is no /proc/PID/smaps_rollup (Linux has it) to tell memory by'
	[ "$(ulimit -H -n)" = unlimited ] || [ "$(ulimit -H -n)" -ge 2000 ] ||
	    skip 'too few descriptors (ulimit -n)'
	for server in $SERVERS; do
		start "$server" -p 0 -m "$1"
		before=$(own_kb "$PID")
		hold_open "$URL" "$count"
		after=$(own_kb "$PID")
		release
		stop
		each=$(((after - before) * 1024 / count))
		# a session takes some memory: less means that they were not there
		[ "$each" -ge 256 ] || fail "$server -m $1: $each bytes, from $before to $after KB"
		[ "$each" -lt "$2" ] || fail "$server -m $1: $each bytes, from $before to $after KB"
	done
}

@test "an idle connection costs less than 8 KB in event" {
	idle_costs event 8192
}

@test "an idle connection costs less than 32 KB in thread" {
	idle_costs thread 32768
}

# Or as many as descriptors allow.
@test "ten thousand connections, each of which is answered" {
	local server model count=10000 hard
	[ -z "${SANITIZED:-}" ] || skip 'a sanitizer needs memory of its own'
	hard=$(ulimit -H -n)
	[ "$hard" = unlimited ] || [ "$hard" -ge $((count + 200)) ] || count=$((hard - 200))
	for server in $SERVERS; do
		for model in request pool event; do
			start "$server" -p 0 -m "$model"
			bench-conc -c "$count" -n 2 -w 0 -q "$URL" >out.tsv || fail "$server -m $model: $(cat out.tsv)"
			[ "$(total out.tsv n)" = $((3 * count)) ] && [ "$(total out.tsv errors)" = 0 ] ||
			    fail "$server -m $model: $(cat out.tsv)"
			stop
		done
	done
}

@test "neither sleep nor a transfer holds up others in event" {
	local server sleeper transfer nap
	for server in $SERVERS; do
		# one loop for all
		start "$server" -p 0 -m event -j 1
		hold_open -d 500m "$URL" 2
		bench-file -o download -s 500m -t 60 "$URL" >transfer.tsv 2>&1 3>&- &
		transfer=$!
		STARTED+=("$transfer")
		# a longer sleep, if a machine that is busy takes longer than it
		for nap in 8 40; do
			bench-lat -n 1 -w 0 -T 60 "$URL/sleep/$nap" >sleep.tsv 2>&1 3>&- &
			sleeper=$!
			STARTED+=("$sleeper")
			bench-lat -t 1 "$URL" >out.tsv || fail "$server: $(cat out.tsv)"
			! kill -0 "$sleeper" 2>/dev/null || break
			[ "$nap" = 8 ] || fail "$server: the sleep ended first: $(cat out.tsv sleep.tsv)"
		done
		kill -0 "$transfer" || fail "$server: no transfer: $(cat transfer.tsv)"
		awk -v p50="$(cell out.tsv p50_us)" 'BEGIN { exit !(p50 < 200000) }' || fail "$server: $(cat out.tsv)"
		[ "$(total out.tsv errors)" = 0 ] || fail "$server: $(cat out.tsv)"
		# the one that slept gets its answer all the same
		reap "$sleeper" || fail "$server: $(cat sleep.tsv)"
		forget "$sleeper"
		[ "$(total sleep.tsv n)" = 1 ] || fail "$server: $(cat sleep.tsv)"
		kill -TERM "$transfer"
		reap "$transfer" || true
		forget "$transfer"
		release
		stop
	done
}
