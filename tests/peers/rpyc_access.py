# SPDX-License-Identifier: ISC
"""Tries to reach what a server must not give away: writes requests by hand, which a stock
client would refuse to send. Every check is a line of TAP, the exit status is 1 if one failed.

usage: rpyc_access.py rpc://HOST:PORT
"""

import sys
from urllib.parse import urlsplit

from rpyc.core import brine, consts
from rpyc.core.channel import Channel
from rpyc.core.stream import SocketStream

VALUE, TUPLE, LOCAL_REF, REMOTE_REF = (consts.LABEL_VALUE, consts.LABEL_TUPLE, consts.LABEL_LOCAL_REF,
                                       consts.LABEL_REMOTE_REF)
METHODS = ["ping", "echo", "upload", "download", "compute", "sleep", "upload_file", "download_file",
           "upload_file_chunked", "download_file_chunked"]
NAMES = METHODS + ["get_service_name", "get_service_aliases"]

# what Python's objects have: enough to get from any of them to the interpreter
FORBIDDEN = sorted(
    {name for thing in (object, type, list, iter([]), len, lambda: 0, METHODS.append) for name in dir(thing)}
    | {"__globals__", "__builtins__", "__import__", "__subclasses__", "__mro__", "__bases__", "__code__",
       "__self__", "__func__", "__closure__", "__dict__", "__wrapped__", "func_globals", "im_self", "gi_frame",
       "f_globals", "_ping", "__ping", "exposed_", "exposed___class__", "exposed_exposed_ping",
       "____conn__", "____id_pack__", "on_connect", "on_disconnect", "_conn", "os", "sys", "eval", "exec",
       "", "ping\0", "ping ", "Ping", "pinge", "pin", "p" * 5000, "\u00fcber"})
# of these a list and its iterator have some: what their owner can do with a list of bytes
SEQUENCE = {"__len__", "__iter__", "__next__", "__getitem__", "__contains__", "__bool__", "__length_hint__", "__reversed__",
            "__eq__", "__ne__", "__str__", "__repr__", "__hash__", "count", "index", "__class_getitem__"}


class Peer:
    def __init__(self, url):
        self.channel = Channel(SocketStream.connect(urlsplit(url).hostname, urlsplit(url).port))
        self.seq = 0

    def ask(self, handler, *boxed):
        """(True, boxed result), or (False, (class, arguments))."""
        self.seq += 1
        self.channel.send(brine.dump((consts.MSG_REQUEST, self.seq, (handler, (TUPLE, boxed)))))
        kind = consts.MSG_REQUEST
        while kind == consts.MSG_REQUEST:  # it releases references that we sent
            kind, seq, body = brine.load(self.channel.recv())
        if seq != self.seq:
            raise AssertionError(f"answer {seq} to request {self.seq}")
        if kind == consts.MSG_REPLY:
            return True, body
        if kind != consts.MSG_EXCEPTION:
            raise AssertionError(f"a message of type {kind}")
        return False, ("StopIteration", ()) if body == consts.EXC_STOP_ITERATION else (body[0][1], body[1])

    def refused(self, what, handler, *boxed):
        ok, got = self.ask(handler, *boxed)
        if ok:
            raise AssertionError(f"{what}: answered with {got!r:.200}")
        return got[0]

    def reference(self, handler, *boxed):
        ok, got = self.ask(handler, *boxed)
        if not ok or got[0] != REMOTE_REF:
            raise AssertionError(f"no reference: {got!r:.200}")
        return LOCAL_REF, got[1]

    def root(self):
        return self.reference(consts.HANDLE_GETROOT)

    def objects(self):
        root = self.root()
        chunks = self.reference(consts.HANDLE_CALLATTR, root, value("download_file_chunked"), value((10, 3)))
        return {
            "root": root,
            "method": self.reference(consts.HANDLE_GETATTR, root, value("ping")),
            "list": chunks,
            "iterator": self.reference(consts.HANDLE_CALLATTR, chunks, value("__iter__"), value(())),
        }


def value(x):
    return VALUE, x


def reading_attributes(peer):
    for kind, thing in peer.objects().items():
        for name in FORBIDDEN + ([] if kind == "root" else NAMES):
            for spelled in (name, name.encode()):
                error = peer.refused(f"{kind}.{spelled!r:.80}", consts.HANDLE_GETATTR, thing, value(spelled))
                if error != "AttributeError":
                    raise AssertionError(f"{kind}.{spelled!r:.80}: {error}")


