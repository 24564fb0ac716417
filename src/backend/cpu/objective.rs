//! **objective** on the CPU: a block of rows is scored, turned into residuals and multiplied back while it lies in
//! the nearest cache. Memory is read once.

// Indices of tiles, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::loss::{BlockTargets, OfScores, with_loss};
#[cfg(target_arch = "x86_64")]
use super::packed::{self, Packed};
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
    // The wider vectors of AVX-512 were not measured with copies.
    #[cfg(target_arch = "x86_64")]
    let packed = (matches!(arch, Arch::V3(_)) && packed::pays(splits.rows, rows.columns, outputs))
        .then(|| packed::pack(&parameters[..outputs * rows.columns], rows.columns, outputs));
    partials[..splits.count * width].par_chunks_exact_mut(width).enumerate().for_each(|(p, partial)| {
        arch.dispatch(Task {
            loss: std::marker::PhantomData::<L>,
            rows,
            range: splits.range(p, rows.count),
            labels,
            parameters,
            outputs,
            partial,
            #[cfg(target_arch = "x86_64")]
            packed: packed.as_deref(),
        });
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
    /// The weights for products over copies, where these pay.
    #[cfg(target_arch = "x86_64")]
    packed: Option<&'a [packed::StripOfOutputs]>,
}

impl<L: OfScores> WithSimd for Task<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let columns = self.rows.columns;
        let (weight, bias) = self.parameters[..self.outputs * (columns + 1)].split_at(self.outputs * columns);
        let (gradient, rest) = self.partial.split_at_mut(self.outputs * columns);
        rest.fill(0.0);
        #[cfg(target_arch = "x86_64")]
        if let (Some(weights), Some(&simd)) =
            (self.packed, (&simd as &dyn std::any::Any).downcast_ref::<pulp::x86::V3>())
        {
            let mut packed = Packed::new(simd, weights, columns);
            pass::<L>(&mut packed, self.rows, self.range, self.labels, bias, rest);
            packed.gradient_to(gradient);
            return;
        }
        gradient.fill(0.0);
        let Self { rows, range, labels, .. } = self;
        pass::<L>(&mut Tiles { simd, weight, gradient }, rows, range, labels, bias, rest);
    }
}

/// All blocks of a split. `rest` gets the gradient of the biases, and the loss.
#[inline(always)]
fn pass<L: OfScores>(
    products: &mut impl Products,
    rows: &Rows<'_, Cpu>,
    range: std::ops::Range<usize>,
    labels: &Labels<'_, Cpu>,
    bias: &[f32],
    rest: &mut [f32],
) {
    let (words, weights) = (&labels.words[..], &labels.weights[..]);
    // By outputs, then rows: arithmetic on all rows of a block at once.
    let mut block = vec![[0.0f32; BLOCK]; bias.len()];
    let mut loss = 0.0;
    for first in range.clone().step_by(BLOCK) {
        let count = BLOCK.min(range.end - first);
        let x = block_of_rows(rows, first, range.end);
        let next = block_of_rows(rows, (first + BLOCK).min(range.end - 1), range.end);
        let mut targets = BlockTargets { words, weights, rows: [0; BLOCK], count };
        for a in 0..BLOCK {
            targets.rows[a] = rows.index[rows.first + first + a.min(count - 1)];
        }
        products.score(&x, bias, &mut block, &next);
        loss += L::block(&mut block, &targets);
        for (rest, residual) in rest.iter_mut().zip(&block) {
            let mut sum = 0.0;
            for a in 0..BLOCK {
                sum += residual[a];
            }
            *rest += sum;
        }
        products.add(&x, &block, &next);
    }
    rest[bias.len()] = loss as f32;
}

/// Both products of a block, and what becomes of them.
pub(super) trait Products {
    /// Scores of the rows `x`, K × rows; `next` are the rows of the next block.
    fn score(
        &mut self,
        x: &[&[f32]; BLOCK],
        bias: &[f32],
        block: &mut [[f32; BLOCK]],
        next: &[&[f32]; BLOCK],
    );

    /// Adds `Σ_a residual[k][a]·x[a][d]` to the gradient; `x` are the rows last scored.
    fn add(&mut self, x: &[&[f32]; BLOCK], residual: &[[f32; BLOCK]], next: &[&[f32]; BLOCK]);
}

/// The products of rows and weights where they lie.
pub(super) struct Tiles<'a, S> {
    pub(super) simd: S,
    pub(super) weight: &'a [f32],
    pub(super) gradient: &'a mut [f32],
}

impl<S: Simd> Products for Tiles<'_, S> {
    #[inline(always)]
    fn score(&mut self, x: &[&[f32]; BLOCK], bias: &[f32], block: &mut [[f32; BLOCK]], _: &[&[f32]; BLOCK]) {
        score(self.simd, x, self.weight, bias, block);
    }

    #[inline(always)]
    fn add(&mut self, x: &[&[f32]; BLOCK], residual: &[[f32; BLOCK]], next: &[&[f32]; BLOCK]) {
        tile::add(self.simd, x, residual, self.gradient, next);
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
