# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2015,SC2016,SC2034,SC2154
# (variables that bats sets or that the bats files use; words for another shell)
# What the bats files share: finding programs, servers that are started and surely stopped,
# rows that are taken apart.

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BIN=$ROOT/bin
PEERS=$ROOT/tests/peers
PATH=$BIN:$PEERS:$PATH
export LC_ALL=C
export PYTHONDONTWRITEBYTECODE=1
unset BENCH_TARGET BENCH_LABEL BENCH_SERVERS BENCH_PASS BENCH_SEED BENCH_SERVER_CPUS BENCH_CLIENT_CPUS BENCH_CONGESTION BENCH_DISTANCE_NS

MODELS='thread fork request pool event'
BENCHES='bench-conn bench-lat bench-bw bench-file bench-conc'
SERVERS='rpc-serve http-serve'
# without rounds and passes, and bytes, as in files of before
OLD_HEADER="label bench op size_bytes chunk_bytes clients depth rate_per_s n errors elapsed_s ops_per_s \
bytes_per_s min_us mean_us sd_us p50_us p90_us p95_us p99_us p999_us max_us cpu_us busy"
OLD_RAW_HEADER='label bench op size_bytes chunk_bytes client seq start_us us ok'
OLD_HIST_HEADER="label bench op size_bytes chunk_bytes clients depth rate_per_s n errors elapsed_s \
low_us high_us count"
HEADER="$OLD_HEADER round pass sent_bytes received_bytes start_s"
RAW_HEADER="$OLD_RAW_HEADER round pass start_s"
HIST_HEADER="$OLD_HIST_HEADER round pass start_s"
# what gnuplot, datamash or mlr read as something else
BAD_LABELS=('#a' ' a' 'a ' "it's" '"a"' 'a\b' $'a\tb' $'a\nb' $'\e[31m')
USAGE_HEADER='label connections requests errors bytes_in bytes_out user_s sys_s maxrss_kb cpu_us voluntary involuntary faults'

setup() {
	STARTED=()
	NEXT=0
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
	local p
	for p in "${STARTED[@]}"; do
		kill -TERM "$p" 2>/dev/null || true
	done
	for p in "${STARTED[@]}"; do
		reap "$p" || true
	done
}

# fail WORDS: say what is wrong, and end the test: wherever it is called, so in a condition, too,
# where a status alone would not end anything.
fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

# long: is this the long form of the tests? (run.sh -a, -l)
long() {
	[ -n "${TEST_LONG:-}" ]
}

# eventually COMMAND...: wait until it succeeds, for a minute at most. Its status.
eventually() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# The time, in ms.
ms() {
	local t=$EPOCHREALTIME
	echo "$((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000))"
}

# has_run PID: wait until it has used the processor for 50 ms, however long that takes it: a
# client is then in the middle of what it measures. Where nobody tells, for 2 s.
has_run() {
	[ -d /proc/self/task ] || { sleep 2; return; }
	eventually used_ticks "$1" 5 || fail "process $1 does nothing"
}

# asleep PID: it is the program that is to run by now, and waits for something.
asleep() {
	[[ $(ps -o stat= -o comm= -p "$1") == S*' bench-'* ]]
}

# used_ticks PID N: it has used that much of the processor (a tick is 10 ms, as a rule).
used_ticks() {
	ticks "${1:?}" || fail "process $1 has ended"
	[ "$TICKS" -ge "$2" ]
}

# ticks PID: sets TICKS.
ticks() {
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	# what comes behind the name, which may hold blanks
	read -ra stat <<<"${stat##*) }"
	TICKS=$((stat[11] + stat[12]))
}

# need PROGRAM...: skip the test unless all are installed.
need() {
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || skip "$p is not installed"
	done
}

# need_python MODULE...: set PYTHON to one that has them, else skip. (A python3 that comes
# first in PATH need not be the system's.)
need_python() {
	local p m
	for p in python3 /usr/bin/python3; do
		PYTHON=$p
		for m in "$@"; do
			"$p" -c "import $m" 2>/dev/null || PYTHON=
		done
		[ -z "$PYTHON" ] || return 0
	done
	skip "no python3 with $*"
}

# need_starve: starve.so is what tests/peers/starve.c tells.
need_starve() {
	[ -z "${SANITIZED:-}" ] || skip 'a sanitizer has these functions for itself'
	cc -shared -fPIC -o starve.so "$PEERS/starve.c" -ldl 2>/dev/null || skip 'no preloading'
}

# reap PID: wait for a child, for a minute at most, then kill it. Returns its status.
reap() {
	local status=0
	[ "${GUARDED:-}" = "$BASHPID" ] || start_guard
	echo "$1" >&"$GUARD"
	wait "$1" || status=$?
	echo >&"$GUARD"
	return "$status"
}

# One guard for each shell that waits: it kills whom it was told of unless it hears more within a
# minute, and ends with the shell.
start_guard() {
	exec {GUARD}> >(guard 3>&- >/dev/null 2>&1)
	GUARDED=$BASHPID
}

guard() {
	local pid
	set +eET
	trap - DEBUG ERR
	while read -r pid; do
		[ -z "$pid" ] || read -r -t 60 || kill -KILL "$pid"
	done
}

# start COMMAND...: start a server that prints its URL (or address) as the first line of
# stdout; sets URL and PID. Its stderr goes to server.err.
start() {
	local fifo
	NEXT=$((NEXT + 1))
	fifo=ready.$NEXT
	mkfifo "$fifo"
	"$@" >"$fifo" 2>>server.err 3>&- &
	PID=$!
	STARTED+=("$PID")
	URL=
	read -r -t 60 URL <"$fifo" || true
	rm -f "$fifo"
	[ -n "$URL" ] || fail "no URL from: $*: $(cat server.err)"
}

