#!/bin/sh
# SPDX-License-Identifier: ISC
# What the programs report, against what is known: a bare server and a bare client measured in
# turn with them, the arrival of replies by the kernel's timestamps, queues that have a formula,
# Little's law, the bytes that the network interface has counted.
#
# Prints a row for each figure. "holds" is yes if it lies between low and high; where these
# come from is said at each kind below. "undecided": it does, but the sample, as disturbed as it
# was, leaves more than $widest % each way, or has no limit. A measurement of which a row does not
# hold is made again, twice at most unless -n says otherwise: other work on the machine can spoil
# one, a wrong figure is wrong each time. The last column tells which of them the row is from.
#
# Server and client have a processor each, the first and the last that may be used, where the
# system tells (Linux); those of Little's law and of the bytes are left to the kernel.
#
# With a load beside it most rows are undecided; where it may run before all else (as root on
# Linux: chrt -f 10), hardly any.
#
# Exit status 1 if a row does not hold.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=accuracy
usage='usage: accuracy.sh [-hq] [-n tries] [-o dir] [kind ...]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

usual='dist arrivals delays queues little bytes'
kinds="$usual capacity"
most_tries=3
widest=10

help() {
	cat <<HELP
$usage
Check what the programs report against what is known; print what came out as TSV.

  -n tries  measurements at most for a row that does not hold ($most_tries)
  -o dir    folder for accuracy.tsv, env.tsv and searches.tsv, the rates that searches for a
            capacity found (none: nothing is kept)
  -q        quick: few rows, short runs

kinds: $kinds
Without a name all but capacity, which takes a quarter of an hour; with -q all.
HELP
}

# ---- rows ----

# add_row WHAT UNIT EXPECTED MEASURED LOW HIGH [WIDEST]: a row of the measurement under way;
# WIDEST in percent of what is expected.
add_row() {
	awk -v what="$1" -v unit="$2" -v want="$3" -v got="$4" -v low="$5" -v high="$6" \
	    -v widest="${7:-0}" -v try="$try" '
	function known(x) {
		return x ~ /^-?[0-9.]+$/
	}
	function show(x) {
		return known(x) ? sprintf("%.3f", x) : "NA"
	}
	BEGIN {
		if (!known(want) || !known(got) || known(low) && got + 0 < low + 0 ||
		    known(high) && got + 0 > high + 0)
			holds = "no"
		else if (!known(low) || !known(high) || widest > 0 && high - low > want * widest / 50)
			holds = "undecided"
		else
			holds = "yes"
		printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", what, show(want), show(got), holds, unit,
		    show(low), show(high), try
	}' >>"$tmp/rows"
}

# row WHAT UNIT EXPECTED MEASURED PERCENT ABSOLUTE: it holds if the two differ by no more than
# the larger of the percentage and the absolute bound.
row() {
	bound=$(awk -v want="$3" -v part="$5" -v abs="$6" 'BEGIN {
		bound = want * part / 100
		printf "%.6f", (bound < abs + 0 ? abs : bound)
	}')
	add_row "$1" "$2" "$3" "$4" "$(calc "${3:-0} - $bound")" "$(calc "${3:-0} + $bound")"
}

