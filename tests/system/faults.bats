#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The fault matrix: every benchmark program against every fault of a peer, on both protocols. A row
# of the table is a fault, a cell one run of one program. Of each cell: the exit status; messages of
# one printable line each that name the cause; a well-formed table of what was measured; what was
# due is counted as done or as failed, or the program says that it gave up.
#
# Where nothing works, a cell also ends within -T plus 2 s (matrix()). Where something does, however
# odd the peer is, each way to ask counts what is stated for it (ways()).

bats_require_minimum_version 1.5.0
load ../helper

LIMIT_MS=3000                   # -T plus 2 s
AT_ONCE=${FAULTS_AT_ONCE:-24}   # cells: most of them wait

# What is run, by the name of the cell: 12 operations of a row, of all clients and rounds together,
# but for what cell_due() says.
declare -gA COMMAND=(
	[conn]='bench-conn -n 3'
	[lat]='bench-lat -n 12'
	[bw]='bench-bw -n 2 -s 1k,10k'
	[file]='bench-file -n 2 -s 10k -k 1k'
	[conc]='bench-conc -n 3 -c 4 -j 2'
	[lat-depth]='bench-lat -n 12 -d 4'
	[lat-rate]='bench-lat -n 12 -r 50'
	[lat-fresh]='bench-lat -n 12 -K'
	[lat-turns]='bench-lat -n 6 -B 2'
	[conc-depth]='bench-conc -n 4 -c 3 -d 2'
	[conc-threads]='bench-conc -n 4 -c 3 -j 3'
	[conc-rate]='bench-conc -n 4 -c 3 -j 1 -r 60'
	[conc-rate-depth]='bench-conc -n 4 -c 3 -r 60 -d 2'
	[conc-replay]='bench-conc -c 3 -j 2 -r @due'
	[conc-turns]='bench-conc -n 2 -c 3 -B 2'
)
OPTIONS=(-T 1)

