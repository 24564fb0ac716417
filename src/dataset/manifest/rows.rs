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
    let table = Table::of_rows(path, count, &options.label_columns)?;
    if table.columns.is_empty() && options.label_columns.is_empty() {
        return Err(DatasetError::in_file(path, 0, LabelProblem::NoColumns));
    }
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
        None => name_of_row(&table, &wanted),
    };
    let order = number_of_row(&table, &wanted, name);
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
    let mut entries = entries_of(&table, &columns, |cell| cell.text())?;
    // Before they change places: the rows of the table are still those of the entries.
    let left_out = left_out(&table, order, &columns.labels);
    if let Some(order) = order.filter(|_| entries.rows.len() == count) {
        entries.rows = ordered(&table, order, entries.rows)?;
    }
    for (number, row) in entries.rows.iter_mut().enumerate() {
        if row.name.is_empty() {
            row.name = format!("row {number}");
        }
    }
    Ok((columns.manifest(&table), entries, left_out))
}

/// Reads what the table `path` calls the rows of the features in the file `features`, of which there are `count`, whatever else it says
/// of them or does not, and those that are to be left out.
pub(in crate::dataset) fn read_names(
    path: &Path,
    (features, count): (&Path, usize),
) -> Result<(Vec<String>, LeftOut), DatasetError> {
    let table = Table::of_rows(path, count, &[])?;
    let name = name_of_row(&table, &[]);
    let order = number_of_row(&table, &[], name);
    let left_out = left_out(&table, order, &[]);
    let text =
        |row: &Row| name.and_then(|name| table.cell(row, name).text().map(str::to_owned)).unwrap_or_default();
    let mut names: Vec<String> = table.rows.iter().map(text).collect();
    if names.len() != count {
        let (rows, features) = (names.len(), features.display());
        let problem = format!(
            "it has {rows} rows, and {features} has {count}; a row of one is to be a row of the other"
        );
        return Err(DatasetError::Array { file: path.to_owned(), problem });
    }
    if let Some(order) = order {
        names = ordered(&table, order, names)?;
    }
    let unnamed = names.iter_mut().enumerate().filter(|(_, name)| name.is_empty());
    unnamed.for_each(|(number, name)| *name = format!("row {number}"));
    Ok((names, left_out))
}

/// The column that says what rows are called.
fn name_of_row(table: &Table, not: &[usize]) -> Option<usize> {
    NAMES.iter().filter_map(|name| table.column(name)).find(|column| !not.contains(column))
}

/// The column that says which row a row is.
fn number_of_row(table: &Table, not: &[usize], name: Option<usize>) -> Option<usize> {
    let taken = |column: &usize| not.contains(column) || Some(*column) == name;
    ROWS.iter().filter_map(|name| table.column(name)).find(|column| !taken(column))
}

/// The rows that a column says are to be left out, in the order of their numbers, and why.
fn left_out(table: &Table, order: Option<usize>, not: &[usize]) -> LeftOut {
    let Some(column) = table.column(SKIPPED).filter(|column| !not.contains(column)) else {
        return Vec::new();
    };
    let number = |at: usize, row: &Row| match order {
        Some(order) => table.cell(row, order).text().and_then(|text| text.parse().ok()).unwrap_or(at),
        None => at,
    };
    let reason =
        |row: &Row| table.cell(row, column).text().filter(|text| !text.is_empty()).map(str::to_owned);
    let rows = table.rows.iter().enumerate();
    let mut left_out: LeftOut = rows.filter_map(|(at, row)| Some((number(at, row), reason(row)?))).collect();
    left_out.sort_unstable();
    left_out
}

/// What belongs to the rows, in the order of the numbers in `column`, each of which is there once.
fn ordered<T>(table: &Table, column: usize, items: Vec<T>) -> Result<Vec<T>, DatasetError> {
    let count = items.len();
    let mut rows: Vec<_> = std::iter::repeat_with(|| None).take(count).collect();
    for (entry, row) in items.into_iter().zip(&table.rows) {
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
    Ok(rows.into_iter().flatten().collect())
}
