//! Stores that were stopped, and what they were made from changed meanwhile: nothing that is left there is taken for what it is not.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use huemax::backend::Device;
use huemax::dataset::{Dataset, LabelChoice, LabelOptions};
use huemax::error::Error;
use huemax::features::store::{FEATURES, JOURNAL, SAMPLES};
use huemax::features::{Budget, FeaturesError, Histogram};
use huemax::pipeline::{Extraction, StoreOptions, extract_to};
use huemax::progress::{Progress, Quiet};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::cli::{Ran, fruit, huemax};
use crate::interrupt::{end, signal, start};
use crate::store::{bytes, more_fruit, picture, replaced};
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        (
            "a_row_that_was_skipped_gets_its_numbers_back",
            a_row_that_was_skipped_gets_its_numbers_back as fn(),
        ),
        ("a_row_that_is_skipped_loses_its_numbers", a_row_that_is_skipped_loses_its_numbers),
        ("numbers_nobody_vouches_for_are_written_over", numbers_nobody_vouches_for_are_written_over),
        ("a_part_of_another_shape_is_none", a_part_of_another_shape_is_none),
        ("a_full_journal_ends_with_a_whole_line", a_full_journal_ends_with_a_whole_line),
        ("without_checkpoints_only_the_end_is_kept", without_checkpoints_only_the_end_is_kept),
    ] {
        plain(trials, &format!("store::resumed::{name}"), test);
    }
}

/// Sets a flag once pictures are described.
struct Flag;

static DESCRIBING: AtomicBool = AtomicBool::new(false);

impl Progress for Flag {
    fn begin(&self, work: &str, _total: u64, _unit: &str) {
        DESCRIBING.store(work == "describing", Ordering::SeqCst);
    }
    fn advance(&self, _n: u64) {}
    fn note(&self, _text: &str) {}
    fn end(&self) {}
    fn say(&self, _line: &str) {}
}

fn extract_with(
    at: &Path,
    out: &str,
    labels: &LabelOptions,
    options: &StoreOptions,
    progress: &dyn Progress,
) -> Result<Extraction, Error> {
    let dataset = Dataset::open(&at.join("fruit"), labels).expect("pictures");
    let (device, _) = Device::open(&"cpu".parse().expect("a choice")).expect("the CPU");
    let descriptor = Histogram::default().into();
    extract_to(&dataset, &at.join(out), descriptor, &device, &Budget::default(), options, progress)
}

/// Extracts to the end.
#[track_caller]
fn extract(at: &Path, out: &str) {
    extract_with(at, out, &LabelOptions::default(), &StoreOptions::default(), &Quiet).expect("a store");
}

/// An extraction that looks at the content of pictures, and is stopped when the first that are read are in the journal.
#[track_caller]
fn stopped(at: &Path, labels: &LabelOptions) {
    // There is one flag.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    DESCRIBING.store(false, Ordering::SeqCst);
    let stop = || DESCRIBING.load(Ordering::SeqCst);
    let options = StoreOptions { rehash: true, stop, ..StoreOptions::default() };
    let error = extract_with(at, "out", labels, &options, &Flag).expect_err("it is stopped");
    assert!(matches!(error, Error::Features(FeaturesError::Interrupted { .. })), "{error}");
    assert!(at.join("out").join(JOURNAL).exists());
}

/// The store is what one made from nothing is.
#[track_caller]
fn check(at: &Path) {
    std::fs::remove_dir_all(at.join("fresh")).ok();
    extract(at, "fresh");
    let [found, fresh] = ["out", "fresh"].map(|store| bytes(at, store));
    for (file, (found, fresh)) in found.iter().zip(&fresh).enumerate() {
        assert!(found == fresh, "file {file} is not that of a store made from nothing");
    }
}

const KIWI: &str = "kiwi/kiwi-001.jpg";

/// A finished store, and one that is to take its place, whose journal says that a picture cannot be read, which has the size and time that
/// it had. Gives that picture's content.
fn kiwi_skipped(at: &Path) -> Vec<u8> {
    extract(at, "out");
    let good = std::fs::read(picture(at, KIWI)).expect("a picture");
    replaced(&picture(at, KIWI), &vec![b'x'; good.len()]);
    stopped(at, &LabelOptions::default());
    good
}

fn a_row_that_was_skipped_gets_its_numbers_back() {
    let folder = fruit();
    let at = folder.path();
    let good = kiwi_skipped(at);
    replaced(&picture(at, KIWI), &good);
    extract(at, "out");
    check(at);
}

/// What was being made has no row but one that is skipped, and the finished store has old numbers for it.
fn a_row_that_is_skipped_loses_its_numbers() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out");
    let path = picture(at, KIWI);
    let size = std::fs::metadata(&path).expect("a picture").len();
    replaced(&path, &vec![b'x'; size as usize]);
    let table = at.join("one.csv");
    std::fs::write(&table, format!("file_name,label\n{KIWI},x\n")).expect("a file");
    let one = LabelOptions { source: Some(LabelChoice::Manifest(table)), ..LabelOptions::default() };
    stopped(at, &one);
    extract(at, "out");
    check(at);
}

