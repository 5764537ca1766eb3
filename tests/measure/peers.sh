#!/bin/sh
# SPDX-License-Identifier: ISC
# Our speed against others', side by side: bare TCP, sockperf, wrk, nginx, iperf3, a stock RPyC
# server.
#
# Each row is measured in several rounds. A round is one run of ours and one of the peer's,
# right after each other and in turns first, so that whatever else the machine does falls on
# both; what counts is the ratio of the medians. Nothing is left running.
#
# The figures of one machine depend on where the kernel puts client and server. A round trip
# is measured both as it comes and with both on one processor (taskset), where no wake-up of
# another processor covers what the programs cost.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=peers
usage='usage: peers.sh [-hq] [-n rounds] [-o dir] [row ...]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

rows='lat-rpc lat-rpc-one lat-http lat-http-one sockperf sockperf-one serve-16 serve-100 serve-1000
serve-10000 conc-16 conc-100 conc-1000 file-rpc-up file-rpc-down file-http-up file-http-down
connect many-http many-rpc stock stock-event stock-deep'

help() {
	cat <<HELP
$usage
Measure this toolkit and others' programs side by side; print what came out as TSV.

  -n rounds  of each row (7; with -q 3)
  -o dir     folder for peers.tsv, rounds.tsv and env.tsv (a new one in results/)
  -q         quick: short runs, for a first look

rows: $(printf '%s' "$rows" | tr '\n' ' ')
HELP
}

# ---- ours and theirs: each function makes one run and sets value ----

# A run that fails has no value: say why.
failed() {
	value=''
	say "$*: status $status: $(cat "$tmp/err" "$tmp/out" | head -c 300 | tr '\n' ' ')"
}

# bench COLUMN OP COMMAND...: that value of a row of one of our programs.
bench() {
	column=$1 op=$2
	shift 2
	run_child "$@"
	value=$(cell "$tmp/out" "$column" "$op")
	if [ "$status" -ne 0 ] || [ -z "$value" ]; then
		failed "$*"
	fi
}

# A command under wrk's own report.
wrk_rate() {
	run_child "$@"
	value=$(awk '/^Requests\/sec:/ { print $2 }' "$tmp/out")
	if [ "$status" -ne 0 ] || grep -qE 'Socket errors|Non-2xx' "$tmp/out"; then
		failed "$*"
	fi
}

wrk_on_ours() {
	# shellcheck disable=SC2016 # the server's command knows the target
	wrk_rate bin/http-serve -m event sh -c \
	    'exec wrk -t"$1" -c"$2" -d"$3"s --timeout 30s "$BENCH_TARGET/ping"' - \
	    "$(threads "$1")" "$1" "$secs"
}

# As many as there are processors, unless there are fewer connections.
threads() {
	t=$(processors)
	[ "$t" -le "$1" ] || t=$1
	printf '%s' "$t"
}

pingpong() {
	run_child "$@"
	value=$(cat "$tmp/out")
	[ "$status" -eq 0 ] || failed "$*"
}

# sockperf_rtt BYTES [PIN...]: the median round trip of messages of one size, by sockperf's report.
sockperf_rtt() {
	size=$1
	shift
	run_child "$@" sockperf ping-pong --tcp --full-rtt -i 127.0.0.1 -p "$sockperf_port" -m "$size" -t "$secs"
	value=$(awk '/percentile 50\.000/ { print $NF }' "$tmp/out")
	if [ "$status" -ne 0 ] || [ -z "$value" ]; then
		failed "$*" sockperf
	fi
}

