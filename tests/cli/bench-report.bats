#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# bench-report and bench-plot: figures and verdicts on rows whose answer is known, pictures,
# and tables that are no such.

bats_require_minimum_version 1.5.0
load ../helper

# made ROUNDS: a folder run with figures that are known. In round r the factor all have in
# common is f(r), so that ratios are exact where the figures vary: rpc-fork takes twice the
# time of rpc-thread to connect, http-thread 1.1 times; of latency http-thread takes 1.5 times
# in two rounds of three, and half of it in the third. Rates go down as times go up.
made() {
	mkdir -p run
	awk -v rounds="$1" -v header="$OLD_HEADER round" '
	function row(label, bench, op, size, us, r) {
		printf "%s\t%s\t%s\t%d\t0\t1\t1\t0.00\t1000\t0\t1.000000\t%.2f\t%.2f", label, bench, op, size, 1e6 / us, size * 1e6 / us
		printf "\t%.3f\t%.3f\t0.000\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t1.000\t0.500\t%d\n", us, us, us, us, us, us, "NA", us, r
	}
	BEGIN {
		gsub(/ /, "\t", header)
		print header
		for (r = 1; r <= rounds; r++) {
			f = 1 + (r * 7 % 5) / 2
			row("rpc-thread", "bench-conn", "first-reply", 0, 100 * f, r)
			row("rpc-fork", "bench-conn", "first-reply", 0, 200 * f, r)
			row("http-thread", "bench-conn", "first-reply", 0, 110 * f, r)
			row("rpc-thread", "bench-lat", "ping", 0, 20 * f, r)
			row("rpc-fork", "bench-lat", "ping", 0, 30 * f, r)
			row("http-thread", "bench-lat", "ping", 0, (r % 3 ? 30 : 10) * f, r)
			row("rpc-thread", "bench-bw", "upload", 1024, 20 * f, r)
			row("rpc-thread", "bench-bw", "upload", 1048576, 400 * f, r)
			row("http-thread", "bench-bw", "upload", 1048576, 300 * f, r)
			row("http-thread", "bench-file", "upload", 1048576, 300 * f, r)
			row("http-thread", "bench-file", "upload-chunked", 1048576, 700 * f, r)
		}
	}' >run/suite.tsv
	sed -i 's/\t0\.000\(\t1\.000\t0\.500\)/\tNA\1/' run/suite.tsv
}

# in_passes PASSES: a folder run of a newer kind, with four rounds a pass. What varies from pass to
# pass and from round to round meets all alike, so that ratios are known: rpc-fork takes 1.5 times
# rpc-thread's time to connect, and 1.005 times its time for a ping; http-thread twice and 0.9 times
# it. Files of 1536k take http-thread 1.25 times the time, and their hex four times that. The clients
# of http-thread were at their limit; some of its uploads have failed.
in_passes() {
	mkdir -p run
	printf 'key\tvalue\nconfigurations\trpc-thread rpc-fork http-thread\n' >run/env.tsv
	awk -v passes="$1" -v header="$OLD_HEADER round pass" '
	function row(label, bench, op, size, chunk, clients, us, busy, errors) {
		us *= 1 + (p * 7 % 5) / 4 + r / 10
		printf "%s\tbench-%s\t%s\t%d\t%d\t%d\t1\t0.00\t20\t%d\t%.6f\t%.2f\t%.2f", label, bench, op, size, chunk, clients, errors, us * 20 / 1e6, clients * 1e6 / us, size * 1e6 / us
		printf "\t%.3f\t%.3f\tNA\t%.3f\t%.3f\tNA\tNA\tNA\t%.3f\t1.000\t%.3f\t%d\t%d\n", us, us, us, us, us, busy, r, p
	}
	function all(label, connect, ping, file, hex, busy) {
		row(label, "conn", "first-reply", 0, 0, 1, 1000 * connect, 0.5, 0)
		row(label, "lat", "ping", 0, 0, 1, 200 * ping, 0.5, 0)
		row(label, "file", "upload", 1572864, 0, 1, 4000 * file, 0.5, label ~ /^http/)
		row(label, "file", "upload-chunked", 1572864, 65536, 1, 4000 * file * hex, 0.5, 0)
		row(label, "conc", "ping", 0, 0, 10, 1000 * ping, busy, 0)
	}
	BEGIN {
		gsub(/ /, "\t", header)
		print header
		for (p = 1; p <= passes; p++) for (r = 1; r <= 4; r++) {
			all("rpc-fork", 1.5, 1.005, 1, 1, 0.5)
			all("rpc-thread", 1, 1, 1, 1, 0.5)
			all("http-thread", 2, 0.9, 1.25, 4, 0.95)
		}
	}' >run/rows.tsv
	printf 'label\tconnections\tbase_kb\theld_kb\tkb_per_connection\tpass\n' >run/memory.tsv
	for ((p = 1; p <= $1; p++)); do
		printf 'rpc-thread\t100\t100\t1600\t15.000\t%d\nrpc-fork\t100\t100\t6100\t60.000\t%d\n' "$p" "$p"
	done >>run/memory.tsv
}

# claim ID A B OP: ratio, interval, rounds and verdict.
claim() {
	bench-report -C run | awk -F '\t' -v id="$1" -v a="$2" -v b="$3" -v op="$4" '
		$1 == id && $2 == a && $3 == b && $4 == op { print $9, $10, $11, $12, $13 }'
}

# is WANTED GIVEN
is() {
	[ "$1" = "$2" ] || fail "wanted: $1; there is: $2"
}

# broken PATTERN: suite.tsv is refused by all, with a message that names the place.
broken() {
	local c
	for c in 'bench-report run' 'bench-report -T run' 'bench-plot run'; do
		# shellcheck disable=SC2086
		run --separate-stderr $c
		want 2 "$1"
		[ -z "$output" ] || fail "$c: stdout: $output"
	done
	[ -z "$(find run -name '*.png')" ] || fail 'a picture all the same'
}

@test "help and version" {
	help_is_fine bench-report
	help_is_fine bench-plot
}