/// Numbers that were written, and then came a kill before the journal named them: it says that the row is one of zeros.
fn numbers_nobody_vouches_for_are_written_over() {
    let folder = fruit();
    let at = folder.path();
    kiwi_skipped(at);
    let journal = std::fs::read_to_string(at.join("out").join(JOURNAL)).expect("a journal");
    let mut lines = journal.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line"));
    let part = at.join("out").join(lines.next().expect("a header")["file"].as_str().expect("a name"));
    let row = lines.find(|line| line["path"] == KIWI).expect("the picture")["row"].as_u64().expect("a row");
    let mut numbers = std::fs::read(&part).expect("numbers");
    let from = 128 + 2048 * row as usize;
    assert!(numbers[from..from + 2048].iter().all(|&byte| byte == 0));
    numbers[from..from + 2048].fill(1);
    std::fs::write(&part, numbers).expect("a file");
    extract(at, "out");
    check(at);
}

fn a_part_of_another_shape_is_none() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out");
    let whole = std::fs::read(at.join("out").join(FEATURES)).expect("numbers");
    let shape = String::from_utf8_lossy(&whole[..128]).replace("(96, 512)", "(10, 512)");
    assert!(shape.contains("(10, 512)"), "{shape}");
    // The first byte of a NumPy file is no text.
    let fewer = [&whole[..1], &shape.as_bytes()[shape.find("NUMPY").expect("a name")..]].concat();
    let fewer = [&fewer, &whole[128..128 + 10 * 2048]].concat();
    for numbers in [&fewer[..], &whole[..5000], &whole[..10], &[]] {
        std::fs::remove_dir_all(at.join("out")).ok();
        let good = kiwi_skipped(at);
        replaced(&picture(at, KIWI), &good);
        let part = ["features.npy.part", "features.npy.part2"].map(|name| at.join("out").join(name));
        let part = part.iter().find(|path| path.exists()).expect("a part");
        std::fs::write(part, numbers).expect("a file");
        extract(at, "out");
        check(at);
    }
}

/// The system lets no file grow beyond the middle of the journal; files of numbers are smaller.
fn a_full_journal_ends_with_a_whole_line() {
    let folder = fruit();
    let at = folder.path();
    let arguments = "extract fruit --bins 1,1,2 --device cpu --checkpoint-every 0.000001 --out";
    huemax(&[&arguments.split(' ').collect::<Vec<_>>()[..], &["whole"]].concat(), at).check(0, &[]);
    let script = format!("ulimit -f 8; exec \"$HUEMAX\" {arguments} out");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(at)
        .env("HUEMAX", env!("CARGO_BIN_EXE_huemax"))
        .output()
        .expect("a shell");
    let ran = Ran { command: script, output };
    ran.check(1, &["cannot write out/journal.part: File too large", "pictures are kept in out"]);
    let journal = std::fs::read(at.join("out").join(JOURNAL)).expect("a journal");
    assert_eq!(journal.last(), Some(&b'\n'), "the journal ends in the middle of a line");
    for line in String::from_utf8(journal).expect("text").lines() {
        serde_json::from_str::<Value>(line).expect("a line");
    }
    huemax(&[&arguments.split(' ').collect::<Vec<_>>()[..], &["out"]].concat(), at)
        .check(0, &["pictures from out"]);
    assert!(bytes(at, "out") == bytes(at, "whole"));
}

/// Nothing is in the journal before the end or Ctrl-C, and then all that was done.
fn without_checkpoints_only_the_end_is_kept() {
    let folder = more_fruit();
    let at = folder.path();
    let arguments = ["extract", "fruit", "--device", "cpu", "--checkpoint-every", "0", "--out", "out"];
    let lines =
        || std::fs::read_to_string(at.join("out").join(JOURNAL)).map_or(0, |text| text.matches('\n').count());
    let mut ended = [false; 2];
    for _ in 0..20 {
        let [killed, interrupted] = ended;
        if killed && interrupted {
            return;
        }
        std::fs::remove_dir_all(at.join("out")).ok();
        let child = start(&arguments, at);
        let begun = Instant::now();
        // Rows that were written.
        while !std::fs::read(at.join("out/features.npy.part"))
            .is_ok_and(|numbers| numbers.iter().skip(128).any(|&byte| byte != 0))
        {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is written");
        }
        signal(&child, if killed { "INT" } else { "KILL" });
        let output = end(child);
        if output.status.success() {
            continue;
        }
        if killed {
            Ran { command: "an extraction and Ctrl-C".into(), output }
                .check(130, &["stopped: ", " of 672 pictures are kept in out"]);
            assert!(lines() > 1, "nothing was kept");
            huemax(&arguments, at).check(0, &[" of 672 pictures from out"]);
            assert!(at.join("out").join(SAMPLES).exists());
            ended[1] = true;
        } else {
            assert!(lines() <= 1, "{} lines", lines());
            ended[0] = true;
        }
    }
    panic!("it was always done before it could be stopped");
}
