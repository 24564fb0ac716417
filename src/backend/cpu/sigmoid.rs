//! **sigmoid** and binary cross-entropy on the CPU. A label turns its score around: −ln σ(s) = −ln(1 − σ(−s)). Powers are of
//! −|s| alone, so that scores of ±1,000 are as safe as any, and small losses as exact as large ones.

// Indices of rows of a block, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use super::elementary::{exp, ln_1p};
use super::loss::{BlockTargets, OfScores};

/// Labels of a word.
const BITS: usize = 32;
/// Sums that are added to in turn: one alone would wait for itself.
const LANES: usize = 16;

pub(super) struct Sigmoid;

/// Residual and loss of one output, where `has` says whether its row has the label.
#[inline(always)]
fn output(score: f32, has: bool, weight: f32) -> (f32, f32) {
    let s = if has { -score } else { score };
    let below = s < 0.0;
    let power = exp(if below { s } else { -s });
    let residual = if below { power } else { 1.0 } / (1.0 + power);
    let loss = if below { 0.0 } else { s } + ln_1p(power);
    (if has { -weight } else { weight } * residual, weight * loss)
}

impl OfScores for Sigmoid {
    #[inline(always)]
    fn row(scores: &[f32], target: &[u32], weights: &[f32], residual: &mut [f32]) -> f32 {
        let (with, without) = weights.split_at(scores.len());
        let mut sums = [0.0f32; LANES];
        for (first, word) in (0..scores.len()).step_by(BITS).zip(target) {
            let end = (first + BITS).min(scores.len());
            let (scores, residual) = (&scores[first..end], &mut residual[first..end]);
            let (with, without) = (&with[first..end], &without[first..end]);
            for k in 0..end - first {
                let has = word >> k & 1 == 1;
                let (r, loss) = output(scores[k], has, if has { with[k] } else { without[k] });
                residual[k] = r;
                sums[k % LANES] += loss;
            }
        }
        sums.iter().sum()
    }

    #[inline(always)]
    fn block<const B: usize>(block: &mut [[f32; B]], targets: &BlockTargets<'_, B>) -> f64 {
        let outputs = block.len();
        let width = outputs.div_ceil(BITS);
        let (with, without) = targets.weights[..2 * outputs].split_at(outputs);
        let (mut losses, mut words) = ([0.0f32; B], [0u32; B]);
        // Rows that are not there have weight 0.
        let mut there = [0.0f32; B];
        for a in 0..targets.count {
            there[a] = 1.0;
        }
        for k in 0..outputs {
            if k % BITS == 0 {
                for a in 0..B {
                    words[a] = targets.words[targets.rows[a] as usize * width + k / BITS];
                }
            }
            let scores = &mut block[k];
            for a in 0..B {
                let has = words[a] >> (k % BITS) & 1 == 1;
                let weight = if has { with[k] } else { without[k] };
                let (r, loss) = output(scores[a], has, weight * there[a]);
                scores[a] = r;
                losses[a] += loss;
            }
        }
        let mut loss = 0.0;
        for a in 0..targets.count {
            loss += f64::from(losses[a]);
        }
        loss
    }
}
