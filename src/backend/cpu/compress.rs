//! Features without their zeros, on the CPU: runs of rows on all threads.

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
    let counts: Vec<u64> = features.par_chunks(task).map(count).collect();
    let found: u64 = counts.iter().sum();
    if found as f64 >= below * features.len() as f64 || found > u64::from(u32::MAX) {
        return None;
    }
    let found = found as usize;
    let mut all: Parts = (vec![0; features.len() / columns + 1], vec![0; found], vec![0.0; found]);
    // Every task writes where it belongs: parts that were joined later would take the memory twice.
    let (mut columns_left, mut values_left, mut before) = (&mut all.1[..], &mut all.2[..], 0);
    let mut tasks = Vec::new();
    let of_tasks = features.chunks(task).zip(all.0[1..].chunks_mut(TASK)).zip(counts);
    for ((part, ends), count) in of_tasks {
        let (of_columns, of_values);
        (of_columns, columns_left) = columns_left.split_at_mut(count as usize);
        (of_values, values_left) = values_left.split_at_mut(count as usize);
        tasks.push((part, before, ends, of_columns, of_values));
        before += count as u32;
    }
    tasks.into_par_iter().for_each(|(part, before, ends, of_columns, of_values)| {
        of_rows(part, columns, before, (ends, of_columns, of_values));
    });
    Some(all)
}

/// Ends of some rows, with `before` features before them that are not zero, their columns and values.
fn of_rows(
    features: &[f32],
    columns: usize,
    before: u32,
    (ends, of_columns, of_values): (&mut [u32], &mut [u32], &mut [f32]),
) {
    let mut at = 0;
    for (row, end) in features.chunks_exact(columns).zip(ends) {
        for (d, &x) in row.iter().enumerate() {
            if x != 0.0 {
                (of_columns[at], of_values[at]) = (d as u32, x);
                at += 1;
            }
        }
        *end = before + at as u32;
    }
}
