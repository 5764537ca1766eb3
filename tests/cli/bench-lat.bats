#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-lat: latency over one connection.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine bench-lat; }
@test "usage errors are refused" { bench_refuses_usage_errors bench-lat; }
@test "rows from both servers under every model" { bench_rows_are_right bench-lat; }
@test "output that can't be written is an error" { bench_notices_lost_output bench-lat; }
@test "a refused connection is an error" { bench_reports_refused_connection bench-lat; }
@test "a silent peer is given up on (-T)" { bench_gives_up_on_silence bench-lat; }
@test "an interrupted run keeps its rows" { bench_keeps_rows_when_interrupted bench-lat /ping -n 1000000000; }
@test "labels, targets, headers" { bench_takes_labels_and_headers bench-lat; }
@test "raw rows, one an operation (-R)" { bench_prints_raw_rows bench-lat; }
@test "the distribution (-D)" { bench_prints_histograms bench-lat; }
@test "a name for a host" { bench_reaches_names bench-lat; }
@test "IPv6" { bench_reaches_ipv6 bench-lat; }

@test "n and warm-up are exact" {
	# over RPC the connection says hello first, which finds out the dialect, too
	rpc-serve -u usage.tsv bench-lat -n 37 -w 5 >out.tsv
	[ "$(cell out.tsv n)" = 37 ] || fail "$(cat out.tsv)"
	[ "$(usage_cell requests)/$(usage_cell connections)" = 43/1 ] || fail "$(cat usage.tsv)"
	http-serve -u usage.tsv bench-lat -n 37 -w 5 >out.tsv
	[ "$(cell out.tsv n)" = 37 ] || fail "$(cat out.tsv)"
	[ "$(usage_cell requests)/$(usage_cell connections)" = 42/1 ] || fail "$(cat usage.tsv)"
}

@test "quantiles that the sample can't show are NA" {
	rpc-serve bench-lat -n 1 >out.tsv
	[ "$(cut -f 16,18-21 out.tsv | tail -n 1)" = $'NA\tNA\tNA\tNA\tNA' ] || fail "$(cat out.tsv)"
	rpc-serve bench-lat -n 20 >out.tsv
	[ "$(cell out.tsv p99_us)/$(cell out.tsv p999_us)" = NA/NA ] || fail "$(cat out.tsv)"
	[[ $(cell out.tsv p95_us) =~ ^[0-9]+\.[0-9]{3}$ ]] || fail "$(cat out.tsv)"
	rpc-serve bench-lat -n 1000 >out.tsv
	[[ $(cell out.tsv p999_us) =~ ^[0-9]+\.[0-9]{3}$ ]] || fail "$(cat out.tsv)"
}

@test "raw rows of requests that were due and never sent, too" {
	start http-serve -p 0
	bench-lat -R -w 0 -r 200 -n 40 -T 0.1 "$URL/sleep/0.05" >raw.tsv 2>err.txt || true
	rows raw.tsv "$RAW_HEADER"
	[ "$(cell raw.tsv op | sort | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" = '40 40 40 ' ] ||
	    fail "$(cat raw.tsv err.txt)"
	awk -F '\t' 'NR > 1 { n[$10]++ } END { exit !(n[0] > 0 && n[1] > 0) }' raw.tsv || fail "$(cat raw.tsv)"
}

@test "a row agrees with itself and with the raw rows" {
	http-serve bench-lat -n 500 >out.tsv
	awk -F '\t' 'NR > 1 {
		if (!($14 <= $17 && $17 <= $18 && $18 <= $19 && $19 <= $20 && $20 <= $22)) exit 1
		if (!($14 <= $15 && $15 <= $22)) exit 2
		if ($12 * $11 < 499 || $12 * $11 > 501) exit 3
		if ($15 * 500 / 1000000 > $11) exit 4
	}' out.tsv || fail "rule $?: $(cat out.tsv)"
}

@test "sizes: echo of each (-s)" {
	local server
	for server in $SERVERS; do
		"$server" bench-lat -C -n 20 -s 0,1,10,1k,3000,3001,100k >out.tsv
		rows out.tsv
		[ "$(cell out.tsv size_bytes | tr '\n' ' ')" = '0 1 10 1024 3000 3001 102400 ' ] ||
		    fail "$(cat out.tsv)"
		[ "$(cell out.tsv n | sort -u)/$(total out.tsv errors)" = 20/0 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv op | sort -u)" = echo ] || fail "$(cat out.tsv)"
	done
}

