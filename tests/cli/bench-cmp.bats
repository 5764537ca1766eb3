#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-cmp: what is slower. The rows are made here, so that each outcome is known.

bats_require_minimum_version 1.5.0
load ../helper

CMP_HEADER="label bench op size_bytes chunk_bytes clients depth rate_per_s metric old new ratio low high \
rounds_old rounds_new verdict"
ONE_HEADER="label bench op size_bytes chunk_bytes clients depth rate_per_s metric base base_median median \
ratio low high pairs passes enough_passes direction verdict"

# rounds P50...: summary rows of one configuration, a round each. LABEL, OP and SIZE say which;
# HEAD=no: without the header line.
rounds() {
	local v
	[ "${HEAD:-yes}" = no ] || tr ' ' '\t' <<<"$OLD_HEADER"
	for v in "$@"; do
		printf '%s\tbench-lat\t%s\t%s\t0\t1\t1\t0.00\t1000\t0\t0.020000\t%s\t0.00\t' \
		    "${LABEL:-l}" "${OP:-ping}" "${SIZE:-0}" "${RATE:-50000.00}"
		printf '1.000\t2.000\t0.500\t%s\t3.000\t4.000\t5.000\tNA\t9.000\t1.000\t0.500\n' "$v"
	done
}

# numbered: the same with a round column.
numbered() {
	awk 'BEGIN { FS = OFS = "\t" } { print $0, NR == 1 ? "round" : NR - 1 }'
}

# told HEADER STATUS ARGUMENT...: its rows to out.tsv.
told() {
	local header=$1 want=$2
	shift 2
	run --separate-stderr bench-cmp -T "$@"
	[ "$status" -eq "$want" ] || fail "status $status, not $want: $output / $stderr"
	printf '%s\n' "$output" >out.tsv
	[ "$(head -n 1 out.tsv)" = "$(tr ' ' '\t' <<<"$header")" ] || fail "header: $output"
	awk -F '\t' 'NR == 1 { n = NF } NF != n { exit 1 }' out.tsv || fail "cells: $output"
}

# compare STATUS ARGUMENT...: the same of two files, and of one.
compare() { told "$CMP_HEADER" "$@"; }
among() { told "$ONE_HEADER" "$@"; }

# turns PASSES ROUNDS LABEL=FACTOR...: rows of targets measured in turn: 100 us times the factor;
# all passes, and all rounds of one, differ a little, and the same each time.
turns() {
	local passes=$1 rounds=$2
	shift 2
	tr ' ' '\t' <<<"$OLD_HEADER round pass"
	printf '%s\n' "$@" | awk -F = -v OFS='\t' -v passes="$passes" -v rounds="$rounds" -v op="${OP:-ping}" \
	    -v clients="${CLIENTS:-1}" '
		# uniform, up to this; the generator of Park and Miller
		function some(most) { x = x * 16807 % 2147483647; return most * (2 * x / 2147483647 - 1) }
		BEGIN { x = 1000003 }
		{ label[NR] = $1; factor[NR] = $2 }
		END { for (p = 1; p <= passes; p++) { for (i = 1; i <= NR; i++) pass[i] = some(0.003)
		for (r = 1; r <= rounds; r++) { round = some(0.02); for (i = 1; i <= NR; i++) {
			us = 100 * factor[i] * (1 + round) * (1 + pass[i] + some(0.01))
			print label[i], "bench-lat", op, 0, 0, clients, 1, "0.00", 1000, 0, "0.020000",
			    sprintf("%.2f", 1e6 / us), "0.00", "1.000", "2.000", "0.500", sprintf("%.3f", us),
			    "3.000", "4.000", "5.000", "NA", "9.000", "1.000", "0.500", r, p } } } }'
}

TEN='100.0 101.0 99.0 102.0 98.0 100.5 99.5 101.5 98.5 100.2'

# times FACTOR NUMBER...: each number times the factor.
times() {
	local f=$1
	shift
	printf '%s\n' "$@" | awk -v f="$f" '{ printf "%.3f ", $1 * f }'
}

@test "help and version" { help_is_fine bench-cmp; }

