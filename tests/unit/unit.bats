#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The unit tests: each program prints TAP of its own. EMULATOR is a command that runs it, if it was
# built for another machine (qemu-s390x).

bats_require_minimum_version 1.5.0
load ../helper

# unit NAME: run a unit program; it passes if all its checks do.
unit() {
	# shellcheck disable=SC2086 # a word or none
	run ${EMULATOR:-} "$ROOT/tests/unit/$1" "${@:2}"
	[ "$status" -eq 0 ] || fail "status $status: $(grep -v '^ok' <<<"$output")"
	[[ $output =~ (^|$'\n')1\.\.[1-9] ]] || fail "no plan: $output"
}

@test "numbers, URLs, messages" { unit num; }
@test "histogram and rows" { unit hist; }
@test "which address answers" { unit client; }
@test "several calls in flight" { unit depth; }
@test "order statistics, limits" { unit stat; }
@test "ratios of what was measured in turn" { unit paired; }
@test "verdicts, and how often they are right" { unit verdict; }
@test "tables, read strictly" { unit table; }
@test "due times of an open loop" { unit schedule; }
@test "due times from a file" { unit due; }
@test "distributions of service times" { unit delay; }
@test "inflate" { unit inflate; }
@test "JSON and hex" { unit json; }
@test "HTTP messages" { unit http; }
@test "both sides of each protocol, back to back" { unit pair; }
@test "the service" { unit service; }
@test "when replies arrived, while the wall clock is set" { unit stamp; }
@test "sets of processors" { unit cpus; }
@test "readiness loop" { unit loop; }
@test "servers, their limits and models" { unit server; }
@test "RPyC, the client's side" { unit rpyc_client; }
@test "RPyC from hostile peers" { unit rpyc_hostile; }
@test "RPyC against recorded sessions" { unit rpyc "$ROOT/tests/wire"; }

@test "all other unit programs" {
	local f
	for f in "$ROOT"/tests/unit/*.c; do
		f=${f##*/}
		grep -q "unit ${f%.c}[ ;]" "$BATS_TEST_FILENAME" || unit "${f%.c}"
	done
}
