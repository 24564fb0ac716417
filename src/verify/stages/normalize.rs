//! normalize: rows of any length, the all-zero row, counts beyond 2²⁴.

use rand::RngExt;

use crate::backend::{Backend, DeviceError, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{SIZES, flat};
use crate::verify::{Stage, bounds};

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    for columns in SIZES.into_iter().chain([255, 256, 257, 512, 910, 4096, 65_536]) {
        // Counts of photographs; counts that f32 rounds, and squares far beyond 2³²; the largest counts there are.
        for most in [40_000, 200_000_000, u32::MAX] {
            let rows = if columns > 4096 { 2 } else { 5 };
            let id = format!("{rows}x{columns}/to-{most}");
            cases.push(Case::new(Stage::Normalize, id, move |run: &mut Run<'_, B>| {
                let counts: Vec<u32> =
                    (0..rows * columns).map(|_| run.random.random_range(0..=most)).collect();
                check(run, &counts, rows, columns)
            }));
        }
    }
    let mut add = |id: &str, rows: usize, columns: usize, count: fn(usize) -> u32| {
        let case = Case::new(Stage::Normalize, id, move |run: &mut Run<'_, B>| {
            let counts: Vec<u32> = (0..rows * columns).map(count).collect();
            check(run, &counts, rows, columns)
        });
        cases.push(if rows * columns > 4_000_000 { case.large() } else { case });
    };
    // Rows so long that a driver which ends loops early shows it.
    add("long/2x1000003", 2, 1_000_003, |at| (at % 3) as u32);
    add("long/1x5000011", 1, 5_000_011, |at| (at % 3) as u32);
    // A row of zeros before, between and after others.
    add("zeros/5x65", 5, 65, |at| u32::from(at == 65 + 64 || at == 3 * 65) * 7);
    add("zeros/1x1", 1, 1, |_| 0);
    add("one-bin/3x512", 3, 512, |at| u32::from(at % 512 == 511) * 40_000);
    add("past-65535-workgroups/66001x2", 66_001, 2, |at| (at / 2 % 5 + at % 2) as u32);
    cases
}

pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    counts: &[u32],
    rows: usize,
    columns: usize,
) -> Result<(), DeviceError> {
    let device = run.backend.upload(counts)?;
    let mut features = run.output(rows * columns)?;
    run.backend.normalize(&device, rows, columns, &mut features)?;
    let got = run.read(&features, rows * columns)?;
    judge(run, counts, columns, &got);
    Ok(())
}

/// Compares features with the reference of `counts` (rows × `columns`).
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    counts: &[u32],
    columns: usize,
    got: &[f32],
) {
    let rows = counts.chunks_exact(columns);
    let counts_2d = ndarray::Array2::from_shape_fn((rows.len(), columns), |(i, j)| counts[i * columns + j]);
    let expected = reference::normalize(counts_2d.view());
    let bound = bounds::normalize(expected.view());
    run.within("features", &flat(expected), got, &flat(bound), |at| {
        let (i, d) = (at / columns, at % columns);
        format!("row {i} of {}, column {d} of {columns}: count {}", counts.len() / columns, counts[at])
    });
}
