//! Rows of plain numbers, one behind the other, in a mapped file or in memory.

use std::path::{Path, PathBuf};

use super::numbers::Kind;
use crate::features::{FeaturesError, Source};
use crate::files::Mapped;

/// Where bytes are.
#[derive(Debug)]
pub(super) enum Place {
    Mapped(Mapped),
    Memory(Vec<u8>),
}

impl Place {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map.bytes(),
            Self::Memory(bytes) => bytes,
        }
    }
}

/// How numbers lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The byte of the first number.
    pub(super) start: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) kind: Kind,
    pub(super) big_endian: bool,
    /// Column after column, as Fortran has it, and not row after row.
    pub(super) by_column: bool,
}

/// Rows of numbers.
#[derive(Debug)]
pub(super) struct Raw {
    path: PathBuf,
    place: Place,
    layout: Layout,
}

impl Raw {
    /// Numbers that lie as `layout` says, and end where the bytes end or before.
    pub(super) fn new(path: PathBuf, place: Place, layout: Layout) -> Result<Self, String> {
        let Layout { start, rows, columns, kind, .. } = layout;
        if rows == 0 || columns == 0 {
            return Err(format!(
                "it is {rows} rows of {columns} numbers, and nothing can be learned from that"
            ));
        }
        let needed = rows.checked_mul(columns).and_then(|n| n.checked_mul(kind.size()));
        let there = place.bytes().len().saturating_sub(start);
        if needed.is_none_or(|needed| needed > there) {
            return Err(format!(
                "it is cut off: {rows} × {columns} numbers of {} bytes should follow, and {there} bytes do; make or copy it again",
                kind.size()
            ));
        }
        Ok(Self { path, place, layout })
    }

    fn numbers(&self) -> &[u8] {
        let Layout { start, rows, columns, kind, .. } = self.layout;
        &self.place.bytes()[start..start + rows * columns * kind.size()]
    }
}

impl Source for Raw {
    fn rows(&self) -> usize {
        self.layout.rows
    }

    fn columns(&self) -> usize {
        self.layout.columns
    }

    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        let Layout { rows, columns, kind, big_endian, by_column, .. } = self.layout;
        let (bytes, size) = (self.numbers(), kind.size());
        let count = to.len() / columns;
        let lost = if by_column {
            (0..columns).find_map(|column| {
                let at = (column * rows + first) * size;
                let column_of = to.iter_mut().skip(column).step_by(columns);
                let lost = kind.decode(big_endian, &bytes[at..at + count * size], column_of);
                lost.map(|(row, value)| (row, column, value))
            })
        } else {
            let at = first * columns * size;
            let lost = kind.decode(big_endian, &bytes[at..at + to.len() * size], to.iter_mut());
            lost.map(|(at, value)| (at / columns, at % columns, value))
        };
        match lost {
            None => Ok(()),
            Some((row, column, value)) => Err(FeaturesError::Format {
                path: self.path.clone(),
                problem: format!(
                    "row {}, column {column} is {value:e}, which is beyond float32; scale the features",
                    first + row
                ),
            }),
        }
    }

    fn in_place(&self) -> Option<&[f32]> {
        let Layout { kind, big_endian, by_column, .. } = self.layout;
        let plain = kind == Kind::F32 && !by_column && big_endian == cfg!(target_endian = "big");
        plain.then(|| bytemuck::try_cast_slice(self.numbers()).ok()).flatten()
    }

    fn ahead(&self, first: usize, count: usize) {
        let Layout { start, rows, columns, kind, by_column, .. } = self.layout;
        // Rows of a matrix that lies column after column are all over the file.
        if let (Place::Mapped(map), false) = (&self.place, by_column) {
            let at = |row: usize| start + kind.size() * columns * row.min(rows);
            map.ahead(at(first)..at(first.saturating_add(count)));
        }
    }
}
