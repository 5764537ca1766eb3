#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-bw: bandwidth of uploads and downloads.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine bench-bw; }
@test "usage errors are refused" { bench_refuses_usage_errors bench-bw; }
@test "rows from both servers under every model" { bench_rows_are_right bench-bw; }
@test "output that can't be written is an error" { bench_notices_lost_output bench-bw; }
@test "a refused connection is an error" { bench_reports_refused_connection bench-bw; }
@test "a silent peer is given up on (-T)" { bench_gives_up_on_silence bench-bw; }
@test "an interrupted run keeps its rows" { bench_keeps_rows_when_interrupted bench-bw '' -s 1k -n 1000000000; }
@test "labels, targets, headers" { bench_takes_labels_and_headers bench-bw; }
@test "raw rows, one an operation (-R)" { bench_prints_raw_rows bench-bw; }
@test "the distribution (-D)" { bench_prints_histograms bench-bw; }
@test "a name for a host" { bench_reaches_names bench-bw; }
@test "IPv6" { bench_reaches_ipv6 bench-bw; }

@test "all defaults" {
	bench_has_defaults bench-bw 10 upload download
	rows out.tsv
	[ "$(cell out.tsv size_bytes upload | tr '\n' ' ')" = '1024 10240 102400 1048576 ' ] || fail "$(cat out.tsv)"
}

@test "bytes_per_s is total bytes over total time" {
	http-serve bench-bw -n 20 -s 1m >out.tsv
	awk -F '\t' 'NR > 1 { r = $4 * $9 / $11 / $13; if (r < 0.999 || r > 1.001) exit 1 }' out.tsv ||
	    fail "$(cat out.tsv)"
}

@test "all bytes arrive at the server, and none twice" {
	local server up down
	for server in $SERVERS; do
		"$server" -u usage.tsv bench-bw -o upload -n 3 -w 0 -s 1m >out.tsv
		up=$(usage_cell bytes_in)
		[ "$up" -ge $((3 << 20)) ] && [ "$up" -lt $(((3 << 20) + 2000)) ] || fail "$(cat usage.tsv)"
		"$server" -u usage.tsv bench-bw -o download -n 3 -w 0 -s 1m >out.tsv
		down=$(usage_cell bytes_out)
		[ "$down" -ge $((3 << 20)) ] && [ "$down" -lt $(((3 << 20) + 2000)) ] || fail "$(cat usage.tsv)"
		[ "$(cell out.tsv op)" = download ] || fail "$(cat out.tsv)"
	done
}

@test "zeros and files as payload (-Z, -f)" {
	local server
	head -c 3000 /dev/urandom >data
	for server in $SERVERS; do
		"$server" bench-bw -C -Z -n 2 -s 100k >out.tsv
		[ "$(total out.tsv n)/$(total out.tsv errors)" = 4/0 ] || fail "$(cat out.tsv)"
		"$server" bench-bw -C -f data -n 2 -s 100k >out.tsv
		[ "$(total out.tsv n)/$(total out.tsv errors)" = 4/0 ] || fail "$(cat out.tsv)"
	done
	: >empty
	run --separate-stderr bench-bw -f empty -s 1k rpc://127.0.0.1:1
	[ "$status" -ne 0 ] || fail "an empty file is taken"
	[[ $stderr == *empty* ]] || fail "$stderr"
}

@test "too large for the server (-M)" {
	local server
	for server in $SERVERS; do
		start "$server" -p 0 -M 10k
		run --separate-stderr bench-bw -n 2 -s 1k,100k "$URL"
		[ "$status" -eq 1 ] || fail "status $status"
		printf '%s\n' "$output" >out.tsv
		rows out.tsv
		[ "$(awk -F '\t' '$4 == 1024 { n += $9; e += $10 } END { print n "/" e }' out.tsv)" = 4/0 ] ||
		    fail "$output $stderr"
		[ "$(awk -F '\t' '$4 == 102400 { n += $9; e += $10 } END { print n "/" (e > 0) }' out.tsv)" = 0/1 ] ||
		    fail "$output $stderr"
		stop
	done
}

@test "-N" {
	rpc-serve bench-bw -N -C -n 2 -s 1,100k >out.tsv
	[ "$(total out.tsv n)/$(total out.tsv errors)" = 8/0 ] || fail "$(cat out.tsv)"
}