# stop [SIGNAL]: stop the server started last and check that it says nothing and exits 0.
stop() {
	local status=0
	kill "-${1:-TERM}" "$PID"
	reap "$PID" || status=$?
	forget "$PID"
	[ "$status" -eq 0 ] || fail "server: status $status: $(cat server.err)"
	[ ! -s server.err ] || fail "server: $(cat server.err)"
}

# forget PID: it is gone, teardown need not stop it.
forget() {
	local p left=()
	for p in "${STARTED[@]}"; do
		[ "$p" = "$1" ] || left+=("$p")
	done
	STARTED=("${left[@]}")
}

# in_group COMMAND...: run it in the background as a process group of its own, as a terminal
# would; its id is in the file pid. Ctrl-C is then: kill -INT -- "-$(cat pid)". A shell makes
# background commands ignore SIGINT, and a script can't undo that.
in_group() {
	local default=()
	! env --default-signal=INT true 2>/dev/null || default=(env --default-signal=INT)
	"${default[@]}" bash -c 'set -m; "$@" & echo $! >pid.new; mv pid.new pid; wait $!' - "$@" 3>&- &
	STARTED+=($!)
	wait_for pid
}

# bad SCHEME BEHAVIOUR: start a misbehaving peer; sets URL.
bad() {
	start bad_peer "$2"
	URL=$1://$URL
}

# refused_port: sets PORT to one where nobody listens, nor will until the test ends: it is taken.
refused_port() {
	start bad_peer refused
	PORT=${URL##*:}
}

# free_port: sets PORT to one to listen on: it was free a moment ago.
free_port() {
	refused_port
	kill -TERM "$PID"
	reap "$PID" || true
	forget "$PID"
}

# want STATUS [PATTERN]: what `run --separate-stderr` has left: this exit status, and (with
# a pattern) exactly one line of stderr, that holds it.
want() {
	[ "$status" -eq "$1" ] || fail "status $status, not $1: $output / $stderr"
	[ $# -gt 1 ] || return 0
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "not one line of stderr: $stderr"
	grep -qE -- "$2" <<<"$stderr" || fail "stderr is: $stderr"
}

# rows FILE [HEADER]: the file is a table with this header (default: the summary's) and
# nothing in it but plain cells.
rows() {
	plain_table "$1" "${2:-$HEADER}" 1
}

# body FILE [HEADER]: as rows, of a file that may lack the header line.
body() {
	plain_table "$1" "${2:-$HEADER}" 0
}

plain_table() {
	awk -F '\t' -v header="$2" -v must="$3" '
		BEGIN { columns = split(header, name, " "); gsub(/ /, "\t", header) }
		FNR == 1 && must && $0 != header { print "header: " $0; bad = 1 }
		NF != columns { print "cells: " NF ": " $0; bad = 1 }
		/\r|  |[eE][+-][0-9]|nan|inf/ { print "odd cell: " $0; bad = 1 }
		# the benchmark is the last column of what bench-suite says of the servers
		{ for (i = 4; i <= NF; i++) if (FNR > 1 && $i !~ /^bench-/ && $i !~ /^([0-9]+(\.[0-9]+)?|NA)$/) {
			print "not a number: " $i; bad = 1 } }
		END { if (must && NR == 0) { print "empty"; bad = 1 }; exit bad }' "$1" || fail "$1: $(cat "$1")"
}

# cell FILE COLUMN [OP]: the column's values, of all rows or those of one operation.
cell() {
	awk -F '\t' -v name="$2" -v op="${3:-}" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; if (!at[name]) exit 1; next }
		op == "" || $(at["op"]) == op { print $(at[name]) }' "$1"
}

# total FILE COLUMN: the sum of a column.
total() {
	awk -F '\t' -v name="$2" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; if (!at[name]) exit 1; next }
		{ n += $(at[name]) }
		END { print n + 0 }' "$1"
}

# mixed_up [NAME]: rows, with columns in reverse order and, given a name, with one of that name in
# front and another one behind.
mixed_up() {
	awk -F '\t' -v OFS='\t' -v name="${1:-}" '{
		line = $NF
		for (i = NF - 1; i > 0; i--) line = line OFS $i
		if (name != "") line = (NR == 1 ? name : "a b") OFS line OFS (NR == 1 ? name "_too" : NR)
		print line }'
}

# payload FILE [OP]: bytes of an operation, as bytes_per_s, elapsed_s and n tell, of each row; "-"
# where there was none.
payload() {
	paste <(cell "$1" bytes_per_s "${2:-}") <(cell "$1" elapsed_s "${2:-}") <(cell "$1" n "${2:-}") |
	    awk '{ if ($3 > 0) printf "%.0f\n", $1 * $2 / $3; else print "-" }'
}

# usage_cell COLUMN: of usage.tsv.
usage_cell() {
	cell usage.tsv "$1"
}

# gone PID: it has ended, or is about to.
gone() {
	eventually is_gone "$1" || fail "process $1 is still there"
}

# One whose parent has died may wait for seconds until init reaps it.
is_gone() {
	! kill -0 "$1" 2>/dev/null || [[ $(ps -o stat= -p "$1") == Z* ]]
}

# left_in GROUP: what still runs in a process group.
left_in() {
	ps -e -o pgid= -o stat= -o pid= -o args= | awk -v group="$1" '$1 == group && $2 !~ /^Z/'
}

none_left_in() {
	[ -z "$(left_in "$1")" ]
}

# wait_for FILE: until it is there and not empty.
wait_for() {
	eventually [ -s "$1" ] || fail "$1 does not appear"
}

# ---- what every program must do

