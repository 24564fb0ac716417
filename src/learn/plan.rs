//! What is asked of the solver, and what it will do: options with gaps become a plan without, checked.

use super::LearnError;

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
    /// Checks the options and fills the gaps, for `rows` rows whose squared norms are at most `squared_norm`.
    ///
    /// Without a learning rate, it is 1/L. The loss of a row has a Hessian of at most `½·(‖x‖² + 1)` (Böhning 1992;
    /// the 1 is the bias), so `L = ½·(squared_norm + 1) + l2`.
    ///
    /// # Errors
    /// An option that cannot work, with the values that can.
    pub fn plan(&self, rows: usize, squared_norm: f64) -> Result<Plan, LearnError> {
        let wrong = |option, problem: String| Err(LearnError::Option { option, problem });
        if !(self.c > 0.0 && self.c.is_finite()) {
            return wrong("-C", format!("{:?} is not a positive number", self.c));
        }
        if !(0.0..1.0).contains(&self.momentum) {
            return wrong("--momentum", format!("{} is not in 0 ≤ momentum < 1", self.momentum));
        }
        let l2 = 1.0 / (self.c * rows.max(1) as f64);
        let learning_rate = self.learning_rate.unwrap_or(1.0 / (0.5 * (squared_norm + 1.0) + l2));
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
        Ok(Plan { c, rows, batch_size, epochs, learning_rate, momentum, seed })
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
        let Self { c, rows, batch_size, epochs, learning_rate, momentum, .. } = self;
        write!(
            f,
            "softmax, C = {c}; {epochs} epochs over {rows} pictures in batches of {batch_size}, \
             learning rate {learning_rate:.4} falling to 0, momentum {momentum}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_options_are_refused_by_name() {
        let option = |change: fn(&mut SgdOptions)| {
            let mut options = SgdOptions::default();
            change(&mut options);
            match options.plan(100, 1.0) {
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
        let plan = SgdOptions::default().plan(1000, 1.0).unwrap();
        assert_eq!((plan.batch_size, plan.epochs), (128, 200));
        assert!((plan.learning_rate - 1.0 / 1.001).abs() < 1e-12);
        assert_eq!(SgdOptions::default().plan(10, 1.0).unwrap().batch_size, 10);
        assert_eq!(SgdOptions::default().plan(1_000_000, 1.0).unwrap().batch_size, 8192);
        assert!(plan.rate(0, 10) > plan.rate(9, 10) && plan.rate(9, 10) > 0.0);
    }
}
