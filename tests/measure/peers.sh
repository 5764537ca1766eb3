#!/bin/sh
# SPDX-License-Identifier: ISC
# Our speed against others', in turn and placed: bare loops, wrk, nginx, iperf3, a stock RPyC server.
#
# A round is a run of each program of each contest, in another order each round, with servers
# started anew: what else the machine does falls on all of them. Servers are on one processor and
# clients on another, but for pings, where both are on one, so that no waking of another processor
# covers what the programs cost. What counts is the ratio of ours to a peer's, with its 95 %
# interval over the rounds (bench-cmp): a row holds only if the interval lies within the aim.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=peers
usage='usage: peers.sh [-hq] [-n rounds] [-o dir] [contest ...]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

contests='ping-rpc-thread ping-rpc-event ping-http-thread ping-http-event
serve-1 serve-16 serve-128 serve-1000 serve-10000 conc-1 conc-16 conc-128 conc-1000 conc-10000
file-rpc-upload file-rpc-download file-http-upload file-http-download connect stock-thread
stock-event'

help() {
	cat <<HELP
$usage
Measure this toolkit and others' programs in turn; print what came out as TSV.

  -n rounds  of each contest (11; at least 6)
  -o dir     folder for peers.tsv, rounds.tsv and env.tsv (a new one in results/)
  -q         quick: 6 rounds and short runs, for a first look

contests: $(printf '%s' "$contests" | tr '\n' ' ')
HELP
}

# ---- runs: each function makes one, and notes its figures ----

# note FIGURE VALUE: of this round, contest and program. A run that fails has no value: says why.
note() {
	case $2 in
	'' | *[!0-9.e+]* | 0.00)
		say "$contest: $who: status $status: $(cat "$tmp/err" "$tmp/out" | head -c 300 | tr '\n' ' ')"
		set -- "$1" NA
		;;
	esac
	printf '%s\t%s\t%s\t%s\t%s\n' "$contest" "$round" "$who" "$1" "$2" >>"$out/rounds.tsv"
}

# asked_for FIGURE COLUMN OP: of the rows that one of our programs has printed.
asked_for() {
	value=$(cell "$tmp/out" "$2" "$3")
	[ "$status" -eq 0 ] || value=''
	note "$1" "$value"
}

# Processor time of the children so far, in microseconds; sets spent.
children_time() {
	times >"$tmp/times"
	spent=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, "m"); us += (t[1] * 60 + t[2]) * 1e6 }
		printf "%.0f", us }' "$tmp/times")
}

# per_request COUNT FIGURE: the processor time that children have taken since before, for each.
per_request() {
	children_time
	note "$2" "$(awk -v us="$((spent - before))" -v n="${1:-0}" 'BEGIN { if (n > 0) printf "%.4f", us / n }')"
}

# wrk CONNECTIONS URL: its throughput, and what a request costs it. Sets requests.
run_wrk() {
	requests=0
	children_time
	before=$spent
	run_child taskset -c "$client" wrk -t1 -c"$1" -d"$(lasts "$1")s" --timeout 30s "$2"
	if [ "$status" -ne 0 ] || grep -qE 'Socket errors|Non-2xx|^ *0 requests' "$tmp/out"; then
		note per_s ''
	else
		note per_s "$(awk '/^Requests\/sec:/ { print $2 }' "$tmp/out")"
		requests=$(awk '/ requests in / { print $1 }' "$tmp/out")
		per_request "$requests" cpu_us
	fi
}

# Seconds of a run with so many connections: they take a while to make.
lasts() {
	if [ "$1" -ge 10000 ]; then
		printf '%d' "$((3 * secs))"
	else
		printf '%d' "$secs"
	fi
}

pingpong() {
	run_child taskset -c "$client" tests/peers/pingpong "$@"
	value=$(cat "$tmp/out")
	[ "$status" -eq 0 ] || value=''
	note p50_us "$value"
}

