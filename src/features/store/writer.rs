//! Rows, written in place as they are made.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::journal::{Appending, Header, Journal, line};
use super::npy_header::npy_header;
use super::{Entry, JOURNAL};
use crate::features::FeaturesError;
use crate::files::{FileError, create_anew, open_own, sync_folder};
use crate::sync::lock;

/// Bytes of rows after which they are brought to the disk and into the journal, if it is not time for that before.
const BATCH: usize = 64 << 20;

/// Writes the numbers of a store that is being made, and its journal. Rows may come from many threads and in any order.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    /// What is being made.
    pub header: Header,
    file: File,
    path: PathBuf,
    /// Bytes before the first row.
    start: u64,
    /// Time between entries of the journal; [`Duration::MAX`] where nothing is entered before the end.
    every: Duration,
    pending: Mutex<Pending>,
    journal: Mutex<Appending>,
    done: AtomicUsize,
}

/// Rows that are written and may not be on the disk.
#[derive(Debug)]
struct Pending {
    rows: usize,
    /// Their lines for the journal.
    lines: Vec<u8>,
    /// Bytes of the lines of these rows, and of those that are just being written.
    promised: u64,
    /// Bytes of lines that the journal has room for.
    room: u64,
    bytes: usize,
    since: Instant,
}

impl Writer {
    /// Begins a store in `folder`: a file with room for all rows, all of them zero, which NumPy can read from now on. What the journal
    /// of the folder names stays until [`install`](Self::install).
    ///
    /// # Errors
    /// The files cannot be written.
    pub(super) fn begin(folder: &Path, header: Header, every: Duration) -> Result<Self, FeaturesError> {
        let path = folder.join(&header.file);
        let head = npy_header(header.rows, header.columns);
        let whole = head.len() as u64 + 4 * (header.rows * header.columns) as u64;
        let create = || {
            let mut file = create_anew(&path)?;
            file.write_all(&head)?;
            file.set_len(whole)?;
            file.sync_all()?;
            Ok(file)
        };
        let begun = create().map_err(FileError::on("write", &path));
        let begun = begun.and_then(|file| Ok((file, Appending::create(&new_journal(folder), &header)?)));
        let (file, journal) = begun.inspect_err(|_| {
            // The disk may be full, and whoever does without a store needs the room.
            let _ = (remove(&path), remove(&new_journal(folder)));
        })?;
        Ok(Self::with(folder, header, (file, path), journal, head.len() as u64, every))
    }

    /// Goes on with what `journal` names.
    pub(super) fn go_on(folder: &Path, journal: &Journal, every: Duration) -> Result<Self, FeaturesError> {
        let header = journal.header.clone();
        let path = folder.join(&header.file);
        let file = open_own(&path).map_err(FileError::on("write", &path))?;
        let start = npy_header(header.rows, header.columns).len() as u64;
        let appending = Appending::go_on(&folder.join(JOURNAL), journal)?;
        let writer = Self::with(folder, header, (file, path), appending, start, every);
        writer.done.store(journal.count, Ordering::Relaxed);
        Ok(writer)
    }

    fn with(
        folder: &Path,
        header: Header,
        (file, path): (File, PathBuf),
        journal: Appending,
        start: u64,
        every: Duration,
    ) -> Self {
        let pending =
            Pending { rows: 0, lines: Vec::new(), promised: 0, room: 0, bytes: 0, since: Instant::now() };
        Self {
            folder: folder.into(),
            header,
            file,
            path,
            start,
            every,
            pending: Mutex::new(pending),
            journal: Mutex::new(journal),
            done: AtomicUsize::new(0),
        }
    }