@test "usage errors are refused" {
	rounds 1 2 >a
	refuses bench-cmp 'stdin:1: .*empty' </dev/null
	refuses bench-cmp 'one file is needed, or two.*not 3' a a a
	refuses bench-cmp '-b.*itself' -b l a a
	refuses bench-cmp '-b.*value' -b
	refuses bench-cmp 'standard input' - -
	refuses bench-cmp '-y' -y a a
	refuses bench-cmp '-l.*value' -l
	refuses bench-cmp '-l.*x' -l x a a
	refuses bench-cmp '-l' -l '' a a
	refuses bench-cmp '-l' -l % a a
	refuses bench-cmp '-l.*-1%' -l -1% a a
	refuses bench-cmp '-l.*1001%' -l 1001% a a
	refuses bench-cmp '-m.*errors' -m errors a a
	refuses bench-cmp '-m.*busy' -m busy a a
	refuses bench-cmp '-m.*p51_us' -m p51_us a a
	refuses bench-cmp '-m' -m '' a a
	refuses bench-cmp 'nowhere: No such file' nowhere a
	refuses bench-cmp 'directory' . a
}

# shellcheck disable=SC2046,SC2086
@test "same, better, worse, undecided" {
	rounds $TEN >old
	rounds $(times 1.001 $TEN) >new
	compare 0 old new
	[ "$(cell out.tsv verdict)" = same ] || fail "$(cat out.tsv)"
	rounds $(times 1.2 $TEN) >new
	compare 1 old new
	[ "$(cell out.tsv verdict)" = worse ] || fail "$(cat out.tsv)"
	compare 0 new old
	[ "$(cell out.tsv verdict)" = better ] || fail "$(cat out.tsv)"
	# half of the rounds: neither
	rounds 100 100 100 100 100 120 120 120 120 120 >new
	compare 3 old new
	[ "$(cell out.tsv verdict)" = undecided ] || fail "$(cat out.tsv)"
	# what is worse than 1 % need not be worse than 10 %
	rounds $(times 1.05 $TEN) >new
	compare 1 -l 1% old new
	compare 1 -l 2 old new
	compare 0 -l 10% old new
	compare 3 -l 4.9% old new
}

# shellcheck disable=SC2046,SC2086
@test "the interval is that of the sorted ratios" {
	rounds $TEN >old
	rounds $(times 1.1 100 103 97 102 98 101) >new
	compare 1 -l 1% old new
	# 10 and 6: the 12th of 60 ratios from either end
	printf '%s\n' $TEN >o
	printf '%s\n' $(times 1.1 100 103 97 102 98 101) >n
	while read -r a; do awk -v a="$a" '{ printf "%.4f\n", $1 / a }' n; done <o | sort -n >all
	[ "$(wc -l <all)" -eq 60 ] || fail "$(cat all)"
	[ "$(cell out.tsv low)/$(cell out.tsv high)" = "$(sed -n 12p all)/$(sed -n 49p all)" ] ||
	    fail "$(cat out.tsv) $(sed -n '12p;49p' all)"
	[ "$(cell out.tsv old)/$(cell out.tsv new)/$(cell out.tsv ratio)" = 100.100/110.550/1.1044 ] ||
	    fail "$(cat out.tsv)"
	[ "$(cell out.tsv rounds_old)/$(cell out.tsv rounds_new)" = 10/6 ] || fail "$(cat out.tsv)"
}

# shellcheck disable=SC2046,SC2086
@test "rates: less is worse (-m)" {
	local v
	for v in $TEN; do RATE=$v HEAD=no rounds 1; done >body
	{ rounds 1 | head -n 1; cat body; } >old
	for v in $(times 0.8 $TEN); do RATE=$v HEAD=no rounds 1; done >body
	{ rounds 1 | head -n 1; cat body; } >new
	compare 1 -m ops_per_s old new
	[ "$(cell out.tsv verdict)/$(cell out.tsv metric)" = worse/ops_per_s ] || fail "$(cat out.tsv)"
	compare 0 -m ops_per_s new old
	[ "$(cell out.tsv verdict)" = better ] || fail "$(cat out.tsv)"
	compare 0 old new       # the times are the same
	[ "$(cell out.tsv verdict)" = same ] || fail "$(cat out.tsv)"
}

