#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# When replies arrived, by the kernel's receive timestamps (-y).

bats_require_minimum_version 1.5.0
load ../helper

# Where the system has them, and the build its own calls (-DPOSIX_ONLY has none).
has_stamps() {
	[ "$(uname)" = Linux ] &&
	    ! bench-lat -P 0 -n 1 rpc+unix://%2Fnone 2>&1 | grep -q 'no call to choose processors'
}

need_stamps() {
	has_stamps || skip 'no receive timestamps here'
}

# stamped FILE OP...: of each operation its two rows are there, with as many operations, but for those
# of which err.txt says that they have none.
stamped() {
	local file=$1 op n without
	shift
	rows "$file"
	for op; do
		n=$(cell "$file" n "$op" | awk '{ n += $1 } END { print n }')
		without=$(sed -n "s/.* ${op}[:,].* \([0-9]*\) of $n replies have no timestamp.*/\1/p" err.txt)
		[ "$n" -gt 0 ] || fail "$op: nothing: $(cat "$file" err.txt)"
		for part in arrival wake; do
			[ "$(cell "$file" n "$op-$part" | awk '{ n += $1 } END { print n }')" = \
			    $((n - ${without:-0})) ] || fail "$op-$part: $(cat "$file" err.txt)"
		done
	done
}

# adds_up FILE WHOLE OP: in raw rows each arrival and wake are the whole, to the nanosecond, and
# follow each other.
adds_up() {
	rows "$1" "$RAW_HEADER"
	awk -F '\t' -v whole="$2" -v op="$3" '
		NR > 1 {
			sub(/\./, "", $8); sub(/\./, "", $9)
			key = $6 FS $7 FS $11; at[key, $3] = $8 + 0; ns[key, $3] = $9 + 0
			if ($3 == op "-arrival") keys[n++] = key
		}
		END {
			a = op "-arrival"; w = op "-wake"
			for (i = 0; i < n; i++) {
				key = keys[i]
				if (ns[key, a] + ns[key, w] != ns[key, whole] || at[key, a] != at[key, whole] ||
				    at[key, a] + ns[key, a] != at[key, w] || ns[key, a] <= 0) {
					print key; bad++
				}
			}
			exit bad > 0 || n == 0
		}' "$1" || fail "$(cat "$1")"
}

@test "two more rows for each operation, by either driver" {
	need_stamps
	local server o op
	for server in $SERVERS; do
		for o in '' '-d 8' '-s 10k' '-s 300k -o download'; do
			# shellcheck disable=SC2086
			"$server" bench-lat -y -n 200 $o >out.tsv 2>err.txt
			op=$(cell out.tsv op | head -n 1)
			[ "$(cell out.tsv op | tr '\n' ' ')" = "$op $op-arrival $op-wake " ] ||
			    fail "$o: $(cat out.tsv)"
			stamped out.tsv "$op"
		done
		for o in '-c 3 -j 3' '-c 5 -j 2' '-c 2 -d 3'; do
			# shellcheck disable=SC2086
			"$server" bench-conc -y -n 50 $o >out.tsv 2>err.txt
			stamped out.tsv first-reply ping
		done
		"$server" bench-conn -y -n 20 >out.tsv 2>err.txt
		[ "$(cell out.tsv op | tr '\n' ' ')" = \
		    'connect first-reply first-reply-arrival first-reply-wake ' ] || fail "$(cat out.tsv)"
		stamped out.tsv first-reply
		"$server" bench-bw -y -n 5 -s 1k,1m >out.tsv 2>err.txt
		stamped out.tsv upload download
		"$server" bench-file -y -n 2 -s 1m >out.tsv 2>err.txt
		stamped out.tsv upload download upload-chunked download-chunked upload-stream download-stream
	done
	http-serve bench-lat -y -K -n 50 >out.tsv 2>err.txt
	stamped out.tsv ping
	rpc-serve bench-lat -y -N -n 50 >out.tsv 2>err.txt
	stamped out.tsv ping
	# without it there is none
	rpc-serve bench-lat -n 5 >out.tsv
	[ "$(cell out.tsv op)" = ping ] || fail "$(cat out.tsv)"
}

@test "in an open loop, they are the parts of the service" {
	need_stamps
	local server
	for server in $SERVERS; do
		"$server" bench-lat -y -r 2000 -n 100 >out.tsv 2>err.txt
		[ "$(cell out.tsv op | tr '\n' ' ')" = \
		    'ping ping-wait ping-service ping-arrival ping-wake ' ] || fail "$(cat out.tsv)"
		stamped out.tsv ping
		"$server" bench-conc -y -R -c 4 -r 2000 -n 50 -o ping >raw.tsv
		adds_up raw.tsv ping-service ping
	done
}

@test "raw rows: the two add up to the operation exactly" {
	need_stamps
	local server o
	for server in $SERVERS; do
		for o in '' '-d 8'; do
			# shellcheck disable=SC2086
			"$server" bench-lat -y -R -n 300 $o >raw.tsv
			adds_up raw.tsv ping ping
		done
		"$server" bench-conn -y -R -n 20 >raw.tsv
		adds_up raw.tsv first-reply first-reply
		"$server" bench-file -y -R -n 2 -s 1m -o download,upload-chunked >raw.tsv
		adds_up raw.tsv download download
		adds_up raw.tsv upload-chunked upload-chunked
	done
}

