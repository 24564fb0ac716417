//! What is asked of the solver, and what it will do: options with gaps become a plan without, checked.

use super::{LearnError, Targets};
use crate::backend::Loss;

/// What is asked of mini-batch gradient descent; `None` means "choose from the data".
#[derive(Debug, Clone, PartialEq)]
pub struct SgdOptions {
    /// Inverse of the penalty, as scikit-learn's `LogisticRegression(C)`: the objective is
    /// `mean loss + ‖W‖²/(2·C·N)`; the bias is not penalised.
    pub c: f64,
    /// Rows of a step.
    pub batch_size: Option<usize>,
    /// How often every row is used.
    pub epochs: Option<usize>,
    /// Learning rate of the first step; it falls to zero along half a cosine.
    pub learning_rate: Option<f64>,
    /// Share of the velocity that a step keeps.
    pub momentum: f64,
    /// Seed of the order of the rows.
    pub seed: u64,
}

impl Default for SgdOptions {
    fn default() -> Self {
        Self { c: 1.0, batch_size: None, epochs: None, learning_rate: None, momentum: 0.9, seed: 42 }
    }
}

/// What the solver will do.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// The loss; of a plan that does not say, softmax.
    #[serde(default)]
    pub loss: Loss,
    /// See [`SgdOptions::c`].
    pub c: f64,
    /// N: rows fitted to.
    pub rows: usize,
    /// Rows of a step.
    pub batch_size: usize,
    /// How often every row is used.
    pub epochs: usize,
    /// Learning rate of the first step.
    pub learning_rate: f64,
    /// Share of the velocity that a step keeps.
    pub momentum: f64,
    /// Seed of the order of the rows.
    pub seed: u64,
}

/// Epochs unless asked otherwise.
const EPOCHS: usize = 200;
/// A default batch is about this share of the rows: with momentum, eight steps an epoch converge several times faster
/// than one, at the same cost.
const STEPS_AN_EPOCH: usize = 8;

impl SgdOptions {
    /// Checks the options and fills the gaps, for `rows` rows whose squared norms are at most `squared_norm`. Of `targets` the
    /// loss, K and the weights count, not how many rows they are for.
    ///
    /// Without a learning rate, it is 1/L with `L = h·(squared_norm + 1) + l2`: the 1 is the bias, and h bounds the Hessian of the
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
    /// # Errors
    /// An option that cannot work, with the values that can.
    pub fn plan(&self, rows: usize, squared_norm: f64, targets: &Targets) -> Result<Plan, LearnError> {
        let wrong = |option, problem: String| Err(LearnError::Option { option, problem });
        if !(self.c > 0.0 && self.c.is_finite()) {
            return wrong("-C", format!("{:?} is not a positive number", self.c));
        }
        if !(0.0..1.0).contains(&self.momentum) {
            return wrong("--momentum", format!("{} is not in 0 ≤ momentum < 1", self.momentum));
        }
        let l2 = 1.0 / (self.c * rows.max(1) as f64);
        let loss = targets.loss();
        let largest = curvature(targets) * (squared_norm + 1.0) + l2;
        let learning_rate = self.learning_rate.unwrap_or(1.0 / largest);
        if !(learning_rate > 0.0 && learning_rate.is_finite()) {
            let problem = format!("{learning_rate:?} is not a positive number");
            return wrong("--learning-rate", problem);
        }
        // The device computes in f32, where a very small number is zero and a very large one infinite.
        if !(l2 as f32).is_finite() {
            return wrong(
                "-C",
                format!("{:?} is too small for {rows} pictures; 1e-30 is about the least", self.c),
            );
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
            None => (rows / STEPS_AN_EPOCH).max(1).next_power_of_two().clamp(32, 8192).min(rows.max(1)),
        };
        let epochs = self.epochs.unwrap_or(EPOCHS);
        let &Self { c, momentum, seed, .. } = self;
        Ok(Plan { loss, c, rows, batch_size, epochs, learning_rate, momentum, seed })
    }
}

impl Plan {
    /// The penalty on the weights, `1/(C·N)`.
    #[must_use]
    pub fn l2(&self) -> f64 {
        1.0 / (self.c * self.rows as f64)
    }

