#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# http-serve: the command line, starting and stopping, the command form, limits.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine http-serve; }
@test "usage errors are refused" { server_refuses_usage_errors http-serve; }
@test "one line says that it listens" { server_says_when_it_is_ready http-serve; }
@test "a port in use is an error" { server_refuses_a_port_in_use http-serve; }
@test "output that can't be written is an error" { server_notices_lost_output http-serve; }
@test "SIGTERM and SIGINT stop it, with the usage written" { server_stops_when_told http-serve; }
@test "open connections don't keep it" { server_stops_with_open_connections http-serve; }
@test "a command runs, and its status is passed on" { server_runs_a_command http-serve; }
@test "killed, it takes its command along" { server_takes_its_command_along http-serve; }
@test "Ctrl-C ends both, rows are kept" { server_and_command_get_ctrl_c http-serve; }
@test "requests are counted exactly" { server_counts_exactly http-serve; }
@test "-c limits the connections at once" { server_limits_connections http-serve; }
@test "-T ends idle connections and half-sent requests" { server_ends_silent_connections http-serve 'GET /pi'; }

# ---- every operation

# http STATUS BODY CURL-ARGUMENT...: the answer to a request; BODY '' matches any.
http() {
	local want=$1 body=$2 code
	shift 2
	code=$(curl -s -m 20 -o body -w '%{http_code}' "$@") || fail "curl $*: $?"
	[ "$code" = "$want" ] || fail "curl $*: $code: $(head -c 300 body)"
	[ -z "$body" ] || [ "$(cat body)" = "$body" ] || fail "curl $*: $(head -c 300 body)"
}

@test "every operation, by curl, under every model" {
	need curl
	local model
	head -c 100000 /dev/urandom >random
	printf '{"chunks":["00ff","","616263"]}' >chunks.json
	for model in $MODELS; do
		start http-serve -p 0 -m "$model"
		http 200 '{"response":"pong"}' "$URL/ping"
		http 200 '' --data-binary @random "$URL/echo"
		cmp random body
		http 200 '' --data-binary 'abc' "$URL/echo"
		[ "$(cat body)" = abc ]
		http 200 '{"size":100000}' --data-binary @random "$URL/upload"
		http 200 '{"size":100000}' --data-binary @random "$URL/upload-file"
		http 200 '{"size":0}' -X POST "$URL/upload" -H 'Content-Length: 0'
		http 200 '' "$URL/download/70000"
		[ "$(tr -d x <body | wc -c)/$(wc -c <body)" = 0/70000 ]
		http 200 '' "$URL/download-file/70000"
		[ "$(tr -d '\0' <body | wc -c)/$(wc -c <body)" = 0/70000 ]
		http 200 '' "$URL/download/0"
		[ ! -s body ]
		http 200 '{"result":332833500}' "$URL/compute/1000"
		http 200 '{"result":0}' "$URL/compute/0"
		# beyond 64 bits
		http 200 '{"result":21333325333334000000}' "$URL/compute/4000000"
		http 200 '{"duration":0.05}' "$URL/sleep/0.05"
		http 200 '{"duration":0}' "$URL/sleep/0"
		http 200 '{"size":5}' -H 'Content-Type: application/json' --data-binary @chunks.json \
		    "$URL/upload-file-chunked"
		http 200 '{"chunks":["00000000","00000000","0000"]}' "$URL/download-file-chunked/10/4"
		http 200 '{"chunks":[]}' "$URL/download-file-chunked/0/4"
		http 200 '' "$URL/download-stream/100000/4096"
		[ "$(tr -d '\0' <body | wc -c)/$(wc -c <body)" = 0/100000 ]
		# a body of unknown length
		http 200 '{"size":100000}' -H 'Transfer-Encoding: chunked' --data-binary @random "$URL/upload"
		stop
	done
}