@test "in rounds of several targets, and as histograms that merge" {
	need_stamps
	local label
	rpc-serve http-serve -m event bench-lat -y -B 4 >out.tsv 2>err.txt
	[ "$(wc -l <out.tsv)" = $((1 + 2 * 4 * 3)) ] || fail "$(cat out.tsv)"
	for label in rpc-thread http-event; do
		awk -v l="$label" 'NR == 1 || $1 == l' out.tsv >one.tsv
		stamped one.tsv ping
	done
	bench-cmp out.tsv >cmp.tsv || [ $? -eq 3 ] || [ $? -eq 1 ] || fail "$(cat cmp.tsv)"
	grep -q ping-arrival cmp.tsv || fail "$(cat cmp.tsv)"
	http-serve bench-lat -y -D -n 100 >hist.tsv 2>err.txt
	bench-stat hist.tsv >out.tsv
	[ "$(cell out.tsv op | tr '\n' ' ')" = 'ping ping-arrival ping-wake ' ] || fail "$(cat out.tsv)"
}

@test "no reply arrives before the server's time is over" {
	need_stamps
	local server model o
	for server in $SERVERS; do
		for model in thread event; do
			for o in '' '-d 2' '-r 50'; do
				# shellcheck disable=SC2086
				"$server" -m "$model" -d 1ms bench-lat -y -n 30 $o >out.tsv 2>err.txt
				stamped out.tsv ping
				awk -v us="$(cell out.tsv min_us ping-arrival)" 'BEGIN { exit !(us >= 1000) }' ||
				    fail "$server $model $o: $(cat out.tsv)"
			done
		done
	done
}

@test "no reply arrives before it was sent, by the clock of a server that is never asleep" {
	need_stamps
	local wire o first
	for wire in '' -R; do
		first=2 # warm-ups,
		[ -z "$wire" ] || first=3 # and GETROOT
		for o in '' '-d 2' '-r 200'; do
			# shellcheck disable=SC2086
			start bare -s -a $wire -d 1ms:0.5,2ms:0.5 -u record.tsv
			# shellcheck disable=SC2086
			bench-lat -y -R -o ping -w 2 -n 30 $o "$URL" >raw.tsv 2>err.txt
			stop
			awk -F '\t' -v first="$first" '
				FNR == 1 { next }
				NR == FNR { own[FNR - 2 - first] = $2; n += own[FNR - 2 - first] >= $1; next }
				$3 == "ping-arrival" { arrived++; bad += !($7 in own) || $9 + 0 < own[$7] + 0 }
				END { exit !(n == 30 + first && arrived > 0 && !bad) }' record.tsv raw.tsv ||
			    fail "$wire $o: $(cat err.txt record.tsv raw.tsv)"
		done
	done
}

@test "what failed is an error of both rows, too" {
	need_stamps
	local o
	start http-serve -p 0
	for o in '' '-d 2'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr bench-lat -y -q -n 5 -w 0 $o "$URL/nosuch"
		printf '%s\n' "$output" >out.tsv
		[ "$(cell out.tsv n | tr '\n' ' ')/$(cell out.tsv errors | tr '\n' ' ')" = '0 0 0 /5 5 5 ' ] ||
		    fail "$output"
		# shellcheck disable=SC2086
		run -1 --separate-stderr bench-lat -y -R -q -n 5 -w 0 $o "$URL/nosuch"
		printf '%s\n' "$output" >raw.tsv
		[ "$(cell raw.tsv ok | sort -u)/$(wc -l <raw.tsv)" = 0/16 ] || fail "$output"
		adds_up raw.tsv /nosuch /nosuch
	done
	stop
}

@test "what ends with something else than its reply's last byte has no timestamp" {
	need_stamps
	local o
	for o in '' '-d 2' '-r 100' '-K'; do
		bad http http-no-length
		# shellcheck disable=SC2086
		bench-lat -y -w 0 -n 5 $o "$URL" >out.tsv 2>err.txt
		grep -q 'ping: 5 of 5 replies have no timestamp' err.txt || fail "$o: $(cat out.tsv err.txt)"
		stamped out.tsv ping
	done
	for o in '' '-d 2' '-r 100'; do
		bad http http-early-kept
		# shellcheck disable=SC2086
		bench-lat -y -w 0 -n 1 -s 64m -Z $o "$URL/any" >out.tsv 2>err.txt
		grep -q '1 of 1 replies have no timestamp' err.txt || fail "$o: $(cat out.tsv err.txt)"
		# either driver has the time in which the rest was sent
		awk -v us="$(cell out.tsv min_us /any)" 'BEGIN { exit !(us >= 900000) }' ||
		    fail "$o: $(cat out.tsv)"
	done
}

@test "a wall clock that is set all the time: nothing is told of the replies, and that is said" {
	need_stamps
	need_starve
	local server o
	for server in $SERVERS; do
		start "$server" -p 0
		for o in '' '-d 4'; do
			# shellcheck disable=SC2086
			run -0 --separate-stderr env LD_PRELOAD="$PWD/starve.so" SET_CLOCK=1 \
			    bench-lat -y -n 50 $o "$URL"
			grep -q 'ping: 50 of 50 replies have no timestamp' <<<"$stderr" || fail "$stderr"
			printf '%s\n' "$output" >out.tsv
			[ "$(cell out.tsv n | tr '\n' ' ')" = '50 0 0 ' ] || fail "$output"
		done
		LD_PRELOAD="$PWD/starve.so" SET_CLOCK=1 bench-lat -y -q -R -n 5 "$URL" >raw.tsv
		[ "$(cell raw.tsv op | sort | uniq -c | xargs)" = '5 ping' ] || fail "$(cat raw.tsv)"
		stop
	done
}

@test "refused where there are none" {
	local p
	start http-serve -a "$PWD/s"
	for p in $BENCHES; do
		run --separate-stderr "$p" -y -n 1 "$URL"
		want 2 '-y: .*Unix socket'
	done
	stop
	has_stamps && return
	for p in $BENCHES; do
		run --separate-stderr "$p" -y -n 1 http://127.0.0.1:1
		want 2 '-y: .*no receive timestamps'
	done
}
