# SPDX-License-Identifier: ISC
"""The service on a stock RPyC server.

Prints its URL once it listens. Options: --fork (a process per connection in place of a
thread), --six (the wire of rpyc 6), --four (the references of rpyc 4.0), --path PATH (a Unix
socket), --backlog N.
"""

import argparse
import socket
import time
from urllib.parse import quote

import rpyc
from rpyc.utils.server import ForkingServer, ThreadedServer

import rpyc_four
import rpyc_six


class BenchmarkService(rpyc.Service):
    def exposed_ping(self):
        return "pong"

    def exposed_echo(self, data):
        return data

    def exposed_upload(self, data):
        return len(data)

    def exposed_download(self, size):
        return b"x" * size

    def exposed_compute(self, n):
        return sum(i * i for i in range(n))

    def exposed_sleep(self, duration):
        time.sleep(duration)
        return duration

    def exposed_upload_file(self, data):
        return len(data)

    def exposed_download_file(self, size):
        return b"\0" * size

    def exposed_upload_file_chunked(self, chunks):
        return sum(len(chunk) for chunk in chunks)

    def exposed_download_file_chunked(self, size, chunk_size):
        if chunk_size <= 0:
            raise ValueError("chunk_size must be positive")
        return [b"\0" * min(chunk_size, size - at) for at in range(0, size, chunk_size)]


def announcing(base):
    class Announcing(base):
        def _listen(self):
            super()._listen()
            if self.listener.family == socket.AF_UNIX:
                print(f"rpc+unix://{quote(self.listener.getsockname(), safe='')}", flush=True)
            else:
                print(f"rpc://127.0.0.1:{self.port}", flush=True)

    return Announcing


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fork", action="store_true")
    parser.add_argument("--six", action="store_true")
    parser.add_argument("--four", action="store_true")
    parser.add_argument("--path")
    parser.add_argument("--backlog", type=int, default=socket.SOMAXCONN)
    args = parser.parse_args()
    if args.six:
        rpyc_six.install()
    if args.four:
        rpyc_four.install()
    kind = announcing(ForkingServer if args.fork else ThreadedServer)
    address = {"socket_path": args.path} if args.path else {"hostname": "127.0.0.1", "port": 0}
    kind(BenchmarkService, **address, backlog=args.backlog,
         protocol_config={"allow_public_attrs": True}).start()


if __name__ == "__main__":
    main()