# iperf BYTES [-R]: with -R a download.
run_iperf() {
	start_iperf
	run_child taskset -c "$client" iperf3 -c 127.0.0.1 -p "$port" -J -n "$@"
	# the receiver's word; the document's only key of this name in sum_received
	value=$(awk '/"sum_received"/ { on = 1 }
		on && /"bits_per_second"/ { gsub(/[^0-9.e+]/, ""); sub(/^e*/, ""); print $0 / 8; exit }' "$tmp/out")
	[ "$status" -eq 0 ] || value=''
	note bytes_per_s "$value"
	drop "$kept"
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

# ---- servers: each sets kept, url ----

# start_ours PROTOCOL MODEL
start_ours() {
	keep_server bin/"$1"-serve -m "$2" -P "$server" -p 0
}

start_nginx() {
	rm -rf "$tmp/nginx"
	mkdir "$tmp/nginx"
	for try in 1 2 3 4 5 6 7 8; do
		some_port "$try"
		cat >"$tmp/nginx/nginx.conf" <<CONF
daemon off;
worker_processes 1;
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
		keep taskset -c "$server" nginx -e stderr -p "$tmp/nginx" -c "$tmp/nginx/nginx.conf"
		# it writes this file once it listens
		if until_true "$kept" test -s "$tmp/nginx/pid"; then
			url=http://127.0.0.1:$port
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
		keep taskset -c "$server" iperf3 -s -B 127.0.0.1 -p "$port" --forceflush
		! until_true "$kept" listens || return 0
		drop "$kept"
	done
	die "iperf3: $(head -c 300 "$tmp/log.err")"
}

# A loop that knows nothing but the reply that http-serve would send.
start_bare() {
	keep_server taskset -c "$server" tests/peers/fixed "$tmp/reply"
}

start_stock() {
	keep_server taskset -c "$server" "$python" tests/peers/rpyc_service.py
}

# under_wrk START...: a server's throughput, and what a request costs the server, its start and end
# included.
under_wrk() {
	"$@"
	run_wrk "${contest#*-}" "$url/ping"
	children_time
	before=$spent
	drop "$kept"
	per_request "$requests" server_us
}

# under_conc CONNECTIONS START...: a server's throughput, and what a request costs bench-conc.
under_conc() {
	connections=$1
	shift
	"$@"
	children_time
	before=$spent
	run_child bin/bench-conc -q -P "$client" -j 1 -o ping -w 0 -c "$connections" -t "$(lasts "$connections")" "$url"
	asked_for per_s ops_per_s ping
	per_request "$(cell "$tmp/out" n ping)" cpu_us
	drop "$kept"
}

# ---- contests ----

# whose CONTEST: the programs; sets programs, needs.
whose() {
	needs=taskset
	case $1 in
	ping-* | connect) programs='ours bare' ;;
	serve-*) programs='ours nginx bare' needs='taskset wrk nginx curl' ;;
	conc-*) programs='ours wrk' needs='taskset wrk nginx' ;;
	file-*) programs='ours iperf3' needs='taskset iperf3' ;;
	stock-*) programs='ours rpyc' needs='taskset rpyc' ;;
	esac
}

# run_one: a run of $who in $contest.
run_one() {
	rest=${contest#*-} protocol='' op=${contest##*-}
	case $contest in
	ping-* | file-*) protocol=${rest%-*} ;;
	esac
	case $contest.$who in
	ping-*.ours)
		run_child bin/"$protocol"-serve -m "$op" -P "$client" bin/bench-lat -q -P "$client" -o ping -n "$pings"
		asked_for p50_us p50_us ping
		;;
	ping-*.bare)
		eval "pingpong -n $pings \$bytes_$protocol"
		;;
	serve-*.ours) under_wrk start_ours http event ;;
	serve-*.nginx) under_wrk start_nginx ;;
	serve-*.bare) under_wrk start_bare ;;
	conc-*.ours) under_conc "$rest" start_nginx ;;
	conc-*.wrk) under_wrk start_nginx ;;
	file-*.ours)
		run_child bin/"$protocol"-serve -m thread -P "$server" bin/bench-file -q -P "$client" -o "$op" -s 500m -n "$files"
		asked_for bytes_per_s bytes_per_s "$op"
		;;
	file-*-upload.iperf3) run_iperf $((files * 500))M ;;
	file-*-download.iperf3) run_iperf $((files * 500))M -R ;;
	connect.ours)
		run_child bin/http-serve -m event -P "$server" bin/bench-conn -q -P "$client" -o connect -n "$conns"
		asked_for p50_us p50_us connect
		;;
	connect.bare) pingpong -c -P "$server" -n "$conns" ;;
	stock-*.ours) under_conc 10 start_ours rpc "$op" ;;
	stock-*.rpyc) under_conc 10 start_stock ;;
	esac
}

