//! First right, then fast: each stage's result on the very arrays that are timed, against the f64 reference within the
//! derived bounds. Large ones are checked in part: rows and columns across the whole, the first and the last split.

use ndarray::{Array1, Array2};

use super::BenchError;
use super::stage::{Shape, Stage};
use super::stages::{ADAM, Describing, Learning, STEP, Workloads};
use crate::backend::{Backend, DeviceKind, reference};
use crate::names::for_shell;
use crate::verify::{Difference, bounds, exact, within};

/// Rows that are scored again in f64, pictures that are counted again, and columns that are added up again.
const ROWS: usize = 64;
const PICTURES: usize = 8;
const COLUMNS: usize = 2048;

/// `most` numbers below `count`, the first and the last among them.
fn across(count: usize, most: usize) -> Vec<usize> {
    let n = count.min(most);
    (0..n).map(|i| if n < 2 { 0 } else { i * (count - 1) / (n - 1) }).collect()
}

fn wrong<B: Backend>(backend: &B, stage: Stage) -> impl Fn(Difference) -> BenchError {
    let device = backend.info().name.clone();
    // By its name: `auto` may be another one tomorrow.
    let asked = if backend.info().kind == DeviceKind::Cpu { "cpu" } else { &device };
    let repeat =
        stage.verified_as().map(|case| format!("huemax verify --device {} --case {case}", for_shell(asked)));
    move |difference| {
        let (device, repeat) = (device.clone(), repeat.clone());
        BenchError::Wrong { stage: stage.name(), repeat, device, difference: Box::new(difference) }
    }
}

pub(super) fn describing<B: Backend>(on: &mut Describing<'_, B>, stage: Stage) -> Result<(), BenchError> {
    let (pictures, columns) = (on.pictures(stage), on.bins.len());
    let wrong = wrong(on.backend, stage);
    if stage == Stage::Normalize {
        on.record(Stage::DescribePhotograph)?;
    }
    on.record(stage)?;
    let counts = on.backend.download(&on.counts, pictures.len() * columns)?;
    let row = |i: usize| i * columns..(i + 1) * columns;
    if stage == Stage::Normalize {
        let features = on.backend.download(&on.features, counts.len())?;
        for i in across(pictures.len(), ROWS) {
            let counts = Array2::from_shape_fn((1, columns), |(_, d)| counts[i * columns + d]);
            let expected = reference::normalize(counts.view());
            let bound = bounds::normalize(expected.view());
            let (expected, bound) = (expected.into_raw_vec_and_offset().0, bound.into_raw_vec_and_offset().0);
            within(&expected, &features[row(i)], &bound).map_err(&wrong)?;
        }
        return Ok(());
    }
    for i in across(pictures.len(), PICTURES) {
        let expected = reference::describe(pictures.rgb(i), on.bins);
        exact(&expected.to_vec(), &counts[row(i)]).map_err(&wrong)?;
    }
    Ok(())
}

/// Rows of an n×`columns` matrix in f64.
fn rows(values: &[f32], columns: usize, rows: &[usize]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), columns), |(i, d)| f64::from(values[rows[i] * columns + d]))
}

fn numbers(values: &[f32]) -> Array1<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

pub(super) fn learning<B: Backend>(on: &mut Learning<'_, B>, stage: Stage) -> Result<(), BenchError> {
    let wrong = wrong(on.backend, stage);
    let before: &[Stage] = match stage {
        _ if stage.is_loss() => &[Stage::Scores],
        Stage::Gradient => &[Stage::Scores, Stage::Softmax],
        Stage::Reduce => &[Stage::Scores, Stage::Softmax, Stage::Gradient],
        Stage::Step | Stage::Adam => &[Stage::Objective],
        _ => &[],
    };
    before.iter().try_for_each(|&stage| on.record(stage))?;
    match stage {
        Stage::Step => return step(on)?.map_err(wrong),
        Stage::Adam => return adam(on)?.map_err(wrong),
        Stage::Readback => {
            let sent = on.backend.upload(&on.numbers.parameters)?;
            let back = on.backend.download(&sent, on.numbers.parameters.len())?;
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            return exact(&bits(&on.numbers.parameters), &bits(&back)).map(drop).map_err(wrong);
        }
        _ => {}
    }
    on.record(stage)?;
    match stage {
        Stage::Scores => scores(on)?.map_err(wrong),
        _ if stage.is_loss() => loss(on, stage)?.map_err(wrong),
        Stage::Gradient => gradient(on)?.map_err(wrong),
        Stage::Reduce => reduce(on, on.shape.parameters())?.map_err(wrong),
        _ if on.fused() || stage == Stage::ObjectiveSparse => {
            fused(on, stage)?.map_err(&wrong)?;
            reduce(on, on.shape.parameters() + 1)?.map_err(wrong)
        }
        _ => {
            scores(on)?.map_err(&wrong)?;
            loss(on, stage)?.map_err(&wrong)?;
            gradient(on)?.map_err(&wrong)?;
            reduce(on, on.shape.parameters())?.map_err(&wrong)?;
            losses(on)?.map_err(wrong)
        }
    }
}

