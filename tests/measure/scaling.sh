#!/bin/sh
# SPDX-License-Identifier: ISC
# How cost grows with connections: throughput, p99, the server's processor time per request
# and its memory per connection, from 1 to 100,000 connections, for each model on both protocols.
#
# Each point is two runs. In the first, bench-conc connects to the server and loads it; the server's
# own account (-u) gives the processor time of a request, a share of what setting up the connections
# takes included. A request that is not answered when the run ends has no time: where some
# connections are served again and again while others wait, p99 knows little of the latter. In the
# second, bench-idle has as many connections, and tells the memory of one that is idle.
#
# "bare" is what connecting is compared with: tests/peers/dial, a loop that connects, asks and
# receives, and tests/peers/fixed, a loop that accepts and answers.
#
# A point that can't be measured is no reason to stop: its row says why.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=scaling
usage='usage: scaling.sh [-hq] [-o dir] [-c list] [config ...]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

limit_s=300 # of a first reply, and of a connection that is idle while others are made
models='thread fork request pool event'

help() {
	cat <<HELP
$usage
Measure how a server's cost grows with its connections: scaling.tsv and pictures of it.

  -c list  connections, separated by commas (1,10,100,1000,10000,100000)
  -o dir   folder for scaling.tsv, env.tsv, scaling.svg, scaling.png (a new one in results/)
  -q       quick: short runs, for a first look

A config is rpc-MODEL, http-MODEL or bare; without one: all of them.
HELP
}

# point SERVER MODEL CONNECTIONS: one row.
point() {
	note=''
	label=${1%-serve}-$2
	rm -f "$tmp/usage"

	run_child bin/"$1" -m "$2" -c $(($3 + 100)) -T "$limit_s" -u "$tmp/usage" \
	    bin/bench-conc -o first-reply,ping -w 1 -c "$3" -T "$limit_s" -t "$secs"
	[ "$status" -eq 0 ] || note="load: status $status: $(grep -v "warning\|^$1: -c" "$tmp/err" | sed 1q)"
	cp "$tmp/out" "$tmp/rows"

	run_child bin/"$1" -m "$2" -c $(($3 + 100)) -T "$limit_s" bin/bench-idle -q -n "$3"
	[ "$status" -eq 0 ] || note="$note idle: status $status: $(grep -v "^$1: -c" "$tmp/err" | sed 1q)"

	touch "$tmp/usage"
	awk -F '\t' -v label="$label" -v clients="$3" -v note="$(printf '%s' "$note" | tr -d '\t\134')" '
	function value(name) { return (name in v) ? v[name] : "NA" }
	FNR == 1 { split("", at); for (i = 1; i <= NF; i++) at[$i] = i; next }
	FILENAME == ARGV[1] && $3 == "first-reply" { v["connect_s"] = $(at["elapsed_s"]) }
	FILENAME == ARGV[1] && $3 == "ping" { for (name in at) v[name] = $(at[name]) }
	FILENAME == ARGV[2] { v["server_cpu_us"] = $(at["cpu_us"]) }
	FILENAME == ARGV[3] { v["memory_kb"] = $(at["kb_per_connection"]) }
	END {
		printf "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", label, clients, value("n"),
		    value("errors"), value("ops_per_s"), value("p50_us"), value("p99_us"),
		    value("server_cpu_us"), value("memory_kb"), value("busy"), value("connect_s"),
		    note == "" ? "ok" : note
	}' "$tmp/rows" "$tmp/usage" "$tmp/out" | tee -a "$out/scaling.tsv"
}

# bare CONNECTIONS: one row.
bare() {
	printf 'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"response":"pong"}' >"$tmp/reply"
	keep_server tests/peers/fixed "$tmp/reply"
	run_child tests/peers/dial "$url" "$1"
	drop "$kept"
	printf 'bare\t%d\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\t%s\t%s\n' "$1" "$(grep . "$tmp/out" || echo NA)" \
	    "$(grep . "$tmp/err" || echo ok)" | tee -a "$out/scaling.tsv"
}

