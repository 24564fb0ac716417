//! **scores** on the CPU: tiles of rows × outputs stay in vector registers while the columns stream past.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Cpu;
use super::objective::{BLOCK, block_of_rows, score};
use crate::backend::Rows;

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

/// Rows of one task; a multiple of `BLOCK`.
const TASK: usize = 2 * BLOCK;

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
        let outputs = bias.len();
        let mut block = vec![[0.0; BLOCK]; outputs];
        for (i, scores) in scores.chunks_mut(BLOCK * outputs).enumerate() {
            let first = first + i * BLOCK;
            let x = block_of_rows(rows, first, first + scores.len() / outputs);
            score(simd, &x, weight, bias, &mut block);
            for (a, scores) in scores.chunks_exact_mut(outputs).enumerate() {
                scores.iter_mut().zip(&block).for_each(|(score, row)| *score = row[a]);
            }
        }
    }
}
