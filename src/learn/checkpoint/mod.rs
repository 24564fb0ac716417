//! Checkpoints: the state of a training in a file, to go on from after Ctrl-C, a kill or a power cut.
//!
//! A folder holds two: the latest, [`CURRENT`], and the one before, [`PREVIOUS`]. Each is written beside them, synced and only
//! then renamed, and the folder is synced after that, so that at any moment one of the two is there and whole; [`load`] finds it.

mod belongs;
mod error;
mod file;
mod lock;
mod store;

pub use belongs::Belongs;
pub use error::CheckpointError;
pub use file::VERSION;
pub use lock::{LOCK, Lock};
pub use store::{CURRENT, Loaded, PREVIOUS, Store, load};

use super::State;

/// The state of a training, and all that must be the same for it to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What it belongs to.
    pub belongs: Belongs,
    /// What whoever trains wants to find again, such as the command that was typed.
    pub keep: serde_json::Value,
    /// The state of the solver.
    pub state: State,
}

#[cfg(test)]
mod tests;