# Is what the contest needs there? Sets missing.
provide() {
	missing=''
	for need in $needs; do
		case $need in
		rpyc) find_python || missing='python3 with rpyc' ;;
		*) have "$need" || missing=$need ;;
		esac
	done
}

# ---- comparisons ----

# The rounds of two programs as rows of the suite, for bench-cmp: a round is a pass. A figure of
# which more is better goes in as its inverse, scaled so that bench-cmp's three decimals will do.
rows() {
	awk -F '\t' -v contest="$1" -v base="$2" -v figure="$3" -v peer="$4" '
	FNR == NR { if (FNR == 1) { head = $0; n = split($0, name) }; next }
	FNR == 1 { print head; next }
	$4 != figure || $5 == "NA" { next }
	# one contest of both, or the ratio of two contests of each
	base == "" && $1 == contest { put($3, $2, $5) }
	base != "" && $1 == contest { more[$3, $2] = $5 }
	base != "" && $1 == base { less[$3, $2] = $5 }
	END {
		for (k in more)
			if (k in less) {
				split(k, part, SUBSEP)
				put(part[1], part[2], more[k] / less[k])
			}
		for (i = 1; i <= rounds; i++) {
			if (peer_row[i])
				print peer_row[i]
			if (our_row[i])
				print our_row[i]
		}
	}
	function put(who, round, value,  i, row) {
		if (who != "ours" && who != peer)
			return
		for (i = 1; i <= n; i++) {
			v = 1
			if (name[i] == "label") v = who
			else if (name[i] == "bench") v = "peers"
			else if (name[i] == "op") v = contest
			else if (name[i] == "pass") v = round
			else if (name[i] == "errors") v = 0
			else if (name[i] == "p50_us")
				v = sprintf("%.3f", figure ~ /_us$/ ? value : 1e12 / value)
			row = row (i > 1 ? "\t" : "") v
		}
		if (who == "ours") our_row[round] = row
		else peer_row[round] = row
		if (round > rounds) rounds = round
	}' "$tmp/columns" "$out/rounds.tsv"
}

# compare CONTEST FIGURE PEER AIM WHAT [BASE]: a row of what came out. With BASE, figures are those
# of CONTEST over those of BASE.
compare() {
	case " $measured " in
	*" $1 "*) ;;
	*) return 0 ;;
	esac
	rows "$1" "${6-}" "$2" "$3" >"$tmp/rows"
	status=0
	bin/bench-cmp -HT "$tmp/rows" >"$tmp/verdict" 2>"$tmp/err" || status=$?
	[ "$status" -ne 2 ] || say "$1 against $3: $(sed 1q "$tmp/err")"
	# the columns of bench-cmp -T by name
	bin/bench-cmp -T "$tmp/rows" 2>/dev/null | sed 1q >"$tmp/head" || :
	cat "$tmp/head" "$tmp/verdict" | awk -F '\t' -v what="$5" -v figure="$2" -v aim="$4" '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	{ seen = 1; peer = $at["base_median"]; ours = $at["median"]
	  ratio = $at["ratio"]; low = $at["low"]; high = $at["high"] }
	END {
		less = figure ~ /_us$/
		aim_text = (less ? "<=" : ">=") aim
		if (!seen || low !~ /^[0-9]/) {
			printf "%s\tNA\tNA\t%s\tNA\tNA\tNA\t%s\tundecided\n", what, figure, aim_text
			exit
		}
		if (!less) {
			x = 1 / high; high = 1 / low; low = x
			ratio = 1 / ratio; ours = 1e12 / ours; peer = 1e12 / peer
		}
		holds = "undecided"
		if (less ? high <= aim : low >= aim) holds = "yes"
		if (less ? low > aim : high < aim) holds = "no"
		printf "%s\t%.4g\t%.4g\t%s\t%.3f\t%.3f\t%.3f\t%s\t%s\n", what, ours, peer, figure,
		    ratio, low, high, aim_text, holds
	}' | tee -a "$out/peers.tsv"
}

