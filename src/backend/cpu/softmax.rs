//! **softmax** and cross-entropy on the CPU, a row at a time: the largest score is taken off its own row before
//! anything is raised to a power, so rows a thousand apart do not disturb each other.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Cpu;
use super::elementary::{exp, ln};
use crate::backend::{NO_LABEL, Rows};

/// Rows of one task: exponentials of a few rows cost less than handing them to another thread.
const TASK: usize = 64;

pub(super) fn softmax(
    arch: Arch,
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
        arch.dispatch(Task { scores, outputs, residual, losses, index, labels });
    });
}

struct Task<'a> {
    scores: &'a [f32],
    outputs: usize,
    residual: &'a mut [f32],
    losses: &'a mut [f32],
    index: &'a [u32],
    labels: &'a [u32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { scores, outputs, residual, losses, index, labels } = self;
        let pairs = scores.chunks_exact(outputs).zip(residual.chunks_exact_mut(outputs));
        for (((scores, residual), loss), &row) in pairs.zip(losses).zip(index) {
            *loss = one_row(scores, labels[row as usize], residual);
        }
    }
}

/// Sums that are added to in turn: one alone would wait for itself.
const LANES: usize = 16;

#[inline(always)]
fn one_row(scores: &[f32], label: u32, residual: &mut [f32]) -> f32 {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for (r, &s) in residual.iter_mut().zip(scores) {
        *r = exp(s - max);
    }
    let mut lanes = [0.0f32; LANES];
    for part in residual.chunks(LANES) {
        lanes.iter_mut().zip(part).for_each(|(sum, power)| *sum += power);
    }
    let sum: f32 = lanes.iter().sum();
    let scale = 1.0 / sum;
    residual.iter_mut().for_each(|r| *r *= scale);
    if label == NO_LABEL {
        return 0.0;
    }
    let y = label as usize;
    residual[y] -= 1.0;
    (max - scores[y]) + ln(sum)
}
