//! Measures of predictions against the truth, in `f64`, with the names and the conventions of
//! `sklearn.metrics`.
//!
//! This room knows neither pictures nor files: it takes class indices and probabilities and returns numbers
//! that serialize. How they read on a terminal is the business of [`report`](crate::report).

#[cfg(test)]
pub(crate) mod fixture;
mod multi_class;
mod sum;

pub use multi_class::{Average, Baseline, ClassMetrics, MultiClass};

/// Truths and probabilities that cannot be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// Nothing to measure: no samples or no classes.
    #[error("there is nothing to measure: {samples} samples, {classes} classes; give at least one of each")]
    Empty {
        /// Rows given.
        samples: usize,
        /// Classes given.
        classes: usize,
    },
    /// Two inputs that must be equally long are not.
    #[error("{what}: {got}, but there are {expected} {of}")]
    Shape {
        /// The input that does not fit.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length it must have.
        expected: usize,
        /// What it is one of each of: `samples` or `classes`.
        of: &'static str,
    },
    /// A truth that is not an index of a class.
    #[error("the truth of sample {sample} is class {truth}, but there are only {classes} classes")]
    Truth {
        /// Row.
        sample: usize,
        /// The index out of range.
        truth: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// A probability that is NaN, infinite or outside 0 ≤ p ≤ 1.
    #[error("the probability of class {class} of sample {sample} is {value}, which is not between 0 and 1")]
    Probability {
        /// Row.
        sample: usize,
        /// Column.
        class: usize,
        /// The value found.
        value: f64,
    },
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