compare_all() {
	for protocol in rpc http; do
		compare "ping-$protocol-thread" p50_us bare 1.10 "bench-lat ping, $protocol-serve -m thread, against a bare ping-pong"
		compare "ping-$protocol-event" p50_us bare 1.20 "bench-lat ping, $protocol-serve -m event, against a bare ping-pong"
	done
	for n in 1 16 128 1000 10000; do
		compare "serve-$n" per_s bare 0.95 "http-serve -m event under wrk, connections: $n, against a loop with a fixed reply"
		compare "serve-$n" per_s nginx 1 "http-serve -m event under wrk, connections: $n, against nginx"
		compare "serve-$n" server_us nginx 1 "http-serve -m event under wrk, connections: $n, processor time against nginx's"
	done
	compare serve-10000 per_s nginx 1 \
	    'http-serve -m event, 10000 connections in place of 128, against what nginx keeps' serve-128
	for n in 1 16 128 1000 10000; do
		compare "conc-$n" per_s wrk 1 "bench-conc on nginx, connections: $n, against wrk"
		compare "conc-$n" cpu_us wrk 0.9 "bench-conc on nginx, connections: $n, processor time against wrk's"
	done
	for protocol in rpc http; do
		for op in upload download; do
			compare "file-$protocol-$op" bytes_per_s iperf3 1.1 "bench-file $op, $protocol-serve -m thread, against iperf3"
		done
	done
	compare connect p50_us bare 1.05 'bench-conn connect, http-serve -m event, against a bare loop that connects and closes'
	for model in thread event; do
		compare "stock-$model" per_s rpyc 10 "rpc-serve -m $model, 10 clients of bench-conc, against a stock RPyC server"
	done
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
	rounds=${rounds:-6} secs=1 pings=2000 files=1 conns=500
else
	rounds=${rounds:-11} secs=1 pings=10000 files=2 conns=2000
fi
case $rounds in
*[!0-9]* | 0* | [1-5]) wrong "-n $rounds: not a number of rounds, which are 6 at least" ;;
esac
# shellcheck disable=SC2086 # words
[ $# -gt 0 ] || set -- $contests
for contest in "$@"; do
	case " $(printf '%s' "$contests" | tr '\n' ' ') " in
	*" $contest "*) ;;
	*) wrong "$contest: no such contest; there are: $(printf '%s' "$contests" | tr '\n' ' ')" ;;
	esac
done

begin
place
[ -n "$on_server" ] || die 'programs cannot be placed on processors here'
server=${on_server#-P } client=${on_client#-P }
make_out peers.tsv rounds.tsv
env_row rounds "$rounds"
env_row placement "servers: $server, clients: $client; pings: both on $client"
for tool in wrk nginx iperf3; do
	case $tool in
	wrk) of=$(wrk -v 2>&1 | sed 1q) || : ;;
	nginx) of=$(nginx -v 2>&1) || : ;;
	iperf3) of=$(iperf3 -v 2>&1 | sed 1q) || : ;;
	esac
	! have "$tool" || env_row "$tool" "$of"
done
! find_python || env_row rpyc "$("$python" -c 'import rpyc; print(rpyc.__version__)' | sed 1q)"

measured='' skipped=''
for contest in "$@"; do
	whose "$contest"
	provide
	if [ -n "$missing" ]; then
		say "$contest: left out: $missing is not installed"
		skipped="$skipped $contest ($missing)"
	else
		measured="$measured $contest"
	fi
done
for protocol in rpc http; do
	sizes "$protocol"
	eval "bytes_$protocol='-s $asked -r $answered'"
done
bin/http-serve bin/bench-lat -q -n 1 >"$tmp/columns" || die 'bench-lat: no columns'
keep_server bin/http-serve -p 0
! have curl || curl -s -i "$url/ping" >"$tmp/reply" || die "curl: no reply of $url/ping"
drop "$kept"

printf 'contest\tround\tprogram\tfigure\tvalue\n' >"$out/rounds.tsv"
round=0
while [ "$round" -lt "$rounds" ]; do
	round=$((round + 1))
	for contest in $measured; do
		[ ! -t 2 ] || say "round $round of $rounds: $contest"
		whose "$contest"
		# another begins in each round
		# shellcheck disable=SC2086 # words
		set -- $programs
		turn=$((round % $#))
		while [ "$turn" -gt 0 ]; do
			turn=$((turn - 1))
			first=$1
			shift
			set -- "$@" "$first"
		done
		for who in "$@"; do
			run_one
		done
	done
done
printf 'what\tours\tpeer\tfigure\tratio\tlow\thigh\taim\tholds\n' | tee "$out/peers.tsv"
compare_all
[ -z "$skipped" ] || env_row left_out "$skipped"
end_out
