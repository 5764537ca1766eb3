#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A server's side of a recorded session (tests/wire): each frame of the client is answered with what
was recorded behind it. A frame that is not as long as the recorded one ends the session. Usage:
replay.py FILE; prints its address."""
import socket
import sys

lines = [line.split() for line in open(sys.argv[1]) if line[0] in "<>"]
listener = socket.create_server(("127.0.0.1", 0))
print("%s:%d" % listener.getsockname(), flush=True)
conn = listener.accept()[0]
for way, frame in lines:
    if frame == "EOF":
        break
    data = bytes.fromhex(frame)
    if way == "<":
        conn.sendall(data)
        continue
    got = conn.recv(len(data), socket.MSG_WAITALL)
    if len(got) < len(data):
        break  # the client has what it wanted
    if got[:5] != data[:5]:
        sys.exit("another frame: %s" % got.hex())
