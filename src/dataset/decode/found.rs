//! A picture's bytes before they are read: a file, or a part of one.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::PictureError;
use crate::files::open_regular;

/// A file that was found and not yet read.
#[derive(Debug)]
pub struct Found {
    pub(super) file: File,
    pub(super) bytes: u64,
    /// Whether it is a part of a file, and no byte more.
    pub(super) part: bool,
}

impl Found {
    /// Opens `path`. Waits for nobody: a pipe is not opened.
    ///
    /// # Errors
    /// It cannot be opened; it is no regular file.
    pub fn open(path: &Path) -> Result<Self, PictureError> {
        let (file, found) = open_regular(path).map_err(PictureError::Unreadable)?;
        Ok(Self { file, bytes: found.len(), part: false })
    }

    /// The `bytes` bytes of `file` from `at` on.
    ///
    /// # Errors
    /// The file cannot be read there.
    pub fn part(mut file: File, at: u64, bytes: u64) -> Result<Self, PictureError> {
        file.seek(SeekFrom::Start(at)).map_err(PictureError::Unreadable)?;
        Ok(Self { file, bytes, part: true })
    }

    /// Its length.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}
