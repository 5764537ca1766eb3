#!/bin/sh
# SPDX-License-Identifier: ISC
# Do the includes of lib/ and bin/ point downwards only? Prints each that points up or sideways
# to another folder, and each circle of files (a header and the source of its name are one).
#
# usage: layers.sh [tree]

set -eu
LC_ALL=C
export LC_ALL
cd "${1:-$(dirname "$0")/..}"

# From the top: what stands in a line may include what stands in the lines below it.
floors='
bin
load
client rpyc http server
stats net payload
protocol
service
base
'

grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' bin/*.c lib/*.[ch] lib/*/*.[ch] |
    floors=$floors awk '
# The folder or, of a file that lies in lib itself, its name.
function room(node) {
	sub(/\/.*/, "", node)
	return node
}
# trim FROM, TO: leave out arrows whose end TO begins none; returns how many.
function trim(from, to,  i, n, begins) {
	for (i = 1; i <= arrows; i++) if (!out[i]) begins[from[i]] = 1
	for (i = 1; i <= arrows; i++) if (!out[i] && !(to[i] in begins)) {
		out[i] = 1
		n++
	}
	return n
}
BEGIN {
	floors = split(ENVIRON["floors"], line, "\n")
	for (i = 1; i <= floors; i++) {
		rooms = split(line[i], name, " ")
		for (j = 1; j <= rooms; j++) floor[name[j]] = i
	}
}
{
	split($0, part, ":")
	where = part[1] ":" part[2]
	node = part[1]
	target = $0
	sub(/^[^"]*"/, "", target)
	sub(/".*/, "", target)
	if ((getline ignored <("lib/" target)) < 0) {
		print where ": " target ": no such file in lib/"
		bad = 1
	}
	close("lib/" target)
	sub(/^lib\//, "", node)
	sub(/\.[ch]$/, "", node)
	sub(/\.[ch]$/, "", target)
	a = room(node)
	b = room(target)
	if (!(a in floor) || !(b in floor)) {
		print where ": " (a in floor ? b : a) ": has no floor in tests/layers.sh"
		bad = 1
	} else if (a != b && floor[a] >= floor[b]) {
		print where ": " a " must not include " b ": " target ".h"
		bad = 1
	}
	if (node != target) {
		from[++arrows] = node
		to[arrows] = target
		at[arrows] = where
	}
}
END {
	if (arrows == 0) {
		print "layers.sh: no includes found"
		exit 1
	}
	# what begins no arrow, or ends none, is in no circle
	while (trim(from, to) + trim(to, from)) ;
	for (i = 1; i <= arrows; i++) if (!out[i]) {
		print at[i] ": part of a circle: " from[i] " -> " to[i]
		bad = 1
	}
	exit bad
}'
