//! What a file is that should be a tar file and is none.

use std::io::Read;
use std::path::Path;

use super::names::{BZIP2, GZIP, LZ4, XZ, ZSTD};
use crate::files::open_regular;

/// What the file `path` is, and the way out, where its beginning shows that it is no tar file.
pub(super) fn other(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    open_regular(path).and_then(|(file, _)| file.take(512).read_to_end(&mut bytes)).ok()?;
    let compressed = |by: &str, way_out| {
        format!("it is compressed by {by}, and pictures in it cannot be reached; {way_out}")
    };
    Some(match bytes.as_slice() {
        [0x1F, 0x8B, ..] => compressed("gzip", GZIP),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => compressed("xz", XZ),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => compressed("bzip2", BZIP2),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => compressed("zstd", ZSTD),
        [0x04, 0x22, 0x4D, 0x18, ..] => compressed("lz4", LZ4),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => {
            "it is a ZIP archive and no tar file; unpack it, and give the folder".into()
        }
        [b'7', b'z', 0xBC, 0xAF, 0x27, 0x1C, ..] => {
            "it is a 7z archive and no tar file; unpack it, and give the folder".into()
        }
        bytes if bytes.len() == 512 && !is_header(bytes) => format!(
            "it is no tar file, or damaged where it begins, which is with {}; make it again (brotli leaves no mark: if it is compressed so, \
             `brotli -d` unpacks it)",
            shown(bytes)
        ),
        _ => return None,
    })
}

/// Whether the block begins a file in a tar file: its checksum is right.
fn is_header(block: &[u8]) -> bool {
    let sum = |(i, &byte): (usize, &u8)| if (148..156).contains(&i) { 32 } else { u32::from(byte) };
    let header = tar::Header::from_byte_slice(block);
    header.cksum().is_ok_and(|found| found == block.iter().enumerate().map(sum).sum::<u32>())
        || block.iter().all(|&byte| byte == 0)
}

/// The first bytes as text, if that is what they are.
fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 16;
    let first = &bytes[..SHOWN.min(bytes.len())];
    match first.iter().all(|byte| byte.is_ascii_graphic() || b" \n\r\t".contains(byte)) {
        true => format!("{:?}", String::from_utf8_lossy(first)),
        false => first.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}
