//! gradient: every shape around tiles and splits; bias sums; rows in any order.

use ndarray::s;
use rayon::prelude::*;

use crate::backend::{Backend, DeviceError, Splits, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{HostRows, SIZES, Values, matrix, parameter};
use crate::verify::{Stage, bounds};

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    let mut add = |prefix: &str, [n, columns, outputs]: [usize; 3], values: Values, quick: bool| {
        let id = format!("{prefix}{n}x{columns}x{outputs}{}", values.name());
        let run = move |run: &mut Run<'_, B>| check(run, [n, columns, outputs], values);
        cases.push(Case::new(Stage::Gradient, id, run).quick(quick));
    };
    for n in SIZES.into_iter().chain([0, 127, 128, 129, 255, 256, 257, 1031]) {
        for (columns, outputs) in [(1, 1), (63, 2), (64, 8), (65, 9), (512, 10), (131, 33)] {
            add("", [n, columns, outputs], Values::Uniform(2.0), true);
        }
    }
    for (columns, outputs) in [(4096, 3), (4096, 1), (3, 1000), (1, 1000)] {
        add("", [300, columns, outputs], Values::Uniform(2.0), true);
    }
    add("", [131, 4096, 1000], Values::Uniform(2.0), false);
    // More rows than the most splits of the shortest length.
    add("", [70_001, 17, 3], Values::Uniform(2.0), true);
    for shape in [[1031, 512, 10], [300, 65, 9], [33, 4096, 3], [129, 3, 1000], [70_001, 5, 2]] {
        add("", shape, Values::Integers, true);
    }
    // So many rows that a driver which ends loops early shows it.
    add("long/", [1_000_003, 1, 1], Values::Integers, true);
    add("long/", [9_000_011, 1, 1], Values::Integers, false);
    add("long/", [1_500_007, 5, 17], Values::Integers, false);
    add("past-65535-workgroups/", [1, 64 * 65_600, 1], Values::Uniform(2.0), false);
    add("past-65535-workgroups/", [1, 64 * 65_600, 1], Values::Integers, true);
    // Partial sums as many as 1 MiB holds, and no more.
    for values in [Values::Uniform(2.0), Values::Integers] {
        let run = move |run: &mut Run<'_, B>| check(run, [1300, 120, 200], values);
        let id = format!("small-arrays/1300x120x200{}", values.name());
        cases.push(Case::new(Stage::Gradient, id, run).small());
    }
    cases
}

pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    [n, columns, outputs]: [usize; 3],
    values: Values,
) -> Result<(), DeviceError> {
    let rows = HostRows::draw(&mut run.random, n, columns, values);
    let residual = values.draw(&mut run.random, n * outputs);
    let (device, uploaded) = (rows.upload(run.backend)?, run.backend.upload(&residual)?);
    let splits = run.backend.splits(n, columns, outputs);
    let len = splits.count * outputs * (columns + 1);
    let mut partials = run.output(len)?;
    run.backend.gradient(&device.rows(), &uploaded, outputs, &mut partials)?;
    let got = run.read(&partials, len)?;
    judge(run, &rows, &residual, outputs, splits, &got, values);
    Ok(())
}

/// Compares partial sums (P × (K·D + K)) with the reference.
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    rows: &HostRows,
    residual: &[f32],
    outputs: usize,
    splits: Splits,
    got: &[f32],
    values: Values,
) {
    let (x, residual) = (rows.matrix(), matrix(residual, outputs));
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = (0..splits.count)
        .into_par_iter()
        .map(|p| {
            let range = splits.range(p, rows.count);
            let range = s![range.start..range.end, ..];
            let flat = |(w, b): (ndarray::Array2<f64>, ndarray::Array1<f64>)| -> Vec<f64> {
                w.iter().chain(&b).copied().collect()
            };
            let (x, residual) = (x.slice(range), residual.slice(range));
            (flat(reference::gradient(x, residual)), flat(bounds::gradient(x, residual)))
        })
        .collect();
    let (expected, bound): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let (columns, width) = (rows.columns, outputs * (rows.columns + 1));
    run.within("partial sums", &expected.concat(), got, &values.bound(bound.concat()), |at| {
        let (p, j) = (at / width, at % width);
        let range = splits.range(p, rows.count);
        format!(
            "partial sum {p} of {} (rows {} to {} of {}, D {columns}, K {outputs}), {}",
            splits.count,
            range.start,
            range.end,
            rows.count,
            parameter(j, columns, outputs)
        )
    });
}
