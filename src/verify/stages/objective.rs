//! objective: the one pass against the reference, for every shape that it is made for, and against numerical derivatives.

use ndarray::{Array1, Array2, ArrayView2, s};
use rayon::prelude::*;

use crate::backend::{Backend, DeviceError, Loss, Splits, Targets, reference};
use crate::verify::case::{Case, Run};
use crate::verify::data::{
    DeviceTargets, HostRows, Linear, SIZES, Values, every_row, parameter, targets, weights,
};
use crate::verify::{Stage, bounds};

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    let mut add = |n: usize, columns: usize, outputs: usize, quick: bool| {
        let run = move |run: &mut Run<'_, B>| check(run, SOFTMAX, [n, columns, outputs], 1.0);
        let case = Case::new(Stage::Objective, format!("{n}x{columns}x{outputs}"), run);
        cases.push(case.fused(columns, outputs).quick(quick));
    };
    for n in SIZES.into_iter().chain([0, 255, 256, 257, 1031]) {
        for (columns, outputs) in [(1, 1), (63, 2), (64, 8), (65, 9), (512, 10), (131, 16), (131, 33)] {
            add(n, columns, outputs, true);
        }
    }
    // A GPU compiles a kernel for each shape: the quick set has few of the large ones.
    for outputs in 1..=16 {
        add(97, 65, outputs, true);
    }
    for outputs in [1, 2, 5, 7, 16] {
        add(300, 512, outputs, false);
    }
    for (columns, outputs) in [(4096, 3), (4096, 16), (4095, 1), (1000, 16), (1, 16), (3, 1000)] {
        add(300, columns, outputs, columns < 1000);
    }
    add(70_001, 17, 3, true);
    add(20_003, 512, 10, false);
    // Around the ends of splits, wherever the device puts them.
    for (name, splits, more) in
        [("one-split", 1, -1), ("one-split", 1, 0), ("one-split", 1, 1), ("two-splits", 2, 1)]
    {
        for (columns, outputs) in [(65, 9), (512, 2), (1, 16)] {
            let id = format!("{name}{more:+}/{columns}x{outputs}");
            let run = move |run: &mut Run<'_, B>| {
                let length = run.backend.splits(1, columns, outputs).rows;
                let n = (length * splits).saturating_add_signed(more);
                check(run, SOFTMAX, [n, columns, outputs], 1.0)
            };
            cases.push(Case::new(Stage::Objective, id, run).fused(columns, outputs));
        }
    }
    // Scores of up to some hundreds: all but one probability of a row vanish.
    for (columns, outputs) in [(64, 3), (65, 16)] {
        let run = move |run: &mut Run<'_, B>| check(run, SOFTMAX, [300, columns, outputs], 10.0);
        let id = format!("300x{columns}x{outputs}/far");
        cases.push(Case::new(Stage::Objective, id, run).fused(columns, outputs));
    }
    for shape in [[7, 4, 3], [131, 65, 10], [37, 19, 1], [37, 19, 16]] {
        let [n, columns, outputs] = shape;
        let run = move |run: &mut Run<'_, B>| derivatives(run, Loss::Softmax, shape);
        let id = format!("derivatives/{n}x{columns}x{outputs}");
        cases.push(Case::new(Stage::Objective, id, run).fused(columns, outputs));
    }
    // Partial sums as many as 1 MiB holds, and no more.
    let run = |run: &mut Run<'_, B>| check(run, SOFTMAX, [1031, 250, 16], 1.0);
    cases.push(Case::new(Stage::Objective, "small-arrays/1031x250x16", run).fused(250, 16).small());
    let others = Loss::ALL.into_iter().filter(|&l| l != Loss::Softmax).flat_map(|l| [(l, false), (l, true)]);
    // So many rows that a driver which ends loops early shows it.
    let run = |run: &mut Run<'_, B>| check(run, (Loss::Sigmoid, false), [9_000_011, 1, 1], 1.0);
    cases.push(Case::new(Stage::Objective, "long/9000011x1x1", run).fused(1, 1).quick(false));
    for kind in others.chain([(Loss::Softmax, true)]) {
        cases.extend(of_loss(kind));
    }
    cases
}

/// A loss, and whether its labels have weights other than 1.
type Kind = (Loss, bool);
const SOFTMAX: Kind = (Loss::Softmax, false);

