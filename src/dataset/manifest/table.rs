//! A table: rows of named cells, out of CSV, TSV or JSON lines, and of several such files as one.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde_json::{Map, Value};

use super::super::index::absolute;
use super::super::mismatch::short;
use super::super::{DatasetError, LabelProblem};
use super::text::{lines_in, read};
use crate::files::is_parquet;

/// Rows of named cells.
pub(super) struct Table {
    pub(super) files: Vec<Source>,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// A file that rows came from.
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The folder that names are relative to; see [`absolute`].
    pub(super) base: String,
    /// For each column of the table, its number in this file, if it has it.
    pub(super) columns: Vec<Option<usize>>,
}

pub(super) struct Row {
    pub(super) file: usize,
    /// From 1.
    pub(super) line: u64,
    cells: Cells,
}

enum Cells {
    Text(StringRecord),
    Object(Map<String, Value>),
    #[cfg_attr(not(feature = "parquet"), allow(dead_code))] // only Parquet has them
    Values(Box<[Cell<'static>]>),
}

/// What is in a row under a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Missing,
    Text(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
    /// A JSON value of another kind.
    Other,
}

impl Cell<'_> {
    /// The same, without taking it.
    fn again(&self) -> Cell<'_> {
        match self {
            Self::Missing => Cell::Missing,
            Self::Other => Cell::Other,
            Self::Text(text) => Cell::Text(Cow::Borrowed(text.as_ref())),
            Self::List(texts) => Cell::List(texts.iter().map(|text| Cow::Borrowed(text.as_ref())).collect()),
        }
    }

    /// The text as it is; none for what is no text.
    pub(super) fn whole(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text, without white space around it; none for what is no text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()),
            _ => None,
        }
    }
}

