//! One label a sample: accuracy, cross-entropy, precision and recall, confusion, order, calibration.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;
use serde::Serialize;

use super::output::cross_entropy;
use super::sum::pairwise;
use super::{
    Calibration, MetricsError, agreement, argmax, average_precision, check, ratio, roc_auc, top_k_accuracy,
};

/// Predictions of exactly one class a sample, measured. Serializes field by field, in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MultiClass {
    /// How many samples were measured.
    pub samples: usize,
    /// Share of samples whose most probable class is the true one, 0 to 1 (`accuracy_score`).
    pub accuracy: f64,
    /// What an answer that never looks at the picture reaches.
    pub baseline: Baseline,
    /// Share of samples whose true class is among the five most probable, 0 to 1; only where there are more
    /// than five classes. Among equally probable classes the later one counts first, as in
    /// `top_k_accuracy_score(k=5)`.
    pub top_5_accuracy: Option<f64>,
    /// Mean over the classes that occur of the share recognised, 0 to 1 (`balanced_accuracy_score`).
    pub balanced_accuracy: f64,
    /// Cohen's kappa, 0 for chance and 1 for no error (`cohen_kappa_score`); none where truth and predictions are all
    /// one class.
    pub cohen_kappa: Option<f64>,
    /// Matthews' correlation, −1 to 1 (`matthews_corrcoef`).
    pub matthews: f64,
    /// Mean over the classes of [`ClassMetrics::roc_auc`] (`roc_auc_score(multi_class="ovr")`); none where a class has
    /// none.
    pub roc_auc_ovr_macro: Option<f64>,
    /// Mean of [`ClassMetrics::average_precision`] over the classes that occur.
    pub average_precision_macro: Option<f64>,
    /// Mean of −ln p(true class), in nats (`log_loss`). p is clipped to ε ≤ p ≤ 1 − ε with ε = 2⁻⁵², the
    /// machine epsilon of `f64`, so that one impossible truth costs 36 nats and not infinity. None for margins.
    pub cross_entropy: Option<f64>,
    /// The cross-entropy of knowing nothing, ln K for K classes: every class equally probable.
    pub uniform_cross_entropy: f64,
    /// Mean over samples of Σ (p(class) − truth)² over the classes (`brier_score_loss`); none for margins.
    pub brier: Option<f64>,
    /// Whether the probability of the answer is how often it is right; none for margins.
    pub calibration: Option<Calibration>,
    /// One entry a class, in class order.
    pub per_class: Vec<ClassMetrics>,
    /// Mean over the classes, each counted alike (`average="macro"`).
    pub macro_average: Average,
    /// Mean over the classes, each weighted by its support (`average="weighted"`).
    pub weighted_average: Average,
    /// Numbers of samples, K×K: row = true class, column = predicted class (`confusion_matrix`).
    pub confusion_matrix: Vec<Vec<usize>>,
}

/// Always answering the class that is the most frequent among the training samples
/// (`DummyClassifier(strategy="most_frequent")`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Baseline {
    /// Name of that class; the first of equally frequent ones.
    pub class: String,
    /// Its accuracy on the samples measured, 0 to 1.
    pub accuracy: f64,
}

/// One class against all others (`precision_recall_fscore_support`). A quotient 0/0 is 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassMetrics {
    /// Name of the class.
    pub class: String,
    /// Of the samples predicted as this class, the share that is.
    pub precision: f64,
    /// Of the samples of this class, the share predicted as such.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Area under the ROC curve of this class against all others (`roc_auc_score`); none where no sample is of this
    /// class, or every one.
    pub roc_auc: Option<f64>,
    /// Average precision of this class against all others (`average_precision_score`); none where no sample is of it.
    pub average_precision: Option<f64>,
    /// How many samples are of this class.
    pub support: usize,
}

/// Averages over the classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Average {
    /// Average of the precisions.
    pub precision: f64,
    /// Average of the recalls.
    pub recall: f64,
    /// Average of the F1 scores, which is not the F1 score of the averages.
    pub f1: f64,
}

impl MultiClass {
    /// Measures `probabilities` (N samples × K classes) against `truth` (N class indices).
    ///
    /// `classes` are the K names in index order; `train_counts` is how many training samples each class has,
    /// which decides the baseline. The predicted class is [`argmax`]: the lowest index wins ties. Rows are
    /// not required to sum to one.
    ///
    /// # Errors
    /// [`MetricsError`] where lengths do not match, N or K is 0, a truth is not below K, or a probability is
    /// NaN or outside 0 to 1 (4 units of `f32` rounding above 1 are allowed).
    pub fn new(
        classes: &[String],
        train_counts: &[usize],
        truth: &[u32],
        probabilities: ArrayView2<'_, f64>,
    ) -> Result<Self, MetricsError> {
        check(classes, train_counts, truth, probabilities)?;
        check::probabilities(probabilities)?;
        let mut metrics = Self::measured(classes, train_counts, truth, probabilities);
        let n = truth.len();
        let mut losses = Vec::with_capacity(n);
        let mut squares = Vec::with_capacity(n);
        let mut stated = Vec::with_capacity(n);
        let mut right = Vec::with_capacity(n);
        for (&truth, row) in truth.iter().zip(probabilities.axis_iter(Axis(0))) {
            let truth = truth as usize;
            let answer = argmax(row).unwrap_or(0);
            losses.push(cross_entropy(row[truth]));
            let off = |(c, p): (usize, &f64)| (p - f64::from(u8::from(c == truth))).powi(2);
            squares.push(row.iter().enumerate().map(off).sum::<f64>());
            stated.push(row[answer]);
            right.push(answer == truth);
        }
        metrics.cross_entropy = Some(pairwise(&losses) / n as f64);
        metrics.brier = Some(pairwise(&squares) / n as f64);
        metrics.calibration = Some(Calibration::new(&stated, &right));
        Ok(metrics)
    }

