#!/bin/sh
# SPDX-License-Identifier: ISC
# Would the next run say the same? Four claims about bench-suite at its defaults, and one about a
# single pair, on real servers:
#
# equal    Two servers that are the same: at most one run of 20 names any difference between them.
# slower   A server whose requests take 3 % more of its own work: ping and messages of 1k and 10k
#          are named slower in 19 of 20 runs.
# repeat   No two runs of the default configurations contradict each other, and of the comparisons
#          that some run decides 90 % are decided differently by none.
# widths   Half of the 95 % interval of each ratio, the median of the runs, against an aim.
# second   A ping that takes 1 % longer is found in two seconds in 9 of 10 runs.
#
# The first two are of the same runs, of four configurations: a server twice, the slower one, and
# one of the other protocol. A server is made slower by letting it spin after each request (-d, below
# 50 us). As to do so at all costs some percent, those it is compared with spin, too, for a microsecond.
#
# With -L a command runs beside all this, again and again.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=verdicts
usage='usage: verdicts.sh [-h] [-L command] [-n runs] [-o dir] [-r runs] [-s runs] [-t secs]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

help() {
	cat <<HELP
$usage
Repeat bench-suite, and count what its verdicts agree on. 45 minutes at the defaults.

  -L command  run this beside it, again and again
  -n runs     with equal servers and a slower one (20; 0: none)
  -r runs     of the default configurations (10; 0: none)
  -s runs     of one pair for two seconds (10; 0: none)
  -t secs     bench-suite -t
  -o dir      folder for ratios.tsv, claims.tsv and env.tsv (a new one in results/)
HELP
}

# count OPTION VALUE
count() {
	case $2 in
	''|*[!0-9]*|0?*|????*) wrong "-$1: not a whole number below 1000: $2" ;;
	esac
}

command_line=$*
base=1000 # ns
load='' equal_runs=20 default_runs=10 second_runs=10 seconds=90
while getopts :hL:n:o:r:s:t: opt; do
	case $opt in
	h) help; exit 0 ;;
	L) load=$OPTARG ;;
	n) count n "$OPTARG"; equal_runs=$OPTARG ;;
	r) count r "$OPTARG"; default_runs=$OPTARG ;;
	s) count s "$OPTARG"; second_runs=$OPTARG ;;
	t) count t "$OPTARG"; seconds=$OPTARG ;;
	o) out=$OPTARG ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || wrong "$1: not expected; $usage"

begin
PATH=$PWD/bin:$PATH

# ---- what is run ----

# Runs the load until it is ended itself.
load_loop() {
	child=''
	trap 'trap "" TERM; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null; wait; exit 0' TERM
	while :; do
		sh -c "exec $load" >/dev/null 2>&1 &
		child=$!
		load_status=0
		wait "$child" || load_status=$?
		case $load_status in 126 | 127) die "-L: can't be run: $load" ;; esac
	done
}

# median_of LABEL: p50_us of its rows in $tmp/turns.
median_of() {
	bench-stat -q .5 "$tmp/turns" | awk -F '\t' -v label="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["label"]) == label { print $(at["p50_us"]) }'
}

# pair DELAY SECONDS SEED: two servers, of which the second takes that many ns longer for a request,
# to $tmp/turns.
pair() {
	run_child bench-turns -q -p 60 -t "$2" -S "$3" rpc-serve -l plain -d "${base}ns" \
	    rpc-serve -l slow -d "$((base + $1))ns" bench-lat
	[ "$status" -eq 0 ] || die "bench-turns: $(cat "$tmp/err")"
	mv "$tmp/out" "$tmp/turns"
}

# find_delay PERCENT: sets delay, in ns: that much of a ping.
find_delay() {
	pair 0 3 1
	delay=$(awk -v p50="$(median_of plain)" -v percent="$1" 'BEGIN { print int(p50 * 10 * percent + 0.5) }')
	env_row "delay_ns_$1_percent" "$delay"
	say "$1 % of a ping are $delay ns"
}

