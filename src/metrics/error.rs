//! What cannot be measured.

/// Truths and scores that cannot be measured.
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
        /// What it is one of each of: `samples`, `classes` or `labels`.
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
    /// A sample with no class or with several where each has exactly one.
    #[error("sample {sample} has {labels} labels, but here every sample has exactly one")]
    NotOne {
        /// Row.
        sample: usize,
        /// How many it has.
        labels: usize,
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
    /// A score that is NaN or infinite.
    #[error("the score of class {class} of sample {sample} is {value}, which is not a finite number")]
    Score {
        /// Row.
        sample: usize,
        /// Column.
        class: usize,
        /// The value found.
        value: f64,
    },
    /// A threshold or a training frequency that is NaN or outside 0 to 1.
    #[error("the {what} of label {label} is {value}, which is not between 0 and 1")]
    Share {
        /// `threshold` or `training frequency`.
        what: &'static str,
        /// Which label.
        label: usize,
        /// The value found.
        value: f64,
    },
}