# cell_due CELL OPERATION: sets due, how many operations of a row are due at most.
cell_due() {
	case $1/$2 in
	conn/*|conc-*/first-reply) due=3 ;;
	conc/first-reply) due=4 ;;
	bw/*|file/*) due=2 ;;
	*) due=12 ;;
	esac
}

# one CELL DIRECTORY: run it; leaves out, err, status and ms in the directory. Where targets are
# measured in turn there is a good one beside it.
one() {
	local began=${EPOCHREALTIME/[.,]/} status=0 targets=("bad=$URL")
	[[ $1 != *-turns ]] || targets+=("good=$GOOD")
	# no reply takes much memory: what a peer claims is not believed
	[ -n "${SANITIZED:-}" ] || ulimit -v 2000000
	# shellcheck disable=SC2086
	timeout 90 ${COMMAND[$1]} "${OPTIONS[@]}" "${targets[@]}" >"$2/out" 2>"$2/err" 3>&- ||
	    status=$?
	echo "$status" >"$2/status"
	echo "$(((${EPOCHREALTIME/[.,]/} - began) / 1000))" >"$2/ms"
}

# begin CELL DIRECTORY: run it beside those of the caller that still run.
begin() {
	mkdir -p "$2"
	[ "$started" -lt "$AT_ONCE" ] || { wait -n || true; started=$((started - 1)); }
	(one "$1" "$2") 3>&- &
	jobs+=($!)
	started=$((started + 1))
}

# ended CELL DIRECTORY STATUS: with this status, a table, and messages as they have to be. Sets err,
# their lines, and what, all of it.
ended() {
	local program=bench-${1%%-*} status line
	read -r status <"$2/status"
	mapfile -t err <"$2/err"
	printf -v what '%s\n' "$2:" "$(cat "$2/out")" "${err[@]}"
	[ "$status" = "$3" ] || fail "status $status, not $3: $what"
	rows "$2/out"
	for line in "${err[@]}"; do
		[[ $line =~ ^$program:\ [\ -~]*$ ]] || fail "not printable: $what"
		[ "${#line}" -le 700 ] || fail "a long line: $what"
	done
}

# sound CELL DIRECTORY STATUS PATTERN: was it as it should be?
sound() {
	local err what
	ended "$1" "$2" "$3"
	if [ "$3" -eq 0 ]; then
		[ "${#err[@]}" -eq 0 ] || [[ $what == *warning:* ]] || fail "$what"
	else
		has "$4" "${err[@]}" || fail "no message with $4: $what"
		counted "$1" "$2"
	fi
}

# has PATTERN LINE...
has() {
	local line
	for line in "${@:2}"; do
		[[ ! $line =~ $1 ]] || return 0
	done
	return 1
}

# counted CELL DIRECTORY: n + errors is what was due, and nothing is a success. (A connection may
# be one, and a first reply.)
counted() {
	local op n errors sum due
	# shellcheck disable=SC2094 # the file is only read
	{
		read -r _
		while IFS=$'\t' read -r _ _ op _ _ _ _ _ n errors _; do
			sum=$((n + errors))
			cell_due "$1" "${op%-wait}"
			[ "$n" -eq 0 ] || [ "$op" = connect ] || [ "$op" = first-reply ] ||
			    fail "$2: $op: success: $(cat "$2/out" "$2/err")"
			[ "$sum" -gt 0 ] || fail "$2: $op: neither success nor failure: $(cat "$2/out" "$2/err")"
			[ "$sum" -le "$due" ] || fail "$2: $op: $sum: $(cat "$2/out")"
			[ "$sum" -eq "$due" ] || grep -qE 'gave up|not measured' "$2/err" ||
			    fail "$2: $op: $sum due, not $due: $(cat "$2/out" "$2/err")"
		done
	} <"$2/out"
}

# in_time CELL DIRECTORY PATTERN: a machine that has other things to do gets more chances, with
# nothing beside it; what is wrong is so each time.
in_time() {
	local ms
	for _ in 1 2 3 4; do
		read -r ms <"$2/ms"
		if [ "$ms" -le "$LIMIT_MS" ]; then
			grep -q 'answer within' "$2/err" || return 0
			! grep -qE -- "$3" "$2/err" || return 0
		fi
		echo "# once more: $2 took $ms ms" >&3
		(one "$1" "$2")
	done
	read -r ms <"$2/ms"
	[ "$ms" -le "$LIMIT_MS" ] || fail "$2: $ms ms: $(cat "$2/err")"
}

# matrix PROTOCOL CELL... <TABLE: rows of the table are
#	FAULT  STATUS-OF-BENCH-CONN  STATUS-OF-THE-OTHERS  PATTERN
# (bench-conn asks for no more than the first reply).
matrix() {
	local protocol=$1 fault conn others pattern cell want started=0
	local -A url
	local jobs=()
	shift
	cat >table
	while read -r fault conn others pattern; do
		if [ "$fault" = refused ]; then
			refused_port
			URL=$protocol://127.0.0.1:$PORT
		else
			bad "$protocol" "$fault"
		fi
		url[$fault]=$URL
		for cell; do
			begin "$cell" "cells/$fault/$cell"
		done
	done <table
	wait "${jobs[@]}" || true
	[ "${#url[@]}" -gt 0 ] || fail 'an empty table'
	while read -r fault conn others pattern; do
		URL=${url[$fault]}
		for cell; do
			want=$others
			[ "$cell" != conn ] || want=$conn
			in_time "$cell" "cells/$fault/$cell" "$pattern"
			sound "$cell" "cells/$fault/$cell" "$want" "$pattern"
		done
	done <table
}

# What the machine may have caused, and not the peer.
HASTE='ms were measured, too short|the rate was not reached|the client was the limit'

# is COUNT WANTED
is() {
	case $2 in
	'*') ;;
	+) [ "$1" -ge 1 ] ;;
	*) [ "$1" = "$2" ] ;;
	esac
}

# as_stated CELL DIRECTORY N/ERRORS STATUS PATTERN: see ways().
as_stated() {
	local label op clients ok bad last what err line want=$4 n=0 errors=0 good=0 wrong='' notes=()
	while IFS=$'\t' read -r label _ op _ _ clients _ _ ok bad _; do
		case $label/$op in
		label/op) ;;
		*/first-reply) [ $((ok + bad)) = "$clients" ] || wrong="$op $ok/$bad" ;;
		*-wait|*-service) [ "$ok/$bad" = "$last" ] || wrong="$op $ok/$bad" ;;
		bad/*) n=$((n + ok)) errors=$((errors + bad)) last=$ok/$bad ;;
		good/*) good=$((good + ok)) ;;
		esac
		[ "$label" != good ] || [ "$bad" -eq 0 ] || wrong='errors of the good one'
	done <"$2/out"
	[ "$want" != '*' ] || want=$((errors > 0))
	ended "$1" "$2" "$want"
	[ -z "$wrong" ] || fail "$wrong: $what"
	is "$n" "${3%/*}" && is "$errors" "${3#*/}" || fail "$n/$errors, not $3: $what"
	[ $((n + errors)) -eq 12 ] || [[ $3 == */+ && $what =~ 'gave up'|'not measured' ]] ||
	    fail "$n + $errors: $what"
	[[ $1 != *-turns || $good -eq 12 ]] || fail "good: $good: $what"
	for line in "${err[@]}"; do
		[[ $line =~ $HASTE ]] || notes+=("$line")
	done
	if [ "$5" = - ]; then
		[ "${#notes[@]}" -eq 0 ] || fail "messages: $what"
	else
		has "$5" "${notes[@]}" || fail "no message with $5: $what"
	fi
}

