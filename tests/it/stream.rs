//! Features that are used where they lie, or pass through the device in pieces: the results are those of features in its memory.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use huemax::backend::{Backend, Cpu, Device, Loss};
use huemax::dataset::{Dataset, LabelSource, Mismatches, Sample, SplitOptions, Task, Unit};
use huemax::features::{
    Budget, Bytes, Descriptor, FeaturesError, Histogram, InMemory, Matrix, Npy, Source, survey,
};
use huemax::learn::{
    Labelled, LearnError, Member, Parts, Plan, Score, SolverKind, SolverOptions, Start, State, Sweep,
    Targets, Unwatched, Watch, fit, loss_sum, probabilities, scores, sweep,
};
use huemax::metrics::ThresholdRule;
use huemax::pipeline::{Choices, Input, Origin, Rows, TrainOptions, evaluate, train};
use huemax::progress::Quiet;
use libtest_mimic::Trial;
use rand::RngExt;

use crate::fault::Fault;
use crate::faulty::Faulty;
use crate::on_both;
use crate::support::{cpu, on_gpu_only, plain, random, small_gpu};

pub fn register(trials: &mut Vec<Trial>) {
    on_both!(trials, lbfgs_in_pieces_ends_at_the_same_objective);
    on_both!(trials, mini_batches_in_pieces_are_the_same_bytes);
    on_both!(trials, a_sweep_in_pieces_ends_at_the_same_objectives);
    on_both!(trials, scores_of_pieces_are_the_same_bytes);
    on_both!(trials, a_survey_of_pieces_is_the_same);
    on_both!(trials, what_cannot_be_read_is_said);
    on_both!(trials, budgets_too_small_say_what_will_do);
    on_gpu_only(trials, "stream::batches_go_by_the_largest_array", |_| batches_go_by_the_largest_array());
    plain(trials, "stream::rows_in_place_are_the_same_bytes", rows_in_place_are_the_same_bytes);
    plain(trials, "stream::a_mapped_file_is_not_copied", a_mapped_file_is_not_copied);
    plain(trials, "stream::a_full_device_is_streamed_through", a_full_device_is_streamed_through);
    plain(trials, "stream::zeros_are_left_out_within_the_budget", zeros_are_left_out_within_the_budget);
    plain(trials, "stream::training_and_evaluation_are_the_same", training_and_evaluation_are_the_same);
}

/// Rows that must be read, of which some cannot be.
#[derive(Debug)]
struct Hidden {
    rows: InMemory,
    /// Reads after which there are errors.
    reads: AtomicUsize,
    panics: bool,
}

impl Hidden {
    fn new(values: Vec<f32>, columns: usize) -> Self {
        Self { rows: InMemory::new(values, columns), reads: AtomicUsize::new(usize::MAX), panics: false }
    }
}

impl Source for Hidden {
    fn rows(&self) -> usize {
        self.rows.rows()
    }

    fn columns(&self) -> usize {
        self.rows.columns()
    }

    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        if self.reads.fetch_sub(1, Ordering::Relaxed) == 0 {
            assert!(!self.panics, "a source with a mistake in it");
            self.reads.store(0, Ordering::Relaxed);
            let problem = format!("row {first} is torn");
            return Err(FeaturesError::Format { path: PathBuf::from("x.bin"), problem });
        }
        self.rows.read(first, to)
    }
}

const ROWS: usize = 300;
const COLUMNS: usize = 24;
const OUTPUTS: usize = 4;
/// Rows of a piece: neither classes nor batches end with one.
const PIECE: usize = 37;

struct Problem {
    features: Vec<f32>,
    columns: usize,
    labels: Vec<Vec<u32>>,
    targets: Targets,
}

