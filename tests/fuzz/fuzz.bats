#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The corpus of the fuzz targets, replayed: what broke something once, and what reaches far into
# the parsers, must keep every promise of its target. (make fuzz looks for more.)

bats_require_minimum_version 1.5.0
load ../helper

# replay TARGET
replay() {
	local files=("$ROOT/tests/fuzz/corpus/$1"/*)
	run "$ROOT/tests/fuzz/$1" "$ROOT/tests/fuzz/corpus/$1"
	[ "$status" -eq 0 ] || fail "status $status: $(tail -n 5 <<<"$output")"
	[ "$(grep -c '^ok ' <<<"$output")" -eq ${#files[@]} ] || fail "of ${#files[@]}: $output"
}

@test "zlib streams" { replay inflate; }
@test "brine and frames" { replay rpyc_frame; }
@test "RPyC sessions, the server's side" { replay rpyc_server; }
@test "RPyC sessions, the client's side" { replay rpyc_client; }
@test "heads of HTTP requests" { replay http_request; }
@test "heads of HTTP responses" { replay http_response; }
@test "bodies of HTTP messages" { replay http_body; }
@test "HTTP sessions, the server's side" { replay http_server; }
@test "HTTP sessions, the client's side" { replay http_client; }
@test "JSON and hex" { replay json; }
@test "numbers" { replay num; }
@test "URLs" { replay url; }
@test "due times" { replay due; }
@test "TSV" { replay table; }

@test "all other targets" {
	local f
	for f in "$ROOT"/tests/fuzz/*.c; do
		f=${f##*/}
		grep -q "replay ${f%.c}[ ;]" "$BATS_TEST_FILENAME" || replay "${f%.c}"
	done
}

# The replayer itself: a broken promise is a failure, and so is nothing to replay.
@test "a replay can fail" {
	mkdir empty
	run "$ROOT/tests/fuzz/url" empty
	[ "$status" -eq 1 ]
	run "$ROOT/tests/fuzz/url" nosuch
	[ "$status" -eq 1 ]
}
