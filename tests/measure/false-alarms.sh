#!/bin/sh
# SPDX-License-Identifier: ISC
# Does bench-cmp raise false alarms, and does it find what is slower? Two claims, each tried on many
# pairs of files:
#
# same    Two runs of the same build: an alarm (exit status 1) in at most 5 of 100 pairs.
# slowed  A server slowed by 5 %: an alarm in at least 95 of 100 pairs.
#
# For real: "same" measures the quick forms of four benchmarks on two servers, 16 configurations,
# and alternates old and new round by round, each round with servers of its own. "slowed" runs
# bench-lat on a server whose requests take a while (-d, the same for old and new), and new
# takes 5 % of the median response time more. With -s: rows made by awk from a seed, the same
# each time; the median of a round is log-normally distributed (-e), and each tenth round
# is an outlier that takes 30 % longer.
#
# With -1 each pair is one file, measured in turn in several passes (bench-turns); "same" is any
# difference named, "slowed" 3 %, and a third claim is that 95 of 100 intervals hold the truth.
# For real that is bench-lat on two servers, and only of "same" is the truth known. With -s the ratio of two servers differs from pass to
# pass by 0.3 %, and rounds by -e, with the same outliers.
#
# Prints a TSV row for each pair, then a line for each claim; exit status 0: both hold.

set -eu
LC_ALL=C
export LC_ALL
unset BENCH_TARGET BENCH_LABEL

usage='usage: false-alarms.sh [-1hs] [-n pairs] [-r rounds] [-p passes] [-l limit] [-c claim]
                 [-b delay_us] [-e percent] [-k configs] [-x seed]'

help() {
	cat <<HELP
$usage
Try how often bench-cmp finds a difference where there is one, and where there is none.

  -n pairs     pairs of files for each claim (100)
  -r rounds    rounds of each file (40) or, with -1, of a pass (20)
  -1           one file in place of a pair
  -p passes      of it (12)
  -l limit     of bench-cmp -l, percent (1)
  -c claim     only this claim: same or slowed
  -b delay_us  what a request of the slowed claim takes, microseconds (200)
  -s           synthetic rows instead of real programs:
  -e percent     deviation of a round's median (2; with -1 1)
  -k configs     configurations of a file; of the slowed claim only the first is slower (30)
  -x seed        (1)
HELP
}

say() {
	printf 'false-alarms.sh: %s\n' "$*" >&2
}

wrong() {
	say "$@"
	exit 2
}

number() {
	case $2 in
	''|0|*[!0-9]*) wrong "-$1: not a whole number above 0: $2" ;;
	esac
}

pairs=100 rounds='' limit='' claims='same slowed' delay=200 synthetic=0 spread='' configs=30 seed=1
one=0 passes=12
while getopts :1hsn:r:p:l:c:b:e:k:x: opt; do
	case $opt in
	h) help; exit 0 ;;
	s) synthetic=1 ;;
	1) one=1 ;;
	p) number p "$OPTARG"; passes=$OPTARG ;;
	n) number n "$OPTARG"; pairs=$OPTARG ;;
	r) number r "$OPTARG"; rounds=$OPTARG ;;
	l) limit=$OPTARG ;;
	c)
		claims=$OPTARG
		case $claims in same|slowed) ;; *) wrong "-c: neither same nor slowed: $claims" ;; esac
		;;
	b) number b "$OPTARG"; delay=$OPTARG ;;
	e) number e "$OPTARG"; spread=$OPTARG ;;
	k) number k "$OPTARG"; configs=$OPTARG ;;
	x) number x "$OPTARG"; seed=$OPTARG ;;
	*) printf '%s\n' "$usage" >&2; exit 2 ;;
	esac
