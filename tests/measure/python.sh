#!/bin/sh
# SPDX-License-Identifier: ISC
# Our servers beside those of Python, under the same clients: RPyC's ThreadedServer and
# ForkingServer, and Flask on werkzeug's threaded server. What is slower there and as fast
# here is no matter of the protocol.
#
# The Python servers stay for the whole run, as bench-suite can't start them. They are placed as it
# places ours: on the first half of the processors, and the client on the second.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=python
usage='usage: python.sh [-hq] [-p passes] [-o dir]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

help() {
	cat <<HELP
$usage
Run bench-suite on stock Python servers and on ours.

  -o dir     folder for what bench-suite records (a new one in results/)
  -q         quick: small counts and sizes
  -p passes  as bench-suite does (12; with -q as many)
HELP
}

passes=12 quick=''
while getopts :ho:p:q opt; do
	case $opt in
	h) help; exit 0 ;;
	o) out=$OPTARG ;;
	p) passes=$OPTARG ;;
	q) quick=-q ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || wrong "$1: not expected; $usage"
case $out in
'') out=results/python-$(date -u '+%Y%m%d-%H%M%S') ;;
/*) ;;
*) out=$here/$out ;;
esac

begin
find_python || die 'python3 with rpyc: not found (Debian: python3-rpyc)'
"$python" -c 'import flask' 2>/dev/null || die "$python with flask: not found (Debian: python3-flask)"
have taskset || die 'taskset: not found (Debian: util-linux)'
n=$(processors)
[ "$n" -gt 1 ] || die 'one processor: servers and client need one each'
servers=0-$((n / 2 - 1)) clients=$((n / 2))-$((n - 1))
keep_server taskset -c "$servers" "$python" tests/peers/rpyc_service.py
stock_thread=$url
keep_server taskset -c "$servers" "$python" tests/peers/rpyc_service.py --fork
stock_fork=$url
keep_server taskset -c "$servers" "$python" tests/peers/flask_app.py
flask=$url

# $quick: a word or none
# shellcheck disable=SC2086
bin/bench-suite $quick -p "$passes" -P "$servers:$clients" -o "$out" rpc-thread rpc-fork http-thread http-request \
    python-rpc-thread="$stock_thread" python-rpc-fork="$stock_fork" flask="$flask" &
running=$!
status=0
wait "$running" || status=$?
running=''
if [ -e "$out/env.tsv" ]; then
	env_row python "$("$python" -V)"
	env_row rpyc "$("$python" -c 'import rpyc; print(rpyc.__version__)')"
	env_row flask "$("$python" -c 'import importlib.metadata as m
print(m.version("flask"), "on werkzeug", m.version("werkzeug"))')"
fi
exit "$status"
