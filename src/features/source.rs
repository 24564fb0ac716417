//! Feature rows that are on the host: in memory, in a store, in a file that was brought from elsewhere.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use super::FeaturesError;

/// Rows of features on the host. Reading changes nothing: the same rows are the same numbers every time.
pub trait Source: Debug + Send + Sync {
    /// N.
    fn rows(&self) -> usize;

    /// D.
    fn columns(&self) -> usize;

    /// The rows from `first` on into `to`, which holds a whole number of them.
    ///
    /// # Errors
    /// They cannot be read.
    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError>;

    /// Each of `rows`, in their order, into `to`.
    ///
    /// # Errors
    /// One of them cannot be read.
    fn gather(&self, rows: &[usize], to: &mut [f32]) -> Result<(), FeaturesError> {
        let columns = self.columns();
        // Runs of neighbouring rows are read as one.
        let mut at = 0;
        while at < rows.len() {
            let first = rows[at];
            let run = rows[at..].iter().enumerate().take_while(|&(i, &row)| row == first + i).count();
            self.read(first, &mut to[at * columns..(at + run) * columns])?;
            at += run;
        }
        Ok(())
    }

    /// All rows as they lie in memory, row after row, where they do so without taking memory for it, as those of a mapped file:
    /// a device that computes in the memory of the host then needs no copy.
    fn in_place(&self) -> Option<&[f32]> {
        None
    }

    /// The `count` rows from `first` on (fewer, where there are fewer) are about to be wanted: a file may bring them from the disk
    /// meanwhile.
    fn ahead(&self, _first: usize, _count: usize) {}

    /// The file that rows are read from, for messages, where it is one.
    fn file(&self) -> Option<&Path> {
        None
    }

    /// Whether rows are unpacked in large blocks, so that a few of them here and there cost about as much as all.
    fn in_blocks(&self) -> bool {
        false
    }

    /// Bytes of the largest of these blocks: what reading takes beside the rows that are read.
    fn beside(&self) -> u64 {
        0
    }

    /// What the columns are called, where each is one of a table.
    fn names(&self) -> Option<&[String]> {
        None
    }

    /// The same rows with the columns of these names, in that order; none where columns are not known by names.
    ///
    /// # Errors
    /// There is no such column.
    fn named(&self, _names: &[String]) -> Result<Option<Arc<dyn Source>>, FeaturesError> {
        Ok(None)
    }
}

/// Rows in the memory of the host.
#[derive(Debug, Clone, PartialEq)]
pub struct InMemory {
    values: Vec<f32>,
    columns: usize,
}

impl InMemory {
    /// `values` as rows of `columns` numbers.
    ///
    /// # Panics
    /// The last row is not whole.
    #[must_use]
    pub fn new(values: Vec<f32>, columns: usize) -> Self {
        assert!(columns > 0 && values.len().is_multiple_of(columns), "whole rows of {columns} numbers");
        Self { values, columns }
    }
}

impl Source for InMemory {
    fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        let at = first * self.columns;
        to.copy_from_slice(&self.values[at..at + to.len()]);
        Ok(())
    }

    fn in_place(&self) -> Option<&[f32]> {
        Some(&self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_gathered_in_the_order_asked_for() {
        let source = InMemory::new((0..30).map(|v| v as f32).collect(), 3);
        let rows = [4, 5, 6, 2, 9, 8, 8, 0];
        let mut found = vec![-1.0; 24];
        source.gather(&rows, &mut found).unwrap();
        let expected: Vec<f32> = rows.iter().flat_map(|&r| (0..3).map(move |c| (3 * r + c) as f32)).collect();
        assert_eq!(found, expected);
    }
}
