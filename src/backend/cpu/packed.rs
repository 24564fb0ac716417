//! The products of `tile` for AVX2, over copies that lie in the order in which they are read.
//!
//! A block of 16 rows of 512 features fills the nearest cache by itself, and its rows, 2 KiB apart, share a few of the
//! cache's sets with each other and with the rows of the gradient. Copied into strips of columns while they are scored,
//! they are read in one stream when they are multiplied back (`benches/results/2026-11-23-avx2-copies-and-stages.txt`). The sums are those of `tile`,
//! to the bit but for the gradient of columns past the last eight, which `tile` adds up in another order.

// Indices of tiles, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use pulp::x86::V3;
use pulp::{Simd, f32x8};

use super::objective::{BLOCK, Products};
use super::tile::{self, OUTPUTS, output_tiles};

/// Columns of a strip: a cache line.
const STRIP: usize = 16;
/// Vectors of a strip.
const VECTORS: usize = STRIP / 8;
/// Rows scored at once: 2 × 5 sums, two rows and a weight fit 16 registers.
const PAIR: usize = 2;
/// The tiles of outputs of each product that prefetch rows of the next block: there are no fewer where copies pay.
const PREFETCHING: usize = 2;
/// Rows that each of them prefetches.
const ROWS_OF_TILE: usize = BLOCK / 2 / PREFETCHING;
/// Columns from which on the zeros behind a row, less than a strip, are few beside it.
const COLUMNS: usize = 8 * STRIP;
/// Rows from which on clearing the gradient and putting it in order takes little beside what copies save.
const ROWS: usize = 4 * BLOCK;

/// The columns of a strip, in a cache line of their own; zeros past the last column.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy)]
pub(super) struct Line([f32; STRIP]);

const ZEROS: Line = Line([0.0; STRIP]);

#[inline(always)]
fn vectors(strip: &[f32; STRIP]) -> &[f32x8; VECTORS] {
    bytemuck::cast_ref(strip)
}

/// A line for each row of a block, and one that keeps strips from sharing sets of the cache.
type StripOfRows = [Line; BLOCK + 1];
/// A line for each output of a tile; zeros past the last output.
pub(super) type StripOfOutputs = [Line; OUTPUTS];

/// Whether copies pay. With one tile of outputs they are read once, and cost more than they save.
pub(super) fn pays(rows: usize, columns: usize, outputs: usize) -> bool {
    rows >= ROWS && columns >= COLUMNS && outputs > OUTPUTS
}

/// Weights, K×D, tile by tile of outputs, and strip by strip.
pub(super) fn pack(weight: &[f32], columns: usize, outputs: usize) -> Vec<StripOfOutputs> {
    let strips = columns.div_ceil(STRIP);
    let mut packed = vec![[ZEROS; OUTPUTS]; outputs.div_ceil(OUTPUTS) * strips];
    for (k, weight) in weight.chunks_exact(columns.max(1)).enumerate() {
        for (j, weight) in weight.chunks(STRIP).enumerate() {
            packed[k / OUTPUTS * strips + j][k % OUTPUTS].0[..weight.len()].copy_from_slice(weight);
        }
    }
    packed
}

/// The weights, a block of rows, strip by strip, and the sum of the gradient, as the weights lie.
pub(super) struct Packed<'a> {
    simd: V3,
    columns: usize,
    strips: usize,
    weights: &'a [StripOfOutputs],
    rows: Vec<StripOfRows>,
    gradient: Vec<StripOfOutputs>,
}

impl<'a> Packed<'a> {
    /// For rows of `columns` features, and weights as [`pack`] leaves them.
    pub(super) fn new(simd: V3, weights: &'a [StripOfOutputs], columns: usize) -> Self {
        let strips = columns.div_ceil(STRIP);
        let rows = vec![[ZEROS; BLOCK + 1]; strips];
        Self { simd, columns, strips, weights, rows, gradient: vec![[ZEROS; OUTPUTS]; weights.len()] }
    }

    /// The sum of the gradient, K×D.
    pub(super) fn gradient_to(&self, gradient: &mut [f32]) {
        for (k, gradient) in gradient.chunks_exact_mut(self.columns.max(1)).enumerate() {
            for (j, gradient) in gradient.chunks_mut(STRIP).enumerate() {
                let line = &self.gradient[k / OUTPUTS * self.strips + j][k % OUTPUTS];
                gradient.copy_from_slice(&line.0[..gradient.len()]);
            }
        }
    }
}

