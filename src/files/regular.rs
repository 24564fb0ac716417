//! Files that are just that: no pipe that nobody writes to, no device.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// Opens the file `path` to read it, and says what it is. Never waits for whoever may be at the other end of it.
///
/// # Errors
/// It is no regular file; it cannot be opened.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    // First, as to open a device may be to do something to it.
    regular(&std::fs::metadata(path)?)?;
    let file = open(path)?;
    // What is there may have been replaced since.
    let found = file.metadata()?;
    regular(&found)?;
    Ok((file, found))
}

fn regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    Err(io::Error::other(format!("not a regular file but {}", what(found))))
}

#[cfg(unix)]
fn what(found: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = found.file_type();
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

#[cfg(not(unix))]
fn what(found: &Metadata) -> &'static str {
    if found.is_dir() { "a folder" } else { "something else" }
}

/// Without waiting for a writer, should it be a pipe by now.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    match File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path) {
        // Somebody has a lease on it (a file server), and gives it up to whoever waits.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => File::open(path),
        opened => opened,
    }
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}