/// What differs between losses is what becomes of the scores of a row: fewer shapes than of the softmax, with all that this
/// meets. Outputs past 32 need a second word of labels.
fn of_loss<B: Backend + 'static>(kind: Kind) -> Vec<Case<B>> {
    let (loss, weighted) = kind;
    let name = format!("{loss}{}", if weighted { "/weighted" } else { "" });
    let mut cases = Vec::new();
    let mut add = |shape: [usize; 3], size: f32, quick: bool| {
        let [n, columns, outputs] = shape;
        let run = move |run: &mut Run<'_, B>| check(run, kind, shape, size);
        let far = if size > 1.0 { "/far" } else { "" };
        let case = Case::new(Stage::Objective, format!("{name}/{n}x{columns}x{outputs}{far}"), run);
        cases.push(case.fused(columns, outputs).quick(quick));
    };
    let sizes: &[usize] = if weighted { &[131] } else { &[0, 1, 17, 64, 65, 131, 257, 1031] };
    for &n in sizes {
        for (columns, outputs) in [(1, 1), (63, 2), (65, 9), (131, 16), (131, 33)] {
            add([n, columns, outputs], 1.0, true);
        }
    }
    if !weighted {
        add([300, 65, 3], 10.0, true);
        add([300, 64, 16], 10.0, true);
        for outputs in [31, 32, 64, 65, 1000] {
            add([97, 3, outputs], 1.0, true);
        }
        add([300, 512, 10], 1.0, false);
        add([300, 4096, 3], 1.0, false);
        add([70_001, 17, 3], 1.0, false);
        for shape in [[7, 4, 3], [131, 65, 10], [37, 19, 1]] {
            let [n, columns, outputs] = shape;
            let run = move |run: &mut Run<'_, B>| derivatives(run, loss, shape);
            let id = format!("{name}/derivatives/{n}x{columns}x{outputs}");
            cases.push(Case::new(Stage::Objective, id, run).fused(columns, outputs));
        }
    }
    cases
}

/// Runs the stage on rows, targets by chunk row and parameters; P partial sums.
pub(super) fn run_stage<B: Backend>(
    run: &mut Run<'_, B>,
    rows: &HostRows,
    targets: &Targets,
    parameters: &[f32],
) -> Result<(Splits, Vec<f32>), DeviceError> {
    let (outputs, models) = (targets.outputs() * targets.models(), targets.models());
    let (device, targets) = (rows.upload(run.backend)?, DeviceTargets::new(run.backend, targets)?);
    let parameters = run.backend.upload(parameters)?;
    let splits = run.backend.splits(rows.count, rows.columns, outputs);
    let len = splits.count * (outputs * (rows.columns + 1) + models);
    let mut partials = run.output(len)?;
    run.backend.objective(&device.rows(), &targets.labels(), &parameters, outputs, &mut partials)?;
    Ok((splits, run.read(&partials, len)?))
}

pub(super) fn check<B: Backend>(
    run: &mut Run<'_, B>,
    (loss, weighted): Kind,
    [n, columns, outputs]: [usize; 3],
    size: f32,
) -> Result<(), DeviceError> {
    let rows = HostRows::draw(&mut run.random, n, columns, Values::Uniform(size));
    let parameters = Values::Uniform(size).draw(&mut run.random, outputs * (columns + 1));
    let mut targets = targets(&mut run.random, loss, rows.chunk(), outputs);
    if weighted {
        targets = targets.weighted(weights(&mut run.random, outputs));
    }
    let (splits, got) = run_stage(run, &rows, &targets, &parameters)?;
    judge(run, &rows, &rows.pick(&targets), &Linear::new(&parameters, columns, outputs), splits, &got);
    Ok(())
}

/// Compares partial sums (P × (M·K·D + M·K + M)) with the reference; `targets` in the order of the batch.
pub(in crate::verify) fn judge<B: Backend>(
    run: &mut Run<'_, B>,
    rows: &HostRows,
    targets: &Targets,
    linear: &Linear,
    splits: Splits,
    got: &[f32],
) {
    judge_against(run, rows, targets, linear, splits, got, &|x, targets| {
        let (weight, bias) = (linear.weight(), linear.bias());
        (reference::objective(x, weight, bias, targets), bounds::objective(x, weight, bias, targets))
    });
}

