#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# What is seen of a run while it goes on: a row for each interval (-i), and progress on a terminal.

bats_require_minimum_version 1.5.0
load ../helper

# ways of asking: blocking and event driver, closed and open loop, one and several threads
WAYS=('bench-lat' 'bench-lat -d 3' 'bench-lat -r 400' 'bench-conc -c 2 -j 2' 'bench-conc -c 4 -j 1'
    'bench-conc -c 4 -j 2 -d 2' 'bench-conc -c 4 -j 2 -r 400 -A exp')

# add_up FILE [late]: of each operation, n, errors and elapsed_s of intervals are those of the whole,
# and each begins where the one before has ended. late: time may go on behind the last operation.
add_up() {
	awk -F '\t' -v late="${2:-}" '
	NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
	$3 == "first-reply" { if ($c["at_s"] != "NA") rule = 1; next }
	$c["at_s"] != "NA" {
		if ($c["at_s"] - elapsed[$3] > 0.000002 || elapsed[$3] - $c["at_s"] > 0.000002) rule = 2
		n[$3] += $c["n"]; errors[$3] += $c["errors"]; elapsed[$3] += $c["elapsed_s"]; rows++
		next
	}
	{
		d = elapsed[$3] - $c["elapsed_s"]
		if (n[$3] != $c["n"] || errors[$3] != $c["errors"] || (d > 0.00001 && !late) || d < -0.00001) rule = 3
		all++
	}
	END { if (!all || rows < 2 * all) rule = 4; exit rule }' "$1" || fail "rule $?: $(cat "$1")"
}

@test "intervals add up to the summary, in each way of asking" {
	local server w
	for server in $SERVERS; do
		start "$server" -p 0 -m event
		for w in "${WAYS[@]}"; do
			# shellcheck disable=SC2086
			$w -q -i 0.1 -t 0.45 "$URL" >out.tsv 2>err.txt || fail "$w: $(cat err.txt)"
			rows out.tsv "$HEADER at_s"
			add_up out.tsv
			[[ "$(cell out.tsv at_s ping | tr '\n' ' ')" =~ ^0.000000\ (0.[1-4]00000\ )+NA\ $ ]] ||
			    fail "$w: $(cat out.tsv)"
			[ "$(cell out.tsv start_s ping | sort -u | wc -l)" = 1 ] || fail "$w: $(cat out.tsv)"
			[ ! -s err.txt ] || fail "$w: $(cat err.txt)"
		done
		# a number of requests, of which some fail
		run --separate-stderr bench-lat -q -i 0.05 -n 9 -T 0.2 -r 30 "$URL/sleep/0.1"
		[ "$status" -eq 1 ] || fail "$status: $stderr"
		printf '%s\n' "$output" >out.tsv
		add_up out.tsv late
		[ "$(awk -F "\t" '$3 ~ /sleep.0.1$/ { print $10 }' out.tsv | tail -n 1)" -gt 0 ] || fail "$output"
		stop
	done
}

@test "the histograms of intervals are that of the summary (-D)" {
	local w
	start http-serve -p 0 -m event
	for w in "${WAYS[@]}"; do
		# shellcheck disable=SC2086
		$w -q -D -i 0.1 -t 0.35 "$URL" >out.tsv
		rows out.tsv "$HIST_HEADER at_s"
		awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
		$3 == "first-reply" { next }
		{ count[$3, $c["low_us"], $c["high_us"]] += $c["at_s"] == "NA" ? -$c["count"] : $c["count"]; n++ }
		END { if (!n) exit 1; for (k in count) if (count[k]) exit 2 }' out.tsv || fail "$w: rule $?: $(cat out.tsv)"
	done
}

# late_reader COMMAND...: read its output only once the pipe to it has been full for a while.
late_reader() {
	need python3
	python3 - "$@" <<-'EOF'
	import array, fcntl, os, subprocess, sys, termios, time
	r, w = os.pipe()
	full = 60000
	if sys.platform == "linux":
	    full = fcntl.fcntl(w, 1031, 4096) - 500  # F_SETPIPE_SZ
	child = subprocess.Popen(sys.argv[1:], stdout=w)
	os.close(w)
	held, until = array.array("i", [0]), time.monotonic() + 60
	while held[0] < full:
	    assert child.poll() is None and time.monotonic() < until, held[0]
	    time.sleep(0.01)
	    fcntl.ioctl(r, termios.FIONREAD, held)
	time.sleep(0.5)
	while data := os.read(r, 65536):
	    sys.stdout.buffer.write(data)
	sys.stdout.flush()
	sys.exit(child.wait())
	EOF
}

