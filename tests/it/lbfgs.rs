//! L-BFGS to the golden optima: objectives within 1e-6, weights within 1e-3, on the CPU and the GPU, in one chunk and in
//! several; and what it says and does at the edges.

use std::sync::Mutex;

use huemax::backend::{Backend, Gpu, Loss, Targets, reference};
use huemax::features::Matrix;
use huemax::learn::{
    Fit, Labelled, LearnError, Parts, SolverOptions, Start, State, Stop, Unwatched, Watch, fit,
};
use huemax::progress::Quiet;
use libtest_mimic::Trial;
use ndarray::{Array2, ArrayView2};

use crate::on_both;
use crate::stages::reference::Golden;
use crate::support::{adapters, f64s, on_gpu_only, shared};
use crate::training::features;

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, softmax_reaches_the_golden_optima);
    on_both!(trials, squared_hinge_reaches_the_golden_optimum);
    on_both!(trials, stopped_and_resumed_it_ends_in_the_same_bytes);
    on_both!(trials, a_warm_start_ends_where_a_cold_one_does);
    on_both!(trials, l1_ends_where_no_coordinate_can_do_better);
    on_both!(trials, separable_rows_do_not_run_away);
    on_gpu_only(trials, "lbfgs::chunks_do_not_change_the_optimum", |_| chunks_do_not_change_the_optimum());
    let absent = shared("golden/ucmerced_sigmoid_C1.npz").is_none();
    let mut golden = Vec::new();
    on_both!(&mut golden, sigmoid_reaches_the_golden_optimum);
    trials.extend(golden.into_iter().map(|t| if absent { t.with_ignored_flag(true) } else { t }));
}

/// What `options` end in on `features` (D columns).
fn run<B: Backend>(
    backend: &B,
    features: &[f32],
    targets: &Targets,
    options: &SolverOptions,
    (start, watch): (&Start, &dyn Watch),
) -> Result<(Fit<B>, Vec<f32>), LearnError> {
    let columns = features.len() / targets.rows();
    let matrix = Matrix::upload(backend, features, columns).expect("a matrix");
    let data = Labelled::new(backend, &matrix, targets).expect("labels");
    let rows: Vec<usize> = (0..targets.rows()).collect();
    let plan = options.plan(rows.len(), 1.0, targets)?;
    let fitted = fit(backend, &data, Parts { train: &rows, val: &[] }, &plan, start, (watch, &Quiet))?;
    let parameters = backend.download(&fitted.parameters, data.parameters())?;
    Ok((fitted, parameters))
}

/// The objective of `parameters` by the reference.
fn objective(x: ArrayView2<'_, f64>, targets: &Targets, parameters: &[f32], l2: f64) -> f64 {
    let (outputs, columns) = (targets.outputs(), x.ncols());
    let (weight, bias) = parameters.split_at(outputs * columns);
    let weight = Array2::from_shape_vec((outputs, columns), f64s(weight)).expect("shape");
    let scores = reference::scores(x, weight.view(), f64s(bias).as_slice().into());
    let (_, losses) = reference::loss(scores.view(), targets);
    reference::penalized(losses.column(0), weight.view(), l2)
}

/// 1e-6 is what is asked for.
fn at_the_optimum(name: &str, optimum: f64, reached: f64, says: f64) {
    println!("{name}: {reached}, {:.1e} above the optimum", reached / optimum - 1.0);
    assert!(reached >= optimum * (1.0 - 1e-9), "{name}: {reached} is below the optimum {optimum}");
    assert!(reached <= optimum * (1.0 + 1e-6), "{name}: {reached}, and the optimum is {optimum}");
    assert!((says / reached - 1.0).abs() < 1e-6, "{name}: says {says}, is {reached}");
}

/// Optima of SciPy's L-BFGS in f64; those at other C than 1 are in `golden/optimum.json`.
fn softmax_reaches_the_golden_optima<B: Backend>(backend: &B) {
    let golden = Golden::load();
    let x = reference::normalize(golden.counts.view());
    let targets = golden.targets(Loss::Softmax);
    for (c, optimum) in [
        (0.1, 1.844_208_900_662_516_2),
        (1.0, 1.323_797_368_893_925_7),
        (10.0, 0.964_255_946_671_143_1),
        (100.0, 0.721_311_950_678_469_1),
    ] {
        let options = SolverOptions { c, ..SolverOptions::default() };
        let (fitted, parameters) =
            run(backend, &features(&golden), &targets, &options, (&Start::Zero, &Unwatched)).expect("a fit");
        let reached = objective(x.view(), &targets, &parameters, 1.0 / (c * 1000.0));
        println!("{} iterations, {} evaluations: {}", fitted.iterations, fitted.evaluations, fitted.stop);
        at_the_optimum(&format!("C = {c}"), optimum, reached, fitted.objective);
        assert!(matches!(fitted.stop, Stop::Gradient { .. }), "{}", fitted.stop);
        if c == 1.0 && shared("golden/eurosat1k_softmax_C1.npz").is_some() {
            let [weight, bias] = crate::optimum::weights("golden/eurosat1k_softmax_C1.npz");
            // The bias is unique up to a constant; theirs has the mean 0.
            let mean = f64s(&parameters[5120..]).iter().sum::<f64>() / 10.0;
            let ours = f64s(&parameters[..5120]);
            let ours_bias: Vec<f64> = f64s(&parameters[5120..]).iter().map(|b| b - mean).collect();
            close_in_norm(&ours, &weight);
            close_in_norm(&ours_bias, &bias);
        }
    }
}

