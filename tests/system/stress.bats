#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Stress: every server model on both protocols, while clients do all that tests/peers/bad_client.c knows
# at once. Nobody else's request fails meanwhile, and afterwards the server has as many
# descriptors, threads and children as before, and a second time costs no more memory.

bats_require_minimum_version 1.5.0
load ../helper

LEFT_KB=3072            # what the second time may leave: what malloc does not give back

# The descriptors, threads and children of the server.
resources() {
	local fds=("/proc/$PID/fd/"*) tasks=("/proc/$PID/task/"*)
	echo "${#fds[@]} ${#tasks[@]} $(pgrep -c -P "$PID" || true)"
}

has_resources() {
	[ "$(resources)" = "$1" ]
}

# settled RESOURCES: the server gets back to these.
settled() {
	eventually has_resources "$1" || fail "descriptors, threads, children: $(resources), and $1 before"
}

# RESOURCES: that of a server that has answered, and so has all it begins with, and has had nothing
# to do for a second.
at_rest() {
	local same=0 now
	bench-lat -n 100 "$URL" >/dev/null
	RESOURCES=
	until [ "$same" -eq 5 ]; do
		sleep 0.2
		now=$(resources)
		[ "$now" = "$RESOURCES" ] && same=$((same + 1)) || same=0
		RESOURCES=$now
	done
}

own_kb() {
	awk '$1 == "Pss_Anon:" { print $2 }' "/proc/$PID/smaps_rollup"
}

# stress PROTOCOL: everything at once, and among it a client that means well. Replies are in
# replies/.
stress() {
	local name jobs=() well
	rm -rf replies
	mkdir replies
	# from before the first until after the last
	bench-lat -t 4 -T 60 "$URL" >well.tsv 2>well.err 3>&- &
	well=$!
	for name in $(bad_client); do
		case $name in
		connects) bad_client connects "${URL##*:}" 2000 >/dev/null 2>replies/connects.err 3>&- & ;;
		silent|"$1"-*) bad_client "$name" "${URL##*:}" >"replies/$name" 2>"replies/$name.err" 3>&- & ;;
		*) continue ;;
		esac
		jobs+=("$!:$name")
	done
	for name in "${jobs[@]}"; do
		wait "${name%%:*}" || fail "${name#*:}: $(cat "replies/${name#*:}.err")"
	done
	wait "$well" || fail "others: $(cat well.tsv well.err server.err)"
	[ "$(total well.tsv errors)" = 0 ] && [ "$(total well.tsv n)" -gt 0 ] || fail "others: $(cat well.tsv)"
}

# said NAME PATTERN: what the server replied.
said() {
	LC_ALL=C grep -aqE -- "$2" "replies/$1" || fail "$1: $(head -c 300 "replies/$1" | tr -d '\0')"
}

http_said() {
	local name
	for name in garbage chunk-size chunk-negative chunk-end both-lengths two-lengths spaced-name \
	    space-in-name negative-number odd-number long-sleep; do
		said "http-$name" '^HTTP/1\.1 400 '
	done
	said http-chunk-huge '^HTTP/1\.1 4(00|13) '
	said http-bare-lf '^HTTP/1\.1 (200|400) '
	said http-long-head '^HTTP/1\.1 431 '
	said http-many-heads '^HTTP/1\.1 431 '
	said http-huge-number '^HTTP/1\.1 4(00|04|13) '
	[ "$(grep -ao '"pong"' replies/http-pipeline | wc -l)" = 10000 ] ||
	    fail "of 10000 pipelined: $(grep -ao '"pong"' replies/http-pipeline | wc -l)"
}

rpc_said() {
	local name
	for name in int own label; do
		said "rpc-netref-$name" 'TypeError'
	done
	said rpc-netref-stop 'RuntimeError'
	[ "$(LC_ALL=C grep -ao 'pong' replies/rpc-pipeline | wc -l)" = 10000 ] ||
	    fail "of 10000 pipelined: $(LC_ALL=C grep -ao 'pong' replies/rpc-pipeline | wc -l)"
}

survives() {
	local protocol=$1 before kb
	[ -d /proc/self/task ] || skip 'there is no /proc/PID to count in'
	start "$protocol-serve" -p 0 -m "$2" -T 1 -u usage.tsv
	at_rest
	before=$RESOURCES
	stress "$protocol"
	"${protocol}_said"
	settled "$before"
	kb=$(own_kb)
	stress "$protocol"
	settled "$before"
	kb=$(($(own_kb) - kb))
	echo "# $protocol $2: the second time left $kb KB"
	[ -n "${SANITIZED:-}" ] || [ "$kb" -le "$LEFT_KB" ] || fail "the second time left $kb KB"
	bench-lat -n 10 "$URL" >out.tsv
	[ "$(total out.tsv n)" = 10 ] || fail "$(cat out.tsv)"
	stop
}

@test "rpc-serve -m thread" { survives rpc thread; }
@test "rpc-serve -m fork" { survives rpc fork; }
@test "rpc-serve -m request" { survives rpc request; }
@test "rpc-serve -m pool" { survives rpc pool; }
@test "rpc-serve -m event" { survives rpc event; }
@test "http-serve -m thread" { survives http thread; }
@test "http-serve -m fork" { survives http fork; }
@test "http-serve -m request" { survives http request; }
@test "http-serve -m pool" { survives http pool; }
@test "http-serve -m event" { survives http event; }

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

# A slow client's time limit is that of the request: one byte now and then does not prolong it.
# And it holds where nothing else happens that would make a server look.
@test "idle connections and slow requests end with -T, whatever the gaps" {
	local model protocol name began ms try
	for protocol in rpc http; do
		for model in $MODELS; do
			start "$protocol-serve" -p 0 -m "$model" -T 0.5
			for name in idle drip half; do
				# on a machine that is busy with something else the best of several counts
				for try in 1 2 3; do
					began=$(ms)
					bad_client "$protocol-$name" "${URL##*:}" >/dev/null
					ms=$(($(ms) - began))
					[ "$ms" -ge 400 ] || fail "$protocol $model $name: $ms ms"
					[ "$ms" -ge 8000 ] || break
					[ "$try" -lt 3 ] || fail "$protocol $model $name: $ms ms"
				done
			done
			stop
		done
	done
}
