#!/bin/sh
# SPDX-License-Identifier: ISC
# How cost grows with connections: throughput, p99, the server's processor time per request
# and its memory per connection, from 1 to 100,000 connections, for each model on both protocols.
#
# Each point is two runs. bench-conc loads the server, whose own account (-u) gives the
# processor time of a request, a share of what setting up the connections takes included. A
# request that is not answered when the run ends has no time: where some connections are served
# again and again while others wait, p99 knows little of the latter. Then tests/peers/hold opens as many connections, sees a reply on
# each, and leaves them idle: what the server's processes (all of them, as a process per
# connection has many) occupy now beyond what they did before is the memory: what is their own,
# not the program's text, and pages that several share divided by their number (Linux's
# Pss_Anon). What the kernel keeps for sockets and processes is not in it.
#
# A point that can't be measured is no reason to stop: its row says why.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=scaling
usage='usage: scaling.sh [-hq] [-o dir] [-c list] [config ...]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

wait_limit=1200
models='thread fork request pool event'

help() {
	cat <<HELP
$usage
Measure how a server's cost grows with its connections: scaling.tsv and pictures of it.

  -c list  connections, separated by commas (1,10,100,1000,10000,100000)
  -o dir   folder for scaling.tsv, env.tsv, scaling.svg, scaling.png (a new one in results/)
  -q       quick: short runs, for a first look

A config is rpc-MODEL or http-MODEL; without one: all ten.
HELP
}

# held SERVER-PID CONNECTIONS: memory with these connections idle; sets held, or note.
held() {
	held=''
	mkfifo "$tmp/hold"
	: >"$tmp/held"
	tests/peers/hold "$url" "$2" <"$tmp/hold" >"$tmp/held" 2>"$tmp/held.err" &
	holder=$!
	lasting="$lasting $holder"
	# the fifo is its stdin: it ends when this is closed
	exec 9>"$tmp/hold"
	rm "$tmp/hold"
	if until_true "$holder" has_line "$tmp/held"; then
		held=$(memory "$1")
	else
		note="idle: $(tail -n 1 "$tmp/held.err")"
	fi
	exec 9>&-
	wait "$holder" || :
	forget "$holder"
}

# point SERVER MODEL CONNECTIONS: one row.
point() {
	note=''
	label=${1%-serve}-$2
	rm -f "$tmp/usage"

	run_child bin/"$1" -m "$2" -c $(($3 + 100)) -u "$tmp/usage" \
	    bin/bench-conc -o ping -w 1 -c "$3" -t "$secs"
	[ "$status" -eq 0 ] || note="load: status $status: $(grep -v "warning\|^$1: -c" "$tmp/err" | sed 1q)"
	cp "$tmp/out" "$tmp/rows"

	keep_server bin/"$1" -m "$2" -c $(($3 + 100)) -p 0
	before=$(memory "$kept")
	held "$kept" "$3"
	drop "$kept"
	[ "$status" -eq 0 ] || note="$note server: status $status: $(tail -n 1 "$tmp/log.err")"

	touch "$tmp/usage"
	awk -F '\t' -v label="$label" -v clients="$3" -v before="$before" -v held="$held" \
	    -v note="$(printf '%s' "$note" | tr -d '\t\134')" '
	function value(name) { return (name in v) ? v[name] : "NA" }
	FNR == 1 { file++; for (i = 1; i <= NF; i++) name[i] = $i; next }
	file == 1 && $3 == "ping" { for (i = 1; i <= NF; i++) v[name[i]] = $i }
	file == 2 { for (i = 1; i <= NF; i++) used[name[i]] = $i }
	END {
		cpu = memory = "NA"
		if (used["requests"] > 0)
			cpu = sprintf("%.3f", (used["user_s"] + used["sys_s"]) * 1000000 / used["requests"])
		if (before != "" && held != "") memory = sprintf("%.3f", (held - before) / clients)
		printf "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", label, clients, value("n"),
		    value("errors"), value("ops_per_s"), value("p50_us"), value("p99_us"), cpu,
		    memory, value("busy"), note == "" ? "ok" : note
	}' "$tmp/rows" "$tmp/usage" | tee -a "$out/scaling.tsv"
}

