#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Replay: requests are due when a file says (-r @file), in every way of asking.

bats_require_minimum_version 1.5.0
load ../helper

PROGRAMS='bench-lat bench-conc'

@test "each line is a request, due when it says: bursts, gaps, disorder" {
	local server o
	# the order in which a log has them: by their end
	printf '%s\n' 1764201600.25 1764201600 1764201600.3 1764201600.25 1764201600.25 1764201600.7 >due
	printf '0.000\n250000.000\n250000.000\n250000.000\n300000.000\n700000.000\n' >want
	for server in $SERVERS; do
		for o in 'bench-lat' 'bench-lat -d 3' 'bench-conc -c 3 -j 1' 'bench-conc -c 4 -j 3' \
		    'bench-conc -c 2 -j 2 -d 2'; do
			# shellcheck disable=SC2086
			"$server" -m event $o -R -r @due >raw.tsv 2>err.txt || fail "$o: $(cat err.txt)"
			rows raw.tsv "$RAW_HEADER"
			cell raw.tsv start_us ping | sort -n >got
			cmp got want || fail "$o: $(cat got)"
			[ "$(cell raw.tsv ok | sort -u)" = 1 ] || fail "$o: $(cat raw.tsv)"
		done
	done
	# the first is the start; the mean rate is that of five gaps in 0.7 s
	rpc-serve bench-lat -r @due >out.tsv
	rows out.tsv
	[ "$(cell out.tsv n | sort -u)/$(cell out.tsv rate_per_s | sort -u)" = 6/7.14 ] || fail "$(cat out.tsv)"
	awk -F '\t' '$3 == "ping" && $11 < 0.7 { exit 1 }' out.tsv || fail "$(cat out.tsv)"
}

@test "a factor, an end, standard input, and a -K for each (-g, -t, @-)" {
	seq 0 10 990 >due
	for p in $PROGRAMS; do
		http-serve "$p" -R -r @due -g 1000 -t 0.5 >raw.tsv 2>err.txt
		cell raw.tsv start_us ping | sort -n >got
		seq 0 10000 490000 | sed 's/$/.000/' | cmp - got || fail "$(cat got)"
		http-serve "$p" -K -r @- -g 10000 <due >out.tsv 2>err.txt || fail "$(cat err.txt)"
		[ "$(cell out.tsv n ping)/$(total out.tsv errors)" = 100/0 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv rate_per_s ping)" = 1000.00 ] || fail "$(cat out.tsv)"
		printf '0\n.0001' | rpc-serve "$p" -N -g 0.01 -r @- >out.tsv 2>err.txt || fail "$(cat err.txt)"
		[ "$(cell out.tsv n ping)/$(cell out.tsv rate_per_s ping)" = 2/100.00 ] || fail "$(cat out.tsv)"
	done
	# no rate to two decimals: not that of a closed loop
	printf '5\n5\n5\n' | rpc-serve bench-lat -r @- >out.tsv 2>err.txt
	[ "$(cell out.tsv n ping)/$(cell out.tsv rate_per_s ping)" = 3/NA ] || fail "$(cat out.tsv)"
	bench-stat out.tsv >stat.tsv
	[ "$(cell stat.tsv n ping)/$(cell stat.tsv rate_per_s ping)" = 3/NA ] || fail "$(cat stat.tsv)"
	bench-show out.tsv >/dev/null
}

@test "several targets, rounds, sizes, numbers of clients: the whole file for each" {
	seq 0 0.001 0.019 >due
	rpc-serve http-serve bench-lat -r @due >out.tsv 2>err.txt || fail "$(cat err.txt)"
	[ "$(cell out.tsv n | sort | uniq -c | tr -s ' ')" = ' 6 20' ] || fail "$(cat out.tsv)"
	rpc-serve bench-lat -B 3 -s 1,2k -r @due >out.tsv 2>err.txt || fail "$(cat err.txt)"
	[ "$(cell out.tsv n | sort | uniq -c | tr -s ' ')" = ' 18 20' ] || fail "$(cat out.tsv)"
	rpc-serve bench-conc -o ping -c 1,4 -r @due >out.tsv 2>err.txt || fail "$(cat err.txt)"
	[ "$(cell out.tsv n ping | tr '\n' ' ')" = '20 20 ' ] || fail "$(cat out.tsv)"
	bench-turns -p 2 rpc-serve bench-lat -r @due >out.tsv 2>err.txt || fail "$(cat err.txt)"
	[ "$(cell out.tsv n ping | tr '\n' ' ')" = '20 20 ' ] || fail "$(cat out.tsv)"
}

