//! Files of huemax's own, and those that it is given, with bytes flipped, cut off and taken from elsewhere: each is refused or
//! read, without a panic, without an end that does not come, and without memory out of proportion to the file.
//!
//! `HUEMAX_DAMAGED=20` tries twenty times as many; `HUEMAX_SEEDS=FOLDER` writes the files that are damaged, for `fuzz`.

#![allow(unreachable_pub)] // a test binary exports nothing

mod damage;
mod readers;
mod seeds;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use peak_alloc::PeakAlloc;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use readers::{KINDS, Kind};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The longest that one file may take: some hundred times what the slowest takes in a debug build.
const LONGEST: Duration = Duration::from_secs(10);

fn main() {
    // Panics that become errors are no findings; and to trace one takes more memory than any file may.
    huemax::guard::quiet_guarded_panics();
    let mut arguments = Arguments::from_args();
    // Memory is counted for the whole process.
    arguments.test_threads = Some(1);
    let trials = KINDS.iter().map(|kind| {
        Trial::test(format!("damaged::{}", kind.name), || {
            try_all(kind);
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// A folder in memory, where there is one: hundreds of thousands of files are written.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let here = memory.is_dir().then(|| tempfile::tempdir_in(memory).ok()).flatten();
    here.unwrap_or_else(|| tempfile::tempdir().expect("a folder"))
}

fn try_all(kind: &Kind) {
    let at = folder();
    let seeds = seeds::of(kind.name, at.path());
    if let Some(to) = std::env::var_os("HUEMAX_SEEDS") {
        let to = Path::new(&to).join(kind.name);
        std::fs::create_dir_all(&to).expect("a folder for seeds");
        for (i, seed) in seeds.iter().enumerate() {
            std::fs::write(to.join(format!("{}-{i}", kind.name)), seed).expect("a seed");
        }
    }
    let work = folder();
    let read = |bytes: &[u8], how: &str| read(kind, work.path(), bytes, how);
    for (i, seed) in seeds.iter().enumerate() {
        // Whatever is made once, for all, is made by these.
        (kind.read)(work.path(), seed);
        assert!(read(seed, "whole"), "a real file ({i}) of the kind {} is refused", kind.name);
    }
    // What the fuzzer found once.
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/damaged/found").join(kind.name);
    for found in std::fs::read_dir(found).into_iter().flatten().flatten() {
        read(&std::fs::read(found.path()).expect("a file that was found"), "found");
    }
    let more: usize = std::env::var("HUEMAX_DAMAGED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let tries = more * if kind.name == "state" { 60 } else { 400 };
    for seed in seeds.iter().filter(|seed| !seed.is_empty()) {
        for _ in 0..tries / seeds.len() {
            read(&seed[..random.random_range(0..seed.len())], "cut");
            read(&damage::flipped(seed, &mut random), "flipped");
            let from = &seeds[random.random_range(0..seeds.len())];
            read(&damage::spliced(seed, from, &mut random), "spliced");
            for _ in 0..3 {
                read(&damage::number(seed, &mut random), "with another number");
                read(&damage::float(seed, &mut random), "with another float");
            }
            read(&damage::emptied(seed, &mut random), "emptied");
        }
    }
}

/// Reads; says what was tried where that goes wrong.
fn read(kind: &Kind, folder: &Path, bytes: &[u8], how: &str) -> bool {
    MEMORY.reset_peak_usage();
    let (before, began) = (MEMORY.current_usage(), Instant::now());
    let outcome = catch_unwind(AssertUnwindSafe(|| (kind.read)(folder, bytes)));
    let (took, memory) = (began.elapsed(), MEMORY.peak_usage().saturating_sub(before));
    let (each, base) = kind.memory;
    let allowed = each * bytes.len() + base;
    if outcome.is_err() || took > LONGEST || memory > allowed {
        let path = std::env::temp_dir().join(format!("huemax-{}-{how}", kind.name));
        std::fs::write(&path, bytes).expect("the file that is at fault");
        panic!(
            "{}, {how}, {} bytes (now in {}): {}, {took:?} of {LONGEST:?}, {memory} bytes of memory of {allowed}",
            kind.name,
            bytes.len(),
            path.display(),
            if outcome.is_err() { "panicked" } else { "did not panic" },
        );
    }
    outcome.unwrap_or(false)
}