# make_build NAME DELAY: a folder with a rpc-serve that spins that long, as bench-suite takes another
# build.
make_build() {
	mkdir "$tmp/$1"
	printf '#!/bin/sh\nexec "%s/bin/rpc-serve" -d %sns "$@"\n' "$PWD" "$2" >"$tmp/$1/rpc-serve"
	chmod +x "$tmp/$1/rpc-serve"
}

# add_ratios SET RUN <ratios: with the load average of the last minute.
add_ratios() {
	first=1
	[ ! -s "$out/ratios.tsv" ] || first=0
	read -r load_average _ 2>/dev/null </proc/loadavg || load_average=NA
	awk -v OFS='\t' -v set="$1" -v run="$2" -v load="$load_average" -v first="$first" '
		NR == 1 && first { print "set", "run", "load", $0 }
		NR > 1 { print set, run, load, $0 }' >"$tmp/ratios"
	cat "$tmp/ratios" >>"$out/ratios.tsv"
}

# suites SET RUNS CONFIG...: each run's ratios to ratios.tsv.
suites() {
	set_name=$1 runs=$2
	shift 2
	run=0
	while [ "$run" -lt "$runs" ]; do
		run=$((run + 1))
		rm -rf "$tmp/suite"
		# not all seeds that a run of bench-suite may draw from the time are like 1, 2, 3
		run_child bench-suite -t "$seconds" -S $((run * 7919 + ${#set_name})) -o "$tmp/suite" "$@"
		[ "$status" -eq 0 ] || die "bench-suite: $(tail -n 1 "$tmp/err")"
		run_child bench-report -R "$tmp/suite"
		[ "$status" -eq 0 ] || die "bench-report: $(cat "$tmp/err")"
		add_ratios "$set_name" "$run" <"$tmp/out"
		say "$set_name: run $run of $runs"
	done
}

# Pairs with a difference of 1 %, and as many without.
second() {
	find_delay 1
	for set_name in second second-equal; do
		[ "$set_name" = second ] || delay=0
		run=0
		while [ "$run" -lt "$second_runs" ]; do
			run=$((run + 1))
			pair "$delay" 2 $((run + 100))
			run_child bench-cmp -T -l 0 "$tmp/turns"
			[ "$status" -ne 2 ] || die "bench-cmp: $(cat "$tmp/err")"
			# bench-cmp's columns, as bench-report -R names them
			awk -F '\t' -v OFS='\t' '
				NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
				{ print $(at["label"]), $(at["bench"]), $(at["op"]), $(at["size_bytes"]), \
				    $(at["metric"]), NR == 1 ? "passes" : "NA", $(at["ratio"]), $(at["low"]), \
				    $(at["high"]), $(at["verdict"]) }' "$tmp/out" | add_ratios "$set_name" "$run"
		done
	done
}

# ---- what came out ----

# claims: rows of claims.tsv.
claims() {
	awk -F '\t' -v OFS='\t' "$awk_median"'
	function half_width() { return 100 * (sqrt($(at["high"]) / $(at["low"])) - 1) }
	function share(n, of) { return of ? sprintf("%.1f", 100 * n / of) : "NA" }
	function claim(name, what, value, of, aim, holds) {
		print name, what, value, of, aim, holds ? "yes" : "no"
	}
	function aim_of(bench, op, size) {
		if (bench == "lat") return 0.5
		if (bench == "bw") return size <= 102400 ? 0.5 : 1.5
		if (bench == "conn" || bench == "conc") return 1.5
		if (bench == "file" && size == 1536 * 1024) return 1.5
		return 0
	}
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	{
		set = $(at["set"]); run = $(at["run"]); label = $(at["label"])
		bench = $(at["bench"]); op = $(at["op"]); size = $(at["size_bytes"])
		row = label "\t" bench "\t" op "\t" size
		verdict = $(at["verdict"])
		different = verdict == "worse" || verdict == "better"
		if (run > runs[set]) runs[set] = run
	}
	set == "equal" && label == "b" {
		compared++
		if (different) { named++; if (!(run in alarm)) { alarm[run] = 1; alarms++ } }
	}
	set == "equal" && label == "slower" && (bench == "lat" || bench == "bw" && size <= 10240) {
		kind = bench " " op " " size
		if (!(kind in found)) { found[kind] = 0; small[++n_small] = kind }
		if (verdict == "worse") found[kind]++
		else if (!(run in missed)) { missed[run] = 1; some_missed++ }
	}
	set == "default" {
		if (!(row in decided)) { decided[row] = 0; n_rows++ }
		if (verdict ~ /^(worse|better|same)$/) {
			decided[row]++
			as[row, verdict] = 1
		}
		if (aim_of(bench, op, size) && $(at["low"]) > 0) {
			kind = bench "\t" op "\t" size
			if (!(kind in kinds)) { kinds[kind] = aim_of(bench, op, size); order[++n_kinds] = kind }
			width[row, ++widths[row]] = half_width()
			rows_of[kind, row] = 1
		}
	}
	set == "second" && verdict == "worse" { seconds_found++ }
	set == "second-equal" && different { seconds_alarms++ }
	END {
		print "claim", "of", "value", "runs", "aim", "holds"
		if (n = runs["equal"]) {
			claim("equal", "runs that name a difference (" compared " comparisons, " named + 0 " named)",
			    alarms + 0, n, "at most 1 of 20", alarms <= (n < 20 ? 1 : n / 20))
			for (k = 1; k <= n_small; k++)
				claim("slower", small[k], found[small[k]], n, "at least 19 of 20",
				    found[small[k]] >= 0.95 * n)
			claim("slower", "all of these", n - some_missed, n, "at least 19 of 20",
			    n - some_missed >= 0.95 * n)
		}
		if (n = runs["default"]) {
			for (row in decided) if (decided[row]) {
				some++
				kinds_of = ((row, "worse") in as) + ((row, "better") in as) + ((row, "same") in as)
				if (((row, "worse") in as) && ((row, "better") in as)) contradicted++
				if (kinds_of == 1) alike++
				if (kinds_of == 1 && decided[row] == n) always++
			}
			claim("repeat", "comparisons named better and worse", contradicted + 0, n, "0", !contradicted)
			claim("repeat", "comparisons that a run decides, " some + 0 " of " n_rows ": no run decides otherwise, %",
			    share(alike, some), n, "at least 90", some && alike >= 0.9 * some)
			claim("repeat", "the same: every run decides them alike, %", share(always, some), n,
			    "none", 1)
		}
		for (k = 1; k <= n_kinds; k++) {
			kind = order[k]
			worst = 0; labels = 0
			for (row in widths) if ((kind, row) in rows_of) {
				for (i = 1; i <= widths[row]; i++) v[i] = width[row, i]
				m[++labels] = x = median(v, widths[row])
				if (x > worst) worst = x
			}
			split(kind, part, "\t")
			what = part[1] " " part[2] " " part[3] " %"
			claim("widths", what ", the middle configuration", sprintf("%.2f", median(m, labels)), runs["default"],
			    "at most " kinds[kind], median(m, labels) <= kinds[kind])
			claim("widths", what ", the widest", sprintf("%.2f", worst), runs["default"],
			    "at most " kinds[kind], worst <= kinds[kind])
		}
		if (n = runs["second"])
			claim("second", "1 % of a ping found", seconds_found + 0, n, "at least 9 of 10",
			    seconds_found >= 0.9 * n)
		if (n = runs["second-equal"])
			claim("second", "a difference found between equal ones (at 95 %)", seconds_alarms + 0, n,
			    "at most 2 of 10", seconds_alarms <= 0.2 * n)
	}' "$out/ratios.tsv"
}

make_out ratios.tsv claims.tsv
if [ -n "$load" ]; then
	load_loop &
	lasting="$lasting $!"
fi
[ "$second_runs" = 0 ] || second
if [ "$equal_runs" -gt 0 ]; then
	find_delay 3
	make_build plain "$base"
	make_build slower $((base + delay))
	suites equal "$equal_runs" "a=$tmp/plain/rpc-thread" "b=$tmp/plain/rpc-thread" \
	    "slower=$tmp/slower/rpc-thread" http-thread
fi
suites default "$default_runs"
end_out
claims >"$out/claims.tsv"
cat "$out/claims.tsv"
! grep -q 'no$' "$out/claims.tsv"
