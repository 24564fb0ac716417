//! Evaluating: how well a model does on labelled pictures.

use std::collections::HashMap;
use std::time::Instant;

use super::answer::answers;
use super::data::noun;
use super::measure::{Test, measure, named};
use super::{DataSummary, Input, Origin, Run, Seconds, Summary, about, on_device};
use crate::backend::{Backend, Device};
use crate::dataset::{Dataset, DatasetError, Part, Task, Unit};
use crate::error::Result;
use crate::features::Transform;
use crate::learn::{Labelled, Targets};
use crate::model::{Model, ModelError};
use crate::names;
use crate::progress::Progress;

/// Measures `model` on the pictures of `dataset`; on its test part alone where it came divided.
///
/// Baselines are those of the pictures that the model was trained on; of these pictures, if it does not know them (models of the
/// first format).
///
/// # Errors
/// There are no labels; a label that the model does not know; rows that lack one of its columns; no picture that can be read; a device that is lost or has no memory left.
pub fn evaluate<'a>(
    model: &Model,
    input: impl Into<Input<'a>>,
    device: &Device,
    progress: &dyn Progress,
) -> Result<Run> {
    let input = input.into().for_model(model)?;
    on_device!(device, backend => evaluate_on(backend, device, model, &input, progress))
}

fn evaluate_on<B: Backend>(
    backend: &B,
    device: &Device,
    model: &Model,
    input: &Input<'_>,
    progress: &dyn Progress,
) -> Result<Run> {
    let dataset = input.dataset;
    dataset.labelled()?;
    let descriptor = input.descriptor(model.descriptor);
    if descriptor != model.descriptor {
        return Err(ModelError::OtherFeatures { model: model.descriptor, data: descriptor }.into());
    }
    if dataset.task == Task::Multilabel && model.activation.task() == Task::Multiclass {
        return Err(ModelError::OneLabel.into());
    }
    let label = known_labels(model, dataset)?;
    let samples = &dataset.samples;
    // As in training: what came divided is tested on `test`, or on `val` where there is none.
    let part =
        [Part::Test, Part::Val].map(Some).into_iter().find(|&part| samples.iter().any(|s| s.part == part));
    let mut picked: Vec<usize> =
        (0..samples.len()).filter(|&i| part.is_none_or(|part| samples[i].part == part)).collect();
    let all = picked.len();
    // Without the labels that it does not know, a picture's truth would be another.
    picked.retain(|&i| samples[i].labels.iter().all(|&y| label[y as usize].is_some()));
    if picked.is_empty() {
        let unknown = unknown(dataset, &label);
        return Err(ModelError::UnknownLabels { unknown, known: model.classes.clone() }.into());
    }
    progress.say(&about(device));
    let which = if part.is_some() { "the test part: " } else { "" };
    progress.say(&format!(
        "data: {which}{} {} of {} {}, {}",
        picked.len(),
        dataset.unit.many(),
        dataset.classes.len(),
        noun(dataset.task),
        dataset.explained()
    ));
    if picked.len() < all {
        let names = unknown(dataset, &label);
        let (more, shown) = (if names.len() > 5 { ", …" } else { "" }, &names[..names.len().min(5)]);
        progress.say(&format!(
            "note: {} of {all} {} have labels that the model does not know ({}{more}) and are left out",
            all - picked.len(),
            dataset.unit.many(),
            names::shown(&shown.join(", "))
        ));
    }
    dataset.mismatches.describe().iter().for_each(|line| progress.say(&format!("note: {line}")));
    if part.is_none() && dataset.digest() == model.trained.data_sha256 {
        progress.say(match dataset.unit {
            Unit::Picture => "note: this is the data the model was trained on; most of it is no test of it",
            // Their numbers are not part of that digest.
            Unit::Row => {
                "note: the names and labels are those of the data the model was trained on; if the features are too, most of it is no \
                 test of it"
            }
        });
    }

    let start = Instant::now();
    let transformed = model.transform.is_some();
    let mut described = input.describe(backend, &picked, (descriptor, transformed), progress)?;
    let describe_seconds = start.elapsed().as_secs_f64();
    let rows: Vec<usize> = (0..picked.len())
        .filter(|i| described.skipped.binary_search_by_key(i, |s| s.index).is_err())
        .collect();
    let mut marks = described.take_marks();
    // Features that were made before lie by themselves: what a store names is not opened.
    if !matches!(input.origin, Origin::Rows(_)) {
        marks.look_beside(dataset, &picked);
    }
    let tested: Vec<usize> = rows.iter().map(|&row| picked[row]).collect();
    let of = |wanted| -> Vec<usize> {
        let beside = |i: &usize| part.flatten() != Some(wanted) && samples[*i].part == Some(wanted);
        (0..samples.len()).filter(beside).collect()
    };
    let (train, val) = (of(Part::Train), of(Part::Val));
    let parts = [(Part::Train, &*train), (Part::Val, &*val), (Part::Test, &*tested)];
    let (duplicate_counts, duplicates) = marks.find(dataset, &parts);
    let cut_off = described.cut_off.iter().map(|&i| dataset.relative_path_string(picked[i])).collect();
    // From numbers among those picked to numbers among the samples.
    described.skipped.iter_mut().for_each(|s| s.index = picked[s.index]);
    if rows.is_empty() {
        let example = described.skipped.first().map(|s| (dataset.path(s.index), s.reason.clone()));
        let (root, skipped) = (dataset.root.clone(), described.skipped.len());
        return Err(DatasetError::NothingReadable { root, skipped, classes: Vec::new(), example }.into());
    }

    let start = Instant::now();
    let labels: Vec<Vec<u32>> = picked
        .iter()
        .map(|&i| {
            let mut known: Vec<u32> = samples[i].labels.iter().filter_map(|&y| label[y as usize]).collect();
            known.sort_unstable();
            known
        })
        .collect();
    let outputs = model.classes.len();
    let targets = Targets::none(model.activation.loss(), outputs, picked.len());
    let skipped = named(dataset, &described.skipped);
    let described = described.transformed(backend, model.transform.as_ref())?;
    let matrix = described.matrix(backend, &input.budget)?;
    matrix.note().iter().for_each(|note| progress.say(note));
    let data = Labelled::new(backend, &matrix, &targets)?;
    let parameters = backend.upload(&model.parameters())?;
    let truth: Vec<Vec<u32>> = rows.iter().map(|&row| labels[row].clone()).collect();
    let mut counts = (model.trained.label_counts.clone(), model.trained.plan.rows);
    if counts.0.len() != outputs {
        counts = (vec![0; outputs], rows.len());
        truth.iter().flatten().for_each(|&y| counts.0[y as usize] += 1);
    }
    let among: Vec<usize> = rows.iter().map(|&row| picked[row]).collect();
    let values = answers(backend, &data, &rows, &parameters, &model.activation)?;
    let test = Test {
        dataset,
        model,
        rows: &among,
        truth,
        counts: (&counts.0, counts.1),
        seed: model.trained.split_seed,
    };
    let measured = measure(values, test)?;
    let summary = Summary {
        huemax: env!("CARGO_PKG_VERSION").into(),
        command: "evaluate",
        device: backend.info().clone(),
        data: DataSummary {
            classes: model.classes.clone(),
            train: vec![0; outputs],
            test: among.len(),
            skipped_count: skipped.len(),
            skipped,
            cut_off,
            duplicates: duplicate_counts,
            ..DataSummary::of(dataset)
        },
        descriptor: model.descriptor,
        transform: model.transform.as_ref().map(Transform::options).unwrap_or_default(),
        training: None,
        sweep: None,
        evaluation: measured.evaluation,
        seconds: Seconds { describe: describe_seconds, train: 0.0, evaluate: start.elapsed().as_secs_f64() },
        model: None,
    };
    let model = model.clone();
    Ok(Run {
        model,
        summary,
        paths: measured.paths,
        truth: measured.truth,
        values: measured.values,
        held_out: None,
        duplicates,
    })
}

/// For each label of the data, its number in the model. A model that answers with any number of labels is measured on pictures
/// all of whose labels it knows.
fn known_labels(model: &Model, dataset: &Dataset) -> Result<Vec<Option<u32>>> {
    let numbers: HashMap<&str, u32> = model.classes.iter().map(String::as_str).zip(0..).collect();
    let found: Vec<Option<u32>> =
        dataset.classes.iter().map(|class| numbers.get(class.as_str()).copied()).collect();
    if found.iter().all(Option::is_some) || model.activation.task() == Task::Multilabel {
        return Ok(found);
    }
    Err(ModelError::UnknownLabels { unknown: unknown(dataset, &found), known: model.classes.clone() }.into())
}

/// Labels of the data that the model does not know.
fn unknown(dataset: &Dataset, known: &[Option<u32>]) -> Vec<String> {
    let unknown = dataset.classes.iter().zip(known).filter(|(_, known)| known.is_none());
    unknown.map(|(class, _)| class.clone()).collect()
}
