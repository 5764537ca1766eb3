#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Several targets in one run: names, nested servers, rounds and blocks, processors.

bats_require_minimum_version 1.5.0
load ../helper

# once FILE LABELS ROUNDS: every label has one row in every round, and no other.
once() {
	awk -F '\t' -v labels="$2" -v rounds="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
		{ seen[$1, $col["op"], $col["size_bytes"], $col["round"]]++; op[$col["op"] SUBSEP $col["size_bytes"]] }
		END {
			n = split(labels, label, " ")
			for (o in op) for (i = 1; i <= n; i++) for (r = 1; r <= rounds; r++)
				if (seen[label[i], o, r] != 1) exit 1
			for (s in seen) all++
			for (o in op) ops++
			exit all != n * rounds * ops }' "$1" || fail "$(cut -f 1,3,4,25,26 "$1")"
}

@test "each target has a block in each round, in all benchmarks" {
	local bench
	start rpc-serve -p 0
	for bench in lat bw file conn; do
		# shellcheck disable=SC2046 # words
		"bench-$bench" -B 3 $(case $bench in bw | file) echo -s 1k -o upload,download ;; esac) \
		    a="$URL" b="$URL" c="$URL" >"$bench.tsv"
		rows "$bench.tsv"
		once "$bench.tsv" 'a b c' 3
	done
	bench-conc -B 3 -o ping -c 3 a="$URL" b="$URL" >conc.tsv
	once conc.tsv 'a b' 3
	stop
}

@test "the order of targets is drawn anew in each round, from the seed (-S, BENCH_SEED)" {
	order() { bench-lat -H -B 20 -b 1 "$@" a="$URL" b="$URL" c="$URL" | cut -f 1 | tr '\n' ' '; }
	start rpc-serve -p 0
	[ "$(order -S 5)" = "$(BENCH_SEED=5 order)" ] || fail 'not the same with the same seed'
	[ "$(order -S 5)" != "$(order -S 6)" ] || fail 'the same with another seed'
	[ "$(order -S 5 | fmt -w 6 | sort -u | wc -l)" -gt 2 ] || fail "$(order -S 5)"
	stop
}

@test "a block is a count or a time, and its first operations are not recorded" {
	rpc-serve -u usage.tsv bench-lat -w 0 -B 4 -b 7 >out.tsv
	[ "$(cell out.tsv n | sort -u)" = 7 ] || fail "$(cat out.tsv)"
	# two to find the target, and 5 and 7 in each block
	[ "$(usage_cell requests)" -ge $((4 * 12)) ] || fail "$(cat usage.tsv)"
	rpc-serve bench-lat -B 4 -b 20ms >out.tsv
	# (where the machine is busy, a block may be a single operation that takes as long)
	awk -F '\t' 'NR > 1 { bad += $11 < 0.02; n += $9 } END { exit bad || n < 5 }' out.tsv || fail "$(cat out.tsv)"
	rpc-serve bench-lat -B 2 -n 9 >out.tsv
	[ "$(cell out.tsv n | sort -u)" = 9 ] || fail "$(cat out.tsv)"
}

@test "without -B several targets have as many rounds as suit the operation" {
	rpc-serve rpc-serve bench-lat >out.tsv
	once out.tsv 'rpc-thread rpc-thread.2' 40
	rpc-serve bench-lat >out.tsv
	[ "$(cell out.tsv n)" -ge 1000 ] && [ "$(cell out.tsv round)" = 1 ] || fail "one target is measured as ever: $(cat out.tsv)"
}

@test "servers nest: each adds its URL and label; what a person exported is replaced" {
	local show='echo "$BENCH_LABEL"; for t in $BENCH_TARGET; do echo "${t%:*}"; done'
	run -0 --separate-stderr rpc-serve -m fork http-serve -l x rpc-serve -m fork sh -c "$show"
	[ "${lines[0]}" = 'rpc-fork x rpc-fork.2' ] || fail "$output"
	[ "${lines[*]:1}" = 'rpc://127.0.0.1 http://127.0.0.1 rpc://127.0.0.1' ] || fail "$output"
	BENCH_TARGET=rpc://nowhere BENCH_LABEL=mine run -0 rpc-serve sh -c "$show"
	[ "$output" = $'rpc-thread\nrpc://127.0.0.1' ] || fail "$output"
	# what a script passes on one by one keeps its label
	run -0 rpc-serve -l x rpc-serve -l y sh -c 'for t in $BENCH_TARGET; do bench-lat -q -H -n 1 "$t/ping"; done'
	[ "$(cut -f 1 <<<"$output" | tr '\n' ' ')" = 'x y ' ] || fail "$output"
	rpc-serve -u a.tsv -l a http-serve -u b.tsv -l b bench-lat -B 2 >out.tsv
	once out.tsv 'a b' 2
	[ "$(cut -f 1 a.tsv b.tsv | tr '\n' ' ')" = 'label a label b ' ] || fail "$(cat a.tsv b.tsv)"
}

