#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Compare lib/inflate.c with zlib.

usage: inflate_check.py path/to/unit_inflate [count [seed]]

Streams of every level, strategy, window size and kind of block, sizes 0 to 300k, fed in
pieces of every size; then the same with bits flipped, bytes changed, cut off, spliced. What
zlib accepts must come out the same, taking the same bytes; what zlib refuses must be refused.
"""
import random
import struct
import subprocess
import sys
import zlib

INPUT, DONE, BAD = 0, 2, 3


class Filter:
    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, "-f"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def inflate(self, stream, step):
        """(status, bytes taken, output)"""
        to, from_ = self.process.stdin, self.process.stdout
        to.write(struct.pack("<II", len(stream), step) + stream)
        to.flush()
        head = from_.read(9)
        if len(head) != 9:
            sys.exit("inflate_check: the program is gone, status %d" % self.process.wait())
        status, taken, n = struct.unpack("<BII", head)
        return status, taken, from_.read(n)

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def reference(stream):
    d = zlib.decompressobj()
    try:
        out = d.decompress(stream)
    except zlib.error:
        return BAD, None, None
    if d.eof:
        return DONE, len(stream) - len(d.unused_data), out
    return INPUT, len(stream), out


def content(rng):
    size = rng.choice([0, 1, 2, 3, 10, 100, 3001, 32767, 32768, 32769, 40960, 65536,
                       rng.randrange(300), rng.randrange(5000), rng.randrange(300001)])
    kind = rng.randrange(7)
    if kind == 0:
        return bytes(size)
    if kind == 1:
        return rng.randbytes(size)
    if kind == 2:                       # text of few words
        words = [rng.randbytes(rng.randrange(1, 12)).hex().encode() for _ in range(50)]
        return b" ".join(rng.choice(words) for _ in range(size // 10 + 1))[:size]
    if kind == 3:                       # very uneven bytes: long codes
        return bytes(min(255, int(rng.expovariate(0.4) ** 1.5)) for _ in range(min(size, 30000)))
    if kind == 4:                       # a period, short or near the window's size
        period = rng.choice([1, 2, 3, 7, 8, 9, 255, 4096, 32767, 32768, 32769])
        block = rng.randbytes(period)
        return (block * (size // period + 1))[:size]
    if kind == 5:
        return rng.randbytes(size // 2 + 1).hex().encode()[:size]
    parts = []
    while sum(map(len, parts)) < size:  # a mixture: other kinds of block in turn
        parts.append(rng.choice([bytes(rng.randrange(9000)), rng.randbytes(rng.randrange(9000)),
                                 b"the same text again. " * rng.randrange(500)]))
    return b"".join(parts)[:size]


def compress(rng, data):
    c = zlib.compressobj(rng.randrange(-1, 10), zlib.DEFLATED, rng.randrange(9, 16),
                         rng.randrange(1, 10),
                         rng.choice([zlib.Z_DEFAULT_STRATEGY] * 3 +
                                    [zlib.Z_FILTERED, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY,
                                     zlib.Z_RLE]))
    out, at = [], 0
    flushes = rng.random() < 0.3
    while at < len(data):
        n = rng.randrange(1, len(data) + 1) if flushes else len(data)
        out.append(c.compress(data[at:at + n]))
        if flushes:
            out.append(c.flush(rng.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH,
                                           zlib.Z_PARTIAL_FLUSH, zlib.Z_BLOCK])))
        at += n
    return b"".join(out) + c.flush()


def damage(rng, stream, other):
    kind = rng.randrange(6)
    s = bytearray(stream)
    if kind == 0:
        return stream[:rng.randrange(len(stream))]
    if kind == 1:                       # a bit, most often where the codes are told
        at = rng.randrange(min(len(s), rng.choice([4, 20, 120, 10 ** 9])))
        s[at] ^= 1 << rng.randrange(8)
    elif kind == 2:
        for _ in range(rng.randrange(1, 5)):
            s[rng.randrange(len(s))] = rng.randrange(256)
    elif kind == 3:
        at = rng.randrange(len(s))
        del s[at:at + rng.randrange(1, 4)]
    elif kind == 4:
        s = s[:rng.randrange(len(s))] + other[rng.randrange(len(other)):]
    else:                               # garbage behind a good header
        s = bytearray(b"\x78\x9c" + bytes([rng.choice([3, 4, 5, rng.randrange(256)])]) +
                      rng.randbytes(rng.randrange(200)))
    return bytes(s)


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    filter_ = Filter(program)
    seen = {INPUT: 0, DONE: 0, BAD: 0}
    other = zlib.compress(b"other")

    def check(stream, want=None):
        step = rng.choice([1, 2, 3, 7, 8, 9, 100, 1000, 65536, 1 << 30])
        status, taken, out = reference(stream)
        mine = filter_.inflate(stream, step)
        seen[status] += 1
        good = mine[0] == status and (status == BAD or mine == (status, taken, out))
        if status == INPUT and mine[0] == BAD:
            # zlib reads on with a code for the lengths that is all zeros; there is no way
            # out of it, and we say so at once
            good = all(reference(stream + rng.randbytes(400))[0] == BAD for _ in range(20))
        if want is not None:
            good = good and out == want
        if not good:
            name = "inflate_check.stream"
            with open(name, "wb") as f:
                f.write(stream)
            sys.exit("inflate_check: %d bytes by %d (kept in %s): zlib says %d, %s taken; "
                     "inflate %d, %d taken" % (len(stream), step, name, status, taken, *mine[:2]))

    for _ in range(count):
        data = content(rng)
        stream = compress(rng, data)
        check(stream, data)
        check(stream + rng.randbytes(rng.randrange(20)), data)
        for _ in range(8):
            check(damage(rng, stream, other))
        other = stream

    # the other fields of a header
    for head in range(0, 65536, 31):
        check(struct.pack(">H", head) + zlib.compress(b"x")[2:])

    if filter_.close() != 0:
        sys.exit("inflate_check: the program ended with an error")
    if min(seen.values()) < count // 3:
        sys.exit("inflate_check: too few of a kind: %s" % seen)
    print("inflate_check: %d accepted, %d refused, %d incomplete, all as zlib" %
          (seen[DONE], seen[BAD], seen[INPUT]))


if __name__ == "__main__":
    main()