@test "sizes are read strictly" {
	local s
	for s in 1q -1 1,,2 '' ',' '1k,' 1.5k 99999999999g k \
	    00000000000000000000000000000001k; do
		refuses bench-lat '-s' -s "$s" rpc://h
	done
	refuses bench-lat '-o.*nosuch' -o nosuch rpc://h
	refuses bench-lat '-o' -o '' rpc://h
	refuses bench-lat '-w.*x' -w x rpc://h
	refuses bench-lat '-t' -t 0 rpc://h
	refuses bench-lat '-n and -t' -n 5 -t 5 rpc://h
	refuses bench-lat '-K' -K rpc://h
	refuses bench-lat '-N' -N http://h
	refuses bench-lat '-f.*/nosuch' -s 1k -f /nosuch rpc://h
	refuses bench-lat '-Z and -f' -s 1k -Z -f /etc/passwd rpc://h
}

@test "all defaults" {
	bench_has_defaults bench-lat 1000 ping
}

@test "fewer requests than may be outstanding (-n 3 -d 8)" {
	for server in $SERVERS; do
		"$server" -m event bench-lat -n 3 -d 8 >out.tsv
		[ "$(cell out.tsv n)/$(total out.tsv errors)" = 3/0 ] || fail "$(cat out.tsv)"
	done
}

# warned TIMES PATTERN: this often, in err.txt.
warned() {
	[ "$(grep -c -- "$2" err.txt)" = "$1" ] || fail "not $1 times '$2': $(cat err.txt)"
}

@test "a short sample is warned of, once for each label, operation and size" {
	local label
	rpc-serve bench-lat -n 3 >out.tsv 2>err.txt
	warned 1 '^bench-lat: warning: rpc-thread: ping: only [0-9.]* ms were measured'
	rpc-serve rpc-serve -l other bench-lat -B 3 -s 1k,2k >out.tsv 2>err.txt
	for label in rpc-thread other; do
		warned 1 "$label: echo, 1024 bytes: only"
		warned 1 "$label: echo, 2048 bytes: only"
	done
	warned 4 warning
	rpc-serve bench-conc -n 1 >out.tsv 2>err.txt
	warned 1 'ping: only'
	warned 0 first-reply
	# many rounds, each of them short
	rpc-serve bench-lat -B 4 -b 30ms >out.tsv 2>err.txt
	warned 0 .
	rpc-serve bench-lat -q -n 3 >out.tsv 2>err.txt
	warned 0 .
	bench-turns -p 2 rpc-serve bench-lat -n 3 >out.tsv 2>err.txt
	warned 0 warning
}

@test "a rate that was not reached is warned of, once" {
	local p='ping: the rate was not reached: [0-9]* per second instead of 10000$' o
	for o in '' '-l x'; do
		# shellcheck disable=SC2086
		rpc-serve -d 10ms $o bench-lat -n 50 -r 10000 >out.tsv 2>err.txt
		warned 1 "warning: ${o#-l }.*$p"
	done
	rpc-serve -d 10ms bench-conc -c 2 -n 30 -r 10000 >out.tsv 2>err.txt
	warned 1 "$p"
	bench-turns -p 2 rpc-serve -d 10ms bench-lat -n 20 -r 10000 >out.tsv 2>err.txt
	warned 1 "$p"
	rpc-serve bench-lat -r 5 -t 3 >out.tsv 2>err.txt
	warned 0 .
}

@test "-K: a connection for each request" {
	http-serve -u usage.tsv bench-lat -K -n 30 -w 3 >out.tsv
	[ "$(cell out.tsv n)/$(total out.tsv errors)" = 30/0 ] || fail "$(cat out.tsv)"
	[ "$(usage_cell connections)" -ge 33 ] && [ "$(usage_cell connections)" -le 34 ] ||
	    fail "$(cat usage.tsv)"
	[ "$(usage_cell requests)" = "$(usage_cell connections)" ] || fail "$(cat usage.tsv)"
	# without it, one
	http-serve -u usage.tsv bench-lat -n 30 -w 3 >out.tsv
	[ "$(usage_cell connections)" -le 2 ] || fail "$(cat usage.tsv)"
}

