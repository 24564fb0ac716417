//! **objective** on the CPU: a block of rows is scored, turned into residuals and multiplied back while it lies in
//! the nearest cache. Memory is read once.

// Indices of tiles, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::loss::{BlockTargets, OfScores, with_loss};
use super::tile::{self, output_tiles};
use super::{Cpu, models, row};
use crate::backend::{Labels, Models, Rows, Splits};

/// Rows of a block: with 512 features, 32 KiB.
pub(super) const BLOCK: usize = 16;

pub(super) fn objective(
    arch: Arch,
    rows: &Rows<'_, Cpu>,
    splits: Splits,
    labels: &Labels<'_, Cpu>,
    parameters: &[f32],
    outputs: usize,
    partials: &mut [f32],
) {
    with_loss!(labels.loss, L => if labels.models() == Models::ONE {
        by_splits::<L>(arch, rows, splits, labels, parameters, outputs, partials);
    } else {
        models::by_splits::<L>(arch, rows, splits, labels, parameters, outputs, partials);
    });
}

fn by_splits<L: OfScores>(
    arch: Arch,
    rows: &Rows<'_, Cpu>,
    splits: Splits,
    labels: &Labels<'_, Cpu>,
    parameters: &[f32],
    outputs: usize,
    partials: &mut [f32],
) {
    let width = outputs * (rows.columns + 1) + 1;
    partials[..splits.count * width].par_chunks_exact_mut(width).enumerate().for_each(|(p, partial)| {
        let range = splits.range(p, rows.count);
        let loss = std::marker::PhantomData::<L>;
        arch.dispatch(Task { loss, rows, range, labels, parameters, outputs, partial });
    });
}

struct Task<'a, L> {
    loss: std::marker::PhantomData<L>,
    rows: &'a Rows<'a, Cpu>,
    range: std::ops::Range<usize>,
    labels: &'a Labels<'a, Cpu>,
    parameters: &'a [f32],
    outputs: usize,
    partial: &'a mut [f32],
}

impl<L: OfScores> WithSimd for Task<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { loss: _, rows, range, labels, parameters, outputs, partial } = self;
        let columns = rows.columns;
        let (words, weights) = (&labels.words[..], &labels.weights[..]);
        let (weight, bias) = parameters[..outputs * (columns + 1)].split_at(outputs * columns);
        partial.fill(0.0);
        let (weight_sum, rest) = partial.split_at_mut(outputs * columns);
        // By outputs, then rows: arithmetic on all rows of a block at once.
        let mut block = vec![[0.0f32; BLOCK]; outputs];
        let mut loss = 0.0;
        for first in range.clone().step_by(BLOCK) {
            let count = BLOCK.min(range.end - first);
            let x = block_of_rows(rows, first, range.end);
            let next = block_of_rows(rows, (first + BLOCK).min(range.end - 1), range.end);
            let mut targets = BlockTargets { words, weights, rows: [0; BLOCK], count };
            for a in 0..BLOCK {
                targets.rows[a] = rows.index[rows.first + first + a.min(count - 1)];
            }
            score(simd, &x, weight, bias, &mut block);
            loss += L::block(&mut block, &targets);
            for k in 0..outputs {
                let mut sum = 0.0;
                for a in 0..BLOCK {
                    sum += block[k][a];
                }
                rest[k] += sum;
            }
            tile::add(simd, &x, &block, weight_sum, &next);
        }
        rest[outputs] = loss as f32;
    }
}

/// Rows from `first` on; those past `end` repeat the last one.
#[inline(always)]
pub(super) fn block_of_rows<'a>(rows: &Rows<'a, Cpu>, first: usize, end: usize) -> [&'a [f32]; BLOCK] {
    let mut x: [&[f32]; BLOCK] = [&[]; BLOCK];
    for (a, x) in x.iter_mut().enumerate() {
        *x = row(rows, (first + a).min(end - 1));
    }
    x
}

/// Scores of a block of rows: K × rows.
#[inline(always)]
pub(super) fn score<S: Simd>(
    simd: S,
    x: &[&[f32]; BLOCK],
    weight: &[f32],
    bias: &[f32],
    block: &mut [[f32; BLOCK]],
) {
    let columns = x[0].len();
    output_tiles!(bias.len(), k, O => {
        let mut w: [&[f32]; O] = [&[]; O];
        for b in 0..O {
            w[b] = &weight[(k + b) * columns..(k + b + 1) * columns];
        }
        for a in (0..BLOCK).step_by(tile::ROWS) {
            let dots = tile::dots(simd, [x[a], x[a + 1], x[a + 2], x[a + 3]], w);
            for b in 0..O {
                for row in 0..tile::ROWS {
                    block[k + b][a + row] = dots[b][row] + bias[k + b];
                }
            }
        }
    });
}