@test "usage errors are refused" {
	local p
	for p in bench-report bench-plot; do
		refuses "$p" '-y' -y
		refuses "$p" 'one folder' a b
		mkdir -p empty
		refuses "$p" 'empty: no rows.tsv' empty
	done
	refuses bench-report 'nosuch: no such folder' nosuch
	refuses bench-plot 'nosuch: no such file or folder' nosuch
	refuses bench-report '-C, -R and -T' -C -T empty
	refuses bench-report 'one folder'
	for p in 0 x 100x x100 100x0 1x2x3 10000 5x10000 -1; do
		refuses bench-plot "-s $p: " -s "$p" empty
	done
	refuses bench-plot '-t.*x11' -t x11 empty
	refuses bench-plot '-o' -o
	refuses bench-plot 'exclude' -o x -t dumb empty
}

@test "the median over rounds and its interval" {
	local n
	# what a table of the sign test says of 95 %
	for n in '5 NA NA' '6 1 6' '8 1 8' '9 2 8' '11 2 10' '12 3 10' '20 6 15' '30 10 21'; do
		# shellcheck disable=SC2086
		set -- $n
		made 1
		head -n 1 run/suite.tsv >head.tsv
		{
			cat head.tsv
			for ((r = $1; r >= 1; r--)); do
				sed -n '2{s/\t[^\t]*$//;p;}' run/suite.tsv | awk -F '\t' -v OFS='\t' -v r="$r" '{ $17 = r ".000"; print $0, r }'
			done
		} >suite.new
		mv suite.new run/suite.tsv
		is "$1 $(awk -v n="$1" -v l="$2" -v h="$3" 'BEGIN {
			printf l == "NA" ? "%.3f NA NA" : "%.3f %.3f %.3f", (n + 1) / 2, l, h }')" \
		    "$(bench-report -T run | awk '$5 == "p50_us" { print $6, $7, $8, $9 }')"
	done
}

@test "a run in rounds: figures, and ratios in the rounds that both have" {
	made 8
	bench-report -T run >out.tsv
	grep -q $'^rpc-fork\tlat\tping\t0\tp50_us\t8\t60.000\t30.000\t90.000\t0\t1\t1\t0.00\t8000\t0$' out.tsv ||
	    fail "$(cat out.tsv)"
	grep -q $'^rpc-thread\tbw\tupload\t1048576\tbytes_per_s\t8\t1310720000.00\t873813333.33\t2621440000.00\t' out.tsv ||
	    fail "$(cat out.tsv)"
	! grep -q 'ping.*bytes_per_s' out.tsv || fail 'bytes of a ping'
	# whatever their order in the file
	{ head -n 1 run/suite.tsv; sed -n '2,$p' run/suite.tsv | sort -r | grep -v $'^rpc-fork.*\t4$'; } >x
	mv x run/suite.tsv
	is '1.5000 1.5000 1.5000 7 refuted' "$(claim latency-like-thread rpc-fork rpc-thread ping)"
	bench-report run >out.txt
	grep -q '^ ping  *- .* 1.500 +-0.0%' out.txt || fail "$(cat out.txt)"
	grep -q '^8 passes. rpc-thread: medians' out.txt || grep -q '^8 passes. http-thread: medians' out.txt ||
	    fail "$(cat out.txt)"
	awk 'length > 80 { exit 1 }' out.txt || fail "$(cat out.txt)"
}

@test "expectations: holds, refuted, undecided, untested" {
	made 9
	is '0.5000 0.5000 0.5000 9 holds' "$(claim connect-below-fork rpc-thread rpc-fork first-reply)"
	is '1.1000 1.1000 1.1000 9 holds' "$(claim connect-http-like-rpc http-thread rpc-thread first-reply)"
	[[ $(claim latency-rpc-below-http rpc-thread http-thread ping) == '1.1547 0.'*' 9 undecided' ]] ||
	    fail "$(claim latency-rpc-below-http rpc-thread http-thread ping)"
	is '1.5000 1.5000 1.5000 9 refuted' "$(claim latency-like-thread rpc-fork rpc-thread ping)"
	is '0.7500 0.7500 0.7500 9 refuted' "$(claim bandwidth-rpc-least-http rpc-thread http-thread upload)"
	is '0.4286 0.4286 0.4286 9 holds' "$(claim hex-much-slower http-thread http-thread upload-chunked)"
	bench-report -C run | grep -q $'^fork-memory-above\trpc-fork\trpc-thread\t.*\tuntested$'
	bench-report run >out.txt
	grep -q 'Not testable here: fork-isolates, fork-memory-above' out.txt || fail "$(cat out.txt)"
	grep -q 'rpc-thread/rpc-fork .*0.500 0.500..0.500 *holds' out.txt || fail "$(cat out.txt)"
	awk 'length > 80 { print; exit 1 }' out.txt
	# too few rounds
	made 5
	is '0.5000 NA NA 5 undecided' "$(claim connect-below-fork rpc-thread rpc-fork first-reply)"
}

@test "memory and isolation" {
	local r
	made 6
	printf 'label\tconnections\tbase_kb\theld_kb\tkb_per_connection\tround\n' >run/memory.tsv
	head -n 1 run/suite.tsv >run/isolation.tsv
	for r in 1 2 3 4 5 6; do
		printf 'rpc-thread\t100\t100\t1600\t15.000\t%d\nrpc-fork\t100\t100\t6100\t60.000\t%d\n' "$r" "$r" >>run/memory.tsv
		awk -F '\t' -v r="$r" '$2 == "bench-lat" && $1 ~ /^rpc/ && $NF == r' run/suite.tsv >>run/isolation.tsv
	done
	is '4.0000 4.0000 4.0000 6 holds' "$(claim fork-memory-above rpc-fork rpc-thread idle)"
	is '1.5000 1.5000 1.5000 6 refuted' "$(claim fork-isolates rpc-fork rpc-thread ping)"
	# a system that does not tell
	sed -i 's/60\.000/NA/' run/memory.tsv
	bench-report -C run | grep -q $'^fork-memory-above\trpc-fork\trpc-thread\t.*\tuntested$'
	printf 'rpc-thread\t100\t100\t1600\tmuch\t7\n' >>run/memory.tsv
	run --separate-stderr bench-report run
	want 2 'run/memory.tsv:14: kb_per_connection: not a number'
}

@test "repetitions are rounds where there is no column" {
	made 7
	cut -f 1-24 run/suite.tsv | awk -F '\t' '$1 == "label" { h = $0; print; next } $1 != last && n++ % 5 == 0 { print h } { print }' >x
	mv x run/suite.tsv
	is '0.5000 0.5000 0.5000 7 holds' "$(claim connect-below-fork rpc-thread rpc-fork first-reply)"
}

