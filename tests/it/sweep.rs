//! Sweeps: many models side by side are the models that fits one by one find, whatever is interrupted and resumed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use huemax::backend::{Backend, Gpu, Loss};
use huemax::features::Matrix;
use huemax::learn::{
    Labelled, LearnError, Member, Parts, Plan, Score, SolverKind, SolverOptions, Start, State, Sweep, Swept,
    Targets, Unwatched, Watch, fit, sweep,
};
use huemax::progress::Quiet;
use libtest_mimic::Trial;
use rand::RngExt;

use crate::on_both;
use crate::support::{adapters, cpu, on_gpu_only, plain, random};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, a_sweep_is_the_same_fits_one_by_one);
    on_both!(trials, a_sweep_resumes_to_the_same_bits);
    plain(trials, "sweep::far_apart_and_alone", far_apart_and_alone);
    plain(trials, "sweep::one_by_one_where_columns_do_not_go", one_by_one_where_columns_do_not_go);
    plain(trials, "sweep::a_state_of_another_sweep_is_refused", a_state_of_another_sweep_is_refused);
    on_gpu_only(trials, "sweep::models_in_several_passes", |_| models_in_several_passes());
}

/// Rows of three hundred or so, in classes that overlap, and divisions into folds.
struct Problem {
    features: Vec<f32>,
    columns: usize,
    targets: Targets,
    members: Vec<Member>,
}

fn problem(loss: Loss, seeds: usize, folds: usize) -> Problem {
    let (n, columns, outputs) = (300, 24, 4);
    let mut rng = random(11);
    let mut features = Vec::new();
    let mut labels = Vec::new();
    for i in 0..n {
        let y = i % outputs;
        let own: Vec<u32> =
            if loss.exclusive() || i % 3 > 0 { vec![y as u32] } else { vec![(y / 2) as u32, 3] };
        labels.push(if own[0] == *own.last().expect("a label") { vec![own[0]] } else { own });
        let row: Vec<f32> = (0..columns)
            .map(|d| rng.random_range(0.0..1.0f32).powi(3) + if d % outputs == y { 0.3 } else { 0.0 })
            .collect();
        let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        features.extend(row.iter().map(|v| v / norm));
    }
    let weights: Vec<f32> = (0..2 * outputs).map(|k| 1.0 + 0.1 * k as f32).collect();
    let targets = Targets::new(loss, outputs, &labels).weighted(weights);
    let mut members = Vec::new();
    for seed in 0..seeds {
        let fold_of: Vec<usize> = (0..n).map(|i| (i * (2 * seed + 1) + i / 7) % folds).collect();
        for fold in 0..folds {
            let (val, train) = (0..n).partition(|&i| fold_of[i] == fold);
            members.push(Member { train, val });
        }
    }
    Problem { features, columns, targets, members }
}

impl Problem {
    fn plan(&self, options: &SolverOptions, c: f64, rows: &[usize]) -> Result<Plan, LearnError> {
        let options = SolverOptions { c, ..options.clone() };
        options.plan(rows.len(), 1.0, &self.targets.pick(rows.iter().copied()))
    }

    fn sweep<B: Backend>(
        &self,
        backend: &B,
        cs: &[f64],
        options: &SolverOptions,
        start: Option<&State>,
        watch: &dyn Watch,
    ) -> Result<Swept, LearnError> {
        let matrix = Matrix::upload(backend, &self.features, self.columns).expect("a matrix");
        let data = Labelled::new(backend, &matrix, &self.targets).expect("labels");
        let plan = |c: f64, rows: &[usize]| self.plan(options, c, rows);
        let asked = Sweep { cs, members: &self.members, plan: &plan, score: Score::Accuracy };
        sweep(backend, &data, &asked, start, (watch, &Quiet))
    }

