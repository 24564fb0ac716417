//! What has been done of a store that is being made: a line of JSON for what it is to become, and one for each row that is on the disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Entry, Hash};
use crate::features::Descriptor;
use crate::files::{FileError, create_anew, open_own, read_file};

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
    /// XXH3-128 of where that is; see [`Meta`](super::Meta).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_xxh3: Option<Hash>,
    /// N.
    pub rows: usize,
    /// D.
    pub columns: usize,
    /// Over the paths of all pictures, in their order.
    pub paths: Hash,
    /// Whether nothing is taken over from an older store.
    pub anew: bool,
    /// See [`Meta`](super::Meta).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pixels: Option<u64>,
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
        let bytes = match read_file(path, u64::MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
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
    /// Bytes of the whole lines.
    length: u64,
    /// Whether there may be a part of a line behind them: nobody would read on there.
    torn: bool,
}

impl Appending {
    /// Begins `path`.
    pub(super) fn create(path: &Path, header: &Header) -> Result<Self, FileError> {
        let write = || {
            let mut file = create_anew(path)?;
            let mut line = serde_json::to_vec(header)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_all()?;
            Ok((file, line.len() as u64))
        };
        let (file, length) = write().map_err(FileError::on("write", path))?;
        Ok(Self { file, path: path.into(), length, torn: false })
    }

    /// Goes on with `path` behind the lines of `journal`.
    pub(super) fn go_on(path: &Path, journal: &Journal) -> Result<Self, FileError> {
        let file = open_own(path).map_err(FileError::on("write", path))?;
        let mut appending = Self { file, path: path.into(), length: journal.length, torn: true };
        appending.cut().map_err(FileError::on("write", path))?;
        Ok(appending)
    }

    /// Adds rows that are on the disk. When this returns, so is that they are; where it fails, nothing is added.
    pub(super) fn append(&mut self, rows: &[(usize, String, Entry)]) -> Result<(), FileError> {
        let written = self.write(rows);
        if written.is_err() {
            // Where that fails too, the next one begins with it.
            let _ = self.cut();
        }
        written.map_err(FileError::on("write", &self.path))
    }

    fn write(&mut self, rows: &[(usize, String, Entry)]) -> io::Result<()> {
        let mut text = Vec::with_capacity(160 * rows.len());
        for (row, path, entry) in rows {
            let line = Line { row: *row, path: path.clone(), entry: entry.clone() };
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        self.cut()?;
        self.torn = true;
        self.file.write_all(&text)?;
        self.file.sync_data()?;
        (self.length, self.torn) = (self.length + text.len() as u64, false);
        Ok(())
    }

    /// Leaves nothing but whole lines, and stands behind them.
    fn cut(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.file.seek(SeekFrom::Start(self.length))?;
            self.torn = false;
        }
        Ok(())
    }
}

#[cfg(test)]
impl Header {
    /// Of a store of 3 rows of 2 columns, for tests.
    pub(super) fn of_three_rows() -> Self {
        Self {
            format: super::FORMAT,
            descriptor: Descriptor::Given(crate::features::Given { columns: 2 }),
            decoder: String::new(),
            root: String::new(),
            root_xxh3: None,
            rows: 3,
            columns: 2,
            paths: Hash(0),
            anew: false,
            max_pixels: None,
            file: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A write that failed in the middle of a line, where the file could not be cut off either.
    #[test]
    fn nothing_is_written_behind_a_part_of_a_line() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("journal");
        let header = Header::of_three_rows();
        let mut appending = Appending::create(&path, &header).unwrap();
        let row = |row: usize| (row, format!("{row}.jpg"), Entry::default());
        appending.append(&[row(0)]).unwrap();
        let good = std::mem::replace(&mut appending.file, File::open(&path).unwrap());
        appending.append(&[row(1)]).unwrap_err();
        appending.append(&[row(1)]).unwrap_err();
        (&good).write_all(b"{\"row\":1,\"pa").unwrap();
        appending.file = good;
        appending.append(&[row(2)]).unwrap();
        let journal = Journal::read(&path).unwrap().unwrap();
        assert_eq!(journal.done.len(), 2);
        assert_eq!(journal.done["2.jpg"], (2, Entry::default()));
        assert_eq!(journal.length, std::fs::metadata(&path).unwrap().len());
    }
}
