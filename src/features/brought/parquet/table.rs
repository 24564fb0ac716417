//! The other columns of a Parquet file: labels, names, parts.

use std::path::{Path, PathBuf};

use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};

use super::{Reader, damaged, guarded, name, reader};
use crate::features::FeaturesError;
use crate::features::mapped::Mapped;

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

/// The columns of the file `path` that hold text, integers, truth values, or lists of them, and of floats only those in `floats`. Columns of which
/// nothing is known are left out.
///
/// # Errors
/// The file cannot be read as Parquet.
pub(crate) fn table(path: &Path, floats: &[String]) -> Result<Vec<Column>, FeaturesError> {
    let wrong = |problem: String| FeaturesError::Format { path: PathBuf::from(path), problem };
    let reader = reader(Mapped::open(path)?).map_err(wrong)?;
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
        let cells = guarded(|| cells(&reader, leaf)).map_err(wrong)?;
        // Bytes that are no text: pictures, perhaps.
        if let Some(cells) = cells {
            columns.push(Column { name: name(&column).to_owned(), list, cells });
        }
    }
    Ok(columns)
}

/// The cells of a column; none where it is no text.
fn cells(reader: &Reader, leaf: usize) -> Result<Option<Vec<Vec<String>>>, String> {
    let mut all = Vec::new();
    for (group, metadata) in reader.metadata().row_groups().iter().enumerate() {
        let whole = metadata.column(leaf).column_descr().max_def_level();
        let before = all.len();
        let text = match reader.column(group, leaf)? {
            ColumnReader::BoolColumnReader(column) => {
                read(column, whole, &mut all, |yes| Some(if *yes { "True" } else { "False" }.to_owned()))
            }
            ColumnReader::Int32ColumnReader(column) => read(column, whole, &mut all, |n| Some(n.to_string())),
            ColumnReader::Int64ColumnReader(column) => read(column, whole, &mut all, |n| Some(n.to_string())),
            ColumnReader::FloatColumnReader(column) => read(column, whole, &mut all, |n| Some(n.to_string())),
            ColumnReader::DoubleColumnReader(column) => {
                read(column, whole, &mut all, |n| Some(n.to_string()))
            }
            ColumnReader::ByteArrayColumnReader(column) => {
                read(column, whole, &mut all, |bytes: &ByteArray| {
                    std::str::from_utf8(bytes.data()).ok().map(str::to_owned)
                })
            }
            _ => Ok(false),
        }?;
        if !text {
            return Ok(None);
        }
        if (all.len() - before) as i64 != metadata.num_rows() {
            return Err(damaged(&"a column has not as many rows as it says"));
        }
    }
    Ok(Some(all))
}

/// Adds the rows of `column`, as `text` has them, to `all`. False where one of them is no text.
fn read<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    whole: i16,
    all: &mut Vec<Vec<String>>,
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
                all.push(Vec::new());
            }
            if defined.get(at).is_none_or(|&level| level == whole) {
                let value = values.next().ok_or_else(|| damaged(&"a value is missing"))?;
                let Some(text) = text(value) else { return Ok(false) };
                all.last_mut().ok_or_else(|| damaged(&"a list begins nowhere"))?.push(text);
            }
        }
    }
}
