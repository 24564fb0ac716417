//! Devices that are lost in the middle of work: nothing panics or hangs, what was reached is kept, and another device goes on from it.

use std::path::Path;
use std::sync::Mutex;

use huemax::backend::{Backend as _, Device, DeviceError};
use huemax::dataset::{Dataset, LabelOptions, SplitOptions};
use huemax::error::Error;
use huemax::features::{Budget, Bytes, FeaturesError, Histogram, Npy, Source, TransformOptions};
use huemax::learn::checkpoint::{Belongs, CURRENT, Checkpoint, load};
use huemax::learn::{LearnError, SolverKind, SolverOptions, State, Watch};
use huemax::pipeline::{
    Begin, Extraction, Onlooker, Session, StoreOptions, SweepOptions, TrainOptions, extract_to, train_watched,
};
use huemax::progress::Quiet;
use libtest_mimic::Trial;

use crate::cli::{Ran, fruit};
use crate::devices::{Data, gpu_of, objective, of_device};
use crate::support::{adapters, on_gpu_only};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, kind) in [
        ("lbfgs", Kind::Lbfgs),
        ("sgd", Kind::Sgd),
        ("adam", Kind::Adam),
        ("sweep", Kind::Sweep),
        ("one_by_one", Kind::OneByOne),
    ] {
        for streamed in if kind == Kind::OneByOne { vec![false] } else { vec![false, true] } {
            let how = if streamed { "_streamed" } else { "" };
            on_gpu_only(trials, &format!("devices::lost::{name}{how}"), move |_| {
                is_gone_on_from(kind, streamed);
            });
        }
    }
    on_gpu_only(trials, "devices::lost::every_thread_is_told", |_| every_thread_is_told());
    on_gpu_only(trials, "devices::lost::describing", |_| descriptions_are_kept());
    on_gpu_only(trials, "devices::lost::extract_says_how_to_go_on", |_| extract_says_how_to_go_on());
    on_gpu_only(trials, "devices::lost::train_says_how_to_go_on", |_| train_says_how_to_go_on());
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Lbfgs,
    Sgd,
    Adam,
    Sweep,
    OneByOne,
}

impl Kind {
    fn options(self) -> TrainOptions {
        let of = |solver| SolverOptions { solver: Some(solver), ..SolverOptions::default() };
        let batches = |solver| SolverOptions { epochs: Some(24), batch_size: Some(60), ..of(solver) };
        let solver = match self {
            Self::Lbfgs | Self::Sweep => SolverOptions { c: 100.0, tol: Some(1e-6), ..of(SolverKind::Lbfgs) },
            Self::OneByOne => SolverOptions { l1: 0.2, ..of(SolverKind::Lbfgs) },
            Self::Sgd => SolverOptions { patience: Some(24), ..batches(SolverKind::Sgd) },
            Self::Adam => batches(SolverKind::Adam),
        };
        let sweeps = matches!(self, Self::Sweep | Self::OneByOne);
        TrainOptions {
            solver,
            split: SplitOptions { val_size: 0.2, ..SplitOptions::default() },
            // What is learned from the rows is as the device saw them.
            transform: TransformOptions { standardize: self == Self::Sgd, ..TransformOptions::default() },
            sweep: sweeps.then(|| SweepOptions { cs: vec![0.1, 1.0, 10.0], folds: Some(3), seeds: None }),
            ..TrainOptions::default()
        }
    }
}

/// Keeps what a training wants kept.
#[derive(Default)]
struct Keeper(Mutex<Option<(Belongs, State)>>);

impl Watch for Keeper {}

impl Onlooker for Keeper {
    fn keep(&self, belongs: &Belongs, state: State) -> Result<(), LearnError> {
        *self.0.lock().expect("nobody panics") = Some((belongs.clone(), state));
        Ok(())
    }
}

fn open() -> Device {
    Device::Gpu(Box::new(adapters()[0].open().expect("a device")))
}