/// The outer error is the device's, the inner one what it computed.
type Checked = Result<Result<(), Difference>, BenchError>;

/// Weights (K×D) and biases of the device, in f64.
fn parameters<B: Backend>(on: &Learning<'_, B>) -> Result<(Array2<f64>, Array1<f64>), BenchError> {
    let Shape { columns, outputs, .. } = on.shape;
    let values = on.backend.download(&on.parameters, on.shape.parameters())?;
    let all: Vec<usize> = (0..outputs).collect();
    Ok((rows(&values, columns, &all), numbers(&values[outputs * columns..])))
}

fn scores<B: Backend>(on: &Learning<'_, B>) -> Checked {
    let Shape { rows: n, columns, outputs } = on.shape;
    let got = on.backend.download(&on.scores, n * outputs)?;
    let picked = across(n, ROWS);
    let x = rows(&on.numbers.features, columns, &picked);
    let (weight, bias) = parameters(on)?;
    let expected = reference::scores(x.view(), weight.view(), bias.view());
    let bound = bounds::scores(x.view(), weight.view(), bias.view());
    let got: Vec<f32> = picked.iter().flat_map(|&i| &got[i * outputs..(i + 1) * outputs]).copied().collect();
    Ok(within(&flat(expected), &got, &flat(bound)).map(drop))
}

fn loss<B: Backend>(on: &Learning<'_, B>, stage: Stage) -> Checked {
    let Shape { rows: n, outputs, .. } = on.shape;
    let given = on.backend.download(&on.scores, n * outputs)?;
    let residual = on.backend.download(&on.residual, n * outputs)?;
    let losses = on.backend.download(&on.losses, n)?;
    let picked = across(n, 16 * ROWS);
    let scores = rows(&given, outputs, &picked);
    let targets = on.numbers.targets(stage.loss(), outputs, &picked);
    let (expected, expected_losses) = reference::loss(scores.view(), &targets);
    let given = Array2::zeros(scores.raw_dim());
    let (bound, loss_bound) = bounds::loss(scores.view(), given.view(), &targets);
    let got: Vec<f32> =
        picked.iter().flat_map(|&i| &residual[i * outputs..(i + 1) * outputs]).copied().collect();
    let got_losses: Vec<f32> = picked.iter().map(|&i| losses[i]).collect();
    let checked = within(&flat(expected), &got, &flat(bound))
        .and_then(|_| within(&flat(expected_losses), &got_losses, &flat(loss_bound)));
    Ok(checked.map(drop))
}

/// Splits that are computed again.
fn ends<B: Backend>(on: &Learning<'_, B>) -> Vec<usize> {
    across(on.splits().count, 2)
}

fn gradient<B: Backend>(on: &Learning<'_, B>) -> Checked {
    let Shape { rows: n, columns, outputs } = on.shape;
    let (len, splits) = (on.shape.parameters(), on.splits());
    let residual = on.backend.download(&on.residual, n * outputs)?;
    let partials = on.backend.download(&on.partials, splits.count * len)?;
    for p in ends(on) {
        let picked: Vec<usize> = splits.range(p, n).collect();
        let (x, r) = (rows(&on.numbers.features, columns, &picked), rows(&residual, outputs, &picked));
        let (weight, bias) = reference::gradient(x.view(), r.view());
        let (weight_bound, bias_bound) = bounds::gradient(x.view(), r.view());
        let expected: Vec<f64> = weight.into_iter().chain(bias).collect();
        let bound: Vec<f64> = weight_bound.into_iter().chain(bias_bound).collect();
        if let Err(difference) = within(&expected, &partials[p * len..(p + 1) * len], &bound) {
            return Ok(Err(difference));
        }
    }
    Ok(Ok(()))
}