impl Table {
    /// Reads `paths` as one table with every column that any of them has.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, DatasetError> {
        let mut table = Self { files: Vec::new(), columns: Vec::new(), rows: Vec::new() };
        let mut numbers: HashMap<String, usize> = HashMap::new();
        for (file, path) in paths.iter().enumerate() {
            let (columns, rows) = read_file(path)?;
            let mut local = vec![None; table.columns.len()];
            for (number, column) in columns.into_iter().enumerate() {
                let next = table.columns.len();
                let global = *numbers.entry(column.clone()).or_insert(next);
                if global == next {
                    table.columns.push(column);
                    local.push(None);
                }
                local[global] = Some(number);
            }
            let base = absolute(path.parent().unwrap_or(Path::new("")));
            table.files.push(Source { path: path.clone(), base, columns: local });
            table.rows.extend(rows.into_iter().map(|(line, cells)| Row { file, line, cells }));
        }
        let width = table.columns.len();
        table.files.iter_mut().for_each(|file| file.columns.resize(width, None));
        Ok(table)
    }

    /// Reads `path`, whose rows are those of `count` rows of features: a table in text, or Parquet, of which floats are left out but for the
    /// columns `labels`.
    pub(super) fn of_rows(path: &Path, count: usize, labels: &[String]) -> Result<Self, DatasetError> {
        if !is_parquet(path) {
            return Self::read(&[path.to_owned()]);
        }
        Self::of_parquet(path, count, labels)
    }

    #[cfg(not(feature = "parquet"))]
    fn of_parquet(path: &Path, _count: usize, _labels: &[String]) -> Result<Self, DatasetError> {
        let problem = "this huemax was built without its feature `parquet`; save the labels as CSV".into();
        Err(DatasetError::Array { file: path.into(), problem })
    }

    #[cfg(feature = "parquet")]
    fn of_parquet(path: &Path, count: usize, labels: &[String]) -> Result<Self, DatasetError> {
        let read = crate::files::parquet::table(path, labels, count);
        let found = read.map_err(DatasetError::LabelTable)?;
        let rows = found.first().map_or(0, |column| column.cells.len());
        let columns: Vec<String> = found.iter().map(|column| column.name.clone()).collect();
        let mut cells: Vec<_> =
            found.into_iter().map(|column| (column.list, column.cells.into_iter())).collect();
        let rows = (0..rows).map(|_| {
            let row = cells.iter_mut().map(|(list, cells)| {
                let mut texts = cells.next().unwrap_or_default().into_iter().map(Cow::Owned);
                if *list {
                    Cell::List(texts.collect())
                } else {
                    texts.next().map_or(Cell::Missing, Cell::Text)
                }
            });
            Row { file: 0, line: 0, cells: Cells::Values(row.collect()) }
        });
        let rows = rows.collect();
        let own = (0..columns.len()).map(Some).collect();
        let base = absolute(path.parent().unwrap_or(Path::new("")));
        Ok(Self { files: vec![Source { path: path.into(), base, columns: own }], columns, rows })
    }

    pub(super) fn cell<'a>(&'a self, row: &'a Row, column: usize) -> Cell<'a> {
        let Some(local) = self.files[row.file].columns[column] else { return Cell::Missing };
        match &row.cells {
            Cells::Text(record) => record.get(local).map_or(Cell::Missing, |text| Cell::Text(text.into())),
            Cells::Values(cells) => cells.get(local).map_or(Cell::Missing, Cell::again),
            Cells::Object(object) => object.get(&self.columns[column]).map_or(Cell::Missing, from_json),
        }
    }

    /// The column of this name; of one in other letter case where there is none.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|column| column == name);
        exact.or_else(|| self.columns.iter().position(|column| column.eq_ignore_ascii_case(name)))
    }

    /// An error in a row.
    pub(super) fn error(&self, row: &Row, problem: LabelProblem) -> DatasetError {
        DatasetError::in_file(&self.files[row.file].path, row.line, problem)
    }

    /// An error in the header.
    pub(super) fn header_error(&self, problem: LabelProblem) -> DatasetError {
        DatasetError::in_file(&self.files[0].path, 1, problem)
    }

    /// The names of the columns, for messages.
    pub(super) fn column_names(&self) -> String {
        const SHOWN: usize = 12;
        if self.columns.is_empty() {
            return "none of text or whole numbers".into();
        }
        let names: Vec<String> =
            self.columns.iter().take(SHOWN).map(|name| format!("`{}`", short(name))).collect();
        match self.columns.len().saturating_sub(SHOWN) {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }
}

fn from_json(value: &Value) -> Cell<'_> {
    let scalar = |value: &'_ Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    };
    match value {
        Value::Null => Cell::Missing,
        Value::String(text) => Cell::Text(text.into()),
        Value::Array(values) => {
            let labels: Option<Vec<_>> = values.iter().map(|v| scalar(v).map(Cow::Owned)).collect();
            labels.map_or(Cell::Other, Cell::List)
        }
        value => scalar(value).map_or(Cell::Other, |text| Cell::Text(text.into())),
    }
}

type Contents = (Vec<String>, Vec<(u64, Cells)>);

fn read_file(path: &Path) -> Result<Contents, DatasetError> {
    let text = read(path)?;
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let contents = match extension.as_str() {
        "jsonl" | "ndjson" => json_lines(&text),
        "tsv" | "tab" => records(&text, b'\t'),
        _ if text.trim_start().starts_with('{') => json_lines(&text),
        _ => records(&text, delimiter(&text)),
    };
    let (columns, rows) = contents.map_err(|(line, problem)| DatasetError::in_file(path, line, problem))?;
    if rows.is_empty() {
        let problem = if columns.is_empty() { "the file is empty" } else { "there are no rows" };
        return Err(DatasetError::in_file(path, 1, LabelProblem::NoRows(problem)));
    }
    Ok((columns, rows))
}