# help_is_fine PROGRAM: -h, --help, -V and --version answer on stdout with 0.
help_is_fine() {
	local flag
	for flag in -h --help; do
		run --separate-stderr "$1" "$flag"
		want 0
		[ -z "$stderr" ] || fail "$1 $flag: stderr: $stderr"
		[[ $output == "usage: $1 "* ]] || fail "$1 $flag: begins: ${lines[0]}"
		awk 'length > 80 { print "over 80 columns: " $0; bad = 1 } END { exit bad }' \
		    <<<"$output" || fail "$1 $flag: $output"
	done
	for flag in -V --version; do
		run --separate-stderr "$1" "$flag"
		want 0
		[[ $output =~ ^"$1 "[0-9]+\.[0-9] ]] || fail "$1 $flag: $output"
	done
}

# refuses PROGRAM PATTERN ARGUMENT...: a usage error: exit 2, nothing on stdout, one line that
# begins with the program's name and matches the pattern.
refuses() {
	local program=$1 pattern=$2
	shift 2
	run --separate-stderr timeout 60 "$program" "$@"
	[ "$status" -eq 2 ] || fail "$program $*: status $status: $output $stderr"
	[ -z "$output" ] || fail "$program $*: stdout: $output"
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "$program $*: not one line: $stderr"
	[[ $stderr == "$program: "* ]] || fail "$program $*: $stderr"
	grep -qE -- "$pattern" <<<"$stderr" || fail "$program $*: $stderr"
}

# ---- what every benchmark must do; each has a small run: QUICK, and OP, an operation of it

# The options that make a run of a benchmark short.
quick() {
	case $1 in
	bench-conn) echo '-n 5' ;;
	bench-lat|bench-busy) echo '-n 20 -w 2' ;;
	bench-bw) echo '-n 3 -s 1k,10k' ;;
	bench-file) echo '-n 2 -s 100k' ;;
	bench-conc) echo '-n 10 -c 4' ;;
	esac
}

# ops PROGRAM URL: the operations of its rows, in order.
ops() {
	case $1 in
	bench-conn) echo 'connect first-reply' ;;
	bench-lat|bench-busy) echo 'ping' ;;
	bench-bw) echo 'upload download upload download' ;;
	bench-file) echo 'upload download upload-chunked download-chunked upload-stream download-stream' ;;
	bench-conc) echo 'first-reply ping' ;;
	esac
}

bench_refuses_usage_errors() {
	local u=rpc://127.0.0.1:1
	refuses "$1" 'target' -n 1
	refuses "$1" 'target|rpc://h' $u rpc://h//
	refuses "$1" '-Y' -Y $u
	refuses "$1" '-n.*(needs|requires|value|argument)' -n
	refuses "$1" '-n.*x7' -n x7 $u
	refuses "$1" '-n.*-3' -n -3 $u
	refuses "$1" '-n.*1\.5' -n 1.5 $u
	refuses "$1" '-n.*99999999999999999999999' -n 99999999999999999999999 $u
	refuses "$1" '-n' -n '' $u
	refuses "$1" '-T.*never' -T never $u
	refuses "$1" '-T' -T 0 $u
	refuses "$1" '-T' -T -1 $u
	refuses "$1" '-l' -l $'a\tb' $u
	refuses "$1" '-l' -l $'a\nb' $u
	refuses "$1" '-l' -l '' $u
	refuses "$1" 'ftp://h' ftp://h
	refuses "$1" 'localhost' localhost
	refuses "$1" 'rpc://' rpc://
	refuses "$1" '99999' http://h:99999/
	refuses "$1" 'http://h:0' http://h:0/
	refuses "$1" 'http://u@h' http://u@h/
	refuses "$1" 'rpc://\[::1' 'rpc://[::1'
	BENCH_TARGET=gopher://x refuses "$1" 'gopher://x' -n 1
}

# every_bench: all programs and operations succeed on $URL, content checked.
every_bench() {
	{
		bench-conn -n 5 "$URL"
		bench-lat -H -C -n 30 "$@" "$URL"
		bench-lat -H -C -n 10 -s 0,10,2990,3001,100k "$@" "$URL"
		bench-bw -H -C -n 2 -s 1,10k,1m "$@" "$URL"
		bench-file -H -C -n 1 -s 1,100k -k 10000 "$@" "$URL"
		bench-conc -H -n 10 -c 5 "$@" "$URL"
	} >out.tsv
	rows out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
	[ "$(wc -l <out.tsv)" = 29 ] || fail "$(wc -l <out.tsv) rows: $(cat out.tsv)"
}

