//! What is asked of a solver.

use super::plan::{MiniBatch, Plan, Schedule, Solver, SolverKind};
use super::{LearnError, Targets};
use crate::backend::Loss;

/// What is asked of a solver; `None` means "choose from the data".
#[derive(Debug, Clone, PartialEq)]
pub struct SolverOptions {
    /// Inverse of the penalty; see [`Plan::c`].
    pub c: f64,
    /// Share of the penalty that is L1; see [`Plan::l1`].
    pub l1: f64,
    /// Seed of the order of the rows.
    pub seed: u64,
    /// The solver. By default L-BFGS, and mini-batches for the hinge, which has kinks.
    pub solver: Option<SolverKind>,
    /// Of L-BFGS: see [`Solver::Lbfgs`].
    pub tol: Option<f64>,
    /// Of L-BFGS: iterations, at most.
    pub max_iter: Option<usize>,
    /// Of mini-batches: rows of a step.
    pub batch_size: Option<usize>,
    /// The most rows that a batch has where their number is not given.
    pub batch_limit: Option<usize>,
    /// Of mini-batches: how often every row is used.
    pub epochs: Option<usize>,
    /// Of mini-batches: learning rate.
    pub learning_rate: Option<f64>,
    /// Of mini-batches: share of the velocity that a step keeps.
    pub momentum: Option<f64>,
    /// Of mini-batches: Nesterov's momentum.
    pub nesterov: bool,
    /// Of mini-batches: epochs in which the learning rate rises.
    pub warmup: Option<f64>,
    /// Of mini-batches: how the learning rate falls.
    pub schedule: Option<Schedule>,
    /// Of mini-batches: epochs without a better validation loss after which training ends.
    pub patience: Option<usize>,
}

impl Default for SolverOptions {
    fn default() -> Self {
        Self {
            c: 1.0,
            l1: 0.0,
            seed: 42,
            solver: None,
            tol: None,
            max_iter: None,
            batch_size: None,
            batch_limit: None,
            epochs: None,
            learning_rate: None,
            momentum: None,
            nesterov: false,
            warmup: None,
            schedule: None,
            patience: None,
        }
    }
}

/// Where L-BFGS ends unless asked otherwise. On the golden problems the objective is then within 1e-6 of the optimum up to C = 100.
pub(super) const TOLERANCE: f64 = 1e-5;
/// Iterations of L-BFGS, at most, unless asked otherwise.
const ITERATIONS: usize = 2000;
/// Learning rate of Adam for features of small norm: see [`SolverOptions::plan`].
const ADAM_RATE: f64 = 0.2;
/// Epochs unless asked otherwise.
const EPOCHS: usize = 200;
/// A default batch is about this share of the rows: with momentum, eight steps an epoch converge several times faster
/// than one, at the same cost.
const STEPS_AN_EPOCH: usize = 8;

impl SolverOptions {
    /// Checks the options and fills the gaps, for `rows` rows whose squared norms are at most `squared_norm`. Of `targets` the
    /// loss, K and the weights count, not how many rows they are for.
    ///
    /// Without a learning rate, that of mini-batches is 1/L with `L = h·(squared_norm + 1) + l2`: the 1 is the bias, and h bounds the Hessian of the
    /// mean loss by the scores of a row. With w the largest weight:
    ///
    /// * Softmax: w/2 (Böhning 1992).
    /// * Sigmoid: w/4, as σ' = σ·(1 − σ); outputs do not touch each other.
    /// * Squared hinge: 2·(Σ c_k + K·max c_k), where c_k is the weight of label k times the share of rows that have it. A row
    ///   of label y has at most 2·Σ_j (e_j − e_y)(e_j − e_y)ᵀ, twice the Laplacian of a star, whose largest eigenvalue is K.
    ///   But rows of other labels have other stars: their mean is the Laplacian `Σc·I + K·diag(c) − c·1ᵀ − 1·cᵀ`, which is 0
    ///   along 1 and across it no more than the bound. With labels in equal shares that is 4 instead of 2·K.
    /// * Hinge: it has no curvature. That of a hinge rounded off over a margin of 1, the width that the loss asks for: half of
    ///   what its square has. No rate is small enough to stay at its optimum; the rate must fall, as it does.
    ///
    /// Adam divides by the size of the gradient, and what is left of its learning rate is a distance: how far a parameter may move
    /// in a step. It is `0.2/√(squared_norm + 1)`, which goes with the scale of the features as weights do. On the golden problems
    /// (softmax, sigmoid and both hinges, C = 1, 200 epochs) that ends within 0.01 % of the optimum, and so does half or twice of it.
    ///
    /// # Errors
    /// An option that cannot work, with the values that can.
    pub fn plan(&self, rows: usize, squared_norm: f64, targets: &Targets) -> Result<Plan, LearnError> {
        let wrong = |option, problem: String| Err(LearnError::option(option, problem));
        let &Self { c, l1, seed, .. } = self;
        if !(c > 0.0 && c.is_finite()) {
            return wrong("-C", format!("{c:?} is not a positive number"));
        }
        if !(0.0..=1.0).contains(&l1) {
            return wrong("--l1", format!("{l1:?} is no share; 0 is none, 1 is all of the penalty"));
        }
        // The device computes in f32, where a very small number is zero and a very large one infinite.
        if !((1.0 / (c * rows.max(1) as f64)) as f32).is_finite() {
            return wrong(
                "-C",
                format!("{c:?} is too small: its penalty is beyond what f32 holds; 1e-30 is about the least"),
            );
        }
        let loss = targets.loss();
        let kind =
            self.solver.unwrap_or(if loss == Loss::Hinge { SolverKind::Sgd } else { SolverKind::Lbfgs });
        self.only_what_it_has(kind)?;
        let solver = match kind {
            SolverKind::Lbfgs if loss == Loss::Hinge => {
                let problem = "L-BFGS needs a smooth loss, and the hinge has kinks; use --solver sgd, or --loss squared-hinge";
                return wrong("--solver", problem.into());
            }
            SolverKind::Lbfgs => self.lbfgs()?,
            SolverKind::Sgd => Solver::Sgd(self.mini_batch(kind, rows, squared_norm, targets)?),
            SolverKind::Adam => Solver::Adam(self.mini_batch(kind, rows, squared_norm, targets)?),
        };
        Ok(Plan { loss, c, l1, rows, seed, solver })
    }

