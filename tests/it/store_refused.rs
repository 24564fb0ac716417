//! What no store is made or used for: other pictures, other features, files that do not belong together, a full disk. Nothing is lost by it.

use std::path::Path;

use huemax::features::store::{FEATURES, META, SAMPLES};
use libtest_mimic::Trial;

use crate::cli::{Ran, fruit, huemax};
use crate::store::{EXTRACT, FILES, bytes, extract, fresh, picture};
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    for (name, test) in [
        ("other_features_are_refused", other_features_are_refused as fn()),
        ("features_of_other_pictures_are_refused", features_of_other_pictures_are_refused),
        ("what_does_not_belong_together_is_refused", what_does_not_belong_together_is_refused),
    ] {
        plain(trials, &format!("store_refused::{name}"), test);
    }
    for (name, test) in [
        ("a_full_disk_loses_nothing", a_full_disk_loses_nothing as fn()),
        ("a_full_disk_leaves_the_store_that_is_there", a_full_disk_leaves_the_store_that_is_there),
    ] {
        let test = move || {
            test();
            Ok(())
        };
        trials.push(Trial::test(format!("store_refused::{name}"), test).with_ignored_flag(!may_mount()));
    }
}

/// A store, or half of one, is not thrown away because somebody names its folder for other pictures.
fn features_of_other_pictures_are_refused() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out", &[]).check(0, &[]);
    let before = bytes(at, "out");
    for (i, class) in ["fig", "fig", "nut", "nut"].iter().enumerate() {
        let to = at.join("other").join(class);
        std::fs::create_dir_all(&to).expect("a folder");
        let mut content = std::fs::read(picture(at, "kiwi/kiwi-001.jpg")).expect("a picture");
        content.push(i as u8);
        std::fs::write(to.join(format!("{i}.jpg")), content).expect("a picture");
    }
    let refused =
        ["out: the features there are of 96 pictures in another folder, and of none of these", "--force"];
    let other = ["extract", "other", "--device", "cpu", "--out", "out"];
    huemax(&other, at).check(1, &refused);
    huemax(&["train", "other", "--device", "cpu", "--test-size", "0.5", "--cache", "out"], at)
        .check(1, &refused);
    assert!(bytes(at, "out") == before);
    huemax(&["extract", "other", "--device", "cpu", "--out", "other"], at)
        .check(2, &["--out: other holds the pictures"]);
    huemax(&["train", "other", "--device", "cpu", "--cache", "./other"], at)
        .check(2, &["--cache: other holds the pictures"]);
    huemax(&[&other[..], &["--force"]].concat(), at).check(0, &["read 4"]);
    // Not one can be read.
    for (i, class) in ["fig", "fig", "nut", "nut"].iter().enumerate() {
        std::fs::write(at.join("other").join(class).join(format!("{i}.jpg")), b"x").expect("a file");
    }
    huemax(&other, at).check(1, &["4 of 4 pictures could not be read", "mend or remove them"]);
    let all = [&other[..], &["--max-errors", "100%"]].concat();
    huemax(&all, at)
        .check(1, &["4 of 4 pictures could not be read, and what there is stays as it is", "fig/0.jpg: "]);
    // Where there is nothing, there is nothing to keep.
    let anew = ["extract", "other", "--device", "cpu", "--out", "anew", "--max-errors", "100%"];
    huemax(&anew, at).check(1, &["other: none of the pictures could be read, for example fig/0.jpg: "]);
}