# Rows of a short run against both kinds of server and all models.
bench_rows_are_right() {
	local server model op
	for server in $SERVERS; do
		for model in $MODELS; do
			# shellcheck disable=SC2046
			"$server" -m "$model" "$1" -q $(quick "$1") >out.tsv 2>err.txt ||
			    fail "$server -m $model $1: $(cat err.txt)"
			[ ! -s err.txt ] || fail "$server -m $model: $(cat err.txt)"
			rows out.tsv
			# shellcheck disable=SC2046
			[ "$(cell out.tsv op | tr '\n' ' ')" = "$(printf '%s ' $(ops "$1"))" ] ||
			    fail "$server -m $model: operations: $(cell out.tsv op)"
			[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
			[ "$(cell out.tsv label | sort -u)" = "${server%-serve}-$model" ] ||
			    fail "label: $(cell out.tsv label)"
			[ "$(cell out.tsv bench | sort -u)" = "$1" ] || fail "bench: $(cell out.tsv bench)"
		done
	done
}

# Output that can't be written, a reader that has gone.
bench_notices_lost_output() {
	start rpc-serve -p 0
	# shellcheck disable=SC2046
	run --separate-stderr bash -c 'exec "$0" "$@" >/dev/full' "$1" $(quick "$1") "$URL"
	want 1 'No space left on device'
	# the reader is gone, for the shell that made the pipe, too, before the first byte is written
	# shellcheck disable=SC2046
	run timeout 60 bash -c '{ trap "" PIPE; while echo x; do :; done 2>/dev/null; trap - PIPE; exec "$0" "$@"; } |
		exec true; exit ${PIPESTATUS[0]}' "$1" $(quick "$1") "$URL"
	[ "$status" -eq 1 ] || [ "$status" -eq 141 ] || fail "status $status: $output"
}

bench_reports_refused_connection() {
	local scheme
	refused_port
	for scheme in rpc http; do
		# shellcheck disable=SC2046
		run --separate-stderr timeout 60 "$1" $(quick "$1") "$scheme://127.0.0.1:$PORT"
		[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
		grep -q "^$1: .*127.0.0.1:$PORT: Connection refused" <<<"$stderr" || fail "$stderr"
		printf '%s\n' "$output" >out.tsv
		rows out.tsv
		[ "$(total out.tsv n)" = 0 ] || fail "success without a server: $output"
	done
	# a name that does not exist is refused by the resolver
	run --separate-stderr timeout 60 "$1" -n 1 http://nosuch.invalid/
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	grep -q 'nosuch.invalid' <<<"$stderr" || fail "$stderr"
}

bench_gives_up_on_silence() {
	local scheme
	for scheme in rpc http; do
		bad "$scheme" silent
		# shellcheck disable=SC2046
		run --separate-stderr timeout 60 "$1" $(quick "$1") -T 0.3 "$URL"
		[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
		grep -qiE "timed out|no (reply|answer)|time limit|within" <<<"$stderr" || fail "$stderr"
	done
}

# bench_keeps_rows_when_interrupted PROGRAM PATH OPTION...: of a run that would be long.
bench_keeps_rows_when_interrupted() {
	local pid status=0
	start http-serve -p 0
	"$1" "${@:3}" "$URL$2" >out.tsv 2>err.txt 3>&- &
	pid=$!
	STARTED+=("$pid")
	has_run "$pid"
	kill -INT "$pid"
	reap "$pid" || status=$?
	forget "$pid"
	[ "$status" -eq 130 ] || fail "status $status: $(cat err.txt)"
	rows out.tsv
	[ "$(total out.tsv n)" -gt 0 ] || fail "no row: $(cat out.tsv err.txt)"
	[ "$(total out.tsv errors)" -eq 0 ] || fail "errors: $(cat out.tsv err.txt)"
}

# -l, BENCH_LABEL, BENCH_TARGET, -H
bench_takes_labels_and_headers() {
	local q label
	q=$(quick "$1")
	start rpc-serve -p 0
	# shellcheck disable=SC2086
	"$1" $q -l 'my label' "$URL" >out.tsv
	rows out.tsv
	[ "$(cell out.tsv label | sort -u)" = 'my label' ] || fail "$(cat out.tsv)"
	# shellcheck disable=SC2086
	"$1" $q "$URL" >out.tsv
	[ "$(cell out.tsv label | sort -u)" = "$URL" ] || fail "$(cat out.tsv)"
	# shellcheck disable=SC2086
	BENCH_TARGET=$URL BENCH_LABEL=env "$1" $q >out.tsv
	[ "$(cell out.tsv label | sort -u)" = env ] || fail "$(cat out.tsv)"
	# shellcheck disable=SC2086
	BENCH_TARGET=rpc://127.0.0.1:1 BENCH_LABEL=env "$1" $q -l mine -H "$URL" >body.tsv
	body body.tsv
	[ "$(cut -f 1 body.tsv | sort -u)" = mine ] || fail "$(cat body.tsv)"
	[ "$(wc -l <body.tsv)" -eq $(($(wc -l <out.tsv) - 1)) ] || fail "$(cat body.tsv)"
	for label in "${BAD_LABELS[@]}"; do
		refuses "$1" "^$1: -l: " -l "$label" "$URL"
		BENCH_LABEL=$label refuses "$1" 'quote|backslash|front|blank|control' "$URL"
	done
}

# Of requests to a path over HTTP, what is sent and what is received counts, with either driver;
# of all others what is sent.
#	bench_counts_payload PROGRAM COUNT [OPTIONS...]
bench_counts_payload() {
	local o q="-q -w 2 -n $2" program=$1
	# counts WANTED PATH ARGUMENT...: the bytes of a request to the path
	counts() {
		# shellcheck disable=SC2086
		"$program" $q $o "${@:3}" "$URL$2" >out.tsv || fail "$o $*: $(cat out.tsv)"
		[ "$(payload out.tsv "$2" | sort -u)" = "$1" ] || fail "$o $*: $(cat out.tsv)"
	}
	start http-serve -p 0
	for o in '' '-d 3' '-r 5000' '-B 3' -K "${@:3}"; do
		counts 1000 /download/1000
		counts 1000 /download-stream/1000/100
		counts 0 /download/1000 -X HEAD
		counts 1400 /echo -s 700
		counts 712 /upload -s 700
		[ "$(cell out.tsv size_bytes /upload | sort -u)" = 700 ] || fail "$(cat out.tsv)"
		counts 19 /ping
		# shellcheck disable=SC2086
		"$1" $q $o -o ping "$URL" >out.tsv
		[ "$(payload out.tsv ping | sort -u)" = 0 ] || fail "$o: $(cat out.tsv)"
		# shellcheck disable=SC2086
		"$1" $q $o -o echo -s 700 "$URL" >out.tsv
		[ "$(payload out.tsv echo | sort -u)" = 700 ] || fail "$o: $(cat out.tsv)"
	done
	# a failure moves nothing
	"$1" -q -n 5 "$URL/nosuch" >out.tsv 2>err.txt || [ $? -eq 1 ] || fail "$(cat err.txt)"
	[ "$(cell out.tsv bytes_per_s /nosuch)" = 0.00 ] || fail "$(cat out.tsv)"
	stop
	start rpc-serve -p 0
	for o in '' '-d 3'; do
		# shellcheck disable=SC2086
		"$1" $q $o -s 700 "$URL/echo" >out.tsv
		[ "$(payload out.tsv echo)" = 700 ] || fail "$(cat out.tsv)"
		# shellcheck disable=SC2086
		"$1" $q $o "$URL/get_service_name" >out.tsv
		[ "$(payload out.tsv get_service_name)" = 0 ] || fail "$(cat out.tsv)"
	done
	stop
}

# -R: one row an operation, numbered without a gap.
bench_prints_raw_rows() {
	local model
	for model in rpc-serve http-serve; do
		# shellcheck disable=SC2046
		"$model" "$1" $(quick "$1") >out.tsv
		# shellcheck disable=SC2046
		"$model" "$1" $(quick "$1") -R >raw.tsv
		rows raw.tsv "$RAW_HEADER"
		[ "$(total out.tsv n)" -eq "$(($(wc -l <raw.tsv) - 1))" ] || fail "$(cat out.tsv raw.tsv)"
		[ "$(cell raw.tsv ok | sort -u)" = 1 ] || fail "$(cat raw.tsv)"
		awk -F '\t' 'NR > 1 { key = $3 FS $4 FS $6
			if ($7 != n[key]++) { print "gap: " $0; bad = 1 } } END { exit bad }' raw.tsv ||
		    fail "$(cat raw.tsv)"
	done
}

# -D: the histogram of each row, whole and in order, and with nothing else in it.
bench_prints_histograms() {
	local server
	refuses "$1" '-D and -R' -D -R rpc://127.0.0.1:1
	for server in $SERVERS; do
		# shellcheck disable=SC2046
		"$server" "$1" $(quick "$1") >out.tsv
		# shellcheck disable=SC2046
		"$server" "$1" $(quick "$1") -D >hist.tsv
		rows hist.tsv "$HIST_HEADER"
		awk -F '\t' 'NR > 1 { key = $3 FS $4
				if (key != last) at = 0
				if ($12 < at || $13 <= $12 || $14 < 1) { print "order: " $0; bad = 1 }
				at = $13; last = key; n[key] = $9; sum[key] += $14 }
			END { for (k in n) if (n[k] != sum[k]) { print k ": " sum[k]; bad = 1 }; exit bad }' \
		    hist.tsv || fail "$(cat hist.tsv)"
		# the leading columns are those of the summary, in its order
		[ "$(cut -f 1-10 hist.tsv | uniq)" = "$(cut -f 1-10 out.tsv)" ] || fail "$(cat hist.tsv)"
		bench-stat hist.tsv >stat.tsv
		[ "$(cut -f 1-10 stat.tsv)" = "$(cut -f 1-10 out.tsv)" ] || fail "$(cat stat.tsv)"
	done
	refused_port
	# shellcheck disable=SC2046
	run --separate-stderr timeout 60 "$1" $(quick "$1") -D "rpc://127.0.0.1:$PORT"
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	printf '%s\n' "$output" >hist.tsv
	[ "$(cut -f 9,12-14 hist.tsv | tail -n +2 | uniq)" = "$(printf '0\tNA\tNA\t0')" ] || fail "$output"
	bench-stat hist.tsv >stat.tsv
	[ "$(total stat.tsv n)/$(total stat.tsv errors)" = "0/$(total hist.tsv errors)" ] || fail "$(cat stat.tsv)"
}

# -d: that many requests outstanding, counted the same on both sides. usage.tsv: requests and
# connections of which nothing else is known; over RPC each connection says hello, and the
# clients of bench-conc do over HTTP, too.
bench_keeps_depth() {
	local server model depth n warm hello
	case $1 in
	bench-lat) n=131 warm=3 ;;
	bench-conc) n=$((131 * 7)) warm=$((3 * 7)) ;;
	esac
	for server in $SERVERS; do
		for model in $MODELS; do
			for depth in 1 2 5 64; do
				# shellcheck disable=SC2046
				"$server" -m "$model" -u usage.tsv "$1" $([ "$1" = bench-lat ] || echo -c 7) \
				    -n 131 -w 3 -d "$depth" >out.tsv 2>err.txt || fail "$(cat err.txt)"
				rows out.tsv
				[ "$(cell out.tsv n ping)/$(cell out.tsv depth ping)" = "$n/$depth" ] ||
				    fail "$(cat out.tsv)"
				[ "$(total out.tsv errors)/$(usage_cell errors)" = 0/0 ] || fail "$(cat out.tsv usage.tsv)"
				hello=$(($(usage_cell requests) - n - warm))
				if [ "$1/$server" = bench-lat/http-serve ]; then
					[ "$hello" -eq 0 ] || fail "$server $model -d $depth: $(cat usage.tsv)"
				else
					[ "$hello" -eq "$(usage_cell connections)" ] || fail "$server $model -d $depth: $(cat usage.tsv)"
				fi
			done
		done
	done
}

