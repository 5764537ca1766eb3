#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-suite: files, table, external targets, interruption.

bats_require_minimum_version 1.5.0
load ../helper

# usual OUT: the three files of a run are tables.
usual() {
	rows "$1/suite.tsv"
	[ "$(head -n 1 "$1/env.tsv")" = $'key\tvalue' ] || fail "$(cat "$1/env.tsv")"
	awk -F '\t' 'NF != 2 { exit 1 }' "$1/env.tsv" || fail "$(cat "$1/env.tsv")"
}

@test "help and version" { help_is_fine bench-suite; }

@test "help and version before anything is built" {
	local p
	mkdir -p tree/bin
	cp "$BIN"/bench-suite "$BIN"/bench-report "$BIN"/bench-plot tree/bin
	cp "$BIN/../Makefile" tree
	for p in bench-suite bench-report bench-plot; do
		help_is_fine "$p"
		[ "$(PATH=/usr/bin:/bin "tree/bin/$p" -h)" = "$("$p" -h)" ] || fail "$p -h"
		[ "$(PATH=/usr/bin:/bin "tree/bin/$p" -V)" = "$("$p" -V)" ] || fail "$p -V"
		[ "$("$p" --version)" = "$("$p" -V)" ] || fail "$p --version"
	done
	PATH=/usr/bin:/bin run --separate-stderr tree/bin/bench-suite
	want 1 'bin/bench-lat: not found; build it first'
}

@test "usage errors are refused" {
	refuses bench-suite '-y' -y
	refuses bench-suite 'nosuch' nosuch
	refuses bench-suite 'rpc-nosuch|nosuch' rpc-nosuch
	refuses bench-suite 'x=ftp://h' x=ftp://h
	refuses bench-suite 'twice' rpc-thread rpc-thread
	refuses bench-suite '-o' -o
	refuses bench-suite '-r' -r 0
	refuses bench-suite '-r' -r 1001
	refuses bench-suite '-r' -r 2x
	refuses bench-suite '-S' -S 1
	refuses bench-suite '-S' -r 2 -S 0
	refuses bench-suite '-S' -r 2 -S 2147483647
	refuses bench-suite '-S' -r 2 -S 99999999999999999999
	refuses bench-suite '-c' -c
	refuses bench-suite 'no env.tsv' -c .
	refuses bench-suite '-q' -q -c .
	refuses bench-suite 'rpc-thread' -c . rpc-thread
	refuses bench-suite 'blank' 'x=http://h/a b'
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

@test "a failure is reported, and costs no other row" {
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

# As an assignment for awk, as an option, as words of more than one kind.
@test "folders and targets with names that are hard to pass on" {
	local o
	for o in run=1 -run 'a b' 'a"$b'; do
		bench-suite -q -o "$o" rpc-thread </dev/null >table.txt 2>err.txt || fail "$o: $(cat table.txt err.txt)"
		rows "./$o/suite.tsv"
		[ "$(wc -l <"./$o/suite.tsv")" -gt 10 ] || fail "$o: $(cat "./$o/suite.tsv" err.txt)"
		bench-suite -c "$o" >again.txt 2>err.txt || fail "$o: $(cat err.txt)"
		diff table.txt again.txt || fail "$o: other tables"
	done
	start http-serve -p 0
	run --separate-stderr bench-suite -q -o backslash "x=$URL/a\\tb"
	[ "$status" -eq 1 ] || fail "$output $stderr"
	[ "$(cut -f 2 backslash/done.tsv | sort -u | tr '\n' ' ')" = 'label x ' ] || fail "$(cat backslash/done.tsv)"
}

# Between the rows of a benchmark and the server's account of it.
@test "a signal while rows are being kept doubles none" {
	mkdir shim
	cat >shim/cat <<-'END'
		#!/bin/sh
		/bin/cat "$@"
		[ "${1##*/}" != rows ] || kill -TERM "$(ps -o ppid= -p "$PPID" | tr -d ' ')" "$PPID"
	END
	chmod +x shim/cat
	PATH=$PWD/shim:$PATH run --separate-stderr bench-suite -q -r 1 -o out rpc-thread
	[ "$status" -eq 143 ] || fail "status $status: $output $stderr"
	[ -z "$(cut -f 1-5,25 out/suite.tsv | sort | uniq -d)" ] || fail "$(cat out/suite.tsv)"
	bench-suite -c out >/dev/null || fail 'can not go on'
	[ -z "$(cut -f 1-5,25 out/suite.tsv | sort | uniq -d)" ] || fail "$(cat out/suite.tsv)"
}

@test "Ctrl-C keeps what was measured, and leaves no process" {
	local status=0 pid
	in_group bench-suite -o out http-thread >table 2>err.txt
	eventually grep -q bench-conn out/suite.tsv
	pid=$(cat pid)
	kill -INT -- "-$pid"
	reap "${STARTED[-1]}" || status=$?
	STARTED=()
	[ "$status" -eq 130 ] || fail "status $status: $(cat err.txt)"
	usual out
	[ "$(total out/suite.tsv n)" -gt 0 ] || fail "$(cat out/suite.tsv)"
	grep -q 'conn' table || fail "no table: $(cat table)"
	none_left_in "$pid" || fail "left: $(left_in "$pid")"
}

@test "stdout that can't be written is an error, and the rows are there" {
	run bash -c 'bench-suite -q -o out http-thread >/dev/full'
	[ "$status" -eq 1 ] || fail "status $status: $output"
	usual out
}

# keys TABLE: the columns that tell rows apart, sorted; those of memory.tsv have no operation.
keys() {
	awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^(label|bench|op|size_bytes|round)$/) k[++n] = i; next }
		{ for (i = 1; i <= n; i++) printf "%s ", $k[i]; print "" }' "$1" | sort
}