@test "rows that nobody takes for a while: then one is of all that has passed" {
	local w
	start http-serve -p 0 -m event
	for w in 'bench-lat' 'bench-lat -r 2000' 'bench-conc -o ping -c 4 -j 2'; do
		# shellcheck disable=SC2086
		late_reader $w -q -i 0.002 -t 2 "$URL" >out.tsv || fail "$w: $(cat out.tsv)"
		rows out.tsv "$HEADER at_s"
		add_up out.tsv
		# the long one has what was done meanwhile
		awk -F '\t' '
		NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }
		$3 == "ping" && $c["at_s"] != "NA" && $c["elapsed_s"] >= 0.2 { if ($c["n"] == 0) exit 1; long++ }
		END { if (!long) exit 2 }' out.tsv || fail "$w: rule $?: $(cat out.tsv)"
	done
}

@test "filters take the summary, not its intervals" {
	http-serve -m event bench-conc -q -c 2 -i 0.1 -t 0.35 >live.tsv
	awk -F '\t' 'BEGIN { OFS = FS } { at = $NF; NF-- } NR == 1 || at == "NA"' live.tsv >whole.tsv
	rows whole.tsv
	bench-stat live.tsv >a
	bench-stat whole.tsv >b
	cmp a b
	run bench-cmp -T live.tsv whole.tsv
	! grep -qE 'only (old|new)' <<<"$output" || fail "$output"
	bench-show live.tsv | grep -q 'ping' || fail 'nothing is shown'
	refuses bench-suite '-x: -i' -x 'bench-lat -i 1'
}

# rows_of N: the file has at least this many lines
has_lines() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

@test "a row comes while the run goes on, of a server that stands still, too; a signal keeps all" {
	local w client status
	for w in 'bench-lat' 'bench-conc -o ping -c 4 -j 2' 'bench-conc -o ping -c 2 -j 2' 'bench-lat -r 100'; do
		start http-serve -p 0 -m event
		# shellcheck disable=SC2086
		$w -H -q -i 0.1 -t 600 "$URL" >out.tsv 2>err.txt 3>&- &
		client=$!
		STARTED+=("$client")
		eventually has_lines out.tsv 7 || fail "$w: $(cat out.tsv err.txt)"
		kill -STOP "$PID"
		eventually still || fail "$w: $(cat out.tsv)"
		kill -CONT "$PID"
		eventually moving || fail "$w: $(cat out.tsv)"
		kill -INT "$client"
		status=0
		reap "$client" || status=$?
		forget "$client"
		[ "$status" -eq 130 ] || fail "status $status: $(cat err.txt)"
		awk -F '\t' '$3 == "ping" && $NF != "NA" { n += $9; next } $3 == "ping" { exit n != $9 }' out.tsv ||
		    fail "$w: $(cat out.tsv)"
		[ "$(tail -n 1 out.tsv | awk '{ print $NF }')" = NA ] || fail "$w: $(tail -n 2 out.tsv)"
		stop
	done
}

# The last whole row of an interval is of none, with times that are NA; and of some again.
still() {
	awk -F '\t' '$3 == "ping" && $NF != "NA" { n = $9 "/" $17 "/" $12 } END { exit n != "0/NA/0.00" }' out.tsv
}

moving() {
	awk -F '\t' '$3 == "ping" && $NF != "NA" { n = $9 } END { exit !(n > 0) }' out.tsv
}

@test "rounds and several targets: intervals of each block" {
	rpc-serve http-serve bench-lat -q -B 2 -b 250ms -i 0.1 >out.tsv
	rows out.tsv "$HEADER at_s"
	# (a machine that is busy may be late with a row, which then is one of two intervals)
	[[ "$(cell out.tsv at_s | sort | uniq -c | awk '{ print $1 "x" $2 }' | tr '\n' ' ')" =~ \
	    ^4x0\.000000\ ([1-4]x0\.[12]00000\ )+4xNA\ $ ]] || fail "$(cat out.tsv)"
}

