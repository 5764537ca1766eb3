#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-conc: many clients at once.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine bench-conc; }
@test "usage errors are refused" { bench_refuses_usage_errors bench-conc; }
@test "rows from both servers under every model" { bench_rows_are_right bench-conc; }
@test "output that can't be written is an error" { bench_notices_lost_output bench-conc; }
@test "a refused connection is an error" { bench_reports_refused_connection bench-conc; }
@test "a silent peer is given up on (-T)" { bench_gives_up_on_silence bench-conc; }
@test "an interrupted run keeps its rows" { bench_keeps_rows_when_interrupted bench-conc /ping -n 1000000000; }
@test "labels, targets, headers" { bench_takes_labels_and_headers bench-conc; }
@test "raw rows, one an operation (-R)" { bench_prints_raw_rows bench-conc; }
@test "the distribution (-D)" { bench_prints_histograms bench-conc; }
@test "a name for a host" { bench_reaches_names bench-conc; }
@test "IPv6" { bench_reaches_ipv6 bench-conc; }

@test "clients times requests, exactly" {
	local server j extra
	for server in $SERVERS; do
		for j in 1 2 13; do
			"$server" -u usage.tsv bench-conc -c 13 -n 17 -w 3 -j "$j" >out.tsv
			rows out.tsv
			[ "$(cell out.tsv n ping)/$(cell out.tsv n first-reply)" = 221/13 ] || fail "$(cat out.tsv)"
			[ "$(cell out.tsv clients | sort -u)/$(total out.tsv errors)" = 13/0 ] || fail "$(cat out.tsv)"
			extra=$(($(usage_cell requests) - 221 - 39))
			[ "$extra" -eq "$(usage_cell connections)" ] && [ "$extra" -le 15 ] || fail "$(cat usage.tsv)"
		done
	done
}

@test "what a client that gave up still had to do counts as errors, of a single one too" {
	local how
	refused_port
	for how in '-c 1' '-c 1 -d 2' '-c 2' '-c 2 -j 1'; do
		# shellcheck disable=SC2086
		run --separate-stderr timeout 60 bench-conc $how -n 6 -o ping "http://127.0.0.1:$PORT"
		[ "$status" -eq 1 ] || fail "$how: status $status: $output $stderr"
		printf '%s\n' "$output" >out.tsv
		[ "$(cell out.tsv errors ping)" = $((6 * $(cell out.tsv clients ping))) ] || fail "$how: $output"
	done
}

@test "all defaults" {
	bench_has_defaults bench-conc 100 ping
	[ "$(cell out.tsv clients ping)" = 10 ] || fail "$(cat out.tsv)"
}

@test "sizes, methods, paths" {
	local server
	for server in $SERVERS; do
		"$server" bench-conc -C -c 4 -n 5 -s 1k,100k >out.tsv
		rows out.tsv
		[ "$(cell out.tsv n echo | sort -u)/$(total out.tsv errors)" = 20/0 ] || fail "$(cat out.tsv)"
	done
	start http-serve -p 0
	bench-conc -c 4 -n 5 "$URL/compute/100" >out.tsv
	[ "$(cell out.tsv n /compute/100)" = 20 ] || fail "$(cat out.tsv)"
	run --separate-stderr bench-conc -c 4 -n 5 "$URL/nosuch"
	[ "$status" -eq 1 ] || fail "status $status"
	printf '%s\n' "$output" >out.tsv
	[ "$(cell out.tsv n /nosuch)/$(cell out.tsv errors /nosuch)" = 0/20 ] || fail "$output"
}

# asked WANTED ARGUMENT...: what a peer is asked by two clients, three times each after the first
# reply, and no more: "TIMES METHOD PATH BYTES;" of each kind.
asked() {
	local got want=$1
	shift
	: >server.err
	bad http http-record
	bench-conc -q -c 2 -n 3 -w 0 "$@" "$URL/x" >out.tsv || fail "$*: $(cat out.tsv)"
	rows out.tsv
	got=$(sort server.err | uniq -c | awk '{ printf "%d %s %s %d;", $1, $2, $3, $4 }')
	[ "$got" = "$want" ] || fail "$*: $got"
}

