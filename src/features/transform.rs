//! What is done to feature rows before they are scored: divided by their norm, brought to mean 0 and deviation 1.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::reader::check_finite;
use super::{FeaturesError, Source};

/// Numbers that are read at a time.
const BLOCK: usize = 2 << 20;

/// What is to be done to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct TransformOptions {
    /// Each row is divided by its L2 norm, first; rows of zeros stay.
    pub l2_normalize: bool,
    /// Each column has its mean taken off and is divided by its standard deviation, both those of the training rows.
    pub standardize: bool,
}

impl TransformOptions {
    /// Whether there is anything to do.
    #[must_use]
    pub fn any(self) -> bool {
        self.l2_normalize || self.standardize
    }
}

impl std::fmt::Display for TransformOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.l2_normalize, self.standardize) {
            (false, false) => "as they are",
            (true, false) => "each row divided by its norm (--l2-normalize)",
            (false, true) => "each column standardized (--standardize)",
            (true, true) => {
                "each row divided by its norm, then each column standardized (--l2-normalize --standardize)"
            }
        })
    }
}

/// What is done to rows, with what was learned for it. First the norm, then mean and scale.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Transform {
    /// Whether each row is divided by its L2 norm.
    pub l2: bool,
    /// What each column has taken off and is divided by.
    pub standard: Option<Standard>,
}

/// Mean and scale of columns.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Standard {
    /// D: what is taken off.
    pub mean: Vec<f32>,
    /// D: what the rest is divided by, greater than 0.
    pub scale: Vec<f32>,
}

impl Transform {
    /// Learns from `rows` of `source`, which ascend, what `options` ask for; `None` where that is nothing. Mean and standard deviation (over
    /// N, not N − 1) are added up in f64, row after row; a column that does not vary gets scale 1, as with scikit-learn's `StandardScaler`.
    ///
    /// # Errors
    /// The rows cannot be read; a number that is infinite or none.
    pub fn learn(
        source: &dyn Source,
        rows: &[usize],
        options: TransformOptions,
    ) -> Result<Option<Self>, FeaturesError> {
        let l2 = options.l2_normalize;
        if !options.any() {
            return Ok(None);
        }
        if !options.standardize {
            return Ok(Some(Self { l2, standard: None }));
        }
        let n = rows.len() as f64;
        let columns = source.columns();
        let mut mean = vec![0.0f64; columns];
        each_block(source, rows, l2, |block| add(&mut mean, block, |_, value| value))?;
        mean.iter_mut().for_each(|sum| *sum /= n);
        let mut variance = vec![0.0f64; columns];
        each_block(source, rows, l2, |block| {
            add(&mut variance, block, |column, value| (value - mean[column]) * (value - mean[column]));
        })?;
        let scale = variance.iter().zip(&mean).map(|(sum, mean)| {
            let variance = sum / n;
            // What rounding alone makes of a column that does not vary, after scikit-learn's `_is_constant_feature`.
            let rounding = n * f64::EPSILON * variance + (n * mean * f64::EPSILON).powi(2);
            let scale = variance.sqrt() as f32;
            if variance <= rounding || scale == 0.0 { 1.0 } else { scale }
        });
        let scale = scale.collect();
        let mean = mean.iter().map(|&mean| mean as f32).collect();
        Ok(Some(Self { l2, standard: Some(Standard { mean, scale }) }))
    }

    /// `source`, transformed as it is read.
    #[must_use]
    pub fn of(self, source: Arc<dyn Source>) -> Arc<dyn Source> {
        Arc::new(Transformed { source, transform: self })
    }

    /// What was asked for.
    #[must_use]
    pub fn options(&self) -> TransformOptions {
        TransformOptions { l2_normalize: self.l2, standardize: self.standard.is_some() }
    }

    /// Fails unless it is one for rows of `columns` numbers.
    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        let Some(Standard { mean, scale }) = &self.standard else { return Ok(()) };
        if mean.len() != columns || scale.len() != columns {
            return Err(format!(
                "it has {} means and {} scales for {columns} features",
                mean.len(),
                scale.len()
            ));
        }
        match scale.iter().position(|scale| !(scale.is_finite() && *scale > 0.0)) {
            Some(at) => Err(format!("element {at} of scale is {}, and must be above 0", scale[at])),
            None => Ok(()),
        }
    }

    /// Transforms `rows` of `columns` numbers, in place. Each number is computed in f64 and rounded once.
    pub fn apply(&self, rows: &mut [f32], columns: usize) {
        rows.par_chunks_exact_mut(columns).for_each(|row| {
            let norm = if self.l2 { norm(row) } else { 1.0 };
            match &self.standard {
                Some(Standard { mean, scale }) => {
                    for ((value, &mean), &scale) in row.iter_mut().zip(mean).zip(scale) {
                        *value = ((f64::from(*value) / norm - f64::from(mean)) / f64::from(scale)) as f32;
                    }
                }
                None => row.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32),
            }
        });
    }
}

/// The L2 norm of a row; 1 where it is 0.
fn norm(row: &[f32]) -> f64 {
    let squares: f64 = row.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    if squares > 0.0 { squares.sqrt() } else { 1.0 }
}

