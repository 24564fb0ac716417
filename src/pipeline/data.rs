//! The data of a training: what is said of it, and what is left of it when pictures cannot be read.

use super::train::counts;
use super::{SweepOptions, TrainOptions, Weighting};
use crate::backend::Loss;
use crate::dataset::{Dataset, DatasetError, Part, Split, Task, Unit};
use crate::error::{Error, Result};
use crate::features::{Descriptor, Skipped};
use crate::names::{listed, shown};

/// What is said of the data before pictures are read, a line each.
pub(super) fn describe_data(
    dataset: &Dataset,
    split: &Split,
    loss: Loss,
    (options, descriptor): (&TrainOptions, Descriptor),
) -> Vec<String> {
    let tested = dataset.samples.iter().any(|s| s.part == Some(Part::Test));
    let column = dataset.manifest.as_ref().and_then(|manifest| manifest.part_column.as_ref());
    let divider = match column {
        Some(column) => format!("its column `{}` divides", shown(column)),
        None => "its folders divide".into(),
    };
    let how = match (dataset.parts_given(), tested) {
        (false, _) if dataset.unit == Unit::Row => "divided by a hash of each name".into(),
        (false, _) => "divided by a hash of each path".into(),
        (true, true) => format!("as {divider} it"),
        (true, false) => format!("as {divider} it, val being the test"),
    };
    let chosen = options.choices.any()
        || options.solver.patience.is_some()
        || options.sweep.as_ref().is_some_and(SweepOptions::needs_validation);
    let unused = if chosen { "" } else { " (set aside: nothing is chosen on them)" };
    let given = split.val.iter().any(|&i| dataset.samples[i].part.is_some_and(|part| part == Part::Val));
    let val = match split.val.len() {
        n if given && options.split.val_size > 0.0 => {
            format!(", {n} validation{unused} (given, so --val-size is not used)")
        }
        0 => String::new(),
        n => format!(", {n} validation{unused}"),
    };
    let mut lines = vec![
        format!(
            "data: {} {}, {}; {} train{val}, {} test, {how}",
            dataset.samples.len(),
            dataset.unit.many(),
            dataset.explained(),
            split.train.len(),
            split.test.len(),
        ),
        format!("{}: {} ({})", noun(dataset.task), dataset.classes.len(), listed(&dataset.classes)),
    ];
    if dataset.task == Task::Multilabel {
        let total: usize = dataset.samples.iter().map(|s| s.labels.len()).sum();
        let mean = total as f64 / dataset.samples.len() as f64;
        let why = if options.loss.is_none() { ", so each label gets a sigmoid of its own" } else { "" };
        let none = dataset.samples.iter().filter(|s| s.labels.is_empty()).count();
        let none =
            if none > 0 { format!(", {none} {} without any", dataset.unit.many()) } else { String::new() };
        lines.push(format!(
            "task: any number of labels a {} ({mean:.1} on average{none}){why}",
            dataset.unit.one()
        ));
        lines.extend(split.notes(dataset).into_iter().map(|note| format!("note: {note}")));
    } else if loss == Loss::Sigmoid {
        let unit = dataset.unit.one();
        lines
            .push(format!("task: one label a {unit}, each against the rest (sigmoids divided by their sum)"));
    }
    lines.extend(dataset.mismatches.describe().into_iter().map(|note| format!("note: {note}")));
    if options.class_weight != Weighting::Equal || options.pos_weight != Weighting::Equal {
        lines.push(format!(
            "weights: labels do not count alike (class {}, positive {})",
            options.class_weight, options.pos_weight
        ));
    }
    let transform = match options.transform {
        transform if transform.any() => format!(", {transform}"),
        _ => String::new(),
    };
    lines.push(format!("features: {descriptor}{transform}"));
    lines
}

/// Classes that exclude each other, at most: the confusion matrix has as many numbers as their square.
const MAX_CLASSES: usize = 10_000;

/// Refuses more classes than can be reported on.
pub(super) fn few_enough(task: Task, classes: usize) -> Result<()> {
    if task == Task::Multilabel || classes <= MAX_CLASSES {
        return Ok(());
    }
    let problem = format!(
        "{classes} classes are more than the {MAX_CLASSES} that a confusion matrix is made of; check that the labels are no names or \
         numbers of single pictures (--label-column), or give --task multilabel"
    );
    Err(Error::option("--labels", problem))
}

/// What labels are called.
pub(super) fn noun(task: Task) -> &'static str {
    match task {
        Task::Multiclass => "classes",
        Task::Multilabel => "labels",
    }
}

/// The parts of `split`, each with its samples.
pub(super) fn of_parts(split: &Split) -> [(Part, &[usize]); 3] {
    [(Part::Train, &split.train), (Part::Val, &split.val), (Part::Test, &split.test)]
}

/// Takes unreadable pictures out of every part, and sees whether training is still possible.
pub(super) fn without_skipped(dataset: &Dataset, split: Split, skipped: &[Skipped]) -> Result<Split> {
    let readable = |i: &usize| skipped.binary_search_by_key(i, |s| s.index).is_err();
    let keep = |part: Vec<usize>| part.into_iter().filter(readable).collect::<Vec<_>>();
    let before = counts(dataset, &split.train);
    let split = Split { train: keep(split.train), val: keep(split.val), test: keep(split.test) };
    let left = counts(dataset, &split.train);
    let lost: Vec<_> = match dataset.task {
        Task::Multiclass => (0..left.len()).filter(|&k| left[k] == 0).collect(),
        // A label without a picture is learned as absent; without any picture nothing is learned.
        Task::Multilabel if split.train.is_empty() => (0..left.len()).filter(|&k| before[k] > 0).collect(),
        Task::Multilabel => Vec::new(),
    };
    if lost.is_empty() && !split.train.is_empty() && !split.test.is_empty() {
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
