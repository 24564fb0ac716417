//! NumPy's own file format: a header, and numbers as they lie in memory.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use npyz::{DType, NpyHeader, Order};

use super::brought::npy::Header;
use super::mapped::Mapped;
use super::{FeaturesError, Source};

/// Rows of f32, little-endian and in C order, in a mapped `.npy` file: numbers that need no work to be read.
#[derive(Debug)]
pub struct Npy {
    map: Mapped,
    start: usize,
    rows: usize,
    columns: usize,
}

impl Npy {
    /// Opens `path`.
    ///
    /// # Errors
    /// The file cannot be read, is no `.npy`, holds other numbers or another shape, or is cut off.
    pub fn open(path: &Path) -> Result<Self, FeaturesError> {
        let wrong = |problem: String| FeaturesError::Format { path: PathBuf::from(path), problem };
        let map = Mapped::open(path)?;
        let bytes = map.bytes();
        Header::read(bytes).map_err(wrong)?;
        let mut cursor = Cursor::new(bytes);
        let header = NpyHeader::from_reader(&mut cursor).map_err(|e| wrong(format!("no .npy file ({e})")))?;
        let start = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
        let plain = matches!(&header.dtype(), DType::Plain(kind) if kind.to_string() == "<f4");
        if !plain || header.order() != Order::C {
            return Err(wrong(format!(
                "it holds {:?}, and float32 in C order is wanted",
                header.dtype().descr()
            )));
        }
        let &[rows, columns] = header.shape() else {
            return Err(wrong(format!("its shape is {:?}, and rows × columns are wanted", header.shape())));
        };
        let length = rows.checked_mul(columns).and_then(|n| n.checked_mul(4));
        if length != Some((bytes.len() - start) as u64) || columns == 0 {
            return Err(wrong(format!(
                "it should hold {rows} × {columns} numbers, and has {} bytes for them; make it again",
                bytes.len() - start
            )));
        }
        if !start.is_multiple_of(4) {
            return Err(wrong(format!("its numbers begin at byte {start}, which is no multiple of 4")));
        }
        Ok(Self { start, rows: rows as usize, columns: columns as usize, map })
    }

    fn values(&self) -> &[f32] {
        bytemuck::cast_slice(&self.map.bytes()[self.start..])
    }
}

impl Source for Npy {
    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        let at = first * self.columns;
        to.copy_from_slice(&self.values()[at..at + to.len()]);
        Ok(())
    }

    fn in_place(&self) -> Option<&[f32]> {
        Some(self.values())
    }

    fn ahead(&self, first: usize, count: usize) {
        let at = |row: usize| self.start + 4 * self.columns * row.min(self.rows);
        self.map.ahead(at(first)..at(first.saturating_add(count)));
    }
}