@test "-R and -D carry round and pass" {
	BENCH_PASS=4 rpc-serve rpc-serve bench-lat -R -B 2 -b 3 >raw.tsv
	rows raw.tsv "$RAW_HEADER"
	[ "$(cut -f 11,12 raw.tsv | tail -n +2 | sort | uniq -c | awk '{ print $1, $2, $3 }' | tr '\n' ' ')" = \
	    '6 1 4 6 2 4 ' ] || fail "$(cat raw.tsv)"
	rpc-serve rpc-serve bench-lat -D -B 2 -b 3 >hist.tsv
	rows hist.tsv "$HIST_HEADER"
	[ "$(cut -f 15 hist.tsv | sort -u | tr '\n' ' ')" = '1 2 round ' ] || fail "$(cat hist.tsv)"
}

@test "paths are called on every target, and rows named after the first" {
	rpc-serve http-serve sh -c 'set -- $BENCH_TARGET; bench-lat -B 2 -b 5 a="$1/compute/3" b="$2/compute/3"' >out.tsv
	once out.tsv 'a b' 2
	[ "$(cell out.tsv op | sort -u)" = compute/3 ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv errors | sort -u)" = 0 ] || fail "$(cat out.tsv)"
}

@test "a target that goes away: its errors are counted, the others go on" {
	local there goes bench
	start http-serve -p 0
	there=$URL
	start rpc-serve -p 0
	goes=$PID
	bench-lat -B 1000000 -b 20 stays="$there" goes="$URL" >out.tsv 2>err 3>&- &
	bench=$!
	STARTED+=("$bench")
	both() { cut -f 1 out.tsv | sort -u | grep -c . | grep -qx 3; }
	eventually both
	kill -TERM "$goes"
	reap "$goes" || true
	forget "$goes"
	died() { awk -F '\t' '$1 == "goes" && $10 > 0 { found = 1 } END { exit !found }' out.tsv; }
	eventually died
	alone() { awk -F '\t' '$1 == "goes" { last = NR } END { exit NR - last < 10 }' out.tsv; }
	eventually alone
	kill -TERM "$bench"
	reap "$bench" && fail 'exit status 0' || true
	forget "$bench"
	rows out.tsv
	[ "$(awk -F '\t' '$1 == "stays" { n += $10 } END { print n + 0 }' out.tsv)" = 0 ] || fail "$(tail -n 3 out.tsv)"
	grep -q 'goes: ping: not measured to the end' err || fail "$(cat err)"
}

@test "a target whose name has no address is one that can't be reached: the others are measured" {
	local bench
	start http-serve -p 0
	for bench in $BENCHES; do
		# shellcheck disable=SC2046 # words
		run --separate-stderr timeout 120 "$bench" -q $(quick "$bench") none=http://nosuch.invalid:1 there="$URL"
		[ "$status" -eq 1 ] && grep -q ': nosuch.invalid: ' <<<"$stderr" || fail "$bench: $status: $stderr"
		printf '%s\n' "$output" >out.tsv
		rows out.tsv
		awk -F '\t' '$1 == "there" { n += $9; failed += $10 } $1 == "none" { none += $9; lost += $10 }
			END { exit n == 0 || failed > 0 || none > 0 || lost == 0 }' out.tsv || fail "$bench: $output"
	done
	stop
}

