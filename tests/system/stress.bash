# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2015,SC2154
# Stress: every server model, while clients do all that tests/peers/bad_client.c knows at once. Nobody
# else's request fails meanwhile, and afterwards the server has as many descriptors, threads and
# children as before, and a second time costs no more memory. Shared by the files of the two
# protocols, which run side by side.

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