fn problem_of(loss: Loss, rows: usize, columns: usize) -> Problem {
    let mut rng = random(23);
    let mut features = Vec::new();
    let mut labels = Vec::new();
    for i in 0..rows {
        // Classes lie together: pieces begin and end inside of them.
        let y = i * OUTPUTS / rows;
        let several = !loss.exclusive() && i % 3 == 0;
        labels.push(if several { vec![(y / 2) as u32, 3] } else { vec![y as u32] });
        let row: Vec<f32> = (0..columns)
            .map(|d| rng.random_range(0.0..1.0f32).powi(3) + if d % OUTPUTS == y { 0.3 } else { 0.0 })
            .collect();
        let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        features.extend(row.iter().map(|v| v / norm));
    }
    let weights: Vec<f32> = (0..2 * OUTPUTS).map(|k| 1.0 + 0.1 * k as f32).collect();
    labels.iter_mut().for_each(std::vec::Vec::dedup);
    let targets = Targets::new(loss, OUTPUTS, &labels).weighted(weights);
    Problem { features, columns, labels, targets }
}

fn problem(loss: Loss) -> Problem {
    problem_of(loss, ROWS, COLUMNS)
}

/// A budget for pieces of so many rows.
fn pieces(rows: usize, columns: usize) -> Budget {
    let row = 4 * columns as u64;
    let bytes = |n: u64| Some(Bytes(n * rows as u64 * row));
    // Of the host half is for features, and of that a sixteenth for a piece, or more.
    Budget { host: bytes(32), device: bytes(2), ..Budget::default() }
}

impl Problem {
    fn resident<B: Backend>(&self, backend: &B) -> Matrix<B> {
        Matrix::upload(backend, &self.features, self.columns).expect("a matrix")
    }

    fn streamed<B: Backend>(&self, backend: &B, piece: usize) -> Matrix<B> {
        let source = Arc::new(Hidden::new(self.features.clone(), self.columns));
        let matrix = Matrix::load(backend, source, &pieces(piece, self.columns)).expect("a matrix");
        assert_eq!(matrix.chunk_rows(), piece);
        let note = matrix.note().expect("a word about it");
        assert!(note.contains("pass through in"), "{note}");
        matrix
    }

    fn plan(&self, options: &SolverOptions, rows: usize) -> Plan {
        options.plan(rows, 1.0, &self.targets).expect("a plan")
    }

    fn fit<B: Backend>(
        &self,
        (backend, matrix): (&B, &Matrix<B>),
        options: &SolverOptions,
        start: &Start,
        watch: &dyn Watch,
    ) -> Result<(Vec<u32>, f64), LearnError> {
        let data = Labelled::new(backend, matrix, &self.targets).expect("labels");
        // Every fifth row is left for validation.
        let (val, train): (Vec<usize>, Vec<usize>) = (0..matrix.rows()).partition(|i| i % 5 == 1);
        let plan = self.plan(options, train.len());
        let fit = fit(backend, &data, Parts { train: &train, val: &val }, &plan, start, (watch, &Quiet))?;
        let parameters = backend.download(&fit.parameters, data.parameters()).expect("parameters");
        Ok((parameters.into_iter().map(f32::to_bits).collect(), fit.objective))
    }
}

const EXCLUSIVE_AND_NOT: [Loss; 3] = [Loss::Softmax, Loss::Sigmoid, Loss::SquaredHinge];

fn lbfgs_in_pieces_ends_at_the_same_objective<B: Backend>(backend: &B) {
    for loss in EXCLUSIVE_AND_NOT {
        for l1 in [0.0, 0.3] {
            let problem = problem(loss);
            // Both end as close to the optimum as f32 lets them.
            let options = SolverOptions { l1, tol: Some(1e-7), ..SolverOptions::default() };
            let fit = |matrix: &Matrix<B>| {
                problem.fit((backend, matrix), &options, &Start::Zero, &Unwatched).expect("a fit").1
            };
            let (whole, passing) = (fit(&problem.resident(backend)), fit(&problem.streamed(backend, PIECE)));
            let off = (passing / whole - 1.0).abs();
            println!("{loss}, l1 {l1}: {whole} {passing}, {off:.1e} off");
            assert!(off < 1e-6, "{loss}, l1 {l1}: {whole} {passing}");
        }
    }
}

/// Stops at the question with this number, and keeps what it is given; wants validation.
struct Stopper(AtomicUsize, Mutex<Option<State>>);

