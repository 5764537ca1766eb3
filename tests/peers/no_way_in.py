# SPDX-License-Identifier: ISC
"""What a stock RPyC client must not get from rpc-serve.

usage: no_way_in.py port
"""
import sys

import rpyc
from rpyc.core import consts

ALLOWED = {
    "ping", "echo", "upload", "download", "compute", "sleep",
    "upload_file", "download_file", "upload_file_chunked", "download_file_chunked",
}
TRIED = [
    "__class__", "__globals__", "__dict__", "__init__", "__subclasses__", "__reduce__",
    "__reduce_ex__", "__getattribute__", "__builtins__", "__code__", "__closure__", "__func__",
    "__self__", "__module__", "__mro__", "_conn", "_rpyc_getattr", "____conn__",
    "getattr", "setattr", "eval", "exec", "open", "os", "exposed_eval", "exposed_os", "",
    "ping\0", "ping ", "Ping", "pin\u0131",
]


def refused(what, f):
    """f must raise, and leave the connection as it was."""
    try:
        result = f()
    except EOFError:
        raise SystemExit(f"{what}: the connection was closed")
    except Exception:
        return
    if result is NotImplemented:
        return
    raise SystemExit(f"{what}: gave {result!r}")


conn = rpyc.connect("127.0.0.1", int(sys.argv[1]),
                    config={"allow_pickle": True, "sync_request_timeout": 10})
root = conn.root
for name in sorted(ALLOWED):
    getattr(root, name)
for name in TRIED:
    refused(f"getattr {name!r}", lambda: conn.sync_request(consts.HANDLE_GETATTR, root, name))
    refused(f"callattr {name!r}",
            lambda: conn.sync_request(consts.HANDLE_CALLATTR, root, name, (), ()))
ping = root.ping
for name in TRIED:
    refused(f"getattr ping.{name!r}", lambda: conn.sync_request(consts.HANDLE_GETATTR, ping, name))
for name in ("ping", "new", "__class__"):
    refused(f"setattr {name}", lambda: conn.sync_request(consts.HANDLE_SETATTR, root, name, 1))
    refused(f"delattr {name}", lambda: conn.sync_request(consts.HANDLE_DELATTR, root, name))
refused("pickle", lambda: conn.sync_request(consts.HANDLE_PICKLE, root, 2))
refused("instancecheck", lambda: conn.sync_request(consts.HANDLE_INSTANCECHECK, root, ("x", 0, 0)))
refused("cmp", lambda: conn.sync_request(consts.HANDLE_CMP, root, 1, "__class__"))
refused("a handler that is none", lambda: conn.sync_request(99))
assert root.ping() == "pong"
print("ok")
