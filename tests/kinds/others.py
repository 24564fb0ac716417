"""What is called a picture and is none, or one of a format that is not read."""

import struct

from .kind import exact, skip
from . import png


def box(brand):
    return struct.pack(">I", 24) + b"ftyp" + brand + b"\0\0\0\0" + brand + b"mif1" + bytes(64)


def kinds():
    yield exact("Wrong extension: content decides", ("really-png.jpg", png.picture()), ("no-extension-png", png.picture()), ("really-png.gif", png.picture()))
    yield skip("Nothing", "empty", ("empty.jpg", b""))
    yield skip("One byte", "not a picture", ("one.jpg", b"\xff"), ("zero.png", b"\0"), ("g.gif", b"G"))
    yield skip("HTML page", "an HTML page", ("page.jpg", b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>"), ("page2.jpg", b"\n<html>nothing</html>"))
    yield skip("Text, JSON, XML", "", ("text.jpg", b"cat,dog\n1,2\n"), ("json.jpg", b'{"error": "not found"}'), ("xml.jpg", b"<?xml version='1.0'?><Error/>"))
    yield skip("AVIF", "AVIF", ("avif.jpg", box(b"avif")))
    yield skip("HEIF", "HEIF", ("heic.jpg", box(b"heic")))
    yield skip("JPEG XL", "JPEG XL", ("codestream.jpg", b"\xff\x0a" + bytes(60)), ("container.jpg", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60)))
    yield skip("JPEG 2000", "JPEG 2000", ("jp2.jpg", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60)), ("j2k.jpg", b"\xff\x4f\xff\x51" + bytes(60)))
    yield skip("PNM", "PNM", ("ppm.jpg", b"P6\n2 2\n255\n" + bytes(12)), ("pgm.png", b"P5 2 2 255 " + bytes(4)), ("pbm.png", b"P1\n2 2\n0 1 1 0\n"))
    yield skip("Icon", "icon", ("ico.png", b"\0\0\1\0\1\0" + bytes(60)))
    yield skip("SVG", "SVG", ("svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"))
    yield skip("Photoshop", "Photoshop", ("psd.jpg", b"8BPS\0\1" + bytes(60)))
    yield skip("PDF, ZIP, film", "", ("pdf.jpg", b"%PDF-1.7\n"), ("zip.jpg", b"PK\3\4" + bytes(60)), ("mp4.jpg", box(b"isom")), ("webm.jpg", b"\x1aE\xdf\xa3" + bytes(60)))
    yield skip("Zeros", "not a picture", ("zeros.jpg", bytes(5000)))
    yield skip("The first bytes of a format alone", "", ("jpeg.jpg", b"\xff\xd8\xff"), ("jpeg2.jpg", b"\xff\xd8\xff\xe0"), ("png.png", png.SIGNATURE), ("gif.gif", b"GIF89a"), ("bmp.bmp", b"BM"), ("webp.webp", b"RIFF\0\0\0\0WEBP"), ("tiff.tif", b"II*\0"))
