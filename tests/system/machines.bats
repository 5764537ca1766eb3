#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Several machines: network namespaces with an sshd in each, made and removed here. A server's, and
# four clients', which are joined in the server's by a bridge.

bats_require_minimum_version 1.5.0
load ../helper

# shellcheck disable=SC2030,SC2031 # a variable that each test exports for itself
CLIENTS='1 2 3 4'
SERVER=10.77.0.1

# ns NAME: the namespace of this test that is called so.
ns() {
	echo "rpcbench-$BATS_ROOT_PID-$BATS_TEST_NUMBER-$1"
}

# on NAME COMMAND...: run it there.
on() {
	ip netns exec "$(ns "$1")" "${@:2}"
}

# sshd_in NAME ADDRESS [OPTION]: start it there, and wait until it answers.
sshd_in() {
	{
		printf 'ListenAddress %s\nHostKey %s/key\nAuthorizedKeysFile %s/key.pub\n' "$2" "$PWD" "$PWD"
		printf 'StrictModes no\nUsePAM no\nPidFile none\nMaxStartups 100\n%s\n' "${3:-}"
	} >"sshd-$1.conf"
	ip netns exec "$(ns "$1")" /usr/sbin/sshd -D -e -f "$PWD/sshd-$1.conf" 3>&- 2>"sshd-$1.log" &
	STARTED+=($!)
	SSHD[$1]=$!
	eventually on server ssh -F "$PWD/ssh.conf" "$2" true 2>/dev/null || fail "no sshd: $(cat "sshd-$1.log")"
}

setup() {
	STARTED=() NEXT=0
	declare -gA SSHD=()
	cd "$BATS_TEST_TMPDIR" || return 1
	need ip ssh ssh-keygen
	[ -x /usr/sbin/sshd ] || skip 'sshd is not installed'
	[ "$(id -u)" = 0 ] || skip 'network namespaces are for root'
	ip netns add "$(ns server)" 2>why || skip "no network namespaces here"
	[ -d /run/sshd ] || { mkdir /run/sshd && touch made-run-sshd; }
	ssh-keygen -q -t ed25519 -N '' -f key
	{
		printf 'IdentityFile %s/key\nUserKnownHostsFile /dev/null\n' "$PWD"
		printf 'StrictHostKeyChecking no\nBatchMode yes\nLogLevel ERROR\nIdentitiesOnly yes\nUser root\n'
		printf 'ConnectTimeout 60\n'
	} >ssh.conf
	local i
	on server ip link set lo up
	on server ip link add br0 type bridge 2>why || skip 'the kernel has no bridges here'
	on server ip addr add "$SERVER/24" dev br0
	on server ip link set br0 up
	for i in $CLIENTS; do
		ip netns add "$(ns "$i")"
		on server ip link add "to$i" type veth peer name eth0 netns "$(ns "$i")" 2>why ||
		    skip 'the kernel has no veth here'
		on server ip link set "to$i" master br0 up
		on "$i" ip addr add "10.77.0.1$i/24" dev eth0
		on "$i" ip link set eth0 up
		on "$i" ip link set lo up
	done
}

teardown() {
	local i p
	for i in server $CLIENTS; do
		for p in $(ip netns pids "$(ns "$i")" 2>/dev/null); do
			kill -TERM "$p" 2>/dev/null || true
		done
	done
	for p in "${STARTED[@]}"; do
		reap "$p" || true
	done
	for i in $CLIENTS server; do
		ip netns del "$(ns "$i")" 2>/dev/null || true
	done
	[ ! -e made-run-sshd ] || rmdir /run/sshd 2>/dev/null || true
}

# serve SERVER OPTION...: start it in the server's namespace; sets URL and PID.
serve() {
	mkfifo "url$((++NEXT))"
	ip netns exec "$(ns server)" "$BIN/$1" -a "$SERVER" -p 0 -u usage.tsv "${@:2}" 3>&- >"url$NEXT" &
	PID=$!
	STARTED+=("$PID")
	read -r URL <"url$NEXT" || fail "$* does not start"
}

