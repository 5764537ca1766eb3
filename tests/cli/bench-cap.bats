#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-cap: the highest rate at which a quantile stays within a limit. What it finds on queues that
# have a formula is in unit/capacity.c and measure/accuracy.sh.

bats_require_minimum_version 1.5.0
load ../helper

# answers FILE: it is a table of this program: numbers but for one column of words.
answers() {
	local header="$HEADER quantile limit_us beyond beyond_low beyond_high holds holds_per_s fails_per_s" at
	at=$(wc -w <<<"${header%% holds *} holds")
	cut -f "1-$((at - 1)),$((at + 1))-" "$1" >numbers.tsv
	rows numbers.tsv "${header/ holds / }"
	! cell "$1" holds | grep -vx 'yes\|no\|undecided' || fail "$(cat "$1")"
}

@test "help and version" { help_is_fine bench-cap; }
@test "usage errors are refused" {
	local u=http://127.0.0.1:1
	refuses bench-cap '-L is needed' "$u"
	refuses bench-cap '-L: must be greater than 0: p99:0' -L p99:0 "$u"
	refuses bench-cap '-L.*not a quantile and a time' -L 99:5ms "$u"
	refuses bench-cap '-L.*not a quantile and a time' -L p99 "$u"
	refuses bench-cap '-L.*not a quantile and a time' -L '' "$u"
	refuses bench-cap '-L.*p1 to p99.9999' -L p:5ms "$u"
	refuses bench-cap '-L.*p1 to p99.9999' -L p0:5ms "$u"
	refuses bench-cap '-L.*p1 to p99.9999' -L p100:5ms "$u"
	refuses bench-cap '-L.*p1 to p99.9999' -L p99999999:5ms "$u"
	refuses bench-cap '-L.*p1 to p99.9999' -L p-1:5ms "$u"
	refuses bench-cap '-L.*digits' -L p99.99999999999999:5ms "$u"
	refuses bench-cap '-L.*5min' -L p99:5min "$u"
	refuses bench-cap '-L.*p99:' -L p99: "$u"
	refuses bench-cap '-e.*0' -L p99:5ms -e 0 "$u"
	refuses bench-cap '-e.*101' -L p99:5ms -e 101 "$u"
	refuses bench-cap '-e: not a percentage: 5%%' -L p99:5ms -e 5%% "$u"
	refuses bench-cap '-L is needed' -e 5% "$u"
	refuses bench-cap '-t.*0' -L p99:5ms -t 0 "$u"
	refuses bench-cap '-r.*0' -L p99:5ms -r 0 "$u"
	refuses bench-cap '-A.*neither' -L p99:5ms -A poisson "$u"
	refuses bench-cap 'one number' -L p99:5ms -c 1,2 "$u"
	refuses bench-cap 'one operation' -L p99:5ms -s 1k,2k "$u"
	refuses bench-cap '-o ' -L p99:5ms -o echo "$u"
	refuses bench-cap '-n' -L p99:5ms -n 5 "$u"
}

@test "what cannot be shown is refused, with what it needs" {
	local u=http://127.0.0.1:1
	refuses bench-cap '-L.*8[0-9]{4} operations.*-r.*-t [1-9]' -L p99.99:5ms -r 1000 "$u"
	refuses bench-cap '-L.*operations.*1000000 per second' -L p99.9999:5ms -t 20 "$u"
	refuses bench-cap '-t.*limit of 5 s takes 200 s' -L p99:5s "$u"
	refuses bench-cap '-t.*limit of 5 s takes 400 s' -L p99:5s "$u" "b=$u"
}

# A limit far above anything: all holds, up to -r, on both wires.
@test "the highest rate holds: rows, answer, status" {
	local server
	for server in $SERVERS; do
		# again if the machine stood still
		for _ in 1 2 3; do
			run --separate-stderr "$server" -m event bench-cap -L p50:0.5s -r 1000 -c 5 -t 60
			[ "$status" -ne 0 ] || [[ $stderr != *'the highest rate to try holds'* ]] || break
		done
		want 0 'the highest rate to try holds: 1000.00'
		printf '%s\n' "$output" >out.tsv
		answers out.tsv
		[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv holds capacity)" = yes ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv holds_per_s capacity)" = 1000.00 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv fails_per_s capacity)" = NA ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv rate_per_s capacity)" = 0.00 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv limit_us capacity)" = 500000.000 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv quantile capacity)" = 0.500000 ] || fail "$(cat out.tsv)"
		# the answer is the row of the last probe that held
		diff <(cell out.tsv p50_us capacity) <(cell out.tsv p50_us ping | tail -n 1) || fail "$(cat out.tsv)"
		[ "$(tail -n 1 out.tsv | cut -f 3)" = capacity ] || fail "$(cat out.tsv)"
	done
}