/// Gradients of weights and biases, and sums of losses.
pub(super) type Sums = (Array2<f64>, Array1<f64>, Array1<f64>);

/// Sums of the rows of a split, and how far they may be off.
pub(super) type Expected<'a> = dyn Fn(ArrayView2<'_, f64>, &Targets) -> (Sums, Sums) + Sync + 'a;

/// Compares partial sums with what `expected` says of the features and targets of a split: sums, and how far they may be off.
pub(super) fn judge_against<B: Backend>(
    run: &mut Run<'_, B>,
    rows: &HostRows,
    targets: &Targets,
    linear: &Linear,
    splits: Splits,
    got: &[f32],
    expected: &Expected<'_>,
) {
    let x = rows.matrix();
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = (0..splits.count)
        .into_par_iter()
        .map(|p| {
            let range = splits.range(p, rows.count);
            let (targets, x) = (targets.pick(range.clone()), x.slice(s![range, ..]));
            let (expected, bound) = expected(x, &targets);
            (flat(expected), flat(bound))
        })
        .collect();
    let (expected, bound): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let (columns, outputs) = (rows.columns, linear.bias().len());
    let width = outputs * (columns + 1) + targets.models();
    run.within("partial sums", &expected.concat(), got, &bound.concat(), |at| {
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

fn flat((weight, bias, loss): Sums) -> Vec<f64> {
    weight.into_iter().chain(bias).chain(loss).collect()
}

/// The device's gradient against central differences of the reference's loss.
fn derivatives<B: Backend>(
    run: &mut Run<'_, B>,
    loss: Loss,
    [n, columns, outputs]: [usize; 3],
) -> Result<(), DeviceError> {
    let rows = HostRows::draw(&mut run.random, n, columns, Values::Uniform(1.0));
    let parameters = Values::Uniform(1.0).draw(&mut run.random, outputs * (columns + 1));
    // A row without a label has no loss, and a residual all the same.
    let targets = every_row(&mut run.random, loss, rows.chunk(), outputs);
    let (_, partials) = run_stage(run, &rows, &targets, &parameters)?;
    let width = outputs * (columns + 1) + 1;
    judge_derivatives(
        run,
        &rows,
        &rows.pick(&targets),
        &Linear::new(&parameters, columns, outputs),
        &partials,
        width,
    );
    Ok(())
}

/// Step of central differences: their truncation falls with its square, their rounding grows as it shrinks.
const STEP: f64 = 1.0 / 16_384.0;

/// Compares the gradient in partial sums of `width` numbers with central differences of the reference's loss.
pub(in crate::verify) fn judge_derivatives<B: Backend>(
    run: &mut Run<'_, B>,
    rows: &HostRows,
    targets: &Targets,
    linear: &Linear,
    partials: &[f32],
    width: usize,
) {
    let x = rows.matrix();
    let (columns, outputs) = (rows.columns, linear.bias().len());
    let len = outputs * (columns + 1);
    // Partial sums are added here in f64; one rounding to f32 makes them comparable.
    let sum = |j: usize| partials.iter().skip(j).step_by(width).map(|&p| f64::from(p)).sum::<f64>();
    let got: Vec<f32> = (0..len).map(|j| sum(j) as f32).collect();
    let loss = |linear: &Linear| {
        let scores = reference::scores(x.view(), linear.weight(), linear.bias());
        reference::loss(scores.view(), targets).1.sum()
    };
    let slope = |j: usize| (loss(&linear.moved(j, STEP)) - loss(&linear.moved(j, -STEP))) / (2.0 * STEP);
    let slopes: Vec<f64> = (0..len).into_par_iter().map(slope).collect();
    let device = flat(bounds::objective(x.view(), linear.weight(), linear.bias(), targets));
    let numerical = bounds::central_differences(x.view(), linear.weight(), linear.bias(), targets, STEP);
    let bound: Vec<f64> = (slopes.iter().zip(&device))
        .zip(&numerical)
        .map(|((s, d), n)| d + n + bounds::U * (s.abs() + d + n))
        .collect();
    run.within("gradient against numerical derivatives", &slopes, &got, &bound, |j| {
        format!("{} (n {}, D {columns}, K {outputs})", parameter(j, columns, outputs), rows.count)
    });
}
