//! The preconditioner of L-BFGS: what the curvature of every linear model has in common, the second moments of its features.
//!
//! With p the model's answers, the Hessian of the mean loss is `Σ_i (derivatives of the loss by the scores of row i) ⊗ x_i·x_iᵀ / n`.
//! Replacing the first factor by one number h gives `h·XᵀX/n + λ·I` for each output, a bound of Böhning's kind (Annals of the
//! Institute of Statistical Mathematics 44, 1992) when h is large enough. Its inverse, in place of a multiple of the identity, is where the two loops of
//! L-BFGS begin. Features of pictures have spectra over many decades: on the golden problems that saves half (1,000 rows) to nine tenths of the
//! iterations, and the larger C, the more. What it costs is known beforehand, and a single fit buys it only after it
//! has paid as much for plain iterations ([`Gram::after`]).

use rayon::prelude::*;

use super::Labelled;
use crate::backend::cpu::CpuArray;
use crate::backend::{Backend, Cpu, DeviceError, Loss, Rows};

/// Rows that second moments are taken from, for each column: more would cost more than they improve.
const ROWS_A_COLUMN: usize = 8;
/// The most columns: an inverse takes D² numbers, and D³ steps.
const MOST_COLUMNS: usize = 2048;

/// Second moments of the features with a column of ones behind them, `XᵀX/n`.
#[derive(Debug, Clone)]
pub struct Gram {
    /// D + 1.
    size: usize,
    moments: Vec<f64>,
}

impl Gram {
    /// From evenly spaced `rows` of `data`; none where there are too many columns.
    ///
    /// # Errors
    /// The device was lost or has no memory left.
    pub fn new<B: Backend>(
        backend: &B,
        data: &Labelled<'_, B>,
        rows: &[usize],
    ) -> Result<Option<Self>, DeviceError> {
        let columns = data.matrix.columns();
        if columns > MOST_COLUMNS || rows.is_empty() {
            return Ok(None);
        }
        let count = Self::rows(columns, rows.len());
        let sample: Vec<usize> = (0..count).map(|i| rows[i * rows.len() / count]).collect();
        let features = data.matrix.gather(backend, &sample)?;
        Ok(Some(Self::of(&features, columns)))
    }

    /// Rows that are looked at, of `rows` rows of `columns` features.
    fn rows(columns: usize, rows: usize) -> usize {
        rows.min(ROWS_A_COLUMN * columns.max(128))
    }

    /// Of `features`, rows of `columns` numbers.
    fn of(features: &[f32], columns: usize) -> Self {
        let (size, rows) = (columns + 1, features.len() / columns);
        let mut moments = vec![0.0; size * size];
        for part in features.chunks(PART * columns) {
            let products = products(part, columns);
            moments.iter_mut().zip(&products[..]).for_each(|(m, &p)| *m += f64::from(p));
        }
        moments.iter_mut().for_each(|m| *m /= rows as f64);
        Self { size, moments }
    }

    /// How many evaluations of the objective over `rows` rows with K `outputs` cost as much as a metric of D `columns`: after
    /// that many, a solver that has not arrived does well to get one. `None`: never.
    #[must_use]
    pub fn after(columns: usize, outputs: usize, rows: usize) -> Option<usize> {
        if columns > MOST_COLUMNS {
            return None;
        }
        let (d, k, n) = (columns as f64, outputs as f64, rows as f64);
        // Operations; those of the factorisation run at about a fifth of the speed of the others.
        let moments = 2.0 * Self::rows(columns, rows) as f64 * d * d;
        let factor = 5.0 * 4.0 / 3.0 * d * d * d;
        let evaluation = 4.0 * n * d * k;
        // Applying it costs 2·2·K·D² an iteration.
        if 4.0 * k * d * d > evaluation {
            return None;
        }
        Some(((moments + factor) / evaluation) as usize)
    }

    /// The metric for a loss of `curvature` h by the scores, and the penalty `l2` on the weights.
    #[must_use]
    pub fn metric(&self, outputs: usize, curvature: f64, l2: f64) -> Metric {
        let size = self.size;
        let mut matrix: Vec<f64> = self.moments.iter().map(|m| curvature * m).collect();
        let largest = (0..size).fold(0.0f64, |a, i| a.max(matrix[i * size + i]));
        for i in 0..size {
            // Columns of zeros and duplicate ones leave a matrix without an inverse where the penalty is lost in rounding.
            matrix[i * size + i] += l2.max(1e-7 * largest);
        }
        Metric::new(matrix, size, outputs)
    }
}

/// Rows whose moments are added up in f32.
const PART: usize = 1024;

