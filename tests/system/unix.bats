#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Unix sockets in the place of host and port: both protocols and sides, all programs, stock peers;
# and the socket's file, which is made, replaced and removed only where it is the server's own.
# Paths are relative to the test's folder, since that of a socket is short.

bats_require_minimum_version 1.5.0
load ../helper

# none FILE...: they are not there.
none() {
	local file
	for file in "$@"; do
		[ ! -e "$file" ] && [ ! -L "$file" ] || fail "$file is there"
	done
}

# need_other: set OTHER to what runs a command as a user whom permissions bind.
need_other() {
	OTHER=()
	if [ "$(id -u)" = 0 ]; then
		need setpriv
		OTHER=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
	"${OTHER[@]}" http-serve -V >/dev/null 2>&1 || skip 'another user can not run the programs'
}

# no_control: stderr holds no control character, of ASCII or Unicode.
no_control() {
	! grep -q $'[\x01-\x1f\x7f]\|\xc2[\x80-\x9f]' <<<"$stderr" || fail "$stderr"
}

# ---- all programs

@test "every benchmark on both servers, in every model" {
	local server model bench
	for server in $SERVERS; do
		for model in $MODELS; do
			start "$server" -a ./s -m "$model" -u usage.tsv
			[ "$URL" = "${server%-serve}+unix://.%2Fs" ] || fail "$URL"
			[ -S s ] || fail 'no socket'
			for bench in $BENCHES; do
				# shellcheck disable=SC2046
				run --separate-stderr "$bench" -q $(quick "$bench") "$URL"
				want 0
				[ -z "$stderr" ] || fail "$bench: $stderr"
				printf '%s\n' "$output" >out.tsv
				rows out.tsv
				[ "$(total out.tsv errors)" = 0 ] || fail "$server $model: $output"
				[ "$(cell out.tsv label | sort -u)" = "$URL" ] || fail "$output"
			done
			stop
			none s
			[ "$(usage_cell errors)" = 0 ] || fail "$(cat usage.tsv)"
		done
	done
}

