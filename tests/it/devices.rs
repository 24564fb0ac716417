//! Devices that are full, or too small: what is tried then, and what is said.

use std::sync::{Arc, Mutex};

use huemax::backend::{Backend, Bins, Choice, Device, DeviceError, Gpu, Listing, Pictures, list};
use huemax::dataset::{Dataset, LabelSource, Mismatches, Sample, Task, Unit};
use huemax::error::Error;
use huemax::features::{Budget, Bytes, InMemory, Matrix};
use huemax::learn::{Labelled, Parts, SolverOptions, Start, Targets, Unwatched, fit};
use huemax::pipeline::{Input, Origin, Rows, Run, TrainOptions, train};
use huemax::progress::{Progress, Quiet};
use libtest_mimic::Trial;
use rand::RngExt;

use crate::support::{adapters, cpu, on_gpu_only, random};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("a_full_gpu_is_streamed_through", a_full_gpu_is_streamed_through as fn()),
        ("batches_shrink_where_memory_is_short", batches_shrink_where_memory_is_short),
        ("a_gpu_that_is_full_says_what_was_asked_for", a_gpu_that_is_full_says_what_was_asked_for),
        ("pictures_are_described_in_pieces_that_fit", pictures_are_described_in_pieces_that_fit),
        ("what_is_too_small_says_what_it_lacks", what_is_too_small_says_what_it_lacks),
    ] {
        on_gpu_only(trials, &format!("devices::{name}"), move |_| test());
    }
}

/// Rows with one label each, as somebody brought them.
pub struct Data {
    dataset: Dataset,
    features: Vec<f32>,
    columns: usize,
}

impl Data {
    pub fn new([rows, columns, classes]: [usize; 3]) -> Self {
        let mut rng = random(71);
        let (mut features, mut samples) = (Vec::new(), Vec::new());
        for i in 0..rows {
            let label = i % classes;
            samples.push(Sample {
                path: format!("{i:04}").into(),
                labels: vec![label as u32],
                part: None,
                size: None,
            });
            features.extend(
                (0..columns)
                    .map(|d| rng.random_range(0.0..0.2f32) + if d % classes == label { 0.08 } else { 0.0 }),
            );
        }
        let dataset = Dataset {
            root: "nowhere".into(),
            unit: Unit::Row,
            labels: LabelSource::Folder,
            manifest: None,
            task: Task::Multiclass,
            classes: (0..classes).map(|k| format!("class {k}")).collect(),
            samples,
            unlabelled: Vec::new(),
            mismatches: Mismatches::default(),
            unread: Vec::new(),
            shards: None,
        };
        Self { dataset, features, columns }
    }

    pub fn input(&self, budget: Budget) -> Input<'_> {
        let source = Arc::new(InMemory::new(self.features.clone(), self.columns));
        Input { origin: Origin::Rows(Rows::given(source)), budget, ..Input::from(&self.dataset) }
    }
}

/// Remembers what was said.
#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Progress for Said {
    fn begin(&self, _work: &str, _total: u64, _unit: &str) {}
    fn advance(&self, _n: u64) {}
    fn note(&self, _text: &str) {}
    fn end(&self) {}
    fn say(&self, line: &str) {
        self.0.lock().expect("lines").push(line.into());
    }
}

fn with_memory(bytes: u64) -> Device {
    Device::Gpu(Box::new(adapters()[0].open_with_memory(bytes).expect("a device")))
}

pub fn gpu_of(device: &Device) -> &Gpu {
    match device {
        Device::Gpu(gpu) => gpu,
        Device::Cpu(_) => panic!("a GPU"),
    }
}

pub fn objective(run: &Run) -> f64 {
    run.summary.training.as_ref().expect("a training").objective
}

fn tight() -> TrainOptions {
    let solver = SolverOptions { tol: Some(1e-7), ..SolverOptions::default() };
    TrainOptions { solver, ..TrainOptions::default() }
}

/// Half a megabyte of features in 300 kB: noticed by the device itself, and where more was allowed than there is.
fn a_full_gpu_is_streamed_through() {
    let data = Data::new([2000, 64, 4]);
    let expected =
        objective(&train(data.input(Budget::default()), &tight(), &Device::cpu(), &Quiet).expect("it"));
    for allowed in [None, Some(Bytes(1 << 30))] {
        let device = with_memory(300_000);
        let said = Said::default();
        let budget = Budget { device: allowed, ..Budget::default() };
        let run = train(data.input(budget), &tight(), &device, &said).expect("a training");
        assert!((objective(&run) / expected - 1.0).abs() < 1e-6, "{} {expected}", objective(&run));
        let said = said.0.into_inner().expect("lines").join("\n");
        assert!(
            said.contains("pass through in") && said.contains("memory that the device has left"),
            "{said}"
        );
        assert_eq!(gpu_of(&device).taken_bytes(), 0, "what was taken is given back");
    }
}