/// `XᵀX` of a few rows with a column of ones behind them: the scores of each column with all columns as weights.
fn products(rows: &[f32], columns: usize) -> CpuArray<f32> {
    let (size, count) = (columns + 1, rows.len() / columns);
    let mut transposed = vec![1.0; size * count];
    for (d, column) in transposed.chunks_exact_mut(count).take(columns).enumerate() {
        column.iter_mut().zip(rows[d..].iter().step_by(columns)).for_each(|(to, &from)| *to = from);
    }
    // Parameters are weights and biases.
    let mut parameters = transposed.clone();
    parameters.resize(size * count + size, 0.0);
    let index: CpuArray<u32> = (0..size as u32).collect::<Vec<_>>().into();
    let (transposed, parameters) = (transposed.into(), parameters.into());
    let of = Rows { features: &transposed, columns: count, index: &index, first: 0, count: size };
    let mut products = vec![0.0; size * size].into();
    // The CPU does not fail.
    let _ = Cpu::new().scores(&of, &parameters, size, &mut products);
    products
}

/// What bounds, or about equals, the curvature of the mean loss by one score, over rows of `data`; for [`Gram::metric`].
#[must_use]
pub fn curvature(loss: Loss, outputs: usize, mean_weight: f64) -> f64 {
    let k = outputs as f64;
    let of_loss = match loss {
        Loss::Softmax => 1.0 / k,
        // Labels are rare: p·(1 − p) is well below 1/4 for most.
        Loss::Sigmoid => 0.1,
        Loss::Hinge | Loss::SquaredHinge => 2.0,
    };
    of_loss * mean_weight
}

/// The inverse of `h·XᵀX/n + λ·I`, for parameters of K outputs.
#[derive(Debug, Clone)]
pub struct Metric {
    /// D + 1.
    size: usize,
    outputs: usize,
    /// L⁻¹ of the Cholesky factor L, rows; in f32, as `L⁻ᵀ·L⁻¹` is symmetric and positive whatever the rounding.
    inverse: CpuArray<f32>,
    transposed: CpuArray<f32>,
    index: CpuArray<u32>,
}

impl Metric {
    /// Of `matrix` (symmetric, positive definite, `size`²).
    fn new(mut matrix: Vec<f64>, size: usize, outputs: usize) -> Self {
        cholesky(&mut matrix, size);
        let inverse = invert(&matrix, size);
        let transposed: Vec<f32> = (0..size * size).map(|at| inverse[at % size * size + at / size]).collect();
        let index: Vec<u32> = (0..size as u32).collect();
        Self { size, outputs, inverse: inverse.into(), transposed: transposed.into(), index: index.into() }
    }

    /// The product with parameters, or a gradient: K×D weights, then K biases.
    #[must_use]
    pub fn apply(&self, vector: &[f64]) -> Vec<f64> {
        let &Self { size, outputs, .. } = self;
        let columns = size - 1;
        let (weights, biases) = vector.split_at(outputs * columns);
        // Values far below 1 would be lost among the smallest of f32.
        let largest = vector.iter().fold(0.0f64, |a, v| a.max(v.abs()));
        let scale = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
        let mut rows = vec![0.0f32; outputs * (size + 1)];
        for k in 0..outputs {
            for d in 0..columns {
                rows[k * size + d] = (weights[k * columns + d] / scale) as f32;
            }
            rows[k * size + columns] = (biases[k] / scale) as f32;
        }
        let half = self.multiply(&self.inverse, &rows.into());
        let whole = self.multiply(&self.transposed, &half);
        let mut product = vec![0.0; vector.len()];
        let (weights, biases) = product.split_at_mut(outputs * columns);
        for k in 0..outputs {
            for d in 0..columns {
                weights[k * columns + d] = scale * f64::from(whole[k * size + d]);
            }
            biases[k] = scale * f64::from(whole[k * size + columns]);
        }
        product
    }

    /// `matrix·rowᵀ` for each of K rows; K × size again, with K zeros behind as the stage wants them.
    fn multiply(&self, matrix: &CpuArray<f32>, rows: &CpuArray<f32>) -> CpuArray<f32> {
        let &Self { size, outputs, .. } = self;
        let of = Rows { features: matrix, columns: size, index: &self.index, first: 0, count: size };
        let mut scores = vec![0.0f32; size * outputs].into();
        // The CPU does not fail.
        let _ = Cpu::new().scores(&of, rows, outputs, &mut scores);
        let mut product = vec![0.0; outputs * (size + 1)];
        for k in 0..outputs {
            for i in 0..size {
                product[k * size + i] = scores[i * outputs + k];
            }
        }
        product.into()
    }
}

/// Columns of a block of [`cholesky`] and [`invert`].
const BLOCK: usize = 64;