done
[ $# -lt "$OPTIND" ] || wrong "no operands are taken"
if [ "$one" = 1 ]; then
	: "${rounds:=20}" "${limit:=1}" "${spread:=1}"
	slower=3
else
	: "${rounds:=40}" "${limit:=1}" "${spread:=2}"
	slower=5
fi

bin=$(CDPATH='' cd -- "$(dirname -- "$0")/../../bin" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# rows are printed one by one: an interrupted run tells what it has

# ---- rows

# synthetic_pair SEED FACTOR: rows of both files; the first configuration of new takes FACTOR as
# long. With -1 all are in old.
synthetic_pair() {
	# rand() is another one in each awk: this is that of Wichmann and Hill (AS 183)
	awk -v seed="$1" -v factor="$2" -v rounds="$rounds" -v configs="$configs" -v spread="$spread" \
	    -v old="$tmp/old" -v new="$tmp/new" -v passes="$passes" -v one="$one" '
	function random() {
		x = x * 171 % 30269; y = y * 172 % 30307; z = z * 170 % 30323
		u = x / 30269 + y / 30307 + z / 30323
		return u - int(u)
	}
	function normal() { return sqrt(-2 * log(random())) * cos(6.283185307179586 * random()) }
	function row(label, file, r, k, factor,  us) {
		us = (10 + 7 * k) * exp(spread / 100 * normal()) * factor
		if (random() < 0.1) us *= 1.3
		print label, "bench-x", "op-" k, 0, 0, 1, 1, "0.00", 1000, 0, sprintf("%.6f", us / 1000),
		    sprintf("%.2f", 1e6 / us), "0.00", "NA", "NA", "NA", sprintf("%.3f", us),
		    "NA", "NA", "NA", "NA", "NA", "NA", "NA", r >file
	}
	function row_of_pass(label, p, r, k, factor) {
		row(label, old, r "\t" p, k, factor * machine)
	}
	function turns(  p, r, k, luck) {
		print header "\tpass" >old
		for (p = 1; p <= passes; p++) {
			for (k = 1; k <= configs; k++) luck[k] = exp(0.003 * normal())
			for (r = 1; r <= rounds; r++) for (k = 1; k <= configs; k++) {
				machine = exp(0.02 * normal())
				row_of_pass("old", p, r, k, 1)
				row_of_pass("new", p, r, k, (k == 1 ? factor : 1) * luck[k])
			}
		}
	}
	BEGIN {
		OFS = "\t"
		x = seed % 30268 + 1; y = int(seed / 7) % 30306 + 1; z = int(seed / 49) % 30322 + 1
		for (i = 0; i < 20; i++) random()
		header = "label bench op size_bytes chunk_bytes clients depth rate_per_s n errors elapsed_s " \
		    "ops_per_s bytes_per_s min_us mean_us sd_us p50_us p90_us p95_us p99_us p999_us max_us " \
		    "cpu_us busy round"
		gsub(" ", "\t", header)
		if (one) { turns(); exit }
		print header >old
		print header >new
		for (r = 1; r <= rounds; r++) for (k = 1; k <= configs; k++) {
			row("synthetic", old, r, k, 1)
			row("synthetic", new, r, k, k == 1 ? factor : 1)
		}
	}'
}

# One round of the same claim, appended to a file.
round_of_same() {
	{
		"$bin/rpc-serve" -m thread "$bin/bench-conn" -n 20
		"$bin/rpc-serve" -m thread "$bin/bench-lat" -n 500
		"$bin/rpc-serve" -m thread "$bin/bench-bw" -n 20 -s 1k,100k
		"$bin/rpc-serve" -m thread "$bin/bench-conc" -n 50 -c 4
		"$bin/http-serve" -m event "$bin/bench-lat" -n 500
		"$bin/http-serve" -m event "$bin/bench-bw" -n 20 -s 1k,100k
		"$bin/http-serve" -m event "$bin/bench-conc" -n 50 -c 4
	} >>"$1" || { say "a benchmark failed"; exit 2; }
}

# One round of the slowed claim: of a server whose requests take that many microseconds.
round_of_slowed() {
	"$bin/rpc-serve" -m thread -d "${2}us" "$bin/bench-lat" -n 500 >>"$1" ||
	    { say "a benchmark failed"; exit 2; }
}

# round CLAIM FILE
round() {
	if [ "$1" = same ]; then
		round_of_same "$2"
	elif [ "$2" = "$tmp/old" ]; then
		round_of_slowed "$2" "$delay"
	else
		round_of_slowed "$2" "$slow_delay"
	fi
}

# turns SEED SERVERS: servers and their options; rows to stdout.
turns() {
	turns_seed=$1
	shift
	PATH=$bin:$PATH bench-turns -q -p "$passes" -S "$turns_seed" "$@" bench-lat -B "$rounds" ||
	    { say "a benchmark failed"; exit 2; }
}

# One file of two servers in turn.
real_turns() {
	if [ "$1" = same ]; then
		turns "$2" rpc-serve -l old rpc-serve -l new
	else
		turns "$2" rpc-serve -l old -d "${delay}us" rpc-serve -l new -d "${slow_delay}us"
	fi >"$tmp/old"
}

# What new's requests take: so much of the response time more.
find_slow_delay() {
	: >"$tmp/base"
	if [ "$one" = 1 ]; then
		turns 1 rpc-serve -d "${delay}us" >"$tmp/base"
	else
		for _ in 1 2 3 4 5 6 7; do
			round_of_slowed "$tmp/base" "$delay"
		done
	fi
	median=$("$bin/bench-stat" -q .5 "$tmp/base" |
	    awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at["p50_us"] }')
	slow_delay=$(awk -v d="$delay" -v m="$median" -v s="$slower" 'BEGIN { printf "%.3f", d + s / 100 * m }')
	say "slowed: -d ${delay}us makes a median of $median us; the slow one has -d ${slow_delay}us"
}

# make_pair CLAIM NUMBER: old and new alternately, and each goes first in turn.
make_pair() {
	if [ "$synthetic" = 1 ]; then
		factor=1
		[ "$1" = same ] || factor=1.0$slower
		synthetic_pair $((seed * 1000003 + $2 * 7919)) "$factor"
		return
	fi
	if [ "$one" = 1 ]; then
		real_turns "$1" "$2"
		return
	fi
	: >"$tmp/old"
	: >"$tmp/new"
	i=0
	while [ "$i" -lt "$rounds" ]; do
		if [ $((i % 2)) = 0 ]; then
			round "$1" "$tmp/old"
			round "$1" "$tmp/new"
		else
			round "$1" "$tmp/new"
			round "$1" "$tmp/old"
		fi
		i=$((i + 1))
	done
}

# ---- the claims

failed=0 held=0 intervals=0

# compare_pair: status 1 is an alarm.
compare_pair() {
	if [ "$one" = 0 ]; then
		"$bin/bench-cmp" -T -l "$limit%" "$tmp/old" "$tmp/new" >"$tmp/out" 2>"$tmp/err"
		return
	fi
	status=0
	"$bin/bench-cmp" -T -b old -l "$limit%" "$tmp/old" >"$tmp/out" 2>"$tmp/err" || status=$?
	# what is better than itself is an alarm, too
	[ "$status" = 2 ] || ! grep -q 'better$' "$tmp/out" || status=1
	return "$status"
}

# count_held CLAIM: the intervals in which the truth lies.
count_held() {
	truth=1
	[ "$1" = same ] || truth=1.0$slower
	# shellcheck disable=SC2046
	set -- $(awk -F '\t' -v truth="$truth" -v synthetic="$synthetic" '
		NR > 1 { t = $3 == "op-1" || !synthetic ? truth : 1; n++; held += $14 <= t && t <= $15 }
		END { print n + 0, held + 0 }' "$tmp/out")
	intervals=$((intervals + $1)) held=$((held + $2))
}

# try_claim CLAIM: pairs, and what came of them.
try_claim() {
	pair=0 alarms=0
	while [ "$pair" -lt "$pairs" ]; do
		pair=$((pair + 1))
		make_pair "$1" "$pair"
		status=0
		compare_pair || status=$?
		case $one$synthetic$1 in
		11* | 10same) count_held "$1" ;;
		esac
		case $status in
		0 | 3) ;;
		1) alarms=$((alarms + 1)) ;;
		*)
			cat "$tmp/err" >&2
			exit 2
			;;
		esac
		awk -F '\t' -v OFS='\t' -v claim="$1" -v pair="$pair" -v rounds="$rounds" -v limit="$limit" \
		    -v status="$status" '
			NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
			{ n[$(at["verdict"])]++; if ($(at["ratio"]) > worst) worst = $(at["ratio"]) }
			END { print claim, pair, rounds, limit, NR - 1, n["worse"] + 0, n["better"] + 0,
			    n["same"] + 0, n["undecided"] + 0, worst, status }' "$tmp/out"
	done
}

