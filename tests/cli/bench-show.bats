#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-show: what a person sees of rows that are made here, and of all that the programs print.

bats_require_minimum_version 1.5.0
load ../helper

# Rows as they were before they had a round and a pass: simpler to make, and still read.
HEADER=$OLD_HEADER
HIST_HEADER=$OLD_HIST_HEADER

# row LABEL BENCH OP SIZE ERRORS OPS BYTES P50 P99: a summary row.
row() {
	printf '%s\t%s\t%s\t%s\t0\t1\t1\t0.00\t1000\t%s\t2.000000\t%s\t%s\t1.000\t2.000\t0.500\t%s\t3.000\t4.000\t%s\tNA\t9.000\t1.000\t0.500\n' \
	    "$@"
}

# lat: three rows of latencies.
lat() {
	tr ' ' '\t' <<<"$HEADER"
	row rpc-thread bench-lat ping 0 "${1:-0}" 50000.00 0.00 19.312 25.200
	row rpc-fork bench-lat ping 0 0 49000.00 0.00 21.000 1300.000
	row http-thread bench-lat ping 0 0 400.50 0.00 NA NA
}

# bw: two rows of transfers.
bw() {
	[ "${1:-}" = body ] || tr ' ' '\t' <<<"$HEADER"
	row rpc bench-bw upload 1024 0 58000.00 59392000.00 16.900 25.200
	row rpc bench-bw download 1048576 0 6000.00 6291456000.00 150.123 1300.000
}

# show ARGUMENT...: its output must be printable ASCII without blanks at the end of lines.
show() {
	run --separate-stderr bench-show "$@"
	[ "$status/$stderr" = 0/ ] || fail "$*: status $status: $stderr"
	! grep -q '[^ -~]\| $' <<<"$output" || fail "$*: $output"
}

# narrow N: no line is longer.
narrow() {
	awk -v n="$1" 'length > n { exit 1 }' <<<"$output" || fail "wider than $1: $output"
}

@test "help and version" { help_is_fine bench-show; }

@test "wrong use is refused" {
	lat >rows
	refuses bench-show '-y' -y rows
	refuses bench-show 'one file, not 2' rows rows
	refuses bench-show 'only one of -b, -c, -D and -j' -j -c rows
	refuses bench-show 'only one of' -Db rows
	refuses bench-show '-w.*value' -w
	refuses bench-show '-w: .*: 19' -w 19 rows
	refuses bench-show '-w: .*: 1001' -w 1001 rows
	refuses bench-show '-w: .*: wide' -w wide rows
	refuses bench-show 'nowhere: No such file' nowhere
	refuses bench-show 'directory' .
}

@test "one row is a block, with units, without what says nothing" {
	lat | sed -n 1,2p >rows
	show rows
	diff - <(echo "$output") <<-END || fail 'see above'
		label    rpc-thread
		bench    bench-lat
		op       ping
		clients           1
		depth             1
		n              1000
		elapsed        2.00 s
		req/s         50000
		min            1.00 us
		mean           2.00 us
		sd            0.500 us
		p50            19.3 us
		p90            3.00 us
		p95            4.00 us
		p99            25.2 us
		max            9.00 us
		cpu            1.00 us
		busy          0.500
	END
	show -a rows
	grep -qx 'rate  *-' <<<"$output" && grep -qx 'p99.9  *-' <<<"$output" &&
	    grep -qx 'errors  *0' <<<"$output" || fail "$output"
	bw | sed -n '1p;3p' >rows
	show - <rows
	grep -qx 'size  *1m' <<<"$output" && grep -qx 'GB/s  *6.29' <<<"$output" || fail "$output"
}

@test "several rows are a table of what differs" {
	lat >rows
	show rows
	diff - <(echo "$output") <<-END || fail 'see above'
		bench-lat, ping, clients 1, depth 1, n 1000, elapsed 2.00 s, min 1.00 us,
		mean 2.00 us, sd 0.500 us, p90 3.00 us, p95 4.00 us, max 9.00 us, cpu 1.00 us,
		busy 0.500

		label         p50     p99  req/s
		               us      us
		rpc-thread   19.3    25.2  50000
		rpc-fork     21.0  1300.0  49000
		http-thread     -       -    400
	END
	show -b rows
	[ "$(grep -c '^label ' <<<"$output")/$(grep -c '^$' <<<"$output")" = 3/2 ] || fail "$output"
	lat 7 >rows
	show -w 28 rows
	[[ $output == *$'\n'"label        errors   p50"$'\n'*$'\n'"rpc-thread        7  19.3"$'\n'* ]] ||
	    fail "$output"
}