@test "passes: figures, ratios, what is the same, marks" {
	in_passes 8
	bench-report run >out.txt 2>err.txt || fail "$(cat err.txt)"
	[ ! -s err.txt ] || fail "$(cat err.txt)"
	awk 'length > 80 { exit 1 }' out.txt || fail "$(cat out.txt)"
	sed '/^8 passes/,$d' out.txt >table
	diff - table <<-'END' || fail "$(cat out.txt)"
		                        rpc-thread   rpc-fork       http-thread
		bench-conn
		 first-reply          -    1750 us   1.500 +-0.0%   2.000 +-0.0%
		bench-lat
		 ping                 -   350.0 us  =1.005 +-0.0%   0.900 +-0.0%
		bench-file
		 upload           1536k 224.7 MB/s  =1.000 +-0.0%   1.250 +-0.0%!
		 upload-chunked   1536k 224.7 MB/s  =1.000 +-0.0%   5.000 +-0.0%
		bench-conc
		 ping                 -    5719 /s  =1.005 +-0.0%   0.900 +-0.0%^
		memory per idle connection
		 idle                 -   15.00 KB   4.000 +-0.0%   -

	END
	sed -n '/^Protocol/,/^$/p' out.txt >protocol
	grep -q '^  first-reply  *0.500  50 % faster' protocol || fail "$(cat protocol)"
	grep -q '^  ping  *1.111  11 % slower' protocol || fail "$(cat protocol)"
	grep -q '^  conc ping  *1.111  11 % slower' protocol || fail "$(cat protocol)"
	sed -n '/^Model/,/^$/p' out.txt >model
	grep -q '^  first-reply  *1.500  50 % slower' model || fail "$(cat model)"
	grep -q '^  memory idle  *4.000  4.0 times the memory' model || fail "$(cat model)"
	grep -q '^  the same within 1 %: ping, file upload 1536k, file upload-chunked 1536k, conc$' model || fail "$(cat model)"
	is '0.6667 0.6667 0.6667 8 holds' "$(claim connect-below-fork rpc-thread rpc-fork first-reply)"
	is '1.1111 1.1111 1.1111 8 refuted' "$(claim latency-rpc-below-http rpc-thread http-thread ping)"
	is '1.0050 1.0050 1.0050 8 holds' "$(claim latency-like-thread rpc-fork rpc-thread ping)"
	is '1.2500 1.2500 1.2500 8 holds' "$(claim bandwidth-rpc-least-http rpc-thread http-thread upload)"
	is '0.2500 0.2500 0.2500 8 holds' "$(claim hex-much-slower http-thread http-thread upload-chunked)"
	is '4.0000 4.0000 4.0000 8 holds' "$(claim fork-memory-above rpc-fork rpc-thread idle)"
	bench-report -T run | grep -q $'^rpc-fork\tconn\tfirst-reply\t0\tp50_us\t8\t2625.000\t' ||
	    fail "$(bench-report -T run)"
	bench-report -R run | grep -q $'^http-thread\tconc\tping\t0\tratio\t8\t0.9000\t0.9000\t0.9000\tbetter$' ||
	    fail "$(bench-report -R run)"
	# another one with hex has a price of its own
	awk -F '\t' -v OFS='\t' '{ print } $1 == "http-thread" { $1 = "http-pool"; if ($3 == "upload-chunked") $17 *= 2; print }' \
	    run/rows.tsv >x
	mv x run/rows.tsv
	is '0.2500 0.2500 0.2500 8 holds' "$(claim hex-much-slower http-thread http-thread upload-chunked)"
	is '0.1250 0.1250 0.1250 8 holds' "$(claim hex-much-slower http-pool http-pool upload-chunked)"
}

@test "passes: intervals without an end" {
	in_passes 2
	awk -F '\t' -v OFS='\t' '$1 == "http-thread" && $NF == 2 { $12 = sprintf("%.2f", $12 * 5000); $17 = sprintf("%.3f", $17 / 5000) } { print }' run/rows.tsv >x
	mv x run/rows.tsv
	bench-report run >out.txt
	[ "$(grep -c ' ?.* x/>9' out.txt)" -ge 4 ] || fail "$(cat out.txt)"
	! grep -q -e '+--\|inf\|nan' out.txt || fail "$(cat out.txt)"
	! bench-report -R run | grep -q 'inf\|nan' || fail "$(bench-report -R run)"
}

@test "passes: too few for a verdict, a single one, one configuration, more than four" {
	local i
	in_passes 5
	bench-report run >out.txt
	grep -q '^?: undecided ([0-9]*); 6 passes are the fewest' out.txt || fail "$(cat out.txt)"
	grep -q '^What the protocol and the model change takes 6 passes' out.txt || fail "$(cat out.txt)"
	! grep -q '^Protocol' out.txt || fail "$(cat out.txt)"
	is '0.6667 NA NA 5 undecided' "$(claim connect-below-fork rpc-thread rpc-fork first-reply)"
	in_passes 1
	bench-report run >out.txt
	grep -q '^1 pass\.' out.txt || fail "$(cat out.txt)"
	awk -F '\t' 'NR == 1 || $1 == "rpc-fork"' run/rows.tsv >x
	mv x run/rows.tsv
	rm run/memory.tsv
	bench-report run >out.txt
	grep -q '^ ping  *- *[0-9.]* us$' out.txt || fail "$(cat out.txt)"
	in_passes 6
	for i in 1 2 3 4 5; do
		awk -F '\t' -v OFS='\t' -v i="$i" '$1 == "rpc-fork" { $1 = "another-long-name-" i; print }' run/rows.tsv
	done >x
	cat x >>run/rows.tsv
	bench-report run >out.txt
	[ "$(grep -c '^bench-lat$' out.txt)" = 3 ] || fail "$(cat out.txt)"
	awk 'length > 80 { exit 1 }' out.txt || fail "$(cat out.txt)"
}

