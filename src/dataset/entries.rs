//! Rows of a table, or sidecars, put to the pictures they name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::find::slashed;
use super::index::{Index, Lookup};
use super::layout::{Base, Found};
use super::mismatch::{Mention, short};
use super::{
    Dataset, DatasetError, LabelOptions, LabelProblem, LabelSource, Manifest, Mismatches, Part, Sample, Task,
    Unit,
};

/// What a row says of a picture.
pub(super) struct Entry {
    /// The picture, as the row calls it.
    pub(super) name: String,
    /// Numbers of its labels, ascending.
    pub(super) labels: Vec<u32>,
    pub(super) part: Option<Part>,
    /// Number of its file.
    pub(super) file: usize,
    /// Its line in the file, or 0.
    pub(super) line: u64,
}

/// All rows, and the labels in them.
#[derive(Default)]
pub(super) struct Entries {
    /// Path of each file, and the folder its names are relative to; see [`super::index::absolute`].
    pub(super) files: Vec<(PathBuf, String)>,
    pub(super) rows: Vec<Entry>,
    /// Whether each file is beside its picture.
    pub(super) beside: bool,
    names: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Entries {
    /// The number of `label`.
    pub(super) fn label(&mut self, label: &str) -> Result<u32, LabelProblem> {
        let label = label.trim();
        if let Some(&number) = self.numbers.get(label) {
            return Ok(number);
        }
        if label.is_empty() {
            return Err(LabelProblem::EmptyLabel(String::new()));
        }
        LabelProblem::of_label(label).map_or(Ok(()), Err)?;
        let number = self.names.len() as u32;
        self.names.push(label.to_owned());
        self.numbers.insert(label.to_owned(), number);
        Ok(number)
    }

    fn place(&self, row: &Entry) -> String {
        let file = self.files[row.file].0.display();
        if row.line == 0 { file.to_string() } else { format!("{file}:{}", row.line) }
    }

    fn error(&self, row: &Entry, problem: LabelProblem) -> DatasetError {
        DatasetError::in_file(&self.files[row.file].0, row.line, problem)
    }

    /// The row of each picture (its number), and what does not fit.
    fn put_to(&self, index: &Index, found: &[Found]) -> (Vec<Option<&Entry>>, Mismatches) {
        let mut mismatches = Mismatches::default();
        let mut pairs: Vec<(usize, &Entry)> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let lookup = match self.beside {
                true => index.find_beside(&row.name),
                false => index.find(&self.files[row.file].1, &row.name),
            };
            let name = match lookup {
                Lookup::Picture(picture) => {
                    pairs.push((picture, row));
                    continue;
                }
                Lookup::Nothing => row.name.trim().to_owned(),
                Lookup::Several(a, b) => {
                    let [a, b] = [a, b].map(|picture| slashed(&found[picture].path));
                    format!("{}, which may be {a} or {b},", row.name)
                }
            };
            mismatches.rows_without_picture.push(Mention { name, rows: vec![self.place(row)] });
        }
        // Stable: rows of a picture stay in their order.
        pairs.sort_by_key(|(picture, _)| *picture);
        let mut of_picture = vec![None; found.len()];
        let mut named = vec![false; found.len()];
        for rows in pairs.chunk_by(|a, b| a.0 == b.0) {
            let (picture, first) = rows[0];
            named[picture] = true;
            let alike = rows.iter().all(|(_, row)| (&row.labels, row.part) == (&first.labels, first.part));
            if alike {
                of_picture[picture] = Some(first);
            }
            if rows.len() > 1 {
                let list = if alike { &mut mismatches.duplicates } else { &mut mismatches.conflicts };
                let name = slashed(&found[picture].path);
                list.push(Mention { name, rows: rows.iter().map(|(_, row)| self.place(row)).collect() });
            }
        }
        let unnamed = named.iter().zip(found).filter(|(named, _)| !**named);
        mismatches.pictures_without_row = unnamed.map(|(_, found)| slashed(&found.path)).collect();
        (of_picture, mismatches)
    }

