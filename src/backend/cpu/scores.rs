//! **scores** on the CPU: tiles of 4 rows × 4 outputs stay in vector registers while the columns stream past.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Cpu, row};
use crate::backend::Rows;

/// Rows and outputs of a register tile.
const TILE: usize = 4;
/// Rows of one task; a multiple of `TILE`.
const TASK: usize = 32;

pub(super) fn scores(
    arch: Arch,
    rows: &Rows<'_, Cpu>,
    parameters: &[f32],
    outputs: usize,
    scores: &mut [f32],
) {
    let (weight, bias) = parameters[..(rows.columns + 1) * outputs].split_at(rows.columns * outputs);
    scores[..rows.count * outputs].par_chunks_mut(TASK * outputs).enumerate().for_each(|(task, scores)| {
        arch.dispatch(Task { rows, first: task * TASK, weight, bias, scores });
    });
}

struct Task<'a> {
    rows: &'a Rows<'a, Cpu>,
    first: usize,
    weight: &'a [f32],
    bias: &'a [f32],
    scores: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, first, weight, bias, scores } = self;
        let (outputs, columns) = (bias.len(), rows.columns);
        let count = scores.len() / outputs;
        for i in (0..count).step_by(TILE) {
            // Past the last row or output the tile repeats it and stores nothing: one path for every size.
            let x: [&[f32]; TILE] = std::array::from_fn(|a| row(rows, first + (i + a).min(count - 1)));
            for k in (0..outputs).step_by(TILE) {
                let w: [&[f32]; TILE] = std::array::from_fn(|b| {
                    let at = (k + b).min(outputs - 1) * columns;
                    &weight[at..at + columns]
                });
                let tile = dot_tile(simd, x, w);
                for a in 0..TILE.min(count - i) {
                    for b in 0..TILE.min(outputs - k) {
                        scores[(i + a) * outputs + k + b] = tile[a][b] + bias[k + b];
                    }
                }
            }
        }
    }
}

/// Dot products of four rows with four weight rows.
#[inline(always)]
fn dot_tile<S: Simd>(simd: S, x: [&[f32]; TILE], w: [&[f32]; TILE]) -> [[f32; TILE]; TILE] {
    let mut sums = [[simd.splat_f32s(0.0); TILE]; TILE];
    let x_parts = x.map(|x| S::as_simd_f32s(x));
    let w_parts = w.map(|w| S::as_simd_f32s(w));
    let vectors = x_parts[0].0.len();
    let x_vectors = x_parts.map(|(head, _)| &head[..vectors]);
    let w_vectors = w_parts.map(|(head, _)| &head[..vectors]);
    for d in 0..vectors {
        let xs = x_vectors.map(|x| x[d]);
        let ws = w_vectors.map(|w| w[d]);
        for (sums, x) in sums.iter_mut().zip(xs) {
            for (sum, w) in sums.iter_mut().zip(ws) {
                *sum = simd.mul_add_e_f32s(x, w, *sum);
            }
        }
    }
    let mut out = [[0.0; TILE]; TILE];
    for a in 0..TILE {
        for b in 0..TILE {
            let tail: f32 = x_parts[a].1.iter().zip(w_parts[b].1).map(|(x, w)| x * w).sum();
            out[a][b] = simd.reduce_sum_f32s(sums[a][b]) + tail;
        }
    }
    out
}
