#!/bin/sh
# How fast we are beside others, on this machine and in this run: ours and the peer's
# measurement alternate, the medians are compared. Rows on stdout as TSV:
#
#   what ours peer unit ratio target holds
#
# where ratio is ours / peer, and target what it is to be ("<=1.05": at most 1.05 times the
# peer's time; ">=0.95": at least 0.95 times its throughput).
#
# usage: ratios.sh [rounds]     (5; peers that are not installed have no row)

set -eu
LC_ALL=C
export LC_ALL
tests=$(cd "$(dirname "$0")" && pwd)
bin=$tests/../bin
rounds=${1:-5}
case $rounds in
''|*[!0-9]*|0)
	echo 'usage: ratios.sh [rounds]' >&2
	exit 2
	;;
esac

work=$(mktemp -d)
servers=''
finish() {
	for pid in $servers; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start COMMAND...: a server that prints its URL first; sets url.
start() {
	mkfifo "$work/ready"
	"$@" >"$work/ready" 2>/dev/null &
	servers="$servers $!"
	read -r url <"$work/ready"
	rm "$work/ready"
}

# cell COLUMN OP: of a benchmark's rows on stdin.
cell() {
	awk -F '\t' -v name="$1" -v op="$2" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["op"]) == op { print $(at[name]) }'
}

median() {
	sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# compare WHAT UNIT TARGET OURS PEER: ours and the peer's measurement are functions that print
# a number.
compare() {
	: >"$work/ours"
	: >"$work/peer"
	round=0
	while [ "$round" -lt "$rounds" ]; do
		"$4" >>"$work/ours"
		"$5" >>"$work/peer"
		round=$((round + 1))
	done
	awk -v what="$1" -v unit="$2" -v target="$3" -v ours="$(median "$work/ours")" \
	    -v peer="$(median "$work/peer")" 'BEGIN {
		limit = substr(target, 3)
		ratio = ours / peer
		holds = target ~ /^</ ? ratio <= limit : ratio >= limit
		printf "%s\t%.3f\t%.3f\t%s\t%.3f\t%s\t%s\n", what, ours, peer, unit, ratio, target,
		    holds ? "yes" : "no"
	}'
}

skip() {
	echo "ratios.sh: no $1: no row for $2" >&2
}

# ---- a round trip: a bare ping-pong of the same sizes

# sizes SERVER: sets asked and answered, the bytes of one ping each way, as the difference
# between a run and one of 1000 more (over RPC they grow with the sequence numbers).
sizes() {
	"$bin/$1" -u "$work/short" "$bin/bench-lat" -n 100 >/dev/null
	"$bin/$1" -u "$work/long" "$bin/bench-lat" -n 1100 >/dev/null
	asked=$(awk -F '\t' 'FNR == 2 { v = $5 - v } END { printf "%.0f", v / 1000 }' "$work/short" "$work/long")
	answered=$(awk -F '\t' 'FNR == 2 { v = $6 - v } END { printf "%.0f", v / 1000 }' "$work/short" "$work/long")
}
bare_pingpong() {
	"$tests/pingpong" -n 20000 -s "$asked" -r "$answered"
}
rpc_ping() {
	"$bin/rpc-serve" "$bin/bench-lat" -n 20000 | cell p50_us ping
}
http_ping() {
	"$bin/http-serve" -m thread "$bin/bench-lat" -n 20000 | cell p50_us ping
}

# ---- connect(2): a bare connect and close loop

bare_connect() {
	"$tests/pingpong" -c -n 2000
}
rpc_connect() {
	"$bin/rpc-serve" "$bin/bench-conn" -n 2000 | cell p50_us connect
}
http_connect() {
	"$bin/http-serve" "$bin/bench-conn" -n 2000 | cell p50_us connect
}

# ---- bytes per second: iperf3 with one stream

file() {
	"$bin/$1-serve" -m thread "$bin/bench-file" -n 3 -s 500m -o "$2" | cell bytes_per_s "$2"
}
rpc_upload() { file rpc upload; }
rpc_download() { file rpc download; }
http_upload() { file http upload; }
http_download() { file http download; }
# A free port: one that was free a moment ago.
free_port() {
	start "$tests/bad_peer" close
	port=${url##*:}
	kill "${servers##* }"
	wait "${servers##* }" || true
	servers=${servers% *}
}
iperf_bytes() {
	iperf3 -c 127.0.0.1 -p "$port" -t 2 -f k "$@" | awk '/receiver/ { print $7 * 1000 / 8 }'
}
iperf_up() { iperf_bytes; }
iperf_down() { iperf_bytes -R; }

# ---- requests per second: a stock RPyC server

native_rps() {
	"$bin/rpc-serve" "$bin/bench-conc" -c 10 -n 5000 | cell ops_per_s ping
}
stock_rps() {
	"$bin/bench-conc" -c 10 -n 200 "$stock" | cell ops_per_s ping
}

printf 'what\tours\tpeer\tunit\tratio\ttarget\tholds\n'
sizes rpc-serve
compare 'bench-lat ping, RPC / bare ping-pong' us '<=1.05' rpc_ping bare_pingpong
sizes http-serve
compare 'bench-lat ping, HTTP / bare ping-pong' us '<=1.10' http_ping bare_pingpong
compare 'bench-conn connect, RPC / bare connect' us '<=1.05' rpc_connect bare_connect
compare 'bench-conn connect, HTTP / bare connect' us '<=1.05' http_connect bare_connect

if command -v iperf3 >/dev/null; then
	free_port
	mkfifo "$work/ready"
	iperf3 -s -p "$port" --forceflush >"$work/ready" 2>&1 &
	servers="$servers $!"
	exec 3<"$work/ready"
	rm "$work/ready"
	read -r _ <&3   # a line of dashes, once it is about to listen
	read -r _ <&3
	compare 'bench-file upload, RPC / iperf3' bytes/s '>=0.95' rpc_upload iperf_up
	compare 'bench-file download, RPC / iperf3 -R' bytes/s '>=0.95' rpc_download iperf_down
	compare 'bench-file upload, HTTP / iperf3' bytes/s '>=0.95' http_upload iperf_up
	compare 'bench-file download, HTTP / iperf3 -R' bytes/s '>=0.95' http_download iperf_down
else
	skip iperf3 'transfers'
fi

python=''
for p in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! "$p" -c 'import rpyc' 2>/dev/null || python=$p
done
if [ -n "$python" ]; then
	PYTHONDONTWRITEBYTECODE=1 start "$python" "$tests/peers/rpyc_service.py"
	stock=$url
	compare 'rpc-serve / stock RPyC server, bench-conc -c 10' requests/s '>=10' native_rps stock_rps
else
	skip rpyc 'the stock server'
fi
