//! What a solver will do: options with the gaps filled, checked.

use crate::backend::Loss;

/// What the solver will do.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Written")]
pub struct Plan {
    /// The loss.
    pub loss: Loss,
    /// Inverse of the penalty, as scikit-learn's `LogisticRegression(C)`: the objective is
    /// `mean loss + penalty/(C·N)`; the biases are not penalised.
    pub c: f64,
    /// Share ρ of the penalty that is L1, as scikit-learn's `l1_ratio`: the penalty is `ρ·‖W‖₁ + (1 − ρ)/2·‖W‖²`.
    pub l1: f64,
    /// N: rows fitted to.
    pub rows: usize,
    /// Seed of the order of the rows.
    pub seed: u64,
    /// How the objective is minimised.
    pub solver: Solver,
}

/// How an objective is minimised.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Solver {
    /// All rows a step, to the optimum: [`Lbfgs`](super::Lbfgs).
    Lbfgs {
        /// The norm of the gradient, over that of all-zero parameters, at which it ends.
        tol: f64,
        /// Iterations, at most.
        max_iter: usize,
    },
    /// Mini-batch gradient descent with momentum.
    Sgd(MiniBatch),
    /// Adam (Kingma & Ba, ICLR 2015), by mini-batches.
    Adam(MiniBatch),
}

impl Solver {
    /// Rows of a step, where that has not all of them.
    #[must_use]
    pub fn batch(&self) -> Option<usize> {
        match self {
            Self::Lbfgs { .. } => None,
            Self::Sgd(mini) | Self::Adam(mini) => Some(mini.batch_size),
        }
    }
}

/// The name of a [`Solver`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SolverKind {
    /// [`Solver::Lbfgs`].
    Lbfgs,
    /// [`Solver::Sgd`].
    Sgd,
    /// [`Solver::Adam`].
    Adam,
}

impl SolverKind {
    /// Its name on the command line and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lbfgs => "lbfgs",
            Self::Sgd => "sgd",
            Self::Adam => "adam",
        }
    }
}

/// Mini-batches.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MiniBatch {
    /// Rows of a step.
    pub batch_size: usize,
    /// How often every row is used.
    pub epochs: usize,
    /// Learning rate, of the first step after warm-up.
    pub learning_rate: f64,
    /// Share of the velocity that a step keeps; Adam's β₁.
    pub momentum: f64,
    /// Whether momentum is Nesterov's. Not with Adam.
    pub nesterov: bool,
    /// Epochs in which the learning rate rises to its full size; 0 for none.
    pub warmup: f64,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Epochs without a better validation loss after which training ends; none to use all epochs.
    pub patience: Option<usize>,
}

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It does not.
    Constant,
    /// Half a cosine, to zero.
    #[default]
    Cosine,
    /// With the inverse square root of the step, as scikit-learn's `invscaling` with `power_t=0.5`.
    InverseScaling,
}

impl Plan {
    /// The L2 penalty on the weights, `(1 − ρ)/(C·N)`: half of it times their squares is part of the objective.
    #[must_use]
    pub fn l2(&self) -> f64 {
        (1.0 - self.l1) / (self.c * self.rows as f64)
    }

    /// The L1 penalty on the weights, `ρ/(C·N)`.
    #[must_use]
    pub fn l1(&self) -> f64 {
        self.l1 / (self.c * self.rows as f64)
    }
}

impl Solver {
    /// Which it is.
    #[must_use]
    pub fn kind(&self) -> SolverKind {
        match self {
            Self::Lbfgs { .. } => SolverKind::Lbfgs,
            Self::Sgd(_) => SolverKind::Sgd,
            Self::Adam(_) => SolverKind::Adam,
        }
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { loss, c, l1, rows, solver, .. } = self;
        write!(f, "{loss}, C = {c}")?;
        if *l1 > 0.0 {
            write!(f, ", L1 share {l1}")?;
        }
        match solver {
            Solver::Lbfgs { tol, max_iter } => write!(
                f,
                "; L-BFGS over {rows} rows, to a gradient of {tol:e} of the first, {max_iter} iterations at most"
            ),
            Solver::Sgd(batches) => write!(f, "; {batches}, rows {rows}"),
            Solver::Adam(batches) => write!(f, "; Adam, {batches}, rows {rows}"),
        }
    }
}

impl std::fmt::Display for MiniBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { batch_size, epochs, learning_rate, momentum, nesterov, warmup, schedule, patience } = self;
        let fall = match schedule {
            Schedule::Constant => "",
            Schedule::Cosine => " falling to 0",
            Schedule::InverseScaling => " falling with the root of the step",
        };
        let kind = if *nesterov { "Nesterov's momentum" } else { "momentum" };
        write!(
            f,
            "{epochs} epochs in batches of {batch_size}, learning rate {learning_rate:.4}{fall}, {kind} {momentum}"
        )?;
        if *warmup > 0.0 {
            write!(f, ", warm-up {warmup} epochs")?;
        }
        if let Some(patience) = patience {
            write!(f, ", patience {patience} epochs")?;
        }
        Ok(())
    }
}

/// A plan as it stands in files: the present form, or that of before there were several solvers.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Written {
    Now {
        loss: Loss,
        c: f64,
        #[serde(default)]
        l1: f64,
        rows: usize,
        seed: u64,
        solver: Solver,
    },
    Before {
        /// Of a plan that does not say, softmax.
        #[serde(default)]
        loss: Loss,
        c: f64,
        rows: usize,
        batch_size: usize,
        epochs: usize,
        learning_rate: f64,
        momentum: f64,
        seed: u64,
    },
}

impl From<Written> for Plan {
    fn from(written: Written) -> Self {
        match written {
            Written::Now { loss, c, l1, rows, seed, solver } => Self { loss, c, l1, rows, seed, solver },
            Written::Before { loss, c, rows, batch_size, epochs, learning_rate, momentum, seed } => {
                let batches = MiniBatch {
                    batch_size,
                    epochs,
                    learning_rate,
                    momentum,
                    nesterov: false,
                    warmup: 0.0,
                    schedule: Schedule::Cosine,
                    patience: None,
                };
                Self { loss, c, l1: 0.0, rows, seed, solver: Solver::Sgd(batches) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_of_before_there_were_solvers_is_one_of_mini_batches() {
        let old = serde_json::json!({
            "c": 2.0, "rows": 100, "batch_size": 32, "epochs": 200, "learning_rate": 0.5, "momentum": 0.9, "seed": 42
        });
        let plan: Plan = serde_json::from_value(old).unwrap();
        assert_eq!((plan.loss, plan.l1, plan.l2()), (Loss::Softmax, 0.0, 1.0 / 200.0));
        let Solver::Sgd(batches) = &plan.solver else { panic!("{plan:?}") };
        assert_eq!((batches.batch_size, batches.nesterov, batches.schedule), (32, false, Schedule::Cosine));
        let again: Plan = serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
        assert_eq!(again, plan);
    }
}
