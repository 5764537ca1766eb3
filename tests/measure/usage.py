#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Run a server that is not ours, and write what it has used, with all its children that have ended,
to a file: usage.py FILE COMMAND... SIGTERM ends it as soon as none of its children is left."""
import os
import signal
import subprocess
import sys
import time

server = subprocess.Popen(sys.argv[2:])


def stop(*_):
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        with open(f"/proc/{server.pid}/task/{server.pid}/children") as children:
            if not children.read().split():
                break
        time.sleep(0.01)
    server.terminate()


signal.signal(signal.SIGTERM, stop)
used = os.wait4(server.pid, 0)[2]
figures = {
    "cpu_us": round((used.ru_utime + used.ru_stime) * 1e6),
    "voluntary": used.ru_nvcsw,
    "involuntary": used.ru_nivcsw,
    "faults": used.ru_minflt + used.ru_majflt,
    "maxrss_kb": used.ru_maxrss,
}
with open(sys.argv[1], "w") as out:
    print(*figures, sep="\t", file=out)
    print(*figures.values(), sep="\t", file=out)