@test "-N: as a stock client, GETATTR and CALL, and a DEL that the server doesn't count" {
	rpc-serve -u usage.tsv bench-lat -N -n 30 -w 0 >out.tsv
	[ "$(cell out.tsv n)/$(total out.tsv errors)" = 30/0 ] || fail "$(cat out.tsv)"
	[ "$(usage_cell requests)" = 61 ] || fail "$(cat usage.tsv)"
	# GETROOT, then 45, 43 and 40 bytes
	[ "$(usage_cell bytes_in)" = $((14 + 30 * (45 + 43 + 40))) ] || fail "$(cat usage.tsv)"
}

@test "any method or path" {
	local t
	start rpc-serve -p 0
	for t in ping compute/1000 sleep/0.001 get_service_name; do
		bench-lat -n 5 "$URL/$t" >out.tsv
		[ "$(cell out.tsv n)/$(cell out.tsv op)" = "5/$t" ] || fail "$(cat out.tsv)"
	done
	run --separate-stderr bench-lat -n 5 "$URL/nosuch"
	[ "$status" -eq 1 ] || fail "status $status"
	[[ $stderr == *"AttributeError: 'BenchmarkService' object has no attribute 'nosuch'"* ]] || fail "$stderr"
	stop
	start http-serve -p 0
	for t in /ping /compute/1000 /download/5000 '/ping?x=1'; do
		bench-lat -n 5 "$URL$t" >out.tsv
		[ "$(cell out.tsv n)/$(cell out.tsv op)" = "5/$t" ] || fail "$(cat out.tsv)"
	done
	run --separate-stderr bench-lat -n 5 "$URL/nosuch"
	[ "$status" -eq 1 ] || fail "status $status"
	[[ $stderr == *404* ]] || fail "$stderr"
	printf '%s\n' "$output" >out.tsv
	[ "$(total out.tsv errors)/$(total out.tsv n)" = 5/0 ] || fail "$output"
}

