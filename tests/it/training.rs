//! The solver on the golden problem: converges by default, the same bits every time, the same on every device and in
//! every chunking.

use huemax::backend::{Backend, Cpu, Gpu, gpu, reference};
use huemax::features::Matrix;
use huemax::learn::{Forward, Labelled, SgdOptions, fit};
use huemax::progress::Quiet;
use libtest_mimic::Trial;
use ndarray::Array2;

use crate::on_both;
use crate::stages::reference::Golden;
use crate::support::{cpu, f64s, on_gpu_only, plain};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, defaults_end_within_one_percent_of_the_optimum);
    on_both!(trials, the_same_input_gives_the_same_bits);
    on_both!(trials, a_diverging_learning_rate_is_an_error_that_names_one_to_try);
    on_gpu_only(trials, "training_agrees_with_the_cpu", training_agrees_with_the_cpu);
    on_gpu_only(trials, "small_arrays_give_the_same_objective", |_| small_arrays_give_the_same_objective());
    plain(trials, "training::rows_come_back_in_the_order_asked_for", rows_come_back_in_the_order_asked_for);
}

struct Trained {
    parameters: Vec<f32>,
    objective: f64,
    probabilities: Vec<f32>,
}

fn features(golden: &Golden) -> Vec<f32> {
    reference::normalize(golden.counts.view()).iter().map(|&v| v as f32).collect()
}

fn train<B: Backend>(backend: &B, options: &SgdOptions) -> huemax::Result<Trained> {
    let golden = Golden::load();
    let matrix = Matrix::upload(backend, &features(&golden), 512)?;
    let data = Labelled::new(backend, &matrix, &golden.labels, golden.classes.len())?;
    let rows: Vec<usize> = (0..golden.labels.len()).collect();
    let fitted = fit(backend, &data, &rows, &options.plan(rows.len(), 1.0)?, &Quiet)?;
    let probabilities = Forward::new(backend, &data, &rows, &fitted.parameters, true)?.probabilities;
    let parameters = backend.download(&fitted.parameters, data.parameters())?;
    Ok(Trained { parameters, objective: fitted.objective, probabilities })
}

/// The objective of parameters, by the reference.
fn objective(parameters: &[f32]) -> f64 {
    let golden = Golden::load();
    let (weight, bias) = parameters.split_at(10 * 512);
    let weight = Array2::from_shape_vec((10, 512), f64s(weight)).expect("shape");
    let x = reference::normalize(golden.counts.view());
    let scores = reference::scores(x.view(), weight.view(), f64s(bias).as_slice().into());
    let (_, losses) = reference::softmax(scores.view(), &golden.labels);
    reference::objective(losses.view(), weight.view(), 1.0 / golden.labels.len() as f64)
}

fn defaults_end_within_one_percent_of_the_optimum<B: Backend>(backend: &B) {
    let trained = train(backend, &SgdOptions::default()).expect("training");
    let optimum = Golden::load().objective;
    let reached = objective(&trained.parameters);
    assert!(reached >= optimum * (1.0 - 1e-9), "{reached} is below the optimum {optimum}");
    assert!(reached <= optimum * 1.01, "{reached} is more than 1 % above {optimum}");
    assert!((trained.objective / reached - 1.0).abs() < 1e-5, "says {}, is {reached}", trained.objective);
}

fn the_same_input_gives_the_same_bits<B: Backend>(backend: &B) {
    let options = SgdOptions { epochs: Some(3), ..SgdOptions::default() };
    let bits = || {
        let trained = train(backend, &options).expect("training");
        trained.parameters.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let first = bits();
    assert_eq!(bits(), first);
    let other = SgdOptions { seed: 43, ..options.clone() };
    let other = train(backend, &other).expect("training").parameters;
    assert!(other.into_iter().map(f32::to_bits).ne(first), "another seed gives the same bits");
}

fn a_diverging_learning_rate_is_an_error_that_names_one_to_try<B: Backend>(backend: &B) {
    let options = SgdOptions { learning_rate: Some(1e6), epochs: Some(20), ..SgdOptions::default() };
    let Err(error) = train(backend, &options) else { panic!("1e6 converged") };
    let error = error.to_string();
    assert!(error.contains("diverged") && error.contains("--learning-rate 1.00e5"), "{error}");
}

fn training_agrees_with_the_cpu(gpu: &Gpu) {
    let options = SgdOptions::default();
    let here = train(gpu, &options).expect("training");
    let there = train(cpu(), &options).expect("training");
    let relative = (here.objective / there.objective - 1.0).abs();
    assert!(relative < 1e-4, "objectives {} and {}", here.objective, there.objective);
    for (a, b) in here.probabilities.chunks(10).zip(there.probabilities.chunks(10)) {
        let best = |row: &[f32]| (0..10).max_by(|&i, &j| row[i].total_cmp(&row[j])).expect("ten");
        let (i, j) = (best(a), best(b));
        assert!(i == j || (b[i] - b[j]).abs() < 1e-4, "predictions differ and are no tie: {a:?} {b:?}");
    }
}

/// Arrays of at most 256 KiB: the features lie in eight chunks, and batches do not cross them.
fn small_arrays_give_the_same_objective() {
    let small: Gpu = gpu::adapters()[0].open_within(256 << 10).expect("a small device");
    let trained = train(&small, &SgdOptions::default()).expect("training");
    let reached = objective(&trained.parameters);
    let optimum = Golden::load().objective;
    assert!(reached <= optimum * 1.01, "{reached} is more than 1 % above {optimum}");
}

fn rows_come_back_in_the_order_asked_for() {
    let backend: &Cpu = cpu();
    let matrix = Matrix::upload(backend, &[0.0, 1.0, 2.0, 3.0], 1).expect("a matrix");
    let data = Labelled::new(backend, &matrix, &[0, 1, 0, 1], 2).expect("labels");
    let parameters = backend.upload(&[0.0, 1.0, 0.0, 0.0]).expect("parameters");
    let forward = |rows: &[usize]| Forward::new(backend, &data, rows, &parameters, true).expect("forward");
    let all = forward(&[0, 1, 2, 3]);
    let some = forward(&[3, 0]);
    assert_eq!(some.probabilities, [&all.probabilities[6..8], &all.probabilities[0..2]].concat());
    assert_eq!(some.losses, [all.losses[3], all.losses[0]]);
    assert!((some.probabilities[1] - 1.0 / (1.0 + (-3.0f32).exp())).abs() < 1e-6);
}