@test "too few passes" {
	rounds 1 1 1 >old
	rounds 2 2 2 >new
	compare 3 old new
	[[ $stderr == *"1 of 1 have too few passes"*"takes 4"*"nothing could be decided"* ]] || fail "$stderr"
	[ "$(cell out.tsv low)/$(cell out.tsv high)/$(cell out.tsv verdict)" = NA/NA/undecided ] || fail "$(cat out.tsv)"
	rounds 1 1 1 1 >old
	rounds 2 2 2 2 >new
	compare 1 old new
	# of two configurations it takes more to be sure of one
	OP=echo HEAD=no rounds 1 1 1 1 >>old
	OP=echo HEAD=no rounds 1 1 1 1 >>new
	compare 0 old new
	[ "$(cell out.tsv verdict | tr '\n' ' ')" = 'undecided same ' ] || fail "$(cat out.tsv)"
	[[ $stderr == *"too few passes to be called better or worse"*"it takes 5"* ]] || fail "$stderr"
}

# shellcheck disable=SC2046,SC2086
@test "NA and what is only in one file" {
	{ rounds $TEN; HEAD=no rounds NA NA; OP=gone HEAD=no rounds 1 1; } >old
	{ rounds $TEN; OP=come HEAD=no SIZE=1024 rounds 1 1; OP=none HEAD=no rounds NA; } >new
	OP=none HEAD=no rounds 1 >>old
	compare 0 old new
	[ "$(wc -l <out.tsv)/$(cell out.tsv verdict | tr '\n' ' ')" = '3/same undecided ' ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv rounds_old ping)/$(cell out.tsv rounds_new none)/$(cell out.tsv new none)" = 10/0/NA ] ||
	    fail "$(cat out.tsv)"
	grep -q '^bench-cmp: only in old: l bench-lat gone size 0 ' <<<"$stderr" || fail "$stderr"
	grep -q '^bench-cmp: only in new: l bench-lat come size 1024 ' <<<"$stderr" || fail "$stderr"
	grep -q '^bench-cmp: 1 only in old, 1 only in new, 2 in both$' <<<"$stderr" || fail "$stderr"

	LABEL=other rounds $TEN >new
	rounds $TEN >old
	run --separate-stderr bench-cmp old new
	[ "$status/$output" = 2/ ] || fail "$status $output"
	[[ $stderr == *'no configuration in common; labels are l in old, other in new: -l of servers'* ]] ||
	    fail "$stderr"
}

# shellcheck disable=SC2046,SC2086
@test "a round column, headers that repeat, standard input" {
	rounds $TEN >old
	rounds $(times 1.2 $TEN) >new
	compare 1 old new
	mv out.tsv plain.tsv
	numbered <old >old.r
	numbered <new >new.r
	compare 1 old.r new.r
	cmp out.tsv plain.tsv
	compare 1 old.r new
	cmp out.tsv plain.tsv
	{ head -n 6 new; head -n 1 new; tail -n 5 new; } >parts
	run bash -c 'bench-cmp -T old - <parts'
	[ "$status" -eq 1 ] && [ "$output" = "$(cat plain.tsv)" ] || fail "$output"
}

# shellcheck disable=SC2046,SC2086
@test "the readable table fits, and shows what tells rows apart" {
	{ rounds $TEN; LABEL=http-request OP=download-chunked SIZE=134217728 HEAD=no rounds $TEN; } >old
	run --separate-stderr bench-cmp old old
	want 0
	printf '%s\n' "$output" >table
	awk 'length > 100 { exit 1 }' table || fail "$output"
	[[ ${lines[2]} =~ ^http-request\ +lat\ +download-chunked\ +128m\ .*\ same$ ]] || fail "$output"
	[[ ${lines[3]} == *'0 worse, 0 better, 2 same, 0 undecided.' ]] || fail "$output"
	[[ $output != *depth* ]] || fail "$output"
	awk 'BEGIN { FS = OFS = "\t" } { print } NR > 1 { $7 = 16; print }' old >deep
	run --separate-stderr bench-cmp -H deep deep
	want 0
	[ "${#lines[@]}" -eq 4 ] || fail "$output"
	run --separate-stderr bench-cmp deep deep
	[[ ${lines[0]} == *' depth '* ]] || fail "$output"
}

@test "failed operations are reported" {
	rounds 1 1 1 1 >old
	awk 'BEGIN { FS = OFS = "\t" } NR == 3 { $10 = 7 } { print }' old >new
	run --separate-stderr bench-cmp old new
	want 0 'new: 7 operations failed'
}

