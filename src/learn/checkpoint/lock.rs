//! One training at a time writes into a folder.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::files::FileError;

/// The file of a folder that is locked while a training writes there. That it is there says nothing: a kill leaves it behind.
pub const LOCK: &str = "training.lock";

/// While this lives, no other process has it for the same folder. Dropped, or when the process ends in whatever way, it is free.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    /// Nothing where the file system knows no locks.
    _file: Option<File>,
}

impl Lock {
    /// Takes the lock of `folder`, which is there; does not wait.
    ///
    /// # Errors
    /// Another process has it; the folder cannot be written into.
    pub fn take(folder: &Path) -> Result<Self, FileError> {
        let path = folder.join(LOCK);
        loop {
            let file = File::options().write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(FileError::on("write", &path))?;
            match file.try_lock() {
                // Whoever had it may have removed the file after it was opened here; the next one would make another.
                Ok(()) if !is_at(&file, &path) => {}
                Ok(()) => return Ok(Self { path, _file: Some(file) }),
                Err(TryLockError::WouldBlock) => {
                    let why = "another huemax is training there; wait until it is done, or end it first";
                    let source = io::Error::new(ErrorKind::ResourceBusy, why);
                    return Err(FileError::on("write into", folder)(source));
                }
                // Some file systems know no locks.
                Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                    return Ok(Self { path, _file: None });
                }
                Err(TryLockError::Error(error)) => return Err(FileError::on("lock", &path)(error)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked. One that stays is no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether `path` still names `file`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Elsewhere an open file keeps its name.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}
