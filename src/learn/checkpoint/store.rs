//! The two files of a folder, and how one follows the other.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Checkpoint, CheckpointError};
use crate::files::{FileError, Writing, remove_temporary, sync_folder};

/// The latest checkpoint of a folder.
pub const CURRENT: &str = "checkpoint.safetensors";
/// The one before it.
pub const PREVIOUS: &str = "checkpoint.previous.safetensors";

/// Where the checkpoints of one training go.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    /// Whether [`CURRENT`] is of this training and whole, and so worth keeping as [`PREVIOUS`].
    keep: bool,
}

impl Store {
    /// A training that begins: what checkpoints the folder holds are of another and make way for its first one.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), keep: false }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Saves a checkpoint; it, and its name, are on the disk when this returns. The folder is made if need be.
    ///
    /// A kill or a power cut on the way leaves the latest under its own name, or the latest as the one before and none after it, or
    /// the new one: always a whole one. Nothing is removed before the new one's name is on the disk.
    ///
    /// # Errors
    /// The folder or a file cannot be written; the checkpoints that were there stay.
    pub fn save(&mut self, checkpoint: &Checkpoint) -> Result<(), FileError> {
        let _writing = Writing::begin();
        std::fs::create_dir_all(&self.folder).map_err(FileError::on("create", &self.folder))?;
        let (current, previous) = (self.folder.join(CURRENT), self.folder.join(PREVIOUS));
        let staged = checkpoint.stage(&current)?;
        if self.keep {
            match std::fs::rename(&current, &previous) {
                // Somebody took it away; there is none to keep.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                outcome => outcome.map_err(FileError::on("rename", &current))?,
            }
        }
        staged.persist()?;
        if !self.keep {
            // The folder, and the one it is in, may have been made for this training.
            for above in
                std::path::absolute(&self.folder).iter().flat_map(|path| path.ancestors().skip(1).take(2))
            {
                sync_folder(above)?;
            }
            // Of another training, or the one that this one went on from: it was needed up to here.
            remove(&previous)?;
        }
        self.keep = true;
        Ok(())
    }

    /// Removes what a kill left half-written beside the checkpoints. For whoever holds the folder's [`Lock`](super::Lock): another
    /// training may be writing there.
    ///
    /// # Errors
    /// The folder cannot be read, or a file not be removed.
    pub fn tidy(&self) -> Result<(), FileError> {
        remove_temporary(&self.folder)
    }

    /// Removes the checkpoints: the training is done. Where a kill left files that it was writing, they go too.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn remove(&self) -> Result<(), FileError> {
        let _writing = Writing::begin();
        remove(&self.folder.join(CURRENT))?;
        remove(&self.folder.join(PREVIOUS))
    }
}

fn remove(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome.map_err(FileError::on("remove", path)),
    }
}

/// A checkpoint that was found.
#[derive(Debug)]
pub struct Loaded {
    /// It.
    pub checkpoint: Checkpoint,
    /// The file that it was read from.
    pub path: PathBuf,
    /// What is wrong with a later one, if there is one that had to be passed over.
    pub passed_over: Option<CheckpointError>,
    /// Where those that follow go.
    pub store: Store,
}

/// Finds the checkpoint of `run`: a folder, or a file in it. Of a folder, or where the file is its latest, the one before is
/// taken if the latest is torn or not there.
///
/// # Errors
/// There is none, none can be read, or all are damaged.
pub fn load(run: &Path) -> Result<Loaded, CheckpointError> {
    let file = if run.is_dir() { run.join(CURRENT) } else { run.to_owned() };
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let store = |keep| Store { folder: folder.clone(), keep };
    let latest = file.file_name().is_some_and(|name| name == CURRENT);
    let problem = match Checkpoint::read(&file) {
        Ok(checkpoint) => {
            return Ok(Loaded { checkpoint, path: file, passed_over: None, store: store(latest) });
        }
        Err(error) => error,
    };
    let missing =
        matches!(&problem, CheckpointError::File(error) if error.source.kind() == ErrorKind::NotFound);
    if !latest || !(missing || problem.torn()) {
        return Err(problem);
    }
    let path = folder.join(PREVIOUS);
    match Checkpoint::read(&path) {
        Ok(checkpoint) => {
            let passed_over = (!missing).then_some(problem);
            Ok(Loaded { checkpoint, path, passed_over, store: store(false) })
        }
        Err(CheckpointError::File(error)) if error.source.kind() == ErrorKind::NotFound => {
            Err(if missing { CheckpointError::None { folder } } else { problem })
        }
        Err(previous) if missing => Err(previous),
        Err(previous) => {
            Err(CheckpointError::Both { current: Box::new(problem), previous: Box::new(previous) })
        }
    }
}
