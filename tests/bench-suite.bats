#!/usr/bin/env bats
# bench-suite: files, table, external targets, interruption.

bats_require_minimum_version 1.5.0
load helper

# usual OUT: the three files of a run are tables.
usual() {
	rows "$1/suite.tsv"
	[ "$(head -n 1 "$1/env.tsv")" = $'key\tvalue' ] || fail "$(cat "$1/env.tsv")"
	awk -F '\t' 'NF != 2 { exit 1 }' "$1/env.tsv" || fail "$(cat "$1/env.tsv")"
}

@test "help and version" { help_is_fine bench-suite; }

@test "wrong use is refused" {
	refuses bench-suite '-y' -y
	refuses bench-suite 'nosuch' nosuch
	refuses bench-suite 'rpc-nosuch|nosuch' rpc-nosuch
	refuses bench-suite 'x=ftp://h' x=ftp://h
	refuses bench-suite 'twice' rpc-thread rpc-thread
	refuses bench-suite '-o' -o
}

@test "the default configurations, quickly" {
	run --separate-stderr bench-suite -q -o out
	[ "$status" -eq 0 ] || fail "status $status: $output $stderr"
	[ -z "$stderr" ] || fail "$stderr"
	usual out
	rows out/usage.tsv "$USAGE_HEADER bench"
	[ "$(cell out/suite.tsv label | sort -u | tr '\n' ' ')" = 'http-request rpc-fork rpc-thread ' ] ||
	    fail "$(cat out/suite.tsv)"
	[ "$(cell out/suite.tsv bench | sort -u | wc -l)" = 5 ] || fail "$(cat out/suite.tsv)"
	[ "$(total out/suite.tsv errors)" = 0 ] || fail "$(cat out/suite.tsv)"
	[ "$(wc -l <out/usage.tsv)" = 16 ] || fail "$(cat out/usage.tsv)"
	# no row is there twice, none replaced another
	[ -z "$(cut -f 1-7 out/suite.tsv | sort | uniq -d)" ] || fail "$(cat out/suite.tsv)"
	[[ $output == *rpc-thread*rpc-fork*http-request* ]] || fail "$output"
	awk 'length > 100 { exit 1 }' <<<"$output" || fail "$output"
	grep -q '^commit' out/env.tsv || grep -q '^version' out/env.tsv || fail "$(cat out/env.tsv)"
	local key
	for key in kernel processor cores compiler date; do
		grep -q "^$key" out/env.tsv || fail "no $key: $(cat out/env.tsv)"
	done
}

@test "any model, and external targets" {
	start http-serve -p 0 -m fork
	run --separate-stderr bench-suite -q -o out http-thread "mine=$URL"
	[ "$status" -eq 0 ] || fail "status $status: $output $stderr"
	usual out
	[ "$(cell out/suite.tsv label | sort -u | tr '\n' ' ')" = 'http-thread mine ' ] || fail "$(cat out/suite.tsv)"
}

@test "a failure is told, and costs no other row" {
	refused_port
	run --separate-stderr bench-suite -q -o out rpc-thread "gone=rpc://127.0.0.1:$PORT"
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	[[ $stderr == *gone* ]] || fail "$stderr"
	usual out
	[ "$(awk -F '\t' '$1 == "rpc-thread" { n += $10 } END { print n + 0 }' out/suite.tsv)" = 0 ]
	[ "$(awk -F '\t' '$1 == "rpc-thread" && $9 > 0' out/suite.tsv | wc -l)" -ge 10 ] || fail "$(cat out/suite.tsv)"
}

@test "a folder that holds a run is left alone" {
	mkdir out
	echo precious >out/suite.tsv
	run --separate-stderr bench-suite -q -o out http-thread
	[ "$status" -ne 0 ] || fail "$output"
	[ "$(cat out/suite.tsv)" = precious ] || fail "$(cat out/suite.tsv)"
}

@test "Ctrl-C keeps what was measured, and leaves no process" {
	local status=0 pid
	in_group bench-suite -o out http-thread >table 2>err.txt
	wait_for out/suite.tsv
	sleep 1
	pid=$(cat pid)
	kill -INT -- "-$pid"
	reap "${STARTED[-1]}" || status=$?
	STARTED=()
	[ "$status" -eq 130 ] || fail "status $status: $(cat err.txt)"
	usual out
	[ "$(total out/suite.tsv n)" -gt 0 ] || fail "$(cat out/suite.tsv)"
	grep -q 'conn' table || fail "no table: $(cat table)"
	[ -z "$(pgrep -g "$pid")" ] || fail "left: $(pgrep -g "$pid" -a)"
}

@test "stdout that can't be written is an error, and the rows are there" {
	run bash -c 'bench-suite -q -o out http-thread >/dev/full'
	[ "$status" -eq 1 ] || fail "status $status: $output"
	usual out
}