fn other_features_are_refused() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out", &[]).check(0, &[]);
    let before = bytes(at, "out");
    let refused = ["8×8×8 bins", "4×4×4 bins", "name another folder", "--force"];
    extract(at, "out", &["--bins", "4,4,4"]).check(1, &refused);
    huemax(&["train", "fruit", "--device", "cpu", "--bins", "4,4,4", "--cache", "out"], at)
        .check(1, &refused);
    huemax(&["train", "out", "--device", "cpu", "--bins", "4,4,4"], at).check(2, &["--bins: ", "8×8×8"]);
    huemax(&["train", "out", "--device", "cpu", "--labels", "folder"], at)
        .check(2, &["--labels: ", "samples.csv"]);
    huemax(&["train", "out", "--device", "cpu", "--cache", "x"], at).check(2, &["--cache: "]);
    huemax(&["extract", "out", "--out", "x"], at).check(2, &["out is a store of features already"]);
    assert!(bytes(at, "out") == before);
    huemax(&["train", "fruit", "--device", "cpu", "--bins", "4,4,4", "--out", "run"], at).check(0, &[]);
    huemax(&["evaluate", "run/model.safetensors", "out", "--device", "cpu"], at)
        .check(1, &["4×4×4", "8×8×8"]);
    huemax(&["train", "run/features", "--device", "cpu", "--bins", "4,4,4", "--no-cache"], at).check(0, &[]);
    extract(at, "out", &["--bins", "4,4,4", "--force"]).check(0, &["kept 0, read 96"]);
    assert!(bytes(at, "out") == fresh(at, &["--bins", "4,4,4"]));
    // What others made is not written over.
    std::fs::remove_file(at.join("out").join(META)).expect("a file");
    extract(at, "out", &["--bins", "4,4,4"]).check(1, &["huemax did not make it", "--force"]);
    huemax(&["train", "out", "--device", "cpu"], at).check(0, &["64 features a row, brought from elsewhere"]);
}

fn what_does_not_belong_together_is_refused() {
    let folder = fruit();
    let at = folder.path();
    extract(at, "out", &[]).check(0, &[]);
    std::fs::write(
        picture(at, "kiwi/kiwi-001.jpg"),
        std::fs::read(picture(at, "carrot/carrot-001.jpg")).expect("a picture"),
    )
    .expect("a file");
    extract(at, "other", &[]).check(0, &[]);
    let [good, other] = ["out", "other"].map(|store| bytes(at, store));
    let [features, samples, meta] = [0, 1, 2];
    let lines = |n: usize| {
        let text = String::from_utf8(good[samples].clone()).expect("text");
        text.split_inclusive('\n').take(n).collect::<String>().into_bytes()
    };
    let json = |from: &str, to: &str| {
        String::from_utf8(good[meta].clone()).expect("text").replace(from, to).into_bytes()
    };
    for (file, content, said) in [
        (features, good[features][..5000].to_vec(), "it should hold 96 × 512 numbers"),
        (features, good[features][..100].to_vec(), "no .npy file"),
        (features, Vec::new(), "features.npy"),
        (samples, lines(50), "it is not the table that features.json was written for"),
        (samples, other[samples].clone(), "it is not the table"),
        (meta, other[meta].clone(), "it is not the table"),
        (
            meta,
            json("\"rows\": 96", "\"rows\": 95"),
            "it holds 96 × 512 numbers, and features.json speaks of 95 × 512",
        ),
        (meta, json("\"format\": 1", "\"format\": 9"), "format 9, and this huemax reads format 1"),
        (meta, json("\"root\"", "\"toot\""), "it is no description of a feature store"),
        (meta, Vec::new(), "it is no description of a feature store"),
    ] {
        let path = at.join("out").join(FILES[file]);
        std::fs::write(&path, content).expect("a file");
        for arguments in
            [&["train", "out", "--device", "cpu"][..], &[&EXTRACT[..], &["--out", "out"]].concat()]
        {
            huemax(arguments, at).check(1, &["error: out/", said]);
        }
        std::fs::write(&path, &good[file]).expect("a file");
    }
    // Numbers of another store of the same shape.
    let mut changed = good[features].clone();
    changed[128..128 + 2048].fill(0);
    std::fs::write(at.join("out").join(FEATURES), changed).expect("a file");
    huemax(&["train", "out", "--device", "cpu"], at).check(1, &["these are not the numbers"]);
    extract(at, "out", &["--force"]).check(0, &["kept 0, read 96"]);
    assert!(bytes(at, "out") == other);
    // Without its description it is what somebody brought, and lines must be as many as rows.
    std::fs::remove_file(at.join("out").join(META)).expect("a file");
    std::fs::write(at.join("out").join(SAMPLES), lines(50)).expect("a file");
    huemax(&["train", "out", "--device", "cpu"], at)
        .check(1, &["samples.csv has labels for 49 rows, and out/features.npy has 96"]);
}

