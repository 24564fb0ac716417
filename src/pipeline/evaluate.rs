//! Evaluating: how well a model does on labelled pictures.

use std::time::Instant;

use super::measure::{Test, measure, named};
use super::{DataSummary, Run, Seconds, Summary, about, describe, on_device};
use crate::backend::{Backend, Device};
use crate::dataset::{Dataset, DatasetError, Part, Task};
use crate::error::{Error, Result};
use crate::learn::{Labelled, Targets, probabilities};
use crate::model::{Model, ModelError};
use crate::progress::Progress;

/// Measures `model` on the pictures of `dataset`; on its test part alone where it came divided.
///
/// The baseline is the majority class of these pictures, as a model does not keep how many of each it was
/// trained on.
///
/// # Errors
/// A label that the model does not know; no picture that can be read; a device that is lost or has no memory left.
pub fn evaluate(model: &Model, dataset: &Dataset, device: &Device, progress: &dyn Progress) -> Result<Run> {
    on_device!(device, backend => evaluate_on(backend, device, model, dataset, progress))
}

fn evaluate_on<B: Backend>(
    backend: &B,
    device: &Device,
    model: &Model,
    dataset: &Dataset,
    progress: &dyn Progress,
) -> Result<Run> {
    if dataset.task == Task::Multilabel {
        return Err(Error::option(
            "--task",
            "multi-label evaluation is not connected yet; give one label a picture",
        ));
    }
    let bins = model.descriptor.checked().map_err(|e| Error::option("--bins", e.to_string()))?;
    let label = known_labels(model, dataset)?;
    let samples = &dataset.samples;
    // As in training: what came divided is tested on `test`, or on `val` where there is none.
    let part =
        [Part::Test, Part::Val].map(Some).into_iter().find(|&part| samples.iter().any(|s| s.part == part));
    let picked: Vec<usize> =
        (0..samples.len()).filter(|&i| part.is_none_or(|part| samples[i].part == part)).collect();
    progress.say(&about(device));
    let which = if part.is_some() { "the test part: " } else { "" };
    progress.say(&format!(
        "data: {which}{} pictures of {} classes, {}",
        picked.len(),
        dataset.classes.len(),
        dataset.explained()
    ));
    dataset.mismatches.describe().iter().for_each(|line| progress.say(&format!("note: {line}")));
    if part.is_none() && dataset.digest() == model.trained.data_sha256 {
        progress.say("note: this is the data the model was trained on; most of it is no test of it");
    }

    let start = Instant::now();
    let paths: Vec<_> = picked.iter().map(|&i| dataset.path(i)).collect();
    progress.begin("describing", paths.len() as u64, "pictures");
    let mut extracted = describe(backend, &paths, &bins, progress)?;
    progress.end();
    let describe_seconds = start.elapsed().as_secs_f64();
    let rows: Vec<usize> = (0..picked.len())
        .filter(|i| extracted.skipped.binary_search_by_key(i, |s| s.index).is_err())
        .collect();
    // From numbers among those picked to numbers among the samples.
    extracted.skipped.iter_mut().for_each(|s| s.index = picked[s.index]);
    if rows.is_empty() {
        let example = extracted.skipped.first().map(|s| (dataset.path(s.index), s.reason.clone()));
        let (root, skipped) = (dataset.root.clone(), extracted.skipped.len());
        return Err(DatasetError::NothingReadable { root, skipped, classes: Vec::new(), example }.into());
    }

    let start = Instant::now();
    let labels: Vec<u32> = picked.iter().map(|&i| label[samples[i].labels[0] as usize]).collect();
    let data = Labelled::new(backend, &extracted.matrix, &Targets::classes(model.classes.len(), &labels))?;
    let parameters = backend.upload(&model.parameters())?;
    let truth: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
    let mut counts = vec![0; model.classes.len()];
    truth.iter().for_each(|&y| counts[y as usize] += 1);
    let among: Vec<usize> = rows.iter().map(|&row| picked[row]).collect();
    let probabilities = probabilities(backend, &data, &rows, &parameters)?;
    let test = Test {
        dataset,
        classes: &model.classes,
        rows: &among,
        truth,
        train_counts: &counts,
        seed: model.trained.split_seed,
    };
    let measured = measure(probabilities, test)?;
    let summary = Summary {
        huemax: env!("CARGO_PKG_VERSION").into(),
        command: "evaluate",
        device: backend.info().clone(),
        data: DataSummary {
            folder: dataset.root.to_string_lossy().into_owned(),
            labels: dataset.labels,
            manifest: dataset.manifest.clone(),
            mismatches: dataset.mismatches.clone(),
            classes: model.classes.clone(),
            train: vec![0; model.classes.len()],
            val: 0,
            test: among.len(),
            unlabelled: dataset.unlabelled.len(),
            skipped: named(dataset, &extracted.skipped),
        },
        descriptor: model.descriptor,
        training: None,
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
        probabilities: measured.probabilities,
    })
}

/// For each class of the data, its number in the model.
fn known_labels(model: &Model, dataset: &Dataset) -> Result<Vec<u32>, ModelError> {
    let find = |class: &String| model.classes.iter().position(|c| c == class).map(|k| k as u32);
    let unknown: Vec<_> = dataset.classes.iter().filter(|c| find(c).is_none()).cloned().collect();
    if unknown.is_empty() {
        return Ok(dataset.classes.iter().filter_map(find).collect());
    }
    Err(ModelError::UnknownLabels { unknown, known: model.classes.clone() })
}