@test "transfers begin with their rate, and each benchmark has a table" {
	{ lat; bw body; } >rows
	show rows
	narrow 80
	[[ $output == *$'\n\n'"rpc, bench-bw, "*$'\n\n'"op        size    MB/s    p50     p99  req/s"$'\n'* ]] ||
	    fail "$output"
	grep -qx 'upload      1k    59.4   16.9    25.2  58000' <<<"$output" || fail "$output"
	grep -qx 'download    1m  6291.5  150.1  1300.0   6000' <<<"$output" || fail "$output"
}

@test "the width: -w, COLUMNS, 80; what does not fit becomes blocks" {
	local w
	for _ in 1 2; do
		lat | awk 'BEGIN { FS = OFS = "\t"; srand(1) }
		    NR > 1 { for (i = 9; i <= NF; i++) $i = int(rand() * 10000) } { print }'
	done >rows
	for w in 60 80 132; do
		show -w "$w" rows
		narrow "$w"
		awk -v n="$((w - 30))" 'length > n { good = 1 } END { exit !good }' <<<"$output" || fail "$output"
		printf '%s\n' "$output" >"wide.$w"
	done
	show rows
	[ "$output" = "$(cat wide.80)" ] || fail "$output"
	COLUMNS=132 show rows
	[ "$output" = "$(cat wide.132)" ] || fail "$output"
	COLUMNS=132 show -w 60 rows
	[ "$output" = "$(cat wide.60)" ] || fail "$output"
	COLUMNS=wide show rows
	[ "$output" = "$(cat wide.80)" ] || fail "$output"
	show -w 20 rows
	[ "$(grep -c '^label ' <<<"$output")" -eq 6 ] || fail "$output"
	# a table of all, or all in blocks
	show -a rows
	[ "$(wc -l <<<"$output")" -eq $((6 * 24 + 5)) ] || fail "$output"
	show -a -w 400 rows
	[ "$(wc -l <<<"$output")" -eq 8 ] || fail "$output"
	awk 'NR == 1 && NF != 24 { exit 1 }' <<<"$output" || fail "$output"
}

@test "limits follow their figure and have its unit; other columns are shown as they are" {
	printf 'label\tp50_us\tratio\tp50_low_us\tp50_high_us\tp9999_us\tverdict\n' >rows
	printf 'a\t900.000\t1.5\t3.000\t2000000.000\t5.000\tsame\nb\t901.000\t22\t4.000\t5.000\t6.000\tworse\n' >>rows
	show rows
	diff - <(echo "$output") <<-END || fail 'see above'
		label    p50  p50_low   p50_high  ratio  p99.99  verdict
		          us       us         us             us
		a      900.0      3.0  2000000.0    1.5    5.00  same
		b      901.0      4.0        5.0   22      6.00  worse
	END
}

@test "bytes that are no whole number are not left out" {
	printf 'label\tx_bytes\na\t1.5\nb\t99999999999999999999\nc\t1024\nd\t0\n' >rows
	show rows
	[ "$(sed 1d <<<"$output" | awk '{ print $2 }' | tr '\n' ' ')" = '1.5 99999999999999999999 1k - ' ] || fail "$output"
}

@test "JSON" {
	need python3
	{ lat; bw body; } >rows
	printf 'q"\\\xe2\x82\xac\xf0\x9f\x98\x80\xff\xc2\x9b,\tb\to\t%s\n' "$(seq -s $'\t' 21)" >>rows
	show -j rows
	python3 - <<-'END' "$output" || fail "$output"
		import json, sys
		a = json.loads(sys.argv[1])
		lines = open("rows", "rb").read().decode("utf-8", "replace").split("\n")[:-1]
		names = lines[0].split("\t")
		assert len(a) == len(lines) - 1 == 6
		for o, line in zip(a, lines[1:]):
		    assert list(o) == names
		    for name, cell in zip(names, line.split("\t")):
		        want = cell if name in ("label", "bench", "op") else None if cell == "NA" else float(cell)
		        assert o[name] == want, (name, cell, o[name])
	END
	# a column of which one cell is no number has texts; and so have labels, whatever they are
	printf 'label\tx\n12\t1\n13\t007\n' >rows
	show -j rows
	[ "$output" = "$(printf '[\n{"label": "12", "x": "1"},\n{"label": "13", "x": "007"}\n]')" ] || fail "$output"
}