/// 1e-3 in norm is what is asked for.
fn close_in_norm(ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len());
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    let apart = norm(&mut ours.iter().zip(theirs).map(|(a, b)| a - b)) / norm(&mut theirs.iter().copied());
    println!("{apart:.1e} apart in norm");
    assert!(apart < 1e-3, "{apart}");
}

fn squared_hinge_reaches_the_golden_optimum<B: Backend>(backend: &B) {
    let golden = Golden::load();
    let x = reference::normalize(golden.counts.view());
    let targets = golden.targets(Loss::SquaredHinge);
    let (fitted, parameters) =
        run(backend, &features(&golden), &targets, &SolverOptions::default(), (&Start::Zero, &Unwatched))
            .expect("a fit");
    let reached = objective(x.view(), &targets, &parameters, 1e-3);
    at_the_optimum("squared hinge", 1.709_759_800_014_806, reached, fitted.objective);
}

/// 2,100 aerial pictures with 17 labels (UC Merced).
fn sigmoid_reaches_the_golden_optimum<B: Backend>(backend: &B) {
    let (x, truth, weight, bias) = crate::optimum::given();
    let rows: Vec<Vec<u32>> =
        truth.rows().into_iter().map(|row| (0..17u32).filter(|&k| row[k as usize]).collect()).collect();
    let targets = Targets::new(Loss::Sigmoid, 17, &rows);
    let features: Vec<f32> = x.iter().map(|&v| v as f32).collect();
    let (fitted, parameters) =
        run(backend, &features, &targets, &SolverOptions::default(), (&Start::Zero, &Unwatched))
            .expect("a fit");
    let reached = objective(x.view(), &targets, &parameters, 1.0 / 2100.0);
    at_the_optimum("sigmoid", 4.621_427_996_336_056, reached, fitted.objective);
    close_in_norm(&f64s(&parameters[..17 * 512]), weight.as_slice().expect("in order"));
    close_in_norm(&f64s(&parameters[17 * 512..]), bias.as_slice().expect("in order"));
}

/// Keeps the states it is given, and stops after some iterations.
#[derive(Default)]
struct StopAfter {
    iterations: usize,
    seen: Mutex<usize>,
    kept: Mutex<Option<State>>,
}

impl Watch for StopAfter {
    fn saw(&self, seen: &huemax::learn::Seen) {
        *self.seen.lock().expect("a lock") = seen.iteration;
    }
    fn stop(&self) -> bool {
        *self.seen.lock().expect("a lock") >= self.iterations
    }
    fn save(&self, state: State) -> Result<(), LearnError> {
        *self.kept.lock().expect("a lock") = Some(state);
        Ok(())
    }
}

fn stopped_and_resumed_it_ends_in_the_same_bytes<B: Backend>(backend: &B) {
    let golden = Golden::load();
    let (features, targets) = (features(&golden), golden.targets(Loss::Softmax));
    let options = SolverOptions { c: 10.0, max_iter: Some(60), ..SolverOptions::default() };
    let bits = |parameters: Vec<f32>| parameters.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    let from = |start: &Start, watch: &dyn Watch| run(backend, &features, &targets, &options, (start, watch));
    let whole = bits(from(&Start::Zero, &Unwatched).expect("a fit").1);
    let mut start = Start::Zero;
    for iterations in [1, 7, 8, 40] {
        let watch = StopAfter { iterations, ..StopAfter::default() };
        let Err(error) = from(&start, &watch) else { panic!("not stopped") };
        assert!(matches!(error, LearnError::Interrupted { .. }), "{error}");
        start = Start::Resume(watch.kept.into_inner().expect("a lock").expect("a state"));
    }
    let resumed = bits(from(&start, &Unwatched).expect("a fit").1);
    assert!(resumed == whole, "the bytes differ");
}

