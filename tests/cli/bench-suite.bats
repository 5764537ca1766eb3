#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-suite: files, table, passes, external targets, interruption.

bats_require_minimum_version 1.5.0
load ../helper

# usual OUT: the files of a run are tables.
usual() {
	rows "$1/rows.tsv" "$HEADER"
	rows "$1/usage.tsv" "$USAGE_HEADER pass"
	[ "$(head -n 1 "$1/env.tsv")" = $'key\tvalue' ] || fail "$(cat "$1/env.tsv")"
	awk -F '\t' 'NF != 2 { exit 1 }' "$1/env.tsv" || fail "$(cat "$1/env.tsv")"
	# no row is there twice, none replaced another
	[ -z "$(keys "$1/rows.tsv" | uniq -d)" ] || fail "twice: $(keys "$1/rows.tsv" | uniq -d)"
}

# keys TABLE: the columns that tell rows apart, sorted.
keys() {
	cut -f 1-8,25,26 "$1" | sort
}

# labels OUT: those that have rows.
labels() {
	cell "$1/rows.tsv" label | sort -u | paste -sd ' '
}

# env_has OUT KEY VALUE: env.tsv says so; of several lines the last one counts.
env_has() {
	[ "$(awk -F '\t' -v key="$2" '$1 == key { v = $2 } END { print v }' "$1/env.tsv")" = "$3" ] ||
	    fail "not $2 $3: $(cat "$1/env.tsv")"
}

# short OPTION...: a run of two configurations whose passes take a few moments.
short() {
	bench-suite -S 7 -x 'bench-lat -B 4' -x 'bench-file -s 64k -B 2 -o upload,download' "$@"
}

@test "help and version" { help_is_fine bench-suite; }

@test "help and version before anything is built" {
	local p
	mkdir -p tree/bin
	cp "$BIN"/bench-{suite,report,plot,env,pass} tree/bin
	cp "$BIN/../Makefile" tree
	for p in bench-suite bench-report bench-plot bench-env bench-pass; do
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
	refuses bench-suite 'needs a name' http://127.0.0.1:1
	refuses bench-suite 'letters' 'a/b=rpc-thread'
	refuses bench-suite 'twice' rpc-thread rpc-thread
	refuses bench-suite 'twice' a=rpc-thread a=rpc-fork
	refuses bench-suite '-o' -o
	refuses bench-suite '-r' -r 6
	refuses bench-suite '-p' -p 0
	refuses bench-suite '-p' -p 2x
	refuses bench-suite '-t' -t 0
	refuses bench-suite '-t' -t 1s
	refuses bench-suite '-e' -e 0
	refuses bench-suite '-e' -e 101%
	refuses bench-suite '-e' -e 1..2
	refuses bench-suite '-S' -S 0
	refuses bench-suite '-S' -S 2147483647
	refuses bench-suite '-S' -S 99999999999999999999
	refuses bench-suite 'nosuch' -P nosuch
	refuses bench-suite 'no such processor' -P 1023:0
	refuses bench-suite '-x: not bench-' -x ''
	refuses bench-suite '-x: not bench-.*: rm' -x 'rm -rf .'
	refuses bench-suite '-x: bench-lat: -Y: unknown' -x 'bench-lat -Y'
	refuses bench-suite '-x: -R can.t' -x 'bench-lat -R'
	refuses bench-suite 'targets are configurations' -x 'bench-lat rpc://127.0.0.1:1'
	refuses bench-suite '-c' -c
	refuses bench-suite 'no env.tsv' -c .
	refuses bench-suite '-q' -q -c .
	refuses bench-suite 'rpc-thread' -c . rpc-thread
	refuses bench-suite 'blank' 'x=http://h/a b'
	[ ! -e results ] || fail 'a folder all the same'
}