@test "CSV" {
	printf 'label\tx\na,b\tNA\n"c"\t1.50\n d\t2\n' >rows
	show -c rows
	[ "$output" = "$(printf 'label,x\n"a,b",NA\n"""c""",1.50\n d,2')" ] || fail "$output"
}

@test "a distribution is drawn" {
	local i
	# 900 between 16 and 17 us, 90 near 33, 10 near 1 ms
	{
		tr ' ' '\t' <<<"$HIST_HEADER"
		for i in '16.384 16.400 900' '32.768 32.800 90' '1048.576 1049.600 10'; do
			# shellcheck disable=SC2086
			printf 'l\tbench-lat\tping\t1024\t0\t1\t1\t0.00\t1000\t3\t1.000000\t%s\t%s\t%s\n' $i
		done
	} >rows
	show -D rows
	narrow 80
	[ "${lines[0]}" = 'l bench-lat ping, size 1k, clients 1, depth 1, n 1000, errors 3' ] || fail "$output"
	[ "${#lines[@]}" -eq 21 ] || fail "$output"
	[[ ${lines[1]} =~ ^\ *16\.4\ -\ +20\.2\ us\ +90\.0\ %\ (#+)\ p50\ p90$ ]] || fail "$output"
	local most=${#BASH_REMATCH[1]}
	[ "$most" -ge 20 ] || fail "$output"
	[[ ${lines[4]} =~ ^\ *30\.6\ -\ +37\.7\ us\ +9\.0\ %\ (#+)\ p99$ ]] || fail "$output"
	[ $((${#BASH_REMATCH[1]} * 10 - most)) -le 5 ] && [ $((most - ${#BASH_REMATCH[1]} * 10)) -le 5 ] ||
	    fail "$output"
	[[ ${lines[20]} =~ us\ +1\.0\ %\ \.\ p99\.9$ ]] || fail "$output"
	# two runs of it: the same shares, twice the operations
	cat rows rows >twice
	run bench-show -D twice
	[ "${lines[0]}" = 'l bench-lat ping, size 1k, clients 1, depth 1, n 2000, errors 6' ] || fail "$output"
	# a run is over when all of it was there, also if the next one is slower, or all of it failed
	sed 's/\t1000\t3\t/\t10\t3\t/' rows | sed '2,3d' >slower
	sed 's/\t1000\t3\t.*/\t0\t5\t1.000000\tNA\tNA\t0/' rows | head -n 2 >failed
	cat failed rows slower failed >four
	run bench-show -D four
	[ "${lines[0]}" = 'l bench-lat ping, size 1k, clients 1, depth 1, n 1010, errors 16' ] || fail "$output"
	# one time only; and none at all
	head -n 2 rows >one
	show -D one
	[ "${#lines[@]}" -eq 2 ] && [[ ${lines[1]} == *' 100.0 % ####'* ]] || fail "$output"
	bench-lat -D -n 3 http://127.0.0.1:1 >none 2>err.txt || true
	show -D none
	[[ ${#lines[@]} -eq 1 && $output =~ ', n 0, errors '[1-3]$ ]] || fail "$output"
}

@test "malformed files name file, line and column" {
	lat >good
	: >empty
	head -n 1 good >header
	sed '3s/\t[^\t]*$//' good >short
	sed 's/$/\r/' good >crlf
	printf '%s' "$(cat good)" >trunc
	printf 'label\tn\nred\x1b[31m\t1\n' >control
	{ cat good; printf 'label\tn\na\t1\n'; } >mixed
	refuses bench-show '^bench-show: empty:1: .*empty' empty
	refuses bench-show '^bench-show: header:1: label: no row' header
	refuses bench-show '^bench-show: short:3: busy: missing: 23 cells' short
	refuses bench-show '^bench-show: crlf:1: .*CR LF' crlf
	refuses bench-show '^bench-show: trunc:4: busy: .*no end' trunc
	refuses bench-show '^bench-show: control:2: label: control character' control
	refuses bench-show '^bench-show: mixed:5: bench: mixed schemas' -j mixed
	refuses bench-show '^bench-show: good:2: p50_us: summary rows, not histogram rows' -D good
	printf 'l\tb\to\t0\t0\t1\t1\t0.00\t9\t0\t1.000000\t%s\n' $'1.000\t1.001\t0' $'1.000\t1.003\t4' \
	    $'NA\t1.001\t1' >body
	for i in 'count: no operation' 'low_us: .*bucket' 'low_us: NA'; do
		{ tr ' ' '\t' <<<"$HIST_HEADER"; head -n 1 body; } >bad
		sed -i 1d body
		refuses bench-show "^bench-show: bad:2: $i" -D bad
	done
}

@test "headers in another order, and empty lines" {
	lat >a
	{ cat a; tail -n +2 a; } >all
	show -c all
	printf '%s\n' "$output" >want
	{ echo; cat a; echo; mixed_up <a; echo; } >all
	show -c all
	[ "$output" = "$(cat want)" ] || fail "$output"
	{ cat a; mixed_up zone <a; } >all
	refuses bench-show '^bench-show: all:5: zone: mixed schemas' all
}

@test "labels that are odd or long, and many rows" {
	printf 'label\tn\n\x9b31m\xc3\xbc\t1\n%s\t2\n' "$(head -c 60000 /dev/zero | tr '\0' x)" >rows
	show rows
	[[ ${lines[0]} == 'label  \x9b31m\xc3\xbc' ]] && [ "${#lines[2]}" -eq 60007 ] || fail "${output:0:500}"
	{ lat; for _ in {1..3000}; do lat | tail -n +2; done; bw body; } >rows
	show rows
	[ "${#lines[@]}" -ge 9005 ] || fail "${#lines[@]} lines"
	narrow 80
}

@test "lost output is told" {
	lat >rows
	for i in '' -b -a -j -c; do
		run --separate-stderr bash -c "bench-show $i rows >/dev/full"
		want 1 'stdout: No space left on device'
	done
}

@test "whatever the programs print" {
	local p file
	for p in $BENCHES; do
		for file in '' -R -D; do
			# shellcheck disable=SC2046
			rpc-serve -u usage.tsv "$p" $(quick "$p") $file >"$p$file.tsv"
		done
		cat "$p.tsv" "$p.tsv" "$p.tsv" "$p.tsv" >four.tsv
		bench-cmp -T four.tsv four.tsv >"cmp.$p.tsv" 2>err.txt || true
		bench-stat four.tsv >"stat.$p.tsv"
		show -D "$p-D.tsv"
		# the line above the bars is as long as what it tells
		output=$(grep -v '^[^ 0-9]' <<<"$output")
		narrow 80
		[[ $output == *' p50'* ]] || fail "$p: $output"
	done
	for file in *.tsv "$ROOT"/results/*/*.tsv; do
		for p in '' -a -b -j; do
			# shellcheck disable=SC2086
			show $p "$file"
			[ "${#lines[@]}" -gt 1 ] || fail "$file $p: $output"
		done
	done
}

@test "a name that another column has is not shortened to that" {
	{
		tr ' ' '\t' <<<"label op rate_per_s holds holds_per_s fails_per_s"
		printf 'a\tping\t100.00\tyes\t100.00\tNA\na\tping\t200.00\tno\t100.00\t200.00\n'
	} >rows
	show -a rows
	diff - <(echo "$output") <<-END || fail 'see above'
		label  op     rate  holds  holds_per_s  fails
		             req/s               req/s  req/s
		a      ping    100  yes            100      -
		a      ping    200  no             100    200
	END
	head -n 2 rows | bench-show >block
	[ "$(cut -d ' ' -f 1 block | sort | uniq -d)" = '' ] || fail "$(cat block)"
}

@test "points stand below each other, in the last column without blanks at the end" {
	printf 'a\tvalue\nx\t16.484\ny\t10.1363\nz\t7\n' >rows
	show rows
	diff - <(echo "$output") <<-END || fail 'see above'
		a    value
		x  16.484
		y  10.1363
		z   7
	END
}

@test "bytes of an operation have a unit, and a column where they differ" {
	{
		tr ' ' '\t' <<<"label op p50_us sent_bytes received_bytes"
		printf 'a\tping\t1.000\t49.020\t18.000\nb\tping\t2.000\t86.000\t18.000\n'
	} >rows
	show rows
	diff - <(echo "$output") <<-END || fail 'see above'
		ping, received 18.0 B

		label   p50  sent
		         us     B
		a      1.00  49.0
		b      2.00  86.0
	END
	head -n 2 rows | bench-show | grep -qx 'sent  *49.0 B' || fail 'no block'
}
