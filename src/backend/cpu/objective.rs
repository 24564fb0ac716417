//! **objective** on the CPU: a block of rows is scored, turned into residuals and multiplied back while it lies in
//! a near cache. Memory is read once.

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

/// Rows of a block: with 512 features, 32 KiB, which fit the nearest cache.
pub(super) const BLOCK: usize = 16;
/// Rows of a block for the vectors of AVX-512, whose products take so little time that what is done once a block shows beside
/// them: sums of the gradient are taken up and put away, and a loss waits for its own results. Rows come from the second cache.
pub(super) const WIDE: usize = 64;
/// Numbers that such a block, its scores and the rows of the next have at most: 640 KiB of a second cache of a MiB.
const WIDE_NUMBERS: usize = 5 << 15;

/// How many of the first of `count` rows are taken in blocks of [`WIDE`] rows.
#[inline(always)]
pub(super) fn wide_rows<S: Simd>(count: usize, columns: usize, outputs: usize) -> usize {
    let pays = S::F32_LANES == 16 && WIDE * (2 * columns + outputs) <= WIDE_NUMBERS;
    if pays { count / WIDE * WIDE } else { 0 }
}

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
            pass::<L, BLOCK>(&mut packed, self.rows, self.range, self.labels, bias, rest);
            packed.gradient_to(gradient);
            return;
        }
        gradient.fill(0.0);
        let Self { rows, range, labels, .. } = self;
        let mut tiles = Tiles { simd, weight, gradient };
        let narrow = range.start + wide_rows::<S>(range.len(), columns, self.outputs);
        pass::<L, WIDE>(&mut tiles, rows, range.start..narrow, labels, bias, rest);
        pass::<L, BLOCK>(&mut tiles, rows, narrow..range.end, labels, bias, rest);
    }
}

/// All blocks of `B` rows of a range. `rest` takes up the gradient of the biases, and the loss.
#[inline(always)]
fn pass<L: OfScores, const B: usize>(
    products: &mut impl Products<B>,
    rows: &Rows<'_, Cpu>,
    range: std::ops::Range<usize>,
    labels: &Labels<'_, Cpu>,
    bias: &[f32],
    rest: &mut [f32],
) {
    let (words, weights) = (&labels.words[..], &labels.weights[..]);
    // By outputs, then rows: arithmetic on all rows of a block at once.
    let mut block = vec![[0.0f32; B]; bias.len()];
    let mut loss = 0.0;
    for first in range.clone().step_by(B) {
        let count = B.min(range.end - first);
        let x = block_of_rows(rows, first, range.end);
        // Past the end, too: the range behind it is mostly the same thread's.
        let next = block_of_rows(rows, (first + B).min(rows.count - 1), rows.count);
        let mut targets = BlockTargets { words, weights, rows: [0; B], count };
        for a in 0..B {
            targets.rows[a] = rows.index[rows.first + first + a.min(count - 1)];
        }
        products.score(&x, bias, &mut block, &next);
        loss += L::block(&mut block, &targets);
        add_rows(&mut rest[..bias.len()], &block);
        products.add(&x, &block, &next);
    }
    rest[bias.len()] += loss as f32;
}

/// Adds the residuals of a block to the gradient of the biases, in sixteen sums: one alone would wait for itself.
#[inline(always)]
pub(super) fn add_rows<const B: usize>(bias: &mut [f32], block: &[[f32; B]]) {
    for (bias, residual) in bias.iter_mut().zip(block) {
        let mut lanes = [0.0; BLOCK];
        for a in 0..B {
            lanes[a % BLOCK] += residual[a];
        }
        let mut sum = 0.0;
        for lane in lanes {
            sum += lane;
        }
        *bias += sum;
    }
}

/// Both products of a block, and what becomes of them.
pub(super) trait Products<const B: usize> {
    /// Scores of the rows `x`, K × rows; `next` are the rows of the next block.
    fn score(&mut self, x: &[&[f32]; B], bias: &[f32], block: &mut [[f32; B]], next: &[&[f32]; B]);

    /// Adds `Σ_a residual[k][a]·x[a][d]` to the gradient; `x` are the rows last scored.
    fn add(&mut self, x: &[&[f32]; B], residual: &[[f32; B]], next: &[&[f32]; B]);
}

/// The products of rows and weights where they lie.
pub(super) struct Tiles<'a, S> {
    pub(super) simd: S,
    pub(super) weight: &'a [f32],
    pub(super) gradient: &'a mut [f32],
}

impl<S: Simd, const B: usize> Products<B> for Tiles<'_, S> {
    #[inline(always)]
    fn score(&mut self, x: &[&[f32]; B], bias: &[f32], block: &mut [[f32; B]], _: &[&[f32]; B]) {
        score(self.simd, x, self.weight, bias, block);
    }

    #[inline(always)]
    fn add(&mut self, x: &[&[f32]; B], residual: &[[f32; B]], next: &[&[f32]; B]) {
        tile::add(self.simd, x, residual, self.gradient, next);
    }
}

/// Rows from `first` on; those past `end` repeat the last one.
#[inline(always)]
pub(super) fn block_of_rows<'a, const B: usize>(
    rows: &Rows<'a, Cpu>,
    first: usize,
    end: usize,
) -> [&'a [f32]; B] {
    let mut x: [&[f32]; B] = [&[]; B];
    for (a, x) in x.iter_mut().enumerate() {
        *x = row(rows, (first + a).min(end - 1));
    }
    x
}

