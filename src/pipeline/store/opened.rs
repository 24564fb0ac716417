//! A store as data to train on or to evaluate with.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::dataset::{
    Dataset, LabelChoice, LabelOptions, LabelSource, Mismatches, Part, Sample, Task, Unit, Unread,
};
use crate::error::{Error, Result};
use crate::features::store::{FEATURES, Meta, NotLookedInto, SAMPLES, Stored};
use crate::features::{Descriptor, FeaturesError, Given, Skipped, Source};
use crate::names;
use crate::pipeline::Rows;

/// Opens the store `folder`: its samples, in the order of its rows, and the rows. Of a store that huemax made, labels are those that it was
/// made with; where it was made without any, those that a table or the paths of the pictures give, as `options` say, and pictures that are
/// given none are left out. Of one that others wrote, `options` say how labels stand in `samples.csv`.
///
/// # Errors
/// Files are missing, damaged or do not belong together; there are no labels, or they cannot be used; options that are about pictures.
pub fn open_store(folder: &Path, options: &LabelOptions) -> Result<(Dataset, Rows)> {
    let stored = Stored::open(folder)?;
    let wrong = |option, what: &str| {
        let problem = format!("{what} of {} are in its samples.csv; leave it out", folder.display());
        Err(Error::option(option, problem))
    };
    if let Some(meta) = stored.meta.as_ref().filter(|meta| meta.labels.classes.is_empty()) {
        return labelled_now(&stored, meta, options);
    }
    if options.source.is_some() {
        return wrong("--labels", "the labels");
    }
    let Some(meta) = &stored.meta else {
        let (dataset, skipped) = {
            let options =
                LabelOptions { source: Some(LabelChoice::Manifest(folder.join(SAMPLES))), ..options.clone() };
            Dataset::of_rows(&folder.join(FEATURES), stored.numbers.rows(), &options)?
        };
        let skipped = skipped.into_iter().map(|(index, reason)| Skipped { index, reason }).collect();
        let descriptor = Descriptor::Given(Given { columns: stored.numbers.columns() });
        return Ok((dataset, Rows { descriptor, skipped, ..Rows::given(stored.numbers) }));
    };
    for (option, given) in [
        ("--name-column", options.name_column.is_some()),
        ("--label-column", !options.label_columns.is_empty()),
        ("--separator", options.separator.is_some()),
    ] {
        if given {
            return wrong(option, "paths and labels");
        }
    }
    let (dataset, rows) = made(&stored, meta, options.task)?;
    Ok((dataset, rows))
}

/// A store that was made without labels, with those that `options` name.
fn labelled_now(stored: &Stored, meta: &Meta, options: &LabelOptions) -> Result<(Dataset, Rows)> {
    let by_name = [Some(LabelChoice::Folder), Some(LabelChoice::Prefix)].contains(&options.source);
    if !by_name && !matches!(options.source, Some(LabelChoice::Manifest(_))) {
        let folder = stored.folder.display();
        let problem = format!(
            "the features in {folder} were made without labels; give --labels FILE, a table that names the pictures by their paths, as \
             samples.csv there does, or run `huemax extract DATA --out {folder}` with the labels, which keeps the features"
        );
        return Err(Error::option("--labels", problem));
    }
    let lines = stored.lines()?;
    let paths: Vec<PathBuf> = lines.iter().map(|line| names::path(&line.path)).collect();
    let mut dataset = Dataset::of_paths(&names::path(&meta.root), paths.clone(), options)?;
    dataset.unread = unread(meta);
    // Samples are some of the pictures, in the same order.
    let mut picked = Vec::with_capacity(dataset.samples.len());
    let mut next = 0;
    for sample in &mut dataset.samples {
        while paths[next] != sample.path {
            next += 1;
        }
        sample.size = Some(lines[next].entry.size);
        picked.push(next);
        next += 1;
    }
    let skipped = (0..)
        .zip(&lines)
        .filter_map(|(index, line)| Some(Skipped { index, reason: line.entry.skipped.clone()? }));
    let rows = Rows {
        descriptor: meta.descriptor,
        source: stored.numbers.clone(),
        skipped: skipped.collect(),
        cut_off: (0..).zip(&lines).filter(|(_, line)| line.entry.cut_off).map(|(row, _)| row).collect(),
        hashes: lines.iter().map(|line| line.entry.hash).collect(),
    };
    Ok((dataset, rows.of(picked)))
}

