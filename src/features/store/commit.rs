//! The folder of a store while somebody makes it, and how new files take the place of old ones.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::journal::{Header, Journal};
use super::meta::{Meta, probe};
use super::stored::Stored;
use super::writer::{Writer, is_part, next_part, parts, remove, remove_parts};
use super::{COMMIT, FEATURES, Hash, JOURNAL, LOCK, META, SAMPLES};
use crate::features::{FeaturesError, Npy, Source};
use crate::files::{FileError, Lock, Writing, create_anew, read_file, sync_folder};

/// A folder that this process alone makes a store in; or one that nobody may write into, with a finished store to be read.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: Result<Lock, FileError>,
}

/// [`COMMIT`] while it is written.
const NEW_COMMIT: &str = "commit.part2";

/// What [`COMMIT`] says: which files are to take their places.
#[derive(Debug, Serialize, Deserialize)]
struct Commit {
    /// The file of numbers; none where the old one stays.
    features: Option<String>,
}

impl Folder {
    /// Makes the folder `path` if it is not there, takes its lock, and finishes what another process had all but finished there. One that
    /// cannot be written into is opened too where it holds a finished store: that may be all that is wanted.
    ///
    /// # Errors
    /// Another process is at work there; it cannot be written into, and holds no finished store; a folder is where a store has a file.
    pub fn open(path: &Path) -> Result<Self, FeaturesError> {
        Self::locked(path, |path| {
            let busy = "another huemax is writing features there; wait until it is done, or end it first";
            Lock::take(path, LOCK, busy)
        })
    }

    /// The same, where `take` takes the lock.
    pub(super) fn locked(
        path: &Path,
        take: impl FnOnce(&Path) -> Result<Lock, FileError>,
    ) -> Result<Self, FeaturesError> {
        std::fs::create_dir_all(path).map_err(FileError::on("create", path))?;
        has_places(path)?;
        let lock = match take(path) {
            Err(error) if !is_refused(&error) || !super::is_store(path) || path.join(COMMIT).exists() => {
                return Err(error.into());
            }
            lock => lock,
        };
        let folder = Self { path: path.into(), lock };
        if !folder.is_read_only() {
            folder.complete()?;
        }
        Ok(folder)
    }

