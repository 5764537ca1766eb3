#!/bin/sh
# SPDX-License-Identifier: ISC
# What the programs report, against what is known: quantiles of service times, queues that have a
# formula, Little's law, the bytes that the network interface has counted.
#
# Prints a row for each figure. "holds" is yes if it lies between low and high; where these
# come from is said at each kind below. A measurement of which a row does not hold is made
# again, twice at most unless -n says otherwise: other work on the machine can spoil one, a
# wrong figure is wrong each time. The last column tells which of them the row is from.
#
# Exit status 1 if a row does not hold.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=accuracy
usage='usage: accuracy.sh [-hq] [-n tries] [-o dir] [kind ...]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

kinds='delays queues little bytes'
tries=3
noisy=20                # with -q

help() {
	cat <<HELP
$usage
Check what the programs report against what is known; print what came out as TSV.

  -n tries  measurements at most for a row that does not hold ($tries)
  -o dir    folder for accuracy.tsv and env.tsv (none: nothing is kept)
  -q        quick: short runs, and times may be $noisy times as long as they should be (those
            of the queue any times): what noise alone can't break

kinds: $kinds
HELP
}

# ---- rows ----

# row WHAT UNIT EXPECTED MEASURED PERCENT ABSOLUTE: a row of the measurement under way. It
# holds if the two differ by no more than the larger of the percentage and the absolute bound;
# with $longer the measured one may be so many times what is expected, for noise makes times
# longer and never shorter.
longer=''
row() {
	awk -v what="$1" -v unit="$2" -v want="$3" -v got="$4" -v part="$5" -v abs="$6" -v try="$try" \
	    -v longer="${longer:-0}" '
	function show(x) {
		return x ~ /^[0-9.]+$/ ? sprintf("%.3f", x) : "NA"
	}
	BEGIN {
		known = want ~ /^[0-9.]+$/ && got ~ /^[0-9.]+$/
		bound = want * part / 100
		if (bound < abs + 0) bound = abs
		low = want - bound
		high = unit == "us" && longer > 0 ? want * longer : want + bound
		holds = known && low <= got && got <= high ? "yes" : "no"
		printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", what, show(want), show(got), holds, unit,
		    known ? sprintf("%.3f", low) : "NA", known ? sprintf("%.3f", high) : "NA", try
	}' >>"$tmp/rows"
}

# measurement COMMAND...: rows, again if one of them does not hold. Of each row the first try
# that holds counts, or else the last.
measurement() {
	: >"$tmp/best"
	try=0
	while [ "$try" -lt "$tries" ]; do
		try=$((try + 1))
		: >"$tmp/rows"
		"$@"
		awk -F '\t' '
			FNR == 1 { file++ }
			FILENAME == ARGV[1] { old[$1] = $0; held[$1] = $4 == "yes"; next }
			{ print held[$1] ? old[$1] : $0 }' "$tmp/best" "$tmp/rows" >"$tmp/new"
		mv "$tmp/new" "$tmp/best"
		awk -F '\t' '$4 != "yes" { bad = 1 } END { exit bad }' "$tmp/best" && break
	done
	cat "$tmp/best" >>"$tmp/accuracy.tsv"
	cat "$tmp/best"
}

# run COMMAND...: its rows in $tmp/out. Sets status.
run() {
	run_child "$@"
	[ "$status" -eq 0 ] || say "$*: status $status: $(head -c 300 "$tmp/err" | tr '\n' ' ')"
}

# calc EXPRESSION: a number.
calc() {
	awk "BEGIN { printf \"%.6f\", $1 }"
}

# ---- delays: quantiles ----