@test "bad requests get a fitting error, and the connection goes on" {
	need curl
	local model
	for model in $MODELS; do
		start http-serve -p 0 -m "$model" -M 10k
		http 404 '' "$URL/nosuch"
		http 404 '' "$URL/"
		http 405 '' -X POST "$URL/ping" -H 'Content-Length: 0'
		http 405 '' "$URL/upload"
		http 400 '' "$URL/download/abc"
		http 400 '' "$URL/download/-1"
		http 400 '' "$URL/compute/1.5"
		http 400 '' "$URL/sleep/x"
		http 400 '' "$URL/download-file-chunked/10/0"
		http 400 '' -H 'Content-Type: application/json' --data-binary '{"chunks":["0g"]}' \
		    "$URL/upload-file-chunked"
		http 400 '' -H 'Content-Type: application/json' --data-binary '{"chunks":' \
		    "$URL/upload-file-chunked"
		http 413 '' --data-binary "@$BIN/http-serve" "$URL/upload"
		http 400 '' "$URL/download/10241"
		http 200 '' "$URL/download/10240"
		http 431 '' -H "X: $(head -c 100000 /dev/zero | tr '\0' a)" "$URL/ping"
		http 501 '' -X BREW "$URL/ping"
		# five requests over one connection, errors between
		run curl -s -m 20 -w '%{http_code} %{num_connects}\n' -o /dev/null "$URL/ping" \
		    -o /dev/null "$URL/nosuch" -o /dev/null "$URL/download/x" -o /dev/null "$URL/ping"
		[ "$output" = $'200 1\n404 0\n400 0\n200 0' ] || fail "$model: $output"
		stop
	done
}

@test "HTTP/1.0, HEAD, pipelining, Expect" {
	need curl
	local model
	for model in $MODELS; do
		start http-serve -p 0 -m "$model"
		http 200 '{"response":"pong"}' -0 "$URL/ping"
		run curl -s -m 10 -I "$URL/download/1000"
		[[ $output == *"Content-Length: 1000"* ]] || fail "$output"
		head -c 2000000 /dev/zero >big
		http 200 '{"size":2000000}' -H 'Expect: 100-continue' --data-binary @big "$URL/upload"
		exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
		printf 'GET /ping HTTP/1.1\r\nHost: x\r\n\r\n%.0s' 1 2 3 >&9
		printf 'GET /compute/10 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&9
		timeout 60 cat <&9 >reply || fail "$model: no end: $(cat reply)"
		exec 9>&-
		[ "$(grep -o 'HTTP/1.1 200 OK' reply | wc -l)" = 4 ] || fail "$model: $(cat reply)"
		[ "$(grep -o '{"response":"pong"}' reply | wc -l)" = 3 ] || fail "$model: $(cat reply)"
		[[ $(cat reply) == *'{"result":285}' ]] || fail "$model: $(cat reply)"
		stop
	done
}

# dated: the Date of the answer to one more request on descriptor 9, as seconds in DATED.
dated() {
	local line date=
	printf 'GET /compute/3 HTTP/1.1\r\nHost: h\r\n\r\n' >&9
	while read -r -t 20 line <&9 && [ "$line" != $'\r' ]; do
		[[ $line != 'Date: '* ]] || date=${line#Date: }
	done
	read -r -t 20 -N 12 line <&9 # {"result":5}
	[ -n "$date" ] && DATED=$(date -u -d "${date%$'\r'}" +%s)
}

dated_after() { dated && [ "$DATED" -gt "$1" ]; }

@test "replies have the time of day, also later on a connection, under every model" {
	date -u -d 'Sun, 06 Nov 1994 08:49:37 GMT' +%s >/dev/null 2>&1 || skip 'date can not read dates'
	local model before first
	for model in $MODELS; do
		start http-serve -p 0 -m "$model"
		exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
		before=$(date +%s)
		dated || fail "$model: no Date"
		first=$DATED
		# the kernel's coarse clock may be a tick behind
		[ "$first" -ge $((before - 1)) ] && [ "$first" -le "$(date +%s)" ] || fail "$model: $first, not $before"
		eventually dated_after "$first" || fail "$model: still $first"
		exec 9>&-
		stop
	done
}

# RFC 9110 and 9112, row by row: what is sent, what the answer has to be, and where it says so.
@test "a table of what HTTP asks for, under every model" {
	local model mode
	for model in $MODELS; do
		start http-serve -p 0 -m "$model"
		for mode in "" -b; do
			# shellcheck disable=SC2086 # no word, or one
			run conform $mode "$URL" "$PEERS/conformance.tsv"
			[ "$status" -eq 0 ] || fail "-m $model $mode: $(grep -v '^ok' <<<"$output")"
		done
		stop
	done
}