@test "the default configurations, quickly" {
	local key
	run --separate-stderr bench-suite -q -S 7 -o out
	[ "$status" -eq 0 ] || fail "status $status: $output $stderr"
	[[ $stderr == *'seed 7, at most 2 passes'* ]] || fail "$stderr"
	usual out
	[ "$(labels out)" = 'http-request http-thread rpc-fork rpc-thread' ] || fail "$(labels out)"
	[ "$(cell out/rows.tsv bench | sort -u | wc -l)" = 5 ] || fail "$(cut -f 1-4 out/rows.tsv)"
	[ "$(cell out/rows.tsv pass | sort -u | paste -sd ' ')" = '1 2' ] || fail 'passes'
	[ "$(total out/rows.tsv errors)" = 0 ] || fail "$(cut -f 1-10 out/rows.tsv)"
	# a server for each configuration and pass
	[ "$(wc -l <out/usage.tsv)" = 9 ] || fail "$(cat out/usage.tsv)"
	[ "$(wc -l <out/cost.tsv)" = 25 ] || fail "$(cat out/cost.tsv)"
	[ "$(head -n 1 out/cost.tsv)" = "$(tr ' ' '\t' <<<"label op size_bytes n errors p50_us sent_bytes \
received_bytes cpu_us voluntary involuntary faults maxrss_kb pass")" ] || fail "$(cat out/cost.tsv)"
	# a hex digit for each half of a byte, and for nothing else
	awk -F '\t' '$2 == "upload-chunked" { hex = $7 > 2 * $3; if (hex != ($1 ~ /^http/)) exit 1 }' out/cost.tsv ||
	    fail "$(cat out/cost.tsv)"
	[ "$(wc -l <out/memory.tsv)" = 9 ] || fail "$(cat out/memory.tsv)"
	rows out/isolation.tsv "$HEADER"
	[ "$(wc -l <out/isolation.tsv)" = 9 ] || fail "$(cat out/isolation.tsv)"
	[[ $output == *rpc-thread*rpc-fork*http-thread*http-request* ]] || fail "$output"
	awk 'length > 80 { exit 1 }' <<<"$output" || fail "$output"
	grep -q '^commit' out/env.tsv || grep -q '^version' out/env.tsv || fail "$(cat out/env.tsv)"
	for key in kernel processor cores compiler date placement passes seed; do
		grep -q "^$key" out/env.tsv || fail "no $key: $(cat out/env.tsv)"
	done
	env_has out status complete
}

@test "the cost of a request is taken in two passes, isolation and memory in six and then some" {
	bench-suite -q -p 9 -o out rpc-thread >table 2>err.txt || fail "$(cat err.txt)"
	[ "$(cell out/cost.tsv pass | sort -u | paste -sd ' ')" = '1 2' ] || fail "$(cat out/cost.tsv)"
	[ "$(cell out/memory.tsv pass | paste -sd ' ')" = '1 2 3 4 5 6 9' ] || fail "$(cat out/memory.tsv)"
	grep -q '^What a request costs' table || fail "$(cat table)"
}

@test "measured in turn: each round and pass has a row of every target, in an order of its own" {
	local n
	short -p 3 -o out a=rpc-thread b=rpc-thread >table 2>err.txt || fail "$(cat err.txt)"
	usual out
	[ "$(labels out)" = 'a b' ] || fail "$(labels out)"
	n=$(tail -n +2 out/rows.tsv | cut -f 2-8,25,26 | sort | uniq -c | awk '{ print $1 }' | sort -u)
	[ "$n" = 2 ] || fail "$n rows: $(cut -f 1-4,25,26 out/rows.tsv)"
	# 4 rounds of pings, and 2 of two operations on files
	[ "$(wc -l <out/rows.tsv)" = $((1 + 3 * 2 * 8)) ] || fail "$(cut -f 1-4,25,26 out/rows.tsv)"
	[ "$(awk -F '\t' 'NR > 1 && $1 != last { print $1; last = $1 }' out/rows.tsv | wc -l)" -gt 6 ] ||
	    fail 'one after the other'
	[ "$(cut -f 1,2 out/done.tsv | tail -n +2 | paste -sd ' ')" = $'1\tcomplete 2\tcomplete 3\tcomplete' ] ||
	    fail "$(cat out/done.tsv)"
	# the same seed, the same order
	short -p 3 -o again a=rpc-thread b=rpc-thread >table 2>err.txt
	diff <(cut -f 1-4,25,26 out/rows.tsv) <(cut -f 1-4,25,26 again/rows.tsv)
}

@test "what does not differ is shown as such, and nothing with too few passes" {
	short -p 5 -o few rpc-thread rpc-fork >table 2>err.txt
	grep -q '?: undecided (3); 6 passes are the fewest' table || fail "$(cat table)"
	grep -q '?[0-9.]* ' table || fail "$(cat table)"
	! grep -q '^=:' table || fail "$(cat table)"
}

