//! A table whose rows are those of features that were brought from elsewhere.

use std::path::Path;

use super::columns::{Columns, NAMES, label_columns, part_column, single};
use super::table::{Row, Table};
use super::{LabelColumns, Manifest, entries_of};
use crate::dataset::entries::Entries;
use crate::dataset::mismatch::short;
use crate::dataset::{DatasetError, LabelOptions, LabelProblem};

/// Rows that are to be left out, and why.
type LeftOut = Vec<(usize, String)>;

/// Names of a column that says which row a row is.
const ROWS: [&str; 4] = ["row", "index", "", "Unnamed: 0"];

/// A column that says why a row is to be left out.
const SKIPPED: &str = "skipped";

/// Reads the labels of the table `path` for `count` rows, and puts them into their order.
pub(in crate::dataset) fn read_rows(
    path: &Path,
    count: usize,
    options: &LabelOptions,
) -> Result<(Manifest, Entries, LeftOut), DatasetError> {
    let table = Table::of_rows(path, &options.label_columns)?;
    let asked = |option, wanted: &String| {
        let columns = table.column_names();
        table.column(wanted).ok_or_else(|| {
            table.header_error(LabelProblem::NoColumn { option, wanted: wanted.clone(), columns })
        })
    };
    let wanted = options.label_columns.iter().map(|wanted| asked("--label-column", wanted));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let name = match &options.name_column {
        Some(wanted) => Some(asked("--name-column", wanted)?),
        // `id` may be anything, but of all columns that tell rows apart it is one.
        None => NAMES.iter().filter_map(|name| table.column(name)).find(|column| !wanted.contains(column)),
    };
    let taken = |column: &usize| wanted.contains(column) || Some(*column) == name;
    let order = ROWS.iter().filter_map(|name| table.column(name)).find(|column| !taken(column));
    let not: Vec<usize> = name.into_iter().chain(order).collect();
    let part = part_column(&table, &not)?.filter(|part| !wanted.contains(part));
    let labels = match wanted.is_empty() {
        true => label_columns(&table, &not, part, false)?,
        false => wanted,
    };
    let form = match labels.as_slice() {
        &[column] => single(&table, column, options),
        several => {
            LabelColumns::OneHot { columns: several.iter().map(|&c| table.columns[c].clone()).collect() }
        }
    };
    let columns = Columns { name, labels, part, form };
    let mut entries = entries_of(&table, &columns)?;
    // Before they change places: the rows of the table are still those of the entries.
    let number = |at: usize, row: &Row| match order {
        Some(order) => table.cell(row, order).text().and_then(|text| text.parse().ok()).unwrap_or(at),
        None => at,
    };
    let mut left_out: LeftOut = match table.column(SKIPPED).filter(|column| !columns.labels.contains(column))
    {
        None => Vec::new(),
        Some(column) => {
            let reason =
                |row: &Row| table.cell(row, column).text().filter(|text| !text.is_empty()).map(str::to_owned);
            let rows = table.rows.iter().enumerate();
            rows.filter_map(|(at, row)| Some((number(at, row), reason(row)?))).collect()
        }
    };
    left_out.sort_unstable();
    if let Some(order) = order.filter(|_| entries.rows.len() == count) {
        entries = ordered(&table, order, entries)?;
    }
    for (number, row) in entries.rows.iter_mut().enumerate() {
        if row.name.is_empty() {
            row.name = format!("row {number}");
        }
    }
    Ok((columns.manifest(&table), entries, left_out))
}

/// The rows in the order of the numbers in `column`, each of which is there once.
fn ordered(table: &Table, column: usize, mut entries: Entries) -> Result<Entries, DatasetError> {
    let count = entries.rows.len();
    let mut rows: Vec<_> = std::iter::repeat_with(|| None).take(count).collect();
    for (entry, row) in std::mem::take(&mut entries.rows).into_iter().zip(&table.rows) {
        let cell = table.cell(row, column);
        let text = cell.text().unwrap_or_default();
        let wrong = |twice| {
            let column = table.columns[column].clone();
            table.error(row, LabelProblem::NotARow { value: short(text), column, rows: count, twice })
        };
        let number =
            text.parse::<usize>().ok().filter(|&number| number < count).ok_or_else(|| wrong(false))?;
        if rows[number].replace(entry).is_some() {
            return Err(wrong(true));
        }
    }
    entries.rows = rows.into_iter().flatten().collect();
    Ok(entries)
}
