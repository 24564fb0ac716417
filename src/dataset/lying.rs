//! Pictures without labels, wherever they lie.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::find::{Search, Unread, none_in, under};
use super::shards::labels::label_kind;
use super::shards::{DEREFERENCE, Place, Set, Shard, is_tar, members};
use super::{DatasetError, Found, NotPictures, PictureError};
use crate::names;

/// A picture in a file of its own, or in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lying {
    /// In this file.
    File(PathBuf),
    /// In this tar file, at this place, under this name.
    Part(Arc<Shard>, Place, PathBuf),
    /// A symbolic link of this name in this tar file, which is not followed.
    Link(Arc<Shard>, PathBuf),
    /// What cannot be read, and why.
    Lost(Unread),
}

/// What a path stands for.
#[derive(Debug, Default)]
pub struct Below {
    /// Pictures, and what could not be looked into.
    pub pictures: Vec<Lying>,
    /// Links to a folder that they lie in, which are not followed.
    pub links_back: Vec<PathBuf>,
    /// Files that are no pictures.
    pub not_pictures: NotPictures,
    /// Tar files beside pictures, which are not read.
    pub shards: Vec<PathBuf>,
}

impl Below {
    /// These `pictures`, and what else was found below `path`.
    fn with(path: &Path, mut pictures: Vec<Lying>, found: Search) -> Self {
        let lost = found.unread.into_iter();
        pictures.extend(lost.map(|lost| Lying::Lost(Unread { path: path.join(lost.path), ..lost })));
        let shards = found.beside.into_iter().map(|shard| path.join(shard)).collect();
        Self { pictures, links_back: found.links_back, not_pictures: found.others, shards }
    }
}

impl Lying {
    /// The pictures that `path` stands for: those of tar files (see [`Dataset::open`](super::Dataset::open)), else as
    /// [`pictures_under`](super::pictures_under) has them. Folders below it that cannot be read come last.
    ///
    /// # Errors
    /// `path` does not exist, or holds no picture file.
    pub fn under(path: &Path) -> Result<Below, DatasetError> {
        let (set, beside) = match Set::named(path)? {
            Some(set) => (set, Search::default()),
            None => {
                // Labels may lie beside pictures: nobody asks for them here.
                let mut found = under(path, |path| label_kind(path).is_some() || is_tar(path))?;
                found.beside.retain(|path| is_tar(path));
                if !found.pictures.is_empty() {
                    let pictures = found.pictures.drain(..).map(Self::File).collect();
                    return Ok(Below::with(path, pictures, found));
                }
                let shards = std::mem::take(&mut found.beside);
                (Set::of(path, shards).ok_or_else(|| none_in(path, &found.unread, &found.others))?, found)
            }
        };
        let (pictures, not_pictures) = members(&set)?;
        let mut below = Below::with(path, pictures, beside);
        below.not_pictures.extend(Path::new(""), not_pictures);
        Ok(below)
    }

    /// What it is called: its path, or `shard.tar/name`; see [`names`].
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) | Self::Lost(Unread { path, .. }) => names::text(path),
            Self::Part(shard, _, name) | Self::Link(shard, name) => names::text(shard.path.join(name)),
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
            Self::Lost(lost) => Err(PictureError::Unreadable(std::io::Error::other(lost.reason.clone()))),
        }
    }
}

impl From<PathBuf> for Lying {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}