# iperf_rate BYTES [-R]: with -R a download.
iperf_rate() {
	run_child iperf3 -c 127.0.0.1 -p "$iperf_port" -J -n "$@"
	# the receiver's word; the document's only key of this name in sum_received
	value=$(awk '/"sum_received"/ { on = 1 }
		on && /"bits_per_second"/ { gsub(/[^0-9.e+]/, ""); sub(/^e*/, ""); print $0 / 8; exit }' "$tmp/out")
	[ "$status" -eq 0 ] || failed iperf3 "$@"
}

# The bytes of one ping each way, as the server counts them: sets asked, answered.
sizes() {
	for n in 1000 2000; do
		run_child bin/"$1"-serve -m thread -u "$tmp/usage.$n" bin/bench-lat -w 0 -n $n
		[ "$status" -eq 0 ] || die "bench-lat: status $status: $(cat "$tmp/err")"
	done
	both=$(paste "$tmp/usage.1000" "$tmp/usage.2000" | awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) { if ($i == "bytes_in") in_[++a] = i
			if ($i == "bytes_out") out[++b] = i }; next }
		{ print int(($in_[2] - $in_[1]) / 1000), int(($out[2] - $out[1]) / 1000) }')
	asked=${both% *} answered=${both#* }
}

# ---- servers of others ----

start_nginx() {
	mkdir "$tmp/nginx"
	for try in 1 2 3 4 5 6 7 8; do
		some_port "$try"
		cat >"$tmp/nginx/nginx.conf" <<CONF
daemon off;
worker_processes auto;
pid $tmp/nginx/pid;
error_log stderr error;
events { worker_connections 16384; }
http {
	access_log off;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	default_type application/json;
	client_body_temp_path $tmp/nginx/t1; proxy_temp_path $tmp/nginx/t2;
	fastcgi_temp_path $tmp/nginx/t3; uwsgi_temp_path $tmp/nginx/t4;
	scgi_temp_path $tmp/nginx/t5;
	server { listen 127.0.0.1:$port backlog=4096; location / { return 200 '{"response":"pong"}'; } }
}
CONF
		keep nginx -e stderr -p "$tmp/nginx" -c "$tmp/nginx/nginx.conf"
		# it writes this file once it listens
		if until_true "$kept" test -s "$tmp/nginx/pid"; then
			nginx_url=http://127.0.0.1:$port
			return
		fi
		drop "$kept"
	done
	die "nginx: $(head -c 300 "$tmp/log.err")"
}

listens() {
	grep -q 'Server listening' "$tmp/log"
}

start_iperf() {
	for try in 11 12 13 14 15 16 17 18; do
		some_port "$try"
		keep iperf3 -s -B 127.0.0.1 -p "$port" --forceflush
		if until_true "$kept" listens; then
			iperf_port=$port
			return
		fi
		drop "$kept"
	done
	die "iperf3: $(head -c 300 "$tmp/log.err")"
}

answers() {
	grep -q 'to block on socket' "$tmp/log"
}

# start_sockperf [PIN...]: a server of its own for each placement.
start_sockperf() {
	for try in 21 22 23 24 25 26 27 28; do
		some_port "$try"
		keep "$@" sockperf server --tcp -i 127.0.0.1 -p "$port"
		if until_true "$kept" answers; then
			sockperf_port=$port sockperf_pin=$*
			return
		fi
		drop "$kept"
	done
	die "sockperf: $(head -c 300 "$tmp/log" "$tmp/log.err")"
}

start_stock() {
	keep_server "$python" tests/peers/rpyc_service.py
	stock_url=$url
}

# ---- rows ----

# describe ROW: sets what, unit, target, better (less or more), needs, and ours and peer, each
# a command that makes a run, as words without blanks.
describe() {
	unit=us better=less needs='' protocol=''
	case $1 in
	lat-rpc*) protocol=rpc target=1.05 ;;
	lat-http*) protocol=http target=1.10 ;;
	esac
	case $1 in
	lat-*)
		what="bench-lat ping, $protocol-serve -m thread, p50, against bare TCP ping-pong"
		pin=''
		case $1 in
		*-one) pin='taskset -c 0' needs=taskset what="$what, on one processor" ;;
		esac
		sizes "$protocol"
		what="$what ($asked and $answered bytes)"
		ours="bench p50_us ping $pin bin/$protocol-serve -m thread bin/bench-lat -o ping -n $pings"
		peer="pingpong $pin tests/peers/pingpong -n $pings -s $asked -r $answered"
		;;
	sockperf*)
		pin='' needs=sockperf target=1.05
		what="bench-lat ping, rpc-serve -m thread, p50, against sockperf's TCP ping-pong"
		case $1 in
		*-one) pin='taskset -c 0' needs='taskset sockperf' what="$what, on one processor" ;;
		esac
		sizes rpc
		size=$(((asked + answered) / 2))
		what="$what ($size bytes each way)"
		ours="bench p50_us ping $pin bin/rpc-serve -m thread bin/bench-lat -o ping -n $pings"
		peer="sockperf_rtt $size $pin"
		;;
	serve-*)
		what="http-serve -m event under wrk, ${1#*-} connections, against nginx"
		unit=per_s better=more target=1 needs='wrk nginx'
		ours="wrk_on_ours ${1#*-}" peer="wrk_on_nginx ${1#*-}"
		;;
	conc-*)
		what="bench-conc on nginx, ${1#*-} connections, against wrk on nginx"
		unit=per_s better=more target=1 needs='wrk nginx'
		ours="conc_on_nginx ${1#*-}" peer="wrk_on_nginx ${1#*-}"
		;;
	file-*)
		protocol=${1#file-} protocol=${protocol%-*}
		unit=bytes_per_s better=more target=0.95 needs=iperf3
		case $1 in
		*-up) op=upload reverse='' ;;
		*) op=download reverse=-R ;;
		esac
		what="bench-file $op, $protocol-serve -m thread, against iperf3 ${reverse:-(one stream)}"
		ours="bench bytes_per_s $op bin/$protocol-serve -m thread bin/bench-file -o $op -s 500m -n $files"
		peer="iperf_rate $((files * 500))M $reverse"
		;;
	connect)
		what="bench-conn connect, http-serve -m event, p50, against a bare connect/close loop"
		target=1.05
		ours="bench p50_us connect bin/http-serve -m event bin/bench-conn -o connect -n $conns"
		peer="pingpong tests/peers/pingpong -c -n $conns"
		;;
	many-*)
		protocol=${1#*-}
		what="$protocol-serve -m event under bench-conc, 10000 connections, against 100 connections"
		unit=per_s better=more target=0.8
		ours="conc_on_ours $protocol 10000" peer="conc_on_ours $protocol 100"
		;;
	stock*)
		# one request under way per client measures the client and the system as much as
		# the server; with several the servers are what is busy
		model=event deep=''
		case $1 in
		stock) model=thread ;;
		stock-deep) deep='-d 16' ;;
		esac
		what="rpc-serve -m $model, against stock RPyC's ThreadedServer; bench-conc -c 10 $deep"
		what=${what% }
		unit=per_s better=more target=10 needs=rpyc
		ours="bench ops_per_s ping bin/rpc-serve -m $model bin/bench-conc -o ping -c 10 $deep -t $secs"
		peer="conc_on_stock $deep"
		;;
	*)
		wrong "$1: no such row; there are: $(printf '%s' "$rows" | tr '\n' ' ')" ;;
	esac
}