@test "the first reply to a path over HTTP is to the request that was asked for" {
	local o
	printf hello >body
	for o in '' '-j 2' '-j 1' '-d 2' '-r 1000' -K; do
		# shellcheck disable=SC2086
		asked '8 GET /x 0;' $o
		[ "$(cell out.tsv size_bytes first-reply)" = 0 ] || fail "$o: $(cat out.tsv)"
		# shellcheck disable=SC2086
		asked '8 POST /x 1024;6 POST /x 2048;' $o -s 1k,2k
		[ "$(cell out.tsv size_bytes first-reply)/$(cell out.tsv size_bytes /x | tr '\n' ' ')" = '1024/1024 2048 ' ] ||
		    fail "$o: $(cat out.tsv)"
		# shellcheck disable=SC2086
		asked '8 PUT /x 5;' $o -X PUT -F 'A: b' -f body
		[ "$(cell out.tsv size_bytes first-reply)/$(cell out.tsv n first-reply)" = 5/2 ] || fail "$o: $(cat out.tsv)"
		# connecting has no depth and no rate
		[ "$(cell out.tsv depth first-reply)/$(cell out.tsv rate_per_s first-reply)" = 1/0.00 ] ||
		    fail "$o: $(cat out.tsv)"
	done
	# of the operations of ours it is a greeting, and over RPC of all
	http-serve bench-conc -q -c 2 -n 3 -s 1k >out.tsv
	[ "$(cell out.tsv size_bytes first-reply)/$(cell out.tsv size_bytes echo)" = 0/1024 ] || fail "$(cat out.tsv)"
	rpc-serve sh -c 'bench-conc -q -c 2 -n 3 -s 1k $BENCH_TARGET/echo' >out.tsv
	[ "$(cell out.tsv size_bytes first-reply)/$(cell out.tsv size_bytes echo)" = 0/1024 ] || fail "$(cat out.tsv)"
}

@test "bytes_per_s counts what a path's requests send and receive" {
	bench_counts_payload bench-conc 100 '-c 10 -j 10' '-c 10 -j 1'
	start http-serve -p 0
	for o in '-j 2' '-j 1'; do
		# shellcheck disable=SC2086
		bench-conc -q -c 200 $o -n 1 "$URL/download/1000" >out.tsv
		[ "$(payload out.tsv first-reply)" = 1000 ] || fail "$(cat out.tsv)"
		# shellcheck disable=SC2086
		bench-conc -q -c 200 $o -n 1 -s 700 "$URL/echo" >out.tsv
		[ "$(payload out.tsv first-reply)" = 1400 ] || fail "$(cat out.tsv)"
	done
	bench-conc -q -c 200 -n 1 "$URL" >out.tsv
	[ "$(payload out.tsv first-reply)" = 0 ] || fail "$(cat out.tsv)"
	stop
}

# A reply that is an error is no lost connection, with -K either.
@test "errors of every request, with -K and without" {
	local k
	start http-serve -p 0
	for k in '' -K; do
		# shellcheck disable=SC2086
		run --separate-stderr bench-conc $k -c 2 -n 5 -w 2 "$URL/nosuch"
		[ "$status" -eq 1 ] || fail "'$k': status $status: $output $stderr"
		printf '%s\n' "$output" >out.tsv
		[ "$(cell out.tsv errors /nosuch)" = 10 ] || fail "'$k': $output $stderr"
		! grep -q 'gave up\|no connection' <<<"$stderr" || fail "'$k': $stderr"
	done
	stop
}

