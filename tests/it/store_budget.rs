//! Stores and budgets of memory: what is refused for lack of it, and what is not made where there is none.

use std::path::Path;
use std::sync::Mutex;

use huemax::backend::Pictures;
use huemax::features::{Extracted, FeaturesError, Histogram, Keep, Skipped, Target, extract};
use huemax::progress::Quiet;
use libtest_mimic::Trial;

use crate::cli::{TRAIN, fruit, huemax};
use crate::fault::Fault;
use crate::faulty::Faulty;
use crate::store::picture;
use crate::support::{cpu, plain};

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("what_is_too_large_stays_so", what_is_too_large_stays_so as fn()),
        ("a_full_device_keeps_features_all_the_same", a_full_device_keeps_features_all_the_same),
        ("pictures_leave_no_room_for_a_matrix", pictures_leave_no_room_for_a_matrix),
        ("without_a_store_features_must_fit", without_a_store_features_must_fit),
    ] {
        plain(trials, &format!("store::budget::{name}"), test);
    }
}

/// A grey picture without compression.
fn bitmap(path: &Path, side: u32) {
    let pixels = side * side * 3;
    assert!(side.is_multiple_of(4), "lines without padding");
    let mut bytes = b"BM".to_vec();
    for word in [54 + pixels, 0, 54, 40, side, side, 1 | 24 << 16, 0, pixels, 2835, 2835, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.resize(54 + pixels as usize, 99);
    std::fs::write(path, bytes).expect("a picture");
}

/// A picture that is too large for the budget is not described by the next run either, and no run writes anything for it.
fn what_is_too_large_stays_so() {
    let folder = fruit();
    let at = folder.path();
    bitmap(&picture(at, "kiwi/large.bmp"), 400);
    let extract = |memory: &str| {
        huemax(&["extract", "fruit", "--device", "cpu", "--out", "out", "--memory", memory], at)
    };
    extract("1MiB").check(0, &["read 96, dropped 0, skipped 1", "kiwi/large.bmp: "]);
    extract("1MiB")
        .check(0, &["already: kept 96, read 0, dropped 0, skipped 1", "kiwi/large.bmp: ", "--memory"]);
    extract("256MiB").check(0, &["kept 96, read 1, dropped 0, skipped 0"]);
    extract("1MiB").check(0, &["already: kept 97"]);
}

#[derive(Default)]
struct Kept(Mutex<Vec<(usize, Vec<f32>)>>);

impl Keep for Kept {
    fn keep(&self, first: usize, rows: &[f32], _skipped: &[Skipped]) -> Result<(), FeaturesError> {
        self.0.lock().expect("rows").push((first, rows.to_vec()));
        Ok(())
    }
}

/// A device that has memory for batches, and none for a matrix.
fn a_full_device_keeps_features_all_the_same() {
    const COUNT: usize = 96;
    let bins = Histogram { bins: [4, 4, 4], ..Histogram::default() }.checked().expect("bins");
    let reader = || {
        |i: usize, pictures: &mut Pictures| {
            pictures.push(&[i as u8, 200, 7].repeat(5));
            Ok(())
        }
    };
    let device = Faulty { inner: cpu(), fault: Fault::LittleMemory };
    let [full, roomy] = [(); 2].map(|()| Kept::default());
    let target = |keep| Target { matrix: true, keep: Some(keep), goes_on: None };
    let Extracted { matrix, .. } =
        extract(&device, COUNT, &bins, reader, target(&full), &Quiet).expect("features are kept");
    assert_eq!(matrix.rows(), 0);
    let Extracted { matrix, .. } =
        extract(cpu(), COUNT, &bins, reader, target(&roomy), &Quiet).expect("features");
    assert_eq!(matrix.rows(), COUNT);
    let [full, roomy] = [full, roomy].map(|kept| {
        let mut rows = kept.0.into_inner().expect("rows");
        rows.sort_by_key(|(first, _)| *first);
        rows.into_iter().flat_map(|(_, rows)| rows).collect::<Vec<_>>()
    });
    assert_eq!(full, roomy);
    assert_eq!(full.len(), COUNT * bins.len());
    // Where nobody keeps them, they would be lost.
    let error = extract(&device, COUNT, &bins, reader, Target::MATRIX, &Quiet).expect_err("no memory");
    assert!(error.to_string().contains("on purpose"), "{error}");
}

/// Pictures on their way may take all of `--memory`, so features are read from the store.
fn pictures_leave_no_room_for_a_matrix() {
    let folder = fruit();
    let at = folder.path();
    huemax(&[&TRAIN[..], &["--memory", "64MiB"]].concat(), at)
        .check(0, &["describing", "are used where they lie"]);
    let model = |run: &str| std::fs::read(at.join(run).join("model.safetensors")).expect("a model");
    huemax(&["train", "fruit", "--device", "cpu", "--out", "roomy"], at).check(0, &["describing"]);
    assert!(model("run") == model("roomy"), "another model");
}

fn without_a_store_features_must_fit() {
    let folder = fruit();
    let at = folder.path();
    huemax(&TRAIN, at).check(0, &[]);
    let evaluate = ["evaluate", "run/model.safetensors", "fruit", "--device", "cpu"];
    let train = ["train", "fruit", "--device", "cpu", "--out", "other", "--no-cache"];
    for command in [&evaluate[..], &train] {
        // 96 rows of 2 KiB.
        for (option, size, least) in
            [("--device-memory", "191KiB", "196608"), ("--memory", "383KiB", "393216")]
        {
            let ran = huemax(&[command, &[option, size]].concat(), at);
            let ran = ran.check(2, &[&format!("{option}: "), "96 × 512", "192 KiB", least, "--cache"]);
            assert!(!ran.stderr().contains("describing"), "{}", ran.stderr());
        }
    }
    for more in [["--device-memory", "192KiB"], ["--memory", "4MiB"], ["--cache", "store"]] {
        huemax(&[&evaluate[..], &more].concat(), at).check(0, &["describing"]);
    }
    huemax(&[&evaluate[..], &["--memory", "256KiB", "--cache", "store"]].concat(), at)
        .check(0, &["96 of 96 pictures from store"]);
}
