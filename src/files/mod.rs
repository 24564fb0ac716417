//! Files are written whole: under a temporary name beside the target, synced, then renamed, and the folder synced after that.
//! Whoever looks sees the old file or the new one, and a failure on the way leaves the old one.

mod lock;
mod mapped;
mod npy;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
mod regular;
mod writing;

pub(crate) use lock::Lock;
pub(crate) use mapped::{Mapped, is_parquet};
pub(crate) use npy::Header as NpyHeader;
pub(crate) use regular::{create_anew, open_file, open_own, open_regular, read_file};
pub(crate) use writing::{Writing, settle};

use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
#[cfg(unix)]
use std::time::{Duration, Instant};

/// Reading or writing `path` failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// What was tried: `read`, `write`, `create`, …
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: `File::open(p).map_err(FileError::on("read", p))`.
    pub(crate) fn on(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// When a file was changed last, in nanoseconds since 1970; 0 where that is not known.
pub(crate) fn modified(found: &Metadata) -> i64 {
    found.modified().map_or(0, |time| match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    })
}

/// Writes `path` whole with `fill`, and waits until it is on the disk.
pub(crate) fn write_whole(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), FileError> {
    replace(path, true, fill)
}

/// Writes `path` whole, without waiting for the disk: for files that are quickly made again, where a power cut may
/// leave one of no length.
pub(crate) fn write_whole_unsynced(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, false, |writer| writer.write_all(bytes))
}

fn replace(
    path: &Path,
    sync: bool,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), FileError> {
    // A link is followed; what is no file (a pipe, a terminal, /dev/null) is written to and never replaced.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let write = || {
            let file = open_special(path)?;
            let mut writer = BufWriter::new(&file);
            fill(&mut writer)?;
            writer.flush()
        };
        return write().map_err(FileError::on("write", path));
    }
    stage(path, sync, fill)?.persist()
}

/// Opens what is no file to write to it. Where it is a pipe, somebody is to read it soon: else that might never come.
#[cfg(unix)]
fn open_special(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    /// Who was started together with this process has begun by then.
    const SOON: Duration = Duration::from_secs(2);
    const AGAIN: Duration = Duration::from_millis(10);
    if !std::fs::metadata(path)?.file_type().is_fifo() {
        return File::options().write(true).open(path);
    }
    let begun = Instant::now();
    loop {
        match File::options().write(true).custom_flags(libc::O_NONBLOCK).open(path) {
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                if begun.elapsed() >= SOON {
                    let problem = "nobody reads from it; start the reader first, or name a file";
                    return Err(io::Error::new(error.kind(), problem));
                }
                std::thread::sleep(AGAIN);
            }
            Err(error) => return Err(error),
            Ok(file) => {
                // From now on a reader may be slow, and one that leaves is an error.
                rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::empty())?;
                return Ok(file);
            }
        }
    }
}

#[cfg(not(unix))]
fn open_special(path: &Path) -> io::Result<File> {
    File::options().write(true).open(path)
}

/// How the names of files that are being written begin.
const TEMPORARY: &str = ".huemax-";

/// Removes what a process that was killed may have left in `folder`: files that were being written. For folders that nobody
/// else writes into.
///
/// # Errors
/// The folder cannot be read, or a file not be removed.
pub(crate) fn remove_temporary(folder: &Path) -> Result<(), FileError> {
    for entry in std::fs::read_dir(folder).map_err(FileError::on("read", folder))? {
        let entry = entry.map_err(FileError::on("read", folder))?;
        let ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            std::fs::remove_file(entry.path()).map_err(FileError::on("remove", &entry.path()))?;
        }
    }
    Ok(())
}

/// A file that is written, under a temporary name, and takes its place when it is told to. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Staged {
    // Dropped in this order: the file goes before it is said that nobody writes.
    file: tempfile::NamedTempFile,
    path: PathBuf,
    sync: bool,
    writing: Writing,
}

