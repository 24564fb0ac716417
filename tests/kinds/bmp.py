"""BMP: every depth, run lengths without end, rows that go down, sizes that are not there."""

import struct

from .kind import exact, noise, ours, skip


def header(width, height, bits, compression=0, size=0, colours=0, head=40, masks=b""):
    table = colours * 4
    offset = 14 + head + len(masks) + table
    info = struct.pack("<IiiHHIIiiII", head, width, height, 1, bits, compression, size, 2835, 2835, colours, 0)
    return b"BM" + struct.pack("<IHHI", offset + size, 0, 0, offset) + info + bytes(head - 40) + masks


def table(count):
    return b"".join(bytes(noise(i + 3, 3)) + b"\0" for i in range(count))


def rows(width, height, bits, seed=1):
    pitch = -(-width * bits // 32) * 4
    return bytes(noise(seed, pitch * height))


def indexed(bits, width=13, height=11, **more):
    colours = 1 << bits
    return header(width, height, bits, colours=colours, **more) + table(colours) + rows(width, abs(height), bits)


def direct(bits, width=13, height=11, compression=0, masks=b""):
    return header(width, height, bits, compression, masks=masks) + rows(width, abs(height), bits)


def runs(compression, data, width=13, height=11, bits=None):
    bits = bits or {1: 8, 2: 4}[compression]
    return header(width, height, bits, compression, len(data), 1 << bits) + table(1 << bits) + data


def rle8(width, height):
    """Runs, pixels as they are, and a jump."""
    out = b""
    for y in range(height):
        out += bytes([width - 5, 7 + y]) + b"\0\5" + bytes(noise(y, 5)) + b"\0" + b"\0\0"
    return out + b"\0\1"


def rle4(width, height):
    out = b""
    for y in range(height):
        out += bytes([width - 4, 0x12 + y]) + b"\0\4" + bytes(noise(y, 2)) + b"\0\0"
    return out + b"\0\1"


def kinds():
    yield exact("BMP, 1, 4 and 8 bits", *[(f"bmp{b}.bmp", indexed(b)) for b in (1, 4, 8)])
    yield exact("BMP, 24 and 32 bits", ("bmp24.bmp", direct(24)), ("bmp32.bmp", direct(32)))
    yield exact("BMP, 16 bits", ("bmp16.bmp", direct(16)), ("bmp565.bmp", direct(16, compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))))
    yield exact("BMP, 32 bits by masks", ("masks.bmp", direct(32, compression=3, masks=struct.pack("<III", 0xFF0000, 0xFF00, 0xFF))))
    yield skip("BMP, 32 bits by masks that are not bytes", "not a byte each",
               ("11-11-10.bmp", direct(32, compression=3, masks=struct.pack("<III", 0xFFE00000, 0x1FFC00, 0x3FF))))
    yield exact("BMP, rows from top to bottom", ("down24.bmp", direct(24, height=-11)), ("down8.bmp", indexed(8, height=-11)))
    yield exact("BMP, run lengths of 8 bits", ("rle8.bmp", runs(1, rle8(13, 11))))
    yield skip("BMP, run lengths that leave pixels out", "not all of its pixels", ("ends.bmp", runs(1, rle8(13, 11)[:-20] + b"\0\1")),
               ("jumps.bmp", runs(1, b"\0\2\3\0" + rle8(13, 11))), ("jump8.bmp", runs(1, b"\5\7\0\2\3\2\4\x09\0\0\0\1")),
               ("jump4.bmp", runs(2, b"\5\x37\0\2\3\2\4\x19\0\0\0\1")), ("ends-of-rows.bmp", runs(1, b"\0\0" * 500000 + b"\0\1")),
               ("beyond.bmp", runs(1, b"\xff\7" * 500 + b"\0\1")), ("promise8.bmp", runs(1, b"\0\1", 14000, 14000)), ("short.bmp", runs(2, bytes([12, 0x12, 0, 0]) * 11 + b"\0\1")))
    yield exact("BMP, run lengths of 4 bits", ("rle4.bmp", runs(2, rle4(13, 11))))
    yield skip("BMP, cut off", "", ("cut.bmp", direct(24)[:-60]), ("cut8.bmp", indexed(8)[:-20]), ("cut-rle.bmp", runs(1, rle8(13, 11)[:-30])))
    yield skip("BMP without pixels", "", ("head.bmp", direct(24)[:54]), ("table.bmp", indexed(8)[:60]))
    yield skip("BMP that declares 196 million pixels and has none", "cut off", ("promise.bmp", header(14000, 14000, 24)))
    yield skip("BMP that declares too many pixels", "declares", ("huge.bmp", header(2147483647, 2147483647, 24)), ("huge-down.bmp", header(20000, -2147483648, 24)),
               ("wide.bmp", header(300000, 1000, 1)))
    yield skip("BMP of a negative width", "", ("negative.bmp", header(-13, 11, 24) + rows(13, 11, 24)))
    yield skip("BMP of more than 65,535 pixels a side", "too large", ("wide1.bmp", indexed(1, 70000, 3)))
    yield exact("BMP of the first version", ("core.bmp", b"BM" + struct.pack("<IHHI", 26 + 440, 0, 0, 26) + struct.pack("<IHHHH", 12, 13, 11, 1, 24) + rows(13, 11, 24)))
    yield exact("BMP of later versions", ("v4.bmp", header(13, 11, 24, head=108) + rows(13, 11, 24)), ("v5.bmp", header(13, 11, 24, head=124) + rows(13, 11, 24)))
