"""JPEG, from coefficients: every process, colour space and number of scans."""

import struct
from itertools import cycle

from .kind import Bits, exact, keep, near, noise, ours, skip

DC = list(range(12))  # codes of 4 bits
AC = [run << 4 | size for run in range(16) for size in range(1, 11)] + [0x00, 0xF0]  # codes of 8 bits
EOBS = [r << 4 for r in range(15)]  # of progressive scans: runs of blocks without more


def segment(marker, content):
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def tables(progressive=False):
    ac = sorted(set(AC) | set(EOBS)) if progressive else AC
    counts = lambda at, n: bytes(n if i == at else 0 for i in range(1, 17))
    return segment(0xDB, b"\0" + bytes([3] * 64)) + segment(0xC4, b"\0" + counts(4, 12) + bytes(DC) + b"\x10" + counts(8, len(ac)) + bytes(ac))


def frame(marker, width, height, components, precision=8):
    """`components`: horizontal and vertical sampling of each."""
    content = struct.pack(">BHHB", precision, height, width, len(components))
    content += b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(components))
    return segment(marker, content)


def scan(ids, start=0, end=63, high=0, low=0):
    return segment(0xDA, bytes([len(ids)]) + b"".join(bytes([i, 0]) for i in ids) + bytes([start, end, high << 4 | low]))


class Coder:
    def __init__(self, progressive=False):
        self.bits = Bits(stuff=True)
        self.ac = sorted(set(AC) | set(EOBS)) if progressive else AC
        self.dc = {}

    def number(self, value, size):
        self.bits.put(value if value >= 0 else value + (1 << size) - 1, size)

    def first(self, component, value):
        difference = value - self.dc.get(component, 0)
        self.dc[component] = value
        size = abs(difference).bit_length()
        self.bits.put(size, 4)
        self.number(difference, size)

    def others(self, values):
        for value in values:
            size = abs(value).bit_length()
            self.bits.put(self.ac.index(size), 8)
            self.number(value, size)
        self.bits.put(self.ac.index(0), 8)

    def run(self, blocks):
        """No coefficients in so many blocks."""
        while blocks:
            size = min(blocks.bit_length() - 1, 14)
            self.bits.put(self.ac.index(size << 4), 8)
            self.bits.put(min(blocks, (2 << size) - 1) - (1 << size), size)
            blocks -= min(blocks, (2 << size) - 1)

    def done(self):
        self.bits.flush(fill=1)
        return bytes(self.bits.bytes)