impl Watch for Stopper {
    fn validates(&self) -> bool {
        true
    }
    fn stop(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
    fn save(&self, state: State) -> Result<(), LearnError> {
        *self.1.lock().expect("a lock") = Some(state);
        Ok(())
    }
}

/// Batches, validation between them, early stopping, and a training that goes on in the middle of an epoch.
fn mini_batches_in_pieces_are_the_same_bytes<B: Backend>(backend: &B) {
    let few = SolverOptions { epochs: Some(7), batch_size: Some(10), ..SolverOptions::default() };
    let by = |solver| SolverOptions { solver: Some(solver), ..few.clone() };
    let runs = [
        (Loss::Softmax, by(SolverKind::Sgd)),
        (Loss::Softmax, SolverOptions { patience: Some(2), ..by(SolverKind::Adam) }),
        (Loss::Sigmoid, by(SolverKind::Adam)),
        (Loss::Hinge, few.clone()),
        (Loss::SquaredHinge, SolverOptions { l1: 0.5, nesterov: true, ..by(SolverKind::Sgd) }),
    ];
    for (loss, options) in runs {
        let problem = problem(loss);
        let fit = |matrix: &Matrix<B>| {
            problem.fit((backend, matrix), &options, &Start::Zero, &Unwatched).expect("a fit")
        };
        let whole = fit(&problem.resident(backend));
        for piece in [10, PIECE, 149] {
            // A measure at the end goes over pieces, and adds up other parts.
            let passing = fit(&problem.streamed(backend, piece));
            assert!(passing.0 == whole.0, "{loss}, pieces of {piece}");
            assert!((passing.1 / whole.1 - 1.0).abs() < 1e-6, "{loss}: {} {}", passing.1, whole.1);
        }
        let stopper = Stopper(AtomicUsize::new(33), Mutex::new(None));
        let matrix = problem.streamed(backend, PIECE);
        let stopped = problem.fit((backend, &matrix), &options, &Start::Zero, &stopper);
        assert!(matches!(stopped, Err(LearnError::Interrupted { .. })), "{loss}");
        let state = stopper.1.into_inner().expect("a lock").expect("a state");
        let went_on = problem.fit((backend, &matrix), &options, &Start::Resume(state), &Unwatched);
        assert!(went_on.expect("a fit").0 == whole.0, "{loss}: gone on");
    }
    let problem = problem(Loss::Softmax);
    let large = SolverOptions { batch_size: Some(60), ..by(SolverKind::Sgd) };
    let matrix = problem.streamed(backend, PIECE);
    let error = problem.fit((backend, &matrix), &large, &Start::Zero, &Unwatched).expect_err("too large");
    let error = error.to_string();
    assert!(error.starts_with("--batch-size: a batch of") && error.contains("37 rows"), "{error}");
}

/// Rows change places within what an array of the device holds: 1 MiB here, five of them.
fn batches_go_by_the_largest_array() {
    let backend = small_gpu();
    let problem = problem_of(Loss::Softmax, 10_000, 128);
    let options = SolverOptions {
        solver: Some(SolverKind::Sgd),
        epochs: Some(2),
        batch_size: Some(500),
        ..SolverOptions::default()
    };
    let whole = problem.resident(backend);
    assert_eq!(whole.chunk_count(), 5);
    let fit = |matrix: &Matrix<_>| {
        problem.fit((backend, matrix), &options, &Start::Zero, &Unwatched).expect("a fit").0
    };
    assert!(fit(&whole) == fit(&problem.streamed(backend, 700)));
}

fn a_sweep_in_pieces_ends_at_the_same_objectives<B: Backend>(backend: &B) {
    for loss in EXCLUSIVE_AND_NOT {
        let problem = problem(loss);
        let members: Vec<Member> = (0..3)
            .map(|fold| {
                let (val, train) = (0..ROWS).partition(|i| (i + i / 7) % 3 == fold);
                Member { train, val }
            })
            .collect();
        let of = |matrix: &Matrix<B>| {
            let data = Labelled::new(backend, matrix, &problem.targets).expect("labels");
            let plan = |c: f64, rows: &[usize]| {
                let options = SolverOptions { c, tol: Some(1e-7), ..SolverOptions::default() };
                options.plan(rows.len(), 1.0, &problem.targets)
            };
            let asked =
                Sweep { cs: &[0.1, 1.0, 3.0], members: &members, plan: &plan, score: Score::Accuracy };
            sweep(backend, &data, &asked, None, (&Unwatched, &Quiet)).expect("a sweep")
        };
        let (whole, passing) = (of(&problem.resident(backend)), of(&problem.streamed(backend, PIECE)));
        for (a, b) in whole.found.iter().zip(&passing.found) {
            for (a, b) in a.objective.iter().zip(&b.objective) {
                assert!((a / b - 1.0).abs() < 1e-6, "{loss}: {a} {b}");
            }
            assert_eq!(a.score, b.score, "{loss}");
        }
    }
}

fn scores_of_pieces_are_the_same_bytes<B: Backend>(backend: &B) {
    for loss in [Loss::Softmax, Loss::Sigmoid, Loss::Hinge] {
        let problem = problem(loss);
        let parameters: Vec<f32> =
            (0..OUTPUTS * (COLUMNS + 1)).map(|i| ((i * 7919) % 101) as f32 / 50.0 - 1.0).collect();
        let parameters = backend.upload(&parameters).expect("parameters");
        // Backwards, and not all.
        let rows: Vec<usize> = (0..ROWS).rev().filter(|i| i % 4 != 2 && !(80..120).contains(i)).collect();
        let of = |matrix: &Matrix<B>| {
            let data = Labelled::new(backend, matrix, &problem.targets).expect("labels");
            let mut all = scores(backend, &data, &rows, &parameters).expect("scores");
            if loss.probabilistic() {
                all.extend(probabilities(backend, &data, &rows, &parameters).expect("probabilities"));
            }
            all.extend(matrix.gather(backend, &rows).expect("rows"));
            all.extend(matrix.download(backend).expect("all rows"));
            (all, loss_sum(backend, &data, &rows, &parameters).expect("a loss"))
        };
        let (whole, passing) = (of(&problem.resident(backend)), of(&problem.streamed(backend, PIECE)));
        assert!(whole.0 == passing.0, "{loss}");
        assert!((whole.1 / passing.1 - 1.0).abs() < 1e-12, "{loss}: {} {}", whole.1, passing.1);
    }
}

fn a_survey_of_pieces_is_the_same<B: Backend>(backend: &B) {
    let mut problem = problem(Loss::Softmax);
    problem.features.copy_within(0..COLUMNS, 200 * COLUMNS);
    problem.features.copy_within(0..COLUMNS, 299 * COLUMNS);
    let (train, test): (Vec<usize>, Vec<usize>) = (0..ROWS).partition(|&i| i < 250);
    let of = |matrix: &Matrix<B>| survey(backend, matrix, &train, &test).expect("a survey");
    let whole = of(&problem.resident(backend));
    assert_eq!((whole.duplicates, whole.leaked), (1, 1));
    assert_eq!(of(&problem.streamed(backend, PIECE)), whole);
    problem.features[123 * COLUMNS + 5] = f32::NAN;
    // Where it lies, too.
    let source = InMemory::new(problem.features.clone(), COLUMNS);
    let budget = Budget { device: Some(Bytes(4096)), ..Budget::default() };
    let lying = Matrix::load(backend, Arc::new(source), &budget).expect("a matrix");
    for matrix in [problem.streamed(backend, PIECE), lying] {
        let said = survey(backend, &matrix, &train, &test).expect_err("NaN").to_string();
        assert!(said.contains("row 123, column 5 is NaN"), "{said}");
        let options = SolverOptions::default();
        let said = problem.fit((backend, &matrix), &options, &Start::Zero, &Unwatched);
        let said = said.expect_err("NaN").to_string();
        assert!(said.contains("row 123, column 5 is NaN"), "{said}");
    }
}

fn what_cannot_be_read_is_said<B: Backend>(backend: &B) {
    let problem = problem(Loss::Softmax);
    for solver in [SolverKind::Lbfgs, SolverKind::Sgd] {
        for (panics, part) in [(false, "x.bin: row"), (true, "broke off")] {
            let mut source = Hidden::new(problem.features.clone(), COLUMNS);
            (source.panics, source.reads) = (panics, AtomicUsize::new(20));
            let source = Arc::new(source);
            let matrix = Matrix::load(backend, source, &pieces(PIECE, COLUMNS)).expect("a matrix");
            // All of them are asked of every piece, or ten at a time.
            let batch_size = (solver == SolverKind::Sgd).then_some(10);
            let options = SolverOptions { solver: Some(solver), batch_size, ..SolverOptions::default() };
            let said = problem.fit((backend, &matrix), &options, &Start::Zero, &Unwatched);
            let said = said.expect_err("torn rows").to_string();
            assert!(said.contains(part), "{said}");
        }
    }
}

fn budgets_too_small_say_what_will_do<B: Backend>(backend: &B) {
    let problem = problem(Loss::Softmax);
    for budget in [
        Budget { host: Some(Bytes(500)), device: Some(Bytes(4000)), ..Budget::default() },
        Budget { host: Some(Bytes(8000)), device: Some(Bytes(200)), ..Budget::default() },
    ] {
        let source = || Arc::new(Hidden::new(problem.features.clone(), COLUMNS));
        let Err(FeaturesError::Budget { option, needed, .. }) = Matrix::load(backend, source(), &budget)
        else {
            panic!("no error of the kind")
        };
        let enough = match option {
            "--memory" => Budget { host: Some(needed), ..budget },
            _ => Budget { device: Some(needed), ..budget },
        };
        let matrix = Matrix::load(backend, source(), &enough).expect("what it said will do");
        assert!(matrix.chunk_rows() >= 2, "{option} {needed}");
    }
}

/// One chunk, not a copy, the same bytes: dense rows and rows of zeros.
fn rows_in_place_are_the_same_bytes() {
    for share in [1.0, 0.02] {
        let mut problem = problem_of(Loss::Softmax, 3000, 256);
        let rng = &mut random(5);
        problem.features.iter_mut().for_each(|x| *x *= f32::from(u8::from(rng.random_bool(share))));
        let source = Arc::new(InMemory::new(problem.features.clone(), 256));
        let at = source.in_place().expect("memory").as_ptr();
        let lying = Matrix::load(cpu(), source, &Budget::default()).expect("a matrix");
        assert_eq!(lying.chunk(cpu(), 0).expect("a chunk").as_ptr(), at);
        let whole = problem.resident(cpu());
        for options in [
            SolverOptions { max_iter: Some(20), ..SolverOptions::default() },
            SolverOptions { solver: Some(SolverKind::Sgd), epochs: Some(3), ..SolverOptions::default() },
        ] {
            let fit = |matrix: &Matrix<Cpu>| {
                problem.fit((cpu(), matrix), &options, &Start::Zero, &Unwatched).expect("a fit").0
            };
            assert!(fit(&whole) == fit(&lying), "{share}");
        }
    }
}

fn a_mapped_file_is_not_copied() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.npy");
    let problem = problem(Loss::Softmax);
    let array = ndarray::Array2::from_shape_vec((ROWS, COLUMNS), problem.features.clone()).expect("shape");
    ndarray_npy::write_npy(&path, &array).expect("a file");
    let source = Arc::new(Npy::open(&path).expect("a mapped file"));
    source.ahead(10, usize::MAX);
    source.ahead(ROWS, 5);
    let at = source.in_place().expect("mapped").as_ptr();
    let budget = Budget { host: Some(Bytes(1 << 20)), ..Budget::default() };
    let matrix = Matrix::load(cpu(), source, &budget).expect("a matrix");
    assert_eq!(matrix.chunk(cpu(), 0).expect("a chunk").as_ptr(), at);
    let options = SolverOptions::default();
    let of = |matrix: &Matrix<Cpu>| problem.fit((cpu(), matrix), &options, &Start::Zero, &Unwatched);
    assert!(of(&matrix).expect("a fit").0 == of(&problem.resident(cpu())).expect("a fit").0);
}