@test "wrong intervals are refused, lost output is noticed" {
	local p u=http://127.0.0.1:1
	for p in bench-lat bench-conc; do
		refuses "$p" '-i: must be greater than 0: 0' -i 0 $u
		refuses "$p" '-i: .*: -1' -i -1 $u
		refuses "$p" '-i: .*: often' -i often $u
		refuses "$p" '-i and -R' -i 1 -R $u
		start http-serve -p 0
		run --separate-stderr bash -c "timeout 60 $p -q -i 0.05 -t 30 $URL >/dev/full"
		want 1 'No space left'
		stop
	done
}

# on_terminal COMMAND...: run it with stderr on a terminal, whose output goes to the file term.
on_terminal() {
	need python3
	python3 - "$@" <<-'EOF'
	import os, pty, sys
	pid, fd = pty.fork()
	if pid == 0:
	    os.dup2(os.open("out.tsv", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
	    os.execvp(sys.argv[1], sys.argv[1:])
	with open("term", "wb") as out:
	    while True:
	        try:
	            data = os.read(fd, 4096)
	        except OSError:
	            break
	        if not data:
	            break
	        out.write(data)
	sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	EOF
}

# What a terminal of 80 columns shows in the end: "\r" goes back, and what is written replaces.
screen() {
	python3 - <<-'EOF'
	for line in open("term", newline="").read().replace("\r\n", "\n").split("\n"):
	    shown = []
	    for part in line.split("\r"):
	        assert len(part) < 80, part
	        shown[:len(part)] = part
	    print("".join(shown).rstrip())
	EOF
}

@test "progress: rate, errors, time left on one line of a terminal, which goes" {
	local w
	for w in 'bench-lat' 'bench-conc -c 4 -j 2' 'bench-conc -c 2 -r 500 -o ping' 'bench-bw -s 1k -o upload'; do
		start http-serve -p 0
		# shellcheck disable=SC2086
		on_terminal $w -t 2.5 "$URL" || fail "$w: $(cat term)"
		grep -qaE '(ping|upload 1024): [0-9]+/s, 0 errors, [0-9]+ s left' term || fail "$w: $(cat -v term)"
		[ -z "$(screen)" ] || fail "$w: $(screen)"
		rows out.tsv
		# shellcheck disable=SC2086
		on_terminal $w -q -t 1.2 "$URL" || fail "$w: $(cat term)"
		[ ! -s term ] || fail "-q: $(cat -v term)"
		$w -t 1.2 "$URL" >out.tsv 2>err.txt
		! grep -qE $'left|\r' err.txt || fail "no terminal: $(cat err.txt)"
		stop
	done
	# messages stand on lines of their own
	start http-serve -p 0
	on_terminal bench-cap -L p50:50ms -r 3000 -t 12 "$URL" || [ $? -eq 3 ] || fail "$(cat term)"
	grep -qaE 'bench-cap: ping: [0-9]+/s, 0 errors, 1?[0-9] s left' term || fail "$(cat term)"
	on_terminal bench-lat -t 1.5 "$URL/nosuch" || [ $? -eq 1 ] || fail "$(cat term)"
	[[ $(screen) == 'bench-lat: '*404* ]] || fail "$(screen)"
	# rounds tell how many are over
	on_terminal bench-lat -B 200 -b 15ms "$URL" || fail "$(cat term)"
	grep -qaE 'ping: [0-9]+ of 200 rounds, [0-9]+ s left' term || fail "$(cat -v term)"
	[ -z "$(screen)" ] || fail "$(screen)"
}

@test "no thread for it: progress is done without, rows of intervals are missed" {
	need_starve
	local starved=(env "LD_PRELOAD=$PWD/starve.so" NO_THREAD=1)
	start http-serve -p 0
	run --separate-stderr "${starved[@]}" bench-lat -q -n 5 -i 1 "$URL"
	want 1 '^bench-lat: -i: Resource temporarily unavailable$'
	printf '%s\n' "$output" >out.tsv
	[ "$(cell out.tsv n)" = 5 ] || fail "$output"
	on_terminal "${starved[@]}" bench-lat -t 0.2 "$URL" || fail "$? $(cat term)"
	grep -qa 'bench-lat: progress: Resource temporarily unavailable' term || fail "$(cat term)"
	[ "$(cell out.tsv n)" -gt 0 ] || fail "$(cat out.tsv)"
}

@test "bench-suite says on a terminal how much time is left" {
	on_terminal bench-suite -o dir -p 2 -t 60 -P free -x 'bench-lat -B 2' rpc-thread || fail "$(cat term)"
	grep -qaE 'pass 1, after [0-9]+ s, [0-9]+ s left' term || fail "$(cat term)"
}
