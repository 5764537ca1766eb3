#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# rpc-serve: the command line, starting and stopping, the command form, limits.

bats_require_minimum_version 1.5.0
load ../helper

@test "help and version" { help_is_fine rpc-serve; }
@test "usage errors are refused" { server_refuses_usage_errors rpc-serve; }
@test "one line says that it listens" { server_says_when_it_is_ready rpc-serve; }
@test "a port in use is an error" { server_refuses_a_port_in_use rpc-serve; }
@test "output that can't be written is an error" { server_notices_lost_output rpc-serve; }
@test "SIGTERM and SIGINT stop it, with the usage written" { server_stops_when_told rpc-serve; }
@test "open connections don't keep it" { server_stops_with_open_connections rpc-serve; }
@test "a command runs, and its status is passed on" { server_runs_a_command rpc-serve; }
@test "killed, it takes its command along" { server_takes_its_command_along rpc-serve; }
@test "Ctrl-C ends both, rows are kept" { server_and_command_get_ctrl_c rpc-serve; }
@test "requests are counted exactly" { server_counts_exactly rpc-serve; }
@test "-c limits the connections at once" { server_limits_connections rpc-serve; }
@test "-T ends idle connections and half-sent requests" { server_ends_silent_connections rpc-serve '\\0\\0\\1\\0\\0\\022'; }
