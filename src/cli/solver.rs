//! Arguments about how a model is fitted.

use crate::learn::{Schedule, SolverKind, SolverOptions};

/// How a model is fitted.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Solver")]
pub(super) struct SolverArgs {
    /// Inverse of the penalty, as in scikit-learn: smaller is smoother
    #[arg(short = 'C', long = "C", value_name = "C", default_value_t = 1.0, allow_negative_numbers = true)]
    c: f64,

    /// How the objective is minimised [default: lbfgs; of the hinge, sgd]
    #[arg(long, value_enum)]
    solver: Option<SolverArg>,

    /// Share of the penalty that is L1, which makes weights exactly zero; `--l1` alone is all of it
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
    /// What was typed, with the seed of the order of the rows.
    pub(super) fn options(&self, seed: u64) -> SolverOptions {
        SolverOptions {
            c: self.c,
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
