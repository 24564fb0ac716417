//! Predicting: what a model says of pictures without labels.

use std::path::PathBuf;

use super::answer::answers;
use super::input::{describe_pictures, histogram};
use super::{about, on_device};
use crate::backend::{Backend, Device};
use crate::error::Result;
use crate::features::{Budget, Skipped};
use crate::learn::{Labelled, Targets};
use crate::model::Model;
use crate::progress::Progress;

/// What the model says of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Predicted<'a> {
    /// Probability of each label, or its margin.
    Values(&'a [f32]),
    /// It could not be read, and why.
    Skipped(&'a str),
}

/// Pictures that are described and scored together: memory does not grow with their number.
const BATCH: usize = 4096;

/// Predicts `pictures` in order, calling `sink` with the number of each picture and what the model says of it.
///
/// # Errors
/// What `sink` returns; a device that is lost or has no memory left. A picture that cannot be read is no error.
pub fn predict(
    model: &Model,
    pictures: &[PathBuf],
    device: &Device,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(usize, Predicted<'_>) -> Result<()>,
) -> Result<()> {
    predict_within(model, pictures, (device, &Budget::default()), progress, sink)
}

/// The same within a budget of memory.
///
/// # Errors
/// As for [`predict`].
pub fn predict_within(
    model: &Model,
    pictures: &[PathBuf],
    (device, budget): (&Device, &Budget),
    progress: &dyn Progress,
    sink: &mut dyn FnMut(usize, Predicted<'_>) -> Result<()>,
) -> Result<()> {
    on_device!(device, backend => predict_on(backend, (device, budget), model, pictures, progress, sink))
}

fn predict_on<B: Backend>(
    backend: &B,
    (device, budget): (&Device, &Budget),
    model: &Model,
    pictures: &[PathBuf],
    progress: &dyn Progress,
    sink: &mut dyn FnMut(usize, Predicted<'_>) -> Result<()>,
) -> Result<()> {
    let histogram = histogram(model.descriptor)?;
    let outputs = model.classes.len();
    progress.say(&about(device));
    progress.say(&budget.said());
    let parameters = backend.upload(&model.parameters())?;
    for (batch, paths) in pictures.chunks(BATCH).enumerate() {
        // The bar ends before anything is printed: both may go to the same terminal.
        let extracted = describe_pictures(backend, paths, histogram, budget, progress)?;
        let targets = Targets::none(model.activation.loss(), outputs, paths.len());
        let data = Labelled::new(backend, &extracted.matrix, &targets)?;
        let rows: Vec<usize> = (0..paths.len()).collect();
        let rows = answers(backend, &data, &rows, &parameters, &model.activation)?;
        let mut skipped = extracted.skipped.iter().peekable();
        for (i, values) in rows.chunks_exact(outputs).enumerate() {
            let predicted = match skipped.next_if(|s: &&Skipped| s.index == i) {
                Some(s) => Predicted::Skipped(&s.reason),
                None => Predicted::Values(values),
            };
            sink(batch * BATCH + i, predicted)?;
        }
    }
    Ok(())
}