impl Staged {
    /// Where it is to be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name. Where it was synced, the name too is on the disk when this returns.
    pub(crate) fn persist(self) -> Result<(), FileError> {
        let Self { file, path, sync, writing } = self;
        file.persist(&path).map_err(|e| FileError::on("write", &path)(e.error))?;
        if sync {
            sync_folder(folder_of(&path))?;
        }
        drop(writing);
        Ok(())
    }
}

/// The folder that `path` is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Waits until the names in `folder` are on the disk: what was renamed, made or removed there survives a power cut from then on.
///
/// # Errors
/// The disk reports one. A folder that may be written but not read, and a file system that cannot sync folders, are none: it is
/// then left to the system when names get there.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if matches!(error.kind(), PermissionDenied | InvalidInput | Unsupported) => Ok(()),
        outcome => outcome.map_err(FileError::on("sync", folder)),
    }
}

/// Elsewhere folders cannot be opened; the system keeps names and their order by itself.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_folder: &Path) -> Result<(), FileError> {
    Ok(())
}

/// Whether files can be made in the folder of `path`: better asked before work than after it.
///
/// # Errors
/// There is no such folder; it cannot be written into.
pub(crate) fn can_write_beside(path: &Path) -> Result<(), FileError> {
    let folder = folder_of(path);
    if !folder.exists() {
        let problem = format!("there is no folder {}; make it, or name another", folder.display());
        return Err(FileError::on("write", path)(io::Error::new(io::ErrorKind::NotFound, problem)));
    }
    try_folder(folder).map_err(FileError::on("write", path))
}

/// Makes a file in `folder`, which is gone when this returns.
///
/// # Errors
/// It cannot be made there.
pub(crate) fn try_folder(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop).map_err(unnamed)
}

/// An error of a temporary file without its name, which nobody has typed and which is gone by now.
fn unnamed(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path \"") {
        Some((what, _)) => io::Error::new(error.kind(), what),
        None => error,
    }
}

/// Writes a file that is to become `path`, beside it: of several files, all can be written before the first is replaced.
pub(crate) fn stage(
    path: &Path,
    sync: bool,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<Staged, FileError> {
    let folder = folder_of(path);
    // Where several are staged, none of them may have taken its place when this comes out.
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        let problem = "it is a folder; remove it, or write elsewhere";
        return Err(FileError::on("write", path)(io::Error::new(io::ErrorKind::IsADirectory, problem)));
    }
    let writing = Writing::begin();
    let write = || {
        let mut options = tempfile::Builder::new();
        // Readable as any new file is (the umask applies), not by the owner alone as temporary files are.
        #[cfg(unix)]
        options.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = options.prefix(TEMPORARY).tempfile_in(folder)?;
        let mut writer = BufWriter::new(file.as_file());
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        if sync {
            file.as_file().sync_all()?;
        }
        Ok(file)
    };
    let file = write().map_err(|error| FileError::on("write", path)(unnamed(error)))?;
    Ok(Staged { file, path: path.to_owned(), sync, writing })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_what_is_no_file_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        std::fs::write(&target, b"old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_whole(&link, |w| w.write_all(b"new")).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        // Never on a real device: where this fails as root, the device would be gone.
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read(pipe).unwrap()
        });
        write_whole(&pipe, |w| w.write_all(b"through")).unwrap();
        let found = std::fs::metadata(&pipe).unwrap().file_type();
        assert!(std::os::unix::fs::FileTypeExt::is_fifo(&found), "the pipe was replaced");
        assert_eq!(reader.join().unwrap(), b"through");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_that_nobody_reads_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = write_whole(&pipe, |w| w.write_all(b"to nobody")).unwrap_err().to_string();
        assert!(error.contains("nobody reads from it"), "{error}");
        // One who comes a little later is waited for.
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                std::thread::sleep(Duration::from_millis(200));
                std::fs::read(pipe).unwrap()
            }
        });
        write_whole(&pipe, |w| w.write_all(b"through")).unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
    }

    #[test]
    fn a_failed_write_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write_whole(&path, |w| w.write_all(b"old")).unwrap();
        let full = |w: &mut BufWriter<&File>| {
            w.write_all(b"new")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = write_whole(&path, full).unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains("model"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
