#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Real peers: stock RPyC clients and servers, Flask, nginx.

bats_require_minimum_version 1.5.0
load ../helper

# stock ARGUMENT...: the stock client against $URL.
stock() {
	run timeout 100 "$PYTHON" "$PEERS/rpyc_client.py" "$@" "$URL"
	[ "$status" -eq 0 ] || fail "stock client $* $URL: status $status: $(grep -v '^ok' <<<"$output")"
	[[ $output == 1..[1-9]* ]] || fail "$output"
}

# in_time ARGUMENT...: the stock client's timing. A machine that is busy with something else gets
# another chance; a delayed acknowledgement comes each time.
in_time() {
	for _ in 1 2 3 4; do
		run timeout 100 "$PYTHON" "$PEERS/rpyc_client.py" --timing "$@" "$URL"
		[ "$status" -ne 0 ] || return 0
	done
	stock --timing "$@"
}

# ---- stock clients on our server

@test "a stock client can do all that it does with a stock server" {
	need_python rpyc
	local model
	for model in $MODELS; do
		start rpc-serve -p 0 -m "$model"
		stock
		stop
	done
}

@test "a stock client of rpyc 6" {
	need_python rpyc
	local model
	for model in $MODELS; do
		start rpc-serve -p 0 -m "$model"
		stock --six
		stop
	done
}

@test "no operation of a stock client sits out a delayed acknowledgement" {
	need_python rpyc
	[ -z "${SANITIZED:-}" ] || skip 'not timed under a sanitizer'
	local model
	for model in $MODELS; do
		start rpc-serve -p 0 -m "$model"
		in_time
		in_time --six
		stop
	done
}

@test "stock clients of both kinds at once" {
	need_python rpyc
	local p pids=()
	start rpc-serve -p 0
	for p in '' --six '' --six; do
		# shellcheck disable=SC2086
		timeout 100 "$PYTHON" "$PEERS/rpyc_client.py" $p "$URL" >"tap${#pids[@]}" 3>&- &
		pids+=($!)
	done
	STARTED+=("${pids[@]}")
	for p in "${pids[@]}"; do
		wait "$p" || fail "$(grep -h -v '^ok' tap*)"
		forget "$p"
	done
}

@test "the checks hold for a stock server too" {
	need_python rpyc
	start "$PYTHON" "$PEERS/rpyc_service.py"
	stock
	start "$PYTHON" "$PEERS/rpyc_service.py" --six
	stock --six
}

# ---- our clients on stock servers

@test "every benchmark on a stock RPyC server, threads" {
	need_python rpyc
	start "$PYTHON" "$PEERS/rpyc_service.py"
	every_bench
	every_bench -N
}

@test "every benchmark on a stock RPyC server, processes" {
	need_python rpyc
	start "$PYTHON" "$PEERS/rpyc_service.py" --fork
	every_bench
}

@test "every benchmark on a server of rpyc 6" {
	need_python rpyc
	start "$PYTHON" "$PEERS/rpyc_service.py" --six
	every_bench
	every_bench -N
}

@test "services that read the root of their clients, as they connect and in methods" {
	need_python rpyc
	local service six
	for service in reads talks; do
		for six in '' --six; do
			# shellcheck disable=SC2086
			start "$PYTHON" "$PEERS/rpyc_kinds.py" --service "$service" $six
			every_bench
			bench-lat -n 20 -d 4 "$URL" >out.tsv
			bench-lat -H -n 20 -r 500 "$URL" >>out.tsv
			bench-conc -H -n 10 -c 3 -j 3 "$URL" >>out.tsv
			rows out.tsv
			[ "$(total out.tsv errors)" = 0 ] || fail "$service $six: $(cat out.tsv)"
		done
	done
	run --separate-stderr bench-lat -n 1 -w 0 "$URL/calls"
	want 1 "AttributeError: cannot access 'on_event'"
}

@test "the service of rpyc_classic" {
	need_python rpyc
	start "$PYTHON" "$PEERS/rpyc_kinds.py" --service classic
	bench-conn -n 5 "$URL" >out.tsv
	bench-lat -H -n 10 "$URL/eval/1+1" >>out.tsv
	bench-conc -H -n 10 -c 3 "$URL/eval/(1%2C%20%22a%2Fb%22)" >>out.tsv
	rows out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
}

