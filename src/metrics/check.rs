//! Everything that would make a measure wrong or undefined, refused before anything is counted.

use ndarray::ArrayView2;

use super::MetricsError;

/// How far above 1 a probability may lie: softmax in `f32` rounds, and a sum that is one unit too small must
/// not make a finished training fail.
const ABOVE_ONE: f64 = 4.0 * f32::EPSILON as f64;

/// Refuses no samples, and no classes.
pub(super) fn some(samples: usize, classes: usize) -> Result<(), MetricsError> {
    if samples == 0 || classes == 0 {
        return Err(MetricsError::Empty { samples, classes });
    }
    Ok(())
}

/// Refuses `got` of `what` where there are `expected` of `of`.
pub(super) fn length(
    what: &'static str,
    got: usize,
    expected: usize,
    of: &'static str,
) -> Result<(), MetricsError> {
    if got == expected { Ok(()) } else { Err(MetricsError::Shape { what, got, expected, of }) }
}

/// Refuses a truth that is not below `classes`.
pub(super) fn truths(truth: &[u32], classes: usize) -> Result<(), MetricsError> {
    match truth.iter().enumerate().find(|&(_, &t)| t as usize >= classes) {
        Some((sample, &truth)) => Err(MetricsError::Truth { sample, truth, classes }),
        None => Ok(()),
    }
}

/// Refuses NaN and what is outside 0 to 1; 4 units of `f32` rounding above 1 are allowed.
pub(super) fn probabilities(values: ArrayView2<'_, f64>) -> Result<(), MetricsError> {
    // `contains` is false for NaN.
    match values.indexed_iter().find(|&(_, p)| !(0.0..=1.0 + ABOVE_ONE).contains(p)) {
        Some(((sample, class), &value)) => Err(MetricsError::Probability { sample, class, value }),
        None => Ok(()),
    }
}

/// Refuses NaN and infinity.
pub(super) fn finite(values: ArrayView2<'_, f64>) -> Result<(), MetricsError> {
    match values.indexed_iter().find(|&(_, s)| !s.is_finite()) {
        Some(((sample, class), &value)) => Err(MetricsError::Score { sample, class, value }),
        None => Ok(()),
    }
}

/// Refuses shares that are not one for each of `labels`, or not between 0 and 1.
pub(super) fn shares(what: &'static str, values: &[f64], labels: usize) -> Result<(), MetricsError> {
    let lengths = if what == "threshold" { "thresholds" } else { "training frequencies" };
    length(lengths, values.len(), labels, "labels")?;
    match values.iter().enumerate().find(|(_, v)| !(0.0..=1.0).contains(*v)) {
        Some((label, &value)) => Err(MetricsError::Share { what, label, value }),
        None => Ok(()),
    }
}
