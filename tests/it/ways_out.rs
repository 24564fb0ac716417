//! Where something stands in the way, it is said what, or it is passed by.

use std::path::Path;

use libtest_mimic::Trial;

use crate::cli::{Ran, fruit, huemax};
use crate::store_refused::{may_mount, small_disk};
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    plain(trials, "ways_out::batches_fit_what_passes_through", batches);
    plain(trials, "ways_out::features_beyond_f32_are_named", too_large);
    plain(trials, "ways_out::features_are_no_pictures", no_pictures);
    for (name, test) in [
        ("a_store_that_cannot_be_written_is_read", read_only as fn()),
        ("a_half_begun_store_gives_its_room_back", half_begun),
    ] {
        let run = move || {
            test();
            Ok(())
        };
        trials.push(Trial::test(format!("ways_out::{name}"), run).with_ignored_flag(!may_mount()));
    }
}

/// Rows of `columns` numbers as NumPy writes them, and a label for each.
fn features(at: &Path, rows: usize, columns: usize, value: impl Fn(usize, usize) -> f32) {
    let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend(format!("{shape:<117}\n").bytes());
    (0..rows * columns).for_each(|i| npy.extend(value(i / columns, i % columns).to_le_bytes()));
    std::fs::write(at.join("x.npy"), npy).expect("a file");
    let labels: String =
        (0..rows).map(|row| if row.is_multiple_of(2) { "even\n" } else { "odd\n" }).collect();
    std::fs::write(at.join("y.csv"), format!("label\n{labels}")).expect("a file");
}

fn train(at: &Path, more: &[&str]) -> Ran {
    huemax(&[&["train", "--features", "x.npy", "--labels", "y.csv", "--device", "cpu"], more].concat(), at)
}

fn wave(row: usize, column: usize) -> f32 {
    ((row * 7 + column * 3) % 11) as f32 / 11.0 + if row.is_multiple_of(2) { 0.3 } else { 0.0 }
}

fn batches() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    features(at, 400, 64, wave);
    // 102,400 bytes; within 16 KiB pieces of 2 KiB pass through: 8 rows.
    let tiny = ["--solver", "sgd", "--epochs", "3", "--memory", "16KiB"];
    // On the CPU the file is used where it lies; as f64 it has to pass through.
    let bytes = std::fs::read(at.join("x.npy")).expect("a file");
    let mut wide = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    wide.extend(
        format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (400, 64), }").bytes(),
    );
    for number in bytes[128..].chunks_exact(4) {
        wide.extend(
            f64::from(f32::from_le_bytes([number[0], number[1], number[2], number[3]])).to_le_bytes(),
        );
    }
    std::fs::write(at.join("x.npy"), wide).expect("a file");
    let ran = train(at, &[&tiny[..], &["--out", "small"]].concat());
    ran.check(0, &["note: batches of 8 rows in place of 64", "in batches of 8"]);
    train(at, &[&tiny[..], &["--out", "typed", "--batch-size", "32"]].concat())
        .check(2, &["--batch-size: a batch of 30 rows does not fit"]);
    train(at, &["--solver", "sgd", "--epochs", "3", "--out", "large"]).check(0, &["in batches of 64"]);
}

fn too_large() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    features(at, 60, 4, |row, column| if row > 30 && column == 2 { 1e38 } else { wave(row, column) });
    let named = ["features: row 3", "column 2 is 1e38", "--standardize"];
    for solver in ["lbfgs", "sgd", "adam"] {
        train(at, &["--out", "no", "--solver", solver, "--seed", "1"]).check(1, &named);
    }
    train(at, &["--out", "yes", "--seed", "1", "--standardize"]).check(0, &["accuracy"]);
}

fn no_pictures() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    features(at, 60, 4, wave);
    let says = ["x.npy holds features, not pictures; give it as --features x.npy --labels FILE"];
    huemax(&["train", "x.npy", "--device", "cpu"], at).check(2, &says);
    train(at, &["--out", "run"]).check(0, &[]);
    huemax(&["evaluate", "run/model.safetensors", "x.npy"], at).check(2, &says);
    huemax(&["predict", "run/model.safetensors", "x.npy"], at).check(2, &["give it as --features x.npy"]);
}

fn read_only() {
    let folder = fruit();
    let at = folder.path();
    // Its list is on the disk already when that can no longer be written to.
    std::fs::write(at.join("fruit/kiwi/broken.jpg"), "no picture").expect("a file");
    let extract = "\"$HUEMAX\" extract fruit --device cpu --out out/s";
    let train = "\"$HUEMAX\" train fruit --device cpu";
    let script = format!(
        "mount -o remount,size=4m out && {extract} && mount -o remount,ro out && echo FIRST && {extract} && echo SECOND && {train} --cache \
         out/s --out run && {train} --labels folder --task multilabel --cache out/s --out other && echo THIRD && cp \
         fruit/kiwi/kiwi-001.jpg fruit/kiwi/kiwi-002.jpg; {train} --cache out/s --out no; echo code $?; {extract}; echo code $?; \
         \"$HUEMAX\" extract fruit --device cpu --out out/t; echo code $?"
    );
    let ran = small_disk(at, &script).check(
        0,
        &[
            "out/s has the features of all 97 pictures already",
            "all are listed in out/s/skipped.csv",
            "SECOND",
            "96 of 97 pictures from out/s",
            "THIRD",
        ],
    );
    assert_eq!(ran.stdout().matches("code 1").count(), 3, "{}", ran.stdout());
    let said =
        "Read-only file system (os error 30); the features there can be read, but not brought up to date";
    assert_eq!(ran.stderr().matches(said).count(), 2, "{}", ran.stderr());
}

fn half_begun() {
    let folder = fruit();
    let at = folder.path();
    let train = "\"$HUEMAX\" train fruit --device cpu --out out/run";
    // Room for the features, and for little else.
    for size in ["196k", "204k"] {
        let script = format!(
            "mount -o remount,size={size} out && {train}; echo code $?; {train} --no-cache; echo code $?; ls out/run out/run/features; true"
        );
        let ran = small_disk(at, &script)
            .check(0, &["No space left on device", "code 1", "code 0", "model.safetensors"]);
        assert!(!ran.stdout().contains(".part"), "{size}: {}", ran.stdout());
    }
    // With room again, the same command.
    let script = format!("{train}; echo code $?; mount -o remount,size=4m out && {train} && echo DONE");
    small_disk(at, &script).check(0, &["code 1", "DONE"]);
}