/// Scores of a block of rows: K × rows.
#[inline(always)]
pub(super) fn score<S: Simd, const B: usize>(
    simd: S,
    x: &[&[f32]; B],
    weight: &[f32],
    bias: &[f32],
    block: &mut [[f32; B]],
) {
    let columns = x[0].len();
    output_tiles!(bias.len(), k, O => {
        let mut w: [&[f32]; O] = [&[]; O];
        for b in 0..O {
            w[b] = &weight[(k + b) * columns..(k + b + 1) * columns];
        }
        for a in (0..B).step_by(tile::ROWS) {
            let dots = tile::dots(simd, [x[a], x[a + 1], x[a + 2], x[a + 3]], w);
            for b in 0..O {
                for row in 0..tile::ROWS {
                    block[k + b][a + row] = dots[b][row] + bias[k + b];
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Loss;
    use crate::backend::cpu::array::CpuArray;
    use crate::verify::bounds::gamma;

    /// The rows of a range in wide blocks, whatever the processor's vectors are, and the rest in narrow ones.
    struct Wide<'a, L>(Task<'a, L>);

    impl<L: OfScores> WithSimd for Wide<'_, L> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Task { rows, range, labels, parameters, outputs, partial, .. } = self.0;
            let (weight, bias) = parameters.split_at(outputs * rows.columns);
            let (gradient, rest) = partial.split_at_mut(outputs * rows.columns);
            let mut tiles = Tiles { simd, weight, gradient };
            let narrow = range.start + range.len() / WIDE * WIDE;
            pass::<L, WIDE>(&mut tiles, rows, range.start..narrow, labels, bias, rest);
            pass::<L, BLOCK>(&mut tiles, rows, narrow..range.end, labels, bias, rest);
        }
    }

    /// Rows of the wide blocks, of narrow ones behind them, and a part of one.
    const COUNTS: [usize; 6] = [1, BLOCK + 1, WIDE - 1, WIDE, WIDE + 1, 2 * WIDE + BLOCK + 3];

    #[test]
    fn blocks_of_every_size_add_up_what_single_rows_do() {
        let mut state = 11u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        // As wide as wide blocks are taken for, and wider.
        let widest = (WIDE_NUMBERS / WIDE - 10) / 2;
        for (columns, outputs) in [(1, 3), (17, 6), (64, 5), (widest, 10), (widest + 1, 10)] {
            let most = COUNTS[COUNTS.len() - 1];
            let features = CpuArray::from((0..most * columns).map(|_| number()).collect::<Vec<_>>());
            // Rows are taken from behind: blocks must go by their index.
            let index = CpuArray::from((0..most as u32).rev().collect::<Vec<_>>());
            let words = CpuArray::from((0..most as u32).map(|i| i * 7 % outputs).collect::<Vec<_>>());
            let outputs = outputs as usize;
            let weights = CpuArray::from((0..2 * outputs).map(|_| number().abs()).collect::<Vec<_>>());
            let parameters: Vec<f32> = (0..outputs * (columns + 1)).map(|_| number()).collect();
            let losses = [Loss::Softmax, Loss::Sigmoid, Loss::Hinge, Loss::SquaredHinge];
            for (loss, arch) in
                losses.into_iter().flat_map(|loss| [(loss, Arch::new()), (loss, Arch::Scalar)])
            {
                let labels = Labels { loss, words: &words, weights: &weights, models: 1, mask: None };
                let sums = |first: usize, count: usize| {
                    let rows = Rows { features: &features, columns, index: &index, first, count };
                    let mut sums = vec![f32::NAN; outputs * (columns + 1) + 1];
                    let splits = Splits { rows: count, count: 1 };
                    objective(arch, &rows, splits, &labels, &parameters, outputs, &mut sums);
                    sums
                };
                // From a row on that is not the first.
                let wide = |range: std::ops::Range<usize>| {
                    let rows = &Rows { features: &features, columns, index: &index, first: 0, count: most };
                    let (labels, parameters, mut sums) =
                        (&labels, &parameters, vec![0.0; parameters.len() + 1]);
                    with_loss!(loss, L => arch.dispatch(Wide(Task {
                        loss: std::marker::PhantomData::<L>,
                        rows,
                        range,
                        labels,
                        parameters,
                        outputs,
                        partial: &mut sums,
                        #[cfg(target_arch = "x86_64")]
                        packed: None,
                    })));
                    sums
                };
                let singles: Vec<_> = (0..most).map(|row| sums(row, 1)).collect();
                let check = |got: &[f32], of: std::ops::Range<usize>, how: &str| {
                    for (i, &got) in got.iter().enumerate() {
                        let singles = || singles[of.clone()].iter().map(|single| f64::from(single[i]));
                        // Of a product and a sum for each row, twice: of all, and of the single one; the rest is slack.
                        let bound = gamma(2 * of.len() + BLOCK) * singles().map(f64::abs).sum::<f64>();
                        let off = (f64::from(got) - singles().sum::<f64>()).abs();
                        assert!(
                            off <= bound,
                            "{loss:?}, {arch:?}, {how}, rows {of:?} of {columns}, {outputs} outputs: {off} at {i}"
                        );
                    }
                };
                for count in COUNTS {
                    check(&sums(0, count), 0..count, "as it comes");
                    let range = most - count..most;
                    check(&wide(range.clone()), range, "in wide blocks");
                }
            }
        }
    }
}
