#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Service times (-d): which distributions there are, in every model on both protocols, from a seed.
# Lower limits of time are exact; there are no upper ones but where a row has slept for
# another's time.

bats_require_minimum_version 1.5.0
load ../helper

# each COMMAND...: with every model on both protocols, side by side, as they wait most of the time.
# Sets server, model.
each() {
	local server model
	for server in $SERVERS; do
		for model in $MODELS; do
			each_start "$server-$model" "$@"
		done
	done
	each_end
}

# both COMMAND...: on both protocols. Sets server.
both() {
	local server
	for server in $SERVERS; do
		each_start "$server" "$@"
	done
	each_end
}

JOBS=()

each_start() {
	mkdir "$1"
	(cd "$1" || exit; trap teardown EXIT; "${@:2}") >"$1/log" 2>&1 3>&- &
	JOBS+=("$!:$1")
}

each_end() {
	local job
	for job in "${JOBS[@]}"; do
		wait "${job%%:*}" || fail "${job#*:}: $(cat "${job#*:}/log")"
	done
}

@test "what is no distribution is refused, and the piece named" {
	local server
	for server in $SERVERS; do
		refuses "$server" '-d: needs a value' -d
		refuses "$server" '^[a-z-]+: -d soon: "soon": not a time' -d soon
		refuses "$server" '"-1ms": not a time' -d -1ms
		refuses "$server" '"1h": not a time' -d exp:1h
		refuses "$server" '"0": must be greater than 0' -d exp:0
		refuses "$server" '"2000000s": too large' -d 2000000s
		refuses "$server" '"20ms": a part of a mixture needs a probability' -d 1ms:0.9,20ms
		refuses "$server" '"often": not a number above 0' -d 1ms:often,20ms:0.1
		refuses "$server" "the probabilities do not add up to 1" -d 1ms:0.9,20ms:0.2
		refuses "$server" '"1s": not a stall' -d stall:1s
		refuses "$server" '"0s": must be greater than 0' -d stall:1s/0s
		refuses "$server" 'a stall has to be shorter than its period' -d stall:5s/1s
		refuses "$server" '-S x: not a whole number' -d 1ms -S x
		refuses "$server" '-S: only with -d' -S 1
	done
}

@test "no reply comes before its time, in every model" {
	fixed() {
		"$server" -m "$model" -d 30ms bench-lat -n 10 -w 0 >out.tsv
		[ "$(cell out.tsv n)/$(cell out.tsv errors)" = 10/0 ] || fail "$(cat out.tsv)"
		# and the shortest has not waited twice
		awk -v min="$(cell out.tsv min_us)" 'BEGIN { exit !(min >= 30000 && min < 60000) }' || fail "$(cat out.tsv)"
	}
	each fixed
}

@test "each operation takes its time, content and all" {
	transfers() {
		"$server" -m "$model" -d 2ms bench-file -C -n 3 -s 3,200000 -k 70000 \
		    -o upload,download,upload-chunked,download-chunked >out.tsv
		[ "$(cell out.tsv n | sort -u)/$(total out.tsv errors)" = 3/0 ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv min_us | awk '$1 >= 2000' | wc -l)" -eq 8 ] || fail "$(cat out.tsv)"
		start "$server" -p 0 -m "$model" -d 2ms
		bench-lat -H -w 0 -n 3 "$URL/compute/5" >out.tsv
		bench-lat -H -w 0 -n 3 "$URL/sleep/0.001" >>out.tsv
		bench-lat -H -w 0 -n 3 -s 7,70000 "$URL/echo" >>out.tsv
		stop
		# n and min_us
		[ "$(awk -F '\t' '$9 == 3 && $14 >= 2000' out.tsv | wc -l)" -eq 4 ] || fail "$(cat out.tsv)"
		[ "$(awk -F '\t' '$3 ~ /sleep/ && $14 >= 3000' out.tsv | wc -l)" -eq 1 ] || fail "$(cat out.tsv)"
	}
	each transfers
}

@test "connecting and what is no request take none" {
	local server began=$SECONDS
	for server in $SERVERS; do
		start "$server" -p 0 -d 5s -T 20
		if [ "$server" = rpc-serve ]; then
			bench-conn -n 2 "$URL" >out.tsv
			[ "$(total out.tsv n)" = 4 ] || fail "$(cat out.tsv)"
		fi
		run bench-lat -n 3 -w 0 "$URL/nosuch"
		[ "$status" -eq 1 ] || fail "$output"
		stop
	done
	# all this would have taken 25 s and more
	[ $((SECONDS - began)) -lt 20 ] || fail "$((SECONDS - began)) s"
}

@test "the same seed gives the same times, another one others" {
	# a time is none or a long one: which of them is told by the response, whatever else it took
	times() {
		"$server" -m "$model" -d "0:0.5,${long}ms:0.5" "$@" bench-lat -R -w 0 -n 10 >raw.tsv
		cell raw.tsv us | awk -v us="${long}000" '{ printf "%s", $1 < us ? "s" : "l" }'
	}
	all_the_same() {
		local a b c long
		# (on a machine that is busy a short one may take as long)
		for long in 150 300 600 1200; do
			a=$(times -S 7)
			b=$(times -S 7)
			c=$(times -S 8)
			[ "${#a}" -ne 10 ] || [ "$a" != "$b" ] || [ "$a" = "$c" ] || break
			[ "$long" -lt 1200 ] || fail "$a $b $c"
		done
		echo "$server $a" >sequence
	}
	each all_the_same
	# a seed knows no model. (Over RPC it is the second connection that is measured.)
	[ "$(sort ./*/sequence | uniq -c | awk '{ print $1 }')" = $'5\n5' ] || fail "$(cat ./*/sequence)"
}

@test "a mixture's shares" {
	http-serve -m event -d 0:0.75,200ms:0.25 -S 3 bench-conc -R -o ping -c 20 -n 20 >raw.tsv
	long=$(cell raw.tsv us | awk '$1 >= 200000 { n++ } END { print n + 0 }')
	# of 400, binomial: 100, standard deviation 9; the few that took 0.2 s otherwise are allowed for
	[ "$long" -ge 55 ] && [ "$long" -le 160 ] || fail "$long of 400"
}

@test "delays in an event loop pass side by side" {
	delays() {
		local began=$SECONDS
		start "$server" -p 0 -m event -j 1 -d 1s
		bench-conc -c 20 -j 1 -w 0 -n 1 -o ping "$URL" >out.tsv
		# side by side, not one after the other: that would be 20 s
		[ "$(cell out.tsv n ping)" = 20 ] || fail "$(cat out.tsv)"
		[ $((SECONDS - began)) -lt 20 ] || fail "$((SECONDS - began)) s"
		stop
	}
	both delays
}

@test "a ping is answered while another connection waits for a second" {
	# seeds are tried out for one that has the first connection wait and not the second: with
	# probability one half each, one of a few will do
	one_waits() {
		local seed first second
		for seed in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			start "$server" -p 0 -m event -j 1 -d 0:0.5,1s:0.5 -S "$seed"
			bench-conc -R -o ping -c 2 -j 2 -n 1 -w 0 "$URL" >raw.tsv
			stop
			[ "$(cell raw.tsv us | awk '$1 >= 1000000' | wc -l)" -ne 1 ] || break
		done
		first=$(cell raw.tsv us | sort -n | head -n 1)
		second=$(cell raw.tsv us | sort -n | tail -n 1)
		# the one did not wait for the other, though one loop has both
		awk -v a="$first" -v b="$second" 'BEGIN { exit !(a < 1000000 && b >= 1000000) }' ||
		    fail "$(cat raw.tsv)"
	}
	both one_waits
}

@test "requests that come together take one time after the other" {
	local server
	for server in $SERVERS; do
		# 8 in flight on one connection, each 5 ms: the last waits for all
		"$server" -d 5ms bench-lat -d 8 -n 64 -w 0 >out.tsv
		[ "$(cell out.tsv n)" = 64 ] || fail "$(cat out.tsv)"
		awk -v s="$(cell out.tsv elapsed_s)" 'BEGIN { exit !(s >= 0.32) }' || fail "$(cat out.tsv)"
	done
}

@test "a stall is seen in full at a rate (-r)" {
	stalls() {
		local late
		start "$server" -p 0 -m event -d stall:0.5s/2s
		bench-conc -R -c 10 -r 500 -t 4 "$URL" >raw.tsv
		# twice in 4 s: of 500 that came due in them a half waits for 0.25 s and longer, where a
		# closed loop of 10 clients would have had 20 such
		late=$(cell raw.tsv us ping | awk '$1 > 250000 { n++ } END { print n + 0 }')
		echo "$late late"
		[ "$late" -ge 150 ] || fail "$late above 0.25 s"
		[ "$(cell raw.tsv ok | sort -u)" = 1 ] || fail "$(grep -v '	1$' raw.tsv)"
		stop
	}
	both stalls
}

@test "a server with a long delay stops when told" {
	stops() {
		start "$server" -p 0 -m "$model" -d 1000s -T 2000
		# when they give up, the server has been asked
		run bench-conc -c 4 -n 1 -w 0 -T 0.3 -o ping "$URL"
		[ "$status" -eq 1 ] || fail "$output"
		stop
	}
	each stops
}

@test "an outsider's client: curl waits, too" {
	need curl
	start http-serve -p 0 -d 50ms
	took=$(curl -s -o reply -w '%{time_total}' "$URL/ping")
	[ "$(cat reply)" = '{"response":"pong"}' ]
	awk -v t="$took" 'BEGIN { exit !(t >= 0.05) }' || fail "$took"
	# what can't be done is answered
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/nosuch")" = 404 ]
}
