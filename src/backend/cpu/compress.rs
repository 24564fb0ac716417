//! Features without their zeros, on the CPU: runs of rows on all threads, joined in order.

use rayon::prelude::*;

/// Rows of one task.
const TASK: usize = 256;

/// Offsets of rows, columns and values.
pub(super) type Parts = (Vec<u32>, Vec<u32>, Vec<f32>);

/// What of `features` (rows × `columns`) is not zero; `None` where that is a share of `below` or more, or more than
/// can be counted in 32 bits.
pub(super) fn compress(features: &[f32], columns: usize, below: f64) -> Option<Parts> {
    let task = TASK * columns;
    let count = |part: &[f32]| part.iter().map(|&x| u64::from(x != 0.0)).sum::<u64>();
    let found: u64 = features.par_chunks(task).map(count).sum();
    if found as f64 >= below * features.len() as f64 || found > u64::from(u32::MAX) {
        return None;
    }
    let parts: Vec<Parts> = features.par_chunks(task).map(|part| of_rows(part, columns)).collect();
    let mut all = (vec![0], Vec::with_capacity(found as usize), Vec::with_capacity(found as usize));
    for (ends, columns, values) in parts {
        let before = all.1.len() as u32;
        all.0.extend(ends.iter().map(|end| before + end));
        all.1.extend(columns);
        all.2.extend(values);
    }
    Some(all)
}

/// Ends of some rows, columns and values.
fn of_rows(features: &[f32], columns: usize) -> Parts {
    let mut parts = (Vec::new(), Vec::new(), Vec::new());
    for row in features.chunks_exact(columns) {
        for (d, &x) in row.iter().enumerate() {
            if x != 0.0 {
                parts.1.push(d as u32);
                parts.2.push(x);
            }
        }
        parts.0.push(parts.1.len() as u32);
    }
    parts
}
