#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-stat: what several runs say together, against sorting and counting with awk.

bats_require_minimum_version 1.5.0
load ../helper

STAT_HEADER="$OLD_HEADER p50_low_us p50_high_us p99_low_us p99_high_us rounds passes \
sent_bytes received_bytes"

# summary P50...: a row each.
summary() {
	local v
	tr ' ' '\t' <<<"$OLD_HEADER"
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

@test "usage errors are refused" {
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

# ---- raw rows

# raw SEED N LABEL [CLIENTS]: N raw rows of a long-tailed distribution, 1 of 100 failed; start_us
# and seq as a closed loop has them.
raw() {
	# the generator of Park and Miller: rand() is another one in each awk
	awk -v seed="$1" -v n="$2" -v label="$3" -v clients="${4:-1}" '
		function random() { x = x * 16807 % 2147483647; return x / 2147483647 }
		BEGIN {
		OFS = "\t"; x = seed * 1000003
		print "label", "bench", "op", "size_bytes", "chunk_bytes", "client", "seq", "start_us", "us", "ok"
		for (i = 0; i < n; i++) {
			c = i % clients
			us = sprintf("%.3f", 20 - 15 * log(1 - random()))
			print label, "bench-x", "echo", 100, 0, c, seq[c]++, sprintf("%.3f", at[c]), us, (random() >= 0.01)
			at[c] += us
		} }'
}

# exact FILE...: what the raw rows of one configuration have: n errors p50 p90 p95 p99 p999 min
# max mean sd, by sorting.
exact() {
	cat "$@" | awk -F '\t' '$10 == 1 { print $9 }' | sort -n | awk -v errors="$(cat "$@" | awk -F '\t' '$10 == "0"' | wc -l)" '
		function q(p,  r) { r = p * NR; r = r > int(r) ? int(r) + 1 : int(r); return v[r] }
		{ v[NR] = $1; s += $1 }
		END { for (i = 1; i <= NR; i++) d += (v[i] - s / NR) ^ 2
			print NR, errors, q(.5), q(.9), q(.95), q(.99), q(.999), v[1], v[NR], s / NR, sqrt(d / (NR - 1)) }'
}

# near COLUMNS VALUES TOLERANCE: of out.tsv's only row.
near() {
	local name got want
	# shellcheck disable=SC2086
	set -- "$1" "$3" $2
	for name in $1; do
		got=$(cell out.tsv "$name") want=$3
		awk -v a="$got" -v b="$want" -v t="$2" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(d <= t * b) }' ||
		    fail "$name: $got, not $want: $(cat out.tsv)"
		set -- "$1" "$2" "${@:4}"
	done
}

FIGURES='n errors p50_us p90_us p95_us p99_us p999_us min_us max_us mean_us sd_us'

@test "raw rows: what sorting finds" {
	raw 1 5000 l >a
	stat_rows a
	rows out.tsv "$STAT_HEADER"
	near "$FIGURES" "$(exact a)" 0.0005
	near 'n errors min_us max_us' "$(exact a | cut -d ' ' -f 1,2,8,9)" 0
	# rank (n +- 1.96 sqrt n) / 2 of those that succeeded
	awk -F '\t' '$10 == 1 { print $9 }' a | sort -n >sorted
	n=$(wc -l <sorted)
	low=$(awk -v n="$n" 'BEGIN { print int(n / 2 - 0.98 * sqrt(n)) }')
	near 'p50_low_us p50_high_us' "$(sed -n "${low}p" sorted) $(sed -n "$((n + 1 - low))p" sorted)" 0.002
	[ "$(cell out.tsv clients)/$(cell out.tsv depth)/$(cell out.tsv rate_per_s)" = 1/NA/NA ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv cpu_us)/$(cell out.tsv busy)/$(cell out.tsv rounds)" = NA/NA/0 ] || fail "$(cat out.tsv)"
	near 'elapsed_s ops_per_s bytes_per_s' "$(awk -F '\t' 'NR > 1 { t += $9; n += $10 }
		END { t /= 1e6; print t, n / t, 100 * n / t }' a)" 0.0001
}

@test "raw rows of several runs are one sample, and take one time after the other" {
	raw 1 3000 l 7 >a
	raw 2 2000 l 3 >b
	raw 3 1 l >c
	stat_rows a
	ta=$(cell out.tsv elapsed_s)
	stat_rows b
	tb=$(cell out.tsv elapsed_s)
	stat_rows c
	tc=$(cell out.tsv elapsed_s)
	stat_rows a b c
	near "$FIGURES" "$(exact a b c)" 0.0005
	near 'elapsed_s clients' "$(awk -v a="$ta" -v b="$tb" -v c="$tc" 'BEGIN { print a + b + c }') 7" 0.00001
	mv out.tsv want.tsv
	run bash -c 'cat a b c | bench-stat'
	[ "$output" = "$(cat want.tsv)" ] || fail "$output"
	tail -n +2 b >body
	run bash -c 'cat a body c | bench-stat'
	[ "$output" = "$(cat want.tsv)" ] || fail "$output"
}

@test "quantiles of one's choice (-q)" {
	raw 4 2000 l | awk -F '\t' '$10' >a
	stat_rows -q .5,0.75,.05,.9995,.2 a
	[ "$(head -n 1 out.tsv | cut -f 14-)" = "$(tr ' ' '\t' <<<"p50_us p50_low_us p50_high_us p75_us p75_low_us \
p75_high_us p05_us p05_low_us p05_high_us p9995_us p9995_low_us p9995_high_us p20_us p20_low_us p20_high_us rounds passes")" ] ||
	    fail "$(head -n 1 out.tsv)"
	awk -F '\t' 'NR > 1 { print $9 }' a | sort -n >sorted
	n=$(wc -l <sorted)
	near 'p50_us p75_us p05_us p20_us' "$(for q in 50 75 5 20; do sed -n "$(((n * q + 99) / 100))p" sorted; done | tr '\n' ' ')" 0.0005
	[ "$(cell out.tsv p9995_us)/$(cell out.tsv p9995_high_us)" = NA/NA ] || fail "$(cat out.tsv)"
	summary 1 2 3 4 5 6 >s
	stat_rows -q .99,.5 s
	[ "$(cell out.tsv p99_us)/$(cell out.tsv p50_low_us)/$(cell out.tsv p50_us)" = 5.000/1.000/3.500 ] || fail "$(cat out.tsv)"
}

@test "limits need a sample that is large enough" {
	raw 5 400 l | awk -F '\t' '$10 != "0"' >all
	head -n 6 all >five
	stat_rows five
	[ "$(cell out.tsv p50_low_us)/$(cell out.tsv p50_high_us)/$(cell out.tsv p99_low_us)" = NA/NA/NA ] || fail "$(cat out.tsv)"
	head -n 7 all >six
	stat_rows six
	[ "$(cell out.tsv p50_low_us)/$(cell out.tsv p50_high_us)" = "$(cell out.tsv min_us)/$(cell out.tsv max_us)" ] ||
	    fail "$(cat out.tsv)"
	head -n 368 all >few
	stat_rows few
	[ "$(cell out.tsv p99_low_us)" != NA ] && [ "$(cell out.tsv p99_high_us)" = NA ] || fail "$(cat out.tsv)"
	head -n 369 all >b
	stat_rows b
	[ "$(cell out.tsv p99_high_us)" = "$(cell out.tsv max_us)" ] || fail "$(cat out.tsv)"
}

@test "raw rows in rounds: the round is the unit" {
	local i
	for i in 1 2 3 4 5 6 7; do
		raw "$i" 1000 l >one
		exact one >>want
		awk -v r="$i" '{ print $0 "\t" (NR == 1 ? "round" : r) }' one
	done >a
	stat_rows a
	sorted=$(cut -d ' ' -f 3 want | sort -n | tr '\n' ' ')
	near 'p50_low_us p50_us p50_high_us' "$(cut -d ' ' -f 1,4,7 <<<"$sorted")" 0.0005
	near 'n errors rounds' "$(awk '{ n += $1; e += $2 } END { print n, e, NR }' want)" 0
	near 'mean_us' "$(cut -d ' ' -f 10 want | sort -n | sed -n 4p)" 0.0001
	# rounds of another file are others, whatever their number
	stat_rows a a
	[ "$(cell out.tsv rounds)" = 14 ] || fail "$(cat out.tsv)"
}

# when ROUND PASS: the two columns, behind rows that lack them.
when() {
	awk -v r="$1" -v p="$2" '{ print $0 "\t" (NR == 1 ? "round\tpass" : r "\t" p) }'
}

@test "several passes: the pass is the unit, its figure the median of its rounds" {
	local p
	for p in 1 2 3 4 5 6 7; do
		summary $((10 * p)) | when 1 "$p"
		summary $((10 * p + 5)) | when 2 "$p" | tail -n 1
		summary $((10 * p + 1)) | when 3 "$p" | tail -n 1
	done >a
	stat_rows a
	[ "$(cell out.tsv rounds)/$(cell out.tsv passes)" = 21/7 ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv p50_low_us)/$(cell out.tsv p50_us)/$(cell out.tsv p50_high_us)" = 11.000/41.000/71.000 ] ||
	    fail "$(cat out.tsv)"
	# a single pass: its rounds
	for p in 1 2 3 4 5 6 7; do summary $((10 * p)) | when "$p" 1; done >a
	stat_rows a
	[ "$(cell out.tsv rounds)/$(cell out.tsv passes)/$(cell out.tsv p50_low_us)" = 7/1/10.000 ] || fail "$(cat out.tsv)"
	for p in 1 2 3 4 5 6; do for r in 1 2 3; do raw "$p$r" 300 l | when "$r" "$p"; done; done >b
	stat_rows b
	[ "$(cell out.tsv rounds)/$(cell out.tsv passes)" = 18/6 ] || fail "$(cat out.tsv)"
	# runs that all say the same pass, one behind the other
	awk -F '\t' -v OFS='\t' '{ if (NR > 1 && $12 ~ /^[0-9]/) $12 = 1; print }' b >c
	mv out.tsv want.tsv
	stat_rows c
	cmp out.tsv want.tsv
}

@test "rows of a single round are one sample, with and without the columns" {
	raw 1 900 l >a
	raw 2 800 l >b
	stat_rows a b
	mv out.tsv want.tsv
	when 1 1 <a >a.w
	when 1 1 <b >b.w
	stat_rows a.w b.w
	cmp out.tsv want.tsv
	run bash -c 'cat a.w b.w | bench-stat'
	[ "$output" = "$(cat want.tsv)" ] || fail "$output"
	awk '{ print $0 "\t" (NR == 1 ? "round" : 1) }' a >a.r
	stat_rows a.r
	mv out.tsv want.tsv
	stat_rows a
	cmp out.tsv want.tsv
	[ "$(cell out.tsv rounds)/$(cell out.tsv passes)" = 0/0 ] || fail "$(cat out.tsv)"
	# but each of two is one
	when 2 1 <b >b.w
	stat_rows a.w b.w
	[ "$(cell out.tsv rounds)/$(cell out.tsv passes)" = 2/2 ] || fail "$(cat out.tsv)"
	when 1 0 <b >b.w
	refuses bench-stat '^bench-stat: b.w:2: pass: counts from 1' b.w
	when 4294967296 1 <b >b.w
	refuses bench-stat '^bench-stat: b.w:2: round: more than 4294967295' b.w
}

# ---- histogram rows

# histogram: raw rows (of one run) to histogram rows; as the benchmarks count: below 2048 ns each
# has its bucket, above it 1024 for each power of two.
histogram() {
	awk 'BEGIN { FS = OFS = "\t" }
		NR == 1 { next }
		{ key = $1 FS $2 FS $3 FS $4 FS $5; end = $8 + $9 > end ? $8 + $9 : end }
		$10 == 0 { errors++; next }
		{ ns = int($9 * 1000 + 0.5); w = 1; while (ns >= 2048 * w) w *= 2; low = ns - ns % w
			count[low]++; width[low] = w; n++ }
		END { for (low in count) print key, 1, 1, "0.00", n, errors + 0, sprintf("%.6f", end / 1e6),
			sprintf("%.3f", low / 1000), sprintf("%.3f", (low + width[low]) / 1000), count[low] }' |
	    sort -t "$(printf '\t')" -k 12,12n | { tr ' ' '\t' <<<"$OLD_HIST_HEADER"; cat; }
}

@test "histogram rows: what sorting finds, to the error of a bucket" {
	raw 1 5000 l >a
	raw 2 3000 l >b
	histogram <a >ha
	histogram <b >hb
	stat_rows ha
	near "$FIGURES" "$(exact a)" 0.0006
	stat_rows ha hb
	near "$FIGURES" "$(exact a b)" 0.0006
	near 'n errors' "$(exact a b)" 0
	mv out.tsv want.tsv
	tail -n +2 hb >body
	run bash -c 'cat ha body | bench-stat'
	[ "$output" = "$(cat want.tsv)" ] || fail "$output"
	# raw rows of the same runs: the same quantiles and limits
	stat_rows a b
	[ "$(cut -f 3,9,10,17-21,25-28 out.tsv)" = "$(cut -f 3,9,10,17-21,25-28 want.tsv)" ] || fail "$(cat out.tsv want.tsv)"
}

@test "histogram rows in rounds, of several configurations alternately" {
	local i
	for i in 1 2 3 4 5 6; do
		for l in x y; do
			raw "$i$((i % 3))" 500 $l | histogram | awk -v r="$i" '{ print $0 "\t" (NR == 1 ? "round" : r) }'
		done
	done >a
	stat_rows a
	[ "$(cell out.tsv label | tr '\n' ' ')/$(cell out.tsv rounds | tr '\n' ' ')" = 'x y /6 6 ' ] || fail "$(cat out.tsv)"
	[ "$(sed -n 2p out.tsv | cut -f 2-)" = "$(sed -n 3p out.tsv | cut -f 2-)" ] || fail "$(cat out.tsv)"
	sed 's/\t[^\t]*$//' a >pooled
	for i in 1 2 3 4 5 6; do awk -v r="$i" -F '\t' '$15 == r || NR == 1' a | cut -f 1-14 | bench-stat -H; done >each
	low=$(awk -F '\t' '$1 == "x" { print $17 }' each | sort -n | head -n 1)
	[ "$(cell out.tsv p50_low_us | head -n 1)" = "$low" ] || fail "$(cat out.tsv each)"
	stat_rows pooled
	[ "$(cell out.tsv rounds | tr '\n' ' ')" = '0 0 ' ] || fail "$(cat out.tsv)"
}

@test "bytes_per_s of a path is the benchmark's; raw and histogram rows do not tell it" {
	raw 1 50 l >r
	histogram <r >h
	summary 1 2 3 >s
	for f in r h s; do
		for op in /x '?x=1'; do
			awk -F '\t' -v OFS='\t' -v op="$op" 'NR > 1 { $3 = op } { print }' $f >a
			stat_rows a
			[ "$(cell out.tsv bytes_per_s)" = "$([ $f = s ] && echo 512000.00 || echo NA)" ] ||
			    fail "$f $op: $(cat out.tsv)"
		done
		stat_rows $f
		[ "$(cell out.tsv bytes_per_s)" != NA ] || fail "$f: $(cat out.tsv)"
	done
	# what a run counts is what its rounds say
	http-serve sh -c 'bench-lat -q -B 3 -n 1000 "$BENCH_TARGET/download/1000"' >a
	stat_rows a
	[ "$(cell out.tsv bytes_per_s)" = "$(cell a bytes_per_s | sort -n | sed -n 2p)" ] || fail "$(cat a out.tsv)"
}

@test "memory is bounded for histograms, and for raw rows" {
	raw 1 1000 l | histogram >one
	tail -n +2 one >body
	{ cat one; for _ in $(seq 400); do cat body; done; } >many
	[ "$(wc -c <many)" -gt 15000000 ] || fail "$(wc -c <many)"
	# 5 MB: the program, the parser, a histogram of 270 KB
	run bash -c '[ -n "${SANITIZED:-}" ] || ulimit -v 8000; bench-stat many'
	[ "$status" -eq 0 ] || fail "$output"
	[ "$(cut -f 9 <<<"${lines[1]}")" = "$((401 * $(cut -f 9 one | tail -n 1)))" ] || fail "$output"
	run bash -c '{ cat one; yes "$(cat body)" | head -n 100000; } | bench-stat'
	[ "$status" -eq 2 ] && [[ $output == *count* ]] || fail "$output"
}

@test "what benchmarks print can be read" {
	local server
	for server in $SERVERS; do
		for bench in $BENCHES; do
			for form in -R -D; do
				# shellcheck disable=SC2046
				"$server" "$bench" $(quick "$bench") $form >a
				stat_rows a
				rows out.tsv "$STAT_HEADER"
				# shellcheck disable=SC2046
				[ "$(cell out.tsv op | tr '\n' ' ')" = "$(printf '%s ' $(ops "$bench"))" ] || fail "$(cat out.tsv)"
			done
		done
	done
	rpc-serve bench-lat -D -r 500 -n 200 -d 4 >a
	stat_rows a
	[ "$(cell out.tsv op | tr '\n' ' ')/$(total out.tsv n)" = 'ping ping-wait ping-service /600' ] || fail "$(cat out.tsv)"
}

@test "columns are found by name, whatever lies between concatenated outputs" {
	local f name
	raw 1 300 l | when 1 1 >r
	raw 1 300 l | histogram >h
	summary 10 11 12 13 14 15 | when 2 1 >s
	for f in r h s; do
		stat_rows $f
		mv out.tsv want.tsv
		mixed_up <$f >other
		stat_rows other
		cmp out.tsv want.tsv
		# names of other schemas, too
		name=count
		[ $f != h ] || name=zone
		mixed_up $name <$f >extra
		stat_rows extra
		cmp out.tsv want.tsv
		{ cat $f; tail -n +2 $f; tail -n +2 $f; tail -n +2 $f; } >all
		stat_rows all
		mv out.tsv want.tsv
		{ echo; cat $f; echo; cat other; echo; echo; cat extra; cat $f; echo; } >all
		stat_rows all
		cmp out.tsv want.tsv
		# in files
		stat_rows $f $f
		mv out.tsv want.tsv
		stat_rows other extra
		cmp out.tsv want.tsv
	done
	# what is needed is named, and what only some rows have
	awk -F '\t' -v OFS='\t' '{ $9 = ""; print }' s | tr -s '\t' | mixed_up zone >lacks
	refuses bench-stat '^bench-stat: lacks:1: n: missing column' lacks
	summary 1 >old
	{ cat old; mixed_up zone <s; } >all
	refuses bench-stat '^bench-stat: all:3: pass: mixed schemas' all
	{ cat s; mixed_up <old; } >all
	refuses bench-stat '^bench-stat: all:8: round: mixed schemas' all
	printf '\n\n' >all
	refuses bench-stat '^bench-stat: all:2: column 1: missing: no header line' all
	# what it prints can be read again
	stat_rows s
	bench-stat out.tsv >again
	[ "$(cell again p50_us)" = "$(cell out.tsv p50_us)" ] || fail "$(cat again)"
}

# ---- bad input

@test "malformed files name file, line and column" {
	local f
	raw 1 50 l >r
	histogram <r >hist
	summary 1 2 3 >sum
	: >empty
	head -n 1 hist >header
	cut -f 1-12,14 hist >missing
	sed '3s/\t[^\t]*$//' hist >short
	sed '5s/\t[^\t]*$/\tmany/' hist >text
	sed '5s/\t[^\t]*$/\tNA/' hist >na
	sed 's/$/\r/' hist >crlf
	printf '%s' "$(cat hist)" >trunc
	head -n 20 hist >part
	{ head -n 20 hist; tail -n +2 hist; } >broken
	{ head -n 20 hist; sed -n '2,$s/^l/k/p' hist; } >other
	awk 'BEGIN { FS = OFS = "\t" } NR == 4 { $9++ } { print }' hist >n
	awk 'BEGIN { FS = OFS = "\t" } NR == 4 { $10++ } { print }' hist >errors
	awk 'BEGIN { FS = OFS = "\t" } NR == 4 { $11 = 9 } { print }' hist >elapsed
	awk 'BEGIN { FS = OFS = "\t" } NR == 4 { $13 += 1 } { print }' hist >bounds
	awk 'BEGIN { FS = OFS = "\t" } NR == 4 { $14 = 0 } { print }' hist >zero
	awk 'BEGIN { FS = OFS = "\t" } NR == 4 { $14 = 99 } { print }' hist >toomany
	awk 'BEGIN { FS = OFS = "\t" } NR == 4 { $12 = "NA" } { print }' hist >bound
	awk 'BEGIN { FS = OFS = "\t" } NR == 2 { $12 = $13 = "NA" } { print }' hist >nobound
	awk 'NR == 3 { row = $0; next } { print } NR == 4 { print row }' hist >order
	awk 'BEGIN { FS = OFS = "\t" } NR == 7 { $9 = "-1" } { print }' r >negative
	awk 'BEGIN { FS = OFS = "\t" } NR == 7 { $10 = 2 } { print }' r >ok
	awk 'BEGIN { FS = OFS = "\t" } NR == 7 { $6 = 1000000 } { print }' r >client
	awk 'BEGIN { FS = OFS = "\t" } NR == 7 { $9 = "1.2345" } { print }' r >fine
	cat r hist >mixed
	refuses bench-stat '^bench-stat: empty:1: .*empty' empty
	refuses bench-stat '^bench-stat: header:1: label: no row' header
	refuses bench-stat '^bench-stat: missing:1: high_us: missing column' missing
	refuses bench-stat '^bench-stat: short:3: count: missing: 13 cells, not 14' short
	refuses bench-stat '^bench-stat: text:5: count: not a number: many' text
	refuses bench-stat '^bench-stat: na:5: count: NA' na
	refuses bench-stat '^bench-stat: crlf:1: .*CR LF' crlf
	refuses bench-stat '^bench-stat: trunc:[0-9]+: count: .*no end' trunc
	refuses bench-stat '^bench-stat: part:20: count: the run before is not complete' part
	refuses bench-stat '^bench-stat: broken:21: low_us: not above' broken
	refuses bench-stat '^bench-stat: other:21: count: the run before is not complete' other
	refuses bench-stat '^bench-stat: n:4: n: not that of' n
	refuses bench-stat '^bench-stat: errors:4: errors: not that of' errors
	refuses bench-stat '^bench-stat: elapsed:4: elapsed_s: not that of' elapsed
	refuses bench-stat '^bench-stat: bounds:4: low_us: .*bounds' bounds
	refuses bench-stat '^bench-stat: zero:4: count: none' zero
	refuses bench-stat '^bench-stat: toomany:4: count: more' toomany
	refuses bench-stat '^bench-stat: bound:4: low_us: only one' bound
	refuses bench-stat '^bench-stat: nobound:2: low_us: NA, but' nobound
	refuses bench-stat '^bench-stat: order:4: low_us: not above' order
	refuses bench-stat '^bench-stat: negative:7: us: not a number: -1' negative
	refuses bench-stat '^bench-stat: ok:7: ok: neither' ok
	refuses bench-stat '^bench-stat: client:7: client:' client
	refuses bench-stat '^bench-stat: fine:7: us: .*digits' fine
	refuses bench-stat '^bench-stat: mixed:52: client: mixed schemas' mixed
	refuses bench-stat '^bench-stat: sum:1: client: mixed schemas' r sum
	refuses bench-stat '^bench-stat: r:1: clients: mixed schemas' sum r
	for f in empty header short; do
		run --separate-stderr bash -c 'bench-stat <"$0"' $f
		want 2 '^bench-stat: stdin:'
	done
}

@test "lost output is an error" {
	summary 1 >a
	run --separate-stderr bash -c 'bench-stat a >/dev/full'
	want 1 'stdout: No space left on device'
}

@test "bytes: the mean, weighted with n; rows without these columns count for nothing" {
	local n sent
	{
		tr ' ' '\t' <<<"$OLD_HEADER round pass sent_bytes received_bytes"
		for n in '100\t10.000\tNA' '300\t20.000\t6.000' '0\tNA\tNA'; do
			sent=${n#*'\t'}
			printf 'l\tbench-lat\tping\t0\t0\t1\t1\t0.00\t%s\t1\t2.000000\t500.00\t0.00\t' "${n%%'\t'*}"
			printf '1.000\t2.000\t0.500\t1.000\t3.000\t4.000\t5.000\tNA\t9.000\t1.000\t0.500\t1\t1\t%b\n' "$sent"
		done
	} >rows
	stat_rows rows
	rows out.tsv "$STAT_HEADER"
	[ "$(cell out.tsv sent_bytes)/$(cell out.tsv received_bytes)" = 17.500/6.000 ] || fail "$(cat out.tsv)"
	summary 1 2 >old
	stat_rows old
	[ "$(cell out.tsv sent_bytes)/$(cell out.tsv received_bytes)" = NA/NA ] || fail "$(cat out.tsv)"
	awk '{ print $0 (NR == 1 ? "\tround\tpass" : "\t1\t1") }' old >before
	stat_rows before rows
	[ "$(cell out.tsv sent_bytes | paste -sd ' ')" = 'NA 17.500' ] || fail "$(cat out.tsv)"
	stat_rows rows before
	[ "$(cell out.tsv received_bytes | paste -sd ' ')" = '6.000 NA' ] || fail "$(cat out.tsv)"
	sed 's/\t20\.000\t/\tx\t/' rows >bad
	run --separate-stderr bench-stat bad
	want 2 '^bench-stat: bad:3: sent_bytes: '
}

# joint_rows CLIENTS RATE START N ELAPSED MEAN SD P99 MIN MAX: a client's summary row, of -r, with its
# header line.
joint_rows() {
	tr ' ' '\t' <<<"$HEADER"
	printf 'rpc\tbench-conc\tping\t10\t0\t%s\t1\t%s\t%s\t0\t%s\t' "$1" "$2" "$4" "$5"
	awk -v n="$4" -v s="$5" 'BEGIN { printf "%.2f\t%.2f\t", n / s, 10 * n / s }'
	printf '%s\t%s\t%s\t50.000\tNA\tNA\t%s\tNA\t%s\t2.000\t0.%s00\t1\t1\t48.000\t17.000\t%s\n' "$9" "$6" "$7" "$8" \
	    "${10}" "$1" "$3"
}

@test "clients that ran at the same time (-p): sums, spans, weights" {
	joint_rows 2 1000.00 1700000000.500000 3000 3.000000 100.000 10.000 300.000 20.000 400.000 >a
	joint_rows 3 500.00 1700000000.250000 1000 2.900000 200.000 20.000 100.000 30.000 900.000 >b
	bench-stat -p a b >out.tsv 2>err.txt || fail "$(cat err.txt)"
	rows out.tsv "$HEADER"
	# sd: of 3000 with 100 and 10, and 1000 with 200 and 20
	[ "$(tail -n 1 out.tsv | tr '\t' ' ')" = "rpc bench-conc ping 10 0 5 1 1500.00 4000 0 3.250000 1344.83 \
13448.28 20.000 125.000 45.281 50.000 NA NA 250.000 NA 900.000 2.000 0.300 1 1 48.000 17.000 1700000000.250000" ] ||
	    fail "$(cat out.tsv)"
	grep -qx 'bench-stat: warning: rpc: ping, 10 bytes: all ran together for only 2.650000 of 3.250000 s' err.txt ||
	    fail "$(cat err.txt)"
	# concatenated, and without the second header where they are alike
	cat a b | bench-stat -p 2>/dev/null | cmp out.tsv -
	{ cat a; tail -n 1 a; } | bench-stat -p >out2.tsv
	[ "$(cell out2.tsv n)/$(cell out2.tsv clients)/$(cell out2.tsv elapsed_s)" = 6000/4/3.000000 ] || fail "$(cat out2.tsv)"
	# what comes out is a row as others are
	bench-stat out.tsv out.tsv | awk -F '\t' 'NR == 2 && $9 == 8000 { good = 1 } END { exit !good }' || fail 'not read'
	# a quantile that one of them cannot show is none of all
	sed '2s/100\.000\tNA\t900\.000/NA\tNA\t900.000/' b >few
	! cmp -s b few || fail 'no p99 to take away'
	bench-stat -p a few >few.tsv 2>/dev/null
	[ "$(cell few.tsv p50_us)/$(cell few.tsv p99_us)/$(cell few.tsv max_us)" = 50.000/NA/900.000 ] ||
	    fail "$(cat few.tsv)"
	# the mean rate of a replay may be NA
	sed '2s/1000.00/NA/' a >na
	sed '2s/500.00/NA/' b >nb
	bench-stat -p na nb >out.tsv 2>err.txt || fail "$(cat err.txt)"
	[ "$(cell out.tsv rate_per_s)/$(cell out.tsv n)/$(cell out.tsv clients)" = NA/4000/5 ] || fail "$(cat out.tsv)"
	{ cat na; tail -n 1 na; } | bench-stat -pH >out.tsv
	[ "$(cut -f 6,9 out.tsv)" = $'4\t6000' ] || fail "$(cat out.tsv)"
	# -c 1,10: the first of one goes with the first of the other
	{ cat a; joint_rows 20 9.00 1700000010.000000 10 5.000000 1.000 1.000 1.000 1.000 1.000 | tail -n 1; } >a2
	{ cat b; joint_rows 30 9.00 1700000010.000000 10 5.000000 1.000 1.000 1.000 1.000 1.000 | tail -n 1; } >b2
	bench-stat -p a2 b2 >out.tsv 2>/dev/null
	[ "$(cell out.tsv clients | tr '\n' ' ')" = '5 50 ' ] || fail "$(cat out.tsv)"
}

@test "clients that ran at the same time (-p): what did not, or has no rows, is named" {
	joint_rows 2 0.00 1700000000.000000 3000 3.000000 100.000 10.000 300.000 20.000 400.000 >a
	joint_rows 2 0.00 1700000001.000000 3000 3.000000 100.000 10.000 300.000 20.000 400.000 >b
	joint_rows 2 0.00 1700000004.500000 3000 3.000000 100.000 10.000 300.000 20.000 400.000 >late
	run -1 --separate-stderr bench-stat -pH a b late
	[ -z "$output" ] || fail "$output"
	[ "$stderr" = 'bench-stat: rpc: ping, 10 bytes: not at the same time, left out: late:2 began 1.500000 s after a:2 had ended' ] ||
	    fail "$stderr"
	# the others are kept
	: >empty
	head -n 1 a >header
	run -1 --separate-stderr bench-stat -pH a empty gone header b
	[ "$(cut -f 9 <<<"$output")" = 6000 ] || fail "$output"
	[[ $stderr = *'bench-stat: empty: no rows'*'bench-stat: gone: No such file'*'bench-stat: header: no rows'* ]] ||
	    fail "$stderr"
	# one that was killed between its intervals and its summary
	sed '1s/$/\tat_s/; 2s/$/\t0.000000/' b >killed
	run -1 --separate-stderr bench-stat -pH a killed
	[ "$stderr" = 'bench-stat: killed: no rows' ] || fail "$stderr"
	[ "$(cut -f 9 <<<"$output")" = 3000 ] || fail "$output"
	# one that ran nothing has no time
	joint_rows 1 0.00 1600000000.000000 0 0.000000 NA NA NA NA NA 2>/dev/null | sed 's/-*nan\|inf/NA/g' >none
	bench-stat -pH a b none >out.tsv 2>err.txt || fail "$(cat err.txt)"
	[ "$(cut -f 6,9 out.tsv)" = $'5\t6000' ] || fail "$(cat out.tsv)"
	# another configuration of only one
	sed 's/ping/echo/' a >c
	bench-stat -pH a b c >out.tsv 2>err.txt
	grep -qx 'bench-stat: warning: rpc: echo, 10 bytes: rows of 1 of 3 clients' err.txt || fail "$(cat err.txt)"
	cut -f 1-27 a >old
	run -2 --separate-stderr bench-stat -p old
	[ "$stderr" = 'bench-stat: old:2: start_s: missing: these rows do not tell when they ran' ] || fail "$stderr"
	sed '2s/1700000000.0/x/' a >bad
	run -2 --separate-stderr bench-stat -p a bad
	[[ $stderr = 'bench-stat: bad:2: start_s: '* && -z $output ]] || fail "$stderr $output"
	sed '2s/1700000000.0/18446744073.0/' a >far
	run -2 --separate-stderr bench-stat -p far
	[[ $stderr = 'bench-stat: far:2: elapsed_s: too large'* ]] || fail "$stderr"
	run -2 --separate-stderr bench-stat -p -q .5 a
	[ "$stderr" = 'bench-stat: -p and -q exclude each other' ] || fail "$stderr"
	[ ! -e /dev/full ] || run -1 bash -c 'bench-stat -p a b >/dev/full'
}

@test "clients that ran at the same time (-p): histograms and raw rows have the quantiles of all" {
	local server how wait
	for server in rpc http; do
		for how in -D -R; do
			# half a second: those that begin a little late still run beside the others (a machine that
			# is occupied begins too late: then once more)
			for wait in 2 5 15; do
				"$server-serve" -d 1ms bash -c '
					at=@$((EPOCHSECONDS + '"$wait"'))
					for i in 1 2 3; do bench-conc -q -c $i -j $((i > 2 ? 1 : i)) -W $at -n 400 '"$how"' >$i.tsv & done
					wait' || true
				bench-stat -p 1.tsv 2.tsv 3.tsv >out.tsv 2>err.txt && break
			done
			[ "$(cell out.tsv n)/$(cell out.tsv clients)/$(cell out.tsv errors)" = 2400/6/0 ] || fail "$(cat out.tsv err.txt)"
			# the same samples, taken one by one
			if [ "$how" = -R ]; then
				tail -qn +2 1.tsv 2.tsv 3.tsv | cut -f 9 | sort -n >all
				awk -F '\t' 'FILENAME == "all" { us[++n] = $1; sum += $1; next }
				$1 == "label" { for (i = 1; i <= NF; i++) col[$i] = i; next }
				function near(name, q,   k, d) {
					k = n * q; k = k == int(k) ? k : int(k) + 1
					d = $col[name] / us[k < 1 ? 1 : k] - 1
					if (d > 0.0006 || d < -0.0006) { print name, $col[name], us[k]; bad = 1 }
				}
				{
					near("min_us", 0); near("p50_us", 0.5); near("p90_us", 0.9); near("p99_us", 0.99)
					near("p999_us", 0.999); near("max_us", 1)
					if ($col["mean_us"] / (sum / n) > 1.0006 || $col["mean_us"] / (sum / n) < 0.9994) bad = 1
				}
				END { exit bad || n != 2400 }' all out.tsv || fail "$(cat out.tsv)"
			fi
		done
	done
	# a histogram that lacks its end, as where a machine died, is left out and named
	rpc-serve bash -c 'bench-lat -D; bench-lat -D' >whole.tsv
	awk '/^label/ { n++ } n < 2' whole.tsv >one.tsv
	awk '/^label/ { n++ } n > 1' whole.tsv | sed '$d' >cut.tsv
	run -1 --separate-stderr bench-stat -pH one.tsv cut.tsv
	[[ $stderr = 'bench-stat: cut.tsv:2: this histogram lacks its end; left out'* ]] || fail "$stderr"
	[ "$(cut -f 9 <<<"$output")" = "$(cut -f 9 one.tsv | tail -n 1)" ] || fail "$output"
	cat cut.tsv one.tsv >mixed
	run -1 --separate-stderr bench-stat -pH mixed
	[[ $stderr = 'bench-stat: mixed:2: this histogram lacks its end; left out'* ]] || fail "$stderr"
	[ "$(cut -f 9 <<<"$output")" = "$(cut -f 9 one.tsv | tail -n 1)" ] || fail "$output"
	# but not in the middle of one client's rows
	{ cat cut.tsv; sed 1d one.tsv; } >mixed
	run -2 --separate-stderr bench-stat -p mixed
	[[ $stderr = *': n: not that of the run'* || $stderr = *': errors: '* || $stderr = *': elapsed_s: not that of'* ]] ||
	    fail "$stderr"
}