@test "a budget: no pass begins that would not end in time; one is always whole" {
	short -t 1 -o out rpc-thread http-thread >table 2>err.txt || fail "$(cat err.txt)"
	grep -q 'at most 1 s' err.txt || fail "$(cat err.txt)"
	usual out
	[ "$(awk -F '\t' '$26 == 1' out/rows.tsv | wc -l)" = 16 ] || fail "$(cut -f 1-4,25,26 out/rows.tsv)"
	env_has out status complete
	env_has out seconds 1
}

@test "precision: the run ends when ratios are known well enough (-e)" {
	short -e 100 -p 40 -o out a=rpc-thread b=rpc-thread >table 2>err.txt || fail "$(cat err.txt)"
	grep -q 'until all ratios are known to 100 %' err.txt || fail "$(cat err.txt)"
	[ "$(tail -n +2 out/done.tsv | wc -l)" -ge 6 ] || fail "$(cat out/done.tsv)"
	[ "$(tail -n +2 out/done.tsv | wc -l)" -lt 40 ] || fail "$(cat out/done.tsv)"
}

@test "placement (-P)" {
	[ "$(uname)" = Linux ] || skip 'who chooses processors elsewhere?'
	short -P same -p 1 -o out rpc-thread >table 2>err.txt || fail "$(cat err.txt)"
	env_has out placement same
	short -P free -p 1 -o free rpc-thread >table 2>err.txt || fail "$(cat err.txt)"
	env_has free placement free
}

@test "benchmarks that one asks for (-x), with more clients; rows that nothing tells apart" {
	bench-suite -p 1 -o out -x 'bench-conc -c 2 -B 2' -x 'bench-conc -c 4 -B 2' -x 'bench-lat -s 1k,2k -B 2' \
	    rpc-thread http-thread >table 2>err.txt || fail "$(cat err.txt)"
	usual out
	grep -q 'ping -c2 ' table && grep -q 'ping -c4 ' table || fail "$(cat table)"
	[ ! -e out/memory.tsv ] || fail 'nobody asked for memory'
	run --separate-stderr bench-suite -p 1 -o twice -x bench-lat -x 'bench-lat -N' rpc-thread
	[ "$status" -eq 2 ] || fail "status $status: $stderr"
	[[ $stderr == *'two benchmarks have the same rows (bench-lat ping)'* ]] || fail "$stderr"
}

@test "any model, external targets, another build" {
	start http-serve -p 0 -m fork
	mkdir -p old
	cp "$BIN/rpc-serve" old
	run --separate-stderr bench-suite -q -p 1 -o out http-event "mine=$URL" old=old/rpc-pool
	[ "$status" -eq 0 ] || fail "status $status: $output $stderr"
	usual out
	[ "$(labels out)" = 'http-event mine old' ] || fail "$(labels out)"
	[ "$(cell out/usage.tsv label | sort | paste -sd ' ')" = 'http-event old' ] || fail "$(cat out/usage.tsv)"
	# nothing of ours at all; a path is what latency and many clients ask for
	run --separate-stderr bench-suite -q -p 1 -o theirs "a=$URL/compute/5" "b=$URL/compute/5"
	[ "$status" -eq 0 ] || fail "status $status: $output $stderr"
	[ "$(labels theirs)" = 'a b' ] || fail "$(labels theirs)"
	grep -q $'^a\tbench-lat\t/compute/5\t' theirs/rows.tsv || fail "$(cut -f 1-4 theirs/rows.tsv)"
	grep -q $'^b\tbench-bw\tupload\t' theirs/rows.tsv || fail "$(cut -f 1-4 theirs/rows.tsv)"
	# and the others for a ping
	run --separate-stderr bench-suite -q -p 1 -o mixed rpc-thread http-pool "a=$URL/compute/5"
	[ "$status" -eq 0 ] || fail "status $status: $output $stderr"
	[ "$(awk -F '\t' '$2 == "bench-lat" { print $1, $3 }' mixed/rows.tsv | sort -u | paste -sd ' ')" = \
	    'a ping http-pool ping rpc-thread ping' ] || fail "$(cut -f 1-4 mixed/rows.tsv)"
}