# Ten panels: a column for each protocol, a line for each model.
picture() {
	cat <<'PLOT'
set datafile separator tab
set datafile missing "NA"
set multiplot layout 5,words(protocols) columnsfirst margins 0.08,0.98,0.05,0.96 spacing 0.09,0.045
set logscale xy
set xrange [0.7:1.5 * most]
set format x "%.0f"
set format y "%.10g"
set grid xtics ytics linecolor rgb "#dddddd"
set key off
set tics nomirror
set border 3
array titles[5] = ["requests per second", "p99 of the response time (ms)", \
    "server: processor time per request (us)", "server: memory per idle connection (KB)", \
    "time to connect them all (s); grey: a bare loop"]
array columns[5] = [5, 7, 8, 9, 11]
array scales[5] = [1, 1000, 1, 1, 1]
array colours[5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000"]
do for [protocol in protocols] {
	do for [k = 1:5] {
		if (strstrt(empty, " ".protocol.k." ")) { set multiplot next } else {
			set title (k == 1 ? (protocol eq "rpc" ? "RPC: " : "HTTP: ") : "").titles[k]
			set xlabel (k == 5 ? "connections" : "")
			if (k == 1) { set key bottom right horizontal samplen 2 } else { set key off }
			set yrange [0.7 * low[k] / scales[k]:1.5 * high[k] / scales[k]]
			plot for [i = 1:words(models)] file using (strcol(1) eq protocol."-".word(models, i) \
			    ? $2 : NaN):(column(columns[k]) / scales[k]) with linespoints \
			    linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb colours[i] \
			    title word(models, i), \
			    file using (k == 5 && strcol(1) eq "bare" ? $2 : NaN):11 with lines \
			    linewidth 2 linecolor rgb "#999999" notitle
		}
	}
}
unset multiplot
PLOT
}

draw() {
	have gnuplot || { say "no pictures: gnuplot is not installed"; return 0; }
	grep -q '^rpc\|^http' "$out/scaling.tsv" || return 0
	picture >"$tmp/plot"
	# what has no number is not drawn, which is an error to gnuplot if it is all there is
	awk -F '\t' -v models="$models" '
		NR > 1 {
			split($1, part, "-"); protocol = part[1]
			if (protocol != "bare" && !seen[protocol]++) protocols = protocols " " protocol
			if ($2 > most) most = $2
			for (k = 1; k <= 5; k++) {
				v = $(k < 2 ? 5 : k < 5 ? 5 + k : 11)
				if (v == "NA" || v <= 0) continue
				any[protocol k] = 1
				if (!(k in low) || v < low[k]) low[k] = v
				if (v > high[k]) high[k] = v
			}
		}
		END {
			n = split(protocols, w, " ")
			for (i = 1; i <= n; i++) for (k = 1; k <= 5; k++) if (!any[w[i] k]) empty = empty w[i] k " "
			printf "protocols = \"%s\"; empty = \" %s\"; most = %d; models = \"%s\"\n", protocols, empty, most, models
			printf "array low[5]; array high[5]\n"
			for (k = 1; k <= 5; k++) printf "low[%d] = %.9f; high[%d] = %.9f\n", k, low[k] + 0, k, high[k] + 0
		}' "$out/scaling.tsv" >"$tmp/what"
	for name in scaling.svg scaling.png; do
		case $name in
		*.svg) terminal='svg size 1000,1600 background rgb "white"' ;;
		*) terminal='pngcairo size 1000,1600' ;;
		esac
		gnuplot -e "set terminal $terminal font 'sans,11'; set output '$out/$name'; file = '$out/scaling.tsv'" \
		    "$tmp/what" "$tmp/plot" 2>"$tmp/err" || say "$name: $(cat "$tmp/err")"
	done
}

# ---- main ----

command_line=$*
counts=1,10,100,1000,10000,100000 secs=3
while getopts :c:ho:q opt; do
	case $opt in
	c) counts=$OPTARG ;;
	h) help; exit 0 ;;
	o) out=$OPTARG ;;
	q) secs=1 ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
case $counts in
''|*[!0-9,]*|,*|*,|*,,*|0*|*,0*) wrong "-c $counts: not a list of numbers of connections" ;;
esac
if [ $# -eq 0 ]; then
	for model in $models; do
		set -- "$@" "rpc-$model" "http-$model"
	done
	set -- "$@" bare
fi
for config in "$@"; do
	[ "$config" != bare ] || continue
	case " $models " in
	*" ${config#*-} "*) ;;
	*) wrong "$config: no such model ($models)" ;;
	esac
	case $config in
	rpc-*|http-*) ;;
	*) wrong "$config: not rpc-MODEL or http-MODEL" ;;
	esac
done

begin
make_out scaling.tsv scaling.svg scaling.png
printf '%s\n' 'label clients n errors ops_per_s p50_us p99_us server_cpu_us memory_kb client_busy connect_s outcome' |
    tr ' ' '\t' | tee "$out/scaling.tsv"
for config in "$@"; do
	for count in $(printf '%s' "$counts" | tr , ' '); do
		[ ! -t 2 ] || say "$config, $count connections"
		case $config in
		bare) bare "$count" ;;
		*) point "${config%%-*}-serve" "${config#*-}" "$count" ;;
		esac
	done
done
draw
end_out
