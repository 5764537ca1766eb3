#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# No way in: what the servers offer is ten operations, to this machine.

bats_require_minimum_version 1.5.0
load ../helper

@test "only what is to be called can be reached over RPC" {
	need_python rpyc
	local model
	for model in $MODELS; do
		start rpc-serve -p 0 -m "$model"
		run timeout 100 "$PYTHON" "$PEERS/rpyc_access.py" "$URL"
		[ "$status" -eq 0 ] || fail "$model: status $status: $(grep -v '^ok' <<<"$output")"
		[[ $output == 1..[1-9]* ]] || fail "$output"
		stop
	done
}

@test "the ten operations and nothing else, with a stock client" {
	need_python rpyc
	start rpc-serve -p 0
	"$PYTHON" "$PEERS/no_way_in.py" "${URL##*:}" >out.txt 2>&1 || fail "$(cat out.txt)"
	bench-lat -n 3 "$URL" >out.tsv
	stop
}

@test "no file can be reached over HTTP" {
	need curl
	local model path
	for model in $MODELS; do
		start http-serve -p 0 -m "$model"
		for path in / /. /.. /../../../../etc/passwd /%2e%2e/%2e%2e/etc/passwd /..%2f..%2fetc/passwd //etc/passwd \
		    /etc/passwd /ping/../etc/passwd /ping/.. /download /download/../ping /upload-file/../../ping \
		    '/ping%00' '/ping%0d%0aX:%20y' /PING /ping/ '/server-status' '/.git/config'; do
			run -0 curl -s --path-as-is -o body -w '%{http_code}' "$URL$path"
			[[ $output == 40[045] ]] || fail "$model $path: $output: $(cat body)"
			! grep -q root: body || fail "$path: $(cat body)"
		done
		run -0 curl -s "$URL/ping"
		[ "$output" = '{"response":"pong"}' ] || fail "$output"
		stop
	done
}