@test "malformed files name file, line and column" {
	local good
	rounds 1 1 1 1 >good
	: >empty
	head -n 1 good >header
	cut -f 1-16,18- good >missing
	sed '3s/\t[^\t]*$//' good >short
	sed '4s/$/\t7/' good >long
	awk 'BEGIN { FS = OFS = "\t" } NR == 3 { $17 = "fast" } { print }' good >text
	awk 'BEGIN { FS = OFS = "\t" } NR == 2 { $10 = "NA" } { print }' good >na
	awk 'BEGIN { FS = OFS = "\t" } NR == 2 { $4 = "1k" } { print }' good >size
	sed 's/$/\r/' good >crlf
	printf '%s' "$(cat good)" >trunc
	tail -n +2 good >body
	{ cat good; tr ' ' '\t' <<<"$OLD_RAW_HEADER"; } >mixed
	numbered <good | sed '3s/4$/4/;2s/1$/0/' >round
	sed '1s/p50_us/p51_us/' good >unknown
	tr ' ' '\t' <<<"$OLD_RAW_HEADER" >raw
	printf 'l\tb\to\t0\t0\t0\t0\t0.000\t1.000\t1\n' >>raw
	for good in old new; do
		say() {
			if [ "$good" = old ]; then
				refuses bench-cmp "$2" good "$1"
			else
				refuses bench-cmp "$2" "$1" good
			fi
		}
		say empty '^bench-cmp: empty:1: .*empty'
		say header '^bench-cmp: header:1: label: no row'
		say missing '^bench-cmp: missing:1: p50_us: missing column'
		say short '^bench-cmp: short:3: busy: missing: 23 cells, not 24'
		say long '^bench-cmp: long:4: busy: .*25 cells, not 24'
		say text '^bench-cmp: text:3: p50_us: not a number: fast'
		say na '^bench-cmp: na:2: errors: NA'
		say size '^bench-cmp: size:2: size_bytes: not a number: 1k'
		say crlf '^bench-cmp: crlf:1: .*CR LF'
		say trunc '^bench-cmp: trunc:5: busy: .*no end'
		say body '^bench-cmp: body:1: .*no header'
		say mixed '^bench-cmp: mixed:6: clients: mixed schemas'
		say round '^bench-cmp: round:2: round: counts from 1'
		say unknown '^bench-cmp: unknown:1: p50_us: missing column'
		say raw '^bench-cmp: raw:2: us: raw rows, not summary rows'
	done
}

@test "columns are found by name, whatever lies between concatenated outputs" {
	turns 12 8 a=1 b=1.05 >rows
	run bench-cmp -T rows
	[ "$status" -eq 1 ] || fail "status $status: $output"
	printf '%s\n' "$output" >want
	head -n 60 rows >first
	{ head -n 1 rows; tail -n +61 rows; } >second
	{ mixed_up <first; echo; mixed_up client <second; } >mixed
	run bench-cmp -T mixed
	[ "$status" -eq 1 ] && [ "$output" = "$(cat want)" ] || fail "status $status: $output"
	run --separate-stderr bench-cmp -T first second
	printf '%s\n' "$output" >want
	mixed_up client <second >mixed
	run --separate-stderr bench-cmp -T first mixed
	[ "$output" = "$(cat want)" ] || fail "status $status: $output"
}

@test "lost output is trouble" {
	rounds 1 1 1 1 >a
	run --separate-stderr bash -c 'bench-cmp a a >/dev/full'
	want 2 'stdout: No space left on device'
}

@test "rows of real runs" {
	for _ in 1 2 3 4; do
		rpc-serve bench-conc -n 20 -c 2 -l x
		http-serve bench-bw -n 5 -s 1k -l x
	done >a.tsv
	# what it finds is the machine's; that it reads all of it is not
	run --separate-stderr bench-cmp -l 1000 -T a.tsv a.tsv
	want 0
	[ "$(wc -l <<<"$output")" -eq 5 ] || fail "$output"
}

# ---- passes