    /// Learning rate at `step` of `steps`: half a cosine from the first rate down to almost zero.
    #[must_use]
    pub fn rate(&self, step: usize, steps: usize) -> f64 {
        let done = step as f64 / steps as f64;
        self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { loss, c, rows, batch_size, epochs, learning_rate, momentum, .. } = self;
        write!(
            f,
            "{loss}, C = {c}; {epochs} epochs over {rows} pictures in batches of {batch_size}, \
             learning rate {learning_rate:.4} falling to 0, momentum {momentum}"
        )
    }
}

/// What bounds the Hessian of the mean loss by the scores; see [`SgdOptions::plan`].
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

    fn classes(outputs: usize) -> Targets {
        Targets::none(Loss::Softmax, outputs, 1)
    }

    #[test]
    fn the_rate_follows_the_loss_and_the_weights() {
        for (loss, curvature) in
            [(Loss::Softmax, 0.5), (Loss::Sigmoid, 0.25), (Loss::Hinge, 2.0), (Loss::SquaredHinge, 4.0)]
        {
            let targets = Targets::none(loss, 10, 1);
            let plan = SgdOptions::default().plan(1000, 3.0, &targets).unwrap();
            assert!((1.0 / plan.learning_rate - (4.0 * curvature + 0.001)).abs() < 1e-9, "{plan}");
            assert!(plan.to_string().starts_with(&format!("{loss}, C = 1")), "{plan}");
            let heavy = targets.weighted([vec![1.0; 9], vec![5.0], vec![1.0; 10]].concat());
            let heavy = SgdOptions::default().plan(1000, 3.0, &heavy).unwrap();
            assert!((1.0 / heavy.learning_rate - (20.0 * curvature + 0.001)).abs() < 1e-9, "{heavy}");
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
    fn a_plan_of_before_there_were_losses_is_one_of_the_softmax() {
        let plan = SgdOptions::default().plan(1000, 1.0, &Targets::none(Loss::Hinge, 2, 1)).unwrap();
        let mut json = serde_json::to_value(&plan).unwrap();
        assert_eq!(json["loss"], "hinge");
        json.as_object_mut().unwrap().remove("loss");
        let old: Plan = serde_json::from_value(json).unwrap();
        assert_eq!(old, Plan { loss: Loss::Softmax, ..plan });
    }

    #[test]
    fn impossible_options_are_refused_by_name() {
        let option = |change: fn(&mut SgdOptions)| {
            let mut options = SgdOptions::default();
            change(&mut options);
            match options.plan(100, 1.0, &classes(3)) {
                Err(LearnError::Option { option, .. }) => option,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(option(|o| o.c = 0.0), "-C");
        assert_eq!(option(|o| o.c = f64::NAN), "-C");
        assert_eq!(option(|o| o.momentum = 1.0), "--momentum");
        assert_eq!(option(|o| o.learning_rate = Some(-1.0)), "--learning-rate");
        assert_eq!(option(|o| o.learning_rate = Some(f64::INFINITY)), "--learning-rate");
        assert_eq!(option(|o| o.c = 1e-42), "-C");
        assert_eq!(option(|o| o.learning_rate = Some(1e-50)), "--learning-rate");
        assert_eq!(option(|o| o.batch_size = Some(0)), "--batch-size");
        assert_eq!(option(|o| o.epochs = Some(0)), "--epochs");
    }

    #[test]
    fn gaps_are_filled_from_the_data() {
        let plan = SgdOptions::default().plan(1000, 1.0, &classes(3)).unwrap();
        assert_eq!((plan.batch_size, plan.epochs), (128, 200));
        assert!((plan.learning_rate - 1.0 / 1.001).abs() < 1e-12);
        assert_eq!(SgdOptions::default().plan(10, 1.0, &classes(3)).unwrap().batch_size, 10);
        assert_eq!(SgdOptions::default().plan(1_000_000, 1.0, &classes(3)).unwrap().batch_size, 8192);
        assert!(plan.rate(0, 10) > plan.rate(9, 10) && plan.rate(9, 10) > 0.0);
    }
}
