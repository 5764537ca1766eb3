# SPDX-License-Identifier: ISC
"""A stock RPyC server whose method fail(i) raises exception number i, of many kinds.

Prints its URL once it listens; before that, on lines of their own in the file that is named by
its argument, what str() of each exception shows, behind the name of its class.
"""

import os
import sys

import rpyc
from rpyc.utils.server import ThreadedServer

from rpyc_service import announcing


def raised(function, *args):
    try:
        function(*args)
    except Exception as e:
        return e
    raise AssertionError(f"{function} succeeds")


class Odd(Exception):
    """A class that is not built in, with a str() of its own."""


EXCEPTIONS = [
    # no argument, one of each kind, several
    ValueError(), ValueError("a text"), ValueError(""), ValueError(5), ValueError(-1.5), ValueError(None),
    ValueError(b"\0a'\xff"), ValueError(("a", 1)), ValueError("a", 1), ValueError(("a",), "b'c", 'd"', "e'\"f"),
    ValueError("a\\b", "tab\there", "line\nend", "\x7f\x01"), ValueError(10**30, True, ..., NotImplemented),
    ValueError(slice(1, None, 2), frozenset(), frozenset({3}), ()), ValueError("", ""),
    # floats, as repr() has them
    *(ValueError(f, 0) for f in (0.0, -0.0, 1.0, 100.0, 0.1, 1 / 3, 1e15, 1e16, 1.5e300, 1e-4, 1.25e-5, 5e-324,
                                 123456789012345680.0, 9007199254740993.0, float("inf"), float("-inf"), float("nan"))),
    # classes with a str() of their own
    KeyError("x"), KeyError(5), KeyError(), KeyError("a", "b"), KeyError("it's"),
    FileNotFoundError(2, "No such file or directory", "x"), raised(open, "/nonexistent/x"),
    PermissionError(13, "Permission denied"), OSError("only a text"), OSError(), OSError(5), OSError(1, "a", "b", 0, "c"),
    OSError(1, 2, 3, 4, 5, 6), raised(os.rename, "/nonexistent/a", "/nonexistent/b"), ConnectionResetError(104, "reset"),
    BlockingIOError(11, "again", 5), TimeoutError("result expired"),
    UnicodeDecodeError("utf-8", b"a\xffb", 1, 2, "invalid start byte"), raised(b"\xc3".decode, "utf-8"),
    UnicodeDecodeError("utf-8", b"a\xff\xffb", 1, 3, "several"), UnicodeEncodeError("ascii", "a\xe4", 1, 2, "not in range"),
    UnicodeEncodeError("ascii", "a\u20ac", 1, 2, "not in range"), raised("\U0001f600".encode, "latin-1"),
    UnicodeEncodeError("ascii", "\xe4\xf6", 0, 2, "not in range"), UnicodeTranslateError("a\xe4", 1, 2, "why"),
    raised(compile, "a b", "<string>", "exec"), raised(compile, " a", "/some/file.py", "exec"), SyntaxError("a text"),
    SyntaxError("a text", ("f", None, None, None)), SyntaxError("a text", ("f.py", 3, 1, "x")),
    # others that are often met
    raised(lambda: [][1]), raised(lambda: 1 / 0), raised(lambda: None.x), raised(lambda: int("x")),
    raised(__import__, "nosuch"), AssertionError(), RuntimeError("a", "b"), StopAsyncIteration(1), NotImplementedError("x"),
    MemoryError(), Odd("a text"), Odd("a", "b"), Odd(),
]


class RaisingService(rpyc.Service):
    def exposed_fail(self, i):
        raise EXCEPTIONS[i]


def main():
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        for e in EXCEPTIONS:
            text = f"{type(e).__name__}: {e}" if str(e) else type(e).__name__
            # as on a terminal: one printable line
            print("".join(c if " " <= c <= "~" else "".join(f"\\x{b:02x}" for b in c.encode()) for c in text), file=f)
    announcing(ThreadedServer)(RaisingService, hostname="127.0.0.1", port=0).start()


if __name__ == "__main__":
    main()