/// What divides the names in the header most often: a comma, a semicolon (as spreadsheets write it where the comma
/// divides decimals), or a tab.
fn delimiter(text: &str) -> u8 {
    let header = text.trim_start().lines().next().unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|&byte| byte == delimiter).count();
    [b'\t', b';', b','].into_iter().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

fn records(text: &str, delimiter: u8) -> Result<Contents, (u64, LabelProblem)> {
    check_quotes(text, delimiter)?;
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.delimiter(delimiter).flexible(true).has_headers(false);
    let mut columns: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    // The reader counts only `\n`, and takes a blank line for the start of the record below it.
    let (mut line, mut counted) = (1, 0);
    for record in reader.from_reader(text.as_bytes()).into_records() {
        let record = record.map_err(|error| (line, LabelProblem::Csv(error.to_string())))?;
        let start = record.position().map_or(counted, |position| position.byte() as usize);
        let blank = text[start..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        line += lines_in(&text[counted..start + blank]);
        counted = start + blank;
        let Some(columns) = &columns else {
            columns = Some(header(&record).map_err(|problem| (line, problem))?);
            continue;
        };
        // A line of blanks is no row.
        if record.len() == 1 && columns.len() > 1 && record[0].trim().is_empty() {
            continue;
        }
        if record.len() != columns.len() {
            return Err((line, LabelProblem::Fields { found: record.len(), expected: columns.len() }));
        }
        rows.push((line, Cells::Text(record)));
    }
    Ok((columns.unwrap_or_default(), rows))
}

fn header(record: &StringRecord) -> Result<Vec<String>, LabelProblem> {
    let columns: Vec<String> = record.iter().map(|name| name.trim().to_owned()).collect();
    let mut seen = HashSet::new();
    match columns.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
        Some(twice) => Err(LabelProblem::TwoColumns(twice.clone())),
        None => Ok(columns),
    }
}

/// The parser reads on past a quote that is too many, and swallows rows: such quotes are looked for here.
fn check_quotes(text: &str, delimiter: u8) -> Result<(), (u64, LabelProblem)> {
    let bytes = text.as_bytes();
    let (mut at, mut begin) = (0, 0);
    let line = |at: usize| lines_in(&text[..at]) + 1;
    let ends =
        |at: usize| bytes.get(at).is_none_or(|&byte| byte == delimiter || byte == b'\n' || byte == b'\r');
    let stray = |begin: usize, at: usize| {
        let end = (at..bytes.len()).find(|&at| matches!(bytes[at], b'\n' | b'\r')).unwrap_or(bytes.len());
        (line(at), LabelProblem::StrayQuote(short(&text[begin..end])))
    };
    while at < bytes.len() {
        if at == begin && bytes[at] == b'"' {
            at += 1;
            loop {
                match bytes[at..].iter().position(|&byte| byte == b'"') {
                    None => return Err((line(begin), LabelProblem::OpenQuote)),
                    Some(after) if bytes.get(at + after + 1) == Some(&b'"') => at += after + 2,
                    Some(after) => {
                        at += after + 1;
                        break;
                    }
                }
            }
            if !ends(at) {
                return Err(stray(begin, at));
            }
        } else if bytes[at] == b'"' {
            return Err(stray(begin, at));
        } else {
            if ends(at) {
                begin = at + 1;
            }
            at += 1;
        }
    }
    Ok(())
}

fn json_lines(text: &str) -> Result<Contents, (u64, LabelProblem)> {
    let (mut columns, mut seen, mut rows) = (Vec::new(), HashSet::new(), Vec::new());
    for (line, row) in (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty()) {
        let object: Map<String, Value> =
            serde_json::from_str(row).map_err(|error| (line, LabelProblem::Json(error.to_string())))?;
        for key in object.keys().filter(|key| !seen.contains(*key)).cloned().collect::<Vec<_>>() {
            seen.insert(key.clone());
            columns.push(key);
        }
        rows.push((line, Cells::Object(object)));
    }
    Ok((columns, rows))
}