# verdict CLAIM
verdict() {
	if [ "$1" = same ]; then
		[ $((alarms * 100)) -le $((pairs * 5)) ] && holds=holds || holds='does not hold'
		printf '# same: %d alarms in %d pairs, at most 5 of 100: %s\n' "$alarms" "$pairs" "$holds"
	else
		[ $((alarms * 100)) -ge $((pairs * 95)) ] && holds=holds || holds='does not hold'
		printf '# slowed by %d %%: found in %d of %d pairs, at least 95 of 100: %s\n' "$slower" \
		    "$alarms" "$pairs" "$holds"
	fi
	[ "$holds" = holds ] || failed=1
}

printf '%s\t' claim pair rounds limit_percent configs worse better same undecided largest_ratio
printf 'status\n'
for claim in $claims; do
	if [ "$claim/$synthetic" = slowed/0 ]; then
		find_slow_delay
	fi
	try_claim "$claim"
	verdict "$claim" >>"$tmp/verdicts"
done
# 95 of 100, and three standard errors less
if [ "$one" = 1 ]; then
	awk -v n="$intervals" -v held="$held" 'BEGIN { exit !(held >= 0.95 * n - 3 * sqrt(0.0475 * n)) }' && holds=holds ||
	    holds='does not hold' failed=1
	printf '# intervals: %d of %d hold the truth, 95 of 100: %s\n' "$held" "$intervals" "$holds" >>"$tmp/verdicts"
fi
cat "$tmp/verdicts"
exit "$failed"
