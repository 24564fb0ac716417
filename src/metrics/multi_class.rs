//! One label a sample: accuracy, cross-entropy, precision and recall, confusion.

use ndarray::{ArrayView2, Axis};
use serde::Serialize;

use super::sum::pairwise;
use super::{MetricsError, argmax};

/// How far above 1 a probability may lie: softmax in `f32` rounds, and a sum that is one unit too small must
/// not make a finished training fail.
const ABOVE_ONE: f64 = 4.0 * f32::EPSILON as f64;

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
    /// Mean of −ln p(true class), in nats (`log_loss`). p is clipped to ε ≤ p ≤ 1 − ε with ε = 2⁻⁵², the
    /// machine epsilon of `f64`, so that one impossible truth costs 36 nats and not infinity.
    pub cross_entropy: f64,
    /// The cross-entropy of knowing nothing, ln K for K classes: every class equally probable.
    pub uniform_cross_entropy: f64,
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
        let (n, k) = probabilities.dim();

        let mut confusion_matrix = vec![vec![0; k]; k];
        let mut losses = Vec::with_capacity(n);
        let mut in_top_5 = 0;
        for (&truth, row) in truth.iter().zip(probabilities.axis_iter(Axis(0))) {
            let truth = truth as usize;
            let p = row[truth];
            confusion_matrix[truth][argmax(row).unwrap_or(0)] += 1;
            losses.push(-p.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln());
            let before = |(j, &q): (usize, &f64)| q > p || (q == p && j > truth);
            in_top_5 += usize::from(row.iter().enumerate().filter(|&c| before(c)).count() < 5);
        }

        let per_class = per_class(classes, &confusion_matrix);
        let correct: usize = (0..k).map(|c| confusion_matrix[c][c]).sum();
        // The first of the most frequent: `max_by_key` would take the last.
        let majority = argmax(train_counts).unwrap_or(0);
        Ok(Self {
            samples: n,
            accuracy: ratio(correct, n),
            baseline: Baseline {
                class: classes[majority].clone(),
                accuracy: ratio(per_class[majority].support, n),
            },
            top_5_accuracy: (k > 5).then(|| ratio(in_top_5, n)),
            cross_entropy: pairwise(&losses) / n as f64,
            uniform_cross_entropy: (k as f64).ln(),
            macro_average: Average::over(&per_class, |_| 1.0),
            weighted_average: Average::over(&per_class, |class| class.support as f64),
            per_class,
            confusion_matrix,
        })
    }

    /// The class names in index order.
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

/// Precision, recall, F1 and support of each class from the confusion matrix.
fn per_class(classes: &[String], confusion: &[Vec<usize>]) -> Vec<ClassMetrics> {
    let one = |(c, class): (usize, &String)| {
        let hits = confusion[c][c];
        let support: usize = confusion[c].iter().sum();
        let predicted: usize = confusion.iter().map(|row| row[c]).sum();
        ClassMetrics {
            class: class.clone(),
            precision: ratio(hits, predicted),
            recall: ratio(hits, support),
            f1: ratio(2 * hits, support + predicted),
            support,
        }
    };
    classes.iter().enumerate().map(one).collect()
}

/// `part / whole`, and 0 for 0/0 (`zero_division=0`).
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Everything that would make the measures wrong or undefined.
fn check(
    classes: &[String],
    train_counts: &[usize],
    truth: &[u32],
    probabilities: ArrayView2<'_, f64>,
) -> Result<(), MetricsError> {
    let (n, k) = (truth.len(), classes.len());
    if n == 0 || k == 0 {
        return Err(MetricsError::Empty { samples: n, classes: k });
    }
    for (what, got, expected, of) in [
        ("rows of probabilities", probabilities.nrows(), n, "samples"),
        ("columns of probabilities", probabilities.ncols(), k, "classes"),
        ("training counts", train_counts.len(), k, "classes"),
    ] {
        if got != expected {
            return Err(MetricsError::Shape { what, got, expected, of });
        }
    }
    if let Some((sample, &truth)) = truth.iter().enumerate().find(|&(_, &t)| t as usize >= k) {
        return Err(MetricsError::Truth { sample, truth, classes: k });
    }
    // `contains` is false for NaN.
    match probabilities.indexed_iter().find(|&(_, p)| !(0.0..=1.0 + ABOVE_ONE).contains(p)) {
        Some(((sample, class), &value)) => Err(MetricsError::Probability { sample, class, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "multi_class_tests.rs"]
mod tests;