# Ten configurations, and the longest cells there are: an undecided ratio with both marks.
@test "the report fits 80 columns" {
	local i c path
	in_passes 6
	path=/$(printf 'a-long-path/%.0s' 1 2 3 4 5 6 7 8 9)
	for i in 1 2 3 4 5 6 7; do
		awk -F '\t' -v OFS='\t' -v i="$i" '$1 == "http-thread" {
			$1 = i == 1 ? "http-request" : "another-long-name-" i
			$10 = 3; $17 = sprintf("%.3f", $17 * (0.7 + $NF % 3 / 2))
			$12 = sprintf("%.2f", $12 * (0.7 + $NF % 3 / 2)); $24 = 0.99
			print
		}' run/rows.tsv
	done >x
	cat x >>run/rows.tsv
	awk -F '\t' -v OFS='\t' -v path="$path" 'NR > 1 && $2 == "bench-lat" { $3 = path } { print }' run/rows.tsv >x
	mv x run/rows.tsv
	bench-report run >out.txt
	grep -q '?[0-9. ]*+-[0-9]*%!^' out.txt || fail "$(cat out.txt)"
	grep -q '^Protocol' out.txt && grep -q 'Not testable' out.txt || fail "$(cat out.txt)"
	awk 'length > 80 { print; exit 1 }' out.txt || fail 'too wide'
}

@test "rows that differ in the number of clients are told apart (-T, -R)" {
	in_passes 6
	awk -F '\t' -v OFS='\t' '{ print } $2 == "bench-conc" { $6 = 100; $12 *= 2; print }' run/rows.tsv >x
	mv x run/rows.tsv
	bench-report -T run | awk -F '\t' '$1 == "rpc-thread" && $2 == "conc" && $5 == "ops_per_s" { print $11 }' >clients
	[ "$(paste -sd ' ' clients)" = '10 100' ] || fail "$(bench-report -T run)"
	bench-report -R run | grep -q $'^rpc-fork\tconc\tping -c100\t' || fail "$(bench-report -R run)"
	awk -F '\t' '/e[+]/ { exit 1 }' <(bench-report -T run) || fail 'an exponent'
}

@test "control characters of env.tsv never reach a terminal" {
	local c p
	in_passes 2
	cp run/env.tsv env.tsv
	for c in '\0033[31m' '\r' '\0177' '\0302\0233' '\0000'; do
		{ cat env.tsv; printf 'processor\tfast%b one\n' "$c"; } >run/env.tsv
		for p in bench-report bench-plot; do
			run --separate-stderr "$p" run
			want 2 'run/env.tsv:3: a control character'
		done
	done
	{ cat env.tsv; printf 'processor\tschnell, f\303\274nf\n'; } >run/env.tsv
	bench-report run >out.txt
}

# Some awk ends at once, with 2, where there is none.
@test "without a standard error" {
	in_passes 2
	bench-report -T run >want.tsv
	bench-report -T run 2>&- | diff - want.tsv
	bash "$BIN/bench-report" -T run 2>&- | diff - want.tsv
	need gnuplot
	bench-plot -o pictures run 2>&- || fail "status $?"
	[ -s pictures/ratios.svg ]
}

@test "passes: undecided says how many would tell" {
	in_passes 8
	# a ping that takes some 2 % longer, or not, from pass to pass
	awk -F '\t' -v OFS='\t' '$1 == "rpc-fork" && $3 == "ping" { $17 = sprintf("%.3f", $17 * (0.997 + ($NF % 4) * 0.008)) } { print }' \
	    run/rows.tsv >x
	mv x run/rows.tsv
	printf 'pass\tstatus\trows\tseconds\tlarge\tlarge_seconds\n1\tcomplete\t60\t80\t0\t0\n' >run/done.tsv
	bench-report run >out.txt
	grep -q '^?: undecided (1); about [0-9]* passes would decide it, some [0-9]* [sm]' out.txt || fail "$(cat out.txt)"
	grep -q '^ ping .*?1.0[0-9]* +-' out.txt || fail "$(cat out.txt)"
	# of a row that is in each second pass, twice as many
	local enough more
	enough=$(sed -n 's/^?: undecided (1); about \([0-9]*\) passes.*/\1/p' out.txt)
	awk -F '\t' -v OFS='\t' 'NR > 1 && $3 != "ping" { $NF += 8; print }' run/rows.tsv >x
	cat x >>run/rows.tsv
	bench-report run >out.txt
	more=$(sed -n 's/^?: undecided (1); about \([0-9]*\) passes.*/\1/p' out.txt)
	# in two digits
	[ "$more" -ge $((2 * enough)) ] && [ "$more" -lt $((2 * enough + 10)) ] || fail "$enough: $(cat out.txt)"
}

@test "how far apart the processors are is told, and if they were moved" {
	in_passes 6
	printf 'label\tdistance_ns\tpass\nprocessors\t96\t1\nprocessors\t101\t2\nprocessors\t192\t3\n' \
	    >run/distance.tsv
	bench-report run >out.txt
	! grep -q moved out.txt && grep -q '^A cache line took 96 to 192 ns ' out.txt || fail "$(cat out.txt)"
	printf 'processors\t330\t4\nprocessors\tx\t5\n' >>run/distance.tsv
	bench-report run >out.txt
	grep -q 'moved its processors: a cache line took 96 ns' out.txt && grep -q ', 330 in another' out.txt ||
	    fail "$(cat out.txt)"
}

@test "a ratio that depends on where the processors are is told as two" {
	in_passes 12
	# http-thread varies from pass to pass, and its uploads take 1.3 times the time in the last six
	awk -F '\t' -v OFS='\t' '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; print; next }
	{
		f = 1 + ($at["pass"] % 3 - 1) * ($at["label"] == "http-thread") / 200
		if ($at["label"] == "http-thread" && $at["op"] == "upload" && $at["pass"] > 6) f *= 1.3
		for (i = at["mean_us"]; i < at["busy"]; i++) if ($i != "NA") $i *= f
		print
	}' run/rows.tsv >x
	mv x run/rows.tsv
	bench-report -R run >ratios
	{
		printf 'label\tdistance_ns\tpass\n'
		for ((p = 1; p <= 12; p++)); do printf 'processors\t%d\t%d\n' $((p > 6 ? 330 : 60 + p)) "$p"; done
	} >run/distance.tsv
	bench-report run >out.txt
	grep -q '^ upload  *1536k .* \*1\.[0-9]* ' out.txt || fail "$(cat out.txt)"
	grep -qE '^ {3}http-thread  file upload +1536k +1\.25[0-9] \+-0\.[0-9]%.* \(6\) +1\.62[0-9] .* \(6\)$' out.txt ||
	    fail "$(cat out.txt)"
	[ "$(grep -c '\*' out.txt)" -eq 2 ] || fail "$(cat out.txt)"
	bench-report -R run | cmp - ratios

	# three passes, or a distance that is not known, do not tell
	sed -i '/330\t\([789]\|12\)$/s/330/NA/' run/distance.tsv
	bench-report run >out.txt
	grep -q 'moved its processors' out.txt && ! grep -q '\*' out.txt || fail "$(cat out.txt)"
}