/// Scores and residuals of all rows, 6 MB, do not fit 5 MB beside all else; those of fewer rows do.
fn batches_shrink_where_memory_is_short() {
    let (rows, columns, classes) = (4000, 16, 200);
    let data = Data::new([rows, columns, classes]);
    let labels: Vec<u32> = (0..rows).map(|i| (i % classes) as u32).collect();
    let targets = Targets::classes(classes, &labels);
    let all: Vec<usize> = (0..rows).collect();
    let plan = SolverOptions { max_iter: Some(5), ..SolverOptions::default() };
    let plan = plan.plan(rows, 1.0, &targets).expect("a plan");
    let fitted = |gpu: &Gpu| {
        let matrix = Matrix::upload(gpu, &data.features, columns).expect("a matrix");
        let labelled = Labelled::new(gpu, &matrix, &targets).expect("labels");
        assert!(
            !gpu.fuses(columns, classes, huemax::backend::Models::ONE),
            "there is nothing between stages"
        );
        let parts = Parts { train: &all, val: &[] };
        fit(gpu, &labelled, parts, &plan, &Start::Zero, (&Unwatched, &Quiet)).map(|fit| fit.objective)
    };
    let whole = fitted(&adapters()[0].open().expect("a device")).expect("a fit");
    let small = adapters()[0].open_with_memory(5_000_000).expect("a device");
    let found = fitted(&small).expect("a fit");
    assert!((found / whole - 1.0).abs() < 1e-5, "{found} {whole}");
    assert_eq!(small.taken_bytes(), 0);
}

fn a_gpu_that_is_full_says_what_was_asked_for() {
    let data = Data::new([2000, 64, 4]);
    let device = with_memory(2000);
    let error = train(data.input(Budget::default()), &tight(), &device, &Quiet).expect_err("no room");
    let said = error.to_string();
    assert!(
        said.contains("memory that the device has left of") && said.ends_with("or use --device cpu"),
        "{said}"
    );
    let gpu = gpu_of(&device);
    let held = gpu.zeros::<f32>(300).expect("room for some");
    let error = gpu.zeros::<f32>(400).expect_err("no room for more");
    assert!(matches!(error, DeviceError::OutOfMemory { .. }));
    let said = error.to_string();
    for part in [
        &gpu.info().name,
        "no memory left for 1600 bytes more (400 numbers), beside 1200 bytes that are taken",
        "--device-memory",
        "--batch-size",
        "--device cpu",
    ] {
        assert!(said.contains(part), "{part:?}: {said}");
    }
    // The device is none the worse for it.
    drop(held);
    gpu.zeros::<f32>(400).expect("room again");
}

/// A picture of 3 MB on a device with room for 1.2: counted in pieces, as often as it takes.
fn pictures_are_described_in_pieces_that_fit() {
    let bins = Bins::new([8, 8, 8]).expect("bins");
    let mut pictures = Pictures::new();
    let mut rng = random(5);
    for pixels in [1_000_003, 77, 5000] {
        let rgb: Vec<u8> = (0..3 * pixels).map(|_| rng.random_range(0..=255u8)).collect();
        pictures.push(&rgb);
    }
    fn counts<B: Backend>(backend: &B, pictures: &Pictures, bins: &Bins) -> Result<Vec<u32>, DeviceError> {
        let len = pictures.len() * bins.len();
        let mut counts = backend.zeros::<u32>(len)?;
        backend.describe(pictures, bins, &mut counts)?;
        backend.download(&counts, len)
    }
    let expected = counts(cpu(), &pictures, &bins).expect("counts");
    let open = |bytes| adapters()[0].open_with_memory(bytes).expect("a device");
    for bytes in [1_200_000, 8_000_000] {
        assert!(counts(&open(bytes), &pictures, &bins).expect("counts") == expected, "{bytes}");
    }
    let error = counts(&open(100_000), &pictures, &bins).expect_err("no room at all");
    assert!(error.to_string().contains("(pixels)"), "{error}");
}

fn what_is_too_small_says_what_it_lacks() {
    let small = adapters()[0].clone().pretending(|limits| {
        limits.max_compute_workgroup_storage_size = 8192;
        limits.max_storage_buffers_per_shader_stage = 4;
    });
    assert!(!small.is_enough() && small.lacks().len() == 2);
    let listing = Listing { cpu: list().cpu, adapters: vec![small] };
    // By any name it is found, and cannot be used.
    for choice in ["gpu", "gpu:0", &listing.adapters[0].info().name] {
        let found = listing.find(&choice.parse().expect("a choice")).expect("it is there");
        let error = found.adapter.expect("an adapter").open().expect_err("too small").to_string();
        for part in [
            "cannot be used",
            "maxComputeWorkgroupStorageSize is 8192 and has to be 16384",
            "maxStorageBuffersPerShaderStage is 4 and has to be 7",
            "--device cpu",
        ] {
            assert!(error.contains(part), "{part:?}: {error}");
        }
    }
    let auto = listing.find(&Choice::Auto).expect("the CPU");
    assert!(auto.adapter.is_none() && auto.notes[0].starts_with("the CPU: "), "{:?}", auto.notes);
}

/// What [`Error`] holds where a device failed.
pub fn of_device(error: &Error) -> Option<&DeviceError> {
    match error {
        Error::Device(error)
        | Error::Learn(huemax::learn::LearnError::Device(error))
        | Error::Features(huemax::features::FeaturesError::Device(error)) => Some(error),
        _ => None,
    }
}
