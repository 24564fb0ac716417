"""TIFF: strips and tiles, packed and not, of every depth; counts without end and chapters that go in a circle."""

import struct
import zlib

from .kind import exact, near, noise, ours, skip

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 16: 8}


def tiff(entries, data, big=False, order="<", after=0, pages=None):
    """One chapter behind `data`, which begins at byte 8 (16 in BigTIFF). Values are (type, list)."""
    start = 16 if big else 8
    directory = start + len(data) + len(data) % 2
    size = (8 + 20 * len(entries) + 8) if big else (2 + 12 * len(entries) + 4)
    spare, out = b"", b""
    for tag, (kind, values) in sorted(entries.items()):
        code = {1: "B", 2: "c", 3: "H", 4: "I", 16: "Q"}[kind]
        raw = struct.pack(f"{order}{len(values)}{code}", *values)
        inline = 8 if big else 4
        if len(raw) > inline:
            at = directory + size + len(spare)
            spare += raw
            raw = struct.pack(order + ("Q" if big else "I"), at)
        out += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, len(values)) + raw.ljust(inline, b"\0")
    after = directory if after == "itself" else after
    mark = b"II" if order == "<" else b"MM"
    if big:
        head = mark + struct.pack(order + "HHHQ", 43, 8, 0, directory)
        body = struct.pack(order + "Q", len(entries)) + out + struct.pack(order + "Q", after)
    else:
        head = mark + struct.pack(order + "HI", 42, directory)
        body = struct.pack(order + "H", len(entries)) + out + struct.pack(order + "I", after)
    return head + data + b"\0" * (len(data) % 2) + body + spare


def about(width, height, bits, samples, photometric, compression, offsets, counts, rows_per_strip, big=False, **more):
    entries = {256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * samples), 259: (3, [compression]), 262: (3, [photometric]),
               273: (16 if big else 4, offsets), 277: (3, [samples]), 278: (4, [rows_per_strip]), 279: (16 if big else 4, counts)}
    entries.update({int(k[1:]): v for k, v in more.items()})
    return entries