wrk_on_nginx() {
	wrk_rate wrk -t"$(threads "$1")" -c"$1" -d"$secs"s --timeout 30s "$nginx_url/ping"
}

conc_on_nginx() {
	bench ops_per_s ping bin/bench-conc -o ping -w 0 -c "$1" -j "$(threads "$1")" -t "$secs" "$nginx_url"
}

conc_on_ours() {
	bench ops_per_s ping bin/"$1"-serve -m event bin/bench-conc -o ping -w 1 -c "$2" -t "$secs"
}

conc_on_stock() {
	bench ops_per_s ping bin/bench-conc -o ping -c 10 "$@" -t "$secs" "$stock_url"
}

# Is what the row needs there, and running? Sets missing.
provide() {
	missing=''
	for need in $needs; do
		case $need in
		nginx)
			if ! have nginx; then
				missing=$need
			elif [ -z "$nginx_url" ]; then
				start_nginx
			fi
			;;
		iperf3)
			if ! have iperf3; then
				missing=$need
			elif [ -z "$iperf_port" ]; then
				start_iperf
			fi
			;;
		sockperf)
			if ! have sockperf; then
				missing=$need
			elif [ -z "$sockperf_port" ] || [ "$sockperf_pin" != "$pin" ]; then
				# words without blanks
				# shellcheck disable=SC2086
				start_sockperf $pin
			fi
			;;
		rpyc)
			if ! find_python; then
				missing='python3 with rpyc'
			elif [ -z "$stock_url" ]; then
				start_stock
			fi
			;;
		*)
			have "$need" || missing=$need
			;;
		esac
	done
}

