//! NumPy's own file format: a header, and numbers as they lie in memory.

use std::path::{Path, PathBuf};

use super::{FeaturesError, Source};
use crate::files::{Mapped, NpyHeader};

/// Rows of f32, little-endian and in C order, in a mapped `.npy` file: numbers that need no work to be read.
#[derive(Debug)]
pub struct Npy {
    path: PathBuf,
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
        let header = NpyHeader::read(bytes).map_err(wrong)?;
        let NpyHeader { start, dtype, by_column, shape } = header;
        if dtype != "<f4" || by_column {
            let order = if by_column { "Fortran" } else { "C" };
            return Err(wrong(format!(
                "it holds {dtype} in {order} order, and float32 in C order is wanted"
            )));
        }
        let &[rows, columns] = shape.as_slice() else {
            return Err(wrong(format!("its shape is {shape:?}, and rows × columns are wanted")));
        };
        let length = rows.checked_mul(columns).and_then(|n| n.checked_mul(4));
        if length != Some((bytes.len() - start) as u64) || columns == 0 {
            return Err(wrong(format!(
                "it should hold {rows} × {columns} numbers, and has {} bytes for them",
                bytes.len() - start
            )));
        }
        if !start.is_multiple_of(4) {
            return Err(wrong(format!("its numbers begin at byte {start}, which is no multiple of 4")));
        }
        let (path, rows, columns) = (path.into(), rows as usize, columns as usize);
        Ok(Self { path, map, start, rows, columns })
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

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
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