def calling_attributes(peer):
    for kind, thing in peer.objects().items():
        for name in FORBIDDEN:
            if kind in ("list", "iterator") and name in SEQUENCE:
                continue
            for arguments in ((), ("__class__",), ("__class__", 1)):
                peer.refused(f"{kind}.{name!r:.80}{arguments}", consts.HANDLE_CALLATTR, thing, value(name),
                             value(arguments))


def changing_attributes(peer):
    for kind, thing in peer.objects().items():
        for name in FORBIDDEN + NAMES:
            peer.refused(f"{kind}.{name:.80} = 1", consts.HANDLE_SETATTR, thing, value(name), value(1))
            peer.refused(f"del {kind}.{name:.80}", consts.HANDLE_DELATTR, thing, value(name))


def handlers_that_reach_further(peer):
    for kind, thing in peer.objects().items():
        for protocol in range(-1, 6):
            peer.refused(f"pickle of {kind}", consts.HANDLE_PICKLE, thing, value(protocol))
        peer.refused(f"isinstance(.., {kind})", consts.HANDLE_INSTANCECHECK, thing, value(("builtins.object", 1, 1)))
        peer.refused(f"isinstance(.., {kind})", consts.HANDLE_INSTANCECHECK, thing, thing)
        peer.refused(f"with {kind}", consts.HANDLE_CTXEXIT, thing, value(None))
        peer.refused(f"{kind}[:]", consts.HANDLE_OLDSLICING, thing, value("__getitem__"), value("__class__"), value(0),
                     value(1), value(()))


def unknown_handlers(peer):
    for handler in (-1, 0, 21, 22, 99, 255, 2**31, 2**63, 2**64, -(2**63), 1.0, True, None, "1", b"1", (), (1,)):
        peer.refused(f"handler {handler!r}", handler, peer.root())


def directories(peer):
    for kind, thing in peer.objects().items():
        ok, got = peer.ask(consts.HANDLE_DIR, thing)
        names = set(got[1]) if ok else set()
        if names != (set(NAMES) if kind == "root" else set()):
            raise AssertionError(f"dir of {kind}: {sorted(names)}")
        ok, got = peer.ask(consts.HANDLE_INSPECT, value(thing[1]))
        names = {name for name, _ in got[1]} if ok else set()
        if names - set(NAMES):
            raise AssertionError(f"inspection of {kind}: {sorted(names)}")


def guessed_references(peer):
    known = {thing[1] for thing in peer.objects().values()}
    names = {name for name, _, _ in known} | {"builtins.type", "builtins.function", "builtins.module", "", "x"}
    numbers = [*range(-3, 130), 2**31, 2**63 - 1, 2**63, 2**64, -(2**63)]
    for name in sorted(names):
        for cls in (-1, 0, 1, 2, 3, 101, 2**63):
            for number in numbers:
                ok, got = peer.ask(consts.HANDLE_REPR, (LOCAL_REF, (name, cls, number)))
                own = (name, cls, number) in known or (name == "builtins.method" and cls == 2
                                                      and 1 <= number <= len(NAMES))
                if ok != own:
                    raise AssertionError(f"({name!r}, {cls}, {number}): {got!r:.200}")


def no_reference_at_all(peer):
    for thing in (value("__class__"), value(1), value(None), value(("builtins.object", 1, 1)), (TUPLE, ()),
                  (TUPLE, (peer.root(),)), (REMOTE_REF, ("builtins.object", 1, 1)), (5, 1), (0, 1), (-1, 1)):
        peer.refused(f"attribute of {thing!r}", consts.HANDLE_GETATTR, thing, value("ping"))
        peer.refused(f"call of {thing!r}", consts.HANDLE_CALL, thing, value(()))


def only_methods_are_called(peer):
    for kind, thing in peer.objects().items():
        if kind != "method":
            peer.refused(f"{kind}()", consts.HANDLE_CALL, thing, value(()), value(()))


CHECKS = [reading_attributes, calling_attributes, changing_attributes, handlers_that_reach_further, unknown_handlers,
          directories, guessed_references, no_reference_at_all, only_methods_are_called]


def main():
    failed = 0
    print(f"1..{len(CHECKS)}")
    for i, check in enumerate(CHECKS, 1):
        name = check.__name__.replace("_", " ")
        try:
            peer = Peer(sys.argv[1])
            check(peer)
            # whatever was tried, the connection goes on
            if peer.ask(consts.HANDLE_CALLATTR, peer.root(), value("ping"), value(())) != (True, (VALUE, "pong")):
                raise AssertionError("no pong afterwards")
            peer.channel.close()
            print(f"ok {i} - {name}")
        except Exception as error:
            failed += 1
            print(f"not ok {i} - {name}: {type(error).__name__}: {error}")
    sys.exit(failed > 0)


main()
