//! scores: every shape around the tiles, rows picked in any order.

use crate::backend::{Backend, DeviceError, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{HostRows, Linear, SIZES, Values, flat};
use crate::verify::{Stage, bounds};

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    let mut add = |prefix: &str, [n, columns, outputs]: [usize; 3], values: Values, quick: bool| {
        let id = format!("{prefix}{n}x{columns}x{outputs}{}", values.name());
        let run = move |run: &mut Run<'_, B>| check(run, [n, columns, outputs], values);
        cases.push(Case::new(Stage::Scores, id, run).quick(quick));
    };
    for n in SIZES {
        for (columns, outputs) in [(1, 1), (15, 2), (16, 16), (17, 17), (65, 3), (512, 10), (131, 33)] {
            add("", [n, columns, outputs], Values::Uniform(2.0), true);
        }
    }
    for (columns, outputs) in [(4096, 5), (4, 1000), (4096, 1), (4095, 17), (1, 1000)] {
        add("", [19, columns, outputs], Values::Uniform(2.0), true);
    }
    // Around larger tiles than any so far, in each dimension.
    for size in [127, 128, 129, 255, 256, 257] {
        add("", [size, 33, 7], Values::Uniform(2.0), true);
        add("", [37, size, 9], Values::Uniform(2.0), true);
        add("", [37, 33, size], Values::Uniform(2.0), true);
    }
    add("", [64, 4096, 1000], Values::Uniform(2.0), false);
    for shape in [[131, 512, 10], [17, 4096, 3], [64, 33, 65], [1, 1, 1], [3, 8, 1000]] {
        add("", shape, Values::Integers, true);
    }
    // Scores of thousands that cancel.
    for shape in [[131, 64, 10], [17, 512, 33]] {
        add("", shape, Values::Uniform(40.0), true);
    }
    add("past-65535-workgroups/", [64 * 65_600, 1, 1], Values::Uniform(2.0), false);
    add("past-65535-workgroups/", [64 * 65_600, 1, 1], Values::Integers, true);
    // Rows so long that a driver which ends loops early shows it; in a bound so wide as theirs lost columns could hide.
    for (shape, quick) in [
        ([1, 30_011, 1], true),
        ([1, 60_013, 17], true),
        ([3, 1_000_003, 1], false),
        ([1, 500_009, 33], false),
    ] {
        add("long/", shape, Values::Integers, quick);
    }
    // As wide and as long as arrays of 1 MiB allow.
    add("small-arrays/", [500, 512, 511], Values::Uniform(2.0), true);
    if let Some(case) = cases.pop() {
        cases.push(case.small());
    }
    // The shape of nothing: no rows, and so nothing to write.
    cases.push(Case::new(Stage::Scores, "no-rows", |run: &mut Run<'_, B>| {
        let rows = HostRows::draw(&mut run.random, 0, 5, Values::Integers);
        let device = rows.upload(run.backend)?;
        let parameters = run.backend.upload(&[1f32; 12])?;
        let mut scores = run.output(0)?;
        run.backend.scores(&device.rows(), &parameters, 2, &mut scores)?;
        run.read(&scores, 0).map(|_| ())
    }));
    cases
}

pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    [n, columns, outputs]: [usize; 3],
    values: Values,
) -> Result<(), DeviceError> {
    let rows = HostRows::draw(&mut run.random, n, columns, values);
    let parameters = values.draw(&mut run.random, outputs * (columns + 1));
    let (device, uploaded) = (rows.upload(run.backend)?, run.backend.upload(&parameters)?);
    let mut scores = run.output(n * outputs)?;
    run.backend.scores(&device.rows(), &uploaded, outputs, &mut scores)?;
    let got = run.read(&scores, n * outputs)?;
    judge(run, &rows, &Linear::new(&parameters, columns, outputs), &got, values);
    Ok(())
}

/// Compares scores (n×K) with the reference.
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    rows: &HostRows,
    linear: &Linear,
    got: &[f32],
    values: Values,
) {
    let x = rows.matrix();
    let expected = reference::scores(x.view(), linear.weight(), linear.bias());
    let bound = bounds::scores(x.view(), linear.weight(), linear.bias());
    let outputs = linear.bias().len();
    run.within("scores", &flat(expected), got, &values.bound(flat(bound)), |at| {
        let (i, k) = (at / outputs, at % outputs);
        let (row, w) = (x.row(i), linear.weight());
        let (first, weight, bias) = (row[0], w[[k, 0]], linear.bias()[k]);
        format!(
            "{}, output {k} of {outputs}: x begins with {first}, its weights with {weight}, its bias is {bias}",
            rows.name(i)
        )
    });
}