@test "passes: tables that can't be read" {
	in_passes 6
	sed '7s/\t[^\t]*$/\tx/' run/rows.tsv >x
	mv x run/rows.tsv
	run --separate-stderr bench-report run
	want 2 'run/rows.tsv:7: pass: not a number: x'
	head -n 1 run/rows.tsv >x
	mv x run/rows.tsv
	rm run/memory.tsv
	run --separate-stderr bench-report run
	want 2 'run/rows.tsv:1: label: no row'
}

@test "columns are found by name, whatever lies between concatenated outputs" {
	local n o
	in_passes 6
	for o in -C -R -T; do bench-report $o run; done >want
	cp run/rows.tsv whole.tsv
	n=$(($(wc -l <whole.tsv) / 2))
	head -n "$n" whole.tsv >first
	{ head -n 1 whole.tsv; tail -n +$((n + 1)) whole.tsv; } >second
	{ echo; mixed_up zone <first; echo; cat second; } >run/rows.tsv
	for o in -C -R -T; do bench-report $o run; done >got
	cmp got want
	{ cat first; echo; mixed_up client <second; } >run/rows.tsv
	for o in -C -R -T; do bench-report $o run; done >got
	cmp got want
	need gnuplot
	bench-plot -t dumb whole.tsv >want
	bench-plot -t dumb run/rows.tsv >got
	cmp got want
}

@test "tables that can't be read" {
	local line
	made 6
	cp run/suite.tsv whole.tsv
	: >run/suite.tsv
	refuses bench-report 'run/suite.tsv: empty' run
	head -n 1 whole.tsv >run/suite.tsv
	broken 'run/suite.tsv.*no row'
	cut -f 1-16,18- whole.tsv >run/suite.tsv
	broken 'run/suite.tsv:1: p50_us: missing column'
	sed '5s/\t[^\t]*$//' whole.tsv >run/suite.tsv
	broken 'run/suite.tsv:5: round: missing: 24 cells, not 25'
	sed '7s/$/\t1/' whole.tsv >run/suite.tsv
	broken 'run/suite.tsv:7: round: not the last: 26 cells, not 25'
	awk -F '\t' -v OFS='\t' 'NR == 4 { $17 = "fast\033[1m" } { print }' whole.tsv >run/suite.tsv
	broken 'run/suite.tsv:4: p50_us: control character'
	awk -F '\t' -v OFS='\t' 'NR == 4 { $9 = "NA" } { print }' whole.tsv >run/suite.tsv
	broken 'run/suite.tsv:4: n: NA where a number is needed'
	awk -F '\t' -v OFS='\t' 'NR == 4 { $25 = "first" } { print }' whole.tsv >run/suite.tsv
	broken 'run/suite.tsv:4: round: not a number: first'
	sed 's/$/\r/' whole.tsv >run/suite.tsv
	broken 'run/suite.tsv:1: .*CR LF'
	sed '1s/label/bench/' whole.tsv >run/suite.tsv
	broken 'run/suite.tsv:1: bench: there are two columns of this name'
	line=$(head -c 100000 /dev/zero | tr '\0' x)
	{ cat whole.tsv; echo "$line"; } >run/suite.tsv
	broken 'run/suite.tsv:68: .*too long'
	{ printf x; head -c 3000 /dev/urandom; echo; } >run/suite.tsv
	broken 'run/suite.tsv:1: '
	# raw rows are another schema
	rpc-serve bench-lat -n 5 -R >run/suite.tsv
	broken 'run/suite.tsv:1: not summary rows'
	# a last line that is cut off is told, and the others count
	head -c -9 whole.tsv >run/suite.tsv
	run --separate-stderr bench-report -T run
	want 0 'run/suite.tsv: the last line is cut off'
}

# The user has not got the rows that are made of them.
@test "what is wrong in a table beside the rows has its place there" {
	local c
	in_passes 6
	cp run/memory.tsv memory.tsv
	sed '5s/[^\t]*$/NA/' memory.tsv >run/memory.tsv
	refuses bench-report '^bench-report: run/memory.tsv:5: pass: NA' run
	# what counts for nothing, and another header, do not move the others
	{ head -n 2 memory.tsv; echo; head -n 1 memory.tsv; sed '1d; 3s/15.000/NA/; 5s/[^\t]*$/x/' memory.tsv; } >run/memory.tsv
	refuses bench-report '^bench-report: run/memory.tsv:8: pass: not a number: x' run
	sed '5s/60.000/\x1b[31m/' memory.tsv >run/memory.tsv
	refuses bench-report '^bench-report: run/memory.tsv:5: kb_per_connection: not a number$' run
	cp memory.tsv run
	c='label op size_bytes n errors p50_us sent_bytes received_bytes cpu_us voluntary involuntary faults maxrss_kb pass'
	tr ' ' '\t' <<<"$c"$'\nrpc-fork ping 0 5 0 7 7 7 7 7 7 7 7 1\n\nrpc-fork echo x 5 0 7 7 7 7 7 7 7 7 1' >run/cost.tsv
	refuses bench-report '^bench-report: run/cost.tsv:4: size_bytes: not a number: x' run
	sed -i '4s/x/1/; 2s/7\t1$/-7\t1/' run/cost.tsv
	refuses bench-report '^bench-report: run/cost.tsv:2: maxrss_kb: not a number: -7' run
	sed -i 's/-7/7/; 1s/op/request/' run/cost.tsv
	refuses bench-report '^bench-report: run/cost.tsv:1: op: missing column' run
	rm run/cost.tsv
	{ sed '3s/\t20\t/\tx\t/' run/rows.tsv; printf 'rpc'; } >rows.tsv
	mv rows.tsv run
	bench-report run 2>err.txt && fail 'taken'
	[ "$(tail -n 1 err.txt)" = 'bench-report: run/rows.tsv:3: n: not a number: x' ] || fail "$(<err.txt)"
}