@test "external targets with a query or a stated dialect" {
	local http
	start http-serve -p 0
	http=$URL
	start rpc-serve -p 0
	run --separate-stderr bench-suite -q -p 1 -o out -x 'bench-conn -n 3' -x 'bench-bw -n 2 -s 1k' \
	    rpc-thread "stated=rpc6${URL#rpc}/ping" "asks=$http?x=1"
	# only that the request with the query finds nothing there
	[ "$status" -le 1 ] && [[ $stderr != *'can be'* && $stderr != *usage* ]] || fail "status $status: $stderr"
	[ "$(cut -f 1-2 out/rows.tsv | sort -u | grep -cE '^(stated|asks|rpc-thread).bench-(conn|bw)$')" = 6 ] ||
	    fail "$(cut -f 1-4 out/rows.tsv) $stderr"
}

@test "a target that is not there is refused at once" {
	refused_port
	run --separate-stderr bench-suite -q -o out rpc-thread "gone=rpc://127.0.0.1:$PORT"
	want 1 'gone: connect.*refused'
	[ ! -e out ] || fail "$(ls out)"
}

@test "a failure is reported once, and costs no other row" {
	start http-serve -p 0 -M 10k
	run --separate-stderr bench-suite -p 2 -x 'bench-bw -s 1k,20k -B 2' -x 'bench-lat -B 2' -o out rpc-thread "small=$URL"
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	[ "$(grep -c 'bench-bw failed (exit status 1), pass' <<<"$stderr")" = 1 ] || fail "$stderr"
	[ "$(grep -c 'HTTP 413' <<<"$stderr")" = 1 ] || fail "$stderr"
	usual out
	[ "$(awk -F '\t' '$1 == "rpc-thread" { n += $10 } END { print n + 0 }' out/rows.tsv)" = 0 ]
	[ "$(awk -F '\t' '$1 == "small" && $2 == "bench-lat" && $9 > 0' out/rows.tsv | wc -l)" = 4 ] ||
	    fail "$(cut -f 1-10 out/rows.tsv)"
	[[ $output == *failed* ]] || fail "$output"
	env_has out status 'failed: bench-bw failed (exit status 1)'
	# and is remembered; nothing is measured again
	cp out/rows.tsv before.tsv
	run --separate-stderr bench-suite -c out
	[ "$status" -eq 1 ] || fail "$output"
	diff before.tsv out/rows.tsv
}

@test "a folder that holds a run is left alone" {
	local file
	for file in rows.tsv suite.tsv; do
		mkdir -p "out-$file"
		echo precious >"out-$file/$file"
		run --separate-stderr bench-suite -q -o "out-$file" http-thread
		[ "$status" -ne 0 ] || fail "$output"
		[ "$(cat "out-$file/$file")" = precious ] || fail "$(cat "out-$file/$file")"
	done
}

# As an assignment for awk, as an option, as words of more than one kind.
@test "folders and targets with names that are hard to pass on" {
	local o
	for o in run=1 -run 'a b' 'a"$b' '*'; do
		short -p 1 -o "$o" rpc-thread </dev/null >table.txt 2>err.txt || fail "$o: $(cat table.txt err.txt)"
		rows "./$o/rows.tsv" "$HEADER"
		bench-suite -c "$o" >again.txt 2>err.txt || fail "$o: $(cat err.txt)"
		diff table.txt again.txt || fail "$o: other tables"
	done
	start http-serve -p 0
	run --separate-stderr short -p 1 -o backslash "x=$URL/a\\tb?*"
	[ "$status" -eq 1 ] || fail "$output $stderr"
	[ "$(labels backslash)" = x ] || fail "$(labels backslash)"
}

@test "stdout that can't be written is an error, and the rows are there" {
	run bash -c 'bench-suite -q -p 1 -o out http-thread >/dev/full'
	[ "$status" -eq 1 ] || fail "status $status: $output"
	usual out
}

@test "Ctrl-C keeps what was measured, and leaves no process" {
	local status=0 pid
	in_group bench-suite -o out -p 9 -x 'bench-lat -B 10000' http-thread rpc-thread >table 2>err.txt
	eventually has_lines 1 out/part.tsv
	pid=$(cat pid)
	kill -INT -- "-$pid"
	reap "${STARTED[-1]}" || status=$?
	STARTED=()
	[ "$status" -eq 130 ] || fail "status $status: $(cat err.txt)"
	grep -q 'interrupted in pass 1' err.txt || fail "$(cat err.txt)"
	env_has out status 'interrupted in pass 1'
	none_left_in "$pid" || fail "left: $(left_in "$pid")"
	# whole rounds only
	[ ! -s out/rows.tsv ] || [ -z "$(tail -n +2 out/rows.tsv | cut -f 25 | sort | uniq -u)" ] ||
	    fail "$(cut -f 1,25 out/rows.tsv)"
}

