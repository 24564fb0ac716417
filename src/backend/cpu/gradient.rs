//! **gradient** on the CPU: each split of rows adds residual · features into its own partial sum, four rows and
//! four outputs at a time, so that a vector of features is used four times for each load.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{Cpu, row};
use crate::backend::{Rows, Splits};

/// Rows and outputs whose products are added together.
const TILE: usize = 4;

pub(super) fn gradient(
    arch: Arch,
    rows: &Rows<'_, Cpu>,
    splits: Splits,
    residual: &[f32],
    outputs: usize,
    partials: &mut [f32],
) {
    let width = outputs * (rows.columns + 1);
    partials[..splits.count * width].par_chunks_exact_mut(width).enumerate().for_each(|(p, partial)| {
        let range = splits.range(p, rows.count);
        let first = range.start;
        let residual = &residual[first * outputs..range.end * outputs];
        arch.dispatch(Task { rows, first, residual, outputs, partial });
    });
}

struct Task<'a> {
    rows: &'a Rows<'a, Cpu>,
    first: usize,
    residual: &'a [f32],
    outputs: usize,
    partial: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, first, residual, outputs, partial } = self;
        let columns = rows.columns;
        partial.fill(0.0);
        let (weight, bias) = partial.split_at_mut(outputs * columns);
        for (tile, residual) in residual.chunks(TILE * outputs).enumerate() {
            let count = residual.len() / outputs;
            let x: [&[f32]; TILE] =
                std::array::from_fn(|a| row(rows, first + tile * TILE + a.min(count - 1)));
            // A row past the last has residual 0.
            let at = |a: usize, k: usize| if a < count { residual[a * outputs + k] } else { 0.0 };
            for (k, bias) in bias.iter_mut().enumerate() {
                *bias += (0..count).map(|a| at(a, k)).sum::<f32>();
            }
            for (block, weight) in weight.chunks_mut(TILE * columns).enumerate() {
                let k = block * TILE;
                let mut lines = weight.chunks_exact_mut(columns);
                match [lines.next(), lines.next(), lines.next(), lines.next()] {
                    [Some(w0), Some(w1), Some(w2), Some(w3)] => {
                        let r = std::array::from_fn(|b| std::array::from_fn(|a| at(a, k + b)));
                        add_tile(simd, x, r, [w0, w1, w2, w3]);
                    }
                    rest => {
                        for (b, line) in rest.into_iter().flatten().enumerate() {
                            add_tile(simd, x, [std::array::from_fn(|a| at(a, k + b))], [line]);
                        }
                    }
                }
            }
        }
    }
}

/// `w[b] += Σ_a r[b][a]·x[a]`.
#[inline(always)]
fn add_tile<S: Simd, const OUTPUTS: usize>(
    simd: S,
    x: [&[f32]; TILE],
    r: [[f32; TILE]; OUTPUTS],
    w: [&mut [f32]; OUTPUTS],
) {
    let splat = r.map(|r| r.map(|r| simd.splat_f32s(r)));
    let x_parts = x.map(|x| S::as_simd_f32s(x));
    let vectors = x_parts[0].0.len();
    let x_vectors = x_parts.map(|(head, _)| &head[..vectors]);
    let mut w_vectors = w.map(|w| {
        let (head, tail) = S::as_mut_simd_f32s(w);
        (&mut head[..vectors], tail)
    });
    for d in 0..vectors {
        let xs = x_vectors.map(|x| x[d]);
        for ((w, _), splat) in w_vectors.iter_mut().zip(&splat) {
            let mut sum = w[d];
            for a in 0..TILE {
                sum = simd.mul_add_e_f32s(splat[a], xs[a], sum);
            }
            w[d] = sum;
        }
    }
    for ((_, tail), r) in w_vectors.iter_mut().zip(&r) {
        for (d, w) in tail.iter_mut().enumerate() {
            for a in 0..TILE {
                *w += r[a] * x_parts[a].1[d];
            }
        }
    }
}
