//! **hinge** and **squared-hinge** of Weston and Watkins on the CPU: the margin of every output against the label's.

// Indices of rows of a block, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use super::loss::{BlockTargets, OfScores};
use crate::backend::NO_LABEL;

pub(super) struct Hinge<const SQUARED: bool>;

/// Derivative and loss of one margin. Written so that the loss of a NaN is a NaN: a training that diverged must be seen.
#[inline(always)]
fn output<const SQUARED: bool>(score: f32, own: f32) -> (f32, f32) {
    let margin = (score - own) + 1.0;
    let above = if margin < 0.0 { 0.0 } else { margin };
    if SQUARED { (2.0 * above, above * above) } else { (if margin > 0.0 { 1.0 } else { 0.0 }, above) }
}

impl<const SQUARED: bool> OfScores for Hinge<SQUARED> {
    #[inline(always)]
    fn row(scores: &[f32], target: &[u32], weights: &[f32], residual: &mut [f32]) -> f32 {
        if target[0] == NO_LABEL {
            residual.fill(0.0);
            return 0.0;
        }
        let y = target[0] as usize;
        let (own, weight) = (scores[y], weights[y]);
        let (mut slopes, mut sum) = (0.0, 0.0);
        for k in 0..scores.len() {
            let (slope, loss) = output::<SQUARED>(scores[k], own);
            let (slope, loss) = if k == y { (0.0, 0.0) } else { (slope, loss) };
            residual[k] = weight * slope;
            slopes += slope;
            sum += loss;
        }
        residual[y] = -(weight * slopes);
        weight * sum
    }

    #[inline(always)]
    fn block<const B: usize>(block: &mut [[f32; B]], targets: &BlockTargets<'_, B>) -> f64 {
        let (labels, count) = (targets.labels(), targets.count);
        // Rows that are not there, and rows without a label, have weight 0.
        let (mut own, mut weight) = ([0.0; B], [0.0; B]);
        for a in 0..count {
            if labels[a] != NO_LABEL {
                own[a] = block[labels[a] as usize][a];
                weight[a] = targets.weights[labels[a] as usize];
            }
        }
        let (mut slopes, mut sums) = ([0.0f32; B], [0.0f32; B]);
        for (k, scores) in block.iter_mut().enumerate() {
            for a in 0..B {
                let (slope, loss) = output::<SQUARED>(scores[a], own[a]);
                let other = labels[a] != k as u32;
                let (slope, loss) = if other { (slope, loss) } else { (0.0, 0.0) };
                scores[a] = weight[a] * slope;
                slopes[a] += slope;
                sums[a] += loss;
            }
        }
        let mut loss = 0.0;
        for a in 0..count {
            if labels[a] != NO_LABEL {
                block[labels[a] as usize][a] = -(weight[a] * slopes[a]);
                loss += f64::from(weight[a] * sums[a]);
            }
        }
        loss
    }
}