# end_server: with its row in usage.tsv.
end_server() {
	kill -TERM "$PID"
	reap "$PID" || fail "the server's status is $?"
}

# from_clients SERVER OPTION...: SERVER, a command line, is started, and asked by bench-conc of all clients
# together, by ssh, number i with i connections; rows go to i.tsv. (Machines that are occupied may come
# too late: then once more, later, and from a new server, as those in time have been counted.)
from_clients() {
	local i at wait pids bad
	for wait in 3 10 30 60; do
		# shellcheck disable=SC2086 # words
		serve $1
		at=@$((EPOCHSECONDS + wait)) pids=() bad=
		for i in $CLIENTS; do
			on server ssh -F "$PWD/ssh.conf" "10.77.0.1$i" "$BIN/bench-conc" -q -w 0 -c "$i" -W "$at" -l http \
			    "${@:2}" "$URL" >"$i.tsv" 2>"$i.err" 3>&- &
			pids+=($!)
		done
		for i in "${pids[@]}"; do
			wait "$i" || bad=yes
		done
		cat ./?.err >err.txt
		grep -Eq 'too late|in the past' err.txt || break
		end_server
	done
	[ -z "$bad" ]
}

@test "four clients and a server: sums are the server's own, quantiles those of all samples" {
	local i
	for i in $CLIENTS; do
		sshd_in "$i" "10.77.0.1$i"
	done
	# a second: those that begin a little late still run beside the others
	from_clients 'http-serve -m event -d exp:2ms' -R -n 500 || fail "$(cat err.txt)"
	end_server
	bench-stat -p 1.tsv 2.tsv 3.tsv 4.tsv >out.tsv 2>err.txt || fail "$(cat out.tsv err.txt)"
	[ "$(cell out.tsv n)/$(cell out.tsv errors)/$(cell out.tsv clients)" = 5000/0/10 ] || fail "$(cat out.tsv)"
	# each connection had a first reply
	[ "$(usage_cell requests)/$(usage_cell connections)" = 5010/10 ] || fail "$(cat usage.tsv)"
	tail -qn +2 ./?.tsv | cut -f 9 | sort -n >all
	[ "$(wc -l <all)" = 5000 ] || fail "$(wc -l <all) samples"
	for i in p50_us/2500 p90_us/4500 p95_us/4750 p99_us/4950 p999_us/4995 min_us/1 max_us/5000; do
		awk -v a="$(cell out.tsv "${i%/*}")" -v b="$(sed -n "${i#*/}p" all)" \
		    'BEGIN { exit !(a / b < 1.0006 && a / b > 0.9994) }' || fail "$i: $(cat out.tsv)"
	done
}

@test "four clients: latency contains the delay to 2 %, open loops add up, a silent machine is named" {
	local i
	for i in $CLIENTS; do
		sshd_in "$i" "10.77.0.1$i"
	done
	from_clients 'http-serve -m thread -d 50ms' -n 20 || fail "$(cat err.txt)"
	bench-stat -p 1.tsv 2.tsv 3.tsv 4.tsv >out.tsv 2>err.txt || fail "$(cat out.tsv err.txt)"
	[ "$(cell out.tsv n)" = 200 ] || fail "$(cat out.tsv)"
	# the shortest of 200
	awk -v us="$(cell out.tsv min_us)" 'BEGIN { exit !(us >= 50000 && us <= 51000) }' || fail "$(cat out.tsv)"
	# a machine is gone
	kill -TERM "${SSHD[3]}"
	reap "${SSHD[3]}" || true
	from_clients 'http-serve -m thread -d 50ms' -D -r 20 -t 2 && fail 'the third machine answered' || true
	[ -s 3.err ] && [ ! -s 3.tsv ] || fail "$(cat 3.err 3.tsv)"
	run -1 --separate-stderr bench-stat -p 1.tsv 2.tsv 3.tsv 4.tsv
	[[ $stderr = 'bench-stat: 3.tsv: no rows'* ]] || fail "$stderr"
	cat >out.tsv <<<"$output"
	[ "$(awk -F '\t' '$3 == "ping" { print $6, $8, $9 + $10 }' out.tsv)" = '7 60.00 120' ] || fail "$(cat out.tsv)"
}

