//! objective-sparse: features without their zeros against the reference. Some rows are empty, some have no zero at all.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::objective::judge_against;
use crate::backend::{Backend, DeviceError, Loss, Sparse, Targets, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{DeviceTargets, HostRows, Linear, SIZES, Values, targets, vector, weights};
use crate::verify::{Stage, bounds};

/// A loss, and whether its labels have weights other than 1.
type Kind = (Loss, bool);
const SOFTMAX: Kind = (Loss::Softmax, false);

/// Share of the features of most rows that are not zero.
pub(super) const SHARE: f64 = 0.1;

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    let mut add = |prefix: &str, kind: Kind, shape: [usize; 3], share: f64, quick: bool| {
        let [n, columns, outputs] = shape;
        let run = move |run: &mut Run<'_, B>| check(run, kind, shape, share);
        let case = Case::new(Stage::ObjectiveSparse, format!("{prefix}{n}x{columns}x{outputs}"), run);
        cases.push(case.sparse(shape).quick(quick));
    };
    for n in SIZES.into_iter().chain([0, 127, 128, 129, 1031]) {
        for (columns, outputs) in [(1, 1), (63, 2), (65, 9), (512, 10), (131, 33)] {
            add("", SOFTMAX, [n, columns, outputs], SHARE, true);
        }
    }
    // Around vectors, and around tiles of four of them.
    for outputs in [3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 48, 49, 64, 65, 80, 129, 1000] {
        add("", SOFTMAX, [97, 65, outputs], SHARE, true);
    }
    for (columns, outputs) in [(4096, 3), (4096, 16), (4095, 1), (1, 16), (1, 1000), (3, 1000)] {
        add("", SOFTMAX, [300, columns, outputs], SHARE, true);
    }
    add("", SOFTMAX, [70_001, 17, 3], SHARE, true);
    add("", SOFTMAX, [131, 4096, 1000], SHARE, false);
    add("", SOFTMAX, [20_003, 512, 10], SHARE, false);
    for (name, share) in [("zeros/", 0.0), ("no-zeros/", 1.0)] {
        add(name, SOFTMAX, [131, 65, 9], share, true);
        add(name, SOFTMAX, [300, 512, 10], share, true);
    }
    for kind in Loss::ALL.into_iter().flat_map(|loss| [(loss, false), (loss, true)]) {
        if kind == SOFTMAX {
            continue;
        }
        let name = format!("{}{}/", kind.0, if kind.1 { "/weighted" } else { "" });
        for (n, columns, outputs) in [(0, 65, 9), (17, 63, 2), (131, 65, 9), (131, 131, 33), (257, 512, 10)] {
            add(&name, kind, [n, columns, outputs], SHARE, true);
        }
    }
    for (rows, columns) in [(0, 7), (1, 1), (255, 65), (256, 65), (257, 65), (1031, 131), (5, 4096)] {
        let run = move |run: &mut Run<'_, B>| compress(run, rows, columns);
        let case = Case::new(Stage::ObjectiveSparse, format!("compress/{rows}x{columns}"), run);
        cases.push(case.sparse([rows, columns, 1]));
    }
    cases
}

/// Rows of which a share of `share` of the features is not zero; of one row in five nothing, and of one in five all.
pub(super) fn draw(random: &mut ChaCha8Rng, n: usize, columns: usize, share: f64) -> HostRows {
    let mut rows = HostRows::draw(random, n, columns, Values::Uniform(1.0));
    for (i, row) in rows.features.chunks_exact_mut(columns).enumerate() {
        let share = match i % 5 {
            1 => 0.0,
            3 if share > 0.0 => 1.0,
            _ => share,
        };
        for x in row {
            // Zero has two signs.
            if !random.random_bool(share) {
                *x = if *x < 0.0 { -0.0 } else { 0.0 };
            }
        }
    }
    rows
}

