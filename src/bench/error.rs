//! What can be wrong with a measurement.

use std::path::PathBuf;

use crate::backend::DeviceError;
use crate::files::FileError;
use crate::verify::Difference;

/// What can be given in place of a file that is none.
const ANOTHER: &str = "give a file that `huemax bench --json FILE` wrote, or measure one now";

/// A result that is wrong, or a baseline that cannot be compared with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A stage that computes something wrong is not timed.
    #[error(
        "{stage} on {device} is wrong and is not timed: {difference}; {}use --device cpu, or another version of the driver",
        repeat.as_ref().map_or(String::new(), |repeat| format!("`{repeat}` looks for it on small data and says more; "))
    )]
    Wrong {
        /// The stage.
        stage: &'static str,
        /// The command that looks for the fault, if there is one.
        repeat: Option<String>,
        /// The device.
        device: String,
        /// What is wrong.
        difference: Box<Difference>,
    },
    /// The device was lost or has no memory left.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A baseline that cannot be read.
    #[error("{0}; {ANOTHER}")]
    Baseline(FileError),
    /// A file that is no run of `huemax bench`.
    #[error("{} is not a run of `huemax bench`: {reason}; {ANOTHER}", path.display())]
    NotARun {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A run written by another version of the format.
    #[error(
        "{} has bench format {found}, and huemax {} reads format {reads}; measure the baseline again with this version",
        path.display(), env!("CARGO_PKG_VERSION")
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The format of this version.
        reads: u32,
    },
    /// Of the pictures to measure with, none could be read.
    #[error("none of the first {tried} pictures of {} could be read; the first says: {reason}", folder.display())]
    NoPictures {
        /// The data.
        folder: PathBuf,
        /// How many were tried.
        tried: usize,
        /// What is wrong with the first.
        reason: String,
    },
}
