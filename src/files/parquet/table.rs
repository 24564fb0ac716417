//! The other columns of a Parquet file: labels, names, parts.

use std::path::Path;

use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};

use super::{Reader, damaged, guarded, name};
use crate::files::Mapped;

/// Rows that are taken out at a time.
const STEP: usize = 1 << 14;

/// A column as text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Whether rows are lists of any length. Of other columns each has at most one text.
    pub(crate) list: bool,
    /// Of each row.
    pub(crate) cells: Vec<Vec<String>>,
}

/// Bytes that a page of text may take unpacked.
const ROOM: u64 = 256 << 20;

/// The columns of the file `path` that hold text, integers, truth values, or lists of them, and of floats only those in `floats`. Columns of which
/// nothing is known are left out.
///
/// # Errors
/// The file cannot be read as Parquet, or has not `rows` rows: whatever it claims to have more would be unpacked, and a few bytes can claim
/// billions. For the same reason its texts are not much more than so large a file of so many rows can hold.
pub(crate) fn table(path: &Path, floats: &[String], rows: usize) -> Result<Vec<Column>, String> {
    let wrong = |problem: String| format!("{}: {problem}", path.display());
    let map = Mapped::open(path).map_err(|error| error.to_string())?;
    let file = map.bytes().len();
    let reader = Reader::open(map, ROOM, "").map_err(wrong)?;
    let claimed =
        reader.metadata().row_groups().iter().try_fold(0i64, |sum, group| sum.checked_add(group.num_rows()));
    if claimed.and_then(|claimed| usize::try_from(claimed).ok()) != Some(rows) {
        let claimed = claimed.map_or("more rows than can be counted".into(), |rows| format!("{rows} rows"));
        return Err(wrong(format!(
            "it has {claimed}, and there are features of {rows}; a row of one is to be a row of the other"
        )));
    }
    let schema = reader.metadata().file_metadata().schema_descr();
    let mut columns = Vec::new();
    for leaf in 0..schema.num_columns() {
        let column = schema.column(leaf);
        let text = match column.physical_type() {
            Type::BYTE_ARRAY | Type::INT32 | Type::INT64 | Type::BOOLEAN => true,
            Type::FLOAT | Type::DOUBLE => floats.iter().any(|float| float == name(&column)),
            _ => false,
        };
        let (list, depth) = (column.max_rep_level() == 1, column.path().parts().len());
        if !text || column.max_rep_level() > 1 || (!list && depth > 1) {
            continue;
        }
        let left = Left::of(file, rows);
        let cells = guarded(|| cells(&reader, leaf, left)).map_err(wrong)?;
        // Bytes that are no text: pictures, perhaps.
        if let Some(cells) = cells {
            columns.push(Column { name: name(&column).to_owned(), list, cells });
        }
    }
    Ok(columns)
}

/// What a column may still have. A text that is there once can stand in any number of rows and lists.
struct Left {
    /// Of the row group.
    rows: usize,
    texts: usize,
    bytes: usize,
}

impl Left {
    /// For a file of so many bytes and rows: several texts a row, or a text for a few bits; short texts in every row, or such as are packed well.
    fn of(file: usize, rows: usize) -> Self {
        let texts = rows.saturating_mul(16).saturating_add(file.saturating_mul(8));
        let bytes = rows.saturating_mul(256).saturating_add(file.saturating_mul(64));
        Self { rows: 0, texts, bytes }
    }

    /// Values that are there, and rows that have none.
    fn values(&self) -> u64 {
        self.texts.saturating_add(self.rows) as u64
    }

    fn row(&mut self) -> Result<(), String> {
        let left = self.rows.checked_sub(1);
        self.rows = left.ok_or_else(|| damaged(&"a column has more rows than it says"))?;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        let left = self.texts.checked_sub(1).zip(self.bytes.checked_sub(text.len()));
        (self.texts, self.bytes) = left.ok_or_else(|| {
            "a column of it has far more text than so large a file with so many rows has; save it as CSV"
                .to_owned()
        })?;
        Ok(())
    }
}

/// The cells of a column; none where it is no text.
fn cells(reader: &Reader, leaf: usize, mut left: Left) -> Result<Option<Vec<Vec<String>>>, String> {
    let mut all = Vec::new();
    for (group, metadata) in reader.metadata().row_groups().iter().enumerate() {
        let whole = metadata.column(leaf).column_descr().max_def_level();
        left.rows = usize::try_from(metadata.num_rows()).unwrap_or(0);
        let text = match reader.column(group, leaf, left.values())? {
            ColumnReader::BoolColumnReader(column) => read(column, whole, (&mut all, &mut left), |yes| {
                Some(if *yes { "True" } else { "False" }.to_owned())
            }),
            ColumnReader::Int32ColumnReader(column) => {
                read(column, whole, (&mut all, &mut left), |n| Some(n.to_string()))
            }
            ColumnReader::Int64ColumnReader(column) => {
                read(column, whole, (&mut all, &mut left), |n| Some(n.to_string()))
            }
            ColumnReader::FloatColumnReader(column) => {
                read(column, whole, (&mut all, &mut left), |n| Some(n.to_string()))
            }
            ColumnReader::DoubleColumnReader(column) => {
                read(column, whole, (&mut all, &mut left), |n| Some(n.to_string()))
            }
            ColumnReader::ByteArrayColumnReader(column) => {
                read(column, whole, (&mut all, &mut left), |bytes: &ByteArray| {
                    std::str::from_utf8(bytes.data()).ok().map(str::to_owned)
                })
            }
            _ => Ok(false),
        }?;
        if !text {
            return Ok(None);
        }
        if left.rows > 0 {
            return Err(damaged(&"a column has not as many rows as it says"));
        }
    }
    Ok(Some(all))
}

/// Adds the rows of `column`, as `text` has them, to `all`, as long as they are `left`. False where one of them is no text.
fn read<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    whole: i16,
    (all, left): (&mut Vec<Vec<String>>, &mut Left),
    text: impl Fn(&T::T) -> Option<String>,
) -> Result<bool, String> {
    let (mut defined, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        defined.clear();
        repeated.clear();
        values.clear();
        let (records, count, levels) = column
            .read_records(STEP, Some(&mut defined), Some(&mut repeated), &mut values)
            .map_err(|e| damaged(&e))?;
        if records == 0 && levels == 0 {
            return Ok(true);
        }
        let mut values = values.iter();
        for at in 0..count.max(levels) {
            if repeated.get(at).is_none_or(|&level| level == 0) {
                left.row()?;
                all.push(Vec::new());
            }
            if defined.get(at).is_none_or(|&level| level == whole) {
                let value = values.next().ok_or_else(|| damaged(&"a value is missing"))?;
                let Some(text) = text(value) else { return Ok(false) };
                left.text(&text)?;
                all.last_mut().ok_or_else(|| damaged(&"a list begins nowhere"))?.push(text);
            }
        }
    }
}