# One clerk who takes 5 ms: 200 per second at most, whatever the machine is busy with.
@test "a rate is found that fails, and none above is known to hold" {
	local status=0
	http-serve -m pool -j 1 -d 5ms bench-cap -L p90:50ms -c 8 -t 15 >out.tsv 2>err.txt || status=$?
	answers out.tsv
	[ "$status" = 0 ] || [ "$status" = 3 ] || fail "$status: $(cat err.txt)"
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["holds"]) == "yes" && $(at["op"]) == "ping" && $(at["rate_per_s"]) > 200 { exit 1 }
		$(at["holds"]) == "no" { no++; if ($(at["beyond_low"]) <= 0.1) exit 1 }
		END { if (!no) exit 1 }' out.tsv || fail "$(cat out.tsv err.txt)"
}

@test "nothing holds a limit below the service time" {
	run --separate-stderr http-serve -m pool -j 1 -d 5ms bench-cap -q -L p90:1ms -c 8 -t 10
	want 3 'nothing is known to hold: lower rates than'
	printf '%s\n' "$output" >out.tsv
	[ "$(cell out.tsv holds_per_s capacity)" = NA ] || fail "$output"
	[ "$(cell out.tsv p50_us capacity)" = NA ] || fail "$output"
	[ "$(cell out.tsv holds ping | sort -u)" = no ] || fail "$output"
}

@test "a rate at which requests fail does not hold" {
	local status=0
	# one alone is answered in time, the last of eight is not
	start http-serve -p 0 -m pool -j 1 -d 20ms
	bench-cap -L p90:0.2s -c 8 -t 40 -r 1000 -T 0.1 "$URL" >out.tsv 2>err.txt || status=$?
	[ "$status" -eq 1 ] || fail "$status: $(cat out.tsv err.txt)"
	answers out.tsv
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["op"]) == "ping" && $(at["errors"]) > 0 { n++; if ($(at["holds"]) != "no") exit 1 }
		END { if (!n) exit 1 }' out.tsv || fail "$(cat out.tsv err.txt)"
	grep -q 'within 0.1 s' err.txt || fail "$(cat err.txt)"
	stop
}

@test "several targets are probed in turn and end in a row each, also if one does not answer" {
	refused_port
	start http-serve -p 0 -m event
	run --separate-stderr bench-cap -L p50:0.25s -r 1000 -c 3 "a=$URL" "gone=http://127.0.0.1:$PORT" \
	    none=http://nosuch.invalid "b=$URL"
	[ "$status" -eq 1 ] || fail "$status: $stderr"
	grep -q 'gone: it does not answer' <<<"$stderr" || fail "$stderr"
	grep -q 'none: it does not answer' <<<"$stderr" || fail "$stderr"
	printf '%s\n' "$output" >out.tsv
	[ "$(awk -F '\t' '$3 == "capacity" { print $1 }' out.tsv | tr '\n' ' ')" = 'a b ' ] || fail "$output"
	! grep -q '^[gn]one' out.tsv || fail "$output"
	stop
}

@test "while the client is stopped, it finds no rate that fails" {
	start http-serve -p 0 -m event
	bench-cap -L p50:100ms -t 14 -r 500 "$URL" >out.tsv 2>err.txt 3>&- &
	STARTED+=($!)
	eventually has_lines out.tsv 2 || fail "$(cat out.tsv err.txt)"
	kill -STOP "${STARTED[-1]}"
	sleep 5 # longer than the start of a probe, which is not recorded
	kill -CONT "${STARTED[-1]}"
	reap "${STARTED[-1]}" || true
	forget "${STARTED[-1]}"
	answers out.tsv
	! cell out.tsv holds | grep -qx no || fail "$(cat out.tsv err.txt)"
	! grep -q 'the client was the limit' err.txt || fail "$(cat err.txt)"
	stop
}

@test "an interrupted search keeps its probes" {
	local status=0
	start http-serve -p 0 -m event
	bench-cap -L p99.9:0.5s -t 3000 -r 5000 -A exp "$URL" >out.tsv 2>err.txt 3>&- &
	STARTED+=($!)
	eventually has_lines out.tsv 2 || fail "$(cat out.tsv err.txt)"
	kill -INT "${STARTED[-1]}"
	reap "${STARTED[-1]}" || status=$?
	forget "${STARTED[-1]}"
	[ "$status" = 130 ] || fail "$status: $(cat err.txt)"
	answers out.tsv
	stop
}

# interrupt PATTERN: end the bench-cap that was started last once its rows have that.
interrupt() {
	local status=0
	eventually grep -q "$1" out.tsv || fail "$(cat out.tsv err.txt)"
	kill -INT "${STARTED[-1]}"
	reap "${STARTED[-1]}" || status=$?
	forget "${STARTED[-1]}"
	[ "$status" = 130 ] || fail "$status: $(cat err.txt)"
}

