//! Which columns of a table mean what.

use serde::Serialize;

use super::super::index::{Index, Lookup};
use super::super::layout::part_named;
use super::super::mismatch::short;
use super::super::{DatasetError, LabelOptions, LabelProblem, Separator, Task};
use super::Manifest;
use super::table::{Cell, Row, Table};
use crate::names;

/// Names of a column that names pictures, the likeliest first.
pub(super) const NAMES: [&str; 16] = [
    "image_name",
    "file_name",
    "filename",
    "image_path",
    "image_file",
    "image",
    "img",
    "picture",
    "photo",
    "filepath",
    "file_path",
    "path",
    "file",
    "name",
    "image_id",
    "id",
];
/// Names of a column of labels, the likeliest first, and whether its cells are lists.
const LABELS: [(&str, bool); 12] = [
    ("tags", true),
    ("labels", true),
    ("label", false),
    ("class", false),
    ("classes", true),
    ("category", false),
    ("categories", true),
    ("class_name", false),
    ("label_name", false),
    ("tag", false),
    ("species", false),
    ("breed", false),
];
/// Names of a column that divides the data.
const PARTS: [&str; 5] = ["split", "part", "subset", "set", "partition"];

/// How labels stand in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum LabelColumns {
    /// A cell is one label.
    Whole {
        /// The column.
        column: String,
    },
    /// A cell is a list of labels.
    List {
        /// The column.
        column: String,
        /// What stands between them. JSON lists are lists whatever this says.
        separator: Separator,
    },
    /// A column a label, with 0 or 1 in it.
    OneHot {
        /// The columns.
        columns: Vec<String>,
    },
}

/// Columns of a table, by number.
pub(super) struct Columns {
    /// Of rows of features perhaps none.
    pub(super) name: Option<usize>,
    pub(super) labels: Vec<usize>,
    pub(super) part: Option<usize>,
    pub(super) form: LabelColumns,
}

impl Columns {
    /// Finds what `options` leave open. Of a table that was `found` and not named, only columns are taken for labels that
    /// say so: the others may be anything, captions for example.
    pub(super) fn of(
        table: &Table,
        index: &Index,
        options: &LabelOptions,
        found: bool,
    ) -> Result<Self, DatasetError> {
        let asked = |option, wanted: &String| {
            let columns = table.column_names();
            table.column(wanted).ok_or_else(|| {
                table.header_error(LabelProblem::NoColumn { option, wanted: wanted.clone(), columns })
            })
        };
        let name = match &options.name_column {
            Some(wanted) => asked("--name-column", wanted)?,
            None => name_column(table, index)?,
        };
        let part = part_column(table, &[name])?;
        let labels = match options.label_columns.as_slice() {
            [] => label_columns(table, &[name], part, found)?,
            wanted => wanted.iter().map(|w| asked("--label-column", w)).collect::<Result<Vec<_>, _>>()?,
        };
        let form = match labels.as_slice() {
            &[column] => single(table, column, options),
            several => LabelColumns::OneHot {
                columns: several.iter().map(|&column| table.columns[column].clone()).collect(),
            },
        };
        // A column of labels that was asked for is not also what divides the data.
        Ok(Self { name: Some(name), part: part.filter(|part| !labels.contains(part)), labels, form })
    }
}

impl Columns {
    /// What was found, for messages and reports.
    pub(super) fn manifest(self, table: &Table) -> Manifest {
        let column = |number: usize| table.columns[number].clone();
        Manifest {
            files: table.files.iter().map(|file| names::text(&file.path)).collect(),
            name_column: self.name.map(column),
            part_column: self.part.map(column),
            labels: self.form,
        }
    }
}

fn name_column(table: &Table, index: &Index) -> Result<usize, DatasetError> {
    let matching = |column: usize| {
        let leads = |row: &&Row| match table.cell(row, column).text() {
            Some(name) if !name.is_empty() => {
                index.find(&table.files[row.file].base, name) != Lookup::Nothing
            }
            _ => false,
        };
        table.rows.iter().filter(leads).count()
    };
    let known: Vec<usize> = NAMES.iter().filter_map(|name| table.column(name)).collect();
    if let Some(&column) = known.iter().find(|&&column| matching(column) > 0) {
        return Ok(column);
    }
    let best = (0..table.columns.len()).map(|column| (matching(column), std::cmp::Reverse(column))).max();
    match (best, known.first()) {
        (Some((1.., column)), _) => header_is_none(table, index, column.0),
        // No row has a picture, which is said better later, with examples.
        (_, Some(&column)) => Ok(column),
        _ => Err(table.header_error(LabelProblem::NameColumn(table.column_names()))),
    }
}

