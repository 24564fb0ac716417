//! reduce: tall, wide, accumulated, into the middle of an array.

use crate::backend::{Backend, DeviceError, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{SIZES, Values, matrix, vector};
use crate::verify::{Stage, bounds};

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    let mut add = |prefix: &str, [rows, columns]: [usize; 2], values: Values, quick: bool| {
        let id = format!("{prefix}{rows}x{columns}{}", values.name());
        let run = move |run: &mut Run<'_, B>| check(run, rows, columns, values);
        let case = Case::new(Stage::Reduce, id, run).quick(quick);
        cases.push(if rows * columns > 4_000_000 { case.large() } else { case });
    };
    for rows in SIZES.into_iter().chain([255, 256, 257, 5003]) {
        for columns in [1, 2, 3, 64, 127, 128, 129, 255, 256, 257, 5130] {
            add("", [rows, columns], Values::Uniform(3.0), rows * columns < 1_000_000);
        }
    }
    for shape in [[5003, 1], [257, 3], [1000, 130], [300, 257], [64, 5130], [1, 1]] {
        add("", shape, Values::Integers, true);
    }
    // So many rows that a driver which ends loops early shows it.
    for shape in [[1_000_003, 3], [20_000_003, 1], [900_001, 33], [70_001, 300]] {
        add("long/", shape, Values::Integers, false);
    }
    add("past-65535-workgroups/", [1, 256 * 65_600], Values::Uniform(3.0), false);
    cases
}

pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    rows: usize,
    columns: usize,
    values: Values,
) -> Result<(), DeviceError> {
    let partials = values.draw(&mut run.random, rows * columns);
    let device = run.backend.upload(&partials)?;
    // Into the middle of an array: what lies before and behind the sums stays.
    const AT: usize = 3;
    let mut sums = run.output(AT + columns)?;
    run.backend.reduce(&device, rows, columns, &mut sums, AT, false)?;
    let got = run.read(&sums, AT + columns)?;
    if let Some(at) = got[..AT].iter().position(|v| !v.is_nan()) {
        run.fail(format!("{} was written before the sums, to element {at}", got[at]), String::new());
    }
    judge(run, &partials, columns, None, &got[AT..], values);

    let before = match values {
        Values::Uniform(_) => Values::Uniform(100.0),
        Values::Integers => Values::Integers,
    };
    let before = before.draw(&mut run.random, columns);
    let mut sums = run.holding(&before)?;
    run.backend.reduce(&device, rows, columns, &mut sums, 0, true)?;
    let got = run.read(&sums, columns)?;
    judge(run, &partials, columns, Some(&before), &got, values);
    Ok(())
}

/// Compares column sums of `partials` (rows × `columns`), added to what was there `before`, with the reference.
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    partials: &[f32],
    columns: usize,
    before: Option<&[f32]>,
    got: &[f32],
    values: Values,
) {
    let numbers = matrix(partials, columns);
    let before = before.map(vector);
    let bound = bounds::reduce(numbers.view(), before.as_ref().map(|b| b.view()));
    let mut expected = reference::reduce(numbers.view());
    let name = if before.is_some() { "sums, accumulated" } else { "sums" };
    if let Some(before) = &before {
        expected += before;
    }
    run.within(name, &expected.to_vec(), got, &values.bound(bound.to_vec()), |d| {
        let before = before.as_ref().map_or(String::new(), |b| format!(", {} before", b[d]));
        let (rows, first) = (numbers.nrows(), partials[d]);
        format!("column {d} of {columns}, {rows} rows, the first of them {first}{before}")
    });
}