# The ratio is ours to the peer's, of the two values of this round.
one_round() {
	if [ $((round % 2)) -eq 1 ]; then
		$ours
		mine=$value
		$peer
		theirs=$value
	else
		$peer
		theirs=$value
		$ours
		mine=$value
	fi
	awk -v row="$1" -v round="$round" -v mine="$mine" -v theirs="$theirs" 'BEGIN {
		if (mine > 0 && theirs > 0)
			printf "%s\t%d\t%.3f\t%.3f\t%.4f\n", row, round, mine, theirs, mine / theirs
		else
			printf "%s\t%d\tNA\tNA\tNA\n", row, round }' >>"$out/rounds.tsv"
}

# The medians of a row's rounds.
summary() {
	awk -F '\t' -v row="$1" -v what="$what" -v unit="$unit" -v target="$target" -v better="$better" "$awk_median"'
	$1 == row && $5 != "NA" { n++; a[n] = $3 + 0; b[n] = $4 + 0 }
	END {
		if (n == 0) {
			printf "%s\tNA\tNA\t%s\tNA\t%s\tno\n", what, unit,
			    (better == "less" ? "<=" : ">=") target
			exit
		}
		mine = median(a, n)
		theirs = median(b, n)
		ratio = mine / theirs
		holds = better == "less" ? ratio <= target + 0 : ratio >= target + 0
		printf "%s\t%.3f\t%.3f\t%s\t%.3f\t%s\t%s\n", what, mine, theirs, unit,
		    ratio, (better == "less" ? "<=" : ">=") target, holds ? "yes" : "no"
	}' "$out/rounds.tsv" | tee -a "$out/peers.tsv"
}

# ---- main ----

command_line=$*
quick=0 rounds=''
while getopts :hn:o:q opt; do
	case $opt in
	h) help; exit 0 ;;
	n) rounds=$OPTARG ;;
	o) out=$OPTARG ;;
	q) quick=1 ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
if [ "$quick" = 1 ]; then
	rounds=${rounds:-3} secs=1 pings=5000 files=1 conns=500
else
	rounds=${rounds:-7} secs=3 pings=30000 files=6 conns=3000
fi
case $rounds in
*[!0-9]*|0*) wrong "-n $rounds: not a number of rounds" ;;
esac
# shellcheck disable=SC2086 # words
[ $# -gt 0 ] || set -- $rows
for row in "$@"; do
	case " $(printf '%s' "$rows" | tr '\n' ' ') " in
	*" $row "*) ;;
	*) wrong "$row: no such row; there are: $(printf '%s' "$rows" | tr '\n' ' ')" ;;
	esac
done

begin
nginx_url='' iperf_port='' sockperf_port='' sockperf_pin='' stock_url=''
make_out peers.tsv rounds.tsv
env_row rounds "$rounds"
for tool in sockperf wrk nginx iperf3; do
	case $tool in
	sockperf) of=$(sockperf --version 2>&1 | sed 1q) || : ;;
	wrk) of=$(wrk -v 2>&1 | sed 1q) || : ;;
	nginx) of=$(nginx -v 2>&1) || : ;;
	iperf3) of=$(iperf3 -v 2>&1 | sed 1q) || : ;;
	esac
	! have "$tool" || env_row "$tool" "$of"
done
! find_python || env_row rpyc "$("$python" -c 'import rpyc; print(rpyc.__version__)' | sed 1q)"

printf 'row\tround\tours\tpeer\tratio\n' >"$out/rounds.tsv"
printf 'what\tours\tpeer\tunit\tratio\ttarget\tholds\n' | tee "$out/peers.tsv"
skipped=''
for row in "$@"; do
	describe "$row"
	provide
	if [ -n "$missing" ]; then
		say "$row: left out: $missing is not installed"
		skipped="$skipped $row ($missing)"
		continue
	fi
	[ ! -t 2 ] || say "$row"
	round=0
	while [ "$round" -lt "$rounds" ]; do
		round=$((round + 1))
		one_round "$row"
	done
	summary "$row"
done
[ -z "$skipped" ] || env_row left_out "$skipped"
end_out
