//! Measures of predictions against the truth, in `f64`, with the names and the conventions of
//! `sklearn.metrics`.
//!
//! [`MultiClass`] measures where each sample has one class, [`MultiLabel`] where it may have any number of labels,
//! always beside answers that know nothing. [`tune`] chooses thresholds and `fit_temperature_…` a temperature, both on
//! validation samples; [`label_errors()`] names samples whose label is probably wrong.
//!
//! This room knows neither pictures nor files: it takes class indices and probabilities and returns numbers
//! that serialize. How they read on a terminal is the business of [`report`](crate::report).

mod agreement;
mod calibration;
mod check;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod label_errors;
mod multi_class;
mod multi_label;
mod output;
mod ranking;
mod sum;
mod temperature;
mod thresholds;

pub use calibration::{BINS, Bin, Calibration};
pub use error::MetricsError;
pub use label_errors::{LabelError, label_errors};
pub use multi_class::{Average, Baseline, ClassMetrics, MultiClass};
pub use multi_label::{FScores, Figures, LabelMetrics, MultiLabel};
pub use output::Output;
pub use ranking::{average_precision, label_ranking_precision, roc_auc, top_k_accuracy};
pub use temperature::{
    Fit, Limit, Temperature, fit_temperature_sigmoid, fit_temperature_softmax, sigmoid, softmax,
};
pub use thresholds::{ThresholdRule, Tuned, tune};

/// `part / whole`, and 0 for 0/0 (`zero_division=0`).
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Index of the largest value; the lowest index wins ties, as in `numpy.argmax`. `None` if there is no value.
///
/// NaN is never larger than anything, so it is only chosen where it comes first.
pub fn argmax<T: PartialOrd>(values: impl IntoIterator<Item = T>) -> Option<usize> {
    let mut values = values.into_iter().enumerate();
    let first = values.next()?;
    Some(values.fold(first, |best, next| if next.1 > best.1 { next } else { best }).0)
}

/// The `top` most probable classes of one sample, most probable first; the lowest index wins ties, so that
/// the first is [`argmax`].
#[must_use]
pub fn most_probable(probabilities: &[f32], top: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    order.truncate(top);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argmax_takes_the_first_of_equals() {
        assert_eq!(argmax([0.2, 0.4, 0.4]), Some(1));
        assert_eq!(argmax([0.5_f32, 0.5]), Some(0));
        assert_eq!(argmax([0.1, 0.2, 0.7]), Some(2));
        assert_eq!(argmax::<f64>([]), None);
    }

    #[test]
    fn most_probable_descends_and_starts_with_argmax() {
        let row = [0.1, 0.3, 0.2, 0.3, 0.1];
        assert_eq!(most_probable(&row, 9), [1, 3, 2, 0, 4]);
        assert_eq!(most_probable(&row, 2), [1, 3]);
        assert_eq!(most_probable(&row, 1)[0], argmax(row).unwrap());
        assert!(most_probable(&row, 0).is_empty());
    }
}
