//! Fitting a linear layer: the objective, and how it is minimised.

pub mod checkpoint;
mod error;
mod objective;
mod plan;
mod sgd;
mod state;

pub use crate::backend::Targets;
pub use error::LearnError;
pub use objective::{Batch, Labelled, Objective, loss_sum, probabilities, scores};
pub use plan::{Plan, SgdOptions};
pub use sgd::{Fit, fit};
pub use state::State;