@test "what can't be sent is counted: no line is lost" {
	local p sum
	seq 0 0.01 0.99 >due
	refused_port
	for p in bench-lat 'bench-conc -c 2'; do
		# shellcheck disable=SC2086
		run --separate-stderr $p -r @due "rpc://127.0.0.1:$PORT"
		[ "$status" -eq 1 ] && [[ $stderr == *'Connection refused'* ]] || fail "$status: $stderr"
		printf '%s\n' "$output" >out.tsv
		[ "$(cell out.tsv n ping)/$(cell out.tsv errors ping)" = 0/100 ] || fail "$output"
		# a server that stands still: all that it gets too late, and what is due behind that
		start rpc-serve -p 0 -m event
		# shellcheck disable=SC2086
		run --separate-stderr $p -w 0 -T 0.2 -r @due "$URL/sleep/0.05"
		[ "$status" -eq 1 ] && [[ $stderr == *'no connection free'* ]] || fail "$status: $stderr"
		printf '%s\n' "$output" >out.tsv
		sum=$(($(cell out.tsv n sleep/0.05) + $(cell out.tsv errors sleep/0.05)))
		[ "$sum" = 100 ] || fail "$output"
		stop
	done
}

@test "a gap longer than a server leaves connections open: connecting again is part of the request" {
	local server p
	printf '0\n3\n3.01\n' >due
	for server in $SERVERS; do
		for p in bench-lat 'bench-conc -o ping -c 2 -j 1'; do
			# shellcheck disable=SC2086
			"$server" -m event -T 1 $p -w 0 -r @due >out.tsv 2>err.txt || fail "$p: $(cat err.txt)"
			[ "$(cell out.tsv n ping)/$(total out.tsv errors)" = 3/0 ] || fail "$p: $(cat out.tsv)"
			grep -q 'the peer closes connections, idle ones .* part of [12] of 3 operations$' err.txt ||
			    fail "$p: $(cat err.txt)"
		done
	done
}

@test "wrong files are refused, with the line, before anything is sent" {
	local u=http://127.0.0.1:1/x p
	printf '1\n2\n1.7642e+09\n3\n' >exponent
	printf '1\n2\n\n3\n' >blank
	printf 'time\n1\n' >header
	printf '1764201600000\n' >ms
	printf '1\n-2' >minus
	printf '1\n2\0\n' >nul
	printf '%s 1\n' 1 2 >columns
	head -c 100000 /dev/zero | tr '\0' 1 >long
	printf '0\n2592001\n' >month
	: >empty
	echo 0 >good
	for p in $PROGRAMS; do
		refuses "$p" '-r: exponent:3: not a number of seconds: 1.7642e.09$' -r @exponent "$u"
		refuses "$p" '-r: blank:3: empty line$' -r @blank "$u"
		refuses "$p" '-r: header:1: .*: time$' -r @header "$u"
		refuses "$p" '-r: ms:1: too large: 1764201600000$' -r @ms "$u"
		refuses "$p" '-r: minus:2: .*: -2$' -r @minus "$u"
		refuses "$p" '-r: nul:2: ' -r @nul "$u"
		refuses "$p" '-r: columns:1: .*: 1 1$' -r @columns "$u"
		refuses "$p" '-r: long:1: too long' -r @long "$u"
		refuses "$p" '-r: month: more than 30 days$' -r @month "$u"
		refuses "$p" '-r: empty: no times$' -r @empty "$u"
		refuses "$p" '-r: /nosuch: No such file' -r @/nosuch "$u"
		refuses "$p" '-r: /: Is a directory' -r @/ "$u"
		refuses "$p" '-r: a file is needed: @$' -r @ "$u"
		refuses "$p" '-A: .*own' -r @good -A exp "$u"
		refuses "$p" '-n: .*lines' -r @good -n 5 "$u"
		refuses "$p" '-b: .*whole file' -r @good -b 5 "$u"
		refuses "$p" '-g needs' -g 2 "$u"
		refuses "$p" '-g needs' -g 2 -r 5 "$u"
		refuses "$p" '-g: must be greater than 0: 0$' -g 0 -r @good "$u"
		refuses "$p" '-g: not a number above 0: -2$' -g -2 -r @good "$u"
		refuses "$p" '-g: not a number above 0: fast$' -g fast -r @good "$u"
		refuses "$p" '-f - and -r @-' -f - -r @- "$u"
		run -2 --separate-stderr "$p" -r @- "$u" </dev/null
		[ "$stderr" = "$p: -r: stdin: no times" ] || fail "$stderr"
	done
}

