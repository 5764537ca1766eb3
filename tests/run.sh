#!/bin/sh
# SPDX-License-Identifier: ISC
# Run the tests: all bats files, or those that are named. Without bats, get it from the
# system's package manager if that needs no questions.

set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."

# As root, or through sudo if it asks for no password.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

may_install() {
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# The command that installs bats here; brew does so as an ordinary user.
how() {
	if command -v apt-get >/dev/null; then
		echo 'apt-get install -y bats'
	elif command -v dnf >/dev/null; then
		echo 'dnf install -y bats'
	elif command -v apk >/dev/null; then
		echo 'apk add bats bash'
	elif command -v pacman >/dev/null; then
		echo 'pacman -S --noconfirm bash-bats'
	elif command -v brew >/dev/null; then
		echo 'brew install bats-core'
	elif command -v pkg >/dev/null; then
		echo 'pkg install -y bats-core'
	fi
}

# shellcheck disable=SC2086 # the command is words
get_bats() {
	command=$(how)
	case $command in
	'')
		echo 'tests need bats (https://github.com/bats-core/bats-core): install it first' >&2
		return 1
		;;
	brew*)
		$command
		return
		;;
	esac
	if ! may_install; then
		echo "tests need bats; get it with: sudo $command" >&2
		return 1
	fi
	case $command in
	apt-get*)
		# a machine that never updated its lists knows no package
		as_root env DEBIAN_FRONTEND=noninteractive $command ||
		    { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive $command; }
		;;
	*)
		as_root $command
		;;
	esac
}

if ! command -v bats >/dev/null; then
	get_bats >&2 || exit 1
fi
if [ $# -eq 0 ]; then
	set -- tests/*/*.bats
fi
# a test that hangs is ended (by versions of bats that know this)
BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}
export BATS_TEST_TIMEOUT
exec bats --tap "$@"
