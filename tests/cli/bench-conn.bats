#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-conn: the cost of a connection.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine bench-conn; }
@test "usage errors are refused" { bench_refuses_usage_errors bench-conn; }
@test "rows from both servers under every model" { bench_rows_are_right bench-conn; }
@test "output that can't be written is an error" { bench_notices_lost_output bench-conn; }
@test "a refused connection is an error" { bench_reports_refused_connection bench-conn; }
@test "a silent peer is given up on (-T)" { bench_gives_up_on_silence bench-conn; }
@test "an interrupted run keeps its rows" { bench_keeps_rows_when_interrupted bench-conn /sleep/0.01 -t 600; }
@test "labels, targets, headers" { bench_takes_labels_and_headers bench-conn; }
@test "raw rows, one an operation (-R)" { bench_prints_raw_rows bench-conn; }
@test "the distribution (-D)" { bench_prints_histograms bench-conn; }
@test "a name for a host" { bench_reaches_names bench-conn; }
@test "IPv6" { bench_reaches_ipv6 bench-conn; }

@test "options it does not take" {
	refuses bench-conn '-s' -s 1k rpc://h
	refuses bench-conn '-K' -K http://h
	refuses bench-conn 'method' rpc://h/ping
}

@test "connections are exactly as many as asked for, and first-reply includes connect" {
	local server
	for server in $SERVERS; do
		"$server" -u usage.tsv bench-conn -n 37 -w 5 >out.tsv
		[ "$(cell out.tsv n | tr '\n' ' ')" = '37 37 ' ] || fail "$(cat out.tsv)"
		# warming up, and finding out the dialect, take connections too
		[ "$(usage_cell connections)" -ge 42 ] && [ "$(usage_cell connections)" -le 44 ] ||
		    fail "$(cat usage.tsv)"
		[ "$(usage_cell errors)" = 0 ] || fail "$(cat usage.tsv)"
		awk -F '\t' 'NR > 1 { v[$3] = $14 } END { exit !(v["first-reply"] > v["connect"]) }' out.tsv ||
		    fail "$(cat out.tsv)"
	done
}

@test "a first reply counts in bytes_per_s, if it is to a path" {
	start http-serve -p 0
	bench-conn -q -n 200 "$URL/download/1000" >out.tsv
	[ "$(payload out.tsv | tr '\n' ' ')" = '0 1000 ' ] || fail "$(cat out.tsv)"
	bench-conn -q -n 200 "$URL" >out.tsv
	[ "$(payload out.tsv | tr '\n' ' ')" = '0 0 ' ] || fail "$(cat out.tsv)"
	stop
}

@test "one of the two rows alone (-o)" {
	rpc-serve bench-conn -n 5 -o first-reply >out.tsv
	[ "$(cell out.tsv op)" = first-reply ] || fail "$(cat out.tsv)"
	rpc-serve bench-conn -n 5 -o connect >out.tsv
	[ "$(cell out.tsv op)" = connect ] || fail "$(cat out.tsv)"
}

@test "for a time (-t)" {
	http-serve bench-conn -t 0.5 >out.tsv
	rows out.tsv
	awk -F '\t' 'NR > 1 && ($11 < 0.45 || $9 < 1) { exit 1 }' out.tsv || fail "$(cat out.tsv)"
}

@test "a command while all are open (-x)" {
	# what the command prints comes behind the rows, and it finds the connections there
	http-serve -m fork bench-conn -n 7 -w 0 -x 'echo "$BENCH_CONNECTIONS"; ps -o pid= --ppid $(ps -o ppid= -p $PPID) | wc -l' >out.txt
	[ "$(head -n 3 out.txt | cut -f 9 | tr '\n' ' ')" = 'n 7 7 ' ] || fail "$(cat out.txt)"
	# 7 processes serve, and bench-conn itself is the server's child
	[ "$(tail -n 2 out.txt | tr '\n' ' ')" = '7 8 ' ] || fail "$(cat out.txt)"
	run --separate-stderr http-serve bench-conn -n 2 -x 'exit 3'
	# beside this, a client that was busy may be warned of
	[ "$status" -eq 1 ] && grep -q "exit status is 3$" <<<"$stderr" || fail "$stderr"
	[ "${#lines[@]}" -eq 3 ] || fail "$output"
	run --separate-stderr http-serve bench-conn -n 2 -x 'kill -TERM $$'
	[ "$status" -eq 1 ] && grep -q 'signal 15' <<<"$stderr" || fail "$stderr"
	# Ctrl-C was for both, as a shell says it, too
	for word in 'kill -INT $$' 'exit 130'; do
		run --separate-stderr http-serve bench-conn -n 2 -x "$word"
		[ "$status" -eq 130 ] && ! grep -q -- -x: <<<"$stderr" || fail "$word: $status $stderr"
	done
	refuses bench-conn '-x' -x '' rpc://h
	refuses bench-lat '-x' -x true rpc://h
}