@test "contents, depth, rates, threads, new connections, and the programs for busy and idle ones" {
	local server
	for server in $SERVERS; do
		start "$server" -a ./s -m event
		every_bench
		bench-lat -n 200 -d 8 "$URL" >out.tsv
		bench-lat -H -n 20 -r 500 "$URL" >>out.tsv
		bench-conc -H -n 20 -c 8 -j 8 "$URL" >>out.tsv
		bench-conc -H -n 5 -c 300 "$URL" >>out.tsv
		bench-busy -H -n 20 "$URL" >>out.tsv
		if [ "$server" = http-serve ]; then
			bench-lat -H -n 20 -K "$URL" >>out.tsv
			bench-conc -H -n 20 -c 3 -K "$URL/compute/10?x" >>out.tsv
		else
			bench-lat -H -n 20 -N "$URL" >>out.tsv
			bench-conc -H -n 20 -c 3 "$URL/compute/10" >>out.tsv
		fi
		rows out.tsv
		[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
		bench-idle -p "$PID" -n 20 "$URL" >idle.tsv
		[ "$(cell idle.tsv connections)" = 20 ] || fail "$(cat idle.tsv)"
		stop
	done
}

@test "a command, nested servers, passes, and what reads their rows" {
	local status=0
	run -0 rpc-serve -a ./a http-serve -a ./b -m fork sh -c 'echo "$BENCH_TARGET / $BENCH_LABEL"; ls'
	[ "${lines[0]}" = 'rpc+unix://.%2Fa http+unix://.%2Fb / rpc-thread http-fork' ] || fail "$output"
	grep -qx a <<<"$output" && grep -qx b <<<"$output" || fail "$output"
	none a b
	bench-turns -q -P free -p 2 rpc-serve -l tcp rpc-serve -l unix -a ./s bench-lat -B 2 -b 20 >out.tsv
	rows out.tsv
	[ "$(cell out.tsv label | sort | uniq -c | awk '{ print $1, $2 }')" = $'4 tcp\n4 unix' ] || fail "$(cat out.tsv)"
	none s
	bench-cmp out.tsv >cmp.txt || status=$?
	[ "$status" -ne 2 ] && grep -q unix cmp.txt || fail "$status: $(cat cmp.txt)"
	rpc-serve -a ./s bench-lat -n 5 x='rpc6+unix://.%2Fs' y='rpc+unix://.%2Fs/' >out.tsv
	rows out.tsv
	run -0 bench-show out.tsv
	# a label is the target, where nothing else is said
	start http-serve -a ./s
	bench-lat -n 5 "$URL" >out.tsv
	run -0 bench-show out.tsv
	[[ $output == *"$URL"* ]] || fail "$output"
	run --separate-stderr bench-suite -q -p 1 -x 'bench-lat -B 2' -o out http-event "mine=$URL" "path=$URL/ping?x"
	want 0
	[[ $output == *mine* ]] || fail "$output"
	rows out/rows.tsv
	[ "$(total out/rows.tsv errors)" = 0 ] || fail "$(cat out/rows.tsv)"
	run -0 bench-report out
	[[ $output == *mine* ]] || fail "$output"
	stop
	run --separate-stderr bench-suite -q -p 1 -x bench-lat -o gone http-event "mine=$URL"
	want 1 'mine: .*\./s: No such file or directory'
}

@test "an HTTP server is asked for localhost" {
	need_python socket
	cat >server.py <<-'END'
		import socket
		s = socket.socket(socket.AF_UNIX)
		s.bind("h")
		s.listen()
		print("ready", flush=True)
		c = s.accept()[0]
		open("request", "wb").write(c.recv(9999))
		c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		c.recv(1)
	END
	start "$PYTHON" server.py
	bench-lat -n 1 -w 0 'http+unix://.%2Fh/x%20y?z' >out.tsv
	[ "$(cell out.tsv n)" = 1 ] || fail "$(cat out.tsv)"
	[ "$(head -n 1 request)" = $'GET /x%20y?z HTTP/1.1\r' ] || fail "$(cat request)"
	[ "$(grep -i '^host:' request)" = $'Host: localhost\r' ] || fail "$(cat request)"
}

# ---- stock peers

@test "a stock client of RPyC" {
	need_python rpyc
	local model six
	for model in $MODELS; do
		start rpc-serve -a ./s -m "$model"
		for six in '' --six; do
			# shellcheck disable=SC2086
			run timeout 100 "$PYTHON" "$PEERS/rpyc_client.py" $six "$URL"
			[ "$status" -eq 0 ] || fail "$model $six: $(grep -v '^ok' <<<"$output")"
			[[ $output == 1..[1-9]* ]] || fail "$output"
		done
		stop
	done
}

@test "stock servers of RPyC" {
	need_python rpyc
	local kind
	for kind in '' --fork --six; do
		rm -f s
		# shellcheck disable=SC2086
		start "$PYTHON" "$PEERS/rpyc_service.py" --path ./s $kind
		[ "$URL" = rpc+unix://.%2Fs ] || fail "$URL"
		every_bench
		every_bench -N
		kill -TERM "$PID"
		reap "$PID" || true
		forget "$PID"
	done
}

@test "curl, and the table of what HTTP asks for" {
	need curl
	local model
	for model in $MODELS; do
		start http-serve -a ./s -m "$model"
		run -0 curl -s -m 20 --unix-socket s http://localhost/ping
		[ "$output" = '{"response":"pong"}' ] || fail "$output"
		head -c 300000 /dev/urandom >data
		curl -s -m 20 --unix-socket s --data-binary @data -o body http://localhost/echo
		cmp data body
		run conform "$URL" "$PEERS/conformance.tsv"
		[ "$status" -eq 0 ] || fail "$model: $(grep -v '^ok' <<<"$output")"
		stop
	done
}

# answers PATH: of an HTTP server.
answers() {
	bench-lat -n 1 -w 0 "http+unix://.%2Fs$1" >/dev/null 2>&1
}

@test "nginx" {
	PATH=$PATH:/usr/sbin need nginx
	mkdir www
	printf '{"response":"pong"}' >www/ping
	head -c 100000 /dev/zero >www/zeros
	cat >nginx.conf <<-CONF
		daemon off;
		master_process off;
		pid $PWD/nginx.pid;
		error_log $PWD/nginx.log;
		events { }
		http {
			access_log off;
			client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
			uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
			server {
				listen unix:$PWD/s;
				root $PWD/www;
			}
		}
	CONF
	PATH=$PATH:/usr/sbin nginx -p "$PWD" -c "$PWD/nginx.conf" 2>nginx.err 3>&- &
	PID=$!
	STARTED+=("$PID")
	eventually answers /ping || fail "nginx does not answer: $(cat nginx.err nginx.log)"
	URL=http+unix://.%2Fs
	bench-conn -n 20 "$URL" >out.tsv
	bench-lat -H -n 100 "$URL" >>out.tsv
	bench-lat -H -n 20 -K "$URL/zeros" >>out.tsv
	bench-conc -H -c 20 -n 50 "$URL" >>out.tsv
	rows out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
}

@test "gunicorn" {
	need gunicorn
	gunicorn --chdir "$PEERS" -b "unix:$PWD/s" -w 1 -k gthread --threads 8 web_app:app >gunicorn.log 2>&1 3>&- &
	PID=$!
	STARTED+=("$PID")
	eventually answers /x || fail "gunicorn does not answer: $(cat gunicorn.log)"
	bench-lat -n 50 'http+unix://.%2Fs/x' >out.tsv
	bench-conc -H -c 4 -n 20 'http+unix://.%2Fs/x' >>out.tsv
	rows out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
}

# ---- a queue without room

@test "more clients than the server's queue holds wait for room" {
	need_python rpyc
	start "$PYTHON" "$PEERS/rpyc_service.py" --path ./s --backlog 1
	bench-conc -n 5 -c 50 -j 1 "$URL" >out.tsv
	bench-conc -H -n 5 -c 50 -j 50 "$URL" >>out.tsv
	rows out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
	[ "$(cell out.tsv n first-reply)" = $'50\n50' ] || fail "$(cat out.tsv)"
}

# On Linux a read ends behind a message with descriptors, and an edge tells of what follows no more.
@test "descriptors in the middle of requests: what follows is answered, and the connection ends in time" {
	local server model
	need_python
	for model in thread pool event; do
		start http-serve -a "$PWD/s" -m "$model" -T 1
		timeout 60 "$PYTHON" - "$PID" <<-'END' || fail "$model"
			import os, signal, socket, sys
			pid = int(sys.argv[1])
			s = socket.socket(socket.AF_UNIX)
			s.connect("s")
			request = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
			got = b""
			s.sendall(request)
			while b"pong" not in got:
			    got += s.recv(65536)
			# all of it is there before the server looks
			os.kill(pid, signal.SIGSTOP)
			s.sendall(request)
			socket.send_fds(s, [request], [0])
			s.sendall(request)
			os.kill(pid, signal.SIGCONT)
			while got.count(b"pong") < 4:
			    more = s.recv(65536)
			    assert more, got
			    got += more
			assert s.recv(1) == b""
		END
		stop
	done
}

@test "a server that takes no connection: clients wait for their time limit, or until it does" {
	need_python rpyc
	[ "$(uname)" = Linux ] || skip 'a full queue refuses here'
	local p clients=()
	start "$PYTHON" "$PEERS/rpyc_service.py" --path ./s --backlog 1
	kill -STOP "$PID"
	# the first two are in the queue; the dialect is stated or is to be found out
	for p in rpc5 rpc5 rpc5 rpc rpc; do
		bench-lat -n 3 "$p+unix://.%2Fs" >"out.${#clients[@]}" 2>&1 3>&- &
		clients+=($!)
	done
	STARTED+=("${clients[@]}")
	# one that waits for room asks again and again
	for p in rpc5 rpc; do
		run --separate-stderr timeout 60 bench-lat -n 1 -w 0 -T 0.3 "$p+unix://.%2Fs"
		[ "$status" -eq 1 ] || fail "$p: status $status"
		[[ $stderr == *'./s: '*'no answer within '* ]] || fail "$p: $stderr"
	done
	kill -CONT "$PID"
	for p in "${clients[@]}"; do
		reap "$p" || fail "$(cat out.*)"
		forget "$p"
	done
	[ "$(cat out.* | awk -F '\t' '$1 != "label" { n += $9; errors += $10 } END { print n, errors }')" = '15 0' ] ||
	    fail "$(cat out.*)"
}

# ---- the file

@test "a socket that was left is replaced, one that is used is not" {
	local server before
	for server in $SERVERS; do
		start "$server" -a ./s
		kill -KILL "$PID"
		reap "$PID" || true
		forget "$PID"
		[ -S s ] || fail 'the file went with SIGKILL'
		run --separate-stderr bench-lat -n 1 "$URL"
		want 1 './s: Connection refused'
		[[ $stderr != *loopback* ]] || fail "$stderr"
		start "$server" -a ./s
		before=$(ls -i s)
		run --separate-stderr timeout 60 "$server" -a ./s
		want 1 'bind \./s: Address already in use'
		[ -z "$output" ] || fail "$output"
		[ "$(ls -i s)" = "$before" ] || fail 'another file'
		bench-lat -n 3 "$URL" >out.tsv
		[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
		# in the command form, and below another server
		run --separate-stderr timeout 60 rpc-serve "$server" -a ./s true
		want 1 'bind \./s: Address already in use'
		stop
		none s
	done
}

@test "what is no socket of ours stays" {
	local server file
	echo text >file
	mkdir dir
	mkfifo fifo
	ln -s nowhere link
	for server in $SERVERS; do
		for file in file dir dir/ fifo link; do
			run --separate-stderr timeout 60 "$server" -a "./$file"
			want 1 "bind \\./$file: File exists"
			[ -z "$output" ] || fail "$output"
		done
		run --separate-stderr timeout 60 "$server" -a ./none/s
		want 1 'bind \./none/s: No such file or directory'
	done
	[ "$(cat file)" = text ] && [ -d dir ] && [ -p fifo ] && [ -L link ] || fail "$(ls -l)"
	none nowhere none
	# one that is used by somebody who listens for something else
	need_python socket
	start "$PYTHON" -c 'import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("d"); print("ready", flush=True); s.recv(1)'
	run --separate-stderr timeout 60 http-serve -a ./d
	want 1 'bind \./d: Address already in use'
	[ -S d ] || fail 'it is gone'
}

@test "other users" {
	need_other
	mkdir shut there
	chmod 555 shut
	chmod 777 there
	run --separate-stderr timeout 60 "${OTHER[@]}" http-serve -a ./shut/s
	[ "$status" -eq 1 ] && [[ $stderr == *'bind ./shut/s: Permission denied' ]] || fail "$status: $stderr"
	start http-serve -a ./s
	chmod 0 s
	run --separate-stderr "${OTHER[@]}" bench-lat -n 1 -w 0 "$URL"
	[ "$status" -eq 1 ] && [[ $stderr == *'connect ./s: Permission denied' ]] || fail "$status: $stderr"
	run --separate-stderr timeout 60 "${OTHER[@]}" http-serve -a ./s
	[ "$status" -eq 1 ] && [[ $stderr == *'bind ./s: Address already in use' ]] || fail "$status: $stderr"
	stop
	none s
	# nobody listens there, but it is another one's
	[ "$(id -u)" = 0 ] || skip 'not the superuser, so nobody else'
	start "${OTHER[@]}" http-serve -a ./there/s
	kill -KILL "$PID"
	reap "$PID" || true
	forget "$PID"
	[ -S there/s ] || fail 'no socket'
	run --separate-stderr timeout 60 http-serve -a ./there/s
	want 1 'bind \./there/s: Operation not permitted'
	[ -S there/s ] || fail 'it is gone'
}

@test "permissions are what the umask leaves" {
	local mask
	for mask in 077:srwx------ 027:srwxr-x--- 000:srwxrwxrwx; do
		start bash -c 'umask "$0"; exec http-serve -a ./s' "${mask%:*}"
		run -0 ls -l s
		[ "${output:0:10}" = "${mask#*:}" ] || fail "$output"
		stop
	done
}

@test "the file goes with the server: signals, the end of a command, starts that fail" {
	local server signal status
	for server in $SERVERS; do
		for signal in TERM INT HUP ALRM; do
			start "$server" -a ./s -m fork
			bench-conc -n 3 -c 3 "$URL" >out.tsv
			stop "$signal"
			none s
		done
		run -7 "$server" -a ./s sh -c 'test -S s || exit 1; exit 7'
		none s
		run -127 "$server" -a ./s /nosuch/command
		none s
		"$server" -a ./s sh -c 'echo >there; exec sleep 60' 3>&- &
		PID=$!
		STARTED+=("$PID")
		wait_for there
		kill -TERM "$PID"
		status=0
		reap "$PID" || status=$?
		forget "$PID"
		[ "$status" -eq 143 ] || fail "status $status"
		rm there
		none s
		# the URL can't be printed
		run --separate-stderr bash -c 'timeout 60 "$0" -a ./s >/dev/full' "$server"
		want 1 'stdout: No space left on device'
		none s
		mkfifo pipe
		# shellcheck disable=SC2094 # a reader, so that it can be opened to write; then none
		exec 8<>pipe 9>pipe 8>&-
		run --separate-stderr bash -c 'timeout 60 "$0" -a ./s >&9' "$server"
		exec 9>&-
		rm pipe
		want 1 'stdout: Broken pipe'
		none s
		run --separate-stderr timeout 60 "$server" -a ./s -u /nosuch/file
		want 1 '/nosuch/file'
		none s
	done
}

@test "a file that took the place of the server's own stays" {
	local first
	start http-serve -a ./s
	mv s moved
	echo text >s
	stop
	[ "$(cat s)" = text ] || fail "$(ls -l)"
	[ -S moved ] || fail 'the moved one went'
	rm s moved
	start http-serve -a ./s
	first=$PID
	rm s
	start http-serve -a ./s
	kill -TERM "$first"
	reap "$first" || fail "$(cat server.err)"
	forget "$first"
	bench-lat -n 3 "$URL" >out.tsv
	[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
	# one that is gone is no trouble
	rm s
	stop
}

# ---- names

@test "any byte of a path is in the URL, and none reaches the terminal" {
	local path server
	for server in $SERVERS; do
		for path in './a b%41:@[?#&=+' $'./\e[31m\n' $'./\xff\xc3\xa4'; do
			start "$server" -a "$path"
			[[ $URL =~ ^[a-z]+\+unix://[%A-Za-z0-9._~-]+$ ]] || fail "$URL"
			[ -S "$path" ] || fail "$path: no socket"
			bench-lat -n 3 "$URL" >out.tsv
			[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
			bench-lat -n 3 x="$URL" y="$URL" >out.tsv
			stop
			none "$path"
			run --separate-stderr bench-lat -n 1 "$URL"
			want 1 'No such file or directory'
			no_control
			run --separate-stderr "$server" -a "$path/x"
			want 1 'bind .*: '
			no_control
			# shellcheck disable=SC2016
			run -0 "$server" -a "$path" "$server" sh -c 'set -- $BENCH_TARGET; echo $#; bench-lat -H -n 3'
			[ "${lines[0]}" = 2 ] || fail "$output"
		done
	done
}

@test "a path is as long as the system takes it" {
	[ "$(uname)" = Linux ] || skip 'elsewhere it is another length'
	local path long server
	printf -v path './%0105d' 0
	printf -v long '%0300d' 0
	for server in $SERVERS; do
		start "$server" -a "$path"
		bench-lat -n 3 "$URL" >out.tsv
		[ "$(total out.tsv errors)" = 0 ] || fail "$(cat out.tsv)"
		stop
		none "$path"
		refuses "$server" "^$server: -a \\./0*: longer than the path of a socket can be" -a "${path}0"
		refuses "$server" 'longer than the path' -a "$path$long"
		none ./00*
		refuses bench-lat '%2F0*: longer than the path of a socket can be' "${URL}0"
		refuses bench-lat '0*: path of the socket too long' "$URL$long"
	done
}

@test "usage errors, and targets that are not there" {
	local bench server scheme file
	for server in $SERVERS; do
		refuses "$server" '-p 0: a Unix socket has no port .-a \./s' -p 0 -a ./s
		refuses "$server" '-p 80: a Unix socket has no port' -a ./s -p 80 true
	done
	none s
	echo text >file
	mkdir dir
	for bench in $BENCHES; do
		for scheme in rpc rpc5 http; do
			refuses "$bench" 'no path of a socket' -n 1 "$scheme+unix://"
			refuses "$bench" 'no path of a socket' -n 1 "$scheme+unix:///tmp/s/ping"
			refuses "$bench" 'no path of a socket' -n 1 "$scheme+unix://s"
			refuses "$bench" 'NUL in the path' -n 1 "$scheme+unix://.%2Fs%00"
			refuses "$bench" 'without two hexadecimal digits' -n 1 "$scheme+unix://.%2Fs%2"
			for file in none:'No such file or directory' file:'Connection refused' dir:'Connection refused' \
			    file%2Fs:'Not a directory'; do
				# shellcheck disable=SC2046
				run --separate-stderr timeout 60 "$bench" $(quick "$bench") "$scheme+unix://.%2F${file%%:*}"
				[ "$status" -eq 1 ] || fail "$bench $scheme $file: status $status"
				grep -q "connect \\./${file%%[%:]*}.*: ${file#*:}" <<<"$stderr" || fail "$bench $scheme $file: $stderr"
				[[ $stderr != *loopback* ]] || fail "$stderr"
			done
		done
	done
	[ "$(cat file)" = text ] || fail 'a target was written to'
}