# shellcheck disable=SC2046,SC2086
@test "two files: with several passes the unit is the pass" {
	turns 8 5 l=1 >old
	turns 8 5 l=1.2 >new
	compare 1 old new
	[ "$(cell out.tsv rounds_old)/$(cell out.tsv rounds_new)" = 8/8 ] || fail "$(cat out.tsv)"
	# of a pass, the median of its rounds
	median() { awk -F '\t' -v p="$2" '$NF == p { print $17 }' "$1" | sort -n | sed -n 3p; }
	rounds $(for p in 1 2 3 4 5 6 7 8; do median old $p; done) >old.m
	rounds $(for p in 1 2 3 4 5 6 7 8; do median new $p; done) >new.m
	mv out.tsv want.tsv
	compare 1 old.m new.m
	cmp out.tsv want.tsv
	# runs that all call themselves the first pass are passes all the same
	{ for p in 1 2 3 4 5 6 7 8; do awk -F '\t' -v OFS='\t' -v p="$p" 'NR == 1 { print; next } $NF == p { $NF = 1; print }' old; done; } >'cat'
	compare 1 cat new
	cmp out.tsv want.tsv
	# one pass, however many rounds, is none
	turns 1 40 l=1 >old
	turns 1 40 l=1.2 >new
	compare 3 old new
	[ "$(cell out.tsv verdict)/$(cell out.tsv rounds_old)" = undecided/40 ] || fail "$(cat out.tsv)"
	[[ $stderr == *'single pass'*bench-turns* ]] || fail "$stderr"
}

# ---- one file

@test "one file: every label against the first" {
	turns 12 8 a=1 b=1.05 c=0.9 d=1 >rows
	among 1 rows
	[ "$(cut -f 1,10,16,17,20 out.tsv | tr '\t\n' ' ;')" = \
	    'label base pairs passes verdict;b a 96 12 worse;c a 96 12 better;d a 96 12 same;' ] || fail "$(cat out.tsv)"
	awk -F '\t' 'NR > 1 && !($14 <= $13 && $13 <= $15) { exit 1 }' out.tsv || fail "$(cat out.tsv)"
	awk -F '\t' '$1 == "b" { exit !($14 > 1.044 && $14 < 1.05 && $15 > 1.05 && $15 < 1.056) }' out.tsv ||
	    fail "$(cat out.tsv)"
	[ "$(cell out.tsv direction | tr '\n' ' ')/$(cell out.tsv metric | uniq)" = 'slower faster NA /p50_us' ] ||
	    fail "$(cat out.tsv)"
	# against another, and from standard input
	run bash -c 'bench-cmp -T -b c <rows'
	[ "$status/$(cut -f 1,10,20 <<<"$output" | tail -n +2 | tr '\t\n' ' ;')" = '1/a c worse;b c worse;d c worse;' ] ||
	    fail "$status $output"
	run bash -c 'bench-cmp -T -b b - <rows'
	[ "$status/$(cut -f 20 <<<"$output" | sort | uniq -c | tr -s ' \n' ' ')" = '0/ 3 better 1 verdict ' ] || fail "$output"
	among 0 -l 20% rows
	[ "$(cell out.tsv verdict | uniq)" = same ] || fail "$(cat out.tsv)"
}

@test "one file: undecided is 3, and how many passes would tell" {
	turns 12 8 a=1 b=1.01 >rows
	among 3 rows
	[ "$(cell out.tsv verdict)/$(cell out.tsv direction)" = undecided/slower ] || fail "$(cat out.tsv)"
	run --separate-stderr bench-cmp rows
	[ "$status" -eq 3 ] || fail "$status $output"
	[[ $output == *'slower by '*' to '*' %, not surely by 1 %'* ]] || fail "$output"
	[[ $stderr == *'1 of 1 undecided: '* ]] || fail "$stderr"
	turns 6 8 a=1 b=1.007 >rows
	among 3 rows
	n=$(cell out.tsv enough_passes)
	[ "$n" -gt 6 ] && [ "$n" -le 1000 ] || fail "$(cat out.tsv)"
	[[ $stderr == *"about $n passes would tell"* ]] || fail "$stderr"
	# without a limit nothing can be the same
	turns 12 8 a=1 b=1 >rows
	among 3 -l 0 rows
}

