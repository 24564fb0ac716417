//! Files that are just that: no pipe that nobody writes to, no device.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::FileError;

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

/// The same of a file that somebody named, or that lies where one is looked for.
///
/// # Errors
/// Those of [`open_regular`], with the way out. A link that leads nowhere is no file that is not there ([`ErrorKind::NotFound`]).
pub(crate) fn open_file(path: &Path) -> Result<(File, Metadata), FileError> {
    open_regular(path).map_err(|error| {
        let (what, instead) = match (std::fs::metadata(path), std::fs::read_link(path)) {
            (Ok(found), _) if !found.is_file() => (what(&found).to_owned(), instead(&found)),
            (Err(gone), Ok(to)) if gone.kind() == ErrorKind::NotFound => {
                let to = format!("a link to {}, where nothing is", to.display());
                (to, "mend the link, or name the file itself")
            }
            _ => return FileError::on("read", path)(error),
        };
        let problem = format!("it is not a regular file but {what}; {instead}");
        FileError::on("read", path)(io::Error::other(problem))
    })
}

/// All bytes of such a file, which has `most` of them at most.
///
/// # Errors
/// Those of [`open_file`]; it is larger.
pub(crate) fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let (file, found) = open_file(path)?;
    let too_large = |size| {
        let problem = format!("it has {size} bytes, and no such file has more than {most}; name another");
        FileError::on("read", path)(io::Error::new(ErrorKind::FileTooLarge, problem))
    };
    if found.len() > most {
        return Err(too_large(found.len()));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(FileError::on("read", path))?;
    if bytes.len() as u64 > most { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
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

/// Makes the file `path` of our own anew, to write. What is there is removed first, not written to: it may be a link to a file elsewhere,
/// another name of one, or a pipe.
pub(crate) fn create_anew(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().write(true).create_new(true).open(path)
}

/// Opens the file `path` of our own, to go on with.
///
/// # Errors
/// It is a link, another name of a file elsewhere, or no file: we made none such.
pub(crate) fn open_own(path: &Path) -> io::Result<File> {
    let about = std::fs::symlink_metadata(path)?;
    if !about.is_file() || names_of(&about) > 1 {
        return Err(io::Error::other("it is not a file of its own that huemax made; remove it"));
    }
    File::options().write(true).open(path)
}

/// By how many names a file is known.
fn names_of(about: &Metadata) -> u64 {
    #[cfg(unix)]
    {
        std::os::unix::fs::MetadataExt::nlink(about)
    }
    #[cfg(not(unix))]
    {
        let _ = about;
        1
    }
}

/// What to do about it.
fn instead(found: &Metadata) -> &'static str {
    match what(found) {
        "a folder" => "name the file in it",
        "a pipe" => "put a file in its place, or name one",
        _ => "name a file",
    }
}

/// Without waiting for a writer, should it be a pipe by now.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    match File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path) {
        // Somebody has a lease on it (a file server), and gives it up to whoever waits.
        Err(error) if error.kind() == ErrorKind::WouldBlock => File::open(path),
        opened => opened,
    }
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}
