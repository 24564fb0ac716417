"""GIF: frames beside and beyond the canvas, tables that are not there, codes without end."""

import struct

from .kind import Bits, exact, keep, noise, ours, skip


def lzw(indices, size=8):
    """Codes that are never packed: the table is cleared before they grow."""
    bits, clear = Bits(low_first=True), 1 << size
    bits.put(clear, size + 1)
    for i, index in enumerate(indices):
        if i and i % ((1 << size) - 2) == 0:
            bits.put(clear, size + 1)
        bits.put(index, size + 1)
    bits.put(clear + 1, size + 1)
    bits.flush()
    return bits.bytes


def flat_lzw(count):
    """`count` pixels of index 0 in as few codes as there can be: each is one longer than the last."""
    bits, width, following, done = Bits(low_first=True), 3, 6, 0
    bits.put(4, 3)
    code, length = 0, 1
    while done < count:
        if done + length > count:
            # One by one to the end.
            bits.put(4, width)
            for _ in range(count - done):
                bits.put(0, 3)
                bits.put(4, 3)
            width = 3
            break
        bits.put(code, width)
        done += length
        code, length = (following, length + 1)
        following += 1
        # The decoder is one entry behind.
        if following - 1 == 1 << width and width < 12:
            width += 1
        if following > 4095:
            bits.put(4, width)
            width, following, code, length = 3, 6, 0, 1
    bits.put(5, width)
    bits.flush()
    return bits.bytes


def blocks(data):
    return b"".join(bytes([len(data[i:i + 255])]) + bytes(data[i:i + 255]) for i in range(0, len(data), 255)) + b"\0"


def colours(count, seed=3):
    return bytes(noise(seed, 3 * count))


def screen(width, height, table=256, background=0):
    flags = 0x80 | table.bit_length() - 2 if table else 0
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, background, 0) + colours(table)


def frame(x, y, width, height, data=None, local=0, interlace=0, size=8):
    data = lzw(noise(width, width * height, 1 << size), size) if data is None else data
    flags = (0x80 | local.bit_length() - 2 if local else 0) | interlace << 6
    return b"," + struct.pack("<HHHHB", x, y, width, height, flags) + colours(local, 9) + bytes([size]) + blocks(data)


def control(transparent=None, disposal=0):
    return b"!\xf9\4" + bytes([disposal << 2 | (transparent is not None), 5, 0, transparent or 0, 0])


def kinds():
    yield exact("GIF, one frame", ("one.gif", screen(12, 9) + frame(0, 0, 12, 9) + b";"), ("interlaced.gif", screen(12, 29) + frame(0, 0, 12, 29, interlace=1) + b";"),
                ("local.gif", screen(12, 9, 0) + frame(0, 0, 12, 9, local=256) + b";"), ("both.gif", screen(12, 9) + frame(0, 0, 12, 9, local=256) + b";"),
                ("87a.gif", (screen(12, 9) + frame(0, 0, 12, 9) + b";").replace(b"89a", b"87a")), ("few.gif", screen(12, 9, 4) + frame(0, 0, 12, 9, size=2) + b";"))
    yield exact("GIF, animated", ("animated.gif", screen(12, 9) + (control() + frame(0, 0, 12, 9)) * 3 + b";"),
                ("many.gif", screen(12, 9) + (control(disposal=2) + frame(0, 0, 12, 9)) * 20000 + b";"))
    yield exact("GIF, transparent", ("transparent.gif", screen(12, 9) + control(7) + frame(0, 0, 12, 9, size=4) + b";"))
    small = frame(3, 2, 5, 4)
    yield exact("GIF, first frame smaller than the canvas", ("small.gif", screen(12, 9) + small + b";"), ("small-background.gif", screen(12, 9, background=5) + control() + small + b";"),
                ("small-transparent.gif", screen(12, 9, background=5) + control(7) + frame(3, 2, 5, 4, size=4) + b";"), ("small-local.gif", screen(12, 9, 0) + frame(3, 2, 5, 4, local=256) + b";"))
    yield skip("GIF, colours beyond the table", "beyond its table", ("beyond.gif", screen(12, 9, 4) + frame(0, 0, 12, 9) + b";"))
    yield exact("GIF without a colour table", ("no-table.gif", screen(12, 9, 0) + frame(0, 0, 12, 9) + b";"))
    yield skip("GIF, first frame beyond the canvas", "beyond its", ("out.gif", screen(12, 9) + frame(8, 6, 12, 9) + b";"), ("out2.gif", screen(12, 9) + frame(0, 0, 20, 20) + b";"))
    yield keep("GIF, cut off", ("cut.gif", (screen(12, 9) + frame(0, 0, 12, 9))[:-60]))
    yield keep("GIF with too few codes", ("short.gif", screen(12, 9) + frame(0, 0, 12, 9, lzw(noise(1, 50))) + b";"))
    yield keep("GIF without its end", ("no-end.gif", screen(12, 9) + frame(0, 0, 12, 9)), ("no-end2.gif", screen(12, 9) + frame(0, 0, 12, 9)[:-1]))
    yield skip("GIF of no frame", "broken", ("empty.gif", screen(12, 9) + b";"))
    yield skip("GIF with more codes than pixels", "more pixels", ("more.gif", screen(12, 9) + frame(0, 0, 12, 9, lzw(noise(1, 5000))) + b";"),
                ("bomb.gif", screen(12, 9, 4) + frame(0, 0, 12, 9, flat_lzw(400 << 20), size=2) + b";"))
    yield exact("GIF with many extensions", ("comments.gif", screen(12, 9) + (b"!\xfe" + blocks(bytes(500))) * 40000 + frame(0, 0, 12, 9) + b";"))
    yield exact("GIF of a canvas of 196 million pixels and a small frame", ("canvas.gif", screen(14000, 14000) + small + b";"))
    yield exact("GIF of 196 million pixels of one colour", ("flat.gif", screen(14000, 14000, 4) + frame(0, 0, 14000, 14000, flat_lzw(14000 * 14000), size=2) + b";"))
    yield skip("GIF that declares too many pixels", "declares", ("huge.gif", screen(65535, 65535) + small + b";"))
