//! One process at a time writes into a folder.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::FileError;

/// A locked file in a folder. That the file is there says nothing: a kill leaves it behind. While this lives, no other process has
/// the lock. Dropped, or when the process ends in whatever way, it is free.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// Nothing where the file system knows no locks.
    _file: Option<File>,
}

impl Lock {
    /// Locks the file `name` of `folder`, which is there; does not wait.
    ///
    /// # Errors
    /// Another process has it, which is explained by `busy`; the folder cannot be written into.
    pub(crate) fn take(folder: &Path, name: &str, busy: &str) -> Result<Self, FileError> {
        let path = folder.join(name);
        // A pipe would be waited for, and a link may lead elsewhere.
        if std::fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            let source = io::Error::other("it is not a regular file; remove it, or name another folder");
            return Err(FileError::on("lock", &path)(source));
        }
        loop {
            let file = File::options().write(true).create(true).truncate(false).open(&path);
            let file = file.map_err(FileError::on("write", &path))?;
            match file.try_lock() {
                // Whoever had it may have removed the file after it was opened here; the next one would make another.
                Ok(()) if !is_at(&file, &path) => {}
                Ok(()) => return Ok(Self { path, _file: Some(file) }),
                Err(TryLockError::WouldBlock) => {
                    let source = io::Error::new(ErrorKind::ResourceBusy, busy);
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
