//! Measuring: from scored pictures to what is said of them.

use super::SkippedPicture;
use crate::dataset::Dataset;
use crate::features::Skipped;
use crate::metrics::MetricsError;
use crate::model::Model;
use crate::report::{Evaluation, Scored};

/// Folders that could not be looked into, and skipped pictures, by name.
pub(super) fn named(dataset: &Dataset, skipped: &[Skipped]) -> Vec<SkippedPicture> {
    let name = |s: &Skipped| SkippedPicture {
        path: dataset.relative_path_string(s.index),
        reason: s.reason.clone(),
    };
    dataset.unread.iter().map(SkippedPicture::from).chain(skipped.iter().map(name)).collect()
}

/// Pictures to be measured on.
pub(super) struct Test<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) model: &'a Model,
    /// Numbers among the samples of the data set.
    pub(super) rows: &'a [usize],
    /// Their labels, as the model counts them.
    pub(super) truth: Vec<Vec<u32>>,
    /// Pictures with each label that the baselines are chosen by, and how many pictures these were.
    pub(super) counts: (&'a [usize], usize),
    /// Seed of the examples.
    pub(super) seed: u64,
}

/// What was measured.
pub(super) struct Measured {
    pub(super) evaluation: Evaluation,
    pub(super) paths: Vec<String>,
    pub(super) truth: Vec<Vec<u32>>,
    pub(super) values: Vec<f32>,
}

/// Measures `values`, the probabilities or margins of the pictures (n×K).
pub(super) fn measure(values: Vec<f32>, test: Test<'_>) -> Result<Measured, MetricsError> {
    let Test { dataset, model, rows, truth, counts: (train_counts, train_pictures), seed } = test;
    let paths: Vec<String> = rows.iter().map(|&i| dataset.relative_path_string(i)).collect();
    let scored = Scored {
        labels: &model.classes,
        output: &model.output(),
        paths: &paths,
        truth: &truth,
        values: &values,
        train_counts,
        train_pictures,
    };
    let evaluation = Evaluation { unit: dataset.unit, ..Evaluation::new(&scored, seed)? };
    Ok(Measured { evaluation, paths, truth, values })
}