    /// The task that was asked for, or that the rows of pictures show; and whether each row fits it.
    pub(super) fn task_of<'a>(
        &self,
        rows: impl Iterator<Item = &'a Entry> + Clone,
        asked: Option<Task>,
    ) -> Result<Task, DatasetError> {
        let rows = || rows.clone();
        let several = rows().any(|row| row.labels.len() > 1);
        let task = asked.unwrap_or(if several { Task::Multilabel } else { Task::Multiclass });
        let unfit = rows().find(|row| task == Task::Multiclass && row.labels.len() != 1);
        let Some(row) = unfit else { return Ok(task) };
        let picture = short(&row.name);
        Err(self.error(
            row,
            match row.labels.len() {
                0 => LabelProblem::NoLabel(picture),
                count => {
                    let labels: Vec<_> =
                        row.labels.iter().take(3).map(|&k| short(&self.names[k as usize])).collect();
                    let more = if count > 3 { ", …" } else { "" };
                    LabelProblem::SeveralLabels { picture, count, labels: labels.join(", ") + more }
                }
            },
        ))
    }
}

impl Entries {
    /// The labels that `rows` have, sorted; for each label its number among them; and the labels that none of the rows has, sorted.
    pub(super) fn in_use<'a>(
        &self,
        rows: impl Iterator<Item = &'a Entry>,
    ) -> (Vec<String>, Vec<u32>, Vec<String>) {
        let mut used = vec![false; self.names.len()];
        rows.flat_map(|row| &row.labels).for_each(|&k| used[k as usize] = true);
        let mut sorted: Vec<usize> = (0..used.len()).filter(|&k| used[k]).collect();
        sorted.sort_unstable_by_key(|&k| &self.names[k]);
        let mut numbers = vec![0u32; used.len()];
        sorted.iter().enumerate().for_each(|(number, &k)| numbers[k] = number as u32);
        let mut unused: Vec<_> =
            (0..used.len()).filter(|&k| !used[k]).map(|k| self.names[k].clone()).collect();
        unused.sort_unstable();
        (sorted.iter().map(|&k| self.names[k].clone()).collect(), numbers, unused)
    }
}

/// The pictures of `found` with the labels that `entries` give them.
pub(super) fn assemble(
    root: &Path,
    found: Vec<Found>,
    base: &Base,
    index: &Index,
    entries: &Entries,
    manifest: Option<Manifest>,
    options: &LabelOptions,
) -> Result<Dataset, DatasetError> {
    let labels = if entries.beside { LabelSource::Sidecar } else { LabelSource::Manifest };
    let (rows, mut mismatches) = entries.put_to(index, &found);
    let task = entries.task_of(rows.iter().flatten().copied(), options.task)?;

    let (classes, numbers, unused) = entries.in_use(rows.iter().flatten().copied());
    mismatches.unused_labels = unused;

    let pictures = found.len();
    let example = found.first().map(|f| slashed(&f.path)).unwrap_or_default();
    let divided = rows.iter().flatten().any(|row| row.part.is_some());
    let (mut samples, mut unlabelled) = (Vec::new(), Vec::new());
    for (found, row) in found.into_iter().zip(rows) {
        let place = if divided { Ok(None) } else { base.place(&found).map(|(part, _)| part) };
        let (Some(row), Ok(part)) = (row, place) else {
            unlabelled.push(found.path);
            continue;
        };
        let mut labels: Vec<u32> = row.labels.iter().map(|&k| numbers[k as usize]).collect();
        labels.sort_unstable();
        samples.push(Sample { path: found.path, labels, part: row.part.or(part), size: None });
    }
    if samples.is_empty() || classes.is_empty() {
        if let (Some(file), Some(row)) = (entries.files.first(), entries.rows.first())
            && !entries.beside
        {
            let (file, row) = (file.0.clone(), short(&row.name));
            return Err(DatasetError::NothingNamed { root: root.to_owned(), pictures, example, file, row });
        }
        return Err(DatasetError::NoLabels { root: root.to_owned(), labels, pictures, example });
    }
    // A `train` whose `test` has no labels divides nothing.
    if samples.iter().all(|sample| sample.part == Some(Part::Train)) {
        samples.iter_mut().for_each(|sample| sample.part = None);
    }
    Ok(Dataset {
        root: root.to_owned(),
        unit: Unit::Picture,
        labels,
        manifest,
        task,
        classes,
        samples,
        unlabelled,
        mismatches,
        shards: None,
        unread: Vec::new(),
    })
}
