#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-busy: pings beside connections that have the server compute.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine bench-busy; }
@test "usage errors are refused" {
	bench_refuses_usage_errors bench-busy
	refuses bench-busy '-c' -c 0 rpc://h
	refuses bench-busy 'a method has no meaning' rpc://h/ping
}
@test "rows from both servers under every model" { bench_rows_are_right bench-busy; }
@test "output that can't be written is an error" { bench_notices_lost_output bench-busy; }
@test "a silent peer is given up on (-T)" { bench_gives_up_on_silence bench-busy; }
@test "an interrupted run keeps its rows" { bench_keeps_rows_when_interrupted bench-busy '' -n 1000000000; }
@test "labels, targets, headers" { bench_takes_labels_and_headers bench-busy; }
@test "raw rows, one an operation (-R)" { bench_prints_raw_rows bench-busy; }

@test "the others compute, each some times before the first ping" {
	local server
	for server in $SERVERS; do
		"$server" -u usage.tsv bench-busy -n 50 -w 0 -c 3 >out.tsv
		[ "$(cell out.tsv n)/$(cell out.tsv clients)" = 50/1 ] || fail "$(cat out.tsv)"
		[ "$(usage_cell connections)" -ge 4 ] || fail "$(cat usage.tsv)"
		[ "$(usage_cell requests)" -ge $((50 + 3 * 5)) ] || fail "$(cat usage.tsv)"
		[ "$(usage_cell errors)" = 0 ] || fail "$(cat usage.tsv)"
	done
}

@test "more connections than descriptors are an error before anything starts" {
	start http-serve -p 0
	run --separate-stderr bash -c 'ulimit -n 50; exec bench-busy -c 60 "$0"' "$URL"
	want 2 '-c: 60 connections need more than the limit of 50 descriptors .ulimit -n 80 would do.'
	[ -z "$output" ] || fail "$output"
}

@test "pings beside nobody prove nothing" {
	refused_port
	run --separate-stderr bench-busy -n 5 "rpc://127.0.0.1:$PORT"
	[ "$status" -eq 1 ] || fail "status $status"
	grep -q "^bench-busy: beside the pings: connect 127.0.0.1:$PORT: Connection refused" <<<"$stderr" ||
	    fail "$stderr"
	# pings are answered, computations are not
	need_python http.server
	cat >ping.py <<'PYTHON'
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = b'{"response":"pong"}' if self.path == '/ping' else b''
        self.send_response(200 if body else 404)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print('http://127.0.0.1:%d' % server.server_port, flush=True)
server.serve_forever()
PYTHON
	start "$PYTHON" ping.py
	run --separate-stderr bench-busy -n 5 "$URL"
	[ "$status" -eq 1 ] || fail "status $status"
	[ "$(cell <(echo "$output") n)/$(cell <(echo "$output") errors)" = 5/0 ] || fail "$output"
	[ "$(grep -c '^bench-busy: beside the pings: .*404' <<<"$stderr")" = 1 ] || fail "$stderr"
}
