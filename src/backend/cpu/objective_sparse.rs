//! **objective-sparse** on the CPU: the same pass over rows without their zeros. Weights and sums are held by columns, so
//! that what belongs to one feature lies together: a feature meets a vector of outputs at a time.

// Indices of tiles, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use bytemuck::{Pod, Zeroable};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Cpu;
use super::loss::{BlockTargets, OfScores, with_loss};
use super::models::counted;
use super::objective::BLOCK;
use crate::backend::{Labels, SparseRows, Splits};

/// Features that are scored in turns with one vector of outputs: one alone would wait for itself.
const CHAINS: usize = 4;

pub(super) fn objective(
    arch: Arch,
    rows: &SparseRows<'_, Cpu>,
    splits: Splits,
    labels: &Labels<'_, Cpu>,
    parameters: &[f32],
    outputs: usize,
    partials: &mut [f32],
) {
    with_loss!(labels.loss, L => by_splits::<L>(arch, rows, splits, labels, parameters, outputs, partials));
}

fn by_splits<L: OfScores>(
    arch: Arch,
    rows: &SparseRows<'_, Cpu>,
    splits: Splits,
    labels: &Labels<'_, Cpu>,
    parameters: &[f32],
    outputs: usize,
    partials: &mut [f32],
) {
    let columns = rows.width;
    let stride = outputs.next_multiple_of(arch.dispatch(Lanes));
    // The biases are one more column.
    let mut by_columns = Lines::zeros((columns + 1) * stride);
    turn(&parameters[..outputs * columns], columns, by_columns.numbers(), stride);
    by_columns.numbers()[columns * stride..][..outputs]
        .copy_from_slice(&parameters[outputs * columns..][..outputs]);
    let parameters = &*by_columns.numbers();
    let width = outputs * (columns + 1) + labels.models;
    partials[..splits.count * width].par_chunks_exact_mut(width).enumerate().for_each(|(p, partial)| {
        let range = splits.range(p, rows.count);
        let loss = std::marker::PhantomData::<L>;
        arch.dispatch(Task { loss, rows, range, labels, parameters, outputs, stride, partial });
    });
}

/// How many numbers a vector has.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// Numbers that begin with a cache line: a vector that lies across two of them would take twice as long.
struct Lines(Vec<Line>);

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; 16]);

impl Lines {
    fn zeros(len: usize) -> Self {
        Self(vec![Line([0.0; 16]); len.div_ceil(16)])
    }

    fn numbers(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

/// `by_rows` (K × `columns`) by columns, each of them `stride` numbers long.
fn turn(by_rows: &[f32], columns: usize, by_columns: &mut [f32], stride: usize) {
    for (k, row) in by_rows.chunks_exact(columns).enumerate() {
        for (to, from) in by_columns.chunks_exact_mut(stride).zip(row) {
            to[k] = *from;
        }
    }
}

struct Task<'a, L> {
    loss: std::marker::PhantomData<L>,
    rows: &'a SparseRows<'a, Cpu>,
    range: std::ops::Range<usize>,
    labels: &'a Labels<'a, Cpu>,
    /// By columns, the biases last: (D + 1) × stride.
    parameters: &'a [f32],
    outputs: usize,
    /// Outputs, rounded up to whole vectors.
    stride: usize,
    partial: &'a mut [f32],
}

impl<L: OfScores> WithSimd for Task<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { loss: _, rows, range, labels, parameters, outputs, stride, partial } = self;
        let (columns, models) = (rows.width, labels.models);
        let each = outputs / models;
        let (words, weights) = (&labels.words[..], &labels.weights[..]);
        let (weight, bias) = S::as_simd_f32s(parameters).0.split_at(columns * stride / S::F32_LANES);
        let mut sums = Lines::zeros(columns * stride);
        // Scores and residuals of a block, by rows as features meet them, and of one model by outputs, as losses are computed.
        let mut by_rows = Lines::zeros(BLOCK * stride);
        let mut block = vec![[0.0f32; BLOCK]; each];
        let mut losses = vec![0.0; models];
        partial.fill(0.0);
        let (weight_sum, rest) = partial.split_at_mut(outputs * columns);
        let (bias_sum, loss_sum) = rest.split_at_mut(outputs);
        for first in range.clone().step_by(BLOCK) {
            let count = BLOCK.min(range.end - first);
            let index = &rows.index[rows.first + first..][..count];
            let scores = by_rows.numbers();
            for a in 0..count {
                let score = S::as_mut_simd_f32s(&mut scores[a * stride..(a + 1) * stride]).0;
                add_weights(simd, row(rows, index[a]), weight, bias, score);
            }
            for m in 0..models {
                // The rows that count for the model, moved together; in the places behind them is the last one again.
                let (mut places, mut there) = ([0; BLOCK], 0);
                let counted = counted(labels, index, m);
                for a in 0..count {
                    places[there] = a;
                    there += (counted >> a & 1) as usize;
                }
                let of_model = m * each..(m + 1) * each;
                if there < count {
                    // The others add nothing, whatever their scores.
                    for a in (0..count).filter(|a| counted >> a & 1 == 0) {
                        scores[a * stride..][of_model.clone()].fill(0.0);
                    }
                }
                if there == 0 {
                    continue;
                }
                let mut targets = BlockTargets { words, weights, rows: [0; BLOCK], count: there };
                for a in 0..BLOCK {
                    places[a] = places[a.min(there - 1)];
                    targets.rows[a] = index[places[a]];
                }
                for (k, column) in of_model.clone().enumerate() {
                    for a in 0..BLOCK {
                        block[k][a] = scores[places[a] * stride + column];
                    }
                }
                losses[m] += L::block(&mut block, &targets);
                for (k, column) in of_model.enumerate() {
                    let mut sum = 0.0;
                    for a in 0..BLOCK {
                        sum += block[k][a];
                    }
                    bias_sum[column] += sum;
                    for a in 0..there {
                        scores[places[a] * stride + column] = block[k][a];
                    }
                }
            }
            for a in 0..count {
                let residual = S::as_simd_f32s(&scores[a * stride..(a + 1) * stride]).0;
                let sums = S::as_mut_simd_f32s(sums.numbers()).0;
                add_rows(simd, row(rows, index[a]), residual, sums);
            }
        }
        for (k, to) in weight_sum.chunks_exact_mut(columns).enumerate() {
            for (to, from) in to.iter_mut().zip(sums.numbers().chunks_exact(stride)) {
                *to = from[k];
            }
        }
        loss_sum.iter_mut().zip(losses).for_each(|(sum, loss)| *sum = loss as f32);
    }
}

