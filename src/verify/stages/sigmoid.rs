//! sigmoid: hostile scores, labels around the ends of words, rows without labels and with all of them, weights.

use super::loss;
use crate::backend::{Backend, DeviceError, Loss, Targets};
use crate::verify::Stage;
use crate::verify::case::{Case, Run};
use crate::verify::data::{SIZES, Values, targets, weights};

const LOSS: Loss = Loss::Sigmoid;

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    for n in SIZES {
        // Around the words of the labels, and around what a lane takes.
        for outputs in [1, 2, 10, 16, 17, 31, 32, 33, 63, 64, 65, 257, 1000] {
            cases.push(case(format!("{n}x{outputs}"), move |run| uniform(run, n, outputs, 8.0)));
        }
    }
    for outputs in [2, 17, 1000] {
        cases.push(case(format!("to-1000/131x{outputs}"), move |run| uniform(run, 131, outputs, 1000.0)));
        cases.push(case(format!("rows-1000-apart/65x{outputs}"), move |run| apart(run, 65, outputs)));
        cases.push(case(format!("equal/65x{outputs}"), move |run| equal(run, 65, outputs)));
    }
    cases.push(case("hostile/64x32".into(), |run| hostile(run, 32)));
    for outputs in [1, 31, 32, 33, 65, 1000] {
        cases.push(case(format!("no-label/5x{outputs}"), move |run| all_or_none(run, outputs, false)));
        cases.push(case(format!("all-labels/5x{outputs}"), move |run| all_or_none(run, outputs, true)));
        cases.push(case(format!("one-label/{outputs}x{outputs}"), move |run| one_each(run, outputs)));
    }
    for outputs in [1, 2, 17, 65, 1000] {
        cases.push(case(format!("weighted/131x{outputs}"), move |run| weighted(run, 131, outputs)));
    }
    // So many outputs that a driver which ends loops early shows it.
    for outputs in [300_007, 4_500_011] {
        let body = move |run: &mut Run<'_, B>| uniform(run, 2, outputs, 3.0);
        cases.push(case(format!("long/2x{outputs}"), body).quick(outputs < 1_000_000).large());
    }
    let many = 64 * 65_600;
    cases.push(
        case(format!("past-65535-workgroups/{many}x1"), move |run| uniform(run, many, 1, 3.0)).quick(false),
    );
    cases
}

fn case<B: Backend + 'static>(
    id: String,
    body: impl Fn(&mut Run<'_, B>) -> Result<(), DeviceError> + 'static,
) -> Case<B> {
    Case::new(Stage::Sigmoid, id, body)
}

fn uniform<B: Backend>(run: &mut Run<'_, B>, n: usize, outputs: usize, size: f32) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, LOSS, n, outputs);
    let scores = Values::Uniform(size).draw(&mut run.random, n * outputs);
    loss::check(run, &scores, &targets, false)
}

/// Row after row, a thousand up and a thousand down.
fn apart<B: Backend>(run: &mut Run<'_, B>, n: usize, outputs: usize) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, LOSS, n, outputs);
    let mut scores = Values::Uniform(2.0).draw(&mut run.random, n * outputs);
    for (i, row) in scores.chunks_exact_mut(outputs).enumerate() {
        row.iter_mut().for_each(|s| *s += if i % 2 == 0 { 500.0 } else { -500.0 });
    }
    loss::check(run, &scores, &targets, false)
}

fn equal<B: Backend>(run: &mut Run<'_, B>, n: usize, outputs: usize) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, LOSS, n, outputs);
    let values = [0.0, 1000.0, -1000.0, 0.1, -1e-30];
    let scores: Vec<f32> = (0..n * outputs).map(|at| values[at / outputs % values.len()]).collect();
    loss::check(run, &scores, &targets, false)
}

/// 64 rows of one score, with no labels or with all: nothing large stands beside a loss that is small.
pub(super) fn hostile<B: Backend>(run: &mut Run<'_, B>, outputs: usize) -> Result<(), DeviceError> {
    // Where eˣ leaves f32, where 1 + eˣ forgets eˣ, and where both are nothing.
    let sizes =
        [0.0, 1e-38, 1e-30, 1e-8, 0.5, 1.0, 8.0, 16.0, 16.7, 17.0, 20.0, 50.0, 87.0, 88.5, 104.0, 1000.0f32];
    let (all, none) = ((0..outputs as u32).collect::<Vec<u32>>(), Vec::new());
    let rows = sizes.into_iter().flat_map(|s| [(s, &all), (s, &none), (-s, &all), (-s, &none)]);
    let (scores, labels): (Vec<_>, Vec<_>) = rows.map(|(s, labels)| (vec![s; outputs], labels)).unzip();
    loss::check(run, &scores.concat(), &Targets::new(LOSS, outputs, &labels), false)
}

fn all_or_none<B: Backend>(run: &mut Run<'_, B>, outputs: usize, all: bool) -> Result<(), DeviceError> {
    let row: Vec<u32> = if all { (0..outputs as u32).collect() } else { Vec::new() };
    let scores = Values::Uniform(30.0).draw(&mut run.random, 5 * outputs);
    loss::check(run, &scores, &Targets::new(LOSS, outputs, &vec![row; 5]), false)
}

/// Row k has label k alone: a bit in the wrong place cannot hide.
fn one_each<B: Backend>(run: &mut Run<'_, B>, outputs: usize) -> Result<(), DeviceError> {
    let rows: Vec<Vec<u32>> = (0..outputs as u32).map(|k| vec![k]).collect();
    let scores = Values::Uniform(3.0).draw(&mut run.random, outputs * outputs);
    loss::check(run, &scores, &Targets::new(LOSS, outputs, &rows), false)
}

fn weighted<B: Backend>(run: &mut Run<'_, B>, n: usize, outputs: usize) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, LOSS, n, outputs);
    let targets = targets.weighted(weights(&mut run.random, outputs));
    let scores = Values::Uniform(8.0).draw(&mut run.random, n * outputs);
    loss::check(run, &scores, &targets, false)
}
