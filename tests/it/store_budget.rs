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
    for (name, test) in [("what_is_too_large_stays_so", what_is_too_large_stays_so as fn())] {
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
