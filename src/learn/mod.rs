//! Fitting a linear layer: the objective, and how it is minimised.

mod error;
mod objective;
mod plan;
mod sgd;
mod targets;

pub use error::LearnError;
pub use objective::{Batch, Labelled, Objective, loss_sum, probabilities};
pub use plan::{Plan, SgdOptions};
pub use sgd::{Fit, fit};
pub use targets::Targets;