has_lines() {
	[ -f "$2" ] && [ "$(grep -c . "$2")" -ge "$1" ]
}

# whole DIR PASSES: every pass is there once, and those that were not interrupted are complete.
whole() {
	usual "$1"
	[ "$(tail -n +2 "$1/done.tsv" | cut -f 1 | paste -sd ' ')" = "$(seq "$2" | paste -sd ' ')" ] ||
	    fail "$(cat "$1/done.tsv")"
	# of the rows that it says each pass has
	awk -F '\t' 'FNR == 1 { file++; next }
		file == 1 { want[$1] = $3; if ($2 == "complete" && $3 != 16) exit bad = 1 }
		file == 2 { have[$26]++; round[$2, $3, $25, $26]++ }
		END {
			for (p in want) if (have[p] + 0 != want[p]) bad = 1
			for (r in round) if (round[r] != 2) bad = 1
			exit bad
		}' "$1/done.tsv" "$1/rows.tsv" || fail "$(cat "$1/done.tsv"; cut -f 1-3,25,26 "$1/rows.tsv")"
	[ ! -e "$1/part.tsv" ] && [ ! -e "$1/running" ] || fail "$(ls "$1")"
	env_has "$1" status complete
}

# cut_short SIGNAL PASSES DIR: a run, ended when at least so many passes are done.
cut_short() {
	local pid status=0 signals=(INT:130 TERM:143 KILL:137)
	in_group bench-suite -S 7 -x 'bench-lat -B 4' -x 'bench-file -s 64k -B 2 -o upload,download' \
	    -p 12 -o "$3" rpc-fork http-event >table 2>err.txt
	eventually has_lines "$(($2 + 1))" "$3/done.tsv" || fail "$(cat err.txt)"
	pid=$(cat pid)
	kill "-$1" "$pid"
	wait "${STARTED[-1]}" || status=$?
	STARTED=()
	[[ " ${signals[*]} " == *" $1:$status "* ]] || fail "$1: status $status"
	# what it had started outlives SIGKILL for a moment, and is noticed
	[ "$1" != KILL ] || eventually none_left_in "$pid" || true
	none_left_in "$pid" || fail "left: $(left_in "$pid")"
	[ "$(wc -l <"$3/done.tsv")" -lt 13 ] || fail 'it was over already'
}

@test "a run that was interrupted is continued, and nothing is there twice (-c)" {
	local cut i=0 cuts=(INT:0 TERM:2 KILL:1 KILL:4)
	! long || cuts=({INT,TERM,KILL}:{0,1,3,6})
	for cut in "${cuts[@]}"; do
		i=$((i + 1))
		cut_short "${cut%:*}" "${cut#*:}" "cut$i"
		cp "cut$i/rows.tsv" before.tsv
		bench-suite -c "cut$i" >table 2>err.txt || fail "$(cat err.txt)"
		whole "cut$i" 12
		# what was there is there: of the pass that SIGKILL cut short, too, if it had come that far
		diff <(head -c "$(wc -c <before.tsv)" "cut$i/rows.tsv") before.tsv || fail 'not everything was kept'
	done
	# and a run that is complete has nothing left to do
	cp -R cut1 over
	bench-suite -c cut1 >table 2>err.txt
	diff cut1/rows.tsv over/rows.tsv
}

@test "a folder with a cut-off line, or a pass that was not kept, is mended (-c)" {
	short -p 2 -o unbroken rpc-pool http-pool >table 2>err.txt
	sed -i '/^status/d' unbroken/env.tsv
	# killed while the second pass was being kept
	cp -R unbroken mended
	{ head -n 1 unbroken/rows.tsv; awk -F '\t' '$26 == 2' unbroken/rows.tsv; printf 'half a ro'; } >mended/part.tsv
	head -c -40 unbroken/rows.tsv >mended/rows.tsv
	head -n 2 unbroken/done.tsv >mended/done.tsv
	printf '2\tcompl' >>mended/done.tsv
	bench-suite -c mended >table 2>err.txt || fail "$(cat err.txt)"
	usual mended
	[ "$(cut -f 1,2 mended/done.tsv | tail -n 1)" = $'2\tinterrupted' ] || fail "$(cat mended/done.tsv)"
	# all but the last block, whose end may be missing
	[ "$(wc -l <mended/rows.tsv)" = $((1 + 16 + 14)) ] || fail "$(cut -f 1-3,25,26 mended/rows.tsv)"
	# killed before anything was kept
	cp -R unbroken early
	head -n 1 unbroken/done.tsv >early/done.tsv
	printf 'label\tben' >early/part.tsv
	bench-suite -c early >table 2>err.txt || fail "$(cat err.txt)"
	usual early
	[ "$(tail -n 1 early/done.tsv | cut -f 1-3)" = $'2\tcomplete\t16' ] || fail "$(cat early/done.tsv)"
}

