#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Peers that break the rules: clients against servers that fail midway (faults.bats has most of
# them), servers against misbehaving clients.

bats_require_minimum_version 1.5.0
load ../helper

# ---- clients

# fails PATTERN PROGRAM ARGUMENT...: against $URL: exit 1 soon, a message that names the
# peer's address and matches the pattern, no success counted, every operation an error.
fails() {
	local pattern=$1
	shift
	run --separate-stderr timeout 60 "$@" "$URL"
	[ "$status" -eq 1 ] || fail "$* $URL: status $status: $output $stderr"
	grep -qE -- "$pattern" <<<"$stderr" || fail "$* $URL: $stderr"
	! grep -q '[^[:print:][:space:]]' <<<"$stderr" || fail "not printable: $stderr"
	if [ -n "$output" ]; then
		printf '%s\n' "$output" >out.tsv
		rows out.tsv
	fi
}

# nothing_works: no success in the rows. (A first reply may have been right.)
nothing_works() {
	grep -v first-reply out.tsv >rows.tsv
	[ "$(total rows.tsv n)" = 0 ] || fail "success: $(cat out.tsv)"
	[ "$(total out.tsv errors)" -gt 0 ] || fail "no error: $(cat out.tsv)"
}

# served PROGRAM ARGUMENT...: against $URL: all is well; the row of the pings is in out.tsv.
served() {
	run --separate-stderr timeout 60 "$@" "$URL"
	[ "$status" -eq 0 ] || fail "$*: status $status: $output $stderr"
	printf '%s\n' "$output" >out.tsv
	rows out.tsv
	[ "$(cell out.tsv errors ping)" = 0 ] || fail "$*: $output $stderr"
}

@test "a request is not sent once more where the peer can't be connected to again" {
	local how
	for how in bench-lat 'bench-lat -r 1000' 'bench-conc -c 1 -d 2'; do
		bad http http-exit-after-3
		# shellcheck disable=SC2086
		run --separate-stderr timeout 60 $how -n 9 -w 0 "$URL"
		[ "$status" -eq 1 ] || fail "$how: status $status: $output $stderr"
		[[ $stderr == *'Connection refused'* && $stderr != *'once more'* ]] || fail "$how: $stderr"
	done
}

@test "-q: nothing is said of requests that were sent once more" {
	bad http http-close-after-3
	run --separate-stderr timeout 60 bench-lat -q -n 21 -w 0 "$URL"
	[ "$status/$stderr" = 0/ ] || fail "status $status: $stderr"
}

@test "requests behind an announced end are sent again, at a rate" {
	local b
	for b in http-close-each http-close-announced-after-3 http-1.0 http-no-length; do
		bad http "$b"
		served bench-lat -n 24 -w 3 -d 4 -r 100000
		[ "$(cell out.tsv n ping)" = 24 ] || fail "$b: $output $stderr"
	done
}

@test "a few connections that end are not worth a word" {
	bad http http-close-announced-after-199
	served bench-lat -n 200 -w 0 -d 1
	[[ $stderr != *'peer closes'* ]] || fail "$stderr"
	served bench-lat -n 900 -w 0 -d 8
	[[ $stderr != *'reconnecting'* ]] || fail "$stderr"
}

@test "a reply that takes long to read holds up no other client of the same loop" {
	local beside
	bad rpc rpc-zip-bomb-alone
	run --separate-stderr timeout 60 bench-conc -R -c 2 -j 1 -n 150 -w 0 "$URL/all"
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	printf '%s\n' "$output" >raw.tsv
	# what began and ended beside the operation that failed: one each time that this gives way, a
	# thousand times for a MiB on the wire, which comes in less than a hundred pieces
	beside=$(awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }
		{ client[NR] = $col["client"]; start[NR] = $col["start_us"]; end[NR] = start[NR] + $col["us"] }
		$col["ok"] == 0 { failed = NR; failures++ }
		END {
			for (i in start)
				n += client[i] != client[failed] && start[i] >= start[failed] && end[i] <= end[failed]
			print failures + 0 "/" (n >= 100 ? "many" : n + 0)
		}' raw.tsv)
	[ "$beside" = 1/many ] || fail "failures/operations beside: $beside: $stderr"
}

@test "a peer that falls silent costs an operation its time limit" {
	local b
	for b in rpc-silent-after-3 http-silent-after-3; do
		bad "${b%%-*}" "$b"
		run --separate-stderr timeout 60 bench-lat -n 7 -w 0 -T 2 "$URL"
		[ "$status" -eq 1 ] || fail "$b: status $status: $output $stderr"
		printf '%s\n' "$output" >out.tsv
		rows out.tsv
		[ "$(cell out.tsv n)" -ge 3 ] && [ "$(cell out.tsv errors)" -ge 1 ] || fail "$b: $output $stderr"
	done
}

