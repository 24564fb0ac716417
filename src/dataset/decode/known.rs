//! What a file is that no decoder here reads: a reason that names it is of more help than one that does not.

/// What the first bytes of `file` say that it is, if that is known: "an AVIF picture", "an HTML page".
pub(super) fn name(file: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, bytes: &[u8]| file.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    if at(4, b"ftyp") {
        return Some(match file.get(8..12)? {
            b"avif" | b"avis" => "an AVIF picture",
            b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => "a HEIF picture",
            b"crx " => "a raw photograph (CR3)",
            b"jxl " => "a JPEG XL picture",
            b"jp2 " | b"jpx " | b"jpm " => "a JPEG 2000 picture",
            _ => "a film",
        });
    }
    let found = SIGNATURES.iter().find(|(offset, signature, _)| at(*offset, signature));
    found.map(|(.., name)| *name).or_else(|| text(file))
}

const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"\0\0\x01\0", "an icon"),
    (0, b"\0\0\x02\0", "a cursor"),
    (0, b"qoif", "a QOI picture"),
    (0, b"#?RADIANCE", "a Radiance HDR picture"),
    (0, b"#?RGBE", "a Radiance HDR picture"),
    (0, b"v/1\x01", "an OpenEXR picture"),
    (0, b"DDS ", "a DDS texture"),
    (0, b"farbfeld", "a farbfeld picture"),
    (0, b"\x59\xa6\x6a\x95", "a Sun raster picture"),
    (0, b"FUJIFILMCCD-RAW", "a raw photograph (RAF)"),
    (0, b"IIU\0", "a raw photograph (RW2)"),
    (0, b"gimp xcf", "a GIMP file"),
    (0, b"%PDF-", "a PDF"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip file"),
    (0, b"BZh", "a bzip2 file"),
    (0, b"\xfd7zXZ\0", "an xz file"),
    (0, b"(\xb5/\xfd", "a Zstandard file"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (257, b"ustar", "a tar file"),
    (0, b"\x1aE\xdf\xa3", "a film"),
    (8, b"AVI ", "a film"),
    (0, b"\x00\x05\x16\x07", "what macOS keeps beside a file (its name begins with `._`)"),
    (0, b"version https://git-lfs", "a Git LFS pointer, whose file was not fetched"),
];

/// What a text is.
fn text(file: &[u8]) -> Option<&'static str> {
    let head = &file[..file.len().min(1024)];
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let start: Vec<u8> = head.iter().take(512).map(u8::to_ascii_lowercase).collect();
    let has = |text: &[u8]| memchr::memmem::find(&start, text).is_some();
    match () {
        () if start.starts_with(b"<!doctype html")
            || start.starts_with(b"<html")
            || start.starts_with(b"<head") =>
        {
            Some("an HTML page")
        }
        () if start.starts_with(b"<svg") || start.starts_with(b"<?xml") && has(b"<svg") => {
            Some("an SVG drawing")
        }
        () if start.starts_with(b"<?xml") && has(b"<html") => Some("an HTML page"),
        () if start.starts_with(b"<?xml") => Some("an XML file"),
        () if start.starts_with(b"<!--") && has(b"<html") => Some("an HTML page"),
        () if start.starts_with(b"{") && has(b"\"") || start.starts_with(b"[{") => Some("a JSON file"),
        // P1 to P7 and a white space: pictures of the PNM family, PFM among them.
        () if head.first() == Some(&b'P')
            && head.get(1).is_some_and(|n| (b'1'..=b'7').contains(n) || matches!(n, b'F' | b'f'))
            && head.get(2).is_some_and(u8::is_ascii_whitespace) =>
        {
            Some("a PNM picture")
        }
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn files_are_called_what_they_are() {
        for (bytes, said) in [
            (&b"\0\0\0\x20ftypavif\0\0\0\0"[..], Some("an AVIF picture")),
            (b"\0\0\0\x20ftypheic", Some("a HEIF picture")),
            (b"\0\0\0\x20ftypisom", Some("a film")),
            (b"\0\0\0\x20ftyp", None),
            (b"\xff\x0a\x01", Some("a JPEG XL picture")),
            (b"P6 1 1 255 abc", Some("a PNM picture")),
            (b"P6", None),
            (b"\xef\xbb\xbf \n<!DOCTYPE html><html>", Some("an HTML page")),
            (b"<?xml version='1.0'?><svg/>", Some("an SVG drawing")),
            (b"cat,dog\n1,2\n", None),
            (b"{\"error\": 404}", Some("a JSON file")),
            (b"", None),
            (b"\xff", None),
        ] {
            assert_eq!(name(bytes), said, "{:?}", bytes.escape_ascii().to_string());
        }
    }
}
