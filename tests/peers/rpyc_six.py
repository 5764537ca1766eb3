# SPDX-License-Identifier: ISC
"""Make an rpyc 5 library speak the wire of rpyc 6.

The two dialects differ in the first two bytes of a payload - 5: the tag of a 3-tuple and
the message type as a brine int, 6: the message type as a raw byte and the tag of a
2-tuple - and in close(), which waits for the other side in 6.
"""

from rpyc.core import channel, consts, protocol

TUPLE2, TUPLE3, INT0 = 0x11, 0x12, 0x50
TYPES = (1, 2, 3)


def _send(self, data, _five=channel.Channel.send):
    return _five(self, bytes((data[1] - INT0, TUPLE2)) + data[2:])


def _recv(self, _five=channel.Channel.recv):
    data = _five(self)
    if data and (data[0] not in TYPES or data[1:2] != bytes((TUPLE2,))):
        raise ValueError("not a message of dialect 6")
    return data and bytes((TUPLE3, data[0] + INT0)) + data[2:]


def _close(self):
    if self._closed or getattr(self, "_closing", False):
        return
    self._closing = True
    try:
        self.async_request(consts.HANDLE_CLOSE, timeout=self._config["sync_request_timeout"]).wait()
    except Exception:  # the end of the stream, or no answer in time
        pass
    finally:
        self._closed = True
        self._cleanup(_anyway=True)


def install():
    channel.Channel.send = _send
    channel.Channel.recv = _recv
    protocol.Connection.close = _close