    /// The same from `margins` (N×K), scores of which only the order means something: without what takes
    /// probabilities.
    ///
    /// # Errors
    /// [`MetricsError`] where lengths do not match, N or K is 0, a truth is not below K, or a margin is not finite.
    pub fn from_margins(
        classes: &[String],
        train_counts: &[usize],
        truth: &[u32],
        margins: ArrayView2<'_, f64>,
    ) -> Result<Self, MetricsError> {
        check(classes, train_counts, truth, margins)?;
        check::finite(margins)?;
        Ok(Self::measured(classes, train_counts, truth, margins))
    }

    /// All that asks only for the order of checked `scores`.
    fn measured(
        classes: &[String],
        train_counts: &[usize],
        truth: &[u32],
        scores: ArrayView2<'_, f64>,
    ) -> Self {
        let (n, k) = scores.dim();
        let mut confusion_matrix = vec![vec![0; k]; k];
        for (&truth, row) in truth.iter().zip(scores.axis_iter(Axis(0))) {
            confusion_matrix[truth as usize][argmax(row).unwrap_or(0)] += 1;
        }
        let per_class = per_class(classes, &confusion_matrix, truth, scores);
        let correct: usize = (0..k).map(|c| confusion_matrix[c][c]).sum();
        // The first of the most frequent: `max_by_key` would take the last.
        let majority = argmax(train_counts).unwrap_or(0);
        let areas: Option<Vec<f64>> = per_class.iter().map(|class| class.roc_auc).collect();
        let precisions: Vec<f64> = per_class.iter().filter_map(|class| class.average_precision).collect();
        Self {
            samples: n,
            accuracy: ratio(correct, n),
            baseline: Baseline {
                class: classes[majority].clone(),
                accuracy: ratio(per_class[majority].support, n),
            },
            top_5_accuracy: (k > 5).then(|| top_k_accuracy(truth, scores, 5)),
            balanced_accuracy: agreement::balanced_accuracy(&confusion_matrix),
            cohen_kappa: agreement::cohen_kappa(&confusion_matrix),
            matthews: agreement::matthews(&confusion_matrix),
            roc_auc_ovr_macro: areas.and_then(|areas| mean(&areas)),
            average_precision_macro: mean(&precisions),
            cross_entropy: None,
            uniform_cross_entropy: (k as f64).ln(),
            brier: None,
            calibration: None,
            macro_average: Average::over(&per_class, |_| 1.0),
            weighted_average: Average::over(&per_class, |class| class.support as f64),
            per_class,
            confusion_matrix,
        }
    }

    /// The class names in index order.
    #[must_use]
    pub fn class_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.per_class.iter().map(|class| class.class.as_str())
    }
}

impl Average {
    /// The mean of each measure with a weight a class. The weights never sum to 0: there is a class, and a
    /// sample.
    fn over(per_class: &[ClassMetrics], weight: impl Fn(&ClassMetrics) -> f64) -> Self {
        let total = pairwise(&per_class.iter().map(&weight).collect::<Vec<_>>());
        let mean = |measure: fn(&ClassMetrics) -> f64| {
            pairwise(&per_class.iter().map(|class| measure(class) * weight(class)).collect::<Vec<_>>())
                / total
        };
        Self { precision: mean(|c| c.precision), recall: mean(|c| c.recall), f1: mean(|c| c.f1) }
    }
}

/// The measures of each class, from the confusion matrix and from the order of the scores.
fn per_class(
    classes: &[String],
    confusion: &[Vec<usize>],
    truth: &[u32],
    scores: ArrayView2<'_, f64>,
) -> Vec<ClassMetrics> {
    let one = |(c, class): (usize, &String)| {
        let hits = confusion[c][c];
        let support: usize = confusion[c].iter().sum();
        let predicted: usize = confusion.iter().map(|row| row[c]).sum();
        let is: Vec<bool> = truth.iter().map(|&y| y as usize == c).collect();
        let column = scores.column(c).to_vec();
        ClassMetrics {
            class: class.clone(),
            precision: ratio(hits, predicted),
            recall: ratio(hits, support),
            f1: ratio(2 * hits, support + predicted),
            roc_auc: roc_auc(&is, &column),
            average_precision: average_precision(&is, &column),
            support,
        }
    };
    classes.par_iter().enumerate().map(one).collect()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| pairwise(values) / values.len() as f64)
}

fn check(
    classes: &[String],
    train_counts: &[usize],
    truth: &[u32],
    scores: ArrayView2<'_, f64>,
) -> Result<(), MetricsError> {
    let (n, k) = (truth.len(), classes.len());
    check::some(n, k)?;
    check::length("rows of probabilities", scores.nrows(), n, "samples")?;
    check::length("columns of probabilities", scores.ncols(), k, "classes")?;
    check::length("training counts", train_counts.len(), k, "classes")?;
    check::truths(truth, k)
}

#[cfg(test)]
#[path = "multi_class_tests.rs"]
mod tests;
