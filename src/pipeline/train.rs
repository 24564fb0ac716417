//! Training: from labelled pictures to a measured model.

use std::time::Instant;

use super::measure::{Test, measure, named};
use super::{DataSummary, Run, Seconds, Summary, TrainSummary, about, describe, on_device};
use crate::backend::{Backend, Device};
use crate::dataset::{Dataset, DatasetError, Part, Split, SplitOptions, Task};
use crate::error::{Error, Result};
use crate::features::{Descriptor, Skipped};
use crate::learn::{Labelled, SgdOptions, Targets, fit, probabilities};
use crate::model::{Model, Trained};
use crate::progress::Progress;

/// What training may be told; the defaults are those of the command line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainOptions {
    /// What pictures are described by.
    pub descriptor: Descriptor,
    /// What is kept for the test.
    pub split: SplitOptions,
    /// How the model is fitted.
    pub solver: SgdOptions,
}

/// Describes the pictures of `dataset` on `device`, fits a softmax classifier to its training part and measures
/// it on its test part. Pictures that cannot be read are left out and listed in the summary.
///
/// # Errors
/// Options that cannot work; data with fewer than two classes or too few pictures; nothing left to train on after
/// unreadable pictures are left out; a device that is lost or has no memory left; a diverging learning rate.
pub fn train(
    dataset: &Dataset,
    options: &TrainOptions,
    device: &Device,
    progress: &dyn Progress,
) -> Result<Run> {
    on_device!(device, backend => train_on(backend, device, dataset, options, progress))
}

fn train_on<B: Backend>(
    backend: &B,
    device: &Device,
    dataset: &Dataset,
    options: &TrainOptions,
    progress: &dyn Progress,
) -> Result<Run> {
    if dataset.task == Task::Multilabel {
        return Err(Error::option(
            "--task",
            "multi-label training is not connected yet; train with one label a picture",
        ));
    }
    let bins = options.descriptor.checked().map_err(|e| Error::option("--bins", e.to_string()))?;
    let split = Split::new(dataset, &options.split)?;
    // What cannot work is said before pictures are read.
    options.solver.plan(split.train.len(), options.descriptor.max_squared_norm())?;
    progress.say(&about(device));
    progress.say(&describe_data(dataset, &split));
    let notes = if dataset.task == Task::Multilabel { split.notes(dataset) } else { Vec::new() };
    dataset
        .mismatches
        .describe()
        .iter()
        .chain(&notes)
        .for_each(|line| progress.say(&format!("note: {line}")));
    progress.say(&format!("features: {}", options.descriptor));

    let start = Instant::now();
    let paths: Vec<_> = (0..dataset.samples.len()).map(|i| dataset.path(i)).collect();
    progress.begin("describing", paths.len() as u64, "pictures");
    let extracted = describe(backend, &paths, &bins, progress)?;
    progress.end();
    let describe_seconds = start.elapsed().as_secs_f64();
    let split = without_skipped(dataset, split, &extracted.skipped)?;

    let start = Instant::now();
    let plan = options.solver.plan(split.train.len(), options.descriptor.max_squared_norm())?;
    progress.say(&format!("training: {plan}"));
    let outputs = dataset.classes.len();
    let labels: Vec<u32> = dataset.samples.iter().map(|s| s.labels[0]).collect();
    let data = Labelled::new(backend, &extracted.matrix, &Targets::classes(outputs, &labels))?;
    let fitted = fit(backend, &data, &split.train, &plan, progress)?;
    let train_seconds = start.elapsed().as_secs_f64();

    let start = Instant::now();
    let mut train_counts = vec![0; outputs];
    split.train.iter().for_each(|&i| train_counts[dataset.samples[i].labels[0] as usize] += 1);
    let test = Test {
        dataset,
        classes: &dataset.classes,
        rows: &split.test,
        truth: split.test.iter().map(|&i| labels[i]).collect(),
        train_counts: &train_counts,
        seed: options.split.seed,
    };
    let probabilities = probabilities(backend, &data, &split.test, &fitted.parameters)?;
    let measured = measure(probabilities, test)?;
    let evaluate_seconds = start.elapsed().as_secs_f64();

    let mut weight = backend.download(&fitted.parameters, data.parameters())?;
    let bias = weight.split_off(outputs * bins.len());
    let model = Model {
        classes: dataset.classes.clone(),
        descriptor: options.descriptor,
        weight,
        bias,
        trained: Trained {
            huemax: env!("CARGO_PKG_VERSION").into(),
            device: backend.info().id(),
            data_sha256: dataset.digest(),
            test_size: (!dataset.parts_given()).then_some(options.split.test_size),
            split_seed: options.split.seed,
            plan: plan.clone(),
            objective: fitted.objective,
        },
    };
    let summary = Summary {
        huemax: env!("CARGO_PKG_VERSION").into(),
        command: "train",
        device: backend.info().clone(),
        data: DataSummary {
            folder: dataset.root.to_string_lossy().into_owned(),
            labels: dataset.labels,
            manifest: dataset.manifest.clone(),
            mismatches: dataset.mismatches.clone(),
            classes: dataset.classes.clone(),
            train: train_counts,
            val: split.val.len(),
            test: split.test.len(),
            unlabelled: dataset.unlabelled.len(),
            skipped: named(dataset, &extracted.skipped),
        },
        descriptor: options.descriptor,
        training: Some(TrainSummary { plan, objective: fitted.objective, loss: fitted.loss }),
        evaluation: measured.evaluation,
        seconds: Seconds { describe: describe_seconds, train: train_seconds, evaluate: evaluate_seconds },
        model: None,
    };
    Ok(Run {
        model,
        summary,
        paths: measured.paths,
        truth: measured.truth,
        probabilities: measured.probabilities,
    })
}

