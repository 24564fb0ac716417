//! What can be wrong with a training.

use crate::backend::DeviceError;

/// A solver that was asked for the impossible, or a training that could not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The device was lost or has no memory left.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// An option with a value that cannot work.
    #[error("{option}: {problem}")]
    Option {
        /// The option as it is typed, for example `--batch-size`.
        option: &'static str,
        /// What is wrong with the value, and which values are right.
        problem: String,
    },
    /// The loss grew without bounds.
    #[error(
        "training diverged in epoch {epoch} (loss {loss}) at learning rate {rate}; \
         try --learning-rate {:.2e}, or leave it out",
        rate / 10.0
    )]
    Diverged {
        /// The epoch in which it was seen, from 1.
        epoch: usize,
        /// Mean loss there.
        loss: f64,
        /// The learning rate of the first step.
        rate: f64,
    },
}