# -d with payloads that no socket buffer holds: neither side may wait for the other.
bench_keeps_depth_of_bulk() {
	local server
	for server in $SERVERS; do
		"$server" -m event timeout 60 "$1" -C -s 3m -o echo,upload,download -n 20 -d 8 -w 1 >out.tsv
		[ "$(cell out.tsv n upload)/$(total out.tsv errors)" = "$(cell out.tsv n echo)/0" ] || fail "$(cat out.tsv)"
		[ "$(cell out.tsv n echo)" -ge 20 ] || fail "$(cat out.tsv)"
	done
}

# An open loop: three rows of one count, and the rate that was asked for.
bench_keeps_rate() {
	local server arrivals
	for server in $SERVERS; do
		for arrivals in fixed exp; do
			"$server" -m event -u usage.tsv "$1" -r 500 -t 1 -A "$arrivals" -d 4 -w 0 >out.tsv
			rows out.tsv
			[ "$(cell out.tsv op | grep -v first | tr '\n' ' ')" = 'ping ping-wait ping-service ' ] || fail "$(cat out.tsv)"
			[ "$(cell out.tsv rate_per_s | grep -c '^500.00$')/$(total out.tsv errors)" = 3/0 ] || fail "$(cat out.tsv)"
			if [ "$arrivals" = fixed ]; then
				[ "$(cell out.tsv n | tail -n 3 | sort -u)" = 500 ] || fail "$(cat out.tsv)"
			else    # 22 is the deviation
				awk -F '\t' '$3 ~ /^ping/ && ($9 < 390 || $9 > 610) { exit 1 }' out.tsv || fail "$(cat out.tsv)"
			fi
			[ "$(cell out.tsv n ping)" -le "$(usage_cell requests)" ] || fail "$(cat usage.tsv)"
			# the parts make up the whole
			awk -F '\t' '$3 ~ /^ping/ { m[$3] = $15 }
				END { d = m["ping"] - m["ping-wait"] - m["ping-service"]; exit d > 0.01 || d < -0.01 }' out.tsv ||
			    fail "$(cat out.tsv)"
			awk -F '\t' '$3 == "ping" && $11 < 0.95 { exit 1 }' out.tsv || fail "$(cat out.tsv)"
		done
	done
}