/// Columns and values of row `row` of the chunk.
#[inline(always)]
fn row<'a>(rows: &SparseRows<'a, Cpu>, row: u32) -> (&'a [u32], &'a [f32]) {
    let (from, to) = (rows.offsets[row as usize] as usize, rows.offsets[row as usize + 1] as usize);
    (&rows.columns[from..to], &rows.values[from..to])
}

/// Runs `$body` with the constant `$tile` as each tile of vectors, and `$v` its first: full ones, then what is left.
macro_rules! vector_tiles {
    ($vectors:expr, $v:ident, $tile:ident => $body:expr) => {{
        let vectors = $vectors;
        let mut $v = 0;
        while $v < vectors {
            macro_rules! with {
                ($n:literal) => {{
                    const $tile: usize = $n;
                    $body
                }};
            }
            match vectors - $v {
                1 => with!(1),
                2 => with!(2),
                3 => with!(3),
                _ => with!(4),
            }
            $v += 4;
        }
    }};
}

/// `score[k] = Σ_i values[i]·weight[columns[i]][k] + bias[k]`, in tiles that stay in registers while the features pass.
#[inline(always)]
fn add_weights<S: Simd>(
    simd: S,
    (columns, values): (&[u32], &[f32]),
    weight: &[S::f32s],
    bias: &[S::f32s],
    score: &mut [S::f32s],
) {
    let stride = score.len();
    let values = &values[..columns.len()];
    vector_tiles!(stride, v, V => {
        let mut sums = [[simd.splat_f32s(0.0); V]; CHAINS];
        sums[0].copy_from_slice(&bias[v..v + V]);
        let whole = columns.len() / CHAINS * CHAINS;
        for i in (0..whole).step_by(CHAINS) {
            for c in 0..CHAINS {
                let x = simd.splat_f32s(values[i + c]);
                let w = &weight[columns[i + c] as usize * stride + v..][..V];
                for b in 0..V {
                    sums[c][b] = simd.mul_add_e_f32s(x, w[b], sums[c][b]);
                }
            }
        }
        for i in whole..columns.len() {
            let x = simd.splat_f32s(values[i]);
            let w = &weight[columns[i] as usize * stride + v..][..V];
            for b in 0..V {
                sums[0][b] = simd.mul_add_e_f32s(x, w[b], sums[0][b]);
            }
        }
        for b in 0..V {
            let halves = [simd.add_f32s(sums[0][b], sums[2][b]), simd.add_f32s(sums[1][b], sums[3][b])];
            score[v + b] = simd.add_f32s(halves[0], halves[1]);
        }
    });
}

/// `sums[columns[i]][k] += values[i]·residual[k]`.
#[inline(always)]
fn add_rows<S: Simd>(
    simd: S,
    (columns, values): (&[u32], &[f32]),
    residual: &[S::f32s],
    sums: &mut [S::f32s],
) {
    let stride = residual.len();
    let values = &values[..columns.len()];
    vector_tiles!(stride, v, V => {
        let mut r = [simd.splat_f32s(0.0); V];
        r.copy_from_slice(&residual[v..v + V]);
        for i in 0..columns.len() {
            let x = simd.splat_f32s(values[i]);
            let sum = &mut sums[columns[i] as usize * stride + v..][..V];
            for b in 0..V {
                sum[b] = simd.mul_add_e_f32s(x, r[b], sum[b]);
            }
        }
    });
}

/// The share of features that are not zero below which this is faster than the pass with the zeros: somewhat less than where the
/// two took as long, in benches/results/2026-11-22-objective-sparse.txt. A row costs as much as some features, however few
/// it has; few outputs leave most of a vector empty; and few rows do not pay for weights that are turned and sums that
/// stay zeros.
pub(super) fn below(rows: usize, columns: usize, outputs: usize) -> f64 {
    /// Rows that do not pay.
    const FEW: usize = 1024;
    /// What a row costs, in columns of the pass with the zeros.
    const ROW: f64 = 100.0;
    let share = match outputs {
        _ if rows < FEW => 0.0,
        ..=2 => 0.1,
        3..=32 => 0.15,
        _ => 0.2,
    };
    share * (1.0 - ROW / columns as f64).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn histograms_of_small_pictures_are_taken_and_those_of_photographs_are_not() {
        let (tiles, photographs) = (0.05, 0.35);
        for outputs in [1, 2, 10, 17, 100] {
            let below = below(20_250, 512, outputs);
            assert!(tiles < below && below < photographs, "{outputs}: {below}");
        }
        // Neither mini-batches nor short rows.
        assert!(below(256, 512, 10) <= 0.0 && below(20_250, 64, 10) <= 0.0);
    }
}
