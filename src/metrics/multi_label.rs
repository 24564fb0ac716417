//! Any number of labels a sample: what is found, what is missed, what is ranked wrongly; always beside answers that
//! know nothing.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::Serialize;

use super::output::{binary_cross_entropy, says};
use super::sum::pairwise;
use super::{Calibration, MetricsError, average_precision, check, label_ranking_precision, ratio, roc_auc};

/// Predictions of any number of labels a sample, measured. Serializes field by field, in this order.
///
/// Where most labels are absent, an answer without any label is right about most decisions. So every figure stands
/// beside what two answers reach that never look at a picture, and those that flatter them (the Hamming loss above
/// all) are never told alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MultiLabel {
    /// How many samples were measured.
    pub samples: usize,
    /// True labels a sample, on average.
    pub labels_per_sample: f64,
    /// The predictions.
    pub model: Figures,
    /// An answer without labels: every probability 0, nothing over a threshold.
    pub predicts_nothing: Figures,
    /// Each label with its frequency among the training samples as its probability: said where that is at least ½, and
    /// always where the label's threshold is another than ½, that is, tuned.
    pub predicts_frequency: Figures,
    /// Whether a probability is how often the label is there, over all decisions.
    pub calibration: Calibration,
    /// One entry a label, in label order.
    pub per_label: Vec<LabelMetrics>,
    /// Labels that no sample has. They count 0 in the macro averages of precision, recall, F1 and F2, as in
    /// scikit-learn; the means of average precision and of ROC AUC leave them out, where scikit-learn counts an average
    /// precision of 0.
    pub without_positives: Vec<String>,
}

/// How good answers are. Means of precision, recall and F are 0 where they would be 0/0 (`zero_division=0`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Mean over the labels, each counted alike (`average="macro"`).
    pub macro_average: FScores,
    /// Over all decisions together (`average="micro"`).
    pub micro_average: FScores,
    /// Mean over the samples (`average="samples"`); a sample with neither true nor predicted labels counts 0.
    pub sample_average: FScores,
    /// mAP: mean over the labels that occur of their average precision (`average_precision_score(average="macro")`).
    pub mean_average_precision: Option<f64>,
    /// Average precision of all decisions ranked together (`average_precision_score(average="micro")`).
    pub micro_average_precision: Option<f64>,
    /// Mean over the samples of [`label_ranking_precision`] (`label_ranking_average_precision_score`).
    pub label_ranking_average_precision: f64,
    /// Mean over the labels that some samples have and some have not (`roc_auc_score(average="macro")`); ½ is chance.
    pub roc_auc_macro: Option<f64>,
    /// Share of samples whose labels are all right and none is missing (`accuracy_score`).
    pub subset_accuracy: f64,
    /// Share of decisions that are wrong (`hamming_loss`). Low for an answer without labels: look at both.
    pub hamming_loss: f64,
    /// Mean over samples of the sum over labels of binary cross-entropy in nats, p clipped as in `log_loss`.
    pub log_loss: f64,
    /// Expected calibration error over all decisions.
    pub calibration_error: f64,
}

/// Precision, recall and their means (`precision_recall_fscore_support`, `fbeta_score`).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct FScores {
    /// Of the labels predicted, the share that is there.
    pub precision: f64,
    /// Of the labels there, the share predicted.
    pub recall: f64,
    /// F1: both count alike.
    pub f1: f64,
    /// F2: recall counts twice as much.
    pub f2: f64,
}

/// One label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelMetrics {
    /// Its name.
    pub label: String,
    /// How well it is found.
    #[serde(flatten)]
    pub scores: FScores,
    /// `average_precision_score`; none where no sample has the label.
    pub average_precision: Option<f64>,
    /// `roc_auc_score`; none where no sample has the label, or every one.
    pub roc_auc: Option<f64>,
    /// How many samples have the label.
    pub support: usize,
    /// How many are said to have it.
    pub predicted: usize,
    /// The threshold it was predicted by.
    pub threshold: f64,
    /// Share of the training samples that have it.
    pub train_frequency: f64,
}

