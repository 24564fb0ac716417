"""PNG: every colour type and depth, interlaced and not; too little, too much and damaged data; animations."""

import struct
import zlib

from .kind import exact, keep, noise, ours, skip

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, data, crc=None):
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def header(width, height, depth, colour, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def samples(width, height, depth, colour):
    limit = 7 if colour == 3 and depth > 2 else 1 << depth
    values = noise(width * 31 + depth, width * height * CHANNELS[colour], limit)
    per = width * CHANNELS[colour]
    return [values[y * per:(y + 1) * per] for y in range(height)]


def pack(values, depth):
    if depth == 16:
        return b"".join(struct.pack(">H", v) for v in values)
    out = bytearray((len(values) * depth + 7) // 8)
    for i, v in enumerate(values):
        out[i * depth // 8] |= v << (8 - depth - i * depth % 8)
    return bytes(out)


def scanlines(rows, depth, colour, interlace):
    n = CHANNELS[colour]
    if not interlace:
        return b"".join(bytes([0]) + pack(row, depth) for row in rows)
    out = b""
    for x0, y0, dx, dy in ADAM7:
        for row in rows[y0::dy]:
            pixels = [row[x * n:(x + 1) * n] for x in range(x0, len(row) // n, dx)]
            if pixels:
                out += bytes([0]) + pack(sum(pixels, []), depth)
    return out


def palette(count=7):
    return chunk(b"PLTE", bytes(noise(5, 3 * count)))


def picture(width=13, height=11, depth=8, colour=2, interlace=0, before=b"", data=None, between=b"", end=True, tail=b""):
    if data is None:
        data = zlib.compress(scanlines(samples(width, height, depth, colour), depth, colour, interlace))
    start = SIGNATURE + header(width, height, depth, colour, interlace) + before
    start += palette(min(7, 1 << depth)) if colour == 3 else b""
    return start + between + chunk(b"IDAT", data) + tail + (chunk(b"IEND", b"") if end else b"")


def endless(megabytes, first=b""):
    """A stream that inflates to so many megabytes, and no end."""
    packer = zlib.compressobj(9)
    return packer.compress(first) + b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


def text_bomb(kind, head, megabytes):
    return chunk(kind, head + endless(megabytes))


def animation(first_control, idat_control=True):
    """Two frames; the first is the picture itself, if it has a control."""
    def control(sequence, width, height, x, y):
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", sequence, width, height, x, y, 1, 10, 1, 0))
    rows = scanlines(samples(8, 8, 8, 6), 8, 6, 0)
    other = zlib.compress(scanlines(samples(4, 4, 8, 6), 8, 6, 0))
    out = SIGNATURE + header(8, 8, 8, 6) + chunk(b"acTL", struct.pack(">II", 2 if idat_control else 1, 0))
    at = 0
    if idat_control:
        out += control(0, *first_control)
        at = 1
    out += chunk(b"IDAT", zlib.compress(rows))
    out += control(at, 4, 4, 2, 2) + chunk(b"fdAT", struct.pack(">I", at + 1) + other) + chunk(b"IEND", b"")
    return out


def kinds():
    for interlace, word in ((0, ""), (1, ", interlaced")):
        for colour, what in ((0, "grey"), (2, "colour"), (3, "palette"), (4, "grey and alpha"), (6, "colour and alpha")):
            files = [(f"png-{colour}-{d}-{interlace}.png", picture(depth=d, colour=colour, interlace=interlace)) for d in DEPTHS[colour]]
            yield exact(f"PNG, {what}, {' '.join(map(str, DEPTHS[colour]))} bits{word}", *files)
    transparent = [
        ("trns-grey.png", picture(colour=0, before=chunk(b"tRNS", b"\0\7"))),
        ("trns-grey2.png", picture(colour=0, depth=2, before=chunk(b"tRNS", b"\0\1"))),
        ("trns-rgb.png", picture(before=chunk(b"tRNS", b"\0\7\0\7\0\7"))),
        ("trns-rgb16.png", picture(depth=16, before=chunk(b"tRNS", b"\0\7\0\7\0\7"))),
        ("trns-grey16.png", picture(colour=0, depth=16, before=chunk(b"tRNS", b"\0\7"))),
        ("trns-palette.png", picture(colour=3, between=chunk(b"tRNS", b"\0\x80\xff"))),
        ("trns-palette1.png", picture(colour=3, depth=1, between=chunk(b"tRNS", b"\0"))),
        ("trns-background.png", picture(colour=6, before=chunk(b"bKGD", b"\0\x50\0\x60\0\x70"))),
    ]
    yield exact("PNG, transparent by tRNS, with a background", *transparent)
    gamma = chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"gAMA", struct.pack(">I", 20000)), chunk(b"sBIT", b"\5\5\5")
    yield exact("PNG, with gamma or significant bits", *[(f"gamma-{i}.png", picture(before=g)) for i, g in enumerate(gamma)])
    yield exact("PNG, sizes 1×1 to 9×9, interlaced", *[(f"tiny-{n}.png", picture(n, 10 - n, interlace=1)) for n in range(1, 10)])
    rows = scanlines(samples(13, 11, 8, 2), 8, 2, 0)
    short = picture(data=zlib.compress(rows[:200]))
    whole = picture()
    yield keep("PNG, cut off", ("cut-half.png", whole[:len(whole) // 2]), ("cut-tail.png", whole[:-30]))
    yield keep("PNG without its end chunk", ("no-iend.png", picture(end=False)), ("cut-iend.png", whole[:-6]))
    yield keep("PNG with too little data", ("short.png", short))
    yield skip("PNG without data", "broken", ("none.png", SIGNATURE + header(9, 9, 8, 2) + chunk(b"IEND", b"")))
    yield skip("PNG with a wrong checksum in its data", "broken", ("crc.png", whole.replace(chunk(b"IEND", b""), b"")[:-4] + b"abcd" + chunk(b"IEND", b"")))
    yield exact("PNG with a wrong checksum in a text", ("crc-text.png", picture(before=chunk(b"tEXt", b"a\0b", 7))))
    yield exact("PNG with damaged or repeated chunks beside its pixels", ("bad-iccp.png", picture(before=chunk(b"iCCP", b"x\0\0abc"))),
                ("bad-gama.png", picture(before=chunk(b"gAMA", b"\0"))), ("bad-phys.png", picture(before=chunk(b"pHYs", b"\0"))),
                ("unknown.png", picture(before=chunk(b"abCd", b"x" * 99))), ("exif.png", picture(before=chunk(b"eXIf", b"x" * 99))))
    yield skip("PNG with an unknown critical chunk", "broken", ("critical.png", picture(before=chunk(b"ABCD", b"x"))))
    yield exact("PNG that inflates to more than its pixels", ("more.png", picture(data=zlib.compress(rows + bytes(5000)))),
                ("endless.png", picture(data=endless(2000, rows))))
    yield exact("PNG with bombs in iCCP, zTXt, iTXt, eXIf", ("iccp.png", picture(before=text_bomb(b"iCCP", b"x\0\0", 1000))),
                ("ztxt.png", picture(before=text_bomb(b"zTXt", b"x\0\0", 1000))),
                ("itxt.png", picture(before=text_bomb(b"iTXt", b"x\0\1\0\0\0", 1000))),
                ("texts.png", picture(before=chunk(b"tEXt", b"a\0b") * 300000)))
    yield ours("PNG with more than 8 MB beside its pixels", ("exif-big.png", picture(before=chunk(b"eXIf", b"MM\0*" + bytes(30 << 20)))))
    yield exact("PNG of many empty data chunks", ("chunks.png", SIGNATURE + header(13, 11, 8, 2) + chunk(b"IDAT", b"") * 300000 + whole[33:]))
    yield skip("PNG that declares too many pixels", "declares", ("huge.png", picture(0x7FFFFFFF, 0x7FFFFFFF, data=b"x")), ("large.png", picture(20000, 20000, data=b"x")))
    yield skip("PNG that declares 196 million pixels and has none", "cut off", ("promise.png", picture(14000, 14000, data=zlib.compress(b"\0" * 9))))
    yield exact("PNG of 196 million pixels of one colour", ("flat.png", picture(14000, 14000, 1, 0, data=zlib.compress((bytes(1751)) * 14000, 9))))
    yield exact("PNG, animated", ("apng.png", animation((8, 8, 0, 0))), ("apng-still.png", animation(None, False)))
    yield exact("PNG, animated, of a first frame smaller than the picture", ("apng-small.png", animation((4, 4, 1, 1))))
