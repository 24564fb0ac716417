//! Fitting a linear layer: the objective, and how it is minimised.

mod error;
mod fit;
mod full;
mod lbfgs;
mod metric;
mod objective;
mod options;
mod plan;
mod sgd;
mod state;
mod vector;
mod watch;

pub use crate::backend::Targets;
pub use error::LearnError;
pub use fit::{Fit, Parts, Start, Stop, fit};
pub use full::{Evaluation, Full};
pub use lbfgs::{Lbfgs, Settings};
pub use metric::{Gram, Metric, curvature};
pub use objective::{Batch, Labelled, Objective, loss_sum, probabilities, scores};
pub use options::SolverOptions;
pub use plan::{MiniBatch, Plan, Schedule, Solver, SolverKind};
pub use state::State;
pub use watch::{Seen, Unwatched, Validation, Watch};
