//! Safetensors files from strangers: opened without trusting a number in them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::files::{FileError, open_file};

/// safetensors' own limit on the header.
const MAX_HEADER: u64 = 100_000_000;

/// A file that begins as safetensors files do.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The file, read up to the end of the header.
    pub(crate) file: File,
    /// Its length.
    pub(crate) len: u64,
    /// What was read of it: eight bytes of length, and the header, which is JSON.
    pub(crate) bytes: Vec<u8>,
}

/// Why a file is not even opened.
#[derive(Debug)]
pub(crate) enum Closed {
    /// It cannot be read.
    File(FileError),
    /// It is a folder.
    Folder,
    /// It is something else.
    Foreign(&'static str),
    /// Its header is cut off.
    Cut(String),
}

/// Opens `path` and reads the header. Nothing more is read, so that a film is not taken into memory to find out what it is.
pub(crate) fn open(path: &Path) -> Result<Opened, Closed> {
    let on_read = |source| Closed::File(FileError::on("read", path)(source));
    if path.is_dir() {
        return Err(Closed::Folder);
    }
    let (mut file, about) = open_file(path).map_err(Closed::File)?;
    let mut bytes = vec![0; 9];
    if file.read_exact(&mut bytes).is_err() {
        return Err(Closed::Foreign("it is too short"));
    }
    let header = u64::from_le_bytes(std::array::from_fn(|i| bytes[i]));
    if header == 0 || header > MAX_HEADER || bytes[8] != b'{' {
        return Err(Closed::Foreign("it does not begin as safetensors files do"));
    }
    (&mut file).take(header - 1).read_to_end(&mut bytes).map_err(on_read)?;
    if bytes.len() as u64 != 8 + header {
        return Err(Closed::Cut(format!(
            "it has {} bytes, and its header alone should have {header}",
            about.len()
        )));
    }
    Ok(Opened { file, len: about.len(), bytes })
}