@test "-K, -N, -t" {
	http-serve -u usage.tsv bench-conc -K -c 4 -n 10 -w 0 >out.tsv
	[ "$(cell out.tsv n ping)/$(total out.tsv errors)" = 40/0 ] || fail "$(cat out.tsv)"
	[ "$(usage_cell connections)" -ge 40 ] || fail "$(cat usage.tsv)"
	rpc-serve bench-conc -N -c 4 -n 10 >out.tsv
	[ "$(cell out.tsv n ping)/$(total out.tsv errors)" = 40/0 ] || fail "$(cat out.tsv)"
	http-serve bench-conc -t 0.5 -c 4 >out.tsv
	awk -F '\t' '$3 == "ping" && ($11 < 0.45 || $9 < 1) { exit 1 }' out.tsv ||
	    fail "$(cat out.tsv)"
}

@test "requests outstanding (-d)" { bench_keeps_depth bench-conc; }
@test "requests outstanding, of much data" { bench_keeps_depth_of_bulk bench-conc; }
@test "a rate (-r)" { bench_keeps_rate bench-conc; }
@test "a rate shows a stall in full" { bench_shows_a_stall bench-conc 300; }
@test "a rate loses no request" { bench_loses_no_request bench-conc -c 2; }
@test "wrong rates and depths are refused" { bench_refuses_wrong_rates bench-conc; }
@test "settings are printed (-v)" { bench_prints_settings bench-conc; }

@test "a rate is shared by threads, and by connections that are made again" {
	local j
	for j in 1 3 5; do
		http-serve -m event bench-conc -c 5 -j "$j" -r 1000 -n 60 -R -A exp >raw.tsv
		cell raw.tsv start_us ping | sort -n >due.$j
		[ "$(wc -l <due.$j)" -eq 300 ] || fail "$(wc -l <due.$j)"
		# all clients have their turn
		[ "$(cell raw.tsv client ping | sort -u | wc -l)" -eq 5 ] || fail "$(cell raw.tsv client ping | sort | uniq -c)"
	done
	cmp due.1 due.3
	cmp due.1 due.5
	http-serve -m event -u usage.tsv bench-conc -c 4 -K -r 500 -n 25 -w 0 >out.tsv
	[ "$(cell out.tsv n ping)/$(total out.tsv errors)" = 100/0 ] || fail "$(cat out.tsv)"
	[ "$(usage_cell requests)" = 104 ] || fail "$(cat usage.tsv)"
}

@test "clients that are gone before requests are due: the row ends when it does" {
	refused_port
	run --separate-stderr bench-conc -c 2 -j 2 -r 0.1 -o ping "rpc://127.0.0.1:$PORT"
	[ "$status" -eq 1 ] || fail "status $status"
	printf '%s\n' "$output" >out.tsv
	[ "$(cell out.tsv n ping)" = 0 ] && [ "$(cell out.tsv errors ping)" -ge 1 ] || fail "$output"
	# the second thread's first request would be due after 10 s
	cell out.tsv elapsed_s | awk '$1 >= 10 { exit 1 }' || fail "$output"
}

@test "every thread has a loop of its own with -d, blocks without" {
	local server
	for server in $SERVERS; do
		"$server" -u usage.tsv bench-conc -c 6 -j 6 -n 50 -w 2 -d 3 >out.tsv
		[ "$(cell out.tsv n ping)/$(total out.tsv errors)" = 300/0 ] || fail "$(cat out.tsv)"
		[ $(($(usage_cell requests) - 312)) -eq "$(usage_cell connections)" ] || fail "$(cat usage.tsv)"
	done
}

