//! objective-sparse: features without their zeros against the reference. Some rows are empty, some have no zero at all.

use ndarray::{Array1, Array2, s};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::backend::{Backend, DeviceError, Loss, Sparse, Targets, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{
    DeviceTargets, HostRows, Linear, SIZES, Values, parameter, targets, vector, weights,
};
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

/// Leaves a share of `share` of the features of a chunk; of one row in five nothing, and of one in five all.
fn thin(random: &mut ChaCha8Rng, rows: &mut HostRows, share: f64) {
    for (i, row) in rows.features.chunks_exact_mut(rows.columns).enumerate() {
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
fn compress<B: Backend>(run: &mut Run<'_, B>, n: usize, columns: usize) -> Result<(), DeviceError> {
    let mut rows = HostRows::draw(&mut run.random, n, columns, Values::Uniform(1.0));
    thin(&mut run.random, &mut rows, SHARE);
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

fn check<B: Backend>(
    run: &mut Run<'_, B>,
    (loss, weighted): Kind,
    [n, columns, outputs]: [usize; 3],
    share: f64,
) -> Result<(), DeviceError> {
    let draw = |run: &mut Run<'_, B>, rows: usize| {
        let targets = targets(&mut run.random, loss, rows, outputs);
        if weighted { targets.weighted(weights(&mut run.random, outputs)) } else { targets }
    };
    check_targets(run, [n, columns], share, draw)
}

/// The same for the targets that `draw` gives so many rows: of one model, or of many.
pub(super) fn check_targets<B: Backend>(
    run: &mut Run<'_, B>,
    [n, columns]: [usize; 2],
    share: f64,
    draw: impl FnOnce(&mut Run<'_, B>, usize) -> Targets,
) -> Result<(), DeviceError> {
    let mut rows = HostRows::draw(&mut run.random, n, columns, Values::Uniform(1.0));
    thin(&mut run.random, &mut rows, share);
    let targets = draw(run, rows.chunk());
    let (models, outputs) = (targets.models(), targets.models() * targets.outputs());
    let parameters = Values::Uniform(1.0).draw(&mut run.random, outputs * (columns + 1));
    let backend = run.backend;
    let (offsets, of, values) = compressed(&rows.features, columns);
    let sparse = Sparse::upload(backend, columns, &offsets, &of, &values)?;
    let index = backend.upload(&rows.index)?;
    let on_device = (DeviceTargets::new(backend, &targets)?, backend.upload(&parameters)?);
    let splits = backend.splits(n, columns, outputs);
    let width = outputs * (columns + 1) + models;
    let mut partials = run.output(splits.count * width)?;
    let device_rows = sparse.rows(&index, rows.first, n);
    backend.objective_sparse(&device_rows, &on_device.0.labels(), &on_device.1, outputs, &mut partials)?;
    let got = run.read(&partials, splits.count * width)?;

    let x = rows.matrix();
    let (linear, targets) = (Linear::new(&parameters, columns, outputs), rows.pick(&targets));
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = (0..splits.count)
        .into_par_iter()
        .map(|p| {
            let range = splits.range(p, n);
            let (x, targets) = (x.slice(s![range.clone(), ..]), targets.pick(range));
            let dense: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            let (offsets, of, values) = compressed(&dense, columns);
            let values = vector(&values).to_vec();
            let sparse = (&offsets[..], &of[..], &values[..]);
            let (weight, bias) = (linear.weight(), linear.bias());
            let expected = reference::objective_sparse(columns, sparse, weight, bias, &targets);
            (flat(expected), flat(bounds::objective_sparse(x, weight, bias, &targets)))
        })
        .collect();
    let (expected, bound): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    run.within("partial sums", &expected.concat(), &got, &bound.concat(), |at| {
        let (p, j) = (at / width, at % width);
        let range = splits.range(p, n);
        format!(
            "partial sum {p} of {} (rows {} to {} of {n}, D {columns}, K {outputs}), {}",
            splits.count,
            range.start,
            range.end,
            parameter(j, columns, outputs)
        )
    });
    Ok(())
}

fn flat((weight, bias, loss): (Array2<f64>, Array1<f64>, Array1<f64>)) -> Vec<f64> {
    weight.into_iter().chain(bias).chain(loss).collect()
}