# whole DIR: the row set is that of an unbroken run, which is in the folder unbroken.
whole() {
	local table
	for table in suite usage isolation memory; do
		diff <(keys "unbroken/$table.tsv") <(keys "$1/$table.tsv") || fail "$1/$table.tsv"
	done
	rows "$1/suite.tsv" "$HEADER round"
	rows "$1/usage.tsv" "$USAGE_HEADER bench round"
	[ ! -e "$1/part.tsv" ] && [ ! -e "$1/running" ] || fail "$(ls "$1")"
	[ "$(tail -n 1 "$1/env.tsv")" = $'status\tcomplete' ] || fail "$(cat "$1/env.tsv")"
}

# order DIR: in which order it was measured.
order() {
	cut -f 1-3 "$1/done.tsv"
}

@test "rounds: everything once in each, in an order that the seed decides (-r, -S)" {
	local round
	run --separate-stderr bench-suite -q -r 3 -S 7 -o unbroken rpc-thread http-fork
	[ "$status" -eq 0 ] || fail "$output $stderr"
	[ "$stderr" = 'bench-suite: seed: 7' ] || fail "$stderr"
	whole unbroken
	[[ $output == *'Medians over 3 rounds; an interval takes 6'* ]] || fail "$output"
	grep -q $'^seed\t7$' unbroken/env.tsv || fail "$(cat unbroken/env.tsv)"
	[ -z "$(keys unbroken/suite.tsv | uniq -d)" ] || fail "twice: $(cat unbroken/suite.tsv)"
	for round in 1 2 3; do
		[ "$(keys unbroken/suite.tsv | grep -c " $round $")" = 30 ] || fail "$(cat unbroken/suite.tsv)"
		[ "$(keys unbroken/usage.tsv | grep -c " $round $")" = 10 ] || fail "$(cat unbroken/usage.tsv)"
		[ "$(cell unbroken/memory.tsv round | grep -c "^$round$")" = 2 ] || fail "$(cat unbroken/memory.tsv)"
		# rounds do not mix
		[ "$(cell unbroken/suite.tsv round | uniq | wc -l)" = 3 ] || fail "$(cat unbroken/suite.tsv)"
	done
	[ "$(order unbroken | grep '^1' | cut -f 2-)" != "$(order unbroken | grep '^2' | cut -f 2-)" ] ||
	    fail "no shuffle: $(order unbroken)"
	bench-suite -q -r 1 -S 7 -o again rpc-thread http-fork >table 2>err.txt
	diff <(order unbroken | sed 15q) <(order again) || fail 'the same seed, another order'
	bench-suite -q -r 1 -S 8 -o other rpc-thread http-fork >table 2>err.txt
	! diff <(order again) <(order other) >diff.txt || fail 'the seed means nothing'
	# and the order is the same with any awk
	[ "$(order unbroken | sed -n '2,4p' | tr '\t\n' ' .')" = '1 rpc-thread conn.1 rpc-thread bw.1 rpc-thread file.' ] || fail "$(order unbroken)"
}

# cut_short SIGNAL UNITS DIR: a run as the unbroken one, ended when at least so many units are done.
cut_short() {
	local pid status=0 signals=(INT:130 TERM:143 KILL:137)
	in_group bench-suite -q -r 2 -S 3 -o "$3" rpc-fork http-event >table 2>err.txt
	eventually has_lines "$(($2 + 1))" "$3/done.tsv" || fail "$(cat err.txt)"
	pid=$(cat pid)
	kill "-$1" "$pid"
	wait "${STARTED[-1]}" || status=$?
	STARTED=()
	[[ " ${signals[*]} " == *" $1:$status "* ]] || fail "$1: status $status"
	# what it had started outlives SIGKILL for a moment, and is noticed
	[ "$1" != KILL ] || eventually none_left_in "$pid" || true
	none_left_in "$pid" || fail "left: $(left_in "$pid")"
	[ "$(wc -l <"$3/done.tsv")" -lt 29 ] || fail 'it was over already'
}

