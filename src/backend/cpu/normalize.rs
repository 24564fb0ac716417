//! **normalize** on the CPU. The norm is summed in f64, as OpenCV does: counts and their squares are exact there.

use rayon::prelude::*;

/// Bins that a thread normalizes sooner than it wakes another.
const ALONE: usize = 1 << 15;

pub(super) fn normalize(counts: &[u32], columns: usize, features: &mut [f32]) {
    let rows = counts.par_chunks_exact(columns).zip(features.par_chunks_exact_mut(columns));
    rows.with_min_len(ALONE.div_ceil(columns.max(1))).for_each(|(counts, features)| {
        let squares: f64 = counts.iter().map(|&c| f64::from(c) * f64::from(c)).sum();
        let scale = if squares > 0.0 { 1.0 / squares.sqrt() } else { 0.0 };
        for (feature, &count) in features.iter_mut().zip(counts) {
            *feature = (f64::from(count) * scale) as f32;
        }
    });
}
