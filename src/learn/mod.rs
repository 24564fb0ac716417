//! Fitting a linear layer: the objective, and how it is minimised.

mod error;
mod objective;
mod plan;
mod sgd;

pub use crate::backend::Targets;
pub use error::LearnError;
pub use objective::{Batch, Labelled, Objective, loss_sum, probabilities, scores};
pub use plan::{Plan, SgdOptions};
pub use sgd::{Fit, fit};