impl Products<BLOCK> for Packed<'_> {
    /// The rows are kept for [`Packed::add`].
    #[inline(always)]
    fn score(
        &mut self,
        x: &[&[f32]; BLOCK],
        bias: &[f32],
        block: &mut [[f32; BLOCK]],
        next: &[&[f32]; BLOCK],
    ) {
        let whole = self.columns / STRIP;
        for a in 0..BLOCK {
            let rest = &x[a][whole * STRIP..];
            if !rest.is_empty() {
                self.rows[whole][a].0[..rest.len()].copy_from_slice(rest);
            }
        }
        output_tiles!(bias.len(), k, O => for a in (0..BLOCK).step_by(PAIR) {
            let prefetch = Prefetch::new(next, k / OUTPUTS, a / PAIR, self.strips);
            let scores = self.score_pair::<O>(x, a, k / OUTPUTS, &prefetch);
            for b in 0..O {
                for row in 0..PAIR {
                    block[k + b][a + row] = scores[row][b] + bias[k + b];
                }
            }
        });
    }

    #[inline(always)]
    fn add(&mut self, _: &[&[f32]; BLOCK], residual: &[[f32; BLOCK]], next: &[&[f32]; BLOCK]) {
        output_tiles!(residual.len(), k, O => {
            let t = k / OUTPUTS;
            let from = BLOCK / 2 + t * ROWS_OF_TILE;
            let next = if t < PREFETCHING { &next[from..from + ROWS_OF_TILE] } else { &[] };
            self.add_tile::<O>(&residual[k..k + O], t, next);
        });
    }
}

impl Packed<'_> {
    /// Products of the rows `a` and `a + 1` with the weights of tile `t`. The first tile copies them.
    #[inline(always)]
    fn score_pair<const O: usize>(
        &mut self,
        x: &[&[f32]; BLOCK],
        a: usize,
        t: usize,
        prefetch: &Prefetch,
    ) -> [[f32; OUTPUTS]; PAIR] {
        let simd = self.simd;
        let weights = &self.weights[t * self.strips..(t + 1) * self.strips];
        let mut sums = [[simd.splat_f32s(0.0); O]; PAIR];
        let mut copied = 0;
        if t == 0 {
            copied = self.columns / STRIP;
            let [first, second] = [x[a].as_chunks::<STRIP>().0, x[a + 1].as_chunks::<STRIP>().0];
            let strips = self.rows.iter_mut().zip(weights).zip(first.iter().zip(second));
            for (j, ((rows, weights), (first, second))) in strips.enumerate() {
                prefetch.line(j);
                rows[a].0 = *first;
                rows[a + 1].0 = *second;
                products(simd, [first, second], weights, &mut sums);
            }
        }
        for (j, (rows, weights)) in self.rows.iter().zip(weights).enumerate().skip(copied) {
            prefetch.line(j);
            products(simd, [&rows[a].0, &rows[a + 1].0], weights, &mut sums);
        }
        add_lanes(simd, &sums)
    }

    /// Adds what the rows make of the residuals of tile `t`, and prefetches the rows `next`.
    #[inline(always)]
    fn add_tile<const O: usize>(&mut self, residual: &[[f32; BLOCK]], t: usize, next: &[&[f32]]) {
        let simd = self.simd;
        // By rows, then outputs, as they are taken up.
        let mut of_tile = [[0.0f32; O]; BLOCK];
        for b in 0..O {
            for a in 0..BLOCK {
                of_tile[a][b] = residual[b][a];
            }
        }
        let gradient = &mut self.gradient[t * self.strips..(t + 1) * self.strips];
        for (j, (rows, gradient)) in self.rows.iter().zip(gradient).enumerate() {
            for row in next {
                tile::prefetch::<true, _>(row.as_ptr().wrapping_add(j * STRIP));
            }
            let mut sums = [[simd.splat_f32s(0.0); VECTORS]; O];
            for a in 0..BLOCK {
                let x = vectors(&rows[a].0);
                for b in 0..O {
                    let residual = simd.splat_f32s(of_tile[a][b]);
                    for v in 0..VECTORS {
                        sums[b][v] = simd.mul_add_e_f32s(residual, x[v], sums[b][v]);
                    }
                }
            }
            for b in 0..O {
                let gradient: &mut [f32x8; VECTORS] = bytemuck::cast_mut(&mut gradient[b].0);
                for v in 0..VECTORS {
                    gradient[v] = simd.add_f32s(gradient[v], sums[b][v]);
                }
            }
        }
    }
}

/// Adds products of a strip of two rows with the weights of a tile, lane by lane.
#[inline(always)]
fn products<const O: usize>(
    simd: V3,
    [first, second]: [&[f32; STRIP]; PAIR],
    weights: &StripOfOutputs,
    sums: &mut [[f32x8; O]; PAIR],
) {
    let (first, second) = (vectors(first), vectors(second));
    for v in 0..VECTORS {
        for b in 0..O {
            let w = vectors(&weights[b].0)[v];
            sums[0][b] = simd.mul_add_e_f32s(first[v], w, sums[0][b]);
            sums[1][b] = simd.mul_add_e_f32s(second[v], w, sums[1][b]);
        }
    }
}

