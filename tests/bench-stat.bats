#!/usr/bin/env bats
# bench-stat: what several runs say together, against sorting and counting with awk.

bats_require_minimum_version 1.5.0
load helper

STAT_HEADER="$HEADER p50_low_us p50_high_us p99_low_us p99_high_us rounds"

# summary P50...: a row each.
summary() {
	local v
	tr ' ' '\t' <<<"$HEADER"
	for v in "$@"; do
		printf 'l\tbench-lat\tping\t1024\t0\t1\t1\t0.00\t1000\t1\t2.000000\t500.00\t512000.00\t'
		printf '1.000\t2.000\t0.500\t%s\t3.000\t4.000\t5.000\tNA\t9.000\t1.000\t0.500\n' "$v"
	done
}

# stat ARGUMENT...: its rows to out.tsv.
stat_rows() {
	run --separate-stderr bench-stat "$@"
	want 0
	[ -z "$stderr" ] || fail "$stderr"
	printf '%s\n' "$output" >out.tsv
}

@test "help and version" { help_is_fine bench-stat; }

@test "wrong use is refused" {
	summary 1 >a
	refuses bench-stat '-y' -y a
	refuses bench-stat '-q.*value' -q
	refuses bench-stat '-q.*1' -q 1 a
	refuses bench-stat '-q.*0' -q .0 a
	refuses bench-stat '-q.*1\.5' -q 1.5 a
	refuses bench-stat '-q.*twice' -q .5,0.50 a
	refuses bench-stat '-q' -q '' a
	refuses bench-stat '-q' -q .5, a
	refuses bench-stat '-q.*x' -q .5x a
	refuses bench-stat '-q.*9 digits' -q .1234567891 a
	refuses bench-stat '-q.*many' -q "$(seq -s , 0.11 0.01 0.27)" a
	refuses bench-stat 'nowhere: No such file' nowhere
	refuses bench-stat 'p75_us: not a quantile' -q .75 a
}

@test "summary rows: medians over rounds, with limits" {
	summary 10 11 12 13 14 >a
	stat_rows a
	rows out.tsv "$STAT_HEADER"
	[ "$(cell out.tsv p50_us)/$(cell out.tsv p50_low_us)/$(cell out.tsv rounds)" = 12.000/NA/5 ] || fail "$(cat out.tsv)"
	summary 10 11 12 13 14 15 >a
	stat_rows a
	[ "$(cell out.tsv p50_us)/$(cell out.tsv p50_low_us)/$(cell out.tsv p50_high_us)/$(cell out.tsv rounds)" = \
	    12.500/10.000/15.000/6 ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv n)/$(cell out.tsv errors)/$(cell out.tsv elapsed_s)" = 6000/6/12.000000 ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv ops_per_s)/$(cell out.tsv p999_us)/$(cell out.tsv busy)" = 500.00/NA/0.500 ] || fail "$(cat out.tsv)"
	summary 19 10 18 11 17 12 16 13 15 14 >b
	stat_rows b
	[ "$(cell out.tsv p50_us)/$(cell out.tsv p50_low_us)/$(cell out.tsv p50_high_us)" = 14.500/11.000/18.000 ] ||
	    fail "$(cat out.tsv)"
	mv out.tsv want.tsv
	# a round column makes no difference, nor do files
	awk '{ print $0 "\t" (NR == 1 ? "round" : NR) }' b >r
	stat_rows r
	cmp out.tsv want.tsv
	{ head -n 5 b; head -n 1 b; tail -n 6 b; } >parts
	stat_rows <parts
	cmp out.tsv want.tsv
	{ head -n 1 b; tail -n 6 b; } >b2
	head -n 5 b >b1
	stat_rows - b2 <b1
	cmp out.tsv want.tsv
	stat_rows -H b
	cmp out.tsv <(tail -n +2 want.tsv)
}

@test "NA does not count as a round of that figure" {
	summary 10 NA 11 12 13 14 15 >a
	stat_rows a
	[ "$(cell out.tsv p50_us)/$(cell out.tsv p50_low_us)/$(cell out.tsv rounds)" = 12.500/10.000/7 ] || fail "$(cat out.tsv)"
	summary NA NA >a
	stat_rows a
	[ "$(cell out.tsv p50_us)/$(cell out.tsv rounds)" = NA/2 ] || fail "$(cat out.tsv)"
}
