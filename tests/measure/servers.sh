#!/bin/sh
# SPDX-License-Identifier: ISC
# Do the benchmarks and the servers of others count the same? Each server here runs much as Debian
# installs it, limits of requests per connection included, and logs its requests; each benchmark
# asks for a path of its own. Asked, counted by the server, n and errors are a row each.
#
# A row agrees if every operation asked for is there, none as an error, and the server has seen
# exactly these: a request that was sent again because its connection had been closed is seen by the
# server only if it was answered.

# shellcheck disable=SC2154,SC2034 # some variables are measure.sh's

set -eu
prog=servers
usage='usage: servers.sh [-h] [-o dir] [server ...]'
# shellcheck source=tests/measure/measure.sh
. "$(dirname -- "$0")/measure.sh"

servers='http-serve nginx apache2 lighttpd haproxy caddy varnish h2o gunicorn uvicorn tornado
aiohttp werkzeug node'

help() {
	cat <<HELP
$usage
Run the benchmarks on other HTTP servers and compare what both sides count.

  -o dir  folder for servers.tsv and env.tsv (a new one in results/)

Servers: $servers
HELP
}

command_line=$*
while getopts :ho: opt; do
	case $opt in
	h) help; exit 0 ;;
	o) out=$OPTARG ;;
	:) wrong "-$OPTARG: needs a value; $usage" ;;
	*) wrong "-$OPTARG: unknown option; $usage" ;;
	esac
done
shift $((OPTIND - 1))
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $servers

begin
PATH=$PWD/bin:$PATH

# ---- the servers: each function starts one on $port in $work, which logs to $log ----

# of COMMAND...: the first line it prints, for the version column.
of() {
	"$@" 2>&1 | sed 1q | tr '\t' ' '
}

start_http_serve() {
	version=$(of http-serve -V)
	keep http-serve -m event -p "$port" -u "$work/usage"
}

start_nginx() {
	version=$(of nginx -v)
	cat >"$work/conf" <<CONF
daemon off;
user root;
pid $work/pid;
error_log stderr error;
events { }
http {
	access_log $log;
	client_body_temp_path $work/1; proxy_temp_path $work/2; fastcgi_temp_path $work/3;
	uwsgi_temp_path $work/4; scgi_temp_path $work/5;
	server { listen 127.0.0.1:$port; location / { return 200 'pong'; } }
}
CONF
	keep nginx -e stderr -p "$work" -c "$work/conf"
}

start_apache2() {
	version=$(of apache2 -v)
	modules=/usr/lib/apache2/modules
	cat >"$work/conf" <<CONF
ServerName localhost
ServerRoot $work
PidFile $work/pid
Listen 127.0.0.1:$port
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule dir_module $modules/mod_dir.so
DocumentRoot $work/www
ErrorLog $work/errors
LogFormat "%r" line
CustomLog $log line
CONF
	keep apache2 -D FOREGROUND -f "$work/conf"
}

start_lighttpd() {
	version=$(of lighttpd -v)
	cat >"$work/conf" <<CONF
server.modules = ( "mod_accesslog" )
server.document-root = "$work/www"
server.bind = "127.0.0.1"
server.port = $port
accesslog.filename = "$log"
mimetype.assign = ( "" => "text/plain" )
CONF
	keep lighttpd -D -f "$work/conf"
}

start_haproxy() {
	version=$(of haproxy -v)
	cat >"$work/conf" <<CONF
global
	log stdout format raw local0
defaults
	mode http
	log global
	option httplog
	timeout client 60s
	timeout server 60s
	timeout connect 5s
frontend it
	bind 127.0.0.1:$port
	http-request return status 200 content-type text/plain string pong
CONF
	keep haproxy -db -f "$work/conf"
	log=$tmp/log
}

start_caddy() {
	version="caddy $(of caddy version)"
	cat >"$work/conf" <<CONF
{
	admin off
	auto_https off
}
http://127.0.0.1:$port {
	log {
		output file $log {
			roll_disabled
		}
	}
	respond pong
}
CONF
	keep env HOME="$work" XDG_DATA_HOME="$work" XDG_CONFIG_HOME="$work" \
	    caddy run --adapter caddyfile --config "$work/conf"
}

start_varnish() {
	version=$(of varnishd -V)
	cat >"$work/conf" <<'CONF'
vcl 4.1;
import std;
backend none none;
sub vcl_recv {
	std.timestamp("pong");
	return (synth(200, "OK"));
}
sub vcl_synth {
	set resp.body = "pong";
	return (deliver);
}
CONF
	keep varnishd -j none -F -n "$work/varnish" -a "127.0.0.1:$port" -f "$work/conf" -s malloc,16m
	until_true "$kept" test -e "$work/varnish/_.vsm_child/_.index" || return 0
	server=$kept
	varnishncsa -n "$work/varnish" -w "$log" -t 20 2>"$work/ncsa.err" &
	helper=$!
	lasting="$lasting $helper"
	kept=$server
}

start_h2o() {
	version=$(of h2o -v)
	cat >"$work/conf" <<CONF
user: root
listen:
  host: 127.0.0.1
  port: $port
access-log: $log
hosts:
  default:
    paths:
      /:
        file.dir: $work/www
        file.mimetypes: { text/plain: "" }
CONF
	sed '/mimetypes/d' "$work/conf" >"$work/conf2"
	keep h2o -c "$work/conf2"
}