@test "a method, fields and a file as the body (-X, -F, -f)" {
	local f
	start http-serve -p 0 -u usage.tsv
	printf '{"chunks":["00ff","0102"]}' >body.json
	bench-lat -n 5 -w 0 -f body.json -F 'Content-Type: application/json' "$URL/upload-file-chunked" >out.tsv 2>err.txt ||
	    fail "$(cat err.txt)"
	rows out.tsv
	[ "$(cell out.tsv n)/$(cell out.tsv size_bytes)/$(cell out.tsv op)" = 5/26//upload-file-chunked ] ||
	    fail "$(cat out.tsv)"
	# with sizes it is repeated or cut, as before
	run --separate-stderr bench-lat -n 5 -w 0 -f body.json -s 20 "$URL/upload-file-chunked"
	[ "$status" -eq 1 ] && [[ $stderr == *'HTTP 400'* ]] || fail "$status: $stderr"
	bench-lat -n 5 -w 0 -d 3 -X HEAD "$URL/download/5000" >out.tsv 2>err.txt || fail "$(cat err.txt)"
	[ "$(cell out.tsv n)/$(cell out.tsv errors)" = 5/0 ] || fail "$(cat out.tsv)"
	run --separate-stderr bench-conc -c 2 -j 2 -n 5 -w 0 -o ping -X PUT -f body.json "$URL/upload"
	want 2
	for f in '-c 2 -j 2' '-c 2 -j 1' '-c 2 -r 1000'; do
		# shellcheck disable=SC2086
		run --separate-stderr bench-conc $f -n 5 -w 0 -X PUT -f body.json "$URL/upload"
		[ "$status" -eq 1 ] && [[ $stderr == *'HTTP 405'* ]] || fail "$f: $status: $stderr"
	done
	# no field smuggles another in, and none frames the message
	for f in $'X: y\r\nContent-Length: 5' $'X: y\nA: b' $'X: \x01' X 'X : y' ': y' 'Content-Length: 5' \
	    'transfer-encoding: chunked' 'Connection: close' 'Host: a b'; do
		for p in bench-lat bench-conc bench-conn; do
			run --separate-stderr "$p" -n 1 -F "$f" "$URL"
			want 2 '^bench-[a-z]*: -F: '
		done
	done
	run --separate-stderr bench-lat -n 1 -F 'Host: a' -F 'host: b' "$URL"
	want 2 'a second host'
	for f in '' 'G T' $'GET\r\nX: y' CONNECT; do
		run --separate-stderr bench-lat -n 1 -X "$f" "$URL/x"
		want 2 '^bench-lat: -X: '
	done
	run --separate-stderr bench-lat -n 1 -X PUT "$URL"
	want 2 'with a path'
	run --separate-stderr bench-lat -n 1 -F 'A: b' rpc://127.0.0.1/x
	want 2 'http'
	bench-conn -n 3 -F 'Host: other.example' -F 'A: b' "$URL/ping" >out.tsv || fail "$(cat out.tsv)"
	stop
}

@test "bytes_per_s counts what a path's requests send and receive" { bench_counts_payload bench-lat 1000; }

@test "for a time (-t)" {
	rpc-serve bench-lat -t 0.5 >out.tsv
	rows out.tsv
	awk -F '\t' 'NR > 1 && ($11 < 0.45 || $9 < 1) { exit 1 }' out.tsv || fail "$(cat out.tsv)"
}

@test "requests outstanding (-d)" { bench_keeps_depth bench-lat; }
@test "requests outstanding, of much data" { bench_keeps_depth_of_bulk bench-lat; }
@test "a rate (-r)" { bench_keeps_rate bench-lat; }
@test "a rate shows a stall in full" { bench_shows_a_stall bench-lat 3000; }
@test "a rate loses no request" { bench_loses_no_request bench-lat; }
@test "wrong rates and depths are refused" { bench_refuses_wrong_rates bench-lat; }
@test "settings are printed (-v)" { bench_prints_settings bench-lat; }

@test "a peer that refuses is one error, by either driver" {
	local o
	refused_port
	for o in '-n 1' '-n 5' '-n 5 -d 2' '-n 1 -r 1' '-n 5 -r 1' '-n 5 -r 1 -A exp'; do
		# shellcheck disable=SC2086
		run --separate-stderr bench-lat $o "rpc://127.0.0.1:$PORT"
		[ "$status" -eq 1 ] || fail "$o: status $status"
		printf '%s\n' "$output" >out.tsv
		[ "$(cell out.tsv n ping)/$(cell out.tsv errors ping)" = 0/1 ] || fail "$o: $output $stderr"
		grep -q 'Connection refused' <<<"$stderr" || fail "$o: $stderr"
	done
}

@test "usual mistakes are told by what is wrong" {
	refuses bench-lat '-o pong: unknown operation \(known: ping, echo, upload, download\)' -o ping,pong http://127.0.0.1:1
	refuses bench-lat '-n: options come before targets' http://127.0.0.1:1 -n 5
	refuses bench-lat '-x=y: options come before targets' http://127.0.0.1:1 -x=y
	refuses bench-lat 'https://h/: TLS is not supported' https://h/
	start http-serve -p 0
	# a name may begin like an option
	bench-lat -n 1 -- "-x=$URL" >out.tsv
	[ "$(cell out.tsv label | sort -u)" = -x ] || fail "$(cat out.tsv)"
	run --separate-stderr bench-lat "rpc://${URL#*://}"
	want 1
	grep -q 'the reply is HTTP, not RPC' <<<"$stderr" || fail "$stderr"
}

@test "a signal before anything is measured" {
	local status=0
	mkfifo content
	bench-lat -o echo -s 1k -f - "rpc://127.0.0.1:1" <>content >out.tsv 2>err.txt 3>&- &
	STARTED+=($!)
	eventually asleep "$!" || fail 'it does not read'
	kill -INT "$!"
	reap "${STARTED[-1]}" || status=$?
	STARTED=()
	[ "$status" -eq 130 ] || fail "status $status: $(cat err.txt)"
	[ ! -s out.tsv ] || fail "$(cat out.tsv)"
}

@test "a closed loop shows a stall once" {
	local try
	start http-serve -p 0 -m event
	# a machine that is busy may have one of its own
	for try in 1 2 3; do
		with_pause bench-lat -R -t 3 "$URL" || fail "$(cat err.txt)"
		[ "$(cell out.tsv us | awk '$1 > 500000' | wc -l)" -ne 1 ] || break
		[ "$try" -lt 3 ] || fail "$(sort -k 9n out.tsv | tail -n 3)"
	done
}

@test "the same seed gives the same arrivals, another one others" {
	local run seed=1
	for run in 1 2 3; do
		[ "$run" -lt 3 ] || seed=2
		http-serve -m event bench-lat -R -r 2000 -n 50 -A exp -S "$seed" >raw.tsv
		cell raw.tsv start_us ping >due.$run
	done
	cmp due.1 due.2
	[ "$(wc -l <due.1)" -eq 50 ] || fail "$(cat due.1)"
	! cmp -s due.1 due.3 || fail 'seeds make no difference'
}

@test "due times are those of the rate, to the nanosecond" {
	http-serve -m event bench-lat -R -r 1000 -n 20 -d 8 >raw.tsv
	rows raw.tsv "$RAW_HEADER"
	[ "$(cell raw.tsv start_us ping | sort -n | awk '{ s = s $1 " " } END { print s }')" = \
	    "$(awk 'BEGIN { for (i = 0; i < 20; i++) s = s i * 1000 ".000 "; sub(/^0.000/, "0.000", s); print s }')" ] ||
	    fail "$(cat raw.tsv)"
	[ "$(cell raw.tsv op | sort | uniq -c | awk '{ print $1 }' | tr '\n' ' ')" = '20 20 20 ' ] || fail "$(cat raw.tsv)"
	# each is its two parts
	awk -F '\t' 'NR > 1 { us[$7, $3] = $9 } END { for (i = 0; i < 20; i++) {
		d = us[i, "ping"] - us[i, "ping-wait"] - us[i, "ping-service"]
		if (d > 0.002 || d < -0.002) exit 1 } }' raw.tsv || fail "$(cat raw.tsv)"
}