@test "a signal ends the reading, of a file without an end, too" {
	local p endless status
	mkfifo due
	for p in $PROGRAMS; do
		rm -f opened
		# where there was no end, memory would have one
		([ -n "${SANITIZED:-}" ] || ulimit -v 2000000; exec "$p" -r @due http://127.0.0.1:1) 2>err.txt 3>&- &
		STARTED+=("$!")
		# it opens when the other does
		{ : >opened; exec yes 1; } >due 2>/dev/null 3>&- &
		endless=$!
		eventually [ -e opened ] || fail "$p: $(cat err.txt)"
		kill -TERM "${STARTED[-1]}"
		status=0
		reap "${STARTED[-1]}" || status=$?
		forget "${STARTED[-1]}"
		reap "$endless" || true
		[ "$status" -eq 143 ] || fail "$p: status $status: $(cat err.txt)"
		[ "$(cat err.txt)" = "$p: -r: due: Interrupted system call" ] || fail "$(cat err.txt)"
	done
}

@test "a clock that wraps at midnight is warned of, disorder of a log is not" {
	printf '86399.5\n0.5\n' >day
	refused_port
	run --separate-stderr bench-lat -g 1000000 -r @day "rpc://127.0.0.1:$PORT"
	[[ $stderr == *'day:2: 86399 s before an earlier line: all are sorted'* ]] || fail "$stderr"
	run --separate-stderr bench-lat -q -g 1000000 -r @day "rpc://127.0.0.1:$PORT"
	[[ $stderr != *sorted* ]] || fail "$stderr"
	printf '50\n0.5\n' >day
	run --separate-stderr bench-lat -g 1000000 -r @day "rpc://127.0.0.1:$PORT"
	[[ $stderr != *sorted* ]] || fail "$stderr"
}

@test "due times that were not kept are warned of; settings (-v)" {
	seq 0 0.0001 0.0049 >due
	rpc-serve -d 10ms bench-lat -v -r @due -g 2 >out.tsv 2>err.txt
	grep -q '^bench-lat: warning: .*ping: the due times were not kept: the last was sent [0-9.]* s late$' err.txt ||
	    fail "$(cat err.txt)"
	grep -q '^bench-lat: -r @due (50 requests) -w 10 .* -g 2 ' err.txt || fail "$(cat err.txt)"
}

# As the recipes of rpcbench(7) make them.
@test "due times from access logs, as awk makes them" {
	printf '%s\n' '192.0.2.1 - - [27/Nov/2026:23:59:59 +0000] "GET / HTTP/1.1" 200 5' \
	    '192.0.2.1 - - [01/Dec/2026:00:00:01 +0000] "GET / HTTP/1.1" 200 5' \
	    '192.0.2.1 - - [01/Mar/2028:00:00:01 +0000] "GET / HTTP/1.1" 200 5' >access.log
	# shellcheck disable=SC2016
	recipe 'split(substr($4, 2), t' >awk.1
	# to the second: what rand() adds is a fraction
	[ "$(sh awk.1 <access.log | sed 's/\..*//' | awk 'NR > 1 { print $1 - last } { last = $1 }')" = \
	    $'259202\n39398400' ] || fail "$(cat awk.1; sh awk.1 <access.log)"
	printf '%s\n' '1764201600.250 0.250 GET /' '1764201600.100 0.000 GET /' >access.log
	# shellcheck disable=SC2016
	recipe '$1 - $2' >awk.2
	[ "$(sh awk.2 <access.log)" = $'1764201600.000\n1764201600.100' ] || fail "$(cat awk.2)"
	echo 1764201600250000 >access.log
	recipe '/ 1000000' >awk.3
	[ "$(sh awk.3 <access.log)" = 1764201600.250000 ] || fail "$(cat awk.3)"
}

# recipe TEXT: the awk command of the manual page that holds this text, without its file.
recipe() {
	need mandoc
	mandoc -T utf8 "$ROOT/bin/rpcbench.7" | col -bx | awk -v text="$1" '
		/^ *awk / { all = ""; open = 1 }
		open { all = all $0 "\n" }
		open && / access\.log/ { open = 0; if (index(all, text)) print all }' |
	    sed 's/ access\.log.*//'
}
