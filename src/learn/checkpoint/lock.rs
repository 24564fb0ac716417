//! One training at a time writes into a folder.

use std::path::Path;

use crate::files::{self, FileError};

/// The file of a folder that is locked while a training writes there. That it is there says nothing: a kill leaves it behind.
pub const LOCK: &str = "training.lock";

/// While this lives, no other process has it for the same folder. Dropped, or when the process ends in whatever way, it is free.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is held, not looked at")] files::Lock);

impl Lock {
    /// Takes the lock of `folder`, which is there; does not wait.
    ///
    /// # Errors
    /// Another process has it; the folder cannot be written into.
    pub fn take(folder: &Path) -> Result<Self, FileError> {
        let busy = "another huemax is writing results there; wait until it is done, or end it first";
        files::Lock::take(folder, LOCK, busy).map(Self)
    }
}
