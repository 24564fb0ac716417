//! What a sweep costs: 30 values of C × 5 folds on 10,000 rows × 512 columns × 10 classes, against one fit at the median C, in
//! turns on the same device. `cargo bench --bench sweep_cost`, or `… -- gpu` for the first adapter; numbers behind it are rows,
//! columns (a cube, as of a histogram), classes, values of C, folds and turns.
//!
//! The rows are histograms as of pictures with a few areas of colour each: classes overlap, most bins are empty. Every tenth model of
//! the sweep is fitted alone too, to the same objective or the program says so.

use std::time::Instant;

use huemax::Quiet;
use huemax::backend::{Backend, Cpu, gpu};
use huemax::features::Matrix;
use huemax::learn::{
    Labelled, LearnError, Member, Parts, Plan, Score, SolverOptions, Start, Sweep, Swept, Targets, Unwatched,
    fit, sweep,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rows, columns, classes, values of C, folds, turns.
const SIZES: [usize; 6] = [10_000, 512, 10, 30, 5, 5];
/// Pixels of a picture.
const PIXELS: usize = 1500;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let mut sizes = SIZES;
    let given = arguments.iter().filter_map(|a| a.parse().ok());
    sizes.iter_mut().zip(given).for_each(|(size, given)| *size = given);
    let outcome = if arguments.iter().any(|a| a == "gpu") {
        match gpu::adapters().first().map(gpu::Adapter::open) {
            Some(Ok(gpu)) => run(&gpu, sizes),
            Some(Err(error)) => return println!("the GPU could not be opened: {error}"),
            None => return println!("there is no GPU adapter"),
        }
    } else {
        run(&Cpu::new(), sizes)
    };
    if let Err(error) = outcome {
        println!("stopped: {error}");
    }
}

fn run<B: Backend>(
    backend: &B,
    [rows, columns, classes, values, folds, turns]: [usize; 6],
) -> huemax::Result<()> {
    println!("device: {}", backend.info());
    println!("{rows} rows × {columns} columns × {classes} classes, {values} values of C × {folds} folds");
    let (features, labels) = histograms(rows, columns, classes);
    let targets = Targets::classes(classes, &labels);
    let matrix = Matrix::upload(backend, &features, columns)?;
    let data = Labelled::new(backend, &matrix, &targets)?;
    let all: Vec<usize> = (0..rows).collect();
    let members: Vec<Member> = (0..folds)
        .map(|fold| {
            let (val, train) = all.iter().partition(|&&i| i * 7919 % 10_007 % folds == fold);
            Member { train, val }
        })
        .collect();
    let cs: Vec<f64> =
        (0..values).map(|i| 10f64.powf(-2.0 + 4.0 * i as f64 / (values.max(2) - 1) as f64)).collect();
    let plan = |c: f64, rows: &[usize]| -> Result<Plan, LearnError> {
        SolverOptions { c, ..SolverOptions::default() }.plan(rows.len(), 1.0, &targets)
    };
    let asked = Sweep { cs: &cs, members: &members, plan: &plan, score: Score::Accuracy };
    let alone = |c: f64, train: &[usize]| {
        fit(backend, &data, Parts { train, val: &[] }, &plan(c, train)?, &Start::Zero, (&Unwatched, &Quiet))
    };
    let (median, mut seconds) = (cs[cs.len() / 2], [Vec::new(), Vec::new()]);
    let mut last = None;
    for turn in 1..=turns {
        let clock = Instant::now();
        let fitted = alone(median, &all)?;
        seconds[0].push(clock.elapsed().as_secs_f64());
        let clock = Instant::now();
        let swept = sweep(backend, &data, &asked, None, (&Unwatched, &Quiet))?;
        seconds[1].push(clock.elapsed().as_secs_f64());
        println!(
            "turn {turn}: fit at C = {median:.3} {:.3} s ({} iterations, {} evaluations), sweep {:.3} s, ratio {:.2}",
            seconds[0][turn - 1],
            fitted.iterations,
            fitted.evaluations,
            seconds[1][turn - 1],
            seconds[1][turn - 1] / seconds[0][turn - 1],
        );
        last = Some(swept);
    }
    let Some(swept) = last else { return Ok(()) };
    let [fit, sweep] = seconds.map(median_of);
    println!("medians: fit {fit:.3} s, sweep {sweep:.3} s, ratio {:.2}", sweep / fit);
    tell(&swept);
    let mut worst = 0.0f64;
    for (i, (found, m)) in swept.found.iter().flat_map(|f| (0..folds).map(move |m| (f, m))).enumerate() {
        if i % 10 == 0 {
            let alone = alone(found.c, &members[m].train)?;
            worst = worst.max(found.objective[m] / alone.objective - 1.0);
        }
    }
    println!("objective of every tenth model over that of the same fit alone: {worst:.1e} at most");
    Ok(())
}

fn tell(swept: &Swept) {
    println!("       C  evaluations a model   log loss   accuracy");
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    for found in &swept.found {
        let [evaluations, loss, score] = [&found.evaluations, &found.loss, &found.score].map(|v| mean(v));
        println!("{:8.4}  {evaluations:19.1}  {loss:9.4}  {score:9.4}", found.c);
    }
    let all: Vec<f64> = swept.found.iter().flat_map(|f| f.evaluations.clone()).collect();
    println!(
        "evaluations a model: {:.2} on average; the best C is {:.4}",
        mean(&all),
        swept.found[swept.best].c
    );
}

fn median_of(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Histograms of length 1 with `columns` bins, and their classes.
fn histograms(rows: usize, columns: usize, classes: usize) -> (Vec<f32>, Vec<u32>) {
    let random = &mut ChaCha8Rng::seed_from_u64(1);
    let side = (columns as f64).cbrt().ceil() as usize;
    // Colours of a class, some of which others have too: a middle and a width along each axis.
    let colour = |random: &mut ChaCha8Rng| -> [f64; 4] {
        [random.random(), random.random(), random.random(), random.random_range(0.03..0.15)]
    };
    let common: Vec<[f64; 4]> = (0..12).map(|_| colour(random)).collect();
    let own: Vec<Vec<[f64; 4]>> = (0..classes).map(|_| (0..4).map(|_| colour(random)).collect()).collect();
    let mut features = vec![0.0f32; rows * columns];
    let mut labels = Vec::with_capacity(rows);
    for row in features.chunks_exact_mut(columns) {
        let y = random.random_range(0..classes);
        // One picture in eight shows what it is not called.
        let shown = if random.random_range(0..8) == 0 { random.random_range(0..classes) } else { y };
        labels.push(y as u32);
        let areas: Vec<[f64; 4]> = (0..4)
            .map(|_| {
                let of = if random.random_range(0..3) == 0 { &own[shown] } else { &common };
                of[random.random_range(0..of.len())]
            })
            .collect();
        let light: f64 = random.random_range(-0.15..0.15);
        for _ in 0..PIXELS {
            let area = areas[random.random_range(0..areas.len())];
            let bin = (0..3).fold(0, |bin, axis| {
                let noise: f64 = (0..4).map(|_| random.random_range(-1.0..1.0)).sum();
                let at = area[axis] + area[3] * noise + if axis == 2 { light } else { 0.0 };
                bin * side + ((at.clamp(0.0, 0.999) * side as f64) as usize)
            });
            row[bin.min(columns - 1)] += 1.0;
        }
        let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        row.iter_mut().for_each(|v| *v /= norm);
    }
    (features, labels)
}
