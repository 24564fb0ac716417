//! A column of numbers in a row group.

use parquet::basic::{LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, FixedLenByteArray};
use parquet::schema::types::ColumnDescriptor;

use crate::files::parquet::{Reader, damaged, name};

/// Numbers that are taken out at a time.
const STEP: usize = 1 << 18;

/// Whether a column holds floats.
pub(super) fn is_float(column: &ColumnDescriptor) -> bool {
    match column.physical_type() {
        Type::FLOAT | Type::DOUBLE => true,
        Type::FIXED_LEN_BYTE_ARRAY => column.logical_type_ref() == Some(&LogicalType::Float16),
        _ => false,
    }
}

/// A number of a column as f32, or none where it is beyond that.
trait Number: Sized {
    fn narrow(&self) -> Result<f32, f64>;
}

impl Number for f32 {
    fn narrow(&self) -> Result<f32, f64> {
        Ok(*self)
    }
}

impl Number for f64 {
    fn narrow(&self) -> Result<f32, f64> {
        let value = *self as f32;
        if value.is_infinite() && self.is_finite() { Err(*self) } else { Ok(value) }
    }
}

impl Number for FixedLenByteArray {
    fn narrow(&self) -> Result<f32, f64> {
        match self.data() {
            &[a, b] => Ok(half::f16::from_le_bytes([a, b]).to_f32()),
            _ => Ok(f32::NAN),
        }
    }
}

/// How many numbers the first list of a column has.
pub(super) fn list_length(reader: &Reader, group: usize, leaf: usize) -> Result<usize, String> {
    fn first<T: DataType>(mut column: ColumnReaderImpl<T>) -> Result<usize, String> {
        let (mut defined, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (_, count, _) = column
            .read_records(1, Some(&mut defined), Some(&mut repeated), &mut values)
            .map_err(|e| damaged(&e))?;
        match count {
            0 => Err("row 0 has no numbers; leave out rows without, or give them some".into()),
            count => Ok(count),
        }
    }
    match reader.column(group, leaf, reader.numbers())? {
        ColumnReader::FloatColumnReader(column) => first(column),
        ColumnReader::DoubleColumnReader(column) => first(column),
        ColumnReader::FixedLenByteArrayColumnReader(column) => first(column),
        _ => Err("it holds no floats".into()),
    }
}

/// The numbers of column `leaf` in a row group whose `(first, rows)` are given, `each` a row, in the memory of `all`.
pub(super) fn numbers(
    reader: &Reader,
    group: usize,
    leaf: usize,
    rows: (usize, usize),
    (each, all): (usize, Vec<f32>),
) -> Result<Vec<f32>, String> {
    let column = reader.metadata().row_group(group).column(leaf).column_descr_ptr();
    let wanted = Wanted { name: name(&column), defined: column.max_def_level(), rows, each };
    match reader.column(group, leaf, reader.numbers())? {
        ColumnReader::FloatColumnReader(column) => wanted.of(column, all),
        ColumnReader::DoubleColumnReader(column) => wanted.of(column, all),
        ColumnReader::FixedLenByteArrayColumnReader(column) => wanted.of(column, all),
        _ => Err("it holds no floats".into()),
    }
}

/// What a column is to have.
struct Wanted<'a> {
    name: &'a str,
    /// The definition level of a number that is there.
    defined: i16,
    /// The first row, and how many there are.
    rows: (usize, usize),
    /// Numbers a row.
    each: usize,
}

impl Wanted<'_> {
    fn of<T: DataType<T: Number>>(
        &self,
        mut column: ColumnReaderImpl<T>,
        mut all: Vec<f32>,
    ) -> Result<Vec<f32>, String> {
        let Self { name, each, .. } = *self;
        let (first, rows) = self.rows;
        let step = (STEP / each).max(1);
        let (mut defined, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            defined.clear();
            repeated.clear();
            values.clear();
            let (records, count, levels) = column
                .read_records(step, Some(&mut defined), Some(&mut repeated), &mut values)
                .map_err(|e| damaged(&e))?;
            if records == 0 && levels == 0 {
                break;
            }
            if all.is_empty() {
                // Once there is something at all, room for what there is to be: to grow would take as much again. There may be so much, see `unpack`.
                all.try_reserve_exact(rows.saturating_mul(each)).map_err(|_| {
                    format!("there is no memory for {rows} rows of `{name}`; write smaller row groups")
                })?;
            }
            let row = first + all.len() / each;
            self.whole(row, &defined, &repeated, count.max(levels))?;
            for (at, value) in values.iter().enumerate() {
                let value = value.narrow().map_err(|wide| {
                    let row = row + at / each;
                    format!("row {row} of `{name}` has {wide:e}, which is beyond float32; scale the features")
                })?;
                all.push(value);
            }
            if all.len() > rows.saturating_mul(each) {
                return Err(damaged(&"a column has more rows than it says"));
            }
        }
        if all.len() != rows * each {
            return Err(damaged(&format!("`{name}` has {} of {rows} rows", all.len() / each)));
        }
        Ok(all)
    }

    /// Fails unless every row from `row` on has its numbers, by the levels of so many places.
    fn whole(&self, row: usize, defined: &[i16], repeated: &[i16], places: usize) -> Result<(), String> {
        let Self { name, each, .. } = *self;
        let row_of = |at: usize| match repeated.get(..=at) {
            Some(repeated) => row + repeated.iter().filter(|&&level| level == 0).count() - 1,
            None => row + at,
        };
        if let Some(at) = defined.iter().position(|&level| level < self.defined) {
            return Err(format!(
                "row {} of `{name}` lacks a number; leave the row out, or put numbers in",
                row_of(at)
            ));
        }
        if repeated.is_empty() {
            return Ok(());
        }
        let starts = |at: usize| repeated.get(at).is_none_or(|&level| level == 0);
        for at in (0..places).step_by(each) {
            let end = (at + 1..places).find(|&at| starts(at)).unwrap_or(places);
            if !starts(at) || end - at != each {
                return Err(format!(
                    "row {} of `{name}` has {} numbers, where those before have {each}; all rows must have as many",
                    row_of(at),
                    end - at
                ));
            }
        }
        Ok(())
    }
}
