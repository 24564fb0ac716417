//! Numbers that lie in the memory of the host already.

use std::fmt::Debug;

/// Keeps numbers that a device computing in the memory of the host can use where they are: see
/// [`Backend::lend`](super::Backend::lend).
pub trait Lend: Debug + Send + Sync {
    /// The numbers: the same ones every time.
    fn numbers(&self) -> &[f32];
}
