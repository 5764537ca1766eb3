#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What a request costs. sent_bytes and received_bytes: against recorded sessions, requests written out, what the server
# has counted, and the counters of a network interface. What servers use per request.

bats_require_minimum_version 1.5.0
load ../helper

# bytes_of FILE [OP]: "sent received" of each row.
bytes_of() {
	paste -d ' ' <(cell "$1" sent_bytes "${2:-}") <(cell "$1" received_bytes "${2:-}")
}

# sums FILE: bytes that all rows have moved, sent and received. Of an open loop's three rows one.
sums() {
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["op"]) ~ /-(wait|service)$/ || $(at["n"]) == 0 { next }
		{ s += $(at["sent_bytes"]) * $(at["n"]); r += $(at["received_bytes"]) * $(at["n"]) }
		END { printf "%.0f %.0f\n", s, r }' "$1"
}

# measured SERVER ARGUMENT...: a benchmark's rows to out.tsv, what the server counted to usage.tsv.
measured() {
	local server=$1
	shift
	run --separate-stderr "$server" -u usage.tsv "$@"
	want 0
	printf '%s\n' "$output" >out.tsv
	rows out.tsv
}

# counted: bytes that the server has received and sent.
counted() {
	echo "$(usage_cell bytes_in) $(usage_cell bytes_out)"
}

# length N FILE: bytes of the Nth frame of that direction in a recorded session.
length() {
	awk -v way="$1" -v n="$2" '$1 == way && ++k == n { print length($2) / 2 }' "$3"
}

@test "a ping over RPC has the bytes of the recorded one, in both dialects and drivers" {
	local version session
	need_python socket
	for version in 5.3.0 6.0.1; do
		session=$ROOT/tests/wire/native-callattr.$version.txt
		for options in '-n 1' '-n 1 -r 100'; do
			start "$PYTHON" "$PEERS/replay.py" "$session"
			# shellcheck disable=SC2086
			bench-lat -q -w 0 -T 10 $options "rpc${version%%.*}://$URL/ping" >out.tsv
			[ "$(bytes_of out.tsv ping)" = "$(length '>' 2 "$session").000 $(length '<' 2 "$session").000" ] ||
			    fail "$version: $(cat out.tsv)"
			reap "$PID"
			forget "$PID"
		done
	done
}

@test "a greeting over RPC has the bytes of the recorded one" {
	local version session
	need_python socket
	for version in 5.3.0 6.0.1; do
		session=$ROOT/tests/wire/native-callattr.$version.txt
		start "$PYTHON" "$PEERS/replay.py" "$session"
		bench-conn -q -n 1 -w 0 -T 10 "rpc${version%%.*}://$URL" >out.tsv
		[ "$(bytes_of out.tsv connect)" = '0.000 0.000' ] || fail "$(cat out.tsv)"
		[ "$(bytes_of out.tsv first-reply)" = "$(length '>' 1 "$session").000 $(length '<' 1 "$session").000" ] ||
		    fail "$(cat out.tsv)"
		reap "$PID"
		forget "$PID"
	done
}