fn describe_data(dataset: &Dataset, split: &Split) -> String {
    let tested = dataset.samples.iter().any(|s| s.part == Some(Part::Test));
    let column = dataset.manifest.as_ref().and_then(|manifest| manifest.part_column.as_ref());
    let divider = match column {
        Some(column) => format!("its column `{}` divides", column.escape_debug()),
        None => "its folders divide".into(),
    };
    let how = match (dataset.parts_given(), tested) {
        (false, _) => "divided by a hash of each path".into(),
        (true, true) => format!("as {divider} it"),
        (true, false) => format!("as {divider} it, val being the test"),
    };
    let val = match split.val.len() {
        0 => String::new(),
        n => format!(", {n} validation (set aside: nothing is chosen on them here)"),
    };
    format!(
        "data: {} pictures, {}; {} train{val}, {} test, {how}\nclasses: {} ({})",
        dataset.samples.len(),
        dataset.explained(),
        split.train.len(),
        split.test.len(),
        dataset.classes.len(),
        some(&dataset.classes),
    )
}

/// Enough class names to see whether the layout was understood.
fn some(classes: &[String]) -> String {
    const SHOWN: usize = 12;
    let names: Vec<String> = classes.iter().take(SHOWN).map(|c| c.escape_debug().to_string()).collect();
    names.join(", ") + if classes.len() > SHOWN { ", …" } else { "" }
}

/// Takes unreadable pictures out of every part, and sees whether training is still possible.
fn without_skipped(dataset: &Dataset, split: Split, skipped: &[Skipped]) -> Result<Split> {
    let readable = |i: &usize| skipped.binary_search_by_key(i, |s| s.index).is_err();
    let keep = |part: Vec<usize>| part.into_iter().filter(readable).collect::<Vec<_>>();
    let split = Split { train: keep(split.train), val: keep(split.val), test: keep(split.test) };
    let mut left = vec![0; dataset.classes.len()];
    split.train.iter().for_each(|&i| left[dataset.samples[i].labels[0] as usize] += 1);
    let lost: Vec<_> = (0..left.len()).filter(|&k| left[k] == 0).collect();
    if lost.is_empty() && !split.test.is_empty() {
        return Ok(split);
    }
    let example = skipped.first().map(|s| (dataset.path(s.index), s.reason.clone()));
    let classes = lost.iter().map(|&k| dataset.classes[k].clone()).collect();
    Err(DatasetError::NothingReadable {
        root: dataset.root.clone(),
        skipped: skipped.len(),
        classes,
        example,
    }
    .into())
}