    /// Makes this what the folder's journal names, in place of what it named before.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn install(&self) -> Result<(), FeaturesError> {
        self.flush()?;
        let mut journal = lock(&self.journal);
        let to = self.folder.join(JOURNAL);
        std::fs::rename(&journal.path, &to).map_err(FileError::on("rename", &journal.path))?;
        journal.path = to;
        sync_folder(&self.folder)?;
        for other in PARTS.iter().filter(|name| **name != self.header.file) {
            remove(&self.folder.join(other))?;
        }
        Ok(())
    }

    /// Removes its files, if they are not what the folder's journal names.
    pub(super) fn remove(&self) -> Result<(), FileError> {
        if lock(&self.journal).path == new_journal(&self.folder) {
            remove(&self.path)?;
            remove(&new_journal(&self.folder))?;
        }
        Ok(())
    }

    /// Writes `values` as the rows from `first` on, whose pictures have these paths and entries; now and then, if that was not asked for
    /// never to be, all that was written since the last time is brought to the disk, and then into the journal.
    ///
    /// # Errors
    /// The disk is full, or reports something else.
    pub fn put(
        &self,
        first: usize,
        values: &[f32],
        pictures: impl Iterator<Item = (String, Entry)>,
    ) -> Result<(), FeaturesError> {
        let (mut rows, mut lines) = (0, Vec::new());
        for (path, entry) in pictures {
            line(&mut lines, first + rows, path, entry).map_err(FileError::on("write", &self.path))?;
            rows += 1;
        }
        self.promise(lines.len() as u64)?;
        let at = self.start + 4 * (first * self.header.columns) as u64;
        self.write_at(bytemuck::cast_slice(values), at).map_err(FileError::on("write", &self.path))?;
        let due = {
            let mut pending = lock(&self.pending);
            pending.rows += rows;
            pending.lines.extend(lines);
            pending.bytes += size_of_val(values);
            let due = pending.bytes >= BATCH || pending.since.elapsed() >= self.every;
            due && self.every < Duration::MAX
        };
        if due { self.flush() } else { Ok(()) }
    }

    /// Makes sure that the journal has room for `bytes` of lines more. A disk that is then full of rows still has it.
    fn promise(&self, bytes: u64) -> Result<(), FeaturesError> {
        let promised = {
            let mut pending = lock(&self.pending);
            pending.promised += bytes;
            if pending.promised <= pending.room {
                return Ok(());
            }
            pending.promised
        };
        let mut journal = lock(&self.journal);
        journal.reserve(promised)?;
        lock(&self.pending).room = journal.room();
        Ok(())
    }

    /// Brings to the disk what was written, and then into the journal that it is there.
    ///
    /// # Errors
    /// The disk is full, or reports something else.
    pub fn flush(&self) -> Result<(), FeaturesError> {
        let mut journal = lock(&self.journal);
        let (rows, lines) = {
            let mut pending = lock(&self.pending);
            (pending.bytes, pending.since) = (0, Instant::now());
            let taken = pending.lines.len() as u64;
            pending.promised -= taken;
            pending.room = pending.room.saturating_sub(taken);
            (std::mem::take(&mut pending.rows), std::mem::take(&mut pending.lines))
        };
        if rows == 0 {
            return Ok(());
        }
        // In this order: a row that the journal names must be there, also after a power cut.
        self.file.sync_data().map_err(FileError::on("write", &self.path))?;
        let appended = journal.append(&lines);
        lock(&self.pending).room = journal.room();
        appended?;
        self.done.fetch_add(rows, Ordering::Relaxed);
        Ok(())
    }

    /// How many rows the journal names; what is lost at a kill is what is not among them.
    #[must_use]
    pub fn done(&self) -> usize {
        // A row that was made twice is there once.
        self.done.load(Ordering::Relaxed).min(self.header.rows)
    }

    #[cfg(unix)]
    fn write_at(&self, bytes: &[u8], at: u64) -> std::io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, at)
    }

    /// Elsewhere writing somewhere is two steps, which only one may take at a time.
    #[cfg(not(unix))]
    fn write_at(&self, bytes: &[u8], at: u64) -> std::io::Result<()> {
        use std::io::{Seek, SeekFrom};
        let _one = lock(&self.pending);
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }
}

/// Names of files of numbers that are being made, of which one may be copied from while the other is written.
const PARTS: [&str; 2] = ["features.npy.part", "features.npy.part2"];

/// The name for the next file of numbers, where the journal names `current`.
pub(super) fn next_part(current: Option<&str>) -> &'static str {
    if current == Some(PARTS[0]) { PARTS[1] } else { PARTS[0] }
}

/// Whether a journal may name this file: it stands in a file that anybody can write, and the named one is renamed.
pub(super) fn is_part(name: &str) -> bool {
    PARTS.contains(&name)
}

/// The files of a store that is being made in `folder`.
pub(super) fn parts(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let numbers = PARTS.map(|name| folder.join(name));
    [folder.join(JOURNAL), new_journal(folder)].into_iter().chain(numbers)
}

/// Whether anything is left of a store that was being made in `folder`.
pub(super) fn has_parts(folder: &Path) -> bool {
    parts(folder).any(|path| path.exists())
}

/// Removes what is left of a store that was being made in `folder`.
pub(super) fn remove_parts(folder: &Path) -> Result<(), FileError> {
    parts(folder).try_for_each(|path| remove(&path))
}

fn new_journal(folder: &Path) -> PathBuf {
    folder.join("journal.part2")
}

pub(super) fn remove(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(FileError::on("remove", path)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Folder;
    use super::*;

    /// Numbers that could not be written are not in the journal, whatever is brought to the disk after that.
    #[test]
    fn a_row_is_written_before_the_journal_names_it() {
        let at = tempfile::tempdir().unwrap();
        let folder = Folder::open(at.path()).unwrap();
        let header = Header::of_three_rows();
        for every in [Duration::ZERO, Duration::from_secs(60)] {
            let mut writer = folder.begin(header.clone(), None, every).unwrap();
            writer.install().unwrap();
            let picture = |name: &str| std::iter::once((name.to_owned(), Entry::default()));
            writer.put(0, &[1.0, 2.0], picture("a")).unwrap();
            let good = std::mem::replace(&mut writer.file, File::open(&writer.path).unwrap());
            let error = writer.put(1, &[3.0, 4.0], picture("b")).unwrap_err().to_string();
            assert!(error.contains("features.npy.part"), "{error}");
            writer.file = good;
            writer.flush().unwrap();
            let (journal, _) = folder.journal().unwrap().unwrap();
            assert_eq!(journal.done.keys().collect::<Vec<_>>(), ["a"]);
            assert_eq!(writer.done(), 1);
        }
    }
}