@test "outputs can be concatenated, and tools read them" {
	need datamash
	rpc-serve -m fork bench-lat -n 20 >a.tsv
	rpc-serve -m fork bench-bw -H -n 2 -s 1k >>a.tsv
	http-serve bench-conc -H -n 5 -c 2 >>a.tsv
	rows a.tsv
	datamash check <a.tsv
	[ "$(datamash --header-in -s -g label count n <a.tsv)" = $'http-request\t2\nrpc-fork\t3' ]
	if command -v mlr; then
		[ "$(mlr --tsv --headerless-csv-output filter '$op == "ping" && $label == "rpc-fork"' \
		    then cut -f n a.tsv)" = 20 ]
	fi
}

@test "tools read labels as they stand, and those made from a URL" {
	local label
	: >server.err
	bad http http-record
	bench-lat -q -n 2 -w 0 "$URL/a'b\"c\\d" >a.tsv
	[ "$(cell a.tsv label) $(cell a.tsv op)" = "$URL/a%27b%22c%5Cd /a%27b%22c%5Cd" ] || fail "$(cat a.tsv)"
	[ "$(sort -u server.err)" = "GET /a'b\"c\\d 0" ] || fail "$(cat server.err)"
	for label in 'a b' 'a#b' -x 1e3 $'\xc3\xa4' '%27$(x);`|{}[]<>&*?!~^=@'; do
		bench-lat -q -H -n 2 -w 0 -l "$label" "$URL/x" >>a.tsv
	done
	rows a.tsv
	cell a.tsv label >want
	need datamash mlr gnuplot
	[ "$(datamash --header-in unique label <a.tsv)" = "$(sort -u want | paste -s -d ,)" ] ||
	    fail "datamash: $(datamash --header-in unique label <a.tsv)"
	mlr --itsv --onidx cut -f label a.tsv >got
	cmp got want
	gnuplot -e 'set terminal unknown; set datafile separator tab; got = ""; set print "got";
	    plot "a.tsv" using (got = got.strcol("label")."\n", column(0)):(column(0)); print got' 2>err.txt ||
	    fail "$(cat err.txt)"
	# its header is the first value, and print adds a line
	sed -i '1{/^label$/d;};$d' got
	cmp got want
}

# A request that fails only while warming up: its failure is not silent.
@test "warm-up operations that fail with a reply are reported" {
	local o
	bad http http-500-once
	for o in '' '-d 2'; do
		# shellcheck disable=SC2086
		run --separate-stderr bench-lat -q -n 3 -w 1 $o "$URL"
		want 1 'warm-up: .*HTTP 500'
	done
}

@test "a service of one's own gets all of a large payload while warming up, too" {
	http-serve -u usage.tsv sh -c 'bench-lat -n 1 -w 1 -s 6m "$BENCH_TARGET/upload"' >out.tsv
	[ "$(cell out.tsv n)/$(cell out.tsv errors)" = 1/0 ] || fail "$(cat out.tsv)"
	[ $(($(usage_cell bytes_in) >> 20)) = 12 ] || fail "$(cat usage.tsv)"
}