    /// Every model of `swept` against the same fit made alone: the largest difference, relative.
    fn against_alone<B: Backend>(&self, backend: &B, options: &SolverOptions, swept: &Swept) -> f64 {
        let matrix = Matrix::upload(backend, &self.features, self.columns).expect("a matrix");
        let data = Labelled::new(backend, &matrix, &self.targets).expect("labels");
        let mut worst = 0.0f64;
        for found in &swept.found {
            for (member, objective) in self.members.iter().zip(&found.objective) {
                let plan = self.plan(options, found.c, &member.train).expect("a plan");
                let parts = Parts { train: &member.train, val: &[] };
                let alone =
                    fit(backend, &data, parts, &plan, &Start::Zero, (&Unwatched, &Quiet)).expect("a fit");
                let off = objective / alone.objective - 1.0;
                if off.abs() > 1e-5 {
                    println!("C = {}: {objective} is {off:.1e} off {}", found.c, alone.objective);
                }
                worst = worst.max(off.abs());
            }
        }
        worst
    }
}

fn geometric(from: f64, ratio: f64, count: i32) -> Vec<f64> {
    (0..count).map(|i| from * ratio.powi(i)).collect()
}

fn a_sweep_is_the_same_fits_one_by_one<B: Backend>(backend: &B) {
    let cs = geometric(0.01, 1.8, 14);
    for loss in [Loss::Softmax, Loss::Sigmoid, Loss::SquaredHinge] {
        let problem = problem(loss, 2, 3);
        let options = SolverOptions::default();
        let swept = problem.sweep(backend, &cs, &options, None, &Unwatched).expect("a sweep");
        let worst = problem.against_alone(backend, &options, &swept);
        let later: Vec<f64> = swept.found[3..].iter().flat_map(|f| f.evaluations.clone()).collect();
        let mean = later.iter().sum::<f64>() / later.len() as f64;
        println!("{loss}: {worst:.1e} from the fits alone, {mean:.1} evaluations a model");
        assert!(worst < 1e-5, "{loss}: {worst:.1e}");
        // Where a hinge's margins change sides its curvature jumps, and what was learned of it is lost.
        let most = if loss == Loss::SquaredHinge { 25.0 } else { 7.0 };
        assert!(mean < most, "{loss}: {mean} evaluations a model");
        assert_eq!(swept.found.len(), cs.len());
        let least = swept.found.iter().map(huemax::learn::Found::mean_loss).fold(f64::INFINITY, f64::min);
        assert_eq!(swept.found[swept.best].mean_loss(), least);
        assert!(swept.found.iter().all(|f| f.score.iter().all(|s| (0.2..=1.0).contains(s))));
    }
}

/// Values of C that say nothing of each other (at 10,000 these rows are told apart without a mistake, and of an objective of 0.006 a fit
/// alone is 1e-5 off itself), a single one, and more members than a word of a mask has bits.
fn far_apart_and_alone() {
    let options = SolverOptions::default();
    for (cs, seeds, folds) in
        [(vec![1e-3, 0.3, 100.0], 1, 5), (vec![3.0], 1, 2), (geometric(0.1, 3.0, 3), 9, 4)]
    {
        let problem = problem(Loss::Softmax, seeds, folds);
        let swept = problem.sweep(cpu(), &cs, &options, None, &Unwatched).expect("a sweep");
        let worst = problem.against_alone(cpu(), &options, &swept);
        println!(
            "{cs:?}: {worst:.1e}, evaluations {:?}",
            swept.found.iter().map(|f| f.evaluations[0]).collect::<Vec<_>>()
        );
        assert!(worst < 1e-5, "{cs:?}: {worst:.1e}");
        assert_eq!(swept.parameters.len(), seeds * folds);
    }
    // Training and validation rows in place of folds.
    let mut problem = problem(Loss::Softmax, 1, 4);
    problem.members.truncate(1);
    let swept = problem.sweep(cpu(), &geometric(0.1, 2.0, 6), &options, None, &Unwatched).expect("a sweep");
    assert!(problem.against_alone(cpu(), &options, &swept) < 1e-5);
}