@test "labels that are the names of columns" {
	in_passes 6
	sed 's/^rpc-fork\t/label\t/; s/^http-thread\t/size_bytes\t/' run/rows.tsv >rows.tsv
	mv rows.tsv run
	rm run/memory.tsv run/env.tsv
	bench-report -T run | sed 1d | cut -f 1 | uniq | tr '\n' ' ' >got
	[ "$(<got)" = 'label rpc-thread size_bytes ' ] || fail "$(<got)"
	[ "$(bench-report -R run | sed 1d | cut -f 1 | uniq | tr '\n' ' ')" = 'rpc-thread size_bytes ' ]
	need gnuplot
	bench-plot -t dumb run >letters
	grep -q ' label +|' letters && grep -q ' size_bytes +|' letters || fail "$(<letters)"
}

@test "rounds are counted, whatever their numbers" {
	made 6
	awk -F '\t' 'NR == 1 || $NF == 3 || $NF == 5' run/suite.tsv >suite.new
	mv suite.new run/suite.tsv
	bench-report run >out.txt
	grep -q '^2 passes' out.txt || fail "$(cat out.txt)"
}

@test "a folder with a name that is hard to pass on" {
	made 6
	mkdir ./-
	cp run/* ./-/
	bench-report -T - >out.txt
	bench-report -T run | diff - out.txt || fail 'other figures'
	mv run "a=b 'c\""
	bench-report -T "a=b 'c\"" | grep -q $'^rpc-fork\tlat\tping\t0\tp50_us\t6\t'
	need gnuplot
	TMPDIR="$PWD/a=b 'c\"" bench-plot "a=b 'c\""
	[ -s "a=b 'c\"/latency.svg" ]
}

# It takes comparisons in what is printed only in parentheses.
@test "the awk of the BSDs" {
	local o
	need original-awk
	mkdir bsd
	ln -s "$(command -v original-awk)" bsd/awk
	PATH=$PWD/bsd:$PATH bench-suite -q -o run rpc-thread http-fork >out.txt 2>err.txt || fail "$(cat err.txt)"
	for o in '' -C -R -T; do
		PATH=$PWD/bsd:$PATH bench-report ${o:+$o} run >got
		bench-report ${o:+$o} run | cmp - got
	done
	need gnuplot
	PATH=$PWD/bsd:$PATH bench-plot -t dumb run >got
	bench-plot -t dumb run | cmp - got
}

@test "pictures of a run in rounds" {
	local p
	need gnuplot
	bench-suite -q -p 6 -o run rpc-thread http-fork >out.txt 2>err.txt
	bench-plot run
	grep -q 'Time as a multiple of that of rpc-thread' run/ratios.svg || fail 'ratios.svg'
	grep -q ' processors (split), ' run/ratios.svg && grep -q '6 passes, [0-9,]* operations' run/ratios.svg ||
	    fail 'ratios.svg: what was it measured on?'
	for p in ratios connection latency bandwidth files concurrency; do
		[ "$(head -c 8 "run/$p.png" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "$p.png"
		grep -q '</svg>' "run/$p.svg" || fail "$p.svg"
		# everybody is named, and so are the bars
		grep -q 'rpc-thread' "run/$p.svg" && grep -q 'http-fork' "run/$p.svg" || fail "$p.svg: no names"
		grep -q '95 % interval o.*ver 6 passes' "run/$p.svg" || fail "$p.svg: no bars"
	done
	# again, elsewhere
	mkdir before
	mv run/*.svg run/*.png before
	bench-plot -o there/deep run
	[ "$(cd before && echo *)" = "$(cd there/deep && echo *)" ] || fail "$(ls there/deep)"
	[ -z "$(find run -name '*.svg')" ]
}

# What one decides between are seldom pings.
@test "pictures of targets that name a path" {
	local p
	need gnuplot
	made 2
	awk -F '\t' -v OFS='\t' '{ if ($1 == "http-thread" && $3 == "ping") $3 = "/a%20b?page=12&sort=name" }
		{ print }
		$1 ~ /thread$/ && $2 == "bench-lat" { $2 = "bench-conc"; print; $3 = "first-reply"; print }' \
	    run/suite.tsv >x
	mv x run/suite.tsv
	bench-plot run
	for p in latency concurrency connection; do
		grep -q 'http-thread /a%20b?page=12&amp;sort=name<' "run/$p.svg" || fail "$p.svg: $(grep http- "run/$p.svg")"
		grep -q 'rpc-thread<' "run/$p.svg" || fail "$p.svg: $(grep rpc- "run/$p.svg")"
	done
	grep -q 'Latency of a request' run/latency.svg
	! grep -q 'http-thread.*/a%20b' run/bandwidth.svg || fail 'bandwidth is not that of a path'
	# and there is a mark behind each name
	COLUMNS=100 bench-plot -t dumb run >letters
	sed -n '/: throughput/,/requests per second/p' letters >throughput
	grep -qE ' rpc-thread \+\|.*[A-Z]' throughput || fail "$(cat throughput)"
	grep -qE ' http-thread /a%20b[^ ]* \+\|.*[A-Z]' throughput || fail "$(cat throughput)"
}

@test "pictures in the terminal, of a part of a run, with NA" {
	need gnuplot
	made 2
	# somebody else's server, with an odd name; nothing that could be a command
	sed -i 's/^http-thread/it'"'"'s"`$(x)`_y/' run/suite.tsv
	COLUMNS=70 run --separate-stderr bench-plot -t dumb run
	[ "$status" -eq 0 ] || fail "$stderr"
	[ "$stderr" = 'bench-plot: not drawn, because it was not measured: concurrency' ] || fail "$stderr"
	[[ $output == *'Connection set-up'*'Latency of a ping'*'Bandwidth'*'upload'*'Transfer of files'* ]] || fail "$output"
	[[ $output == *"it's\"\`\$(x)\`_y"* ]] || fail "$output"
	awk 'length > 70 { exit 1 }' <<<"$output" || fail "$output"
	[ "$(ls run)" = suite.tsv ] || fail "$(ls run)"
	[[ $output != *'99.9 %'* ]] || fail 'a tick for what nobody has'
	# nothing but failures
	awk -F '\t' -v OFS='\t' 'NR > 1 { $9 = 0; $10 = 9; for (i = 12; i <= 22; i++) $i = "NA" } { print }' run/suite.tsv >x
	mv x run/suite.tsv
	run --separate-stderr bench-plot run
	[ "$status" -eq 0 ] || fail "$stderr"
	[[ $stderr == *': connection, latency, bandwidth, files, concurrency' ]] || fail "$stderr"
	bench-report run | grep -q failed
}