/// A device that has room for half of the rows is told so by its memory, not by a budget.
fn a_full_device_is_streamed_through() {
    let problem = problem(Loss::Softmax);
    let device = Faulty { inner: cpu(), fault: Fault::LittleMemory };
    let source = Arc::new(InMemory::new(problem.features.clone(), COLUMNS));
    let matrix = Matrix::load(&device, source, &Budget::default()).expect("a matrix");
    assert!(matrix.note().is_some_and(|note| note.contains("memory that the device has left")));
    assert!((2..ROWS / 4).contains(&matrix.chunk_rows()), "{}", matrix.chunk_rows());
    let options = SolverOptions { tol: Some(1e-7), ..SolverOptions::default() };
    let passing = problem.fit((&device, &matrix), &options, &Start::Zero, &Unwatched).expect("a fit").1;
    let whole = problem.fit((cpu(), &problem.resident(cpu())), &options, &Start::Zero, &Unwatched);
    assert!((passing / whole.expect("a fit").1 - 1.0).abs() < 1e-6);
}

fn zeros_are_left_out_within_the_budget() {
    let rng = &mut random(6);
    let values: Vec<f32> = (0..2000 * 256).map(|_| f32::from(u8::from(rng.random_bool(0.05)))).collect();
    let source = Arc::new(InMemory::new(values, 256));
    // About 25,600 numbers and columns, and 2,000 ends of rows: 213 kB, of the half that is for features.
    for (host, taken) in [(1 << 20, true), (460_000, true), (380_000, false), (6000, false)] {
        let budget = Budget { host: Some(Bytes(host)), ..Budget::default() };
        let matrix = Matrix::load(cpu(), source.clone(), &budget).expect("a matrix");
        let sparse = matrix.sparse(cpu(), Some(0.3)).expect("chunks");
        assert_eq!(sparse[0].is_some(), taken, "{host}");
    }
}

