//! Text out of a file, whatever its encoding, or a refusal.

use std::io::Read;
use std::path::Path;

use super::super::{DatasetError, LabelProblem};
use crate::files::{FileError, open_file};

/// The most bytes of a file with labels: some ten million rows.
pub(in super::super) const MAX_BYTES: u64 = 1 << 30;

/// The text of the file `path`, in UTF-8, or in what its byte order mark says, which is left out.
pub(in super::super) fn read(path: &Path) -> Result<String, DatasetError> {
    read_up_to(path, MAX_BYTES)
}

fn read_up_to(path: &Path, limit: u64) -> Result<String, DatasetError> {
    let mut bytes = Vec::new();
    let (file, _) = open_file(path).map_err(DatasetError::LabelFileUnreadable)?;
    // The limit holds for what is read: it may grow meanwhile.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| unreadable(path, e))?;
    if bytes.len() as u64 > limit {
        return Err(DatasetError::in_file(path, 0, LabelProblem::TooLarge(limit)));
    }
    decode(bytes).map_err(|(line, problem)| DatasetError::in_file(path, line, problem))
}

fn unreadable(path: &Path, error: std::io::Error) -> DatasetError {
    DatasetError::LabelFileUnreadable(FileError::on("read", path)(error))
}

/// The text, or the line (from 1) of what is wrong.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, (u64, LabelProblem)> {
    let text = match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => utf8(bytes)?,
    };
    match text.find('\0') {
        Some(at) => Err((lines_in(&text[..at]) + 1, LabelProblem::Zero)),
        None => Ok(text),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, (u64, LabelProblem)> {
    let units = bytes.chunks_exact(2);
    let whole = units.remainder().is_empty();
    let mut text = String::with_capacity(bytes.len() / 2);
    for character in char::decode_utf16(units.map(|pair| unit([pair[0], pair[1]]))) {
        text.push(character.map_err(|_| (lines_in(&text) + 1, LabelProblem::Utf16))?);
    }
    if whole { Ok(text) } else { Err((lines_in(&text) + 1, LabelProblem::Utf16)) }
}

fn utf8(mut bytes: Vec<u8>) -> Result<String, (u64, LabelProblem)> {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let (bytes, at) = (error.as_bytes(), error.utf8_error().valid_up_to());
        let before = String::from_utf8_lossy(&bytes[..at]);
        // UTF-16 without a mark, and pictures, are often refused here; their zero bytes tell.
        let zero = bytes.iter().take(1000).any(|&byte| byte == 0);
        (lines_in(&before) + 1, if zero { LabelProblem::Zero } else { LabelProblem::Encoding(bytes[at]) })
    })
}

/// Line ends in `text`: `\n`, `\r\n`, or a single `\r`.
pub(super) fn lines_in(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let ends = (0..bytes.len())
        .filter(|&i| bytes[i] == b'\n' || bytes[i] == b'\r' && bytes.get(i + 1) != Some(&b'\n'));
    ends.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_are_followed_and_left_out() {
        let utf16: Vec<u8> = "\u{feff}é,1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(utf16).unwrap(), "é,1\r\n");
        let utf16: Vec<u8> = "\u{feff}é".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(utf16).unwrap(), "é");
        assert_eq!(decode("\u{feff}é".into()).unwrap(), "é");
        assert_eq!(decode(Vec::new()).unwrap(), "");
    }

    #[test]
    fn what_is_no_utf_8_is_refused_with_its_line() {
        let refused = |bytes: &[u8]| decode(bytes.to_vec()).unwrap_err();
        assert_eq!(refused(b"a,b\r\nc\rcaf\xe9,1\n"), (3, LabelProblem::Encoding(0xe9)));
        assert_eq!(refused(b"a\nb\0"), (2, LabelProblem::Zero));
        assert_eq!(refused(b"\xffa"), (1, LabelProblem::Encoding(0xff)));
        assert_eq!(refused(b"\xff\xfea\0\n"), (1, LabelProblem::Utf16));
        assert_eq!(refused(b"\xff\xd8\0\x10\n"), (1, LabelProblem::Zero));
        let half = [b"\xff\xfea\0\n\0".as_slice(), b"\x00\xd8", b"b\0"].concat();
        assert_eq!(refused(&half), (2, LabelProblem::Utf16));
    }

    #[test]
    fn a_file_without_end_is_not_read_to_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789").unwrap();
        assert_eq!(read_up_to(file.path(), 10).unwrap().len(), 10);
        let error = read_up_to(file.path(), 9).unwrap_err().to_string();
        assert!(error.contains("larger than 9 bytes"), "{error}");
        let error = read(&file.path().join("none")).unwrap_err().to_string();
        assert!(error.contains("cannot read") && error.contains("none"), "{error}");
    }
}
