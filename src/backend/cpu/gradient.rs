//! **gradient** on the CPU: each split of rows adds residual · features into its own partial sum, block by block.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::objective::{BLOCK, block_of_rows};
use super::{Cpu, tile};
use crate::backend::{Rows, Splits};

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
        let residual = &residual[range.start * outputs..range.end * outputs];
        arch.dispatch(Task { rows, first: range.start, residual, outputs, partial });
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
        let end = first + residual.len() / outputs;
        partial.fill(0.0);
        let (weight, bias) = partial.split_at_mut(outputs * rows.columns);
        let mut block = vec![[0.0; BLOCK]; outputs];
        for (i, residual) in residual.chunks(BLOCK * outputs).enumerate() {
            let first = first + i * BLOCK;
            // Past the last row a block repeats it, with residual 0.
            block.iter_mut().for_each(|k| k.fill(0.0));
            for (a, residual) in residual.chunks_exact(outputs).enumerate() {
                block.iter_mut().zip(residual).for_each(|(block, &r)| block[a] = r);
            }
            for (bias, residual) in bias.iter_mut().zip(&block) {
                *bias += residual.iter().sum::<f32>();
            }
            let x: [_; BLOCK] = block_of_rows(rows, first, end);
            let next = block_of_rows(rows, (first + BLOCK).min(rows.count - 1), rows.count);
            tile::add(simd, &x, &block, weight, &next);
        }
    }
}
