//! The solver on the golden problem: converges by default, the same bits every time, the same on every device and in
//! every chunking.

use huemax::backend::{Backend, Bins, Gpu, Loss, Pictures, reference};
use huemax::features::{Matrix, Target, extract};
use huemax::learn::{
    Labelled, Parts, SolverKind, SolverOptions, Start, Targets, Unwatched, fit, loss_sum, probabilities,
};
use huemax::progress::{Progress, Quiet};
use huemax::verify::{self, bounds};
use libtest_mimic::Trial;
use ndarray::{Array2, Axis};

use crate::on_both;
use crate::stages::reference::Golden;
use crate::support::{adapters, cpu, f64s, on_gpu_only};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, defaults_end_within_one_percent_of_the_optimum);
    on_both!(trials, the_same_input_gives_the_same_bits);
    on_both!(trials, a_diverging_learning_rate_is_an_error_that_names_one_to_try);
    on_gpu_only(trials, "training_agrees_with_the_cpu", training_agrees_with_the_cpu);
    on_gpu_only(trials, "chunks_do_not_change_the_optimum", |_| chunks_do_not_change_the_optimum());
    on_gpu_only(trials, "many_small_steps_agree_with_the_cpu", many_small_steps_agree_with_the_cpu);
    on_gpu_only(trials, "pictures_are_described_across_chunks", |_| pictures_are_described_across_chunks());
    on_gpu_only(trials, "a_lost_device_is_an_error_that_names_it", |_| {
        a_lost_device_is_an_error_that_names_it();
    });
    on_gpu_only(trials, "rows_come_back_in_the_order_asked_for", |_| rows_come_back_in_the_order_asked_for());
}

struct Trained {
    parameters: Vec<f32>,
    objective: f64,
    probabilities: Vec<f32>,
}

/// Mini-batches, with defaults.
fn sgd() -> SolverOptions {
    SolverOptions { solver: Some(SolverKind::Sgd), ..SolverOptions::default() }
}

pub fn features(golden: &Golden) -> Vec<f32> {
    reference::normalize(golden.counts.view()).iter().map(|&v| v as f32).collect()
}

fn train<B: Backend>(backend: &B, options: &SolverOptions) -> huemax::Result<Trained> {
    let golden = Golden::load();
    let matrix = Matrix::upload(backend, &features(&golden), 512)?;
    let targets = golden.targets(Loss::Softmax);
    let data = Labelled::new(backend, &matrix, &targets)?;
    let rows: Vec<usize> = (0..golden.labels.len()).collect();
    let fitted = {
        let plan = options.plan(rows.len(), 1.0, &targets)?;
        let parts = Parts { train: &rows, val: &[] };
        fit(backend, &data, parts, &plan, &Start::Zero, (&Unwatched, &Quiet))?
    };
    let probabilities = probabilities(backend, &data, &rows, &fitted.parameters)?;
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
    let (_, losses) = reference::softmax(scores.view(), &golden.targets(Loss::Softmax));
    reference::penalized(losses.view(), weight.view(), 1.0 / golden.labels.len() as f64)
}

/// 1 % is what is promised; a hundredth of that is what README says is reached.
fn defaults_end_within_one_percent_of_the_optimum<B: Backend>(backend: &B) {
    let trained = train(backend, &sgd()).expect("training");
    let optimum = Golden::load().objective;
    let reached = objective(&trained.parameters);
    assert!(reached >= optimum * (1.0 - 1e-9), "{reached} is below the optimum {optimum}");
    assert!(reached <= optimum * 1.0001, "{reached} is more than 0.01 % above {optimum}");
    assert!((trained.objective / reached - 1.0).abs() < 1e-5, "says {}, is {reached}", trained.objective);
}

fn the_same_input_gives_the_same_bits<B: Backend>(backend: &B) {
    let options = SolverOptions { epochs: Some(3), ..sgd() };
    let bits = || {
        let trained = train(backend, &options).expect("training");
        trained.parameters.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let first = bits();
    assert_eq!(bits(), first);
    let other = SolverOptions { seed: 43, ..options.clone() };
    let other = train(backend, &other).expect("training").parameters;
    assert!(other.into_iter().map(f32::to_bits).ne(first), "another seed gives the same bits");
}

fn a_diverging_learning_rate_is_an_error_that_names_one_to_try<B: Backend>(backend: &B) {
    let options = SolverOptions { learning_rate: Some(1e6), epochs: Some(20), ..sgd() };
    let Err(error) = train(backend, &options) else { panic!("1e6 converged") };
    let error = error.to_string();
    assert!(error.contains("diverged") && error.contains("--learning-rate 1.00e5"), "{error}");
}

fn training_agrees_with_the_cpu(gpu: &Gpu) {
    let options = sgd();
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

/// A GPU on which no array holds more than `rows` rows of 512 features.
fn small(rows: u64) -> Gpu {
    adapters()[0].open_within(rows * 2048).expect("a small device")
}

/// Eight chunks of 128 rows; and one of 997 with three rows left over, which must not pull harder than others.
fn chunks_do_not_change_the_optimum() {
    let optimum = Golden::load().objective;
    for (rows, most) in [(128, 1.001), (997, 1.0001)] {
        let trained = train(&small(rows), &sgd()).expect("training");
        let reached = objective(&trained.parameters);
        assert!(reached <= optimum * most, "chunks of {rows} rows: {reached}, and the optimum is {optimum}");
    }
}

/// Steps of four rows: more dispatches in an epoch than a submission holds.
fn many_small_steps_agree_with_the_cpu(gpu: &Gpu) {
    let options = SolverOptions { batch_size: Some(4), epochs: Some(1), ..sgd() };
    let here = train(gpu, &options).expect("training").objective;
    let there = train(cpu(), &options).expect("training").objective;
    assert!((here / there - 1.0).abs() < 1e-4, "objectives {here} and {there}");
}

/// Before anything was recorded, and in the middle of a training.
fn a_lost_device_is_an_error_that_names_it() {
    for epochs in [0, 3] {
        let device = adapters()[0].open().expect("a device");
        let golden = Golden::load();
        let matrix = Matrix::upload(&device, &features(&golden), 512).expect("a matrix");
        let targets = golden.targets(Loss::Softmax);
        let data = Labelled::new(&device, &matrix, &targets).expect("labels");
        let rows: Vec<usize> = (0..1000).collect();
        let options = SolverOptions { epochs: Some(5), ..sgd() };
        let plan = options.plan(1000, 1.0, &targets).expect("a plan");
        let lose = LoseAfter { device: &device, epochs: epochs.into() };
        if epochs == 0 {
            device.lose();
        }
        let Err(error) =
            fit(&device, &data, Parts { train: &rows, val: &[] }, &plan, &Start::Zero, (&Unwatched, &lose))
        else {
            panic!("trained on a lost device")
        };
        let error = error.to_string();
        assert!(error.contains(&device.info().name) && error.contains("--device cpu"), "{error}");
    }
}

/// Loses the device after some epochs.
struct LoseAfter<'a> {
    device: &'a Gpu,
    epochs: std::sync::atomic::AtomicU64,
}

impl Progress for LoseAfter<'_> {
    fn begin(&self, _work: &str, _total: u64, _unit: &str) {}
    fn advance(&self, n: u64) {
        if self.epochs.fetch_sub(n, std::sync::atomic::Ordering::Relaxed) == n {
            self.device.lose();
        }
    }
    fn note(&self, _text: &str) {}
    fn end(&self) {}
    fn say(&self, _line: &str) {}
}