/// What could not be looked into when a store was made: whoever uses it lacks those pictures as whoever made it did.
pub(in crate::pipeline) fn unread(meta: &Meta) -> Vec<Unread> {
    meta.unread.iter().map(Unread::from).collect()
}

impl From<&NotLookedInto> for Unread {
    fn from(there: &NotLookedInto) -> Self {
        Self { path: names::path(&there.path), reason: there.reason.clone(), hides: there.hides }
    }
}

impl From<&Unread> for NotLookedInto {
    fn from(unread: &Unread) -> Self {
        Self { path: names::text(&unread.path), reason: unread.reason.clone(), hides: unread.hides }
    }
}

/// The samples of a store that huemax made, just as they were when it was made.
fn made(stored: &Stored, meta: &Meta, asked: Option<Task>) -> Result<(Dataset, Rows)> {
    let wrong = |row: usize, problem: String| FeaturesError::Format {
        path: stored.folder.join(SAMPLES),
        problem: format!(
            "row {row}: {problem}; make the store anew with `huemax extract DATA --out STORE --force`"
        ),
    };
    let classes = &meta.labels.classes;
    let numbers: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
    let number = |row: usize, label: &str| {
        let found = numbers.get(label).copied();
        found.ok_or_else(|| wrong(row, format!("{label:?} is none of the labels in features.json")))
    };
    let (mut samples, mut skipped) = (Vec::with_capacity(meta.rows), Vec::new());
    let (mut hashes, mut cut_off) = (Vec::with_capacity(meta.rows), Vec::new());
    for (row, line) in stored.lines()?.into_iter().enumerate() {
        let labels = match &meta.labels.separator {
            None => vec![number(row, &line.labels)?],
            Some(_) if line.labels.is_empty() => Vec::new(),
            Some(separator) => {
                let labels = line.labels.split(separator.as_str()).map(|label| number(row, label));
                labels.collect::<Result<_, _>>()?
            }
        };
        let part = match line.part.as_str() {
            "" => None,
            "train" => Some(Part::Train),
            "val" => Some(Part::Val),
            "test" => Some(Part::Test),
            other => return Err(wrong(row, format!("{other:?} is none of train, val and test")).into()),
        };
        hashes.push(line.entry.hash);
        if line.entry.cut_off {
            cut_off.push(row);
        }
        skipped.extend(line.entry.skipped.map(|reason| Skipped { index: row, reason }));
        samples.push(Sample { path: names::path(&line.path), labels, part, size: Some(line.entry.size) });
    }
    let made = if meta.labels.separator.is_some() { Task::Multilabel } else { Task::Multiclass };
    let task = asked.unwrap_or(made);
    if task == Task::Multiclass
        && let Some(row) = samples.iter().position(|s| s.labels.len() != 1)
    {
        let problem = format!(
            "row {row} of {} has {} labels, and with multiclass each has one; leave it out",
            stored.folder.display(),
            samples[row].labels.len()
        );
        return Err(Error::option("--task", problem));
    }
    let dataset = Dataset {
        root: names::path(&meta.root),
        unit: Unit::Picture,
        labels: LabelSource::Store,
        manifest: None,
        task,
        classes: classes.clone(),
        samples,
        unlabelled: Vec::new(),
        mismatches: Mismatches::default(),
        shards: None,
        unread: unread(meta),
    };
    let source = stored.numbers.clone();
    Ok((dataset, Rows { descriptor: meta.descriptor, source, skipped, cut_off, hashes }))
}
