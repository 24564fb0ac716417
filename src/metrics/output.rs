//! What the numbers of a model mean: probabilities of one class, of many labels, or margins.

use super::argmax;
use crate::backend::Loss;

/// What a model puts out for a picture, and how an answer is read from it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Output {
    /// Probabilities that sum to one; the answer is the most probable class.
    Softmax,
    /// A probability for each label; the answer is every label with p ≥ its threshold.
    Sigmoid {
        /// One a label, 0 to 1.
        thresholds: Vec<f64>,
    },
    /// Scores of a hinge loss, which are no probabilities; the answer is the class with the highest.
    Margins {
        /// Whether the loss squares each term.
        squared: bool,
    },
}

impl Output {
    /// What a model trained with `loss` on `labels` labels puts out; thresholds, where there are any, are ½.
    #[must_use]
    pub fn new(loss: Loss, labels: usize) -> Self {
        match loss {
            Loss::Softmax => Self::Softmax,
            Loss::Sigmoid => Self::Sigmoid { thresholds: vec![0.5; labels] },
            Loss::Hinge => Self::Margins { squared: false },
            Loss::SquaredHinge => Self::Margins { squared: true },
        }
    }

    /// Whether its numbers are probabilities.
    #[must_use]
    pub fn probabilistic(&self) -> bool {
        !matches!(self, Self::Margins { .. })
    }

    /// Whether a picture may have any number of labels.
    #[must_use]
    pub fn several(&self) -> bool {
        matches!(self, Self::Sigmoid { .. })
    }

    /// Thresholds of the labels, where there are any.
    #[must_use]
    pub fn thresholds(&self) -> Option<&[f64]> {
        match self {
            Self::Sigmoid { thresholds } => Some(thresholds),
            Self::Softmax | Self::Margins { .. } => None,
        }
    }

    /// The answer for a picture with `row` (K): indices of labels, ascending. Exactly one, unless several are possible;
    /// a label without a threshold is never part of it.
    #[must_use]
    pub fn answer(&self, row: &[f32]) -> Vec<usize> {
        match self {
            Self::Sigmoid { thresholds } => {
                let decided = row.iter().zip(thresholds).enumerate();
                decided.filter(|(_, (p, t))| says(f64::from(**p), **t)).map(|(k, _)| k).collect()
            }
            Self::Softmax | Self::Margins { .. } => argmax(row).into_iter().collect(),
        }
    }

    /// How wrong `row` (K) is about a picture with the labels `truth`: cross-entropy in nats, the sum of binary
    /// cross-entropies in nats, or Weston and Watkins' hinge. `None` where there must be one label and is not.
    #[must_use]
    pub fn loss(&self, row: &[f32], truth: &[u32]) -> Option<f64> {
        let true_one = || match truth {
            [y] => Some(*y as usize).filter(|&y| y < row.len()),
            _ => None,
        };
        match self {
            Self::Softmax => Some(cross_entropy(f64::from(row[true_one()?]))),
            Self::Sigmoid { .. } => {
                let term =
                    |(k, &p): (usize, &f32)| binary_cross_entropy(f64::from(p), truth.contains(&(k as u32)));
                Some(row.iter().enumerate().map(term).sum())
            }
            Self::Margins { squared } => {
                let y = true_one()?;
                let term = |j: usize| {
                    let over = (f64::from(row[j]) - f64::from(row[y]) + 1.0).max(0.0);
                    if *squared { over * over } else { over }
                };
                Some((0..row.len()).filter(|&j| j != y).map(term).sum())
            }
        }
    }
}

/// Whether a label with probability `p` is part of the answer: the one rule for tuning, measuring and predicting.
pub(super) fn says(p: f64, threshold: f64) -> bool {
    p >= threshold
}

/// −ln p in nats, p clipped to ε ≤ p ≤ 1 − ε with ε = 2⁻⁵² as `sklearn.metrics.log_loss` clips it.
pub(super) fn cross_entropy(p: f64) -> f64 {
    -p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()
}

/// −ln p where `truth`, −ln (1 − p) where not, clipped alike.
pub(super) fn binary_cross_entropy(p: f64, truth: bool) -> f64 {
    cross_entropy(if truth { p } else { 1.0 - p })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let row = [0.5, 0.25, 0.75, 0.75];
        assert_eq!(Output::Softmax.answer(&row), [2]);
        assert_eq!(Output::Margins { squared: true }.answer(&[-2.0, -1.0]), [1]);
        assert_eq!(Output::new(Loss::Sigmoid, 4).answer(&row), [0, 2, 3]);
        let strict = Output::Sigmoid { thresholds: vec![1.0, 0.3, 0.8, 0.75] };
        assert_eq!(strict.answer(&row), [3]);
        assert!(Output::new(Loss::Sigmoid, 1).answer(&[0.1]).is_empty());
    }

    #[test]
    fn losses_by_hand() {
        let close =
            |got: Option<f64>, expected: f64| assert!((got.unwrap() - expected).abs() < 1e-12, "{got:?}");
        close(Output::Softmax.loss(&[0.25, 0.75], &[0]), 4.0_f64.ln());
        close(
            Output::new(Loss::Sigmoid, 3).loss(&[0.5, 0.25, 0.5], &[0]),
            4.0_f64.ln() + (4.0 / 3.0_f64).ln(),
        );
        close(Output::new(Loss::Sigmoid, 1).loss(&[0.0], &[0]), 52.0 * std::f64::consts::LN_2);
        // Two classes above −1 + the true score: 0.5 − 1 + 1 and 2 − 1 + 1.
        close(Output::new(Loss::Hinge, 4).loss(&[1.0, 0.5, 2.0, -3.0], &[0]), 2.5);
        close(Output::new(Loss::SquaredHinge, 4).loss(&[1.0, 0.5, 2.0, -3.0], &[0]), 4.25);
        for output in [Output::Softmax, Output::Margins { squared: false }] {
            assert_eq!(output.loss(&[0.5, 0.5], &[]), None);
            assert_eq!(output.loss(&[0.5, 0.5], &[0, 1]), None);
            assert_eq!(output.loss(&[0.5, 0.5], &[2]), None);
        }
    }
}