@test "one file: the metric goes by the clients, or by -m" {
	turns 12 8 a=1 b=1.05 >rows
	CLIENTS=10 OP=echo turns 12 8 a=1 b=1.05 | tail -n +2 >>rows
	among 1 rows
	[ "$(cell out.tsv metric | tr '\n' ' ')/$(cell out.tsv verdict | uniq)" = 'p50_us ops_per_s /worse' ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv direction | uniq)" = slower ] || fail "$(cat out.tsv)"
	# what is offered is not a result
	awk -F '\t' -v OFS='\t' 'NR > 1 { $8 = "500.00" } { print }' rows >open
	among 1 open
	[ "$(cell out.tsv metric | uniq)" = p50_us ] || fail "$(cat out.tsv)"
	among 0 -m mean_us rows
	[ "$(cell out.tsv metric | uniq)/$(cell out.tsv verdict | uniq)" = mean_us/same ] || fail "$(cat out.tsv)"
}

@test "the capacities of bench-cap: of its answers alone" {
	CLIENTS=50 OP=ping turns 12 1 a=1 b=2 >probes
	CLIENTS=50 OP=capacity turns 12 1 a=1 b=1.05 >answers
	# probes have what is known so far
	tail -n +2 answers | cat probes - | awk -F '\t' -v OFS='\t' '
		NR == 1 { print $0, "holds_per_s", "fails_per_s" }
		NR > 1 { print $0, $12 / 2, $12 / 2 * 1.05 }' >rows
	among 1 -m holds_per_s rows
	[ "$(cut -f 1,3,9,17,20 out.tsv | tail -n +2 | tr '\t' ' ')" = 'b capacity holds_per_s 12 worse' ] ||
	    fail "$(cat out.tsv)"
	awk -F '\t' 'NR == 2 { exit !($13 < 1 / 1.05 && $14 > 0.94 && $14 < 0.96) }' out.tsv || fail "$(cat out.tsv)"
	among 0 -m fails_per_s -b b rows
	[ "$(cell out.tsv verdict)" = better ] || fail "$(cat out.tsv)"
	compare 0 -m holds_per_s rows rows
	# a search that was over before knows a bound
	awk -F '\t' -v OFS='\t' '$1 == "b" && $3 == "capacity" { $NF = "NA" } { print }' rows >bounds
	among 3 -m holds_per_s bounds
	[ "$(cell out.tsv verdict)" = undecided ] || fail "$(cat out.tsv)"
	grep -v '	capacity	' rows >probes
	refuses bench-cmp '-m: no answer of bench-cap .operation capacity. has holds_per_s' -m holds_per_s probes
}

@test "rows of intervals alone are nothing to compare" {
	turns 6 1 a=1 b=2 | awk -F '\t' -v OFS='\t' '{ print $0, NR == 1 ? "at_s" : "0.100000" }' >rows
	refuses bench-cmp 'no row but those of intervals' rows
}

@test "one file: too few passes, and a single one" {
	turns 5 8 a=1 b=2 >rows
	among 3 rows
	[ "$(cell out.tsv verdict)/$(cell out.tsv enough_passes)/$(cell out.tsv passes)" = undecided/6/5 ] || fail "$(cat out.tsv)"
	[[ $stderr == *'too few passes for a verdict, which takes 6'* ]] || fail "$stderr"
	turns 1 40 a=1 b=2 >rows
	among 3 rows
	[ "$(cell out.tsv verdict)/$(cell out.tsv pairs)" = undecided/40 ] || fail "$(cat out.tsv)"
	awk -F '\t' 'NR > 1 { exit !($14 > 1.9 && $15 < 2.1) }' out.tsv || fail "$(cat out.tsv)"
	[[ $stderr == *'single pass'*'too narrow for a verdict; bench-turns'* ]] || fail "$stderr"
	turns 1 1 a=1 b=2 >rows
	among 3 rows
	[ "$(cell out.tsv ratio)" != NA ] && [ "$(cell out.tsv low)" = NA ] || fail "$(cat out.tsv)"
}

# A single stall in one of two passes, and Student's quantile of one degree of freedom.
@test "one file: an interval that says nothing is not long" {
	turns 2 1 a=1 b=1 | sed '$s/\t[0-9.]*\(\t3\.000\t\)/\t1000000.000\1/' >rows
	run --separate-stderr bench-cmp rows
	[ "$status" -eq 3 ] || fail "status $status: $stderr"
	[[ $output == *' -100 to more than +1000000 %: 2 passes, no verdict'* ]] || fail "$output"
}