@test "bench-conc: errors are those of the target that has them, and clients that gave up count once" {
	run --separate-stderr rpc-serve sh -c 'bench-conc -o ping -j 2 -B 3 -c 8 live=$BENCH_TARGET dead=http://127.0.0.1:1'
	[ "$status" = 1 ] && grep -q 'dead: ping: 8 of 8 clients gave up' <<<"$stderr" || fail "$status: $stderr"
	awk -F '\t' '$3 == "ping" { rows[$1]++; failed[$1] += $10; n[$1] += $9 }
		END { exit rows["live"] != 3 || failed["live"] > 0 || n["live"] < 1 ||
		    rows["dead"] != 1 || failed["dead"] != 8 || n["dead"] > 0 }' <<<"$output" || fail "$output"
	# the server takes no more than five at a time
	run --separate-stderr rpc-serve -c 5 bench-conc -B 4 -c 8 -T 1
	[ "$status" = 1 ] && grep -q ' ping: 3 of 8 clients gave up' <<<"$stderr" || fail "$status: $stderr"
	# no more than those of three rounds: these go on
	run --separate-stderr rpc-serve -c 30 bench-conc -B 5 -c 8 -T 1
	[ "$status" = 0 ] && grep -q 'first-reply: only 3 rounds' <<<"$stderr" || fail "$status: $stderr"
	awk -F '\t' 'NR > 1 { rows[$3]++; failed += $10 }
		END { exit rows["first-reply"] != 3 || rows["ping"] != 5 || failed > 0 }' <<<"$output" ||
	    fail "$output"
}

# In the second of the rounds the peer is through with the connections it takes.
@test "bench-conc: a first reply that is an error is no lack of connections" {
	local j peer
	for j in 1 10; do
		for peer in 503 half; do
			bad http "http-$peer-after-14"
			run --separate-stderr timeout 60 bench-conc -j "$j" -B 3 -b 2 -w 0 -c 10 -T 5 -o ping "$URL"
			[ "$status" -eq 1 ] || fail "$peer -j $j: status $status: $output $stderr"
			printf '%s\n' "$output" >out.tsv
			rows out.tsv
			[ "$(cell out.tsv n first-reply | tr '\n' ' ')" = '10 4 ' ] &&
			    [ "$(cell out.tsv errors first-reply | tr '\n' ' ')" = '0 6 ' ] || fail "$peer -j $j: $output"
			[[ $stderr != *'no more connections'* ]] || fail "$peer -j $j: $stderr"
		done
		for peer in refuse close; do
			bad http "http-$peer-after-14"
			run --separate-stderr timeout 60 bench-conc -j "$j" -B 3 -b 2 -w 0 -c 10 -T 5 -o ping "$URL"
			[ "$status" -eq 0 ] || fail "$peer -j $j: status $status: $output $stderr"
			printf '%s\n' "$output" >out.tsv
			rows out.tsv
			[ "$(cell out.tsv n first-reply)/$(total out.tsv errors)" = 10/0 ] || fail "$peer -j $j: $output"
			[ "$(cell out.tsv n ping | tr '\n' ' ')" = '20 20 20 ' ] || fail "$peer -j $j: $output"
			[[ $stderr == *'first-reply: only 1 round, no more connections: '* ]] || fail "$peer -j $j: $stderr"
		done
	done
}

@test "bench-conn: in rounds, too, a silent peer has an error and a reason" {
	local scheme
	for scheme in rpc6 http; do
		bad "$scheme" silent
		run --separate-stderr timeout 60 bench-conn -B 2 -T 1 "$URL"
		[ "$status" -eq 1 ] || fail "$scheme: status $status: $output $stderr"
		[[ $stderr == *'no answer within'* ]] || fail "$scheme: $stderr"
		printf '%s\n' "$output" >out.tsv
		[ "$(total out.tsv errors)" -gt 0 ] || fail "$scheme: $output"
	done
}

