//! **reduce** on the CPU: column sums, row after row in order.

use rayon::prelude::*;

/// Columns of one task: a run of whole cache lines.
const TASK: usize = 1024;
/// Numbers that a thread adds up sooner than it wakes another: what lies in its cache.
const ALONE: usize = 1 << 18;

pub(super) fn reduce(partials: &[f32], sums: &mut [f32], accumulate: bool) {
    let columns = sums.len();
    if columns == 1 {
        // A tall column is summed in f64: one long chain of additions in f32 would lose digits.
        let sum = partials.iter().map(|&p| f64::from(p)).sum::<f64>();
        sums[0] = if accumulate { (f64::from(sums[0]) + sum) as f32 } else { sum as f32 };
        return;
    }
    let rows = (partials.len() / columns.max(1)).max(1);
    sums.par_chunks_mut(TASK).enumerate().with_min_len((ALONE / TASK).div_ceil(rows)).for_each(
        |(task, sums)| {
            if !accumulate {
                sums.fill(0.0);
            }
            let at = task * TASK;
            for row in partials.chunks_exact(columns) {
                sums.iter_mut().zip(&row[at..]).for_each(|(sum, p)| *sum += p);
            }
        },
    );
}
