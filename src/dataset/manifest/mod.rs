//! Labels from a table: CSV, TSV or JSON lines, one row a picture.

mod columns;
mod rows;
mod table;
#[cfg(test)]
mod tests;
pub(super) mod text;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use columns::LabelColumns;
use columns::{Columns, is_one};
pub(super) use rows::{read_names, read_rows};
use table::{Cell, Row, Table};

use super::entries::{Entries, Entry};
use super::index::Index;
use super::layout::{Base, Found, part_named};
use super::mismatch::short;
use super::{DatasetError, LabelOptions, LabelProblem, Separator};

/// What was found in a table of labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The files, as messages name them.
    pub files: Vec<String>,
    /// The column that names the pictures; rows of features may have none.
    pub name_column: Option<String>,
    /// The columns that hold the labels.
    pub labels: LabelColumns,
    /// The column that divides the data into train, val and test.
    pub part_column: Option<String>,
}

impl Manifest {
    /// One line, such as ``train_v2.csv, names in `image_name`, lists of labels in `tags` divided by spaces``.
    pub fn explained(&self) -> String {
        let labels = match &self.labels {
            LabelColumns::Whole { column } => format!("labels in `{}`", short(column)),
            LabelColumns::List { column, separator } => {
                format!("lists of labels in `{}` divided by {}", short(column), separator.explained())
            }
            LabelColumns::OneHot { columns } => {
                let first = columns.first().map(|c| short(c)).unwrap_or_default();
                let last = columns.last().map(|c| short(c)).unwrap_or_default();
                format!("a label in each of {} columns of 0 and 1, `{first}` to `{last}`", columns.len())
            }
        };
        let part = self.part_column.as_ref();
        let part = part.map_or_else(String::new, |part| format!(", parts in `{}`", short(part)));
        let name = self.name_column.as_ref();
        let name = name.map_or_else(String::new, |name| format!("names in `{}`, ", short(name)));
        format!("{}, {name}{labels}{part}", self.files.join(" and "))
    }
}

/// Tables that lie with the pictures, named as Hugging Face names them: in the root or a folder that wraps everything,
/// or one in each part folder.
pub(super) fn beside(root: &Path, found: &[Found], base: &Base) -> Vec<PathBuf> {
    let in_folder = |folder: &Path| {
        let names = ["metadata.csv", "metadata.jsonl"];
        // A pipe, or a link that leads nowhere, is found too: whoever reads it says what it is.
        let there = |path: &PathBuf| !path.is_dir() && std::fs::symlink_metadata(path).is_ok();
        names.iter().map(|name| root.join(folder).join(name)).find(there)
    };
    let Some(first) = found.first() else { return Vec::new() };
    let wrapping = first.path.ancestors().skip(1).collect::<Vec<_>>();
    let wrapping = wrapping.iter().rev().take(base.depth + 1);
    if let Some(path) = wrapping.filter_map(|folder| in_folder(folder)).next() {
        return vec![path];
    }
    if !base.divided {
        return Vec::new();
    }
    let mut parts: Vec<PathBuf> = found
        .iter()
        .filter(|found| base.place(found).is_ok())
        .map(|found| found.path.components().take(base.depth + 1).collect())
        .collect();
    parts.dedup();
    parts.iter().filter_map(|folder| in_folder(folder)).collect()
}

/// Reads the labels of `paths`, one table in one or more files. `found` says that nobody named them.
pub(super) fn read(
    paths: &[PathBuf],
    index: &Index,
    options: &LabelOptions,
    found: bool,
) -> Result<(Manifest, Entries), DatasetError> {
    let table = Table::read(paths)?;
    let columns = Columns::of(&table, index, options, found)?;
    let entries = entries_of(&table, &columns, |cell| cell.whole())?;
    Ok((columns.manifest(&table), entries))
}

/// What the rows of `table` say, and what each is `called`.
fn entries_of(
    table: &Table,
    columns: &Columns,
    called: for<'a> fn(&'a Cell<'_>) -> Option<&'a str>,
) -> Result<Entries, DatasetError> {
    let mut entries = Entries::default();
    for file in &table.files {
        entries.files.push((file.path.clone(), file.base.clone()));
    }
    let one_hot = matches!(columns.form, LabelColumns::OneHot { .. });
    let numbers = match one_hot {
        true => one_hot_labels(table, columns, &mut entries)?,
        false => Vec::new(),
    };
    for row in &table.rows {
        // A file without any of the columns says nothing about labels: the test part of a contest.
        if columns.labels.iter().all(|&column| table.files[row.file].columns[column].is_none()) {
            continue;
        }
        let mut labels = match one_hot {
            true => ones(table, row, columns, &numbers)?,
            false => {
                let cell = table.cell(row, columns.labels[0]);
                cell_labels(&cell, columns, &mut entries).map_err(|problem| table.error(row, problem))?
            }
        };
        labels.sort_unstable();
        labels.dedup();
        let name = columns.name.map_or(Cell::Missing, |name| table.cell(row, name));
        entries.rows.push(Entry {
            name: called(&name).unwrap_or_default().to_owned(),
            labels,
            part: columns.part.and_then(|part| part_named(table.cell(row, part).text()?)),
            file: row.file,
            line: row.line,
        });
    }
    Ok(entries)
}

fn one_hot_labels(table: &Table, columns: &Columns, entries: &mut Entries) -> Result<Vec<u32>, DatasetError> {
    let label = |&column: &usize| {
        let name = &table.columns[column];
        entries.label(name).map_err(|problem| table.header_error(problem))
    };
    columns.labels.iter().map(label).collect()
}

fn ones(table: &Table, row: &Row, columns: &Columns, numbers: &[u32]) -> Result<Vec<u32>, DatasetError> {
    let mut labels = Vec::new();
    for (&column, &number) in columns.labels.iter().zip(numbers) {
        let cell = table.cell(row, column);
        match is_one(&cell) {
            Some(true) => labels.push(number),
            Some(false) => {}
            None => {
                let value = short(cell.text().unwrap_or("a list"));
                let column = table.columns[column].clone();
                return Err(table.error(row, LabelProblem::NotBinary { column, value }));
            }
        }
    }
    Ok(labels)
}

fn cell_labels(cell: &Cell<'_>, columns: &Columns, entries: &mut Entries) -> Result<Vec<u32>, LabelProblem> {
    let text = match cell {
        Cell::Missing => return Ok(Vec::new()),
        Cell::List(labels) => return labels.iter().map(|label| entries.label(label)).collect(),
        Cell::Text(text) if text.trim().is_empty() => return Ok(Vec::new()),
        Cell::Text(text) => text.trim(),
        Cell::Other => {
            let (LabelColumns::Whole { column } | LabelColumns::List { column, .. }) = &columns.form else {
                return Ok(Vec::new());
            };
            return Err(LabelProblem::NotText(column.clone()));
        }
    };
    match &columns.form {
        LabelColumns::List { separator: Separator::Space, .. } => {
            text.split_whitespace().map(|label| entries.label(label)).collect()
        }
        LabelColumns::List { separator: Separator::Text(separator), .. } => {
            // One at the end is a habit of some writers.
            let text = text.strip_suffix(separator.trim_end()).unwrap_or(text);
            let label = |label: &str| match label.trim() {
                "" => Err(LabelProblem::EmptyLabel(short(text))),
                label => entries.label(label),
            };
            text.split(separator.as_str()).map(label).collect()
        }
        _ => Ok(vec![entries.label(text)?]),
    }
}