# codes RUN: "NAME COLOUR MARK" of each series in gnuplot's commands, from all pictures.
codes() {
	local dir=$PWD/fake
	mkdir -p "$dir"
	# what it is asked to draw
	printf '#!/bin/sh\ncat "$1" >>"%s/commands"\n>"$(sed -n "s/^set output .\\(.*\\).$/\\1/p" "$1")"\n' "$dir" >"$dir/gnuplot"
	chmod +x "$dir/gnuplot"
	rm -f "$dir/commands"
	PATH=$dir:$PATH bench-plot -o drawn "$1" 2>err.txt || fail "$(cat err.txt)"
	grep -o 'linecolor rgb "#[0-9a-f]*" linewidth [0-9.]* pointtype [0-9]* .*title "[^"]*"' "$dir/commands" |
	    sed 's/linecolor rgb "\(#[0-9a-f]*\)" linewidth [0-9.]* pointtype \([0-9]*\) .*title "\([^"]*\)".*/\3 \1 \2/' |
	    grep -v '^ ' | sort -u
}

@test "a configuration has one colour and mark in all pictures, and no other has both" {
	local i
	# ours and others, and then none of ours
	in_passes 6
	for i in 1 2 3 4 5 6 7; do
		awk -F '\t' -v OFS='\t' -v i="$i" '$1 == "rpc-fork" { $1 = "other-" i; print }' run/rows.tsv
	done >x
	cat x >>run/rows.tsv
	codes run >codes.txt
	[ "$(cut -d ' ' -f 1 codes.txt | sort -u | wc -l)" = 10 ] || fail "$(cat codes.txt)"
	[ "$(wc -l <codes.txt)" = 10 ] || fail "$(cat codes.txt)"
	[ -z "$(cut -d ' ' -f 2,3 codes.txt | sort | uniq -d)" ] || fail "$(cat codes.txt)"
	# the model has the colour
	[ "$(grep -- '-thread' codes.txt | cut -d ' ' -f 2 | sort -u | wc -l)" = 1 ] || fail "$(cat codes.txt)"
	awk -F '\t' 'NR == 1 || $1 ~ /^other/' run/rows.tsv >x
	mv x run/rows.tsv
	rm run/memory.tsv
	codes run >codes.txt
	[ "$(cut -d ' ' -f 2 codes.txt | sort -u | wc -l)" = 7 ] || fail "$(cat codes.txt)"
}

@test "rows from a pipe, by the number of clients; names with quotes" {
	local i n=0
	need gnuplot
	in_passes 6
	for i in 1 10 100; do
		awk -F '\t' -v OFS='\t' -v c="$i" 'NR == 1 { print; next } $2 == "bench-conc" {
			$6 = c; if ($1 == "rpc-fork") $1 = "\047a\047\047b`touch x`"; print
		}' run/rows.tsv
	done >conc.tsv
	# with a header line in the middle
	bench-plot -o pictures <conc.tsv 2>err.txt || fail "$(cat err.txt)"
	[ "$(cat err.txt)" = 'bench-plot: not drawn, because it was not measured: connection, latency, bandwidth, files' ] ||
	    fail "$(cat err.txt)"
	[ "$(cd pictures && echo *)" = 'clients.png clients.svg concurrency.png concurrency.svg ratios.png ratios.svg' ] ||
	    fail "$(ls pictures)"
	[ ! -e x ] || fail 'a command was run'
	grep -q 'against clients' pictures/clients.svg && grep -q "'a''b.touch x" pictures/clients.svg || fail "$(grep text pictures/clients.svg | tail -5)"
	grep -q 'drawn 20.*; rpcbench .*; 6 passes, 4,320 operations' pictures/clients.svg ||
	    fail "$(grep drawn pictures/clients.svg)"
	grep -q 'at once (100)' pictures/concurrency.svg || fail 'concurrency.svg'
	# of a file, beside it; what is malformed is told by its own name
	bench-plot conc.tsv 2>err.txt
	cmp clients.png pictures/clients.png
	printf 'x\n' >>conc.tsv
	run --separate-stderr bench-plot conc.tsv
	want 2 'bench-plot: conc.tsv:[0-9]*: '
	run --separate-stderr bench-plot -t dumb - <conc.tsv
	want 2 'bench-plot: standard input:[0-9]*: '
}

@test "in the terminal each ratio has a line of its own" {
	local i
	need gnuplot
	in_passes 6
	cp run/rows.tsv whole.tsv
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do
		awk -F '\t' -v OFS='\t' -v i="$i" '$2 == "bench-file" && $3 == "upload" { $4 = i * 1024; print }' whole.tsv
	done >>run/rows.tsv
	bench-plot -t dumb run >letters 2>err.txt || fail "$(cat err.txt)"
	for i in 'conn first-reply' 'lat ping' 'file upload 1k' 'file upload 9k' 'file upload 18k' 'conc ping' 'memory idle'; do
		grep -qE "^ *$i \+\|.*[A-Z]" letters || fail "$i: $(head -n 40 letters)"
	done
	# rows need not be in a file proper
	bench-plot -t dumb <(cat run/rows.tsv) >piped 2>err.txt || fail "$(cat err.txt)"
	grep -q 'above 1 is slower' piped || fail "$(cat piped)"
}

