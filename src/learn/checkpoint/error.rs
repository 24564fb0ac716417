//! What can be wrong with a checkpoint.

use std::path::PathBuf;

use crate::files::FileError;

/// A checkpoint that is missing, no checkpoint, damaged, or of another training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A folder without any.
    #[error(
        "there is no checkpoint in {}; a training writes one at Ctrl-C and every --checkpoint-every seconds, and removes it when it is done",
        folder.display()
    )]
    None {
        /// The folder.
        folder: PathBuf,
    },
    /// Not a checkpoint at all.
    #[error("{} is no checkpoint of a training ({reason}); `huemax train` writes one as checkpoint.safetensors", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// Cut off, torn, or changed since it was written.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The latest is damaged, and there is none before it that is not.
    #[error("{current}; and the one before it is of no use: {previous}; the training has to start again")]
    Both {
        /// What is wrong with the latest.
        current: Box<CheckpointError>,
        /// What is wrong with the one before.
        previous: Box<CheckpointError>,
    },
    /// Another version of the format.
    #[error(
        "{} has checkpoint format {found}, and this huemax reads format {reads}; go on with the huemax that wrote it (version {written_by})",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Format of the file.
        found: u64,
        /// The format that is read.
        reads: u64,
        /// Version of huemax that wrote the file.
        written_by: String,
    },
    /// Of a training of something else.
    #[error("{} belongs to another training: {}; put that back as it was, or start anew", path.display(), differences.join("; "))]
    Different {
        /// The file.
        path: PathBuf,
        /// What differs, a phrase each.
        differences: Vec<String>,
    },
}

impl CheckpointError {
    /// Whether the file itself is unusable, as after a write that was torn, so that the one before is worth a look.
    pub(super) fn torn(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Foreign { .. })
    }
}