/// Everything that training and evaluation say, of rows that pass through and of rows in memory.
fn training_and_evaluation_are_the_same() {
    for (loss, task) in [(Loss::Softmax, Task::Multiclass), (Loss::Sigmoid, Task::Multilabel)] {
        let bins = Histogram::default();
        let problem = problem_of(loss, ROWS, Descriptor::from(bins).len());
        let columns = problem.columns;
        let samples = problem.labels.iter().enumerate();
        let samples = samples.map(|(i, labels)| Sample {
            path: format!("{i:04}").into(),
            labels: labels.clone(),
            part: None,
            size: None,
        });
        let dataset = Dataset {
            root: "nowhere".into(),
            unit: Unit::Row,
            labels: LabelSource::Folder,
            manifest: None,
            task,
            classes: ["a", "b", "c", "d"].map(String::from).to_vec(),
            samples: samples.collect(),
            unlabelled: Vec::new(),
            mismatches: Mismatches::default(),
            shards: None,
            unread: Vec::new(),
        };
        let choices = match task {
            Task::Multiclass => Choices { calibrate: true, ..Choices::default() },
            Task::Multilabel => Choices { thresholds: ThresholdRule::F1, calibrate: true },
        };
        let options = TrainOptions {
            split: SplitOptions { val_size: 0.2, ..SplitOptions::default() },
            solver: SolverOptions { tol: Some(1e-7), ..SolverOptions::default() },
            choices,
            ..TrainOptions::default()
        };
        let input = |source: Arc<dyn Source>, budget| {
            let rows = Rows { descriptor: bins.into(), ..Rows::given(source) };
            Input { origin: Origin::Rows(rows), budget, ..Input::from(&dataset) }
        };
        let lying = input(Arc::new(InMemory::new(problem.features.clone(), columns)), Budget::default());
        let passing = input(Arc::new(Hidden::new(problem.features.clone(), columns)), pieces(PIECE, columns));
        let device = Device::cpu();
        let [a, b] = [&lying, &passing]
            .map(|input| train(input.clone(), &options, &device, &Quiet).expect("a training"));
        let objective = |run: &huemax::pipeline::Run| run.summary.training.as_ref().expect("it").objective;
        assert!((objective(&a) / objective(&b) - 1.0).abs() < 1e-6, "{loss}");
        assert_eq!((&a.paths, &a.truth), (&b.paths, &b.truth));
        let worst = a.values.iter().zip(&b.values).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
        println!("{loss}: probabilities differ by {worst:.1e}");
        assert!(worst < 1e-3, "{loss}: {worst}");
        // The same model says the same, bit by bit.
        let [a, b] = [&lying, &passing]
            .map(|input| evaluate(&a.model, input.clone(), &device, &Quiet).expect("an evaluation"));
        assert_eq!(a.values, b.values);
        assert_eq!(a.summary.evaluation.metrics, b.summary.evaluation.metrics);
    }
}
