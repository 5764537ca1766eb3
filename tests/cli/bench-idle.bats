#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-idle: what memory idle connections take of their server.

bats_require_minimum_version 1.5.0
load ../helper

COLUMNS_OF_MEMORY='label connections base_kb held_kb kb_per_connection'

# Memory can be told here.
need_pss() {
	grep -q '^Pss_Anon:' /proc/self/smaps_rollup 2>/dev/null || skip 'the system does not report memory (Pss_Anon)'
	[ -e /proc/thread-self/children ] || skip 'the system does not report the children of a process'
}

@test "help and version" { help_is_fine bench-idle; }
@test "usage errors are refused" {
	bench_refuses_usage_errors bench-idle
	refuses bench-idle '-p.*x' -p x rpc://h
	refuses bench-idle '-p' -p 0 rpc://h
	refuses bench-idle '-n.*descriptors' -n 100000000 rpc://127.0.0.1:1
}
@test "output that can't be written is an error" {
	run --separate-stderr bash -c 'rpc-serve bench-idle -n 3 >/dev/full'
	want 1 'No space left on device'
}
@test "a silent peer is given up on (-T)" {
	bad rpc silent
	run --separate-stderr bench-idle -T 0.3 "$URL"
	want 1 'connection 1 of 200: .*'
	[ -z "$output" ] || fail "$output"
}
@test "a refused connection is an error" {
	refused_port
	run --separate-stderr bench-idle "http://127.0.0.1:$PORT"
	want 1 "connection 1 of 200: connect 127.0.0.1:$PORT: Connection refused"
	[ -z "$output" ] || fail "$output"
}

@test "connections that the peer has closed are not idle ones" {
	local peer
	for peer in http-1.0 http-close-each http-close-unannounced; do
		bad http "$peer"
		run --separate-stderr bench-idle -n 100 -T 20 "$URL"
		want 1 "connection [0-9]+ of 100: ${URL#*://}: closed by the peer while others were made"
		[ -z "$output" ] || fail "$output"
	done
}

@test "a row of both servers under every model" {
	local server model
	need_pss
	for server in $SERVERS; do
		for model in $MODELS; do
			"$server" -m "$model" -u usage.tsv bench-idle -n 50 >out.tsv
			rows out.tsv "$COLUMNS_OF_MEMORY"
			[ "$(cell out.tsv label)/$(cell out.tsv connections)" = "${server%-serve}-$model/50" ] ||
			    fail "$(cat out.tsv)"
			# that many were open, one after the other
			[ "$(usage_cell connections)" -ge 50 ] || fail "$(cat usage.tsv)"
			awk -F '\t' 'NR > 1 { exit !($3 > 0 && $4 > $3 && $5 == sprintf("%.3f", ($4 - $3) / $2)) }' out.tsv ||
			    fail "$(cat out.tsv)"
		done
	done
}

@test "a process for each connection takes more than a loop for all" {
	local model
	need_pss
	for model in fork event; do
		rpc-serve -m "$model" bench-idle -n 100 >"$model.tsv"
	done
	awk -F '\t' 'FNR == 2 { kb[++n] = $5 } END { exit !(kb[1] > 2 * kb[2]) }' fork.tsv event.tsv ||
	    fail "$(cat fork.tsv event.tsv)"
}

@test "the server is another process (-p), or there is none (NA)" {
	need_pss
	start rpc-serve -p 0 -m fork
	bench-idle -p "$PID" -n 20 -l mine "$URL" >out.tsv
	awk -F '\t' 'NR > 1 { exit !($1 == "mine" && $5 > 1) }' out.tsv || fail "$(cat out.tsv)"
	# no number that any process has
	bench-idle -H -p 2147483647 -n 5 -l mine "$URL" >out.tsv
	[ "$(cat out.tsv)" = $'mine\t5\tNA\tNA\tNA' ] || fail "$(cat out.tsv)"
}

@test "a signal while the server is asked for its dialect ends the run" {
	local server client status=0
	start rpc-serve -p 0
	server=$PID
	kill -STOP "$server"
	bench-idle -n 100 "$URL" >out.tsv 2>err.txt 3>&- &
	client=$!
	STARTED+=("$client")
	eventually asleep "$client" || fail 'it does not wait for a reply'
	kill -INT "$client"
	kill -CONT "$server"
	reap "$client" || status=$?
	forget "$client"
	[ "$status" -eq 130 ] || fail "status $status: $(cat err.txt)"
	[ ! -s out.tsv ] || fail "$(cat out.tsv)"
}
