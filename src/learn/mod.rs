//! Fitting a linear layer: the objective, and how it is minimised.

pub mod checkpoint;
mod error;
mod fit;
mod full;
mod lbfgs;
mod metric;
mod mini;
mod objective;
mod options;
mod plan;
mod remaining;
mod schedule;
mod state;
mod sweep;
mod vector;
mod watch;

pub use crate::backend::Targets;
pub use error::LearnError;
pub use fit::{Fit, Parts, Start, Stop, fit};
pub use full::{Evaluation, Full};
pub use lbfgs::{Lbfgs, Settings};
pub use metric::{Gram, Metric, curvature};
pub use objective::{Batch, Columns, Labelled, Objective, loss_sum, probabilities, scores};
pub use options::SolverOptions;
pub use plan::{MiniBatch, Plan, Schedule, Solver, SolverKind};
pub use remaining::Remaining;
pub use state::State;
pub(crate) use sweep::models_a_pass;
pub use sweep::{Found, Member, PlanFor, Score, Sweep, Swept, sweep};
pub use watch::{Seen, SweptC, Unwatched, Validation, Watch};
