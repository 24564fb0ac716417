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
    /// The objective of the start is no number: features or parameters that are not finite.
    #[error(
        "the objective is {value} where training begins: features or initial weights are not finite, or far too large"
    )]
    NotFinite {
        /// What it was.
        value: f64,
    },
    /// What was saved does not belong to this training.
    #[error(
        "the saved state cannot be gone on from: {problem}; go on with it on the device it began on, or begin anew without --resume"
    )]
    State {
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody asked to stop. What was reached has been handed to [`Watch::save`](super::Watch::save).
    #[error("stopped after {done}")]
    Interrupted {
        /// How far it came: `37 iterations`.
        done: String,
    },
    /// What was reached could not be saved.
    #[error(transparent)]
    Save(Box<dyn std::error::Error + Send + Sync>),
}

impl LearnError {
    /// A wrong option value: what was typed, why it cannot work and what can.
    pub(super) fn option(option: &'static str, problem: impl Into<String>) -> Self {
        Self::Option { option, problem: problem.into() }
    }
}