    /// Options of one solver say nothing to another, and whoever typed them expects something.
    fn only_what_it_has(&self, kind: SolverKind) -> Result<(), LearnError> {
        let lbfgs = [("--tol", self.tol.is_some()), ("--max-iter", self.max_iter.is_some())];
        let batches = [
            ("--batch-size", self.batch_size.is_some()),
            ("--epochs", self.epochs.is_some()),
            ("--learning-rate", self.learning_rate.is_some()),
            ("--momentum", self.momentum.is_some()),
            ("--nesterov", self.nesterov),
            ("--warmup", self.warmup.is_some()),
            ("--schedule", self.schedule.is_some()),
            ("--patience", self.patience.is_some()),
        ];
        let (others, problem): (&[_], _) = match kind {
            SolverKind::Lbfgs => (
                &batches,
                "L-BFGS uses all rows at once and needs no such number; it is for --solver sgd or adam",
            ),
            _ => (&lbfgs, "mini-batches end after --epochs, or by --patience; it is for --solver lbfgs"),
        };
        match others.iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(LearnError::option(option, problem)),
            None => Ok(()),
        }
    }

    fn lbfgs(&self) -> Result<Solver, LearnError> {
        let tol = self.tol.unwrap_or(TOLERANCE);
        if !(tol > 0.0 && tol < 1.0) {
            return Err(LearnError::option(
                "--tol",
                format!("{tol:?} is not between 0 and 1; 1e-5 is usual"),
            ));
        }
        let max_iter = self.max_iter.unwrap_or(ITERATIONS);
        if max_iter == 0 {
            return Err(LearnError::option("--max-iter", "0 iterations train nothing; 1 is the least"));
        }
        Ok(Solver::Lbfgs { tol, max_iter })
    }

    fn mini_batch(
        &self,
        kind: SolverKind,
        rows: usize,
        squared_norm: f64,
        targets: &Targets,
    ) -> Result<MiniBatch, LearnError> {
        let wrong = |option, problem: String| Err(LearnError::option(option, problem));
        let momentum = self.momentum.unwrap_or(0.9);
        if !(0.0..1.0).contains(&momentum) || momentum as f32 == 1.0 {
            return wrong("--momentum", format!("{momentum} is not in 0 ≤ momentum < 1, as f32 has it"));
        }
        let l2 = (1.0 - self.l1) / (self.c * rows.max(1) as f64);
        let rate = match kind {
            SolverKind::Adam => ADAM_RATE / (squared_norm + 1.0).sqrt(),
            _ => 1.0 / (curvature(targets) * (squared_norm + 1.0) + l2),
        };
        let learning_rate = self.learning_rate.unwrap_or(rate);
        if !(learning_rate > 0.0 && learning_rate.is_finite()) {
            return wrong("--learning-rate", format!("{learning_rate:?} is not a positive number"));
        }
        if learning_rate as f32 == 0.0 || !(learning_rate as f32).is_finite() {
            return wrong("--learning-rate", format!("{learning_rate:?} is beyond what f32 holds"));
        }
        if self.batch_size == Some(0) {
            return wrong("--batch-size", "0 rows make no step; 1 is the least".into());
        }
        if self.epochs == Some(0) {
            return wrong("--epochs", "0 epochs train nothing; 1 is the least".into());
        }
        let batch_size = match self.batch_size {
            Some(batch) => batch.min(rows.max(1)),
            None => {
                let usual = (rows / STEPS_AN_EPOCH).max(1).next_power_of_two().clamp(32, 8192);
                usual.min(rows.max(1)).min(self.batch_limit.unwrap_or(usize::MAX).max(1))
            }
        };
        let epochs = self.epochs.unwrap_or(EPOCHS);
        let warmup = self.warmup.unwrap_or(0.0);
        if !(0.0..=epochs as f64).contains(&warmup) {
            return wrong("--warmup", format!("{warmup} is not from 0 to {epochs}, the epochs there are"));
        }
        let schedule = self.schedule.unwrap_or_default();
        let &Self { nesterov, patience, .. } = self;
        if nesterov && kind == SolverKind::Adam {
            return wrong("--nesterov", "Adam's moments look back only; it is for --solver sgd".into());
        }
        if nesterov && momentum == 0.0 {
            return wrong("--nesterov", "there is nothing to look ahead along with --momentum 0".into());
        }
        if patience == Some(0) {
            return wrong("--patience", "0 epochs of patience end at once; 1 is the least".into());
        }
        Ok(MiniBatch { batch_size, epochs, learning_rate, momentum, nesterov, warmup, schedule, patience })
    }
}

