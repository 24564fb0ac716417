//! **objective** on the CPU for many models at a time: each block of rows is scored, turned into residuals and multiplied
//! back for all models that have any of its rows, while it lies in the nearest cache.
//!
//! Models that count the same rows of a block are one run, computed as if they were one model with more outputs. A model
//! that counts some rows of a block gets them moved together; one that counts none costs nothing. So rows that lie in the order
//! of their folds cost what they would cost each model alone.

// Indices of rows of a block, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use std::marker::PhantomData;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::loss::{BlockTargets, OfScores};
use super::objective::{BLOCK, WIDE, add_rows, block_of_rows, score, wide_rows};
use super::{Cpu, tile};
use crate::backend::{Labels, Rows, Splits};

pub(super) fn by_splits<L: OfScores>(
    arch: Arch,
    rows: &Rows<'_, Cpu>,
    splits: Splits,
    labels: &Labels<'_, Cpu>,
    parameters: &[f32],
    outputs: usize,
    partials: &mut [f32],
) {
    let width = outputs * (rows.columns + 1) + labels.models;
    partials[..splits.count * width].par_chunks_exact_mut(width).enumerate().for_each(|(p, partial)| {
        let range = splits.range(p, rows.count);
        arch.dispatch(Task { loss: PhantomData::<L>, rows, range, labels, parameters, outputs, partial });
    });
}

struct Task<'a, L> {
    loss: PhantomData<L>,
    rows: &'a Rows<'a, Cpu>,
    range: Range<usize>,
    labels: &'a Labels<'a, Cpu>,
    parameters: &'a [f32],
    /// M·K.
    outputs: usize,
    partial: &'a mut [f32],
}

impl<L: OfScores> WithSimd for Task<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { loss: _, rows, range, labels, parameters, outputs, partial } = self;
        let (columns, models) = (rows.columns, labels.models);
        let (weight, bias) = parameters[..outputs * (columns + 1)].split_at(outputs * columns);
        partial.fill(0.0);
        let (weight_sum, rest) = partial.split_at_mut(outputs * columns);
        let (bias_sum, loss_sum) = rest.split_at_mut(outputs);
        let mut losses = vec![0.0; models];
        let narrow = range.start + wide_rows::<S>(range.len(), columns, outputs);
        let mut sums = Sums { weight: weight_sum, bias: bias_sum, losses: &mut losses };
        pass::<L, S, WIDE>(simd, rows, range.start..narrow, labels, (weight, bias), &mut sums);
        pass::<L, S, BLOCK>(simd, rows, narrow..range.end, labels, (weight, bias), &mut sums);
        loss_sum.iter_mut().zip(losses).for_each(|(sum, loss)| *sum = loss as f32);
    }
}

/// What is added up over blocks.
struct Sums<'a> {
    weight: &'a mut [f32],
    bias: &'a mut [f32],
    losses: &'a mut [f64],
}

/// All blocks of `B` rows of a range.
#[inline(always)]
fn pass<L: OfScores, S: Simd, const B: usize>(
    simd: S,
    rows: &Rows<'_, Cpu>,
    range: Range<usize>,
    labels: &Labels<'_, Cpu>,
    (weight, bias): (&[f32], &[f32]),
    sums: &mut Sums<'_>,
) {
    let (columns, models) = (rows.columns, labels.models);
    let each = bias.len() / models;
    let (words, weights) = (&labels.words[..], &labels.weights[..]);
    let mut block = vec![[0.0f32; B]; bias.len()];
    for first in range.clone().step_by(B) {
        let count = B.min(range.end - first);
        let next = block_of_rows(rows, (first + B).min(rows.count - 1), rows.count);
        let mut index = [0; B];
        for a in 0..B {
            index[a] = rows.index[rows.first + first + a.min(count - 1)];
        }
        let mut from = 0;
        while from < models {
            let counted = counted(labels, &index[..count], from);
            let mut to = from + 1;
            while to < models && self::counted(labels, &index[..count], to) == counted {
                to += 1;
            }
            let run = from * each..to * each;
            if counted != 0 {
                let (targets, x) = together(rows, words, weights, &index[..count], counted);
                let (w, b) = (&weight[run.start * columns..run.end * columns], &bias[run.clone()]);
                let block = &mut block[run.clone()];
                score(simd, &x, w, b, block);
                for (m, block) in (from..to).zip(block.chunks_exact_mut(each)) {
                    sums.losses[m] += L::block(block, &targets);
                }
                add_rows(&mut sums.bias[run.clone()], block);
                let weight_sum = &mut sums.weight[run.start * columns..run.end * columns];
                tile::add(simd, &x, block, weight_sum, &next);
            }
            from = to;
        }
    }
}

/// Which rows of a block (bit a: the row `index[a]` of the chunk) count for model `m`.
#[inline(always)]
pub(super) fn counted(labels: &Labels<'_, Cpu>, index: &[u32], m: usize) -> u64 {
    let Some(mask) = labels.mask else { return u64::MAX >> (u64::BITS as usize - index.len()) };
    let words = labels.models.div_ceil(32);
    let mut counted = 0;
    for (a, &row) in index.iter().enumerate() {
        counted |= u64::from(mask[row as usize * words + m / 32] >> (m % 32) & 1) << a;
    }
    counted
}

/// The rows of a block that are `counted`, moved together; in the places behind them is the last one again.
#[inline(always)]
fn together<'a, const B: usize>(
    rows: &Rows<'a, Cpu>,
    words: &'a [u32],
    weights: &'a [f32],
    index: &[u32],
    counted: u64,
) -> (BlockTargets<'a, B>, [&'a [f32]; B]) {
    let (mut picked, mut count) = ([0; B], 0);
    for (a, &row) in index.iter().enumerate() {
        if counted >> a & 1 == 1 {
            picked[count] = row;
            count += 1;
        }
    }
    let mut x: [&[f32]; B] = [&[]; B];
    for a in 0..B {
        picked[a] = picked[a.min(count - 1)];
        let at = picked[a] as usize * rows.columns;
        x[a] = &rows.features[at..at + rows.columns];
    }
    (BlockTargets { words, weights, rows: picked, count }, x)
}