@test "a server killed in the middle" {
	local server status
	for server in $SERVERS; do
		start "$server" -p 0
		bench-conc -c 4 -n 1000000000 -T 1 "$URL" >out.tsv 2>err.txt 3>&- &
		STARTED+=($!)
		has_run "${STARTED[-1]}"
		kill -KILL "$PID"
		status=0
		reap "${STARTED[-1]}" || status=$?
		reap "$PID" || true
		STARTED=()
		[ "$status" -eq 1 ] || fail "$server: status $status: $(cat err.txt)"
		rows out.tsv
		[ "$(cell out.tsv n ping)" -gt 0 ] && [ "$(cell out.tsv errors ping)" -gt 0 ] ||
		    fail "$server: $(cat out.tsv err.txt)"
	done
}

@test "a target of the other protocol" {
	local server
	for server in $SERVERS; do
		start "$server" -p 0 -T 1
		case $URL in
		rpc*) URL=http${URL#rpc} ;;
		*) URL=rpc${URL#http} ;;
		esac
		fails '127.0.0.1:[0-9]+: ' bench-lat -n 2 -w 0 -T 2
		nothing_works
	done
}

# ---- servers

# send BYTES: say that (as printf does) on a new connection, half-close, collect what comes.
# A server ends the connection by itself.
send() {
	local status=0
	exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
	# it may be closed before all is said, and then a signal (SIGPIPE) ends whoever says it
	(printf '%b' "$1" >&9) 2>/dev/null || true
	timeout 60 cat <&9 >reply 2>/dev/null || status=$?
	exec 9>&-
	[ "$status" -ne 124 ] || fail "the connection stays open after: $1"
}

# alive: others are served. (Where the machine is busy, a client may once be too slow for a short
# limit of the server, between its hello and its first request.)
alive() {
	eventually still_serves || fail "no service any more: $URL: $(cat alive.tsv alive.err)"
}

@test "rpc-serve: malformed frames end their connection only" {
	local model text
	for model in $MODELS; do
		start rpc-serve -p 0 -m "$model" -T 0.5 -u usage.tsv
		# GETROOT in both dialects comes first where the fault is a later frame
		for text in \
		    'GET / HTTP/1.1\r\nHost: x\r\n\r\n' \
		    '\0377\0377\0377\0377\0\0022' \
		    '\0\0\0\0001\0\0360\n' \
		    '\0\0\0\0010\0\0022\0121\0120\0021\0123\0021\0121\0002\n\0\0\0\0004\0\0022\0121\0120\0360\n' \
		    '\0\0\0\0010\0\0001\0021\0120\0021\0123\0021\0121\0002\n\0\0\0\0004\0001zlib\n' \
		    '\0\0\0\0040\0\0022\0121\0020\0020\0020\0020\0020\0020\0020\0020\0020\0020\0020\0020\0020' \
		    '\0\0\0\0006\0\0022\0121\0120\0025\0377\0377\0377\0377\n' \
		    '\0\0\0\0006\0\0022\0121\0120\0017\0377\0377\0377\0377\n'; do
			send "$text"
		done
		alive
		stop
		[ "$(usage_cell errors)" -ge 6 ] || fail "$model: $(cat usage.tsv)"
	done
}

@test "http-serve: malformed requests get an error and end their connection only" {
	local model text
	for model in $MODELS; do
		start http-serve -p 0 -m "$model" -T 2 -u usage.tsv
		for text in \
		    'nonsense\r\n\r\n' \
		    '\0\0\0\0010\0\0022\0121\0120\0021\0123\0021\0121\0002\n\r\n\r\n' \
		    'GET /ping HTTP/1.1\r\n\r\n' \
		    'GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n' \
		    'GET  /ping HTTP/1.1\r\nHost: a\r\n\r\n' \
		    'GET /ping HTTP/1.1\r\nHost : a\r\n\r\n' \
		    'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n' \
		    'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n' \
		    'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab' \
		    'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n' \
		    'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n' \
		    'POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' \
		    'POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n'; do
			send "$text"
			grep -qE '^HTTP/1\.1 (400|413|501) ' reply || fail "$model: $text: $(cat reply)"
		done
		alive
		stop
		[ "$(usage_cell errors)" -ge 13 ] || fail "$model: $(cat usage.tsv)"
	done
}

@test "servers: transfers that are broken off" {
	local server model
	for server in $SERVERS; do
		for model in $MODELS; do
			start "$server" -p 0 -m "$model" -T 5
			for _ in 1 2 3; do
				# killed with everything under way, in both directions
				bench-file -n 1000 -s 100m -k 1k "$URL" >/dev/null 2>&1 3>&- &
				STARTED+=($!)
			done
			for p in "${STARTED[@]:1}"; do
				has_run "$p"
			done
			kill -KILL "${STARTED[@]:1}"
			for p in "${STARTED[@]:1}"; do
				reap "$p" || true
				forget "$p"
			done
			alive
			stop
		done
	done
}