# with_pause COMMAND...: run a client, its rows in out.tsv; 1 s later the server that was
# started last stands still for 1 s (PAUSED: how many ms it became at least).
with_pause() {
	local client status=0 began
	"$@" >out.tsv 2>err.txt 3>&- &
	client=$!
	STARTED+=("$client")
	sleep 1
	kill -STOP "$PID"
	began=${EPOCHREALTIME/[.,]/}
	sleep 1
	PAUSED=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
	kill -CONT "$PID"
	reap "$client" || status=$?
	forget "$client"
	return "$status"
}

# A server that stands still for 1 s at 1000/s is late with all that was due meanwhile, half
# of it by more than half a second; nothing of it is lost.
bench_shows_a_stall() {
	local server late try
	[ "${SANITIZED:-}" != thread ] || skip 'too slow under a thread sanitizer'
	for server in $SERVERS; do
		start "$server" -p 0 -m event
		# a machine that is busy may have a pause of its own
		for try in 1 2 3; do
			with_pause "$1" -R -r 1000 -n "$2" -d 4 -T 30 "$URL" || fail "$(cat err.txt)"
			rows out.tsv "$RAW_HEADER"
			[ "$(cell out.tsv us ping | wc -l)/$(cell out.tsv ok | sort -u)" = 3000/1 ] || fail "$(wc -l <out.tsv)"
			late=$(cell out.tsv us ping | awk '$1 > 500000 { n++ } END { print n + 0 }')
			echo "$server: $late late, of a pause of $PAUSED ms"
			[ "$late" -lt $((PAUSED - 650)) ] || [ "$late" -gt $((PAUSED + 500)) ] || break
			[ "$try" -lt 3 ] || fail "$late responses above 0.5 s"
		done
		stop
	done
}

# What was due and could not be sent, or was not answered, is an error, each once.
bench_loses_no_request() {
	local sum client due
	[ "${SANITIZED:-}" != thread ] || skip 'too slow under a thread sanitizer'
	start rpc-serve -p 0 -m event
	# a call takes 10 ms: of 300 in a second each connection does 100
	run --separate-stderr "$1" -r 300 -t 1 -T 0.3 "${@:2}" -w 0 "$URL/sleep/0.01"
	[ "$status" -eq 1 ] && [[ $stderr == *'no connection free'* ]] || fail "$status: $stderr"
	printf '%s\n' "$output" >out.tsv
	sum=$(($(cell out.tsv n sleep/0.01) + $(cell out.tsv errors sleep/0.01)))
	[ "$sum/$(cell out.tsv errors sleep/0.01-wait)" = "300/$(cell out.tsv errors sleep/0.01)" ] || fail "$output"
	stop
	# a server that goes away: all that was due until the clients gave up
	start http-serve -p 0 -m thread
	"$1" -r 200 -n 100000 -T 2 "$URL" >out.tsv 2>err.txt 3>&- &
	client=$!
	status=0
	STARTED+=("$client")
	has_run "$client"
	kill -KILL "$PID"
	reap "$PID" || true
	forget "$PID"
	reap "$client" || status=$?
	forget "$client"
	[ "$status" -eq 1 ] || fail "status $status: $(cat err.txt)"
	sum=$(($(cell out.tsv n ping) + $(cell out.tsv errors ping)))
	due=$(cell out.tsv elapsed_s ping | awk '{ print int($1 * 200) + 1 }')
	[ "$sum" -le "$due" ] && [ "$sum" -ge $((due / 2)) ] && [ "$(cell out.tsv n ping)" -ge 1 ] &&
	    [ "$(cell out.tsv errors ping)" -ge 1 ] || fail "$(cat out.tsv)"
}

bench_refuses_wrong_rates() {
	local u=http://127.0.0.1:1
	refuses "$1" '-d.*at least 1: 0' -d 0 $u
	refuses "$1" '-d.*x' -d x $u
	refuses "$1" '-d.*too large' -d 100000 $u
	refuses "$1" '-d.*-K' -d 2 -K $u
	refuses "$1" '-d.*-N' -d 2 -N rpc://127.0.0.1:1
	refuses "$1" '-r.*above 0: -5' -r -5 $u
	refuses "$1" '-r.*greater than 0: 0' -r 0 $u
	refuses "$1" '-r.*greater than 0: 0.0' -r 0.0 $u
	refuses "$1" '-r.*fast' -r fast $u
	refuses "$1" '-r.*1e3' -r 1e3 $u
	refuses "$1" '-r: less than 0.01: 0.004' -r 0.004 $u
	refuses "$1" '-A.*-r' -A exp $u
	refuses "$1" '-A.*neither fixed nor exp: poisson' -r 5 -A poisson $u
	refuses "$1" '-S.*-A exp' -r 5 -S 1 $u
	refuses "$1" '-S.*-A exp' -r 5 -A fixed -S 1 $u
	refuses "$1" '-S.*seed' -r 5 -A exp -S seed $u
}

