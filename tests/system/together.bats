#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Clients that run together: a common start (-W), and when each row began (start_s).

bats_require_minimum_version 1.5.0
load ../helper

# late FILE: how late the message in it says that the run began; fails if there is not just one.
late() {
	local text
	text=$(sed -n 's/^bench-[a-z]*: began \([0-9]*\.[0-9]\{6\}\) s after -W$/\1/p' "$1")
	[[ $text =~ ^[0-9.]+$ ]] || fail "no time in $1: $(cat "$1")"
	echo "$text"
}

# begins BENCH...: its first row begins when -W says and, as a message has it, a little later. (A
# machine that has too much to do is given more time.)
begins() {
	local at wait status
	for wait in 0.3 2 10; do
		at=$(soon "$wait") status=0
		"$1" -W "@$at" "${@:2}" >out.tsv 2>err.txt || status=$?
		grep -Eq 'too late|in the past' err.txt || break
	done
	[ "$status" = 0 ] || fail "$*: $(cat err.txt)"
	awk -F '\t' -v at="$at" -v late="$(late err.txt)" '
	NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
	{ if ($col["start_s"] < at) exit 1; rows++ }
	NR == 2 { d = $col["start_s"] - at - late; if (d < -0.00001 || d > 0.00001) exit 2 }
	END { if (!rows) exit 3 }' out.tsv || fail "$*: rule $?: $(cat out.tsv err.txt)"
}

# in_time COMMAND...: the word LATER in it stands for a little later. (The same.) Its status; its output in out.tsv and err.txt.
in_time() {
	local wait status
	for wait in 300ms 2 10; do
		status=0
		"${@/#LATER/+$wait}" >out.tsv 2>err.txt || status=$?
		grep -Eq 'too late|in the past' err.txt || break
	done
	return "$status"
}

# soon SECONDS: that much from now, in seconds since 1970.
soon() {
	awk -v now="${EPOCHREALTIME/,/.}" -v s="$1" 'BEGIN { printf "%.6f\n", now + s }'
}

@test "-W: connected and warm, then at this time: all benchmarks, both protocols and drivers" {
	local server url
	for server in rpc http; do
		start "$server-serve" -p 0
		url=$URL
		begins bench-conn -n 5 "$url"
		begins bench-lat -n 50 "$url"
		begins bench-lat -n 50 -d 4 "$url"
		begins bench-lat -t 0.1 -r 500 "$url"
		begins bench-lat -B 3 -b 20 "a=$url" "b=$url"
		begins bench-bw -n 2 -s 1k,10k "$url"
		begins bench-file -n 1 -s 100k -o upload,download "$url"
		begins bench-conc -n 20 -c 4 -j 4 "$url"
		[ "$(tail -n +2 out.tsv | cut -f 3)" = ping ] || fail "connecting comes before: $(cat out.tsv)"
		begins bench-conc -n 20 -c 4 -j 1 -o first-reply,ping "$url"
		[ "$(tail -n +2 out.tsv | cut -f 3 | tr '\n' ' ')" = 'first-reply ping ' ] || fail "$(cat out.tsv)"
		begins bench-conc -n 20 -c 4 -o first-reply "$url"
		begins bench-conc -t 0.1 -c 4 -r 500 "$url"
	done
	in_time bench-lat -n 50 -W LATER "$url" || fail "$(cat err.txt)"
	late err.txt
	in_time bench-lat -q -n 50 -W LATER "$url" || fail "$(cat err.txt)"
	[ ! -s err.txt ] || fail "-q: $(cat err.txt)"
}

@test "-W: what is connected before does not count, and its failures do" {
	in_time http-serve -u usage.tsv bench-conc -c 3 -n 7 -w 2 -q -W LATER || fail "$(cat err.txt)"
	[ "$(cell out.tsv n)/$(cell out.tsv op)" = 21/ping ] || fail "$(cat out.tsv)"
	# 3 first replies, 6 to warm up
	[ "$(usage_cell requests)/$(usage_cell connections)" = 30/3 ] || fail "$(cat usage.tsv)"
	! in_time bench-conc -c 3 -n 7 -W LATER http://127.0.0.1:1 || fail "$(cat out.tsv)"
	grep -q 'Connection refused' err.txt || fail "$(cat err.txt)"
	[ "$(tail -n 1 out.tsv | cut -f 3,9,10)" = $'ping\t0\t21' ] || fail "$(cat out.tsv)"
}

@test "-W: too late is an error that says how late; what is no time is refused" {
	local b text why='connecting and warming up took longer'
	start http-serve -p 0 -d 30ms
	for b in $BENCHES; do
		case $b in
		bench-bw | bench-file) text=('-s' 1k) ;;
		*) text=() ;;
		esac
		run -1 --separate-stderr "$b" "${text[@]}" -w 4 -W +20ms "$URL"
		[ -z "$output" ] || fail "$b: $output"
		[[ $stderr =~ ^"$b: -W: too late by "[0-9]+\.[0-9]{6}" s: $why"$ ]] || fail "$b: $stderr"
		run -2 --separate-stderr "$b" -W @1700000000.25 "$URL"
		[[ $stderr =~ ^"$b: -W: "[0-9]+\.[0-9]{6}" s in the past: @1700000000.25"$ ]] || fail "$b: $stderr"
		for text in 5 5s + @ +x @x @1e9 @-1 +-1 +0 ++1 +1m @+1 '+1 s' @99999999999 +99999999; do
			run -2 --separate-stderr "$b" -W "$text" "$URL"
			[[ $stderr = "$b: -W: "*": $text" && $stderr != *$'\n'* ]] || fail "$b -W '$text': $stderr"
		done
	done
}

@test "-W: a signal ends the wait" {
	local b status
	start http-serve -p 0
	for b in bench-lat 'bench-conc -j 2' bench-conn; do
		# shellcheck disable=SC2086
		$b -W +1000s "$URL" 3>&- >out.tsv 2>err.txt &
		STARTED+=($!)
		eventually asleep $! || fail "$b does not wait"
		kill -TERM $!
		status=0
		reap $! || status=$? # only this shell can wait for its child
		[ "$status" -eq 143 ] || fail "$b: status $status"
		[ ! -s out.tsv ] || fail "$b: $(cat out.tsv)"
	done
}

@test "start_s is when a row began, in all three kinds of rows" {
	local before after how
	for how in '' -R -D; do
		before=$(soon 0)
		# shellcheck disable=SC2086
		rpc-serve bench-lat -B 3 -b 30 $how >out.tsv 2>err.txt
		after=$(soon 0)
		awk -F '\t' -v before="$before" -v after="$after" '
		NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
		{
			start = $col["start_s"]
			if (start !~ /^[0-9]+\.[0-9][0-9][0-9][0-9][0-9][0-9]$/) exit 1
			if (start < before || start > after || start < last) exit 2
			if (!seen[start]++) starts++
			last = start
		}
		END { if (starts != 3) exit 3 }' out.tsv || fail "$how: rule $?: $(cat out.tsv)"
	done
}
