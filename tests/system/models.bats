#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Every concurrency model with either protocol: what one connection does holds up no other, and
# nothing is lost under load.

bats_require_minimum_version 1.5.0
load ../helper

# of PROTOCOL MODEL FUNCTION: run a check against that server.
each() {
	local server model
	for server in $SERVERS; do
		for model in $MODELS; do
			start "$server" -p 0 -m "$model" -u usage.tsv
			echo "$server -m $model: $*"
			"$@"
			stop
		done
	done
}

@test "connections sleep side by side" {
	# 8 s one after the other, each time, while a machine stalls now and then; a pool of threads may
	# be as small as it likes
	sleepers() {
		local try
		for try in 1 2 3; do
			bench-conc -c 16 -j 1 -n 1 -w 0 "$URL/sleep/0.5" >out.tsv
			[ "$(cell out.tsv n | tail -n 1)" = 16 ] || fail "$(cat out.tsv)"
			if [ "$model" = pool ] || cell out.tsv elapsed_s | awk '$1 >= 8 { exit 1 }'; then
				return
			fi
		done
		fail "try $try: $(cat out.tsv)"
	}
	each sleepers
}

@test "a long computation holds up no other connection" {
	computing() {
		bench-lat -n 1 -w 0 "$URL/compute/300000000" >slow.tsv 3>&- &
		STARTED+=($!)
		bench-lat -n 20 -w 0 -T 20 "$URL" >out.tsv
		[ "$(total out.tsv n)" = 20 ] || fail "$(cat out.tsv)"
		kill "${STARTED[-1]}" 2>/dev/null || true
		reap "${STARTED[-1]}" || true
		forget "${STARTED[-1]}"
	}
	each computing
}

@test "many clients at once, nothing lost" {
	many() {
		bench-conc -c 50 -n 40 "$URL" >out.tsv 2>err.txt
		[ "$(cell out.tsv n ping)/$(total out.tsv errors)" = 2000/0 ] || fail "$(cat out.tsv err.txt)"
	}
	each many
}

@test "clients that come and go" {
	short() {
		for _ in 1 2 3; do
			bench-conn -n 50 "$URL" >out.tsv
			[ "$(cell out.tsv n | sort -u)" = 50 ] || fail "$(cat out.tsv)"
		done
	}
	each short
}

@test "transfers of all sizes, content checked" {
	transfers() {
		bench-bw -C -n 2 -w 0 -s 0,1,100,2990,3000,3001,64000,65536,1m,20m "$URL" >out.tsv
		[ "$(cell out.tsv n | sort -u)/$(total out.tsv errors)" = 2/0 ] || fail "$(cat out.tsv)"
		bench-file -C -n 1 -s 1,1000000 -k 1000 "$URL" >out.tsv
		[ "$(cell out.tsv n | sort -u)/$(total out.tsv errors)" = 1/0 ] || fail "$(cat out.tsv)"
		bench-file -C -n 1 -s 3m -k 64k "$URL" >out.tsv
		[ "$(cell out.tsv n | sort -u)/$(total out.tsv errors)" = 1/0 ] || fail "$(cat out.tsv)"
	}
	each transfers
}
