//! What can be wrong with features.

use std::path::PathBuf;

use super::Bytes;
use crate::backend::DeviceError;
use crate::files::FileError;

/// Features that nothing can be fitted to, or that a device has no room for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeaturesError {
    /// The device was lost or has no memory left.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file that holds something else than was looked for.
    #[error("{}: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what can be done.
        problem: String,
    },
    /// A budget too small for anything to pass through.
    #[error(
        "features: {option} of {given} is too little for rows of {row} each to pass through, two at a time; {needed} will do{}",
        if option.starts_with("--") { "" } else { ", or use --device cpu" }
    )]
    Budget {
        /// What was too small, as it is typed.
        option: &'static str,
        /// How much it was.
        given: Bytes,
        /// The size of a row.
        row: Bytes,
        /// What is enough.
        needed: Bytes,
    },
    /// A store that could not be finished.
    #[error("{source}; {done} of {rows} pictures are kept in {}: the same command goes on from there, once that is put right", folder.display())]
    Unfinished {
        /// The folder of the store.
        folder: PathBuf,
        /// Rows that are kept.
        done: usize,
        /// Rows that there will be.
        rows: usize,
        /// What went wrong.
        source: Box<FeaturesError>,
    },
    /// A store that could not be brought up to date.
    #[error(
        "{source}; the store in {} is as it was, and the same command brings it up to date, once that is put right: beside it that takes {needed}",
        folder.display()
    )]
    NotBegun {
        /// The folder of the store.
        folder: PathBuf,
        /// What its new numbers take.
        needed: Bytes,
        /// What went wrong.
        source: Box<FeaturesError>,
    },
    /// A picture could not be read, and whoever was told of it ended the work.
    #[error("a picture could not be read")]
    Refused,
    /// Somebody asked to stop.
    #[error("stopped: {done} of {rows} pictures are kept in {}", folder.display())]
    Interrupted {
        /// The folder of the store.
        folder: PathBuf,
        /// Rows that are kept.
        done: usize,
        /// Rows that there will be.
        rows: usize,
    },
    /// A number that is too large to compute with.
    #[error(
        "features: {row}, column {column} is {value:e}, and what is made of it is beyond what f32 holds; bring all columns to one scale \
         with --standardize, or put another number in its place"
    )]
    TooLarge {
        /// What the row is called.
        row: String,
        /// The column, from 0.
        column: usize,
        /// What stands there.
        value: f32,
    },
    /// A number that is none.
    #[error(
        "{}: row {row}, column {column} is {value}; every feature must be a finite number (leave the row out, or put a number in its place)",
        file.as_ref().map_or_else(|| "features".into(), |file| file.display().to_string())
    )]
    NotFinite {
        /// The file that it stands in, where it is one.
        file: Option<PathBuf>,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// What stands there.
        value: f32,
    },
}

impl FeaturesError {
    /// As an error in the middle of a pass over the features, of which a device knows no more than the reason.
    pub(super) fn fed(self) -> DeviceError {
        match self {
            Self::Device(error) => error,
            other => DeviceError::Fed { reason: other.to_string() },
        }
    }
}