/// Offsets, columns and values of rows of `columns` features.
fn compressed(features: &[f32], columns: usize) -> (Vec<u32>, Vec<u32>, Vec<f32>) {
    let (mut offsets, mut of, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in features.chunks_exact(columns) {
        for (d, &x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
            of.push(d as u32);
            values.push(x);
        }
        offsets.push(values.len() as u32);
    }
    (offsets, of, values)
}

/// The device's own compression: the same numbers in the same order.
pub(super) fn compress<B: Backend>(
    run: &mut Run<'_, B>,
    n: usize,
    columns: usize,
) -> Result<(), DeviceError> {
    let rows = draw(&mut run.random, n, columns, SHARE);
    let (offsets, of, values) = compressed(&rows.features, columns);
    let features = run.backend.upload(&rows.features)?;
    // A share above 1 is a bound that nothing reaches.
    let Some(got) = run.backend.compress(&features, rows.chunk(), columns, 2.0)? else {
        run.fail(format!("{} rows of {columns} features were not taken", rows.chunk()), String::new());
        return Ok(());
    };
    if run.backend.compress(&features, rows.chunk(), columns, 0.0)?.is_some() {
        run.fail("features were taken that are denser than was asked for".into(), String::new());
    }
    let at = |what: &'static str| move |i: usize| format!("{what} {i}");
    let found = run.backend.download(&got.offsets, offsets.len())?;
    run.exact("offsets", &offsets, &found, at("offset"));
    // Arrays of another length than the offsets say cannot be read.
    if !values.is_empty() && !run.failed() {
        let found = run.backend.download(&got.columns, of.len())?;
        run.exact("columns", &of, &found, at("value"));
        let found = run.backend.download(&got.values, values.len())?;
        run.within("values", &vector(&values).to_vec(), &found, &vec![0.0; values.len()], at("value"));
    }
    Ok(())
}

pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    (loss, weighted): Kind,
    [n, columns, outputs]: [usize; 3],
    share: f64,
) -> Result<(), DeviceError> {
    let rows = draw(&mut run.random, n, columns, share);
    let parameters = Values::Uniform(1.0).draw(&mut run.random, outputs * (columns + 1));
    let mut targets = targets(&mut run.random, loss, rows.chunk(), outputs);
    if weighted {
        targets = targets.weighted(weights(&mut run.random, outputs));
    }
    compare(run, &rows, &targets, &parameters)
}

/// Runs the stage on rows, targets by chunk row and parameters, and compares partial sums with the reference.
pub(super) fn compare<B: Backend>(
    run: &mut Run<'_, B>,
    rows: &HostRows,
    targets: &Targets,
    parameters: &[f32],
) -> Result<(), DeviceError> {
    let (backend, columns) = (run.backend, rows.columns);
    let outputs = parameters.len() / (columns + 1);
    let (offsets, of, values) = compressed(&rows.features, columns);
    let sparse = Sparse::upload(backend, columns, &offsets, &of, &values)?;
    let index = backend.upload(&rows.index)?;
    let (on_device, uploaded) = (DeviceTargets::new(backend, targets)?, backend.upload(parameters)?);
    let splits = backend.splits(rows.count, columns, outputs);
    let len = splits.count * (parameters.len() + targets.models());
    let mut partials = run.output(len)?;
    let device_rows = sparse.rows(&index, rows.first, rows.count);
    backend.objective_sparse(&device_rows, &on_device.labels(), &uploaded, outputs, &mut partials)?;
    let got = run.read(&partials, len)?;

    let linear = Linear::new(parameters, columns, outputs);
    judge_against(run, rows, &rows.pick(targets), &linear, splits, &got, &|x, targets| {
        let (offsets, of, values) = compressed(&x.iter().map(|&x| x as f32).collect::<Vec<_>>(), columns);
        let values = vector(&values).to_vec();
        let sparse = (&offsets[..], &of[..], &values[..]);
        let (weight, bias) = (linear.weight(), linear.bias());
        let expected = reference::objective_sparse(columns, sparse, weight, bias, targets);
        (expected, bounds::objective_sparse(x, weight, bias, targets))
    });
    Ok(())
}
