//! What there is to say of features before anything is fitted to them.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{FeaturesError, Matrix};
use crate::backend::Backend;

/// What is worth telling of some rows of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Survey {
    /// Columns that are zero in all rows fitted to.
    pub zero_columns: usize,
    /// Rows fitted to that are the same, bit by bit, as one before them.
    pub duplicates: usize,
    /// Rows tested on that are the same as one fitted to.
    pub leaked: usize,
    /// The largest squared L2 norm of a row fitted to.
    pub max_squared_norm: f64,
    /// The number of largest size in a row fitted to, with its row and column; the first of them.
    pub largest: (f32, usize, usize),
    /// SHA-256 over those of all rows, in their order.
    pub digest: [u8; 32],
}

/// Looks at the rows `train` and `test` of `matrix`, some at a time. Rows are told apart by the first half of their SHA-256.
///
/// Memory: 16 bytes a row, and a few bits.
///
/// # Errors
/// The device was lost; rows cannot be read; one of their numbers is none.
pub fn survey<B: Backend>(
    backend: &B,
    matrix: &Matrix<B>,
    train: &[usize],
    test: &[usize],
) -> Result<Survey, FeaturesError> {
    let columns = matrix.columns();
    let flags = |rows: &[usize]| {
        let mut flags = vec![false; matrix.rows()];
        rows.iter().for_each(|&row| flags[row] = true);
        flags
    };
    let (trained, tested) = (flags(train), flags(test));
    let (mut of_train, mut of_test) = (Vec::with_capacity(train.len()), Vec::with_capacity(test.len()));
    let mut digest = Sha256::new();
    let mut used = vec![false; columns];
    let mut max_squared_norm = 0.0f64;
    let mut largest = (0.0f32, 0, 0);
    let mut hashes: Vec<[u8; 32]> = Vec::new();
    matrix.blocks(backend, |first, values| {
        // A matrix that is in host memory is one block.
        for (i, values) in values.chunks(PART * columns).enumerate() {
            let first = first + i * PART;
            let trained = &trained[first..];
            hashes.clear();
            hashes.par_extend(values.par_chunks_exact(columns).map(row_digest));
            digest.update(hashes.as_flattened());
            for (row, hash) in (first..).zip(&hashes) {
                if trained[row - first] {
                    of_train.push(half(hash));
                }
                if tested[row] {
                    of_test.push(half(hash));
                }
            }
            let rows = values.par_chunks_exact(columns).zip(trained).filter(|(_, trained)| **trained);
            let rows = rows.map(|(row, _)| row);
            let here = rows.clone().fold(
                || vec![false; columns],
                |mut used, row| {
                    used.iter_mut().zip(row).for_each(|(used, &value)| *used |= value != 0.0);
                    used
                },
            );
            let either = |mut a: Vec<bool>, b: Vec<bool>| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
                a
            };
            let here = here.reduce(|| vec![false; columns], either);
            used.iter_mut().zip(here).for_each(|(used, here)| *used |= here);
            let sizes = values.par_chunks_exact(columns).zip(trained).enumerate();
            let sizes = sizes.filter(|(_, (_, trained))| **trained).map(|(i, (row, _))| {
                (squared_norm(row), row.iter().fold(0.0f32, |most, value| most.max(value.abs())), i)
            });
            let (norm, size, row) = sizes.reduce(
                || (0.0, 0.0, usize::MAX),
                |a, b| {
                    let (_, size, row) = if a.1 > b.1 || a.1 == b.1 && a.2 < b.2 { a } else { b };
                    (a.0.max(b.0), size, row)
                },
            );
            max_squared_norm = max_squared_norm.max(norm);
            if size > largest.0.abs() {
                let row_values = &values[row * columns..(row + 1) * columns];
                let column = row_values.iter().position(|value| value.abs() == size).unwrap_or_default();
                largest = (row_values[column], first + row, column);
            }
        }
        Ok(())
    })?;
    of_train.par_sort_unstable();
    let duplicates = of_train.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let leaked = of_test.par_iter().filter(|hash| of_train.binary_search(hash).is_ok()).count();
    let zero_columns = used.iter().filter(|used| !**used).count();
    Ok(Survey {
        zero_columns,
        duplicates,
        leaked,
        max_squared_norm,
        largest,
        digest: digest.finalize().into(),
    })
}

/// Rows that are looked at together.
const PART: usize = 1 << 14;

/// The first half of a digest: enough to tell rows apart.
fn half(digest: &[u8; 32]) -> u128 {
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    u128::from_le_bytes(half)
}

fn row_digest(row: &[f32]) -> [u8; 32] {
    Sha256::digest(bytemuck::cast_slice(row)).into()
}