/// 300 pictures of a few pixels each, one of them unreadable, on a device with chunks of 128 rows.
fn pictures_are_described_across_chunks() {
    let bins = Bins::new([8, 8, 8]).expect("bins");
    let picture = |i: usize| -> Vec<u8> { (0..30).map(|b| (i * 31 + b * 7) as u8).collect() };
    let reader = || {
        |i: usize, pictures: &mut Pictures| match i {
            17 => Err("torn".to_owned()),
            _ => {
                pictures.push(&picture(i));
                Ok(())
            }
        }
    };
    let device = small(128);
    let extracted = extract(&device, 300, &bins, reader, Target::MATRIX, &Quiet).expect("features");
    assert_eq!(extracted.skipped.len(), 1);
    assert_eq!((extracted.skipped[0].index, extracted.skipped[0].reason.as_str()), (17, "torn"));
    assert!(extracted.matrix.chunk_count() > 1);
    let got = extracted.matrix.download(&device).expect("download");
    for (i, row) in got.chunks_exact(512).enumerate() {
        let rgb = if i == 17 { Vec::new() } else { picture(i) };
        let counts = reference::describe(&rgb, &bins);
        let expected = reference::normalize(counts.view().insert_axis(Axis(0)));
        let bound = bounds::normalize(expected.view());
        verify::within(&expected.into_raw_vec_and_offset().0, row, &bound.into_raw_vec_and_offset().0)
            .unwrap_or_else(|e| panic!("picture {i}: {e}"));
    }
}

fn rows_come_back_in_the_order_asked_for() {
    let golden = Golden::load();
    let parameters: Vec<f32> = golden.weight.iter().chain(&golden.bias).map(|&v| v as f32).collect();
    let device = small(128);
    let matrix = Matrix::upload(&device, &features(&golden), 512).expect("a matrix");
    assert_eq!(matrix.chunk_count(), 8);
    let targets = Targets::classes(10, &golden.labels);
    let data = Labelled::new(&device, &matrix, &targets).expect("labels");
    let parameters = device.upload(&parameters).expect("parameters");
    let ask = |rows: &[usize]| probabilities(&device, &data, rows, &parameters).expect("probabilities");
    let all = ask(&(0..1000).collect::<Vec<_>>());
    let rows = [900, 3, 500, 127, 128, 999, 4];
    let expected: Vec<f32> = rows.iter().flat_map(|&row| all[row * 10..row * 10 + 10].to_vec()).collect();
    assert_eq!(ask(&rows), expected);
    let sum = loss_sum(&device, &data, &[900, 3], &parameters).expect("a sum");
    let by_hand: f64 =
        [900, 3].map(|i| -f64::from(all[i * 10 + golden.labels[i] as usize]).ln()).iter().sum();
    assert!((sum - by_hand).abs() < 1e-5, "{sum} {by_hand}");

    // One narrow column and 64 outputs: a chunk holds more rows than a batch of scores.
    let device = adapters()[0].open_within(16 << 10).expect("a small device");
    let values: Vec<f32> = (0..200).map(|i| i as f32 / 100.0).collect();
    let matrix = Matrix::upload(&device, &values, 1).expect("a matrix");
    let targets = Targets::classes(64, &[0; 200]);
    let data = Labelled::new(&device, &matrix, &targets).expect("labels");
    assert!(data.max_batch(&device) < 100);
    let parameters: Vec<f32> = (0..128).map(|j| (j % 64) as f32 / 64.0).collect();
    let parameters = device.upload(&parameters).expect("parameters");
    let rows: Vec<usize> = (0..200).rev().collect();
    let all = probabilities(&device, &data, &rows, &parameters).expect("probabilities");
    for (i, &row) in rows.iter().enumerate() {
        let one = probabilities(&device, &data, &[row], &parameters).expect("probabilities");
        assert_eq!(all[i * 64..(i + 1) * 64], one, "row {row}");
    }
}
