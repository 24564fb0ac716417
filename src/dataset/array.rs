//! Labels in a `.npy` array: a number, a truth value or a text a row, or a column of 0 and 1 for each of several labels.

use std::path::{Path, PathBuf};

use super::entries::{Entries, Entry};
use super::manifest::text::MAX_BYTES;
use super::{DatasetError, LabelProblem};
use crate::files::{NpyHeader, read_file};

/// The labels of each row of the array in the file `path`, and whether a row may have any number of them.
pub(super) fn read(path: &Path) -> Result<(Entries, bool), DatasetError> {
    let bytes = read_file(path, MAX_BYTES).map_err(DatasetError::LabelFileUnreadable)?;
    let wrong = |problem: String| DatasetError::Array { file: PathBuf::from(path), problem };
    if bytes.starts_with(b"PK\x03\x04") {
        let problem = "it is an .npz or another archive, and labels are read from an .npy array or a table: np.save(\"Y.npy\", y)";
        return Err(wrong(problem.into()));
    }
    let header = NpyHeader::read(&bytes).map_err(wrong)?;
    let cells = Cells::of(&header, &bytes).map_err(wrong)?;
    let mut entries = Entries::default();
    entries.files.push((path.to_owned(), String::new()));
    let several = cells.columns > 1;
    if several {
        for column in 0..cells.columns {
            entries.label(&column.to_string()).map_err(|problem| DatasetError::in_file(path, 0, problem))?;
        }
    }
    for row in 0..cells.rows {
        let mut labels = Vec::with_capacity(1);
        for column in 0..cells.columns {
            let cell = cells.text(row, column).map_err(wrong)?;
            match (several, cell.as_str()) {
                (false, "") => {}
                (false, text) => labels.push(
                    entries
                        .label(text)
                        .map_err(|problem| match problem {
                            LabelProblem::EmptyLabel(_) => LabelProblem::NoLabel(format!("row {row}")),
                            other => other,
                        })
                        .map_err(|problem| DatasetError::in_file(path, 0, problem))?,
                ),
                (true, "1" | "True") => labels.push(column as u32),
                (true, "0" | "False") => {}
                (true, other) => {
                    return Err(wrong(format!(
                        "row {row}, column {column} is {other:?}, where each of {} columns is a label and holds 0 or 1; a single label a \
                         row is an array of one dimension",
                        cells.columns
                    )));
                }
            }
        }
        entries.rows.push(Entry { name: format!("row {row}"), labels, part: None, file: 0, line: 0 });
    }
    Ok((entries, several))
}

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    /// UTF-32, as NumPy keeps text.
    Unicode,
    Bytes,
}

struct Cells<'a> {
    bytes: &'a [u8],
    kind: Kind,
    /// Bytes of a cell.
    size: usize,
    big_endian: bool,
    by_column: bool,
    rows: usize,
    columns: usize,
}

impl<'a> Cells<'a> {
    fn of(header: &NpyHeader, bytes: &'a [u8]) -> Result<Self, String> {
        let refused = || {
            format!(
                "it holds {}, and labels are integers, truth values or text; save y.astype(np.int64) or y.astype(str)",
                header.dtype
            )
        };
        let mut characters = header.dtype.chars();
        let (Some(order), Some(kind), Ok(size)) =
            (characters.next(), characters.next(), characters.as_str().parse::<usize>())
        else {
            return Err(refused());
        };
        let (kind, size) = match (kind, size) {
            ('b', 1) => (Kind::Bool, 1),
            ('i', 1 | 2 | 4 | 8) => (Kind::Signed, size),
            ('u', 1 | 2 | 4 | 8) => (Kind::Unsigned, size),
            ('f', 2 | 4 | 8) => (Kind::Float, size),
            ('U', _) => (Kind::Unicode, size.checked_mul(4).ok_or_else(refused)?),
            ('S', _) => (Kind::Bytes, size),
            _ => return Err(refused()),
        };
        let (rows, columns) = match *header.shape.as_slice() {
            [rows] => (rows, 1),
            [rows, columns] => (rows, columns),
            _ => {
                return Err(format!(
                    "its shape is {:?}, and a label a row, or rows × labels of 0 and 1, are wanted",
                    header.shape
                ));
            }
        };
        let [rows, columns] = [rows, columns].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let there = &bytes[header.start..];
        let needed = rows.checked_mul(columns).and_then(|n| n.checked_mul(size));
        if rows == 0 || columns == 0 || size == 0 {
            return Err(format!(
                "its shape is {:?} of {} bytes each: there are no labels in it",
                header.shape, size
            ));
        }
        if needed != Some(there.len()) {
            return Err(format!(
                "its header says {rows} × {columns} labels of {size} bytes, and {} bytes follow it; make or copy it again",
                there.len()
            ));
        }
        Ok(Self {
            bytes: there,
            kind,
            size,
            big_endian: order == '>',
            by_column: header.by_column,
            rows,
            columns,
        })
    }

    /// A cell as text: numbers as they are written, no text for nothing.
    fn text(&self, row: usize, column: usize) -> Result<String, String> {
        let Self { kind, size, rows, columns, .. } = *self;
        let at = size * if self.by_column { column * rows + row } else { row * columns + column };
        let cell = &self.bytes[at..at + size];
        let mut number = [0u8; 8];
        if size <= 8 {
            number[..size].copy_from_slice(cell);
            if self.big_endian {
                number[..size].reverse();
            }
        }
        let low = u64::from_le_bytes(number);
        Ok(match kind {
            Kind::Bool => if low == 0 { "False" } else { "True" }.to_owned(),
            Kind::Unsigned => low.to_string(),
            Kind::Signed => {
                let unused = 64 - 8 * size as u32;
                ((low << unused) as i64 >> unused).to_string()
            }
            Kind::Float => {
                let value = match size {
                    2 => half::f16::from_bits(low as u16).to_f64(),
                    4 => f64::from(f32::from_bits(low as u32)),
                    _ => f64::from_bits(low),
                };
                // A label that was made a float on the way; beyond 2^53 integers are no longer told apart.
                if value.fract() != 0.0 || value.abs() > 9e15 {
                    return Err(format!(
                        "row {row}, column {column} is {value}, and labels are integers, truth values or text; save y.astype(np.int64)"
                    ));
                }
                format!("{value:.0}").replace("-0", "0")
            }
            Kind::Unicode => {
                let point = |b: &[u8; 4]| match self.big_endian {
                    true => u32::from_be_bytes(*b),
                    false => u32::from_le_bytes(*b),
                };
                let text: Option<String> =
                    cell.as_chunks::<4>().0.iter().map(|b| char::from_u32(point(b))).collect();
                let text = text.ok_or_else(|| format!("row {row} is no text; save it again"))?;
                text.trim_end_matches('\0').to_owned()
            }
            Kind::Bytes => {
                let text = std::str::from_utf8(cell)
                    .map_err(|_| format!("row {row} holds bytes that are not UTF-8; save y.astype(str)"))?;
                text.trim_end_matches('\0').to_owned()
            }
        })
    }
}
