"""WebP without loss, of one colour, in a few bytes whatever its size; animations of it."""

import struct

from .kind import Bits, exact, skip


def lossless(width, height, colour=(10, 200, 30, 255), declared=None):
    bits = Bits(low_first=True)
    for value, count in ((0x2F, 8), (width - 1, 14), (height - 1, 14), (1, 1), (0, 3), (0, 1), (0, 1), (0, 1)):
        bits.put(value, count)
    green, red, blue, alpha = colour[1], colour[0], colour[2], colour[3]
    for symbol in (green, red, blue, alpha, 0):
        for value, count in ((1, 1), (0, 1), (1, 1), (symbol, 8)):
            bits.put(value, count)
    bits.flush()
    return bytes(bits.bytes)


def chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def riff(*chunks):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def three(value):
    return struct.pack("<I", value)[:3]


def extended(flags, width, height):
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + three(width - 1) + three(height - 1))


def frame(x, y, width, height, colour, flags=0):
    data = three(x // 2) + three(y // 2) + three(width - 1) + three(height - 1) + three(100) + bytes([flags])
    return chunk(b"ANMF", data + chunk(b"VP8L", lossless(width, height, colour)))


def animation(first, width=12, height=9, background=b"\x11\x22\x33\xff"):
    loop = chunk(b"ANIM", background + struct.pack("<H", 0))
    return riff(extended(2, width, height), loop, first, frame(0, 0, 4, 4, (1, 2, 3, 255)))


def kinds():
    plain = riff(chunk(b"VP8L", lossless(13, 11)))
    yield exact("WebP, without loss", ("lossless.webp", plain), ("transparent.webp", riff(chunk(b"VP8L", lossless(13, 11, (10, 200, 30, 40))))))
    yield exact("WebP, extended", ("extended.webp", riff(extended(0, 13, 11), chunk(b"VP8L", lossless(13, 11)))), ("alpha.webp", riff(extended(16, 13, 11), chunk(b"VP8L", lossless(13, 11, (9, 8, 7, 60))))))
    yield exact("WebP, animated", ("animated.webp", animation(frame(0, 0, 12, 9, (200, 100, 50, 255)))))
    yield exact("WebP, animated, of a first frame smaller than the picture", ("small.webp", animation(frame(4, 2, 5, 4, (200, 100, 50, 255)))))
    yield exact("WebP, animated, of a transparent first frame", ("clear.webp", animation(frame(0, 0, 12, 9, (200, 100, 50, 0)))), ("half.webp", animation(frame(4, 2, 5, 4, (200, 100, 50, 100)))))
    yield skip("WebP of 196 million pixels of one colour", "fewer than any picture of that size", ("flat.webp", riff(chunk(b"VP8L", lossless(14000, 14000)))))
    yield skip("WebP that declares too many pixels", "declares", ("huge.webp", riff(chunk(b"VP8L", lossless(16383, 16383)))), ("huge-8.webp", riff(chunk(b"VP8 ", b"\x10\2\0\x9d\1\x2a\xff\x3f\xff\x3f" + bytes(50)))))
    yield skip("WebP that declares more than WebP can", "too large", ("huge-x.webp", riff(extended(0, 1 << 24, 1 << 24), chunk(b"VP8L", lossless(13, 11)))))
    yield skip("WebP, cut off", "", ("cut.webp", plain[:-8]), ("head.webp", plain[:16]))
    yield skip("WebP whose sizes disagree", "", ("disagree.webp", riff(extended(0, 20, 20), chunk(b"VP8L", lossless(13, 11)))), ("frame.webp", animation(frame(10, 8, 12, 9, (1, 2, 3, 4)))))
    yield exact("WebP with many chunks", ("chunks.webp", riff(extended(0, 13, 11), chunk(b"VP8L", lossless(13, 11)), *[chunk(b"XXXX", b"")] * 300000)))