@test "running out of local ports is reported" {
	need unshare ip
	unshare -n true 2>/dev/null || skip 'no network of our own'
	run --separate-stderr unshare -n bash -c 'ip link set lo up &&
	    echo "40000 40020" >/proc/sys/net/ipv4/ip_local_port_range || exit 77
	    exec http-serve -a ::1 -m event bench-conc -c 100 -n 1 -w 0 -o first-reply'
	[ "$status" -ne 77 ] || skip 'the range of ports is fixed'
	[ "$status" -eq 1 ] || fail "status $status: $stderr"
	[ "$(grep -c 'no free local port: ' <<<"$stderr")" -eq 1 ] || fail "$stderr"
	grep -q 'there are 21 .*net.ipv4.ip_local_port_range.*127\.0\.0\.1' <<<"$stderr" || fail "$stderr"
}

@test "wrong numbers of clients and threads" {
	refuses bench-conc '-c' -c 0 rpc://h
	refuses bench-conc '-c.*x' -c x rpc://h
	refuses bench-conc '-j' -j 0 rpc://h
	refuses bench-conc '-j' -c 2 -j 3 rpc://h
}

@test "more clients than descriptors is an error before anything starts" {
	start http-serve -p 0
	run --separate-stderr bash -c 'ulimit -n 50; exec bench-conc -c 100 -n 1 "$0"' "$URL"
	want 2 '-c: 100 connections need more than the limit of 50 descriptors .ulimit -n 1[0-9][0-9] would do.'
	[ -z "$output" ] || fail "$output"
}

@test "several numbers of clients (-c 1,10)" {
	rpc-serve http-serve bench-conc -c 3,1 -n 5 -o ping >out.tsv
	rows out.tsv
	[ "$(cut -f 1,3,6 out.tsv | tail -n +2 | sort | tr '\t\n' '  ')" = "$(printf '%s\n' \
	    {http-request,rpc-thread}' '{first-reply,ping}' '{1,3} | tr '\n' ' ')" ] || fail "$(cat out.tsv)"
	refuses bench-conc '-c: not a number of clients.*: 1,x' -c 1,x http://127.0.0.1:1
	refuses bench-conc '-c: not a number of clients.*: 0' -c 0 http://127.0.0.1:1
	refuses bench-conc '-c: not a number of clients.*: 1,' -c 1, http://127.0.0.1:1
	refuses bench-conc '-c: not a number of clients' -c '' http://127.0.0.1:1
	refuses bench-conc '-j: more threads than clients' -c 5,2 -j 3 http://127.0.0.1:1
	refuses bench-busy '-c: one number is needed: 1,2' -c 1,2 http://127.0.0.1:1
}

# The first connections of two clients fail: they try again, and do all that is due.
@test "a client whose first connection fails has more attempts" {
	local o
	for o in '' '-j 4' '-d 2'; do
		bad http http-two-missed
		# shellcheck disable=SC2086
		run --separate-stderr bench-conc -q -c 4 -n 6 $o "$URL"
		[ "$status" -le 1 ] || fail "'$o': status $status: $stderr"
		printf '%s\n' "$output" >out.tsv
		rows out.tsv
		# one that tries again may be the second of the two; a request may be made again
		[ $(($(cell out.tsv n first-reply) + $(cell out.tsv errors first-reply))) -eq 4 ] &&
		    [ "$(cell out.tsv n ping)/$(cell out.tsv errors ping)" = 24/0 ] || fail "'$o': $output $stderr"
	done
}

# Nobody answers: what was due is counted in full, in each round.
@test "clients without a connection count what was due" {
	local o
	refused_port
	for o in '' '-j 3' '-d 2' -K; do
		# shellcheck disable=SC2086
		run --separate-stderr bench-conc -q -c 3 -n 7 $o "http://127.0.0.1:$PORT"
		[ "$status" -eq 1 ] || fail "'$o': status $status: $stderr"
		printf '%s\n' "$output" >out.tsv
		[ "$(cell out.tsv n ping)/$(cell out.tsv errors ping)" = 0/21 ] || fail "'$o': $output"
		awk -F '\t' 'NR > 1 && $24 + 0 > 1.2 { exit 1 }' out.tsv || fail "busy: $output"
	done
}