fn a_warm_start_ends_where_a_cold_one_does<B: Backend>(backend: &B) {
    let golden = Golden::load();
    let (features, targets) = (features(&golden), golden.targets(Loss::Softmax));
    let fit = |c: f64, start: &Start| {
        let options = SolverOptions { c, ..SolverOptions::default() };
        run(backend, &features, &targets, &options, (start, &Unwatched)).expect("a fit")
    };
    let (_, near) = fit(0.8, &Start::Zero);
    let (cold, _) = fit(1.0, &Start::Zero);
    let (warm, _) = fit(1.0, &Start::From(near));
    assert!((warm.objective / cold.objective - 1.0).abs() < 1e-6, "{} {}", warm.objective, cold.objective);
    assert!(warm.evaluations < cold.evaluations, "{} {}", warm.evaluations, cold.evaluations);
}

/// At the optimum every weight's derivative is its penalty's: ±l1 where it is not zero, between them where it is.
fn l1_ends_where_no_coordinate_can_do_better<B: Backend>(backend: &B) {
    let golden = Golden::load();
    let x = reference::normalize(golden.counts.view());
    for (loss, l1_share) in [(Loss::Softmax, 1.0), (Loss::Softmax, 0.5), (Loss::Sigmoid, 1.0)] {
        let targets = golden.targets(loss);
        let options = SolverOptions { c: 10.0, l1: l1_share, ..SolverOptions::default() };
        let (fitted, parameters) =
            run(backend, &features(&golden), &targets, &options, (&Start::Zero, &Unwatched)).expect("a fit");
        let (weight, bias) = parameters.split_at(10 * 512);
        let weight = Array2::from_shape_vec((10, 512), f64s(weight)).expect("shape");
        let scores = reference::scores(x.view(), weight.view(), f64s(bias).as_slice().into());
        let (residual, _) = reference::loss(scores.view(), &targets);
        let gradient = residual.t().dot(&x) / 1000.0;
        let (l1, l2) = (l1_share / 10_000.0, (1.0 - l1_share) / 10_000.0);
        let mut worst = 0.0f64;
        for (w, g) in weight.iter().zip(&gradient) {
            let g = g + l2 * w;
            worst = worst.max(if *w == 0.0 { (g.abs() - l1).max(0.0) } else { (g + l1 * w.signum()).abs() });
        }
        let zeros = weight.iter().filter(|w| **w == 0.0).count();
        println!(
            "{loss} {l1_share}: {zeros} zeros, {} off, objective {}, {} iterations, {} evaluations, {}",
            worst / l1,
            fitted.objective,
            fitted.iterations,
            fitted.evaluations,
            fitted.stop
        );
        assert_eq!(fitted.zeros, (zeros, 5120));
        assert!(zeros > 1000, "{zeros} of 5120 are zero");
        // The subgradient of least norm ends at 1e-5 of its first norm; a tenth for what f32 makes of it.
        let (residual, _) = reference::loss(Array2::zeros((1000, 10)).view(), &targets);
        let first = residual.t().dot(&x) / 1000.0;
        let first = first.iter().map(|g| (g.abs() - l1).max(0.0).powi(2)).sum::<f64>().sqrt();
        assert!(worst < 1.1e-5 * first, "a derivative is {worst} off, {} of the first norm", worst / first);
    }
}

/// Two far groups at a C that hardly penalises.
fn separable_rows_do_not_run_away<B: Backend>(backend: &B) {
    #[derive(Default)]
    struct Listener(Mutex<Vec<String>>);
    impl Watch for Listener {
        fn say(&self, line: &str) {
            self.0.lock().expect("a lock").push(line.into());
        }
    }
    let features: Vec<f32> = (0..40).flat_map(|i| if i < 20 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
    let labels: Vec<u32> = (0..40).map(|i| u32::from(i >= 20)).collect();
    let targets = Targets::classes(2, &labels);
    let options = SolverOptions { c: 1e8, ..SolverOptions::default() };
    let listener = Listener::default();
    let (fitted, parameters) =
        run(backend, &features, &targets, &options, (&Start::Zero, &listener)).expect("a fit");
    assert!(fitted.iterations < 200 && parameters.iter().all(|p| p.abs() < 1e3), "{}", fitted.stop);
    let said = listener.0.into_inner().expect("a lock").join("\n");
    assert!(said.contains("without a single mistake") && said.contains("100000000"), "{said}");
}

/// Eight chunks of 128 rows, or one of 997 and a short one.
fn chunks_do_not_change_the_optimum() {
    let golden = Golden::load();
    let x = reference::normalize(golden.counts.view());
    let targets = golden.targets(Loss::Softmax);
    for rows in [128, 997] {
        let gpu: Gpu = adapters()[0].open_within(rows * 2048).expect("a small device");
        let (fitted, parameters) =
            run(&gpu, &features(&golden), &targets, &SolverOptions::default(), (&Start::Zero, &Unwatched))
                .expect("a fit");
        let reached = objective(x.view(), &targets, &parameters, 1e-3);
        at_the_optimum(&format!("chunks of {rows}"), golden.objective, reached, fitted.objective);
    }
}