@test "servers listen on the loopback address only" {
	[ -r /proc/net/tcp ] || skip 'no /proc/net/tcp'
	local server port
	for server in $SERVERS; do
		start "$server" -p 0
		[[ $URL == *://127.0.0.1:* ]] || fail "$URL"
		printf -v port '%04X' "${URL##*:}"
		# 127.0.0.1 in the order of this machine's bytes, and no other socket that listens there
		# shellcheck disable=SC2016
		run -0 awk -v port="$port" '$4 == "0A" && $2 ~ ":" port "$" { print $2 }' /proc/net/tcp /proc/net/tcp6
		[ "$output" = "0100007F:$port" ] || [ "$output" = "7F000001:$port" ] || fail "$output"
		stop
	done
}

@test "on all interfaces, the URL is one for others; who asks in vain elsewhere gets a hint" {
	local server any host
	for server in $SERVERS; do
		for any in 0.0.0.0 ::; do
			[ "$any" != :: ] || "$server" -p 0 -a ::1 true 2>/dev/null || continue
			start "$server" -p 0 -a "$any"
			host=${URL#*://}
			host=${host%:*}
			[[ $host != 0.0.0.0 && $host != '[::]' ]] || fail "$URL"
			bench-lat -n 3 "$URL" >out.tsv
			[ "$(total out.tsv n)" = 3 ] || fail "$(cat out.tsv)"
			# the command is on this machine
			# shellcheck disable=SC2016
			run -0 "$server" -a "$any" sh -c 'echo "$BENCH_TARGET"'
			[[ $output == *://127.0.0.1:* || $output == *'://[::1]:'* ]] || fail "$output"
			stop
			# nobody listens there any more
			run --separate-stderr bench-lat -n 1 "$URL"
			case $host in
			127.*|'[::1]')
				want 1 'Connection refused'
				[[ $stderr != *loopback* ]] || fail "$stderr"
				;;
			*)
				want 1 'Connection refused .servers listen on loopback unless -a'
				;;
			esac
		done
	done
	refused_port
	run --separate-stderr bench-lat -n 1 "rpc://127.0.0.1:$PORT"
	want 1 'Connection refused'
	[[ $stderr != *loopback* ]] || fail "$stderr"
}

@test "-a with a name listens on all its addresses, at one port" {
	unshare -m true 2>/dev/null || skip 'a name can not be given addresses here'
	local server model
	# one of them twice, and one that is another machine's
	printf '%s localhost\n' 127.0.0.1 127.0.0.2 127.0.0.1 192.0.2.77 >hosts
	cat >both <<-'END'
		mount --bind hosts /etc/hosts || exit 9
		exec "$@"
	END
	# shellcheck disable=SC2016
	for server in $SERVERS; do
		for model in $MODELS; do
			run --separate-stderr unshare -m sh both "$server" -m "$model" -a localhost sh -c '
				for a in 127.0.0.1 127.0.0.2; do
					bench-lat -n 3 "${BENCH_TARGET%%:*}://$a:${BENCH_TARGET##*:}" || exit
				done'
			[ "$status" -ne 9 ] || skip 'nothing can be mounted here'
			want 0
		done
		# in use at the second of them only
		start "$server" -p 0 -a 127.0.0.2
		run --separate-stderr timeout 60 unshare -m sh both "$server" -p "${URL##*:}" -a localhost
		want 1 'Address already in use'
		[ -z "$output" ] || fail "$output"
		stop
	done
}

@test "control characters of the command line reach no terminal" {
	local program evil=$'rpc://a\e[31mb\a' clean
	clean='[^[:print:][:space:]]'
	for program in $BENCHES; do
		for evil in $'rpc://a\e[31mb\a' $'http://127.0.0.1:1/\e]0;x\a' $'\e[2J' $'http://127.0.0.1:\x9b31m'; do
			run --separate-stderr "$program" -n 1 "$evil"
			[ "$status" -ne 0 ] || fail "$program: status 0"
			[ -n "$stderr" ] && [[ ! $stderr =~ $clean ]] || fail "$program: $stderr"
		done
		for evil in $'\e[31m' $'a\tb' $'a\nb' $'a\rb'; do
			run --separate-stderr "$program" -n 1 -l "$evil" rpc://127.0.0.1:1
			[ "$status" -eq 2 ] && [[ ! $stderr =~ $clean ]] || fail "$program -l: $status: $stderr"
			run --separate-stderr "$program" "-$evil" rpc://127.0.0.1:1
			[ "$status" -eq 2 ] && [[ ! $stderr =~ $clean ]] || fail "$program -?: $status: $stderr"
		done
	done
	for program in $SERVERS; do
		for evil in -m -a -p -M -c -T -u; do
			run --separate-stderr "$program" -p 0 "$evil" $'/\e[31m/x'
			[ "$status" -ne 0 ] && [ -n "$stderr" ] && [[ ! $stderr =~ $clean ]] || fail "$program $evil: $stderr"
		done
		run -127 --separate-stderr "$program" $'\e[31m'
		want 127 'x1b'
		[[ ! $stderr =~ $clean ]] || fail "$stderr"
	done
}

@test "control characters of a peer never reach the terminal" {
	local b program
	for b in http:http-evil-reason http:http-evil-json http:http-garbage rpc:rpc-evil-exception http:garbage; do
		bad "${b%%:*}" "${b#*:}"
		for program in $BENCHES; do
			# shellcheck disable=SC2046
			run --separate-stderr timeout 60 "$program" $(quick "$program") -T 1 "$URL"
			# none of ASCII, none of Unicode, and nothing that is no text
			! LC_ALL=C grep -q $'[\x01-\x1f\x7f]\|\xc2[\x80-\x9f]' <<<"$stderr" || fail "$program $b: $stderr"
			! command -v iconv >/dev/null || iconv -f UTF-8 -t UTF-8 <<<"$stderr" >/dev/null || fail "$program $b: $stderr"
		done
	done
}