/// What bounds the Hessian of the mean loss by the scores; see [`SolverOptions::plan`].
fn curvature(targets: &Targets) -> f64 {
    match targets.loss() {
        Loss::Softmax => 0.5 * targets.largest_weight(),
        Loss::Sigmoid => 0.25 * targets.largest_weight(),
        Loss::Hinge => stars(targets),
        Loss::SquaredHinge => 2.0 * stars(targets),
    }
}

/// `Σ c_k + K·max c_k`; where no row has a label, as if all were equally frequent.
fn stars(targets: &Targets) -> f64 {
    let mut shares = vec![0.0; targets.outputs()];
    for row in 0..targets.rows() {
        if let Some(y) = targets.label(row) {
            shares[y] += targets.weight(row, y) / targets.rows() as f64;
        }
    }
    let bound =
        shares.iter().sum::<f64>() + shares.iter().fold(0.0f64, |a, &c| a.max(c)) * shares.len() as f64;
    if bound > 0.0 { bound } else { 2.0 * targets.largest_weight() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sgd() -> SolverOptions {
        SolverOptions { solver: Some(SolverKind::Sgd), ..SolverOptions::default() }
    }

    fn rate(plan: &Plan) -> f64 {
        batches(plan).learning_rate
    }

    fn batches(plan: &Plan) -> &MiniBatch {
        match &plan.solver {
            Solver::Sgd(batches) => batches,
            other => panic!("{other:?}"),
        }
    }

    fn classes(outputs: usize) -> Targets {
        Targets::none(Loss::Softmax, outputs, 1)
    }

    #[test]
    fn the_rate_follows_the_loss_and_the_weights() {
        for (loss, curvature) in
            [(Loss::Softmax, 0.5), (Loss::Sigmoid, 0.25), (Loss::Hinge, 2.0), (Loss::SquaredHinge, 4.0)]
        {
            let targets = Targets::none(loss, 10, 1);
            let plan = sgd().plan(1000, 3.0, &targets).unwrap();
            assert!((1.0 / rate(&plan) - (4.0 * curvature + 0.001)).abs() < 1e-9, "{plan}");
            assert!(plan.to_string().starts_with(&format!("{loss}, C = 1")), "{plan}");
            let heavy = targets.weighted([vec![1.0; 9], vec![5.0], vec![1.0; 10]].concat());
            let heavy = sgd().plan(1000, 3.0, &heavy).unwrap();
            assert!((1.0 / rate(&heavy) - (20.0 * curvature + 0.001)).abs() < 1e-9, "{heavy}");
        }
    }

    /// Against the quadratic form itself, summed row by row: never above the bound, and close to it in some direction.
    #[test]
    fn the_curvature_of_margins_is_bounded() {
        for labels in [vec![0, 1, 2, 3], vec![0, 0, 0, 1], vec![2, 2, 2, 2], vec![3, 1, 1, 0]] {
            let rows: Vec<Vec<u32>> = labels.iter().map(|&y| vec![y]).collect();
            let targets = Targets::new(Loss::SquaredHinge, 4, &rows)
                .weighted(vec![1.0, 2.0, 0.5, 3.0, 1.0, 1.0, 1.0, 1.0]);
            let mut largest = 0.0f64;
            for direction in 0..625 {
                let v = [direction % 5, direction / 5 % 5, direction / 25 % 5, direction / 125]
                    .map(|d| f64::from(d) - 2.0);
                let of_row = |i: usize| {
                    let y = labels[i] as usize;
                    2.0 * targets.weight(i, y) * v.iter().map(|vj| (vj - v[y]).powi(2)).sum::<f64>()
                };
                let length: f64 = v.iter().map(|x| x * x).sum();
                if length > 0.0 {
                    largest = largest.max((0..4).map(of_row).sum::<f64>() / 4.0 / length);
                }
            }
            let bound = curvature(&targets);
            assert!(
                largest <= bound * (1.0 + 1e-12) && largest > 0.6 * bound,
                "{labels:?}: {largest} {bound}"
            );
        }
    }

    #[test]
    fn impossible_options_are_refused_by_name() {
        let option = |change: fn(&mut SolverOptions)| {
            let mut options = sgd();
            change(&mut options);
            match options.plan(100, 1.0, &classes(3)) {
                Err(LearnError::Option { option, .. }) => option,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(option(|o| o.c = 0.0), "-C");
        assert_eq!(option(|o| o.c = f64::NAN), "-C");
        assert_eq!(option(|o| o.momentum = Some(1.0)), "--momentum");
        assert_eq!(option(|o| o.learning_rate = Some(-1.0)), "--learning-rate");
        assert_eq!(option(|o| o.learning_rate = Some(f64::INFINITY)), "--learning-rate");
        assert_eq!(option(|o| o.c = 1e-42), "-C");
        assert_eq!(option(|o| o.learning_rate = Some(1e-50)), "--learning-rate");
        assert_eq!(option(|o| o.batch_size = Some(0)), "--batch-size");
        assert_eq!(option(|o| o.epochs = Some(0)), "--epochs");
        assert_eq!(option(|o| o.warmup = Some(200.5)), "--warmup");
        assert_eq!(option(|o| o.warmup = Some(-1.0)), "--warmup");
        assert_eq!(option(|o| o.warmup = Some(f64::NAN)), "--warmup");
        assert_eq!(option(|o| o.patience = Some(0)), "--patience");
        assert_eq!(option(|o| (o.nesterov, o.momentum) = (true, Some(0.0))), "--nesterov");
        assert_eq!(option(|o| (o.nesterov, o.solver) = (true, Some(SolverKind::Adam))), "--nesterov");
    }

    #[test]
    fn gaps_are_filled_from_the_data() {
        let plan = sgd().plan(1000, 1.0, &classes(3)).unwrap();
        assert_eq!((batches(&plan).batch_size, batches(&plan).epochs), (128, 200));
        assert!((rate(&plan) - 1.0 / 1.001).abs() < 1e-12);
        assert_eq!(batches(&sgd().plan(10, 1.0, &classes(3)).unwrap()).batch_size, 10);
        assert_eq!(batches(&sgd().plan(1_000_000, 1.0, &classes(3)).unwrap()).batch_size, 8192);
        let adam = SolverOptions { solver: Some(SolverKind::Adam), ..SolverOptions::default() };
        let Solver::Adam(batches) = adam.plan(1000, 3.0, &classes(3)).unwrap().solver else { panic!() };
        assert!((batches.learning_rate - 0.1).abs() < 1e-12);
    }

    #[test]
    fn the_solver_follows_the_loss_and_refuses_what_it_has_not() {
        let plan = |loss, options: SolverOptions| options.plan(100, 1.0, &Targets::none(loss, 3, 1));
        let kind = |loss| plan(loss, SolverOptions::default()).unwrap().solver.kind();
        assert_eq!(kind(Loss::Softmax), SolverKind::Lbfgs);
        assert_eq!(kind(Loss::SquaredHinge), SolverKind::Lbfgs);
        assert_eq!(kind(Loss::Hinge), SolverKind::Sgd);
        let refused = |loss, options| match plan(loss, options) {
            Err(LearnError::Option { option, .. }) => option,
            other => panic!("{other:?}"),
        };
        let default = SolverOptions::default;
        let lbfgs = || SolverOptions { solver: Some(SolverKind::Lbfgs), ..default() };
        assert_eq!(refused(Loss::Hinge, lbfgs()), "--solver");
        assert_eq!(refused(Loss::Softmax, SolverOptions { epochs: Some(3), ..default() }), "--epochs");
        assert_eq!(refused(Loss::Softmax, SolverOptions { tol: Some(0.1), ..sgd() }), "--tol");
        assert_eq!(refused(Loss::Softmax, SolverOptions { tol: Some(0.0), ..default() }), "--tol");
        assert_eq!(refused(Loss::Softmax, SolverOptions { max_iter: Some(0), ..default() }), "--max-iter");
        assert_eq!(refused(Loss::Softmax, SolverOptions { l1: 1.5, ..default() }), "--l1");
    }
}