@test "a run that goes on is not continued" {
	in_group bench-suite -o out -p 9 -x 'bench-lat -B 10000' http-thread >table 2>err.txt
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
	short -p 1 -o reused rpc-event >table 2>err.txt
	echo "$! $!" >reused/running
	bench-suite -c reused >table 2>err.txt || fail "$(cat err.txt)"
	[ ! -e reused/running ] || fail "$(cat reused/running)"
}

# rivals N: so many processes try to continue the run in out at once; one of them goes on, and all
# others say so.
rivals() {
	local i pid n=0 status
	for ((i = 0; i < $1; i++)); do
		setsid bash -c 'echo $$ >"pid.$0"; exec bench-suite -c out >"table.$0" 2>"err.$0"' "$i" 3>&- &
		STARTED+=($!)
	done
	eventually refused "$(($1 - 1))" || fail "$(tail -n 2 err.*)"
	wait_for out/part.tsv
	[ "$(cat err.* | grep -c '^bench-suite: seed ')" = 1 ] || fail "$(tail -n 2 err.*)"
	read -r pid _ <out/running
	# a shell has its background commands ignore SIGINT
	kill -TERM -- "-$pid"
	for pid in "${STARTED[@]}"; do
		status=0
		reap "$pid" || status=$?
		[ "$status" -eq 1 ] || { [ "$status" -eq 143 ] && n=$((n + 1)); } || fail "status $status"
	done
	STARTED=()
	[ "$n" = 1 ] || fail "$n were interrupted"
	[ -z "$(find out -name 'running*')" ] || fail "$(ls out)"
}

refused() {
	[ "$(cat err.* 2>/dev/null | grep -c 'is still running it')" = "$1" ]
}

@test "of several that continue a run at once, one does" {
	local i
	in_group bench-suite -o out -p 99 -x 'bench-lat -B 20000' http-thread >table 2>err.txt
	wait_for out/part.tsv
	kill -INT -- "-$(cat pid)"
	reap "${STARTED[-1]}" || true
	STARTED=()
	for i in 1 2 3; do
		rm -f err.*
		# what a killed one left
		[ "$i" = 1 ] || echo 999999 >out/running
		rivals 6
	done
	# or one that was killed while it removed that
	echo 999999 >out/running.over
	run --separate-stderr bench-suite -c out
	want 1 'no lock: .*running.over'
}

@test "what env.tsv and done.tsv say is checked (-c)" {
	local c
	short -p 1 -o out rpc-event >table 2>err.txt
	cp out/env.tsv env.tsv
	for c in 'passes 1x' 'passes 100001' 'seconds 9a[$(touch${IFS}x)]' 'seed 0' 'seed NA' 'quick 2' 'idle x' \
	    'precision 0' 'precision x' 'benchmark ../bench-lat' 'benchmark bench-lat -R' \
	    "benchmark bench-lat $(printf '\033[1m')"; do
		awk -F '\t' -v OFS='\t' -v key="${c%% *}" -v value="${c#* }" '
			$1 == key { if (!n++) print key, value; next } { print }' env.tsv >out/env.tsv
		refuses bench-suite "env.tsv: ${c%% *}: |-x: |a control character" -c out
		[[ $stderr != *$'\033'* ]] || fail 'a control character'
		[ ! -e x ] && [ ! -e out/running ] || fail "$c: $(ls . out)"
	done
	cp env.tsv out
	sed -i '2s/\t8\t[0-9]*\t/\t8\t9a[$(touch${IFS}x)]\t/' out/done.tsv
	sed -i '/^status/d' out/env.tsv
	bash "$BIN/bench-suite" -c out >table 2>err.txt || fail "$(cat err.txt)"
	[ ! -e x ] || fail 'a command was run'
	whole_again out
}

