//! Labels of rows that have their features already: a table with a line a row, in their order.

use std::path::{Path, PathBuf};

use super::columns::{Columns, LabelColumns, NAMES, label_columns, part_column, single};
use super::table::{Row, Table};
use super::{one_hot_labels, row_labels};
use crate::dataset::entries::{Entries, Entry};
use crate::dataset::layout::part_named;
use crate::dataset::{
    Dataset, DatasetError, LabelOptions, LabelProblem, LabelSource, Mismatches, Part, Sample,
};

/// The number of a column that is not there.
const NONE: usize = usize::MAX;

/// Reads the table `path` as the labels of `count` rows, and why some of them are to be left out.
pub(in super::super) fn read(
    path: &Path,
    count: usize,
    options: &LabelOptions,
) -> Result<(Dataset, Vec<(usize, String)>), DatasetError> {
    let mut table = Table::read(&[path.to_owned()])?;
    if table.rows.len() != count {
        let problem = LabelProblem::Rows { found: table.rows.len(), expected: count };
        return Err(DatasetError::in_file(path, 0, problem));
    }
    in_order(&mut table)?;
    let columns = columns(&table, options)?;
    let mut entries = Entries::default();
    entries.files.push((path.to_owned(), String::new()));
    let numbers = match columns.form {
        LabelColumns::OneHot { .. } => one_hot_labels(&table, &columns, &mut entries)?,
        _ => Vec::new(),
    };
    let (size, skipped) = (table.column("size"), table.column("skipped"));
    let text = |row: &Row, column: Option<usize>| {
        let cell = column.map(|column| table.cell(row, column));
        cell.and_then(|cell| cell.text().map(str::to_owned)).filter(|text| !text.is_empty())
    };
    let (mut sizes, mut left_out) = (Vec::with_capacity(count), Vec::new());
    for (number, row) in table.rows.iter().enumerate() {
        let labels = row_labels(&table, row, &columns, &numbers, &mut entries)?;
        let name = text(row, Some(columns.name).filter(|&name| name != NONE));
        let part = columns.part.and_then(|part| part_named(table.cell(row, part).text()?));
        let name = name.unwrap_or_else(|| format!("row {number}"));
        entries.rows.push(Entry { name, labels, part, file: 0, line: row.line });
        sizes.push(text(row, size).and_then(|size| size.parse().ok()).unwrap_or(0));
        left_out.extend(text(row, skipped).map(|reason| (number, reason)));
    }
    let rows: Vec<Option<&Entry>> = entries.rows.iter().map(Some).collect();
    let task = entries.task(&rows, options.task)?;
    let (classes, numbers) = entries.sorted(&rows);
    let root = path.parent().unwrap_or(Path::new(".")).to_owned();
    if classes.is_empty() {
        let (labels, example) = (LabelSource::Store, entries.rows[0].name.clone());
        return Err(DatasetError::NoLabels { root, labels, pictures: count, example });
    }
    let samples = entries.rows.iter().zip(sizes).map(|(row, size)| {
        let mut labels: Vec<u32> = row.labels.iter().map(|&k| numbers[k as usize]).collect();
        labels.sort_unstable();
        Sample { path: PathBuf::from(&row.name), labels, part: row.part, size: Some(size) }
    });
    let mut samples: Vec<Sample> = samples.collect();
    // A `train` without a test divides nothing.
    if samples.iter().all(|sample| sample.part == Some(Part::Train)) {
        samples.iter_mut().for_each(|sample| sample.part = None);
    }
    let dataset = Dataset {
        root,
        labels: LabelSource::Store,
        manifest: None,
        task,
        classes,
        samples,
        unlabelled: Vec::new(),
        mismatches: Mismatches::default(),
    };
    Ok((dataset, left_out))
}

/// Puts lines into the order of their rows, where a column says which row each is.
fn in_order(table: &mut Table) -> Result<(), DatasetError> {
    let Some(column) = table.column("row") else { return Ok(()) };
    let count = table.rows.len();
    let mut lines = vec![None; count];
    for (line, row) in table.rows.iter().enumerate() {
        let cell = table.cell(row, column);
        let text = cell.text().unwrap_or_default();
        let number = text.parse::<usize>().ok().filter(|&number| number < count && lines[number].is_none());
        let wrong = || LabelProblem::RowNumber { found: text.to_owned(), rows: count };
        lines[number.ok_or_else(|| table.error(row, wrong()))?] = Some(line);
    }
    let mut rows: Vec<Option<Row>> = std::mem::take(&mut table.rows).into_iter().map(Some).collect();
    table.rows = lines.into_iter().flatten().filter_map(|line| rows[line].take()).collect();
    Ok(())
}

fn columns(table: &Table, options: &LabelOptions) -> Result<Columns, DatasetError> {
    let asked = |option, wanted: &String| {
        let columns = table.column_names();
        table.column(wanted).ok_or_else(|| {
            table.header_error(LabelProblem::NoColumn { option, wanted: wanted.clone(), columns })
        })
    };
    let name = match &options.name_column {
        Some(wanted) => asked("--name-column", wanted)?,
        None => ["path"].iter().chain(&NAMES).find_map(|name| table.column(name)).unwrap_or(NONE),
    };
    let part = part_column(table, name)?;
    let labels = match options.label_columns.as_slice() {
        [] => label_columns(table, name, part, true)?,
        wanted => wanted.iter().map(|w| asked("--label-column", w)).collect::<Result<Vec<_>, _>>()?,
    };
    let form = match labels.as_slice() {
        &[column] => single(table, column, options),
        several => LabelColumns::OneHot {
            columns: several.iter().map(|&column| table.columns[column].clone()).collect(),
        },
    };
    Ok(Columns { name, part: part.filter(|part| !labels.contains(part)), labels, form })
}
