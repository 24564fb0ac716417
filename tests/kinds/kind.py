"""What a kind of file is and what is to become of it."""

from collections import namedtuple

# name: what it is called in the table of docs/pictures.md
# becomes: "exact"  the pixels that OpenCV's IMREAD_COLOR reads
#          "near"   the same within the levels by which JPEG decoders differ
#          "ours"   read, and not as OpenCV does: docs/pictures.md says why
#          "skip"   left out, with a reason that contains `reason`
#          "keep"   left out as cut off; with --truncated keep what there is of it is used
# files: pairs of a name and its bytes
Kind = namedtuple("Kind", "name becomes reason files")


def exact(name, *files):
    return Kind(name, "exact", "", list(files))


def near(name, *files):
    return Kind(name, "near", "", list(files))


def ours(name, *files):
    return Kind(name, "ours", "", list(files))


def skip(name, reason, *files):
    return Kind(name, "skip", reason, list(files))


def keep(name, *files):
    return Kind(name, "keep", "cut off", list(files))


class Bits:
    """Bits, the first one highest (JPEG) or lowest (GIF, WebP)."""

    def __init__(self, low_first=False, stuff=False):
        self.bytes, self.now, self.count = bytearray(), 0, 0
        self.low_first, self.stuff = low_first, stuff

    def put(self, value, width):
        for i in range(width):
            bit = value >> (i if self.low_first else width - 1 - i) & 1
            self.now |= bit << (self.count if self.low_first else 7 - self.count)
            self.count += 1
            if self.count == 8:
                self.flush()

    def flush(self, fill=0):
        if self.count == 0:
            return
        while fill and self.count < 8:
            self.now |= 1 << (self.count if self.low_first else 7 - self.count)
            self.count += 1
        self.bytes.append(self.now)
        if self.stuff and self.now == 0xFF:
            self.bytes.append(0)
        self.now = self.count = 0


def noise(seed, count, limit=256):
    """Numbers below `limit`, the same in every run (a linear congruence)."""
    values, state = [], seed * 2654435761 & 0xFFFFFFFF
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append((state >> 16) % limit)
    return values