def picture(width=13, height=11, bits=8, samples=3, photometric=2, compression=1, strip=4, big=False, order="<", data=None, **more):
    pitch = -(-width * bits * samples // 8)
    raw = data or bytes(noise(7, pitch * height))
    strips = [raw[y * pitch:min(y + strip, height) * pitch] for y in range(0, height, strip)]
    if compression in (8, 32946):
        strips = [zlib.compress(s) for s in strips]
    if compression == 32773:
        strips = [b"".join(bytes([len(s[i:i + 128]) - 1]) + s[i:i + 128] for i in range(0, len(s), 128)) for s in strips]
    if compression == 5:
        strips = [lzw(s) for s in strips]
    at, offsets = 16 if big else 8, []
    for s in strips:
        offsets.append(at)
        at += len(s)
    entries = about(width, height, bits, samples, photometric, compression, offsets, [len(s) for s in strips], strip, big, **more)
    return tiff(entries, b"".join(strips), big, order)


def lzw(data):
    """Codes of 9 bits, cleared before they grow."""
    from .kind import Bits
    bits = Bits()
    for i, byte in enumerate(data):
        if i % 200 == 0:
            bits.put(256, 9)
        bits.put(byte, 9)
    bits.put(257, 9)
    bits.flush()
    return bytes(bits.bytes)


def tiled(width=40, height=35, tile=16, **more):
    across, down = -(-width // tile), -(-height // tile)
    tiles = [bytes(noise(i + 1, tile * tile * 3)) for i in range(across * down)]
    entries = about(width, height, 8, 3, 2, 1, [], [], height, **more)
    for tag in (273, 278, 279):
        del entries[tag]
    entries[322], entries[323] = (3, [tile]), (3, [tile])
    entries[324] = (4, [8 + i * tile * tile * 3 for i in range(len(tiles))])
    entries[325] = (4, [tile * tile * 3] * len(tiles))
    return tiff(entries, b"".join(tiles))


def planes(width=13, height=11):
    """All of the red, of the green, of the blue."""
    size = width * height
    entries = about(width, height, 8, 3, 2, 1, [8 + i * size for i in range(3)], [size] * 3, height, t284=(3, [2]))
    return tiff(entries, bytes(noise(9, 3 * size)))


def floats():
    raw = b"".join(struct.pack("<f", v / 200) for v in noise(7, 13 * 11 * 3))
    return picture(bits=32, samples=3, data=raw, t339=(3, [3, 3, 3]))


def bomb(megabytes=64):
    """One strip that inflates to far more than its pixels."""
    packed = zlib.compress(bytes(megabytes << 20), 9)
    entries = about(13, 11, 8, 3, 2, 8, [8], [len(packed)], 11)
    return tiff(entries, packed)


def kinds():
    yield exact("TIFF, colour, not packed, by PackBits, deflate and LZW", *[(f"c{c}.tif", picture(compression=c)) for c in (1, 32773, 8, 32946, 5)])
    yield exact("TIFF, big-endian", ("big-endian.tif", picture(order=">")))
    yield exact("TIFF, grey of 8 bits", ("grey.tif", picture(samples=1, photometric=1)), ("white-is-zero.tif", picture(samples=1, photometric=0)))
    yield exact("TIFF, 1 bit", ("bit.tif", picture(bits=1, samples=1, photometric=1)), ("bit0.tif", picture(bits=1, samples=1, photometric=0)))
    yield skip("TIFF, grey of 4 bits", "color type", ("grey4.tif", picture(bits=4, samples=1, photometric=1)))
    yield exact("TIFF, palette of 8 bits and of 1", ("palette.tif", picture(samples=1, photometric=3, t320=(3, noise(4, 768, 65536)))),
                ("small.tif", picture(samples=1, photometric=3, t320=(3, noise(4, 768, 256)))),
                ("big-endian.tif", picture(samples=1, photometric=3, order=">", t320=(3, noise(4, 768, 65536)))),
                ("two.tif", picture(bits=1, samples=1, photometric=3, t320=(3, noise(5, 6, 65536)))))
    yield skip("TIFF, palette of 4 bits, or cut off", "RGBPalette", ("four.tif", picture(bits=4, samples=1, photometric=3, t320=(3, noise(4, 48, 65536)))),
               ("cut.tif", picture(samples=1, photometric=3, t320=(3, noise(4, 700, 65536)))))
    yield exact("TIFF, alpha", ("alpha.tif", picture(samples=4, t338=(3, [2]))), ("premultiplied.tif", picture(samples=4, t338=(3, [1]))))
    yield skip("TIFF, grey and alpha", "color type", ("grey-alpha.tif", picture(samples=2, photometric=1, t338=(3, [2]))))
    yield exact("TIFF, 16 bits", ("rgb16.tif", picture(bits=16)), ("grey16.tif", picture(bits=16, samples=1, photometric=1)))
    yield exact("TIFF, tiled", ("tiled.tif", tiled()))
    yield exact("TIFF, planes in strips", ("planar.tif", planes()))
    yield skip("TIFF, planes that are not all there", "inconsistent", ("planar.tif", picture(t284=(3, [2]))))
    yield skip("TIFF, planes in tiles", "one colour each", ("planar.tif", tiled(t284=(3, [2]))))
    yield skip("TIFF, bits in reverse order", "reverse order", ("reversed.tif", picture(bits=16, samples=1, photometric=1, t266=(3, [2]))))
    yield exact("TIFF, predictor", ("predictor.tif", picture(compression=8, t317=(3, [2]))))
    yield near("TIFF, CMYK", ("cmyk.tif", picture(samples=4, photometric=5)))
    yield skip("TIFF, YCbCr", "color type", ("ycc.tif", picture(photometric=6, t530=(3, [1, 1]))))
    yield skip("TIFF, Lab", "CIELab", ("lab.tif", picture(photometric=8)))
    yield ours("TIFF, floating point", ("float.tif", floats()))
    yield skip("TIFF, 32-bit integers", "color type", ("int32.tif", picture(bits=32, samples=1, photometric=1)))
    yield exact("TIFF, turned", ("turned3.tif", picture(t274=(3, [3]))))
    yield ours("TIFF, turned on its side", ("turned6.tif", picture(t274=(3, [6]))))
    yield exact("BigTIFF", ("bigtiff.tif", picture(big=True)))
    first = picture()
    yield exact("TIFF of several pages", ("pages.tif", first[:-4 - 6] + first[-10:]))
    loop = tiff(about(13, 11, 8, 3, 2, 1, [8], [429], 11), bytes(noise(3, 429)), after="itself")
    yield skip("TIFF whose chapters go in a circle", "cycle", ("loop.tif", loop))
    yield skip("TIFF, cut off", "", ("cut.tif", loop[:4] + struct.pack("<I", 8) + loop[8 + 430:][:2000]))
    yield skip("TIFF whose strips are not in it", "", ("beyond.tif", tiff(about(13, 11, 8, 3, 2, 1, [99999], [429], 11), b"")), ("zero.tif", tiff(about(13, 11, 8, 3, 2, 1, [0], [0], 11), b"")))
    yield skip("TIFF with too little data", "", ("short.tif", tiff(about(13, 11, 8, 3, 2, 8, [8], [0], 11), b"")), ("short8.tif", picture(compression=8)[:40] + picture(compression=8)[200:]))
    yield exact("TIFF that inflates to more than its pixels", ("bomb.tif", bomb()))
    counts = about(13, 11, 8, 3, 2, 1, [8], [429], 11)
    many = tiff({**counts, 273: (4, [8] * 1000000), 279: (4, [429] * 1000000)}, bytes(noise(3, 429)))
    yield skip("TIFF of a million strips", "more than the 100000", ("strips.tif", many))
    declared = bytearray(loop)
    at = declared.find(struct.pack("<HHI", 273, 4, 1))
    declared[at + 4:at + 8] = struct.pack("<I", 0xFFFFFFF0)
    yield skip("TIFF that counts four billion strips", "", ("count.tif", bytes(declared)))
    yield skip("TIFF that declares too many pixels", "declares", ("huge.tif", tiff(about(2**31, 2**31, 8, 3, 2, 1, [8], [429], 2**31), bytes(429))), ("large.tif", tiff(about(20000, 20000, 8, 3, 2, 8, [8], [429], 20000), bytes(429))))
    yield skip("TIFF that declares 196 million pixels and has none", "", ("promise.tif", tiff(about(14000, 14000, 8, 3, 2, 8, [8], [9], 14000), bytes(429))))
    flat = zlib.compress(bytes(14000 * 100 * 3), 9)
    yield exact("TIFF of 196 million pixels of one colour, one strip over and over", ("flat.tif", tiff(about(14000, 14000, 8, 3, 2, 8, [8] * 140, [len(flat)] * 140, 100), flat)))
    yield skip("TIFF of no samples", "", ("none.tif", tiff(about(13, 11, 8, 0, 2, 1, [8], [429], 11), bytes(429))))
    yield skip("TIFF whose header is cut off", "", ("head.tif", b"II*\0\x08\0"), ("head2.tif", b"II*\0\xff\xff\xff\x7f"), ("head3.tif", loop[:-40]))