# recipe N: the nth command of the section on several machines, for a short run on these ones.
recipe() {
	awk '/^\.Sh/ { on = /SEVERAL MACHINES/ } /^\.Ed/ { show = 0 } on && show { print } /^\.Bd/ { show = 1; print "" }
	' "$BIN/rpcbench.7" | awk -v n="$1" 'BEGIN { RS = "" } NR == n' |
	    sed 's/\\e/\\/g; s/-t 30/-t 3/; s,rpc://server,"$URL",; s/ bench-show/ cat/; s/@$((/@$((5 + /'
}

@test "the recipes of rpcbench(7) for ssh, GNU parallel and pdsh" {
	local i n text wait begins=([1]='ssh -n' [2]='parallel -j0 ' [4]='pdsh -R ssh ')
	for i in $CLIENTS; do
		printf 'Host h%s\nHostName 10.77.0.1%s\n' "$i" "$i" >>ssh.conf
		sshd_in "$i" "10.77.0.1$i" "SetEnv PATH=$PATH"
	done
	mkdir bin
	printf '#!/bin/sh\nexec %s -F %s/ssh.conf "$@"\n' "$(command -v ssh)" "$PWD" >bin/ssh
	chmod +x bin/ssh
	serve rpc-serve -m event
	for n in "${!begins[@]}"; do
		text=$(recipe "$n")
		[[ $text = *"${begins[n]}"*'bench-stat -p'* ]] || fail "$text"
		command -v "${begins[n]%% *}" >/dev/null || continue
		[ "$n" = 1 ] || text="at=@\$((\$(date +%s) + 10)); $text"
		# (machines that are occupied may come too late: then once more, later)
		for wait in 10 60; do
			URL=$URL HOME=$PWD PATH=$PWD/bin:$PATH on server bash -c "${text/+ 10/+ $wait}" >out.tsv 2>err.txt && break
			grep -q 'too late\|in the past' err.txt || fail "$text: $(cat err.txt)"
		done
		rows out.tsv "$HEADER"
		[ "$(cell out.tsv clients)/$(cell out.tsv op)" = 40/ping ] || fail "$text: $(cat out.tsv err.txt)"
	done
}

@test "netem: latency contains the network's delay to 2 %" {
	on 1 tc qdisc add dev eth0 root netem delay 40ms 2>/dev/null || skip 'the kernel has no sch_netem here'
	serve http-serve -m thread
	on 1 bench-lat -n 50 "$URL" >out.tsv
	awk -v us="$(cell out.tsv min_us)" 'BEGIN { exit !(us >= 40000 && us <= 40800) }' || fail "$(cat out.tsv)"
}

@test "a network of a known rate carries no more than that" {
	on 1 tc qdisc add dev eth0 root tbf rate 80mbit burst 32k latency 500ms 2>why ||
	    skip "the kernel has no sch_tbf here"
	serve http-serve -m thread
	on 1 bench-file -n 3 -s 3m -o upload "$URL" >out.tsv
	# 10 MB/s, of which headers take a part; a bucket of 32 KB may be full at the start
	awk -v b="$(cell out.tsv bytes_per_s)" 'BEGIN { exit !(b > 0 && b <= 10200000) }' || fail "$(cat out.tsv)"
}

# servers: those that run in the server's namespace.
servers() {
	local p
	for p in $(ip netns pids "$(ns server)"); do
		ps -o args= -p "$p" | grep -- '-serve -m\|cat' || true
	done
}

no_servers() {
	[ -z "$(servers)" ]
}