# quantiles PROTOCOL MODEL DELAY COUNT QUANTILE=US...: every quantile that is reported, against that
# of the distribution and what the same quantile is without a delay. The bound is 1 % or 50 us.
#
# A quantile at which a mixture jumps (p90 of 1ms:0.9,20ms:0.1) is left out: which side of
# the jump a sample is on is chance. Others are five standard deviations of the shares or
# more away from a jump.
quantiles() {
	protocol=$1 model=$2 delay=$3 count=$4
	shift 4
	run bin/"$protocol"-serve -m "$model" bin/bench-lat -n "$count"
	cp "$tmp/out" "$tmp/zero"
	run bin/"$protocol"-serve -m "$model" -d "$delay" bin/bench-lat -n "$count"
	for pair in "$@"; do
		column=${pair%=*}_us
		row "$protocol-$model -d $delay: ${pair%=*}" us \
		    "$(calc "${pair#*=} + $(cell "$tmp/zero" "$column" ping)")" \
		    "$(cell "$tmp/out" "$column" ping)" "$delay_percent" "$delay_us"
	done
}

check_delays() {
	longer=$much_longer
	if [ "$quick" = 1 ]; then
		delay_percent=1 delay_us=50
		measurement quantiles rpc thread 1ms 300 p50=1000
		measurement quantiles http event 1ms:0.8,5ms:0.2 500 p50=1000 p95=5000
		return
	fi
	delay_percent=1 delay_us=50
	for served in 'rpc thread' 'rpc event' 'http fork' 'http request' 'http pool' 'http event'; do
		# shellcheck disable=SC2086 # words
		measurement quantiles $served 1ms 1000 p50=1000 p90=1000 p95=1000 p99=1000 p999=1000
	done
	measurement quantiles rpc event 200us 2000 p50=200 p90=200 p95=200 p99=200
	measurement quantiles http thread 20ms 200 p50=20000 p90=20000 p95=20000 p99=20000
	for served in 'rpc thread' 'http event'; do
		# shellcheck disable=SC2086 # words
		measurement quantiles $served 1ms:0.9,20ms:0.1 1000 p50=1000 p95=20000 p99=20000 p999=20000
		# shellcheck disable=SC2086
		measurement quantiles $served 1ms:0.97,20ms:0.03 2000 p50=1000 p90=1000 p95=1000 \
		    p99=20000 p999=20000
	done
}

# ---- queues: mean and p99 of the response time ----
#
# A pool of one thread serves one request after the other, in the order of their coming (but
# for two that come in the same moment). With exponential gaps between arrivals that is the
# queue M/D/1 for a fixed time, M/M/1 for an exponential one.
#
# What the thread does besides is part of its service time: the rate at which it serves when
# it is always busy shows how much that is, and the delay is made shorter by it, so that the
# whole is 1 ms. What a response takes beyond that in an idle server (connection, wake-ups) is
# added to the theory's figure.
#
# The bound is 3.5 standard deviations of the estimate, plus what the calibration may be
# wrong by: it is right to 0.5 %, and near saturation an error in the load counts 1 / (1 - load)
# times; at least 50 us. The responses of a queue hang together, so that the deviations are much
# larger than those of so many single values; those below, in percent for mean and p99, are from
# 400 simulated runs each of the same length.
#
# The same arrivals, as the due times of another run with the same seed show, put through an
# ideal queue with a fixed time have no such error: these rows have 3 % for the mean and 5 % for
# p99, or 50 us.

connections=64          # a queue of as many is beyond all likelihood at these loads

# calibrate: sets own_us, what the pool's one thread does for a request besides, and idle_us,
# what a response takes when there is no queue. Other work on the machine only adds to both:
# the least of several runs counts.
calibrate() {
	own_us=0 idle_us=1000
	[ "$quick" = 0 ] || return 0
	own_us='' idle_us=''
	for i in 1 2 3 4 5; do
		run bin/http-serve -m pool -j 1 -d 1ms bin/bench-conc -o ping -c 8 -w 10 -n 60
		own_us=$(least "$own_us" "$(calc "1000000 / $(cell "$tmp/out" ops_per_s ping) - 1000")")
	done
	for i in 1 2 3 4 5; do
		delay=$(calc "$own_us < 1000 ? 1000 - $own_us : 0")us
		run bin/http-serve -m pool -j 1 -d "$delay" bin/bench-lat -n 200
		idle_us=$(least "$idle_us" "$(cell "$tmp/out" p50_us ping)")
	done
}

# least A B: the smaller number; A may be empty.
least() {
	awk -v a="$1" -v b="$2" 'BEGIN { print a == "" || b + 0 < a + 0 ? b : a }'
}

# queue NAME LOAD SECONDS MEAN_SD P99_SD: rows of one run.
queue() {
	name=$1 load=$2 secs=$3 mean_sd=$4 p99_sd=$5
	calibrate
	what="$name, 1 ms, load $load"
	if [ "${own_us%%.*}" -ge 500 ]; then
		say "$what: the processor is too busy with other things"
		row "$what: mean" us NA NA 0 0
		row "$what: p99" us NA NA 0 0
		return
	fi
	delay=$(calc "1000 - $own_us")us
	[ "$name" = M/D/1 ] || delay=exp:$delay
	rate=$(calc "$load * 1000")
	run bin/http-serve -m pool -j 1 -d "$delay" -S "$try" bin/bench-conc -o ping -c "$connections" -j 1 \
	    -r "$rate" -A exp -S "$try" -t "$secs"
	cp "$tmp/out" "$tmp/queue"
	theory "$name" "$load" >"$tmp/theory"
	read -r mean_us p99_us <"$tmp/theory"
	slip=$(calc "0.5 / (1 - $load)")
	over=$(calc "$idle_us - 1000")
	row "$what: mean" us "$(calc "$mean_us + $over")" "$(cell "$tmp/queue" mean_us ping)" \
	    "$(calc "3.5 * $mean_sd + $slip")" 50
	row "$what: p99" us "$(calc "$p99_us + $over")" "$(cell "$tmp/queue" p99_us ping)" \
	    "$(calc "3.5 * $p99_sd + $slip")" 50
	[ "$name" = M/D/1 ] && [ "$quick" = 0 ] || return 0
	# gaps scale with the rate: forty times as fast, as it is only about the due times
	run bin/http-serve -m event bin/bench-conc -R -o ping -c "$connections" -j 1 \
	    -r "$(calc "$rate * 40")" -A exp -S "$try" -t "$(calc "$secs / 40")"
	ideal 40 <"$tmp/out" >"$tmp/theory"
	read -r mean_us p99_us <"$tmp/theory"
	row "$what, the same arrivals: mean" us "$(calc "$mean_us + $over")" \
	    "$(cell "$tmp/queue" mean_us ping)" "$(calc "3 + $slip")" 50
	row "$what, the same arrivals: p99" us "$(calc "$p99_us + $over")" \
	    "$(cell "$tmp/queue" p99_us ping)" "$(calc "5 + $slip")" 50
}

# theory NAME LOAD: mean and p99 of the response in microseconds, for a service of 1 ms.
#
# M/D/1: mean by Pollaczek and Khinchine; the waiting time's distribution is Erlang's,
#     P(W <= t) = (1 - load) sum over k = 0 .. floor(t) of exp(x) (-x)^k / k!,  x = load (t - k)
# M/M/1: the response is exponential with mean 1 / (1 - load). As the thread's own work is
# fixed, the second moment of the service time is a little less than 2; the mean takes that
# into account exactly (Pollaczek and Khinchine again), p99 in proportion.
theory() {
	awk -v name="$1" -v rho="$2" -v own="$own_us" '
	function waits_less(t,    k, x, sum, term, i) {
		for (k = 0; k <= int(t); k++) {
			x = rho * (t - k)
			term = exp(x)
			for (i = 1; i <= k; i++) term *= -x / i
			sum += term
		}
		return (1 - rho) * sum
	}
	BEGIN {
		if (name == "M/D/1") {
			high = 40
			for (i = 0; i < 50; i++) {
				t = (low + high) / 2
				if (waits_less(t) < 0.99) low = t; else high = t
			}
			mean = 1 + rho / (2 * (1 - rho))
			p99 = 1 + low
		} else {
			second = 1 + (1 - own / 1000) ^ 2
			mean = 1 + rho * second / (2 * (1 - rho))
			p99 = log(100) / (1 - rho) * mean * (1 - rho)
		}
		printf "%.3f %.3f\n", mean * 1000, p99 * 1000
	}'
}

# ideal FACTOR: mean and p99 of the responses of an ideal queue with a service of 1 ms, to
# arrivals that are so many times as far apart as the due times of the raw rows on stdin.
ideal() {
	awk -F '\t' -v factor="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["op"]) == "ping" { printf "%.3f\n", $(at["start_us"]) * factor }' |
	    sort -n | awk '{ free = ($1 > free ? $1 : free) + 1000; printf "%.3f\n", free - $1 }' |
	    sort -n | awk '{ v[NR] = $1; sum += $1 }
		END { r = int(NR * 0.99); r += r < NR * 0.99; printf "%.3f %.3f\n", sum / NR, v[r] }'
}

check_queues() {
	if [ "$quick" = 1 ]; then
		# on a busy machine the server may not be up to its load, and there is no telling
		# how long its queue becomes; but it can't be shorter, whatever else it does
		longer=10000
		measurement queue M/D/1 0.5 4 2.7 10
		return
	fi
	longer=''
	measurement queue M/D/1 0.3 15 0.9 3.5
	measurement queue M/D/1 0.5 20 1.2 4.1
	measurement queue M/D/1 0.8 60 2.2 6
	measurement queue M/M/1 0.3 15 2.8 6.3
	measurement queue M/M/1 0.5 20 3.1 6.4
	measurement queue M/M/1 0.8 60 3.9 9.3
}

# ---- Little's law: clients / throughput = mean response, in a closed loop ----

# little PROTOCOL MODEL CLIENTS OPTION...: what a client does between a reply and its next request
# is no part of the response, and part of what the bound is for.
little() {
	protocol=$1 model=$2 clients=$3
	shift 3
	run bin/"$protocol"-serve -m "$model" "$@" bin/bench-conc -o ping -c "$clients" -t "$little_secs"
	row "$protocol-$model${*:+ $*}, $clients clients: mean response" us \
	    "$(calc "$clients / $(cell "$tmp/out" ops_per_s ping) * 1000000")" \
	    "$(cell "$tmp/out" mean_us ping)" "$little_percent" 0
}

check_little() {
	longer=''
	if [ "$quick" = 1 ]; then
		little_secs=1 little_percent=10
		measurement little rpc event 10
		measurement little http thread 10 -d 1ms
		return
	fi
	little_secs=2 little_percent=3
	for protocol in rpc http; do
		for model in thread fork request pool event; do
			measurement little "$protocol" "$model" 10
		done
		measurement little "$protocol" event 100
		measurement little "$protocol" thread 10 -d exp:2ms
	done
}

# ---- bytes ----

# received: bytes that the loopback interface has received.
received() {
	sed -n 's/^ *lo: *\([0-9]*\).*/\1/p' /proc/net/dev
}

# bytes PROTOCOL OP: a transfer's payload as reported, against what the server has counted (which
# is some headers more) and what the interface has (headers of the packets, and
# acknowledgements). With 16 MiB a message and the loopback's packets of up to 64 KiB all this
# is less than 1 %.
bytes() {
	protocol=$1 op=$2
	before=$(received)
	run bin/"$protocol"-serve -u "$tmp/usage" bin/bench-bw -o "$op" -s 16m -n "$messages" -w 0
	after=$(received)
	told=$(calc "$(cell "$tmp/out" bytes_per_s "$op") * $(cell "$tmp/out" elapsed_s "$op") / 1000000")
	[ "$op" = upload ] && counter=bytes_in || counter=bytes_out
	counted=$(awk -F '\t' -v name="$counter" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $(at[name]) }' "$tmp/usage")
	row "$protocol $op: payload against the server's $counter" MB \
	    "$(calc "$counted / 1000000")" "$told" 3 0
	# other users of the interface count, too
	[ "$quick" = 0 ] || return 0
	row "$protocol $op: payload against the interface's counter" MB \
	    "$(calc "($after - $before) / 1000000")" "$told" 3 0
}

check_bytes() {
	longer=''
	messages=32
	[ "$quick" = 0 ] || messages=8
	if [ -z "$(received 2>/dev/null)" ]; then
		say 'bytes: left out: no counters in /proc/net/dev'
		return
	fi
	for protocol in rpc http; do
		for op in upload download; do
			measurement bytes "$protocol" "$op"
		done
	done
}

# ---- main ----

command_line=$*
quick=0 much_longer=''
while getopts :hn:o:q opt; do
	case $opt in
	h) help; exit 0 ;;
	n) tries=$OPTARG ;;
	o) out=$OPTARG ;;
	q) quick=1 ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
case $tries in
''|*[!0-9]*|0*) wrong "-n $tries: not a number of tries" ;;
esac
# shellcheck disable=SC2086 # words
[ $# -gt 0 ] || set -- $kinds
for kind in "$@"; do
	case " $kinds " in
	*" $kind "*) ;;
	*) wrong "$kind: no such kind; there are: $kinds" ;;
	esac
done

begin
[ "$quick" = 0 ] || much_longer=$noisy
[ -z "$out" ] || make_out accuracy.tsv
printf 'what\texpected\tmeasured\tholds\tunit\tlow\thigh\ttry\n' | tee "$tmp/accuracy.tsv"
for kind in "$@"; do
	"check_$kind"
done
if [ -n "$out" ]; then
	cp "$tmp/accuracy.tsv" "$out/accuracy.tsv"
	end_out
fi
awk -F '\t' 'NR > 1 { n++; bad += $4 != "yes" }
	END { exit !(n > 0 && bad == 0) }' "$tmp/accuracy.tsv" ||
    die 'not all of it holds'
