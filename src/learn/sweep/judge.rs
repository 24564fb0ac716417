//! How good a model of a sweep is on rows it has not seen.

use super::super::objective::loss_and_scores;
use super::super::{Labelled, Targets};
use crate::backend::{Backend, DeviceError};

/// What is said of a model beside its loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// The share of rows whose highest score is their label.
    Accuracy,
    /// Mean of the labels' F1, cut where a score is above 0, which is a probability of ½; 0 for a label that is neither there nor
    /// said (`zero_division=0`).
    MacroF1,
}

impl Score {
    /// As it is written in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::MacroF1 => "macro F1",
        }
    }

    /// Of `rows` with `scores` (n×K).
    fn of(self, targets: &Targets, rows: &[usize], scores: &[f32]) -> f64 {
        let outputs = targets.outputs();
        let pairs = rows.iter().zip(scores.chunks_exact(outputs));
        match self {
            Self::Accuracy => {
                let right = pairs.filter(|(row, scores)| {
                    let best =
                        (1..outputs).fold(0, |best, k| if scores[k] > scores[best] { k } else { best });
                    targets.has(**row, best)
                });
                right.count() as f64 / rows.len().max(1) as f64
            }
            Self::MacroF1 => {
                // Of each label how often it is there, is said, and both.
                let mut counts = vec![[0usize; 3]; outputs];
                for (&row, scores) in pairs {
                    for (k, counts) in counts.iter_mut().enumerate() {
                        let (there, said) = (targets.has(row, k), scores[k] > 0.0);
                        counts[0] += usize::from(there);
                        counts[1] += usize::from(said);
                        counts[2] += usize::from(there && said);
                    }
                }
                let f1 = |[there, said, both]: [usize; 3]| match there + said {
                    0 => 0.0,
                    sum => 2.0 * both as f64 / sum as f64,
                };
                counts.into_iter().map(f1).sum::<f64>() / outputs as f64
            }
        }
    }
}

/// Mean loss, that which is minimised and with its weights, and `score` of the rows `val`.
pub(super) fn judge<B: Backend>(
    backend: &B,
    data: &Labelled<'_, B>,
    val: &[usize],
    parameters: &B::Array<f32>,
    score: Score,
) -> Result<(f64, f64), DeviceError> {
    let (loss, scores) = loss_and_scores(backend, data, val, parameters)?;
    Ok((loss / val.len().max(1) as f64, score.of(data.targets, val, &scores)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Loss;

    #[test]
    fn scores_by_hand() {
        let one = Targets::classes(3, &[0, 1, 2, 1]);
        let said = [1.0, 0.0, 0.0, 0.5, 0.6, 0.0, 0.0, 0.0, -1.0, -2.0, -1.0, -3.0];
        assert_eq!(Score::Accuracy.of(&one, &[0, 1, 2, 3], &said), 0.75);
        let many = Targets::new(Loss::Sigmoid, 3, &[vec![0, 1], vec![], vec![1]]);
        // Label 0: there once, said twice, once both. Label 1: there twice, said once, there. Label 2: neither.
        let said = [1.0, 2.0, -1.0, 3.0, -1.0, -1.0, -1.0, -1.0, -1.0];
        let expected = (2.0 / 3.0 + 2.0 / 3.0) / 3.0;
        assert!((Score::MacroF1.of(&many, &[0, 1, 2], &said) - expected).abs() < 1e-15);
    }
}