@test "figures that no benchmark prints are refused before they are too large to add" {
	local v
	turns 6 1 a=1 b=1 >whole
	for v in 100000000000000000000 "$(printf '%0300d' 0 | tr 0 9)" 0.000000000000000000001; do
		sed "4s/\t[0-9.]*\(\t3\.000\t\)/\t$v\1/" whole >rows
		refuses bench-cmp 'rows:4: p50_us: ' rows
		refuses bench-stat 'rows:4: p50_us: ' rows
	done
	sed '4s/\t1000\t/\t1000000000000001\t/' whole >rows
	refuses bench-stat 'rows:4: n: too large: 1000000000000001' rows
}

@test "one file: runs one behind the other, and rows of before, are passes" {
	turns 8 5 a=1 b=1.05 >rows
	among 1 rows
	mv out.tsv want.tsv
	for p in 1 2 3 4 5 6 7 8; do
		awk -F '\t' -v OFS='\t' -v p="$p" 'NR == 1 { print; next } $NF == p { $NF = 1; print }' rows
	done >'cat'
	among 1 cat
	cmp out.tsv want.tsv
	# with a column of rounds only, each is new
	turns 12 1 a=1 b=1.05 >rows
	among 1 rows
	mv out.tsv want.tsv
	awk -F '\t' -v OFS='\t' '{ $25 = NR == 1 ? "round" : $26; NF = 25; print }' rows >before
	among 1 before
	cmp out.tsv want.tsv
	cut -f 1-24 rows >without
	among 1 without
	cmp out.tsv want.tsv
}

@test "one file: runs of which some lack a label" {
	local alone
	{ turns 6 4 a=1 b=1.05; turns 6 4 a=1 b=1.05; } >rows
	among 1 rows
	cut -f 13-20 out.tsv >want
	for alone in a b; do
		# before, between and behind the others, ten times slower
		{ turns 6 4 "$alone=10"; turns 6 4 a=1 b=1.05; turns 6 4 "$alone=10"; turns 6 4 a=1 b=1.05; } >rows
		among 1 -b a rows
		cut -f 13-20 out.tsv | cmp - want || fail "$alone: $(cat out.tsv)"
		# the same without header lines
		{ sed 1q rows; grep -v ^label rows; } >body
		among 1 -b a body
		cut -f 13-20 out.tsv | cmp - want || fail "$alone: $(cat out.tsv)"
	done
}

@test "one file: a target that died" {
	turns 12 8 a=1 b=1.05 c=1 | awk -F '\t' -v OFS='\t' '
		$1 == "b" && $26 == 3 && $25 > 4 { $9 = 0; $10 = 1000; $12 = "0.00"; for (i = 14; i <= 22; i++) $i = "NA" }
		$1 == "b" && $26 == 7 && $25 > 2 { next }
		{ print }' >rows
	among 1 rows
	[ "$(cell out.tsv pairs | tr '\n' ' ')/$(cell out.tsv verdict | tr '\n' ' ')" = '86 96 /worse same ' ] ||
	    fail "$(cat out.tsv)"
	[ "$stderr" = 'bench-cmp: warning: b: 4000 operations failed; they have no time' ] || fail "$stderr"
}

@test "one file: labels that have nothing to be compared with" {
	turns 6 2 a=1 >rows
	refuses bench-cmp 'only one label, a: .*-l of servers and benchmarks' rows
	refuses bench-cmp '-b: no such label: x; there are a' -b x rows
	OP='echo' turns 6 2 b=1 | tail -n +2 >>rows
	run --separate-stderr bench-cmp rows
	[ "$status/$output" = 2/ ] || fail "$status $output"
	[[ $stderr == *'only of b: b bench-lat echo '*'no label has a configuration that a has; labels are a, b: -l of'* ]] ||
	    fail "$stderr"
	turns 6 2 b=1 | tail -n +2 >>rows
	among 0 rows
	[ "$(wc -l <out.tsv)" -eq 2 ] && [[ $stderr == *'only of b: b bench-lat echo '* ]] || fail "$stderr $(cat out.tsv)"
}