const MANY: u64 = 1 << 40;
/// Moments at which a training loses its device.
const MOMENTS: u64 = 5;

/// A training on a device that is lost at moments from its beginning to its end: nowhere but in the beginning is everything lost with it,
/// and the CPU ends where an undisturbed training does.
fn is_gone_on_from(kind: Kind, streamed: bool) {
    let data = Data::new([600, 48, 3]);
    let options = kind.options();
    let host = streamed.then_some(Bytes(400_000));
    let budget = Budget { host, device: streamed.then_some(Bytes(30_000)), ..Budget::default() };
    let train = |device: &Device, begin: Begin<'_>, keeper: &Keeper| {
        let session = Session { begin, onlooker: keeper };
        train_watched(data.input(budget), &options, device, &session, &Quiet)
    };
    let undisturbed = open();
    gpu_of(&undisturbed).lose_after(MANY);
    let whole = train(&undisturbed, Begin::Zero, &Keeper::default()).expect("a training");
    let submissions = MANY - gpu_of(&undisturbed).loses_in();
    assert!(submissions > 10, "{submissions}");
    let mut saved = 0;
    for part in 0..MOMENTS {
        let after = 1 + part * (submissions - 1) / MOMENTS;
        let (device, keeper) = (open(), Keeper::default());
        gpu_of(&device).lose_after(after);
        let Err(error) = train(&device, Begin::Zero, &keeper) else { panic!("trained on a lost device") };
        let lost = of_device(&error).unwrap_or_else(|| panic!("{error}"));
        assert!(matches!(lost, DeviceError::Lost { .. }), "{after} of {submissions}: {error}");
        let Some((belongs, state)) = keeper.0.into_inner().expect("nobody panics") else {
            assert!(part + 1 < MOMENTS, "nothing was kept of {after} of {submissions} submissions");
            continue;
        };
        saved += 1;
        let checkpoint = Checkpoint { belongs, keep: serde_json::Value::Null, state };
        let begin = Begin::Resume { checkpoint: &checkpoint, path: Path::new("kept") };
        let resumed = train(&Device::cpu(), begin, &Keeper::default()).expect("the CPU goes on");
        let (there, here) = (objective(&whole), objective(&resumed));
        // As on two devices without any interruption: see `training_agrees_with_the_cpu`.
        assert!((here / there - 1.0).abs() < 1e-4, "{after} of {submissions}: {here}, undisturbed {there}");
    }
    println!("{kind:?}, streamed {streamed}: kept {saved} of {MOMENTS}, of {submissions} submissions");
    assert!(saved >= 3, "{saved}");
}

/// Several threads wait for a device while it is given up: each is told that it was, not what its own call met for it.
fn every_thread_is_told() {
    for after in 1..=24 {
        let device = open();
        let gpu = gpu_of(&device);
        gpu.lose_after(after);
        let told: Vec<_> = std::thread::scope(|scope| {
            let works = || {
                (0..1000).find_map(|_| gpu.upload(&[1.0f32; 4096]).and_then(|a| gpu.download(&a, 4096)).err())
            };
            let threads = [(); 4].map(|()| scope.spawn(works));
            threads.into_iter().map(|thread| thread.join().expect("no panic").expect("it is lost")).collect()
        });
        for error in told {
            let given_up = matches!(&error, DeviceError::Lost { reason, .. } if reason == "it was given up");
            assert!(given_up, "after {after}: {error}");
        }
    }
}

fn extract(at: &Path, out: &str, device: &Device) -> Result<Extraction, Error> {
    let dataset = Dataset::open(&at.join("fruit"), &LabelOptions::default()).expect("pictures");
    let (bins, options) = (Histogram::default().into(), StoreOptions::default());
    extract_to(&dataset, &at.join(out), bins, device, &Budget::default(), &options, &Quiet)
}

