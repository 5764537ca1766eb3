#!/bin/sh
# SPDX-License-Identifier: ISC
# Our servers beside those of Python, under the same clients: RPyC's ThreadedServer and
# ForkingServer, and Flask on werkzeug's threaded server. What is slower there and as fast
# here is no matter of the protocol.
#
# The Python servers stay for the whole run, as bench-suite can't start them. They are placed as it
# places ours: on the first half of the processors, and the client on the second.
#
# What a request costs them, how they isolate and what an idle connection takes is added to the
# tables of bench-suite, which can't measure this of servers of others.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=python
usage='usage: python.sh [-hq] [-p passes] [-o dir]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

help() {
	cat <<HELP
$usage
Run bench-suite on stock Python servers and on ours.

  -o dir     folder for what bench-suite records (a new one in results/)
  -q         quick: small counts and sizes
  -p passes  as bench-suite does (12; with -q as many)
HELP
}

# What a request costs a stock server: the difference of a long and a short run on a new one each, so
# that starting is no part of it. used COUNT BENCHMARK ARGUMENT...: sets $tmp/row and $tmp/used.
used() {
	count=$1
	shift
	# $peer: words
	# shellcheck disable=SC2086
	keep_server "$python" tests/measure/usage.py "$tmp/used" taskset -c "$servers" "$python" $peer
	benchmark=$1
	shift
	run_child bin/"$benchmark" -q -w 0 -n "$count" -l "$label" "$@" "$url"
	[ "$status" -eq 0 ] || die "$label: $(cat "$tmp/err")"
	mv "$tmp/out" "$tmp/row"
	drop "$kept"
}

# cost SHORT LONG BENCHMARK ARGUMENT...: one more row of cost.tsv.
cost() {
	short=$1 long=$2
	shift 2
	used "$short" "$@"
	mv "$tmp/used" "$tmp/short"
	used "$long" "$@"
	awk -v n=$((long - short)) -v pass="$pass" '
	BEGIN { FS = OFS = "\t" }
	FNR == 1 { split("", at); for (i = 1; i <= NF; i++) at[$i] = i; next }
	FILENAME == ARGV[1] { for (name in at) base[name] = $at[name]; next }
	FILENAME == ARGV[2] { for (name in at) all[name] = $at[name]; next }
	# what is less than the noise of two runs may come out below 0: as none of it, it stays in the median
	function per(name,   x) { x = (all[name] - base[name]) / n; return sprintf("%.3f", x > 0 ? x : 0) }
	{
		print $at["label"], $at["op"], $at["size_bytes"], $at["n"], $at["errors"], $at["p50_us"], \
		    $at["sent_bytes"], $at["received_bytes"], per("cpu_us"), per("voluntary"), \
		    per("involuntary"), per("faults"), all["maxrss_kb"], pass
	}' "$tmp/short" "$tmp/used" "$tmp/row" >>"$out/cost.tsv"
}

# alone LABEL URL PID PEER: all that bench-suite measures of servers of its own only.
alone() {
	label=$1 url=$2 pid=$3 peer=$4
	run_child bin/bench-busy -q -H -n 100 -l "$label" "$url"
	cat "$tmp/out" >>"$out/isolation.tsv"
	run_child bin/bench-idle -q -H -n 100 -p "$pid" -l "$label" "$url"
	awk -v pass="$pass" '{ print $0 "\t" pass }' "$tmp/out" >>"$out/memory.tsv"
	cost 100 1100 bench-lat
	cost 50 550 bench-lat -s 10k
	cost 2 42 bench-file -o upload-chunked -s 256k
}

passes=12 quick=''
while getopts :ho:p:q opt; do
	case $opt in
	h) help; exit 0 ;;
	o) out=$OPTARG ;;
	p) passes=$OPTARG ;;
	q) quick=-q ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || wrong "$1: not expected; $usage"
case $out in
'') out=results/python-$(date -u '+%Y%m%d-%H%M%S') ;;
/*) ;;
*) out=$here/$out ;;
esac

begin
find_python || die 'python3 with rpyc: not found (Debian: python3-rpyc)'
"$python" -c 'import flask' 2>/dev/null || die "$python with flask: not found (Debian: python3-flask)"
have taskset || die 'taskset: not found (Debian: util-linux)'
n=$(processors)
[ "$n" -gt 1 ] || die 'one processor: servers and client need one each'
servers=0-$((n / 2 - 1)) clients=$((n / 2))-$((n - 1))
keep_server taskset -c "$servers" "$python" tests/peers/rpyc_service.py
stock_thread=$url thread_pid=$kept
keep_server taskset -c "$servers" "$python" tests/peers/rpyc_service.py --fork
stock_fork=$url fork_pid=$kept
keep_server taskset -c "$servers" "$python" tests/peers/flask_app.py
flask=$url flask_pid=$kept

# $quick: a word or none
# shellcheck disable=SC2086
bin/bench-suite $quick -p "$passes" -P "$servers:$clients" -o "$out" rpc-thread rpc-fork http-thread http-request \
    python-rpc-thread="$stock_thread" python-rpc-fork="$stock_fork" flask="$flask" >"$tmp/table" &
running=$!
status=0
wait "$running" || status=$?
running=''
if [ "$status" -eq 0 ]; then
	BENCH_CLIENT_CPUS=$clients
	export BENCH_CLIENT_CPUS BENCH_PASS
	pass=1
	while [ "$pass" -le "$passes" ] && [ "$pass" -le 6 ]; do
		BENCH_PASS=$pass
		alone python-rpc-thread "$stock_thread" "$thread_pid" tests/peers/rpyc_service.py
		alone python-rpc-fork "$stock_fork" "$fork_pid" 'tests/peers/rpyc_service.py --fork'
		alone flask "$flask" "$flask_pid" tests/peers/flask_app.py
		pass=$((pass + 1))
	done
	status=0
	bin/bench-report "$out" || status=$?
else
	cat "$tmp/table"
fi
if [ -e "$out/env.tsv" ]; then
	env_row python "$("$python" -V)"
	env_row rpyc "$("$python" -c 'import rpyc; print(rpyc.__version__)')"
	env_row flask "$("$python" -c 'import importlib.metadata as m
print(m.version("flask"), "on werkzeug", m.version("werkzeug"))')"
fi
exit "$status"
