#!/bin/sh
# SPDX-License-Identifier: ISC
# See that bats is there. If it is not, install it, and nothing else, from the system's package
# manager: as root, or where the manager needs no root; otherwise print the command.

set -eu
LC_ALL=C
export LC_ALL

# The command that installs bats here, words without blanks.
command_for_bats() {
	if command -v apt-get >/dev/null; then
		echo 'apt-get install -y -q --no-install-recommends bats'
	elif command -v dnf >/dev/null; then
		echo 'dnf install -y --setopt=install_weak_deps=False bats'
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

! command -v bats >/dev/null || exit 0
command=$(command_for_bats)
if [ -z "$command" ]; then
	echo 'The tests need bats (https://github.com/bats-core/bats-core); install it first.' >&2
	exit 1
fi
case $(id -u),$command in
0,* | *,brew*) ;;
*)
	echo "The tests need bats; install it as root: $command" >&2
	exit 1
	;;
esac
echo "bats is not installed; installing it alone: $command"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the command is words
case $command in
apt-get*)
	# a machine that never updated its lists knows no package
	$command >&2 || { apt-get update -q >&2 && $command >&2; }
	;;
*) $command >&2 ;;
esac
command -v bats >/dev/null