fn fused<B: Backend>(on: &Learning<'_, B>, stage: Stage) -> Checked {
    let (width, splits) = (on.shape.parameters() + 1, on.splits());
    let partials = on.backend.download(&on.partials, splits.count * width)?;
    let (weight, bias) = parameters(on)?;
    for p in ends(on) {
        let picked: Vec<usize> = splits.range(p, on.shape.rows).collect();
        let sparse = stage == Stage::ObjectiveSparse;
        let x = if sparse {
            let dense = on.numbers.sparse_rows(on.shape.columns, &picked);
            rows(&dense, on.shape.columns, &(0..picked.len()).collect::<Vec<_>>())
        } else {
            rows(&on.numbers.features, on.shape.columns, &picked)
        };
        let targets = on.numbers.targets(stage.loss(), on.shape.outputs, &picked);
        let joined = |(w, b, l): (Array2<f64>, Array1<f64>, Array1<f64>)| -> Vec<f64> {
            w.into_iter().chain(b).chain(l).collect()
        };
        let expected = joined(reference::objective(x.view(), weight.view(), bias.view(), &targets));
        let bounds = if sparse { bounds::objective_sparse } else { bounds::objective };
        let bound = joined(bounds(x.view(), weight.view(), bias.view(), &targets));
        if let Err(difference) = within(&expected, &partials[p * width..(p + 1) * width], &bound) {
            return Ok(Err(difference));
        }
    }
    Ok(Ok(()))
}

/// Sums of partial sums of `width` numbers.
fn reduce<B: Backend>(on: &Learning<'_, B>, width: usize) -> Checked {
    let splits = on.splits().count;
    let partials = on.backend.download(&on.partials, splits * width)?;
    let sums = on.backend.download(&on.sums, width)?;
    let picked = across(width, COLUMNS);
    let given =
        Array2::from_shape_fn((splits, picked.len()), |(p, j)| f64::from(partials[p * width + picked[j]]));
    let got: Vec<f32> = picked.iter().map(|&j| sums[j]).collect();
    let bound = bounds::reduce(given.view(), None);
    Ok(within(&reference::reduce(given.view()).to_vec(), &got, &bound.to_vec()).map(drop))
}

/// The sum of the losses behind the gradient.
fn losses<B: Backend>(on: &Learning<'_, B>) -> Checked {
    let (n, len) = (on.shape.rows, on.shape.parameters());
    let losses = on.backend.download(&on.losses, n)?;
    let sums = on.backend.download(&on.sums, len + 1)?;
    let given = rows(&losses, 1, &(0..n).collect::<Vec<_>>());
    let bound = bounds::reduce(given.view(), None);
    Ok(within(&reference::reduce(given.view()).to_vec(), &sums[len..], &bound.to_vec()).map(drop))
}

fn step<B: Backend>(on: &mut Learning<'_, B>) -> Checked {
    let (len, weights) = (on.shape.parameters(), on.shape.outputs * on.shape.columns);
    // Twice, so that there is a velocity.
    on.record(Stage::Step)?;
    let [mut parameters, mut velocity, gradient] = {
        let read = |array| on.backend.download(array, len).map(|v| numbers(&v));
        [read(&on.parameters)?, read(&on.velocity)?, read(&on.sums)?]
    };
    let (bound, velocity_bound) =
        bounds::step(parameters.view(), velocity.view(), gradient.view(), weights, STEP);
    reference::step(&mut parameters, &mut velocity, gradient.view(), weights, STEP);
    on.record(Stage::Step)?;
    let got = on.backend.download(&on.parameters, len)?;
    let got_velocity = on.backend.download(&on.velocity, len)?;
    let checked = within(&parameters.to_vec(), &got, &bound.to_vec())
        .and_then(|_| within(&velocity.to_vec(), &got_velocity, &velocity_bound.to_vec()));
    Ok(checked.map(drop))
}

fn adam<B: Backend>(on: &mut Learning<'_, B>) -> Checked {
    let (len, weights) = (on.shape.parameters(), on.shape.outputs * on.shape.columns);
    // Twice, so that there are moments.
    on.record(Stage::Adam)?;
    let [mut parameters, mut first, mut second, gradient] = {
        let read = |array| on.backend.download(array, len).map(|v| numbers(&v));
        [read(&on.parameters)?, read(&on.velocity)?, read(&on.second)?, read(&on.sums)?]
    };
    let bounds =
        bounds::adam(parameters.view(), [first.view(), second.view()], gradient.view(), weights, ADAM);
    reference::adam(&mut parameters, &mut first, &mut second, gradient.view(), weights, ADAM);
    on.record(Stage::Adam)?;
    for (expected, (array, bound)) in [parameters, first, second]
        .iter()
        .zip([&on.parameters, &on.velocity, &on.second].into_iter().zip(&bounds))
    {
        let got = on.backend.download(array, len)?;
        if let Err(difference) = within(&expected.to_vec(), &got, &bound.to_vec()) {
            return Ok(Err(difference));
        }
    }
    Ok(Ok(()))
}

fn flat(values: Array2<f64>) -> Vec<f64> {
    values.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::across;

    #[test]
    fn rows_are_taken_across_the_whole() {
        assert_eq!(across(0, 4), Vec::<usize>::new());
        assert_eq!(across(1, 4), [0]);
        assert_eq!(across(3, 4), [0, 1, 2]);
        assert_eq!(across(101, 3), [0, 50, 100]);
    }
}