@test "connections that die as the service meets the client are not good ones" {
	need_python rpyc
	local six bench
	for six in '' --six; do
		# shellcheck disable=SC2086
		start "$PYTHON" "$PEERS/rpyc_kinds.py" --service dies $six
		for bench in "bench-conn" "bench-lat" "bench-bw" "bench-file -s 1k" "bench-conc -c 2" \
		    "bench-lat -d 2" "bench-conc -c 2 -d 2" "bench-conc -c 2 -j 2"; do
			# shellcheck disable=SC2086
			run --separate-stderr $bench -n 2 "$URL"
			[ "$status" -eq 1 ] || fail "$bench: status $status"
			grep -q 'having been refused conn.root.welcome' <<<"$stderr" || fail "$bench: $stderr"
			printf '%s\n' "$output" | awk -F '\t' '$3 != "connect"' >out.tsv
			[ "$(total out.tsv n)" = 0 ] || fail "$bench: $output"
		done
	done
}

@test "arguments in the URL arrive as they were meant" {
	need_python rpyc
	local call
	start "$PYTHON" "$PEERS/rpyc_kinds.py"
	for call in same/0/a%20b same/1/a%2Fb same/2/%C3%A4%E2%82%AC%F0%9F%98%80 same/3/007 same/4/7/-7/0 \
	    same/5/0.5/-1.25 same/6/%35 same/7//%25/%00 same/8/1e5/1.2.3/- same/9/1000000000000000000000000000000 \
	    gr%C3%BC%C3%9F exposed_gr%C3%BC%C3%9F s%61me/6/%35; do
		for native in '' -N; do
			# shellcheck disable=SC2086
			run --separate-stderr bench-lat -n 2 $native "$URL/$call"
			[ "$status" -eq 0 ] || fail "$call $native: $stderr"
		done
	done
	run --separate-stderr bench-lat -n 1 -w 0 "$URL/same/0/a%20c"
	want 1 "ValueError: \('a c',\)"
	bench-lat -n 5 "$URL/" >out.tsv
	[ "$(cell out.tsv n ping)" = 5 ] || fail "$(cat out.tsv)"
}

@test "a server that says nothing to the wrong dialect" {
	need_python rpyc
	local six
	for six in '' --six; do
		# shellcheck disable=SC2086
		start "$PYTHON" "$PEERS/rpyc_kinds.py" --server pool $six
		bench-conn -n 5 "$URL" >out.tsv
		bench-lat -H -n 10 "$URL" >>out.tsv
		bench-lat -H -n 10 -d 4 "$URL" >>out.tsv
		bench-lat -H -n 10 -r 500 "$URL" >>out.tsv
		bench-conc -H -n 10 -c 3 "$URL" >>out.tsv
		bench-lat -H -n 10 "rpc${six:+6}${URL#rpc}" >>out.tsv
		rows out.tsv
		[ "$(total out.tsv errors)" = 0 ] || fail "$six: $(cat out.tsv)"
		[ "$(cell out.tsv n first-reply)" = $'5\n3' ] || fail "$six: $(cat out.tsv)"
	done
	# of dialect 6 as well: asked in 5 it is silent to the end
	run --separate-stderr bench-lat -n 3 -T 1 "rpc5${URL#rpc}"
	[ "$status" -eq 1 ] || fail "status $status"
	[[ $stderr == *'no answer within 1 s'* ]] || fail "$stderr"
}

# once [--six] COMMAND...: on a server that takes one connection.
once() {
	local six=()
	[ "$1" != --six ] || { six=("$1"); shift; }
	start "$PYTHON" "$PEERS/rpyc_kinds.py" --server once "${six[@]}"
	run --separate-stderr "${@:2}" "$1${URL#rpc}"
}

@test "a server of one connection" {
	need_python rpyc
	local bench
	# the probe's connection is the one that is measured, or there is no probe
	for bench in 'bench-lat -n 10' 'bench-lat -n 10 -d 4' 'bench-lat -n 10 -r 500' 'bench-lat -n 5 -N' \
	    'bench-bw -n 2 -s 1k' 'bench-file -n 2 -s 1k'; do
		# shellcheck disable=SC2086
		once --six rpc $bench
		want 0
		# shellcheck disable=SC2086
		once rpc5 $bench
		want 0
	done
	once rpc5 bench-conn -n 1 -w 0
	want 0
	once --six rpc6 bench-conc -c 1 -n 10
	want 0
	# where there is no other, the cause is named
	once rpc bench-lat -n 3
	want 1
	[[ $stderr == *'Connection refused (one connection went before'*'say rpc5://'* ]] || fail "$stderr"
}