/// What was described before the device was lost is kept, and not described again.
fn descriptions_are_kept() {
    let folder = fruit();
    let at = folder.path();
    let whole = extract(at, "whole", &Device::cpu()).expect("a store");
    let undisturbed = open();
    gpu_of(&undisturbed).lose_after(MANY);
    extract(at, "gpu", &undisturbed).expect("a store");
    let submissions = MANY - gpu_of(&undisturbed).loses_in();
    let mut most = 0;
    for part in [2, 6] {
        let out = format!("lost-{part}");
        let device = open();
        gpu_of(&device).lose_after((part * submissions / 8).max(1));
        let error = extract(at, &out, &device).expect_err("it is lost");
        let Error::Features(FeaturesError::Unfinished { done, rows, .. }) = &error else { panic!("{error}") };
        assert_eq!(*rows, whole.read);
        let said = error.to_string();
        assert!(said.contains("was lost") && said.contains("the same command goes on"), "{said}");
        most = most.max(*done);
        let gone_on = extract(at, &out, &Device::cpu()).expect("a store");
        assert_eq!((gone_on.kept, gone_on.read), (*done, rows - done), "{said}");
        let [a, b] = [&out, "whole"].map(|store| {
            let numbers = Npy::open(&at.join(store).join("features.npy")).expect("features");
            let mut values = vec![0.0f32; numbers.rows() * numbers.columns()];
            numbers.read(0, &mut values).expect("rows");
            values
        });
        let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max);
        assert!(a.len() == b.len() && off < 1e-6, "{off}");
    }
    assert!(most > 0, "something was described before the last loss");
}

/// The program, of which a build for development loses its GPU when it is told to.
fn losing(after: u64, arguments: &[&str], at: &Path) -> Ran {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_huemax"))
        .args(arguments)
        .current_dir(at)
        .env("HUEMAX_TEST_LOSE_AFTER", after.to_string())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("the program starts");
    Ran { command: format!("huemax {} (lost after {after})", arguments.join(" ")), output }
}

fn extract_says_how_to_go_on() {
    if !cfg!(debug_assertions) {
        return;
    }
    let folder = fruit();
    let at = folder.path();
    let command = ["extract", "fruit", "--out", "store", "--device", "gpu"];
    let parts = ["was lost: it was given up", "--device cpu", "the same command goes on from there"];
    losing(9, &command, at).check(1, &parts);
    crate::cli::huemax(&[&command[..5], &["cpu"]].concat(), at).check(0, &["wrote 96 × 512 features"]);
}

fn train_says_how_to_go_on() {
    if !cfg!(debug_assertions) {
        return;
    }
    let folder = fruit();
    let at = folder.path();
    // While pictures are described: to keep no features would be no help.
    let described = ["train", "fruit", "--out", "described", "--device", "gpu"];
    let ran = losing(9, &described, at)
        .check(1, &["was lost", "to go on without this device: --device cpu", "go on with the same command"]);
    assert!(!ran.stderr().contains("--no-cache"), "{}", ran.stderr());
    crate::cli::huemax(&[&described[..5], &["cpu"]].concat(), at).check(0, &["accuracy"]);
    let (slow, last) = (["-C", "1e4", "--tol", "1e-9"], ["--out", "run", "--no-cache", "--device", "gpu"]);
    let command = [&["train", "fruit"][..], &slow, &last].concat();
    // Before there is anything to keep.
    let ran =
        losing(2, &command, at).check(1, &["was lost", "run again, on another GPU or with --device cpu"]);
    assert!(!ran.stderr().contains("--resume") && !at.join("run").join(CURRENT).exists(), "{}", ran.stderr());
    let ran = losing(120, &command, at);
    let go_on = "go on with: huemax train --resume run --device cpu";
    ran.check(1, &["the last checkpoint that was saved is run/checkpoint.safetensors", go_on, "was lost"]);
    load(&at.join("run")).expect("a whole checkpoint");
    crate::cli::huemax(&["train", "--resume", "run", "--device", "cpu"], at)
        .check(0, &["going on from run/checkpoint.safetensors", "note: it began on", "accuracy"]);
    assert!(!at.join("run").join(CURRENT).exists());
}
