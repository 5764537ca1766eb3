#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The manual pages against the programs: options, defaults, version, and where to find the rest.

bats_require_minimum_version 1.5.0
load ../helper

# The programs: those that have a page.
programs() {
	local page
	for page in "$BIN"/*.1; do
		basename "$page" .1
	done
}

# help_options PROGRAM: the letters of its -h, one a line.
help_options() {
	"$1" -h | sed -n 's/^  \(-[A-Za-z, -]*\).*/\1/p' | grep -o -- '-[A-Za-z]\>' | tr -d - | sort -u
}

# synopsis_options PROGRAM: the letters of its page's synopsis, one a line.
synopsis_options() {
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$BIN/$1.1" | grep -o 'Fl [A-Za-z]*' |
	    cut -c 4- | grep -o . | sort -u
}

# about PROGRAM: its page and then, of a program that shares options, that section of rpcbench(7).
about() {
	local section=
	case $(grep '^\.Op' "$BIN/$1.1") in
	*target*) section='OPTIONS OF THE BENCHMARKS\|COMPARING' ;;
	*command*) section=SERVERS ;;
	esac
	cat "$BIN/$1.1"
	[ -z "$section" ] || sed -n "/^\.Sh \($section\)\$/,/^\.Sh /p" "$BIN/rpcbench.7"
}

@test "the synopsis of a page and -h have the same options" {
	local p
	for p in $(programs); do
		help_options "$p" >help
		[ -s help ] || fail "$p: no option found in -h"
		synopsis_options "$p" >page
		diff help page || fail "$p: -h (<) and the synopsis of its page (>)"
	done
}

@test "each option of -h is explained, in the page or, where programs share it, in rpcbench(7)" {
	local p
	for p in $(programs); do
		help_options "$p" >help
		about "$p" | sed -n 's/^\.It Fl //p' | sed 's/ Ar .*\| Cm .*//' | grep -o '[A-Za-z]' |
		    sort -u >page
		comm -23 help page >missing
		[ ! -s missing ] || fail "$p: not explained: $(tr '\n' ' ' <missing)"
	done
}

@test "defaults in a page are those of -h" {
	local p letter default said n=0
	for p in $(programs); do
		while read -r letter default; do
			said=$(about "$p" | awk -v it=".It Fl $letter" '
				/^\.It / || /^\.El/ { on = index($0, it " ") == 1 }
				on && sub(/^Default: /, "") && !n++ { sub(/[.;]$|, .*/, ""); print }
			    ')
			[ "$said" = "$default" ] || fail "$p -$letter: $default, but the page says: $said"
			n=$((n + 1))
		done < <("$p" -h |
		    sed -n 's/^  -\([A-Za-z]\) .*(\(default: \)\{0,1\}\([0-9][0-9a-z.%]*\))$/\1 \3/p')
	done
	[ "$n" -ge 30 ] || fail "only $n defaults compared"
}

@test "pages have the version of the programs, and name rpcbench(7)" {
	local page version
	version=$(bench-lat -V)
	for page in "$BIN"/*.[17]; do
		grep -qx "\.Os rpcbench ${version##* }" "$page" || fail "$page: $(grep '^\.Os' "$page")"
		[ "$page" = "$BIN/rpcbench.7" ] || grep -q '^\.Xr rpcbench 7' "$page" || fail "$page"
	done
}

@test "rpcbench(7) leads to every program" {
	local p
	for p in $(programs); do
		grep -q "\.Xr $p 1\|\.It Xr $p 1" "$BIN/rpcbench.7" || fail "$p"
	done
}

@test "the columns in rpcbench(7) are those that are printed" {
	local c
	for c in $HEADER $RAW_HEADER $HIST_HEADER $USAGE_HEADER; do
		case $c in
		# p50_us to p999_us are one line
		p90_us | p95_us | p99_us) ;;
		*) grep -Eq "Cm (.* )?$c\b" "$BIN/rpcbench.7" || fail "$c" ;;
		esac
	done
}

@test "the pages are clean for mandoc" {
	command -v mandoc >/dev/null || skip 'mandoc is not installed'
	mandoc -T lint -W warning "$BIN"/*.[17] || fail 'see above'
}

@test "no line of a page is longer than a terminal of 80 columns" {
	local page
	need mandoc
	for page in "$BIN"/*.[17]; do
		mandoc -T ascii -O width=78 "$page" | col -bx | awk -v page="${page##*/}" '
			length > 80 { print page ": " $0; bad = 1 }
			END { exit bad }' || fail 'see above'
	done
}

@test "make install brings all pages, and uninstall removes them" {
	local page
	cd "$ROOT"
	make -s install DESTDIR="$BATS_TEST_TMPDIR/there" PREFIX=/usr >/dev/null
	for page in bin/*.[17]; do
		cmp "$page" "$BATS_TEST_TMPDIR/there/usr/share/man/man${page##*.}/${page##*/}"
	done
	make -s uninstall DESTDIR="$BATS_TEST_TMPDIR/there" PREFIX=/usr
	[ -z "$(find "$BATS_TEST_TMPDIR/there" -type f)" ] || fail "$(find "$BATS_TEST_TMPDIR/there" -type f)"
}