impl MultiLabel {
    /// Measures `probabilities` (N samples × K labels) against `truth` (N×K). `labels` are the K names in index order;
    /// a label is predicted where its probability reaches its threshold, one of K `thresholds`; `train_frequency` (K) is
    /// the share of training samples with each label, which a baseline answers.
    ///
    /// # Errors
    /// [`MetricsError`] where shapes do not match, N or K is 0, or a probability, a threshold or a frequency is NaN or
    /// outside 0 to 1.
    pub fn new(
        labels: &[String],
        truth: ArrayView2<'_, bool>,
        probabilities: ArrayView2<'_, f64>,
        thresholds: &[f64],
        train_frequency: &[f64],
    ) -> Result<Self, MetricsError> {
        let ((n, _), k) = (truth.dim(), labels.len());
        check::some(n, k)?;
        check::length("columns of truths", truth.ncols(), k, "labels")?;
        check::length("rows of probabilities", probabilities.nrows(), n, "samples")?;
        check::length("columns of probabilities", probabilities.ncols(), k, "labels")?;
        check::probabilities(probabilities)?;
        check::shares("threshold", thresholds, k)?;
        check::shares("training frequency", train_frequency, k)?;

        let decided =
            |p: ArrayView2<'_, f64>| Array2::from_shape_fn((n, k), |at| says(p[at], thresholds[at.1]));
        let model = Answers::new(truth, probabilities, decided(probabilities));
        let nothing = Array2::zeros((n, k));
        let frequency = Array2::from_shape_fn((n, k), |(_, c)| train_frequency[c]);
        // Its own best decisions, not those at cuts that suit the model: a probability that is always the same has the
        // best F1 and F2 where its label is always said, so that is what tuning it comes to.
        let by_frequency = Array2::from_shape_fn((n, k), |(_, c)| {
            let frequency = train_frequency[c];
            says(frequency, 0.5) || (thresholds[c] != 0.5 && frequency > 0.0)
        });
        // Decided nothing, even where a threshold is 0.
        let predicts_nothing = Answers::new(truth, nothing.view(), Array2::from_elem((n, k), false));
        let predicts_frequency = Answers::new(truth, frequency.view(), by_frequency);

        let per_label: Vec<LabelMetrics> = labels
            .iter()
            .enumerate()
            .map(|(c, label)| LabelMetrics {
                label: label.clone(),
                scores: model.labels[c].0.scores(),
                average_precision: model.labels[c].1,
                roc_auc: model.labels[c].2,
                support: model.labels[c].0.positives,
                predicted: model.labels[c].0.answers,
                threshold: thresholds[c],
                train_frequency: train_frequency[c],
            })
            .collect();
        let absent = per_label.iter().filter(|label| label.support == 0);
        let positives: usize = per_label.iter().map(|label| label.support).sum();
        Ok(Self {
            samples: n,
            labels_per_sample: positives as f64 / n as f64,
            model: model.figures,
            predicts_nothing: predicts_nothing.figures,
            predicts_frequency: predicts_frequency.figures,
            calibration: model.calibration,
            without_positives: absent.map(|label| label.label.clone()).collect(),
            per_label,
        })
    }

    /// The label names in index order.
    #[must_use]
    pub fn label_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.per_label.iter().map(|label| label.label.as_str())
    }
}

/// What there is to be found, what was answered, and what of that is right.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    positives: usize,
    answers: usize,
    hits: usize,
}

