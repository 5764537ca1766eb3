#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Limits that are reported and kept: what runs out pauses a server, and no more than that.

bats_require_minimum_version 1.5.0
load ../helper

# waits_quietly COMMAND...: it lasts 1.5 s, and costs the server next to no time.
QUIET_TICKS=20
waits_quietly() {
	local before used
	ticks "$PID"
	before=$TICKS
	"$@"
	ticks "$PID"
	used=$((TICKS - before))
	[ "$used" -le "$QUIET_TICKS" ] || fail "the pause took $used ticks"
}

# Connections held in the background; HELD: their process.
hold_many() {
	rm -f held
	bash -c 'for ((i = 0; i < $2; i++)); do exec {fd}<>"/dev/tcp/127.0.0.1/$1"; done
		: >held; sleep 600 & p=$!; trap "kill $p; exit" TERM; wait' - "${URL##*:}" "$1" 3>&- &
	HELD=$!
	STARTED+=("$HELD")
	eventually [ -e held ] || fail 'connections can not be held'
}

let_go() {
	kill -TERM "$HELD"
	reap "$HELD" || true
	forget "$HELD"
}

# told PATTERN: the server says so, once.
told() {
	eventually grep -qE -- "$1" server.err || fail "server: $(cat server.err)"
	[ "$(grep -cE -- "$1" server.err)" -eq 1 ] || fail "server: $(cat server.err)"
	: >server.err
}

@test "too few descriptors: accepting pauses, quietly, and goes on" {
	local server model threads
	[ -d /proc/self/task ] || skip 'there is no /proc/PID/stat'
	for server in $SERVERS; do
		for model in $MODELS; do
			[ "$model" != fork ] || continue        # its connections are the children's
			case $model in
			pool|event) threads='-j 2' ;;           # descriptors, too
			*) threads= ;;
			esac
			# shellcheck disable=SC2086 # words
			start bash -c 'ulimit -n 40; exec "$@"' - "$server" -p 0 -m "$model" $threads
			: >server.err
			hold_many 60
			waits_quietly sleep 1.5
			told 'accept: Too many open files'
			let_go
			bench-lat -n 3 -T 20 "$URL" >out.tsv || fail "$server $model: $(cat out.tsv)"
			stop
		done
	done
}

@test "no thread, no process: accepting pauses, quietly, and goes on" {
	local server model client
	[ -d /proc/self/task ] || skip 'there is no /proc/PID/stat'
	need_starve
	for server in $SERVERS; do
		for model in thread fork request; do
			rm -f famine
			start env LD_PRELOAD="$PWD/starve.so" STARVE="$PWD/famine" "$server" -p 0 -m "$model"
			bench-lat -n 3 "$URL" >/dev/null
			: >famine
			bench-lat -n 3 -w 0 -T 20 "$URL" >out.tsv 2>err.txt 3>&- &
			client=$!
			STARTED+=("$client")
			sleep 0.2
			waits_quietly sleep 1.5
			told "$model: Resource temporarily unavailable"
			kill -0 "$client" || fail "$server $model: $(cat out.tsv err.txt)"
			rm famine
			# who has waited is served
			reap "$client" || fail "$server $model: $(cat out.tsv err.txt)"
			forget "$client"
			[ "$(total out.tsv n)" = 3 ] || fail "$(cat out.tsv)"
			stop
		done
	done
}

# has_sockets N: the server's, those that listen among them.
has_sockets() {
	[ "$(find "/proc/$PID/fd" -lname 'socket:*' 2>/dev/null | wc -l)" -eq "$1" ]
}

# ends N: connections that are made and ended, without a request.
ends() {
	local fd i
	for ((i = 0; i < $1; i++)); do
		exec {fd}<>"/dev/tcp/127.0.0.1/${URL##*:}"
		exec {fd}>&-
	done
}

@test "-m request: a connection that ends between requests takes no thread" {
	local server before made
	[ -d /proc/self/task ] || skip 'there is no /proc/PID/fd'
	need_starve
	for server in $SERVERS; do
		made=51
		rm -f famine
		start env LD_PRELOAD="$PWD/starve.so" STARVE="$PWD/famine" "$server" -p 0 -m request \
		    -u usage.tsv
		before=$(find "/proc/$PID/fd" -lname 'socket:*' | wc -l)
		: >famine
		bad_client connects "${URL##*:}" 50
		# poll(2) can't tell it
		if grep -q epoll "$(command -v "$server")"; then
			made=$((made + 100))
			ends 50
			rm famine
			bench-conn -q -n 50 -x ': >famine' "$URL" >out.tsv || fail "$server: $(cat out.tsv)"
		fi
		# accepted after those
		hold_many 1
		eventually has_sockets $((before + 1)) || fail "$server: $(cat server.err)"
		stop
		[ "$(usage_cell connections)" -ge "$made" ] || fail "$server: $(cat usage.tsv)"
		[ "$(usage_cell errors)" = 0 ] || fail "$server: $(cat usage.tsv)"
		let_go
	done
}