# measurement COMMAND...: rows, again if one of them does not hold. Of each row the first try
# that does not contradict counts, or else the last.
measurement() {
	: >"$tmp/best"
	try=0
	while [ "$try" -lt "$most_tries" ]; do
		try=$((try + 1))
		: >"$tmp/rows"
		"$@"
		awk -F '\t' '
			FILENAME == ARGV[1] { old[$1] = $0; held[$1] = $4 != "no"; next }
			{ print held[$1] ? old[$1] : $0 }' "$tmp/best" "$tmp/rows" >"$tmp/new"
		mv "$tmp/new" "$tmp/best"
		awk -F '\t' '$4 == "no" { bad = 1 } END { exit bad }' "$tmp/best" && break
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

# ---- our programs and the bare ones (tests/peers/bare.c), in turn ----

# start_ours SERVER OPTION...: one of our servers. Sets ours, ours_url.
start_ours() {
	program=bin/$1
	shift
	# shellcheck disable=SC2086 # words
	keep_server "$program" -p 0 $on_server "$@"
	ours=$kept ours_url=$url
}

# start_bare OPTION...: the bare server, its record to $tmp/record. Sets bare, bare_url.
start_bare() {
	# shellcheck disable=SC2086 # words
	keep_server tests/peers/bare -s -u "$tmp/record" "$@" $on_server
	bare=$kept bare_url=$url
}

# stop_server PID
stop_server() {
	drop "$1"
	[ "$status" -eq 0 ] || say "server: status $status: $(cat "$tmp/log.err")"
}

# ask_ours N URL BENCHMARK OPTION...: its output, to $tmp/ours.N.
ask_ours() {
	number=$1 target=$2 program=bin/$3
	shift 3
	# shellcheck disable=SC2086 # words
	run "$program" -q $on_client "$@" "$target"
	mv "$tmp/out" "$tmp/ours.$number"
}

# ask_bare N OPTION...: times of the bare client at the bare server, to $tmp/bare.N.
ask_bare() {
	number=$1
	shift
	# shellcheck disable=SC2086 # words
	run tests/peers/bare "$@" $on_client "${bare_url##*:}"
	mv "$tmp/out" "$tmp/bare.$number"
}

# in_turn BLOCKS OURS BARE: so often one and the other command, which get the number. Sets files.
in_turn() {
	rm -f "$tmp"/ours.* "$tmp"/bare.*
	files=''
	block=0
	while [ "$block" -lt "$1" ]; do
		block=$((block + 1))
		files="$files $tmp/ours.$block"
		if [ $((block % 2)) -eq 1 ]; then
			$2 "$block"
			$3 "$block"
		else
			$3 "$block"
			$2 "$block"
		fi
	done
}

# ---- delays: quantiles ----
#
# A processor that has been idle wakes late, on some machines by a tenth of a service time, and
# other work delays both programs. So the reference is no formula but the bare client at the bare
# server, which waits for the same time in the same way on the same processors, mostly in blocks of
# a tenth of a second in turn with ours. That these times are as they should be is what dist shows.
#
# Both quantiles have an interval, and a row holds if these come as near to each other as 1 %
# (or 5 us, which is for what a protocol costs beyond the bare exchange). The intervals are
# distribution-free, from the ranks of the sample, and allow for disturbances that last: the
# share of times below the quantile varies between blocks by so much, or as independent times
# would if that is more (Woodruff, J. Amer. Statist. Assoc. 47, 1952). They are of 99 %, by
# Student's t over the blocks. Two of the same width that do not meet, though the truth is the same,
# are four standard deviations apart: one row in 4000, and at worst, if one is much wider than the
# other, one in 100. So even at worst less than every second run has to measure something again by
# chance, and one in 20,000 does so three times for the same row, which fails it.
#
# A quantile at which a mixture jumps (p90 of 1ms:0.9,20ms:0.1) is left out: which side of
# the jump a sample is on is chance.

blocks=20
student=2.86            # t, 19 degrees of freedom, 99 %

ours_block() {
	# shellcheck disable=SC2086 # words
	ask_ours "$1" "$ours_url" bench-lat -D -o ping -w 2 -n "$per_block" $client
}

bare_block() {
	# shellcheck disable=SC2086 # words
	ask_bare "$1" -w 2 -n "$per_block" $client
}

# intervals QUANTILE...: for each its name, then the quantile and the limits of its interval, of the
# bare times and of ours (histograms, or times as well); NA where the sample has no limit.
intervals() {
	awk -F '\t' '
	FNR == 1 {
		block = FILENAME
		sub(/.*\./, "", block)
		side = FILENAME ~ /ours\.[0-9]+$/ ? "ours" : "bare"
		plain = NF == 1
	}
	plain { print $1, 1, side, block; next }
	FNR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	$(at["count"]) > 0 { print ($(at["low_us"]) + $(at["high_us"])) / 2, $(at["count"]), side, block }
	' "$tmp"/bare.* "$tmp"/ours.* | sort -n |
	awk -v names="$*" -v blocks="$blocks" -v student="$student" '
	# the value at this rank
	function at_rank(side, rank,    k) {
		if (rank < 1 || rank > n[side]) return "NA"
		for (k = 1; upto[side, k] < rank; k++) ;
		return value[side, k]
	}
	function interval(side, p,    rank, q, k, b, below, all, error, sum, d) {
		if (!n[side]) return "NA NA NA"
		rank = n[side] * p
		q = at_rank(side, int(rank) + (int(rank) < rank))
		split("", below)
		for (k = 1; k <= values[side] && value[side, k] <= q + 0; k++) {
			below[block[side, k]] += count[side, k]
			all += count[side, k]
		}
		for (b = 1; b <= blocks; b++) {
			d = below[b] - all / n[side] * in_block[side, b]
			sum += d * d
		}
		error = sqrt(sum * blocks / (blocks - 1))
		if (error < sqrt(n[side] * p * (1 - p))) error = sqrt(n[side] * p * (1 - p))
		return q " " at_rank(side, int(rank - student * error)) " " \
		    at_rank(side, int(rank + student * error) + 1)
	}
	{
		k = ++values[$3]
		value[$3, k] = $1; count[$3, k] = $2; block[$3, k] = $4
		n[$3] += $2; upto[$3, k] = n[$3]; in_block[$3, $4] += $2
	}
	END {
		m = split(names, name, " ")
		for (i = 1; i <= m; i++)
			print name[i], interval("bare", "0." substr(name[i], 2)),
			    interval("ours", "0." substr(name[i], 2))
	}'
}

# compare WHAT QUANTILE...: rows of the blocks that were measured. What is measured is what
# bench-stat makes of our client's histograms.
compare() {
	what=$1
	shift
	# shellcheck disable=SC2086 # words
	run bin/bench-stat $files
	mv "$tmp/out" "$tmp/pooled"
	intervals "$@" >"$tmp/intervals"
	while read -r name q q_low q_high o o_low o_high; do
		measured=$(cell "$tmp/pooled" "${name}_us" ping)
		# shellcheck disable=SC2046 # words
		add_row "$what: $name" us "$q" "$measured" $(awk -v q_low="$q_low" -v q_high="$q_high" \
		    -v got="$measured" -v o_low="$o_low" -v o_high="$o_high" '
			function slack(x) { return x > 500 ? x / 100 : 5 }
			BEGIN {
				low = q_low - slack(q_low) - (o_high - got)
				high = q_high + slack(q_high) + (got - o_low)
				low = sprintf("%.3f", low < 0 ? 0 : low)
				high = sprintf("%.3f", high)
				if (q_low == "NA" || o_high == "NA") low = "NA"
				if (q_high == "NA" || o_low == "NA") high = "NA"
				print low, high
			}') "$widest"
	done <"$tmp/intervals"
}

# quantiles SERVER MODEL DIST PER-BLOCK CLIENT QUANTILE...: CLIENT is - or -d 2: with two
# requests outstanding it is the event loop that drives the client. SERVER bare: our client
# at the bare server.
quantiles() {
	server=$1 model=$2 dist=$3 per_block=$4 client=$5
	shift 5
	[ "$client" != - ] || client=''
	if [ "$model" = event ]; then
		start_bare -e -d "$dist"
	else
		start_bare -d "$dist"
	fi
	if [ "$server" = bare ]; then
		what="bare server -d $dist" ours_url=$bare_url
	else
		what="$server-$model -d $dist"
		start_ours "$server"-serve -m "$model" -d "$dist"
	fi
	in_turn "$blocks" ours_block bare_block
	stop_server "$bare"
	[ "$server" = bare ] || stop_server "$ours"
	compare "$what${client:+, bench-lat $client}" "$@"
}

check_delays() {
	if [ "$quick" = 1 ]; then
		measurement quantiles rpc thread 1ms 20 - p50 p90
		measurement quantiles http event 1ms:0.8,5ms:0.2 20 '-d 2' p50 p95
		return
	fi
	for served in 'rpc thread' 'rpc event' 'http fork' 'http event'; do
		# shellcheck disable=SC2086 # words
		measurement quantiles $served 1ms 75 - p50 p90 p95 p99
	done
	# what a thread per request costs, or handing the connection to one, is more than 1 % of 1 ms
	for served in 'http request' 'rpc pool'; do
		# shellcheck disable=SC2086
		measurement quantiles $served 5ms 16 - p50 p90 p95
	done
	measurement quantiles bare - 1ms 75 - p50 p90 p95 p99
	measurement quantiles bare - 1ms 75 '-d 2' p50 p90 p95 p99
	measurement quantiles rpc event 200us 600 - p50 p90 p95 p99 p999
	measurement quantiles http thread 20ms 10 - p50 p90 p95
	for served in 'rpc thread' 'http event'; do
		# shellcheck disable=SC2086
		measurement quantiles $served 1ms:0.9,20ms:0.1 60 - p50 p95 p99
		# shellcheck disable=SC2086
		measurement quantiles $served 1ms:0.97,20ms:0.03 75 - p50 p90 p99
	done
}

# ---- arrivals: distributions by the kernel's timestamps, without a reference ----
#
# With -y, -arrival ends when the kernel has the reply: waking the client up is no part of it. The
# server is a bare one that is awake all the time, on a processor of its own, as one that has gone
# idle wakes late. So all that is beyond the distribution's time is the way through the kernel, and
# no quantile may be below it, or, by a 99 % interval as those of the delays, more than 1 % or 20 us
# beyond it, however late the client is: other work on its processor makes no difference.
#
# Each request is also compared with the time that the server has taken for it by its own clock: no
# reply may arrive before it was sent.
#
# Where other work, or the machine below a virtual one, has made the server more than 20 us late in
# reading a request or answering it, that one is left out; stderr says how many were. If none is
# left, the figure is that of all, undecided. And where more than a tenth had to be left out, the
# machine is busy, and cold caches make sending slow, too: what is too large is undecided, and what
# is too small as well where times differ, as short ones are left out less often.
#
# Nor is it the figures' fault where the way through the kernel alone takes longer than that, as with
# cold caches behind a long wait: then the quantile of what is beyond the server's own time says so,
# and what is too large is undecided. A clock that is wrong would make the least of it wrong, too.
#
# With a load on the client's processor, a row shows that it had an effect: on the whole, not on
# the arrival.

# arrival_block N: arrivals to $tmp/arrived (block, client, number, time) and $tmp/bare.N, the whole
# times and the client's own part to $tmp/whole and $tmp/woken.
arrival_block() {
	# shellcheck disable=SC2086 # words
	ask_ours "$1" "$bare_url" $client -y -R -o ping -w 2 -n "$per_block"
	awk -F '\t' -v block="$1" -v dir="$tmp" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{ op = $(at["op"]); us = $(at["us"]) }
		op == "ping" { print us >>(dir "/whole") }
		op == "ping-wake" { print us >>(dir "/woken") }
		op == "ping-arrival" {
			printf "%d\t%d\t%d\t%s\n", block, $(at["client"]), $(at["seq"]), us >>(dir "/arrived")
			print us >(dir "/bare." block)
		}' "$tmp/ours.$1"
	: >"$tmp/ours.$1"
}

# undisturbed FIRST: of all that has arrived, by blocks, what is measured to $tmp/ours.N, and how far
# beyond the server's own time it all was to $tmp/beyond. The first requests of each connection are
# not measured; one that has not even these asks for the dialect. Each block has had as many others,
# in the order of clients. Sets good, all.
undisturbed() {
	awk -F '\t' -v first="$1" -v blocks="$blocks" -v dir="$tmp" '
		FNR == 1 && ++pass == 2 {
			for (i = 0; i <= most; i++) if (asked[i] >= first) number[i] = n++
		}
		pass < 3 && FNR == 1 { next }
		pass == 1 { asked[$3]++; if (most < $3 + 0) most = $3 + 0; next }
		pass == 2 {
			if (!($3 in number)) next
			c = number[$3]
			key = int(c * blocks / n) + 1 SUBSEP c % (n / blocks) SUBSEP seen[$3]++ - first
			own[key] = $2
			late[key] = $4
			next
		}
		{
			key = $1 SUBSEP $2 SUBSEP $3
			all++
			printf "%.3f\n", $4 - own[key] >(dir "/beyond")
		}
		late[key] + 0 <= 20 { print $4 >(dir "/ours." $1); good++ }
		END { print good + 0, all + 0 }' "$tmp/record" "$tmp/record" "$tmp/arrived" >"$tmp/good"
	read -r good all <"$tmp/good"
}

# quantile P FILE: of numbers.
quantile() {
	sort -n "$2" | awk -v p="$1" '
		{ v[NR] = $1 }
		END { r = int(NR * p); r += r < NR * p || r == 0; print NR ? v[r] : "NA" }'
}

# arrivals PROTOCOL BESIDE DIST PER-BLOCK CLIENT QUANTILE=US...: BESIDE is idle, or load: a busy
# loop on the processor of the client.
arrivals() {
	protocol=$1 beside=$2 dist=$3 per_block=$4 client=$5
	shift 5
	what="$protocol -d $dist at arrival, $client"
	for file in arrived beyond whole woken; do
		: >"$tmp/$file"
	done
	first=3 # what makes a first reply, and warm-ups; bench-lat asks HTTP servers for no such reply
	[ "$protocol ${client%% *}" != 'http bench-lat' ] || first=2
	if [ "$protocol" = rpc ]; then
		start_bare -a -R -d "$dist"
	else
		start_bare -a -d "$dist"
	fi
	if [ "$beside" = load ]; then
		what="$what, load beside it"
		# shellcheck disable=SC2086 # words
		keep_server tests/peers/bare -s -a $on_client
		load=$kept
	fi
	in_turn "$blocks" arrival_block :
	[ "$beside" = idle ] || stop_server "$load"
	stop_server "$bare"
	undisturbed "$first"
	# shellcheck disable=SC2046 # words
	intervals $(printf '%s\n' "$@" | cut -d = -f 1) >"$tmp/intervals"
	for pair in "$@"; do
		name=${pair%=*}
		# shellcheck disable=SC2046 # words
		add_row "$what: $name" us "${pair#*=}" $(awk -v name="$name" -v want="${pair#*=}" \
		    -v way="$(quantile ".${name#p}" "$tmp/beyond")" -v dist="$dist" -v good="$good" -v all="$all" '
			$1 == name {
				bound = want / 100 > 20 ? want / 100 : 20
				low = $7 == "NA" || dist ~ /:/ && good < all * 0.9 ? "NA" : want - ($7 - $5)
				high = $6 == "NA" ? "NA" : want + bound + $5 - $6
				if ($5 > high && (way > bound || good < all * 0.9)) high = "NA"
				print ($5 == "NA" ? $2 : $5), low, high
			}' "$tmp/intervals") "$widest"
	done
	least=$(quantile 0 "$tmp/beyond")
	# shellcheck disable=SC2046 # words
	add_row "$what, beyond the server's own time: least" us 0 "$least" \
	    $(awk -v got="$least" -v want="${1#*=}" -v good="$good" -v all="$all" 'BEGIN {
		bound = want > 2000 ? want / 100 : 20
		print 0, (got > bound && good < all * 0.9 ? "NA" : bound)
	}')
	whole=$(quantile 0.9 "$tmp/whole")
	if [ "$beside" = load ]; then
		# shellcheck disable=SC2046 # words
		add_row "$what: p90 with the client's part, late by the load" us "${1#*=}" "$whole" \
		    $(awk -v got="$whole" -v want="${1#*=}" 'BEGIN {
			late = want + (want > 2000 ? want / 100 : 20)
			print (got > late ? late : "NA"), 30000000
		}')
	fi
	say "$what: the client's own part: p50 $(quantile 0.5 "$tmp/woken"), p90" \
	    "$(quantile 0.9 "$tmp/woken") us; p90 with it: $whole us;" \
	    "beyond the server's own time: p50 $(quantile 0.5 "$tmp/beyond"), p90" \
	    "$(quantile 0.9 "$tmp/beyond") us; left out: $((all - good)) of $all"
}

check_arrivals() {
	if [ "$(uname)" != Linux ] || [ -z "$on_server" ]; then
		say 'arrivals: left out: no timestamps, or the programs are built without the calls of Linux'
		return
	fi
	if [ "${on_server#-P }" = "${on_client#-P }" ]; then
		say 'arrivals: left out: the server needs a processor of its own, and there is one in all'
		return
	fi
	if ! bin/http-serve bin/bench-lat -y -q -o ping -w 0 -n 1 >/dev/null 2>"$tmp/err"; then
		say "arrivals: left out: $(sed 1q "$tmp/err")"
		return
	fi
	loads=1
	if [ "$(cut -d ' ' -f 41 /proc/$$/stat)" != 0 ]; then
		say 'arrivals, load beside it: left out: at a priority like this, it would leave no time at all'
		loads=''
	fi
	if [ "$quick" = 1 ]; then
		measurement arrivals rpc idle 5ms 15 bench-lat p50=5000 p90=5000
		[ -z "$loads" ] || measurement arrivals http load 5ms 15 bench-lat p50=5000 p90=5000
		return
	fi
	for protocol in rpc http; do
		measurement arrivals $protocol idle 200us 200 bench-lat p50=200 p90=200
		measurement arrivals $protocol idle 1ms 50 bench-lat p50=1000 p90=1000 p99=1000
		measurement arrivals $protocol idle 5ms 15 'bench-lat -r 150' p50=5000 p90=5000
	done
	measurement arrivals rpc idle 1ms 50 'bench-lat -d 2' p50=1000 p90=1000
	measurement arrivals http idle 5ms 10 'bench-conc -c 4 -j 1' p50=5000 p90=5000
	measurement arrivals rpc idle 1ms 15 'bench-conc -c 4 -j 1 -r 400' p50=1000 p90=1000
	measurement arrivals http idle 1ms:0.9,20ms:0.1 40 bench-lat p50=1000 p95=20000
	measurement arrivals http idle exp:1ms 125 bench-lat p50=693.147 p90=2302.585
	measurement arrivals rpc idle exp:1ms 40 'bench-conc -c 4 -j 1 -r 1000' p50=693.147 p90=2302.585
	[ -n "$loads" ] || return 0
	measurement arrivals http load 1ms 20 bench-lat p50=1000 p90=1000
	measurement arrivals rpc load 5ms 15 'bench-lat -r 100' p50=5000 p90=5000
	measurement arrivals http load 1ms 15 'bench-conc -c 4 -j 1 -r 400' p50=1000 p90=1000
}

# ---- dist: service times where they are made, by the server's clock ----
#
# The bare server draws from the distribution as ours do, waits as they do, and writes down both
# times. Quantiles of those that were drawn have to be the distribution's, within the 99.9 %
# interval of a sample of this size; the seed is always the same, so chance has no part in it. No
# wait may be shorter than drawn, and the best of them not longer by 1 %: other work makes the
# others so, on a busy machine most of them.

# dist DIST COUNT QUANTILE=US...
dist() {
	dist=$1 count=$2
	shift 2
	start_bare -d "$dist"
	ask_bare 1 -n "$count"
	stop_server "$bare"
	sed 1d "$tmp/record" | sort -n >"$tmp/drawn"
	for pair in "$@"; do
		# shellcheck disable=SC2046 # words
		add_row "dist $dist, drawn: ${pair%=*}" us "${pair#*=}" \
		    $(awk -v name="${pair%=*}" -v want="${pair#*=}" '
			{ v[NR] = $1 }
			END {
				p = "0." substr(name, 2)
				half = 3.29 * sqrt(NR * p * (1 - p))
				q = v[int(NR * p + 0.5)]
				low = int(NR * p - half)
				high = int(NR * p + half) + 1
				from = (high > NR) ? "NA" : want - (v[high] - q)
				upto = (low < 1) ? "NA" : want + (q - v[low])
				print q, from, upto
			}' "$tmp/drawn")
	done
	sed 1d "$tmp/record" | awk -F '\t' '{ print $2 - $1, $1; sum += $1 }' | sort -n >"$tmp/late"
	# shellcheck disable=SC2046
	add_row "dist $dist, waited beyond that: least" us 0 $(awk '
		NR == 1 { least = $1 }
		{ sum += $2 }
		END { print least, 0, sum / NR / 100 }' "$tmp/late")
}

check_dist() {
	if [ "$quick" = 1 ]; then
		measurement dist exp:200us 1000 p50=138.629 p90=460.517
		return
	fi
	measurement dist 1ms 500 p50=1000 p90=1000
	measurement dist exp:200us 4000 p10=21.072 p50=138.629 p90=460.517 p99=921.034
	measurement dist 200us:0.9,2ms:0.1 2000 p50=200 p85=200 p95=2000
}

# ---- queues: mean and p99 of the response time ----
#
# A pool of one thread serves one request after the other, in the order of their coming (but
# for two that come in the same moment), and so do all models on one connection. With exponential
# gaps between arrivals that is the queue M/D/1 for a fixed time, M/M/1 for an exponential one.
#
# First the queue in theory: the due times of a run, and the times that the bare server has
# drawn, go through a queue without any cost (Lindley's recursion), and mean and p99 have to
# be the formula's within 3.5 standard deviations of the estimate. The responses of a queue hang
# together, so these are much larger than of so many single values; those below, in percent for
# mean and p99, are from 400 simulated runs each of the same length. As the seed is always
# the same, no chance is in these rows.
#
# Then the queue as it is: our client and server in turn with the bare ones. Their arrivals are
# the same, and so are service times: the same numbers, less what a request costs besides, which
# a calibration finds in both, so that the whole is 1 ms. What a response takes in an idle
# server (wake-ups) is not part of a queue; where ours takes longer there, the same calibration
# shows it, and it is added to the bare figures. In each of $chunks pairs of runs ours is
# compared with the bare run's, and the 99 % interval of their ratio by Student's t has to reach
# within 1 % of 1, and within what the calibration may be wrong by: it is right to 0.5 %, and near
# saturation an error in the load counts 1 / (1 - load) times.

connections=64          # a queue of as many is beyond all likelihood at these loads
chunks=5
student_chunks=4.60     # t, 4 degrees of freedom, 99 %

# theory NAME LOAD: mean and p99 of the response in microseconds, for a service of 1 ms.
#
# M/D/1: mean by Pollaczek and Khinchine; the waiting time's distribution is Erlang's,
#     P(W <= t) = (1 - load) sum over k = 0 .. floor(t) of exp(x) (-x)^k / k!,  x = load (t - k)
# M/M/1: the response is exponential with mean 1 / (1 - load).
theory() {
	awk -v name="$1" -v rho="$2" '
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
			mean = 1 / (1 - rho)
			p99 = log(100) / (1 - rho)
		}
		printf "%.3f %.3f\n", mean * 1000, p99 * 1000
	}'
}

# in_theory NAME LOAD COUNT MEAN_SD P99_SD: what goes through the queue takes a fortieth of
# the time (arrivals) and a hundredth (services).
in_theory() {
	name=$1 load=$2 count=$3 mean_sd=$4 p99_sd=$5
	run bin/http-serve -m event bin/bench-conc -R -o ping -c "$connections" -j 1 \
	    -r "$(calc "$load * 40000")" -A exp -S 1 -n $((count / connections))
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["op"]) == "ping" { printf "%.3f\n", $(at["start_us"]) * 40 }' "$tmp/out" |
	    sort -n >"$tmp/due"
	if [ "$name" = M/D/1 ]; then
		awk '{ print 1000 }' "$tmp/due" >"$tmp/served"
	else
		start_bare -d exp:10us
		ask_bare 1 -n "$count"
		stop_server "$bare"
		awk -F '\t' 'NR > 1 { printf "%.3f\n", $1 * 100 }' "$tmp/record" >"$tmp/served"
	fi
	measured=$(paste "$tmp/due" "$tmp/served" |
	    awk -F '\t' '$1 != "" { free = ($1 > free ? $1 : free) + $2; printf "%.3f\n", free - $1 }' |
	    sort -n | awk '{ v[NR] = $1; sum += $1 }
		END { r = int(NR * 0.99); r += r < NR * 0.99; printf "%.3f %.3f\n", sum / NR, v[r] }')
	expected=$(theory "$name" "$load")
	what="$name, 1 ms, load $load, in theory"
	row "$what: mean" us "${expected% *}" "${measured% *}" "$(calc "3.5 * $mean_sd")" 0
	row "$what: p99" us "${expected#* }" "${measured#* }" "$(calc "3.5 * $p99_sd")" 0
}

# figures FILE: mean, p50 and p99 of bare times.
figures() {
	sort -n "$1" | awk '{ v[NR] = $1; sum += $1 }
		function at(p,    r) { r = int(NR * p); return v[r + (r < NR * p)] }
		END { printf "%.3f %.3f %.3f\n", sum / NR, at(0.5), at(0.99) }'
}

# least A B: the smaller number; A may be empty.
least() {
	awk -v a="$1" -v b="$2" 'BEGIN { print (a == "" || b + 0 < a + 0 ? b : a) }'
}

# our_p50 BENCHMARK OPTION...
our_p50() {
	ask_ours 0 "$ours_url" "$@"
	cell "$tmp/ours.0" p50_us ping
}

bare_p50() {
	ask_bare 0 "$@"
	figures "$tmp/bare.0" | cut -d ' ' -f 2
}

# calibrate: at 1 ms, what ours and the bare server do for a request besides (ours_own,
# bare_own: eight requests are always outstanding, so that one takes as long as eight services),
# and how much longer than a service a response takes in an idle one (ours_idle, bare_idle). Other
# work only adds to all of these: the least of several runs counts.
calibrate() {
	ours_own='' bare_own='' ours_idle='' bare_idle=''
	start_bare -d 1ms
	# shellcheck disable=SC2086 # words
	start_ours http-serve $served_by -d 1ms
	for i in 1 2 3 4 5; do
		# shellcheck disable=SC2086 # words
		ours_own=$(least "$ours_own" "$(our_p50 $busy_client)")
		bare_own=$(least "$bare_own" "$(bare_p50 -d 8 -n 80)")
		ours_idle=$(least "$ours_idle" "$(our_p50 bench-lat -o ping -w 2 -n 40)")
		bare_idle=$(least "$bare_idle" "$(bare_p50 -w 2 -n 40)")
	done
	stop_server "$ours"
	stop_server "$bare"
	ours_own=$(calc "${ours_own:-NA} / 8 - 1000") bare_own=$(calc "${bare_own:-NA} / 8 - 1000")
}

ours_chunk() {
	# shellcheck disable=SC2086 # words
	ask_ours "$1" "$ours_url" $open_client -r "$rate" -A exp -S "$1"
}

bare_chunk() {
	ask_bare "$1" -w 2 -n "$per_chunk" -r "$rate" -S "$1"
}

# queue NAME LOAD PER-CHUNK
queue() {
	name=$1 load=$2 per_chunk=$3
	rate=$(calc "$load * 1000")
	if [ "$name" = M/D/1 ]; then
		kind='' served_by='-m pool -j 1' busy_client='bench-conc -o ping -w 0 -c 8 -j 1 -n 10'
		open_client="bench-conc -o ping -w 0 -c $connections -j 1 -n $((per_chunk / connections))"
	else
		kind=exp: served_by='-m thread' busy_client='bench-lat -o ping -w 2 -d 8 -n 80'
		open_client="bench-lat -o ping -w 2 -d 1024 -n $per_chunk"
	fi
	calibrate
	what="$name, 1 ms, load $load"
	start_bare -d "$kind$(calc "1000 - $bare_own")us"
	# shellcheck disable=SC2086 # words
	start_ours http-serve $served_by -d "$kind$(calc "1000 - $ours_own")us"
	in_turn "$chunks" ours_chunk bare_chunk
	stop_server "$ours"
	stop_server "$bare"
	more=$(calc "$ours_idle - $ours_own - ($bare_idle - $bare_own)")
	for chunk in $files; do
		printf '%s %s %s\n' "$(cell "$chunk" mean_us ping)" "$(cell "$chunk" p99_us ping)" \
		    "$(figures "$tmp/bare.${chunk##*.}")"
	done >"$tmp/pairs"
	for figure in mean p99; do
		# shellcheck disable=SC2046 # words
		add_row "$what: $figure" us $(awk -v figure="$figure" -v more="$more" -v load="$load" \
		    -v student="$student_chunks" '
			{
				ours = figure == "mean" ? $1 : $2
				bare = (figure == "mean" ? $3 : $5) + (more > 0 ? more : 0)
				if (ours <= 0 || bare <= 0) next
				n++; level += log(bare); d = log(ours / bare); sum += d; squares += d * d
			}
			END {
				if (n < 2) { print "NA NA NA NA"; exit }
				d = sum / n
				half = student * sqrt((squares - n * d * d) / (n - 1) / n)
				half += log(1.01 + 0.005 / (1 - load))
				level = exp(level / n)
				printf "%.3f %.3f %.3f %.3f\n", level, level * exp(d), level * exp(-half),
				    level * exp(half)
			}' "$tmp/pairs") "$widest"
	done
}

check_queues() {
	if [ "$quick" = 1 ]; then
		measurement in_theory M/D/1 0.5 9984 1.2 4.1
		measurement queue M/D/1 0.5 256
		return
	fi
	measurement in_theory M/D/1 0.3 4480 0.9 3.5
	measurement in_theory M/D/1 0.5 9984 1.2 4.1
	measurement in_theory M/D/1 0.8 48000 2.2 6
	measurement in_theory M/M/1 0.3 4480 2.8 6.3
	measurement in_theory M/M/1 0.5 9984 3.1 6.4
	measurement in_theory M/M/1 0.8 48000 3.9 9.3
	# a quarter of a minute each
	measurement queue M/D/1 0.5 512
	measurement queue M/M/1 0.5 512
	measurement queue M/M/1 0.8 1024
}

# ---- capacity: the rate at which p99 of a queue reaches a limit, between the two of bench-cap ----
#
# The same queues, calibrated in the same way, so that a service takes 1 ms; what a response takes
# besides in an idle server is taken off the limit. bench-cap's rates then have to lie on either side
# of the formula's, or within what the calibration may be wrong by (0.5 %), in 19 of 20 searches; and
# half of the searches at least have to find both, as none would be wrong that finds none.

# capacity_in_theory NAME LIMIT-US: requests per second.
capacity_in_theory() {
	if [ "$1" = D/D/1 ]; then
		echo 1000
		return
	fi
	low=0.02 high=0.999
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
		middle=$(calc "($low + $high) / 2")
		p99=$(theory "$1" "$middle")
		if [ "$(calc "(${p99#* } < $2)")" = 1.000000 ]; then low=$middle; else high=$middle; fi
	done
	calc "$low * 1000"
}

# searched FILE: of a search, the rates that it found to hold and to fail, or NA; none without an
# answer.
searched() {
	awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["op"]) == "capacity" { low = $(at["holds_per_s"]); high = $(at["fails_per_s"]) }
		END { print (low == "" ? "none" : low), (high == "" ? "none" : high) }' "$1"
}

# capacity NAME LIMIT-MS SEARCHES SECS: five searches at a time, each with a server of its own: they
# leave nine tenths of two processors idle.
capacity() {
	name=$1 limit=$2 searches=$3 secs=$4
	served_by='-m pool -j 1' busy_client='bench-conc -o ping -w 0 -c 8 -j 1 -n 10'
	kind='' arrivals=exp
	[ "$name" != M/M/1 ] || kind=exp:
	[ "$name" != D/D/1 ] || arrivals=fixed
	calibrate
	truth=$(capacity_in_theory "$name" "$(calc "$limit * 1000 - ($ours_idle - 1000 - $ours_own)")")
	: >"$tmp/searches"
	i=0
	while [ "$i" -lt "$searches" ]; do
		begun=0
		while [ "$i" -lt "$searches" ] && [ "$begun" -lt 5 ]; do
			i=$((i + 1)) begun=$((begun + 1))
			# shellcheck disable=SC2086 # words
			bin/http-serve $on_server $served_by -d "$kind$(calc "1000 - $ours_own")us" \
			    bin/bench-cap -q $on_client -L "p99:${limit}ms" -A "$arrivals" -S "$i" -t "$secs" \
			    >"$tmp/search.$begun" 2>"$tmp/err" &
			lasting="$lasting $!"
		done
		for pid in $lasting; do
			wait "$pid" || : # without an answer of two rates the status is 3
			forget "$pid"
		done
		while [ "$begun" -gt 0 ]; do
			printf '%s %s %s\n' "$name" "$truth" "$(searched "$tmp/search.$begun")" >>"$tmp/searches"
			begun=$((begun - 1))
		done
	done
	[ -z "$out" ] || tr ' ' '\t' <"$tmp/searches" >>"$out/searches.tsv"
	around=$(awk '($3 == "NA" || $3 <= $2 * 1.005) && ($4 == "NA" || $4 >= $2 * 0.995)' "$tmp/searches" |
	    wc -l)
	found=$(awk '$3 + 0 > 0 && $4 + 0 > 0' "$tmp/searches" | wc -l)
	add_row "capacity $name, p99 within $limit ms, $truth per second: searches around it" searches \
	    "$searches" "$around" "$((searches - searches / 20))" "$searches"
	add_row "capacity $name: searches that find two rates" searches "$searches" "$found" \
	    "$((searches / 2))" "$searches"
}

check_capacity() {
	[ -z "$out" ] || printf 'queue\tper_s\tholds_per_s\tfails_per_s\n' >"$out/searches.tsv"
	if [ "$quick" = 1 ]; then
		measurement capacity D/D/1 5 1 12
		return
	fi
	measurement capacity D/D/1 5 20 20
	measurement capacity M/D/1 5 20 60
	measurement capacity M/M/1 20 20 120
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
	if [ "$quick" = 1 ]; then
		little_secs=1 little_percent=10
		measurement little rpc event 10
		measurement little http thread 10 -d 1ms
		return
	fi
	little_secs=0.5 little_percent=3
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
	others=$(received)
	sleep 0.3
	before=$(received)
	run bin/"$protocol"-serve -u "$tmp/usage" bin/bench-bw -o "$op" -s 16m -n "$messages" -w 0
	after=$(received)
	sleep 0.3
	others=$(calc "($before - $others + $(received) - $after) / 1000000")
	told=$(calc "$(cell "$tmp/out" bytes_per_s "$op") * $(cell "$tmp/out" elapsed_s "$op") / 1000000")
	[ "$op" = upload ] && counter=bytes_in || counter=bytes_out
	counted=$(awk -F '\t' -v name="$counter" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $(at[name]) }' "$tmp/usage")
	row "$protocol $op: payload against the server's $counter" MB \
	    "$(calc "$counted / 1000000")" "$told" 3 0
	# others who use the interface count, too: where there are some, the figure may be less
	through=$(calc "($after - $before) / 1000000")
	if [ "$(calc "($others * 1000 > $through)")" = 0.000000 ]; then
		row "$protocol $op: payload against the interface's counter" MB "$through" "$told" 3 0
	else
		add_row "$protocol $op: payload against the interface's counter" MB "$through" "$told" NA \
		    "$(calc "$through * 1.03")"
	fi
}

check_bytes() {
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
quick=0
while getopts :hn:o:q opt; do
	case $opt in
	h) help; exit 0 ;;
	n) most_tries=$OPTARG ;;
	o) out=$OPTARG ;;
	q) quick=1 ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
case $most_tries in
''|*[!0-9]*|0*) wrong "-n $most_tries: not a number of tries" ;;
esac
# shellcheck disable=SC2086 # words
[ $# -gt 0 ] || if [ "$quick" = 1 ]; then set -- $kinds; else set -- $usual; fi
for kind in "$@"; do
	case " $kinds " in
	*" $kind "*) ;;
	*) wrong "$kind: no such kind; there are: $kinds" ;;
	esac
done

begin
[ -z "$out" ] || make_out accuracy.tsv
[ "$quick" = 0 ] || blocks=10 student=3.25
place
[ -z "$out" ] || env_row placement "servers: ${on_server:-free}, clients: ${on_client:-free}"
printf 'what\texpected\tmeasured\tholds\tunit\tlow\thigh\ttry\n' | tee "$tmp/accuracy.tsv"
for kind in "$@"; do
	"check_$kind"
done
if [ -n "$out" ]; then
	cp "$tmp/accuracy.tsv" "$out/accuracy.tsv"
	end_out
fi
awk -F '\t' -v prog="$prog" '
	NR > 1 { n[$4]++; all++ }
	END {
		printf "%s: of %d rows %d hold, %d do not, %d are undecided\n", prog, all, n["yes"], n["no"],
		    n["undecided"]
		exit !(all > 0 && n["no"] == 0)
	}' "$tmp/accuracy.tsv" >&2
