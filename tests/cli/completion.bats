#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Completion for bash: what is offered comes from the -h texts of the programs.

bats_require_minimum_version 1.5.0
load ../helper

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	# shellcheck disable=SC1091
	. bin/rpcbench.bash
	# fails outside a completion
	# shellcheck disable=SC2317
	compopt() { :; }
}

# offers WORDS WORD...: the last word, as typed so far, is completed to these.
offers() {
	local want=$1
	shift
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_rpcbench "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s: %s\n' "$*" "${COMPREPLY[*]}"
	[ "${COMPREPLY[*]}" = "$want" ]
}

@test "every program is completed" {
	local page
	for page in bin/*.1; do
		page=${page#bin/}
		[ "$(complete -p "${page%.1}")" = "complete -F _rpcbench ${page%.1}" ]
	done
}

@test "the options of a program are those of its -h" {
	local page program option
	for page in bin/*.1; do
		program=${page%.1}
		COMP_WORDS=("$program" -) COMP_CWORD=1 COMPREPLY=()
		_rpcbench "$program" - "$program"
		for option in -h -V $("$program" -h | sed -n 's/^  \(-[A-Za-z]\).*/\1/p'); do
			[[ " ${COMPREPLY[*]} " = *" $option "* ]] || { echo "$program: $option"; return 1; }
		done
	done
}

@test "values that the text lists: models and operations" {
	offers 'thread fork request pool event' bin/rpc-serve -m ''
	offers pool bin/http-serve -p 0 -m p
	offers 'upload download' bin/bench-bw -o ''
	offers ping,upload bin/bench-lat -o ping,u
	offers 'connect first-reply' bin/bench-conn -o ''
	offers 'fixed exp' bin/bench-lat -A ''
	offers exp bin/bench-cap -A e
	offers 'p50_us p99_us' bin/bench-cmp -m p
	offers '' bin/bench-lat -n ''
}

@test "files, folders and commands" {
	touch "$BATS_TEST_TMPDIR/file one"
	mkdir "$BATS_TEST_TMPDIR/folder"
	offers "$BATS_TEST_TMPDIR/file one" bin/bench-bw -f "$BATS_TEST_TMPDIR/fi"
	offers "$BATS_TEST_TMPDIR/folder" bin/bench-suite -o "$BATS_TEST_TMPDIR/f"
	offers "$BATS_TEST_TMPDIR/file one" bin/bench-cmp -T "$BATS_TEST_TMPDIR/fi"
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/wrapped-command"
	chmod +x "$BATS_TEST_TMPDIR/wrapped-command"
	PATH=$BATS_TEST_TMPDIR:$PATH
	offers wrapped-command bin/rpc-serve -m pool wrapped-c
	offers wrapped-command bin/bench-turns -p 20 wrapped-c
}

@test "targets and configurations" {
	offers 'rpc:// http:// rpc5:// rpc6:// rpc+unix:// http+unix://' bin/bench-lat -d 2 ''
	offers 'http-thread http-fork http-request http-pool http-event' bin/bench-suite -q http-
}

@test "under the name of a program, the file serves that program" {
	ln -s "$PWD/bin/rpcbench.bash" "$BATS_TEST_TMPDIR/bench-lat"
	complete -r
	# shellcheck disable=SC1091
	. "$BATS_TEST_TMPDIR/bench-lat"
	[ "$(complete -p)" = 'complete -F _rpcbench bench-lat' ]
}
