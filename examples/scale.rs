//! Trains on rows of a `.npy` file within a budget, and says how long that took and how much memory: what `benches/scale.py` runs.
//!
//!     scale X.npy --classes 10 [--device cpu] [--memory 256MiB] [--device-memory 64MiB] [--max-iter 30] [--read]
//!
//! The label of row i is i modulo the number of classes. With `--read` rows are not used where they lie, but read, as those of a
//! file that needs conversion. Printed is one line of JSON.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use huemax::backend::Device;
use huemax::dataset::{Dataset, LabelSource, Mismatches, Sample, Task, Unit};
use huemax::features::{Budget, Descriptor, FeaturesError, Given, Npy, Source};
use huemax::learn::{SolverKind, SolverOptions};
use huemax::pipeline::{Input, Origin, Rows, TrainOptions, train};
use huemax::progress::Progress;

/// Rows that are only to be had by reading.
#[derive(Debug)]
struct Read(Npy);

impl Source for Read {
    fn rows(&self) -> usize {
        self.0.rows()
    }
    fn columns(&self) -> usize {
        self.0.columns()
    }
    fn read(&self, first: usize, to: &mut [f32]) -> Result<(), FeaturesError> {
        self.0.read(first, to)
    }
}

/// Tells on standard error what is decided.
struct Said;

impl Progress for Said {
    fn begin(&self, work: &str, _: u64, _: &str) {
        eprintln!("{work} ({} KiB)", anonymous());
    }
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}
    fn end(&self) {
        eprintln!("done ({} KiB)", anonymous());
    }
    fn say(&self, line: &str) {
        eprintln!("{line} ({} KiB)", anonymous());
    }
}

/// KiB of this process that are in memory and no pages of files; 0 where the system does not say.
fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| given.iter().position(|a| a == name).and_then(|i| given.get(i + 1));
    let path = given.first().ok_or("give the file of features")?;
    let classes: usize = value("--classes").map_or(Ok(10), |v| v.parse())?;
    let size = |name| value(name).map(|v| v.parse()).transpose();
    let budget = Budget { host: size("--memory")?, device: size("--device-memory")?, ..Budget::default() };
    let (device, _) = Device::open(&value("--device").map_or("cpu", String::as_str).parse()?)?;

    let peak = Arc::new(AtomicU64::new(anonymous()));
    let before = anonymous();
    let done = Arc::new(AtomicBool::new(false));
    let poll = {
        let (peak, done) = (peak.clone(), done.clone());
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };

    let clock = Instant::now();
    let file = Npy::open(Path::new(path))?;
    let (rows, columns) = (file.rows(), file.columns());
    let read = given.iter().any(|a| a == "--read");
    let source: Arc<dyn Source> = if read { Arc::new(Read(file)) } else { Arc::new(file) };
    let sample = |i: usize| Sample {
        path: i.to_string().into(),
        labels: vec![(i % classes) as u32],
        part: None,
        size: None,
    };
    let samples: Vec<Sample> = (0..rows).map(sample).collect();
    let dataset = Dataset {
        root: ".".into(),
        unit: Unit::Row,
        labels: LabelSource::Folder,
        manifest: None,
        task: Task::Multiclass,
        classes: (0..classes).map(|k| format!("{k:04}")).collect(),
        samples,
        unlabelled: Vec::new(),
        mismatches: Mismatches::default(),
        shards: None,
        unread: Vec::new(),
    };
    let solver = match value("--solver").map(String::as_str) {
        Some("sgd") => Some(SolverKind::Sgd),
        Some("adam") => Some(SolverKind::Adam),
        _ => None,
    };
    let options = TrainOptions {
        solver: SolverOptions {
            solver,
            max_iter: value("--max-iter").map(|v| v.parse()).transpose()?,
            epochs: value("--epochs").map(|v| v.parse()).transpose()?,
            batch_size: value("--batch-size").map(|v| v.parse()).transpose()?,
            ..SolverOptions::default()
        },
        ..TrainOptions::default()
    };
    let descriptor = Descriptor::Given(Given { columns });
    let origin = Origin::Rows(Rows { descriptor, ..Rows::given(source) });
    let input = Input { origin, budget, ..Input::from(&dataset) };
    let run = train(input, &options, &device, &Said)?;
    let seconds = clock.elapsed().as_secs_f64();
    done.store(true, Ordering::Relaxed);
    drop(poll.join());
    let training = run.summary.training.as_ref().ok_or("no training")?;
    // FNV over the bits of all parameters: the same bytes, or not.
    let bits = run.model.weight.iter().chain(&run.model.bias).flat_map(|w| w.to_bits().to_le_bytes());
    let digest =
        bits.fold(0xcbf2_9ce4_8422_2325u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    println!(
        "{{\"rows\": {rows}, \"columns\": {columns}, \"seconds\": {seconds:.2}, \"train_seconds\": {:.2}, \"evaluations\": {}, \
         \"before_kib\": {before}, \"peak_kib\": {}, \"objective\": {:.9}, \"accuracy\": {:.4}, \"parameters\": \"{digest:016x}\"}}",
        run.summary.seconds.train,
        training.evaluations,
        peak.load(Ordering::Relaxed),
        training.objective,
        run.summary.evaluation.metrics.accuracy(),
    );
    Ok(())
}