@test "no operation on a stock server sits out a delayed acknowledgement" {
	need_python rpyc
	[ -z "${SANITIZED:-}" ] || skip 'not timed under a sanitizer'
	local six try
	for six in '' --six; do
		rm -f out.*
		# shellcheck disable=SC2086
		start "$PYTHON" "$PEERS/rpyc_service.py" $six
		for try in 1 2 3 4 5; do
			bench-lat -n 50 "$URL" >"out.$try"
			bench-lat -H -n 50 -N "$URL" >>"out.$try"
			bench-lat -H -n 20 -s 100000 "$URL" >>"out.$try"
			bench-bw -H -n 20 -s 100000 "$URL" >>"out.$try"
			bench-file -H -n 20 -s 300 -k 100 "$URL" >>"out.$try"
			# the last replies of a run are followed by no request
			bench-lat -H -n 20 -d 4 "$URL" >>"out.$try"
			bench-conc -H -n 20 -c 2 -d 4 -o ping "$URL" >>"out.$try"
			# a machine that is busy with something else gets another chance; a delayed
			# acknowledgement comes each time, to each of these rows
			if awk -F '\t' 'FNR > 1 { good[FNR] += $17 < 20000 && ($7 == 1 || $22 < 30000) }
				END { for (row in good) if (!good[row]) exit 1 }' out.*; then
				break
			fi
			[ "$try" -lt 5 ] || fail "$(cat out.*)"
		done
	done
}

@test "errors of a stock server" {
	need_python rpyc
	start "$PYTHON" "$PEERS/rpyc_service.py"
	run --separate-stderr bench-lat -n 3 -w 0 "$URL/nosuch"
	[ "$status" -eq 1 ] || fail "status $status"
	[[ $stderr == *"AttributeError: 'BenchmarkService' object has no attribute 'nosuch'"* ]] || fail "$stderr"
	run --separate-stderr bench-lat -n 3 -w 0 "$URL/compute/x"
	[ "$status" -eq 1 ] || fail "status $status"
	[[ $stderr == *"TypeError: 'str' object cannot be interpreted as an integer"* ]] || fail "$stderr"
	# a service that is not ours: a method that returns something else
	bench-lat -n 3 "$URL/get_service_name" >out.tsv
	[ "$(cell out.tsv n)" = 3 ] || fail "$(cat out.tsv)"
	bench-lat -n 3 "$URL/download_file_chunked/10/4" >out.tsv
	[ "$(cell out.tsv n)" = 3 ] || fail "$(cat out.tsv)"
}

