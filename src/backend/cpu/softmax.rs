//! **softmax** and cross-entropy on the CPU: the largest score of a row is taken off it before anything is raised to a
//! power, so rows a thousand apart do not disturb each other.

// Indices of rows of a block, as in the formulas; iterators over them cost inlining.
#![allow(clippy::needless_range_loop)]

use super::elementary::{exp, ln};
use super::loss::{BlockTargets, OfScores};
use crate::backend::NO_LABEL;

/// Sums that are added to in turn: one alone would wait for itself.
const LANES: usize = 16;

pub(super) struct Softmax;

impl OfScores for Softmax {
    #[inline(always)]
    fn row(scores: &[f32], target: &[u32], weights: &[f32], residual: &mut [f32]) -> f32 {
        let label = target[0];
        let weight = if label == NO_LABEL { 1.0 } else { weights[label as usize] };
        let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for (r, &s) in residual.iter_mut().zip(scores) {
            *r = exp(s - max);
        }
        let mut lanes = [0.0f32; LANES];
        for part in residual.chunks(LANES) {
            lanes.iter_mut().zip(part).for_each(|(sum, power)| *sum += power);
        }
        let sum: f32 = lanes.iter().sum();
        let scale = weight / sum;
        residual.iter_mut().for_each(|r| *r *= scale);
        if label == NO_LABEL {
            return 0.0;
        }
        let y = label as usize;
        residual[y] -= weight;
        weight * ((max - scores[y]) + ln(sum))
    }

    #[inline(always)]
    fn block<const B: usize>(block: &mut [[f32; B]], targets: &BlockTargets<'_, B>) -> f64 {
        let (labels, count) = (targets.labels(), targets.count);
        let mut max = [f32::NEG_INFINITY; B];
        for scores in block.iter() {
            for a in 0..B {
                max[a] = if scores[a] > max[a] { scores[a] } else { max[a] };
            }
        }
        let (mut own, mut weight) = ([0.0; B], [0.0; B]);
        for a in 0..count {
            weight[a] = 1.0;
            if labels[a] != NO_LABEL {
                own[a] = block[labels[a] as usize][a];
                weight[a] = targets.weights[labels[a] as usize];
            }
        }
        let mut sum = [0.0f32; B];
        for scores in block.iter_mut() {
            for a in 0..B {
                scores[a] = exp(scores[a] - max[a]);
                sum[a] += scores[a];
            }
        }
        // Rows that are not there have weight 0.
        let (mut scale, mut log) = ([0.0; B], [0.0; B]);
        for a in 0..B {
            scale[a] = weight[a] / sum[a];
            log[a] = ln(sum[a]);
        }
        for scores in block.iter_mut() {
            for a in 0..B {
                scores[a] *= scale[a];
            }
        }
        let mut loss = 0.0;
        for a in 0..count {
            if labels[a] != NO_LABEL {
                block[labels[a] as usize][a] -= weight[a];
                loss += f64::from(weight[a] * ((max[a] - own[a]) + log[a]));
            }
        }
        loss
    }
}