    /// Whether the folder cannot be written into: then it can only be read.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.lock.is_err()
    }

    /// Fails where the folder cannot be written into.
    fn writable(&self) -> Result<(), FeaturesError> {
        let Err(FileError { action, source, .. }) = &self.lock else { return Ok(()) };
        let source = io::Error::new(
            source.kind(),
            format!(
                "{source}; the features there can be read, but not brought up to date: name another folder"
            ),
        );
        Err(FileError { action, path: self.path.clone(), source }.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The finished store that is there, if one is.
    ///
    /// # Errors
    /// It is damaged.
    pub fn stored(&self) -> Result<Option<Stored>, FeaturesError> {
        let there = [FEATURES, SAMPLES, META].iter().any(|name| self.path.join(name).exists());
        there.then(|| Stored::open(&self.path)).transpose()
    }

    /// What is there of a store that was being made, if anything is, and its numbers; nothing where those are not what the journal speaks
    /// of.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn journal(&self) -> Result<Option<(Journal, Npy)>, FeaturesError> {
        let path = self.path.join(JOURNAL);
        let Some(journal) = Journal::read(&path)? else { return Ok(None) };
        if !is_part(&journal.header.file) {
            let problem = format!("it names a file {:?}; remove it to begin anew", journal.header.file);
            return Err(FeaturesError::Format { path, problem });
        }
        let numbers = self.path.join(&journal.header.file);
        // Without its numbers it names nothing that is there.
        if !numbers.is_file() {
            return Ok(None);
        }
        let numbers = match Npy::open(&numbers) {
            Ok(numbers) => numbers,
            // Cut off, or something else.
            Err(FeaturesError::Format { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Header { rows, columns, descriptor, .. } = &journal.header;
        let found = [numbers.rows(), numbers.columns()];
        Ok((found == [*rows, *columns] && descriptor.len() == *columns).then_some((journal, numbers)))
    }

    /// Begins a store beside what `journal` names; `header` is completed with the name of its file.
    ///
    /// # Errors
    /// Files cannot be written.
    pub fn begin(
        &self,
        mut header: Header,
        journal: Option<&Journal>,
        every: Duration,
    ) -> Result<Writer, FeaturesError> {
        self.writable()?;
        if journal.is_none() {
            // One that is not gone on from would name a file that is now written over.
            remove(&self.path.join(JOURNAL))?;
            sync_folder(&self.path)?;
        }
        header.file = next_part(journal.map(|journal| journal.header.file.as_str())).into();
        Writer::begin(&self.path, header, every)
    }

    /// Goes on with what `journal` names.
    ///
    /// # Errors
    /// Files cannot be written.
    pub fn go_on(&self, journal: &Journal, every: Duration) -> Result<Writer, FeaturesError> {
        self.writable()?;
        Writer::go_on(&self.path, journal, every)
    }

    /// Removes a store that was begun and is not installed.
    pub fn discard(&self, writer: &Writer) {
        // One that stays is written over by the next.
        let _ = writer.remove();
    }

    /// Removes a store that was begun and of which no row is there: it only takes room, of which there may be none.
    pub fn discard_empty(&self, writer: &Writer) {
        if writer.done() == 0 {
            let _ = remove_parts(&self.path);
        }
    }

    /// Lets the store take its place: the numbers of `writer`, or those that are there, with lines that `samples` writes and `meta`,
    /// whose digests are filled in. Says whether that changes anything; where it does not, nothing is written. Gives the numbers too: those
    /// that another process puts in their place, once the folder's lock is let go, are others.
    ///
    /// Where the folder cannot be written into and `numbers_will_do`, lines and `meta` stay as they were, whatever they are to be.
    ///
    /// # Errors
    /// Files cannot be written: the old store is then still whole.
    pub fn commit(
        &self,
        (writer, numbers_will_do): (Option<Writer>, bool),
        mut meta: Meta,
        samples: impl Fn(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(bool, Npy), FeaturesError> {
        if let Some(writer) = &writer {
            writer.flush().inspect_err(|_| self.discard_empty(writer))?;
        }
        let features = writer.map(|writer| writer.header.file.clone());
        let numbers = self.path.join(features.as_deref().unwrap_or(FEATURES));
        // Not open any more where files are renamed: on some systems that cannot be.
        let numbers = Npy::open(&numbers)?;
        meta.features_xxh3 = probe(&numbers)?;
        let mut hash = Hashing::default();
        samples(&mut hash).map_err(FileError::on("write", &self.path.join(SAMPLES)))?;
        meta.samples_xxh3 = Hash(hash.0.digest128());
        if features.is_none() && Meta::read(&self.path).is_ok_and(|old| old.as_ref() == Some(&meta)) {
            if !self.is_read_only() {
                remove_parts(&self.path)?;
            }
            return Ok((false, numbers));
        }
        if features.is_none() && numbers_will_do && self.is_read_only() {
            return Ok((false, numbers));
        }
        drop(numbers);
        self.writable()?;
        self.write(&part(SAMPLES), |to| samples(to))?;
        self.write(&part(META), |to| {
            serde_json::to_writer_pretty(&mut *to, &meta)?;
            writeln!(to)
        })?;
        self.write(NEW_COMMIT, |to| Ok(serde_json::to_writer(to, &Commit { features: features.clone() })?))?;
        sync_folder(&self.path)?;
        let _writing = Writing::begin();
        self.rename(NEW_COMMIT, COMMIT)?;
        sync_folder(&self.path)?;
        self.complete()?;
        Ok((true, Npy::open(&self.path.join(FEATURES))?))
    }

    /// Finishes what [`COMMIT`] says, if it is there: whatever has been renamed already is passed over.
    fn complete(&self) -> Result<(), FeaturesError> {
        let path = self.path.join(COMMIT);
        let text = match read_file(&path, u64::MAX) {
            Ok(text) => text,
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let commit: Commit = serde_json::from_slice(&text).map_err(|error| FeaturesError::Format {
            path: path.clone(),
            problem: format!("it is damaged ({error}); remove it, and make the store anew with --force"),
        })?;
        if let Some(features) = commit.features.filter(|name| is_part(name)) {
            self.rename(&features, FEATURES)?;
        }
        self.rename(&part(SAMPLES), SAMPLES)?;
        self.rename(&part(META), META)?;
        sync_folder(&self.path)?;
        remove_parts(&self.path)?;
        std::fs::remove_file(&path).map_err(FileError::on("remove", &path))?;
        sync_folder(&self.path)?;
        Ok(())
    }

    fn write(
        &self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), FileError> {
        let path = self.path.join(name);
        let write = || {
            let mut to = BufWriter::new(create_anew(&path)?);
            fill(&mut to)?;
            to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        write().map_err(FileError::on("write", &path))
    }

    /// Renames a file, if it is there.
    fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        let from = self.path.join(from);
        match std::fs::rename(&from, self.path.join(to)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FileError::on("rename", &from)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Fails where a folder has the name of a file of a store: whatever is made would not find its place in the end.
fn has_places(folder: &Path) -> Result<(), FeaturesError> {
    let ours = [FEATURES, SAMPLES, META, COMMIT, NEW_COMMIT, LOCK].map(|name| folder.join(name)).into_iter();
    let ours = ours.chain([SAMPLES, META].map(|name| folder.join(part(name)))).chain(parts(folder));
    let is_folder = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    ours.into_iter().find(is_folder).map_or(Ok(()), |path| {
        let problem =
            "it is a folder, and a store has a file there; remove it, or name another folder for the store";
        Err(FeaturesError::Format { path, problem: problem.into() })
    })
}

/// Whether `error` says that nobody may write there.
fn is_refused(error: &FileError) -> bool {
    matches!(error.source.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn part(name: &str) -> String {
    format!("{name}.part")
}

/// What is written here is hashed.
#[derive(Default)]
struct Hashing(xxhash_rust::xxh3::Xxh3);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