@test "exceptions of a stock server read as its own str() of them" {
	need_python rpyc
	local number=0 want got
	start "$PYTHON" "$PEERS/rpyc_raises.py" wanted
	while IFS= read -r want; do
		run --separate-stderr bench-lat -n 1 -w 0 "$URL/fail/$number"
		[ "$status" -eq 1 ] || fail "status $status"
		got=${stderr#"bench-lat: 127.0.0.1:${URL##*:}: "}
		[ "$got" = "$want" ] || fail "$number: got $got, want $want"
		number=$((number + 1))
	done <wanted
	[ "$number" -gt 50 ] || fail "$number exceptions"
}

@test "a peer of RPyC 4.0 is named as that" {
	need_python rpyc
	local bench
	start "$PYTHON" "$PEERS/rpyc_service.py" --four
	for bench in $BENCHES; do
		run --separate-stderr "$bench" -n 1 "$URL"
		[ "$status" -eq 1 ] || fail "$bench: status $status"
		grep -q "the peer's RPyC is 4.0 or older" <<<"$stderr" || fail "$bench: $stderr"
	done
}

@test "the benchmarks leave a stock server in order" {
	need_python rpyc
	# of rpyc 6, since one of rpyc 5 complains about the first message, by which its dialect
	# is found out
	start "$PYTHON" "$PEERS/rpyc_service.py" --six
	every_bench
	every_bench -N
	stock --six
	[ ! -s server.err ] || fail "the server says: $(cat server.err)"
}

# ---- HTTP

@test "every benchmark on Flask" {
	need_python flask
	start "$PYTHON" "$PEERS/flask_app.py"
	every_bench
	bench-lat -K -n 20 "$URL" >out.tsv
	[ "$(cell out.tsv n)/$(cell out.tsv errors)" = 20/0 ] || fail "$(cat out.tsv)"
	bench-conc -n 10 -c 3 "$URL/compute/100" >out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
}

# nginx: on a free port, as this user, everything in the test's folder.
start_nginx() {
	PATH=$PATH:/usr/sbin need nginx
	mkdir -p www
	printf '{"response":"pong"}' >www/ping
	head -c 100000 /dev/zero >www/zeros
	free_port
	cat >nginx.conf <<-CONF
		daemon off;
		master_process off;
		pid $PWD/nginx.pid;
		error_log $PWD/nginx.log;
		events { worker_connections 512; }
		http {
			access_log off;
			client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
			uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
			keepalive_requests 1000000;
			server {
				listen 127.0.0.1:$PORT;
				root $PWD/www;
				location = /fixed { return 200 "ok"; }
			}
		}
	CONF
	PATH=$PATH:/usr/sbin nginx -p "$PWD" -c "$PWD/nginx.conf" 2>nginx.err 3>&- &
	PID=$!
	STARTED+=("$PID")
	URL=http://127.0.0.1:$PORT
	eventually answers || fail "nginx does not answer: $(cat nginx.err nginx.log)"
}

answers() {
	bench-lat -n 1 -w 0 "$URL" >/dev/null 2>&1
}

@test "nginx" {
	start_nginx
	bench-conn -n 20 "$URL" >out.tsv
	bench-lat -H -n 100 "$URL" >>out.tsv
	bench-lat -H -n 100 "$URL/fixed" >>out.tsv
	bench-lat -H -n 20 -K "$URL/zeros" >>out.tsv
	bench-conc -H -c 20 -n 50 "$URL" >>out.tsv
	bench-conc -H -c 20 -n 50 "$URL/zeros" >>out.tsv
	rows out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
	run --separate-stderr bench-lat -n 5 -w 0 "$URL/nosuch"
	[ "$status" -eq 1 ] || fail "status $status"
	[[ $stderr == *404* ]] || fail "$stderr"
}

@test "bench-suite on external targets" {
	need_python rpyc flask
	local rpc
	start "$PYTHON" "$PEERS/rpyc_service.py"
	rpc=$URL
	start "$PYTHON" "$PEERS/flask_app.py"
	run --separate-stderr bench-suite -q -o out "rpyc=$rpc" "flask=$URL"
	[ "$status" -eq 0 ] || fail "status $status: $output $stderr"
	rows out/rows.tsv "$HEADER"
	[ "$(total out/rows.tsv errors)" = 0 ] || fail "$(cat out/rows.tsv)"
}

@test "curl and wrk on http-serve" {
	need curl wrk
	local model pids=()
	# all at once, since wrk keeps the processors busy for as long as it runs, a second at least
	for model in $MODELS; do
		start http-serve -p 0 -m "$model" -u "usage.$model"
		run curl -s -m 10 "$URL/ping"
		[ "$output" = '{"response":"pong"}' ] || fail "$output"
		wrk -t 2 -c 20 -d 1 "$URL/ping" >"wrk.$model" 2>&1 3>&- &
		pids+=("$PID $! $model")
	done
	for model in "${pids[@]}"; do
		# shellcheck disable=SC2086 # words
		set -- $model
		wait "$2" || fail "$3: $(cat "wrk.$3")"
		! grep -E 'Non-2xx|Socket errors' "wrk.$3" || fail "$3: $(cat "wrk.$3")"
		PID=$1
		stop
		[ "$(cell "usage.$3" errors)" -le 20 ] || fail "$3: $(cat "usage.$3")"
	done
}

@test "the inflater agrees with zlib" {
	need_python zlib
	run timeout 100 "$PYTHON" "$PEERS/inflate_check.py" "$ROOT/tests/unit/inflate"
	[ "$status" -eq 0 ] || fail "status $status: $output"
}