def units(width, height, components):
    h, v = max(c[0] for c in components), max(c[1] for c in components)
    return -(-width // (8 * h)) * -(-height // (8 * v))


def pixels(width, height, components, seed=1, with_ac=True, progressive=False):
    """One scan of all components."""
    count = units(width, height, components)
    if count > 5000:
        # The same grey everywhere: no difference is a code of zeros.
        return bytes(count * sum(h * v for h, v in components) // 2 + 1)
    coder, values = Coder(progressive), cycle(noise(seed, 9973, 101))
    for _ in range(count):
        for i, (h, v) in enumerate(components):
            for _ in range(h * v):
                coder.first(i, (next(values) - 50) * (5 if i in (0, 3) else 2))
                if with_ac:
                    coder.others([next(values) // 8 - 6 or 1 for _ in range(4)])
    return coder.done()


APP14 = lambda transform: segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
YCC420 = ((2, 2), (1, 1), (1, 1))
YCC = ((1, 1),) * 3
INKS = ((1, 1),) * 4
END = b"\xff\xd9"


def baseline(components=YCC420, width=37, height=29, before=b"", marker=0xC0, precision=8):
    ids = range(1, len(components) + 1)
    return b"\xff\xd8" + before + tables() + frame(marker, width, height, components, precision) + scan(ids) + pixels(width, height, components) + END


def progressive(scans, components=YCC, width=37, height=29):
    """One scan of the first coefficients, and so many of no others, which say so in runs of blocks; three and more are whole."""
    out = b"\xff\xd8" + tables(True) + frame(0xC2, width, height, components) + scan(range(1, len(components) + 1), 0, 0)
    out += pixels(width, height, components, with_ac=False, progressive=True)
    most = [max(c[i] for c in components) for i in (0, 1)]
    for i, (h, v) in enumerate(components[:scans]):
        coder = Coder(True)
        coder.run(-(-width * h // (8 * most[0])) * -(-height * v // (8 * most[1])))
        out += scan([i + 1], 1, 63) + coder.done()
    coder = Coder(True)
    coder.run(-(-width // 8) * -(-height // 8))
    return out + (scan([1], 1, 63) + coder.done()) * (scans - len(components)) + END


def by_component(width=37, height=29):
    out = b"\xff\xd8" + tables() + frame(0xC0, width, height, YCC)
    for i in range(3):
        out += scan([i + 1]) + pixels(width, height, ((1, 1),), seed=i + 1)
    return out + END


def kinds():
    whole = baseline()
    zero_height = baseline().replace(struct.pack(">BHHB", 8, 29, 37, 3), struct.pack(">BHHB", 8, 0, 37, 3))
    line_count = zero_height[:-2] + segment(0xDC, struct.pack(">H", 29)) + END
    yield near("JPEG, grey and colour, 4:4:4 to 4:2:0", ("grey.jpg", baseline(((1, 1),))), ("444.jpg", baseline(YCC)), ("420.jpg", whole),
               ("422.jpg", baseline(((2, 1), (1, 1), (1, 1)))), ("440.jpg", baseline(((1, 2), (1, 1), (1, 1)))))
    yield near("JPEG, 4:1:1 and other samplings", ("411.jpg", baseline(((4, 1), (1, 1), (1, 1)))), ("410.jpg", baseline(((4, 2), (1, 1), (1, 1)))),
               ("grey22.jpg", baseline(((2, 2),))))
    yield near("JPEG, other samplings of chroma", ("chroma.jpg", baseline(((2, 2), (2, 1), (1, 2)))), ("luma.jpg", baseline(((1, 1), (2, 2), (2, 2)))))
    yield near("JPEG, RGB", ("rgb-adobe.jpg", baseline(YCC, before=APP14(0))),)
    yield near("JPEG, CMYK and YCCK", ("cmyk.jpg", baseline(INKS, before=APP14(0))), ("ycck.jpg", baseline(INKS, before=APP14(2))),
               ("cmyk-plain.jpg", baseline(INKS)))
    yield skip("JPEG of two components", "two components", ("two.jpg", baseline(((1, 1),) * 2)))
    yield near("JPEG, progressive", ("progressive.jpg", progressive(3)), ("progressive420.jpg", progressive(3, YCC420)))
    yield ours("JPEG, progressive, without all of its scans", ("some-scans.jpg", progressive(1)))
    yield near("JPEG, a scan a component", ("by-component.jpg", by_component()))
    yield near("JPEG, extended sequential", ("extended.jpg", baseline(marker=0xC1)))
    yield skip("JPEG, 12 bits", "12 bits", ("12bit.jpg", baseline(marker=0xC1, precision=12)))
    yield skip("JPEG, arithmetic coding", "arithmetic", ("arithmetic.jpg", baseline(marker=0xC9)), ("arithmetic-p.jpg", baseline(marker=0xCA)))
    yield skip("JPEG, lossless", "lossless", ("lossless.jpg", baseline(marker=0xC3)))
    yield skip("JPEG, hierarchical", "hierarchical", ("hierarchical.jpg", baseline(marker=0xC5)))
    yield skip("JPEG of no declared height", "height", ("dnl.jpg", line_count), ("zero.jpg", zero_height))
    yield keep("JPEG, cut off", ("cut.jpg", whole[:-120]), ("no-end.jpg", whole[:-2]))
    yield skip("JPEG, cut off, all grey", "cut off", ("cut-scan.jpg", progressive(3, YCC420)[:-20]))
    yield skip("JPEG, cut off before its pixels", "", ("head.jpg", whole[:200]), ("head2.jpg", whole[:60]))
    yield near("JPEG with something behind its end", ("behind.jpg", whole + b"\xff\xda\0\x0c film" * 999))
    yield ours("JPEG, damaged in its pixels", ("damaged.jpg", whole[:-200] + b"\xff\0" * 20 + whole[-160:]))
    yield skip("JPEG of 65,535 scans", "scans", ("scans.jpg", progressive(65535, ((1, 1),), 4000, 4000)), ("scans-small.jpg", progressive(65535)))
    yield near("JPEG of 90 scans", ("scans90.jpg", progressive(90, ((1, 1),))))
    yield skip("JPEG that declares too many pixels", "declares", ("large.jpg", baseline().replace(struct.pack(">HH", 29, 37), b"\xff\xff" * 2)))
    yield near("JPEG of many segments", ("segments.jpg", baseline(before=segment(0xE1, b"x" * 9) * 500000)), ("comments.jpg", baseline(before=segment(0xFE, bytes(65533)) * 400)))
    yield near("JPEG with a broken Exif", ("exif.jpg", baseline(before=segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"))))
