//! Pictures without labels: described first, labelled later.

use std::fmt::Write as _;

use huemax::features::store::SAMPLES;
use libtest_mimic::Trial;

use crate::cli::{fruit, huemax};
use crate::store::{bytes, picture};
use crate::support::plain;

pub fn register(trials: &mut Vec<Trial>) {
    plain(trials, "unlabelled::features_come_first_and_labels_later", later);
    plain(trials, "unlabelled::folders_without_labels_are_told_of", told);
}

fn later() {
    let folder = fruit();
    let at = folder.path();
    std::fs::write(picture(at, "kiwi/broken.jpg"), "no picture").expect("a file");
    let model = |run: &str| std::fs::read(at.join(run).join("model.safetensors")).expect("a model");
    huemax(&["train", "fruit", "--device", "cpu", "--out", "run"], at).check(0, &[]);
    let extract = |more: &[&str]| {
        huemax(&[&["extract", "fruit", "--device", "cpu", "--out", "store"], more].concat(), at)
    };
    extract(&["--labels", "none"]).check(0, &["read 96", "skipped 1"]);
    let table = std::fs::read_to_string(at.join("store").join(SAMPLES)).expect("a table");
    assert!(table.starts_with("row,path,label,part,size"), "{table}");
    assert_eq!(table.matches(".jpg,,,").count(), 97, "{table}");
    let before = bytes(at, "store");
    extract(&["--labels", "none"]).check(0, &["already: kept 96"]);

    let without = ["made without labels", "--labels FILE", "huemax extract DATA --out store"];
    huemax(&["train", "store", "--device", "cpu"], at).check(2, &without);
    huemax(&["evaluate", "run/model.safetensors", "store", "--device", "cpu"], at).check(2, &without);
    huemax(&["train", "store", "--device", "cpu", "--labels", "sidecar"], at).check(2, &without);
    let taken = ["taken without labels", "--labels FILE"];
    huemax(&["train", "fruit", "--device", "cpu", "--labels", "none", "--out", "no"], at).check(1, &taken);
    huemax(&["evaluate", "run/model.safetensors", "fruit", "--labels", "none"], at).check(1, &taken);
    let predict = |data: &str| {
        let predict = ["predict", "run/model.safetensors", data, "--device", "cpu", "--format", "csv"];
        huemax(&predict, at).check(0, &["broken.jpg"]).stdout()
    };
    assert_eq!(predict("store"), predict("fruit").replace("fruit/", ""));

    // By path: the very model of the pictures, and some of them alone.
    huemax(&["train", "store", "--labels", "folder", "--device", "cpu", "--out", "folders"], at)
        .check(0, &["broken.jpg"]);
    assert!(model("folders") == model("run"), "another model from folders");
    let mut paths: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    let mut labels = |file: &str, keep: fn(usize) -> bool| {
        let mut text = "image,label\n".to_owned();
        paths.reverse();
        for (_, path) in paths.iter().enumerate().filter(|(i, _)| keep(*i)) {
            writeln!(text, "{path},{}", path.split('/').next().expect("a class")).expect("text");
        }
        std::fs::write(at.join(file), text).expect("a table");
    };
    labels("all.csv", |_| true);
    labels("some.csv", |i| i % 3 > 0);
    for (table, expected) in [("all.csv", "97 pictures"), ("some.csv", "64 pictures")] {
        let train = |data: &str, out: &str| {
            let out = format!("{table}-{out}");
            huemax(&["train", data, "--labels", table, "--device", "cpu", "--no-cache", "--out", &out], at)
                .check(0, &[expected]);
            ["model.safetensors", "predictions.csv"]
                .map(|file| std::fs::read(at.join(&out).join(file)).expect("it"))
        };
        assert!(train("fruit", "pictures") == train("store", "features"), "{table}: another model");
        let evaluate = |data: &str| {
            huemax(&["evaluate", "run/model.safetensors", data, "--labels", table, "--device", "cpu"], at)
                .check(0, &[])
                .stdout()
        };
        assert_eq!(evaluate("store"), evaluate("fruit"), "{table}");
    }
    assert!(bytes(at, "store") == before, "training changed the store");
    // With the labels, features are kept.
    extract(&[]).check(0, &["kept 96, read 0"]);
    huemax(&["train", "store", "--device", "cpu", "--out", "again"], at).check(0, &[]);
    assert!(model("again") == model("run"), "another model from the store with labels");
}

fn told() {
    let folder = fruit();
    let at = folder.path();
    let flat = at.join("flat");
    std::fs::create_dir(&flat).expect("a folder");
    for class in ["kiwi", "carrot"] {
        std::fs::copy(picture(at, class).join(format!("{class}-001.jpg")), flat.join(format!("{class}.jpg")))
            .expect("a copy");
    }
    let extract = ["extract", "flat", "--device", "cpu", "--out", "store"];
    huemax(&extract, at).check(1, &["cannot tell how the pictures", "--labels none"]);
    huemax(&[&extract[..], &["--labels", "prefix"]].concat(), at).check(1, &["has a label", "--labels none"]);
    huemax(&[&extract[..], &["--labels", "none"]].concat(), at).check(0, &["wrote 2 × 512"]);
}