@test "servers: a client that does not read" {
	local server model fd urls=() fds=() i
	for server in $SERVERS; do
		for model in $MODELS; do
			start "$server" -p 0 -m "$model" -T 0.2
			# all of the request is there before the server looks
			kill -STOP "$PID"
			exec {fd}<>"/dev/tcp/127.0.0.1/${URL##*:}"
			if [ "$server" = http-serve ]; then
				printf 'GET /download/100000000 HTTP/1.1\r\nHost: x\r\n\r\n' >&"$fd"
			else
				# GETROOT, and CALLATTR (root, 'download', (100000000,))
				printf '%b' '\0\0\0\0010\0\0022\0121\0120\0021\0123\0021\0121\0002\n' \
				    '\0\0\0\0072\0\0022\0121\0121\0021\0130\0021\0122\0022\0021\0123\0022\0010\0016\0017' \
				    'builtins.object\0121\0121\0021\0121\0010\0016\0010download\0021\0121\0020\0026\0011' \
				    '100000000\n' >&"$fd"
			fi
			kill -CONT "$PID"
			alive
			urls+=("$URL")
			fds+=("$fd")
		done
	done
	# 10 times the limit: whoever reads again before it has passed gets all
	sleep 2
	for i in "${!urls[@]}"; do
		URL=${urls[i]} fd=${fds[i]}
		alive
		# it has been disconnected, in the middle
		timeout 60 cat <&"$fd" >reply || fail "$URL: no end"
		exec {fd}>&-
		[ "$(wc -c <reply)" -lt 100000000 ] || fail "$URL: all of it came"
	done
}

# kept WORDS DRIP: a connection on which the second is said again and again, after the first, is not
# ended. What comes is read and thrown away.
kept() {
	local i reader
	rm -f ended
	exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf '%b' "$1" >&9
	(timeout 60 cat <&9 >/dev/null || true; : >ended) 3>&- &
	reader=$!
	STARTED+=("$reader")
	# 20 s, and the limit is half a second
	for ((i = 0; i < 200; i++)); do
		[ ! -e ended ] || break
		# what is said right behind the end, before that is known, brings a signal (SIGPIPE)
		(printf '%b' "$2" >&9) 2>/dev/null || true
		sleep 0.1
	done
	exec 9>&-
	[ ! -e ended ] || { reap "$reader"; forget "$reader"; return 1; }
}

@test "rpc-serve: nothing but a step towards a request keeps a connection" {
	local model
	local getroot='\0\0\0\0010\0\0022\0121\0120\0021\0123\0021\0121\0002\n'
	local empty='\0\0\0\0\0\n' unasked='\0\0\0\0006\0\0022\0122\0150\0021\0121\0000\n'
	# upload_file_chunked(chunks), of which all that is known is the name
	local waits='\0\0\0\0117\0\0022\0121\0121\0021\0130\0021\0122\0022\0021\0123\0022\0010\0016\0017'
	waits+='builtins.object\0121\0121\0021\0121\0010\0016\0023upload_file_chunked'
	waits+='\0021\0122\0020\0021\0124\0022\0010\0016\0015builtins.list\0127\0127\n'
	for model in $MODELS; do
		start rpc-serve -p 0 -m "$model" -T 0.5
		! kept "$getroot" "$empty" || fail "$model: kept by empty frames"
		! kept "$getroot" "$unasked" || fail "$model: kept by answers that nothing waits for"
		! kept "$getroot$waits" "$getroot" || fail "$model: a waiting call is kept by others"
		alive
		stop
	done
}

@test "rpc-serve: a message of many references is held in bounded memory" {
	local model n i
	# GETROOT, and PING with a tuple of 2 million references of the shortest kind
	printf '\021T\022\010\001QQ' >refs
	for ((i = 0; i < 21; i++)); do
		cat refs refs >twice
		mv twice refs
	done
	n=$(($(wc -c <refs) + 15))
	printf '\0\0\0\010\0\022QP\021S\021Q\002\n' >frame
	for i in 24 16 8 0; do
		printf '%b' "\\0$(printf '%03o' $((n >> i & 255)))" >>frame
	done
	printf '\0\022QQ\021Q\021R\020\021R\025\0\040\0\0' >>frame
	cat refs >>frame
	printf '\n' >>frame
	# what is said of a connection's memory in rpc-serve(1), and the program itself
	for model in $MODELS; do
		start rpc-serve -p 0 -m "$model" -u usage.tsv -T 20
		exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
		cat frame >&9 3>&- &
		STARTED+=($!)
		# a release of each is sent, in 30 bytes at least
		[ "$(timeout 60 head -c $((30 * 2097152)) <&9 | wc -c)" -eq $((30 * 2097152)) ] ||
		    fail "$model: not all of it is released"
		reap "${STARTED[-1]}"
		forget "${STARTED[-1]}"
		exec 9>&-
		alive
		stop
		[ "$(usage_cell maxrss_kb)" -lt 21500 ] || [ -n "${SANITIZED:-}" ] ||
		    fail "$model: $(cat usage.tsv)"
	done
}