fn squared_norm(row: &[f32]) -> f64 {
    row.iter().map(|&v| f64::from(v) * f64::from(v)).sum()
}

impl Survey {
    /// Fails where rows are so large that what solvers make of them is beyond f32: above all their squares, and scores.
    ///
    /// # Errors
    /// They are; `name` says what a row is called.
    pub fn small_enough(&self, name: impl FnOnce(usize) -> String) -> Result<(), FeaturesError> {
        let (value, row, column) = self.largest;
        match self.max_squared_norm <= f64::from(f32::MAX) {
            true => Ok(()),
            false => Err(FeaturesError::TooLarge { row: name(row), column, value }),
        }
    }

    /// [`Survey::digest`] as hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A sentence each, of `columns` columns and so many rows fitted to and tested on, each of which is a `unit` ("picture"); none where there is
    /// nothing to tell.
    #[must_use]
    pub fn notes(&self, columns: usize, train: usize, test: usize, unit: &str) -> Vec<String> {
        let Self { zero_columns, duplicates, leaked, .. } = self;
        let mut notes = Vec::new();
        if *zero_columns > 0 {
            notes.push(format!(
                "{zero_columns} of {columns} features are 0 in every training {unit} and tell nothing"
            ));
        }
        if *duplicates > 0 {
            notes.push(format!(
                "{duplicates} of {train} training {unit}s have the very features of another one before them"
            ));
        }
        if *leaked > 0 {
            notes.push(format!(
                "{leaked} of {test} test {unit}s have the very features of a training {unit}; what they show is no test"
            ));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;

    #[test]
    fn zeros_duplicates_and_leaks_are_counted() {
        let cpu = Cpu::new();
        #[rustfmt::skip]
        let rows = [
            1.0, 0.0, 2.0, 0.0,
            1.0, 0.0, 2.0, 0.0,
            0.0, 0.0, 3.0, 0.0,
            1.0, 0.0, 2.0, 0.0,
            5.0, 5.0, 5.0, 5.0,
        ];
        let matrix = Matrix::upload(&cpu, &rows, 4).unwrap();
        let found = survey(&cpu, &matrix, &[0, 1, 2], &[3, 4]).unwrap();
        assert_eq!(
            found,
            Survey {
                zero_columns: 2,
                duplicates: 1,
                leaked: 1,
                max_squared_norm: 9.0,
                largest: (3.0, 2, 2),
                ..found
            }
        );
        let notes = found.notes(4, 3, 2, "picture").join("\n");
        for part in ["2 of 4 features", "1 of 3 training", "1 of 2 test"] {
            assert!(notes.contains(part), "{notes}");
        }
        let clean = survey(&cpu, &matrix, &[4], &[0]).unwrap();
        assert_eq!((clean.notes(4, 1, 1, "picture").len(), clean.digest), (0, found.digest));
        // One bit of one row; and the same rows in another order.
        let mut changed = rows;
        changed[19] = f32::from_bits(rows[19].to_bits() + 1);
        let mut turned = rows;
        turned.rotate_left(4);
        for other in [changed, turned] {
            let matrix = Matrix::upload(&cpu, &other, 4).unwrap();
            assert_ne!(survey(&cpu, &matrix, &[4], &[0]).unwrap().digest, found.digest);
        }
    }

    #[test]
    fn the_largest_number_is_named_by_row_and_column() {
        let mut rows = vec![0.5; 15];
        (rows[4], rows[8], rows[13]) = (-7.0, 7.0, 1e38);
        let matrix = Matrix::upload(&Cpu::new(), &rows, 3).unwrap();
        let found = survey(&Cpu::new(), &matrix, &[0, 1, 2, 3], &[4]).unwrap();
        assert_eq!(found.largest, (-7.0, 1, 1));
        found.small_enough(|_| String::new()).unwrap();
        let found = survey(&Cpu::new(), &matrix, &[0, 4], &[1]).unwrap();
        assert_eq!(found.largest, (1e38, 4, 1));
        let error = found.small_enough(|row| format!("row {row}")).unwrap_err().to_string();
        assert!(error.contains("row 4, column 1 is 1e38") && error.contains("--standardize"), "{error}");
    }

    #[test]
    fn numbers_that_are_none_are_named_by_row_and_column() {
        for (value, said) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            let mut rows = vec![0.5; 12];
            rows[7] = value;
            let error = Matrix::upload(&Cpu::new(), &rows, 3).unwrap_err().to_string();
            assert!(error.contains(&format!("row 2, column 1 is {said}")), "{error}");
        }
    }
}
