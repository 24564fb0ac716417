//! A tar file, and whether it is still the one that was looked at.

use std::fs::{File, Metadata};
use std::io;
use std::path::PathBuf;

use super::Place;
use crate::dataset::{Found, PictureError};
use crate::files::{modified, open_regular};

/// A tar file as it was when its headers were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// The file.
    pub path: PathBuf,
    /// What was seen of it then.
    pub stamp: Stamp,
}

/// What tells a file from the one that was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Bytes.
    pub len: u64,
    /// When it was changed last, in nanoseconds since 1970; 0 where that is not known.
    pub modified: i64,
}

impl Stamp {
    pub(super) fn of(found: &Metadata) -> Self {
        Self { len: found.len(), modified: modified(found) }
    }
}

impl Shard {
    /// The file, opened.
    ///
    /// # Errors
    /// It cannot be opened; it is not the one whose headers were read, so that nobody knows what lies where.
    pub fn open(&self) -> io::Result<File> {
        let (file, _) = open_regular(&self.path)?;
        if Stamp::of(&file.metadata()?) == self.stamp {
            return Ok(file);
        }
        let path = self.path.display();
        Err(io::Error::other(format!(
            "{path} has changed since its headers were read; run the command again"
        )))
    }

    /// What lies at `place`, which is one of this shard.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(in crate::dataset) fn part(&self, place: Place) -> Result<Found, PictureError> {
        Found::part(self.open().map_err(PictureError::Unreadable)?, place.at, place.len)
    }
}