@test "beyond -c connections wait, at no cost, and are served" {
	local server model client
	[ -d /proc/self/task ] || skip 'there is no /proc/PID/stat'
	for server in $SERVERS; do
		for model in $MODELS; do
			start "$server" -p 0 -m "$model" -c 3
			hold_many 3
			bench-lat -n 3 -w 0 -T 20 "$URL" >out.tsv 2>err.txt 3>&- &
			client=$!
			STARTED+=("$client")
			waits_quietly sleep 1
			told '-c 3: as many connections as that, others wait'
			kill -0 "$client" || fail "$server $model: $(cat out.tsv err.txt)"
			let_go
			reap "$client" || fail "$server $model: $(cat out.tsv err.txt)"
			forget "$client"
			stop
		done
	done
}

@test "more connections than local ports: further ones come from other addresses of loopback" {
	need unshare ip
	unshare -n true 2>/dev/null || skip 'no network of our own'
	! bench-lat -P 0 -n 1 rpc+unix://%2Fnone 2>&1 | grep -q 'no call to choose processors' ||
	    skip 'a build without calls of its system'
	local server
	for server in $SERVERS; do
		# either driver, and those that keep all they open
		run --separate-stderr unshare -n bash -c 'ip link set lo up &&
		    echo "40000 40499" >/proc/sys/net/ipv4/ip_local_port_range || exit 77
		    "$0" -m event bash -c "
			bench-conc -c 3000 -n 1 -w 0 -H && bench-conc -c 600 -j 600 -n 1 -w 0 -H &&
			bench-conn -n 1200 -o connect -H && bench-idle -n 1200 -H"' "$server"
		[ "$status" -ne 77 ] || skip 'the range of ports is fixed'
		[ "$status" -eq 0 ] || fail "$server: status $status: $stderr"
		[ "$(awk -F '\t' '$2 == "bench-conc" { n += $9; bad += $10 } END { print n, bad }' <<<"$output")" = \
		    "$((2 * (3000 + 600))) 0" ] || fail "$server: $output"
		[ "$(awk -F '\t' '$2 == "bench-conn" && $3 == "connect" { print $9 }' <<<"$output" | tr '\n' ' ')" = \
		    '1200 ' ] || fail "$server: $output"
		[ "$(awk -F '\t' 'NF == 5 { print $2 }' <<<"$output")" = 1200 ] || fail "$server: $output"
	done
}