whole_again() {
	usual "$1"
	[ "$(wc -l <"$1/done.tsv")" = 2 ] && [ "$(wc -l <"$1/rows.tsv")" = 9 ] || fail "$(cat "$1/done.tsv")"
}

@test "temporary folders with names that are hard to pass on, and no standard error" {
	local t
	for t in a=b -x; do
		mkdir -p "./$t"
		TMPDIR=$t short -p 1 -o "out$t" http-event >table 2>err.txt || fail "$t: $(cat err.txt)"
		rows "./out$t/rows.tsv" "$HEADER"
		[ -z "$(ls "./$t")" ] || fail "left: $(ls "./$t")"
	done
	short -p 1 -o closed rpc-event >table 2>&- || fail "status $?"
	usual closed
}

@test "a run that another version has begun goes on: each header line is for the rows behind it" {
	local table
	bench-suite -q -p 1 -S 1 -x 'bench-lat -n 20' -o out rpc-thread http-thread >/dev/null 2>&1
	for table in rows usage; do
		# its last columns did not exist: of rows two, of usage four before the pass
		awk 'BEGIN { FS = OFS = "\t" } FILENAME ~ /usage/ { $10 = $NF; NF = 10 } FILENAME ~ /rows/ { NF -= 2 }
		    { $1 = $1; print }' "out/$table.tsv" >old
		mv old "out/$table.tsv"
	done
	grep -v '^status' out/env.tsv | sed 's/^passes\t1$/passes\t3/' >env.new
	mv env.new out/env.tsv
	run --separate-stderr bench-suite -c out
	want 0
	[ "$(grep -c '^label' out/rows.tsv)/$(grep -c '^label' out/usage.tsv)" = 2/2 ] || fail "$(cat out/*.tsv)"
	[ "$(bench-stat out/rows.tsv | cut -f 30 | paste -sd ' ')" = 'passes 3 3' ] || bench-stat out/rows.tsv || fail 'see above'
	[ "$(awk 'BEGIN { FS = "\t" } $NF == 3' out/usage.tsv | wc -l)" = 2 ] || fail "$(cat out/usage.tsv)"
	bench-report out >/dev/null
}

@test "servers on another machine, by what stands for ssh: started and stopped there" {
	printf '#!/bin/sh\necho "$1" >>hosts\nexec sh -c "$2"\n' >rsh
	chmod +x rsh
	export BENCH_RSH=./rsh
	bench-suite -p 2 -x 'bench-lat -B 2 -n 20' -o out rpc-thread rpc-thread@localhost "b=$BIN/http-event@me@localhost" \
	    >report.txt 2>err.txt || fail "$(cat err.txt)"
	usual out
	[ "$(labels out)" = 'b rpc-thread rpc-thread@localhost' ] || fail "$(cat out/rows.tsv)"
	[ "$(cut -f 1 out/usage.tsv | sort | uniq -c | tr -s ' \n' ' ')" = ' 2 b 1 label 2 rpc-thread 2 rpc-thread@localhost ' ] ||
	    fail "$(cat out/usage.tsv)"
	# each was measured itself, although this ssh passes the environment on
	[ "$(awk -F '\t' '$1 != "label" && $3 < 40' out/usage.tsv)" = '' ] || fail "$(cat out/usage.tsv)"
	[[ $(cell out/env.tsv key) = *server_b* && $(sort -u hosts | tr '\n' ' ') = 'localhost me@localhost ' ]] ||
	    fail "$(cat out/env.tsv hosts)"
	# one that does not come up in a pass: the others are measured
	printf '#!/bin/sh\n[ -e down ] && case $2 in *BENCH_TARGET*) echo "ssh: no route" >&2; exit 255 ;; esac\nexec sh -c "$2"\n' >rsh
	touch down
	run -1 --separate-stderr bench-suite -p 1 -x 'bench-lat -B 2 -n 20' -o out2 rpc-thread rpc-fork@localhost
	[[ $stderr = *'rpc-fork@localhost: ssh: no route, pass 1'* ]] || fail "$stderr"
	[ "$(labels out2)" = rpc-thread ] || fail "$(cat out2/rows.tsv)"
	run -1 --separate-stderr env BENCH_RSH=false bench-suite -o out3 rpc-thread@h
	[[ $stderr = 'bench-suite: rpc-thread@h: '* ]] || fail "$stderr"
	run -2 --separate-stderr bench-suite -o out3 rpc-thread@
	[ "$stderr" = 'bench-suite: rpc-thread@: no host behind the @' ] || fail "$stderr"
}