@test "an interrupted search ends with what it knows, also if nothing holds" {
	start http-serve -p 0 -m pool -j 1 -d 5ms
	bench-cap -L p90:1ms -c 8 -t 3000 "$URL" >out.tsv 2>err.txt 3>&- &
	STARTED+=($!)
	interrupt $'\tno\t'
	answers out.tsv
	[ "$(cell out.tsv holds_per_s capacity)" = NA ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv fails_per_s capacity)" != NA ] || fail "$(cat out.tsv)"
	! grep -q -e '-t' err.txt || fail "$(cat err.txt)"
	stop
}

# One that is gone has told nothing of the rate that was tried when it went.
@test "a target that dies in a search is called that, and no rate fails for it" {
	local server signal status
	for server in $SERVERS; do
		for signal in KILL STOP; do
			start "$server" -p 0 -m event
			bench-cap -L p50:50ms -c 8 -T 1 -t 100 -S 1 "$URL" >out.tsv 2>err.txt 3>&- &
			STARTED+=($!)
			eventually has_lines out.tsv 2 || fail "$(cat out.tsv err.txt)"
			kill "-$signal" "$PID"
			status=0
			reap "${STARTED[-1]}" || status=$?
			forget "${STARTED[-1]}"
			kill -KILL "$PID" 2>/dev/null || :
			reap "$PID" || :
			forget "$PID"
			[ "$status" = 1 ] || fail "$server, $signal: $status: $(cat err.txt out.tsv)"
			grep -q 'it does not answer' err.txt || fail "$server, $signal: $(cat err.txt out.tsv)"
			[ "$(cell out.tsv fails_per_s capacity | grep -vc NA)" = 0 ] ||
			    fail "$server, $signal: $(cat out.tsv)"
		done
	done
}

@test "a target that does not answer takes only its part of the time" {
	local other
	start http-serve -p 0 -m event
	other=$URL
	bad http silent
	run --separate-stderr bench-cap -L p50:50ms -c 3 -t 12 -r 3000 "gone=$URL" "b=$other"
	[ "$status" -eq 1 ] || fail "$status: $stderr"
	grep -q 'gone: it does not answer' <<<"$stderr" || fail "$stderr"
	printf '%s\n' "$output" >out.tsv
	[ "$(grep -c '^b	' out.tsv)" -gt 1 ] || fail "$output $stderr"
}

has_lines() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

@test "it ends in time, though nothing is answered" {
	local scheme timeout
	for scheme in rpc http; do
		bad "$scheme" silent
		for timeout in 2 3000; do
			run --separate-stderr timeout 60 bench-cap -L p90:0.1s -t 8 -T "$timeout" "$URL"
			[ "$status" -eq 1 ] || fail "$status: $stderr"
			grep -q 'does not answer' <<<"$stderr" || fail "$stderr"
			! grep -q capacity <<<"$output" || fail "$output"
		done
		# what cannot be is refused before anybody is asked
		run --separate-stderr timeout 60 bench-cap -T 3000 "$URL"
		want 2 '-L is needed'
	done
}

@test "of a service that closes each connection, no more are counted than were recorded" {
	local part whole
	bad http http-1.0
	run --separate-stderr bench-cap -L p50:50ms -t 3 -r 3000 "$URL"
	read -r part whole < <(sed -n 's/.*reconnecting is part of \([0-9]*\) of \([0-9]*\) operations.*/\1 \2/p' <<<"$stderr")
	[ "${part:-0}" -gt 0 ] && [ "$part" -le "$whole" ] || fail "$stderr"
}

@test "filters read the rows by name" {
	http-serve -m event bench-cap -L p50:0.5s -r 1000 -c 3 >out.tsv 2>/dev/null
	bench-show out.tsv >shown
	grep -q capacity shown || fail "$(cat shown)"
	bench-stat out.tsv >stat
	[ "$(cell stat n capacity)" = "$(cell out.tsv n capacity)" ] || fail "$(cat stat)"
	if command -v gnuplot >/dev/null; then
		bench-plot -t dumb <out.tsv >letters 2>err.txt || fail "$(cat err.txt)"
		grep -q 'Response time (p50) against throughput' letters || fail "$(cat letters)"
		grep -q 'requests per second that were answered' letters || fail "$(cat letters)"
		grep -q 'was not measured: connection, latency, bandwidth, files, concurrency$' err.txt || fail "$(cat err.txt)"
		bench-plot -o pictures out.tsv 2>err.txt || fail "$(cat err.txt)"
		[ "$(ls pictures)" = $'capacity.png\ncapacity.svg' ] || fail "$(ls pictures)"
	fi
	need datamash
	datamash check <out.tsv
}
