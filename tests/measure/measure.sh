# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2034,SC2154,SC3045
# (variables that the other scripts set or use; ulimit -H, which all shells have)
#
# What the scripts that measure share: processes that are started and surely ended, a folder
# for the results, and where they were obtained. Sourced, not run; the caller sets prog, and
# has -e and -u set.
#
# Nothing here is found by name when it is to be ended: each process is a child of this
# shell, known by its id.

LC_ALL=C
export LC_ALL
unset BENCH_TARGET BENCH_LABEL
here=$PWD
# the programs are named from there on, by names without blanks
cd "$(dirname -- "$0")/../.." || exit 1
# Debian has nginx there, and not every user has that in PATH
PATH=$PATH:/usr/sbin

tmp='' out='' running='' lasting='' python=''

say() {
	printf '%s: %s\n' "$prog" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

wrong() {
	say "$@"
	exit 2
}

have() {
	command -v "$1" >/dev/null
}

# begin: a folder for what is passed along, which goes away with everything started.
begin() {
	trap finish EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	tmp=$(mktemp -d)
	for program in bin/bench-lat bin/http-serve tests/peers/pingpong tests/peers/hold tests/peers/bare \
	    tests/peers/fixed tests/peers/dial; do
		[ -x "$program" ] || die "$program: not found; has it been built? (make all test-programs)"
	done
}

finish() {
	code=$?
	trap '' HUP INT TERM
	set +e
	for pid in $running $lasting; do
		kill -TERM "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	[ -z "$tmp" ] || rm -rf "$tmp"
	trap - EXIT
	exit "$code"
}

# run_child COMMAND...: run a command, its stdout to $tmp/out and its stderr to $tmp/err, so
# that a signal to this script alone ends it, too. Sets status.
run_child() {
	status=0
	"$@" >"$tmp/out" 2>"$tmp/err" &
	running=$!
	wait "$running" || status=$?
	running=''
}

# keep COMMAND...: start a process that stays until drop, its stdout to $tmp/log. Sets kept.
keep() {
	# what the last one said must not be taken for this one's word
	: >"$tmp/log"
	"$@" >"$tmp/log" 2>"$tmp/log.err" &
	kept=$!
	lasting="$lasting $kept"
}

# drop PID: end a process that was kept. Sets status.
drop() {
	status=0
	kill -TERM "$1" 2>/dev/null || :
	{ wait "$1" || status=$?; } 2>/dev/null # a shell may say that it was ended
	forget "$1"
}

# forget PID: it has ended.
forget() {
	left=''
	for pid in $lasting; do
		[ "$pid" = "$1" ] || left="$left $pid"
	done
	lasting=$left
}

# until_true PID COMMAND...: wait until the command succeeds; false if the process ends first
# or wait_limit, in 1/20 s, does.
wait_limit=400
until_true() {
	watched=$1
	shift
	tries=0
	until "$@" 2>/dev/null; do
		tries=$((tries + 1))
		if [ "$tries" -gt "$wait_limit" ] || ! kill -0 "$watched" 2>/dev/null; then
			return 1
		fi
		sleep 0.05
	done
}

# has_line FILE: there is a complete line in it.
has_line() {
	[ "$(wc -l <"$1")" -gt 0 ]
}

# keep_server COMMAND...: keep a server that prints its URL once it listens. Sets kept, url.
keep_server() {
	keep "$@"
	until_true "$kept" has_line "$tmp/log" || die "$1: $(cat "$tmp/log.err")"
	read -r url <"$tmp/log"
}

# some_port N: a port that is unlikely to be in use, below those that the system gives to
# clients. Who listens there must find out whether it is free. Differs with N.
some_port() {
	port=$((20000 + ($$ * 7 + $1 * 211) % 12000))
}

# The python3 that has rpyc: the first in PATH need not be the system's.
find_python() {
	for python in python3 /usr/bin/python3; do
		! "$python" -c 'import rpyc' 2>/dev/null || return 0
	done
	python=''
	return 1
}

# cell FILE COLUMN OP: a value of the row of this operation.
cell() {
	awk -F '\t' -v name="$2" -v op="$3" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["op"]) == op { print $(at[name]) }' "$1"
}

# For awk: median(v, n) of the n values of v, which it sorts.
awk_median='
function median(v, n,  i, j, x) {
	for (i = 2; i <= n; i++) {
		x = v[i]
		for (j = i - 1; j > 0 && v[j] > x; j--) v[j + 1] = v[j]
		v[j + 1] = x
	}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
'

# The memory of a process and its children in KB; nothing where it can't be told.
memory() {
	children=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || :
	for pid in "$1" $children; do
		cat "/proc/$pid/smaps_rollup" 2>/dev/null || :
	done | awk '$1 == "Pss_Anon:" { kb += $2; n++ } END { if (n) print kb }'
}

processors() {
	getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1
}

# place: the options that give server and client their processors; sets on_server, on_client.
place() {
	on_server='' on_client=''
	allowed=$(sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/self/status 2>/dev/null) || :
	if [ -n "$allowed" ] && bin/bench-lat -P "${allowed%%[!0-9]*}" -V >/dev/null 2>&1; then
		on_server="-P ${allowed%%[!0-9]*}"
		on_client="-P ${allowed##*[!0-9]}"
	fi
}

# ---- where it was run ----

env_row() {
	printf '%s\t%s\n' "$1" "$(printf '%s' "${2:-unknown}" | tr '\t\n\r' '   ')" >>"$out/env.tsv"
}

first_line() {
	sed 1q "$1" 2>/dev/null || :
}

commit() {
	id=$(git rev-parse HEAD 2>/dev/null) || return 0
	[ -z "$(git status --porcelain -uno 2>/dev/null)" ] || id="$id+changes"
	printf '%s' "$id"
}

# make_out FILE...: the folder $out, for these files, which must not be there. Without a
# name it is a new one under results/, called after $prog and the time.
make_out() {
	case $out in
	'') out=results/$prog-$(date -u '+%Y%m%d-%H%M%S') ;;
	/*) ;;
	*) out=$here/$out ;;
	esac
	for file in "$@" env.tsv; do
		[ ! -e "$out/$file" ] || die "$out/$file: exists already"
	done
	mkdir -p -- "$out"
	printf 'key\tvalue\n' >"$out/env.tsv"
	env_row date_utc "$(date -u '+%Y-%m-%dT%H:%M:%SZ')"
	env_row command "$prog.sh $command_line"
	env_row version "$(bin/bench-lat -V)"
	env_row commit "$(commit)"
	env_row compiler "$(cc --version 2>/dev/null | sed 1q)"
	env_row kernel "$(uname -srv)"
	env_row machine "$(uname -m)"
	env_row processor "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo 2>/dev/null | sed 1q)"
	env_row cores "$(processors)"
	env_row memory_kb "$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo 2>/dev/null)"
	env_row load_average "$(first_line /proc/loadavg)"
	env_row max_open_files "$(ulimit -H -n)"
	env_row max_processes "$(getconf CHILD_MAX 2>/dev/null || :)"
	env_row listen_backlog "$(first_line /proc/sys/net/core/somaxconn)"
	env_row local_ports "$(first_line /proc/sys/net/ipv4/ip_local_port_range)"
	env_row tcp_congestion "$(first_line /proc/sys/net/ipv4/tcp_congestion_control)"
}

end_out() {
	env_row ended_utc "$(date -u '+%Y-%m-%dT%H:%M:%SZ')"
	env_row load_average_end "$(first_line /proc/loadavg)"
}
