//! Arguments about how a model is fitted.

use super::strengths::Strengths;
use crate::learn::{Schedule, SolverKind, SolverOptions};
use crate::pipeline::SweepOptions;

/// How a model is fitted.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Solver")]
pub(super) struct SolverArgs {
    /// Inverse of the penalty, as in scikit-learn: smaller is smoother. Of several (0.1,1,10 or 0.01..100:9, even in the logarithm) the
    /// one is taken with the least loss on pictures that were not trained on
    #[arg(short = 'C', long = "C", value_name = "C", default_value = "1", allow_negative_numbers = true)]
    c: Strengths,

    /// Judge C by so many folds of the training pictures, each held out in turn [default: with several C, validation pictures, or 5
    /// folds where there are none]
    #[arg(long, value_name = "K")]
    folds: Option<usize>,

    /// Divide into folds in so many different ways [default: 1]
    #[arg(long, value_name = "N")]
    seeds: Option<usize>,

    /// How the objective is minimised [default: lbfgs; of the hinge, sgd]
    #[arg(long, value_enum)]
    solver: Option<SolverArg>,

    /// Share of the penalty that is L1, which makes weights exactly zero: `--l1=0.5`; `--l1` alone is all of it
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    l1: Option<f64>,

    /// lbfgs: ends where the gradient has fallen to this share of the first [default: 1e-5]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    tol: Option<f64>,

    /// lbfgs: iterations, at most [default: 2000]
    #[arg(long, value_name = "N")]
    max_iter: Option<usize>,

    /// sgd, adam: pictures of a training step [default: from the data]
    #[arg(long, value_name = "ROWS")]
    batch_size: Option<usize>,

    /// sgd, adam: how often every picture is used [default: 200]
    #[arg(long)]
    epochs: Option<usize>,

    /// sgd, adam: learning rate of the first step [default: from the data]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,

    /// sgd: share of its speed that a step keeps; adam: β₁ [default: 0.9]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    momentum: Option<f64>,

    /// sgd: Nesterov's momentum
    #[arg(long)]
    nesterov: bool,

    /// sgd, adam: epochs in which the learning rate rises to its full size [default: 0]
    #[arg(long, value_name = "EPOCHS", allow_negative_numbers = true)]
    warmup: Option<f64>,

    /// sgd, adam: how the learning rate falls [default: cosine]
    #[arg(long, value_enum)]
    schedule: Option<ScheduleArg>,

    /// sgd, adam: end after this many epochs without a better validation loss, and keep the best
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<usize>,
}

/// Values of `--solver`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SolverArg {
    /// L-BFGS: all pictures a step, to the optimum, no learning rate
    Lbfgs,
    /// Mini-batches with momentum
    Sgd,
    /// Adam, by mini-batches
    Adam,
}

/// Values of `--schedule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ScheduleArg {
    /// It does not fall
    Constant,
    /// Half a cosine, to 0
    Cosine,
    /// With the inverse square root of the step
    InverseScaling,
}

impl SolverArgs {
    /// The sweep that was asked for: over several values of C, or by folds.
    pub(super) fn sweep(&self) -> Option<SweepOptions> {
        let (cs, folds, seeds) = (self.c.0.clone(), self.folds, self.seeds);
        (cs.len() > 1 || folds.is_some() || seeds.is_some()).then_some(SweepOptions { cs, folds, seeds })
    }

    /// What was typed, with the seed of the order of the rows.
    pub(super) fn options(&self, seed: u64) -> SolverOptions {
        SolverOptions {
            c: self.c.0.first().copied().unwrap_or(1.0),
            l1: self.l1.unwrap_or(0.0),
            seed,
            solver: self.solver.map(|solver| match solver {
                SolverArg::Lbfgs => SolverKind::Lbfgs,
                SolverArg::Sgd => SolverKind::Sgd,
                SolverArg::Adam => SolverKind::Adam,
            }),
            tol: self.tol,
            max_iter: self.max_iter,
            batch_size: self.batch_size,
            batch_limit: None,
            epochs: self.epochs,
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            nesterov: self.nesterov,
            warmup: self.warmup,
            schedule: self.schedule.map(|schedule| match schedule {
                ScheduleArg::Constant => Schedule::Constant,
                ScheduleArg::Cosine => Schedule::Cosine,
                ScheduleArg::InverseScaling => Schedule::InverseScaling,
            }),
            patience: self.patience,
        }
    }
}
