#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# Stress over HTTP, as stress.bash says; and time limits of slow clients, on either protocol.

bats_require_minimum_version 1.5.0
load stress

@test "http-serve -m thread" { survives http thread; }
@test "http-serve -m fork" { survives http fork; }
@test "http-serve -m request" { survives http request; }
@test "http-serve -m pool" { survives http pool; }
@test "http-serve -m event" { survives http event; }

# A slow client's time limit is that of the request: one byte now and then does not prolong it.
# And it holds where nothing else happens that would make a server look.
@test "idle connections and slow requests end with -T, whatever the gaps" {
	local model protocol name began ms try
	for protocol in rpc http; do
		for model in $MODELS; do
			start "$protocol-serve" -p 0 -m "$model" -T 0.5
			for name in idle drip half; do
				# on a machine that is busy with something else the best of several counts
				for try in 1 2 3; do
					began=$(ms)
					bad_client "$protocol-$name" "${URL##*:}" >/dev/null
					ms=$(($(ms) - began))
					[ "$ms" -ge 400 ] || fail "$protocol $model $name: $ms ms"
					[ "$ms" -ge 8000 ] || break
					[ "$try" -lt 3 ] || fail "$protocol $model $name: $ms ms"
				done
			done
			stop
		done
	done
}
