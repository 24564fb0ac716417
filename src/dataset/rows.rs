//! Labels of rows that were brought from elsewhere: row for row, in the order of the features.

use std::path::{Path, PathBuf};

use super::entries::Entries;
use super::{
    Dataset, DatasetError, LabelChoice, LabelOptions, LabelSource, Manifest, Mismatches, Part, Sample, Task,
    Unit, array, manifest,
};
use crate::files::open_regular;

/// What rows are called, and those of them that are to be left out, with the reason that a column `skipped` gives.
pub type Named = (Vec<String>, Vec<(usize, String)>);

/// Rows, and those of them that are to be left out, with the reason that a column `skipped` gives.
pub type Brought = (Dataset, Vec<(usize, String)>);

impl Dataset {
    /// The labels of `rows` rows of features that the file `features` holds: those of the array or table that `options` name, or, where they
    /// name none, those of a column beside the features in a Parquet file. Row for row; a column `row` or `index` of a table puts them into
    /// another order, `split` divides them, and a column of names (`path`, `name`) says what they are called.
    ///
    /// # Errors
    /// There are not as many labels as rows; the file cannot be read, or holds no labels; what [`Dataset::open`] says of tables.
    pub fn of_rows(features: &Path, rows: usize, options: &LabelOptions) -> Result<Brought, DatasetError> {
        let table = |path: &Path| {
            let (manifest, entries, left_out) = manifest::read_rows(path, rows, options)?;
            Ok::<_, DatasetError>((path.to_owned(), Some(manifest), entries, (false, left_out)))
        };
        let (file, manifest, entries, (several, left_out)) = match &options.source {
            Some(LabelChoice::Manifest(path)) if is_array(path) => {
                let of_table = [
                    ("--name-column", options.name_column.is_some()),
                    ("--label-column", !options.label_columns.is_empty()),
                    ("--separator", options.separator.is_some()),
                ];
                if let Some((option, _)) = of_table.into_iter().find(|(_, set)| *set) {
                    return Err(DatasetError::NoTable { option, labels: LabelSource::Array });
                }
                let (entries, several) = array::read(path)?;
                (path.clone(), None, entries, (several, Vec::new()))
            }
            Some(LabelChoice::Manifest(path)) => table(path)?,
            None => table(features)?,
            Some(LabelChoice::Folder | LabelChoice::Prefix | LabelChoice::Sidecar | LabelChoice::Nothing) => {
                return Err(DatasetError::NoPlaceForLabels { features: features.to_owned() });
            }
        };
        if entries.rows.len() != rows {
            let (labels, features) = (entries.rows.len(), features.to_owned());
            return Err(DatasetError::Lengths { file, labels, features, rows });
        }
        Ok((assemble(features, (manifest, entries), options, several)?, left_out))
    }

    /// What the table `path` calls the `rows` rows of features that the file `features` holds, and those of them that are to be left out.
    /// Labels are not looked for. A row without a name is called by its number.
    ///
    /// # Errors
    /// The table cannot be read, or does not have as many rows.
    pub fn names_of_rows(path: &Path, features: &Path, rows: usize) -> Result<Named, DatasetError> {
        manifest::read_names(path, (features, rows))
    }
}

/// Whether a file is an array of labels, or an archive of arrays, by its name or by how it begins.
fn is_array(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 6];
    let begins = open_regular(path).and_then(|(mut file, _)| file.read_exact(&mut magic));
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
        || begins.is_ok() && (magic == *b"\x93NUMPY" || magic.starts_with(b"PK\x03\x04"))
}

fn assemble(
    root: &Path,
    (manifest, mut entries): (Option<Manifest>, Entries),
    options: &LabelOptions,
    several: bool,
) -> Result<Dataset, DatasetError> {
    let asked = options.task.or(several.then_some(Task::Multilabel));
    let task = entries.task_of(entries.rows.iter(), asked)?;
    let (classes, numbers, unused_labels) = entries.in_use(entries.rows.iter());
    let mut samples: Vec<Sample> = std::mem::take(&mut entries.rows)
        .into_iter()
        .map(|row| {
            let mut labels = row.labels;
            labels.iter_mut().for_each(|k| *k = numbers[*k as usize]);
            labels.sort_unstable();
            labels.shrink_to_fit();
            Sample { path: PathBuf::from(row.name), labels, part: row.part, size: None }
        })
        .collect();
    if classes.is_empty() {
        let file = entries.files.first().map_or_else(|| root.to_owned(), |(file, _)| file.clone());
        return Err(DatasetError::Array { file, problem: "no row has a label".into() });
    }
    // As with folders: a `train` alone divides nothing.
    if samples.iter().all(|sample| sample.part == Some(Part::Train)) {
        samples.iter_mut().for_each(|sample| sample.part = None);
    }
    Ok(Dataset {
        root: root.to_owned(),
        unit: Unit::Row,
        labels: if manifest.is_some() { LabelSource::Manifest } else { LabelSource::Array },
        manifest,
        task,
        classes,
        samples,
        unlabelled: Vec::new(),
        mismatches: Mismatches { unused_labels, ..Mismatches::default() },
        shards: None,
        unread: Vec::new(),
    })
}