/// Hands `rows` of `source` on in f64, a block at a time, in their order; divided by their norms where `l2` says so.
fn each_block(
    source: &dyn Source,
    rows: &[usize],
    l2: bool,
    mut work: impl FnMut(&[f64]),
) -> Result<(), FeaturesError> {
    let columns = source.columns();
    let most = (BLOCK / columns).max(1);
    let mut block = vec![0.0f32; most.min(rows.len()) * columns];
    let mut wide = Vec::with_capacity(block.len());
    for rows in rows.chunks(most) {
        let block = &mut block[..rows.len() * columns];
        source.gather(rows, block)?;
        check_finite(block, columns, source.file(), |row| rows[row])?;
        wide.clear();
        for row in block.chunks_exact(columns) {
            let norm = if l2 { norm(row) } else { 1.0 };
            wide.extend(row.iter().map(|&value| f64::from(value) / norm));
        }
        work(&wide);
    }
    Ok(())
}

/// Adds a number for each of the rows of a block to its column, row after row, whatever the number of threads: each has columns of its own.
fn add(sums: &mut [f64], block: &[f64], number: impl Fn(usize, f64) -> f64 + Sync) {
    const WIDTH: usize = 64;
    let columns = sums.len();
    sums.par_chunks_mut(WIDTH).enumerate().for_each(|(at, sums)| {
        let first = at * WIDTH;
        for row in block.chunks_exact(columns) {
            for (i, (sum, &value)) in sums.iter_mut().zip(&row[first..]).enumerate() {
                *sum += number(first + i, value);
            }
        }
    });
}

/// Rows of a source, transformed as they are read.
#[derive(Debug)]
struct Transformed {
    source: Arc<dyn Source>,
    transform: Transform,
}

impl Source for Transformed {
    fn rows(&self) -> usize {
        self.source.rows()
    }

    fn columns(&self) -> usize {
        self.source.columns()
    }

    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        self.source.read(first, to)?;
        // One number that is none would make all of its row so.
        check_finite(to, self.columns(), self.file(), |row| first + row)?;
        self.transform.apply(to, self.columns());
        Ok(())
    }

    fn gather(&self, rows: &[usize], to: &mut [f32]) -> Result<(), FeaturesError> {
        self.source.gather(rows, to)?;
        check_finite(to, self.columns(), self.file(), |row| rows[row])?;
        self.transform.apply(to, self.columns());
        Ok(())
    }

    fn file(&self) -> Option<&Path> {
        self.source.file()
    }

    fn in_blocks(&self) -> bool {
        self.source.in_blocks()
    }

    fn beside(&self) -> u64 {
        self.source.beside()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::InMemory;

    fn learned(values: &[f32], columns: usize, rows: &[usize], l2: bool) -> Standard {
        let source = InMemory::new(values.to_vec(), columns);
        let options = TransformOptions { l2_normalize: l2, standardize: true };
        Transform::learn(&source, rows, options).unwrap().unwrap().standard.unwrap()
    }

    #[test]
    fn mean_and_deviation_are_those_of_the_rows_given() {
        #[rustfmt::skip]
        let rows = [
            1.0, 5.0, 0.1,
            3.0, 5.0, 0.1,
            900.0, 900.0, 900.0,
            8.0, 5.0, 0.1,
        ];
        let found = learned(&rows, 3, &[0, 1, 3], false);
        // mean 4, variance ((−3)² + 1² + 4²)/3 = 26/3; columns that do not vary get scale 1.
        assert_eq!(
            found,
            Standard { mean: vec![4.0, 5.0, 0.1], scale: vec![(26f64 / 3.0).sqrt() as f32, 1.0, 1.0] }
        );
    }

    #[test]
    fn the_norm_comes_first_and_rows_of_zeros_stay() {
        let found = learned(&[3.0, 4.0, 0.0, 0.0], 2, &[0, 1], true);
        assert_eq!(found, Standard { mean: vec![0.3, 0.4], scale: vec![0.3, 0.4] });
        let transform = Transform { l2: true, standard: Some(found) };
        let mut rows = [30.0, 40.0, 0.0, 0.0];
        transform.apply(&mut rows, 2);
        assert!(rows.iter().zip([1.0, 1.0, -1.0, -1.0]).all(|(a, b)| (a - b).abs() < 1e-6), "{rows:?}");
        let only = Transform { l2: true, standard: None };
        let mut rows = [0.0, 0.0, -3.0, 4.0];
        only.apply(&mut rows, 2);
        assert_eq!(rows, [0.0, 0.0, -0.6, 0.8]);
    }

    #[test]
    fn numbers_that_are_none_are_named_by_their_place_among_all_rows() {
        let mut values = vec![0.5; 40];
        values[33] = f32::NAN;
        let source: Arc<dyn Source> = Arc::new(InMemory::new(values, 4));
        let options = TransformOptions { l2_normalize: true, standardize: true };
        let error = Transform::learn(&*source, &[1, 3, 8], options).unwrap_err().to_string();
        assert!(error.contains("row 8, column 1 is NaN"), "{error}");
        let transform = Transform { l2: true, standard: None };
        let error = transform.of(source).read(7, &mut [0.0; 8]).unwrap_err().to_string();
        assert!(error.contains("row 8, column 1 is NaN"), "{error}");
    }
}
