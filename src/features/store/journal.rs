//! What has been done of a store that is being made: a line of JSON for what it is to become, and one for each row that is on the disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Entry, Hash};
use crate::features::Descriptor;
use crate::files::FileError;

/// What is being made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// See [`FORMAT`](super::FORMAT).
    pub format: u32,
    /// What a row is made of.
    pub descriptor: Descriptor,
    /// What decodes pictures.
    pub decoder: String,
    /// The folder of the pictures, as it was typed.
    pub root: String,
    /// N.
    pub rows: usize,
    /// D.
    pub columns: usize,
    /// Over the paths of all pictures, in their order.
    pub paths: Hash,
    /// Whether nothing is taken over from an older store.
    pub anew: bool,
    /// The file that the numbers are in.
    pub file: String,
}

/// A row that is on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    row: usize,
    path: String,
    #[serde(flatten)]
    entry: Entry,
}

/// A journal that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// What was being made.
    pub header: Header,
    /// What is there: the row of a picture, by its path, and what was seen of it.
    pub done: HashMap<String, (usize, Entry)>,
    /// How many they are.
    pub count: usize,
    /// Bytes of the whole lines.
    pub(super) length: u64,
}

impl Journal {
    /// Reads `path`; none if there is no such file, or it broke off before its first line was whole, so that it names nothing. Whatever
    /// follows the last whole line is left out.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, FileError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FileError::on("read", path)(error)),
        };
        let mut lines = bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let Some(first) = lines.next() else { return Ok(None) };
        let Ok(header) = serde_json::from_slice::<Header>(first) else { return Ok(None) };
        let mut journal = Self { header, done: HashMap::new(), count: 0, length: first.len() as u64 };
        for line in lines {
            let Ok(read) = serde_json::from_slice::<Line>(line) else { break };
            journal.length += line.len() as u64;
            if read.row < journal.header.rows {
                // A later line of the same picture is the one that holds.
                journal.done.insert(read.path, (read.row, read.entry));
            }
        }
        journal.count = journal.done.len();
        Ok(Some(journal))
    }
}

/// A journal that is written.
#[derive(Debug)]
pub(super) struct Appending {
    file: File,
    pub(super) path: PathBuf,
}

impl Appending {
    /// Begins `path`.
    pub(super) fn create(path: &Path, header: &Header) -> Result<Self, FileError> {
        let write = || {
            let mut file = File::create(path)?;
            let mut line = serde_json::to_vec(header)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_all()?;
            Ok(file)
        };
        let file = write().map_err(FileError::on("write", path))?;
        Ok(Self { file, path: path.into() })
    }

    /// Goes on with `path` behind the lines of `journal`.
    pub(super) fn go_on(path: &Path, journal: &Journal) -> Result<Self, FileError> {
        let open = || {
            let mut file = File::options().write(true).open(path)?;
            file.set_len(journal.length)?;
            io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
            Ok(file)
        };
        Ok(Self { file: open().map_err(FileError::on("write", path))?, path: path.into() })
    }

    /// Adds rows that are on the disk. When this returns, so is that they are.
    pub(super) fn append(&mut self, rows: &[(usize, String, Entry)]) -> Result<(), FileError> {
        let mut text = Vec::with_capacity(160 * rows.len());
        let mut write = || {
            for (row, path, entry) in rows {
                let line = Line { row: *row, path: path.clone(), entry: entry.clone() };
                serde_json::to_writer(&mut text, &line)?;
                text.push(b'\n');
            }
            self.file.write_all(&text)?;
            self.file.sync_data()
        };
        write().map_err(FileError::on("write", &self.path))
    }
}
