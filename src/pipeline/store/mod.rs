//! Pictures and the store that their features are kept in: what is there already, what is to be read, and how a store becomes data
//! again.

mod before;
mod fill;
mod keeper;
mod labels;
mod opened;
mod plan;
#[cfg(test)]
mod tests;
mod work;

pub use opened::open_store;
pub(super) use opened::unread;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(super) use fill::fill;
pub(super) use plan::content;

use super::{Tolerance, on_device};
use crate::backend::Device;
use crate::dataset::Dataset;
use crate::error::{FileError, Result};
use crate::features::{Budget, Descriptor, Skipped};
use crate::progress::Progress;

/// How a store is made.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// Whether a picture has changed is told by its content, and not by the size and time of its file.
    pub rehash: bool,
    /// Whether everything is made anew, in place of what is there.
    pub force: bool,
    /// Whether other features that are there are replaced; else they are refused.
    pub replace: bool,
    /// Whether features are all that is wanted, as where labels come from the pictures: those in a folder that cannot be written into are
    /// then taken, whatever else is said of their pictures there.
    pub numbers_will_do: bool,
    /// Time after which what has been done is brought to the disk, so that it is not lost to a kill; with [`Duration::MAX`] that is done at
    /// the end, and when it is stopped.
    pub every: Duration,
    /// Whether to stop, which is asked now and then.
    pub stop: fn() -> bool,
    /// What is done about pictures that cannot be read. Where there are too many, what was there before stays, and what was done is gone on
    /// with, as when it is stopped.
    pub tolerance: Tolerance,
}

impl Default for StoreOptions {
    fn default() -> Self {
        let tolerance = Tolerance::default();
        Self {
            rehash: false,
            force: false,
            replace: false,
            numbers_will_do: false,
            every: Duration::from_secs(3),
            stop: || false,
            tolerance,
        }
    }
}

/// A store that features are kept in: those that are there are not made again.
#[derive(Clone)]
pub struct Cache {
    /// Makes the folder, or says why it cannot; asked for once there is something to keep.
    pub folder: Arc<dyn Fn() -> Result<PathBuf, FileError> + Send + Sync>,
    /// How the store is made.
    pub options: StoreOptions,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What became of the pictures of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    /// The folder of the store.
    pub folder: PathBuf,
    /// What a row is made of.
    pub descriptor: Descriptor,
    /// Pictures whose features were there.
    pub kept: usize,
    /// Pictures that were read.
    pub read: usize,
    /// Pictures whose features were there, and which are no longer.
    pub dropped: usize,
    /// Pictures that could not be read, in order.
    pub skipped: Vec<Skipped>,
    /// Pictures that are cut off, and whose rows are of what there is of them, in order.
    pub cut_off: Vec<usize>,
    /// Whether a file of the store was written.
    pub changed: bool,
}

/// Describes the pictures of `dataset` by `descriptor` on `device`, into the store `folder`. What is there of pictures that have not
/// changed is kept. Needs memory for what is known of each picture, and not for its features.
///
/// # Errors
/// The folder holds other features; it cannot be written; the device was lost. What was done until then is gone on from.
pub fn extract_to(
    dataset: &Dataset,
    folder: &Path,
    descriptor: Descriptor,
    device: &Device,
    budget: &Budget,
    options: &StoreOptions,
    progress: &dyn Progress,
) -> Result<Extraction> {
    progress.say(&super::about(device));
    on_device!(device, backend => {
        let all: Vec<usize> = (0..dataset.samples.len()).collect();
        let filled = fill(backend, dataset, (folder, options), (descriptor, &all), (false, budget), progress)?;
        Ok(filled.extraction)
    })
}