/// `column`, unless its own name is a picture's: then the header is missing, and a picture would be lost.
fn header_is_none(table: &Table, index: &Index, column: usize) -> Result<usize, DatasetError> {
    let name = &table.columns[column];
    match index.find(&table.files[0].base, name) {
        Lookup::Picture(_) if !name.is_empty() => {
            Err(table.header_error(LabelProblem::NoHeader(name.clone())))
        }
        _ => Ok(column),
    }
}

/// The column that divides the data: of such a name, and with nothing but names of parts in it.
pub(super) fn part_column(table: &Table, not: &[usize]) -> Result<Option<usize>, DatasetError> {
    for column in PARTS.iter().filter_map(|part| table.column(part)).filter(|column| !not.contains(column)) {
        let part = |row: &Row| table.cell(row, column).text().and_then(part_named);
        // Numbers of folds, or sets of something else.
        if !table.rows.iter().any(|row| part(row).is_some()) {
            continue;
        }
        if let Some(row) = table.rows.iter().find(|row| part(row).is_none()) {
            let value = table.cell(row, column).text().unwrap_or_default().to_owned();
            return Err(table.error(row, LabelProblem::NotAPart(value, table.columns[column].clone())));
        }
        return Ok(Some(column));
    }
    Ok(None)
}

pub(super) fn label_columns(
    table: &Table,
    not: &[usize],
    part: Option<usize>,
    found: bool,
) -> Result<Vec<usize>, DatasetError> {
    let others: Vec<usize> =
        (0..table.columns.len()).filter(|&column| !not.contains(&column) && Some(column) != part).collect();
    let known = LABELS.iter().filter_map(|(label, _)| table.column(label));
    if let Some(column) = known.into_iter().find(|column| others.contains(column)) {
        return Ok(vec![column]);
    }
    let binary: Vec<usize> = others
        .iter()
        .copied()
        .filter(|&column| !table.columns[column].is_empty())
        .filter(|&column| table.rows.iter().all(|row| is_one(&table.cell(row, column)).is_some()))
        .collect();
    if binary.len() >= 2 {
        // A column of 0 and 1 with a slip in it would lose its label without a word.
        for &column in others.iter().filter(|column| !binary.contains(column)) {
            let wrong = |&row: &usize| is_one(&table.cell(&table.rows[row], column)).is_none();
            let mut slips = (0..table.rows.len()).filter(wrong);
            if let (Some(first), true) = (slips.next(), 10 * (slips.count() + 1) <= table.rows.len()) {
                let row = &table.rows[first];
                let value = short(table.cell(row, column).text().unwrap_or("a list"));
                let column = table.columns[column].clone();
                return Err(table.error(row, LabelProblem::NotBinary { column, value }));
            }
        }
    }
    match (binary.len(), others.as_slice()) {
        (2.., _) => Ok(binary),
        (_, &[column]) if !found => Ok(vec![column]),
        _ => Err(table.header_error(LabelProblem::LabelColumn(table.column_names()))),
    }
}

pub(super) fn single(table: &Table, column: usize, options: &LabelOptions) -> LabelColumns {
    let name = table.columns[column].clone();
    let lists = LABELS.iter().any(|(label, list)| *list && label.eq_ignore_ascii_case(&name));
    let cells = || table.rows.iter().map(|row| table.cell(row, column));
    let separator = match &options.separator {
        Some(separator) => Some(separator.clone()),
        None if lists || options.task == Some(Task::Multilabel) => {
            let contains = |separator: &&str| {
                cells().any(|cell| cell.text().is_some_and(|text| text.contains(separator)))
            };
            let found = ["|", ";", ","].iter().find(|separator| contains(separator));
            found.map(|text| Separator::Text((*text).into())).or_else(|| {
                let spaced =
                    |cell: Cell<'_>| cell.text().is_some_and(|text| text.contains(char::is_whitespace));
                cells().any(spaced).then_some(Separator::Space)
            })
        }
        None => None,
    };
    match separator.unwrap_or(Separator::Whole) {
        Separator::Whole => LabelColumns::Whole { column: name },
        separator => LabelColumns::List { column: name, separator },
    }
}

/// Whether a cell of a column that is a label says that a picture has it; none if it says neither.
pub(super) fn is_one(cell: &Cell<'_>) -> Option<bool> {
    match cell {
        // A label that a line of JSON does not mention.
        Cell::Missing => Some(false),
        cell => match cell.text()? {
            "1" | "1.0" => Some(true),
            "0" | "0.0" => Some(false),
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        },
    }
}