@test "where all local ports are taken, what helps is said" {
	need unshare ip
	unshare -n true 2>/dev/null || skip 'no network of our own'
	! bench-lat -P 0 -n 1 rpc+unix://%2Fnone 2>&1 | grep -q 'no call to choose processors' ||
	    skip 'a build without calls of its system'
	local addr more
	for addr in 127.0.0.1 ::1; do
		# of 127.0.0.1 there are 254, with two ports each
		run --separate-stderr unshare -n bash -c 'ip link set lo up &&
		    echo "40000 40001" >/proc/sys/net/ipv4/ip_local_port_range || exit 77
		    rpc-serve -a "$0" -p 18812 -m event bench-conc -c 600 -n 1 -w 0 -H' "$addr"
		[ "$status" -ne 77 ] || skip 'the range of ports is fixed'
		[[ $stderr != *'bind '* ]] || skip 'no IPv6'
		[ "$status" -eq 1 ] || fail "$addr: status $status: $stderr"
		grep -q 'no free local port: .*(there are 2 for connections to one address and port; ' <<<"$stderr" ||
		    fail "$addr: $stderr"
		more=$(grep -c 'of the server, or 127.0.0.1, which has more of them' <<<"$stderr" || :)
		[ $((more > 0)) -eq $((${#addr} < 9)) ] || fail "$addr: $stderr"
	done
}

@test "no address to connect from is no lack of ports" {
	need unshare ip
	unshare -n true 2>/dev/null || skip 'no network of our own'
	run --separate-stderr unshare -n bash -c 'ip link set lo up &&
	    { echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; } 2>/dev/null || exit 77
	    timeout 60 bench-lat -n 1 "http://[::1]:1"'
	[ "$status" -ne 77 ] || skip 'no IPv6 to disable'
	want 1 '^bench-lat: connect \[::1\]:1: Cannot assign requested address$'
}

@test "a limit is named with its number" {
	local server model
	need_starve
	for server in $SERVERS; do
		start bash -c 'ulimit -n 60; exec "$@"' - "$server" -p 0 -m thread -c 100
		[ "$(cat server.err)" = "$server: -c 100: fewer descriptors than that, 60 (ulimit -n; 124 would do)" ] ||
		    fail "$(cat server.err)"
		: >server.err
		hold_many 70
		eventually grep -q 'accept: Too many open files (at [45][0-9] connections, .*ulimit -n: 60 (124 would do))' server.err ||
		    fail "$(cat server.err)"
		: >server.err
		let_go
		stop
		for model in thread fork; do
			: >famine
			start env LD_PRELOAD="$PWD/starve.so" STARVE="$PWD/famine" "$server" -p 0 -m "$model"
			hold_many 1
			eventually grep -q "$model: Resource temporarily unavailable (at 1 connections, " server.err ||
			    fail "$(cat server.err)"
			[ ! -e /proc/sys/kernel/pid_max ] ||
			    grep -q "kernel.pid_max: $(cat /proc/sys/kernel/pid_max)[, ].*kernel.threads-max" server.err ||
			    fail "$(cat server.err)"
			: >server.err
			rm famine
			let_go
			stop
		done
	done
}

@test "the threads and processes that connections need: a limit is named before it is met, with what would do" {
	local server map
	[ -e /proc/sys/vm/max_map_count ] || skip 'these limits are of Linux'
	map=$(cat /proc/sys/vm/max_map_count)
	[ "$map" -lt 2000000 ] || skip 'as many threads as that are allowed'
	for server in $SERVERS; do
		# 2 for each and what the program has beside
		"$server" -m thread -c 1000000 true 2>err.txt
		grep -qE "^$server: -c 1000000: fewer threads than that; (.*, )?vm.max_map_count: $map \(2 per thread; 2000200 would do\)$" err.txt ||
		    fail "$(cat err.txt)"
		"$server" -m fork -c 1000000 true 2>err.txt
		! grep -E 'descriptors|max_map_count' err.txt || fail 'of no concern to it'
		[ "$(cat /proc/sys/kernel/threads-max)" -gt 1001000 ] ||
		    grep -qE "^$server: -c 1000000: fewer processes than that; .*kernel.threads-max: [0-9]+ \(10[0-9]{5} would do\)" err.txt ||
		    fail "$(cat err.txt)"
		# no thread for one that is idle
		"$server" -m event -c 1000000 true 2>err.txt
		! grep -q threads err.txt || fail "$(cat err.txt)"
		# what nobody has asked for
		"$server" -m thread true 2>err.txt
		[ ! -s err.txt ] || fail "$(cat err.txt)"
	done
}

@test "a client's threads: the limit is named" {
	local program
	need_starve
	start http-serve -p 0
	for program in 'bench-conc -j 3' 'bench-busy'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr env LD_PRELOAD="$PWD/starve.so" NO_THREAD=1 $program -c 3 "$URL"
		want 1 "^${program%% *}: thread 1 of 3: Resource temporarily unavailable$(task_limits)"
	done
}

# What follows where the system says which limits a thread may have run into.
task_limits() { [ ! -e /proc/sys/kernel/pid_max ] || printf '%s' ' \(.*kernel.pid_max: '; }

# announced COMMAND...: a server is started; true if it prints its URL, which is in file url then.
# STATUS: that of one that ended before.
announced() {
	rm -f url
	"$@" >url 2>>server.err 3>&- &
	PID=$!
	STARTED+=("$PID")
	eventually told_or_gone
	[ ! -s url ] || return 0
	STATUS=0
	reap "$PID" || STATUS=$?
	forget "$PID"
	return 1
}

told_or_gone() { [ -s url ] || is_gone "$PID"; }

@test "a server that is announced serves: with any number of descriptors, or it says so and ends" {
	local server model limit threads served
	for server in $SERVERS; do
		for model in $MODELS; do
			case $model in
			pool|event) threads='-j 2' ;;
			*) threads= ;;
			esac
			served=0
			for limit in 4 6 8 9 10 11 12 13 14 15 16 18 24; do
				# shellcheck disable=SC2086 # words
				if announced bash -c 'ulimit -n "$0"; exec "$@"' "$limit" "$server" -p 0 -m "$model" $threads; then
					bench-lat -n 3 -T 20 "$(cat url)" >out.tsv || fail "$model $limit: $(cat out.tsv)"
					# one that waits for room has said so
					! grep -v 'accept: Too many open files' server.err || fail "$model $limit"
					: >server.err
					stop
					served=$((served + 1))
				else
					[ "$STATUS" -eq 1 ] || fail "$model $limit: status $STATUS"
					grep -q 'Too many open files' server.err || fail "$model $limit: $(cat server.err)"
					: >server.err
				fi
			done
			[ "$served" -ge 1 ] && [ "$served" -le 10 ] || fail "$server $model: $served"
		done
	done
}

@test "a server whose model can't begin announces nothing and starts no command" {
	need_starve
	local server model
	: >famine
	for server in $SERVERS; do
		for model in pool event; do
			run --separate-stderr timeout 60 env LD_PRELOAD="$PWD/starve.so" STARVE="$PWD/famine" \
			    "$server" -p 0 -m "$model"
			want 1 "$model: Resource temporarily unavailable$(task_limits)"
			[ -z "$output" ] || fail "$model: $output"
			run --separate-stderr timeout 60 env LD_PRELOAD="$PWD/starve.so" STARVE="$PWD/famine" \
			    "$server" -m "$model" touch started
			want 1 "$model: Resource temporarily unavailable"
			[ ! -e started ] || fail "$model: the command was started"
		done
	done
	# the memory of 1024 threads
	run --separate-stderr bash -c 'ulimit -v 60000; timeout 60 http-serve -p 0 -m pool -j 1024'
	want 1 'pool: '
	[ -z "$output" ] || fail "$output"
}

# famished N COMMAND...: as run, with memory for N allocations.
famished() {
	run --separate-stderr timeout 60 env LD_PRELOAD="$PWD/starve.so" FAMINE="$1" "${@:2}"
}

@test "memory that runs out while options are read is no usage error" {
	local command k said
	need_starve
	export BENCH_TARGET=http://127.0.0.1:1 BENCH_LABEL=x
	echo words >words
	while read -ra command; do
		said=0
		for ((k = 0; k < 40; k++)); do
			famished "$k" "${command[@]}"
			[ "$status" -eq 1 ] || fail "$k: ${command[*]}: status $status: $output $stderr"
			[ "$stderr" != "${command[0]}: out of memory" ] || said=$((said + 1))
		done
		# the lists of targets and labels, what they name, operations and rows
		[ "$said" -ge 7 ] || fail "${command[*]}: only $said times"
	done <<-'COMMANDS'
	bench-conn -o connect
	bench-lat -s 1,2,3 -o echo
	bench-lat -s 1 -o echo -Z
	bench-lat -s 1 -o echo -f words
	bench-bw -s 1,2,3
	bench-file -s 1,2,3 -k 1
	bench-conc -c 3,2,1
	bench-busy -c 2
	bench-idle -n 2
	COMMANDS
	famished 0 bench-turns -p 1 http-serve bench-lat
	want 1 '^bench-turns: out of memory$'
}

@test "memory that runs out is no usage error of a server, nor a malformed file" {
	local command k
	need_starve
	http-serve bench-lat -B 5 -n 20 >rows.tsv
	http-serve bench-lat -R -n 20 >raw.tsv
	for command in 'rpc-serve true' 'http-serve -m event -l x true' 'bench-stat rows.tsv' \
	    'bench-stat raw.tsv' 'bench-show rows.tsv' 'bench-show -j raw.tsv'; do
		for ((k = 0; k < 60; k++)); do
			# shellcheck disable=SC2086
			famished "$k" $command
			[ "$status" -le 1 ] || fail "$k: $command: status $status: $output $stderr"
			[ "$k" -gt 0 ] || [ "$status" -eq 1 ] || fail "$command: without memory: $output"
			# that of a new thread is called so
			[ "$status" -eq 0 ] || [[ $stderr == *emory* || $stderr == *'temporarily unavailable'* ]] ||
			    fail "$k: $command: $stderr"
		done
	done
	for command in bench-stat bench-show; do
		famished 0 "$command" rows.tsv
		want 1 "^$command: out of memory\$"
	done
}

@test "programs are small: a file below 350 KB, and few system calls before the command" {
	[ -z "${SANITIZED:-}" ] || skip 'a sanitizer is part of the program'
	local program size calls
	for program in "$BIN"/*.c; do
		program=${program%.c}
		if grep -q '\.debug_info' "$program"; then
			need strip
			strip -o stripped "$program"
			program=$PWD/stripped
		fi
		size=$(wc -c <"$program")
		[ "$size" -lt 350000 ] || fail "$program: $size bytes"
	done
	need readelf
	for program in $SERVERS; do
		# loading it takes a tenth of the time to the command
		! readelf -d "$BIN/$program" | grep 'NEEDED.*libm[.]' || fail "$program"
	done
	need strace
	strace -f -c -o calls rpc-serve true || skip 'strace is not allowed'
	# those of true(1) and of loading two programs included
	calls=$(awk '$NF == "total" { print $4 }' calls)
	[ "$calls" -ge 50 ] && [ "$calls" -lt 180 ] || fail "$(cat calls)"
}
