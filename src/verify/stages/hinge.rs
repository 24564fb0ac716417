//! hinge and squared-hinge: margins on both sides of 0 and exactly there, every number of outputs, rows without a label.

use rand::RngExt;

use super::loss;
use crate::backend::{Backend, DeviceError, Loss, NO_LABEL};
use crate::verify::Stage;
use crate::verify::case::{Case, Run};
use crate::verify::data::{SIZES, Values, one_label, targets, weights};

pub(in crate::verify) fn cases<B: Backend + 'static>(of: Loss) -> Vec<Case<B>> {
    type Body<B> = Box<dyn Fn(&mut Run<'_, B>) -> Result<(), DeviceError>>;
    let mut cases = Vec::new();
    let mut add = |id: String, body: Body<B>, quick: bool| {
        let long = id.starts_with("long/");
        let case = Case::new(Stage::of(of), id, body).quick(quick);
        cases.push(if long { case.large() } else { case });
    };
    for n in SIZES {
        for outputs in [1, 2, 10, 16, 17, 31, 64, 65, 257, 1000] {
            add(format!("{n}x{outputs}"), Box::new(move |run| uniform(run, of, [n, outputs], 3.0)), true);
        }
    }
    for outputs in [1, 2, 17, 64, 1000] {
        add(format!("grid/131x{outputs}"), Box::new(move |run| grid(run, of, [131, outputs], false)), true);
        let body = Box::new(move |run: &mut Run<'_, B>| grid(run, of, [131, outputs], true));
        add(format!("grid/weighted/131x{outputs}"), body, true);
        add(format!("weighted/131x{outputs}"), Box::new(move |run| weighted(run, of, [131, outputs])), true);
        add(format!("no-label/5x{outputs}"), Box::new(move |run| no_label(run, of, outputs)), true);
    }
    for outputs in [2, 17, 1000] {
        let shape = [131, outputs];
        add(format!("to-1000/131x{outputs}"), Box::new(move |run| uniform(run, of, shape, 1000.0)), true);
        let shape = [65, outputs];
        add(format!("rows-1000-apart/65x{outputs}"), Box::new(move |run| apart(run, of, shape)), true);
        add(format!("equal/65x{outputs}"), Box::new(move |run| equal(run, of, shape)), true);
    }
    // So many outputs that a driver which ends loops early shows it.
    for outputs in [300_007, 4_500_011] {
        let body = Box::new(move |run: &mut Run<'_, B>| uniform(run, of, [2, outputs], 3.0));
        add(format!("long/2x{outputs}"), body, outputs < 1_000_000);
    }
    let many = 64 * 65_600;
    let body = Box::new(move |run: &mut Run<'_, B>| uniform(run, of, [many, 2], 3.0));
    add(format!("past-65535-workgroups/{many}x2"), body, false);
    cases
}

fn uniform<B: Backend>(
    run: &mut Run<'_, B>,
    of: Loss,
    [n, outputs]: [usize; 2],
    size: f32,
) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, of, n, outputs);
    let scores = Values::Uniform(size).draw(&mut run.random, n * outputs);
    loss::check(run, &scores, &targets, false)
}

/// Scores in eighths from −2 to 2, and weights of powers of two: margins, also those of exactly 0, squares and their sums
/// are exact in f32 in any order, and so must be what the device makes of them.
pub(super) fn grid<B: Backend>(
    run: &mut Run<'_, B>,
    of: Loss,
    [n, outputs]: [usize; 2],
    weighted: bool,
) -> Result<(), DeviceError> {
    let mut targets = targets(&mut run.random, of, n, outputs);
    if weighted {
        let power = |_| f32::powi(2.0, run.random.random_range(-3..=3));
        targets = targets.weighted((0..2 * outputs).map(power).collect());
    }
    let eighth = |_| run.random.random_range(-16i32..=16) as f32 / 8.0;
    let scores: Vec<f32> = (0..n * outputs).map(eighth).collect();
    loss::check(run, &scores, &targets, true)
}

fn weighted<B: Backend>(run: &mut Run<'_, B>, of: Loss, [n, outputs]: [usize; 2]) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, of, n, outputs);
    let targets = targets.weighted(weights(&mut run.random, outputs));
    let scores = Values::Uniform(3.0).draw(&mut run.random, n * outputs);
    loss::check(run, &scores, &targets, false)
}

/// Neither loss nor residual, exactly.
fn no_label<B: Backend>(run: &mut Run<'_, B>, of: Loss, outputs: usize) -> Result<(), DeviceError> {
    let scores = Values::Uniform(30.0).draw(&mut run.random, 5 * outputs);
    loss::check(run, &scores, &one_label(of, outputs, &[NO_LABEL; 5]), true)
}

/// Row after row, a thousand up and a thousand down: margins are as ever.
fn apart<B: Backend>(run: &mut Run<'_, B>, of: Loss, [n, outputs]: [usize; 2]) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, of, n, outputs);
    let mut scores = Values::Uniform(2.0).draw(&mut run.random, n * outputs);
    for (i, row) in scores.chunks_exact_mut(outputs).enumerate() {
        row.iter_mut().for_each(|s| *s += if i % 2 == 0 { 500.0 } else { -500.0 });
    }
    loss::check(run, &scores, &targets, false)
}

/// All margins of a row are 1, exactly.
fn equal<B: Backend>(run: &mut Run<'_, B>, of: Loss, [n, outputs]: [usize; 2]) -> Result<(), DeviceError> {
    let targets = targets(&mut run.random, of, n, outputs);
    let values = [0.0, 1000.0, -1000.0, 0.1, -1e-30];
    let scores: Vec<f32> = (0..n * outputs).map(|at| values[at / outputs % values.len()]).collect();
    loss::check(run, &scores, &targets, true)
}