some_rows() {
	[ "$(wc -l <"$1")" -gt 2 ]
}

@test "bench-suite: servers on another machine, which leave nothing behind" {
	local how pid ends=('KILL suite' 'TERM suite' 'KILL ssh')
	sshd_in server "$SERVER"
	export BENCH_RSH="ssh -F $PWD/ssh.conf"
	on 1 bench-suite -p 2 -P 0:0 -x 'bench-lat -n 50 -B 2' -o out rpc-thread "rpc-thread@$SERVER" \
	    "far=http-event@root@$SERVER" >report.txt 2>err.txt || fail "$(cat err.txt)"
	[ "$(cut -f 1 out/rows.tsv | sort | uniq -c | tr -s ' \n' ' ')" = \
	    " 4 far 1 label 4 rpc-thread 4 rpc-thread@$SERVER " ] || fail "$(cat out/rows.tsv)"
	[ "$(cut -f 1 out/usage.tsv | sort | uniq -c | tr -s ' \n' ' ')" = \
	    " 2 far 1 label 2 rpc-thread 2 rpc-thread@$SERVER " ] || fail "$(cat out/usage.tsv)"
	grep -q "^server_far	root@$SERVER: Linux " out/env.tsv || fail "$(cat out/env.tsv)"
	no_servers || fail "$(servers)"
	# a name that only ssh knows, of the machine itself
	printf 'Host far\nHostName 127.0.0.1\n' >>ssh.conf
	sshd_in server 127.0.0.1
	on server bench-suite -p 1 -x 'bench-lat -n 50 -B 2' -o near rpc-thread@far >report.txt 2>err.txt ||
	    fail "$(cat err.txt)"
	[ "$(wc -l <near/rows.tsv)" = 3 ] || fail "$(cat near/rows.tsv)"
	# who was started with SIGINT ignored can't make a script notice it
	how=$(awk '/^SigIgn/ { print substr($2, length($2)) }' /proc/self/status)
	[ $((0x$how & 2)) -ne 0 ] || ends+=('INT suite')
	for how in "${ends[@]}"; do
		on 1 bench-suite -p 1 -x 'bench-lat -t 1000' -o "out-$how" "rpc-fork@$SERVER" "rpc-pool@$SERVER" \
		    >report.txt 2>err.txt 3>&- &
		pid=$!
		STARTED+=("$pid")
		eventually eval "servers | grep -q BENCH_TARGET" || fail "no server: $(cat err.txt)"
		case $how in
		*suite) kill -"${how% *}" "$(pgrep -f -P "$pid" bench-suite || echo "$pid")" ;;
		*) pgrep -f "ssh -F $PWD/ssh.conf $SERVER" | xargs kill -KILL ;;
		esac
		eventually no_servers || fail "$how: $(servers)"
		[ "$how" != 'KILL ssh' ] || kill -TERM "$pid" || true
		reap "$pid" || true
	done
}

@test "bench-suite: a machine that can't be reached, or has no such server, is named" {
	export BENCH_RSH="ssh -F $PWD/ssh.conf"
	run -1 --separate-stderr on 1 bench-suite -p 1 -o out "rpc-thread@$SERVER"
	[[ $stderr = "bench-suite: rpc-thread@$SERVER: "*refused* ]] || fail "$stderr"
	sshd_in server "$SERVER"
	run -2 --separate-stderr on 1 bench-suite -p 1 -o out "rpc-nonsense@$SERVER"
	[[ $stderr = "bench-suite: rpc-nonsense@$SERVER: "*'unknown model'* ]] || fail "$stderr"
	run -1 --separate-stderr on 1 bench-suite -p 1 -o out "x=/nowhere/rpc-thread@$SERVER"
	[[ $stderr = *'not found'* ]] || fail "$stderr"
	run -2 --separate-stderr on 1 bench-suite -p 1 -o out rpc-thread@
	[ "$stderr" = 'bench-suite: rpc-thread@: no host behind the @' ] || fail "$stderr"
}
