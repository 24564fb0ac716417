//! What the scores of a model are turned into.

use crate::backend::Loss;
use crate::dataset::Task;
use crate::metrics::Output;

/// What the scores of a model are turned into, and how labels follow from that.
#[derive(Debug, Clone, PartialEq)]
pub enum Activation {
    /// Softmax: probabilities of labels that exclude each other; they add up to 1, and the greatest is the answer.
    Softmax,
    /// A sigmoid a label: the answer is every label whose probability is at least its threshold.
    Sigmoid {
        /// A threshold a label, K, within 0…1.
        thresholds: Vec<f32>,
    },
    /// A sigmoid a label, divided by their sum: one-vs-rest, as scikit-learn's `OneVsRestClassifier` and `SGDClassifier` do. The
    /// greatest is the answer.
    OneVsRest,
    /// Nothing: scores are margins, and the greatest is the answer.
    Margins,
}

impl Activation {
    /// That of a model fitted by `loss` to `task` with K `outputs`; thresholds are ½.
    #[must_use]
    pub fn new(loss: Loss, task: Task, outputs: usize) -> Self {
        match (loss, task) {
            (Loss::Softmax, _) => Self::Softmax,
            (Loss::Sigmoid, Task::Multilabel) => Self::Sigmoid { thresholds: vec![0.5; outputs] },
            (Loss::Sigmoid, Task::Multiclass) => Self::OneVsRest,
            (Loss::Hinge | Loss::SquaredHinge, _) => Self::Margins,
        }
    }

    /// Its name in files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid { .. } => "sigmoid",
            Self::OneVsRest => "one-vs-rest",
            Self::Margins => "margins",
        }
    }

    /// What is asked of a picture.
    #[must_use]
    pub fn task(&self) -> Task {
        if matches!(self, Self::Sigmoid { .. }) { Task::Multilabel } else { Task::Multiclass }
    }

    /// A loss whose probabilities (or scores, for margins) are those of the model.
    #[must_use]
    pub fn loss(&self) -> Loss {
        match self {
            Self::Softmax => Loss::Softmax,
            Self::Sigmoid { .. } | Self::OneVsRest => Loss::Sigmoid,
            Self::Margins => Loss::Hinge,
        }
    }

    /// How answers are read from what a model fitted by `loss` says; see [`Output`].
    #[must_use]
    pub fn output(&self, loss: Loss) -> Output {
        match self {
            Self::Softmax | Self::OneVsRest => Output::Softmax,
            Self::Sigmoid { thresholds } => {
                Output::Sigmoid { thresholds: thresholds.iter().map(|&t| f64::from(t)).collect() }
            }
            Self::Margins => Output::Margins { squared: loss == Loss::SquaredHinge },
        }
    }

    /// Probabilities `rows` (n×K) that were computed at a temperature of 1, at `temperature`: what scores over it would give. Margins
    /// and one-vs-rest have none, and stay as they are.
    #[must_use]
    pub fn at_temperature(&self, mut rows: Vec<f32>, outputs: usize, temperature: f32) -> Vec<f32> {
        if temperature == 1.0 || matches!(self, Self::Margins | Self::OneVsRest) {
            return rows;
        }
        let power = 1.0 / f64::from(temperature);
        for row in rows.chunks_exact_mut(outputs) {
            let raised: Vec<f64> = row.iter().map(|&p| f64::from(p).powf(power)).collect();
            let sum: f64 = raised.iter().sum();
            for (p, raised) in row.iter_mut().zip(raised) {
                let all =
                    if *self == Self::Softmax { sum } else { raised + (1.0 - f64::from(*p)).powf(power) };
                *p = (raised / all) as f32;
            }
        }
        rows
    }

    /// Finishes rows (n×K) of probabilities by [`Activation::loss`], or of scores for margins, in place.
    pub fn finish(&self, rows: &mut [f32], outputs: usize) {
        if *self != Self::OneVsRest {
            return;
        }
        for row in rows.chunks_exact_mut(outputs) {
            let sum: f32 = row.iter().sum();
            // Where all sigmoids underflow nothing is known; scikit-learn divides by zero here.
            let equal = 1.0 / outputs as f32;
            row.iter_mut().for_each(|p| *p = if sum > 0.0 { *p / sum } else { equal });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_at_another_temperature_are_those_of_the_scores_over_it() {
        let (scores, t) = ([2.0f64, -1.0, 0.5], 1.7);
        let softmax = |t: f64| {
            let e: Vec<f64> = scores.iter().map(|s| (s / t).exp()).collect();
            e.iter().map(|v| (v / e.iter().sum::<f64>()) as f32).collect::<Vec<_>>()
        };
        let sigmoid =
            |t: f64| scores.iter().map(|s| (1.0 / (1.0 + (-s / t).exp())) as f32).collect::<Vec<_>>();
        let near = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(Activation::Softmax.at_temperature(softmax(1.0), 3, t as f32), softmax(t)));
        let many = Activation::Sigmoid { thresholds: vec![0.5; 3] };
        assert!(near(many.at_temperature(sigmoid(1.0), 3, t as f32), sigmoid(t)));
        assert_eq!(Activation::Margins.at_temperature(vec![3.0], 1, 2.0), [3.0]);
    }

    #[test]
    fn one_vs_rest_adds_up_to_one() {
        let mut rows = [0.2, 0.6, 0.9, 0.0, 0.0, 0.0];
        Activation::OneVsRest.finish(&mut rows, 3);
        assert!((rows[..3].iter().sum::<f32>() - 1.0).abs() < 1e-6 && (rows[1] / rows[0] - 3.0).abs() < 1e-6);
        assert_eq!(rows[3..], [1.0 / 3.0; 3]);
        let mut same = [0.2, 0.6];
        Activation::Sigmoid { thresholds: vec![0.5; 2] }.finish(&mut same, 2);
        assert_eq!(same, [0.2, 0.6]);
    }

    #[test]
    fn losses_and_tasks_have_their_activations() {
        use Loss::{Hinge, Sigmoid, Softmax, SquaredHinge};
        use Task::{Multiclass, Multilabel};
        let name = |loss, task| Activation::new(loss, task, 2).name();
        assert_eq!(name(Softmax, Multiclass), "softmax");
        assert_eq!(name(Sigmoid, Multiclass), "one-vs-rest");
        assert_eq!(name(Sigmoid, Multilabel), "sigmoid");
        assert_eq!(name(Hinge, Multiclass), name(SquaredHinge, Multiclass));
        assert_eq!(Activation::new(Sigmoid, Multilabel, 2).task(), Multilabel);
    }
}