# Without options that say how much: the usual count, and 0.1 s at least; no warning.
#	bench_has_defaults PROGRAM COUNT OPERATION...
bench_has_defaults() {
	local op
	rpc-serve "$1" >out.tsv 2>err.txt || fail "$(cat err.txt)"
	! grep 'were measured' err.txt || fail 'a default run that warns of itself'
	for op in "${@:3}"; do
		[ -n "$(cell out.tsv n "$op")" ] || fail "no $op: $(cat out.tsv)"
		paste <(cell out.tsv n "$op") <(cell out.tsv elapsed_s "$op") <(cell out.tsv clients "$op") |
		    awk -v n="$2" '$1 < n * $3 || $2 < 0.1 { exit 1 }' || fail "$op: $(cat out.tsv)"
	done
}

# -v prints the settings, defaults too, on one line.
bench_prints_settings() {
	start http-serve -p 0
	run --separate-stderr "$1" -q -v -n 3 -r 1000 -A exp -S 42 "$URL"
	want 0 '-n 3 .*-r 1000 -A exp -S 42'
	run --separate-stderr "$1" -q -v -n 3 "$URL"
	want 0 '-n 3 -w 10 .*-d 1 -T 30'
}

bench_reaches_names() {
	grep -qsw localhost /etc/hosts || getent hosts localhost >/dev/null 2>&1 || skip 'localhost has no address here'
	start http-serve -p 0
	# shellcheck disable=SC2046
	"$1" $(quick "$1") "http://localhost:${URL##*:}" >out.tsv
	rows out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
}

bench_reaches_ipv6() {
	rpc-serve -p 0 -a ::1 true 2>/dev/null || skip 'no IPv6 here'
	start rpc-serve -p 0 -a ::1
	[[ $URL == 'rpc://[::1]:'* ]] || fail "$URL"
	# shellcheck disable=SC2046
	"$1" $(quick "$1") "$URL" >out.tsv
	rows out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
}

# ---- what both servers must do

server_refuses_usage_errors() {
	refuses "$1" '-y' -y
	refuses "$1" '--nosuch' --nosuch
	refuses "$1" '-m.*nosuch' -m nosuch
	refuses "$1" '-m' -m
	refuses "$1" '-p.*x' -p x
	refuses "$1" '-p.*65536' -p 65536
	refuses "$1" '-p.*-1' -p -1
	refuses "$1" '-p' -p ''
	refuses "$1" '-M.*1q' -M 1q
	refuses "$1" '-M.*0' -M 0
	refuses "$1" '-c.*0' -c 0
	refuses "$1" '-c.*many' -c many
	refuses "$1" '-T.*soon' -T soon
	refuses "$1" '-T.*0' -T 0
	refuses "$1" '-u' -u ''
}

