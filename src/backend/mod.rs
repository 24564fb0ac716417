//! Where arithmetic happens.

/// A device that is missing, too small, lost or out of memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// `--device` named something that is not there.
    #[error("no device \"{wanted}\"; there is: {}", there_is.join(", "))]
    NotFound {
        /// What was asked for.
        wanted: String,
        /// What can be named instead.
        there_is: Vec<String>,
    },
}
