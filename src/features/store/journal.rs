//! What has been done of a store that is being made: a line of JSON for what it is to become, and one for each row that is on the disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
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

/// Room that is taken at a time beyond what is asked for.
const AHEAD: u64 = 64 << 10;

/// Adds the line of a row to `lines`.
pub(super) fn line(lines: &mut Vec<u8>, row: usize, path: String, entry: Entry) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, &Line { row, path, entry })?;
    lines.push(b'\n');
    Ok(())
}

/// A journal that is written.
#[derive(Debug)]
pub(super) struct Appending {
    file: File,
    pub(super) path: PathBuf,
    /// Bytes of the whole lines.
    length: u64,
    /// Bytes of the file. Behind the lines there are spaces, which no line feed ends: they keep room for lines to come.
    end: u64,
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
        Ok(Self { file, path: path.into(), length, end: length, torn: false })
    }

    /// Goes on with `path` behind the lines of `journal`.
    pub(super) fn go_on(path: &Path, journal: &Journal) -> Result<Self, FileError> {
        let file = open_own(path).map_err(FileError::on("write", path))?;
        let length = journal.length;
        let mut appending = Self { file, path: path.into(), length, end: length, torn: true };
        appending.cut().map_err(FileError::on("write", path))?;
        Ok(appending)
    }

    /// Takes room on the disk for `bytes` of lines: once rows have filled it, it is too late to say what they are.
    pub(super) fn reserve(&mut self, bytes: u64) -> Result<(), FileError> {
        let mut fill = || {
            self.cut()?;
            let missing = (self.length + bytes).saturating_sub(self.end);
            if missing > 0 {
                self.file.seek(SeekFrom::Start(self.end))?;
                let filled = io::copy(&mut io::repeat(b' ').take(missing + AHEAD), &mut self.file);
                self.end = self.file.seek(SeekFrom::End(0))?;
                // More than is needed now need not be there.
                if self.end < self.length + bytes {
                    filled?;
                }
            }
            Ok(())
        };
        fill().map_err(FileError::on("write", &self.path))
    }

    /// Bytes of lines that there is room for.
    pub(super) fn room(&self) -> u64 {
        self.end - self.length
    }

    /// Adds the `lines` of rows that are on the disk. When this returns, so is that they are; where it fails, nothing is added.
    pub(super) fn append(&mut self, lines: &[u8]) -> Result<(), FileError> {
        let written = self.write(lines);
        if written.is_err() {
            // Where that fails too, the next one begins with it.
            let _ = self.cut();
        }
        written.map_err(FileError::on("write", &self.path))
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.cut()?;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.torn = true;
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        (self.length, self.torn) = (self.length + lines.len() as u64, false);
        self.end = self.end.max(self.length);
        Ok(())
    }

    /// Leaves nothing but whole lines, where there may be a part of one.
    fn cut(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            (self.end, self.torn) = (self.length, false);
        }
        Ok(())
    }
}

impl Drop for Appending {
    /// Leaves nothing but whole lines, where that can be.
    fn drop(&mut self) {
        self.torn |= self.end > self.length;
        let _ = self.cut();
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
        let row = |row: usize| {
            let mut lines = Vec::new();
            line(&mut lines, row, format!("{row}.jpg"), Entry::default()).unwrap();
            lines
        };
        appending.append(&row(0)).unwrap();
        let good = std::mem::replace(&mut appending.file, File::open(&path).unwrap());
        appending.append(&row(1)).unwrap_err();
        appending.append(&row(1)).unwrap_err();
        (&good).write_all(b"{\"row\":1,\"pa").unwrap();
        appending.file = good;
        appending.append(&row(2)).unwrap();
        let journal = Journal::read(&path).unwrap().unwrap();
        assert_eq!(journal.done.len(), 2);
        assert_eq!(journal.done["2.jpg"], (2, Entry::default()));
        assert_eq!(journal.length, std::fs::metadata(&path).unwrap().len());
    }

    /// Spaces behind the lines are no lines, and the lines to come take their place.
    #[test]
    fn room_is_kept_for_lines() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("journal");
        let mut appending = Appending::create(&path, &Header::of_three_rows()).unwrap();
        let rows = || Journal::read(&path).unwrap().unwrap().count;
        let mut lines = Vec::new();
        for row in 0..2 {
            line(&mut lines, row, format!("{row}.jpg"), Entry::default()).unwrap();
            appending.reserve(lines.len() as u64).unwrap();
            assert!(appending.room() >= lines.len() as u64);
            assert_eq!(rows(), 0);
        }
        let end = std::fs::metadata(&path).unwrap().len();
        assert_eq!(end, appending.end);
        appending.append(&lines).unwrap();
        assert_eq!((rows(), std::fs::metadata(&path).unwrap().len()), (2, end));
        // Gone on with, it keeps no room that it does not know of.
        let journal = Journal::read(&path).unwrap().unwrap();
        let mut again = Appending::go_on(&path, &journal).unwrap();
        assert_eq!((again.room(), std::fs::metadata(&path).unwrap().len()), (0, journal.length));
        lines.clear();
        line(&mut lines, 2, "2.jpg".into(), Entry::default()).unwrap();
        again.append(&lines).unwrap();
        assert_eq!(rows(), 3);
    }
}
