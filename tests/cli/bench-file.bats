#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-file: large files, whole, in chunks, in streams.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine bench-file; }
@test "usage errors are refused" { bench_refuses_usage_errors bench-file; }
@test "rows from both servers under every model" { bench_rows_are_right bench-file; }
@test "output that can't be written is an error" { bench_notices_lost_output bench-file; }
@test "a refused connection is an error" { bench_reports_refused_connection bench-file; }
@test "a silent peer is given up on (-T)" { bench_gives_up_on_silence bench-file; }
@test "an interrupted run keeps its rows" { bench_keeps_rows_when_interrupted bench-file '' -s 100k -n 1000000000; }
@test "labels, targets, headers" { bench_takes_labels_and_headers bench-file; }
@test "raw rows, one an operation (-R)" { bench_prints_raw_rows bench-file; }
@test "the distribution (-D)" { bench_prints_histograms bench-file; }
@test "a name for a host" { bench_reaches_names bench-file; }
@test "IPv6" { bench_reaches_ipv6 bench-file; }

@test "every operation, size and chunk" {
	local server
	for server in $SERVERS; do
		"$server" bench-file -C -n 2 -s 1,1000,1000000 -k 1000 >out.tsv
		rows out.tsv
		[ "$(cell out.tsv n | sort -u)/$(total out.tsv errors)" = 2/0 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv chunk_bytes upload-chunked | sort -u)" = 1000 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv chunk_bytes upload | sort -u)" = 0 ] || fail "$(cat out.tsv)"
	done
}

@test "a chunked download really fetches every byte" {
	rpc-serve -u usage.tsv bench-file -o download-chunked -n 3 -s 1m -k 64k >out.tsv
	[ "$(usage_cell bytes_out)" -gt $((3 << 20)) ] || fail "$(cat usage.tsv)"
	# a round trip a chunk: 17 of __next__, __iter__ and the call itself
	[ "$(usage_cell requests)" -ge $((3 * 19)) ] || fail "$(cat usage.tsv)"
	http-serve -u usage.tsv bench-file -o download-chunked -n 3 -s 1m -k 64k >out.tsv
	[ "$(usage_cell bytes_out)" -gt $((6 << 20)) ] || fail "$(cat usage.tsv)"
	http-serve -u usage.tsv bench-file -o upload-chunked -n 3 -s 1m -k 64k >out.tsv
	[ "$(usage_cell bytes_in)" -gt $((6 << 20)) ] || fail "$(cat usage.tsv)"
}

@test "the warm-up of large transfers is two of 4 MB, unless -w asks for another number" {
	local server w warm
	for server in $SERVERS; do
		for w in '-w 0' '-w 1' ''; do
			warm=${w#-w }
			warm=${warm:-2}
			# shellcheck disable=SC2086 # words
			"$server" -u usage.tsv bench-file $w -o download -n 2 -s 10m >out.tsv
			[ "$(cell out.tsv n)/$(cell out.tsv size_bytes)" = "2/$((10 << 20))" ] || fail "$(cat out.tsv)"
			[ $(($(usage_cell bytes_out) >> 20)) = $((20 + 4 * warm)) ] ||
			    fail "$server $w: $(cat usage.tsv)"
		done
	done
}

@test "500 MB in bounded memory, client and server" {
	[ -z "${SANITIZED:-}" ] || skip 'the sanitizer has memory of its own'
	local server op
	for server in $SERVERS; do
		for op in upload download upload-chunked download-chunked upload-stream download-stream; do
			# the limit is on address space: 64 MB of it is plenty for stacks and libc
			"$server" -m fork -u usage.tsv bash -c 'ulimit -v 200000; exec "$@"' - \
			    bench-file -n 1 -s 500m -o "$op" >out.tsv || fail "$server $op"
			[ "$(cell out.tsv n)/$(cell out.tsv errors)" = 1/0 ] || fail "$server $op: $(cat out.tsv)"
			[ "$(usage_cell maxrss_kb)" -lt 20000 ] || fail "$server $op: $(cat usage.tsv)"
		done
	done
}

@test "-N" {
	rpc-serve bench-file -N -C -n 2 -s 100k >out.tsv
	[ "$(cell out.tsv n | sort -u)/$(total out.tsv errors)" = 2/0 ] || fail "$(cat out.tsv)"
}

@test "chunk sizes are read strictly" {
	refuses bench-file '-k' -k 0 rpc://h
	refuses bench-file '-k.*x' -k x rpc://h
	refuses bench-file '-o.*ping' -o ping rpc://h
	refuses bench-file '-c' -c 3 rpc://h
}
