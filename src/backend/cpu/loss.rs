//! The **losses** on the CPU, one file each; here is what they share: rows are divided over the threads, and what a loss
//! must know of them.

// Indices of rows of a block, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Cpu;
use crate::backend::{Labels, Rows};

/// Rows of one task: exponentials of a few rows cost less than handing them to another thread.
const TASK: usize = 64;

/// A loss, for one row and for a block of rows.
pub(super) trait OfScores {
    /// Scores of a row (K) into its residuals (K); its loss. `target` are its words, `weights` those of the labels (2·K).
    fn row(scores: &[f32], target: &[u32], weights: &[f32], residual: &mut [f32]) -> f32;

    /// Scores of a block of rows (K × rows) into residuals, in place; the sum of the losses of the rows that are there.
    /// The residuals of the others are zeros.
    fn block<const B: usize>(block: &mut [[f32; B]], targets: &BlockTargets<'_, B>) -> f64;
}

/// Targets of a block of rows.
pub(super) struct BlockTargets<'a, const B: usize> {
    /// Words of the chunk, and weights of the labels (2·K).
    pub(super) words: &'a [u32],
    pub(super) weights: &'a [f32],
    /// Chunk rows; those that are not there repeat the last one.
    pub(super) rows: [u32; B],
    /// How many are there.
    pub(super) count: usize,
}

impl<const B: usize> BlockTargets<'_, B> {
    /// Label of every row, for a loss of one label a row.
    #[inline(always)]
    pub(super) fn labels(&self) -> [u32; B] {
        let mut labels = [0; B];
        for a in 0..B {
            labels[a] = self.words[self.rows[a] as usize];
        }
        labels
    }
}

/// Runs `$body` with `$type` as the implementation of the loss `$loss`.
macro_rules! with_loss {
    ($loss:expr, $type:ident => $body:expr) => {
        match $loss {
            $crate::backend::Loss::Softmax => {
                type $type = $crate::backend::cpu::softmax::Softmax;
                $body
            }
            $crate::backend::Loss::Sigmoid => {
                type $type = $crate::backend::cpu::sigmoid::Sigmoid;
                $body
            }
            $crate::backend::Loss::Hinge => {
                type $type = $crate::backend::cpu::hinge::Hinge<false>;
                $body
            }
            $crate::backend::Loss::SquaredHinge => {
                type $type = $crate::backend::cpu::hinge::Hinge<true>;
                $body
            }
        }
    };
}
pub(super) use with_loss;

pub(super) fn loss(
    arch: Arch,
    rows: &Rows<'_, Cpu>,
    labels: &Labels<'_, Cpu>,
    scores: &[f32],
    outputs: usize,
    residual: &mut [f32],
    losses: &mut [f32],
) {
    with_loss!(labels.loss, L => by_rows::<L>(arch, rows, labels, scores, outputs, residual, losses));
}

fn by_rows<L: OfScores>(
    arch: Arch,
    rows: &Rows<'_, Cpu>,
    labels: &Labels<'_, Cpu>,
    scores: &[f32],
    outputs: usize,
    residual: &mut [f32],
    losses: &mut [f32],
) {
    let index = &rows.index[rows.first..rows.first + rows.count];
    let (n, models) = (rows.count * outputs, labels.models);
    let mask = labels.mask.map(|mask| &mask[..]);
    let parts = scores[..n].par_chunks(TASK * outputs).zip(residual[..n].par_chunks_mut(TASK * outputs));
    let parts =
        parts.zip(losses[..rows.count * models].par_chunks_mut(TASK * models)).zip(index.par_chunks(TASK));
    parts.for_each(|(((scores, residual), losses), index)| {
        let (words, weights) = (labels.words, labels.weights);
        let outputs = outputs / models;
        let width = labels.loss.words(outputs);
        let loss = std::marker::PhantomData::<L>;
        let given = Given { index, words, width, weights, models, mask };
        arch.dispatch(Task { loss, scores, outputs, residual, losses, given });
    });
}

struct Task<'a, L> {
    loss: std::marker::PhantomData<L>,
    scores: &'a [f32],
    /// K, of one model.
    outputs: usize,
    residual: &'a mut [f32],
    losses: &'a mut [f32],
    given: Given<'a>,
}

/// What is true of the rows of a task.
struct Given<'a> {
    index: &'a [u32],
    words: &'a [u32],
    /// Words of a row.
    width: usize,
    weights: &'a [f32],
    models: usize,
    mask: Option<&'a [u32]>,
}

impl Given<'_> {
    /// Whether `row` of the chunk counts for model `m`.
    #[inline(always)]
    fn counts(&self, row: usize, m: usize) -> bool {
        let Some(mask) = self.mask else { return true };
        mask[row * self.models.div_ceil(32) + m / 32] >> (m % 32) & 1 == 1
    }
}

impl<L: OfScores> WithSimd for Task<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { loss: _, scores, outputs, residual, losses, given } = self;
        let (weights, width) = (&given.weights[..2 * outputs], given.width);
        // Of each row the models, one after the other.
        let mut pairs = scores.chunks_exact(outputs).zip(residual.chunks_exact_mut(outputs)).zip(losses);
        for &row in given.index {
            let at = row as usize * width;
            let target = &given.words[at..at + width];
            for (m, ((scores, residual), loss)) in pairs.by_ref().take(given.models).enumerate() {
                if given.counts(row as usize, m) {
                    *loss = L::row(scores, target, weights, residual);
                } else {
                    residual.fill(0.0);
                    *loss = 0.0;
                }
            }
        }
    }
}