@test "bad targets, rounds, blocks and processors are named" {
	local label url=rpc://127.0.0.1:1
	refuses bench-lat '-B: must be at least 1: 0' -B 0 "$url"
	refuses bench-lat '-b: must be at least 1: 0' -b 0 "$url"
	refuses bench-lat '-b: .*: 5x' -b 5x "$url"
	refuses bench-lat '-b: -n and -t say' -b 5 -n 5 "$url"
	refuses bench-lat 'a: two targets of this name.*name=URL.*-l' a="$url" a="$url"
	refuses bench-lat "$url: two targets of this name" "$url" "$url"
	refuses bench-lat "a b: .*blank" 'a b'="$url" c="$url"
	refuses bench-lat '-l: names one target' -l x "$url" b="$url"
	refuses bench-lat 'either all targets name an operation' a="$url/x" b="$url"
	refuses bench-lat '-K is for http' -K a=http://127.0.0.1:1 b="$url"
	refuses bench-busy 'more than one target' "$url" http://127.0.0.1:1
	refuses bench-lat '-P: not a list of processors.*: x' -P x "$url"
	BENCH_PASS=0 refuses bench-lat 'BENCH_PASS' "$url"
	BENCH_SEED=x refuses bench-lat 'BENCH_SEED' "$url"
	BENCH_TARGET="$url http://127.0.0.1:1" BENCH_LABEL='a b c' refuses bench-lat 'BENCH_LABEL has 3 names for the 2'
	refuses rpc-serve '-l a b: .*blank' -l 'a b' true
	for label in "${BAD_LABELS[@]}"; do
		refuses rpc-serve '-l .*: ' -l "$label" true
		refuses http-serve '-l .*: ' -l "$label" true
		refuses bench-turns 'label .*: ' rpc-serve -l "$label" bench-lat
		refuses bench-lat 'quote|backslash|front|blank|control' "$label=$url"
	done
	refuses rpc-serve '-P x: not a list' -P x true
}

@test "more targets than descriptors allow" {
	local url=rpc://127.0.0.1:1
	run --separate-stderr bash -c "ulimit -n 60; exec bench-conc -c 20 a=$url b=http://127.0.0.1:1 c=http://127.0.0.1:2"
	want 2 '60 connections need more than the limit of [0-9]* descriptors'
	run --separate-stderr bash -c "ulimit -n 60; exec bench-conn a=$url b=http://127.0.0.1:1"
	want 2 'need more than the limit of [0-9]* descriptors'
	run --separate-stderr bash -c "ulimit -n 60; exec bench-lat $(printf "t%d=$url " $(seq 20))"
	want 2 '20 targets need more than the limit of [0-9]* descriptors'
	# by time, each takes its share
	run --separate-stderr rpc-serve bash -c 'ulimit -n 100
	    bench-conn -B 6 -t 10 a=$BENCH_TARGET b=$BENCH_TARGET'
	want 0
	[ "$(grep -c '[ab]: -t: stopped at 4[0-9] connections' <<<"$stderr")" = 2 ] || fail "$stderr"
	[ "$(cut -f 10 <<<"$output" | sort -u | tr '\n' ' ')" = '0 errors ' ] || fail "$output"
}

@test "bench-conn gives up a target by its name" {
	run --separate-stderr rpc-serve sh -c 'bench-conn -B 2 live=$BENCH_TARGET dead=http://127.0.0.1:1'
	[ "$status" = 1 ] && grep -q '^bench-conn: dead: gave up after 3 failures' <<<"$stderr" || fail "$stderr"
}

@test "processors: -P, and as many threads as may be used" {
	command -v taskset >/dev/null || skip 'no taskset'
	local all
	all=$(taskset -p $$ | sed 's/.*: //')
	run -0 rpc-serve -P 0 sh -c 'taskset -p $$; taskset -p $PPID'
	[ "${lines[0]##*: }" = "$all" ] || fail "the command is not bound: $output"
	[ "${lines[1]##*: }" = 1 ] || fail "the server is: $output"
	BENCH_SERVER_CPUS=0 run -0 rpc-serve sh -c 'taskset -p $PPID'
	[ "${output##*: }" = 1 ] || fail "$output"
	run --separate-stderr rpc-serve -P 1023 true
	want 2 '-P 1023: no such processor'
	run -0 --separate-stderr taskset -c 0 rpc-serve bench-conc -n 1 -v
	grep -q -- '-j 1 ' <<<"$stderr" || fail "$stderr"
	run -0 --separate-stderr rpc-serve bench-conc -n 1 -v -P 0
	grep -q -- '-j 1 ' <<<"$stderr" || fail "$stderr"
	BENCH_CLIENT_CPUS=0 run -0 --separate-stderr rpc-serve bench-conc -n 1 -v
	grep -q -- '-j 1 ' <<<"$stderr" || fail "$stderr"
}

@test "memory does not grow with the rounds" {
	peak() { rpc-serve sh -c "ulimit -v 60000; exec bench-lat $*" >/dev/null; }
	[ -z "${SANITIZED:-}" ] || skip 'needs address space under a sanitizer'
	peak -B 3000 -b 1
	peak -R -B 3000 -b 1
}