# Eight panels: a column for each protocol, a line for each model.
picture() {
	cat <<'PLOT'
set datafile separator tab
set datafile missing "NA"
set multiplot layout 4,words(protocols) columnsfirst margins 0.08,0.98,0.06,0.95 spacing 0.09,0.055
set logscale xy
set xrange [0.7:1.5 * most]
set format x "%.0f"
set format y "%.10g"
set grid xtics ytics linecolor rgb "#dddddd"
set key off
set tics nomirror
set border 3
array titles[4] = ["requests per second", "p99 of the response time (ms)", \
    "server: processor time per request (us)", "server: memory per idle connection (KB)"]
array columns[4] = [5, 7, 8, 9]
array scales[4] = [1, 1000, 1, 1]
array colours[5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000"]
do for [protocol in protocols] {
	do for [k = 1:4] {
		if (strstrt(empty, " ".protocol.k." ")) { set multiplot next } else {
			set title (k == 1 ? (protocol eq "rpc" ? "RPC: " : "HTTP: ") : "").titles[k]
			set xlabel (k == 4 ? "connections" : "")
			if (k == 1) { set key bottom right horizontal samplen 2 } else { set key off }
			set yrange [0.7 * low[k] / scales[k]:1.5 * high[k] / scales[k]]
			plot for [i = 1:words(models)] file using (strcol(1) eq protocol."-".word(models, i) \
			    ? $2 : NaN):(column(columns[k]) / scales[k]) with linespoints \
			    linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb colours[i] \
			    title word(models, i)
		}
	}
}
unset multiplot
PLOT
}

draw() {
	have gnuplot || { say "no pictures: gnuplot is not installed"; return 0; }
	picture >"$tmp/plot"
	# what has no number is not drawn, which is an error to gnuplot if it is all there is
	awk -F '\t' -v models="$models" '
		NR > 1 {
			split($1, part, "-"); protocol = part[1]
			if (!seen[protocol]++) protocols = protocols " " protocol
			if ($2 > most) most = $2
			for (k = 1; k <= 4; k++) {
				v = $(k < 2 ? 5 : 5 + k)
				if (v == "NA" || v <= 0) continue
				any[protocol k] = 1
				if (!(k in low) || v < low[k]) low[k] = v
				if (v > high[k]) high[k] = v
			}
		}
		END {
			n = split(protocols, w, " ")
			for (i = 1; i <= n; i++) for (k = 1; k <= 4; k++) if (!any[w[i] k]) empty = empty w[i] k " "
			printf "protocols = \"%s\"; empty = \" %s\"; most = %d; models = \"%s\"\n", protocols, empty, most, models
			printf "array low[4]; array high[4]\n"
			for (k = 1; k <= 4; k++) printf "low[%d] = %.3f; high[%d] = %.3f\n", k, low[k] + 0, k, high[k] + 0
		}' "$out/scaling.tsv" >"$tmp/what"
	for name in scaling.svg scaling.png; do
		case $name in
		*.svg) terminal='svg size 1000,1300 background rgb "white"' ;;
		*) terminal='pngcairo size 1000,1300' ;;
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
fi
for config in "$@"; do
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
printf '%s\n' 'label clients n errors ops_per_s p50_us p99_us server_cpu_us memory_kb client_busy outcome' |
    tr ' ' '\t' | tee "$out/scaling.tsv"
for config in "$@"; do
	for count in $(printf '%s' "$counts" | tr , ' '); do
		[ ! -t 2 ] || say "$config, $count connections"
		point "${config%%-*}-serve" "${config#*-}" "$count"
	done
done
draw
end_out
