//! Predicting: what a model says of pictures without labels.

use std::path::{Path, PathBuf};

use super::answer::answers;
use super::pictures::{Each, describe_found, histogram};
use super::store::unread;
use super::tolerance::Errors;
use super::{Rows, SkippedPicture, Tolerance, about, on_device};
use crate::backend::{Backend, Device};
use crate::dataset::{Dataset, Lying, Unread};
use crate::error::Result;
use crate::features::store::{FEATURES, SAMPLES, Stored};
use crate::features::{Budget, Matrix, Skipped, Source, check_finite};
use crate::learn::{Labelled, Targets};
use crate::model::{Model, ModelError};
use crate::progress::Progress;

/// What the model says of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Predicted<'a> {
    /// Probability of each label, or its margin.
    Values(&'a [f32]),
    /// The same of a picture that is cut off, from what there is of it.
    CutOff(&'a [f32]),
    /// It could not be read, and why.
    Skipped(&'a str),
}

/// Pictures, or rows, that are described and scored together: memory does not grow with their number.
const BATCH: usize = 4096;
/// Numbers of rows that are scored together, at most.
const BATCH_NUMBERS: usize = 8 << 20;

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
    let pictures: Vec<Lying> = pictures.iter().cloned().map(Lying::from).collect();
    predict_within(model, &pictures, (device, &Budget::default(), Tolerance::ANY), progress, sink)
}

/// The same of pictures wherever they lie, within a budget of memory and a tolerance of pictures that cannot be read.
///
/// # Errors
/// As for [`predict`]; [`Error::Unreadable`](crate::Error::Unreadable) after all else was predicted, or, where the first picture or a number of
/// them is to end it, as soon as that is known: of the pictures that are read together with it (4,096) none is then predicted.
pub fn predict_within(
    model: &Model,
    pictures: &[Lying],
    (device, budget, tolerance): (&Device, &Budget, Tolerance),
    progress: &dyn Progress,
    sink: &mut dyn FnMut(usize, Predicted<'_>) -> Result<()>,
) -> Result<()> {
    let mut errors = Errors::new(tolerance, pictures.len(), |i| pictures[i].name());
    let hides = |picture: &&Lying| matches!(picture, Lying::Lost(lost) if lost.hides);
    errors.hidden_by(pictures.iter().find(hides).and_then(|picture| match picture {
        Lying::Lost(lost) => Some(SkippedPicture::from(lost)),
        _ => None,
    }));
    on_device!(device, backend => predict_on(backend, (device, budget, &errors), model, pictures, progress, sink))?;
    errors.check(|| None)
}

/// A store whose rows are to be predicted.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its rows.
    pub rows: Rows,
    /// What they are called.
    pub names: Vec<String>,
    /// What could not be looked into when it was made.
    pub unread: Vec<Unread>,
}

/// Opens the store `folder` to predict its rows. Labels are not asked for, of a store that others wrote.
///
/// # Errors
/// Files are missing, damaged or do not belong together.
pub fn rows_of_store(folder: &Path) -> Result<Kept> {
    let stored = Stored::open(folder)?;
    let source = stored.numbers.clone();
    let Some(meta) = &stored.meta else {
        let (table, features) = (folder.join(SAMPLES), folder.join(FEATURES));
        let (names, left_out) = Dataset::names_of_rows(&table, &features, source.rows())?;
        let skipped = left_out.into_iter().map(|(index, reason)| Skipped { index, reason }).collect();
        return Ok(Kept { rows: Rows { skipped, ..Rows::given(source) }, names, unread: Vec::new() });
    };
    let (mut names, mut skipped) = (Vec::with_capacity(meta.rows), Vec::new());
    let mut cut_off = Vec::new();
    for (index, line) in stored.lines()?.into_iter().enumerate() {
        names.push(line.path);
        if line.entry.cut_off {
            cut_off.push(index);
        }
        skipped.extend(line.entry.skipped.map(|reason| Skipped { index, reason }));
    }
    let rows = Rows { descriptor: meta.descriptor, skipped, cut_off, ..Rows::given(source) };
    Ok(Kept { rows, names, unread: unread(meta) })
}

/// Predicts `rows` in order, calling `sink` with the number of each and what the model says of it.
///
/// # Errors
/// Rows that the model is not for, or that lack one of its columns; what `sink` returns; rows that cannot be read; a device that is lost or has no memory left.
pub fn predict_rows(
    model: &Model,
    rows: &Rows,
    device: &Device,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(usize, Predicted<'_>) -> Result<()>,
) -> Result<()> {
    let rows = &rows.for_model(model)?;
    if rows.descriptor != model.descriptor {
        return Err(ModelError::OtherFeatures { model: model.descriptor, data: rows.descriptor }.into());
    }
    on_device!(device, backend => predict_rows_on(backend, device, model, rows, progress, sink))
}

fn predict_rows_on<B: Backend>(
    backend: &B,
    device: &Device,
    model: &Model,
    rows: &Rows,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(usize, Predicted<'_>) -> Result<()>,
) -> Result<()> {
    progress.say(&about(device));
    let parameters = backend.upload(&model.parameters())?;
    let source = match &model.transform {
        Some(transform) => transform.clone().of(rows.source.clone()),
        None => rows.source.clone(),
    };
    let (count, columns, outputs) = (source.rows(), source.columns(), model.classes.len());
    let most = (BATCH_NUMBERS / columns).clamp(1, BATCH);
    let mut skipped = rows.skipped.iter().peekable();
    for first in (0..count).step_by(most) {
        let all: Vec<usize> = (first..count.min(first + most)).collect();
        let mut block = vec![0.0; all.len() * columns];
        source.gather(&all, &mut block)?;
        check_finite(&block, columns, source.file(), |row| all[row])?;
        let matrix = Matrix::upload(backend, &block, columns)?;
        let said = says(backend, model, &matrix, &parameters)?;
        for (&i, values) in all.iter().zip(said.chunks_exact(outputs)) {
            let predicted = match skipped.next_if(|s: &&Skipped| s.index == i) {
                Some(s) => Predicted::Skipped(&s.reason),
                None if rows.cut_off.binary_search(&i).is_ok() => Predicted::CutOff(values),
                None => Predicted::Values(values),
            };
            sink(i, predicted)?;
        }
    }
    Ok(())
}

/// What the model says of each row.
fn says<B: Backend>(
    backend: &B,
    model: &Model,
    matrix: &Matrix<B>,
    parameters: &B::Array<f32>,
) -> Result<Vec<f32>> {
    let targets = Targets::none(model.activation.loss(), model.classes.len(), matrix.rows());
    let data = Labelled::new(backend, matrix, &targets)?;
    let rows: Vec<usize> = (0..matrix.rows()).collect();
    Ok(answers(backend, &data, &rows, parameters, &model.activation)?)
}

fn predict_on<B: Backend>(
    backend: &B,
    (device, budget, errors): (&Device, &Budget, &Errors<'_>),
    model: &Model,
    pictures: &[Lying],
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
        let (extracted, cut_off) = {
            let each = Each {
                find: &|i| paths[i].found(),
                seen: &|_, _| (),
                goes_on: &|skipped| {
                    // Links in tar files are passed over, as others are.
                    if let Lying::Link(..) = paths[skipped.index] {
                        return true;
                    }
                    let index = batch * BATCH + skipped.index;
                    errors.saw(&Skipped { index, reason: skipped.reason.clone() })
                },
            };
            let extracted = describe_found(backend, paths.len(), &each, histogram, budget, progress);
            extracted.map_err(|error| errors.explain(error))?
        };
        let matrix = match &model.transform {
            None => extracted.matrix,
            Some(transform) => {
                let mut rows = extracted.matrix.download(backend)?;
                transform.apply(&mut rows, histogram.len());
                Matrix::upload(backend, &rows, histogram.len())?
            }
        };
        let rows = says(backend, model, &matrix, &parameters)?;
        let mut skipped = extracted.skipped.iter().peekable();
        for (i, values) in rows.chunks_exact(outputs).enumerate() {
            let predicted = match skipped.next_if(|s: &&Skipped| s.index == i) {
                Some(s) => Predicted::Skipped(&s.reason),
                None if cut_off.binary_search(&i).is_ok() => Predicted::CutOff(values),
                None => Predicted::Values(values),
            };
            sink(batch * BATCH + i, predicted)?;
        }
    }
    Ok(())
}
