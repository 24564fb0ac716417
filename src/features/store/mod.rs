//! A feature store: a folder with the features of pictures, what was seen of each picture, and what all that is.
//!
//! - `features.npy`: N×D, f32, row after row.
//! - `samples.csv`: a line for each row with its path, labels and part; size, time and hash of the file that it was made from; and why
//!   it was skipped, if it was: its row is then zero.
//! - `features.json`: how the features were made, what the labels are, and digests that tell whether the three belong together.
//!
//! A store is made in files of other names beside them, row by row as pictures are described ([`Writer`]), with a [`Journal`] that names the
//! rows that are on the disk. After a kill, a power cut or a full disk whatever the journal names is there. In the end the new files
//! take the place of the old ones; a note ([`COMMIT`]) that is written before and removed after lets whoever comes next finish that.

mod commit;
mod entry;
mod journal;
mod meta;
mod npy_header;
mod samples;
mod stored;
#[cfg(test)]
mod tests;
mod writer;

pub use commit::Folder;
pub use entry::{Entry, Hash};
pub use journal::{Header, Journal};
pub(crate) use meta::ANEW;
pub use meta::{FORMAT, Labels, Meta, NotLookedInto};
pub use samples::{Sample, write_samples};
pub use stored::Stored;
pub use writer::Writer;

use std::path::Path;

use crate::features::FeaturesError;
use crate::files::FileError;

/// The numbers.
pub const FEATURES: &str = "features.npy";
/// A line a row.
pub const SAMPLES: &str = "samples.csv";
/// What it is.
pub const META: &str = "features.json";
/// While a store is made: what has been done.
pub const JOURNAL: &str = "journal.part";
/// While a store takes its place.
pub const COMMIT: &str = "commit.part";
/// Locked while somebody makes the store.
pub const LOCK: &str = "store.lock";

/// Whether `folder` is a store, of whoever's making.
#[must_use]
pub fn is_store(folder: &Path) -> bool {
    // Also where one of its files is something else than a file, or gone: whoever opens it says so.
    let there = |name| std::fs::symlink_metadata(folder.join(name)).is_ok_and(|found| !found.is_dir());
    let [features, samples] = [FEATURES, SAMPLES].map(there);
    features && samples || (features || samples) && there(META) || folder.join(COMMIT).is_file()
}

/// Whether `folder` holds a store that is being made, or was when that was interrupted, and none that is finished.
#[must_use]
pub fn is_unfinished(folder: &Path) -> bool {
    folder.join(JOURNAL).is_file() && !is_store(folder)
}

/// Removes what was begun of a store in `folder`, where none is finished there, and the folder if nothing else is in it. Says whether there
/// was anything.
///
/// # Errors
/// Another process is at work there; something cannot be removed.
pub fn remove_begun(folder: &Path) -> Result<bool, FeaturesError> {
    if is_store(folder) || !writer::has_parts(folder) {
        return Ok(false);
    }
    // Which nobody else goes on with meanwhile.
    let locked = Folder::open(folder)?;
    writer::remove_parts(folder)?;
    drop(locked);
    // What else is there stays.
    let _ = std::fs::remove_dir(folder);
    Ok(true)
}

/// Removes the store `folder`, and the folder if nothing else is in it.
///
/// # Errors
/// Something cannot be removed.
pub fn remove_store(folder: &Path) -> Result<(), FileError> {
    writer::remove_parts(folder)?;
    for name in [META, SAMPLES, FEATURES] {
        writer::remove(&folder.join(name))?;
    }
    std::fs::remove_dir(folder).map_err(FileError::on("remove", folder))
}
