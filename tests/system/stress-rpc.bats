#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Stress over RPC, as stress.bash says; and connections by the thousand, on either protocol.

bats_require_minimum_version 1.5.0
load stress

@test "rpc-serve -m thread" { survives rpc thread; }
@test "rpc-serve -m fork" { survives rpc fork; }
@test "rpc-serve -m request" { survives rpc request; }
@test "rpc-serve -m pool" { survives rpc pool; }
@test "rpc-serve -m event" { survives rpc event; }

@test "20,000 connections opened and dropped" {
	local model server=rpc-serve before
	[ -d /proc/self/task ] || skip 'there is no /proc/PID to count in'
	for model in $MODELS; do
		start "$server" -p 0 -m "$model" -T 5
		at_rest
		before=$RESOURCES
		# less than reap waits: it is to say what it has waited for
		bench-lat -t 2 -T 30 "$URL" >out.tsv 2>err.txt 3>&- &
		STARTED+=($!)
		bad_client connects "${URL##*:}" 20000 3>&-
		reap "${STARTED[-1]}" || fail "$model: $(cat out.tsv err.txt server.err)"
		forget "${STARTED[-1]}"
		[ "$(total out.tsv errors)" = 0 ] || fail "$model: $(cat out.tsv)"
		settled "$before"
		stop
		[ "$server" = rpc-serve ] && server=http-serve || server=rpc-serve
	done
}
