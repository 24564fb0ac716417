//! Pictures without labels, wherever they lie.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::shards::{DEREFERENCE, Place, Set, Shard, members};
use super::{DatasetError, Found, PictureError, pictures_under};

/// A picture in a file of its own, or in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lying {
    /// In this file.
    File(PathBuf),
    /// In this tar file, at this place, under this name.
    Part(Arc<Shard>, Place, PathBuf),
    /// A symbolic link of this name in this tar file, which is not followed.
    Link(Arc<Shard>, PathBuf),
}

impl Lying {
    /// The pictures that `path` stands for: those of tar files (see [`Dataset::open`](super::Dataset::open)), else as
    /// [`pictures_under`] has them.
    ///
    /// # Errors
    /// As for [`pictures_under`]; a tar file that cannot be read.
    pub fn under(path: &Path) -> Result<Vec<Self>, DatasetError> {
        let set = match Set::named(path)? {
            Some(set) => set,
            None => match pictures_under(path) {
                Err(none @ DatasetError::NoPictures(_)) => Set::inside(path)?.ok_or(none)?,
                found => return Ok(found?.into_iter().map(Self::File).collect()),
            },
        };
        members(&set)
    }

    /// What it is called: its path, or `shard.tar/name`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Part(shard, _, name) | Self::Link(shard, name) => {
                shard.path.join(name).to_string_lossy().into_owned()
            }
        }
    }

    /// The file, opened, or the part of the shard.
    ///
    /// # Errors
    /// It cannot be opened; the shard is not the one whose headers were read; it is a link in a shard.
    pub fn found(&self) -> Result<Found, PictureError> {
        match self {
            Self::File(path) => Found::open(path),
            Self::Part(shard, place, _) => shard.part(*place),
            Self::Link(..) => Err(PictureError::Unreadable(std::io::Error::other(format!(
                "it is a symbolic link in a tar file, which is not followed; {DEREFERENCE}"
            )))),
        }
    }
}

impl From<PathBuf> for Lying {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}