# request METHOD PATH [FIELD...]: bytes of a request's head, as it is sent to URL.
request() {
	local version
	version=$(bench-lat -V)
	{
		printf '%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: rpcbench/%s\r\nAccept: */*\r\n' \
		    "$1" "$2" "${URL#http://}" "${version#* }"
		[ $# -lt 3 ] || printf '%s\r\n' "${@:3}"
		printf '\r\n'
	} | wc -c
}

@test "a request over HTTP has the bytes of its head and body" {
	local options sent received
	need curl
	start http-serve -p 0
	sent=$(request GET /ping)
	received=$(curl -s -i "$URL/ping" | wc -c)
	for options in '-c 2 -j 2' '-c 3 -j 1' '-c 2 -j 1 -d 4' '-r 5000'; do
		# shellcheck disable=SC2086
		bench-conc -q -o first-reply,ping -n 12 $options "$URL" >out.tsv
		[ "$(bytes_of out.tsv | sort -u)" = "$sent.000 $received.000" ] || fail "$options: $(cat out.tsv)"
	done
	bench-lat -q -n 5 -K "$URL" >out.tsv
	sent=$(request GET /ping 'Connection: close')
	received=$(curl -s -i -H 'Connection: close' "$URL/ping" | wc -c)
	[ "$(bytes_of out.tsv)" = "$sent.000 $received.000" ] || fail "$(cat out.tsv)"
	bench-lat -q -n 5 -F 'X-A: bcd' "$URL/ping" >out.tsv
	[ "$(cell out.tsv sent_bytes)" = "$(request GET /ping 'X-A: bcd').000" ] || fail "$(cat out.tsv)"
	bench-bw -q -n 5 -s 1000 -o upload "$URL" >out.tsv
	sent=$(request POST /upload 'Content-Type: application/octet-stream' 'Content-Length: 1000')
	[ "$(cell out.tsv sent_bytes)" = $((sent + 1000)).000 ] || fail "$(cat out.tsv)"
	bench-bw -q -n 5 -s 1000 -o download "$URL" >out.tsv
	received=$(curl -s -i "$URL/download/1000" | wc -c)
	[ "$(bytes_of out.tsv)" = "$(request GET /download/1000).000 $received.000" ] || fail "$(cat out.tsv)"
	stop
}

@test "all rows of each benchmark together have the bytes that the server has counted" {
	local p greeting sum
	rpc-serve bench-conn -q -n 1 -w 0 -o first-reply >out.tsv
	greeting=$(bytes_of out.tsv)
	for p in 'bench-conn -n 20' 'bench-lat -n 50' 'bench-lat -s 3000 -n 20 -d 3' 'bench-lat -K -n 20' \
	    'bench-lat -r 2000 -n 50' 'bench-bw -s 1k,70k -n 4' 'bench-file -s 300k -n 2' \
	    'bench-conc -c 5 -j 2 -n 20' 'bench-conc -c 4 -j 4 -n 20' 'bench-conc -K -c 4 -j 1 -n 20'; do
		# shellcheck disable=SC2086
		measured http-serve $p -w 0
		sum=$(sums out.tsv)
		[ "$sum" = "$(counted)" ] || fail "$p: $(counted): $(cat out.tsv)"
		[[ $p != *-K* ]] || continue
		# what finds out the dialect has a greeting of its own
		# shellcheck disable=SC2086
		measured rpc-serve $p -w 0
		sum=$(paste -d ' ' <(sums out.tsv) <(echo "$greeting") | awk '{ print $1 + $3, $2 + $4 }')
		[ "$sum" = "$(counted)" ] || fail "$p: $(counted), not $sum: $(cat out.tsv)"
	done
}

@test "with -N a call has the bytes of its three requests" {
	local sent options
	for options in '-c 1 -j 1 -r 2000' '-c 1 -j 1'; do
		# shellcheck disable=SC2086
		measured rpc-serve bench-conc -o ping -N -n 40 -w 0 $options
		rpc-serve bench-conn -q -n 1 -w 0 -o first-reply >greeting.tsv
		# what finds out the dialect has a greeting of its own
		sent=$(awk -v s="$(sums out.tsv)" -v g="$(cell greeting.tsv sent_bytes)" \
		    'BEGIN { split(s, v, " "); print v[1] + g }')
		# the release behind the last call may go out when that is over
		[ "$sent" -le "$(usage_cell bytes_in)" ] && [ "$sent" -gt $(($(usage_cell bytes_in) - 60)) ] ||
		    fail "$sent: $(cat usage.tsv out.tsv)"
	done
}

@test "warming up, failures and the connections that replace lost ones count nowhere" {
	local server options
	for server in rpc-serve http-serve; do
		"$server" bench-lat -q -n 20 >good.tsv
		for options in '-c 2 -j 2' '-c 2 -j 1'; do
			# shellcheck disable=SC2086
			run --separate-stderr "$server" -m thread -d 1us:0.8,2s:0.2 \
			    bench-conc -q -o ping -n 10 -w 1 -T 0.2 $options
			printf '%s\n' "$output" >out.tsv
			rows out.tsv
			[ "$(cell out.tsv errors ping)" -gt 0 ] && [ "$(cell out.tsv n ping)" -gt 0 ] ||
			    fail "$(cat out.tsv)"
			# so few requests have numbers of one byte each
			[ "$(bytes_of out.tsv ping)" = "$(bytes_of good.tsv)" ] || fail "$options: $(cat good.tsv out.tsv)"
		done
	done
	refused_port
	run bench-lat -q -n 3 "http://127.0.0.1:$PORT"
	printf '%s\n' "$output" | grep -v '^bench-lat' >out.tsv
	[ "$(bytes_of out.tsv)" = 'NA NA' ] || fail "$(cat out.tsv)"
}

@test "a request that is sent again counts both times" {
	local once options
	for options in '' '-r 1000'; do
		bad http http-close-after-3
		once=$(request GET /ping)
		# shellcheck disable=SC2086
		run --separate-stderr bench-lat -n 12 -w 0 $options "$URL"
		[[ $stderr == *': 3 of 12 requests were sent once more'* ]] || fail "$stderr"
		printf '%s\n' "$output" >out.tsv
		[ "$(cell out.tsv sent_bytes ping)" = "$(awk -v s="$once" 'BEGIN { printf "%.3f", s * 15 / 12 }')" ] ||
		    fail "$once: $(cat out.tsv)"
	done
}

@test "of requests that were lost together, those that failed do not count" {
	local once depth
	for depth in 2 4; do
		bad http http-close-after-1
		once=$(request GET /ping)
		run -1 --separate-stderr bench-lat -n 12 -w 0 -d "$depth" "$URL"
		printf '%s\n' "$output" >out.tsv
		# each but the first had to be sent twice
		[ "$(cell out.tsv sent_bytes ping)" = "$(awk -v s="$once" -v n="$(cell out.tsv n ping)" \
		    'BEGIN { printf "%.3f", s * (2 * n - 1) / n }')" ] || fail "$once: $(cat out.tsv)"
	done
}

@test "rounds, a depth and every one of an open loop's rows have them" {
	rpc-serve http-serve bench-lat -q -B 3 -b 20 >out.tsv
	rows out.tsv
	[ "$(cell out.tsv received_bytes | grep -c '^[1-9]')" -eq 6 ] || fail "$(cat out.tsv)"
	rpc-serve bench-lat -q -n 30 -r 3000 >out.tsv
	[ "$(bytes_of out.tsv | sort -u | wc -l)" -eq 1 ] && [ "$(wc -l <out.tsv)" -eq 4 ] || fail "$(cat out.tsv)"
}

# carried BENCHMARK...: the measurement is made, and TCP has sent nothing again, as it may at any time
# on a machine that is busy.
carried() {
	unshare -rn sh measure "$@" -q -w 0 && [ "$(cat again)" = 0 ]
}

# Packets have 20 bytes of IP and 32 of TCP with time stamps; the first of either side has 8 more.
@test "a network interface has counted these bytes and the headers of packets" {
	local p
	need unshare ip
	cat >measure <<-'END'
		set -e
		ip link set lo up
		[ "$(cat /proc/sys/net/ipv4/tcp_timestamps)" = 1 ]
		counters() { sed -n 's/^ *lo: *//p' /proc/net/dev; }
		read -r bytes packets rest <<-EOF
			$(counters)
		EOF
		[ "$bytes" = 0 ]
		http-serve -u usage.tsv "$@" >out.tsv
		counters >counters
		awk '$1 == "Tcp:" && n++ { sent_again = $13 } END { print sent_again }' /proc/net/snmp >again
	END
	unshare -rn true 2>/dev/null || skip 'no namespace of its own'
	for p in 'bench-lat -n 40' 'bench-bw -s 200k -n 5' 'bench-conc -c 8 -n 10'; do
		# shellcheck disable=SC2086
		eventually carried $p || fail "$p: $(cat counters out.tsv)"
		awk -v conns="$(usage_cell connections)" -v sums="$(sums out.tsv)" '
			{ split(sums, s, " "); want = s[1] + s[2] + 52 * $2 + 16 * conns
			  if ($1 != want) { print $1 ", not " want; exit 1 } }' counters ||
		    fail "$p: $(cat counters usage.tsv out.tsv)"
	done
}

# at_least COLUMN N: of usage.tsv.
at_least() {
	awk -v v="$(usage_cell "$1")" -v least="$2" 'BEGIN { exit !(v >= least) }' || fail "$1: $(cat usage.tsv)"
}

@test "-u: what a request costs the server, in all its processes" {
	local model server
	for server in $SERVERS; do
		for model in thread fork request; do
			# each request has a sleep, which is a context switch, of whichever process
			"$server" -m "$model" -d 1ms -u usage.tsv bench-lat -q -n 30 >out.tsv
			rows usage.tsv "$USAGE_HEADER"
			at_least voluntary 1
			at_least cpu_us 0.001
			awk -v cpu="$(usage_cell cpu_us)" -v n="$(usage_cell requests)" \
			    -v all="$(paste -d + <(usage_cell user_s) <(usage_cell sys_s))" '
				BEGIN { split(all, s, "+"); exit cpu * n > (s[1] + s[2]) * 1000000 + n }' ||
			    fail "more than there is: $(cat usage.tsv)"
		done
	done
	# a process for each request, with pages of its own
	rpc-serve -m fork -u usage.tsv bench-conn -q -n 30 >out.tsv
	at_least faults 10
	rpc-serve -m event -u usage.tsv bench-lat -q -n 3000 >out.tsv
	awk -v v="$(usage_cell faults)" 'BEGIN { exit v >= 1 }' || fail "$(cat usage.tsv)"
}

@test "-u: no request, and nothing per request" {
	rpc-serve -u usage.tsv true
	rows usage.tsv "$USAGE_HEADER"
	[ "$(usage_cell cpu_us)/$(usage_cell voluntary)/$(usage_cell involuntary)/$(usage_cell faults)" = NA/NA/NA/NA ] ||
	    fail "$(cat usage.tsv)"
	start http-serve -p 0 -u usage.tsv
	stop
	[ "$(usage_cell faults)" = NA ] || fail "$(cat usage.tsv)"
}
