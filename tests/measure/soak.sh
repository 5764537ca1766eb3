#!/bin/sh
# SPDX-License-Identifier: ISC
# Does a server grow with what it lives through? Each model on both protocols serves a client that
# means well, for an hour, while all that tests/peers/bad_client.c knows is done to it again and
# again. After each round, when all connections are gone, its memory, descriptors, threads and
# processes are counted; the pages counted are those of its own (Pss_Anon of Linux), processes of
# its own included.
#
# A server is flat if its largest memory in the last quarter of the time is at most 2 % or 128 KB
# above that in the quarter before, it never kept a descriptor, thread or process, and no request
# of the client that means well failed.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=soak
usage='usage: soak.sh [-h] [-o dir] [-t secs] [config ...]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

help() {
	cat <<HELP
$usage
Keep servers under load and abuse, and count what they occupy: soak.tsv, flat.tsv.

  -t secs  so long (3600)
  -o dir   folder for soak.tsv, flat.tsv and env.tsv (a new one in results/)

A config is rpc-MODEL or http-MODEL; without one: all ten. They run side by side.
HELP
}

count() {
	printf '%d' "$#"
}

# Descriptors, threads and processes of the server.
resources() {
	# shellcheck disable=SC2046 # numbers
	printf '%s\t%s\t%s' "$(count "/proc/$1/fd"/*)" "$(count "/proc/$1/task"/*)" \
	    "$(count $(cat "/proc/$1/task/$1/children"))"
}

has_resources() {
	[ "$(resources "$kept")" = "$1" ]
}

# Everything at once, and among it the client that means well, whose row goes to $tmp/out.
abuse() {
	bad=''
	for name in $(tests/peers/bad_client); do
		case $name in
		connects) times=100 ;;
		silent | "$protocol"-*) times=1 ;;
		*) continue ;;
		esac
		tests/peers/bad_client "$name" "${url##*:}" "$times" >/dev/null 2>&1 &
		bad="$bad $!"
		lasting="$lasting $!"
	done
	run_child bin/bench-conc -q -o ping -c 4 -r 200 -t 3 -T 10 "$url"
	for pid in $bad; do
		# what it met is not the question here
		wait "$pid" || :
		forget "$pid"
	done
}

# One server until the time is over: rows of soak.tsv, without a header line.
soak() {
	protocol=${1%%-*}
	keep_server "bin/$protocol-serve" -m "${1#*-}" -T 1 -p 0
	run_child bin/bench-lat -q -n 100 "$url"
	[ "$status" -eq 0 ] || die "$1: $(cat "$tmp/err")"
	began=$(date +%s) round=0
	at_rest=$(resources "$kept")
	printf '%s\t0\t0\t100\t0\t%s\t%s\n' "$1" "$(memory "$kept")" "$at_rest"
	while elapsed=$(($(date +%s) - began)) && [ "$elapsed" -lt "$seconds" ]; do
		round=$((round + 1))
		abuse
		until_true "$kept" has_resources "$at_rest" || :
		printf '%s\t%d\t%d\t%s\t%s\t%s\t%s\n' "$1" "$(($(date +%s) - began))" "$round" \
		    "$(cell "$tmp/out" n ping)" "$(cell "$tmp/out" errors ping)" "$(memory "$kept")" \
		    "$(resources "$kept")"
	done
	drop "$kept"
	[ "$status" -eq 0 ] || die "$1: the server ended with $status: $(tail -n 1 "$tmp/log.err")"
}

# Rows of flat.tsv.
flat() {
	awk -F '\t' -v OFS='\t' -v seconds="$seconds" '
	NR == 1 {
		print "label", "rounds", "requests", "errors", "first_kb", "quarter_1_kb", "quarter_2_kb",
		    "quarter_3_kb", "quarter_4_kb", "last_kb", "descriptors", "threads", "processes", "flat"
		next
	}
	{
		l = $1
		rest = $7 OFS $8 OFS $9
		if (!(l in first)) { label[++n] = l; first[l] = $6; at_rest[l] = rest }
		if (rest != at_rest[l]) kept[l] = rest
		rounds[l] = $3; last[l] = $6
		requests[l] += $4; errors[l] += $5
		q = int(4 * $2 / seconds); if (q > 3) q = 3
		if ($6 + 0 > most[l, q]) most[l, q] = $6 + 0
	}
	END {
		for (i = 1; i <= n; i++) {
			l = label[i]
			allowed = most[l, 2] * 0.02 > 128 ? most[l, 2] * 0.02 : 128
			ok = most[l, 2] > 0 && most[l, 3] <= most[l, 2] + allowed && !(l in kept) && !errors[l]
			print l, rounds[l], requests[l], errors[l], first[l], most[l, 0], most[l, 1], most[l, 2],
			    most[l, 3], last[l], (l in kept) ? kept[l] : at_rest[l], ok ? "yes" : "no"
		}
	}' "$out/soak.tsv"
}

# ---- main ----

command_line=$*
tab=$(printf '\t')
seconds=3600
while getopts :ho:t: opt; do
	case $opt in
	h) help; exit 0 ;;
	o) out=$OPTARG ;;
	t) seconds=$OPTARG ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
case $seconds in
''|*[!0-9]*|0*|???????*) wrong "-t: not a number of seconds: $seconds" ;;
esac
if [ $# -eq 0 ]; then
	for model in thread fork request pool event; do
		set -- "$@" "rpc-$model" "http-$model"
	done
fi
for config in "$@"; do
	case $config in
	rpc-thread|rpc-fork|rpc-request|rpc-pool|rpc-event) ;;
	http-thread|http-fork|http-request|http-pool|http-event) ;;
	*) wrong "$config: not rpc-MODEL or http-MODEL" ;;
	esac
done
[ -d /proc/self/task ] || die 'there is no /proc/PID to count in'
begin
[ -x tests/peers/bad_client ] || die 'tests/peers/bad_client: not found; has it been built? (make test-programs)'

# one alone writes to stdout; several are children of this script that do that
if [ "${SOAK_ROWS:-}" = 1 ]; then
	soak "$1"
	exit 0
fi
make_out soak.tsv flat.tsv
printf 'label\telapsed_s\tround\trequests\terrors\tmemory_kb\tdescriptors\tthreads\tprocesses\n' >"$out/soak.tsv"
children=''
for config in "$@"; do
	SOAK_ROWS=1 sh "tests/measure/$prog.sh" -t "$seconds" "$config" >"$tmp/rows.$config" &
	children="$children $!"
	lasting="$lasting $!"
done
failed=0
for pid in $children; do
	wait "$pid" || failed=1
	forget "$pid"
done
for config in "$@"; do
	cat "$tmp/rows.$config" >>"$out/soak.tsv"
done
end_out
flat >"$out/flat.tsv"
cat "$out/flat.tsv"
[ "$failed" = 0 ] && ! grep -q 'no$' "$out/flat.tsv"
