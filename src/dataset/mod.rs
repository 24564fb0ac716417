//! Where pictures and labels come from: the layout of a folder, the split into parts, decoding.
//! This room has never heard of a GPU.

mod decode;
mod layout;
mod split;

pub use decode::{Decoder, Picture, PictureError};
pub use layout::LabelSource;
pub use split::{Split, SplitOptions};

use std::path::PathBuf;

/// The part of the data a picture belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The weights are fitted to these.
    Train,
    /// Choices (thresholds, early stopping) are made on these.
    Val,
    /// Reported on, and on nothing else.
    Test,
}

/// One picture and its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Path relative to [`Dataset::root`].
    pub path: PathBuf,
    /// Index into [`Dataset::classes`].
    pub label: u32,
    /// The part its folder (`train/`, `val/`, `test/`) puts it in, if the data came so divided.
    pub part: Option<Part>,
}

/// Labelled pictures, found but not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The folder that was opened.
    pub root: PathBuf,
    /// How labels were read from names.
    pub labels: LabelSource,
    /// Class names in sorted order; labels are indices into it.
    pub classes: Vec<String>,
    /// The pictures, sorted by path.
    pub samples: Vec<Sample>,
}

/// Pictures, labels or their layout that cannot be trained on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The folder is not there.
    #[error("there is no folder {}; give the folder that holds the pictures", .0.display())]
    Missing(PathBuf),
}