fn one_by_one_where_columns_do_not_go() {
    let cs = [0.1, 10.0];
    let sgd = SolverOptions { solver: Some(SolverKind::Sgd), epochs: Some(5), ..SolverOptions::default() };
    let l1 = SolverOptions { l1: 0.5, ..SolverOptions::default() };
    let hinge = SolverOptions { epochs: Some(5), ..SolverOptions::default() };
    for (loss, options) in [(Loss::Softmax, sgd), (Loss::Softmax, l1), (Loss::Hinge, hinge)] {
        let problem = problem(loss, 1, 2);
        let swept = problem.sweep(cpu(), &cs, &options, None, &Unwatched).expect("a sweep");
        assert_eq!(problem.against_alone(cpu(), &options, &swept), 0.0, "{loss}: the very same fits");
    }
}

/// Asks to stop at the question with this number, and keeps what it is given.
struct StopAt {
    at: usize,
    asked: AtomicUsize,
    saved: Mutex<Option<State>>,
}

impl StopAt {
    fn new(at: usize) -> Self {
        Self { at, asked: AtomicUsize::new(0), saved: Mutex::new(None) }
    }
}

impl Watch for StopAt {
    fn stop(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) == self.at
    }
    fn due(&self) -> bool {
        true
    }
    fn save(&self, state: State) -> Result<(), LearnError> {
        *self.saved.lock().expect("a lock") = Some(state);
        Ok(())
    }
}

fn a_sweep_resumes_to_the_same_bits<B: Backend>(backend: &B) {
    let problem = problem(Loss::Softmax, 1, 3);
    let cs = geometric(0.05, 2.3, 7);
    let options = SolverOptions::default();
    let whole = problem.sweep(backend, &cs, &options, None, &Unwatched).expect("a sweep");
    let count = StopAt::new(usize::MAX);
    problem.sweep(backend, &cs, &options, None, &count).expect("a sweep");
    let questions = count.asked.load(Ordering::Relaxed);
    for at in (0..questions).step_by(questions / 6) {
        let watch = StopAt::new(at);
        let error = problem.sweep(backend, &cs, &options, None, &watch).expect_err("it was stopped");
        assert!(matches!(error, LearnError::Interrupted { .. }), "{error}");
        let state = watch.saved.into_inner().expect("a lock").expect("a state");
        // By way of text, as it may be kept.
        let numbers = serde_json::to_string(&state.numbers).expect("JSON");
        let state = State { numbers: serde_json::from_str(&numbers).expect("JSON"), ..state };
        let resumed = problem.sweep(backend, &cs, &options, Some(&state), &Unwatched).expect("a sweep");
        assert_eq!(resumed, whole, "stopped at question {at} of {questions}");
    }
}

fn a_state_of_another_sweep_is_refused() {
    let problem = problem(Loss::Softmax, 1, 3);
    let options = SolverOptions::default();
    let watch = StopAt::new(12);
    problem.sweep(cpu(), &[0.1, 1.0, 10.0], &options, None, &watch).expect_err("it was stopped");
    let state = watch.saved.into_inner().expect("a lock").expect("a state");
    for cs in [&[0.1, 1.0, 20.0][..], &[0.1, 1.0]] {
        let error = problem.sweep(cpu(), cs, &options, Some(&state), &Unwatched).expect_err("other values");
        assert!(matches!(error, LearnError::State { .. }), "{error}");
    }
    let other = State { solver: "lbfgs".into(), ..state };
    let error = problem.sweep(cpu(), &[0.1, 1.0, 10.0], &options, Some(&other), &Unwatched);
    assert!(error.expect_err("another solver").to_string().contains("lbfgs"));
}

/// Arrays of 8 KiB: a few models a pass, and features in several chunks.
fn models_in_several_passes() {
    let device: Gpu = adapters()[0].open_within(8 << 10).expect("a small device");
    let problem = problem(Loss::Softmax, 4, 5);
    let cs = geometric(0.3, 1.9, 3);
    let options = SolverOptions::default();
    let small = problem.sweep(&device, &cs, &options, None, &Unwatched).expect("a sweep");
    let whole = problem.sweep(cpu(), &cs, &options, None, &Unwatched).expect("a sweep");
    for (a, b) in small.found.iter().zip(&whole.found) {
        for (a, b) in a.objective.iter().zip(&b.objective) {
            assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
        }
    }
}