/// A small disk in a folder of this process alone, as a shell makes it.
const SMALL_DISK: &str = "mkdir -p out && mount -t tmpfs -o size=200k none out && ";

pub fn small_disk(at: &Path, script: &str) -> Ran {
    let output = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", &format!("{SMALL_DISK}{script}")])
        .current_dir(at)
        .env("HUEMAX", env!("CARGO_BIN_EXE_huemax"))
        .output()
        .expect("a shell");
    Ran { command: script.into(), output }
}

pub fn may_mount() -> bool {
    if !cfg!(target_os = "linux") {
        return false;
    }
    let output =
        std::process::Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs none /mnt"]).output();
    output.is_ok_and(|output| output.status.success())
}

fn a_full_disk_loses_nothing() {
    let folder = fruit();
    let at = folder.path();
    let expected = fresh(at, &[]);
    // 96 rows take 192 KiB, and the journal comes on top.
    let extract = "\"$HUEMAX\" extract fruit --device cpu --checkpoint-every 0.000001 --out out";
    let script = format!(
        "{extract}; echo code $?; ls out; mount -o remount,size=2m out && {extract} && mkdir -p saved && cp out/* saved"
    );
    let ran = small_disk(at, &script).check(
        0,
        &[
            "code 1",
            "cannot write out/",
            "No space left on device",
            "of 96 pictures are kept in out",
            "pictures from out",
        ],
    );
    assert!(!ran.stderr().contains("; 0 of 96 pictures are kept"), "{}", ran.stderr());
    assert!(bytes(at, "saved") == expected, "other bytes after the disk was full");

    // Where no row was in the journal yet, those that the disk has come into it in the end.
    let rare = "\"$HUEMAX\" extract fruit --device cpu --checkpoint-every 1000 --out out";
    let script = format!("{rare}; echo code $?; mount -o remount,size=2m out && {rare} && cp out/* saved");
    let ran = small_disk(at, &script).check(0, &["code 1", "No space left on device", "pictures from out"]);
    let said = ran.stderr();
    let kept = said.split("; ").find_map(|part| part.split_once(" of 96 pictures are kept in out"));
    let kept: usize = kept.and_then(|(count, _)| count.parse().ok()).expect("how many are kept");
    assert!(kept >= 32, "{kept} rows of some 60 that the disk had room for");
    assert!(bytes(at, "saved") == expected, "other bytes after the disk was full");
}

fn a_full_disk_leaves_the_store_that_is_there() {
    let folder = fruit();
    let at = folder.path();
    let extract = "\"$HUEMAX\" extract fruit --device cpu --out out";
    let script = format!(
        "mount -o remount,size=300k out && {extract} && cp -r out saved && touch -d 2001-01-01 fruit/kiwi/kiwi-001.jpg && \
         {extract}; echo code $?; for file in features.npy samples.csv features.json; do cmp out/$file saved/$file || echo CHANGED; done; \
         mount -o remount,size=2m out && {extract} && echo DONE"
    );
    let said = "the store in out is as it was, and the same command brings it up to date, once that is put right: beside it that takes 192 KiB";
    let ran = small_disk(at, &script).check(0, &["code 1", "No space left on device", said, "DONE"]);
    assert!(!ran.stdout().contains("CHANGED"), "{}", ran.stdout());
}