/// The lanes of each sum, added; zeros past the last output.
#[inline(always)]
fn add_lanes<const O: usize>(simd: V3, sums: &[[f32x8; O]; PAIR]) -> [[f32; OUTPUTS]; PAIR] {
    // Four vectors at a time: four outputs of each row, and the fifth of both.
    let mut fours = [[pulp::cast([0u32; 8]); 4]; PAIR + 1];
    for row in 0..PAIR {
        for b in 0..O {
            let (i, at) = if b < 4 { (row, b) } else { (PAIR, row) };
            fours[i][at] = bytemuck::cast(sums[row][b]);
        }
    }
    let mut out = [[0.0; OUTPUTS]; PAIR];
    for row in 0..PAIR {
        out[row][..4].copy_from_slice(&tile::avx::add_lanes(simd, fours[row]));
    }
    if O > 4 {
        let last = tile::avx::add_lanes(simd, fours[PAIR]);
        for row in 0..PAIR {
            out[row][4] = last[row];
        }
    }
    out
}

/// Half of the next block, fetched line by line while this one is scored; the other half while it is multiplied back.
/// Fetched all at once, lines would wait for each other.
struct Prefetch {
    /// The first line; null where all has been fetched.
    from: *const f32,
}

impl Prefetch {
    /// What the `pair`-th pair of rows fetches while it is multiplied with the weights of tile `t`: half a row.
    #[inline(always)]
    fn new(next: &[&[f32]; BLOCK], t: usize, pair: usize, strips: usize) -> Self {
        let from = if t < PREFETCHING {
            next[t * ROWS_OF_TILE + pair / 2].as_ptr().wrapping_add(pair % 2 * (strips / 2) * STRIP)
        } else {
            std::ptr::null()
        };
        Self { from }
    }

    /// A line with every other strip.
    #[inline(always)]
    fn line(&self, strip: usize) {
        if !self.from.is_null() && strip.is_multiple_of(2) {
            tile::prefetch::<true, _>(self.from.wrapping_add(strip / 2 * STRIP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::objective::Tiles;
    use super::*;
    use crate::verify::bounds::gamma;

    /// Scores of two blocks of rows, which stand one after the other in `x`; the gradient grows by them.
    fn two_blocks(products: &mut impl Products<BLOCK>, x: &[f32], bias: &[f32], columns: usize) -> Vec<u32> {
        let row = |i: usize| &x[i * columns..(i + 1) * columns];
        let blocks: [[&[f32]; BLOCK]; 2] =
            [std::array::from_fn(row), std::array::from_fn(|a| row(BLOCK + a))];
        let mut scores = Vec::new();
        for (x, next) in [(&blocks[0], &blocks[1]), (&blocks[1], &blocks[1])] {
            let mut block = vec![[f32::NAN; BLOCK]; bias.len()];
            products.score(x, bias, &mut block, next);
            products.add(x, &block, next);
            scores.extend(block.iter().flatten().map(|score| score.to_bits()));
        }
        scores
    }

    #[test]
    fn copies_change_no_sum() {
        let Some(simd) = V3::try_new() else {
            eprintln!("SKIPPED: no AVX2 here, nothing to compare");
            return;
        };
        let mut state = 7u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        for columns in [0, 1, 7, 8, 15, 16, 17, 31, 40, 64, 517] {
            for outputs in [1, 4, 5, 6, 10, 13, 26] {
                let x: Vec<f32> = (0..2 * BLOCK * columns).map(|_| number()).collect();
                let weight: Vec<f32> = (0..outputs * columns).map(|_| number()).collect();
                let bias: Vec<f32> = (0..outputs).map(|_| number()).collect();
                let mut gradient = vec![0.0; weight.len()];
                let mut tiles = Tiles { simd, weight: &weight, gradient: &mut gradient };
                let scores = two_blocks(&mut tiles, &x, &bias, columns);
                let weights = pack(&weight, columns, outputs);
                let mut packed = Packed::new(simd, &weights, columns);
                let of_copies = two_blocks(&mut packed, &x, &bias, columns);
                let mut copied = vec![f32::NAN; weight.len()];
                packed.gradient_to(&mut copied);
                assert_eq!(scores, of_copies, "{columns} columns, {outputs} outputs");
                for (i, (a, b)) in gradient.iter().zip(&copied).enumerate() {
                    let (k, d) = (i / columns, i % columns);
                    // Scores were the residuals: blocks, then outputs, then rows.
                    let residual = |row: usize| scores[(row / BLOCK * outputs + k) * BLOCK + row % BLOCK];
                    let product = |row: usize| f32::from_bits(residual(row)) * x[row * columns + d];
                    let size: f64 = (0..2 * BLOCK).map(|row| f64::from(product(row).abs())).sum();
                    // 32 products and sums in one order, 16 and 1 twice in the other.
                    let bound = 2.0 * gamma(2 * BLOCK + 2) * size;
                    let equal = if d < columns / 8 * 8 {
                        a.to_bits() == b.to_bits()
                    } else {
                        f64::from((a - b).abs()) <= bound
                    };
                    assert!(equal, "{columns} columns, {outputs} outputs: {a} and {b} at {i}");
                }
            }
        }
    }
}