@test "one file: the readable table fits, and says what was found" {
	turns 12 8 rpc-thread=1 http-request=1.05 rpc-event=20 http-thread=0.9 rpc-fork=1 x=1.0098 >rows
	CLIENTS=10 OP=download-chunked turns 12 8 rpc-thread=1 http-request=1.01 | tail -n +2 >>rows
	run --separate-stderr bench-cmp rows
	[ "$status" -eq 1 ] || fail "$status $output"
	printf '%s\n' "$output" >table
	awk 'length > 80 { exit 1 }' table || fail "$output"
	[ "${lines[0]}" = 'lat ping: p50_us' ] || fail "$output"
	grep -qE '^  rpc-thread +[0-9.]+ us$' table || fail "$output"
	grep -qE '^  http-request +10[456]\.[0-9]+ us +1\.0(49|50|51)  slower by 4\.[0-9] to 5\.[0-9] %$' table || fail "$output"
	grep -qE '^  rpc-event .* ms .* slower by a factor of (19|20)\..' table || fail "$output"
	grep -qE '^  http-thread .* faster by (9\.|10).* %$' table || fail "$output"
	grep -qE '^  rpc-fork .* same within 1 %: -0\.[0-9]+ to \+0\.[0-9]+ %$' table || fail "$output"
	grep -qE '^  x .*(undecided: \+0\..* to \+1\.. %|not surely by 1 %)' table || fail "$output"
	grep -qx 'lat download-chunked, clients 10: ops_per_s' table || fail "$output"
	grep -qE '^Limit 1 %: 2 worse, 1 better, 1 same, 2 undecided\.$' table || fail "$output"
	run --separate-stderr bench-cmp -H rows
	[[ $output != *Limit* ]] || fail "$output"
	run --separate-stderr bash -c 'bench-cmp rows >/dev/full'
	[ "$status" -eq 2 ] && [[ $stderr == *'stdout: No space left on device'* ]] || fail "$status $stderr"
}

# ---- false alarms

# Synthetic rows from a seed: the outcome is the same each time. For real: tests/measure/false-alarms.sh.
@test "100 pairs of the same: an alarm in at most 5; 100 slowed by 5 %: found in at least 95" {
	run sh "$ROOT/tests/measure/false-alarms.sh" -s -n 100 -e 2 -k 10 -r 40
	[ "$status" -eq 0 ] || fail "$output"
	[ "$(grep -c '^slowed' <<<"$output")/$(grep -c ': holds$' <<<"$output")" = 100/2 ] || fail "$output"
}

@test "the same where the noise is larger than the limit: undecided rather than wrong" {
	run sh "$ROOT/tests/measure/false-alarms.sh" -s -n 100 -e 10 -k 30 -r 10 -c same
	[ "$status" -eq 0 ] || fail "$output"
	# and with no limit at all
	run sh "$ROOT/tests/measure/false-alarms.sh" -s -n 100 -e 10 -k 30 -r 10 -c same -l 0
	[ "$status" -eq 0 ] || fail "$output"
	# what it does not find it does not claim to find
	run sh "$ROOT/tests/measure/false-alarms.sh" -s -n 20 -e 10 -k 1 -r 5 -c slowed
	[ "$status" -eq 1 ] || fail "$output"
}

@test "one file: equals, what is slower by 3 %, and whether the intervals hold the truth" {
	run sh "$ROOT/tests/measure/false-alarms.sh" -1 -s -n 40 -k 10
	[ "$status" -eq 0 ] || fail "$output"
	[ "$(grep -c ': holds$' <<<"$output")" = 3 ] || fail "$output"
	# few rounds and many comparisons, without a limit
	run sh "$ROOT/tests/measure/false-alarms.sh" -1 -s -n 40 -k 20 -r 1 -p 15 -l 0 -c same
	[ "$status" -eq 0 ] || fail "$output"
	# what it can't find it does not claim to
	run sh "$ROOT/tests/measure/false-alarms.sh" -1 -s -n 10 -k 1 -p 5 -c slowed
	[ "$status" -eq 1 ] && grep -q 'found in 0 of 10' <<<"$output" || fail "$output"
}

@test "false-alarms.sh refuses usage errors" {
	local arg
	for arg in '-n 0' '-p 0' '-n x' '-c other' '-y' '-r' 'operand'; do
		# shellcheck disable=SC2086
		run --separate-stderr sh "$ROOT/tests/measure/false-alarms.sh" $arg
		[ "$status/$output" = 2/ ] || fail "$arg: $status $output"
	done
}
