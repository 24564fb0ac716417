//! Measuring: from scored pictures to what is said of them.

use super::SkippedPicture;
use crate::dataset::Dataset;
use crate::features::Skipped;
use crate::metrics::{MetricsError, Output};
use crate::report::{Evaluation, Scored};

/// Skipped pictures by name.
pub(super) fn named(dataset: &Dataset, skipped: &[Skipped]) -> Vec<SkippedPicture> {
    let name = |s: &Skipped| SkippedPicture {
        path: dataset.relative_path_string(s.index),
        reason: s.reason.clone(),
    };
    skipped.iter().map(name).collect()
}

/// Pictures to be measured on.
pub(super) struct Test<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) classes: &'a [String],
    /// Numbers among the samples of the data set.
    pub(super) rows: &'a [usize],
    /// Their classes.
    pub(super) truth: Vec<u32>,
    /// Pictures of each class that the baseline is chosen by.
    pub(super) train_counts: &'a [usize],
    /// Seed of the examples.
    pub(super) seed: u64,
}

/// What was measured.
pub(super) struct Measured {
    pub(super) evaluation: Evaluation,
    pub(super) paths: Vec<String>,
    pub(super) truth: Vec<u32>,
    pub(super) probabilities: Vec<f32>,
}

/// Measures `probabilities` (test pictures × K).
pub(super) fn measure(probabilities: Vec<f32>, test: Test<'_>) -> Result<Measured, MetricsError> {
    let Test { dataset, classes, rows, truth, train_counts, seed } = test;
    let paths: Vec<String> = rows.iter().map(|&i| dataset.relative_path_string(i)).collect();
    let labels: Vec<Vec<u32>> = truth.iter().map(|&y| vec![y]).collect();
    let scored = Scored {
        labels: classes,
        output: &Output::Softmax,
        paths: &paths,
        truth: &labels,
        values: &probabilities,
        train_counts,
        train_pictures: train_counts.iter().sum(),
    };
    let evaluation = Evaluation::new(&scored, seed)?;
    Ok(Measured { evaluation, paths, truth, probabilities })
}