has_lines() {
	[ "$(grep -c . "$2" 2>/dev/null)" -ge "$1" ]
}

@test "a run that was interrupted is continued, and nothing is there twice (-c)" {
	local cut i=0 cuts=(INT:1 TERM:14 KILL:5 KILL:20)
	! long || cuts=({INT,TERM,KILL}:{1,5,14,20})
	bench-suite -q -r 2 -S 3 -o unbroken rpc-fork http-event >table 2>err.txt
	for cut in "${cuts[@]}"; do
		i=$((i + 1))
		cut_short "${cut%:*}" "${cut#*:}" "cut$i"
		# what is there stays as it is
		cp "cut$i/suite.tsv" before.tsv
		cp "cut$i/done.tsv" done.tsv
		bench-suite -c "cut$i" >table 2>err.txt || fail "$(cat err.txt)"
		whole "cut$i"
		diff <(order unbroken) <(order "cut$i")
		diff done.tsv <(head -n "$(wc -l <done.tsv)" "cut$i/done.tsv")
		awk -F '\t' -v OFS='\t' 'FNR == 1 { file++ }
			file == 1 { done[$2, "bench-" $3, $1] = 1 }
			file == 2 && (($1, $2, $NF) in done) { kept[$0] = 1; n++ }
			file == 3 && ($0 in kept) { n-- }
			END { exit n != 0 }' done.tsv before.tsv "cut$i/suite.tsv" || fail "not everything was kept"
	done
	# and a run that is complete has nothing left to do
	cp -R cut1 over
	bench-suite -c cut1 >table 2>err.txt
	diff cut1/suite.tsv over/suite.tsv
}

@test "a folder with a cut-off line, or without some rows, is mended (-c)" {
	local n
	bench-suite -q -r 2 -S 4 -o unbroken rpc-pool >table 2>err.txt
	for n in 1 2 30 200 1000; do
		cp -R unbroken "cut$n"
		head -c -"$n" unbroken/suite.tsv >"cut$n/suite.tsv"
		bench-suite -c "cut$n" >table 2>err.txt || fail "$(cat err.txt)"
		whole "cut$n"
	done
	cp -R unbroken mended
	head -c -3 unbroken/done.tsv >mended/done.tsv
	head -c -40 unbroken/usage.tsv >mended/usage.tsv
	: >mended/memory.tsv
	printf 'half a ro' >>mended/isolation.tsv
	echo 'rows of a unit that was killed' >mended/part.tsv
	bench-suite -c mended >table 2>err.txt || fail "$(cat err.txt)"
	whole mended
}

@test "a run that goes on is not continued" {
	in_group bench-suite -o out -r 2 http-thread >table 2>err.txt
	wait_for out/running
	run --separate-stderr bench-suite -c out
	want 1 'still running it'
	kill -INT -- "-$(cat pid)"
	reap "${STARTED[-1]}" || true
	STARTED=()
	[ ! -e out/running ]
	# a number that is another process's by now keeps nobody
	sleep 600 3>&- &
	STARTED+=($!)
	bench-suite -q -o reused rpc-event >table 2>err.txt
	echo "$! $!" >reused/running
	bench-suite -c reused >table 2>err.txt || fail "$(cat err.txt)"
	[ ! -e reused/running ] || fail "$(cat reused/running)"
	# one without rounds can be continued, too: here nothing is measured twice
	bench-suite -q -o quick rpc-event >table 2>err.txt
	bench-suite -c quick >table 2>err.txt
	rows quick/suite.tsv
	[ "$(wc -l <quick/suite.tsv)" = 16 ] || fail "$(cat quick/suite.tsv)"
}

@test "failures are remembered, and not measured again (-c)" {
	refused_port
	run --separate-stderr bench-suite -q -r 2 -o out "gone=rpc://127.0.0.1:$PORT"
	[ "$status" -eq 1 ] || fail "$output"
	cp out/suite.tsv before.tsv
	run --separate-stderr bench-suite -c out
	[ "$status" -eq 1 ] || fail "$output"
	[[ $stderr == *'10 of 10 failed'* ]] || fail "$stderr"
	diff before.tsv out/suite.tsv
	[[ $output == *failed* ]] || fail "$output"
}