# by_rsh TEXT: what stands for ssh does this when it is to start a server; all else it just runs.
by_rsh() {
	printf '#!/bin/sh\ncase $2 in *BENCH_TARGET*) %s ;; esac\nexec sh -c "$2"\n' "$1" >rsh
	chmod +x rsh
	export BENCH_RSH=./rsh
}

@test "servers on another machine: while one comes up, a signal ends the run, and nothing stays" {
	local how
	by_rsh 'echo >>waiting; cat >/dev/null; echo >>over; exit'
	for how in TERM KILL; do
		rm -f waiting over
		TMPDIR=$PWD bench-suite -p 1 -x bench-lat -o "out-$how" rpc-thread rpc-fork@h http-pool@h >report.txt 2>err.txt 3>&- &
		STARTED+=($!)
		eventually eval '[ "$(cat waiting 2>/dev/null | wc -l)" = 2 ]' || fail "$(cat err.txt)"
		kill "-$how" $!
		status=0
		reap $! || status=$?
		[ "$status" = $((128 + $(kill -l "$how"))) ] || fail "$how: status $status"
		eventually eval '[ "$(cat over 2>/dev/null | wc -l)" = 2 ]' || fail "$how: still there"
		eventually eval '! pgrep -f "$PWD/tmp" >/dev/null' || fail "$how: $(pgrep -af "$PWD/tmp")"
	done
}

@test "servers on another machine: what it says besides, and what ssh ends its lines with, does no harm" {
	by_rsh 'echo "Welcome: to this machine"; echo Mind the step >&2'
	bench-suite -p 1 -x 'bench-lat -B 2 -n 20' -o out rpc-thread rpc-thread@localhost >report.txt 2>err.txt ||
	    fail "$(cat err.txt)"
	[ "$(labels out)" = 'rpc-thread rpc-thread@localhost' ] || fail "$(cat out/rows.tsv)"
	by_rsh 'printf "a banner\\nssh: no \\\\c \\033[31mroute\\r\\n" >&2; exit 255'
	run -1 --separate-stderr bench-suite -p 1 -x 'bench-lat -B 2 -n 20' -o bad rpc-thread rpc-fork@h
	grep -qxF 'bench-suite: rpc-fork@h: ssh: no \c [31mroute, pass 1' <<<"$stderr" || fail "$stderr"
	! grep -q "[[:cntrl:]]" <(tr -d '\t' <bad/env.tsv) || fail "$(cat -v bad/env.tsv)"
	run -1 --separate-stderr bench-suite -c bad
	[ "$stderr" = 'bench-suite: failed: rpc-fork@h: ssh: no \c [31mroute' ] || fail "$stderr"
}

@test "servers on another machine: without any the run is interrupted, says why, and can go on" {
	by_rsh '[ ! -e down ] || { echo "ssh: no route" >&2; exit 255; }'
	touch down
	run -1 --separate-stderr bench-suite -p 3 -x 'bench-lat -B 2 -n 20' -o out rpc-fork@localhost
	[[ $stderr = *'rpc-fork@localhost: ssh: no route, pass 1'*'no server is left'*'interrupted in pass 1'* ]] || fail "$stderr"
	[[ $stderr != *target* ]] || fail "$stderr"
	rm down
	run -1 --separate-stderr bench-suite -c out
	[ "$(cell out/rows.tsv pass | sort -u | tr '\n' ' ')" = '2 3 ' ] || fail "$(cat out/rows.tsv) $stderr"
}

@test "servers on another machine: nothing of a configuration or placement is a command or an option" {
	by_rsh ''
	refuses bench-suite '-P' -P 'x;touch${IFS}pwned:0' rpc-thread@localhost
	refuses bench-suite '-P nosuch' -P nosuch rpc-thread@localhost
	refuses bench-suite 'no such processor' -P 0:1023 rpc-thread@localhost
	refuses bench-suite "a host that begins with '-'" x=rpc-thread@-oProxyCommand=x
	refuses bench-suite 'unknown model' "x=rpc-a';touch\${IFS}pwned;'@localhost"
	run -1 --separate-stderr bench-suite 'x=/a;touch${IFS}pwned;/rpc-thread@localhost'
	[ ! -e pwned ] || fail 'it is'
}