start_gunicorn() {
	version=$(of gunicorn --version)
	keep gunicorn --chdir tests/peers -b "127.0.0.1:$port" -w 2 --access-logfile "$log" web_app:app
}

start_uvicorn() {
	version=$(of uvicorn --version)
	keep uvicorn --app-dir tests/peers --host 127.0.0.1 --port "$port" web_app:asgi
	log=$tmp/log
}

start_tornado() {
	version="tornado $(of "$python" -c 'import tornado; print(tornado.version)')"
	keep "$python" tests/peers/web_app.py tornado "$port"
	log=$tmp/log.err
}

start_aiohttp() {
	version="aiohttp $(of "$python" -c 'import aiohttp; print(aiohttp.__version__)')"
	keep "$python" tests/peers/web_app.py aiohttp "$port"
	log=$tmp/log.err
}

start_werkzeug() {
	version="werkzeug $(of "$python" -c 'import importlib.metadata as m; print(m.version("werkzeug"))')"
	keep "$python" tests/peers/web_app.py werkzeug "$port"
	log=$tmp/log.err
}

start_node() {
	version="node $(of node -v)"
	keep node tests/peers/web_app.js "$port"
	log=$tmp/log
}

# what SERVER: the command that has to be there.
command_of() {
	case $1 in
	varnish) echo varnishd ;;
	tornado | aiohttp | werkzeug) echo "$python" ;;
	*) echo "$1" ;;
	esac
}

ready() {
	bench-lat -q -n 1 -w 0 -T 2 "http://127.0.0.1:$port/ping?ready" >/dev/null
}

# varnish's log is a program of its own, which begins when it begins.
logged() {
	ready && grep -q ready "$log"
}

# start SERVER: sets kept, port, log; false if it can't be.
start() {
	helper=''
	for try in 1 2 3 4; do
		some_port $((try * 17 + serial))
		rm -rf "$work"
		mkdir -p "$work/www"
		printf pong >"$work/www/ping"
		log=$work/log
		"start_$(printf %s "$1" | tr - _)"
		! until_true "$kept" "$([ -z "$helper" ] && echo ready || echo logged)" || return 0
		drop "$kept"
	done
	return 1
}

# ---- what is run on each ----

# sum_of COLUMN: over the rows of operations; an open loop has two more for each.
sum_of() {
	awk -F '\t' -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$(at["op"]) !~ /-(wait|service)$/ { sum += $(at[name]) }
		END { print sum + 0 }' "$tmp/out"
}

# ask NAME ASKED COMMAND...: run it on a path of its own; a line to $tmp/asked.
ask() {
	name=$1 asked=$2
	shift 2
	run_child "$@" "http://127.0.0.1:$port/ping?$name"
	printf '%s\t%s\t%s\t%s\t%s\n' "$name" "$asked" "$(sum_of n)" "$(sum_of errors)" \
	    "$(sed 1q "$tmp/err" | tr '\t' ' ')" >>"$tmp/asked"
}

ask_all() {
	: >"$tmp/asked"
	ask lat 1000 bench-lat -q -w 0 -n 1000
	ask deep 1000 bench-lat -q -w 0 -n 1000 -d 4
	ask rate 500 bench-lat -q -w 0 -n 500 -r 500
	ask rate-deep 500 bench-lat -q -w 0 -n 500 -r 500 -d 4
	ask close 200 bench-lat -q -w 0 -n 200 -K
	ask first 100 bench-conn -q -w 0 -n 100 -o first-reply
	ask conc 1020 bench-conc -q -w 0 -c 20 -n 50
	ask conc-deep 1020 bench-conc -q -w 0 -c 20 -n 50 -d 4
}

# counted NAME: what the server's log has of it. Our own server keeps no log.
counted() {
	if [ -e "$work/usage" ]; then
		echo NA
	else
		grep -c "/ping?$1[^a-z-]" "$log" || :
	fi
}

# The server has ended, so all is written.
report() {
	while IFS="$(printf '\t')" read -r name asked n errors note; do
		seen=$(counted "$name")
		agrees=no
		[ "$n/$errors" != "$asked/0" ] || case $seen in "$asked" | NA) agrees=yes ;; esac
		printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$version" "$name" "$asked" "$n" "$errors" \
		    "$seen" "$agrees" "${note:-NA}" >>"$out/servers.tsv"
	done <"$tmp/asked"
}

find_python || python=python3
make_out servers.tsv
printf 'server\tversion\trun\tasked\tn\terrors\tcounted\tagrees\tmessage\n' >"$out/servers.tsv"
work=$tmp/work serial=0
for server_name in "$@"; do
	printf '%s\n' "$servers" | tr ' ' '\n' | grep -qxF -e "$server_name" ||
	    wrong "$server_name: not one of: $servers"
	if ! have "$(command_of "$server_name")"; then
		say "$server_name: not found; left out"
		continue
	fi
	serial=$((serial + 1))
	if ! start "$server_name"; then
		say "$server_name: does not answer: $(tail -n 1 "$tmp/log.err")"
		continue
	fi
	ask_all
	# of a shell that says how its children ended
	drop "$kept" 2>/dev/null
	[ -z "$helper" ] || drop "$helper" 2>/dev/null
	report "$server_name"
	say "$server_name: $version"
done
end_out
cut -f 1,3-8 "$out/servers.tsv"
! cut -f 8 "$out/servers.tsv" | grep -q '^no$'