impl Counts {
    fn over<'a>(truth: impl IntoIterator<Item = &'a bool>, said: impl IntoIterator<Item = &'a bool>) -> Self {
        let mut counts = Self::default();
        for (&truth, &said) in truth.into_iter().zip(said) {
            counts.positives += usize::from(truth);
            counts.answers += usize::from(said);
            counts.hits += usize::from(truth && said);
        }
        counts
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            positives: self.positives + other.positives,
            answers: self.answers + other.answers,
            hits: self.hits + other.hits,
        }
    }

    /// Fβ = (1 + β²)·hits over β²·positives + answers.
    fn scores(self) -> FScores {
        let Self { positives, answers, hits } = self;
        FScores {
            precision: ratio(hits, answers),
            recall: ratio(hits, positives),
            f1: ratio(2 * hits, positives + answers),
            f2: ratio(5 * hits, 4 * positives + answers),
        }
    }
}

impl FScores {
    fn mean(all: &[Self]) -> Self {
        let mean =
            |of: fn(&Self) -> f64| pairwise(&all.iter().map(of).collect::<Vec<_>>()) / all.len() as f64;
        Self {
            precision: mean(|s| s.precision),
            recall: mean(|s| s.recall),
            f1: mean(|s| s.f1),
            f2: mean(|s| s.f2),
        }
    }
}

/// Answers measured: the model's, or those of a baseline.
struct Answers {
    figures: Figures,
    calibration: Calibration,
    /// Of each label: counts, average precision, area under the ROC curve.
    labels: Vec<(Counts, Option<f64>, Option<f64>)>,
}

impl Answers {
    /// Of checked inputs, all N×K.
    fn new(truth: ArrayView2<'_, bool>, probabilities: ArrayView2<'_, f64>, said: Array2<bool>) -> Self {
        let (n, k) = truth.dim();
        let label = |c: usize| {
            let (is, p) = (truth.column(c).to_vec(), probabilities.column(c).to_vec());
            (Counts::over(&is, said.column(c)), average_precision(&is, &p), roc_auc(&is, &p))
        };
        let labels: Vec<_> = (0..k).into_par_iter().map(label).collect();
        let mut samples = Vec::with_capacity(n);
        let (mut ranking, mut losses, mut whole) = (Vec::with_capacity(n), Vec::with_capacity(n), 0);
        for ((truth, p), said) in truth.axis_iter(Axis(0)).zip(probabilities.rows()).zip(said.rows()) {
            ranking.push(label_ranking_precision(&truth.to_vec(), &p.to_vec()));
            losses.push(truth.iter().zip(p).map(|(&t, &p)| binary_cross_entropy(p, t)).sum());
            whole += usize::from(truth == said);
            samples.push(Counts::over(truth, said).scores());
        }
        let (all, all_p): (Vec<bool>, Vec<f64>) =
            (truth.iter().copied().collect(), probabilities.iter().copied().collect());
        let calibration = Calibration::new(&all_p, &all);
        let total = labels.iter().fold(Counts::default(), |sum, (counts, ..)| sum.plus(counts));
        let wrong = (total.positives - total.hits) + (total.answers - total.hits);
        let mean = |values: Vec<f64>| {
            let count = values.len() as f64;
            (count > 0.0).then(|| pairwise(&values) / count)
        };
        let figures = Figures {
            macro_average: FScores::mean(
                &labels.iter().map(|(counts, ..)| counts.scores()).collect::<Vec<_>>(),
            ),
            micro_average: total.scores(),
            sample_average: FScores::mean(&samples),
            mean_average_precision: mean(labels.iter().filter_map(|label| label.1).collect()),
            micro_average_precision: average_precision(&all, &all_p),
            label_ranking_average_precision: pairwise(&ranking) / n as f64,
            roc_auc_macro: mean(labels.iter().filter_map(|label| label.2).collect()),
            subset_accuracy: ratio(whole, n),
            hamming_loss: ratio(wrong, n * k),
            log_loss: pairwise(&losses) / n as f64,
            calibration_error: calibration.ece,
        };
        Self { figures, calibration, labels }
    }
}

#[cfg(test)]
#[path = "multi_label_tests.rs"]
mod tests;