@test "a single pass has rounds, and no interval" {
	need gnuplot
	in_passes 1
	# six rounds are as many as an interval takes
	awk -F '\t' -v OFS='\t' 'NR == 1 || $(NF - 1) < 3 { print } NR > 1 { $(NF - 1) += 4; print }' run/rows.tsv >x
	mv x run/rows.tsv
	bench-report -T run >figures
	[ "$(awk -F '\t' '$5 == "p50_us" && $2 == "lat" { print $6, $8, $9 }' figures | sort -u)" = '1 NA NA' ] || fail "$(cat figures)"
	bench-plot run 2>err.txt
	! grep -l 'bars: ' run/*.svg || fail 'bars'
	grep -q 'over the rounds of 1 pass<' run/ratios.svg || fail "$(grep pass run/ratios.svg)"
}

@test "pictures of a size (-s)" {
	local p
	need gnuplot
	in_passes 6
	bench-plot -s 1500x700 -o fixed run 2>err.txt
	bench-plot -s 450 -o small run 2>>err.txt
	for p in fixed/*.png; do
		[ "$(od -An -j 16 -N 8 -t u1 "$p" | tr -s ' ')" = ' 0 0 5 220 0 0 2 188' ] || fail "$p: $(od -An -j 16 -N 8 -t u1 "$p")"
		[ "$(od -An -j 16 -N 4 -t u1 "small/${p#*/}" | tr -s ' ')" = ' 0 0 1 194' ] || fail "$p"
	done
	grep -q 'width="1500" height="700"' fixed/ratios.svg && grep -q 'width="450" ' small/ratios.svg || fail "$(head -5 fixed/ratios.svg)"
	bench-plot -s 100x30 -t dumb run 2>>err.txt >letters
	awk 'length > 100 { exit 1 } length > 79 { wide = 1 } END { exit !wide }' letters || fail "$(cat letters)"
}

@test "without gnuplot, a word on how to get it" {
	local p
	made 6
	mkdir path
	for p in sh awk cut sed cat rm mktemp dirname tail tr wc; do
		ln -s "$(command -v "$p")" path
	done
	PATH=$PWD/path run --separate-stderr "$BIN/bench-plot" run
	want 1 'gnuplot is not installed.*gnuplot-nox'
	[ "$(ls run)" = suite.tsv ]
}

@test "output that can't be written" {
	made 6
	run --separate-stderr bash -c 'bench-report run >/dev/full'
	want 1 'could not be written'
	need gnuplot
	run --separate-stderr bench-plot -o /proc/nosuch run
	[ "$status" -eq 1 ] || fail "$status $stderr"
}

# with_costs ROW...: the folder run has a cost.tsv, with the columns "label op size p50 sent received
# cpu voluntary involuntary faults kb" of each row.
with_costs() {
	in_passes 6
	{
		echo 'label op size_bytes n errors p50_us sent_bytes received_bytes cpu_us voluntary involuntary faults maxrss_kb pass'
		printf '%s\n' "$@" | awk '{ print $1, $2, $3, 10, 0, $4, $5, $6, $7, $8, $9, $10, $11, NR }'
	} | tr ' ' '\t' >run/cost.tsv
}

@test "what a request costs: medians, bytes beyond the payload, 80 columns" {
	with_costs 'rpc-thread echo 10240 100 10300 10250 30 1.5 0.25 2 4096' \
	    'rpc-thread echo 10240 300 10302 10252 NA 2.5 0.75 4 4096' \
	    'rpc-thread echo 10240 200 10301 10251 10 2 0.5 3 4096' \
	    'http-thread upload-chunked 262144 8637 524470 147 330.125 1.5 1.1 123456 1126.4' \
	    'nobody ping 0 1 2 3 4 5 6 7 8' 'http-thread ping 0 1.25 NA NA NA NA NA NA NA'
	run --separate-stderr bench-report run
	want 0
	[ -z "$stderr" ] || fail "$stderr"
	awk 'length > 79 { print; bad = 1 } END { exit bad }' <<<"$output" || fail 'too wide'
	sed -n '/^What a request costs/,/^$/d; /^ *p50 /,/^$/p' <<<"$output" >got
	diff - got <<-'END' || fail "$output"
		                       p50  bytes beyond       cpu       switches  faults    MB
		                        us   sent   rec.        us volunt. invol.
		echo 10k
		 rpc-thread            200     61     11      20.0    2.00   0.50    3.00   4.0
		upload-chunked 256k
		 http-thread          8637   256k    147       330    1.50   1.10  123456   1.1
		ping
		 http-thread          1.25      -      -         -       -      -       -     -

	END
	bench-report -T run >figures.tsv
	[ "$(awk -F '\t' '$2 == "cost" && $5 == "cpu_us" { print $1, $3, $4, $6, $7 }' figures.tsv)" = \
	    "rpc-thread echo 10240 3 20.000
http-thread upload-chunked 262144 1 330.125" ] || fail "$(cat figures.tsv)"
	awk -F '\t' 'NF != 15 { exit 1 }' figures.tsv || fail "$(cat figures.tsv)"
}

@test "a table of costs that is malformed is named with its line and column" {
	with_costs 'rpc-thread ping 0 1 2 3 x 5 6 7 8'
	run --separate-stderr bench-report run
	want 2 '^bench-report: run/cost.tsv:2: cpu_us: not a number: x'
	with_costs 'rpc-thread ping 0 1 2 3 4 5 6 7 8'
	echo 'rpc-thread' >>run/cost.tsv
	run --separate-stderr bench-report -T run
	want 2 '^bench-report: run/cost.tsv:3: label: 1 cells, not 14'
	with_costs 'rpc-thread ping 0 1 2 3 4 5 6 7 8'
	sed -i 's/faults/x/' run/cost.tsv
	run --separate-stderr bench-report run
	want 2 '^bench-report: run/cost.tsv:1: faults: missing column'
	with_costs 'rpc-thread ping 0 1 2 3 4 5 6 7 8'
	printf 'rpc-thread\tping' >>run/cost.tsv
	run --separate-stderr bench-report run
	want 0 'run/cost.tsv: the last line is cut off'
}

@test "bytes are among the figures, where the rows have them" {
	in_passes 6
	bench-report -T run >figures.tsv
	! grep -q sent_bytes figures.tsv || fail "$(cat figures.tsv)"
	awk 'BEGIN { FS = OFS = "\t" } NR > 1 { $(NF + 1) = 49.02; $(NF + 1) = 18 }
	    NR == 1 { $(NF + 1) = "sent_bytes"; $(NF + 1) = "received_bytes" } { print }' run/rows.tsv >rows
	mv rows run/rows.tsv
	bench-report -T run >figures.tsv
	[ "$(awk -F '\t' '$2 == "lat" && $5 == "sent_bytes" { print $7 }' figures.tsv | sort -u)" = 49.020 ] ||
	    fail "$(cat figures.tsv)"
}
