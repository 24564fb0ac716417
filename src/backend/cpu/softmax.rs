//! **softmax** and cross-entropy on the CPU, a row at a time: the largest score is taken off its own row before
//! anything is raised to a power, so rows a thousand apart do not disturb each other.

use rayon::prelude::*;

use super::Cpu;
use crate::backend::{NO_LABEL, Rows};

/// Rows of one task: exponentials of a few rows cost less than handing them to another thread.
const TASK: usize = 64;

pub(super) fn softmax(
    rows: &Rows<'_, Cpu>,
    labels: &[u32],
    scores: &[f32],
    outputs: usize,
    residual: &mut [f32],
    losses: &mut [f32],
) {
    let index = &rows.index[rows.first..rows.first + rows.count];
    let n = rows.count * outputs;
    let parts = scores[..n].par_chunks(TASK * outputs).zip(residual[..n].par_chunks_mut(TASK * outputs));
    let parts = parts.zip(losses[..rows.count].par_chunks_mut(TASK)).zip(index.par_chunks(TASK));
    parts.for_each(|(((scores, residual), losses), index)| {
        let pairs = scores.chunks_exact(outputs).zip(residual.chunks_exact_mut(outputs));
        for (((scores, residual), loss), &row) in pairs.zip(losses).zip(index) {
            *loss = one_row(scores, labels[row as usize], residual);
        }
    });
}

#[inline]
fn one_row(scores: &[f32], label: u32, residual: &mut [f32]) -> f32 {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for (r, &s) in residual.iter_mut().zip(scores) {
        *r = (s - max).exp();
        sum += *r;
    }
    let scale = 1.0 / sum;
    residual.iter_mut().for_each(|r| *r *= scale);
    if label == NO_LABEL {
        return 0.0;
    }
    let y = label as usize;
    residual[y] -= 1.0;
    (max - scores[y]) + sum.ln()
}