# The URL is the only line of stdout, and stdout is closed behind it.
server_says_when_it_is_ready() {
	local fifo=$BATS_TEST_TMPDIR/f line rest
	mkfifo "$fifo"
	"$1" -p 0 >"$fifo" 2>server.err 3>&- &
	PID=$!
	STARTED+=("$PID")
	{
		read -r -t 60 line
		rest=$(timeout 60 cat)
	} <"$fifo"
	[[ $line =~ ^(rpc|http)://127\.0\.0\.1:[1-9][0-9]*$ ]] || fail "$line"
	[ -z "$rest" ] || fail "more: $rest"
	# it listens at that moment
	bench-lat -n 1 -w 0 "$line" >/dev/null
	stop
}

server_stops_when_told() {
	local signal model
	for model in $MODELS; do
		for signal in TERM INT; do
			start "$1" -p 0 -m "$model" -u usage.tsv
			bench-conc -n 3 -c 3 "$URL" >out.tsv
			stop "$signal"
			rows usage.tsv "$USAGE_HEADER"
			[ "$(usage_cell label)" = "${1%-serve}-$model" ] || fail "$(cat usage.tsv)"
			# and takes no connection any more
			run bench-lat -n 1 "$URL"
			[ "$status" -eq 1 ] || fail "$model $signal: still there"
		done
	done
}

# Connections that are open, busy or idle do not keep it.
server_stops_with_open_connections() {
	local model
	for model in $MODELS; do
		start "$1" -p 0 -m "$model"
		bench-lat -t 30 "$URL" >out.tsv 2>err.txt 3>&- &
		STARTED+=($!)
		exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
		sleep 0.2
		stop
		exec 9>&-
		reap "${STARTED[-1]}" || [ $? -eq 1 ] || fail "client: $(cat err.txt)"
		STARTED=()
		rows out.tsv
	done
}

server_refuses_a_port_in_use() {
	start "$1" -p 0
	run --separate-stderr timeout 60 "$1" -p "${URL##*:}"
	want 1 "${URL##*:}: Address already in use"
	[ -z "$output" ] || fail "stdout: $output"
	run --separate-stderr timeout 60 "$1" -p 0 -a 192.0.2.1
	want 1 "192.0.2.1"
	run --separate-stderr timeout 60 "$1" -p 0 -a nosuch.invalid
	[ "$status" -ne 0 ] || fail "listens on nosuch.invalid"
	[[ $stderr == *nosuch.invalid* ]] || fail "$stderr"
}

server_notices_lost_output() {
	run --separate-stderr bash -c 'timeout 60 "$0" -p 0 >/dev/full' "$1"
	want 1 'No space left on device'
	run --separate-stderr timeout 60 "$1" -p 0 -u /nosuch/file true
	want 1 '/nosuch/file'
	run --separate-stderr timeout 60 "$1" -p 0 -u /dev/full true
	want 1 '/dev/full: No space left on device'
}

# The command form.
server_runs_a_command() {
	local model
	for model in $MODELS; do
		run --separate-stderr "$1" -m "$model" sh -c 'echo "$BENCH_TARGET $BENCH_LABEL"'
		want 0
		[[ $output =~ ^(rpc|http)://127\.0\.0\.1:[1-9][0-9]*\ ${1%-serve}-$model$ ]] || fail "$output"
	done
	run --separate-stderr "$1" sh -c 'exit 7'
	want 7
	run --separate-stderr "$1" sh -c 'kill -9 $$'
	want 137
	run --separate-stderr "$1" sh -c 'kill -TERM $$'
	want 143
	run -127 --separate-stderr "$1" /nosuch/command
	[[ $stderr == *"/nosuch/command: No such file"* ]] || fail "$stderr"
	# its options are its own, its standard streams ours
	run --separate-stderr bash -c 'echo in | "$0" sh -c "cat; echo err >&2" -n -p' "$1"
	want 0
	[ "$output/$stderr" = in/err ] || fail "$output/$stderr"
	# -p is honoured
	free_port
	run --separate-stderr "$1" -p "$PORT" sh -c 'echo "${BENCH_TARGET##*:}"'
	want 0
	[ "$output" = "$PORT" ] || fail "$output"
}

# Killed itself, it leaves neither command nor children behind.
server_takes_its_command_along() {
	local model signal status pid
	for model in $MODELS; do
		for signal in TERM INT; do
			rm -f pids
			"$1" -m "$model" sh -c 'echo $$ >pids; exec bench-lat -t 60' >out.tsv 2>err.txt 3>&- &
			PID=$!
			STARTED+=("$PID")
			wait_for pids
			sleep 0.2
			kill "-$signal" "$PID"
			status=0
			reap "$PID" || status=$?
			forget "$PID"
			gone "$(cat pids)"
			# the command, stopped the same way, decides the status
			[ "$status" -eq 143 ] || [ "$status" -eq 130 ] || fail "$model $signal: $status"
		done
	done
}

# Ctrl-C goes to the whole group.
server_and_command_get_ctrl_c() {
	local status=0
	in_group "$1" bench-lat -t 600 >out.tsv 2>err.txt
	eventually pgrep -P "$(cat pid)" bench-lat >child || fail 'no command'
	has_run "$(tail -n 1 child)"
	kill -INT -- "-$(cat pid)"
	reap "${STARTED[-1]}" || status=$?
	STARTED=()
	[ "$status" -eq 130 ] || fail "status $status: $(cat err.txt)"
	rows out.tsv
	[ "$(total out.tsv n)" -gt 0 ] || fail "rows lost"
	gone "$(cat pid)"
	none_left_in "$(cat pid)" || fail "left: $(left_in "$(cat pid)")"
}

# What the clients count is what the server counts: n operations and a known number of
# greetings, whatever the model.
server_counts_exactly() {
	local model n connections hello
	for model in $MODELS; do
		"$1" -m "$model" -u usage.tsv bench-conc -c 7 -n 31 >out.tsv
		rows usage.tsv "$USAGE_HEADER"
		[ "$(cell out.tsv n ping)" = 217 ] || fail "$(cat out.tsv)"
		[ "$(usage_cell errors)" = 0 ] || fail "$(cat usage.tsv)"
		connections=$(usage_cell connections)
		# 7 clients, and the one that finds out the dialect
		[ "$connections" -ge 7 ] && [ "$connections" -le 9 ] || fail "$(cat usage.tsv)"
		# every connection says hello once; each client has 10 requests of warming up
		n=$(usage_cell requests)
		hello=$((n - 217 - 70))
		echo "$model: $n requests on $connections connections"
		[ "$hello" -eq "$connections" ] || fail "$model: $(cat usage.tsv out.tsv)"
	done
}

# -c: more connections wait, none is lost.
server_limits_connections() {
	local model
	for model in $MODELS; do
		start "$1" -p 0 -m "$model" -c 2
		bench-conc -c 2 -n 5 "$URL" >out.tsv
		[ "$(cell out.tsv n ping)" = 10 ] || fail "$(cat out.tsv)"
		# a third is let in when one of the others goes
		exec 8<>"/dev/tcp/127.0.0.1/${URL##*:}" 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
		bench-lat -n 1 -w 0 "$URL" >out.tsv 3>&- 8>&- 9>&- &
		STARTED+=($!)
		eventually asleep "${STARTED[-1]}" || fail "$model: it does not wait"
		exec 8>&- 9>&-
		reap "${STARTED[-1]}" || fail "$model: $(cat out.tsv)"
		forget "${STARTED[-1]}"
		[ "$(total out.tsv n)" = 1 ] || fail "$(cat out.tsv)"
		[ "$(cat server.err)" = "$1: -c 2: as many connections as that, others wait" ] || fail "$(cat server.err)"
		: >server.err
		stop
	done
}

# -T: who says nothing, or stops in the middle, is disconnected; others go on.
server_ends_silent_connections() {
	local model text
	for model in $MODELS; do
		start "$1" -p 0 -m "$model" -T 0.4
		for text in '' "$2"; do
			exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}"
			printf '%b' "$text" >&9
			# end of file, or an error message and end of file
			timeout 60 cat <&9 >reply || fail "$model: no end after '$text'"
			exec 9>&-
		done
		# (a client may once be too slow for so short a limit)
		eventually still_serves || fail "$model: $(cat alive.tsv alive.err)"
		stop
	done
}

# still_serves: three requests in a row are answered.
still_serves() {
	bench-lat -n 3 -T 20 "$URL" >alive.tsv 2>alive.err && [ "$(cell alive.tsv n)" = 3 ]
}
