//! softmax: hostile scores, every number of outputs, rows without a label.

use rand::RngExt;

use super::loss;
use crate::backend::{Backend, DeviceError, Loss, NO_LABEL};
use crate::verify::Stage;
use crate::verify::case::{Case, Run};
use crate::verify::data::{SIZES, Values, one_label, targets, weights};

pub(in crate::verify) fn cases<B: Backend + 'static>() -> Vec<Case<B>> {
    let mut cases = Vec::new();
    for n in SIZES {
        for outputs in [1, 2, 10, 16, 17, 31, 64, 65, 257, 1000] {
            cases.push(case(format!("{n}x{outputs}"), move |run| uniform(run, n, outputs, 8.0)));
        }
    }
    for outputs in [2, 17, 1000] {
        cases.push(case(format!("to-1000/131x{outputs}"), move |run| uniform(run, 131, outputs, 1000.0)));
        cases.push(case(format!("rows-1000-apart/65x{outputs}"), move |run| apart(run, 65, outputs)));
        cases.push(case(format!("equal/65x{outputs}"), move |run| equal(run, 65, outputs)));
    }
    cases.push(case("hostile/28x4".into(), hostile));
    for outputs in [1, 40, 1000] {
        cases.push(case(format!("no-label/5x{outputs}"), move |run| no_label(run, outputs)));
    }
    for outputs in [1, 2, 17, 64, 1000] {
        cases.push(case(format!("weighted/131x{outputs}"), move |run| weighted(run, 131, outputs)));
    }
    // So many outputs that a driver which ends loops early shows it.
    for outputs in [300_007, 4_500_011] {
        let body = move |run: &mut Run<'_, B>| uniform(run, 2, outputs, 3.0);
        cases.push(case(format!("long/2x{outputs}"), body).quick(outputs < 1_000_000).large());
    }
    let many = 64 * 65_600;
    for outputs in [1, 2] {
        let id = format!("past-65535-workgroups/{many}x{outputs}");
        cases.push(case(id, move |run| uniform(run, many, outputs, 3.0)).quick(outputs == 1));
    }
    cases
}

fn case<B: Backend + 'static>(
    id: String,
    body: impl Fn(&mut Run<'_, B>) -> Result<(), DeviceError> + 'static,
) -> Case<B> {
    Case::new(Stage::Softmax, id, body)
}

fn no_label<B: Backend>(run: &mut Run<'_, B>, outputs: usize) -> Result<(), DeviceError> {
    let scores = Values::Uniform(30.0).draw(&mut run.random, 5 * outputs);
    check(run, &scores, &[NO_LABEL; 5], outputs)
}

fn uniform<B: Backend>(run: &mut Run<'_, B>, n: usize, outputs: usize, size: f32) -> Result<(), DeviceError> {
    let labels: Vec<u32> = (0..n).map(|_| run.random.random_range(0..outputs as u32)).collect();
    let scores = Values::Uniform(size).draw(&mut run.random, n * outputs);
    check(run, &scores, &labels, outputs)
}

/// Row after row, a thousand up and a thousand down: a maximum over the batch would leave nothing of half of them.
fn apart<B: Backend>(run: &mut Run<'_, B>, n: usize, outputs: usize) -> Result<(), DeviceError> {
    let labels: Vec<u32> = (0..n).map(|_| run.random.random_range(0..outputs as u32)).collect();
    let mut scores = Values::Uniform(2.0).draw(&mut run.random, n * outputs);
    for (i, row) in scores.chunks_exact_mut(outputs).enumerate() {
        row.iter_mut().for_each(|s| *s += if i % 2 == 0 { 500.0 } else { -500.0 });
    }
    check(run, &scores, &labels, outputs)
}

fn equal<B: Backend>(run: &mut Run<'_, B>, n: usize, outputs: usize) -> Result<(), DeviceError> {
    let labels: Vec<u32> = (0..n).map(|i| (i % outputs) as u32).collect();
    let values = [0.0, 1000.0, -1000.0, 0.1, -1e-30];
    let scores: Vec<f32> = (0..n * outputs).map(|at| values[at / outputs % values.len()]).collect();
    check(run, &scores, &labels, outputs)
}

fn hostile<B: Backend>(run: &mut Run<'_, B>) -> Result<(), DeviceError> {
    let rows = [
        [1000.0, -1000.0, 999.0, 0.0],
        [-1000.0, -1001.0, -1000.5, -1003.0], // a thousand below the row before it
        [0.0; 4],
        [1000.0; 4],
        [-3.44, 1.16, -0.81, 3.91], // the published example
        [88.0, 0.0, -88.0, -104.0], // where eˣ leaves f32
        [1e-30, -1e-30, 0.0, 1e-38],
    ];
    let scores: Vec<f32> = rows.iter().flat_map(|row| row.repeat(4)).collect();
    let labels: Vec<u32> = (0..scores.len() as u32 / 4).map(|i| i % 4).collect();
    check(run, &scores, &labels, 4)
}

fn weighted<B: Backend>(run: &mut Run<'_, B>, n: usize, outputs: usize) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, Loss::Softmax, n, outputs);
    let targets = targets.weighted(weights(&mut run.random, outputs));
    let scores = Values::Uniform(8.0).draw(&mut run.random, n * outputs);
    loss::check(run, &scores, &targets, false)
}

fn check<B: Backend>(
    run: &mut Run<'_, B>,
    scores: &[f32],
    labels: &[u32],
    outputs: usize,
) -> Result<(), DeviceError> {
    loss::check(run, scores, &one_label(Loss::Softmax, outputs, labels), false)
}