/// The Cholesky factor of `matrix`, in its lower triangle; blocks of columns, one after the other.
fn cholesky(matrix: &mut [f64], size: usize) {
    for first in (0..size).step_by(BLOCK) {
        let end = (first + BLOCK).min(size);
        let (above, below) = matrix.split_at_mut(end * size);
        for i in first..end {
            let (done, row) = above.split_at_mut(i * size);
            for j in first..=i {
                let other = if j < i { &done[j * size + first..j * size + j] } else { &[] };
                let sum = if j < i {
                    row[j] - dot(&row[first..j], other)
                } else {
                    row[i] - row[first..i].iter().map(|v| v * v).sum::<f64>()
                };
                // Only rounding makes a pivot of a positive definite matrix vanish.
                row[j] = if j < i { sum / done[j * size + j] } else { sum.max(1e-300).sqrt() };
            }
        }
        let diagonal = &*above;
        below.par_chunks_exact_mut(size).for_each(|row| {
            for j in first..end {
                let sum = row[j] - dot(&row[first..j], &diagonal[j * size + first..j * size + j]);
                row[j] = sum / diagonal[j * size + j];
            }
        });
        // What the block takes from everything behind it.
        let panel: Vec<f64> = below.chunks_exact(size).flat_map(|row| &row[first..end]).copied().collect();
        let width = end - first;
        below.par_chunks_exact_mut(size).enumerate().for_each(|(i, row)| {
            let own = &panel[i * width..(i + 1) * width];
            for (j, other) in panel.chunks_exact(width).take(i + 1).enumerate() {
                row[end + j] -= dot(own, other);
            }
        });
    }
}

/// The inverse of the lower triangle `factor`, strip of columns by strip.
fn invert(factor: &[f64], size: usize) -> Vec<f32> {
    let strips: Vec<(usize, Vec<f64>)> = (0..size)
        .step_by(BLOCK)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|first| {
            let width = BLOCK.min(size - first);
            let mut strip = vec![0.0; size * width];
            for i in first..size {
                let (done, rest) = strip.split_at_mut(i * width);
                let row = &mut rest[..width];
                for k in first..i {
                    let factor = factor[i * size + k];
                    row.iter_mut().zip(&done[k * width..]).for_each(|(r, d)| *r -= factor * d);
                }
                if i < first + width {
                    row[i - first] += 1.0;
                }
                let pivot = factor[i * size + i];
                row.iter_mut().for_each(|r| *r /= pivot);
            }
            (first, strip)
        })
        .collect();
    let mut inverse = vec![0.0f32; size * size];
    for (first, strip) in strips {
        let width = BLOCK.min(size - first);
        for (i, row) in strip.chunks_exact(width).enumerate() {
            for (c, &value) in row.iter().enumerate() {
                inverse[i * size + first + c] = value as f32;
            }
        }
    }
    inverse
}

/// Eight sums beside each other.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    super::vector::dot(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_is_the_inverse() {
        for (columns, outputs) in [(1, 1), (7, 3), (63, 2), (64, 1), (130, 5)] {
            let rows = 3 * columns + 5;
            let features: Vec<f32> = (0..rows * columns)
                .map(|i| ((i * 7919 + i / columns * 31) % 101) as f32 / 50.0 - 1.0)
                .collect();
            let gram = Gram::of(&features, columns);
            let (h, l2) = (0.3, 0.01);
            let metric = gram.metric(outputs, h, l2);
            let size = columns + 1;
            let vector: Vec<f64> = (0..outputs * size).map(|i| ((i * 37) % 11) as f64 - 5.0).collect();
            let solved = metric.apply(&vector);
            // Back: (h·XᵀX/n + l2)·solved, by the definition.
            for k in 0..outputs {
                let at = |v: &[f64], d: usize| {
                    if d < columns { v[k * columns + d] } else { v[outputs * columns + k] }
                };
                for i in 0..size {
                    let x = |r: usize, d: usize| {
                        if d < columns { f64::from(features[r * columns + d]) } else { 1.0 }
                    };
                    let back: f64 = (0..size)
                        .map(|j| {
                            let moment: f64 = (0..rows).map(|r| x(r, i) * x(r, j)).sum::<f64>() / rows as f64;
                            (h * moment + if i == j { l2 } else { 0.0 }) * at(&solved, j)
                        })
                        .sum();
                    let expected = at(&vector, i);
                    assert!((back - expected).abs() < 2e-3, "{columns}x{outputs}: {back} {expected}");
                }
            }
        }
    }

    #[test]
    fn columns_of_zeros_and_duplicates_have_a_metric_too() {
        let features: Vec<f32> = (0..50).flat_map(|i| [i as f32 / 50.0, i as f32 / 50.0, 0.0]).collect();
        let metric = Gram::of(&features, 3).metric(1, 1.0, 0.0);
        assert!(metric.apply(&[1.0, -1.0, 1.0, 0.5]).iter().all(|v| v.is_finite()));
    }

    #[test]
    fn a_metric_is_bought_where_it_pays() {
        assert_eq!(Gram::after(4096, 1000, 1_000_000), None, "too many columns");
        assert_eq!(Gram::after(512, 10, 400), None, "applying it costs more than an evaluation");
        let many_rows = Gram::after(512, 1000, 1_000_000).expect("a number");
        assert_eq!(many_rows, 0, "at once");
        assert!(Gram::after(512, 10, 20_000).expect("a number") > 5);
    }
}
