# SPDX-License-Identifier: ISC
"""Stock RPyC servers and services of other kinds than rpyc_service.py has.

Prints its URL once it listens. Options: --server KIND (of SERVERS), --service NAME (of SERVICES),
--six (the wire of rpyc 6).
"""

import argparse

import rpyc
from rpyc.core.service import ClassicService
from rpyc.utils.server import ForkingServer, OneShotServer, ThreadedServer, ThreadPoolServer

import rpyc_six
from rpyc_service import BenchmarkService, announcing

SERVERS = {"threads": ThreadedServer, "forks": ForkingServer, "pool": ThreadPoolServer, "once": OneShotServer}

# what same(i, ...) expects
VALUES = [("a b",), ("a/b",), ("\u00e4\u20ac\U0001f600",), ("007",), (7, -7, 0), (0.5, -1.25), ("5",), ("", "%", "\0"),
          ("1e5", "1.2.3", "-"), (10**30,)]


class Benchmark(BenchmarkService):
    def exposed_same(self, i, *values):
        if values != VALUES[i] or list(map(type, values)) != list(map(type, VALUES[i])):
            raise ValueError(values)

    def exposed_grüß(self):  # a name beyond ASCII
        return "Gott"


class Reads(Benchmark):
    """Keeps the root of each client."""

    def on_connect(self, conn):
        self.client = conn.root


class Talks(Benchmark):
    """Does with it whatever one can do, now and in each call."""

    def on_connect(self, conn):
        self.client = conn.root
        self.talk()

    def talk(self):
        client = self.client
        clients = {client}
        assert client in clients and client in [client] and client == client and not client != client
        assert client.get_service_name() == "VOID" and tuple(client.get_service_aliases()) == ("VOID",)
        assert "get_service_name" in dir(client) and repr(client) and str(client) and f"{client}" == str(client)
        assert not hasattr(client, "on_event") and not hasattr(client, "_private")
        try:
            client.on_event("x")
        except AttributeError as e:
            assert e.args == ("cannot access 'on_event'",), e.args
        else:
            raise AssertionError("a client with a method")

    def exposed_ping(self):
        self.talk()
        return "pong"

    def exposed_calls(self):
        self.client.on_event()


class Classic(ClassicService, Benchmark):
    pass


class Dies(Benchmark):
    """Calls a method that clients lack, as they connect."""

    def on_connect(self, conn):
        repr(conn.root)
        conn.root.welcome()


SERVICES = {"plain": Benchmark, "reads": Reads, "talks": Talks, "classic": Classic, "dies": Dies}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", choices=SERVERS, default="threads")
    parser.add_argument("--service", choices=SERVICES, default="plain")
    parser.add_argument("--six", action="store_true")
    args = parser.parse_args()
    if args.six:
        rpyc_six.install()
    announcing(SERVERS[args.server])(SERVICES[args.service], hostname="127.0.0.1", port=0,
                                     protocol_config={"allow_public_attrs": True}).start()


if __name__ == "__main__":
    main()