# ways SCHEME PATH OPTION... <TABLE: each fault in each way of asking, by a client of its own with
# a peer of its own. Rows of the table are
#	FAULT  CELLS  N/ERRORS  STATUS  PATTERN
# CELLS: names with commas between, or "all" that are not named above. N and ERRORS are those of all
# rounds, 12 together; "*" is any number, as it depends on what comes together, and "+" 1 to 12, as
# the client says that it gives up. STATUS "*": 1 if there are errors. PATTERN: of a message;
# "-": there is none. Where -T is a second, a machine that has other things to do gets more chances.
ways() {
	local OPTIONS=("${@:3}") all='lat lat-depth lat-rate lat-turns'
	local scheme=$1 path=$2 fault cells cell what stated counts pattern try more='' failed='' started=0
	local -A faults of
	local jobs=() order=()
	all+=' conc conc-depth conc-threads conc-rate conc-turns'
	[ "$scheme" != http ] || all+=' lat-fresh'
	while read -r fault cells stated; do
		faults[$fault]=1
		[ "$cells" != all ] || cells=$all
		for cell in ${cells//,/ }; do
			[ -z "${of[$fault/$cell]:-}" ] || continue
			of[$fault/$cell]=$stated
			order+=("$fault/$cell")
		done
	done
	[[ "${OPTIONS[*]} " != *'-T 1 '* ]] || more='1 2 3'
	cells=$(($(wc -w <<<"$all") * ${#faults[@]}))
	[ "$cells" -gt 0 ] && [ "${#order[@]}" -eq "$cells" ] || fail 'holes in the table'
	start "${scheme%[56]}-serve" -p 0 -m event
	GOOD=$URL${path:+/upload}
	for what in "${order[@]}"; do
		bad "$scheme" "${what%/*}"
		URL=$URL$path
		begin "${what#*/}" "cells/$what"
	done
	# without an argument it would wait for the guard that bats keeps, too
	wait "${jobs[@]}" || true
	for what in "${order[@]}"; do
		read -r counts stated pattern <<<"${of[$what]}"
		for try in $more last; do
			! (as_stated "${what#*/}" "cells/$what" "$counts" "$stated" "$pattern") || continue 2
			[ "$try" != last ] || break
			echo "# once more: $what" >&3
			bad "$scheme" "${what%/*}"
			URL=$URL$path
			(one "${what#*/}" "cells/$what")
		done
		failed+=" $what"
	done
	[ -z "$failed" ] || fail "not as stated:$failed"
}

@test "RPC: connections refused, silent, closed, reset; other protocols" {
	matrix rpc conn lat bw file conc <<-'TABLE'
	refused           1 1 Connection refused
	silent            1 1 no answer within
	close             1 1 closed|reset
	close-later       1 1 closed
	reset             1 1 reset
	garbage           1 1 127.0.0.1:[0-9]+: .
	garbage-first     1 1 127.0.0.1:[0-9]+: .
	flood             1 1 127.0.0.1:[0-9]+: .
	http-pong         1 1 127.0.0.1:[0-9]+: .
	http-404          1 1 127.0.0.1:[0-9]+: .
	TABLE
}

@test "HTTP: connections refused, silent, closed, reset; other protocols" {
	matrix http conn lat bw file conc <<-'TABLE'
	refused           1 1 Connection refused
	silent            1 1 no answer within
	close             1 1 closed|reset
	close-later       1 1 closed
	reset             1 1 reset
	garbage           1 1 not an HTTP response
	garbage-first     1 1 not an HTTP response
	flood             1 1 not an HTTP response
	rpc-pong          1 1 127.0.0.1:[0-9]+: .
	TABLE
}

@test "RPC: replies that are cut off" {
	matrix rpc conn lat bw file conc <<-'TABLE'
	rpc-cut-length    0 1 closed the connection|Broken pipe|reset
	rpc-cut-head      0 1 closed the connection|Broken pipe|reset
	rpc-truncated     0 1 closed the connection|Broken pipe|reset
	rpc-zip-cut       0 1 closed the connection|Broken pipe|reset
	rpc-reset-body    0 1 reset
	rpc-close-request 0 1 closed the connection|Broken pipe|reset
	rpc-half          0 1 no (complete )?answer within
	rpc-trickle       0 1 no (complete )?answer within
	rpc-close-slowly  0 1 closed
	TABLE
}

@test "HTTP: replies that are cut off" {
	matrix http conn lat bw file conc <<-'TABLE'
	http-cut-head     1 1 closed in the middle
	http-cut-length   1 1 closed in the middle
	http-cut-chunk    1 1 closed in the middle
	http-truncated    1 1 closed in the middle|expected
	http-reset-body   1 1 reset
	http-half         1 1 no complete answer within
	http-unended      1 1 no complete answer within
	http-trickle      1 1 no complete answer within
	http-close-slowly 1 1 closed|no answer within
	TABLE
}

@test "RPC: lengths that are not true, and no end" {
	matrix rpc conn lat bw file conc <<-'TABLE'
	rpc-claim-4g      0 1 larger than any expected
	rpc-claim-zip     0 1 larger than any expected
	rpc-claim-2g      0 1 larger than any expected
	rpc-claim-1m      0 1 no complete answer within
	rpc-overflow      0 1 cut short
	rpc-wrong-length  0 1 127.0.0.1:[0-9]+: a reply
	rpc-huge          0 1 larger than any expected
	rpc-zip-bomb      0 1 inflates beyond the limit
	TABLE
}

@test "HTTP: lengths that are not true, and no end" {
	matrix http conn lat bw file conc <<-'TABLE'
	http-claim-4g     1 1 reply of 4294967296 bytes
	http-negative     1 1 Content-Length "-19"
	http-huge-length  1 1 too large
	http-two-lengths  1 1 more than one Content-Length
	http-bad-chunk    1 1 bad chunked reply
	http-wrong-length 1 1 127.0.0.1:[0-9]+: (reply|bad JSON)
	http-endless-head 1 1 response head over 64 KB
	http-endless-body 1 1 reply of more than|bad JSON
	http-endless-chunks 1 1 reply of more than|bad JSON
	http-endless-size 1 1 a chunk's line is too long
	http-endless-trailer 1 1 the trailer is too long
	http-endless-continue 1 1 no complete answer within
	http-trickle-body 1 1 reply of 100000000 bytes|bad JSON
	TABLE
}

@test "RPC: replies that are wrong" {
	matrix rpc conn lat bw file conc <<-'TABLE'
	rpc-wrong-pong    0 1 127.0.0.1:[0-9]+: a reply
	rpc-wrong-type    0 1 127.0.0.1:[0-9]+: a reply
	rpc-other-seq     0 1 a request that was never sent
	rpc-exception     0 1 KeyError: 'lost'
	rpc-evil-exception 0 1 Key\\x1b\[31m
	rpc-garbage       0 1 127.0.0.1:[0-9]+: .
	rpc-bad-tag       0 1 undefined brine tag
	rpc-deep          0 1 127.0.0.1:[0-9]+: a reply
	rpc-bad-zlib      0 1 not a valid zlib stream
	rpc-zip-truncated 0 1 cut short
	rpc-zip-corrupt   0 1 127.0.0.1:[0-9]+: (a compressed message|a reply)
	rpc-zip-sum       0 1 127.0.0.1:[0-9]+: (a compressed message|a reply)
	TABLE
}

@test "HTTP: replies that are wrong" {
	matrix http conn lat bw file conc <<-'TABLE'
	http-500          1 1 HTTP 500
	http-999          1 1 HTTP 999 Request denied
	http-404          1 1 HTTP 404 Not Found
	http-redirect     1 1 HTTP 302 Found
	http-wrong-pong   1 1 127.0.0.1:[0-9]+: (reply|bad JSON)
	http-wrong-size   1 1 127.0.0.1:[0-9]+: (reply|bad JSON)
	http-garbage      1 1 not an HTTP response
	http-bad-status   1 1 not an HTTP response
	http-0.9          1 1 not an HTTP response
	http-gzip         1 1 127.0.0.1:[0-9]+: (reply|bad JSON)
	http-evil-reason  1 1 not an HTTP response
	http-evil-json    1 1 127.0.0.1:[0-9]+: (reply|bad JSON)
	TABLE
}

@test "RPC: several requests in flight, an open loop, a thread per client" {
	seq 0 0.02 0.22 >due
	matrix rpc lat-depth lat-rate conc-depth conc-rate-depth conc-threads conc-replay <<-'TABLE'
	refused           1 1 Connection refused
	silent            1 1 no answer within
	close             1 1 closed|reset
	reset             1 1 reset
	rpc-half          1 1 no complete answer within
	rpc-truncated     1 1 closed the connection
	rpc-exception     1 1 KeyError: 'lost'
	rpc-other-seq     1 1 a request that was never sent
	rpc-trickle       1 1 no (complete )?answer within
	rpc-close-slowly  1 1 closed
	TABLE
}

@test "HTTP: several requests in flight, an open loop, a thread per client" {
	seq 0 0.02 0.22 >due
	matrix http lat-depth lat-rate conc-depth conc-rate-depth conc-threads conc-replay <<-'TABLE'
	refused           1 1 Connection refused
	silent            1 1 no answer within
	close             1 1 closed|reset
	reset             1 1 reset
	http-half         1 1 no complete answer within
	http-truncated    1 1 closed in the middle
	http-500          1 1 HTTP 500
	http-endless-head 1 1 response head over 64 KB
	http-trickle      1 1 no (complete )?answer within
	http-close-slowly 1 1 closed|no answer within
	TABLE
}

# ---- odd peers, in each way of asking

@test "HTTP: replies that are odd, and right" {
	ways http '' -w 0 -T 40 <<-'TABLE'
	http-pong             all 12/0 0 -
	http-slow             all 12/0 0 -
	http-chunked          all 12/0 0 -
	http-continue         all 12/0 0 -
	http-folded           all 12/0 0 -
	http-empty-lines      all 12/0 0 -
	http-empty-lines-slow all 12/0 0 -
	http-padded-chunks    all 12/0 0 -
	http-many-fields      all 12/0 0 -
	http-600              all 0/12 1 HTTP 600 Odd
	http-999              all 0/12 1 HTTP 999 Request denied
	http-garbage          all 0/12 1 not an HTTP response
	TABLE
}

@test "HTTP: connections that end with a reply that says so" {
	ways http '' -w 0 -T 40 <<-'TABLE'
	http-1.0                     lat-fresh                    12/0 0 -
	http-1.0                     all                          12/0 0 peer closes connections
	http-no-length               lat-fresh                    12/0 0 -
	http-no-length               all                          12/0 0 peer closes connections
	http-close-each              lat,lat-rate                 12/0 0 part of 11 of 12 operations
	http-close-each              conc,conc-threads,conc-turns 12/0 0 part of 12 of 12 operations
	http-close-each              lat-fresh                    12/0 0 -
	http-close-each              all                          12/0 0 peer closes connections
	http-close-announced-after-3 lat,lat-rate                 12/0 0 part of 2 of 12 operations
	http-close-announced-after-3 conc,lat-fresh               12/0 0 -
	http-close-announced-after-3 conc-threads,conc-turns      12/0 0 part of 3 of 12 operations
	http-close-announced-after-3 all                          12/0 0 peer closes connections
	TABLE
}

# A request is sent once more, and with several outstanding a second one may be lost with it again.
@test "HTTP: connections that end without a word" {
	ways http '' -w 0 -T 40 <<-'TABLE'
	http-close-unannounced lat-fresh               12/0 0 -
	http-close-unannounced lat-depth,conc-depth    */*  1 closed before|reset|Broken pipe
	http-close-unannounced all                     12/0 0 peer closes
	http-close-after-3     lat,lat-rate            12/0 0 3 of 12 .* were sent once more \(-K
	http-close-after-3     conc,lat-turns          12/0 0 4 of 12 .* were sent once more \(-K
	http-close-after-3     conc-threads,conc-turns 12/0 0 3 of 12 .* were sent once more \(-K
	http-close-after-3     lat-fresh               12/0 0 -
	http-close-after-3     all                     */*  * sent once more|closed before
	http-reset-after-3     lat,lat-rate            12/0 0 3 of 12 .* were sent once more \(-K
	http-reset-after-3     conc,lat-turns          12/0 0 4 of 12 .* were sent once more \(-K
	http-reset-after-3     conc-threads,conc-turns 12/0 0 3 of 12 .* were sent once more \(-K
	http-reset-after-3     lat-fresh               12/0 0 -
	http-reset-after-3     all                     */*  * sent once more|reset|closed before|Broken pipe
	http-cut-after-3       lat,lat-rate            9/3  1 closed in the middle of a reply
	http-cut-after-3       conc                    8/4  1 closed in the middle of a reply
	http-cut-after-3       conc-threads,conc-turns 9/3  1 closed in the middle of a reply
	http-cut-after-3       lat-turns               10/2 1 closed in the middle of a reply
	http-cut-after-3       lat-fresh               12/0 0 -
	http-cut-after-3       all                     */*  1 closed in the middle of a reply
	http-falters           lat,lat-rate,lat-fresh  11/1 1 closed before the reply
	http-falters           lat-depth               8/4  1 closed before the reply
	http-falters           lat-turns               12/0 1 warm-up: .*closed before the reply
	http-falters           all                     12/0 1 closed before the reply
	TABLE
}

@test "HTTP: requests that may not be sent twice" {
	ways http /x -w 0 -T 40 -s 10 <<-'TABLE'
	http-close-each    lat-fresh               12/0 0 -
	http-close-each    all                     12/0 0 peer closes connections
	http-close-after-3 lat,lat-rate            9/3  1 closed before the reply.* try -K
	http-close-after-3 conc                    8/4  1 closed before the reply.* try -K
	http-close-after-3 conc-threads,conc-turns 9/3  1 closed before the reply.* try -K
	http-close-after-3 lat-turns               10/2 1 closed before the reply.* try -K
	http-close-after-3 lat-fresh               12/0 0 -
	http-close-after-3 all                     */*  1 closed before|reset|Broken pipe
	TABLE
}

# No socket buffers hold these bodies: the replies come before.
@test "HTTP: replies before the request is sent" {
	ways http /x -w 0 -T 40 -s 20m <<-'TABLE'
	http-early             lat-depth,conc-depth 12/0 0 behind such a one and were sent again
	http-early             lat-fresh            12/0 0 -
	http-early             all                  12/0 0 peer closes connections
	http-early-unannounced lat-depth            3/9  1 closed before|reset|Broken pipe
	http-early-unannounced conc-depth           */*  * closed before|reset|Broken pipe|peer closes
	http-early-unannounced lat-fresh            12/0 0 -
	http-early-unannounced all                  12/0 0 peer closes connections
	http-early-404         all                  0/12 1 HTTP 404 Not Found
	http-early-cut         all                  0/12 1 closed in the middle|reset|Broken pipe
	TABLE
}

@test "HTTP: warming up that fails" {
	ways http '' -w 1 -T 40 <<-'TABLE'
	http-500-once   lat,lat-depth,lat-rate,lat-turns 12/0 1 warm-up: .*HTTP 500
	http-500-once   lat-fresh                        0/12 1 HTTP 500
	http-500-once   all                              12/0 1 HTTP 500
	http-500-second lat,lat-depth,lat-rate           11/1 1 HTTP 500
	http-500-second lat-fresh                        12/0 0 -
	http-500-second all                              12/0 1 warm-up: .*HTTP 500
	TABLE
}

@test "HTTP: a peer that breaks off slowly, in each way" {
	ways http '' -w 0 -T 1 <<-'TABLE'
	http-close-slowly conc,conc-depth,conc-threads 0/12 1 closed before|no answer within
	http-close-slowly all                          0/+  1 closed before|no answer within
	TABLE
}

@test "RPC: peers that are odd, and right; connections that end" {
	ways rpc '' -w 0 -T 40 <<-'TABLE'
	rpc-pong          all                              12/0 0 -
	rpc-slow          all                              12/0 0 -
	rpc-five          all                              12/0 0 -
	rpc-six           all                              12/0 0 -
	rpc-reads-root    all                              12/0 0 -
	rpc-falters       all                              12/0 0 -
	rpc-single        lat,lat-depth,lat-rate,lat-turns 12/0 0 -
	rpc-single        conc-rate,conc-turns             0/+  1 say rpc5:// or rpc6://
	rpc-single        all                              0/12 1 say rpc5:// or rpc6://
	rpc-garbage       all                              0/12 1 127.0.0.1:[0-9]+: .
	rpc-close-after-3 conc                             12/0 0 -
	rpc-close-after-3 lat-depth,conc-depth,conc-rate   */*  1 closed the connection
	rpc-close-after-3 lat-turns                        10/2 1 closed the connection
	rpc-close-after-3 all                              9/3  1 closed the connection
	rpc-reset-after-3 conc                             12/0 0 -
	rpc-reset-after-3 lat-depth,conc-depth,conc-rate   */*  1 reset|closed the connection|Broken pipe
	rpc-reset-after-3 lat-turns                        10/2 1 reset
	rpc-reset-after-3 all                              9/3  1 reset
	TABLE
}

# Nothing is tried out: the only connection is for the measurement.
@test "RPC: a dialect that the target states" {
	ways rpc5 '' -w 0 -T 40 <<-'TABLE'
	rpc-five    all                              12/0 0 -
	rpc-single  lat,lat-depth,lat-rate,lat-turns 12/0 0 -
	rpc-single  conc                             3/9  1 3 of 4 clients gave up
	rpc-single  conc-rate                        12/0 1 2 of 3 clients gave up
	rpc-single  all                              4/8  1 2 of 3 clients gave up
	rpc-falters lat,lat-depth,lat-rate,lat-turns 0/+  1 closed the connection
	rpc-falters all                              12/0 1 closed the connection
	TABLE
}

@test "RPC: the wrong dialect, and a peer that breaks off slowly" {
	ways rpc5 '' -w 0 -T 1 <<-'TABLE'
	rpc-six          conc,conc-depth,conc-threads 0/12 1 no answer within 1 s
	rpc-six          all                          0/+  1 no answer within 1 s
	rpc-close-slowly conc,conc-depth,conc-threads 0/12 1 closed the connection|no answer within
	rpc-close-slowly all                          0/+  1 closed the connection|no answer within
	TABLE
}

# ---- real servers that stand still or die in the middle

declare -gA LONG_RUN=(
	[conn]='bench-conn -t 60'
	[lat]='bench-lat -t 60'
	[bw]='bench-bw -s 100k -t 60'
	[file]='bench-file -s 20m -t 60'
	[conc]='bench-conc -c 4 -t 60'
	[lat-rate]='bench-lat -r 500 -t 60'
	[conc-depth]='bench-conc -c 4 -d 8 -t 60'
)

# in_the_middle SIGNAL SERVER MODEL CELL: the client has had replies for a while, and then the
# server gets the signal; from then on the file signalled is there.
in_the_middle() {
	local signal=$1 server=$2 model=$3 cell=$4 pid client dir began status=0
	dir=middle/$signal-$server-$model-$cell
	mkdir -p "$dir"
	mkfifo "$dir/url"
	"$server" -p 0 -m "$model" >"$dir/url" 2>"$dir/server.err" &
	pid=$!
	trap 'kill -KILL "$pid"; : >"$dir/signalled"' EXIT
	read -r -t 60 URL <"$dir/url"
	# shellcheck disable=SC2086
	${LONG_RUN[$cell]} -T 1 "$URL" >"$dir/out" 2>"$dir/err" &
	client=$!
	has_run "$client"
	began=$(ms)
	kill "-$signal" "$pid"
	: >"$dir/signalled"
	wait "$client" 2>/dev/null || status=$?
	echo "$(($(ms) - began))" >"$dir/ms"
	echo "$status" >"$dir/status"
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	trap - EXIT
}

# middle_sound DIRECTORY CELL PATTERN
middle_sound() {
	local what
	what="$1: $(cat "$1/err" "$1/out" "$1/server.err")"
	[ "$(cat "$1/status")" = 1 ] || fail "status $(cat "$1/status"): $what"
	rows "$1/out"
	grep -qE -- "$3" "$1/err" || fail "no message with $3: $what"
	! LC_ALL=C grep -qv "^bench-${2%%-*}: [ -~]*\$" "$1/err" || fail "$what"
	# what was measured before is there, and what failed
	[ "$(total "$1/out" n)" -gt 0 ] && [ "$(total "$1/out" errors)" -gt 0 ] || fail "$what"
}

middle() {
	local signal=$1 pattern=$2 server model cell dir jobs=()
	for server in $SERVERS; do
		model=event
		for cell in conn lat bw file conc lat-rate conc-depth; do
			(in_the_middle "$signal" "$server" "$model" "$cell") 3>&- &
			jobs+=($!)
			# they keep the machine busy until the signal comes, and then wait
			eventually [ -e "middle/$signal-$server-$model-$cell/signalled" ] || fail "no signal: $cell"
			[ "$model" = event ] && model=thread || model=event
		done
	done
	# without an argument it would wait for the guard that bats keeps, too
	wait "${jobs[@]}" || true
	for dir in middle/*; do
		cell=${dir#middle/"$signal"-*-serve-*-}
		middle_sound "$dir" "$cell" "$pattern"
		for _ in 1 2 3 4; do
			[ "$(cat "$dir/ms")" -gt "$LIMIT_MS" ] || continue 2
			IFS=- read -r _ server _ model _ <<<"${dir#middle/}"
			echo "# once more: $dir took $(cat "$dir/ms") ms" >&3
			rm -rf "$dir"
			(in_the_middle "$signal" "$server-serve" "$model" "$cell") 3>&-
		done
		[ "$(cat "$dir/ms")" -le "$LIMIT_MS" ] || fail "$dir: $(cat "$dir/ms") ms"
	done
	[ "$(find middle -name status | wc -l)" -eq 14 ] || fail 'cells are missing'
}

@test "servers that are stopped (SIGSTOP) in the middle" {
	middle STOP 'no (complete )?answer within'
}

@test "servers that are killed (SIGKILL) in the middle" {
	middle KILL 'closed|reset|refused|Broken pipe'
}

# As a machine does that stands still: what has come meanwhile is in time.
@test "a server that was stopped for longer than its time limit answers what has come, and goes on" {
	local model
	need_python
	[ -d /proc/self/task ] || skip 'there is no /proc/PID to see it at rest'
	for model in thread request pool event; do
		start http-serve -p 0 -m "$model" -T 2
		timeout 60 "$PYTHON" - "${URL##*:}" "$PID" <<-'END' || fail "$model"
			import os, signal, socket, sys, time
			port, pid = map(int, sys.argv[1:])
			peers = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
			def ask(s): s.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
			def answered(s): return b"pong" in s.recv(65536)
			def state(task): return open(f"/proc/{pid}/task/{task}/stat").read().rpartition(")")[2].split()[0]
			for s in peers:
			    ask(s)
			    assert answered(s)
			def all_are(what):
			    try: return all(state(t) == what for t in os.listdir(f"/proc/{pid}/task"))
			    except FileNotFoundError: return False # a thread that has just ended
			while not all_are("S"): time.sleep(0.01)
			os.kill(pid, signal.SIGSTOP)
			while not all_are("T"): time.sleep(0.01)
			for s in peers:
			    ask(s)
			time.sleep(2.5)
			os.kill(pid, signal.SIGCONT)
			assert all([answered(s) for s in peers])
			for s in peers:
			    ask(s)
			assert all([answered(s) for s in peers])
		END
		stop
	done
}

@test "urgent data between two requests: both are answered" {
	local model
	need_python
	for model in thread event; do
		start http-serve -p 0 -m "$model" -T 10
		timeout 60 "$PYTHON" - "${URL##*:}" "$PID" <<-'END' || fail "$model"
			import os, signal, socket, sys
			port, pid = map(int, sys.argv[1:])
			s = socket.create_connection(("127.0.0.1", port))
			request = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
			got = b""
			s.sendall(request)
			while b"pong" not in got:
			    got += s.recv(65536)
			# all of it is there before the server looks
			os.kill(pid, signal.SIGSTOP)
			s.sendall(request)
			s.send(b"x", socket.MSG_OOB)
			s.sendall(request)
			os.kill(pid, signal.SIGCONT)
			s.settimeout(8)
			while got.count(b"pong") < 3:
			    got += s.recv(65536)
		END
		stop
	done
}

# Between the first row and the second: the clients find it out before they have begun.
@test "a peer that is gone between two rows, all connections with it" {
	local o
	for o in '' '-d 2' '-r 20000' '-j 100'; do
		bad http http-vanish-after-300
		# shellcheck disable=SC2086
		run --separate-stderr timeout 60 bench-conc -c 100 -j 1 $o -n 1 -w 1 -T 2 -o ping,ping "$URL"
		[ "$status" -eq 1 ] || fail "'$o': status $status: $stderr"
		printf '%s\n' "$output" >out.tsv
		rows out.tsv
		[ "$(cell out.tsv n ping | tr '\n' ' ')" = '100 0 ' ] || fail "'$o': $output"
		grep -q 'refused' <<<"$stderr" || fail "'$o': $stderr"
	done
}

# Many connections break at once, and those who make them again are refused by their own
# system, while requests go on to become due.
@test "all connections reset, and no network, in an open loop" {
	local server client status
	need_starve
	for server in $SERVERS; do
		rm -f famine
		start "$server" -p 0 -m event
		env LD_PRELOAD="$PWD/starve.so" STARVE="$PWD/famine" \
		    bench-conc -q -c 200 -d 2 -j 1 -r 3000 -t 10 -T 2 -o ping "$URL" >out.tsv 2>err.txt 3>&- &
		client=$!
		STARTED+=("$client")
		has_run "$client"
		# what is unread then makes the server's kernel send resets; they all wait for the client
		kill -STOP "$PID"
		sleep 0.2
		kill -STOP "$client"
		: >famine
		kill -KILL "$PID"
		reap "$PID" || true
		forget "$PID"
		kill -CONT "$client"
		status=0
		reap "$client" || status=$?
		forget "$client"
		[ "$status" -eq 1 ] || fail "$server: status $status: $(cat err.txt out.tsv)"
		rows out.tsv
		grep -q 'Network is unreachable' err.txt || fail "$server: $(cat err.txt)"
	done
}
